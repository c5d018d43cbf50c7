//! All integration tests in one binary: each further binary would link the speech engines again.

mod baresip;
mod demo;
mod dialogue;
mod end_to_end;
mod gateway;
mod kamailio;
mod layers;
mod linphone;
mod readme;
mod sipp;
mod speech;
mod trunks;
mod whisper;
