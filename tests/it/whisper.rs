//! Whisper's whole path — file, loader, worker process, encoder, decoder, rejection, spotter beside it — without a
//! downloaded model: [`model`] writes a ggml file in which all weights are zero but those that make the decoder say one
//! sentence, whatever it hears. What a real model understands is not shown here.

use crate::speech::{PATIENCE, attach, config, ears, grammar, heard_whole, say_at, spoken};
use hotline::base::{Confidence, Engine, Expect};
use hotline::speech::EarEvent;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// Sizes of the tiny English model: vocabulary, contexts and widths as whisper.cpp wants them.
const VOCABULARY: usize = 51_864;
const WIDTH: usize = 64;
const AUDIO_CONTEXT: usize = 1_500;
const TEXT_CONTEXT: usize = 448;
const MELS: usize = 80;
/// The token that ends a text, fixed in whisper.cpp for English models.
const END: usize = 50_256;

/// Frames come as they are spoken.
const FRAME: Duration = Duration::from_millis(20);

/// A ggml file being written (whisper.cpp, `whisper_model_load`).
struct Ggml(Vec<u8>);

impl Ggml {
    fn number(&mut self, value: usize) {
        self.0.extend(u32::try_from(value).expect("small").to_le_bytes());
    }

    /// A tensor; `dims` with the fastest first. One dimension, biases and positions are 32-bit floats, the rest 16-bit.
    fn tensor(&mut self, name: &str, dims: &[usize], half: bool, values: &dyn Fn(usize) -> f32) {
        self.number(dims.len());
        self.number(name.len());
        self.number(usize::from(half));
        dims.iter().for_each(|d| self.number(*d));
        self.0.extend(name.as_bytes());
        for i in 0..dims.iter().product() {
            match half {
                true => self.0.extend(half_float(values(i)).to_le_bytes()),
                false => self.0.extend(values(i).to_le_bytes()),
            }
        }
    }

    fn norm(&mut self, name: &str, gain: f32) {
        self.tensor(&format!("{name}.weight"), &[WIDTH], false, &|_| gain);
        self.tensor(&format!("{name}.bias"), &[WIDTH], false, &|_| 0.0);
    }

    fn attention(&mut self, name: &str) {
        for part in ["query", "key", "value", "out"] {
            self.tensor(&format!("{name}.{part}.weight"), &[WIDTH, WIDTH], true, &|_| 0.0);
            if part != "key" {
                self.tensor(&format!("{name}.{part}.bias"), &[WIDTH], false, &|_| 0.0);
            }
        }
    }

    fn block(&mut self, name: &str, cross: bool) {
        self.norm(&format!("{name}.attn_ln"), 1.0);
        self.attention(&format!("{name}.attn"));
        if cross {
            self.norm(&format!("{name}.cross_attn_ln"), 1.0);
            self.attention(&format!("{name}.cross_attn"));
        }
        self.norm(&format!("{name}.mlp_ln"), 1.0);
        self.tensor(&format!("{name}.mlp.0.weight"), &[WIDTH, 4 * WIDTH], true, &|_| 0.0);
        self.tensor(&format!("{name}.mlp.0.bias"), &[4 * WIDTH], false, &|_| 0.0);
        self.tensor(&format!("{name}.mlp.2.weight"), &[4 * WIDTH, WIDTH], true, &|_| 0.0);
        self.tensor(&format!("{name}.mlp.2.bias"), &[WIDTH], false, &|_| 0.0);
    }
}

/// Only the few values used here: zero and powers of two from 2^-14 to 2^15.
fn half_float(value: f32) -> u16 {
    if value == 0.0 { 0 } else { u16::try_from((value.log2() as i32 + 15) << 10).expect("a power of two") }
}

/// Writes a model that says these words. Token i is word i and lies along axis i of the decoder's space; the position at
/// which a word is due points along that word's axis. `told` = what it is told to expect, which stands before the text: of that this
/// vocabulary knows the blanks, and one token says that it is no text of its own.
pub(crate) fn model(folder: &Path, words: &[&str], told: &str) -> PathBuf {
    let before = if told.is_empty() { 0 } else { 1 + told.matches(' ').count() };
    let mut file = Ggml(b"lmgg".to_vec());
    for value in [VOCABULARY, AUDIO_CONTEXT, WIDTH, 1, 1, TEXT_CONTEXT, WIDTH, 1, 1, MELS, 1] {
        file.number(value);
    }
    file.number(MELS);
    file.number(201);
    file.0.resize(file.0.len() + MELS * 201 * 4, 0);
    // whisper.cpp looks the last three up by their text and throws where they are missing.
    let vocabulary = words.iter().map(|word| format!(" {word}")).chain([" ", " -", " '"].map(String::from));
    file.number(words.len() + 3);
    for token in vocabulary {
        file.number(token.len());
        file.0.extend(token.as_bytes());
    }
    file.tensor("encoder.positional_embedding", &[WIDTH, AUDIO_CONTEXT], false, &|_| 0.0);
    file.tensor("encoder.conv1.weight", &[3, MELS, WIDTH], true, &|_| 0.0);
    file.tensor("encoder.conv1.bias", &[1, WIDTH], false, &|_| 0.0);
    file.tensor("encoder.conv2.weight", &[3, WIDTH, WIDTH], true, &|_| 0.0);
    file.tensor("encoder.conv2.bias", &[1, WIDTH], false, &|_| 0.0);
    file.block("encoder.blocks.0", false);
    file.norm("encoder.ln_post", 1.0);
    // A text begins behind two tokens: "start" and "no times". The word for position 1 is the first.
    let due = |position: usize| position.checked_sub(1 + before).map_or(words.len(), |nth| nth.min(words.len()));
    file.tensor("decoder.positional_embedding", &[WIDTH, TEXT_CONTEXT], false, &|i| {
        if i % WIDTH == due(i / WIDTH) { 16.0 } else { 0.0 }
    });
    file.tensor("decoder.token_embedding.weight", &[WIDTH, VOCABULARY], true, &|i| {
        let (token, axis) = (i / WIDTH, i % WIDTH);
        let own = if token == END { words.len() } else { token };
        if own < WIDTH && own <= words.len() && axis == own && (token == END || token < words.len()) { 1.0 } else { 0.0 }
    });
    file.block("decoder.blocks.0", true);
    file.norm("decoder.ln", 4.0);
    let path = folder.join("ggml-one-sentence.bin");
    std::fs::write(&path, file.0).expect("a disk");
    path
}

fn open() -> Expect {
    Expect::Open { name: "whisper-test".into(), examples: Arc::from(["where is my parcel".to_string()]) }
}

#[test]
fn a_model_hears_an_open_question_and_the_spotter_listens_beside_it() {
    if !cfg!(feature = "whisper") {
        return eprintln!("skipped: built without whisper");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let model = model(folder.path(), &["give", "back", "what", "you", "took"], " where is my parcel.");
    let Some(ears) = ears(hotline::speech::EarsConfig { whisper_model: Some(model), whisper: 1, ..config(1) }) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(grammar(open()));
    say_at(&ear, 0, &spoken("give back what you took"), FRAME);
    let hypothesis = heard_whole(&events).expect("heard");
    assert_eq!((hypothesis.text.as_str(), hypothesis.engine), ("give back what you took", Engine::Whisper));
    assert!(hypothesis.rejected.is_none() && hypothesis.confidence > Confidence::new(0.9), "{hypothesis:?}");
    // A wish for a person is told while Whisper still waits for the end of the utterance.
    say_at(&ear, 1, &spoken("let me talk to a person"), FRAME);
    let first = events.recv_timeout(PATIENCE).expect("in time");
    assert!(matches!(first, EarEvent::Person { .. }), "{first:?}");
    // Silence is not written down as words, whatever the model would say.
    heard_whole(&events).expect("heard");
    say_at(&ear, 2, &hotline::audio::Pcm { samples: vec![3; 8_000] }, FRAME);
    assert_eq!(heard_whole(&events).expect("an answer").rejected.as_deref(), Some("silence"));
    // Closed asks stay with the streaming engine.
    ear.expect(grammar(Expect::YesNo { phrases: Arc::from([]) }));
    say_at(&ear, 3, &spoken("yes please"), FRAME);
    let hypothesis = heard_whole(&events).expect("heard");
    assert_eq!((hypothesis.text.as_str(), hypothesis.engine), ("yes please", Engine::Pocketsphinx));
}

#[test]
fn what_the_streaming_engine_heard_counts_when_whisper_hangs() {
    if !cfg!(feature = "whisper") {
        return eprintln!("skipped: built without whisper");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let model = model(folder.path(), &["nothing", "of", "the", "kind"], "");
    let deadline = std::time::Duration::from_millis(800);
    let settings = hotline::speech::EarsConfig { whisper_model: Some(model), whisper: 1, deadline, ..config(1) };
    let Some(ears) = ears(settings) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(grammar(open()));
    let pid = i32::try_from(*ears.idle_pids().last().expect("two workers")).expect("a pid");
    // SAFETY: a signal to a process that this test started.
    unsafe { libc::kill(pid, libc::SIGSTOP) };
    say_at(&ear, 0, &spoken("where is my parcel"), FRAME);
    let hypothesis = heard_whole(&events).expect("the other engine's words");
    assert_eq!((hypothesis.text.as_str(), hypothesis.engine), ("where is my parcel", Engine::Pocketsphinx));
    assert!(hypothesis.why.as_deref().is_some_and(|why| why.contains("TooSlow")), "{hypothesis:?}");
}

#[test]
fn inventions_of_a_model_are_refused_and_a_file_is_transcribed() {
    if !cfg!(feature = "whisper") {
        return eprintln!("skipped: built without whisper");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sound = crate::gateway::checkout().join("audio-fixtures/where-1.wav");
    let transcribe = |words: &[&str]| {
        let model = model(folder.path(), words, "");
        let run = Command::new(crate::gateway::HOTLINE)
            .args(["transcribe", "--json", "--engine", "whisper", "--model"])
            .args([&model, &sound])
            .output()
            .expect("the binary starts");
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap_or_default())
            .unwrap_or_else(|e| panic!("{e}: {text} {}", String::from_utf8_lossy(&run.stderr)))
    };
    let heard = transcribe(&["where", "is", "my", "parcel"]);
    assert_eq!((heard["text"].as_str(), heard["engine"].as_str()), (Some("where is my parcel"), Some("whisper")), "{heard}");
    let invented = transcribe(&["thank", "you", "for", "watching"]);
    assert_eq!(invented["rejected"].as_str(), Some("an invention of the model"), "{invented}");
    let stuck = transcribe(&["no"; 40]);
    assert_eq!(stuck["rejected"].as_str(), Some("an invention of the model"), "{stuck}");
}
