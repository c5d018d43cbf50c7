//! The agent's softphone: one WebRTC connection to the page of a desk, with the face of any other leg. The plane serves it as it serves
//! a telephone: over RTP, on a port of its own on the loopback; what lies between that port and the page is here. Nothing is decoded on the way.
//!
//! Start reading at [`connect`]; `offer` is what may be asked for (pure), `carry` moves packets and knows when the page is gone, `line` is
//! the one file that knows the WebRTC library.

mod carry;
mod line;
mod offer;

pub use offer::{OFFER_BYTES_MAX, PageError};

use crate::base::Codec;
use crate::media::Negotiated;
use crate::rtp::Numbers;
use carry::{Patience, carry};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use tokio_util::sync::CancellationToken;

/// What the WebRTC library says when it is louder than an error belongs to one connection: keep it out of the log.
pub const LOG_FILTER: &str = "webrtc=error,rtc=error";

/// Ports tried for one connection before it is given up.
const PORT_TRIES: u32 = 32;

/// Where pages reach this gateway's audio.
#[derive(Debug, Clone)]
pub struct Place {
    /// The address of ours; `None` = the one that the page's own address is reached from.
    pub address: Option<IpAddr>,
    /// UDP ports, one for each connection; `0..=0` = whatever is free.
    pub ports: RangeInclusive<u16>,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageNews {
    /// Audio can flow.
    Up,
    /// It never came up, in the time that it had.
    NeverUp,
    /// It was up, and the page is gone: silence on the wire, or the connection broke.
    Lost,
}

/// A connection that was answered. It ends with its [`CancellationToken`], or when the page is gone.
#[derive(Debug)]
pub struct Answered {
    /// The session description for the page (RFC 9429).
    pub answer: String,
    /// What the plane's leg has to be told.
    pub agreed: Negotiated,
}

/// One connection as a page asks for it.
pub struct Wanted<'a> {
    /// The page's offer, at most [`OFFER_BYTES_MAX`].
    pub offer: &'a str,
    /// The address that asks.
    pub page: IpAddr,
    /// The loopback port of the plane's leg.
    pub leg_port: u16,
    /// What the other party of the call speaks: among G.711's two laws that one is taken, so that nothing is transcoded.
    pub other: Option<Codec>,
}

/// Answers a page, and carries its audio to and from a leg of the plane in a task of its own until `stop`.
///
/// # Errors
/// What is wrong with the offer, or why no connection can be had.
pub async fn connect(
    wanted: Wanted<'_>,
    place: &Place,
    stop: CancellationToken,
    tell: impl Fn(PageNews) + Send + 'static,
) -> Result<Answered, PageError> {
    let offer = offer::read(wanted.offer)?;
    let chosen = offer.choose(wanted.other).ok_or(PageError::NoCodec)?;
    let address = match place.address {
        Some(address) => address,
        None => address_toward(wanted.page).map_err(|e| PageError::NoPort(e.to_string()))?,
    };
    // Only the plane's port is heard.
    let wire =
        std_wire(wanted.leg_port).and_then(tokio::net::UdpSocket::from_std).map_err(|e| PageError::NoPort(e.to_string()))?;
    let here = wire.local_addr().map_err(|e| PageError::NoPort(e.to_string()))?;
    let mut why = PageError::NoPort("every port of the range is taken".into());
    for port in candidates(&place.ports) {
        if stop.is_cancelled() {
            break;
        }
        if let Err(error) = UdpSocket::bind((address, port)) {
            if error.kind() != std::io::ErrorKind::AddrInUse {
                why = PageError::NoPort(format!("{address}: {error}"));
            }
            continue;
        }
        match line::answer(&offer, chosen, SocketAddr::new(address, port)).await {
            Ok((line, answer)) => {
                let number = offer::number_in(&answer, chosen.codec).ok_or(PageError::NoCodec)?;
                tokio::spawn(carry(line, wire, Patience::USUAL, stop, tell));
                return Ok(Answered { answer, agreed: negotiated(here, chosen.codec, number) });
            }
            // Somebody else took the port meanwhile.
            Err(error @ PageError::NoPort(_)) => why = error,
            Err(error) => return Err(error),
        }
    }
    Err(why)
}

fn negotiated(remote: SocketAddr, codec: Codec, number: u8) -> Negotiated {
    Negotiated {
        remote,
        codec,
        payload: Numbers { send: number, receive: number },
        dtmf: None,
        packet_ms: 20,
        noise: false,
        rtcp_mux: true,
        // Keyed by DTLS between here and the page; on the loopback it is plain.
        srtp: None,
        send: true,
        receive: true,
    }
}

fn std_wire(leg_port: u16) -> std::io::Result<UdpSocket> {
    let wire = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    wire.connect((Ipv4Addr::LOCALHOST, leg_port))?;
    wire.set_nonblocking(true)?;
    Ok(wire)
}

/// The address of ours from which that one is reached; nothing is sent.
fn address_toward(page: IpAddr) -> std::io::Result<IpAddr> {
    let any: IpAddr = if page.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let probe = UdpSocket::bind((any, 0))?;
    probe.connect((page, 9))?;
    Ok(probe.local_addr()?.ip())
}

/// Ports to try, from a random place on, so that a straggler of one connection does not meet the next.
fn candidates(ports: &RangeInclusive<u16>) -> impl Iterator<Item = u16> {
    let (first, last) = (u32::from(*ports.start()), u32::from(*ports.end()));
    let count = if last == 0 { 1 } else { (last + 1).saturating_sub(first).max(1) };
    let start: u32 = rand::random_range(0..count);
    (0..PORT_TRIES.min(count)).map(move |n| u16::try_from(first + (start + n) % count).unwrap_or(0))
}

/// How a page's connection is made and spoken to, whichever library does it: `line` implements it.
trait Line: Send + 'static {
    /// The next thing that happens; a packet is written to `into` and its length told. Safe to drop before it is ready.
    fn next(&mut self, into: &mut [u8]) -> impl Future<Output = LineEvent> + Send;
    /// Sends a packet of the plane's; one that cannot be sent is lost.
    fn send(&mut self, packet: &[u8]) -> impl Future<Output = ()> + Send;
    /// Ends it.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEvent {
    /// Keys are agreed, packets flow.
    Up,
    /// A packet of so many bytes.
    Packet(usize),
    /// Nothing more will come.
    Down,
}
