//! Waiting in line for an agent of a queue. The caller hears where they stand and how long it will be, and comfort audio between;
//! nothing that is said delays an offer, and keys count at every moment. Who is free and who is next is `acd`'s business.

use super::Command;
use super::face::{QueueAsk, QueueEvent};
use super::machine::{Call, Now};
use super::state::{AgentStage, Bridging, CallBackOffer, Nobody, Offered, State, Step, Waiting};
use super::timers::TimerName;
use super::transfer::{REPORT_GRACE, Wish};
use crate::acd::{Interval, Left, Refusal, Talk, Ticket, Unserved};
use crate::base::{BargeIn, Digit, Disposition, Language, LegId, Moment};
use crate::flow::{Phrase, Target, TransferMethod};
use std::time::Duration;

/// The queues speak every 45 s; when nothing is heard for so long they are taken to be gone.
const LINE_SILENCE: Duration = Duration::from_secs(150);

/// What the queues know of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InLine {
    /// Waits since then, or an agent's phone rings.
    Waiting(Moment),
    /// Talks with one of their agents.
    Talking,
}

impl Call {
    /// Gets in line. The sentence plays meanwhile.
    pub(crate) fn get_in_line(&mut self, now: &mut Now, target: Target) {
        self.get_in_line_for(now, target, None);
    }

    /// The same, first for one agent.
    pub(crate) fn get_in_line_for(&mut self, now: &mut Now, target: Target, only: Option<String>) {
        self.enter(now, &target, only);
        let playing = self.take_sentence(now);
        if let State::Transferring(transfer) = &mut self.state {
            transfer.step = Step::Waiting(Waiting::new(target, playing));
        }
        self.listen_in_line(now);
    }

    fn enter(&mut self, now: &mut Now, target: &Target, only: Option<String>) {
        let ticket = self.ticket(target, only);
        self.in_line = Some(InLine::Waiting(now.at));
        self.await_line(now);
        now.out.push(Command::Queue(QueueAsk::Enter(Box::new(ticket))));
    }

    /// Somebody who waits on the line is not left to a line that is gone.
    pub(crate) fn await_line(&mut self, now: &mut Now) {
        if !self.person_is_absent() {
            self.timers.set(TimerName::Line, now.at + LINE_SILENCE);
        }
    }

    /// How long the caller has waited, this line included.
    pub(crate) fn waited_so_far(&self, now: &Now) -> Duration {
        match self.in_line {
            Some(InLine::Waiting(since)) => self.waited + now.at.since(since),
            _ => self.waited,
        }
    }

    /// What the caller needs of the queues.
    pub(crate) fn ticket(&self, target: &Target, only: Option<String>) -> Ticket {
        Ticket {
            queue: target.queue().unwrap_or_default().to_string(),
            priority: self.priority(),
            language: self.language(),
            caller: self.arrival.as_ref().filter(|_| self.number_known()).map_or(0, |a| same_caller(a.caller.as_str())),
            abusive: self.strain.abusive,
            only,
            prefer: self.prefer.clone(),
            sent_by: self.sent_by.clone(),
            emergency: self.emergency,
            returned: self.returned,
            waited: self.waited,
            kept: None,
            call_back: self.person_is_absent().then_some(Duration::ZERO),
        }
    }

    /// News from the line.
    pub(crate) fn line_news(&mut self, now: &mut Now, news: &QueueEvent) {
        if let QueueEvent::Colleague(news) = news {
            return self.colleague_news(now, news);
        }
        // An agent has it, but the person was not reached yet and need not be any more.
        if matches!(news, QueueEvent::Unserved(_)) && self.in_line == Some(InLine::Talking) && self.person_is_absent() {
            self.decide(now, "not_needed", "the person was served by another call meanwhile".into());
            return self.end(now, Disposition::NotReached { because: "given_up".into() }, true);
        }
        if !matches!(self.in_line, Some(InLine::Waiting(_))) {
            return;
        }
        if matches!(news, QueueEvent::Place { .. } | QueueEvent::Offer { .. } | QueueEvent::Unserved(_)) {
            self.not_parked_any_more(now);
        }
        match news {
            QueueEvent::Colleague(_) => {}
            QueueEvent::Place { position, wait, call_back } => {
                if let Some(waiting) = self.waiting() {
                    waiting.news = Some((*position, *wait));
                    // Once it was offered it may be had; the queues have the last word.
                    if *call_back && waiting.call_back == CallBackOffer::No {
                        waiting.call_back = CallBackOffer::May;
                    }
                    self.timers.set(TimerName::Line, now.at + LINE_SILENCE);
                    self.tell_place(now);
                }
            }
            QueueEvent::Offer { offer, agent, desk, to, ring } => {
                self.agent_offered(now, (*offer, agent, *desk), to, *ring);
            }
            QueueEvent::MayCallBack(answer) => self.call_back_answered(now, answer),
            QueueEvent::CallBackKept(kept) => self.call_back_kept(now, *kept),
            QueueEvent::Withdrawn(offer) => self.offer_withdrawn(now, *offer),
            QueueEvent::Unserved(why) => self.unserved(now, *why),
        }
    }

    pub(crate) fn waiting(&mut self) -> Option<&mut Waiting> {
        match &mut self.state {
            State::Transferring(transfer) => match &mut transfer.step {
                Step::Waiting(waiting) => Some(waiting),
                _ => None,
            },
            _ => None,
        }
    }

    /// Says where the caller stands, as soon as nothing else is said, and only what is new.
    pub(crate) fn tell_place(&mut self, now: &mut Now) {
        let language = self.language();
        let Some(waiting) = self.waiting().filter(|waiting| waiting.playing.is_none() && waiting.talk.is_none()) else {
            return;
        };
        let Some((position, wait)) = waiting.news.take() else { return };
        let (first, offered) = (waiting.told.is_none(), waiting.call_back == CallBackOffer::May);
        if waiting.told == Some((position, wait)) && !offered {
            return;
        }
        waiting.told = Some((position, wait));
        if offered {
            waiting.call_back = CallBackOffer::Said;
        }
        let words = wait.map(|wait| wait_words(wait, language)).unwrap_or_default();
        let number = position.to_string();
        let values = [("position", number.as_str()), ("wait", words.as_str())];
        let mut parts = match position {
            1 => self.flow.phrase_with(Phrase::NextInLine, language, &values[1..]),
            _ => self.flow.phrase_with(Phrase::InLine, language, &values),
        };
        if first {
            parts.extend(self.phrase(Phrase::InsteadOfWaiting));
        }
        if offered {
            parts.extend(self.phrase(Phrase::CallBackOffered));
        }
        self.decide(
            now,
            "place",
            format!("number {position} in line, {}", if words.is_empty() { "no estimate" } else { &words }),
        );
        let prompt = self.play(now, parts, BargeIn::PersonOnly);
        if let Some(waiting) = self.waiting() {
            waiting.playing = Some(prompt);
        }
    }

    /// An agent is free: their phone rings, and the caller goes on hearing what is being said.
    fn agent_offered(&mut self, now: &mut Now, (offer, agent, desk): (u64, &str, bool), to: &str, ring: Duration) {
        // While an earlier one is not over yet, the queues have withdrawn it or will hear of it.
        if self.waiting().is_none() {
            return;
        }
        // Whom the caller called for is there: nobody needs to be called back.
        let talked = self.end_of_talk_by_offer(now);
        let Some(mut waiting) = self.waiting().cloned() else { return };
        let target = Target { sip: to.into(), method: TransferMethod::Bridge, ring, ..waiting.target.clone() };
        let attempt = self.new_attempt();
        self.decide(now, "offered", format!("{agent} of {} rings", target.name));
        self.timers.clear(TimerName::Line);
        self.timers.set(TimerName::Ring, now.at + ring + REPORT_GRACE);
        self.publish(now);
        now.out.push(Command::Dial { attempt, to: to.into(), uui: self.uui(), ring });
        // Where the caller stands is no news any more.
        waiting.news = None;
        let to_caller = talked.or(waiting.playing).into_iter().collect();
        if let State::Transferring(transfer) = &mut self.state {
            let page = to.starts_with(super::BROWSER);
            let line = Some(Box::new(Offered { offer, agent: agent.into(), desk, page, waiting }));
            transfer.step =
                Step::Bridging(Bridging { target, attempt, began: now.at, to_caller, agent: AgentStage::Called, line });
        }
    }

    /// The agent picked up.
    pub(crate) fn offer_accepted(&mut self, now: &mut Now) {
        let Some(agent) = self.bridging().and_then(|bridging| bridging.line.as_ref()).map(|line| line.agent.clone()) else {
            return;
        };
        self.waits_no_more(now);
        self.in_line = Some(InLine::Talking);
        now.out.push(Command::Queue(QueueAsk::Accepted(agent)));
    }

    /// The agent is ready and the caller only hears where they stand: that may be cut.
    pub(crate) fn cut_place(&mut self, now: &mut Now) {
        let told = |bridging: &mut Bridging| {
            bridging.line.as_ref().is_some_and(|line| line.waiting.told.is_some()) && !bridging.to_caller.is_empty()
        };
        if self.bridging().is_some_and(told) {
            now.out.push(Command::StopPlaying { leg: LegId::Caller });
        }
    }

    /// The time in line counts; what is talked with an agent does not.
    pub(crate) fn waits_no_more(&mut self, now: &Now) {
        if let Some(InLine::Waiting(since)) = self.in_line.take() {
            self.waited += now.at.since(since);
        }
    }

    /// The agent did not take the call: back in line, at the same place.
    pub(crate) fn offer_failed(&mut self, now: &mut Now, bridging: Bridging, status: u16, outcome: String) {
        let Bridging { target, began, to_caller, agent, line, .. } = bridging;
        let Some(line) = line else { return };
        self.decide(now, "offer_failed", format!("{} not reached ({outcome}); the caller keeps the place", target.name));
        self.agent_gone_from_call_back(now);
        self.note_attempt(now, began, &target.name, "queue", outcome);
        let Offered { offer, waiting, .. } = *line;
        let waiting = Waiting { playing: to_caller.last().copied(), ..waiting };
        if agent == AgentStage::Called {
            let why = match status {
                486 | 600 | 603 => Refusal::Declined,
                408 | 480 => Refusal::NoAnswer,
                _ => Refusal::Failed,
            };
            now.out.push(Command::Queue(QueueAsk::Refused { offer, why }));
            self.await_line(now);
        } else {
            // Picked up, and then nobody was there: a mailbox, or a phone that was put down again.
            self.talk_is_over(now, true);
            self.returned = true;
            self.enter(now, &waiting.target, None);
        }
        self.back_in_line(now, waiting);
    }

    fn back_in_line(&mut self, now: &mut Now, waiting: Waiting) {
        if let State::Transferring(transfer) = &mut self.state {
            transfer.step = Step::Waiting(waiting);
        }
        self.listen_in_line(now);
        self.tell_place(now);
    }

    /// The agent logged out while the phone rang.
    fn offer_withdrawn(&mut self, now: &mut Now, offer: u64) {
        let State::Transferring(transfer) = &mut self.state else { return };
        let stands = |bridging: &Bridging| bridging.line.as_ref().is_some_and(|line| line.offer == offer);
        if !matches!(&transfer.step, Step::Bridging(bridging) if stands(bridging)) {
            return;
        }
        let Step::Bridging(bridging) = std::mem::replace(&mut transfer.step, Step::Choosing) else { return };
        now.out.push(Command::HangUp { leg: LegId::Agent(bridging.attempt) });
        self.timers.clear(TimerName::Ring);
        self.await_line(now);
        self.note_attempt(now, bridging.began, &bridging.target.name, "queue", "withdrawn".into());
        if let Some(line) = bridging.line {
            self.back_in_line(now, Waiting { playing: bridging.to_caller.last().copied(), ..line.waiting });
        }
    }

    /// Nobody can serve the caller here: the next target, or a message.
    fn unserved(&mut self, now: &mut Now, why: Unserved) {
        if self.call_back_unserved(now) {
            return;
        }
        self.end_talk(now);
        self.stop_listening(now);
        self.waits_no_more(now);
        let State::Transferring(transfer) = &mut self.state else { return };
        let (waiting, ringing) = match std::mem::replace(&mut transfer.step, Step::Choosing) {
            Step::Waiting(waiting) => (waiting, None),
            Step::Bridging(Bridging { attempt, line: Some(line), .. }) => (line.waiting, Some(attempt)),
            other => return transfer.step = other,
        };
        if let Some(attempt) = ringing {
            now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        }
        let (nobody, reason) = match why {
            Unserved::NoSuchQueue => (Nobody::Tried, "there is no such queue"),
            Unserved::Closed => (Nobody::Closed, "the queue is closed"),
            Unserved::Nobody => (Nobody::Tried, "nobody who could serve the caller is logged in"),
            Unserved::Full => (Nobody::Full, "too many wait"),
            Unserved::TooLong => (Nobody::TooLong, "the longest wait is over"),
        };
        transfer.nobody = nobody;
        self.timers.clear(TimerName::Line);
        self.timers.clear(TimerName::Ring);
        self.decide(now, "unserved", format!("{}: {reason}", waiting.target.name));
        if waiting.playing.is_some() || ringing.is_some() {
            now.out.push(Command::StopPlaying { leg: LegId::Caller });
        }
        // Nobody was called here: the next target is no other one to the caller.
        if let State::Transferring(transfer) = &mut self.state {
            transfer.sentence.get_or_insert_default();
        }
        self.try_chain(now, waiting.target.next);
    }

    /// The queues have not been heard of: nobody is left waiting for what may be gone.
    pub(crate) fn line_is_silent(&mut self, now: &mut Now) {
        if self.waiting().is_some() {
            now.out.push(Command::Queue(QueueAsk::Leave(Left::Elsewhere)));
            self.decide(now, "trouble", format!("nothing was heard of the line for {} s", LINE_SILENCE.as_secs()));
            self.unserved(now, Unserved::TooLong);
        }
    }

    /// A key while the caller waits: 1 leads to a message, 2 to a call-back where there is one.
    pub(crate) fn key_in_line(&mut self, now: &mut Now, key: Digit) {
        if self.key_of_person(now, key) || self.key_while_parked(now, key) {
            return;
        }
        if self.waiting().is_some_and(|waiting| waiting.talk.is_some()) {
            return self.key_in_talk(now, key);
        }
        if key.as_char() == '*' && self.begins_anew(now) {
            return;
        }
        let offered = |waiting: &mut Waiting| waiting.call_back == CallBackOffer::Said;
        if key.as_char() == '2' && self.waiting().is_some_and(offered) {
            return self.call_back_wanted(now);
        }
        if key.as_char() != '1' || !matches!(self.in_line, Some(InLine::Waiting(_))) {
            return;
        }
        let State::Transferring(transfer) = &mut self.state else { return };
        let ringing = match &transfer.step {
            Step::Waiting(waiting) if waiting.told.is_some() => None,
            Step::Bridging(Bridging { attempt, line: Some(line), .. }) if line.waiting.told.is_some() => Some(*attempt),
            // Nobody has said what it means: it was meant for an earlier question.
            _ => return,
        };
        transfer.step = Step::Choosing;
        transfer.nobody = Nobody::Tried;
        self.stop_listening(now);
        self.waits_no_more(now);
        now.out.push(Command::Queue(QueueAsk::Leave(Left::Elsewhere)));
        now.out.push(Command::StopPlaying { leg: LegId::Caller });
        if let Some(attempt) = ringing {
            now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        }
        self.decide(now, "message_wanted", "the caller leaves a message instead of waiting".into());
        self.message_wanted(now);
    }

    /// The conversation with one of the queues' agents is over.
    pub(crate) fn talk_is_over(&mut self, now: &mut Now, lost: bool) {
        if self.in_line == Some(InLine::Talking) {
            self.in_line = None;
            let strain = self.strain_of_talk();
            now.out.push(Command::Queue(QueueAsk::Finished(Talk { strain, lost })));
        }
    }

    pub(crate) fn strain_of_talk(&self) -> crate::acd::Strain {
        let mut strain = self.strain;
        strain.hard |= matches!(self.story.because.as_str(), "upset" | "same_answer" | "no_progress");
        strain
    }

    /// The queues let go of the call.
    pub(crate) fn leave_line(&mut self, now: &mut Now, why: Left) {
        if matches!(self.in_line, Some(InLine::Waiting(_))) {
            self.waits_no_more(now);
            now.out.push(Command::Queue(QueueAsk::Leave(why)));
        }
        self.talk_is_over(now, false);
    }

    /// The agent's leg died in the middle of the conversation: an apology, and the head of the line.
    pub(crate) fn agent_lost(&mut self, now: &mut Now) {
        self.caller_is_left(now, true);
    }

    /// Both agents have put their phones down after they had talked in private: the caller, on hold until then, is nobody's.
    pub(crate) fn nobody_left(&mut self, now: &mut Now) {
        self.caller_is_left(now, false);
    }

    fn caller_is_left(&mut self, now: &mut Now, lost: bool) {
        let State::Joined { attempt, target, .. } = &self.state else { return };
        let (attempt, name) = (*attempt, target.clone());
        now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        self.talk_is_over(now, lost);
        let known = self.flow.targets.get(&name);
        let queue = known.is_some_and(|target| target.queue().is_some());
        let first = if known.is_some() { name.clone() } else { self.flow.person.target.clone() };
        let sentence = Some(self.phrase(if queue { Phrase::AgentLost } else { Phrase::ConnectionFailed }));
        (self.returned, self.on_hold) = (true, false);
        let (told, why) = match lost {
            true => (format!("the connection to {name} broke"), "the caller comes back from a broken connection"),
            false => (format!("both agents at {name} put their phones down"), "the caller was left by both agents"),
        };
        self.decide(now, "agent_lost", told);
        // Why the caller wanted a person has not changed.
        let (because, why) = (self.because(), why.to_string());
        self.begin_transfer(now, Wish { target: first, sentence, because }, why);
    }
}

/// A number for the same caller (FNV-1a), never 0.
pub fn same_caller(number: &str) -> u64 {
    number.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)).max(1)
}

/// "2 to 3 and a half minutes", to be spoken.
pub(crate) fn wait_words(wait: Interval, language: Language) -> String {
    let (from, to) = (wait.from, wait.to);
    let zh = language.as_str() == "zh";
    let minutes = |seconds: u32| match (seconds / 60, seconds % 60 >= 30) {
        (0, _) if zh => "半".to_string(),
        (0, _) => "half a".to_string(),
        (whole, true) if zh => format!("{whole}分半"),
        (whole, true) => format!("{whole} and a half"),
        (whole, false) => whole.to_string(),
    };
    let half = |seconds: u32| seconds % 60 >= 30 && seconds > 60;
    if zh {
        let end = |seconds: u32| if half(seconds) { String::new() } else { "分钟".to_string() };
        return match from {
            0 if to <= 60 => "不到1分钟".into(),
            0 => format!("不超过{}{}", minutes(to), end(to)),
            30 => format!("半分钟到{}{}", minutes(to), end(to)),
            _ => format!("{}到{}{}", minutes(from), minutes(to), end(to)),
        };
    }
    match from {
        0 if to <= 60 => "less than a minute".into(),
        0 => format!("up to {} minutes", minutes(to)),
        30 => format!("half a minute to {} minutes", minutes(to)),
        _ => format!("{} to {} minutes", minutes(from), minutes(to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_said_as_people_say_them() {
        let en = |from, to| wait_words(Interval { from, to }, Language::EN);
        assert_eq!(en(0, 60), "less than a minute");
        assert_eq!(en(0, 90), "up to 1 and a half minutes");
        assert_eq!(en(30, 120), "half a minute to 2 minutes");
        assert_eq!(en(90, 180), "1 and a half to 3 minutes");
        assert_eq!(en(600, 900), "10 to 15 minutes");
        let zh = |from, to| wait_words(Interval { from, to }, Language::ZH);
        assert_eq!(zh(0, 60), "不到1分钟");
        assert_eq!(zh(0, 90), "不超过1分半");
        assert_eq!(zh(30, 120), "半分钟到2分钟");
        assert_eq!(zh(90, 180), "1分半到3分钟");
        assert_eq!(zh(180, 300), "3到5分钟");
    }

    #[test]
    fn callers_are_told_apart() {
        assert_ne!(same_caller("+493012345678"), same_caller("+493012345679"));
    }
}
