//! What the queues know and a restart must take from nobody: who is in line or with an agent (a row for as long as the call goes on, so that
//! one that is left over was cut off), who served a caller last, and what was learned of waits. Callers are hashes of their numbers here;
//! rows go with their calls, with the words of these, and by themselves after their time.

use super::calls::{call_id, from_json};
use super::database::{flag, plain};
use super::{Store, StoreError};
use crate::base::{CallId, WallTime};
use crate::call::HandOverCard;
use sqlx::Row;
use std::time::Duration;

/// How long a place is kept after the gateway has started again.
pub const PLACE_KEPT: Duration = Duration::from_secs(30 * 60);

/// Most that are read at once; more than any gateway has in line.
const ROWS_MAX: i64 = 10_000;

/// How long a caller's last agent is kept, as [`crate::acd`] remembers it.
pub(super) const AGENTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Callers whose last agent is read at a start.
const AGENTS_MAX: i64 = 20_000;

/// Somebody in line, or with an agent of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRow {
    /// Their call.
    pub call: CallId,
    /// The queue.
    pub queue: String,
    /// The caller's number as a hash, never 0.
    pub caller: u64,
    /// Since when the place counts.
    pub since: WallTime,
    /// An agent is on the line.
    pub talking: bool,
    /// The caller has been abusive.
    pub abusive: bool,
}

/// A place that is kept for somebody whose call was cut off.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptLine {
    /// Where they were.
    pub line: LineRow,
    /// How long it is kept.
    pub until: WallTime,
    /// What was known of them; `None` = nothing any more.
    pub card: Option<HandOverCard>,
}

/// Who served a caller last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAgent {
    /// The caller's number as a hash.
    pub caller: u64,
    /// Who.
    pub agent: String,
    /// In which call.
    pub call: CallId,
    /// When.
    pub at: WallTime,
}

impl Store {
    /// Somebody gets in line, or is with an agent now. Nothing is kept of a call that is not there (any more).
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_line(&self, row: &LineRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO lines (call, queue, caller, since_ms, talking, abusive) \
             SELECT id, $1, $2, $3, $4, $5 FROM calls WHERE id = $6 \
             ON CONFLICT (call) DO UPDATE SET queue = excluded.queue, since_ms = excluded.since_ms, talking = excluded.talking, \
             abusive = excluded.abusive, kept_until_ms = NULL",
        )
        .bind(plain(&row.queue))
        .bind(caller_text(row.caller))
        .bind(row.since.0)
        .bind(i64::from(row.talking))
        .bind(i64::from(row.abusive))
        .bind(row.call.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// They are in line no more, or have their place back; `kept_until` = their line broke, and the place is kept.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn end_line(&self, call: CallId, kept_until: Option<WallTime>) -> Result<(), StoreError> {
        let query = match kept_until {
            Some(until) => sqlx::query("UPDATE lines SET kept_until_ms = $1 WHERE call = $2").bind(until.0),
            None => sqlx::query("DELETE FROM lines WHERE call = $1"),
        };
        query.bind(call.to_string()).execute(&self.pool).await?;
        Ok(())
    }

    /// Who was cut off in line when the gateway stopped, or a short while before, with what was known of them. To be called once, before the
    /// gateway takes calls: whatever is found is kept for [`PLACE_KEPT`] from `now` on, and no longer; nothing where the gateway was last `alive`
    /// longer ago than that. What cannot be read keeps nobody else from it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cut_off_lines(&self, alive: WallTime, now: WallTime) -> Result<Vec<KeptLine>, StoreError> {
        // A call that came to its end was not cut off: only the word of it was lost.
        sqlx::query(
            "DELETE FROM lines WHERE kept_until_ms IS NULL AND call IN (SELECT id FROM calls WHERE ended_us IS NOT NULL)",
        )
        .execute(&self.pool)
        .await?;
        let until = if alive.plus(PLACE_KEPT) > now { now.plus(PLACE_KEPT) } else { now };
        sqlx::query("UPDATE lines SET kept_until_ms = $1 WHERE kept_until_ms IS NULL")
            .bind(until.0)
            .execute(&self.pool)
            .await?;
        self.remove_old_lines(now).await?;
        let rows = sqlx::query("SELECT * FROM lines ORDER BY since_ms LIMIT $1").bind(ROWS_MAX).fetch_all(&self.pool).await?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in &rows {
            let call = call_id(row.try_get("call")?)?;
            let Some(caller) = caller_of(row.try_get("caller")?) else { continue };
            let line = LineRow {
                call,
                queue: row.try_get("queue")?,
                caller,
                since: WallTime(row.try_get("since_ms")?),
                talking: flag(row, "talking")?,
                abusive: flag(row, "abusive")?,
            };
            let card = self.last_card_of(call).await.unwrap_or_else(|error| {
                tracing::error!(%error, %call, "the card of a caller who was cut off cannot be read; their place is kept without it");
                None
            });
            kept.push(KeptLine { line, until: WallTime(row.try_get("kept_until_ms")?), card });
        }
        Ok(kept)
    }

    async fn last_card_of(&self, call: CallId) -> Result<Option<HandOverCard>, StoreError> {
        let row = sqlx::query("SELECT card FROM cards WHERE call = $1 ORDER BY valid_until_ms DESC LIMIT 1")
            .bind(call.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| from_json("a hand-over card", row.try_get("card")?)).transpose()
    }

    /// Places that nobody has come back for.
    pub(super) async fn remove_old_lines(&self, now: WallTime) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM lines WHERE kept_until_ms <= $1").bind(now.0).execute(&self.pool).await?;
        Ok(())
    }

    /// This agent has served the caller.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_last_agent(&self, last: &LastAgent) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO last_agents (caller, agent, call, at_ms) SELECT $1, $2, id, $3 FROM calls WHERE id = $4 \
             ON CONFLICT (caller) DO UPDATE SET agent = excluded.agent, call = excluded.call, at_ms = excluded.at_ms",
        )
        .bind(caller_text(last.caller))
        .bind(plain(&last.agent))
        .bind(last.at.0)
        .bind(last.call.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// This caller meets nobody again.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn remove_last_agent(&self, caller: u64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM last_agents WHERE caller = $1").bind(caller_text(caller)).execute(&self.pool).await?;
        Ok(())
    }

    /// Who served whom last so long ago that it counts no more.
    pub(super) async fn remove_old_last_agents(&self, now: WallTime) -> Result<(), StoreError> {
        let since = now.0.saturating_sub(i64::try_from(AGENTS_KEPT.as_millis()).unwrap_or(i64::MAX));
        sqlx::query("DELETE FROM last_agents WHERE at_ms < $1").bind(since).execute(&self.pool).await?;
        Ok(())
    }

    /// Who served callers last, the newest 20 000 of the last seven days.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_agents(&self, now: WallTime) -> Result<Vec<LastAgent>, StoreError> {
        self.remove_old_last_agents(now).await?;
        let rows = sqlx::query("SELECT * FROM last_agents ORDER BY at_ms DESC LIMIT $1")
            .bind(AGENTS_MAX)
            .fetch_all(&self.pool)
            .await?;
        let read = |row: &sqlx::any::AnyRow| -> Result<Option<LastAgent>, StoreError> {
            let Some(caller) = caller_of(row.try_get("caller")?) else { return Ok(None) };
            let (agent, call) = (row.try_get("agent")?, call_id(row.try_get("call")?)?);
            Ok(Some(LastAgent { caller, agent, call, at: WallTime(row.try_get("at_ms")?) }))
        };
        rows.iter().filter_map(|row| read(row).transpose()).collect()
    }

    /// Keeps what was learned under a name, as JSON.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_learned(&self, name: &str, at: WallTime, body: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO learned (name, at_ms, body) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms, body = excluded.body",
        )
        .bind(name)
        .bind(at.0)
        .bind(body)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// What was learned under that name, and when it was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn learned(&self, name: &str) -> Result<Option<(WallTime, String)>, StoreError> {
        let row = sqlx::query("SELECT at_ms, body FROM learned WHERE name = $1").bind(name).fetch_optional(&self.pool).await?;
        row.map(|row| Ok((WallTime(row.try_get("at_ms")?), row.try_get("body")?))).transpose()
    }
}

/// A database's integers have a sign.
fn caller_text(caller: u64) -> String {
    format!("{caller:016x}")
}

fn caller_of(text: String) -> Option<u64> {
    u64::from_str_radix(&text, 16).ok().filter(|caller| *caller != 0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CALL, began};
    use super::*;
    use crate::base::{Disposition, Moment};
    use crate::call::Record;
    use crate::store::places::Place;
    use crate::store::{Retention, RetentionRules};
    use std::collections::BTreeMap;

    const NOW: WallTime = WallTime(1_800_000_000_000);

    fn line(talking: bool) -> LineRow {
        LineRow {
            call: CALL,
            queue: "support".into(),
            caller: u64::MAX - 5,
            since: WallTime(NOW.0 - 300_000),
            talking,
            abusive: talking,
        }
    }

    async fn who_was_cut_off_is_known_for_half_an_hour_and_who_was_not_is_not(place: Place) {
        let store = place.open().await;
        store.put_line(&line(false)).await.expect("done");
        assert_eq!(store.cut_off_lines(NOW, NOW).await.expect("read"), [], "of a call that is not there nothing is kept");
        store.write(CALL, Moment::ZERO, &began()).await.expect("written");
        store.put_line(&line(false)).await.expect("kept");
        store.end_line(CALL, None).await.expect("ended");
        assert_eq!(store.cut_off_lines(NOW, NOW).await.expect("read"), []);
        store.put_line(&line(false)).await.expect("kept");
        store.put_line(&line(true)).await.expect("changed");
        let kept = KeptLine { line: line(true), until: NOW.plus(PLACE_KEPT), card: None };
        assert_eq!(store.cut_off_lines(NOW, NOW).await.expect("read"), std::slice::from_ref(&kept));
        // A second restart does not make it longer.
        let later = NOW.plus(PLACE_KEPT / 2);
        assert_eq!(store.cut_off_lines(NOW, later).await.expect("read"), [kept]);
        assert_eq!(store.cut_off_lines(NOW, NOW.plus(PLACE_KEPT)).await.expect("read"), []);
    }

    async fn who_was_cut_off_before_a_long_outage_is_not_kept_and_who_came_to_an_end_neither(place: Place) {
        let store = place.open().await;
        store.write(CALL, Moment::ZERO, &began()).await.expect("written");
        store.put_line(&line(false)).await.expect("kept");
        assert_eq!(store.cut_off_lines(NOW, NOW.plus(PLACE_KEPT)).await.expect("read"), [], "nobody calls back after so long");
        store.put_line(&line(false)).await.expect("kept");
        let just = NOW.plus(PLACE_KEPT - Duration::from_secs(1));
        assert_eq!(store.cut_off_lines(NOW, just).await.expect("read").len(), 1);
        store.put_line(&line(true)).await.expect("kept");
        let over = Record::Ended {
            disposition: Disposition::Answered,
            fault: Disposition::Answered.fault(),
            at: Moment::from_millis(9_000),
            request_to_person_ms: None,
        };
        store.write(CALL, Moment::from_millis(9_000), &over).await.expect("written");
        assert_eq!(store.cut_off_lines(NOW, NOW).await.expect("read"), [], "the call ended; only the word of it was lost");
    }

    async fn a_broken_line_keeps_its_place_for_its_own_time(place: Place) {
        let store = place.open().await;
        store.write(CALL, Moment::ZERO, &began()).await.expect("written");
        store.put_line(&line(false)).await.expect("kept");
        store.end_line(CALL, Some(WallTime(NOW.0 + 1_000))).await.expect("kept");
        assert_eq!(
            store.cut_off_lines(NOW, NOW).await.expect("read").first().map(|kept| kept.until),
            Some(WallTime(NOW.0 + 1_000))
        );
        store.delete(CALL, NOW).await.expect("deleted");
        assert_eq!(store.cut_off_lines(NOW, NOW).await.expect("read"), [], "it went with the call");
    }

    async fn the_last_agent_goes_with_the_words_and_after_its_time(place: Place) {
        let store = place.open().await;
        let last = |agent: &str, at: i64| LastAgent { caller: 7, agent: agent.into(), call: CALL, at: WallTime(at) };
        store.put_last_agent(&last("anna", NOW.0)).await.expect("done");
        assert_eq!(store.last_agents(NOW).await.expect("read"), []);
        store.write(CALL, Moment::ZERO, &began()).await.expect("written");
        store.put_last_agent(&last("anna", NOW.0)).await.expect("kept");
        store.put_last_agent(&last("bob", NOW.0 + 5)).await.expect("kept");
        assert_eq!(store.last_agents(NOW.plus(AGENTS_KEPT)).await.expect("read"), [last("bob", NOW.0 + 5)]);
        assert_eq!(store.last_agents(WallTime(NOW.plus(AGENTS_KEPT).0 + 6)).await.expect("read"), []);
        store.put_last_agent(&last("anna", NOW.0)).await.expect("kept");
        store.remove_last_agent(8).await.expect("done");
        assert_eq!(store.last_agents(NOW).await.expect("read").len(), 1);
        store.remove_last_agent(7).await.expect("done");
        assert_eq!(store.last_agents(NOW).await.expect("read"), []);
        // Neither words nor an end are waited for where the gateway runs on and on.
        store.put_last_agent(&last("anna", NOW.0)).await.expect("kept");
        let none = RetentionRules {
            by_flow: BTreeMap::new(),
            otherwise: Retention { audio_days: None, text_days: None },
            audit_days: None,
        };
        store.enforce_retention(WallTime(NOW.plus(AGENTS_KEPT).0 + 1), &none).await.expect("done");
        assert_eq!(store.last_agents(NOW).await.expect("read"), []);
        store.put_last_agent(&last("anna", NOW.0)).await.expect("kept");
        store.end_interrupted().await.expect("ended");
        let days = Retention { audio_days: None, text_days: Some(1) };
        let rules = RetentionRules { by_flow: BTreeMap::new(), otherwise: days, audit_days: None };
        store.enforce_retention(NOW.plus(Duration::from_secs(400 * 86_400)), &rules).await.expect("done");
        assert_eq!(store.last_agents(NOW).await.expect("read"), []);
    }

    async fn what_was_learned_is_there_again(place: Place) {
        let store = place.open().await;
        assert_eq!(store.learned("queues").await.expect("read"), None);
        store.put_learned("queues", NOW, "{}").await.expect("kept");
        store.put_learned("queues", WallTime(NOW.0 + 1), "{\"a\":1}").await.expect("kept");
        assert_eq!(store.learned("queues").await.expect("read"), Some((WallTime(NOW.0 + 1), "{\"a\":1}".to_string())));
    }

    crate::store::places::on_each_database![
        who_was_cut_off_is_known_for_half_an_hour_and_who_was_not_is_not,
        who_was_cut_off_before_a_long_outage_is_not_kept_and_who_came_to_an_end_neither,
        a_broken_line_keeps_its_place_for_its_own_time,
        the_last_agent_goes_with_the_words_and_after_its_time,
        what_was_learned_is_there_again
    ];
}
