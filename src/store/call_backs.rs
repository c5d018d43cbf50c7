//! People who are called back: kept until they were reached or given up, so that a restart forgets nobody. Ticket and card stay only while
//! somebody waits; the number goes with the other personal data of the call in which it was confirmed.

use super::calls::{call_id, from_json, to_json};
use super::database::plain;
use super::retention::before;
use super::{RetentionRules, Store, StoreError};
use crate::base::{CallId, PhoneNumber, WallTime};
use crate::call::CallBackWish;
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::collections::BTreeSet;

/// For so long a running gateway is told whom it may not call back any more; it asks every few seconds.
const FORGOTTEN_DAYS: u32 = 2;

/// Most that are read at once; more than any gateway keeps.
const ROWS_MAX: i64 = 10_000;

/// One person who is called back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallBackRow {
    /// Random.
    pub id: CallId,
    /// The call in which it was asked for.
    pub call: CallId,
    /// In which queue the place is.
    pub queue: String,
    /// The hotline.
    pub flow: String,
    /// When it was asked for.
    pub asked: WallTime,
    /// Since when the place counts: when the caller got in line.
    pub since: WallTime,
    /// Not called before this.
    pub not_before: WallTime,
    /// How often the person was called.
    pub tries: u8,
    /// `waiting`, `served`, `not_reached`, `not_wanted`, `expired`, `replaced`, `no_flow` (its flow was served no more) or `deleted`.
    pub state: String,
    /// How the last try went, one word.
    pub outcome: Option<String>,
    /// When it was served or given up; `None` = waits.
    pub closed: Option<WallTime>,
    /// The number that was confirmed; `None` once text retention has passed.
    pub number: Option<PhoneNumber>,
    /// Place and card; `None` once it is closed.
    #[serde(skip)]
    pub wish: Option<CallBackWish>,
}

impl Store {
    /// Keeps one, or changes it.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_call_back(&self, row: &CallBackRow) -> Result<(), StoreError> {
        let mut db = self.begin_alone().await?;
        put(&mut db, row).await?;
        db.commit().await?;
        Ok(())
    }

    /// Who waits to be called back, in the order of asking. A row that cannot be read (it says so in the log) keeps nobody else from it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting_call_backs(&self) -> Result<Vec<CallBackRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM call_backs WHERE state = 'waiting' ORDER BY asked_ms LIMIT $1")
            .bind(ROWS_MAX)
            .fetch_all(&self.pool)
            .await?;
        let left_out = |error: &StoreError| tracing::error!(%error, "a call-back cannot be read and is left out; hotline calls back shows the others");
        Ok(rows.iter().filter_map(|row| read(row).inspect_err(left_out).ok()).collect())
    }

    /// Those who wait, and those that were closed last, at most `last` of these; newest first.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn call_backs(&self, last: u32) -> Result<Vec<CallBackRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM call_backs WHERE state = 'waiting' OR id IN \
             (SELECT id FROM call_backs WHERE state <> 'waiting' ORDER BY closed_ms DESC NULLS LAST LIMIT $1) ORDER BY asked_ms DESC LIMIT $2",
        )
        .bind(i64::from(last))
        .bind(ROWS_MAX)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }
}

impl Store {
    /// Calls of which nothing may be kept any more: deleted ones, and those whose call-back was forgotten with their words, each for two days;
    /// and those of today whose words have gone.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn forgotten_calls(&self, now: WallTime) -> Result<BTreeSet<CallId>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM deleted_calls UNION \
             SELECT call FROM call_backs WHERE number IS NULL AND state = 'expired' AND closed_ms >= $1 UNION \
             SELECT id FROM calls WHERE text_removed = 1 AND began_ms >= $2",
        )
        .bind(before(now, FORGOTTEN_DAYS).0)
        .bind(before(now, 1).0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| call_id(row.try_get(0)?)).collect()
    }

    /// Numbers and cards go when the words of their flow's calls do; who still waited then is given up.
    pub(super) async fn forget_call_backs(&self, now: WallTime, rules: &RetentionRules) -> Result<(), StoreError> {
        let flows = sqlx::query("SELECT DISTINCT flow FROM call_backs WHERE number IS NOT NULL").fetch_all(&self.pool).await?;
        for row in flows {
            let flow: String = row.try_get(0)?;
            let days = rules.by_flow.get(&flow).unwrap_or(&rules.otherwise);
            let Some(days) = days.text_days else { continue };
            sqlx::query(
                "UPDATE call_backs SET number = NULL, wish = NULL, closed_ms = COALESCE(closed_ms, $1), \
                 state = CASE state WHEN 'waiting' THEN 'expired' ELSE state END WHERE flow = $2 AND asked_ms < $3",
            )
            .bind(now.0)
            .bind(flow)
            .bind(before(now, days).0)
            .execute(&self.pool)
            .await?;
        }
        Ok(())
    }
}

pub(super) async fn put(db: &mut AnyConnection, row: &CallBackRow) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO call_backs (id, call, queue, flow, asked_ms, since_ms, not_before_ms, tries, state, outcome, closed_ms, number, wish) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 WHERE NOT EXISTS (SELECT 1 FROM deleted_calls WHERE id = $14) \
         ON CONFLICT (id) DO UPDATE SET not_before_ms = excluded.not_before_ms, \
         tries = excluded.tries, state = excluded.state, outcome = excluded.outcome, closed_ms = excluded.closed_ms, \
         wish = excluded.wish WHERE call_backs.number IS NOT NULL",
    )
    .bind(row.id.to_string())
    .bind(row.call.to_string())
    .bind(plain(&row.queue))
    .bind(plain(&row.flow))
    .bind(row.asked.0)
    .bind(row.since.0)
    .bind(row.not_before.0)
    .bind(i64::from(row.tries))
    .bind(plain(&row.state))
    .bind(row.outcome.as_deref().map(plain))
    .bind(row.closed.map(|at| at.0))
    .bind(row.number.as_ref().map(|number| plain(number.as_str())))
    .bind(row.wish.as_ref().map(to_json))
    .bind(row.call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<CallBackRow, StoreError> {
    let number: Option<String> = row.try_get("number")?;
    let wish: Option<String> = row.try_get("wish")?;
    let closed: Option<i64> = row.try_get("closed_ms")?;
    Ok(CallBackRow {
        id: call_id(row.try_get("id")?)?,
        call: call_id(row.try_get("call")?)?,
        queue: row.try_get("queue")?,
        flow: row.try_get("flow")?,
        asked: WallTime(row.try_get("asked_ms")?),
        since: WallTime(row.try_get("since_ms")?),
        not_before: WallTime(row.try_get("not_before_ms")?),
        tries: u8::try_from(row.try_get::<i64, _>("tries")?).unwrap_or(u8::MAX),
        state: row.try_get("state")?,
        outcome: row.try_get("outcome")?,
        closed: closed.map(WallTime),
        number: number.map(|number| PhoneNumber::new(&number)),
        wish: wish.as_deref().map(|json| from_json("a call-back", json)).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CALL, began};
    use super::*;
    use crate::acd::Ticket;
    use crate::base::{Language, Moment};
    use crate::call::HandOverCard;
    use crate::store::Retention;
    use crate::store::places::Place;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn wish(number: &str) -> CallBackWish {
        let number = PhoneNumber::new(number);
        let card = HandOverCard {
            reference: "ab".repeat(16),
            call: CallId(7),
            flow: "line".into(),
            caller: number.clone(),
            dialled: PhoneNumber::new("100"),
            diverted: None,
            language: Language::ZH,
            since: WallTime(1_000),
            seconds: 40,
            intent: Some("hours".into()),
            slots: Default::default(),
            turns: Vec::new(),
            secrets: false,
            step: None,
            verified: true,
            tier: Some("gold".into()),
            priority: 5,
            because: "asked".into(),
            spoke_with: Vec::new(),
            call_back: None,
            summary: "The caller wants: opening hours.".to_string().into(),
        };
        let ticket = Ticket {
            queue: "support".into(),
            priority: 5,
            language: Language::ZH,
            caller: 9,
            abusive: false,
            only: None,
            prefer: None,
            sent_by: None,
            emergency: false,
            returned: false,
            waited: Duration::from_secs(90),
            kept: None,
            call_back: None,
        };
        CallBackWish { number, ticket, card }
    }

    fn row(id: u128, number: &str) -> CallBackRow {
        CallBackRow {
            id: CallId(id),
            call: CALL,
            queue: "support".into(),
            flow: "line".into(),
            asked: WallTime(i64::try_from(id).expect("small")),
            since: WallTime(500),
            not_before: WallTime(600),
            tries: 0,
            state: "waiting".into(),
            outcome: None,
            closed: None,
            number: Some(PhoneNumber::new(number)),
            wish: Some(wish(number)),
        }
    }

    async fn who_waits_is_there_again_with_place_and_card_and_who_was_served_is_not(place: Place) {
        let store = place.open().await;
        let (first, second) = (row(1, "+493012345678"), row(2, "+493099999999"));
        store.put_call_back(&second).await.expect("kept");
        store.put_call_back(&first).await.expect("kept");
        assert_eq!(store.waiting_call_backs().await.expect("read"), [first.clone(), second.clone()]);
        let tried = CallBackRow { tries: 1, not_before: WallTime(900), outcome: Some("busy".into()), ..second };
        store.put_call_back(&tried).await.expect("changed");
        let served = CallBackRow { state: "served".into(), closed: Some(WallTime(800)), wish: None, ..first };
        store.put_call_back(&served).await.expect("changed");
        assert_eq!(store.waiting_call_backs().await.expect("read"), std::slice::from_ref(&tried));
        assert_eq!(store.call_backs(10).await.expect("read"), [tried.clone(), served]);
        assert_eq!(store.call_backs(0).await.expect("read"), [tried]);
    }

    async fn numbers_go_with_the_words_and_with_a_deleted_call(place: Place) {
        let store = place.open().await;
        store.write(CALL, Moment::ZERO, &began()).await.expect("written");
        store.put_call_back(&row(1, "+493012345678")).await.expect("kept");
        let days = Retention { audio_days: None, text_days: Some(1) };
        let rules = RetentionRules { by_flow: BTreeMap::new(), otherwise: days, audit_days: None };
        let day = 24 * 3_600 * 1_000;
        store.enforce_retention(WallTime(day / 2), &rules).await.expect("done");
        assert_eq!(store.waiting_call_backs().await.expect("read").len(), 1);
        store.enforce_retention(WallTime(3 * day), &rules).await.expect("done");
        let kept = store.call_backs(10).await.expect("read");
        assert_eq!((kept[0].state.as_str(), &kept[0].number, &kept[0].wish), ("expired", &None, &None));
        store.delete(CALL, WallTime(3 * day)).await.expect("deleted");
        assert_eq!(store.call_backs(10).await.expect("read"), []);
    }

    async fn a_call_is_forgotten_when_it_is_deleted_or_its_words_have_gone(place: Place) {
        let store = place.open().await;
        let calls = [CALL, CallId(8), CallId(9)];
        for call in calls {
            store.write(call, Moment::ZERO, &began()).await.expect("written");
        }
        for call in &calls[..2] {
            store.write(*call, Moment::ZERO, &super::super::tests::ended()).await.expect("written");
        }
        let now = super::super::tests::BEGAN.plus(Duration::from_secs(600));
        let forgotten = async |now| Vec::from_iter(store.forgotten_calls(now).await.expect("read"));
        assert_eq!(forgotten(now).await, []);
        store.delete(CallId(8), now).await.expect("deleted");
        assert_eq!(forgotten(now).await, [CallId(8)]);
        let rules = |text_days| {
            let days = Retention { audio_days: None, text_days };
            RetentionRules { by_flow: BTreeMap::new(), otherwise: days, audit_days: None }
        };
        store.enforce_retention(now, &rules(Some(0))).await.expect("done");
        // The third goes on.
        assert_eq!(BTreeSet::from_iter(forgotten(now).await), BTreeSet::from([CALL, CallId(8)]));
        let days_after = now.plus(Duration::from_secs(3 * 24 * 3_600));
        store.enforce_retention(days_after, &rules(None)).await.expect("done");
        assert_eq!(forgotten(days_after).await, [], "whoever held anything of them has let go");
    }

    crate::store::places::on_each_database![
        a_call_is_forgotten_when_it_is_deleted_or_its_words_have_gone,
        who_waits_is_there_again_with_place_and_card_and_who_was_served_is_not,
        numbers_go_with_the_words_and_with_a_deleted_call
    ];
}
