//! From the document to the flow: names to places, texts to templates that are known to work. Collects every mistake; the
//! rules about the whole conversation are in `rules`.

use super::action::RecordMode;
use super::compile_node::Known;
use super::compile_people::spotted;
use super::document::{self as doc, At, Document, Text, Words};
use super::finding::{Report, did_you_mean};
use super::model::*;
use super::phrases::Phrase;
use super::slot_kinds;
use super::template::Templates;
use crate::base::{CheckDigit, Language};
use crate::nlu::{Example, Matcher, Shelf, normalise};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

/// Value of an environment name in a check that does not know it: addresses made of it are not looked at.
pub const PLACEHOLDER: &str = "placeholder:";

/// Compiles. The flow may only be used if the report has no errors; `None` if there is no node to begin with.
pub(crate) fn compile(
    document: &Document,
    hash: String,
    env: &BTreeMap<String, String>,
    shelf: &dyn Shelf,
    report: &mut Report,
) -> Option<Flow> {
    let languages = languages(document, report);
    let mut compiler = Compiler {
        document,
        report,
        templates: Templates::new(),
        zone: chrono_tz::UTC,
        env,
        nodes: document.nodes.0.iter().enumerate().map(|(i, (name, _))| (name.value.as_str(), i)).collect(),
        slots: BTreeMap::new(),
        slot_rules: BTreeMap::new(),
        shelf,
        names: BTreeSet::new(),
        languages,
    };
    compiler.flow(hash)
}

/// For a flow that does not pass, or one of menus only: nobody asks this matcher anything.
fn idle_matcher() -> Matcher {
    static IDLE: OnceLock<Matcher> = OnceLock::new();
    let example = || Example { intent: "none".to_string(), text: "none".to_string(), language: Language::EN };
    IDLE.get_or_init(|| Matcher::train(&[example()], &[]).expect("one example with a word is enough")).clone()
}

fn languages(document: &Document, report: &mut Report) -> Vec<Language> {
    let mut languages: Vec<Language> = Vec::new();
    for tag in &document.languages {
        if languages.contains(&tag.value.0) {
            report.error(tag.line, "language-twice", format!("`{}` is listed twice", tag.value.0), "keep one of them");
        } else {
            languages.push(tag.value.0);
        }
    }
    if languages.is_empty() {
        report.error(document.name.line, "no-language", "the flow names no language", "add `languages: [en]`");
        languages.push(Language::EN);
    }
    languages
}

pub(super) struct Compiler<'d, 'r> {
    pub(super) document: &'d Document,
    pub(super) report: &'r mut Report,
    pub(super) templates: Templates,
    pub(super) languages: Vec<Language>,
    pub(super) zone: chrono_tz::Tz,
    pub(super) env: &'d BTreeMap<String, String>,
    shelf: &'d dyn Shelf,
    /// Nodes by name.
    pub(super) nodes: BTreeMap<&'d str, usize>,
    pub(super) slots: BTreeMap<String, SlotKind>,
    pub(super) slot_rules: BTreeMap<String, SlotRule>,
    /// Names that templates and conditions may look at.
    pub(super) names: BTreeSet<String>,
}

impl<'d> Compiler<'d, '_> {
    fn flow(&mut self, hash: String) -> Option<Flow> {
        let document = self.document;
        if document.hotline.value != 1 {
            let message = format!("version {} of the flow language is not known", document.hotline.value);
            self.report.error(document.hotline.line, "version", message, "write `hotline: 1`");
        }
        if document.nodes.0.is_empty() || document.nodes.0.len() > 2_000 {
            let message = format!("the flow has {} nodes", document.nodes.0.len());
            self.report.error(document.name.line, "nodes", message, "a flow has between 1 and 2000 nodes");
            return None;
        }
        self.zone = self.zone_of(document.zone.as_ref()).unwrap_or(chrono_tz::UTC);
        self.collect_slots();
        self.collect_names();
        let hours = self.hours();
        let targets = self.targets(&hours);
        let phrases = self.phrases();
        let person = self.person(&targets);
        let emergency = self.emergency(&targets, &person);
        let spotted = spotted(&self.languages, &person, emergency.as_ref());
        let intents = self.intents();
        let lookups = self.lookups();
        let start = document.start.as_ref().and_then(|s| self.node_index(s)).unwrap_or(0);
        let grammar = hash.chars().take(16).collect::<String>();
        let known = Known { intents: &intents, lookups: &lookups, person: &person, targets: &targets, grammar: &grammar };
        let nodes = document.nodes.0.iter().map(|(name, node)| self.node(name, node, &known)).collect();
        let matcher = self.matcher(&intents);
        let retention = document.retention_days.as_ref();
        Some(Flow {
            name: document.name.value.clone(),
            languages: self.languages.clone(),
            zone: self.zone,
            record: self.record(),
            escalation: self.escalation(),
            value: self.value(),
            person,
            emergency,
            spotted,
            targets,
            hours,
            retention: Retention {
                audio_days: retention.and_then(|r| r.audio.as_ref()).map(|days| days.value),
                text_days: retention.and_then(|r| r.text.as_ref()).map(|days| days.value),
            },
            intents,
            out_of_scope: self.out_of_scope(),
            slots: self.slots.clone(),
            slot_rules: std::mem::take(&mut self.slot_rules),
            tests: self.tests(),
            nodes,
            start,
            lookups,
            phrases,
            matcher: matcher?,
            target_lines: document.targets.iter().flat_map(|t| &t.0).map(|(name, _)| (name.value.clone(), name.line)).collect(),
            templates: Templates::new(),
            env: self.env.clone(),
            hash,
            text: "".into(),
        })
    }

    pub(super) fn error(&mut self, line: u32, rule: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.report.error(line, rule, message, remedy);
    }

    // ---- names ----

    /// Slots stand in `slots:` and in intents; one name means one kind.
    fn collect_slots(&mut self) {
        let document = self.document;
        let of_intents = document.intents.iter().flat_map(|i| &i.0).filter_map(|(_, i)| i.slots.as_ref());
        for named in document.slots.iter().chain(of_intents) {
            for (name, slot) in &named.0 {
                if let Some(rule) = self.slot_rule(slot) {
                    self.slot_rules.insert(name.value.clone(), rule);
                }
                let Some(kind) = self.slot_kind(name, slot) else { continue };
                if self.slots.insert(name.value.clone(), kind.clone()).is_some_and(|earlier| earlier != kind) {
                    let message = format!("the slot `{}` is of another kind elsewhere", name.value);
                    self.error(name.line, "slot-kinds", message, "give both the same kind, or two names");
                }
            }
        }
    }

    pub(super) fn slot_kind(&mut self, name: &At<String>, slot: &doc::Slot) -> Option<SlotKind> {
        let truth = |at: &Option<At<bool>>, kind| at.as_ref().filter(|a| a.value).map(|_| kind);
        let check = slot.check.as_ref().and_then(|name| self.check_digit(name));
        if let Some(at) = slot.check.as_ref().filter(|_| slot.digits.is_none()) {
            self.error(at.line, "check-digit", "`check` belongs to `digits`", "write `digits: 8` beside it, or take it out");
        }
        let digits = slot.digits.as_ref().map(|r| SlotKind::Digits { min: r.value.0, max: r.value.1, check });
        let kinds = [
            digits,
            truth(&slot.number, SlotKind::Number),
            truth(&slot.date, SlotKind::Date),
            truth(&slot.yes_no, SlotKind::YesNo),
        ];
        let mut kinds = kinds.into_iter().flatten().chain(self.value_kinds(name, slot));
        let kind = kinds.next();
        if kind.is_none() || kinds.next().is_some() {
            let message = format!("the slot `{}` needs exactly one kind", name.value);
            self.error(name.line, "slot-kinds", message, slot_kinds::WAYS_TO_WRITE);
        }
        kind
    }

    fn check_digit(&mut self, name: &At<String>) -> Option<CheckDigit> {
        let found = CheckDigit::ALL.into_iter().find(|c| c.name() == name.value);
        if found.is_none() {
            let message = format!("there is no check digit `{}`", name.value);
            self.error(name.line, "check-digit", message, "write `luhn`, `gs1` or `mod97`");
        }
        found
    }

    fn collect_names(&mut self) {
        let document = self.document;
        let lookups = document.lookups.iter().flat_map(|l| l.0.iter().map(|(name, _)| name));
        let sets = document.nodes.0.iter().filter_map(|(_, n)| n.set.as_ref()).flat_map(|s| s.0.iter().map(|(name, _)| name));
        let own: Vec<&At<String>> = lookups.chain(sets).collect();
        for name in own {
            let plain = name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.value.starts_with(|c: char| c.is_ascii_digit());
            if !plain || ALWAYS_KNOWN.contains(&name.value.as_str()) {
                let message = format!("`{}` cannot be the name of a value", name.value);
                self.error(
                    name.line,
                    "value-name",
                    message,
                    "use letters, digits and `_`, and no name that the hotline uses itself",
                );
            }
            if self.slots.contains_key(&name.value) {
                let message = format!("`{}` is the name of a slot, too", name.value);
                self.error(name.line, "value-name", message, "choose another name for one of them");
            }
            self.names.insert(name.value.clone());
        }
        self.names.extend(self.slots.keys().cloned());
        self.names.extend(ALWAYS_KNOWN.into_iter().filter(|name| *name != "env").map(String::from));
    }

    pub(super) fn node_index(&mut self, name: &At<String>) -> Option<usize> {
        let found = self.nodes.get(name.value.as_str()).copied();
        if found.is_none() {
            let names: Vec<&str> = self.nodes.keys().copied().collect();
            let remedy = did_you_mean(&name.value, &names, "nodes");
            self.error(name.line, "unknown-node", format!("there is no node `{}`", name.value), remedy);
        }
        found
    }

    /// A node, `person` or `return`. The start stands in for what is missing; the flow does not pass then.
    pub(super) fn goto(&mut self, name: &At<String>) -> Goto {
        if name.value == "person" && !self.nodes.contains_key("person") {
            return Goto::Person;
        }
        if name.value == "return" && !self.nodes.contains_key("return") {
            return Goto::Return;
        }
        Goto::Node(self.node_index(name).unwrap_or(0))
    }

    pub(super) fn zone_of(&mut self, zone: Option<&At<String>>) -> Option<chrono_tz::Tz> {
        let zone = zone?;
        let parsed = zone.value.parse().ok();
        if parsed.is_none() {
            let message = format!("`{}` is not a time zone", zone.value);
            self.error(zone.line, "zone", message, "write it like `Europe/Berlin` or `Asia/Shanghai`");
        }
        parsed
    }

    // ---- texts ----

    /// Resolves languages and checks every template. `extra` are names that only this text may use.
    pub(super) fn speech_with(&mut self, text: &Text, extra: &[&str]) -> Speech {
        let mut by_language = BTreeMap::new();
        for (language, variants) in &text.by_language {
            let language = language.unwrap_or(self.languages[0]);
            if !self.languages.contains(&language) {
                let message = format!("the flow does not speak `{language}`");
                self.error(text.line, "language", message, "add it to `languages`, or take the text out");
            }
            for piece in variants.iter().flatten() {
                match piece {
                    doc::Piece::Words(template) => self.template(template, text.line, extra),
                    doc::Piece::File(name) => self.file_name(name, text.line),
                    doc::Piece::Pause(_) => {}
                }
            }
            by_language.insert(language, variants.clone());
        }
        for language in self.languages.clone() {
            if !by_language.contains_key(&language) {
                let message = format!("this text has no words in `{language}`");
                self.error(text.line, "language", message, format!("write `{}: …` and `{language}: …`", self.languages[0]));
            }
        }
        Speech { line: text.line, by_language }
    }

    pub(super) fn speech(&mut self, text: &Text) -> Speech {
        self.speech_with(text, &[])
    }

    pub(super) fn some_speech(&mut self, text: Option<&Text>) -> Option<Speech> {
        text.map(|t| self.speech(t))
    }

    pub(super) fn file_name(&mut self, name: &str, line: u32) {
        let extension = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        if !["wav", "mp3", "ogg", "flac"].contains(&extension.as_str()) {
            let message = format!("`{name}` is no recording that can be played");
            self.error(line, "file", message, "use WAV, MP3, OGG or FLAC");
        }
        if name.starts_with('/') || name.contains('\\') || name.split('/').any(|part| part == "..") {
            self.error(line, "file", format!("`{name}` is outside the flow's folder"), "put it beside the flow file");
        }
    }

    pub(super) fn template(&mut self, template: &str, line: u32, extra: &[&str]) {
        let names = match self.templates.names(template) {
            Ok(names) => names,
            Err(e) => {
                self.error(
                    line,
                    "template",
                    format!("this template does not work: {e}"),
                    "write it like `{{ number | spell }}`",
                );
                return;
            }
        };
        for name in names {
            self.name(&name, line, extra);
        }
    }

    /// A name that a template or condition looks at.
    pub(super) fn name(&mut self, name: &str, line: u32, extra: &[&str]) {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        if extra.contains(&first) {
            return;
        }
        let first_of_rest = rest.split('.').next().unwrap_or_default();
        if first == "env" {
            if !first_of_rest.is_empty() && !self.env.contains_key(first_of_rest) {
                let message = format!("the environment name `{first_of_rest}` is not given to this flow");
                let remedy =
                    format!("list it under [flow_env] of the gateway configuration: {first_of_rest} = \"env:{first_of_rest}\"");
                self.error(line, "env", message, remedy);
            }
            return;
        }
        if !self.names.contains(first) {
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let remedy = did_you_mean(first, &names, "known values");
            self.error(line, "unknown-value", format!("there is no value `{first}`"), remedy);
            return;
        }
        let parts: Option<Vec<&str>> = match first {
            "call" => Some(vec!["caller", "dialled"]),
            "hours" => Some(self.document.hours.iter().flat_map(|h| h.0.iter().map(|(n, _)| n.value.as_str())).collect()),
            _ => None,
        };
        if let Some(parts) = parts
            && !first_of_rest.is_empty()
            && !parts.contains(&first_of_rest)
        {
            let remedy = did_you_mean(first_of_rest, &parts, "known parts");
            self.error(line, "unknown-value", format!("`{first}` has no `{first_of_rest}`"), remedy);
        }
    }

    /// Sentences by language, lower case if they are phrases to listen for.
    pub(super) fn words(&mut self, words: &Words) -> BTreeMap<Language, Vec<String>> {
        let mut out: BTreeMap<Language, Vec<String>> = BTreeMap::new();
        for (language, sentences) in &words.by_language {
            let language = language.unwrap_or(self.languages[0]);
            if !self.languages.contains(&language) {
                let message = format!("the flow does not speak `{language}`");
                self.error(words.line, "language", message, "add it to `languages`, or take the words out");
            }
            out.entry(language).or_default().extend(sentences.iter().map(|s| s.value.clone()));
        }
        out
    }

    pub(super) fn phrases_of(&mut self, words: Option<&Words>) -> BTreeMap<Language, Vec<String>> {
        let mut phrases = words.map(|w| self.words(w)).unwrap_or_default();
        for list in phrases.values_mut() {
            for phrase in list.iter_mut() {
                *phrase = phrase.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
            }
        }
        phrases
    }

    // ---- sections ----

    pub(super) fn one_of<T: Copy>(&mut self, word: Option<&At<doc::Word>>, usual: T, words: &[(&str, T)]) -> T {
        let Some(word) = word else { return usual };
        let found = words.iter().find(|(name, _)| *name == word.value.0);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let remedy = format!("write one of {}", names.join(", "));
            self.error(word.line, "wrong-value", format!("`{}` is not one of the words known here", word.value.0), remedy);
        }
        found.map_or(usual, |(_, value)| *value)
    }

    pub(super) fn wait(&mut self, wait: Option<&At<doc::Wait>>, usual: Duration, least: Duration, most: Duration) -> Duration {
        let Some(wait) = wait else { return usual };
        if !(least..=most).contains(&wait.value.0) {
            let message = format!("{:?} is too short or too long here", wait.value.0);
            self.error(wait.line, "duration", message, format!("write a length from {least:?} to {most:?}"));
        }
        wait.value.0.clamp(least, most)
    }

    fn phrases(&mut self) -> BTreeMap<Phrase, Speech> {
        let document = self.document;
        let mut all = BTreeMap::new();
        if let Some(say) = document.person.as_ref().and_then(|p| p.say.as_ref()) {
            all.insert(Phrase::Transferring, self.speech(say));
        }
        if let Some(say) = document.emergency.as_ref().and_then(|e| e.say.as_ref()) {
            all.insert(Phrase::Emergency, self.speech(say));
        }
        let keys: Vec<&str> = Phrase::ALL.iter().map(|p| p.key()).collect();
        for (name, text) in document.phrases.iter().flat_map(|p| &p.0) {
            match Phrase::ALL.iter().find(|p| p.key() == name.value) {
                Some(phrase) => {
                    let speech = self.speech_with(text, phrase.variables());
                    all.insert(*phrase, speech);
                }
                None => {
                    let remedy = did_you_mean(&name.value, &keys, "phrases");
                    self.error(name.line, "unknown-phrase", format!("there is no phrase `{}`", name.value), remedy);
                }
            }
        }
        for language in self.languages.clone() {
            for phrase in Phrase::ALL {
                if phrase.built_in(language).is_none() && !all.contains_key(phrase) {
                    let message = format!("`{language}` has no built-in words for `{}`", phrase.key());
                    self.error(document.name.line, "language", message, format!("add them under `phrases: {}:`", phrase.key()));
                }
            }
        }
        all
    }

    fn record(&mut self) -> RecordMode {
        let words = [("off", RecordMode::Off), ("announce", RecordMode::Announce), ("ask", RecordMode::Ask)];
        self.one_of(self.document.record.as_ref(), RecordMode::Announce, &words)
    }

    fn intents(&mut self) -> BTreeMap<String, Intent> {
        let document = self.document;
        let mut all = BTreeMap::new();
        for (name, intent) in document.intents.iter().flat_map(|i| &i.0) {
            let examples = self.words(&intent.examples);
            for language in self.languages.clone() {
                let count = examples.get(&language).map_or(0, Vec::len);
                if count < 3 {
                    let message = format!("the intent `{}` has {count} examples in `{language}`", name.value);
                    let remedy = "write at least 3, better 10, as different from each other as callers are";
                    self.report.warning(name.line, "few-examples", message, remedy);
                }
            }
            let target = intent.go.clone().unwrap_or_else(|| name.clone());
            let go = if intent.go.is_none() && !self.nodes.contains_key(target.value.as_str()) {
                let message = format!("the intent `{}` leads nowhere", name.value);
                let remedy = format!("add a node `{}`, or say which node serves it: `go: …`", name.value);
                self.error(name.line, "unknown-node", message, remedy);
                Goto::Person
            } else {
                self.goto(&target)
            };
            let slots = intent.slots.iter().flat_map(|s| &s.0);
            let slots =
                slots.filter_map(|(slot, _)| Some((slot.value.clone(), self.slots.get(&slot.value)?.clone()))).collect();
            let label = self.some_speech(intent.label.as_ref());
            all.insert(name.value.clone(), Intent { examples, slots, label, go, line: name.line });
        }
        all
    }

    fn out_of_scope(&mut self) -> Vec<String> {
        let words = self.document.out_of_scope.as_ref().map(|w| self.words(w)).unwrap_or_default();
        words.into_values().flatten().collect()
    }

    /// Trains the ear for open questions. `None` (and an error) if it cannot be trained.
    fn matcher(&mut self, intents: &BTreeMap<String, Intent>) -> Option<Matcher> {
        let of = |(name, intent): (&String, &Intent)| {
            let example = |language: Language, text: &String| Example { intent: name.clone(), text: text.clone(), language };
            intent.examples.iter().flat_map(|(l, texts)| texts.iter().map(|t| example(*l, t))).collect::<Vec<_>>()
        };
        let examples: Vec<Example> = intents.iter().flat_map(of).collect();
        for e in &examples {
            if normalise(&e.text, e.language).is_empty() {
                let line = intents.get(&e.intent).map_or(self.document.name.line, |i| i.line);
                let message = format!("the example `{}` of `{}` holds no word", e.text, e.intent);
                self.report.error(line, "examples", message, "write what a caller says, or take it out");
            }
        }
        if self.report.has_errors() || examples.is_empty() {
            return Some(idle_matcher());
        }
        let trained = Matcher::train_kept(&examples, &self.out_of_scope(), self.shelf);
        if let Err(e) = &trained {
            let line = self.document.intents.iter().flat_map(|i| &i.0).map(|(n, _)| n.line).next();
            self.error(line.unwrap_or(self.document.name.line), "examples", e.to_string(), "mend the examples under `intents`");
        }
        trained.ok()
    }

    // ---- tests ----
}
