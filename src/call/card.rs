//! The hand-over card: what the agent is told, so that nothing is asked twice.

use crate::base::{CallId, Language, PhoneNumber, Pii, WallTime};
use crate::nlu::Slots;
use serde::{Deserialize, Serialize};

/// What the agent is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandOverCard {
    /// 32 hex digits, random, unguessable; the only key to the card. Valid for the call plus one hour.
    pub reference: String,
    /// The call.
    pub call: CallId,
    /// Which hotline.
    pub flow: String,
    /// Who.
    pub caller: PhoneNumber,
    /// The number dialled.
    pub dialled: PhoneNumber,
    /// The number that the caller had dialled first, where the call was sent on to us.
    #[serde(default)]
    pub diverted: Option<Diversion>,
    /// The caller's language.
    pub language: Language,
    /// When the call came.
    pub since: WallTime,
    /// Seconds already spent with us.
    pub seconds: u64,
    /// The last understood intent.
    pub intent: Option<String>,
    /// What is known: slots that are not sensitive.
    pub slots: Pii<Slots>,
    /// What was said and answered, oldest first, at most 20 turns. Sensitive turns appear as such, without words.
    pub turns: Vec<CardTurn>,
    /// Some turn was sensitive, also one that is not among these any more: what was told in it may be said again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secrets: bool,
    /// The step of a guided procedure that the caller is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<CardStep>,
    /// The caller has proved who they are.
    #[serde(default)]
    pub verified: bool,
    /// The caller's tier, where the flow has tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Who waits is served in this order, highest first, 0–9.
    #[serde(default)]
    pub priority: u8,
    /// Why a person: `asked`, `misunderstood`, `same_answer`, …
    pub because: String,
    /// Agents whom the caller has talked with before in this call, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoke_with: Vec<String>,
    /// The caller is not on the line, but called back; `None` = is on the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_back: Option<CardCallBack>,
    /// One sentence to be spoken to the agent, in the agent's language (English or Chinese).
    pub summary: Pii<String>,
}

impl HandOverCard {
    /// Whether the caller may have told what is on no card. Cards from before it was written on them tell by their turns.
    pub(crate) fn withholds(&self) -> bool {
        self.secrets || self.turns.iter().any(|turn| turn.sensitive)
    }
}

/// Somebody who is called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardCallBack {
    /// The number that was confirmed for it.
    pub number: PhoneNumber,
    /// When it was asked for.
    pub asked: WallTime,
}

/// Where the caller is in a guided procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardStep {
    /// The node.
    pub procedure: String,
    /// From 1.
    pub step: usize,
    /// How many there are.
    pub of: usize,
}

/// From where, and why, a call was sent on to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diversion {
    /// The number that the caller had dialled.
    pub from: PhoneNumber,
    /// Why, in the words of RFC 5806; empty = not told.
    pub reason: String,
}

/// One line of the story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CardTurn {
    /// What the caller said or keyed; empty when nothing was understood or it is sensitive.
    pub caller: Pii<String>,
    /// The intent it was taken for.
    pub intent: Option<String>,
    /// What we answered.
    pub answer: Pii<String>,
    /// True when words are withheld.
    pub sensitive: bool,
    /// Where it stands in the records; `None` on cards from before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<TurnOf>,
}

/// Where a turn stands in the records: on a card of a call-back they are those of an earlier call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnOf {
    /// The call.
    pub call: CallId,
    /// Counted from 0.
    pub turn: u32,
}
