//! What the machine has learned, as it outlives a restart: how long calls last and how long callers stay, how announced waits turned out,
//! the day's figures, and who served a caller last. What agents had to bear is not among it: that index is theirs, and lies nowhere.

use super::machine::{Acd, REMEMBER_FOR};
use super::views::DayFigures;
use super::wait::{BANDS, Curve, Keeper, WaitFigures};
use crate::base::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was learned about the queues; text that a newer or older program wrote is read as far as it can be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// By name.
    queues: BTreeMap<String, QueueMemory>,
    /// Seconds from an offer to its answer.
    pick_up: Option<f64>,
    /// Calls that agents took since the day began, by name.
    calls: BTreeMap<String, u32>,
}

/// One queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct QueueMemory {
    /// Seconds that conversations took, and whether that was all of it.
    lengths: Vec<(f64, bool)>,
    /// The same of waits.
    patience: Vec<(f64, bool)>,
    keepers: [Keeper; BANDS],
    figures: [WaitFigures; BANDS],
    day: DayFigures,
}

impl Acd {
    /// What was learned so far.
    pub fn memory(&self) -> Memory {
        let of = |i: usize| QueueMemory {
            lengths: self.lengths[i].seen(),
            patience: self.patience[i].seen(),
            keepers: self.learned[i].keepers,
            figures: self.learned[i].figures,
            day: self.learned[i].day,
        };
        let queues = self.setup.queues.iter().enumerate().map(|(i, queue)| (queue.name.clone(), of(i))).collect();
        let calls = self.setup.agents.iter().zip(&self.agents).map(|(setup, agent)| (setup.name.clone(), agent.calls));
        Memory { queues, pick_up: Some(self.pick_up), calls: calls.filter(|(_, calls)| *calls > 0).collect() }
    }

    /// Takes it over where queues and agents are still there; `today` = it is of this day. Values that cannot be are left out.
    pub fn recall(&mut self, memory: &Memory, today: bool) {
        for (i, queue) in self.setup.queues.iter().enumerate() {
            let Some(known) = memory.queues.get(&queue.name) else { continue };
            for (curve, seen) in [(&mut self.lengths[i], &known.lengths), (&mut self.patience[i], &known.patience)] {
                if let Some(learned) = Curve::of(seen) {
                    *curve = learned;
                }
            }
            let learned = &mut self.learned[i];
            learned.keepers = known.keepers.map(Keeper::bounded);
            learned.figures = known.figures;
            if today {
                learned.day = known.day;
            }
        }
        if let Some(seconds) = memory.pick_up.filter(|seconds| (0.0..=120.0).contains(seconds)) {
            self.pick_up = seconds;
        }
        for (setup, agent) in self.setup.agents.iter().zip(&mut self.agents).filter(|_| today) {
            agent.calls = memory.calls.get(&setup.name).copied().unwrap_or(agent.calls);
        }
    }

    /// Takes over what another machine had learned, and whom callers know. (That one may have failed in the middle of an event.)
    pub fn takes_after(&mut self, before: &Acd) {
        self.recall(&before.memory(), true);
        self.remembered.clone_from(&before.remembered);
    }

    /// This agent served the caller last, so long ago.
    pub fn served_before(&mut self, at: Moment, caller: u64, agent: &str, ago: Duration) {
        if caller != 0 && ago < REMEMBER_FOR {
            self.remember_until(caller, agent.to_string(), at + (REMEMBER_FOR - ago));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Floor, agent, s, ticket};
    use super::super::{Command, Event, QueueSetup, Talk, Ticket};
    use super::*;
    use crate::base::CallId;

    fn floor() -> Floor {
        let queue = QueueSetup { wrap_up: s(0), usual: s(60), ..QueueSetup::named("help") };
        Floor::of(vec![queue], vec![agent("anna", &[("help", 1)]), agent("bob", &[("help", 1)])])
    }

    fn told(floor: &mut Floor, call: u128) -> Option<super::super::Interval> {
        floor.call(call, ticket("help")).into_iter().find_map(|command| match command {
            Command::Place { wait, .. } => wait,
            _ => None,
        })
    }

    #[test]
    fn waits_are_told_after_a_restart_as_before_it_and_the_day_goes_on() {
        let mut before = floor();
        before.here("anna");
        for call in 1..60 {
            before.call(call, ticket("help"));
            before.pick_up(call);
            before.wait(s(900));
            before.step(Event::Finished { call: CallId(call), talk: Talk::default() });
        }
        let text = serde_json::to_string(&before.acd.memory()).expect("plain data");
        assert!(text.len() < 40_000, "{} bytes are written every minute", text.len());
        let memory: Memory = serde_json::from_str(&text).expect("ours");
        for (today, served) in [(true, 59), (false, 0)] {
            let mut after = floor();
            after.here("anna");
            after.acd.recall(&memory, today);
            assert_eq!(after.acd.queue_views(after.at)[0].day.served, served);
            assert_eq!(after.acd.agent_views(after.at)[0].calls, u32::try_from(served).expect("few"));
            after.call(1, ticket("help"));
            after.pick_up(1);
            let wait = told(&mut after, 2).expect("an agent is there");
            assert!(wait.from >= 600, "calls took a quarter of an hour, not the minute of the configuration: {wait:?}");
        }
        let mut unlearned = floor();
        unlearned.here("anna");
        unlearned.call(1, ticket("help"));
        unlearned.pick_up(1);
        assert!(told(&mut unlearned, 2).expect("an agent is there").from < 300);
    }

    #[test]
    fn a_caller_meets_the_agent_again_who_served_them_before_the_restart() {
        let offered_to = |ago: Duration| {
            let mut floor = floor();
            floor.here("anna");
            floor.wait(s(60));
            floor.here("bob");
            let at = floor.at;
            floor.acd.served_before(at, 7, "bob", ago);
            let commands = floor.call(1, Ticket { caller: 7, ..ticket("help") });
            super::super::tests::offered(&commands)
        };
        assert_eq!(offered_to(s(3 * 24 * 3_600)), [(1, "bob".to_string())]);
        assert_eq!(offered_to(s(8 * 24 * 3_600)), [(1, "anna".to_string())], "who has been idle for longest");
    }

    #[test]
    fn what_cannot_be_is_left_out() {
        let mut one = floor();
        let text = r#"{"pick_up": -4, "queues": {"help": {"lengths": [[-1.0, true], [1e300, true]], "patience": [],
            "keepers": [{"shift": 1.0, "price": 0.2}, {"shift": 1.0, "price": 0.2}, {"shift": 1.0, "price": 0.2}, {"shift": 900.0, "price": -1.0}],
            "figures": [], "day": {}}, "gone": {}}, "calls": {"nobody": 4}}"#;
        assert!(serde_json::from_str::<Memory>(text).is_err(), "four figures are four figures");
        let text = text.replace("\"figures\": [], ", "").replace("\"day\": {}}", "\"later\": 1}");
        one.acd.recall(&serde_json::from_str(&text).expect("readable"), true);
        one.here("anna");
        one.call(1, ticket("help"));
        one.pick_up(1);
        assert!(told(&mut one, 2).expect("told").to <= 300, "the configuration's guess");
        assert!(serde_json::to_string(&one.acd.memory()).expect("data").contains("\"shift\":4.0"));
    }
}
