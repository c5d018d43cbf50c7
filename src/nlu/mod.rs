//! From words to meaning: normalise, find the intent (or that none is meant), hear a request for a person, read values out
//! of an answer, and measure all that. Pure: no clock, no file. What to do about a misunderstanding is the call's business.
//! Start at [`Matcher`]; requests for a person are in [`person`], values in [`slots`].

mod background;
mod cluster;
mod concepts;
mod core;
mod evaluate;
mod features;
mod file;
mod gate;
mod matcher;
#[cfg(test)]
mod matcher_tests;
mod meaning;
mod mishear;
mod mood;
mod net;
mod normalise;
pub mod person;
mod pinyin;
#[cfg(test)]
mod pinyin_tests;
pub mod slots;
mod solver;
mod sound;

pub use cluster::clusters;
pub use evaluate::{Confusion, EvalReport, Judged, OUT_OF_SCOPE, cross_validate, evaluate};
pub use file::{NoShelf, Shelf};
pub use matcher::{Collision, Example, Matcher, NluError, collisions};
pub use meaning::{IntentName, Match, Slots};
pub use mishear::Mishearing;
pub use mood::{Mood, mood};
pub use normalise::{holds_chinese, normalise, spoken_words};
