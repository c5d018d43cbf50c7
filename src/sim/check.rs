//! Compares what happened with what a script wants.

use super::script::{Script, Want, What};
use super::transcript::Transcript;
use crate::base::Disposition;
use crate::call::{Command, Record, RecordAction};

/// What a script wanted and did not get; one sentence each. Empty = all good.
pub fn shortcomings(script: &Script, transcript: &Transcript) -> Vec<String> {
    let mut all: Vec<String> = transcript.violations.iter().map(|v| format!("never allowed: {v}")).collect();
    for want in &script.wants {
        if let Err(why) = met(want, transcript) {
            all.push(format!("line {}: {why}", want.line));
        }
    }
    all
}

fn met(want: &Want, transcript: &Transcript) -> Result<(), String> {
    let heard_there = || {
        let words: Vec<&str> = transcript.heard_by_caller().filter(|(step, _)| *step == want.step).map(|(_, w)| w).collect();
        words.join(" ")
    };
    match &want.what {
        What::Hears(part) => {
            let heard = heard_there();
            found(&heard, part).then_some(()).ok_or(format!("the caller should hear {part:?}, but heard {heard:?}"))
        }
        What::HearsNot(part) => {
            let heard = heard_there();
            (!found(&heard, part)).then_some(()).ok_or(format!("the caller should not hear {part:?}, but heard {heard:?}"))
        }
        What::AgentHears(part) => {
            let heard = transcript.heard_by_agents().collect::<Vec<_>>().join(" ");
            found(&heard, part).then_some(()).ok_or(format!("an agent should hear {part:?}, but they heard {heard:?}"))
        }
        What::Ends(how) => {
            let ended = transcript.disposition().map_or("not at all".to_string(), ending);
            (ended == *how).then_some(()).ok_or(format!("the call should end {how:?}, but ended {ended:?}"))
        }
        What::Fact(fact) => match fact.strip_prefix("no ") {
            Some(inner) => match holds(inner, transcript)? {
                false => Ok(()),
                true => Err(format!("there is {inner:?}, which should not be")),
            },
            None => match holds(fact, transcript)? {
                true => Ok(()),
                false => Err(format!("there is no {fact:?}")),
            },
        },
    }
}

fn found(heard: &str, part: &str) -> bool {
    heard.to_lowercase().contains(&part.to_lowercase())
}

/// An ending in the words of a script.
pub fn ending(disposition: &Disposition) -> String {
    match disposition {
        Disposition::Transferred { to, because } => format!("transferred {to} because {because}"),
        Disposition::MessageTaken { because } => format!("message because {because}"),
        Disposition::CallBack { because } => format!("call back because {because}"),
        Disposition::NotReached { because } => format!("not reached because {because}"),
        Disposition::Machine { kind } => format!("machine {}", kind.name()),
        Disposition::Abandoned { wanted_person: true } => "abandoned wanting a person".into(),
        other => other.name().into(),
    }
}

fn holds(fact: &str, transcript: &Transcript) -> Result<bool, String> {
    let (word, rest) = fact.split_once(' ').unwrap_or((fact, ""));
    let rest = rest.trim();
    let wanted = |test: &dyn Fn(&Command) -> bool| transcript.commands().any(test);
    let recorded = |test: &dyn Fn(&Record) -> bool| transcript.records().any(test);
    let as_json = |record: &Record| serde_json::to_string(record).unwrap_or_default();
    Ok(match word {
        "decision" => recorded(&|r| matches!(r, Record::Decision { what, why, .. } if decision(what, why, rest))),
        "attempt" => recorded(&|r| match r {
            Record::Attempt { target, method, outcome, .. } => format!("{target} {method} {outcome}").starts_with(rest),
            _ => false,
        }),
        "record" => wanted(&|c| matches!(c, Command::Record(RecordAction::Start))),
        "paused" => wanted(&|c| matches!(c, Command::Record(RecordAction::Pause))),
        "resumed" => wanted(&|c| matches!(c, Command::Record(RecordAction::Resume))),
        "emergency" => wanted(&|c| matches!(c, Command::Queue(crate::call::QueueAsk::Emergency))),
        "calls_person" => wanted(&|c| matches!(c, Command::CallPerson { .. })),
        "dial" => wanted(&|c| matches!(c, Command::Dial { .. })),
        "refer" => wanted(&|c| matches!(c, Command::Refer { .. })),
        "join" => wanted(&|c| matches!(c, Command::Join { .. })),
        "comfort" => wanted(&|c| matches!(c, Command::Comfort(true))),
        "message" => recorded(&|r| matches!(r, Record::Message { .. })),
        "task" => recorded(&|r| matches!(r, Record::Task { task, .. } if found(&task.reveal().what, rest))),
        "consent" => recorded(&|r| matches!(r, Record::Consent { given } if *given == (rest == "yes"))),
        "card" => transcript.card().is_some_and(|c| found(&serde_json::to_string(c).unwrap_or_default(), rest)),
        // Not in any record nor on any card.
        "nowhere" => {
            let in_records = recorded(&|r| as_json(r).contains(rest));
            let on_cards =
                wanted(&|c| matches!(c, Command::Publish(card) if serde_json::to_string(card).is_ok_and(|j| j.contains(rest))));
            !in_records && !on_cards
        }
        "turns" => {
            let turns = transcript.records().filter(|r| matches!(r, Record::Turn(turn) if turn.complete)).count();
            rest.parse::<usize>().map_err(|_| format!("`{rest}` is no number"))? == turns
        }
        _ => return Err(format!("`{fact}` is nothing that can be checked")),
    })
}

/// `misunderstood`, or `misunderstood: 2 in a row` where the reason contains the rest.
fn decision(what: &str, why: &str, wanted: &str) -> bool {
    match wanted.split_once(':') {
        Some((name, part)) => what == name.trim() && found(why, part.trim()),
        None => what == wanted,
    }
}
