//! Call-backs: tickets whose people are not on the line. They keep place, priority and ageing; they are offered only in their hours,
//! never told anything, and never sent elsewhere because nobody is there.

use super::face::Command;
use super::machine::Acd;
use super::state::Waiting;
use super::wait::Interval;
use crate::base::{CallId, Moment};
use std::time::Duration;

/// How often it is looked whether the hours of call-backs have begun.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Acd {
    /// The ticket stays where it is, under the name of the call that will ring the person. An agent who is being rung for the caller
    /// is offered anew: nobody is on the line any more.
    pub(super) fn call_back(&mut self, at: Moment, call: CallId, later: CallId, out: &mut Vec<Command>) {
        let Some(place) = self.position_of(call) else { return };
        if self.waiting[place].not_before.is_some() || self.position_of(later).is_some() || self.talking.contains_key(&later) {
            return;
        }
        if let Some(offered) = self.waiting[place].offered {
            self.idle(at, offered.agent);
            self.give_back(call, out);
        }
        let waiting = &mut self.waiting[place];
        (waiting.call, waiting.not_before) = (later, Some(at));
        // What was announced was for somebody who stays on the line.
        (waiting.told, waiting.alone, waiting.first_offered) = (None, None, None);
        waiting.ticket.call_back = Some(Duration::ZERO);
        let (queue, waited) = (waiting.queue, at.since(waiting.since));
        self.patience[queue].see(waited, false);
        out.push(Command::Changed);
    }

    /// Whether a call-back may be had in this queue instead of such a wait.
    pub(super) fn offers_call_back(&self, queue: usize, wait: Option<Interval>) -> bool {
        let Some(setup) = &self.setup.queues[queue].call_back else { return false };
        let waiting = self.waiting.iter().filter(|w| w.queue == queue && w.not_before.is_some()).count();
        waiting < setup.full && wait.is_none_or(|wait| Duration::from_secs(u64::from(wait.to)) >= setup.from)
    }

    /// Whether agents may be offered this ticket now: a call-back only in its hours and after the gap.
    pub(super) fn is_due(&self, at: Moment, waiting: &Waiting) -> bool {
        waiting.not_before.is_none_or(|not_before| not_before <= at && self.calls_now(waiting.queue))
    }

    fn calls_now(&self, queue: usize) -> bool {
        self.setup.queues[queue].call_back.as_ref().is_some_and(|setup| setup.hours.open_at(self.wall))
    }

    /// When a call-back that is not due may be: after the gap, or as soon as the hours are seen to have begun.
    pub(super) fn may_begin(&self, waiting: &Waiting, not_before: Moment) -> Option<Moment> {
        let looks = (!self.calls_now(waiting.queue)).then(|| self.at + LOOK_EVERY);
        Some(not_before).filter(|not_before| *not_before > self.at).max(looks)
    }

    /// How long a call-back is kept. Where the queue has none any more it is given up at once.
    pub(super) fn keep(&self, waiting: &Waiting) -> Duration {
        self.setup.queues[waiting.queue].call_back.as_ref().map_or(Duration::ZERO, |setup| setup.keep)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Floor, agent, offered, s, ticket};
    use super::super::{CallBackSetup, Command, Event, Presence, QueueSetup, Talk, Ticket, Unserved};
    use super::*;
    use crate::base::{OpeningHours, Span};

    /// The tests' calendar stands still on a Thursday at midnight.
    fn hours(from: u32) -> OpeningHours {
        let from = chrono::NaiveTime::from_hms_opt(from, 0, 0).expect("a time");
        let span = Span { day: chrono::Weekday::Thu, from, to: chrono::NaiveTime::MIN };
        OpeningHours { zone: chrono_tz::UTC, week: vec![span], closed: Vec::new() }
    }

    fn floor(from: u32) -> Floor {
        let call_back = Some(CallBackSetup { full: 1, ..CallBackSetup::usual(hours(from)) });
        let queue = QueueSetup { call_back, full: 2, wrap_up: s(0), ..QueueSetup::named("help") };
        let mut floor = Floor::of(vec![queue], vec![agent("anna", &[("help", 1)])]);
        floor.here("anna");
        floor.call(1, ticket("help"));
        floor.pick_up(1);
        floor
    }

    fn ends(floor: &mut Floor, call: u128) -> Vec<(u128, String)> {
        offered(&floor.step(Event::Finished { call: CallId(call), talk: Talk::default() }))
    }

    #[test]
    fn the_place_is_kept_before_those_who_came_later_and_no_room_is_taken_from_them() {
        let mut floor = floor(0);
        floor.call(2, ticket("help"));
        floor.call(3, ticket("help"));
        floor.step(Event::CallBack { call: CallId(2), later: CallId(20) });
        // The one who asked is not in line any more, so that another may come.
        assert_eq!(floor.call(4, ticket("help")).len(), 1);
        assert_eq!(ends(&mut floor, 1), [(20, "anna".to_string())], "whose place it was");
        floor.pick_up(20);
        assert_eq!(ends(&mut floor, 20), [(3, "anna".to_string())]);
    }

    #[test]
    fn a_call_back_is_offered_while_there_is_room_and_the_wait_is_long() {
        let mut floor = floor(0);
        let told = |commands: &[Command]| match commands {
            [Command::Place { call_back, .. }] => *call_back,
            other => panic!("{other:?}"),
        };
        assert!(told(&floor.call(2, ticket("help"))), "one talks, the wait is several minutes");
        floor.step(Event::CallBack { call: CallId(2), later: CallId(20) });
        assert!(!told(&floor.call(3, ticket("help"))), "one is the most here");
    }

    #[test]
    fn nobody_is_called_outside_the_hours_and_everybody_else_is_served() {
        let mut floor = floor(8);
        floor.call(2, ticket("help"));
        floor.call(3, ticket("help"));
        floor.step(Event::CallBack { call: CallId(2), later: CallId(20) });
        assert_eq!(ends(&mut floor, 1), [(3, "anna".to_string())], "it is midnight");
        let views = floor.acd.waiting_views(floor.at);
        assert!(views.iter().any(|w| w.call == CallId(20) && w.call_back));
    }

    #[test]
    fn after_a_try_the_agent_is_free_at_once_and_the_person_is_called_after_the_gap() {
        let mut floor = floor(0);
        floor.call(2, ticket("help"));
        floor.step(Event::CallBack { call: CallId(2), later: CallId(20) });
        ends(&mut floor, 1);
        floor.step(Event::Accepted { call: CallId(20), agent: "anna".into() });
        floor.wait(s(30));
        ends(&mut floor, 20);
        let again = Ticket { call_back: Some(s(600)), waited: s(60), ..ticket("help") };
        assert_eq!(floor.call(21, again), []);
        assert_eq!(offered(&floor.wait(s(599))), []);
        assert_eq!(offered(&floor.wait(s(2))), [(21, "anna".to_string())]);
    }

    #[test]
    fn who_asked_before_a_restart_has_the_same_place_after_it() {
        let mut floor = floor(0);
        let back = |hours: u64, priority: u8| Ticket {
            call_back: Some(Duration::ZERO),
            waited: s(hours * 3_600),
            priority,
            ..ticket("help")
        };
        // All of them came before the machine's time began; the tests begin a quarter of an hour after that.
        floor.call(12, back(1, 9));
        floor.call(13, back(3, 0));
        floor.call(14, back(23, 0));
        floor.call(2, ticket("help"));
        let waits: Vec<u64> = floor.acd.waiting_views(floor.at).iter().map(|w| w.waited.as_secs() / 3_600).collect();
        assert_eq!(waits, [23, 3, 1, 0]);
        assert_eq!(ends(&mut floor, 1), [(14, "anna".to_string())]);
        floor.pick_up(14);
        assert_eq!(ends(&mut floor, 14), [(13, "anna".to_string())]);
        let gone = floor.wait(s(22 * 3_600));
        assert!(
            gone.contains(&Command::Unserved { call: CallId(13), why: Unserved::TooLong }),
            "a day after having come: {gone:?}"
        );
    }

    #[test]
    fn it_outlasts_the_night_without_anybody_and_is_given_up_in_the_end() {
        let mut floor = floor(0);
        floor.call(2, ticket("help"));
        floor.step(Event::CallBack { call: CallId(2), later: CallId(20) });
        ends(&mut floor, 1);
        floor.step(Event::Presence { agent: "anna".into(), presence: Presence::Offline });
        assert!(floor.wait(s(12 * 3_600)).iter().all(|c| !matches!(c, Command::Unserved { .. })));
        let gone = floor.wait(s(13 * 3_600));
        assert!(gone.contains(&Command::Unserved { call: CallId(20), why: Unserved::TooLong }), "{gone:?}");
    }
}
