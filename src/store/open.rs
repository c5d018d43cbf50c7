//! The store itself: where it lies, how it is opened, what can go wrong.

use super::database::{self, DatabaseUrl, Kind};
use crate::base::{CallId, Moment};
use crate::call::Record;
use sqlx::{Any, Transaction};
use sqlx::{AnyConnection, AnyPool};
use std::path::{Path, PathBuf};

/// Where the records are: a folder with the sounds and the event logs, and the database, which is in that folder too unless a
/// PostgreSQL database is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// The folder.
    pub dir: PathBuf,
    /// The PostgreSQL database; `None` = SQLite in the folder.
    pub database: Option<DatabaseUrl>,
}

impl Records {
    /// With SQLite.
    pub fn in_folder(dir: &Path) -> Records {
        Records { dir: dir.to_path_buf(), database: None }
    }
}

/// The SQLite database in the folder.
const FILE: &str = "hotline.sqlite";

/// Where calls are remembered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// The database.
    pub(super) pool: AnyPool,
    /// Which it is.
    kind: Kind,
    /// Where everything is.
    records: Records,
}

/// Holds a database for one gateway while it is kept. If the server is started again meanwhile, it is held no longer.
#[derive(Debug)]
pub struct Claim {
    _db: Option<AnyConnection>,
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
    /// Another gateway has this database.
    #[error("{place} belongs to another gateway that runs: give each one a database of its own, or end the other")]
    Taken {
        /// Where it is.
        place: String,
    },
    /// A newer program wrote this database.
    #[error("the records are of version {found}, this program knows versions up to {known}: use the newer program")]
    Newer {
        /// Version in the file.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// The database cannot be reached, or does not let us in.
    #[error("the records in {place} cannot be reached: {}", said(source))]
    Unreachable {
        /// Which, without the password.
        place: String,
        /// Why.
        source: sqlx::Error,
    },
    /// A database that cannot hold what callers say.
    #[error(
        "the database holds text as {encoding}: make one that holds Unicode (createdb --encoding=UTF8 --template=template0)"
    )]
    Encoding {
        /// What the server calls it.
        encoding: String,
    },
    /// The database refused.
    #[error("the record database failed: {}", said(.0))]
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
            StoreError::Database(source) | StoreError::Unreachable { source, .. } => database::is_full(source),
            _ => false,
        }
    }

    /// Whether it may pass by itself: somebody else holds the database (a backup, another program), or it cannot be reached now.
    pub fn may_pass(&self) -> bool {
        match self {
            StoreError::Database(source) | StoreError::Unreachable { source, .. } => database::may_pass(source),
            _ => false,
        }
    }
}

impl Records {
    /// Where the database is, for people: without the password.
    fn place(&self) -> String {
        match &self.database {
            None => self.dir.display().to_string(),
            Some(url) => url.to_string(),
        }
    }

    /// A failure, in a sentence that names where it happened and what may be done.
    fn told(&self, error: &StoreError) -> String {
        match error {
            _ if error.is_full() && (self.database.is_none() || matches!(error, StoreError::File { .. })) => {
                format!(
                    "the disk with {} is full: records are being lost; free some space or shorten retention_days",
                    self.dir.display()
                )
            }
            _ if error.is_full() => {
                format!(
                    "the disk of {} is full: records are being lost; free some space there or shorten retention_days",
                    self.place()
                )
            }
            StoreError::Database(source) if self.database.is_some() => {
                format!("the records in {} failed: {}", self.place(), said(source))
            }
            other => other.to_string(),
        }
    }
}

/// What the database said, in a sentence for people.
fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::PoolTimedOut => "it does not answer in time".to_string(),
        other => other.to_string(),
    }
}

impl Store {
    /// Opens (or makes) the store in `dir`, with SQLite: `hotline.sqlite`, `audio/`, `events/`, readable by this user alone.
    ///
    /// # Errors
    /// When a folder or the database cannot be made, or a newer program wrote it.
    pub async fn open(dir: &Path) -> Result<Store, StoreError> {
        Store::open_at(&Records::in_folder(dir)).await
    }

    /// Opens (or makes) the folder and the tables; a PostgreSQL database itself must be there.
    ///
    /// # Errors
    /// When a folder or the database cannot be made or reached, or a newer program wrote it.
    pub async fn open_at(records: &Records) -> Result<Store, StoreError> {
        for folder in [records.dir.clone(), records.dir.join("audio"), records.dir.join("events")] {
            make_private_dir(&folder).map_err(|source| StoreError::File { path: folder, source })?;
        }
        Store::connect(records, true).await
    }

    /// Opens a store with SQLite that must be there already (for tools that only look).
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none; otherwise as [`Store::open`].
    pub async fn open_existing(dir: &Path) -> Result<Store, StoreError> {
        Store::open_existing_at(&Records::in_folder(dir)).await
    }

    /// Opens a store that must be there already; of a PostgreSQL database only the server must be.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is none; otherwise as [`Store::open_at`].
    pub async fn open_existing_at(records: &Records) -> Result<Store, StoreError> {
        if records.database.is_none() && !records.dir.join(FILE).is_file() {
            return Err(StoreError::Missing { dir: records.dir.clone() });
        }
        Store::connect(records, false).await
    }

    async fn connect(records: &Records, create: bool) -> Result<Store, StoreError> {
        let (kind, pool) = match &records.database {
            None => (Kind::Sqlite, database::sqlite(&records.dir.join(FILE), create).await?),
            Some(address) => (Kind::Postgres, database::postgres(address).await?),
        };
        Ok(Store { pool, kind, records: records.clone() })
    }

    /// Takes a PostgreSQL database for the gateway that runs here: another one would end its calls and call its callers back.
    ///
    /// # Errors
    /// [`StoreError::Taken`], or when the database fails.
    pub async fn claim(&self) -> Result<Claim, StoreError> {
        match self.kind {
            Kind::Sqlite => Ok(Claim { _db: None }),
            Kind::Postgres => match database::claim(&self.pool).await? {
                None => Err(StoreError::Taken { place: self.place() }),
                held => Ok(Claim { _db: held }),
            },
        }
    }

    /// The folder that holds everything but a PostgreSQL database.
    pub fn dir(&self) -> &Path {
        &self.records.dir
    }

    /// Where the database is, for people: without the password.
    pub fn place(&self) -> String {
        self.records.place()
    }

    /// A failure, in a sentence that names where it happened: which server, or which folder.
    pub fn told(&self, error: &StoreError) -> String {
        self.records.told(error)
    }

    /// A transaction that writes.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.pool.begin_with(self.kind.begin()).await?)
    }

    /// A transaction that reads and then writes what follows from it: no other of these goes on at the same time.
    pub(super) async fn begin_alone(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let mut db = self.begin().await?;
        self.kind.alone(&mut db).await?;
        Ok(db)
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
pub(super) async fn write_record(db: &mut AnyConnection, call: CallId, now: Moment, record: &Record) -> Result<(), StoreError> {
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

/// A folder that only this user can read (recordings are personal). An existing folder keeps its mode.
pub(super) fn make_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_name_the_server_or_the_folder_where_they_happened() {
        let folder = Records::in_folder(Path::new("/var/lib/hotline"));
        let address = DatabaseUrl::parse("postgres://hotline:secret@db.example.com/records").expect("an address");
        let server = Records { database: Some(address), ..folder.clone() };
        let slow = StoreError::Database(sqlx::Error::PoolTimedOut);
        assert_eq!(
            server.told(&slow),
            "the records in PostgreSQL records at db.example.com:5432 failed: it does not answer in time"
        );
        assert_eq!(folder.told(&slow), "the record database failed: it does not answer in time");
        // Sounds are files in the folder, wherever the database is.
        let full = || StoreError::File { path: "/var/lib/hotline/x".into(), source: std::io::ErrorKind::StorageFull.into() };
        for records in [&folder, &server] {
            assert!(records.told(&full()).starts_with("the disk with /var/lib/hotline is full"), "{}", records.told(&full()));
        }
        assert!(!format!("{}{}", server.told(&slow), server.told(&full())).contains("secret"));
    }
}
