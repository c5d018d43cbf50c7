//! Messages: what callers left when nobody was there. Their words are an utterance of the call, because they become known later.

use super::calls::after_start_ms;
use super::database::{from_sql, plain, sql_int};
use super::{Store, StoreError, UtteranceRow};
use crate::base::{CallId, Moment, PhoneNumber, Pii, WallTime};
use crate::call::MESSAGE;
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;
use std::path::PathBuf;

/// One message as remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageRow {
    /// Milliseconds from the call's beginning.
    pub at_ms: u64,
    /// Milliseconds of speech.
    pub speech_ms: u32,
    /// Why a person was wanted.
    pub because: String,
    /// The sound, where it is kept.
    pub sound: Option<PathBuf>,
    /// What was said; `None` while that is not known, where nobody writes messages down, and once text retention has passed.
    pub words: Option<Pii<String>>,
    /// What is wrong with these words, or why there are none.
    pub lacking: Option<String>,
}

/// One message in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedMessage {
    /// The call in which it was left.
    pub call: CallId,
    /// When that call came.
    pub began: WallTime,
    /// Who; `None` once text retention has passed.
    pub caller: Option<PhoneNumber>,
    /// Which flow.
    pub flow: String,
    /// The message.
    #[serde(flatten)]
    pub message: MessageRow,
}

impl Store {
    /// What callers left in the last so many calls with a message, newest call first.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn messages(&self, last: u32) -> Result<Vec<ListedMessage>, StoreError> {
        let calls = sqlx::query(
            "SELECT c.id FROM calls c WHERE EXISTS (SELECT 1 FROM messages m WHERE m.call = c.id) \
             ORDER BY c.began_ms DESC, c.id DESC LIMIT $1",
        )
        .bind(i64::from(last))
        .fetch_all(&self.pool)
        .await?;
        let mut all = Vec::new();
        for row in calls {
            // Deleted just now, it is none any more.
            if let Some(story) = self.call(super::calls::call_id(row.try_get(0)?)?).await? {
                let call = story.call;
                all.extend(story.messages.into_iter().map(|message| ListedMessage {
                    call: call.id,
                    began: call.began,
                    caller: call.caller.clone(),
                    flow: call.flow.clone(),
                    message,
                }));
            }
        }
        Ok(all)
    }
}

/// Puts each message's words beside it: those of the last utterance before it that was a message.
pub(super) fn add_words(messages: &mut [MessageRow], utterances: &[UtteranceRow]) {
    let mut after = 0;
    for message in messages {
        let of_it =
            |said: &&UtteranceRow| said.meaning.as_deref() == Some(MESSAGE) && (after..=message.at_ms).contains(&said.at_ms);
        if let Some(said) = utterances.iter().rfind(of_it) {
            message.words.clone_from(&said.text);
            message.lacking.clone_from(&said.rejected);
        }
        after = message.at_ms;
    }
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
                words: None,
                lacking: None,
            })
        })
        .collect()
}
