//! Taking a message: the script's own, or the one that stands for a person whom nobody could be.

use super::Command;
use super::machine::{Call, Now};
use super::record::Record;
use super::state::{Farewell, Message, MessageOrigin, MessageStep, Nobody, State};
use super::timers::TimerName;
use crate::base::{BargeIn, Digit, Disposition, LegId};
use crate::flow::{Input, Phrase, TakeMessage};
use std::time::Duration;

/// Longest message after a failed transfer.
const MESSAGE_LONGEST: Duration = Duration::from_secs(120);
/// What the recorder gets beyond the longest message: tone, end of quiet.
const MESSAGE_GRACE: Duration = Duration::from_secs(10);
/// Hanging up is how most people end a message; what is shorter is none.
const MESSAGE_SHORTEST: Duration = Duration::from_secs(2);

impl Call {
    /// The script takes a message.
    pub(crate) fn script_message(&mut self, now: &mut Now, message: TakeMessage) {
        self.guard_recording(now, false);
        self.listen_on(now, false);
        let prompt = self.play(now, message.say, BargeIn::PersonOnly);
        self.state = State::Message(Message {
            origin: MessageOrigin::Script { node: message.node, thanks: message.thanks, max: message.max },
            step: MessageStep::Explaining(prompt),
        });
    }

    /// The caller does not want to wait.
    pub(crate) fn message_wanted(&mut self, now: &mut Now) {
        let State::Transferring(transfer) = &self.state else { return };
        let because = transfer.because.clone();
        self.timers.clear_except(&[TimerName::Longest]);
        now.out.push(Command::Comfort(false));
        let parts = self.phrase(Phrase::LeaveMessage);
        self.explain_message(now, because, false, parts);
    }

    /// Nobody could be reached: says why and takes a message.
    pub(crate) fn message_instead(&mut self, now: &mut Now) {
        let State::Transferring(transfer) = &mut self.state else { return };
        if let Some(home) = transfer.home.take() {
            // What the caller heard of the sentence was cut when the others were found to be busy.
            let sentence = self.phrase(Phrase::Emergency);
            if let State::Transferring(transfer) = &mut self.state {
                transfer.sentence = Some(sentence);
            }
            self.decide(now, "back_in_line", format!("nobody was reached because of the emergency: back to {}", home.name));
            return self.get_in_line(now, home);
        }
        let State::Transferring(transfer) = &self.state else { return };
        let because = transfer.because.clone();
        let reason = match transfer.nobody {
            Nobody::Closed => Phrase::OutsideHours,
            Nobody::Language | Nobody::Tried => Phrase::NobodyThere,
            Nobody::Full => Phrase::LineIsFull,
            Nobody::TooLong => Phrase::WaitedTooLong,
        };
        self.timers.clear_except(&[TimerName::Longest]);
        now.out.push(Command::Comfort(false));
        self.decide(now, "message", format!("nobody could be reached ({:?}); a message is taken", transfer.nobody));
        let parts = [self.phrase(reason), self.phrase(Phrase::LeaveMessage)].concat();
        self.explain_message(now, because, false, parts);
    }

    fn explain_message(&mut self, now: &mut Now, because: String, again: bool, parts: Vec<crate::base::PromptPart>) {
        let prompt = self.play(now, parts, BargeIn::PersonOnly);
        let origin = MessageOrigin::Nobody { because, again };
        self.state = State::Message(Message { origin, step: MessageStep::Explaining(prompt) });
    }

    /// A key while the reason is spoken: `#` goes straight to the tone.
    pub(crate) fn key_before_message(&mut self, now: &mut Now, key: Digit) {
        if key.as_char() == '#' {
            now.out.push(Command::StopPlaying { leg: LegId::Caller });
            self.message_explained(now);
        }
    }

    pub(crate) fn message_explained(&mut self, now: &mut Now) {
        let State::Message(message) = &mut self.state else { return };
        let max = match &message.origin {
            MessageOrigin::Script { max, .. } => *max,
            MessageOrigin::Nobody { .. } => MESSAGE_LONGEST,
        };
        message.step = MessageStep::Recording { since: now.at };
        self.timers.set(TimerName::Message, now.at + max + MESSAGE_GRACE);
        now.out.push(Command::TakeMessage { max, secrets: self.story.secrets.clone() });
    }

    pub(crate) fn message_ended(&mut self, now: &mut Now, speech_ms: u32) {
        let State::Message(message) = &self.state else { return };
        if !matches!(message.step, MessageStep::Recording { .. }) {
            return;
        }
        self.timers.clear(TimerName::Message);
        match &message.origin {
            MessageOrigin::Script { node, thanks, .. } => {
                let (because, thanks) = (node.clone(), thanks.clone());
                self.note(now, Record::Message { speech_ms, because: because.clone() });
                self.message = Some(because);
                if thanks.is_empty() {
                    return self.go_on(now, Input::Done);
                }
                let prompt = self.play(now, thanks, BargeIn::PersonOnly);
                if let State::Message(message) = &mut self.state {
                    message.step = MessageStep::Thanking(prompt);
                }
            }
            MessageOrigin::Nobody { because, again } => {
                let (because, again) = (because.clone(), *again);
                self.message_in_place_of_a_person(now, speech_ms, because, again);
            }
        }
    }

    /// Said something: thanks. Said nothing: we call back; without a number, one more chance.
    fn message_in_place_of_a_person(&mut self, now: &mut Now, speech_ms: u32, because: String, again: bool) {
        if speech_ms == 0 && !self.number_known() {
            if again {
                let parts = self.phrase(Phrase::GoodBye);
                return self.leave(now, parts, Farewell::Broken);
            }
            let parts = self.phrase(Phrase::LeaveMessage);
            return self.explain_message(now, because, true, parts);
        }
        self.note(now, Record::Message { speech_ms, because });
        let phrase = if speech_ms == 0 { Phrase::NoMessage } else { Phrase::MessageThanks };
        let parts = self.phrase(phrase);
        self.leave(now, parts, Farewell::Message);
    }

    pub(crate) fn number_known(&self) -> bool {
        let digits = self.arrival.as_ref().map_or(0, |a| a.caller.as_str().chars().filter(char::is_ascii_digit).count());
        digits >= 3
    }

    pub(crate) fn message_thanked(&mut self, now: &mut Now) {
        if let State::Message(Message { origin: MessageOrigin::Script { .. }, .. }) = &self.state {
            self.go_on(now, Input::Done);
        }
    }

    /// How it ends when the caller hangs up in the middle of this.
    pub(crate) fn hung_up_in_message(&mut self, now: &mut Now) -> Disposition {
        let State::Message(message) = &self.state else { return self.plain_ending() };
        let spoke = match message.step {
            MessageStep::Recording { since } => now.at.since(since),
            MessageStep::Explaining(_) | MessageStep::Thanking(_) => Duration::ZERO,
        };
        let because = match &message.origin {
            MessageOrigin::Script { node, .. } => node.clone(),
            MessageOrigin::Nobody { because, .. } => because.clone(),
        };
        if spoke >= MESSAGE_SHORTEST {
            let speech_ms = u32::try_from(spoke.as_millis()).unwrap_or(u32::MAX);
            self.note(now, Record::Message { speech_ms, because: because.clone() });
            return Disposition::MessageTaken { because };
        }
        self.plain_ending()
    }
}

#[cfg(test)]
mod tests {
    use crate::acd::Unserved;
    use crate::base::{CallId, Confidence, Digit, Moment, PhoneNumber, PromptEnd, WallTime};
    use crate::call::story::Said;
    use crate::call::{Call, CallSettings, CardTurn, Command, Event, HandOverCard, KeptPlace, QueueEvent, Secrets};
    use crate::flow::Flow;
    use std::collections::BTreeMap;
    use std::time::Duration;

    /// One event a tenth of a second after the last one, and the ends of what is played because of it.
    fn step(call: &mut Call, at: &mut Moment, event: Event) -> Vec<Command> {
        let (mut all, mut events) = (Vec::new(), vec![event]);
        while let Some(event) = events.pop() {
            let mut out = Vec::new();
            *at = *at + Duration::from_millis(100);
            call.handle(*at, &event, &mut out);
            events.extend(out.iter().filter_map(|command| match command {
                Command::Play { leg, prompt } => {
                    Some(Event::PromptEnded { leg: *leg, prompt: prompt.id, played_ms: 10, end: PromptEnd::Finished })
                }
                _ => None,
            }));
            all.append(&mut out);
        }
        all
    }

    /// A caller who has this card from an earlier call, is back in that line, and whom nobody can serve: the secrets of the message that
    /// they are asked for. `anew` = they wanted something else than their place first.
    fn message_of(card: &HandOverCard, anew: bool) -> Secrets {
        let flow = Flow::load(crate::call::consult_tests::FLOW, "line.yaml", &BTreeMap::new()).expect("a flow").flow;
        let (mut call, mut at) = (Call::new(CallId(2), flow, CallSettings::default()), Moment::from_millis(1_000));
        let (caller, dialled) = (PhoneNumber::new("+493012345678"), PhoneNumber::new("100"));
        let (queue, ago) = ("support".to_string(), Duration::from_secs(60));
        let place = KeptPlace { queue, ago, talked: false, abusive: false, card: card.clone() };
        let key = |key| Event::Key(Digit::from_char(key).expect("a key"));
        let mut events = vec![
            Event::Arrived { caller, dialled, wall: WallTime(1_795_428_000_000) },
            Event::HasPlace(Box::new(place)),
            Event::Answered,
        ];
        if anew {
            events.extend([key('*'), key('0')]);
        }
        events.push(Event::Queue(QueueEvent::Unserved(Unserved::Closed)));
        let out: Vec<Command> = events.into_iter().flat_map(|event| step(&mut call, &mut at, event)).collect();
        let taken =
            out.iter().find_map(|c| if let Command::TakeMessage { secrets, .. } = c { Some(secrets.clone()) } else { None });
        taken.unwrap_or_else(|| panic!("no message: {out:#?}"))
    }

    fn sensitive() -> CardTurn {
        CardTurn { caller: String::new().into(), intent: None, answer: String::new().into(), sensitive: true, of: None }
    }

    #[test]
    fn what_was_told_in_the_call_that_was_cut_off_is_in_no_message_of_the_next_one() {
        let plain = HandOverCard { flow: "line".into(), ..crate::store::tests::card() };
        assert!(message_of(&plain, false).are_known());
        let by_its_turns = HandOverCard { turns: vec![sensitive(), plain.turns[0].clone()], ..plain.clone() };
        let by_itself = HandOverCard { secrets: true, ..plain };
        for card in [by_its_turns, by_itself] {
            assert!(!message_of(&card, false).are_known());
            assert!(!message_of(&card, true).are_known(), "what was secret stays so");
            // Also where they do not take the place up at once, because they say something else first.
            let flow = Flow::load(crate::call::consult_tests::FLOW, "line.yaml", &BTreeMap::new()).expect("a flow").flow;
            let (mut call, mut at) = (Call::new(CallId(1), flow, CallSettings::default()), Moment::from_millis(1_000));
            let (caller, dialled) = (PhoneNumber::new("+493012345678"), PhoneNumber::new("100"));
            let place = KeptPlace { queue: "support".into(), ago: Duration::ZERO, talked: false, abusive: false, card };
            step(&mut call, &mut at, Event::Arrived { caller, dialled, wall: WallTime(1_795_428_000_000) });
            assert_eq!(call.story.of_talk("it is 4711"), "it is 4711");
            step(&mut call, &mut at, Event::HasPlace(Box::new(place)));
            assert_eq!(call.story.of_talk("it is 4711"), "…");
        }
    }

    #[test]
    fn a_card_says_that_something_was_sensitive_when_no_turn_on_it_is_any_more() {
        let flow = Flow::load(crate::call::consult_tests::FLOW, "line.yaml", &BTreeMap::new()).expect("a flow").flow;
        let (mut call, mut at) = (Call::new(CallId(1), flow, CallSettings::default()), Moment::from_millis(1_000));
        let (caller, dialled) = (PhoneNumber::new("+493012345678"), PhoneNumber::new("100"));
        step(&mut call, &mut at, Event::Arrived { caller, dialled, wall: WallTime(1_795_428_000_000) });
        step(&mut call, &mut at, Event::Answered);
        let mut turn = |sensitive: bool| {
            let now = &mut crate::call::machine::Now { at, out: &mut Vec::new() };
            call.begin_turn(now, Said::keys("4711".into(), sensitive), None, Confidence::FULL);
            call.card(now).expect("a card")
        };
        assert!(!turn(false).withholds());
        assert!(turn(true).withholds());
        let last = (0..30).map(|_| turn(false)).last().expect("a card");
        assert!(!last.turns.iter().any(|turn| turn.sensitive) && last.withholds());
    }
}
