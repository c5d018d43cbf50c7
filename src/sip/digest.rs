//! Digest authentication of our requests (RFC 3261 §22, RFC 7616, RFC 8760), pure: a challenge and a password in, the value
//! of Authorization out. The SIP crate's own digest code reads `algorithm=SHA-256` as an error and is not used.
//! Checking the digests of others is in `verify`.

use crate::base::hex;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use std::fmt;

/// Name and password for one trunk. The password does not show in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Host of the SIP URI called, or the realm of the challenge, that these belong to.
    pub host: String,
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("host", &self.host).field("user", &self.user).finish_non_exhaustive()
    }
}

/// A challenge that we can meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// As spelled by the server; `None` = not mentioned, and then not to be mentioned in the answer.
    algorithm_name: Option<String>,
    /// `qop` was offered with `auth` among its values; without any qop the old formula of RFC 2069 holds.
    qop_auth: bool,
    /// The nonce was too old, not the password wrong.
    pub(crate) stale: bool,
}

/// Hash functions of digest authentication (RFC 7616 §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `MD5`: the one that every phone knows.
    Md5,
    /// `SHA-256`.
    Sha256,
    /// `SHA-512-256`.
    Sha512_256,
}

/// What is to be signed.
pub(crate) struct Signed<'a> {
    /// Method of the request.
    pub(crate) method: &'a str,
    /// Its Request-URI exactly as sent.
    pub(crate) uri: &'a str,
    /// Random text of ours.
    pub(crate) cnonce: &'a str,
    /// How often this nonce was used, counting this time.
    pub(crate) count: u32,
}

impl Challenge {
    /// Reads the value of WWW-Authenticate or Proxy-Authenticate. `None` if it is no Digest or asks for what we cannot do
    /// (another algorithm, only auth-int).
    pub(crate) fn parse(value: &str) -> Option<Challenge> {
        let (scheme, rest) = value.trim().split_once([' ', '\t'])?;
        scheme.eq_ignore_ascii_case("Digest").then_some(())?;
        let parameters = parameters(rest);
        let get = |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
        let algorithm_name = get("algorithm");
        let algorithm = algorithm_name.as_deref().map_or(Some(Algorithm::Md5), Algorithm::parse)?;
        let qop_auth = match get("qop") {
            None => false,
            Some(list) if list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")) => true,
            Some(_) => return None,
        };
        Some(Challenge {
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            algorithm,
            algorithm_name,
            qop_auth,
            stale: get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
        })
    }

    /// The value of Authorization or Proxy-Authorization (RFC 7616 §3.4).
    pub(crate) fn answer(&self, who: &Credentials, what: &Signed<'_>) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let ha1 = hash(format!("{}:{}:{}", who.user, self.realm, who.password));
        let ha2 = hash(format!("{}:{}", what.method, what.uri));
        let count = format!("{:08x}", what.count);
        let response = match self.qop_auth {
            true => hash(format!("{ha1}:{}:{count}:{}:auth:{ha2}", self.nonce, what.cnonce)),
            false => hash(format!("{ha1}:{}:{ha2}", self.nonce)),
        };
        let mut out = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{response}\"",
            quoted(&who.user),
            quoted(&self.realm),
            quoted(&self.nonce),
            what.uri,
        );
        if let Some(name) = &self.algorithm_name {
            out.push_str(&format!(", algorithm={name}"));
        }
        if let Some(opaque) = &self.opaque {
            out.push_str(&format!(", opaque=\"{}\"", quoted(opaque)));
        }
        if self.qop_auth {
            out.push_str(&format!(", qop=auth, nc={count}, cnonce=\"{}\"", what.cnonce));
        }
        out
    }
}

/// The strongest challenge that we can meet among the values of one answer: RFC 8760 §2.4 lets the client prefer by a policy
/// of its own, and ours is that a registrar which knows SHA-256 is never sent an MD5 digest. `true` = Proxy-Authenticate.
pub(crate) fn strongest<'a>(values: impl Iterator<Item = (bool, &'a str)>) -> Option<(bool, Challenge)> {
    let known = values.filter_map(|(proxy, value)| Challenge::parse(value).map(|challenge| (proxy, challenge)));
    known.take(CHALLENGES_READ).fold(None, |best: Option<(bool, Challenge)>, next| match best {
        Some(best) if best.1.algorithm.strength() >= next.1.algorithm.strength() => Some(best),
        _ => Some(next),
    })
}

/// Challenges in one answer that are looked at.
const CHALLENGES_READ: usize = 8;

/// Why there is no answer to a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// We have no password for this server.
    NoPassword,
    /// It offers nothing that we can do.
    Unknown,
    /// It has seen our digest for a fresh nonce and wants another one: name or password are wrong.
    Refused,
}

/// What we know of one server that challenges us: its last challenge, used again (with a count) until it wants another nonce.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    who: Option<Credentials>,
    current: Option<Current>,
}

#[derive(Debug, Clone)]
struct Current {
    proxy: bool,
    challenge: Challenge,
    /// How often its nonce was used.
    count: u32,
    /// It came in the present exchange: if it is refused now, the password is wrong.
    fresh: bool,
}

impl Session {
    pub(crate) fn new(who: Option<Credentials>) -> Session {
        Session { who, current: None }
    }

    /// A new request begins: what is known now is from earlier.
    pub(crate) fn begin(&mut self) {
        if let Some(current) = &mut self.current {
            current.fresh = false;
        }
    }

    /// The header for the next request, and whether it is Proxy-Authorization; `None` before any challenge. Counts the use.
    pub(crate) fn authorization(&mut self, method: &str, uri: &str, cnonce: &str) -> Option<(bool, String)> {
        let (who, current) = (self.who.as_ref()?, self.current.as_mut()?);
        current.count = current.count.saturating_add(1);
        let signed = Signed { method, uri, cnonce, count: current.count };
        Some((current.proxy, current.challenge.answer(who, &signed)))
    }

    /// A 401 or 407 has come. `Ok` = send the request again.
    ///
    /// # Errors
    /// [`Unmet`]: it is of no use.
    pub(crate) fn challenged<'a>(&mut self, values: impl Iterator<Item = (bool, &'a str)>) -> Result<(), Unmet> {
        if self.who.is_none() {
            return Err(Unmet::NoPassword);
        }
        let was_fresh = self.current.as_ref().is_some_and(|current| current.fresh);
        let Some((proxy, challenge)) = strongest(values) else { return Err(Unmet::Unknown) };
        let refused = was_fresh && !challenge.stale;
        self.current = Some(Current { proxy, challenge, count: 0, fresh: true });
        if refused { Err(Unmet::Refused) } else { Ok(()) }
    }

    /// Authentication-Info of a 2xx: perhaps the nonce for next time (RFC 7616 §3.5).
    pub(crate) fn informed(&mut self, info: &str) {
        let next = parameters(info).into_iter().find(|(name, _)| name.eq_ignore_ascii_case("nextnonce"));
        if let (Some((_, nonce)), Some(current)) = (next, &mut self.current)
            && !nonce.is_empty()
        {
            current.challenge.nonce = nonce;
            current.count = 0;
        }
    }
}

impl Algorithm {
    fn strength(self) -> u8 {
        match self {
            Algorithm::Md5 => 0,
            Algorithm::Sha256 => 1,
            Algorithm::Sha512_256 => 2,
        }
    }

    /// As it is written in headers.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    /// From a header or a configuration; letters of either case.
    pub fn parse(name: &str) -> Option<Algorithm> {
        [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256].into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// In lower-case hex.
    pub(crate) fn hash(self, text: &str) -> String {
        match self {
            Algorithm::Md5 => hex(&Md5::digest(text)),
            Algorithm::Sha256 => hex(&Sha256::digest(text)),
            Algorithm::Sha512_256 => hex(&Sha512_256::digest(text)),
        }
    }
}

/// `realm="a, b", nonce=x` → pairs, unquoted. Commas inside quotes do not separate.
pub(crate) fn parameters(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(inner) => unquoted(inner),
            None => {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_string(), &after[end..])
            }
        };
        out.push((name.trim().to_string(), value));
        rest = tail.trim_start().trim_start_matches(',').trim_start();
    }
    out
}

/// Up to the closing quote, escapes resolved; and what follows.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa(password: &str) -> Credentials {
        Credentials { host: "http-auth@example.org".into(), user: "Mufasa".into(), password: password.into() }
    }

    /// The examples of RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc() {
        let cases = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        for (algorithm, expected) in cases {
            let value = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let challenge = Challenge::parse(&value).expect("a good challenge");
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let signed = Signed { method: "GET", uri: "/dir/index.html", cnonce, count: 1 };
            let answer = challenge.answer(&mufasa("Circle of Life"), &signed);
            assert!(answer.contains(&format!("response=\"{expected}\"")), "{answer}");
            assert!(answer.contains(&format!("algorithm={algorithm}")) && answer.contains("qop=auth, nc=00000001"), "{answer}");
        }
    }

    /// RFC 2617 without qop, the RFC 2069 formula.
    #[test]
    fn old_servers_without_qop() {
        let challenge = Challenge::parse("digest nonce=\"abc\",realm = \"a, \\\"b\\\"\" , stale=TRUE").expect("good");
        assert_eq!((challenge.realm.as_str(), challenge.stale), ("a, \"b\"", true));
        let signed = Signed { method: "INVITE", uri: "sip:b@c", cnonce: "x", count: 1 };
        let answer = challenge.answer(&mufasa("p"), &signed);
        assert!(!answer.contains("qop") && !answer.contains("algorithm"), "{answer}");
        assert!(answer.contains("realm=\"a, \\\"b\\\"\""), "{answer}");
    }

    #[test]
    fn what_we_cannot_do_is_no_challenge() {
        for bad in [
            "",
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest realm=x, nonce=y, algorithm=MD5-sess",
            "Digest nonce=\"",
            "Digest realm=x, nonce=y, qop=\"auth-int\"",
            "Digest =====",
            "Digest \"\"\"\\",
        ] {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
    }

    fn session() -> Session {
        Session::new(Some(mufasa("Circle of Life")))
    }

    /// What a session would send now.
    fn sent(session: &mut Session) -> String {
        session.authorization("REGISTER", "sip:c", "x").map(|(_, value)| value).unwrap_or_default()
    }

    #[test]
    fn the_strongest_hash_is_used_whatever_comes_first() {
        let md5 = "Digest realm=r, nonce=a, algorithm=MD5, qop=\"auth\"";
        let sha256 = "Digest realm=r, nonce=b, algorithm=SHA-256, qop=\"auth\"";
        let odd = "Digest realm=r, nonce=c, algorithm=SHA-3, qop=\"auth\"";
        for order in [[md5, odd, sha256], [odd, sha256, md5]] {
            let mut session = session();
            assert_eq!(session.challenged(order.into_iter().map(|v| (true, v))), Ok(()));
            let (proxy, value) = session.authorization("REGISTER", "sip:c", "x").expect("an answer");
            assert!(proxy && value.contains("algorithm=SHA-256") && value.contains("nonce=\"b\""), "{value}");
        }
        assert_eq!(session().challenged([(false, odd)].into_iter()), Err(Unmet::Unknown));
        assert_eq!(Session::new(None).challenged([(false, md5)].into_iter()), Err(Unmet::NoPassword));
    }

    #[test]
    fn a_nonce_is_used_again_with_a_count() {
        let mut session = session();
        assert_eq!(session.authorization("REGISTER", "sip:c", "x"), None);
        session.begin();
        let first = "Digest realm=r, nonce=a, qop=\"auth\"";
        assert_eq!(session.challenged([(false, first)].into_iter()), Ok(()));
        assert!(sent(&mut session).contains("nc=00000001"));
        for count in 2..=17 {
            session.begin();
            assert!(sent(&mut session).contains(&format!("nc={count:08x}")), "hexadecimal");
        }
        session.informed("qop=auth, nextnonce=\"b\", rspauth=\"0\"");
        session.begin();
        let value = sent(&mut session);
        assert!(value.contains("nonce=\"b\"") && value.contains("nc=00000001"), "{value}");
    }

    #[test]
    fn an_old_nonce_is_renewed_and_a_wrong_password_is_not_tried_again() {
        let mut session = session();
        let challenge = |nonce: &str, stale: bool| format!("Digest realm=r, nonce={nonce}, qop=\"auth\", stale={stale}");
        let challenged = |session: &mut Session, nonce: &str, stale| {
            session.challenged([(false, challenge(nonce, stale).as_str())].into_iter())
        };
        session.begin();
        assert_eq!(challenged(&mut session, "a", false), Ok(()));
        assert_eq!(challenged(&mut session, "b", true), Ok(()), "stale: only the nonce is old");
        session.begin();
        sent(&mut session);
        assert_eq!(challenged(&mut session, "c", false), Ok(()), "not every server says stale to a nonce of yesterday");
        assert_eq!(challenged(&mut session, "d", false), Err(Unmet::Refused));
    }

    #[test]
    fn passwords_do_not_show() {
        assert!(!format!("{:?}", mufasa("Circle of Life")).contains("Circle"));
    }
}
