//! What operators try before they publish.

mod check;
mod run_tests;

pub use check::{FlowCheck, check_flow};
pub use run_tests::{TestOutcome, run_test, run_tests};
