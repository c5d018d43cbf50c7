//! A bench of equal workers: taken for an utterance, put back after it, started anew when one dies. Bounded by its size.

use super::Urgency;
use super::process::Worker;
use super::worker::{WorkerArgs, WorkerKind};
use crate::base::Language;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Pauses between tries to start a worker again: doubled from the first to the last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// How often the keeper looks at idle workers.
const ROUND: Duration = Duration::from_millis(500);

/// Share by which the latest cost changes what is believed of the next.
const COST_STEP: f32 = 0.2;

/// How many waits the percentile rests on.
const WAITS_KEPT: usize = 512;

/// Workers of one kind.
pub(crate) struct Bench {
    program: PathBuf,
    args: WorkerArgs,
    /// How many there should be.
    size: usize,
    /// What all of them understand or speak.
    pub(crate) languages: Vec<Language>,
    /// And of what only short answers and requests for a person.
    pub(crate) short: Vec<Language>,
    state: Mutex<State>,
    /// Rung when a worker is put back and when one is missing.
    bell: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Worker>,
    /// Out with an utterance.
    taken: usize,
    /// Utterances that have no worker yet, by urgency.
    wanting: [usize; 3],
    /// Started again since the beginning.
    restarts: u64,
    waits: VecDeque<Duration>,
    cost: Cost,
}

impl State {
    fn is_wanted_before(&self, urgency: Urgency) -> bool {
        self.wanting[..urgency as usize].iter().any(|n| *n > 0)
    }
}

/// What a second of sound costs, in seconds on the wall, with one second added to every utterance; 0 = not known yet.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Cost(f32);

impl Cost {
    fn of(self, seconds: f32) -> Duration {
        Duration::from_secs_f32((self.0 * (seconds + 1.0)).clamp(0.0, 60.0))
    }

    fn took(&mut self, seconds: f32, took: Duration) {
        let now = took.as_secs_f32() / (seconds + 1.0);
        self.0 = if self.0 > 0.0 { self.0 + (now - self.0) * COST_STEP } else { now };
    }

    fn untried(&mut self) {
        self.0 *= 1.0 - COST_STEP;
    }
}

/// Numbers of one bench.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BenchStats {
    pub(crate) alive: usize,
    pub(crate) busy: usize,
    pub(crate) restarts: u64,
    pub(crate) wait_p95: Duration,
}

impl Bench {
    /// Starts all workers and waits until their models are loaded; then keeps as many alive.
    ///
    /// # Errors
    /// The first worker's sentence.
    pub(crate) fn start(program: PathBuf, args: WorkerArgs, size: usize) -> Result<Arc<Bench>, String> {
        let mut idle = Vec::new();
        for _ in 0..size {
            idle.push(Worker::spawn(&program, &args)?);
        }
        for worker in &mut idle {
            worker.await_ready()?;
        }
        let (languages, short) = idle.first().map(|w| (w.languages.clone(), w.short.clone())).unwrap_or_default();
        let state = Mutex::new(State { idle, ..State::default() });
        let bench = Arc::new(Bench { program, args, size, languages, short, state, bell: Condvar::new() });
        let weak = Arc::downgrade(&bench);
        std::thread::Builder::new()
            .name("engine-keeper".into())
            .spawn(move || keep(&weak))
            .map_err(|e| format!("cannot start a thread: {e}"))?;
        Ok(bench)
    }

    // Every change under this lock is complete in itself, so a panic elsewhere leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker, if one is free before `until` and nobody more urgent wants it; the past = only if one is free now.
    pub(crate) fn take(&self, until: Instant, urgency: Urgency) -> Option<Worker> {
        let mut state = self.state();
        loop {
            while !state.is_wanted_before(urgency) {
                let Some(mut worker) = state.idle.pop() else { break };
                if worker.alive() {
                    state.taken += 1;
                    return Some(worker);
                }
                self.bell.notify_all();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// An utterance lacks a worker, or does not any more.
    pub(crate) fn wants(&self, urgency: Urgency, wants: bool) {
        let mut state = self.state();
        let wanting = &mut state.wanting[urgency as usize];
        *wanting = if wants { *wanting + 1 } else { wanting.saturating_sub(1) };
        drop(state);
        if !wants {
            self.bell.notify_all();
        }
    }

    /// Whether an utterance that is more urgent lacks a worker.
    pub(crate) fn is_wanted_before(&self, urgency: Urgency) -> bool {
        urgency != Urgency::Asked && self.state().is_wanted_before(urgency)
    }

    /// Puts a worker back; `None` = it was lost, and the keeper starts another.
    pub(crate) fn put_back(&self, worker: Option<Worker>) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(1);
        state.idle.extend(worker);
        drop(state);
        self.bell.notify_all();
    }

    /// Notes how long an utterance waited.
    pub(crate) fn waited(&self, wait: Duration) {
        let mut state = self.state();
        if state.waits.len() >= WAITS_KEPT {
            state.waits.pop_front();
        }
        state.waits.push_back(wait);
    }

    /// Whether its workers need nothing before the utterance is over: then they are taken only for the work itself.
    pub(crate) fn works_at_end(&self) -> bool {
        matches!(self.args.kind, WorkerKind::Whisper { .. })
    }

    /// How long an utterance of so many seconds will probably take.
    pub(crate) fn expects(&self, seconds: f32) -> Duration {
        self.state().cost.of(seconds)
    }

    /// Notes what one took.
    pub(crate) fn took(&self, seconds: f32, took: Duration) {
        self.state().cost.took(seconds, took);
    }

    /// One was not even tried: what is believed of the cost fades, so that a machine that was slow is tried again.
    pub(crate) fn untried(&self) {
        self.state().cost.untried();
    }

    pub(crate) fn stats(&self) -> BenchStats {
        let state = self.state();
        let mut waits: Vec<Duration> = state.waits.iter().copied().collect();
        waits.sort_unstable();
        BenchStats {
            alive: state.idle.len() + state.taken,
            busy: state.taken,
            restarts: state.restarts,
            wait_p95: waits.get(waits.len() * 95 / 100).copied().unwrap_or_default(),
        }
    }

    /// Process ids of the idle workers.
    pub(crate) fn idle_pids(&self) -> Vec<u32> {
        self.state().idle.iter().map(Worker::pid).collect()
    }
}

/// Drops workers that died idle and starts new ones in their place, until the bench is gone.
fn keep(bench: &Weak<Bench>) {
    let mut pause = BACK_OFF.0;
    loop {
        let Some(bench) = bench.upgrade() else { return };
        let mut state = bench.state();
        state.idle.retain_mut(Worker::alive);
        let missing = bench.size.saturating_sub(state.idle.len() + state.taken);
        if missing == 0 {
            pause = BACK_OFF.0;
            // The lock is free while waiting; the reference is dropped at the end of the round.
            drop(bench.bell.wait_timeout(state, ROUND));
            continue;
        }
        drop(state);
        match Worker::spawn(&bench.program, &bench.args).and_then(|mut w| w.await_ready().map(|()| w)) {
            Ok(worker) => {
                let mut state = bench.state();
                state.restarts += 1;
                state.idle.push(worker);
                drop(state);
                bench.bell.notify_all();
                tracing::info!(engine = ?bench.args.kind, "an engine worker was started again");
            }
            Err(why) => {
                tracing::error!(engine = ?bench.args.kind, retry_s = pause.as_secs_f32(), "no engine worker: {why}");
                drop(bench);
                std::thread::sleep(pause);
                pause = (pause * 2).min(BACK_OFF.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_was_slow_is_tried_again() {
        let mut cost = Cost::default();
        assert_eq!(cost.of(30.0), Duration::ZERO, "nobody knows yet, so it is tried");
        (0..20).for_each(|_| cost.took(3.0, Duration::from_secs(4)));
        let deadline = Duration::from_millis(1_500);
        assert!(cost.of(3.0) > deadline && cost.of(0.2) < deadline, "a short answer may still be in time");
        let refused = (0..100).take_while(|_| {
            let refused = cost.of(3.0) > deadline;
            if refused {
                cost.untried();
            }
            refused
        });
        assert_eq!(refused.count(), 5);
        (0..20).for_each(|_| cost.took(3.0, Duration::from_millis(400)));
        assert!(cost.of(3.0) < Duration::from_millis(420));
    }
}
