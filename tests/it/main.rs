//! All integration tests in one binary: each further binary would link the speech engines again.

mod baresip;
mod bench;
mod demo;
mod dialogue;
mod dice;
mod end_to_end;
mod fuzz;
mod garbage;
mod gateway;
mod kamailio;
mod layers;
mod linphone;
mod media;
mod moves;
mod raw;
mod readme;
mod sipp;
mod sipp_dialogs;
mod speech;
mod standards;
mod strangers;
mod telephone;
mod torture;
mod transports;
mod trunks;
mod whisper;
