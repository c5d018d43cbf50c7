//! The measurements: real people in conditions, our own prompt as an echo, and nobody at all. All of it goes through the gateway's listener.

use super::nobody::Nobody;
use crate::audio::{FRAME_SAMPLES, Frame, Pcm, add_echo, power};
use crate::base::{Expect, Moment};
use crate::cli::bench_asr::conditions::{Condition, Surroundings};
use crate::cli::bench_asr::line::surrounded;
use crate::cli::bench_figures::{quantile, round};
use crate::listen::{EndpointRule, ListenEvent, Listener};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A stretch of speech is what lies within so many decibels of the loudest 20 ms …
const WITHIN: f32 = 30.0;
/// … with gaps up to this filled, milliseconds.
const GAP_MS: usize = 200;

/// An utterance as the listener saw it; milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noticed {
    started: u64,
    ended: u64,
    /// When the end was certain.
    decided: u64,
}

/// The rule for an open question.
pub(crate) fn open() -> EndpointRule {
    EndpointRule::for_expect(&Expect::Open { name: Arc::from(""), examples: Arc::from([]) })
}

/// What the listener makes of a sound; what it took back is none. An utterance that never ended ends with the sound.
pub(crate) fn listen(sound: &[i16], playing: Option<&[i16]>, rule: EndpointRule) -> Vec<Noticed> {
    let mut listener = Listener::new();
    listener.set_rule(Some(rule), Moment::ZERO);
    let (mut out, mut open) = (Vec::new(), None);
    let frame = |piece: &[i16]| {
        let mut frame = Frame::SILENCE;
        frame.samples.copy_from_slice(piece);
        frame
    };
    for (i, piece) in sound.chunks_exact(FRAME_SAMPLES).enumerate() {
        let ours = playing.and_then(|p| p.get(i * FRAME_SAMPLES..(i + 1) * FRAME_SAMPLES)).map(frame);
        let at = Moment::ZERO + Duration::from_millis(20 * i as u64);
        match listener.push(&frame(piece), at, ours.as_ref()) {
            Some(ListenEvent::Started { at, .. }) => open = Some(at.millis()),
            Some(ListenEvent::Ended { started, ended, .. }) => {
                open = None;
                out.push(Noticed { started: started.millis(), ended: ended.millis(), decided: 20 * i as u64 + 20 });
            }
            Some(ListenEvent::Withdrawn { .. } | ListenEvent::Dismissed { .. }) => open = None,
            Some(ListenEvent::Machine(_)) | None => {}
        }
    }
    let end = sound.len() as u64 / 8;
    out.extend(open.map(|started| Noticed { started, ended: end, decided: end }));
    out
}

/// Which 20 ms of a clean recording are speech.
pub(crate) fn truth(clean: &[i16]) -> Vec<bool> {
    let powers: Vec<f32> = clean.chunks_exact(FRAME_SAMPLES).map(power).collect();
    let least = powers.iter().fold(0.0f32, |a, &b| a.max(b)) * 10f32.powf(-WITHIN / 10.0);
    let mut speech: Vec<bool> = powers.iter().map(|&p| p > least).collect();
    let mut last = None;
    for i in 0..speech.len() {
        if speech[i] {
            if let Some(before) = last.filter(|b| i - b <= GAP_MS / 20) {
                speech[before..i].fill(true);
            }
            last = Some(i);
        }
    }
    speech
}

/// Balanced frame accuracy of voice activity and what becomes of free speech, in one condition.
pub(crate) fn speech(clips: &[Arc<Pcm>], condition: Condition, surroundings: &Surroundings) -> Value {
    let (mut hit, mut all) = ([0u64; 2], [0u64; 2]);
    let (mut cut, mut missed, mut delays) = (0usize, 0usize, Vec::new());
    for (i, clip) in clips.iter().enumerate() {
        let seed = u32::try_from(i).unwrap_or(0);
        let quiet = surrounded(clip, seed);
        let speech = truth(&quiet.samples);
        let sound = surroundings.apply(condition, &quiet, seed);
        // Gaps as long as the truth's are filled.
        let fine = EndpointRule { quiet_ms: GAP_MS as u32, complete_quiet_ms: GAP_MS as u32, ..open() };
        let mut active = vec![false; speech.len()];
        for n in listen(&sound.samples, None, fine) {
            let to = (n.ended as usize / 20).min(active.len());
            active[(n.started as usize / 20).min(to)..to].fill(true);
        }
        for (is, said) in speech.iter().zip(&active) {
            all[usize::from(*is)] += 1;
            hit[usize::from(*is)] += u64::from(is == said);
        }
        let (Some(from), Some(to)) = (speech.iter().position(|s| *s), speech.iter().rposition(|s| *s)) else { continue };
        let (from, to) = (from as u64 * 20, to as u64 * 20 + 20);
        let heard: Vec<Noticed> = listen(&sound.samples, None, open());
        let inside: Vec<&Noticed> = heard.iter().filter(|n| n.ended > from && n.started < to).collect();
        missed += usize::from(inside.is_empty());
        cut += usize::from(inside.len() > 1);
        delays.extend(inside.last().map(|n| n.decided as f64 - to as f64));
    }
    let share = |k: usize| hit[k] as f64 / all[k].max(1) as f64;
    let n = clips.len().max(1) as f64;
    json!({
        "clips": clips.len(), "minutes": round((all[0] + all[1]) as f64 / 3_000.0, 1),
        "balanced_accuracy": (share(0) + share(1)) / 2.0, "missed_frames": 1.0 - share(1), "false_frames": 1.0 - share(0),
        "missed": missed as f64 / n, "cut": cut as f64 / n,
        "endpoint_ms": {"p50": quantile(&delays, 0.5), "p95": quantile(&delays, 0.95)},
    })
}

/// Groups of two digits with 1.2 s between the groups, where four are expected: how many are cut there.
pub(crate) fn groups(digits: &[Arc<Pcm>]) -> Value {
    let rule = EndpointRule::for_expect(&Expect::Digits { min: 4, max: 4, check: None });
    let (mut groups, mut cut) = (0, 0);
    for (i, group) in digits.chunks_exact(4).enumerate() {
        let mut samples = Vec::new();
        for (digit, pause_ms) in group.iter().zip([150, 1_200, 150, 0]) {
            let loud = truth(&digit.samples);
            let from = loud.iter().position(|l| *l).unwrap_or(0) * FRAME_SAMPLES;
            let to = loud.iter().rposition(|l| *l).map_or(0, |l| (l + 1) * FRAME_SAMPLES);
            samples.extend_from_slice(&digit.samples[from..to.max(from)]);
            samples.resize(samples.len() + pause_ms * 8, 0);
        }
        let sound = surrounded(&Pcm { samples }, u32::try_from(i).unwrap_or(0));
        groups += 1;
        cut += usize::from(listen(&sound.samples, None, rule).len() > 1);
    }
    json!({"groups": groups, "cut": cut})
}

/// Our own prompt comes back so much weaker and 120 ms later; nobody speaks.
pub(crate) fn echo(prompt: &Pcm, db: f32, seed: u32) -> Value {
    let played = prompt.samples.repeat(4);
    let mut heard = vec![0; played.len()];
    crate::audio::Dice::new(seed).add_noise(&mut heard, 8.0);
    add_echo(&mut heard[960..], &played[..played.len() - 960], db);
    let turns = listen(&heard, Some(&played), open()).len();
    json!({"seconds": played.len() / 8_000, "turns": turns})
}

/// So many minutes of a background: starts, what of them was taken back, and what was left as turns.
pub(crate) fn nobody(mut sound: Nobody, minutes: f64) -> Value {
    let mut listener = Listener::new();
    listener.set_rule(Some(open()), Moment::ZERO);
    let (mut starts, mut dismissed) = (0u64, 0u64);
    for i in 0..(minutes * 3_000.0) as u64 {
        match listener.push(&sound.next(), Moment::ZERO + Duration::from_millis(20 * i), None) {
            Some(ListenEvent::Started { .. }) => starts += 1,
            Some(ListenEvent::Dismissed { .. }) => dismissed += 1,
            _ => {}
        }
    }
    let turns = starts - dismissed;
    json!({"minutes": minutes, "starts": starts, "dismissed": dismissed, "turns": turns, "turns_per_hour": round(turns as f64 * 60.0 / minutes, 1)})
}
