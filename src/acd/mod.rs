//! Who talks to whom next: queues, skills, presence, wrap-up and rest, and how long a wait will be. A pure machine on simulated
//! time: [`Acd`] takes `(Now, Event)` and pushes [`Command`]s; it never reads a clock and never waits.
//!
//! One machine serves all queues of a gateway. What it promises (and `properties` tests against a small reference):
//! every caller is waiting, offered, talking or gone, never two of these; an agent is offered one call at a time; a caller who
//! may be served by somebody idle is offered at once; who has waited for the queue's floor goes before all who have not.

mod adopt;
mod call_back;
mod choose;
mod consult;
mod face;
mod load;
mod machine;
mod memory;
mod offers;
mod park;
mod setup;
mod state;
mod views;
mod wait;

pub use face::{Command, Event, Left, Now, Presence, Refusal, Talk, Ticket, Unserved};
pub use load::Strain;
pub use machine::Acd;
pub use memory::Memory;
pub use setup::{AgentSetup, CallBackSetup, Choose, Overflow, PARK_MAX_SECONDS, QueueSetup, Setup, SetupError};
pub use views::{AgentState, AgentView, DayFigures, ParkedView, QueueView, WaitingView};
pub use wait::{Interval, WaitFigures, band};

#[cfg(test)]
mod choose_tests;
#[cfg(test)]
mod park_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
