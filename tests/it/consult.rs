//! What an agent can do beyond hold and send on, on real phones. An agent asks a colleague and hands the caller over: each plays a tone of its own all the time, so that their recordings
//! tell who heard whom, and when.

use crate::desk::{Desk, FLOW, House, Phone, phase, presence, state};
use crate::gateway::hotline;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The tones of the caller, of who asks and of the colleague, Hz.
const CALLER: f64 = 500.0;
const ANNA: f64 = 1_130.0;
const BOB: f64 = 1_870.0;

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

/// What was heard in one tenth of a second.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Heard {
    Silence,
    Tone(f64),
    Other,
}

/// Tenths of a second of what a phone heard.
fn tenths(recording: &Path) -> Vec<Heard> {
    let mut file = hound::WavReader::open(recording).expect("a recording");
    let rate = f64::from(file.spec().sample_rate);
    let all: Vec<f64> = file.samples::<i16>().map(|s| f64::from(s.expect("a sample"))).collect();
    let right: Vec<f64> = all.chunks(2).filter_map(|pair| pair.get(1).copied()).collect();
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
        [CALLER, ANNA, BOB].into_iter().find(|hertz| share(*hertz) > 0.5).map_or(Heard::Other, Heard::Tone)
    };
    right.chunks_exact((rate / 10.0) as usize).map(of).collect()
}

/// First and last tenth in which this tone is heard, and how many there are.
fn when(heard: &[Heard], hertz: f64) -> (usize, usize, usize) {
    let at: Vec<usize> = (0..heard.len()).filter(|n| heard[*n] == Heard::Tone(hertz)).collect();
    (at.first().copied().unwrap_or(usize::MAX), at.last().copied().unwrap_or(0), at.len())
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
    assert_eq!(bob.ask("POST", "/desk/decline", None).await.0, 200);
    left.until("that Bob declined", |desk| phase(desk) == "talking" && desk["call"]["consult_failed"] == "declined").await;
    // The tones go on for a moment, to be found again: Anna is back with the caller.
    tokio::time::sleep(Duration::from_secs(2)).await;
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
    // In between the caller heard neither, and Bob not the caller.
    assert!(after.0 > to_caller.1 + 35, "the caller heard the private talk: {to_caller:?} {after:?}");
    assert!(back.0 > to_bob.1, "Bob heard the caller before he had them: {to_bob:?} {back:?}");
    let between = &caller[to_caller.1 + 1..after.0];
    let silent = between.split(|heard| *heard != Heard::Silence).map(<[Heard]>::len).max().unwrap_or(0);
    assert!(silent < 20, "the caller heard nothing for {silent} tenths of a second");
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
    // The answer stands at the desk, too, among what was said.
    let told = |desk: &Value| desk["call"]["turns"].as_array().is_some_and(|turns| turns.iter().any(|t| t["intent"] == "good"));
    left.until("the answer", told).await;
    caller.ended();
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let config = house.gateway.config.to_string_lossy().into_owned();
    let (_, story) = hotline(&["calls", "show", &id, "--config", &config]);
    assert!(story.contains("after_talk") && story.contains("good"), "{story}");
}
