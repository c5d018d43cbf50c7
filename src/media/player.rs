//! What a leg is played: a queue of prompts without gaps between them, and comfort audio in a loop when it is empty.

use super::face::LegEvent;
use crate::audio::{FRAME_SAMPLES, Frame, LINE_RATE, Pcm};
use crate::base::{BargeIn, Moment, PromptEnd, PromptId};
use std::collections::VecDeque;
use std::sync::Arc;

/// Prompts that may wait; one more is reported as failed.
const QUEUE_MAX: usize = 32;
/// A cut prompt dies away over this many samples (8 ms), so that it does not click.
const FADE: usize = 64;

/// What a frame was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A prompt, in whole or in part.
    Prompt,
    /// Comfort audio.
    Comfort,
    /// Silence.
    Nothing,
}

/// The queue of one leg.
#[derive(Debug)]
pub(super) struct Player {
    queue: VecDeque<Queued>,
    /// The loop and where in it we are.
    comfort: Option<(Arc<Pcm>, usize)>,
    /// The dying end of a prompt that was cut, to be added to the next frame.
    tail: Option<[i16; FADE]>,
}

#[derive(Debug)]
struct Queued {
    prompt: PromptId,
    audio: Arc<Pcm>,
    barge_in: BargeIn,
    /// Samples that were sent.
    position: usize,
    started: bool,
}

impl Player {
    pub(super) fn new() -> Player {
        Player { queue: VecDeque::with_capacity(QUEUE_MAX), comfort: None, tail: None }
    }

    pub(super) fn play(
        &mut self,
        now: Moment,
        prompt: PromptId,
        audio: Arc<Pcm>,
        barge_in: BargeIn,
        events: &mut Vec<LegEvent>,
    ) {
        if self.queue.len() >= QUEUE_MAX {
            events.push(LegEvent::PromptEnded { prompt, at: now, played_ms: 0, end: PromptEnd::Failed });
            return;
        }
        self.queue.push_back(Queued { prompt, audio, barge_in, position: 0, started: false });
    }

    pub(super) fn comfort(&mut self, audio: Option<Arc<Pcm>>) {
        self.comfort = audio.filter(|a| !a.samples.is_empty()).map(|a| (a, 0));
    }

    /// The prompt that is being heard, if any.
    pub(super) fn playing(&self) -> Option<PromptId> {
        self.queue.front().filter(|q| q.started).map(|q| q.prompt)
    }

    /// Ends every prompt.
    pub(super) fn cut_all(&mut self, now: Moment, end: PromptEnd, events: &mut Vec<LegEvent>) {
        while self.cut_at(0, now, end, events) {}
    }

    /// The caller began to speak: a prompt that yields to speech ends, and with it all others in the queue that do. A prompt
    /// that plays on keeps what waits behind it: nobody has heard that yet.
    pub(super) fn barge_in(&mut self, now: Moment, events: &mut Vec<LegEvent>) {
        if self.queue.front().is_none_or(|q| q.barge_in != BargeIn::Speech) {
            return;
        }
        let mut i = 0;
        while let Some(queued) = self.queue.get(i) {
            if queued.barge_in == BargeIn::Speech {
                self.cut_at(i, now, PromptEnd::BargedIn, events);
            } else {
                i += 1;
            }
        }
    }

    /// Fills the next 20 ms. `comfort`: whether comfort audio may fill what no prompt does.
    pub(super) fn frame(&mut self, now: Moment, comfort: bool, out: &mut Frame, events: &mut Vec<LegEvent>) -> Source {
        *out = Frame::SILENCE;
        let filled = self.fill_with_prompts(now, out, events);
        let mut source = if filled > 0 { Source::Prompt } else { Source::Nothing };
        if let Some((audio, position)) = self.comfort.as_mut().filter(|_| comfort && filled < FRAME_SAMPLES) {
            for to in &mut out.samples[filled..] {
                *to = audio.samples[*position];
                *position = (*position + 1) % audio.samples.len();
            }
            source = if filled > 0 { Source::Prompt } else { Source::Comfort };
        }
        if let Some(tail) = self.tail.take() {
            out.samples.iter_mut().zip(tail).for_each(|(to, t)| *to = to.saturating_add(t));
            source = Source::Prompt;
        }
        source
    }

    /// Copies from the front of the queue until the frame is full; how many samples that gave.
    fn fill_with_prompts(&mut self, now: Moment, out: &mut Frame, events: &mut Vec<LegEvent>) -> usize {
        let mut filled = 0;
        while let Some(front) = self.queue.front_mut().filter(|_| filled < FRAME_SAMPLES) {
            if !front.started {
                front.started = true;
                events.push(LegEvent::PromptStarted { prompt: front.prompt, at: now });
            }
            let rest = &front.audio.samples[front.position..];
            let n = rest.len().min(FRAME_SAMPLES - filled);
            out.samples[filled..filled + n].copy_from_slice(&rest[..n]);
            front.position += n;
            filled += n;
            if front.position == front.audio.samples.len() {
                events.push(ended(front, now, PromptEnd::Finished));
                self.queue.pop_front();
            }
        }
        filled
    }

    /// Ends one prompt; false when there is none at `index`.
    fn cut_at(&mut self, index: usize, now: Moment, end: PromptEnd, events: &mut Vec<LegEvent>) -> bool {
        let Some(mut queued) = self.queue.remove(index) else { return false };
        if queued.started {
            let rest = &queued.audio.samples[queued.position..];
            let mut tail = [0; FADE];
            for (i, (to, from)) in tail.iter_mut().zip(rest).enumerate() {
                // The quotient is smaller than the sample.
                *to = (i32::from(*from) * (FADE - i) as i32 / FADE as i32) as i16;
            }
            queued.position += rest.len().min(FADE);
            self.tail = Some(tail);
        }
        events.push(ended(&queued, now, end));
        true
    }
}

fn ended(queued: &Queued, at: Moment, end: PromptEnd) -> LegEvent {
    let played_ms = u32::try_from(queued.position as u64 * 1_000 / u64::from(LINE_RATE)).unwrap_or(u32::MAX);
    LegEvent::PromptEnded { prompt: queued.prompt, at, played_ms, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcm(samples: usize, value: i16) -> Arc<Pcm> {
        Arc::new(Pcm { samples: vec![value; samples] })
    }

    /// Runs `ticks` and writes the events as one line.
    fn told(player: &mut Player, ticks: u64, events: &mut Vec<LegEvent>) -> String {
        let mut frame = Frame::SILENCE;
        for t in 0..ticks {
            player.frame(Moment::from_millis(t * 20), true, &mut frame, events);
        }
        let line: Vec<String> = events
            .drain(..)
            .map(|e| match e {
                LegEvent::PromptStarted { prompt, at } => format!("{prompt} starts {}", at.millis()),
                LegEvent::PromptEnded { prompt, played_ms, end, .. } => format!("{prompt} {end:?} {played_ms}"),
                other => format!("{other:?}"),
            })
            .collect();
        line.join(", ")
    }

    #[test]
    fn prompts_follow_each_other_without_a_gap() {
        let (mut player, mut events) = (Player::new(), Vec::new());
        player.play(Moment::ZERO, PromptId(1), pcm(200, 1_000), BargeIn::Speech, &mut events);
        player.play(Moment::ZERO, PromptId(2), pcm(0, 0), BargeIn::Speech, &mut events);
        player.play(Moment::ZERO, PromptId(3), pcm(400, 1_000), BargeIn::Speech, &mut events);
        let mut frame = Frame::SILENCE;
        for t in 0..3 {
            player.frame(Moment::from_millis(t * 20), true, &mut frame, &mut events);
            assert!(frame.samples.iter().all(|s| *s == 1_000), "tick {t}");
        }
        let line = told(&mut player, 4, &mut events);
        assert_eq!(line, "1 starts 0, 1 Finished 25, 2 starts 20, 2 Finished 0, 3 starts 20, 3 Finished 50");
    }

    #[test]
    fn a_cut_dies_away_within_eight_milliseconds() {
        let (mut player, mut events) = (Player::new(), Vec::new());
        player.play(Moment::ZERO, PromptId(1), pcm(8_000, 8_000), BargeIn::Speech, &mut events);
        let mut frame = Frame::SILENCE;
        player.frame(Moment::ZERO, true, &mut frame, &mut events);
        player.barge_in(Moment::ZERO, &mut events);
        player.frame(Moment::ZERO, true, &mut frame, &mut events);
        assert!(frame.samples.windows(2).all(|w| w[0] >= w[1] && w[0] - w[1] <= 200), "no step");
        assert!(frame.samples[FADE..].iter().all(|s| *s == 0));
        assert_eq!(told(&mut player, 1, &mut events), "1 starts 0, 1 BargedIn 28");
    }

    #[test]
    fn speech_ends_what_yields_and_leaves_what_does_not() {
        let queue = |player: &mut Player, events: &mut Vec<LegEvent>, kinds: &str| {
            for (i, k) in kinds.chars().enumerate() {
                let barge_in = if k == 's' { BargeIn::Speech } else { BargeIn::PersonOnly };
                player.play(Moment::ZERO, PromptId(u32::try_from(i).unwrap()), pcm(480, 9), barge_in, events);
            }
        };
        for (kinds, expected) in [
            ("sps", "0 starts 0, 0 BargedIn 28, 2 BargedIn 0, 1 starts 0, 1 Finished 60"),
            ("ps", "0 starts 0, 0 Finished 60, 1 starts 40, 1 Finished 60"),
        ] {
            let (mut player, mut events) = (Player::new(), Vec::new());
            queue(&mut player, &mut events, kinds);
            player.frame(Moment::ZERO, true, &mut Frame::SILENCE.clone(), &mut events);
            player.barge_in(Moment::ZERO, &mut events);
            assert_eq!(told(&mut player, 10, &mut events), expected, "{kinds}");
        }
    }

    #[test]
    fn comfort_fills_what_no_prompt_does_and_the_queue_is_bounded() {
        let (mut player, mut events) = (Player::new(), Vec::new());
        player.comfort(Some(pcm(7, 50)));
        let mut frame = Frame::SILENCE;
        assert_eq!(player.frame(Moment::ZERO, true, &mut frame, &mut events), Source::Comfort);
        assert!(frame.samples.iter().all(|s| *s == 50));
        assert_eq!(player.frame(Moment::ZERO, false, &mut frame, &mut events), Source::Nothing);
        for i in 0..40 {
            player.play(Moment::ZERO, PromptId(i), pcm(160, 1), BargeIn::Speech, &mut events);
        }
        assert_eq!(events.len(), 8);
        player.cut_all(Moment::ZERO, PromptEnd::Stopped, &mut events);
        assert_eq!(events.len(), 40);
        player.comfort(Some(pcm(0, 0)));
        assert_eq!(player.frame(Moment::ZERO, true, &mut frame, &mut events), Source::Nothing);
    }
}
