//! Which database the records are in: SQLite in the records' folder, or PostgreSQL. Every statement is written once, in what both
//! understand (`$1`, `ON CONFLICT`, 0 and 1 for no and yes, see `migrate.rs` for the tables); what differs stands here: how a
//! connection is made, how a transaction begins, and what a failure means.

use super::StoreError;
use crate::base::{Confidence, Pii};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::postgres::PgDatabaseError;
use sqlx::{AnyConnection, AnyPool, Executor, Row};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// Connections: one writer plus a few readers (console, `hotline calls`); SQLite serialises writers anyway.
const CONNECTIONS_MAX: u32 = 4;

/// A connection is waited for so long, whether all are in use or the server does not answer.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// What every connection to SQLite is told. Deleted words are overwritten, not only unlinked.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                               PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON";

/// What every connection to PostgreSQL is told: nothing there takes for ever.
const POSTGRES_SETTINGS: &str = "SET statement_timeout = '15s'; SET lock_timeout = '5s'; \
                                 SET idle_in_transaction_session_timeout = '60s'";

/// The PostgreSQL lock of those who let nobody come between; any number that is ours.
const ALONE: i64 = 0x686f_746c_696e_6501;

/// The lock of the gateway that a PostgreSQL database belongs to.
const SERVES: i64 = 0x686f_746c_696e_6502;

/// How a PostgreSQL database is reached: `postgres://USER:PASSWORD@HOST:PORT/NAME`, with `?sslmode=verify-full&sslrootcert=FILE` and
/// `?host=/run/postgresql` for a socket's folder. Shown without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Pii<Url>);

impl DatabaseUrl {
    /// Understands an address.
    ///
    /// # Errors
    /// What is wrong with it, without the address itself: it may hold a password.
    pub fn parse(text: &str) -> Result<DatabaseUrl, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_| "this is no address of a database")?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err("this is no address of a PostgreSQL database");
        }
        if url.path().trim_matches('/').is_empty() && !url.query_pairs().any(|(key, _)| key == "dbname") {
            return Err("the address does not name a database");
        }
        Ok(DatabaseUrl(Pii::new(url)))
    }

    /// Whether the password stands in it.
    pub fn has_password(&self) -> bool {
        let url = self.0.reveal();
        url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password")
    }

    /// Whether what is sent there can be read on the way: another machine, whose certificate is not asked for and verified.
    pub fn is_open(&self) -> bool {
        let verified = self.parameter(&["sslmode", "ssl-mode"]).is_some_and(|mode| mode.starts_with("verify-"));
        !verified && !self.is_local()
    }

    fn is_local(&self) -> bool {
        let host = self.host();
        let host = host.trim_matches(['[', ']']);
        host.starts_with('/') || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    fn host(&self) -> String {
        let written =
            self.0.reveal().host_str().filter(|host| !host.is_empty()).map(|host| host.replace("%2F", "/").replace("%2f", "/"));
        self.parameter(&["host", "hostaddr"]).or(written).unwrap_or_else(|| "localhost".to_string())
    }

    fn parameter(&self, names: &[&str]) -> Option<String> {
        self.0.reveal().query_pairs().filter(|(key, _)| names.contains(&&**key)).last().map(|(_, value)| value.into_owned())
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.reveal();
        let port = self.parameter(&["port"]).unwrap_or_else(|| url.port().unwrap_or(5432).to_string());
        let name = self.parameter(&["dbname"]).unwrap_or_else(|| url.path().trim_matches('/').to_string());
        write!(f, "PostgreSQL {name} at {}:{port}", self.host())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Kind {
    /// What a connection is told first.
    fn settings(self) -> &'static str {
        match self {
            Kind::Sqlite => SQLITE_SETTINGS,
            Kind::Postgres => POSTGRES_SETTINGS,
        }
    }

    /// How a transaction that writes begins. IMMEDIATE: whoever will write waits at once, not in the middle.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
        }
    }

    /// Makes sure that no other such transaction goes on until this one ends. In SQLite all that write take turns anyway.
    pub(super) async fn alone(self, db: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if self == Kind::Postgres {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(ALONE).execute(db).await?;
        }
        Ok(())
    }
}

/// Takes a database for one gateway: held as long as this connection. `None` where another one has it. A gateway that has just died is waited
/// for, as long as the server needs to notice.
pub(super) async fn claim(pool: &AnyPool) -> Result<Option<AnyConnection>, sqlx::Error> {
    let mut db = pool.acquire().await?.detach();
    sqlx::query("SET lock_timeout = '5s'").execute(&mut db).await?;
    match sqlx::query("SELECT pg_advisory_lock($1)").bind(SERVES).execute(&mut db).await {
        Ok(_) => Ok(Some(db)),
        // lock_not_available.
        Err(error) if error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == "55P03") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file at `path`, in a folder that is there; made if `create`.
pub(super) async fn sqlite(path: &Path, create: bool) -> Result<AnyPool, StoreError> {
    let failed = |source| StoreError::File { path: path.to_path_buf(), source };
    let folder = path.parent().unwrap_or(Path::new(".")).canonicalize().map_err(failed)?;
    let file = folder.join(path.file_name().unwrap_or_default());
    // As the address of a file, so that no letter of the path means anything.
    let mut url = Url::from_file_path(file)
        .and_then(|file| Url::parse(&format!("sqlite://{}", file.path())).map_err(drop))
        .map_err(|()| failed(std::io::ErrorKind::InvalidFilename.into()))?;
    url.set_query(Some(if create { "mode=rwc" } else { "mode=rw" }));
    connect(Kind::Sqlite, &url).await
}

/// A database of a PostgreSQL server.
pub(super) async fn postgres(address: &DatabaseUrl) -> Result<AnyPool, StoreError> {
    let mut url = address.0.reveal().clone();
    if address.parameter(&["application_name"]).is_none() {
        url.query_pairs_mut().append_pair("application_name", "hotline");
    }
    connect(Kind::Postgres, &url).await.map_err(|error| match error {
        StoreError::Database(source) => StoreError::Unreachable { place: address.to_string(), source },
        other => other,
    })
}

/// A database as an older program left it, whose tables end with this step.
#[cfg(test)]
pub(super) async fn of_version(kind: Kind, records: &super::Records, version: usize) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = match &records.database {
        Some(address) => address.0.reveal().to_string(),
        None => format!("sqlite://{}/hotline.sqlite?mode=rwc", records.dir.display()),
    };
    let options = AnyConnectOptions::from_str(&url).expect("an address");
    let mut db = sqlx::ConnectOptions::connect(&options).await.expect("a database");
    super::migrate::run_to(kind, &mut db, version).await.expect("made");
    db
}

async fn connect(kind: Kind, url: &Url) -> Result<AnyPool, StoreError> {
    sqlx::any::install_default_drivers();
    let options = AnyConnectOptions::from_str(url.as_str())?;
    // A pool would ask a server that refuses again and again, and then only say that it took too long.
    let first = tokio::time::timeout(CONNECT_MAX, sqlx::ConnectOptions::connect(&options));
    let mut first = first.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    super::migrate::run(kind, &mut first).await?;
    sqlx::Connection::close(first).await?;
    Ok(AnyPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(CONNECT_MAX)
        .after_connect(move |db, _| Box::pin(async move { db.execute(kind.settings()).await.map(drop) }))
        .connect_lazy_with(options))
}

/// Whether the database says that its disk (or its allowance) is full.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    match code(error) {
        // SQLITE_FULL.
        Some(Code::Sqlite(code)) => code & 0xff == 13,
        // disk_full (PostgreSQL, appendix A).
        Some(Code::Postgres(state)) => state == "53100",
        None => false,
    }
}

/// Whether a failure may pass by itself: somebody else holds the database (a backup, another program), it starts or stops, or it
/// cannot be reached now.
pub(super) fn may_pass(error: &sqlx::Error) -> bool {
    match code(error) {
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_CANTOPEN, with their extended codes.
        Some(Code::Sqlite(code)) => matches!(code & 0xff, 5 | 6 | 10 | 14),
        // Connection exceptions; too many connections; admin shutdown, crash shutdown, cannot connect now, idle session; serialization
        // failure, deadlock; lock not available; statement and idle-in-transaction time-outs; a server that only reads (one that takes
        // over from another does so for a while).
        Some(Code::Postgres(state)) => {
            state.starts_with("08")
                || matches!(
                    state.as_str(),
                    "53300" | "57P01" | "57P02" | "57P03" | "57P05" | "40001" | "40P01" | "55P03" | "57014" | "25P03" | "25006"
                )
        }
        None => matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)),
    }
}

enum Code {
    Sqlite(u32),
    Postgres(String),
}

fn code(error: &sqlx::Error) -> Option<Code> {
    let error = error.as_database_error()?;
    let code = error.code()?;
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(_) => Some(Code::Postgres(code.into_owned())),
        None => code.parse().ok().map(Code::Sqlite),
    }
}

/// Moments and counters as databases hold them.
pub(super) fn sql_int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// And back; what is negative was not written by us.
pub(super) fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A text as both databases can hold it: PostgreSQL refuses the character 0.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A column that holds 0 or 1.
pub(super) fn flag(row: &AnyRow, column: &str) -> Result<bool, sqlx::Error> {
    Ok(row.try_get::<i64, _>(column)? != 0)
}

/// A column that says how sure somebody was.
#[expect(clippy::cast_possible_truncation, reason = "it was an f32 when it was written")]
pub(super) fn confidence(row: &AnyRow, column: &str) -> Result<Confidence, sqlx::Error> {
    Ok(Confidence::new(row.try_get::<f64, _>(column)? as f32))
}
