//! Trunks: the lines between us and carriers or PBXs. All policy, no IO: time, random numbers and messages' values come as
//! arguments.
//!
//! * here: what a trunk is ([`Trunk`]), as the configuration writes it.
//! * `registration`: when to REGISTER, with which expiry, and what to do when that fails.
//! * `health`: up or down, by the answers to OPTIONS.
//! * `board`: which trunk a call comes in by or goes out by, and whether it may (state, limits).
//! * `tally`: calls to numbers that no flow names, counted.
//! * `numbers`: prefix rules, caller identity, patterns of numbers.
//!
//! `sip::shell::trunks` sends the messages.

pub(crate) mod board;
pub(crate) mod health;
pub(crate) mod numbers;
pub(crate) mod registration;
pub(crate) mod tally;

pub use board::{Board, Direction, NoTrunk, Permit, TrunkState};
pub use numbers::{CallerId, NumberPattern, PrefixRule, country_known, is_number, numbers_out};

use super::sdp::Srtp;
use crate::base::{Network, Pii};
use std::fmt;
use std::time::Duration;

/// One line to a carrier or PBX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// What flows and logs call it.
    pub name: String,
    /// Where requests for it go.
    pub proxy: Proxy,
    /// Name and password for its challenges (401, 407); `None` = it asks for none.
    pub login: Option<Login>,
    /// The expiry that we ask for; `None` = we do not register there.
    pub register: Option<Duration>,
    /// The domain of our address there (`sip:user@registrar`).
    pub registrar: String,
    /// Its own sources: calls from there come by this trunk.
    pub from: Vec<Network>,
    /// Its P-Asserted-Identity is believed and it is free of the rate per source.
    pub trusted: bool,
    /// How calls by this trunk show that they do.
    pub auth: TrunkAuth,
    /// The account (of those in the configuration) with which it answers our challenges.
    pub account: Option<String>,
    /// How often OPTIONS is sent; `None` = never, and the trunk counts as up.
    pub options: Option<Duration>,
    /// So many OPTIONS in a row without a good answer make it down.
    pub options_misses: u32,
    /// How often a keep-alive (CRLF CRLF, RFC 5626 §3.5.1) is sent; `None` = never.
    pub keepalive: Option<Duration>,
    /// Calls at one time, in and out together; `None` = no limit of its own.
    pub calls_max: Option<u32>,
    /// New calls a second, in and out together; `None` = no limit of its own.
    pub calls_per_second: Option<u32>,
    /// Whom our calls by this trunk say that they come from.
    pub caller_id: CallerId,
    /// Prefix rules for numbers that come in (caller's and dialled): the first that fits.
    pub numbers_in: Vec<PrefixRule>,
    /// Prefix rules for numbers that go out (dialled, and the caller's; those with an empty left side for dialled ones alone).
    pub numbers_out: Vec<PrefixRule>,
    /// Dialled numbers that this trunk may bring (after `numbers_in`); empty = every one.
    pub numbers: Vec<String>,
    /// Where it writes the number that was dialled.
    pub dialled_in: DialledIn,
    /// Encrypted audio on calls by this trunk; `None` = as elsewhere.
    pub srtp: Option<Srtp>,
    /// What may be dialled out by number that no flow names.
    pub allow: Vec<NumberPattern>,
    /// The country code whose national numbers are allowed where `allow` is empty; `None` = none are.
    pub country: Option<String>,
    /// Calls to numbers that no flow names.
    pub caps: Caps,
}

impl Trunk {
    /// A trunk with nothing special about it: no password, no registration, no health check, no limits, and nothing may be
    /// dialled by it that no flow names.
    pub fn new(name: &str, proxy: Proxy) -> Trunk {
        Trunk {
            name: name.into(),
            registrar: proxy.host.clone(),
            proxy,
            login: None,
            register: None,
            from: Vec::new(),
            trusted: false,
            auth: TrunkAuth::Address,
            account: None,
            options: None,
            options_misses: 3,
            keepalive: None,
            calls_max: None,
            calls_per_second: None,
            caller_id: CallerId::Pass,
            numbers_in: Vec::new(),
            numbers_out: Vec::new(),
            numbers: Vec::new(),
            dialled_in: DialledIn::Request,
            srtp: None,
            allow: Vec::new(),
            country: None,
            caps: Caps::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn plain(name: &str) -> Trunk {
        Trunk::new(name, Proxy { host: format!("{name}.example"), port: None, transport: TrunkTransport::Udp })
    }
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Name or address; IPv6 without brackets.
    pub host: String,
    /// Port; `None` = the transport's own (5060, 5061).
    pub port: Option<u16>,
    /// Over which transport.
    pub transport: TrunkTransport,
}

/// Transport of a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TrunkTransport {
    /// UDP.
    #[default]
    Udp,
    /// TCP.
    Tcp,
    /// TLS.
    Tls,
}

impl TrunkTransport {
    /// As in a URI's transport parameter.
    pub fn name(self) -> &'static str {
        match self {
            TrunkTransport::Udp => "udp",
            TrunkTransport::Tcp => "tcp",
            TrunkTransport::Tls => "tls",
        }
    }
}

impl Proxy {
    /// The URI of a user at this place (of the place itself when `user` is empty). Characters that a user part cannot hold
    /// are escaped.
    pub fn uri(&self, user: &str) -> String {
        let user: String = if user.is_empty() { String::new() } else { format!("{}@", user_part(user)) };
        let transport = match self.transport {
            TrunkTransport::Udp => String::new(),
            other => format!(";transport={}", other.name()),
        };
        format!("sip:{user}{self}{transport}")
    }
}

/// Host and port as they stand in a URI.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&host_in_uri(&self.host))?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// IPv6 addresses stand in brackets.
pub(crate) fn host_in_uri(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_string() }
}

/// The user part of a URI (RFC 3261 §25.1: unreserved and user-unreserved characters as they are, but for `;` and `?`, which
/// many take for the end of the address).
pub(crate) fn user_part(user: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,/".contains(&b);
    user.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Name and password at a trunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user part of our address there.
    pub user: String,
    /// The name in digests; often the same.
    pub auth_user: String,
    /// The password.
    pub password: Pii<String>,
}

/// How calls by a trunk show that they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrunkAuth {
    /// By where they come from.
    #[default]
    Address,
    /// By the password of the trunk's account, whatever they come from.
    Digest,
}

/// Where a trunk writes the number that was dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DialledIn {
    /// In the Request-URI.
    #[default]
    Request,
    /// In To, because the Request-URI is our registered Contact.
    To,
    /// In P-Called-Party-ID (RFC 7315 §4.2).
    PCalledPartyId,
}

/// How many calls there may be to numbers that no flow names, to bound what a thief can run up. `None` = no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// For one caller within a day.
    pub per_caller: Option<u32>,
    /// In an hour.
    pub per_hour: Option<u32>,
    /// In a day.
    pub per_day: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_at_a_trunk() {
        let mut proxy = Proxy { host: "sip.example".into(), port: None, transport: TrunkTransport::Udp };
        assert_eq!(proxy.uri("+4930123"), "sip:+4930123@sip.example");
        proxy = Proxy { host: "2001:db8::1".into(), port: Some(5070), transport: TrunkTransport::Tcp };
        assert_eq!(proxy.uri("a@b>c"), "sip:a%40b%3Ec@[2001:db8::1]:5070;transport=tcp");
        assert_eq!(user_part("+49;a=b?#%"), "+49%3Ba=b%3F%23%25");
        assert_eq!(proxy.uri(""), "sip:[2001:db8::1]:5070;transport=tcp");
    }

    #[test]
    fn passwords_do_not_show() {
        let login = Login { user: "u".into(), auth_user: "u".into(), password: Pii::new("very secret".into()) };
        let trunk = Trunk { login: Some(login), ..Trunk::plain("a") };
        assert!(!format!("{trunk:?}").contains("very secret"));
    }
}
