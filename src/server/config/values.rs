//! What single values may look like, and what to write when they do not.

use super::reader::{bare, kind};
use super::{Blocked, Surroundings};
use crate::base::{Codec, Network, Pii};
use crate::sip::trunk::{CallerId, DialledIn, NumberPattern, PrefixRule, TrunkAuth, TrunkTransport, is_number};
use crate::sip::{Algorithm, Reliable, Srtp, Unknown};
use crate::store::DatabaseUrl;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeValue;

/// A text that logs must not show: written out, or taken from `env:NAME` or `file:PATH`.
pub type Secret = Pii<String>;

/// A value with what is needed to understand it.
pub(super) struct Input<'a> {
    pub(super) value: &'a DeValue<'a>,
    pub(super) around: &'a Surroundings<'a>,
    /// The folder of the configuration file.
    pub(super) folder: &'a Path,
}

/// What is wrong with a value, and what to write.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) remedy: String,
}

pub(super) fn wrong<T>(message: impl Into<String>, remedy: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { message: message.into(), remedy: remedy.into() })
}

/// Makes a parser for values that may be absent out of one for values.
pub(super) fn some<T>(parse: impl Fn(&Input<'_>) -> Result<T, Wrong>) -> impl Fn(&Input<'_>) -> Result<Option<T>, Wrong> {
    move |input| parse(input).map(Some)
}

/// Which dialled number an entry serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialled {
    /// Exactly this one.
    Number(String),
    /// Every number without an entry of its own (`"*"`).
    AnyOther,
}

impl fmt::Display for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dialled::Number(number) => f.write_str(number),
            Dialled::AnyOther => f.write_str("*"),
        }
    }
}

/// A host and port that flows may ask.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Name or address, lower case; IPv6 without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

pub(super) fn text<'a>(input: &Input<'a>) -> Result<&'a str, Wrong> {
    match input.value {
        DeValue::String(text) => Ok(text.as_ref()),
        other => wrong(format!("this is {}, a text is needed", kind(other)), "Put it in double quotes"),
    }
}

/// Where to listen; `"off"` = nowhere.
pub(super) fn listen(input: &Input<'_>) -> Result<Option<SocketAddr>, Wrong> {
    match text(input)? {
        "off" => Ok(None),
        address => match address.parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => {
                wrong(format!("{address:?} is no address with port"), "Write \"127.0.0.1:5060\", \"0.0.0.0:5060\" or \"off\"")
            }
        },
    }
}

pub(super) fn ip(input: &Input<'_>) -> Result<IpAddr, Wrong> {
    let address = text(input)?;
    address.parse().or_else(|_| wrong(format!("{address:?} is no IP address"), "Write one such as \"203.0.113.7\""))
}

pub(super) fn network(input: &Input<'_>) -> Result<Network, Wrong> {
    text(input)?.parse().or_else(|e: String| wrong(e, "Write an address or a network such as \"10.1.0.0/16\""))
}

/// What happens to callers that are not known.
pub(super) fn unknown(input: &Input<'_>) -> Result<Unknown, Wrong> {
    match text(input)? {
        "answer" => Ok(Unknown::Answer),
        "challenge" => Ok(Unknown::Challenge),
        "refuse" => Ok(Unknown::Refuse),
        "ignore" => Ok(Unknown::Ignore),
        other => wrong(format!("{other:?} is not known here"), "Write \"refuse\", \"challenge\", \"ignore\" or \"answer\""),
    }
}

pub(super) fn reliable(input: &Input<'_>) -> Result<Reliable, Wrong> {
    match text(input)? {
        "off" => Ok(Reliable::Off),
        "when_required" => Ok(Reliable::WhenRequired),
        "when_supported" => Ok(Reliable::WhenSupported),
        other => wrong(format!("{other:?} is not known here"), "Write \"when_required\", \"when_supported\" or \"off\""),
    }
}

/// The interval of session timers, seconds; 0 = off. RFC 4028 §4 knows nothing below 90 s.
pub(super) fn session_expires(input: &Input<'_>) -> Result<u32, Wrong> {
    match whole(0..=86_400)(input)? {
        seconds @ (0 | 90..) => Ok(seconds),
        seconds => wrong(format!("{seconds} s are too short"), "Write 90 to 86400 seconds, or 0 for no session timers"),
    }
}

/// Hash functions of digest authentication; at least one.
pub(super) fn algorithms(input: &Input<'_>) -> Result<Vec<Algorithm>, Wrong> {
    let one = |input: &Input<'_>| match Algorithm::parse(text(input)?) {
        Some(algorithm) => Ok(algorithm),
        None => wrong("this is no hash function of digest authentication", "Write \"MD5\", \"SHA-256\" or \"SHA-512-256\""),
    };
    match list(one)(input)?.as_slice() {
        [] => wrong("this list is empty", "Write [\"MD5\", \"SHA-256\"]"),
        some => Ok(some.to_vec()),
    }
}

/// Encryption of audio.
pub(super) fn srtp(input: &Input<'_>) -> Result<Srtp, Wrong> {
    word(input, &[("off", Srtp::Off), ("offered", Srtp::Offered), ("required", Srtp::Required)])
}

/// Codecs of audio; at least one, each once.
pub(super) fn codecs(input: &Input<'_>) -> Result<Vec<Codec>, Wrong> {
    let remedy = "Write some of [\"PCMU\", \"PCMA\", \"G722\", \"opus\"], the preferred one first";
    let one = |input: &Input<'_>| {
        let name = text(input)?;
        Codec::from_name(name).map_or_else(|| wrong(format!("{name:?} is no codec that is spoken here"), remedy), Ok)
    };
    let codecs = list(one)(input)?;
    let twice = codecs.iter().enumerate().any(|(i, c)| codecs[..i].contains(c));
    match codecs.is_empty() {
        true => wrong("this list is empty", remedy),
        false if twice => wrong("a codec stands in this list twice", remedy),
        false => Ok(codecs),
    }
}

pub(super) fn whole<T: TryFrom<i64>>(range: RangeInclusive<i64>) -> impl Fn(&Input<'_>) -> Result<T, Wrong> {
    move |input| {
        let remedy = format!("Write a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = input.value else {
            return wrong(format!("this is {}, a whole number is needed", kind(input.value)), remedy);
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|n| range.contains(n));
        match number.and_then(|n| T::try_from(n).ok()) {
            Some(number) => Ok(number),
            None => wrong(format!("{integer} is out of range"), remedy),
        }
    }
}

pub(super) fn seconds(range: RangeInclusive<i64>) -> impl Fn(&Input<'_>) -> Result<Duration, Wrong> {
    move |input| whole::<u64>(range.clone())(input).map(Duration::from_secs)
}

pub(super) fn minutes(range: RangeInclusive<i64>) -> impl Fn(&Input<'_>) -> Result<Duration, Wrong> {
    move |input| whole::<u64>(range.clone())(input).map(|n| Duration::from_secs(n * 60))
}

pub(super) fn millis(range: RangeInclusive<i64>) -> impl Fn(&Input<'_>) -> Result<Duration, Wrong> {
    move |input| whole::<u64>(range.clone())(input).map(Duration::from_millis)
}

/// Days that something is kept; `"forever"` = until somebody deletes it.
pub(super) fn days(input: &Input<'_>) -> Result<Option<u32>, Wrong> {
    if matches!(input.value, DeValue::String(t) if t.as_ref() == "forever") {
        return Ok(None);
    }
    whole(0..=36_500)(input).map(Some).map_err(|w| Wrong { remedy: format!("{}, or \"forever\"", w.remedy), ..w })
}

pub(super) fn yes_or_no(input: &Input<'_>) -> Result<bool, Wrong> {
    match input.value {
        DeValue::Boolean(value) => Ok(*value),
        other => wrong(format!("this is {}", kind(other)), "Write true or false"),
    }
}

/// `"20000-29999"`, or `"any"`.
pub(super) fn ports(input: &Input<'_>) -> Result<Option<RangeInclusive<u16>>, Wrong> {
    let written = text(input)?;
    if written == "any" {
        return Ok(None);
    }
    let ends = written.split_once('-').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    match ends {
        Some((from, to)) if from >= 1_024 && from < to => Ok(Some(from..=to)),
        _ => wrong(
            format!("{written:?} is no range of ports"),
            "Write \"20000-29999\" (ports from 1024 to 65535), or \"any\" for whatever is free",
        ),
    }
}

pub(super) fn list<T>(parse: impl Fn(&Input<'_>) -> Result<T, Wrong>) -> impl Fn(&Input<'_>) -> Result<Vec<T>, Wrong> {
    move |input| match input.value {
        DeValue::Array(items) => {
            items.iter().map(|item| parse(&Input { value: bare(item), around: input.around, folder: input.folder })).collect()
        }
        other => wrong(format!("this is {}, a list is needed", kind(other)), "Write [\"first\", \"second\"]"),
    }
}

pub(super) fn one_of(words: &'static [&'static str]) -> impl Fn(&Input<'_>) -> Result<String, Wrong> {
    move |input| {
        let written = text(input)?;
        if words.contains(&written) {
            Ok(written.to_string())
        } else {
            wrong(format!("{written:?} is none of them"), format!("Write one of: {}", words.join(", ")))
        }
    }
}

/// What may stand in a header of a SIP message.
pub(super) fn header_text(input: &Input<'_>) -> Result<String, Wrong> {
    let written = text(input)?;
    if !written.is_empty() && written.len() <= 100 && written.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        Ok(written.to_string())
    } else {
        wrong(format!("{written:?} cannot stand in a SIP header"), "Write 1 to 100 plain ASCII characters")
    }
}

pub(super) fn dialled(input: &Input<'_>) -> Result<Dialled, Wrong> {
    let written = match input.value {
        DeValue::Integer(n) => {
            return wrong(
                format!("{n} is a number, and a dialled number may begin with 0 or +"),
                format!("Put it in double quotes: \"{n}\""),
            );
        }
        _ => text(input)?,
    };
    let fits = (1..=64).contains(&written.len()) && written.chars().all(|c| c.is_ascii_alphanumeric() || "+*#-._".contains(c));
    match written {
        "*" => Ok(Dialled::AnyOther),
        _ if fits => Ok(Dialled::Number(written.to_string())),
        _ => wrong(
            format!("{written:?} cannot be dialled"),
            "Write the user part of the SIP address, such as \"100\" or \"+4930123456\", or \"*\" for every other number",
        ),
    }
}

/// A path, counted from the folder of the configuration file.
pub(super) fn path(input: &Input<'_>) -> Result<PathBuf, Wrong> {
    match text(input)? {
        "" => wrong("the path is empty", "Write a path, counted from the folder of this file"),
        written => Ok(input.folder.join(written)),
    }
}

pub(super) fn existing_file(input: &Input<'_>) -> Result<PathBuf, Wrong> {
    let path = path(input)?;
    if (input.around.is_file)(&path) {
        Ok(path)
    } else {
        wrong(
            format!("there is no file {}", path.display()),
            "Correct the path; it counts from the folder of this file, so a file in flows/ is \"../flows/…\"",
        )
    }
}

/// A text as it stands, or taken from `env:NAME` or `file:PATH`.
pub(super) fn secret(input: &Input<'_>) -> Result<Secret, Wrong> {
    let written = text(input)?;
    if let Some(name) = written.strip_prefix("env:") {
        return match (input.around.env)(name) {
            Some(value) => Ok(Secret::new(value)),
            None => wrong(
                format!("the environment has no variable {name}"),
                format!("Set it where hotline is started ({name}=… hotline serve), or write the value here"),
            ),
        };
    }
    if let Some(name) = written.strip_prefix("file:") {
        let path = input.folder.join(name);
        return match (input.around.read)(&path) {
            Ok(value) => Ok(Secret::new(value.trim_end_matches(['\r', '\n']).to_string())),
            Err(e) => wrong(
                format!("{} cannot be read: {e}", path.display()),
                "Make the file readable for hotline; the path counts from the folder of this file",
            ),
        };
    }
    Ok(Secret::new(written.to_string()))
}

/// The address of a PostgreSQL database. One that holds a password stands in the environment or in a file of its own.
pub(super) fn database(input: &Input<'_>) -> Result<DatabaseUrl, Wrong> {
    let remedy = "Write database = \"env:HOTLINE_DATABASE\" and set HOTLINE_DATABASE=postgres://USER:PASSWORD@HOST/NAME, or leave it out";
    let database = DatabaseUrl::parse(secret(input)?.reveal()).or_else(|why| wrong(why, remedy))?;
    let written = text(input)?;
    if database.has_password() && !written.starts_with("env:") && !written.starts_with("file:") {
        return wrong("the password of the database stands in this file", remedy);
    }
    Ok(database)
}

/// A key for HMAC-SHA-256: not shorter than what it makes (RFC 2104 §3).
pub(super) fn signing_key(input: &Input<'_>) -> Result<Secret, Wrong> {
    let key = secret(input)?;
    if key.reveal().len() < 32 {
        let remedy = "Make one with: head -c 32 /dev/urandom | base64 > card.key, and write \"file:card.key\"";
        return wrong("a signing key of less than 32 characters can be guessed", remedy);
    }
    Ok(key)
}

/// `host:port`; a whole web address gives its host and port.
pub(super) fn host_port(input: &Input<'_>) -> Result<HostPort, Wrong> {
    let written = text(input)?;
    let plain = if written.contains("://") { written.to_string() } else { format!("http://{written}") };
    let parsed = url::Url::parse(&plain)
        .ok()
        .filter(|u| matches!(u.path(), "" | "/") && u.query().is_none() && u.username().is_empty() && u.password().is_none());
    // `url` leaves out the scheme's own port, so ask whether one was written.
    let has_port = written.contains("://")
        || written.rsplit_once(':').is_some_and(|(host, port)| !host.ends_with(':') && port.parse::<u16>().is_ok());
    let host_port = parsed.filter(|_| has_port).and_then(|u| {
        let host = u.host_str()?.trim_matches(['[', ']']).to_ascii_lowercase();
        Some(HostPort { host, port: u.port_or_known_default()? })
    });
    host_port.map_or_else(
        || wrong(format!("{written:?} is no host with port"), "Write \"api.example.com:443\" or \"127.0.0.1:8090\""),
        Ok,
    )
}

/// A web address without a slash at the end.
pub(super) fn base_url(input: &Input<'_>) -> Result<String, Wrong> {
    let written = text(input)?;
    let good = url::Url::parse(written)
        .is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.query().is_none() && u.fragment().is_none());
    if good {
        Ok(written.trim_end_matches('/').to_string())
    } else {
        wrong(format!("{written:?} is no web address"), "Write one such as \"https://hotline.example.com\"")
    }
}

/// A program with its arguments.
pub(super) fn command(input: &Input<'_>) -> Result<Vec<String>, Wrong> {
    let words = list(|i| text(i).map(str::to_string))(input)?;
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => wrong("there is no program in it", "Write [\"espeak-ng\", \"-v\", \"cmn\", \"--stdin\", \"--stdout\"]"),
    }
}

pub(super) fn log_level(input: &Input<'_>) -> Result<String, Wrong> {
    let written = text(input)?;
    match tracing_subscriber::EnvFilter::try_new(written) {
        Ok(_) if !written.trim().is_empty() => Ok(written.to_string()),
        _ => wrong(
            format!("{written:?} is no log level"),
            "Write error, warn, info, debug or trace, or directives such as \"info,hotline::sip=debug\"",
        ),
    }
}

/// One of a few words, each with its meaning.
fn word<T: Copy>(input: &Input<'_>, words: &[(&str, T)]) -> Result<T, Wrong> {
    let written = text(input)?;
    match words.iter().find(|(word, _)| *word == written) {
        Some((_, meaning)) => Ok(*meaning),
        None => {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            wrong(format!("{written:?} is not known here"), format!("Write {}", all.join(" or ")))
        }
    }
}

pub(super) fn transport(input: &Input<'_>) -> Result<TrunkTransport, Wrong> {
    word(input, &[("udp", TrunkTransport::Udp), ("tcp", TrunkTransport::Tcp), ("tls", TrunkTransport::Tls)])
}

pub(super) fn trunk_auth(input: &Input<'_>) -> Result<TrunkAuth, Wrong> {
    word(input, &[("address", TrunkAuth::Address), ("digest", TrunkAuth::Digest)])
}

pub(super) fn dialled_in(input: &Input<'_>) -> Result<DialledIn, Wrong> {
    let words = [("request", DialledIn::Request), ("to", DialledIn::To), ("p-called-party-id", DialledIn::PCalledPartyId)];
    word(input, &words)
}

/// The name of a queue or an agent: it stands in flows, logs and metrics.
pub(super) fn name(input: &Input<'_>) -> Result<String, Wrong> {
    let written = text(input)?;
    let fits = (1..=32).contains(&written.len()) && written.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match fits {
        true => Ok(written.to_string()),
        false => wrong(format!("{written:?} is no name here"), "Write letters, digits, -, _ and ."),
    }
}

/// Hours of some days of the week.
pub(super) fn week(input: &Input<'_>) -> Result<Vec<crate::base::Span>, Wrong> {
    let written = text(input)?;
    let spans = crate::base::Span::week(written);
    spans.map_or_else(|| wrong(format!("{written:?} are no hours"), "Write \"mon-fri 9:00-17:00\" or \"daily 8:00-24:00\""), Ok)
}

/// From when to when of every day.
pub(super) fn times_of_day(input: &Input<'_>) -> Result<(chrono::NaiveTime, chrono::NaiveTime), Wrong> {
    let written = text(input)?;
    let times = crate::base::times_of_day(written);
    times.map_or_else(|| wrong(format!("{written:?} is no time of a day"), "Write \"08:00-20:00\""), Ok)
}

/// A day.
pub(super) fn date(input: &Input<'_>) -> Result<chrono::NaiveDate, Wrong> {
    let written = text(input)?;
    let date = chrono::NaiveDate::parse_from_str(written, "%Y-%m-%d");
    date.or_else(|_| wrong(format!("{written:?} is no day"), "Write it as \"2026-12-25\""))
}

/// A time zone.
pub(super) fn zone(input: &Input<'_>) -> Result<chrono_tz::Tz, Wrong> {
    let written = text(input)?;
    let zone = written.parse();
    zone.or_else(|_| wrong(format!("{written:?} is no time zone"), "Write its IANA name, such as \"Europe/Berlin\""))
}

/// Where somebody is called: a SIP address, or a number by a trunk.
pub(super) fn phone(input: &Input<'_>) -> Result<String, Wrong> {
    let written = text(input)?;
    let ours = [crate::server::softphones::PHONE, crate::server::queues::REGISTERS].contains(&written);
    match ours || crate::sip::destinations::Target::parse(written).is_some() {
        true => Ok(written.to_string()),
        false => wrong(
            format!("{written:?} cannot be called"),
            "Write \"browser\" for a phone in the desk's page, \"registered\" for one that registers here, a SIP address such as \"sip:anna@192.0.2.10\", or \"trunk:+4930123456\" for a \
             number by a trunk",
        ),
    }
}

/// A language's tag.
pub(super) fn language(input: &Input<'_>) -> Result<crate::base::Language, Wrong> {
    let written = text(input)?;
    let parsed = crate::base::Language::parse(written);
    parsed
        .map_or_else(|| wrong(format!("{written:?} is no language"), "Write a tag of two letters such as \"en\" or \"zh\""), Ok)
}

/// A trunk's name: it stands in targets (`trunk:+4930123456@carrier`), logs and metrics.
pub(super) fn trunk_name(input: &Input<'_>) -> Result<String, Wrong> {
    let written = text(input)?;
    let fits = (1..=32).contains(&written.len()) && written.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if fits {
        Ok(written.to_string())
    } else {
        wrong(format!("{written:?} is no name for a trunk"), "Write letters, digits, - and _")
    }
}

/// Name or address of a SIP server, perhaps with a port; IPv6 in brackets when there is one.
pub(super) fn sip_host(input: &Input<'_>) -> Result<(String, Option<u16>), Wrong> {
    let written = text(input)?;
    let remedy = "Write \"sip.carrier.example\", \"203.0.113.7:5060\" or \"[2001:db8::1]:5060\"";
    let (host, port) = match written.parse::<std::net::Ipv6Addr>() {
        Ok(_) => (written, None),
        Err(_) => match written.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port) if port > 0 => (host, Some(port)),
                _ => return wrong(format!("{port:?} is no port"), remedy),
            },
            _ => (written, None),
        },
    };
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let name = |h: &str| !h.is_empty() && h.len() <= 253 && h.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    if name(inner) || inner.parse::<std::net::Ipv6Addr>().is_ok() {
        Ok((inner.to_ascii_lowercase(), port))
    } else {
        wrong(format!("{written:?} is no name or address of a SIP server"), remedy)
    }
}

/// Whom calls out say that they come from.
pub(super) fn caller_id(input: &Input<'_>) -> Result<CallerId, Wrong> {
    match text(input)? {
        "pass" => Ok(CallerId::Pass),
        "anonymous" => Ok(CallerId::Anonymous),
        number if is_number(number) => Ok(CallerId::Number(number.to_string())),
        other => wrong(format!("{other:?} is no caller"), "Write \"pass\", \"anonymous\" or a number such as \"+4930123456\""),
    }
}

/// A telephone number as it is dialled.
pub(super) fn one_number(input: &Input<'_>) -> Result<String, Wrong> {
    match dialled(input)? {
        Dialled::Number(number) => Ok(number),
        Dialled::AnyOther => wrong("\"*\" is no number", "Leave the key out to serve every number"),
    }
}

/// A country code.
pub(super) fn country(input: &Input<'_>) -> Result<String, Wrong> {
    let written = text(input)?;
    let digits = written.strip_prefix('+').unwrap_or(written);
    let fits = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if fits {
        Ok(digits.to_string())
    } else {
        wrong(format!("{written:?} is no country code"), "Write one such as \"49\" or \"1\"")
    }
}

pub(super) fn prefix_rule(input: &Input<'_>) -> Result<PrefixRule, Wrong> {
    let written = text(input)?;
    PrefixRule::parse(written).map_or_else(
        || wrong(format!("{written:?} is no rule"), "Write \"00 -> +\": what a number begins with, and what instead"),
        Ok,
    )
}

pub(super) fn number_pattern(input: &Input<'_>) -> Result<NumberPattern, Wrong> {
    let written = text(input)?;
    NumberPattern::parse(written).map_or_else(
        || {
            let remedy = "Write \"+4930*\" or \"+49800XXXXXXX\": digits, X for any digit, * at the end for the rest";
            wrong(format!("{written:?} is no pattern of numbers"), remedy)
        },
        Ok,
    )
}

/// A caller who may not call.
pub(super) fn blocked(input: &Input<'_>) -> Result<Blocked, Wrong> {
    let written = text(input)?;
    Blocked::parse(written).map_or_else(
        || wrong(format!("{written:?} is no caller"), "Write a number such as \"+4930123456\" or \"+882*\", or \"anonymous\""),
        Ok,
    )
}
