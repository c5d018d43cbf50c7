//! What the call knows of the caller's voice: what is listened for, which utterances have begun and have a result, and what
//! they began under.

use super::machine::{Call, Now};
use crate::base::{AttemptId, EarFailure, Expect, Grammar, Hypothesis, Moment, UtteranceId};
use std::collections::VecDeque;

/// Utterances whose sensitivity is remembered.
const UTTERANCES_KEPT: usize = 16;

/// What the call knows of the caller's voice.
#[derive(Debug, Default)]
pub(crate) struct Ears {
    /// What we listen for and whether it is sensitive; `None` = not listening.
    pub(crate) listening: Option<(Grammar, bool)>,
    /// Nothing is asked of the caller meanwhile.
    pub(crate) aside: bool,
    /// The agent who is listened to, too.
    pub(crate) agent: Option<AttemptId>,
    /// The utterance that has begun and has no result yet, with its beginning.
    pub(crate) speaking: Option<(UtteranceId, Moment)>,
    /// The newest utterance that was seen.
    pub(crate) newest: Option<UtteranceId>,
    /// The newest utterance that has a result.
    pub(crate) heard: Option<UtteranceId>,
    /// Utterances up to this one belong to decided turns.
    pub(crate) floor: Option<UtteranceId>,
    /// What utterances began under; newest last.
    pub(crate) begun: VecDeque<Begun>,
    /// The last ended utterance.
    pub(crate) ended: Option<Ended>,
    /// The caller has put us on hold: his silence is no silence.
    pub(crate) held: bool,
    /// How loud the caller was in earlier utterances, dBFS; newest last, at most 16.
    levels: VecDeque<i8>,
    /// The newest utterance, if it was much louder than those before.
    raised: Option<UtteranceId>,
}

/// Speech shorter than this without any word is noise: a cough, a door.
const NOISE_MS: u32 = 300;

/// A voice is raised when it is louder by so much than the caller usually is, decibels.
const RAISED_DB: i8 = 8;
/// How many utterances tell how loud somebody usually is, at least.
const USUAL_MIN: usize = 2;

impl Ears {
    /// Compares how loud an utterance was with those before it.
    pub(crate) fn level_of(&mut self, utterance: UtteranceId, level: Option<i8>) {
        let Some(level) = level else { return };
        let mut before: Vec<i8> = self.levels.iter().copied().collect();
        before.sort_unstable();
        let usual = (before.len() >= USUAL_MIN).then(|| before[before.len() / 2]);
        self.raised = usual.filter(|usual| level.saturating_sub(*usual) >= RAISED_DB).map(|_| utterance);
        if self.levels.len() >= UTTERANCES_KEPT {
            self.levels.pop_front();
        }
        self.levels.push_back(level);
    }

    /// Whether this utterance was much louder than the caller usually is.
    pub(crate) fn is_raised(&self, utterance: UtteranceId) -> bool {
        self.raised == Some(utterance)
    }
}

/// What the listener says of an utterance.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Which.
    pub utterance: UtteranceId,
    /// Length of the speech, milliseconds.
    pub length_ms: u32,
    /// Things happened in the background before it.
    pub restless: bool,
}

impl Ended {
    /// A cough, a door: nothing was said.
    pub fn is_noise(&self, heard: &Hypothesis) -> bool {
        self.length_ms < NOISE_MS && heard.text.trim().is_empty()
    }

    /// Words that nobody understands before a background in which things happen: dishes and people at the next table sound like that, too.
    pub fn is_murmur(&self, heard: &Hypothesis) -> bool {
        self.restless && heard.rejected.is_some()
    }
}

/// What was listened for when an utterance began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun {
    utterance: UtteranceId,
    /// The question is sensitive.
    secret: bool,
    /// The question is open: no closed grammar forces words on what was said.
    open: bool,
    /// It was spoken over a prompt.
    over: bool,
    /// Nothing was asked.
    aside: bool,
    /// The caller waited in line.
    in_line: bool,
}

impl Call {
    pub(crate) fn speech_started(&mut self, now: &mut Now, utterance: UtteranceId, over: bool) {
        let secret = self.listening_secretly();
        let open = matches!(&self.ears.listening, Some((grammar, _)) if matches!(grammar.expect, Expect::Open { .. } | Expect::Spelled));
        if self.ears.begun.len() >= UTTERANCES_KEPT {
            self.ears.begun.pop_front();
        }
        self.ears.begun.push_back(Begun { utterance, secret, open, over, aside: self.ears.aside, in_line: self.is_in_line() });
        self.ears.newest = self.ears.newest.max(Some(utterance));
        self.ears.speaking = Some((utterance, now.at));
    }

    /// Whether nothing of this utterance may be kept.
    pub(crate) fn secret(&self, utterance: UtteranceId) -> bool {
        self.begun(utterance).is_some_and(|b| b.secret) || self.listening_secretly()
    }

    /// Whether it was heard under an open question.
    pub(crate) fn heard_openly(&self, utterance: UtteranceId) -> bool {
        self.begun(utterance).is_some_and(|b| b.open)
    }

    /// Whether it was spoken over a prompt.
    pub(crate) fn spoken_over(&self, utterance: UtteranceId) -> bool {
        self.begun(utterance).is_some_and(|b| b.over)
    }

    /// Whether it was said while nothing was asked.
    pub(crate) fn said_aside(&self, utterance: UtteranceId) -> bool {
        self.begun(utterance).is_some_and(|b| b.aside)
    }

    /// Whether it was said in line: to nobody.
    pub(crate) fn said_in_line(&self, utterance: UtteranceId) -> bool {
        self.begun(utterance).is_some_and(|b| b.in_line)
    }

    pub(crate) fn begun(&self, utterance: UtteranceId) -> Option<&Begun> {
        self.ears.begun.iter().rev().find(|b| b.utterance == utterance)
    }

    pub(crate) fn listening_secretly(&self) -> bool {
        self.ears.listening.as_ref().is_some_and(|(_, sensitive)| *sensitive)
    }

    pub(crate) fn heard(&mut self, now: &mut Now, utterance: UtteranceId, result: &Result<Hypothesis, EarFailure>) {
        self.ears.newest = self.ears.newest.max(Some(utterance));
        self.ears.heard = self.ears.heard.max(Some(utterance));
        if self.ears.speaking.is_some_and(|(u, _)| u == utterance) {
            self.ears.speaking = None;
        }
        self.listened(now, utterance, result);
    }
}
