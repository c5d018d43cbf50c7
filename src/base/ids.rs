//! Identities, each its own type so that one cannot be handed in for another.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One caller's story. 128 random bits, written as 32 hex digits; made by the shell, never by logic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CallId(pub u128);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for CallId {
    type Err = std::num::ParseIntError;
    fn from_str(s: &str) -> Result<CallId, Self::Err> {
        u128::from_str_radix(s.trim(), 16).map(CallId)
    }
}

impl Serialize for CallId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<CallId, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One party's connection inside a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegId {
    /// The person who phoned us.
    Caller,
    /// The agent reached by this transfer attempt.
    Agent(AttemptId),
}

macro_rules! counted_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The id after this one.
            #[must_use]
            pub fn next(self) -> $name {
                $name(self.0.wrapping_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

counted_id!(
    /// One stretch of speech, counted within its leg.
    UtteranceId
);
impl UtteranceId {
    /// In records an agent's utterances are numbered from here on, over the whole call; a caller's never come so far.
    pub const AGENTS: u32 = 1_000_000;

    /// Whether an agent said it.
    pub fn is_agent(self) -> bool {
        self.0 >= UtteranceId::AGENTS
    }
}
counted_id!(
    /// One thing we play, counted within its call.
    PromptId
);
counted_id!(
    /// One question to the outside (HTTP), counted within its call.
    LookUpId
);
counted_id!(
    /// One try to reach one target, counted within its call.
    AttemptId
);
