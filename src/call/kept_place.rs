//! Somebody calls again whose call was cut off in line or in a talk: the gateway had stopped, or their line had broken. They are not led
//! through the script once more: one sentence, and they are in line where they were, with what they had said.

use super::Command;
use super::card::HandOverCard;
use super::line::InLine;
use super::machine::{Call, Now};
use super::state::{Bridging, State, Step};
use super::story::Story;
use super::timers::TimerName;
use super::transfer::Wish;
use crate::acd::Left;
use crate::base::LegId;
use crate::flow::{Cursor, Phrase};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The place of a caller whose call was cut off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptPlace {
    /// In which queue.
    pub queue: String,
    /// So long ago they got in line, the time in which nobody was on the line included. The queues put them where that belongs.
    pub ago: Duration,
    /// They were talking with an agent: to the head of the line.
    pub talked: bool,
    /// They had been abusive.
    #[serde(default)]
    pub abusive: bool,
    /// What the agent would have been told. The reference is left out: it is a secret of that call.
    pub card: HandOverCard,
}

impl Call {
    /// This caller has a place in line from a call that was cut off.
    pub(crate) fn has_place(&mut self, now: &mut Now, place: &KeptPlace) {
        if !matches!(self.state, State::Answering) || self.kept_place.is_some() {
            return;
        }
        let (minutes, talked) = (place.ago.as_secs() / 60, if place.talked { "had an agent" } else { "waited" });
        let why =
            format!("their call was cut off when they {talked} in {}, {minutes} minutes after they got in line", place.queue);
        self.decide(now, "place_kept", why);
        // Whatever becomes of the place: they may say again what was told at a sensitive question then.
        self.story.goes_on_from(&place.card);
        self.kept_place = Some(Box::new(place.clone()));
    }

    /// Back to where they were, in place of the script's first words. False where there is no such place. Whoever has said or keyed something
    /// already is heard by the script; the queues give them the place all the same, once they are in that line.
    pub(crate) fn takes_up_place(&mut self, now: &mut Now) -> bool {
        if !self.ahead.is_empty() || self.ears.speaking.is_some() {
            return false;
        }
        let Some(place) = self.kept_place.take() else { return false };
        let KeptPlace { queue, talked, abusive, card, .. } = *place;
        if let Some(cursor) = &mut self.cursor {
            cursor.set_language(card.language);
            cursor.recall(card.slots.reveal());
        }
        self.story = Story::from_card(&card);
        self.spoke_with.clone_from(&card.spoke_with);
        (self.returned, self.priority_kept) = (talked, card.priority);
        self.strain.abusive |= abusive;
        self.emergency = card.because == "emergency";
        self.back_in_place = true;
        let sentence = Some(self.phrase(Phrase::PlaceKept));
        let because = if card.because.is_empty() { "asked".to_string() } else { card.because };
        let known = self.queue_target(&queue).name;
        let target = if self.flow.targets.contains_key(&known) { known } else { self.flow.person.target.clone() };
        self.begin_transfer(now, Wish { target, sentence, because }, "the caller is back in the line where they were".into());
        true
    }

    /// Star, for who was put back into the line and wants something else now. False where that was not offered.
    pub(crate) fn begins_anew(&mut self, now: &mut Now) -> bool {
        if !self.back_in_place || !matches!(self.in_line, Some(InLine::Waiting(_))) {
            return false;
        }
        let State::Transferring(transfer) = &self.state else { return false };
        let ringing = match &transfer.step {
            Step::Waiting(_) => None,
            Step::Bridging(Bridging { attempt, line: Some(_), .. }) => Some(*attempt),
            _ => return false,
        };
        self.decide(now, "begins_anew", "the caller wants something else than the place in line".into());
        self.back_in_place = false;
        self.stop_listening(now);
        self.leave_line(now, Left::Elsewhere);
        self.timers.clear_except(&[TimerName::Longest]);
        now.out.push(Command::StopPlaying { leg: LegId::Caller });
        now.out.push(Command::Comfort(false));
        if let Some(attempt) = ringing {
            now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        }
        // That they were in line so long ago stays theirs, should they want a person after all; what they had said does not.
        self.flush_turn(now);
        self.story.begins_anew();
        (self.emergency, self.wanted_at, self.returned, self.priority_kept) = (false, None, false, 0);
        self.spoke_with.clear();
        self.publish(now);
        self.ears.floor = self.ears.newest;
        self.said.clear();
        let Some(facts) = self.facts() else { return true };
        let (cursor, action) = Cursor::start_in(self.flow.clone(), facts, self.language());
        self.cursor = Some(cursor);
        self.perform(now, action);
        true
    }
}
