//! Moving the caller to a person: which target, by which way, and what a failure leads to. REFER falls back to a bridge to
//! the same target, a bridge to the next target, the last to a message. Speech never cancels any of it.

use super::machine::{Call, Now};
use super::state::{AgentStage, Bridging, Nobody, State, Step, Transfer};
use super::timers::TimerName;
use super::{AgentEvent, Command, Record, ReferOutcome};
use crate::base::{AttemptId, BargeIn, Disposition, LegId, Moment, PromptId, PromptPart};
use crate::flow::{Accept, OnFailure, Phrase, Target, TransferMethod};
use std::time::Duration;

/// Tries to reach a person in one call, REFERs and bridges together.
pub(crate) const TRIES_MAX: u8 = 6;
/// What a REFER gets beyond the target's ring time, for its NOTIFY.
const REFER_GRACE: Duration = Duration::from_secs(5);
/// What signalling gets to report a failure that it times itself.
pub(crate) const REPORT_GRACE: Duration = Duration::from_secs(3);
/// How long an answered agent has to press 1.
const KEY_WAIT: Duration = Duration::from_secs(15);
/// How long at least after the summary's end.
const KEY_WAIT_AFTER_SUMMARY: Duration = Duration::from_secs(6);
/// Rest before the same target is tried again.
const RETRY_REST: Duration = Duration::from_secs(3);

/// A person is wanted.
pub(crate) struct Wish {
    /// Which target first.
    pub(crate) target: String,
    /// Spoken at the first try; `None` = the usual sentence.
    pub(crate) sentence: Option<Vec<PromptPart>>,
    /// One word for records and the card.
    pub(crate) because: String,
}

impl Call {
    /// From here on the call belongs to a person, or to the message that stands for one.
    pub(crate) fn begin_transfer(&mut self, now: &mut Now, wish: Wish, why: String) {
        self.begin_transfer_from(now, wish, why, None);
    }

    /// The same, for who waits in a line already: back to it where nobody is reached.
    pub(crate) fn begin_transfer_from(&mut self, now: &mut Now, wish: Wish, why: String, home: Option<Target>) {
        self.hush(now);
        self.timers.clear_except(&[TimerName::Longest]);
        self.stop_listening(now);
        self.guard_recording(now, false);
        self.wanted_at.get_or_insert(now.at);
        // Who comes back to a person after a talk goes first.
        self.returned |= self.after.take().or(self.sent_back.take()).is_some();
        self.emergency |= wish.because == "emergency";
        self.story.because.clone_from(&wish.because);
        self.decide(now, &wish.because, why);
        let sentence = wish.sentence.or_else(|| Some(self.phrase(Phrase::Transferring)));
        let transfer = Transfer { nobody: Nobody::Closed, home, ..Transfer::new(wish.because, sentence) };
        self.state = State::Transferring(Box::new(transfer));
        self.publish(now);
        self.try_chain(now, Some(wish.target));
    }

    /// Why a person was wanted, one word.
    pub(crate) fn because(&self) -> String {
        self.story.because.clone()
    }

    /// Tries this target or, when nobody is there, those after it; in the end takes a message.
    pub(crate) fn try_chain(&mut self, now: &mut Now, first: Option<String>) {
        let flow = self.flow.clone();
        let mut name = first;
        while let Some(target) = name.as_deref().and_then(|n| flow.targets.get(n)) {
            let State::Transferring(transfer) = &mut self.state else { return };
            if transfer.tries >= TRIES_MAX || transfer.tried.iter().any(|(t, _)| *t == target.name) {
                break;
            }
            transfer.tried.push((target.name.clone(), 0));
            match self.absent(now, target) {
                None => return self.approach(now, target.clone()),
                Some((nobody, why)) => {
                    if let State::Transferring(transfer) = &mut self.state {
                        transfer.nobody = transfer.nobody.max(nobody);
                    }
                    self.decide(now, "target_skipped", format!("{}: {why}", target.name));
                }
            }
            name.clone_from(&target.next);
        }
        self.message_instead(now);
    }

    /// Why nobody is there at this target, if so.
    fn absent(&self, now: &Now, target: &Target) -> Option<(Nobody, String)> {
        let language = self.language();
        let closed = target.hours.as_ref().is_some_and(|h| !h.open_at(self.wall(now)));
        if closed && !self.emergency {
            return Some((Nobody::Closed, "outside its hours".into()));
        }
        if !target.languages.is_empty() && !target.languages.contains(&language) {
            return Some((Nobody::Language, format!("nobody there speaks {language}")));
        }
        None
    }

    /// Begins with a target, by its own method.
    fn approach(&mut self, now: &mut Now, target: Target) {
        match target.method {
            TransferMethod::Bridge | TransferMethod::Attended => self.dial(now, target),
            TransferMethod::Queue => self.get_in_line(now, target),
            TransferMethod::Refer => {
                let sentence = self.take_sentence(now);
                let State::Transferring(transfer) = &mut self.state else { return };
                match sentence {
                    Some(prompt) => transfer.step = Step::BeforeRefer { target, prompt },
                    None => self.refer(now, target),
                }
            }
        }
    }

    /// Speaks the sentence, or at a later target that another one is tried. The caller hears comfort audio beside it.
    pub(crate) fn take_sentence(&mut self, now: &mut Now) -> Option<PromptId> {
        let State::Transferring(transfer) = &mut self.state else { return None };
        let parts = match transfer.sentence.take() {
            Some(parts) => parts,
            None => self.phrase(Phrase::TryingNext),
        };
        now.out.push(Command::Comfort(true));
        if parts.is_empty() {
            return None;
        }
        Some(self.play(now, parts, BargeIn::PersonOnly))
    }

    fn refer(&mut self, now: &mut Now, target: Target) {
        let attempt = self.begin_try();
        let patience = target.ring + REFER_GRACE;
        self.timers.set(TimerName::Refer, now.at + patience + REPORT_GRACE);
        now.out.push(Command::Refer { attempt, to: target.sip.clone(), uui: self.uui(), patience });
        if let State::Transferring(transfer) = &mut self.state {
            transfer.step = Step::Referring { target, attempt, began: now.at };
        }
    }

    /// Calls the agent at once; the sentence plays meanwhile.
    fn dial(&mut self, now: &mut Now, target: Target) {
        let attempt = self.begin_try();
        self.timers.set(TimerName::Ring, now.at + target.ring + REPORT_GRACE);
        now.out.push(Command::Dial { attempt, to: target.sip.clone(), uui: self.uui(), ring: target.ring });
        let to_caller = self.take_sentence(now).into_iter().collect();
        if let State::Transferring(transfer) = &mut self.state {
            if let Some((_, bridges)) = transfer.tried.iter_mut().find(|(t, _)| *t == target.name) {
                *bridges += 1;
            }
            let agent = AgentStage::Called;
            transfer.step = Step::Bridging(Bridging { target, attempt, began: now.at, to_caller, agent, line: None });
        }
    }

    fn begin_try(&mut self) -> AttemptId {
        if let State::Transferring(transfer) = &mut self.state {
            transfer.tries += 1;
        }
        self.new_attempt()
    }

    /// RFC 7433 §4.1: the card's reference in hexadecimal.
    pub(crate) fn uui(&self) -> String {
        format!("{};encoding=hex", self.settings.card_reference)
    }

    /// A prompt to the caller is over while a person is being reached.
    pub(crate) fn transfer_prompt_ended(&mut self, now: &mut Now, prompt: PromptId) {
        if self.hello_ended(now, prompt) {
            return;
        }
        let State::Transferring(transfer) = &mut self.state else { return };
        match &mut transfer.step {
            Step::BeforeRefer { target, prompt: p } if *p == prompt => {
                let target = target.clone();
                self.refer(now, target);
            }
            Step::Bridging(bridging) => {
                bridging.to_caller.retain(|p| *p != prompt);
                self.join_if_ready(now);
            }
            Step::Waiting(waiting) if waiting.playing == Some(prompt) => {
                waiting.playing = None;
                self.talk_prompt_ended(now);
                self.tell_place(now);
            }
            _ => {}
        }
    }

    pub(crate) fn referred(&mut self, now: &mut Now, attempt: AttemptId, outcome: ReferOutcome) {
        if matches!(self.state, State::Joined { .. }) {
            return self.completing(now, attempt, outcome);
        }
        let State::Transferring(transfer) = &self.state else { return };
        let Step::Referring { target, attempt: a, began } = &transfer.step else { return };
        if *a != attempt {
            return;
        }
        let (target, began) = (target.clone(), *began);
        match outcome {
            ReferOutcome::Accepted | ReferOutcome::Progress(_) => {}
            ReferOutcome::Succeeded => {
                self.note_attempt(now, began, &target.name, "refer", "answered".into());
                self.person_at.get_or_insert(now.at);
                self.timers.clear_except(&[TimerName::Longest]);
                self.timers.set(TimerName::ReferGrace, now.at + self.settings.refer_grace);
                self.publish(now);
                self.state = State::MovedAway { target: target.name };
            }
            ReferOutcome::Failed(status) => self.refer_failed(now, target, began, status.to_string()),
        }
    }

    pub(crate) fn refer_overdue(&mut self, now: &mut Now) {
        let State::Transferring(transfer) = &self.state else { return };
        let Step::Referring { target, began, .. } = &transfer.step else { return };
        let (target, began) = (target.clone(), *began);
        self.refer_failed(now, target, began, "no outcome".into());
    }

    /// The caller is still ours: bridge to the same target.
    fn refer_failed(&mut self, now: &mut Now, target: Target, began: Moment, outcome: String) {
        self.timers.clear(TimerName::Refer);
        self.decide(
            now,
            "transfer_failed",
            format!("REFER to {} failed ({outcome}); bridging to the same target", target.name),
        );
        self.note_attempt(now, began, &target.name, "refer", outcome);
        let State::Transferring(transfer) = &mut self.state else { return };
        transfer.nobody = Nobody::Tried;
        if transfer.tries >= TRIES_MAX {
            return self.message_instead(now);
        }
        // Nothing is said: to the caller it is one and the same transfer.
        transfer.sentence = Some(Vec::new());
        self.dial(now, target);
    }

    pub(crate) fn moved_away(&mut self, now: &mut Now) {
        if let State::MovedAway { target } = &self.state {
            let to = target.clone();
            let because = self.because();
            self.end(now, Disposition::Transferred { to, because }, false);
        }
    }

    /// Something about the agent's leg of the present try.
    pub(crate) fn agent_moves(&mut self, now: &mut Now, event: &AgentEvent) {
        let State::Transferring(transfer) = &self.state else { return };
        let Step::Bridging(bridging) = &transfer.step else { return };
        match (event, bridging.agent) {
            (AgentEvent::Ringing, _) => {}
            (AgentEvent::Answered, AgentStage::Called) => {
                self.offer_accepted(now);
                self.brief(now);
            }
            (AgentEvent::Key(key), AgentStage::AskedForKey { .. }) if key.as_char() == '1' => {
                let leg = LegId::Agent(bridging.attempt);
                self.timers.clear(TimerName::AgentKey);
                now.out.push(Command::StopPlaying { leg });
                self.agent_is(AgentStage::Ready);
                self.cut_place(now);
                self.join_if_ready(now);
            }
            (AgentEvent::Failed { status, contact }, _) => {
                self.bridge_failed(now, *status, status.to_string(), contact.as_deref());
            }
            (AgentEvent::HungUp | AgentEvent::Lost, AgentStage::Called) => self.bridge_failed(now, 480, "hung up".into(), None),
            (AgentEvent::HungUp | AgentEvent::Lost, _) => {
                self.bridge_failed(now, 480, "the agent hung up before the caller was joined".into(), None)
            }
            (AgentEvent::Answered | AgentEvent::Key(_) | AgentEvent::Refers { .. }, _) => {}
        }
    }

    /// The agent's phone was picked up: tell who calls and why, while the caller hears that this is being done.
    fn brief(&mut self, now: &mut Now) {
        self.timers.clear(TimerName::Ring);
        self.publish(now);
        let State::Transferring(transfer) = &mut self.state else { return };
        let Step::Bridging(bridging) = &transfer.step else { return };
        // Who still hears that a person is being called needs no second sentence, which would only make the wait longer.
        let tell_caller = bridging.to_caller.is_empty() && !std::mem::replace(&mut transfer.told_brief, true);
        let (attempt, accept) = (bridging.attempt, bridging.target.accept);
        if bridging.line.as_ref().is_some_and(|line| line.page) {
            return self.page_is_ready(now, attempt);
        }
        let desk = bridging.line.as_ref().is_some_and(|line| line.desk);
        let language = self.agent_language();
        // Who has the card before their eyes needs no more than a sentence, and the caller waits for its end.
        let mut parts = vec![PromptPart::Text(if desk { self.opening() } else { self.briefing() })];
        if self.calls_back_soon() {
            parts.extend(self.flow.phrase(Phrase::AgentCallsBack, language));
        }
        if self.recording != super::machine::Recording::Off {
            parts.extend(self.flow.phrase(Phrase::AgentRecorded, language));
        }
        let stage = match accept {
            Accept::Key => {
                let press = self.flow.phrase(Phrase::AgentAccept, language);
                parts = [press.clone(), parts, press].concat();
                let prompt = self.play_to_agent(now, attempt, parts, language);
                self.timers.set(TimerName::AgentKey, now.at + KEY_WAIT);
                AgentStage::AskedForKey { prompt, answered: now.at }
            }
            Accept::Answer => AgentStage::Briefed { prompt: self.play_to_agent(now, attempt, parts, language) },
        };
        self.agent_is(stage);
        if tell_caller {
            let parts = self.phrase(Phrase::AgentIsTold);
            let prompt = self.play(now, parts, BargeIn::PersonOnly);
            if let Some(bridging) = self.bridging() {
                bridging.to_caller.push(prompt);
            }
        }
    }

    /// Whoever clicks has read the card: no sentence before the caller is heard, no key, and what the caller is still told gives way to a voice
    /// that is there. That the call is recorded is said over the conversation.
    fn page_is_ready(&mut self, now: &mut Now, attempt: AttemptId) {
        self.agent_is(AgentStage::Ready);
        if self.bridging().is_some_and(|bridging| !bridging.to_caller.is_empty()) {
            now.out.push(Command::StopPlaying { leg: LegId::Caller });
        }
        self.join_if_ready(now);
        let language = self.agent_language();
        if self.recording != super::machine::Recording::Off {
            let parts = self.flow.phrase(Phrase::AgentRecorded, language);
            self.play_to_agent(now, attempt, parts, language);
        }
    }

    pub(crate) fn agent_prompt_ended(&mut self, now: &mut Now, attempt: AttemptId, prompt: PromptId) {
        let Some(bridging) = self.bridging() else { return };
        if bridging.attempt != attempt {
            return;
        }
        match bridging.agent {
            AgentStage::Briefed { prompt: p } if p == prompt => {
                bridging.agent = AgentStage::Ready;
                self.cut_place(now);
                self.join_if_ready(now);
            }
            AgentStage::AskedForKey { prompt: p, answered } if p == prompt => {
                let until = (answered + KEY_WAIT).max(now.at + KEY_WAIT_AFTER_SUMMARY);
                self.timers.set(TimerName::AgentKey, until);
            }
            _ => {}
        }
    }

    /// A mailbox presses no key.
    pub(crate) fn agent_key_overdue(&mut self, now: &mut Now) {
        if let Some(bridging) = self.bridging() {
            let leg = LegId::Agent(bridging.attempt);
            now.out.push(Command::HangUp { leg });
            self.bridge_failed(now, 480, "answered, but 1 was not pressed".into(), None);
        }
    }

    pub(crate) fn ring_overdue(&mut self, now: &mut Now) {
        if matches!(self.state, State::Joined { .. }) {
            return self.onward_overdue(now);
        }
        if let Some(bridging) = self.bridging() {
            let leg = LegId::Agent(bridging.attempt);
            now.out.push(Command::HangUp { leg });
            self.bridge_failed(now, 408, "no answer".into(), None);
        }
    }

    /// This try of a bridge is over; `status` decides what is next.
    fn bridge_failed(&mut self, now: &mut Now, status: u16, outcome: String, contact: Option<&str>) {
        self.timers.clear_except(&[TimerName::Longest]);
        let State::Transferring(transfer) = &mut self.state else { return };
        let Step::Bridging(bridging) = std::mem::replace(&mut transfer.step, Step::Choosing) else { return };
        transfer.nobody = Nobody::Tried;
        if bridging.line.is_some() {
            return self.offer_failed(now, bridging, status, outcome);
        }
        let Bridging { target, began, to_caller, .. } = bridging;
        let bridges = transfer.tried.iter().find(|(t, _)| *t == target.name).map_or(1, |(_, n)| *n);
        let may_try = transfer.tries < TRIES_MAX;
        let next = match target.on.get(&status) {
            Some(OnFailure::Retry) if bridges < 2 && may_try => OnFailure::Retry,
            Some(OnFailure::Message) => OnFailure::Message,
            Some(OnFailure::Follow) => OnFailure::Follow,
            _ => OnFailure::Next,
        };
        self.decide(now, "transfer_failed", format!("{} not reached ({outcome}); then: {next:?}", target.name));
        self.note_attempt(now, began, &target.name, "bridge", outcome);
        if !to_caller.is_empty() {
            now.out.push(Command::StopPlaying { leg: LegId::Caller });
        }
        match next {
            OnFailure::Retry => {
                self.timers.set(TimerName::Retry, now.at + RETRY_REST);
                if let State::Transferring(transfer) = &mut self.state {
                    transfer.step = Step::Resting { target };
                }
            }
            OnFailure::Message => self.message_instead(now),
            OnFailure::Follow => {
                let moved = contact.and_then(|c| self.flow.targets.values().find(|t| same_address(&t.sip, c)));
                if moved.is_none() && contact.is_some() {
                    // Nothing is dialled that the flow does not name, whoever asks for it.
                    let why = format!("{} sent us on to an address that the flow does not name", target.name);
                    self.decide(now, "destination_refused", why);
                }
                let next = moved.map(|t| t.name.clone()).or(target.next);
                self.try_chain(now, next);
            }
            OnFailure::Next => self.try_chain(now, target.next),
        }
    }

    pub(crate) fn rested(&mut self, now: &mut Now) {
        let State::Transferring(transfer) = &mut self.state else { return };
        if let Step::Resting { target } = &transfer.step {
            let target = target.clone();
            transfer.sentence = Some(Vec::new());
            self.dial(now, target);
        }
    }

    /// Joins the two as soon as the agent may be joined and the caller's sentence is over.
    pub(crate) fn join_if_ready(&mut self, now: &mut Now) {
        let ready = |bridging: &mut Bridging| bridging.agent == AgentStage::Ready && bridging.to_caller.is_empty();
        if !self.bridging().is_some_and(ready) || !self.caller_is_there(now) {
            return;
        }
        let Some(bridging) = self.bridging() else { return };
        let (attempt, target, began) = (bridging.attempt, bridging.target.name.clone(), bridging.began);
        let method = bridging.target.method;
        let by_line = bridging.line.as_ref().map(|line| line.agent.clone());
        let bridged_by_line = by_line.is_some();
        self.timers.clear_except(&[TimerName::Longest]);
        self.stop_listening(now);
        self.person_at.get_or_insert(now.at);
        now.out.push(Command::Join { attempt });
        if bridged_by_line {
            now.out.push(Command::Queue(super::QueueAsk::Joined));
        }
        let way = if bridged_by_line { "queue" } else { "bridge" };
        self.note_attempt(now, began, &target, way, "answered".into());
        let attended = method == TransferMethod::Attended;
        self.state = State::Joined { attempt, target, moving: None };
        self.publish(now);
        if let Some(agent) = by_line {
            self.speaks_with(&agent);
        }
        if bridged_by_line {
            self.listen_along(now);
        }
        if attended {
            self.complete(now);
        }
    }

    pub(crate) fn bridging(&mut self) -> Option<&mut Bridging> {
        match &mut self.state {
            State::Transferring(transfer) => match &mut transfer.step {
                Step::Bridging(bridging) => Some(bridging),
                _ => None,
            },
            _ => None,
        }
    }

    fn agent_is(&mut self, stage: AgentStage) {
        if let Some(bridging) = self.bridging() {
            bridging.agent = stage;
        }
    }

    pub(crate) fn note_attempt(&self, now: &mut Now, at: Moment, target: &str, method: &str, outcome: String) {
        self.note(now, Record::Attempt { at, target: target.into(), method: method.into(), outcome });
    }
}

/// Whether two SIP addresses name the same place: user and host, without scheme, parameters and brackets.
fn same_address(a: &str, b: &str) -> bool {
    fn plain(address: &str) -> String {
        let inner = address.split_once('<').map_or(address, |(_, rest)| rest.split('>').next().unwrap_or(rest));
        let inner = inner.trim().trim_start_matches("sip:").trim_start_matches("sips:");
        inner.split([';', '?']).next().unwrap_or(inner).to_lowercase()
    }
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_without_decoration() {
        assert!(same_address("sip:anna@desk:5070", "\"Anna\" <sip:Anna@desk:5070;transport=udp>"));
        assert!(!same_address("sip:anna@desk", "sip:bob@desk"));
    }
}
