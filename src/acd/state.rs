//! What agents and callers are at.

use super::face::{Presence, Ticket};
use super::load::Load;
use super::wait::Interval;
use crate::base::{CallId, Moment};
use std::time::Duration;

/// What an agent is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Idle,
    Offered {
        call: CallId,
    },
    Talking {
        call: CallId,
    },
    /// A colleague who talks in this call asks for them; `talking` once they have picked up.
    Consulted {
        call: CallId,
        talking: bool,
    },
    WrapUp {
        since: Moment,
        until: Moment,
        extended: u8,
    },
    Rest {
        until: Moment,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Agent {
    pub(super) presence: Presence,
    /// Since when the state is what it is.
    pub(super) since: Moment,
    pub(super) work: Work,
    pub(super) idle_since: Moment,
    pub(super) last_talk: Option<Moment>,
    /// A phone without a desk comes back then.
    pub(super) back: Option<Moment>,
    pub(super) load: Load,
    pub(super) calls: u32,
    /// The last call to the phone failed, and which caller it was for.
    pub(super) failed: Option<CallId>,
}

impl Agent {
    pub(super) fn new(presence: Presence, at: Moment) -> Agent {
        Agent {
            presence,
            since: at,
            work: Work::Idle,
            idle_since: at,
            last_talk: None,
            back: None,
            load: Load::default(),
            calls: 0,
            failed: None,
        }
    }

    /// Is logged in.
    pub(super) fn is_here(&self) -> bool {
        self.presence != Presence::Offline
    }

    /// Will take a call sooner or later without doing anything for it.
    pub(super) fn will_serve(&self) -> bool {
        self.presence == Presence::Available || self.back.is_some()
    }

    pub(super) fn is_free(&self) -> bool {
        self.presence == Presence::Available && self.work == Work::Idle
    }
}

#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) call: CallId,
    pub(super) ticket: Ticket,
    pub(super) queue: usize,
    /// When the wait began, what was waited before included.
    pub(super) since: Moment,
    /// What of the wait was before the machine's own time: who is called back may have asked before a restart.
    pub(super) before: Duration,
    pub(super) order: u64,
    /// Nobody is on the line: who is called back, and not before this. `None` = is on the line.
    pub(super) not_before: Option<Moment>,
    /// Queues whose agents may take the caller: the own one first.
    pub(super) queues: Vec<usize>,
    pub(super) offered: Option<Offered>,
    /// When the caller was first offered to somebody.
    pub(super) first_offered: Option<Moment>,
    /// Who declined, and until when that counts.
    pub(super) declined: Vec<(usize, Moment)>,
    /// Nobody has been logged in since.
    pub(super) alone: Option<Moment>,
    pub(super) tell_at: Moment,
    pub(super) told: Option<Told>,
}

impl Waiting {
    /// How long the wait is so far.
    pub(super) fn waited(&self, at: Moment) -> Duration {
        at.since(self.since) + self.before
    }
}

/// An offer that stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offered {
    pub(super) agent: usize,
    pub(super) since: Moment,
    pub(super) number: u64,
}

/// The first interval that a caller was told: the one that counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) wait: Interval,
    /// Seconds of the middle future.
    pub(super) middle: f64,
    pub(super) at: Moment,
    pub(super) band: usize,
    /// Has been found to be broken already.
    pub(super) broken: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Talking {
    pub(super) agent: usize,
    /// `None` = the queue is gone from the configuration.
    pub(super) queue: Option<usize>,
    pub(super) since: Moment,
    pub(super) waited: Duration,
    pub(super) caller: u64,
    /// The two hear each other.
    pub(super) joined: bool,
    /// What the caller was told; compared with what came once the two hear each other.
    pub(super) told: Option<Told>,
}
