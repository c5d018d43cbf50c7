//! Turns: one question and its answer.

use super::StoreError;
use super::calls::{after_start_ms, from_json, to_json};
use super::database::{confidence, flag, from_sql, plain, sql_int};
use crate::base::{CallId, Confidence, Moment, Pii};
use crate::call::TurnRecord;
use crate::nlu::{IntentName, Slots};
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;

/// One turn as remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TurnRow {
    /// Counted from 0.
    pub turn: u32,
    /// Milliseconds from the call's beginning.
    pub at_ms: u64,
    /// The node that asked.
    pub node: String,
    /// What the caller said or keyed; `None` once text retention has passed, empty when sensitive.
    pub heard: Option<Pii<String>>,
    /// `voice`, `keys` or `silence`.
    pub by: String,
    /// How sure the ears were.
    pub heard_confidence: Confidence,
    /// What it was taken for; `None` = misunderstood.
    pub meaning: Option<IntentName>,
    /// How sure the matcher was.
    pub meaning_confidence: Confidence,
    /// Slots so far; `None` once text retention has passed.
    pub slots: Option<Pii<Slots>>,
    /// What we said next; `None` once text retention has passed.
    pub answer: Option<Pii<String>>,
    /// Words were withheld from the start.
    pub sensitive: bool,
}

pub(super) async fn insert(db: &mut AnyConnection, call: CallId, turn: &TurnRecord) -> Result<(), StoreError> {
    // A sensitive turn holds no words, whoever made the record.
    let keep = !turn.sensitive;
    let slots = if keep { to_json(turn.slots.reveal()) } else { "{}".to_string() };
    sqlx::query(
        "INSERT INTO turns (call, turn, at_us, node, heard, heard_by, heard_confidence, meaning, meaning_confidence, slots, answer, \
         sensitive) SELECT id, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM calls WHERE id = $12 \
         ON CONFLICT (call, turn) DO UPDATE SET at_us = excluded.at_us, node = excluded.node, heard = excluded.heard, \
         heard_by = excluded.heard_by, heard_confidence = excluded.heard_confidence, meaning = excluded.meaning, \
         meaning_confidence = excluded.meaning_confidence, slots = excluded.slots, answer = excluded.answer, \
         sensitive = excluded.sensitive",
    )
    .bind(i64::from(turn.turn))
    .bind(sql_int(turn.at.micros()))
    .bind(plain(turn.node.as_str()))
    // Revealed into the record, which retention governs.
    .bind(plain(if keep { turn.heard.reveal() } else { "" }))
    .bind(plain(turn.by.as_str()))
    .bind(f64::from(turn.heard_confidence.get()))
    .bind(turn.meaning.as_deref().map(plain))
    .bind(f64::from(turn.meaning_confidence.get()))
    .bind(slots)
    // What we said after a PIN may repeat it.
    .bind(plain(if keep { turn.answer.reveal() } else { "" }))
    .bind(i64::from(turn.sensitive))
    .bind(call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut AnyConnection, call: CallId, start: Moment) -> Result<Vec<TurnRow>, StoreError> {
    let rows = sqlx::query("SELECT * FROM turns WHERE call = $1 ORDER BY turn").bind(call.to_string()).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            let slots: Option<String> = row.try_get("slots")?;
            Ok(TurnRow {
                turn: u32::try_from(from_sql(row.try_get("turn")?)).unwrap_or(u32::MAX),
                at_ms: after_start_ms(row.try_get("at_us")?, start),
                node: row.try_get("node")?,
                heard: row.try_get::<Option<String>, _>("heard")?.map(Pii::new),
                by: row.try_get("heard_by")?,
                heard_confidence: confidence(row, "heard_confidence")?,
                meaning: row.try_get("meaning")?,
                meaning_confidence: confidence(row, "meaning_confidence")?,
                slots: slots.as_deref().map(|s| from_json("a turn's slots", s)).transpose()?,
                answer: row.try_get::<Option<String>, _>("answer")?.map(Pii::new),
                sensitive: flag(row, "sensitive")?,
            })
        })
        .collect()
}
