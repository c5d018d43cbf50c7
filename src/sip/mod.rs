//! Signalling behind our own face. Pure: `face` (what is told and commanded), `sdp` (offer/answer), `guard` (what to do with
//! raw datagrams), `session_timer` (who refreshes a call), `reliable` (provisional answers that are acknowledged), `replaces`
//! (calls that take the place of others), `digest` (passwords towards trunks), `verify` (passwords of callers), `registrar` (where agents' own phones are), `bodies` (small
//! texts inside messages), `certificate` (from when until when ours is good), `trunk` (lines to carriers and PBXs: registration,
//! health, limits, numbers). `shell` holds the SIP crate and its sockets, and is the only part that does IO.

mod bodies;
mod certificate;
pub mod destinations;
mod digest;
mod face;
pub mod guard;
mod party;
mod registrar;
mod reliable;
mod replaces;
pub mod sdp;
mod session_timer;
pub mod shell;
pub mod trunk;
mod verify;

pub use digest::{Algorithm, Credentials};
pub use face::{ByTrunk, DialogKey, EndedWhy, Origin, REGISTERED, SipCommand, SipEvent};
pub use party::Diverted;
pub use registrar::{Remembered, Terms};
pub use reliable::Reliable;
pub use sdp::{MediaAgreement, SdpError, SdpKeys, SdpPolicy, SdpSession, Srtp};
pub use session_timer::SessionPolicy;
pub use shell::{
    LOG_FILTER, SCANNERS, SharedBoard, SharedRegistrar, SipBusy, SipConfig, SipCounts, SipEndpoint, SipError, TlsError,
    TlsFiles, Unknown,
};
pub use verify::Accounts;

/// Seconds after which a caller who was refused because there is too much to do may try again.
pub(crate) const RETRY_AFTER: u32 = 5;

/// Methods that we do, for Allow headers.
pub(crate) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY, REFER";
