//! Slots whose values have a text of their own (money, times of day, telephone numbers, addresses, names): how a flow writes them, what is expected and said when they
//! are asked, and which question fills which slot.

use super::action::Choice;
use super::ask::{self, Place};
use super::compile::Compiler;
use super::document::{At, Node, Slot, schema_as};
use super::model::{Flow, SlotKind, SlotRule};
use super::phrases::Phrase;
use super::read::Reader;
use super::read_values::time_of;
use super::yaml::{Entry, Value, Yaml};
use crate::base::{Digit, Expect, PromptPart};
use crate::nlu::slots::{self, Currency, Named, Span, ValueKind};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `true`, or the currency that is meant where none is named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoneyOf(pub(crate) Option<Currency>);

/// `true`, or from when until when a time makes sense.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeIn(pub(crate) Option<Span>);

/// Names, each with the ways to say it.
#[derive(Debug, Clone)]
pub(crate) struct NameList(pub(crate) Vec<(At<String>, Vec<At<String>>)>);

schema_as!(MoneyOf, "Money", { "type": ["boolean", "string"], "pattern": "^[A-Z]{3}$" });
schema_as!(TimeIn, "Time", { "type": ["boolean", "string"], "pattern": "^[0-9]{1,2}(:[0-9]{2})?-[0-9]{1,2}(:[0-9]{2})?$" });

schema_as!(NameList, "Names", {
    "anyOf": [
        { "type": "array", "items": { "type": "string" } },
        { "type": "object", "additionalProperties": {
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
        } }
    ]
});

impl Reader<'_> {
    pub(super) fn names(&mut self, yaml: &Yaml) -> Option<NameList> {
        let Value::Map(entries) = &yaml.value else {
            return Some(NameList(self.sentences(yaml).into_iter().map(|name| (name.clone(), vec![name])).collect()));
        };
        let named = |e: &Entry| (At { value: e.key.clone(), line: e.line }, self.sentences(&e.value));
        Some(NameList(entries.iter().map(named).collect()))
    }

    pub(super) fn money(&mut self, yaml: &Yaml) -> Option<At<MoneyOf>> {
        let codes = "`true`, or a currency such as `EUR`, `USD`, `GBP` or `CNY`";
        self.parsed(yaml, "`true` or a currency that is known", codes, |t| match t {
            "true" => Some(MoneyOf(None)),
            code => Currency::parse(code).map(|c| MoneyOf(Some(c))),
        })
    }

    pub(super) fn time(&mut self, yaml: &Yaml) -> Option<At<TimeIn>> {
        self.parsed(yaml, "`true` or a stretch of the day", "`true` or `9:00-17:00`", |t| match t {
            "true" => Some(TimeIn(None)),
            span => span_of(span).map(|s| TimeIn(Some(s))),
        })
    }
}

/// Fewest and most digits of a telephone number (ITU-T E.164 §6).
pub(super) const PHONE_DIGITS: (u8, u8) = (5, 15);

/// Longest pattern of a slot, in characters.
const PATTERN_MAX: usize = 200;

/// Most names of one list, and most ways to say one: each is compared with everything that is said.
const NAMES_MAX: usize = 500;
const WAYS_MAX: usize = 10;

impl Compiler<'_, '_> {
    /// The kinds that a slot is written as, of those that stand here; and what is wrong with them.
    pub(super) fn value_kinds(&mut self, name: &At<String>, slot: &Slot) -> Vec<SlotKind> {
        let on = |at: &Option<At<bool>>| at.as_ref().is_some_and(|a| a.value);
        let country = slot.country.as_ref().and_then(|code| self.country(code, on(&slot.phone)));
        let kinds = [
            slot.money.as_ref().map(|m| ValueKind::Money { usual: m.value.0 }),
            slot.time.as_ref().map(|t| ValueKind::Time { span: t.value.0 }),
            on(&slot.phone).then_some(ValueKind::Phone { country }),
            on(&slot.email).then_some(ValueKind::Email),
            slot.names.as_ref().map(|list| self.name_list(name, list)),
        ];
        kinds.into_iter().flatten().map(SlotKind::Value).collect()
    }

    /// What values must fulfil beside being of the kind.
    pub(super) fn slot_rule(&mut self, slot: &Slot) -> Option<SlotRule> {
        let counted = slot.number.as_ref().is_some_and(|n| n.value) || slot.money.is_some();
        let mut bound = |at: &Option<At<String>>| {
            let at = at.as_ref()?;
            let number = at.value.parse::<f64>().ok().filter(|n| n.is_finite());
            if number.is_none() || !counted {
                let message = format!("`{}` bounds nothing here", at.value);
                self.error(at.line, "slot-bounds", message, "write a number, beside `number: true` or `money: …`");
            }
            number
        };
        let (min, max) = (bound(&slot.min), bound(&slot.max));
        if let (Some(least), Some(most), Some(at)) = (min, max, &slot.min)
            && least > most
        {
            self.error(at.line, "slot-bounds", format!("no value is at least {least} and at most {most}"), "exchange them");
        }
        let pattern = slot.pattern.as_ref().and_then(|at| {
            // Linear in what is said, and bounded in memory, whatever is written.
            let whole = regex::RegexBuilder::new(&format!("^(?:{})$", at.value)).size_limit(1 << 18).build();
            if at.value.chars().count() > PATTERN_MAX || whole.is_err() {
                let message = format!("`{}` is no pattern, or a very long one", at.value);
                self.error(at.line, "slot-pattern", message, "write a regular expression, such as `(10|20)[0-9]{6}`");
            }
            whole.ok()
        });
        (pattern.is_some() || min.is_some() || max.is_some()).then_some(SlotRule { pattern, min, max })
    }

    fn country(&mut self, code: &At<String>, phone: bool) -> Option<String> {
        let digits = code.value.trim_start_matches('+');
        let known = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if !phone {
            self.error(code.line, "country", "`country` belongs to `phone`", "write `phone: true` beside it, or take it out");
        } else if !known {
            let message = format!("`{}` is no country code", code.value);
            self.error(code.line, "country", message, "write it without zeros, like `country: \"49\"`");
        }
        known.then(|| digits.to_string())
    }

    fn name_list(&mut self, slot: &At<String>, list: &NameList) -> ValueKind {
        if list.0.is_empty()
            || list.0.len() > NAMES_MAX
            || list.0.iter().any(|(_, said)| said.is_empty() || said.len() > WAYS_MAX)
        {
            let message = format!("the slot `{}` has {} names", slot.value, list.0.len());
            let remedy = format!("give it 1 to {NAMES_MAX} names, each with 1 to {WAYS_MAX} ways to say it");
            self.error(slot.line, "names", message, remedy);
        }
        let texts = |said: &[At<String>]| said.iter().take(WAYS_MAX).map(|s| s.value.trim().to_string()).collect();
        let named = |(name, said): &(At<String>, Vec<At<String>>)| Named { name: name.value.trim().into(), said: texts(said) };
        let names: Arc<[Named]> = list.0.iter().take(NAMES_MAX).map(named).collect();
        for (own, (at, _)) in names.iter().zip(&list.0) {
            for way in &own.said {
                if slots::name(way, &names) != Some(own.name.as_str()) {
                    let message = format!("nobody can tell `{way}` from another name of `{}` by its sound", slot.value);
                    self.error(
                        at.line,
                        "names",
                        message,
                        "give one of them a longer way to be said, such as `Anna Smith from sales`",
                    );
                }
            }
        }
        ValueKind::Name(names)
    }
}

/// `11:00-23:00`, also past midnight: `18:00-2:00`.
fn span_of(text: &str) -> Option<Span> {
    let (from, until) = text.split_once('-')?;
    let (from, until) = (time_of(from)?, time_of(until)?);
    (from != until).then_some(Span { from, until })
}

/// What the flow may write for a slot, for remedies.
pub(super) const WAYS_TO_WRITE: &str = "write one of `digits: 8`, `number: true`, `date: true`, `yes_no: true`, `money: EUR`, `time: true`, \
    `phone: true`, `email: true`, `names: [Anna Smith, Bob Jones]`";

/// The keys of a question that fill a slot, each with its slot where it is there.
pub(super) fn asked(node: &Node) -> [(&'static str, Option<&At<String>>); 8] {
    [
        ("digits", node.digits.as_ref()),
        ("number", node.number.as_ref()),
        ("date", node.date.as_ref()),
        ("money", node.money.as_ref()),
        ("time", node.time.as_ref()),
        ("phone", node.phone.as_ref()),
        ("email", node.email.as_ref()),
        ("name", node.name.as_ref()),
    ]
}

/// Under which key a question asks for a slot of this kind; `None` = only under `need`.
pub(super) fn key_of(kind: &SlotKind) -> Option<&'static str> {
    match kind {
        SlotKind::Digits { .. } => Some("digits"),
        SlotKind::Number => Some("number"),
        SlotKind::Date => Some("date"),
        SlotKind::YesNo => None,
        SlotKind::Value(kind) => Some(kind.name()),
    }
}

/// What to listen for, which single keys mean a value, and what is said about the keys.
pub(super) fn expected(flow: &Flow, place: &Place<'_>, kind: &ValueKind) -> (Expect, BTreeMap<Digit, Choice>, Vec<PromptPart>) {
    let phrase = |phrase| flow.phrase(phrase, place.language);
    let (expect, key_prompt) = match kind {
        ValueKind::Money { .. } => (Expect::Money, phrase(Phrase::MoneyByKey)),
        ValueKind::Time { .. } => (Expect::Time, phrase(Phrase::TimeByKey)),
        ValueKind::Phone { .. } => {
            (Expect::Digits { min: PHONE_DIGITS.0, max: PHONE_DIGITS.1, check: None }, phrase(Phrase::PhoneByKey))
        }
        ValueKind::Email => (Expect::Spelled, phrase(Phrase::EmailSpelled)),
        ValueKind::Name(names) => return expected_name(flow, place, names),
    };
    (expect, BTreeMap::new(), key_prompt)
}

/// Names are heard whole or by a part; the first nine have keys where there are no more.
fn expected_name(flow: &Flow, place: &Place<'_>, names: &[Named]) -> (Expect, BTreeMap<Digit, Choice>, Vec<PromptPart>) {
    let (mut keys, mut key_prompt) = (BTreeMap::new(), Vec::new());
    for (name, key) in names.iter().zip('1'..='9').filter(|_| names.len() <= 9) {
        if let Some(key) = Digit::from_char(key) {
            keys.insert(key, Choice::Option(name.name.clone()));
            key_prompt.extend(ask::key_line(flow, place, name.said.first().unwrap_or(&name.name), key));
        }
    }
    let whole = names.iter().flat_map(|n| &n.said).map(|said| said.to_lowercase());
    let mut phrases: Vec<String> = whole.clone().collect();
    phrases.extend(whole.flat_map(|said| said.split(' ').filter(|part| part.len() > 2).map(String::from).collect::<Vec<_>>()));
    phrases.extend(ask::repeats(place.language));
    (Expect::Choice { phrases: phrases.into() }, ask::with_repeat(keys), key_prompt)
}

#[cfg(test)]
#[path = "slot_kinds_tests.rs"]
mod tests;
