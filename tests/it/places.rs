//! Callers in line when the gateway dies: who calls again is in line again, before those who came later, and repeats nothing.

use crate::call_backs::{House, anna_of};
use crate::console::Browser;
use crate::desk::{Desk, PASSWORD, Phone, phase, port, presence, state};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn who_was_in_line_when_the_gateway_died_calls_again_and_repeats_nothing() {
    let house = House::new(port(), 1);
    let mut gateway = house.gateway();
    let mut anna = anna_of(&mut gateway).await;
    let away = json!({ "state": "away", "reason": "break" });
    assert_eq!(anna.ask("POST", "/desk/presence", Some(away)).await.0, 200);
    let calls = |sip: &dyn std::fmt::Display, from: &str, then: &[&str]| {
        let uri = format!("sip:5551000@{sip}");
        Phone::start(&[&[uri.as_str(), "--from", from], then, &["--wait", "60000"]].concat())
    };
    // Asks for the opening hours, then for a person, and gets in line.
    let mut tab = Desk::open(&anna).await;
    let early = calls(&gateway.sip, "4930111111", &["--wait", "2500", "--dtmf", "1", "--wait", "4000", "--dtmf", "0"]);
    tab.until("somebody in line", |desk| desk["queues"][0]["waiting"] == 1).await;
    // It is written down beside what is shown; no event tells when.
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(gateway);
    drop(early);
    let mut gateway = house.gateway();
    gateway.said("has their place");
    let mut anna = Browser::new(format!("http://{}", gateway.web.expect("the web side is on")));
    assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
    let mut tab = Desk::open(&anna).await;
    tab.until("the desk", |desk| state(desk) == "away").await;
    let late = calls(&gateway.sip, "4930222222", &["--wait", "2500", "--dtmf", "0"]);
    tab.until("the one who came later", |desk| desk["queues"][0]["waiting"] == 1).await;
    let early = calls(&gateway.sip, "4930111111", &[]);
    tab.until("both", |desk| desk["queues"][0]["waiting"] == 2).await;
    let phone = Phone::start(&["--answer", "--listen", &format!("127.0.0.1:{}", house.anna), "--wait", "60000"]);
    presence(&mut anna, "available").await;
    let desk = tab.until("the one who was there first", |desk| !desk["call"].is_null()).await;
    let card = &desk["call"]["card"];
    assert_eq!(card["because"], "asked", "{desk:#}");
    assert!(card["caller"].as_str().is_some_and(|caller| caller.ends_with("4930111111")), "{desk:#}");
    assert!(card["intent"].is_string(), "what they asked before the gateway died: {desk:#}");
    tab.until("the conversation", |desk| phase(desk) == "talking").await;
    assert_eq!(anna.ask("POST", "/desk/hangup", None).await.0, 200);
    phone.ended();
    early.ended();
    drop(late);
    let rows = gateway.ended_calls(2);
    let again: Vec<&Value> =
        rows.iter().filter(|row| row["caller"].as_str().is_some_and(|c| c.ends_with("4930111111"))).collect();
    let stories: Vec<String> = again.iter().map(|row| gateway.story(row["id"].as_str().expect("an id"))).collect();
    assert!(stories.iter().any(|story| story.contains("place_kept")), "{stories:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_gone_as_soon_as_its_call_is_deleted() {
    let house = House::new(port(), 1);
    let mut gateway = house.gateway();
    let mut anna = anna_of(&mut gateway).await;
    let away = json!({ "state": "away", "reason": "break" });
    assert_eq!(anna.ask("POST", "/desk/presence", Some(away)).await.0, 200);
    let calls = |sip: &dyn std::fmt::Display, then: &[&str]| {
        let uri = format!("sip:5551000@{sip}");
        Phone::start(&[&[uri.as_str(), "--from", "4930111111"], then, &["--wait", "60000"]].concat())
    };
    let mut tab = Desk::open(&anna).await;
    let early = calls(&gateway.sip, &["--wait", "2500", "--dtmf", "0"]);
    tab.until("somebody in line", |desk| desk["queues"][0]["waiting"] == 1).await;
    // It is written down beside what is shown; no event tells when.
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(gateway);
    drop(early);
    let mut gateway = house.gateway();
    gateway.said("has their place");
    let rows = gateway.calls();
    let call = rows[0]["id"].as_str().expect("an id").to_string();
    let (code, text) = crate::gateway::hotline(&["calls", "delete", &call, "--config", &gateway.config.display().to_string()]);
    assert_eq!(code, 0, "{text}");
    gateway.said("kept no more");
    let mut anna = Browser::new(format!("http://{}", gateway.web.expect("the web side is on")));
    assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
    let mut tab = Desk::open(&anna).await;
    tab.until("the desk", |desk| state(desk) == "away").await;
    let again = calls(&gateway.sip, &["--wait", "2500", "--dtmf", "0"]);
    tab.until("somebody in line", |desk| desk["queues"][0]["waiting"] == 1).await;
    drop(again);
    let rows = gateway.ended_calls(1);
    let story = gateway.story(rows[0]["id"].as_str().expect("an id"));
    assert!(story.contains("5551000") && !story.contains("place_kept"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_line_in_a_talk_calls_again_and_is_first_with_all_that_was_said() {
    let house = House::new(port(), 1);
    let mut gateway = house.gateway_with("no_rtp_seconds = 3\n");
    let mut anna = anna_of(&mut gateway).await;
    let listen = format!("127.0.0.1:{}", house.anna);
    let answers = || Phone::start(&["--answer", "--listen", &listen, "--wait", "60000"]);
    let calls = |from: &str, then: &[&str]| {
        let uri = format!("sip:5551000@{}", gateway.sip);
        Phone::start(&[&[uri.as_str(), "--from", from], then, &["--wait", "60000"]].concat())
    };
    let mut tab = Desk::open(&anna).await;
    let phone = answers();
    presence(&mut anna, "available").await;
    let first = calls("4930111111", &["--wait", "2500", "--dtmf", "1", "--wait", "4000", "--dtmf", "0"]);
    tab.until("the conversation", |desk| phase(desk) == "talking").await;
    let late = calls("4930222222", &["--wait", "2500", "--dtmf", "0"]);
    tab.until("somebody in line", |desk| desk["queues"][0]["waiting"] == 1).await;
    first.dies();
    tab.until("the end of the talk", |desk| state(desk) == "wrapup").await;
    phone.ended();
    let again = calls("4930111111", &[]);
    tab.until("both", |desk| desk["queues"][0]["waiting"] == 2).await;
    let phone = answers();
    assert_eq!(anna.ask("POST", "/desk/wrapup", Some(json!({ "done": true }))).await.0, 200);
    let desk = tab.until("the one whose line broke", |desk| phase(desk) == "talking").await;
    let card = &desk["call"]["card"];
    assert!(card["caller"].as_str().is_some_and(|caller| caller.ends_with("4930111111")), "{desk:#}");
    assert!(card["intent"].is_string() && card["spoke_with"] == json!(["anna"]), "{desk:#}");
    assert_eq!(anna.ask("POST", "/desk/hangup", None).await.0, 200);
    phone.ended();
    again.ended();
    drop(late);
}
