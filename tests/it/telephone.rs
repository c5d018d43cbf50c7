//! A small telephone on our signalling endpoint, SIPp as its peer, and requests written by hand: what the tests of signalling
//! share.

use crate::gateway::installed;
use hotline::base::Digit;
use hotline::sip::{Credentials, DialogKey, EndedWhy, SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Longer than a BYE whose answer was lost may take (RFC 3261, timer F: 32 s).
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// A small telephone on our endpoint. What it does with a call is the dialled number's word:
/// `bye`, `key`, `refer`, `busy`, `unknown`, `ring`, `progress` (early media and no more), `early` (early media, then the answer),
/// `reinvite` (an offer of ours inside the call), `slow` (a change of theirs waits for a key), `transfer` (they may
/// transfer); every other number is answered.
pub(crate) struct Ua {
    pub(crate) endpoint: Arc<SipEndpoint>,
    /// Where it listens; the unspecified port if that transport is off.
    pub(crate) local: SocketAddr,
    pub(crate) local_tcp: SocketAddr,
    pub(crate) events: mpsc::UnboundedReceiver<SipEvent>,
    task: JoinHandle<()>,
}

impl Ua {
    pub(crate) async fn start(change: impl FnOnce(&mut SipConfig)) -> Ua {
        let any = SocketAddr::new(LOOPBACK, 0);
        let mut cfg = SipConfig { udp: Some(any), tcp: Some(any), ..SipConfig::default() };
        change(&mut cfg);
        let (tx, mut rx) = mpsc::channel(64);
        let endpoint = SipEndpoint::bind(cfg, tx).await.expect("loopback is free");
        let endpoint = Arc::new(endpoint);
        let (told, events) = mpsc::unbounded_channel();
        let of_task = endpoint.clone();
        let task = tokio::spawn(async move {
            let mut calls = Calls::default();
            while let Some(event) = rx.recv().await {
                for command in calls.reaction(&event) {
                    of_task.send(command).expect("not busy");
                }
                let _ = told.send(event);
            }
        });
        let (local, local_tcp) = (endpoint.local_udp().unwrap_or(any), endpoint.local_tcp().unwrap_or(any));
        Ua { endpoint, local, local_tcp, events, task }
    }

    pub(crate) fn new_key(&self) -> DialogKey {
        self.endpoint.new_key()
    }

    pub(crate) fn command(&self, command: SipCommand) {
        self.endpoint.send(command).expect("not busy");
    }

    /// Waits until nothing is held any more.
    pub(crate) async fn drained(&self) {
        until("nothing is held", || {
            let counts = self.endpoint.counts();
            (counts.dialogs, counts.stack_dialogs) == (0, 0)
        })
        .await;
    }

    pub(crate) fn accepting(&self, accepting: bool) {
        self.endpoint.set_accepting(accepting);
    }

    pub(crate) async fn next(&mut self) -> SipEvent {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("the telephone lives")
    }

    /// Waits for the end of the (one) dialog, and gives what came before in words.
    pub(crate) async fn story(&mut self) -> String {
        let mut words = Vec::new();
        loop {
            let event = self.next().await;
            words.push(word(&event));
            if matches!(event, SipEvent::Ended { .. }) {
                return words.join(" ");
            }
        }
    }

    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        Arc::into_inner(self.endpoint).expect("the task has let go").stop().await;
    }
}

pub(crate) fn word(event: &SipEvent) -> String {
    match event {
        SipEvent::ReferAsked { to, .. } => format!("refer-asked:{to}"),
        SipEvent::Incoming { from, to, offer, replaces, .. } => {
            let (late, takes) = (if offer.is_some() { "" } else { ":late" }, if replaces.is_some() { ":replaces" } else { "" });
            format!("incoming:{from}>{to}{late}{takes}")
        }
        SipEvent::Acked { answer, .. } => if answer.is_some() { "acked:answer" } else { "acked" }.into(),
        SipEvent::Reoffer { offer, .. } => if offer.is_some() { "reoffer" } else { "reoffer:late" }.into(),
        SipEvent::Reanswered { .. } => "reanswered".into(),
        SipEvent::ReofferRefused { status, .. } => format!("reoffer-refused:{status}"),
        SipEvent::InfoDigit { digit, .. } => format!("digit:{}", digit.as_char()),
        SipEvent::ReferProgress { status, last, .. } => format!("refer:{status}{}", if *last { ":last" } else { "" }),
        SipEvent::Ringing { .. } => "ringing".into(),
        SipEvent::Answered { .. } => "answered".into(),
        SipEvent::Phone { login, there } => format!("{}{login}", if *there { "+" } else { "-" }),
        SipEvent::Ended { why, .. } => match why {
            EndedWhy::Bye => "bye".into(),
            EndedWhy::Cancelled => "cancelled".into(),
            EndedWhy::Ours => "ours".into(),
            EndedWhy::Refused { status, contact } => format!("refused:{status}{}", contact.as_deref().unwrap_or("")),
            EndedWhy::Expired => "expired".into(),
            EndedWhy::TimedOut => "timed-out".into(),
            EndedWhy::Broken(_) => "broken".into(),
        },
    }
}

/// What the telephone knows of its calls.
#[derive(Default)]
pub(crate) struct Calls {
    sdp: HashMap<DialogKey, SdpSession>,
    number: HashMap<DialogKey, String>,
    /// Dialogs that took the place of others, which end once these are up.
    replacing: HashMap<DialogKey, DialogKey>,
    /// An offer that is not answered yet.
    kept: Option<String>,
}

impl Calls {
    pub(crate) fn reaction(&mut self, event: &SipEvent) -> Vec<SipCommand> {
        match event {
            SipEvent::Incoming { dialog, to, offer, replaces, .. } => {
                self.replacing.extend(replaces.map(|old| (*dialog, old)));
                self.on_incoming(*dialog, to, offer.as_deref())
            }
            SipEvent::ReferAsked { dialog, to } => self.on_refer_asked(*dialog, to),
            SipEvent::Acked { dialog, answer } => self.on_acked(*dialog, answer.as_deref()),
            SipEvent::Reoffer { dialog, offer } if self.number.get(dialog).is_some_and(|n| n == "slow") => {
                self.kept = offer.clone();
                vec![]
            }
            SipEvent::InfoDigit { dialog, .. } if self.kept.is_some() => {
                let event = SipEvent::Reoffer { dialog: *dialog, offer: self.kept.take() };
                self.number.insert(*dialog, "100".into());
                self.reaction(&event)
            }
            SipEvent::Reoffer { dialog, offer } => {
                let session = self.sdp.entry(*dialog).or_insert_with(|| SdpSession::new(dialog.0));
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

    /// Who asks on `transfer` is obeyed in words: ringing, then the outcome that the address names.
    fn on_refer_asked(&mut self, dialog: DialogKey, to: &str) -> Vec<SipCommand> {
        if self.number.get(&dialog).is_none_or(|n| n != "transfer") {
            return vec![SipCommand::AnswerRefer { dialog, status: 603 }];
        }
        let outcome = if to.contains("busy") { 486 } else { 200 };
        let told = |(status, last)| SipCommand::NotifyRefer { dialog, status, last };
        let mut commands = vec![SipCommand::AnswerRefer { dialog, status: 202 }];
        commands.extend([(180, false), (outcome, true)].map(told));
        if outcome == 200 {
            commands.push(SipCommand::HangUp { dialog });
        }
        commands
    }

    pub(crate) fn on_incoming(&mut self, dialog: DialogKey, to: &str, offer: Option<&str>) -> Vec<SipCommand> {
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
        match to {
            "progress" => return vec![SipCommand::Progress { dialog, sdp }],
            "early" => return vec![SipCommand::Progress { dialog, sdp: sdp.clone() }, SipCommand::Answer { dialog, sdp }],
            _ => {}
        }
        vec![SipCommand::Ring { dialog }, SipCommand::Answer { dialog, sdp }]
    }

    pub(crate) fn on_acked(&mut self, dialog: DialogKey, answer: Option<&str>) -> Vec<SipCommand> {
        if let Some(answer) = answer {
            self.sdp.get_mut(&dialog).expect("a call").accept_answer(answer, LOOPBACK).expect("a good answer");
        }
        if let Some(dialog) = self.replacing.remove(&dialog) {
            return vec![SipCommand::HangUp { dialog }];
        }
        match self.number.get(&dialog).map(String::as_str) {
            Some("reinvite") => {
                let sdp = self.sdp.get_mut(&dialog).map(|s| s.offer(LOOPBACK, 40_000)).unwrap_or_default();
                vec![SipCommand::Reinvite { dialog, sdp }]
            }
            Some("bye") => vec![SipCommand::HangUp { dialog }],
            Some("key") => Digit::from_char('5').map(|digit| SipCommand::SendInfoDigit { dialog, digit }).into_iter().collect(),
            Some("refer") => {
                let (to, uui) = ("sip:agent@127.0.0.1:9".to_string(), Some("00112233;encoding=hex".to_string()));
                vec![SipCommand::Refer { dialog, to, uui }]
            }
            _ => vec![],
        }
    }
}

/// Waits until it is so, within [`PATIENCE`]. What is waited for here is a state of something that runs beside the test (counts, a
/// board, the system's tables) and that tells nobody of its changes, so it is looked at again and again.
pub(crate) async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let late = tokio::time::Instant::now() + PATIENCE;
    while !is() {
        assert!(tokio::time::Instant::now() < late, "never so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A port that is free now, for UDP and TCP: not one of those that the system gives to sockets without a wish, which other tests
/// might get in the meantime, and far enough apart for the ports that SIPp takes beside.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() * 64;
    for _ in 0..1_000 {
        let n = first.wrapping_add(NEXT.fetch_add(32, Ordering::Relaxed));
        let port = u16::try_from(10_000 + n % 9_992).expect("below 20000") & !1;
        // The next one too: baresip takes it for TLS, RTP for its reports.
        let free =
            |port: u16| UdpSocket::bind((LOOPBACK, port)).is_ok() && std::net::TcpListener::bind((LOOPBACK, port)).is_ok();
        if free(port) && free(port + 1) {
            return port;
        }
    }
    panic!("no port is free below 20000")
}

/// SIPp at work; killed when dropped.
pub(crate) struct Sipp {
    child: tokio::process::Child,
    folder: tempfile::TempDir,
    name: String,
}

impl Sipp {
    /// Starts a scenario of `sip-config/sipp` (or a built-in one: `-uac`), once, from `port`.
    pub(crate) fn start(scenario: &str, port: u16, more: &[&str]) -> Sipp {
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
        // A pause of nothing, SIPp's own default, is one that it sometimes (about one call in ten) does not wake from.
        command.args(["-d", "20"]);
        command.args(more).current_dir(folder.path()).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("SIPp starts");
        Sipp { child, folder, name: scenario.to_string() }
    }

    /// Waits for its end; everything must have gone as in the scenario.
    pub(crate) async fn passes(mut self) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("SIPp ends in time").expect("it ran");
        if !status.success() {
            let read = |name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            panic!("SIPp scenario {} failed ({status}):\n{}\n{}", self.name, read("errors"), read("messages"));
        }
    }
}

/// One call by a scenario to a number: the scenario passes and the telephone tells this story.
pub(crate) async fn check(scenario: &str, number: &str, more: &[&str], story: &str) {
    check_with(|_| (), scenario, number, more, story).await;
}

/// The same with an endpoint set up otherwise.
pub(crate) async fn check_with(change: impl FnOnce(&mut SipConfig), scenario: &str, number: &str, more: &[&str], story: &str) {
    if !installed("sipp") {
        return;
    }
    let mut ua = Ua::start(change).await;
    let target = ua.local.to_string();
    let mut args = vec!["-s", number];
    args.extend(more);
    args.push(&target);
    let sipp = Sipp::start(scenario, free_port(), &args);
    let (told, ()) = tokio::join!(ua.story(), sipp.passes());
    // The first news of a transfer may overtake the answer to it (RFC 3515 §2.4.4): SIPp sends both at once.
    assert_eq!(told.replace("refer:100 refer:202", "refer:202 refer:100"), story, "{scenario}");
    ua.drained().await;
    ua.stop().await;
}

/// One request by hand, its answers by hand.
pub(crate) struct Hand {
    pub(crate) socket: tokio::net::UdpSocket,
    pub(crate) target: SocketAddr,
}

impl Hand {
    pub(crate) async fn new(target: SocketAddr) -> Hand {
        Hand { socket: tokio::net::UdpSocket::bind((LOOPBACK, 0)).await.expect("a socket"), target }
    }

    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().expect("bound").port()
    }

    pub(crate) async fn send(&self, message: &[u8]) {
        self.socket.send_to(message, self.target).await.expect("loopback takes it");
    }

    /// The next response to `call_id`; others are passed over.
    pub(crate) async fn answer(&self, call_id: &str) -> String {
        let mut buffer = vec![0; 65_535];
        loop {
            let got = tokio::time::timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.expect("an answer in time");
            let text = String::from_utf8_lossy(&buffer[..got.expect("loopback").0]).into_owned();
            if text.contains(call_id) {
                return text;
            }
        }
    }

    pub(crate) fn request(&self, method: &str, call_id: &str) -> String {
        let port = self.port();
        format!(
            "{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{call_id};rport\r\n\
             From: \"J. Caller\" <sip:caller@127.0.0.1:{port}>;tag=f{call_id}\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:caller@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
    }
}

/// A call of ours to SIPp as an agent; `hang_up` once answered.
pub(crate) async fn call_out(scenario: &str, ring_seconds: u32, transport: &str, hang_up: bool, story: &str) {
    call_out_with(|_| (), scenario, (ring_seconds, transport), hang_up, story).await;
}

/// The same with an endpoint set up otherwise.
pub(crate) async fn call_out_with(
    change: impl FnOnce(&mut SipConfig),
    scenario: &str,
    (ring_seconds, transport): (u32, &str),
    hang_up: bool,
    story: &str,
) {
    if !installed("sipp") {
        return;
    }
    let known = Credentials { host: "PBX".into(), user: "gateway".into(), password: "s3cret".into() };
    let mut ua = Ua::start(|cfg| {
        cfg.credentials.push(known);
        change(cfg);
    })
    .await;
    let port = free_port();
    let mode = if transport == "tcp" { "t1" } else { "u1" };
    let sipp = Sipp::start(scenario, port, &["-t", mode]);
    listening(port, transport).await;
    let dialog = ua.new_key();
    let sdp = SdpSession::new(7).offer(LOOPBACK, 40_000);
    let to = format!("sip:agent@127.0.0.1:{port};transport={transport}");
    let uui = Some("00112233;encoding=hex".to_string());
    ua.command(SipCommand::Invite { dialog, to, from: "100".into(), sdp, uui, ring_seconds, trunk: None });
    let told = async {
        let mut words = Vec::new();
        loop {
            let event = ua.next().await;
            words.push(word(&event));
            match event {
                SipEvent::Answered { sdp, .. } => {
                    SdpSession::new(7).accept_answer(&sdp, LOOPBACK).expect("a good answer");
                    if hang_up {
                        ua.command(SipCommand::HangUp { dialog });
                    }
                }
                SipEvent::Ended { .. } => return words.join(" "),
                _ => {}
            }
        }
    };
    let (told, ()) = tokio::join!(told, sipp.passes());
    assert_eq!(told, story, "{scenario}");
    ua.stop().await;
}

/// Waits until SIPp has its socket. The system is asked: trying to bind the port would now and then take it away from SIPp.
pub(crate) async fn listening(port: u16, transport: &str) {
    let local = format!("0100007F:{port:04X}");
    until("SIPp opens its port", || {
        let table = std::fs::read_to_string(format!("/proc/net/{transport}")).expect("Linux tells its sockets");
        table.lines().any(|line| line.split_ascii_whitespace().nth(1) == Some(local.as_str()))
    })
    .await;
}
