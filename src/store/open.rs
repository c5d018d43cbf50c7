//! The store itself: where it lies, how it is opened, what can go wrong.

use super::migrate;
use crate::base::{CallId, Moment};
use crate::call::Record;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Connections: one writer plus a few readers (console, `hotline calls`); SQLite serialises writers anyway.
const CONNECTIONS_MAX: u32 = 4;

/// Where calls are remembered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// The database.
    pub(super) pool: SqlitePool,
    /// The folder that holds everything.
    pub(super) dir: PathBuf,
}

/// What can go wrong, each one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder could not be made, read or removed.
    #[error("the store cannot use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no store there.
    #[error("there are no records in {}: no hotline.sqlite there; name the folder with --store or [store] dir", dir.display())]
    Missing {
        /// Where we looked.
        dir: PathBuf,
    },
    /// A newer program wrote this database.
    #[error("the records are of version {found}, this program knows versions up to {known}: use the newer program")]
    Newer {
        /// Version in the file.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// The database refused.
    #[error("the record database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A row that this program did not write so.
    #[error("the record of {what} cannot be read: {why}")]
    Damaged {
        /// Which noun.
        what: &'static str,
        /// Why.
        why: String,
    },
}

impl StoreError {
    /// Whether the disk (or the database's allowance) is full.
    pub fn is_full(&self) -> bool {
        match self {
            StoreError::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            // SQLITE_FULL is 13.
            StoreError::Database(sqlx::Error::Database(e)) => e.code().is_some_and(|c| c == "13"),
            _ => false,
        }
    }
}

impl StoreError {
    /// Whether it may pass by itself: somebody else holds the database (a backup, another program), or it cannot be reached now.
    pub fn may_pass(&self) -> bool {
        match self {
            // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_CANTOPEN, with their extended codes.
            StoreError::Database(sqlx::Error::Database(e)) => {
                let code = e.code().and_then(|code| code.parse::<u32>().ok());
                code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 14))
            }
            StoreError::Database(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) => true,
            _ => false,
        }
    }
}

impl Store {
    /// Opens (or makes) the store in `dir`: `hotline.sqlite`, `audio/`, `events/`, readable by this user alone.
    ///
    /// # Errors
    /// When a folder or the database cannot be made, or a newer program wrote it.
    pub async fn open(dir: &Path) -> Result<Store, StoreError> {
        for folder in [dir.to_path_buf(), dir.join("audio"), dir.join("events")] {
            make_private_dir(&folder).map_err(|source| StoreError::File { path: folder, source })?;
        }
        Store::connect(dir, true).await
    }

    /// Opens a store that must be there already (for tools that only look).
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none; otherwise as [`Store::open`].
    pub async fn open_existing(dir: &Path) -> Result<Store, StoreError> {
        if !dir.join("hotline.sqlite").is_file() {
            return Err(StoreError::Missing { dir: dir.to_path_buf() });
        }
        Store::connect(dir, false).await
    }

    async fn connect(dir: &Path, create: bool) -> Result<Store, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(dir.join("hotline.sqlite"))
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            // Deleted words are overwritten, not only unlinked.
            .pragma("secure_delete", "ON");
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options).await?;
        migrate::run(&pool).await?;
        Ok(Store { pool, dir: dir.to_path_buf() })
    }

    /// The folder that holds everything.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes one record of a call. `now` is the moment the record was made. Records of a call that does not exist (any
    /// more) are dropped: it was deleted while it went on.
    ///
    /// # Errors
    /// When the database refuses (disk full, damaged).
    pub async fn write(&self, call: CallId, now: Moment, record: &Record) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        write_record(&mut connection, call, now, record).await
    }

    /// Closes all connections; the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The one place that knows which record goes into which table.
pub(super) async fn write_record(
    db: &mut SqliteConnection,
    call: CallId,
    now: Moment,
    record: &Record,
) -> Result<(), StoreError> {
    match record {
        Record::Began { caller, dialled, flow, flow_hash, at } => {
            super::calls::began(db, call, now, *at, caller, dialled, flow, flow_hash).await
        }
        Record::Turn(turn) => super::turns::insert(db, call, turn).await,
        Record::Utterance(utterance) => super::utterances::insert(db, call, utterance).await,
        Record::Decision { at, what, why } => super::decisions::insert(db, call, *at, what, why).await,
        Record::Attempt { at, target, method, outcome } => {
            super::attempts::insert(db, call, *at, target, method, outcome).await
        }
        Record::Consent { given } => super::calls::consent(db, call, *given).await,
        Record::Message { speech_ms, because } => super::messages::insert(db, call, now, *speech_ms, because).await,
        Record::Task { at, task } => super::tasks::insert(db, call, *at, task.reveal()).await,
        Record::Leg(leg) => super::legs::insert(db, call, leg).await,
        Record::Ended { disposition, fault, at, request_to_person_ms } => {
            super::calls::ended(db, call, *at, disposition, *fault, *request_to_person_ms).await
        }
    }
}

/// Moments and counters as SQLite holds them.
pub(super) fn sql_int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// And back; what is negative was not written by us.
pub(super) fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A folder that only this user can read (recordings are personal). An existing folder keeps its mode.
pub(super) fn make_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
