//! Session descriptions (RFC 8866) and their offer/answer (RFC 3264), pure: text in, agreement and text out. One audio
//! stream of G.711 with telephone events; every other stream is refused with port 0. Parsing of lines is `sdp-types`'
//! work, what they mean is decided here. Start reading at [`SdpSession::answer`].

mod parse;
mod session;

pub use parse::{Direction, Offer, parse};
pub use session::SdpSession;

use std::net::SocketAddr;

/// The two laws of G.711, with their static payload types (RFC 3551 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum G711 {
    /// Mu-law, payload type 0.
    Ulaw,
    /// A-law, payload type 8.
    Alaw,
}

impl G711 {
    /// The static RTP payload type.
    pub fn payload_type(self) -> u8 {
        match self {
            G711::Ulaw => 0,
            G711::Alaw => 8,
        }
    }

    /// The codec of a static payload type, if it is one of the two.
    pub fn from_payload_type(pt: u8) -> Option<G711> {
        match pt {
            0 => Some(G711::Ulaw),
            8 => Some(G711::Alaw),
            _ => None,
        }
    }

    fn encoding(self) -> &'static str {
        match self {
            G711::Ulaw => "PCMU",
            G711::Alaw => "PCMA",
        }
    }
}

/// What offer and answer have agreed about the one audio stream, seen from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaAgreement {
    /// Where our RTP goes. The address is 0.0.0.0 (or ::) when the far end holds the old way (RFC 3264 §8.4); `send` is false then.
    pub remote: SocketAddr,
    /// The codec both ways.
    pub codec: G711,
    /// Payload type of telephone-event, if both speak it.
    pub dtmf: Option<u8>,
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
