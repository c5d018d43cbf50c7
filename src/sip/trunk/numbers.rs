//! Numbers on their way in and out of a trunk: prefix rules, whom a call says that it comes from, and which numbers may be
//! dialled.

use super::{Trunk, host_in_uri, user_part};
use std::fmt;

/// Most rules, patterns and digits that are looked at are bounded by the configuration; a number longer than this is none
/// (E.164 allows 15 digits; some carriers put a routing prefix before).
const NUMBER_MAX: usize = 32;

/// Whom our calls say that they come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CallerId {
    /// The caller's own number.
    #[default]
    Pass,
    /// Always this one; the caller's own is not told.
    Number(String),
    /// Nobody: `anonymous@anonymous.invalid` with `Privacy: id` (RFC 3323, RFC 3325).
    Anonymous,
}

/// What an INVITE by a trunk says about its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The URI of From.
    pub(crate) from: String,
    /// The URI of P-Asserted-Identity.
    pub(crate) asserted: Option<String>,
    /// `Privacy: id`.
    pub(crate) private: bool,
}

/// Whom a call by this trunk comes from, by its caller-id rule. A caller without a number, or who hides it, is anonymous
/// (RFC 3323 §4.1.1.3); then the trunk is told who we are, if it knows us by a name, and asked not to pass that on.
///
/// `vouched` = the caller's number came from a trusted source. Others may write any number into From: that is passed on, but
/// we do not assert it (RFC 3325 §5); what we assert then is who we are.
pub(crate) fn identity(trunk: &Trunk, caller: &str, vouched: bool) -> Identity {
    let at = |user: &str| format!("sip:{}@{}", user_part(user), host_in_uri(&trunk.registrar));
    let we = || trunk.login.as_ref().map(|login| at(&login.user));
    match &trunk.caller_id {
        CallerId::Number(number) => Identity { from: at(number), asserted: Some(at(number)), private: false },
        CallerId::Pass if is_number(caller) => {
            let from = at(&caller_out(trunk, caller));
            Identity { asserted: if vouched { Some(from.clone()) } else { we() }, from, private: false }
        }
        CallerId::Pass | CallerId::Anonymous => {
            Identity { from: "sip:anonymous@anonymous.invalid".into(), asserted: we(), private: true }
        }
    }
}

/// The caller's number as the trunk writes numbers. A rule that puts something before every number is for dialling (the digit
/// for an outside line, say): it makes no caller's number.
fn caller_out(trunk: &Trunk, caller: &str) -> String {
    let rules: Vec<PrefixRule> = trunk.numbers_out.iter().filter(|rule| !rule.from.is_empty()).cloned().collect();
    rewrite(&rules, caller)
}

/// `00 -> +`: a number that begins with the left side begins with the right side afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixRule {
    /// What it begins with; empty = any number.
    pub from: String,
    /// What stands there instead.
    pub to: String,
}

impl PrefixRule {
    /// Reads `00 -> +`.
    pub fn parse(text: &str) -> Option<PrefixRule> {
        let (from, to) = text.split_once("->")?;
        let (from, to) = (from.trim(), to.trim());
        let fits = |part: &str| part.len() <= 16 && part.chars().all(|c| c.is_ascii_digit() || "+*#".contains(c));
        (fits(from) && fits(to) && from != to).then(|| PrefixRule { from: from.into(), to: to.into() })
    }
}

impl fmt::Display for PrefixRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}

/// The number after the first rule that fits. What is no telephone number (a name, `anonymous`) stays as it is.
pub(crate) fn rewrite(rules: &[PrefixRule], number: &str) -> String {
    if !is_number(number) {
        return number.to_string();
    }
    let hit = rules.iter().find_map(|rule| number.strip_prefix(rule.from.as_str()).map(|rest| format!("{}{rest}", rule.to)));
    hit.unwrap_or_else(|| number.to_string())
}

/// A number as this trunk wants to have it dialled.
pub fn numbers_out(trunk: &Trunk, number: &str) -> String {
    rewrite(&trunk.numbers_out, number)
}

/// Digits, perhaps with a plus before; keys that telephones have are digits here.
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=NUMBER_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b))
}

/// What may be dialled: digits, `X` for any digit, and `*` at the end for whatever follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern(String);

impl NumberPattern {
    /// Reads `+4930*` or `+49800XXXXXXX`; at least one digit must be fixed, so that nobody allows the world by accident.
    pub fn parse(text: &str) -> Option<NumberPattern> {
        let body = text.strip_suffix('*').unwrap_or(text);
        let digits = body.strip_prefix('+').unwrap_or(body);
        let good = !digits.is_empty() && digits.len() <= NUMBER_MAX && digits.bytes().all(|b| b.is_ascii_digit() || b == b'X');
        (good && digits.bytes().any(|b| b.is_ascii_digit())).then(|| NumberPattern(text.to_string()))
    }

    /// Whether a number fits.
    pub fn matches(&self, number: &str) -> bool {
        let (body, open) = self.0.strip_suffix('*').map_or((self.0.as_str(), false), |body| (body, true));
        let long_enough = if open { number.len() >= body.len() } else { number.len() == body.len() };
        let same = |p: u8, n: u8| p == n || p == b'X' && n.is_ascii_digit();
        is_number(number) && long_enough && body.bytes().zip(number.bytes()).all(|(p, n)| same(p, n))
    }
}

impl fmt::Display for NumberPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Countries whose expensive numbers are known here, with the beginnings (after the country code) of those: premium and
/// shared-cost services, directory enquiries, personal numbers, and for +1 the numbers outside of the USA and Canada.
const COUNTRIES: &[(&str, &[&str])] = &[
    ("49", &["900", "137", "138", "180", "181", "190", "191", "192", "193", "194", "118", "700", "12", "10", "11"]),
    ("43", &["9", "810", "820", "821", "828", "118", "710", "711", "718", "720", "730", "740"]),
    ("41", &["90", "84", "18", "70", "86"]),
    ("44", &["9", "87", "84", "70", "76", "118", "871"]),
    ("33", &["8", "1018", "118"]),
    ("1", NORTH_AMERICA),
];

/// Premium area codes, and the area codes of +1 that are neither in the USA nor in Canada.
const NORTH_AMERICA: &[&str] = &[
    "900", "976", "700", "500", "521", "522", "533", "544", "566", "577", "588", "242", "246", "264", "268", "284", "340",
    "345", "441", "473", "649", "658", "664", "670", "671", "684", "721", "758", "767", "784", "787", "809", "829", "849",
    "868", "869", "876", "939",
];

/// Whether the country's expensive numbers are known here.
pub fn country_known(country: &str) -> bool {
    COUNTRIES.iter().any(|(code, _)| *code == country)
}

/// Whether `number` (+ and country code) is an ordinary number of this country: of usual length and neither premium nor
/// special. An unknown country has none.
pub(crate) fn national_allowed(country: &str, number: &str) -> bool {
    let Some((_, expensive)) = COUNTRIES.iter().find(|(code, _)| *code == country) else { return false };
    let Some(national) = number.strip_prefix('+').and_then(|n| n.strip_prefix(country)) else { return false };
    // No number within these countries has fewer than seven digits after the code; short ones are services.
    let fits = (7..=13).contains(&national.len()) && national.bytes().all(|b| b.is_ascii_digit());
    let north_american = country != "1" || national.len() == 10 && !national.starts_with(['0', '1']);
    fits && north_american && !national.starts_with('0') && !expensive.iter().any(|prefix| national.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> Vec<PrefixRule> {
        texts.iter().map(|t| PrefixRule::parse(t).expect("a rule")).collect()
    }

    #[test]
    fn the_first_rule_that_fits_changes_a_number() {
        let both = rules(&["00 -> +", "0->+49"]);
        for (before, after) in [("0044207", "+44207"), ("030123", "+4930123"), ("+4930", "+4930"), ("anonymous", "anonymous")] {
            assert_eq!(rewrite(&both, before), after);
        }
        assert_eq!(rewrite(&rules(&["-> 9"]), "030"), "9030", "a digit for the outside line");
        for bad in ["", "00", "a -> b", "0 -> 0", "00 -> sip:"] {
            assert_eq!(PrefixRule::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_caller_as_the_trunk_is_told() {
        let login = super::super::Login { user: "u1".into(), auth_user: "u1".into(), password: "p".to_string().into() };
        let mut trunk = Trunk { numbers_out: rules(&["+49 -> 0"]), login: Some(login), ..Trunk::plain("c") };
        let told_if = |trunk: &Trunk, caller, vouched| {
            let id = identity(trunk, caller, vouched);
            format!("{} {} {}", id.from, id.asserted.unwrap_or_default(), id.private)
        };
        let told = |trunk: &Trunk, caller| told_if(trunk, caller, true);
        assert_eq!(told(&trunk, "+4930123"), "sip:030123@c.example sip:030123@c.example false");
        let unproved = told_if(&trunk, "+4930123", false);
        assert_eq!(unproved, "sip:030123@c.example sip:u1@c.example false", "shown, but not asserted");
        let nameless = Trunk { login: None, ..trunk.clone() };
        assert_eq!(told_if(&nameless, "+4930123", false), "sip:030123@c.example  false");
        let outside = Trunk { numbers_out: rules(&["+49 -> 0", "-> 9"]), ..trunk.clone() };
        assert_eq!(told(&outside, "+4420123"), "sip:+4420123@c.example sip:+4420123@c.example false", "no outside line");
        assert_eq!((numbers_out(&outside, "+4420123"), numbers_out(&outside, "+49301")), ("9+4420123".into(), "0301".into()));
        assert_eq!(told(&trunk, "anonymous"), "sip:anonymous@anonymous.invalid sip:u1@c.example true");
        trunk.caller_id = CallerId::Number("+49305551000".into());
        assert_eq!(told(&trunk, "+4930123"), "sip:+49305551000@c.example sip:+49305551000@c.example false");
        trunk.caller_id = CallerId::Anonymous;
        assert_eq!(told(&trunk, "+4930123"), "sip:anonymous@anonymous.invalid sip:u1@c.example true");
    }

    #[test]
    fn patterns_match_whole_numbers() {
        let pattern = |text: &str| NumberPattern::parse(text).expect("a pattern");
        assert!(pattern("+4930*").matches("+4930123") && !pattern("+4930*").matches("+4940123"));
        assert!(pattern("+4980X").matches("+49800") && !pattern("+4980X").matches("+498001"));
        assert!(!pattern("+49*").matches("+49@evil") && !pattern("49*").matches("+4930"));
        for bad in ["*", "+*", "", "+X*", "XXX", "+49 30", "sip:a@b", "4*9"] {
            assert_eq!(NumberPattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ordinary_national_numbers_alone() {
        for good in ["+493012345678", "+4915112345678", "+498001234567"] {
            assert!(national_allowed("49", good), "{good}");
        }
        let bad = [
            "+499001234567",
            "+491371234567",
            "+4918051234",
            "+44207946000",
            "030123456",
            "+4911833",
            "+49110",
            "+490301234567",
        ];
        for bad in bad {
            assert!(!national_allowed("49", bad), "{bad}");
        }
        assert!(
            national_allowed("1", "+12125550100")
                && !national_allowed("1", "+18095550100")
                && !national_allowed("1", "+19005550100")
        );
        assert!(national_allowed("44", "+442079460000") && !national_allowed("44", "+449098790000"));
        assert!(national_allowed("33", "+33388123456"), "north-east France");
        assert!(!national_allowed("33", "+33899123456") && !national_allowed("33", "+333900"));
        assert!(!national_allowed("99", "+99123456789"), "a country that is not known here");
    }
}
