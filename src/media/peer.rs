//! Where a leg's far end is: what signalling said, and what its packets show (symmetric RTP).

use super::face::Negotiated;
use crate::base::Moment;
use std::net::SocketAddr;
use std::time::Duration;

/// A source that was silent for this long may be replaced by another one.
const SILENT: Duration = Duration::from_secs(2);

/// The far end of one leg.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// What signalling agreed.
    pub(super) agreed: Negotiated,
    /// The source whose packets we take and answer to, and when it was heard last.
    latched: Option<(SocketAddr, Moment)>,
    /// The source from before signalling moved the media, and until when its stragglers do not move it back.
    former: Option<(SocketAddr, Moment)>,
}

impl Peer {
    pub(super) fn new(agreed: Negotiated) -> Peer {
        Peer { agreed, latched: None, former: None }
    }

    /// After a re-INVITE. The same address keeps the source that was found; another one is looked for anew.
    pub(super) fn agree(&mut self, now: Moment, agreed: Negotiated) {
        if agreed.remote != self.agreed.remote {
            self.former = self.latched.take().map(|(source, _)| (source, now + SILENT));
        }
        self.agreed = agreed;
    }

    /// Where to send.
    pub(super) fn target(&self) -> SocketAddr {
        self.latched.map_or(self.agreed.remote, |(source, _)| source)
    }

    /// Whether a packet that is good in itself may be used; latches onto its source. The address that signalling named
    /// always may: whoever came first must not be able to keep it out.
    pub(super) fn accept(&mut self, now: Moment, from: SocketAddr) -> bool {
        if let Some((source, heard)) = self.latched.as_mut()
            && *source == from
        {
            *heard = now;
            return true;
        }
        let named = from == self.agreed.remote;
        if !named && self.latched.is_some_and(|(_, heard)| now - heard <= SILENT) {
            return false;
        }
        if !named && self.former.is_some_and(|(source, until)| source == from && now < until) {
            // Still on the way from where it was: worth hearing, no reason to send there again.
            return true;
        }
        self.latched = Some((from, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn agreed(port: u16) -> Negotiated {
        Negotiated::new(at(port), Codec::Pcmu)
    }

    #[test]
    fn the_first_source_holds_until_it_is_silent() {
        let mut p = Peer::new(agreed(10));
        assert_eq!(p.target(), at(10));
        assert!(p.accept(Moment::from_millis(0), at(20)));
        assert_eq!(p.target(), at(20));
        assert!(!p.accept(Moment::from_millis(1_900), at(30)));
        assert!(p.accept(Moment::from_millis(2_001), at(30)));
        assert!(p.accept(Moment::from_millis(2_002), at(10)), "the named address is never kept out");
        assert_eq!(p.target(), at(10));
    }

    #[test]
    fn moved_media_is_not_moved_back_by_stragglers() {
        let mut p = Peer::new(agreed(10));
        assert!(p.accept(Moment::from_millis(0), at(20)));
        p.agree(Moment::from_millis(10), agreed(10));
        assert_eq!(p.target(), at(20), "a refresh changes nothing");
        p.agree(Moment::from_millis(20), agreed(11));
        assert!(p.accept(Moment::from_millis(30), at(20)));
        assert_eq!(p.target(), at(11));
        assert!(p.accept(Moment::from_millis(40), at(21)));
        assert_eq!(p.target(), at(21));
        assert!(!p.accept(Moment::from_millis(50), at(20)));
    }
}
