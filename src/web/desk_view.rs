//! What a desk looks like as JSON. The page relies on these names: add, never rename.

use super::desk::DeskSide;
use super::desk_said::{Draft, Item, Turn, checklist, draft, suggested, summary, turns};
use super::rfc3339;
use crate::acd::{AgentState, AgentView, Interval, ParkedView, Presence, QueueView};
use crate::base::{CallId, Disposition, Language, Moment, WallTime};
use crate::call::{HandOverCard, reason as reason_words};
use crate::server::{Board, Desks, Floor, NO_PHONE};
use crate::store::EarlierCall;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What is being recognised when a talk ends belongs to it.
pub(super) const STILL_HEARD: Duration = Duration::from_secs(1);

/// A whole desk.
#[derive(Serialize, JsonSchema, PartialEq, Clone)]
pub(super) struct Desk {
    agent: Agent,
    /// Those that the agent serves.
    queues: Vec<Queue>,
    /// The others, to which callers can be sent on, too.
    other_queues: Vec<Queue>,
    colleagues: Vec<Colleague>,
    /// Why one may be away.
    reasons: Vec<String>,
    dispositions: Vec<String>,
    /// Of the call's flow.
    intents: Vec<Intent>,
    call: Option<Call>,
    /// Callers whom this agent may fetch, own ones first, then the oldest.
    parked: Vec<Parked>,
    /// One of them has hung up; for a minute.
    parked_gone: Option<ParkedLeft>,
    /// The agent has just come for somebody who was called back in vain; for a minute.
    not_reached: Option<NotReached>,
}

/// A caller who is parked.
#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Parked {
    call: String,
    queue: String,
    /// Who parked them.
    by: String,
    caller: String,
    /// What they want, in their language.
    wants: Option<String>,
    since: String,
    /// They come back then by themselves.
    until: String,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct ParkedLeft {
    caller: String,
    by: String,
    at: String,
}

impl Desk {
    /// Whether this sound belongs to what the desk shows.
    pub(super) fn shows(&self, utterance: u32) -> bool {
        self.call.as_ref().is_some_and(|call| call.turns.iter().any(|turn| turn.is_of(utterance)))
    }

    /// Whether the agent's phone would have to register first.
    pub(super) fn has_no_phone(&self) -> bool {
        self.agent.reason.as_deref() == Some(NO_PHONE)
    }

    /// Whether this agent may fetch that call.
    pub(super) fn may_fetch(&self, call: &str) -> bool {
        self.parked.iter().any(|parked| parked.call == call)
    }

    /// Whether the caller of this desk may be sent back to that node of the flow.
    pub(super) fn may_send_back_to(&self, node: &str) -> bool {
        self.call.as_ref().is_some_and(|call| call.back_to.iter().any(|to| to.name == node))
    }
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct NotReached {
    /// no_answer, busy, mailbox, not_wanted or failed.
    why: String,
    at: String,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Agent {
    name: String,
    display: String,
    phone: String,
    /// offline, away, available, offered, talking, wrapup or rest.
    state: String,
    reason: Option<String>,
    since: String,
    /// When wrap-up or rest ends by itself.
    until: Option<String>,
    /// 0–100, the agent's own.
    load: u8,
    calls_today: u32,
    /// What comes after the call and its wrap-up, where it is not `available`.
    next: Option<String>,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Wait {
    from_s: u32,
    to_s: u32,
}

impl From<Interval> for Wait {
    fn from(wait: Interval) -> Wait {
        Wait { from_s: wait.from, to_s: wait.to }
    }
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
pub(super) struct Queue {
    name: String,
    waiting: usize,
    longest_wait_s: u64,
    free: usize,
    talking: usize,
    wait: Option<Wait>,
    /// People who wait to be called back; not among `waiting`.
    call_backs: usize,
}

impl From<&QueueView> for Queue {
    fn from(queue: &QueueView) -> Queue {
        Queue {
            name: queue.name.clone(),
            waiting: queue.waiting,
            longest_wait_s: queue.longest_wait.as_secs(),
            free: queue.free,
            talking: queue.talking,
            wait: queue.wait.map(Wait::from),
            call_backs: queue.call_backs,
        }
    }
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Colleague {
    name: String,
    display: String,
    state: String,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Intent {
    name: String,
    label: String,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Call {
    id: String,
    queue: String,
    /// offered, briefing, talking, held, consulting (a colleague is asked, or asks) or wrapup.
    phase: String,
    /// A colleague is asked because of this call.
    consult: Option<Consult>,
    /// Why no colleague was reached last: nobody, declined, no_answer, left, lost or failed.
    consult_failed: Option<String>,
    /// Nodes of the flow that this agent may send the caller back to.
    back_to: Vec<Intent>,
    since: String,
    waited_s: u64,
    card: Card,
    turns: Vec<Turn>,
    mood: Vec<Mood>,
    draft: Option<Draft>,
    checklist: Vec<Item>,
    disposition: Option<String>,
    summary: Option<String>,
}

/// A colleague is asked.
#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Consult {
    /// The colleague on the other side; empty while one is looked for.
    with: String,
    /// It is this agent who is asked: the caller is the colleague's.
    asked: bool,
    /// The two hear each other; before, it rings.
    talking: bool,
    /// And the caller, too: all three are together.
    three_way: bool,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Card {
    reference: String,
    call: String,
    flow: String,
    caller: String,
    dialled: String,
    diverted_from: Option<String>,
    diverted_because: Option<String>,
    language: String,
    since: String,
    seconds: u64,
    intent: Option<String>,
    intent_label: Option<String>,
    slots: BTreeMap<String, String>,
    because: String,
    because_text: Words,
    /// Agents whom the caller has talked with in this call, oldest first.
    spoke_with: Vec<String>,
    summary: String,
    verified: bool,
    tier: Option<String>,
    priority: u8,
    signed: bool,
    step: Option<Step>,
    /// The caller is not on the line: the agent comes first, then this number is called.
    call_back: Option<CallBack>,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct CallBack {
    number: String,
    /// When it was asked for.
    asked: String,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Words {
    en: String,
    zh: String,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Step {
    procedure: String,
    step: usize,
    of: usize,
}

#[derive(Serialize, JsonSchema, PartialEq, Clone)]
struct Mood {
    at_s: u64,
    level: u8,
}

/// An earlier call.
#[derive(Serialize, JsonSchema)]
pub(super) struct Earlier {
    call: String,
    at: String,
    flow: String,
    intent: Option<String>,
    because: Option<String>,
    disposition: String,
    summary: Option<String>,
    /// What the caller answered after the talk.
    after_talk: Option<String>,
}

impl Earlier {
    /// What was wanted is the last thing understood that is an intent.
    pub(super) fn of(earlier: EarlierCall, board: Option<&Board>) -> Earlier {
        let is_intent = |name: &&String| board.is_none_or(|board| board.flow.intents.contains_key(*name));
        let intent = earlier.meanings.iter().rev().find(is_intent).cloned();
        let because = match &earlier.disposition {
            Some(
                Disposition::Transferred { because, .. }
                | Disposition::MessageTaken { because }
                | Disposition::CallBack { because },
            ) => Some(because.clone()),
            _ => None,
        };
        Earlier {
            call: earlier.call.to_string(),
            at: rfc3339(earlier.began),
            flow: earlier.flow,
            intent,
            because,
            disposition: earlier.disposition.as_ref().map_or("going_on", Disposition::name).to_string(),
            summary: earlier.summary.map(|summary| summary.into_inner()),
            after_talk: earlier.after_talk.map(|answer| answer.into_inner()),
        }
    }
}

/// The desk of an agent; `None` when there is no such agent.
pub(super) fn desk(side: &DeskSide, agent: &str) -> Option<Desk> {
    let desks = &side.desks;
    let (floor, people) = (desks.floor().borrow().clone(), desks.people());
    let view = floor.agents.iter().find(|a| a.name == agent)?;
    let setup = people.setup.agents.iter().find(|a| a.name == agent)?;
    let serves = |name: &str| people.setup.queues.iter().any(|q| q.name == name && setup.serves(q));
    let call = call_of(side, view);
    let intents = call.as_ref().map(|(call, board)| intents(board, &call.card.language)).unwrap_or_default();
    Some(Desk {
        agent: Agent {
            name: view.name.clone(),
            display: view.name.clone(),
            phone: people.phones.get(agent).cloned().unwrap_or_default(),
            state: view.state.name().to_string(),
            reason: reason(view),
            since: rfc3339(desks.wall(view.since)),
            until: view.until.map(|until| rfc3339(in_future(desks, until))),
            load: view.load,
            calls_today: view.calls,
            next: next(view),
        },
        queues: floor.queues.iter().filter(|q| serves(&q.name)).map(Queue::from).collect(),
        other_queues: floor.queues.iter().filter(|q| !serves(&q.name)).map(Queue::from).collect(),
        colleagues: floor.agents.iter().filter(|a| a.name != agent).map(colleague).collect(),
        reasons: side.reasons.clone(),
        dispositions: side.dispositions.clone(),
        intents,
        call: call.map(|(call, _)| call),
        parked: parked(desks, &floor, agent, &serves),
        parked_gone: floor
            .parked_gone
            .iter()
            .rev()
            .find(|gone| (gone.by == agent || serves(&gone.queue)) && gone.is_fresh(desks.now()))
            .map(|gone| ParkedLeft {
                caller: who_and_what(desks, gone.call).0,
                by: gone.by.clone(),
                at: rfc3339(desks.wall(gone.at)),
            }),
        not_reached: floor
            .in_vain
            .iter()
            .find(|vain| vain.agent == agent && vain.is_fresh(desks.now()))
            .map(|vain| NotReached { why: vain.why.into(), at: rfc3339(desks.wall(vain.at)) }),
    })
}

/// Who called, and what they want.
fn who_and_what(desks: &Desks, call: CallId) -> (String, Option<String>) {
    let Some(board) = desks.board(call) else { return Default::default() };
    let Some(card) = &board.card else { return Default::default() };
    let wants = card.intent.as_deref().map(|name| board.flow.intent_label(name, card.language));
    (card.caller.as_str().to_string(), wants)
}

/// Whom this agent may fetch: what is parked in a queue of theirs, or by them.
fn parked(desks: &Desks, floor: &Floor, agent: &str, serves: &dyn Fn(&str) -> bool) -> Vec<Parked> {
    let mut theirs: Vec<_> = floor.parked.iter().filter(|parked| parked.by == agent || serves(&parked.queue)).collect();
    theirs.sort_by_key(|parked| (parked.by != agent, parked.since));
    let view = |parked: &ParkedView| {
        let (caller, wants) = who_and_what(desks, parked.call);
        Parked {
            call: parked.call.to_string(),
            queue: parked.queue.clone(),
            by: parked.by.clone(),
            caller,
            wants,
            since: rfc3339(desks.wall(parked.since)),
            until: rfc3339(in_future(desks, parked.until)),
        }
    };
    theirs.into_iter().map(view).collect()
}

fn in_future(desks: &Desks, at: Moment) -> WallTime {
    let now = desks.now();
    desks.wall(now).plus(at.since(now))
}

pub(super) fn reason(view: &AgentView) -> Option<String> {
    match (&view.presence, view.state) {
        (Presence::Away(why), AgentState::Away) => Some(why.clone()),
        _ => None,
    }
}

fn next(view: &AgentView) -> Option<String> {
    match (&view.presence, view.state) {
        (_, AgentState::Available | AgentState::Away | AgentState::Offline) | (Presence::Available, _) => None,
        (Presence::Away(why), _) => Some(why.clone()),
        (Presence::Offline, _) => Some("offline".into()),
    }
}

fn colleague(view: &AgentView) -> Colleague {
    Colleague { name: view.name.clone(), display: view.name.clone(), state: view.state.name().to_string() }
}

fn intents(board: &Board, language: &str) -> Vec<Intent> {
    let language = Language::parse(language).unwrap_or_default();
    let label = |name: &String| Intent { label: board.flow.intent_label(name, language), name: name.clone() };
    board.flow.intents.keys().map(label).collect()
}

fn call_of(side: &DeskSide, view: &AgentView) -> Option<(Call, Arc<Board>)> {
    let desks = &side.desks;
    let last = side.last(&view.name);
    let (id, queue, waited) = match (view.state, &view.call) {
        (AgentState::Offered(call) | AgentState::Talking(call), Some((queue, waited))) => (call, queue.clone(), *waited),
        (AgentState::WrapUp, _) => last.as_ref().map(|last| (last.call, last.queue.clone(), last.waited))?,
        _ => return None,
    };
    let board = desks.board(id)?;
    let theirs =
        last.as_ref().filter(|last| view.state == AgentState::WrapUp && last.call == id).and_then(|last| last.card.clone());
    let card = theirs.or_else(|| board.card.clone())?;
    let consult = consult_of(&desks.floor().borrow().agents, view, id, board.three_way);
    let phase = match view.state {
        AgentState::Offered(_) => "offered",
        AgentState::WrapUp => "wrapup",
        _ if consult.is_some() => "consulting",
        _ if board.held => "held",
        _ if board.joined => "talking",
        _ => "briefing",
    };
    let left = last.filter(|last| last.call == id).map(|last| last.left).unwrap_or_default();
    let after = phase == "wrapup";
    // What is said once this agent is done is the next agent's, or nobody's.
    let until = after.then(|| view.since + STILL_HEARD);
    let is_theirs = |at: Moment| until.is_none_or(|until| at <= until);
    let summary = left.summary.map(|text| text.into_inner()).or_else(|| after.then(|| summary(&card, &board)));
    let back_to = if matches!(phase, "talking" | "held") { back_to(&board, &queue, &card) } else { Vec::new() };
    let call = Call {
        id: id.to_string(),
        queue,
        phase: phase.to_string(),
        consult,
        consult_failed: board.consult_failed.clone().filter(|_| matches!(phase, "talking" | "held")),
        back_to,
        since: rfc3339(desks.wall(view.since)),
        waited_s: waited.as_secs(),
        checklist: checklist(&board, &card),
        turns: turns(&board, &card, &is_theirs),
        mood: board
            .mood
            .iter()
            .filter(|(at, _)| is_theirs(*at))
            .map(|(at, level)| Mood { at_s: at.since(board.began).as_secs(), level: *level })
            .collect(),
        draft: draft(&card, &board, &is_theirs, desks.wall(desks.now())),
        disposition: left.disposition.or_else(|| suggested(&card, &board, &side.dispositions, until?)),
        summary,
        card: card_body(&card, &board, side.signs),
    };
    Some((call, board))
}

/// Where the flow lets this agent send the caller back to.
fn back_to(board: &Board, queue: &str, card: &HandOverCard) -> Vec<Intent> {
    let flow = &board.flow;
    let target = match &board.target {
        Some(name) => flow.targets.get(name),
        None => flow.targets.values().find(|target| target.queue() == Some(queue)),
    };
    let node = |name: &String| Intent { name: name.clone(), label: flow.node_label(name, card.language) };
    target.map(|target| target.back_to.iter().map(node).collect()).unwrap_or_default()
}

/// The colleague whom an agent asks because of a call, or who asks them.
fn consult_of(agents: &[AgentView], view: &AgentView, call: CallId, three_way: bool) -> Option<Consult> {
    let of_call = |state: AgentState| match state {
        AgentState::Offered(other) => (other == call).then_some(false),
        AgentState::Talking(other) => (other == call).then_some(true),
        _ => None,
    };
    let talking = of_call(view.state)?;
    if let Some(asks) = &view.consulted_by {
        return Some(Consult { with: asks.clone(), asked: true, talking, three_way });
    }
    let asked = agents.iter().filter(|a| a.name != view.name && a.consulted_by.as_ref() == Some(&view.name));
    let (colleague, talking) = asked.filter_map(|a| Some((a, of_call(a.state)?))).next()?;
    Some(Consult { with: colleague.name.clone(), asked: false, talking, three_way })
}

fn card_body(card: &HandOverCard, board: &Board, signed: bool) -> Card {
    Card {
        reference: card.reference.clone(),
        call: card.call.to_string(),
        flow: card.flow.clone(),
        caller: card.caller.as_str().to_string(),
        dialled: card.dialled.as_str().to_string(),
        diverted_from: card.diverted.as_ref().map(|d| d.from.as_str().to_string()),
        diverted_because: card.diverted.as_ref().map(|d| d.reason.clone()).filter(|reason| !reason.is_empty()),
        language: card.language.to_string(),
        since: rfc3339(card.since),
        seconds: card.seconds,
        intent: card.intent.clone(),
        intent_label: card.intent.as_deref().map(|name| board.flow.intent_label(name, card.language)),
        slots: card.slots.reveal().clone(),
        because_text: because(&card.because),
        because: card.because.clone(),
        spoke_with: card.spoke_with.clone(),
        summary: card.summary.reveal().clone(),
        verified: card.verified,
        tier: card.tier.clone(),
        priority: card.priority,
        signed,
        step: card.step.as_ref().map(|s| Step { procedure: s.procedure.clone(), step: s.step, of: s.of }),
        call_back: card
            .call_back
            .as_ref()
            .map(|back| CallBack { number: back.number.as_str().to_string(), asked: rfc3339(back.asked) }),
    }
}

/// Why a person, as a sentence.
fn because(word: &str) -> Words {
    let en = reason_words(word, Language::EN);
    let mut letters = en.chars();
    let en = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default();
    Words { en: format!("{en}."), zh: format!("{}。", reason_words(word, Language::ZH)) }
}
