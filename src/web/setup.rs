//! The first administrator. While there is none, `hotline serve` makes a token, keeps it in memory alone and prints where to
//! go with it; once there is one the token is worth nothing.

use super::WebState;
use super::access::Asker;
use super::problem::{Answer, Body, Problem};
use super::session;
use super::users::checked_name;
use crate::base::{Pii, hex};
use crate::store::{NewUser, Role, UserRefusal};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// Lets whoever holds it make the first administrator.
#[derive(Debug, Clone)]
pub(super) struct Token(Pii<String>);

impl Token {
    pub(super) fn random() -> Token {
        Token(Pii::new(hex(&rand::random::<[u8; 16]>())))
    }

    pub(super) fn reveal(&self) -> &str {
        self.0.reveal()
    }

    fn is(&self, given: &str) -> bool {
        bool::from(self.0.reveal().as_bytes().ct_eq(given.trim().as_bytes()))
    }
}

/// Whether there is anything to set up.
#[derive(Serialize, JsonSchema)]
pub(super) struct SetUp {
    /// The first administrator is still to be made.
    needed: bool,
}

/// Who the first administrator is to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstAdmin {
    /// What `hotline serve` printed behind `#`.
    token: String,
    /// By which they log in.
    name: String,
    password: String,
}

/// `GET /setup`.
pub(super) async fn state(State(state): State<WebState>) -> Answer<Json<SetUp>> {
    Ok(Json(SetUp { needed: !state.store.has_admin().await? }))
}

/// `POST /setup`.
pub(super) async fn first_admin(
    State(state): State<WebState>,
    asker: Asker,
    Body(wanted): Body<FirstAdmin>,
) -> Answer<Response> {
    let done = || Problem::new(StatusCode::CONFLICT, "setup_done", "There is an administrator already. Log in instead.");
    if state.store.has_admin().await? {
        return Err(done());
    }
    // The right token is never made to wait: 128 random bits are not guessed, and strangers must not be able to stop the set-up.
    if !state.console.token.is(&wanted.token) {
        state.attempt(asker, "(set-up)")?;
        state.note(None, "setup_failed", "").await;
        let detail = "This link is not valid. Use the one that hotline printed when it was last started.";
        return Err(Problem::new(StatusCode::FORBIDDEN, "wrong_token", detail));
    }
    let name = checked_name(&wanted.name)?;
    let password = state.console.passwords.hash(Pii::new(wanted.password), &name).await?;
    let display = wanted.name.trim().to_string();
    let new = NewUser { name: name.clone(), display, role: Role::Admin, agent: None, language: None, password };
    match state.store.add_first_admin(&new, super::wall_now()).await? {
        Ok(()) => {}
        Err(UserRefusal::SetUpDone) => return Err(done()),
        Err(refusal) => return Err(refusal.into()),
    }
    state.note(Some(&name), "setup_done", "").await;
    let user = state.store.user(&name).await?.ok_or_else(done)?;
    session::begin(&state, asker, user).await
}
