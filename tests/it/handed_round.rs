//! One caller who goes through many hands, at real desks with the page as the phone: understood wrongly, sent to another queue, to a
//! colleague, warned, to the supervisor, and ended because of abuse. What each of them sees, and what the caller hears all the time.

use crate::console::{Browser, set_up};
use crate::consult::{ANNA, BOB, CALLER, Heard, endlessly, tenths};
use crate::desk::{Desk, PASSWORD, Phone, phase, presence, state};
use crate::gateway::{Gateway, Wanted, hotline};
use crate::silence::never_left_in_silence;
use crate::softphone::{MU, Page, pick_up};
use serde_json::{Value, json};
use std::path::Path;

const FLOW: &str = r#"hotline: 1
name: line
languages: [en]
zone: UTC
record: announce
person: { to: support }
targets: { support: { queue: support, accept: answer } }
intents:
  hours: { examples: [when are you open, are you open on sunday, opening hours], label: opening hours }
  parking: { examples: [where can i park, is there a car park, parking for my car], label: parking }
nodes:
  welcome: { ask: "This is automatic. What is it about?", keys: { "1": hours, "2": parking } }
  hours: { say: "From nine to five.", then: welcome }
  parking: { say: "Behind the house.", then: welcome }
"#;

const PEOPLE: &str = "[[queue]]\nname = \"support\"\n[[queue]]\nname = \"sales\"\n[[queue]]\nname = \"supervisor\"\n\
    [[agent]]\nname = \"anna\"\nphone = \"browser\"\nqueues = [\"support\"]\n\
    [[agent]]\nname = \"bob\"\nphone = \"browser\"\nqueues = [\"sales\", \"supervisor\"]\n";

/// Picks up what rings there, and talks until the caller was heard for a second.
async fn takes(browser: &Browser, tab: &mut Desk, hertz: f64) -> (Value, Page) {
    let desk = tab.until("the offer", |desk| phase(desk) == "offered").await;
    let mut page = Page::new(MU).await;
    pick_up(browser, &mut page, MU, &desk, hertz).await;
    let desk = tab.until("the conversation", |desk| phase(desk) == "talking").await;
    page.hears(CALLER, 1.0).await;
    (desk, page)
}

/// Status, kind and body of something that is no JSON.
async fn get(browser: &Browser, path: &str) -> (u16, String, Vec<u8>) {
    let request = browser.client.get(format!("{}/api/v1{path}", browser.base)).header("cookie", &browser.cookie);
    let answer = request.send().await.expect("an answer");
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("a text").to_string());
    (answer.status().as_u16(), kind.unwrap_or_default(), answer.bytes().await.expect("a body").to_vec())
}

/// What the caller said in words, as a desk shows it.
fn spoken(desk: &Value) -> &Value {
    let turns = desk["call"]["turns"].as_array().expect("turns");
    let spoken = turns.iter().find(|turn| turn["utterance"].is_u64() && turn["text"] != "");
    spoken.unwrap_or_else(|| panic!("nothing was said: {turns:#?}"))
}

/// The sound of the caller's last turn, for whose desk shows it and for nobody else.
async fn listens(anna: &Browser, others: [&Browser; 2], desk: &Value) {
    let (call, heard) = (desk["call"]["id"].as_str().expect("an id"), &spoken(desk)["utterance"]);
    let path = format!("/desk/audio/{call}/{heard}");
    let (status, kind, sound) = get(anna, &path).await;
    assert_eq!((status, kind.as_str()), (200, "audio/wav"));
    let sound = hound::WavReader::new(sound.as_slice()).expect("a WAV file");
    assert!(sound.duration() > sound.spec().sample_rate / 2, "half a second at least: {} samples", sound.duration());
    // Somebody else's desk, who has none, a sound that this desk does not show, and another call.
    let [bob, admin] = others;
    assert_eq!(get(bob, &path).await.0, 404);
    assert_eq!(get(admin, &path).await.0, 403);
    for wrong in [format!("/desk/audio/{call}/77"), format!("/desk/audio/{}/{heard}", "0".repeat(32))] {
        assert_eq!(get(anna, &wrong).await.0, 404, "{wrong}");
    }
    assert_eq!(get(&Browser::new(anna.base.clone()), &path).await.0, 401, "nobody");
}

async fn asks(browser: &mut Browser, path: &str, what: Value) {
    let (status, answer, _) = browser.ask("POST", path, Some(what)).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
}

/// What an agent has labelled is learned from, and only that.
fn retrained(flow: &Path, store: &Path, said: &str) {
    let (flow, store) = (flow.to_string_lossy(), store.to_string_lossy());
    let (code, text) = hotline(&["--json", "retrain", &flow, "--store", &store, "--write"]);
    let report: Value = text.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| panic!("{text}"));
    assert_eq!((code, &report["written"]), (0, &json!(true)), "{text}");
    let added = json!([{ "intent": "parking", "language": "en", "text": said.to_lowercase() }]);
    assert_eq!(report["add"], added);
    let (_, matched) = hotline(&["match", &flow, said]);
    assert!(matched.contains("parking"), "{said:?}: {matched}");
}

/// The tones of agents in the order in which the caller heard them, with the tenths of a second at which each began and ended.
fn hands(heard: &[Heard]) -> Vec<(f64, usize, usize)> {
    let mut all: Vec<(f64, usize, usize)> = Vec::new();
    for (at, tone) in heard.iter().enumerate() {
        match (tone, all.last_mut()) {
            (Heard::Tone(hertz), Some(last)) if last.0 == *hertz => last.2 = at,
            (Heard::Tone(hertz), _) if [ANNA, BOB].contains(hertz) => all.push((*hertz, at, at)),
            _ => {}
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_sent_round_warned_and_ended_and_each_desk_knows_what_was_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let flow = path("line.yaml");
    std::fs::write(&flow, FLOW).expect("written");
    let file = flow.to_string_lossy().into_owned();
    let mut gateway = Gateway::start(Wanted { flow: &file, more: PEOPLE, ..Wanted::default() });
    let mut admin = set_up(&mut gateway).await;
    let (mut anna, mut bob) = (Browser::new(admin.base.clone()), Browser::new(admin.base.clone()));
    for (name, browser) in [("anna", &mut anna), ("bob", &mut bob)] {
        let user = json!({ "name": name, "role": "agent", "agent": name, "password": PASSWORD });
        assert_eq!(admin.ask("POST", "/users", Some(user)).await.0, 201);
        assert_eq!(browser.log_in(name, PASSWORD).await.0, 200);
    }
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    presence(&mut anna, "available").await;
    presence(&mut bob, "available").await;
    let (words, record) = (path("words.wav"), path("caller.wav"));
    let words = words.to_string_lossy().into_owned();
    assert_eq!(hotline(&["say", "are you open for my car on sunday", "-o", &words]).0, 0);
    let [over, now, play, tone] = endlessly(folder.path(), CALLER);
    let uri = format!("sip:5551000@{}", gateway.sip);
    let kept = record.to_string_lossy().into_owned();
    let first = [
        uri.as_str(),
        "--from",
        "4930123456",
        "--record",
        &kept,
        "--wait",
        "6000",
        "--play",
        &words,
        "--wait",
        "2500",
        "--dtmf",
        "0",
    ];
    let caller = Phone::start(&[first.as_slice(), &[&over, &now, &play, &tone]].concat());

    let (desk, page) = takes(&anna, &mut left, ANNA).await;
    let call = desk["call"]["id"].clone();
    let said = spoken(&desk)["text"].as_str().expect("a text").to_string();
    listens(&anna, [&bob, &admin], &desk).await;
    asks(&mut anna, "/desk/wrong", json!({ "turn": spoken(&desk)["number"], "intent": "parking" })).await;
    // Her tab is gone in the middle of the talk, and she logs in anew: all of it is there.
    drop(left);
    let mut anna = Browser::new(admin.base.clone());
    assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
    let mut left = Desk::open(&anna).await;
    let again = left.until("the first that the new tab is told", |_| true).await;
    assert_eq!((phase(&again), &again["call"]["card"], &again["call"]["id"]), ("talking", &desk["call"]["card"], &call));
    assert_eq!(spoken(&again), spoken(&desk));
    page.heard(|heard| assert!(heard.len() > 8_000, "and she is on the line all the while"));

    // To another queue, whose agent sees it all; nobody of the first may take anything from it any more.
    asks(&mut anna, "/desk/transfer", json!({ "queue": "sales" })).await;
    let (desk, _page) = takes(&bob, &mut right, BOB).await;
    let card = &desk["call"]["card"];
    assert_eq!((&desk["call"]["id"], &desk["call"]["queue"]), (&call, &json!("sales")));
    assert_eq!((&card["caller"], &card["because"]), (&json!("4930123456"), &json!("sent_on")), "{card:#}");
    assert_eq!((&card["spoke_with"], spoken(&desk)), (&json!(["anna"]), spoken(&again)));
    asks(&mut anna, "/desk/wrapup", json!({ "done": true })).await;
    left.until("that Anna is free", |desk| state(desk) == "available").await;
    // To a colleague, who warns the caller: they hear it over the talk, which goes on.
    asks(&mut bob, "/desk/transfer", json!({ "agent": "anna" })).await;
    let (_, mut page) = takes(&anna, &mut left, ANNA).await;
    asks(&mut bob, "/desk/wrapup", json!({ "done": true })).await;
    asks(&mut anna, "/desk/abuse", json!({ "step": "warn" })).await;
    let worst = |desk: &Value| desk["call"]["mood"].as_array().into_iter().flatten().any(|mood| mood["level"] == 95);
    let desk = left.until("that she warned the caller", worst).await;
    assert_eq!(phase(&desk), "talking");
    page.hears(CALLER, 7.0).await;
    // To the supervisor, who ends it.
    asks(&mut anna, "/desk/abuse", json!({ "step": "supervisor" })).await;
    let (desk, _page) = takes(&bob, &mut right, BOB).await;
    assert_eq!(
        (&desk["call"]["queue"], &desk["call"]["card"]["spoke_with"]),
        (&json!("supervisor"), &json!(["anna", "bob", "anna"]))
    );
    assert!(!caller.tells("ended"));
    asks(&mut bob, "/desk/abuse", json!({ "step": "end" })).await;
    right.until("the wrap-up", |desk| state(desk) == "wrapup").await;
    let lines = caller.ended();
    assert_eq!(lines.last().map(|line| &line["disposition"]), Some(&json!("far_hung_up")), "{lines:#?}");

    let heard = tenths(&record);
    let hands = hands(&heard);
    println!("agents' tones in tenths of a second: {hands:?} of {}", heard.len());
    assert_eq!(hands.iter().map(|hand| hand.0).collect::<Vec<_>>(), [ANNA, BOB, ANNA, BOB]);
    let words = |from: usize, to: usize| heard[from..to].iter().filter(|h| **h == Heard::Other).count();
    let (_, warned, until) = hands[2];
    assert!(words(warned, until) > 15, "the warning was heard over the talk: {:?}", &heard[warned..until]);
    let end = hands[3].2;
    assert!(words(end, heard.len()) > 15, "a good-bye that says why: {:?}", &heard[end..]);
    never_left_in_silence("sent to a queue, a colleague and the supervisor", &heard[hands[0].1..]);

    let rows = gateway.ended_calls(1);
    assert_eq!((&rows[0]["id"], &rows[0]["disposition"]), (&call, &json!("transferred")), "{rows:#?}");
    let story = gateway.story(call.as_str().expect("an id"));
    for part in ["on to sales", "on to anna", "on to supervisor", "abuse_warned", "abuse_ended"] {
        assert!(story.contains(part), "{part}: {story}");
    }
    let (_, audit, _) = admin.ask("GET", "/audit", None).await;
    let rows: Vec<(&str, &str)> =
        audit.as_array().into_iter().flatten().filter_map(|r| Some((r["user"].as_str()?, r["action"].as_str()?))).collect();
    for row in [
        ("anna", "listened"),
        ("anna", "robot_wrong"),
        ("anna", "abuse_warn"),
        ("anna", "abuse_supervisor"),
        ("bob", "abuse_end"),
    ] {
        assert_eq!(rows.iter().filter(|r| **r == row).count(), 1, "{row:?}: {audit:#}");
    }
    retrained(&flow, &gateway.path("store"), &said);
}
