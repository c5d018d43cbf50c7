//! Remember: calls, turns, utterances, decisions, transfer attempts, messages, hand-over cards, event logs. One SQLite file
//! plus two folders of files; one source file per noun, all in `impl Store`. What a call writes goes through
//! [`StoreWriter`], so that no call ever waits for the disk. Start reading at `open.rs`, then `calls.rs`.
//!
//! Not here: making the records (that is `call`), masking of sensitive words (the caller of this module has done it).

mod attempts;
mod calls;
mod cards;
mod decisions;
mod events;
mod files;
mod incident;
mod legs;
mod matchers;
mod messages;
mod migrate;
mod misses;
mod open;
mod reach;
mod retention;
mod tasks;
mod turns;
mod utterances;
mod writer;

pub use attempts::AttemptRow;
pub use calls::{CallRow, CallStory};
pub use decisions::DecisionRow;
pub use events::{EventLog, EventLogEnd, EventLogHead, LoggedCall};
pub use incident::{incident, set_incident};
pub use matchers::MatcherShelf;
pub use messages::MessageRow;
pub use misses::Miss;
pub use open::{Store, StoreError};
pub use reach::ReachDay;
pub use retention::{Removed, Retention, RetentionRules};
pub use tasks::TaskRow;
pub use turns::TurnRow;
pub use utterances::UtteranceRow;
pub use writer::StoreWriter;

#[cfg(test)]
pub(crate) mod tests;
