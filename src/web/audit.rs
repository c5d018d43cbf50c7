//! Who did what, for supervisors.

use super::WebState;
use super::problem::{Answer, Asked};
use crate::store::AuditFilter;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many rows unless said otherwise.
const USUAL: u32 = 100;

/// Which rows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Those before this one; the newest unless given.
    before: Option<i64>,
    /// At most so many, and 500; 100 unless given.
    limit: Option<u32>,
    /// Only these actions, joined by commas; at most 20.
    actions: Option<String>,
    /// Only what this user did, or somebody who tried this name.
    user: Option<String>,
}

/// One thing that somebody did.
#[derive(Serialize, JsonSchema)]
pub(super) struct Entry {
    id: i64,
    /// RFC 3339.
    at: String,
    /// null = nobody who was logged in.
    user: Option<String>,
    /// Such as `login`, `login_failed`, `user_changed`.
    action: String,
    /// To whom or what; may be empty.
    subject: String,
}

/// `GET /audit`.
pub(super) async fn list(State(state): State<WebState>, Asked(page): Asked<Page>) -> Answer<Json<Vec<Entry>>> {
    let words = |text: String| text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(String::from).collect();
    let user = page.user.map(|user| user.trim().to_lowercase()).filter(|user| !user.is_empty());
    let of = AuditFilter { actions: page.actions.map(words).unwrap_or_default(), user };
    let rows = state.store.audit_page(page.before, page.limit.unwrap_or(USUAL), &of).await?;
    let entries = rows.into_iter().map(|row| Entry {
        id: row.id,
        at: super::rfc3339(row.at),
        user: row.user,
        action: row.action,
        subject: row.subject,
    });
    Ok(Json(entries.collect()))
}
