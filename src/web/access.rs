//! Who asks, by which way, and whether they may: every route of the API passes [`gate`] before its handler. Deny by default:
//! a handler that asks for [`SignedIn`] on a route that lets everybody in gets nothing.

use super::WebState;
use super::problem::Problem;
use crate::base::Network;
use crate::store::{Role, SessionHash, UserRow};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};

/// The cookie that holds the session.
const COOKIE: &str = "hotline_session";

/// The least that a route asks of whoever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing.
    Public,
    /// To be logged in.
    Session,
    /// This role, or a higher one.
    Role(Role),
    /// A desk of one's own, whatever the role. No route asks for it before there are desks.
    Desk,
}

/// By which way the web side is reached, as the configuration says.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// It listens on more than this machine.
    pub exposed: bool,
    /// Host and port of `public_url`, lower case.
    pub public_host: Option<String>,
    /// Reverse proxies whose `X-Forwarded-*` are believed; empty = none.
    pub proxies: Vec<Network>,
}

/// The connection is encrypted by us. Put into the request by `listen.rs`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encrypted(pub(super) bool);

/// Who asks and by which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    /// The address that counts against limits.
    pub(super) source: IpAddr,
    /// Nobody on the way can read along.
    pub(super) encrypted: bool,
    /// Passwords and sessions may go this way.
    private: bool,
}

impl Asker {
    pub(super) fn of(peer: IpAddr, tls: bool, headers: &HeaderMap, ways: &Ways) -> Asker {
        let proxy = |address: IpAddr| ways.proxies.iter().any(|network| network.contains(address));
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if !proxy(peer) {
            return Asker { source: peer.to_canonical(), encrypted: tls, private: tls || !ways.exposed };
        }
        // Each proxy appends whom it heard; from the right, the first that is no proxy of ours is the asker.
        let heard: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
        let chain = heard.iter().flat_map(|line| line.split(',')).rev().map_while(|hop| hop.trim().parse::<IpAddr>().ok());
        let source = chain.into_iter().find(|hop| !proxy(*hop)).unwrap_or(peer);
        let scheme = text("x-forwarded-proto").map(|proto| proto.trim().to_ascii_lowercase());
        let encrypted = tls || scheme.as_deref() == Some("https");
        // Without the header nobody stands between: somebody on the proxy's own machine asks.
        let private = encrypted || scheme.is_none() && !ways.exposed;
        Asker { source: source.to_canonical(), encrypted, private }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Asker, Problem> {
        parts.extensions.get::<Asker>().copied().ok_or_else(Problem::not_allowed)
    }
}

/// Whoever is logged in.
#[derive(Debug, Clone)]
pub(super) struct SignedIn {
    pub(super) user: UserRow,
    pub(super) session: SessionHash,
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<SignedIn, Problem> {
        parts.extensions.get::<SignedIn>().cloned().ok_or_else(Problem::no_session)
    }
}

/// What stands before every route of the API.
pub(super) async fn gate(State((state, access)): State<(WebState, Access)>, mut request: Request, next: Next) -> Response {
    match admit(&state, access, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn admit(state: &WebState, access: Access, request: &mut Request) -> Result<(), Problem> {
    let asker = {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.ok_or_else(Problem::not_allowed)?;
        let tls = request.extensions().get::<Encrypted>().is_some_and(|encrypted| encrypted.0);
        Asker::of(peer, tls, request.headers(), &state.console.ways)
    };
    if !asker.private {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "insecure",
            "The console needs HTTPS here: set [web] certificate and key, or put a proxy with TLS before it and set behind_proxy.",
        ));
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD) && !request.headers().contains_key(header::UPGRADE);
    if !reads && is_cross_site(request.headers(), state.console.ways.public_host.as_deref()) {
        let detail = "This request came from another site's page and was refused.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", detail));
    }
    request.extensions_mut().insert(asker);
    if access == Access::Public {
        return Ok(());
    }
    let session = session_of(request.headers()).ok_or_else(Problem::no_session)?;
    let user = state.store.session(&session, super::steady_now()).await?.ok_or_else(Problem::no_session)?;
    may(access, &user)?;
    request.extensions_mut().insert(SignedIn { user, session });
    Ok(())
}

/// Whether this user may do what asks for this access.
fn may(access: Access, user: &UserRow) -> Result<(), Problem> {
    match access {
        Access::Public | Access::Session => Ok(()),
        Access::Role(least) if user.role >= least => Ok(()),
        Access::Role(_) => Err(Problem::not_allowed()),
        Access::Desk if user.agent.is_some() => Ok(()),
        Access::Desk => {
            Err(Problem::new(StatusCode::FORBIDDEN, "not_allowed", "Your account has no desk: no agent is set for it."))
        }
    }
}

/// Whether a browser says that another site's page sends this. Programs that are no browsers say nothing; they have no
/// cookies that somebody else could make them send.
fn is_cross_site(headers: &HeaderMap, public_host: Option<&str>) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    // A page of another subdomain is another site's page here: it need not be ours.
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site"))
        && !matches!(site.as_str(), "same-origin" | "none")
    {
        return true;
    }
    let Some(origin) = text(header::ORIGIN) else { return false };
    let Some((scheme, host)) = origin.split_once("://") else { return true };
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let bare = |host: &str| host.strip_suffix(usual).unwrap_or(host).to_string();
    let asked = text(header::HOST);
    ![asked.as_deref(), public_host].into_iter().flatten().any(|ours| bare(ours) == bare(host))
}

/// The session that a request carries.
fn session_of(headers: &HeaderMap) -> Option<SessionHash> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let token = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, token)| token).next()?;
    (token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit())).then(|| SessionHash::of(token))
}

/// `Set-Cookie` for a session; `None` takes the cookie away.
pub(super) fn cookie(token: Option<&str>, asker: Asker) -> String {
    let secure = if asker.encrypted { "; Secure" } else { "" };
    match token {
        // Without Max-Age: it goes when the browser is closed, and our own limits hold whatever the browser does.
        Some(token) => format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{secure}"),
        None => format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in text.lines().filter_map(|line| line.trim().split_once(": ")) {
            let name = header::HeaderName::try_from(name).expect("a name");
            headers.append(name, value.parse().expect("a value"));
        }
        headers
    }

    fn asker(peer: &str, tls: bool, text: &str, ways: &Ways) -> (String, bool, bool) {
        let asker = Asker::of(peer.parse().expect("an address"), tls, &headers(text), ways);
        (asker.source.to_string(), asker.encrypted, asker.private)
    }

    #[test]
    fn higher_roles_may_what_lower_ones_may_and_desks_are_for_their_own() {
        let user = |role: Role, agent: Option<&str>| UserRow {
            name: "anna".into(),
            display: "Anna".into(),
            role,
            agent: agent.map(String::from),
            language: None,
            disabled: false,
            created: crate::base::WallTime(0),
            last_login: None,
        };
        for (n, least) in Role::ALL.into_iter().enumerate() {
            for (m, role) in Role::ALL.into_iter().enumerate() {
                assert_eq!(may(Access::Role(least), &user(role, None)).is_ok(), m >= n, "{role:?} {least:?}");
            }
        }
        for role in Role::ALL {
            assert!(may(Access::Desk, &user(role, Some("anna"))).is_ok() && may(Access::Desk, &user(role, None)).is_err());
            assert!(may(Access::Session, &user(role, None)).is_ok());
        }
    }

    #[test]
    fn only_named_proxies_are_believed() {
        let https = "x-forwarded-for: 203.0.113.9, 198.51.100.4\nx-forwarded-proto: https";
        let none = Ways { exposed: true, ..Ways::default() };
        assert_eq!(asker("10.0.0.1", false, https, &none), ("10.0.0.1".into(), false, false));
        assert_eq!(asker("10.0.0.1", true, https, &none), ("10.0.0.1".into(), true, true));
        let ways = Ways { proxies: vec!["10.0.0.0/8".parse().expect("a network")], ..none };
        assert_eq!(asker("10.0.0.1", false, https, &ways), ("198.51.100.4".into(), true, true), "the last that is no proxy");
        let twice = "x-forwarded-for: 203.0.113.9\nx-forwarded-for: 10.0.0.2\nx-forwarded-proto: https";
        assert_eq!(asker("10.0.0.1", false, twice, &ways), ("203.0.113.9".into(), true, true));
        assert_eq!(asker("192.0.2.1", false, https, &ways), ("192.0.2.1".into(), false, false), "no proxy of ours");
        let http = "x-forwarded-for: 203.0.113.9\nx-forwarded-proto: http";
        assert_eq!(asker("10.0.0.1", false, http, &ways), ("203.0.113.9".into(), false, false));
        let forged = "x-forwarded-for: 10.0.0.2, nonsense\nx-forwarded-proto: https";
        assert_eq!(asker("10.0.0.1", false, forged, &ways), ("10.0.0.1".into(), true, true));
    }

    #[test]
    fn this_machine_needs_no_encryption() {
        let here = Ways::default();
        assert_eq!(asker("127.0.0.1", false, "", &here), ("127.0.0.1".into(), false, true));
        let proxied = Ways { proxies: Network::LOOPBACK.to_vec(), ..Ways::default() };
        assert_eq!(asker("127.0.0.1", false, "", &proxied), ("127.0.0.1".into(), false, true), "past the proxy");
        let http = "x-forwarded-for: 203.0.113.9\nx-forwarded-proto: http";
        assert_eq!(asker("127.0.0.1", false, http, &proxied), ("203.0.113.9".into(), false, false));
    }

    #[test]
    fn pages_of_other_sites_are_known_by_what_browsers_say() {
        let cross = |text: &str| is_cross_site(&headers(text), Some("desk.example.com"));
        for good in [
            "host: 127.0.0.1:8080",
            "host: 127.0.0.1:8080\nsec-fetch-site: same-origin\norigin: http://127.0.0.1:8080",
            "host: hotline.example\norigin: https://hotline.example:443",
            "host: inner:8080\norigin: https://desk.example.com",
            "host: a\nsec-fetch-site: none",
        ] {
            assert!(!cross(good), "{good}");
        }
        for bad in [
            "host: a\nsec-fetch-site: cross-site",
            "host: a\nsec-fetch-site: same-site\norigin: http://a",
            "host: a\norigin: http://b",
            "host: a\norigin: null",
            "host: a:8080\norigin: http://a",
            "host: a\norigin: https://a:8443",
            "origin: http://a",
        ] {
            assert!(cross(bad), "{bad}");
        }
    }

    #[test]
    fn a_session_is_sixty_four_digits_in_its_cookie() {
        let token = "0123456789abcdef".repeat(4);
        let found = |text: &str| session_of(&headers(text)).is_some();
        assert!(found(&format!("cookie: theme=dark; hotline_session={token}")));
        assert!(found(&format!("cookie: a=b\ncookie: hotline_session={token}")));
        for wrong in [format!("xhotline_session={token}"), "hotline_session=".into(), format!("hotline_session={token}0")] {
            assert!(!found(&format!("cookie: {wrong}")), "{wrong}");
        }
    }
}
