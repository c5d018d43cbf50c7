//! Logging in and out, and what users change about themselves.

use super::WebState;
use super::access::{Asker, SignedIn, cookie};
use super::problem::{Answer, Asked, Body, Problem};
use crate::base::{Pii, hex};
use crate::store::{PageLanguage, Role, SessionHash, UserChange, UserRow, user_name};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who is logged in.
#[derive(Serialize, JsonSchema)]
pub(super) struct Session {
    user: SessionUser,
    /// Whose desk they have; null = none.
    agent: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct SessionUser {
    name: String,
    /// What others see.
    display: String,
    role: Role,
    /// null = as the browser says.
    language: Option<PageLanguage>,
}

impl Session {
    fn of(user: UserRow) -> Session {
        let UserRow { name, display, role, language, agent, .. } = user;
        Session { user: SessionUser { name, display, role, language }, agent }
    }
}

/// Name and password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogIn {
    name: String,
    password: String,
}

/// Where from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogOut {
    /// From all browsers, not this one alone.
    #[serde(default)]
    everywhere: bool,
}

/// The page's language.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Language {
    /// null = as the browser says.
    language: Option<PageLanguage>,
}

/// One's own password, changed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    old: String,
    new: String,
}

/// `GET /session`.
pub(super) async fn show(signed_in: SignedIn) -> Json<Session> {
    Json(Session::of(signed_in.user))
}

/// `POST /session`. Wrong names, wrong passwords and disabled users get the same answer after the same time.
pub(super) async fn log_in(State(state): State<WebState>, asker: Asker, Body(given): Body<LogIn>) -> Answer<Response> {
    let wrong = || Problem::new(StatusCode::UNAUTHORIZED, "wrong_password", "The name or the password is wrong.");
    let name = user_name(&given.name);
    let attempt = state.attempt(asker, name.as_deref().unwrap_or_default())?;
    let user = match &name {
        Some(name) => state.store.user(name).await?,
        None => None,
    };
    let hash = match &user {
        Some(user) => state.store.password_of(&user.name).await?,
        None => None,
    };
    if !state.console.passwords.fits(Pii::new(given.password), hash).await? {
        // Only names that exist are written down: people type passwords into the wrong field.
        state.note(None, "login_failed", user.as_ref().map_or("(no such user)", |user| &user.name)).await;
        return Err(wrong());
    }
    attempt.was_right();
    begin(&state, asker, user.ok_or_else(wrong)?).await
}

/// Begins a session and gives its cookie.
pub(super) async fn begin(state: &WebState, asker: Asker, user: UserRow) -> Answer<Response> {
    let token = hex(&rand::random::<[u8; 32]>());
    if !state.store.begin_session(&SessionHash::of(&token), &user.name, super::steady_now()).await? {
        return Err(Problem::no_session());
    }
    state.note(Some(&user.name), "login", "").await;
    Ok(([(header::SET_COOKIE, cookie(Some(&token), asker))], Json(Session::of(user))).into_response())
}

/// `DELETE /session`.
pub(super) async fn log_out(
    State(state): State<WebState>,
    asker: Asker,
    signed_in: SignedIn,
    Asked(asked): Asked<LogOut>,
) -> Answer<Response> {
    let name = &signed_in.user.name;
    if asked.everywhere {
        state.store.end_sessions(name).await?;
        state.console.hub.end_user(name, None);
    } else {
        state.store.end_session(&signed_in.session).await?;
        state.console.hub.end_session(&signed_in.session);
    }
    state.note(Some(name), if asked.everywhere { "logout_everywhere" } else { "logout" }, "").await;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(None, asker))]).into_response())
}

/// `PATCH /session`.
pub(super) async fn set_language(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(wanted): Body<Language>,
) -> Answer<Json<Session>> {
    let change = UserChange { language: Some(wanted.language), ..UserChange::default() };
    let user = state.store.change_user(&signed_in.user.name, &change, None).await??;
    Ok(Json(Session::of(user)))
}

/// `POST /session/password`. All other sessions of the user end.
pub(super) async fn change_password(
    State(state): State<WebState>,
    asker: Asker,
    signed_in: SignedIn,
    Body(given): Body<NewPassword>,
) -> Answer<StatusCode> {
    let name = &signed_in.user.name;
    let attempt = state.attempt(asker, name)?;
    let hash = state.store.password_of(name).await?;
    if !state.console.passwords.fits(Pii::new(given.old), hash).await? {
        state.note(Some(name), "password_change_failed", "").await;
        return Err(Problem::new(StatusCode::FORBIDDEN, "wrong_password", "The old password is wrong."));
    }
    attempt.was_right();
    let password = state.console.passwords.hash(Pii::new(given.new), name).await?;
    let change = UserChange { password: Some(password), ..UserChange::default() };
    state.store.change_user(name, &change, Some(&signed_in.session)).await??;
    state.console.hub.end_user(name, Some(&signed_in.session));
    state.note(Some(name), "password_changed", "").await;
    Ok(StatusCode::NO_CONTENT)
}
