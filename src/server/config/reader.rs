//! From TOML to values, keeping count: which line, which keys exist, which were used, what is wrong. Nothing here stops at
//! the first mistake.

use super::values::{Input, Wrong};
use super::{ConfigError, Surroundings};
use crate::base::Language;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file being read.
pub(super) struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    around: &'a Surroundings<'a>,
    root: DeTable<'a>,
    syntax: Vec<ConfigError>,
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    errors: Vec<ConfigError>,
    warnings: Vec<ConfigError>,
    keys: Vec<String>,
    /// Something is said to be missing; not to be believed while there are mistakes of syntax.
    missing: Vec<ConfigError>,
}

/// One table of the file (or its absence: then everything has its default).
pub(super) struct Section<'r> {
    reader: &'r Reader<'r>,
    /// `sip`; empty for the file itself.
    name: String,
    /// Line of its header, from 1; 0 when it is absent.
    line: usize,
    entries: Vec<Entry<'r>>,
    known: Vec<&'static str>,
}

struct Entry<'r> {
    key: &'r str,
    line: usize,
    value: &'r DeValue<'r>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, around: &'a Surroundings<'a>) -> Reader<'a> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let syntax = errors
            .iter()
            .map(|e| ConfigError {
                file: file.to_path_buf(),
                line: e.span().map_or(0, |span| line_of(text, &span)),
                message: format!("this is no TOML: {}", e.message().replace('\n', ", ")),
                remedy: "Write key = value; texts stand in double quotes".to_string(),
            })
            .collect();
        Reader { file, text, around, root: root.into_inner(), syntax, found: RefCell::default() }
    }

    /// The file's top level.
    pub(super) fn document(&'a self) -> Section<'a> {
        self.section(String::new(), 1, Some(&self.root))
    }

    /// Errors, warnings, and all keys that exist.
    pub(super) fn close(&self) -> (Vec<ConfigError>, Vec<ConfigError>, Vec<String>) {
        let found = self.found.take();
        let mut errors = self.syntax.clone();
        if errors.is_empty() {
            errors.extend(found.missing);
        }
        // What a broken line seems to say is not worth a second error.
        errors.extend(found.errors.into_iter().filter(|e| self.syntax.iter().all(|s| s.line != e.line)));
        errors.sort_by_key(|e| e.line);
        (errors, found.warnings, found.keys)
    }

    fn section(&'a self, name: String, line: usize, table: Option<&'a DeTable<'a>>) -> Section<'a> {
        let entries = table.into_iter().flat_map(|t| t.iter()).map(|(key, value)| Entry {
            key: key.get_ref(),
            line: line_of(self.text, &key.span()),
            value: value.get_ref(),
        });
        Section { reader: self, name, line, entries: entries.collect(), known: Vec::new() }
    }

    fn fault(&self, line: usize, message: &str, remedy: &str) -> ConfigError {
        ConfigError {
            file: self.file.to_path_buf(),
            line,
            message: message.to_string(),
            remedy: format!("{}.", remedy.trim_end_matches('.')),
        }
    }
}

impl<'r> Section<'r> {
    /// Line of the header.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// The value under `key`, or `default` when the key is absent or wrong (which is reported).
    pub(super) fn get<T>(&mut self, key: &'static str, default: T, parse: impl Fn(&Input<'_>) -> Result<T, Wrong>) -> T {
        let Some((line, value)) = self.find(key) else { return default };
        self.parsed(key, line, value, &parse).unwrap_or(default)
    }

    /// The value under a key that must be there; `None` when it is absent or wrong (which is reported).
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl Fn(&Input<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let Some((line, value)) = self.find(key) else {
            let error = self.reader.fault(self.line, &format!("{} is missing", self.full(key)), &format!("Write {example}"));
            self.reader.found.borrow_mut().missing.push(error);
            return None;
        };
        self.parsed(key, line, value, &parse)
    }

    /// A path, `default` when absent; counted from the file's folder either way.
    pub(super) fn path_or(&mut self, key: &'static str, default: &str) -> PathBuf {
        let default = self.folder().join(default);
        self.get(key, default, super::values::path)
    }

    /// The table under `key`; an empty one when it is absent or something else (which is reported).
    pub(super) fn table(&mut self, key: &'static str) -> Section<'r> {
        let name = self.full(key);
        match self.find(key) {
            Some((line, DeValue::Table(table))) => self.reader.section(name, line, Some(table)),
            Some((line, other)) => {
                let message = format!("{name} must be a section, not {}", kind(other));
                self.push(line, &message, &format!("Write [{name}] on a line of its own, and its keys below"));
                self.reader.section(name, line, None)
            }
            None => self.reader.section(name, 0, None),
        }
    }

    /// The tables written as `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Section<'r>> {
        let name = self.full(key);
        let remedy = format!("Write [[{name}]] with two brackets before each entry");
        let Some((line, value)) = self.find(key) else { return Vec::new() };
        let DeValue::Array(items) = value else {
            self.push(line, &format!("{name} must be a list of sections, not {}", kind(value)), &remedy);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items.iter() {
            let line = line_of(self.reader.text, &item.span());
            match item.get_ref() {
                DeValue::Table(table) => sections.push(self.reader.section(name.clone(), line, Some(table))),
                other => self.push(line, &format!("{name} must hold sections, not {}", kind(other)), &remedy),
            }
        }
        sections
    }

    /// All entries of a table whose keys are the operator's own.
    pub(super) fn every<T>(self, parse: impl Fn(&Input<'_>) -> Result<T, Wrong>) -> BTreeMap<String, T> {
        let mut out = BTreeMap::new();
        for Entry { key, line, value } in &self.entries {
            if let Some(value) = self.parsed(key, *line, value, &parse) {
                out.insert(key.to_string(), value);
            }
        }
        out
    }

    /// All entries of a table whose keys are languages.
    pub(super) fn languages<T>(self, parse: impl Fn(&Input<'_>) -> Result<T, Wrong>) -> BTreeMap<Language, T> {
        let mut out = BTreeMap::new();
        for Entry { key, line, value } in &self.entries {
            let Some(language) = Language::parse(key) else {
                self.push(*line, &format!("{key:?} is no language"), "Write a language tag such as en or zh");
                continue;
            };
            if let Some(value) = self.parsed(key, *line, value, &parse) {
                out.insert(language, value);
            }
        }
        out
    }

    /// Reports a mistake at a key, or at the section when the key is absent.
    pub(super) fn error(&self, key: &str, message: &str, remedy: &str) {
        let place = self.entries.iter().find(|e| e.key == key);
        match place {
            Some(entry) => self.push(entry.line, message, remedy),
            None => self.reader.found.borrow_mut().missing.push(self.reader.fault(self.line, message, remedy)),
        }
    }

    /// Reports what is allowed but probably not meant.
    pub(super) fn warning(&self, key: &str, message: &str, remedy: &str) {
        let line = self.entries.iter().find(|e| e.key == key).map_or(self.line, |e| e.line);
        self.reader.found.borrow_mut().warnings.push(self.reader.fault(line, message, remedy));
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for entry in self.entries.iter().filter(|e| !self.known.contains(&e.key)) {
            let place = if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) };
            let remedy = match nearest(entry.key, &self.known) {
                Some(meant) => format!("Did you mean {meant}?"),
                None => format!("Remove it; there are: {}", self.known.join(", ")),
            };
            let mut error = self.reader.fault(entry.line, &format!("there is no key {:?}{place}", entry.key), &remedy);
            error.remedy = error.remedy.replace("?.", "?");
            self.reader.found.borrow_mut().errors.push(error);
        }
    }

    fn find(&mut self, key: &'static str) -> Option<(usize, &'r DeValue<'r>)> {
        if !self.known.contains(&key) {
            self.known.push(key);
            self.reader.found.borrow_mut().keys.push(self.full(key));
        }
        self.entries.iter().find(|e| e.key == key).map(|e| (e.line, e.value))
    }

    fn parsed<T>(
        &self,
        key: &str,
        line: usize,
        value: &DeValue<'_>,
        parse: &impl Fn(&Input<'_>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let input = Input { value, around: self.reader.around, folder: self.folder() };
        match parse(&input) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.push(line, &format!("{}: {}", self.full(key), wrong.message), &wrong.remedy);
                None
            }
        }
    }

    fn push(&self, line: usize, message: &str, remedy: &str) {
        self.reader.found.borrow_mut().errors.push(self.reader.fault(line, message, remedy));
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_string() } else { format!("{}.{key}", self.name) }
    }

    fn folder(&self) -> &'r Path {
        self.reader.file.parent().unwrap_or(Path::new(""))
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// The line (from 1) on which a stretch of the text begins.
fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
}

/// The known key that was probably meant: at most two letters away, and not a different word altogether.
fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let written = written.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|k| (distance(&written, k), *k))
        .filter(|(d, k)| *d <= 2 && *d < k.len() || k.starts_with(&written) || written.starts_with(*k))
        .min()
        .map(|(_, k)| k)
}

/// Letters to insert, remove or change to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Keeps the value's place out of the way where only the value matters.
pub(super) fn bare<'v>(value: &'v Spanned<DeValue<'v>>) -> &'v DeValue<'v> {
    value.get_ref()
}
