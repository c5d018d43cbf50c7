//! The ears and voices with real worker processes.

use hotline::audio::{FRAME_SAMPLES, Frame, Pcm, Tap, decode_file};
use hotline::base::{EarFailure, Expect, Grammar, Hypothesis, Language, Moment, PromptPart, UtteranceId};
use hotline::speech::{Ear, EarEvent, Ears, EarsConfig, RenderKey, Urgency, Voices, VoicesConfig};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_hotline").into()
}

pub(crate) fn config(workers: usize) -> EarsConfig {
    EarsConfig {
        ears_model: None,
        program: program(),
        pocketsphinx: workers,
        whisper_model: None,
        whisper: 0,
        wait: Duration::from_secs(20),
        deadline: Duration::from_secs(30),
        longest: Duration::from_secs(30),
        always_listen: false,
    }
}

/// Whether this build and this machine can hear at all; said aloud if not.
pub(crate) fn ears(config: EarsConfig) -> Option<Ears> {
    if !cfg!(feature = "pocketsphinx") {
        eprintln!("skipped: built without pocketsphinx");
        return None;
    }
    Some(Ears::start(config).expect("pocketsphinx-en-us is installed"))
}

pub(crate) fn grammar(expect: Expect) -> Grammar {
    Grammar { language: Language::EN, expect, person: Arc::from([]) }
}

fn yes_no() -> Grammar {
    grammar(Expect::YesNo { phrases: Arc::from([]) })
}

pub(crate) fn attach(ears: &Ears) -> (Ear, Receiver<EarEvent>) {
    let (sender, events) = channel();
    let sender = std::sync::Mutex::new(sender);
    let ear = ears.attach(Box::new(move |event| drop(sender.lock().expect("no panic").send(event))));
    (ear, events)
}

/// Puts an utterance into the tap as the audio plane would, only faster.
fn say(ear: &Ear, utterance: u32, sound: &Pcm) {
    say_at(ear, utterance, sound, Duration::ZERO);
}

/// The same, so long from frame to frame (20 ms = as it is spoken).
pub(crate) fn say_at(ear: &Ear, utterance: u32, sound: &Pcm, pace: Duration) {
    let utterance = UtteranceId(utterance);
    let tap = ear.tap();
    tap.send(Tap::Start { utterance, at: Moment::ZERO }).expect("an ear");
    for samples in sound.samples.chunks(FRAME_SAMPLES) {
        let mut frame = Frame::SILENCE;
        frame.samples[..samples.len()].copy_from_slice(samples);
        tap.send(Tap::Frame(frame)).expect("an ear");
        // The workers are other processes: whether they tell something while the caller speaks shows only at a caller's pace.
        std::thread::sleep(pace);
    }
    tap.send(Tap::End { utterance, complete: true }).expect("an ear");
}

fn heard(events: &Receiver<EarEvent>) -> (UtteranceId, Result<String, EarFailure>, Arc<Pcm>) {
    loop {
        if let EarEvent::Heard { utterance, result, clip } = events.recv_timeout(PATIENCE).expect("a result in time") {
            return (utterance, result.map(|h| h.text), clip);
        }
    }
}

/// The next result with all that is known about it.
pub(crate) fn heard_whole(events: &Receiver<EarEvent>) -> Result<Hypothesis, EarFailure> {
    loop {
        if let EarEvent::Heard { result, .. } = events.recv_timeout(PATIENCE).expect("a result in time") {
            return result;
        }
    }
}

/// Speech made by a voice of ours, with line silence around.
pub(crate) fn spoken(text: &str) -> Pcm {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let voices = Voices::start(VoicesConfig::new(program())).expect("a voice");
    let parts = vec![PromptPart::Pause(200), PromptPart::Text(text.into()), PromptPart::Pause(200)];
    let sound = runtime.block_on(voices.render(RenderKey { parts, language: Language::EN })).expect("spoken");
    Pcm::clone(&sound)
}

#[test]
fn a_yes_is_heard_and_the_answer_comes_at_once() {
    let Some(ears) = ears(config(1)) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(yes_no());
    let sound = spoken("yes please");
    say(&ear, 7, &sound);
    let (utterance, text, clip) = heard(&events);
    assert_eq!((utterance, text), (UtteranceId(7), Ok("yes please".to_string())));
    assert!(clip.millis() >= sound.millis());
    assert_eq!(ears.stats().workers, 1);
    assert_eq!(ears.languages(), [Language::EN]);
}

#[test]
fn digits_and_a_person_inside_a_digits_ask() {
    let Some(ears) = ears(config(1)) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(grammar(Expect::Digits { min: 4, max: 4, check: None }));
    say(&ear, 0, &spoken("1 2 3 4"));
    assert_eq!(heard(&events).1, Ok("one two three four".to_string()));
    say(&ear, 1, &spoken("let me talk to a person"));
    let mut early = false;
    loop {
        match events.recv_timeout(PATIENCE).expect("in time") {
            EarEvent::Person { utterance, .. } => early = utterance == UtteranceId(1),
            EarEvent::Heard { result, .. } => {
                assert_eq!(result.expect("heard").text, "let me talk to a person");
                break;
            }
            EarEvent::Complete { .. } => {}
        }
    }
    assert!(early, "the spotter did not tell before the end");
}

#[test]
fn a_language_without_an_engine_says_so() {
    let Some(ears) = ears(config(1)) else { return };
    let (ear, events) = attach(&ears);
    let german = Language::parse("de").expect("a language");
    ear.expect(Grammar { language: german, ..yes_no() });
    say(&ear, 0, &Pcm { samples: vec![50; 8_000] });
    assert_eq!(heard(&events).1, Err(EarFailure::NoEngine));
    ear.expect(Grammar { language: german, expect: Expect::Anything, person: Arc::from([]) });
    say(&ear, 1, &Pcm { samples: vec![50; 8_000] });
    assert_eq!(heard(&events).1, Ok(String::new()));
}

/// The small model knows requests for a person and yes and no in Mandarin; of questions nothing.
#[test]
#[cfg(feature = "whisper")]
fn chinese_callers_reach_a_person_without_any_download() {
    let Some(ears) = ears(config(1)) else { return };
    assert_eq!(ears.languages(), [Language::EN]);
    let (ear, events) = attach(&ears);
    let fixture = |name: &str| {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures").join(name);
        decode_file(&std::fs::read(file).expect("a fixture"), Some("wav")).expect("a sound file")
    };
    let chinese = |expect: Expect| Grammar { language: Language::ZH, expect, person: Arc::from(["转人工".to_string()]) };
    let question = Expect::Open { name: Arc::from("zh"), examples: Arc::from(["我的包裹在哪里".to_string()]) };
    ear.expect(chinese(question.clone()));
    // Whatever words of their own the flow has for it.
    for person in [vec![], vec!["转人工".to_string()], vec!["找人".to_string()]] {
        ear.expect(Grammar { person: Arc::from(person), ..chinese(question.clone()) });
        say(&ear, 0, &fixture("zh-person-2.wav"));
        assert_eq!(heard(&events).1, Ok("转人工".to_string()));
    }
    ear.expect(chinese(question));
    say(&ear, 2, &fixture("zh-where-1.wav"));
    assert_eq!(heard(&events).1, Err(EarFailure::NoEngine));
    // Of a message the sound is wanted; a person is heard in it all the same, and told, be it after the sound.
    ear.expect(chinese(Expect::Anything));
    say(&ear, 3, &fixture("zh-where-1.wav"));
    assert_eq!(heard(&events).1, Ok(String::new()));
    say(&ear, 4, &fixture("zh-person-2.wav"));
    let (mut sound, mut person) = (false, false);
    while !(sound && person) {
        match events.recv_timeout(PATIENCE).expect("in time") {
            EarEvent::Heard { utterance, result, .. } => {
                assert_eq!((utterance, result.map(|heard| heard.text)), (UtteranceId(4), Ok(String::new())));
                sound = true;
            }
            EarEvent::Person { utterance, .. } => {
                assert_eq!(utterance, UtteranceId(4), "the parcel is no person");
                person = true;
            }
            EarEvent::Complete { .. } => {}
        }
    }
}

#[test]
fn a_full_pool_costs_one_utterance() {
    let Some(ears) = ears(EarsConfig { wait: Duration::ZERO, ..config(1) }) else { return };
    let ((first, first_events), (second, second_events)) = (attach(&ears), attach(&ears));
    first.expect(yes_no());
    second.expect(yes_no());
    let tap = first.tap();
    tap.send(Tap::Start { utterance: UtteranceId(0), at: Moment::ZERO }).expect("an ear");
    tap.send(Tap::Frame(Frame::SILENCE)).expect("an ear");
    let patience = Instant::now();
    while ears.stats().busy == 0 {
        assert!(patience.elapsed() < PATIENCE, "no worker was taken");
        std::thread::yield_now();
    }
    say(&second, 0, &Pcm { samples: vec![0; 1_600] });
    assert_eq!(heard(&second_events).1, Err(EarFailure::Busy));
    tap.send(Tap::End { utterance: UtteranceId(0), complete: true }).expect("an ear");
    assert!(heard(&first_events).1.is_ok());
    say(&second, 1, &spoken("no"));
    assert_eq!(heard(&second_events).1, Ok("no".to_string()));
}

#[test]
fn who_was_asked_something_goes_before_who_speaks_aside_and_nobody_loses_a_word() {
    let Some(ears) = ears(config(1)) else { return };
    let ((aside, aside_events), (asked, asked_events)) = (attach(&ears), attach(&ears));
    aside.expect_as(yes_no(), Urgency::Aside);
    asked.expect(yes_no());
    let (tap, sound) = (aside.tap(), spoken("yes please"));
    let frame = |samples: &[i16]| {
        let mut frame = Frame::SILENCE;
        frame.samples[..samples.len()].copy_from_slice(samples);
        Tap::Frame(frame)
    };
    let frames: Vec<Tap> = sound.samples.chunks(FRAME_SAMPLES).map(frame).collect();
    tap.send(Tap::Start { utterance: UtteranceId(0), at: Moment::ZERO }).expect("an ear");
    for frame in &frames[..frames.len() / 2] {
        tap.send(*frame).expect("an ear");
    }
    let patience = Instant::now();
    while ears.stats().busy == 0 {
        assert!(patience.elapsed() < PATIENCE, "no worker was taken");
        std::thread::yield_now();
    }
    // The only worker is taken by who speaks aside, who goes on speaking meanwhile.
    let (done, stop) = (std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)), tap.clone());
    let going_on = done.clone();
    let speaks = std::thread::spawn(move || {
        while !going_on.load(std::sync::atomic::Ordering::Acquire) {
            let _ = stop.try_send(Tap::Frame(Frame::SILENCE));
            // Frames come as the audio plane sends them; the workers are other processes.
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    say(&asked, 0, &spoken("no"));
    assert_eq!(heard(&asked_events).1, Ok("no".to_string()));
    done.store(true, std::sync::atomic::Ordering::Release);
    speaks.join().expect("no panic");
    for frame in &frames[frames.len() / 2..] {
        tap.send(*frame).expect("an ear");
    }
    tap.send(Tap::End { utterance: UtteranceId(0), complete: true }).expect("an ear");
    let (_, text, clip) = heard(&aside_events);
    assert!(clip.millis() >= sound.millis(), "{text:?}");
    assert!(text.is_ok_and(|text| text.contains("yes")), "what was said before the worker was given away is lost");
}

#[test]
fn a_worker_that_dies_costs_one_utterance_and_is_replaced() {
    let Some(ears) = ears(config(1)) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(yes_no());
    let pid = ears.idle_pids()[0];
    let tap = ear.tap();
    tap.send(Tap::Start { utterance: UtteranceId(0), at: Moment::ZERO }).expect("an ear");
    tap.send(Tap::Frame(Frame::SILENCE)).expect("an ear");
    let patience = Instant::now();
    while ears.stats().busy == 0 {
        assert!(patience.elapsed() < PATIENCE, "no worker was taken");
        std::thread::yield_now();
    }
    // SAFETY: a signal to a process that this test started.
    unsafe { libc::kill(i32::try_from(pid).expect("a pid"), libc::SIGKILL) };
    tap.send(Tap::End { utterance: UtteranceId(0), complete: true }).expect("an ear");
    assert_eq!(heard(&events).1, Err(EarFailure::Crashed));
    // The next utterance waits for the new worker, which is another process.
    say(&ear, 1, &spoken("yes"));
    assert_eq!(heard(&events).1, Ok("yes".to_string()));
    assert!(ears.stats().restarts >= 1 && ears.idle_pids() != [pid]);
}

#[test]
fn a_worker_that_stops_answering_is_ended() {
    let Some(ears) = ears(EarsConfig { deadline: Duration::from_millis(300), ..config(1) }) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(yes_no());
    let pid = i32::try_from(ears.idle_pids()[0]).expect("a pid");
    // SAFETY: a signal to a process that this test started.
    unsafe { libc::kill(pid, libc::SIGSTOP) };
    say(&ear, 0, &Pcm { samples: vec![0; 1_600] });
    assert_eq!(heard(&events).1, Err(EarFailure::TooSlow));
}

#[test]
fn the_sound_of_a_message_waits_for_no_engine() {
    let Some(ears) = ears(config(1)) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(grammar(Expect::Anything));
    let pid = i32::try_from(ears.idle_pids()[0]).expect("a pid");
    // SAFETY: a signal to a process that this test started.
    unsafe { libc::kill(pid, libc::SIGSTOP) };
    // Longer than what fits between the two processes.
    let sound = Pcm { samples: (0..25 * 8_000).map(|i| i as i16).collect() };
    let began = Instant::now();
    say(&ear, 0, &sound);
    let (_, result, clip) = heard(&events);
    assert!(result.is_ok() && clip.samples.starts_with(&sound.samples), "{} samples", clip.samples.len());
    assert!(began.elapsed() < config(1).deadline, "it waited for an engine that hangs: {:?}", began.elapsed());
    // Another one may hear the next utterance.
    ear.expect(yes_no());
    say(&ear, 1, &spoken("yes"));
    assert_eq!(heard(&events).0, UtteranceId(1));
}

#[test]
fn a_withdrawn_utterance_has_no_result() {
    let Some(ears) = ears(config(1)) else { return };
    let (ear, events) = attach(&ears);
    ear.expect(yes_no());
    let tap = ear.tap();
    tap.send(Tap::Start { utterance: UtteranceId(0), at: Moment::ZERO }).expect("an ear");
    tap.send(Tap::Frame(Frame::SILENCE)).expect("an ear");
    tap.send(Tap::Withdrawn { utterance: UtteranceId(0) }).expect("an ear");
    say(&ear, 1, &spoken("yes"));
    assert_eq!(heard(&events).0, UtteranceId(1));
}

#[test]
fn a_missing_program_is_a_sentence() {
    let why = Ears::start(EarsConfig { program: "/nowhere/hotline".into(), ..config(1) }).err().expect("no such program");
    assert!(why.to_string().contains("/nowhere/hotline"), "{why}");
}

#[test]
fn recordings_play_beside_speech() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("beep.wav");
    std::fs::write(&file, hotline::audio::write_wav(&hotline::audio::beep(440.0, 500, -20.0))).expect("written");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let voices = Voices::start(VoicesConfig::new(program())).expect("a voice");
    let parts = vec![PromptPart::File(file), PromptPart::Text("Welcome.".into())];
    let sound = runtime.block_on(voices.render(RenderKey { parts, language: Language::EN })).expect("sound");
    assert!(sound.millis() > 800);
    assert!(decode_file(&hotline::audio::write_wav(&sound), None).is_ok());
}

#[test]
fn a_file_is_transcribed_with_figures() {
    if !cfg!(feature = "pocketsphinx") {
        eprintln!("skipped: built without pocketsphinx");
        return;
    }
    use hotline::cli::transcribe::{TranscribeArgs, transcribe};
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.wav"), hotline::audio::write_wav(&spoken("can i get a large cappuccino")))
        .expect("written");
    std::fs::write(folder.path().join("drinks.yaml"), "drink: [cappuccino, orange juice]\nsize: [small, large]\n")
        .expect("written");
    let table =
        "file\ttranscript\tslots\na.wav\tcan i get a large cappuccino\t{\"drink\": \"cappuccino\", \"size\": \"large\"}\n";
    std::fs::write(folder.path().join("index.tsv"), table).expect("written");
    for grammar in [
        "can i get a large cappuccino | can i get a small orange juice | agent".to_string(),
        format!("@{}/drinks.yaml", folder.path().display()),
    ] {
        let refs = Some(folder.path().join("index.tsv"));
        let args = TranscribeArgs { grammar: Some(grammar.clone()), refs, json: true, ..TranscribeArgs::default() };
        let mut out = Vec::new();
        assert_eq!(transcribe(&args, &mut out), Ok(true));
        let figures: serde_json::Value = serde_json::from_slice(&out).expect("one document");
        assert_eq!(figures["utterances"], 1);
        if grammar.starts_with('@') {
            assert_eq!(figures["slots_exact"], 1.0, "{figures}");
        } else {
            assert_eq!((&figures["exact"], &figures["wer"]), (&1.0.into(), &0.0.into()), "{figures}");
        }
        assert!(figures["cpu_seconds_per_second"].as_f64().expect("a number") > 0.0);
    }
}
