//! A leg's encryption: nothing passes one way or the other without it once it was agreed.

use super::face::Negotiated;
use crate::rtp::{SrtpReceiver, SrtpSender};

/// Largest packet that is opened; nothing longer is of use to a leg.
const OPENED_MAX: usize = 1_024;

/// The two halves, when encryption was agreed.
#[derive(Default)]
pub(super) struct Secure {
    sender: Option<Box<SrtpSender>>,
    receiver: Option<Box<SrtpReceiver>>,
    /// The receiver before that one: its key may come back (encryption goes and returns, a phone that was replaced is the
    /// party again), and who sends with it has counted on all the while.
    before: Option<Box<SrtpReceiver>>,
}

/// A packet that was opened, or that was never closed.
pub(super) struct Opened {
    bytes: [u8; OPENED_MAX],
    len: usize,
}

impl Opened {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Secure {
    /// Takes new keys; those that stay the same keep their counters (RFC 4568 §7.1.4). A key of ours never comes back:
    /// signalling makes another.
    pub(super) fn agree(&mut self, agreed: &Negotiated) {
        let keys = agreed.srtp;
        if self.sender.as_ref().map(|s| *s.master()) != keys.map(|k| k.send) {
            self.sender = keys.map(|k| Box::new(SrtpSender::new(k.send)));
        }
        if self.receiver.as_ref().map(|r| *r.master()) != keys.map(|k| k.receive) {
            let known = self.before.take_if(|r| keys.is_some_and(|k| k.receive == *r.master()));
            let left =
                std::mem::replace(&mut self.receiver, known.or_else(|| keys.map(|k| Box::new(SrtpReceiver::new(k.receive)))));
            self.before = left.or(self.before.take());
        }
    }

    /// Whether packets prove who made them.
    pub(super) fn on(&self) -> bool {
        self.receiver.is_some()
    }

    /// Opens an RTP packet; `None` when it is not authentic.
    pub(super) fn open(&mut self, datagram: &[u8]) -> Option<Opened> {
        self.opened(datagram, SrtpReceiver::open)
    }

    /// Opens an RTCP packet.
    pub(super) fn open_rtcp(&mut self, datagram: &[u8]) -> Option<Opened> {
        self.opened(datagram, SrtpReceiver::open_rtcp)
    }

    fn opened(&mut self, datagram: &[u8], open: impl FnOnce(&mut SrtpReceiver, &mut [u8]) -> Option<usize>) -> Option<Opened> {
        let mut opened = Opened { bytes: [0; OPENED_MAX], len: datagram.len() };
        opened.bytes.get_mut(..datagram.len())?.copy_from_slice(datagram);
        if let Some(receiver) = self.receiver.as_mut() {
            opened.len = open(receiver, &mut opened.bytes[..datagram.len()])?;
        }
        Some(opened)
    }

    /// Protects an RTP packet that is about to leave; its new length.
    pub(super) fn protect(&mut self, out: &mut [u8], len: usize) -> Option<usize> {
        self.sender.as_mut().map_or(Some(len), |s| s.protect(out, len))
    }

    /// Protects an RTCP packet.
    pub(super) fn protect_rtcp(&mut self, out: &mut [u8], len: usize) -> Option<usize> {
        self.sender.as_mut().map_or(Some(len), |s| s.protect_rtcp(out, len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Codec;
    use crate::rtp::{MasterKey, SRTP_EXTRA_MAX, SrtpKeys, Suite};

    fn key(suite: Suite, n: u8) -> MasterKey {
        MasterKey::new(suite, &vec![n; suite.key_and_salt()]).expect("long enough")
    }

    /// `send` and `receive` as keys; `None` = not encrypted.
    fn agree(secure: &mut Secure, suite: Suite, keys: Option<(u8, u8)>) {
        let srtp = keys.map(|(send, receive)| SrtpKeys { send: key(suite, send), receive: key(suite, receive) });
        let remote = std::net::SocketAddr::from(([127, 0, 0, 1], 4_000));
        secure.agree(&Negotiated { srtp, ..Negotiated::new(remote, Codec::Pcmu) });
    }

    fn packet(sender: &mut SrtpSender, sequence: u16) -> Vec<u8> {
        let mut packet = vec![0x80, 0];
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 0, 0, 0, 0, 7]);
        packet.extend([0x55; 160]);
        let len = packet.len();
        packet.resize(len + SRTP_EXTRA_MAX, 0);
        let len = sender.protect(&mut packet, len).expect("room");
        packet.truncate(len);
        packet
    }

    #[test]
    fn a_key_of_theirs_that_comes_back_goes_on_counting() {
        for suite in Suite::ALL {
            for between in [None, Some((3, 4))] {
                let (mut secure, mut sender) = (Secure::default(), SrtpSender::new(key(suite, 2)));
                agree(&mut secure, suite, Some((1, 2)));
                let old = packet(&mut sender, 65_535);
                assert!(secure.open(&old).is_some());
                // Their numbers have wrapped, so that the count behind them is part of every packet.
                assert!(secure.open(&packet(&mut sender, 0)).is_some());
                agree(&mut secure, suite, between);
                assert_eq!(secure.on(), between.is_some());
                agree(&mut secure, suite, Some((5, 2)));
                assert!(secure.open(&packet(&mut sender, 1)).is_some(), "{suite:?} {between:?}");
                assert!(secure.open(&old).is_none(), "{suite:?} {between:?}: a replay");
            }
        }
    }
}
