//! Nodes: from what is written to what is done.

use super::action::{Choice, Target};
use super::ask::NO_INPUT;
use super::compile::Compiler;
use super::condition::Condition;
use super::document::{self as doc, At, Named};
use super::finding::did_you_mean;
use super::model::*;
use super::slot_kinds;
use crate::base::{BargeIn, Digit, Language};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What nodes refer to.
pub(super) struct Known<'a> {
    pub(super) intents: &'a BTreeMap<String, Intent>,
    pub(super) lookups: &'a BTreeMap<String, Lookup>,
    pub(super) person: &'a PersonWay,
    pub(super) targets: &'a BTreeMap<String, Target>,
    /// First part of the names of open grammars: unlike for every flow text.
    pub(super) grammar: &'a str,
}

impl Compiler<'_, '_> {
    pub(super) fn node(&mut self, name: &At<String>, node: &doc::Node, known: &Known<'_>) -> Node {
        let needs = node.need.iter().flat_map(|n| &n.0).filter_map(|(slot, need)| self.need(slot, &need.0)).collect();
        let forget = node.forget.iter().flatten().filter(|slot| self.slot(slot).is_some()).map(|s| s.value.clone()).collect();
        let mut set = Vec::new();
        for (name, template) in node.set.iter().flat_map(|s| &s.0) {
            self.template(&template.value, template.line, &[]);
            set.push((name.value.clone(), template.value.clone()));
        }
        let interruptible = node.interruptible.as_ref().is_none_or(|i| i.value);
        let asked = node.lookup.as_ref().or(node.verify.as_ref().map(|v| &v.lookup));
        let lookup = asked.and_then(|l| self.lookup_use(l, node, known));
        if let Some(on) = node.on.as_ref().filter(|_| asked.is_none()) {
            let line = on.outage.as_ref().or(on.not_found.as_ref()).map_or(name.line, |o| o.line);
            self.error(
                line,
                "on-without-lookup",
                "`on` needs a `lookup` in the same node",
                "add `lookup: …`, or take `on` out",
            );
        }
        Node {
            name: name.value.clone(),
            line: name.line,
            label: self.some_speech(node.label.as_ref()),
            forget,
            needs,
            confirm: self.some_speech(node.confirm.as_ref()),
            unconfirmed: node.no.as_ref().filter(|_| node.ask.is_none() && node.confirm.is_some()).map(|no| self.goto(no)),
            set,
            lookup,
            say: self.some_speech(node.say.as_ref()),
            verify: self.verify(name, node),
            tasks: self.tasks(node),
            policy: self.policy(node),
            answer: node.answer.as_ref().map(|a| a.value),
            barge_in: if interruptible { BargeIn::Speech } else { BargeIn::PersonOnly },
            sensitive: node.sensitive.as_ref().is_some_and(|s| s.value),
            valid: node.valid.as_ref().map(|valid| self.valid(valid)),
            last: self.last(name, node, known),
        }
    }

    fn valid(&mut self, valid: &doc::Valid) -> Validity {
        let mut day = |date: Option<&At<String>>| {
            let date = date?;
            let read = NaiveDate::parse_from_str(date.value.trim(), "%Y-%m-%d");
            if read.is_err() {
                self.error(date.line, "valid", format!("`{}` is not a date", date.value), "write it like `2026-12-31`");
            }
            read.ok()
        };
        let (from, until) = (day(valid.from.as_ref()), day(valid.until.as_ref()));
        if from.zip(until).is_some_and(|(from, until)| until < from) {
            let line = valid.until.as_ref().map_or(0, |u| u.line);
            self.error(line, "valid", "this answer ends before it begins", "exchange `from` and `until`");
        }
        let text = |t: &Option<At<String>>| t.as_ref().map(|t| t.value.clone());
        Validity { from, until, owner: text(&valid.owner), version: text(&valid.version) }
    }

    fn slot(&mut self, name: &At<String>) -> Option<SlotKind> {
        let found = self.slots.get(&name.value).cloned();
        if found.is_none() {
            let names: Vec<&str> = self.slots.keys().map(String::as_str).collect();
            let remedy = did_you_mean(&name.value, &names, "slots");
            self.report.error(name.line, "unknown-slot", format!("there is no slot `{}`", name.value), remedy);
        }
        found
    }

    fn need(&mut self, slot: &At<String>, need: &doc::Need) -> Option<Need> {
        let question = self.question(&need.ask, need.reprompts.as_deref(), need.key_prompt.as_ref(), need.no_input.as_ref());
        Some(Need { slot: slot.value.clone(), kind: self.slot(slot)?, question })
    }

    fn question(
        &mut self,
        ask: &doc::Text,
        reprompts: Option<&[doc::Text]>,
        key_prompt: Option<&doc::Text>,
        no_input: Option<&At<doc::Wait>>,
    ) -> Question {
        Question {
            prompt: self.speech(ask),
            reprompts: reprompts.iter().copied().flatten().map(|t| self.speech(t)).collect(),
            key_prompt: self.some_speech(key_prompt),
            no_input: self.wait(no_input, NO_INPUT, Duration::from_secs(2), Duration::from_secs(30)),
        }
    }

    fn lookup_use(&mut self, name: &At<String>, node: &doc::Node, known: &Known<'_>) -> Option<LookupUse> {
        if !known.lookups.contains_key(&name.value) {
            let names: Vec<&str> = known.lookups.keys().map(String::as_str).collect();
            let remedy = did_you_mean(&name.value, &names, "look-ups");
            self.error(name.line, "unknown-lookup", format!("there is no look-up `{}`", name.value), remedy);
        }
        let on = node.on.as_ref();
        let outage = on.and_then(|o| o.outage.as_ref()).map(|o| self.goto(o));
        let not_found = on.and_then(|o| o.not_found.as_ref()).map(|o| self.goto(o));
        if outage.is_none() {
            let message = format!("nothing is said when the look-up `{}` fails", name.value);
            self.error(name.line, "no-outage", message, "add `on: { outage: … }` with the node that then helps (or `person`)");
        }
        if not_found.is_none() && node.verify.is_none() {
            let message = format!("when `{}` knows nothing of it, callers hear that there is an outage", name.value);
            self.report.warning(name.line, "no-not-found", message, "add `not_found: …` to `on`");
        }
        Some(LookupUse { name: name.value.clone(), line: name.line, not_found, outage })
    }

    /// The one thing a node does last; more or fewer are errors.
    fn last(&mut self, name: &At<String>, node: &doc::Node, known: &Known<'_>) -> Last {
        let present = [
            ("ask", node.ask.is_some()),
            ("branch", node.branch.is_some()),
            ("steps", node.steps.is_some()),
            ("run", node.run.is_some()),
            ("transfer", node.transfer.is_some()),
            ("message", node.message.is_some()),
            ("hang_up", node.hang_up.is_some()),
        ];
        let present: Vec<&str> = present.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        if present.len() > 1 {
            let message = format!("the node `{}` has {}: only one of them can be its last", name.value, present.join(" and "));
            self.error(name.line, "two-ends", message, "make two nodes of it, joined by `then`");
        }
        self.misplaced_keys(name, node);
        if let Some(ask) = &node.ask {
            let question = self.question(ask, node.reprompts.as_deref(), node.key_prompt.as_ref(), node.no_input.as_ref());
            return Last::Ask(question, self.ways(name, node, known));
        }
        if let Some(steps) = &node.steps {
            return self.guide(name, node, steps);
        }
        if let Some(part) = &node.run {
            return self.run(name, node, part);
        }
        if let Some(arms) = &node.branch {
            return self.branch(name, arms);
        }
        if let Some(to) = &node.transfer {
            let because = node.because.as_ref().map_or_else(|| name.value.clone(), |b| b.value.clone());
            return Last::Transfer { to: self.target(to, known.targets, Some(known.person)), because };
        }
        let then = node.then.as_ref().map(|t| self.goto(t));
        if let Some(message) = &node.message {
            let longest =
                self.wait(node.longest.as_ref(), Duration::from_secs(120), Duration::from_secs(5), Duration::from_secs(600));
            return Last::Message { say: self.speech(message), thanks: self.some_speech(node.thanks.as_ref()), longest, then };
        }
        if let Some(words) = &node.hang_up {
            let built_in = words
                .by_language
                .iter()
                .any(|(_, v)| matches!(v.as_slice(), [row] if row.as_slice() == [doc::Piece::Words("true".into())]));
            return Last::HangUp(if built_in { None } else { Some(self.speech(words)) });
        }
        if then.is_none() {
            let message = format!("after the node `{}` nothing follows: callers would hear silence", name.value);
            self.error(name.line, "dead-end", message, "add `then: …`, `ask: …`, `transfer: …`, `message: …` or `hang_up: …`");
        }
        Last::Then(then.unwrap_or(Goto::Person))
    }

    /// Keys that mean nothing without another one.
    fn misplaced_keys(&mut self, name: &At<String>, node: &doc::Node) {
        let asks = node.ask.is_some();
        let kinds = [
            ("menu", node.menu.is_some()),
            ("yes/no", node.yes.is_some() || (asks && node.no.is_some())),
            ("language", node.language.is_some()),
            ("intents", node.intents.is_some() || node.keys.is_some()),
        ];
        let values = slot_kinds::asked(node).map(|(key, slot)| (key, slot.is_some()));
        let kinds: Vec<&str> = kinds.iter().chain(&values).filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        if !asks && !kinds.is_empty() {
            let message = format!("`{}` says what is expected, but the node `{}` asks nothing", kinds[0], name.value);
            self.error(name.line, "no-question", message, "add `ask: …`");
        }
        if kinds.len() > 1 {
            let message = format!("the question of `{}` wants {} at once", name.value, kinds.join(" and "));
            self.error(name.line, "two-kinds", message, "keep one of them");
        }
        let for_asks = [node.reprompts.is_some(), node.key_prompt.is_some(), node.no_input.is_some() && node.steps.is_none()];
        if !asks && for_asks.contains(&true) {
            let message = "`reprompts`, `key_prompt` and `no_input` belong to a question";
            self.error(name.line, "no-question", message, "put them beside an `ask`, or into the question under `need`");
        }
        if !asks && node.confirm.is_none() && node.no.is_some() {
            self.error(name.line, "no-question", "`no` belongs to `ask` or `confirm`", "add one of them");
        }
        if node.message.is_none() && (node.thanks.is_some() || node.longest.is_some()) {
            self.error(name.line, "no-message", "`thanks` and `longest` belong to `message`", "add `message: …`");
        }
        if node.transfer.is_none()
            && let Some(because) = &node.because
        {
            self.error(because.line, "no-transfer", "`because` belongs to `transfer`", "add `transfer: …`");
        }
        if node.confirm.is_some() && node.need.is_none() && node.no.is_none() {
            let remedy = "add the slots under `need`, or say with `no: …` where a no goes";
            self.error(name.line, "confirm", "`confirm` has nothing to ask again after a no", remedy);
        }
        if let (Some(then), true) = (&node.then, node.branch.is_some() || node.transfer.is_some() || node.hang_up.is_some()) {
            self.error(then.line, "unreachable", "this `then` is never reached", "take it out");
        }
    }

    fn branch(&mut self, name: &At<String>, arms: &[doc::Arm]) -> Last {
        let mut ways = Vec::new();
        let mut otherwise = None;
        let mut shared = 0;
        for (i, arm) in arms.iter().enumerate() {
            match (&arm.when, &arm.percent, &arm.go, &arm.otherwise) {
                (Some(when), None, Some(go), None) => {
                    let go = self.goto(go);
                    if let Some(condition) = self.condition(when) {
                        ways.push((When::Holds(condition), go));
                    }
                }
                (None, Some(percent), Some(go), None) => {
                    let when = self.share(percent, &mut shared);
                    ways.push((when, self.goto(go)));
                }
                (None, None, None, Some(last)) if i + 1 == arms.len() => otherwise = Some(self.goto(last)),
                _ => {
                    let line = [&arm.when, &arm.go, &arm.otherwise].into_iter().flatten().next().map_or(name.line, |a| a.line);
                    let remedy = "write `- if: …` or `- percent: …` with `go: …`, and `- else: …` as the last one";
                    self.error(line, "branch", "this way of the branch is not complete", remedy);
                }
            }
        }
        if otherwise.is_none() {
            let message = format!("the branch of `{}` has no `else`", name.value);
            self.error(name.line, "branch", message, "add `- else: …` as the last way");
        }
        Last::Branch(ways, otherwise.unwrap_or(Goto::Person))
    }

    fn condition(&mut self, when: &At<String>) -> Option<Condition> {
        let condition = match Condition::compile(&when.value) {
            Ok(condition) => condition,
            Err(e) => {
                let message = format!("this condition cannot be read: {e}");
                self.error(when.line, "condition", message, "write it like `parcel.status == \"lost\"` or `open(\"support\")`");
                return None;
            }
        };
        for name in condition.names() {
            self.name(&name, when.line, &[]);
        }
        const FUNCTIONS: [&str; 13] = [
            "open",
            "size",
            "contains",
            "startsWith",
            "endsWith",
            "has",
            "int",
            "double",
            "string",
            "max",
            "min",
            "exists",
            "all",
        ];
        for function in condition.functions() {
            if !FUNCTIONS.contains(&function.as_str()) {
                let remedy = did_you_mean(&function, &FUNCTIONS, "functions");
                self.error(when.line, "condition", format!("there is no function `{function}`"), remedy);
            }
        }
        for hours in condition.opened() {
            let named = At { value: hours, line: when.line };
            self.hours_known(&named);
        }
        Some(condition)
    }

    fn ways(&mut self, name: &At<String>, node: &doc::Node, known: &Known<'_>) -> Ways {
        if let Some((key, slot)) = slot_kinds::asked(node).into_iter().find_map(|(key, slot)| Some((key, slot?))) {
            return self.value_ways(name, node, key, slot);
        }
        if node.yes.is_some() || node.no.is_some() {
            let mut way = |at: &Option<At<String>>, word: &str| match at.as_ref().or(node.then.as_ref()) {
                Some(at) => self.goto(at),
                None => {
                    let message = format!("the node `{}` does not say where a {word} goes", name.value);
                    self.error(name.line, "dead-end", message, format!("add `{word}: …`"));
                    Goto::Person
                }
            };
            return Ways::YesNo { yes: way(&node.yes, "yes"), no: way(&node.no, "no") };
        }
        if let Some(options) = &node.menu {
            return Ways::Menu(self.options(options, known, true));
        }
        if let Some(options) = &node.language {
            let then = self.then(name, node);
            for (tag, _) in &options.0 {
                if !Language::parse(&tag.value).is_some_and(|l| self.languages.contains(&l)) {
                    let message = format!("the flow does not speak `{}`", tag.value);
                    self.error(tag.line, "language", message, "add it to `languages`");
                }
            }
            return Ways::Language { options: self.options(options, known, false), then };
        }
        self.intent_ways(name, node, known)
    }

    pub(super) fn then(&mut self, name: &At<String>, node: &doc::Node) -> Goto {
        match &node.then {
            Some(then) => self.goto(then),
            None => {
                let message = format!("the node `{}` does not say where an answer goes", name.value);
                self.error(name.line, "dead-end", message, "add `then: …`");
                Goto::Person
            }
        }
    }

    fn value_ways(&mut self, name: &At<String>, node: &doc::Node, key: &str, slot: &At<String>) -> Ways {
        let kind = self.slot(slot).unwrap_or(SlotKind::Number);
        let own = slot_kinds::key_of(&kind);
        if own != Some(key) && self.slots.contains_key(&slot.value) {
            let message = format!("the slot `{}` is of another kind than this question", slot.value);
            let remedy = own.map_or("ask for it under `need`".into(), |key| format!("use the key that fits the slot: `{key}`"));
            self.error(slot.line, "slot-kinds", message, remedy);
        }
        Ways::Value { slot: slot.value.clone(), kind, then: self.then(name, node) }
    }

    fn options(&mut self, options: &Named<doc::MenuOption>, known: &Known<'_>, named_places: bool) -> Vec<OptionWay> {
        let mut all: Vec<OptionWay> = Vec::new();
        for (name, option) in &options.0 {
            let key = option.key.as_ref().map(|k| k.value.0);
            if let Some(other) = all.iter().find(|o| o.key.is_some() && o.key == key) {
                let message = format!("key {} is `{}` already", key.map_or('?', Digit::as_char), other.name);
                self.report.error(name.line, "key-twice", message, "give every option its own key");
            }
            if key.is_some_and(|k| k.event() == 0) {
                self.zero(name.line, &name.value);
            }
            let go = match (&option.go, named_places) {
                (Some(go), true) => self.goto(go),
                (None, true) => match known.intents.get(&name.value) {
                    Some(intent) => intent.go,
                    None => self.goto(name),
                },
                (Some(go), false) => {
                    self.error(go.line, "unreachable", "a language leads to the question's `then`", "take `go` out");
                    Goto::Person
                }
                (None, false) => Goto::Person,
            };
            let phrases = self.phrases_of(option.phrases.as_ref());
            let label = option.label.as_ref().map(|l| if named_places { self.speech(l) } else { self.foreign(l, name) });
            all.push(OptionWay { name: name.value.clone(), line: name.line, phrases, label, key, go });
        }
        all
    }

    fn zero(&mut self, line: u32, what: &str) {
        let message = format!("key 0 is used for `{what}`, but key 0 always is a person");
        self.error(line, "zero-key", message, "choose another key (1 to 9, or `*`)");
    }

    /// A language's own line: words in that language only.
    fn foreign(&mut self, text: &doc::Text, tag: &At<String>) -> Speech {
        let language = Language::parse(&tag.value).unwrap_or_default();
        let variants = text.by_language.iter().flat_map(|(_, variants)| variants.clone()).collect();
        Speech { line: text.line, by_language: BTreeMap::from([(language, variants)]) }
    }

    fn intent_ways(&mut self, name: &At<String>, node: &doc::Node, known: &Known<'_>) -> Ways {
        let mut names: BTreeSet<String> = known.intents.keys().cloned().collect();
        let all_names: Vec<&str> = known.intents.keys().map(String::as_str).collect();
        if let Some(some) = &node.intents {
            names.clear();
            for intent in some.iter().filter(|i| i.value != "all") {
                if known.intents.contains_key(&intent.value) {
                    names.insert(intent.value.clone());
                } else {
                    let remedy = did_you_mean(&intent.value, &all_names, "intents");
                    self.error(intent.line, "unknown-intent", format!("there is no intent `{}`", intent.value), remedy);
                }
            }
            if some.iter().any(|i| i.value == "all") {
                names.extend(known.intents.keys().cloned());
            }
        }
        if names.is_empty() {
            let message = format!("the question of `{}` can be answered by nothing", name.value);
            self.error(
                name.line,
                "no-answers",
                message,
                "add `intents:` to the flow, or a `menu`, `digits`, `yes`/`no` to the question",
            );
        }
        if let Some(then) = &node.then {
            self.error(
                then.line,
                "unreachable",
                "an open question goes where the intent leads, never to `then`",
                "take it out",
            );
        }
        let whole = names.len() == known.intents.len();
        let mut open = BTreeMap::new();
        for language in &self.languages {
            let of = |n: &String| known.intents.get(n).and_then(|i| i.examples.get(language)).into_iter().flatten();
            let examples: Vec<String> = names.iter().flat_map(of).map(|e| e.to_lowercase()).collect();
            let part = if whole { String::new() } else { format!(".{}", name.value) };
            let id: Arc<str> = format!("{}.{language}{part}", known.grammar).into();
            open.insert(*language, (id, Arc::<[String]>::from(examples)));
        }
        Ways::Intents { names, keys: self.keys(node, known, &all_names), open }
    }

    fn keys(&mut self, node: &doc::Node, known: &Known<'_>, intents: &[&str]) -> BTreeMap<Digit, Choice> {
        let mut keys = BTreeMap::new();
        for (key, to) in node.keys.iter().flat_map(|k| &k.0) {
            let mut chars = key.value.chars();
            let digit = chars.next().and_then(Digit::from_char).filter(|_| chars.next().is_none());
            let Some(digit) = digit else {
                self.error(key.line, "wrong-value", format!("`{}` is not a telephone key", key.value), "write it like `\"1\"`");
                continue;
            };
            if digit.event() == 0 && to.value != "person" {
                self.zero(key.line, &to.value);
            }
            let choice = if known.intents.contains_key(&to.value) {
                Choice::Intent(to.value.clone())
            } else if self.nodes.contains_key(to.value.as_str()) {
                Choice::Option(to.value.clone())
            } else if to.value == "repeat" {
                Choice::Repeat
            } else if to.value == "person" && digit.event() == 0 {
                continue;
            } else {
                let places: Vec<&str> = intents.iter().copied().chain(self.nodes.keys().copied()).collect();
                let remedy = did_you_mean(&to.value, &places, "intents and nodes");
                self.error(to.line, "unknown-node", format!("there is no intent or node `{}`", to.value), remedy);
                continue;
            };
            keys.insert(digit, choice);
        }
        keys
    }
}
