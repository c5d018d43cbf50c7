//! Callers who are parked: who is rung for them, when, and who may fetch them.

use super::tests::{Floor, agent, offered, s, ticket};
use super::*;
use crate::base::CallId;

fn parks(floor: &mut Floor, call: u128) -> Vec<Command> {
    floor.step(Event::Park { call: CallId(call), ticket: ticket("help"), talk: Talk::default() })
}

fn state_of(floor: &Floor, agent: &str) -> AgentState {
    floor.acd.agent_view(floor.at, agent).expect("an agent").state
}

#[test]
fn who_parks_is_done_and_nobody_is_rung_until_the_time_is_over_and_then_who_parked_is() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.here("bob");
    assert_eq!(offered(&parks(&mut floor, 1)), []);
    assert_eq!((state_of(&floor, "anna"), state_of(&floor, "bob")), (AgentState::WrapUp, AgentState::Available));
    let parked = floor.acd.parked_views();
    assert_eq!((parked.len(), parked[0].by.as_str(), parked[0].queue.as_str()), (1, "anna", "help"));
    assert!(floor.acd.waiting_views(floor.at).is_empty());
    assert_eq!(offered(&floor.wait(s(179))), [], "Bob is free all the time and is not rung");
    // Anna's wrap-up is long over. Bob has been idle for longer, and is not asked.
    assert_eq!(offered(&floor.wait(s(1))), [(1, "anna".to_string())]);
    assert!(floor.acd.parked_views().is_empty());
    // She does not take it: anybody may.
    assert_eq!(offered(&floor.refuse(1, Refusal::NoAnswer)), [(1, "bob".to_string())]);
}

#[test]
fn where_who_parked_is_busy_the_caller_goes_first_in_line() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    parks(&mut floor, 1);
    floor.wait(s(60));
    floor.call(2, ticket("help"));
    floor.pick_up(2);
    floor.call(3, Ticket { priority: 9, ..ticket("help") });
    let out = floor.wait(s(130));
    let place = |c: &Command| matches!(c, Command::Place { call: CallId(1), position: 1, .. });
    assert!(offered(&out).is_empty() && out.iter().any(place), "{out:?}");
    floor.step(Event::Finished { call: CallId(2), talk: Talk::default() });
    assert_eq!(offered(&floor.wait(s(31))), [(1, "anna".to_string())]);
}

#[test]
fn two_whose_time_is_over_at_once_do_not_both_wait_for_one_agent() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    for call in [1, 2] {
        floor.call(call, ticket("help"));
        floor.pick_up(call);
        parks(&mut floor, call);
        floor.step(Event::WrappedUp { agent: "anna".into() });
    }
    floor.here("bob");
    let mut rung = offered(&floor.wait(s(181)));
    rung.sort();
    assert_eq!(rung, [(1, "anna".to_string()), (2, "bob".to_string())]);
}

#[test]
fn an_agent_of_the_queue_fetches_at_once_and_others_do_not() {
    let agents = vec![agent("anna", &[("help", 1)]), agent("bob", &[("help", 1)]), agent("zoe", &[("sales", 1)])];
    let mut floor = Floor::of(vec![QueueSetup::named("help"), QueueSetup::named("sales")], agents);
    for who in ["anna", "zoe"] {
        floor.here(who);
    }
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    parks(&mut floor, 1);
    let fetch = |floor: &mut Floor, who: &str| offered(&floor.step(Event::Fetch { call: CallId(1), agent: who.into() }));
    assert_eq!(fetch(&mut floor, "zoe"), [], "not of the queue");
    assert_eq!(fetch(&mut floor, "bob"), [], "not logged in");
    floor.step(Event::Presence { agent: "bob".into(), presence: Presence::Away("lunch".into()) });
    assert_eq!(fetch(&mut floor, "bob"), [(1, "bob".to_string())], "who is away may want it all the same");
    assert_eq!(fetch(&mut floor, "anna"), [], "it is Bob's");
    floor.pick_up(1);
    assert_eq!(state_of(&floor, "bob"), AgentState::Talking(CallId(1)));
    // Who parked it may have it back out of the wrap-up.
    parks(&mut floor, 1);
    assert_eq!(state_of(&floor, "bob"), AgentState::WrapUp);
    assert_eq!(fetch(&mut floor, "bob"), [(1, "bob".to_string())]);
}

#[test]
fn a_parked_caller_who_wants_somebody_is_first_in_line_and_for_who_parked_them() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    parks(&mut floor, 1);
    floor.step(Event::WrappedUp { agent: "anna".into() });
    floor.here("bob");
    assert_eq!(offered(&floor.step(Event::Unpark { call: CallId(1) })), [(1, "anna".to_string())]);
    assert_eq!(offered(&floor.step(Event::Unpark { call: CallId(1) })), [], "once");
    // And who hangs up is nowhere any more.
    floor.pick_up(1);
    parks(&mut floor, 1);
    floor.step(Event::Leave { call: CallId(1), why: Left::HungUp });
    assert!(floor.acd.parked_views().is_empty() && offered(&floor.wait(s(600))).is_empty());
}

#[test]
fn a_queue_that_is_gone_sends_parked_callers_elsewhere_and_a_call_without_a_talk_waits_in_line() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    parks(&mut floor, 1);
    let sales = Setup::new(vec![QueueSetup::named("sales")], vec![agent("anna", &[("sales", 1)])]);
    let out = floor.step(Event::Reconfigure(Box::new(sales)));
    assert!(out.contains(&Command::Unserved { call: CallId(1), why: Unserved::NoSuchQueue }), "{out:?}");
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    assert_eq!(offered(&parks(&mut floor, 5)), [(5, "anna".to_string())]);
}
