//! What operators try before they publish.

mod callers;
mod check;
mod learn;
#[cfg(test)]
mod mutations;
mod recorded;
mod replay;
#[cfg(test)]
mod replay_tests;
mod run_tests;
mod test_calls;

pub use callers::{Persona, TestCaller};
pub use check::{FlowCheck, check_flow};
pub use learn::{BeforeAfter, Learned, learned};
pub use recorded::{Act, Asked, Course, Ears, Recorded, RecordedCaller};
pub use replay::{Judgement, Verdict, judge, judge_heard};
pub use run_tests::{TestOutcome, run_test, run_tests};
pub use test_calls::{Served, TestCalls, test_calls};
