//! What stands before every route: a rate for each source, and headers that keep answers out of caches and pages.

use super::WebState;
use super::access::{Asker, Encrypted};
use super::problem::Problem;
use super::routes::BASE;
use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Requests that a source may make at once.
const BURST: f64 = 100.0;

/// Requests a second that a source may make for long.
const PER_SECOND: f64 = 50.0;

/// Sources remembered; those that were quiet are forgotten first.
const SOURCES_MAX: usize = 4_096;

/// Longest time for an answer to begin: somebody may send a body byte by byte.
const LONGEST: Duration = Duration::from_secs(30);

const HEADERS: &[(HeaderName, &str)] = &[
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Who asked how much. A lock is right here: held for a look-up in a map, never across an await, and no call waits for it.
#[derive(Default)]
pub(super) struct Guard {
    sources: Mutex<HashMap<IpAddr, Bucket>>,
}

/// A token bucket.
#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn filled(self, now: Instant) -> Bucket {
        let more = now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        Bucket { tokens: (self.tokens + more).min(BURST), at: now }
    }
}

impl Guard {
    /// Whether this source may ask now.
    fn allows(&self, source: IpAddr, now: Instant) -> bool {
        let mut sources = self.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
            // Whoever has a full bucket again is as good as new.
            sources.retain(|_, bucket| bucket.filled(now).tokens < BURST);
            if sources.len() >= SOURCES_MAX {
                return false;
            }
        }
        let bucket = sources.entry(source).or_insert(Bucket { tokens: BURST, at: now });
        *bucket = bucket.filled(now);
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        allowed
    }
}

/// The middleware.
pub(super) async fn guard(
    State(state): State<WebState>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let api = request.uri().path().strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let tls = request.extensions().get::<Encrypted>().is_some_and(|encrypted| encrypted.0);
    // Behind a proxy that is believed everybody has a rate of their own.
    let asker = Asker::of(source.ip(), tls, request.headers(), &state.console.ways);
    let mut response = if !state.guard.allows(asker.source, Instant::now()) {
        too_many(api)
    } else if !api && !matches!(*request.method(), Method::GET | Method::HEAD) {
        problem(StatusCode::METHOD_NOT_ALLOWED, "only GET is understood")
    } else {
        match tokio::time::timeout(LONGEST, next.run(request)).await {
            Ok(response) => response,
            Err(_) => problem(StatusCode::REQUEST_TIMEOUT, "this took too long"),
        }
    };
    for (name, value) in HEADERS {
        // The page says itself what it may do and how long it is kept.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn too_many(api: bool) -> Response {
    match api {
        true => Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "Too many requests. Wait a moment.")
            .retry_after(Duration::from_secs(1))
            .into_response(),
        false => ([(header::RETRY_AFTER, "1")], problem(StatusCode::TOO_MANY_REQUESTS, "too many requests")).into_response(),
    }
}

/// An error as JSON: one sentence, nothing about the inside.
pub(super) fn problem(status: StatusCode, sentence: &str) -> Response {
    (status, Json(serde_json::json!({ "error": sentence }))).into_response()
}

pub(super) async fn nothing_here() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_bound_and_recovers_and_others_are_not_touched() {
        let guard = Guard::default();
        let (noisy, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let start = Instant::now();
        assert_eq!((0..200).filter(|_| guard.allows(noisy, start)).count(), 100);
        assert!(guard.allows(other, start));
        let later = start + Duration::from_secs(1);
        assert_eq!((0..200).filter(|_| guard.allows(noisy, later)).count(), 50);
    }

    #[test]
    fn memory_is_bound() {
        let guard = Guard::default();
        let start = Instant::now();
        let source = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(n));
        assert_eq!((0..5_000).filter(|n| guard.allows(source(*n), start)).count(), SOURCES_MAX);
        assert!(guard.allows(source(9_999), start + Duration::from_secs(1)), "the quiet ones were forgotten");
    }
}
