//! What each piece of the 20-ms path costs: `cargo bench --bench frames`. Prints the median of many rounds, in microseconds for
//! each frame, and what that is of one core for one call. The machine's noise is in it: compare lines of one run.

use hotline::audio::{Concealer, Decoder, DtmfDetector, Encoder, Frame, Rate, Resampler};
use hotline::base::{Codec, Digit, Expect, Moment};
use hotline::listen::{EndpointRule, Listener};
use hotline::rtp::{Header, Jitter, KeyReceiver, KeySender, PacketView, Sequencer, write_packet};
use std::hint::black_box;
use std::time::Instant;

/// Frames in a round, and rounds.
const FRAMES: usize = 500;
const ROUNDS: usize = 41;

fn main() {
    println!("{:44} {:>9} {:>9}", "", "µs/frame", "% of core");
    let speech = speech();
    let quiet = vec![Frame::SILENCE; FRAMES];
    for codec in Codec::ALL {
        let mut encoder = Encoder::new(codec);
        let mut packets = Vec::new();
        let mut out = [0; 1_500];
        for frame in &speech {
            let len = encoder.encode(&frame.samples, &mut out);
            packets.push(out[..len].to_vec());
        }
        row(&format!("encode {codec:?}"), |i| {
            let len = encoder.encode(&speech[i].samples, &mut out);
            black_box(len);
        });
        let (mut decoder, mut samples, mut timestamp) = (Decoder::new(codec), [0; 160], 0u32);
        row(&format!("decode {codec:?}"), |i| {
            timestamp = timestamp.wrapping_add(160);
            decoder.decode(timestamp, &packets[i], 0, &mut samples);
            black_box(&samples);
        });
    }
    resampling(&speech);
    jitter();
    keys();
    let mut detector = DtmfDetector::new();
    row("digits in the sound (lines without events)", |i| {
        black_box(detector.push(&speech[i]));
    });
    let mut concealer = Concealer::new();
    row("conceal: one frame in twenty lost", |i| {
        if i % 20 == 0 {
            black_box(concealer.lost());
        } else {
            let mut frame = speech[i];
            concealer.good(&mut frame);
        }
    });
    voices("nobody listens", &speech, None, None);
    voices("voice activity: quiet line", &quiet, Some(rule()), None);
    voices("voice activity: speech", &speech, Some(rule()), None);
    voices("voice activity: speech over a prompt", &speech, Some(rule()), Some(&speech));
}

fn rule() -> EndpointRule {
    EndpointRule::for_expect(&Expect::Anything)
}

fn voices(name: &str, heard: &[Frame], rule: Option<EndpointRule>, playing: Option<&[Frame]>) {
    let mut listener = Box::new(Listener::new());
    listener.set_rule(rule, Moment::ZERO);
    let mut tick = 0u64;
    row(name, |i| {
        tick += 1;
        // What plays is another part of the same speech.
        let said = playing.map(|p| &p[(i + FRAMES / 2) % FRAMES]);
        black_box(listener.push(&heard[i], Moment::from_millis(tick * 20), said));
    });
}

fn resampling(speech: &[Frame]) {
    let rate = |hertz| Rate::new(hertz).expect("a usual rate");
    for (from, to) in [(8_000, 16_000), (16_000, 8_000)] {
        let piece: Vec<f32> =
            speech[7].samples.iter().cycle().take(from as usize / 50).map(|s| f32::from(*s) / 32_768.0).collect();
        let mut resampler = Resampler::new(rate(from), rate(to)).expect("known rates");
        row(&format!("resample {from} to {to} Hz (prompts, clips)"), |i| {
            resampler.push(&piece);
            if i == FRAMES - 1 {
                resampler = Resampler::new(rate(from), rate(to)).expect("known rates");
            }
        });
    }
}

fn jitter() {
    let mut jitter = Jitter::new();
    let (mut sequence, mut now) = (0u16, 0u64);
    row("jitter buffer: one packet in, one tick out", |i| {
        now += 20_000;
        // Up to 15 ms late, in no order that helps.
        let late = (i as u64 * 7_919) % 15_000;
        let header = Header { marker: false, payload_type: 0, sequence, timestamp: u32::from(sequence) * 160, ssrc: 7 };
        sequence = sequence.wrapping_add(1);
        jitter.push(Moment::from_micros(now + late), &header, 160, &[0xd5; 160]);
        black_box(jitter.pop(Moment::from_micros(now + 19_000), true, &mut |piece| {
            black_box(&piece);
        }));
    });
    let (mut out, mut sequencer) = ([0; 200], Sequencer::new(1, 2, 3));
    row("packet: write and read", |_| {
        let len = sequencer.audio(0, 0, &[0xd5; 160], &mut out).expect("it fits");
        sequencer.next_tick();
        black_box(PacketView::parse(&out[..len]));
    });
}

fn keys() {
    let (mut sender, mut receiver, mut timestamp) = (KeySender::new(), KeyReceiver::default(), 0u32);
    let mut out = [0; 64];
    row("telephone-event: send and receive", |i| {
        timestamp = timestamp.wrapping_add(160);
        if i % 25 == 0 {
            sender.press(Digit::from_char('5').expect("a key"));
        }
        if let Some(step) = sender.step(timestamp, 1) {
            let header = Header { marker: step.marker, payload_type: 101, sequence: 1, timestamp: step.timestamp, ssrc: 1 };
            let len = write_packet(&header, &step.packet.bytes(), &mut out).expect("it fits");
            let packet = PacketView::parse(&out[..len]).expect("ours");
            let now = Moment::from_millis(u64::from(timestamp) / 8);
            black_box(receiver.receive(now, packet.header.marker, packet.header.timestamp, packet.payload));
        }
    });
}

/// Runs one piece over the frames many times and prints the median.
fn row(name: &str, mut piece: impl FnMut(usize)) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..FRAMES).for_each(&mut piece);
            began.elapsed().as_secs_f64() * 1e6 / FRAMES as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let median = rounds[ROUNDS / 2];
    println!("{name:44} {median:9.3} {:9.4}", median * 50.0 / 10_000.0);
}

/// Buzz through resonances with a gliding pitch and syllables: near enough to a voice for every piece here.
fn speech() -> Vec<Frame> {
    let mut frames = vec![Frame::SILENCE; FRAMES];
    for (i, sample) in frames.iter_mut().flat_map(|f| f.samples.iter_mut()).enumerate() {
        let t = i as f32 / 8_000.0;
        let pitch = 130.0 + 12.0 * (t * 3.0).sin();
        let mut v = 0.0;
        for h in 1..20u8 {
            let hertz = pitch * f32::from(h);
            let near = |formant: f32| 1.0 / (1.0 + ((hertz - formant) / 120.0).powi(2));
            v += (near(650.0) + 0.6 * near(1_200.0) + 0.3 * near(2_500.0)) * (t * hertz * std::f32::consts::TAU).sin();
        }
        *sample = (v * 2_500.0 * (0.55 + 0.45 * (t * 25.0).sin())) as i16;
    }
    frames
}
