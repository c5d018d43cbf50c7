//! `hotline bench media`: what a call costs. A gateway runs in this process as `serve` runs it, its flow plays one long
//! announcement; the far ends are another process (`bench_load`), so that processor time and memory of this one are the
//! gateway's alone. A bare timer thread beside it tells how punctual the machine itself is.

use super::bench_figures::{quantile, round};
use super::bench_process::{cpu_time, load_average, private_bytes, raise_descriptor_limit};
use super::running::{Running, Scratch};
use crate::audio::{LINE_RATE, Pcm, write_wav};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

/// The flow under measurement.
const FLOW: &str = include_str!("bench_media.yaml");
/// What the far ends say and what the gateway announces: sentences of a synthetic voice, in a loop.
const WORDS: &str = "I would like to know where my parcel is. It was sent on Monday, and the shop says that it has left their \
    house. Could you please have a look, and tell me whether it will come today? The number is four two seven one.";
/// Length of one round of speaking and being silent, seconds.
const ROUND: f32 = 5.0;
/// Time to settle after the last call is up.
const SETTLE: Duration = Duration::from_secs(2);
/// Longest wait for the load process to say something.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is to be measured.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Calls at one time.
    pub(crate) calls: usize,
    /// Seconds that are measured.
    pub(crate) seconds: u64,
    /// Share of the time in which the far ends speak, 0–1.
    pub(crate) speech: f32,
    /// Voices are looked for.
    pub(crate) vad: bool,
    /// Every call is recorded.
    pub(crate) record: bool,
    /// New calls a second.
    pub(crate) per_second: f64,
}

/// Runs it and prints the figures; false when a call failed.
pub(crate) async fn run(asked: &Asked, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    raise_descriptor_limit();
    let scratch = Scratch::new("bench-media")?;
    let long = Duration::from_secs(asked.seconds + 90) + Duration::from_secs_f64(asked.calls as f64 / asked.per_second);
    let rig = Rig::start(&scratch, asked, long).await?;
    let before = private_bytes();
    let mut load = LoadProcess::start(&rig, asked.calls, &["--per-second", &asked.per_second.to_string()]).await?;
    let up = load.wait_for("up").await?;
    if !json {
        writeln!(out, "{} calls are up ({} failed); measuring for {} s", up["answered"], up["failed"], asked.seconds)?;
    }
    tokio::time::sleep(SETTLE).await;
    let bare = BareTimer::start()?;
    rig.running.gateway.restart_lateness();
    load.order("measure").await?;
    let (cpu, began) = (cpu_time(), Instant::now());
    tokio::time::sleep(Duration::from_secs(asked.seconds)).await;
    let (cpu, wall) = ((cpu_time() - cpu).as_secs_f64(), began.elapsed().as_secs_f64());
    let memory = private_bytes().saturating_sub(before) as f64 / 1e6;
    let lateness = rig.running.gateway.lateness();
    let bare = bare.stop();
    load.order("end").await?;
    let heard = load.wait_for("heard").await?;
    load.wait_for("done").await?;
    load.finish().await?;
    rig.running.stop().await;
    let calls = asked.calls as f64;
    // A call that ended by itself is a failed one: fewer calls look cheaper.
    let missing = (asked.calls as u64).saturating_sub(up["answered"].as_u64().unwrap_or(0));
    let failed = missing + heard["ended"].as_u64().unwrap_or(0);
    let figures = json!({
        "calls": asked.calls, "failed": failed, "seconds": asked.seconds,
        "speech": asked.speech, "vad": asked.vad, "record": asked.record,
        "cpu_percent_per_call": round(cpu / wall * 100.0 / calls, 4),
        "private_mb_per_call": round(memory / calls, 3),
        "tick_lateness_ms": { "p50": lateness.p50_ms, "p99": lateness.p99_ms, "max": round(lateness.max_ms, 3) },
        "bare_timer_ms": { "p50": bare.p50, "p99": bare.p99, "max": round(bare.max, 3) },
        "ticks_skipped": lateness.skipped,
        "packets": { "received": heard["received"], "lost": heard["lost"], "gaps_over_60_ms": heard["gaps_over_60_ms"],
                     "gap_max_ms": heard["gap_max_ms"] },
        "set_up_ms": up["set_up_ms"],
        "load_average": load_average(),
    });
    print(&figures, json, out)?;
    Ok(failed == 0)
}

fn print(f: &Value, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    if json {
        return writeln!(out, "{f}");
    }
    writeln!(out, "processor: {} % of one core a call (the gateway alone)", f["cpu_percent_per_call"])?;
    writeln!(out, "memory:    {} MB a call, private to the gateway", f["private_mb_per_call"])?;
    let late = |name: &str| format!("p50 {} ms, p99 {} ms, max {} ms", f[name]["p50"], f[name]["p99"], f[name]["max"]);
    writeln!(out, "ticks:     late by {} ({} left out)", late("tick_lateness_ms"), f["ticks_skipped"])?;
    writeln!(out, "           a bare timer thread beside it: {}", late("bare_timer_ms"))?;
    let p = &f["packets"];
    writeln!(
        out,
        "packets:   {} heard by the far ends, {} lost, {} pauses over 60 ms, longest {} ms",
        p["received"], p["lost"], p["gaps_over_60_ms"], p["gap_max_ms"]
    )?;
    writeln!(out, "machine:   load average {} at the end", f["load_average"])
}

/// A gateway with its files, ready to be called.
pub(crate) struct Rig {
    pub(crate) running: Running,
    pub(crate) gateway: SocketAddr,
    /// Raw mu-law that the far ends send.
    pub(crate) speech: PathBuf,
}

impl Rig {
    /// Starts it; the announcement lasts `long`.
    pub(crate) async fn start(scratch: &Scratch, asked: &Asked, long: Duration) -> anyhow::Result<Rig> {
        Rig::start_limited(scratch, asked, long, (asked.calls + 1).max(100)).await
    }

    /// The same with a limit of calls.
    pub(crate) async fn start_limited(scratch: &Scratch, asked: &Asked, long: Duration, limit: usize) -> anyhow::Result<Rig> {
        let flow = FLOW.replace("RECORD", if asked.record { "announce" } else { "off" });
        std::fs::write(scratch.path("load.yaml"), flow)?;
        let words = synthesised().await?;
        std::fs::write(scratch.path("long.wav"), write_wav(&Pcm { samples: looped(&words, long) }))?;
        let speech = scratch.path("speech.ulaw");
        std::fs::write(&speech, speak(&words, asked.speech))?;
        let config = scratch.config("load.yaml", &[], &[], 0)?;
        let text = std::fs::read_to_string(&config)?;
        let roomy = format!("max_calls = {limit}\nrtp_ports = \"any\"\n");
        let text = text.replacen("\n\n[[number]]", &format!("\n{roomy}\n[[number]]"), 1);
        // A load run is one source with all the calls.
        std::fs::write(&config, text.replace("calls_per_minute = 1000", "calls_per_minute = 1000000"))?;
        let running = Running::start_listening(&config, asked.vad).await?;
        running.ready(PATIENCE).await?;
        let gateway = running.sip()?;
        Ok(Rig { running, gateway, speech })
    }
}

/// The sentences as samples, by a voice worker of their own.
async fn synthesised() -> anyhow::Result<Vec<i16>> {
    let folder = Scratch::new("bench-voice")?;
    let wav = folder.path("words.wav");
    let program = std::env::current_exe()?;
    let asked = super::say::SayArgs { text: WORDS.into(), out: wav.clone(), voice: None, language: None };
    super::say::say(&asked, &program).await.map_err(anyhow::Error::msg)?;
    let pcm = crate::audio::decode_file(&std::fs::read(&wav)?, Some("wav")).context("the synthesised words")?;
    anyhow::ensure!(!pcm.samples.is_empty(), "the voice said nothing");
    Ok(pcm.samples)
}

fn looped(words: &[i16], long: Duration) -> Vec<i16> {
    let samples = usize::try_from(long.as_millis()).unwrap_or(0) * LINE_RATE as usize / 1_000;
    words.iter().copied().cycle().take(samples).collect()
}

/// Twenty rounds of words and line noise as raw mu-law; each round takes up the words where the last one left them.
fn speak(words: &[i16], share: f32) -> Vec<u8> {
    let round = (ROUND * LINE_RATE as f32) as usize;
    let spoken = (round as f32 * share.clamp(0.0, 1.0)) as usize;
    let mut words = words.iter().copied().cycle();
    let mut noise = 1u32;
    let mut out = Vec::with_capacity(20 * round);
    for i in 0..20 * round {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Some −66 dBFS: a quiet room on a good line.
        let hiss = i16::try_from(noise >> 27).unwrap_or(0) - 16;
        let sample = if i % round < spoken { words.next().unwrap_or(0) } else { hiss };
        out.push(audio_codec_algorithms::encode_ulaw(sample));
    }
    out
}

/// The process of the far ends.
pub(crate) struct LoadProcess {
    child: Child,
    orders: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl LoadProcess {
    pub(crate) async fn start(rig: &Rig, calls: usize, more: &[&str]) -> anyhow::Result<LoadProcess> {
        LoadProcess::start_at(rig.gateway, &rig.speech, calls, more).await
    }

    /// Calls whatever answers at `gateway`.
    pub(crate) async fn start_at(
        gateway: SocketAddr,
        speech: &std::path::Path,
        calls: usize,
        more: &[&str],
    ) -> anyhow::Result<LoadProcess> {
        let program = std::env::current_exe().context("this program's own file cannot be found")?;
        let mut child = tokio::process::Command::new(program)
            .args(["bench-load", "--gateway", &gateway.to_string(), "--calls", &calls.to_string()])
            .arg("--speech")
            .arg(speech)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the load process cannot be started")?;
        let orders = child.stdin.take().context("the load process has no input")?;
        let lines = BufReader::new(child.stdout.take().context("the load process has no output")?).lines();
        Ok(LoadProcess { child, orders, lines })
    }

    pub(crate) async fn order(&mut self, word: &str) -> anyhow::Result<()> {
        Ok(self.orders.write_all(format!("{word}\n").as_bytes()).await?)
    }

    /// The next line that tells of `event`.
    pub(crate) async fn wait_for(&mut self, event: &str) -> anyhow::Result<Value> {
        self.wait_at_most(event, PATIENCE).await
    }

    pub(crate) async fn wait_at_most(&mut self, event: &str, patience: Duration) -> anyhow::Result<Value> {
        let told = self.poll(event, patience).await?;
        told.with_context(|| format!("the load process did not say {event:?} in time"))
    }

    /// The same; `None` when it says nothing of the kind in time.
    ///
    /// # Errors
    /// When it has ended or says what cannot be read.
    pub(crate) async fn poll(&mut self, event: &str, patience: Duration) -> anyhow::Result<Option<Value>> {
        let look = async {
            while let Some(line) = self.lines.next_line().await? {
                let value: Value = serde_json::from_str(&line).context("the load process said something strange")?;
                if value["event"] == event {
                    return Ok(value);
                }
            }
            bail!("the load process ended before it said {event:?}");
        };
        tokio::time::timeout(patience, look).await.ok().transpose()
    }

    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        drop(self.orders);
        tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await.context("the load process does not end")??;
        Ok(())
    }
}

/// A thread that does nothing but wake every 20 ms: what the machine itself can do.
struct BareTimer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<f64>>,
}

struct Bare {
    p50: f64,
    p99: f64,
    max: f64,
}

impl BareTimer {
    fn start() -> std::io::Result<BareTimer> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let thread = std::thread::Builder::new().name("bare-timer".into()).spawn(move || {
            // As the audio thread does, so that like is compared with like.
            crate::media::prefer_this_thread();
            let mut late = Vec::new();
            let mut due = Instant::now() + Duration::from_millis(20);
            while !asked.load(Ordering::Relaxed) {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                late.push(due.elapsed().as_secs_f64() * 1_000.0);
                due += Duration::from_millis(20);
            }
            late
        })?;
        Ok(BareTimer { stop, thread })
    }

    fn stop(self) -> Bare {
        self.stop.store(true, Ordering::Relaxed);
        let late = self.thread.join().unwrap_or_default();
        let at = |q: f64| quantile(&late, q);
        Bare { p50: round(at(0.5), 1), p99: round(at(0.99), 1), max: at(1.0) }
    }
}
