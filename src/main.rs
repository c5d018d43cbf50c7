//! Thin: arguments to library, result to exit code.

use hotline::speech::{WorkerArgs, engine_worker_main};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|a| a == "engine-worker") {
        std::process::exit(match WorkerArgs::parse(&args[1..]) {
            Ok(args) => engine_worker_main(&args),
            Err(why) => {
                eprintln!("{why}");
                2
            }
        });
    }
}
