//! What the checker has to say about a flow: one finding per mistake, with its place and its remedy.

use super::bundle::place;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How bad a finding is. A flow with an error is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The flow must not take calls.
    Error,
    /// The flow works, but callers will be less happy than they could be.
    Warning,
}

/// One thing that is wrong with a flow. `Display` writes it like a compiler: place, severity, message, remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Error or warning.
    pub severity: Severity,
    /// The file, as it was named to the loader.
    pub file: String,
    /// Line, counted from 1.
    pub line: u32,
    /// Short stable name of the rule, such as `unknown-node`.
    pub rule: String,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to write instead, one sentence.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}:{}: {severity}: {} [{}]", self.file, self.line, self.message, self.rule)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "\n    help: {}", self.remedy) }
    }
}

/// Most findings that are kept of one file: whoever wrote more mistakes mends these first.
const FINDINGS_MAX: usize = 500;

/// Collects findings while a file is read and checked.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    /// The whole text, where it is a bundle of several files.
    text: Arc<str>,
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(file: &str) -> Report {
        Report::of(file, "".into())
    }

    /// For a bundle of files: findings name the file that they are about.
    pub(crate) fn of(file: &str, text: Arc<str>) -> Report {
        Report { file: file.to_string(), text, findings: Vec::new() }
    }

    /// The file and line of a line of the whole text.
    pub(crate) fn place(&self, line: u32) -> (String, u32) {
        place(&self.text, &self.file, line)
    }

    pub(crate) fn error(&mut self, line: u32, rule: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Error, line, rule, message.into(), remedy.into());
    }

    pub(crate) fn warning(&mut self, line: u32, rule: &str, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warning, line, rule, message.into(), remedy.into());
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }

    /// Everything found, by line.
    pub(crate) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|f| (f.line, f.severity));
        placed(&mut self.findings, &self.text);
        self.findings
    }

    fn add(&mut self, severity: Severity, line: u32, rule: &str, message: String, remedy: String) {
        let finding = Finding { severity, file: self.file.clone(), line, rule: rule.to_string(), message, remedy };
        if self.findings.len() < FINDINGS_MAX && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// Gives findings whose lines are counted through a whole bundle the file and line that an editor knows.
pub fn placed(findings: &mut [Finding], bundle: &str) {
    for finding in findings {
        (finding.file, finding.line) = place(bundle, &finding.file, finding.line);
    }
}

/// The name nearest to `wrong` among `names`, if one is near enough to be what was meant.
pub(crate) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (distance(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(d, name)| *d <= limit || (wrong.len() >= 3 && name.starts_with(wrong)))
        .min_by_key(|(d, _)| *d)
        .map(|(_, name)| name)
}

/// A remedy that names the nearest valid name, or lists what there is.
pub(crate) fn did_you_mean(wrong: &str, names: &[&str], what: &str) -> String {
    match nearest(wrong, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => format!("the flow has no {what} yet: add one"),
        None => {
            let listed = names.iter().take(12).copied().collect::<Vec<_>>().join(", ");
            format!("{what}: {listed}{}", if names.len() > 12 { ", …" } else { "" })
        }
    }
}

/// Edit distance with neighbours swapped counting as one step; names are short, long ones are cut.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_key_that_was_meant() {
        assert_eq!(nearest("brnach", ["branch", "say"]), Some("branch"));
        assert_eq!(nearest("thne", ["then", "need"]), Some("then"));
        assert_eq!(nearest("zebra", ["then", "need"]), None);
    }
}
