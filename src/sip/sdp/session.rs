//! Our side of one dialog's descriptions: what we said last, and what may not change any more (RFC 3264 §8).

use super::parse::{self, Direction};
use super::{Format, MediaAgreement, Offer, SdpError, SdpPolicy};
use crate::base::Codec;
use crate::rtp::{KeyEvents, Numbers};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// The numbers that we offer for telephone-event at 8 kHz and at Opus' 48 kHz, and for Opus; an offer of the far end replaces
/// them for the rest of the session.
const EVENTS_8000: u8 = 101;
const EVENTS_48000: u8 = 102;
const OPUS: u8 = 96;
/// Packets that we like to get hold 20 ms; 60 at most.
const PTIME_MS: u16 = 20;
const MAXPTIME_MS: u16 = 60;
/// What our Opus is (RFC 7587 §6.1): telephone sound in one channel is all that is of use here.
const OPUS_FMTP: &str = "maxplaybackrate=8000;sprop-maxcapturerate=8000;maxaveragebitrate=20000;stereo=0;sprop-stereo=0";

/// The memory that offer/answer needs in one dialog: our session id and version, the list of m= lines (which may only
/// grow, RFC 3264 §8) and the numbers of dynamic payload types (which may not change, §8.3.2).
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
    /// What we speak.
    policy: SdpPolicy,
    /// Dynamic payload types in this session.
    numbers: Dynamic,
}

/// Dynamic payload types, all different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dynamic {
    opus: u8,
    events_8000: u8,
    events_48000: u8,
}

impl Dynamic {
    /// Takes over the numbers of their description; ours that would mean two things move out of the way.
    fn learn(&mut self, theirs: &Offer) {
        let taken: Vec<u8> = theirs.codecs.iter().map(|f| f.payload_type).chain(theirs.events.iter().map(|e| e.0)).collect();
        let theirs_at = |clock| theirs.events.iter().find(|e| e.1 == clock).map(|e| e.0);
        let opus = theirs.codecs.iter().find(|f| f.codec == Codec::Opus).map(|f| f.payload_type);
        let mut used = taken.clone();
        for (ours, theirs) in
            [(&mut self.opus, opus), (&mut self.events_8000, theirs_at(8_000)), (&mut self.events_48000, theirs_at(48_000))]
        {
            *ours = theirs.unwrap_or_else(|| {
                let free = (96..128).find(|n| !used.contains(n)).unwrap_or(*ours);
                if used.contains(ours) { free } else { *ours }
            });
            used.push(*ours);
        }
    }
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
        SdpSession::with_policy(id, SdpPolicy::default())
    }

    /// The same, speaking what the policy says.
    pub fn with_policy(id: u64, policy: SdpPolicy) -> SdpSession {
        let id = id & (u64::MAX >> 2);
        let lines = vec![Line::Audio { proto: "RTP/AVP".into() }];
        let numbers = Dynamic { opus: OPUS, events_8000: EVENTS_8000, events_48000: EVENTS_48000 };
        SdpSession { id, version: id, said: String::new(), lines, policy, numbers }
    }

    /// Answers an offer (RFC 3264 §6): what is agreed, and the text for the 200.
    ///
    /// # Errors
    /// `Broken` (answer 400) or `NothingFits` (answer 488); the session stays as it was.
    pub fn answer(&mut self, offer: &str, local_ip: IpAddr, local_port: u16) -> Result<(MediaAgreement, String), SdpError> {
        let session = parse::read(offer)?;
        let index = parse::pick(&session)?;
        let theirs = parse::offer_of(&session, &session.medias[index])?;
        // Both ways their numbers: an answer keeps those of the offer.
        let agreement = self.agree(&theirs, local_ip, |_, theirs| theirs)?;
        self.lines = session
            .medias
            .iter()
            .enumerate()
            .map(|(i, m)| match i == index {
                true => Line::Audio { proto: m.proto.clone() },
                false => Line::Refused { media: m.media.clone(), proto: m.proto.clone(), fmt: m.fmt.clone() },
            })
            .collect();
        self.numbers.learn(&theirs);
        // Mirrored: what they send we receive, what they receive we send.
        let ours = Direction::new(theirs.direction.receives(), theirs.direction.sends());
        let codec = Format { codec: agreement.codec, payload_type: agreement.payload.send };
        let events = agreement.dtmf.map(|d| (d.numbers.send, d.clock));
        let text = self.say(local_ip, local_port, &[codec], events.as_slice(), ours);
        Ok((agreement, text))
    }

    /// Our offer: for an INVITE of ours, and for the 200 to one that came without (late offer, RFC 3261 §13.2.1).
    pub fn offer(&mut self, local_ip: IpAddr, local_port: u16) -> String {
        let numbers = self.numbers;
        let format =
            |codec: &Codec| Format { codec: *codec, payload_type: codec.static_payload_type().unwrap_or(numbers.opus) };
        let codecs: Vec<Format> = self.policy.codecs.iter().map(format).collect();
        let mut events = vec![(numbers.events_8000, 8_000)];
        if self.policy.codecs.contains(&Codec::Opus) {
            // Keys should count the clock of the audio beside them (RFC 4733 §2.6, RFC 7160).
            events.push((numbers.events_48000, 48_000));
        }
        self.say(local_ip, local_port, &codecs, &events, Direction::SendRecv)
    }

    /// Takes the answer to our [`SdpSession::offer`]. `local_ip` is the one that was offered.
    ///
    /// # Errors
    /// `Broken` or `NothingFits`: the call cannot have audio and should be ended.
    pub fn accept_answer(&mut self, answer: &str, local_ip: IpAddr) -> Result<MediaAgreement, SdpError> {
        let theirs = parse::parse(answer)?;
        let numbers = self.numbers;
        // We get what we offered under our numbers and send under theirs (RFC 3264 §6.1).
        self.agree(&theirs, local_ip, |clock_of_event, theirs| match clock_of_event {
            None if theirs < 96 => theirs,
            None => numbers.opus,
            Some(48_000) => numbers.events_48000,
            Some(_) => numbers.events_8000,
        })
    }

    /// What their description means for us. `ours` gives the number under which we get a codec (`None`) or telephone-event
    /// of a clock, given theirs.
    fn agree(
        &self,
        theirs: &Offer,
        local_ip: IpAddr,
        ours: impl Fn(Option<u32>, u8) -> u8,
    ) -> Result<MediaAgreement, SdpError> {
        if theirs.remote.is_ipv4() != local_ip.is_ipv4() {
            let theirs = family(theirs.remote.ip());
            let why = format!("audio was to go to an {theirs} address, ours is {}", family(local_ip));
            return Err(SdpError::NothingFits(why));
        }
        let Format { codec, payload_type } = self.choose(theirs)?;
        // At the clock of the audio, else at 8 kHz, else whatever there is.
        let at = |clock: u32| theirs.events.iter().find(|e| e.1 == clock);
        let events = at(codec.clock()).or_else(|| at(8_000)).or(theirs.events.first());
        Ok(MediaAgreement {
            remote: SocketAddr::new(theirs.remote.ip(), theirs.remote.port()),
            codec,
            payload: Numbers { send: payload_type, receive: ours(None, payload_type) },
            dtmf: events.map(|&(number, clock)| KeyEvents {
                numbers: Numbers { send: number, receive: ours(Some(clock), number) },
                clock,
            }),
            packet_ms: packet_ms(theirs),
            send: theirs.direction.receives(),
            receive: theirs.direction.sends(),
        })
    }

    fn choose(&self, theirs: &Offer) -> Result<Format, SdpError> {
        let mut common = theirs.codecs.iter().filter(|f| self.policy.codecs.contains(&f.codec)).copied();
        let place = |f: &Format| self.policy.codecs.iter().position(|c| *c == f.codec);
        let chosen = if self.policy.prefer_ours { common.min_by_key(place) } else { common.next() };
        chosen.ok_or_else(|| {
            let names: Vec<&str> = self.policy.codecs.iter().map(|c| c.name()).collect();
            SdpError::NothingFits(format!("no common codec, {} is spoken here", names.join(", ")))
        })
    }

    /// Puts a description together; the version rises exactly when it differs from the last one (RFC 3264 §8).
    fn say(&mut self, ip: IpAddr, port: u16, codecs: &[Format], events: &[(u8, u32)], direction: Direction) -> String {
        let family = family(ip);
        let mut body = format!("s=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n");
        for line in &self.lines {
            match line {
                Line::Audio { proto } => audio_line(&mut body, proto, port, codecs, events, direction),
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

fn audio_line(body: &mut String, proto: &str, port: u16, codecs: &[Format], events: &[(u8, u32)], direction: Direction) {
    let _ = write!(body, "m=audio {port} {proto}");
    for number in codecs.iter().map(|f| f.payload_type).chain(events.iter().map(|e| e.0)) {
        let _ = write!(body, " {number}");
    }
    body.push_str("\r\n");
    for Format { codec, payload_type } in codecs {
        let channels = if *codec == Codec::Opus { "/2" } else { "" };
        let _ = write!(body, "a=rtpmap:{payload_type} {}/{}{channels}\r\n", codec.name(), codec.clock());
        if *codec == Codec::Opus {
            let _ = write!(body, "a=fmtp:{payload_type} {OPUS_FMTP}\r\n");
        }
    }
    for (number, clock) in events {
        // RFC 4733 §2.4.1: the sixteen keys.
        let _ = write!(body, "a=rtpmap:{number} telephone-event/{clock}\r\na=fmtp:{number} 0-15\r\n");
    }
    let _ = write!(body, "a=ptime:{PTIME_MS}\r\na=maxptime:{MAXPTIME_MS}\r\na={}\r\n", direction.name());
}

/// The packets they want: what they ask for within what they take, 10 to 60 ms; 20 where they say nothing.
fn packet_ms(theirs: &Offer) -> u8 {
    let wanted = theirs.ptime.unwrap_or(PTIME_MS).min(theirs.maxptime.unwrap_or(MAXPTIME_MS));
    u8::try_from(wanted.clamp(10, MAXPTIME_MS)).unwrap_or(20)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
