//! Conversation scripts (`tests/calls/*.call`) on a simulated clock, and random calls that must always end well.

use hotline::flow::Flow;
use hotline::sim::{Script, Transcript, shortcomings, simulate};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Plays every script; `CALL=part-of-a-name` plays those and prints their stories.
#[test]
fn every_conversation_script_comes_out_as_written() {
    let only = std::env::var("CALL").ok();
    let mut flows = Flows::default();
    let mut failures = Vec::new();
    let mut played = 0;
    for path in scripts() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().to_string();
        if only.as_ref().is_some_and(|part| !name.contains(part.as_str())) {
            continue;
        }
        played += 1;
        let text = std::fs::read_to_string(&path).expect("a script can be read");
        let (transcript, wrong) = play(&mut flows, &text);
        if only.is_some() {
            println!("== {name}\n{}", transcript.story());
        }
        if !wrong.is_empty() {
            failures.push(format!("== {name}\n{}\n-- what happened:\n{}", wrong.join("\n"), transcript.story()));
        }
    }
    assert!(failures.is_empty(), "{} of {played} scripts failed\n{}", failures.len(), failures.join("\n"));
    assert!(only.is_some() || played >= 25, "only {played} scripts were found");
}

fn play(flows: &mut Flows, text: &str) -> (Transcript, Vec<String>) {
    let script = match Script::parse(text) {
        Ok(script) => script,
        Err(errors) => return (Transcript::default(), errors),
    };
    let flow = flows.of(&script);
    let transcript = simulate(flow, script.world.clone());
    let wrong = shortcomings(&script, &transcript);
    (transcript, wrong)
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calls");
    let all = std::fs::read_dir(folder).expect("tests/calls is there").filter_map(|entry| Some(entry.ok()?.path()));
    let mut scripts: Vec<PathBuf> = all.filter(|p| p.extension().is_some_and(|e| e == "call")).collect();
    scripts.sort();
    scripts
}

/// Flows by their text: training an understanding takes time, so each is loaded once.
#[derive(Default)]
struct Flows(BTreeMap<String, Arc<Flow>>);

impl Flows {
    fn of(&mut self, script: &Script) -> Arc<Flow> {
        let text = script.flow_text(|name| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            ["tests/calls", "flows"].iter().find_map(|f| std::fs::read_to_string(root.join(f).join(format!("{name}.yaml"))).ok())
        });
        let text = text.expect("the script's flow is there");
        let load = || load(&text);
        self.0.entry(text.clone()).or_insert_with(load).clone()
    }
}

fn load(text: &str) -> Arc<Flow> {
    let env = [("PARCEL_API", "http://127.0.0.1:8081"), ("AGENT_SIP", "sip:agent@127.0.0.1:5090")];
    let env: BTreeMap<String, String> = env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    let found = |findings: Vec<hotline::flow::Finding>| findings.iter().map(|f| format!("{f}\n")).collect::<String>();
    Flow::load(text, "script.yaml", &env).unwrap_or_else(|f| panic!("{}", found(f))).flow
}
