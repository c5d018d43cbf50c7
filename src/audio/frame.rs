//! The unit of the audio plane.

/// Samples per second on the line and inside: telephone speech.
pub const LINE_RATE: u32 = 8_000;

/// Samples in a frame: 20 ms at [`LINE_RATE`].
pub const FRAME_SAMPLES: usize = 160;

/// 20 ms of mono samples at 8 kHz, 16 bit. `Copy`, so that it travels through bounded queues without allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The samples.
    pub samples: [i16; FRAME_SAMPLES],
}

impl Frame {
    /// Digital silence.
    pub const SILENCE: Frame = Frame { samples: [0; FRAME_SAMPLES] };
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let peak = self.samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        write!(f, "Frame(peak {peak})")
    }
}

/// A piece of sound of any length: mono, 8 kHz, 16 bit. Prompts after rendering, utterances, recordings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pcm {
    /// The samples at [`LINE_RATE`].
    pub samples: Vec<i16>,
}

impl Pcm {
    /// Length in milliseconds.
    pub fn millis(&self) -> u64 {
        self.samples.len() as u64 * 1_000 / u64::from(LINE_RATE)
    }
}
