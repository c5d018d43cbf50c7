//! The checked flow: every reference resolved, every template and condition known to compile. Made by `compile` only.

use super::action::{Choice, Escalation, RecordMode, Target, TaskKind, Tier};
use super::condition::Condition;
use super::document::Piece;
use super::phrases::Phrase;
use super::template::Templates;
use crate::base::{BargeIn, CheckDigit, Digit, Language, OpeningHours, WallTime};
use crate::nlu::slots::ValueKind;
use crate::nlu::{IntentName, Matcher};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What templates and conditions see in every node of every call.
pub(super) const ALWAYS_KNOWN: [&str; 9] =
    ["env", "call", "hours", "today", "now", "intent", "language", "verified", "incident"];

/// A script that passed its check. Immutable and shared by all calls that it serves.
#[derive(Debug)]
pub struct Flow {
    /// Its name.
    pub name: String,
    /// SHA-256 of the flow's text and the values of its environment names, as 64 hex digits.
    pub hash: String,
    /// Its text, as it was read.
    pub text: Arc<str>,
    /// Languages, the usual one first. Never empty.
    pub languages: Vec<Language>,
    /// Zone of dates and of opening hours that name none.
    pub zone: chrono_tz::Tz,
    /// Whether and how calls are recorded.
    pub record: RecordMode,
    /// When a person is called in.
    pub escalation: Escalation,
    /// Callers of different value.
    pub value: Option<ValueRule>,
    /// How a caller gets a person.
    pub person: PersonWay,
    /// What an emergency sounds like, and who is called then.
    pub emergency: Option<EmergencyWay>,
    /// What spotters and closed questions listen for at all times, by language: own phrases for a person, and of emergencies.
    pub(super) spotted: BTreeMap<Language, Arc<[String]>>,
    /// All targets by name. Chains by `next` end.
    pub targets: BTreeMap<String, Target>,
    /// Named opening hours.
    pub hours: BTreeMap<String, OpeningHours>,
    /// After how many days something is deleted.
    pub retention: Retention,
    /// All intents by name.
    pub intents: BTreeMap<IntentName, Intent>,
    /// Sentences that mean nothing this hotline can do, in all languages.
    pub out_of_scope: Vec<String>,
    /// All slots by name, those of intents included.
    pub slots: BTreeMap<String, SlotKind>,
    /// What values must fulfil beside being of their kind, by slot.
    pub(super) slot_rules: BTreeMap<String, SlotRule>,
    /// The flow's own tests.
    pub tests: Vec<FlowTest>,
    pub(super) nodes: Vec<Node>,
    pub(super) start: usize,
    pub(super) lookups: BTreeMap<String, Lookup>,
    pub(super) phrases: BTreeMap<Phrase, Speech>,
    pub(super) templates: Templates,
    pub(super) matcher: Matcher,
    /// Where targets stand, for findings.
    pub(super) target_lines: BTreeMap<String, u32>,
    /// The listed environment names and their values.
    pub(super) env: BTreeMap<String, String>,
}

/// Callers of different value.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueRule {
    /// A template that gives the tier's name.
    pub(super) of: String,
    /// Tiers by name.
    pub tiers: BTreeMap<String, Tier>,
}

/// How a caller gets a person.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonWay {
    /// The target that is tried first.
    pub target: String,
    /// Always `0`.
    pub key: Digit,
    /// Ways to ask for a person beside the built-in ones, lower case.
    pub phrases: BTreeMap<Language, Arc<[String]>>,
    /// The target of callers who type on a text telephone; `target` unless given.
    pub text_telephone: Option<String>,
}

/// An emergency: a person at once, first in line.
#[derive(Debug, Clone, PartialEq)]
pub struct EmergencyWay {
    /// The target that is tried first.
    pub target: String,
    /// How callers say it, lower case.
    pub phrases: BTreeMap<Language, Arc<[String]>>,
}

/// After how many days something is deleted; `None` = as the configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Recordings and clips.
    pub audio_days: Option<u32>,
    /// Words and turns.
    pub text_days: Option<u32>,
}

/// Something callers want.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Sentences by language, as written.
    pub examples: BTreeMap<Language, Vec<String>>,
    /// Slots that may be heard along with it.
    pub slots: BTreeMap<String, SlotKind>,
    pub(super) label: Option<Speech>,
    pub(super) go: Goto,
    pub(super) line: u32,
}

/// What sort of value a slot holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// A digit string of so many digits.
    Digits {
        /// Fewest.
        min: u8,
        /// Most.
        max: u8,
        /// What they must agree with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<CheckDigit>,
    },
    /// A number.
    Number,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// `yes` or `no`.
    YesNo,
    /// A value with a text of its own: money, a time of day.
    Value(ValueKind),
}

impl SlotKind {
    /// Whether a text is a value of this kind.
    pub fn fits(&self, value: &str) -> bool {
        match self {
            SlotKind::Digits { min, max, check } => {
                (usize::from(*min)..=usize::from(*max)).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_digit())
                    && check.is_none_or(|c| c.holds(value))
            }
            SlotKind::Number => value.len() <= 20 && value.parse::<f64>().is_ok_and(f64::is_finite),
            SlotKind::Date => chrono::NaiveDate::parse_from_str(value, "%Y-%m-%d").is_ok(),
            SlotKind::YesNo => matches!(value, "yes" | "no"),
            SlotKind::Value(kind) => kind.fits(value),
        }
    }

    /// The digits of a value that callers can correct one by one when it is read back; `None` for other kinds.
    pub(super) fn digits_of<'v>(&self, value: &'v str) -> Option<&'v str> {
        match self {
            SlotKind::Digits { .. } => Some(value),
            SlotKind::Value(ValueKind::Phone { .. }) => Some(value.strip_prefix('+').unwrap_or(value)),
            _ => None,
        }
    }

    /// The value that corrected digits mean, where this was read back before.
    pub(super) fn corrected(&self, before: &str, digits: &str) -> Option<String> {
        match self {
            // What has a country keeps it where only some digits were wrong; the whole number again is read anew.
            SlotKind::Value(ValueKind::Phone { .. }) if before.len() == digits.len() + 1 && before.starts_with('+') => {
                Some(format!("+{digits}"))
            }
            SlotKind::Value(kind) => kind.keyed(digits),
            _ => Some(digits.to_string()),
        }
    }
}

/// What a slot's values must fulfil beside being of its kind.
#[derive(Debug, Clone, Default)]
pub(super) struct SlotRule {
    pub(super) pattern: Option<regex::Regex>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

impl SlotRule {
    /// Whether a value fulfils it. Of money the amount counts, whatever its currency.
    fn holds(&self, value: &str) -> bool {
        let amount = || value.split(' ').next().and_then(|v| v.parse::<f64>().ok());
        self.pattern.as_ref().is_none_or(|p| p.is_match(value))
            && self.min.is_none_or(|min| amount().is_some_and(|a| a >= min))
            && self.max.is_none_or(|max| amount().is_some_and(|a| a <= max))
    }
}

impl Flow {
    /// Whether a text is a value of this slot.
    pub fn takes(&self, slot: &str, value: &str) -> bool {
        self.slots.get(slot).is_some_and(|kind| kind.fits(value)) && self.slot_rules.get(slot).is_none_or(|r| r.holds(value))
    }
}

/// One of the flow's own tests. Run by `trial`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowTest {
    /// What it shows; `test in line N` unless the flow says otherwise.
    pub name: String,
    /// The file that it stands in, as it was named to the loader.
    pub file: String,
    /// Its line there.
    pub line: u32,
    /// The caller's turns.
    pub caller: Vec<CallerTurn>,
    /// When the call comes; the runner chooses when the flow does not say.
    pub at: Option<WallTime>,
    /// What look-ups answer, by the look-up's name; those that are not named are out of order.
    pub lookups: BTreeMap<String, super::action::LookedUp>,
    /// Parts of sentences that the caller must hear, in this order.
    pub hears: Vec<String>,
    /// Parts of sentences that the caller must never hear.
    pub never_hears: Vec<String>,
    /// How the call must end, as far as the test says.
    pub ends: Option<TestEnd>,
}

/// One turn of a test's caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallerTurn {
    /// Speaks.
    Says(String),
    /// Presses these keys one after the other.
    Presses(Vec<Digit>),
    /// Says nothing until the hotline speaks again.
    Silence,
}

/// How a test's call must end. What is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestEnd {
    /// The disposition's name.
    pub disposition: Option<String>,
    /// Target of the transfer.
    pub to: Option<String>,
    /// Reason of the transfer or the message.
    pub because: Option<String>,
}

/// What is spoken, per language in variants that are used in turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Speech {
    pub(crate) line: u32,
    pub(crate) by_language: BTreeMap<Language, Vec<Vec<Piece>>>,
}

/// Where the conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goto {
    Node(usize),
    /// The flow's `person.to`.
    Person,
    /// Back to the node that ran this part.
    Return,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) label: Option<Speech>,
    pub(crate) forget: Vec<String>,
    pub(crate) needs: Vec<Need>,
    pub(crate) confirm: Option<Speech>,
    /// Where a no to `confirm` goes; `None` = ask `needs` again.
    pub(crate) unconfirmed: Option<Goto>,
    pub(crate) set: Vec<(String, String)>,
    pub(crate) lookup: Option<LookupUse>,
    pub(crate) say: Option<Speech>,
    pub(crate) verify: Option<Verify>,
    pub(crate) tasks: Vec<TaskUse>,
    pub(crate) policy: Policy,
    pub(crate) answer: Option<bool>,
    pub(crate) barge_in: BargeIn,
    pub(crate) sensitive: bool,
    pub(crate) valid: Option<Validity>,
    pub(crate) last: Last,
}

/// From when until when an answer is true.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validity {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub until: Option<NaiveDate>,
    /// Who keeps it true.
    pub owner: Option<String>,
    /// Which edition of the text it is.
    pub version: Option<String>,
}

impl Validity {
    /// Whether it is true on this day.
    pub fn holds(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) slot: String,
    pub(crate) kind: SlotKind,
    pub(crate) question: Question,
}

#[derive(Debug)]
pub(crate) struct LookupUse {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) not_found: Option<Goto>,
    /// `None` only in flows that did not pass.
    pub(crate) outage: Option<Goto>,
}

/// Who is calling: beside the node's look-up.
#[derive(Debug)]
pub(crate) struct Verify {
    pub(crate) secrets: Vec<String>,
    pub(crate) attempts: u32,
    pub(crate) wrong: Goto,
}

/// A task for people, its texts as templates.
#[derive(Debug)]
pub(crate) struct TaskUse {
    pub(crate) kind: TaskKind,
    pub(crate) what: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// Who answers in a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Usual,
    /// The answer, then a person unless it helped.
    AiThenHuman,
    /// A person while one is there.
    HumanFirst,
}

/// A guided procedure.
#[derive(Debug)]
pub(crate) struct Guide {
    pub(crate) steps: Vec<GuideStep>,
    pub(crate) no_input: Duration,
    pub(crate) then: Goto,
}

#[derive(Debug)]
pub(crate) struct GuideStep {
    pub(crate) say: Speech,
    pub(crate) help: Option<Speech>,
}

/// When a way of a branch is taken.
#[derive(Debug)]
pub(crate) enum When {
    Holds(Condition),
    /// The caller's share in hundredths lies from–below.
    Share(u32, u32),
}

/// What a node does last.
#[derive(Debug)]
pub(crate) enum Last {
    Ask(Question, Ways),
    Branch(Vec<(When, Goto)>, Goto),
    Guide(Guide),
    /// Walks through a part, then goes on.
    Run(usize, Goto),
    Transfer {
        to: String,
        because: String,
    },
    Message {
        say: Speech,
        thanks: Option<Speech>,
        longest: Duration,
        then: Option<Goto>,
    },
    HangUp(Option<Speech>),
    Then(Goto),
}

#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) prompt: Speech,
    pub(crate) reprompts: Vec<Speech>,
    pub(crate) key_prompt: Option<Speech>,
    pub(crate) no_input: Duration,
}

/// What a question accepts, and where each answer goes.
#[derive(Debug)]
pub(crate) enum Ways {
    Intents {
        names: BTreeSet<IntentName>,
        keys: BTreeMap<Digit, Choice>,
        /// Sentences for the open grammar by language, with the grammar's name.
        open: BTreeMap<Language, (Arc<str>, Arc<[String]>)>,
    },
    Menu(Vec<OptionWay>),
    YesNo {
        yes: Goto,
        no: Goto,
    },
    Value {
        slot: String,
        kind: SlotKind,
        then: Goto,
    },
    Language {
        options: Vec<OptionWay>,
        then: Goto,
    },
}

#[derive(Debug)]
pub(crate) struct OptionWay {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) phrases: BTreeMap<Language, Vec<String>>,
    pub(crate) label: Option<Speech>,
    pub(crate) key: Option<Digit>,
    pub(crate) go: Goto,
}

#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) line: u32,
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) body: Option<serde_json::Value>,
    pub(crate) timeout: Duration,
    pub(crate) retries: u8,
    pub(crate) cache: Duration,
    pub(crate) waiting: Option<Speech>,
    pub(crate) sensitive: bool,
    /// `host:port` of its address; `None` in a check without the environment.
    pub(crate) host: Option<String>,
}
