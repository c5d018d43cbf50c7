//! What operators try before they publish.

mod run_tests;

pub use run_tests::{TestOutcome, run_test, run_tests};
