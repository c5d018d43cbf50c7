//! An engine in this very process, one utterance after the other.

use super::Ask;
#[cfg(any(feature = "pocketsphinx", feature = "whisper"))]
use super::ask::AskKind;
use crate::audio::{FRAME_SAMPLES, Pcm};
use crate::base::{Confidence, Hypothesis};
use crate::call::{CallSettings, request_counts};
use crate::speech::Recognizer;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long one frame lasts.
const FRAME: Duration = Duration::from_millis(20);

/// An engine.
pub(crate) enum Engine {
    #[cfg(feature = "pocketsphinx")]
    PocketSphinx(Box<crate::speech::PocketSphinx>),
    #[cfg(feature = "whisper")]
    Whisper(Box<crate::speech::Whisper>),
    #[cfg(feature = "whisper")]
    Small(Box<crate::speech::Small>),
    /// Both, as callers meet them.
    #[cfg(all(feature = "pocketsphinx", feature = "whisper"))]
    Cascade(Box<crate::speech::Cascade>),
}

/// A result with its price.
pub(crate) struct Heard {
    pub(crate) hypothesis: Hypothesis,
    /// Processor time that it took.
    pub(crate) cpu: Duration,
    /// From the arrival of the last frame to the result, had the frames come one every 20 ms to a processor of its own: work
    /// that is not done when the next frame is there waits in a queue.
    pub(crate) delay: Duration,
    /// The words by which a person was asked for, noticed before the end.
    pub(crate) person: Option<String>,
}

impl Heard {
    /// Nobody was noticed on the line.
    pub(crate) fn nobody() -> Heard {
        let hypothesis = Hypothesis {
            confidence: Confidence::default(),
            rejected: Some("nobody was noticed".to_string()),
            ..Hypothesis::typed("")
        };
        Heard { hypothesis, cpu: Duration::ZERO, delay: Duration::ZERO, person: None }
    }

    /// Whether the call would take it for a request for a person at an open question: noticed early, or in the words.
    pub(crate) fn asks_for_person(&self) -> bool {
        self.person.is_some() || request_counts(&self.hypothesis, &[], CallSettings::default().confidence_min)
    }
}

impl Engine {
    /// Opens `pocketsphinx` or `whisper` (which needs a model file) for a kind of ask. `live` = it may not wait for the end of
    /// the utterance, as on a call.
    ///
    /// # Errors
    /// One sentence about the name, the build or the model.
    pub(crate) fn open(name: &str, model: Option<&Path>, ask: &Ask, live: bool) -> Result<Engine, String> {
        let _ = (ask, model, live);
        match name {
            #[cfg(feature = "pocketsphinx")]
            "pocketsphinx" | "cascade" => {
                use crate::speech::{PocketSphinx, Width};
                let engine = match ask.kind {
                    AskKind::Dictation => PocketSphinx::load_dictation()?,
                    AskKind::Jsgf(_) => PocketSphinx::load_wide(Width::Loops)?,
                    _ => PocketSphinx::load()?,
                };
                let engine = if live { engine } else { engine.patient() };
                #[cfg(feature = "whisper")]
                if name == "cascade" {
                    let small = crate::speech::open_small(model)?;
                    return Ok(Engine::Cascade(Box::new(crate::speech::Cascade::of(engine, small))));
                }
                Ok(Engine::PocketSphinx(Box::new(engine)))
            }
            #[cfg(feature = "whisper")]
            "small" => Ok(Engine::Small(Box::new(crate::speech::open_small(model)?))),
            #[cfg(feature = "whisper")]
            "whisper" => {
                let model = model.ok_or("--engine whisper needs --model FILE (a ggml model)")?;
                Ok(Engine::Whisper(Box::new(crate::speech::Whisper::load(model)?)))
            }
            other if ["pocketsphinx", "whisper", "small", "cascade"].contains(&other) => {
                Err(format!("this hotline was built without {other}; build it with that cargo feature"))
            }
            other => Err(format!("there is no engine {other:?}; choose pocketsphinx, whisper, small or cascade")),
        }
    }

    /// Another caller, another line.
    pub(crate) fn new_call(&mut self) {
        if let Some(engine) = self.recognizer() {
            engine.set_line(None);
        }
    }

    fn recognizer(&mut self) -> Option<&mut dyn Recognizer> {
        match self {
            #[cfg(feature = "pocketsphinx")]
            Engine::PocketSphinx(engine) => Some(engine.as_mut()),
            #[cfg(feature = "whisper")]
            Engine::Whisper(engine) => Some(engine.as_mut()),
            #[cfg(feature = "whisper")]
            Engine::Small(engine) => Some(engine.as_mut()),
            #[cfg(all(feature = "pocketsphinx", feature = "whisper"))]
            Engine::Cascade(engine) => Some(engine.as_mut()),
            #[cfg(not(any(feature = "pocketsphinx", feature = "whisper")))]
            _ => None,
        }
    }

    fn start(&mut self, ask: &Ask) -> Result<(), String> {
        let _ = ask;
        match self {
            #[cfg(feature = "pocketsphinx")]
            Engine::PocketSphinx(engine) => stream(engine, ask),
            #[cfg(all(feature = "pocketsphinx", feature = "whisper"))]
            Engine::Cascade(engine) => match &ask.kind {
                AskKind::Phrases(list) => engine.start_phrases(list),
                AskKind::Grammar(grammar) => engine.start(grammar),
                _ => stream(engine.streaming(), ask),
            },
            #[cfg(feature = "whisper")]
            Engine::Small(engine) => {
                if let AskKind::Phrases(list) = &ask.kind {
                    engine.start_phrases(list);
                    return Ok(());
                }
                engine.start(&ask.plain())
            }
            #[cfg(feature = "whisper")]
            Engine::Whisper(engine) => engine.start(&ask.plain()),
            #[cfg(not(any(feature = "pocketsphinx", feature = "whisper")))]
            _ => Err("this hotline was built without a recogniser".to_string()),
        }
    }

    /// Hears one utterance.
    ///
    /// # Errors
    /// One sentence when the ask cannot be compiled.
    pub(crate) fn hear(&mut self, ask: &Ask, sound: &Pcm) -> Result<Heard, String> {
        self.start(ask)?;
        // Whisper works in threads of its own: what they take is the whole process's, and the clock on the wall tells the delay.
        #[cfg(feature = "whisper")]
        let alone = matches!(self, Engine::Whisper(_));
        #[cfg(not(feature = "whisper"))]
        let alone = false;
        let Some(engine) = self.recognizer() else { return Err("this hotline was built without a recogniser".to_string()) };
        let (cpu, wall) = (cpu_time(alone), Instant::now());
        let clock = || if alone { wall.elapsed() } else { cpu_time(false).saturating_sub(cpu) };
        let (mut arrived, mut free, mut before) = (Duration::ZERO, Duration::ZERO, clock());
        let mut person = None;
        let mut worked = |arrived: Duration| {
            let now = clock();
            free = free.max(arrived) + (now - before);
            before = now;
            free
        };
        for frame in sound.samples.chunks(FRAME_SAMPLES) {
            arrived += FRAME;
            let partial = engine.feed(frame);
            worked(arrived);
            person = partial.and_then(|p| p.person).or(person);
        }
        let hypothesis = engine.finish();
        let done = worked(arrived);
        Ok(Heard { hypothesis, cpu: cpu_time(alone).saturating_sub(cpu), delay: done.saturating_sub(arrived), person })
    }
}

#[cfg(feature = "pocketsphinx")]
fn stream(engine: &mut crate::speech::PocketSphinx, ask: &Ask) -> Result<(), String> {
    match &ask.kind {
        AskKind::Dictation => engine.start_dictation(),
        AskKind::Phrases(list) => engine.start_phrases(list),
        AskKind::Jsgf(text) => engine.start_jsgf(text),
        AskKind::Sentences(list) => engine.start_sentences(list),
        AskKind::Grammar(grammar) => engine.start(grammar),
    }
}

/// Processor time of this thread so far.
pub(crate) fn thread_time() -> Duration {
    cpu_time(false)
}

/// Processor time of this thread, or of the process with all its threads (clock_gettime(2)).
fn cpu_time(process: bool) -> Duration {
    let which = if process { libc::CLOCK_PROCESS_CPUTIME_ID } else { libc::CLOCK_THREAD_CPUTIME_ID };
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes into the struct on our stack; both clocks exist on Linux.
    unsafe { libc::clock_gettime(which, &raw mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
