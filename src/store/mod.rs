//! Remember: calls, turns, utterances, decisions, transfer attempts, messages, hand-over cards, event logs; the console's users,
//! their sessions and what they did. One database, SQLite or PostgreSQL (`database.rs`),
//! plus two folders of files; one source file per noun, all in `impl Store`. What a call writes goes through
//! [`StoreWriter`], so that no call ever waits for the disk. Start reading at `open.rs`, then `calls.rs`.
//!
//! Not here: making the records (that is `call`), masking of sensitive words (the caller of this module has done it).

mod attempts;
mod audit;
mod call_backs;
mod calls;
mod cards;
mod database;
mod decisions;
mod drafts;
mod events;
mod files;
mod incident;
mod legs;
mod lines;
mod matchers;
mod messages;
mod migrate;
mod misses;
mod open;
mod people;
mod reach;
mod retention;
mod sessions;
mod tasks;
mod turns;
mod users;
mod utterances;
mod writer;

pub use attempts::AttemptRow;
pub use audit::{AuditFilter, AuditRow};
pub use call_backs::CallBackRow;
pub use calls::{CallRow, CallStory};
pub use database::DatabaseUrl;
pub use decisions::DecisionRow;
pub use drafts::{DraftFigures, DraftVerdict};
pub use events::{EventLog, EventLogEnd, EventLogHead, LoggedCall};
pub use incident::{incident, set_incident};
pub use lines::{KeptLine, LastAgent, LineRow, PLACE_KEPT};
pub use matchers::MatcherShelf;
pub use messages::{ListedMessage, MessageRow};
pub use misses::Miss;
pub use open::{Claim, Records, Store, StoreError};
pub use people::{EarlierCall, PresenceRow, WrapUp};
pub use reach::ReachDay;
pub use retention::{Removed, Retention, RetentionRules};
pub use sessions::SessionHash;
pub use tasks::TaskRow;
pub use turns::TurnRow;
pub use users::{NewUser, PageLanguage, Role, UserChange, UserRefusal, UserResult, UserRow, user_name};
pub use utterances::UtteranceRow;
pub use writer::StoreWriter;

#[cfg(test)]
mod console_tests;
#[cfg(test)]
mod message_tests;
#[cfg(test)]
mod places;
#[cfg(test)]
pub(crate) mod tests;
