//! Thin: arguments to library, result to exit code.

fn main() -> std::process::ExitCode {
    hotline::cli::run(std::env::args_os())
}
