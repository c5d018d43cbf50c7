//! The signalling shell: sockets, the SIP crate (`rsipstack`, pinned) and its pitfalls, and one task that owns every
//! dialog. Nothing here decides about calls: it tells [`SipEvent`]s and does [`SipCommand`]s.
//!
//! * `socket`: the sockets as bound, and UDP behind the gate; `stream`: TCP and TLS behind it.
//! * `tls`: certificates, ours and those that we believe.
//! * `gate`: the guard with its memory, one for all sockets.
//! * `address`: what we write into Via and Contact for which peer.
//! * `inspector`: the last look at messages on their way through the crate; `logins`: passwords for requests inside calls;
//!   `message`: what several parts read from messages.
//! * `phones`: agents' phones that register here.
//! * `trunks`: registrations, OPTIONS and keep-alives of trunks.
//! * `core`: the task; `incoming`, `outgoing`, `dialog` are its parts, `change` re-INVITEs and UPDATEs of ours,
//!   `reoffer` of theirs, `refresh` session
//!   timers, `reliable` acknowledged provisional answers, `early` requests before there is a call,
//!   `referred` transfers by the far end.
//!
//! The crate writes whole messages (numbers, SDP, INFO digits) into its log at level INFO. A log filter must keep it
//! at WARN: append [`LOG_FILTER`].

mod address;
mod change;
mod core;
mod dialog;
mod early;
mod gate;
mod incoming;
mod inspector;
mod logins;
mod message;
mod outgoing;
mod phones;
mod referred;
mod refresh;
mod reliable;
mod reoffer;
mod socket;
mod stream;
mod tls;
mod trunks;

use super::digest::Algorithm;
use super::reliable::Reliable;
use super::session_timer::SessionPolicy;
use super::verify::Accounts;
use super::{Credentials, DialogKey, SipCommand, SipEvent};
use crate::base::{Moment, Network};
use crate::sip::guard::Limits;
use crate::sip::registrar::{Remembered, Terms};
use crate::sip::trunk::{Board, Trunk};
use address::Addresses;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
pub use tls::{TlsError, TlsFiles};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use phones::SharedRegistrar;
pub use trunks::{SharedBoard, board};

/// What a `tracing` filter must hold so that the SIP crate does not write personal data into the log.
pub const LOG_FILTER: &str = "rsipstack=warn";

/// Programs that look for open doors, by the names that they go by.
pub const SCANNERS: [&str; 9] =
    ["friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sipcli", "sip-scan", "pplsip", "iwar", "sivus"];

/// Commands that may wait for the signalling task.
const COMMANDS_MAX: usize = 1024;

/// How the endpoint listens and what it allows.
#[derive(Debug, Clone)]
pub struct SipConfig {
    /// UDP address; port 0 takes a free one. `None` = no UDP.
    pub udp: Option<SocketAddr>,
    /// TCP address; port 0 takes a free one. `None` = no TCP.
    pub tcp: Option<SocketAddr>,
    /// TLS address; port 0 takes a free one. `None` = nobody is heard over TLS; we may still call over it.
    pub tls: Option<SocketAddr>,
    /// Our certificate and its key; needed for `tls`.
    pub tls_files: Option<TlsFiles>,
    /// Whose certificates we believe when we call over TLS, a PEM file; `None` = those that the system believes.
    pub tls_ca: Option<std::path::PathBuf>,
    /// The address that peers see (behind NAT), written into Via and Contact except towards loopback.
    pub external_ip: Option<IpAddr>,
    /// User-Agent header.
    pub user_agent: String,
    /// Incoming dialogs at once; further INVITEs get 503 with Retry-After before anything is kept of them.
    pub max_dialogs: usize,
    /// Sources whose P-Asserted-Identity is believed (RFC 3325).
    pub trusted: Vec<Network>,
    /// Sources that may call without being asked who they are.
    pub known: Vec<Network>,
    /// What happens to requests outside of a dialog from all other sources.
    pub unknown: Unknown,
    /// Who may call from anywhere, where unknown sources are challenged.
    pub accounts: Accounts,
    /// Whose phones may register here, by login.
    pub phones: Accounts,
    /// How long their registrations last.
    pub terms: Terms,
    /// Numbers that those phones may call over every limit.
    pub emergency: Vec<String>,
    /// Hash functions that are offered to them, the first preferred.
    pub digest: Vec<Algorithm>,
    /// Names and passwords for targets that challenge our INVITEs (401, 407).
    pub credentials: Vec<Credentials>,
    /// Lines to carriers and PBXs.
    pub trunks: Vec<Trunk>,
    /// When our provisional answers are acknowledged (RFC 3262).
    pub reliable: Reliable,
    /// Session timers (RFC 4028).
    pub session: SessionPolicy,
    /// Timer T1 (RFC 3261 §17): the first retransmission; 64 times it is the wait for an ACK.
    pub t1: Duration,
    /// What sources that are neither known nor trusted may ask of us.
    pub strangers: Limits,
    /// Parts of User-Agent or From (letter case aside) that scanners give themselves away by; they get no answer.
    pub scanners: Vec<String>,
    /// How long a message on a stream may take from its first to its last byte.
    pub half_message: Duration,
    /// How often a sign of life goes out on stream connections that we opened.
    pub keep_alive: Duration,
}

impl Default for SipConfig {
    fn default() -> SipConfig {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 5060));
        SipConfig {
            udp: Some(loopback),
            tcp: Some(loopback),
            tls: None,
            tls_files: None,
            tls_ca: None,
            external_ip: None,
            user_agent: concat!("hotline/", env!("CARGO_PKG_VERSION")).into(),
            max_dialogs: 500,
            trusted: Vec::new(),
            known: Vec::new(),
            unknown: Unknown::Answer,
            accounts: Accounts::default(),
            phones: Accounts::default(),
            terms: Terms::default(),
            emergency: Vec::new(),
            digest: vec![Algorithm::Md5, Algorithm::Sha256],
            credentials: Vec::new(),
            trunks: Vec::new(),
            reliable: Reliable::default(),
            session: SessionPolicy::default(),
            t1: Duration::from_millis(500),
            strangers: Limits::default(),
            scanners: SCANNERS.iter().map(ToString::to_string).collect(),
            half_message: Duration::from_secs(10),
            keep_alive: Duration::from_secs(100),
        }
    }
}

/// What happens to requests that begin something (INVITE, OPTIONS) from sources that are not known. Dialogs that exist are not
/// touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// They are taken like all others.
    #[default]
    Answer,
    /// 401 until they know the password of an account (RFC 3261 §22).
    Challenge,
    /// 403.
    Refuse,
    /// No answer, so that scanners pass by (what is no proper SIP may still be told so).
    Ignore,
}

/// Why the endpoint could not start.
#[derive(Debug, thiserror::Error)]
pub enum SipError {
    /// An address is taken, not ours or not allowed.
    #[error("cannot listen for SIP on {transport} {addr}: {source}; give another address or stop the program that uses it")]
    Bind {
        /// UDP, TCP or TLS.
        transport: &'static str,
        /// As configured.
        addr: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Nothing to listen on is configured.
    #[error("no address for SIP is configured, neither UDP nor TCP nor TLS; give at least one")]
    NoTransport,
    /// TLS without a usable certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The SIP stack refused to start.
    #[error("the SIP stack did not start: {0}")]
    Stack(String),
}

/// The signalling task is too far behind (or stopped); the command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signalling is overloaded or stopped, the command was not taken")]
pub struct SipBusy;

/// What an endpoint holds, for metrics and leak tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SipCounts {
    /// Dialogs that the application knows.
    pub dialogs: usize,
    /// Dialogs in the SIP crate; briefly more than `dialogs` while a BYE is on its way.
    pub stack_dialogs: usize,
    /// Running transactions.
    pub transactions: usize,
    /// Stream connections.
    pub connections: usize,
}

/// One SIP endpoint: its sockets, its dialogs. Dropping it stops it without goodbyes; [`SipEndpoint::stop`] says them.
#[derive(Debug)]
pub struct SipEndpoint {
    commands: mpsc::Sender<SipCommand>,
    keys: Arc<AtomicU64>,
    accepting: Arc<AtomicBool>,
    addresses: Arc<Addresses>,
    dialogs: Arc<AtomicUsize>,
    stack: core::StackView,
    board: SharedBoard,
    phones: SharedRegistrar,
    /// When the registrar's time began.
    began: tokio::time::Instant,
    tls: Arc<tls::Tls>,
    /// Asks the task to end every dialog and finish.
    stop: CancellationToken,
    /// Ends sockets and background work at once.
    kill: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl SipEndpoint {
    /// Opens the sockets and starts to serve. `events` should be drained without delay: a full channel makes signalling
    /// wait, it loses nothing.
    ///
    /// # Errors
    /// [`SipError`] if an address cannot be bound or none is configured.
    pub async fn bind(cfg: SipConfig, events: mpsc::Sender<SipEvent>) -> Result<SipEndpoint, SipError> {
        let kill = CancellationToken::new();
        let stop = CancellationToken::new();
        let tls = Arc::new(tls::Tls::load(&cfg)?);
        let sockets = socket::open(&cfg).await?;
        let addresses = Arc::new(sockets.addresses(&cfg));
        let (commands, command_rx) = mpsc::channel(COMMANDS_MAX);
        let keys = Arc::new(AtomicU64::new(1));
        let accepting = Arc::new(AtomicBool::new(true));
        let dialogs = Arc::new(AtomicUsize::new(0));
        let board = SharedBoard::new(Board::new(cfg.trunks.clone()).into());
        let phones = phones::registrar_of(&cfg);
        let began = tokio::time::Instant::now();
        let shared = core::Shared {
            cfg,
            phones: phones.clone(),
            began,
            board: board.clone(),
            addresses: addresses.clone(),
            tls: tls.clone(),
            keys: keys.clone(),
            accepting: accepting.clone(),
            dialogs: dialogs.clone(),
            stop: stop.clone(),
            kill: kill.clone(),
        };
        let core = core::Core::start(shared, sockets, events).await?;
        let stack = core.stack();
        let task = Some(tokio::spawn(core.run(command_rx)));
        Ok(SipEndpoint { commands, keys, accepting, addresses, dialogs, stack, board, phones, began, tls, stop, kill, task })
    }

    /// Hands a command over, never waiting.
    ///
    /// # Errors
    /// [`SipBusy`] if too many commands wait or the endpoint has stopped.
    pub fn send(&self, command: SipCommand) -> Result<(), SipBusy> {
        self.commands.try_send(command).map_err(|_| SipBusy)
    }

    /// A key for an INVITE of ours.
    pub fn new_key(&self) -> DialogKey {
        DialogKey(self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// The trunks as they are now.
    pub fn board(&self) -> &SharedBoard {
        &self.board
    }

    /// Where agents' phones are.
    pub fn phones(&self) -> &SharedRegistrar {
        &self.phones
    }

    /// The address from which a phone has registered.
    pub fn phone_at(&self, login: &str) -> Option<SocketAddr> {
        phones::registrar(&self.phones).phone_of(login).map(|(_, flow)| flow.peer)
    }

    /// What of the registrations outlives a restart, and a number that grows with every change of it.
    pub fn remembered_phones(&self) -> (u64, Vec<Remembered>) {
        let registrar = phones::registrar(&self.phones);
        (registrar.changes(), registrar.remembered(Moment::ZERO + self.began.elapsed()))
    }

    /// Takes over what was remembered before a restart.
    pub fn restore_phones(&self, all: Vec<Remembered>) {
        phones::registrar(&self.phones).restore(Moment::ZERO + self.began.elapsed(), all);
    }

    /// Where UDP listens, with the port that was taken.
    pub fn local_udp(&self) -> Option<SocketAddr> {
        self.addresses.udp
    }

    /// Where TCP listens, with the port that was taken.
    pub fn local_tcp(&self) -> Option<SocketAddr> {
        self.addresses.tcp
    }

    /// Where TLS listens, with the port that was taken.
    pub fn local_tls(&self) -> Option<SocketAddr> {
        self.addresses.tls
    }

    /// Reads certificate, key and authorities again. Connections that exist go on; the next handshake uses the new ones.
    ///
    /// # Errors
    /// What is wrong with the files; then everything stays as it was.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.tls.reload()?;
        self.stack.believe(&self.tls);
        Ok(())
    }

    /// The address of ours that this peer reaches: for SDP, so that audio and signalling agree.
    pub fn local_ip_toward(&self, peer: IpAddr) -> IpAddr {
        self.addresses.ip_toward(peer)
    }

    /// `false` = drain: new INVITEs and OPTIONS get 503 with Retry-After, running dialogs go on.
    pub fn set_accepting(&self, accepting: bool) {
        self.accepting.store(accepting, Ordering::Relaxed);
    }

    /// What is held at the moment: all of it must go back to zero after the last call.
    pub fn counts(&self) -> SipCounts {
        let (stack_dialogs, transactions, connections) = self.stack.counts();
        SipCounts { dialogs: self.dialogs.load(Ordering::Relaxed), stack_dialogs, transactions, connections }
    }

    /// Ends every dialog (BYE, CANCEL, 503), waits up to two seconds for their answers and closes the sockets.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // The task bounds its own goodbyes; this is for a consumer that no longer takes events.
            let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
        }
        self.kill.cancel();
    }
}

impl Drop for SipEndpoint {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}
