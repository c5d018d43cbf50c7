//! Prompts on their way to a leg: rendering takes time, order must be kept, and what was cut must not start later.

use crate::audio::Pcm;
use crate::base::{BargeIn, LegId, Moment, Prompt, PromptEnd, PromptId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Most prompts waiting for one leg; a call that queues more is looping, the oldest stay.
const WAITING_MAX: usize = 64;

/// Prompts waiting to be rendered, per leg.
#[derive(Default)]
pub(super) struct Stage {
    waiting: BTreeMap<LegId, VecDeque<Waiting>>,
}

struct Waiting {
    prompt: PromptId,
    barge_in: BargeIn,
    issued: Moment,
    audio: Option<Result<Arc<Pcm>, String>>,
}

/// A prompt whose turn has come.
pub(super) struct Ready {
    pub(super) prompt: PromptId,
    pub(super) barge_in: BargeIn,
    pub(super) audio: Result<Arc<Pcm>, String>,
}

impl Stage {
    pub(super) fn queue(&mut self, leg: LegId, prompt: &Prompt, now: Moment) {
        let queue = self.waiting.entry(leg).or_default();
        if queue.len() < WAITING_MAX {
            queue.push_back(Waiting { prompt: prompt.id, barge_in: prompt.barge_in, issued: now, audio: None });
        }
    }

    pub(super) fn rendered(&mut self, leg: LegId, prompt: PromptId, result: Result<Arc<Pcm>, String>) {
        if let Some(waiting) = self.waiting.get_mut(&leg).and_then(|q| q.iter_mut().find(|w| w.prompt == prompt)) {
            waiting.audio = Some(result);
        }
    }

    /// The head of the queue, if its sound is there.
    pub(super) fn next_ready(&mut self, leg: LegId) -> Option<Ready> {
        let queue = self.waiting.get_mut(&leg)?;
        queue.front()?.audio.as_ref()?;
        let head = queue.pop_front()?;
        Some(Ready { prompt: head.prompt, barge_in: head.barge_in, audio: head.audio? })
    }

    /// The caller cut in at `at`: what was issued before and would have followed does not start. A key ends everything,
    /// a voice only what a voice may end.
    pub(super) fn cut(&mut self, leg: LegId, at: Moment, end: PromptEnd) -> Vec<PromptId> {
        let Some(queue) = self.waiting.get_mut(&leg) else { return Vec::new() };
        let mut dropped = Vec::new();
        queue.retain(|w| {
            let goes = w.issued < at && (end == PromptEnd::Keyed || w.barge_in == BargeIn::Speech);
            if goes {
                dropped.push(w.prompt);
            }
            !goes
        });
        dropped
    }

    pub(super) fn drop_all(&mut self, leg: LegId) -> Vec<PromptId> {
        self.waiting.remove(&leg).unwrap_or_default().into_iter().map(|w| w.prompt).collect()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
