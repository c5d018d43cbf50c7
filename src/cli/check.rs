//! `hotline check`: everything that is wrong with flows, their own tests, and the flow as a picture.

use super::{flow_files, running};
use crate::flow::{Severity, dot, mermaid, placeholder_env};
use crate::trial::{FlowCheck, TestOutcome, check_flow};
use anyhow::Context;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is drawn instead of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Picture {
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

/// Longest recording that is looked at.
const RECORDING_BYTES_MAX: u64 = 64 << 20;

/// Checks flows: prints findings like a compiler (or one JSON document) and runs the flows' tests; or draws them. `env` are
/// the values that are known here; names that a flow mentions beside them stand for themselves. `true` if all are good.
///
/// # Errors
/// Only if `out` cannot be written: a file that cannot be read is a finding.
pub(crate) fn check(
    files: &[PathBuf],
    env: &BTreeMap<String, String>,
    json: bool,
    picture: Option<Picture>,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let checks: Vec<(String, FlowCheck)> = files.iter().map(|f| (f.display().to_string(), check_file(f, env))).collect();
    let good = checks.iter().all(|(_, check)| check.good());
    match (picture, json) {
        (Some(picture), _) => {
            draw(&checks, picture, out)?;
            return Ok(checks.iter().all(|(_, check)| check.flow.is_some()));
        }
        (None, true) => writeln!(out, "{:#}", as_json(&checks))?,
        (None, false) => report(&checks, out)?,
    }
    Ok(good)
}

/// Prints the JSON Schema of flows.
///
/// # Errors
/// Only if `out` cannot be written.
pub(crate) fn schema(out: &mut dyn Write) -> anyhow::Result<bool> {
    writeln!(out, "{:#}", crate::flow::schema()).context("the schema cannot be printed")?;
    Ok(true)
}

fn check_file(path: &Path, env: &BTreeMap<String, String>) -> FlowCheck {
    let name = path.display().to_string();
    let text = match flow_files::text(path) {
        Ok(text) => text,
        Err(findings) => return FlowCheck { findings, flow: None, tests: Vec::new() },
    };
    let mut known = placeholder_env(&text);
    known.extend(env.clone());
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    check_flow(&text, &name, &known, running::wall_now(), &|file| read_recording(&folder.join(file)))
}

fn read_recording(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > RECORDING_BYTES_MAX {
        return Err(format!("it has {size} bytes, more than 64 MiB"));
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

fn draw(checks: &[(String, FlowCheck)], picture: Picture, out: &mut dyn Write) -> anyhow::Result<()> {
    for (_, check) in checks {
        match (&check.flow, picture) {
            (Some(flow), Picture::Dot) => write!(out, "{}", dot(flow))?,
            (Some(flow), Picture::Mermaid) => write!(out, "{}", mermaid(flow))?,
            (None, _) => {
                for finding in &check.findings {
                    eprintln!("{finding}");
                }
            }
        }
    }
    Ok(())
}

fn count(checks: &[(String, FlowCheck)], severity: Severity) -> usize {
    checks.iter().flat_map(|(_, c)| &c.findings).filter(|f| f.severity == severity).count()
}

fn report(checks: &[(String, FlowCheck)], out: &mut dyn Write) -> anyhow::Result<()> {
    for (file, check) in checks {
        for finding in &check.findings {
            writeln!(out, "{finding}")?;
        }
        for test in check.tests.iter().filter(|t| !t.passed()) {
            writeln!(out, "{}:{}: test failed: {}", test.file, test.line, test.name)?;
            for wrong in &test.wrong {
                writeln!(out, "    {wrong}")?;
            }
            for line in test.story.lines() {
                writeln!(out, "    | {line}")?;
            }
        }
        let passed = check.tests.iter().filter(|t| t.passed()).count();
        let verdict = if check.good() { "good" } else { "not good" };
        writeln!(out, "{file}: {verdict}, {passed} of {} tests passed", check.tests.len())?;
    }
    let (errors, warnings) = (count(checks, Severity::Error), count(checks, Severity::Warning));
    if errors + warnings > 0 {
        writeln!(out, "{errors} errors, {warnings} warnings")?;
    }
    Ok(())
}

fn as_json(checks: &[(String, FlowCheck)]) -> serde_json::Value {
    let of = |severity| checks.iter().flat_map(|(_, c)| &c.findings).filter(|f| f.severity == severity).collect::<Vec<_>>();
    let case = |t: &TestOutcome| serde_json::json!({ "file": t.file, "line": t.line, "name": t.name, "passed": t.passed(), "wrong": t.wrong });
    let all: Vec<&TestOutcome> = checks.iter().flat_map(|(_, c)| &c.tests).collect();
    let passed = all.iter().filter(|t| t.passed()).count();
    serde_json::json!({
        "errors": of(Severity::Error),
        "warnings": of(Severity::Warning),
        "tests": { "passed": passed, "failed": all.len() - passed, "cases": all.into_iter().map(case).collect::<Vec<_>>() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(files: &[&str], json: bool, picture: Option<Picture>) -> (bool, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files: Vec<PathBuf> = files.iter().map(|f| folder.join(f)).collect();
        let mut out = Vec::new();
        let good = check(&files, &BTreeMap::new(), json, picture, &mut out).expect("a report");
        (good, String::from_utf8(out).expect("text"))
    }

    #[test]
    fn the_examples_pass_with_all_their_tests() {
        let (good, text) = run(&["flows/parcel.yaml", "flows/parcel-zh.yaml"], false, None);
        assert!(good, "{text}");
        assert!(text.contains("parcel.yaml: good, 10 of 10 tests passed"), "{text}");
        assert!(text.contains("parcel-zh.yaml: good, 7 of 7 tests passed"), "{text}");
    }

    #[test]
    fn bad_files_are_reported_with_the_good_ones() {
        let (good, text) = run(&["flows/none.yaml", "Cargo.toml", "flows/parcel.yaml"], true, None);
        assert!(!good);
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(json["errors"].as_array().is_some_and(|e| e.len() >= 2 && e.iter().all(|f| f["line"].is_number())));
        assert_eq!((json["tests"]["passed"].as_u64(), json["tests"]["failed"].as_u64()), (Some(10), Some(0)));
        let (good, text) = run(&["flows/parcel.yaml"], false, Some(Picture::Mermaid));
        assert!(good && text.starts_with("flowchart LR"), "{text}");
    }
}
