//! Arguments to one function per command to an exit code: 0 good, 1 what was asked about is bad, 2 wrong usage or
//! environment. Start reading at [`run`].

mod args;
mod bench_turns;
mod call;
mod calls;
mod chat;
mod demo;
mod device;
mod phone;
mod proof;
mod running;
mod serve;

use args::{BenchCommand, Cli, Command};
use clap::Parser;
use std::ffi::OsString;
use std::io::Write;
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
        // What people wrote is told as it stands, one finding a line, and is what was asked about.
        Err(error) if error.is::<running::Mistakes>() => {
            eprintln!("{error}");
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("hotline: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// `true` when what was asked about is good.
fn dispatch(cli: Cli) -> anyhow::Result<bool> {
    // Not locked: benches and the demo print from several tasks.
    let mut out = std::io::stdout();
    let json = cli.json;
    match cli.command {
        Command::Serve(args) => wait_for(serve::run(&args.config)),
        Command::Call(args) => wait_for(call::run(&args, json, &mut out)),
        Command::Calls(args) => wait_for(calls::run(&args, json, &mut out)),
        Command::Chat(args) => chat(&args, &mut out),
        Command::Bench(args) => match args.what {
            BenchCommand::Turns { concurrent, rounds } => {
                wait_for(bench_turns::run(usize::from(concurrent), usize::from(rounds), json, &mut out))
            }
        },
        Command::Demo(args) => wait_for(async {
            match demo::run(&args.flow, &args.fixtures, &mut out).await {
                Ok(()) => Ok(true),
                Err(error) if error.is::<running::Mistakes>() => Err(error),
                Err(error) => {
                    eprintln!("the demo failed: {error:#}");
                    Ok(false)
                }
            }
        }),
        Command::EngineWorker(args) => engine_worker(&args.words),
        other => anyhow::bail!("{other:?} is not joined yet"),
    }
}

fn engine_worker(words: &[String]) -> anyhow::Result<bool> {
    let args = crate::speech::WorkerArgs::parse(words).map_err(anyhow::Error::msg)?;
    Ok(crate::speech::engine_worker_main(&args) == 0)
}

fn chat(args: &args::ChatArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (env, mut hosts) = running::world(&args.world)?;
    hosts.extend(args.host.iter().cloned());
    let flow = running::read_flow(&args.flow, &env)?;
    let base_dir = args.flow.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    // The chat's screen lives on one thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut input = std::io::BufReader::new(std::io::stdin());
    runtime.block_on(chat::run(flow, base_dir, &hosts, args.why, &mut input, out))
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
//! cli

pub mod eval;
pub mod match_cmd;
//! Arguments to one function per command to an exit code.

mod check;
