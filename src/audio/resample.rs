//! From one sample rate to another. Files and synthesised prompts arrive at any rate and are brought to 8 kHz once, when
//! they are loaded; the recogniser's 16 kHz is made per frame by plain interpolation.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

/// Samples per second, within 1 000–384 000: outside of it a file header lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    /// Checks the range.
    pub fn new(hertz: u32) -> Result<Rate, RateError> {
        if (1_000..=384_000).contains(&hertz) { Ok(Rate(hertz)) } else { Err(RateError { hertz }) }
    }

    /// Samples per second.
    pub fn hertz(self) -> u32 {
        self.0
    }
}

/// A sample rate that no sound has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sample rate of {hertz} Hz is not usable; save the sound with 8000 to 48000 Hz")]
pub struct RateError {
    /// What was asked for.
    pub hertz: u32,
}

/// Samples per block handed to the library.
const CHUNK: usize = 1_024;

/// Changes the rate of a stream in pieces, so that half an hour at 48 kHz never lies in memory as a whole. The delay of the
/// filter is cut off at the beginning and made up at the end: output sample n is input time n / to.
pub struct Resampler {
    /// `None` when both rates are equal.
    engine: Option<Fft<f32>>,
    /// Input that does not fill a block yet.
    waiting: Vec<f32>,
    /// One block of output.
    block: Vec<f32>,
    /// Output samples still to drop: the filter's delay.
    to_skip: usize,
    /// Samples taken in so far.
    taken: u64,
    ratio: f64,
    out: Vec<i16>,
}

impl Resampler {
    /// From one rate to another.
    pub fn new(from: Rate, to: Rate) -> Result<Resampler, RateError> {
        let ratio = f64::from(to.0) / f64::from(from.0);
        let mut this =
            Resampler { engine: None, waiting: Vec::new(), block: Vec::new(), to_skip: 0, taken: 0, ratio, out: Vec::new() };
        if from != to {
            // The block of an FFT resampler is a multiple of rate / gcd: rates without a common divisor (44 101 Hz) would need
            // a block of a second and more. They are moved to the next multiple of 25 Hz, less than 0.1 % of pitch off from
            // 12.5 kHz up.
            let near = |hertz: u32| ((hertz + 12) / 25 * 25) as usize;
            let engine = Fft::new(near(from.0), near(to.0), CHUNK, 1, FixedSync::Input);
            let engine = engine.map_err(|_| RateError { hertz: from.0 })?;
            this.to_skip = engine.output_delay();
            this.block = vec![0.0; engine.output_frames_max()];
            this.engine = Some(engine);
        }
        Ok(this)
    }

    /// Takes samples (−1..1).
    pub fn push(&mut self, samples: &[f32]) {
        self.taken += samples.len() as u64;
        if self.engine.is_none() {
            self.out.extend(samples.iter().map(|&s| to_i16(s)));
            return;
        }
        self.waiting.extend_from_slice(samples);
        self.drain();
    }

    /// How many samples have come out so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing has come out yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Flushes the filter and gives everything.
    pub fn finish(mut self) -> Vec<i16> {
        let whole = (self.taken as f64 * self.ratio).ceil() as usize;
        if self.engine.is_some() {
            // The delay is a few blocks at most; the bound is for rates at which a block gives less than a sample.
            for _ in 0..64 {
                if self.out.len() >= whole {
                    break;
                }
                self.waiting.resize(self.waiting.len() + 4 * CHUNK, 0.0);
                self.drain();
            }
            self.out.resize(whole, 0);
        }
        self.out
    }

    fn drain(&mut self) {
        let Some(engine) = &mut self.engine else { return };
        let mut used = 0;
        while self.waiting.len() - used >= engine.input_frames_next() {
            let (n, room) = (self.waiting.len(), self.block.len());
            let (Ok(input), Ok(mut output)) =
                (InterleavedSlice::new(&self.waiting[..], 1, n), InterleavedSlice::new_mut(&mut self.block[..], 1, room))
            else {
                break;
            };
            let place = Indexing { input_offset: used, output_offset: 0, partial_len: None, active_channels_mask: None };
            let Ok((read, written)) = engine.process_into_buffer(&input, &mut output, Some(&place)) else { break };
            used += read;
            let skip = self.to_skip.min(written);
            self.to_skip -= skip;
            self.out.extend(self.block[skip..written].iter().map(|&s| to_i16(s)));
        }
        self.waiting.drain(..used);
    }
}

/// Changes the rate of a whole buffer.
pub fn resample(samples: &[i16], from: Rate, to: Rate) -> Result<Vec<i16>, RateError> {
    if from == to {
        return Ok(samples.to_vec());
    }
    let mut resampler = Resampler::new(from, to)?;
    let mut block = [0f32; CHUNK];
    for piece in samples.chunks(CHUNK) {
        for (to, &s) in block.iter_mut().zip(piece) {
            *to = f32::from(s) / 32_768.0;
        }
        resampler.push(&block[..piece.len()]);
    }
    Ok(resampler.finish())
}

/// Changes the rate of a whole buffer of samples in −1..1.
pub fn resample_f32(samples: &[f32], from: Rate, to: Rate) -> Result<Vec<i16>, RateError> {
    let mut resampler = Resampler::new(from, to)?;
    for piece in samples.chunks(CHUNK) {
        resampler.push(piece);
    }
    Ok(resampler.finish())
}

/// Doubles the rate by drawing straight lines between samples: `out` gets two samples for each of `input` (as many as fit).
/// `last` is the last sample of the piece before (0 at the start) and is updated. Leaves a weak mirror image above 4 kHz on
/// purpose: wide-band speech models hear "six" better with it than with nothing there.
pub fn upsample_linear_2x(input: &[i16], last: &mut i16, out: &mut [i16]) -> usize {
    let mut written = 0;
    for (pair, &s) in out.chunks_exact_mut(2).zip(input) {
        pair[0] = i32::midpoint(i32::from(*last), i32::from(s)) as i16;
        pair[1] = s;
        *last = s;
        written += 2;
    }
    written
}

fn to_i16(s: f32) -> i16 {
    // The cast saturates, and makes NaN 0.
    (s * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::super::rms_dbfs;
    use super::*;

    fn rate(hertz: u32) -> Rate {
        Rate::new(hertz).expect("in range")
    }

    fn sine(hertz: f64, rate: u32, n: usize) -> Vec<i16> {
        (0..n).map(|i| ((i as f64 * hertz / f64::from(rate) * std::f64::consts::TAU).sin() * 10_000.0) as i16).collect()
    }

    #[test]
    fn a_tone_keeps_its_place_and_level_at_every_usual_rate() {
        for from in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000] {
            let out = resample(&sine(440.0, from, from as usize), rate(from), rate(8_000)).expect("rates are fine");
            assert_eq!(out.len(), 8_000, "from {from}");
            let wanted = sine(440.0, 8_000, 8_000);
            let off: Vec<i16> = out.iter().zip(&wanted).map(|(a, b)| a.saturating_sub(*b)).collect();
            let error = rms_dbfs(&off[400..7_600]);
            // Odd block lengths shift the sound by up to half a sample of the line, 62 µs.
            let bound = if from <= 16_000 && from % 8_000 == 0 { -60.0 } else { -27.0 };
            assert!(error < bound, "from {from}: error {error} dBFS");
        }
    }

    #[test]
    fn what_the_line_cannot_carry_is_filtered_out() {
        let out = resample(&sine(6_000.0, 48_000, 48_000), rate(48_000), rate(8_000)).expect("rates are fine");
        assert!(rms_dbfs(&out[400..7_600]) < -60.0);
    }

    #[test]
    fn odd_rates_and_short_sounds_work() {
        for (from, n) in [(44_101, 44_101), (8_001, 1), (383_999, 100), (1_000, 3), (16_000, 0)] {
            let out = resample(&vec![500; n], rate(from), rate(8_000)).expect("rates are fine");
            assert_eq!(out.len(), (n as f64 * 8_000.0 / f64::from(from)).ceil() as usize, "{n} at {from}");
        }
        assert!(Rate::new(999).is_err() && Rate::new(u32::MAX).is_err() && Rate::new(0).is_err());
    }

    #[test]
    fn pieces_give_the_same_as_the_whole() {
        let whole = sine(300.0, 22_050, 30_000);
        let at_once = resample(&whole, rate(22_050), rate(8_000)).expect("rates are fine");
        let mut resampler = Resampler::new(rate(22_050), rate(8_000)).expect("rates are fine");
        for piece in whole.chunks(777) {
            let piece: Vec<f32> = piece.iter().map(|&s| f32::from(s) / 32_768.0).collect();
            resampler.push(&piece);
        }
        assert_eq!(resampler.finish(), at_once);
    }

    #[test]
    fn doubling_draws_lines_across_frames() {
        let (mut last, mut out) = (0, [0; 4]);
        assert_eq!(upsample_linear_2x(&[100, 300], &mut last, &mut out), 4);
        assert_eq!((out, last), ([50, 100, 200, 300], 300));
        assert_eq!(upsample_linear_2x(&[100], &mut last, &mut out), 2);
        assert_eq!(out[..2], [200, 100]);
    }
}
