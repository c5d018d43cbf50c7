//! Event logs: one file a call, JSON lines. The first line is the [`EventLogHead`], every further line is `[moment, event]`
//! as the call machine saw it, so that the call can be executed again. Sensitive events were masked by the caller of
//! [`EventLog::push`]; the rest is personal and goes with text retention.

use super::{Store, StoreError, StoreWriter};
use crate::base::{CallId, Moment, WallTime};
use crate::call::Event;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes that are collected before they are handed to the writer.
const CHUNK_BYTES: usize = 64 * 1024;

/// Longest log of one call; what comes after is not logged, and the last line says so.
const LOG_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a call was executed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl EventLog {
    pub(super) fn new(writer: StoreWriter, began: WallTime, head: &EventLogHead) -> EventLog {
        let mut log = EventLog { writer, call: head.call, began, pending: Vec::new(), bytes: 0, full: false };
        log.line(head);
        log
    }

    /// Adds an event. Its words must be masked already when the node is sensitive.
    pub fn push(&mut self, at: Moment, event: &Event) {
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
        if !self.pending.is_empty() {
            self.hand_on();
        }
    }
}

impl Store {
    /// Reads a call's event log back.
    ///
    /// # Errors
    /// When the file cannot be read or a line is not ours.
    pub fn read_event_log(path: &Path) -> Result<(EventLogHead, Vec<(Moment, Event)>), StoreError> {
        let text = std::fs::read_to_string(path).map_err(|source| StoreError::File { path: path.to_path_buf(), source })?;
        let damaged = |line: usize, e: serde_json::Error| StoreError::Damaged {
            what: "an event log",
            why: format!("{} line {line}: {e}", path.display()),
        };
        let mut lines = text.lines().enumerate();
        let first = lines.next().map_or("", |(_, text)| text);
        let head = serde_json::from_str(first).map_err(|e| damaged(1, e))?;
        let events =
            lines.map(|(n, line)| serde_json::from_str(line).map_err(|e| damaged(n + 1, e))).collect::<Result<_, _>>()?;
        Ok((head, events))
    }
}
