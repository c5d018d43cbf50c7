//! `make demo`: the gateway as `serve` runs it, a tiny parcel service, an agent's phone, and three real calls over SIP and
//! RTP on loopback. Prints each turn as it happens and fails when any call went otherwise than it should.

use super::phone::{Phone, Sound, Step};
use super::proof;
use super::running::{Running, Scratch};
use crate::audio::decode_file;
use crate::base::{CallId, Disposition};
use crate::call::Record;
use anyhow::{Context, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The agent's and the caller's tones, by which each is found in the other's recording.
const AGENT_HERTZ: f32 = 1_000.0;
const CALLER_HERTZ: f32 = 440.0;

/// Longest demo call.
const CALL_MAX: Duration = Duration::from_secs(90);

/// The callers' numbers are this and the number of the call.
const CALLER: &str = "555000";

const TITLES: [&str; 3] = [
    "a question worded as in no example, answered from the look-up service",
    "\"let me talk to a person\" spoken over the welcome; the agent answers",
    "unclear speech, twice; the gateway does not ask a third time",
];

/// What is checked of a call afterwards.
struct Outcome {
    title: &'static str,
    disposition: Option<Disposition>,
    intents: Vec<String>,
    answers: Vec<String>,
    misunderstood: usize,
}

type Records = Arc<Mutex<BTreeMap<CallId, Vec<Record>>>>;

/// Runs the demo; `fixtures` is the folder `audio-fixtures`, `flow` the parcel flow.
///
/// # Errors
/// One sentence when a call went otherwise.
pub(crate) async fn run(flow: &Path, fixtures: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let scratch = Scratch::at(Path::new("run/demo"))?;
    let service = parcels().await?;
    let agent = Phone::open("127.0.0.1:0".parse()?, Instant::now()).await?;
    let desk = agent.local().context("the agent's phone has no address")?;
    let flow = std::fs::canonicalize(flow).with_context(|| format!("no flow at {}", flow.display()))?;
    let env = [("AGENT_SIP", format!("sip:agent@{desk}")), ("PARCEL_API", format!("http://{service}"))];
    let env: Vec<(&str, &str)> = env.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let config = scratch.config(&flow.to_string_lossy(), &env, &[&service.to_string()], 2)?;
    writeln!(out, "Starting the gateway (recogniser, voices, one flow)…")?;
    let running = Running::start(&config).await?;
    let gateway = running.sip()?;
    writeln!(out, "It listens on sip:{gateway}; the agent's phone on sip:{desk}; parcels at http://{service}\n")?;

    let records: Records = Arc::default();
    let printer = tokio::spawn(follow(running.gateway.notes(), records.clone()));
    let speech = Speech { fixtures: fixtures.to_path_buf() };
    let uri = format!("sip:5551000@{gateway}");
    for (nth, title) in TITLES.iter().enumerate() {
        writeln!(out, "{}  {title}", tag(nth + 1))?;
    }
    writeln!(out)?;

    let [agent_2, agent_3] = [2, 3].map(|n| scratch.path(&format!("agent-{n}.wav")));
    let answering = tokio::spawn(answer_two(agent, agent_2.clone(), agent_3));
    // The first caller speaks over the welcome, as those do who have called before.
    let question = vec![
        Step::Over(Duration::from_millis(2_500)),
        Step::Play(speech.samples("where-other-5.wav")?),
        Step::Over(Duration::from_millis(1_200)),
        Step::Play(speech.samples("number-1.wav")?),
        Step::HangUpAfter(Duration::from_millis(10_500)),
    ];
    let person = vec![
        Step::Over(Duration::from_millis(1_800)),
        Step::Play(speech.samples("person-1.wav")?),
        Step::Wait(Duration::from_secs(7)),
        Step::PlayNow(Arc::new(proof::tone(CALLER_HERTZ, 4_000))),
        Step::HangUpAfter(Duration::from_millis(200)),
    ];
    let unclear = vec![
        Step::Over(Duration::from_millis(6_300)),
        Step::Play(speech.samples("unrelated-4.wav")?),
        Step::Over(Duration::from_millis(1_200)),
        Step::Play(speech.samples("unrelated-4.wav")?),
        Step::HangUpAfter(Duration::from_secs(10)),
    ];
    let mut calls = Vec::new();
    for (index, steps) in [question, person, unclear].into_iter().enumerate() {
        let record = scratch.path(&format!("caller-{}.wav", index + 1));
        calls.push(tokio::spawn(place(uri.clone(), format!("{CALLER}{}", index + 1), record, steps)));
    }
    for (index, call) in calls.into_iter().enumerate() {
        call.await?.with_context(|| format!("call {}", index + 1))?;
    }
    let agent = tokio::time::timeout(Duration::from_secs(3), answering).await;
    agent.context("the agent was not called twice: a call was not handed over")??.context("the agent's phone")?;
    let mut outcomes = Vec::new();
    for (nth, title) in TITLES.iter().enumerate() {
        outcomes.push(settle(&records, nth + 1, title).await?);
    }
    let caller_heard = proof::tone_ms(&proof::channel(&scratch.path("caller-2.wav"), 1)?, AGENT_HERTZ);
    let agent_heard = proof::tone_ms(&proof::channel(&agent_2, 1)?, CALLER_HERTZ);
    writeln!(
        out,
        "{}  audio both ways: the caller heard {caller_heard} ms of the agent's tone, the agent {agent_heard} ms of the caller's",
        tag(2)
    )?;

    let store = running.gateway.store().dir().to_path_buf();
    running.stop().await;
    printer.abort();
    check_first(&outcomes[0])?;
    check_second(&outcomes[1], caller_heard, agent_heard)?;
    check_third(&outcomes[2])?;
    writeln!(out, "\nAll three calls went as they should.")?;
    writeln!(out, "Recordings, clips and event logs: {}", store.display())?;
    writeln!(out, "What the phones heard:            {}", scratch.dir().display())?;
    writeln!(out, "Read the records:                 hotline calls --config {}", config.display())?;
    Ok(())
}

fn check_first(call: &Outcome) -> anyhow::Result<()> {
    let answered = call.answers.iter().any(|a| a.contains("on its way"));
    ensure!(answered, "{}: no answer says that the parcel is on its way; answers: {:?}", call.title, call.answers);
    ensure!(
        call.intents.iter().any(|i| i == "parcel.where"),
        "{}: understood {:?}, not parcel.where",
        call.title,
        call.intents
    );
    ensure!(call.disposition == Some(Disposition::Answered), "{}: ended {:?}, not answered", call.title, call.disposition);
    Ok(())
}

fn check_second(call: &Outcome, caller_heard: u32, agent_heard: u32) -> anyhow::Result<()> {
    transferred(call, "asked")?;
    ensure!(caller_heard >= 1_500, "{}: the caller heard only {caller_heard} ms of the agent", call.title);
    ensure!(agent_heard >= 1_500, "{}: the agent heard only {agent_heard} ms of the caller", call.title);
    Ok(())
}

fn check_third(call: &Outcome) -> anyhow::Result<()> {
    transferred(call, "misunderstood")?;
    ensure!(call.misunderstood == 2, "{}: {} misunderstandings were counted, not 2", call.title, call.misunderstood);
    Ok(())
}

fn transferred(call: &Outcome, why: &str) -> anyhow::Result<()> {
    match &call.disposition {
        Some(Disposition::Transferred { because, .. }) if because == why => Ok(()),
        other => anyhow::bail!("{}: ended {other:?}, not transferred because {why}", call.title),
    }
}

/// The agent takes the two calls that are handed over, one after the other; who comes while one is there is told to try again.
async fn answer_two(mut agent: Phone, second: PathBuf, third: PathBuf) -> anyhow::Result<()> {
    let hello = Arc::new(proof::tone(AGENT_HERTZ, 4_000));
    let steps = vec![Step::Wait(Duration::from_secs(6)), Step::PlayNow(hello), Step::Wait(Duration::from_secs(20))];
    for (record, steps) in [(second, steps), (third, vec![Step::Wait(Duration::from_secs(30))])] {
        let sound = Sound { record: Some(record), device: None };
        agent.answer(Duration::from_millis(500), sound, steps, &mut |_| {}).await?;
    }
    agent.close().await;
    Ok(())
}

pub(super) async fn place(uri: String, from: String, record: PathBuf, steps: Vec<Step>) -> anyhow::Result<()> {
    let mut phone = Phone::open("127.0.0.1:0".parse()?, Instant::now()).await?;
    let sound = Sound { record: Some(record), device: None };
    let mut quiet = |_| {};
    let call = phone.call(&uri, &from, sound, steps, &mut quiet);
    let ending = tokio::time::timeout(CALL_MAX, call).await.context("the call did not come to an end")??;
    ensure!(ending.answered, "the gateway did not take the call: {ending:?}");
    phone.close().await;
    Ok(())
}

/// Waits for the n-th caller's last record and sums the call up.
async fn settle(records: &Records, nth: usize, title: &'static str) -> anyhow::Result<Outcome> {
    for _ in 0..200 {
        if let Some(outcome) = summed(records, nth, title) {
            return Ok(outcome);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("call {nth}, {title}: its records did not come to an end within ten seconds")
}

fn summed(records: &Records, nth: usize, title: &'static str) -> Option<Outcome> {
    let records = records.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let call = records.values().find(|call| caller(call) == Some(nth))?;
    let mut outcome = Outcome { title, disposition: None, intents: Vec::new(), answers: Vec::new(), misunderstood: 0 };
    for record in call {
        match record {
            Record::Turn(turn) if turn.complete => {
                outcome.intents.extend(turn.meaning.clone());
                outcome.answers.push(turn.answer.reveal().clone());
                outcome.misunderstood += usize::from(turn.meaning.is_none() && turn.by == "voice");
            }
            Record::Ended { disposition, .. } => outcome.disposition = Some(disposition.clone()),
            _ => {}
        }
    }
    outcome.disposition.is_some().then_some(outcome)
}

/// Which of the three calls these records are of, counted from 1.
fn caller(call: &[Record]) -> Option<usize> {
    call.iter().find_map(|record| match record {
        Record::Began { caller, .. } => caller.as_str().strip_prefix(CALLER)?.parse().ok(),
        _ => None,
    })
}

/// `call 2`, in a colour of its own on a terminal.
fn tag(nth: usize) -> String {
    match std::io::stdout().is_terminal() {
        true => format!("\x1b[1;{}mcall {nth}\x1b[0m", 33 + nth),
        false => format!("call {nth}"),
    }
}

/// Prints records as they come. The words are synthetic; that is why they may be shown.
async fn follow(mut notes: tokio::sync::broadcast::Receiver<(CallId, Record)>, records: Records) {
    let started = Instant::now();
    let mut shown = BTreeSet::new();
    while let Ok((call, record)) = notes.recv().await {
        let at = started.elapsed().as_secs_f32();
        let mut records = records.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_call = records.entry(call).or_default();
        of_call.push(record);
        let (Some(nth), Some(record)) = (caller(of_call), of_call.last()) else { continue };
        let call_tag = tag(nth);
        match record {
            Record::Turn(turn) if shown.insert((call, turn.turn)) => {
                let meaning = turn.meaning.as_deref().unwrap_or("not understood");
                let (ears, sure) = (turn.heard_confidence.get(), turn.meaning_confidence.get());
                println!("{call_tag} {at:6.2} s  heard   {:?} ({}, {ears:.2})", turn.heard.reveal(), turn.by);
                println!("{call_tag}           intent  {meaning} ({sure:.2}) at {}", turn.node);
                println!("{call_tag}           answer  {}", turn.answer.reveal());
            }
            Record::Decision { what, why, .. } => println!("{call_tag} {at:6.2} s  decided {what}: {why}"),
            Record::Attempt { target, method, outcome, .. } => {
                println!("{call_tag} {at:6.2} s  person  {target} by {method}: {outcome}")
            }
            Record::Ended { disposition, .. } => println!("{call_tag} {at:6.2} s  ended   {}", disposition.name()),
            _ => {}
        }
    }
}

/// The look-up service of the demo: one parcel is known.
async fn parcels() -> anyhow::Result<SocketAddr> {
    use axum::extract::Path;
    use axum::http::StatusCode;
    let answer = |Path(number): Path<String>| async move {
        match number.as_str() {
            "12345678" => Ok(axum::Json(serde_json::json!({ "status": "on its way", "eta": eta() }))),
            _ => Err(StatusCode::NOT_FOUND),
        }
    };
    let router = axum::Router::new().route("/parcels/{number}", axum::routing::get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("no port for the parcel service")?;
    let at = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(at)
}

/// The day after tomorrow.
fn eta() -> String {
    (chrono::Utc::now() + chrono::Days::new(2)).format("%Y-%m-%d").to_string()
}

/// Spoken fixtures.
pub(super) struct Speech {
    pub(super) fixtures: PathBuf,
}

impl Speech {
    pub(super) fn samples(&self, name: &str) -> anyhow::Result<Arc<Vec<i16>>> {
        let path = self.fixtures.join(name);
        let bytes = std::fs::read(&path).with_context(|| format!("the recording {} is missing", path.display()))?;
        let pcm = decode_file(&bytes, Some("wav")).with_context(|| format!("{} is no sound", path.display()))?;
        Ok(Arc::new(pcm.samples))
    }
}
