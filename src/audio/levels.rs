//! Loudness, and the few things done to it. dBFS here: 0 is the power of a full-scale square wave, so a full-scale sine is −3.
//! (That is also the dBov of RFC 3389 §3.)

use super::{FRAME_SAMPLES, Frame};

/// What digital silence counts as, dBFS: less than half a step of 16 bit.
pub const QUIETEST_DBFS: f32 = -96.0;

/// Mean power of the samples, full scale = 1.0; 0 for none.
pub fn power(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: u64 = samples.iter().map(|&s| u64::from(s.unsigned_abs()).pow(2)).sum();
    (sum as f64 / samples.len() as f64 / (32_768.0 * 32_768.0)) as f32
}

/// Loudness in dBFS, from [`QUIETEST_DBFS`] to 0.
pub fn rms_dbfs(samples: &[i16]) -> f32 {
    (10.0 * power(samples).max(1e-12).log10()).max(QUIETEST_DBFS)
}

/// The largest sample without its sign, 0–32768.
pub fn peak(samples: &[i16]) -> u16 {
    samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0)
}

/// Two voices at once. Linear up to three quarters of full scale, bent above it, so that two loud speakers neither wrap
/// round nor rattle.
pub fn mix(a: &Frame, b: &Frame) -> Frame {
    let mut out = Frame::SILENCE;
    for (to, (&a, &b)) in out.samples.iter_mut().zip(a.samples.iter().zip(&b.samples)) {
        *to = bend(i32::from(a) + i32::from(b));
    }
    out
}

/// Multiplies by a factor given in dB, clipped at full scale.
pub fn gain(samples: &mut [i16], db: f32) {
    let factor = 10f32.powf(db / 20.0);
    for s in samples {
        // A float-to-integer cast saturates.
        *s = (f32::from(*s) * factor) as i16;
    }
}

/// Lets the frame die away to silence, so that a prompt that is cut ends without a click.
pub fn fade_out(frame: &mut Frame) {
    for (i, s) in frame.samples.iter_mut().enumerate() {
        *s = scaled(*s, FRAME_SAMPLES - 1 - i);
    }
}

/// Lets the frame rise from silence, for sound that begins in the middle.
pub fn fade_in(frame: &mut Frame) {
    for (i, s) in frame.samples.iter_mut().enumerate() {
        *s = scaled(*s, i);
    }
}

fn scaled(sample: i16, share: usize) -> i16 {
    (i32::from(sample) * share as i32 / (FRAME_SAMPLES as i32 - 1)) as i16
}

fn bend(sum: i32) -> i16 {
    const KNEE: i32 = 24_576;
    const ROOM: i32 = 32_767 - KNEE;
    let above = sum.abs() - KNEE;
    if above <= 0 {
        return sum as i16;
    }
    // Rises with slope 1 at the knee and never reaches the rail: room · x / (x + room).
    ((KNEE + ROOM * above / (above + ROOM)) * sum.signum()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: i16) -> Frame {
        Frame { samples: [value; FRAME_SAMPLES] }
    }

    #[test]
    fn loudness_of_known_signals() {
        assert!(rms_dbfs(&[i16::MIN; 160]).abs() < 0.01);
        assert!((rms_dbfs(&[328; 160]) + 40.0).abs() < 0.1);
        assert_eq!(rms_dbfs(&[0; 160]), QUIETEST_DBFS);
        assert_eq!(rms_dbfs(&[]), QUIETEST_DBFS);
        assert_eq!(peak(&[3, i16::MIN, 7]), 32_768);
    }

    #[test]
    fn mixing_adds_and_never_wraps() {
        assert_eq!(mix(&frame(1_000), &frame(-300)).samples[0], 700);
        for (a, b) in [(i16::MAX, i16::MAX), (i16::MIN, i16::MIN), (30_000, 20_000)] {
            let sum = mix(&frame(a), &frame(b)).samples[0];
            assert_eq!(sum.signum(), a.signum());
            assert!(sum.unsigned_abs() > 24_576);
        }
    }

    #[test]
    fn a_faded_frame_ends_in_silence_without_a_step() {
        let mut f = frame(20_000);
        fade_out(&mut f);
        assert_eq!((f.samples[0], f.samples[FRAME_SAMPLES - 1]), (20_000, 0));
        assert!(f.samples.windows(2).all(|w| w[0] - w[1] <= 150));
        fade_in(&mut f);
        assert_eq!(f.samples[0], 0);
    }

    #[test]
    fn gain_clips_instead_of_wrapping() {
        let mut s = [1_000, -1_000, 30_000];
        gain(&mut s, 20.0);
        assert_eq!(s, [10_000, -10_000, i16::MAX]);
    }
}
