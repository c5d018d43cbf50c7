//! Session descriptions (RFC 8866) and their offer/answer (RFC 3264), pure: text in, agreement and text out. One audio
//! stream with telephone events; every other stream is refused with port 0. Parsing of lines is `sdp-types`' work, what
//! they mean is decided here. Start reading at [`SdpSession::answer`].

mod crypto;
mod parse;
mod session;

pub use crypto::Crypto;
pub use parse::{Direction, Format, Offer, parse};
pub use session::{SdpKeys, SdpSession};

use crate::base::Codec;
use crate::rtp::{KeyEvents, Numbers, SrtpKeys};
use std::net::SocketAddr;

/// What our side speaks and prefers; from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdpPolicy {
    /// The codecs that we speak, the preferred one first; never empty.
    pub codecs: Vec<Codec>,
    /// An answer takes the first of ours that was offered, instead of the first offered that is ours.
    pub prefer_ours: bool,
    /// Whether audio is encrypted.
    pub srtp: Srtp,
    /// Silence of ours may be said by comfort noise instead of packets of silence.
    pub comfort_noise: bool,
}

/// Encryption of audio with keys in the description (SDES, RFC 4568). The keys are as safe as the signalling that carries
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Srtp {
    /// Never.
    #[default]
    Off,
    /// Where the far end does it too. Our offers say RTP/AVP beside the keys, which those who cannot ignore.
    Offered,
    /// Always: who cannot gets no call.
    Required,
}

impl Default for SdpPolicy {
    /// G.711 in the order of the offer, not encrypted.
    fn default() -> SdpPolicy {
        SdpPolicy { codecs: vec![Codec::Pcmu, Codec::Pcma], prefer_ours: false, srtp: Srtp::Off, comfort_noise: false }
    }
}

/// What offer and answer have agreed about the one audio stream, seen from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaAgreement {
    /// Where our RTP goes. The address is 0.0.0.0 (or ::) when the far end holds the old way (RFC 3264 §8.4); `send` is false then.
    pub remote: SocketAddr,
    /// The codec both ways.
    pub codec: Codec,
    /// Its payload types.
    pub payload: Numbers,
    /// telephone-event, if both speak it.
    pub dtmf: Option<KeyEvents>,
    /// Length of the packets that the far end would like, milliseconds: 10 to 60.
    pub packet_ms: u8,
    /// Comfort noise (payload type 13, RFC 3389) may stand for silence, both ways.
    pub noise: bool,
    /// RTCP goes through the port of RTP (RFC 5761).
    pub rtcp_mux: bool,
    /// The keys, when audio is encrypted.
    pub srtp: Option<SrtpKeys>,
    /// We send (the far end does not hold us).
    pub send: bool,
    /// We receive.
    pub receive: bool,
}

/// Why a description led to no agreement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Not a session description, or one that misses what it must have: answer 400.
    #[error("the session description is broken: {0}")]
    Broken(String),
    /// Understood, but nothing in it suits us: answer 488.
    #[error("nothing in the session description fits: {0}")]
    NothingFits(String),
}

impl SdpError {
    /// The SIP status that tells the offerer (RFC 3261 §13.3.1.3: 488; §21.4.1: 400).
    pub fn status(&self) -> u16 {
        match self {
            SdpError::Broken(_) => 400,
            SdpError::NothingFits(_) => 488,
        }
    }
}
