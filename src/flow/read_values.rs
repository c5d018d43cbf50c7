//! From the YAML tree to the values of the document: words, numbers, lengths of time, and what is spoken.

use super::document::*;
use super::read::Reader;
use super::yaml::{Entry, Value, Yaml};
use crate::base::{Digit, Language};
use chrono::NaiveTime;
use std::time::Duration;

impl Reader<'_> {
    pub(super) fn text(&mut self, yaml: &Yaml) -> Option<At<String>> {
        let text = yaml.as_text().map(|t| At { value: t.trim().to_string(), line: yaml.line }).filter(|t| !t.value.is_empty());
        if text.is_none() {
            let message = format!("a text is expected, but here is {}", yaml.kind());
            self.error(yaml.line, "wrong-kind", message, "write a word or a sentence; put quotes around `: ` and `#`");
        }
        text
    }

    pub(super) fn parsed<T>(&mut self, yaml: &Yaml, what: &str, example: &str, parse: fn(&str) -> Option<T>) -> Option<At<T>> {
        let parsed = yaml.as_text().and_then(|t| parse(t.trim()));
        if parsed.is_none() {
            let shown = yaml.as_text().map_or_else(|| yaml.kind().to_string(), |t| format!("`{t}`"));
            self.error(yaml.line, "wrong-value", format!("{shown} is not {what}"), &format!("write it like {example}"));
        }
        parsed.map(|value| At { value, line: yaml.line })
    }

    pub(super) fn word(&mut self, yaml: &Yaml) -> Option<At<Word>> {
        self.text(yaml).map(|t| At { value: Word(t.value), line: t.line })
    }

    pub(super) fn count(&mut self, yaml: &Yaml) -> Option<At<u32>> {
        self.parsed(yaml, "a whole number", "`3`", |t| t.parse().ok().filter(|n| *n <= 36_500))
    }

    pub(super) fn truth(&mut self, yaml: &Yaml) -> Option<At<bool>> {
        self.parsed(yaml, "yes or no", "`true` or `false`", |t| match t {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    pub(super) fn tag(&mut self, yaml: &Yaml) -> Option<At<Tag>> {
        self.parsed(yaml, "a language", "`en` or `zh`", |t| (t.len() == 2).then(|| Language::parse(t)).flatten().map(Tag))
    }

    pub(super) fn key(&mut self, yaml: &Yaml) -> Option<At<Key>> {
        self.parsed(yaml, "a telephone key", "`\"1\"`", key_of)
    }

    pub(super) fn wait(&mut self, yaml: &Yaml) -> Option<At<Wait>> {
        self.parsed(yaml, "a length of time", "`500ms`, `2s` or `1m`", wait_of)
    }

    pub(super) fn range(&mut self, yaml: &Yaml) -> Option<At<Range>> {
        self.parsed(yaml, "a number of digits from 1 to 32", "`8` or `4-10`", |t| {
            let (from, to) = t.split_once('-').unwrap_or((t, t));
            let (from, to): (u8, u8) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
            (1 <= from && from <= to && to <= 32).then_some(Range(from, to))
        })
    }

    pub(super) fn json(&mut self, yaml: &Yaml) -> Option<Json> {
        Some(Json(yaml.to_json(), yaml.line))
    }

    pub(super) fn spans(&mut self, yaml: &Yaml) -> Option<Spans> {
        let items: Vec<&Yaml> = if let Value::List(items) = &yaml.value { items.iter().collect() } else { vec![yaml] };
        let mut spans = Vec::new();
        for item in items {
            if item.as_text().is_some_and(|t| t.trim() == "closed") {
                continue;
            }
            if let Some(span) = self.parsed(item, "a stretch of a day", "`9:00-17:00` or `closed`", span_of) {
                spans.push(span.value);
            }
        }
        Some(Spans(spans))
    }

    // ---- what is spoken ----

    pub(super) fn speech(&mut self, yaml: &Yaml) -> Option<Text> {
        let mut by_language = Vec::new();
        match &yaml.value {
            Value::Map(entries) if !entries.is_empty() && entries.iter().all(|e| e.key.len() == 2) => {
                for e in entries {
                    let language = Language::parse(&e.key);
                    if language.is_none() {
                        self.error(e.line, "wrong-value", format!("`{}` is not a language", e.key), "write it like `en:`");
                    }
                    by_language.push((language, self.variants(&e.value)?));
                }
            }
            _ => by_language.push((None, self.variants(yaml)?)),
        }
        Some(Text { line: yaml.line, by_language })
    }

    pub(super) fn variants(&mut self, yaml: &Yaml) -> Option<Vec<Vec<Piece>>> {
        let variants: Vec<Vec<Piece>> = match &yaml.value {
            Value::List(items) => items.iter().filter_map(|y| self.row(y)).collect(),
            _ => vec![self.row(yaml)?],
        };
        if variants.is_empty() {
            self.error(yaml.line, "wrong-kind", "there is nothing to say here".to_string(), "write at least one sentence");
            return None;
        }
        Some(variants)
    }

    pub(super) fn row(&mut self, yaml: &Yaml) -> Option<Vec<Piece>> {
        if let Value::Map(entries) = &yaml.value
            && let [Entry { key, value: Yaml { value: Value::List(items), .. }, .. }] = entries.as_slice()
            && key == "parts"
        {
            return Some(items.iter().filter_map(|y| self.piece(y)).collect());
        }
        self.piece(yaml).map(|p| vec![p])
    }

    pub(super) fn piece(&mut self, yaml: &Yaml) -> Option<Piece> {
        let Value::Map(entries) = &yaml.value else {
            return self.text(yaml).map(|t| Piece::Words(t.value));
        };
        match entries.as_slice() {
            [e] if e.key == "file" => self.text(&e.value).map(|t| Piece::File(t.value)),
            [e] if e.key == "pause" => {
                self.wait(&e.value).map(|w| Piece::Pause(u32::try_from(w.value.0.as_millis()).unwrap_or(0).min(10_000)))
            }
            _ => {
                let message = "this is nothing that can be spoken".to_string();
                let remedy = "write words, `{ file: greeting.wav }`, `{ pause: 500ms }`, `{ parts: […] }` or `en: …`, `zh: …`";
                self.error(yaml.line, "wrong-kind", message, remedy);
                None
            }
        }
    }

    pub(super) fn words(&mut self, yaml: &Yaml) -> Option<Words> {
        let mut by_language = Vec::new();
        if let Value::Map(entries) = &yaml.value {
            for e in entries {
                match Language::parse(&e.key).filter(|_| e.key.len() == 2) {
                    Some(language) => by_language.push((Some(language), self.sentences(&e.value))),
                    None => self.error(e.line, "wrong-value", format!("`{}` is not a language", e.key), "write it like `en:`"),
                }
            }
        } else {
            by_language.push((None, self.sentences(yaml)));
        }
        Some(Words { line: yaml.line, by_language })
    }

    pub(super) fn sentences(&mut self, yaml: &Yaml) -> Vec<At<String>> {
        match &yaml.value {
            Value::List(items) => items.iter().filter_map(|y| self.text(y)).collect(),
            _ => self.text(yaml).into_iter().collect(),
        }
    }
}

fn key_of(text: &str) -> Option<Key> {
    let mut chars = text.chars();
    let key = Digit::from_char(chars.next()?).map(Key);
    if chars.next().is_some() { None } else { key }
}

fn wait_of(text: &str) -> Option<Wait> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let count: u64 = text[..text.len() - unit.len()].parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Wait(Duration::from_millis(count.checked_mul(millis)?)))
}

fn span_of(text: &str) -> Option<(NaiveTime, NaiveTime)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (time_of(from)?, time_of(to)?);
    (from < to || to == NaiveTime::MIN).then_some((from, to))
}

/// `9`, `9:00`, `24:00` (midnight at the day's end).
pub(super) fn time_of(text: &str) -> Option<NaiveTime> {
    let (hours, minutes) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if (hours, minutes) == (24, 0) { Some(NaiveTime::MIN) } else { NaiveTime::from_hms_opt(hours, minutes, 0) }
}
