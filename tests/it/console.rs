//! The console of a real gateway: its first administrator, logging in, roles, the WebSocket, `hotline users` beside it, HTTPS.

use crate::gateway::{Gateway, HOTLINE, Wanted, installed};
use crate::transports::certificate;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

const ROOT: &str = "correct horse battery";
const ANNA: &str = "tea at half past four";

/// One browser: it keeps its cookie.
pub(crate) struct Browser {
    pub(crate) base: String,
    pub(crate) cookie: String,
    pub(crate) client: reqwest::Client,
}

impl Browser {
    pub(crate) fn new(base: String) -> Browser {
        Browser { base, cookie: String::new(), client: reqwest::Client::builder().no_proxy().build().expect("a client") }
    }

    /// Asks and gives status, body, and `Set-Cookie` where there is one; keeps the cookie.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> (u16, Value, String) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, format!("{}/api/v1{path}", self.base)).header("cookie", &self.cookie);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let set = response.headers().get("set-cookie").map(|v| v.to_str().expect("a text").to_string()).unwrap_or_default();
        if let Some(cookie) = set.split(';').next().filter(|cookie| !cookie.is_empty()) {
            self.cookie = cookie.to_string();
        }
        let text = response.text().await.expect("a text");
        (status, serde_json::from_str(&text).unwrap_or(Value::Null), set)
    }

    pub(crate) async fn log_in(&mut self, name: &str, password: &str) -> (u16, Value, String) {
        self.ask("POST", "/session", Some(json!({ "name": name, "password": password }))).await
    }

    pub(crate) async fn socket(&self, query: &str) -> Tab {
        let at = self.base.replace("http://", "ws://");
        let mut request = format!("{at}/api/v1/events{query}").into_client_request().expect("a request");
        request.headers_mut().insert("cookie", self.cookie.parse().expect("a value"));
        let (socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
        Tab(socket)
    }
}

pub(crate) struct Tab(tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>);

impl Tab {
    /// The next message, or the close code.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(40), self.0.next()).await.expect("in time");
            match frame.expect("no end without a close").expect("a frame") {
                tungstenite::Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
                tungstenite::Message::Close(frame) => return Err(frame.map_or(0, |f| f.code.into())),
                _ => {}
            }
        }
    }
}

/// Makes the first administrator of a gateway, and logs them in.
pub(crate) async fn set_up(gateway: &mut Gateway) -> Browser {
    let link = gateway.said("no administrator yet");
    let (base, token) = link.split_once("here: ").and_then(|(_, url)| url.trim().split_once("/setup#")).expect("a link");
    let mut root = Browser::new(base.to_string());
    let first = json!({ "token": token, "name": "root", "password": ROOT });
    assert_eq!(root.ask("POST", "/setup", Some(first)).await.0, 200);
    root
}

/// A gateway; no call comes, so what its flow names need not be there.
fn start(web: &str) -> Gateway {
    let env = vec![("PARCEL_API", "http://127.0.0.1:9".to_string()), ("AGENT_SIP", "sip:agent@127.0.0.1:9".to_string())];
    let hosts = vec!["127.0.0.1:9".to_string()];
    Gateway::start(Wanted { flow: "flows/parcel.yaml", env, hosts, web, ..Wanted::default() })
}

/// `hotline users … --json` with a line of standard input: exit code, output, errors.
fn users(gateway: &Gateway, words: &[&str], input: &str) -> (i32, Value, String) {
    let mut child = Command::new(HOTLINE)
        .args(["--json", "users"])
        .args(words)
        .arg("--config")
        .arg(&gateway.config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // Whoever needs no password may be gone already.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), told, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_let_into_the_console_and_out_again() {
    let mut gateway = start("");
    let link = gateway.said("no administrator yet");
    let (base, token) = link.split_once("here: ").and_then(|(_, url)| url.trim().split_once("/setup#")).expect("a link");
    let (mut root, mut anna) = (Browser::new(base.to_string()), Browser::new(base.to_string()));
    // The first administrator.
    assert_eq!(root.ask("GET", "/setup", None).await.1, json!({ "needed": true }));
    assert_eq!(root.ask("GET", "/users", None).await.0, 401);
    let first = json!({ "token": token, "name": "root", "password": ROOT });
    let (status, session, cookie) = root.ask("POST", "/setup", Some(first.clone())).await;
    assert_eq!((status, &session["user"]["role"]), (200, &json!("admin")), "{session}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"), "{cookie}");
    assert_eq!(anna.ask("POST", "/setup", Some(first)).await.1["code"], "setup_done");
    // An agent, made at the command line beside the running gateway.
    let weak = users(&gateway, &["add", "anna", "--agent", "anna"], "anna\n");
    assert!(weak.0 == 1 && weak.2.contains("at least 10 characters"), "{weak:?}");
    let made = users(&gateway, &["add", "anna", "--agent", "anna", "--display", "Anna S."], &format!("{ANNA}\n"));
    assert_eq!((made.0, &made.1["user"]["agent"]), (0, &json!("anna")), "{made:?}");
    assert_eq!(users(&gateway, &["add", "anna"], &format!("{ANNA}\n")).0, 1, "there is one already");
    assert_eq!(anna.log_in("anna", "tea at half past five").await.1["code"], "wrong_password");
    let (status, session, _) = anna.log_in("anna", ANNA).await;
    assert_eq!((status, &session["user"]["display"], &session["agent"]), (200, &json!("Anna S."), &json!("anna")));
    // What she may and may not.
    assert_eq!(anna.ask("GET", "/users", None).await.1["code"], "not_allowed");
    assert_eq!(anna.ask("GET", "/audit", None).await.1["code"], "not_allowed");
    let foreign = anna.client.delete(format!("{base}/api/v1/session")).header("cookie", &anna.cookie);
    let foreign = foreign.header("sec-fetch-site", "cross-site").send().await.expect("an answer");
    assert_eq!(foreign.status().as_u16(), 403);
    // Two tabs and another browser: out of all of them at once.
    let mut elsewhere = Browser::new(base.to_string());
    assert_eq!(elsewhere.log_in("anna", ANNA).await.0, 200);
    let mut tab = anna.socket("").await;
    let hello = tab.next().await.expect("a message");
    assert_eq!((&hello["type"], &hello["data"]["resumed"]), (&json!("hello"), &json!(false)));
    let mut again = anna.socket(&format!("?after={}", hello["seq"])).await;
    assert_eq!(again.next().await.expect("a message")["data"]["resumed"], true);
    assert_eq!(elsewhere.ask("DELETE", "/session?everywhere=true", None).await.0, 204);
    for tab in [&mut tab, &mut again] {
        assert_eq!(tab.next().await.expect("a message")["type"], "session_ended");
        assert_eq!(tab.next().await, Err(4401));
    }
    assert_eq!(anna.ask("GET", "/session", None).await.1["code"], "no_session");
    // Locked out at the command line: the next request is refused, an open socket ends with its next ping.
    assert_eq!(anna.log_in("anna", ANNA).await.0, 200);
    let mut tab = anna.socket("").await;
    assert_eq!(tab.next().await.expect("a message")["type"], "hello");
    assert_eq!(users(&gateway, &["disable", "anna"], "").0, 0);
    assert_eq!(anna.ask("GET", "/session", None).await.0, 401);
    assert_eq!(anna.log_in("anna", ANNA).await.1["code"], "wrong_password");
    assert_eq!(tab.next().await.expect("a message")["type"], "session_ended");
    assert_eq!(tab.next().await, Err(4401));
    let last = users(&gateway, &["disable", "root"], "");
    assert!(last.0 == 1 && last.2.contains("last administrator"), "{last:?}");
    let listed = users(&gateway, &["list"], "");
    assert_eq!((&listed.1["users"][0]["disabled"], &listed.1["users"][1]["name"]), (&json!(true), &json!("root")));
    // What was done is written down, and nothing that is secret.
    let (_, audit, _) = root.ask("GET", "/audit", None).await;
    let done: Vec<&str> = audit.as_array().into_iter().flatten().filter_map(|row| row["action"].as_str()).collect();
    for action in ["setup_done", "user_added", "login", "login_failed", "logout_everywhere", "user_changed"] {
        assert!(done.contains(&action), "{action} is missing in {done:?}");
    }
    let all = gateway.everything();
    for secret in [ROOT, ANNA, "tea at half past five", root.cookie.split('=').nth(1).expect("a token")] {
        assert!(!all.contains(secret), "a secret is written down");
    }
    assert!(gateway.page("/").contains("200 OK"), "the page is there");
    assert!(root.ask("GET", "/openapi.json", None).await.1["paths"]["/api/v1/session"]["post"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_speaks_https_and_takes_a_new_certificate() {
    if !installed("openssl") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (certificate(dir.path(), "one", "127.0.0.1"), certificate(dir.path(), "two", "127.0.0.1"));
    let used = [dir.path().join("used.crt"), dir.path().join("used.key")];
    let use_now = |files: &hotline::sip::TlsFiles| {
        std::fs::copy(&files.certificate, &used[0]).expect("copied");
        std::fs::copy(&files.key, &used[1]).expect("copied");
    };
    let browser = |base: String, files: &hotline::sip::TlsFiles| {
        let pem = std::fs::read(&files.certificate).expect("made");
        let believed = reqwest::Certificate::from_pem(&pem).expect("a certificate");
        let client = reqwest::Client::builder().no_proxy().tls_built_in_root_certs(false).add_root_certificate(believed);
        Browser { client: client.build().expect("a client"), ..Browser::new(base) }
    };
    use_now(&one);
    let web = format!("certificate = {:?}\nkey = {:?}\n", used[0], used[1]);
    let mut gateway = start(&web);
    let link = gateway.said("no administrator yet");
    let (base, token) = link.split_once("here: ").and_then(|(_, url)| url.trim().split_once("/setup#")).expect("a link");
    assert!(base.starts_with("https://"), "{link}");
    let mut root = browser(base.to_string(), &one);
    let first = json!({ "token": token, "name": "root", "password": ROOT });
    let (status, _, cookie) = root.ask("POST", "/setup", Some(first)).await;
    assert!(status == 200 && cookie.ends_with("; Secure"), "{cookie}");
    let plain = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert!(plain.get(base.replace("https", "http")).send().await.is_err(), "no answer without TLS");
    use_now(&two);
    gateway.reload();
    let mut later = Browser { cookie: root.cookie.clone(), ..browser(base.to_string(), &two) };
    assert_eq!(later.ask("GET", "/session", None).await.0, 200, "the new certificate, the same session");
    std::fs::write(&used[1], "no key").expect("written");
    gateway.reload();
    assert!(gateway.said("stays as it was").contains("holds no private key"));
    let mut later = Browser { cookie: root.cookie.clone(), ..browser(base.to_string(), &two) };
    assert_eq!(later.ask("GET", "/session", None).await.0, 200, "with a mistake the old one stays");
}
