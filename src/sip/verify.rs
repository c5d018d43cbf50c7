//! Who is calling? Digest authentication of requests that come in (RFC 3261 §22, RFC 7616, RFC 8760), pure: time and random
//! numbers come as arguments. Challenges cost no memory: a nonce carries its time and a keyed hash, and only nonces that
//! were used by somebody who knows the password are remembered, to refuse a request that is sent again.
//! The SIP crate's own check counts wrongly, compares byte by byte, and keeps no nonces; it is not used.

use super::digest::{Algorithm, parameters};
use super::guard::one_source;
use crate::base::{SipUri, hex};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// How long a nonce is good. A client that used it later is told `stale=true` and tries again by itself.
const NONCE_LIFE: Duration = Duration::from_secs(300);

/// Nonces in use that are remembered; beyond, the oldest is forgotten, and whoever uses it or an older one is challenged anew.
const NONCES_MAX: usize = 4_096;

/// How far behind the highest count a request may come (UDP may reorder).
const WINDOW: u32 = 64;

/// Wrong passwords from one address (of IPv6: one network, [`one_source`]) within [`FAILURE_PERIOD`]; beyond, its requests are not looked at.
const FAILURES_MAX: u32 = 10;
const FAILURE_PERIOD: Duration = Duration::from_secs(60);

/// Addresses whose failures are counted at once; beyond, the oldest is forgotten.
const SOURCES_MAX: usize = 4_096;

/// Names and passwords of those who may call. Passwords do not show in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Accounts(pub BTreeMap<String, String>);

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What a request is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Its method.
    pub(crate) method: &'a str,
    /// Its Request-URI as it came.
    pub(crate) uri: &'a str,
    /// Where it came from.
    pub(crate) source: IpAddr,
    /// Who has proved to be just there before, port and all: wrong passwords of others at that address do not shut this one out.
    pub(crate) proved: Option<&'a str>,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No or wrong credentials: challenge it (401). `stale` = the password may be right, only the nonce is old.
    Challenge {
        /// For the challenge.
        stale: bool,
    },
    /// Too many wrong passwords from this address: refuse it (403) without a look.
    Blocked,
}

/// Checks credentials against accounts.
pub(crate) struct Verifier {
    realm: String,
    accounts: Accounts,
    offered: Vec<Algorithm>,
    /// Known to this process alone: nobody else can make a nonce.
    secret: [u8; 32],
    /// By nonce: the highest count and the counts below it that were seen.
    used: HashMap<String, Used>,
    /// The same, oldest first.
    order: VecDeque<String>,
    /// When the youngest nonce that was forgotten was made, milliseconds.
    forgotten: Option<u64>,
    failures: BTreeMap<IpAddr, Failures>,
    /// Makes nonces of one millisecond different.
    serial: AtomicU32,
}

#[derive(Debug, Clone, Copy)]
struct Used {
    highest: u32,
    /// Bit i = `highest - i` was seen.
    seen: u64,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Duration,
    count: u32,
}

impl Verifier {
    /// `offered` = the algorithms, the first preferred (RFC 8760 §2.4); `secret` must be random.
    pub(crate) fn new(realm: &str, accounts: Accounts, offered: &[Algorithm], secret: [u8; 32]) -> Verifier {
        let (used, order, failures) = (HashMap::new(), VecDeque::new(), BTreeMap::new());
        Verifier {
            realm: realm.into(),
            accounts,
            offered: offered.to_vec(),
            secret,
            used,
            order,
            forgotten: None,
            failures,
            serial: AtomicU32::new(0),
        }
    }

    /// Others may come from now on; what is known of nonces and failures stays.
    pub(crate) fn set_accounts(&mut self, accounts: Accounts) {
        self.accounts = accounts;
    }

    /// Values of WWW-Authenticate. `now` = time since any fixed moment.
    pub(crate) fn challenges(&self, now: Duration, source: IpAddr, stale: bool) -> Vec<String> {
        let nonce = self.nonce(now, source);
        let stale = if stale { ", stale=true" } else { "" };
        let one = |algorithm: &Algorithm| {
            let name = algorithm.name();
            format!("Digest realm=\"{}\", nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}", self.realm)
        };
        self.offered.iter().map(one).collect()
    }

    /// Whether one of the request's Authorization values is good; the account's name if so.
    ///
    /// # Errors
    /// [`Denied`].
    pub(crate) fn check(&mut self, now: Duration, asked: Asked<'_>, values: &[String]) -> Result<String, Denied> {
        // Who is blocked may still show the password of the phone that is there, and nothing else.
        let blocked = self.failures(now, asked.source) >= FAILURES_MAX;
        let may_try = |value: &str| !blocked || asked.proved.is_some_and(|name| username(value).as_deref() == Some(name));
        if blocked && asked.proved.is_none() {
            return Err(Denied::Blocked);
        }
        let mut stale = false;
        let mut tried = false;
        for value in values.iter().filter(|value| may_try(value)) {
            match self.check_one(now, asked, value) {
                Ok(name) => return Ok(name),
                Err(Wrong::Stale) => stale = true,
                Err(Wrong::Password) => tried = true,
                Err(Wrong::Foreign) => {}
            }
        }
        if tried {
            self.failed(now, asked.source);
        }
        Err(Denied::Challenge { stale: stale && !tried })
    }

    fn check_one(&mut self, now: Duration, asked: Asked<'_>, value: &str) -> Result<String, Wrong> {
        let rest = value.trim().split_once([' ', '\t']).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Digest"));
        let parameters = parameters(rest.ok_or(Wrong::Foreign)?.1);
        let get = |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        if get("realm") != Some(self.realm.as_str()) {
            return Err(Wrong::Foreign);
        }
        let algorithm = get("algorithm").map_or(Some(Algorithm::Md5), Algorithm::parse);
        let algorithm = algorithm.filter(|a| self.offered.contains(a)).ok_or(Wrong::Foreign)?;
        let (Some(name), Some(nonce), Some(uri), Some(response)) = (get("username"), get("nonce"), get("uri"), get("response"))
        else {
            return Err(Wrong::Foreign);
        };
        // Only who has received our nonce at this address can be counted as guessing: a forged source never sees one.
        let age = self.age(now, asked.source, nonce).ok_or(Wrong::Stale)?;
        let (Some("auth"), Some(count), Some(cnonce)) = (get("qop"), get("nc"), get("cnonce")) else {
            return Err(Wrong::Foreign);
        };
        // The digest covers the URI that it names: it must be the one that was asked for.
        if !same_address(uri, asked.uri) {
            return Err(Wrong::Foreign);
        }
        let number = u32::from_str_radix(count, 16).ok().filter(|n| count.len() == 8 && *n > 0).ok_or(Wrong::Foreign)?;
        // An unknown name takes the same steps as a wrong password.
        let password = self.accounts.0.get(name);
        let hash = |text: String| algorithm.hash(&text);
        let ha1 = hash(format!("{name}:{}:{}", self.realm, password.map_or("", String::as_str)));
        let ha2 = hash(format!("{}:{uri}", asked.method));
        let expected = hash(format!("{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}"));
        let right = bool::from(expected.as_bytes().ct_eq(response.to_ascii_lowercase().as_bytes()));
        if !right || password.is_none() {
            return Err(Wrong::Password);
        }
        if age > NONCE_LIFE || !self.count(nonce, number) {
            return Err(Wrong::Stale);
        }
        Ok(name.to_string())
    }

    /// Notes a use of a nonce; false when this count was used already or is too far behind.
    fn count(&mut self, nonce: &str, number: u32) -> bool {
        let Some(used) = self.used.get_mut(nonce) else {
            // Nonces as old as one that was forgotten may have been used already.
            if made(nonce).is_some_and(|made| self.forgotten.is_some_and(|forgotten| made <= forgotten)) {
                return false;
            }
            if self.order.len() >= NONCES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.used.remove(&oldest);
                self.forgotten = self.forgotten.max(made(&oldest));
            }
            self.order.push_back(nonce.to_string());
            self.used.insert(nonce.to_string(), Used { highest: number, seen: 1 });
            return true;
        };
        if number > used.highest {
            let ahead = number - used.highest;
            used.seen = if ahead < WINDOW { used.seen << ahead | 1 } else { 1 };
            used.highest = number;
            return true;
        }
        let behind = used.highest - number;
        let new = behind < WINDOW && used.seen & (1 << behind) == 0;
        if new {
            used.seen |= 1 << behind;
        }
        new
    }

    /// A nonce: milliseconds and a number in hex, and a hash of them that only we can make.
    fn nonce(&self, now: Duration, source: IpAddr) -> String {
        let time = format!("{:x}-{:x}", now.as_millis(), self.serial.fetch_add(1, Ordering::Relaxed));
        format!("{time}.{}", self.seal(&time, source))
    }

    /// How old a nonce is; `None` when it is none of ours for this address.
    fn age(&self, now: Duration, source: IpAddr, nonce: &str) -> Option<Duration> {
        let (time, seal) = nonce.split_once('.')?;
        let ours = bool::from(self.seal(time, source).as_bytes().ct_eq(seal.as_bytes()));
        let made = made(nonce).filter(|_| ours)?;
        now.checked_sub(Duration::from_millis(made))
    }

    fn seal(&self, time: &str, source: IpAddr) -> String {
        // Secret before and behind, so that nothing can be appended.
        let hash = Sha256::new().chain_update(self.secret).chain_update(format!("{time} {source}")).chain_update(self.secret);
        hex(&hash.finalize()[..16])
    }

    fn failures(&mut self, now: Duration, source: IpAddr) -> u32 {
        let source = one_source(source);
        match self.failures.get(&source) {
            Some(f) if now.saturating_sub(f.since) < FAILURE_PERIOD => f.count,
            Some(_) => {
                self.failures.remove(&source);
                0
            }
            None => 0,
        }
    }

    fn failed(&mut self, now: Duration, source: IpAddr) {
        let source = one_source(source);
        if self.failures.len() >= SOURCES_MAX && !self.failures.contains_key(&source) {
            let oldest = self.failures.iter().min_by_key(|(_, f)| f.since).map(|(source, _)| *source);
            oldest.map(|oldest| self.failures.remove(&oldest));
        }
        self.failures.entry(source).or_insert(Failures { since: now, count: 0 }).count += 1;
    }
}

/// The name in one Authorization value.
fn username(value: &str) -> Option<String> {
    let (_, rest) = value.trim().split_once([' ', '\t'])?;
    parameters(rest).into_iter().find(|(name, _)| name.eq_ignore_ascii_case("username")).map(|(_, name)| name)
}

/// When a nonce says that it was made, milliseconds.
fn made(nonce: &str) -> Option<u64> {
    u64::from_str_radix(nonce.split(['.', '-']).next()?, 16).ok()
}

/// Why one Authorization value does not count.
enum Wrong {
    /// Right password, old or used nonce; or a nonce of another process of ours.
    Stale,
    /// It does not fit.
    Password,
    /// It is for somebody else, or of a kind that we did not offer.
    Foreign,
}

/// Whether two SIP URIs name the same user at the same host, parameters aside: proxies in between add and drop those.
fn same_address(one: &str, other: &str) -> bool {
    let bare = |text: &str| match SipUri::parse(text) {
        Some(uri) => {
            let (user, usual) = (uri.user.split(';').next().unwrap_or(""), if uri.secure { 5061 } else { 5060 });
            // The same letter may be written with an escape or without.
            let user = super::bodies::unescape(user);
            format!("{}|{user}|{}|{}", uri.secure, uri.host, uri.port.unwrap_or(usual)).to_ascii_lowercase()
        }
        None => text.split([';', '?']).next().unwrap_or(text).trim().to_ascii_lowercase(),
    };
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::super::digest::{Challenge, Credentials, Signed};
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
    const URI: &str = "sip:100@hotline.example";

    fn verifier() -> Verifier {
        let accounts = Accounts(BTreeMap::from([("pbx".into(), "long and secret".into())]));
        Verifier::new("hotline", accounts, &[Algorithm::Md5, Algorithm::Sha256], [7; 32])
    }

    fn asked(uri: &str) -> Asked<'_> {
        Asked { method: "INVITE", uri, source: PEER, proved: None }
    }

    /// What a client answers to a challenge.
    fn answer(challenge: &str, user: &str, password: &str, count: u32) -> String {
        let who = Credentials { host: "hotline".into(), user: user.into(), password: password.into() };
        let challenge = Challenge::parse(challenge).expect("our challenge can be read");
        challenge.answer(&who, &Signed { method: "INVITE", uri: URI, cnonce: "0a4f113b", count })
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(1_000 + s)
    }

    #[test]
    fn who_knows_the_password_comes_in_by_either_algorithm() {
        let mut verifier = verifier();
        assert_eq!(verifier.check(seconds(0), asked(URI), &[]), Err(Denied::Challenge { stale: false }));
        let challenges = verifier.challenges(seconds(0), PEER, false);
        assert!(challenges[0].contains("MD5") && challenges[1].contains("SHA-256"), "{challenges:?}");
        for (count, challenge) in challenges.iter().enumerate() {
            let value = answer(challenge, "pbx", "long and secret", 1 + count as u32);
            assert_eq!(verifier.check(seconds(1), asked(URI), &[value]), Ok("pbx".into()));
        }
        // A proxy on the way may have added parameters.
        let value = answer(&challenges[0], "pbx", "long and secret", 3);
        assert!(verifier.check(seconds(1), asked("sip:100@HOTLINE.example;user=phone"), &[value]).is_ok());
    }

    #[test]
    fn counts_are_hexadecimal_and_none_is_taken_twice() {
        let mut verifier = verifier();
        let challenge = &verifier.challenges(seconds(0), PEER, false)[1];
        let mut send = |count| {
            let value = answer(challenge, "pbx", "long and secret", count);
            verifier.check(seconds(2), asked(URI), &[value])
        };
        let stale = Err(Denied::Challenge { stale: true });
        for count in 1..=300 {
            assert_eq!(send(count), Ok("pbx".into()), "{count}");
        }
        assert_eq!(send(300), stale);
        assert_eq!(send(305), Ok("pbx".into()));
        assert_eq!((send(303), send(303)), (Ok("pbx".into()), stale.clone()), "one that was overtaken");
        assert_eq!(send(20), stale);
    }

    /// Two phones behind one address may be challenged in the same moment.
    #[test]
    fn no_two_challenges_are_the_same() {
        let mut verifier = verifier();
        let both = [(); 2].map(|()| verifier.challenges(seconds(0), PEER, false)[0].clone());
        assert_ne!(both[0], both[1]);
        for challenge in &both {
            let value = answer(challenge, "pbx", "long and secret", 1);
            assert_eq!(verifier.check(seconds(1), asked(URI), &[value]), Ok("pbx".into()));
        }
    }

    #[test]
    fn others_do_not() {
        let mut verifier = verifier();
        let challenge = verifier.challenges(seconds(0), PEER, false)[0].clone();
        let good = answer(&challenge, "pbx", "long and secret", 1);
        let refused = Err(Denied::Challenge { stale: false });
        let wrong = [
            answer(&challenge, "pbx", "guess", 1),
            answer(&challenge, "", "", 1),
            answer(&challenge, "nobody", "", 1),
            good.replace("qop=auth, ", ""),
            good.replace("nc=00000001", "nc=1"),
            good.replace("nc=00000001", "nc=00000002"),
            good.replace(URI, "sip:premium@hotline.example"),
            "Digest =\"".into(),
        ];
        for (n, value) in wrong.into_iter().enumerate() {
            assert_eq!(verifier.check(seconds(1), asked(URI), std::slice::from_ref(&value)), refused, "{n}: {value}");
            verifier.failures.clear();
        }
        // Another address, a nonce that we never made, one that is too old: all may try again with a new one.
        let elsewhere = Asked { source: IpAddr::from([198, 51, 100, 1]), ..asked(URI) };
        let stale = Err(Denied::Challenge { stale: true });
        assert_eq!(verifier.check(seconds(1), elsewhere, std::slice::from_ref(&good)), stale);
        assert_eq!(verifier.check(seconds(1), asked(URI), &[good.replace("nonce=\"", "nonce=\"f")]), stale);
        assert_eq!(verifier.check(seconds(400), asked(URI), std::slice::from_ref(&good)), stale);
        // None of this was counted against it.
        assert_eq!(verifier.check(seconds(2), asked(URI), &[good]), Ok("pbx".into()));
    }

    #[test]
    fn who_guesses_is_not_looked_at_any_more_for_a_while() {
        let mut verifier = verifier();
        let challenge = verifier.challenges(seconds(0), PEER, false)[0].clone();
        for n in 0..FAILURES_MAX {
            let guess = answer(&challenge, "pbx", &format!("guess {n}"), 1);
            assert_eq!(verifier.check(seconds(1), asked(URI), &[guess]), Err(Denied::Challenge { stale: false }));
        }
        let good = answer(&challenge, "pbx", "long and secret", 1);
        assert_eq!(verifier.check(seconds(2), asked(URI), std::slice::from_ref(&good)), Err(Denied::Blocked));
        assert_eq!(verifier.check(seconds(70), asked(URI), &[good]), Ok("pbx".into()));
    }

    #[test]
    fn a_phone_that_is_known_to_be_there_is_not_shut_out_by_others() {
        let accounts = [("anna", "long and secret"), ("bob", "another one")].map(|(n, p)| (n.to_string(), p.to_string()));
        let mut verifier = Verifier::new("hotline", Accounts(accounts.into()), &[Algorithm::Md5], [7; 32]);
        let challenge = verifier.challenges(seconds(0), PEER, false)[0].clone();
        for n in 0..FAILURES_MAX {
            let guess = answer(&challenge, "anna", &format!("guess {n}"), 1);
            assert!(verifier.check(seconds(1), asked(URI), &[guess]).is_err());
        }
        let (own, other) = (answer(&challenge, "anna", "long and secret", 1), answer(&challenge, "bob", "another one", 2));
        assert_eq!(verifier.check(seconds(2), asked(URI), std::slice::from_ref(&own)), Err(Denied::Blocked));
        let there = Asked { proved: Some("anna"), ..asked(URI) };
        assert_eq!(verifier.check(seconds(2), there, &[]), Err(Denied::Challenge { stale: false }));
        assert_eq!(verifier.check(seconds(2), there, &[other]), Err(Denied::Challenge { stale: false }), "its own alone");
        assert_eq!(verifier.check(seconds(2), there, &[own]), Ok("anna".into()));
        verifier.set_accounts(Accounts::default());
        let late = answer(&challenge, "anna", "long and secret", 3);
        assert!(verifier.check(seconds(90), asked(URI), &[late]).is_err(), "not configured any more");
    }

    #[test]
    fn who_guesses_from_many_addresses_of_one_ipv6_network_is_one() {
        let mut verifier = verifier();
        let address = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, n]);
        for n in 0..u16::try_from(FAILURES_MAX).expect("small") {
            let challenge = verifier.challenges(seconds(0), address(n), false)[0].clone();
            let guess = answer(&challenge, "pbx", "guess", 1);
            let asked = Asked { source: address(n), ..asked(URI) };
            assert_eq!(verifier.check(seconds(1), asked, &[guess]), Err(Denied::Challenge { stale: false }));
        }
        let from = |source| Asked { source, ..asked(URI) };
        assert_eq!(verifier.check(seconds(2), from(address(999)), &[]), Err(Denied::Blocked));
        let other = IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]);
        assert_eq!(verifier.check(seconds(2), from(other), &[]), Err(Denied::Challenge { stale: false }));
    }

    #[test]
    fn memory_is_bounded() {
        let mut verifier = verifier();
        for n in 0..5_000u32 {
            assert!(verifier.count(&format!("{n:x}.seal"), 1));
            verifier.failed(seconds(u64::from(n)), IpAddr::from(n.to_be_bytes()));
        }
        assert!(
            !verifier.count("7.seal", 2) && verifier.count(&format!("{:x}.seal", 4_999), 2),
            "what is forgotten is not new"
        );
        assert_eq!((verifier.used.len(), verifier.order.len(), verifier.failures.len()), (NONCES_MAX, NONCES_MAX, SOURCES_MAX));
    }

    #[test]
    fn one_address_in_many_letters() {
        let same = [
            ("sip:100@hotline.example", "SIP:100@Hotline.Example:5060;transport=tcp"),
            ("sips:a@h:5061", "sips:a@h"),
            ("sip:a%40b@h", "sip:A%40b@h;x=y"),
            ("sip:%2B49@h", "sip:+49;npdi@h"),
            ("sip:[2001:db8::1]:5060", "sip:[2001:DB8::1]"),
            ("tel:+49;x=y", "tel:+49"),
        ];
        for (one, other) in same {
            assert!(same_address(one, other), "{one} {other}");
        }
        for (one, other) in
            [("sip:a@h", "sip:b@h"), ("sip:a@h", "sips:a@h"), ("sip:a@h", "sip:a@h:5061"), ("sip:a;x@h", "sip:a;x@g")]
        {
            assert!(!same_address(one, other), "{one} {other}");
        }
    }
}
