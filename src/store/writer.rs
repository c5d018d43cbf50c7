//! The writer: calls hand over what is to be remembered and go on; one task carries it to the disk. While the database is held by
//! somebody else or cannot be reached, it waits with what it has, up to two minutes. The queue is bounded in jobs and in bytes. When it
//! is full, or the disk is, things are lost, counted, and said once in one sentence; calls never wait and never fail for it.

use super::open::{make_private_dir, write_record};
use super::{CallBackRow, EventLog, EventLogHead, LastAgent, LineRow, Store, StoreError};
use crate::base::{CallId, Moment, UtteranceId, WallTime};
use crate::call::{HandOverCard, Record};
use sqlx::Row;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Jobs waiting at most.
const JOBS_MAX: usize = 4_096;

/// Bytes of sound and logs waiting at most.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// A database that does not answer is waited for so long, from its first failure on.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two tries of it.
const BETWEEN: Duration = Duration::from_millis(500);

/// Jobs taken at once; records among them share a transaction.
const BATCH: usize = 128;

/// Hands things to the store's task. Cheap to clone; the task ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct StoreWriter {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    store: Store,
}

#[derive(Debug)]
struct Shared {
    /// Things that were not remembered since the start.
    lost: AtomicU64,
    /// Bytes in the queue.
    queued_bytes: AtomicUsize,
    /// The sentence about the present trouble; `None` while all is well.
    trouble: watch::Sender<Option<String>>,
    /// Since when the database has not answered.
    away: Mutex<Option<Instant>>,
}

#[derive(Debug)]
enum Job {
    /// These share a transaction.
    Note(Note),
    Other(Other),
    Flush(oneshot::Sender<()>),
}

#[derive(Debug)]
enum Other {
    Card { card: Box<HandOverCard>, valid_until: WallTime },
    CallBack(Box<CallBackRow>),
    Line(LineRow),
    LineOver { call: CallId, kept_until: Option<WallTime> },
    LastAgent(LastAgent),
    NoLastAgent { caller: u64 },
    Learned { name: &'static str, at: WallTime, body: String },
    File { call: CallId, path: PathBuf, bytes: Vec<u8>, append: bool },
}

impl StoreWriter {
    /// Starts the task. Await the handle after dropping all writers: then everything is on the disk.
    pub fn start(store: Store) -> (StoreWriter, JoinHandle<()>) {
        let (jobs, queue) = mpsc::channel(JOBS_MAX);
        let shared = Arc::new(Shared {
            lost: AtomicU64::new(0),
            queued_bytes: AtomicUsize::new(0),
            trouble: watch::Sender::new(None),
            away: Mutex::new(None),
        });
        let task = tokio::spawn(carry(store.clone(), queue, Arc::clone(&shared)));
        (StoreWriter { jobs, shared, store }, task)
    }

    /// Remembers a record of a call, made at `now`. `false` when the queue is full and it is lost.
    pub fn note(&self, call: CallId, now: Moment, record: Record) -> bool {
        self.send(Job::Note((call, now, Box::new(record))), 0)
    }

    /// Publishes a hand-over card (see [`Store::put_card`]). `false` when the queue is full and it is lost.
    pub fn card(&self, card: HandOverCard, valid_until: WallTime) -> bool {
        self.send(Job::Other(Other::Card { card: Box::new(card), valid_until }), 0)
    }

    /// Keeps or changes somebody who is called back. `false` when the queue is full and it is lost.
    pub fn call_back(&self, row: CallBackRow) -> bool {
        self.send(Job::Other(Other::CallBack(Box::new(row))), 0)
    }

    /// Somebody gets in line, or is with an agent (see [`Store::put_line`]). `false` when the queue is full and it is lost.
    pub fn line(&self, row: LineRow) -> bool {
        self.send(Job::Other(Other::Line(row)), 0)
    }

    /// They are in line no more (see [`Store::end_line`]). `false` when the queue is full and it is lost.
    pub fn line_over(&self, call: CallId, kept_until: Option<WallTime>) -> bool {
        self.send(Job::Other(Other::LineOver { call, kept_until }), 0)
    }

    /// Who has served a caller. `false` when the queue is full and it is lost.
    pub fn last_agent(&self, last: LastAgent) -> bool {
        self.send(Job::Other(Other::LastAgent(last)), 0)
    }

    /// Nobody is to be met again by this caller. `false` when the queue is full and it is lost.
    pub fn no_last_agent(&self, caller: u64) -> bool {
        self.send(Job::Other(Other::NoLastAgent { caller }), 0)
    }

    /// What was learned under a name, as JSON. `false` when the queue is full and it is lost.
    pub fn learned(&self, name: &'static str, at: WallTime, body: String) -> bool {
        self.send(Job::Other(Other::Learned { name, at, body }), 0)
    }

    /// Keeps the sound of an utterance (a whole WAV file). `false` when the queue is full and it is lost.
    pub fn clip(&self, call: CallId, began: WallTime, utterance: UtteranceId, wav: Vec<u8>) -> bool {
        self.file(call, self.store.clip_path(call, began, utterance), wav, false)
    }

    /// Keeps the message that the caller left (a whole WAV file). `false` when the queue is full and it is lost.
    pub fn message(&self, call: CallId, began: WallTime, wav: Vec<u8>) -> bool {
        self.file(call, self.store.message_path(call, began), wav, false)
    }

    /// Begins the event log of a call.
    pub fn event_log(&self, began: WallTime, head: &EventLogHead) -> EventLog {
        EventLog::new(self.clone(), began, head)
    }

    pub(super) fn append_events(&self, call: CallId, began: WallTime, lines: Vec<u8>) {
        self.file(call, self.store.event_path(call, began), lines, true);
    }

    /// Waits until everything handed over before is on the disk (or lost and counted).
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.jobs.send(Job::Flush(done)).await.is_ok() {
            // The task answers, or has ended and dropped the sender: both mean that nothing is left to wait for.
            let _ = wait.await;
        }
    }

    /// How many things were lost since the start.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// The sentence about the present trouble, to be watched; `None` while all is well.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.shared.trouble.subscribe()
    }

    fn file(&self, call: CallId, path: PathBuf, bytes: Vec<u8>, append: bool) -> bool {
        let size = bytes.len();
        self.send(Job::Other(Other::File { call, path, bytes, append }), size)
    }

    fn send(&self, job: Job, bytes: usize) -> bool {
        let queued = self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let sent = queued <= BYTES_MAX && self.jobs.try_send(job).is_ok();
        if !sent {
            self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.lose("the store cannot keep up with the calls: records are being lost (is the disk slow?)".to_string());
        }
        sent
    }
}

impl Shared {
    /// Counts one lost thing; the sentence is logged when it is a new one.
    fn lose(&self, sentence: String) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("hotline_store_lost_total").increment(1);
        self.say(sentence);
    }

    fn say(&self, sentence: String) {
        let new = self.trouble.send_if_modified(|now| {
            let new = now.as_deref() != Some(sentence.as_str());
            if new {
                *now = Some(sentence.clone());
            }
            new
        });
        if new {
            tracing::error!(lost = self.lost.load(Ordering::Relaxed), "{sentence}");
        }
    }

    fn away(&self) -> MutexGuard<'_, Option<Instant>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to try this again after a moment, which is over then.
    async fn try_again(&self, store: &Store, error: &StoreError) -> bool {
        if !error.may_pass() {
            return false;
        }
        let since = *self.away().get_or_insert_with(Instant::now);
        if since.elapsed() > PATIENCE {
            return false;
        }
        self.say(format!("the records wait in memory, nothing is lost yet, calls go on: {}", store.told(error)));
        // The writer's own pace: nobody waits for it.
        tokio::time::sleep(BETWEEN).await;
        true
    }

    fn well(&self) {
        *self.away() = None;
        if self.trouble.send_if_modified(|now| now.take().is_some()) {
            tracing::info!(lost = self.lost.load(Ordering::Relaxed), "the store is writing again");
        }
    }

    fn settle(&self, store: &Store, result: Result<(), StoreError>) {
        match result {
            Ok(()) => self.well(),
            Err(e) => self.lose(store.told(&e)),
        }
    }
}

/// The task: jobs in the order in which they came.
async fn carry(store: Store, mut queue: mpsc::Receiver<Job>, shared: Arc<Shared>) {
    let mut jobs = Vec::with_capacity(BATCH);
    let mut notes = Vec::new();
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        for job in jobs.drain(..) {
            match job {
                Job::Note(note) => notes.push(note),
                Job::Other(other) => {
                    write_notes(&store, &shared, &mut notes).await;
                    do_other(&store, &shared, other).await;
                }
                Job::Flush(done) => {
                    write_notes(&store, &shared, &mut notes).await;
                    // Whoever asked may have gone; that is no matter.
                    let _ = done.send(());
                }
            }
        }
        write_notes(&store, &shared, &mut notes).await;
    }
}

type Note = (CallId, Moment, Box<Record>);

/// Records in one transaction; when that fails one by one, so that a bad one does not take the others with it.
async fn write_notes(store: &Store, shared: &Shared, notes: &mut Vec<Note>) {
    if notes.is_empty() {
        return;
    }
    loop {
        match write_together(store, notes).await {
            Ok(()) => shared.well(),
            Err(error) if shared.try_again(store, &error).await => continue,
            // One by one would wait for each of them.
            Err(error) if error.may_pass() => notes.iter().for_each(|_| shared.lose(store.told(&error))),
            Err(_) => {
                for (call, now, record) in notes.iter() {
                    shared.settle(store, store.write(*call, *now, record).await);
                }
            }
        }
        return notes.clear();
    }
}

async fn write_together(store: &Store, notes: &[Note]) -> Result<(), StoreError> {
    let mut db = store.begin().await?;
    for (call, now, record) in notes {
        write_record(&mut db, *call, *now, record).await?;
    }
    db.commit().await?;
    Ok(())
}

/// Everything but records, one by one; what cannot be done while the database is away is tried again.
async fn do_other(store: &Store, shared: &Shared, job: Other) {
    let result = loop {
        match attempt(store, &job).await {
            Err(error) if shared.try_again(store, &error).await => {}
            done => break done,
        }
    };
    match job {
        Other::File { bytes, .. } => {
            shared.queued_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
            // A held database can still be read: that a file was written says nothing of it.
            if result.is_err() || shared.away().is_none() {
                shared.settle(store, result);
            }
        }
        _ => shared.settle(store, result),
    }
}

async fn attempt(store: &Store, job: &Other) -> Result<(), StoreError> {
    match job {
        Other::Card { card, valid_until } => store.put_card(card, *valid_until).await,
        Other::CallBack(row) => store.put_call_back(row).await,
        Other::Line(row) => store.put_line(row).await,
        Other::LineOver { call, kept_until } => store.end_line(*call, *kept_until).await,
        Other::LastAgent(last) => store.put_last_agent(last).await,
        Other::NoLastAgent { caller } => store.remove_last_agent(*caller).await,
        Other::Learned { name, at, body } => store.put_learned(name, *at, body).await,
        Other::File { call, .. } if store.is_deleted(*call).await? => Ok(()),
        Other::File { path, bytes, append, .. } => write_file(path, bytes, *append).await,
    }
}

async fn write_file(path: &Path, bytes: &[u8], append: bool) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { path: path.to_path_buf(), source };
    if let Some(dir) = path.parent() {
        make_private_dir(dir).map_err(failed)?;
    }
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).append(append).write(true).truncate(!append);
    let mut file = options.open(path).await.map_err(failed)?;
    file.write_all(bytes).await.map_err(failed)?;
    file.flush().await.map_err(failed)
}

impl Store {
    /// Whether a call was deleted by hand while it went on.
    async fn is_deleted(&self, call: CallId) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM deleted_calls WHERE id = $1")
            .bind(call.to_string())
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get::<i64, _>(0)? > 0)
    }
}
