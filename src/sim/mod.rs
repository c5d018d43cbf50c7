//! The test world: a simulated clock, scripted callers and agents, engines that fail on demand. No sockets, no sleeping: a
//! ten-minute call takes a millisecond. Begin with `script` for the text that operators write.

mod agents;
mod caller;
mod check;
mod plan;
mod players;
pub mod queue_week;
mod script;
mod transcript;
mod world;

pub use check::{ending, shortcomings};
pub use plan::{AgentPlan, CallBackPlan, CallerStep, LineNews, Mind, Speech, When, World};
pub use script::{Script, Want, What};
pub use transcript::{Line, Transcript};
pub use world::{simulate, simulate_with};
