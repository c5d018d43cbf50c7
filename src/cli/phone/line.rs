//! The phone's sound: one thread, one UDP socket, a packet every 20 ms on absolute deadlines. Times are read where the
//! packet is, so that a bench sees what a caller's socket sees.

use super::talk::{Talk, TalkChange};
use crate::audio::{FRAME_SAMPLES, Frame, LINE_RATE, decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use crate::base::{Codec, Digit, Moment};
use crate::rtp::{KeyReceiver, PacketView};
use crate::sip::MediaAgreement;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);

/// Longest call that is recorded in memory before it is written: 20 minutes.
const RECORDED_MAX: usize = LINE_RATE as usize * 60 * 20;

/// Packets may be so late before the recording shows that nothing was heard: half a second of samples.
const LATE_MAX: usize = LINE_RATE as usize / 2;

/// What the line is told.
pub(crate) enum LineCommand {
    /// What offer and answer agreed: where to send, and how.
    Remote(MediaAgreement),
    /// Play these samples once (8 kHz), after what is playing.
    Play(Arc<Vec<i16>>),
    /// Press a key for 100 ms.
    Digit(Digit),
    /// Send the microphone's frames that come this way, whenever nothing else plays.
    Microphone(Receiver<Frame>),
    /// Copy what is heard to a loudspeaker.
    Speaker(SyncSender<Frame>),
    /// Close the socket; write the recording.
    Close,
}

/// What the line tells; times in microseconds since the line was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEvent {
    /// The far end began to talk.
    FarStarted { at: u64 },
    /// The far end has been quiet for a while; its last sound came at `at`.
    FarStopped { at: u64 },
    /// The far end pressed a key.
    Key { at: u64, digit: Digit },
    /// The first packet of what we play went out.
    PlayStarted { at: u64 },
    /// The last packet went out; `last_sound` is when the last loud sample of it did (the end of speech).
    PlayEnded { at: u64, last_sound: u64 },
    /// The line is closed.
    Closed { packets_in: u64, packets_out: u64 },
}

/// A phone line. Dropping it closes it.
pub(crate) struct Line {
    commands: SyncSender<LineCommand>,
    local: SocketAddr,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Line {
    /// Opens a socket on any free port of `ip` and starts the thread. `tell` is called on that thread and must not block.
    ///
    /// # Errors
    /// When no port is free.
    pub(crate) fn open(
        ip: IpAddr,
        epoch: Instant,
        record: Option<PathBuf>,
        tell: Box<dyn Fn(LineEvent) + Send>,
    ) -> std::io::Result<Line> {
        let socket = UdpSocket::bind((ip, 0))?;
        let local = socket.local_addr()?;
        let (commands, inbox) = sync_channel(256);
        let runner = Runner::new(socket, epoch, inbox, record, tell);
        let thread = std::thread::Builder::new().name("phone-line".into()).spawn(move || runner.run())?;
        Ok(Line { commands, local, thread: Some(thread) })
    }

    /// Where we receive.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Tells the line; false when it is closed or overrun.
    pub(crate) fn tell(&self, command: LineCommand) -> bool {
        self.commands.try_send(command).is_ok()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.commands.send(LineCommand::Close);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A key being pressed: event, timestamp at its start, packets sent so far.
struct Pressing {
    digit: Digit,
    timestamp: u32,
    sent: u16,
}

struct Runner {
    socket: UdpSocket,
    epoch: Instant,
    inbox: Receiver<LineCommand>,
    tell: Box<dyn Fn(LineEvent) + Send>,
    record: Option<PathBuf>,
    heard: Vec<i16>,
    /// When the first sample of `heard` came; `None` before that.
    heard_since: Option<u64>,
    said: Vec<i16>,
    remote: Option<SocketAddr>,
    codec: Codec,
    dtmf: Option<u8>,
    /// The number of their keys, and the keys.
    dtmf_in: Option<u8>,
    keys_in: KeyReceiver,
    queue: VecDeque<(Arc<Vec<i16>>, usize, u64)>,
    digits: VecDeque<Digit>,
    pressing: Option<Pressing>,
    microphone: Option<Receiver<Frame>>,
    speaker: Option<SyncSender<Frame>>,
    talk: Talk,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    packets_in: u64,
    packets_out: u64,
}

impl Runner {
    fn new(
        socket: UdpSocket,
        epoch: Instant,
        inbox: Receiver<LineCommand>,
        record: Option<PathBuf>,
        tell: Box<dyn Fn(LineEvent) + Send>,
    ) -> Runner {
        Runner {
            socket,
            epoch,
            inbox,
            tell,
            record,
            heard: Vec::new(),
            heard_since: None,
            said: Vec::new(),
            remote: None,
            codec: Codec::Pcmu,
            dtmf: None,
            dtmf_in: None,
            keys_in: KeyReceiver::default(),
            queue: VecDeque::new(),
            digits: VecDeque::new(),
            pressing: None,
            microphone: None,
            speaker: None,
            talk: Talk::default(),
            sequence: rand::random(),
            timestamp: rand::random(),
            ssrc: rand::random(),
            packets_in: 0,
            packets_out: 0,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn run(mut self) {
        let mut due = Instant::now() + TICK;
        while self.obey() {
            self.receive_until(due);
            self.send_frame();
            if let Some(TalkChange::Stopped(at)) = self.talk.quiet(self.now()) {
                (self.tell)(LineEvent::FarStopped { at });
            }
            due += TICK;
        }
        self.write_recording();
        (self.tell)(LineEvent::Closed { packets_in: self.packets_in, packets_out: self.packets_out });
    }

    /// Takes all commands; false when the line is to close.
    fn obey(&mut self) -> bool {
        loop {
            match self.inbox.try_recv() {
                Ok(LineCommand::Remote(agreed)) => {
                    self.remote = agreed.send.then_some(agreed.remote);
                    // This phone offers G.711 alone, and answers with it.
                    (self.codec, self.dtmf) = (agreed.codec, agreed.dtmf.map(|d| d.numbers.send));
                    self.dtmf_in = agreed.dtmf.map(|d| d.numbers.receive);
                    self.keys_in.set_scale(agreed.dtmf.map_or(1, |d| d.scale()));
                }
                Ok(LineCommand::Play(samples)) => self.queue.push_back((samples, 0, 0)),
                Ok(LineCommand::Digit(digit)) => self.digits.push_back(digit),
                Ok(LineCommand::Microphone(frames)) => self.microphone = Some(frames),
                Ok(LineCommand::Speaker(frames)) => self.speaker = Some(frames),
                Ok(LineCommand::Close) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn receive_until(&mut self, due: Instant) {
        let mut buffer = [0u8; 2048];
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if self.socket.set_read_timeout(Some(left.max(Duration::from_micros(200)))).is_err() {
                return;
            }
            match self.socket.recv_from(&mut buffer) {
                Ok((length, _)) => self.packet(&buffer[..length]),
                Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => return,
                Err(_) => std::thread::sleep(left.min(Duration::from_millis(1))),
            }
        }
    }

    fn packet(&mut self, bytes: &[u8]) {
        let Some(view) = PacketView::parse(bytes) else { return };
        let mut samples = [0i16; 480];
        let length = match view.header.payload_type {
            0 => decode_ulaw(view.payload, &mut samples),
            8 => decode_alaw(view.payload, &mut samples),
            number if Some(number) == self.dtmf_in => return self.key(&view),
            _ => return,
        };
        let samples = &samples[..length];
        self.packets_in += 1;
        self.keep_time();
        if self.record.is_some() && self.heard.len() < RECORDED_MAX {
            self.heard.extend_from_slice(samples);
        }
        if let (Some(speaker), Ok(samples)) = (&self.speaker, <[i16; FRAME_SAMPLES]>::try_from(samples)) {
            let _ = speaker.try_send(Frame { samples });
        }
        let at = self.now();
        match self.talk.packet(at, samples) {
            Some(TalkChange::Started(at)) => (self.tell)(LineEvent::FarStarted { at }),
            Some(TalkChange::Stopped(at)) => (self.tell)(LineEvent::FarStopped { at }),
            None => {}
        }
    }

    fn key(&mut self, packet: &PacketView<'_>) {
        let (at, header) = (self.now(), &packet.header);
        let key = self.keys_in.receive(Moment::from_micros(at), header.marker, header.timestamp, packet.payload);
        if let Some(digit) = key {
            (self.tell)(LineEvent::Key { at, digit });
        }
    }

    /// Whoever listens hears nothing while no packet comes, so the recording holds that as silence.
    fn keep_time(&mut self) {
        let now = self.now();
        let since = *self.heard_since.get_or_insert(now);
        let due = usize::try_from((now - since) / 1_000).unwrap_or(usize::MAX).saturating_mul(LINE_RATE as usize / 1_000);
        if self.record.is_some() && due > self.heard.len() + LATE_MAX {
            self.heard.resize(due.min(RECORDED_MAX), 0);
        }
    }

    fn send_frame(&mut self) {
        let Some(remote) = self.remote else { return };
        if self.send_key(remote) {
            return;
        }
        let mut frame = Frame::SILENCE;
        let now = self.now();
        if let Some((samples, position, last_sound)) = self.queue.front_mut() {
            if *position == 0 {
                (self.tell)(LineEvent::PlayStarted { at: now });
            }
            let end = (*position + FRAME_SAMPLES).min(samples.len());
            let piece = &samples[*position..end];
            frame.samples[..piece.len()].copy_from_slice(piece);
            if let Some(last) = piece.iter().rposition(|s| s.unsigned_abs() > 300) {
                *last_sound = now + (last as u64 + 1) * 1_000_000 / u64::from(LINE_RATE);
            }
            *position = end;
            if end == samples.len() {
                let last_sound = *last_sound;
                self.queue.pop_front();
                (self.tell)(LineEvent::PlayEnded { at: now, last_sound });
            }
        } else if let Some(spoken) = self.microphone.as_ref().and_then(|m| m.try_recv().ok()) {
            frame = spoken;
        }
        if self.record.is_some() && self.said.len() < RECORDED_MAX {
            self.said.extend_from_slice(&frame.samples);
        }
        let mut payload = [0u8; FRAME_SAMPLES];
        match self.codec {
            Codec::Pcma => encode_alaw(&frame, &mut payload),
            _ => encode_ulaw(&frame, &mut payload),
        }
        self.send(remote, self.codec.static_payload_type().unwrap_or(0), self.timestamp, false, &payload);
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
    }

    /// RFC 4733: five updates of 20 ms, then three end packets, then 60 ms of rest. True while a key is being sent.
    fn send_key(&mut self, remote: SocketAddr) -> bool {
        let Some(payload_type) = self.dtmf else { return false };
        if self.pressing.is_none() {
            let Some(digit) = self.digits.pop_front() else { return false };
            self.pressing = Some(Pressing { digit, timestamp: self.timestamp, sent: 0 });
        }
        let Some(Pressing { digit, timestamp, sent }) = self.pressing.take() else { return false };
        if sent < 8 {
            let duration = (sent.min(5) + 1) * FRAME_SAMPLES as u16;
            let end = if sent >= 5 { 0x80 } else { 0 };
            let [high, low] = duration.to_be_bytes();
            self.send(remote, payload_type, timestamp, sent == 0, &[digit.event(), end | 10, high, low]);
        }
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        if sent < 11 {
            self.pressing = Some(Pressing { digit, timestamp, sent: sent + 1 });
        }
        true
    }

    fn send(&mut self, remote: SocketAddr, payload_type: u8, timestamp: u32, marker: bool, payload: &[u8]) {
        let mut packet = [0u8; 12 + FRAME_SAMPLES];
        packet[0] = 0x80;
        packet[1] = payload_type | if marker { 0x80 } else { 0 };
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        packet[12..12 + payload.len()].copy_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.packets_out += 1;
        let _ = self.socket.send_to(&packet[..12 + payload.len()], remote);
    }

    /// Two channels: left what was said here, right what was heard.
    fn write_recording(&mut self) {
        if self.heard_since.is_some() {
            self.keep_time();
        }
        let Some(path) = self.record.take() else { return };
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: LINE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let written = hound::WavWriter::create(&path, spec).and_then(|mut wav| {
            for i in 0..self.heard.len().max(self.said.len()) {
                wav.write_sample(self.said.get(i).copied().unwrap_or(0))?;
                wav.write_sample(self.heard.get(i).copied().unwrap_or(0))?;
            }
            wav.finalize()
        });
        if let Err(error) = written {
            eprintln!("the recording {} could not be written: {error}", path.display());
        }
    }
}
