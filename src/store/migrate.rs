//! Bringing the database to the newest shape: SQL texts run in order, each once, all in one transaction. They are written once, for
//! SQLite, in words of which PostgreSQL's are made; so both databases have the same tables and columns.

use super::StoreError;
use super::database::Kind;
use sqlx::AnyConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

/// The steps. Only ever append: a step that has run somewhere is history. Types are `INTEGER` (64 bits), `REAL` (64 bits) and `TEXT`,
/// and a number that the database gives is an `INTEGER PRIMARY KEY`; upper case is for these and the words of SQL alone.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_calls.sql"),
    include_str!("migrations/0002_legs.sql"),
    include_str!("migrations/0003_labels.sql"),
    include_str!("migrations/0004_tasks.sql"),
    include_str!("migrations/0005_console.sql"),
    include_str!("migrations/0006_people.sql"),
    include_str!("migrations/0007_call_backs.sql"),
    include_str!("migrations/0008_lines.sql"),
];

/// How many there are.
#[cfg(test)]
pub(super) const KNOWN: usize = STEPS.len();

/// Where the version stands.
const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT";

/// What SQLite's words are in PostgreSQL, in this order. Texts are compared by their bytes, as SQLite does.
const IN_POSTGRES: &[(&str, &str)] = &[
    ("INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("INTEGER", "BIGINT"),
    ("REAL", "DOUBLE PRECISION"),
    ("TEXT", "TEXT COLLATE \"C\""),
    (") STRICT", ")"),
];

/// Runs the steps that this database has not seen.
pub(super) async fn run(kind: Kind, db: &mut AnyConnection) -> Result<(), StoreError> {
    run_to(kind, db, STEPS.len()).await
}

/// The same up to the step with this number, counted from 1.
pub(super) async fn run_to(kind: Kind, db: &mut AnyConnection, last: usize) -> Result<(), StoreError> {
    // Two programs that open a new store at once take turns.
    let mut db = db.begin_with(kind.begin()).await?;
    if kind == Kind::Postgres {
        sqlx::raw_sql("SET LOCAL lock_timeout = '60s'").execute(&mut *db).await?;
    }
    kind.alone(&mut db).await?;
    if kind == Kind::Postgres {
        let encoding: String =
            sqlx::query("SELECT current_setting('server_encoding')").fetch_one(&mut *db).await?.try_get(0)?;
        if encoding != "UTF8" {
            return Err(StoreError::Encoding { encoding });
        }
    }
    sqlx::raw_sql(AssertSqlSafe(in_words_of(kind, VERSIONS))).execute(&mut *db).await?;
    let found: i64 =
        sqlx::query("SELECT COALESCE(MAX(version), 0) FROM schema_version").fetch_one(&mut *db).await?.try_get(0)?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for (index, step) in STEPS.iter().enumerate().take(last).skip(done) {
        sqlx::raw_sql(AssertSqlSafe(in_words_of(kind, step))).execute(&mut *db).await?;
        let version = i64::try_from(index + 1).unwrap_or(i64::MAX);
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)").bind(version).execute(&mut *db).await?;
    }
    db.commit().await?;
    Ok(())
}

fn in_words_of(kind: Kind, step: &str) -> String {
    match kind {
        Kind::Sqlite => step.to_string(),
        Kind::Postgres => IN_POSTGRES.iter().fold(step.to_string(), |text, (from, to)| text.replace(from, to)),
    }
}
