//! Carries a call's commands out over [`Ports`] and brings what happens back to it as events. The same driver serves the
//! live gateway and `hotline chat`; it never reads a clock, a socket or a file.
//!
//! Start at [`Driver::handle`]: everything that happens to a call enters there, in order, with its moment.

mod message;
mod ports;
mod rescue;
mod stage;

pub use ports::{Happening, LastResort, Machine, MessageLeft, Ports};

use crate::acd::{Left, Talk};
use crate::base::{AttemptId, Disposition, Hypothesis, LegId, Moment, PromptEnd, UtteranceId};
use crate::call::{AgentEvent, Command, Event, QueueAsk, Record, RecordAction};
use crate::listen::EndpointRule;
use crate::media::{LegCommand, LegEvent};
use crate::speech::EarEvent;
use message::{MessageTaking, Spoken};
use rescue::Rescue;
use stage::Stage;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Most commands one event may cause; beyond that the call machine is taken to be looping and the rescue takes over.
const COMMANDS_PER_EVENT_MAX: usize = 256;

/// How long the sound of a message is waited for after its caller has hung up, or the call is over.
const MESSAGE_SOUND: Duration = Duration::from_millis(1_500);

/// Most utterances whose "no clip" mark is remembered.
const SENSITIVE_KEPT_MAX: usize = 64;

/// One call and the state needed to carry out its commands.
pub struct Driver<M, P> {
    machine: M,
    ports: P,
    /// What is queued for each leg's ear and not yet handed to the audio plane.
    stage: Stage,
    /// Present while a message is being taken.
    message: Option<MessageTaking>,
    /// Present once the call machine has failed: the fixed way to a person.
    rescue: Option<Rescue>,
    /// The message whose sound has not come yet.
    spoken: Option<Spoken>,
    /// The caller has left before the sound of a message was there: it is waited for, until this moment, before the call hears of it.
    leaving: Option<(Event, Moment)>,
    /// The same for a call that has ended by itself.
    ending: Option<(Disposition, Moment)>,
    /// Utterances of which nothing may be kept.
    sensitive: BTreeSet<UtteranceId>,
    /// Whether the current question is sensitive.
    sensitive_now: bool,
    /// Something sensitive was asked in this call, or in an earlier one that it goes on with.
    had_secrets: bool,
    /// Listens while nothing is asked; and what began to be said then: secrets may be told again to an agent.
    aside: bool,
    aside_utterances: BTreeSet<UtteranceId>,
    /// The utterance that the machine has just put into the records.
    noted: Option<UtteranceId>,
    /// Whether the call is being recorded: only then are clips of its utterances kept.
    recorded: bool,
    /// The caller's last utterance that has begun.
    newest_utterance: Option<UtteranceId>,
    /// How many utterances of agents were heard.
    agents_said: u32,
    over: bool,
    /// Agents' legs that the call machine began and did not end.
    dialled: Vec<AttemptId>,
    /// Reused for every event.
    commands: Vec<Command>,
}

impl<M: Machine, P: Ports> Driver<M, P> {
    /// A driver for one call; nothing happens until the first [`Happening`].
    pub fn new(machine: M, ports: P) -> Driver<M, P> {
        Driver {
            machine,
            ports,
            stage: Stage::default(),
            message: None,
            spoken: None,
            leaving: None,
            ending: None,
            rescue: None,
            sensitive: BTreeSet::new(),
            sensitive_now: false,
            had_secrets: false,
            aside: false,
            aside_utterances: BTreeSet::new(),
            noted: None,
            recorded: false,
            newest_utterance: None,
            agents_said: 0,
            over: false,
            dialled: Vec::new(),
            commands: Vec::with_capacity(16),
        }
    }

    /// Whether the call has ended and everything of it was released.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The shell's side, for answers that it must hand over itself.
    pub fn ports(&mut self) -> &mut P {
        &mut self.ports
    }

    /// When [`Happening::Tick`] is due next.
    pub fn next_timer(&self) -> Option<Moment> {
        if self.over {
            return None;
        }
        if let Some((_, until)) = &self.ending {
            return Some(*until);
        }
        let machine = match &self.rescue {
            Some(rescue) => rescue.next_timer(),
            None => self.machine.next_timer(),
        };
        let message = self.message.as_ref().and_then(MessageTaking::next_timer);
        let leaving = self.leaving.as_ref().map(|(_, until)| *until);
        [machine, message, leaving].into_iter().flatten().min()
    }

    /// Something happened. Never panics on the machine's account: a panic inside it is caught, told to the caller once, and
    /// the rescue brings them to a person.
    pub fn handle(&mut self, now: Moment, happening: Happening) {
        if self.over {
            return;
        }
        match happening {
            Happening::Call(event) => self.call_event(now, event),
            Happening::Tick => self.tick(now),
            Happening::Rendered { leg, prompt, result } => self.rendered(now, leg, prompt, result),
            Happening::Leg { leg, event } => self.leg_event(now, leg, event),
            Happening::Ear(event) => self.ear_event(now, event),
            Happening::AgentEar { attempt, event } => self.agent_ear_event(now, attempt, event),
        }
    }

    fn call_event(&mut self, now: Moment, event: Event) {
        self.had_secrets |= match &event {
            Event::HasPlace(place) => place.card.withholds(),
            Event::CallsBack(back) => back.wish.card.withholds(),
            _ => false,
        };
        let gone = matches!(event, Event::CallerHungUp | Event::CallerLost);
        if gone && self.leaving.is_some() {
            return;
        }
        if gone && let Some(rule) = self.message.as_mut().and_then(|m| m.hash(now)) {
            self.ports.leg(LegId::Caller, LegCommand::Listen(Some(rule)));
            self.leaving = Some((event, now + MESSAGE_SOUND));
            return;
        }
        if gone && self.sound_is_due() {
            self.leaving = Some((event, now + MESSAGE_SOUND));
            return;
        }
        self.event(now, event);
    }

    fn end(&mut self, disposition: &Disposition) {
        self.over = true;
        self.ports.ended(disposition);
    }

    fn tick(&mut self, now: Moment) {
        let leaving = self.leaving.as_ref().map(|(_, until)| *until);
        let ending = self.ending.as_ref().map(|(_, until)| *until);
        if leaving.into_iter().chain(ending).any(|until| until <= now) {
            self.left(now);
        }
        if let Some(speech_ms) = self.message.as_mut().and_then(|m| m.tick(now)) {
            self.message_over(now, speech_ms);
        }
        self.event(now, Event::Tick);
    }

    fn rendered(
        &mut self,
        now: Moment,
        leg: LegId,
        prompt: crate::base::PromptId,
        result: Result<std::sync::Arc<crate::audio::Pcm>, String>,
    ) {
        if let Err(why) = &result {
            self.ports.trouble(why);
        }
        self.stage.rendered(leg, prompt, result);
        self.flush(now, leg);
    }

    /// Hands over to the plane whatever is ready at the head of the queue; a prompt that could not be made ends here.
    fn flush(&mut self, now: Moment, leg: LegId) {
        while let Some(ready) = self.stage.next_ready(leg) {
            match ready.audio {
                Ok(audio) => {
                    self.ports.leg(leg, LegCommand::Play { prompt: ready.prompt, audio, barge_in: ready.barge_in });
                }
                Err(_) => {
                    self.event(now, Event::PromptEnded { leg, prompt: ready.prompt, played_ms: 0, end: PromptEnd::Failed });
                }
            }
        }
    }

    fn leg_event(&mut self, now: Moment, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::PromptStarted { prompt, at } => self.ports.prompt_started(leg, prompt, at),
            LegEvent::PromptEnded { prompt, at, played_ms, end } => {
                if message::is_tone(prompt) {
                    self.tone_over(now);
                    return;
                }
                let cut_too = match end {
                    PromptEnd::BargedIn | PromptEnd::Keyed => self.stage.cut(leg, at, end),
                    _ => Vec::new(),
                };
                self.event(now, Event::PromptEnded { leg, prompt, played_ms, end });
                for prompt in cut_too {
                    self.event(now, Event::PromptEnded { leg, prompt, played_ms: 0, end });
                }
            }
            LegEvent::SpeechStarted { utterance, over, at } if leg == LegId::Caller => {
                if let Some(message) = &mut self.message {
                    self.spoken = Some(message.speech_started(utterance, at));
                    return;
                }
                self.newest_utterance = Some(utterance);
                if self.sensitive_now {
                    self.mark_sensitive(utterance);
                }
                if self.aside {
                    if self.aside_utterances.len() >= SENSITIVE_KEPT_MAX {
                        self.aside_utterances.pop_first();
                    }
                    self.aside_utterances.insert(utterance);
                }
                self.event(now, Event::SpeechStarted { utterance, over });
            }
            LegEvent::SpeechEnded { utterance, started, ended, restless, level } if leg == LegId::Caller => {
                let length_ms = u32::try_from((ended - started).as_millis()).unwrap_or(u32::MAX);
                if let Some(message) = &mut self.message {
                    let speech_ms = message.speech_ended(length_ms);
                    if let Some(spoken) = &mut self.spoken {
                        spoken.over = true;
                    }
                    self.message_over(now, speech_ms);
                    return;
                }
                self.event(now, Event::SpeechEnded { utterance, length_ms, restless, level });
            }
            LegEvent::SpeechDismissed { utterance } if leg == LegId::Caller => self.no_voice(now, utterance),
            LegEvent::Machine(machine) if leg == LegId::Caller => self.event(now, Event::Machine(machine)),
            LegEvent::SpeechStarted { .. }
            | LegEvent::SpeechEnded { .. }
            | LegEvent::SpeechDismissed { .. }
            | LegEvent::Machine(_) => {}
            LegEvent::Digit { digit, at } => self.digit(now, leg, digit, at),
            LegEvent::NoRtp => match leg {
                LegId::Caller => self.event(now, Event::CallerLost),
                LegId::Agent(attempt) => {
                    self.ports.hang_up(leg);
                    self.event(now, Event::Agent { attempt, event: AgentEvent::Lost });
                }
            },
            LegEvent::RecordingFailed(why) => {
                self.ports.trouble(&why);
                self.event(now, Event::Trouble(why));
            }
            LegEvent::Closed(stats) => self.ports.leg_closed(leg, stats),
        }
    }

    /// The listener takes back what had begun: for the call it is noise without length, which is no turn.
    fn no_voice(&mut self, now: Moment, utterance: UtteranceId) {
        if let Some(message) = &mut self.message {
            message.speech_dismissed();
            self.spoken = None;
            return;
        }
        self.event(now, Event::SpeechEnded { utterance, length_ms: 0, restless: false, level: None });
        self.event(now, Event::Heard { utterance, result: Ok(Hypothesis::no_voice()) });
    }

    fn digit(&mut self, now: Moment, leg: LegId, digit: crate::base::Digit, at: Moment) {
        match leg {
            LegId::Caller => {
                if let Some(message) = &mut self.message {
                    if digit.as_char() == '#' {
                        match message.hash(now) {
                            Some(rule) => self.ports.leg(LegId::Caller, LegCommand::Listen(Some(rule))),
                            None => self.message_over(now, 0),
                        }
                    }
                    return;
                }
                // Prompts that the plane has not got yet must not start after the key either.
                let dropped = self.stage.cut(leg, at, PromptEnd::Keyed);
                self.event(now, Event::Key(digit));
                for prompt in dropped {
                    self.event(now, Event::PromptEnded { leg, prompt, played_ms: 0, end: PromptEnd::Keyed });
                }
            }
            LegId::Agent(attempt) => self.event(now, Event::Agent { attempt, event: AgentEvent::Key(digit) }),
        }
    }

    fn ear_event(&mut self, now: Moment, event: EarEvent) {
        match event {
            EarEvent::Complete { utterance } => self.ports.leg(LegId::Caller, LegCommand::Complete(utterance)),
            EarEvent::Person { utterance, phrase } => {
                let secret = self.sensitive.contains(&utterance);
                self.event_with(now, Event::PersonHeard { utterance, phrase }, secret);
            }
            EarEvent::Heard { utterance, clip, .. } if self.spoken.as_ref().is_some_and(|s| s.utterance == utterance) => {
                self.message_heard(now, clip);
            }
            EarEvent::Heard { utterance, result, clip } => {
                let secret = self.sensitive.remove(&utterance);
                let repeats = self.aside_utterances.remove(&utterance) && self.had_secrets;
                // Before what is heard begins or pauses the recording.
                let recorded = self.recorded;
                self.noted = None;
                self.event_with(now, Event::Heard { utterance, result }, secret || repeats);
                // The sound of what is no utterance in the records would be found by nobody, and deleted by nobody.
                if !secret && recorded && self.noted.take() == Some(utterance) {
                    self.ports.keep_clip(utterance, clip);
                }
            }
        }
    }

    /// Of an agent only the words are kept, and of them so many utterances as can be told apart from the caller's.
    fn agent_ear_event(&mut self, now: Moment, attempt: AttemptId, event: EarEvent) {
        match event {
            EarEvent::Complete { utterance } => self.ports.leg(LegId::Agent(attempt), LegCommand::Complete(utterance)),
            EarEvent::Person { .. } => {}
            EarEvent::Heard { result, .. } => {
                let utterance = UtteranceId(UtteranceId::AGENTS.saturating_add(self.agents_said));
                self.agents_said = self.agents_said.saturating_add(1);
                self.event_with(now, Event::AgentHeard { attempt, utterance, result }, self.had_secrets);
            }
        }
    }

    fn mark_sensitive(&mut self, utterance: UtteranceId) {
        if self.sensitive.len() >= SENSITIVE_KEPT_MAX {
            self.sensitive.pop_first();
        }
        self.sensitive.insert(utterance);
    }

    /// Gives an event to the machine (or to the rescue) and carries out what it wants.
    fn event(&mut self, now: Moment, event: Event) {
        self.event_with(now, event, false);
    }

    /// The same; `secret` = what it tells is personal even though nothing sensitive is asked any more.
    fn event_with(&mut self, now: Moment, event: Event, secret: bool) {
        if self.over || self.ending.is_some() {
            return;
        }
        self.ports.log(now, &event, self.sensitive_now || secret);
        let mut commands = std::mem::take(&mut self.commands);
        commands.clear();
        if let Some(rescue) = &mut self.rescue {
            rescue.handle(now, &event, &mut commands);
            self.ports.executed(now, None);
        } else {
            let machine = &mut self.machine;
            let outcome = catch_unwind(AssertUnwindSafe(|| machine.handle(now, &event, &mut commands)));
            let why = match outcome {
                Ok(()) if commands.len() <= COMMANDS_PER_EVENT_MAX => None,
                Ok(()) => Some(format!("the call machine gave {} commands for one event", commands.len())),
                Err(panic) => Some(format!("the call machine panicked: {}", panic_text(&*panic))),
            };
            self.ports.executed(now, why.is_none().then_some(&commands));
            if let Some(why) = why {
                commands.clear();
                self.start_rescue(now, &why, &event, &mut commands);
            }
        }
        for command in commands.drain(..) {
            self.carry_out(now, command);
        }
        if self.commands.capacity() == 0 {
            self.commands = commands;
        }
    }

    fn start_rescue(&mut self, now: Moment, why: &str, event: &Event, commands: &mut Vec<Command>) {
        self.ports.trouble(why);
        self.message = None;
        self.stage.clear();
        // Nobody is offered a caller whom the rescue looks after.
        self.ports.queue(QueueAsk::Leave(Left::Elsewhere));
        self.ports.queue(QueueAsk::Finished(Talk::default()));
        for attempt in std::mem::take(&mut self.dialled) {
            self.ports.hang_up(LegId::Agent(attempt));
        }
        let mut rescue = Rescue::new(self.ports.last_resort(), why);
        rescue.begin(now, commands);
        if matches!(event, Event::CallerHungUp | Event::CallerLost) {
            rescue.handle(now, event, commands);
        }
        self.rescue = Some(rescue);
    }

    fn carry_out(&mut self, now: Moment, command: Command) {
        // A message has no stop command of its own: whatever moves the call on ends it.
        let moves_on = matches!(
            command,
            Command::StopListening | Command::Dial { .. } | Command::Refer { .. } | Command::Play { leg: LegId::Caller, .. }
        );
        if moves_on && self.message.take().is_some() {
            self.ports.leg(LegId::Caller, LegCommand::Listen(None));
        }
        match command {
            Command::Answer => self.ports.answer(),
            Command::Play { leg, prompt } => {
                self.stage.queue(leg, &prompt, now);
                self.ports.render(leg, &prompt);
            }
            Command::StopPlaying { leg } => {
                let dropped = self.stage.drop_all(leg);
                self.ports.leg(leg, LegCommand::StopPlaying);
                for prompt in dropped {
                    self.event(now, Event::PromptEnded { leg, prompt, played_ms: 0, end: PromptEnd::Stopped });
                }
            }
            Command::Listen { grammar, sensitive, aside } => {
                self.sensitive_now = sensitive;
                self.had_secrets |= sensitive;
                self.aside = aside;
                // What is being said may answer it already.
                if let Some(utterance) = self.newest_utterance.filter(|_| sensitive) {
                    self.mark_sensitive(utterance);
                }
                let rule = EndpointRule::for_expect(&grammar.expect);
                self.ports.expect(grammar, aside);
                if self.ports.hears() {
                    self.ports.leg(LegId::Caller, LegCommand::Listen(Some(rule)));
                }
            }
            Command::StopListening => self.ports.leg(LegId::Caller, LegCommand::Listen(None)),
            Command::ListenToAgent { attempt, grammar } => {
                let rule = grammar.as_ref().map(|grammar| EndpointRule::for_expect(&grammar.expect));
                if self.ports.expect_of_agent(attempt, grammar) {
                    self.ports.leg(LegId::Agent(attempt), LegCommand::Listen(rule));
                }
            }
            Command::LookUp { id, request } => self.ports.look_up(id, request),
            Command::Refer { attempt, to, uui, patience } => self.ports.refer(attempt, &to, &uui, patience),
            Command::Dial { attempt, to, uui, ring } => {
                if self.rescue.is_none() {
                    self.dialled.push(attempt);
                }
                self.ports.dial(attempt, &to, &uui, ring);
            }
            Command::CallPerson { to, ring } => self.ports.call_person(&to, ring),
            Command::Queue(ask) => self.ports.queue(ask),
            Command::AnswerRefer { attempt, status } => self.ports.answer_refer(attempt, status),
            Command::NotifyRefer { attempt, status, last } => self.ports.notify_refer(attempt, status, last),
            Command::Complete { attempt, agent, patience } => self.ports.complete(attempt, agent, patience),
            Command::Join { attempt } => {
                self.ports.leg(LegId::Caller, LegCommand::Listen(None));
                self.ports.leg(LegId::Caller, LegCommand::Comfort(None));
                self.ports.join(attempt);
            }
            Command::Hold { attempt, on } => self.ports.hold(attempt, on),
            Command::Pair { one, other } => self.ports.pair(one, other),
            Command::ThreeWay { one, other } => {
                self.ports.leg(LegId::Caller, LegCommand::Comfort(None));
                self.ports.three_way(one, other);
            }
            Command::Comfort(on) => self.ports.comfort(on),
            Command::Record(action) => {
                self.recorded = action != RecordAction::Pause;
                match action {
                    RecordAction::Start => self.ports.record(),
                    RecordAction::Pause => self.ports.leg(LegId::Caller, LegCommand::RecordPaused(true)),
                    RecordAction::Resume => self.ports.leg(LegId::Caller, LegCommand::RecordPaused(false)),
                }
            }
            Command::TakeMessage { max, secrets } => self.take_message(now, max, secrets),
            Command::Publish(card) => self.ports.publish(*card),
            Command::HangUp { leg } => {
                self.dialled.retain(|attempt| leg != LegId::Agent(*attempt));
                self.ports.hang_up(leg);
            }
            Command::Note(record) => {
                if let Record::Utterance(said) = &*record {
                    self.noted = Some(said.utterance);
                }
                self.ports.note(*record);
            }
            Command::Ended(disposition) if self.sound_is_due() => self.ending = Some((disposition, now + MESSAGE_SOUND)),
            Command::Ended(disposition) => self.end(&disposition),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

#[cfg(test)]
mod tests;
