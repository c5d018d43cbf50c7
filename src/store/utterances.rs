//! Utterances: one stretch of speech and what was made of it. The sound lies beside, in a file named after it.

use super::StoreError;
use super::calls::{after_start_ms, from_word, word};
use super::database::{confidence, flag, from_sql, plain, sql_int};
use crate::base::{CallId, Confidence, Engine, Moment, Pii, UtteranceId};
use crate::call::UtteranceRecord;
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;
use std::path::PathBuf;

/// One utterance as remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UtteranceRow {
    /// Counted by the listener; an agent's from [`UtteranceId::AGENTS`] on.
    pub utterance: UtteranceId,
    /// Who said it: `caller` or `agent`.
    pub by: &'static str,
    /// Milliseconds from the call's beginning.
    pub at_ms: u64,
    /// Words; `None` once text retention has passed, empty when sensitive or nothing was heard.
    pub text: Option<Pii<String>>,
    /// How sure.
    pub confidence: Confidence,
    /// Which engine; `None` when the ears failed.
    pub engine: Option<Engine>,
    /// Rejection or failure.
    pub rejected: Option<String>,
    /// What it was taken for.
    pub meaning: Option<String>,
    /// CPU milliseconds.
    pub cpu_ms: u32,
    /// Words and sound were withheld from the start.
    pub sensitive: bool,
    /// The sound, where it is kept.
    pub clip: Option<PathBuf>,
}

pub(super) async fn insert(db: &mut AnyConnection, call: CallId, heard: &UtteranceRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO utterances (call, utterance, at_us, text, confidence, engine, rejected, meaning, cpu_ms, sensitive) \
         SELECT id, $1, $2, CASE WHEN text_removed = 0 THEN $3 END, $4, $5, $6, $7, $8, $9 FROM calls WHERE id = $10 \
         ON CONFLICT (call, utterance) DO UPDATE SET at_us = excluded.at_us, text = excluded.text, \
         confidence = excluded.confidence, engine = excluded.engine, rejected = excluded.rejected, meaning = excluded.meaning, \
         cpu_ms = excluded.cpu_ms, sensitive = excluded.sensitive",
    )
    .bind(i64::from(heard.utterance.0))
    .bind(sql_int(heard.at.micros()))
    // Revealed into the record, which retention governs, also where it was there before a message was written down; a sensitive one holds no words, whoever made it.
    .bind(plain(if heard.sensitive { "" } else { heard.text.reveal() }))
    .bind(f64::from(heard.confidence.get()))
    .bind(heard.engine.as_ref().map(word))
    .bind(heard.rejected.as_deref().map(plain))
    .bind(heard.meaning.as_deref().filter(|_| !heard.sensitive).map(plain))
    .bind(i64::from(heard.cpu_ms))
    .bind(i64::from(heard.sensitive))
    .bind(call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut AnyConnection, call: CallId, start: Moment) -> Result<Vec<UtteranceRow>, StoreError> {
    let rows = sqlx::query("SELECT * FROM utterances WHERE call = $1 ORDER BY at_us, utterance")
        .bind(call.to_string())
        .fetch_all(db)
        .await?;
    rows.iter()
        .map(|row| {
            let engine: Option<String> = row.try_get("engine")?;
            let utterance = UtteranceId(u32::try_from(from_sql(row.try_get("utterance")?)).unwrap_or(u32::MAX));
            Ok(UtteranceRow {
                utterance,
                by: if utterance.is_agent() { "agent" } else { "caller" },
                at_ms: after_start_ms(row.try_get("at_us")?, start),
                text: row.try_get::<Option<String>, _>("text")?.map(Pii::new),
                confidence: confidence(row, "confidence")?,
                engine: engine.as_deref().map(|e| from_word("an engine", e)).transpose()?,
                rejected: row.try_get("rejected")?,
                meaning: row.try_get("meaning")?,
                cpu_ms: u32::try_from(from_sql(row.try_get("cpu_ms")?)).unwrap_or(u32::MAX),
                sensitive: flag(row, "sensitive")?,
                clip: None,
            })
        })
        .collect()
}
