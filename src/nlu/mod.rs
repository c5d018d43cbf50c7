//! From words to meaning.

mod meaning;

pub use meaning::{IntentName, Match, Slots};
