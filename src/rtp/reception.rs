//! What came in, as RFC 3550 counts it: validity of the sequence (A.1), loss (A.3), interarrival jitter (A.8).

use super::Header;
use crate::base::Moment;

/// A jump forward of up to this many packets is loss (RFC 3550 A.1 MAX_DROPOUT).
const DROPOUT_MAX: u16 = 3_000;
/// A packet this much older than the newest is reordered, not a restart (RFC 3550 A.1 MAX_MISORDER).
const MISORDER_MAX: u16 = 100;

/// Where a packet stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First of the stream, or the stream began anew (other SSRC, far jump confirmed by a second packet).
    Restart,
    /// Newer than all before.
    Newer,
    /// Older than the newest, or the same again.
    Older,
    /// A far jump that nothing confirms yet: not to be used.
    Doubtful,
}

/// Counters of one incoming stream over all its restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceptionStats {
    /// Packets that were counted as belonging to the stream.
    pub received: u64,
    /// Expected less received, never below 0.
    pub lost: u64,
    /// Too late to be played.
    pub late: u64,
    /// Came twice.
    pub duplicates: u64,
    /// Dropped to bring the delay down.
    pub trimmed: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), microseconds.
    pub jitter_us: u32,
}

/// Follows sequence numbers and arrival times.
#[derive(Debug, Clone, Default)]
pub struct Reception {
    stream: Option<Stream>,
    /// A far jump was seen; this number would confirm it.
    expected_after_jump: Option<(u32, u16)>,
    /// Expected packets of the streams before this one.
    expected_before: u64,
    received: u64,
    /// RFC 3550 A.8: sixteen times the jitter, in samples.
    jitter_x16: u32,
    /// Expected and received at the last report (RFC 3550 A.3).
    prior: (u64, u64),
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    ssrc: u32,
    base: u16,
    newest: u16,
    /// Wraps of the sequence number.
    cycles: u64,
    /// Arrival less timestamp of the last audio packet, in samples, wrapping.
    transit: Option<u32>,
}

impl Reception {
    /// Places a packet. Packets of every payload type of the stream belong here: they share the sequence numbers.
    pub fn place(&mut self, header: &Header) -> Order {
        let Some(stream) = self.stream.as_mut().filter(|s| s.ssrc == header.ssrc) else {
            self.restart(header);
            return Order::Restart;
        };
        let ahead = header.sequence.wrapping_sub(stream.newest);
        if ahead == 0 || ahead > u16::MAX - MISORDER_MAX {
            // Duplicates count too (RFC 3550 A.3: "lost" is then less than it was, never below 0).
            self.received += 1;
            return Order::Older;
        }
        if ahead < DROPOUT_MAX {
            stream.cycles += u64::from(header.sequence < stream.newest);
            stream.newest = header.sequence;
            self.received += 1;
            self.expected_after_jump = None;
            return Order::Newer;
        }
        if self.expected_after_jump == Some((header.ssrc, header.sequence)) {
            self.restart(header);
            return Order::Restart;
        }
        self.expected_after_jump = Some((header.ssrc, header.sequence.wrapping_add(1)));
        Order::Doubtful
    }

    /// Takes an audio packet's arrival into the jitter (RFC 3550 A.8).
    pub fn arrived(&mut self, now: Moment, timestamp: u32) {
        let Some(stream) = self.stream.as_mut() else { return };
        let transit = samples_at(now).wrapping_sub(timestamp);
        if let Some(before) = stream.transit.replace(transit) {
            // A step of more than ten seconds is a pause or a new clock of the sender, not jitter.
            let d = transit.wrapping_sub(before).cast_signed().unsigned_abs().min(80_000);
            if d < 80_000 {
                self.jitter_x16 = (self.jitter_x16 + d).saturating_sub((self.jitter_x16 + 8) >> 4);
            }
        }
    }

    /// The sender's clock began anew; the next packet says nothing about jitter.
    pub fn forget_transit(&mut self) {
        if let Some(s) = self.stream.as_mut() {
            s.transit = None;
        }
    }

    /// Interarrival jitter in samples.
    pub fn jitter(&self) -> u32 {
        self.jitter_x16 >> 4
    }

    /// Counters; what the jitter buffer counts is left at 0.
    pub fn stats(&self) -> ReceptionStats {
        ReceptionStats {
            received: self.received,
            lost: self.expected().saturating_sub(self.received),
            jitter_us: self.jitter_x16.saturating_mul(1_000) / 128,
            ..ReceptionStats::default()
        }
    }

    /// The sender's name, if anything came.
    pub fn ssrc(&self) -> Option<u32> {
        self.stream.map(|s| s.ssrc)
    }

    /// Newest sequence number.
    pub fn newest(&self) -> u16 {
        self.stream.map_or(0, |s| s.newest)
    }

    /// Highest sequence number with its wraps in the upper half (RFC 3550 §6.4.1).
    pub fn extended_highest(&self) -> u32 {
        self.stream.map_or(0, |s| (u32::try_from(s.cycles & 0xffff).unwrap_or(0) << 16) | u32::from(s.newest))
    }

    /// Fraction lost since the last call, in 256ths (RFC 3550 A.3).
    pub fn fraction_lost(&mut self) -> u8 {
        let now = (self.expected(), self.received);
        let (expected, received) = (now.0.saturating_sub(self.prior.0), now.1.saturating_sub(self.prior.1));
        self.prior = now;
        let lost = expected.saturating_sub(received);
        (lost * 256).checked_div(expected).map_or(0, |f| u8::try_from(f).unwrap_or(u8::MAX))
    }

    fn expected(&self) -> u64 {
        self.expected_before + self.stream.map_or(0, |s| s.expected())
    }

    fn restart(&mut self, header: &Header) {
        self.expected_before = self.expected();
        self.expected_after_jump = None;
        self.stream =
            Some(Stream { ssrc: header.ssrc, base: header.sequence, newest: header.sequence, cycles: 0, transit: None });
        self.received += 1;
    }
}

impl Stream {
    fn expected(&self) -> u64 {
        (self.cycles << 16) + u64::from(self.newest) + 1 - u64::from(self.base)
    }
}

/// The arrival clock in samples of the 8 kHz RTP clock, wrapping like a timestamp.
pub(super) fn samples_at(now: Moment) -> u32 {
    // Truncation is the point: RTP time wraps at 32 bits.
    #[allow(clippy::cast_possible_truncation)]
    {
        (now.micros() / 125) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h(ssrc: u32, sequence: u16) -> Header {
        Header { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc }
    }

    #[test]
    fn loss_is_counted_over_the_wrap() {
        let mut r = Reception::default();
        assert_eq!(r.place(&h(1, 65_534)), Order::Restart);
        assert_eq!(r.place(&h(1, 65_535)), Order::Newer);
        assert_eq!(r.place(&h(1, 2)), Order::Newer);
        assert_eq!(r.place(&h(1, 1)), Order::Older);
        assert_eq!((r.stats().received, r.stats().lost), (4, 1));
        assert_eq!(r.extended_highest(), 0x1_0002);
        assert_eq!(r.fraction_lost(), 51);
        assert_eq!(r.fraction_lost(), 0);
    }

    #[test]
    fn a_far_jump_needs_a_second_packet() {
        let mut r = Reception::default();
        r.place(&h(1, 10));
        assert_eq!(r.place(&h(1, 30_000)), Order::Doubtful);
        assert_eq!(r.place(&h(1, 11)), Order::Newer);
        assert_eq!(r.place(&h(1, 40_000)), Order::Doubtful);
        assert_eq!(r.place(&h(1, 40_001)), Order::Restart);
        assert_eq!(r.place(&h(9, 5)), Order::Restart);
        assert_eq!(r.stats().lost, 0);
    }

    #[test]
    fn steady_arrival_has_no_jitter_and_shaky_arrival_has() {
        let mut r = Reception::default();
        r.place(&h(1, 0));
        for i in 0..100u32 {
            r.arrived(Moment::from_millis(u64::from(i) * 20), i * 160);
        }
        assert_eq!(r.jitter(), 0);
        for i in 100..400u32 {
            r.arrived(Moment::from_millis(u64::from(i) * 20 + u64::from(i % 2) * 10), i * 160);
        }
        let ms = r.stats().jitter_us / 1_000;
        assert!((8..=11).contains(&ms), "{ms} ms");
    }
}
