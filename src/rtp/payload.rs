//! How long a payload is, and clocks other than 8 kHz.

use super::PACKET_SAMPLES_MAX;
use crate::base::Codec;

/// A payload type each way: each side says in its description what it wants to get (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// In what we send.
    pub send: u8,
    /// In what we receive.
    pub receive: u8,
}

#[cfg(test)]
impl Numbers {
    /// The same both ways, as nearly always.
    pub(crate) fn both(number: u8) -> Numbers {
        Numbers { send: number, receive: number }
    }
}

/// telephone-event as it was agreed (RFC 4733).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyEvents {
    /// Its payload types.
    pub numbers: Numbers,
    /// Ticks of its clock in a second; a multiple of 8000.
    pub clock: u32,
}

impl KeyEvents {
    /// At 8 kHz, the same payload type both ways.
    #[cfg(test)]
    pub(crate) fn at_8000(number: u8) -> KeyEvents {
        KeyEvents { numbers: Numbers::both(number), clock: 8_000 }
    }

    /// Ticks of its clock in an 8-kHz sample.
    pub fn scale(self) -> u32 {
        (self.clock / 8_000).max(1)
    }
}

/// Length of a payload in 8-kHz samples; `None` when it is none of this codec, or longer than 120 ms.
pub fn payload_samples(codec: Codec, payload: &[u8]) -> Option<u16> {
    let samples = match codec {
        // One byte a sample; G.722 too, whose byte is two samples at 16 kHz.
        Codec::Pcmu | Codec::Pcma | Codec::G722 => payload.len(),
        Codec::Opus => opus_samples(payload)?,
    };
    u16::try_from(samples).ok().filter(|n| (1..=PACKET_SAMPLES_MAX).contains(n))
}

/// By the table-of-contents byte (RFC 6716 §3.1) and, in packets of any number of frames, the count behind it (§3.2.5).
fn opus_samples(payload: &[u8]) -> Option<usize> {
    let (&toc, rest) = payload.split_first()?;
    let frame = match toc >> 3 {
        config @ 0..=11 => [80, 160, 320, 480][usize::from(config % 4)],
        config @ 12..=15 => [80, 160][usize::from(config % 2)],
        config => [20, 40, 80, 160][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(rest.first()? & 0x3f),
    };
    Some(frame * frames)
}

/// Brings the timestamps of a clock that is a multiple of 8 kHz to 8 kHz, over wraps and jumps.
#[derive(Debug, Clone, Copy)]
pub struct ClockScale {
    scale: u32,
    /// The last timestamp, and the same without wraps.
    last: Option<(u32, i64)>,
}

impl ClockScale {
    /// `scale` = clock / 8000.
    pub fn new(scale: u32) -> ClockScale {
        ClockScale { scale: scale.max(1), last: None }
    }

    /// The timestamp in 8-kHz samples, wrapping like a timestamp.
    pub fn scaled(&mut self, timestamp: u32) -> u32 {
        if self.scale == 1 {
            return timestamp;
        }
        let whole = match self.last {
            // The nearer way round.
            Some((last, whole)) => whole + i64::from(timestamp.wrapping_sub(last).cast_signed()),
            None => i64::from(timestamp),
        };
        self.last = Some((timestamp, whole));
        let samples = whole.div_euclid(i64::from(self.scale));
        // The lower 32 bits are what a timestamp is.
        u32::try_from(samples.rem_euclid(1 << 32)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_by_codec() {
        assert_eq!(payload_samples(Codec::Pcmu, &[0; 240]), Some(240));
        assert_eq!(payload_samples(Codec::G722, &[0; 160]), Some(160));
        assert_eq!(payload_samples(Codec::Pcma, &[]), None);
        assert_eq!(payload_samples(Codec::Pcma, &[0; 961]), None);
        // RFC 6716 table 2: configuration 1 (SILK, 20 ms), 15 (hybrid, 20 ms), 28 (CELT, 2.5 ms).
        for (payload, samples) in [
            (&[1 << 3][..], Some(160)),
            (&[3 << 3 | 1, 0, 0], Some(960)),
            (&[15 << 3, 0], Some(160)),
            (&[28 << 3 | 2, 0], Some(40)),
            (&[1 << 3 | 3, 6], Some(960)),
            (&[1 << 3 | 3, 7], None),
            (&[1 << 3 | 3], None),
            (&[1 << 3 | 3, 0], None),
            (&[], None),
        ] {
            assert_eq!(payload_samples(Codec::Opus, payload), samples, "{payload:?}");
        }
    }

    #[test]
    fn a_scaled_clock_runs_on_over_its_wraps() {
        let (mut clock, mut timestamp) = (ClockScale::new(6), u32::MAX - 2_000);
        let first = clock.scaled(timestamp);
        for n in 1..20_000u32 {
            timestamp = timestamp.wrapping_add(960);
            assert_eq!(clock.scaled(timestamp).wrapping_sub(first), n.wrapping_mul(160));
            // A straggler does not disturb it.
            assert_eq!(clock.scaled(timestamp.wrapping_sub(1_920)).wrapping_sub(first), (n.wrapping_sub(2)).wrapping_mul(160));
        }
        assert_eq!(ClockScale::new(1).scaled(77), 77);
    }

    proptest! {
        #[test]
        fn any_opus_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(payload_samples(Codec::Opus, &bytes).is_none_or(|n| n <= PACKET_SAMPLES_MAX));
        }
    }
}
