//! What every pass through whisper.cpp needs: the whole utterance, the sound as the library wants it, and one silent greedy pass.

use crate::audio::{Rate, peak, resample, rms_dbfs};
use whisper_rs::{FullParams, SamplingStrategy};

/// The library refuses less than a tenth of a second and hears little in less than a whole one; in samples at 16 kHz.
const LEAST: usize = 17_600;

/// What is kept of an utterance, in samples at 8 kHz: Whisper's own window.
const LONGEST: usize = 8_000 * 30;

/// Quieter than this in its loudest 100 ms is silence.
const SILENCE_DBFS: f32 = -50.0;

/// The sound of an utterance while it is spoken, 8 kHz. What goes beyond half a minute is not kept.
#[derive(Debug, Default)]
pub(crate) struct Collected(Vec<i16>);

impl Collected {
    /// Adds what came.
    pub(crate) fn push(&mut self, samples: &[i16]) {
        let room = LONGEST.saturating_sub(self.0.len());
        self.0.extend_from_slice(&samples[..samples.len().min(room)]);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// All of it.
    pub(crate) fn samples(&self) -> &[i16] {
        &self.0
    }

    /// Whether nobody speaks in it: both models invent words for silence.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.chunks(800).map(rms_dbfs).fold(f32::NEG_INFINITY, f32::max) < SILENCE_DBFS || peak(&self.0) == 0
    }
}

/// Sound at 8 kHz as the library takes it: 16 kHz, -1 to 1, filled up with silence to a little over a second.
///
/// # Errors
/// When it cannot be resampled.
pub(crate) fn wide(samples: &[i16]) -> Result<Vec<f32>, String> {
    let rate = |hertz| Rate::new(hertz).map_err(|e| e.to_string());
    let wide = resample(samples, rate(8_000)?, rate(16_000)?).map_err(|e| e.to_string())?;
    let mut sound: Vec<f32> = wide.iter().map(|s| f32::from(*s) / 32_768.0).collect();
    sound.resize(sound.len().max(LEAST), 0.0);
    Ok(sound)
}

/// One greedy pass that prints nothing, over so many steps of the encoder (20 ms each), writing at most so many tokens.
pub(crate) fn params<'a>(threads: i32, steps: usize, tokens: usize) -> FullParams<'a, 'a> {
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_n_threads(threads);
    params.set_audio_ctx(i32::try_from(steps).unwrap_or(1_500));
    params.set_max_tokens(i32::try_from(tokens).unwrap_or(64));
    params.set_no_context(true);
    params.set_no_timestamps(true);
    params.set_single_segment(true);
    params.set_temperature_inc(0.0);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_special(false);
    params.set_print_timestamps(false);
    params
}
