//! What a call's line sounds like: its cepstral mean, and the noise that stands for its silence. Pure.

/// The cepstral mean of telephone speech, as measured over the development speakers; a call's own mean replaces it.
const LINE_MEAN: [f32; 13] = [36.4, -2.9, -7.6, 2.6, 0.1, -4.6, -3.9, 0.4, -1.2, 3.3, -2.9, -0.5, 1.3];

/// The running cepstral mean of one call's line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LineMean {
    pub(crate) mean: Vec<f32>,
    /// Frames it rests on; grows to [`LineMean::WEIGHT_MAX`], so that later utterances move it less.
    weight: f32,
}

impl Default for LineMean {
    fn default() -> LineMean {
        LineMean { mean: LINE_MEAN.to_vec(), weight: LineMean::WEIGHT_MIN }
    }
}

impl LineMean {
    /// A new line: the first utterance decides as much as the mean of all lines.
    const WEIGHT_MIN: f32 = 100.0;
    /// A known line still follows a handset that is moved.
    const WEIGHT_MAX: f32 = 400.0;

    /// Moves towards an utterance's own mean.
    pub(crate) fn learn(&mut self, own: &[f32], frames: f32) {
        if own.len() != self.mean.len() || own.iter().any(|v| !v.is_finite()) {
            return;
        }
        for (mine, own) in self.mean.iter_mut().zip(own) {
            *mine = (*mine * self.weight + own * frames) / (self.weight + frames);
        }
        self.weight = (self.weight + frames).min(LineMean::WEIGHT_MAX);
    }

    pub(crate) fn read(values: &[f32]) -> Option<LineMean> {
        let (weight, mean) = values.split_last()?;
        (mean.len() == LINE_MEAN.len() && values.iter().all(|v| v.is_finite() && v.abs() < 1_000.0))
            .then(|| LineMean { mean: mean.to_vec(), weight: weight.clamp(LineMean::WEIGHT_MIN, LineMean::WEIGHT_MAX) })
    }

    pub(crate) fn write(&self) -> Vec<f32> {
        self.mean.iter().copied().chain([self.weight]).collect()
    }
}

/// Line noise from a small generator: the same at every run.
pub(crate) struct Noise(pub(crate) u32);

impl Noise {
    pub(crate) fn add(&mut self, samples: &mut [i16], level: f32) {
        for sample in samples {
            // Sum of four uniform numbers: near enough to a bell curve of unit deviation after scaling.
            let sum: f32 = (0..4).map(|_| self.next()).sum();
            let noise = (sum - 2.0) * level * 1.732;
            *sample = sample.saturating_add(noise as i16);
        }
    }

    pub(crate) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32
    }
}
