//! Event logs: one file a call, JSON lines. The first line is the [`EventLogHead`], every further line is `[moment, event]`
//! as the call machine saw it, so that the call can be executed again; the last line is the [`EventLogEnd`], with which whoever
//! does so compares. Sensitive events were masked by the caller of [`EventLog::push`]; the rest is personal and goes with text
//! retention. The texts of the flows stand beside, each once, by hash.

use super::open::make_private_dir;
use super::{Store, StoreError, StoreWriter};
use crate::base::{CallId, Moment, WallTime};
use crate::call::{CallSettings, Command, Event, Fingerprint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes that are collected before they are handed to the writer.
const CHUNK_BYTES: usize = 64 * 1024;

/// Longest log of one call; what comes after is not logged, and the last line says so.
const LOG_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a call was executed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventLogHead {
    /// Version of the log's format: 1.
    pub hotline: u32,
    /// The call.
    pub call: CallId,
    /// The flow's name.
    pub flow: String,
    /// Hash of the flow's text.
    pub flow_hash: String,
    /// Hashes of models and intents by name.
    pub models: BTreeMap<String, String>,
    /// What the call was told before it began, but for the reference of its card; `None` in logs of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<CallSettings>,
}

/// What came of a call's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLogEnd {
    /// [`Fingerprint`] of the commands, 64 hex digits.
    pub commands: String,
    /// How many of the first events it covers: all, or those before one of which something is withheld.
    pub events: u64,
}

/// An event log, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedCall {
    /// What the call was executed with.
    pub head: EventLogHead,
    /// What happened.
    pub events: Vec<(Moment, Event)>,
    /// What came of it; `None` when the gateway ended before the call did, and in logs of older versions.
    pub end: Option<EventLogEnd>,
}

/// The log of one call that goes on. Collects in memory and hands the writer a chunk now and then; never waits.
#[derive(Debug)]
pub struct EventLog {
    writer: StoreWriter,
    call: CallId,
    began: WallTime,
    /// Lines not handed on yet.
    pending: Vec<u8>,
    /// Bytes handed on or pending.
    bytes: usize,
    /// The longest length was reached.
    full: bool,
    /// What the call has done so far.
    fingerprint: Fingerprint,
    /// Whether everything that happened so far can be executed again.
    covered: bool,
}

impl EventLog {
    pub(super) fn new(writer: StoreWriter, began: WallTime, head: &EventLogHead) -> EventLog {
        let mut log = EventLog {
            writer,
            call: head.call,
            began,
            pending: Vec::new(),
            bytes: 0,
            full: false,
            fingerprint: Fingerprint::default(),
            covered: true,
        };
        log.line(head);
        log
    }

    /// Adds an event. Its words must be masked already when the node is sensitive; `masked` = something was withheld.
    pub fn push(&mut self, at: Moment, event: &Event, masked: bool) {
        self.covered &= !masked && !self.full;
        if self.full {
            return;
        }
        self.line(&(at, event));
        if self.bytes > LOG_BYTES_MAX {
            self.full = true;
            self.line(&(at, Event::Trouble("the event log reached its longest length and ends here".to_string())));
        }
        if self.pending.len() >= CHUNK_BYTES {
            self.hand_on();
        }
    }

    /// Adds what the call wanted done for the event that was pushed last; `None` = it was not the call that answered it.
    pub fn executed(&mut self, at: Moment, commands: Option<&[Command]>) {
        match commands {
            Some(commands) if self.covered => self.fingerprint.add(at, commands),
            _ => self.covered = false,
        }
    }

    /// Hands the rest to the writer. Dropping the log does the same.
    pub fn finish(self) {}

    fn line<T: Serialize>(&mut self, value: &T) {
        let before = self.pending.len();
        serde_json::to_writer(&mut self.pending, value).expect("events serialise into memory: string keys, no failing types");
        self.pending.push(b'\n');
        self.bytes += self.pending.len() - before;
    }

    fn hand_on(&mut self) {
        let chunk = std::mem::take(&mut self.pending);
        self.writer.append_events(self.call, self.began, chunk);
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        self.line(&EventLogEnd { commands: self.fingerprint.digits(), events: self.fingerprint.events() });
        self.hand_on();
    }
}

impl Store {
    /// Reads a call's event log back.
    ///
    /// # Errors
    /// When the file cannot be read or a line is not ours.
    pub fn read_event_log(path: &Path) -> Result<LoggedCall, StoreError> {
        let text = std::fs::read_to_string(path).map_err(|source| StoreError::File { path: path.to_path_buf(), source })?;
        let damaged = |line: usize, e: serde_json::Error| StoreError::Damaged {
            what: "an event log",
            why: format!("{} line {line}: {e}", path.display()),
        };
        let mut lines = text.lines().enumerate();
        let first = lines.next().map_or("", |(_, text)| text);
        let head = serde_json::from_str(first).map_err(|e| damaged(1, e))?;
        let (mut events, mut end) = (Vec::new(), None);
        for (n, line) in lines {
            match line.starts_with('{') {
                true => end = Some(serde_json::from_str(line).map_err(|e| damaged(n + 1, e))?),
                false => events.push(serde_json::from_str(line).map_err(|e| damaged(n + 1, e))?),
            }
        }
        Ok(LoggedCall { head, events, end })
    }

    /// Keeps the text of a flow under its hash, if it is not there yet: without it no call of that flow can be executed again.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_flow(&self, hash: &str, text: &str) -> Result<(), StoreError> {
        let path = self.flow_path(hash);
        if path.exists() {
            return Ok(());
        }
        let failed = |source| StoreError::File { path: path.clone(), source };
        make_private_dir(&self.dir().join("flows")).map_err(failed)?;
        let new = path.with_extension("new");
        std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path)).map_err(failed)
    }

    /// Where the text of a flow lies: `flows/HASH.yaml`.
    pub fn flow_path(&self, hash: &str) -> PathBuf {
        self.dir().join("flows").join(format!("{hash}.yaml"))
    }
}
