//! The faces of the engines and of the pool that shields us from them.

use crate::audio::Pcm;
use crate::base::{EarFailure, Engine, Grammar, Hypothesis, Language, PromptPart, UtteranceId};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A recognition engine as it lives inside a worker process: one utterance at a time, 8 kHz mono.
pub trait Recognizer: Send {
    /// Which it is.
    fn engine(&self) -> Engine;
    /// Whether it can hear this language at all.
    fn speaks(&self, language: Language) -> bool;
    /// Begin an utterance under this grammar (compiled grammars are cached inside).
    ///
    /// # Errors
    /// One sentence when the grammar cannot be compiled or the language is not spoken.
    fn start(&mut self, grammar: &Grammar) -> Result<(), String>;
    /// The next stretch of it (usually one frame). May return what is known so far.
    fn feed(&mut self, samples: &[i16]) -> Option<Partial>;
    /// The utterance is over: what was it?
    fn finish(&mut self) -> Hypothesis;
    /// The same, but given up when it is not known by then: `None`. Engines that cannot stop in the middle take their time.
    fn finish_by(&mut self, _by: Instant) -> Option<Hypothesis> {
        Some(self.finish())
    }
    /// The utterance is withdrawn: nobody wants to know what it was.
    fn abandon(&mut self);
    /// What an earlier utterance of the same call taught about the line (`None` = a new call); before `start`.
    fn set_line(&mut self, _line: Option<&[f32]>) {}
    /// What this utterance taught, for the call's next one; after `finish`. Opaque numbers, at most 64.
    fn line(&self) -> Option<Vec<f32>> {
        None
    }
}

/// What an engine knows before the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// Words so far.
    pub text: String,
    /// These words are a whole answer under the grammar (all digits there, yes or no said, a menu phrase complete), so the
    /// endpoint may come early.
    pub complete: bool,
    /// The phrase by which a person was asked for, as soon as the spotter is sure.
    pub person: Option<String>,
}

/// A speech synthesiser.
pub trait Voice: Send {
    /// Whether it has a voice for this language.
    fn speaks(&self, language: Language) -> bool;
    /// Speak it.
    ///
    /// # Errors
    /// One sentence when the engine fails.
    fn render(&mut self, text: &str, language: Language) -> Result<Pcm, String>;
}

/// Who goes first where too few recognisers are free; who goes later is heard later, in the same sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// A caller who was asked something waits for what comes of it.
    Asked,
    /// A caller says something to which nobody of ours answers: in line, or to an agent.
    Aside,
    /// An agent says something.
    Agent,
}

/// What the ears of one call report (delivered to the call's queue by the pool).
#[derive(Debug, Clone, PartialEq)]
pub enum EarEvent {
    /// The answer is whole: the endpoint may come early (→ `LegCommand::Complete`).
    Complete {
        /// Which.
        utterance: UtteranceId,
    },
    /// A person was asked for, possibly mid-utterance.
    Person {
        /// Which.
        utterance: UtteranceId,
        /// The phrase.
        phrase: String,
    },
    /// The result. Exactly one per utterance that was not withdrawn.
    Heard {
        /// Which.
        utterance: UtteranceId,
        /// The hypothesis, or why there is none.
        result: Result<Hypothesis, EarFailure>,
        /// The sound of the utterance with its pre-roll, for the clip.
        clip: Arc<Pcm>,
    },
}

/// Settings of the pool of recognition workers.
#[derive(Debug, Clone)]
pub struct EarsConfig {
    /// The binary to start as `engine-worker` (normally `std::env::current_exe`).
    pub program: std::path::PathBuf,
    /// PocketSphinx workers (0 = none).
    pub pocketsphinx: usize,
    /// A small model for the PocketSphinx workers (`hotline train-ears`); `None` = the one that hotline brings along.
    pub ears_model: Option<std::path::PathBuf>,
    /// Whisper ggml model file, if any.
    pub whisper_model: Option<std::path::PathBuf>,
    /// Whisper workers.
    pub whisper: usize,
    /// Longest wait for a free worker, counted from the utterance's start. The utterance is kept meanwhile.
    pub wait: Duration,
    /// Longest wait for the result, counted from the utterance's end.
    pub deadline: Duration,
    /// Longest utterance kept; the rest is cut.
    pub longest: Duration,
    /// Look for voices on the lines even when there is no engine (to measure what that costs).
    pub always_listen: bool,
}

/// What `Voices::render` is asked for: all parts of a prompt, joined.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RenderKey {
    /// Words, files and pauses.
    pub parts: Vec<PromptPart>,
    /// Language for the words.
    pub language: Language,
}
