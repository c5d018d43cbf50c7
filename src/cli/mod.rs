//! Arguments to one function per command to an exit code: 0 good, 1 what was asked about is bad, 2 wrong usage or
//! environment. Start reading at [`run`].

mod args;
mod args_bench;
mod args_records;
mod asr;
mod bench_asr;
mod bench_figures;
mod bench_listen;
mod bench_load;
mod bench_load_rtp;
mod bench_media;
mod bench_process;
mod bench_queue;
mod bench_reach;
mod bench_setup;
mod bench_soak;
mod bench_turns;
mod call;
mod calls;
mod chat;
mod check;
mod demo;
mod demo_desk;
mod device;
mod eval;
mod flow_files;
mod match_cmd;
mod misses;
mod models;
mod phone;
mod proof;
mod reach;
mod replay;
mod replay_audio;
mod running;
mod say;
mod serve;
mod tasks;
mod test_calls;
mod train_ears;
pub mod transcribe;
mod users;

use args::{CheckArgs, Cli, Command, ModelsCommand};
use args_bench::BenchCommand;
use clap::Parser;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
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
        Command::Misses(args) => wait_for(misses::misses(&args, json, &mut out)),
        Command::Label(args) => wait_for(misses::label(&args, json, &mut out)),
        Command::Retrain(args) => wait_for(misses::retrain(&args, json, &mut out)),
        Command::Reach(args) => wait_for(reach::run(&args, json, &mut out)),
        Command::Tasks(args) => wait_for(tasks::tasks(&args, json, &mut out)),
        Command::Users(args) => wait_for(users::run(&args, json, &mut out)),
        Command::Incident(args) => wait_for(tasks::incident(&args, json, &mut out)),
        Command::Replay(args) => wait_for(replay::run(&args, json, &mut out)),
        Command::Chat(args) => chat(&args, &mut out),
        Command::Check(args) => check(&args, json, &mut out),
        Command::TestCalls(args) => test_calls::run(&args, json, &mut out),
        Command::Match(args) => {
            let (env, _) = running::world(&args.world)?;
            let flow = running::read_flow(&args.flow, &env)?;
            match_cmd::print_matches(flow.matcher(), &args.texts, json, &mut out)?;
            Ok(true)
        }
        Command::Eval(args) => eval::eval(&args, json, &mut out),
        Command::TrainEars(args) => {
            let (env, _) = running::world(&args.world)?;
            let flow = running::read_flow(&args.flow, &env)?;
            train_ears::run(&args, &flow, json, &mut out)
        }
        Command::Models(args) => {
            let place = |mirror| models::Place { folder: &args.folder, mirror };
            match &args.what {
                ModelsCommand::List => models::list(&place(None), json, &mut out),
                ModelsCommand::Pull { name, mirror } => wait_for(models::pull(name, &place(mirror.as_deref()), &mut out)),
                ModelsCommand::Verify => models::verify(&place(None), &mut out),
                ModelsCommand::Adapt { recordings, out: file } => models::adapt(recordings, file, &mut out),
            }
        }
        Command::Bench(args) => match args.what {
            BenchCommand::Turns { concurrent, rounds } => {
                wait_for(bench_turns::run(usize::from(concurrent), usize::from(rounds), json, &mut out))
            }
            BenchCommand::Reach { concurrent, rounds } => {
                wait_for(bench_reach::run(usize::from(concurrent), usize::from(rounds), json, &mut out))
            }
            BenchCommand::Setup { per_second, calls } => wait_for(bench_setup::run(per_second, calls, json, &mut out)),
            BenchCommand::Queue { agents, calls, days, seed } => {
                let week = crate::sim::queue_week::Week {
                    agents: usize::from(agents),
                    calls: calls as usize,
                    days: u64::from(days),
                    seed,
                    rests: true,
                };
                bench_queue::run(&week, json, &mut out)
            }
            BenchCommand::Soak { calls, per_second, concurrent, minutes } => {
                let asked = bench_soak::Plan { calls, per_second, concurrent: usize::from(concurrent), minutes };
                wait_for(bench_soak::run(&asked, json, &mut out))
            }
            BenchCommand::Asr(args) => {
                let examples = args.flow.as_deref().map(|path| examples(path, crate::base::Language::EN)).transpose()?;
                bench_asr::run(&args.asked(examples), json, &mut out)
            }
            BenchCommand::Listen { recordings, every, minutes } => {
                let asked = bench_listen::Asked { recordings, every: usize::from(every), minutes: f64::from(minutes) };
                bench_listen::run(&asked, json, &mut out)
            }
            BenchCommand::Media(asked) => wait_for(bench_media::run(&asked.into(), json, &mut out)),
        },
        Command::BenchLoad(args) => {
            let speech = args.speech.clone();
            wait_for(bench_load::run(args.into(), &speech))
        }
        Command::Demo(args) => wait_for(show(&args, &mut out)),
        Command::EngineWorker(args) => engine_worker(&args.words),
        Command::Transcribe(args) => transcribe(args, json, &mut out),
        Command::Say(args) => wait_for(say(args, &mut out)),
    }
}

/// The example sentences of a flow, for the model of its open questions.
fn examples(path: &std::path::Path, language: crate::base::Language) -> anyhow::Result<Vec<String>> {
    let flow = running::read_flow(path, &std::collections::BTreeMap::new())?;
    Ok(flow.examples(language).into_iter().map(|(_, text)| text.to_string()).collect())
}

fn transcribe(args: args::TranscribeArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let examples = args.flow.as_deref().map(|path| examples(path, args.lang)).transpose()?;
    let asked = transcribe::TranscribeArgs {
        files: args.files,
        engine: Some(args.engine.as_str().to_string()),
        model: args.model,
        grammar: args.grammar,
        examples,
        refs: args.refs,
        language: Some(args.lang),
        json,
    };
    transcribe::transcribe(&asked, out).map_err(anyhow::Error::msg)
}

async fn say(args: args::SayArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let program = std::env::current_exe()?;
    let path = args.output.clone();
    let asked = say::SayArgs { text: args.text, out: args.output, voice: args.voice, language: Some(args.lang) };
    let millis = say::say(&asked, &program).await.map_err(anyhow::Error::msg)?;
    writeln!(out, "{}: {:.1} s", path.display(), millis as f64 / 1_000.0)?;
    Ok(true)
}

/// After the calls: whoever looks on can sit down at a desk; a program that runs this wants to go on.
async fn sit_down(args: &args::DemoArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if !std::io::stdout().is_terminal() {
        return Ok(writeln!(out, "An agent's desk in the browser:   make demo-desk")?);
    }
    writeln!(out, "\nNow the agent's side.")?;
    demo_desk::run(&args.fixtures, out).await
}

/// The demo: a call that went otherwise is bad, not an error of usage.
async fn show(args: &args::DemoArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let shown = match args.desk {
        true => demo_desk::run(&args.fixtures, out).await,
        false => match demo::run(&args.flow, &args.fixtures, out).await {
            Ok(()) => sit_down(args, out).await,
            wrong => wrong,
        },
    };
    match shown {
        Ok(()) => Ok(true),
        Err(error) if error.is::<running::Mistakes>() => Err(error),
        Err(error) => {
            eprintln!("the demo failed: {error:#}");
            Ok(false)
        }
    }
}

fn check(args: &CheckArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    if args.schema {
        return check::schema(out);
    }
    let (env, _) = running::world(&args.world)?;
    let picture = match (args.dot, args.mermaid) {
        (true, _) => Some(check::Picture::Dot),
        (_, true) => Some(check::Picture::Mermaid),
        _ => None,
    };
    check::check(&args.flows, &env, json, picture, out)
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
}

/// Runs the asynchronous commands.
fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
