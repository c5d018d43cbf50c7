//! Engines behind two traits, and the pool of worker processes that shields us from them.

mod face;

pub use face::{EarEvent, EarsConfig, Partial, Recognizer, RenderKey, Voice};
