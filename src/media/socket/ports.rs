//! Local ports: an even one for RTP and the odd one above it for RTCP (RFC 3550 §11).

use super::MediaError;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

/// Expedited forwarding (RFC 3246), as telephone networks expect of voice.
const DSCP_EF: u32 = 46 << 2;
/// Tries for a free pair when the system chooses.
const TRIES: u32 = 64;

/// The range, and where the next search begins: ports rest as long as possible before they are used again, so that
/// stragglers of one call do not reach the next.
#[derive(Debug)]
pub(super) struct Ports {
    bind: IpAddr,
    first: u16,
    /// Even ports in the range; 0 = the system chooses.
    pairs: u32,
    next: AtomicU32,
}

/// Sockets of one leg.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) rtp: UdpSocket,
    pub(super) rtcp: UdpSocket,
    pub(super) port: u16,
}

impl Ports {
    /// `0..=0` lets the system choose. An error when the range holds no pair.
    pub(super) fn new(bind: IpAddr, range: &RangeInclusive<u16>) -> Result<Ports, MediaError> {
        let (first, last) = (u32::from(*range.start()).next_multiple_of(2), u32::from(*range.end()));
        let pairs = if last == 0 { 0 } else { (last + 1).saturating_sub(first) / 2 };
        let first = u16::try_from(first).unwrap_or(u16::MAX);
        if last != 0 && (pairs == 0 || first == 0) {
            return Err(MediaError::Range { first: *range.start(), last: *range.end() });
        }
        Ok(Ports { bind, first, pairs, next: AtomicU32::new(0) })
    }

    pub(super) fn bind(&self) -> Result<Pair, MediaError> {
        if self.pairs == 0 {
            return (0..TRIES).find_map(|_| self.any().ok()).ok_or(MediaError::NoPort);
        }
        for _ in 0..self.pairs {
            let n = self.next.fetch_add(1, Ordering::Relaxed) % self.pairs;
            // n is below the number of pairs in a range of u16.
            let port = self.first + u16::try_from(n * 2).unwrap_or(0);
            match self.pair(port) {
                Ok(pair) => return Ok(pair),
                Err(e) if e.kind() == io::ErrorKind::AddrInUse || e.kind() == io::ErrorKind::PermissionDenied => {}
                Err(e) => return Err(MediaError::Bind { address: self.bind, source: e }),
            }
        }
        Err(MediaError::NoPort)
    }

    fn any(&self) -> io::Result<Pair> {
        let rtp = self.socket(0)?;
        let port = rtp.local_addr()?.port();
        if !port.is_multiple_of(2) || port == u16::MAX - 1 {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        Ok(Pair { rtp, rtcp: self.socket(port + 1)?, port })
    }

    fn pair(&self, port: u16) -> io::Result<Pair> {
        Ok(Pair { rtp: self.socket(port)?, rtcp: self.socket(port + 1)?, port })
    }

    fn socket(&self, port: u16) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind(SocketAddr::new(self.bind, port))?;
        socket.set_nonblocking(true)?;
        // Networks that do not care ignore it, and containers may forbid it.
        let _ = match self.bind {
            IpAddr::V4(_) => socket2::SockRef::from(&socket).set_tos_v4(DSCP_EF),
            IpAddr::V6(_) => socket2::SockRef::from(&socket).set_tclass_v6(DSCP_EF),
        };
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn ranges_without_a_pair_are_refused() {
        for (first, last) in [(7, 7), (9, 8), (7, 8)] {
            let range = first..=last;
            assert!(matches!(Ports::new(HERE, &range), Err(MediaError::Range { .. })), "{range:?}");
        }
        assert_eq!(Ports::new(HERE, &(10_000..=10_003)).expect("two pairs").pairs, 2);
    }

    #[test]
    fn packets_are_marked_as_voice_in_both_families() {
        let pair = Ports::new(HERE, &(0..=0)).expect("any").bind().expect("a pair");
        assert_eq!(socket2::SockRef::from(&pair.rtp).tos_v4().expect("readable"), DSCP_EF);
        let six = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
        if UdpSocket::bind((six, 0)).is_err() {
            eprintln!("SKIPPED: this machine has no IPv6");
            return;
        }
        let pair = Ports::new(six, &(0..=0)).expect("any").bind().expect("a pair");
        for socket in [&pair.rtp, &pair.rtcp] {
            assert_eq!(socket2::SockRef::from(socket).tclass_v6().expect("readable"), DSCP_EF);
        }
    }

    #[test]
    fn a_full_range_says_so_and_a_freed_port_is_found() {
        let free = Ports::new(HERE, &(0..=0)).expect("any").bind().expect("a pair").port;
        let ports = Ports::new(HERE, &(free..=free + 1)).expect("one pair");
        let pair = ports.bind().expect("just freed");
        assert!(matches!(ports.bind(), Err(MediaError::NoPort)));
        drop(pair);
        assert_eq!(ports.bind().expect("free again").port, free);
    }
}
