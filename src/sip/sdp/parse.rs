//! Reading a session description: lines to meaning.

use super::{G711, SdpError};
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

/// What the far end's description says about the audio stream that we take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Where its author wants RTP.
    pub remote: SocketAddr,
    /// The codecs that we speak too, in the author's order; never empty.
    pub codecs: Vec<G711>,
    /// Payload type of telephone-event at 8000 Hz, if named.
    pub dtmf: Option<u8>,
    /// The author's direction; a hold by 0.0.0.0 shows as not receiving.
    pub direction: Direction,
    /// Packet time the author would like, milliseconds.
    pub ptime: Option<u16>,
    /// Version in the o= line; a higher one says that something changed.
    pub version: u64,
}

/// Reads a description, offer or answer.
///
/// # Errors
/// `Broken` if it is no SDP or lacks an address; `NothingFits` if no audio stream over plain RTP with PCMU or PCMA is in it.
pub fn parse(text: &str) -> Result<Offer, SdpError> {
    let session = read(text)?;
    let index = pick(&session)?;
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
pub(super) fn pick(session: &Session) -> Result<usize, SdpError> {
    let mut reason = "no audio stream".to_string();
    let mut seen_audio = false;
    for (index, media) in session.medias.iter().enumerate() {
        match suits(media) {
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

fn suits(media: &Media) -> Result<(), String> {
    if media.media != "audio" {
        return Err("no audio stream".into());
    }
    if media.port == 0 {
        return Err("the audio stream is switched off (port 0)".into());
    }
    if !plain_rtp(&media.proto) {
        return Err(format!("{} is not offered here, only RTP/AVP", media.proto));
    }
    if codecs(media).is_empty() {
        return Err(format!("no common codec in {:?}, PCMU and PCMA are spoken here", media.fmt));
    }
    Ok(())
}

fn plain_rtp(proto: &str) -> bool {
    proto.eq_ignore_ascii_case("RTP/AVP") || proto.eq_ignore_ascii_case("RTP/AVPF")
}

pub(super) fn offer_of(session: &Session, media: &Media) -> Result<Offer, SdpError> {
    let ip = address(session, media)?;
    let direction = direction(session, media);
    // RFC 2543 hold, still understood (RFC 3264 §8.4): nothing is to be sent to the unspecified address.
    let receives = direction.receives() && !ip.is_unspecified();
    Ok(Offer {
        remote: SocketAddr::new(ip, media.port),
        codecs: codecs(media),
        dtmf: telephone_event(media),
        direction: Direction::new(direction.sends(), receives),
        ptime: attribute(media, "ptime").and_then(|v| v.trim().parse().ok()).filter(|p| (1..=1000).contains(p)),
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

/// The G.711 payload types in the m= line, in its order. A static number that an rtpmap gives to something else is not ours.
fn codecs(media: &Media) -> Vec<G711> {
    let mut out = Vec::new();
    for codec in formats(media).filter_map(G711::from_payload_type) {
        let mapped = rtpmap(media, codec.payload_type());
        if mapped.is_none_or(|m| same_encoding(m, codec.encoding())) && !out.contains(&codec) {
            out.push(codec);
        }
    }
    out
}

fn telephone_event(media: &Media) -> Option<u8> {
    formats(media).find(|pt| *pt >= 96 && *pt < 128 && rtpmap(media, *pt).is_some_and(|m| same_encoding(m, "telephone-event")))
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

/// `PCMU/8000`, `pcmu/8000/1`: same name, 8000 Hz, one channel.
fn same_encoding(encoding: &str, name: &str) -> bool {
    let mut parts = encoding.split('/');
    parts.next().is_some_and(|n| n.trim().eq_ignore_ascii_case(name))
        && parts.next().is_some_and(|rate| rate.trim() == "8000")
        && parts.next().is_none_or(|channels| channels.trim() == "1")
}

fn attribute<'a>(media: &'a Media, name: &'a str) -> Option<&'a str> {
    media.get_first_attribute_value(name).flatten()
}
