//! Engines behind two traits, and the pool of worker processes that shields us from them.

mod face;

pub use face::{EarEvent, EarsConfig, Partial, Recognizer, RenderKey, Voice};

#[cfg(feature = "pocketsphinx")]
mod decoder;
mod dictionary;
#[cfg(any(feature = "pocketsphinx", feature = "flite"))]
mod ffi;
mod grammar;
mod lm;
mod phrases;
#[cfg(feature = "pocketsphinx")]
mod pocketsphinx;
#[cfg(feature = "pocketsphinx")]
mod verdict;

#[cfg(feature = "pocketsphinx")]
pub use pocketsphinx::PocketSphinx;
