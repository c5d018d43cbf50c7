//! From frames to utterances: voice activity, endpointing, onset and pause, echo gate.

mod rule;

pub use rule::EndpointRule;
