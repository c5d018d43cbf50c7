//! Where a leg's far end is: what signalling said, and what its packets show (symmetric RTP). The source of the first good
//! packet is kept. It may move (a NAT forgets and makes another port), and it may not be taken over: packets from elsewhere
//! are believed only when they go on where the stream was, which takes its SSRC, its place in 65 536 sequence numbers and its
//! clock. Whoever reads the line can know all three; against them there is SRTP, whose packets prove themselves.

use super::face::Negotiated;
use crate::base::Moment;
use crate::rtp::Header;
use std::net::SocketAddr;
use std::time::Duration;

/// A source that was silent for this long may be replaced by another one, where nothing binds us to it.
const SILENT: Duration = Duration::from_secs(2);
/// A source of so many packets (a second of speech) is the far end; one of fewer may be anybody's first.
const SETTLED: u32 = 50;
/// A stream that goes on elsewhere may have lost so many packets on the way.
const AHEAD_MAX: u16 = 100;
/// How far its clock may be off from ours.
const CLOCK_OFF: Duration = Duration::from_secs(2);

/// The far end of one leg.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// What signalling agreed.
    pub(super) agreed: Negotiated,
    /// The source whose packets we take and answer to.
    latched: Option<Latch>,
    /// The source from before signalling moved the media, and until when its stragglers do not move it back.
    former: Option<(SocketAddr, Moment)>,
}

/// A source and where its stream stands.
#[derive(Debug, Clone, Copy)]
struct Latch {
    source: SocketAddr,
    ssrc: u32,
    /// Newest sequence number, its timestamp, and when it came.
    sequence: u16,
    timestamp: u32,
    heard: Moment,
    /// Packets of the stream so far.
    packets: u32,
}

impl Peer {
    pub(super) fn new(agreed: Negotiated) -> Peer {
        Peer { agreed, latched: None, former: None }
    }

    /// After a re-INVITE. The same address keeps the source that was found; another one is looked for anew.
    pub(super) fn agree(&mut self, now: Moment, agreed: Negotiated) {
        if agreed.remote != self.agreed.remote {
            self.former = self.latched.take().map(|latch| (latch.source, now + SILENT));
        }
        self.agreed = agreed;
    }

    /// Where to send.
    pub(super) fn target(&self) -> SocketAddr {
        self.latched.map_or(self.agreed.remote, |latch| latch.source)
    }

    /// Whether an RTP packet that is good in itself may be used; latches onto its source, or follows it. `proven`: the packet
    /// was authenticated (SRTP), so that only its sender can have made it, and only once.
    pub(super) fn accept(&mut self, now: Moment, from: SocketAddr, header: &Header, proven: bool) -> bool {
        let Some(latch) = self.latched.as_mut() else { return self.first(now, from, header) };
        if latch.source == from {
            latch.heard = now;
            if latch.ssrc != header.ssrc {
                // The same place begins another stream (music on hold, a transfer behind a PBX).
                (latch.ssrc, latch.sequence, latch.timestamp) = (header.ssrc, header.sequence, header.timestamp);
            } else if newer(latch, header) {
                (latch.sequence, latch.timestamp) = (header.sequence, header.timestamp);
            }
            latch.packets = latch.packets.saturating_add(1);
            return true;
        }
        let latch = *latch;
        let clock = self.agreed.codec.clock();
        if proven {
            // What was late on its old way is heard and does not move us back.
            if latch.ssrc != header.ssrc || newer(&latch, header) {
                self.move_to(now, from, header);
            }
            return true;
        }
        let (ours, theirs) = (self.rank(latch.source), self.rank(from));
        let silent = now - latch.heard > SILENT;
        let free = silent && (latch.packets < SETTLED || latch.source.ip() == from.ip());
        if theirs > ours || free || goes_on(&latch, now, header, clock) {
            self.move_to(now, from, header);
            return true;
        }
        false
    }

    fn first(&mut self, now: Moment, from: SocketAddr, header: &Header) -> bool {
        // Still on the way from where it was: worth hearing, no reason to send there again.
        let straggler = self.former.is_some_and(|(source, until)| source == from && now < until);
        if !straggler || from == self.agreed.remote {
            self.move_to(now, from, header);
        }
        true
    }

    fn move_to(&mut self, now: Moment, source: SocketAddr, header: &Header) {
        let Header { ssrc, sequence, timestamp, .. } = *header;
        let packets = self.latched.filter(|l| l.ssrc == ssrc).map_or(0, |l| l.packets) + 1;
        self.latched = Some(Latch { source, ssrc, sequence, timestamp, heard: now, packets });
    }

    /// The address that signalling named may always take its place, and its machine before others: whoever came first must
    /// not be able to keep them out.
    fn rank(&self, source: SocketAddr) -> u8 {
        let named = self.agreed.remote;
        u8::from(source.ip() == named.ip()) + u8::from(source == named)
    }
}

fn newer(latch: &Latch, header: &Header) -> bool {
    header.sequence.wrapping_sub(latch.sequence).cast_signed() > 0
}

/// Whether a packet is the next of the latched stream, or nearly, by all that an onlooker at the side cannot know.
fn goes_on(latch: &Latch, now: Moment, header: &Header, clock: u32) -> bool {
    let ahead = header.sequence.wrapping_sub(latch.sequence);
    let passed = i128::try_from((now - latch.heard).as_micros()).unwrap_or(i128::MAX);
    let ticks = i128::from(header.timestamp.wrapping_sub(latch.timestamp).cast_signed());
    let ran = ticks * 1_000_000 / i128::from(clock.max(1));
    let off = (ran - passed).unsigned_abs();
    header.ssrc == latch.ssrc && (1..=AHEAD_MAX).contains(&ahead) && off <= CLOCK_OFF.as_micros()
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;
