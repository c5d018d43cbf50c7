//! The sockets as bound, and the UDP one behind the gate. What happens on TCP is in `stream`.

use super::address::Addresses;
use super::gate::{Gate, Heard};
use super::{SipConfig, SipError};
use crate::sip::guard::{self, Verdict};
use rsipstack::platform::net::UdpSocket as StackSocket;
use rsipstack::transport::SipConnection;
use rsipstack::transport::udp::UdpConnection;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

/// Bytes that the system may keep for us while the task is busy: some 500 INVITEs.
const UDP_BUFFER: usize = 1 << 20;
/// The longest datagram there can be.
const DATAGRAM_MAX: usize = 65_535;

/// The bound sockets, before anything is served.
pub(super) struct Sockets {
    udp: Option<UdpSocket>,
    pub(super) tcp: Option<TcpListener>,
    pub(super) tls: Option<TcpListener>,
}

/// Binds what is configured.
pub(super) async fn open(cfg: &SipConfig) -> Result<Sockets, SipError> {
    if cfg.udp.is_none() && cfg.tcp.is_none() && cfg.tls.is_none() {
        return Err(SipError::NoTransport);
    }
    let mut sockets = Sockets { udp: None, tcp: None, tls: None };
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
    if let Some(addr) = cfg.tls {
        let bind = |source| SipError::Bind { transport: "TLS", addr, source };
        sockets.tls = Some(TcpListener::bind(addr).await.map_err(bind)?);
    }
    Ok(sockets)
}

impl Sockets {
    pub(super) fn addresses(&self, cfg: &SipConfig) -> Addresses {
        Addresses {
            udp: self.udp.as_ref().and_then(|s| s.local_addr().ok()),
            tcp: self.tcp.as_ref().and_then(|s| s.local_addr().ok()),
            tls: self.tls.as_ref().and_then(|s| s.local_addr().ok()),
            external: cfg.external_ip,
            seen: Arc::default(),
        }
    }

    /// The crate's UDP transport; the listeners are for `stream`. Without UDP the crate still gets a transport, one that
    /// never receives and refuses to send: it takes its default Via from there.
    pub(super) async fn udp_transport(
        &mut self,
        addresses: &Addresses,
        gate: &Arc<Gate>,
        kill: &CancellationToken,
    ) -> Result<SipConnection, SipError> {
        let local = addresses.udp.or(addresses.tcp).or(addresses.tls).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)));
        let socket: Arc<dyn StackSocket> = match self.udp.take() {
            Some(socket) => Arc::new(GuardedSocket::new(socket, local, gate.clone())),
            None => Arc::new(NoUdp { local }),
        };
        let udp = UdpConnection::from_socket(socket, None, Some(kill.child_token()))
            .await
            .map_err(|e| SipError::Stack(e.to_string()))?;
        Ok(udp.into())
    }
}

/// The UDP socket as the crate sees it.
struct GuardedSocket {
    socket: UdpSocket,
    local: SocketAddr,
    /// Only the one receive loop locks it: datagrams longer than the crate's buffer must be seen whole.
    buffer: tokio::sync::Mutex<Vec<u8>>,
    gate: Arc<Gate>,
}

impl GuardedSocket {
    fn new(socket: UdpSocket, local: SocketAddr, gate: Arc<Gate>) -> GuardedSocket {
        GuardedSocket { socket, local, buffer: tokio::sync::Mutex::new(vec![0; DATAGRAM_MAX]), gate }
    }
}

#[async_trait::async_trait]
impl StackSocket for GuardedSocket {
    async fn recv_from(&self, buf: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        let mut buffer = self.buffer.lock().await;
        loop {
            let (len, source) = match self.socket.recv_from(&mut buffer).await {
                Ok(got) => got,
                Err(_) => {
                    // The crate would ask again at once: do not spin on a broken socket.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            match self.gate.hears(&buffer[..len], source, Heard::Datagram) {
                Verdict::Pass(message) if message.len() <= buf.len() => {
                    buf[..message.len()].copy_from_slice(&message);
                    return Ok((message.len(), source));
                }
                Verdict::Answer(answer) => {
                    let _ = self.socket.send_to(&answer.text, answer.to).await;
                }
                Verdict::Pass(_) | Verdict::Drop(_) => {}
            }
        }
    }

    async fn send_to(&self, buf: &[u8], addr: SocketAddr) -> rsipstack::Result<usize> {
        self.socket.send_to(&guard::without_our_tag(buf), addr).await?;
        Ok(buf.len())
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
