//! From words to meaning.

mod background;
mod concepts;
mod core;
mod evaluate;
mod features;
mod gate;
mod matcher;
mod meaning;
mod normalise;
pub mod person;
pub mod slots;
mod solver;

pub use evaluate::{Confusion, EvalReport, Judged, OUT_OF_SCOPE, evaluate};
pub use matcher::{Example, Matcher, NluError};
pub use meaning::{IntentName, Match, Slots};
pub use normalise::normalise;
