//! Replaces (RFC 3891), pure: which dialog a new call takes the place of, in a header and inside a Refer-To.

use super::bodies;
use std::fmt;

/// The option tag.
pub(crate) const TAG: &str = "replaces";

/// A dialog as its far end's phone would name it to us, or we to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replaces {
    pub(crate) call_id: String,
    /// The tag of the one who is asked to replace.
    pub(crate) to_tag: String,
    /// The tag of the one who leaves.
    pub(crate) from_tag: String,
    /// Only if the call is not answered yet.
    pub(crate) early_only: bool,
}

impl Replaces {
    /// Reads a header value; `None` = broken (400).
    pub(crate) fn parse(value: &str) -> Option<Replaces> {
        let call_id = value.split(';').next()?.trim();
        let tag = |name| bodies::parameter(value, name).filter(|tag: &String| !tag.is_empty());
        (!call_id.is_empty()).then_some(())?;
        Some(Replaces {
            call_id: call_id.to_string(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: value.split(';').any(|p| p.trim().eq_ignore_ascii_case("early-only")),
        })
    }

    /// A Refer-To that asks for a call in place of this one (RFC 3891 §2).
    pub(crate) fn refer_to(&self, target: &str) -> String {
        let target = target.split('?').next().unwrap_or(target);
        format!("<{target}?Replaces={}>", bodies::escape(&self.to_string()))
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

/// The URI in a Refer-To: `"Anna" <sip:a@b?Replaces=x>;p=1` → `sip:a@b?Replaces=x`.
pub(crate) fn uri_of(value: &str) -> Option<&str> {
    let uri = match value.split_once('<') {
        Some((_, rest)) => rest.split_once('>')?.0,
        None => value,
    };
    Some(uri.trim()).filter(|uri| !uri.is_empty() && !uri.contains(|c: char| c.is_whitespace() || c.is_control()))
}

/// The Replaces header that stands escaped in a URI (RFC 3261 §19.1.1), unescaped.
pub(crate) fn in_uri(uri: &str) -> Option<String> {
    let (_, headers) = uri.split_once('?')?;
    headers.split('&').find_map(|header| {
        let (name, value) = header.split_once('=')?;
        name.eq_ignore_ascii_case("Replaces").then(|| bodies::unescape(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_the_rfc() {
        let read = Replaces::parse("98732@sip.example.com ;from-tag=r33th4x0r; to-tag=ff87ff;early-only").expect("good");
        assert_eq!(
            (read.call_id.as_str(), read.to_tag.as_str(), read.from_tag.as_str()),
            ("98732@sip.example.com", "ff87ff", "r33th4x0r")
        );
        assert!(read.early_only);
        assert_eq!(read.to_string(), "98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r;early-only");
        for broken in ["", ";to-tag=a;from-tag=b", "x;to-tag=a", "x;from-tag=b;to-tag="] {
            assert_eq!(Replaces::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn inside_a_refer_to_and_back() {
        let ours = Replaces { call_id: "a;b@c".into(), to_tag: "1".into(), from_tag: "2".into(), early_only: false };
        let value = ours.refer_to("sip:anna@desk:5062;transport=tcp?X=1");
        assert_eq!(value, "<sip:anna@desk:5062;transport=tcp?Replaces=a%3Bb%40c%3Bto-tag%3D1%3Bfrom-tag%3D2>");
        let uri = uri_of(&value).expect("a URI");
        assert_eq!(in_uri(uri), Some("a;b@c;to-tag=1;from-tag=2".into()));
        assert_eq!(uri_of("\"Anna\" <sip:a@b;p?H=1>;q=2"), Some("sip:a@b;p?H=1"));
        assert_eq!(uri_of(" sip:a@b "), Some("sip:a@b"));
        assert_eq!(in_uri("sip:a@b?X=1&replaces=y%3Bz"), Some("y;z".into()));
        for broken in ["", "<sip:a", "sip:a b", "<>"] {
            assert_eq!(uri_of(broken), None, "{broken}");
        }
        assert_eq!(in_uri("sip:a@b"), None);
    }
}
