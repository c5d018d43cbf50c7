//! Decisions: what moved a call towards a person, with the reason.

use super::StoreError;
use super::calls::after_start_ms;
use super::database::{plain, sql_int};
use crate::base::{CallId, Moment, Pii};
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;

/// One decision as remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecisionRow {
    /// Milliseconds from the call's beginning.
    pub at_ms: u64,
    /// One word: `asked`, `misunderstood`, …
    pub what: String,
    /// One sentence with the numbers; `None` once text retention has passed.
    pub why: Option<Pii<String>>,
}

pub(super) async fn insert(db: &mut AnyConnection, call: CallId, at: Moment, what: &str, why: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO decisions (call, at_us, what, why) SELECT id, $1, $2, $3 FROM calls WHERE id = $4")
        .bind(sql_int(at.micros()))
        .bind(plain(what))
        .bind(plain(why))
        .bind(call.to_string())
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut AnyConnection, call: CallId, start: Moment) -> Result<Vec<DecisionRow>, StoreError> {
    let rows =
        sqlx::query("SELECT * FROM decisions WHERE call = $1 ORDER BY at_us, id").bind(call.to_string()).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(DecisionRow {
                at_ms: after_start_ms(row.try_get("at_us")?, start),
                what: row.try_get("what")?,
                why: row.try_get::<Option<String>, _>("why")?.map(Pii::new),
            })
        })
        .collect()
}
