//! Users, for administrators.

use super::WebState;
use super::access::SignedIn;
use super::problem::{Answer, Body, Named, Problem};
use crate::base::Pii;
use crate::store::{NewUser, PageLanguage, Role, UserChange, UserRefusal, UserRow, user_name};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Most characters of what others see.
const DISPLAY_MAX: usize = 80;

/// A user as administrators see them.
#[derive(Serialize, JsonSchema)]
pub(super) struct User {
    name: String,
    /// What others see.
    display: String,
    role: Role,
    /// Whose desk they have; null = none.
    agent: Option<String>,
    /// The page's language; null = as the browser says.
    language: Option<PageLanguage>,
    /// Cannot log in.
    disabled: bool,
    /// RFC 3339.
    created: String,
    /// RFC 3339; null = never.
    last_login: Option<String>,
}

impl From<UserRow> for User {
    fn from(user: UserRow) -> User {
        let UserRow { name, display, role, agent, language, disabled, created, last_login } = user;
        let last_login = last_login.map(super::rfc3339);
        User { name, display, role, agent, language, disabled, created: super::rfc3339(created), last_login }
    }
}

/// A user to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddUser {
    name: String,
    /// As the name unless given.
    display: Option<String>,
    role: Role,
    agent: Option<String>,
    language: Option<PageLanguage>,
    password: String,
}

/// What is to be different; what is left out stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeUser {
    display: Option<String>,
    role: Option<Role>,
    /// null = no desk any more.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    agent: Option<Option<String>>,
    /// null = as the browser says.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<PageLanguage>")]
    language: Option<Option<PageLanguage>>,
    disabled: Option<bool>,
    password: Option<String>,
}

/// Tells null, which clears, from nothing, which leaves as it is.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl From<UserRefusal> for Problem {
    fn from(refusal: UserRefusal) -> Problem {
        let (status, code, detail) = match refusal {
            UserRefusal::Unknown => (StatusCode::NOT_FOUND, "gone", "There is no such user."),
            UserRefusal::NameTaken => (StatusCode::CONFLICT, "name_taken", "There is a user with this name already."),
            UserRefusal::AgentTaken => (StatusCode::CONFLICT, "agent_taken", "Another user has the desk of this agent."),
            UserRefusal::LastAdmin => {
                (StatusCode::CONFLICT, "last_admin", "This is the last administrator; make another one first.")
            }
            UserRefusal::SetUpDone => (StatusCode::CONFLICT, "setup_done", "There is an administrator already."),
            UserRefusal::Full => (StatusCode::CONFLICT, "too_many", "There are 2000 users already."),
        };
        Problem::new(status, code, detail)
    }
}

/// `GET /users`.
pub(super) async fn list(State(state): State<WebState>) -> Answer<Json<Vec<User>>> {
    Ok(Json(state.store.users().await?.into_iter().map(User::from).collect()))
}

/// `POST /users`.
pub(super) async fn add(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(wanted): Body<AddUser>,
) -> Answer<(StatusCode, Json<User>)> {
    let name = checked_name(&wanted.name)?;
    let display = checked_display(wanted.display.as_deref().unwrap_or(wanted.name.as_str()))?;
    let agent = wanted.agent.as_deref().map(checked_name).transpose()?;
    let password = state.console.passwords.hash(Pii::new(wanted.password), &name).await?;
    let new = NewUser { name: name.clone(), display, role: wanted.role, agent, language: wanted.language, password };
    state.store.add_user(&new, super::wall_now()).await??;
    state.note(Some(&signed_in.user.name), "user_added", &name).await;
    let user = state.store.user(&name).await?.ok_or(UserRefusal::Unknown)?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// `PATCH /users/{name}`.
pub(super) async fn change(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Named(name): Named<String>,
    Body(wanted): Body<ChangeUser>,
) -> Answer<Json<User>> {
    let name = checked_name(&name)?;
    let what = wanted.in_words();
    let password = match wanted.password {
        Some(password) => Some(state.console.passwords.hash(Pii::new(password), &name).await?),
        None => None,
    };
    let change = UserChange {
        display: wanted.display.as_deref().map(checked_display).transpose()?,
        role: wanted.role,
        agent: wanted.agent.map(|agent| agent.as_deref().map(checked_name).transpose()).transpose()?,
        language: wanted.language,
        disabled: wanted.disabled,
        password,
    };
    let before = state.store.user(&name).await?.ok_or(UserRefusal::Unknown)?;
    let user = state.store.change_user(&name, &change, None).await??;
    let other_rights = (before.role, &before.agent) != (user.role, &user.agent);
    if user.disabled || other_rights || change.password.is_some() {
        // As the store has ended the sessions, too.
        state.console.hub.end_user(&name, None);
    }
    state.note(Some(&signed_in.user.name), "user_changed", &format!("{name}: {what}")).await;
    Ok(Json(user.into()))
}

/// `DELETE /users/{name}`.
pub(super) async fn remove(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Named(name): Named<String>,
) -> Answer<StatusCode> {
    let name = checked_name(&name)?;
    state.store.remove_user(&name).await??;
    state.console.hub.end_user(&name, None);
    state.note(Some(&signed_in.user.name), "user_removed", &name).await;
    Ok(StatusCode::NO_CONTENT)
}

impl ChangeUser {
    /// For the audit: which fields, and what rights they give.
    fn in_words(&self) -> String {
        let words = [
            self.display.as_ref().map(|_| "display".to_string()),
            self.role.map(|role| format!("role {}", role.as_str())),
            self.agent.as_ref().map(|agent| format!("desk {}", agent.as_deref().unwrap_or("none"))),
            self.language.map(|_| "language".to_string()),
            self.disabled.map(|disabled| (if disabled { "disabled" } else { "enabled" }).to_string()),
            self.password.as_ref().map(|_| "password".to_string()),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// The name of a user or agent as it is kept.
pub(super) fn checked_name(text: &str) -> Answer<String> {
    user_name(text)
        .ok_or_else(|| Problem::invalid("A name has 1 to 40 of a-z, 0-9, '.', '_', '-' and '@', a letter or digit first."))
}

fn checked_display(text: &str) -> Answer<String> {
    let text = text.trim();
    let good = !text.is_empty() && text.chars().count() <= DISPLAY_MAX && !text.chars().any(char::is_control);
    good.then(|| text.to_string()).ok_or_else(|| Problem::invalid("The displayed name has 1 to 80 characters."))
}
