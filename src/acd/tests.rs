//! The rules that people notice, one by one.

use super::*;
use crate::base::{CallId, Language, Moment, WallTime};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) struct Floor {
    pub(super) acd: Acd,
    pub(super) at: Moment,
    log: Vec<Command>,
}

pub(super) fn agent(name: &str, skills: &[(&str, u8)]) -> AgentSetup {
    let skills = skills.iter().map(|(k, v)| (k.to_string(), *v)).collect();
    AgentSetup { name: name.into(), skills, languages: BTreeSet::new(), returns: None }
}

pub(super) fn ticket(queue: &str) -> Ticket {
    Ticket {
        queue: queue.into(),
        priority: 0,
        language: Language::EN,
        caller: 0,
        abusive: false,
        only: None,
        prefer: None,
        sent_by: None,
        emergency: false,
        returned: false,
        kept: None,
        call_back: None,
        waited: Duration::ZERO,
    }
}

impl Floor {
    pub(super) fn of(queues: Vec<QueueSetup>, agents: Vec<AgentSetup>) -> Floor {
        let at = Moment::from_millis(1_000_000);
        let acd = Acd::new(Setup::new(queues, agents), Now { at, wall: WallTime(0) }).expect("a good set-up");
        Floor { acd, at, log: Vec::new() }
    }

    pub(super) fn one(agents: &[&str]) -> Floor {
        Floor::of(vec![QueueSetup::named("help")], agents.iter().map(|a| agent(a, &[("help", 1)])).collect())
    }

    pub(super) fn step(&mut self, event: Event) -> Vec<Command> {
        let mut out = Vec::new();
        self.acd.step(Now { at: self.at, wall: WallTime(0) }, event, &mut out);
        out.retain(|c| *c != Command::Changed);
        self.log.extend(out.clone());
        out
    }

    pub(super) fn wait(&mut self, time: Duration) -> Vec<Command> {
        let until = self.at + time;
        let mut all = Vec::new();
        while let Some(next) = self.acd.next_timer().filter(|next| *next <= until) {
            self.at = next;
            all.extend(self.step(Event::Tick));
        }
        self.at = until;
        all.extend(self.step(Event::Tick));
        all
    }

    pub(super) fn here(&mut self, agent: &str) -> Vec<Command> {
        self.step(Event::Presence { agent: agent.into(), presence: Presence::Available })
    }

    pub(super) fn call(&mut self, call: u128, ticket: Ticket) -> Vec<Command> {
        self.step(Event::Enqueue { call: CallId(call), ticket })
    }

    /// Who rings for this call picks up, and is a person.
    pub(super) fn pick_up(&mut self, call: u128) {
        let views = self.acd.agent_views(self.at);
        let rings = views.iter().find(|view| view.state == AgentState::Offered(CallId(call))).expect("somebody rings");
        self.step(Event::Accepted { call: CallId(call), agent: rings.name.clone() });
        self.step(Event::Joined { call: CallId(call) });
    }

    pub(super) fn refuse(&mut self, call: u128, why: Refusal) -> Vec<Command> {
        let offer = self.log.iter().rev().find_map(|c| match c {
            Command::Offer { call: CallId(c), offer, .. } if *c == call => Some(*offer),
            _ => None,
        });
        self.step(Event::Refused { call: CallId(call), offer: offer.expect("offered"), why })
    }

    fn serve(&mut self, call: u128, time: Duration, strain: Strain) -> Vec<Command> {
        self.pick_up(call);
        self.wait(time);
        self.step(Event::Finished { call: CallId(call), talk: Talk { strain, lost: false } })
    }
}

pub(super) fn offered(commands: &[Command]) -> Vec<(u128, String)> {
    let offer = |c: &Command| match c {
        Command::Offer { call, agent, .. } => Some((call.0, agent.clone())),
        _ => None,
    };
    commands.iter().filter_map(offer).collect()
}

#[test]
fn with_nobody_logged_in_the_caller_is_told_at_once() {
    let mut floor = Floor::one(&["anna"]);
    assert_eq!(floor.call(1, ticket("help")), [Command::Unserved { call: CallId(1), why: Unserved::Nobody }]);
    assert_eq!(floor.call(2, ticket("nowhere")), [Command::Unserved { call: CallId(2), why: Unserved::NoSuchQueue }]);
    floor.here("anna");
    assert_eq!(offered(&floor.call(3, ticket("help"))), [(3, "anna".to_string())]);
}

#[test]
fn who_speaks_of_an_emergency_in_line_goes_first() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    for call in 2..=4 {
        floor.call(call, ticket("help"));
    }
    // One who was sent on by an agent is before all others until then.
    floor.call(5, Ticket { priority: 9, returned: true, ..ticket("help") });
    let told = floor.step(Event::Emergency { call: CallId(4) });
    let place = |c: &Command| matches!(c, Command::Place { call: CallId(4), position: 1, call_back: false, .. });
    assert!(told.iter().any(place), "{told:?}");
    let mut next = floor.step(Event::Finished { call: CallId(1), talk: Talk::default() });
    // Until the wrap-up is over.
    for _ in 0..900 {
        if offered(&next).is_empty() {
            next = floor.wait(Duration::from_secs(1));
        }
    }
    assert_eq!(offered(&next), [(4, "anna".to_string())]);
    // Whose phone rings already is not taken away from them, and who is not in line changes nothing.
    assert_eq!(floor.step(Event::Emergency { call: CallId(4) }), []);
    assert_eq!(floor.step(Event::Emergency { call: CallId(1) }), []);
}

#[test]
fn when_everybody_logs_out_nobody_waits_for_ever() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.call(2, ticket("help"));
    floor.step(Event::Presence { agent: "anna".into(), presence: Presence::Offline });
    let told = floor.wait(s(60));
    assert!(told.contains(&Command::Unserved { call: CallId(2), why: Unserved::Nobody }), "{told:?}");
}

#[test]
fn an_agent_who_declines_for_ever_keeps_nobody_in_silence() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    let mut offers = 1;
    for _ in 0..2_000 {
        let mut all = floor.refuse(1, Refusal::Declined);
        all.extend(floor.wait(s(5)));
        offers += offered(&all).len();
        if all.iter().any(|c| matches!(c, Command::Unserved { why: Unserved::TooLong, .. })) {
            assert!((100..130).contains(&offers), "every 15 s for half an hour: {offers}");
            return;
        }
    }
    panic!("never told");
}

#[test]
fn a_phone_that_is_not_picked_up_gets_no_more_calls_until_the_agent_says_so() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.wait(s(1));
    floor.here("bob");
    assert_eq!(offered(&floor.call(1, ticket("help"))), [(1, "anna".to_string())], "idle for longer");
    assert_eq!(offered(&floor.refuse(1, Refusal::NoAnswer)), [(1, "bob".to_string())]);
    floor.pick_up(1);
    assert!(offered(&floor.call(2, ticket("help"))).is_empty(), "anna is away");
    assert_eq!(offered(&floor.here("anna")), [(2, "anna".to_string())]);
}

#[test]
fn a_phone_without_a_desk_comes_back_by_itself() {
    let mut anna = agent("anna", &[("help", 1)]);
    anna.returns = Some(s(60));
    let mut floor = Floor::of(vec![QueueSetup::named("help")], vec![anna]);
    floor.call(1, ticket("help"));
    assert!(offered(&floor.refuse(1, Refusal::NoAnswer)).is_empty());
    assert!(offered(&floor.wait(s(59))).is_empty());
    assert_eq!(offered(&floor.wait(s(2))), [(1, "anna".to_string())]);
}

#[test]
fn priority_goes_first_but_nobody_starves() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.call(2, ticket("help"));
    let mut next = 3;
    // Important callers come faster than they are served.
    for _ in 0..20 {
        for _ in 0..2 {
            floor.call(next, Ticket { priority: 9, ..ticket("help") });
            next += 1;
        }
        floor.wait(s(60));
        let talking = floor.acd.agent_views(floor.at)[0].state;
        let AgentState::Talking(call) = talking else { panic!("{talking:?}") };
        floor.step(Event::Finished { call, talk: Talk::default() });
        let offers = offered(&floor.wait(s(31)));
        floor.pick_up(offers[0].0);
        if offers[0].0 == 2 {
            let waited = floor.at.since(Moment::from_millis(1_000_000));
            assert!(waited >= s(300) && waited < s(420), "after the floor of five minutes: {waited:?}");
            return;
        }
    }
    panic!("the first caller was never served");
}

#[test]
fn who_lost_an_agent_is_next() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.call(2, Ticket { priority: 9, ..ticket("help") });
    floor.wait(s(100));
    floor.step(Event::Finished { call: CallId(1), talk: Talk { lost: true, ..Talk::default() } });
    floor.call(1, Ticket { returned: true, ..ticket("help") });
    assert_eq!(offered(&floor.here("anna")), [(1, "anna".to_string())]);
}

#[test]
fn skills_languages_and_overflow() {
    let mut sales = QueueSetup::named("sales");
    sales.skills.insert("contracts".into(), 5);
    sales.choose = Choose::BestSkill;
    sales.overflow.push(Overflow { to: "help".into(), after: s(60), waiting: None });
    let mut chen = agent("chen", &[("help", 1)]);
    chen.languages = BTreeSet::from([Language::ZH]);
    let agents = vec![
        agent("anna", &[("sales", 1), ("contracts", 4)]),
        agent("bob", &[("sales", 3), ("contracts", 5)]),
        agent("cleo", &[("sales", 3), ("contracts", 9)]),
        chen,
    ];
    let mut floor = Floor::of(vec![sales, QueueSetup::named("help")], agents);
    floor.here("anna");
    floor.here("chen");
    // Anna does not know enough, and Chen helps only in Chinese.
    assert_eq!(floor.call(9, ticket("sales")), [Command::Unserved { call: CallId(9), why: Unserved::Nobody }]);
    floor.here("bob");
    floor.here("cleo");
    assert_eq!(offered(&floor.call(1, ticket("sales"))), [(1, "cleo".to_string())], "the best at it");
    assert_eq!(offered(&floor.call(2, ticket("sales"))), [(2, "bob".to_string())]);
    assert!(offered(&floor.call(3, Ticket { language: Language::ZH, ..ticket("sales") })).is_empty());
    assert!(offered(&floor.call(4, ticket("sales"))).is_empty());
    assert_eq!(offered(&floor.wait(s(61))), [(3, "chen".to_string())]);
}

#[test]
fn a_repeat_caller_meets_the_same_agent_when_free() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.wait(s(5));
    floor.here("bob");
    let known = || Ticket { caller: 77, ..ticket("help") };
    floor.call(1, known());
    floor.serve(1, s(30), Strain::default());
    floor.wait(s(40));
    assert_eq!(offered(&floor.call(2, ticket("help"))), [(2, "bob".to_string())], "idle for longer");
    floor.serve(2, s(5), Strain::default());
    floor.wait(s(400));
    floor.call(3, ticket("help"));
    floor.serve(3, s(5), Strain::default());
    floor.wait(s(31));
    assert_eq!(offered(&floor.call(4, known())), [(4, "anna".to_string())], "though bob … was idle for longer");
}

#[test]
fn no_two_abusive_calls_in_a_row_while_a_colleague_is_idle() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.wait(s(5));
    floor.here("bob");
    let bad = Strain { abusive: true, ..Strain::default() };
    floor.call(1, ticket("help"));
    floor.serve(1, s(10), bad);
    floor.call(2, ticket("help"));
    floor.serve(2, s(10), Strain::default());
    floor.wait(s(600));
    // Anna has been idle for longer by now, but the next one shouts, too.
    assert_eq!(offered(&floor.call(3, Ticket { abusive: true, ..ticket("help") })), [(3, "bob".to_string())]);
    assert_eq!(
        offered(&floor.call(4, Ticket { abusive: true, ..ticket("help") })),
        [(4, "anna".to_string())],
        "nobody else is idle"
    );
}

#[test]
fn hard_calls_bring_a_rest_and_wrap_up_is_the_agents() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    let bad = Strain { abusive: true, loud: true, hard: true };
    floor.call(1, ticket("help"));
    floor.serve(1, s(60), bad);
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::WrapUp);
    floor.step(Event::Extend { agent: "anna".into(), by: s(60) });
    floor.wait(s(80));
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::WrapUp, "longer, as asked");
    floor.step(Event::WrappedUp { agent: "anna".into() });
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::Available);
    floor.call(2, ticket("help"));
    floor.serve(2, s(60), bad);
    floor.wait(s(31));
    let view = floor.acd.agent_views(floor.at).remove(0);
    assert_eq!(view.state, AgentState::Rest, "{view:?}");
    assert!(offered(&floor.call(3, ticket("help"))).is_empty());
    assert_eq!(offered(&floor.wait(s(180))), [(3, "anna".to_string())]);
}

#[test]
fn a_full_queue_says_so_and_who_returns_is_let_in() {
    let mut queue = QueueSetup::named("help");
    queue.full = 2;
    let mut floor = Floor::of(vec![queue], vec![agent("anna", &[("help", 1)])]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.call(2, ticket("help"));
    floor.call(3, ticket("help"));
    assert_eq!(floor.call(4, ticket("help")), [Command::Unserved { call: CallId(4), why: Unserved::Full }]);
    assert!(
        floor
            .call(5, Ticket { returned: true, ..ticket("help") })
            .iter()
            .any(|c| matches!(c, Command::Place { position: 1, .. }))
    );
}

#[test]
fn who_waits_is_told_where_and_how_long_and_again_when_time_has_passed() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    let place = |commands: &[Command]| {
        commands.iter().find_map(|c| match c {
            Command::Place { call: CallId(3), position, wait, .. } => Some((*position, *wait)),
            _ => None,
        })
    };
    floor.call(2, ticket("help"));
    let (position, wait) = place(&floor.call(3, ticket("help"))).expect("told at entry");
    assert_eq!(position, 2);
    assert!(wait.is_some_and(|w| w.to >= 240), "two calls of about four minutes: {wait:?}");
    floor.step(Event::Leave { call: CallId(2), why: Left::HungUp });
    assert_eq!(place(&floor.wait(s(50))).map(|(p, _)| p), Some(1));
}

#[test]
fn a_lost_phone_mid_offer_and_a_caller_who_hangs_up_mid_offer() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    // Nothing is ever reported: after the ring and a grace the machine takes the offer back itself.
    let all = floor.wait(s(31));
    assert!(all.iter().any(|c| matches!(c, Command::Withdraw { call: CallId(1), .. })), "{all:?}");
    floor.here("anna");
    let gone = floor.step(Event::Leave { call: CallId(1), why: Left::HungUp });
    assert!(matches!(gone[..], [Command::Withdraw { call: CallId(1), .. }]), "{gone:?}");
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::Available);
}

#[test]
fn another_set_up_loses_nobody() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.call(2, ticket("help"));
    let queues = vec![QueueSetup::named("sales"), QueueSetup::named("help")];
    let agents = vec![agent("cleo", &[("help", 2), ("sales", 1)]), agent("bob", &[("help", 1)])];
    floor.step(Event::Reconfigure(Box::new(Setup::new(queues, agents))));
    assert_eq!(offered(&floor.here("cleo")), [(2, "cleo".to_string())]);
    let views = floor.acd.agent_views(floor.at);
    assert!(views.iter().any(|a| a.name == "anna" && a.state == AgentState::Talking(CallId(1))), "who talks stays until done");
    floor.step(Event::Finished { call: CallId(1), talk: Talk::default() });
    let gone = floor
        .step(Event::Reconfigure(Box::new(Setup::new(vec![QueueSetup::named("sales")], vec![agent("cleo", &[("sales", 1)])]))));
    assert!(gone.contains(&Command::Unserved { call: CallId(2), why: Unserved::NoSuchQueue }), "{gone:?}");
}

#[test]
fn mistakes_in_a_set_up_are_all_told() {
    let mut queue = QueueSetup::named("help");
    queue.overflow.push(Overflow { to: "nowhere".into(), after: s(1), waiting: None });
    queue.full = 0;
    let setup = Setup::new(vec![queue], vec![agent("anna", &[("sales", 11)]), agent("anna", &[])]);
    let wrong = setup.check().expect_err("full of mistakes");
    assert_eq!(wrong.len(), 5, "{wrong:?}");
}

#[test]
fn who_picks_up_while_the_offer_is_withdrawn_has_the_call_and_nobody_else_is_rung() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.wait(s(1));
    floor.here("bob");
    floor.call(1, ticket("help"));
    let moved = floor.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("break".into()) });
    assert_eq!(offered(&moved), [(1, "bob".to_string())]);
    // Anna had picked up in that moment.
    let after = floor.step(Event::Accepted { call: CallId(1), agent: "anna".into() });
    assert!(matches!(after[..], [Command::Withdraw { call: CallId(1), .. }]), "{after:?}");
    let views = floor.acd.agent_views(floor.at);
    assert_eq!((views[0].state, views[1].state), (AgentState::Talking(CallId(1)), AgentState::Available));
}

#[test]
fn a_late_refusal_is_not_the_next_agents() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.wait(s(1));
    floor.here("bob");
    floor.call(1, ticket("help"));
    floor.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("break".into()) });
    assert_eq!(floor.step(Event::Refused { call: CallId(1), offer: 1, why: Refusal::NoAnswer }), []);
    assert_eq!(floor.acd.agent_views(floor.at)[1].state, AgentState::Offered(CallId(1)));
}

#[test]
fn one_caller_whom_phones_refuse_does_not_send_everybody_away() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    floor.wait(s(1));
    floor.here("bob");
    floor.call(1, ticket("help"));
    floor.refuse(1, Refusal::Failed);
    assert!(offered(&floor.refuse(1, Refusal::Failed)).is_empty());
    assert!(floor.acd.agent_views(floor.at).iter().all(|a| a.state == AgentState::Available));
    assert_eq!(offered(&floor.call(2, ticket("help"))), [(2, "anna".to_string())]);
    // The same with another caller: then it is Anna's phone.
    floor.refuse(2, Refusal::Failed);
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::Away);
}

#[test]
fn a_mailbox_is_nobody_who_served() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.step(Event::Accepted { call: CallId(1), agent: "anna".into() });
    floor.wait(s(15));
    floor.step(Event::Finished { call: CallId(1), talk: Talk { lost: true, ..Talk::default() } });
    let queue = floor.acd.queue_views(floor.at).remove(0);
    assert_eq!((queue.day.came, queue.day.served), (1, 0));
    assert_eq!(floor.acd.agent_views(floor.at)[0].calls, 0);
}

#[test]
fn others_help_at_once_where_nobody_of_the_own_queue_is_logged_in() {
    let mut sales = QueueSetup::named("sales");
    sales.overflow.push(Overflow { to: "help".into(), after: s(600), waiting: None });
    let agents = vec![agent("anna", &[("sales", 1)]), agent("bob", &[("help", 1)])];
    let mut floor = Floor::of(vec![sales, QueueSetup::named("help")], agents);
    floor.here("bob");
    assert_eq!(offered(&floor.call(1, ticket("sales"))), [(1, "bob".to_string())]);
}

#[test]
fn where_everybody_is_away_callers_do_not_wait_for_half_an_hour() {
    let mut floor = Floor::one(&["anna"]);
    floor.step(Event::Presence { agent: "anna".into(), presence: Presence::Away("lunch".into()) });
    floor.call(1, ticket("help"));
    assert!(!floor.wait(s(119)).iter().any(|c| matches!(c, Command::Unserved { .. })), "somebody may come back");
    assert!(floor.wait(s(2)).contains(&Command::Unserved { call: CallId(1), why: Unserved::Nobody }));
}

#[test]
fn a_queue_that_goes_while_somebody_talks_in_it_harms_nobody() {
    let mut floor = Floor::one(&["anna"]);
    floor.here("anna");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.step(Event::Reconfigure(Box::new(Setup::new(Vec::new(), vec![agent("anna", &[("help", 1)])]))));
    floor.step(Event::Finished { call: CallId(1), talk: Talk::default() });
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::Available);
}

#[test]
fn a_phone_that_gets_a_desk_waits_for_its_agent() {
    let mut anna = agent("anna", &[("help", 1)]);
    anna.returns = Some(s(60));
    let mut floor = Floor::of(vec![QueueSetup::named("help")], vec![anna.clone()]);
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::Available);
    anna.returns = None;
    let setup = Setup::new(vec![QueueSetup::named("help")], vec![anna]);
    floor.step(Event::Reconfigure(Box::new(setup)));
    assert_eq!(floor.acd.agent_views(floor.at)[0].state, AgentState::Offline);
}

#[test]
fn a_colleague_who_is_asked_is_offered_nobody_else() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.step(Event::Presence { agent: "anna".into(), presence: Presence::Available });
    floor.call(1, ticket("help"));
    floor.step(Event::Accepted { call: CallId(1), agent: "anna".into() });
    floor.step(Event::Joined { call: CallId(1) });
    let ask = |agent: Option<&str>| Event::Consult { call: CallId(1), queue: "help".into(), agent: agent.map(String::from) };
    // Nobody is free, and nobody asks themselves.
    assert_eq!(floor.step(ask(None)), [Command::NoConsult { call: CallId(1) }]);
    assert_eq!(floor.step(ask(Some("anna"))), [Command::NoConsult { call: CallId(1) }]);
    floor.step(Event::Presence { agent: "bob".into(), presence: Presence::Available });
    assert!(matches!(&floor.step(ask(None))[..], [Command::Consult { agent, .. }] if agent == "bob"));
    assert!(offered(&floor.call(2, ticket("help"))).is_empty(), "bob is rung already");
    floor.step(Event::Consulted { call: CallId(1) });
    let bob = floor.acd.agent_view(floor.at, "bob").expect("there");
    assert_eq!((bob.state, bob.consulted_by.as_deref()), (AgentState::Talking(CallId(1)), Some("anna")));
    floor.step(Event::HandedOver { call: CallId(1), talk: Talk::default() });
    let state = |floor: &Floor, name: &str| floor.acd.agent_view(floor.at, name).expect("there");
    assert_eq!((state(&floor, "anna").state, state(&floor, "bob").consulted_by), (AgentState::WrapUp, None));
    // The call ends as Bob's.
    floor.step(Event::Finished { call: CallId(1), talk: Talk::default() });
    assert_eq!((state(&floor, "bob").state, state(&floor, "bob").calls), (AgentState::WrapUp, 1));
}

#[test]
fn a_colleague_is_free_again_when_the_caller_goes_or_they_log_out() {
    let mut floor = Floor::one(&["anna", "bob"]);
    for name in ["anna", "bob"] {
        floor.step(Event::Presence { agent: name.into(), presence: Presence::Available });
    }
    let first = offered(&floor.call(1, ticket("help")))[0].1.clone();
    let other = if first == "anna" { "bob" } else { "anna" };
    floor.step(Event::Accepted { call: CallId(1), agent: first });
    floor.step(Event::Joined { call: CallId(1) });
    let ask = || Event::Consult { call: CallId(1), queue: "help".into(), agent: Some(other.into()) };
    floor.step(ask());
    let gone = floor.step(Event::Presence { agent: other.into(), presence: Presence::Offline });
    assert_eq!(gone, [Command::NoConsult { call: CallId(1) }]);
    floor.step(Event::Presence { agent: other.into(), presence: Presence::Available });
    floor.step(ask());
    floor.step(Event::Finished { call: CallId(1), talk: Talk::default() });
    assert_eq!(floor.acd.agent_view(floor.at, other).expect("there").state, AgentState::Available);
}

#[test]
fn a_phone_that_nobody_picks_up_keeps_no_caller_from_who_sent_them_on() {
    let phone = AgentSetup { returns: Some(s(60)), ..agent("bob", &[("help", 1)]) };
    let mut floor = Floor::of(vec![QueueSetup::named("help")], vec![agent("anna", &[("help", 1)]), phone]);
    floor.here("anna");
    let sent_on = Ticket { sent_by: Some("anna".into()), returned: true, ..ticket("help") };
    assert_eq!(offered(&floor.call(1, sent_on)), [(1, "bob".to_string())]);
    assert_eq!(offered(&floor.refuse(1, Refusal::NoAnswer)), [(1, "anna".to_string())]);
}

#[test]
fn who_sent_a_caller_on_gets_them_back_only_where_nobody_else_will_serve() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("bob");
    floor.call(1, ticket("help"));
    floor.pick_up(1);
    floor.here("anna");
    let sent_on = Ticket { sent_by: Some("anna".into()), returned: true, ..ticket("help") };
    assert_eq!(offered(&floor.call(2, sent_on.clone())), [], "Anna is free, and has just sent them on");
    floor.step(Event::Finished { call: CallId(1), talk: Talk::default() });
    assert_eq!(offered(&floor.step(Event::WrappedUp { agent: "bob".into() })), [(2, "bob".to_string())]);
    // He does not want them: they are not kept from the only one who is left.
    assert_eq!(offered(&floor.refuse(2, Refusal::Declined)), [(2, "anna".to_string())]);
    floor.pick_up(2);
    // And where he has gone home Anna is all there is.
    floor.step(Event::Finished { call: CallId(2), talk: Talk::default() });
    floor.step(Event::WrappedUp { agent: "anna".into() });
    floor.step(Event::Presence { agent: "bob".into(), presence: Presence::Away("lunch".into()) });
    assert_eq!(offered(&floor.call(3, sent_on)), [(3, "anna".to_string())]);
}

#[test]
fn a_place_that_was_kept_counts_for_the_order_and_not_for_the_longest_stay() {
    let queue = QueueSetup { longest: s(600), full: 1, alone: s(60), ..QueueSetup::named("help") };
    let mut floor = Floor::of(vec![queue], vec![agent("anna", &[("help", 1)])]);
    let kept = || Ticket { kept: Some(s(4_000)), ..ticket("help") };
    // Before any agent is there again, and although it is full: they were let in before.
    let sent_away = |commands: &[Command]| {
        commands.iter().find_map(|c| if let Command::Unserved { why, .. } = c { Some(*why) } else { None })
    };
    assert_eq!(sent_away(&floor.call(1, kept())), None);
    floor.here("anna");
    floor.pick_up(1);
    floor.call(2, ticket("help"));
    assert_eq!(sent_away(&floor.call(3, ticket("help"))), Some(Unserved::Full));
    assert_eq!(sent_away(&floor.call(4, kept())), None, "they have waited for longer than the longest stay, and are let in");
    assert_eq!(sent_away(&floor.wait(s(599))), None);
    floor.step(Event::Finished { call: CallId(1), talk: Talk::default() });
    floor.step(Event::WrappedUp { agent: "anna".into() });
    floor.pick_up(4);
    // Their stay is as long as anybody's.
    assert_eq!(sent_away(&floor.wait(s(2))), Some(Unserved::TooLong), "call 2");
    assert_eq!(sent_away(&floor.call(5, kept())), None);
    assert_eq!(sent_away(&floor.wait(s(599))), None);
    assert_eq!(sent_away(&floor.wait(s(2))), Some(Unserved::TooLong));
}

#[test]
fn whoever_was_abusive_to_somebody_does_not_come_to_them_again() {
    let mut floor = Floor::one(&["anna", "bob"]);
    floor.here("anna");
    let known = || Ticket { caller: 77, ..ticket("help") };
    floor.call(1, known());
    floor.serve(1, s(60), Strain { abusive: true, ..Strain::default() });
    floor.step(Event::WrappedUp { agent: "anna".into() });
    floor.wait(s(60));
    floor.here("bob");
    floor.wait(s(7_000));
    assert_eq!(offered(&floor.call(2, ticket("help"))), [(2, "anna".to_string())], "idle for longest");
    floor.serve(2, s(60), Strain::default());
    floor.step(Event::WrappedUp { agent: "anna".into() });
    floor.wait(s(60));
    assert_eq!(offered(&floor.call(3, known())), [(3, "bob".to_string())]);
}
