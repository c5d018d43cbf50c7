//! How the values of a flow are written: names, texts in several languages, lengths of time; each with its place and its schema.

use crate::base::Language;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::time::Duration;

/// A value and the line it stands in.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) line: u32,
}

/// Entries by name, in the order of the file.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(At<String>, T)>);

/// A group that may be written as a text alone.
#[derive(Debug)]
pub(crate) struct TextOr<T>(pub(crate) T);

/// A group that may be written as a name alone.
#[derive(Debug)]
pub(crate) struct NameOr<T>(pub(crate) T);

/// One of a few fixed words; the reader knows which.
#[derive(Debug, Clone)]
pub(crate) struct Word(pub(crate) String);

/// A language tag (`en`, `zh`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag(pub(crate) Language);

/// A telephone key; a number may stand without quotes.
#[derive(Debug, Clone)]
pub(crate) struct Key(pub(crate) crate::base::Digit);

/// A length of time, such as `500ms`, `2s`, `1m`.
#[derive(Debug, Clone)]
pub(crate) struct Wait(pub(crate) Duration);

/// How many digits, from–to.
#[derive(Debug, Clone)]
pub(crate) struct Range(pub(crate) u8, pub(crate) u8);

/// Stretches of a day in minutes, from–to.
#[derive(Debug, Clone)]
pub(crate) struct Spans(pub(crate) Vec<(chrono::NaiveTime, chrono::NaiveTime)>);

/// Any JSON.
#[derive(Debug, Clone)]
pub(crate) struct Json(pub(crate) serde_json::Value, pub(crate) u32);

/// What is spoken, in one or more languages.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) line: u32,
    /// By language (`None` = the flow's first): variants, each a row of pieces.
    pub(crate) by_language: Vec<(Option<Language>, Vec<Vec<Piece>>)>,
}

/// A piece of what is spoken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// Words, a template.
    Words(String),
    /// A recording beside the flow file.
    File(String),
    /// Silence, milliseconds.
    Pause(u32),
}

/// Plain sentences, in one or more languages.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub(crate) line: u32,
    /// By language (`None` = the flow's first).
    pub(crate) by_language: Vec<(Option<Language>, Vec<At<String>>)>,
}

/// The schema of a type that is written as one value.
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
pub(super) use schema_as;

schema_as!(Word, "Word", { "type": "string" });
schema_as!(Tag, "Language", { "type": "string", "pattern": LANGUAGE_PATTERN });
schema_as!(Key, "Key", { "type": ["string", "integer"], "pattern": "^[1-9*#A-D0]$", "minimum": 0, "maximum": 9 });
schema_as!(Wait, "Wait", { "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" });
schema_as!(Range, "Range", { "type": ["integer", "string"], "pattern": "^[0-9]+(-[0-9]+)?$", "minimum": 1, "maximum": 32 });
schema_as!(Json, "Json", true);
schema_as!(Spans, "Spans", {
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
});
schema_as!(Piece, "Piece", {
    "anyOf": [
        { "type": ["string", "number", "boolean"] },
        { "type": "object", "properties": { "file": { "type": "string" } }, "required": ["file"], "additionalProperties": false },
        { "type": "object", "properties": { "pause": { "type": "string" } }, "required": ["pause"], "additionalProperties": false }
    ]
});

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let piece = generator.subschema_for::<Piece>();
        let row = json_schema!({
            "type": "object", "properties": { "parts": { "type": "array", "items": piece } },
            "required": ["parts"], "additionalProperties": false
        });
        let one = json_schema!({ "anyOf": [piece, row] });
        let variants = json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] });
        json_schema!({
            "description": "Words (a template), `{ file: … }`, `{ pause: … }`, `{ parts: […] }`, a list of variants used in \
                            turn, or any of these by language.",
            "anyOf": [variants, {
                "type": "object", "propertyNames": { "pattern": LANGUAGE_PATTERN }, "additionalProperties": variants
            }]
        })
    }
}

impl JsonSchema for Words {
    fn schema_name() -> Cow<'static, str> {
        "Words".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let list = json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": ["string", "number", "boolean"] } }]
        });
        json_schema!({
            "description": "A sentence, a list of sentences, or either by language.",
            "anyOf": [list, {
                "type": "object", "propertyNames": { "pattern": LANGUAGE_PATTERN }, "additionalProperties": list
            }]
        })
    }
}

impl<T: JsonSchema> JsonSchema for TextOr<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("TextOr{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (text, group) = (generator.subschema_for::<Text>(), generator.subschema_for::<T>());
        json_schema!({ "anyOf": [text, group] })
    }
}

impl<T: JsonSchema> JsonSchema for NameOr<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("NameOr{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let group = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "string" }, group] })
    }
}

/// A language tag. Two letters, so that `file`, `pause` and `parts` are none.
const LANGUAGE_PATTERN: &str = "^[a-z]{2}$";

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Named_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": inner })
    }
}
