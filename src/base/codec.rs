//! The codecs of a line.

/// How 20 ms of speech become bytes. All are used in mono, and everything inside stays 8 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Codec {
    /// G.711 mu-law (RFC 3551 §4.5.14), payload type 0.
    #[serde(rename = "PCMU")]
    Pcmu,
    /// G.711 A-law (RFC 3551 §4.5.14), payload type 8.
    #[serde(rename = "PCMA")]
    Pcma,
    /// G.722 at 64 kbit/s (RFC 3551 §4.5.2), payload type 9.
    G722,
    /// Opus (RFC 6716, RFC 7587), a dynamic payload type.
    #[serde(rename = "opus")]
    Opus,
}

impl Codec {
    /// All, the ones that every far end has first.
    pub const ALL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

    /// Its name in `a=rtpmap` and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// The codec of this name, in capitals or not.
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// Ticks of its RTP clock in a second. G.722 samples at 16 kHz and still counts 8000, by an old mistake that has become
    /// the rule (RFC 3551 §4.5.2); Opus counts 48000 whatever it samples at (RFC 7587 §4.1).
    pub fn clock(self) -> u32 {
        if self == Codec::Opus { 48_000 } else { 8_000 }
    }

    /// Ticks of its RTP clock in one of our 8-kHz samples.
    pub fn scale(self) -> u32 {
        self.clock() / 8_000
    }

    /// Its payload type, where RFC 3551 §6 fixes one.
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcmu => Some(0),
            Codec::Pcma => Some(8),
            Codec::G722 => Some(9),
            Codec::Opus => None,
        }
    }
}
