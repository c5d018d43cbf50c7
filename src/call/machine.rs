//! The call machine: one `match` over what happens, handing to the state that it concerns. Pure: time comes as an
//! argument, wishes go into the caller's `Vec`. Start here, then `dialogue`, `asking`, `transfer`.

use super::ears::{Ears, Ended};
use super::ladders::Ladders;
use super::settings::CallSettings;
use super::state::{AgentStage, Farewell, MessageOrigin, MessageStep, Moving, State, Step};
use super::story::Story;
use super::telling::LeftOff;
use super::timers::{TimerName, TimerTable};
use super::{AgentEvent, Command, Event, HandOverCard, QueueAsk, Record};
use crate::acd::Left;
use crate::base::{
    AttemptId, CallId, CallingMachine, Digit, Disposition, EarFailure, Hypothesis, LegId, LookUpId, Moment, PhoneNumber,
    PromptEnd, PromptId, PromptPart, UtteranceId, WallTime,
};
use crate::flow::{Ask, Cursor, Flow};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// No ACK for so long: 64·T1 (RFC 3261 §13.3.1.4) and a little.
const ACK_WAIT: Duration = Duration::from_secs(35);

/// Agents that a card names.
const SPOKE_WITH_MAX: usize = 8;

/// One caller's story from INVITE to `Disposition`.
pub struct Call {
    pub(crate) id: CallId,
    pub(crate) flow: Arc<Flow>,
    pub(crate) settings: CallSettings,
    pub(crate) state: State,
    pub(crate) timers: TimerTable,
    pub(crate) ladders: Ladders,
    pub(crate) story: Story,
    /// Where the script is; empty until the call is answered.
    pub(crate) cursor: Option<Cursor>,
    /// Who called, which number, when; set by `Arrived`.
    pub(crate) arrival: Option<Arrival>,
    pub(crate) ears: Ears,
    pub(crate) recording: Recording,
    /// Everything the script said since the caller last did something: what "repeat" gives again.
    pub(crate) said: Vec<PromptPart>,
    /// What was cut while it was said.
    pub(crate) left_off: Option<LeftOff>,
    /// What the caller said ahead of the question that it answers; the question is then not asked.
    pub(crate) kept: Option<(UtteranceId, Result<Hypothesis, EarFailure>)>,
    /// Keys pressed ahead of the question that they answer; at most 24.
    pub(crate) ahead: VecDeque<Digit>,
    /// Script steps since the caller last did something: a script that only talks to itself is stopped.
    pub(crate) idle_steps: u32,
    /// The caller has been understood, was heard to speak, or has keyed: silence then ends with a person.
    pub(crate) engaged: bool,
    /// The line sounded like an answering machine's, and nobody has spoken or keyed since.
    pub(crate) machine: bool,
    /// An answer was given.
    pub(crate) answered: bool,
    /// A message was taken by the script (node).
    pub(crate) message: Option<String>,
    /// When a person was first wanted.
    pub(crate) wanted_at: Option<Moment>,
    /// When a person's voice was first there.
    pub(crate) person_at: Option<Moment>,
    pub(super) next_prompt: PromptId,
    pub(super) next_lookup: LookUpId,
    pub(super) next_attempt: AttemptId,
    /// How often agents have sent the caller on.
    pub(crate) onward: u8,
    /// The agent holds the call.
    pub(crate) on_hold: bool,
    /// What the queues know of this call.
    pub(crate) in_line: Option<super::line::InLine>,
    /// The caller spoke of an emergency: first in line, and hours do not count.
    pub(crate) emergency: bool,
    /// How long the caller has waited in lines before this one.
    pub(crate) waited: Duration,
    /// The caller lost an agent, or was sent on by one: first in line.
    pub(crate) returned: bool,
    /// The talk with an agent of this target is over, and the caller is asked what the flow wants asked then.
    pub(crate) after: Option<String>,
    /// An agent of this target has sent the caller back into the script, and they have not wanted a person since.
    pub(crate) sent_back: Option<String>,
    /// Agents whom the caller has talked with, oldest first; at most [`SPOKE_WITH_MAX`].
    pub(crate) spoke_with: Vec<String>,
    /// Who gets the caller where they are free: the one who sent them back.
    pub(crate) prefer: Option<String>,
    /// When the first of two agents who talked in private put their phone down.
    pub(crate) put_down: Option<Moment>,
    /// Who has sent the caller on: not for them again, where others are there.
    pub(crate) sent_by: Option<String>,
    /// Somebody is called back: nobody called.
    pub(crate) called_back: Option<Box<super::call_back::CalledBack>>,
    /// Where the caller was in line when an earlier call was cut off; taken up when the script would begin.
    pub(crate) kept_place: Option<Box<super::kept_place::KeptPlace>>,
    /// The caller was put back there, and may want something else now.
    pub(crate) back_in_place: bool,
    /// The priority that the caller had there.
    pub(crate) priority_kept: u8,
    /// What made it hard for whoever talks with this caller.
    pub(crate) strain: crate::acd::Strain,
}

/// Who called, which number, when.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) caller: PhoneNumber,
    pub(crate) dialled: PhoneNumber,
    pub(crate) at: Moment,
    pub(crate) wall: WallTime,
    /// The number that was dialled first, and why the call was sent on to us.
    pub(crate) diverted: Option<super::card::Diversion>,
}

/// Whether frames are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Not, or not yet.
    Off,
    /// Yes.
    On,
    /// Silence is written (a sensitive node).
    Paused,
}

/// The moment and the place for wishes; handed down through one event.
pub(crate) struct Now<'a> {
    pub(crate) at: Moment,
    pub(crate) out: &'a mut Vec<Command>,
}

impl Call {
    /// A call for a flow. Nothing happens before `Event::Arrived`.
    pub fn new(id: CallId, flow: Arc<Flow>, settings: CallSettings) -> Call {
        Call {
            id,
            ladders: Ladders::new(flow.escalation),
            flow,
            settings,
            state: State::Fresh,
            timers: TimerTable::default(),
            story: Story::default(),
            cursor: None,
            arrival: None,
            ears: Ears::default(),
            recording: Recording::Off,
            said: Vec::new(),
            left_off: None,
            kept: None,
            ahead: VecDeque::new(),
            idle_steps: 0,
            engaged: false,
            machine: false,
            answered: false,
            message: None,
            onward: 0,
            on_hold: false,
            in_line: None,
            waited: Duration::ZERO,
            returned: false,
            emergency: false,
            after: None,
            sent_back: None,
            spoke_with: Vec::new(),
            prefer: None,
            sent_by: None,
            put_down: None,
            called_back: None,
            kept_place: None,
            back_in_place: false,
            priority_kept: 0,
            strain: crate::acd::Strain::default(),
            wanted_at: None,
            person_at: None,
            next_prompt: PromptId(0),
            next_lookup: LookUpId(0),
            next_attempt: AttemptId(0),
        }
    }

    /// Takes what happened at `now` and appends what is to be done, in order. Events that do not fit the state are ignored:
    /// they are late. After `Command::Ended` nothing is appended any more.
    pub fn handle(&mut self, now: Moment, event: &Event, out: &mut Vec<Command>) {
        let now = &mut Now { at: now, out };
        match (&self.state, event) {
            (State::Over, _) => return,
            (State::Fresh, Event::Arrived { .. } | Event::CallsBack(_)) => {}
            (State::Fresh, _) => return,
            _ => {}
        }
        match event {
            Event::Arrived { caller, dialled, wall } => self.arrived(now, caller, dialled, *wall),
            Event::CallsBack(back) => self.calls_back(now, back),
            Event::PersonFailed { status } => self.person_failed(now, *status),
            Event::HasPlace(place) => self.has_place(now, place),
            Event::Diverted { from, reason } => self.was_diverted(now, from, reason),
            Event::Answered if self.called_back.is_some() => self.person_answered(now),
            Event::Answered => self.picked_up(now),
            Event::PromptEnded { leg, prompt, end, .. } => self.prompt_ended(now, *leg, *prompt, *end),
            Event::SpeechStarted { utterance, over } => self.speech_started(now, *utterance, over.is_some()),
            Event::SpeechEnded { utterance, length_ms, restless, level } => {
                self.ears.level_of(*utterance, *level);
                self.ears.ended = Some(Ended { utterance: *utterance, length_ms: *length_ms, restless: *restless });
            }
            Event::Heard { utterance, result } => self.heard(now, *utterance, result),
            Event::AgentHeard { attempt, utterance, result } => self.agent_said(now, *attempt, *utterance, result),
            Event::PersonHeard { utterance, phrase } => self.person_heard(now, *utterance, phrase),
            Event::Key(key) => {
                self.machine = false;
                self.key(now, *key);
            }
            Event::LookedUp { id, result } => self.looked_up(now, *id, result.clone()),
            Event::Referred { attempt, outcome } => self.referred(now, *attempt, *outcome),
            Event::Agent { attempt, event } => self.agent(now, *attempt, event),
            Event::Desk(ask) => self.desk_asks(now, ask),
            Event::Queue(news) => self.line_news(now, news),
            Event::MessageEnded { speech_ms } => self.message_ended(now, *speech_ms),
            Event::Machine(machine) => self.machine_heard(now, *machine),
            Event::CallerHungUp => self.caller_hung_up(now),
            Event::CallerLost => self.caller_lost(now),
            Event::Held(held) => self.held(now, *held),
            Event::TakenOver { leg } => self.taken_over(now, *leg),
            Event::Trouble(what) => self.decide(now, "trouble", what.clone()),
            Event::Tick => self.tick(now),
        }
        self.show_turn(now);
    }

    /// The caller talks with this agent now.
    pub(crate) fn speaks_with(&mut self, agent: &str) {
        (self.prefer, self.sent_by) = (None, None);
        if self.spoke_with.last().is_some_and(|last| last == agent) {
            return;
        }
        if self.spoke_with.len() >= SPOKE_WITH_MAX {
            self.spoke_with.remove(0);
        }
        self.spoke_with.push(agent.to_string());
    }

    /// When `Event::Tick` is wanted next, and what for. `None` = only events from outside move this call.
    pub fn next_timer(&self) -> Option<(Moment, TimerName)> {
        self.timers.next()
    }

    /// Whether `Command::Ended` was given.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// One word for logs and the console: where the call is.
    pub fn phase(&self) -> &'static str {
        match self.state {
            State::Fresh | State::Answering => "answering",
            State::Consenting(_) => "consenting",
            State::Saying(_) | State::Holding(_) => "saying",
            State::Asking(_) => "asking",
            State::LookingUp(_) => "looking_up",
            State::Transferring(_) => "transferring",
            State::MovedAway { .. } | State::Joined { .. } => "with_agent",
            State::Message(_) => "message",
            State::Leaving { .. } => "leaving",
            State::Over => "over",
        }
    }

    /// The question that is out, if one is.
    pub fn asked(&self) -> Option<&Ask> {
        match &self.state {
            State::Asking(asking) => Some(&asking.ask),
            _ => None,
        }
    }

    fn tick(&mut self, now: &mut Now) {
        // Each timer is set at most a few times by what it causes; the bound only guards against a mistake of ours.
        for _ in 0..64 {
            let Some(name) = self.timers.take_due(now.at) else { return };
            self.timer(now, name);
        }
    }

    fn timer(&mut self, now: &mut Now, name: TimerName) {
        match name {
            TimerName::Ack => self.end(now, Disposition::Lost, true),
            TimerName::Prompt => self.prompt_overdue(now),
            TimerName::NoInput => self.no_input(now),
            TimerName::Keys => self.keys_settled(now),
            TimerName::LoneZero => self.person_by_key(now, "a lone 0 was keyed"),
            TimerName::LookUpSlow => self.look_up_slow(now),
            TimerName::LookUp => self.look_up_overdue(now),
            TimerName::Ring => self.ring_overdue(now),
            TimerName::AgentKey => self.agent_key_overdue(now),
            TimerName::Refer => self.refer_overdue(now),
            TimerName::ReferGrace => self.moved_away(now),
            TimerName::Retry => self.rested(now),
            TimerName::CallBack => self.talk_overdue(now),
            TimerName::Person => self.person_overdue(now),
            TimerName::Line => self.line_is_silent(now),
            TimerName::Parked => self.still_parked(now),
            TimerName::Message => self.message_ended(now, 0),
            TimerName::Longest => self.too_long(now),
        }
    }

    fn arrived(&mut self, now: &mut Now, caller: &PhoneNumber, dialled: &PhoneNumber, wall: WallTime) {
        if !matches!(self.state, State::Fresh) {
            return;
        }
        self.arrival = Some(Arrival { caller: caller.clone(), dialled: dialled.clone(), at: now.at, wall, diverted: None });
        self.note(
            now,
            Record::Began {
                caller: caller.clone(),
                dialled: dialled.clone(),
                flow: self.flow.name.clone(),
                flow_hash: self.flow.hash.clone(),
                at: wall,
            },
        );
        now.out.push(Command::Answer);
        self.timers.set(TimerName::Ack, now.at + ACK_WAIT);
        self.timers.set(TimerName::Longest, now.at + self.settings.longest);
        self.state = State::Answering;
    }

    fn prompt_ended(&mut self, now: &mut Now, leg: LegId, prompt: PromptId, end: PromptEnd) {
        if let LegId::Agent(attempt) = leg {
            return self.agent_prompt_ended(now, attempt, prompt);
        }
        // Nothing plays any more; while an agent is called, that leg has prompts of its own.
        if prompt.next() == self.next_prompt && !matches!(self.state, State::Transferring(_)) {
            self.timers.clear(TimerName::Prompt);
        }
        match &self.state {
            State::Consenting(c) if c.prompt == Some(prompt) => self.consent_prompt_ended(now, end),
            State::Saying(t) if t.plays() == Some(prompt) => self.part_said(now, end),
            State::Asking(a) if a.prompt == Some(prompt) => self.question_ended(now, end),
            State::LookingUp(l) if l.prompt == Some(prompt) => self.waiting_said(now),
            State::Transferring(_) => self.transfer_prompt_ended(now, prompt),
            State::Message(m) => match m.step {
                MessageStep::Explaining(p) if p == prompt => self.message_explained(now),
                MessageStep::Thanking(p) if p == prompt => self.message_thanked(now),
                _ => {}
            },
            State::Leaving { prompt: p, .. } if *p == prompt => self.farewell_said(now),
            _ => {}
        }
    }

    /// A prompt's end never came: go on as if it had failed.
    fn prompt_overdue(&mut self, now: &mut Now) {
        let waiting = match &self.state {
            State::Consenting(c) => c.prompt,
            State::Saying(telling) => telling.plays(),
            State::Leaving { prompt, .. } => Some(*prompt),
            State::Asking(a) => a.prompt,
            State::LookingUp(l) => l.prompt,
            State::Transferring(t) => match &t.step {
                Step::BeforeRefer { prompt, .. } => Some(*prompt),
                Step::Waiting(waiting) => waiting.playing,
                Step::Bridging(b) => b.to_caller.first().copied().or(match b.agent {
                    AgentStage::Briefed { prompt } => {
                        return self.agent_prompt_ended(now, b.attempt, prompt);
                    }
                    _ => None,
                }),
                _ => None,
            },
            State::Message(m) => match m.step {
                MessageStep::Explaining(p) | MessageStep::Thanking(p) => Some(p),
                MessageStep::Recording { .. } => None,
            },
            _ => None,
        };
        if let Some(prompt) = waiting {
            self.prompt_ended(now, LegId::Caller, prompt, PromptEnd::Failed);
        }
    }

    fn key(&mut self, now: &mut Now, key: Digit) {
        let zero = key.as_char() == '0';
        match &mut self.state {
            State::Asking(_) => self.key_in_question(now, key),
            State::Message(m) => match (&m.origin, &m.step) {
                (MessageOrigin::Nobody { .. }, MessageStep::Explaining(_)) => self.key_before_message(now, key),
                (MessageOrigin::Script { .. }, MessageStep::Explaining(_) | MessageStep::Recording { .. }) if zero => {
                    self.person_by_key(now, "key 0 was pressed");
                }
                _ => {}
            },
            State::Transferring(_) => self.key_in_line(now, key),
            State::Consenting(_) if !zero => self.key_in_consent(now, key),
            State::Consenting(_) | State::Saying(_) | State::Holding(_) | State::LookingUp(_) | State::Leaving { .. } => {
                if zero {
                    self.person_by_key(now, "key 0 was pressed");
                } else if key.is_number() && self.ahead.len() < 24 {
                    self.engaged = true;
                    self.ahead.push_back(key);
                }
            }
            _ => {}
        }
    }

    fn agent(&mut self, now: &mut Now, attempt: AttemptId, event: &AgentEvent) {
        match &self.state {
            State::Transferring(t) => match &t.step {
                Step::Bridging(b) if b.attempt == attempt => self.agent_moves(now, event),
                _ => {}
            },
            State::Joined { .. } => return self.agent_while_joined(now, attempt, event),
            _ => {}
        }
        if matches!(event, AgentEvent::Refers { .. }) {
            // Nobody is joined yet whom that agent could send on.
            now.out.push(Command::AnswerRefer { attempt, status: 603 });
        }
    }

    fn held(&mut self, now: &mut Now, held: bool) {
        self.ears.held = held;
        if let (false, State::Asking(a)) = (held, &self.state)
            && a.prompt.is_none()
            && a.keys.is_empty()
        {
            self.await_answer(now);
        }
    }

    fn caller_hung_up(&mut self, now: &mut Now) {
        if self.person_gone(now) {
            return;
        }
        let disposition = match &self.state {
            State::Over => return,
            State::Joined { target, .. } | State::MovedAway { target } => {
                Disposition::Transferred { to: target.clone(), because: self.because() }
            }
            State::Message(_) => self.hung_up_in_message(now),
            State::Leaving { farewell: Farewell::Message, .. } => Disposition::MessageTaken { because: self.because() },
            State::Leaving { farewell: Farewell::CallBack, .. } => Disposition::CallBack { because: self.because() },
            State::Leaving { farewell: Farewell::Silent, .. } => Disposition::Silent,
            State::Transferring(_) => Disposition::Abandoned { wanted_person: true },
            _ => self.plain_ending(),
        };
        self.end(now, disposition, true);
    }

    fn caller_lost(&mut self, now: &mut Now) {
        if self.person_gone(now) {
            return;
        }
        if let Some(card) = self.card(now).filter(|_| self.in_line.is_some()) {
            now.out.push(Command::Queue(QueueAsk::CallerLost(Box::new(HandOverCard { reference: String::new(), ..card }))));
        }
        let disposition = match &self.state {
            State::Joined { target, .. } | State::MovedAway { target } => {
                Disposition::Transferred { to: target.clone(), because: self.because() }
            }
            State::Leaving { farewell: Farewell::CallBack, .. } => Disposition::CallBack { because: self.because() },
            _ => Disposition::Lost,
        };
        self.end(now, disposition, false);
    }

    /// A fax can neither be helped nor reach anybody. Of an answering machine there is only a suspicion: whoever answers after
    /// all is a person, and who never does is not asked again and again. Who types can be asked nothing: a person reads it.
    fn machine_heard(&mut self, now: &mut Now, machine: CallingMachine) {
        match machine {
            _ if matches!(self.state, State::Joined { .. } | State::MovedAway { .. }) => {}
            _ if machine != CallingMachine::TextTelephone && self.machine_picked_up(now) => {}
            CallingMachine::Fax => {
                self.decide(now, "machine", "the caller is a fax machine".into());
                self.end(now, Disposition::Machine { kind: machine }, false);
            }
            CallingMachine::TextTelephone => self.somebody_types(now),
            CallingMachine::AnsweringMachine => {
                self.decide(now, "machine", "words, a beep and silence: perhaps an answering machine".into());
                self.machine = true;
            }
        }
    }

    fn too_long(&mut self, now: &mut Now) {
        self.decide(now, "too_long", format!("the call reached its longest time of {} s", self.settings.longest.as_secs()));
        let disposition = match &self.state {
            State::Joined { target, .. } | State::MovedAway { target } => {
                Disposition::Transferred { to: target.clone(), because: self.because() }
            }
            _ => self.plain_ending(),
        };
        self.end(now, disposition, false);
    }

    /// How a call ends that neither a person nor a message was reached in.
    pub(crate) fn plain_ending(&self) -> Disposition {
        if self.person_is_absent() {
            Disposition::NotReached { because: "given_up".into() }
        } else if let Some(because) = &self.message {
            Disposition::MessageTaken { because: because.clone() }
        } else if self.wanted_at.is_some() {
            Disposition::Abandoned { wanted_person: true }
        } else if self.answered {
            Disposition::Answered
        } else {
            Disposition::Abandoned { wanted_person: false }
        }
    }

    /// The one way out: frees the legs, writes the last record, says that it is over. A second time does nothing.
    pub(crate) fn end(&mut self, now: &mut Now, disposition: Disposition, caller_gone: bool) {
        let state = std::mem::replace(&mut self.state, State::Over);
        let agents = match &state {
            State::Over => return,
            State::Joined { attempt, moving: Some(Moving::Onward { attempt: next, .. }), .. } => [Some(*attempt), Some(*next)],
            State::Joined { attempt, moving: Some(Moving::Consulting(consult)), .. } => [Some(*attempt), consult.leg()],
            State::Joined { attempt, .. } => [Some(*attempt), None],
            State::Transferring(t) => match &t.step {
                Step::Bridging(b) => [Some(b.attempt), None],
                _ => [None, None],
            },
            _ => [None, None],
        };
        let disposition = self.ending_after_talk(disposition);
        self.timers.clear_except(&[]);
        self.leave_line(now, if caller_gone { Left::HungUp } else { Left::Over });
        for attempt in agents.into_iter().flatten() {
            now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        }
        if !caller_gone && !matches!(state, State::Fresh) {
            now.out.push(Command::HangUp { leg: LegId::Caller });
        }
        self.flush_turn(now);
        let request_to_person_ms = match (self.wanted_at, self.person_at) {
            (Some(from), Some(to)) => u64::try_from(to.since(from).as_millis()).ok(),
            _ => None,
        };
        let fault = disposition.fault();
        self.note(now, Record::Ended { disposition: disposition.clone(), fault, at: now.at, request_to_person_ms });
        now.out.push(Command::Ended(disposition));
    }
}
