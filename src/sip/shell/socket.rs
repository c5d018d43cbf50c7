//! The sockets: UDP behind the guard, TCP with a bound on connections.

use super::address::Addresses;
use super::{SipConfig, SipError};
use crate::base::Moment;
use crate::sip::guard::{self, AnswerBudget, Verdict};
use rsipstack::platform::net::UdpSocket as StackSocket;
use rsipstack::sip::Transport;
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, SipConnection};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

/// TCP connections at once; further ones are closed right after they come.
const CONNECTIONS_MAX: usize = 1024;
/// Bytes that the system may keep for us while the task is busy: some 500 INVITEs.
const UDP_BUFFER: usize = 1 << 20;
/// The longest datagram there can be.
const DATAGRAM_MAX: usize = 65_535;

/// The bound sockets, before anything is served.
pub(super) struct Sockets {
    udp: Option<UdpSocket>,
    tcp: Option<TcpListener>,
}

/// Binds what is configured.
pub(super) async fn open(cfg: &SipConfig) -> Result<Sockets, SipError> {
    if cfg.udp.is_none() && cfg.tcp.is_none() {
        return Err(SipError::NoTransport);
    }
    let mut sockets = Sockets { udp: None, tcp: None };
    if let Some(addr) = cfg.udp {
        let bind = |source| SipError::Bind { transport: "UDP", addr, source };
        let socket = UdpSocket::bind(addr).await.map_err(bind)?;
        // A smaller buffer than asked for is no reason not to start.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(UDP_BUFFER);
        sockets.udp = Some(socket);
    }
    if let Some(addr) = cfg.tcp {
        let bind = |source| SipError::Bind { transport: "TCP", addr, source };
        sockets.tcp = Some(TcpListener::bind(addr).await.map_err(bind)?);
    }
    Ok(sockets)
}

impl Sockets {
    pub(super) fn addresses(&self, cfg: &SipConfig) -> Addresses {
        Addresses {
            udp: self.udp.as_ref().and_then(|s| s.local_addr().ok()),
            tcp: self.tcp.as_ref().and_then(|s| s.local_addr().ok()),
            external: cfg.external_ip,
            seen: Arc::default(),
        }
    }

    /// The crate's UDP transport, and the TCP listener for [`accept`]. Without UDP the crate still gets a transport, one that
    /// never receives and refuses to send: it takes its default Via from there.
    pub(super) async fn into_transports(
        self,
        addresses: &Addresses,
        kill: &CancellationToken,
    ) -> Result<(SipConnection, Option<TcpListener>), SipError> {
        let local = addresses.udp.or(addresses.tcp).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)));
        let socket: Arc<dyn StackSocket> = match self.udp {
            Some(socket) => Arc::new(GuardedSocket::new(socket, local)),
            None => Arc::new(NoUdp { local }),
        };
        let udp = UdpConnection::from_socket(socket, None, Some(kill.child_token()))
            .await
            .map_err(|e| SipError::Stack(e.to_string()))?;
        Ok((udp.into(), self.tcp))
    }
}

/// The UDP socket as the crate sees it.
struct GuardedSocket {
    socket: UdpSocket,
    local: SocketAddr,
    /// Only the one receive loop locks it: datagrams longer than the crate's buffer must be seen whole.
    inner: tokio::sync::Mutex<Receiving>,
    started: Instant,
}

struct Receiving {
    buffer: Vec<u8>,
    budget: AnswerBudget,
}

impl GuardedSocket {
    fn new(socket: UdpSocket, local: SocketAddr) -> GuardedSocket {
        let inner = Receiving { buffer: vec![0; DATAGRAM_MAX], budget: AnswerBudget::default() };
        GuardedSocket { socket, local, inner: tokio::sync::Mutex::new(inner), started: Instant::now() }
    }

    fn now(&self) -> Moment {
        Moment::from_micros(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

#[async_trait::async_trait]
impl StackSocket for GuardedSocket {
    async fn recv_from(&self, buf: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        let mut inner = self.inner.lock().await;
        let Receiving { buffer, budget } = &mut *inner;
        loop {
            let (len, source) = match self.socket.recv_from(buffer).await {
                Ok(got) => got,
                Err(_) => {
                    // The crate would ask again at once: do not spin on a broken socket.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            match guard::screen(&buffer[..len], source) {
                Verdict::Pass(message) if message.len() <= buf.len() => {
                    buf[..message.len()].copy_from_slice(&message);
                    return Ok((message.len(), source));
                }
                Verdict::Answer(answer) if budget.take(source.ip(), self.now()) => {
                    let _ = self.socket.send_to(&answer.text, answer.to).await;
                }
                Verdict::Pass(_) | Verdict::Answer(_) | Verdict::Drop(_) => {}
            }
        }
    }

    async fn send_to(&self, buf: &[u8], addr: SocketAddr) -> rsipstack::Result<usize> {
        Ok(self.socket.send_to(buf, addr).await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.local)
    }
}

/// Stands where a UDP socket would be when UDP is off.
struct NoUdp {
    local: SocketAddr,
}

#[async_trait::async_trait]
impl StackSocket for NoUdp {
    async fn recv_from(&self, _buf: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        std::future::pending().await
    }

    async fn send_to(&self, _buf: &[u8], _addr: SocketAddr) -> rsipstack::Result<usize> {
        Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "UDP is off").into())
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.local)
    }
}

/// Accepts TCP connections until `kill`. Our own loop, because the crate's cannot take port 0 nor bound its connections.
pub(super) async fn accept(listener: TcpListener, endpoint: EndpointInnerRef, local: SocketAddr, kill: CancellationToken) {
    let local = SipAddr::new(Transport::Tcp, local.into());
    loop {
        let accepted = tokio::select! {
            () = kill.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(_) => {
                // Out of file descriptors, for instance: give others time to close theirs.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if endpoint.transport_layer.connections_count() >= CONNECTIONS_MAX {
            tracing::warn!(max = CONNECTIONS_MAX, "too many SIP connections over TCP, one was closed");
            continue;
        }
        let _ = stream.set_nodelay(true);
        if let Ok(connection) = TcpConnection::from_stream(stream, local.clone(), Some(kill.child_token())) {
            endpoint.transport_layer.add_connection(SipConnection::Tcp(connection));
        }
    }
}
