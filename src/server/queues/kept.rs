//! What outlives a restart beside call-backs: the places of callers who were cut off in line or in a talk, who served whom last, and what was
//! learned of waits. A caller has a row in the store for as long as they are in line or with an agent; what a start finds there was cut
//! off, and is theirs when they call again.

use super::{Keeper, now_since};
use crate::acd::{Memory, Ticket};
use crate::base::{CallId, WallTime};
use crate::call::{HandOverCard, KeptPlace, same_caller};
use crate::server::gateway::wall_now;
use crate::store::{CallBackRow, KeptLine, LastAgent, LineRow, Store, StoreError, StoreWriter};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A place is kept for so long when it was the caller's line that broke. (After a restart it is [`crate::store::PLACE_KEPT`].)
const BROKEN_KEPT: Duration = Duration::from_secs(15 * 60);

/// Who has got in line so shortly before a line of the same number is found to be broken is its caller, as a rule.
const REDIAL: Duration = Duration::from_secs(60);

/// Places that are kept at most; the oldest goes then.
const PLACES_MAX: usize = 10_000;

/// What was learned is written down so often, where there is something new; and that the gateway lives, where somebody is in line.
const LEARNED_EVERY: Duration = Duration::from_secs(60);

/// What was learned, and that the gateway lives, as the store has them.
const LEARNED: &str = "queues";
const ALIVE: &str = "alive";

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
        // Where nobody was in line there is no such word, and nobody's place.
        let alive = store.learned(ALIVE).await?.map_or(now, |(at, _)| at);
        let lines = store.cut_off_lines(alive, now).await?;
        let agents = store.last_agents(now).await.unwrap_or_else(|error| {
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

    fn keep(&self, kept: KeptLine, claimed: Option<CallId>) {
        let mut places = self.lock();
        if places.len() >= PLACES_MAX {
            places.remove(0);
        }
        places.push(Place { kept, claimed });
    }

    /// Whether anybody has one.
    pub(super) fn any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Those whose time is over go, with what they say of their callers.
    fn tidy(&self, now: WallTime) {
        self.lock().retain(|place| place.kept.until > now);
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
        let LineRow { queue, since, talking, abusive, .. } = place.kept.line.clone();
        Some(KeptPlace { queue, ago: between(since, now), talked: talking, abusive, card })
    }

    /// That call is over: the place, if it is still there, may be had by another one.
    fn give_up(&self, call: CallId) {
        for place in self.lock().iter_mut().filter(|place| place.claimed == Some(call)) {
            place.claimed = None;
        }
    }

    /// Takes the place that this caller has in a queue: the one that the call was told of, or, where it is `free` to, one that nobody was told of.
    fn take(&self, call: CallId, caller: u64, queue: &str, free: bool, now: WallTime) -> Option<KeptLine> {
        let mut places = self.lock();
        let fits = |place: &Place| {
            let line = &place.kept.line;
            line.caller == caller && line.queue == queue && place.kept.until > now
        };
        let of = |by: Option<CallId>| move |place: &Place| place.claimed == by && fits(place);
        let told = places.iter().position(of(Some(call)));
        let at = told.or_else(|| places.iter().position(of(None)).filter(|_| free))?;
        Some(places.remove(at).kept)
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<KeptLine> {
        self.lock().iter().map(|place| place.kept.clone()).collect()
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
    /// Places that callers were given back, until an agent is on the line or they want something else.
    given: HashMap<CallId, KeptLine>,
    /// Calls that were in line: they have had what they were to have.
    seen: HashSet<CallId>,
    /// Something was learned since it was written down, and when that was.
    news: bool,
    written: Instant,
    /// When it was written down that the gateway lives; `None` = not yet.
    alive: Option<Instant>,
    /// When places were last looked through.
    tidied: Instant,
}

impl Kept {
    pub(super) fn new(places: Places, store: StoreWriter) -> Kept {
        let (rows, given, seen) = (HashMap::new(), HashMap::new(), HashSet::new());
        Kept { places, store, rows, given, seen, news: false, written: Instant::now(), alive: None, tidied: Instant::now() }
    }

    #[cfg(test)]
    pub(super) fn writer(&self) -> StoreWriter {
        self.store.clone()
    }

    /// How long the queues may sleep while somebody's place depends on them, or something is to be written down.
    pub(super) fn wakes(&self) -> Option<Duration> {
        (self.news || !self.rows.is_empty() || self.places.any()).then_some(LEARNED_EVERY)
    }

    /// A row that is left behind says how long ago this gateway was there only together with this.
    fn lives(&mut self) {
        if self.alive.is_none_or(|at| at.elapsed() >= LEARNED_EVERY) {
            self.alive = Some(Instant::now());
            self.store.learned(ALIVE, wall_now(), String::new());
        }
    }

    fn write(&mut self, row: LineRow) {
        self.lives();
        self.store.line(row.clone());
        self.rows.insert(row.call, row);
    }
}

impl Keeper {
    /// What the store knew.
    pub(super) fn remember(&mut self, remembered: Remembered, waiting: &[CallBackRow]) {
        let (now, wall) = (now_since(self.epoch), wall_now());
        // Who is called back keeps that place.
        let called_back = |line: &LineRow| {
            let same = |row: &CallBackRow| {
                row.queue == line.queue && row.wish.as_ref().is_some_and(|w| w.ticket.caller == line.caller)
            };
            waiting.iter().any(same)
        };
        for kept in remembered.lines {
            if called_back(&kept.line) {
                self.kept.store.line_over(kept.line.call, None);
            } else {
                self.kept.places.keep(kept, None);
            }
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

    /// Somebody wants to get in line: with the place that was kept for them, if there is one. Nothing is written down yet.
    pub(super) fn comes_in(&mut self, call: CallId, ticket: &mut Ticket) {
        let now = wall_now();
        if ticket.caller == 0 || ticket.call_back.is_some() {
            return;
        }
        let first = self.kept.seen.insert(call);
        if let Some(kept) = self.kept.places.take(call, ticket.caller, &ticket.queue, first, now) {
            self.kept.given.insert(call, kept);
        }
        // Also when they come into that line again.
        let Some(KeptLine { line, card, .. }) = self.kept.given.get(&call).filter(|kept| kept.line.queue == ticket.queue)
        else {
            return;
        };
        // What they have waited in this call is counted by itself.
        ticket.kept = Some(between(line.since, now).saturating_sub(ticket.waited));
        ticket.priority = ticket.priority.max(card.as_ref().map_or(0, |card| card.priority));
        ticket.returned |= line.talking;
        ticket.abusive |= line.abusive;
    }

    /// The queues have let them in.
    pub(super) fn is_in_line(&mut self, call: CallId, ticket: &Ticket) {
        if ticket.caller == 0 || ticket.call_back.is_some() {
            return;
        }
        let ago = i64::try_from((ticket.waited + ticket.kept.unwrap_or_default()).as_millis()).unwrap_or(0);
        let since = WallTime(wall_now().0.saturating_sub(ago));
        let (queue, abusive) = (ticket.queue.clone(), ticket.abusive);
        // Who had an agent is at the head of the line also when they are cut off once more before the next one.
        self.kept.write(LineRow { call, queue, caller: ticket.caller, since, talking: ticket.returned, abusive });
        if let Some(KeptLine { line, .. }) = self.kept.given.get(&call).filter(|kept| kept.line.queue == ticket.queue) {
            tracing::info!(%call, queue = ticket.queue, "somebody whose call was cut off calls again and has that place");
            metrics::counter!("hotline_queue_places_given_back_total", "queue" => ticket.queue.clone()).increment(1);
            // Last, or a death between the two would leave neither.
            self.kept.store.line_over(line.call, None);
        }
    }

    /// The queues could not serve them, then or later: the place that they had been given is theirs until its time is over, in this call or the next.
    pub(super) fn is_not_served(&mut self, call: CallId) {
        self.out_of_line(call);
        let Some(kept) = self.kept.given.remove(&call).filter(|kept| kept.until > wall_now()) else { return };
        self.kept.store.line(kept.line.clone());
        self.kept.store.line_over(kept.line.call, Some(kept.until));
        self.kept.places.keep(kept, Some(call));
    }

    /// Since when the place counts that they were given back in this queue.
    pub(super) fn place_since(&self, call: CallId, queue: &str) -> Option<WallTime> {
        self.kept.given.get(&call).filter(|kept| kept.line.queue == queue).map(|kept| kept.line.since)
    }

    /// They want something else than to wait: should they come into that line again it is as who has waited for so long, and no more.
    pub(super) fn goes_elsewhere(&mut self, call: CallId) {
        if let Some(kept) = self.kept.given.get_mut(&call) {
            (kept.line.talking, kept.card) = (false, None);
        }
    }

    /// The two hear each other.
    pub(super) fn in_talk(&mut self, call: CallId) {
        self.kept.news = true;
        let Some(row) = self.kept.rows.get_mut(&call) else { return self.serves(call) };
        row.talking = true;
        self.kept.store.line(row.clone());
        self.kept.given.remove(&call);
        // What the call was told of was perhaps in another line.
        for earlier in self.kept.places.take_all(|place| place.claimed == Some(call)) {
            self.kept.store.line_over(earlier, None);
        }
        self.serves(call);
    }

    /// Whoever talks with the caller now is who served them last.
    pub(super) fn serves(&mut self, call: CallId) {
        let abusive = self.kept.rows.get(&call).is_some_and(|row| row.abusive);
        let Some((caller, agent)) = self.acd.talk_of(call).filter(|(caller, _)| *caller != 0 && !abusive) else { return };
        self.kept.store.last_agent(LastAgent { caller, agent, call, at: wall_now() });
    }

    /// They were abusive: the agent does not get them again because of this talk.
    pub(super) fn was_abusive(&mut self, call: CallId) {
        if let Some(row) = self.kept.rows.get_mut(&call).filter(|row| !row.abusive) {
            row.abusive = true;
            self.kept.store.line(row.clone());
        }
        // Who was called back has no row.
        if let Some((caller, _)) = self.acd.talk_of(call).filter(|(caller, _)| *caller != 0) {
            self.kept.store.no_last_agent(caller);
        }
    }

    /// They are in line no more, nor with an agent.
    pub(super) fn out_of_line(&mut self, call: CallId) {
        if self.kept.rows.remove(&call).is_some() {
            self.kept.news = true;
            self.kept.store.line_over(call, None);
        }
    }

    /// Their line broke, in the queue or in the talk: through no wish of theirs, and they may be back.
    pub(super) fn caller_lost(&mut self, call: CallId, card: HandOverCard) {
        let Some(line) = self.kept.rows.remove(&call) else { return };
        self.kept.given.remove(&call);
        let now = wall_now();
        // Nobody has two places: who was to be called back is so, and who has called again before their silence was noticed is in line.
        let back = |row: &LineRow| row.caller == line.caller && between(row.since, now) < REDIAL;
        if self.is_called_back_instead(call) || self.kept.rows.values().any(back) {
            self.kept.store.line_over(call, None);
            return;
        }
        let until = now.plus(BROKEN_KEPT);
        self.kept.store.line_over(call, Some(until));
        self.kept.places.keep(KeptLine { line, until, card: Some(card) }, None);
    }

    /// The call is over, whatever it said before.
    pub(super) fn call_is_over(&mut self, call: CallId) {
        self.out_of_line(call);
        self.kept.given.remove(&call);
        self.kept.seen.remove(&call);
        self.kept.places.give_up(call);
    }

    /// Of these calls nothing may be kept any more.
    pub(super) fn forget_places(&mut self, calls: &BTreeSet<CallId>) {
        let gone = self.kept.places.take_all(|place| calls.contains(&place.kept.line.call));
        if !gone.is_empty() {
            tracing::info!(places = gone.len(), "places in line are kept no more: their calls were deleted");
        }
        self.kept.given.retain(|_, kept| !calls.contains(&kept.line.call));
    }

    /// What was known of places is kept for its time and no longer; and the store knows that this gateway lives.
    pub(super) fn keeps_places(&mut self) {
        if self.kept.tidied.elapsed() < LEARNED_EVERY {
            return;
        }
        self.kept.tidied = Instant::now();
        self.kept.places.tidy(wall_now());
        if !self.kept.rows.is_empty() {
            self.kept.lives();
        }
    }

    /// Writes down what was learned, from time to time; `now` = at once.
    pub(super) fn write_learned(&mut self, now: bool) {
        if !self.kept.news || (!now && self.kept.written.elapsed() < LEARNED_EVERY) {
            return;
        }
        (self.kept.news, self.kept.written) = (false, Instant::now());
        // Or yesterday's figures would be written as today's.
        self.new_day();
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
