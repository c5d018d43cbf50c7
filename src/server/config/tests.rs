//! Configurations as operators write them: `check(text)` gives what they are told.

use super::*;

pub(super) const MINIMAL: &str = "[[number]]\ndialled = \"*\"\nflow = \"../flows/parcel.yaml\"\n";

fn parse(text: &str) -> (Result<Config, Vec<ConfigError>>, Vec<String>) {
    let around = Surroundings {
        env: &|name| match name {
            "HOTLINE_DATABASE" => Some("postgres://hotline:a-password@db.example/hotline?sslmode=verify-full".to_string()),
            "PARCEL_TOKEN" => Some("s3cret".to_string()),
            "PBX_PASSWORD" => Some("given by the PBX".to_string()),
            "CARRIER_PASSWORD" => Some("given by the carrier".to_string()),
            "BOB_PHONE_PASSWORD" => Some("one-long-and-secret-word".to_string()),
            "BRANCH_PBX_PASSWORD" => Some("correct horse battery".to_string()),
            _ => None,
        },
        read: &|path| {
            if path.to_string_lossy().ends_with("card.key") {
                Ok("a key that nobody else knows, 32 and more\n".to_string())
            } else if path.to_string_lossy().ends_with("token.txt") {
                Ok("from a file\n".to_string())
            } else {
                Err(std::io::ErrorKind::NotFound.into())
            }
        },
        is_file: &|path| path.starts_with("/etc/hotline") && !path.ends_with("absent.yaml"),
    };
    Config::parse_naming_keys(text, Path::new("/etc/hotline/hotline.toml"), &around)
}

pub(super) fn good(text: &str) -> Config {
    parse(text).0.unwrap_or_else(|e| panic!("{e:?}"))
}

/// The errors as `line: message | remedy`.
pub(super) fn errors(text: &str) -> Vec<String> {
    let errors = parse(text).0.expect_err("mistakes");
    errors.iter().map(|e| format!("{}: {} | {}", e.line, e.message, e.remedy)).collect()
}

#[test]
fn the_least_configuration_listens_on_this_machine_only() {
    let config = good(MINIMAL);
    assert_eq!(config.sip.udp, Some(SocketAddr::from(([127, 0, 0, 1], 5060))));
    assert_eq!(config.web.listen, Some(SocketAddr::from(([127, 0, 0, 1], 8080))));
    assert_eq!(config.sip.rtp_ip, IpAddr::from([127, 0, 0, 1]));
    assert_eq!(config.numbers[0].dialled, Dialled::AnyOther);
    assert_eq!(config.numbers[0].flow, Path::new("/etc/hotline/../flows/parcel.yaml"));
    assert_eq!((config.sip.max_calls, config.sip.no_rtp), (100, Duration::from_secs(30)));
    assert!(config.lookup.hosts.is_empty() && config.sip.trusted.is_empty() && config.warnings.is_empty());
}

#[test]
fn the_console_wants_https_where_others_reach_it() {
    let web = |lines: &str| format!("{MINIMAL}[web]\n{lines}");
    let config = good(&web("listen = \"0.0.0.0:8080\"\n"));
    assert!(
        config.web.is_bare() && config.warnings.iter().any(|w| w.message.contains("nobody can log in")),
        "{:?}",
        config.warnings
    );
    let tls = "certificate = \"/etc/hotline/chain.pem\"\nkey = \"/etc/hotline/key.pem\"\n";
    for lines in ["", "behind_proxy = true\n", tls] {
        let listen = if lines.is_empty() { "127.0.0.1:8080" } else { "0.0.0.0:8080" };
        let config = good(&web(&format!("listen = \"{listen}\"\n{lines}")));
        assert!(!config.web.is_bare() && config.warnings.is_empty(), "{lines} {:?}", config.warnings);
    }
    assert!(good(MINIMAL).web.proxies.is_empty(), "no proxy is believed unless there is one");
    assert_eq!(good(&web("behind_proxy = true\n")).web.proxies, Network::LOOPBACK);
    let told = errors(&web("certificate = \"/etc/hotline/chain.pem\"\n"));
    assert!(told.len() == 1 && told[0].starts_with("5: HTTPS needs both, and there is no key"), "{told:?}");
    let told = errors(&web("behind_proxy = true\nproxies = []\n"));
    assert!(told.len() == 1 && told[0].contains("no proxy is named"), "{told:?}");
}

#[test]
fn the_sample_is_good_and_documents_every_key() {
    let sample = include_str!("../../../sip-config/hotline.toml");
    let config = good(sample);
    assert_eq!(config.warnings, Vec::new());
    let (_, keys) = parse(sample);
    assert!(keys.len() > 30, "{keys:?}");
    for key in keys {
        let (section, last) = key.rsplit_once('.').unwrap_or(("", &key));
        let as_section = |line: &str| line.contains(&format!("[{key}]"));
        let as_key = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{last} = "));
        let mut inside = section.is_empty();
        let documented = sample.lines().any(|line| {
            inside |= line.contains(&format!("[{section}]"));
            inside && (as_key(line) || as_section(line))
        });
        assert!(documented, "sip-config/hotline.toml does not show {key}");
    }
}

#[test]
fn session_timers_and_reliable_ringing() {
    let config = good(MINIMAL);
    assert_eq!((config.sip.session_expires, config.sip.reliable), (1_800, crate::sip::Reliable::WhenRequired));
    let config = good(&format!("{MINIMAL}[sip]\nsession_expires = 0\nreliable = \"when_supported\"\n"));
    assert_eq!((config.sip.session_expires, config.sip.reliable), (0, crate::sip::Reliable::WhenSupported));
    let wrong = errors(&format!("{MINIMAL}[sip]\nsession_expires = 60\nreliable = \"yes\"\n"));
    assert!(wrong[0].contains("60 s are too short") && wrong[1].contains("when_required"), "{wrong:?}");
}

#[test]
fn what_the_sample_shows_commented_out_is_good_too() {
    let sample = include_str!("../../../sip-config/hotline.toml");
    // A comment line that holds `key = value` or a section header is an example: switch them all on.
    let is_example = |line: &&str| {
        let is_key = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        line.strip_prefix("# ").is_some_and(|l| l.starts_with('[') || l.split_once(" = ").is_some_and(|(key, _)| is_key(key)))
    };
    let all: String =
        sample.lines().map(|line| if is_example(&line) { line[2..].to_string() } else { line.to_string() } + "\n").collect();
    let config = good(&all);
    assert!(config.sip.external_ip.is_some() && config.web.metrics_token.is_some() && config.speech.whisper_model.is_some());
    assert!(!config.speech.voice_commands.is_empty());
    let trunk = &config.trunks[0];
    assert_eq!((trunk.register, trunk.registrar.as_str()), (Some(Duration::from_secs(3_600)), "carrier.example"));
    assert_eq!(trunk.numbers_in.len() + trunk.numbers_out.len() + trunk.allow.len() + trunk.from.len(), 7);
}

#[test]
fn a_trunk_needs_little() {
    let config = good(&format!("{MINIMAL}[[trunk]]\nname = \"pbx\"\nproxy = \"[2001:db8::7]:5070\"\ntransport = \"tcp\"\n"));
    let trunk = &config.trunks[0];
    assert_eq!(trunk.proxy.uri("100"), "sip:100@[2001:db8::7]:5070;transport=tcp");
    assert_eq!((trunk.register, trunk.options, trunk.keepalive), (None, Some(Duration::from_secs(30)), None));
    assert!(trunk.allow.is_empty() && trunk.country.is_none(), "nothing may be dialled by number");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn the_profiles_of_trunks_are_good() {
    let profiles = [
        ("kamailio", include_str!("../../../sip-config/trunks/kamailio.toml")),
        ("asterisk", include_str!("../../../sip-config/trunks/asterisk.toml")),
        ("freepbx", include_str!("../../../sip-config/trunks/freepbx.toml")),
        ("freeswitch", include_str!("../../../sip-config/trunks/freeswitch.toml")),
        ("carrier", include_str!("../../../sip-config/trunks/generic-carrier.toml")),
    ];
    for (name, text) in profiles {
        let config = good(&format!("{MINIMAL}{text}"));
        assert_eq!((config.trunks[0].name.as_str(), config.warnings.len()), (name, 0), "{:?}", config.warnings);
        // Only what was run may look as if it had been.
        assert_eq!(text.contains("NOT RUN"), name != "kamailio", "{name}");
    }
}

#[test]
fn what_is_wrong_with_a_trunk_is_told() {
    let text = r#"
[[trunk]]
name = "my carrier"
proxy = "sip.example:99999"
transport = "sctp"
register = true
auth = "digest"
account = "nobody"
caller_id = "me"
numbers_in = ["00 to +"]
numbers = ["*"]
allow = ["*"]
country = "0049"
srtp = "maybe"
[[trunk]]
name = "b"
proxy = "b.example"
password = "x"
account = "nobody"
country = "998"
regster = true
[[trunk]]
name = "b"
proxy = "b_example"
auth = "digest"
[[trunk]]
name = "b"
proxy = "10.0.0.1"
"#;
    let expected = [
        "6: trunk.name: \"my carrier\" is no name for a trunk",
        "7: trunk.proxy: \"99999\" is no port | Write \"sip.carrier.example\"",
        "8: trunk.transport: \"sctp\" is not known here | Write \"udp\" or \"tcp\" or \"tls\".",
        "9: register = true, but there is no user",
        "12: trunk.caller_id: \"me\" is no caller | Write \"pass\", \"anonymous\" or a number",
        "13: trunk.numbers_in: \"00 to +\" is no rule | Write \"00 -> +\"",
        "14: trunk.numbers: \"*\" is no number | Leave the key out",
        "15: trunk.allow: \"*\" is no pattern of numbers | Write \"+4930*\"",
        "16: trunk.country: \"0049\" is no country code | Write one such as \"49\"",
        "17: trunk.srtp: \"maybe\" is not known here | Write \"off\" or \"offered\" or \"required\".",
        "21: there is a password, but no user",
        "22: there is no account \"nobody\"",
        "23: the premium numbers of +998 are not known here, so nothing could be allowed by default | Write allow",
        "24: there is no key \"regster\" in [trunk] | Did you mean register?",
        "27: trunk.proxy: \"b_example\" is no name or address of a SIP server",
        "30: there are two trunks \"b\" | Give one of them another name.",
    ];
    let found = errors(&format!("[[number]]\ndialled = \"*\"\nflow = \"../flows/parcel.yaml\"\n{text}"));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "\n{found}\n{expected}");
    }
}

#[test]
fn a_trunk_that_shows_a_password_must_be_able_to() {
    let account = "[[account]]\nname = \"pbx\"\npassword = \"long enough, this one\"\n";
    let trunk = "[[trunk]]\nname = \"a\"\nproxy = \"a.example\"\ntrusted = true\nauth = \"digest\"\n";
    let told = errors(&format!("{MINIMAL}{trunk}"));
    assert!(told.len() == 1 && told[0].contains("no account is named"), "{told:?}");
    let config = good(&format!("{MINIMAL}{account}{trunk}account = \"pbx\"\n"));
    let warnings: Vec<&str> = config.warnings.iter().map(|w| w.message.as_str()).collect();
    assert!(warnings.iter().any(|w| w.contains("lets nobody unknown")), "{warnings:?}");
    let told = errors(&format!("{MINIMAL}[[trunk]]\nname = \"a\"\nproxy = \"a.example\"\ntransport = \"tls\"\n"));
    assert!(told.len() == 1 && told[0].contains("7: transport = \"tls\", but no authority"), "{told:?}");
    assert!(warnings.iter().any(|w| w.contains("trusted = true, but there are no addresses")), "{warnings:?}");
}

#[test]
fn nobody_unknown_calls_unless_the_operator_says_so() {
    assert_eq!(good(MINIMAL).sip.unknown, Unknown::Refuse);
    let account = "[[account]]\nname = \"pbx\"\npassword = \"long enough, this one\"\n";
    let config = good(&format!("{MINIMAL}{account}[sip]\nunknown = \"challenge\"\n"));
    assert_eq!((config.sip.unknown, config.sip.accounts.len()), (Unknown::Challenge, 1));
    assert!(!format!("{config:?}").contains("long enough"), "passwords do not show");
    let wrong = errors(&format!("{MINIMAL}[sip]\nunknown = \"challenge\"\n"));
    assert!(wrong.len() == 1 && wrong[0].contains("there is no account"), "{wrong:?}");
    let wrong = errors(&format!(
        "{MINIMAL}[sip]\nunknown = \"maybe\"\n[[account]]\nname = \"a\"\npassword = \"short\"\n{account}{account}"
    ));
    let told = |part: &str| wrong.iter().any(|e| e.contains(part));
    assert!(told("\"maybe\" is not known here") && told("fewer than 12") && told("two accounts"), "{wrong:?}");
    assert!(!good(&format!("{MINIMAL}{account}")).warnings.is_empty(), "an account that nobody is asked for");
}

#[test]
fn everything_wrong_is_told_at_once_with_line_and_remedy() {
    let text = r#"
[sip]
udp = "5060"
max_callls = 3
max_calls = 0
trusted = ["10.0.0.0/8", "10.0.0.0/33"]
[flow_env]
API = "env:NOT_SET"
TOKEN = "file:nowhere"
[[number]]
dialled = 100
flow = "absent.yaml"
[[number]]
dialled = "200"
[web]
listen = 8080
[weather]
[lookup]
hosts = ["api.example.com"]
"#;
    let expected = [
        "3: sip.udp: \"5060\" is no address with port | Write \"127.0.0.1:5060\", \"0.0.0.0:5060\" or \"off\".",
        "4: there is no key \"max_callls\" in [sip] | Did you mean max_calls?",
        "5: sip.max_calls: 0 is out of range | Write a whole number from 1 to 10000.",
        "6: sip.trusted: /33 is no prefix length of 0 to 32 | Write an address or a network such as \"10.1.0.0/16\".",
        "8: flow_env.API: the environment has no variable NOT_SET",
        "9: flow_env.TOKEN: /etc/hotline/nowhere cannot be read",
        "11: number.dialled: 100 is a number, and a dialled number may begin with 0 or + | Put it in double quotes: \"100\".",
        "12: number.flow: there is no file /etc/hotline/absent.yaml",
        "13: number.flow is missing | Write flow = \"../flows/parcel.yaml\".",
        "16: web.listen: this is a whole number, a text is needed | Put it in double quotes.",
        "17: there is no key \"weather\" | Remove it; there are: ",
        "19: lookup.hosts: \"api.example.com\" is no host with port | Write \"api.example.com:443\"",
    ];
    let found = errors(text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "\n{found}\n{expected}");
    }
}

#[test]
fn broken_toml_is_told_beside_the_other_mistakes() {
    let found = errors("[sip]\nudp = \nmax_calls = -1\n[[number]\n");
    assert!(found.iter().any(|e| e.starts_with("2: this is no TOML")), "{found:#?}");
    assert!(found.iter().any(|e| e.starts_with("3: sip.max_calls")), "{found:#?}");
    assert!(found.iter().any(|e| e.starts_with("4: this is no TOML")), "{found:#?}");
    assert!(!found.iter().any(|e| e.contains("no number is served")), "not to be believed: {found:#?}");
}

#[test]
fn small_mistakes_have_their_own_sentence() {
    let with = |extra: &str| errors(&format!("{MINIMAL}{extra}")).join("\n");
    assert!(errors("").join("").contains("no number is served"));
    assert!(errors("[number]\ndialled = \"1\"\n").join("").contains("two brackets"));
    assert!(with("[[number]]\ndialled = \"*\"\nflow = \"b.yaml\"").contains("served already (line 1)"));
    assert!(with("[sip]\nudp = \"off\"\ntcp = \"off\"").contains("no call can come"));
    assert!(with("[speech]\nvoice_en = \"joe\"").contains("rms, slt"));
    assert!(with("[speech.voice_commands]\nklingonisch = []").contains("no language"));
    assert!(with("[store]\naudio_days = -1").contains("\"forever\""));
    assert!(with("[log]\nlevel = \"a=b=c\"").contains("no log level"));
    assert!(with("[sip]\nudp = \"127.0.0.1:1\"\nudp = \"127.0.0.1:2\"").contains("no TOML"));
}

#[test]
fn secrets_come_from_the_environment_or_a_file_and_do_not_show() {
    let config = good(&format!("{MINIMAL}[flow_env]\nA = \"plain\"\nB = \"env:PARCEL_TOKEN\"\nC = \"file:token.txt\"\n"));
    let values: Vec<&str> = config.flow_env.values().map(|s| s.reveal().as_str()).collect();
    assert_eq!(values, ["plain", "s3cret", "from a file"]);
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_is_allowed_but_hardly_meant_is_a_warning() {
    let config =
        good(&format!("{MINIMAL}[sip]\nudp = \"0.0.0.0:5060\"\nrtp_ports = \"20000-20009\"\n[speech]\npocketsphinx = 0\n"));
    let lines: Vec<usize> = config.warnings.iter().map(|w| w.line).collect();
    assert_eq!(lines, [5, 6, 8], "{:?}", config.warnings);
}

#[test]
fn networks_hold_their_addresses() {
    let holds = |network: &str, address: &str| {
        network.parse::<Network>().expect("a network").contains(address.parse().expect("an address"))
    };
    assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
    assert!(holds("192.0.2.1", "192.0.2.1") && !holds("192.0.2.1", "192.0.2.2"));
    assert!(holds("192.0.2.1", "::ffff:192.0.2.1") && holds("2001:db8::/33", "2001:db8::1"));
    assert!(!holds("2001:db8::/33", "2001:db8:8000::1") && holds("0.0.0.0/0", "8.8.8.8"));
}

#[test]
fn audio_is_negotiated_as_written() {
    use crate::base::Codec;
    use crate::sip::Srtp;
    let config = good(MINIMAL);
    assert_eq!((config.sip.codecs, config.sip.prefer_our_codecs), (Codec::ALL.to_vec(), false));
    assert_eq!((config.sip.srtp, config.sip.comfort_noise), (Srtp::Off, false));
    let written = "[sip]\ncodecs = [\"OPUS\", \"pcma\"]\nprefer_our_codecs = true\nsrtp = \"required\"\ncomfort_noise = true\n";
    let config = good(&format!("{MINIMAL}{written}"));
    assert_eq!(config.sip.codecs, [Codec::Opus, Codec::Pcma]);
    assert!(config.sip.prefer_our_codecs && config.sip.comfort_noise && config.sip.srtp == Srtp::Required);
    for wrong in ["codecs = []", "codecs = [\"G729\"]", "codecs = [\"PCMU\", \"pcmu\"]", "srtp = \"maybe\""] {
        let told = errors(&format!("{MINIMAL}[sip]\n{wrong}\n"));
        assert!(told.len() == 1 && told[0].starts_with("5: "), "{wrong}: {told:?}");
    }
}

#[test]
fn queues_and_agents_are_read_and_their_mistakes_told() {
    let people = "[[queue]]\nname = \"support\"\nskills = { help = 3 }\nring_seconds = 12\n\
        hours = [\"mon-fri 9:00-17:00\"]\nzone = \"Europe/Berlin\"\nclosed = [\"2026-12-25\"]\n[[agent]]\nname = \"anna\"\nphone = \"sip:anna@192.0.2.10\"\nqueues = [\"support\"]\nlanguages = [\"en\", \"zh\"]\n\
        [[agent]]\nname = \"bob\"\nphone = \"trunk:+4930123456\"\nskills = { help = 7 }\ndesk = false\npause_seconds = 30\n";
    let config = good(&format!("{MINIMAL}{people}"));
    let setup = &config.people.setup;
    assert_eq!((setup.queues[0].ring, setup.queues[0].skills["help"]), (Duration::from_secs(12), 3));
    assert_eq!((setup.agents[0].skills["help"], setup.agents[0].returns), (3, None));
    assert_eq!((setup.agents[1].skills["help"], setup.agents[1].returns), (7, Some(Duration::from_secs(30))));
    assert!(setup.agents.iter().all(|agent| agent.serves(&setup.queues[0])));
    assert_eq!(config.people.phones["bob"], "trunk:+4930123456");
    let hours = setup.queues[0].hours.as_ref().expect("hours");
    assert_eq!((hours.week.len(), hours.closed.len(), hours.zone.name()), (5, 1, "Europe/Berlin"));
    let page = "[desk]\nmedia_ip = \"192.0.2.1\"\nmedia_ports = \"30000-30099\"\n\
        [[queue]]\nname = \"support\"\n[[agent]]\nname = \"anna\"\nphone = \"browser\"\nqueues = [\"support\"]\n";
    let config = good(&format!("{MINIMAL}{page}"));
    assert_eq!((config.people.phones["anna"].as_str(), config.desk.media_ports), ("browser", Some(30_000..=30_099)));
    let told = errors(&format!("{MINIMAL}{page}desk = false\n")).join("\n");
    assert!(told.contains("a phone in the page needs a desk"), "{told}");
    let phones = |more: &str| {
        format!(
            "{MINIMAL}[[queue]]\nname = \"support\"\n[[agent]]\nname = \"anna\"\nqueues = [\"support\"]\nphone = \"registered\"\n\
             phone_password = \"one-long-and-secret-word\"\n[[agent]]\nname = \"bob\"\nqueues = [\"support\"]\n{more}\n"
        )
    };
    let config = good(&phones("phone = \"registered\"\nphone_login = \"bobs\"\nphone_password = \"another-long-secret\""));
    let logins: Vec<_> = config.people.accounts().0.into_keys().collect();
    assert_eq!((logins, config.sip.terms), (vec!["anna".to_string(), "bobs".into()], crate::sip::Terms::default()));
    assert!(!format!("{:?}", config.people).contains("secret"), "passwords do not show");
    let cases = [
        ("phone = \"registered\"", "needs a password"),
        ("phone = \"registered\"\nphone_password = \"short\"", "guessed in minutes"),
        ("phone = \"registered\"\nphone_login = \"anna\"\nphone_password = \"another-long-secret\"", "another agent's phone"),
        ("phone = \"browser\"\nphone_password = \"another-long-secret\"", "called elsewhere"),
    ];
    for (more, part) in cases {
        let told = errors(&phones(more)).join("\n");
        assert!(told.contains(part), "{part}: {told}");
    }
    let wrong = "[[queue]]\nname = \"support\"\nskills = { help = 3 }\noverflow = [\"nowhere\"]\nhours = [\"weekdays\"]\n\
        [[agent]]\nname = \"anna\"\nphone = \"anna\"\nqueues = [\"sales\"]\n\
        [[agent]]\nname = \"bob\"\nphone = \"sip:bob@192.0.2.10\"\nqueues = [\"support\"]\nskills = { help = 1 }\n";
    let told = errors(&format!("{MINIMAL}{wrong}")).join("\n");
    for part in [
        "cannot be called",
        "there is no queue \"sales\"",
        "asks for help 3, and the agent has 1",
        "overflows to `nowhere`",
        "are no hours",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn emergencies_go_by_a_trunk_that_is_there() {
    let trunk = "[[trunk]]\nname = \"line\"\nproxy = \"192.0.2.1\"\n";
    let config = good(&format!(
        "{MINIMAL}[emergency]\nnumbers = [\"112\", \"110\"]\ntrunk = \"line\"\nlanguages = [\"zh\", \"en\"]\n{trunk}"
    ));
    assert_eq!((config.emergency.numbers, config.emergency.languages.len()), (vec!["112".to_string(), "110".into()], 2));
    assert!(good(MINIMAL).emergency.numbers.is_empty());
    let config = good(&format!("{MINIMAL}[emergency]\nnumbers = [\"112\"]\n"));
    assert!(config.warnings.iter().any(|w| w.message.contains("no trunk")), "{:?}", config.warnings);
    for (wrong, part) in
        [("trunk = \"nowhere\"", "no trunk \"nowhere\""), ("languages = []", "no language"), ("numbers = [\"*\"]", "no number")]
    {
        let told = errors(&format!("{MINIMAL}[emergency]\n{wrong}\n{trunk}")).join("\n");
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = errors(&format!("{MINIMAL}[sip]\nregister_seconds_min = 300\nregister_seconds_max = 100\n")).join("\n");
    assert!(told.contains("more than register_seconds_max"), "{told}");
}

#[test]
fn the_address_of_a_database_holds_no_password_that_everybody_reads() {
    let with = |line: &str| parse(&format!("{MINIMAL}[store]\ndatabase = {line:?}\n")).0;
    let config = with("env:HOTLINE_DATABASE").expect("good");
    assert_eq!(
        config.store.database.as_ref().map(ToString::to_string),
        Some("PostgreSQL hotline at db.example:5432".to_string())
    );
    assert!(!format!("{config:?}").contains("a-password"));
    assert!(with("postgres://hotline:a-password@127.0.0.1/hotline").is_err(), "written plainly");
    assert!(with("postgres://hotline@127.0.0.1").is_err() && with("mysql://hotline@127.0.0.1/x").is_err());
    let open = with("postgres://hotline@db.example/hotline").expect("good");
    assert_eq!(open.warnings.len(), config.warnings.len() + 1, "the network can read it");
}

#[test]
fn what_agents_say_is_recognised_only_beside_what_callers_say() {
    assert!(!good(MINIMAL).desk.transcript_agents);
    let both = good(&format!("{MINIMAL}[desk]\ntranscript = true\ntranscript_agents = true\n")).desk;
    assert!(both.transcript && both.transcript_agents);
    let told = errors(&format!("{MINIMAL}[desk]\ntranscript_agents = true\n"));
    assert!(told.len() == 1 && told[0].contains("Write transcript = true, too"), "{told:?}");
}
