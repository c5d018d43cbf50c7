//! Who is believed to be the far end.

use super::*;
use crate::base::Codec;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// The far end's machine is .1, others count from .2.
fn at(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], port))
}

fn agreed(remote: SocketAddr) -> Negotiated {
    Negotiated::new(remote, Codec::Pcmu)
}

fn header(ssrc: u32, sequence: u16) -> Header {
    Header { marker: false, payload_type: 0, sequence, timestamp: u32::from(sequence) * 160, ssrc }
}

fn ms(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

/// A second of the stream `ssrc` from `source`, packet n at n * 20 ms with sequence number n.
fn settled(p: &mut Peer, source: SocketAddr, ssrc: u32) {
    for n in 0..SETTLED {
        let n = n as u16;
        assert!(p.accept(ms(u64::from(n) * 20), source, &header(ssrc, n), false));
    }
}

#[test]
fn the_first_source_is_kept_and_answered_to() {
    let mut p = Peer::new(agreed(at(1, 10)));
    assert_eq!(p.target(), at(1, 10));
    settled(&mut p, at(2, 20), 7);
    assert_eq!(p.target(), at(2, 20));
    assert!(!p.accept(ms(1_020), at(3, 30), &header(9, 1), false), "another stream from elsewhere");
    assert!(!p.accept(ms(60_000), at(3, 30), &header(9, 1), false), "nor after a long silence");
    assert!(p.accept(ms(60_010), at(2, 20), &header(8, 1), false), "another stream from the same place");
    assert!(p.accept(ms(60_020), at(1, 10), &header(9, 5), false), "the named address is never kept out");
    assert_eq!(p.target(), at(1, 10));
    assert!(!p.accept(ms(60_030), at(2, 20), &header(8, 2), false));
}

#[test]
fn who_came_first_by_chance_does_not_keep_others_out() {
    let mut p = Peer::new(agreed(at(1, 10)));
    assert!(p.accept(ms(0), at(3, 30), &header(66, 1), false), "nobody else is there yet");
    assert!(p.accept(ms(20), at(1, 99), &header(7, 1), false), "the named machine, another port");
    assert_eq!(p.target(), at(1, 99));
    assert!(!p.accept(ms(40), at(3, 30), &header(66, 2), false));
    // One packet alone binds nobody.
    let mut p = Peer::new(agreed(at(1, 10)));
    p.accept(ms(0), at(3, 30), &header(66, 1), false);
    assert!(!p.accept(ms(1_900), at(4, 40), &header(7, 1), false));
    assert!(p.accept(ms(2_001), at(4, 40), &header(7, 1), false));
}

#[test]
fn a_nat_that_makes_another_port_is_followed_at_once() {
    for to in [at(2, 21), at(5, 50)] {
        let mut p = Peer::new(agreed(at(1, 10)));
        settled(&mut p, at(2, 20), 7);
        assert!(p.accept(ms(1_000), to, &header(7, 50), false));
        assert_eq!(p.target(), to);
        assert!(!p.accept(ms(1_010), at(2, 20), &header(7, 49), false), "a straggler does not move it back");
        assert_eq!(p.target(), to);
        // And back, after packets were lost and the sequence wrapped its clock.
        assert!(p.accept(ms(1_400), at(2, 20), &header(7, 70), false));
        assert_eq!(p.target(), at(2, 20));
    }
    // After ten silent seconds the stream goes on from another port of the same machine, numbered anew.
    let mut p = Peer::new(agreed(at(1, 10)));
    settled(&mut p, at(2, 20), 7);
    assert!(p.accept(ms(11_000), at(2, 33), &header(12, 4_000), false));
}

#[test]
fn an_attacker_who_guesses_moves_nothing() {
    let mut p = Peer::new(agreed(at(1, 10)));
    settled(&mut p, at(2, 20), 7);
    let mut rng = StdRng::seed_from_u64(20_261_121);
    let now = ms(1_000);
    for _ in 0..1_000_000 {
        // Even one who knows the SSRC has to guess sequence and clock together.
        let guess = Header { ssrc: 7, sequence: rng.random(), timestamp: rng.random(), ..header(7, 0) };
        let near = (1..=AHEAD_MAX).contains(&guess.sequence.wrapping_sub(49));
        assert!(!p.accept(now, at(66, 6_666), &guess, false) || near, "{guess:?}");
        assert_eq!(p.target(), at(2, 20), "{guess:?}");
        assert!(!p.accept(now, at(66, 6_666), &Header { ssrc: rng.random::<u32>() | 8, ..header(0, 50) }, false));
    }
    for sequence in (0..50).chain(150..=u16::MAX) {
        let timestamp = 50 * 160;
        let replay = Header { timestamp, ..header(7, sequence.wrapping_mul(1)) };
        assert!(!p.accept(now, at(66, 6_666), &replay, false), "sequence {sequence} with the right clock");
    }
    assert!(!p.accept(now, at(66, 6_666), &Header { timestamp: 500_000, ..header(7, 50) }, false), "a wrong clock");
    assert!(p.accept(ms(1_000), at(2, 20), &header(7, 50), false), "the far end was never disturbed");
}

#[test]
fn packets_that_prove_themselves_decide() {
    let mut p = Peer::new(agreed(at(1, 10)));
    settled(&mut p, at(2, 20), 7);
    assert!(p.accept(ms(1_000), at(3, 30), &header(7, 9_000), true));
    assert_eq!(p.target(), at(3, 30));
    assert!(p.accept(ms(1_010), at(2, 20), &header(7, 50), true), "late on its old way");
    assert_eq!(p.target(), at(3, 30));
    assert!(p.accept(ms(1_020), at(4, 40), &header(8, 1), true), "another stream with the same key");
    assert_eq!(p.target(), at(4, 40));
}

#[test]
fn moved_media_is_not_moved_back_by_stragglers() {
    let mut p = Peer::new(agreed(at(1, 10)));
    settled(&mut p, at(2, 20), 7);
    p.agree(ms(1_000), agreed(at(1, 10)));
    assert_eq!(p.target(), at(2, 20), "a refresh changes nothing");
    p.agree(ms(1_010), agreed(at(1, 11)));
    assert!(p.accept(ms(1_020), at(2, 20), &header(7, 51), false));
    assert_eq!(p.target(), at(1, 11));
    assert!(p.accept(ms(1_030), at(2, 21), &header(9, 1), false));
    assert_eq!(p.target(), at(2, 21));
    assert!(!p.accept(ms(1_040), at(2, 20), &header(7, 52), false));
}
