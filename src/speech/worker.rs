//! The worker process: `hotline engine-worker`. It loads one engine, says that it is ready, and serves one utterance or one
//! text at a time over its standard input and output until the input closes.

use super::wire::{self, FromWorker, ToWorker};
use super::{Recognizer, Voice};
use crate::base::{Grammar, Language};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a worker is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerKind {
    /// English recognition, and short answers and requests for a person in Mandarin.
    Pocketsphinx {
        /// A small model of the operator's own behind it, instead of the one that hotline brings along.
        ears: Option<PathBuf>,
    },
    /// English that nobody knows beforehand, by the general language model, whole recordings only.
    Dictation,
    /// Recognition with a ggml Whisper model.
    Whisper {
        /// The model file.
        model: PathBuf,
    },
    /// English synthesis by flite.
    Voice {
        /// `rms` or `slt`.
        name: String,
    },
}

/// Arguments of the hidden command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerArgs {
    /// What to be.
    pub kind: WorkerKind,
    /// Everything else that runs on this machine goes first.
    pub behind: bool,
}

impl WorkerArgs {
    /// A worker that somebody waits for.
    pub(crate) fn of(kind: WorkerKind) -> WorkerArgs {
        WorkerArgs { kind, behind: false }
    }

    /// Reads `--engine pocketsphinx|dictation|whisper|voice [--model FILE] [--voice NAME] [--behind]`, as the pool writes it.
    ///
    /// # Errors
    /// One sentence about the wrong argument.
    pub fn parse(args: &[String]) -> Result<WorkerArgs, String> {
        let value = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
        let kind = match value("--engine").as_deref() {
            Some("pocketsphinx") => WorkerKind::Pocketsphinx { ears: value("--model").map(PathBuf::from) },
            Some("dictation") => WorkerKind::Dictation,
            Some("whisper") => {
                let model = value("--model").ok_or("--engine whisper needs --model FILE")?;
                WorkerKind::Whisper { model: model.into() }
            }
            Some("voice") => WorkerKind::Voice { name: value("--voice").unwrap_or_else(|| "rms".to_string()) },
            _ => {
                let known = "pocketsphinx, dictation, whisper or voice";
                return Err(format!("engine-worker needs --engine {known}; it is started by hotline itself"));
            }
        };
        Ok(WorkerArgs { kind, behind: args.iter().any(|a| a == "--behind") })
    }

    /// The arguments that [`WorkerArgs::parse`] reads, the command's name first.
    pub(crate) fn command_line(&self) -> Vec<std::ffi::OsString> {
        let mut out: Vec<std::ffi::OsString> = vec!["engine-worker".into(), "--engine".into()];
        match &self.kind {
            WorkerKind::Pocketsphinx { ears } => {
                out.push("pocketsphinx".into());
                out.extend(ears.iter().flat_map(|file| ["--model".into(), file.into()]));
            }
            WorkerKind::Dictation => out.push("dictation".into()),
            WorkerKind::Whisper { model } => out.extend(["whisper".into(), "--model".into(), model.into()]),
            WorkerKind::Voice { name } => out.extend(["voice".into(), "--voice".into(), name.into()]),
        }
        out.extend(self.behind.then(|| "--behind".into()));
        out
    }
}

/// Serves until standard input closes. The exit code of the process.
pub fn engine_worker_main(args: &WorkerArgs) -> i32 {
    let Ok((mut input, mut output)) = take_pipes() else { return 2 };
    if args.behind {
        step_back();
    }
    let outcome = match &args.kind {
        WorkerKind::Voice { name } => match open_voice(name) {
            Ok(voice) => speak(voice, &mut input, &mut output),
            Err(why) => wire::write(&mut output, &FromWorker::Failed(why), &[]),
        },
        kind => match open_ears(kind) {
            Ok((engine, languages)) => listen(engine, languages, &mut input, &mut output),
            Err(why) => wire::write(&mut output, &FromWorker::Failed(why), &[]),
        },
    };
    i32::from(outcome.is_err())
}

/// Leaves the processor to everybody else who wants it, with the threads that are begun from here on.
fn step_back() {
    // SAFETY: a plain call about this thread. Where it fails the work is done all the same, only not behind.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}

/// Moves standard output away, so that a line printed by C code cannot fall between our messages.
fn take_pipes() -> io::Result<(BufReader<File>, File)> {
    let duplicate = |fd: i32| {
        // SAFETY: plain descriptor calls; the new descriptor is ours alone.
        let copy = unsafe { libc::dup(fd) };
        if copy < 0 { Err(io::Error::last_os_error()) } else { Ok(unsafe { OwnedFd::from_raw_fd(copy) }) }
    };
    let input = duplicate(0)?;
    let output = duplicate(1)?;
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    for fd in [0, 1] {
        // SAFETY: both descriptors are open.
        if unsafe { libc::dup2(nowhere.as_raw_fd(), fd) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok((BufReader::with_capacity(64 << 10, File::from(input)), File::from(output)))
}

/// Languages that are understood, and those of which only short answers and requests for a person are.
type Understood = (Vec<Language>, Vec<Language>);

fn open_ears(kind: &WorkerKind) -> Result<(Box<dyn Recognizer>, Understood), String> {
    match kind {
        #[cfg(feature = "pocketsphinx")]
        WorkerKind::Pocketsphinx { ears } => {
            let _ = ears;
            let mut engine = super::PocketSphinx::load()?;
            engine.warm()?;
            #[cfg(feature = "whisper")]
            let (engine, short) = (super::Cascade::of(engine, open_small(ears.as_deref())?), vec![Language::ZH]);
            #[cfg(not(feature = "whisper"))]
            let short = Vec::new();
            Ok((Box::new(engine), (vec![Language::EN], short)))
        }
        #[cfg(feature = "pocketsphinx")]
        WorkerKind::Dictation => Ok((Box::new(super::Dictation::load()?), (vec![Language::EN], Vec::new()))),
        #[cfg(feature = "whisper")]
        WorkerKind::Whisper { model } => {
            let engine = super::Whisper::load(model)?;
            let languages = engine.languages();
            Ok((Box::new(engine), (languages, Vec::new())))
        }
        other => Err(format!("this build of hotline has no {other:?} engine; build it with its cargo feature")),
    }
}

/// The small model of a file, or the one that hotline brings along.
///
/// # Errors
/// One sentence when the file cannot be read or is none.
#[cfg(feature = "whisper")]
pub fn open_small(file: Option<&std::path::Path>) -> Result<super::Small, String> {
    let Some(path) = file else { return super::Small::built_in() };
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let told = |why: String| format!("{}: {why}; hotline train-ears makes such files", path.display());
    super::Small::from_bytes(&bytes).map_err(told)
}

fn open_voice(name: &str) -> Result<Box<dyn Voice>, String> {
    #[cfg(feature = "flite")]
    return Ok(Box::new(super::Flite::open(name)?));
    #[cfg(not(feature = "flite"))]
    Err(format!("this build of hotline has no flite voice {name}; build it with the cargo feature flite"))
}

/// CPU time of this process so far, in milliseconds (whisper works in more than one thread).
fn cpu_ms() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the struct that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut t) };
    u64::try_from(t.tv_sec).unwrap_or(0) * 1_000 + u64::try_from(t.tv_nsec).unwrap_or(0) / 1_000_000
}

fn listen(
    mut engine: Box<dyn Recognizer>,
    (languages, short): Understood,
    input: &mut BufReader<File>,
    output: &mut File,
) -> io::Result<()> {
    wire::write(output, &FromWorker::Ready { languages, short }, &[])?;
    let mut grammars: HashMap<u64, Grammar> = HashMap::new();
    // Whether the utterance was taken on, and the CPU clock at its start.
    let mut under_way: Result<u64, String> = Err("no utterance has begun".to_string());
    while let Some((message, payload)) = wire::read::<ToWorker>(input)? {
        match message {
            ToWorker::Start { key, grammar, forget, line } => {
                if forget {
                    grammars.clear();
                }
                if let Some(grammar) = grammar {
                    grammars.insert(key, grammar);
                }
                let begun = cpu_ms();
                engine.set_line(line.as_deref());
                let grammar = grammars.get(&key).ok_or("the pool named a grammar that it never sent".to_string());
                under_way = grammar.and_then(|g| engine.start(g)).map(|()| begun);
            }
            ToWorker::Audio if under_way.is_ok() => {
                if let Some(partial) = engine.feed(&wire::to_samples(&payload)) {
                    let news = FromWorker::Partial { complete: partial.complete, person: partial.person };
                    wire::write(output, &news, &[])?;
                }
            }
            ToWorker::End { within_ms } => match std::mem::replace(&mut under_way, Err("no utterance has begun".to_string())) {
                Ok(begun) => {
                    let by = Instant::now() + Duration::from_millis(u64::from(within_ms));
                    let Some(mut hypothesis) = engine.finish_by(by) else {
                        wire::write(output, &FromWorker::Late, &[])?;
                        continue;
                    };
                    hypothesis.cpu_ms = u32::try_from(cpu_ms().saturating_sub(begun)).unwrap_or(u32::MAX);
                    wire::write(output, &FromWorker::Result { hypothesis, line: engine.line() }, &[])?;
                }
                Err(why) => wire::write(output, &FromWorker::Failed(why), &[])?,
            },
            ToWorker::Abandon => {
                engine.abandon();
                under_way = Err("no utterance has begun".to_string());
                wire::write(output, &FromWorker::Idle, &[])?;
            }
            ToWorker::Audio | ToWorker::Say { .. } => {}
        }
    }
    Ok(())
}

fn speak(mut voice: Box<dyn Voice>, input: &mut BufReader<File>, output: &mut File) -> io::Result<()> {
    let languages = [Language::EN].into_iter().filter(|l| voice.speaks(*l)).collect();
    wire::write(output, &FromWorker::Ready { languages, short: Vec::new() }, &[])?;
    while let Some((message, _)) = wire::read::<ToWorker>(input)? {
        if let ToWorker::Say { text, language } = message {
            match voice.render(&text, language) {
                Ok(sound) => wire::write(output, &FromWorker::Sound, &wire::to_bytes(&sound.samples))?,
                Err(why) => wire::write(output, &FromWorker::Failed(why), &[])?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_read_back() {
        let all = [
            WorkerKind::Pocketsphinx { ears: None },
            WorkerKind::Pocketsphinx { ears: Some("/m/own-ears.bin".into()) },
            WorkerKind::Dictation,
            WorkerKind::Whisper { model: "/m/tiny.bin".into() },
            WorkerKind::Voice { name: "slt".into() },
        ];
        for args in all.into_iter().flat_map(|kind| [false, true].map(|behind| WorkerArgs { kind: kind.clone(), behind })) {
            let line: Vec<String> = args.command_line().into_iter().map(|a| a.into_string().expect("UTF-8")).collect();
            assert_eq!(WorkerArgs::parse(&line[1..]), Ok(args));
        }
        assert!(WorkerArgs::parse(&["--engine".into(), "x".into()]).is_err());
    }
}
