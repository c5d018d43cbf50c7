//! G.711: one byte a sample (ITU-T G.711; RTP payload types 0 and 8 of RFC 3551 §4.5.14). The tables are the crate's.

use super::{FRAME_SAMPLES, Frame};
use audio_codec_algorithms as laws;

/// Encodes 20 ms as mu-law.
pub fn encode_ulaw(frame: &Frame, out: &mut [u8; FRAME_SAMPLES]) {
    encode(frame, out, laws::encode_ulaw);
}

/// Encodes 20 ms as A-law.
pub fn encode_alaw(frame: &Frame, out: &mut [u8; FRAME_SAMPLES]) {
    encode(frame, out, laws::encode_alaw);
}

/// Decodes mu-law, as many samples as fit into `out`; returns how many. The rest of `out` is left alone.
pub fn decode_ulaw(payload: &[u8], out: &mut [i16]) -> usize {
    decode(payload, out, laws::decode_ulaw)
}

/// Decodes A-law, as many samples as fit into `out`; returns how many. The rest of `out` is left alone.
pub fn decode_alaw(payload: &[u8], out: &mut [i16]) -> usize {
    decode(payload, out, laws::decode_alaw)
}

fn encode(frame: &Frame, out: &mut [u8; FRAME_SAMPLES], law: fn(i16) -> u8) {
    for (to, &from) in out.iter_mut().zip(&frame.samples) {
        *to = law(from);
    }
}

fn decode(payload: &[u8], out: &mut [i16], law: fn(u8) -> i16) -> usize {
    for (to, &from) in out.iter_mut().zip(payload) {
        *to = law(from);
    }
    payload.len().min(out.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // ITU-T G.711 tables: the quietest codes and the loudest.
        let mut out = [0; 4];
        assert_eq!(decode_ulaw(&[0xFF, 0x7F, 0x80, 0x00], &mut out), 4);
        assert_eq!(out, [0, 0, 32_124, -32_124]);
        assert_eq!(decode_alaw(&[0xD5, 0x55, 0xAA, 0x2A], &mut out), 4);
        assert_eq!(out, [8, -8, 32_256, -32_256]);
    }

    #[test]
    fn a_round_trip_keeps_the_sample_within_its_step() {
        for from in (i16::MIN..=i16::MAX).step_by(37) {
            let frame = Frame { samples: [from; FRAME_SAMPLES] };
            let (mut bytes, mut back) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
            // The widest step is 1024 wide, and full scale is clipped to 32124.
            let tolerance = 20 + i32::from(from.unsigned_abs()) / 31;
            encode_ulaw(&frame, &mut bytes);
            decode_ulaw(&bytes, &mut back);
            assert!((i32::from(back[0]) - i32::from(from)).abs() <= tolerance, "mu-law {from} -> {}", back[0]);
            encode_alaw(&frame, &mut bytes);
            decode_alaw(&bytes, &mut back);
            assert!((i32::from(back[0]) - i32::from(from)).abs() <= tolerance, "A-law {from} -> {}", back[0]);
        }
    }

    #[test]
    fn long_and_short_payloads_are_cut_not_trusted() {
        let mut out = [7; 4];
        assert_eq!(decode_ulaw(&[0xFF; 1_000], &mut out), 4);
        assert_eq!(decode_ulaw(&[0x00], &mut out), 1);
        assert_eq!(out, [-32_124, 0, 0, 0]);
        assert_eq!(decode_alaw(&[], &mut out), 0);
    }
}
