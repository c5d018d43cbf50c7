//! Signalling behind our own face.

mod bodies;
mod face;
pub mod sdp;
pub mod shell;

pub use face::{DialogKey, EndedWhy, SipCommand, SipEvent};
pub use sdp::{G711, MediaAgreement, SdpError, SdpSession};
pub use shell::{LOG_FILTER, SipBusy, SipConfig, SipEndpoint, SipError};
