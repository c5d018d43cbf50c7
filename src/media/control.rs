//! What a leg tells and hears over RTCP: reports both ways, the round trip, and how it all sounds.

use crate::base::{Codec, Moment};
use crate::rtp::{ReportBlock, Rtcp, RtcpPackets, UNKNOWN, mos, r_factor};

/// More than this between two reports is a clock that was set, not a round trip.
const ROUND_TRIP_MS_MAX: u64 = 10_000;

/// One leg's memory of the far end's reports.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Control {
    /// The time in the far end's last SR (its middle 32 bits), and when it came.
    last_sr: Option<(u32, Moment)>,
    /// From here to there and back at the last report, milliseconds.
    round_trip_ms: Option<u32>,
    /// What the far end said last about our stream.
    far: Option<FarReport>,
}

/// What the far end hears of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FarReport {
    /// Packets of ours that never arrived there.
    pub(super) lost: u32,
    /// Packets of ours that it could have got.
    pub(super) expected: u32,
    /// Interarrival jitter there, microseconds.
    pub(super) jitter_us: u32,
    /// Its own opinion, times ten, where it says one (RFC 3611).
    pub(super) mos_x10: Option<u8>,
}

impl Control {
    /// Takes a compound packet. `ours`: our stream; `first`: the sequence number that it began with.
    pub(super) fn receive(&mut self, now: Moment, datagram: &[u8], ours: u32, first: u16, codec: Codec) {
        for packet in RtcpPackets::about(datagram, ours) {
            match packet {
                Rtcp::Report { sender, about, .. } => {
                    if let Some(sender) = sender {
                        self.last_sr = Some((middle(sender.ntp), now));
                    }
                    if let Some(about) = about {
                        self.about_us(now, &about, first, codec);
                    }
                }
                Rtcp::Voip { metrics, .. } if metrics.ssrc == ours => {
                    if let Some(far) = self.far.as_mut() {
                        far.mos_x10 = (10..=50).contains(&metrics.mos_x10).then_some(metrics.mos_x10);
                    }
                }
                Rtcp::Voip { .. } | Rtcp::Bye { .. } | Rtcp::Other(_) => {}
            }
        }
    }

    fn about_us(&mut self, now: Moment, about: &ReportBlock, first: u16, codec: Codec) {
        // In microseconds, without a product that could overflow.
        let jitter_us = u64::from(about.jitter) * 1_000_000 / u64::from(codec.clock());
        self.far = Some(FarReport {
            // 24 bits with a sign: duplicates make it negative.
            lost: if about.lost > 0x007f_ffff { 0 } else { about.lost },
            expected: about.highest.wrapping_sub(u32::from(first)).wrapping_add(1),
            jitter_us: u32::try_from(jitter_us).unwrap_or(u32::MAX),
            mos_x10: self.far.and_then(|f| f.mos_x10),
        });
        // RFC 3550 §6.4.1: now, less when we sent, less how long they kept it; all modulo 2^32 in 1/65536 s.
        if about.last_sr != 0 {
            let took = middle(ntp(now)).wrapping_sub(about.last_sr).wrapping_sub(about.delay);
            let ms = (u64::from(took) * 1_000) >> 16;
            self.round_trip_ms = u32::try_from(ms).ok().filter(|_| ms < ROUND_TRIP_MS_MAX).or(self.round_trip_ms);
        }
    }

    /// The last SR and how long ago it was, for a report block of ours; (0, 0) when none came.
    pub(super) fn last_sr(&self, now: Moment) -> (u32, u32) {
        self.last_sr.map_or((0, 0), |(sr, at)| {
            let ago = (now - at).as_micros() * 65_536 / 1_000_000;
            (sr, u32::try_from(ago).unwrap_or(u32::MAX))
        })
    }

    pub(super) fn round_trip_ms(&self) -> Option<u32> {
        self.round_trip_ms
    }

    pub(super) fn far(&self) -> Option<FarReport> {
        self.far
    }

    /// Mean opinion times a hundred of what the far end hears, as it says itself or by its loss and jitter.
    pub(super) fn far_mos_x100(&self, codec: Codec) -> Option<u16> {
        let far = self.far?;
        if let Some(theirs) = far.mos_x10.filter(|m| *m != UNKNOWN) {
            return Some(u16::from(theirs) * 10);
        }
        let share = f64::from(far.lost) / f64::from(far.expected.max(1));
        Some(self.mos_x100(codec, share, far.jitter_us / 1_000 * 2))
    }

    /// Mean opinion times a hundred with this share of packets not played and this delay of the buffer.
    pub(super) fn mos_x100(&self, codec: Codec, unplayed: f64, buffer_ms: u32) -> u16 {
        (mos(self.rating(codec, unplayed, buffer_ms)) * 100.0).round() as u16
    }

    /// Rating factor, 0–100. From mouth to ear: half the round trip, the buffer, and a packet of 20 ms.
    pub(super) fn rating(&self, codec: Codec, unplayed: f64, buffer_ms: u32) -> f32 {
        let delay = self.round_trip_ms.unwrap_or(0) / 2 + buffer_ms + 20;
        r_factor(codec, unplayed as f32, delay as f32)
    }
}

/// A moment as RTCP writes time (RFC 3550 §4), counted from our start.
pub(super) fn ntp(now: Moment) -> u64 {
    let seconds = now.micros() / 1_000_000;
    let fraction = ((now.micros() % 1_000_000) << 32) / 1_000_000;
    seconds << 32 | fraction
}

fn middle(ntp: u64) -> u32 {
    u32::try_from(ntp >> 16 & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::{SenderInfo, write_report};

    /// Their report, `delay_ms` after they got our SR of `sent`, as a datagram.
    fn their_report(sent: Moment, kept_ms: u32, lost: u32) -> Vec<u8> {
        let sender = SenderInfo { ntp: 0xdead_beef_0000_0000, ..SenderInfo::default() };
        let about = ReportBlock {
            ssrc: 77,
            lost,
            highest: 0x1_0010,
            jitter: 160,
            last_sr: middle(ntp(sent)),
            delay: kept_ms * 65_536 / 1_000,
            ..ReportBlock::default()
        };
        let mut out = [0; 128];
        let len = write_report(5, Some(&sender), Some(&about), "far", &mut out).expect("it fits");
        out[..len].to_vec()
    }

    #[test]
    fn the_round_trip_is_measured_over_the_wrap_of_the_clock() {
        for start in [Moment::from_millis(10), Moment::from_millis(65_536_000 - 50), Moment::from_millis(70_000_000)] {
            let mut c = Control::default();
            let back = Moment::from_micros(start.micros() + 380_000);
            c.receive(back, &their_report(start, 300, 10), 77, 0xffff, Codec::Pcmu);
            let ms = c.round_trip_ms().expect("measured");
            assert!((79..=81).contains(&ms), "{ms}");
            let far = c.far().expect("told");
            assert_eq!((far.lost, far.expected, far.jitter_us), (10, 18, 20_000));
            assert_eq!(c.last_sr(Moment::from_micros(back.micros() + 500_000)), (0xbeef_0000, 32_768));
        }
    }

    #[test]
    fn reports_about_others_and_absurd_ones_change_nothing() {
        let mut c = Control::default();
        let now = Moment::from_millis(20_000);
        c.receive(now, &their_report(now, 0, 0), 78, 0, Codec::Pcmu);
        assert!(c.far().is_none() && c.round_trip_ms().is_none());
        // They say that they kept it for longer than it was away.
        let mut report = their_report(now, 500, 0x007f_fff0);
        // 24 bits with a sign; our writer has no negative loss.
        report[33] = 0xff;
        c.receive(now, &report, 77, 0, Codec::Pcmu);
        assert_eq!(c.round_trip_ms(), None);
        assert_eq!(c.far().map(|f| f.lost), Some(0), "a negative loss is none");
    }

    #[test]
    fn their_own_opinion_comes_first() {
        use crate::rtp::{VoipMetrics, append_voip_metrics};
        let mut c = Control::default();
        let now = Moment::from_millis(20_000);
        c.receive(now, &their_report(now, 0, 2), 77, 0, Codec::Pcmu);
        let computed = c.far_mos_x100(Codec::Pcmu).expect("computed");
        assert!((430..=441).contains(&computed), "{computed}");
        let mut out = [0; 128];
        let metrics = VoipMetrics { ssrc: 77, mos_x10: 31, ..VoipMetrics::default() };
        let len = append_voip_metrics(5, &metrics, &mut out, 0).expect("it fits");
        c.receive(now, &out[..len], 77, 0, Codec::Pcmu);
        assert_eq!(c.far_mos_x100(Codec::Pcmu), Some(310));
    }
}
