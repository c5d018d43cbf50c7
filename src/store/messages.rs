//! Messages: what callers left when nobody was there.

use super::StoreError;
use super::calls::after_start_ms;
use super::database::{from_sql, plain, sql_int};
use crate::base::{CallId, Moment};
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;
use std::path::PathBuf;

/// One message as remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageRow {
    /// Milliseconds from the call's beginning.
    pub at_ms: u64,
    /// Milliseconds of speech.
    pub speech_ms: u32,
    /// Why a person was wanted.
    pub because: String,
    /// The sound, where it is kept.
    pub sound: Option<PathBuf>,
}

pub(super) async fn insert(
    db: &mut AnyConnection,
    call: CallId,
    at: Moment,
    speech_ms: u32,
    because: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO messages (call, at_us, speech_ms, because) SELECT id, $1, $2, $3 FROM calls WHERE id = $4")
        .bind(sql_int(at.micros()))
        .bind(i64::from(speech_ms))
        .bind(plain(because))
        .bind(call.to_string())
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut AnyConnection, call: CallId, start: Moment) -> Result<Vec<MessageRow>, StoreError> {
    let rows =
        sqlx::query("SELECT * FROM messages WHERE call = $1 ORDER BY at_us, id").bind(call.to_string()).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(MessageRow {
                at_ms: after_start_ms(row.try_get("at_us")?, start),
                speech_ms: u32::try_from(from_sql(row.try_get("speech_ms")?)).unwrap_or(u32::MAX),
                because: row.try_get("because")?,
                sound: None,
            })
        })
        .collect()
}
