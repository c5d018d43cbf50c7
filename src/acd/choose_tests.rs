//! Which of several idle agents is rung: the queue's way to choose, what was borne, and who is spared.

use super::tests::{Floor, agent, offered, s, ticket};
use super::*;
use crate::base::CallId;
use std::collections::BTreeSet;
use std::time::Duration;

/// Three agents of one queue, who came five seconds after each other: chen, who knows most but one, first; anna is the first of the configuration.
fn three(choose: Choose) -> Floor {
    let queue = QueueSetup { choose, ..QueueSetup::named("help") };
    let agents = vec![agent("anna", &[("help", 2)]), agent("bob", &[("help", 9)]), agent("chen", &[("help", 9)])];
    let mut floor = Floor::of(vec![queue], agents);
    for name in ["chen", "bob", "anna"] {
        floor.here(name);
        floor.wait(s(5));
    }
    floor
}

fn three_calls(mut floor: Floor) -> Vec<String> {
    let calls = (1..=3).flat_map(|call| offered(&floor.call(call, ticket("help"))));
    calls.map(|(_, agent)| agent).collect()
}

fn abusive(queue: &str) -> Ticket {
    Ticket { abusive: true, ..ticket(queue) }
}

/// This call is picked up, joined, and over so much later.
fn talk(floor: &mut Floor, call: u128, time: Duration, strain: Strain) {
    floor.pick_up(call);
    floor.wait(time);
    floor.step(Event::Finished { call: CallId(call), talk: Talk { strain, lost: false } });
}

const BAD: Strain = Strain { abusive: true, loud: false, hard: false };

#[test]
fn each_way_to_choose_has_its_order() {
    assert_eq!(three_calls(three(Choose::LongestIdle)), ["chen", "bob", "anna"]);
    assert_eq!(three_calls(three(Choose::RingOne)), ["anna", "bob", "chen"]);
    let mut floor = three(Choose::BestSkill);
    assert_eq!(offered(&floor.call(1, ticket("help"))), [(1, "chen".to_string())], "as good as bob, and idle for longer");
    talk(&mut floor, 1, s(5), Strain::default());
    floor.wait(s(31));
    assert_eq!(offered(&floor.call(2, ticket("help"))), [(2, "bob".to_string())], "idle for longer than chen by now");
    assert_eq!(offered(&floor.call(3, ticket("help"))), [(3, "chen".to_string())], "better than anna, who is idle for longer");
}

#[test]
fn who_has_borne_more_is_offered_the_next_call_later() {
    // Anna is free forty seconds before bob, and what she had was hard or was not; the next call comes so much later.
    let after = |strain: Strain, later: Duration| {
        let mut floor = Floor::one(&["anna", "bob"]);
        floor.here("anna");
        floor.wait(s(5));
        floor.here("bob");
        floor.call(1, ticket("help"));
        talk(&mut floor, 1, s(10), strain);
        floor.wait(s(30));
        floor.call(2, ticket("help"));
        talk(&mut floor, 2, s(10), Strain::default());
        floor.wait(s(30) + later);
        offered(&floor.call(3, ticket("help")))
    };
    assert_eq!(after(Strain::default(), s(30)), [(3, "anna".to_string())], "free for longer than bob");
    assert_eq!(after(BAD, s(30)), [(3, "bob".to_string())], "thirty points are worth a minute and a half");
    assert_eq!(after(BAD, s(6_000)), [(3, "anna".to_string())], "time has healed it");
}

/// Anna of help has just had an abusive call and is free; bob of sales helps out after a minute, and is free.
fn hurt(languages: &[crate::base::Language]) -> Floor {
    let mut help = QueueSetup::named("help");
    help.overflow.push(Overflow { to: "sales".into(), after: s(60), waiting: None });
    let bob = AgentSetup { languages: BTreeSet::from_iter(languages.iter().copied()), ..agent("bob", &[("sales", 1)]) };
    let mut floor = Floor::of(vec![help, QueueSetup::named("sales")], vec![agent("anna", &[("help", 1)]), bob]);
    floor.here("anna");
    floor.here("bob");
    floor.call(1, ticket("help"));
    talk(&mut floor, 1, s(10), BAD);
    floor.wait(s(31));
    floor
}

#[test]
fn another_queues_agent_spares_the_one_who_was_just_abused() {
    let (anna, bob) = ("anna".to_string(), "bob".to_string());
    assert_eq!(offered(&hurt(&[]).call(2, abusive("help"))), [(2, bob.clone())], "before others would help");
    let waited = Ticket { waited: s(90), ..abusive("help") };
    assert_eq!(offered(&hurt(&[]).call(2, waited)), [(2, bob.clone())], "when others help anyway");
    assert_eq!(offered(&hurt(&[]).call(2, ticket("help"))), [(2, anna.clone())], "a calm caller stays in the own queue");
    // Nobody else may take them: nobody is kept waiting for it.
    let chinese = hurt(&[crate::base::Language::ZH]).call(2, abusive("help"));
    assert_eq!(offered(&chinese), [(2, anna.clone())], "bob does not speak it");
    let back = Ticket { sent_by: Some(bob.clone()), ..abusive("help") };
    assert_eq!(offered(&hurt(&[]).call(2, back)), [(2, anna.clone())], "bob has just sent them on");
    let mut floor = hurt(&[]);
    floor.call(2, ticket("sales"));
    assert_eq!(offered(&floor.call(3, abusive("help"))), [(3, anna)], "bob is not idle");
}

#[test]
fn who_wrapped_up_early_to_fetch_a_call_and_did_not_take_it_is_idle_since_then() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.wait(s(5));
    floor.here("bob");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.step(Event::Park { call: CallId(1), ticket: ticket("help"), talk: Talk::default() });
    floor.wait(s(10));
    floor.step(Event::Fetch { call: CallId(1), agent: "anna".into() });
    assert_eq!(offered(&floor.refuse(1, Refusal::Declined)), [(1, "bob".to_string())]);
    floor.refuse(1, Refusal::Declined);
    assert_eq!(offered(&floor.call(2, ticket("help"))), [(2, "bob".to_string())], "anna has talked since bob came");
}
