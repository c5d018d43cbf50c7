//! Which of our addresses a peer reaches: bound to 0.0.0.0 it is the address of the route to that peer.

use rsipstack::sip::{Param, Scheme, Transport, Uri};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

/// Peers whose view of us is remembered; there is one for each trunk.
const SEEN_MAX: usize = 256;

/// Our sockets as bound, and the address that the world sees.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    pub(super) udp: Option<SocketAddr>,
    pub(super) tcp: Option<SocketAddr>,
    pub(super) tls: Option<SocketAddr>,
    pub(super) external: Option<IpAddr>,
    /// How trunks behind a NAT see us, by their address; told by the Via of their answers. One entry a trunk at most.
    pub(super) seen: Arc<Mutex<HashMap<IpAddr, SocketAddr>>>,
}

impl Addresses {
    /// A trunk has seen us at this address; whether that is news.
    pub(super) fn learn(&self, peer: IpAddr, at: SocketAddr) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let room = seen.len() < SEEN_MAX || seen.contains_key(&peer);
        room && seen.insert(peer, at) != Some(at)
    }

    fn seen_by(&self, peer: IpAddr) -> Option<SocketAddr> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&peer).copied()
    }

    /// The IP that `peer` reaches us at.
    pub(super) fn ip_toward(&self, peer: IpAddr) -> IpAddr {
        // On a socket for both, IPv4 peers come as ::ffff:a.b.c.d; they must be told an IPv4 address.
        let peer = peer.to_canonical();
        if let Some(seen) = self.seen_by(peer) {
            return seen.ip();
        }
        if let Some(external) = self.external
            && !peer.is_loopback()
        {
            return external;
        }
        match self.udp.or(self.tcp).or(self.tls) {
            Some(bound) if !bound.ip().is_unspecified() => bound.ip(),
            _ => route_source(peer),
        }
    }

    /// IP and port for Via and Contact towards `peer` over a transport.
    pub(super) fn toward(&self, peer: IpAddr, transport: Transport) -> SocketAddr {
        if let Some(seen) = self.seen_by(peer).filter(|_| transport == Transport::Udp) {
            return seen;
        }
        let bound = match transport {
            Transport::Udp => self.udp.or(self.tcp).or(self.tls),
            Transport::Tls => self.tls.or(self.tcp).or(self.udp),
            _ => self.tcp.or(self.tls).or(self.udp),
        };
        SocketAddr::new(self.ip_toward(peer), bound.map_or(5060, |b| b.port()))
    }

    /// Our Contact for a dialog with `peer`. A transport parameter also keeps the crate from rewriting it.
    pub(super) fn contact(&self, peer: IpAddr, transport: Transport) -> Uri {
        let params = match transport {
            Transport::Udp => vec![],
            other => vec![Param::Transport(other)],
        };
        Uri {
            scheme: Some(Scheme::Sip),
            auth: Some("hotline".into()),
            host_with_port: self.toward(peer, transport).into(),
            params,
            headers: vec![],
        }
    }
}

/// The local address that the system would send from. Connecting a UDP socket sends nothing.
fn route_source(peer: IpAddr) -> IpAddr {
    let (any, loopback): (IpAddr, IpAddr) = match peer {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::LOCALHOST.into()),
    };
    UdpSocket::bind((any, 0))
        .and_then(|socket| {
            socket.connect((peer, 5060))?;
            socket.local_addr()
        })
        .map_or(loopback, |local| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_socket_shows_the_address_of_the_route() {
        let udp = Some("0.0.0.0:5070".parse().expect("ok"));
        let mut ours = Addresses { udp, tcp: None, tls: None, external: None, seen: Arc::default() };
        let loopback: IpAddr = "127.0.0.1".parse().expect("ok");
        assert_eq!(ours.toward(loopback, Transport::Udp), "127.0.0.1:5070".parse::<SocketAddr>().expect("ok"));
        ours.external = Some("203.0.113.9".parse().expect("ok"));
        assert_eq!(ours.ip_toward(loopback), loopback);
        let far: IpAddr = "198.51.100.1".parse().expect("ok");
        ours.external = None;
        ours.udp = Some("[::]:5070".parse().expect("ok"));
        assert_eq!(
            ours.toward("::ffff:127.0.0.1".parse().expect("ok"), Transport::Udp),
            "127.0.0.1:5070".parse::<SocketAddr>().expect("ok")
        );
        ours.external = Some("203.0.113.9".parse().expect("ok"));
        assert_eq!(ours.contact(far, Transport::Tcp).to_string(), "sip:hotline@203.0.113.9:5070;transport=TCP");
        let seen = "192.0.2.4:40001".parse().expect("ok");
        assert!(ours.learn(far, seen) && !ours.learn(far, seen), "news once");
        assert_eq!((ours.toward(far, Transport::Udp), ours.ip_toward(far)), (seen, seen.ip()));
        assert_eq!(ours.ip_toward(loopback), loopback, "for that trunk alone");
    }
}
