//! What an agent can do beyond hold and send on, on real phones. An agent asks a colleague and hands the caller over: each plays a tone of its own all the time, so that their recordings
//! tell who heard whom, and when.

use crate::desk::{Desk, FLOW, House, Phone, phase, presence, state};
use crate::gateway::hotline;
use crate::silence::{never_left_in_silence, silence};
use crate::softphone::{MU, Page, pick_up};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The tones of the caller, of who asks and of the colleague, Hz.
pub(crate) const CALLER: f64 = 500.0;
pub(crate) const ANNA: f64 = 1_130.0;
pub(crate) const BOB: f64 = 1_870.0;
/// What is heard while a phone rings.
const RINGS: f64 = 425.0;

/// A minute of a tone: a phone that plays it is heard whenever it may be.
fn endless(folder: &Path, hertz: f64) -> String {
    let path: PathBuf = folder.join(format!("endless{hertz}.wav"));
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(&path, spec).expect("a writable folder");
    for n in 0..8_000 * 90 {
        let angle = std::f64::consts::TAU * hertz * f64::from(n) / 8_000.0;
        file.write_sample((8_000.0 * angle.sin()) as i16).expect("written");
    }
    file.finalize().expect("written");
    path.to_string_lossy().into_owned()
}

/// What was heard in one tenth of a second: nothing, one of the tones, or two of them at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Heard {
    Silence,
    Tone(f64),
    Both(f64, f64),
    Other,
}

/// Tenths of a second of what a phone heard.
pub(crate) fn tenths(recording: &Path) -> Vec<Heard> {
    let mut file = hound::WavReader::open(recording).expect("a recording");
    let rate = f64::from(file.spec().sample_rate);
    let all: Vec<f64> = file.samples::<i16>().map(|s| f64::from(s.expect("a sample"))).collect();
    let right: Vec<f64> = all.chunks(2).filter_map(|pair| pair.get(1).copied()).collect();
    tenths_of(&right, rate)
}

fn tenths_of(samples: &[f64], rate: f64) -> Vec<Heard> {
    let of = |part: &[f64]| {
        let power: f64 = part.iter().map(|s| s * s).sum();
        if power < 1e4 {
            return Heard::Silence;
        }
        let share = |hertz: f64| {
            let step = std::f64::consts::TAU * hertz / rate;
            let (re, im) = part.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, s)| {
                let angle = step * n as f64;
                (re + s * angle.cos(), im + s * angle.sin())
            });
            (re * re + im * im) * 2.0 / (part.len() as f64 * power)
        };
        let there: Vec<f64> = [CALLER, ANNA, BOB, RINGS].into_iter().filter(|hertz| share(*hertz) > 0.3).collect();
        match there[..] {
            [one, other] => Heard::Both(one, other),
            [one] if share(one) > 0.5 => Heard::Tone(one),
            _ => Heard::Other,
        }
    };
    samples.chunks_exact((rate / 10.0) as usize).map(of).collect()
}

/// First and last tenth in which this tone is heard, and how many there are.
fn when(heard: &[Heard], hertz: f64) -> (usize, usize, usize) {
    let at: Vec<usize> = (0..heard.len()).filter(|n| heard[*n] == Heard::Tone(hertz)).collect();
    (at.first().copied().unwrap_or(usize::MAX), at.last().copied().unwrap_or(0), at.len())
}

/// How many tenths are this.
pub(crate) fn count(heard: &[Heard], what: Heard) -> usize {
    heard.iter().filter(|h| **h == what).count()
}

fn with(desk: &Value) -> (&str, bool, bool) {
    let consult = &desk["call"]["consult"];
    let is = |name: &str| consult[name].as_bool().unwrap_or_default();
    (consult["with"].as_str().unwrap_or_default(), is("asked"), is("talking"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_is_asked_in_private_and_then_has_the_caller() {
    let mut house = House::new();
    let (mut anna, mut bob) = house.desks().await;
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    presence(&mut anna, "available").await;
    let folder = house.folder.path().to_path_buf();
    let (low, high, highest) = (endless(&folder, CALLER), endless(&folder, ANNA), endless(&folder, BOB));
    let tone = |phone: &str| Vec::from(["--over".to_string(), "0".into(), "--play".into(), phone.to_string()]);
    fn args(words: &[String]) -> Vec<&str> {
        words.iter().map(String::as_str).collect()
    }
    let (low, high, highest) = (tone(&low), tone(&high), tone(&highest));
    let annas: Phone = house.phone("anna", house.anna, &args(&high));
    let caller = house.caller("caller", &args(&low));
    left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    // Nobody is free: Anna is told so, and is with the caller.
    let ask_bob = || Some(json!({ "agent": "bob" }));
    assert_eq!(anna.ask("POST", "/desk/consult", ask_bob()).await.0, 200);
    left.until("that nobody is free", |desk| phase(desk) == "talking" && desk["call"]["consult_failed"] == "nobody").await;
    assert_eq!(anna.ask("POST", "/desk/consult", Some(json!({ "agent": "zoe" }))).await.0, 422);
    // Bob sees who asks, and about whom, and has no time.
    presence(&mut bob, "available").await;
    assert_eq!(anna.ask("POST", "/desk/consult", ask_bob()).await.0, 200);
    let desk = right.until("what Bob is asked", |desk| state(desk) == "offered").await;
    assert_eq!((with(&desk), desk["call"]["card"]["caller"].as_str()), (("anna", true, false), Some("4930123456")), "{desk:#}");
    left.until("Bob's ringing", |desk| phase(desk) == "consulting" && with(desk) == ("bob", false, false)).await;
    // Anna hears it ring: that is found in her recording, and no event ends it.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(bob.ask("POST", "/desk/decline", None).await.0, 200);
    left.until("that Bob declined", |desk| phase(desk) == "talking" && desk["call"]["consult_failed"] == "declined").await;
    // The tones go on for a moment, to be found again: Anna is back with the caller. And what Bob declined is repeated to his phone,
    // which was not there and cannot be told otherwise (RFC 3261 section 9.1), 3.5 and 7.5 s after it began: not in between.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let bobs = house.phone("bob", house.bob, &args(&highest));
    assert_eq!(anna.ask("POST", "/desk/consult", ask_bob()).await.0, 200);
    left.until("the private talk", |desk| phase(desk) == "consulting" && with(desk) == ("bob", false, true)).await;
    let desk = right.until("Bob's side of it", |desk| phase(desk) == "consulting" && with(desk) == ("anna", true, true)).await;
    let call = desk["call"]["id"].as_str().unwrap_or_default().to_string();
    assert_eq!(bob.ask("GET", &format!("/desk/history?call={call}"), None).await.0, 200);
    // The caller is not Bob's yet: he cannot do anything with them.
    bob.ask("POST", "/desk/consult/end", Some(json!({ "complete": true }))).await;
    // The private talk itself: what is heard in it is measured in the recordings, and no event ends it.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(anna.ask("POST", "/desk/consult/end", Some(json!({ "complete": true }))).await.0, 200);
    left.until("Anna's wrap-up", |desk| state(desk) == "wrapup").await;
    let desk = right.until("Bob's conversation", |desk| phase(desk) == "talking" && desk["call"]["consult"].is_null()).await;
    assert_eq!((desk["call"]["id"].as_str(), state(&desk)), (Some(call.as_str()), "talking"), "{desk:#}");
    // The same: caller and Bob talk.
    tokio::time::sleep(Duration::from_secs(4)).await;
    bob.ask("POST", "/desk/hangup", None).await;
    right.until("Bob's wrap-up", |desk| state(desk) == "wrapup").await;
    for phone in [caller, annas, bobs] {
        phone.ended();
    }
    let of = |name: &str| tenths(&folder.join(name));
    let (caller, annas, bobs) = (of("caller.wav"), of("anna.wav"), of("bob.wav"));
    let (to_caller, to_anna, to_bob) = (when(&caller, ANNA), when(&annas, BOB), when(&bobs, ANNA));
    let (after, back) = (when(&caller, BOB), when(&bobs, CALLER));
    println!(
        "tenths (first, last, all): caller heard Anna {to_caller:?} and Bob {after:?}; Anna heard Bob {to_anna:?}; Bob heard Anna {to_bob:?}, the caller {back:?}"
    );
    assert!(to_caller.2 > 15 && when(&annas, CALLER).2 > 15, "Anna and the caller heard each other: {to_caller:?}");
    assert!(to_anna.2 > 30 && to_bob.2 > 30, "Anna and Bob heard each other: {to_anna:?} {to_bob:?}");
    assert!(after.2 > 30 && back.2 > 30, "then Bob and the caller did: {after:?} {back:?}");
    let rings = when(&annas, RINGS);
    assert!(rings.2 >= 5, "Anna heard Bob's phone ring: {rings:?}");
    assert!(when(&caller, RINGS).2 == 0 && rings.1 < to_anna.0, "and nothing of it once he was there: {rings:?} {to_anna:?}");
    // In between the caller heard neither, and Bob not the caller.
    assert!(after.0 > to_caller.1 + 35, "the caller heard the private talk: {to_caller:?} {after:?}");
    assert!(back.0 > to_bob.1, "Bob heard the caller before he had them: {to_bob:?} {back:?}");
    assert!(silence(&caller[to_caller.1 + 1..after.0]) < 20, "nothing was heard of the private talk, and not nothing at all");
    never_left_in_silence("in line, with Anna, on hold, with Bob", &caller);
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_is_asked_something_when_the_agent_ends_the_talk() {
    let flow = FLOW.replace("accept: answer }", "accept: answer, after: content }")
        + "  content:\n    ask: How content are you, from one to five?\n    menu:\n\
           \x20     good: { key: 4, phrases: [four], go: thanks }\n      bad: { key: 1, phrases: [one], go: thanks }\n\
           \x20 thanks: { hang_up: Thank you for telling us. }\n";
    let mut house = House::of(&flow, None, None);
    let (mut anna, _) = house.desks().await;
    let mut left = Desk::open(&anna).await;
    presence(&mut anna, "available").await;
    let annas = house.phone("anna", house.anna, &["--wait", "60000"]);
    // The key comes long after the talk, and the question is asked again until then.
    let caller = house.caller("caller", &["--wait", "20000", "--dtmf", "4", "--wait", "30000"]);
    left.until("the conversation", |desk| phase(desk) == "talking").await;
    anna.ask("POST", "/desk/hangup", None).await;
    left.until("the wrap-up", |desk| state(desk) == "wrapup").await;
    assert!(!caller.tells("ended"), "the agent is done, and the caller is asked");
    annas.ended();
    caller.ended();
    // What callers answer then is not shown to whom they judge: the desk's wrap-up ends with the talk.
    anna.ask("POST", "/desk/wrapup", Some(json!({ "summary": "done", "done": false }))).await;
    let desk = left.until("the wrap-up still", |desk| desk["call"]["summary"] == "done").await;
    let turns = desk["call"]["turns"].as_array().cloned().unwrap_or_default();
    assert!(state(&desk) == "wrapup" && turns.iter().all(|turn| turn["intent"] != "good"), "{turns:#?}");
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let config = house.gateway.config.to_string_lossy().into_owned();
    let (_, story) = hotline(&["calls", "show", &id, "--config", &config]);
    assert!(story.contains("after_talk") && story.contains("good"), "{story}");
}

/// What a phone plays all the time.
pub(crate) fn endlessly(folder: &Path, hertz: f64) -> [String; 4] {
    ["--over".to_string(), "0".into(), "--play".into(), endless(folder, hertz)]
}

fn three_way(desk: &Value) -> bool {
    phase(desk) == "consulting" && desk["call"]["consult"]["three_way"] == true
}

/// Anna's phone is the page of her desk, Bob's stands on the table. Twice all three hear each other: first Bob goes, then Anna.
#[tokio::test(flavor = "multi_thread")]
async fn caller_agent_and_colleague_hear_each_other_and_whoever_goes_the_others_go_on() {
    let mut house = House::with(Some("browser"));
    let (mut anna, mut bob) = house.desks().await;
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    let folder = house.folder.path().to_path_buf();
    let (low, highest) = (endlessly(&folder, CALLER), endlessly(&folder, BOB));
    presence(&mut anna, "available").await;
    let caller = house.caller("caller", &low.each_ref().map(String::as_str));
    let desk = left.until("the offer", |desk| phase(desk) == "offered").await;
    let mut page = Page::new(MU).await;
    pick_up(&anna, &mut page, MU, &desk, ANNA).await;
    left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    presence(&mut bob, "available").await;
    for (name, bob_stays) in [("first", false), ("second", true)] {
        let bobs = house.phone(name, house.bob, &highest.each_ref().map(String::as_str));
        assert_eq!(anna.ask("POST", "/desk/consult", Some(json!({ "agent": "bob" }))).await.0, 200);
        left.until("the private talk", |desk| with(desk) == ("bob", false, true)).await;
        // What is heard in private, and then by all, is measured in the recordings; no event ends it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Who is asked cannot bring anybody in.
        bob.ask("POST", "/desk/consult/three-way", None).await;
        assert!(!three_way(&left.until("still private", |desk| phase(desk) == "consulting").await));
        assert_eq!(anna.ask("POST", "/desk/consult/three-way", None).await.0, 200);
        left.until("the three at Anna's desk", three_way).await;
        right.until("the three at Bob's desk", |desk| three_way(desk) && with(desk) == ("anna", true, true)).await;
        // The same for all three, and below for the two who are left.
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(anna.ask("POST", "/desk/consult/end", Some(json!({ "complete": bob_stays }))).await.0, 200);
        if bob_stays {
            left.until("Anna's wrap-up", |desk| state(desk) == "wrapup").await;
            let alone = |desk: &Value| phase(desk) == "talking" && desk["call"]["consult"].is_null();
            right.until("Bob alone with the caller", alone).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            bob.ask("POST", "/desk/hangup", None).await;
            right.until("Bob's wrap-up", |desk| state(desk) == "wrapup").await;
        } else {
            right.until("that Bob is free", |desk| state(desk) == "available" && desk["call"].is_null()).await;
            left.until("Anna alone with the caller", |desk| phase(desk) == "talking").await;
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        bobs.ended();
    }
    caller.ended();
    let of = |name: &str| tenths(&folder.join(name));
    let (caller, first, second) = (of("caller.wav"), of("first.wav"), of("second.wav"));
    let annas = page.heard(|heard| tenths_of(heard, 8_000.0));
    let both = |heard: &[Heard], one, other| count(heard, Heard::Both(one, other));
    let (of_both, of_caller_and_bob) = (both(&caller, ANNA, BOB), both(&annas, CALLER, BOB));
    let bobs = (both(&first, CALLER, ANNA), both(&second, CALLER, ANNA));
    println!(
        "tenths: the caller heard both agents {of_both}, Anna the caller and Bob {of_caller_and_bob}, Bob the caller and Anna {bobs:?}"
    );
    assert!(of_both > 50 && of_caller_and_bob > 50 && bobs.0 > 25 && bobs.1 > 25, "each heard both others");
    // In private the caller heard neither, and nobody ever hears themselves.
    assert!(count(&first, Heard::Tone(ANNA)) > 10 && count(&second, Heard::Tone(ANNA)) > 10, "in private");
    for (who, heard, own) in [("caller", &caller, CALLER), ("Anna", &annas, ANNA), ("Bob", &first, BOB), ("Bob", &second, BOB)]
    {
        let echo = heard.iter().any(|h| matches!(h, Heard::Tone(a) | Heard::Both(a, _) | Heard::Both(_, a) if *a == own));
        assert!(!echo, "{who} heard themselves");
    }
    // After the first time the caller is with Anna alone, after the second with Bob alone.
    let last_both = caller.iter().rposition(|h| *h == Heard::Both(ANNA, BOB)).expect("heard both");
    assert_eq!(count(&caller[last_both..], Heard::Tone(ANNA)), 0, "Anna was gone");
    assert!(count(&caller[last_both..], Heard::Tone(BOB)) > 15, "Bob went on");
    // Who comes and who goes may be a tenth of a second apart.
    let alone = (count(&first, Heard::Tone(CALLER)), count(&second, Heard::Tone(CALLER)));
    assert!(alone.0 <= 2 && alone.1 > 15, "only at the end alone with Bob: {alone:?}");
    assert!(count(&caller, Heard::Tone(ANNA)) > 30, "before, between and after the first time");
    never_left_in_silence("in line, with a page, on hold, with two", &caller);
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_among_three_is_told_to_both_and_a_phone_that_dies_leaves_the_others_together() {
    let mut house = House::new();
    let (mut anna, mut bob) = house.desks().await;
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    let folder = house.folder.path().to_path_buf();
    let (low, high, highest) = (endlessly(&folder, CALLER), endlessly(&folder, ANNA), endlessly(&folder, BOB));
    presence(&mut anna, "available").await;
    let annas = house.phone("anna", house.anna, &high.each_ref().map(String::as_str));
    let caller = house.caller("caller", &low.each_ref().map(String::as_str));
    left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    presence(&mut bob, "available").await;
    let bobs = house.phone("bob", house.bob, &highest.each_ref().map(String::as_str));
    assert_eq!(anna.ask("POST", "/desk/consult", Some(json!({ "agent": "bob" }))).await.0, 200);
    left.until("the private talk", |desk| with(desk) == ("bob", false, true)).await;
    assert_eq!(anna.ask("POST", "/desk/consult/three-way", None).await.0, 200);
    right.until("the three", three_way).await;
    // Anna's phone ends: Bob has the caller, who hears no break; then the caller goes.
    drop(annas);
    right.until("Bob with the caller", |desk| phase(desk) == "talking" && desk["call"]["consult"].is_null()).await;
    left.until("Anna's wrap-up", |desk| matches!(state(desk), "wrapup" | "away")).await;
    assert!(!caller.tells("ended"));
    anna.ask("POST", "/desk/wrapup", Some(json!({ "done": true }))).await;
    presence(&mut anna, "available").await;
    let annas = house.phone("anna2", house.anna, &high.each_ref().map(String::as_str));
    assert_eq!(bob.ask("POST", "/desk/consult", Some(json!({ "agent": "anna" }))).await.0, 200);
    right.until("the private talk", |desk| with(desk) == ("anna", false, true)).await;
    assert_eq!(bob.ask("POST", "/desk/consult/three-way", None).await.0, 200);
    left.until("the three", three_way).await;
    drop(caller);
    right.until("Bob's wrap-up", |desk| state(desk) == "wrapup").await;
    left.until("that Anna is free", |desk| state(desk) == "available" && desk["call"].is_null()).await;
    for phone in [annas, bobs] {
        phone.ended();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sends_the_caller_back_to_a_node_and_gets_them_again() {
    let flow = FLOW.replace("accept: answer }", "accept: answer, back_to: [hours] }");
    let mut house = House::of(&flow, None, None);
    let (mut anna, mut bob) = house.desks().await;
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    presence(&mut anna, "available").await;
    let folder = house.folder.path().to_path_buf();
    let high = endlessly(&folder, ANNA);
    let annas = house.phone("anna", house.anna, &high.each_ref().map(String::as_str));
    // The second zero comes when the node has been heard.
    let caller = house.caller("caller", &["--wait", "20000", "--dtmf", "0", "--wait", "60000"]);
    let desk = left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    assert_eq!(desk["call"]["back_to"], json!([{ "name": "hours", "label": "opening hours" }]));
    assert_eq!(desk["call"]["card"]["spoke_with"], json!([]), "the card was made before");
    // Not where the flow does not name it, and not by somebody else.
    assert_eq!(anna.ask("POST", "/desk/back", Some(json!({ "node": "welcome" }))).await.0, 422);
    assert_eq!(bob.ask("POST", "/desk/back", Some(json!({ "node": "hours" }))).await.0, 422);
    assert_eq!(phase(&left.until("still talking", |desk| phase(desk) == "talking").await), "talking");
    // What the caller hears of Anna is found in the recording; no event ends it.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(anna.ask("POST", "/desk/back", Some(json!({ "node": "hours" }))).await.0, 200);
    left.until("Anna's wrap-up", |desk| state(desk) == "wrapup").await;
    annas.ended();
    assert!(!caller.tells("ended"), "the caller is in the flow");
    anna.ask("POST", "/desk/wrapup", Some(json!({ "done": true }))).await;
    left.until("that Anna is free", |desk| state(desk) == "available").await;
    // Bob has been idle for longer than Anna, and would be rung first otherwise.
    presence(&mut bob, "available").await;
    let _again = house.phone("again", house.anna, &high.each_ref().map(String::as_str));
    let desk = left.until("the caller at Anna's again", |desk| phase(desk) == "talking").await;
    assert_eq!(desk["call"]["card"]["spoke_with"], json!(["anna"]), "{desk:#}");
    let desk = right.until("Bob's desk", |desk| state(desk) == "available").await;
    assert!(desk["call"].is_null());
    // The same.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    anna.ask("POST", "/desk/hangup", None).await;
    left.until("Anna's wrap-up", |desk| state(desk) == "wrapup").await;
    caller.ended();
    let heard = tenths(&folder.join("caller.wav"));
    let tones: Vec<usize> = (0..heard.len()).filter(|n| heard[*n] == Heard::Tone(ANNA)).collect();
    let gap = tones.windows(2).max_by_key(|pair| pair[1] - pair[0]).map(|pair| (pair[0], pair[1])).expect("tones");
    let between = &heard[gap.0 + 1..gap.1];
    let words = between.iter().filter(|h| !matches!(h, Heard::Silence)).count();
    println!("the caller heard Anna in {} tenths, and {words} tenths of the flow between", tones.len());
    assert!(words > 10, "the node was heard: {words} tenths of {}", between.len());
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let config = house.gateway.config.to_string_lossy().into_owned();
    let (_, story) = hotline(&["calls", "show", &id, "--config", &config]);
    assert!(story.contains("sent_back") && story.contains("anna of support rings"), "{story}");
}
