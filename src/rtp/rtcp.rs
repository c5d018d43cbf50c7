//! RTCP (RFC 3550 §6): write reports and BYE, read what a far end sends. Compound packets; nothing is trusted.

/// A report about the stream we receive (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// Whose stream.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost in all (24 bits on the wire).
    pub lost: u32,
    /// Highest sequence number with wraps.
    pub highest: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// The middle 32 bits of the time in the last SR of that stream, 0 = none came.
    pub last_sr: u32,
    /// How long ago that was, in 1/65536 s.
    pub delay: u32,
}

/// What a listener measured (RFC 3611 §4.7), as far as we tell and read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VoipMetrics {
    /// Whose stream.
    pub ssrc: u32,
    /// Lost on the way since the beginning, in 256ths.
    pub loss: u8,
    /// Came too late or too early, in 256ths.
    pub discarded: u8,
    /// From here to there and back, milliseconds; 0 = not known.
    pub round_trip_ms: u16,
    /// Rating factor 0–100; 127 = not known.
    pub r_factor: u8,
    /// Mean opinion times ten, 10–50; 127 = not known.
    pub mos_x10: u8,
    /// Delay of the jitter buffer that is aimed at, milliseconds.
    pub buffer_ms: u16,
    /// The most that it may become.
    pub buffer_ms_max: u16,
}

/// What we sent so far (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// Time in 32.32 fixed point seconds; the time since start is allowed where the wall clock is not at hand.
    pub ntp: u64,
    /// The same instant on the stream's RTP clock.
    pub timestamp: u32,
    /// Packets.
    pub packets: u32,
    /// Payload bytes.
    pub octets: u32,
}

/// One packet of a compound, as far as we use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rtcp {
    /// SR or RR: who reports, and what it says about the stream with `about`.
    Report {
        /// The reporter.
        ssrc: u32,
        /// What it sent, in an SR.
        sender: Option<SenderInfo>,
        /// The report block about the stream that was asked for, else its first.
        about: Option<ReportBlock>,
    },
    /// A VoIP metrics block in an extended report (RFC 3611).
    Voip {
        /// The reporter.
        ssrc: u32,
        /// Its first block of this kind.
        metrics: VoipMetrics,
    },
    /// The far end stops (RFC 3550 §6.6).
    Bye {
        /// Who.
        ssrc: u32,
    },
    /// SDES, APP, feedback: not used.
    Other(u8),
}

/// Block type of VoIP metrics (RFC 3611 §4.7).
const VOIP_METRICS: u8 = 7;
/// A value that is not known (RFC 3611 §4.7).
pub const UNKNOWN: u8 = 127;

/// Whether a datagram is RTCP that came on the RTP port (RFC 5761 §4: second byte 192–223).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 4 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

/// Reads a compound packet, one item per packet; ends at the first lie about a length.
#[derive(Debug, Clone)]
pub struct RtcpPackets<'a> {
    rest: &'a [u8],
    /// The stream whose report blocks are of interest.
    about: Option<u32>,
}

impl<'a> RtcpPackets<'a> {
    /// Over a datagram.
    pub fn new(datagram: &'a [u8]) -> RtcpPackets<'a> {
        RtcpPackets { rest: datagram, about: None }
    }

    /// Only report blocks about this stream.
    pub fn about(datagram: &'a [u8], ssrc: u32) -> RtcpPackets<'a> {
        RtcpPackets { rest: datagram, about: Some(ssrc) }
    }
}

impl Iterator for RtcpPackets<'_> {
    type Item = Rtcp;

    fn next(&mut self) -> Option<Rtcp> {
        let [b0, kind, l0, l1] = *self.rest.first_chunk::<4>()?;
        let len = 4 + usize::from(u16::from_be_bytes([l0, l1])) * 4;
        if b0 >> 6 != 2 || len > self.rest.len() {
            self.rest = &[];
            return None;
        }
        let (packet, rest) = self.rest.split_at(len);
        self.rest = rest;
        Some(read(b0 & 0x1f, kind, &packet[4..], self.about).unwrap_or(Rtcp::Other(kind)))
    }
}

fn read(count: u8, kind: u8, body: &[u8], wanted: Option<u32>) -> Option<Rtcp> {
    let word = |n: usize| Some(u32::from_be_bytes(*body.get(n * 4..)?.first_chunk::<4>()?));
    match kind {
        200 | 201 => {
            let blocks = if kind == 200 { 6 } else { 1 };
            let sender = (kind == 200)
                .then(|| {
                    Some(SenderInfo {
                        ntp: u64::from(word(1)?) << 32 | u64::from(word(2)?),
                        timestamp: word(3)?,
                        packets: word(4)?,
                        octets: word(5)?,
                    })
                })
                .flatten();
            if kind == 200 && sender.is_none() {
                return None;
            }
            let block = |n: usize| {
                let lost = word(n + 1)?;
                Some(ReportBlock {
                    ssrc: word(n)?,
                    fraction_lost: lost.to_be_bytes()[0],
                    lost: lost & 0x00ff_ffff,
                    highest: word(n + 2)?,
                    jitter: word(n + 3)?,
                    last_sr: word(n + 4)?,
                    delay: word(n + 5)?,
                })
            };
            let all = (0..usize::from(count)).map_while(|n| block(blocks + n * 6));
            let about = all.into_iter().find(|b| wanted.is_none_or(|w| b.ssrc == w));
            Some(Rtcp::Report { ssrc: word(0)?, sender, about })
        }
        207 => voip_metrics(body).map(|metrics| Rtcp::Voip { ssrc: word(0).unwrap_or(0), metrics }),
        203 if count > 0 => Some(Rtcp::Bye { ssrc: word(0)? }),
        _ => None,
    }
}

/// The first VoIP metrics block of an extended report, `body` being all behind its first four bytes.
fn voip_metrics(body: &[u8]) -> Option<VoipMetrics> {
    let mut rest = body.get(4..)?;
    loop {
        let [kind, _, l0, l1] = *rest.first_chunk::<4>()?;
        let len = 4 + usize::from(u16::from_be_bytes([l0, l1])) * 4;
        let block = rest.get(..len)?;
        if kind == VOIP_METRICS && len >= 36 {
            let short = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
            return Some(VoipMetrics {
                ssrc: u32::from_be_bytes(*block[4..].first_chunk()?),
                loss: block[8],
                discarded: block[9],
                round_trip_ms: short(16),
                r_factor: block[24],
                mos_x10: block[26],
                buffer_ms: short(30),
                buffer_ms_max: short(32),
            });
        }
        rest = &rest[len..];
    }
}

/// Appends an extended report with VoIP metrics (RFC 3611 §4.7) behind the first `len` bytes; the new length. Bursts are
/// not told from gaps: all loss stands in the gap.
pub fn append_voip_metrics(ssrc: u32, metrics: &VoipMetrics, out: &mut [u8], len: usize) -> Option<usize> {
    let mut w = Writer { out, len };
    let start = w.begin(0, 207)?;
    w.word(ssrc)?;
    w.bytes(&[VOIP_METRICS, 0, 0, 8])?;
    w.word(metrics.ssrc)?;
    w.bytes(&[metrics.loss, metrics.discarded, 0, metrics.loss.saturating_add(metrics.discarded)])?;
    w.word(0)?;
    w.bytes(&metrics.round_trip_ms.to_be_bytes())?;
    // Delay in our end systems: the buffer's, as near as it is known.
    w.bytes(&metrics.buffer_ms.to_be_bytes())?;
    // Signal and noise level and echo loss are not known; the least gap is the usual 16 packets.
    w.bytes(&[UNKNOWN, UNKNOWN, UNKNOWN, 16])?;
    w.bytes(&[metrics.r_factor, UNKNOWN, metrics.mos_x10, metrics.mos_x10])?;
    // Standard concealment, adaptive buffer, rate not known (§4.7.6).
    w.bytes(&[0b1011_0000, 0])?;
    w.bytes(&metrics.buffer_ms.to_be_bytes())?;
    w.bytes(&metrics.buffer_ms_max.to_be_bytes())?;
    w.bytes(&metrics.buffer_ms_max.to_be_bytes())?;
    w.end(start)?;
    Some(w.len)
}

/// Writes SR (when we sent) or RR, and the SDES CNAME that must follow (RFC 3550 §6.1). Returns the length, `None` when
/// `out` is too small; 128 bytes are always enough. `cname` is cut at 32 bytes.
pub fn write_report(
    ssrc: u32,
    sender: Option<&SenderInfo>,
    about: Option<&ReportBlock>,
    cname: &str,
    out: &mut [u8],
) -> Option<usize> {
    let mut w = Writer { out, len: 0 };
    write_first(&mut w, ssrc, sender, about)?;
    let cname = cname.as_bytes();
    let cname = &cname[..cname.len().min(32)];
    let start = w.begin(1, 202)?;
    w.word(ssrc)?;
    w.bytes(&[1, u8::try_from(cname.len()).ok()?])?;
    w.bytes(cname)?;
    // At least one zero ends the list, then up to the next word.
    w.bytes(&[0])?;
    while !(w.len - start).is_multiple_of(4) {
        w.bytes(&[0])?;
    }
    w.end(start)?;
    Some(w.len)
}

/// Writes an empty report and BYE (RFC 3550 §6.6).
pub fn write_bye(ssrc: u32, out: &mut [u8]) -> Option<usize> {
    let mut w = Writer { out, len: 0 };
    write_first(&mut w, ssrc, None, None)?;
    let start = w.begin(1, 203)?;
    w.word(ssrc)?;
    w.end(start)?;
    Some(w.len)
}

fn write_first(w: &mut Writer, ssrc: u32, sender: Option<&SenderInfo>, about: Option<&ReportBlock>) -> Option<()> {
    let start = w.begin(u8::from(about.is_some()), if sender.is_some() { 200 } else { 201 })?;
    w.word(ssrc)?;
    if let Some(s) = sender {
        w.bytes(&s.ntp.to_be_bytes())?;
        w.word(s.timestamp)?;
        w.word(s.packets)?;
        w.word(s.octets)?;
    }
    if let Some(b) = about {
        w.word(b.ssrc)?;
        w.word(u32::from(b.fraction_lost) << 24 | b.lost.min(0x007f_ffff))?;
        w.word(b.highest)?;
        w.word(b.jitter)?;
        w.word(b.last_sr)?;
        w.word(b.delay)?;
    }
    w.end(start)
}

struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn begin(&mut self, count: u8, kind: u8) -> Option<usize> {
        let start = self.len;
        self.bytes(&[0x80 | count, kind, 0, 0])?;
        Some(start)
    }

    /// Fills in the length in words less one.
    fn end(&mut self, start: usize) -> Option<()> {
        let words = u16::try_from((self.len - start) / 4 - 1).ok()?;
        self.out.get_mut(start + 2..start + 4)?.copy_from_slice(&words.to_be_bytes());
        Some(())
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.bytes(&word.to_be_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.out.get_mut(self.len..self.len + bytes.len())?.copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reports_round_trip() {
        let sender = SenderInfo { ntp: 1 << 40 | 5, timestamp: 7, packets: 8, octets: 9 };
        let block =
            ReportBlock { ssrc: 3, fraction_lost: 25, lost: 1_000, highest: 0x1_0002, jitter: 80, last_sr: 9, delay: 11 };
        let mut buffer = [0; 128];
        let len = write_report(1, Some(&sender), Some(&block), "hotline", &mut buffer).expect("it fits");
        assert!(is_rtcp(&buffer[..len]) && len.is_multiple_of(4));
        let read: Vec<_> = RtcpPackets::new(&buffer[..len]).collect();
        assert_eq!(read, [Rtcp::Report { ssrc: 1, sender: Some(sender), about: Some(block) }, Rtcp::Other(202)]);

        let len = write_bye(1, &mut buffer).expect("it fits");
        let read: Vec<_> = RtcpPackets::new(&buffer[..len]).collect();
        assert_eq!(read, [Rtcp::Report { ssrc: 1, sender: None, about: None }, Rtcp::Bye { ssrc: 1 }]);
        assert_eq!(write_report(1, None, None, "hotline", &mut [0; 20]), None);
    }

    #[test]
    fn metrics_round_trip_and_the_right_block_is_found() {
        let block = ReportBlock { ssrc: 3, lost: 7, ..ReportBlock::default() };
        let metrics = VoipMetrics {
            ssrc: 3,
            loss: 12,
            discarded: 3,
            round_trip_ms: 80,
            r_factor: 88,
            mos_x10: 43,
            buffer_ms: 40,
            buffer_ms_max: 120,
        };
        let mut buffer = [0; 192];
        let len = write_report(1, None, Some(&block), "hotline", &mut buffer).expect("it fits");
        let len = append_voip_metrics(1, &metrics, &mut buffer, len).expect("it fits");
        let read: Vec<_> = RtcpPackets::about(&buffer[..len], 3).collect();
        assert_eq!(read[0], Rtcp::Report { ssrc: 1, sender: None, about: Some(block) });
        assert_eq!(read[2], Rtcp::Voip { ssrc: 1, metrics });
        let other: Vec<_> = RtcpPackets::about(&buffer[..len], 4).collect();
        assert_eq!(other[0], Rtcp::Report { ssrc: 1, sender: None, about: None });
        // Two blocks, the second about us.
        let mut two = vec![0x82, 201, 0, 13, 0, 0, 0, 1];
        for ssrc in [8u8, 9] {
            two.extend([0, 0, 0, ssrc]);
            two.extend([ssrc; 20]);
        }
        let found = RtcpPackets::about(&two, 9).next();
        assert!(matches!(found, Some(Rtcp::Report { about: Some(ReportBlock { ssrc: 9, delay: 0x0909_0909, .. }), .. })));
        assert_eq!(append_voip_metrics(1, &metrics, &mut [0; 20], 0), None);
    }

    proptest! {
        #[test]
        fn any_extended_report_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut packet = vec![0x80, 207, 0, (bytes.len() / 4) as u8];
            packet.extend(&bytes[..bytes.len() / 4 * 4]);
            prop_assert!(RtcpPackets::new(&packet).count() <= 1);
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(RtcpPackets::new(&bytes).count() <= 50);
        }
    }
}
