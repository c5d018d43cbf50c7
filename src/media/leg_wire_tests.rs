//! What a leg does on the wire: packet lengths, clocks, encryption, attackers, reports, loss.

use super::*;
use crate::audio::distance;
use crate::rtp::{MasterKey, Numbers, SrtpKeys, SrtpSender, Suite};

/// Two legs talk to each other with packets of every length; who hears what, and the packets' shape.
#[test]
fn packets_of_every_length_are_sent_and_taken() {
    for codec in Codec::ALL {
        for (packet_ms, real_ms) in [(10, 10), (20, 20), (30, 30), (40, 40), (60, 60), (25, 20)] {
            let real_ms = if codec == Codec::Opus && real_ms == 30 { 20 } else { real_ms };
            let (mut w, mut other) = (World::new(codec), World::new(codec));
            w.tell(LegCommand::Remote(Negotiated { packet_ms, ..agreed(codec) }));
            w.tell(LegCommand::Comfort(Some(Arc::new(beep(700.0, 1_000, -10.0)))));
            for _ in 0..60 {
                w.tick(None);
                for packet in w.sent.drain(..) {
                    let view = PacketView::parse(&packet).expect("ours");
                    assert_eq!(crate::rtp::payload_samples(codec, view.payload), Some(real_ms * 8));
                    other.leg.receive(other.now, &packet, other.from, &mut other.events);
                }
                other.tick(None);
            }
            let good = other.heard.iter().filter(|f| share(f, 700.0) > 0.9).count();
            // What does not fit into whole packets is still to come, and the buffer holds at most two packets.
            assert!(good >= 48, "{codec:?} {packet_ms} ms: {good} of 60");
            assert_eq!((other.leg.stats().lost, other.leg.stats().discarded), (0, 0), "{codec:?} {packet_ms} ms");
        }
    }
}

#[test]
fn long_packets_are_one_talk_spurt_with_an_even_clock() {
    for (codec, packet_ms, step) in [(Codec::Pcma, 30, 240), (Codec::Opus, 60, 2_880), (Codec::G722, 10, 80)] {
        let mut w = World::new(codec);
        w.tell(LegCommand::Remote(Negotiated { packet_ms, ..agreed(codec) }));
        for _ in 0..60 {
            w.tick(None);
        }
        let headers: Vec<Header> = w.sent.iter().map(|p| PacketView::parse(p).expect("ours").header).collect();
        assert_eq!(headers.len(), 1_200 / usize::from(packet_ms));
        assert!(headers[0].marker && headers[1..].iter().all(|h| !h.marker), "{codec:?}");
        for pair in headers.windows(2) {
            assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(step), "{codec:?}");
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "{codec:?}");
        }
    }
}

#[test]
fn keys_work_beside_opus_at_its_clock_and_at_8_khz() {
    for dtmf in [KeyEvents { numbers: Numbers::both(DTMF), clock: 48_000 }, KeyEvents::at_8000(DTMF)] {
        let (mut w, mut other) = (World::new(Codec::Opus), World::new(Codec::Opus));
        for world in [&mut w, &mut other] {
            world.tell(LegCommand::Remote(Negotiated { dtmf: Some(dtmf), ..agreed(Codec::Opus) }));
        }
        for tick in 0..60 {
            if tick % 20 == 10 {
                w.tell(LegCommand::SendDigit(Digit::from_char('7').expect("a key")));
            }
            w.tick(None);
            for packet in w.sent.drain(..) {
                other.leg.receive(other.now, &packet, other.from, &mut other.events);
            }
            other.tick(None);
        }
        assert_eq!(other.told(), "key 7, key 7, key 7", "{dtmf:?}");
        assert_eq!(other.leg.stats().lost, 0);
    }
}

/// Two legs with the same keys, seen from both sides; every packet of `w` goes to `other` and back for so many ticks.
fn talk(w: &mut World, other: &mut World, ticks: usize) {
    for _ in 0..ticks {
        w.tick(None);
        other.tick(None);
        for packet in w.sent.drain(..) {
            other.leg.receive(other.now, &packet, other.from, &mut other.events);
        }
        for packet in other.sent.drain(..) {
            w.leg.receive(w.now, &packet, w.from, &mut w.events);
        }
    }
}

fn keys(suite: Suite) -> (SrtpKeys, SrtpKeys) {
    let key = |n: u8| MasterKey::new(suite, &vec![n; suite.key_and_salt()]).expect("long enough");
    (SrtpKeys { send: key(1), receive: key(2) }, SrtpKeys { send: key(2), receive: key(1) })
}

#[test]
fn encrypted_legs_hear_each_other_and_nothing_else() {
    for suite in Suite::ALL {
        let (mut w, mut other) = (World::new(Codec::Pcmu), World::new(Codec::Pcmu));
        let (ours, theirs) = keys(suite);
        w.tell(LegCommand::Remote(Negotiated { srtp: Some(ours), ..agreed(Codec::Pcmu) }));
        other.tell(LegCommand::Remote(Negotiated { srtp: Some(theirs), ..agreed(Codec::Pcmu) }));
        w.tell(LegCommand::Comfort(Some(Arc::new(beep(700.0, 1_000, -10.0)))));
        talk(&mut w, &mut other, 30);
        // A refresh with the same keys goes on; what is not encrypted is not heard.
        w.tell(LegCommand::Remote(Negotiated { srtp: Some(ours), ..agreed(Codec::Pcmu) }));
        other.packet(0, &[0x10; 160]);
        talk(&mut w, &mut other, 30);
        let good = other.heard.iter().filter(|f| share(f, 700.0) > 0.9).count();
        assert!(good >= 55, "{suite:?}: {good} of 60");
        assert_eq!((other.leg.stats().discarded, other.leg.stats().lost), (1, 0), "{suite:?}");
        assert!(other.leg.stats().encrypted);
        // Reports are encrypted too, and read.
        let mut report = [0; RTCP_BYTES];
        let len = w.leg.report(w.now, &mut report).expect("a report");
        other.leg.receive_rtcp(other.now, &report[..len], other.from);
        assert_eq!(other.leg.stats().far_lost, Some(0), "{suite:?}");
        other.leg.receive_rtcp(other.now, &[0x80, 201, 0, 1, 0, 0, 0, 9], other.from);
        // New keys: old packets mean nothing any more.
        let fresh = MasterKey::new(suite, &vec![9; suite.key_and_salt()]).expect("long enough");
        other.tell(LegCommand::Remote(Negotiated { srtp: Some(SrtpKeys { receive: fresh, ..theirs }), ..agreed(Codec::Pcmu) }));
        let before = other.leg.stats().packets_in;
        talk(&mut w, &mut other, 5);
        assert_eq!(other.leg.stats().packets_in, before, "{suite:?}");
    }
}

#[test]
fn an_encrypted_stream_is_followed_and_its_replay_is_not() {
    let mut w = World::new(Codec::Pcmu);
    let (ours, theirs) = keys(Suite::AesCm128Sha1Tag80);
    w.tell(LegCommand::Remote(Negotiated { srtp: Some(ours), ..agreed(Codec::Pcmu) }));
    let mut sender = SrtpSender::new(theirs.send);
    let mut sent = Vec::new();
    for n in 0..100u16 {
        let header = Header { sequence: n, timestamp: u32::from(n) * 160, ..w.header };
        let mut packet = vec![0; 200];
        let len = write_packet(&header, &[0x55; 160], &mut packet).expect("it fits");
        let len = sender.protect(&mut packet, len).expect("room");
        // Half-way the NAT takes another port.
        let from = address(if n < 50 { 4_001 } else { 4_777 });
        w.leg.receive(w.now, &packet[..len], from, &mut w.events);
        sent.push(packet[..len].to_vec());
        let to = w.tick(None).packet.expect("a packet").1;
        assert_eq!(to, from, "packet {n}");
        // An attacker sends everything again from elsewhere, as it was and with another number.
        w.leg.receive(w.now, &sent[usize::from(n)], address(666), &mut w.events);
        let mut changed = sent[usize::from(n)].clone();
        changed[3] ^= 1;
        w.leg.receive(w.now, &changed, address(666), &mut w.events);
    }
    assert_eq!((w.leg.stats().packets_in, w.leg.stats().discarded, w.leg.stats().lost), (100, 200, 0));
}

#[test]
fn an_attacker_is_neither_heard_nor_answered() {
    let mut w = World::new(Codec::Pcmu);
    w.ticks(100);
    let mut rng = StdRng::seed_from_u64(3);
    w.heard.clear();
    let loud = [0x80u8; 160];
    for n in 0..500u16 {
        for _ in 0..20 {
            // Half of them know the SSRC.
            let ssrc = if n % 2 == 0 { w.header.ssrc } else { rng.random() };
            let header = Header { sequence: rng.random(), timestamp: rng.random(), ssrc, ..w.header };
            let mut packet = [0; 200];
            let len = write_packet(&header, &loud, &mut packet).expect("it fits");
            w.leg.receive(w.now, &packet[..len], address(666), &mut w.events);
        }
        let to = w.hears(&Frame::SILENCE).packet.expect("a packet").1;
        assert_eq!(to, address(4_000));
    }
    assert!(w.heard.iter().all(|f| peak(&f.samples) < 200), "the attacker was heard");
    assert_eq!(w.leg.stats().lost, 0);
    assert!(w.leg.stats().discarded >= 9_990, "{:?}", w.leg.stats());
}

#[test]
fn keys_in_the_sound_are_heard_only_where_no_event_was_agreed() {
    for (dtmf, expected) in [(None, "start 1, key 9, Keyed 1, key 9"), (Some(KeyEvents::at_8000(DTMF)), "start 1")] {
        let mut w = World::new(Codec::Pcma);
        w.tell(LegCommand::Remote(Negotiated { dtmf, ..agreed(Codec::Pcma) }));
        w.play(1, 60_000, BargeIn::PersonOnly);
        w.ticks(10);
        let mut tones = KeyTones::default();
        (0..2).for_each(|_| tones.press(Digit::from_char('9').expect("a key")));
        while let Some(frame) = tones.frame() {
            w.hears(&frame);
        }
        w.ticks(20);
        assert_eq!(w.told(), expected);
    }
}

#[test]
fn silence_is_sent_as_noise_where_that_was_agreed() {
    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Remote(Negotiated { noise: true, ..agreed(Codec::Pcmu) }));
    w.play(1, 400, BargeIn::Speech);
    w.ticks(200);
    let views: Vec<(u8, bool)> =
        w.sent.iter().map(|p| PacketView::parse(p).expect("ours").header).map(|h| (h.payload_type, h.marker)).collect();
    let noise = views.iter().filter(|v| v.0 == COMFORT_NOISE).count();
    assert!((6..=9).contains(&noise) && views.len() < 45, "{noise} of {}", views.len());
    w.sent.clear();
    w.play(2, 100, BargeIn::Speech);
    w.ticks(5);
    let first = PacketView::parse(&w.sent[0]).expect("ours").header;
    assert_eq!((first.payload_type, first.marker), (0, true), "the prompt begins a talk-spurt");
    // Who hears it plays noise and conceals nothing.
    let (mut w, mut other) = (World::new(Codec::Pcmu), World::new(Codec::Pcmu));
    w.tell(LegCommand::Remote(Negotiated { noise: true, ..agreed(Codec::Pcmu) }));
    w.play(1, 400, BargeIn::Speech);
    talk(&mut w, &mut other, 300);
    assert_eq!((other.leg.stats().lost, other.leg.stats().discarded), (0, 0));
    assert_eq!(other.told(), "", "silence on purpose is no lost line");
}

#[test]
fn round_trip_loss_and_opinion_stand_in_the_numbers() {
    let (mut w, mut other) = (World::new(Codec::Opus), World::new(Codec::Opus));
    talk(&mut w, &mut other, 300);
    let mut report = [0; RTCP_BYTES];
    let len = w.leg.report(w.now, &mut report).expect("a report");
    other.now = other.now + Duration::from_millis(30);
    other.leg.receive_rtcp(other.now, &report[..len], other.from);
    other.now = other.now + Duration::from_millis(500);
    let len = other.leg.report(other.now, &mut report).expect("a report");
    // Their clock is another one; only differences count.
    let back = w.now + Duration::from_millis(30 + 500 + 30);
    w.leg.receive_rtcp(back, &report[..len], address(4_001));
    let stats = w.leg.stats();
    assert!(stats.round_trip_ms.is_some_and(|ms| (58..=62).contains(&ms)), "{stats:?}");
    assert_eq!((stats.codec, stats.far_lost, stats.one_way), (Some(Codec::Opus), Some(0), None));
    assert!(stats.mos_x100.is_some_and(|m| m > 430) && stats.far_mos_x100.is_some_and(|m| m >= 430), "{stats:?}");
    assert_eq!(w.leg.rtcp_target(), Some(address(4_001)));
    // Strangers do not report.
    let elsewhere = SocketAddr::from(([198, 51, 100, 9], 4_001));
    let mut forged = World::new(Codec::Opus);
    talk(&mut w, &mut forged, 5);
    let len = forged.leg.report(forged.now, &mut report).expect("a report");
    w.leg.receive_rtcp(back, &report[..len], elsewhere);
    assert_eq!(w.leg.stats().far_lost, stats.far_lost);
    // Loss lowers the opinion.
    let mut bad = World::new(Codec::Pcmu);
    for n in 0..500 {
        if n % 10 == 0 {
            bad.header.sequence = bad.header.sequence.wrapping_add(1);
            bad.tick(None);
        } else {
            bad.ticks(1);
        }
    }
    let stats = bad.leg.stats();
    assert!(stats.lost == 49 && stats.mos_x100.is_some_and(|m| (200..360).contains(&m)), "{stats:?}");
    assert!((20..=120).contains(&stats.buffer_ms));
}

/// Speech in packets over a line, as it is heard: through jitter buffer, decoder and concealment. `lost` tells which packets
/// never come; with `fill` they come as silence instead, which is what a receiver without concealment plays.
fn heard_over(speech: &[i16], lost: &dyn Fn(usize) -> bool, fill: bool) -> Vec<i16> {
    let mut w = World::new(Codec::Pcmu);
    for (n, chunk) in speech.chunks_exact(160).enumerate() {
        let frame = Frame { samples: chunk.try_into().expect("160") };
        match (lost(n), fill) {
            (false, _) => drop(w.hears(&frame).packet),
            (true, true) => drop(w.hears(&Frame::SILENCE).packet),
            (true, false) => {
                w.header.sequence = w.header.sequence.wrapping_add(1);
                w.tick(None);
            }
        }
    }
    w.heard.iter().flat_map(|f| f.samples).collect()
}

/// Brings `heard` into step with `clean` half second by half second: after a loss the buffer may hold 20 ms more or less.
fn in_step(clean: &[i16], heard: &[i16]) -> Vec<i16> {
    const HALF: usize = 4_000;
    let mut out = Vec::new();
    for (n, part) in clean.chunks_exact(HALF).enumerate() {
        let shifted = |ticks: usize| heard.get(n * HALF + ticks * 160..).and_then(|h| h.get(..HALF));
        let shifts = (0..5).filter_map(shifted);
        let best = shifts.max_by(|a, b| distance::snr_db(part, a).total_cmp(&distance::snr_db(part, b)));
        out.extend_from_slice(best.unwrap_or(&[0; HALF]));
    }
    out
}

/// Seeded loss, alone and in bursts (a two-state model after Gilbert): concealment against silence, over the whole chain.
#[test]
fn what_is_lost_is_concealed_better_than_by_silence() {
    let speech = distance::speech();
    let clean = heard_over(&speech, &|_| false, false);
    let start = clean.iter().position(|s| *s != 0).unwrap_or(0) / 160 * 160;
    let clean = &clean[start..];
    for (name, percent, burst) in [
        ("2 %", 2, 1.0),
        ("5 %", 5, 1.0),
        ("10 %", 10, 1.0),
        ("20 %", 20, 1.0),
        ("5 % in bursts of 3", 5, 3.0),
        ("10 % in bursts of 4", 10, 4.0),
    ] {
        let (mut rng, mut bad) = (StdRng::seed_from_u64(20_261_121), false);
        let leave = 1.0 / burst;
        let enter = leave * f64::from(percent) / f64::from(100 - percent);
        let pattern: Vec<bool> = (0..speech.len() / 160)
            .map(|_| {
                bad = if bad { !rng.random_bool(leave) } else { rng.random_bool(enter.min(1.0)) };
                bad
            })
            .collect();
        let lost = |n: usize| n > 10 && pattern[n];
        let way = |fill: bool| in_step(clean, &heard_over(&speech, &lost, fill)[start..]);
        let (concealed, silenced) = (way(false), way(true));
        let clean = &clean[..concealed.len()];
        let snr = (distance::snr_db(clean, &concealed), distance::snr_db(clean, &silenced));
        let spectral = (distance::spectral_db(clean, &concealed), distance::spectral_db(clean, &silenced));
        println!(
            "{name} lost: SNR {:.1} dB concealed, {:.1} dB silence; spectral distance {:.2} dB concealed, {:.2} dB silence",
            snr.0, snr.1, spectral.0, spectral.1
        );
        // A repeated pitch period is the right sound at nearly the right phase: the spectrum is what the ear judges by.
        assert!(spectral.0 < 0.9 * spectral.1, "{name}: {snr:?} {spectral:?}");
    }
}

#[test]
fn audio_that_goes_one_way_only_is_an_alarm() {
    let mut w = World::new(Codec::Pcmu);
    w.dead_ticks(240);
    assert_eq!(w.leg.stats().one_way, None);
    w.dead_ticks(20);
    assert_eq!(w.leg.stats().one_way, Some(OneWay::NothingIn));
    // On hold nobody is missing.
    let mut w = World::new(Codec::Pcmu);
    w.tell(LegCommand::Remote(Negotiated { receive: false, ..agreed(Codec::Pcmu) }));
    w.dead_ticks(300);
    assert_eq!(w.leg.stats().one_way, None);
}
