//! Signalling behind our own face. Pure: `face` (what is told and commanded), `sdp` (offer/answer), `guard` (what to do with
//! raw datagrams), `digest` (passwords towards trunks), `verify` (passwords of callers), `bodies` (small texts inside messages). `shell`
//! holds the SIP crate and its sockets, and is the only part that does IO.

mod bodies;
mod digest;
mod face;
pub mod guard;
pub mod sdp;
pub mod shell;
mod verify;

pub use digest::{Algorithm, Credentials};
pub use face::{DialogKey, EndedWhy, SipCommand, SipEvent};
pub use sdp::{MediaAgreement, SdpError, SdpKeys, SdpPolicy, SdpSession, Srtp};
pub use shell::{LOG_FILTER, SipBusy, SipConfig, SipCounts, SipEndpoint, SipError, Unknown};
pub use verify::Accounts;

/// Methods that we do, for Allow headers.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY";
