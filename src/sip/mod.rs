//! Signalling behind our own face.

mod face;
pub mod sdp;

pub use face::{DialogKey, EndedWhy, SipCommand, SipEvent};
pub use sdp::{G711, MediaAgreement, SdpError, SdpSession};
