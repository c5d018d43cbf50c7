//! hotline: a telephony voice IVR gateway. Callers phone in over SIP/RTP, speech is recognised on this machine, matched
//! to an intent and answered from a script; a person is never out of reach. Start reading at `base`, then `call`.

pub mod base;

pub mod acd;
pub mod audio;
pub mod nlu;
pub mod rtp;

pub mod flow;
pub mod listen;
pub mod sip;
pub mod speech;

pub mod call;
pub mod media;

pub mod browser;
pub mod drive;
pub mod store;

pub mod sim;

pub mod server;
pub mod trial;

pub mod web;

pub mod cli;
