//! Samples: frames, codecs, concealment, comfort noise, keys in the sound, resampling, decoding from bytes, tones, levels. No IO: whoever has a
//! file opens it and hands over the bytes. Inside, everything is 8 kHz, mono, 16 bit; start reading at `frame`.
//! What runs once a frame (`coder`, `conceal`, `comfort`, `dtmf`, `levels`) neither allocates nor panics.

mod codec;
mod coder;
mod comfort;
mod conceal;
mod decode;
mod degrade;
mod denoise;
#[cfg(test)]
pub(crate) mod distance;
mod dtmf;
mod frame;
mod g722;
mod levels;
mod resample;
mod tap;
mod tones;
mod wav;

pub use codec::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
pub use coder::{Decoder, Encoder};
pub use comfort::ComfortNoise;
pub use conceal::Concealer;
pub use decode::{DecodeError, LONGEST_SECONDS, decode_file};
pub use degrade::{Dice, active_power, add_background, add_echo, add_white, companded, lose, telephone};
pub use denoise::Denoiser;
pub use dtmf::DtmfDetector;
pub use frame::{FRAME_SAMPLES, Frame, LINE_RATE, Pcm};
pub use levels::{QUIETEST_DBFS, fade_in, fade_out, gain, mix, peak, power, rms_dbfs};
pub use resample::{Rate, RateError, Resampler, resample, resample_f32, upsample_linear_2x};
pub use tap::Tap;
pub use tones::{beep, hold_tune, ring_back};
pub use wav::{StereoWav, WavError, write_wav};
