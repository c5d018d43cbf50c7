//! One leg, pure: packets in, 20 ms heard and 20 ms said per tick. The plane owns the sockets, the bridge and the recorder;
//! whatever a leg does can be tested here on simulated time. Nothing in `receive`, `hear` and `speak` allocates.

use super::face::{Codec, LegCommand, LegEvent, LegStats, Negotiated};
use super::key_tones::KeyTones;
use super::peer::Peer;
use super::player::{Player, Source};
use super::tap::TapFeed;
use crate::audio::Tap;
use crate::audio::{ComfortNoise, Concealer, Frame, decode_alaw, decode_ulaw, encode_alaw, encode_ulaw, mix, peak};
use crate::base::{Digit, Moment, PromptEnd};
use crate::listen::{ListenEvent, Listener};
use crate::rtp::{
    HEADER_BYTES, Jitter, KeyReceiver, KeySender, PAYLOAD_BYTES_MAX, PacketView, Popped, ReportBlock, SenderInfo, Sequencer,
    is_rtcp, write_bye, write_report,
};
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// Size of a packet that we send: 20 ms of G.711.
pub const PACKET_BYTES: usize = HEADER_BYTES + 160;
/// Payload type of comfort noise (RFC 3551 §6, RFC 3389).
const COMFORT_NOISE: u8 = 13;
/// Under this peak a frame is quiet enough to be left out unheard.
const QUIET_PEAK: u16 = 300;
/// Bridged sound under a prompt is divided by this (12 dB down).
const DUCK: i16 = 4;
const FRAME_US: u64 = 20_000;
/// The name in our reports (RFC 3550 §6.5.1): the same for every leg, it tells nothing about anybody.
const CNAME: &str = "hotline";

/// Random beginnings of a leg's outgoing stream (RFC 3550 §5.1); the shell draws them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegSeed {
    /// Who we are.
    pub ssrc: u32,
    /// First sequence number.
    pub sequence: u16,
    /// First timestamp.
    pub timestamp: u32,
}

/// What a tick made.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// Length of the packet in `out` and where it goes; `None` when we may not send.
    pub packet: Option<(usize, SocketAddr)>,
    /// What the far end said.
    pub heard: Frame,
}

/// One leg's machine. Drive it with [`Leg::obey`], [`Leg::receive`] and one [`Leg::tick`] every 20 ms.
pub struct Leg {
    /// `None` until signalling has agreed on something.
    peer: Option<Peer>,
    no_rtp: Duration,
    /// When a packet was used last, or when we began to wait for one.
    last_packet: Moment,
    no_rtp_told: bool,
    jitter: Jitter,
    ssrc_in: Option<u32>,
    keys_in: KeyReceiver,
    concealer: Concealer,
    noise: ComfortNoise,
    listener: Box<Listener>,
    tap: TapFeed,
    /// What was heard last was quiet.
    quiet: bool,
    /// When the first sample of the last frame was on the wire.
    frame_at: Moment,
    player: Player,
    keys_out: KeySender,
    key_tones: KeyTones,
    sequencer: Sequencer,
    /// What was sent last, and whether it was more than silence.
    said: Frame,
    said_sound: bool,
    discarded: u64,
}

impl Leg {
    /// A leg that knows no far end yet. `no_rtp`: silence on the wire that is worth a [`LegEvent::NoRtp`].
    pub fn new(seed: LegSeed, no_rtp: Duration, tap: Option<SyncSender<Tap>>) -> Leg {
        Leg {
            peer: None,
            no_rtp,
            last_packet: Moment::ZERO,
            no_rtp_told: false,
            jitter: Jitter::new(),
            ssrc_in: None,
            keys_in: KeyReceiver::default(),
            concealer: Concealer::new(),
            noise: ComfortNoise::new(),
            listener: Box::new(Listener::new()),
            tap: TapFeed::new(tap),
            quiet: true,
            frame_at: Moment::ZERO,
            player: Player::new(),
            keys_out: KeySender::new(),
            key_tones: KeyTones::default(),
            sequencer: Sequencer::new(seed.ssrc, seed.sequence, seed.timestamp),
            said: Frame::SILENCE,
            said_sound: false,
            discarded: 0,
        }
    }

    /// Does what it is told. Commands that are not a leg's own business (bridge, recording, close) come back.
    pub fn obey(&mut self, now: Moment, command: LegCommand, events: &mut Vec<LegEvent>) -> Option<LegCommand> {
        match command {
            LegCommand::Remote(agreed) => self.agree(now, agreed),
            LegCommand::Play { prompt, audio, barge_in } => self.player.play(now, prompt, audio, barge_in, events),
            LegCommand::StopPlaying => self.player.cut_all(now, PromptEnd::Stopped, events),
            LegCommand::Comfort(audio) => self.player.comfort(audio),
            LegCommand::Listen(rule) => {
                if let Some(ListenEvent::Withdrawn { utterance }) = self.listener.set_rule(rule, self.frame_at) {
                    self.tap.withdraw(utterance);
                }
            }
            LegCommand::Complete(utterance) => self.listener.complete(utterance),
            LegCommand::SendDigit(digit) => self.send_digit(digit),
            LegCommand::Bridge(_) | LegCommand::RecordTo(_) | LegCommand::RecordPaused(_) | LegCommand::Close => {
                return Some(command);
            }
        }
        None
    }

    /// Takes a datagram from the RTP port. Whatever is in it, the leg lives on.
    pub fn receive(&mut self, now: Moment, datagram: &[u8], from: SocketAddr, events: &mut Vec<LegEvent>) {
        if is_rtcp(datagram) {
            return;
        }
        if !self.use_packet(now, datagram, from, events) {
            self.discarded += 1;
        }
    }

    /// One tick: [`Leg::hear`], then [`Leg::speak`].
    pub fn tick(
        &mut self,
        now: Moment,
        bridged: Option<&Frame>,
        out: &mut [u8; PACKET_BYTES],
        events: &mut Vec<LegEvent>,
    ) -> Tick {
        let heard = self.hear(now, events);
        Tick { packet: self.speak(now, bridged, out, events), heard }
    }

    /// First half of a tick: the 20 ms that the far end said. Listens to them; speech cuts a prompt that yields to it before
    /// the second half of the same tick.
    pub fn hear(&mut self, now: Moment, events: &mut Vec<LegEvent>) -> Frame {
        self.tap.flush();
        let codec = self.peer.map_or(Codec::Pcmu, |p| p.agreed.codec);
        let mut bytes = [0; 160];
        let popped = self.jitter.pop(now, self.quiet, silence_byte(codec), &mut bytes);
        let mut arrived = None;
        let mut frame = match popped {
            Popped::Audio { arrived: when } => {
                arrived = Some(when);
                decode(codec, &bytes)
            }
            Popped::Lost => self.concealer.lost(),
            Popped::ComfortNoise(level) => {
                self.noise.told(&[level]);
                self.noise.frame()
            }
            Popped::Empty => Frame::SILENCE,
        };
        if popped != Popped::Lost {
            self.concealer.good(&mut frame);
        }
        self.quiet = peak(&frame.samples) < QUIET_PEAK;
        self.date_frame(now, arrived);
        self.listen(now, &frame, events);
        self.watch_silence(now, events);
        frame
    }

    /// Second half of a tick: writes the packet to send, if any, and where to. `bridged` is what the other leg of a bridge
    /// heard in this tick; prompts are mixed over it.
    pub fn speak(
        &mut self,
        now: Moment,
        bridged: Option<&Frame>,
        out: &mut [u8; PACKET_BYTES],
        events: &mut Vec<LegEvent>,
    ) -> Option<(usize, SocketAddr)> {
        let sent = self.peer.filter(|p| p.agreed.send).and_then(|peer| {
            let len = self.write(now, &peer.agreed, bridged, out, events)?;
            Some((len, peer.target()))
        });
        if sent.is_none() {
            (self.said, self.said_sound) = (Frame::SILENCE, false);
        }
        self.sequencer.next_tick();
        sent
    }

    /// What was sent in the last tick.
    pub fn said(&self) -> &Frame {
        &self.said
    }

    /// So many ticks could not be served: time went on.
    pub fn skip_ticks(&mut self, ticks: u32) {
        self.sequencer.skip_ticks(ticks);
    }

    /// The last events of a leg: its prompts end, its utterance is withdrawn, its numbers.
    pub fn close(&mut self, now: Moment, events: &mut Vec<LegEvent>) {
        self.player.cut_all(now, PromptEnd::Stopped, events);
        self.tap.close();
        events.push(LegEvent::Closed(self.stats()));
    }

    /// Numbers so far.
    pub fn stats(&self) -> LegStats {
        let s = self.jitter.stats();
        LegStats {
            packets_in: s.received,
            lost: s.lost,
            discarded: self.discarded,
            packets_out: self.sequencer.packets(),
            jitter_us: s.jitter_us,
        }
    }

    /// Where RTCP goes: the port above the one where we send (RFC 3550 §11).
    pub fn rtcp_target(&self) -> Option<SocketAddr> {
        let mut to = self.peer?.target();
        to.set_port(to.port().checked_add(1)?);
        Some(to)
    }

    /// Writes an RTCP report (RFC 3550 §6.4); due every five seconds. `None` while there is nothing to report.
    pub fn report(&mut self, now: Moment, out: &mut [u8]) -> Option<usize> {
        let low = |n: u64| (n & 0xffff_ffff) as u32;
        let seconds = now.micros() / 1_000_000;
        let fraction = ((now.micros() % 1_000_000) << 32) / 1_000_000;
        let sender = (self.sequencer.packets() > 0).then(|| SenderInfo {
            ntp: seconds << 32 | fraction,
            timestamp: self.sequencer.timestamp(),
            packets: low(self.sequencer.packets()),
            octets: low(self.sequencer.octets()),
        });
        let reception = self.jitter.reception();
        let about = reception.ssrc().map(|ssrc| ReportBlock {
            ssrc,
            fraction_lost: reception.fraction_lost(),
            lost: low(reception.stats().lost),
            highest: reception.extended_highest(),
            jitter: reception.jitter(),
        });
        if sender.is_none() && about.is_none() {
            return None;
        }
        write_report(self.sequencer.ssrc(), sender.as_ref(), about.as_ref(), CNAME, out)
    }

    /// Writes the RTCP goodbye (RFC 3550 §6.6); `None` when we never sent.
    pub fn bye(&self, out: &mut [u8]) -> Option<usize> {
        if self.sequencer.packets() == 0 { None } else { write_bye(self.sequencer.ssrc(), out) }
    }

    fn agree(&mut self, now: Moment, agreed: Negotiated) {
        let waited = self.peer.is_some_and(|p| p.agreed.receive);
        match self.peer.as_mut() {
            Some(peer) => {
                if peer.agreed.codec != agreed.codec {
                    self.jitter.restart();
                }
                peer.agree(now, agreed);
            }
            None => self.peer = Some(Peer::new(agreed)),
        }
        if agreed.receive && !waited {
            self.last_packet = now;
            self.no_rtp_told = false;
        }
    }

    /// False when the packet was of no use.
    fn use_packet(&mut self, now: Moment, datagram: &[u8], from: SocketAddr, events: &mut Vec<LegEvent>) -> bool {
        let Some(peer) = self.peer.as_mut() else { return false };
        let Some(PacketView { header, payload }) = PacketView::parse(datagram) else { return false };
        let kind = if header.payload_type == payload_type(peer.agreed.codec) && payload.len() <= PAYLOAD_BYTES_MAX {
            Kind::Audio
        } else if Some(header.payload_type) == peer.agreed.dtmf && payload.len() >= 4 {
            Kind::Key
        } else if header.payload_type == COMFORT_NOISE && !payload.is_empty() {
            Kind::Noise
        } else {
            return false;
        };
        if !peer.agreed.receive || !peer.accept(now, from) {
            return false;
        }
        (self.last_packet, self.no_rtp_told) = (now, false);
        if self.ssrc_in.replace(header.ssrc) != Some(header.ssrc) {
            self.keys_in.reset();
        }
        match kind {
            // Probes without payload take a sequence number and nothing else.
            Kind::Audio if payload.is_empty() => self.jitter.push_other(now, &header),
            Kind::Audio => self.jitter.push(now, &header, payload),
            Kind::Noise => self.jitter.push_comfort_noise(now, &header, payload[0]),
            Kind::Key => {
                let useful = self.jitter.push_other(now, &header);
                if let Some(digit) = self.keys_in.receive(now, header.marker, header.timestamp, payload) {
                    events.push(LegEvent::Digit { digit, at: now });
                    self.player.cut_all(now, PromptEnd::Keyed, events);
                }
                useful
            }
        }
    }

    /// When the frame's first sample was on the wire. Arrival times are shaken by the network and come in lumps for long
    /// packets, so the line of frames runs on by 20 ms and is only pulled towards them.
    fn date_frame(&mut self, now: Moment, arrived: Option<Moment>) {
        let (before, now) = (self.frame_at.micros(), now.micros());
        let next = before + FRAME_US;
        let at = match arrived.map(|a| a.micros().saturating_sub(FRAME_US)) {
            Some(a) if a.abs_diff(next) > 2 * FRAME_US => a,
            Some(a) if a > next => next + (a - next) / 8,
            Some(a) => next - (next - a) / 8,
            None => next,
        };
        // Never backwards, never in the future, never more than the longest delay behind.
        let newest = now.saturating_sub(FRAME_US).max(before);
        let oldest = now.saturating_sub(400_000).max(before);
        self.frame_at = Moment::from_micros(at.clamp(oldest.min(newest), newest));
    }

    fn listen(&mut self, now: Moment, frame: &Frame, events: &mut Vec<LegEvent>) {
        let playing = self.said_sound.then_some(&self.said);
        let event = self.listener.push(frame, self.frame_at, playing);
        if let Some(ListenEvent::Started { utterance, at }) = event {
            let earlier = self.listener.preroll().count().saturating_sub(1) as u64;
            let first = Moment::from_micros(self.frame_at.micros().saturating_sub(earlier * FRAME_US));
            self.tap.start(utterance, first, self.listener.preroll());
            events.push(LegEvent::SpeechStarted { utterance, at, over: self.player.playing() });
            self.player.barge_in(now, events);
            return;
        }
        self.tap.frame(frame);
        match event {
            Some(ListenEvent::Ended { utterance, started, ended, .. }) => {
                self.tap.end(utterance);
                events.push(LegEvent::SpeechEnded { utterance, started, ended });
            }
            Some(ListenEvent::Withdrawn { utterance }) => self.tap.withdraw(utterance),
            Some(ListenEvent::Started { .. }) | None => {}
        }
    }

    fn watch_silence(&mut self, now: Moment, events: &mut Vec<LegEvent>) {
        let expected = self.peer.is_some_and(|p| p.agreed.receive);
        if expected && !self.no_rtp_told && !self.jitter.in_comfort_noise() && now - self.last_packet > self.no_rtp {
            self.no_rtp_told = true;
            events.push(LegEvent::NoRtp);
        }
    }

    /// Makes this tick's packet: a key's, else sound.
    fn write(
        &mut self,
        now: Moment,
        agreed: &Negotiated,
        bridged: Option<&Frame>,
        out: &mut [u8; PACKET_BYTES],
        events: &mut Vec<LegEvent>,
    ) -> Option<usize> {
        if let Some(payload_type) = agreed.dtmf
            && let Some(step) = self.keys_out.step(self.sequencer.timestamp())
        {
            (self.said, self.said_sound) = (Frame::SILENCE, false);
            return self.sequencer.event(step.marker, payload_type, step.timestamp, &step.packet.bytes(), out);
        }
        if let Some(tone) = self.key_tones.frame() {
            (self.said, self.said_sound) = (tone, true);
        } else {
            let source = self.player.frame(now, bridged.is_none(), &mut self.said, events);
            if let Some(other) = bridged {
                self.said = match source {
                    Source::Prompt => mix(&self.said, &ducked(other)),
                    Source::Comfort | Source::Nothing => *other,
                };
            }
            self.said_sound = source != Source::Nothing || bridged.is_some();
        }
        let mut payload = [0; 160];
        match agreed.codec {
            Codec::Pcmu => encode_ulaw(&self.said, &mut payload),
            Codec::Pcma => encode_alaw(&self.said, &mut payload),
        }
        self.sequencer.audio(payload_type(agreed.codec), &payload, out)
    }

    /// As an event where that was agreed, else as the tones themselves.
    fn send_digit(&mut self, digit: Digit) {
        if self.peer.is_none_or(|p| p.agreed.dtmf.is_some()) {
            self.keys_out.press(digit);
        } else {
            self.key_tones.press(digit);
        }
    }
}

/// What a good packet carries.
enum Kind {
    Audio,
    Key,
    Noise,
}

fn payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
    }
}

fn silence_byte(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0xff,
        Codec::Pcma => 0xd5,
    }
}

fn decode(codec: Codec, bytes: &[u8; 160]) -> Frame {
    let mut frame = Frame::SILENCE;
    match codec {
        Codec::Pcmu => decode_ulaw(bytes, &mut frame.samples),
        Codec::Pcma => decode_alaw(bytes, &mut frame.samples),
    };
    frame
}

fn ducked(frame: &Frame) -> Frame {
    let mut out = *frame;
    out.samples.iter_mut().for_each(|s| *s /= DUCK);
    out
}

#[cfg(test)]
#[path = "leg_tests.rs"]
mod tests;
