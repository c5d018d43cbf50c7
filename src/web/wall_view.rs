//! What the wall looks like as JSON: the whole floor. The page relies on these names: add, never rename.

use super::desk::DeskSide;
use super::desk_view::{Queue, reason};
use super::rfc3339;
use crate::acd::AgentState;
use crate::base::{CallId, Moment};
use crate::call::HandOverCard;
use crate::server::Floor;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// An agent whose load is above this has had much to bear.
const HIGH_LOAD: u8 = 70;

/// Of fewer agents a mean would tell one of them what another bears.
const TEAM: usize = 3;

/// The whole floor, for supervisors.
#[derive(Serialize, JsonSchema, PartialEq, Clone)]
pub(super) struct Wall {
    queues: Vec<WallQueue>,
    agents: Vec<WallAgent>,
    waiting: Vec<Waiting>,
    /// `None` = too few are here for a mean to be nobody's own.
    load: Option<TeamLoad>,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct WallQueue {
    #[serde(flatten)]
    queue: Queue,
    calls_today: u64,
    served_today: u64,
    abandoned_today: u64,
    /// Served within 20 s, of all who came: 0–1.
    service_level: Option<f64>,
    /// Served inside what they were told: 0–1.
    coverage: Option<f64>,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct WallAgent {
    name: String,
    display: String,
    state: String,
    reason: Option<String>,
    since: String,
    queue: Option<String>,
    calls_today: u32,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Waiting {
    call: String,
    queue: String,
    position: usize,
    since: String,
    priority: u8,
    language: String,
    because: String,
    from_s: Option<u32>,
    to_s: Option<u32>,
    /// Is called back, and not on the line.
    call_back: bool,
}

/// Of the team; nobody is named.
#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct TeamLoad {
    mean: u8,
    high: usize,
}

/// The wall.
pub(super) fn wall(side: &DeskSide) -> Wall {
    let desks = &side.desks;
    let floor = desks.floor().borrow().clone();
    let card = |call: CallId| desks.board(call).and_then(|board| board.card.clone());
    wall_of(&floor, &|at| rfc3339(desks.wall(at)), &card)
}

/// The wall of this floor; `when` tells calendar times, `card` what is known of a call.
fn wall_of(floor: &Floor, when: &dyn Fn(Moment) -> String, card: &dyn Fn(CallId) -> Option<Arc<HandOverCard>>) -> Wall {
    let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
    let queues = floor.queues.iter().map(|view| {
        let kept: u64 = view.figures.iter().map(|f| f.kept).sum();
        let told: u64 = view.figures.iter().map(|f| f.told).sum();
        WallQueue {
            queue: Queue::from(view),
            calls_today: view.day.came,
            served_today: view.day.served,
            abandoned_today: view.day.gave_up,
            service_level: share(view.day.soon, view.day.came),
            coverage: share(kept, told),
        }
    });
    let agents = floor.agents.iter().map(|view| WallAgent {
        name: view.name.clone(),
        display: view.name.clone(),
        state: view.state.name().to_string(),
        reason: reason(view),
        since: when(view.since),
        queue: view.call.as_ref().map(|(queue, _)| queue.clone()),
        calls_today: view.calls,
    });
    let waiting = floor.waiting.iter().map(|w| {
        let card = card(w.call);
        let since = Moment::from_micros(floor.at.micros().saturating_sub(w.waited.as_micros() as u64));
        Waiting {
            call: w.call.to_string(),
            queue: w.queue.clone(),
            position: w.position,
            since: when(since),
            priority: w.priority,
            language: card.as_ref().map(|c| c.language.to_string()).unwrap_or_default(),
            because: card.map(|c| c.because.clone()).unwrap_or_default(),
            from_s: w.told.map(|told| told.from),
            to_s: w.told.map(|told| told.to),
            call_back: w.call_back,
        }
    });
    let loads: Vec<u8> = floor.agents.iter().filter(|a| a.state != AgentState::Offline).map(|a| a.load).collect();
    let mean = loads.iter().map(|l| u32::from(*l)).sum::<u32>().checked_div(loads.len() as u32).unwrap_or(0);
    Wall {
        queues: queues.collect(),
        agents: agents.collect(),
        waiting: waiting.collect(),
        load: (loads.len() >= TEAM)
            .then(|| TeamLoad { mean: mean as u8, high: loads.iter().filter(|l| **l > HIGH_LOAD).count() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acd::{AgentView, Presence};

    /// Three agents who have borne so much, as the wall shows them.
    fn shown(loads: [u8; 3]) -> serde_json::Value {
        serde_json::to_value(wall_of(&floor(&loads), &|at| at.millis().to_string(), &|_| None)).expect("JSON")
    }

    fn floor(loads: &[u8]) -> Floor {
        let agents = ["anna", "bob", "chen"].into_iter().zip(loads).map(|(name, load)| AgentView {
            name: name.into(),
            state: AgentState::Available,
            presence: Presence::Available,
            call: None,
            consulted_by: None,
            since: Moment::ZERO,
            until: None,
            load: *load,
            calls: 3,
        });
        Floor { agents: agents.collect(), ..Floor::default() }
    }

    #[test]
    fn the_wall_does_not_tell_whose_load_is_how_high() {
        let wall = shown([90, 7, 53]);
        assert_eq!(wall["load"], serde_json::json!({ "mean": 50, "high": 1 }));
        // Whoever bears it: not a letter of the wall differs.
        assert_eq!(wall, shown([7, 53, 90]));
        assert_eq!(wall, shown([53, 90, 7]));
        assert_ne!(wall, shown([53, 50, 7]));
        let two = wall_of(&floor(&[90, 7]), &|at| at.millis().to_string(), &|_| None);
        assert!(two.load.is_none(), "whoever knows one of two knows both");
        let known: Vec<&String> = wall["agents"][0].as_object().expect("an agent").keys().collect();
        assert_eq!(known, ["name", "display", "state", "reason", "since", "queue", "calls_today"]);
    }
}
