//! Made-up callers: each wants one thing and behaves in one way. They answer what a flow asks, so that a flow can be tried before
//! anybody phones it.

use crate::base::{CheckDigit, Dice, Digit, Hypothesis, Language};
use crate::flow::{Ask, AskKind, Choice, Flow};
use crate::nlu::Mishearing;
use crate::nlu::slots::ValueKind;
use crate::sim::{CallerStep, Mind, Speech, When};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// How a caller behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Persona {
    /// Says what they want, answers what is asked, and says good-bye.
    Plain,
    /// Is not content with the answer and asks for the same thing in other words, again and again.
    Rephraser,
    /// Is hard to hear: three words of ten are wrong.
    Mumbler,
    /// Scolds, shouts into prompts, and wants a person after the second question.
    Angry,
    /// Says nothing.
    Silent,
    /// Only presses keys.
    KeyPresser,
    /// Speaks now this, now that language of the flow.
    CodeSwitcher,
}

impl Persona {
    /// All of them.
    pub const ALL: [Persona; 7] = [
        Persona::Plain,
        Persona::Rephraser,
        Persona::Mumbler,
        Persona::Angry,
        Persona::Silent,
        Persona::KeyPresser,
        Persona::CodeSwitcher,
    ];

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Persona::Plain => "plain",
            Persona::Rephraser => "rephraser",
            Persona::Mumbler => "mumbler",
            Persona::Angry => "angry",
            Persona::Silent => "silent",
            Persona::KeyPresser => "key presser",
            Persona::CodeSwitcher => "code switcher",
        }
    }
}

/// Answers of one caller before leaving for good: nobody holds out for longer.
const PATIENCE: u32 = 30;

/// One caller.
#[derive(Debug)]
pub struct TestCaller {
    flow: Arc<Flow>,
    persona: Persona,
    /// The intent that is wanted.
    goal: String,
    language: Language,
    dice: Dice,
    /// Where among the ways to say it this caller begins.
    first: usize,
    answers: u32,
    /// How often the goal was said or keyed.
    asked: u32,
    /// The node where the goal was said last.
    asked_at: String,
    /// Of a key presser: the key of the goal was found.
    found: bool,
    /// A person was asked for.
    pub wants_person: bool,
    errors: Mishearing,
}

impl TestCaller {
    /// A caller who wants this intent; the same seed behaves the same.
    pub fn new(flow: &Arc<Flow>, persona: Persona, goal: &str, seed: u64) -> TestCaller {
        let language = flow.language();
        let mut dice = Dice::new(seed);
        let first = dice.roll(7);
        let sentences: Vec<&str> = flow.languages.iter().flat_map(|l| flow.examples(*l)).map(|(_, text)| text).collect();
        TestCaller {
            persona,
            goal: goal.to_string(),
            language,
            dice,
            first,
            answers: 0,
            asked: 0,
            asked_at: String::new(),
            found: false,
            wants_person: false,
            errors: Mishearing::new(sentences.into_iter(), 0.3, seed),
            flow: flow.clone(),
        }
    }

    fn says(&mut self, words: &str) -> Option<Vec<CallerStep>> {
        let heard = match self.persona {
            Persona::Mumbler => self.errors.hear(words),
            _ => words.to_lowercase(),
        };
        let kept = |c: char| c.is_alphanumeric() || c == '\'' || c == ' ';
        let plain: String = heard.chars().map(|c| if kept(c) { c } else { ' ' }).collect();
        let mut speech = Speech::clear(plain.trim());
        if self.persona == Persona::Mumbler {
            let confidence = crate::base::Confidence::new(0.35 + 0.05 * self.dice.roll(12) as f32);
            speech.heard = speech.heard.map(|h| Hypothesis { confidence, ..h });
        }
        if self.persona == Persona::Angry && self.answers > 1 && self.dice.roll(2) == 0 {
            speech.when = When::Over(Duration::from_millis(700));
        }
        Some(vec![CallerStep::Speaks(speech)])
    }

    fn person(&mut self) -> Option<Vec<CallerStep>> {
        self.wants_person = true;
        if self.persona == Persona::KeyPresser {
            return presses("0");
        }
        let words = match self.language {
            Language::ZH => ["转人工", "我要找真人", "人工客服"],
            _ => ["let me talk to a person", "i want a human agent", "representative please"],
        };
        let which = self.dice.roll(words.len());
        self.says(words[which])
    }

    /// One way to say what is wanted, another each time.
    fn goal_in_words(&mut self) -> String {
        if self.persona == Persona::CodeSwitcher {
            let languages = self.flow.languages.clone();
            self.language = languages[self.asked as usize % languages.len()];
        }
        let examples: Vec<String> = self
            .flow
            .examples(self.language)
            .into_iter()
            .filter(|(i, _)| *i == self.goal)
            .map(|(_, t)| t.to_string())
            .collect();
        let Some(one) = examples.get((self.asked as usize + self.first) % examples.len().max(1)) else {
            return self.goal.clone();
        };
        let around: &[(&str, &str)] = match self.language {
            Language::ZH => &[("", ""), ("请问", ""), ("我想问一下", "")],
            _ => &[("", ""), ("well ", ""), ("", " please"), ("i wanted to ask ", ""), ("no i mean ", "")],
        };
        let (before, after) = around[self.asked as usize % around.len()];
        format!("{before}{one}{after}")
    }

    fn wants(&mut self, ask: &Ask) -> Option<Vec<CallerStep>> {
        self.asked += 1;
        self.asked_at.clone_from(&ask.node);
        if self.persona == Persona::KeyPresser {
            let goal = ask.keys.iter().find(|(_, choice)| matches!(choice, Choice::Intent(name) if *name == self.goal));
            let onward = || ask.keys.iter().rev().find(|(_, choice)| matches!(choice, Choice::Option(_)));
            self.found |= goal.is_some();
            return match goal.or_else(onward) {
                Some((key, _)) if self.answers < 12 => Some(vec![CallerStep::Presses(vec![*key], When::Quiet)]),
                _ => self.person(),
            };
        }
        let words = self.goal_in_words();
        if self.persona == Persona::Angry {
            return self.says(&format!("{words} this is ridiculous"));
        }
        self.says(&words)
    }

    fn digits(&mut self, min: u8, max: u8, check: Option<CheckDigit>) -> String {
        let length = usize::from(min).max(usize::from(max.min(min.max(6))));
        for _ in 0..2_000 {
            let digits: String = (0..length).map(|_| char::from(b'0' + self.dice.roll(10) as u8)).collect();
            if check.is_none_or(|c| c.holds(&digits)) {
                return digits;
            }
        }
        "0".repeat(length)
    }

    fn value(&mut self, ask: &Ask) -> Option<Vec<CallerStep>> {
        let by_keys = self.persona == Persona::KeyPresser;
        match &ask.kind {
            AskKind::Digits { min, max, check, .. } => {
                let digits = self.digits(*min, *max, *check);
                if by_keys {
                    return presses(&if min == max { digits } else { format!("{digits}#") });
                }
                let spoken: Vec<String> = digits.chars().map(|d| d.to_string()).collect();
                self.says(&spoken.join(" "))
            }
            AskKind::Number { .. } if by_keys => presses("2#"),
            AskKind::Date { .. } if by_keys => presses("2412#"),
            AskKind::Number { .. } => self.says(if self.language == Language::ZH { "两" } else { "two" }),
            AskKind::Date { .. } => self.says(if self.language == Language::ZH { "明天" } else { "tomorrow" }),
            AskKind::Value { kind, .. } => {
                let (english, chinese, keys) = example(kind);
                if by_keys && !keys.is_empty() {
                    return presses(&keys);
                }
                self.says(if self.language == Language::ZH { &chinese } else { &english })
            }
            AskKind::YesNo | AskKind::Assent | AskKind::Confirm { .. } if by_keys => presses("1"),
            AskKind::YesNo | AskKind::Assent | AskKind::Confirm { .. } => {
                self.says(if self.language == Language::ZH { "是的" } else { "yes" })
            }
            AskKind::Menu(options) | AskKind::Language(options) => {
                let which = self.dice.roll(options.len());
                let Some(option) = options.get(which) else { return self.person() };
                match (by_keys, option.key, option.phrases.first().cloned()) {
                    (true, Some(key), _) => Some(vec![CallerStep::Presses(vec![key], When::Quiet)]),
                    (false, _, Some(phrase)) => self.says(&phrase),
                    (_, Some(key), None) => Some(vec![CallerStep::Presses(vec![key], When::Quiet)]),
                    _ => self.person(),
                }
            }
            AskKind::Intents => self.wants(ask),
        }
    }
}

/// A value as it is said in English and in Chinese, and keyed.
fn example(kind: &ValueKind) -> (String, String, String) {
    let (english, chinese, keys) = match kind {
        ValueKind::Money { .. } => ("twelve euros fifty", "十二块五", "1250#"),
        ValueKind::Time { span: Some(span) } => {
            let figures = span.from.format("%H:%M").to_string();
            return (figures.clone(), figures.clone(), figures.replace(':', ""));
        }
        ValueKind::Phone { .. } => {
            ("oh one seven six one two three four five six seven", "幺三八零零幺三八零零零", "01761234567#")
        }
        ValueKind::Email => ("john dot smith at gmail dot com", "z h a n g 艾特 qq 点 com", ""),
        ValueKind::Name(names) => {
            let said = names.first().and_then(|n| n.said.first()).cloned().unwrap_or_default();
            return (said.clone(), said, if names.len() <= 9 { "1".into() } else { String::new() });
        }
        ValueKind::Time { span: None } => ("half past three in the afternoon", "下午三点半", "1530"),
    };
    (english.into(), chinese.into(), keys.into())
}

fn presses(keys: &str) -> Option<Vec<CallerStep>> {
    Some(vec![CallerStep::Presses(keys.chars().filter_map(Digit::from_char).collect(), When::Quiet)])
}

impl Mind for TestCaller {
    fn answers(&mut self, ask: Option<&Ask>) -> Option<Vec<CallerStep>> {
        self.answers += 1;
        if self.answers > PATIENCE {
            return None;
        }
        if self.persona == Persona::Silent {
            return Some(vec![CallerStep::Silence]);
        }
        let Some(ask) = ask else {
            return if self.persona == Persona::KeyPresser { presses("1") } else { self.says("yes") };
        };
        // Whoever asked for a person asks again, and means it.
        if self.wants_person {
            return self.person();
        }
        if self.persona == Persona::Angry && self.answers > 2 {
            return self.person();
        }
        if !matches!(ask.kind, AskKind::Intents) {
            return self.value(ask);
        }
        let asks_again = self.asked > 0 && self.asked_at == ask.node && self.asked < 3;
        match self.persona {
            Persona::Rephraser | Persona::Angry => self.wants(ask),
            Persona::CodeSwitcher if self.asked < 2 => self.wants(ask),
            Persona::KeyPresser if !self.found => self.wants(ask),
            _ if self.asked == 0 || asks_again => self.wants(ask),
            // Answered, or given up.
            _ => None,
        }
    }
}
