//! The small Whisper of the hotline domain that hotline brings along, as a [`Recognizer`]: it collects the utterance and then weighs
//! only the answers that count.

use super::answers::Answers;
use super::small_file::{self, Words};
use super::small_hearing::{self, Weighed};
use super::whisper_pass::Collected;
use super::{Partial, Recognizer, grammar};
use crate::base::{Confidence, Engine, Expect, Grammar, Hypothesis, Language};
use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperState};

/// The weights that hotline brings along (trained by `models/train`).
const WEIGHTS: &[u8] = include_bytes!("../../models/small-ears.bin");

/// How much of the end of an utterance may ask for a person, in samples: 3.5 s.
const LAST: usize = 28_000;

/// The engine: the words of a hotline (digits, yes and no, menus, requests for a person; in Mandarin the digits, yes and no and
/// requests for a person). One utterance at a time.
pub struct Small {
    state: WhisperState,
    words: Words,
    sound: Collected,
    ask: Ask,
}

/// What counts as an answer to the present ask.
#[derive(Default)]
struct Ask {
    /// At a closed question; at an open one any words may answer.
    closed: Option<Answers>,
    /// Requests for a person.
    requests: Answers,
    /// The flow's own phrases for them.
    person: Vec<String>,
}

impl Small {
    /// The model that hotline brings along.
    ///
    /// # Errors
    /// When the library refuses it.
    pub fn built_in() -> Result<Small, String> {
        Small::from_bytes(WEIGHTS)
    }

    /// The contents of the file that hotline brings along, to go on from in training.
    pub fn weights() -> &'static [u8] {
        WEIGHTS
    }

    /// A model of another file's contents (written by `hotline train-ears`).
    ///
    /// # Errors
    /// One sentence when they are none.
    pub fn from_bytes(file: &[u8]) -> Result<Small, String> {
        whisper_rs::install_logging_hooks();
        let (ggml, words) = small_file::expand(file)?;
        let context = WhisperContext::new_from_buffer_with_params(&ggml, WhisperContextParameters::default())
            .map_err(|e| format!("the small model does not load: {e}"))?;
        let state = context.create_state().map_err(|e| e.to_string())?;
        Ok(Small { state, words, sound: Collected::default(), ask: Ask::default() })
    }

    /// Begins an utterance under a list of phrases and nothing else.
    pub fn start_phrases(&mut self, list: &[String]) {
        self.sound.clear();
        let phrases: Vec<String> = list.iter().map(|p| super::spoken(p)).collect();
        self.ask = Ask { closed: Some(answers_in(&self.words, &phrases)), ..Ask::default() };
    }

    /// Whether it could give this text as an answer to the present ask: it knows no other words.
    pub(crate) fn could_say(&self, text: &str) -> bool {
        let Some(answers) = &self.ask.closed else { return false };
        self.words.tokens(text).is_some_and(|tokens| answers.holds(&tokens))
    }

    /// How sure it is that what was said last asks for a person, before the utterance is over; `None` when it cannot hear.
    pub(crate) fn witness(&mut self) -> Option<Confidence> {
        let sound = self.sound.samples();
        let last = &sound[sound.len().saturating_sub(LAST)..];
        let weighed = small_hearing::hear(&mut self.state, &self.words, &self.ask.requests, last, true).ok()??;
        judge_open(&self.words, &weighed, &self.ask.person).request
    }

    fn hear(&mut self) -> Result<Hypothesis, String> {
        let answers = self.ask.closed.as_ref();
        let (counts, last) = (answers.unwrap_or(&self.ask.requests), answers.is_none());
        let weighed = small_hearing::hear(&mut self.state, &self.words, counts, self.sound.samples(), last)?;
        Ok(match weighed {
            Some(weighed) if last => judge_open(&self.words, &weighed, &self.ask.person),
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
        self.sound.clear();
        let phrases = phrases_of(grammar);
        let asks = |p: &&String| grammar::asks_for_person(&grammar.person, p) || CHINESE_PERSON.contains(&p.as_str());
        self.ask = Ask {
            closed: (!is_open(&grammar.expect)).then(|| answers_of(&self.words, &grammar.expect, &phrases)),
            requests: answers_in(&self.words, phrases.iter().filter(asks)),
            person: grammar.person.to_vec(),
        };
        Ok(())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        self.sound.push(samples);
        None
    }

    fn abandon(&mut self) {
        self.sound.clear();
    }

    fn finish(&mut self) -> Hypothesis {
        let heard = if self.sound.is_silent() { Ok(nothing("silence")) } else { self.hear() };
        self.sound.clear();
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

fn answers_in<'a>(words: &Words, phrases: impl IntoIterator<Item = &'a String>) -> Answers {
    let mut answers = Answers::default();
    phrases.into_iter().filter_map(|p| words.tokens(p)).for_each(|tokens| answers.add(&tokens));
    answers
}

/// The answers to a closed ask that the model knows the words of.
fn answers_of(words: &Words, expect: &Expect, phrases: &[String]) -> Answers {
    let mut answers = answers_in(words, phrases);
    if let Expect::Digits { max, .. } = expect {
        let names = "zero oh one two three four five six seven eight nine 零 一 幺 二 三 四 五 六 七 八 九".split(' ');
        let digits: Vec<_> = names.filter_map(|d| words.tokens(d)).flatten().collect();
        let double = words.tokens("double").and_then(|t| t.first().copied());
        answers.add_digits(&digits, double, usize::from(*max).min(words.longest));
    }
    answers
}

/// The phrases that an ask expects; in Chinese the model knows some of them.
fn phrases_of(grammar: &Grammar) -> Vec<String> {
    let Grammar { language, expect, person } = grammar;
    if *language != Language::ZH {
        return grammar::phrases_of(expect, person);
    }
    let given = match expect {
        Expect::Choice { phrases } | Expect::YesNo { phrases } | Expect::Confirm { phrases, .. } => phrases.to_vec(),
        _ => Vec::new(),
    };
    let yes_no = matches!(expect, Expect::YesNo { .. } | Expect::Confirm { .. });
    let usual = CHINESE_YES_NO.iter().filter(|_| yes_no).chain(CHINESE_PERSON).chain(&["再说一遍"]);
    given.into_iter().chain(person.iter().cloned()).chain(usual.map(|p| (*p).to_string())).collect()
}

/// Asks whose answers are not all known.
pub(crate) fn is_open(expect: &Expect) -> bool {
    !matches!(expect, Expect::Choice { .. } | Expect::YesNo { .. } | Expect::Digits { .. } | Expect::Confirm { .. })
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
    let asks = names_person(person, &text);
    let phrase = weighed.found.first().map_or(f32::NEG_INFINITY, |f| f.log);
    let request = match weighed.found.first() {
        _ if asks => Some((text.clone(), REQUEST.of(free.log.max(phrase), weighed.unknown, weighed.nobody))),
        Some(found) => Some((words.text(&found.tokens), REQUEST.of(found.log, free.log.max(weighed.unknown), weighed.nobody))),
        None => None,
    };
    let sure = SURE.of(free.log, weighed.unknown, weighed.nobody);
    let heard = match whole {
        true => Hypothesis {
            text,
            confidence: sure,
            rejected: (sure.get() < 0.5).then(|| "other words fit better".to_string()),
            ..nothing("")
        },
        false => nothing("none of the words that the small model knows"),
    };
    Hypothesis {
        request: request.as_ref().map(|(_, sure)| *sure),
        alternatives: request.into_iter().collect(),
        why: Some(told(weighed, phrase)),
        ..heard
    }
}

/// Whether a text that the model wrote by itself asks for a person: of all that it learnt only requests name one.
fn names_person(person: &[String], text: &str) -> bool {
    text.split(' ').any(|w| PEOPLE.contains(&w))
        || SERVICES.iter().chain(CHINESE_PERSON).any(|service| text.contains(service))
        || grammar::person_within(person, text)
}

fn told(weighed: &Weighed, answer: f32) -> String {
    let numbers = [answer, weighed.unknown, weighed.free.log, weighed.nobody].map(|n| format!("{n:.2}")).join(" ");
    format!("log likelihood of the likeliest answer, of unknown words, of any words, of nobody: {numbers}")
}

/// Whom the requests that it learnt name (`models/train/text.py`), and what nobody wants to talk to.
const PEOPLE: &[&str] = &[
    "agent",
    "operator",
    "representative",
    "human",
    "person",
    "someone",
    "somebody",
    "manager",
    "supervisor",
    "colleague",
    "machine",
    "computer",
    "robot",
];
const CHINESE_PERSON: &[&str] = &["人工", "转人工", "人工客服", "真人", "客服", "找客服", "我要人工", "我要转人工"];
const CHINESE_YES_NO: &[&str] = &["是", "是的", "对", "好的", "不是", "不", "不对"];
const SERVICES: &[&str] = &["customer service", "customer support", "help desk"];

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
        Confidence::from_log_odds(
            self.margin * (log - rival).clamp(-12.0, 12.0)
                + self.log * log.max(-40.0)
                + self.nobody * nobody.exp()
                + self.offset,
        )
    }
}

/// Fitted on 300 real digits, zero to four asked for and five to nine said as often (speaker-wise folds: area under the curve 0.92).
const SURE: Sure = Sure { margin: 0.35, log: 0.38, nobody: -9.0, offset: 2.44 };

/// Of requests for a person at open questions: by how much they are likelier than anything else, as it is.
const REQUEST: Sure = Sure { margin: 1.0, log: 0.0, nobody: 0.0, offset: 0.0 };
