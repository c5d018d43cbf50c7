//! The checked flow: every reference resolved, every template and condition known to compile. Made by `compile` only.

use super::action::{Choice, Escalation, RecordMode, Target, TaskKind, Tier};
use super::condition::Condition;
use super::document::Piece;
use super::phrases::Phrase;
use super::template::{Scope, Templates};
use crate::base::{BargeIn, CheckDigit, Digit, Language, OpeningHours, PromptPart, WallTime};
use crate::nlu::slots::ValueKind;
use crate::nlu::{IntentName, Matcher};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// `host` or `host:port` of its address; `None` in a check without the environment.
    pub(crate) host: Option<String>,
}

impl Speech {
    /// The pieces of one variant; the flow's first language when this one has no words.
    pub(crate) fn variant(&self, language: Language, turn: usize) -> &[Piece] {
        let variants = self.by_language.get(&language).or_else(|| self.by_language.values().next());
        variants.and_then(|v| v.get(turn % v.len().max(1))).map_or(&[], Vec::as_slice)
    }
}

impl Flow {
    /// What finds the intent of an open answer. Trained on the examples of all languages when the flow was loaded.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// The languages' first.
    pub fn language(&self) -> Language {
        self.languages.first().copied().unwrap_or_default()
    }

    /// Hosts (`host` or `host:port`) that the flow's look-ups call. The gateway asks only those that its configuration lists,
    /// and warns of the others when it loads the flow.
    pub fn hosts(&self) -> BTreeSet<String> {
        self.lookups.values().filter_map(|l| l.host.clone()).collect()
    }

    /// Files that prompts name, with the line of the prompt. Relative to the flow's folder. Whether they exist is checked by
    /// `trial`.
    pub fn files(&self) -> Vec<(u32, String)> {
        let mut files = Vec::new();
        for speech in self.speeches() {
            for piece in speech.by_language.values().flatten().flatten() {
                if let Piece::File(f) = piece {
                    files.push((speech.line, f.clone()));
                }
            }
        }
        files
    }

    /// One of the hotline's own sentences.
    pub fn phrase(&self, what: Phrase, language: Language) -> Vec<PromptPart> {
        self.phrase_with(what, language, &[])
    }

    /// One of the hotline's own sentences, with values for what it mentions.
    pub fn phrase_with(&self, what: Phrase, language: Language, values: &[(&str, &str)]) -> Vec<PromptPart> {
        let mut scope = self.fixed_scope(language);
        scope.extend(values.iter().map(|(k, v)| ((*k).to_string(), (*v).into())));
        match self.phrases.get(&what) {
            Some(own) => self.render(own.variant(language, 0), &scope, std::path::Path::new("")).unwrap_or_default(),
            None => {
                let template =
                    what.built_in(language).or_else(|| what.built_in(self.language())).or_else(|| what.built_in(Language::EN));
                let words = self.templates.words(template.unwrap_or_default(), &scope).unwrap_or_default();
                vec![PromptPart::Text(words)]
            }
        }
    }

    /// Prompts whose words do not depend on the call, for rendering them before the first call.
    pub fn prompts(&self) -> Vec<(Language, Vec<PromptPart>)> {
        let mut prompts: Vec<(Language, Vec<PromptPart>)> = Vec::new();
        for &language in &self.languages {
            let scope = self.fixed_scope(language);
            for speech in self.speeches() {
                for variant in speech.by_language.get(&language).into_iter().flatten() {
                    if let Ok(parts) = self.render(variant, &scope, std::path::Path::new("")) {
                        prompts.push((language, parts));
                    }
                }
            }
            for phrase in Phrase::ALL.iter().filter(|p| p.variables().is_empty()) {
                prompts.push((language, self.phrase(*phrase, language)));
            }
        }
        let sounds = |part: &PromptPart| match part {
            PromptPart::Text(text) => !text.is_empty(),
            PromptPart::File(_) => true,
            PromptPart::Pause(_) => false,
        };
        prompts.retain(|(_, parts)| parts.iter().any(sounds));
        prompts.dedup();
        prompts
    }

    /// Nodes whose answers are true for some time only, with their lines.
    pub fn validities(&self) -> impl Iterator<Item = (&str, u32, &Validity)> {
        self.nodes.iter().filter_map(|node| node.valid.as_ref().map(|valid| (node.name.as_str(), node.line, valid)))
    }

    /// Where an intent stands; 1 when there is none.
    pub fn intent_line(&self, name: &str) -> u32 {
        self.intents.get(name).map_or(1, |intent| intent.line)
    }

    /// All example sentences of a language with their intents.
    pub fn examples(&self, language: Language) -> Vec<(&str, &str)> {
        let mut all = Vec::new();
        for (name, intent) in &self.intents {
            for sentence in intent.examples.get(&language).into_iter().flatten() {
                all.push((name.as_str(), sentence.as_str()));
            }
        }
        all
    }

    /// Every phrase of a language that may answer a closed question, and the flow's own words for a person, each once: what a recogniser
    /// can learn beforehand. Digits, yes and no and the built-in phrases are not among them.
    pub fn closed_phrases(&self, language: Language) -> Vec<String> {
        let person = self.person.phrases.get(&language).into_iter().flat_map(|p| p.iter());
        let options = self.nodes.iter().filter_map(|node| match &node.last {
            Last::Ask(_, Ways::Menu(options) | Ways::Language { options, .. }) => Some(options),
            _ => None,
        });
        let options = options.flatten().filter_map(|o| o.phrases.get(&language)).flatten();
        person.chain(options).cloned().collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// What templates see in every call.
    pub(super) fn fixed_scope(&self, language: Language) -> Scope {
        let env = self.env.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
        Scope::from([("env".to_string(), serde_json::Value::Object(env)), ("language".to_string(), language.as_str().into())])
    }

    /// Pieces to what is played. The error is one sentence (a value is not known).
    pub(super) fn render(&self, pieces: &[Piece], scope: &Scope, folder: &std::path::Path) -> Result<Vec<PromptPart>, String> {
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Words(template) => {
                    let words = self.templates.words(template, scope)?;
                    if !words.is_empty() {
                        parts.push(PromptPart::Text(words));
                    }
                }
                Piece::File(name) => parts.push(PromptPart::File(PathBuf::from(folder).join(name))),
                Piece::Pause(ms) => parts.push(PromptPart::Pause(*ms)),
            }
        }
        Ok(parts)
    }

    /// Everything that is spoken.
    pub(super) fn speeches(&self) -> Vec<&Speech> {
        let mut all: Vec<&Speech> = self.phrases.values().collect();
        all.extend(self.intents.values().filter_map(|i| i.label.as_ref()));
        all.extend(self.lookups.values().filter_map(|l| l.waiting.as_ref()));
        for node in &self.nodes {
            all.extend(node.speeches());
        }
        all
    }

    /// Whether a name is known in every node of every call.
    pub(super) fn always_known(&self, name: &str) -> bool {
        matches!(name, "env" | "call" | "hours" | "today" | "now" | "intent" | "language" | "verified" | "incident")
    }

    pub(super) fn node_named(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|n| n.name == name)
    }
}

impl Question {
    pub(crate) fn speeches(&self) -> impl Iterator<Item = &Speech> {
        std::iter::once(&self.prompt).chain(&self.reprompts).chain(&self.key_prompt)
    }
}

impl Node {
    /// Everything this node says.
    pub(crate) fn speeches(&self) -> Vec<&Speech> {
        let mut all: Vec<&Speech> = self.needs.iter().flat_map(|n| n.question.speeches()).collect();
        all.extend(self.label.iter().chain(&self.confirm).chain(&self.say));
        match &self.last {
            Last::Ask(question, ways) => {
                all.extend(question.speeches());
                if let Ways::Menu(options) | Ways::Language { options, .. } = ways {
                    all.extend(options.iter().filter_map(|o| o.label.as_ref()));
                }
            }
            Last::Guide(guide) => all.extend(guide.steps.iter().flat_map(|s| std::iter::once(&s.say).chain(&s.help))),
            Last::Message { say, thanks, .. } => all.extend(std::iter::once(say).chain(thanks)),
            Last::HangUp(say) => all.extend(say),
            Last::Branch(..) | Last::Transfer { .. } | Last::Then(_) | Last::Run(..) => {}
        }
        all
    }

    /// Whether the caller is heard somewhere in it whatever happens.
    pub(crate) fn asks(&self) -> bool {
        let helped = self.policy == Policy::AiThenHuman && self.say.is_some();
        self.confirm.is_some() || helped || matches!(self.last, Last::Ask(..) | Last::Guide(_) | Last::Message { .. })
    }

    /// Everywhere this node may lead; a part that is run leads back by itself. Intents' and key options' ways of an open question are told apart by `intents`.
    pub(crate) fn ways(&self, intents: &BTreeMap<IntentName, Intent>, node_named: impl Fn(&str) -> Option<usize>) -> Vec<Goto> {
        let mut ways: Vec<Goto> = self.unconfirmed.into_iter().collect();
        ways.extend(self.lookup.iter().flat_map(|l| l.not_found.into_iter().chain(l.outage)));
        ways.extend(self.verify.iter().map(|v| v.wrong));
        match &self.last {
            Last::Ask(_, Ways::Intents { names, keys, .. }) => {
                ways.extend(names.iter().filter_map(|n| intents.get(n)).map(|i| i.go));
                for choice in keys.values() {
                    match choice {
                        Choice::Intent(name) => ways.extend(intents.get(name).map(|i| i.go)),
                        Choice::Option(node) => ways.extend(node_named(node).map(Goto::Node)),
                        _ => {}
                    }
                }
            }
            Last::Ask(_, Ways::Menu(options)) => ways.extend(options.iter().map(|o| o.go)),
            Last::Ask(_, Ways::YesNo { yes, no }) => ways.extend([*yes, *no]),
            Last::Ask(_, Ways::Value { then, .. } | Ways::Language { then, .. }) => ways.push(*then),
            Last::Branch(arms, otherwise) => {
                ways.extend(arms.iter().map(|(_, go)| *go));
                ways.push(*otherwise);
            }
            Last::Message { then, .. } => ways.extend(*then),
            Last::Guide(guide) => ways.push(guide.then),
            Last::Run(part, then) => {
                ways.push(Goto::Node(*part));
                ways.extend(Some(*then).filter(|then| *then == Goto::Return));
            }
            Last::Then(go) => ways.push(*go),
            Last::Transfer { .. } | Last::HangUp(_) => {}
        }
        ways
    }
}
