//! From frames to utterances: voice activity, onset and endpoint by rule, echo gate, loudness. A pure machine that is fed one
//! frame every 20 ms and neither allocates nor reads a clock. Start reading at `listener`. What was said is decided
//! elsewhere; whether a prompt stops, too.

mod echo;
mod lines;
mod listener;
mod machine;
mod nature;
#[cfg(test)]
mod people;
mod pitch;
mod ring;
mod rule;
mod text_telephone;
mod voice;

pub use listener::{ListenEvent, Listener, Mood};
pub use ring::PREROLL_FRAMES_MAX;
pub use rule::EndpointRule;
