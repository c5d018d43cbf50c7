//! SIP over TCP and TLS: our own framer and guard stand between the stream and the SIP crate, for connections that come in
//! and for those that we open. The crate sees each connection as a channel of whole messages.
//!
//! What is bounded: connections in total and from one source, the time that a connection may say nothing or stay in the
//! middle of a message, the time that a write may take and what may wait for it, and broken requests in a row.

use super::SipConfig;
use super::gate::{Gate, Heard, shed};
use super::socket::Sockets;
use super::tls::{self, Tls};
use crate::sip::guard::{self, Framer, Piece, Verdict};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Method, SipMessage, StatusCode, StatusCodeKind, Transport};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::connection::TransportEvent;
use rsipstack::transport::{SipAddr, SipConnection};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

/// Stream connections at once; further ones are closed right after they come.
const CONNECTIONS_MAX: usize = 1024;
/// Of those, connections from sources that are not known: the rest stays free for our own people.
const UNKNOWN_MAX: usize = 512;
/// Connections from one source that is not known.
const PER_SOURCE_MAX: usize = 32;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A write that takes longer ends the connection: a far end that does not read must not fill our memory.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that may wait to be written to a stranger. Each write has its own time, so who reads a little now and then would let
/// answers gather.
const WAITING_MAX: usize = 256 * 1024;
/// The same for one of ours: all calls of a trunk may go over one connection.
const OUR_WAITING_MAX: usize = 4 * 1024 * 1024;
/// A connection on which nothing comes is closed after this long; calls are shorter.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// A stranger who has no call here must say something good this often; pings do not count.
const STRANGER_IDLE: Duration = Duration::from_secs(5 * 60);
/// The same before its first good message; for a stranger from the beginning of the connection.
const SILENT: Duration = Duration::from_secs(30);
/// Pings of a stranger in a row, each within [`PING_PAUSE`] of the last: the connection is closed.
const PINGS_MAX: u32 = 32;
const PING_PAUSE: Duration = Duration::from_secs(1);
/// Requests in a row that no budget answers: the connection is closed.
const UNANSWERED_MAX: u32 = 32;
/// How long answers may still go out when nothing more can be read.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Bytes read at once.
const READ: usize = 16 * 1024;

/// What all stream connections of an endpoint share.
pub(super) struct Streams {
    endpoint: EndpointInnerRef,
    gate: Arc<Gate>,
    tls: Arc<Tls>,
    half_message: Duration,
    keep_alive: Duration,
    kill: CancellationToken,
    /// Short critical sections at connection and disconnection only.
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// Connections by source.
    sources: HashMap<IpAddr, usize>,
    total: usize,
    unknown: usize,
    /// Those that we opened, by whether they are TLS and by address: the crate finds connections so, and takes the newest.
    opened: HashMap<(bool, SocketAddr), Opened>,
}

/// A connection that we opened.
#[derive(Clone)]
struct Opened {
    /// What proves who is at the other end; `None` = nothing does, without TLS.
    proof: Option<Proof>,
    /// Ends it.
    over: CancellationToken,
    /// Another one to the same address stands in its place for what begins from now on.
    replaced: CancellationToken,
}

#[derive(Clone)]
struct Proof {
    /// The name that we asked for.
    name: String,
    certificate: Option<CertificateDer<'static>>,
}

impl Opened {
    fn new(proof: Option<Proof>) -> Opened {
        Opened { proof, over: CancellationToken::new(), replaced: CancellationToken::new() }
    }

    /// Whether requests for this name may go over it.
    fn serves(&self, name: &str) -> bool {
        let proves = |proof: &Proof| proof.name == name || proof.certificate.as_ref().is_some_and(|c| tls::bears(c, name));
        !self.over.is_cancelled() && self.proof.as_ref().is_none_or(proves)
    }
}

/// A place in the table, given back when dropped.
struct Place {
    streams: Arc<Streams>,
    source: IpAddr,
    unknown: bool,
    /// We opened it.
    ours: bool,
}

impl Streams {
    pub(super) fn new(
        cfg: &SipConfig,
        endpoint: EndpointInnerRef,
        gate: Arc<Gate>,
        tls: Arc<Tls>,
        kill: CancellationToken,
    ) -> Arc<Streams> {
        Arc::new(Streams {
            endpoint,
            gate,
            tls,
            half_message: cfg.half_message,
            keep_alive: cfg.keep_alive,
            kill,
            table: Mutex::default(),
        })
    }

    /// Begins to accept connections, until killed.
    pub(super) fn listen(self: Arc<Streams>, sockets: Sockets) {
        if let Some(listener) = sockets.tcp {
            tokio::spawn(self.clone().accept(listener, None));
        }
        if let (Some(listener), Some(acceptor)) = (sockets.tls, self.tls.acceptor()) {
            tokio::spawn(self.accept(listener, Some(acceptor)));
        }
    }

    /// Our own loop, because the crate's cannot take port 0 nor bound its connections.
    async fn accept(self: Arc<Streams>, listener: TcpListener, acceptor: Option<TlsAcceptor>) {
        loop {
            let accepted = tokio::select! {
                () = self.kill.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, source)) = accepted else {
                // Out of file descriptors, for instance: give others time to close theirs.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Some(place) = self.place(source.ip()) else { continue };
            let _ = stream.set_nodelay(true);
            match acceptor.clone() {
                None => self.clone().begin(stream, source, Transport::Tcp, place, None).await,
                Some(acceptor) => drop(tokio::spawn(self.clone().shake_hands(acceptor, stream, source, place))),
            }
        }
    }

    async fn shake_hands(self: Arc<Streams>, acceptor: TlsAcceptor, stream: TcpStream, source: SocketAddr, place: Place) {
        let shaken = tokio::select! {
            () = self.kill.cancelled() => return,
            shaken = timeout(HANDSHAKE, acceptor.accept(stream)) => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => self.begin(stream, source, Transport::Tls, place, None).await,
            Ok(Err(error)) => {
                tracing::debug!(%source, %error, "a TLS handshake failed");
                self.gate.fault(source.ip(), "handshake");
            }
            Err(_) => self.gate.fault(source.ip(), "handshake"),
        }
    }

    /// Makes sure that there is a connection to `address`, guarded like those that come in.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn connect(self: &Arc<Streams>, tls: bool, address: SocketAddr, name: &str) -> Result<(), String> {
        if self.table().opened.get(&(tls, address)).is_some_and(|opened| opened.serves(name)) {
            return Ok(());
        }
        let stream = TcpStream::connect(address).await.map_err(|e| format!("the target does not answer: {e}"))?;
        let _ = stream.set_nodelay(true);
        let place = self.own_place(address.ip());
        if tls {
            let (connector, server) = self.tls.connector(name)?;
            let stream = connector.connect(server, stream).await.map_err(|e| format!("no TLS with the target: {e}"))?;
            let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let proof = Proof { name: name.to_string(), certificate: shown.cloned().map(CertificateDer::into_owned) };
            self.clone().begin(stream, address, Transport::Tls, place, Some(Opened::new(Some(proof)))).await;
        } else {
            self.clone().begin(stream, address, Transport::Tcp, place, Some(Opened::new(None))).await;
        }
        Ok(())
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection that comes in, if there is one for this source.
    fn place(self: &Arc<Streams>, source: IpAddr) -> Option<Place> {
        let unknown = !self.gate.knows(source);
        let source = guard::one_source(source);
        if unknown && !self.gate.lets_connect(source) {
            return None;
        }
        let mut table = self.table();
        let of_source = table.sources.get(&source).copied().unwrap_or(0);
        let full = table.total >= CONNECTIONS_MAX || unknown && (table.unknown >= UNKNOWN_MAX || of_source >= PER_SOURCE_MAX);
        if full {
            drop(table);
            shed("connections");
            tracing::debug!(%source, "too many SIP connections, one was closed");
            return None;
        }
        Some(self.enter(&mut table, source, unknown, false))
    }

    /// A place for a connection of ours: those are bounded by the calls that need them.
    fn own_place(self: &Arc<Streams>, peer: IpAddr) -> Place {
        self.enter(&mut self.table(), peer, false, true)
    }

    fn enter(self: &Arc<Streams>, table: &mut Table, source: IpAddr, unknown: bool, ours: bool) -> Place {
        *table.sources.entry(source).or_default() += 1;
        table.total += 1;
        table.unknown += usize::from(unknown);
        Place { streams: self.clone(), source, unknown, ours }
    }

    /// Hands a connection to the crate, which knows it when this returns, and serves it in the background. `opened` = by us.
    async fn begin<S>(
        self: Arc<Streams>,
        stream: S,
        peer: SocketAddr,
        transport: Transport,
        place: Place,
        opened: Option<Opened>,
    ) where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (to_crate, incoming) = mpsc::unbounded_channel();
        // Unbounded, because the crate's one receiving task sends some answers itself and must never wait for a far end that
        // does not read; `Desk::write_all` takes messages out at once and counts them.
        let (outgoing, from_crate) = mpsc::unbounded_channel();
        let address = SipAddr::new(transport, peer.into());
        let ours = opened.is_some();
        let opened = opened.unwrap_or_else(|| Opened::new(None));
        let made = ChannelConnection::create_connection(incoming, outgoing, address, Some(opened.over.clone())).await;
        let Ok(connection) = made.map(SipConnection::Channel) else { return };
        {
            // Under the lock, so that the table and the crate agree on which one is the newest.
            let mut table = self.table();
            self.endpoint.transport_layer.add_connection(connection.clone());
            let before = ours.then(|| table.opened.insert((transport == Transport::Tls, peer), opened.clone())).flatten();
            if let Some(before) = before {
                before.replaced.cancel();
            }
        }
        let (read, write) = tokio::io::split(stream);
        let write = Arc::new(tokio::sync::Mutex::new(write));
        let (stranger, calls) = (place.unknown, AtomicBool::new(false));
        let desk = Desk { write, connection, to_crate, peer, transport, gate: self.gate.clone(), stranger, calls };
        tokio::spawn(self.serve(read, desk, from_crate, place, opened));
    }

    /// One connection until its end.
    async fn serve<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        self: Arc<Streams>,
        read: R,
        desk: Desk<W>,
        from_crate: mpsc::UnboundedReceiver<TransportEvent>,
        place: Place,
        Opened { over, replaced, .. }: Opened,
    ) {
        // Calls that began over it go on over it.
        let outlived = async {
            replaced.cancelled().await;
            tokio::time::sleep(IDLE).await;
        };
        {
            let mut writing = std::pin::pin!(desk.write_all(from_crate));
            tokio::select! {
                () = self.kill.cancelled() => {}
                () = over.cancelled() => {}
                () = outlived => {}
                () = &mut writing => {}
                () = desk.keep_alive(self.keep_alive), if place.ours => {}
                () = desk.gate.shut_out(desk.peer), if place.unknown => {}
                understood = receive(read, &desk, self.half_message) => if understood {
                    // That still gets its answer.
                    let _ = timeout(LAST_WORDS, writing).await;
                }
            }
        }
        over.cancel();
        desk.gate.closed(desk.transport, desk.peer);
        let _ = timeout(LAST_WORDS, async { desk.write.lock().await.shutdown().await }).await;
        drop(place);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.streams.table();
        table.total -= 1;
        table.unknown -= usize::from(self.unknown);
        if let Some(count) = table.sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                table.sources.remove(&self.source);
            }
        }
        table.opened.retain(|_, opened| !opened.over.is_cancelled());
    }
}

/// One write, whole and in time.
async fn put<W: AsyncWrite + Unpin>(write: &tokio::sync::Mutex<W>, bytes: &[u8]) -> Result<(), ()> {
    let all = async {
        let mut write = write.lock().await;
        write.write_all(bytes).await?;
        write.flush().await
    };
    match timeout(WRITE_TIMEOUT, all).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

/// The connection is to be closed.
struct Close;

/// Reads until the far end closes, says nothing for too long or cannot be understood any more; whether any of it was a good
/// message.
async fn receive<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(mut read: R, desk: &Desk<W>, half_message: Duration) -> bool {
    let mut framer = Framer::default();
    let mut buffer = vec![0; READ];
    let (mut understood, mut lately) = (false, Lately::default());
    let mut times = Times { read: Instant::now(), good: Instant::now() };
    // When the message that is half there must be whole.
    let mut due: Option<Instant> = None;
    loop {
        let until = due.unwrap_or_else(|| desk.patience(understood, &times));
        let length = match tokio::time::timeout_at(until, read.read(&mut buffer)).await {
            Ok(Ok(length)) if length > 0 => length,
            // A call was taken meanwhile.
            Err(_) if due.is_none() && desk.patience(understood, &times) > Instant::now() => continue,
            _ => return understood,
        };
        times.read = Instant::now();
        framer.push(&buffer[..length]);
        while let Some(piece) = framer.next() {
            due = None;
            match desk.take(piece, &mut lately).await {
                Ok(true) => (understood, times.good) = (true, times.read),
                Ok(false) => {}
                Err(Close) => return understood,
            }
        }
        due = if framer.waits() { due.or(Some(Instant::now() + half_message)) } else { None };
    }
}

/// When a connection was heard last.
struct Times {
    /// Anything at all.
    read: Instant,
    /// A good message; before the first one, the beginning.
    good: Instant,
}

/// Until when something must come on a connection: `understood` = a good message came, `stranger` = nobody knows who is there,
/// `calls` = a call needs it.
fn patience(understood: bool, stranger: bool, calls: bool, times: &Times) -> Instant {
    match (understood, stranger) {
        (false, true) => times.good + SILENT,
        (false, false) => times.read + SILENT,
        (true, true) if !calls => times.good + STRANGER_IDLE,
        (true, _) => times.read + IDLE,
    }
}

/// What came in a row that leads nowhere.
#[derive(Default)]
struct Lately {
    /// Requests that no budget answers.
    unanswered: u32,
    /// Pings close upon each other, and when the last came.
    pings: u32,
    pinged: Option<Instant>,
}

impl Lately {
    /// One more ping; whether there are too many.
    fn ping(&mut self, now: Instant) -> bool {
        let close = self.pinged.is_some_and(|last| now < last + PING_PAUSE);
        self.pings = if close { self.pings + 1 } else { 1 };
        self.pinged = Some(now);
        self.pings > PINGS_MAX
    }
}

/// Where the pieces of one connection are dealt with.
struct Desk<W> {
    /// For answers of the guard's own and for pongs.
    write: Arc<tokio::sync::Mutex<W>>,
    connection: SipConnection,
    to_crate: mpsc::UnboundedSender<TransportEvent>,
    peer: SocketAddr,
    transport: Transport,
    gate: Arc<Gate>,
    /// It came from somebody whom we do not know.
    stranger: bool,
    /// A call was taken, or a request of ours was sent over it: it is needed.
    calls: AtomicBool,
}

impl<W: AsyncWrite + Unpin> Desk<W> {
    /// Until when something must come.
    fn patience(&self, understood: bool, times: &Times) -> Instant {
        let stranger = self.stranger && !self.gate.is_phone(self.peer, Heard::Stream);
        patience(understood, stranger, self.calls.load(Ordering::Relaxed), times)
    }

    /// Writes what the crate sends, until it fails, takes too long, or too much of it waits.
    async fn write_all(&self, mut messages: mpsc::UnboundedReceiver<TransportEvent>) {
        let (mut waiting, mut bytes) = (VecDeque::new(), 0);
        let most = if self.stranger { WAITING_MAX } else { OUR_WAITING_MAX };
        loop {
            let Some(next): Option<Vec<u8>> = waiting.pop_front() else {
                let Some(event) = messages.recv().await else { return };
                let message = self.written(event);
                bytes += message.as_ref().map_or(0, Vec::len);
                waiting.extend(message);
                continue;
            };
            let mut writing = std::pin::pin!(put(&self.write, &next));
            loop {
                tokio::select! {
                    biased;
                    done = &mut writing => match done {
                        Ok(()) => break,
                        Err(()) => return,
                    },
                    // When the crate sends no more, what waits still goes out.
                    Some(event) = messages.recv() => {
                        let message = self.written(event);
                        bytes += message.as_ref().map_or(0, Vec::len);
                        waiting.extend(message);
                    }
                }
                if bytes > most {
                    tracing::debug!(peer = %self.peer, "a far end does not read what it is sent; its connection was closed");
                    self.gate.fault(self.peer.ip(), "slow");
                    return;
                }
            }
            bytes -= next.len();
        }
    }

    /// A message of the crate's as it goes out.
    fn written(&self, event: TransportEvent) -> Option<Vec<u8>> {
        let TransportEvent::Incoming(message, ..) = event else { return None };
        if matches!(&message, SipMessage::Response(response) if response.status_code == StatusCode::Forbidden) {
            // Who is refused again and again is not heard any more for a while.
            self.gate.fault(self.peer.ip(), "refused");
        }
        if carries_a_call(&message) {
            self.calls.store(true, Ordering::Relaxed);
        }
        Some(guard::without_our_tag(&message.to_bytes()).into_owned())
    }

    /// Two line ends now and then on a connection that we opened (RFC 5626 §4.4.1): a NAT between us keeps its binding, and a
    /// far end that is gone is noticed. Ends when the connection does.
    async fn keep_alive(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            if put(&self.write, b"\r\n\r\n").await.is_err() {
                return;
            }
        }
    }

    /// Deals with one piece; whether it was a good message.
    async fn take(&self, piece: Piece, lately: &mut Lately) -> Result<bool, Close> {
        match piece {
            Piece::Ping if self.stranger && lately.ping(Instant::now()) => {
                self.gate.fault(self.peer.ip(), "pings");
                Err(Close)
            }
            Piece::Ping => put(&self.write, b"\r\n").await.map(|()| false).map_err(|()| Close),
            Piece::Message(bytes) => match self.gate.hears(&bytes, self.peer, Heard::Stream) {
                Verdict::Pass(message) => {
                    *lately = Lately::default();
                    self.pass(&message).map(|()| true)
                }
                Verdict::Answer(answer) => put(&self.write, &answer.text).await.map(|()| false).map_err(|()| Close),
                Verdict::Drop(_) => {
                    lately.unanswered += 1;
                    if lately.unanswered >= UNANSWERED_MAX { Err(Close) } else { Ok(false) }
                }
            },
            Piece::Refused { head, fault, close } => {
                if let Some(answer) = self.gate.refuses(&head, fault, self.peer) {
                    put(&self.write, &answer.text).await.map_err(|()| Close)?;
                }
                if close { Err(Close) } else { Ok(false) }
            }
            Piece::Noise(_) => {
                self.gate.fault(self.peer.ip(), "noise");
                Err(Close)
            }
        }
    }

    /// Hands a good message to the crate.
    fn pass(&self, bytes: &[u8]) -> Result<(), Close> {
        // What the guard passed can be read; a message that cannot is dropped alone.
        let Ok(message) = SipMessage::try_from(bytes) else { return Ok(()) };
        let Ok(message) = SipConnection::update_msg_received(message, self.peer, self.transport) else { return Ok(()) };
        let from = SipAddr::new(self.transport, self.peer.into());
        self.to_crate.send(TransportEvent::Incoming(message, self.connection.clone(), from)).map_err(|_| Close)
    }
}

/// Whether a message of ours says that its connection is needed: a 2xx to an INVITE, or a request of our own.
fn carries_a_call(message: &SipMessage) -> bool {
    match message {
        SipMessage::Request(_) => true,
        SipMessage::Response(response) => {
            let taken = response.status_code.kind() == StatusCodeKind::Successful;
            taken && response.cseq_header().and_then(|c| c.method()).is_ok_and(|method| method == Method::Invite)
        }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
