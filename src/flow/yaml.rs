//! YAML text to a tree that knows its lines. Every scalar stays text (`no` is a word, `0` is a key); who reads it decides
//! what it is. Bounded in size, depth and aliases, so that no file can exhaust memory or stack.

use super::finding::Report;
use saphyr_parser::{Event, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// Longest file.
pub(crate) const BYTES_MAX: usize = 1 << 20;
/// Deepest nesting; a flow needs about eight.
const DEPTH_MAX: usize = 32;
/// Most values, those that aliases repeat included.
const VALUES_MAX: usize = 100_000;

/// A value and its line.
#[derive(Debug, Clone)]
pub(crate) struct Yaml {
    /// Line of its first character, counted from 1.
    pub(crate) line: u32,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text, whatever it looks like. Plain empty values and `~` are `Nothing`.
    Text(String),
    Nothing,
    List(Vec<Yaml>),
    /// Entries in the order of the file.
    Map(Vec<Entry>),
}

/// One `key: value`.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) line: u32,
    pub(crate) key: String,
    pub(crate) value: Yaml,
}

impl Yaml {
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Value::Text(t) = &self.value { Some(t) } else { None }
    }

    /// What a person would call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "text",
            Value::Nothing => "nothing",
            Value::List(_) => "a list",
            Value::Map(_) => "a group of keys",
        }
    }

    /// Like JSON, for look-up bodies and test data: plain numbers and booleans become numbers and booleans.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Nothing => serde_json::Value::Null,
            Value::List(items) => items.iter().map(Yaml::to_json).collect(),
            Value::Map(entries) => {
                serde_json::Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect())
            }
            Value::Text(t) => match t.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                // A number only where writing it back gives the same text: 007 stays a text.
                t => match serde_json::from_str::<serde_json::Number>(t) {
                    Ok(n) if n.to_string() == t => serde_json::Value::Number(n),
                    _ => t.into(),
                },
            },
        }
    }

    fn count(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Yaml::count).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|e| 1 + e.value.count()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// Something that is still being filled.
enum Open {
    List { line: u32, anchor: usize, items: Vec<Yaml> },
    Map { line: u32, anchor: usize, entries: Vec<Entry>, key: Option<(u32, String)>, seen: BTreeMap<String, u32> },
}

/// Reads the documents of a text, at least one. Syntax errors go to the report; `None` when there is no tree to go on with.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Vec<Yaml>> {
    if text.len() > BYTES_MAX {
        report.error(1, "too-big", format!("the file has {} bytes", text.len()), "a flow has at most 1 MiB: split it");
        return None;
    }
    let mut builder = Builder { stack: Vec::new(), anchors: BTreeMap::new(), values: 0, roots: Vec::new() };
    let mut last_line = 1;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(pair) => pair,
            Err(e) => {
                let line = line_of(e.marker().line());
                report.error(line, "yaml", format!("this is no YAML: {}", e.info()), "check indentation, quotes and colons");
                return None;
            }
        };
        last_line = line_of(span.start.line());
        if let Err(e) = builder.take(event, last_line, report) {
            report.error(last_line, "yaml", e, "write it plainly");
            return None;
        }
    }
    if builder.roots.is_empty() {
        report.error(last_line, "yaml", "the file is empty", "begin with `hotline: 1`, a `name:` and `nodes:`");
    }
    (!builder.roots.is_empty()).then_some(builder.roots)
}

fn line_of(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX).max(1)
}

struct Builder {
    stack: Vec<Open>,
    anchors: BTreeMap<usize, Yaml>,
    values: usize,
    roots: Vec<Yaml>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32, report: &mut Report) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let nothing = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null");
                let value = if nothing { Value::Nothing } else { Value::Text(text.into_owned()) };
                self.put(Yaml { line, value }, anchor, report)
            }
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor).cloned().ok_or("this alias refers to itself")?;
                self.values += found.count();
                self.put(found, 0, report)
            }
            Event::SequenceStart(anchor, _) => self.open(Open::List { line, anchor, items: Vec::new() }),
            Event::MappingStart(anchor, _) => {
                self.open(Open::Map { line, anchor, entries: Vec::new(), key: None, seen: BTreeMap::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Open::List { line, anchor, items }) => self.put(Yaml { line, value: Value::List(items) }, anchor, report),
                Some(Open::Map { line, anchor, entries, .. }) => {
                    self.put(Yaml { line, value: Value::Map(entries) }, anchor, report)
                }
                None => Err("a list or group ends that never began".to_string()),
            },
            _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), String> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        self.stack.push(open);
        Ok(())
    }

    fn put(&mut self, yaml: Yaml, anchor: usize, report: &mut Report) -> Result<(), String> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(format!("more than {VALUES_MAX} values (aliases count as often as they are used)"));
        }
        if anchor != 0 {
            self.values += yaml.count();
            self.anchors.insert(anchor, yaml.clone());
        }
        match self.stack.last_mut() {
            None => self.roots.push(yaml),
            Some(Open::List { items, .. }) => items.push(yaml),
            Some(Open::Map { entries, key, seen, .. }) => match key.take() {
                None => match yaml.value {
                    Value::Text(text) => *key = Some((yaml.line, text)),
                    Value::Nothing => *key = Some((yaml.line, String::new())),
                    _ => return Err("a key must be text".to_string()),
                },
                Some((line, key)) => {
                    if let Some(earlier) = seen.get(&key) {
                        let remedy = format!("keep one of them; the first is in line {earlier}");
                        report.error(line, "duplicate-key", format!("`{key}` stands twice in the same group"), remedy);
                    } else {
                        seen.insert(key.clone(), line);
                        entries.push(Entry { line, key, value: yaml });
                    }
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> String {
        let mut report = Report::new("t");
        parse(text, &mut report);
        report.into_findings().iter().map(|f| format!("{}:{}", f.line, f.message)).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn hostile_files_are_errors_with_a_line() {
        assert!(errors(&"- ".repeat(5_000)).contains("nested deeper"));
        assert!(errors(&"[".repeat(5_000)).contains("no YAML"), "the parser has its own limit");
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..9 {
            let j = i - 1;
            laughs.push_str(&format!("a{i}: &a{i} [*a{j}, *a{j}, *a{j}, *a{j}, *a{j}, *a{j}, *a{j}, *a{j}]\n"));
        }
        assert!(errors(&laughs).contains("more than 100000 values"));
        assert!(errors("a: 1\nb: [\n").contains("no YAML"));
        assert!(errors("a: 1\na: 2\n").starts_with("2:`a` stands twice"));
        assert!(errors(&"x".repeat(BYTES_MAX + 1)).contains("bytes"));
        assert!(errors("").contains("empty"));
    }

    #[test]
    fn json_keeps_leading_zeros() {
        let mut report = Report::new("t");
        let y = parse("a: 007\nb: 7\nc: true\nd: [1.5, x]\ne:\n", &mut report).expect("a tree");
        assert_eq!(y[0].to_json().to_string(), r#"{"a":"007","b":7,"c":true,"d":[1.5,"x"],"e":null}"#);
    }
}
