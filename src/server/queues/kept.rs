//! What outlives a restart beside call-backs: the places of callers who were cut off in line or in a talk, who served whom last, and what was
//! learned of waits. A caller has a row in the store for as long as they are in line or with an agent; what a start finds there was cut
//! off, and is theirs when they call again.

use super::{Keeper, now_since};
use crate::acd::{Memory, Ticket};
use crate::base::{CallId, WallTime};
use crate::call::{KeptPlace, same_caller};
use crate::server::gateway::wall_now;
use crate::store::{KeptLine, LastAgent, LineRow, Store, StoreError, StoreWriter};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A place is kept for so long when it was the caller's line that broke. (After a restart it is [`crate::store::PLACE_KEPT`].)
const BROKEN_KEPT: Duration = Duration::from_secs(15 * 60);

/// Places that are kept at most; the oldest goes then.
const PLACES_MAX: usize = 10_000;

/// What was learned is written down so often, where there is something new.
const LEARNED_EVERY: Duration = Duration::from_secs(60);

/// Its name in the store.
const LEARNED: &str = "queues";

/// How long a repeat caller's agent is read back.
const AGENTS_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the store knew of the queues when the gateway started.
#[derive(Default)]
pub(in crate::server) struct Remembered {
    lines: Vec<KeptLine>,
    agents: Vec<LastAgent>,
    /// When it was written, and what was learned by then.
    learned: Option<(WallTime, Memory)>,
}

impl Remembered {
    /// Reads it. Only places are worth not starting for; of the rest it is said that it is gone.
    pub(in crate::server) async fn read(store: &Store, now: WallTime) -> Result<Remembered, StoreError> {
        let lines = store.cut_off_lines(now).await?;
        let agents =
            store.last_agents(WallTime(now.0.saturating_sub(AGENTS_FOR.as_millis() as i64))).await.unwrap_or_else(|error| {
                tracing::error!(%error, "who served whom last cannot be read: repeat callers meet anybody for now");
                Vec::new()
            });
        let learned = match store.learned(LEARNED).await {
            Ok(found) => found.and_then(|(at, body)| match serde_json::from_str(&body) {
                Ok(memory) => Some((at, memory)),
                Err(error) => {
                    tracing::error!(%error, "what was learned of waits cannot be read and is learned anew");
                    None
                }
            }),
            Err(error) => {
                tracing::error!(%error, "what was learned of waits cannot be read and is learned anew");
                None
            }
        };
        if !lines.is_empty() {
            tracing::info!(
                callers = lines.len(),
                "callers were cut off when the gateway stopped; who calls again has their place"
            );
        }
        Ok(Remembered { lines, agents, learned })
    }
}

/// Somebody who was cut off, and the call in which they may be back.
struct Place {
    kept: KeptLine,
    claimed: Option<CallId>,
}

/// The places that are kept. The router looks for a caller's, the queues give it back. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<Vec<Place>>>);

impl Places {
    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, kept: KeptLine) {
        let mut places = self.lock();
        if places.len() >= PLACES_MAX {
            places.remove(0);
        }
        places.push(Place { kept, claimed: None });
    }

    /// The place of whoever calls from this number, for this call: not for a second one that comes meanwhile.
    pub(super) fn claim(&self, call: CallId, from: &str, flow: &str, now: WallTime) -> Option<KeptPlace> {
        // As `Call` does: a number with less than that is none.
        if from.chars().filter(char::is_ascii_digit).count() < 3 {
            return None;
        }
        let caller = same_caller(from);
        let mut places = self.lock();
        places.retain(|place| place.kept.until > now);
        let of = |place: &&mut Place| {
            let card = place.kept.card.as_ref();
            place.claimed.is_none() && place.kept.line.caller == caller && card.is_some_and(|card| card.flow == flow)
        };
        let place = places.iter_mut().find(of)?;
        let mut card = place.kept.card.clone()?;
        card.reference.clear();
        place.claimed = Some(call);
        let LineRow { queue, since, talking, .. } = place.kept.line.clone();
        Some(KeptPlace { queue, waited: between(since, now), talked: talking, card })
    }

    /// That call is over: the place, if it is still there, may be had by another one.
    fn give_up(&self, call: CallId) {
        for place in self.lock().iter_mut().filter(|place| place.claimed == Some(call)) {
            place.claimed = None;
        }
    }

    /// Takes the place that this caller has in a queue.
    fn take(&self, call: CallId, caller: u64, queue: &str, now: WallTime) -> Option<KeptLine> {
        let mut places = self.lock();
        let fits = |place: &Place| {
            let line = &place.kept.line;
            line.caller == caller && line.queue == queue && place.kept.until > now && place.claimed.is_none_or(|by| by == call)
        };
        // That which the call was told of goes first.
        let at = places
            .iter()
            .position(|place| place.claimed == Some(call) && fits(place))
            .or_else(|| places.iter().position(fits))?;
        Some(places.remove(at).kept)
    }

    #[cfg(test)]
    pub(super) fn calls(&self) -> Vec<u128> {
        self.lock().iter().map(|place| place.kept.line.call.0).collect()
    }

    /// Takes all that fit.
    fn take_all(&self, fits: impl Fn(&Place) -> bool) -> Vec<CallId> {
        let mut places = self.lock();
        let gone = places.iter().filter(|place| fits(place)).map(|place| place.kept.line.call).collect();
        places.retain(|place| !fits(place));
        gone
    }
}

/// The queues' own side of it.
pub(super) struct Kept {
    pub(super) places: Places,
    store: StoreWriter,
    /// Callers in line and in talks, as the store has them.
    rows: HashMap<CallId, LineRow>,
    /// Something was learned since it was written down, and when that was.
    news: bool,
    written: Instant,
}

impl Kept {
    pub(super) fn new(places: Places, store: StoreWriter) -> Kept {
        Kept { places, store, rows: HashMap::new(), news: false, written: Instant::now() }
    }

    #[cfg(test)]
    pub(super) fn writer(&self) -> StoreWriter {
        self.store.clone()
    }
}

impl Keeper {
    /// What the store knew.
    pub(super) fn remember(&mut self, remembered: Remembered) {
        let (now, wall) = (now_since(self.epoch), wall_now());
        for kept in remembered.lines {
            self.kept.places.keep(kept);
        }
        // The newest come first there, and what comes last counts.
        for last in remembered.agents.into_iter().rev() {
            self.acd.served_before(now.at, last.caller, &last.agent, between(last.at, wall));
        }
        if let Some((at, memory)) = remembered.learned {
            let today = at.utc().date_naive() == wall.utc().date_naive();
            self.acd.recall(&memory, today);
        }
    }

    /// Somebody gets in line: with the place that was kept for them, if there is one.
    pub(super) fn in_line(&mut self, call: CallId, ticket: &mut Ticket) {
        let now = wall_now();
        if ticket.caller == 0 || ticket.call_back.is_some() {
            return;
        }
        if let Some(KeptLine { line, card, .. }) = self.kept.places.take(call, ticket.caller, &ticket.queue, now) {
            tracing::info!(%call, queue = ticket.queue, "somebody whose call was cut off calls again and has that place");
            metrics::counter!("hotline_queue_places_given_back_total", "queue" => ticket.queue.clone()).increment(1);
            ticket.waited = ticket.waited.max(between(line.since, now));
            ticket.priority = ticket.priority.max(card.map_or(0, |card| card.priority));
            ticket.returned |= line.talking;
            self.kept.store.line_over(line.call, None);
        }
        let waited = i64::try_from(ticket.waited.as_millis()).unwrap_or(0);
        let since = WallTime(now.0.saturating_sub(waited));
        let row = LineRow { call, queue: ticket.queue.clone(), caller: ticket.caller, since, talking: false };
        self.kept.store.line(row.clone());
        self.kept.rows.insert(call, row);
    }

    /// The two hear each other.
    pub(super) fn in_talk(&mut self, call: CallId) {
        self.kept.news = true;
        let Some(row) = self.kept.rows.get_mut(&call) else { return };
        row.talking = true;
        let caller = row.caller;
        self.kept.store.line(row.clone());
        for earlier in
            self.kept.places.take_all(|place| place.kept.line.caller == caller && place.claimed.is_none_or(|by| by == call))
        {
            self.kept.store.line_over(earlier, None);
        }
        self.serves(call);
    }

    /// Whoever talks with the caller now is who served them last.
    pub(super) fn serves(&mut self, call: CallId) {
        let Some(row) = self.kept.rows.get(&call) else { return };
        let Some(agent) = self.acd.agent_of(call) else { return };
        self.kept.store.last_agent(LastAgent { caller: row.caller, agent, call, at: wall_now() });
    }

    /// They are in line no more, nor with an agent. `broke` = through no wish of theirs: they may be back.
    pub(super) fn out_of_line(&mut self, call: CallId, broke: bool) {
        let Some(row) = self.kept.rows.remove(&call) else { return };
        self.kept.news = true;
        let until = broke.then(|| wall_now().plus(BROKEN_KEPT));
        self.kept.store.line_over(call, until);
        if let Some(until) = until {
            // Their card lies in the store; the place alone is theirs until the gateway starts again.
            self.kept.places.keep(KeptLine { line: row, until, card: None });
        }
    }

    /// The call is over, whatever it said before.
    pub(super) fn call_is_over(&mut self, call: CallId) {
        self.out_of_line(call, false);
        self.kept.places.give_up(call);
    }

    /// Of these calls nothing may be kept any more.
    pub(super) fn forget_places(&mut self, calls: &BTreeSet<CallId>) {
        self.kept.places.take_all(|place| calls.contains(&place.kept.line.call));
    }

    /// Writes down what was learned, from time to time; `now` = at once.
    pub(super) fn write_learned(&mut self, now: bool) {
        if !self.kept.news || (!now && self.kept.written.elapsed() < LEARNED_EVERY) {
            return;
        }
        (self.kept.news, self.kept.written) = (false, Instant::now());
        match serde_json::to_string(&self.acd.memory()) {
            Ok(body) => drop(self.kept.store.learned(LEARNED, wall_now(), body)),
            Err(error) => tracing::error!(%error, "what was learned of waits cannot be written down"),
        }
    }
}

/// Time from one to the other; nothing where the calendar says otherwise.
fn between(earlier: WallTime, later: WallTime) -> Duration {
    Duration::from_millis(u64::try_from(later.0.saturating_sub(earlier.0)).unwrap_or(0))
}
