//! Signalling behind our own face.

mod face;

pub use face::{DialogKey, EndedWhy, SipCommand, SipEvent};
