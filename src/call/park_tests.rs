//! A parked caller: never in silence, never forgotten, and with a person as soon as somebody has time or they want one.

use super::consult_tests::{ANNA, Conversation, FLOW, decided, hung_up};
use super::*;
use crate::acd::Left;
use crate::base::{AttemptId, Digit, Disposition, LegId, UtteranceId};
use std::time::Duration;

/// The leg of who comes next.
const NEXT: AttemptId = AttemptId(1);

fn key(key: char) -> Event {
    Event::Key(Digit::from_char(key).expect("a key"))
}

fn said(out: &[Command]) -> String {
    let words = |c: &Command| match c {
        Command::Play { leg: LegId::Caller, prompt } => Some(prompt.words()),
        _ => None,
    };
    out.iter().filter_map(words).collect::<Vec<_>>().join(" ")
}

fn offer(agent: &str) -> Event {
    let (to, ring) = (format!("sip:{agent}@x"), Duration::from_secs(20));
    Event::Queue(QueueEvent::Offer { offer: 9, agent: agent.into(), desk: true, to, ring })
}

/// Anna has parked the caller.
fn parked() -> (Conversation, Vec<Command>) {
    let mut talk = Conversation::new();
    let out = talk.desk(DeskAsk::Park);
    (talk, out)
}

#[test]
fn the_agent_is_done_and_the_caller_hears_what_they_can_do() {
    let (talk, out) = parked();
    assert!(hung_up(&out, ANNA) && decided(&out, "parked") && !talk.call.is_over(), "{out:#?}");
    let ticket =
        out.iter().find_map(|c| if let Command::Queue(QueueAsk::Park { ticket, .. }) = c { Some(ticket) } else { None });
    let ticket = ticket.unwrap_or_else(|| panic!("{out:#?}"));
    assert!(ticket.returned && ticket.prefer.as_deref() == Some("anna") && ticket.queue == "support", "{ticket:?}");
    assert!(!out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Finished(_) | QueueAsk::Enter(_)))), "{out:#?}");
    assert!(out.contains(&Command::Comfort(true)) && said(&out).contains("press 0"), "{}", said(&out));
    let card = out.iter().rev().find_map(|c| if let Command::Publish(card) = c { Some(card) } else { None }).expect("a card");
    assert_eq!((card.because.as_str(), card.spoke_with.as_slice()), ("parked", ["anna".to_string()].as_slice()));
}

#[test]
fn from_time_to_time_the_caller_hears_that_they_are_not_forgotten() {
    let (mut talk, _) = parked();
    for round in 1..=6 {
        let before = talk.at;
        let out = talk.ticks();
        assert!(said(&out).contains("not forgotten"), "round {round}: {out:#?}");
        assert!(talk.at.since(before) <= Duration::from_secs(31), "round {round}");
    }
}

#[test]
fn key_0_brings_the_caller_to_the_head_of_the_line_and_no_other_does_anything() {
    let (mut talk, _) = parked();
    for other in ['1', '2', '5', '#'] {
        assert!(talk.step(key(other)).is_empty(), "{other}");
    }
    let out = talk.step(key('0'));
    assert!(out.contains(&Command::Queue(QueueAsk::Unpark)) && said(&out).contains("first in line"), "{out:#?}");
    // It is a line like any other now: once is enough, nobody says any more that they are not forgotten, and 1 leaves a message once it was said.
    assert!(!talk.step(key('0')).contains(&Command::Queue(QueueAsk::Unpark)));
    let out = talk.step(Event::Queue(QueueEvent::Place { position: 1, wait: None, call_back: false }));
    assert!(said(&out).contains("next in line"), "{out:#?}");
    let out = talk.step(key('1'));
    assert!(out.contains(&Command::Queue(QueueAsk::Leave(Left::Elsewhere))), "{out:#?}");
}

#[test]
fn who_is_parked_and_speaks_of_an_emergency_is_first_in_line() {
    let flow = format!("{FLOW}emergency: {{ phrases: {{ en: [on fire] }} }}\n");
    let mut talk = Conversation::of(&flow);
    let out = talk.desk(DeskAsk::Park);
    assert!(out.iter().any(|c| matches!(c, Command::Listen { aside: true, .. })), "{out:#?}");
    let phrase = "the kitchen is on fire".to_string();
    let out = talk.step(Event::PersonHeard { utterance: UtteranceId(3), phrase });
    let asks: Vec<&QueueAsk> = out.iter().filter_map(|c| if let Command::Queue(ask) = c { Some(ask) } else { None }).collect();
    assert_eq!(asks, [&QueueAsk::Unpark, &QueueAsk::Emergency], "{out:#?}");
    assert!(decided(&out, "emergency") && said(&out).contains("emergency"), "{}", said(&out));
}

#[test]
fn whoever_fetches_the_caller_has_them_with_the_same_card() {
    let (mut talk, _) = parked();
    let out = talk.step(offer("bob"));
    assert!(out.iter().any(|c| matches!(c, Command::Dial { attempt: NEXT, .. })), "{out:#?}");
    let out = talk.agent(NEXT, AgentEvent::Answered);
    assert!(out.contains(&Command::Join { attempt: NEXT }), "{out:#?}");
    assert_eq!(talk.call.phase(), "with_agent");
    // Nothing is told any more, and it can be parked again.
    let out = talk.desk(DeskAsk::Park);
    assert!(hung_up(&out, NEXT) && out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Park { .. }))), "{out:#?}");
}

#[test]
fn a_phone_that_is_not_picked_up_leaves_the_caller_in_line_and_not_parked() {
    let (mut talk, _) = parked();
    talk.step(offer("bob"));
    let out = talk.agent(NEXT, AgentEvent::Failed { status: 480, contact: None });
    assert!(out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Refused { offer: 9, .. }))), "{out:#?}");
    let out = talk.step(Event::Queue(QueueEvent::Place { position: 1, wait: None, call_back: false }));
    assert!(said(&out).contains("next in line"), "{out:#?}");
    assert!(talk.step(key('0')).is_empty(), "in line already");
}

#[test]
fn time_that_is_over_is_told_as_a_place_in_line() {
    let (mut talk, _) = parked();
    let out = talk.step(Event::Queue(QueueEvent::Place { position: 2, wait: None, call_back: false }));
    assert!(said(&out).contains("number 2"), "{out:#?}");
    for _ in 0..3 {
        let out = talk.ticks();
        assert!(!said(&out).contains("not forgotten"), "{out:#?}");
        if talk.call.next_timer().is_none_or(|(_, name)| name == TimerName::Longest) {
            break;
        }
    }
}

#[test]
fn queues_that_are_gone_keep_nobody_parked_for_ever() {
    let (mut talk, _) = parked();
    for _ in 0..60 {
        let out = talk.ticks();
        if out.contains(&Command::Queue(QueueAsk::Leave(Left::Elsewhere))) {
            return;
        }
    }
    panic!("still parked after {:?}", talk.at);
}

#[test]
fn a_parked_caller_who_hangs_up_is_told_to_the_queues() {
    let (mut talk, _) = parked();
    let out = talk.step(Event::CallerHungUp);
    assert!(out.contains(&Command::Queue(QueueAsk::Leave(Left::HungUp))), "{out:#?}");
    let abandoned = |c: &Command| matches!(c, Command::Ended(Disposition::Abandoned { wanted_person: true }));
    assert!(out.iter().any(abandoned), "{out:#?}");
}

#[test]
fn nobody_is_parked_while_a_colleague_is_asked() {
    let mut talk = Conversation::new();
    talk.desk(DeskAsk::Consult { queue: "support".into(), agent: Some("bob".into()) });
    let out = talk.desk(DeskAsk::Park);
    assert!(decided(&out, "desk_refused") && out.len() == 1, "{out:#?}");
}

#[test]
fn what_was_said_in_line_and_understood_only_at_the_agents_is_kept_nowhere() {
    let flow = format!("{FLOW}emergency: {{ phrases: {{ en: [on fire] }} }}\n");
    let settings = CallSettings { transcript: true, ..CallSettings::default() };
    let (mut talk, _) = Conversation::with(&flow, settings);
    talk.desk(DeskAsk::Park);
    let utterance = UtteranceId(4);
    talk.step(Event::SpeechStarted { utterance, over: None });
    talk.step(Event::SpeechEnded { utterance, length_ms: 900, restless: false, level: None });
    talk.step(key('0'));
    talk.step(offer("bob"));
    talk.agent(NEXT, AgentEvent::Answered);
    let result = Ok(crate::base::Hypothesis::typed("what a terrible company"));
    assert!(talk.step(Event::Heard { utterance, result: result.clone() }).is_empty(), "said to nobody");
    let utterance = UtteranceId(5);
    talk.step(Event::SpeechStarted { utterance, over: None });
    let out = talk.step(Event::Heard { utterance, result });
    assert!(
        out.iter().any(|c| matches!(c, Command::Note(r) if matches!(&**r, Record::Utterance(_)))),
        "to the agent: {out:#?}"
    );
}

#[test]
fn an_emergency_spoken_of_while_a_call_back_is_promised_counts_though_nothing_comes_of_the_promise() {
    let flow = format!("{FLOW}emergency: {{ phrases: {{ en: [on fire] }} }}\n");
    let mut talk = Conversation::of(&flow);
    talk.desk(DeskAsk::SendOn { queue: "support".into(), agent: None });
    talk.step(Event::Queue(QueueEvent::Place { position: 4, wait: None, call_back: true }));
    talk.step(key('2'));
    let number = crate::base::PhoneNumber::new("+493012345678");
    talk.step(Event::Queue(QueueEvent::MayCallBack(CallBackAnswer::Yes(number))));
    let promised = talk.step(key('1'));
    assert!(promised.iter().any(|c| matches!(c, Command::Queue(QueueAsk::CallBack(_)))), "{promised:#?}");
    let phrase = "the kitchen is on fire".to_string();
    let out = talk.step(Event::PersonHeard { utterance: UtteranceId(3), phrase });
    assert!(!out.contains(&Command::Queue(QueueAsk::Emergency)), "the ticket is about to be another call's: {out:#?}");
    let out = talk.step(Event::Queue(QueueEvent::CallBackKept(false)));
    assert!(out.contains(&Command::Queue(QueueAsk::Emergency)) && said(&out).contains("emergency"), "{out:#?}");
}
