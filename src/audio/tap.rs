//! What flows from a leg to the ears.

use super::Frame;
use crate::base::{Moment, UtteranceId};

/// What flows from a leg to the ears, through a bounded `std::sync::mpsc::sync_channel`: when it is full the leg drops
/// frames of this utterance and goes on (the ears then fail that one utterance).
#[derive(Debug, Clone, Copy)]
// Nearly all are frames, and a box would be an allocation per frame.
#[allow(clippy::large_enum_variant)]
pub enum Tap {
    /// An utterance begins; the pre-roll frames (≥ 300 ms) follow first.
    Start {
        /// Which.
        utterance: UtteranceId,
        /// Moment of the first pre-roll frame.
        at: Moment,
    },
    /// 20 ms of it.
    Frame(Frame),
    /// It is over; recognise. `complete` = false when frames were dropped.
    End {
        /// Which.
        utterance: UtteranceId,
        /// All frames arrived.
        complete: bool,
    },
    /// It was withdrawn (leg closed, listening stopped): no result is wanted.
    Withdrawn {
        /// Which.
        utterance: UtteranceId,
    },
}
