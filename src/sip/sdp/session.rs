//! Our side of one dialog's descriptions: what we said last, and what may not change any more (RFC 3264 §8).

use super::crypto::{self, Crypto};
use super::parse::{self, Direction};
use super::{Format, MediaAgreement, Offer, SdpError, SdpPolicy, Srtp};
use crate::base::Codec;
use crate::rtp::{COMFORT_NOISE, KeyEvents, MasterKey, Numbers, SrtpKeys, Suite};
use sha2::{Digest, Sha256};
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
#[derive(Clone)]
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
    /// What our keys are made from.
    keys: SdpKeys,
    /// Which of our keys are in use, and the far end's that they answer; `None` = not encrypted. A generation is never used
    /// again once it was left.
    generation: u32,
    answered: Option<MasterKey>,
}

impl std::fmt::Debug for SdpSession {
    /// Without what was said: keys are in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SdpSession").field("id", &self.id).field("version", &self.version).finish_non_exhaustive()
    }
}

/// The secret from which our keys of one dialog are made, from a generator fit for secrets.
#[derive(Clone, Copy)]
pub struct SdpKeys([u8; SdpKeys::BYTES]);

impl SdpKeys {
    /// Bytes that are needed.
    pub const BYTES: usize = 64;

    /// From so many random bytes.
    pub fn from_random(bytes: [u8; SdpKeys::BYTES]) -> SdpKeys {
        SdpKeys(bytes)
    }

    /// Our keys, tagged from 1, the preferred one first. Each suite and each generation has its own.
    fn offered(&self, generation: u32) -> Vec<Crypto> {
        (1..).zip(Suite::ALL).filter_map(|(tag, suite)| Some(Crypto { tag, key: self.of(suite, generation)? })).collect()
    }

    fn of(&self, suite: Suite, generation: u32) -> Option<MasterKey> {
        let block = |n: u8| {
            let hash = Sha256::new().chain_update(self.0).chain_update(suite.name()).chain_update(generation.to_be_bytes());
            hash.chain_update([n]).finalize()
        };
        // At most 44 bytes are needed.
        let bytes: Vec<u8> = block(0).into_iter().chain(block(1)).collect();
        MasterKey::new(suite, bytes.get(..suite.key_and_salt())?)
    }
}

/// What one of our descriptions says of the audio stream.
struct Ours<'a> {
    codecs: &'a [Format],
    /// telephone-event: payload type and clock.
    events: &'a [(u8, u32)],
    noise: bool,
    rtcp_mux: bool,
    crypto: &'a [Crypto],
    direction: Direction,
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
        SdpSession::with_policy(id, SdpPolicy::default(), SdpKeys([0; SdpKeys::BYTES]))
    }

    /// The same, speaking what the policy says. `keys` are used only where it wants encryption.
    pub fn with_policy(id: u64, policy: SdpPolicy, keys: SdpKeys) -> SdpSession {
        let id = id & (u64::MAX >> 2);
        let proto = if policy.srtp == Srtp::Required { "RTP/SAVP" } else { "RTP/AVP" };
        let lines = vec![Line::Audio { proto: proto.into() }];
        let numbers = Dynamic { opus: OPUS, events_8000: EVENTS_8000, events_48000: EVENTS_48000 };
        SdpSession { id, version: id, said: String::new(), lines, policy, numbers, keys, generation: 0, answered: None }
    }

    /// Answers an offer (RFC 3264 §6): what is agreed, and the text for the 200.
    ///
    /// # Errors
    /// `Broken` (answer 400) or `NothingFits` (answer 488); the session stays as it was.
    pub fn answer(&mut self, offer: &str, local_ip: IpAddr, local_port: u16) -> Result<(MediaAgreement, String), SdpError> {
        let session = parse::read(offer)?;
        let index = parse::pick(&session, self.policy.srtp)?;
        let theirs = parse::offer_of(&session, &session.medias[index])?;
        // Both ways their numbers: an answer keeps those of the offer.
        let mut agreement = self.agree(&theirs, local_ip, |_, theirs| theirs)?;
        agreement.rtcp_mux = theirs.rtcp_mux;
        // The first of theirs that we can do (RFC 4568 §5.1.2), under its tag.
        let crypto = theirs.crypto.first().filter(|_| self.policy.srtp != Srtp::Off);
        self.theirs_is(crypto.map(|c| c.key));
        let answered = crypto.and_then(|c| Some(Crypto { key: self.keys.of(c.key.suite(), self.generation)?, ..*c }));
        agreement.srtp = crypto.zip(answered).map(|(c, ours)| SrtpKeys { send: ours.key, receive: c.key });
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
        let ours = Ours {
            codecs: &[codec],
            events: events.as_slice(),
            noise: agreement.noise,
            rtcp_mux: agreement.rtcp_mux,
            crypto: answered.as_slice(),
            direction: ours,
        };
        let text = self.say(local_ip, local_port, &ours);
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
        let crypto = if self.policy.srtp == Srtp::Off { Vec::new() } else { self.keys.offered(self.generation) };
        let ours = Ours {
            codecs: &codecs,
            events: &events,
            noise: self.policy.comfort_noise,
            rtcp_mux: false,
            crypto: &crypto,
            direction: Direction::SendRecv,
        };
        self.say(local_ip, local_port, &ours)
    }

    /// Takes the answer to our [`SdpSession::offer`]. `local_ip` is the one that was offered.
    ///
    /// # Errors
    /// `Broken` or `NothingFits`: the call cannot have audio and should be ended.
    pub fn accept_answer(&mut self, answer: &str, local_ip: IpAddr) -> Result<MediaAgreement, SdpError> {
        let theirs = parse::parse(answer, self.policy.srtp)?;
        let numbers = self.numbers;
        // We get what we offered under our numbers and send under theirs (RFC 3264 §6.1).
        let mut agreement = self.agree(&theirs, local_ip, |clock_of_event, theirs| match clock_of_event {
            None if theirs < 96 => theirs,
            None => numbers.opus,
            Some(48_000) => numbers.events_48000,
            Some(_) => numbers.events_8000,
        })?;
        agreement.srtp = self.answered_keys(&theirs)?;
        self.theirs_is(agreement.srtp.map(|keys| keys.receive));
        Ok(agreement)
    }

    /// Our keys are used no more: what is said next has others. For a session that was laid aside and comes back, while the
    /// counters of its keys are gone.
    pub fn renew_keys(&mut self) {
        self.generation += 1;
    }

    /// The key that they use now. Another one may be another machine (a transfer behind a PBX), which cannot know how often
    /// our sequence numbers have wrapped: a key of our own begins that count anew. Where they use none any more ours is done
    /// with as well: its counters are forgotten with it, and a key must never count twice from the same number.
    fn theirs_is(&mut self, key: Option<MasterKey>) {
        if self.answered.is_some() && self.answered != key {
            self.renew_keys();
        }
        self.answered = key;
    }

    /// The key of ours that they chose, with theirs; `None` = not encrypted.
    fn answered_keys(&self, theirs: &Offer) -> Result<Option<SrtpKeys>, SdpError> {
        if self.policy.srtp == Srtp::Off {
            return Ok(None);
        }
        let keys = theirs.crypto.first().and_then(|c| {
            // Tag and suite must be a pair of ours (RFC 4568 §5.1.3).
            let ours =
                self.keys.offered(self.generation).into_iter().find(|o| o.tag == c.tag && o.key.suite() == c.key.suite())?;
            Some(SrtpKeys { send: ours.key, receive: c.key })
        });
        match keys {
            None if theirs.secure || self.policy.srtp == Srtp::Required || !theirs.crypto.is_empty() => {
                Err(SdpError::NothingFits("the answer takes none of the keys that were offered".into()))
            }
            keys => Ok(keys),
        }
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
            // Its clock is 8 kHz (RFC 3551 §6, RFC 3389 §4); Opus has a silence of its own.
            noise: theirs.noise && self.policy.comfort_noise && codec != Codec::Opus,
            rtcp_mux: false,
            srtp: None,
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
    fn say(&mut self, ip: IpAddr, port: u16, ours: &Ours<'_>) -> String {
        let family = family(ip);
        let mut body = format!("s=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n");
        for line in &self.lines {
            match line {
                Line::Audio { proto } => audio_line(&mut body, proto, port, ours),
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

fn audio_line(body: &mut String, proto: &str, port: u16, ours: &Ours<'_>) {
    let Ours { codecs, events, noise, rtcp_mux, crypto, direction } = ours;
    let _ = write!(body, "m=audio {port} {proto}");
    let noise = noise.then_some(COMFORT_NOISE);
    for number in codecs.iter().map(|f| f.payload_type).chain(noise).chain(events.iter().map(|e| e.0)) {
        let _ = write!(body, " {number}");
    }
    body.push_str("\r\n");
    for Format { codec, payload_type } in *codecs {
        let channels = if *codec == Codec::Opus { "/2" } else { "" };
        let _ = write!(body, "a=rtpmap:{payload_type} {}/{}{channels}\r\n", codec.name(), codec.clock());
        if *codec == Codec::Opus {
            let _ = write!(body, "a=fmtp:{payload_type} {OPUS_FMTP}\r\n");
        }
    }
    if let Some(number) = noise {
        let _ = write!(body, "a=rtpmap:{number} CN/8000\r\n");
    }
    for (number, clock) in *events {
        // RFC 4733 §2.4.1: the sixteen keys.
        let _ = write!(body, "a=rtpmap:{number} telephone-event/{clock}\r\na=fmtp:{number} 0-15\r\n");
    }
    crypto.iter().for_each(|c| body.push_str(&crypto::line(c)));
    if *rtcp_mux {
        body.push_str("a=rtcp-mux\r\n");
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
