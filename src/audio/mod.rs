//! Samples: frames, codecs, concealment, comfort noise, resampling, decoding from bytes, tones, levels. No IO.

mod frame;

pub use frame::{FRAME_SAMPLES, Frame, LINE_RATE, Pcm};
