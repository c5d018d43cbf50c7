//! The console's API over real HTTP on loopback.

use super::access::Access;
use super::*;
use crate::base::Network;
use crate::store::{NewUser, Role, SessionHash};
use axum::http::Method;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio_tungstenite::tungstenite;
use tungstenite::client::IntoClientRequest;

/// A console with users, and whoever asks it.
pub(super) struct Served {
    pub(super) at: SocketAddr,
    pub(super) state: WebState,
    client: reqwest::Client,
    _dir: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
struct Answered {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answered {
    fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or(""))
    }

    /// The session's cookie as it is sent back.
    fn cookie(&self) -> String {
        let set = self.headers["set-cookie"].to_str().expect("a text");
        set.split(';').next().expect("a cookie").to_string()
    }
}

pub(super) async fn served(ways: Ways) -> Served {
    let pace = socket::Pace { ping: Duration::from_millis(50), silence: Duration::from_secs(3) };
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(dir.path()).await.expect("a store");
    let state = WebState::at_pace(store, install_metrics().expect("metrics"), None, ways, pace);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, router(state.clone()), None));
    Served { at, state, client: reqwest::Client::builder().no_proxy().build().expect("a client"), _dir: dir }
}

impl Served {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answered {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, format!("http://{}/api/v1{path}", self.at));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a text");
        Answered { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    /// A user without a password, logged in: the cookie.
    pub(super) async fn user(&self, name: &str, role: Role, agent: Option<&str>) -> String {
        let password = Pii::new("$none".to_string());
        let agent = agent.map(String::from);
        let new = NewUser { name: name.into(), display: name.into(), role, agent, language: None, password };
        self.state.store.add_user(&new, wall_now()).await.expect("written").expect("made");
        self.session(name).await
    }

    pub(super) async fn session(&self, name: &str) -> String {
        let token = crate::base::hex(&rand::random::<[u8; 32]>());
        assert!(self.state.store.begin_session(&SessionHash::of(&token), name, wall_now()).await.expect("written"));
        format!("hotline_session={token}")
    }

    pub(super) async fn socket(&self, cookie: &str, query: &str, origin: Option<&str>) -> Result<Tab, u16> {
        let mut request = format!("ws://{}/api/v1/events{query}", self.at).into_client_request().expect("a request");
        request.headers_mut().insert("cookie", cookie.parse().expect("a value"));
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("a value"));
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Tab(socket)),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The far end of a socket.
pub(super) struct Tab(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Tab {
    /// The next message, or the close code.
    pub(super) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(20), self.0.next()).await.expect("in time");
            match frame.expect("no end without a close").expect("a frame") {
                tungstenite::Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
                tungstenite::Message::Close(frame) => return Err(frame.map_or(0, |f| f.code.into())),
                _ => {}
            }
        }
    }

    /// The next message as `type:data`.
    pub(super) async fn heard(&mut self) -> String {
        let message = self.next().await.expect("a message");
        format!("{}:{}", message["type"].as_str().unwrap_or("?"), message["data"])
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.0.send(tungstenite::Message::Text(text.into())).await.expect("sent");
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    let web = served(Ways { proxies: Network::LOOPBACK.to_vec(), ..Ways::default() }).await;
    let table = routes::table();
    assert!(table.len() >= 14);
    let mut who: Vec<(Option<Role>, bool)> = vec![(None, false)];
    who.extend(Role::ALL.into_iter().flat_map(|role| [(Some(role), false), (Some(role), true)]));
    for (role, desk) in who {
        let name = format!("{}{}", role.map_or("none", Role::as_str), if desk { "-desk" } else { "" });
        if let Some(role) = role {
            web.user(&name, role, desk.then_some(name.as_str())).await;
        }
        for (n, route) in table.iter().enumerate() {
            // A new session for each: some routes end it. A new source, too: one alone may not ask so much.
            let cookie = if role.is_some() { web.session(&name).await } else { String::new() };
            let source = format!("198.51.{}.{n}", name.len());
            let headers = [("cookie", cookie.as_str()), ("x-forwarded-for", &source), ("x-forwarded-proto", "https")];
            let path = route.path.replace("{name}", "nobody").replace("{call}", "0").replace("{utterance}", "0");
            let answered = web.ask(route.method.as_str(), &path, &headers, None).await;
            let expected = match (route.access, role) {
                (Access::Public, _) => None,
                (_, None) => Some((401, "no_session")),
                (Access::Session, Some(_)) => None,
                (Access::Role(least), Some(role)) => (role < least).then_some((403, "not_allowed")),
                (Access::Desk, Some(_)) => (!desk).then_some((403, "not_allowed")),
            };
            let place = format!("{} {} as {name}: {answered:?}", route.method, route.path);
            match expected {
                Some(expected) => assert_eq!(answered.code(), expected, "{place}"),
                None => assert!(
                    !matches!(answered.code(), (401, "no_session") | (403, "not_allowed") | (404, "not_found")),
                    "{place}"
                ),
            }
            if answered.status >= 400 {
                assert_eq!(answered.headers["content-type"], "application/problem+json", "{place}");
                assert_eq!(answered.body["status"], answered.status, "{place}");
            }
            assert_eq!(answered.headers["cache-control"], "no-store", "{place}");
        }
    }
}

#[test]
fn the_table_is_the_only_place_that_routes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("our folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let count =
            [".route(", ".nest(", ".merge(", ".route_service("].iter().map(|call| text.matches(call).count()).sum::<usize>();
        if count > 0 && !name.ends_with("tests.rs") {
            found.push((name, count));
        }
    }
    found.sort();
    // Cards, health, metrics and the API in mod.rs; the table in routes.rs.
    assert_eq!(found, [("mod.rs".to_string(), 4), ("routes.rs".to_string(), 1)]);
}

#[tokio::test]
async fn the_first_administrator_is_made_by_the_link_and_only_once() {
    let web = served(Ways::default()).await;
    assert_eq!(web.ask("GET", "/setup", &[], None).await.body, json!({ "needed": true }));
    let path = web.state.setup_path().await.expect("read").expect("needed").into_inner();
    let token = path.strip_prefix("/setup#").expect("a token");
    let wanted = |token: &str, password: &str| json!({ "token": token, "name": "Root", "password": password });
    let good = "correct horse battery";
    assert_eq!(web.ask("POST", "/setup", &[], Some(wanted("guess", good))).await.code(), (403, "wrong_token"));
    assert_eq!(web.ask("POST", "/setup", &[], Some(wanted(token, "short"))).await.code(), (422, "weak_password"));
    let made = web.ask("POST", "/setup", &[], Some(wanted(token, good))).await;
    assert_eq!(
        (made.status, &made.body["user"]["role"], &made.body["agent"]),
        (200, &json!("admin"), &Value::Null),
        "{made:?}"
    );
    assert_eq!(web.ask("GET", "/session", &[("cookie", &made.cookie())], None).await.body, made.body);
    assert_eq!(web.ask("POST", "/setup", &[], Some(wanted(token, good))).await.code(), (409, "setup_done"));
    assert_eq!(web.ask("GET", "/setup", &[], None).await.body, json!({ "needed": false }));
    assert_eq!(web.state.setup_path().await.expect("read").map(|_| ()), None);
}

#[tokio::test]
async fn logging_in_tells_strangers_nothing_and_is_limited() {
    let web = served(Ways::default()).await;
    let admin = web.user("root", Role::Admin, None).await;
    let anna = json!({ "name": "Anna", "role": "agent", "agent": "anna", "password": "correct horse battery" });
    let made = web.ask("POST", "/users", &[("cookie", &admin)], Some(anna)).await;
    assert_eq!((made.status, &made.body["name"], &made.body["display"]), (201, &json!("anna"), &json!("Anna")), "{made:?}");
    let log_in = async |name: &str, password: &str| {
        web.ask("POST", "/session", &[], Some(json!({ "name": name, "password": password }))).await
    };
    let wrong = log_in("anna", "correct horse batterz").await;
    assert_eq!(wrong.code(), (401, "wrong_password"));
    for (name, password) in [("nobody", "correct horse battery"), ("not a name", "x"), ("root", "$none"), ("anna", "")] {
        assert_eq!(log_in(name, password).await.body, wrong.body, "{name}");
    }
    let good = log_in(" ANNA ", "correct horse battery").await;
    let cookie = good.headers["set-cookie"].to_str().expect("a text");
    assert_eq!((good.status, &good.body["agent"]), (200, &json!("anna")));
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    for _ in 0..6 {
        assert_eq!(log_in("anna", "guess").await.status, 401);
    }
    let many = log_in("anna", "correct horse battery").await;
    assert_eq!(many.code(), (429, "too_many"));
    let wait: u64 = many.headers["retry-after"].to_str().expect("a text").parse().expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    let audit = web.ask("GET", "/audit?limit=50", &[("cookie", &admin)], None).await;
    let text = audit.body.to_string();
    assert!(text.contains(r#""user":"anna","action":"login","subject":"""#), "{text}");
    assert!(text.contains(r#""user":null,"action":"login_failed","subject":"anna""#), "{text}");
    assert!(text.contains("(no such user)") && !text.contains("nobody") && !text.contains("horse"), "{text}");
    // Searched by kind and by who it was about; what cannot be asked for is said.
    let found = async |query: &str| web.ask("GET", &format!("/audit?{query}"), &[("cookie", &admin)], None).await;
    let logins = found("actions=login,logout&user=Anna").await.body;
    assert_eq!((logins.as_array().map(Vec::len), &logins[0]["action"]), (Some(1), &json!("login")), "{logins}");
    let failed = found("actions=login_failed&user=anna").await.body;
    assert!(failed.as_array().is_some_and(|rows| rows.len() >= 2 && rows.iter().all(|r| r["subject"] == "anna")), "{failed}");
    assert_eq!(found("actions=nothing").await.body, json!([]));
    assert_eq!(found("who=anna").await.code(), (400, "unreadable"));
}

#[tokio::test]
async fn pages_of_other_sites_can_do_nothing() {
    let web = served(Ways::default()).await;
    let cookie = web.user("root", Role::Admin, None).await;
    let own = format!("http://{}", web.at);
    for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")]
    {
        let headers = [("cookie", cookie.as_str()), (name, value)];
        assert_eq!(web.ask("DELETE", "/session", &headers, None).await.code(), (403, "cross_site"), "{name} {value}");
        let body = json!({ "name": "root", "password": "x" });
        assert_eq!(web.ask("POST", "/session", &headers, Some(body)).await.code(), (403, "cross_site"), "{name} {value}");
        assert_eq!(web.ask("GET", "/session", &headers, None).await.status, 200, "looking changes nothing");
    }
    assert_eq!(web.socket(&cookie, "", Some("http://evil.example")).await.err(), Some(403));
    assert!(web.socket(&cookie, "", Some(&own)).await.is_ok());
    let headers = [("cookie", cookie.as_str()), ("origin", &own), ("sec-fetch-site", "same-origin")];
    assert_eq!(web.ask("DELETE", "/session", &headers, None).await.status, 204);
    assert_eq!(web.ask("GET", "/session", &headers, None).await.code(), (401, "no_session"));
}

#[tokio::test]
async fn without_https_other_machines_cannot_log_in_but_read_cards() {
    let proxies = Network::LOOPBACK.to_vec();
    let bare = served(Ways { exposed: true, ..Ways::default() }).await;
    for (method, path) in [("GET", "/session"), ("POST", "/session"), ("GET", "/setup")] {
        let answered = bare.ask(method, path, &[("x-forwarded-proto", "https")], None).await;
        assert_eq!(answered.code(), (403, "insecure"), "{method} {path}");
    }
    let health = bare.client.get(format!("http://{}/health", bare.at)).send().await.expect("an answer");
    assert_eq!(health.status().as_u16(), 200);
    let proxied = served(Ways { exposed: true, proxies, ..Ways::default() }).await;
    assert_eq!(proxied.ask("GET", "/setup", &[("x-forwarded-proto", "http")], None).await.code(), (403, "insecure"));
    assert_eq!(proxied.ask("GET", "/setup", &[("x-forwarded-proto", "https")], None).await.status, 200);
    let cookie = proxied.user("root", Role::Admin, None).await;
    let headers = [("cookie", cookie.as_str()), ("x-forwarded-proto", "https")];
    let out = proxied.ask("DELETE", "/session", &headers, None).await;
    assert!(out.headers["set-cookie"].to_str().expect("a text").ends_with("Max-Age=0; Secure"), "{out:?}");
}

#[tokio::test]
async fn administrators_change_users_and_the_changed_are_logged_out() {
    let web = served(Ways::default()).await;
    let admin = web.user("root", Role::Admin, None).await;
    let anna = web.user("anna", Role::Agent, Some("anna")).await;
    let change = async |body: Value| web.ask("PATCH", "/users/anna", &[("cookie", &admin)], Some(body)).await;
    let here = async |cookie: &str| web.ask("GET", "/session", &[("cookie", cookie)], None).await.status;
    let changed = change(json!({ "display": "Anna S.", "language": "zh" })).await;
    assert_eq!((changed.status, &changed.body["display"], &changed.body["language"]), (200, &json!("Anna S."), &json!("zh")));
    assert_eq!((here(&anna).await, &changed.body["agent"]), (200, &json!("anna")));
    assert_eq!(change(json!({ "agent": null })).await.body["agent"], Value::Null, "null takes the desk away");
    assert_eq!(here(&anna).await, 401, "another desk is another session");
    let anna = web.session("anna").await;
    assert_eq!(change(json!({ "disabled": true })).await.status, 200);
    assert_eq!(here(&anna).await, 401);
    for (body, code) in [
        (json!({ "role": "king" }), (422, "invalid")),
        (json!({ "rolle": "agent" }), (422, "invalid")),
        (json!({ "display": " " }), (422, "invalid")),
        (json!({ "agent": "a b" }), (422, "invalid")),
        (json!({ "password": "anna" }), (422, "weak_password")),
    ] {
        assert_eq!(change(body.clone()).await.code(), code, "{body}");
    }
    let root = async |method: &str, body: Option<Value>| web.ask(method, "/users/root", &[("cookie", &admin)], body).await;
    assert_eq!(root("DELETE", None).await.code(), (409, "last_admin"));
    assert_eq!(root("PATCH", Some(json!({ "role": "agent" }))).await.code(), (409, "last_admin"));
    assert_eq!(web.ask("DELETE", "/users/anna", &[("cookie", &admin)], None).await.status, 204);
    assert_eq!(web.ask("DELETE", "/users/anna", &[("cookie", &admin)], None).await.code(), (404, "gone"));
    let users = web.ask("GET", "/users", &[("cookie", &admin)], None).await.body;
    assert_eq!((users.as_array().map(Vec::len), &users[0]["name"]), (Some(1), &json!("root")));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let web = served(Ways::default()).await;
    let admin = web.user("root", Role::Admin, None).await;
    let new = json!({ "name": "anna", "role": "agent", "password": "correct horse battery" });
    assert_eq!(web.ask("POST", "/users", &[("cookie", &admin)], Some(new)).await.status, 201);
    let (here, there) = (web.session("anna").await, web.session("anna").await);
    let mut tab = web.socket(&there, "", None).await.expect("a socket");
    let change = async |old: &str, new: &str| {
        let body = json!({ "old": old, "new": new });
        web.ask("POST", "/session/password", &[("cookie", &here)], Some(body)).await
    };
    assert_eq!(change("wrong", "another horse battery").await.code(), (403, "wrong_password"));
    assert_eq!(change("correct horse battery", "short").await.code(), (422, "weak_password"));
    assert_eq!(change("correct horse battery", "another horse battery").await.status, 204);
    assert_eq!(web.ask("GET", "/session", &[("cookie", &here)], None).await.status, 200);
    assert_eq!(web.ask("GET", "/session", &[("cookie", &there)], None).await.status, 401);
    assert_eq!(tab.heard().await, r#"hello:{"resumed":false}"#);
    assert_eq!(tab.heard().await, "session_ended:{}");
    assert_eq!(tab.next().await, Err(4401));
    let body = json!({ "name": "anna", "password": "another horse battery" });
    assert_eq!(web.ask("POST", "/session", &[], Some(body)).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_as_a_problem() {
    let web = served(Ways::default()).await;
    let post = async |kind: &str, body: String| {
        let url = format!("http://{}/api/v1/session", web.at);
        let response = web.client.post(url).header("content-type", kind).body(body).send().await.expect("an answer");
        let (status, problem) = (response.status().as_u16(), response.headers()["content-type"] == "application/problem+json");
        (status, problem, response.text().await.expect("a text"))
    };
    let secret = r#"{"name": "anna", "pasword": "my secret"}"#;
    let (status, problem, text) = post("application/json", secret.into()).await;
    assert_eq!((status, problem, text.contains("secret"), text.contains("pasword")), (422, true, false, false), "{text}");
    for (kind, body, expected) in [
        ("application/json", "{".to_string(), 400),
        ("text/plain", secret.to_string(), 415),
        ("application/json", format!("{{\"name\": \"{}\"}}", "x".repeat(20_000)), 413),
    ] {
        let (status, problem, text) = post(kind, body).await;
        assert_eq!((status, problem), (expected, true), "{text}");
    }
    assert_eq!(web.ask("GET", "/nowhere", &[], None).await.code(), (404, "not_found"));
    assert_eq!(web.ask("PUT", "/session", &[], None).await.code(), (405, "not_found"));
    assert_eq!(web.ask("DELETE", "/session?everywhere=perhaps", &[], None).await.code(), (401, "no_session"));
    let cookie = web.user("anna", Role::Agent, None).await;
    let asked = web.ask("DELETE", "/session?everywhere=perhaps", &[("cookie", &cookie)], None).await;
    assert_eq!(asked.code(), (400, "unreadable"));
}

#[tokio::test]
async fn the_page_is_served_for_browsers_and_for_nothing_else() {
    let web = served(Ways::default()).await;
    let get = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = web.client.get(format!("http://{}{path}", web.at));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    };
    let browser = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let page = get("/", &[]).await;
    let headers = page.headers().clone();
    assert_eq!(page.status().as_u16(), 200);
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    let policy = headers["content-security-policy"].to_str().expect("a text");
    assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(page.text().await.expect("a text").to_lowercase().contains("<!doctype html>"));
    for path in ["/setup", "/desk/anna", "/index.html"] {
        let page = get(path, &[browser]).await;
        assert_eq!((page.status().as_u16(), page.headers()["etag"].clone()), (200, headers["etag"].clone()), "{path}");
    }
    for (path, headers) in
        [("/setup", &[][..]), ("/assets/gone.js", &[browser]), ("/api/v2", &[browser]), ("/cards", &[browser])]
    {
        assert_eq!(get(path, headers).await.status().as_u16(), 404, "{path}");
    }
    let tag = headers["etag"].to_str().expect("a text");
    assert_eq!(get("/", &[("if-none-match", tag)]).await.status().as_u16(), 304);
    assert_eq!(get("/../Cargo.toml", &[]).await.status().as_u16(), 404);
}

/// What the page says of a type, by name: the fields of each `export interface` with those of what it extends.
fn page_types() -> std::collections::BTreeMap<String, std::collections::BTreeSet<String>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("console/src/api/types.ts");
    let text = std::fs::read_to_string(path).expect("console/src/api/types.ts is committed");
    let mut types = std::collections::BTreeMap::<String, std::collections::BTreeSet<String>>::new();
    for part in text.split("export interface ").skip(1) {
        let (head, body) = part.split_once("{\n").expect("a body");
        let mut words = head.split_whitespace();
        let name = words.next().expect("a name").to_string();
        let of = words.nth(1).and_then(|base| types.get(base).cloned()).unwrap_or_default();
        let body = body.split("\n}\n").next().unwrap_or_default();
        let field = |line: &str| {
            let line = line.strip_prefix("  ").filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))?;
            Some(line.split_once(':')?.0.trim_end_matches('?').to_string())
        };
        types.insert(name, of.into_iter().chain(body.lines().filter_map(field)).collect());
    }
    types
}

#[test]
fn the_page_knows_the_fields_that_the_api_sends_and_no_others() {
    let described = openapi::describe();
    let page = page_types();
    // The page's name, where it is another.
    let other = [
        ("Parked", "ParkedCaller"),
        ("Item", "ChecklistItem"),
        ("Mood", "MoodPoint"),
        ("Earlier", "EarlierCall"),
        ("Waiting", "WaitingCaller"),
    ];
    let mut compared = Vec::new();
    let mut wrong = Vec::new();
    for (name, schema) in described["components"]["schemas"].as_object().expect("schemas") {
        let Some(fields) = schema["properties"].as_object() else { continue };
        let sent: std::collections::BTreeSet<String> = fields.keys().cloned().collect();
        let theirs = other.iter().find(|(ours, _)| ours == name).map_or(name.as_str(), |(_, theirs)| *theirs);
        let Some(known) = page.get(theirs) else { continue };
        compared.push(theirs.to_string());
        let (unknown, missing): (Vec<_>, Vec<_>) = (sent.difference(known).collect(), known.difference(&sent).collect());
        if !unknown.is_empty() || !missing.is_empty() {
            wrong.push(format!("{theirs}: the gateway sends {unknown:?} besides, the page wants {missing:?} besides"));
        }
    }
    assert!(wrong.is_empty(), "console/src/api/types.ts: {wrong:#?}");
    for name in [
        "Desk",
        "Agent",
        "Queue",
        "Call",
        "Card",
        "Turn",
        "Draft",
        "ParkedCaller",
        "Wall",
        "WallQueue",
        "WaitingCaller",
        "User",
    ] {
        assert!(compared.iter().any(|known| known == name), "{name} is not compared: {compared:?}");
    }
}
