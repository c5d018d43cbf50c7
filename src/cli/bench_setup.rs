//! `hotline bench setup`: how many calls a second can begin. The far ends are another process; each call lasts a moment and is
//! hung up. The same load then meets a server that does nothing but answer, on the same SIP crate: what the gateway adds is
//! the difference. At last the exact border: one call more than the configured limit is refused.

use super::bench_figures::round;
use super::bench_media::{Asked, LoadProcess, Rig};
use super::bench_process::{cpu_time, load_average, raise_descriptor_limit};
use super::running::Scratch;
use crate::sip::{SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent};
use serde_json::{Value, json};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long each call lasts.
const EACH: Duration = Duration::from_millis(300);

/// Runs it and prints the figures; false when a call failed.
pub(crate) async fn run(per_second: f64, total: usize, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    raise_descriptor_limit();
    let scratch = Scratch::new("bench-setup")?;
    // Room for answers that take up to two seconds.
    let places = (per_second * (EACH.as_secs_f64() + 2.0)).ceil() as usize;
    let asked = Asked { calls: places, seconds: 10, speech: 0.4, vad: false, record: false, per_second };
    let rig = Rig::start(&scratch, &asked, Duration::from_secs(20)).await?;
    let gateway = storm(rig.gateway, &rig.speech, places, per_second, total).await?;
    rig.running.stop().await;
    let bare = BareServer::start().await?;
    let alone = storm(bare.at, &rig.speech, places, per_second, total).await?;
    bare.stop().await;
    let (limit, beyond) = (20usize, 7usize);
    let refused = border(limit, beyond).await?;
    let exact = refused == json!({ "503": beyond });
    let figures = json!({
        "asked_per_second": per_second, "calls": total, "gateway": gateway, "bare_server": alone,
        "limit": { "calls": limit, "offered": limit + beyond, "refused": refused, "exact": exact },
        "load_average": load_average(),
    });
    if json {
        writeln!(out, "{figures}")?;
    } else {
        print("gateway with media", &figures["gateway"], out)?;
        print("a server that only answers", &figures["bare_server"], out)?;
        writeln!(
            out,
            "limit of {limit} calls, {} offered: refused {refused} ({})",
            limit + beyond,
            if exact { "exact" } else { "WRONG" }
        )?;
        writeln!(out, "machine: load average {} at the end", figures["load_average"])?;
    }
    Ok(exact && [&gateway, &alone].iter().all(|f| f["failed"] == 0))
}

fn print(name: &str, f: &Value, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{name}: {} calls a second, {} answered, {} failed; INVITE to 200 p50 {} ms, p95 {} ms, max {} ms; {} ms of processor a call",
        f["per_second"],
        f["answered"],
        f["failed"],
        round(f["set_up_ms"]["p50"].as_f64().unwrap_or(0.0), 1),
        round(f["set_up_ms"]["p95"].as_f64().unwrap_or(0.0), 1),
        round(f["set_up_ms"]["max"].as_f64().unwrap_or(0.0), 1),
        f["cpu_ms_per_call"],
    )
}

/// All the calls, against whatever answers at `at` in this process.
async fn storm(at: SocketAddr, speech: &Path, places: usize, per_second: f64, total: usize) -> anyhow::Result<Value> {
    let (rate, each, all) = (per_second.to_string(), EACH.as_millis().to_string(), total.to_string());
    let more = ["--per-second", &rate, "--each-ms", &each, "--total", &all];
    let (cpu, began) = (cpu_time(), Instant::now());
    let mut load = LoadProcess::start_at(at, speech, places, &more).await?;
    let patience = Duration::from_secs_f64(total as f64 / per_second * 4.0) + Duration::from_secs(60);
    let done = load.wait_at_most("done", patience).await?;
    let (cpu, wall) = ((cpu_time() - cpu).as_secs_f64(), began.elapsed().as_secs_f64());
    load.finish().await?;
    let answered = done["answered"].as_f64().unwrap_or(0.0);
    let begun_for = done["begun_for_ms"].as_f64().unwrap_or(wall * 1_000.0) / 1_000.0;
    Ok(json!({
        "per_second": round(answered / begun_for.max(0.001), 1), "answered": done["answered"], "failed": done["failed"],
        "refused": done["refused"], "set_up_ms": done["set_up_ms"],
        "cpu_ms_per_call": round(cpu * 1_000.0 / answered.max(1.0), 3),
    }))
}

/// Offers more calls than are allowed, all to stay: who is refused, by status.
async fn border(limit: usize, beyond: usize) -> anyhow::Result<Value> {
    let scratch = Scratch::new("bench-limit")?;
    let asked = Asked { calls: limit, seconds: 10, speech: 0.0, vad: false, record: false, per_second: 100.0 };
    let rig = Rig::start_limited(&scratch, &asked, Duration::from_secs(60), limit).await?;
    let mut load = LoadProcess::start(&rig, limit + beyond, &["--per-second", "100"]).await?;
    let up = load.wait_for("up").await?;
    load.order("end").await?;
    load.wait_for("done").await?;
    load.finish().await?;
    rig.running.stop().await;
    Ok(up["refused"].clone())
}

/// Answers every INVITE and does nothing else.
struct BareServer {
    at: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl BareServer {
    async fn start() -> anyhow::Result<BareServer> {
        let (tell, mut events) = mpsc::channel(4_096);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = SipConfig { udp: Some(any), tcp: None, max_dialogs: 100_000, ..SipConfig::default() };
        let endpoint = SipEndpoint::bind(config, tell).await?;
        let at = endpoint.local_udp().unwrap_or(any);
        let task = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let SipEvent::Incoming { dialog, offer: Some(offer), .. } = event
                    && let Ok((_, sdp)) = SdpSession::new(dialog.0).answer(&offer, any.ip(), 40_000)
                {
                    let _ = endpoint.send(SipCommand::Ring { dialog });
                    let _ = endpoint.send(SipCommand::Answer { dialog, sdp });
                }
            }
        });
        Ok(BareServer { at, task })
    }

    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
