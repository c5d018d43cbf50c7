//! Who calls too often, and who may not call at all: a token bucket for each address and for each calling number, bounded in
//! number, and the operator's list.

use crate::base::Moment;
use crate::sip::guard::one_source;
use crate::sip::trunk::NumberPattern;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Most sources (and callers) remembered; beyond that those whose buckets are full again are forgotten, and while there are none
/// whoever is new is refused.
const KEYS_MAX: usize = 10_000;

/// New calls a minute for each key.
#[derive(Debug)]
struct Buckets<K> {
    per_minute: f64,
    buckets: HashMap<K, (f64, Moment)>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(per_minute: u32) -> Buckets<K> {
        Buckets { per_minute: f64::from(per_minute.max(1)), buckets: HashMap::new() }
    }

    fn admits(&mut self, now: Moment, key: &K) -> bool {
        if self.buckets.len() >= KEYS_MAX && !self.buckets.contains_key(key) {
            let full = self.per_minute;
            self.buckets.retain(|_, (tokens, at)| *tokens + (now - *at).as_secs_f64() * full / 60.0 < full);
            if self.buckets.len() >= KEYS_MAX {
                return false;
            }
        }
        let (tokens, at) = self.buckets.entry(key.clone()).or_insert((self.per_minute, now));
        *tokens = (*tokens + (now - *at).as_secs_f64() * self.per_minute / 60.0).min(self.per_minute);
        *at = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }
}

/// A caller who may not call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// Whoever hides the number, or has none.
    Anonymous,
    /// Numbers.
    Numbers(NumberPattern),
}

impl Blocked {
    /// Reads `anonymous` or a pattern of numbers.
    pub fn parse(text: &str) -> Option<Blocked> {
        match text {
            "anonymous" => Some(Blocked::Anonymous),
            pattern => NumberPattern::parse(pattern).map(Blocked::Numbers),
        }
    }
}

/// Who wants to call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    /// From which address.
    pub(super) source: IpAddr,
    /// Its source is trusted.
    pub(super) trusted: bool,
    /// The calling number, also where it is not to be shown.
    pub(super) caller: &'a str,
    /// It is not to be shown.
    pub(super) hidden: bool,
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shed {
    /// The caller is on the list: 603.
    Blocked,
    /// This number has called too often: 486, which no PBX takes for a broken trunk.
    Caller,
    /// This address has called too often: 503, so that its PBX tries elsewhere.
    Source,
}

impl Shed {
    pub(super) fn status(self) -> u16 {
        match self {
            Shed::Blocked => 603,
            Shed::Caller => 486,
            Shed::Source => 503,
        }
    }

    pub(super) fn why(self) -> &'static str {
        match self {
            Shed::Blocked => "the caller is on the list of blocked ones",
            Shed::Caller => "this number calls too often (calls_per_minute_per_caller)",
            Shed::Source => "this address calls too often (calls_per_minute)",
        }
    }
}

/// The limits as configured.
#[derive(Debug, Clone, Default)]
pub struct CallerLimits {
    /// New calls a minute from one address (of IPv6: one network of 64 bits) that is not trusted.
    pub per_source: u32,
    /// New calls a minute from one calling number; `None` = no limit.
    pub per_caller: Option<u32>,
    /// Who may not call.
    pub blocked: Vec<Blocked>,
}

pub(super) struct Rate {
    sources: Buckets<IpAddr>,
    callers: Option<Buckets<String>>,
    blocked: Vec<Blocked>,
}

impl Rate {
    pub(super) fn new(limits: CallerLimits) -> Rate {
        let CallerLimits { per_source, per_caller, blocked } = limits;
        Rate { sources: Buckets::new(per_source), callers: per_caller.map(Buckets::new), blocked }
    }

    /// Whether one more call may begin now. Trusted sources are free of the rate per source, and of nothing else.
    ///
    /// # Errors
    /// [`Shed`].
    pub(super) fn admit(&mut self, now: Moment, asking: Asking<'_>) -> Result<(), Shed> {
        let nameless = asking.caller.is_empty() || asking.caller.eq_ignore_ascii_case("anonymous");
        let on_list = |blocked: &Blocked| match blocked {
            Blocked::Anonymous => nameless || asking.hidden,
            Blocked::Numbers(pattern) => pattern.matches(asking.caller),
        };
        if self.blocked.iter().any(on_list) {
            return Err(Shed::Blocked);
        }
        if !asking.trusted && !self.sources.admits(now, &one_source(asking.source)) {
            return Err(Shed::Source);
        }
        // Callers without a number are many people: their sources bound them.
        if !nameless
            && let Some(callers) = &mut self.callers
            && !callers.admits(now, &asking.caller.chars().take(64).collect())
        {
            return Err(Shed::Caller);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Asking<'static> =
        Asking { source: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), trusted: false, caller: "+4930111", hidden: false };

    fn rate(per_source: u32, per_caller: Option<u32>, blocked: &[&str]) -> Rate {
        let blocked = blocked.iter().filter_map(|b| Blocked::parse(b)).collect();
        Rate::new(CallerLimits { per_source, per_caller, blocked })
    }

    #[test]
    fn a_burst_is_shed_and_one_source_does_not_touch_another() {
        let mut rate = rate(6, None, &[]);
        let other = Asking { source: IpAddr::from([192, 0, 2, 2]), ..HERE };
        let admitted = (0..10).filter(|_| rate.admit(Moment::ZERO, HERE).is_ok()).count();
        assert_eq!(admitted, 6);
        assert!(rate.admit(Moment::ZERO, other).is_ok());
        assert_eq!(rate.admit(Moment::from_millis(9_000), HERE), Err(Shed::Source));
        assert!(rate.admit(Moment::from_millis(19_500), HERE).is_ok(), "one token in ten seconds");
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let mut rate = rate(6, None, &[]);
        let from = |network, n| Asking { source: IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, n]), ..HERE };
        assert_eq!((0..100).filter(|n| rate.admit(Moment::ZERO, from(1, *n)).is_ok()).count(), 6);
        assert!(rate.admit(Moment::ZERO, from(2, 1)).is_ok());
    }

    #[test]
    fn a_number_that_calls_too_often_is_busy_wherever_it_comes_from() {
        let mut rate = rate(1_000, Some(2), &[]);
        let trusted = Asking { trusted: true, source: IpAddr::from([192, 0, 2, 9]), ..HERE };
        assert!(rate.admit(Moment::ZERO, HERE).is_ok() && rate.admit(Moment::ZERO, trusted).is_ok());
        assert_eq!(rate.admit(Moment::ZERO, trusted), Err(Shed::Caller));
        assert!(rate.admit(Moment::ZERO, Asking { caller: "+4930222", ..HERE }).is_ok());
        for _ in 0..9 {
            assert!(rate.admit(Moment::ZERO, Asking { caller: "anonymous", ..HERE }).is_ok(), "many people");
        }
        assert!(rate.admit(Moment::from_millis(30_000), trusted).is_ok());
    }

    #[test]
    fn trusted_sources_are_free_of_the_rate_but_not_of_the_list() {
        let mut rate = rate(1, None, &["+4930111", "+882*", "anonymous"]);
        let trusted = Asking { trusted: true, ..HERE };
        assert_eq!(rate.admit(Moment::ZERO, trusted), Err(Shed::Blocked));
        for caller in ["+882123", "anonymous", "Anonymous", ""] {
            assert_eq!(rate.admit(Moment::ZERO, Asking { caller, ..trusted }), Err(Shed::Blocked), "{caller}");
        }
        let other = Asking { caller: "+49301112", ..trusted };
        assert_eq!(rate.admit(Moment::ZERO, Asking { hidden: true, ..other }), Err(Shed::Blocked));
        for _ in 0..9 {
            assert!(rate.admit(Moment::ZERO, other).is_ok());
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut rate = rate(1, Some(1), &[]);
        for n in 0..20_000u32 {
            let source = IpAddr::from(n.to_be_bytes());
            let _ = rate.admit(Moment::ZERO, Asking { source, caller: &n.to_string(), ..HERE });
        }
        assert_eq!(rate.sources.buckets.len(), KEYS_MAX);
        assert!(rate.callers.is_some_and(|c| c.buckets.len() <= KEYS_MAX));
    }
}
