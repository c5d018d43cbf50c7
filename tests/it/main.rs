//! All integration tests in one binary: each further binary would link the speech engines again.
mod speech;
