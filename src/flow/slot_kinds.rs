//! Slots whose values have a text of their own (money, times of day): how a flow writes them, what is expected and said when they
//! are asked, and which question fills which slot.

use super::document::{At, Node, Slot};
use super::model::{Flow, SlotKind};
use super::phrases::Phrase;
use super::read::Reader;
use super::yaml::Yaml;
use crate::base::{Expect, Language, PromptPart};
use crate::nlu::slots::{Currency, Span, ValueKind};
use chrono::NaiveTime;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// `true`, or the currency that is meant where none is named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoneyOf(pub(crate) Option<Currency>);

/// `true`, or from when until when a time makes sense.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeIn(pub(crate) Option<Span>);

macro_rules! schema_as {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

schema_as!(MoneyOf, "Money", { "type": ["boolean", "string"], "pattern": "^[A-Z]{3}$" });
schema_as!(TimeIn, "Time", { "type": ["boolean", "string"], "pattern": "^[0-9]{1,2}(:[0-9]{2})?-[0-9]{1,2}(:[0-9]{2})?$" });

impl Reader<'_> {
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

/// `11:00-23:00`, also past midnight: `18:00-2:00`.
fn span_of(text: &str) -> Option<Span> {
    let time = |t: &str| {
        let (hour, minute) = t.trim().split_once(':').unwrap_or((t.trim(), "0"));
        NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)
    };
    let (from, until) = text.split_once('-')?;
    let (from, until) = (time(from)?, time(until)?);
    (from != until).then_some(Span { from, until })
}

/// The kinds that a slot is written as, of those that stand here.
pub(super) fn kinds_of(slot: &Slot) -> Vec<SlotKind> {
    let money = slot.money.as_ref().map(|m| ValueKind::Money { usual: m.value.0 });
    let time = slot.time.as_ref().map(|t| ValueKind::Time { span: t.value.0 });
    [money, time].into_iter().flatten().map(SlotKind::Value).collect()
}

/// What the flow may write for a slot, for remedies.
pub(super) const WAYS_TO_WRITE: &str =
    "write one of `digits: 8`, `number: true`, `date: true`, `yes_no: true`, `money: EUR`, `time: true`";

/// The keys of a question that fill a slot, each with its slot where it is there.
pub(super) fn asked(node: &Node) -> [(&'static str, Option<&At<String>>); 5] {
    [
        ("digits", node.digits.as_ref()),
        ("number", node.number.as_ref()),
        ("date", node.date.as_ref()),
        ("money", node.money.as_ref()),
        ("time", node.time.as_ref()),
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

/// What to listen for, and what is said about the keys.
pub(super) fn expected(flow: &Flow, language: Language, kind: &ValueKind) -> (Expect, Vec<PromptPart>) {
    match kind {
        ValueKind::Money { .. } => (Expect::Money, flow.phrase(Phrase::MoneyByKey, language)),
        ValueKind::Time { .. } => (Expect::Time, flow.phrase(Phrase::TimeByKey, language)),
    }
}
