//! Arguments to one function per command to an exit code: 0 good, 1 what was asked about is bad, 2 wrong usage or
//! environment. Start reading at [`run`].

mod args;
mod calls;

use args::{Cli, Command};
use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs one command line, the program's name first.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage. Where to print them is clap's business.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match dispatch(cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever read our output has seen enough (`hotline calls | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hotline: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// `true` when what was asked about is good.
fn dispatch(cli: Cli) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match cli.command {
        Command::Calls(args) => wait_for(calls::run(&args, cli.json, &mut out)),
        other => anyhow::bail!("{} is not part of this build", name(&other)),
    }
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Serve(_) => "serve",
        Command::Call(_) => "call",
        Command::Transcribe(_) => "transcribe",
        Command::Say(_) => "say",
        Command::Chat(_) => "chat",
        Command::Check(_) => "check",
        Command::Match(_) => "match",
        Command::Eval(_) => "eval",
        Command::Calls(_) => "calls",
        Command::Bench(_) => "bench",
        Command::EngineWorker(_) => "engine-worker",
        Command::Demo(_) => "demo",
    }
}

/// Runs the asynchronous commands.
fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
