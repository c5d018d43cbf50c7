//! Attempts: tries to reach a person.

use super::StoreError;
use super::calls::after_start_ms;
use super::database::{plain, sql_int};
use crate::base::{CallId, Moment};
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;

/// One try as remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptRow {
    /// Milliseconds from the call's beginning.
    pub at_ms: u64,
    /// Target's name in the flow.
    pub target: String,
    /// `refer` or `bridge`.
    pub method: String,
    /// `answered`, or SIP status / reason.
    pub outcome: String,
}

pub(super) async fn insert(
    db: &mut AnyConnection,
    call: CallId,
    at: Moment,
    target: &str,
    method: &str,
    outcome: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO attempts (call, at_us, target, method, outcome) SELECT id, $1, $2, $3, $4 FROM calls WHERE id = $5",
    )
    .bind(sql_int(at.micros()))
    .bind(plain(target))
    .bind(plain(method))
    .bind(plain(outcome))
    .bind(call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut AnyConnection, call: CallId, start: Moment) -> Result<Vec<AttemptRow>, StoreError> {
    let rows =
        sqlx::query("SELECT * FROM attempts WHERE call = $1 ORDER BY at_us, id").bind(call.to_string()).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(AttemptRow {
                at_ms: after_start_ms(row.try_get("at_us")?, start),
                target: row.try_get("target")?,
                method: row.try_get("method")?,
                outcome: row.try_get("outcome")?,
            })
        })
        .collect()
}
