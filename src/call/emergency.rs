//! An emergency that somebody speaks of who waits in line already, or is parked: first in line from then on, and the sentence at once. Who waits is listened
//! to for nothing else; what else is said there moves nothing and is no utterance in the records.

use super::Command;
use super::face::QueueAsk;
use super::line::InLine;
use super::machine::{Call, Now};
use super::state::{AgentStage, Bridging, State, Step};
use crate::acd::Left;
use crate::base::{BargeIn, LegId};
use crate::flow::Phrase;

impl Call {
    /// Waits for an agent of a queue, whose phone may ring or who is being told already.
    pub(crate) fn is_in_line(&self) -> bool {
        let State::Transferring(transfer) = &self.state else { return false };
        matches!(transfer.step, Step::Waiting(_) | Step::Bridging(Bridging { line: Some(_), .. }))
    }

    /// Listens for an emergency where the flow names any, and for nothing where not.
    pub(crate) fn listen_in_line(&mut self, now: &mut Now) {
        let phrases = self.flow.emergency.as_ref().and_then(|emergency| emergency.phrases.get(&self.language()));
        let named = phrases.is_some_and(|phrases| !phrases.is_empty());
        let waits = matches!(self.in_line, Some(InLine::Waiting(_))) && self.is_in_line() && !self.person_is_asked();
        if !named || !waits || self.emergency || self.person_is_absent() {
            return self.stop_listening(now);
        }
        let mut grammar = self.bare_grammar();
        if let Some(open) = self.flow.open_question(self.language()) {
            grammar.expect = open;
        }
        self.listen_aside(now, grammar);
    }

    /// The caller in line speaks of an emergency.
    pub(crate) fn emergency_in_line(&mut self, now: &mut Now, why: String) {
        if std::mem::replace(&mut self.emergency, true) {
            return;
        }
        self.story.because = "emergency".into();
        self.listen_in_line(now);
        // It is remembered there already; what comes of it finds the emergency.
        if self.is_promised_call_back() {
            return self.decide(now, "emergency", why);
        }
        self.end_talk(now);
        if self.goes_elsewhere(now, &why) {
            return;
        }
        self.decide(now, "emergency", why);
        self.unpark(now);
        now.out.push(Command::Queue(QueueAsk::Emergency));
        self.publish(now);
        let parts = self.phrase(Phrase::Emergency);
        let State::Transferring(transfer) = &self.state else { return };
        match &transfer.step {
            Step::Waiting(_) => {
                self.hush_line(now);
                let prompt = self.play(now, parts, BargeIn::PersonOnly);
                if let Some(waiting) = self.waiting() {
                    waiting.playing = Some(prompt);
                }
            }
            Step::Bridging(Bridging { agent: AgentStage::Called, .. }) => {
                now.out.push(Command::StopPlaying { leg: LegId::Caller });
                let prompt = self.play(now, parts, BargeIn::PersonOnly);
                if let Some(bridging) = self.bridging() {
                    bridging.to_caller.push(prompt);
                }
            }
            // The agent is there before any sentence would be over.
            _ => {}
        }
        if let State::Transferring(transfer) = &mut self.state {
            transfer.because = "emergency".into();
        }
    }

    /// What was spoken of while a call-back was being promised, once nothing came of that. False where it was nothing.
    pub(crate) fn emergency_after_all(&mut self, now: &mut Now) -> bool {
        if !std::mem::take(&mut self.emergency) {
            return false;
        }
        self.emergency_in_line(now, "no call-back was promised; the caller had spoken of an emergency".into());
        true
    }

    /// The place was kept for a call-back just then: the caller, who is on the line, gets in line anew.
    pub(crate) fn back_for_emergency(&mut self, now: &mut Now) {
        let Some(target) = self.waiting().map(|waiting| waiting.target.clone()) else { return };
        self.waits_no_more(now);
        let sentence = Some(self.phrase(Phrase::Emergency));
        if let State::Transferring(transfer) = &mut self.state {
            transfer.sentence = sentence;
        }
        self.get_in_line(now, target);
    }

    /// Where the flow names somebody else for emergencies, and nobody rings yet: there. Should nobody be reached, it is back to this line.
    fn goes_elsewhere(&mut self, now: &mut Now, why: &str) -> bool {
        let Some(home) = self.waiting().map(|waiting| waiting.target.clone()) else { return false };
        let wish = self.wish("emergency");
        let same = |name: &str| self.flow.targets.get(name).is_none_or(|to| to.name == home.name || to.queue() == home.queue());
        if same(&wish.target) {
            return false;
        }
        self.hush_line(now);
        self.leave_line(now, Left::Elsewhere);
        self.begin_transfer_from(now, wish, why.to_string(), Some(home));
        true
    }
}
