//! The head of a message as lines, tidied: unfolded, in UTF-8, without blanks where the stack trips over them.

use crate::sip::party;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

/// More header lines than this are an attack, not a call.
pub(super) const LINES_MAX: usize = 256;

/// A message taken apart. Values are single lines without control characters.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// Request or status line.
    pub(super) start: String,
    /// Header lines in order; compact names written out.
    pub(super) lines: Vec<(String, String)>,
    /// Everything after the blank line.
    pub(super) body: &'a [u8],
    /// Something differs from what came, so that it must be written anew.
    pub(super) tidied: bool,
    /// Some line is no header, or the blank line is missing.
    pub(super) broken: bool,
}

impl Head<'_> {
    /// All values of a header.
    pub(super) fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.lines.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(super) fn first<'h>(&'h self, name: &'h str) -> Option<&'h str> {
        self.lines.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// RFC 2543 knew neither tags nor the duty to send a Contact (RFC 4475 §3.4.1): a From without a tag gets one that stands
    /// for none (RFC 3261 §12.1.1), also in the requests that follow, and a call without a Contact is called back at its From.
    pub(super) fn name_the_nameless(&mut self) {
        let modern = self.first("Via").is_some_and(|via| via.contains("branch=z9hG4bK"));
        if modern || self.start.starts_with("SIP/") || self.all("From").count() != 1 {
            return;
        }
        let Some((_, from)) = self.lines.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("From")) else { return };
        if !balanced(from) || has_tag(from) {
            return;
        }
        let contact = format!("<{}>", uri_of(from));
        from.push_str(super::NO_TAG);
        self.tidied = true;
        if self.start.starts_with("INVITE ") && self.first("Contact").is_none() {
            self.lines.push(("Contact".to_string(), contact));
        }
    }

    /// A tag made of the message: the same for its retransmissions.
    pub(super) fn fingerprint(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.start, self.first("Call-ID"), self.first("CSeq"), self.first("From")).hash(&mut hasher);
        format!("g{:016x}", hasher.finish())
    }
}

/// Takes a datagram apart; `None` if it has no first line worth looking at.
pub(super) fn read(datagram: &[u8]) -> Option<Head<'_>> {
    // Empty lines before the message are to be ignored (RFC 3261 §7.5).
    let skip = datagram.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let (head, body, end) = split(&datagram[skip..]);
    let mut tidied = skip > 0 || matches!(end, End::BareLineFeeds);
    let mut lines = head.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let start = decode(lines.next()?, &mut tidied).trim_end().to_string();
    if start.is_empty() || start.chars().any(char::is_control) {
        return None;
    }
    let mut head = Head { start, lines: Vec::new(), body, tidied, broken: matches!(end, End::Missing) };
    for line in lines {
        let text = decode(line, &mut head.tidied);
        head.take(&text);
    }
    for (name, value) in &mut head.lines {
        let tidy = tidy(name, value);
        if tidy != *value {
            *value = tidy;
            head.tidied = true;
        }
    }
    Some(head)
}

impl Head<'_> {
    fn take(&mut self, line: &str) {
        let line = &*without_quoted_controls(line, &mut self.tidied);
        if line.chars().any(|c| c.is_control() && c != '\t') || self.lines.len() >= LINES_MAX {
            self.broken = true;
            return;
        }
        if line.starts_with([' ', '\t']) {
            self.tidied = true;
            match self.lines.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                None => self.broken = true,
            }
            return;
        }
        match line.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() && name.trim().bytes().all(is_token) => {
                let full = written_out(name.trim());
                self.tidied |= full != name;
                self.lines.push((full.to_string(), value.trim().to_string()));
            }
            _ => self.broken = true,
        }
    }
}

/// How a head ended.
enum End {
    /// With an empty line, as it must.
    Proper,
    /// With an empty line of bare line feeds: understood.
    BareLineFeeds,
    /// Not at all.
    Missing,
}

fn split(bytes: &[u8]) -> (&[u8], &[u8], End) {
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|w| w == needle);
    match (find(b"\r\n\r\n"), find(b"\n\n")) {
        (Some(at), other) if other.is_none_or(|o| at < o) => (&bytes[..at], &bytes[at + 4..], End::Proper),
        (_, Some(at)) => (&bytes[..at], &bytes[at + 2..], End::BareLineFeeds),
        _ => (bytes, &[], End::Missing),
    }
}

/// Where the body begins, looking from `from` on (everything before was looked at).
pub(super) fn body_start(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3).min(bytes.len());
    let mut feeds = bytes[from..].iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| from + i);
    feeds.find(|at| bytes[..*at].ends_with(b"\n") || bytes[..*at].ends_with(b"\r\n\r")).map(|at| at + 1)
}

/// UTF-8 as it is; anything else is read as Latin-1, which is what old exchanges mean by `"André"`.
fn decode<'a>(line: &'a [u8], tidied: &mut bool) -> Cow<'a, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            *tidied = true;
            Cow::Owned(line.iter().map(|b| char::from(*b)).collect())
        }
    }
}

/// A quoted string may hold any control character behind a backslash (RFC 3261 §25.1, quoted-pair); nobody needs to see it.
fn without_quoted_controls<'a>(line: &'a str, tidied: &mut bool) -> Cow<'a, str> {
    if !line.contains('\\') || !line.chars().any(|c| c.is_control() && c != '\t') {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut escaped = false;
    for c in line.chars() {
        let hidden = escaped && c.is_control();
        escaped = c == '\\' && !escaped;
        *tidied |= hidden;
        out.push(if hidden { '?' } else { c });
    }
    Cow::Owned(out)
}

/// Compact header names (RFC 3261 §20 and successors).
fn written_out(name: &str) -> &str {
    let short = [
        ("v", "Via"),
        ("f", "From"),
        ("t", "To"),
        ("i", "Call-ID"),
        ("m", "Contact"),
        ("c", "Content-Type"),
        ("l", "Content-Length"),
        ("e", "Content-Encoding"),
        ("s", "Subject"),
        ("k", "Supported"),
        ("o", "Event"),
        ("r", "Refer-To"),
        ("b", "Referred-By"),
        ("u", "Allow-Events"),
        ("x", "Session-Expires"),
    ];
    short.iter().find(|(s, _)| s.eq_ignore_ascii_case(name)).map_or(name, |(_, full)| full)
}

fn tidy(name: &str, value: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "via" => tighten(value, b";=/:,"),
        "from" | "to" | "contact" | "route" | "record-route" => tighten(value, b";="),
        "cseq" | "content-length" | "max-forwards" => value.split_ascii_whitespace().collect::<Vec<_>>().join(" "),
        _ => value.to_string(),
    }
}

/// Removes blanks around separators, outside quotes and angle brackets; runs of blanks become one.
fn tighten(value: &str, separators: &[u8]) -> String {
    let separator = |c: char| u8::try_from(c).is_ok_and(|b| separators.contains(&b));
    let mut out = String::with_capacity(value.len());
    let (mut quoted, mut escaped, mut angle, mut blank) = (false, false, false, false);
    for c in value.chars() {
        if quoted || angle {
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' if quoted => quoted = false,
                '>' if angle => angle = false,
                _ => {}
            }
            continue;
        }
        if c == ' ' || c == '\t' {
            blank = true;
            continue;
        }
        if blank && !separator(c) && !out.chars().last().is_none_or(separator) {
            out.push(' ');
        }
        blank = false;
        quoted = c == '"';
        angle = c == '<';
        out.push(c);
    }
    out
}

/// The URI of a From or To: in angle brackets, or all up to the parameters.
fn uri_of(value: &str) -> &str {
    let bare = value.split(';').next().unwrap_or("");
    value.rsplit_once('<').map_or(bare, |(_, rest)| rest.split('>').next().unwrap_or("")).trim()
}

/// Whether a From or To has a tag among its parameters, be it empty.
pub(super) fn has_tag(value: &str) -> bool {
    tag(value).is_some()
}

/// The tag of a From or To: among the parameters of the header, not in a display name, the URI or a quoted value.
pub(super) fn tag(value: &str) -> Option<String> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    let mut bare = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if !angle => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            _ if !quoted && !angle => bare.push(c),
            _ => {}
        }
    }
    let mut parameters = bare.split(';').skip(1).filter_map(|p| p.split_once('='));
    let tag = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("tag"));
    tag.map(|(_, tag)| tag.trim().to_string())
}

/// Quotes and angle brackets close.
pub(super) fn balanced(value: &str) -> bool {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0i32);
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth -= 1,
            _ => {}
        }
        if !(0..=1).contains(&depth) {
            return false;
        }
    }
    !quoted && depth == 0
}

/// Whether a comma outside quotes and angle brackets makes a list of it.
pub(super) fn lists(value: &str) -> bool {
    party::split(value, ',').nth(1).is_some()
}

/// Whether a Via, tidied, has an empty parameter or an empty member of its list.
pub(super) fn has_gaps(via: &str) -> bool {
    let starts = via.starts_with([';', ',']);
    starts || via.ends_with(',') || [";;", ";,", ",,", ",;"].iter().any(|gap| via.contains(gap))
}

/// A character of a token (RFC 3261 §25.1).
pub(super) fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b)
}

/// The top Via with where it really came from (RFC 3261 §18.2.1, RFC 3581 §4).
pub(super) fn received(via: &str, source: SocketAddr) -> String {
    let (first, rest) = via.split_once(',').map_or((via, None), |(f, r)| (f, Some(r)));
    let wants_rport = first.split(';').skip(1).any(|p| p.eq_ignore_ascii_case("rport"));
    let mut out = first
        .split(';')
        .filter(|p| !p.eq_ignore_ascii_case("rport") && !p.to_ascii_lowercase().starts_with("received="))
        .collect::<Vec<_>>()
        .join(";");
    out.push_str(&format!(";received={}", source.ip()));
    if wants_rport {
        out.push_str(&format!(";rport={}", source.port()));
    }
    match rest {
        Some(rest) => format!("{out},{rest}"),
        None => out,
    }
}
