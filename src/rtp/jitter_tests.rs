//! A sender on a bad line against the buffer, all in simulated time.

use super::*;
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// What the network does to packet `n`: how late it comes in milliseconds, or that it never comes.
type Line<'a> = &'a mut dyn FnMut(u32) -> Option<u64>;

struct Outcome {
    /// Per tick: the packet number that the tick's first byte belongs to, or what else came.
    ticks: Vec<Result<u32, Popped>>,
    jitter: Jitter,
}

impl Outcome {
    fn count(&self, what: Popped) -> usize {
        self.ticks.iter().filter(|t| **t == Err(what)).count()
    }

    fn played(&self) -> Vec<u32> {
        self.ticks.iter().filter_map(|t| t.as_ref().ok().copied()).collect()
    }
}

/// `packets` of `ms` milliseconds each, sequence and timestamp about to wrap, popped every 20 ms.
fn run(packets: u32, ms: u32, line: Line) -> Outcome {
    let mut arrivals: Vec<(u64, u32)> =
        (0..packets).filter_map(|n| line(n).map(|late| (u64::from(n * ms) + late, n))).collect();
    arrivals.sort_by_key(|a| a.0);
    let mut arrivals = arrivals.into_iter().peekable();
    let (mut jitter, mut ticks, mut out) = (Jitter::new(), Vec::new(), [0; 160]);
    for tick in 0..u64::from(packets * ms / 20 + 30) {
        let now = Moment::from_millis(tick * 20);
        while let Some((_, n)) = arrivals.next_if(|a| a.0 <= tick * 20) {
            let (header, payload) = packet(n, ms);
            push(&mut jitter, now, &header, &payload);
        }
        ticks.push(match pop(&mut jitter, now, true, &mut out) {
            Popped::Audio { .. } => Ok(number(&out)),
            other => Err(other),
        });
    }
    Outcome { ticks, jitter }
}

fn packet(n: u32, ms: u32) -> (Header, Vec<u8>) {
    let header = Header {
        marker: n == 0,
        payload_type: 0,
        sequence: 65_500u16.wrapping_add(u16::try_from(n & 0xffff).unwrap_or(0)),
        timestamp: (u32::MAX - 5_000).wrapping_add(n * ms * 8),
        ssrc: 1,
    };
    // Seven bits a byte, so that silence (0xff) is no packet's content.
    let payload = (0..ms * 8).map(|i| if i % 2 == 0 { (n & 0x7f) as u8 } else { (n >> 7 & 0x7f) as u8 });
    (header, payload.collect())
}

/// One byte a sample.
fn push(jitter: &mut Jitter, now: Moment, header: &Header, payload: &[u8]) -> bool {
    jitter.push(now, header, u16::try_from(payload.len()).unwrap_or(u16::MAX), payload)
}

/// The tick's bytes; 0xff where there are none.
fn pop(jitter: &mut Jitter, now: Moment, quiet: bool, out: &mut [u8; 160]) -> Popped {
    let mut bytes = [0xff; 160];
    let popped = jitter.pop(now, quiet, &mut |piece| {
        let part = &piece.payload[piece.skip..piece.skip + piece.at.len()];
        bytes[piece.at].copy_from_slice(part);
    });
    if let Popped::Audio { .. } = popped {
        *out = bytes;
    }
    popped
}

/// The packet number in the first bytes of a tick.
fn number(out: &[u8; 160]) -> u32 {
    u32::from(out[0]) | u32::from(out[1]) << 7
}

#[test]
fn a_clean_line_plays_everything_in_order_whatever_the_packet_length() {
    for ms in [10, 20, 30, 40, 60] {
        let total = 3_000 / ms;
        let got = run(total, ms, &mut |_| Some(3));
        let played = got.played();
        let left_out = usize::try_from(got.jitter.stats().trimmed).unwrap();
        assert!(left_out <= 2 && played.len() + left_out >= 150, "{ms} ms packets: {}", played.len());
        assert!(played.windows(2).all(|w| w[0] <= w[1]), "{ms} ms packets in order");
        let gaps = got.ticks.iter().skip_while(|t| t.is_err()).take(148).filter(|t| t.is_err()).count();
        assert_eq!(gaps, 0, "{ms} ms packets without a gap: {:?}", got.ticks);
    }
}

#[test]
fn loss_is_concealed_once_per_packet() {
    let got = run(500, 20, &mut |n| (n % 10 != 5).then_some(0));
    assert_eq!(got.played().len(), 450);
    assert_eq!(got.count(Popped::Lost), 50 + usize::try_from(CONCEAL_MAX).unwrap());
    assert_eq!(got.jitter.stats().lost, 50);
}

#[test]
fn reordered_and_doubled_packets_play_once_in_order() {
    let mut jitter = Jitter::new();
    let (mut out, mut played) = ([0; 160], Vec::new());
    for tick in 0..100u32 {
        let now = Moment::from_millis(u64::from(tick) * 20);
        for n in if tick % 2 == 0 { vec![tick + 1, tick, tick] } else { vec![tick] } {
            let (header, payload) = packet(n, 20);
            push(&mut jitter, now, &header, &payload);
        }
        if let Popped::Audio { .. } = pop(&mut jitter, now, false, &mut out) {
            played.push(number(&out));
        }
    }
    assert!(played.len() > 95);
    assert!(played.windows(2).all(|w| w[1] == w[0] + 1), "{played:?}");
    assert_eq!(jitter.stats().lost, 0);
    assert!(jitter.stats().duplicates >= 99);
}

#[test]
fn arrivals_that_straddle_the_tick_cost_one_concealment() {
    // Every other packet misses its tick by a millisecond.
    let got = run(1_500, 20, &mut |n| Some(u64::from(n % 2)));
    let lost = got.count(Popped::Lost) - usize::try_from(CONCEAL_MAX).unwrap();
    assert!(lost <= 1 && got.jitter.stats().trimmed == 0, "{lost} concealed, {:?}", got.jitter.stats());
}

#[test]
fn jitter_of_80_ms_grows_the_delay_until_nothing_is_lost() {
    let mut rng = StdRng::seed_from_u64(11);
    let got = run(1_500, 20, &mut |_| Some(rng.random_range(0..80)));
    let late_half = &got.ticks[750..1_450];
    let bad = late_half.iter().filter(|t| t.is_err()).count();
    assert!(bad <= 7, "{bad} of 700 ticks without their packet");
    assert!((480..=960).contains(&got.jitter.target()), "target {}", got.jitter.target());
    let ms = got.jitter.stats().jitter_us / 1_000;
    assert!((15..45).contains(&ms), "measured {ms} ms");
}

#[test]
fn delay_comes_down_again_when_the_line_is_good() {
    let mut rng = StdRng::seed_from_u64(12);
    let got = run(3_000, 20, &mut |n| Some(if n < 500 { rng.random_range(0..80) } else { 0 }));
    assert!(got.jitter.stats().trimmed >= 1, "{:?}", got.jitter.stats());
    assert!(got.jitter.target() <= 320, "{}", got.jitter.target());
    let delay = 2_990 - got.ticks[2_990].expect("audio");
    assert!(delay <= 3, "{delay} ticks behind");
}

#[test]
fn a_clock_that_runs_fast_or_slow_is_followed() {
    // One packet too many every 100, or one too few: 1 %, ten times the worst clock.
    for slow in [false, true] {
        let drift = |n: u32| if slow { u64::from(n) / 5 } else { 0 };
        let mut jitter = Jitter::new();
        let (mut out, mut next, mut bad) = ([0; 160], 0u32, 0);
        for tick in 0..3_000u64 {
            let now = Moment::from_millis(tick * 20);
            let due = if slow { tick * 20 } else { tick * 20 + tick / 5 };
            while u64::from(next) * 20 + drift(next) <= due {
                let (header, payload) = packet(next, 20);
                push(&mut jitter, now, &header, &payload);
                next += 1;
            }
            bad += usize::from(!matches!(pop(&mut jitter, now, true, &mut out), Popped::Audio { .. }));
            assert!(jitter.fill() <= TARGET_MAX + EXCESS_MAX);
        }
        assert!(bad <= 45, "slow {slow}: {bad} of 3000 ticks concealed");
        assert!(jitter.fill() <= 800, "slow {slow}: {}", jitter.fill());
    }
}

#[test]
fn a_stalled_second_is_not_kept_as_delay() {
    // Packets 100..150 arrive all at once.
    let got = run(400, 20, &mut |n| Some(if (100..150).contains(&n) { u64::from(150 - n) * 20 } else { 0 }));
    let behind = 300 - got.ticks[300].expect("audio");
    assert!(behind <= 8, "{behind} ticks behind");
}

#[test]
fn silence_suppression_is_no_loss_and_noise_is_told() {
    let mut jitter = Jitter::new();
    let mut out = [0; 160];
    let mut seen = Vec::new();
    for tick in 0..200u64 {
        let now = Moment::from_millis(tick * 20);
        let n = u32::try_from(tick).unwrap();
        let speech = !(50..150).contains(&tick);
        let (mut header, payload) = packet(n, 20);
        header.sequence = u16::try_from(if tick < 150 { n } else { n - 99 }).unwrap();
        if speech {
            push(&mut jitter, now, &header, &payload);
        } else if tick == 50 {
            header.sequence = 50;
            jitter.push_comfort_noise(now, &header, 60);
        }
        seen.push(pop(&mut jitter, now, false, &mut out));
        assert!(jitter.in_comfort_noise() || !(53..150).contains(&tick), "tick {tick}");
    }
    assert_eq!(seen.iter().filter(|p| **p == Popped::Lost).count(), 0, "{seen:?}");
    assert!(seen.iter().filter(|p| **p == Popped::ComfortNoise(60)).count() >= 97);
    assert_eq!(jitter.stats().lost, 0);
}

#[test]
fn keys_are_no_loss() {
    let mut jitter = Jitter::new();
    let (mut out, mut lost, mut played) = ([0; 160], 0, 0);
    for tick in 0..100u32 {
        let now = Moment::from_millis(u64::from(tick) * 20);
        let (mut header, payload) = packet(tick, 20);
        if (40..48).contains(&tick) {
            header.timestamp = packet(40, 20).0.timestamp;
            jitter.push_other(now, &header);
        } else {
            push(&mut jitter, now, &header, &payload);
        }
        match pop(&mut jitter, now, false, &mut out) {
            Popped::Lost => lost += 1,
            Popped::Audio { .. } => played += 1,
            _ => {}
        }
    }
    assert_eq!((lost, jitter.stats().lost), (0, 0));
    assert!(played >= 89, "{played}");
}

#[test]
fn another_sender_and_a_clock_set_back_begin_anew() {
    let mut jitter = Jitter::new();
    let mut out = [0; 160];
    let mut good = 0;
    for tick in 0..150u32 {
        let now = Moment::from_millis(u64::from(tick) * 20);
        let (mut header, payload) = packet(tick, 20);
        if tick >= 50 {
            header.ssrc = 2;
            header.sequence = u16::try_from(tick).unwrap();
        }
        if tick >= 100 {
            header.timestamp = header.timestamp.wrapping_sub(900_000);
        }
        push(&mut jitter, now, &header, &payload);
        good += u32::from(matches!(pop(&mut jitter, now, false, &mut out), Popped::Audio { .. }));
    }
    assert!(good >= 140, "{good}");
    assert_eq!(jitter.stats().lost, 0);
}

#[test]
fn a_scrap_with_nothing_behind_it_does_not_stay() {
    let mut jitter = Jitter::new();
    let mut out = [0; 160];
    let header = Header { marker: false, payload_type: 0, sequence: 1, timestamp: 1, ssrc: 1 };
    push(&mut jitter, Moment::ZERO, &header, &[7; 5]);
    let seen: Vec<_> = (0..40).map(|t| pop(&mut jitter, Moment::from_millis(t * 20), false, &mut out)).collect();
    assert_eq!(seen.iter().filter(|p| matches!(p, Popped::Audio { .. })).count(), 1);
    assert_eq!(seen.last(), Some(&Popped::Empty));
    assert_eq!(jitter.fill(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever loss, reorder, doubling and stalls: order is kept, nothing plays twice, the delay stays bounded.
    #[test]
    fn a_bad_line_never_breaks_order(seed in any::<u64>(), loss in 0.0..0.4f64, spread in 0u64..200, ms in prop::sample::select(vec![10u32, 20, 30, 40, 60])) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut jitter = Jitter::new();
        let mut line: Vec<(u64, u32)> = Vec::new();
        for n in 0..400u32 {
            if !rng.random_bool(loss) {
                line.push((u64::from(n * ms) + rng.random_range(0..=spread), n));
            }
            if rng.random_bool(0.05) {
                line.push((u64::from(n * ms) + rng.random_range(0..=spread), n));
            }
        }
        line.sort_unstable();
        let mut line = line.into_iter().peekable();
        let (mut out, mut last) = ([0; 160], None);
        for tick in 0..u64::from(400 * ms / 20 + 40) {
            let now = Moment::from_millis(tick * 20);
            while let Some((_, n)) = line.next_if(|a| a.0 <= tick * 20) {
                let (header, payload) = packet(n, ms);
                push(&mut jitter, now, &header, &payload);
            }
            if let Popped::Audio { .. } = pop(&mut jitter, now, rng.random(), &mut out) && out[0] != 0xff {
                // Packets longer than a tick show again in the next tick, never in a later one.
                let n = number(&out);
                prop_assert!(last.is_none_or(|l| n >= l), "seed {seed}: {n} after {last:?}");
                last = Some(n);
            }
            prop_assert!(jitter.fill() <= TARGET_MAX + EXCESS_MAX + 480, "fill {}", jitter.fill());
        }
    }

    /// Headers out of nowhere.
    #[test]
    fn any_headers_are_survived(ops in prop::collection::vec((any::<u16>(), any::<u32>(), 0u32..3, 0usize..500, 0u8..4), 0..400)) {
        let mut jitter = Jitter::new();
        let mut out = [0; 160];
        for (i, (sequence, timestamp, ssrc, len, kind)) in ops.into_iter().enumerate() {
            let now = Moment::from_millis(i as u64 * 7);
            let header = Header { marker: false, payload_type: 0, sequence: sequence % 200, timestamp: timestamp % 60_000, ssrc };
            match kind {
                0 => { jitter.push_other(now, &header); }
                1 => { jitter.push_comfort_noise(now, &header, 50); }
                _ => { push(&mut jitter, now, &header, &vec![1; len]); }
            }
            pop(&mut jitter, now, kind == 3, &mut out);
        }
    }
}
