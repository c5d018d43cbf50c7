//! Who is calling, and by which way the call came to us: P-Asserted-Identity and Privacy (RFC 3325, RFC 3323),
//! Remote-Party-ID, P-Called-Party-ID (RFC 7315), Diversion (RFC 5806) and History-Info (RFC 7044). Pure: header values in,
//! small facts out. Values come as they stood in the message, one for each header line, unfolded or not.

use crate::base::SipUri;

/// Most entries of a list that are looked at.
const ENTRIES_MAX: usize = 32;
/// Longest number or name that is kept.
const NUMBER_MAX: usize = 64;

/// One `"Name" <uri>;param=value` of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameAddr {
    /// The URI without the brackets.
    pub(crate) uri: String,
    /// Parameters of the header, names in lower case, values unquoted.
    pub(crate) params: Vec<(String, String)>,
}

impl NameAddr {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The user part, or the number of a `tel:` URI, escapes resolved and visual separators (`-`, `.`, brackets) left out of
    /// numbers. `None` when there is none.
    pub(crate) fn user(&self) -> Option<String> {
        user_of(&self.uri)
    }
}

/// The user part or number of a URI; see [`NameAddr::user`].
pub(crate) fn user_of(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    let user = match scheme.trim().to_ascii_lowercase().as_str() {
        "tel" => rest.split([';', '?']).next()?,
        "sip" | "sips" => rest.split_once('@')?.0.split([';', ':']).next()?,
        _ => return None,
    };
    let user = super::bodies::unescape(user.trim());
    let separators = |c: char| "-.() ".contains(c);
    let bare: String = user.chars().filter(|c| !separators(*c)).collect();
    let number = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || "+*#".contains(c));
    let user = kept(if number { &bare } else { &user });
    Some(user).filter(|user| !user.is_empty())
}

/// As much of a user part as we keep of it, without what could break a line.
pub(crate) fn kept(user: &str) -> String {
    user.chars().filter(|c| !c.is_control()).take(NUMBER_MAX).collect()
}

/// A URI whose user part the SIP crate can read: it takes the first `;` or `?` for the end of the address, and a user part may
/// hold both (RFC 3261 §25.1; `+4930;phone-context=x`, RFC 4904). Here they are escaped there; `None` = there are none.
pub(crate) fn with_escaped_user(uri: &str) -> Option<String> {
    let user = SipUri::parse(uri).map(|uri| uri.user).filter(|user| user.contains([';', '?']))?;
    let (scheme, rest) = uri.trim().split_once(':')?;
    let rest = rest.strip_prefix(user)?;
    Some(format!("{scheme}:{}{rest}", user.replace(';', "%3B").replace('?', "%3F")))
}

/// The same for each `<URI>` of a header line; `None` = nothing is to be escaped.
pub(crate) fn with_escaped_users(value: &str) -> Option<String> {
    let (mut out, mut rest, mut changed) = (String::new(), value, false);
    while let Some(open) = find_outside_quotes(rest, '<') {
        let (before, inside) = rest.split_at(open + 1);
        let Some(close) = inside.find('>') else { break };
        let (uri, after) = inside.split_at(close);
        let mended = with_escaped_user(uri);
        changed |= mended.is_some();
        out.push_str(before);
        out.push_str(mended.as_deref().unwrap_or(uri));
        rest = after;
    }
    out.push_str(rest);
    changed.then_some(out)
}

/// All entries of header lines that hold lists; commas inside quotes and brackets do not separate.
pub(crate) fn name_addrs<'a>(values: impl Iterator<Item = &'a str>) -> Vec<NameAddr> {
    values.flat_map(|value| split(value, ',')).filter_map(name_addr).take(ENTRIES_MAX).collect()
}

fn name_addr(text: &str) -> Option<NameAddr> {
    let text = text.trim();
    let (uri, rest) = match find_outside_quotes(text, '<') {
        Some(open) => {
            let close = text[open..].find('>')? + open;
            (&text[open + 1..close], &text[close + 1..])
        }
        // Without brackets the parameters belong to the header (RFC 3261 §20).
        None => text.split_at(text.find(';').unwrap_or(text.len())),
    };
    let params = split(rest, ';')
        .filter(|p| !p.trim().is_empty())
        .map(|p| {
            let (name, value) = p.split_once('=').unwrap_or((p, ""));
            (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"').to_string())
        })
        .take(ENTRIES_MAX)
        .collect();
    let uri = uri.trim().to_string();
    uri.contains(':').then_some(NameAddr { uri, params })
}

/// Splits where `at` stands outside of quotes and angle brackets.
pub(crate) fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    text.split(move |c: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            '<' if !quoted => bracket = true,
            '>' if !quoted => bracket = false,
            _ => {}
        }
        c == at && !quoted && !bracket
    })
}

fn find_outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().find_map(|(i, c)| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if quoted && !was_escaped => escaped = true,
            '"' if !was_escaped => quoted = !quoted,
            _ => {}
        }
        (c == wanted && !quoted).then_some(i)
    })
}

/// The asserted number: the first entry of P-Asserted-Identity that has a user; where the header is absent, Remote-Party-ID of
/// the calling party. Only to be believed of trusted sources (RFC 3325 §6).
pub(crate) fn asserted<'a>(
    identity: impl Iterator<Item = &'a str>,
    remote_party: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let theirs = name_addrs(identity).iter().find_map(NameAddr::user);
    let calling = |entry: &NameAddr| entry.param("party").is_none_or(|party| party.eq_ignore_ascii_case("calling"));
    theirs.or_else(|| name_addrs(remote_party).iter().filter(|e| calling(e)).find_map(NameAddr::user))
}

/// Whether the caller does not want to be shown: Privacy with `id`, `user` or `header` (RFC 3323 §4.2, RFC 3325 §9.3), or
/// Remote-Party-ID with `privacy=full`.
pub(crate) fn wants_privacy<'a>(privacy: impl Iterator<Item = &'a str>, remote_party: impl Iterator<Item = &'a str>) -> bool {
    let hides = |word: &str| ["id", "user", "header"].iter().any(|w| word.trim().eq_ignore_ascii_case(w));
    let mut privacy = privacy.flat_map(|value| value.split([';', ',']));
    let full = |entry: &NameAddr| entry.param("privacy").is_some_and(|p| p.to_ascii_lowercase().starts_with("full"));
    privacy.any(hides) || name_addrs(remote_party).iter().any(full)
}

/// Who sent the call on to us, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diverted {
    /// The number that the caller dialled first.
    pub number: String,
    /// Why it was sent on, in the words of RFC 5806 (`no-answer`, `user-busy`, `unconditional`, …); empty = not told.
    pub reason: String,
}

/// The first number that the call was diverted from: by History-Info, or else by Diversion.
pub(crate) fn diverted<'a>(
    history: impl Iterator<Item = &'a str>,
    diversion: impl Iterator<Item = &'a str>,
) -> Option<Diverted> {
    from_history(&name_addrs(history)).or_else(|| from_diversion(&name_addrs(diversion)))
}

/// The last entry is the first diversion: each one is put on top (RFC 5806 §4.2). Whose number is not to be shown
/// (`privacy=full` or `uri`) is not told, and no other number in its place.
fn from_diversion(entries: &[NameAddr]) -> Option<Diverted> {
    let entry = entries.iter().rev().find(|entry| entry.user().is_some())?;
    if entry.param("privacy").is_some_and(|p| ["full", "uri"].iter().any(|hides| p.eq_ignore_ascii_case(hides))) {
        return None;
    }
    let reason = entry.param("reason").unwrap_or("").to_ascii_lowercase();
    Some(Diverted { number: entry.user()?, reason: known_reason(&reason).to_string() })
}

/// Entries are the targets that the request has had, in the order of their index. The first whose successor (or who itself)
/// tells a cause was diverted (RFC 7044 §10.1; cause by RFC 4458, or an escaped Reason header).
fn from_history(entries: &[NameAddr]) -> Option<Diverted> {
    let mut entries: Vec<&NameAddr> = entries.iter().filter(|entry| entry.param("index").is_some()).collect();
    entries.sort_by_cached_key(|entry| index(entry.param("index").unwrap_or("")));
    entries.iter().enumerate().find_map(|(i, entry)| {
        let number = entry.user()?;
        let next = entries.get(i + 1)?;
        let cause = cause_of_uri(&next.uri).or_else(|| reason_of_uri(&entry.uri));
        // The same user sent to another host is routing, no diversion.
        let moved = next.user().is_none_or(|next| next != number);
        (moved || cause.is_some()).then(|| Diverted { number, reason: reason_of_cause(cause).to_string() })
    })
}

fn index(text: &str) -> Vec<u32> {
    text.split('.').take(ENTRIES_MAX).map(|part| part.trim().parse().unwrap_or(u32::MAX)).collect()
}

/// `;cause=486` of a URI (RFC 4458 §2).
fn cause_of_uri(uri: &str) -> Option<u16> {
    let params = uri.split('?').next()?;
    params.split(';').skip(1).find_map(|p| p.trim().strip_prefix("cause=")?.parse().ok())
}

/// `?Reason=SIP%3Bcause%3D302` of a URI (RFC 7044 §5).
fn reason_of_uri(uri: &str) -> Option<u16> {
    let headers = uri.split_once('?')?.1;
    let reason = headers.split('&').find_map(|h| {
        let (name, value) = h.split_once('=')?;
        name.eq_ignore_ascii_case("reason").then(|| super::bodies::unescape(value))
    })?;
    reason.split(';').find_map(|p| p.trim().strip_prefix("cause=")?.trim().parse().ok())
}

/// RFC 4458 §2.1 in the words of RFC 5806.
fn reason_of_cause(cause: Option<u16>) -> &'static str {
    match cause {
        Some(302) => "unconditional",
        Some(404) => "unknown",
        Some(408) => "no-answer",
        Some(480 | 487) => "deflection",
        Some(486) => "user-busy",
        Some(503) => "unavailable",
        _ => "",
    }
}

/// A word that others put into a message is only passed on when it is one that we know.
fn known_reason(reason: &str) -> &'static str {
    const KNOWN: &[&str] = &[
        "unknown",
        "user-busy",
        "no-answer",
        "unavailable",
        "unconditional",
        "time-of-day",
        "do-not-disturb",
        "deflection",
        "follow-me",
        "out-of-service",
        "away",
    ];
    KNOWN.iter().find(|known| **known == reason).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<'a>(values: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        values.iter().copied()
    }

    #[test]
    fn lists_in_one_line_or_many() {
        let values = ["\"Doe, \\\"J\\\" <x>\" <sip:a@b;x=1,2>;p=\"q\" , <tel:+49-30-12>", "sip:c@d;tag=7"];
        let all = name_addrs(values.into_iter());
        let uris: Vec<&str> = all.iter().map(|n| n.uri.as_str()).collect();
        assert_eq!(uris, ["sip:a@b;x=1,2", "tel:+49-30-12", "sip:c@d"]);
        assert_eq!((all[0].param("p"), all[1].user(), all[2].param("tag")), (Some("q"), Some("+493012".into()), Some("7")));
        assert_eq!(name_addrs(one(&["", ",,", "<", "\"", "<>", ";;", "\\"])), []);
    }

    proptest::proptest! {
        /// Whatever stands in a header: no panic, and nothing that is longer than it may be.
        #[test]
        fn any_text_is_survived(values in proptest::collection::vec("[ -~\\pL]{0,80}|[<>\",;:@%=?\\\\ a1]{0,60}", 0..6)) {
            let lines = || values.iter().map(String::as_str);
            let mut users: Vec<String> = name_addrs(lines()).iter().filter_map(NameAddr::user).collect();
            users.extend(asserted(lines(), lines()));
            users.extend(diverted(lines(), lines()).map(|d| d.number));
            wants_privacy(lines(), lines());
            values.iter().for_each(|value| drop(with_escaped_users(value)));
            for user in users {
                proptest::prop_assert!(!user.is_empty() && user.chars().count() <= NUMBER_MAX && !user.contains('\n'));
            }
        }
    }

    #[test]
    fn users_of_addresses() {
        let cases = [
            ("sip:+4930123@host;user=phone", Some("+4930123")),
            ("sips:anna.b-c@host", Some("anna.b-c")),
            ("tel:(030)%2012-34;phone-context=+49", Some("0301234")),
            ("sip:1234;npdi@host", Some("1234")),
            ("sip:a:secret@host", Some("a")),
            ("sip:host", None),
            ("http://x", None),
            ("", None),
        ];
        for (uri, user) in cases {
            assert_eq!(user_of(uri).as_deref(), user, "{uri}");
        }
    }

    #[test]
    fn parameters_of_a_user_are_kept_from_being_taken_for_those_of_the_uri() {
        let cases = [
            ("sip:+49;tgrp=x@192.0.2.4:5070;transport=tcp", Some("sip:+49%3Btgrp=x@192.0.2.4:5070;transport=tcp")),
            ("sips:a?b@h", Some("sips:a%3Fb@h")),
            ("sip:a@h;x=1?y=2", None),
            ("sip:192.0.2.4;lr", None),
            ("sip:[2001:db8::1];x=a@b", None),
            ("tel:+49;phone-context=x", None),
        ];
        for (uri, expected) in cases {
            assert_eq!(with_escaped_user(uri).as_deref(), expected, "{uri}");
        }
        let line = "\"<sip:a;b@c>\" <sip:+49;tgrp=x@h>;q=1, <sip:b@h;c=d>,<sip:;@h>";
        let mended = "\"<sip:a;b@c>\" <sip:+49%3Btgrp=x@h>;q=1, <sip:b@h;c=d>,<sip:%3B@h>";
        assert_eq!(with_escaped_users(line).as_deref(), Some(mended));
        assert_eq!(
            (with_escaped_users("<sip:a@b>;x=<"), with_escaped_users("<sip:a;b@c"), with_escaped_users("*")),
            (None, None, None)
        );
    }

    #[test]
    fn who_is_asserted_and_who_hides() {
        let pai = ["\"Anna\" <sip:+4930111@carrier>, <tel:+4930222>"];
        assert_eq!(asserted(one(&pai), one(&[])).as_deref(), Some("+4930111"));
        assert_eq!(asserted(one(&["<sip:carrier>", "<tel:+4930222>"]), one(&[])).as_deref(), Some("+4930222"));
        let rpid = ["\"A\" <sip:100@pbx>;party=called", "\"B\" <sip:200@pbx>;party=calling;privacy=off;screen=yes"];
        assert_eq!(asserted(one(&[]), one(&rpid)).as_deref(), Some("200"));
        assert!(!wants_privacy(one(&["none"]), one(&rpid)) && !wants_privacy(one(&[]), one(&[])));
        for hidden in ["id", "user;id;critical", "Header, session", " ID "] {
            assert!(wants_privacy(one(&[hidden]), one(&[])), "{hidden}");
        }
        assert!(wants_privacy(one(&[]), one(&["<sip:2@p>;privacy=full"])));
    }

    #[test]
    fn the_first_diversion_counts() {
        let told = |d: &[&str]| diverted(one(&[]), one(d)).map(|d| (d.number, d.reason));
        let some = |n: &str, r: &str| Some((n.to_string(), r.to_string()));
        // The topmost is the latest.
        let two = ["<sip:+4930222@c>;reason=user-busy;counter=1", "<tel:+4930111>;reason=\"no-answer\";counter=1"];
        assert_eq!(told(&two), some("+4930111", "no-answer"));
        assert_eq!(told(&["<sip:1@c>;reason=deflection, <sip:2@c>;reason=evil"]), some("2", ""));
        assert_eq!(told(&["<sip:c>"]), None);
        // Whose number is private is not told, nor somebody else's instead.
        for hides in ["full", "\"Full\"", "uri"] {
            let hidden = format!("<tel:+4930111>;reason=no-answer;privacy={hides}");
            assert_eq!(told(&["<sip:+4930222@c>;reason=user-busy", &hidden]), None, "{hides}");
        }
        assert_eq!(told(&["<tel:+4930111>;reason=away;privacy=off"]), some("+4930111", "away"));
    }

    #[test]
    fn history_tells_the_first_target_that_was_left() {
        let told = |h: &[&str]| diverted(one(h), one(&["<sip:9@c>;reason=away"])).map(|d| (d.number, d.reason));
        let some = |n: &str, r: &str| Some((n.to_string(), r.to_string()));
        let rfc4458 = ["<sip:111@c>;index=1", "<sip:222@c;cause=486>;index=1.1", "<sip:333@c;cause=408>;index=1.1.1"];
        assert_eq!(told(&rfc4458), some("111", "user-busy"));
        let escaped = ["<sip:333@c>;index=1.10, <sip:222@c?Reason=SIP%3Bcause%3D302>;index=1.2", "<sip:222@p>;index=1"];
        assert_eq!(told(&escaped), some("222", "unconditional"), "in the order of the index; routing is no diversion");
        assert_eq!(told(&["<sip:111@c>;index=1"]), some("9", "away"), "nothing was left: Diversion tells");
        assert_eq!(told(&["<sip:111@c>;index=1", "<sip:222@c>;index=1.1;mp=1"]), some("111", ""));
    }
}
