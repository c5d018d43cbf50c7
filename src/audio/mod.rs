//! Samples: frames, codecs, concealment, comfort noise, resampling, decoding from bytes, tones, levels. No IO.

mod frame;
mod tap;

pub use frame::{FRAME_SAMPLES, Frame, LINE_RATE, Pcm};
pub use tap::Tap;
