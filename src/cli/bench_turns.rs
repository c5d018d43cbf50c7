//! `hotline bench turns`: how long callers wait, measured on the wire. A gateway runs in this process as `serve` runs it;
//! softphones call it over SIP and RTP on loopback, speak synthesised answers, and read the clock at their own sockets.

use super::bench_figures::quantile;
use super::phone::{Phone, PhoneEvent, Sound, Step};
use super::running::{Running, Scratch};
use crate::audio::LINE_RATE;
use crate::base::CallId;
use crate::call::Record;
use crate::sip::{SipCommand, SipConfig, SipEndpoint, SipEvent};
use anyhow::Context;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The flow under measurement: short prompts, one ask of each kind.
const FLOW: &str = include_str!("bench_turns.yaml");

/// What the caller says, turn by turn: the kind of ask, the words, the meaning that must be understood.
const SCRIPT: [(&str, &str); 6] = [
    ("open", "i would like to know when you are open"),
    ("yes_no", "yes please"),
    ("menu", "delivery"),
    ("digits_fixed", "four two seven one"),
    ("digits_open", "five nine three"),
    ("person", "let me talk to a person please"),
];

/// Says so long after the prompt began that it is still playing.
const OVER: Duration = Duration::from_millis(900);

/// What the flow says before its REFER, and how long its welcome with the first question takes at most.
const REFER_SENTENCE: &str = "I am passing you on to the office in town.";
const QUESTION: Duration = Duration::from_millis(5_500);

/// Figures of one run.
#[derive(Default)]
struct Figures {
    waits: BTreeMap<&'static str, Vec<f64>>,
    barge_in: Vec<f64>,
    transfer: Vec<f64>,
    refer: Vec<f64>,
    turns: usize,
    understood: usize,
    calls: usize,
    failed: usize,
}

/// Runs `rounds` rounds of `concurrent` calls at once and prints the figures; false when a call failed altogether.
pub(crate) async fn run(concurrent: usize, rounds: usize, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let scratch = Scratch::new("bench-turns")?;
    let ears = concurrent.clamp(2, 8);
    let epoch = Instant::now();
    let desk = Desk::open(epoch).await?;
    std::fs::write(scratch.path("bench.yaml"), FLOW)?;
    let config = scratch.config("bench.yaml", &[("AGENT_SIP", &format!("sip:agent@{}", desk.at))], &[], ears)?;
    let running = Running::start(&config).await?;
    let gateway = running.sip()?;
    let clips = speak_all(&running).await?;
    let sentence = trimmed(&running.say(REFER_SENTENCE).await?.samples).len() as u64 * 1_000_000 / u64::from(LINE_RATE);
    let mut notes = running.gateway.notes();
    let turns: Arc<Mutex<Vec<(CallId, bool)>>> = Arc::default();
    let seen = turns.clone();
    let listener = tokio::spawn(async move {
        while let Ok((call, record)) = notes.recv().await {
            if let Record::Turn(turn) = record
                && turn.by == "voice"
                && turn.complete
            {
                seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((call, turn.meaning.is_some()));
            }
        }
    });
    let mut figures = Figures::default();
    let progress = !json;
    for round in 0..rounds {
        let calls = (0..concurrent).map(|i| one_call(gateway, format!("7{round:03}{i:03}"), clips.clone(), epoch, i));
        let tasks: Vec<_> = calls.map(tokio::spawn).collect();
        for task in tasks {
            figures.calls += 1;
            match task.await.context("a phone's task broke")? {
                Ok((number, events)) => figures.add(&events, &clips, desk.invited(&number)),
                Err(error) => {
                    figures.failed += 1;
                    eprintln!("a call failed: {error:#}");
                }
            }
        }
        // The same callers once more, by keys, to a target that is reached by REFER.
        let referred = (0..concurrent).map(|i| referred_call(gateway, format!("8{round:03}{i:03}"), epoch, i, sentence));
        let tasks: Vec<_> = referred.map(tokio::spawn).collect();
        for task in tasks {
            figures.calls += 1;
            match task.await.context("a phone's task broke")? {
                Ok(wait) => figures.refer.push(wait),
                Err(error) => {
                    figures.failed += 1;
                    eprintln!("a call failed: {error:#}");
                }
            }
        }
        if progress {
            writeln!(out, "round {} of {rounds}: {} calls, {} turns measured", round + 1, figures.calls, figures.turns)?;
        }
    }
    let lateness = running.gateway.lateness();
    running.stop().await;
    listener.abort();
    for (_, understood) in turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
        figures.understood += usize::from(*understood);
    }
    figures.print(concurrent, &lateness, json, out)?;
    desk.close().await;
    Ok(figures.failed == 0 && figures.turns > 0)
}

/// A caller's words, trimmed: samples, and where the sound begins (microseconds).
type Clips = Arc<Vec<(&'static str, Arc<Vec<i16>>)>>;

async fn speak_all(running: &Running) -> anyhow::Result<Clips> {
    let mut clips = Vec::new();
    for (kind, words) in SCRIPT {
        let pcm = running.say(words).await?;
        clips.push((kind, Arc::new(trimmed(&pcm.samples))));
    }
    Ok(Arc::new(clips))
}

/// Without the silence before and after the sound, so that the first packet is the onset.
pub(super) fn trimmed(samples: &[i16]) -> Vec<i16> {
    let loud = |s: &i16| s.unsigned_abs() > 300;
    let first = samples.iter().position(loud).unwrap_or(0);
    let last = samples.iter().rposition(loud).map_or(samples.len(), |i| i + 1);
    samples[first..last].to_vec()
}

async fn one_call(
    gateway: SocketAddr,
    number: String,
    clips: Clips,
    epoch: Instant,
    index: usize,
) -> anyhow::Result<(String, Vec<PhoneEvent>)> {
    // Callers do not dial in the same millisecond.
    tokio::time::sleep(Duration::from_millis(230 * index as u64)).await;
    let mut phone = Phone::open("127.0.0.1:0".parse()?, epoch).await?;
    let mut steps = Vec::new();
    for (kind, samples) in clips.iter() {
        if *kind == "person" {
            steps.push(Step::Over(OVER));
        }
        steps.push(Step::Play(samples.clone()));
    }
    steps.push(Step::HangUpAfter(Duration::from_secs(9)));
    let mut events = Vec::new();
    let uri = format!("sip:bench@{gateway}");
    let ending = phone.call(&uri, &number, Sound::default(), steps, &mut |event| events.push(event)).await?;
    phone.close().await;
    anyhow::ensure!(ending.answered, "the gateway refused the call ({:?})", ending.status);
    Ok((number, events))
}

/// Milliseconds from the last sound of the sentence to the REFER. Comfort audio follows the sentence at once, so its end is
/// its beginning, as the phone hears it, and its length (`sentence`, microseconds). The phone declines, and the call goes on
/// to the desk.
async fn referred_call(
    gateway: SocketAddr,
    number: String,
    epoch: Instant,
    index: usize,
    sentence: u64,
) -> anyhow::Result<f64> {
    // As in `one_call`: on real sockets callers can be spread only by waiting.
    tokio::time::sleep(Duration::from_millis(230 * index as u64)).await;
    let mut phone = Phone::open("127.0.0.1:0".parse()?, epoch).await?;
    let key = crate::base::Digit::from_char('3').context("a key")?;
    // The question is over by then, and the sentence begins in silence.
    let steps = vec![Step::Wait(QUESTION), Step::Keys(vec![key]), Step::HangUpAfter(Duration::from_secs(6))];
    let mut events = Vec::new();
    let uri = format!("sip:bench@{gateway}");
    let ending = phone.call(&uri, &number, Sound::default(), steps, &mut |event| events.push(event)).await?;
    phone.close().await;
    anyhow::ensure!(ending.answered, "the gateway refused the call ({:?})", ending.status);
    let referred = events.iter().find(|e| e.what == "referred").map(|e| e.at).context("no REFER came")?;
    let began = events.iter().filter(|e| e.what == "far_started" && e.at <= referred).map(|e| e.at).max();
    let began = began.context("the sentence before the REFER was not heard")?;
    Ok((referred as f64 - (began + sentence) as f64) / 1_000.0)
}

impl Figures {
    fn add(&mut self, events: &[PhoneEvent], clips: &Clips, invited: Option<u64>) {
        let mut spoken = events.iter().enumerate().filter(|(_, e)| e.what == "spoken");
        for (kind, _) in clips.iter() {
            let Some((i, end)) = spoken.next() else { return };
            if *kind == "person" {
                self.person(&events[..i], end.at, invited);
                continue;
            }
            self.turns += 1;
            if let Some(answer) = events[i..].iter().find(|e| e.what == "far_started" && e.at >= end.at) {
                self.waits.entry(kind).or_default().push((answer.at - end.at) as f64 / 1_000.0);
            }
        }
    }

    /// The request over a prompt: when the prompt fell silent after the onset, and when the agent's INVITE came.
    fn person(&mut self, before: &[PhoneEvent], end: u64, invited: Option<u64>) {
        let Some(onset) = before.iter().rev().find(|e| e.what == "speaking").map(|e| e.at) else { return };
        if let Some(stop) = before.iter().rev().find(|e| e.what == "far_stopped" && e.at > onset.saturating_sub(100_000)) {
            self.barge_in.push(stop.at.saturating_sub(onset) as f64 / 1_000.0);
        }
        if let Some(invited) = invited {
            self.transfer.push((invited as f64 - end as f64) / 1_000.0);
        }
    }

    fn print(
        &self,
        concurrent: usize,
        lateness: &crate::media::Lateness,
        json: bool,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let all: Vec<f64> = self.waits.iter().filter(|(k, _)| **k != "digits_open").flat_map(|(_, v)| v).copied().collect();
        if json {
            let by_kind: BTreeMap<_, _> = self.waits.iter().map(|(k, v)| (*k, summary(v))).collect();
            let document = json!({
                "concurrent": concurrent, "calls": self.calls, "failed": self.failed,
                "turns": self.turns, "understood": self.understood,
                "end_of_speech_to_audio_ms": summary(&all), "by_kind": by_kind,
                "request_to_transfer_ms": summary(&self.transfer), "barge_in_stop_ms": summary(&self.barge_in),
                "sentence_to_refer_ms": summary(&self.refer),
                "tick_lateness_ms": { "p50": lateness.p50_ms, "p99": lateness.p99_ms, "max": lateness.max_ms },
            });
            return writeln!(out, "{document}");
        }
        writeln!(
            out,
            "\n{} calls, {concurrent} at once, {} failed; {} turns measured, {} understood",
            self.calls, self.failed, self.turns, self.understood
        )?;
        writeln!(
            out,
            "mix per call: one open question, one yes/no, one menu, one digit string of fixed length, one of open length"
        )?;
        row(out, "end of speech to first audio (all but open-length digits)", &all)?;
        for (kind, values) in &self.waits {
            row(out, &format!("    {kind}"), values)?;
        }
        row(out, "end of request for a person to INVITE on the wire", &self.transfer)?;
        row(out, "end of the sentence to REFER on the wire", &self.refer)?;
        row(out, "onset of speech to the prompt's last packet", &self.barge_in)?;
        writeln!(out, "ticks late: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", lateness.p50_ms, lateness.p99_ms, lateness.max_ms)
    }
}

fn row(out: &mut dyn Write, what: &str, values: &[f64]) -> std::io::Result<()> {
    match values.is_empty() {
        true => writeln!(out, "{what}: none"),
        false => writeln!(
            out,
            "{what}: p50 {:.0} ms, p95 {:.0} ms (n = {})",
            quantile(values, 0.5),
            quantile(values, 0.95),
            values.len()
        ),
    }
}

fn summary(values: &[f64]) -> serde_json::Value {
    match values.is_empty() {
        true => json!({ "p50": null, "p95": null, "n": 0 }),
        false => json!({ "p50": quantile(values, 0.5).round(), "p95": quantile(values, 0.95).round(), "n": values.len() }),
    }
}

/// Agents that take every call and hang up a little later; remembers when each caller's INVITE came.
pub(super) struct Desk {
    pub(super) at: SocketAddr,
    invited: Arc<Mutex<BTreeMap<String, u64>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Desk {
    pub(super) async fn open(epoch: Instant) -> anyhow::Result<Desk> {
        let (tell, mut events) = mpsc::channel(256);
        let listen: SocketAddr = "127.0.0.1:0".parse()?;
        let config = SipConfig {
            udp: Some(listen),
            tcp: None,
            user_agent: "hotline-desk".into(),
            max_dialogs: 512,
            ..SipConfig::default()
        };
        let endpoint = SipEndpoint::bind(config, tell).await.context("the agents' desk cannot listen")?;
        let at = endpoint.local_udp().context("no UDP address")?;
        let invited: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
        let noted = invited.clone();
        let task = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let SipEvent::Incoming { dialog, from, offer: Some(offer), .. } = event {
                    let now = u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
                    noted.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(from, now);
                    let mut sdp = crate::sip::SdpSession::new(rand::random());
                    // Port 9 discards: these agents listen to nobody.
                    if let Ok((_, sdp)) = sdp.answer(&offer, listen.ip(), 9) {
                        let _ = endpoint.send(SipCommand::Answer { dialog, sdp });
                    }
                }
            }
        });
        Ok(Desk { at, invited, task })
    }

    pub(super) fn invited(&self, number: &str) -> Option<u64> {
        self.invited.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(number).copied()
    }

    pub(super) async fn close(self) {
        self.task.abort();
    }
}
