//! Writes down what callers said in messages: one message after the other, beside the calls, by an engine in a process of its own that
//! gives way to everything else on this machine. Nobody waits for it, and no worker of the calls is taken for it.

use super::pieces::pieces;
use super::pool::key_of;
use super::process::{Trouble, Worker};
use super::wire::{FromWorker, ToWorker, to_bytes};
use super::worker::{WorkerArgs, WorkerKind};
use crate::audio::{LINE_RATE, Pcm};
use crate::base::{Confidence, Engine, Grammar, Hypothesis, Language, Pii};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Messages that may wait, two megabytes each at most.
const WAITING_MAX: usize = 16;

/// The longest that one message may take; on a busy machine its engine gets little of the processor.
const MESSAGE_MAX: Duration = Duration::from_secs(600);

/// An engine that has had nothing to do for so long is ended: its models are large.
const IDLE: Duration = Duration::from_secs(60);

/// Between two looks at an engine that works.
const LOOK: Duration = Duration::from_millis(20);

/// How long the end waits for a message that is being written down to be given up.
const STOP_MAX: Duration = Duration::from_secs(3);

/// Below it, the mean over the whole message, its words are said to be unsure.
const SURE: f32 = 0.7;

/// Why a message has no words, where the reason is not an engine's.
const TOO_MANY: &str = "too many messages waited for their words";
const STOPPED: &str = "the gateway ended before its words were known";

/// What is known of a message's words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    /// The words; empty where none are known.
    pub text: Pii<String>,
    /// How sure the engine is of them.
    pub confidence: Confidence,
    /// Which engine; `None` = none heard it.
    pub engine: Option<Engine>,
    /// What is wrong with them, or why there are none; `None` = nothing.
    pub lacking: Option<String>,
    /// CPU milliseconds.
    pub cpu_ms: u32,
}

/// Who can write down what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScribeConfig {
    /// The binary to start as `engine-worker`.
    pub program: PathBuf,
    /// Whisper ggml model file: it is asked first.
    pub whisper_model: Option<PathBuf>,
    /// English by PocketSphinx and its general model.
    pub pocketsphinx: bool,
}

/// What happens with the words.
type Done = Box<dyn FnOnce(Written) + Send>;

/// One message.
struct Job {
    sound: Arc<Pcm>,
    grammar: Grammar,
    done: Done,
}

/// Takes messages to be written down.
pub struct Scribe {
    /// `None` once it was stopped. The lock is held while a message is handed over, which waits for nothing.
    jobs: Mutex<Option<SyncSender<Job>>>,
    stopping: Arc<AtomicBool>,
    /// Tells that the thread has ended, by its end.
    over: Mutex<Receiver<()>>,
}

impl Scribe {
    /// Nothing is loaded before the first message.
    pub fn start(config: &ScribeConfig) -> Scribe {
        let whisper = config.whisper_model.clone().map(|model| WorkerKind::Whisper { model });
        let kinds = whisper.into_iter().chain(config.pocketsphinx.then_some(WorkerKind::Dictation));
        let program = config.program.clone();
        Scribe::with(kinds.map(|kind| hire(program.clone(), kind)).collect())
    }

    fn with(engines: Vec<Hire>) -> Scribe {
        let (jobs, queue) = sync_channel(WAITING_MAX);
        let (ends, over) = sync_channel::<()>(0);
        let stopping = Arc::new(AtomicBool::new(false));
        let writing = Writing { engines, present: None, stopping: stopping.clone() };
        let spawned = std::thread::Builder::new().name("scribe".into()).spawn(move || {
            writing.run(&queue);
            drop(ends);
        });
        if let Err(e) = spawned {
            tracing::error!("no message is written down, because no thread can be started: {e}");
        }
        Scribe { jobs: Mutex::new(Some(jobs)), stopping, over: Mutex::new(over) }
    }

    /// Has a message written down; `done` is called once, at once where that cannot be. `grammar` = its language, and words that callers
    /// of this hotline use. Never waits.
    pub fn write_down(&self, sound: Arc<Pcm>, grammar: Grammar, done: Done) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(jobs) = jobs else { return done(Written::lacking(STOPPED)) };
        let refused = match jobs.try_send(Job { sound, grammar, done }) {
            Ok(()) => return,
            Err(TrySendError::Full(job)) => (job, TOO_MANY),
            Err(TrySendError::Disconnected(job)) => (job, "nobody is there who writes messages down"),
        };
        (refused.0.done)(Written::lacking(refused.1));
    }

    /// Gives up what is being written down and what waits, with a reason each; blocks for a moment.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if over.recv_timeout(STOP_MAX) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("a message that was being written down is left without its words and without a reason");
        }
    }
}

/// An engine that writes: a process of its own, or a stand-in under test.
trait Hand: Send {
    fn speaks(&self, language: Language) -> bool;
    /// What is said there; given up at that moment, or when everything ends.
    fn hear(&mut self, grammar: &Grammar, sound: &[i16], until: Instant, stopping: &AtomicBool) -> Result<Hypothesis, Trouble>;
}

/// Gets an engine; one sentence where that cannot be.
type Hire = Box<dyn FnMut() -> Result<Box<dyn Hand>, String> + Send>;

fn hire(program: PathBuf, kind: WorkerKind) -> Hire {
    Box::new(move || {
        let mut worker = Worker::spawn(&program, &WorkerArgs { kind: kind.clone(), behind: true })?;
        worker.await_ready()?;
        Ok(Box::new(worker))
    })
}

impl Hand for Worker {
    fn speaks(&self, language: Language) -> bool {
        self.languages.contains(&language)
    }

    fn hear(&mut self, grammar: &Grammar, sound: &[i16], until: Instant, stopping: &AtomicBool) -> Result<Hypothesis, Trouble> {
        // No wait here is longer than this: the process may hang, and everything may end.
        let wait = || {
            if stopping.load(Ordering::Acquire) || Instant::now() >= until {
                return Err(Trouble::Slow);
            }
            std::thread::sleep(LOOK);
            Ok(())
        };
        self.start(key_of(grammar), grammar, None)?;
        for second in sound.chunks(LINE_RATE as usize) {
            while !self.has_room() {
                wait()?;
            }
            self.send(&ToWorker::Audio, &to_bytes(second))?;
        }
        let within = until.saturating_duration_since(Instant::now()).as_millis();
        self.send(&ToWorker::End { within_ms: u32::try_from(within).unwrap_or(u32::MAX) }, &[])?;
        loop {
            match self.poll()? {
                Some(FromWorker::Result { hypothesis, .. }) => return Ok(hypothesis),
                Some(FromWorker::Failed(why)) => return Err(Trouble::Refused(why)),
                Some(FromWorker::Late) => return Err(Trouble::Late),
                Some(_) => {}
                None => wait()?,
            }
        }
    }
}

/// The thread's own.
struct Writing {
    /// Best first.
    engines: Vec<Hire>,
    /// The one that runs now: never two at once.
    present: Option<(usize, Box<dyn Hand>)>,
    stopping: Arc<AtomicBool>,
}

impl Writing {
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            match jobs.recv_timeout(IDLE) {
                Ok(Job { sound, grammar, done }) => {
                    let began = Instant::now();
                    let written = self.write(&sound.samples, &grammar, began + MESSAGE_MAX);
                    let words = written.text.reveal().split_whitespace().count();
                    tracing::info!(
                        seconds = sound.samples.len() / LINE_RATE as usize,
                        words,
                        took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                        cpu_ms = written.cpu_ms,
                        lacking = written.lacking.as_deref().unwrap_or("nothing"),
                        "a message was written down"
                    );
                    done(written);
                }
                Err(RecvTimeoutError::Timeout) => self.present = None,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// By the first engine that is there and speaks the language.
    fn write(&mut self, samples: &[i16], grammar: &Grammar, until: Instant) -> Written {
        let mut why = format!("no recogniser here understands {}", grammar.language);
        for nth in 0..self.engines.len() {
            if self.stopping.load(Ordering::Acquire) {
                break;
            }
            match self.hired(nth).map(|hand| hand.speaks(grammar.language)) {
                Ok(true) => return self.written_by(nth, samples, grammar, until),
                Ok(false) => {}
                Err(failed) => {
                    tracing::warn!("a recogniser for messages does not start: {failed}");
                    why = failed;
                }
            }
        }
        Written::lacking(if self.stopping.load(Ordering::Acquire) { STOPPED } else { &why })
    }

    fn hired(&mut self, nth: usize) -> Result<&mut Box<dyn Hand>, String> {
        if self.present.as_ref().is_none_or(|(present, _)| *present != nth) {
            self.present = None;
            let hand = self.engines[nth]()?;
            return Ok(&mut self.present.insert((nth, hand)).1);
        }
        self.present.as_mut().map(|(_, hand)| hand).ok_or_else(|| "nobody is there".to_string())
    }

    /// Piece by piece: a piece that is lost costs what comes after it, and nothing before.
    fn written_by(&mut self, nth: usize, samples: &[i16], grammar: &Grammar, until: Instant) -> Written {
        let mut written = Written::default();
        let mut heard = 0;
        for piece in pieces(samples) {
            let second = piece.start / LINE_RATE as usize;
            match self.hear(nth, &samples[piece.clone()], grammar, until) {
                Ok(hypothesis) => written.add(&hypothesis, heard, piece.len()),
                Err(why) => {
                    written.lacking = Some(if heard > 0 { format!("from second {second} on: {why}") } else { why });
                    return written;
                }
            }
            heard += piece.len();
        }
        written.lacking = match written.text.reveal().is_empty() {
            true => Some("no words were heard in it".to_string()),
            false => (written.confidence.get() < SURE).then(|| "the recogniser is not sure of these words".to_string()),
        };
        written
    }

    /// One piece, twice if the engine is lost over it.
    fn hear(&mut self, nth: usize, sound: &[i16], grammar: &Grammar, until: Instant) -> Result<Hypothesis, String> {
        let mut why = String::new();
        for _ in 0..2 {
            let stopping = self.stopping.clone();
            let trouble = match self.hired(nth)?.hear(grammar, sound, until, &stopping) {
                Ok(hypothesis) => return Ok(hypothesis),
                Err(trouble) => trouble,
            };
            if let Trouble::Refused(why) = trouble {
                return Err(why);
            }
            // Another one next time; this one may hang.
            self.present = None;
            if stopping.load(Ordering::Acquire) {
                return Err(STOPPED.to_string());
            }
            if trouble != Trouble::Dead || Instant::now() >= until {
                return Err("the recogniser did not answer in time".to_string());
            }
            why = "the recogniser died twice over it".to_string();
        }
        Err(why)
    }
}

impl Written {
    fn lacking(why: &str) -> Written {
        Written { lacking: Some(why.to_string()), ..Written::default() }
    }

    /// What was heard in the next piece; `before` and `now` = samples heard, and of this piece.
    fn add(&mut self, heard: &Hypothesis, before: usize, now: usize) {
        self.engine = Some(heard.engine);
        self.cpu_ms = self.cpu_ms.saturating_add(heard.cpu_ms);
        let (before, now) = (before as f32, now as f32);
        self.confidence = Confidence::new((self.confidence.get() * before + heard.confidence.get() * now) / (before + now));
        // What a Whisper model itself refuses may be an invention; PocketSphinx's doubts are told by the confidence.
        let words = if heard.engine == Engine::Whisper && heard.rejected.is_some() { "" } else { heard.text.trim() };
        if !words.is_empty() {
            let text = std::mem::take(&mut self.text).into_inner();
            self.text = if text.is_empty() { words.to_string() } else { format!("{text} {words}") }.into();
        }
    }
}

#[cfg(test)]
#[path = "scribe_tests.rs"]
mod tests;
