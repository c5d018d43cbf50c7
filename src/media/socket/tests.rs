//! The plane on loopback sockets: real time, so every wait is bounded and ends as soon as the thing has happened.

use super::*;
use crate::audio::{Pcm, beep};
use crate::base::{BargeIn, PromptId};
use crate::media::{Codec, LegStats, Negotiated};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::sync::mpsc::{Receiver, channel};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LONG: Duration = Duration::from_secs(30);

type Events = Receiver<(LegKey, LegEvent)>;

fn plane() -> Plane {
    Plane::start(PlaneConfig { bind: HERE, ports: 0..=0, no_rtp: Duration::from_secs(30), epoch: Instant::now() })
        .expect("a plane")
}

fn agreed(port: u16) -> LegCommand {
    LegCommand::Remote(Negotiated::new(SocketAddr::new(HERE, port), Codec::Pcmu))
}

fn comfort(hertz: f32) -> LegCommand {
    LegCommand::Comfort(Some(Arc::new(beep(hertz, 1_000, -10.0))))
}

/// Waits for the first event that `wanted` accepts; a sentence after 30 s without it.
fn wait(events: &mut Events, wanted: impl Fn(&LegEvent) -> bool) -> LegEvent {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let search = async {
            while let Some((_, event)) = events.recv().await {
                if wanted(&event) {
                    return event;
                }
            }
            panic!("the plane dropped the leg");
        };
        tokio::time::timeout(LONG, search).await.expect("told within 30 s")
    })
}

fn closed(plane: &Plane, leg: LegKey, events: &mut Events) -> LegStats {
    assert!(plane.command(leg, LegCommand::Close));
    match wait(events, |e| matches!(e, LegEvent::Closed(_))) {
        LegEvent::Closed(stats) => stats,
        _ => unreachable!("filtered"),
    }
}

/// Share of the power at a frequency in the loudest half second of a channel.
fn tone_share(samples: &[i16], hertz: f64) -> f64 {
    let w = std::f64::consts::TAU * hertz / 8_000.0;
    let mut best = (0.0, 0.0);
    for chunk in samples.chunks_exact(1_600) {
        let (mut re, mut im, mut all) = (0.0, 0.0, 1e-9);
        for (i, s) in chunk.iter().enumerate() {
            let s = f64::from(*s);
            re += s * (w * i as f64).cos();
            im += s * (w * i as f64).sin();
            all += s * s;
        }
        if all > best.0 {
            best = (all, (re * re + im * im) * 2.0 / 1_600.0 / all);
        }
    }
    best.1
}

fn channels(path: &std::path::Path) -> (Vec<i16>, Vec<i16>) {
    let samples: Vec<i16> = hound::WavReader::open(path).expect("a wav").samples().map(|s| s.expect("a sample")).collect();
    samples.chunks(2).map(|c| (c[0], c[1])).unzip()
}

/// Two callers A and C, each phoning a leg of ours (B and D); B and D are bridged. A says 500 Hz, C says 1200 Hz.
#[test]
fn bridged_legs_hear_each_other_and_nobody_else() {
    let plane = plane();
    let folder = tempfile::tempdir().expect("a folder");
    let legs: Vec<(LegKey, u16, Events)> = (0..4)
        .map(|_| {
            let (to, from) = channel(256);
            let (key, port) = plane.open(to, None).expect("a leg");
            (key, port, from)
        })
        .collect();
    let [a, b, c, d]: [(LegKey, u16, Events); 4] = legs.try_into().unwrap_or_else(|_| panic!("four"));
    for (leg, far) in [(&a, b.1), (&b, a.1), (&c, d.1), (&d, c.1)] {
        assert!(plane.command(leg.0, agreed(far)));
    }
    plane.command(a.0, comfort(500.0));
    plane.command(c.0, comfort(1_200.0));
    plane.command(b.0, comfort(300.0));
    plane.command(b.0, LegCommand::Bridge(Some(d.0)));
    for (leg, name) in [(&a, "a"), (&b, "b"), (&c, "c")] {
        plane.command(leg.0, LegCommand::RecordTo(folder.path().join(format!("{name}.wav"))));
    }
    // A prompt to nobody but the bridged caller, as long as the recording has to be.
    let mut b = b;
    let audio = Arc::new(Pcm { samples: vec![0; 8_000] });
    plane.command(b.0, LegCommand::Play { prompt: PromptId(1), audio, barge_in: BargeIn::PersonOnly });
    wait(&mut b.2, |e| matches!(e, LegEvent::PromptEnded { played_ms: 1_000, .. }));
    let (mut a, mut c, mut d) = (a, c, d);
    for leg in [&mut a, &mut b, &mut c, &mut d] {
        let stats = closed(&plane, leg.0, &mut leg.2);
        assert!(stats.packets_in >= 40 && stats.packets_out >= 40, "{stats:?}");
    }
    plane.stop();
    let (a_says, a_hears) = channels(&folder.path().join("a.wav"));
    let (b_says, b_hears) = channels(&folder.path().join("b.wav"));
    let (_, c_hears) = channels(&folder.path().join("c.wav"));
    for (name, samples, hertz) in [
        ("a says 500", &a_says, 500.0),
        ("a hears 1200", &a_hears, 1_200.0),
        ("b says what c says", &b_says, 1_200.0),
        ("b hears a", &b_hears, 500.0),
        ("c hears a", &c_hears, 500.0),
    ] {
        let share = tone_share(samples, hertz);
        assert!(share > 0.8, "{name}: {share}");
    }
    assert!(tone_share(&a_hears, 500.0) < 0.05 && tone_share(&c_hears, 1_200.0) < 0.05);
    assert_eq!(plane.lateness().legs, 0);
    assert!(!plane.command(a.0, LegCommand::Close), "the plane is gone");
}

/// Three who phone legs of ours, each with a tone of its own: all hear both others, and when one is gone the other two go on.
#[test]
fn three_legs_hear_each_other_and_two_when_one_is_gone() {
    const TONES: [f64; 3] = [500.0, 1_130.0, 1_870.0];
    let plane = plane();
    let folder = tempfile::tempdir().expect("a folder");
    let open = || {
        let (to, from) = channel(256);
        let (key, port) = plane.open(to, None).expect("a leg");
        (key, port, from)
    };
    let mut far: Vec<(LegKey, u16, Events)> = (0..3).map(|_| open()).collect();
    let mut ours: Vec<(LegKey, u16, Events)> = (0..3).map(|_| open()).collect();
    for ((far, ours), hertz) in far.iter().zip(&ours).zip(TONES) {
        plane.command(far.0, agreed(ours.1));
        plane.command(ours.0, agreed(far.1));
        plane.command(far.0, comfort(hertz as f32));
    }
    let three_way = LegCommand::ThreeWay([ours[1].0, ours[2].0]);
    assert!(plane.command(ours[0].0, three_way));
    let record = |part: &str, far: &mut [(LegKey, u16, Events)]| {
        for (n, leg) in far.iter().enumerate() {
            plane.command(leg.0, LegCommand::RecordTo(folder.path().join(format!("{part}{n}.wav"))));
        }
        // As long as the recording has to be; nobody hears it.
        let audio = Arc::new(Pcm { samples: vec![0; 8_000] });
        for (leg, _, events) in far.iter_mut() {
            plane.command(*leg, LegCommand::Play { prompt: PromptId(1), audio: audio.clone(), barge_in: BargeIn::PersonOnly });
            wait(events, |e| matches!(e, LegEvent::PromptEnded { .. }));
        }
    };
    // A prompt takes the place of what a far end says: one after the other, so that the other two are heard meanwhile.
    record("three", &mut far);
    closed(&plane, ours[1].0, &mut ours[1].2);
    let (left, right) = far.split_at_mut(2);
    record("two", &mut left[..1]);
    closed(&plane, right[0].0, &mut right[0].2);
    closed(&plane, far[0].0, &mut far[0].2);
    plane.stop();
    let heard = |name: &str| channels(&folder.path().join(name)).1;
    for listener in 0..3 {
        let heard = heard(&format!("three{listener}.wav"));
        for (said, hertz) in TONES.iter().enumerate() {
            let share = tone_share(&heard, *hertz);
            assert!((share > 0.2) == (said != listener), "{listener} hears {hertz} Hz: {share}");
        }
    }
    let heard = heard("two0.wav");
    let shares: Vec<f64> = TONES.iter().map(|hertz| tone_share(&heard[heard.len() / 2..], *hertz)).collect();
    assert!(shares[0] < 0.05 && shares[1] < 0.05 && shares[2] > 0.8, "the other two go on: {shares:?}");
}

#[test]
fn a_leg_that_fails_by_our_fault_takes_nobody_with_it() {
    let plane = plane();
    let open = || {
        let (to, from) = channel(64);
        let (key, port) = plane.open(to, None).expect("a leg");
        (key, port, from)
    };
    let (mut broken, mut good) = (open(), open());
    plane.command(good.0, agreed(broken.1));
    plane.break_leg(broken.0);
    wait(&mut broken.2, |e| matches!(e, LegEvent::Closed(_)));
    let audio = Arc::new(Pcm { samples: vec![0; 800] });
    plane.command(good.0, LegCommand::Play { prompt: PromptId(1), audio, barge_in: BargeIn::Speech });
    wait(&mut good.2, |e| matches!(e, LegEvent::PromptEnded { .. }));
    assert_eq!((plane.lateness().legs, plane.lateness().legs_failed), (1, 1));
    plane.stop();
    wait(&mut good.2, |e| matches!(e, LegEvent::Closed(_)));
}

#[test]
fn a_full_disk_costs_the_recording_and_nothing_else() {
    let plane = plane();
    let (to, mut events) = channel(64);
    let (key, port) = plane.open(to, None).expect("a leg");
    plane.command(key, agreed(port));
    plane.command(key, LegCommand::RecordTo("/dev/full".into()));
    let LegEvent::RecordingFailed(sentence) = wait(&mut events, |e| matches!(e, LegEvent::RecordingFailed(_))) else {
        unreachable!("filtered")
    };
    assert!(sentence.contains("/dev/full"), "{sentence}");
    let audio = Arc::new(Pcm { samples: vec![0; 1_600] });
    plane.command(key, LegCommand::Play { prompt: PromptId(1), audio, barge_in: BargeIn::Speech });
    wait(&mut events, |e| matches!(e, LegEvent::PromptEnded { played_ms: 200, .. }));
    closed(&plane, key, &mut events);
}

#[test]
fn last_events_reach_a_slow_receiver_and_floods_reach_nobody() {
    let plane = plane();
    let (to, mut events) = channel(1);
    let (key, port) = plane.open(to, None).expect("a leg");
    plane.command(key, agreed(port));
    let flood = std::net::UdpSocket::bind((HERE, 0)).expect("a socket");
    for n in 0..500u32 {
        // The system may refuse a few; enough arrive.
        let _ = flood.send_to(&n.to_be_bytes().repeat(40), (HERE, port));
        let _ = flood.send_to(&n.to_be_bytes().repeat(4), (HERE, port + 1));
    }
    for i in 0..20 {
        let audio = Arc::new(Pcm { samples: vec![0; 16] });
        plane.command(key, LegCommand::Play { prompt: PromptId(i), audio, barge_in: BargeIn::Speech });
    }
    plane.command(key, LegCommand::Close);
    for i in 0..20 {
        let wanted = PromptId(i);
        wait(&mut events, |e| matches!(e, LegEvent::PromptEnded { prompt, .. } if *prompt == wanted));
    }
    wait(&mut events, |e| matches!(e, LegEvent::Closed(_)));
}

#[test]
fn ports_run_out_with_a_sentence_and_come_back() {
    let probe = plane();
    let (to, mut events) = channel(8);
    let (_, free) = probe.open(to.clone(), None).expect("a leg");
    probe.stop();
    wait(&mut events, |e| matches!(e, LegEvent::Closed(_)));
    let config = PlaneConfig { bind: HERE, ports: free..=free + 1, no_rtp: LONG, epoch: Instant::now() };
    let plane = Plane::start(config).expect("a plane");
    let (key, port) = plane.open(to.clone(), None).expect("the one pair");
    assert_eq!(port, free);
    let error = plane.open(to.clone(), None).expect_err("none is left");
    assert!(matches!(error, MediaError::NoPort), "{error}");
    plane.command(key, LegCommand::Close);
    wait(&mut events, |e| matches!(e, LegEvent::Closed(_)));
    let until = Instant::now() + LONG;
    while plane.open(to.clone(), None).is_err() {
        assert!(Instant::now() < until, "the port never came back");
        std::thread::yield_now();
    }
}

#[test]
fn the_handle_crosses_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Plane>();
}
