//! What strangers may ask of us, pure: how many requests a second, and for how long nothing at all after they misbehaved.
//! Our own people (`[sip] trusted`, trunks, this machine) are never looked at here: the caller exempts them.
//!
//! Who is shut out must have proved to be where it says it is, by a connection: a datagram's source can be forged, so garbage
//! in datagrams costs its source nothing but its own answers, and nobody is locked out by somebody else's packets.

use crate::base::{Bucket, Moment};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Sources remembered; when more are heard at once the new ones share what [`Limits::together`] leaves.
const SOURCES_MAX: usize = 4096;
/// Faults on connections after which a source is shut out.
const FAULTS_MAX: u32 = 20;
/// One fault is forgiven after so long without a new one.
const FORGIVEN: Duration = Duration::from_secs(10);
/// Requests within dialogs and responses that come with each request that begins something.
const WITHIN: f64 = 10.0;
/// How many seconds' worth may come at once.
const BURST: f64 = 2.0;
/// All strangers together may do so many times what one may.
const TOGETHER: f64 = 20.0;

/// Who counts as one source: an IPv4 address, or an IPv6 network of 64 bits, which is what one subscriber gets.
pub fn one_source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => std::net::Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        address => address,
    }
}

/// What is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Requests a second that begin something (no To tag), for one stranger.
    pub requests_per_second: u32,
    /// How long a source is shut out.
    pub shut_out: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { requests_per_second: 20, shut_out: Duration::from_secs(600) }
    }
}

/// What kind of message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request that begins something.
    Beginning,
    /// A request within a dialog, an ACK or a response.
    Within,
}

/// Sources that are not ours. Bounded in number and in time.
#[derive(Debug)]
pub struct Sources {
    limits: Limits,
    known: HashMap<IpAddr, Source>,
    /// For all of them together, and for those that find no place of their own: what begins something.
    together: Allowance,
    /// The same for what claims to be within a dialog, which a forger can claim as well.
    together_within: Allowance,
}

#[derive(Debug)]
struct Source {
    beginning: Allowance,
    within: Allowance,
    faults: u32,
    /// Of the last fault, or of the last that was forgiven.
    fault_at: Moment,
    shut_out_until: Moment,
}

/// What a source may do of one kind: so many a second, and a little more at once.
#[derive(Debug, Clone, Copy)]
struct Allowance(Bucket);

impl Sources {
    /// Nobody is known yet.
    pub fn new(limits: Limits) -> Sources {
        let rate = f64::from(limits.requests_per_second) * TOGETHER;
        let (together, together_within) = (Allowance::full(rate, Moment::ZERO), Allowance::full(rate * WITHIN, Moment::ZERO));
        Sources { limits, known: HashMap::new(), together, together_within }
    }

    /// Whether one more message of a stranger is looked at. The reason if not.
    ///
    /// # Errors
    /// Why it is shed.
    pub fn admit(&mut self, source: IpAddr, kind: Kind, now: Moment) -> Result<(), &'static str> {
        let rate = f64::from(self.limits.requests_per_second);
        let beginning = kind == Kind::Beginning;
        match self.place(source, now) {
            Some(source) if now < source.shut_out_until => return Err("shut out"),
            Some(source) => {
                let (bucket, rate) =
                    if beginning { (&mut source.beginning, rate) } else { (&mut source.within, rate * WITHIN) };
                if !bucket.take(rate, now) {
                    return Err("source rate");
                }
            }
            // No place for one more: only what all together may do holds it.
            None => {}
        }
        let taken = match kind {
            Kind::Beginning => self.together.take(rate * TOGETHER, now),
            Kind::Within => self.together_within.take(rate * WITHIN * TOGETHER, now),
        };
        match taken {
            true => Ok(()),
            false => Err("rate"),
        }
    }

    /// Something wrong came over a connection: broken requests, noise, a scanner's name, a wrong password. Whether the source
    /// is shut out by it.
    pub fn fault(&mut self, source: IpAddr, now: Moment) -> bool {
        let shut_out = self.limits.shut_out;
        let Some(source) = self.place(source, now) else { return false };
        let forgiven = (now.since(source.fault_at).as_micros() / FORGIVEN.as_micros()).min(u128::from(source.faults));
        source.faults = source.faults - u32::try_from(forgiven).unwrap_or(source.faults) + 1;
        source.fault_at = now;
        let enough = source.faults >= FAULTS_MAX;
        if enough {
            source.faults = 0;
            source.shut_out_until = now + shut_out;
        }
        enough
    }

    /// Whether nothing of this source is looked at.
    pub fn is_shut_out(&self, source: IpAddr, now: Moment) -> bool {
        self.known.get(&one_source(source)).is_some_and(|source| now < source.shut_out_until)
    }

    fn place(&mut self, source: IpAddr, now: Moment) -> Option<&mut Source> {
        let source = one_source(source);
        let rate = f64::from(self.limits.requests_per_second);
        if self.known.len() >= SOURCES_MAX && !self.known.contains_key(&source) {
            self.known.retain(|_, s| !s.is_idle(rate, now));
            if self.known.len() >= SOURCES_MAX {
                return None;
            }
        }
        Some(self.known.entry(source).or_insert_with(|| Source {
            beginning: Allowance::full(rate, now),
            within: Allowance::full(rate * WITHIN, now),
            faults: 0,
            fault_at: now,
            shut_out_until: Moment::ZERO,
        }))
    }
}

impl Source {
    /// Nothing about it is worth memory.
    fn is_idle(&self, rate: f64, now: Moment) -> bool {
        let faultless = self.faults == 0 || now.since(self.fault_at) >= FORGIVEN * self.faults;
        now >= self.shut_out_until && faultless && self.beginning.is_full(rate, now) && self.within.is_full(rate * WITHIN, now)
    }
}

impl Allowance {
    fn full(rate: f64, now: Moment) -> Allowance {
        Allowance(Bucket::full(rate * BURST, now))
    }

    fn is_full(&self, rate: f64, now: Moment) -> bool {
        self.0.level(rate, rate * BURST, now) >= rate * BURST
    }

    fn take(&mut self, rate: f64, now: Moment) -> bool {
        self.0.take(rate, rate * BURST, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(n).into()
    }

    fn sources() -> Sources {
        Sources::new(Limits { requests_per_second: 10, shut_out: Duration::from_secs(60) })
    }

    #[test]
    fn a_flood_is_shed_and_calls_that_exist_go_on() {
        let mut all = sources();
        let mut admitted =
            |n, kind, ms| (0..n).filter(|_| all.admit(address(1), kind, Moment::from_millis(ms)).is_ok()).count();
        assert_eq!(admitted(1000, Kind::Beginning, 0), 20);
        assert_eq!(admitted(1000, Kind::Within, 0), 200);
        assert_eq!(admitted(1000, Kind::Beginning, 500), 5);
        assert_eq!(admitted(1000, Kind::Beginning, 60_000), 20);
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let mut all = sources();
        let admitted = (0..1000u128).filter(|n| {
            let address = std::net::Ipv6Addr::from((0x2001_0db8_u128 << 96) + n);
            all.admit(address.into(), Kind::Beginning, Moment::ZERO).is_ok()
        });
        assert_eq!(admitted.count(), 20);
        assert_eq!(one_source("::ffff:192.0.2.1".parse().expect("ok")), address(0xc000_0201));
    }

    #[test]
    fn many_strangers_share_a_limit_and_memory_is_bounded() {
        let mut all = sources();
        let admitted = (0..100_000).filter(|n| all.admit(address(*n), Kind::Beginning, Moment::ZERO).is_ok()).count();
        assert_eq!(admitted, 400);
        assert_eq!(all.known.len(), SOURCES_MAX);
        assert!(all.admit(address(200_000), Kind::Beginning, Moment::from_millis(60_000)).is_ok());
        assert_eq!(all.known.len(), 1);
    }

    /// Random sources that claim to speak within dialogs are held together, also those that find no place in the table.
    #[test]
    fn a_forged_to_tag_does_not_lift_the_limit() {
        let mut all = sources();
        let admitted = (0..100_000).filter(|n| all.admit(address(*n), Kind::Within, Moment::ZERO).is_ok()).count();
        assert_eq!(admitted, 4_000);
        assert_eq!(all.known.len(), SOURCES_MAX);
        assert!(all.admit(address(200_000), Kind::Beginning, Moment::ZERO).is_ok(), "what begins has a limit of its own");
    }

    #[test]
    fn who_misbehaves_is_shut_out_for_a_while() {
        let mut all = sources();
        let source = address(7);
        for n in 0..FAULTS_MAX {
            assert!(!all.is_shut_out(source, Moment::from_millis(1)), "after {n} faults");
            all.fault(source, Moment::from_millis(1));
        }
        assert!(all.is_shut_out(source, Moment::from_millis(59_000)));
        assert_eq!(all.admit(source, Kind::Within, Moment::from_millis(2)), Err("shut out"));
        assert!(!all.is_shut_out(source, Moment::from_millis(60_001)));
        // One mistake now and then is forgiven.
        for n in 0..100 {
            all.fault(address(8), Moment::from_millis(100_000 + n * 11_000));
        }
        assert!(!all.is_shut_out(address(8), Moment::from_millis(1_200_000)));
    }
}
