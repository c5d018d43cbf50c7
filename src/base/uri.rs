//! A SIP URI cut into its parts (RFC 3261 §19.1). What a part may hold is for whoever reads it to say.

use std::net::IpAddr;

/// `sip:user@host:port;params?headers`, as it is written: nothing is unescaped, no letter changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SipUri<'a> {
    /// `sips:`, which means TLS all the way.
    pub secure: bool,
    /// The user part with its parameters and password; empty = there is none.
    pub user: &'a str,
    /// Name or address, never empty; IPv6 without brackets.
    pub host: &'a str,
    /// The port, where one is written.
    pub port: Option<u16>,
    /// What follows the first `;` behind the host.
    pub params: &'a str,
    /// What follows the `?` behind the host.
    pub headers: &'a str,
}

impl<'a> SipUri<'a> {
    /// Reads a `sip:` or `sips:` URI; `None` for other schemes and what cannot be read in one way only.
    pub fn parse(text: &'a str) -> Option<SipUri<'a>> {
        let (scheme, rest) = text.trim().split_once(':')?;
        let secure = scheme.eq_ignore_ascii_case("sips");
        (secure || scheme.eq_ignore_ascii_case("sip")).then_some(())?;
        // A user part may hold `;` and `?`, so it comes first; but no `[`, which begins an address.
        let (user, rest) = rest.split_once('@').filter(|(user, _)| !user.contains('[')).unwrap_or(("", rest));
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        let (place, params) = rest.split_once(';').unwrap_or((rest, ""));
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        let port = port.map(str::parse).transpose().ok()?;
        (!host.is_empty() && host.chars().all(fine)).then_some(SipUri { secure, user, host, port, params, headers })
    }

    /// The host, if it is an address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The port, or the one that the transport usually has.
    pub fn port_or_usual(&self) -> u16 {
        let tls = self.secure || self.param("transport").is_some_and(|t| t.eq_ignore_ascii_case("tls"));
        self.port.unwrap_or(if tls { 5061 } else { 5060 })
    }

    /// The value of a parameter behind the host; empty for one without a value.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        self.params.split(';').find_map(|p| {
            let (n, value) = p.split_once('=').unwrap_or((p, ""));
            n.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_and_their_parts() {
        let read = SipUri::parse("SIPS:+49;npdi;rn=x?y:pw@Desk.example:5062;transport=TLS;lr?Replaces=a&X=b@c").expect("a URI");
        assert_eq!((read.secure, read.user, read.host, read.port), (true, "+49;npdi;rn=x?y:pw", "Desk.example", Some(5062)));
        assert_eq!((read.param("Transport"), read.param("lr"), read.param("rn")), (Some("TLS"), Some(""), None));
        assert_eq!(read.headers, "Replaces=a&X=b@c");
        let place = |uri| SipUri::parse(uri).map(|u| (u.ip().map(|ip| ip.to_string()), u.port_or_usual()));
        assert_eq!(place("sip:[2001:db8::1]"), Some((Some("2001:db8::1".into()), 5060)));
        assert_eq!(place("sips:[2001:db8::1]?X=y@z"), Some((Some("2001:db8::1".into()), 5061)));
        assert_eq!(place("sip:a@192.0.2.7;transport=tls"), Some((Some("192.0.2.7".into()), 5061)));
        assert_eq!(place("sip:a@pbx.example:5080"), Some((None, 5080)));
        let broken =
            ["", "sip:", "sip:a@", "tel:+49", "a@b", "sip:a@b@c", "sip:a@b:x", "sip:a@b:", "sip:a@[b]", "sip:a@[::1]x"];
        for uri in broken.into_iter().chain(["sip:a@b c", "sip:a@b%20c", "sip:a@b:70000", "sip:@", "sip:a@[::1"]) {
            assert_eq!(SipUri::parse(uri), None, "{uri}");
        }
    }

    proptest::proptest! {
        /// Whatever stands there: no panic, and the parts are parts of it.
        #[test]
        fn any_text_is_survived(uri in "(sips?:)?[a-z0-9;?@:=.\\[\\]%&]{0,40}|.{0,40}") {
            if let Some(read) = SipUri::parse(&uri) {
                proptest::prop_assert!(uri.contains(read.user) && uri.contains(read.host) && !read.host.contains('@'));
            }
        }
    }
}
