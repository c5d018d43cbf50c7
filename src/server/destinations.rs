//! Where an agent's phone may send a caller, pure: to the flow's named targets, and to colleagues (names and extensions) on the
//! agent's own host. Nothing else is ever dialled on somebody's request.

use crate::base::SipUri;
use crate::flow::Flow;

/// Longest number that is taken for an extension of a PBX.
const EXTENSION_DIGITS: usize = 5;

/// An agent who answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agent<'a> {
    /// The URI that was dialled.
    pub(super) address: &'a str,
    /// It leads through a trunk.
    pub(super) by_trunk: bool,
}

impl Agent<'_> {
    /// Whether this place is one beside the agent's own. Who was reached by a number of the world is in no house of ours: the far
    /// end is a carrier's, where short numbers, too, may cost money.
    fn has_beside(self, to: &Place) -> bool {
        let Some(own) = Place::read(self.address) else { return false };
        own.host == to.host && (!self.by_trunk || is_extension(&own.user)) && is_extension(&to.user)
    }
}

/// Whether an agent may have a caller sent to the SIP URI `to`.
pub(super) fn may_dial(to: &str, flow: &Flow, agent: Agent) -> bool {
    let Some(to) = Place::read(to) else { return false };
    agent.has_beside(&to) || flow.targets.values().filter_map(|target| Place::read(&target.sip)).any(|target| target == to)
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

/// Scheme, user, host and port of a `sip:` or `sips:` URI that may be called.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    secure: bool,
    user: String,
    host: String,
    port: Option<u16>,
}

impl Place {
    /// `None` for other schemes, other methods than INVITE, users who are written in more than one way, and what cannot be read.
    fn read(uri: &str) -> Option<Place> {
        let uri = SipUri::parse(uri)?;
        // Headers become part of the request: a Route, for one, would lead it elsewhere than the host says.
        let harmless = |header: &str| {
            let name = header.split('=').next().unwrap_or(header);
            ["replaces", "user-to-user", "require"].iter().any(|known| name.eq_ignore_ascii_case(known))
        };
        let other_method = uri.param("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE"));
        // It overrides the host (RFC 3261 §19.1.1).
        let elsewhere = uri.param("maddr").is_some();
        let plain = !uri.user.contains([';', '?', ':', '@']);
        let fine = plain && !other_method && !elsewhere && (uri.headers.is_empty() || uri.headers.split('&').all(harmless));
        let (user, host) = (uri.user.to_string(), uri.host.to_ascii_lowercase());
        fine.then_some(Place { secure: uri.secure, user, host, port: uri.port })
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
        assert_eq!(read("sip:[::1]:5060").as_deref(), Some("|::1|Some(5060)"));
        assert_eq!(read("sips:a@[2001:db8::1]").as_deref(), Some("a|2001:db8::1|None"));
        for no in [
            "tel:+49900123",
            "trunk:200@pbx",
            "sip:",
            "sip:a@",
            "sip:a@b:x",
            "sip:a@b c",
            "sip:a@b;method=BYE",
            "sip:a@b%20c",
            "sip:a;x=y@b",
            "sip:a?x@b",
            "sip:a:secret@b",
            "sip:a@b@c",
        ] {
            assert_eq!(read(no), None, "{no}");
        }
    }

    #[test]
    fn only_named_targets_and_the_agents_own_host() {
        let flow = flow();
        let agent = Agent { address: "sip:anna@desk.example", by_trunk: false };
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
        assert!(may_dial("sip:bob@desk.example", &flow, Agent { address: "sips:anna@desk.example", ..agent }));
        assert!(!may_dial("sips:agent@pbx.example:5220", &flow, agent), "another address than the flow's");
    }

    #[test]
    fn agents_behind_a_trunk_have_colleagues_where_they_have_an_extension() {
        let flow = flow();
        let agent = |address| Agent { address, by_trunk: true };
        let inside = agent("sip:2040@pbx.example:5080;transport=tls");
        assert!(may_dial("sip:2041@pbx.example", &flow, inside) && may_dial("sips:bob@PBX.example?Replaces=x", &flow, inside));
        assert!(
            !may_dial("sip:0900123456@pbx.example", &flow, inside) && !may_dial("sip:2041@elsewhere.example", &flow, inside)
        );
        let outside = agent("sip:+49301234567@carrier.example");
        assert!(!may_dial("sip:11833@carrier.example", &flow, outside), "the carrier's own short numbers");
        assert!(may_dial("sip:agent@pbx.example:5220", &flow, outside), "what the flow names");
    }

    fn flow() -> std::sync::Arc<Flow> {
        let text = include_str!("../../flows/parcel.yaml");
        let env = std::collections::BTreeMap::from([
            ("AGENT_SIP".to_string(), "sip:agent@pbx.example:5220".to_string()),
            ("PARCEL_API".to_string(), "http://127.0.0.1:1".to_string()),
        ]);
        Flow::load(text, "parcel.yaml", &env).expect("a good flow").flow
    }
}
