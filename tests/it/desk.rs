//! Agents on real phones and at real desks: a caller waits in line, the desk shows the card before the phone is picked up, both hear
//! each other, the call is held, sent on, lost and wrapped up. The callers and the phones are `hotline call`; the desks speak the
//! console's API as the page does.

use crate::console::{Browser, Tab, set_up};
use crate::gateway::{Gateway, HOTLINE, Wanted, hotline, terminate};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub(crate) const PASSWORD: &str = "four cups of green tea";

/// A port that was free a moment ago.
pub(crate) fn port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// A softphone in a process of its own; what it tells as JSON lines.
pub(crate) struct Phone {
    child: Child,
    lines: Arc<(Mutex<Vec<Value>>, Condvar)>,
}

impl Phone {
    pub(crate) fn start(arguments: &[&str]) -> Phone {
        let mut child = Command::new(HOTLINE)
            .arg("call")
            .args(arguments)
            .arg("--json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let lines = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let (out, kept) = (BufReader::new(child.stdout.take().expect("piped")), lines.clone());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                kept.0.lock().expect("whole").extend(serde_json::from_str::<Value>(&line));
                kept.1.notify_all();
            }
        });
        Phone { child, lines }
    }

    pub(crate) fn tells(&self, event: &str) -> bool {
        self.lines.0.lock().expect("whole").iter().any(|line| line["event"] == event)
    }

    /// Waits until the phone tells this; a minute at most.
    pub(crate) fn until(&self, event: &str) {
        let told = |lines: &mut Vec<Value>| !lines.iter().any(|line| line["event"] == event);
        let (lines, news) = &*self.lines;
        let lines = lines.lock().expect("whole");
        let (lines, late) = news.wait_timeout_while(lines, Duration::from_secs(60), told).expect("whole");
        assert!(!late.timed_out(), "the phone did not tell {event:?}: {lines:#?}");
    }

    /// Waits until the call is over, and gives what the phone told.
    pub(crate) fn ended(mut self) -> Vec<Value> {
        self.until("ended");
        // Its recording is whole once it is gone.
        self.child.wait().expect("a child of ours");
        self.lines.0.lock().expect("whole").clone()
    }
}

impl Phone {
    /// Its battery is empty: it says good-bye to nobody.
    pub(crate) fn dies(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        terminate(&mut self.child);
    }
}

/// A steady tone as a WAV file, to be found again in what the other side heard.
pub(crate) fn tone(folder: &Path, hertz: f64) -> PathBuf {
    let path = folder.join(format!("tone{hertz}.wav"));
    let samples: Vec<i16> =
        (0..8_000 * 3).map(|n| (8_000.0 * (std::f64::consts::TAU * hertz * f64::from(n) / 8_000.0).sin()) as i16).collect();
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(&path, spec).expect("a writable folder");
    samples.iter().for_each(|s| file.write_sample(*s).expect("written"));
    file.finalize().expect("written");
    path
}

/// These words and then the sound, in one file: a phone waits for the other side between two.
fn with_words(sound: &Path, words: &str) -> String {
    let (spoken, both) = (sound.with_extension("words.wav"), sound.with_extension("both.wav"));
    let (done, said) = hotline(&["say", words, "-o", &spoken.to_string_lossy()]);
    assert_eq!(done, 0, "{said}");
    let mut words = hound::WavReader::open(&spoken).expect("words");
    let mut sound = hound::WavReader::open(sound).expect("a sound");
    let mut file = hound::WavWriter::create(&both, sound.spec()).expect("a writable folder");
    let step = words.spec().sample_rate as usize / 8_000;
    let words = words.samples::<i16>().step_by(step).map(|s| s.expect("a sample"));
    let pause = std::iter::repeat_n(0, 12_000);
    let all = words.chain(pause).chain(sound.samples::<i16>().map(|s| s.expect("a sample")));
    all.for_each(|s| file.write_sample(s).expect("written"));
    file.finalize().expect("written");
    both.to_string_lossy().into_owned()
}

/// Seconds of a recording's right channel (what was heard) in which this tone stands out.
pub(crate) fn heard(recording: &Path, hertz: f64) -> f64 {
    let mut file = hound::WavReader::open(recording).expect("a recording");
    let rate = f64::from(file.spec().sample_rate);
    let all: Vec<f64> = file.samples::<i16>().map(|s| f64::from(s.expect("a sample"))).collect();
    let right: Vec<f64> = all.chunks(2).filter_map(|pair| pair.get(1).copied()).collect();
    seconds_of(&right, rate, hertz)
}

/// Seconds in which this tone stands out.
pub(crate) fn seconds_of(samples: &[f64], rate: f64, hertz: f64) -> f64 {
    let window = (rate / 10.0) as usize;
    let loud = samples.chunks_exact(window).filter(|part| {
        let step = std::f64::consts::TAU * hertz / rate;
        let (re, im) = part.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, s)| {
            let angle = step * n as f64;
            (re + s * angle.cos(), im + s * angle.sin())
        });
        let power: f64 = part.iter().map(|s| s * s).sum();
        power > 1e6 && (re * re + im * im) * 2.0 / (part.len() as f64 * power) > 0.5
    });
    loud.count() as f64 / 10.0
}

pub(crate) const FLOW: &str = r#"hotline: 1
name: line
languages: [en]
zone: UTC
record: off
person: { to: support }
targets: { support: { queue: support, accept: answer } }
intents:
  hours: { examples: [when are you open, are you open on sunday, opening hours], label: opening hours }
nodes:
  welcome: { ask: "This is automatic. What is it about?", keys: { "1": hours } }
  hours: { say: "From nine to five.", then: welcome }
"#;

pub(crate) struct House {
    pub(crate) gateway: Gateway,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) anna: u16,
    pub(crate) bob: u16,
}

impl House {
    pub(crate) fn new() -> House {
        House::with(None)
    }

    /// Anna's phone is this, or one on the table.
    pub(crate) fn with(annas: Option<&str>) -> House {
        House::of(FLOW, annas, None)
    }

    /// The same with a flow of its own, and a calendar that is as wrong as this file says.
    pub(crate) fn of(text: &str, annas: Option<&str>, calendar: Option<&Path>) -> House {
        House::built(text, annas, calendar, "transcript = true\n")
    }

    /// The same with this in `[desk]`.
    fn built(text: &str, annas: Option<&str>, calendar: Option<&Path>, desk: &str) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        let flow = folder.path().join("line.yaml");
        std::fs::write(&flow, text).expect("written");
        let (anna, bob) = (port(), port());
        let annas = annas.map_or_else(|| format!("sip:anna@127.0.0.1:{anna}"), String::from);
        let more = format!(
            "[desk]\n{desk}[[queue]]\nname = \"support\"\nring_seconds = 10\nwrap_up_seconds = 60\npark_seconds = 30\n\
             [[agent]]\nname = \"anna\"\nphone = \"{annas}\"\nqueues = [\"support\"]\n\
             [[agent]]\nname = \"bob\"\nphone = \"sip:bob@127.0.0.1:{bob}\"\nqueues = [\"support\"]\n"
        );
        let flow = flow.to_string_lossy().into_owned();
        let sip = "no_rtp_seconds = 2\n";
        let gateway = Gateway::start(Wanted { flow: &flow, more: &more, sip, calendar, ..Wanted::default() });
        House { gateway, folder, anna, bob }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Who calls, asks for a person by key, and then does this.
    pub(crate) fn caller(&self, name: &str, then: &[&str]) -> Phone {
        let (uri, record) = (format!("sip:5551000@{}", self.gateway.sip), self.path(&format!("{name}.wav")));
        let mut words = vec!["--from", "4930123456", "--record", &record, "--wait", "2500", "--dtmf", "0"];
        words.extend(then);
        Phone::start(&[&[uri.as_str()], words.as_slice()].concat())
    }

    /// Picks up, and then does this.
    pub(crate) fn phone(&self, name: &str, port: u16, then: &[&str]) -> Phone {
        let (at, record) = (format!("127.0.0.1:{port}"), self.path(&format!("{name}.wav")));
        let words = ["--answer", "--listen", &at, "--record", &record];
        Phone::start(&[words.as_slice(), then].concat())
    }

    pub(crate) async fn desks(&mut self) -> (Browser, Browser) {
        let mut admin = set_up(&mut self.gateway).await;
        for name in ["anna", "bob"] {
            let user = json!({ "name": name, "role": "agent", "agent": name, "password": PASSWORD });
            assert_eq!(admin.ask("POST", "/users", Some(user)).await.0, 201);
        }
        let (mut anna, mut bob) = (Browser::new(admin.base.clone()), Browser::new(admin.base.clone()));
        assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
        assert_eq!(bob.log_in("bob", PASSWORD).await.0, 200);
        (anna, bob)
    }
}

/// An agent's open tab, and the desk as it was told last.
pub(crate) struct Desk {
    tab: Tab,
    last: Value,
}

impl Desk {
    pub(crate) async fn open(browser: &Browser) -> Desk {
        Desk { tab: browser.socket("").await, last: Value::Null }
    }

    /// The desk as soon as this holds, within 30 s; it may hold already. What stays until somebody does something is always told.
    pub(crate) async fn until(&mut self, what: &str, test: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(30);
        while self.last.is_null() || !test(&self.last) {
            assert!(Instant::now() < end, "{what} was not seen; the desk is {:#}", self.last);
            let Ok(Ok(frame)) = tokio::time::timeout(Duration::from_secs(10), self.tab.next()).await else { continue };
            if frame["type"] == "desk" {
                self.last = frame["data"].clone();
            }
        }
        self.last.clone()
    }
}

pub(crate) fn state(desk: &Value) -> &str {
    desk["agent"]["state"].as_str().unwrap_or_default()
}

pub(crate) fn phase(desk: &Value) -> &str {
    desk["call"]["phase"].as_str().unwrap_or_default()
}

pub(crate) async fn presence(browser: &mut Browser, state: &str) {
    let (status, desk, _) = browser.ask("POST", "/desk/presence", Some(json!({ "state": state }))).await;
    // Who is available may be rung at once, and a phone of these tests picks up before the desk is shown again.
    let now = desk["agent"]["state"].as_str();
    let follows = state == "available" && matches!(now, Some("offered" | "talking"));
    assert!(status == 200 && (now == Some(state) || follows), "{desk}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_served_from_the_desk_and_both_hear_each_other() {
    let mut house = House::built(FLOW, None, None, "transcript = true\ntranscript_agents = true\n");
    let (mut anna, mut bob) = house.desks().await;
    let mut tab = Desk::open(&anna).await;
    let desk = tab.until("the first desk", |_| true).await;
    assert_eq!((state(&desk), desk["queues"][0]["name"].as_str()), ("offline", Some("support")));
    presence(&mut anna, "available").await;
    // The agent's tone comes nine seconds after the briefing begins, the caller's after it.
    let (high, low) = (tone(house.folder.path(), 1_000.0), tone(house.folder.path(), 500.0));
    let (high, low) = (high.to_string_lossy().into_owned(), with_words(&low, "when are you open"));
    let words = house.path("words.wav");
    assert_eq!(hotline(&["say", "are you open on sunday", "-o", &words]).0, 0);
    let phone = house.phone("agent", house.anna, &["--over", "9000", "--play", &high, "--play", &words, "--wait", "30000"]);
    let caller = house.caller("caller", &["--play", &low, "--wait", "30000"]);
    let asked = Instant::now();
    let desk = tab.until("the call", |desk| !desk["call"].is_null()).await;
    // This phone picks up within a moment, so the ringing may not be seen; the other test sees it.
    println!(
        "from the call's beginning to the desk with its card: {} ms (2.5 s of them until the key)",
        asked.elapsed().as_millis()
    );
    let card = &desk["call"]["card"];
    assert_eq!((card["caller"].as_str(), card["because"].as_str()), (Some("4930123456"), Some("asked")), "{desk:#}");
    assert!(card["because_text"]["zh"].as_str().is_some_and(|text| text.contains("人工")), "{card:#}");
    tab.until("the conversation", |desk| phase(desk) == "talking").await;
    // The caller speaks after the agent has, and what is said is read at the desk; then hold and back.
    let caller = tokio::task::spawn_blocking(move || {
        caller.until("spoken");
        caller
    });
    let caller = caller.await.expect("both have spoken");
    let to_agent = |desk: &Value, text: &str| {
        let turns = desk["call"]["turns"].as_array().cloned().unwrap_or_default();
        turns.iter().any(|turn| {
            turn["number"].as_u64() >= Some(10_000) && turn["text"].as_str().is_some_and(|said| said.contains(text))
        })
    };
    let desk = tab.until("what the caller says to the agent", |desk| to_agent(desk, "open")).await;
    assert_eq!(desk["call"]["draft"]["text"], "From nine to five.", "{desk:#}");
    let intent = desk["call"]["draft"]["intent"].clone();
    for (verdict, code) in [("taken", 204), ("rejected", 204), ("praised", 422)] {
        let judged = json!({ "intent": intent, "verdict": verdict });
        assert_eq!(anna.ask("POST", "/desk/draft", Some(judged)).await.0, code, "{verdict}");
    }
    // And what the agent says, once the caller is done, because the operator wants that, too.
    let by_agent = |desk: &Value| {
        let turns = desk["call"]["turns"].as_array().cloned().unwrap_or_default();
        turns.iter().any(|turn| turn["who"] == "agent" && turn["text"].as_str().is_some_and(|said| said.contains("open")))
    };
    let desk = tab.until("what the agent says to the caller", by_agent).await;
    assert_eq!(desk["call"]["draft"]["text"], "From nine to five.", "the draft is for the caller's words: {desk:#}");
    for (on, wanted) in [(true, "held"), (false, "talking")] {
        assert_eq!(anna.ask("POST", "/desk/hold", Some(json!({ "on": on }))).await.0, 200);
        tab.until(wanted, |desk| phase(desk) == wanted).await;
    }
    let call = desk["call"]["id"].as_str().unwrap_or_default().to_string();
    // Nobody else may look at it.
    assert_eq!(bob.ask("GET", &format!("/desk/history?call={call}"), None).await.0, 404);
    assert_eq!(anna.ask("GET", &format!("/desk/history?call={call}"), None).await.0, 200);
    // The agent ends it at the desk: both are told.
    let ended = Instant::now();
    anna.ask("POST", "/desk/hangup", None).await;
    let desk = tab.until("the wrap-up", |desk| state(desk) == "wrapup").await;
    assert!(desk["call"]["summary"].is_string() && to_agent(&desk, "open") && by_agent(&desk), "{desk:#}");
    println!("from the click on hang-up to the wrap-up with its summary: {} ms", ended.elapsed().as_millis());
    assert!(ended.elapsed() < Duration::from_secs(1), "told within a second: {:?}", ended.elapsed());
    // Both are told, or this does not come to its end.
    let lines = caller.ended();
    let told = phone.ended();
    let left = json!({ "disposition": "solved", "summary": "A tone, and another one.", "done": true });
    let (status, desk, _) = anna.ask("POST", "/desk/wrapup", Some(left)).await;
    assert_eq!((status, state(&desk)), (200, "available"), "{desk:#}");
    let (to_agent, to_caller) =
        (heard(&house.folder.path().join("agent.wav"), 500.0), heard(&house.folder.path().join("caller.wav"), 1_000.0));
    println!("the agent heard the caller's tone for {to_agent} s of 3, the caller the agent's for {to_caller} s of 3");
    assert!(to_agent > 2.0 && to_caller > 2.0, "caller: {lines:#?}\nagent: {told:#?}");
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    let config = house.gateway.config.to_string_lossy().into_owned();
    let (done, shown) = hotline(&["calls", "show", &call, "--config", &config]);
    let of = |who: &str| shown.lines().any(|line| line.contains(who) && (line.contains("hours") || line.contains("open")));
    assert!(done == 0 && of("s  agent     \"") && of("s  heard     \""), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_decline_send_on_and_vanish_and_the_caller_is_served() {
    let mut house = House::new();
    let (mut anna, mut bob) = house.desks().await;
    let (mut left, mut right) = (Desk::open(&anna).await, Desk::open(&bob).await);
    presence(&mut anna, "available").await;
    let caller = house.caller("caller", &["--wait", "60000"]);
    // Anna's phone is off: the desk says what the card says, and she declines; nobody else is there yet.
    left.until("the call at Anna's", |desk| state(desk) == "offered").await;
    let _ = anna.ask("POST", "/desk/decline", None).await;
    presence(&mut bob, "available").await;
    let bobs = house.phone("bob", house.bob, &["--wait", "60000"]);
    right.until("the call at Bob's", |desk| state(desk) == "offered").await;
    right.until("Bob's conversation", |desk| phase(desk) == "talking").await;
    // Bob sends the caller on to Anna, whose phone is there now.
    let annas = house.phone("anna", house.anna, &["--wait", "60000"]);
    presence(&mut anna, "available").await;
    let (status, ..) = bob.ask("POST", "/desk/transfer", Some(json!({ "agent": "anna" }))).await;
    assert_eq!(status, 200);
    right.until("Bob's wrap-up", |desk| state(desk) == "wrapup").await;
    left.until("Anna's conversation", |desk| phase(desk) == "talking").await;
    let (status, desk, _) = bob.ask("POST", "/desk/wrapup", Some(json!({ "done": true }))).await;
    assert_eq!((status, state(&desk)), (200, "available"));
    drop(bobs);
    let bobs = house.phone("bob again", house.bob, &["--wait", "60000"]);
    // Anna's tab is closed in the middle of the call: the call goes on on her phone.
    drop(left);
    house.gateway.said("the desk was closed");
    assert!(!caller.tells("ended"));
    // Her phone dies without a word (no BYE): the caller comes to Bob.
    let mut annas = annas;
    annas.child.kill().expect("killed");
    let desk = right.until("the caller at Bob's again", |desk| phase(desk) == "talking").await;
    assert_eq!(desk["call"]["card"]["caller"], "4930123456");
    drop((caller, bobs));
    let rows = house.gateway.ended_calls(1);
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let config = house.gateway.config.to_string_lossy().into_owned();
    let (_, story) = hotline(&["calls", "show", &id, "--config", &config]);
    assert!(story.contains("agent_transfer") && story.contains("agent_lost"), "{story}");
}
