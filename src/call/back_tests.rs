//! An agent sends the caller back into the script: to what the flow names for it and nowhere else, and nothing that is known is lost on the way.

use super::consult_tests::{ANNA, Conversation, FLOW, decided, hung_up};
use super::*;
use crate::base::{Digit, Disposition, LegId};

/// Agents may send callers to the opening hours.
fn talks() -> Conversation {
    Conversation::of(&FLOW.replace("accept: answer }", "accept: answer, back_to: [hours] }"))
}

fn to(node: &str) -> DeskAsk {
    DeskAsk::ToNode { node: node.into() }
}

fn said(out: &[Command]) -> String {
    let words = |c: &Command| match c {
        Command::Play { leg: LegId::Caller, prompt } => Some(prompt.words()),
        _ => None,
    };
    out.iter().filter_map(words).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_caller_hears_the_node_and_the_agent_is_done() {
    let mut talk = talks();
    let out = talk.desk(to("hours"));
    assert!(hung_up(&out, ANNA) && decided(&out, "sent_back"), "{out:#?}");
    assert!(out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Finished(talk)) if !talk.lost)), "{out:#?}");
    assert!(!out.iter().any(|c| matches!(c, Command::HangUp { leg: LegId::Caller } | Command::Ended(_))), "{out:#?}");
    assert!(said(&out).contains("From nine to five."), "{}", said(&out));
    assert_eq!(talk.call.phase(), "asking", "and the script goes on from there");
}

#[test]
fn nobody_is_sent_where_the_flow_does_not_name_it() {
    for (mut talk, node) in [(talks(), "welcome"), (talks(), "nowhere"), (Conversation::new(), "hours")] {
        let out = talk.desk(to(node));
        assert!(decided(&out, "desk_refused") && out.len() == 1, "{node}: {out:#?}");
        assert_eq!(talk.call.phase(), "with_agent");
    }
}

#[test]
fn who_wants_a_person_again_is_first_in_line_and_for_the_same_agent() {
    let mut talk = talks();
    talk.desk(to("hours"));
    let out = talk.step(Event::Key(Digit::from_char('0').expect("a key")));
    let ticket = out.iter().find_map(|c| if let Command::Queue(QueueAsk::Enter(ticket)) = c { Some(ticket) } else { None });
    let ticket = ticket.unwrap_or_else(|| panic!("in line: {out:#?}"));
    assert!(ticket.returned && ticket.prefer.as_deref() == Some("anna") && ticket.queue == "support", "{ticket:?}");
    let card = out.iter().rev().find_map(|c| if let Command::Publish(card) = c { Some(card) } else { None }).expect("a card");
    assert_eq!(card.spoke_with, ["anna"]);
    // Bob gets the caller, and loses them: nobody waits for Anna alone.
    let ring = std::time::Duration::from_secs(20);
    let offer = QueueEvent::Offer { offer: 2, agent: "bob".into(), desk: true, to: "sip:bob@x".into(), ring };
    talk.step(Event::Queue(offer));
    let out = talk.agent(crate::base::AttemptId(1), AgentEvent::Answered);
    let card = out.iter().rev().find_map(|c| if let Command::Publish(card) = c { Some(card) } else { None }).expect("a card");
    assert_eq!(card.spoke_with, ["anna"], "before this talk");
    let out = talk.agent(crate::base::AttemptId(1), AgentEvent::Lost);
    let card = out.iter().rev().find_map(|c| if let Command::Publish(card) = c { Some(card) } else { None }).expect("a card");
    assert_eq!(card.spoke_with, ["anna", "bob"]);
    let alone = |c: &Command| matches!(c, Command::Queue(QueueAsk::Enter(ticket)) if ticket.prefer.is_none());
    assert!(out.iter().any(alone), "{out:#?}");
}

#[test]
fn however_it_ends_the_caller_was_with_the_agent_unless_they_wait_for_one_again() {
    let mut talk = talks();
    talk.desk(to("hours"));
    let ended = |out: &[Command]| out.iter().find_map(|c| if let Command::Ended(d) = c { Some(d.clone()) } else { None });
    let end = ended(&talk.step(Event::CallerHungUp));
    assert!(matches!(&end, Some(Disposition::Transferred { to, .. }) if to == "support"), "{end:?}");
    let mut talk = talks();
    talk.desk(to("hours"));
    talk.step(Event::Key(Digit::from_char('0').expect("a key")));
    let end = ended(&talk.step(Event::CallerHungUp));
    assert!(matches!(end, Some(Disposition::Abandoned { wanted_person: true })), "{end:?}");
}

#[test]
fn a_caller_whose_value_brings_a_person_is_not_brought_back_at_once() {
    let flow = FLOW.replace("accept: answer }", "accept: answer, back_to: [welcome] }").replace(
        "person: { to: support }",
        "person: { to: support }\nescalate: { value: { of: gold, tiers: { gold: { priority: 9, human_first: true } } } }",
    );
    let mut talk = Conversation::of(&flow);
    talk.desk(to("welcome"));
    let out = talk.step(Event::Key(Digit::from_char('1').expect("a key")));
    assert!(said(&out).contains("From nine to five."), "{out:#?}");
    assert!(!out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Enter(_)))), "{out:#?}");
}

#[test]
fn a_line_that_breaks_in_a_talk_is_told_with_what_was_known_and_no_other_end_is() {
    let lost = |out: &[Command]| {
        out.iter().find_map(|c| if let Command::Queue(QueueAsk::CallerLost(card)) = c { Some(card.clone()) } else { None })
    };
    let mut talk = talks();
    let out = talk.step(Event::CallerLost);
    let card = lost(&out).unwrap_or_else(|| panic!("{out:#?}"));
    assert_eq!((card.reference.as_str(), card.because.as_str()), ("", "asked"));
    assert!(out.iter().any(|c| matches!(c, Command::Queue(QueueAsk::Finished(_)))), "{out:#?}");
    let at = |what: &dyn Fn(&Command) -> bool| out.iter().position(what);
    let (told, over) = (
        at(&|c| matches!(c, Command::Queue(QueueAsk::CallerLost(_)))),
        at(&|c| matches!(c, Command::Queue(QueueAsk::Finished(_)))),
    );
    assert!(told < over, "before it is over: {out:#?}");
    assert_eq!(lost(&talks().step(Event::CallerHungUp)), None);
    // With the script they are not in line.
    let mut talk = talks();
    talk.desk(to("hours"));
    assert_eq!(lost(&talk.step(Event::CallerLost)), None);
}
