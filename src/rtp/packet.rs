//! The RTP packet (RFC 3550 §5.1): a view that borrows, and a writer into the caller's buffer.

/// The fixed header without CSRC list.
pub const HEADER_BYTES: usize = 12;

/// What a packet's header says, as far as anybody here needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// First packet after a pause in sending (RFC 3551 §4.1); in telephone-events the first of an event.
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// Counts packets, wraps.
    pub sequence: u16,
    /// Counts samples, wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

/// A packet that was checked: every length in it fits the bytes that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketView<'a> {
    /// The header.
    pub header: Header,
    /// What is carried, without padding; may be empty (probing, padding only).
    pub payload: &'a [u8],
}

impl<'a> PacketView<'a> {
    /// Reads a datagram. `None` when it is not version 2, or when CSRC count, extension or padding claim more bytes than
    /// there are.
    pub fn parse(bytes: &'a [u8]) -> Option<PacketView<'a>> {
        let (fixed, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let [b0, b1, s0, s1, t0, t1, t2, t3, i0, i1, i2, i3] = *fixed;
        if b0 >> 6 != 2 {
            return None;
        }
        let mut payload = rest.get(usize::from(b0 & 0x0f) * 4..)?;
        if b0 & 0x10 != 0 {
            let [_, _, l0, l1] = *payload.first_chunk::<4>()?;
            payload = payload.get(4 + usize::from(u16::from_be_bytes([l0, l1])) * 4..)?;
        }
        if b0 & 0x20 != 0 {
            let padding = usize::from(*payload.last()?);
            let keep = payload.len().checked_sub(padding)?;
            if padding == 0 {
                return None;
            }
            payload = &payload[..keep];
        }
        Some(PacketView {
            header: Header {
                marker: b1 & 0x80 != 0,
                payload_type: b1 & 0x7f,
                sequence: u16::from_be_bytes([s0, s1]),
                timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
                ssrc: u32::from_be_bytes([i0, i1, i2, i3]),
            },
            payload,
        })
    }
}

/// Writes a packet without CSRC, extension or padding; returns its length, or `None` when `out` is too small.
pub fn write_packet(header: &Header, payload: &[u8], out: &mut [u8]) -> Option<usize> {
    let len = HEADER_BYTES + payload.len();
    let out = out.get_mut(..len)?;
    out[0] = 0x80;
    out[1] = u8::from(header.marker) << 7 | (header.payload_type & 0x7f);
    out[2..4].copy_from_slice(&header.sequence.to_be_bytes());
    out[4..8].copy_from_slice(&header.timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&header.ssrc.to_be_bytes());
    out[HEADER_BYTES..].copy_from_slice(payload);
    Some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> Header {
        Header { marker: true, payload_type: 101, sequence: 65_535, timestamp: 0xffff_fff0, ssrc: 7 }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut buffer = [0; 64];
        let len = write_packet(&header(), &[1, 2, 3], &mut buffer).expect("it fits");
        let view = PacketView::parse(&buffer[..len]).expect("a packet");
        assert_eq!((view.header, view.payload), (header(), &[1u8, 2, 3][..]));
        assert_eq!(write_packet(&header(), &[0; 60], &mut buffer), None);
    }

    #[test]
    fn csrc_extension_and_padding_are_taken_off() {
        let mut p = vec![0x80 | 0x20 | 0x10 | 2, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        p.extend([0; 8]); // two CSRC
        p.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]); // extension of one word
        p.extend([42, 43, 0, 2]); // payload and two bytes of padding
        assert_eq!(PacketView::parse(&p).map(|v| v.payload.to_vec()), Some(vec![42, 43]));
    }

    #[test]
    fn lies_about_lengths_are_refused() {
        let fixed = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];
        let with = |b0: u8, tail: &[u8]| [&[b0], &fixed[..], tail].concat();
        for (name, packet) in [
            ("version 1", with(0x40, &[1, 2, 3])),
            ("short", vec![0x80; 11]),
            ("fifteen CSRC", with(0x8f, &[0; 59])),
            ("extension header cut", with(0x90, &[0, 0, 0])),
            ("extension longer than the packet", with(0x90, &[0, 0, 0xff, 0xff, 1])),
            ("padding without a byte", with(0xa0, &[])),
            ("padding of nothing", with(0xa0, &[5, 0])),
            ("padding longer than the payload", with(0xa0, &[5, 3])),
        ] {
            assert_eq!(PacketView::parse(&packet), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(view) = PacketView::parse(&bytes) {
                prop_assert!(view.payload.len() + HEADER_BYTES <= bytes.len());
            }
        }
    }
}
