//! What every pass through whisper.cpp needs: the sound as it wants it, and one silent greedy pass.

use crate::audio::{Rate, resample};
use whisper_rs::{FullParams, SamplingStrategy};

/// The library refuses less than a tenth of a second and hears little in less than a whole one; in samples at 16 kHz.
const LEAST: usize = 17_600;

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
