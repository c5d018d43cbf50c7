//! The gateway's configuration: one TOML file, read once, every mistake in it reported with line and remedy. The sample
//! `sip-config/hotline.toml` documents every key. Paths in the file count from the file's own folder. Start reading at
//! [`Config`]; how TOML becomes values is in `reader.rs`, what values may look like in `values.rs`.

mod call_backs;
mod emergency;
mod people;
mod reader;
mod trunks;
mod values;

use super::queues::People;
pub use super::rate::Blocked;
use crate::base::Codec;
pub use crate::base::Network;
use crate::sip::trunk::Trunk;
use crate::sip::{Algorithm, Reliable, SCANNERS, Srtp, Terms, Unknown};
pub use emergency::EmergencyConfig;
pub use values::{Dialled, HostPort, Secret};

use crate::store::{DatabaseUrl, Records};
use reader::{Reader, Section};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fewest characters of a password.
const PASSWORD_MIN: usize = 12;

/// What the gateway is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// `[sip]`: signalling and audio on the wire.
    pub sip: SipConfig,
    /// `[[trunk]]`: lines to carriers and PBXs, in the order in which calls go out by them.
    pub trunks: Vec<Trunk>,
    /// `[[queue]]` and `[[agent]]`: who takes calls.
    pub people: People,
    /// `[emergency]`: what agents' phones may call over every limit.
    pub emergency: EmergencyConfig,
    /// `[[number]]`: which dialled number is served by which flow; at least one.
    pub numbers: Vec<NumberConfig>,
    /// `[flow_env]`: the environment that flows see as `env.NAME`, and nothing else.
    pub flow_env: BTreeMap<String, Secret>,
    /// `[lookup]`: where flows may ask.
    pub lookup: LookupConfig,
    /// `[store]`: where calls are remembered.
    pub store: StoreConfig,
    /// `[speech]`: ears and voices.
    pub speech: SpeechConfig,
    /// `[web]`: hand-over cards, health and metrics over HTTP.
    pub web: WebConfig,
    /// `[desk]`: words that agents choose from.
    pub desk: DeskConfig,
    /// `[limits]`: what a caller or a source may use.
    pub limits: LimitsConfig,
    /// `[log]`: what is logged.
    pub log: LogConfig,
    /// What is allowed but probably not meant.
    pub warnings: Vec<ConfigError>,
}

/// `[sip]`.
#[derive(Debug, Clone)]
pub struct SipConfig {
    /// Where SIP over UDP is heard; `None` = off. At least one of the three transports is on.
    pub udp: Option<SocketAddr>,
    /// Where SIP over TCP is heard; `None` = off.
    pub tcp: Option<SocketAddr>,
    /// Where SIP over TLS is heard; `None` = off.
    pub tls: Option<SocketAddr>,
    /// Our certificate chain, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Authorities believed when we call over TLS, PEM; `None` = the system's.
    pub tls_ca: Option<PathBuf>,
    /// The address that others must use when it is not the one we are bound to (NAT, cloud).
    pub external_ip: Option<IpAddr>,
    /// Calls at one time; the next is answered 503 with Retry-After.
    pub max_calls: u32,
    /// What we call ourselves in SIP messages.
    pub user_agent: String,
    /// Without RTP for so long (not on hold, no comfort noise) a call is cleared.
    pub no_rtp: Duration,
    /// When provisional answers are acknowledged (RFC 3262).
    pub reliable: Reliable,
    /// How often a call must be refreshed, seconds (RFC 4028); 0 = never.
    pub session_expires: u32,
    /// UDP ports for audio, even ones are used; `None` = any free port.
    pub rtp_ports: Option<RangeInclusive<u16>>,
    /// The address that audio sockets are bound to.
    pub rtp_ip: IpAddr,
    /// Codecs that are spoken, the preferred one first; at least one.
    pub codecs: Vec<Codec>,
    /// An answer takes the first of these that was offered, instead of the first offered that is among them.
    pub prefer_our_codecs: bool,
    /// Whether audio is encrypted (SDES).
    pub srtp: Srtp,
    /// Our silence is sent as comfort noise to those who understand it.
    pub comfort_noise: bool,
    /// Sources whose P-Asserted-Identity is believed and who are free of the rate limit.
    pub trusted: Vec<Network>,
    /// What happens to calls from elsewhere (this machine is always known).
    pub unknown: Unknown,
    /// Hash functions that are offered to them, the first preferred.
    pub digest: Vec<Algorithm>,
    /// How long registrations of agents' phones last.
    pub terms: Terms,
    /// Parts of User-Agent or From by which scanners are known; they get no answer.
    pub scanners: Vec<String>,
    /// `[[account]]`: who may call from anywhere with a name and a password.
    pub accounts: BTreeMap<String, Secret>,
}

/// `[[number]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberConfig {
    /// The number as it stands in the Request-URI, or any.
    pub dialled: Dialled,
    /// The flow's file.
    pub flow: PathBuf,
    /// Line of the entry, for later errors about the flow.
    pub line: usize,
}

/// `[lookup]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupConfig {
    /// Hosts with port that flows may ask; nothing else is reachable for them.
    pub hosts: Vec<HostPort>,
}

/// `[store]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The folder.
    pub dir: PathBuf,
    /// The PostgreSQL database; `None` = SQLite in the folder.
    pub database: Option<DatabaseUrl>,
    /// Days that sounds are kept for flows that say nothing; `None` = until somebody deletes them.
    pub audio_days: Option<u32>,
    /// Days that words are kept for flows that say nothing; `None` = until somebody deletes them.
    pub text_days: Option<u32>,
    /// Days that the audit of the console is kept; `None` = as long as there is room.
    pub audit_days: Option<u32>,
}

impl StoreConfig {
    /// Where the records are.
    pub fn records(&self) -> Records {
        Records { dir: self.dir.clone(), database: self.database.clone() }
    }
}

/// `[speech]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechConfig {
    /// PocketSphinx worker processes; 0 = none.
    pub pocketsphinx: usize,
    /// A small model of the operator's own vocabulary (`hotline train-ears`); `None` = the one that hotline brings along.
    pub ears_model: Option<PathBuf>,
    /// Whisper model (ggml file); `None` = no Whisper.
    pub whisper_model: Option<PathBuf>,
    /// Whisper worker processes, when there is a model.
    pub whisper: usize,
    /// Longest wait for a free worker, from the utterance's start.
    pub wait: Duration,
    /// Longest wait for the result, from the utterance's end.
    pub deadline: Duration,
    /// What callers say in messages is written down, by a process of its own behind everything else.
    pub message_words: bool,
    /// The English voice of flite: `rms`, `slt`, `kal` or `kal16`.
    pub voice_en: String,
    /// Programs that speak a language: text on standard input, WAV on standard output.
    pub voice_commands: BTreeMap<crate::base::Language, Vec<String>>,
}

/// `[desk]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskConfig {
    /// Why agents are away, one word each.
    pub reasons: Vec<String>,
    /// How calls are disposed of, one word each.
    pub dispositions: Vec<String>,
    /// What callers say to agents of a queue is recognised, kept as their other words are, and shown at the desk.
    pub transcript: bool,
    /// And what the agents say to them.
    pub transcript_agents: bool,
    /// The address that pages which are phones send their audio to; `None` = `[sip] rtp_ip`, or the one that the page's own address is
    /// reached from.
    pub media_ip: Option<IpAddr>,
    /// UDP ports for it, one for each agent who talks; `None` = among `[sip] rtp_ports`.
    pub media_ports: Option<RangeInclusive<u16>>,
}

/// `[web]`.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// Where HTTP is heard; `None` = off.
    pub listen: Option<SocketAddr>,
    /// How agents' programs reach it (for links to cards), without a slash at the end.
    pub public_url: Option<String>,
    /// The token that /metrics asks for when it is read from another machine; `None` = this machine only.
    pub metrics_token: Option<Secret>,
    /// Our certificate's chain, PEM; `None` = no TLS.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
    /// Reverse proxies whose `X-Forwarded-*` are believed; empty = none.
    pub proxies: Vec<Network>,
    /// Keys that hand-over cards are signed with, each of at least 32 bytes; several while one takes the place of another; empty = not.
    pub card_keys: Vec<Secret>,
}

impl WebConfig {
    /// Whether it listens on more than this machine without TLS or a proxy that has it: nobody can log in then.
    pub fn is_bare(&self) -> bool {
        let exposed = self.listen.is_some_and(|at| !at.ip().is_loopback());
        exposed && self.certificate.is_none() && self.proxies.is_empty()
    }
}

/// `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Longest call before it goes to a person or ends.
    pub call: Duration,
    /// New calls a minute from one address that is not trusted; more are answered 503.
    pub calls_per_minute: u32,
    /// New calls a minute from one calling number; more are answered 486. `None` = no limit.
    pub calls_per_minute_per_caller: Option<u32>,
    /// Callers who are answered 603.
    pub blocked: Vec<Blocked>,
    /// SIP requests a second that begin something, from one address that is not known; more get no answer.
    pub requests_per_second: u32,
    /// How long an address that misbehaved on a connection is not heard.
    pub shut_out: Duration,
    /// How long calls may go on after SIGTERM.
    pub drain: Duration,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives (`hotline=debug,rsipstack=warn`).
    pub level: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigError {
    /// Which file.
    pub file: PathBuf,
    /// Line, from 1; 0 = the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}. {}", self.file.display(), self.line, self.message, self.remedy)
    }
}

/// What reading a configuration needs of the world.
pub(crate) struct Surroundings<'a> {
    /// Environment variables.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// Small files with secrets.
    pub(crate) read: &'a dyn Fn(&Path) -> std::io::Result<String>,
    /// Whether a file is there.
    pub(crate) is_file: &'a dyn Fn(&Path) -> bool,
}

impl Config {
    /// Reads a file, its `env:` and `file:` references included.
    ///
    /// # Errors
    /// Every mistake in it, in the order of the lines.
    pub fn load(path: &Path) -> Result<Config, Vec<ConfigError>> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            vec![ConfigError {
                file: path.to_path_buf(),
                line: 0,
                message: format!("the configuration cannot be read: {e}"),
                remedy: "Name it with --config; sip-config/hotline.toml is a sample with every key explained.".to_string(),
            }]
        })?;
        let around = Surroundings {
            env: &|name| std::env::var(name).ok(),
            read: &|path| std::fs::read_to_string(path),
            is_file: &|path| path.is_file(),
        };
        Config::parse(&text, path, &around)
    }

    /// Reads a text as if it were the file at `path`.
    pub(crate) fn parse(text: &str, path: &Path, around: &Surroundings<'_>) -> Result<Config, Vec<ConfigError>> {
        Config::parse_naming_keys(text, path, around).0
    }

    /// The same, with all keys that exist (`sip.udp`), so that a test can hold the sample against them.
    fn parse_naming_keys(
        text: &str,
        path: &Path,
        around: &Surroundings<'_>,
    ) -> (Result<Config, Vec<ConfigError>>, Vec<String>) {
        let reader = Reader::new(path, text, around);
        let mut top = reader.document();
        let accounts = read_accounts(&mut top);
        let sip = read_sip(top.table("sip"), accounts);
        let beside = trunks::Beside {
            accounts: &sip.accounts,
            challenges: sip.unknown == Unknown::Challenge,
            believes: sip.tls_ca.is_some(),
        };
        let trunks = trunks::read_trunks(&mut top, &beside);
        let web = read_web(top.table("web"));
        if !sip.accounts.is_empty() && !beside.challenges && trunks.iter().all(|trunk| trunk.account.is_none()) {
            let remedy = "Set unknown = \"challenge\" in [sip], or auth = \"digest\" and account in a [[trunk]]";
            top.warning("account", "there are accounts, but nobody is asked for a password", remedy);
        }
        let config = Config {
            file: path.to_path_buf(),
            numbers: read_numbers(&mut top),
            flow_env: top.table("flow_env").every(values::secret),
            lookup: read_lookup(top.table("lookup")),
            store: read_store(top.table("store")),
            speech: read_speech(top.table("speech")),
            desk: people::read_desk(top.table("desk")),
            limits: read_limits(top.table("limits")),
            log: read_log(top.table("log")),
            sip,
            people: people::read_people(&mut top, &trunks),
            emergency: emergency::read_emergency(top.table("emergency"), &trunks),
            trunks,
            web,
            warnings: Vec::new(),
        };
        top.finish();
        let (errors, warnings, keys) = reader.close();
        let result = if errors.is_empty() { Ok(Config { warnings, ..config }) } else { Err(errors) };
        (result, keys)
    }
}

fn read_accounts(top: &mut Section<'_>) -> BTreeMap<String, Secret> {
    let mut accounts = BTreeMap::new();
    for mut s in top.tables("account") {
        let name = s.required("name", "name = \"pbx\"", values::header_text);
        let password = s.required("password", "password = \"env:PBX_PASSWORD\"", values::secret);
        if let (Some(name), Some(password)) = (name, password) {
            check_password(&s, "password", &password);
            if accounts.insert(name.clone(), password).is_some() {
                s.error("name", &format!("there are two accounts {name:?}"), "Keep one of them");
            }
        }
        s.finish();
    }
    accounts
}

/// How long registrations of agents' phones last.
fn read_terms(s: &mut Section<'_>) -> Terms {
    let usual = Terms::default();
    let least = s.get("register_seconds_min", usual.least, values::seconds(5..=3_600));
    let most = s.get("register_seconds_max", usual.most.max(least), values::seconds(5..=3_600));
    if least > most {
        s.error("register_seconds_min", "it is more than register_seconds_max", "Make it smaller, or the other one larger");
    }
    Terms { least, most }
}

fn check_password(s: &Section<'_>, key: &str, password: &Secret) {
    if password.reveal().chars().count() < PASSWORD_MIN {
        let short = format!("this password has fewer than {PASSWORD_MIN} characters: it is guessed in minutes");
        s.error(key, &short, "Make one with: openssl rand -base64 24");
    }
}

fn read_sip(mut s: Section<'_>, accounts: BTreeMap<String, Secret>) -> SipConfig {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    let udp = s.get("udp", Some(loopback), values::listen);
    let tcp = s.get("tcp", Some(loopback), values::listen);
    let tls = s.get("tls", None, values::listen);
    let tls_cert = s.get("tls_cert", None, values::some(values::existing_file));
    let tls_key = s.get("tls_key", None, values::some(values::existing_file));
    if udp.is_none() && tcp.is_none() && tls.is_none() {
        s.error(
            "udp",
            "udp, tcp and tls are all off, so no call can come",
            "Give one of them an address such as \"0.0.0.0:5060\"",
        );
    }
    if tls.is_some() && (tls_cert.is_none() || tls_key.is_none()) {
        let remedy = "Set tls_cert and tls_key to the PEM files of the chain and of its key, or tls = \"off\"";
        s.error("tls", "SIP over TLS needs a certificate and its key", remedy);
    }
    let external_ip = s.get("external_ip", None, values::some(values::ip));
    let bound = udp.or(tcp).or(tls).map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |a| a.ip());
    if bound.is_unspecified() && external_ip.is_none() {
        s.warning(
            "udp",
            "listens on every address, but external_ip is not set: callers behind another network may hear nothing",
            "Set external_ip to the address that callers reach, or bind to that address itself",
        );
    }
    let config = SipConfig {
        udp,
        tcp,
        tls,
        tls_cert,
        tls_key,
        tls_ca: s.get("tls_ca", None, values::some(values::existing_file)),
        external_ip,
        max_calls: s.get("max_calls", 100, values::whole(1..=10_000)),
        user_agent: s.get("user_agent", "hotline".to_string(), values::header_text),
        no_rtp: s.get("no_rtp_seconds", Duration::from_secs(30), values::seconds(1..=3_600)),
        reliable: s.get("reliable", Reliable::WhenRequired, values::reliable),
        session_expires: s.get("session_expires", 1_800, values::session_expires),
        rtp_ports: s.get("rtp_ports", Some(20_000..=29_999), values::ports),
        rtp_ip: s.get("rtp_ip", bound, values::ip),
        codecs: s.get("codecs", Codec::ALL.to_vec(), values::codecs),
        prefer_our_codecs: s.get("prefer_our_codecs", false, values::yes_or_no),
        srtp: s.get("srtp", Srtp::Off, values::srtp),
        comfort_noise: s.get("comfort_noise", false, values::yes_or_no),
        trusted: s.get("trusted", Vec::new(), values::list(values::network)),
        unknown: s.get("unknown", Unknown::Refuse, values::unknown),
        digest: s.get("digest", vec![Algorithm::Md5, Algorithm::Sha256], values::algorithms),
        terms: read_terms(&mut s),
        scanners: s.get("scanners", SCANNERS.map(String::from).to_vec(), values::list(values::header_text)),
        accounts,
    };
    if config.unknown == Unknown::Challenge && config.accounts.is_empty() {
        s.error(
            "unknown",
            "unknown callers are asked for a password, but there is no account",
            "Add an entry: [[account]] with name = \"pbx\" and password = \"env:PBX_PASSWORD\"",
        );
    }
    if let Some(ports) = &config.rtp_ports {
        let room = (u32::from(*ports.end()) - u32::from(*ports.start())).div_ceil(2);
        // A bridged call takes two legs.
        if room < config.max_calls * 2 {
            let most =
                format!("rtp_ports has room for {room} audio legs, max_calls = {} may need twice as many", config.max_calls);
            s.warning("rtp_ports", &most, "Widen rtp_ports (two ports a leg, two legs a bridged call) or lower max_calls");
        }
    }
    s.finish();
    config
}

fn read_numbers(top: &mut Section<'_>) -> Vec<NumberConfig> {
    let mut numbers: Vec<NumberConfig> = Vec::new();
    let entries = top.tables("number");
    if entries.is_empty() {
        top.error(
            "number",
            "no number is served",
            "Add an entry: [[number]] with dialled = \"*\" and flow = \"../flows/parcel.yaml\"",
        );
    }
    for mut s in entries {
        let line = s.line();
        let dialled = s.required("dialled", "dialled = \"100\", or \"*\" for every other number", values::dialled);
        let flow = s.required("flow", "flow = \"../flows/parcel.yaml\"", values::existing_file);
        if let (Some(dialled), Some(flow)) = (dialled, flow) {
            if let Some(other) = numbers.iter().find(|n| n.dialled == dialled) {
                let twice = format!("{dialled} is served already (line {})", other.line);
                s.error("dialled", &twice, "Keep one of the two entries");
            }
            numbers.push(NumberConfig { dialled, flow, line });
        }
        s.finish();
    }
    numbers
}

fn read_lookup(mut s: Section<'_>) -> LookupConfig {
    let config = LookupConfig { hosts: s.get("hosts", Vec::new(), values::list(values::host_port)) };
    s.finish();
    config
}

fn read_store(mut s: Section<'_>) -> StoreConfig {
    let database = s.get("database", None, values::some(values::database));
    if database.as_ref().is_some_and(DatabaseUrl::is_open) {
        let open = "what callers say may pass the network so that others can read it";
        s.warning("database", open, "Add ?sslmode=verify-full&sslrootcert=FILE to the address of the database");
    }
    let config = StoreConfig {
        dir: s.path_or("dir", "../run"),
        database,
        audio_days: s.get("audio_days", Some(30), values::days),
        text_days: s.get("text_days", Some(90), values::days),
        audit_days: s.get("audit_days", Some(365), values::days),
    };
    s.finish();
    config
}

fn read_speech(mut s: Section<'_>) -> SpeechConfig {
    let config = SpeechConfig {
        pocketsphinx: s.get("pocketsphinx", 2, values::whole(0..=256)),
        ears_model: s.get("ears_model", None, values::some(values::existing_file)),
        whisper_model: s.get("whisper_model", None, values::some(values::existing_file)),
        whisper: s.get("whisper", 1, values::whole(1..=64)),
        wait: s.get("wait_ms", Duration::from_millis(1_000), values::millis(10..=10_000)),
        deadline: s.get("deadline_ms", Duration::from_millis(1_500), values::millis(50..=30_000)),
        message_words: s.get("message_words", true, values::yes_or_no),
        voice_en: s.get("voice_en", "rms".to_string(), values::one_of(&["rms", "slt"])),
        voice_commands: s.table("voice_commands").languages(values::command),
    };
    if config.pocketsphinx == 0 && config.whisper_model.is_none() {
        s.warning(
            "pocketsphinx",
            "there is no recogniser: every caller has to use keys",
            "Set pocketsphinx = 2 or whisper_model",
        );
    }
    s.finish();
    config
}

fn read_web(mut s: Section<'_>) -> WebConfig {
    let behind_proxy = s.get("behind_proxy", false, values::yes_or_no);
    let proxies = s.get("proxies", Network::LOOPBACK.to_vec(), values::list(values::network));
    let config = WebConfig {
        listen: s.get("listen", Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))), values::listen),
        public_url: s.get("public_url", None, values::some(values::base_url)),
        metrics_token: s.get("metrics_token", None, values::some(values::secret)),
        certificate: s.get("certificate", None, values::some(values::existing_file)),
        key: s.get("key", None, values::some(values::existing_file)),
        proxies: if behind_proxy { proxies } else { Vec::new() },
        card_keys: s.get("card_keys", Vec::new(), values::list(values::signing_key)),
    };
    if config.certificate.is_some() != config.key.is_some() {
        let (there, missing) = if config.key.is_none() { ("certificate", "key") } else { ("key", "certificate") };
        let remedy = "Set certificate and key to the PEM files of the chain and of its key, or neither";
        s.error(there, &format!("HTTPS needs both, and there is no {missing}"), remedy);
    }
    if behind_proxy && config.proxies.is_empty() {
        s.error("proxies", "behind_proxy = true, but no proxy is named", "Write proxies = [\"127.0.0.1\"]");
    }
    if config.is_bare() {
        let remedy =
            "Set certificate and key, or behind_proxy = true, or listen on 127.0.0.1; cards and health go on as they are";
        s.warning("listen", "other machines reach this address without HTTPS, so nobody can log in to the console", remedy);
    }
    s.finish();
    config
}

fn read_limits(mut s: Section<'_>) -> LimitsConfig {
    let config = LimitsConfig {
        call: s.get("call_minutes", Duration::from_secs(3_600), values::minutes(1..=1_440)),
        calls_per_minute: s.get("calls_per_minute", 60, values::whole(1..=1_000_000)),
        calls_per_minute_per_caller: Some(s.get("calls_per_minute_per_caller", 0, values::whole(0..=1_000_000)))
            .filter(|most| *most > 0),
        blocked: s.get("blocked", Vec::new(), values::list(values::blocked)),
        requests_per_second: s.get("requests_per_second", 20, values::whole(1..=100_000)),
        shut_out: s.get("shut_out_minutes", Duration::from_secs(600), values::minutes(1..=1_440)),
        drain: s.get("drain_seconds", Duration::from_secs(60), values::seconds(0..=3_600)),
    };
    s.finish();
    config
}

fn read_log(mut s: Section<'_>) -> LogConfig {
    let config = LogConfig {
        level: s.get("level", "info".to_string(), values::log_level),
        json: s.get("json", false, values::yes_or_no),
    };
    s.finish();
    config
}

#[cfg(test)]
mod tests;
