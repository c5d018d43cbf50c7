//! One caller's story from INVITE to `Disposition`. `machine` takes events and gives commands; `dialogue` carries out what
//! the script wants, `asking` hears the caller, `transfer` reaches a person. No IO, no clock, no randomness: `drive` carries
//! the commands out.

mod after_talk;
mod asking;
mod asking_keys;
mod briefing;
mod call_back;
mod call_back_wish;
mod card;
mod consult;
mod desk;
mod dialogue;
mod ears;
mod emergency;
mod face;
mod fingerprint;
mod kept_place;
mod keys;
mod ladders;
mod line;
mod machine;
mod meaning;
mod means;
mod message;
mod moves;
mod opening;
mod park;
mod record;
mod secrets;
mod settings;
mod state;
mod story;
mod telling;
mod timers;
mod transfer;
mod understand;

pub use briefing::{brief, spoken_ms};
pub use call_back::{CallBack, CallBackAnswer, CallBackWish, NotReached};
pub use card::{CardCallBack, CardStep, CardTurn, Diversion, HandOverCard, TurnOf};
pub use ears::Ended;
pub use face::{AgentEvent, BROWSER, ColleagueNews, Command, DeskAsk, Event, QueueAsk, QueueEvent, RecordAction, ReferOutcome};
pub use fingerprint::Fingerprint;
pub use kept_place::KeptPlace;
pub use line::same_caller;
pub use machine::Call;
pub use meaning::request_counts;
pub use record::{LegRecord, MESSAGE, Record, TurnRecord, UtteranceRecord};
pub use secrets::Secrets;
pub use settings::CallSettings;
pub use story::{REASONS, reason, spaced};
pub use timers::TimerName;

#[cfg(test)]
mod back_tests;
#[cfg(test)]
mod consult_tests;
#[cfg(test)]
mod park_tests;
