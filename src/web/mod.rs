//! HTTP: `GET /cards/{reference}` (what the agent is told), `GET /health`, `GET /metrics`. No list of cards exists, by any
//! way. Answers are never cached, every source is bound in its rate, and nothing personal is logged.

mod cards;
mod guard;
mod metrics;

pub use metrics::{Metrics, MetricsError, install_metrics};

use crate::base::Pii;
use crate::store::Store;
use axum::Router;
use axum::middleware;
use axum::routing::get;
use std::sync::Arc;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct WebState {
    store: Store,
    metrics: Metrics,
    /// Lets other machines read `/metrics`.
    token: Option<Pii<String>>,
    guard: Arc<guard::Guard>,
}

impl WebState {
    /// `token` lets other machines read `/metrics`; without one only this machine may.
    pub fn new(store: Store, metrics: Metrics, token: Option<Pii<String>>) -> WebState {
        WebState { store, metrics, token, guard: Arc::default() }
    }
}

/// All routes. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: the rate and the metrics need to know
/// who asks; without it every request is answered 500.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/cards/{reference}", get(cards::card))
        .route("/health", get(health))
        .route("/metrics", get(metrics::show))
        .fallback(guard::nothing_here)
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

/// 200 when the records can be read, 503 otherwise: then load balancers take us out.
async fn health(state: axum::extract::State<WebState>) -> (axum::http::StatusCode, axum::Json<serde_json::Value>) {
    match state.store.calls(1).await {
        Ok(_) => (axum::http::StatusCode::OK, axum::Json(serde_json::json!({ "status": "ok" }))),
        Err(error) => {
            // Much to the log, little to the asker.
            tracing::error!(%error, "health: the store does not answer");
            let body = serde_json::json!({ "status": "the records cannot be read" });
            (axum::http::StatusCode::SERVICE_UNAVAILABLE, axum::Json(body))
        }
    }
}

#[cfg(test)]
mod tests;
