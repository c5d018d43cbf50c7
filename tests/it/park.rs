//! A parked caller, on real phones: what they hear meanwhile, who fetches them, and how it ends when nobody does.

use crate::consult::{ANNA, BOB, CALLER, Heard, count, endlessly, tenths};
use crate::desk::{Desk, House, Phone, phase, presence, state};
use crate::silence::silence;
use crate::softphone::{MU, Page, pick_up};
use serde_json::{Value, json};
use std::path::Path;

fn words(all: &[String; 4]) -> [&str; 4] {
    all.each_ref().map(String::as_str)
}

fn parked(desk: &Value) -> usize {
    desk["parked"].as_array().map(Vec::len).unwrap_or_default()
}

fn story(house: &mut House) -> String {
    let rows = house.gateway.ended_calls(1);
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let config = house.gateway.config.to_string_lossy().into_owned();
    crate::gateway::hotline(&["calls", "show", &id, "--config", &config]).1
}

/// Anna's phone stands on the table, and so does Bob's; both play their tones, and so does the caller's.
async fn talks_with_anna(
    house: &mut House,
    folder: &Path,
) -> (crate::console::Browser, crate::console::Browser, Desk, Desk, Phone, Phone) {
    let (mut anna, bob) = house.desks().await;
    let (mut left, right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    presence(&mut anna, "available").await;
    let annas = house.phone("anna", house.anna, &words(&endlessly(folder, ANNA)));
    let caller = house.caller("caller", &words(&endlessly(folder, CALLER)));
    left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    (anna, bob, left, right, annas, caller)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_caller_is_fetched_by_a_colleague() {
    let mut house = House::new();
    let folder = house.folder.path().to_path_buf();
    let (mut anna, mut bob, mut left, mut right, annas, caller) = talks_with_anna(&mut house, &folder).await;
    // Nobody else's caller can be parked, and nobody can be fetched who is not parked.
    bob.ask("POST", "/desk/park", None).await;
    let call = left.until("still talking", |desk| phase(desk) == "talking").await["call"]["id"].clone();
    assert_eq!(bob.ask("POST", "/desk/fetch", Some(json!({ "call": call }))).await.0, 409);
    // Anna must have been heard before she parks: that is found in the caller's recording, and no event ends it.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(anna.ask("POST", "/desk/park", None).await.0, 200);
    let desk = left.until("Anna's wrap-up", |desk| state(desk) == "wrapup" && parked(desk) == 1).await;
    assert_eq!(
        (desk["parked"][0]["by"].as_str(), desk["parked"][0]["caller"].as_str()),
        (Some("anna"), Some("4930123456")),
        "{desk:#}"
    );
    annas.ended();
    assert!(!caller.tells("ended"));
    // Bob is offline: he sees it, and fetches it once he is there. His phone rings for it alone.
    right.until("the parked caller at Bob's desk", |desk| parked(desk) == 1).await;
    bob.ask("POST", "/desk/fetch", Some(json!({ "call": call }))).await;
    assert_eq!(state(&right.until("that nothing rings", |desk| parked(desk) == 1).await), "offline");
    presence(&mut bob, "away").await;
    // A while in the park is heard: the tune and the words.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let bobs = house.phone("bob", house.bob, &words(&endlessly(&folder, BOB)));
    assert_eq!(bob.ask("POST", "/desk/fetch", Some(json!({ "call": call }))).await.0, 200);
    let desk = right.until("Bob's conversation", |desk| phase(desk) == "talking").await;
    assert_eq!(
        (desk["call"]["id"].clone(), desk["call"]["card"]["spoke_with"].clone()),
        (call.clone(), json!(["anna"])),
        "{desk:#}"
    );
    left.until("that nobody is parked", |desk| parked(desk) == 0).await;
    // The same for Bob.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    bob.ask("POST", "/desk/hangup", None).await;
    right.until("Bob's wrap-up", |desk| state(desk) == "wrapup").await;
    bobs.ended();
    caller.ended();
    let heard = tenths(&folder.join("caller.wav"));
    let last_of_anna = heard.iter().rposition(|h| *h == Heard::Tone(ANNA)).expect("heard Anna");
    let first_of_bob = heard.iter().position(|h| *h == Heard::Tone(BOB)).expect("heard Bob");
    println!(
        "tenths: Anna {}, then {} of tune and words, then Bob {}; longest silence {}",
        count(&heard, Heard::Tone(ANNA)),
        first_of_bob - last_of_anna,
        count(&heard, Heard::Tone(BOB)),
        silence(&heard)
    );
    assert!(first_of_bob > last_of_anna + 20, "the caller was parked in between");
    assert!(count(&heard, Heard::Tone(BOB)) > 15 && silence(&heard) < 20, "{}", silence(&heard));
    // Who parked heard nothing of the caller any more, who fetched did.
    let bobs = tenths(&folder.join("bob.wav"));
    assert!(count(&bobs, Heard::Tone(CALLER)) > 15 && count(&tenths(&folder.join("anna.wav")), Heard::Tone(BOB)) == 0);
    let story = story(&mut house);
    assert!(story.contains("parked") && story.contains("bob"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_caller_who_is_gone_is_told_at_every_desk() {
    let mut house = House::new();
    let folder = house.folder.path().to_path_buf();
    let (mut anna, _bob, mut left, mut right, annas, caller) = talks_with_anna(&mut house, &folder).await;
    assert_eq!(anna.ask("POST", "/desk/park", None).await.0, 200);
    right.until("the parked caller", |desk| parked(desk) == 1).await;
    annas.ended();
    // Their line breaks: nobody says goodbye.
    drop(caller);
    for desk in [&mut left, &mut right] {
        let desk = desk.until("that the caller has gone", |desk| parked(desk) == 0 && !desk["parked_gone"].is_null()).await;
        assert_eq!(
            (desk["parked_gone"]["by"].as_str(), desk["parked_gone"]["caller"].as_str()),
            (Some("anna"), Some("4930123456"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_caller_whom_nobody_fetches_comes_back_to_who_parked_them() {
    let mut house = House::with(Some("browser"));
    let (mut anna, _bob) = house.desks().await;
    let mut left = Desk::open(&anna).await;
    let folder = house.folder.path().to_path_buf();
    presence(&mut anna, "available").await;
    let caller = house.caller("caller", &words(&endlessly(&folder, CALLER)));
    let desk = left.until("the offer", |desk| phase(desk) == "offered").await;
    let mut page = Page::new(MU).await;
    pick_up(&anna, &mut page, MU, &desk, ANNA).await;
    left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    // Both must have been heard before she parks, or there is nothing in the recording to begin from.
    page.hears(CALLER, 1.0).await;
    assert_eq!(anna.ask("POST", "/desk/park", None).await.0, 200);
    left.until("Anna's wrap-up", |desk| state(desk) == "wrapup").await;
    anna.ask("POST", "/desk/wrapup", Some(json!({ "done": true }))).await;
    // Half a minute is how long callers may be parked here, and all of it is heard. What is waited for below is waited for no longer than that.
    tokio::time::sleep(std::time::Duration::from_secs(25)).await;
    let desk = left.until("the caller again", |desk| phase(desk) == "offered").await;
    assert_eq!(desk["call"]["card"]["spoke_with"], json!(["anna"]), "{desk:#}");
    let mut again = Page::new(MU).await;
    let at = pick_up(&anna, &mut again, MU, &desk, BOB).await;
    left.until("the conversation", |desk| phase(desk) == "talking").await;
    again.hears(CALLER, 1.0).await;
    assert_eq!(anna.ask("DELETE", &at, None).await.0, 204);
    caller.ended();
    let heard = tenths(&folder.join("caller.wav"));
    let last_of_first = heard.iter().rposition(|h| *h == Heard::Tone(ANNA)).expect("heard Anna");
    let first_of_again = heard.iter().position(|h| *h == Heard::Tone(BOB)).expect("heard her again");
    let away = first_of_again - last_of_first;
    println!("parked for {away} tenths of a second; longest silence {}", silence(&heard));
    assert!((280..450).contains(&away), "{away}");
    assert!(silence(&heard) < 20, "{}", silence(&heard));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_caller_presses_0_and_is_first_in_line() {
    let mut house = House::new();
    let (mut anna, mut bob) = house.desks().await;
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    let folder = house.folder.path().to_path_buf();
    presence(&mut anna, "available").await;
    let annas = house.phone("anna", house.anna, &words(&endlessly(&folder, ANNA)));
    // The second 0 is meant for when they are parked.
    let caller = house.caller("caller", &["--wait", "22000", "--dtmf", "0", "--wait", "60000"]);
    left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    assert_eq!(anna.ask("POST", "/desk/park", None).await.0, 200);
    left.until("Anna's wrap-up", |desk| state(desk) == "wrapup").await;
    annas.ended();
    let parked_at = std::time::Instant::now();
    presence(&mut bob, "available").await;
    assert_eq!(state(&right.until("that Bob is not rung", |desk| state(desk) == "available").await), "available");
    let bobs = house.phone("bob", house.bob, &words(&endlessly(&folder, BOB)));
    let desk = right.until("the caller at Bob's", |desk| phase(desk) == "talking").await;
    println!("after {} ms in the park", parked_at.elapsed().as_millis());
    assert!(parked_at.elapsed().as_secs() < 29, "by the key, and not by time");
    assert_eq!(desk["call"]["card"]["because"], "parked");
    bob.ask("POST", "/desk/hangup", None).await;
    for phone in [bobs, caller] {
        phone.ended();
    }
    assert!(silence(&tenths(&folder.join("caller.wav"))) < 20);
    let story = story(&mut house);
    assert!(story.contains("unparked"), "{story}");
}
