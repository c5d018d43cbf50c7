//! Our side of one dialog's descriptions: what we said last, and what may not change any more (RFC 3264 §8).

use super::parse::{self, Direction};
use super::{G711, MediaAgreement, Offer, SdpError};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// The telephone-event number that we offer; an offer of the far end replaces it for the rest of the session.
const DTMF_PAYLOAD_TYPE: u8 = 101;
/// Every packet we send and like to get holds 20 ms.
const PTIME_MS: u16 = 20;

/// The memory that offer/answer needs in one dialog: our session id and version, the list of m= lines (which may only
/// grow, RFC 3264 §8) and the number of telephone-event (which may not change, §8.3.2).
#[derive(Debug, Clone)]
pub struct SdpSession {
    /// o= session id, constant for the dialog.
    id: u64,
    /// o= version of what was said last.
    version: u64,
    /// What was said last, without its o= line; empty before the first description.
    said: String,
    /// The m= lines agreed so far; one audio line of ours before anything was agreed.
    lines: Vec<Line>,
    /// telephone-event in this session.
    dtmf: u8,
}

/// One m= line of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// The stream that we take, with its transport.
    Audio { proto: String },
    /// A stream that we refused: it must stay, with port 0.
    Refused { media: String, proto: String, fmt: String },
}

impl SdpSession {
    /// A new session. `id` should not repeat between dialogs (random, or a clock); only its lower 62 bits are used,
    /// because some far ends read it as a signed number.
    pub fn new(id: u64) -> SdpSession {
        let id = id & (u64::MAX >> 2);
        let lines = vec![Line::Audio { proto: "RTP/AVP".into() }];
        SdpSession { id, version: id, said: String::new(), lines, dtmf: DTMF_PAYLOAD_TYPE }
    }

    /// Answers an offer (RFC 3264 §6): what is agreed, and the text for the 200.
    ///
    /// # Errors
    /// `Broken` (answer 400) or `NothingFits` (answer 488); the session stays as it was.
    pub fn answer(&mut self, offer: &str, local_ip: IpAddr, local_port: u16) -> Result<(MediaAgreement, String), SdpError> {
        let session = parse::read(offer)?;
        let index = parse::pick(&session)?;
        let theirs = parse::offer_of(&session, &session.medias[index])?;
        let agreement = agree(&theirs, local_ip)?;
        self.lines = session
            .medias
            .iter()
            .enumerate()
            .map(|(i, m)| match i == index {
                true => Line::Audio { proto: m.proto.clone() },
                false => Line::Refused { media: m.media.clone(), proto: m.proto.clone(), fmt: m.fmt.clone() },
            })
            .collect();
        self.dtmf = theirs.dtmf.unwrap_or(self.dtmf);
        // Mirrored: what they send we receive, what they receive we send.
        let ours = Direction::new(theirs.direction.receives(), theirs.direction.sends());
        let text = self.say(local_ip, local_port, &[agreement.codec], agreement.dtmf, ours);
        Ok((agreement, text))
    }

    /// Our offer: for an INVITE of ours, and for the 200 to one that came without (late offer, RFC 3261 §13.2.1).
    pub fn offer(&mut self, local_ip: IpAddr, local_port: u16) -> String {
        self.say(local_ip, local_port, &[G711::Ulaw, G711::Alaw], Some(self.dtmf), Direction::SendRecv)
    }

    /// Takes the answer to our [`SdpSession::offer`]. `local_ip` is the one that was offered.
    ///
    /// # Errors
    /// `Broken` or `NothingFits`: the call cannot have audio and should be ended.
    pub fn accept_answer(&mut self, answer: &str, local_ip: IpAddr) -> Result<MediaAgreement, SdpError> {
        let theirs = parse::parse(answer)?;
        agree(&theirs, local_ip)
    }

    /// Puts a description together; the version rises exactly when it differs from the last one (RFC 3264 §8).
    fn say(&mut self, ip: IpAddr, port: u16, codecs: &[G711], dtmf: Option<u8>, direction: Direction) -> String {
        let family = family(ip);
        let mut body = format!("s=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n");
        for line in &self.lines {
            match line {
                Line::Audio { proto } => audio_line(&mut body, proto, port, codecs, dtmf, direction),
                Line::Refused { media, proto, fmt } => {
                    let _ = write!(body, "m={media} 0 {proto} {fmt}\r\n");
                }
            }
        }
        if body != self.said {
            if !self.said.is_empty() {
                self.version += 1;
            }
            self.said = body;
        }
        format!("v=0\r\no=- {} {} IN {family} {ip}\r\n{}", self.id, self.version, self.said)
    }
}

fn family(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}

fn audio_line(body: &mut String, proto: &str, port: u16, codecs: &[G711], dtmf: Option<u8>, direction: Direction) {
    let _ = write!(body, "m=audio {port} {proto}");
    for codec in codecs {
        let _ = write!(body, " {}", codec.payload_type());
    }
    if let Some(pt) = dtmf {
        let _ = write!(body, " {pt}");
    }
    body.push_str("\r\n");
    for codec in codecs {
        let _ = write!(body, "a=rtpmap:{} {}/8000\r\n", codec.payload_type(), codec.encoding());
    }
    if let Some(pt) = dtmf {
        // RFC 4733 §2.4.1: the sixteen keys.
        let _ = write!(body, "a=rtpmap:{pt} telephone-event/8000\r\na=fmtp:{pt} 0-15\r\n");
    }
    let _ = write!(body, "a=ptime:{PTIME_MS}\r\na={}\r\n", direction.name());
}

/// What their description means for us: the first common codec in their order, both directions swapped.
fn agree(theirs: &Offer, local_ip: IpAddr) -> Result<MediaAgreement, SdpError> {
    if theirs.remote.is_ipv4() != local_ip.is_ipv4() {
        let theirs = family(theirs.remote.ip());
        return Err(SdpError::NothingFits(format!("audio was to go to an {theirs} address, ours is {}", family(local_ip))));
    }
    let codec = theirs.codecs.first().copied().ok_or_else(|| SdpError::NothingFits("no common codec".into()))?;
    Ok(MediaAgreement {
        remote: SocketAddr::new(theirs.remote.ip(), theirs.remote.port()),
        codec,
        dtmf: theirs.dtmf,
        send: theirs.direction.receives(),
        receive: theirs.direction.sends(),
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
