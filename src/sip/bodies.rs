//! Small texts inside SIP messages, pure: the status line in a NOTIFY, the key in an INFO, the SDP part of a multipart
//! body, escaped headers in a Refer-To, option tags.

use crate::base::Digit;

/// The status in a `message/sipfrag` body (RFC 3420): its first line must be a status line, `SIP/2.0 486 Busy Here`.
pub(crate) fn sipfrag_status(body: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(body);
    let line = text.trim_start().lines().next()?;
    let mut words = line.split_ascii_whitespace();
    words.next()?.eq_ignore_ascii_case("SIP/2.0").then_some(())?;
    words.next()?.parse().ok().filter(|status| (100..700).contains(status))
}

/// The key in an INFO body: `Signal=5` among other lines (application/dtmf-relay) or the bare key (application/dtmf).
/// Some senders write `*` and `#` as 10 and 11 and the letters as 12–15 (the event codes of RFC 4733 §3.2).
pub(crate) fn info_digit(content_type: &str, body: &[u8]) -> Option<Digit> {
    let text = std::str::from_utf8(body).ok()?;
    let value = match media_type(content_type).as_str() {
        "application/dtmf-relay" => text.lines().find_map(|line| {
            let (name, value) = line.split_once(['=', ':'])?;
            name.trim().eq_ignore_ascii_case("signal").then_some(value)
        })?,
        "application/dtmf" => text,
        _ => return None,
    };
    key(value.trim())
}

fn key(value: &str) -> Option<Digit> {
    let mut chars = value.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Digit::from_char(c),
        _ => value.parse().ok().and_then(Digit::from_event),
    }
}

/// What a request carries where a session description may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Described {
    /// No body at all.
    Nothing,
    /// SDP, alone or as a part of a multipart body.
    Sdp(String),
    /// Some other type: 415.
    Other,
}

/// Finds the session description in a body.
pub(crate) fn description(content_type: Option<&str>, body: &[u8]) -> Described {
    if body.is_empty() {
        return Described::Nothing;
    }
    let content_type = content_type.unwrap_or("application/sdp");
    match media_type(content_type).as_str() {
        "application/sdp" => Described::Sdp(String::from_utf8_lossy(body).into_owned()),
        kind if kind.starts_with("multipart/") => match sdp_part(content_type, body) {
            Some(sdp) => Described::Sdp(sdp),
            None => Described::Other,
        },
        _ => Described::Other,
    }
}

/// The application/sdp part of a multipart body (RFC 2046 §5.1), as SIP-I trunks send beside ISUP.
fn sdp_part(content_type: &str, body: &[u8]) -> Option<String> {
    let boundary = parameter(content_type, "boundary")?;
    let text = String::from_utf8_lossy(body);
    let marker = format!("--{boundary}");
    text.split(marker.as_str()).skip(1).find_map(|part| {
        let part = part.trim_start_matches(['\r', '\n']);
        let (head, content) = part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n"))?;
        let is_sdp = head.lines().any(|line| {
            line.split_once(':').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("content-type") && media_type(value) == "application/sdp"
            })
        });
        is_sdp.then(|| format!("{}\r\n", content.trim_end()))
    })
}

/// `Application/SDP; charset=x` → `application/sdp`.
pub(crate) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// A parameter of a header value, unquoted: `refer;id=7` → `7`.
pub(crate) fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|p| {
        let (n, v) = p.split_once('=')?;
        n.trim().eq_ignore_ascii_case(name).then(|| v.trim().trim_matches('"').to_string())
    })
}

/// The value of Refer-To: the target, with User-to-User as an escaped header (RFC 3261 §19.1.1, RFC 7433 §4.3) if given.
pub(crate) fn refer_to(target: &str, uui: Option<&str>) -> String {
    let target = target.trim().trim_start_matches('<').trim_end_matches('>');
    match uui {
        None => format!("<{target}>"),
        Some(uui) => {
            let joint = if target.contains('?') { '&' } else { '?' };
            format!("<{target}{joint}User-to-User={}>", escape(uui))
        }
    }
}

/// Everything but unreserved characters as %XX: safe in every place of a URI.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Takes %XX back; what is no valid escape stays as it is.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (bytes[i], digit(i + 1).zip(digit(i + 2)).map(|(high, low)| high << 4 | low)) {
            (b'%', Some(byte)) => {
                out.push(byte);
                i += 3;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Comma-separated tokens of a header value.
pub(crate) fn tokens(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|t| !t.is_empty())
}

/// Whether an answer may carry SDP: there is no Accept header, or one names it (RFC 3261 §20.1; an empty one takes nothing).
pub(crate) fn accepts_sdp<'a>(accept: impl IntoIterator<Item = &'a str>) -> bool {
    let mut said = false;
    for value in accept {
        said = true;
        if tokens(value).any(|t| matches!(media_type(t).as_str(), "application/sdp" | "application/*" | "*/*")) {
            return true;
        }
    }
    !said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sdp_is_sent_to_those_who_take_it() {
        for (accept, expected) in [
            (&[][..], true),
            (&["application/sdp;level=1, application/x-private, text/html"][..], true),
            (&["text/plain", "Application/SDP"][..], true),
            (&["*/*;q=0.1"][..], true),
            (&["text/nobodyKnowsThis"][..], false),
            (&[""][..], false),
        ] {
            assert_eq!(accepts_sdp(accept.iter().copied()), expected, "{accept:?}");
        }
    }

    #[test]
    fn sipfrag_tells_its_status() {
        assert_eq!(sipfrag_status(b"SIP/2.0 486 Busy Here\r\nTo: x\r\n"), Some(486));
        assert_eq!(sipfrag_status(b"\r\nSIP/2.0 200"), Some(200));
        for bad in [&b""[..], b"HTTP/1.1 200 OK", b"SIP/2.0", b"SIP/2.0 abc", b"SIP/2.0 99999", b"SIP/2.0 42", &[0xff, 0xfe]] {
            assert_eq!(sipfrag_status(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn keys_in_info() {
        let digit = |t: &str, b: &[u8]| info_digit(t, b).map(Digit::as_char);
        assert_eq!(digit("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(digit("Application/DTMF-Relay; x=y", b"Duration=1\r\nsignal = 11"), Some('#'));
        assert_eq!(digit("application/dtmf", b"*\r\n"), Some('*'));
        assert_eq!(digit("application/dtmf", b"16"), None);
        assert_eq!(digit("text/plain", b"5"), None);
        assert_eq!(digit("application/dtmf-relay", b""), None);
    }

    #[test]
    fn descriptions_alone_and_in_parts() {
        assert_eq!(description(Some("application/sdp"), b""), Described::Nothing);
        assert_eq!(description(None, b"v=0\r\n"), Described::Sdp("v=0\r\n".into()));
        assert_eq!(description(Some("text/plain"), b"hi"), Described::Other);
        let body = b"--b1\r\nContent-Type: application/ISUP\r\n\r\nxx\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=-\r\n--b1--";
        assert_eq!(description(Some("multipart/mixed;boundary=\"b1\""), body), Described::Sdp("v=0\r\no=-\r\n".into()));
        assert_eq!(description(Some("multipart/mixed"), body), Described::Other);
    }

    #[test]
    fn escaped_headers_round_trip() {
        let uui = "0123abcd;encoding=hex";
        assert_eq!(refer_to("sip:a@b", None), "<sip:a@b>");
        assert_eq!(refer_to("sip:a@b", Some(uui)), "<sip:a@b?User-to-User=0123abcd%3Bencoding%3Dhex>");
        assert_eq!(refer_to("<sip:a@b?X=1>", Some("y")), "<sip:a@b?X=1&User-to-User=y>");
        assert_eq!(unescape(&escape("ü %;=")), "ü %;=");
        for same in ["100%", "%+5", "%-1", "%4", "%g0", "%ü"] {
            assert_eq!(unescape(same), same);
        }
    }
}
