//! How often somebody may try a password. Each try costs a token of its source and one of the name; a right one gives
//! both back. A name has two kinds of purse: one for each source from which this user has logged in before, and one for
//! all the others, so that strangers who guess cannot keep an agent from her desk.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// A source may be a whole office in the morning: so many tries at once, and one more every three seconds.
const SOURCE: Purse = Purse { most: 30.0, per_second: 1.0 / 3.0 };

/// A name: so many at once, and one more every 20 seconds.
const NAME: Purse = Purse { most: 6.0, per_second: 1.0 / 20.0 };

/// Sources, names and acquaintances remembered, each.
const KEYS_MAX: usize = 8_192;

/// How much may come at once, and how much again with time.
#[derive(Debug, Clone, Copy)]
struct Purse {
    most: f64,
    per_second: f64,
}

/// What is left of purses.
#[derive(Debug)]
struct Purses<K> {
    size: Purse,
    left: HashMap<K, (f64, Instant)>,
}

impl<K: Hash + Eq> Purses<K> {
    fn new(size: Purse) -> Purses<K> {
        Purses { size, left: HashMap::new() }
    }

    /// Takes a token, or tells after how long there is one.
    fn take(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        let size = self.size;
        let level = |&(tokens, at): &(f64, Instant)| {
            (tokens + now.saturating_duration_since(at).as_secs_f64() * size.per_second).min(size.most)
        };
        if self.left.len() >= KEYS_MAX && !self.left.contains_key(&key) {
            // Whoever has a full purse again is as good as new.
            self.left.retain(|_, purse| level(purse) < size.most);
            if self.left.len() >= KEYS_MAX {
                return Err(Duration::from_secs_f64(1.0 / size.per_second));
            }
        }
        let purse = self.left.entry(key).or_insert((size.most, now));
        let tokens = level(purse);
        if tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - tokens) / size.per_second));
        }
        *purse = (tokens - 1.0, now);
        Ok(())
    }

    fn give_back(&mut self, key: &K) {
        if let Some((tokens, _)) = self.left.get_mut(key) {
            *tokens = (*tokens + 1.0).min(self.size.most);
        }
    }
}

/// The tries of everybody.
#[derive(Debug)]
pub(super) struct Attempts {
    sources: Purses<IpAddr>,
    names: Purses<(String, Option<IpAddr>)>,
    /// From where names have logged in, and when last.
    known: HashMap<(String, IpAddr), Instant>,
}

impl Default for Attempts {
    fn default() -> Attempts {
        Attempts { sources: Purses::new(SOURCE), names: Purses::new(NAME), known: HashMap::new() }
    }
}

impl Attempts {
    /// Counts a try, or tells after how long there may be another.
    pub(super) fn begin(&mut self, source: IpAddr, name: &str, now: Instant) -> Result<(), Duration> {
        let source = network(source);
        self.sources.take(source, now)?;
        let purse = self.purse_of(source, name);
        self.names.take(purse, now).inspect_err(|_| self.sources.give_back(&source))
    }

    /// The try was right.
    pub(super) fn right(&mut self, source: IpAddr, name: &str, now: Instant) {
        let source = network(source);
        self.sources.give_back(&source);
        self.names.left.remove(&self.purse_of(source, name));
        if self.known.len() >= KEYS_MAX {
            let oldest = self.known.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.known.remove(&key));
        }
        self.known.insert((name.to_string(), source), now);
    }

    fn purse_of(&self, source: IpAddr, name: &str) -> (String, Option<IpAddr>) {
        let key = (name.to_string(), source);
        let known = self.known.contains_key(&key);
        (key.0, known.then_some(source))
    }
}

/// One subscriber of IPv6 has 64 bits of addresses.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));

    fn tries(attempts: &mut Attempts, source: IpAddr, name: &str, count: usize, now: Instant) -> usize {
        (0..count).filter(|_| attempts.begin(source, name, now).is_ok()).count()
    }

    #[test]
    fn who_mistypes_some_times_is_let_in_and_who_guesses_waits() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        assert_eq!(tries(&mut attempts, OFFICE, "anna", 10, now), 6);
        let wait = attempts.begin(OFFICE, "anna", now).expect_err("too many");
        assert!(wait > Duration::from_secs(19) && wait <= Duration::from_secs(20), "{wait:?}");
        assert!(attempts.begin(OFFICE, "anna", now + wait).is_ok(), "after the wait that was told");
        assert_eq!(tries(&mut attempts, OFFICE, "bea", 3, now), 3, "others are not touched");
    }

    #[test]
    fn a_right_password_takes_everything_back() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..50 {
            assert_eq!(tries(&mut attempts, OFFICE, "anna", 1, now), 1);
            attempts.right(OFFICE, "anna", now);
        }
    }

    #[test]
    fn strangers_who_guess_do_not_keep_the_agent_out() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        assert_eq!(tries(&mut attempts, OFFICE, "anna", 1, now), 1);
        attempts.right(OFFICE, "anna", now);
        assert_eq!(tries(&mut attempts, STRANGER, "anna", 100, now), 6);
        assert_eq!(tries(&mut attempts, IpAddr::from([203, 0, 113, 10]), "anna", 100, now), 0, "all strangers together");
        assert_eq!(tries(&mut attempts, OFFICE, "anna", 10, now), 6);
    }

    #[test]
    fn one_source_cannot_try_many_names() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        let right = (0..100).filter(|n| attempts.begin(STRANGER, &format!("user{n}"), now).is_ok()).count();
        assert_eq!(right, 30);
        let neighbour = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, n, 0, 0, 1]);
        let right = (0..100).filter(|n| attempts.begin(neighbour(*n), &format!("other{n}"), now).is_ok()).count();
        assert_eq!(right, 30, "one network of 64 bits is one source");
    }

    #[test]
    fn memory_is_bound() {
        let mut attempts = Attempts::default();
        let now = Instant::now();
        for n in 0..20_000_u32 {
            let source = IpAddr::from(std::net::Ipv4Addr::from(n));
            let _ = attempts.begin(source, &format!("user{n}"), now);
            attempts.right(source, "anna", now);
        }
        assert!(attempts.sources.left.len() <= KEYS_MAX && attempts.names.left.len() <= KEYS_MAX);
        assert_eq!(attempts.known.len(), KEYS_MAX);
        assert!(attempts.begin(STRANGER, "late", now + Duration::from_secs(60)).is_ok(), "the quiet ones were forgotten");
    }
}
