//! All trunks as they are now: which of them a call comes in by, which it may go out by, and whether it may begin.

use super::tally::Tally;
use super::{DialledIn, Trunk, TrunkAuth, numbers};
use crate::base::Moment;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Addresses of one trunk's proxy that are remembered at once; beyond, those seen longest ago are forgotten.
const FOUND_MAX: usize = 64;
/// How long an address is the proxy's after its name led there last: a name may lead to some of its addresses at a time.
const FOUND_FOR: Duration = Duration::from_secs(3_600);

/// Where a call goes, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// They call us.
    In,
    /// We call.
    Out,
}

/// Why a call cannot go by a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTrunk {
    /// There is none of this name.
    #[error("there is no such trunk")]
    Unknown,
    /// It does not answer, or has not registered us.
    #[error("the trunk is down")]
    Down,
    /// `calls_max` is reached.
    #[error("the trunk has as many calls as it may have (calls_max)")]
    Full,
    /// `calls_per_second` is reached.
    #[error("the trunk has begun as many calls in this second as it may (calls_per_second)")]
    TooFast,
    /// Enough numbers that no flow names were called.
    #[error("the trunk has called as many numbers that no flow names as it may")]
    Capped,
}

/// A trunk's state, for a look from outside; metrics and logs are told by the trunk's own task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkState {
    /// Which.
    pub name: String,
    /// It answers OPTIONS (or is not asked).
    pub answers: bool,
    /// It has registered us (or is not to).
    pub registered: bool,
    /// Calls now, in and out.
    pub calls: u32,
}

/// One call's place on a trunk; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    trunk: Arc<Trunk>,
    calls: Arc<AtomicU32>,
}

impl Permit {
    /// The trunk.
    pub fn trunk(&self) -> &Arc<Trunk> {
        &self.trunk
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// One of our trunks, as its address shows.
    Trunk(Arc<Trunk>),
    /// One of our trunks by its address, that is to prove it.
    Claims(Arc<Trunk>),
    /// No trunk.
    Stranger,
}

/// All trunks, in the order of the configuration.
#[derive(Debug, Default)]
pub struct Board {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    trunk: Arc<Trunk>,
    answers: bool,
    registered: bool,
    calls: Arc<AtomicU32>,
    /// When the calls of the last second began; at most `calls_per_second` of them.
    begun: VecDeque<Moment>,
    /// Where its proxy was found, and when last: requests from there are its own. At most [`FOUND_MAX`].
    found_at: Vec<(IpAddr, Moment)>,
    tally: Tally,
}

impl Line {
    fn up(&self) -> bool {
        self.answers && self.registered
    }

    fn owns(&self, source: IpAddr) -> bool {
        let listed = self.trunk.from.iter().any(|network| network.contains(source));
        // Who lists addresses means these alone.
        let source = source.to_canonical();
        listed || self.trunk.from.is_empty() && self.found_at.iter().any(|(ip, _)| *ip == source)
    }

    fn full(&self) -> bool {
        self.trunk.calls_max.is_some_and(|max| self.calls.load(Ordering::Relaxed) >= max)
    }
}

impl Board {
    /// All of them up, those that register not registered yet.
    pub fn new(trunks: Vec<Trunk>) -> Board {
        let line = |trunk: Trunk| Line {
            answers: true,
            registered: trunk.register.is_none(),
            calls: Arc::default(),
            begun: VecDeque::new(),
            found_at: trunk.proxy.host.parse().ok().map(|ip: IpAddr| (ip.to_canonical(), Moment::ZERO)).into_iter().collect(),
            trunk: Arc::new(trunk),
            tally: Tally::new(),
        };
        Board { lines: trunks.into_iter().map(line).collect() }
    }

    /// The trunks.
    pub fn trunks(&self) -> impl Iterator<Item = &Arc<Trunk>> {
        self.lines.iter().map(|line| &line.trunk)
    }

    /// The trunk of this name.
    pub fn named(&self, name: &str) -> Option<Arc<Trunk>> {
        self.line(name).map(|line| line.trunk.clone())
    }

    /// How all of them are.
    pub fn states(&self) -> Vec<TrunkState> {
        let state = |line: &Line| TrunkState {
            name: line.trunk.name.clone(),
            answers: line.answers,
            registered: line.registered,
            calls: line.calls.load(Ordering::Relaxed),
        };
        self.lines.iter().map(state).collect()
    }

    /// Calls by this trunk now, in and out.
    pub(crate) fn calls(&self, name: &str) -> u32 {
        self.line(name).map_or(0, |line| line.calls.load(Ordering::Relaxed))
    }

    /// Whether some trunk's calls come from this address, however they prove it.
    pub(crate) fn owns(&self, source: IpAddr) -> bool {
        self.lines.iter().any(|line| line.owns(source))
    }

    /// Whose request this is. Where two trunks share an address, they are told apart by `user` (of the Request-URI), the name
    /// by which one is registered, or by the number dialled (`dialled` reads it from a place in the request) as the trunk's
    /// rules make it, when one serves that; otherwise it is the first.
    pub(crate) fn source(&self, source: IpAddr, user: &str, dialled: impl Fn(DialledIn) -> String) -> Source {
        let own: Vec<&Line> = self.lines.iter().filter(|line| line.owns(source)).collect();
        let meant = |line: &&&Line| {
            let named = line.trunk.login.as_ref().is_some_and(|login| login.user == user);
            let serves = || {
                let number = numbers::rewrite(&line.trunk.numbers_in, &dialled(line.trunk.dialled_in));
                line.trunk.numbers.contains(&number)
            };
            named || !line.trunk.numbers.is_empty() && serves()
        };
        match own.iter().find(meant).or(own.first()) {
            Some(line) if line.trunk.auth == TrunkAuth::Digest => Source::Claims(line.trunk.clone()),
            Some(line) => Source::Trunk(line.trunk.clone()),
            None => Source::Stranger,
        }
    }

    /// The trunk whose account has proved itself.
    pub(crate) fn by_account(&self, account: &str) -> Option<Arc<Trunk>> {
        self.lines.iter().map(|line| &line.trunk).find(|trunk| trunk.account.as_deref() == Some(account)).cloned()
    }

    /// The names of trunks to try for a call, best first: those that are up, in the order wanted (`wanted` empty = all, in the
    /// order of the configuration).
    pub fn ways_out(&self, wanted: &[String]) -> Vec<String> {
        let up = |line: &&Line| line.up();
        match wanted {
            [] => self.lines.iter().filter(up).map(|line| line.trunk.name.clone()).collect(),
            some => some.iter().filter(|name| self.line(name).as_ref().is_some_and(up)).cloned().collect(),
        }
    }

    /// Of these trunks those that could take a call now, in their order: up and not full. Where there is none, those that are
    /// up; where none is, all of them.
    pub(crate) fn best(&self, names: Vec<String>) -> Vec<String> {
        let only = |fits: &dyn Fn(&Line) -> bool| -> Vec<String> {
            names.iter().filter(|name| self.line(name).is_some_and(fits)).cloned().collect()
        };
        let choices = [only(&|line| line.up() && !line.full()), only(&Line::up)];
        choices.into_iter().find(|some| !some.is_empty()).unwrap_or(names)
    }

    /// A place for one more call by this trunk.
    ///
    /// # Errors
    /// [`NoTrunk`]; a call that comes in is not refused because the trunk looks down: it evidently lives.
    pub fn begin(&mut self, now: Moment, name: &str, direction: Direction) -> Result<Permit, NoTrunk> {
        let line = self.lines.iter_mut().find(|line| line.trunk.name == name).ok_or(NoTrunk::Unknown)?;
        if direction == Direction::Out && !line.up() {
            return Err(NoTrunk::Down);
        }
        if line.full() {
            return Err(NoTrunk::Full);
        }
        if let Some(max) = line.trunk.calls_per_second {
            while line.begun.front().is_some_and(|at| now - *at >= Duration::from_secs(1)) {
                line.begun.pop_front();
            }
            if line.begun.len() >= max as usize {
                return Err(NoTrunk::TooFast);
            }
            line.begun.push_back(now);
        }
        line.calls.fetch_add(1, Ordering::Relaxed);
        Ok(Permit { trunk: line.trunk.clone(), calls: line.calls.clone() })
    }

    /// The same for an emergency call: no limit stops it, and a trunk that looks down is tried. `None` = there is no such trunk.
    pub(crate) fn begin_emergency(&mut self, name: &str) -> Option<Permit> {
        let line = self.line(name)?;
        line.calls.fetch_add(1, Ordering::Relaxed);
        Some(Permit { trunk: line.trunk.clone(), calls: line.calls.clone() })
    }

    /// Counts a call to a number that no flow names.
    ///
    /// # Errors
    /// [`NoTrunk::Capped`] when there were enough; nothing is counted then.
    pub(crate) fn spend(&mut self, now: Moment, name: &str, caller: &str) -> Result<(), NoTrunk> {
        let line = self.line_mut(name).ok_or(NoTrunk::Unknown)?;
        let caps = line.trunk.caps;
        line.tally.take(now, caps, caller).then_some(()).ok_or(NoTrunk::Capped)
    }

    pub(crate) fn set_answers(&mut self, name: &str, answers: bool) {
        if let Some(line) = self.line_mut(name) {
            line.answers = answers;
        }
    }

    pub(crate) fn set_registered(&mut self, name: &str, registered: bool) {
        if let Some(line) = self.line_mut(name) {
            line.registered = registered;
        }
    }

    /// Where the trunk's proxy was found. `now` is of a clock of the trunk's own.
    pub(crate) fn found_at(&mut self, name: &str, ips: impl IntoIterator<Item = IpAddr>, now: Moment) {
        let Some(line) = self.line_mut(name) else { return };
        for ip in ips.into_iter().take(FOUND_MAX).map(|ip| ip.to_canonical()) {
            line.found_at.retain(|(known, _)| *known != ip);
            line.found_at.push((ip, now));
        }
        line.found_at.retain(|(_, seen)| now.since(*seen) < FOUND_FOR);
        let surplus = line.found_at.len().saturating_sub(FOUND_MAX);
        line.found_at.drain(..surplus);
    }

    fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.trunk.name == name)
    }

    fn line_mut(&mut self, name: &str) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.trunk.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Login;
    use super::*;
    use crate::base::Pii;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn login(user: &str) -> Option<Login> {
        Some(Login { user: user.into(), auth_user: user.into(), password: Pii::new("p".into()) })
    }

    #[test]
    fn calls_go_out_by_those_that_are_up_in_order() {
        let registers = Trunk { register: Some(Duration::from_secs(60)), ..Trunk::plain("b") };
        let mut board = Board::new(vec![Trunk::plain("a"), registers, Trunk::plain("c")]);
        assert_eq!(board.ways_out(&[]), ["a", "c"], "b is not registered yet");
        board.set_registered("b", true);
        board.set_answers("a", false);
        assert_eq!(board.ways_out(&[]), ["b", "c"]);
        assert_eq!(board.ways_out(&["c".into(), "a".into(), "nobody".into()]), ["c"]);
        let refused = board.begin(Moment::ZERO, "a", Direction::Out).map(|_| ());
        assert_eq!(refused, Err(NoTrunk::Down));
        assert!(board.begin(Moment::ZERO, "a", Direction::In).is_ok(), "who calls us lives");
        assert_eq!(board.begin(Moment::ZERO, "nobody", Direction::In).map(|_| ()), Err(NoTrunk::Unknown));
    }

    #[test]
    fn limits_are_exact() {
        let trunk = Trunk { calls_max: Some(3), calls_per_second: Some(2), ..Trunk::plain("a") };
        let mut board = Board::new(vec![trunk]);
        let mut begin = |ms| board.begin(Moment::from_millis(ms), "a", Direction::In);
        let (one, two) = (begin(0).expect("one"), begin(400).expect("two"));
        assert_eq!(begin(999).map(|_| ()), Err(NoTrunk::TooFast));
        let three = begin(1_000).expect("a second after the first");
        assert_eq!(begin(1_399).map(|_| ()), Err(NoTrunk::Full), "full before too fast");
        drop(two);
        assert_eq!(begin(1_399).map(|_| ()), Err(NoTrunk::TooFast), "two in the second before");
        assert!(begin(1_400).is_ok(), "and again when a call has ended");
        assert!(board.begin_emergency("a").is_some_and(|_| true), "an emergency call goes although it is full");
        drop((one, three));
        assert_eq!(board.states()[0].calls, 0);
    }

    #[test]
    fn who_calls_is_known_by_address_and_number() {
        let one = Trunk { from: vec!["192.0.2.0/24".parse().expect("a network")], login: login("100"), ..Trunk::plain("one") };
        let two = Trunk { from: one.from.clone(), numbers: vec!["200".into()], ..Trunk::plain("two") };
        let three = Trunk { auth: TrunkAuth::Digest, account: Some("pbx".into()), ..Trunk::plain("three") };
        let mut board = Board::new(vec![one, two, three]);
        let name = |board: &Board, source: &str, user: &str| match board.source(ip(source), user, |_| user.to_string()) {
            Source::Trunk(trunk) => trunk.name.clone(),
            Source::Claims(trunk) => format!("{}?", trunk.name),
            Source::Stranger => "-".into(),
        };
        assert_eq!(name(&board, "192.0.2.9", "100"), "one");
        assert_eq!(name(&board, "192.0.2.9", "200"), "two");
        assert_eq!(name(&board, "::ffff:192.0.2.9", "300"), "one");
        assert_eq!(name(&board, "198.51.100.1", "100"), "-");
        board.found_at("three", [ip("198.51.100.1")], Moment::ZERO);
        board.found_at("one", [ip("203.0.113.1")], Moment::ZERO);
        assert_eq!(name(&board, "198.51.100.1", "100"), "three?", "where its proxy is, but it is to prove it");
        assert_eq!(name(&board, "203.0.113.1", "100"), "-", "who lists addresses means these alone");
        assert_eq!(board.by_account("pbx").map(|t| t.name.clone()).as_deref(), Some("three"));
        assert_eq!(board.by_account("other"), None);
    }

    #[test]
    fn the_number_dialled_tells_trunks_of_one_address_apart() {
        let from = vec!["192.0.2.0/24".parse().expect("a network")];
        let rules = vec![super::super::PrefixRule::parse("0 -> +49").expect("a rule")];
        let line = |name: &str, number: &str, dialled_in| {
            let numbers = vec![number.to_string()];
            Trunk { from: from.clone(), numbers_in: rules.clone(), numbers, dialled_in, ..Trunk::plain(name) }
        };
        let board = Board::new(vec![
            line("first", "+49301", DialledIn::Request),
            line("request", "+49302", DialledIn::Request),
            line("to", "+49303", DialledIn::To),
        ]);
        let owner = |uri: &str, to: &str| {
            let dialled = |place| if place == DialledIn::To { to.to_string() } else { uri.to_string() };
            match board.source(ip("192.0.2.1"), uri, dialled) {
                Source::Trunk(trunk) => trunk.name.clone(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(owner("0302", "x"), "request", "after its rules");
        assert_eq!(owner("hotline", "0303"), "to", "where it writes the number");
        assert_eq!(owner("+49303", "0309"), "first", "the Request-URI is none of its");
    }

    #[test]
    fn all_addresses_of_a_proxy_are_its_own_for_a_while() {
        let mut board = Board::new(vec![Trunk::plain("a")]);
        let at = |seconds: u64| Moment::from_millis(seconds * 1_000);
        board.found_at("a", [ip("192.0.2.1"), ip("::ffff:192.0.2.2")], at(0));
        board.found_at("a", [ip("192.0.2.3")], at(3_000));
        assert!(["192.0.2.1", "192.0.2.2", "192.0.2.3"].iter().all(|known| board.owns(ip(known))));
        assert!(!board.owns(ip("192.0.2.4")));
        board.found_at("a", [ip("192.0.2.2")], at(3_600));
        assert!(!board.owns(ip("192.0.2.1")), "its name does not lead there any more");
        assert!(board.owns(ip("192.0.2.2")) && board.owns(ip("192.0.2.3")));
        for n in 0..200_u8 {
            board.found_at("a", [IpAddr::from([198, 51, 100, n])], at(3_601));
        }
        let known = (0..200_u8).filter(|n| board.owns(IpAddr::from([198, 51, 100, *n]))).count();
        assert_eq!((known, board.owns(ip("198.51.100.199"))), (FOUND_MAX, true), "bounded");
        let literal = Trunk::new("b", super::super::Proxy { host: "192.0.2.7".into(), ..Trunk::plain("b").proxy });
        assert!(Board::new(vec![literal]).owns(ip("192.0.2.7")));
    }
}
