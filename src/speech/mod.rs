//! Engines behind two traits, and the pool of worker processes that shields us from them.

mod face;

pub use face::{EarEvent, EarsConfig, Partial, Recognizer, RenderKey, Urgency, Voice};

#[cfg(feature = "pocketsphinx")]
mod adaptation;
#[cfg(feature = "whisper")]
mod answers;
mod bench;
#[cfg(all(feature = "pocketsphinx", feature = "whisper"))]
mod cascade;
#[cfg(feature = "pocketsphinx")]
mod decoder;
#[cfg(feature = "pocketsphinx")]
mod dictation;
#[cfg_attr(not(feature = "pocketsphinx"), allow(dead_code))]
mod dictionary;
#[cfg(feature = "pocketsphinx")]
mod early;
#[cfg(any(feature = "pocketsphinx", feature = "flite"))]
mod ffi;
#[cfg(feature = "flite")]
mod flite;
#[cfg_attr(not(feature = "pocketsphinx"), allow(dead_code))]
mod grammar;
#[cfg(feature = "pocketsphinx")]
mod line;
#[cfg_attr(not(feature = "pocketsphinx"), allow(dead_code))]
mod lm;
#[cfg_attr(not(feature = "pocketsphinx"), allow(dead_code))]
mod phrases;
mod pieces;
#[cfg(feature = "pocketsphinx")]
mod pocketsphinx;
mod pool;
mod process;
mod scribe;
#[cfg(feature = "pocketsphinx")]
mod searches;
#[cfg(feature = "whisper")]
#[cfg_attr(not(feature = "pocketsphinx"), allow(dead_code))]
mod small;
#[cfg(feature = "whisper")]
mod small_file;
#[cfg(feature = "whisper")]
mod small_hearing;
#[cfg(all(test, feature = "whisper"))]
mod small_tests;
mod sound;
#[cfg(feature = "pocketsphinx")]
mod verdict;
mod voices;
#[cfg(feature = "whisper")]
mod whisper;
#[cfg(feature = "whisper")]
mod whisper_list;
#[cfg(feature = "whisper")]
mod whisper_pass;
#[cfg(feature = "whisper")]
mod whisper_text;
mod wire;
mod worker;

#[cfg(all(feature = "pocketsphinx", feature = "whisper"))]
pub use cascade::Cascade;
#[cfg(feature = "pocketsphinx")]
pub use dictation::Dictation;
#[cfg(feature = "flite")]
pub use flite::Flite;
pub use phrases::spoken;
#[cfg(feature = "pocketsphinx")]
pub use pocketsphinx::{PocketSphinx, Width};
pub use pool::{Ear, Ears, EarsStats, SpeechError};
pub use scribe::{Scribe, ScribeConfig, Written};
#[cfg(feature = "whisper")]
pub use small::Small;
pub use voices::{Voices, VoicesConfig};
#[cfg(feature = "whisper")]
pub use whisper::Whisper;
#[cfg(feature = "whisper")]
pub use worker::open_small;
pub use worker::{WorkerArgs, WorkerKind, engine_worker_main};
