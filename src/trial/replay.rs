//! Calls that took place, put before a flow that is to come: what would be the same, better, worse, and what nobody can tell
//! because it depends on what the caller would have said.

use super::recorded::{Course, Ears, Recorded};
use crate::base::Disposition;
use crate::flow::Flow;
use crate::sim::{ending, simulate_with};
use serde::Serialize;
use std::sync::Arc;

/// What a flow would do to one call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// In one word.
    pub verdict: Verdict,
    /// The first turn that goes otherwise, counted from 1; `None` = the end does, or nothing.
    pub turn: Option<usize>,
    /// One sentence.
    pub why: String,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The caller is understood alike and comes to the same end.
    Same,
    /// The caller is understood where it was not, or comes to a better end or sooner to the same.
    Better,
    /// The caller is no longer understood, or comes to a worse end or later to the same.
    Worse,
    /// It depends on what the caller would have said.
    CannotTell,
}

impl Verdict {
    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::CannotTell => "cannot tell",
        }
    }
}

/// What came of one caller before one flow.
struct Played {
    course: Course,
    /// Something that must never happen.
    violation: Option<String>,
    /// A question that the caller has no answer to.
    unknown: Option<String>,
}

/// Puts a recorded call before `draft`. `flow` is the flow that it had.
pub fn judge(recorded: &Recorded, flow: &Arc<Flow>, draft: &Arc<Flow>) -> Judgement {
    judged(recorded, flow, draft, None)
}

/// The same with what the caller said heard once more from what was recorded of it: other ears, or other grammars, may hear something else.
pub fn judge_heard(recorded: &Recorded, flow: &Arc<Flow>, draft: &Arc<Flow>, ears: &mut dyn Ears) -> Judgement {
    judged(recorded, flow, draft, Some(ears))
}

fn judged<'e>(recorded: &Recorded, flow: &Arc<Flow>, draft: &Arc<Flow>, ears: Option<&'e mut (dyn Ears + 'e)>) -> Judgement {
    let anew = ears.is_some();
    if recorded.whole_events < recorded.events {
        // What follows was sensitive and is not in the log: nobody knows how the call went on.
        let after = play(recorded, draft, ears);
        return match first_difference(&recorded.course, &after.course, recorded.course.turns.len()) {
            Some(turn) => difference(recorded, turn, &recorded.course, &after, Known { ended: false, anew }),
            None => Judgement {
                verdict: Verdict::CannotTell,
                turn: Some(recorded.course.turns.len() + 1),
                why: "from here on the caller's answer was sensitive and is not kept; until then it is the same".into(),
            },
        };
    }
    let before = play(recorded, flow, None);
    if let Some(turn) = first_difference(&recorded.course, &before.course, usize::MAX) {
        let why = "the simulation does not go as the call did, so it says nothing about another flow";
        return Judgement { verdict: Verdict::CannotTell, turn: Some(turn + 1), why: why.into() };
    }
    if ends(&recorded.course) != ends(&before.course) {
        let why = format!(
            "the simulation ends {}, the call ended {}: it says nothing about another flow",
            ends(&before.course),
            ends(&recorded.course)
        );
        return Judgement { verdict: Verdict::CannotTell, turn: None, why };
    }
    let after = play(recorded, draft, ears);
    compare(recorded, &before.course, &after, anew)
}

fn play<'e>(recorded: &Recorded, flow: &Arc<Flow>, ears: Option<&'e mut (dyn Ears + 'e)>) -> Played {
    let mut caller = recorded.caller(ears);
    let transcript = simulate_with(flow.clone(), recorded.world.clone(), &mut caller);
    let unknown = caller.unknown.map(|asked| match asked.node.as_str() {
        "" => "whether the call may be recorded".to_string(),
        node => format!("{} at node {node}", asked.kind),
    });
    Played { course: Course::of(transcript.commands()), violation: transcript.violations.first().cloned(), unknown }
}

/// The place of the first turn among the first `most` that is not understood alike.
fn first_difference(before: &Course, after: &Course, most: usize) -> Option<usize> {
    let turns = before.turns.len().max(after.turns.len()).min(most);
    (0..turns).find(|&n| match (before.turns.get(n), after.turns.get(n)) {
        (Some(b), Some(a)) => (b.by.as_str(), &b.meaning) != (a.by.as_str(), &a.meaning) || b.slots != a.slots,
        _ => true,
    })
}

fn ends(course: &Course) -> String {
    course.disposition.as_ref().map_or("not at all".to_string(), ending)
}

fn compare(recorded: &Recorded, before: &Course, after: &Played, anew: bool) -> Judgement {
    if let Some(what) = &after.violation {
        return Judgement { verdict: Verdict::Worse, turn: None, why: what.clone() };
    }
    if let Some(turn) = first_difference(before, &after.course, usize::MAX) {
        return difference(recorded, turn, before, after, Known { ended: true, anew });
    }
    match &after.unknown {
        Some(asked) => asked_anew(before, &after.course, asked),
        None => by_end(before, &after.course, None),
    }
}

/// All went alike, and then a question comes that the caller was never asked.
fn asked_anew(before: &Course, after: &Course, asked: &str) -> Judgement {
    let told = |verdict, why| Judgement { verdict, turn: Some(after.turns.len()), why };
    let last = after.turns.last();
    if reached_person(before) && last.is_some_and(|turn| turn.meaning.is_none()) {
        return told(Verdict::Worse, format!("misunderstood, the caller is asked again for {asked}; a person came before"));
    }
    told(Verdict::CannotTell, unknown(asked))
}

fn unknown(asked: &str) -> String {
    format!("the caller is asked for {asked}, which was not asked in this call")
}

fn reached_person(course: &Course) -> bool {
    matches!(course.disposition, Some(Disposition::Transferred { .. } | Disposition::MessageTaken { .. }))
}

/// What is known of a comparison.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The call is known to its end.
    ended: bool,
    /// What the caller said was heard once more: other words are the same sound.
    anew: bool,
}

/// The calls part at a turn: what was understood there tells, or else how they end.
fn difference(recorded: &Recorded, turn: usize, before: &Course, after: &Played, known: Known) -> Judgement {
    let Known { ended, anew } = known;
    let told = |verdict, why| Judgement { verdict, turn: Some(turn + 1), why };
    let name = |meaning: &Option<String>| meaning.clone().unwrap_or_else(|| "nothing".into());
    let Some(b) = before.turns.get(turn) else {
        return match &after.unknown {
            Some(asked) => told(Verdict::CannotTell, unknown(asked)),
            None if ended => by_end(before, &after.course, Some(turn + 1)),
            None => told(Verdict::CannotTell, "the call goes on where something sensitive was said".into()),
        };
    };
    let Some(a) = after.course.turns.get(turn) else {
        return match &after.unknown {
            Some(asked) => told(Verdict::CannotTell, unknown(asked)),
            None => by_end(before, &after.course, Some(turn + 1)),
        };
    };
    let same_words = (b.heard == a.heard || anew) && b.by == a.by;
    let heard = if b.heard == a.heard { String::new() } else { format!(" (heard as \"{}\")", a.heard.reveal()) };
    match (&b.meaning, &a.meaning) {
        (None, Some(now)) if same_words && b.by != "silence" => {
            told(Verdict::Better, format!("what was not understood is taken for {now}{heard}"))
        }
        (Some(was), None) if same_words => told(Verdict::Worse, format!("what was taken for {was} is not understood{heard}")),
        (Some(was), Some(now)) if same_words && was != now => match went_well(recorded, turn) {
            true => told(Verdict::Worse, format!("what was rightly taken for {was} is taken for {now}{heard}")),
            false => told(Verdict::CannotTell, format!("what was taken for {was} is taken for {now}{heard}")),
        },
        _ if same_words && b.slots != a.slots => match went_well(recorded, turn) {
            true => told(Verdict::Worse, format!("other values are taken from the same words{heard}")),
            false => told(Verdict::CannotTell, format!("other values are taken from the same words{heard}")),
        },
        _ => match &after.unknown {
            Some(asked) => told(Verdict::CannotTell, unknown(asked)),
            None if ended => by_end(before, &after.course, Some(turn + 1)),
            None => told(Verdict::CannotTell, format!("{} instead of {}", name(&a.meaning), name(&b.meaning))),
        },
    }
}

/// Whether the caller went on as one does who was understood: the call did not end in misunderstanding, and what was understood
/// here was not asked again.
fn went_well(recorded: &Recorded, turn: usize) -> bool {
    let again = recorded.course.turns.get(turn + 1).is_some_and(|next| next.meaning.is_none() && next.by == "voice");
    !again && rank(&recorded.course) >= Rank::Fair
}

/// How good an end is for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A person was wanted and not reached.
    Unserved,
    /// The caller left, fell silent, or the line broke.
    Lost,
    /// A person or a message because the hotline did not understand.
    Fair,
    /// Answered, or the person or the message that was asked for.
    Good,
}

fn rank(course: &Course) -> Rank {
    let ours = |because: &str| matches!(because, "misunderstood" | "same_answer" | "silent" | "script_loop" | "broken");
    match &course.disposition {
        None | Some(Disposition::Abandoned { wanted_person: true }) => Rank::Unserved,
        Some(
            Disposition::Transferred { because, .. }
            | Disposition::MessageTaken { because }
            | Disposition::CallBack { because },
        ) if ours(because) => Rank::Fair,
        Some(
            Disposition::Answered
            | Disposition::Transferred { .. }
            | Disposition::MessageTaken { .. }
            | Disposition::CallBack { .. },
        ) => Rank::Good,
        Some(_) => Rank::Lost,
    }
}

fn by_end(before: &Course, after: &Course, turn: Option<usize>) -> Judgement {
    let (was, now) = (ends(before), ends(after));
    let told = |verdict, why: String| Judgement { verdict, turn, why };
    let parties = |c: &Course| match &c.disposition {
        Some(Disposition::Transferred { to, .. }) => Some(to.clone()),
        _ => None,
    };
    let (from, to) = (before.turns.len(), after.turns.len());
    match rank(after).cmp(&rank(before)) {
        std::cmp::Ordering::Less => told(Verdict::Worse, format!("ends {now} instead of {was}")),
        std::cmp::Ordering::Greater => told(Verdict::Better, format!("ends {now} instead of {was}")),
        std::cmp::Ordering::Equal if reached_person(before) && !reached_person(after) => {
            told(Verdict::Worse, format!("ends {now}, without a person, instead of {was}"))
        }
        std::cmp::Ordering::Equal if parties(before) != parties(after) => {
            told(Verdict::CannotTell, format!("ends {now} instead of {was}"))
        }
        std::cmp::Ordering::Equal if to > from => told(Verdict::Worse, format!("takes {to} turns instead of {from}")),
        std::cmp::Ordering::Equal if to < from => told(Verdict::Better, format!("takes {to} turns instead of {from}")),
        std::cmp::Ordering::Equal => {
            let other = before.turns.iter().zip(&after.turns).position(|(b, a)| b.answer != a.answer);
            match other {
                Some(n) => Judgement {
                    verdict: Verdict::Same,
                    turn: Some(n + 1),
                    why: "understood alike; the answer is worded otherwise".into(),
                },
                None => told(Verdict::Same, "nothing that the caller would notice".into()),
            }
        }
    }
}
