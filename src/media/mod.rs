//! One leg's 20-ms loop and the bridge between two; recording. Start reading at `face`, then `leg` (pure), then `socket` (the
//! thread that owns the sockets). IO lives in `socket` and `recorder` only.

mod control;
mod face;
mod key_tones;
mod leg;
mod peer;
mod player;
mod recorder;
mod secure;
mod sending;
mod silence;
mod socket;
mod tap;

pub use face::{Codec, LegCommand, LegEvent, LegKey, LegStats, Negotiated, OneWay};

pub use crate::audio::Tap;
pub use leg::{Leg, LegSeed, PACKET_BYTES, RTCP_BYTES, Tick};
pub use socket::{Lateness, MediaError, Plane, PlaneConfig, prefer_this_thread};
