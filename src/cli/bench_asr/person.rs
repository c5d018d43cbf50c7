//! Requests for a person in voices that nothing was tuned on, and hours of other speech in which nobody asks for one.

use super::sets::{Item, Judge, Set, shuffle};
use super::spoken::{self, Manner};
use crate::base::{Expect, Language};
use crate::cli::asr::{Ask, ORDERS, Row, Sound, read_table};
use std::path::Path;
use std::sync::Arc;

/// How callers ask. Not taken from the lists that the ears and the detector hold, though some stand there, too.
const WORDINGS: [&str; 36] = [
    "agent",
    "operator please",
    "representative",
    "customer service please",
    "a real person please",
    "human being please",
    "can i speak to a human",
    "i want to talk to a person",
    "let me speak to an agent",
    "could i talk to somebody please",
    "put me through to an operator",
    "i need to speak with a representative",
    "is there anybody i can talk to",
    "connect me with customer service",
    "transfer me to a person",
    "i would like to speak to someone",
    "get me a human please",
    "may i talk to a live agent",
    "i just want to talk to a real person",
    "can you connect me to an agent please",
    "talk to a representative",
    "please let me talk to a person",
    "i want a human not a machine",
    "speak to a real human being",
    "could you transfer me to customer support",
    "i'd rather talk to a person",
    "is there a real person there",
    "give me an operator",
    "i don't want to talk to a machine",
    "i want to speak to your manager",
    "i need a person to help me",
    "let me talk to somebody who can help",
    "can somebody call an agent for me",
    "live person please",
    "i need help from a real person",
    "someone please i need to talk to someone",
];

/// Questions of the flow that listens, one a line.
const QUESTIONS: &str = include_str!("../../../audio-fixtures/questions.txt");

/// Voices of flite and festival, in which the figures have a bound, and one of espeak, in which they have none.
const VOICES: [&str; 9] = ["kal", "kal16", "awb", "rms", "slt", "festival-kal", "festival-ked", "festival-slt", "espeak"];

/// Each wording in each voice: three speeds, two lengths of the vocal tract (which is also two pitches), two tilts of the spectrum.
const SPEEDS: [f32; 3] = [0.85, 1.0, 1.2];
const TRACTS: [u32; 2] = [7_520, 8_480];
const TILTS: [f32; 2] = [0.0, 0.35];

/// The same orders by other people: so much faster, with a shorter vocal tract, and slower, with a longer one.
const ORDERS_VARIED: [u32; 2] = TRACTS;

fn manners() -> impl Iterator<Item = Manner> {
    let of = |stretch, tract| TILTS.map(|tilt| Manner { stretch, tract, tilt });
    SPEEDS.into_iter().flat_map(move |stretch| TRACTS.into_iter().flat_map(move |tract| of(stretch, tract)))
}

/// The ask that listens: an open question.
pub(crate) fn ask() -> Ask {
    Ask::expecting(questions(), Language::EN)
}

/// What it expects.
pub(crate) fn questions() -> Expect {
    Expect::Open { name: Arc::from("person"), examples: QUESTIONS.lines().map(str::to_string).collect() }
}

/// Makes the set: every so many of all requests, and four times as dense other speech: orders in a café as they were recorded and
/// in two variants, digits, and questions and everyday sentences in all voices.
///
/// # Errors
/// One sentence when no voice is here at all or the recordings are not.
pub(crate) fn make(recordings: &Path, every: usize) -> Result<Set, String> {
    let voices = spoken::present(&VOICES);
    if voices.is_empty() {
        return Err("there is no voice to ask for a person; install flite".to_string());
    }
    let mut requests = Vec::new();
    for voice in &voices {
        requests.extend(WORDINGS.iter().flat_map(|wording| manners().map(|manner| (*voice, *wording, manner))));
    }
    // Mixed, so that a part of them holds every voice and wording.
    shuffle(&mut requests);
    let mut rows = Vec::new();
    for (voice, wording, manner) in requests.into_iter().step_by(every.max(1)) {
        rows.push((true, said(voice, wording, manner, voice)?));
    }
    let sparse = every.div_ceil(4);
    let orders = read_table(&recordings.join("commands/index.tsv"), &[])?;
    for (i, row) in orders.into_iter().enumerate().filter(|(i, _)| i % sparse == 0) {
        let kind = |kind: &str, sound| Row { sound, slots: None, speaker: Some(kind.to_string()), ..row.clone() };
        rows.push((false, kind(ORDERS, row.sound.clone())));
        for tract in ORDERS_VARIED {
            let varied = spoken::in_manner(row.read()?.as_ref().clone(), Manner { tract, ..Manner::PLAIN })?;
            rows.push((false, kind("orders, varied", Sound::Here(format!("order {i} at {tract}"), Arc::new(varied)))));
        }
    }
    let digits = read_table(&recordings.join("digits/index.tsv"), &[])?;
    rows.extend(digits.into_iter().step_by(sparse).map(|row| (false, Row { speaker: Some("digits".to_string()), ..row })));
    let mut sentences: Vec<_> = voices.iter().flat_map(|v| super::intents::sentences().map(|(_, text)| (*v, text))).collect();
    shuffle(&mut sentences);
    for (voice, text) in sentences.into_iter().step_by(sparse) {
        rows.push((false, said(voice, text, Manner::PLAIN, "sentences")?));
    }
    let items = rows.into_iter().enumerate();
    let items = items.map(|(call, (inside, row))| Item { row, ask: 0, inside, means: None, call }).collect();
    Ok(Set { name: "person".to_string(), asks: vec![ask()], items, judge: Judge::Person })
}

fn said(voice: &str, text: &str, manner: Manner, speaker: &str) -> Result<Row, String> {
    let sound = Sound::Here(format!("{voice} {text}"), Arc::new(spoken::speak(voice, text, manner)?));
    Ok(Row { sound, transcript: Some(text.to_string()), slots: None, speaker: Some(speaker.to_string()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nlu::person::asks_for_person;

    #[test]
    fn every_wording_asks_for_a_person_and_no_question_does() {
        for wording in WORDINGS {
            assert!(asks_for_person(wording, &[]).is_some(), "{wording}");
        }
        let sentences = super::super::intents::sentences().map(|(_, text)| text);
        assert!(QUESTIONS.lines().chain(sentences).all(|q| asks_for_person(q, &[]).is_none()));
        assert!(WORDINGS.len() >= 30 && manners().count() >= 12 && VOICES.len() > 6);
    }
}
