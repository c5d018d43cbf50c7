//! What each leg hears: one prompt after the other, as long as its words.

use super::world::length_ms;
use crate::base::{BargeIn, LegId, Moment, Prompt, PromptId, PromptPart};
use std::collections::{BTreeMap, VecDeque};

/// Milliseconds per character.
pub(super) const MS_PER_CHAR: u32 = 60;

/// How long a piece takes.
pub(super) fn spoken_ms(part: &PromptPart) -> u32 {
    match part {
        PromptPart::Text(text) => u32::try_from(text.trim().chars().count()).unwrap_or(u32::MAX).saturating_mul(MS_PER_CHAR),
        PromptPart::File(_) => 2_000,
        PromptPart::Pause(ms) => *ms,
    }
}

#[derive(Debug, Default)]
pub(super) struct Players(BTreeMap<LegId, Player>);

#[derive(Debug, Default)]
struct Player {
    waiting: VecDeque<Prompt>,
    playing: Option<(Prompt, Moment, usize)>,
    /// Since when prompts follow each other without a gap.
    talking_since: Moment,
    quiet_since: Moment,
}

/// A prompt that was cut: id, the words that were heard, the caller's step in which it began, milliseconds.
pub(super) type Cut = (PromptId, String, usize, u32);

impl Players {
    pub(super) fn queue(&mut self, leg: LegId, prompt: Prompt) {
        self.0.entry(leg).or_default().waiting.push_back(prompt);
    }

    /// Begins the next prompt if none plays; its id and length.
    pub(super) fn start(&mut self, leg: LegId, now: Moment, step: usize) -> Option<(PromptId, u32)> {
        let player = self.0.entry(leg).or_default();
        if player.playing.is_some() {
            return None;
        }
        let prompt = player.waiting.pop_front()?;
        let started = (prompt.id, length_ms(&prompt.parts));
        player.playing = Some((prompt, now, step));
        if player.quiet_since != now {
            player.talking_since = now;
        }
        Some(started)
    }

    /// The prompt played to its end.
    pub(super) fn over(&mut self, leg: LegId, id: PromptId) -> Option<(String, usize, u32)> {
        let player = self.0.get_mut(&leg)?;
        if player.playing.as_ref().is_none_or(|(p, _, _)| p.id != id) {
            return None;
        }
        let (prompt, since, step) = player.playing.take()?;
        let ms = length_ms(&prompt.parts);
        player.quiet_since = since + std::time::Duration::from_millis(u64::from(ms));
        Some((prompt.words(), step, ms))
    }

    /// Cuts everything on a leg; unless `always`, only when the playing prompt yields to speech.
    pub(super) fn cut(&mut self, leg: LegId, now: Moment, always: bool) -> Vec<Cut> {
        let Some(player) = self.0.get_mut(&leg) else { return Vec::new() };
        let yields = player.playing.as_ref().is_none_or(|(p, _, _)| p.barge_in == BargeIn::Speech);
        if !always && !yields {
            return Vec::new();
        }
        let mut cut = Vec::new();
        if let Some((prompt, since, step)) = player.playing.take() {
            let ms = u32::try_from(now.since(since).as_millis()).unwrap_or(u32::MAX);
            let heard = prompt.words().chars().take((ms / MS_PER_CHAR) as usize).collect();
            cut.push((prompt.id, heard, step, ms));
            player.quiet_since = now;
        }
        cut.extend(player.waiting.drain(..).map(|p| (p.id, String::new(), 0, 0)));
        cut
    }

    /// The prompt that plays there.
    pub(super) fn playing_to(&self, leg: LegId) -> Option<PromptId> {
        self.0.get(&leg)?.playing.as_ref().map(|(prompt, _, _)| prompt.id)
    }

    /// Since when something plays there, one prompt after the other.
    pub(super) fn playing_since(&self, leg: LegId) -> Option<Moment> {
        let player = self.0.get(&leg)?;
        player.playing.as_ref().map(|_| player.talking_since)
    }

    /// Since when nothing plays there.
    pub(super) fn quiet_since(&self, leg: LegId) -> Moment {
        self.0.get(&leg).map_or(Moment::ZERO, |p| p.quiet_since)
    }

    /// The end of everything: what was heard of what played.
    pub(super) fn drop_all(&mut self, now: Moment) -> Vec<(LegId, String, usize)> {
        let legs: Vec<LegId> = self.0.keys().copied().collect();
        let mut heard = Vec::new();
        for leg in legs {
            heard.extend(self.cut(leg, now, true).into_iter().map(|(_, words, step, _)| (leg, words, step)));
        }
        heard
    }
}
