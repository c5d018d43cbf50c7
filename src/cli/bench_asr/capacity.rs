//! How many callers one processor core hears in real time, with grammar, key phrases and rejection on: callers who speak a fifth of
//! the time, found by the gateway's own listener, and callers who never stop.

use super::line;
use crate::audio::{FRAME_SAMPLES, Frame, LINE_RATE, Pcm};
use crate::base::{Expect, Language, Moment};
use crate::cli::asr::{Ask, Engine, Row, read_table, thread_time};
use crate::cli::bench_process::private_bytes;
use crate::listen::{EndpointRule, ListenEvent, Listener};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The share of the time in which a caller speaks.
const SPEAKING: f64 = 0.2;

/// Most recordings of one kind.
const ROWS_MAX: usize = 120;

/// Digits of a number.
const DIGITS: usize = 8;

/// The name of a row, what is asked, and what real people say there.
struct Kind {
    name: &'static str,
    expect: Expect,
    sounds: Vec<Pcm>,
}

fn kinds(recordings: &Path, every: usize) -> Result<Vec<Kind>, String> {
    let read = |rows: &[Row]| rows.iter().map(|r| r.read().map(|sound| sound.as_ref().clone())).collect::<Result<Vec<_>, _>>();
    let orders: Vec<Row> = read_table(&recordings.join("commands/index.tsv"), &[])?.into_iter().step_by(every.max(1)).collect();
    let orders = read(&orders[..orders.len().min(ROWS_MAX)])?;
    let digits = read_table(&recordings.join("digits/index.tsv"), &[])?;
    let numbers = digits.chunks_exact(DIGITS).step_by(every.div_ceil(4)).take(ROWS_MAX);
    let joined = |number: &[Row]| {
        let samples = read(number)?.into_iter().flat_map(|digit| digit.samples).collect();
        Ok(Pcm { samples })
    };
    let numbers = numbers.map(joined).collect::<Result<Vec<_>, String>>()?;
    let phrases = Arc::from([]);
    Ok(vec![
        Kind { name: "an open question (orders)", expect: super::person::questions(), sounds: orders.clone() },
        Kind { name: "yes or no (orders)", expect: Expect::YesNo { phrases }, sounds: orders },
        Kind {
            name: "eight digits (single ones joined)",
            expect: Expect::Digits { min: 8, max: 8, check: None },
            sounds: numbers,
        },
    ])
}

/// Measures each kind of question with an engine of its own.
///
/// # Errors
/// One sentence about the recordings or the engine.
pub(crate) fn measure(
    name: &str,
    model: Option<&Path>,
    recordings: &Path,
    every: usize,
) -> Result<Vec<(String, Value)>, String> {
    let mut rows = Vec::new();
    // The first engine also loads what all share.
    let mut engines = Vec::new();
    for kind in kinds(recordings, every)? {
        let ask = Ask::expecting(kind.expect.clone(), Language::EN);
        if engines.is_empty() {
            engines.push(Engine::open(name, model, &ask, true)?);
        }
        let before = private_bytes();
        let mut engine = Engine::open(name, model, &ask, true)?;
        let mut document = heard(&mut engine, &ask, EndpointRule::for_expect(&kind.expect), &kind.sounds)?;
        document["private_mb"] = json!(private_bytes().saturating_sub(before) as f64 / f64::from(1 << 20));
        engines.push(engine);
        rows.push((kind.name.to_string(), document));
        eprintln!("bench asr: capacity, {}", kind.name);
    }
    Ok(rows)
}

fn heard(engine: &mut Engine, ask: &Ask, rule: EndpointRule, sounds: &[Pcm]) -> Result<Value, String> {
    let (mut line_s, mut heard_s, mut listening, mut hearing) = (0.0f64, 0.0f64, 0.0, 0.0);
    let mut utterances = 0;
    // The first utterance compiles the search, as the first caller's does.
    if let Some(sound) = sounds.first() {
        engine.hear(ask, sound)?;
    }
    for (i, sound) in sounds.iter().enumerate() {
        let seed = u32::try_from(i).unwrap_or(0);
        let quiet = (sound.samples.len() as f64 * (1.0 / SPEAKING - 1.0)) as usize;
        let whole = line::quiet_after(sound, quiet, seed);
        line_s += seconds(&whole);
        let began = thread_time();
        let found = found(&whole, rule);
        listening += (thread_time() - began).as_secs_f64();
        utterances += found.len();
        engine.new_call();
        for utterance in &found {
            heard_s += seconds(utterance);
            hearing += engine.hear(ask, utterance)?.cpu.as_secs_f64();
        }
    }
    // Recordings begin and end with quiet: what the engine is given is what counts as speech.
    let (listener, engine) = (listening / line_s.max(1e-3), hearing / heard_s.max(1e-3));
    Ok(json!({
        "line_seconds": line_s,
        "speech_seconds": heard_s,
        "utterances": utterances,
        "listener_cpu_seconds_per_second": listener,
        "engine_cpu_seconds_per_second_of_speech": engine,
        "calls_per_core": 1.0 / (listener + SPEAKING * engine).max(1e-6),
        "calls_per_core_continuous": 1.0 / (listener + engine).max(1e-6),
    }))
}

fn seconds(sound: &Pcm) -> f64 {
    sound.samples.len() as f64 / f64::from(LINE_RATE)
}

/// The utterances that the gateway's listener finds on a line.
fn found(whole: &Pcm, rule: EndpointRule) -> Vec<Pcm> {
    let mut listener = Listener::new();
    listener.set_rule(Some(rule), Moment::ZERO);
    let (mut out, mut open): (Vec<Pcm>, Option<Vec<i16>>) = (Vec::new(), None);
    for (i, samples) in whole.samples.chunks_exact(FRAME_SAMPLES).enumerate() {
        let mut frame = Frame::SILENCE;
        frame.samples.copy_from_slice(samples);
        let event = listener.push(&frame, Moment::ZERO + Duration::from_millis(20 * i as u64), None);
        match event {
            Some(ListenEvent::Started { .. }) => open = Some(listener.preroll().flat_map(|f| f.samples).collect()),
            _ => open.iter_mut().for_each(|o| o.extend_from_slice(samples)),
        }
        if matches!(event, Some(ListenEvent::Ended { .. })) {
            out.extend(open.take().map(|samples| Pcm { samples }));
        }
    }
    out.extend(open.map(|samples| Pcm { samples }));
    out
}

#[cfg(all(test, feature = "pocketsphinx"))]
mod tests {
    use super::*;

    /// Two callers' worth of one core is no bound, but an engine that hears slower than people speak fails.
    #[test]
    fn a_core_hears_many_callers_and_more_who_are_mostly_quiet() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures");
        let sounds = ["where-1.wav", "hours-1.wav", "return-1.wav"];
        let sounds = sounds.map(|name| Row::plain(&fixtures.join(name)).read().expect("a fixture").as_ref().clone());
        let ask = super::super::person::ask();
        let mut engine = Engine::open("pocketsphinx", None, &ask, true).expect("an engine");
        let rule = EndpointRule::for_expect(&super::super::person::questions());
        let f = heard(&mut engine, &ask, rule, &sounds).expect("heard");
        println!("{f}");
        let calls = f["calls_per_core"].as_f64();
        assert_eq!(f["utterances"], 3, "{f}");
        assert!(calls > Some(10.0) && calls > f["calls_per_core_continuous"].as_f64().map(|c| 2.0 * c), "{f}");
    }
}
