//! What a call makes of questions that nobody wrote into its flow, in voices that nothing was tuned on. The call machine itself
//! decides: recogniser's verdict, matcher and thresholds together.

use super::sets::{Item, Judge, Set, shuffle};
use super::spoken::{self, Manner};
use crate::base::{CallId, Grammar, Language, Moment, PhoneNumber, PromptEnd, UtteranceId, WallTime};
use crate::call::{Call, CallSettings, Command, Event, Record};
use crate::cli::asr::{Ask, Heard, Outcome, Row, Sound};
use crate::flow::{Flow, placeholder_env};
use std::sync::Arc;

/// The flow that is asked.
const FLOW: &str = include_str!("../../../flows/parcel.yaml");

/// `intent<TAB>sentence`, none of which stands in that flow; `oos` = it belongs to no intent.
const PARAPHRASES: &str = include_str!("../../../audio-fixtures/paraphrases.tsv");

/// The ears and thresholds were fitted on flite's kal, kal16, rms and slt; awb stands in a few fixtures only.
const VOICES: [&str; 4] = ["festival-ked", "festival-slt", "festival-kal", "awb"];

/// Prompts that a flow may say before its first question.
const PROMPTS_MAX: usize = 16;

/// What a call does with an utterance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It answers this intent.
    Intent(String),
    /// It connects the caller to a person.
    Person,
    /// It says its question again, as asked or because it did not understand.
    Again,
}

impl Taken {
    /// `means` = the intent that was meant; `None` = none that the flow knows, and asking again is all that can be done.
    pub(crate) fn outcome(&self, means: Option<&str>) -> Outcome {
        match (self, means) {
            (Taken::Intent(name), Some(means)) if name == means => Outcome::Right,
            (Taken::Again, _) => Outcome::Again,
            _ => Outcome::Wrong,
        }
    }
}

/// A call that has just asked its first question.
struct Asking {
    call: Call,
    at: Moment,
    grammar: Grammar,
}

impl Asking {
    fn new(flow: &Arc<Flow>) -> Result<Asking, String> {
        let settings = CallSettings { ears: flow.languages.clone(), ..CallSettings::default() };
        let (caller, dialled) = (PhoneNumber::new("caller"), PhoneNumber::new("100"));
        let mut asking = Asking { call: Call::new(CallId(1), flow.clone(), settings), at: Moment::ZERO, grammar: nothing() };
        let mut waiting = asking.happens(&Event::Arrived { caller, dialled, wall: WallTime(1_767_000_000_000) });
        waiting.extend(asking.happens(&Event::Answered));
        for _ in 0..PROMPTS_MAX {
            let played = waiting.iter().filter_map(|c| match c {
                Command::Play { leg, prompt } => Some((*leg, prompt.id)),
                _ => None,
            });
            let Some((leg, prompt)) = played.last() else { break };
            waiting = asking.happens(&Event::PromptEnded { leg, prompt, played_ms: 1_000, end: PromptEnd::Finished });
        }
        match asking.call.phase() {
            "asking" => Ok(asking),
            phase => Err(format!("the flow {} does not begin with a question: it is {phase}", flow.name)),
        }
    }

    fn happens(&mut self, event: &Event) -> Vec<Command> {
        let mut out = Vec::new();
        self.at = self.at + std::time::Duration::from_secs(1);
        self.call.handle(self.at, event, &mut out);
        for command in &out {
            if let Command::Listen { grammar, .. } = command {
                self.grammar = grammar.clone();
            }
        }
        out
    }
}

fn nothing() -> Grammar {
    Grammar { language: Language::EN, expect: crate::base::Expect::Anything, person: Arc::from([]) }
}

/// Plays a call up to its first question and says to it what was heard.
///
/// # Errors
/// One sentence when the flow has no such question.
pub(crate) fn taken(flow: &Arc<Flow>, heard: &Heard) -> Result<Taken, String> {
    let mut asking = Asking::new(flow)?;
    let utterance = UtteranceId(1);
    asking.happens(&Event::SpeechStarted { utterance, over: None });
    if let Some(phrase) = heard.person.clone() {
        asking.happens(&Event::PersonHeard { utterance, phrase });
        if asking.call.phase() == "transferring" {
            return Ok(Taken::Person);
        }
    }
    asking.happens(&Event::SpeechEnded { utterance, length_ms: 2_000 });
    let result = Ok(heard.hypothesis.clone());
    let meaning = asking.happens(&Event::Heard { utterance, result }).into_iter().find_map(|command| match command {
        Command::Note(record) => match *record {
            Record::Utterance(utterance) => utterance.meaning,
            _ => None,
        },
        _ => None,
    });
    Ok(match meaning.as_deref() {
        None | Some("repeat") => Taken::Again,
        Some("person") => Taken::Person,
        Some(name) => Taken::Intent(name.to_string()),
    })
}

/// The sentences with what they mean; none asks for a person.
pub(crate) fn sentences() -> impl Iterator<Item = (Option<&'static str>, &'static str)> {
    let cells = PARAPHRASES.lines().filter_map(|line| line.split_once('\t'));
    cells.map(|(intent, text)| (Some(intent).filter(|i| *i != "oos"), text))
}

fn flow() -> Result<Arc<Flow>, String> {
    let checked = Flow::load(FLOW, "flows/parcel.yaml", &placeholder_env(FLOW));
    checked.map(|c| c.flow).map_err(|findings| format!("flows/parcel.yaml has {} mistakes", findings.len()))
}

/// Makes the set: every so many of all sentences in all voices.
///
/// # Errors
/// One sentence when no voice is here at all.
pub(crate) fn make(every: usize) -> Result<Set, String> {
    let flow = flow()?;
    let ask = Ask::of(Asking::new(&flow)?.grammar);
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
    use crate::base::{Confidence, Hypothesis};

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
        let says = |text: &str, confidence: f32, person: Option<&str>| {
            taken(&flow, &heard(text, confidence, person)).expect("a question")
        };
        assert_eq!(says("where is my parcel", 0.9, None), Taken::Intent("parcel.where".into()));
        assert_eq!(says("where is my parcel", 0.2, None), Taken::Again);
        assert_eq!(says("could you repeat that please", 0.9, None), Taken::Again);
        assert_eq!(says("i want to talk to a person", 0.9, None), Taken::Person);
        assert_eq!(says("", 0.9, Some("i want to talk to a person")), Taken::Person);
        // Its own hand-over to a person is an answer.
        assert_eq!(says("i want to complain", 0.9, None).outcome(Some("complaint")), Outcome::Right);
        assert_eq!(says("i want to complain", 0.9, None).outcome(None), Outcome::Wrong);
    }
}
