//! Agents' phones that are the page of their desk: which of them ring, who picked up, and how it ends. Signalling is what the page asks over
//! HTTP (in the shape of WHIP, RFC 9725); audio goes by `browser` to a leg of the plane like any other.

use super::boards::Boards;
use super::gateway::Inbox;
use crate::base::{AttemptId, CallId, Codec, Digit};
use crate::browser::{self, Answered, PageError, PageNews, Place, Wanted};
use crate::call::{AgentEvent, Event};
use crate::drive::Happening;
use crate::media::{LegCommand, LegKey, Plane};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// In `[[agent]]`: the phone is the desk's page.
pub(super) const PHONE: &str = "browser";

/// Why a page's phone does not do what was asked: one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPhone {
    /// It does not ring for this agent, or not any more.
    #[error("this call does not ring here any more")]
    Gone,
    /// Another tab of the same agent has picked up.
    #[error("this call was answered in another tab")]
    Taken,
    /// The offer, or the audio.
    #[error("{0}")]
    Page(#[from] PageError),
}

/// How a page says that it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageEnd {
    /// The agent hung up.
    HungUp,
    /// The page goes: it was closed or is loaded anew, and the caller is not to lose the line by that.
    Gone,
}

/// A phone that rings, as the call tells it.
pub(super) struct Ring {
    pub(super) call: CallId,
    pub(super) attempt: AttemptId,
    /// The plane's leg for the agent, and its port on the loopback.
    pub(super) leg: (LegKey, u16),
    /// The caller's leg, for keys; who is called back comes later.
    pub(super) caller: Option<LegKey>,
    /// What the caller's leg speaks.
    pub(super) other: Option<Codec>,
    pub(super) inbox: mpsc::Sender<Inbox>,
}

/// A phone that rings or is picked up.
struct Phone {
    ring: Ring,
    phase: Phase,
    stop: CancellationToken,
}

enum Phase {
    Rings,
    /// A tab has picked up; its connection is being made.
    Answering,
    /// Its number, which only that tab knows.
    Answered(String),
}

/// All of them; at most one for each agent.
pub(super) struct Softphones {
    plane: Plane,
    place: Place,
    boards: Arc<Boards>,
    /// By agent. A lock around a map, held for a look-up; the audio plane never comes here.
    phones: Mutex<HashMap<String, Phone>>,
}

impl Softphones {
    pub(super) fn new(plane: Plane, place: Place, boards: Arc<Boards>) -> Softphones {
        Softphones { plane, place, boards, phones: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Phone>> {
        self.phones.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings until the bell is dropped, whether or not it is picked up before.
    pub(super) fn ring(self: &Arc<Self>, agent: &str, ring: Ring) -> Bell {
        let stop = CancellationToken::new();
        let bell = Bell { phones: self.clone(), agent: agent.into(), attempt: (ring.call, ring.attempt), stop: stop.clone() };
        if let Some(before) = self.lock().insert(agent.into(), Phone { ring, phase: Phase::Rings, stop }) {
            before.stop.cancel();
        }
        bell
    }

    /// Picks up: an answer for the page, and the number under which this phone is known from now on.
    pub(super) async fn answer(
        self: &Arc<Self>,
        agent: &str,
        call: CallId,
        page: IpAddr,
        offer: &str,
    ) -> Result<(String, String), NoPhone> {
        let (wanted, key, stop, tell) = {
            let mut phones = self.lock();
            let phone = phones.get_mut(agent).filter(|phone| phone.ring.call == call).ok_or(NoPhone::Gone)?;
            if !matches!(phone.phase, Phase::Rings) {
                return Err(NoPhone::Taken);
            }
            phone.phase = Phase::Answering;
            let (key, leg_port) = phone.ring.leg;
            let wanted = Wanted { offer, page, leg_port, other: phone.ring.other };
            (wanted, key, phone.stop.clone(), teller(call, phone.ring.attempt, phone.ring.inbox.clone()))
        };
        let connected = browser::connect(wanted, &self.place, stop.clone(), tell).await;
        let mut phones = self.lock();
        let phone = phones.get_mut(agent).filter(|phone| phone.ring.call == call && !stop.is_cancelled());
        let Some(phone) = phone else {
            // The caller hung up meanwhile.
            stop.cancel();
            return Err(NoPhone::Gone);
        };
        let Answered { answer, agreed } = match connected {
            Ok(answered) => answered,
            Err(error) => {
                phone.phase = Phase::Rings;
                return Err(error.into());
            }
        };
        self.plane.command(key, LegCommand::Remote(agreed));
        let number = format!("{:032x}", rand::random::<u128>());
        phone.phase = Phase::Answered(number.clone());
        tracing::info!(%call, codec = agreed.codec.name(), "an agent picked up in the page");
        Ok((number, answer))
    }

    /// The page says that it is over. False when there is no such phone any more.
    pub(super) fn end(&self, agent: &str, call: CallId, number: &str, end: PageEnd) -> bool {
        let event = match end {
            PageEnd::HungUp => AgentEvent::HungUp,
            PageEnd::Gone => AgentEvent::Lost,
        };
        self.with(agent, call, number, |phone| {
            tell(&phone.ring.inbox, call, phone.ring.attempt, event);
            phone.stop.cancel();
        })
    }

    /// A key that the agent pressed: the caller's line gets it while the two hear each other. False when there is no such phone.
    pub(super) fn key(&self, agent: &str, call: CallId, number: &str, digit: Digit) -> bool {
        let joined = self.boards.get(call).is_some_and(|board| board.joined && !board.held);
        self.with(agent, call, number, |phone| {
            tell(&phone.ring.inbox, call, phone.ring.attempt, AgentEvent::Key(digit));
            if let (true, Some(caller)) = (joined, phone.ring.caller) {
                self.plane.command(caller, LegCommand::SendDigit(digit));
            }
        })
    }

    /// The two are joined: whose keys go where.
    pub(super) fn caller_is(&self, call: CallId, attempt: AttemptId, caller: LegKey) {
        let mut phones = self.lock();
        if let Some(phone) = phones.values_mut().find(|phone| (phone.ring.call, phone.ring.attempt) == (call, attempt)) {
            phone.ring.caller = Some(caller);
        }
    }

    fn with(&self, agent: &str, call: CallId, number: &str, act: impl FnOnce(&Phone)) -> bool {
        let phones = self.lock();
        let is_it = |phone: &&Phone| phone.ring.call == call && matches!(&phone.phase, Phase::Answered(n) if n == number);
        phones.get(agent).filter(is_it).map(act).is_some()
    }
}

/// A phone rings or is held; with it the ringing ends, and the connection.
pub(super) struct Bell {
    phones: Arc<Softphones>,
    agent: String,
    attempt: (CallId, AttemptId),
    stop: CancellationToken,
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.stop.cancel();
        let mut phones = self.phones.lock();
        if phones.get(&self.agent).is_some_and(|phone| (phone.ring.call, phone.ring.attempt) == self.attempt) {
            phones.remove(&self.agent);
        }
    }
}

/// What becomes of a connection, in the call's words.
fn teller(call: CallId, attempt: AttemptId, inbox: mpsc::Sender<Inbox>) -> impl Fn(PageNews) + Send + 'static {
    move |news| {
        let event = match news {
            PageNews::Up => AgentEvent::Answered,
            PageNews::NeverUp => {
                tracing::warn!(%call, "a page picked up, and its audio never came: is the UDP port reached from there?");
                AgentEvent::Failed { status: 503, contact: None }
            }
            PageNews::Lost => AgentEvent::Lost,
        };
        tell(&inbox, call, attempt, event);
    }
}

fn tell(inbox: &mpsc::Sender<Inbox>, call: CallId, attempt: AttemptId, event: AgentEvent) {
    if inbox.try_send(Inbox::Happening(Happening::Call(Event::Agent { attempt, event }))).is_err() {
        tracing::warn!(%call, "a call's inbox is full or closed; what its agent's page did was lost");
    }
}
