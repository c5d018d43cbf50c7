//! Messages are written down by stand-ins: who dies, hangs, does not start, or speaks another language.

use super::*;
use crate::base::Expect;
use std::sync::mpsc::channel;

/// What an engine does with the next piece.
#[derive(Clone, Copy)]
enum Does {
    Hears(&'static str),
    Dies,
    Hangs,
    Refuses,
}

/// An engine that does these things one after the other, and hears "…" from then on.
struct StandIn {
    language: Language,
    does: Arc<Mutex<Vec<Does>>>,
}

impl Hand for StandIn {
    fn speaks(&self, language: Language) -> bool {
        language == self.language
    }

    fn hear(&mut self, _: &Grammar, _: &[i16], until: Instant, stopping: &AtomicBool) -> Result<Hypothesis, Trouble> {
        let next = self.does.lock().expect("no panic").pop();
        match next.unwrap_or(Does::Hears("and so on")) {
            Does::Hears(text) => Ok(Hypothesis { cpu_ms: 100, engine: Engine::Pocketsphinx, ..Hypothesis::typed(text) }),
            Does::Dies => Err(Trouble::Dead),
            Does::Refuses => Err(Trouble::Refused("no such grammar".to_string())),
            Does::Hangs => {
                while Instant::now() < until && !stopping.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                Err(Trouble::Slow)
            }
        }
    }
}

fn engine(language: Language, does: &[Does]) -> Hire {
    let does = Arc::new(Mutex::new(does.iter().rev().copied().collect()));
    Box::new(move || Ok(Box::new(StandIn { language, does: Arc::clone(&does) })))
}

fn broken() -> Hire {
    Box::new(|| Err("the model is not there".to_string()))
}

fn grammar(language: Language) -> Grammar {
    Grammar { language, expect: Expect::Open { name: "x".into(), examples: Arc::from([]) }, person: Arc::from([]) }
}

/// A message of so many seconds, in pieces of at most twenty.
fn sound(seconds: usize) -> Arc<Pcm> {
    Arc::new(Pcm { samples: vec![1_000; seconds * LINE_RATE as usize] })
}

fn written(engines: Vec<Hire>, seconds: usize, within: Duration) -> Written {
    let mut writing = Writing { engines, present: None, stopping: Arc::default() };
    writing.write(&sound(seconds).samples, &grammar(Language::EN), Instant::now() + within)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_message_is_written_down_piece_by_piece() {
    let all = written(vec![engine(Language::EN, &[Does::Hears("call me back"), Does::Hears("please")])], 50, LONG);
    assert_eq!(all.text.reveal(), "call me back please and so on");
    assert_eq!((all.engine, all.lacking, all.cpu_ms), (Some(Engine::Pocketsphinx), None, 300));
    assert!((all.confidence.get() - 1.0).abs() < 0.01, "{:?}", all.confidence);
}

#[test]
fn an_engine_that_dies_is_replaced_once_and_costs_only_what_comes_after() {
    let once = written(vec![engine(Language::EN, &[Does::Dies, Does::Hears("call me back")])], 10, LONG);
    assert_eq!((once.text.reveal().as_str(), once.lacking), ("call me back", None));
    let twice = written(vec![engine(Language::EN, &[Does::Hears("call me back"), Does::Dies, Does::Dies])], 30, LONG);
    assert_eq!(twice.text.reveal(), "call me back");
    let why = twice.lacking.expect("a reason");
    assert!(why.starts_with("from second ") && why.ends_with("the recogniser died twice over it"), "{why}");
    let refused = written(vec![engine(Language::EN, &[Does::Refuses])], 5, LONG);
    assert_eq!((refused.text.reveal().as_str(), refused.lacking.as_deref()), ("", Some("no such grammar")));
}

#[test]
fn an_engine_that_never_answers_is_given_up() {
    let none = written(vec![engine(Language::EN, &[Does::Hangs])], 5, Duration::from_millis(1));
    assert_eq!(none, Written::lacking("the recogniser did not answer in time"));
}

#[test]
fn the_first_engine_that_is_there_and_speaks_the_language_writes() {
    let zh = || engine(Language::ZH, &[Does::Hears("你好")]);
    let en = || engine(Language::EN, &[Does::Hears("hello")]);
    for engines in [vec![en()], vec![zh(), en()], vec![broken(), en()]] {
        assert_eq!(written(engines, 5, LONG).text.reveal(), "hello");
    }
    assert_eq!(written(vec![], 5, LONG), Written::lacking("no recogniser here understands en"));
    assert_eq!(written(vec![zh()], 5, LONG), Written::lacking("no recogniser here understands en"));
    assert_eq!(written(vec![broken(), zh()], 5, LONG), Written::lacking("the model is not there"));
    assert_eq!(
        written(vec![engine(Language::EN, &[Does::Hears("")])], 5, LONG).lacking.as_deref(),
        Some("no words were heard in it")
    );
}

#[test]
fn what_whisper_refuses_is_left_out_and_doubts_are_told() {
    let heard = |text: &str, engine, sure: f32, rejected: Option<&str>| Hypothesis {
        engine,
        confidence: Confidence::new(sure),
        rejected: rejected.map(str::to_string),
        ..Hypothesis::typed(text)
    };
    let mut whisper = Written::default();
    whisper.add(&heard("call me back", Engine::Whisper, 0.9, None), 0, 10);
    whisper.add(&heard("thanks for watching", Engine::Whisper, 0.1, Some("an invention of the model")), 10, 10);
    assert_eq!((whisper.text.reveal().as_str(), whisper.confidence), ("call me back", Confidence::new(0.5)));
    let mut sphinx = Written::default();
    sphinx.add(&heard("call the back", Engine::Pocketsphinx, 0.2, Some("a doubt")), 0, 10);
    assert_eq!(sphinx.text.reveal(), "call the back");
    assert!(!format!("{sphinx:?}").contains("back"), "{sphinx:?}");
}

#[test]
fn too_many_messages_and_the_end_leave_none_without_a_reason() {
    let scribe = Scribe::with(vec![engine(Language::EN, &[Does::Hangs])]);
    let (tell, told) = channel();
    // One hangs in the engine, the others wait; the last ones find no room.
    for _ in 0..WAITING_MAX + 5 {
        let tell = tell.clone();
        scribe.write_down(sound(1), grammar(Language::EN), Box::new(move |written| drop(tell.send(written.lacking))));
    }
    let refused: Vec<_> = told.try_iter().collect();
    assert!((4..=5).contains(&refused.len()) && refused.iter().all(|why| why.as_deref() == Some(TOO_MANY)), "{refused:?}");
    scribe.stop();
    let given_up: Vec<_> = told.try_iter().collect();
    assert_eq!(given_up.len() + refused.len(), WAITING_MAX + 5);
    assert!(given_up.iter().all(|why| why.as_deref() == Some(STOPPED)), "{given_up:?}");
    scribe.write_down(sound(1), grammar(Language::EN), Box::new(move |written| drop(tell.send(written.lacking))));
    assert_eq!(told.try_recv(), Ok(Some(STOPPED.to_string())));
}
