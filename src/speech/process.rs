//! One worker process as the pool sees it: a socket pair with time-outs on both directions, so that the thread of a call can
//! speak to it without a helper thread and can never hang.

use super::wire::{self, FromWorker, ToWorker};
use super::worker::WorkerArgs;
use crate::base::{Grammar, Language};
use std::collections::HashSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Grammars that a worker keeps before it is told to forget.
const GRAMMARS_MAX: usize = 256;

/// How long a worker may take to load its model.
const LOADING_MAX: Duration = Duration::from_secs(60);

/// How long a write may block: a worker reads faster than speech comes, so a full pipe means that it hangs.
const WRITE_MAX: Duration = Duration::from_secs(2);

/// A running worker. Dropping it ends the process.
pub(crate) struct Worker {
    child: Child,
    pipe: UnixStream,
    /// What it understands or speaks.
    pub(crate) languages: Vec<Language>,
    /// Languages of which it understands only short answers and requests for a person.
    pub(crate) short: Vec<Language>,
    sent: HashSet<u64>,
}

/// Why a worker gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Not within the time: the process hangs.
    Slow,
    /// It gave up in time; the worker lives on.
    Late,
    /// The process is gone or talks rubbish.
    Dead,
    /// It refused; the worker lives on.
    Refused(String),
}

impl From<io::Error> for Trouble {
    fn from(e: io::Error) -> Trouble {
        match e.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Trouble::Slow,
            _ => Trouble::Dead,
        }
    }
}

impl Worker {
    /// Starts a process without waiting for its model; see [`Worker::await_ready`].
    ///
    /// # Errors
    /// One sentence when it cannot be started.
    pub(crate) fn spawn(program: &Path, args: &WorkerArgs) -> Result<Worker, String> {
        let failed = |e: io::Error| format!("cannot start {} engine-worker: {e}", program.display());
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let input = OwnedFd::from(theirs.try_clone().map_err(failed)?);
        let child = Command::new(program)
            .args(args.command_line())
            // Ctrl-C on a terminal reaches the gateway, which drains; its ears must hear on meanwhile.
            .process_group(0)
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .map_err(failed)?;
        ours.set_write_timeout(Some(WRITE_MAX)).map_err(failed)?;
        Ok(Worker { child, pipe: ours, languages: Vec::new(), short: Vec::new(), sent: HashSet::new() })
    }

    /// Waits until the model is loaded.
    ///
    /// # Errors
    /// The worker's own sentence, or that it died.
    pub(crate) fn await_ready(&mut self) -> Result<(), String> {
        match self.receive(LOADING_MAX) {
            Ok((FromWorker::Ready { languages, short }, _)) => {
                (self.languages, self.short) = (languages, short);
                Ok(())
            }
            Ok((FromWorker::Failed(why), _)) | Err(Trouble::Refused(why)) => Err(why),
            Ok(_) | Err(Trouble::Dead | Trouble::Late) => {
                Err("the engine's worker process ended while it loaded its model".to_string())
            }
            Err(Trouble::Slow) => Err(format!("the engine took longer than {} s to load its model", LOADING_MAX.as_secs())),
        }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process still runs.
    pub(crate) fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Begins an utterance; sends the grammar only if this worker has not seen it.
    pub(crate) fn start(&mut self, key: u64, grammar: &Grammar, line: Option<&[f32]>) -> Result<(), Trouble> {
        let forget = self.sent.len() >= GRAMMARS_MAX;
        if forget {
            self.sent.clear();
        }
        let grammar = self.sent.insert(key).then(|| grammar.clone());
        self.send(&ToWorker::Start { key, grammar, forget, line: line.map(<[f32]>::to_vec) }, &[])
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, message: &ToWorker, payload: &[u8]) -> Result<(), Trouble> {
        Ok(wire::write(&mut self.pipe, message, payload)?)
    }

    /// The next message, waiting so long.
    pub(crate) fn receive(&mut self, wait: Duration) -> Result<(FromWorker, Vec<u8>), Trouble> {
        self.pipe.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        wire::read(&mut self.pipe)?.ok_or(Trouble::Dead)
    }

    /// Ends an utterance that nobody wants; the worker is as new afterwards.
    pub(crate) fn abandon(&mut self) -> Result<(), Trouble> {
        self.send(&ToWorker::Abandon, &[])?;
        while self.receive(WRITE_MAX)?.0 != FromWorker::Idle {}
        Ok(())
    }

    /// Whether a second of sound can be sent without waiting: Linux says so while three quarters of its buffer (200 kB) are free.
    pub(crate) fn has_room(&self) -> bool {
        self.is_ready(libc::POLLOUT) > 0
    }

    /// What poll(2) says of the pipe, without waiting.
    fn is_ready(&self, events: libc::c_short) -> libc::c_int {
        let mut fd = libc::pollfd { fd: self.pipe.as_raw_fd(), events, revents: 0 };
        // SAFETY: one descriptor of ours, no waiting.
        unsafe { libc::poll(&raw mut fd, 1, 0) }
    }

    /// A message that is there already.
    pub(crate) fn poll(&mut self) -> Result<Option<FromWorker>, Trouble> {
        match self.is_ready(libc::POLLIN) {
            0 => Ok(None),
            // Messages are written whole, so the rest of one that has begun is near.
            n if n > 0 => self.receive(WRITE_MAX).map(|(message, _)| Some(message)),
            _ => Err(Trouble::Dead),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Already gone is fine; waiting reaps it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
