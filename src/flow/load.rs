//! From a file's text to a flow that may take calls, or to everything that is wrong with it.

use super::compile;
use super::document::Document;
use super::finding::{Finding, Report, Severity};
use super::model::Flow;
use super::{bundle, read, rules, yaml};
use crate::base::hex;
use crate::nlu::{NoShelf, Shelf};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A flow that passed, and what could be better about it.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The flow.
    pub flow: Arc<Flow>,
    /// Warnings only, by line.
    pub warnings: Vec<Finding>,
}

impl Flow {
    /// Reads and checks a flow: a file's text, or the whole of several files ([`bundle`](super::bundle())). `file` is the name that
    /// findings carry; `env` holds the environment names that the gateway
    /// gives to this flow, with their values.
    ///
    /// # Errors
    /// All findings at once (at most 500), errors and warnings, by line; at least one is an error.
    pub fn load(text: &str, file: &str, env: &BTreeMap<String, String>) -> Result<Checked, Vec<Finding>> {
        Flow::load_kept(text, file, env, &NoShelf)
    }

    /// The same with a shelf for what was trained: large flows are then trained once, not at each start.
    ///
    /// # Errors
    /// As [`Flow::load`].
    pub fn load_kept(
        text: &str,
        file: &str,
        env: &BTreeMap<String, String>,
        shelf: &dyn Shelf,
    ) -> Result<Checked, Vec<Finding>> {
        let mut report = Report::of(file, text.into());
        let tree = yaml::parse(text, &mut report).and_then(|trees| bundle::merged(trees, &mut report));
        let document = tree.and_then(|tree| read::read(&tree, &mut report));
        not_read(document.as_ref(), text, &mut report);
        let mut flow = document.and_then(|d| compile::compile(&d, hash(text, env), env, shelf, &mut report));
        if let Some(flow) = &mut flow {
            flow.text = text.into();
            rules::check(flow, &mut report);
        }
        match flow {
            Some(flow) if !report.has_errors() => Ok(Checked { flow: Arc::new(flow), warnings: report.into_findings() }),
            _ => Err(report.into_findings()),
        }
    }
}

/// Files that are included but not there: the text is not a whole bundle.
fn not_read(document: Option<&Document>, text: &str, report: &mut Report) {
    let Some(files) = document.and_then(|d| d.include.as_ref()) else { return };
    let there = bundle::parts(text, "");
    for file in files.iter().filter(|file| !there.iter().any(|(name, _)| *name == file.value.trim())) {
        report.error(
            file.line,
            "include",
            format!("`{}` was not read", file.value),
            "load the flow with the files that it includes",
        );
    }
}

/// Environment names (`env.NAME`) that a flow's text mentions, each with a value that stands for "not known here": for
/// checking a flow away from its gateway. Addresses made of them are not looked at.
pub fn placeholder_env(text: &str) -> BTreeMap<String, String> {
    let mentions = text.split("env.").skip(1).take(1_000);
    let names = mentions.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>());
    names.filter(|n| !n.is_empty()).map(|n| (n.clone(), format!("{}{n}", compile::PLACEHOLDER))).collect()
}

/// SHA-256 of the text and of the environment that it was loaded with.
fn hash(text: &str, env: &BTreeMap<String, String>) -> String {
    let mut sha = Sha256::new();
    sha.update(text.as_bytes());
    for (name, value) in env {
        sha.update(format!("\0{name}\0{value}").as_bytes());
    }
    hex(&sha.finalize())
}

/// Whether any finding is an error.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Error)
}
