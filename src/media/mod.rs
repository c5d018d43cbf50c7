//! One leg's 20-ms loop and the bridge between two; recording.

mod face;

pub use face::{Codec, LegCommand, LegEvent, LegKey, LegStats, Negotiated};

pub use crate::audio::Tap;
