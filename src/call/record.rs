//! What is kept of a call: rows for the store, made by the call machine as it goes.

use crate::base::{Confidence, Disposition, Engine, Fault, Moment, PhoneNumber, Pii, UtteranceId, WallTime};
use crate::flow::Task;
use crate::nlu::{IntentName, Slots};
use serde::{Deserialize, Serialize};

/// The meaning of an utterance that is a message, in parentheses: no intent can be called so.
pub const MESSAGE: &str = "(message)";

/// One thing to remember.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The call began.
    Began {
        /// Who.
        caller: PhoneNumber,
        /// Which number.
        dialled: PhoneNumber,
        /// Which flow.
        flow: String,
        /// Hash of the flow's text.
        flow_hash: String,
        /// When.
        at: WallTime,
    },
    /// One question and its answer.
    Turn(TurnRecord),
    /// One utterance.
    Utterance(UtteranceRecord),
    /// A decision that moves the call towards a person, or keeps it from there: reason and numbers.
    Decision {
        /// When.
        at: Moment,
        /// One word: `asked`, `misunderstood`, `same_answer`, `silence`, `transfer_failed`, …
        what: String,
        /// One sentence with the numbers.
        why: String,
    },
    /// A try to reach a person.
    Attempt {
        /// When it began.
        at: Moment,
        /// Target's name.
        target: String,
        /// `refer` or `bridge`.
        method: String,
        /// `answered`, or SIP status / reason.
        outcome: String,
    },
    /// The caller consented to recording, or refused.
    Consent {
        /// Whether.
        given: bool,
    },
    /// A message was taken.
    Message {
        /// Milliseconds of speech.
        speech_ms: u32,
        /// Why a person was wanted.
        because: String,
    },
    /// A task for people.
    Task {
        /// When.
        at: Moment,
        /// What they are to look after.
        task: Pii<Task>,
    },
    /// A leg's audio was closed; it may come after `Ended`.
    Leg(LegRecord),
    /// The call is over.
    Ended {
        /// How.
        disposition: Disposition,
        /// Whose doing.
        fault: Fault,
        /// When.
        at: Moment,
        /// Milliseconds from the first request for a person to a person's voice, where both happened.
        request_to_person_ms: Option<u64>,
    },
}

/// How the audio of one leg was.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LegRecord {
    /// `caller`, or `agent N` with the number of the attempt.
    pub leg: String,
    /// What was spoken last; `None` when nothing was agreed.
    pub codec: Option<String>,
    /// Audio was encrypted.
    pub encrypted: bool,
    /// Packets received.
    pub packets_in: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Packets of no use: late, doubled, malformed, not authentic, from strangers.
    pub discarded: u64,
    /// Interarrival jitter (RFC 3550), microseconds.
    pub jitter_us: u32,
    /// Delay that the jitter buffer aimed at, milliseconds.
    pub buffer_ms: u32,
    /// From here to the far end and back, milliseconds; `None` when it never reported.
    pub round_trip_ms: Option<u32>,
    /// What we heard, as a mean opinion of 1 to 4.5 by the E-model (ITU-T G.107); `None` when nothing came.
    pub mos: Option<f64>,
    /// Packets of ours that the far end missed, by its report.
    pub far_lost: Option<u32>,
    /// Jitter at the far end, microseconds.
    pub far_jitter_us: Option<u32>,
    /// What the far end heard, as a mean opinion.
    pub far_mos: Option<f64>,
    /// Audio went one way only for five seconds or more: `nothing_in` or `nothing_out`.
    pub one_way: Option<String>,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// Counted from 0.
    pub turn: u32,
    /// When the turn was decided.
    pub at: Moment,
    /// The node that asked.
    pub node: String,
    /// What the caller said or keyed (empty when sensitive).
    pub heard: Pii<String>,
    /// `voice`, `keys` or `silence`.
    pub by: String,
    /// How sure the ears were.
    pub heard_confidence: Confidence,
    /// The intent, option or slot it was taken for; `None` = misunderstood.
    pub meaning: Option<IntentName>,
    /// How sure the matcher was.
    pub meaning_confidence: Confidence,
    /// Slots so far (empty when sensitive).
    pub slots: Pii<Slots>,
    /// What we said next.
    pub answer: Pii<String>,
    /// Nothing personal is in here.
    pub sensitive: bool,
    /// False when the answer has only begun: the same turn is recorded again once it is over, with all that was said.
    pub complete: bool,
}

/// One utterance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UtteranceRecord {
    /// Counted by the listener; the audio clip is named after it.
    pub utterance: UtteranceId,
    /// When it was heard.
    pub at: Moment,
    /// Words (empty when sensitive or failed).
    pub text: Pii<String>,
    /// How sure.
    pub confidence: Confidence,
    /// Which engine; `None` when the ears failed.
    pub engine: Option<Engine>,
    /// Rejection or failure.
    pub rejected: Option<String>,
    /// What it was taken for.
    pub meaning: Option<String>,
    /// CPU milliseconds.
    pub cpu_ms: u32,
    /// No clip may be kept.
    pub sensitive: bool,
}

impl UtteranceRecord {
    /// Of an utterance of which nothing is known yet.
    pub fn new(utterance: UtteranceId, at: Moment) -> UtteranceRecord {
        UtteranceRecord {
            utterance,
            at,
            text: Pii::default(),
            confidence: Confidence::default(),
            engine: None,
            rejected: None,
            meaning: None,
            cpu_ms: 0,
            sensitive: false,
        }
    }
}
