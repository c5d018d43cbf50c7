//! How a call ended: exactly one disposition, with whose fault.

use serde::{Deserialize, Serialize};

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "disposition", rename_all = "snake_case")]
pub enum Disposition {
    /// The flow answered and came to its end, or the caller hung up after an answer.
    Answered,
    /// A person took the call.
    Transferred {
        /// The target's name in the flow.
        to: String,
        /// Why a person: `asked`, `misunderstood`, `same_answer`, `silent`, `flow`, `no_engine`, …
        because: String,
    },
    /// A message (or the wish to be called back) was taken.
    MessageTaken {
        /// Why a person was wanted.
        because: String,
    },
    /// The caller is called back by an agent, and keeps the place in line until then.
    CallBack {
        /// Why a person was wanted.
        because: String,
    },
    /// We called somebody back who was not there.
    NotReached {
        /// `no_answer`, `busy`, `mailbox`, `not_wanted`, `failed`, or `given_up` when nobody was called.
        because: String,
    },
    /// The caller never spoke nor pressed a key.
    Silent,
    /// The caller left before anything was answered.
    Abandoned {
        /// Whether a person had been asked for (the number that must be small).
        wanted_person: bool,
    },
    /// The caller's line went quiet (no RTP) or its transport broke.
    Lost,
    /// No person called.
    Machine {
        /// What did.
        kind: CallingMachine,
    },
    /// We turned the call away before it began.
    Rejected {
        /// SIP status.
        status: u16,
    },
    /// Our fault: panic, no resources. The caller heard an apology and went to the default target if one answered.
    Failed {
        /// One sentence for the operator.
        why: String,
    },
}

/// What may call instead of somebody who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallingMachine {
    /// A fax: it sends its calling tone or answer tone.
    Fax,
    /// An answering machine: it has greeted and beeped, and records.
    AnsweringMachine,
    /// A text telephone (TTY): a person who types.
    TextTelephone,
}

/// Whose doing an ending is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nobody's: it went as meant.
    None,
    /// The caller left.
    Caller,
    /// The network or the far end.
    Line,
    /// The target did not answer, was busy, refused.
    Agent,
    /// We.
    Us,
}

impl CallingMachine {
    /// The one word for tables and tests.
    pub fn name(self) -> &'static str {
        match self {
            CallingMachine::Fax => "fax",
            CallingMachine::AnsweringMachine => "answering_machine",
            CallingMachine::TextTelephone => "text_telephone",
        }
    }
}

impl Disposition {
    /// The one word for tables and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Disposition::Answered => "answered",
            Disposition::Transferred { .. } => "transferred",
            Disposition::MessageTaken { .. } => "message_taken",
            Disposition::CallBack { .. } => "call_back",
            Disposition::NotReached { .. } => "not_reached",
            Disposition::Silent => "silent",
            Disposition::Abandoned { .. } => "abandoned",
            Disposition::Lost => "lost",
            Disposition::Machine { .. } => "machine",
            Disposition::Rejected { .. } => "rejected",
            Disposition::Failed { .. } => "failed",
        }
    }

    /// Whose doing it is.
    pub fn fault(&self) -> Fault {
        match self {
            Disposition::Answered | Disposition::Transferred { .. } | Disposition::Silent => Fault::None,
            Disposition::MessageTaken { .. } | Disposition::CallBack { .. } => Fault::Agent,
            Disposition::Abandoned { .. } => Fault::Caller,
            Disposition::Lost | Disposition::Machine { .. } | Disposition::NotReached { .. } => Fault::Line,
            Disposition::Rejected { .. } | Disposition::Failed { .. } => Fault::Us,
        }
    }
}
