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
        let answer = match tokio::time::timeout(request.timeout, self.fetch(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => LookedUp::Outage(why),
            Err(_) => LookedUp::Outage(format!("no answer within {} ms", request.timeout.as_millis())),
        };
        if !request.cache.is_zero() && !matches!(answer, LookedUp::Outage(_)) {
            self.remember(key, request.cache, answer.clone());
        }
        answer
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

    async fn fetch(&self, request: &LookUp) -> Result<LookedUp, String> {
        let url = url::Url::parse(&request.url).map_err(|e| format!("the look-up's address is no URL: {e}"))?;
        self.allowed(&url)?;
        let builder = match request.method.as_str() {
            "GET" => self.client.get(url),
            "POST" => self.client.post(url),
            other => return Err(format!("look-ups use GET or POST, not {other}")),
        };
        let builder = match &request.body {
            Some(body) => builder.json(body),
            None => builder,
        };
        let mut response = builder.send().await.map_err(|e| plain(&e))?;
        let status = response.status();
        if status == reqwest::StatusCode::NOT_FOUND {
            return Ok(LookedUp::NotFound);
        }
        if !status.is_success() {
            return Err(format!("the service answered {status}"));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| plain(&e))? {
            if bytes.len() + chunk.len() > ANSWER_MAX {
                return Err(format!("the answer is longer than {ANSWER_MAX} bytes"));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map(LookedUp::Found).map_err(|e| format!("the answer is no JSON: {e}"))
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
