//! The audit: who did what in the console, and when. Names and actions, never what callers said.

use super::database::plain;
use super::{Store, StoreError};
use crate::base::WallTime;
use sqlx::Row;
use sqlx::any::AnyRow;

/// Most rows that are kept, however young they are.
const ROWS_MAX: i64 = 500_000;

/// Most rows that are read at once.
const PAGE_MAX: u32 = 500;

/// Most characters of a subject; the rest is cut.
const SUBJECT_MAX: usize = 200;

/// Most actions that can be asked for at once; more are not looked at.
const ACTIONS_MAX: usize = 20;

/// Which rows are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What was done; empty = whatever it was. At most 20 are looked at.
    pub actions: Vec<String>,
    /// Who did it, or tried to under this name without being logged in; `None` = whoever it was.
    pub user: Option<String>,
}

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number; later things have higher ones.
    pub id: i64,
    /// When.
    pub at: WallTime,
    /// Who; `None` = nobody who was logged in.
    pub user: Option<String>,
    /// What, in a few words joined by `_`.
    pub action: String,
    /// To whom or what; may be empty.
    pub subject: String,
}

impl Store {
    /// Writes down that `user` did something.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, at: WallTime, user: Option<&str>, action: &str, subject: &str) -> Result<(), StoreError> {
        let subject: String = subject.chars().take(SUBJECT_MAX).collect();
        let sql = "INSERT INTO audit (at_ms, name, action, subject) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql).bind(at.0).bind(user.map(plain)).bind(plain(action)).bind(plain(&subject)).execute(&self.pool).await?;
        Ok(())
    }

    /// What was done, the newest first: at most `limit` (and 500) of the rows that fit, from before number `before`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_page(&self, before: Option<i64>, limit: u32, of: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let actions = &of.actions[..of.actions.len().min(ACTIONS_MAX)];
        let mut sql = "SELECT * FROM audit WHERE id < $1".to_string();
        if !actions.is_empty() {
            let places: Vec<String> = (0..actions.len()).map(|n| format!("${}", n + 3)).collect();
            sql.push_str(&format!(" AND action IN ({})", places.join(", ")));
        }
        if of.user.is_some() {
            let place = actions.len() + 3;
            sql.push_str(&format!(" AND (name = ${place} OR name IS NULL AND subject = ${place})"));
        }
        sql.push_str(" ORDER BY id DESC LIMIT $2");
        // Only places for values are put together here, so nothing that was asked for becomes part of the statement.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        query = query.bind(before.unwrap_or(i64::MAX)).bind(i64::from(limit.min(PAGE_MAX)));
        for action in actions {
            query = query.bind(plain(action));
        }
        if let Some(user) = &of.user {
            query = query.bind(plain(user));
        }
        query.fetch_all(&self.pool).await?.iter().map(row).collect()
    }

    /// Removes rows from before `limit`, and the oldest of too many.
    pub(super) async fn remove_old_audit(&self, limit: Option<WallTime>) -> Result<u64, StoreError> {
        let sql = "DELETE FROM audit WHERE at_ms < $1 OR id <= (SELECT MAX(id) FROM audit) - $2";
        let query = sqlx::query(sql).bind(limit.map_or(i64::MIN, |limit| limit.0)).bind(ROWS_MAX);
        Ok(query.execute(&self.pool).await?.rows_affected())
    }
}

fn row(row: &AnyRow) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        id: row.try_get("id")?,
        at: WallTime(row.try_get("at_ms")?),
        user: row.try_get("name")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
    })
}
