//! A softphone for scripts, demos and benches: one leg of real SIP and RTP, with every moment measured at its own socket.
//! `line` is the sound (its own thread, 20 ms, absolute deadlines), `dialogue` the signalling and the steps of a script.

mod dialogue;
mod line;
mod talk;

pub(crate) use dialogue::{Ending, Phone, PhoneEvent, Sound, Step};
