//! From what nobody understood into the flow: misses, labels, retraining, replay, with calls as a gateway records them.

use crate::gateway::HOTLINE;
use hotline::base::{CallId, Confidence, Moment, PhoneNumber, UtteranceId, WallTime};
use hotline::call::{Record, TurnRecord, UtteranceRecord};
use hotline::flow::Flow;
use hotline::store::{Store, StoreWriter};
use std::collections::BTreeMap;
use std::process::Command;

const SHOP: &str = include_str!("../calls/shop.yaml");

/// Five callers who want a table in words that no example holds, and one who wants something else.
const SAID: &[&str] = &[
    "somewhere to sit for four of us tonight",
    "can we sit down with you for four tonight",
    "somewhere to sit for two of us tomorrow",
    "we would like somewhere to sit tonight",
    "is there somewhere to sit for six",
    "my horse is lame",
];

fn hotline(words: &[&str]) -> (i32, String) {
    let output = Command::new(HOTLINE).args(words).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

#[tokio::test]
async fn what_nobody_understood_is_labelled_and_learned() {
    let dir = tempfile::tempdir().expect("a folder");
    let flow_file = dir.path().join("shop.yaml");
    std::fs::write(&flow_file, SHOP).expect("written");
    let flow = Flow::load(SHOP, "shop.yaml", &BTreeMap::new()).expect("a good flow").flow;
    let store = Store::open(&dir.path().join("store")).await.expect("a store");
    store.keep_flow(&flow.hash, SHOP).expect("kept");
    let (writer, task) = StoreWriter::start(store.clone());
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970");
    for (n, said) in (0u128..).zip(SAID) {
        let (call, at) = (CallId((n + 1) << 120), Moment::from_millis(5_000));
        let (caller, dialled) = (PhoneNumber::new("+4930123"), PhoneNumber::new("100"));
        let (name, flow_hash, began) = (flow.name.clone(), flow.hash.clone(), WallTime(0).plus(now));
        writer.note(call, Moment::ZERO, Record::Began { caller, dialled, flow: name, flow_hash, at: began });
        let utterance = UtteranceRecord {
            utterance: UtteranceId(0),
            at,
            text: said.to_string().into(),
            confidence: Confidence::new(0.9),
            engine: None,
            rejected: None,
            meaning: None,
            cpu_ms: 10,
            sensitive: false,
        };
        writer.note(call, at, Record::Utterance(utterance));
        let turn = TurnRecord {
            turn: 0,
            at,
            node: "question".into(),
            heard: said.to_string().into(),
            by: "voice".into(),
            heard_confidence: Confidence::new(0.9),
            meaning: None,
            meaning_confidence: Confidence::default(),
            slots: BTreeMap::new().into(),
            answer: "Sorry?".to_string().into(),
            sensitive: false,
            complete: true,
        };
        writer.note(call, at, Record::Turn(turn));
    }
    writer.flush().await;
    drop(writer);
    task.await.expect("the writer ends");
    store.close().await;

    let place = dir.path().join("store").to_string_lossy().into_owned();
    let flow_name = flow_file.to_string_lossy().into_owned();
    let (code, text) = hotline(&["misses", "--store", &place]);
    assert!(code == 0 && text.contains("6 utterances") && text.contains("somewhere to sit"), "{text}");
    let (_, groups) = hotline(&["--json", "misses", "--store", &place]);
    let groups: Vec<serde_json::Value> = groups.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert!(groups[0]["count"].as_u64().is_some_and(|n| n >= 4), "alike things come together: {groups:?}");
    let id = groups[0]["id"].as_str().expect("an id").to_string();

    let (code, text) = hotline(&["label", &id, "tabel", "--store", &place]);
    assert!(code == 2 && text.contains("no intent tabel") && text.contains("table"), "{text}");
    let (code, text) = hotline(&["label", "00000000.9", "table", "--store", &place]);
    assert!(code == 2 && text.contains("hotline misses"), "{text}");
    let (code, text) = hotline(&["label", &id, "table", "--store", &place]);
    assert!(code == 0 && text.contains("mean table now"), "{text}");
    let (code, text) = hotline(&["retrain", &flow_name, "--store", &place]);
    assert!(code == 0 && text.contains("+ ") && text.contains("held out") && text.contains("nothing is written"), "{text}");
    assert_eq!(std::fs::read_to_string(&flow_file).expect("there"), SHOP);
    let (code, text) = hotline(&["--json", "retrain", &flow_name, "--store", &place, "--write"]);
    let report: serde_json::Value = text.lines().find_map(|l| serde_json::from_str(l).ok()).expect("a line of JSON");
    assert_eq!(code, 0, "{text}");
    let new = &report["figures"]["new"];
    assert!(new["after"].as_u64() > new["before"].as_u64(), "{report}");
    let (code, text) = hotline(&["check", &flow_name]);
    assert_eq!(code, 0, "{text}");
    let (_, text) = hotline(&["match", &flow_name, "is there somewhere to sit for three of us"]);
    assert!(text.contains("table"), "{text}");
    let (code, text) = hotline(&["retrain", &flow_name, "--store", &place]);
    assert!(code == 1 && text.contains("nothing is labelled"), "it is known already: {text}");
}
