//! What may go wrong while an agent asks a colleague: whoever goes, the caller is with somebody, and the queues are told.

use super::*;
use crate::acd::{Refusal, Talk};
use crate::base::{
    AttemptId, CallId, Digit, Disposition, LegId, Moment, PhoneNumber, PromptEnd, PromptId, UtteranceId, WallTime,
};
use crate::flow::Flow;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const FLOW: &str = "hotline: 1\nname: line\nlanguages: [en]\nzone: UTC\nrecord: off\nperson: { to: support }\n\
    targets: { support: { queue: support, accept: answer } }\n\
    intents:\n  hours: { examples: [when are you open, are you open on sunday, opening hours], label: opening hours }\n\
    nodes:\n  welcome: { ask: \"This is automatic. What is it about?\", keys: { \"1\": hours } }\n\
    \x20 hours: { say: \"From nine to five.\", then: welcome }\n";

/// The leg of who asks, and of the colleague.
pub(super) const ANNA: AttemptId = AttemptId(0);
const BOB: AttemptId = AttemptId(1);

/// A caller who talks with Anna of the support queue. Prompts end at once.
pub(super) struct Conversation {
    pub(super) call: Call,
    pub(super) at: Moment,
}

impl Conversation {
    pub(super) fn new() -> Conversation {
        Conversation::of(FLOW)
    }

    pub(super) fn of(text: &str) -> Conversation {
        Conversation::with(text, CallSettings::default()).0
    }

    /// The same with these settings, and what the call did when Anna picked up.
    pub(super) fn with(text: &str, settings: CallSettings) -> (Conversation, Vec<Command>) {
        let told = |f: Vec<crate::flow::Finding>| f.iter().map(|f| format!("{f}\n")).collect::<String>();
        let flow = Flow::load(text, "line.yaml", &BTreeMap::new()).unwrap_or_else(|f| panic!("{}", told(f))).flow;
        let at = Moment::from_millis(1_000);
        let mut talk = Conversation { call: Call::new(CallId(1), flow, settings), at };
        let (caller, dialled) = (PhoneNumber::new("+493012345678"), PhoneNumber::new("100"));
        talk.step(Event::Arrived { caller, dialled, wall: WallTime(1_795_428_000_000) });
        talk.step(Event::Answered);
        talk.step(Event::Key(Digit::from_char('0').expect("a key")));
        let (agent, to, ring) = ("anna".to_string(), "sip:anna@x".to_string(), Duration::from_secs(20));
        talk.step(Event::Queue(QueueEvent::Offer { offer: 1, agent, desk: true, to, ring }));
        let joined = talk.agent(ANNA, AgentEvent::Answered);
        assert!(joined.contains(&Command::Join { attempt: ANNA }), "{joined:#?}");
        (talk, joined)
    }

    /// One event, and the ends of what is played because of it.
    pub(super) fn step(&mut self, event: Event) -> Vec<Command> {
        let mut all = Vec::new();
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut out = Vec::new();
            self.at = self.at + Duration::from_millis(10);
            self.call.handle(self.at, &event, &mut out);
            for command in &out {
                if let Command::Play { leg, prompt } = command {
                    let (leg, prompt): (LegId, PromptId) = (*leg, prompt.id);
                    events.push(Event::PromptEnded { leg, prompt, played_ms: 10, end: PromptEnd::Finished });
                }
            }
            all.append(&mut out);
        }
        all
    }

    pub(super) fn agent(&mut self, attempt: AttemptId, event: AgentEvent) -> Vec<Command> {
        self.step(Event::Agent { attempt, event })
    }

    pub(super) fn desk(&mut self, ask: DeskAsk) -> Vec<Command> {
        self.step(Event::Desk(ask))
    }

    fn news(&mut self, news: ColleagueNews) -> Vec<Command> {
        self.step(Event::Queue(QueueEvent::Colleague(news)))
    }

    /// Anna asks Bob, whose phone rings.
    fn asks() -> Conversation {
        let mut talk = Conversation::new();
        let asked = talk.desk(DeskAsk::Consult { queue: "support".into(), agent: Some("bob".into()) });
        assert!(asked.contains(&Command::Hold { attempt: ANNA, on: true }), "{asked:#?}");
        assert!(asked.contains(&Command::Queue(QueueAsk::Consult { queue: "support".into(), agent: Some("bob".into()) })));
        let (agent, to, ring) = ("bob".into(), "sip:bob@x".to_string(), Duration::from_secs(20));
        let rings = talk.news(ColleagueNews::Rings { agent, to: to.clone(), ring });
        assert!(rings.iter().any(|c| matches!(c, Command::Dial { attempt: BOB, to: sip, .. } if *sip == to)), "{rings:#?}");
        talk
    }

    /// Anna and Bob talk in private.
    fn confers() -> Conversation {
        let mut talk = Conversation::asks();
        let pair = talk.agent(BOB, AgentEvent::Answered);
        assert!(pair.contains(&Command::Pair { one: ANNA, other: BOB }) && pair.contains(&Command::Queue(QueueAsk::Consulted)));
        assert!(!pair.iter().any(|c| matches!(c, Command::Join { .. })), "the caller hears nothing of it: {pair:#?}");
        talk
    }

    pub(super) fn ticks(&mut self) -> Vec<Command> {
        let (at, _) = self.call.next_timer().expect("something is waited for");
        self.at = at;
        self.step(Event::Tick)
    }
}

fn back_with_anna(out: &[Command]) {
    assert!(out.contains(&Command::Hold { attempt: ANNA, on: false }), "{out:#?}");
    assert!(!out.iter().any(|c| matches!(c, Command::HangUp { leg: LegId::Agent(ANNA) | LegId::Caller })), "{out:#?}");
}

fn with_bob(out: &[Command], lost: bool) {
    let talk = out.iter().find_map(|c| if let Command::Queue(QueueAsk::HandedOver(talk)) = c { Some(*talk) } else { None });
    assert_eq!(talk.map(|talk: Talk| talk.lost), Some(lost), "{out:#?}");
    assert!(out.contains(&Command::Join { attempt: BOB }) && out.contains(&Command::HangUp { leg: LegId::Agent(ANNA) }));
    assert!(!out.contains(&Command::HangUp { leg: LegId::Agent(BOB) }), "{out:#?}");
}

fn at_the_head_of_the_line(out: &[Command]) {
    let returned = |c: &Command| matches!(c, Command::Queue(QueueAsk::Enter(ticket)) if ticket.returned);
    assert!(out.iter().any(returned), "{out:#?}");
    let words: Vec<String> =
        out.iter().filter_map(|c| if let Command::Play { prompt, .. } = c { Some(prompt.words()) } else { None }).collect();
    assert!(words.concat().to_lowercase().contains("sorry") || words.concat().contains("lost"), "{words:?}");
}

pub(super) fn hung_up(out: &[Command], attempt: AttemptId) -> bool {
    out.contains(&Command::HangUp { leg: LegId::Agent(attempt) })
}

#[test]
fn the_caller_is_handed_over_and_the_colleague_may_ask_again() {
    let mut talk = Conversation::confers();
    with_bob(&talk.desk(DeskAsk::Complete), false);
    assert_eq!(talk.call.phase(), "with_agent");
    // What Anna's phone says now is nothing to the caller; Bob's end is the end.
    assert!(talk.agent(ANNA, AgentEvent::HungUp).is_empty());
    let asked = talk.desk(DeskAsk::Consult { queue: "support".into(), agent: Some("anna".into()) });
    assert!(asked.contains(&Command::Hold { attempt: BOB, on: true }), "{asked:#?}");
    talk.desk(DeskAsk::GoBack);
    let ended = talk.agent(BOB, AgentEvent::HungUp);
    let to_support = |c: &Command| matches!(c, Command::Ended(Disposition::Transferred { to, .. }) if to == "support");
    assert!(ended.iter().any(to_support), "{ended:#?}");
}

#[test]
fn who_goes_back_is_with_the_caller_and_the_colleague_is_gone() {
    for ask in [DeskAsk::GoBack, DeskAsk::HangUp] {
        let mut talk = Conversation::confers();
        let out = talk.desk(ask);
        back_with_anna(&out);
        assert!(hung_up(&out, BOB) && out.contains(&Command::Queue(QueueAsk::ConsultOver(None))), "{out:#?}");
        assert!(!talk.desk(DeskAsk::Complete).iter().any(|c| matches!(c, Command::Join { .. })), "nobody is there");
    }
}

#[test]
fn a_caller_who_was_on_hold_before_stays_on_hold() {
    let mut talk = Conversation::new();
    talk.desk(DeskAsk::Hold(true));
    let asked = talk.desk(DeskAsk::Consult { queue: "support".into(), agent: None });
    assert!(!asked.iter().any(|c| matches!(c, Command::Hold { .. })), "{asked:#?}");
    let out = talk.news(ColleagueNews::Nobody);
    assert!(!out.iter().any(|c| matches!(c, Command::Hold { .. })), "{out:#?}");
    assert!(talk.desk(DeskAsk::Hold(false)).contains(&Command::Hold { attempt: ANNA, on: false }));
}

#[test]
fn a_colleague_who_cannot_be_had_brings_the_agent_back_to_the_caller() {
    type Fault = (&'static str, fn(&mut Conversation) -> Vec<Command>, Option<Refusal>);
    let faults: [Fault; 6] = [
        ("declined: bob", |t| t.agent(BOB, AgentEvent::Failed { status: 603, contact: None }), Some(Refusal::Declined)),
        ("no_answer: bob", |t| t.agent(BOB, AgentEvent::Failed { status: 408, contact: None }), Some(Refusal::NoAnswer)),
        ("failed: bob", |t| t.agent(BOB, AgentEvent::Failed { status: 503, contact: None }), Some(Refusal::Failed)),
        ("no_answer: bob", |t| t.ticks(), Some(Refusal::NoAnswer)),
        ("declined: bob", |t| t.news(ColleagueNews::Declined), None),
        ("nobody: bob", |t| t.news(ColleagueNews::Nobody), None),
    ];
    for (told, fault, why) in faults {
        let mut talk = Conversation::asks();
        let out = fault(&mut talk);
        back_with_anna(&out);
        assert!(out.contains(&Command::Queue(QueueAsk::ConsultOver(why))), "{told}: {out:#?}");
        let is_told = |c: &Command| matches!(c, Command::Note(r) if matches!(&**r, Record::Decision { what, why, .. } if what == "consult_failed" && why == told));
        assert!(out.iter().any(is_told), "{told}: {out:#?}");
        // A colleague who picks up after all is nobody's.
        assert!(talk.agent(BOB, AgentEvent::Answered).is_empty(), "{told}");
    }
    let mut talk = Conversation::confers();
    back_with_anna(&talk.agent(BOB, AgentEvent::Lost));
    let mut talk = Conversation::confers();
    back_with_anna(&talk.desk(DeskAsk::Leave));
}

#[test]
fn queues_that_do_not_answer_keep_nobody_on_hold() {
    let mut talk = Conversation::new();
    talk.desk(DeskAsk::Consult { queue: "support".into(), agent: None });
    back_with_anna(&talk.ticks());
    // Their answer comes too late: nobody is rung, and the colleague is free again.
    let late = talk.news(ColleagueNews::Rings { agent: "bob".into(), to: "sip:bob@x".into(), ring: Duration::from_secs(20) });
    assert_eq!(late, [Command::Queue(QueueAsk::ConsultOver(None))]);
}

#[test]
fn an_agent_who_dies_leaves_the_caller_to_the_colleague_or_to_the_line() {
    with_bob(&Conversation::confers().agent(ANNA, AgentEvent::Lost), true);
    with_bob(&Conversation::confers().agent(ANNA, AgentEvent::HungUp), false);
    for gone in [AgentEvent::Lost, AgentEvent::HungUp] {
        let mut talk = Conversation::asks();
        let out = talk.agent(ANNA, gone);
        assert!(hung_up(&out, BOB) && out.contains(&Command::Queue(QueueAsk::ConsultOver(None))), "{out:#?}");
        at_the_head_of_the_line(&out);
    }
}

#[test]
fn two_who_put_their_phones_down_at_once_leave_nobody_without_a_person() {
    let goes = |talk: &mut Conversation, who| talk.agent(who, AgentEvent::HungUp);
    let bob_first: [fn(&mut Conversation) -> Vec<Command>; 2] =
        [|talk| talk.agent(BOB, AgentEvent::HungUp), |talk| talk.desk(DeskAsk::Leave)];
    for bob_goes in bob_first {
        let mut talk = Conversation::confers();
        back_with_anna(&bob_goes(&mut talk));
        let out = goes(&mut talk, ANNA);
        at_the_head_of_the_line(&out);
        let finished = |c: &Command| matches!(c, Command::Queue(QueueAsk::Finished(talk)) if !talk.lost);
        assert!(out.iter().any(finished), "her line did not break: {out:#?}");
    }
    let mut talk = Conversation::confers();
    with_bob(&goes(&mut talk, ANNA), false);
    at_the_head_of_the_line(&goes(&mut talk, BOB));
    // With all three on the line nobody was on hold: the last who goes ends the talk.
    let mut talk = Conversation::three_way();
    goes(&mut talk, ANNA);
    let out = goes(&mut talk, BOB);
    assert!(out.iter().any(|c| matches!(c, Command::Ended(_))), "{out:#?}");
    // Who has talked with the caller again, and then hangs up, has ended the talk.
    let mut talk = Conversation::confers();
    talk.agent(BOB, AgentEvent::HungUp);
    talk.at = talk.at + Duration::from_secs(3);
    let out = talk.agent(ANNA, AgentEvent::HungUp);
    assert!(out.iter().any(|c| matches!(c, Command::Ended(_))), "{out:#?}");
}

/// Words of both sides are written down, and the colleague's from the moment in which the caller is theirs.
#[test]
fn the_colleague_is_listened_to_after_a_hand_over_whether_or_not_all_three_had_talked() {
    for three_way in [false, true] {
        let settings = CallSettings { transcript: true, transcript_agents: true, ..CallSettings::default() };
        let (mut talk, _) = Conversation::with(FLOW, settings);
        talk.desk(DeskAsk::Consult { queue: "support".into(), agent: Some("bob".into()) });
        let (agent, to, ring) = ("bob".into(), "sip:bob@x".to_string(), Duration::from_secs(20));
        talk.news(ColleagueNews::Rings { agent, to, ring });
        talk.agent(BOB, AgentEvent::Answered);
        if three_way {
            talk.desk(DeskAsk::ThreeWay);
        }
        let out = talk.desk(DeskAsk::Complete);
        let listens = |c: &Command| matches!(c, Command::ListenToAgent { attempt: BOB, grammar: Some(_) });
        assert!(out.iter().any(listens), "three-way {three_way}: {out:#?}");
    }
}

#[test]
fn the_caller_stays_in_the_line_they_came_to_though_a_colleague_of_another_has_them() {
    let flow = FLOW.replace("nodes:\n", "nodes:\n  pay: { say: \"Now you pay.\", then: welcome }\n");
    let flow = flow.replace("{ queue: support, accept: answer }", "{ queue: support, accept: answer, back_to: [pay] }");
    let mut talk = Conversation::of(&flow);
    talk.desk(DeskAsk::Consult { queue: "billing".into(), agent: None });
    let (agent, to, ring) = ("bob".into(), "sip:bob@x".to_string(), Duration::from_secs(20));
    talk.news(ColleagueNews::Rings { agent, to, ring });
    talk.agent(BOB, AgentEvent::Answered);
    talk.desk(DeskAsk::Complete);
    let out = talk.desk(DeskAsk::ToNode { node: "pay".into() });
    assert!(decided(&out, "sent_back") && hung_up(&out, BOB), "what the desk offers is done: {out:#?}");
}

#[test]
fn a_caller_who_hangs_up_frees_both() {
    for mut talk in [Conversation::asks(), Conversation::confers()] {
        let out = talk.step(Event::CallerHungUp);
        assert!(hung_up(&out, ANNA) && hung_up(&out, BOB), "{out:#?}");
        assert!(out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Finished(_)))), "{out:#?}");
        assert!(talk.call.is_over());
    }
}

#[test]
fn one_thing_at_a_time() {
    let mut talk = Conversation::asks();
    for ask in
        [DeskAsk::Hold(false), DeskAsk::Warn, DeskAsk::SendOn { queue: "support".into(), agent: None }, DeskAsk::Complete]
    {
        let out = talk.desk(ask.clone());
        assert!(matches!(&out[..], [Command::Note(_)]), "{ask:?}: {out:#?}");
    }
    let out = talk.desk(DeskAsk::EndForAbuse);
    assert!(hung_up(&out, BOB) && hung_up(&out, ANNA), "{out:#?}");
    // Words that the caller says on hold move nothing.
    let mut talk = Conversation::confers();
    let phrase = "let me talk to a person please".to_string();
    assert!(talk.step(Event::PersonHeard { utterance: UtteranceId(3), phrase }).is_empty());
}

impl Conversation {
    /// Caller, Anna and Bob hear each other.
    fn three_way() -> Conversation {
        let mut talk = Conversation::confers();
        let out = talk.desk(DeskAsk::ThreeWay);
        assert!(out.contains(&Command::ThreeWay { one: ANNA, other: BOB }), "{out:#?}");
        assert!(!out.iter().any(|c| matches!(c, Command::HangUp { .. } | Command::Queue(_))), "{out:#?}");
        talk
    }
}

pub(super) fn decided(out: &[Command], wanted: &str) -> bool {
    out.iter().any(|c| matches!(c, Command::Note(r) if matches!(&**r, Record::Decision { what, .. } if what == wanted)))
}

#[test]
fn nobody_is_brought_in_before_the_colleague_is_there_or_where_none_is_asked() {
    for mut talk in [Conversation::new(), Conversation::asks()] {
        let out = talk.desk(DeskAsk::ThreeWay);
        assert!(decided(&out, "desk_refused") && out.len() == 1, "{out:#?}");
    }
    let mut talk = Conversation::three_way();
    assert!(talk.desk(DeskAsk::ThreeWay).is_empty(), "they are together already");
}

#[test]
fn whoever_leaves_a_three_way_leaves_the_caller_to_the_other() {
    type Way = (fn(&mut Conversation) -> Vec<Command>, bool);
    let anna_goes: [Way; 4] = [
        (|t| t.desk(DeskAsk::Complete), false),
        (|t| t.desk(DeskAsk::HangUp), false),
        (|t| t.agent(ANNA, AgentEvent::HungUp), false),
        (|t| t.agent(ANNA, AgentEvent::Lost), true),
    ];
    for (goes, lost) in anna_goes {
        let mut talk = Conversation::three_way();
        let out = goes(&mut talk);
        let told = |c: &Command| matches!(c, Command::Queue(QueueAsk::HandedOver(talk)) if talk.lost == lost);
        assert!(out.iter().any(told) && hung_up(&out, ANNA) && !hung_up(&out, BOB), "{out:#?}");
        assert!(out.contains(&Command::Hold { attempt: BOB, on: false }), "Bob and the caller hear each other: {out:#?}");
        // Bob's line is the last one: when it breaks, the caller goes first in line.
        at_the_head_of_the_line(&talk.agent(BOB, AgentEvent::Lost));
    }
    let bob_goes: [fn(&mut Conversation) -> Vec<Command>; 4] = [
        |t| t.desk(DeskAsk::GoBack),
        |t| t.desk(DeskAsk::Leave),
        |t| t.agent(BOB, AgentEvent::HungUp),
        |t| t.agent(BOB, AgentEvent::Lost),
    ];
    for goes in bob_goes {
        let mut talk = Conversation::three_way();
        let out = goes(&mut talk);
        back_with_anna(&out);
        assert!(out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::ConsultOver(_)))) && hung_up(&out, BOB), "{out:#?}");
        at_the_head_of_the_line(&talk.agent(ANNA, AgentEvent::Lost));
    }
}

#[test]
fn both_lines_that_break_at_once_bring_the_caller_to_the_head_of_the_line() {
    for (first, second) in [(ANNA, BOB), (BOB, ANNA)] {
        let mut talk = Conversation::three_way();
        let out = talk.agent(first, AgentEvent::Lost);
        assert!(!out.contains(&Command::HangUp { leg: LegId::Caller }), "{out:#?}");
        at_the_head_of_the_line(&talk.agent(second, AgentEvent::Lost));
    }
}

#[test]
fn a_caller_who_goes_ends_a_three_way_for_both() {
    let mut talk = Conversation::three_way();
    let out = talk.step(Event::CallerHungUp);
    assert!(hung_up(&out, ANNA) && hung_up(&out, BOB) && talk.call.is_over(), "{out:#?}");
    assert!(out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Finished(_)))), "{out:#?}");
}

#[test]
fn a_caller_who_was_on_hold_before_a_three_way_stays_on_the_line_after_it() {
    let mut talk = Conversation::new();
    talk.desk(DeskAsk::Hold(true));
    talk.desk(DeskAsk::Consult { queue: "support".into(), agent: Some("bob".into()) });
    talk.news(ColleagueNews::Rings { agent: "bob".into(), to: "sip:bob@x".into(), ring: Duration::from_secs(20) });
    talk.agent(BOB, AgentEvent::Answered);
    talk.desk(DeskAsk::ThreeWay);
    let out = talk.desk(DeskAsk::GoBack);
    back_with_anna(&out);
    // Not on hold any more: a hold begins one.
    assert!(talk.desk(DeskAsk::Hold(true)).contains(&Command::Hold { attempt: ANNA, on: true }));
}

#[test]
fn in_a_three_way_the_caller_can_be_asked_to_stay_polite() {
    let mut talk = Conversation::three_way();
    let out = talk.desk(DeskAsk::Warn);
    assert!(decided(&out, "abuse_warned") && out.iter().any(|c| matches!(c, Command::Play { leg: LegId::Caller, .. })));
    for ask in [DeskAsk::Hold(true), DeskAsk::SendOn { queue: "support".into(), agent: None }] {
        assert!(decided(&talk.desk(ask), "desk_refused"));
    }
    let out = talk.desk(DeskAsk::EndForAbuse);
    assert!(hung_up(&out, BOB) && hung_up(&out, ANNA), "{out:#?}");
}

#[test]
fn who_comes_to_a_recorded_call_is_told_so_once() {
    let flow = FLOW.replace("record: off", "record: announce");
    let mut talk = Conversation::of(&flow);
    talk.desk(DeskAsk::Consult { queue: "support".into(), agent: Some("bob".into()) });
    talk.news(ColleagueNews::Rings { agent: "bob".into(), to: "sip:bob@x".into(), ring: Duration::from_secs(20) });
    talk.agent(BOB, AgentEvent::Answered);
    let to_bob = |out: &[Command]| out.iter().filter(|c| matches!(c, Command::Play { leg: LegId::Agent(BOB), .. })).count();
    assert_eq!(to_bob(&talk.desk(DeskAsk::ThreeWay)), 1);
    assert_eq!(to_bob(&talk.desk(DeskAsk::Complete)), 0);
}
