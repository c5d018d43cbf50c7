//! Where an agent's phone may send a caller, pure: to the flow's named targets, and to colleagues (names and extensions) on the
//! agent's own host. Nothing else is ever dialled on somebody's request.

use crate::flow::Flow;

/// Longest number that is taken for an extension of a PBX.
const EXTENSION_DIGITS: usize = 5;

/// Whether the agent who answered at `agent` may have a caller sent to the SIP URI `to`.
pub(super) fn may_dial(to: &str, flow: &Flow, agent: &str) -> bool {
    let Some(to) = Place::read(to) else { return false };
    let colleague = Place::read(agent).is_some_and(|agent| agent.host == to.host) && is_extension(&to.user);
    colleague || flow.targets.values().filter_map(|target| Place::read(&target.sip)).any(|target| target == to)
}

/// A name, or a number too short to lead out of a PBX. What begins with `0` or `+`, or has more digits in a row than an
/// extension, may be a call to anywhere at our cost, whatever host it stands before; and so may what is written in other ways
/// (escapes, passwords, parameters), because somebody reads it otherwise than we do.
fn is_extension(user: &str) -> bool {
    let plain = user.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let longest = user.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let begins = user.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || (b'1'..=b'9').contains(&b));
    let number = user.bytes().all(|b| b.is_ascii_digit());
    plain && begins && longest <= EXTENSION_DIGITS && (number || user.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// User, host and port of a `sip:` URI that may be called.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    user: String,
    host: String,
    port: Option<u16>,
}

impl Place {
    /// `None` for other schemes, other methods than INVITE, and what cannot be read.
    fn read(uri: &str) -> Option<Place> {
        let rest = uri.strip_prefix("sip:")?;
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        // Headers become part of the request: a Route, for one, would lead it elsewhere than the host says.
        let harmless = |header: &str| {
            let name = header.split('=').next().unwrap_or(header);
            ["replaces", "user-to-user", "require"].iter().any(|known| name.eq_ignore_ascii_case(known))
        };
        if !headers.is_empty() && !headers.split('&').all(harmless) {
            return None;
        }
        let (address, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        let other_method = parameters.split(';').any(|p| {
            p.split_once('=').is_some_and(|(n, v)| n.eq_ignore_ascii_case("method") && !v.eq_ignore_ascii_case("INVITE"))
        });
        // It overrides the host (RFC 3261 §19.1.1).
        let elsewhere = parameters.split(';').any(|p| p.split('=').next().unwrap_or(p).trim().eq_ignore_ascii_case("maddr"));
        let (user, host) = address.rsplit_once('@').unwrap_or(("", address));
        // The port is what follows the last colon outside of brackets.
        let (host, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, Some(port.parse().ok()?)),
            _ => (host, None),
        };
        let fine = !host.is_empty()
            && !other_method
            && !elsewhere
            && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
        fine.then(|| Place { user: user.to_string(), host: host.to_ascii_lowercase(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_strictly() {
        let read = |uri| Place::read(uri).map(|p| format!("{}|{}|{:?}", p.user, p.host, p.port));
        assert_eq!(
            read("sip:anna@Desk.example:5062;transport=tcp?Replaces=x").as_deref(),
            Some("anna|desk.example|Some(5062)")
        );
        assert_eq!(read("sip:[::1]:5060").as_deref(), Some("|[::1]|Some(5060)"));
        assert_eq!(read("sip:a@[2001:db8::1]").as_deref(), Some("a|[2001:db8::1]|None"));
        for no in ["tel:+49900123", "sips:a@b", "sip:", "sip:a@", "sip:a@b:x", "sip:a@b c", "sip:a@b;method=BYE", "sip:a@b%20c"]
        {
            assert_eq!(read(no), None, "{no}");
        }
    }

    #[test]
    fn only_named_targets_and_the_agents_own_host() {
        let text = include_str!("../../flows/parcel.yaml");
        let env = std::collections::BTreeMap::from([
            ("AGENT_SIP".to_string(), "sip:agent@pbx.example:5220".to_string()),
            ("PARCEL_API".to_string(), "http://127.0.0.1:1".to_string()),
        ]);
        let flow = Flow::load(text, "parcel.yaml", &env).expect("a good flow").flow;
        let agent = "sip:anna@desk.example";
        assert!(may_dial("sip:bob@desk.example:5070?Replaces=x", &flow, agent));
        assert!(may_dial("sip:agent@pbx.example:5220", &flow, agent));
        assert!(!may_dial("sip:other@pbx.example:5220", &flow, agent));
        assert!(!may_dial("sip:bob@elsewhere.example", &flow, agent));
        assert!(may_dial("sip:2041@desk.example", &flow, agent));
        for out in [
            "0900123456",
            "+49900123456",
            "00441632960000",
            "1632960000",
            "0",
            "*21*0900123#",
            "%2B49900",
            "+49900123456:a",
            "00900123456a",
            "a00900123456",
            "1-900-123",
        ] {
            let uri = format!("sip:{out}@desk.example");
            assert!(!may_dial(&uri, &flow, agent), "{uri}");
        }
        assert!(!may_dial("tel:+49900123456", &flow, agent));
        for elsewhere in
            [";maddr=evil.example", ";MADDR=192.0.2.1", "?Route=%3Csip:evil.example%3E", "?Replaces=x&From=%3Csip:b%3E"]
        {
            for named in ["sip:agent@pbx.example:5220", "sip:bob@desk.example"] {
                assert!(!may_dial(&format!("{named}{elsewhere}"), &flow, agent), "{named}{elsewhere}");
            }
        }
    }
}
