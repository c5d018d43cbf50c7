//! The ears of all calls: a bounded pool of recognition workers, and one small thread per call that carries its utterances
//! there. Nothing here blocks the audio plane, which only ever tries to put frames into a bounded channel.

use super::bench::Bench;
use super::process::{Trouble, Worker};
use super::wire::{FromWorker, ToWorker, to_bytes};
use super::worker::{WorkerArgs, WorkerKind};
use super::{EarEvent, EarsConfig, Urgency};
use crate::audio::{LINE_RATE, Pcm, Tap};
use crate::base::{EarFailure, Engine, Expect, Grammar, Hypothesis, Language, UtteranceId};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Fewest and most frames that may wait between a leg and its ears, a third of a kilobyte each.
const TAP_FRAMES: (usize, usize) = (100, 1_024);

/// What an engine that gives up by itself may take for it.
const STOPPING: Duration = Duration::from_millis(300);

/// Why the ears cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// No worker of an engine came up.
    #[error("the {engine} recogniser does not start: {why}")]
    NoWorker {
        /// Which.
        engine: &'static str,
        /// One sentence from below.
        why: String,
    },
    /// No voice worker came up.
    #[error("the voice does not start: {0}")]
    NoVoice(String),
}

/// The pool. Cheap to clone; the workers end with the last clone.
#[derive(Clone)]
pub struct Ears {
    inner: Arc<Inner>,
}

struct Inner {
    config: EarsConfig,
    pocketsphinx: Option<Arc<Bench>>,
    whisper: Option<Arc<Bench>>,
}

/// Numbers of the pool, all engines together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EarsStats {
    /// Worker processes that run.
    pub workers: usize,
    /// Of them with an utterance now.
    pub busy: usize,
    /// Workers started again since the beginning.
    pub restarts: u64,
    /// 95th percentile of the wait for a worker, over the last 512 utterances.
    pub wait_p95: Duration,
}

impl Ears {
    /// Starts the workers and waits until their models are loaded (a second or two).
    ///
    /// # Errors
    /// When a worker does not come up; the sentence says what to install or to set.
    pub fn start(config: EarsConfig) -> Result<Ears, SpeechError> {
        let bench = |engine: &'static str, kind: WorkerKind, size: usize| {
            Bench::start(config.program.clone(), WorkerArgs::of(kind), size)
                .map_err(|why| SpeechError::NoWorker { engine, why })
        };
        let pocketsphinx = (config.pocketsphinx > 0)
            .then(|| bench("pocketsphinx", WorkerKind::Pocketsphinx { ears: config.ears_model.clone() }, config.pocketsphinx))
            .transpose()?;
        let whisper = match &config.whisper_model {
            Some(model) if config.whisper > 0 => {
                Some(bench("whisper", WorkerKind::Whisper { model: model.clone() }, config.whisper)?)
            }
            _ => None,
        };
        Ok(Ears { inner: Arc::new(Inner { config, pocketsphinx, whisper }) })
    }

    /// The ears of one call. `events` is called from the call's ear thread and must not block.
    pub fn attach(&self, events: Box<dyn Fn(EarEvent) + Send + Sync>) -> Ear {
        let (tap, frames) = sync_channel(self.inner.config.tap_frames());
        let shared = Arc::new(Shared { grammar: Mutex::new(None), detached: AtomicBool::new(false) });
        let ear = EarThread { inner: self.inner.clone(), shared: shared.clone(), events, line: None };
        let spawned = std::thread::Builder::new().name("ear".into()).stack_size(256 << 10).spawn(move || ear.run(&frames));
        if let Err(e) = spawned {
            tracing::error!("a call has no ears, because no thread can be started: {e}");
        }
        Ear { tap, shared }
    }

    /// Whether the lines are to be searched for voices.
    pub fn listens(&self) -> bool {
        self.inner.config.always_listen || self.inner.benches().next().is_some()
    }

    /// The languages that some engine understands.
    pub fn languages(&self) -> Vec<Language> {
        let mut all: Vec<Language> = self.inner.benches().flat_map(|b| b.languages.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How it goes.
    pub fn stats(&self) -> EarsStats {
        self.inner.benches().map(|b| b.stats()).fold(EarsStats::default(), |sum, b| EarsStats {
            workers: sum.workers + b.alive,
            busy: sum.busy + b.busy,
            restarts: sum.restarts + b.restarts,
            wait_p95: sum.wait_p95.max(b.wait_p95),
        })
    }

    /// Process ids of the workers that wait for work (for the operator, and for tests that end one).
    pub fn idle_pids(&self) -> Vec<u32> {
        self.inner.benches().flat_map(|b| b.idle_pids()).collect()
    }
}

impl EarsConfig {
    /// What may wait while the utterance before is being made up: the longest that may take, what comes before an onset (0.8 s),
    /// and a little.
    fn tap_frames(&self) -> usize {
        let waiting = (self.wait + self.deadline).as_millis() / 20;
        usize::try_from(waiting).unwrap_or(TAP_FRAMES.1).saturating_add(50).clamp(TAP_FRAMES.0, TAP_FRAMES.1)
    }
}

impl Inner {
    fn benches(&self) -> impl Iterator<Item = &Arc<Bench>> {
        self.pocketsphinx.iter().chain(&self.whisper)
    }

    /// Who hears this: Whisper for open questions and for languages that PocketSphinx does not speak, PocketSphinx for closed
    /// asks (and for everything when there is no Whisper); where nobody speaks the language, who understands short answers in it.
    fn route(&self, grammar: &Grammar) -> Option<(&Arc<Bench>, bool)> {
        let speaks = |bench: &Option<Arc<Bench>>| bench.as_ref().is_some_and(|b| b.languages.contains(&grammar.language));
        let open = matches!(grammar.expect, Expect::Open { .. } | Expect::Spelled);
        let (first, second) = if open { (&self.whisper, &self.pocketsphinx) } else { (&self.pocketsphinx, &self.whisper) };
        let chosen = if speaks(first) { first } else { second };
        let whole = chosen.as_ref().filter(|_| speaks(chosen)).map(|bench| (bench, false));
        whole.or_else(|| self.benches().find(|b| b.short.contains(&grammar.language)).map(|bench| (bench, true)))
    }
}

/// The ears of one call. Drop = detach: no event comes afterwards.
pub struct Ear {
    tap: SyncSender<Tap>,
    shared: Arc<Shared>,
}

struct Shared {
    grammar: Mutex<Option<Expected>>,
    detached: AtomicBool,
}

/// What is expected of the next utterance.
#[derive(Clone)]
struct Expected {
    key: u64,
    grammar: Arc<Grammar>,
    urgency: Urgency,
}

impl Ear {
    /// Where the leg puts its frames, never waiting.
    pub fn tap(&self) -> SyncSender<Tap> {
        self.tap.clone()
    }

    /// What is expected, from the next utterance on.
    pub fn expect(&self, grammar: Grammar) {
        self.expect_as(grammar, Urgency::Asked);
    }

    /// The same; `urgency` = who else goes first.
    pub fn expect_as(&self, grammar: Grammar, urgency: Urgency) {
        let expected = Expected { key: key_of(&grammar), grammar: Arc::new(grammar), urgency };
        *self.shared.grammar.lock().unwrap_or_else(PoisonError::into_inner) = Some(expected);
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.shared.detached.store(true, Ordering::Release);
    }
}

pub(super) fn key_of(grammar: &Grammar) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &grammar.expect {
        // The name is the hash of the examples already.
        Expect::Open { name, .. } => ("open", name).hash(&mut hasher),
        other => serde_json::to_string(other).unwrap_or_default().hash(&mut hasher),
    }
    (grammar.language, &grammar.person).hash(&mut hasher);
    hasher.finish()
}

struct EarThread {
    inner: Arc<Inner>,
    shared: Arc<Shared>,
    events: Box<dyn Fn(EarEvent) + Send + Sync>,
    /// What PocketSphinx learnt about this call's line.
    line: Option<Vec<f32>>,
}

/// How an utterance left the tap.
enum Left {
    /// Its end came; all frames were there or not.
    Ended(bool),
    /// Withdrawn, or the leg is gone.
    Withdrawn,
    /// The next one began without an end of this one.
    Overtaken(UtteranceId),
}

/// An utterance while it is spoken.
struct Hearing<'a> {
    bench: &'a Bench,
    key: u64,
    grammar: &'a Grammar,
    urgency: Urgency,
    /// The bench knows that a worker is lacking.
    wants: bool,
    worker: Option<Worker>,
    /// A worker was lost over this utterance.
    lost: Option<Trouble>,
    clip: Vec<i16>,
    /// Samples that the worker has.
    sent: usize,
    began: Instant,
}

impl EarThread {
    fn run(mut self, frames: &Receiver<Tap>) {
        let mut next = None;
        loop {
            let utterance = match next.take() {
                Some(utterance) => utterance,
                None => match frames.recv() {
                    Ok(Tap::Start { utterance, .. }) => utterance,
                    Ok(_) => continue,
                    Err(_) => return,
                },
            };
            if self.shared.detached.load(Ordering::Acquire) {
                return;
            }
            if let Left::Overtaken(other) = self.utterance(utterance, frames) {
                next = Some(other);
            }
        }
    }

    fn utterance(&mut self, utterance: UtteranceId, frames: &Receiver<Tap>) -> Left {
        let expected = self.shared.grammar.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let inner = self.inner.clone();
        let longest = usize::try_from(inner.config.longest.as_millis()).unwrap_or(usize::MAX) * (LINE_RATE as usize / 1_000);
        let Some(Expected { key, grammar, urgency }) = expected else {
            tracing::warn!("an utterance came before anything was expected; it is dropped");
            return collect(frames, longest).0;
        };
        let silent = matches!(grammar.expect, Expect::Anything);
        // A recording that nobody has to understand needs no engine that only works at the end.
        let routed = inner.route(&grammar).filter(|(bench, _)| !(silent && bench.works_at_end()));
        let Some((bench, short)) = routed else {
            let (left, clip) = collect(frames, longest);
            let result = if silent { Ok(unheard(Engine::Scripted)) } else { Err(EarFailure::NoEngine) };
            self.report(&left, utterance, result, clip);
            return left;
        };
        // Whisper tells nothing before the end, so the streaming engine listens for a person beside it where it speaks the
        // language: with its whole search, because its spotter alone hears people in mumbling.
        let beside = inner.pocketsphinx.as_ref().filter(|b| !Arc::ptr_eq(b, bench) && b.languages.contains(&grammar.language));
        let mut ears: Vec<Hearing> = beside.map(|b| Hearing::new(b, key, &grammar, urgency)).into_iter().collect();
        ears.push(Hearing::new(bench, key, &grammar, urgency));
        let left = self.follow(&mut ears, utterance, frames, longest);
        let Some(mut hearing) = ears.pop() else { return left };
        if silent {
            self.kept_sound(&left, utterance, hearing, short);
            return left;
        }
        let result = match left {
            // What the engine beside has heard is better than nothing.
            Left::Ended(true) => self.finish(&mut hearing, utterance).or_else(|failed| {
                let beside = ears.last_mut().and_then(|ear| self.finish(ear, utterance).ok());
                let why = format!("the other engine failed ({failed:?}): the streaming engine");
                beside.map(|heard| Hypothesis { why: Some(why), ..heard }).ok_or(failed)
            }),
            Left::Ended(false) => {
                hearing.give_up();
                Err(EarFailure::TooSlow)
            }
            Left::Withdrawn | Left::Overtaken(_) => {
                hearing.give_up();
                Err(EarFailure::Crashed)
            }
        };
        // Who knows only short answers, and heard none, has not understood the caller wrongly.
        let result = match result {
            Ok(heard) if short && (heard.rejected.is_some() || heard.text.is_empty()) => Err(EarFailure::NoEngine),
            result => result,
        };
        let clip = std::mem::take(&mut hearing.clip);
        drop(hearing);
        // A wish for a person that the engine beside has found meanwhile goes first; its worker is freed when nobody waits.
        for ear in ears.iter_mut().filter(|_| matches!(left, Left::Ended(_))) {
            ear.news().into_iter().for_each(|news| self.early(utterance, news, true));
        }
        self.report(&left, utterance, result, clip);
        ears.iter_mut().for_each(Hearing::give_up);
        left
    }

    /// Of a message the sound is wanted, and waits for no engine, not for one that hangs either; what was asked for in its last words is
    /// told after it. Where only `short` answers are known, what is heard at all under a message is a request for a person.
    fn kept_sound(&mut self, left: &Left, utterance: UtteranceId, mut hearing: Hearing, short: bool) {
        let clip = hearing.clip.clone();
        self.report(left, utterance, Ok(unheard(Engine::Scripted)), clip);
        if !matches!(left, Left::Ended(true)) {
            return hearing.give_up();
        }
        let heard = self.finish(&mut hearing, utterance).ok();
        let request = heard.filter(|heard| short && heard.rejected.is_none() && !heard.text.is_empty());
        if let Some(Hypothesis { text: phrase, .. }) = request {
            self.tell(EarEvent::Person { utterance, phrase });
        }
    }

    fn report(&self, left: &Left, utterance: UtteranceId, result: Result<Hypothesis, EarFailure>, clip: Vec<i16>) {
        if matches!(left, Left::Ended(_)) {
            self.tell(EarEvent::Heard { utterance, result, clip: Arc::new(Pcm { samples: clip }) });
        }
    }

    fn tell(&self, event: EarEvent) {
        if !self.shared.detached.load(Ordering::Acquire) {
            (self.events)(event);
        }
    }

    /// Carries frames to a worker as they come, and early news back.
    fn follow(&self, ears: &mut [Hearing], utterance: UtteranceId, frames: &Receiver<Tap>, longest: usize) -> Left {
        loop {
            let beside = ears.len() - 1;
            for (nth, ear) in ears.iter_mut().enumerate() {
                ear.advance(self.line.as_deref());
                for news in ear.news() {
                    self.early(utterance, news, nth < beside);
                }
            }
            match frames.recv() {
                Ok(Tap::Frame(frame)) => {
                    for ear in ears.iter_mut() {
                        if ear.clip.len() < longest {
                            ear.clip.extend_from_slice(&frame.samples);
                        }
                    }
                }
                Ok(Tap::End { complete, .. }) => return Left::Ended(complete),
                Ok(Tap::Start { utterance, .. }) => return Left::Overtaken(utterance),
                Ok(Tap::Withdrawn { .. }) | Err(_) => return Left::Withdrawn,
            }
        }
    }

    /// News before the end; of an engine beside the one that answers, only a wish for a person counts.
    fn early(&self, utterance: UtteranceId, news: FromWorker, beside: bool) {
        if let FromWorker::Partial { complete, person } = news {
            if let Some(phrase) = person {
                self.tell(EarEvent::Person { utterance, phrase });
            }
            if complete && !beside {
                self.tell(EarEvent::Complete { utterance });
            }
        }
    }

    fn finish(&mut self, hearing: &mut Hearing, utterance: UtteranceId) -> Result<Hypothesis, EarFailure> {
        let deadline = self.inner.config.deadline;
        let outcome = if hearing.bench.works_at_end() {
            let (now, bench) = (Instant::now(), hearing.bench);
            let seconds = hearing.clip.len() as f32 / LINE_RATE as f32;
            // Whoever would not be done in time is not begun: the caller would wait for nothing, and so would those behind.
            let Some(spare) = deadline.checked_sub(bench.expects(seconds)) else {
                bench.untried();
                return Err(EarFailure::Busy);
            };
            hearing.began = now;
            hearing.take(self.line.as_deref(), now + spare);
            let taken = Instant::now();
            let outcome = self.await_result(hearing, utterance, now + deadline);
            if hearing.worker.is_some() {
                bench.took(seconds, taken.elapsed());
            }
            outcome
        } else {
            // Nobody waits for what is said aside: that may come later.
            let from = if hearing.urgency == Urgency::Asked { hearing.began } else { Instant::now() };
            hearing.take(self.line.as_deref(), from + self.inner.config.wait);
            self.await_result(hearing, utterance, Instant::now() + deadline)
        };
        if let Err(trouble) = outcome {
            return Err(match hearing.lose(trouble) {
                Some(Trouble::Slow | Trouble::Late) => EarFailure::TooSlow,
                Some(_) => EarFailure::Crashed,
                None => EarFailure::Busy,
            });
        }
        let (hypothesis, line) = outcome.unwrap_or((unheard(Engine::Scripted), None));
        if line.is_some() {
            self.line = line;
        }
        hearing.put_back();
        Ok(hypothesis)
    }

    fn await_result(
        &self,
        hearing: &mut Hearing,
        utterance: UtteranceId,
        by: Instant,
    ) -> Result<(Hypothesis, Option<Vec<f32>>), Trouble> {
        let worker = hearing.worker.as_mut().ok_or(Trouble::Dead)?;
        let within = by.saturating_duration_since(Instant::now());
        worker.send(&ToWorker::End { within_ms: u32::try_from(within.as_millis()).unwrap_or(u32::MAX) }, &[])?;
        // Who can stop by itself is given the moment that it needs for that.
        let deadline = if hearing.bench.works_at_end() { by + STOPPING } else { by };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Trouble::Slow);
            }
            match worker.receive(left)?.0 {
                FromWorker::Result { hypothesis, line } => return Ok((hypothesis, line)),
                FromWorker::Failed(why) => return Err(Trouble::Refused(why)),
                FromWorker::Late => return Err(Trouble::Late),
                news => self.early(utterance, news, false),
            }
        }
    }
}

/// A recording that nobody had to understand.
fn unheard(engine: Engine) -> Hypothesis {
    Hypothesis { engine, ..Hypothesis::typed("") }
}

/// Takes an utterance that no engine will hear.
fn collect(frames: &Receiver<Tap>, longest: usize) -> (Left, Vec<i16>) {
    let mut clip = Vec::new();
    loop {
        match frames.recv() {
            Ok(Tap::Frame(frame)) if clip.len() < longest => clip.extend_from_slice(&frame.samples),
            Ok(Tap::Frame(_)) => {}
            Ok(Tap::End { complete, .. }) => return (Left::Ended(complete), clip),
            Ok(Tap::Start { utterance, .. }) => return (Left::Overtaken(utterance), clip),
            Ok(Tap::Withdrawn { .. }) | Err(_) => return (Left::Withdrawn, clip),
        }
    }
}

impl<'a> Hearing<'a> {
    fn new(bench: &'a Bench, key: u64, grammar: &'a Grammar, urgency: Urgency) -> Hearing<'a> {
        let (began, clip) = (Instant::now(), Vec::new());
        Hearing { bench, key, grammar, urgency, wants: false, worker: None, lost: None, clip, sent: 0, began }
    }

    fn wants(&mut self, wants: bool) {
        if std::mem::replace(&mut self.wants, wants) != wants {
            self.bench.wants(self.urgency, wants);
        }
    }

    /// Somebody more urgent has no worker: theirs is this one. What was heard is kept and sent again to the next.
    fn give_way(&mut self) {
        if self.worker.is_some() && self.bench.is_wanted_before(self.urgency) {
            self.give_up();
            self.sent = 0;
        }
    }

    /// While the utterance is spoken: gives a worker what it lacks, if it can use it and one is free.
    fn advance(&mut self, line: Option<&[f32]>) {
        if !self.bench.works_at_end() {
            self.give_way();
            self.take(line, Instant::now());
        }
    }

    /// Finds a worker if there is none yet (waiting until `until`), and sends it what it lacks.
    fn take(&mut self, line: Option<&[f32]>, until: Instant) {
        if self.lost.is_some() {
            return;
        }
        if self.worker.is_none() {
            self.wants(true);
            let Some(mut worker) = self.bench.take(until, self.urgency) else { return };
            self.wants(false);
            self.bench.waited(self.began.elapsed());
            let started = worker.start(self.key, self.grammar, line);
            self.worker = Some(worker);
            if let Err(trouble) = started {
                self.lose(trouble);
            }
        }
        let silent = matches!(self.grammar.expect, Expect::Anything);
        while let Some(worker) = self.worker.as_mut().filter(|_| self.sent < self.clip.len()) {
            // Whoever hangs must not hold up the sound of a message: then it gets the rest later, or never.
            let until = if silent { self.clip.len().min(self.sent + LINE_RATE as usize) } else { self.clip.len() };
            if silent && !worker.has_room() {
                return;
            }
            match worker.send(&ToWorker::Audio, &to_bytes(&self.clip[self.sent..until])) {
                Ok(()) => self.sent = until,
                Err(trouble) => {
                    self.lose(trouble);
                }
            }
        }
    }

    /// Early news that is there already.
    fn news(&mut self) -> Vec<FromWorker> {
        let mut out = Vec::new();
        while let Some(worker) = &mut self.worker {
            match worker.poll() {
                Ok(Some(message)) => out.push(message),
                Ok(None) => break,
                Err(trouble) => {
                    self.lose(trouble);
                }
            }
        }
        out
    }

    /// Notes trouble with the worker: a refusal leaves it alive, anything else costs it. `None` = there was none to lose.
    fn lose(&mut self, trouble: Trouble) -> Option<Trouble> {
        if let Some(worker) = self.worker.take() {
            match &trouble {
                Trouble::Refused(why) => tracing::error!("a recogniser refused an utterance: {why}"),
                Trouble::Late => tracing::warn!(pid = worker.pid(), "a recogniser gave up an utterance that took too long"),
                _ => tracing::warn!(pid = worker.pid(), ?trouble, "a recogniser was lost over an utterance"),
            }
            let lives = matches!(trouble, Trouble::Refused(_) | Trouble::Late);
            self.bench.put_back(lives.then_some(worker));
            self.lost = Some(trouble);
        }
        self.lost.clone()
    }

    fn put_back(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.bench.put_back(Some(worker));
        }
    }

    /// Nobody wants the result.
    fn give_up(&mut self) {
        if let Some(mut worker) = self.worker.take() {
            let kept = worker.abandon().is_ok();
            self.bench.put_back(kept.then_some(worker));
        }
    }
}

impl Drop for Hearing<'_> {
    fn drop(&mut self) {
        self.wants(false);
        // Normally nothing is left; after a panic the bench must not believe that the worker is still out.
        if self.worker.take().is_some() {
            self.bench.put_back(None);
        }
    }
}
