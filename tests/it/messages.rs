//! Messages on real calls: their sound is kept at once, their words a little later, and whoever reads messages reads them.

use crate::gateway::{Gateway, Wanted, hotline};
use crate::speech::{PATIENCE, spoken};
use hotline::audio::telephone;
use hotline::base::{Engine, Expect, Grammar, Language};
use hotline::speech::{Scribe, ScribeConfig, Written};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// What callers say after the tone.
const SAID: &str = "hello this is john from the garden shop please call me back tomorrow morning about my order";

/// Words are known behind everything else that the machine does, and other tests do a lot.
const WRITTEN: Duration = Duration::from_secs(300);

/// A mailbox and nothing else.
const FLOW: &str = "hotline: 1
name: mailbox
languages: [en]
start: mail
person: { key: \"0\", to: desk, say: One moment. }
targets:
  desk: { sip: \"sip:desk@127.0.0.1:9\", ring: 5s }
nodes:
  mail: { message: This is an automatic mailbox. Please leave a message., thanks: Thank you., then: bye }
  bye: { hang_up: Good bye. }
";

/// Words of `said` that stand in `heard` in the same order: their share of all (as in a word error rate without what was put in).
fn share_heard(said: &str, heard: &str) -> f64 {
    let (said, heard): (Vec<&str>, Vec<&str>) = (said.split(' ').collect(), heard.split(' ').collect());
    let mut row = vec![0; heard.len() + 1];
    for word in &said {
        let mut diagonal = 0;
        for (n, other) in heard.iter().enumerate() {
            let above = row[n + 1];
            row[n + 1] = if word == other { diagonal + 1 } else { above.max(row[n]) };
            diagonal = above;
        }
    }
    f64::from(row[heard.len()]) / said.len() as f64
}

/// The caller's words in a recording, in the voice that PocketSphinx hears best: what is tried here is the way of a message.
fn recording(folder: &Path) -> PathBuf {
    let path = folder.join("caller.wav");
    let (code, text) = hotline(&["say", SAID, "-o", &path.to_string_lossy(), "--voice", "rms"]);
    assert_eq!(code, 0, "{text}");
    path
}

fn gateway(folder: &Path, more: &str) -> Gateway {
    let flow = folder.join("mailbox.yaml");
    std::fs::write(&flow, FLOW).expect("written");
    Gateway::start(Wanted { flow: &flow.to_string_lossy(), more, alone: true, ..Wanted::default() })
}

/// Leaves a message, and hangs up so long after it.
fn call(gateway: &Gateway, recording: &Path, hang_up_after: &str) {
    let (uri, recording) = (format!("sip:5551000@{}", gateway.sip), recording.to_string_lossy());
    let (code, text) = hotline(&["call", &uri, "--wait", "500", "--play", &recording, "--hangup-after", hang_up_after]);
    assert_eq!(code, 0, "{text}");
}

fn messages(gateway: &Gateway) -> Vec<Value> {
    let (code, text) = hotline(&["--json", "calls", "messages", "--config", &gateway.config.to_string_lossy()]);
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(text.trim()).expect("JSON")
}

/// Once something is known of the words of so many messages.
fn written(gateway: &Gateway, count: usize) -> Vec<Value> {
    let until = Instant::now() + WRITTEN;
    loop {
        let all = messages(gateway);
        if all.iter().filter(|m| !m["words"].is_null()).count() >= count {
            return all;
        }
        assert!(Instant::now() < until, "the words of {count} messages should be there: {all:?}");
        // Another process writes them down; each look is a process of its own.
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_callers_say_after_the_tone_is_read_by_whoever_reads_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut gateway = gateway(folder.path(), "");
    // One waits for the thanks, the other hangs up while the message is taken.
    let said = recording(folder.path());
    call(&gateway, &said, "9000");
    call(&gateway, &said, "300");
    gateway.ended_calls(2);
    let all = messages(&gateway);
    assert!(all.len() == 2 && all.iter().all(|m| m["sound"].is_string()), "the sound waits for no words: {all:?}");
    if !cfg!(feature = "pocketsphinx") {
        eprintln!("skipped: built without pocketsphinx, nobody writes messages down");
        return;
    }
    for message in written(&gateway, 2) {
        let words = message["words"].as_str().expect("words");
        eprintln!("{words:?} ({})", message["lacking"]);
        assert!(share_heard(SAID, words) >= 0.8, "{words:?} for {SAID:?}");
        let id = message["call"].as_str().expect("an id");
        let (code, text) = hotline(&["calls", "show", id, "--config", &gateway.config.to_string_lossy()]);
        let line = text.lines().find(|line| line.contains("message   ")).expect("the message");
        assert!(code == 0 && line.contains("message.wav") && line.contains(words), "{text}");
        assert_eq!(text.matches(words).count(), 1, "told once: {text}");
    }
    // The log tells that it was done, and no word of it.
    let line = gateway.said("a message was written down");
    assert!(line.contains("17") && !["hello", "john", "garden", "order"].iter().any(|word| line.contains(word)), "{line}");
}

#[test]
fn a_gateway_that_shall_not_write_messages_down_keeps_their_sound_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = gateway(folder.path(), "[speech]\npocketsphinx = 0\n");
    call(&gateway, &recording(folder.path()), "300");
    gateway.ended_calls(1);
    let all = written(&gateway, 1);
    assert_eq!((all[0]["words"].as_str(), all[0]["lacking"].as_str()), (Some(""), Some("no recogniser here understands en")));
    assert!(all[0]["sound"].is_string(), "{all:?}");
}

fn written_down(scribe: &Scribe, language: Language, samples: Vec<i16>) -> Written {
    let expect = Expect::Open { name: "message".into(), examples: Arc::from([]) };
    let (tell, told) = channel();
    let sound = Arc::new(hotline::audio::Pcm { samples });
    let grammar = Grammar { language, expect, person: Arc::from([]) };
    scribe.write_down(sound, grammar, Box::new(move |written| drop(tell.send(written))));
    told.recv_timeout(WRITTEN).expect("written down")
}

#[test]
fn a_long_message_is_written_down_and_another_language_is_said_not_guessed() {
    if !cfg!(feature = "pocketsphinx") {
        eprintln!("skipped: built without pocketsphinx");
        return;
    }
    let program = env!("CARGO_BIN_EXE_hotline").into();
    let scribe = Scribe::start(&ScribeConfig { program, whisper_model: None, pocketsphinx: true });
    // Who speaks for two minutes breathes.
    let folder = tempfile::tempdir().expect("a folder");
    let said = std::fs::read(recording(folder.path())).expect("a recording");
    let said = hotline::audio::decode_file(&said, Some("wav")).expect("a WAV").samples;
    let mut sound = [said, vec![0; 4_000]].concat();
    hotline::audio::Dice::new(1).add_noise(&mut sound, 20.0);
    telephone(&mut sound);
    let times = 120 * 8_000 / sound.len();
    let began = Instant::now();
    let long = written_down(&scribe, Language::EN, sound.repeat(times));
    let (words, said) = (long.text.reveal().as_str(), [SAID].repeat(times).join(" "));
    eprintln!(
        "{times} times, in {:?}, {} ms of processor: {:.3} {words:?}",
        began.elapsed(),
        long.cpu_ms,
        share_heard(&said, words)
    );
    assert!(share_heard(&said, words) >= 0.8, "{words:?}");
    let other = written_down(&scribe, Language::ZH, vec![0; 8_000]);
    assert_eq!((other.text.reveal().as_str(), other.lacking.as_deref()), ("", Some("no recogniser here understands zh")));
    // Nothing more is written down, and that is said at once.
    let stopped = Instant::now();
    scribe.stop();
    let late = written_down(&scribe, Language::EN, sound);
    assert!(late.lacking.is_some_and(|why| why.contains("ended")) && stopped.elapsed() < PATIENCE);
}

#[test]
fn whisper_writes_messages_down_where_there_is_a_model() {
    if !cfg!(feature = "whisper") {
        eprintln!("skipped: built without whisper");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let model = crate::whisper::model(folder.path(), &["meet", "me", "at", "noon"], "");
    let (program, whisper_model) = (env!("CARGO_BIN_EXE_hotline").into(), Some(model));
    let scribe = Scribe::start(&ScribeConfig { program, whisper_model, pocketsphinx: true });
    let written = written_down(&scribe, Language::EN, spoken("meet me at noon").samples);
    assert_eq!((written.text.reveal().as_str(), written.engine), ("meet me at noon", Some(Engine::Whisper)), "{written:?}");
    assert_eq!(written.lacking, None);
    // Nobody spoke: the model's words are none.
    let nobody = written_down(&scribe, Language::EN, vec![3; 16_000]);
    assert_eq!((nobody.text.reveal().as_str(), nobody.lacking.as_deref()), ("", Some("no words were heard in it")));
}
