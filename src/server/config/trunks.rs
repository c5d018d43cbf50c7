//! `[[trunk]]`: the lines to carriers and PBXs, from the file to [`Trunk`]s.

use super::reader::Section;
use super::{Secret, values};
use crate::base::{Network, Pii};
use crate::sip::trunk::{CallerId, Caps, DialledIn, Login, Proxy, Trunk, TrunkAuth, TrunkTransport, country_known};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Most trunks; each has a task and a place in every metric.
const TRUNKS_MAX: usize = 64;

/// How trunks stand to the rest of the configuration.
pub(super) struct Beside<'a> {
    /// `[[account]]`.
    pub(super) accounts: &'a BTreeMap<String, Secret>,
    /// `[sip] unknown` is `"challenge"`.
    pub(super) challenges: bool,
    /// `[sip] tls_ca` names whose certificates are believed.
    pub(super) believes: bool,
}

pub(super) fn read_trunks(top: &mut Section<'_>, beside: &Beside<'_>) -> Vec<Trunk> {
    let mut trunks: Vec<Trunk> = Vec::new();
    for mut s in top.tables("trunk") {
        let trunk = read_trunk(&mut s);
        if let Some(trunk) = trunk {
            check(&s, &trunk, beside);
            if trunks.iter().any(|t| t.name == trunk.name) {
                s.error("name", &format!("there are two trunks {:?}", trunk.name), "Give one of them another name");
            }
            if trunks.len() == TRUNKS_MAX {
                s.error("name", &format!("there are more than {TRUNKS_MAX} trunks"), "Put a SIP proxy in front of them");
            }
            trunks.push(trunk);
        }
        s.finish();
    }
    trunks
}

/// Every key is read before anything is given up, so that all of them are known and all mistakes told.
fn read_trunk(s: &mut Section<'_>) -> Option<Trunk> {
    let name = s.required("name", "name = \"carrier\"", values::trunk_name);
    let place = s.required("proxy", "proxy = \"sip.carrier.example\"", values::sip_host);
    let transport = s.get("transport", TrunkTransport::Udp, values::transport);
    let user = s.get("user", None, values::some(values::header_text));
    let auth_user = s.get("auth_user", user.clone(), values::some(values::header_text));
    let password = s.get("password", None, values::some(values::secret));
    let register = s.get("register", false, values::yes_or_no);
    let register_seconds = s.get("register_seconds", Duration::from_secs(3_600), values::seconds(60..=86_400));
    let registrar = s.get("registrar", None, values::some(values::sip_host));
    let from: Vec<Network> = s.get("from", Vec::new(), values::list(values::network));
    let trusted = s.get("trusted", false, values::yes_or_no);
    let auth = s.get("auth", TrunkAuth::Address, values::trunk_auth);
    let account = s.get("account", None, values::some(values::header_text));
    let options = s.get("options_seconds", Duration::from_secs(30), values::seconds(0..=3_600));
    let options_misses = s.get("options_misses", 3, values::whole(1..=20));
    let keepalive = s.get("keepalive_seconds", Duration::ZERO, values::seconds(0..=3_600));
    let calls_max = s.get("calls_max", None, values::some(values::whole(1..=10_000)));
    let calls_per_second = s.get("calls_per_second", None, values::some(values::whole(1..=1_000)));
    let caller_id = s.get("caller_id", CallerId::Pass, values::caller_id);
    let numbers_in = s.get("numbers_in", Vec::new(), values::list(values::prefix_rule));
    let numbers_out = s.get("numbers_out", Vec::new(), values::list(values::prefix_rule));
    let numbers = s.get("numbers", Vec::new(), values::list(values::one_number));
    let dialled_in = s.get("dialled_in", DialledIn::Request, values::dialled_in);
    let srtp = s.get("srtp", None, values::some(values::srtp));
    let country = s.get("country", None, values::some(values::country));
    let allow = s.get("allow", Vec::new(), values::list(values::number_pattern));
    let caps = Caps {
        per_caller: s.get("out_per_caller_and_day", Some(3), values::some(values::whole(0..=1_000_000))),
        per_hour: s.get("out_per_hour", Some(100), values::some(values::whole(0..=1_000_000))),
        per_day: s.get("out_per_day", Some(500), values::some(values::whole(0..=1_000_000))),
    };
    if register && (user.is_none() || password.is_none()) {
        let what = "register = true, but there is no user or no password to register with";
        s.error("register", what, "Write user = \"…\" and password = \"env:CARRIER_PASSWORD\", or register = false");
    }
    if password.is_some() && user.is_none() {
        s.error("password", "there is a password, but no user", "Write user = \"…\", the name that the carrier gave you");
    }
    let login = user.zip(password).map(|(user, password)| Login {
        auth_user: auth_user.unwrap_or_else(|| user.clone()),
        user,
        password: Pii::new(password.reveal().clone()),
    });
    let (name, (host, port)) = (name?, place?);
    Some(Trunk {
        name,
        registrar: registrar.map_or_else(|| host.clone(), |(host, _)| host),
        proxy: Proxy { host, port, transport },
        login,
        register: register.then_some(register_seconds),
        from,
        trusted,
        auth,
        account,
        options: Some(options).filter(|every| !every.is_zero()),
        options_misses,
        keepalive: Some(keepalive).filter(|every| !every.is_zero()),
        calls_max,
        calls_per_second,
        caller_id,
        numbers_in,
        numbers_out,
        numbers,
        dialled_in,
        srtp,
        allow,
        country,
        caps,
    })
}

/// What fits together badly.
fn check(s: &Section<'_>, trunk: &Trunk, beside: &Beside<'_>) {
    match (&trunk.account, trunk.auth) {
        (None, TrunkAuth::Digest) => {
            s.error("auth", "auth = \"digest\", but no account is named", "Write account = \"…\", the name of an [[account]]");
        }
        (Some(name), _) if !beside.accounts.contains_key(name) => {
            let remedy = "Add [[account]] with this name and a password, or correct it";
            s.error("account", &format!("there is no account {name:?}"), remedy);
        }
        (Some(_), TrunkAuth::Address) => {
            s.warning("account", "an account is named, but nobody is asked for its password", "Write auth = \"digest\"");
        }
        _ => {}
    }
    if trunk.auth == TrunkAuth::Digest
        && trunk.from.is_empty()
        && trunk.proxy.host.parse::<IpAddr>().is_err()
        && !beside.challenges
    {
        let what = "calls by this trunk may come from anywhere, but [sip] unknown lets nobody unknown show a password";
        s.warning("auth", what, "Write from = [\"203.0.113.0/24\"] here, or unknown = \"challenge\" in [sip]");
    }
    if trunk.proxy.transport == TrunkTransport::Tls && !beside.believes {
        let what = "transport = \"tls\", but no authority's certificate is believed here";
        s.error(
            "transport",
            what,
            "Write tls_ca = \"/etc/ssl/certs/ca-certificates.crt\" in [sip], or your carrier's own authority",
        );
    }
    if trunk.trusted && trunk.from.is_empty() {
        let what = "trusted = true, but there are no addresses in from: its proxy's address alone is trusted";
        s.warning("trusted", what, "Write the addresses that its calls come from: from = [\"203.0.113.0/24\"]");
    }
    if let Some(country) = trunk.country.as_deref().filter(|country| trunk.allow.is_empty() && !country_known(country)) {
        let what = format!("the premium numbers of +{country} are not known here, so nothing could be allowed by default");
        s.error("country", &what, "Write allow = [\"+99123*\"] with the numbers that may be dialled");
    }
}
