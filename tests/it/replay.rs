//! Real calls over SIP and RTP, executed again from what the gateway kept of them.

use crate::gateway::{Gateway, Wanted, checkout, hotline};

#[test]
fn recorded_calls_are_executed_again_and_put_before_a_draft() {
    let env = vec![("AGENT_SIP", "sip:agent@127.0.0.1:9".to_string()), ("PARCEL_API", "http://127.0.0.1:9".to_string())];
    let gateway =
        Gateway::start(Wanted { flow: "flows/parcel.yaml", env, hosts: vec!["127.0.0.1:9".into()], ..Wanted::default() });
    let uri = format!("sip:5551000@{}", gateway.sip);
    for steps in [["--say", "what are your opening hours"], ["--dtmf", "2"], ["--say", "where is my parcel"]] {
        let mut words = vec!["call", &uri, "--wait", "500"];
        words.extend(steps);
        words.extend(["--hangup-after", "6000"]);
        let (code, text) = hotline(&words);
        assert_eq!(code, 0, "{text}");
    }
    let rows = gateway.ended_calls(3);
    let config = gateway.config.to_string_lossy().into_owned();
    // The log's last line is written behind the row that says that the call has ended, by another process: nothing tells this test
    // when, so it looks again, each time with a process of its own.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let (code, text) = hotline(&["replay", "--config", &config]);
        if text.contains("3 calls: 3 same, 0 better, 0 worse, 0 cannot tell") {
            assert_eq!(code, 0, "{text}");
            assert!(text.contains("the same commands"), "{text}");
            break;
        }
        assert!(std::time::Instant::now() < until, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let (code, text) = hotline(&["reach", "flows/parcel.yaml", "--config", &config]);
    assert!(code == 0 && text.contains("0 of them unserved") && text.contains("may delay a person: target support"), "{text}");
    // A draft that no longer knows what one caller asked for.
    let flow = std::fs::read_to_string(checkout().join("flows/parcel.yaml")).expect("the flow");
    let draft = gateway.path("draft.yaml");
    std::fs::write(&draft, &flow).expect("written");
    let draft = draft.to_string_lossy().into_owned();
    let (code, text) = hotline(&["replay", "--config", &config, "--flow", &draft, "--gate", "0"]);
    assert!(code == 0 && text.contains(" 0 worse"), "{text}");
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let worse = flow.replace("\"2\": opening.hours", "\"7\": opening.hours");
    assert_ne!(flow, worse, "the flow has changed: choose another key");
    std::fs::write(&draft, worse).expect("written");
    let (code, text) = hotline(&["replay", "--config", &config, "--flow", &draft, "--gate", "0"]);
    assert!(code == 1 && text.contains("worse"), "{text}");
    let (code, text) = hotline(&["--json", "replay", &id, "--config", &config]);
    let line: serde_json::Value = serde_json::from_str(text.trim()).expect("a line of JSON");
    assert!(code == 0 && line["verdict"] == "same" && line["commands"].as_str().is_some_and(|c| c.len() == 64), "{text}");
    // The recorded words of the callers, heard once more.
    let (code, text) = hotline(&["replay", "--config", &config, "--audio", "--gate", "0"]);
    assert!(code == 0 && text.contains(" 0 worse") && text.contains("1 utterance heard again"), "{text}");
    let (code, text) = hotline(&["replay", "--config", &config, "--gate", "0"]);
    assert!(code == 2 && text.contains("--gate goes with --flow or --audio"), "{text}");
    let (code, text) = hotline(&["replay", "ffffffff", "--config", &config]);
    assert!(code == 2 && text.contains("there is no call"), "{text}");
}
