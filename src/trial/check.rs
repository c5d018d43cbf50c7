//! Everything that can be said about a flow before it takes a call: the checker's findings, the recordings it names, and
//! its own tests. Files are read by the caller of this module; here is no IO.

use super::run_tests::{TestOutcome, run_tests};
use crate::base::WallTime;
use crate::flow::{Finding, Flow, Severity, placed};
use crate::nlu::{Example, collisions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest recording that plays in one go, seconds: nobody listens for longer without a pause.
const RECORDING_SECONDS_MAX: u32 = 60;

/// An answer that is true for fewer days than this wants looking at.
const EXPIRES_SOON_DAYS: i64 = 14;
/// Intents collide when so many examples of one are taken for the other …
const COLLIDING_SHARE: f32 = 0.6;
/// … and the worst pairs of each language are told.
const COLLISIONS_TOLD: usize = 5;

/// What came of checking one flow.
#[derive(Debug, Clone)]
pub struct FlowCheck {
    /// Errors and warnings, by line.
    pub findings: Vec<Finding>,
    /// The flow, if it has no errors.
    pub flow: Option<Arc<Flow>>,
    /// Its own tests; empty if it has errors.
    pub tests: Vec<TestOutcome>,
}

impl FlowCheck {
    /// Whether the flow may be served: no errors, and every test passed.
    pub fn good(&self) -> bool {
        self.flow.is_some() && self.tests.iter().all(TestOutcome::passed)
    }
}

/// Checks a flow and runs its tests. `file` is the name that findings carry; `env` as for [`Flow::load`]; `today` tells which
/// answers have expired; `read` brings a recording by its name relative to the flow's folder, or one sentence saying why not.
pub fn check_flow(
    text: &str,
    file: &str,
    env: &BTreeMap<String, String>,
    today: WallTime,
    read: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> FlowCheck {
    let (flow, mut findings) = match Flow::load(text, file, env) {
        Ok(checked) => (checked.flow, checked.warnings),
        Err(findings) => return FlowCheck { findings, flow: None, tests: Vec::new() },
    };
    let mut seen = BTreeSet::new();
    let mut more = Vec::new();
    for (line, name) in flow.files() {
        if seen.insert(name.clone()) {
            more.extend(recording(file, line, &name, read(&name)));
        }
    }
    more.extend(validity(file, &flow, today));
    more.extend(colliding(file, &flow));
    placed(&mut more, text);
    findings.extend(more);
    findings.sort_by_key(|f| (f.file != file, f.file.clone(), f.line));
    if findings.iter().any(|f| f.severity == Severity::Error) {
        return FlowCheck { findings, flow: None, tests: Vec::new() };
    }
    let tests = run_tests(&flow);
    FlowCheck { findings, flow: Some(flow), tests }
}

/// Answers that are no longer true, or soon will not be.
fn validity(file: &str, flow: &Flow, today: WallTime) -> Vec<Finding> {
    let today = today.utc().with_timezone(&flow.zone).date_naive();
    let mut findings = Vec::new();
    for (node, line, valid) in flow.validities() {
        let Some(until) = valid.until else { continue };
        let owner = valid.owner.as_ref().map_or(String::new(), |owner| format!("; ask {owner}"));
        let edition = valid.version.as_ref().map_or(String::new(), |v| format!(" (edition {v})"));
        let (severity, rule, message) = match (until - today).num_days() {
            ..0 => (
                Severity::Error,
                "expired",
                format!("the answer of `{node}`{edition} was true until {until}: callers get a person instead"),
            ),
            0..=EXPIRES_SOON_DAYS => {
                (Severity::Warning, "expires", format!("the answer of `{node}`{edition} is true until {until} only"))
            }
            _ => continue,
        };
        findings.push(Finding {
            severity,
            file: file.to_string(),
            line,
            rule: rule.to_string(),
            message,
            remedy: format!("look at it again and change `until`{owner}"),
        });
    }
    findings
}

/// Intents that get into each other's way.
fn colliding(file: &str, flow: &Flow) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &language in &flow.languages {
        let examples: Vec<Example> = flow
            .examples(language)
            .into_iter()
            .map(|(intent, text)| Example { intent: intent.to_string(), text: text.to_string(), language })
            .collect();
        for pair in collisions(&examples, COLLIDING_SHARE).unwrap_or_default().into_iter().take(COLLISIONS_TOLD) {
            let (one, other) = &pair.intents;
            let texts: Vec<String> =
                pair.texts.iter().take(4).map(|(text, taken)| format!("\"{text}\" for `{taken}`")).collect();
            findings.push(Finding {
                severity: Severity::Warning,
                file: file.to_string(),
                line: flow.intent_line(one),
                rule: "collide".to_string(),
                message: format!(
                    "`{one}` and `{other}` are taken for each other: {} of their examples would be, if they were not there word for word: {}",
                    pair.texts.len(),
                    texts.join(", ")
                ),
                remedy: "give both more examples that tell them apart, or make one intent of them and ask".to_string(),
            });
        }
    }
    findings
}

/// What is wrong with a recording, as far as its first bytes tell.
fn recording(file: &str, line: u32, name: &str, content: Result<Vec<u8>, String>) -> Option<Finding> {
    let finding = |severity, rule: &str, message: String, remedy: &str| Finding {
        severity,
        file: file.to_string(),
        line,
        rule: rule.to_string(),
        message,
        remedy: remedy.to_string(),
    };
    let bytes = match content {
        Ok(bytes) => bytes,
        Err(why) => {
            let message = format!("the recording `{name}` cannot be read: {why}");
            return Some(finding(Severity::Error, "file", message, "put it beside the flow file, or mend its name"));
        }
    };
    if !looks_like(name, &bytes) {
        let message = format!("`{name}` is not what its name says");
        return Some(finding(Severity::Error, "file", message, "record it again as WAV, MP3, OGG or FLAC"));
    }
    let seconds = wav_seconds(&bytes).filter(|s| *s > RECORDING_SECONDS_MAX)?;
    let message = format!("the recording `{name}` lasts {seconds} seconds");
    Some(finding(Severity::Warning, "long-prompt", message, "cut it into pieces of at most twelve seconds"))
}

fn looks_like(name: &str, bytes: &[u8]) -> bool {
    let extension = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "wav" => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE"),
        "ogg" => bytes.starts_with(b"OggS"),
        "flac" => bytes.starts_with(b"fLaC") || bytes.starts_with(b"ID3"),
        // A tag, or a frame's eleven set bits.
        "mp3" => bytes.starts_with(b"ID3") || matches!(bytes, [0xff, second, ..] if second & 0xe0 == 0xe0),
        _ => false,
    }
}

/// Length of a WAV by its header: bytes of the file over bytes a second.
fn wav_seconds(bytes: &[u8]) -> Option<u32> {
    if !bytes.starts_with(b"RIFF") || bytes.get(12..16) != Some(b"fmt ") {
        return None;
    }
    let rate = u32::from_le_bytes(bytes.get(28..32)?.try_into().ok()?);
    u32::try_from(bytes.len()).ok()?.checked_div(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = "hotline: 1
name: files
languages: [en]
person: { to: desk }
targets: { desk: { sip: \"sip:desk@pbx.example\" } }
nodes:
  welcome:
    say: { parts: [{ file: hello.wav }, I am an automatic assistant.] }
    hang_up: { file: bye.mp3 }
tests:
  - caller: [silence]
    hears: [automatic assistant]
";

    fn check(files: &[(&str, &[u8])]) -> (bool, Vec<String>) {
        let read = |name: &str| {
            let found = files.iter().find(|(n, _)| *n == name);
            found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| "no such file".to_string())
        };
        let check = check_flow(FLOW, "f.yaml", &BTreeMap::new(), WallTime(1_795_428_000_000), &read);
        (check.good(), check.findings.iter().map(|f| format!("{}:{} {}", f.line, f.rule, f.message)).collect())
    }

    #[test]
    fn recordings_are_looked_at() {
        let wav: &[u8] = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";
        let (good, findings) = check(&[("hello.wav", wav), ("bye.mp3", b"ID3\x04")]);
        assert_eq!((good, findings), (true, vec![]));
        let (good, findings) = check(&[("bye.mp3", b"RIFF")]);
        assert!(!good);
        assert_eq!(
            findings,
            ["8:file the recording `hello.wav` cannot be read: no such file", "9:file `bye.mp3` is not what its name says"]
        );
        let mut long = wav.to_vec();
        long.resize(16_000 * 61, 0);
        let (good, findings) = check(&[("hello.wav", &long), ("bye.mp3", b"\xff\xfb")]);
        assert!(good);
        assert_eq!(findings, ["8:long-prompt the recording `hello.wav` lasts 61 seconds"]);
    }
}
