//! Saying something of several parts: what the caller speaks over is cut at a part, and taken up there again when nothing else was meant.

use super::dialogue::SPEECH_LONGEST;
use super::machine::{Call, Now};
use super::state::State;
use crate::base::{BargeIn, EarFailure, Hypothesis, PromptEnd, PromptId, PromptPart, UtteranceId, sections};
use crate::call::Ended;
use crate::flow::{Action, Input};
use crate::nlu::slots::{go_on_request, listens_on};
use std::collections::VecDeque;

/// How often the same words are taken up again by themselves; then the script goes on, and "go on" still brings the rest.
const TAKEN_UP_MAX: u8 = 3;

/// Something is being said.
#[derive(Debug)]
pub(crate) struct Telling {
    /// The part that plays, and those that follow it.
    playing: VecDeque<(PromptId, Vec<PromptPart>)>,
    of: Whole,
    /// What follows, where the cursor is there already; otherwise it is asked.
    then: Option<Action>,
}

/// What all parts have in common.
#[derive(Debug, Clone, Copy)]
struct Whole {
    barge_in: BargeIn,
    /// Neither sound nor words of it are kept.
    sensitive: bool,
    /// How many parts there are, for records.
    parts: usize,
    /// How often it was taken up.
    taken_up: u8,
}

impl Telling {
    /// The part that plays.
    pub(crate) fn plays(&self) -> Option<PromptId> {
        self.playing.front().map(|(prompt, _)| *prompt)
    }
}

/// What was cut: from the part on that the caller spoke over.
#[derive(Debug)]
pub(crate) struct LeftOff {
    rest: Vec<Vec<PromptPart>>,
    of: Whole,
}

impl LeftOff {
    /// The part that was cut, as people count.
    fn place(&self) -> String {
        format!("at part {} of {}", self.of.parts + 1 - self.rest.len(), self.of.parts)
    }
}

impl Call {
    /// Says something part by part. Only what a voice may cut has parts: nothing else is ever left off.
    pub(crate) fn tell(&mut self, now: &mut Now, parts: Vec<PromptPart>, barge_in: BargeIn, sensitive: bool) {
        self.left_off = None;
        let parts = if barge_in == BargeIn::Speech { sections(parts) } else { vec![parts] };
        let of = Whole { barge_in, sensitive, parts: parts.len(), taken_up: 0 };
        self.tell_parts(now, parts, of, None);
    }

    fn tell_parts(&mut self, now: &mut Now, parts: Vec<Vec<PromptPart>>, of: Whole, then: Option<Action>) {
        // All are asked for at once, so that they follow each other without a gap.
        let playing = parts.into_iter().map(|part| (self.play(now, part.clone(), of.barge_in), part)).collect();
        self.state = State::Saying(Telling { playing, of, then });
    }

    /// A part was said, or cut. Who spoke over it is heard first.
    pub(crate) fn part_said(&mut self, now: &mut Now, end: PromptEnd) {
        let State::Saying(telling) = &mut self.state else { return };
        let cut = matches!(end, PromptEnd::BargedIn | PromptEnd::Keyed);
        if cut {
            let left = LeftOff { rest: telling.playing.drain(..).map(|(_, part)| part).collect(), of: telling.of };
            if left.of.parts > 1 {
                self.decide(now, "cut", format!("{} of what is said", left.place()));
                self.left_off = Some(left);
            }
        } else {
            telling.playing.pop_front();
            if !telling.playing.is_empty() {
                return;
            }
        }
        let wall = self.wall(now);
        let State::Saying(telling) = &mut self.state else { return };
        let action = match (telling.then.take(), &mut self.cursor) {
            (Some(then), _) => then,
            (None, Some(cursor)) => cursor.next(wall, Input::Done),
            (None, None) => return,
        };
        match end {
            PromptEnd::BargedIn => self.perform_after_speech(now, action, SPEECH_LONGEST),
            _ => self.perform(now, action),
        }
    }

    /// Whether what was said over the words wants nothing but to hear more: noise, "mhm", "go on".
    pub(crate) fn wants_more(&self, utterance: UtteranceId, result: &Result<Hypothesis, EarFailure>) -> bool {
        let Some(left) = &self.left_off else { return false };
        if self.asks_to_go_on(result) {
            return true;
        }
        let noise = self.ended_as(utterance, result, Ended::is_noise) || self.ended_as(utterance, result, Ended::is_murmur);
        let listens = result.as_ref().is_ok_and(|h| self.heard_well(h) && listens_on(&h.text));
        // Who spoke over the last part has heard the most of it.
        left.rest.len() > 1 && left.of.taken_up < TAKEN_UP_MAX && (noise || listens)
    }

    /// Whether the caller says in so many words that we are to go on with what was cut.
    pub(crate) fn asks_to_go_on(&self, result: &Result<Hypothesis, EarFailure>) -> bool {
        self.left_off.is_some() && result.as_ref().is_ok_and(|h| self.heard_well(h) && go_on_request(&h.text))
    }

    /// Takes up what was cut, and goes on with `then` after it.
    pub(crate) fn tell_on(&mut self, now: &mut Now, then: Action) {
        let Some(left) = self.left_off.take() else { return self.perform(now, then) };
        self.engaged = true;
        self.ladders.stirred();
        self.turn_decided();
        self.hush(now);
        self.decide(now, "taken_up", format!("{} of what was said", left.place()));
        if left.of.sensitive {
            self.guard_recording(now, true);
            self.story.withhold();
        }
        let of = Whole { taken_up: left.of.taken_up.saturating_add(1), ..left.of };
        self.tell_parts(now, left.rest, of, Some(then));
    }
}
