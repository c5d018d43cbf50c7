//! HTTP. For agents' programs and monitors: `GET /cards/{reference}` (what the agent is told), `GET /health`,
//! `GET /metrics`; no list of cards exists, by any way. For people: the console's page, its API under `/api/v1`
//! (start reading at `routes.rs`), and the WebSocket on which the page hears what changes (`events.rs`). Every source is
//! bound in its rate, and nothing personal is logged.

mod access;
mod attempts;
mod audit;
mod cards;
mod desk;
mod desk_said;
mod desk_view;
mod events;
mod floor;
mod guard;
mod listen;
mod metrics;
mod openapi;
mod page;
mod passwords;
mod problem;
mod routes;
mod session;
mod setup;
mod socket;
mod softphone;
mod tls;
mod users;
mod wall_view;

pub use access::Ways;
pub use events::{First, Hub, Opening, Seat, To};
pub use listen::serve;
pub use metrics::{Metrics, MetricsError, install_metrics};
pub use tls::{Tls, TlsError};

pub(crate) use passwords::{hash as password_hash, weakness as password_weakness};

use crate::base::{Pii, WallTime};
use crate::server::CardAtHand;
use crate::store::Store;
use attempts::Attempts;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;
use problem::Problem;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct WebState {
    store: Store,
    metrics: Metrics,
    /// Lets other machines read `/metrics`.
    token: Option<Pii<String>>,
    guard: Arc<guard::Guard>,
    console: Arc<Console>,
}

/// The card under a reference.
type CardsAtHand = dyn Fn(&str) -> Option<CardAtHand> + Send + Sync;

/// What the console's handlers share.
struct Console {
    ways: Ways,
    hub: Hub,
    pace: socket::Pace,
    passwords: passwords::Passwords,
    /// A lock is right here: held for a look-up in a map, never across an await.
    attempts: Mutex<Attempts>,
    /// Makes the first administrator, while there is none.
    token: setup::Token,
    /// Desks, once the gateway has said how they are reached.
    desk: OnceLock<Arc<desk::DeskSide>>,
    /// `openapi.json`, made once.
    description: String,
    /// Cards that need no records to be read, once the gateway has said where they are.
    cards: OnceLock<Box<CardsAtHand>>,
    /// Cards are signed with each of these.
    card_keys: OnceLock<Vec<Pii<String>>>,
}

impl WebState {
    /// `token` lets other machines read `/metrics`; without one only this machine may.
    pub fn new(store: Store, metrics: Metrics, token: Option<Pii<String>>, ways: Ways) -> WebState {
        WebState::at_pace(store, metrics, token, ways, socket::Pace::default())
    }

    fn at_pace(store: Store, metrics: Metrics, token: Option<Pii<String>>, ways: Ways, pace: socket::Pace) -> WebState {
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let console = Console {
            ways,
            hub: Hub::new(seconds),
            pace,
            passwords: passwords::Passwords::default(),
            attempts: Mutex::default(),
            token: setup::Token::random(),
            desk: OnceLock::new(),
            description: openapi::describe().to_string(),
            cards: OnceLock::new(),
            card_keys: OnceLock::new(),
        };
        WebState { store, metrics, token, guard: Arc::default(), console: Arc::new(console) }
    }

    /// Where everybody is told what changes.
    pub fn hub(&self) -> Hub {
        self.console.hub.clone()
    }

    /// Signs every hand-over card with each of these keys from now on. Counts once.
    pub fn sign_cards(&self, keys: Vec<Pii<String>>) {
        let _ = self.console.card_keys.set(keys);
    }

    /// Where cards are found that the records do not give. Counts once.
    fn know_cards(&self, find: impl Fn(&str) -> Option<CardAtHand> + Send + Sync + 'static) {
        let _ = self.console.cards.set(Box::new(find));
    }

    fn card_at_hand(&self, reference: &str) -> Option<CardAtHand> {
        self.console.cards.get().and_then(|find| find(reference))
    }

    fn card_keys(&self) -> &[Pii<String>] {
        self.console.card_keys.get().map_or(&[], Vec::as_slice)
    }

    /// Opens desks and wall. Keeps them up to date in a task of its own, until the runtime ends.
    pub fn open_desks(&self, desks: crate::server::Desks, reasons: Vec<String>, dispositions: Vec<String>) {
        let signs = !self.card_keys().is_empty();
        let at_hand = desks.clone();
        self.know_cards(move |reference| at_hand.card(reference));
        let side = Arc::new(desk::DeskSide::new(desks, reasons, dispositions, signs));
        if self.console.desk.set(side.clone()).is_ok() {
            tokio::spawn(floor::run(side, self.hub(), self.store.clone()));
        }
    }

    fn desk_side(&self) -> Result<Arc<desk::DeskSide>, Problem> {
        let detail = "The gateway is still starting. Please try again in a moment.";
        let starting = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        self.console.desk.get().cloned().ok_or_else(starting)
    }

    /// Where the first administrator is made, below the web side's address; `None` when there is one. It holds a secret:
    /// for the terminal of whoever starts the gateway, never for a log.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn setup_path(&self) -> Result<Option<Pii<String>>, crate::store::StoreError> {
        let needed = !self.store.has_admin().await?;
        Ok(needed.then(|| Pii::new(format!("/setup#{}", self.console.token.reveal()))))
    }

    /// Writes down that somebody did something. What was done stands also when it cannot be written down.
    async fn note(&self, user: Option<&str>, action: &str, subject: &str) {
        if let Err(error) = self.store.audit(wall_now(), user, action, subject).await {
            tracing::error!(%error, action, "the audit could not be written");
        }
    }

    /// Counts a try of a password.
    fn attempt(&self, asker: access::Asker, name: &str) -> Result<Attempt, Problem> {
        let attempt = Attempt { console: self.console.clone(), source: asker.source, name: name.to_string() };
        let begun = attempt.all().begin(asker.source, name, Instant::now());
        begun.map(|()| attempt).map_err(|wait| {
            let detail = format!("Too many wrong tries. Wait {} seconds, then try again.", wait.as_secs() + 1);
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail).retry_after(wait)
        })
    }
}

/// A try of a password that was counted.
struct Attempt {
    console: Arc<Console>,
    source: IpAddr,
    name: String,
}

impl Attempt {
    /// It does not count, then.
    fn was_right(self) {
        self.all().right(self.source, &self.name, Instant::now());
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.console.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All routes. Serve it with [`serve`], or with `into_make_service_with_connect_info::<SocketAddr>()`: the rate and the
/// metrics need to know who asks; without it every request is answered 500.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/cards/{reference}", get(cards::card))
        .route("/health", get(health))
        .route("/metrics", get(metrics::show))
        .nest(routes::BASE, routes::router(&state))
        .fallback(page::show)
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

/// 200 when the records can be read, 503 otherwise: then load balancers take us out.
async fn health(state: axum::extract::State<WebState>) -> (StatusCode, axum::Json<serde_json::Value>) {
    match state.store.calls(1).await {
        Ok(_) => (StatusCode::OK, axum::Json(serde_json::json!({ "status": "ok" }))),
        Err(error) => {
            // Much to the log, little to the asker.
            tracing::error!(%error, "health: the store does not answer");
            let body = serde_json::json!({ "status": "the records cannot be read" });
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body))
        }
    }
}

/// The calendar as it was when the program began, and the time since: sessions end by it, so that a clock that is set right, or jumps, logs
/// nobody out in the middle of a call.
fn steady_now() -> WallTime {
    static BEGAN: LazyLock<(WallTime, Instant)> = LazyLock::new(|| (wall_now(), Instant::now()));
    BEGAN.0.plus(BEGAN.1.elapsed())
}

fn wall_now() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::default().plus(since)
}

fn rfc3339(at: WallTime) -> String {
    at.utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod console_tests;
#[cfg(test)]
mod socket_tests;
#[cfg(test)]
mod tests;
