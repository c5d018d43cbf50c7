//! The desks' side of a gateway: what agents and supervisors see, and what they may do.

use super::boards::{Board, Boards, CardAtHand};
use super::gateway::wall_now;
use super::queues::{Floor, People, Queues};
use super::softphones::{NoPhone, PageEnd, Softphones};
use crate::acd::{Event, Presence};
use crate::base::{CallId, Digit, Moment, WallTime};
use crate::call::DeskAsk;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Cheap to clone. Whatever is asked for is done a moment later, and seen on the floor.
#[derive(Clone)]
pub struct Desks {
    queues: Queues,
    boards: Arc<Boards>,
    phones: Arc<Softphones>,
    epoch: Instant,
}

impl Desks {
    pub(super) fn new(queues: Queues, boards: Arc<Boards>, phones: Arc<Softphones>, epoch: Instant) -> Desks {
        Desks { queues, boards, phones, epoch }
    }

    /// Queues, agents and who waits, as they are; changes are told.
    pub fn floor(&self) -> watch::Receiver<Arc<Floor>> {
        self.queues.floor()
    }

    /// Told when anything on a board has changed.
    pub fn boards_changed(&self) -> watch::Receiver<u64> {
        self.boards.changed()
    }

    /// What is known of a call; `None` when it is over for long, or never was to reach anybody.
    pub fn board(&self, call: CallId) -> Option<Arc<Board>> {
        self.boards.get(call)
    }

    /// The card under this reference, from memory; `None` when its call is over for an hour, or may have been deleted since, or
    /// it is none of ours.
    pub fn card(&self, reference: &str) -> Option<CardAtHand> {
        self.boards.card_by(reference, Instant::now())
    }

    /// Who is configured.
    pub fn people(&self) -> Arc<People> {
        self.queues.people()
    }

    /// The moment now.
    pub fn now(&self) -> Moment {
        Moment::ZERO + self.epoch.elapsed()
    }

    /// The calendar time of a moment.
    pub fn wall(&self, at: Moment) -> WallTime {
        let ago = self.now().since(at);
        WallTime(wall_now().0.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Logs in or out, or goes away. False when the queues are overrun: try again.
    pub fn set_presence(&self, agent: &str, presence: Presence) -> bool {
        self.queues.desk(Event::Presence { agent: agent.into(), presence })
    }

    /// Is done with the wrap-up.
    pub fn wrapped_up(&self, agent: &str) -> bool {
        self.queues.desk(Event::WrappedUp { agent: agent.into() })
    }

    /// Needs a minute more.
    pub fn extend(&self, agent: &str) -> bool {
        self.queues.desk(Event::Extend { agent: agent.into(), by: Duration::from_secs(60) })
    }

    /// Does not want the call that rings.
    pub fn decline(&self, agent: &str) -> bool {
        self.queues.decline(agent)
    }

    /// Wants a parked caller.
    pub fn fetch(&self, agent: &str, call: CallId) -> bool {
        self.queues.desk(Event::Fetch { call, agent: agent.into() })
    }

    /// Wants something of the call they talk in.
    pub fn wish(&self, agent: &str, ask: DeskAsk) -> bool {
        self.queues.wish(agent, ask)
    }

    /// Picks up in the page, which is at this address and sends this offer (SDP): the number of the connection and the answer (SDP).
    ///
    /// # Errors
    /// It does not ring there, another tab was faster, or the offer cannot be used.
    pub async fn pick_up(&self, agent: &str, call: CallId, page: IpAddr, offer: &str) -> Result<(String, String), NoPhone> {
        self.phones.answer(agent, call, page, offer).await
    }

    /// The page's phone is put down. False when it was not up.
    pub fn put_down(&self, agent: &str, call: CallId, number: &str, end: PageEnd) -> bool {
        self.phones.end(agent, call, number, end)
    }

    /// The agent pressed a key in the page. False when its phone is not up.
    pub fn press(&self, agent: &str, call: CallId, number: &str, digit: Digit) -> bool {
        self.phones.key(agent, call, number, digit)
    }
}
