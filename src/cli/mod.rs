//! cli

pub mod eval;
pub mod match_cmd;
