//! One registration (RFC 3261 §10): asked for, refreshed before it ends, tried again with growing waits when it fails
//! (RFC 5626 §4.5), taken back at the end. No IO: answers and random numbers come as arguments.

use crate::base::{Moment, SipUri};
use crate::sip::party;
use std::net::SocketAddr;
use std::time::Duration;

/// The first wait after a failure; it doubles with each further one.
const BASE: Duration = Duration::from_secs(5);
/// The same where the password was refused: a registrar that counts wrong passwords must not lock us out.
const BASE_REFUSED: Duration = Duration::from_secs(30);
/// The longest wait (RFC 5626 §4.5: max-time).
const LONGEST: Duration = Duration::from_secs(1_800);
/// Renewals in a row because our address has changed; then the usual time is waited for.
const MOVES_MAX: u32 = 3;
/// The longest expiry that a 423 can make us ask for.
const EXPIRES_MAX: Duration = Duration::from_secs(7 * 86_400);
/// The shortest that is believed of a 200: refreshing more often than every few seconds helps nobody.
const EXPIRES_MIN: Duration = Duration::from_secs(10);

/// What a registrar said, after our credentials where it wanted some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 2xx, and for how long.
    Granted(Duration),
    /// 423: it wants at least so long.
    TooBrief(Duration),
    /// 401, 407 or 403 to credentials: the password (or the name) is wrong. Or there are none.
    Refused(u16),
    /// Any other final answer, and when it says to try again.
    Failed(u16, Option<Duration>),
    /// No answer, or no way there.
    Silent,
}

/// What a log should tell, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// We are registered (again), for so long.
    Registered(Duration),
    /// It failed; the next try comes after this wait.
    Failed {
        /// What was said.
        outcome: Outcome,
        /// How long until the next try.
        wait: Duration,
        /// How many times in a row.
        failures: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The next REGISTER goes at this moment.
    Waiting(Moment),
    /// One is on its way.
    Asking,
    /// Shut down.
    Over,
}

/// One registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registration {
    /// The expiry that is asked for; a 423 raises it.
    ask: Duration,
    state: State,
    /// Until when the registrar keeps what it granted last.
    valid_until: Option<Moment>,
    /// Failures in a row.
    failures: u32,
    /// 423s in a row.
    too_brief: u32,
    /// Our address has changed while a REGISTER was on its way.
    moved: bool,
    /// Renewals in a row because of that.
    moves: u32,
    /// The registrar has said no, or when to come again: that wait is not shortened.
    told_to_wait: bool,
}

impl Registration {
    /// Asks for `expires` at once.
    pub(crate) fn new(expires: Duration, now: Moment) -> Registration {
        let state = State::Waiting(now);
        let told_to_wait = false;
        Registration { ask: expires, state, valid_until: None, failures: 0, too_brief: 0, moved: false, moves: 0, told_to_wait }
    }

    /// When something is to be done; `None` while an answer is waited for and after the end.
    pub(crate) fn next(&self) -> Option<Moment> {
        match self.state {
            State::Waiting(at) => Some(at),
            State::Asking | State::Over => None,
        }
    }

    /// The expiry for a REGISTER that is due now, which then counts as sent.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Duration> {
        let due = matches!(self.state, State::Waiting(at) if at <= now);
        due.then(|| {
            self.state = State::Asking;
            self.ask
        })
    }

    /// Whether the registrar still knows us.
    pub(crate) fn is_registered(&self, now: Moment) -> bool {
        self.valid_until.is_some_and(|until| now < until)
    }

    /// The registrar sees us at another address than our Contact says (or the connection is another one): register that at
    /// once. Who is not registered waits as before, and a registrar that sees us elsewhere every time is not followed for ever.
    pub(crate) fn moved(&mut self, now: Moment) {
        match self.state {
            State::Waiting(_) if self.is_registered(now) && self.failures == 0 && self.moves < MOVES_MAX => {
                self.moves += 1;
                self.state = State::Waiting(now);
            }
            State::Asking => self.moved = true,
            State::Waiting(_) | State::Over => {}
        }
    }

    /// The registrar answers again (its OPTIONS say so): what failed because it did not is tried at once, and its next waits
    /// begin short. A refused password and a Retry-After keep their wait.
    pub(crate) fn reachable(&mut self, now: Moment) {
        if let State::Waiting(at) = self.state
            && self.failures > 0
            && !self.told_to_wait
        {
            self.failures = 1;
            self.state = State::Waiting(at.min(now));
        }
    }

    /// The answer to the REGISTER on its way. `chance` is a random number from 0 to 1.
    pub(crate) fn heard(&mut self, now: Moment, outcome: Outcome, chance: f64) -> Option<Change> {
        if self.state != State::Asking {
            return None;
        }
        match outcome {
            Outcome::Granted(granted) => self.granted(now, granted, chance),
            // Once with the longer expiry, at once; a registrar that is not content then has failed.
            Outcome::TooBrief(min) if self.too_brief == 0 && min > self.ask && min <= EXPIRES_MAX => {
                self.too_brief += 1;
                self.ask = min;
                self.state = State::Waiting(now);
                None
            }
            _ => Some(self.failed(now, outcome, chance)),
        }
    }

    fn granted(&mut self, now: Moment, granted: Duration, chance: f64) -> Option<Change> {
        let granted = granted.clamp(EXPIRES_MIN, EXPIRES_MAX);
        let news = self.failures > 0 || !self.is_registered(now);
        (self.failures, self.too_brief) = (0, 0);
        self.valid_until = Some(now + granted);
        // Some before the end, and not all trunks of a registrar in the same second.
        let usual = now + granted.mul_f64(0.75 + 0.1 * chance.clamp(0.0, 1.0));
        let again = std::mem::take(&mut self.moved) && self.moves < MOVES_MAX;
        self.moves = if again { self.moves + 1 } else { 0 };
        let refresh = if again { now } else { usual };
        self.state = State::Waiting(refresh);
        news.then_some(Change::Registered(granted))
    }

    fn failed(&mut self, now: Moment, outcome: Outcome, chance: f64) -> Change {
        let (base, asked) = match outcome {
            Outcome::Refused(_) => (BASE_REFUSED, None),
            Outcome::Failed(_, retry_after) => (BASE, retry_after),
            _ => (BASE, None),
        };
        self.too_brief = 0;
        self.told_to_wait = asked.is_some() || matches!(outcome, Outcome::Refused(_));
        let upper = base.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let wait = upper.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0)).max(asked.unwrap_or_default()).min(LONGEST);
        // A registrar that says no has forgotten us; one that says nothing perhaps not.
        if matches!(outcome, Outcome::Refused(_)) {
            self.valid_until = None;
        }
        self.state = State::Waiting(now + wait);
        Change::Failed { outcome, wait, failures: self.failures }
    }

    /// The end: whether there is something to take back (REGISTER with expiry 0). A REGISTER whose answer is not known yet
    /// counts as granted.
    pub(crate) fn end(&mut self, now: Moment) -> bool {
        let there = self.is_registered(now) || self.state == State::Asking;
        self.state = State::Over;
        self.valid_until = None;
        there
    }
}

/// The expiry of the binding with this user at this place among all that a registrar lists (values of Contact). Other boxes
/// may be registered by the same user, and on the same port. One alone is taken for ours, whatever it says: some registrars
/// write it as they see us.
pub(crate) fn expiry_of(contacts: &[String], user: &str, place: SocketAddr) -> Option<Duration> {
    let bindings = party::name_addrs(contacts.iter().map(String::as_str));
    let user = party::user_of(&format!("sip:{}@x", super::user_part(user)));
    let ours = |entry: &&party::NameAddr| entry.user() == user && place_of(&entry.uri) == Some(place);
    let binding = bindings.iter().find(ours).or_else(|| bindings.first().filter(|_| bindings.len() == 1))?;
    binding.param("expires")?.parse().ok().map(Duration::from_secs)
}

/// Address and port of a SIP URI; `None` where a name stands.
fn place_of(uri: &str) -> Option<SocketAddr> {
    let uri = SipUri::parse(uri)?;
    Some(SocketAddr::new(uri.ip()?, uri.port_or_usual()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_binding_is_the_one_at_our_place() {
        let list = |all: &str| vec!["<sip:u1@192.0.2.9:50600>;expires=5".to_string(), all.to_string()];
        let expiry = |list: &[String], place: &str| {
            expiry_of(list, "u1", place.parse().expect("an address")).map(|expires| expires.as_secs())
        };
        let two = list("<sip:u1@192.0.2.9:5060>;expires=6, \"x\" <sip:u1@192.0.2.4:5060;transport=tcp>;expires=300");
        assert_eq!(expiry(&two, "192.0.2.4:5060"), Some(300), "another box on the same port is not ours");
        assert_eq!(expiry(&two, "192.0.2.9:5060"), Some(6), "nor a port that begins like ours");
        assert_eq!(expiry(&two, "192.0.2.5:5060"), None);
        let short = list("<sip:u1@192.0.2.4;transport=tls>;expires=7, <sip:u1@192.0.2.4>;expires=8");
        assert_eq!((expiry(&short, "192.0.2.4:5061"), expiry(&short, "192.0.2.4:5060")), (Some(7), Some(8)), "usual ports");
        let six = list("<sip:u2@[2001:db8::1]:40001>;expires=1, <sip:u1@[2001:db8::1]:40001>;expires=9");
        assert_eq!(expiry(&six, "[2001:db8::1]:40001"), Some(9));
        assert_eq!(expiry(&["<sip:u1@name.example>;expires=4".to_string()], "192.0.2.4:5060"), Some(4), "the only one");
        assert_eq!(expiry(&["<sip:u1@192.0.2.4>;expires=soon".to_string()], "192.0.2.4:5060"), None);
    }

    #[test]
    fn a_registrar_that_answers_again_is_asked_at_once() {
        let mut reg = Registration::new(HOUR, at(0));
        for _ in 0..12 {
            round(&mut reg, Outcome::Silent);
        }
        let late = reg.next().expect("a wait");
        let back = Moment::from_micros(late.micros() - 1_000_000_000);
        reg.reachable(back);
        assert_eq!(reg.next(), Some(back), "half an hour would be lost");
        assert_eq!(round(&mut reg, Outcome::Silent) * 1_000 - back.millis(), 10_000, "and soon again if it fails");
        // What the registrar itself has asked for is kept.
        for outcome in [Outcome::Refused(403), Outcome::Failed(503, Some(Duration::from_secs(600)))] {
            let mut reg = Registration::new(HOUR, at(0));
            let wait = round(&mut reg, outcome);
            reg.reachable(at(1));
            assert_eq!(reg.next(), Some(at(wait)), "{outcome:?}");
        }
        let mut reg = Registration::new(HOUR, at(0));
        let refresh = round(&mut reg, Outcome::Granted(HOUR));
        reg.reachable(at(1));
        assert_eq!(reg.next(), Some(at(refresh)), "nothing has failed");
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn secs(d: Duration) -> u64 {
        d.as_secs()
    }

    /// Asks when it is due and gives the answer; the next due moment in seconds.
    fn round(reg: &mut Registration, outcome: Outcome) -> u64 {
        let now = reg.next().expect("it waits for a moment");
        assert!(reg.due(now).is_some());
        reg.heard(now, outcome, 1.0);
        reg.next().expect("there is a next time").millis() / 1_000
    }

    #[test]
    fn what_is_granted_is_refreshed_before_it_ends() {
        let mut reg = Registration::new(HOUR, at(0));
        assert_eq!((reg.due(at(0)), reg.next(), reg.due(at(0))), (Some(HOUR), None, None), "asked once");
        let granted = Duration::from_secs(600);
        assert_eq!(reg.heard(at(1), Outcome::Granted(granted), 0.0), Some(Change::Registered(granted)));
        assert_eq!(reg.next(), Some(at(451)), "the registrar's own expiry counts, three quarters of it");
        assert!(reg.is_registered(at(600)) && !reg.is_registered(at(601)));
        assert_eq!(reg.due(at(450)), None);
        assert_eq!(reg.due(at(451)), Some(HOUR));
        assert_eq!(reg.heard(at(452), Outcome::Granted(granted), 1.0), None, "a refresh is no news");
        assert_eq!(reg.next(), Some(at(452 + 510)));
        assert!(reg.end(at(700)) && !reg.is_registered(at(700)) && reg.next().is_none());
        assert!(!reg.end(at(700)), "taken back once");
        let mut unsure = Registration::new(HOUR, at(0));
        assert!(!unsure.clone().end(at(0)), "nothing was ever asked for");
        unsure.due(at(0));
        assert!(unsure.end(at(1)), "the answer is not known yet");
    }

    #[test]
    fn waits_grow_and_are_bounded() {
        let mut reg = Registration::new(HOUR, at(0));
        let mut waits = Vec::new();
        let mut last = 0;
        for _ in 0..12 {
            let next = round(&mut reg, Outcome::Silent);
            waits.push(next - last);
            last = next;
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 1_800, 1_800, 1_800]);
        // Half of it at least, so that many trunks that failed together do not come back together.
        assert!(reg.due(at(last)).is_some());
        let change = reg.heard(at(last), Outcome::Silent, 0.0);
        assert!(matches!(change, Some(Change::Failed { wait, failures: 13, .. }) if secs(wait) == 900), "{change:?}");
        round(&mut reg, Outcome::Granted(HOUR));
        let now = reg.next().expect("a refresh").millis() / 1_000;
        assert_eq!(round(&mut reg, Outcome::Failed(500, None)) - now, 5, "a success forgets the failures");
    }

    #[test]
    fn a_refused_password_is_not_tried_often() {
        let mut reg = Registration::new(HOUR, at(0));
        assert_eq!(round(&mut reg, Outcome::Granted(HOUR)), 3_060);
        reg.due(at(3_060));
        let change = reg.heard(at(3_060), Outcome::Refused(403), 1.0);
        assert!(matches!(change, Some(Change::Failed { wait, .. }) if secs(wait) == 30), "{change:?}");
        assert!(!reg.is_registered(at(3_061)), "it has forgotten us");
    }

    #[test]
    fn the_registrar_may_want_longer_and_may_want_later() {
        let mut reg = Registration::new(Duration::from_secs(60), at(0));
        reg.due(at(0));
        let longer = Duration::from_secs(300);
        assert_eq!(reg.heard(at(0), Outcome::TooBrief(longer), 0.5), None);
        assert_eq!(reg.due(at(0)), Some(longer), "at once, with what it wants");
        assert!(matches!(reg.heard(at(0), Outcome::TooBrief(HOUR), 1.0), Some(Change::Failed { .. })), "but not for ever");
        let now = reg.next().expect("a wait");
        reg.due(now);
        reg.heard(now, Outcome::Failed(503, Some(Duration::from_secs(120))), 0.0);
        assert_eq!(reg.next(), Some(now + Duration::from_secs(120)), "Retry-After");
        // What would never end is not believed.
        let mut reg = Registration::new(HOUR, at(0));
        reg.due(at(0));
        assert!(matches!(reg.heard(at(0), Outcome::TooBrief(Duration::from_secs(u64::MAX)), 0.5), Some(Change::Failed { .. })));
    }

    #[test]
    fn another_address_is_registered_at_once() {
        let mut reg = Registration::new(HOUR, at(0));
        reg.due(at(0));
        reg.moved(at(0));
        reg.heard(at(1), Outcome::Granted(HOUR), 0.5);
        assert_eq!(reg.next(), Some(at(1)));
        round(&mut reg, Outcome::Granted(HOUR));
        assert!(reg.next() > Some(at(100)));
        reg.moved(at(50));
        assert_eq!(reg.next(), Some(at(50)));
    }

    #[test]
    fn a_registrar_that_sees_us_elsewhere_every_time_is_not_followed_for_ever() {
        let mut reg = Registration::new(HOUR, at(0));
        let mut sent = 0;
        while let Some(now) = reg.next().filter(|now| *now < at(1_000)) {
            reg.due(now);
            reg.moved(now);
            reg.heard(now, Outcome::Granted(HOUR), 0.5);
            sent += 1;
            assert!(sent < 10, "for ever");
        }
        assert_eq!(sent, 4);
        // Nor does it shorten the wait after a refused password.
        let mut reg = Registration::new(HOUR, at(0));
        round(&mut reg, Outcome::Refused(401));
        let next = reg.next();
        reg.moved(at(1));
        assert_eq!(reg.next(), next);
    }

    #[test]
    fn an_answer_that_nobody_waits_for_changes_nothing() {
        let mut reg = Registration::new(HOUR, at(0));
        let before = reg.clone();
        assert_eq!(reg.heard(at(0), Outcome::Granted(HOUR), 0.5), None);
        assert_eq!(reg, before);
    }
}
