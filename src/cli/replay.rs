//! `hotline replay`: calls that took place, executed again from their event logs: with the flow that they had, to show that every
//! command comes as it came, or with another, to see what callers would gain and lose before it is published.

use super::args_records::ReplayArgs;
use super::replay_audio::AudioEars;
use super::{calls, flow_files, running};
use crate::flow::{Flow, placeholder_env};
use crate::store::{LoggedCall, MatcherShelf, Store};
use crate::trial::{Judgement, Recorded, Verdict, judge, judge_heard};
use anyhow::{Context, bail};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What came of one call.
#[derive(Debug, Serialize)]
struct Line {
    call: String,
    flow: String,
    /// SHA-256 over the commands as they come now.
    commands: Option<String>,
    #[serde(flatten)]
    judgement: Option<Judgement>,
    /// Why it could not be executed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    #[serde(skip)]
    length: Duration,
}

/// Executes calls again. `false` when a command came otherwise, or more calls than `--gate` allows would be worse.
///
/// # Errors
/// When the records, a flow or the configuration cannot be read.
pub(crate) async fn run(args: &ReplayArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let logs = find(args).await?;
    let (env, _) = running::world(&args.place.world)?;
    let draft = args.flow.as_deref().map(|path| running::read_flow(path, &env)).transpose()?;
    let flows = Flows { env, was: args.was.clone(), known: Mutex::default() };
    let compared = draft.is_some() || args.audio;
    anyhow::ensure!(args.gate.is_none() || compared, "--gate goes with --flow or --audio");
    let began = Instant::now();
    let jobs = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let lines = all(&logs, &flows, draft.as_ref(), args.audio, jobs);
    let took = began.elapsed();
    tell(&lines, compared, took, json, out)?;
    let worse = lines.iter().filter(|l| l.judgement.as_ref().is_some_and(|j| j.verdict == Verdict::Worse)).count();
    let broken = lines.iter().filter(|l| l.trouble.is_some()).count();
    Ok(match compared {
        // A gate that saw no call lets nothing pass.
        true => args.gate.is_none_or(|gate| worse <= gate as usize && broken < lines.len()),
        false => worse == 0 && broken == 0,
    })
}

/// The event logs that are meant.
async fn find(args: &ReplayArgs) -> anyhow::Result<Vec<PathBuf>> {
    let (files, ids): (Vec<&String>, Vec<&String>) = args.calls.iter().partition(|name| Path::new(name).is_file());
    let mut logs: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
    if ids.is_empty() && !logs.is_empty() {
        return Ok(logs);
    }
    let store = calls::open(&args.place.records()).await?;
    let found = named(&store, &ids, args.last).await;
    store.close().await;
    logs.extend(found?);
    Ok(logs)
}

async fn named(store: &Store, ids: &[&String], last: u32) -> anyhow::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    for id in ids {
        match store.calls_beginning_with(id).await?.as_slice() {
            [] => bail!("there is no call {id}; `hotline calls` lists them"),
            [one] => {
                let story = store.call(*one).await?.with_context(|| format!("there is no call {id}"))?;
                logs.push(story.events.with_context(|| format!("call {id} has no event log (any more)"))?);
            }
            _ => bail!("more than one call begins with {id:?}; write more of the id"),
        }
    }
    if ids.is_empty() {
        let rows = store.calls(last).await?;
        // A call that goes on has no end yet.
        let over = rows.iter().rev().filter(|row| row.disposition.is_some());
        logs.extend(over.map(|row| store.event_path(row.id, row.began)).filter(|path| path.is_file()));
        anyhow::ensure!(!logs.is_empty(), "there are no calls with an event log yet");
    }
    Ok(logs)
}

/// The flows that calls had, each read once.
struct Flows {
    env: BTreeMap<String, String>,
    /// Instead of the text that was kept.
    was: Option<PathBuf>,
    known: Mutex<BTreeMap<String, Result<Arc<Flow>, String>>>,
}

impl Flows {
    fn of(&self, log: &Path, call: &LoggedCall) -> Result<Arc<Flow>, String> {
        let hash = &call.head.flow_hash;
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.entry(hash.clone()).or_insert_with(|| self.read(log, hash)).clone()
    }

    fn read(&self, log: &Path, hash: &str) -> Result<Arc<Flow>, String> {
        // events/YYYY-MM/DD/CALL.jsonl beside flows/HASH.yaml.
        let kept = log.ancestors().nth(4).map(|store| store.join("flows").join(format!("{hash}.yaml")));
        let path = self.was.clone().or(kept).ok_or("name the flow that the call had with --was")?;
        let text = match &self.was {
            Some(was) => flow_files::text(was).map_err(|f| f.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?,
            // What is kept holds its included files already.
            None => std::fs::read_to_string(&path)
                .map_err(|e| format!("the flow that the call had is not kept ({}: {e}); name it with --was", path.display()))?,
        };
        let shelf = MatcherShelf::beside(log.ancestors().nth(4).unwrap_or(Path::new(".")));
        let load =
            |env: &BTreeMap<String, String>| Flow::load_kept(&text, &path.display().to_string(), env, &shelf).map(|c| c.flow);
        match load(&self.env) {
            Ok(flow) if flow.hash == hash => Ok(flow),
            _ => {
                // The environment is another, or secret: what is not known stands for itself.
                let mut env = placeholder_env(&text);
                env.extend(self.env.clone());
                load(&env).map_err(|f| {
                    format!(
                        "{} cannot be read any more: {}",
                        path.display(),
                        f.first().map_or(String::new(), ToString::to_string)
                    )
                })
            }
        }
    }
}

fn all(logs: &[PathBuf], flows: &Flows, draft: Option<&Arc<Flow>>, audio: bool, jobs: usize) -> Vec<Line> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Line>>> = Mutex::new(logs.iter().map(|_| None).collect());
    let progress = std::io::stderr().is_terminal();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, 64).min(logs.len().max(1)) {
            scope.spawn(|| {
                let mut ears = audio.then(AudioEars::default);
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(log) = logs.get(n) else { return };
                    let line = one(log, flows, draft, ears.as_mut());
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[n] = Some(line);
                    if progress && (audio || n.is_multiple_of(50)) {
                        eprint!("\rreplay: {n} of {} calls", logs.len());
                    }
                }
            });
        }
    });
    if progress {
        eprint!("\r");
    }
    done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_iter().flatten().collect()
}

fn one(path: &Path, flows: &Flows, draft: Option<&Arc<Flow>>, ears: Option<&mut AudioEars>) -> Line {
    let mut line = Line {
        call: path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(),
        flow: String::new(),
        commands: None,
        judgement: None,
        trouble: None,
        length: Duration::ZERO,
    };
    let log = match Store::read_event_log(path) {
        Ok(log) => log,
        Err(error) => {
            line.trouble = Some(error.to_string());
            return line;
        }
    };
    line.call = log.head.call.to_string();
    line.flow.clone_from(&log.head.flow);
    match flows.of(path, &log) {
        Ok(flow) => {
            let recorded = Recorded::execute(&flow, &log);
            line.length = recorded.length;
            line.commands = Some(recorded.commands.clone());
            line.judgement = Some(match (ears, draft) {
                (Some(ears), draft) => heard_again(path, &recorded, &flow, draft.unwrap_or(&flow), ears),
                (None, Some(draft)) => judge(&recorded, &flow, draft),
                (None, None) => again(&recorded, &flow, &log),
            });
        }
        Err(why) => line.trouble = Some(why),
    }
    line
}

/// What would come of a call whose caller is heard once more.
fn heard_again(log: &Path, recorded: &Recorded, flow: &Arc<Flow>, draft: &Arc<Flow>, ears: &mut AudioEars) -> Judgement {
    ears.begin(log);
    let mut judgement = judge_heard(recorded, flow, draft, ears);
    let why = match (&ears.trouble, ears.heard, ears.missing) {
        (Some(trouble), ..) => trouble.clone(),
        (None, 0, 0) => return judgement,
        (None, 0, missing) => format!("nothing of what the caller said was recorded ({missing} utterances)"),
        (None, heard, missing) => {
            let of = if missing > 0 { format!(" of {}", heard + missing) } else { String::new() };
            judgement.why =
                format!("{}; {heard}{of} utterance{} heard again", judgement.why, if heard + missing == 1 { "" } else { "s" });
            return judgement;
        }
    };
    Judgement { verdict: Verdict::CannotTell, turn: None, why }
}

/// Whether every command comes as it came.
fn again(recorded: &Recorded, flow: &Flow, log: &LoggedCall) -> Judgement {
    let told = |verdict, why: &str| Judgement { verdict, turn: None, why: why.to_string() };
    match recorded.same {
        Some(true) if recorded.whole_events < recorded.events => {
            told(Verdict::Same, &format!("as far as it is kept: {} of {} events", recorded.whole_events, recorded.events))
        }
        Some(true) => told(Verdict::Same, &format!("{} events, the same commands", recorded.events)),
        Some(false) if flow.hash != log.head.flow_hash => told(
            Verdict::CannotTell,
            "the flow, or what it knows as env, is not what the call had; give them with --was, --env or --config",
        ),
        Some(false) => told(Verdict::Worse, "other commands come than came: this program does not do what that one did"),
        None => told(Verdict::CannotTell, "the log has no end to compare with: the gateway was ended before the call"),
    }
}

fn tell(lines: &[Line], draft: bool, took: Duration, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        for line in lines {
            serde_json::to_writer(&mut *out, line)?;
            writeln!(out)?;
        }
        return Ok(());
    }
    for line in lines {
        match (&line.judgement, &line.trouble) {
            (Some(judgement), _) => {
                let turn = judgement.turn.map_or(String::new(), |n| format!("turn {n}: "));
                let hash = line.commands.as_deref().filter(|_| !draft).map_or("", |digits| &digits[..16]);
                writeln!(
                    out,
                    "{}  {:<11}  {hash}{}{turn}{}",
                    line.call,
                    judgement.verdict.name(),
                    if hash.is_empty() { "" } else { "  " },
                    judgement.why
                )?;
            }
            (None, trouble) => writeln!(out, "{}  not replayed  {}", line.call, trouble.as_deref().unwrap_or_default())?,
        }
    }
    let count = |verdict| lines.iter().filter(|l| l.judgement.as_ref().is_some_and(|j| j.verdict == verdict)).count();
    let counted: Vec<String> = [Verdict::Same, Verdict::Better, Verdict::Worse, Verdict::CannotTell]
        .into_iter()
        .map(|verdict| format!("{} {}", count(verdict), verdict.name()))
        .collect();
    let hours = lines.iter().map(|l| l.length.as_secs_f64()).sum::<f64>();
    let troubles = lines.iter().filter(|l| l.trouble.is_some()).count();
    let not = if troubles > 0 { format!(", {troubles} not replayed") } else { String::new() };
    writeln!(
        out,
        "{} call{}: {}{not}; {:.2} hours of calls in {:.1} s ({:.0} times as fast)",
        lines.len(),
        if lines.len() == 1 { "" } else { "s" },
        counted.join(", "),
        hours / 3_600.0,
        took.as_secs_f64(),
        hours / took.as_secs_f64().max(1e-3)
    )?;
    Ok(())
}
