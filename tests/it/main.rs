//! All integration tests in one binary: each further binary would link the speech engines again.

mod baresip;
mod demo;
mod dialogue;
mod end_to_end;
mod fuzz;
mod garbage;
mod gateway;
mod layers;
mod readme;
mod sipp;
mod speech;
mod torture;
mod transports;
mod whisper;
