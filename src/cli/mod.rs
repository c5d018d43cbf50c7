//! cli

pub mod say;
pub mod transcribe;
