//! Questions to the outside over HTTP: listed hosts only, no redirects, bounded in time and size, equal questions answered
//! from memory as long as the flow allows.

use crate::flow::{LookUp, LookedUp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Longest answer that is read.
const ANSWER_MAX: usize = 64 * 1024;

/// Most answers remembered; when full, the expired go first, then everything.
const CACHE_MAX: usize = 1_000;

/// Most tries beside the first, and what lies between two.
const RETRIES_MAX: u8 = 3;
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Most questions under way at once; further ones are an outage at once rather than a queue.
const UNDER_WAY_MAX: usize = 64;

/// Client for look-ups, shared by all calls.
#[derive(Clone)]
pub struct LookUps {
    client: reqwest::Client,
    hosts: Arc<[String]>,
    /// Short critical sections, never held across an await.
    cache: Arc<Mutex<HashMap<String, (Instant, LookedUp)>>>,
    under_way: Arc<tokio::sync::Semaphore>,
}

impl LookUps {
    /// `hosts`: allowed `host` or `host:port`, lower case; nothing else is ever asked.
    ///
    /// # Errors
    /// When the TLS back end cannot be set up.
    pub fn new(hosts: &[String]) -> Result<LookUps, reqwest::Error> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .user_agent(concat!("hotline/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let hosts = hosts.iter().map(|h| h.to_ascii_lowercase()).collect();
        let under_way = Arc::new(tokio::sync::Semaphore::new(UNDER_WAY_MAX));
        Ok(LookUps { client, hosts, cache: Arc::default(), under_way })
    }

    /// Asks. Never longer than the request's time-out; every failure is an `Outage` with one sentence.
    pub async fn ask(&self, request: &LookUp) -> LookedUp {
        let key = format!(
            "{} {} {}",
            request.method,
            request.url,
            request.body.as_ref().map(ToString::to_string).unwrap_or_default()
        );
        if let Some(found) = self.remembered(&key) {
            return found;
        }
        let Ok(_permit) = self.under_way.try_acquire() else {
            return LookedUp::Outage(format!("{UNDER_WAY_MAX} look-ups are under way already"));
        };
        let answer = self.tried(request).await;
        if !request.cache.is_zero() && !matches!(answer, LookedUp::Outage(_)) {
            self.remember(key, request.cache, answer.clone());
        }
        answer
    }

    /// Tries as often as the flow allows; each try has its share of the time, so that one that hangs leaves some for the next.
    async fn tried(&self, request: &LookUp) -> LookedUp {
        let tries = u32::from(request.retries.min(RETRIES_MAX)) + 1;
        let share = request.timeout.saturating_sub(RETRY_PAUSE * (tries - 1)) / tries;
        let mut told = String::new();
        for left in (0..tries).rev() {
            let failed = match tokio::time::timeout(share, self.fetch(request)).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(failed)) => failed,
                Err(_) => Failed { why: format!("no answer within {} ms", share.as_millis()), again: true },
            };
            told = failed.why;
            if !failed.again {
                break;
            }
            if left > 0 {
                // A service that restarts refuses at once: all tries would be over within a millisecond. Only this call's own task waits, and
                // the caller is listened to meanwhile.
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
        LookedUp::Outage(told)
    }

    fn remembered(&self, key: &str) -> Option<LookedUp> {
        let cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cache.get(key).filter(|(until, _)| *until > Instant::now()).map(|(_, answer)| answer.clone())
    }

    fn remember(&self, key: String, keep: Duration, answer: LookedUp) {
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        if cache.len() >= CACHE_MAX {
            cache.retain(|_, (until, _)| *until > now);
            if cache.len() >= CACHE_MAX {
                cache.clear();
            }
        }
        cache.insert(key, (now + keep, answer));
    }

    fn allowed(&self, url: &url::Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("look-ups speak http or https, not {}", url.scheme()));
        }
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let with_port = format!("{host}:{}", url.port_or_known_default().unwrap_or(0));
        if self.hosts.iter().any(|h| *h == host || *h == with_port) {
            return Ok(());
        }
        Err(format!("host {with_port} is not listed under [lookup] hosts of the gateway config"))
    }

    async fn fetch(&self, request: &LookUp) -> Result<LookedUp, Failed> {
        let url = url::Url::parse(&request.url).map_err(|e| format!("the look-up's address is no URL: {e}"))?;
        self.allowed(&url)?;
        let builder = match request.method.as_str() {
            "GET" => self.client.get(url),
            "POST" => self.client.post(url),
            other => return Err(format!("look-ups use GET or POST, not {other}").into()),
        };
        let builder = match &request.body {
            Some(body) => builder.json(body),
            None => builder,
        };
        let mut response = builder.send().await.map_err(|e| Failed { why: plain(&e), again: true })?;
        let status = response.status();
        if status == reqwest::StatusCode::NOT_FOUND {
            return Ok(LookedUp::NotFound);
        }
        if !status.is_success() {
            let again = status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS;
            return Err(Failed { why: format!("the service answered {status}"), again });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| Failed { why: plain(&e), again: true })? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                return Err(format!("the answer is longer than {ANSWER_MAX} bytes").into());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(LookedUp::Found(serde_json::from_slice(&bytes).map_err(|e| format!("the answer is no JSON: {e}"))?))
    }
}

/// Why there is no answer, and whether asking once more may bring one.
struct Failed {
    why: String,
    again: bool,
}

/// What will not be better next time.
impl From<String> for Failed {
    fn from(why: String) -> Failed {
        Failed { why, again: false }
    }
}

/// An error without the address, which may hold what the caller said.
fn plain(error: &reqwest::Error) -> String {
    let mut text = String::from(if error.is_connect() {
        "the service cannot be reached"
    } else if error.is_timeout() {
        "the service did not answer in time"
    } else {
        "the look-up failed"
    });
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        source = inner.source();
        if source.is_none() {
            text.push_str(": ");
            text.push_str(&inner.to_string());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use axum::routing::get;

    async fn service() -> String {
        let router = axum::Router::new()
            .route("/found", get(|| async { axum::Json(serde_json::json!({"status": "on its way"})) }))
            .route("/words", get(|| async { "no json" }))
            .route("/moved", get(|| async { (StatusCode::FOUND, [("location", "/found")], "") }))
            .route("/long", get(|| async { "9".repeat(ANSWER_MAX + 1) }))
            .route("/lame", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "oops") }))
            .route("/page", get(|| async { axum::response::Html("<html><body>Maintenance</body></html>") }))
            .route("/slow", get(|| async { std::future::pending::<String>().await }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let at = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, router).await });
        at.to_string()
    }

    fn question(url: String) -> LookUp {
        LookUp {
            name: "parcel".into(),
            method: "GET".into(),
            url,
            body: None,
            timeout: Duration::from_millis(300),
            retries: 0,
            cache: Duration::ZERO,
            waiting: None,
            sensitive: true,
        }
    }

    #[tokio::test]
    async fn every_kind_of_answer() {
        let at = service().await;
        let lookups = LookUps::new(std::slice::from_ref(&at)).expect("a client");
        let ask = |path: &str| {
            let (lookups, request) = (lookups.clone(), question(format!("http://{at}{path}")));
            async move { lookups.ask(&request).await }
        };
        assert_eq!(ask("/found").await, LookedUp::Found(serde_json::json!({"status": "on its way"})));
        assert_eq!(ask("/nothing").await, LookedUp::NotFound);
        for (path, says) in [("/words", "no JSON"), ("/moved", "302"), ("/long", "longer than"), ("/slow", "300 ms")] {
            match ask(path).await {
                LookedUp::Outage(why) => assert!(why.contains(says), "{path}: {why}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    /// A service that answers with 50 MiB, and what of it was taken.
    async fn flood() -> (String, tokio::task::JoinHandle<usize>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let at = listener.local_addr().expect("bound").to_string();
        let sent = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a client");
            let _ = socket.read(&mut [0; 4_096]).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", 50 << 20);
            socket.write_all(head.as_bytes()).await.expect("the head");
            let mut sent = 0;
            while sent < 50 << 20 && socket.write_all(&[b' '; 65_536]).await.is_ok() {
                sent += 65_536;
            }
            sent
        });
        (at, sent)
    }

    #[tokio::test]
    async fn a_flood_is_cut_short() {
        let (at, sent) = flood().await;
        let lookups = LookUps::new(std::slice::from_ref(&at)).expect("a client");
        match lookups.ask(&LookUp { timeout: Duration::from_secs(5), ..question(format!("http://{at}/")) }).await {
            LookedUp::Outage(why) => assert!(why.contains("longer than"), "{why}"),
            other => panic!("{other:?}"),
        }
        drop(lookups);
        let sent = sent.await.expect("the service");
        assert!(sent < 20 << 20, "{sent} bytes were taken");
    }

    #[tokio::test]
    async fn pages_errors_and_floods_are_outages_with_a_reason() {
        let at = service().await;
        let lookups = LookUps::new(std::slice::from_ref(&at)).expect("a client");
        for (path, says) in [("/page", "no JSON"), ("/lame", "500"), ("/slow", "no answer")] {
            match lookups.ask(&question(format!("http://{at}{path}"))).await {
                LookedUp::Outage(why) => assert!(why.contains(says) && !why.contains(&at), "{path}: {why}"),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_service_that_stumbles_is_asked_again_within_the_time() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let answer = || async {
            match ASKED.fetch_add(1, Ordering::SeqCst) {
                0 => (StatusCode::BAD_GATEWAY, "{}".to_string()),
                1 => std::future::pending().await,
                n => (StatusCode::OK, format!("{{\"asked\": {n}}}")),
            }
        };
        let router = axum::Router::new().route("/", get(answer)).route("/bad", get(|| async { (StatusCode::BAD_REQUEST, "") }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let at = listener.local_addr().expect("bound").to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let lookups = LookUps::new(std::slice::from_ref(&at)).expect("a client");
        let began = Instant::now();
        let request = LookUp { retries: 2, timeout: Duration::from_secs(3), ..question(format!("http://{at}/")) };
        assert_eq!(lookups.ask(&request).await, LookedUp::Found(serde_json::json!({ "asked": 2 })));
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        // What is wrong with the question is not asked again; nor is anything where the flow does not say so.
        let before = ASKED.load(Ordering::SeqCst);
        assert!(matches!(lookups.ask(&LookUp { url: format!("http://{at}/bad"), ..request }).await, LookedUp::Outage(_)));
        assert_eq!(ASKED.load(Ordering::SeqCst), before);
    }

    #[tokio::test]
    async fn hosts_that_are_not_listed_are_never_asked() {
        let at = service().await;
        let lookups = LookUps::new(&["parcels.example".to_string()]).expect("a client");
        match lookups.ask(&question(format!("http://{at}/found"))).await {
            LookedUp::Outage(why) => assert!(why.contains("not listed"), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn an_unreachable_service_is_told_without_the_address() {
        let lookups = LookUps::new(&["127.0.0.1".to_string()]).expect("a client");
        match lookups.ask(&question("http://127.0.0.1:9/parcels/12345678".into())).await {
            LookedUp::Outage(why) => {
                assert!(why.starts_with("the service cannot be reached") && !why.contains("1234"), "{why}")
            }
            other => panic!("{other:?}"),
        }
    }
}
