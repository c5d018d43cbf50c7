//! Bringing the database to the newest shape: SQL texts run in order, each once, all in one transaction.

use super::StoreError;
use sqlx::Row;
use sqlx::sqlite::SqlitePool;

/// The steps. Only ever append: a step that has run somewhere is history.
const STEPS: &[&str] = &[
    include_str!("migrations/0001_calls.sql"),
    include_str!("migrations/0002_legs.sql"),
    include_str!("migrations/0003_labels.sql"),
    include_str!("migrations/0004_tasks.sql"),
    include_str!("migrations/0005_console.sql"),
    include_str!("migrations/0006_people.sql"),
    include_str!("migrations/0007_call_backs.sql"),
];

/// Runs the steps that this database has not seen.
pub(super) async fn run(pool: &SqlitePool) -> Result<(), StoreError> {
    // IMMEDIATE: two programs that open a new store at once take turns.
    let mut db = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT").execute(&mut *db).await?;
    let found: i64 = sqlx::query("SELECT COALESCE(MAX(version), 0) FROM schema_version").fetch_one(&mut *db).await?.get(0);
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        sqlx::raw_sql(*step).execute(&mut *db).await?;
        let version = i64::try_from(index + 1).unwrap_or(i64::MAX);
        sqlx::query("INSERT INTO schema_version (version) VALUES (?)").bind(version).execute(&mut *db).await?;
    }
    db.commit().await?;
    Ok(())
}
