//! What a call makes of questions that nobody wrote into its flow, in voices that nothing was tuned on. The call machine itself
//! decides: recogniser's verdict, matcher and thresholds together.

use super::played::{Played, Taken};
use super::sets::{Item, Judge, Set, shuffle};
use super::spoken::{self, Manner};
use crate::cli::asr::{Ask, Heard, Outcome, Row, Sound};
use crate::flow::{Flow, placeholder_env};
use std::sync::Arc;

/// The flow that is asked.
const FLOW: &str = include_str!("../../../flows/parcel.yaml");

/// `intent<TAB>sentence`, none of which stands in that flow; `oos` = it belongs to no intent.
const PARAPHRASES: &str = include_str!("../../../audio-fixtures/paraphrases.tsv");

/// The ears and thresholds were fitted on flite's kal, kal16, rms and slt; awb stands in a few fixtures only.
const VOICES: [&str; 4] = ["festival-ked", "festival-slt", "festival-kal", "awb"];

/// What becomes of a caller. `means` = the intent that was meant; `None` = none that the flow knows, and asking again is all that
/// can be done.
pub(crate) fn outcome(taken: &Taken, means: Option<&str>) -> Outcome {
    match (taken, means) {
        (Taken::Answer(name), Some(means)) if name == means => Outcome::Right,
        (Taken::Again, _) => Outcome::Again,
        _ => Outcome::Wrong,
    }
}

/// What a call at its first question takes an utterance for.
pub(crate) fn taken(flow: &Arc<Flow>, heard: &Heard) -> Taken {
    Played::begin(flow).hears(heard.hypothesis.clone(), heard.person.clone())
}

/// The sentences with what they mean; none asks for a person.
pub(crate) fn sentences() -> impl Iterator<Item = (Option<&'static str>, &'static str)> {
    let cells = PARAPHRASES.lines().filter_map(|line| line.split_once('\t'));
    cells.map(|(intent, text)| (Some(intent).filter(|i| *i != "oos"), text))
}

/// The flow that is asked.
///
/// # Errors
/// When it is not good.
pub(crate) fn flow() -> Result<Arc<Flow>, String> {
    let checked = Flow::load(FLOW, "flows/parcel.yaml", &placeholder_env(FLOW));
    checked.map(|c| c.flow).map_err(|findings| format!("flows/parcel.yaml has {} mistakes", findings.len()))
}

/// Makes the set: every so many of all sentences in all voices.
///
/// # Errors
/// One sentence when no voice is here at all.
pub(crate) fn make(every: usize) -> Result<Set, String> {
    let flow = flow()?;
    let grammar = Played::begin(&flow).grammar;
    let ask = grammar.map(Ask::of).ok_or("flows/parcel.yaml does not begin with a question")?;
    let voices = spoken::present(&VOICES);
    let mut all: Vec<_> = voices.iter().flat_map(|voice| sentences().map(|(means, text)| (*voice, means, text))).collect();
    // Mixed, so that a part of them holds every voice and intent.
    shuffle(&mut all);
    let mut items = Vec::new();
    for (voice, means, text) in all.into_iter().step_by(every.max(1)) {
        let sound = Sound::Here(format!("{voice} {text}"), Arc::new(spoken::speak(voice, text, Manner::PLAIN)?));
        let row = Row { sound, transcript: Some(text.to_string()), slots: None, speaker: Some(voice.to_string()) };
        let means = means.map(str::to_string);
        items.push(Item { row, ask: 0, inside: means.is_some(), means, call: items.len() });
    }
    if items.is_empty() {
        return Err("there is no voice to ask questions; install flite or festival".to_string());
    }
    Ok(Set { name: "intents".to_string(), asks: vec![ask], items, judge: Judge::Intents(flow) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Confidence, Hypothesis, Language};

    fn heard(text: &str, confidence: f32, person: Option<&str>) -> Heard {
        let hypothesis = Hypothesis { confidence: Confidence::new(confidence), ..Hypothesis::typed(text) };
        Heard { hypothesis, person: person.map(str::to_string), ..Heard::nobody() }
    }

    #[test]
    fn paraphrases_are_many_and_none_stands_in_the_flow() {
        let flow = flow().expect("a good flow");
        let examples: std::collections::HashSet<String> =
            flow.examples(Language::EN).into_iter().map(|(_, t)| t.to_lowercase()).collect();
        let inside: Vec<_> = sentences().filter_map(|(means, text)| Some((means?, text))).collect();
        assert!(inside.len() >= 200, "{}", inside.len());
        assert!(inside.iter().all(|(means, _)| flow.intents.contains_key(*means)));
        assert!(sentences().all(|(_, text)| !examples.contains(text)));
        assert!(sentences().filter(|(means, _)| means.is_none()).count() >= 30);
    }

    #[test]
    fn the_call_itself_decides() {
        let flow = flow().expect("a good flow");
        let says = |text: &str, confidence: f32, person: Option<&str>| taken(&flow, &heard(text, confidence, person));
        assert_eq!(says("where is my parcel", 0.9, None), Taken::Answer("parcel.where".into()));
        assert_eq!(says("where is my parcel", 0.2, None), Taken::Again);
        assert_eq!(says("could you repeat that please", 0.9, None), Taken::Again);
        assert_eq!(says("i want to talk to a person", 0.9, None), Taken::Person);
        assert_eq!(says("", 0.9, Some("i want to talk to a person")), Taken::Person);
        // Its own hand-over to a person is an answer.
        assert_eq!(outcome(&says("i want to complain", 0.9, None), Some("complaint")), Outcome::Right);
        assert_eq!(outcome(&says("i want to complain", 0.9, None), None), Outcome::Wrong);
    }
}
