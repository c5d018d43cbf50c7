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
    /// Takes new keys; those that stay the same keep their counters (RFC 4568 §7.1.4).
    pub(super) fn agree(&mut self, agreed: &Negotiated) {
        let keys = agreed.srtp;
        if self.sender.as_ref().map(|s| *s.master()) != keys.map(|k| k.send) {
            self.sender = keys.map(|k| Box::new(SrtpSender::new(k.send)));
        }
        if self.receiver.as_ref().map(|r| *r.master()) != keys.map(|k| k.receive) {
            self.receiver = keys.map(|k| Box::new(SrtpReceiver::new(k.receive)));
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
