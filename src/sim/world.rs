//! One call on a simulated clock: prompts take as long as their words, people do what their plans say, nothing is random.

use super::agents::Agents;
use super::caller::{Caller, Doing, Place};
use super::plan::{CallBackPlan, LineNews, Mind, World};
use super::players::{Players, spoken_ms};
use super::transcript::{Line, Transcript};
use crate::acd::{Ticket, Unserved};
use crate::base::{CallId, LegId, Moment, PhoneNumber, PromptEnd, PromptPart, WallTime};
use crate::call::{Call, CallSettings, Command, Event, QueueAsk, QueueEvent, ReferOutcome, TimerName};
use crate::call::{CallBack, CallBackAnswer, CallBackWish, CardTurn, HandOverCard, KeptPlace};
use crate::flow::{Flow, LookedUp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

/// Events after which a simulation is stopped: a mistake of ours.
const EVENTS_MAX: u32 = 20_000;
/// Silence that a waiting caller is never left in.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Runs one call to its end and tells what happened.
pub fn simulate(flow: Arc<Flow>, world: World) -> Transcript {
    Simulation::new(flow, world, None).run()
}

/// The same with a caller who, once the world's steps are used up, decides by what is asked.
pub fn simulate_with(flow: Arc<Flow>, world: World, mind: &mut dyn Mind) -> Transcript {
    Simulation::new(flow, world, Some(mind)).run()
}

/// What is due at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Due {
    /// Something happens to the call.
    Event(Event),
    /// A prompt that is playing reaches its end.
    PromptOver(LegId, crate::base::PromptId),
    /// The caller looks whether it is time for the next step.
    CallerLooks,
}

struct Simulation<'m> {
    world: World,
    flow: Arc<Flow>,
    call: Call,
    now: Moment,
    /// By moment and order of arrival; the payload's place in `dues`.
    queue: BinaryHeap<Reverse<(Moment, u32)>>,
    /// What was put into the queue, by its number.
    dues: Vec<Option<Due>>,
    players: Players,
    agents: Agents,
    caller: Caller<'m>,
    transcript: Transcript,
    comfort: bool,
    /// Since when the caller waits for a person without hearing anything.
    quiet_since: Option<Moment>,
    /// The line that the caller waits in, and how often its agents have refused.
    line: Option<(String, u32)>,
    /// Offers made.
    offers: u64,
    /// Numbers that were to be called back.
    numbers: usize,
    /// Somebody is on the caller's side.
    somebody: bool,
}

impl<'m> Simulation<'m> {
    fn new(flow: Arc<Flow>, world: World, mind: Option<&'m mut dyn Mind>) -> Simulation<'m> {
        let settings = CallSettings {
            card_reference: "00112233445566778899aabbccddeeff".into(),
            ears: world.ears.clone(),
            ..CallSettings::default()
        };
        let agents = Agents::new(&flow, world.agents.clone());
        Simulation {
            call: Call::new(CallId(7), flow.clone(), settings),
            flow,
            caller: Caller::new(world.caller_steps.clone(), mind, world.patient),
            world,
            now: Moment::ZERO,
            queue: BinaryHeap::new(),
            dues: Vec::new(),
            players: Players::default(),
            agents,
            transcript: Transcript::default(),
            comfort: false,
            quiet_since: None,
            line: None,
            offers: 0,
            numbers: 0,
            somebody: false,
        }
    }

    fn run(mut self) -> Transcript {
        let dialled = PhoneNumber::new("100");
        match self.called_back() {
            Some(back) => {
                self.line = Some((back.wish.ticket.queue.clone(), 0));
                self.happen(Event::CallsBack(Box::new(back)));
                self.offer(Duration::from_millis(50));
            }
            None => {
                self.somebody = true;
                self.happen(Event::Arrived { caller: self.world.caller.clone(), dialled, wall: self.world.wall });
                if let Some((waited, talked)) = self.world.place {
                    let place =
                        KeptPlace { queue: self.queue_name(), ago: waited, talked, abusive: false, card: self.earlier_card() };
                    self.happen(Event::HasPlace(Box::new(place)));
                }
            }
        }
        for _ in 0..EVENTS_MAX {
            if self.call.is_over() {
                break;
            }
            let queued = self.queue.peek().map(|Reverse((at, _))| *at);
            let timer = self.call.next_timer();
            match (queued, timer) {
                (Some(at), t) if t.is_none_or(|(t, _)| at <= t) => {
                    if let Some(Reverse((at, number))) = self.queue.pop() {
                        self.pass_to(at);
                        if let Some(due) = self.dues.get_mut(number as usize).and_then(Option::take) {
                            self.carry(due);
                        }
                    }
                }
                (_, Some((at, name))) => {
                    self.pass_to(at);
                    if name != TimerName::Longest {
                        self.transcript.push(self.now, Line::Timer(name));
                    }
                    self.happen(Event::Tick);
                }
                (None, None) => break,
                (Some(_), None) => {}
            }
        }
        self.finish()
    }

    /// What an agent was told in an earlier call of the same person, which began ten minutes ago.
    fn earlier_card(&self) -> HandOverCard {
        let flow = &self.flow;
        let intent = flow.intents.keys().next().cloned();
        let turn = CardTurn {
            caller: "when are you open".to_string().into(),
            intent: intent.clone(),
            answer: "From nine to five.".to_string().into(),
            sensitive: false,
            of: None,
        };
        HandOverCard {
            reference: String::new(),
            call: CallId(6),
            flow: flow.name.clone(),
            caller: self.world.caller.clone(),
            dialled: PhoneNumber::new("100"),
            diverted: None,
            language: flow.languages.first().copied().unwrap_or_default(),
            since: WallTime(self.world.wall.0 - 600_000),
            seconds: 40,
            intent,
            slots: Default::default(),
            turns: vec![turn],
            secrets: false,
            step: None,
            verified: false,
            tier: None,
            priority: 2,
            because: "asked".into(),
            spoke_with: Vec::new(),
            call_back: None,
            summary: "The caller wants: opening hours.".to_string().into(),
        }
    }

    fn queue_name(&self) -> String {
        let person = self.flow.targets.get(&self.flow.person.target);
        person.and_then(|target| target.queue()).unwrap_or("support").to_string()
    }

    /// Who is called back, ten minutes after having asked when it is open.
    fn called_back(&self) -> Option<CallBack> {
        self.world.person.as_ref()?;
        let card = self.earlier_card();
        let ticket = Ticket {
            queue: self.queue_name(),
            priority: 2,
            language: card.language,
            caller: 1,
            waited: Duration::from_secs(600),
            call_back: Some(Duration::ZERO),
            ..Ticket::default()
        };
        let (number, asked, ring) = (self.world.caller.clone(), card.since, Duration::from_secs(30));
        let wish = CallBackWish { number, ticket, card };
        Some(CallBack { wish, asked, wall: self.world.wall, ring, trunks: vec!["carrier".into()] })
    }

    fn finish(mut self) -> Transcript {
        for (leg, words, step) in self.players.drop_all(self.now) {
            self.transcript.said(self.now, leg, words, step);
        }
        if self.transcript.disposition().is_none() {
            self.transcript.violations.push("the call never ended".into());
        }
        self.transcript
    }

    fn pass_to(&mut self, at: Moment) {
        self.now = self.now.max(at);
    }

    fn later(&mut self, after: Duration, due: Due) {
        let number = u32::try_from(self.dues.len()).unwrap_or(u32::MAX);
        self.dues.push(Some(due));
        self.queue.push(Reverse((self.now + after, number)));
    }

    fn carry(&mut self, due: Due) {
        match due {
            Due::Event(event) => self.happen(event),
            Due::PromptOver(leg, prompt) => {
                if let Some((words, step, ms)) = self.players.over(leg, prompt) {
                    self.transcript.said(self.now, leg, words, step);
                    self.next_prompt(leg);
                    self.happen(Event::PromptEnded { leg, prompt, played_ms: ms, end: PromptEnd::Finished });
                }
            }
            Due::CallerLooks => self.caller_looks(),
        }
    }

    fn happen(&mut self, event: Event) {
        let mut event = self.caller.deafened(event, &self.world.ears);
        if let Event::SpeechStarted { over, .. } = &mut event {
            *over = self.players.playing_to(LegId::Caller);
        }
        // What the audio plane does in its own tick, before the call hears of it.
        match &event {
            Event::SpeechStarted { .. } => self.cut(PromptEnd::BargedIn),
            Event::Key(_) => self.cut(PromptEnd::Keyed),
            _ => {}
        }
        if !self.caller.passes(&event) {
            return;
        }
        self.somebody |= event == Event::Answered;
        self.transcript.push(self.now, Line::Happened(event.clone()));
        let mut commands = Vec::new();
        self.call.handle(self.now, &event, &mut commands);
        for command in commands {
            self.obey(command);
        }
        self.watch_silence();
        self.later(Duration::ZERO, Due::CallerLooks);
    }

    /// Stops what the caller hears, if its barge-in policy allows it.
    fn cut(&mut self, end: PromptEnd) {
        for (prompt, words, step, ms) in self.players.cut(LegId::Caller, self.now, end == PromptEnd::Keyed) {
            self.transcript.said(self.now, LegId::Caller, words, step);
            self.later(Duration::ZERO, Due::Event(Event::PromptEnded { leg: LegId::Caller, prompt, played_ms: ms, end }));
        }
    }

    fn obey(&mut self, command: Command) {
        self.transcript.command(self.now, &command);
        // The sentence is never cut by what it announces.
        if matches!(command, Command::Join { .. } | Command::Refer { .. })
            && self.players.playing_since(LegId::Caller).is_some()
        {
            self.transcript.violations.push(format!("in the middle of a sentence to the caller: {command:?}"));
        }
        match command {
            Command::Answer => self.later(Duration::from_millis(50), Due::Event(Event::Answered)),
            Command::Play { leg, prompt } => self.play(leg, prompt),
            Command::StopPlaying { leg } => {
                for (prompt, words, step, ms) in self.players.cut(leg, self.now, true) {
                    self.transcript.said(self.now, leg, words, step);
                    let end = PromptEnd::Stopped;
                    self.later(Duration::ZERO, Due::Event(Event::PromptEnded { leg, prompt, played_ms: ms, end }));
                }
            }
            Command::Listen { grammar, .. } => self.caller.listened_to(grammar.language),
            Command::StopListening => self.caller.not_listened_to(),
            Command::LookUp { id, request } => {
                let known = &self.world.lookups;
                let mock = known.get(&World::exactly(&request)).or_else(|| known.get(&request.name)).cloned();
                let (takes, result) =
                    mock.unwrap_or((Duration::from_millis(100), LookedUp::Outage("nothing answers in this simulation".into())));
                if takes < request.timeout {
                    self.later(takes, Due::Event(Event::LookedUp { id, result }));
                } else {
                    let result = LookedUp::Outage(format!("no answer within {} s", request.timeout.as_secs()));
                    self.later(request.timeout, Due::Event(Event::LookedUp { id, result }));
                }
            }
            Command::Refer { attempt, to, patience, .. } => {
                for (after, event) in self.agents.refer(attempt, &to, patience) {
                    self.later(after, Due::Event(event));
                }
            }
            Command::Dial { attempt, to, ring, .. } => {
                for (after, event) in self.agents.dial(attempt, &to, ring) {
                    self.later(after, Due::Event(event));
                }
            }
            Command::CallPerson { ring, .. } => {
                for (after, event) in Agents::person(self.world.person.as_ref(), ring) {
                    self.later(after, Due::Event(event));
                }
            }
            Command::Queue(ask) => self.queue(ask),
            Command::Complete { attempt, .. } => {
                let outcome = ReferOutcome::Succeeded;
                self.later(Duration::from_millis(400), Due::Event(Event::Referred { attempt, outcome }));
            }
            Command::Join { attempt } => {
                self.caller.not_listened_to();
                if let Some((after, event)) = self.agents.joined(attempt) {
                    self.later(after, Due::Event(event));
                }
            }
            Command::HangUp { leg: LegId::Agent(attempt) } => self.withdraw_agent(attempt),
            Command::Comfort(on) => self.comfort = on,
            Command::TakeMessage { max, .. } => {
                if !self.caller.hangs_up_in_message() {
                    let said = self.caller.message(self.now).min(max);
                    let speech_ms = u32::try_from(said.as_millis()).unwrap_or(u32::MAX);
                    self.later(said + Duration::from_secs(3), Due::Event(Event::MessageEnded { speech_ms }));
                }
            }
            Command::HangUp { leg: LegId::Caller }
            | Command::ListenToAgent { .. }
            | Command::Hold { .. }
            | Command::Pair { .. }
            | Command::ThreeWay { .. }
            | Command::AnswerRefer { .. }
            | Command::NotifyRefer { .. }
            | Command::Record(_)
            | Command::Publish(_)
            | Command::Note(_)
            | Command::Ended(_) => {}
        }
    }

    /// A line in which one agent is free at once, whose phone does what the plan for the target says; after five refusals nobody is
    /// there any more.
    fn queue(&mut self, ask: QueueAsk) {
        match ask {
            QueueAsk::Enter(ticket) => {
                self.line = Some((ticket.queue, 0));
                let news = std::mem::take(&mut self.world.line);
                if news.is_empty() {
                    self.offer(Duration::from_millis(50));
                }
                for (after, news) in news {
                    let event = match news {
                        LineNews::Place(position, wait, call_back) => QueueEvent::Place { position, wait, call_back },
                        LineNews::Withdrawn => QueueEvent::Withdrawn(self.offers),
                        LineNews::Unserved(why) => QueueEvent::Unserved(why),
                        LineNews::Free => {
                            self.offer(after);
                            continue;
                        }
                    };
                    self.later(after, Due::Event(Event::Queue(event)));
                }
            }
            QueueAsk::Refused { .. } => {
                if let Some((_, refused)) = &mut self.line {
                    *refused += 1;
                }
                self.offer(Duration::from_secs(1));
            }
            QueueAsk::MayCallBack { number, .. } => {
                let plans = &self.world.call_back;
                let plan = plans.get(self.numbers).or(plans.last()).copied().unwrap_or(CallBackPlan::Yes);
                self.numbers += 1;
                let answer = match plan {
                    CallBackPlan::Yes | CallBackPlan::NotKept => CallBackAnswer::Yes(number),
                    CallBackPlan::NotAllowed => CallBackAnswer::NotAllowed,
                    CallBackPlan::Full => CallBackAnswer::Full,
                    CallBackPlan::Twice => CallBackAnswer::Twice,
                };
                self.later(Duration::from_millis(5), Due::Event(Event::Queue(QueueEvent::MayCallBack(answer))));
            }
            QueueAsk::CallBack(_) => {
                let kept = self.world.call_back.last() != Some(&CallBackPlan::NotKept);
                self.later(Duration::from_millis(5), Due::Event(Event::Queue(QueueEvent::CallBackKept(kept))));
            }
            QueueAsk::CallsPerson | QueueAsk::NotReached(_) | QueueAsk::CallerLost(_) | QueueAsk::Abusive => {}
            // Nobody sits at a desk in this world.
            QueueAsk::Park { .. } | QueueAsk::Unpark => {}
            QueueAsk::Consult { .. } | QueueAsk::Consulted | QueueAsk::ConsultOver(_) | QueueAsk::HandedOver(_) => {}
            QueueAsk::Emergency | QueueAsk::Leave(_) | QueueAsk::Accepted(_) | QueueAsk::Joined | QueueAsk::Finished(_) => {}
        }
    }

    fn offer(&mut self, after: Duration) {
        let Some((queue, refused)) = self.line.clone() else { return };
        let news = if refused < 5 {
            let (agent, to) = ("agent".to_string(), format!("queue:{queue}"));
            self.offers += 1;
            QueueEvent::Offer { offer: self.offers, agent, desk: false, to, ring: Duration::from_secs(20) }
        } else {
            QueueEvent::Unserved(Unserved::Nobody)
        };
        self.later(after, Due::Event(Event::Queue(news)));
    }

    /// Nothing is heard of an agent's leg that we hung up.
    fn withdraw_agent(&mut self, attempt: crate::base::AttemptId) {
        for due in &mut self.dues {
            if matches!(due, Some(Due::Event(Event::Agent { attempt: a, .. })) if *a == attempt) {
                *due = None;
            }
        }
    }

    fn play(&mut self, leg: LegId, prompt: crate::base::Prompt) {
        if self.world.mute {
            let event = Event::PromptEnded { leg, prompt: prompt.id, played_ms: 0, end: PromptEnd::Failed };
            self.caller.prompt_began();
            return self.later(Duration::from_millis(20), Due::Event(event));
        }
        self.players.queue(leg, prompt);
        self.next_prompt(leg);
    }

    fn next_prompt(&mut self, leg: LegId) {
        if let Some((prompt, ms)) = self.players.start(leg, self.now, self.caller.step()) {
            if leg == LegId::Caller {
                self.caller.prompt_began();
            }
            self.later(Duration::from_millis(u64::from(ms)), Due::PromptOver(leg, prompt));
        }
    }

    fn caller_looks(&mut self) {
        let playing = self.players.playing_since(LegId::Caller);
        let quiet = self.players.quiet_since(LegId::Caller);
        // Nobody acts who is not on the line.
        let phase = if self.somebody { self.call.phase() } else { "answering" };
        let at = Place { phase, ask: self.call.asked() };
        match self.caller.next(self.now, at, playing, quiet) {
            Doing::Nothing => {}
            Doing::LooksAgain(at) => self.later(at.since(self.now), Due::CallerLooks),
            Doing::Acts(events) => {
                for (after, event) in events {
                    self.later(after, Due::Event(event));
                }
            }
        }
    }

    /// While a person is being reached the caller is never left in silence for more than two seconds.
    fn watch_silence(&mut self) {
        // Who is called back is asked something, and has nobody to wait for yet.
        let waiting = self.world.person.is_none()
            && self.call.phase() == "transferring"
            && !self.comfort
            && self.players.playing_since(LegId::Caller).is_none();
        match (waiting, self.quiet_since) {
            (true, None) => self.quiet_since = Some(self.now),
            (_, Some(since)) => {
                if self.now.since(since) > SILENCE_MAX {
                    self.transcript.violations.push(format!("silence for {:?} on the way to a person", self.now.since(since)));
                }
                if !waiting {
                    self.quiet_since = None;
                }
            }
            (false, None) => {}
        }
    }
}

/// How long a prompt takes.
pub(super) fn length_ms(parts: &[PromptPart]) -> u32 {
    parts.iter().map(spoken_ms).sum::<u32>().max(20)
}
