//! The desk: what an agent sees and does. Everything that changes is told on the agent's sockets as one whole state.

use super::access::SignedIn;
use super::desk_view::{self, Desk, Earlier};
use super::problem::{Answer, Asked, Body, Named, Problem};
use super::{WebState, wall_now};
use crate::acd::{AgentState, Presence};
use crate::base::{CallId, Pii, UtteranceId};
use crate::call::{DeskAsk, HandOverCard, TurnOf};
use crate::server::{BEFORE, Desks, TO_AGENT};
use crate::store::{DraftVerdict, WrapUp};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most characters of a summary, and of an answer that would have been right.
const TEXT_MAX: usize = 4_000;
/// What is asked for is seen on the floor after so long at most.
const SEEN_MAX: Duration = Duration::from_millis(500);

/// What the desk's handlers share.
pub(super) struct DeskSide {
    pub(super) desks: Desks,
    pub(super) reasons: Vec<String>,
    pub(super) dispositions: Vec<String>,
    /// Cards are signed for programs that read them.
    pub(super) signs: bool,
    /// The call that each agent had last: its wrap-up is about it. As many as there are agents.
    last: Mutex<HashMap<String, LastCall>>,
}

/// The call that an agent had last.
#[derive(Debug, Clone)]
pub(super) struct LastCall {
    pub(super) call: CallId,
    pub(super) queue: String,
    pub(super) waited: Duration,
    pub(super) left: WrapUp,
    /// As it was while they had the caller.
    pub(super) card: Option<Arc<HandOverCard>>,
}

impl DeskSide {
    pub(super) fn new(desks: Desks, reasons: Vec<String>, dispositions: Vec<String>, signs: bool) -> DeskSide {
        DeskSide { desks, reasons, dispositions, signs, last: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, LastCall>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn last(&self, agent: &str) -> Option<LastCall> {
        self.lock().get(agent).cloned()
    }

    /// Remembers who talks in which call.
    pub(super) fn look(&self) {
        let floor = self.desks.floor().borrow().clone();
        let mut last = self.lock();
        for agent in &floor.agents {
            if let (AgentState::Talking(call), Some((queue, waited)), None) = (agent.state, &agent.call, &agent.consulted_by) {
                // The board is the call's: once it is nobody's, or another's, its card tells of them.
                let board = self.desks.board(call).filter(|board| board.joined);
                let card = board.and_then(|board| board.card.clone());
                match last.get_mut(&agent.name).filter(|known| known.call == call) {
                    Some(known) => known.card = card.or_else(|| known.card.take()),
                    None => {
                        let (queue, waited) = (queue.clone(), *waited);
                        last.insert(agent.name.clone(), LastCall { call, queue, waited, left: WrapUp::default(), card });
                    }
                }
            }
        }
    }

    fn leave(&self, agent: &str, left: WrapUp) {
        if let Some(last) = self.lock().get_mut(agent) {
            last.left = left;
        }
    }
}

/// The desk of who asks, and their name there.
pub(super) fn at(state: &WebState, signed_in: SignedIn) -> Answer<(std::sync::Arc<DeskSide>, String)> {
    let agent = signed_in.user.agent.ok_or_else(Problem::not_allowed)?;
    let side = state.desk_side()?;
    if side.desks.people().phones.contains_key(&agent) {
        return Ok((side, agent));
    }
    let detail = format!("There is no agent {agent:?} in the gateway's configuration. An operator can add one.");
    Err(Problem::new(StatusCode::CONFLICT, "no_agent", detail))
}

/// Waits until what was asked for is seen on the floor, or a moment.
pub(super) async fn seen(side: &DeskSide, asked: bool) -> Answer<()> {
    if !asked {
        let detail = "The gateway is going down just now. Please try again in a minute.";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail));
    }
    let mut floor = side.desks.floor();
    floor.mark_unchanged();
    let _ = tokio::time::timeout(SEEN_MAX, floor.changed()).await;
    Ok(())
}

/// The desk once what was asked for is seen there.
async fn shown(side: &DeskSide, agent: &str, asked: bool) -> Answer<Json<Desk>> {
    seen(side, asked).await?;
    show_now(side, agent)
}

fn show_now(side: &DeskSide, agent: &str) -> Answer<Json<Desk>> {
    side.look();
    desk_view::desk(side, agent).map(Json).ok_or_else(Problem::not_found)
}

/// `GET /desk`.
pub(super) async fn show(State(state): State<WebState>, signed_in: SignedIn) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    show_now(&side, &agent)
}

/// Where an agent wants to be.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPresence {
    /// `available`, `away` or `offline`.
    pub(super) state: String,
    /// One of the desk's reasons, for `away`.
    #[serde(default)]
    pub(super) reason: Option<String>,
}

impl NewPresence {
    pub(super) fn presence(&self, reasons: &[String]) -> Answer<Presence> {
        match (self.state.as_str(), &self.reason) {
            ("available", _) => Ok(Presence::Available),
            ("offline", _) => Ok(Presence::Offline),
            ("away", None) => Ok(Presence::Away("away".into())),
            ("away", Some(reason)) if reasons.contains(reason) => Ok(Presence::Away(reason.clone())),
            _ => Err(Problem::invalid("Write available, away (with one of the reasons of this desk) or offline.")),
        }
    }
}

/// `POST /desk/presence`.
pub(super) async fn presence(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(wanted): Body<NewPresence>,
) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let presence = wanted.presence(&side.reasons)?;
    let asked = side.desks.set_presence(&agent, presence);
    shown(&side, &agent, asked).await
}

/// `POST /desk/decline`.
pub(super) async fn decline(State(state): State<WebState>, signed_in: SignedIn) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let asked = side.desks.decline(&agent);
    shown(&side, &agent, asked).await
}

/// `POST /desk/hangup`.
pub(super) async fn hang_up(State(state): State<WebState>, signed_in: SignedIn) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let asked = side.desks.wish(&agent, DeskAsk::HangUp);
    shown(&side, &agent, asked).await
}

/// Whether the caller waits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hold {
    on: bool,
}

/// `POST /desk/hold`.
pub(super) async fn hold(State(state): State<WebState>, signed_in: SignedIn, Body(hold): Body<Hold>) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let asked = side.desks.wish(&agent, DeskAsk::Hold(hold.on));
    shown(&side, &agent, asked).await
}

/// Where the caller goes; exactly one of the two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    #[serde(default)]
    queue: Option<String>,
    #[serde(default)]
    agent: Option<String>,
}

/// `POST /desk/transfer`.
pub(super) async fn transfer(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(to): Body<Transfer>,
) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let (queue, colleague) = whom(&side, &agent, to)?;
    let asked = side.desks.wish(&agent, DeskAsk::SendOn { queue, agent: colleague });
    shown(&side, &agent, asked).await
}

/// Where in the flow the caller goes on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    /// One of the call's `back_to`.
    node: String,
}

/// `POST /desk/back`: into the flow, to a node that it names for it. Others are refused here, and by the call.
pub(super) async fn back(State(state): State<WebState>, signed_in: SignedIn, Body(to): Body<Back>) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    side.look();
    let desk = desk_view::desk(&side, &agent).ok_or_else(Problem::not_found)?;
    if !desk.may_send_back_to(&to.node) {
        return Err(Problem::invalid(
            "The flow lets no agent send this caller there. Name one of the nodes that the desk shows.",
        ));
    }
    let asked = side.desks.wish(&agent, DeskAsk::ToNode { node: to.node });
    shown(&side, &agent, asked).await
}

/// `POST /desk/park`.
pub(super) async fn park(State(state): State<WebState>, signed_in: SignedIn) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let asked = side.desks.wish(&agent, DeskAsk::Park);
    shown(&side, &agent, asked).await
}

/// `POST /desk/fetch`: the phone of who asks rings for a parked caller.
pub(super) async fn fetch(State(state): State<WebState>, signed_in: SignedIn, Body(of): Body<OfCall>) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let call: CallId = of.call.parse().map_err(|_| Problem::not_found())?;
    let desk = desk_view::desk(&side, &agent).ok_or_else(Problem::not_found)?;
    if !desk.may_fetch(&of.call) {
        let detail = "This caller is not parked any more, or not in a queue of yours.";
        return Err(Problem::new(StatusCode::CONFLICT, "not_parked", detail));
    }
    if desk.has_no_phone() {
        let detail = "Your phone has not registered, so it cannot ring. Is it switched on and connected?";
        return Err(Problem::new(StatusCode::CONFLICT, "no_phone", detail));
    }
    let asked = side.desks.fetch(&agent, call);
    shown(&side, &agent, asked).await
}

/// The queue and the colleague that are meant.
fn whom(side: &DeskSide, agent: &str, to: Transfer) -> Answer<(String, Option<String>)> {
    let people = side.desks.people();
    match (to.queue, to.agent) {
        (Some(queue), None) if people.has_queue(&queue) => Ok((queue, None)),
        (None, Some(colleague)) if people.phones.contains_key(&colleague) && colleague != agent => {
            side.look();
            let last = side.last(agent).ok_or_else(Problem::not_found)?;
            Ok((last.queue, Some(colleague)))
        }
        _ => Err(Problem::invalid("Name either a queue or a colleague that there is.")),
    }
}

/// `POST /desk/consult`.
pub(super) async fn consult(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(whom_asked): Body<Transfer>,
) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let (queue, colleague) = whom(&side, &agent, whom_asked)?;
    let asked = side.desks.wish(&agent, DeskAsk::Consult { queue, agent: colleague });
    shown(&side, &agent, asked).await
}

/// How asking a colleague ends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsultEnd {
    /// `true`: the colleague gets the caller. `false`: back to the caller.
    complete: bool,
}

/// `POST /desk/consult/end`.
pub(super) async fn end_consult(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(end): Body<ConsultEnd>,
) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let asked = side.desks.wish(&agent, if end.complete { DeskAsk::Complete } else { DeskAsk::GoBack });
    shown(&side, &agent, asked).await
}

/// `POST /desk/consult/three-way`: the caller comes in.
pub(super) async fn three_way(State(state): State<WebState>, signed_in: SignedIn) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let asked = side.desks.wish(&agent, DeskAsk::ThreeWay);
    shown(&side, &agent, asked).await
}

/// What is to be kept of the call.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AfterCall {
    #[serde(default)]
    disposition: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    /// The wrap-up is over.
    done: bool,
}

/// `POST /desk/wrapup`.
pub(super) async fn wrap_up(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(after): Body<AfterCall>,
) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    if after.disposition.as_ref().is_some_and(|word| !side.dispositions.contains(word)) {
        return Err(Problem::invalid("There is no such disposition at this desk."));
    }
    if after.summary.as_ref().is_some_and(|text| text.chars().count() > TEXT_MAX) {
        return Err(Problem::invalid("The summary is too long: at most 4 000 characters."));
    }
    side.look();
    let last = side.last(&agent).ok_or_else(Problem::not_found)?;
    let left = WrapUp { disposition: after.disposition, summary: after.summary.map(Pii::new) };
    if !state.store.wrap_up(last.call, &agent, wall_now(), &left).await? {
        return Err(records_gone());
    }
    side.leave(&agent, left);
    if !after.done {
        return show_now(&side, &agent);
    }
    let asked = side.desks.wrapped_up(&agent);
    shown(&side, &agent, asked).await
}

/// `POST /desk/wrapup/extend`.
pub(super) async fn extend(State(state): State<WebState>, signed_in: SignedIn) -> Answer<Json<Desk>> {
    let (side, agent) = at(&state, signed_in)?;
    let asked = side.desks.extend(&agent);
    shown(&side, &agent, asked).await
}

/// A step against abuse.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Abuse {
    /// `warn`, `supervisor` or `end`.
    step: String,
}

/// `POST /desk/abuse`.
pub(super) async fn abuse(State(state): State<WebState>, signed_in: SignedIn, Body(abuse): Body<Abuse>) -> Answer<Json<Desk>> {
    let who = signed_in.user.name.clone();
    let (side, agent) = at(&state, signed_in)?;
    let ask = match abuse.step.as_str() {
        "warn" => DeskAsk::Warn,
        "end" => DeskAsk::EndForAbuse,
        "supervisor" if side.desks.people().has_queue("supervisor") => {
            DeskAsk::SendOn { queue: "supervisor".into(), agent: None }
        }
        "supervisor" => {
            let detail = "There is no queue named supervisor to which the caller could go.";
            return Err(Problem::new(StatusCode::CONFLICT, "no_supervisor", detail));
        }
        _ => return Err(Problem::invalid("Write warn, supervisor or end.")),
    };
    let call = side.last(&agent).map(|last| last.call.to_string()).unwrap_or_default();
    state.note(Some(&who), &format!("abuse_{}", abuse.step), &call).await;
    let asked = side.desks.wish(&agent, ask);
    shown(&side, &agent, asked).await
}

/// The robot was wrong there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wrong {
    turn: u32,
    /// What it meant.
    #[serde(default)]
    intent: Option<String>,
    /// What would have been right to say.
    #[serde(default)]
    answer: Option<String>,
}

/// `POST /desk/wrong`: a label for the operators' tuning, and an answer as a task.
pub(super) async fn wrong(State(state): State<WebState>, signed_in: SignedIn, Body(wrong): Body<Wrong>) -> Answer<StatusCode> {
    let who = signed_in.user.name.clone();
    let (side, agent) = at(&state, signed_in)?;
    side.look();
    let last = side.last(&agent).ok_or_else(Problem::not_found)?;
    let board = side.desks.board(last.call).ok_or_else(Problem::not_found)?;
    // On the card of a call-back they are another call's.
    let of = match wrong.turn.checked_sub(BEFORE) {
        Some(nth) => {
            let turn = board.card.as_ref().and_then(|card| card.turns.get(nth as usize));
            turn.and_then(|turn| turn.of).ok_or_else(|| {
                Problem::invalid(
                    "Where this turn stands in the records is not known: it was kept before hotline wrote that down.",
                )
            })?
        }
        None => TurnOf { call: last.call, turn: wrong.turn },
    };
    if (TO_AGENT..BEFORE).contains(&wrong.turn) {
        return Err(Problem::invalid("The robot had no part in what was said to you. Mark one of its turns before."));
    }
    if of.call != last.call && state.store.began(of.call).await?.is_none() {
        return Err(Problem::not_found());
    }
    if let Some(intent) = &wrong.intent {
        if !board.flow.intents.contains_key(intent) {
            return Err(Problem::invalid("The flow of this call has no such intent."));
        }
        state.store.label(of.call, of.turn, Some(intent), wall_now()).await?;
    }
    if let Some(answer) = wrong.answer.filter(|answer| !answer.trim().is_empty()) {
        if answer.chars().count() > TEXT_MAX {
            return Err(Problem::invalid("The answer is too long: at most 4 000 characters."));
        }
        state.store.agent_task(of.call, of.turn, &answer).await?;
    }
    state.note(Some(&who), "robot_wrong", &format!("{} {}", of.call, of.turn)).await;
    Ok(StatusCode::NO_CONTENT)
}

/// What became of the draft that the desk showed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Judged {
    /// What the draft answers to.
    intent: String,
    /// `taken`, `changed` or `rejected`.
    verdict: String,
}

/// `POST /desk/draft`: what is taken, changed and rejected is for the operators to see.
pub(super) async fn judge_draft(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Body(judged): Body<Judged>,
) -> Answer<StatusCode> {
    let (side, agent) = at(&state, signed_in)?;
    side.look();
    let last = side.last(&agent).ok_or_else(Problem::not_found)?;
    let board = side.desks.board(last.call).ok_or_else(Problem::not_found)?;
    if !board.flow.intents.contains_key(&judged.intent) {
        return Err(Problem::invalid("The flow of this call has no such intent."));
    }
    let verdict = match judged.verdict.as_str() {
        "taken" => DraftVerdict::Taken,
        "changed" => DraftVerdict::Changed,
        "rejected" => DraftVerdict::Rejected,
        _ => return Err(Problem::invalid("Write taken, changed or rejected.")),
    };
    match state.store.judge_draft(last.call, side.desks.now(), &judged.intent, verdict).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(records_gone()),
    }
}

fn records_gone() -> Problem {
    Problem::new(StatusCode::CONFLICT, "gone", "The call's records are gone, so nothing can be kept of it.")
}

/// Which call.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfCall {
    call: String,
}

/// The call that an agent has, or had last; others are nobody's business.
fn own_call(side: &DeskSide, agent: &str, call: &str) -> Answer<CallId> {
    side.look();
    let call: CallId = call.parse().map_err(|_| Problem::not_found())?;
    let floor = side.desks.floor().borrow().clone();
    // Who is asked by a colleague sees what it is about, too.
    let shows = |a: &crate::acd::AgentView| {
        a.state == AgentState::Offered(call) || (a.state == AgentState::Talking(call) && a.consulted_by.is_some())
    };
    let rings = floor.agents.iter().any(|a| a.name == agent && shows(a));
    let had = side.last(agent).is_some_and(|last| last.call == call);
    (rings || had).then_some(call).ok_or_else(Problem::not_found)
}

/// `GET /desk/history`.
pub(super) async fn history(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Asked(of): Asked<OfCall>,
) -> Answer<Json<Vec<Earlier>>> {
    let (side, agent) = at(&state, signed_in)?;
    let call = own_call(&side, &agent, &of.call)?;
    let earlier = state.store.earlier_calls(call).await?;
    let board = side.desks.board(call);
    Ok(Json(earlier.into_iter().map(|earlier| Earlier::of(earlier, board.as_deref())).collect()))
}

/// `GET /desk/audio/{call}/{utterance}`: what the caller said, from the agent's own call.
pub(super) async fn audio(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Named((call, utterance)): Named<(String, u32)>,
) -> Answer<Response> {
    let who = signed_in.user.name.clone();
    let (side, agent) = at(&state, signed_in)?;
    let call = own_call(&side, &agent, &call)?;
    if !desk_view::desk(&side, &agent).is_some_and(|desk| desk.shows(utterance)) {
        return Err(Problem::not_found());
    }
    let began = state.store.began(call).await?.ok_or_else(Problem::not_found)?;
    let path = state.store.clip_path(call, began, UtteranceId(utterance));
    let sound = tokio::fs::read(path).await.map_err(|_| Problem::not_found())?;
    state.note(Some(&who), "listened", &format!("{call} {utterance}")).await;
    Ok(([(header::CONTENT_TYPE, "audio/wav")], sound).into_response())
}
