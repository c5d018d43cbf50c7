//! The face of the queue machine: what happens (`Event`) and what it wants done (`Command`). Both are data.

use super::load::Strain;
use super::setup::Setup;
use super::wait::Interval;
use crate::base::{CallId, Language, Moment, WallTime};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// On the machine's own line; never goes back.
    pub at: Moment,
    /// On the calendar, for opening hours alone; may jump.
    pub wall: WallTime,
}

/// A caller who wants a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ticket {
    /// Which queue.
    pub queue: String,
    /// 0–9; higher goes first.
    pub priority: u8,
    /// The agent must speak it.
    pub language: Language,
    /// Who calls, as a number that stays the same for the same caller (a hash); 0 = not known. A repeat caller meets the same agent where
    /// that one is free.
    pub caller: u64,
    /// The caller has been abusive: not twice in a row to the same agent.
    pub abusive: bool,
    /// First to this agent, whatever the skills; after a refusal to anybody of the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// This agent, where they are free; else anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<String>,
    /// This agent has sent the caller on: gets them back only where nobody else will serve them, or in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_by: Option<String>,
    /// Goes first in line.
    pub emergency: bool,
    /// Lost an agent through no fault of theirs: to the head of the line.
    pub returned: bool,
    /// How long the caller has waited for a person already (a caller who comes back keeps the place).
    pub waited: Duration,
    /// The place was kept from a call that was cut off: so long ago they got in line. It counts for the order alone, and they are let in
    /// although the line is full or nobody is there yet, as they were before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Duration>,
    /// Nobody is on the line: once an agent is there the person is called back, and not before so long from now. `None` = is on the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back: Option<Duration>,
}

/// Whether an agent takes calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Not logged in.
    Offline,
    /// Logged in, no calls; one word why (`break`, `lunch`, `no_answer`, …).
    Away(String),
    /// Takes calls.
    Available,
}

/// Why an offered call was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The agent pressed a key, or the phone answered 486, 603.
    Declined,
    /// The phone rang out.
    NoAnswer,
    /// Nobody heard of the phone any more.
    Lost,
    /// The call to the phone failed for another reason, perhaps on our side: it says little about the agent.
    Failed,
}

/// What a call was like, for the agent's load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Talk {
    /// What made it hard.
    pub strain: Strain,
    /// The agent's leg died: no wrap-up, and perhaps the agent is not there any more.
    pub lost: bool,
}

/// Why a caller left the queue by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// Hung up.
    HungUp,
    /// Left a message, took a call-back, or the script went on.
    Elsewhere,
    /// The call is over, and not because they hung up: the line broke, or the call lasted too long.
    Over,
}

/// Why a caller cannot be served; each has its own sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unserved {
    /// There is no such queue.
    NoSuchQueue,
    /// Outside its hours.
    Closed,
    /// Nobody who speaks the language is logged in, or nobody at all.
    Nobody,
    /// Too many wait.
    Full,
    /// Has waited for as long as the queue allows.
    TooLong,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A caller wants a person. A call that is in the machine already is ignored.
    Enqueue {
        /// The call.
        call: CallId,
        /// What it needs.
        ticket: Ticket,
    },
    /// A waiting or offered caller is gone.
    Leave {
        /// The call.
        call: CallId,
        /// Why.
        why: Left,
    },
    /// A waiting caller speaks of an emergency: first in line from now on, to whoever is free. Who is being offered stays so.
    Emergency {
        /// The call.
        call: CallId,
    },
    /// A waiting caller hangs up and is called back: the ticket stays where it is, from now on as another call, whose offers may begin
    /// at once.
    CallBack {
        /// The caller's call, which is out of the machine.
        call: CallId,
        /// The call that will ring the person.
        later: CallId,
    },
    /// The agent picked up. It counts also when the offer was withdrawn meanwhile: the two have each other on the line.
    Accepted {
        /// The call.
        call: CallId,
        /// Who.
        agent: String,
    },
    /// The two hear each other: a person was there, not a mailbox.
    Joined {
        /// The call.
        call: CallId,
    },
    /// The agent did not take it. The caller keeps the place. Ignored when the offer does not stand any more.
    Refused {
        /// The call.
        call: CallId,
        /// Which offer.
        offer: u64,
        /// Why.
        why: Refusal,
    },
    /// The agent who talks in this call wants a colleague on the line, without the caller: this one, or a free one of the queue.
    /// `Command::Consult` or `NoConsult` follows.
    Consult {
        /// The caller's call.
        call: CallId,
        /// The queue.
        queue: String,
        /// Whom, whatever the skills.
        agent: Option<String>,
    },
    /// The colleague picked up.
    Consulted {
        /// The caller's call.
        call: CallId,
    },
    /// The colleague did not take it (why), or is not needed any more. The caller stays with who asked.
    ConsultOver {
        /// The caller's call.
        call: CallId,
        /// Why; `None` = nobody's fault.
        why: Option<Refusal>,
    },
    /// The caller is the colleague's now, and who asked is done.
    HandedOver {
        /// The caller's call.
        call: CallId,
        /// What the talk until then was like.
        talk: Talk,
    },
    /// The agent who talks in this call parks it: they are done, and the caller is out of the line for as long as the queue says. Whoever comes back
    /// from there goes to the head of the line. A call in which nobody talks goes there at once.
    Park {
        /// The call.
        call: CallId,
        /// What it will need in line.
        ticket: Ticket,
        /// What the talk was like.
        talk: Talk,
    },
    /// The parked caller wants somebody now: to the head of the line.
    Unpark {
        /// The call.
        call: CallId,
    },
    /// An agent of the queue, or who parked it, wants this parked call: it is offered to them, and to nobody else before. Ignored where they may not
    /// have it, or are busy.
    Fetch {
        /// The call.
        call: CallId,
        /// Who.
        agent: String,
    },
    /// The conversation is over.
    Finished {
        /// The call.
        call: CallId,
        /// What it was like.
        talk: Talk,
    },
    /// An agent logs in or out, or goes away. Someone who talks or wraps up finishes first.
    Presence {
        /// Who.
        agent: String,
        /// From now on.
        presence: Presence,
    },
    /// The agent is done with the wrap-up.
    WrappedUp {
        /// Who.
        agent: String,
    },
    /// The agent needs longer.
    Extend {
        /// Who.
        agent: String,
        /// By how much.
        by: Duration,
    },
    /// Other queues and agents from now on. Callers and agents that stay keep what they are at.
    Reconfigure(Box<Setup>),
    /// The time that `Acd::next_timer` asked for has come.
    Tick,
}

/// What the machine wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Ring this agent for this call.
    Offer {
        /// The call.
        call: CallId,
        /// Its number: what is said of an earlier one does not count for this one.
        offer: u64,
        /// Who.
        agent: String,
        /// The agent sees the card on a desk.
        desk: bool,
        /// The queue by which the agent gets it.
        queue: String,
        /// How long.
        ring: Duration,
        /// How long the caller has waited.
        waited: Duration,
    },
    /// Stop ringing: the caller or the agent is gone. No `Refused` follows.
    Withdraw {
        /// The call.
        call: CallId,
        /// Which offer.
        offer: u64,
        /// Who was ringing.
        agent: String,
    },
    /// Ring this agent: a colleague who talks in this call asks for them.
    Consult {
        /// The caller's call.
        call: CallId,
        /// Who.
        agent: String,
        /// The agent sees the card on a desk.
        desk: bool,
        /// How long.
        ring: Duration,
    },
    /// Nobody can be asked, or who was rung went away.
    NoConsult {
        /// The caller's call.
        call: CallId,
    },
    /// Where the caller stands; at entry and when it has changed.
    Place {
        /// The call.
        call: CallId,
        /// From 1.
        position: usize,
        /// How long it will be; `None` = not known.
        wait: Option<Interval>,
        /// A call-back may be had instead.
        call_back: bool,
    },
    /// The caller cannot be served and is out of the queue.
    Unserved {
        /// The call.
        call: CallId,
        /// Why.
        why: Unserved,
    },
    /// An agent's or a queue's state has changed: desks are told.
    Changed,
}
