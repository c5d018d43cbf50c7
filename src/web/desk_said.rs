//! What a desk shows of what was said, and what the flow makes of it for the agent: the transcript, the draft, the checklist, the summary.

use super::desk_view::STILL_HEARD;
use crate::base::{Moment, WallTime};
use crate::call::{HandOverCard, spaced};
use crate::server::{ABUSIVE, BEFORE, Board};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
pub(super) struct Turn {
    number: u32,
    at_s: u64,
    who: String,
    text: String,
    intent: Option<String>,
    answer: Option<String>,
    sensitive: bool,
    utterance: Option<u32>,
    /// The text is keys that were pressed.
    keyed: bool,
}

impl Turn {
    /// Whether this is its sound.
    pub(super) fn is_of(&self, utterance: u32) -> bool {
        self.utterance == Some(utterance)
    }
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
pub(super) struct Draft {
    #[serde(flatten)]
    answer: Answer,
    /// Other answers of the flow that come near, the nearest first.
    others: Vec<Answer>,
}

/// An answer of the flow.
#[derive(Serialize, JsonSchema, PartialEq, Clone)]
pub(super) struct Answer {
    source: String,
    text: String,
    intent: String,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
pub(super) struct Item {
    slot: String,
    label: String,
    value: Option<String>,
}

/// What the call was about, for the agent to change: what was wanted, with the values, and what was answered last.
pub(super) fn summary(card: &HandOverCard, board: &Board) -> String {
    let slots = card.slots.reveal().iter().map(|(name, value)| format!("{}: {value}", spaced(name)));
    let wanted = card.intent.as_deref().map(|name| board.flow.intent_label(name, card.language));
    // The first sentence is the answer, what follows it leads on.
    let first =
        |answer: &str| answer.split_inclusive(['.', '。', '!', '！', '?', '？']).next().unwrap_or_default().trim().to_string();
    let answered = card.turns.iter().rev().map(|turn| first(turn.answer.reveal())).find(|answer| !answer.is_empty());
    let parts = wanted.into_iter().chain(slots).chain(answered.map(|answer| format!("“{answer}”")));
    parts.collect::<Vec<_>>().join("; ")
}

/// What came of the talk that was over at this moment, as its agent will probably say: one of the operator's words, or none.
pub(super) fn suggested(card: &HandOverCard, board: &Board, words: &[String], until: Moment) -> Option<String> {
    let first = |wanted: [&str; 2]| wanted.iter().find_map(|word| words.iter().find(|known| known == word).cloned());
    let their_end = |at: &Moment| *at <= until && until.since(*at) <= STILL_HEARD * 2;
    if board.mood.iter().any(|(at, level)| *level >= ABUSIVE && *at <= until) {
        return first(["abusive", "abuse"]);
    }
    if board.passed_on.iter().any(their_end) {
        return first(["passed_on", "transferred"]);
    }
    card.intent.as_ref().and_then(|_| first(["solved", "resolved"]))
}

pub(super) fn checklist(board: &Board, card: &HandOverCard) -> Vec<Item> {
    let slots = card.intent.as_ref().map(|intent| board.flow.slots_wanted(intent)).unwrap_or_default();
    let value = |slot: &String| card.slots.reveal().get(slot).cloned();
    slots.into_iter().map(|slot| Item { label: spaced(&slot), value: value(&slot), slot }).collect()
}

/// What the flow would answer: to the caller's last words where they meant nothing for sure, else to what was wanted.
pub(super) fn draft(card: &HandOverCard, board: &Board, is_theirs: &dyn Fn(Moment) -> bool, at: WallTime) -> Option<Draft> {
    let mut theirs = board.turns.iter().rev().filter(|turn| is_theirs(turn.at));
    let said = theirs.find(|turn| !turn.sensitive && !turn.agent && !turn.text.reveal().trim().is_empty());
    let nearest = said.map(|turn| turn.nearest.clone()).unwrap_or_default();
    let answer = |intent: String| {
        let (source, text) = board.flow.answer_to(&intent, card.language, card.slots.reveal(), at)?;
        Some(Answer { source, text, intent })
    };
    let mut answers: Vec<Answer> = Vec::new();
    for answer in nearest.into_iter().chain(card.intent.clone()).filter_map(answer) {
        if answers.iter().all(|known| known.text != answer.text) {
            answers.push(answer);
        }
    }
    let mut answers = answers.into_iter();
    Some(Draft { answer: answers.next()?, others: answers.collect() })
}

/// What was said; of who is called back, what the card kept of the call in which it was asked for.
pub(super) fn turns(board: &Board, card: &HandOverCard, is_theirs: &dyn Fn(Moment) -> bool) -> Vec<Turn> {
    let before = card.call_back.is_some().then(|| {
        let turn = |(number, turn): (u32, &crate::call::CardTurn)| Turn {
            number,
            at_s: 0,
            who: "caller".into(),
            text: turn.caller.reveal().clone(),
            intent: turn.intent.clone(),
            answer: Some(turn.answer.reveal().clone()).filter(|answer| !answer.is_empty()),
            sensitive: turn.sensitive,
            utterance: None,
            keyed: false,
        };
        (BEFORE..).zip(&card.turns).map(turn).collect::<Vec<_>>()
    });
    let turn = |turn: &crate::server::BoardTurn| Turn {
        number: turn.turn,
        at_s: turn.at.since(board.began).as_secs(),
        who: if turn.agent { "agent" } else { "caller" }.into(),
        text: turn.text.reveal().clone(),
        intent: turn.intent.clone(),
        answer: Some(turn.answer.reveal().clone()).filter(|answer| !answer.is_empty()),
        sensitive: turn.sensitive,
        utterance: turn.utterance.map(|u| u.0),
        keyed: turn.keyed,
    };
    let theirs = board.turns.iter().filter(|turn| is_theirs(turn.at));
    before.into_iter().flatten().chain(theirs.map(turn)).collect()
}
