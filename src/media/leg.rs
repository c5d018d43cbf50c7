//! One leg, pure: packets in, 20 ms heard and 20 ms said per tick. The plane owns the sockets, the bridge and the recorder;
//! whatever a leg does can be tested here on simulated time. Nothing in `receive`, `hear` and `speak` allocates.

mod reports;

pub use reports::RTCP_BYTES;

use super::control::Control;
use super::face::{Codec, LegCommand, LegEvent, Negotiated, OneWay};
use super::key_tones::KeyTones;
use super::peer::Peer;
use super::player::{Player, Source};
use super::secure::Secure;
use super::sending::Sending;
use super::silence::{QUIET_PEAK, Say, Silence};
use super::tap::TapFeed;
use crate::audio::Tap;
use crate::audio::{ComfortNoise, Concealer, Decoder, DtmfDetector, Frame, mix, peak};
use crate::base::{Digit, Moment, PromptEnd};
use crate::listen::{ListenEvent, Listener};
use crate::rtp::{
    COMFORT_NOISE, ClockScale, HEADER_BYTES, Jitter, KeyReceiver, KeySender, PAYLOAD_BYTES_MAX, PacketView, Popped,
    SRTP_EXTRA_MAX, Sequencer, is_rtcp, payload_samples,
};
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// Room for a packet that we send: at most 60 ms of G.711 or G.722, encrypted.
pub const PACKET_BYTES: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX + SRTP_EXTRA_MAX;
/// Audio that goes one way only for so long is an alarm.
const ONE_WAY: Duration = Duration::from_secs(5);
/// Bridged sound under a prompt is divided by this (12 dB down).
const DUCK: i16 = 4;
/// A far end that sent comfort noise may be silent for so many times the usual limit.
const NOISE_PATIENCE: u32 = 10;
const FRAME_US: u64 = 20_000;
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
    decoder: Decoder,
    /// Brings the far end's timestamps to 8 kHz.
    clock_in: ClockScale,
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
    sending: Sending,
    silence: Silence,
    secure: Secure,
    control: Control,
    /// Where the far end's RTCP comes from, on its own port.
    rtcp_from: Option<SocketAddr>,
    /// Sequence number of our first packet.
    first_sequence: u16,
    /// Hears keys in the sound, where no telephone-event was agreed.
    keys_heard: DtmfDetector,
    one_way: Option<OneWay>,
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
            decoder: Decoder::new(Codec::Pcmu),
            clock_in: ClockScale::new(1),
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
            sending: Sending::new(Codec::Pcmu, 20),
            silence: Silence::default(),
            secure: Secure::default(),
            control: Control::default(),
            rtcp_from: None,
            first_sequence: seed.sequence,
            keys_heard: DtmfDetector::new(),
            one_way: None,
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
            LegCommand::Bridge(_)
            | LegCommand::ThreeWay(_)
            | LegCommand::RecordTo(_)
            | LegCommand::RecordPaused(_)
            | LegCommand::Close => {
                return Some(command);
            }
        }
        None
    }

    /// Takes a datagram from the RTP port. Whatever is in it, the leg lives on.
    pub fn receive(&mut self, now: Moment, datagram: &[u8], from: SocketAddr, events: &mut Vec<LegEvent>) {
        if is_rtcp(datagram) {
            return self.receive_rtcp(now, datagram, from);
        }
        let used = if self.secure.on() {
            self.secure.open(datagram).is_some_and(|opened| self.use_packet(now, opened.bytes(), from, events))
        } else {
            self.use_packet(now, datagram, from, events)
        };
        self.discarded += u64::from(!used);
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
        let (decoder, mut sound) = (&mut self.decoder, Frame::SILENCE);
        let popped = self.jitter.pop(now, self.quiet, &mut |piece| {
            decoder.decode(piece.timestamp, piece.payload, piece.skip, &mut sound.samples[piece.at]);
        });
        let mut arrived = None;
        let mut frame = match popped {
            Popped::Audio { arrived: when } => {
                arrived = Some(when);
                sound
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
        if self.peer.is_some_and(|p| p.agreed.dtmf.is_none())
            && let Some(digit) = self.keys_heard.push(&frame)
        {
            self.key(now, digit, events);
        }
        self.listen(now, &frame, events);
        self.watch_silence(now, events);
        frame
    }

    /// Second half of a tick: writes the packet to send, if any, and where to; [`Leg::speak_on`] has those after it. `bridged`
    /// is what the other leg of a bridge heard in this tick; prompts are mixed over it.
    pub fn speak(
        &mut self,
        now: Moment,
        bridged: Option<&Frame>,
        out: &mut [u8; PACKET_BYTES],
        events: &mut Vec<LegEvent>,
    ) -> Option<(usize, SocketAddr)> {
        self.sequencer.next_tick();
        let Some(peer) = self.peer.filter(|p| p.agreed.send) else {
            (self.said, self.said_sound) = (Frame::SILENCE, false);
            self.sending.forget();
            return None;
        };
        let len = self.write(now, &peer.agreed, bridged, out, events)?;
        Some((self.secure.protect(out, len)?, peer.target()))
    }

    /// The next packet of the same tick, if any: packets shorter than 20 ms.
    pub fn speak_on(&mut self, out: &mut [u8; PACKET_BYTES]) -> Option<(usize, SocketAddr)> {
        let peer = self.peer.filter(|p| p.agreed.send)?;
        let len = self.sending.packet(&mut self.sequencer, peer.agreed.payload.send, out)?;
        Some((self.secure.protect(out, len)?, peer.target()))
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

    fn agree(&mut self, now: Moment, agreed: Negotiated) {
        let waited = self.peer.is_some_and(|p| p.agreed.receive);
        match self.peer.as_mut() {
            Some(peer) => {
                let before = peer.agreed;
                peer.agree(now, agreed);
                if (before.codec, before.packet_ms) != (agreed.codec, agreed.packet_ms) {
                    self.sending = Sending::new(agreed.codec, agreed.packet_ms);
                }
                if before.codec != agreed.codec {
                    self.jitter.restart();
                    self.set_codec(agreed.codec);
                }
            }
            None => {
                self.peer = Some(Peer::new(agreed));
                self.sending = Sending::new(agreed.codec, agreed.packet_ms);
                self.set_codec(agreed.codec);
            }
        }
        self.keys_in.set_scale(agreed.dtmf.map_or(1, |d| d.scale()));
        self.secure.agree(&agreed);
        if agreed.receive && !waited {
            self.last_packet = now;
            self.no_rtp_told = false;
        }
    }

    /// A key was pressed: it ends every prompt.
    fn key(&mut self, now: Moment, digit: Digit, events: &mut Vec<LegEvent>) {
        events.push(LegEvent::Digit { digit, at: now });
        self.player.cut_all(now, PromptEnd::Keyed, events);
    }

    fn set_codec(&mut self, codec: Codec) {
        self.decoder = Decoder::new(codec);
        self.clock_in = ClockScale::new(codec.scale());
        self.sequencer.set_scale(codec.scale());
    }

    /// False when the packet was of no use.
    fn use_packet(&mut self, now: Moment, datagram: &[u8], from: SocketAddr, events: &mut Vec<LegEvent>) -> bool {
        let Some(peer) = self.peer.as_mut() else { return false };
        let Some(PacketView { mut header, payload }) = PacketView::parse(datagram) else { return false };
        let Some(kind) = kind_of(&peer.agreed, header.payload_type, payload) else { return false };
        if !peer.agreed.receive || !peer.accept(now, from, &header, self.secure.on()) {
            return false;
        }
        let (codec, dtmf) = (peer.agreed.codec, peer.agreed.dtmf);
        (self.last_packet, self.no_rtp_told) = (now, false);
        if self.ssrc_in.replace(header.ssrc) != Some(header.ssrc) {
            self.keys_in.reset();
            self.clock_in = ClockScale::new(codec.scale());
        }
        let event_timestamp = header.timestamp;
        // A clock that is not the stream's tells nothing about when (RFC 7160 §4.1): such a packet follows what came last.
        let same_clock = kind == Kind::Audio || kind == Kind::Key && dtmf.is_some_and(|d| d.clock == codec.clock());
        header.timestamp = match codec.scale() {
            1 => header.timestamp,
            _ if same_clock => self.clock_in.scaled(header.timestamp),
            _ => self.jitter.follows(),
        };
        match kind {
            // Probes without payload take a sequence number and nothing else.
            Kind::Audio if payload.is_empty() => self.jitter.push_other(now, &header),
            Kind::Audio => payload_samples(codec, payload).is_some_and(|n| self.jitter.push(now, &header, n, payload)),
            Kind::Noise => self.jitter.push_comfort_noise(now, &header, payload[0]),
            Kind::Key => {
                let useful = self.jitter.push_other(now, &header);
                if let Some(digit) = self.keys_in.receive(now, header.marker, event_timestamp, payload) {
                    self.key(now, digit, events);
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
        // On hold their exchange may play music: nobody speaks to us.
        let held = self.peer.is_some_and(|p| !p.agreed.send);
        let event = self.listener.push(if held { &Frame::SILENCE } else { frame }, self.frame_at, playing);
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
            Some(ListenEvent::Ended { utterance, started, ended, restless, level, .. }) => {
                self.tap.end(utterance);
                events.push(LegEvent::SpeechEnded { utterance, started, ended, restless, level: Some(level) });
            }
            Some(ListenEvent::Withdrawn { utterance }) => self.tap.withdraw(utterance),
            Some(ListenEvent::Dismissed { utterance }) => {
                self.tap.withdraw(utterance);
                events.push(LegEvent::SpeechDismissed { utterance });
            }
            Some(ListenEvent::Machine(machine)) => events.push(LegEvent::Machine(machine)),
            Some(ListenEvent::Started { .. }) | None => {}
        }
    }

    fn watch_silence(&mut self, now: Moment, events: &mut Vec<LegEvent>) {
        let expected = self.peer.is_some_and(|p| p.agreed.receive);
        let silent = now - self.last_packet;
        if expected && silent > ONE_WAY && self.sequencer.packets() > 0 && !self.jitter.in_comfort_noise() {
            self.one_way = Some(OneWay::NothingIn);
        }
        // A far end that announced its silence may be silent for longer, not for ever.
        let patience = if self.jitter.in_comfort_noise() { self.no_rtp * NOISE_PATIENCE } else { self.no_rtp };
        if expected && !self.no_rtp_told && silent > patience {
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
        if let Some(dtmf) = agreed.dtmf
            && let Some(step) = self.keys_out.step(self.sequencer.timestamp(), dtmf.scale())
        {
            (self.said, self.said_sound) = (Frame::SILENCE, false);
            self.sending.forget();
            return self.sequencer.event(step.marker, dtmf.numbers.send, step.timestamp, &step.packet.bytes(), out);
        }
        let mut words = true;
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
            words = source == Source::Prompt;
        }
        match self.silence.tick(&self.said, words || !agreed.noise) {
            Say::Sound => {
                self.sending.add(&self.said);
                self.sending.packet(&mut self.sequencer, agreed.payload.send, out)
            }
            Say::Noise(level) => {
                self.sending.forget();
                self.sequencer.noise(COMFORT_NOISE, &[level], out)
            }
            Say::Nothing => None,
        }
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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Audio,
    Key,
    Noise,
}

/// By payload type and length; `None` = of no use.
fn kind_of(agreed: &Negotiated, payload_type: u8, payload: &[u8]) -> Option<Kind> {
    if payload_type == agreed.payload.receive {
        (payload.len() <= PAYLOAD_BYTES_MAX).then_some(Kind::Audio)
    } else if agreed.dtmf.is_some_and(|d| d.numbers.receive == payload_type) {
        (payload.len() >= 4).then_some(Kind::Key)
    } else {
        (payload_type == COMFORT_NOISE && !payload.is_empty()).then_some(Kind::Noise)
    }
}

fn ducked(frame: &Frame) -> Frame {
    let mut out = *frame;
    out.samples.iter_mut().for_each(|s| *s /= DUCK);
    out
}

#[cfg(test)]
#[path = "leg_tests.rs"]
mod tests;
