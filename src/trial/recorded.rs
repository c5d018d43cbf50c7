//! A call that took place, read from its event log: executed once more with the flow that it had, and taken apart into what the
//! caller, the agents and the look-ups did, so that they can do it again before another flow.

use crate::base::{AttemptId, Digit, Disposition, Grammar, Hypothesis, LookUpId, Moment, UtteranceId};
use crate::call::{AgentEvent, Call, Command, Event, Fingerprint, QueueAsk, QueueEvent, Record, ReferOutcome, TurnRecord};
use crate::flow::{Ask, AskKind, Flow, LookUp, RecordMode};
use crate::sim::{AgentPlan, CallerStep, LineNews, Mind, Speech, When, World};
use crate::store::LoggedCall;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A call that was executed again.
#[derive(Debug)]
pub struct Recorded {
    /// Fingerprint of the commands that came now, over the events that the log's own covers (all where it has none).
    pub commands: String,
    /// Whether it is that of the log; `None` when the log has none.
    pub same: Option<bool>,
    /// Something was withheld from the log: so many events of the call, in the order of the log, are whole.
    pub whole_events: usize,
    /// All events in the log.
    pub events: usize,
    /// How long the call was.
    pub length: Duration,
    /// How it went.
    pub course: Course,
    /// Look-ups and agents as they were in the call.
    pub world: World,
    /// What the caller did.
    pub acts: Vec<Act>,
    /// The caller left; otherwise the call ended by itself.
    pub left: bool,
    message: Duration,
}

/// How a call went, as far as callers notice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// What was asked, heard, taken for and answered, turn by turn.
    pub turns: Vec<TurnRecord>,
    /// How it ended.
    pub disposition: Option<Disposition>,
    /// Milliseconds from the first request for a person to a person's voice.
    pub request_to_person_ms: Option<u64>,
}

impl Course {
    /// Reads it from the records of a call.
    pub fn of<'c>(commands: impl Iterator<Item = &'c Command>) -> Course {
        let mut course = Course::default();
        for command in commands {
            let Command::Note(record) = command else { continue };
            match &**record {
                Record::Turn(turn) if turn.complete => course.turns.push(turn.clone()),
                Record::Ended { disposition, request_to_person_ms, .. } => {
                    course.disposition = Some(disposition.clone());
                    course.request_to_person_ms = *request_to_person_ms;
                }
                _ => {}
            }
        }
        course
    }
}

/// One thing that the caller did.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// When, in the call that took place.
    pub at: Moment,
    /// The question that was out; `None` = before any, or over what was being said.
    pub asked: Option<Asked>,
    /// What.
    pub step: CallerStep,
    /// The utterance, where it was speech.
    pub utterance: Option<UtteranceId>,
}

/// Hears what was recorded of a call once more.
pub trait Ears {
    /// What an utterance is now, where this is expected, and whether a request for a person was noticed before its end; `None` where no
    /// sound of it was kept.
    fn hear(&mut self, utterance: UtteranceId, grammar: &Grammar) -> Option<(Hypothesis, bool)>;
}

/// A question, as another flow may ask it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The node; empty = whether the call may be recorded.
    pub node: String,
    /// What sort of answer, with the slot.
    pub kind: String,
}

impl Asked {
    /// The question that is out.
    pub fn of(ask: Option<&Ask>) -> Asked {
        let Some(ask) = ask else { return Asked { node: String::new(), kind: "recording".into() } };
        let kind = match &ask.kind {
            AskKind::Intents => "intents".to_string(),
            AskKind::Menu(_) => "menu".to_string(),
            AskKind::YesNo | AskKind::Assent => "yes or no".to_string(),
            AskKind::Language(_) => "language".to_string(),
            AskKind::Digits { slot, .. } | AskKind::Number { slot } | AskKind::Date { slot } | AskKind::Value { slot, .. } => {
                slot.clone()
            }
            AskKind::Confirm { slot, .. } => format!("whether {slot}"),
        };
        Asked { node: ask.node.clone(), kind }
    }
}

impl Recorded {
    /// Executes a log again, with the flow that the call had.
    pub fn execute(flow: &Arc<Flow>, log: &LoggedCall) -> Recorded {
        let mut call = Call::new(log.head.call, flow.clone(), log.head.settings.clone().unwrap_or_default());
        let covered = log.end.as_ref().map_or(log.events.len(), |end| usize::try_from(end.events).unwrap_or(usize::MAX));
        let mut gather = Gather::new(flow);
        let mut fingerprint = Fingerprint::default();
        let mut all = Vec::new();
        for (at, event) in log.events.iter().take(covered) {
            let asked = match call.phase() {
                "asking" => Some(Asked::of(call.asked())),
                "consenting" if flow.record == RecordMode::Ask => Some(Asked::of(None)),
                _ => None,
            };
            let mut commands = Vec::new();
            call.handle(*at, event, &mut commands);
            fingerprint.add(*at, &commands);
            gather.event(*at, event, asked);
            gather.commands(*at, &commands);
            all.append(&mut commands);
        }
        let length = log.events.last().map_or(Duration::ZERO, |(at, _)| at.since(Moment::ZERO));
        let first = log.events.first().map_or(Moment::ZERO, |(at, _)| *at);
        gather.finish(Recorded {
            same: log.end.as_ref().map(|end| end.commands == fingerprint.digits()),
            commands: fingerprint.digits(),
            whole_events: covered.min(log.events.len()),
            events: log.events.len(),
            length: length.saturating_sub(first.since(Moment::ZERO)),
            course: Course::of(all.iter()),
            world: World { ears: log.head.settings.clone().unwrap_or_default().ears, ..World::default() },
            acts: Vec::new(),
            left: false,
            message: Duration::from_secs(4),
        })
    }

    /// The caller of this call, to be put before a flow; with `ears`, what they said is heard once more.
    pub fn caller<'e>(&self, ears: Option<&'e mut (dyn Ears + 'e)>) -> RecordedCaller<'_, 'e> {
        RecordedCaller { call: self, used: vec![false; self.acts.len()], unknown: None, ears }
    }
}

/// Takes a call apart.
struct Gather<'f> {
    flow: &'f Flow,
    acts: Vec<Act>,
    /// Speech that is not over: when it began, what was asked at its first sign, whether a request was spotted, its length.
    speech: BTreeMap<UtteranceId, Spoken>,
    requests: BTreeMap<LookUpId, (Moment, LookUp)>,
    lookups: BTreeMap<String, (Duration, crate::flow::LookedUp)>,
    attempts: BTreeMap<AttemptId, Attempt>,
    /// The queue that the caller waits in, as targets name it.
    line: Option<String>,
    /// When the caller got in line first, and what came of it.
    line_since: Option<Moment>,
    line_news: Vec<(Duration, LineNews)>,
    silences: Vec<u32>,
    caller: Option<(crate::base::PhoneNumber, crate::base::WallTime)>,
    left: bool,
    message: Option<Duration>,
}

#[derive(Default)]
struct Spoken {
    asked: Option<Asked>,
    spotted: bool,
    length: Duration,
    restless: bool,
    level: Option<i8>,
}

struct Attempt {
    target: String,
    began: Moment,
    answered: Option<Moment>,
    plan: AgentPlan,
}

impl<'f> Gather<'f> {
    fn new(flow: &'f Flow) -> Gather<'f> {
        Gather {
            flow,
            acts: Vec::new(),
            speech: BTreeMap::new(),
            requests: BTreeMap::new(),
            lookups: BTreeMap::new(),
            attempts: BTreeMap::new(),
            line: None,
            line_since: None,
            line_news: Vec::new(),
            silences: Vec::new(),
            caller: None,
            left: false,
            message: None,
        }
    }

    fn event(&mut self, at: Moment, event: &Event, asked: Option<Asked>) {
        match event {
            Event::Arrived { caller, wall, .. } => self.caller = Some((caller.clone(), *wall)),
            Event::SpeechStarted { utterance, .. } => {
                self.speech.insert(*utterance, Spoken::default());
            }
            Event::PersonHeard { utterance, .. } => {
                let spoken = self.speech.entry(*utterance).or_default();
                spoken.spotted = true;
                spoken.asked = spoken.asked.take().or(asked);
            }
            Event::SpeechEnded { utterance, length_ms, restless, level } => {
                let spoken = self.speech.entry(*utterance).or_default();
                spoken.length = Duration::from_millis(u64::from(*length_ms));
                spoken.restless = *restless;
                spoken.level = *level;
            }
            Event::Heard { utterance, result } => {
                let spoken = self.speech.remove(utterance).unwrap_or_default();
                let said_nothing = result.as_ref().is_ok_and(|h| h.text.trim().is_empty());
                let asked = spoken.asked.or(asked);
                // Noise over a prompt changes nothing but the prompt.
                if said_nothing && asked.is_none() {
                    return;
                }
                let speech = Speech {
                    heard: result.clone(),
                    length: spoken.length,
                    when: When::Quiet,
                    spotted: spoken.spotted,
                    restless: spoken.restless,
                    level: spoken.level,
                };
                self.act(at, asked, CallerStep::Speaks(speech));
                self.acts.last_mut().into_iter().for_each(|act| act.utterance = Some(*utterance));
            }
            Event::Key(key) => self.key(at, asked, *key),
            Event::LookedUp { id, result } => {
                if let Some((began, request)) = self.requests.get(id) {
                    let took = at.since(*began);
                    self.lookups.insert(World::exactly(request), (took, result.clone()));
                    self.lookups.insert(request.name.clone(), (took, result.clone()));
                }
            }
            Event::Machine(machine) => self.act(at, None, CallerStep::IsMachine(*machine)),
            Event::Agent { attempt, event } => self.agent(at, *attempt, event),
            Event::Queue(news) => self.line(at, news),
            Event::Referred { attempt, outcome } => {
                if let Some(attempt) = self.attempts.get_mut(attempt) {
                    match outcome {
                        ReferOutcome::Succeeded => attempt.plan = AgentPlan::Refer(Some(Ok(()))),
                        ReferOutcome::Failed(408) => attempt.plan = AgentPlan::Refer(None),
                        ReferOutcome::Failed(status) => attempt.plan = AgentPlan::Refer(Some(Err(*status))),
                        ReferOutcome::Accepted | ReferOutcome::Progress(_) => {}
                    }
                }
            }
            Event::MessageEnded { speech_ms } => self.message = Some(Duration::from_millis(u64::from(*speech_ms))),
            Event::CallerHungUp | Event::CallerLost => self.left = true,
            _ => {}
        }
    }

    fn act(&mut self, at: Moment, asked: Option<Asked>, step: CallerStep) {
        self.acts.push(Act { at, asked, step, utterance: None });
    }

    /// Keys that follow each other at one question are one answer.
    fn key(&mut self, at: Moment, asked: Option<Asked>, key: Digit) {
        if let Some(Act { asked: before, step: CallerStep::Presses(keys, _), .. }) = self.acts.last_mut()
            && *before == asked
            && asked.as_ref().is_some_and(|a| !matches!(a.kind.as_str(), "menu" | "intents" | "yes or no" | "language"))
        {
            return keys.push(key);
        }
        self.act(at, asked, CallerStep::Presses(vec![key], When::Quiet));
    }

    /// What came of the line, up to its first offer: what follows that one is the agents' doing.
    fn line(&mut self, at: Moment, news: &QueueEvent) {
        let Some(since) = self.line_since else { return };
        let offered = self.line_news.iter().any(|(_, news)| *news == LineNews::Free);
        let news = match news {
            QueueEvent::Place { position, wait, call_back } if !offered => LineNews::Place(*position, *wait, *call_back),
            QueueEvent::Offer { .. } if !offered => LineNews::Free,
            QueueEvent::Unserved(why) => LineNews::Unserved(*why),
            _ => return,
        };
        self.line_news.push((at.since(since), news));
    }

    fn agent(&mut self, at: Moment, attempt: AttemptId, event: &AgentEvent) {
        let Some(attempt) = self.attempts.get_mut(&attempt) else { return };
        let since = at.since(attempt.began);
        match event {
            AgentEvent::Answered => {
                attempt.answered = Some(at);
                attempt.plan = AgentPlan::Answers { after: since, presses_after: None, hangs_up_after: None, breaks: false };
            }
            AgentEvent::Key(_) | AgentEvent::HungUp | AgentEvent::Lost => {
                let talked = attempt.answered.map(|answered| at.since(answered));
                if let AgentPlan::Answers { presses_after, hangs_up_after, breaks, .. } = &mut attempt.plan {
                    *breaks |= *event == AgentEvent::Lost;
                    let place = if matches!(event, AgentEvent::Key(_)) { presses_after } else { hangs_up_after };
                    *place = place.or(talked);
                }
            }
            AgentEvent::Failed { status: 408, .. } => attempt.plan = AgentPlan::Rings,
            AgentEvent::Failed { status, contact } => {
                attempt.plan = AgentPlan::Refuses { after: since, status: *status, contact: contact.clone() };
            }
            AgentEvent::Ringing | AgentEvent::Refers { .. } => {}
        }
    }

    fn commands(&mut self, at: Moment, commands: &[Command]) {
        for command in commands {
            match command {
                Command::LookUp { id, request } => {
                    self.requests.insert(*id, (at, request.clone()));
                }
                Command::Queue(QueueAsk::Enter(ticket)) => {
                    self.line = Some(format!("queue:{}", ticket.queue));
                    self.line_since.get_or_insert(at);
                }
                Command::Dial { attempt, to, .. } => self.attempt(at, *attempt, to, AgentPlan::Rings),
                Command::Refer { attempt, to, .. } => self.attempt(at, *attempt, to, AgentPlan::Refer(None)),
                Command::Note(record) => {
                    let Record::Turn(turn) = &**record else { continue };
                    // Speech over a prompt may have answered the question that was to come.
                    for act in self.acts.iter_mut().filter(|a| a.at == turn.at && a.asked.is_none()) {
                        act.asked = Some(Asked { node: turn.node.clone(), kind: String::new() });
                    }
                    if turn.by == "silence" && !self.silences.contains(&turn.turn) {
                        self.silences.push(turn.turn);
                        let asked = Asked { node: turn.node.clone(), kind: String::new() };
                        self.act(turn.at, Some(asked), CallerStep::Silence);
                    }
                }
                _ => {}
            }
        }
    }

    fn attempt(&mut self, at: Moment, attempt: AttemptId, to: &str, plan: AgentPlan) {
        let named = |sip: &str| self.flow.targets.values().find(|t| t.sip == sip).map(|t| t.name.clone());
        // Who is no target of the flow was offered by the line.
        let target = named(to).or_else(|| self.line.as_deref().and_then(named)).unwrap_or_else(|| to.to_string());
        self.attempts.insert(attempt, Attempt { target, began: at, answered: None, plan });
    }

    fn finish(mut self, mut recorded: Recorded) -> Recorded {
        self.acts.sort_by_key(|act| act.at);
        for attempt in self.attempts.into_values() {
            recorded.world.agents.entry(attempt.target).or_default().push(attempt.plan);
        }
        if let Some((caller, wall)) = self.caller {
            recorded.world.caller = caller;
            recorded.world.wall = wall;
        }
        recorded.world.line = self.line_news;
        recorded.world.lookups = self.lookups;
        recorded.acts = self.acts;
        recorded.left = self.left;
        recorded.message = self.message.unwrap_or(recorded.message);
        recorded
    }
}

/// The caller of a call that took place, before a flow that may ask otherwise.
pub struct RecordedCaller<'r, 'e> {
    call: &'r Recorded,
    used: Vec<bool>,
    ears: Option<&'e mut (dyn Ears + 'e)>,
    /// The first question that this caller was never asked, or had answered already.
    pub unknown: Option<Asked>,
}

impl RecordedCaller<'_, '_> {
    fn find(&self, asked: &Asked) -> Option<usize> {
        let fits = |wanted: &dyn Fn(&Act) -> bool| (0..self.used.len()).find(|i| !self.used[*i] && wanted(&self.call.acts[*i]));
        let next = (0..self.used.len()).find(|i| !self.used[*i]);
        // What was done before any question is done at the first.
        next.filter(|i| self.call.acts[*i].asked.is_none())
            .or_else(|| {
                let here = |a: &Asked| a.node == asked.node && (a.kind == asked.kind || a.kind.is_empty());
                fits(&|act| act.asked.as_ref().is_some_and(here))
            })
            .or_else(|| fits(&|act| act.asked.as_ref().is_some_and(|a| a.kind == asked.kind && is_slot(&a.kind))))
    }
}

/// The same slot is the same question wherever it is asked; other kinds depend on their place.
fn is_slot(kind: &str) -> bool {
    !matches!(kind, "" | "menu" | "yes or no" | "intents" | "language")
}

impl Mind for RecordedCaller<'_, '_> {
    fn answers(&mut self, ask: Option<&Ask>) -> Option<Vec<CallerStep>> {
        let asked = Asked::of(ask);
        let Some(place) = self.find(&asked) else {
            let all_done = self.used.iter().all(|used| *used);
            if !(all_done && self.call.left) {
                self.unknown = Some(asked);
            }
            return None;
        };
        self.used[place] = true;
        let act = &self.call.acts[place];
        let mut step = act.step.clone();
        if let (Some(ears), Some(utterance), Some(ask)) = (&mut self.ears, act.utterance, ask)
            && let CallerStep::Speaks(speech) = &mut step
            && let Some((heard, spotted)) = ears.hear(utterance, &ask.grammar)
        {
            (speech.heard, speech.spotted) = (Ok(heard), spotted);
        }
        Some(vec![step])
    }

    fn message(&mut self) -> Duration {
        self.call.message
    }
}
