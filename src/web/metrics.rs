//! `GET /metrics`: Prometheus text, for this machine, or for whoever has the token.

use super::WebState;
use super::guard::problem;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::net::SocketAddr;
use std::sync::OnceLock;
use subtle::ConstantTimeEq;

/// Where the figures of this process are collected.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// The figures cannot be collected.
#[derive(Debug, Clone, thiserror::Error)]
#[error("figures cannot be collected: {0}")]
pub struct MetricsError(String);

/// Upper bounds for times in seconds: what a caller notices lies between 0.1 and 3.
const SECONDS: &[f64] = &[0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];

/// Begins to collect figures in this process; asked again it gives the same.
///
/// # Errors
/// When something else in the process collects them already.
pub fn install_metrics() -> Result<Metrics, MetricsError> {
    static INSTALLED: OnceLock<Result<Metrics, MetricsError>> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets(SECONDS).map_err(|e| MetricsError(e.to_string()))?;
        builder.install_recorder().map(Metrics).map_err(|e| MetricsError(e.to_string()))
    };
    INSTALLED.get_or_init(install).clone()
}

/// The handler.
pub(super) async fn show(
    State(state): State<WebState>,
    ConnectInfo(source): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    // Behind a proxy on this machine everybody seems to be here.
    let proxied = ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| headers.contains_key(*name));
    let here = source.ip().to_canonical().is_loopback() && !proxied;
    let known = state.token.as_ref().is_some_and(|token| bears(&headers, token.reveal()));
    if !here && !known {
        return problem(StatusCode::FORBIDDEN, "figures are for this machine, or for whoever has the token");
    }
    // Lets histograms drop what they have counted.
    state.metrics.0.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.0.render()).into_response()
}

/// Whether the request carries `Authorization: Bearer TOKEN`; takes the same time for every wrong token of that length.
fn bears(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.as_bytes().strip_prefix(b"Bearer "));
    !token.is_empty() && given.is_some_and(|given| bool::from(given.ct_eq(token.as_bytes())))
}
