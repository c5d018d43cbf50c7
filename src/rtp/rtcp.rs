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
        /// Its first report block.
        about: Option<ReportBlock>,
    },
    /// The far end stops (RFC 3550 §6.6).
    Bye {
        /// Who.
        ssrc: u32,
    },
    /// SDES, APP, feedback: not used.
    Other(u8),
}

/// Whether a datagram is RTCP that came on the RTP port (RFC 5761 §4: second byte 192–223).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 4 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

/// Reads a compound packet, one item per packet; ends at the first lie about a length.
#[derive(Debug, Clone)]
pub struct RtcpPackets<'a>(&'a [u8]);

impl<'a> RtcpPackets<'a> {
    /// Over a datagram.
    pub fn new(datagram: &'a [u8]) -> RtcpPackets<'a> {
        RtcpPackets(datagram)
    }
}

impl Iterator for RtcpPackets<'_> {
    type Item = Rtcp;

    fn next(&mut self) -> Option<Rtcp> {
        let [b0, kind, l0, l1] = *self.0.first_chunk::<4>()?;
        let len = 4 + usize::from(u16::from_be_bytes([l0, l1])) * 4;
        if b0 >> 6 != 2 || len > self.0.len() {
            self.0 = &[];
            return None;
        }
        let (packet, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(read(b0 & 0x1f, kind, &packet[4..]).unwrap_or(Rtcp::Other(kind)))
    }
}

fn read(count: u8, kind: u8, body: &[u8]) -> Option<Rtcp> {
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
            let about = (count > 0)
                .then(|| {
                    let lost = word(blocks + 1)?;
                    Some(ReportBlock {
                        ssrc: word(blocks)?,
                        fraction_lost: lost.to_be_bytes()[0],
                        lost: lost & 0x00ff_ffff,
                        highest: word(blocks + 2)?,
                        jitter: word(blocks + 3)?,
                    })
                })
                .flatten();
            Some(Rtcp::Report { ssrc: word(0)?, sender, about })
        }
        203 if count > 0 => Some(Rtcp::Bye { ssrc: word(0)? }),
        _ => None,
    }
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
        // Last SR and the delay since: 0 = none received (RFC 3550 §6.4.1).
        w.word(0)?;
        w.word(0)?;
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
        let block = ReportBlock { ssrc: 3, fraction_lost: 25, lost: 1_000, highest: 0x1_0002, jitter: 80 };
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

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(RtcpPackets::new(&bytes).count() <= 50);
        }
    }
}
