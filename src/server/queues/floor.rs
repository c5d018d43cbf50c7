//! What desks and the wall are shown of the queues.

use crate::acd::{AgentView, ParkedView, QueueView, WaitingView};
use crate::base::{CallId, Moment};
use std::time::Duration;

/// That a parked caller has hung up is shown for so long.
const GONE_SHOWN: Duration = Duration::from_secs(60);

/// What desks and wallboards see at a moment.
#[derive(Debug, Clone, Default)]
pub struct Floor {
    /// When it was so.
    pub at: Moment,
    /// All queues.
    pub queues: Vec<QueueView>,
    /// All agents.
    pub agents: Vec<AgentView>,
    /// Everybody who waits.
    pub waiting: Vec<WaitingView>,
    /// Everybody who is parked.
    pub parked: Vec<ParkedView>,
    /// Parked callers who have hung up, a minute ago at most.
    pub parked_gone: Vec<ParkedGone>,
    /// Agents who came for somebody who was called back in vain, a minute ago at most.
    pub in_vain: Vec<InVain>,
}

/// An agent came, and the person who was called back did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InVain {
    /// Who came.
    pub agent: String,
    /// Why the person did not: `no_answer`, `busy`, `mailbox`, `not_wanted` or `failed`.
    pub why: &'static str,
    /// When.
    pub at: Moment,
}

/// A parked caller has hung up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedGone {
    /// Which call.
    pub call: CallId,
    /// Its queue.
    pub queue: String,
    /// Who had parked it.
    pub by: String,
    /// When.
    pub at: Moment,
}

impl ParkedGone {
    /// Whether desks show it still.
    pub fn is_fresh(&self, now: Moment) -> bool {
        now.since(self.at) < GONE_SHOWN
    }
}
