//! All integration tests in one binary: each further binary would link the speech engines again.

mod baresip;
mod bench;
mod demo;
mod dialogue;
mod end_to_end;
mod gateway;
mod kamailio;
mod layers;
mod media;
mod linphone;
mod readme;
mod sipp;
mod sipp_dialogs;
mod speech;
mod standards;
mod telephone;
mod trunks;
mod whisper;
