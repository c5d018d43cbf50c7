//! The small Whisper of the hotline domain that hotline brings along, as a [`Recognizer`]: it collects the utterance and then weighs
//! only the answers that count.

use super::answers::Answers;
use super::small_file::{self, Words};
use super::small_hearing::{self, Weighed};
use super::{Partial, Recognizer, grammar};
use crate::audio::{peak, rms_dbfs};
use crate::base::{Confidence, Engine, Expect, Grammar, Hypothesis, Language};
use std::path::Path;
use std::sync::Arc;
use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperState};

/// The weights that hotline brings along (trained by `models/train`).
const WEIGHTS: &[u8] = include_bytes!("../../models/small-ears.bin");

/// What is kept of an utterance, in samples at 8 kHz; of it only the speech counts, of which the model hears five seconds.
const LONGEST: usize = 8_000 * 30;

/// Quieter than this in its loudest 100 ms is silence.
const SILENCE_DBFS: f32 = -50.0;

/// The engine: the words of a hotline (digits, yes and no, menus, requests for a person; in Mandarin the digits, yes and no and
/// requests for a person). One utterance at a time.
pub struct Small {
    state: WhisperState,
    words: Words,
    samples: Vec<i16>,
    ask: Ask,
}

/// What counts as an answer to the present ask.
struct Ask {
    answers: Answers,
    /// Any words may answer; `answers` are the requests for a person then, which are told beside what was said.
    open: bool,
    /// The flow's own phrases for them.
    person: Arc<[String]>,
    /// Nothing is to be understood.
    deaf: bool,
}

impl Small {
    /// The model that hotline brings along.
    ///
    /// # Errors
    /// When the library refuses it.
    pub fn built_in() -> Result<Small, String> {
        Small::from_bytes(WEIGHTS)
    }

    /// Reads the file of a small model (written by `models/train/pack.py`).
    ///
    /// # Errors
    /// One sentence when the file is not there or is none.
    pub fn load(file: &Path) -> Result<Small, String> {
        let bytes = std::fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
        Small::from_bytes(&bytes).map_err(|why| format!("{}: {why}", file.display()))
    }

    fn from_bytes(file: &[u8]) -> Result<Small, String> {
        whisper_rs::install_logging_hooks();
        let (ggml, words) = small_file::expand(file)?;
        let context = WhisperContext::new_from_buffer_with_params(&ggml, WhisperContextParameters::default())
            .map_err(|e| format!("the small model does not load: {e}"))?;
        let state = context.create_state().map_err(|e| e.to_string())?;
        Ok(Small {
            state,
            words,
            samples: Vec::new(),
            ask: Ask { answers: Answers::default(), open: false, person: Arc::from([]), deaf: true },
        })
    }

    /// Begins an utterance under a list of phrases and nothing else.
    pub fn start_phrases(&mut self, list: &[String]) {
        self.samples.clear();
        let phrases: Vec<String> = list.iter().map(|p| super::spoken(p)).collect();
        self.ask = Ask { answers: answers_in(&self.words, &phrases), open: false, person: Arc::from([]), deaf: false };
    }

    /// Whether it could give this text as an answer to the present ask: it knows no other words.
    pub(crate) fn could_say(&self, text: &str) -> bool {
        self.words.tokens(text).is_some_and(|tokens| self.ask.answers.holds(&tokens))
    }

    fn hear(&mut self) -> Result<Hypothesis, String> {
        let weighed = small_hearing::hear(&mut self.state, &self.words, &self.ask.answers, &self.samples, 1)?;
        Ok(match weighed {
            Some(weighed) if self.ask.open => judge_open(&self.words, &weighed, &self.ask.person),
            Some(weighed) => judge(&self.words, &weighed),
            None => nothing("too long for the small model"),
        })
    }
}

impl Recognizer for Small {
    fn engine(&self) -> Engine {
        Engine::Small
    }

    fn speaks(&self, language: Language) -> bool {
        ["en", "zh"].iter().any(|tag| Language::parse(tag) == Some(language))
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        if !self.speaks(grammar.language) {
            return Err(format!("the small model does not understand the language {}", grammar.language));
        }
        self.samples.clear();
        let answers = answers_of(&self.words, &grammar.expect, &grammar.person);
        let (open, deaf) = (is_open(&grammar.expect), matches!(grammar.expect, Expect::Anything));
        self.ask = Ask { answers, open, person: grammar.person.clone(), deaf };
        Ok(())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        let room = LONGEST.saturating_sub(self.samples.len());
        self.samples.extend_from_slice(&samples[..samples.len().min(room)]);
        None
    }

    fn abandon(&mut self) {
        self.samples.clear();
    }

    fn finish(&mut self) -> Hypothesis {
        let loudest = self.samples.chunks(800).map(rms_dbfs).fold(f32::NEG_INFINITY, f32::max);
        let heard = if self.ask.deaf {
            Ok(Hypothesis { rejected: None, ..nothing("") })
        } else if loudest < SILENCE_DBFS || peak(&self.samples) == 0 {
            Ok(nothing("silence"))
        } else {
            self.hear()
        };
        self.samples.clear();
        heard.unwrap_or_else(|why| {
            tracing::warn!("the small model could not hear an utterance: {why}");
            nothing("the engine failed")
        })
    }
}

fn nothing(why: &str) -> Hypothesis {
    Hypothesis {
        engine: Engine::Small,
        confidence: Confidence::default(),
        rejected: Some(why.to_string()),
        ..Hypothesis::typed("")
    }
}

fn answers_in(words: &Words, phrases: &[String]) -> Answers {
    let mut answers = Answers::default();
    phrases.iter().filter_map(|p| words.tokens(p)).for_each(|tokens| answers.add(&tokens));
    answers
}

/// The answers to an ask that the model knows the words of; for an open question, the requests for a person.
fn answers_of(words: &Words, expect: &Expect, person: &[String]) -> Answers {
    let mut phrases = grammar::phrases_of(expect, person);
    if is_open(expect) {
        phrases.retain(|p| grammar::asks_for_person(person, p));
    }
    let mut answers = answers_in(words, &phrases);
    if let Expect::Digits { max, .. } = expect {
        let names = "zero oh one two three four five six seven eight nine 零 一 幺 二 三 四 五 六 七 八 九".split(' ');
        let digits: Vec<_> = names.filter_map(|d| words.tokens(d)).flatten().collect();
        let double = words.tokens("double").and_then(|t| t.first().copied());
        answers.add_digits(&digits, double, usize::from(*max).min(words.longest));
    }
    answers
}

/// Asks whose answers are not all known.
fn is_open(expect: &Expect) -> bool {
    matches!(expect, Expect::Open { .. } | Expect::Number | Expect::Date)
}

/// From what the model weighed at a closed question to a hypothesis.
fn judge(words: &Words, weighed: &Weighed) -> Hypothesis {
    let known = weighed.found.first().filter(|b| !b.tokens.is_empty() && !b.tokens.contains(&Words::UNKNOWN));
    let Some(best) = known else {
        return nothing("none of the words that the small model knows");
    };
    // What else it may have been: no words of ours, or words that were not asked for.
    let rival = if weighed.free.tokens == best.tokens { weighed.unknown } else { weighed.free.log.max(weighed.unknown) };
    let confidence = |log: f32| SURE.of(log, rival, weighed.nobody);
    let sure = confidence(best.log);
    Hypothesis {
        text: words.text(&best.tokens),
        confidence: sure,
        rejected: (sure.get() < 0.5).then(|| "other words fit better".to_string()),
        alternatives: weighed.found[1..].iter().map(|f| (words.text(&f.tokens), confidence(f.log))).collect(),
        engine: Engine::Small,
        why: Some(told(weighed, best.log)),
        ..Hypothesis::typed("")
    }
}

/// The same at an open question: the words as they came, if the model knows them all; beside them the likeliest request for a
/// person, with how sure it is that this was one.
fn judge_open(words: &Words, weighed: &Weighed, person: &[String]) -> Hypothesis {
    let free = &weighed.free;
    let spoken: Vec<_> = free.tokens.iter().copied().filter(|t| *t != Words::UNKNOWN).collect();
    let (text, whole) = (words.text(&spoken), spoken.len() == free.tokens.len() && !spoken.is_empty());
    let asks = grammar::person_within(person, &text);
    let phrase = weighed.found.first().map_or(f32::NEG_INFINITY, |f| f.log);
    let request = match weighed.found.first() {
        _ if asks => Some((text.clone(), REQUEST.of(free.log.max(phrase), weighed.unknown, weighed.nobody))),
        Some(found) => Some((words.text(&found.tokens), REQUEST.of(found.log, free.log.max(weighed.unknown), weighed.nobody))),
        None => None,
    };
    let sure = SURE.of(free.log, weighed.unknown, weighed.nobody);
    let why = told(weighed, phrase);
    match whole {
        true => Hypothesis {
            text,
            confidence: sure,
            rejected: (sure.get() < 0.5).then(|| "other words fit better".to_string()),
            alternatives: request.into_iter().collect(),
            engine: Engine::Small,
            why: Some(why),
            ..Hypothesis::typed("")
        },
        false => Hypothesis {
            alternatives: request.into_iter().collect(),
            why: Some(why),
            ..nothing("none of the words that the small model knows")
        },
    }
}

fn told(weighed: &Weighed, answer: f32) -> String {
    let numbers = [answer, weighed.unknown, weighed.free.log, weighed.nobody].map(|n| format!("{n:.2}")).join(" ");
    format!("log likelihood of the likeliest answer, of unknown words, of any words, of nobody: {numbers}")
}

/// How the likelihoods become a confidence.
struct Sure {
    /// Of the distance to the likeliest rival.
    margin: f32,
    /// Of the answer's own log likelihood.
    log: f32,
    /// Of the probability that nobody speaks.
    nobody: f32,
    offset: f32,
}

impl Sure {
    fn of(&self, log: f32, rival: f32, nobody: f32) -> Confidence {
        let score = self.margin * (log - rival).clamp(-12.0, 12.0)
            + self.log * log.max(-40.0)
            + self.nobody * nobody.exp()
            + self.offset;
        Confidence::new(1.0 / (1.0 + (-score).exp()))
    }
}

/// Fitted on 300 real digits, zero to four asked for and five to nine said as often (speaker-wise folds: area under the curve 0.92).
const SURE: Sure = Sure { margin: 0.35, log: 0.38, nobody: -9.0, offset: 2.44 };

/// Of requests for a person at open questions.
const REQUEST: Sure = SURE;
