//! What we expect to hear, and what an engine says it heard.

use super::{CheckDigit, Confidence, Language};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What we expect the caller to say now. It decides the recogniser's search space and the endpoint rule. A spotter for
/// requests for a person runs beside every grammar, always.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grammar {
    /// The caller's language; engines that do not speak it must say so, not guess.
    pub language: Language,
    /// The kind of answer.
    pub expect: Expect,
    /// Phrases that ask for a person in this language, beside the built-in ones (lower case, words separated by blanks).
    pub person: Arc<[String]>,
}

/// The kind of answer that is expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// An open question. Sentences from the flow's examples; an n-gram model is compiled from them (once per `name`).
    Open {
        /// Names the model in caches: hash of flow and language.
        name: Arc<str>,
        /// Example sentences, lower case.
        examples: Arc<[String]>,
    },
    /// One phrase of a closed list, lower case (a menu, a language choice).
    Choice {
        /// The phrases.
        phrases: Arc<[String]>,
    },
    /// Yes or no, in every usual wording; `phrases` may add others that belong to the same ask (`repeat`).
    YesNo {
        /// Further phrases.
        phrases: Arc<[String]>,
    },
    /// Digits spoken one by one (also "double five", "oh").
    Digits {
        /// Fewest digits of a whole answer.
        min: u8,
        /// Most digits of a whole answer; `min == max` lets the endpoint come early.
        max: u8,
        /// What the digits must agree with; the engine then looks for other readings of a number that does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<CheckDigit>,
    },
    /// Yes or no to a number that was read back; the no may bring what is right ("no, four not five", the number again).
    Confirm {
        /// Most digits that the caller may say.
        max: u8,
        /// Further phrases.
        phrases: Arc<[String]>,
    },
    /// A cardinal number.
    Number,
    /// A day.
    Date,
    /// An amount of money, with or without a currency.
    Money,
    /// A time of day.
    Time,
    /// Something spelled out: letters, figures, words and what signs are called (an e-mail address).
    Spelled,
    /// Free speech that nobody waits to understand (a message): only recorded, and searched for a person.
    Anything,
}

impl Expect {
    /// Short name for records and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Expect::Open { .. } => "open",
            Expect::Choice { .. } => "choice",
            Expect::YesNo { .. } => "yes_no",
            Expect::Digits { .. } => "digits",
            Expect::Confirm { .. } => "confirm",
            Expect::Number => "number",
            Expect::Date => "date",
            Expect::Money => "money",
            Expect::Time => "time",
            Expect::Spelled => "spelled",
            Expect::Anything => "anything",
        }
    }
}

/// Which engine heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// CMU PocketSphinx.
    Pocketsphinx,
    /// whisper.cpp with a model that the operator gave.
    Whisper,
    /// whisper.cpp with the small model of the hotline domain.
    Small,
    /// A script (simulation, typed chat).
    Scripted,
}

/// One word with its place in the utterance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeardWord {
    /// The word, lower case.
    pub text: String,
    /// Start in milliseconds from the utterance's start.
    pub start_ms: u32,
    /// End in milliseconds from the utterance's start.
    pub end_ms: u32,
    /// That this word was said, as far as the engine can tell; `None` = it tells nothing of single words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

/// What an engine heard. Words are personal: records hold them, logs do not.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Lower case words separated by blanks (or Chinese text); empty = nothing recognisable.
    pub text: String,
    /// That the words are what was said, whether or not the engine rejects them (thresholds move, evidence stays).
    pub confidence: Confidence,
    /// The engine's own verdict: `Some(reason)` turns this into a misunderstanding whatever the text (phone-loop ratio,
    /// language-model score, no-speech gate).
    pub rejected: Option<String>,
    /// Other readings, best first, without the text itself.
    pub alternatives: Vec<(String, Confidence)>,
    /// Words with times, as far as the engine gives them.
    pub words: Vec<HeardWord>,
    /// Which engine.
    pub engine: Engine,
    /// Where two engines were asked: which decided, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How sure an engine that weighed nothing else is that a person was asked for, whatever the words; `None` = none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Confidence>,
    /// CPU milliseconds that the engine spent on this utterance.
    pub cpu_ms: u32,
}

impl Hypothesis {
    /// A text that is certain: a script or a keyboard.
    pub fn typed(text: &str) -> Hypothesis {
        Hypothesis {
            text: text.to_string(),
            confidence: Confidence::FULL,
            rejected: None,
            alternatives: Vec::new(),
            words: Vec::new(),
            engine: Engine::Scripted,
            why: None,
            request: None,
            cpu_ms: 0,
        }
    }

    /// What was taken for speech was music, a tone or clatter: no words, from no engine.
    pub fn no_voice() -> Hypothesis {
        let rejected = Some("no voice: music, a tone or noise".to_string());
        Hypothesis { confidence: Confidence::default(), rejected, ..Hypothesis::typed("") }
    }
}

impl std::fmt::Debug for Hypothesis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.text.split_whitespace().count();
        write!(f, "Hypothesis({count} words, {:.2}, {:?}, rejected: {:?})", self.confidence.get(), self.engine, self.rejected)
    }
}

/// Why an utterance has no hypothesis. Each costs one utterance, counts as a misunderstanding, and makes the next
/// prompt offer the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarFailure {
    /// Every worker was taken until the deadline.
    Busy,
    /// The engine did not answer in time.
    TooSlow,
    /// The worker process died.
    Crashed,
    /// No engine speaks this language.
    NoEngine,
}
