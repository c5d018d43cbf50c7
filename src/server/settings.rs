//! What a gateway needs to start, already checked: made from the configuration file, or by a test.

use super::config::{Config, EmergencyConfig, Network};
use super::queues::People;
use super::rate::CallerLimits;
use crate::browser::Place;
use crate::flow::Flow;
use crate::media::PlaneConfig;
use crate::sip::guard::Limits;
use crate::sip::{Accounts, SdpPolicy, SessionPolicy, SipConfig, TlsFiles};
use crate::speech::{EarsConfig, ScribeConfig, VoicesConfig};
use crate::store::{Records, Retention, RetentionRules};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Everything a [`super::Gateway`] needs.
pub struct Settings {
    /// Signalling.
    pub sip: SipConfig,
    /// What is offered and taken in session descriptions.
    pub sdp: SdpPolicy,
    /// Audio.
    pub media: MediaSettings,
    /// Audio of agents whose phone is their page.
    pub pages: Place,
    /// Recognition.
    pub ears: EarsConfig,
    /// Who writes down messages; `None` = nobody.
    pub scribe: Option<ScribeConfig>,
    /// Synthesis.
    pub voices: VoicesConfig,
    /// Folder for database, recordings, event logs.
    pub store: Records,
    /// Queues and agents.
    pub people: People,
    /// Dialled numbers and their flows.
    pub numbers: Vec<Served>,
    /// Hosts that look-ups may ask.
    pub lookup_hosts: Vec<String>,
    /// Longest call.
    pub longest_call: Duration,
    /// What callers say to agents of a queue is recognised, too.
    pub transcript: bool,
    /// And what the agents say to them.
    pub transcript_agents: bool,
    /// Calls at once; beyond them 503 with Retry-After.
    pub max_calls: usize,
    /// What agents' phones may call over every limit.
    pub emergency: EmergencyConfig,
    /// How often one source or caller may call, and who may not.
    pub callers: CallerLimits,
    /// Hashes of the models in use, for the event logs' heads.
    pub models: std::collections::BTreeMap<String, String>,
    /// How long sounds and words are kept.
    pub retention: crate::store::RetentionRules,
}

/// A dialled number and the flow that serves it.
#[derive(Debug, Clone)]
pub struct Served {
    /// As in the Request-URI; `*` = any other.
    pub number: String,
    /// The flow.
    pub flow: Arc<Flow>,
    /// The flow file's folder, from which its sound files count.
    pub base_dir: PathBuf,
}

/// Audio settings without the clock.
#[derive(Debug, Clone)]
pub struct MediaSettings {
    /// Address of the RTP sockets.
    pub bind: IpAddr,
    /// Even ports among these.
    pub ports: RangeInclusive<u16>,
    /// No RTP for so long clears the call.
    pub no_rtp: Duration,
}

impl MediaSettings {
    pub(super) fn with_epoch(self, epoch: Instant) -> PlaneConfig {
        PlaneConfig { bind: self.bind, ports: self.ports, no_rtp: self.no_rtp, epoch }
    }
}

impl Settings {
    /// Settings from a configuration and the flows it names. `program` is this program's own file, for the worker processes.
    pub fn from_config(config: &Config, numbers: Vec<Served>, program: PathBuf) -> Settings {
        let speech = &config.speech;
        let otherwise = Retention { audio_days: config.store.audio_days, text_days: config.store.text_days };
        let by_flow = numbers.iter().map(|served| {
            let kept = &served.flow.retention;
            let days = Retention {
                audio_days: kept.audio_days.or(otherwise.audio_days),
                text_days: kept.text_days.or(otherwise.text_days),
            };
            (served.flow.name.clone(), days)
        });
        let retention = RetentionRules { by_flow: by_flow.collect(), otherwise, audit_days: config.store.audit_days };
        Settings {
            sip: SipConfig {
                udp: config.sip.udp,
                tcp: config.sip.tcp,
                tls: config.sip.tls,
                tls_files: config
                    .sip
                    .tls_cert
                    .clone()
                    .zip(config.sip.tls_key.clone())
                    .map(|(certificate, key)| TlsFiles { certificate, key }),
                tls_ca: config.sip.tls_ca.clone(),
                scanners: config.sip.scanners.clone(),
                strangers: Limits { requests_per_second: config.limits.requests_per_second, shut_out: config.limits.shut_out },
                external_ip: config.sip.external_ip,
                user_agent: config.sip.user_agent.clone(),
                max_dialogs: config.sip.max_calls as usize * 3,
                trusted: config.sip.trusted.clone(),
                known: config.sip.trusted.iter().copied().chain(Network::LOOPBACK).collect(),
                unknown: config.sip.unknown,
                digest: config.sip.digest.clone(),
                accounts: Accounts(
                    config.sip.accounts.iter().map(|(name, password)| (name.clone(), password.reveal().clone())).collect(),
                ),
                phones: config.people.accounts(),
                terms: config.sip.terms,
                emergency: config.emergency.numbers.clone(),
                trunks: config.trunks.clone(),
                reliable: config.sip.reliable,
                session: SessionPolicy { expires: config.sip.session_expires, ..SessionPolicy::default() },
                ..SipConfig::default()
            },
            sdp: SdpPolicy {
                codecs: config.sip.codecs.clone(),
                prefer_ours: config.sip.prefer_our_codecs,
                srtp: config.sip.srtp,
                comfort_noise: config.sip.comfort_noise,
            },
            media: MediaSettings {
                bind: config.sip.rtp_ip,
                ports: config.sip.rtp_ports.clone().unwrap_or(16_384..=32_766),
                no_rtp: config.sip.no_rtp,
            },
            pages: Place {
                address: config.desk.media_ip.or(Some(config.sip.rtp_ip).filter(|ip| !ip.is_unspecified())),
                ports: config.desk.media_ports.clone().or(config.sip.rtp_ports.clone()).unwrap_or(0..=0),
            },
            ears: EarsConfig {
                program: program.clone(),
                pocketsphinx: speech.pocketsphinx,
                ears_model: speech.ears_model.clone(),
                whisper_model: speech.whisper_model.clone(),
                whisper: if speech.whisper_model.is_some() { speech.whisper } else { 0 },
                wait: speech.wait,
                deadline: speech.deadline,
                longest: Duration::from_secs(130),
                always_listen: false,
            },
            scribe: speech.message_words.then(|| ScribeConfig {
                program: program.clone(),
                whisper_model: speech.whisper_model.clone(),
                pocketsphinx: speech.pocketsphinx > 0,
            }),
            voices: VoicesConfig {
                flite_voice: speech.voice_en.clone(),
                own: speech.voice_commands.iter().map(|(language, command)| (*language, command.clone())).collect(),
                cache_folder: Some(config.store.dir.join("prompts")),
                ..VoicesConfig::new(program)
            },
            store: config.store.records(),
            people: config.people.clone(),
            numbers,
            lookup_hosts: config.lookup.hosts.iter().map(ToString::to_string).collect(),
            longest_call: config.limits.call,
            transcript: config.desk.transcript,
            transcript_agents: config.desk.transcript_agents,
            max_calls: config.sip.max_calls as usize,
            emergency: config.emergency.clone(),
            callers: CallerLimits {
                per_source: config.limits.calls_per_minute,
                per_caller: config.limits.calls_per_minute_per_caller,
                blocked: config.limits.blocked.clone(),
            },
            models: std::collections::BTreeMap::new(),
            retention,
        }
    }
}
