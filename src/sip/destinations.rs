//! What may be dialled or referred to: nothing but what is allowed here. A stolen line is turned into money by calls to
//! expensive numbers, so every URI that this gateway calls, sends a caller to, or is sent on to (302) passes
//! [`Destinations::check`] first. Where an agent's phone sends a caller (REFER) is looked at more narrowly, by
//! `server::destinations`, and then called once.
//!
//! Allowed are the targets that the loaded flow names (their text is filled in from the environment alone, when the flow is
//! loaded; nothing that a caller says reaches them), and numbers by a trunk that match the trunk's patterns, within its caps.

use super::party;
use super::trunk::numbers::{is_number, national_allowed, rewrite};
use super::trunk::{Board, NoTrunk, Trunk};
use crate::base::{Moment, SipUri};

/// Longest URI that is looked at.
const URI_MAX: usize = 256;

/// A target as flows write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A `sip:` or `sips:` URI, called directly.
    Address(String),
    /// `trunk:NUMBER`, `trunk:NUMBER@carrier,backup` or `tel:NUMBER`: by trunks.
    Trunk {
        /// The number, or the user at the trunk's far end.
        user: String,
        /// Names of the trunks in the order wanted; empty = all in the order of the configuration.
        wanted: Vec<String>,
    },
}

impl Target {
    /// Reads a target; `None` when it is of no kind that can be called.
    pub fn parse(uri: &str) -> Option<Target> {
        let uri = uri.trim();
        let clean = uri.len() <= URI_MAX && !uri.chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"".contains(c));
        let (scheme, rest) = uri.split_once(':').filter(|(_, rest)| clean && !rest.is_empty())?;
        match scheme.to_ascii_lowercase().as_str() {
            "sip" | "sips" => Some(Target::Address(uri.to_string())),
            "tel" => {
                let user = party::user_of(uri).filter(|user| is_number(user))?;
                Some(Target::Trunk { user, wanted: Vec::new() })
            }
            "trunk" => {
                let (user, names) = rest.split_once('@').map_or((rest, None), |(user, names)| (user, Some(names)));
                let wanted: Vec<String> = names.into_iter().flat_map(|n| n.split(',')).map(str::to_string).collect();
                let good = !user.is_empty() && wanted.iter().all(|name| !name.is_empty());
                good.then(|| Target::Trunk { user: user.to_string(), wanted })
            }
            _ => None,
        }
    }
}

/// Why something is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoDestination {
    /// It is no URI that can be called.
    #[error("it is no address that can be called")]
    Malformed,
    /// No flow names it, and it is no number by a trunk.
    #[error("the flow names no such target")]
    NotNamed,
    /// A number that no trunk's patterns allow.
    #[error("no trunk allows this number (allow, country)")]
    NotAllowed,
    /// Allowed, but there were too many such calls already.
    #[error("there were too many calls to numbers that no flow names (out_per_caller_and_day, out_per_hour, out_per_day)")]
    Capped,
}

/// The destinations of one call's flow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Destinations {
    /// What the flow names, made comparable.
    named: Vec<String>,
}

impl Destinations {
    /// What a loaded flow names as targets.
    pub fn new<'a>(named: impl Iterator<Item = &'a str>) -> Destinations {
        Destinations { named: named.filter_map(comparable).collect() }
    }

    /// Whether this may be dialled for this caller now, and by which trunks. A number that no flow names goes by those that
    /// allow it and can take a call, in their order; it is counted on each of them, so that none passes its caps whichever
    /// takes it. Further ones that have reached their caps are left out; when the first has, nothing is dialled.
    ///
    /// # Errors
    /// [`NoDestination`], for the call's record.
    pub fn check(&self, uri: &str, board: &mut Board, caller: &str, now: Moment) -> Result<Target, NoDestination> {
        match self.way(uri, board)? {
            Way::Named(target) => Ok(target),
            Way::Number(user, trunks) => {
                let mut trunks = board.best(trunks).into_iter();
                let first = trunks.next().ok_or(NoDestination::NotAllowed)?;
                match board.spend(now, &first, caller) {
                    Ok(()) => {}
                    Err(NoTrunk::Unknown) => return Err(NoDestination::NotAllowed),
                    Err(_) => return Err(NoDestination::Capped),
                }
                let further = trunks.filter(|trunk| board.spend(now, trunk, caller).is_ok());
                Ok(Target::Trunk { user, wanted: std::iter::once(first).chain(further).collect() })
            }
        }
    }

    fn way(&self, uri: &str, board: &Board) -> Result<Way, NoDestination> {
        let target = Target::parse(uri).ok_or(NoDestination::Malformed)?;
        if comparable(uri).is_some_and(|uri| self.named.contains(&uri)) {
            return Ok(Way::Named(target));
        }
        let Target::Trunk { user, wanted } = target else { return Err(NoDestination::NotNamed) };
        let asked = |trunk: &&std::sync::Arc<Trunk>| wanted.is_empty() || wanted.contains(&trunk.name);
        let allowing = board.trunks().filter(asked).filter(|trunk| allows(trunk, &user));
        let mut names: Vec<String> = allowing.map(|trunk| trunk.name.clone()).collect();
        // In the order that was asked for; else in that of the configuration.
        names.sort_by_key(|name| wanted.iter().position(|asked| asked == name));
        if names.is_empty() { Err(NoDestination::NotAllowed) } else { Ok(Way::Number(user, names)) }
    }
}

enum Way {
    Named(Target),
    /// This number by these trunks, which allow it.
    Number(String, Vec<String>),
}

/// A number as somebody gave or keyed it (`030…` where a trunk's `numbers_in` make that `+4930…`), as it may be dialled by one of these
/// trunks (empty = any); `None` when none of them allows it.
pub fn number_by_trunk(board: &Board, trunks: &[String], number: &str) -> Option<String> {
    let wanted = board.trunks().filter(|trunk| trunks.is_empty() || trunks.contains(&trunk.name));
    wanted.into_iter().find_map(|trunk| {
        let written = [rewrite(&trunk.numbers_in, number), number.to_string()];
        written.into_iter().find(|number| allows(trunk, number))
    })
}

/// Whether a trunk's patterns (or its country's ordinary numbers) let this number out. Codes with `*` and `#` switch services
/// of the exchange (call forwarding, for one): they are no numbers here.
fn allows(trunk: &Trunk, number: &str) -> bool {
    if !number.strip_prefix('+').unwrap_or(number).bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    match (trunk.allow.as_slice(), &trunk.country) {
        ([], Some(country)) => national_allowed(country, number),
        ([], None) => false,
        (patterns, _) => is_number(number) && patterns.iter().any(|pattern| pattern.matches(number)),
    }
}

/// A URI without what does not change where it leads: scheme and host in lower case, the scheme's own port where none is
/// written. What does (user, parameters, headers) stays, letter by letter.
fn comparable(uri: &str) -> Option<String> {
    match Target::parse(uri)? {
        Target::Trunk { user, wanted } => Some(format!("trunk:{user}@{}", wanted.join(","))),
        Target::Address(uri) => {
            let SipUri { secure, user, host, port, params, headers } = SipUri::parse(&uri)?;
            let (scheme, usual) = if secure { ("sips", 5061) } else { ("sip", 5060) };
            let (host, port) = (host.to_ascii_lowercase(), port.unwrap_or(usual));
            Some(format!("{scheme}:{user}@{host}|{port};{params}?{headers}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trunk::{Caps, NumberPattern};
    use super::*;
    use std::time::Duration;

    fn board() -> Board {
        let patterns = ["+4930*", "+49800XXXXXXX"].iter().filter_map(|p| NumberPattern::parse(p)).collect();
        let caps = Caps { per_caller: Some(1), per_hour: Some(3), per_day: Some(5) };
        let local = Trunk { allow: patterns, caps, ..Trunk::plain("local") };
        let national = Trunk { country: Some("49".into()), ..Trunk::plain("national") };
        Board::new(vec![Trunk::plain("closed"), local, national])
    }

    fn flow() -> Destinations {
        Destinations::new(
            [
                "sip:agents@PBX.example:5060",
                "trunk:+49305551000",
                "trunk:support@closed",
                "sip:a@b;x=1",
                "sips:safe@pbx.example",
            ]
            .into_iter(),
        )
    }

    #[test]
    fn what_a_flow_names_may_be_dialled() {
        let (flow, board) = (flow(), board());
        let named = [
            "sip:agents@pbx.example",
            "SIP:agents@PBX.EXAMPLE:5060",
            "trunk:+49305551000",
            "tel:+49-30-5551000",
            "trunk:support@closed",
            "sip:a@b;x=1",
            "sips:safe@pbx.example:5061",
            "sips:safe@pbx.example",
        ];
        for uri in named {
            assert!(flow.way(uri, &board).is_ok(), "{uri}");
        }
    }

    #[test]
    fn nothing_else_may() {
        let (flow, board) = (flow(), board());
        let others = [
            ("sip:Agents@pbx.example", NoDestination::NotNamed),
            ("sip:agents@pbx.example:5061", NoDestination::NotNamed),
            ("sip:agents@pbx.example;maddr=evil.example", NoDestination::NotNamed),
            ("sip:agents@pbx.example?Route=%3Csip:evil%3E", NoDestination::NotNamed),
            ("sip:agents@pbx.example@evil.example", NoDestination::NotNamed),
            ("sips:agents@pbx.example", NoDestination::NotNamed),
            ("sips:safe@pbx.example:5060", NoDestination::NotNamed),
            ("sip:a@b;x=1;lr", NoDestination::NotNamed),
            ("sip:+49305551000@carrier.example", NoDestination::NotNamed),
            ("trunk:support@local", NoDestination::NotAllowed),
            ("trunk:+442079460000", NoDestination::NotAllowed),
            ("tel:+499001234567", NoDestination::NotAllowed),
            ("trunk:+493012345678@closed", NoDestination::NotAllowed),
            ("trunk:+4930*@local", NoDestination::NotAllowed),
            ("http://evil.example", NoDestination::Malformed),
            ("trunk:", NoDestination::Malformed),
            ("trunk:1@", NoDestination::Malformed),
            ("sip:a b@c", NoDestination::Malformed),
            ("", NoDestination::Malformed),
        ];
        for (uri, why) in others {
            assert_eq!(flow.way(uri, &board).err(), Some(why), "{uri}");
        }
        assert!(Destinations::default().way("sip:agents@pbx.example", &board).is_err());
    }

    proptest::proptest! {
        /// Whatever somebody sends us to: if it may be dialled, it is what the flow names or digits that a pattern allows.
        #[test]
        fn any_text_is_refused_or_allowed_for_a_reason(uri in "(trunk|tel|sip|sips)?:?[+0-9a-z@;:,*#.%?=-]{0,24}|.{0,40}") {
            let (flow, board) = (flow(), board());
            match flow.way(&uri, &board) {
                Ok(Way::Number(user, _)) => {
                    proptest::prop_assert!(user.starts_with("+49") && user[1..].bytes().all(|b| b.is_ascii_digit()), "{uri}");
                }
                Ok(Way::Named(_)) => proptest::prop_assert!(flow.named.contains(&comparable(&uri).unwrap_or_default())),
                Err(_) => {}
            }
        }
    }

    #[test]
    fn a_number_is_called_back_only_where_a_trunk_allows_it() {
        let patterns = vec![NumberPattern::parse("+4930*").expect("a pattern")];
        let rules = ["00 -> +", "0 -> +49"].iter().filter_map(|rule| super::super::trunk::PrefixRule::parse(rule)).collect();
        let line = Trunk { allow: patterns, numbers_in: rules, ..Trunk::plain("line") };
        let board = Board::new(vec![Trunk::plain("closed"), line]);
        let by = |trunks: &[&str], number: &str| {
            let trunks: Vec<String> = trunks.iter().map(ToString::to_string).collect();
            number_by_trunk(&board, &trunks, number)
        };
        for written in ["+493012345", "03012345", "00493012345"] {
            assert_eq!(by(&[], written).as_deref(), Some("+493012345"), "{written}");
        }
        for no in ["anonymous", "", "0900123456", "+49900123456", "110", "*21*030123#", "+4930123;x", "030 12"] {
            assert_eq!(by(&[], no), None, "{no}");
        }
        assert_eq!(by(&["closed"], "03012345"), None, "a trunk without patterns calls nobody");
        assert_eq!(number_by_trunk(&Board::new(Vec::new()), &[], "03012345"), None);
    }

    #[test]
    fn numbers_go_by_a_trunk_that_allows_them() {
        let (flow, mut board) = (flow(), board());
        let mut way = |uri: &str, caller: &str| match flow.check(uri, &mut board, caller, Moment::ZERO) {
            Ok(Target::Trunk { user, wanted }) => format!("{user} by {}", wanted.join(",")),
            Ok(Target::Address(uri)) => uri,
            Err(why) => format!("{why:?}"),
        };
        assert_eq!(way("tel:+493012345678", "a"), "+493012345678 by local,national");
        assert_eq!(way("trunk:+498912345678", "a"), "+498912345678 by national");
        assert_eq!(way("trunk:+498912345678@local", "b"), "NotAllowed");
        assert_eq!(way("sip:agents@pbx.example", "a"), "sip:agents@pbx.example");
    }

    #[test]
    fn numbers_go_by_trunks_that_can_take_a_call() {
        let patterns = || vec![NumberPattern::parse("+4930*").expect("a pattern")];
        let caps = Caps { per_caller: None, per_hour: Some(2), per_day: None };
        let line = |name: &str| Trunk { allow: patterns(), caps, calls_max: Some(1), ..Trunk::plain(name) };
        let mut board = Board::new(vec![line("a"), line("b"), line("c")]);
        let way = |board: &mut Board, uri: &str| match Destinations::default().check(uri, board, "x", Moment::ZERO) {
            Ok(Target::Trunk { wanted, .. }) => wanted.join(","),
            other => format!("{other:?}"),
        };
        board.set_answers("a", false);
        let busy = board.begin(Moment::ZERO, "b", super::super::trunk::Direction::Out).expect("a place");
        assert_eq!(way(&mut board, "tel:+49301"), "c", "a is down and b is full");
        drop(busy);
        assert_eq!(way(&mut board, "trunk:+49301@c,b,a"), "c,b", "in the order asked for");
        board.set_answers("a", true);
        assert_eq!(way(&mut board, "tel:+49301"), "a,b", "c has had as many as it may; a was not counted while it was down");
        assert_eq!(way(&mut board, "tel:+49301"), "a");
        assert_eq!(way(&mut board, "tel:+49301"), "Err(Capped)");
    }

    #[test]
    fn numbers_that_no_flow_names_are_capped() {
        let (flow, mut board) = (flow(), board());
        let hour = Duration::from_secs(3_600);
        let mut dial =
            |caller: &str, at: Duration| flow.check("tel:+493012345678", &mut board, caller, Moment::ZERO + at).map(|_| ());
        assert_eq!(dial("a", hour), Ok(()));
        assert_eq!(dial("a", hour), Err(NoDestination::Capped), "one for a caller");
        assert_eq!(
            (dial("b", hour), dial("c", hour), dial("d", hour)),
            (Ok(()), Ok(()), Err(NoDestination::Capped)),
            "three an hour"
        );
        assert_eq!((dial("d", hour * 3), dial("e", hour * 3)), (Ok(()), Ok(())));
        assert_eq!(dial("f", hour * 5), Err(NoDestination::Capped), "five a day");
        assert_eq!(dial("a", hour * 24), Err(NoDestination::Capped), "still the same day");
        assert_eq!(dial("a", hour * 27), Ok(()));
        // What the flow names is its operator's own word.
        for _ in 0..9 {
            assert!(flow.check("trunk:+49305551000", &mut board, "a", Moment::ZERO).is_ok());
        }
    }
}
