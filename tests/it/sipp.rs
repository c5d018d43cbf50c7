//! The signalling endpoint against SIPp (Debian `sip-tester`), a peer that we did not write. The scenarios in
//! `sip-config/sipp` are general: the dialled number is given with `-s`, so they serve against the whole gateway too.
//! Where SIPp is not installed these tests pass and say so aloud.

use hotline::sip::{DialogKey, EndedWhy, SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than any scenario here, shorter than patience.
const PATIENCE: Duration = Duration::from_secs(30);

/// A small telephone on our endpoint. What it does with a call is the dialled number's word:
/// `bye`, `refer`, `busy`, `unknown`, `ring`; every other number is answered.
struct Ua {
    local: SocketAddr,
    local_tcp: Option<SocketAddr>,
    commands: mpsc::UnboundedSender<SipCommand>,
    events: mpsc::UnboundedReceiver<SipEvent>,
    task: JoinHandle<SipEndpoint>,
}

impl Ua {
    async fn start(change: impl FnOnce(&mut SipConfig)) -> Ua {
        let any = SocketAddr::new(LOOPBACK, 0);
        let mut cfg = SipConfig { udp: Some(any), tcp: Some(any), ..SipConfig::default() };
        change(&mut cfg);
        let (tx, mut rx) = mpsc::channel(64);
        let endpoint = SipEndpoint::bind(cfg, tx).await.expect("loopback is free");
        let (local, local_tcp) = (endpoint.local_udp().expect("UDP is on"), endpoint.local_tcp());
        let (told, events) = mpsc::unbounded_channel();
        let (commands, mut command_rx) = mpsc::unbounded_channel::<SipCommand>();
        let task = tokio::spawn(async move {
            let mut calls = Calls::default();
            loop {
                tokio::select! {
                    event = rx.recv() => {
                        let Some(event) = event else { return endpoint };
                        for command in calls.reaction(&event) {
                            endpoint.send(command).expect("not busy");
                        }
                        let _ = told.send(event);
                    }
                    command = command_rx.recv() => match command {
                        Some(command) => endpoint.send(command).expect("not busy"),
                        None => return endpoint,
                    },
                }
            }
        });
        Ua { local, local_tcp, commands, events, task }
    }

    async fn next(&mut self) -> SipEvent {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("the telephone lives")
    }

    /// Waits for the end of the (one) dialog, and gives what came before in words.
    async fn story(&mut self) -> String {
        let mut words = Vec::new();
        loop {
            let event = self.next().await;
            words.push(word(&event));
            if matches!(event, SipEvent::Ended { .. }) {
                return words.join(" ");
            }
        }
    }

    async fn stop(self) {
        drop(self.commands);
        self.task.await.expect("no panic").stop().await;
    }
}

fn word(event: &SipEvent) -> String {
    match event {
        SipEvent::Incoming { from, to, offer, .. } => {
            format!("incoming:{from}>{to}{}", if offer.is_some() { "" } else { ":late" })
        }
        SipEvent::Acked { answer, .. } => if answer.is_some() { "acked:answer" } else { "acked" }.into(),
        SipEvent::Reoffer { offer, .. } => if offer.is_some() { "reoffer" } else { "reoffer:late" }.into(),
        SipEvent::InfoDigit { digit, .. } => format!("digit:{}", digit.as_char()),
        SipEvent::ReferProgress { status, last, .. } => format!("refer:{status}{}", if *last { ":last" } else { "" }),
        SipEvent::Ringing { .. } => "ringing".into(),
        SipEvent::Answered { .. } => "answered".into(),
        SipEvent::Ended { why, .. } => match why {
            EndedWhy::Bye => "bye".into(),
            EndedWhy::Cancelled => "cancelled".into(),
            EndedWhy::Ours => "ours".into(),
            EndedWhy::Refused { status, contact } => format!("refused:{status}{}", contact.as_deref().unwrap_or("")),
            EndedWhy::TimedOut => "timed-out".into(),
            EndedWhy::Broken(_) => "broken".into(),
        },
    }
}

/// What the telephone knows of its calls.
#[derive(Default)]
struct Calls {
    sdp: HashMap<DialogKey, SdpSession>,
    number: HashMap<DialogKey, String>,
}

impl Calls {
    fn reaction(&mut self, event: &SipEvent) -> Vec<SipCommand> {
        match event {
            SipEvent::Incoming { dialog, to, offer, .. } => self.on_incoming(*dialog, to, offer.as_deref()),
            SipEvent::Acked { dialog, answer } => self.on_acked(*dialog, answer.as_deref()),
            SipEvent::Reoffer { dialog, offer } => {
                let session = self.sdp.get_mut(dialog).expect("a call");
                vec![match offer {
                    Some(offer) => match session.answer(offer, LOOPBACK, 40_000) {
                        Ok((_, sdp)) => SipCommand::AnswerReoffer { dialog: *dialog, sdp },
                        Err(e) => SipCommand::RejectReoffer { dialog: *dialog, status: e.status() },
                    },
                    None => SipCommand::AnswerReoffer { dialog: *dialog, sdp: session.offer(LOOPBACK, 40_000) },
                }]
            }
            _ => vec![],
        }
    }

    fn on_incoming(&mut self, dialog: DialogKey, to: &str, offer: Option<&str>) -> Vec<SipCommand> {
        self.number.insert(dialog, to.to_string());
        let reject = |status| vec![SipCommand::Reject { dialog, status, retry_after: None }];
        match to {
            "unknown" => return reject(404),
            "busy" => return reject(486),
            "ring" => return vec![SipCommand::Ring { dialog }],
            _ => {}
        }
        let mut session = SdpSession::new(dialog.0);
        let sdp = match offer {
            None => session.offer(LOOPBACK, 40_000),
            Some(offer) => match session.answer(offer, LOOPBACK, 40_000) {
                Ok((_, sdp)) => sdp,
                Err(e) => return reject(e.status()),
            },
        };
        self.sdp.insert(dialog, session);
        vec![SipCommand::Ring { dialog }, SipCommand::Answer { dialog, sdp }]
    }

    fn on_acked(&mut self, dialog: DialogKey, answer: Option<&str>) -> Vec<SipCommand> {
        if let Some(answer) = answer {
            self.sdp.get_mut(&dialog).expect("a call").accept_answer(answer, LOOPBACK).expect("a good answer");
        }
        match self.number.get(&dialog).map(String::as_str) {
            Some("bye") => vec![SipCommand::HangUp { dialog }],
            Some("refer") => {
                let (to, uui) = ("sip:agent@127.0.0.1:9".to_string(), Some("00112233;encoding=hex".to_string()));
                vec![SipCommand::Refer { dialog, to, uui }]
            }
            _ => vec![],
        }
    }
}

/// A UDP port that is free now.
fn free_port() -> u16 {
    UdpSocket::bind((LOOPBACK, 0)).and_then(|s| s.local_addr()).expect("a free port").port()
}

fn installed() -> bool {
    let found = std::process::Command::new("sipp").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("SKIPPED: SIPp is not installed (Debian package sip-tester), nothing was tested against it");
    }
    found
}

/// SIPp at work; killed when dropped.
struct Sipp {
    child: tokio::process::Child,
    folder: tempfile::TempDir,
    name: String,
}

impl Sipp {
    /// Starts a scenario of `sip-config/sipp` (or a built-in one: `-uac`), once, from `port`.
    fn start(scenario: &str, port: u16, more: &[&str]) -> Sipp {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = tokio::process::Command::new("sipp");
        match scenario.strip_prefix('-') {
            Some(built_in) => command.args(["-sn", built_in]),
            None => {
                let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
                command.arg("-sf").arg(root.join("sip-config/sipp").join(format!("{scenario}.xml")))
            }
        };
        let (port, media) = (port.to_string(), free_port().to_string());
        command.args(["-i", "127.0.0.1", "-p", &port, "-mp", &media, "-m", "1", "-nostdin", "-timeout", "25s"]);
        command.args(["-timeout_error", "-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors"]);
        command.args(more).current_dir(folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("SIPp starts");
        Sipp { child, folder, name: scenario.to_string() }
    }

    /// Waits for its end; everything must have gone as in the scenario.
    async fn passes(mut self) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("SIPp ends in time").expect("it ran");
        if !status.success() {
            let read = |name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            panic!("SIPp scenario {} failed ({status}):\n{}\n{}", self.name, read("errors"), read("messages"));
        }
    }
}

/// One call by a scenario to a number: the scenario passes and the telephone tells this story.
async fn check(scenario: &str, number: &str, more: &[&str], story: &str) {
    if !installed() {
        return;
    }
    let mut ua = Ua::start(|_| ()).await;
    let target = ua.local.to_string();
    let mut args = vec!["-s", number];
    args.extend(more);
    args.push(&target);
    let sipp = Sipp::start(scenario, free_port(), &args);
    assert_eq!(ua.story().await, story, "{scenario}");
    sipp.passes().await;
    ua.stop().await;
}

#[tokio::test]
async fn sipps_own_caller_is_answered() {
    check("-uac", "100", &["-d", "200"], "incoming:sipp>100 acked bye").await;
}

#[tokio::test]
async fn a_plain_call() {
    check("call", "100", &["-d", "100"], "incoming:+4930123456>100 acked bye").await;
}
