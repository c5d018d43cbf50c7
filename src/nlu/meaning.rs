//! The words of understanding: intents, slots, matches.

use crate::base::Confidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An intent's name as the flow writes it (`parcel.where`).
pub type IntentName = String;

/// Slot values found in an utterance, by slot name; digit strings as digits, dates as `YYYY-MM-DD`, yes/no as `yes`/`no`.
pub type Slots = BTreeMap<String, String>;

/// What an utterance means. `intent` is `None` when the matcher decided that no intent of the flow is meant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The decision; `None` = out of scope or too close to call.
    pub intent: Option<IntentName>,
    /// Calibrated probability of the best intent, whether or not it was accepted.
    pub confidence: Confidence,
    /// All intents worth naming, best first (at most five), with their probabilities.
    pub ranked: Vec<(IntentName, Confidence)>,
    /// One sentence for `--why`: scores, margin, rule.
    pub why: String,
}
