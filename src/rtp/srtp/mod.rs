//! Secure RTP and RTCP (RFC 3711; AES-GCM by RFC 7714), in place and without allocation: what is sent is protected in the
//! buffer that leaves, what came is opened in a copy. Keys come from signalling (SDES, RFC 4568) or a test; nothing here makes,
//! logs or prints one. `webrtc-srtp` and `rtc-srtp` give back a new buffer for each packet, so the frame around the RustCrypto
//! ciphers is ours. Start reading at [`SrtpSender`] and [`SrtpReceiver`]; `session` is the ciphers, `window` the counting.

mod session;
mod window;

use session::Session;
use window::Window;

/// Most that protection adds to an RTP packet: the tag of AES-GCM.
pub const SRTP_EXTRA_MAX: usize = 16;
/// Most that it adds to an RTCP packet: tag and index.
pub const SRTCP_EXTRA_MAX: usize = 20;
/// Streams of one far end whose counters are remembered; the one unused longest goes first.
const STREAMS_MAX: usize = 4;
/// Packets under one key after which RFC 3711 §9.2 wants another; nobody talks for so long.
const SRTCP_INDEX_MAX: u32 = 0x7fff_ffff;

/// A crypto suite (RFC 4568 §6.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Suite {
    /// AES in counter mode, 128 bits, HMAC-SHA1 of 80 bits.
    AesCm128Sha1Tag80,
    /// The same with 32 bits on RTP (80 on RTCP).
    AesCm128Sha1Tag32,
    /// AES-GCM, 128 bits.
    AesGcm128,
    /// AES-GCM, 256 bits.
    AesGcm256,
}

impl Suite {
    /// All, the preferred one first.
    pub const ALL: [Suite; 4] = [Suite::AesGcm256, Suite::AesGcm128, Suite::AesCm128Sha1Tag80, Suite::AesCm128Sha1Tag32];

    /// Its name in `a=crypto`.
    pub fn name(self) -> &'static str {
        match self {
            Suite::AesCm128Sha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Suite::AesCm128Sha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
            Suite::AesGcm128 => "AEAD_AES_128_GCM",
            Suite::AesGcm256 => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of this name.
    pub fn from_name(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Bytes of master key and master salt together.
    pub fn key_and_salt(self) -> usize {
        self.key() + self.salt()
    }

    fn key(self) -> usize {
        if self == Suite::AesGcm256 { 32 } else { 16 }
    }

    fn salt(self) -> usize {
        if self.is_gcm() { 12 } else { 14 }
    }

    fn is_gcm(self) -> bool {
        matches!(self, Suite::AesGcm128 | Suite::AesGcm256)
    }

    /// Bytes of the tag behind an RTP packet.
    fn rtp_tag(self) -> usize {
        match self {
            Suite::AesCm128Sha1Tag80 => 10,
            Suite::AesCm128Sha1Tag32 => 4,
            Suite::AesGcm128 | Suite::AesGcm256 => 16,
        }
    }

    /// Bytes of the tag of an RTCP packet (RFC 4568 §6.2.2: 80 bits for both counter-mode suites).
    fn rtcp_tag(self) -> usize {
        if self.is_gcm() { 16 } else { 10 }
    }
}

/// A master key with its salt. Its `Debug` tells the suite alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    bytes: [u8; 44],
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

impl MasterKey {
    /// Key and salt, one behind the other; `None` when they are not as long as the suite wants.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Option<MasterKey> {
        if key_and_salt.len() != suite.key_and_salt() {
            return None;
        }
        let mut bytes = [0; 44];
        bytes[..key_and_salt.len()].copy_from_slice(key_and_salt);
        Some(MasterKey { suite, bytes })
    }

    /// Which suite it is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt as they go into a description.
    pub fn key_and_salt(&self) -> &[u8] {
        &self.bytes[..self.suite.key_and_salt()]
    }
}

/// The keys of both directions, seen from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SrtpKeys {
    /// What we send is protected with it.
    pub send: MasterKey,
    /// What we receive is opened with it.
    pub receive: MasterKey,
}

/// Protects what one leg sends.
pub struct SrtpSender {
    master: MasterKey,
    session: Session,
    /// Rollover counter and the last sequence number.
    roc: u32,
    last: Option<u16>,
    /// Index of the next RTCP packet.
    rtcp_index: u32,
}

impl SrtpSender {
    /// From the key that our description names.
    pub fn new(master: MasterKey) -> SrtpSender {
        SrtpSender { master, session: Session::new(&master), roc: 0, last: None, rtcp_index: 1 }
    }

    /// Whose key it uses.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Protects the RTP packet in `buffer[..len]`; the new length, `None` when there is no room or it is no RTP packet.
    /// Sequence numbers must rise by the packet.
    pub fn protect(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        let packet = buffer.get(..len)?;
        let (header, sequence, ssrc) = (rtp_header(packet)?, u16_at(packet, 2)?, u32_at(packet, 8)?);
        if self.last.replace(sequence).is_some_and(|last| sequence < last) {
            self.roc = self.roc.wrapping_add(1);
        }
        let index = u64::from(self.roc) << 16 | u64::from(sequence);
        self.session.protect_rtp(buffer, header, len, ssrc, index)
    }

    /// Protects the compound RTCP packet in `buffer[..len]`; the new length.
    pub fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        let ssrc = u32_at(buffer.get(..len)?, 4)?;
        let index = self.rtcp_index;
        self.rtcp_index = if index >= SRTCP_INDEX_MAX { 1 } else { index + 1 };
        self.session.protect_rtcp(buffer, len, ssrc, index)
    }
}

/// Opens what one far end sends; nothing that was changed, made up or sent twice passes.
pub struct SrtpReceiver {
    master: MasterKey,
    session: Session,
    /// Counters of its streams, used last first.
    streams: [Option<Stream>; STREAMS_MAX],
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: u32,
    /// Over the 48-bit index of its RTP packets; `None` before the first.
    rtp: Option<Window>,
    /// Over the 31-bit index of its RTCP packets.
    rtcp: Option<Window>,
}

impl SrtpReceiver {
    /// From the key that the far end's description names.
    pub fn new(master: MasterKey) -> SrtpReceiver {
        SrtpReceiver { master, session: Session::new(&master), streams: [None; STREAMS_MAX] }
    }

    /// Whose key it uses.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Opens the packet in place; its new length, or `None` when it is not authentic, was seen before, or is too old.
    pub fn open(&mut self, packet: &mut [u8]) -> Option<usize> {
        let (header, sequence, ssrc) = (rtp_header(packet)?, u16_at(packet, 2)?, u32_at(packet, 8)?);
        let stream = self.stream(ssrc);
        let index = match stream.rtp {
            Some(window) => window.nearest(sequence),
            None => u64::from(sequence),
        };
        if stream.rtp.is_some_and(|w| w.seen(index)) {
            return None;
        }
        let len = self.session.open_rtp(packet, header, ssrc, index)?;
        self.keep(Stream { rtp: Some(Window::with(stream.rtp, index)), ..stream });
        Some(len)
    }

    /// The same for RTCP.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Option<usize> {
        let ssrc = u32_at(packet, 4)?;
        let stream = self.stream(ssrc);
        let index = self.session.rtcp_index(packet)?;
        if stream.rtcp.is_some_and(|w| w.seen(u64::from(index & SRTCP_INDEX_MAX))) {
            return None;
        }
        let len = self.session.open_rtcp(packet, ssrc, index)?;
        let window = Window::with(stream.rtcp, u64::from(index & SRTCP_INDEX_MAX));
        self.keep(Stream { rtcp: Some(window), ..stream });
        Some(len)
    }

    fn stream(&self, ssrc: u32) -> Stream {
        let known = self.streams.iter().flatten().find(|s| s.ssrc == ssrc).copied();
        known.unwrap_or(Stream { ssrc, rtp: None, rtcp: None })
    }

    /// Puts an authentic stream first; one that was unused for longest falls off.
    fn keep(&mut self, stream: Stream) {
        let at = self.streams.iter().position(|s| s.is_some_and(|s| s.ssrc == stream.ssrc)).unwrap_or(STREAMS_MAX - 1);
        self.streams[..=at].rotate_right(1);
        self.streams[0] = Some(stream);
    }
}

/// Bytes before the payload: fixed header, CSRC list, extension (RFC 3550 §5.1, §5.3.1).
fn rtp_header(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let fixed = 12 + usize::from(first & 0x0f) * 4;
    let extension = match first & 0x10 {
        0 => 0,
        _ => 4 + usize::from(u16_at(packet, fixed + 2)?) * 4,
    };
    Some(fixed + extension).filter(|h| first >> 6 == 2 && *h <= packet.len())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
