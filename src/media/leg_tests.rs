//! A leg on simulated time, with the far end played by hand.

use super::*;
use crate::audio::{Encoder, Pcm, beep};
use crate::base::{BargeIn, Expect, PromptId};
use crate::listen::EndpointRule;
use crate::media::face::LegStats;
use crate::rtp::{EventPacket, Header, KeyEvents, write_packet};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

#[path = "leg_wire_tests.rs"]
mod wire;

const DTMF: u8 = 101;

/// One leg and its far end: every tick sends one packet there and takes one from it.
struct World {
    leg: Leg,
    now: Moment,
    from: SocketAddr,
    encoder: Encoder,
    codec: Codec,
    header: Header,
    events: Vec<LegEvent>,
    sent: Vec<Vec<u8>>,
    heard: Vec<Frame>,
    tap: Receiver<Tap>,
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn agreed(codec: Codec) -> Negotiated {
    Negotiated { dtmf: Some(KeyEvents::at_8000(DTMF)), ..Negotiated::new(address(4_000), codec) }
}

impl World {
    fn new(codec: Codec) -> World {
        let (to, tap) = sync_channel(4_096);
        let seed = LegSeed { ssrc: 77, sequence: 65_500, timestamp: u32::MAX - 9_000 };
        let mut world = World {
            leg: Leg::new(seed, Duration::from_secs(3), Some(to)),
            now: Moment::from_millis(1_000),
            from: address(4_000),
            encoder: Encoder::new(codec),
            codec,
            header: Header { marker: false, payload_type: agreed(codec).payload.send, sequence: 500, timestamp: 0, ssrc: 5 },
            events: Vec::new(),
            sent: Vec::new(),
            heard: Vec::new(),
            tap,
        };
        world.tell(LegCommand::Remote(agreed(codec)));
        world
    }

    fn tell(&mut self, command: LegCommand) {
        assert!(self.leg.obey(self.now, command, &mut self.events).is_none());
    }

    fn play(&mut self, id: u32, ms: u32, barge_in: BargeIn) {
        let audio = Arc::new(beep(440.0, ms, -6.0));
        self.tell(LegCommand::Play { prompt: PromptId(id), audio, barge_in });
    }

    fn packet(&mut self, payload_type: u8, payload: &[u8]) {
        let mut out = vec![0; 600];
        let header = Header { payload_type, ..self.header };
        let len = write_packet(&header, payload, &mut out).expect("it fits");
        self.header.sequence = self.header.sequence.wrapping_add(1);
        self.leg.receive(self.now, &out[..len], self.from, &mut self.events);
    }

    /// One tick in which the far end says this.
    fn hears(&mut self, frame: &Frame) -> Tick {
        let mut bytes = [0; 400];
        let len = self.encoder.encode(&frame.samples, &mut bytes);
        self.packet(self.header.payload_type, &bytes[..len]);
        self.tick(None)
    }

    /// One tick in which nothing comes.
    fn tick(&mut self, bridged: Option<&Frame>) -> Tick {
        let mut out = [0; PACKET_BYTES];
        let tick = self.leg.tick(self.now, bridged, &mut out, &mut self.events);
        let mut next = tick.packet;
        while let Some((len, _)) = next {
            self.sent.push(out[..len].to_vec());
            next = self.leg.speak_on(&mut out);
        }
        self.heard.push(tick.heard);
        self.now = self.now + Duration::from_millis(20);
        self.header.timestamp = self.header.timestamp.wrapping_add(160 * self.codec.scale());
        tick
    }

    /// Ticks in which the far end sends silence.
    fn ticks(&mut self, n: usize) {
        for _ in 0..n {
            self.hears(&Frame::SILENCE);
        }
    }

    /// Ticks in which the far end sends nothing.
    fn dead_ticks(&mut self, n: usize) {
        for _ in 0..n {
            self.tick(None);
        }
    }

    /// The events since the last call as one line, without times.
    fn told(&mut self) -> String {
        let words: Vec<String> = self
            .events
            .drain(..)
            .map(|e| match e {
                LegEvent::PromptStarted { prompt, .. } => format!("start {prompt}"),
                LegEvent::PromptEnded { prompt, end, .. } => format!("{end:?} {prompt}"),
                LegEvent::SpeechStarted { over, .. } => format!("speech over {:?}", over.map(|p| p.0)),
                LegEvent::SpeechEnded { .. } => "speech ended".into(),
                LegEvent::Digit { digit, .. } => format!("key {}", digit.as_char()),
                other => format!("{other:?}"),
            })
            .collect();
        words.join(", ")
    }
}

/// A vowel as a throat makes it: pulses at 120 Hz with a little waver through three resonances.
fn voice(ms: usize) -> Vec<Frame> {
    let mut out = vec![0f64; ms * 8];
    let mut phase = 0.0;
    for (i, s) in out.iter_mut().enumerate() {
        let t = i as f64 / 8_000.0;
        phase += (120.0 + 12.0 * (t * 9.0).sin() + 15.0 * t.sin()) / 8_000.0;
        if phase >= 1.0 {
            phase -= 1.0;
            *s = 1.0;
        }
    }
    for (hertz, width) in [(700.0, 90.0), (1_220.0, 110.0), (2_600.0, 160.0)] {
        let r = (-std::f64::consts::PI * width / 8_000.0f64).exp();
        let (a, b) = (2.0 * r * (std::f64::consts::TAU * hertz / 8_000.0f64).cos(), -r * r);
        let (mut y1, mut y2) = (0.0, 0.0);
        for s in &mut out {
            let y = *s + a * y1 + b * y2;
            (y2, y1) = (y1, y);
            *s = y;
        }
    }
    let loudest = out.iter().fold(1e-9f64, |m, s| m.max(s.abs()));
    // Syllables: three swells a second.
    let samples: Vec<i16> = out
        .iter()
        .enumerate()
        .map(|(i, s)| (s / loudest * 14_000.0 * (0.65 + 0.35 * (i as f64 / 8_000.0 * 19.0).cos())) as i16)
        .collect();
    samples.chunks_exact(160).map(|c| Frame { samples: c.try_into().expect("160") }).collect()
}

/// Share of a frame's power at a frequency (Goertzel), 0–1.
fn share(frame: &Frame, hertz: f64) -> f64 {
    let w = std::f64::consts::TAU * hertz / 8_000.0;
    let (mut re, mut im, mut all) = (0.0, 0.0, 1e-9);
    for (i, s) in frame.samples.iter().enumerate() {
        let s = f64::from(*s);
        re += s * (w * i as f64).cos();
        im += s * (w * i as f64).sin();
        all += s * s;
    }
    (re * re + im * im) * 2.0 / 160.0 / all
}

fn decoded(packet: &[u8]) -> Frame {
    let view = PacketView::parse(packet).expect("ours");
    let mut frame = Frame::SILENCE;
    let codec = if view.header.payload_type == 8 { Codec::Pcma } else { Codec::Pcmu };
    Decoder::new(codec).decode(0, view.payload, 0, &mut frame.samples);
    frame
}

fn rule() -> EndpointRule {
    EndpointRule::for_expect(&Expect::YesNo { phrases: [].into() })
}

#[test]
fn a_thousand_ticks_are_a_thousand_even_packets() {
    let mut w = World::new(Codec::Pcmu);
    for tick in 0..1_000u32 {
        match tick {
            10 => w.play(1, 500, BargeIn::Speech),
            20 => w.play(2, 700, BargeIn::Speech),
            200 => w.tell(LegCommand::StopPlaying),
            300 => w.tell(LegCommand::Comfort(Some(Arc::new(beep(300.0, 90, -20.0))))),
            500 => w.play(3, 333, BargeIn::PersonOnly),
            _ => {}
        }
        w.hears(&Frame::SILENCE);
    }
    let headers: Vec<Header> = w.sent.iter().map(|p| PacketView::parse(p).expect("ours").header).collect();
    assert_eq!(headers.len(), 1_000);
    assert!(headers[0].marker && headers[1..].iter().all(|h| !h.marker));
    for pair in headers.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
        assert_eq!((pair[1].ssrc, pair[1].payload_type), (77, 0));
    }
    assert_eq!(w.told(), "start 1, Finished 1, start 2, Finished 2, start 3, Finished 3");
}

#[test]
fn hold_stops_the_packets_and_the_clock_runs_on() {
    let mut w = World::new(Codec::Pcma);
    w.play(1, 200, BargeIn::Speech);
    w.ticks(5);
    w.tell(LegCommand::Remote(Negotiated { send: false, ..agreed(Codec::Pcma) }));
    w.ticks(50);
    assert_eq!(w.sent.len(), 5);
    assert_eq!(w.told(), "start 1", "a prompt waits for whoever put us on hold");
    w.tell(LegCommand::Remote(agreed(Codec::Pcma)));
    w.ticks(20);
    let headers: Vec<Header> = w.sent.iter().map(|p| PacketView::parse(p).expect("ours").header).collect();
    assert_eq!(headers[5].timestamp, headers[0].timestamp.wrapping_add(55 * 160));
    assert_eq!(headers[5].sequence, headers[4].sequence.wrapping_add(1));
    assert!(headers[5].marker);
    assert_eq!(w.told(), "Finished 1");
}

#[test]
fn speech_cuts_the_prompt_in_its_own_tick() {
    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Listen(Some(rule())));
    w.ticks(50);
    w.play(1, 10_000, BargeIn::Speech);
    w.play(2, 1_000, BargeIn::Speech);
    w.ticks(20);
    assert_eq!(w.told(), "start 1");
    let onset = w.now;
    for frame in voice(400) {
        w.hears(&frame);
        if w.events.is_empty() {
            assert!(w.now - onset <= Duration::from_millis(160), "not heard after 160 ms");
            continue;
        }
        let last = decoded(w.sent.last().expect("a packet"));
        assert!(last.samples[80..].iter().all(|s| s.abs() < 16), "the packet of this tick dies away within 10 ms");
        break;
    }
    println!("cut {} ms after the onset arrived", (w.now - onset).as_millis());
    let LegEvent::SpeechStarted { at, .. } = w.events[0] else { panic!("{:?}", w.events) };
    // The packet arrives at `onset` and holds the 20 ms before it.
    let off = at.micros().abs_diff(onset.micros() - 20_000) / 1_000;
    assert!(off <= 40, "onset dated {off} ms off");
    assert_eq!(w.told(), "speech over Some(1), BargedIn 1, BargedIn 2");
    w.ticks(60);
    assert_eq!(w.told(), "speech ended");
    let tap: Vec<Tap> = w.tap.try_iter().collect();
    assert!(matches!(tap[0], Tap::Start { .. }));
    assert!(matches!(tap.last(), Some(Tap::End { complete: true, .. })));
    let frames = tap.iter().filter(|t| matches!(t, Tap::Frame(_))).count();
    assert!(frames >= 15 + 5 + 20, "{frames} frames with pre-roll, speech and quiet");
}

#[test]
fn a_prompt_for_everybody_plays_on_over_speech() {
    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Listen(Some(rule())));
    w.ticks(50);
    w.play(1, 2_000, BargeIn::PersonOnly);
    w.play(2, 1_000, BargeIn::Speech);
    w.ticks(5);
    for frame in voice(600) {
        w.hears(&frame);
    }
    w.ticks(50);
    assert_eq!(w.told(), "start 1, speech over Some(1), speech ended");
    w.ticks(100);
    assert_eq!(w.told(), "Finished 1, start 2, Finished 2");
}

#[test]
fn a_key_stops_every_prompt_and_loss_does_not_double_it() {
    for (name, keep) in [("all", 0..8), ("no start", 2..8), ("no end", 0..5), ("one", 3..4)] {
        let mut w = World::new(Codec::Pcmu);
        w.play(1, 5_000, BargeIn::PersonOnly);
        w.play(2, 5_000, BargeIn::Speech);
        w.ticks(20);
        for (i, digit) in ["5", "5"].into_iter().enumerate() {
            let start = w.header.timestamp;
            for n in 0..8u16 {
                let packet =
                    EventPacket { event: digit.parse().expect("a number"), end: n >= 5, duration: (n.min(5) + 1) * 160 };
                let now = w.header.timestamp;
                (w.header.timestamp, w.header.marker) = (start, n == 0);
                if keep.contains(&n) {
                    w.packet(DTMF, &packet.bytes())
                } else {
                    w.header.sequence += 1
                }
                (w.header.timestamp, w.header.marker) = (now, false);
                w.tick(None);
            }
            w.ticks(5);
            let expected = if i == 0 { "start 1, key 5, Keyed 1, Keyed 2" } else { "key 5" };
            assert_eq!(w.told(), expected, "{name}, press {i}");
        }
    }
}

#[test]
fn a_key_that_we_send_arrives_on_the_other_leg_as_event_or_as_tone() {
    let mut w = World::new(Codec::Pcmu);
    w.play(1, 400, BargeIn::Speech);
    w.ticks(2);
    w.tell(LegCommand::SendDigit(Digit::from_char('1').expect("a key")));
    w.ticks(40);
    let mut other = World::new(Codec::Pcmu);
    let sent = std::mem::take(&mut w.sent);
    for packet in &sent {
        other.leg.receive(other.now, packet, other.from, &mut other.events);
        other.tick(None);
    }
    assert_eq!(other.told(), "key 1");
    let stats = other.leg.stats();
    assert_eq!((stats.lost, stats.packets_in), (0, 42));
    assert_eq!(w.told(), "start 1, Finished 1", "the prompt lost nothing to the key");

    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Remote(Negotiated { dtmf: None, ..agreed(Codec::Pcmu) }));
    w.tell(LegCommand::SendDigit(Digit::from_char('1').expect("a key")));
    w.ticks(3);
    let tone = decoded(&w.sent[1]);
    assert!(share(&tone, 697.0) > 0.3 && share(&tone, 1_209.0) > 0.3);
}

#[test]
fn what_is_said_is_heard_in_every_codec() {
    for codec in Codec::ALL {
        let mut w = World::new(codec);
        let tone = beep(700.0, 1_000, -10.0);
        for chunk in tone.samples.chunks_exact(160) {
            w.hears(&Frame { samples: chunk.try_into().expect("160") });
        }
        let good = w.heard.iter().filter(|f| share(f, 700.0) > 0.9).count();
        assert!(good >= 46, "{codec:?}: {good} of 50");
    }
}

#[test]
fn prompts_lie_over_the_bridge_and_comfort_does_not() {
    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Comfort(Some(Arc::new(beep(300.0, 500, -6.0)))));
    let other = Frame { samples: beep(1_000.0, 200, -6.0).samples[320..480].try_into().expect("160") };
    w.tick(Some(&other));
    assert!(share(&decoded(&w.sent[0]), 1_000.0) > 0.95);
    w.play(1, 1_000, BargeIn::PersonOnly);
    for _ in 0..5 {
        w.tick(Some(&other));
    }
    let both = decoded(w.sent.last().expect("a packet"));
    assert!(share(&both, 440.0) > 0.7, "prompt in front: {}", share(&both, 440.0));
    assert!((0.02..0.2).contains(&share(&both, 1_000.0)), "bridge behind: {}", share(&both, 1_000.0));
    let said = w.leg.said();
    assert!(share(said, 440.0) > 0.7 && share(said, 1_000.0) > 0.02, "what is recorded is what was sent");
}

#[test]
fn silence_on_the_wire_is_told_once_and_excused_on_hold_and_in_comfort_noise() {
    let mut w = World::new(Codec::Pcmu);
    w.ticks(10);
    w.dead_ticks(149);
    assert_eq!(w.told(), "");
    w.dead_ticks(300);
    assert_eq!(w.told(), "NoRtp");
    w.ticks(10);
    w.tell(LegCommand::Remote(Negotiated { receive: false, ..agreed(Codec::Pcmu) }));
    w.dead_ticks(300);
    w.tell(LegCommand::Remote(agreed(Codec::Pcmu)));
    w.dead_ticks(100);
    w.ticks(20);
    w.packet(COMFORT_NOISE, &[50]);
    w.dead_ticks(300);
    assert_eq!(w.told(), "");
    let noise = peak(&w.heard.last().expect("a frame").samples);
    assert!((30..400).contains(&noise), "{noise}");
}

#[test]
fn packets_go_where_they_come_from() {
    let mut w = World::new(Codec::Pcmu);
    assert_eq!(w.tick(None).packet.expect("a packet").1, address(4_000));
    w.from = address(9_999);
    assert_eq!(w.hears(&Frame::SILENCE).packet.expect("a packet").1, address(9_999));
    assert_eq!(w.leg.rtcp_target(), Some(address(10_000)));
    (w.from, w.header.ssrc) = (address(7), 99);
    assert_eq!(w.hears(&Frame::SILENCE).packet.expect("a packet").1, address(9_999));
    assert_eq!(w.leg.stats().discarded, 1);
}

#[test]
fn a_hundred_thousand_packets_of_garbage_leave_the_leg_alive() {
    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Listen(Some(rule())));
    let mut rng = StdRng::seed_from_u64(20_260_704);
    let mut bytes = [0u8; 700];
    for i in 0..100_000 {
        let len = rng.random_range(0..700);
        rng.fill(&mut bytes[..len]);
        if len > 2 && rng.random_bool(0.7) {
            bytes[0] = bytes[0] & 0x3f | 0x80;
            bytes[1] = [0, 8, 13, DTMF, 0x80 | DTMF, 200][rng.random_range(0..6)];
        }
        let from = address(rng.random_range(1..4));
        w.leg.receive(w.now, &bytes[..len], from, &mut w.events);
        if i % 50 == 0 {
            w.tick(None);
            w.events.clear();
        }
    }
    let calm = w.now;
    w.header.ssrc = 99;
    w.ticks(200);
    assert!(w.leg.stats().discarded > 20_000);
    w.events.clear();
    let tone = beep(700.0, 1_000, -10.0);
    w.heard.clear();
    for chunk in tone.samples.chunks_exact(160) {
        w.hears(&Frame { samples: chunk.try_into().expect("160") });
    }
    assert!(w.now > calm && w.heard.iter().filter(|f| share(f, 700.0) > 0.9).count() >= 40);
}

#[test]
fn closing_ends_prompts_and_utterance_and_gives_the_numbers() {
    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Listen(Some(rule())));
    w.ticks(50);
    w.play(1, 1_000, BargeIn::PersonOnly);
    for frame in voice(400) {
        w.hears(&frame);
    }
    w.told();
    w.leg.close(w.now, &mut w.events);
    assert!(
        matches!(
            &w.events[..],
            [
                LegEvent::PromptEnded { end: PromptEnd::Stopped, .. },
                LegEvent::Closed(LegStats { packets_in: 70, lost: 0, packets_out: 70, .. }),
            ]
        ),
        "{:?}",
        w.events
    );
    assert!(matches!(w.tap.try_iter().last(), Some(Tap::Withdrawn { .. })));
}

#[test]
fn reports_tell_what_came_and_went() {
    use crate::rtp::{Rtcp, RtcpPackets};
    let mut w = World::new(Codec::Pcmu);
    let mut out = [0; RTCP_BYTES];
    assert_eq!(w.leg.report(w.now, &mut out), None);
    w.ticks(10);
    w.header.sequence += 1;
    w.ticks(10);
    let len = w.leg.report(w.now, &mut out).expect("a report");
    let first = RtcpPackets::new(&out[..len]).next();
    let Some(Rtcp::Report { ssrc: 77, sender: Some(sender), about: Some(about) }) = first else { panic!("{first:?}") };
    assert_eq!((sender.packets, sender.octets, about.ssrc, about.lost), (20, 3_200, 5, 1));
    assert!(w.leg.bye(&mut out).is_some());
}

#[test]
fn an_empty_prompt_and_a_leg_without_ears_are_fine() {
    let mut leg = Leg::new(LegSeed { ssrc: 1, sequence: 1, timestamp: 1 }, Duration::from_secs(1), None);
    let mut events = Vec::new();
    let audio = Arc::new(Pcm::default());
    leg.obey(Moment::ZERO, LegCommand::Play { prompt: PromptId(1), audio, barge_in: BargeIn::Speech }, &mut events);
    leg.obey(Moment::ZERO, LegCommand::Listen(Some(rule())), &mut events);
    let mut out = [0; PACKET_BYTES];
    assert!(leg.tick(Moment::ZERO, None, &mut out, &mut events).packet.is_none(), "nobody is there yet");
    assert!(events.is_empty());
    leg.obey(Moment::ZERO, LegCommand::Remote(agreed(Codec::Pcmu)), &mut events);
    assert!(leg.tick(Moment::from_millis(20), None, &mut out, &mut events).packet.is_some());
    assert_eq!(events.len(), 2, "{events:?}");
}

#[test]
fn a_changed_codec_does_not_play_what_came_in_the_old_one() {
    let mut w = World::new(Codec::Pcmu);
    w.ticks(20);
    w.tell(LegCommand::Remote(agreed(Codec::Pcma)));
    w.header.payload_type = 8;
    w.encoder = Encoder::new(Codec::Pcma);
    w.heard.clear();
    w.ticks(20);
    let loudest = w.heard.iter().map(|f| peak(&f.samples)).max();
    assert!(loudest <= Some(16), "{loudest:?}");
    assert_eq!(w.sent.last().map(|p| p[1]), Some(8));
}

/// Counts what each thread asks of the allocator, so that the 20-ms path can be proved free of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

// SAFETY: every call goes on to the system's allocator unchanged; the counter is plain thread-local memory.
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
        unsafe { std::alloc::System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: std::alloc::Layout) {
        unsafe { std::alloc::System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn the_tick_allocates_nothing() {
    Codec::ALL.into_iter().for_each(ticks_without_allocation);
}

fn ticks_without_allocation(codec: Codec) {
    let mut w = World::new(codec);
    w.tell(LegCommand::Remote(Negotiated { packet_ms: if codec == Codec::Pcma { 10 } else { 20 }, ..agreed(codec) }));
    w.tell(LegCommand::Listen(Some(rule())));
    w.tell(LegCommand::Comfort(Some(Arc::new(beep(300.0, 100, -20.0)))));
    for id in 0..5 {
        w.play(id, 900, if id % 2 == 0 { BargeIn::Speech } else { BargeIn::PersonOnly });
    }
    let voice = voice(1_000);
    let (mut out, mut packet, mut bytes) = ([0; PACKET_BYTES], [0; 200], [0; 188]);
    let mut events = Vec::with_capacity(64);
    let before = ALLOCATIONS.get();
    for tick in 0..500usize {
        w.now = w.now + Duration::from_millis(20);
        w.header.sequence += 1;
        w.header.timestamp += 160 * codec.scale();
        let frame = if tick % 150 < 50 { &voice[tick % 50] } else { &Frame::SILENCE };
        let len = w.encoder.encode(&frame.samples, &mut bytes);
        let len = write_packet(&w.header, &bytes[..len], &mut packet).expect("it fits");
        // Loss, doubles and keys go other ways.
        if tick % 17 != 0 {
            w.leg.receive(w.now, &packet[..len], w.from, &mut events);
            w.leg.receive(w.now, &packet[..len], w.from, &mut events);
        }
        if tick == 300 {
            w.leg.obey(w.now, LegCommand::SendDigit(Digit::from_char('1').expect("a key")), &mut events);
        }
        w.leg.tick(w.now, (tick > 400).then_some(&Frame::SILENCE), &mut out, &mut events);
        while w.leg.speak_on(&mut out).is_some() {}
    }
    assert_eq!(ALLOCATIONS.get() - before, 0, "{codec:?}");
    let spoke = events.iter().filter(|e| matches!(e, LegEvent::SpeechStarted { .. })).count();
    assert!(spoke >= 3 && events.len() < 64, "{events:?}");
}
