//! Keeps desks and walls up to date: whatever changes on the floor or on a call's board is sent as a whole state to whom it
//! concerns, and who closes the last tab takes no more calls.

use super::desk::{DeskSide, NewPresence, seen};
use super::desk_view::{self, Desk};
use super::problem::{Answer, Body, Named, Problem};
use super::wall_view::{self, Wall};
use super::{First, Hub, Opening, Seat, To, WebState};
use crate::acd::Presence;
use crate::server::NO_PHONE;
use crate::store::{Role, Store};
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
    come_back(&side, &store).await;
    let (mut floor, mut boards, mut here) = (side.desks.floor(), side.desks.boards_changed(), hub.agents_here());
    let mut present: BTreeSet<String> = BTreeSet::new();
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
        for gone in present.difference(&now) {
            tab_closed(&side, gone);
        }
        present = now;
        side.look();
        for agent in &present {
            let Some(desk) = desk_view::desk(&side, agent) else { continue };
            if sent.get(agent) != Some(&desk) {
                hub.send_state(To::Agent(agent.clone()), "desk", &json(&desk));
                sent.insert(agent.clone(), desk);
            }
        }
        sent.retain(|agent, _| present.contains(agent));
        let new = wall_view::wall(&side);
        if wall.as_ref() != Some(&new) {
            hub.send_state(To::Watching(WALL), WALL, &json(&new));
            wall = Some(new);
        }
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

/// After a restart agents are where they were.
async fn come_back(side: &DeskSide, store: &Store) {
    let since = super::wall_now().0.saturating_sub(REMEMBERED.as_millis() as i64);
    match store.presences(crate::base::WallTime(since)).await {
        Ok(rows) => {
            for row in rows {
                let wanted = NewPresence { state: row.state, reason: row.reason };
                if let Ok(presence) = wanted.presence(&side.reasons) {
                    side.desks.set_presence(&row.agent, presence);
                }
            }
        }
        Err(error) => tracing::error!(%error, "where the agents were could not be read; they log in anew"),
    }
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
