//! Keeps desks and walls up to date: whatever changes on the floor or on a call's board is sent as a whole state to whom it
//! concerns, and who closes the last tab takes no more calls.

use super::desk::{DeskSide, NewPresence, seen};
use super::desk_view::{self, Desk};
use super::problem::{Answer, Body, Named, Problem};
use super::wall_view::{self, Wall};
use super::{First, Hub, Opening, Seat, To, WebState};
use crate::acd::Presence;
use crate::server::NO_PHONE;
use crate::store::{PresenceRow, Role, Store};
use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Changes that come faster than this are sent together.
const TOGETHER: Duration = Duration::from_millis(100);
/// Load, waits and times move without an event.
const EVERY: Duration = Duration::from_secs(5);
/// Where agents were counts after a restart that took no longer than this.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// And their desks are back within so long, or they have gone meanwhile.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// Where agents are is written down when it changes, and so often because time passes.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);
/// The one topic.
const WALL: &str = "wall";

/// First states of new sockets.
struct Firsts(Arc<DeskSide>);

fn json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("our own types serialise: string keys, no failing types")
}

#[async_trait]
impl Opening for Firsts {
    async fn first(&self, seat: &Seat) -> Vec<First> {
        self.0.look();
        let desk = seat.agent.as_ref().and_then(|agent| desk_view::desk(&self.0, agent));
        desk.map(|desk| ("desk", json(&desk))).into_iter().collect()
    }

    fn topic(&self, name: &str) -> Option<(&'static str, Role)> {
        (name == WALL).then_some((WALL, Role::Supervisor))
    }

    async fn watched(&self, _seat: &Seat, _topic: &'static str) -> Vec<First> {
        vec![(WALL, json(&wall_view::wall(&self.0)))]
    }
}

/// Runs until it is dropped.
pub(super) async fn run(side: Arc<DeskSide>, hub: Hub, store: Store) {
    if hub.set_opening(Arc::new(Firsts(side.clone()))).is_err() {
        tracing::error!("the console's desks are set up twice");
        return;
    }
    let mut open = Open::after_restart(come_back(&side, &store).await, Instant::now());
    let mut memory = Memory::default();
    let (mut floor, mut boards, mut here) = (side.desks.floor(), side.desks.boards_changed(), hub.agents_here());
    let mut sent: HashMap<String, Desk> = HashMap::new();
    let mut wall: Option<Wall> = None;
    let mut earliest = Instant::now();
    loop {
        tokio::select! {
            changed = floor.changed() => if changed.is_err() { return },
            changed = boards.changed() => if changed.is_err() { return },
            changed = here.changed() => if changed.is_err() { return },
            // The page's clock: nothing happens, and yet waits grow longer.
            () = tokio::time::sleep(EVERY) => {}
        }
        // The first change is sent at once, what comes in the next tenth of a second together: nobody reads faster.
        tokio::time::sleep_until(earliest).await;
        earliest = Instant::now() + TOGETHER;
        floor.mark_unchanged();
        boards.mark_unchanged();
        let now = here.borrow_and_update().clone();
        for gone in open.now(now, Instant::now()) {
            tab_closed(&side, &gone);
        }
        side.look();
        memory.keep(&side, &store);
        for agent in &open.present {
            let Some(desk) = desk_view::desk(&side, agent) else { continue };
            if sent.get(agent) != Some(&desk) {
                hub.send_state(To::Agent(agent.clone()), "desk", &json(&desk));
                sent.insert(agent.clone(), desk);
            }
        }
        sent.retain(|agent, _| open.present.contains(agent));
        let new = wall_view::wall(&side);
        if wall.as_ref() != Some(&new) {
            hub.send_state(To::Watching(WALL), WALL, &json(&new));
            wall = Some(new);
        }
    }
}

/// Whose desk is open, or counts as open for a while after a restart.
struct Open {
    /// Open, or awaited.
    present: BTreeSet<String>,
    /// Who is there again by what is remembered, and whose desk has not come back yet.
    awaited: BTreeSet<String>,
    /// For so long.
    until: Instant,
}

impl Open {
    fn after_restart(awaited: BTreeSet<String>, at: Instant) -> Open {
        Open { present: awaited.clone(), awaited, until: at + BACK_WITHIN }
    }

    /// These desks are open now; gives who has none any more.
    fn now(&mut self, here: BTreeSet<String>, at: Instant) -> Vec<String> {
        self.awaited.retain(|agent| !here.contains(agent) && at < self.until);
        let mut now = here;
        now.extend(self.awaited.iter().cloned());
        let gone = self.present.difference(&now).cloned().collect();
        self.present = now;
        gone
    }
}

/// Whether this agent is there only by a desk, and not by a phone alone.
fn has_desk(side: &DeskSide, agent: &str) -> bool {
    side.desks.people().setup.agents.iter().any(|a| a.name == agent && a.returns.is_none())
}

/// Nobody is offered a call who does not see it. Who talks goes on: the call is on the phone.
fn tab_closed(side: &DeskSide, agent: &str) {
    let floor = side.desks.floor().borrow().clone();
    // Whose phone is not there would be available again with it.
    let takes = |presence: &Presence| *presence == Presence::Available || *presence == Presence::Away(NO_PHONE.into());
    let available = floor.agents.iter().any(|a| a.name == agent && takes(&a.presence));
    if available && has_desk(side, agent) {
        tracing::info!(agent, "the desk was closed; its agent is offered no more calls");
        side.desks.set_presence(agent, Presence::Away("desk_closed".into()));
    }
}

/// Where agents with desks are, for a restart: whoever changed it, and however long ago.
#[derive(Default)]
struct Memory {
    written: HashMap<String, (Presence, Instant)>,
    /// One write at a time: a database that is away keeps nobody's desk from being shown.
    writing: Option<tokio::task::JoinHandle<()>>,
}

impl Memory {
    fn keep(&mut self, side: &DeskSide, store: &Store) {
        if self.writing.as_ref().is_some_and(|writing| !writing.is_finished()) {
            return;
        }
        let floor = side.desks.floor().borrow().clone();
        let now = Instant::now();
        let mut rows = Vec::new();
        for agent in floor.agents.iter().filter(|agent| has_desk(side, &agent.name)) {
            let known = self.written.get(&agent.name);
            let news = known.is_none_or(|(presence, at)| *presence != agent.presence || now - *at >= WRITTEN_EVERY);
            // Who has not been here is nothing to remember.
            if !news || (known.is_none() && agent.presence == Presence::Offline) {
                continue;
            }
            let (state, reason) = match &agent.presence {
                Presence::Offline => ("offline", None),
                // They are available as soon as their phone is there.
                Presence::Away(why) if why == NO_PHONE => ("available", None),
                Presence::Away(why) => ("away", Some(why.clone())),
                Presence::Available => ("available", None),
            };
            rows.push(PresenceRow { agent: agent.name.clone(), state: state.into(), reason });
            self.written.insert(agent.name.clone(), (agent.presence.clone(), now));
        }
        if !rows.is_empty() {
            let store = store.clone();
            self.writing = Some(tokio::spawn(async move {
                for row in rows {
                    if let Err(error) = store.set_presence(&row, super::wall_now()).await {
                        tracing::error!(%error, "where an agent is could not be remembered");
                    }
                }
            }));
        }
    }
}

/// After a restart agents are where they were; gives who takes calls.
async fn come_back(side: &DeskSide, store: &Store) -> BTreeSet<String> {
    let mut back = BTreeSet::new();
    let since = super::wall_now().0.saturating_sub(REMEMBERED.as_millis() as i64);
    match store.presences(crate::base::WallTime(since)).await {
        Ok(rows) => {
            for row in rows {
                let presence = match (row.state.as_str(), row.reason) {
                    ("available", _) => Presence::Available,
                    ("away", Some(why)) => Presence::Away(why),
                    _ => continue,
                };
                if presence == Presence::Available && has_desk(side, &row.agent) {
                    back.insert(row.agent.clone());
                }
                side.desks.set_presence(&row.agent, presence);
            }
        }
        Err(error) => tracing::error!(%error, "where the agents were could not be read; they log in anew"),
    }
    back
}

/// `GET /wall`.
pub(super) async fn show(State(state): State<WebState>) -> Answer<Json<Wall>> {
    let side = state.desk_side()?;
    Ok(Json(wall_view::wall(&side)))
}

/// `POST /wall/agents/{name}/presence`.
pub(super) async fn set_presence(
    State(state): State<WebState>,
    signed_in: super::access::SignedIn,
    Named(name): Named<String>,
    Body(wanted): Body<NewPresence>,
) -> Answer<Json<Wall>> {
    let side = state.desk_side()?;
    if !side.desks.people().phones.contains_key(&name) {
        return Err(Problem::not_found());
    }
    let presence = wanted.presence(&side.reasons)?;
    let sees = !has_desk(&side, &name) || state.hub().agents_here().borrow().contains(&name);
    if presence == Presence::Available && !sees {
        let detail = "Their desk is not open, so they would not see the call. They must log in first.";
        return Err(Problem::new(StatusCode::CONFLICT, "desk_closed", detail));
    }
    state.note(Some(&signed_in.user.name), "presence_set", &format!("{name} {}", wanted.state)).await;
    let asked = side.desks.set_presence(&name, presence);
    seen(&side, asked).await?;
    Ok(Json(wall_view::wall(&side)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_restart_a_desk_that_does_not_come_back_in_time_is_closed_and_one_that_does_is_not() {
        let agents = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let start = Instant::now();
        let mut open = Open::after_restart(agents(&["anna", "bob"]), start);
        let mut at = |here: &[&str], millis: u64| open.now(agents(here), start + Duration::from_millis(millis));
        let nobody: [&str; 0] = [];
        assert_eq!(at(&[], 0), nobody, "both are awaited");
        assert_eq!(at(&["bob", "carl"], 10_000), nobody, "Bob is back, and Carl has come");
        assert_eq!(at(&["bob", "carl"], 29_999), nobody, "Anna has a millisecond left");
        assert_eq!(at(&["bob", "carl"], 30_000), ["anna"], "and has not come back");
        assert_eq!(at(&["bob", "carl"], 35_000), nobody, "which is told once");
        assert_eq!(at(&["carl"], 40_000), ["bob"]);
        // Who was back has no second half-minute when the desk is closed again.
        let mut open = Open::after_restart(agents(&["anna"]), start);
        assert_eq!(open.now(agents(&["anna"]), start), nobody);
        assert_eq!(open.now(agents(&[]), start + Duration::from_secs(1)), ["anna"]);
    }
}
