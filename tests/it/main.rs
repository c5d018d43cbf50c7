//! All integration tests in one binary: each further binary would link the speech engines again.

mod baresip;
mod demo;
mod dialogue;
mod end_to_end;
mod gateway;
mod layers;
mod moves;
mod readme;
mod sipp;
mod sipp_dialogs;
mod speech;
mod telephone;
mod whisper;
