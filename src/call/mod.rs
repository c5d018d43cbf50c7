//! One caller's story from INVITE to `Disposition`.

mod card;
mod face;
mod record;

pub use card::{CardTurn, HandOverCard};
pub use face::{AgentEvent, Command, Event, RecordAction, ReferOutcome};
pub use record::{Record, TurnRecord, UtteranceRecord};
