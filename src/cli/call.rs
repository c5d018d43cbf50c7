//! `hotline call`: a scripted or live softphone. Prints one line per event, and at the end what it heard.

use super::args::{CallArgs, CallStep};
use super::phone::{Ending, Phone, PhoneEvent, Sound, Step};
use crate::audio::decode_file;
use crate::base::{Digit, PromptPart};
use crate::speech::{RenderKey, Voices, VoicesConfig};
use anyhow::{Context, bail};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Places (or takes) one call. True = it was answered.
///
/// # Errors
/// Missing files, no free port, no voice, no microphone.
pub(crate) async fn run(options: &CallArgs, json_lines: bool, out: &mut (dyn Write + Send)) -> anyhow::Result<bool> {
    let steps = prepare(options).await?;
    let epoch = Instant::now();
    let mut phone = Phone::open(options.listen, epoch).await?;
    hang_up_on_ctrl_c(&phone);
    let device = if options.mic { Some(super::device::open()?) } else { None };
    let sound = Sound { record: options.record.clone(), device: device.as_ref().map(super::device::Device::ends).transpose()? };
    let mut failed = None;
    let mut emit = |event: PhoneEvent| {
        if let Err(error) = print(out, &event, json_lines) {
            failed.get_or_insert(error);
        }
    };
    let ending = match &options.uri {
        Some(uri) => phone.call(uri, &options.from, sound, steps, &mut emit).await?,
        None => {
            let at = phone.local().map(|a| a.to_string());
            emit(PhoneEvent { at: 0, what: "listening", detail: at });
            phone.answer(Duration::ZERO, sound, steps, &mut emit).await?
        }
    };
    phone.close().await;
    if let Some(error) = failed {
        return Err(error).context("the events could not be printed");
    }
    finish(out, &ending, json_lines)?;
    Ok(ending.answered)
}

/// The first Ctrl-C hangs up, as a person would. A far end that does not answer that is not waited for at the second.
fn hang_up_on_ctrl_c(phone: &Phone) {
    let stop = phone.stop();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}

fn print(out: &mut dyn Write, event: &PhoneEvent, json_lines: bool) -> std::io::Result<()> {
    let at_ms = event.at / 1_000;
    if json_lines {
        writeln!(out, "{}", json!({ "at_ms": at_ms, "event": event.what, "detail": event.detail }))?;
    } else {
        let detail = event.detail.as_deref().unwrap_or("");
        writeln!(out, "{:>8.2} s  {} {detail}", event.at as f64 / 1e6, event.what.replace('_', " "))?;
    }
    out.flush()
}

fn finish(out: &mut dyn Write, ending: &Ending, json_lines: bool) -> std::io::Result<()> {
    if json_lines {
        let heard: Vec<_> =
            ending.heard.iter().map(|(from, to)| json!({ "from_ms": from / 1_000, "to_ms": to / 1_000 })).collect();
        let end = json!({ "event": "ended", "disposition": ending.disposition, "status": ending.status, "heard": heard });
        return writeln!(out, "{end}");
    }
    let status = ending.status.map(|s| format!(" (SIP {s})")).unwrap_or_default();
    writeln!(out, "ended: {}{status}; the far end talked {} times", ending.disposition.replace('_', " "), ending.heard.len())
}

/// Files are read and words are spoken before the call, so that nothing waits during it.
async fn prepare(options: &CallArgs) -> anyhow::Result<Vec<Step>> {
    let needs_voice = options.steps.0.iter().any(|s| matches!(s, CallStep::Say(_)));
    let voices = match needs_voice {
        true => {
            let program = std::env::current_exe().context("this program's own file cannot be found")?;
            let started = tokio::task::spawn_blocking(move || Voices::start(VoicesConfig::new(program)));
            Some(started.await?.context("no voice for --say")?)
        }
        false => None,
    };
    let mut steps = Vec::new();
    for step in &options.steps.0 {
        steps.push(match step {
            CallStep::Play(path) => {
                let bytes =
                    std::fs::read(path).with_context(|| format!("--play {}: the file cannot be read", path.display()))?;
                let ext = path.extension().map(|e| e.to_string_lossy().into_owned());
                let pcm = decode_file(&bytes, ext.as_deref()).with_context(|| format!("--play {}", path.display()))?;
                Step::Play(Arc::new(pcm.samples))
            }
            CallStep::Say(words) => {
                let Some(voices) = &voices else { bail!("no voice was started for --say") };
                let key = RenderKey { parts: vec![PromptPart::Text(words.clone())], language: options.lang };
                let pcm = voices.render(key).await.map_err(|why| anyhow::anyhow!("--say {words:?}: {why}"))?;
                Step::Play(Arc::new(pcm.samples.clone()))
            }
            CallStep::Over(ms) => Step::Over(Duration::from_millis(*ms)),
            CallStep::Dtmf(digits) => {
                let keys: Option<Vec<Digit>> = digits.chars().map(Digit::from_char).collect();
                Step::Keys(keys.with_context(|| format!("--dtmf {digits:?}: only 0-9 * # A-D are keys"))?)
            }
            CallStep::Wait(ms) => Step::Wait(Duration::from_millis(*ms)),
            CallStep::HangUpAfter(ms) => Step::HangUpAfter(Duration::from_millis(*ms)),
        });
    }
    Ok(steps)
}
