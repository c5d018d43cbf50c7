//! Thin: arguments to library, result to exit code.

fn main() {}
