//! Sessions of the console. The browser holds 256 random bits; here lies only their SHA-256, so that whoever reads the
//! database cannot log in by it.

use super::users::user;
use super::{Store, StoreError, UserRow};
use crate::base::{WallTime, hex};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use sqlx::Row;

/// A session ends so long after the log-in, whatever happens.
const LONGEST_MS: i64 = 12 * 3_600_000;

/// And so long after it was last used. An open socket uses it all the time.
const IDLE_MS: i64 = 3_600_000;

/// A later use is written down when the last one is so old.
const TOUCH_MS: i64 = 60_000;

/// Most sessions of one user; the oldest makes room.
const SESSIONS_MAX: i64 = 20;

/// What a session is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionHash(String);

impl SessionHash {
    /// Of what the browser holds.
    pub fn of(token: &str) -> SessionHash {
        SessionHash(hex(&Sha256::digest(token.as_bytes())))
    }
}

impl Store {
    /// Begins a session of a user at `now`; `false` when that user is gone or disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_session(&self, hash: &SessionHash, name: &str, now: WallTime) -> Result<bool, StoreError> {
        let mut db = self.begin_alone().await?;
        let sql = "UPDATE users SET last_login_ms = $1 WHERE name = $2 AND disabled = 0";
        if sqlx::query(sql).bind(now.0).bind(name).execute(&mut *db).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let sql = "INSERT INTO sessions (hash, name, created_ms, seen_ms) VALUES ($1, $2, $3, $4)";
        sqlx::query(sql).bind(&hash.0).bind(name).bind(now.0).bind(now.0).execute(&mut *db).await?;
        // The new one is kept whatever the clock says.
        let sql = "DELETE FROM sessions WHERE name = $1 AND hash <> $2 AND hash NOT IN \
                   (SELECT hash FROM sessions WHERE name = $3 AND hash <> $4 ORDER BY created_ms DESC LIMIT $5)";
        let query = sqlx::query(sql).bind(name).bind(&hash.0).bind(name).bind(&hash.0).bind(SESSIONS_MAX - 1);
        query.execute(&mut *db).await?;
        db.commit().await?;
        Ok(true)
    }

    /// Whose session this is, if it still holds at `now`; it counts as used.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, hash: &SessionHash, now: WallTime) -> Result<Option<UserRow>, StoreError> {
        let sql = "SELECT u.*, s.seen_ms FROM sessions s JOIN users u ON u.name = s.name \
                   WHERE s.hash = $1 AND s.created_ms > $2 AND s.seen_ms > $3 AND u.disabled = 0";
        let query = sqlx::query(sql).bind(&hash.0).bind(now.0 - LONGEST_MS).bind(now.0 - IDLE_MS);
        let Some(row) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
        if row.try_get::<i64, _>("seen_ms")? <= now.0 - TOUCH_MS {
            let sql = "UPDATE sessions SET seen_ms = $1 WHERE hash = $2";
            sqlx::query(sql).bind(now.0).bind(&hash.0).execute(&self.pool).await?;
        }
        user(&row).map(Some)
    }

    /// Ends one session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, hash: &SessionHash) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE hash = $1").bind(&hash.0).execute(&self.pool).await?;
        Ok(())
    }

    /// Logs a user out everywhere.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions(&self, name: &str) -> Result<(), StoreError> {
        end_all(&mut *self.pool.acquire().await?, name, None).await
    }

    /// Removes what ended by itself a day ago: the calendar may have jumped.
    pub(super) async fn remove_old_sessions(&self, now: WallTime) -> Result<u64, StoreError> {
        let sql = "DELETE FROM sessions WHERE created_ms <= $1 OR seen_ms <= $2";
        let now = now.0 - super::retention::DAY_MS;
        let done = sqlx::query(sql).bind(now - LONGEST_MS).bind(now - IDLE_MS).execute(&self.pool).await?;
        Ok(done.rows_affected())
    }
}

pub(super) async fn end_all(db: &mut AnyConnection, name: &str, except: Option<&SessionHash>) -> Result<(), StoreError> {
    let kept = except.map_or("", |hash| &hash.0);
    sqlx::query("DELETE FROM sessions WHERE name = $1 AND hash <> $2").bind(name).bind(kept).execute(db).await?;
    Ok(())
}
