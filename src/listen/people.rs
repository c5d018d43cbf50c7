//! The listener before real people: single digits, commands of eight seconds, words; clean, in kitchen noise, in white noise,
//! over a prompt and under its echo. The recordings lie beside the repository; without them the tests pass and say so.
//! `HOTLINE_ALL_PEOPLE=1` runs all files instead of a sample and is how the thresholds were chosen.

use super::{EndpointRule, ListenEvent, Listener};
use crate::audio::{FRAME_SAMPLES, Frame, Pcm, decode_file, power, rms_dbfs};
use crate::base::{Expect, Moment};
use std::path::{Path, PathBuf};

fn eval() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval");
    if dir.join("digits").is_dir() {
        return Some(dir);
    }
    println!("SKIPPED: no recordings of real people at ../shared/eval");
    None
}

/// Every `step`-th WAV of a folder, or all when asked.
fn files(dir: &Path, step: usize) -> Vec<Pcm> {
    let step = if std::env::var_os("HOTLINE_ALL_PEOPLE").is_some() { 1 } else { step };
    let mut names: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("folder")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "wav"))
        .collect();
    names.sort();
    names.iter().step_by(step).map(|p| read(p)).collect()
}

fn read(path: &Path) -> Pcm {
    decode_file(&std::fs::read(path).expect("file"), None).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Background {
    Line,
    White15,
    Kitchen10,
}

/// A caller who is quiet, speaks once, and is quiet again, before a background.
struct Scene {
    samples: Vec<i16>,
    /// First and last loud 10 ms of the clean speech, in ms.
    from_ms: u64,
    to_ms: u64,
}

const BEFORE_MS: u64 = 1_000;
const AFTER_MS: u64 = 2_000;

fn scene(speech: &Pcm, background: Background, kitchen: &Pcm, seed: u32) -> Scene {
    let (from, to) = loud_part(&speech.samples);
    let speech_level = rms_dbfs(&speech.samples[from..to]);
    let before = (BEFORE_MS * 8) as usize;
    let total = before + speech.samples.len() + (AFTER_MS * 8) as usize;
    let mut samples = vec![0i16; total];
    let mut state = seed;
    let offset = (seed as usize * 7_919) % kitchen.samples.len();
    let kitchen_level = rms_dbfs(&kitchen.samples);
    for (i, s) in samples.iter_mut().enumerate() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = state as i32 as f32 / 2_147_483_648.0 * 1.732;
        let noise = match background {
            Background::Line => white * 8.0,
            Background::White15 => white * 32_768.0 * 10f32.powf((speech_level - 15.0) / 20.0),
            Background::Kitchen10 => {
                f32::from(kitchen.samples[(offset + i) % kitchen.samples.len()])
                    * 10f32.powf((speech_level - 10.0 - kitchen_level) / 20.0)
            }
        };
        let voice = i.checked_sub(before).and_then(|k| speech.samples.get(k)).copied().unwrap_or(0);
        *s = (f32::from(voice) + noise) as i16;
    }
    Scene { samples, from_ms: BEFORE_MS + from as u64 / 8, to_ms: BEFORE_MS + to as u64 / 8 }
}

/// Where the speech is: the first and last 10 ms within 30 dB of the loudest.
fn loud_part(samples: &[i16]) -> (usize, usize) {
    let powers: Vec<f32> = samples.chunks(80).map(power).collect();
    let loudest = powers.iter().fold(0.0f32, |a, &b| a.max(b));
    let loud = |p: &&f32| **p > loudest * 1e-3;
    let from = powers.iter().position(|p| loud(&p)).unwrap_or(0);
    let to = powers.iter().rposition(|p| loud(&p)).map_or(powers.len(), |i| i + 1);
    (from * 80, (to * 80).min(samples.len()))
}

#[derive(Default)]
struct Score {
    scenes: usize,
    missed: usize,
    /// More than one utterance.
    cut: usize,
    /// Utterances that begin well before or after the speech.
    phantom: usize,
    /// From the true onset to the frame that said `Started`, ms.
    start_delay: Vec<i64>,
    /// Reported onset less the true one, ms.
    onset_error: Vec<i64>,
    /// Reported last voice less the true end, ms.
    tail: Vec<i64>,
    /// Decision less the true end, ms.
    decided: Vec<i64>,
}

fn percentile(values: &[i64], percent: usize) -> i64 {
    let mut v = values.to_vec();
    v.sort_unstable();
    v.get((v.len().max(1) - 1) * percent / 100).copied().unwrap_or(0)
}

impl Score {
    fn add(&mut self, scene: &Scene, events: &[(u64, ListenEvent)]) {
        self.scenes += 1;
        let mut within = 0;
        let mut last = None;
        for (now, event) in events {
            match *event {
                ListenEvent::Started { at, .. } => {
                    let inside = at.millis() + 300 >= scene.from_ms && at.millis() <= scene.to_ms;
                    if !inside {
                        self.phantom += 1;
                    } else {
                        if within == 0 {
                            self.start_delay.push(*now as i64 - scene.from_ms as i64);
                            self.onset_error.push(at.millis() as i64 - scene.from_ms as i64);
                        }
                        within += 1;
                    }
                }
                ListenEvent::Ended { ended, started, .. } if started.millis() <= scene.to_ms => {
                    last = Some((ended.millis() as i64, *now as i64));
                }
                _ => {}
            }
        }
        self.missed += usize::from(within == 0);
        self.cut += usize::from(within > 1);
        if let (true, Some((ended, now))) = (within > 0, last) {
            self.tail.push(ended - scene.to_ms as i64);
            self.decided.push(now - scene.to_ms as i64);
        }
    }

    fn line(&self, name: &str) -> String {
        let three = |v: &[i64]| format!("{}/{}/{}", percentile(v, 10), percentile(v, 50), percentile(v, 95));
        format!(
            "{name}: {} scenes, missed {} ({:.1} %), cut {} ({:.1} %), phantom {}; p10/p50/p95 ms: start {} onset {} tail {} decided {}",
            self.scenes,
            self.missed,
            self.missed as f32 * 100.0 / self.scenes as f32,
            self.cut,
            self.cut as f32 * 100.0 / self.scenes as f32,
            self.phantom,
            three(&self.start_delay),
            three(&self.onset_error),
            three(&self.tail),
            three(&self.decided),
        )
    }
}

/// Plays samples into a listener; events with the moment at which they were known, ms.
fn listen(samples: &[i16], playing: Option<&[i16]>, rule: EndpointRule) -> Vec<(u64, ListenEvent)> {
    let mut listener = Listener::new();
    listener.set_rule(Some(rule), Moment::ZERO);
    let mut events = Vec::new();
    for (i, piece) in samples.chunks_exact(FRAME_SAMPLES).enumerate() {
        let ours = playing.and_then(|p| p.get(i * FRAME_SAMPLES..(i + 1) * FRAME_SAMPLES)).map(frame);
        let event = listener.push(&frame(piece), Moment::from_millis(i as u64 * 20), ours.as_ref());
        events.extend(event.map(|e| (i as u64 * 20 + 20, e)));
    }
    events
}

fn frame(piece: &[i16]) -> Frame {
    let mut f = Frame::SILENCE;
    f.samples.copy_from_slice(piece);
    f
}

fn run(name: &str, speech: &[Pcm], background: Background, kitchen: &Pcm, rule: EndpointRule) -> Score {
    let mut score = Score::default();
    for (i, pcm) in speech.iter().enumerate() {
        let scene = scene(pcm, background, kitchen, i as u32 + 1);
        score.add(&scene, &listen(&scene.samples, None, rule));
    }
    println!("{}", score.line(&format!("{name} {background:?}")));
    score
}

fn open() -> EndpointRule {
    EndpointRule::for_expect(&Expect::Open { name: "x".into(), examples: [].into() })
}

fn yes_no() -> EndpointRule {
    EndpointRule::for_expect(&Expect::YesNo { phrases: [].into() })
}

#[test]
fn digits_words_and_commands_are_found_whole() {
    let Some(dir) = eval() else { return };
    let kitchen = read(&dir.join("kitchen-noise.wav"));
    for background in [Background::Line, Background::White15, Background::Kitchen10] {
        run("digits", &files(&dir.join("digits"), 10), background, &kitchen, yes_no());
        run("words", &files(&dir.join("words"), 1), background, &kitchen, open());
        run("commands", &files(&dir.join("commands"), 10), background, &kitchen, open());
    }
}

#[test]
fn noise_alone_is_nobody() {
    let Some(dir) = eval() else { return };
    let kitchen = read(&dir.join("kitchen-noise.wav"));
    let events = listen(&kitchen.samples, None, yes_no());
    let starts = events.iter().filter(|(_, e)| matches!(e, ListenEvent::Started { .. })).count();
    println!("kitchen noise at {:.0} dBFS: {starts} utterances in {} s", rms_dbfs(&kitchen.samples), kitchen.millis() / 1_000);
}

#[test]
fn zz_dump() {
    use std::fmt::Write as _;
    let Some(dir) = eval() else { return };
    let kitchen = read(&dir.join("kitchen-noise.wav"));
    let mut out = String::new();
    for (name, step) in [("digits", 4), ("words", 1), ("commands", 6)] {
        for background in [Background::Line, Background::White15, Background::Kitchen10] {
            for (k, pcm) in files(&dir.join(name), step).iter().enumerate() {
                let s = scene(pcm, background, &kitchen, k as u32 + 1);
                writeln!(out, "S {name} {background:?} {} {} {}", k * step, s.from_ms, s.to_ms).unwrap();
                let mut d = super::voice::VoiceDetector::new();
                for piece in s.samples.chunks_exact(FRAME_SAMPLES) {
                    let l = d.push(&frame(piece));
                    writeln!(out, "{:.1} {:.1} {:.2}", l.dbfs, l.above_floor, l.voice).unwrap();
                }
            }
        }
    }
    writeln!(out, "S noise Kitchen10 0 0 0").unwrap();
    let mut d = super::voice::VoiceDetector::new();
    for piece in kitchen.samples.chunks_exact(FRAME_SAMPLES) {
        let l = d.push(&frame(piece));
        writeln!(out, "{:.1} {:.1} {:.2}", l.dbfs, l.above_floor, l.voice).unwrap();
    }
    std::fs::write("/tmp/dump.txt", out).unwrap();
}
