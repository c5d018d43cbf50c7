//! Reading a session description: lines to meaning.

use super::crypto::{self, Crypto};
use super::{SdpError, Srtp};
use crate::base::Codec;
use crate::rtp::COMFORT_NOISE;
use sdp_types::{Connection, Media, Session};
use std::net::{IpAddr, SocketAddr};

/// More media lines than this are no telephone call.
const MEDIA_LINES_MAX: usize = 16;

/// Which way audio flows, from the view of the description's author (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways (the default).
    SendRecv,
    /// The author only sends: we are on hold and hear music.
    SendOnly,
    /// The author only listens.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    pub(super) fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    pub(super) fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    pub(super) fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    fn from_name(name: &str) -> Option<Direction> {
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .find(|d| d.name().eq_ignore_ascii_case(name))
    }
}

/// A codec with its payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Which.
    pub codec: Codec,
    /// As the description's author wants to get it.
    pub payload_type: u8,
}

/// What the far end's description says about the audio stream that we take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Where its author wants RTP.
    pub remote: SocketAddr,
    /// The codecs that we can speak, in the author's order; never empty.
    pub codecs: Vec<Format>,
    /// Payload types of telephone-event, each with its clock, in the author's order.
    pub events: Vec<(u8, u32)>,
    /// Comfort noise at 8 kHz is among the formats (RFC 3389).
    pub noise: bool,
    /// RTCP may go through the port of RTP (RFC 5761 §5.1.1).
    pub rtcp_mux: bool,
    /// The stream is RTP/SAVP: encrypted or not at all.
    pub secure: bool,
    /// Keys that we can use, in the author's order.
    pub crypto: Vec<Crypto>,
    /// The author's direction; a hold by 0.0.0.0 shows as not receiving.
    pub direction: Direction,
    /// Packet time the author would like, milliseconds.
    pub ptime: Option<u16>,
    /// Longest packet the author takes, milliseconds (RFC 8866 §6.6).
    pub maxptime: Option<u16>,
    /// Version in the o= line; a higher one says that something changed.
    pub version: u64,
}

/// Reads a description, offer or answer.
///
/// # Errors
/// `Broken` if it is no SDP or lacks an address; `NothingFits` if no audio stream with a codec of ours, encrypted as `srtp` wants it, is in it.
pub fn parse(text: &str, srtp: Srtp) -> Result<Offer, SdpError> {
    let session = read(text)?;
    let index = pick(&session, srtp)?;
    offer_of(&session, &session.medias[index])
}

/// The lines, checked for what every description must have.
pub(super) fn read(text: &str) -> Result<Session, SdpError> {
    let session = Session::parse(text.as_bytes()).map_err(|e| SdpError::Broken(e.to_string()))?;
    if session.medias.is_empty() {
        return Err(SdpError::Broken("it has no m= line".into()));
    }
    if session.medias.len() > MEDIA_LINES_MAX {
        return Err(SdpError::Broken(format!("more than {MEDIA_LINES_MAX} m= lines")));
    }
    Ok(session)
}

/// The first stream that suits us. The reason of the first audio stream that does not is the one worth telling.
pub(super) fn pick(session: &Session, srtp: Srtp) -> Result<usize, SdpError> {
    let mut reason = "no audio stream".to_string();
    let mut seen_audio = false;
    for (index, media) in session.medias.iter().enumerate() {
        match suits(media, srtp) {
            Ok(()) => return Ok(index),
            Err(why) if media.media == "audio" && !seen_audio => {
                seen_audio = true;
                reason = why;
            }
            Err(_) => {}
        }
    }
    Err(SdpError::NothingFits(reason))
}

fn suits(media: &Media, srtp: Srtp) -> Result<(), String> {
    if media.media != "audio" {
        return Err("no audio stream".into());
    }
    if media.port == 0 {
        return Err("the audio stream is switched off (port 0)".into());
    }
    let (plain, secure) = (plain_rtp(&media.proto), secure_rtp(&media.proto));
    match srtp {
        Srtp::Off if !plain => return Err(format!("{} is not offered here, only RTP/AVP", media.proto)),
        _ if !plain && !secure => return Err(format!("{} is not offered here, only RTP/AVP and RTP/SAVP", media.proto)),
        _ if (secure || srtp == Srtp::Required) && crypto::lines(media).is_empty() => {
            return Err("calls are encrypted here by a=crypto, and no line of it fits".into());
        }
        _ => {}
    }
    if codecs(media).is_empty() {
        return Err(format!("no common codec in {:?}", media.fmt));
    }
    Ok(())
}

fn plain_rtp(proto: &str) -> bool {
    proto.eq_ignore_ascii_case("RTP/AVP") || proto.eq_ignore_ascii_case("RTP/AVPF")
}

fn secure_rtp(proto: &str) -> bool {
    proto.eq_ignore_ascii_case("RTP/SAVP") || proto.eq_ignore_ascii_case("RTP/SAVPF")
}

pub(super) fn offer_of(session: &Session, media: &Media) -> Result<Offer, SdpError> {
    let ip = address(session, media)?;
    let direction = direction(session, media);
    // RFC 2543 hold, still understood (RFC 3264 §8.4): nothing is to be sent to the unspecified address.
    let receives = direction.receives() && !ip.is_unspecified();
    Ok(Offer {
        remote: SocketAddr::new(ip, media.port),
        codecs: codecs(media),
        events: telephone_events(media),
        noise: formats(media).any(|pt| pt == COMFORT_NOISE)
            && rtpmap(media, COMFORT_NOISE).is_none_or(|m| same_encoding(m, "CN", 8_000)),
        rtcp_mux: media.has_attribute("rtcp-mux"),
        secure: secure_rtp(&media.proto),
        crypto: crypto::lines(media),
        direction: Direction::new(direction.sends(), receives),
        ptime: milliseconds(media, "ptime"),
        maxptime: milliseconds(media, "maxptime"),
        version: session.origin.sess_version,
    })
}

fn address(session: &Session, media: &Media) -> Result<IpAddr, SdpError> {
    let connection: &Connection = media
        .connections
        .first()
        .or(session.connection.as_ref())
        .ok_or_else(|| SdpError::Broken("neither the session nor the audio stream has a c= line".into()))?;
    let text = connection.connection_address.split('/').next().unwrap_or("");
    text.parse().map_err(|_| SdpError::NothingFits("the c= line holds a name, an IP address is needed".into()))
}

/// The stream's own direction, else the session's, else both ways (RFC 8866 §6.7).
fn direction(session: &Session, media: &Media) -> Direction {
    let find = |attributes: &[sdp_types::Attribute]| attributes.iter().find_map(|a| Direction::from_name(&a.attribute));
    find(&media.attributes).or_else(|| find(&session.attributes)).unwrap_or(Direction::SendRecv)
}

/// The payload types in the m= line that are codecs of ours, in its order. A static number that an rtpmap gives to something
/// else is not ours; dynamic numbers have an rtpmap (RFC 3551 §6).
pub(super) fn codecs(media: &Media) -> Vec<Format> {
    let mut out: Vec<Format> = Vec::new();
    for payload_type in formats(media).filter(|pt| *pt < 128) {
        let codec = match rtpmap(media, payload_type) {
            Some(encoding) => Codec::ALL.into_iter().find(|c| same_encoding(encoding, c.name(), c.clock())),
            None => Codec::ALL.into_iter().find(|c| c.static_payload_type() == Some(payload_type)),
        };
        if let Some(codec) = codec.filter(|c| out.iter().all(|f| f.codec != *c)) {
            out.push(Format { codec, payload_type });
        }
    }
    out
}

/// telephone-event at any clock that counts 8-kHz samples in whole ticks (RFC 4733 §2.4).
fn telephone_events(media: &Media) -> Vec<(u8, u32)> {
    let clock = |pt: u8| {
        let encoding = rtpmap(media, pt)?;
        let clock = encoding.split('/').nth(1)?.trim().parse().ok()?;
        let fits = (8_000..=192_000).contains(&clock) && clock % 8_000 == 0;
        (fits && same_encoding(encoding, "telephone-event", clock)).then_some((pt, clock))
    };
    formats(media).filter(|pt| (96..128).contains(pt)).filter_map(clock).take(8).collect()
}

fn formats(media: &Media) -> impl Iterator<Item = u8> + '_ {
    media.fmt.split_ascii_whitespace().filter_map(|f| f.parse().ok())
}

/// The encoding that an `a=rtpmap` gives to a payload type: `PCMU/8000`.
fn rtpmap(media: &Media, pt: u8) -> Option<&str> {
    media.get_attribute_values("rtpmap").flatten().find_map(|value| {
        let (number, encoding) = value.trim().split_once([' ', '\t'])?;
        (number.parse() == Ok(pt)).then_some(encoding.trim())
    })
}

/// `PCMU/8000`, `pcmu/8000/1`: same name, clock and number of channels. Opus always says two channels, and means up to two
/// (RFC 7587 §7); some forget it.
fn same_encoding(encoding: &str, name: &str, clock: u32) -> bool {
    let mut parts = encoding.split('/');
    let channels = if name == Codec::Opus.name() { "2" } else { "1" };
    parts.next().is_some_and(|n| n.trim().eq_ignore_ascii_case(name))
        && parts.next().is_some_and(|rate| rate.trim().parse() == Ok(clock))
        && parts.next().is_none_or(|c| c.trim() == channels)
}

fn milliseconds(media: &Media, name: &str) -> Option<u16> {
    let value = media.get_first_attribute_value(name).flatten()?;
    // Some write 20.0, or a range; what is no number in a sane range says nothing.
    let whole = value.trim().split('.').next()?;
    whole.parse().ok().filter(|ms| (1..=1_000).contains(ms))
}
