//! Users: the people who work with the console. There is always an administrator once there was one: the last is neither
//! removed, nor disabled, nor given a lesser role.

use super::database::plain;
use super::{Store, StoreError};
use crate::base::{Pii, WallTime};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;

/// Most users.
const USERS_MAX: i64 = 2_000;

/// What a user may do; a higher role may do what a lower one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Talks to callers.
    Agent,
    /// Looks after flows and records.
    Operator,
    /// Sees everybody's work.
    Supervisor,
    /// Looks after users.
    Admin,
}

impl Role {
    /// All, the least first.
    pub const ALL: [Role; 4] = [Role::Agent, Role::Operator, Role::Supervisor, Role::Admin];

    /// As the database and people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Agent => "agent",
            Role::Operator => "operator",
            Role::Supervisor => "supervisor",
            Role::Admin => "admin",
        }
    }

    /// And back.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// The language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PageLanguage {
    /// English.
    En,
    /// Mandarin.
    Zh,
}

impl PageLanguage {
    fn as_str(self) -> &'static str {
        match self {
            PageLanguage::En => "en",
            PageLanguage::Zh => "zh",
        }
    }

    fn parse(text: &str) -> Option<PageLanguage> {
        [PageLanguage::En, PageLanguage::Zh].into_iter().find(|language| language.as_str() == text)
    }
}

/// One user as remembered, without the password's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// By which they log in; lower case.
    pub name: String,
    /// What others see.
    pub display: String,
    /// What they may do.
    pub role: Role,
    /// Whose desk they have; `None` = no desk.
    pub agent: Option<String>,
    /// The page's language; `None` = as the browser says.
    pub language: Option<PageLanguage>,
    /// Cannot log in.
    pub disabled: bool,
    /// When the account was made.
    pub created: WallTime,
    /// When they last logged in; `None` = never.
    pub last_login: Option<WallTime>,
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Lower case, see [`user_name`].
    pub name: String,
    /// What others see.
    pub display: String,
    /// What they may do.
    pub role: Role,
    /// Whose desk.
    pub agent: Option<String>,
    /// The page's language.
    pub language: Option<PageLanguage>,
    /// The password's hash (PHC string), never the password.
    pub password: Pii<String>,
}

/// What is to be different; `None` = as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// What others see.
    pub display: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whose desk; `Some(None)` = none any more.
    pub agent: Option<Option<String>>,
    /// The page's language; `Some(None)` = as the browser says.
    pub language: Option<Option<PageLanguage>>,
    /// Whether they can log in.
    pub disabled: Option<bool>,
    /// The new password's hash (PHC string).
    pub password: Option<Pii<String>>,
}

/// Why a user was not made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// No such user.
    #[error("there is no such user")]
    Unknown,
    /// Another user has this name.
    #[error("there is a user with this name already")]
    NameTaken,
    /// Another user has this desk.
    #[error("another user has the desk of this agent")]
    AgentTaken,
    /// Nobody could look after users any more.
    #[error("this is the last administrator; make another one first")]
    LastAdmin,
    /// There is an administrator, so the set-up is over.
    #[error("there is an administrator already")]
    SetUpDone,
    /// Too many.
    #[error("there are 2000 users already")]
    Full,
}

/// What came of a wish: done, or why not.
pub type UserResult<T> = Result<Result<T, UserRefusal>, StoreError>;

/// A user's (or agent's) name as it is kept: lower case; `None` when it cannot be one: 1 to 40 of a-z, 0-9, `.`, `_`, `-`, `@`,
/// the first a letter or digit.
pub fn user_name(text: &str) -> Option<String> {
    let name = text.trim().to_ascii_lowercase();
    let good = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b));
    (good && (1..=40).contains(&name.len()) && name.as_bytes()[0].is_ascii_alphanumeric()).then_some(name)
}

impl Store {
    /// All users by name.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn users(&self) -> Result<Vec<UserRow>, StoreError> {
        let rows = sqlx::query("SELECT * FROM users ORDER BY name LIMIT $1").bind(USERS_MAX).fetch_all(&self.pool).await?;
        rows.iter().map(user).collect()
    }

    /// One user.
    ///
    /// # Errors
    /// When the database fails or the row is damaged.
    pub async fn user(&self, name: &str) -> Result<Option<UserRow>, StoreError> {
        of_name(&mut *self.pool.acquire().await?, name).await
    }

    /// The hash of a user's password; `None` also for those who cannot log in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn password_of(&self, name: &str) -> Result<Option<Pii<String>>, StoreError> {
        let sql = "SELECT password FROM users WHERE name = $1 AND disabled = 0";
        let row = sqlx::query(sql).bind(plain(name)).fetch_optional(&self.pool).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.map(Pii::new))
    }

    /// Whether somebody can look after users.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        Ok(admins_beside(&mut *self.pool.acquire().await?, "").await? > 0)
    }

    /// Makes a user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_user(&self, new: &NewUser, now: WallTime) -> UserResult<()> {
        let mut db = self.begin_alone().await?;
        let done = insert(&mut db, new, now).await?;
        db.commit().await?;
        Ok(done)
    }

    /// Makes the first administrator; refused when there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_first_admin(&self, new: &NewUser, now: WallTime) -> UserResult<()> {
        let mut db = self.begin_alone().await?;
        if admins_beside(&mut db, "").await? > 0 {
            return Ok(Err(UserRefusal::SetUpDone));
        }
        let done = insert(&mut db, new, now).await?;
        db.commit().await?;
        Ok(done)
    }

    /// Changes a user and gives the new state. Whoever is disabled, or has another role, desk or password, is logged out
    /// everywhere, but for the session `except`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_user(
        &self,
        name: &str,
        change: &UserChange,
        except: Option<&super::SessionHash>,
    ) -> UserResult<UserRow> {
        let mut db = self.begin_alone().await?;
        let Some(old) = of_name(&mut db, name).await? else { return Ok(Err(UserRefusal::Unknown)) };
        let mut new = old.clone();
        new.display = change.display.clone().unwrap_or(new.display);
        new.role = change.role.unwrap_or(new.role);
        new.agent = change.agent.clone().unwrap_or(new.agent);
        new.language = change.language.unwrap_or(new.language);
        new.disabled = change.disabled.unwrap_or(new.disabled);
        let admin = |user: &UserRow| user.role == Role::Admin && !user.disabled;
        if admin(&old) && !admin(&new) && admins_beside(&mut db, name).await? == 0 {
            return Ok(Err(UserRefusal::LastAdmin));
        }
        if agent_taken(&mut db, new.agent.as_deref(), name).await? {
            return Ok(Err(UserRefusal::AgentTaken));
        }
        sqlx::query("UPDATE users SET display = $1, role = $2, agent = $3, language = $4, disabled = $5 WHERE name = $6")
            .bind(plain(&new.display))
            .bind(new.role.as_str())
            .bind(new.agent.as_deref().map(plain))
            .bind(new.language.map(PageLanguage::as_str))
            .bind(i64::from(new.disabled))
            .bind(name)
            .execute(&mut *db)
            .await?;
        if let Some(password) = &change.password {
            let sql = "UPDATE users SET password = $1 WHERE name = $2";
            sqlx::query(sql).bind(password.reveal()).bind(name).execute(&mut *db).await?;
        }
        let other_rights = (old.role, &old.agent) != (new.role, &new.agent);
        if new.disabled || other_rights || change.password.is_some() {
            super::sessions::end_all(&mut db, name, except).await?;
        }
        db.commit().await?;
        Ok(Ok(new))
    }

    /// Removes a user and their sessions. What they did stays in the audit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_user(&self, name: &str) -> UserResult<()> {
        let mut db = self.begin_alone().await?;
        let Some(user) = of_name(&mut db, name).await? else { return Ok(Err(UserRefusal::Unknown)) };
        if user.role == Role::Admin && !user.disabled && admins_beside(&mut db, name).await? == 0 {
            return Ok(Err(UserRefusal::LastAdmin));
        }
        super::sessions::end_all(&mut db, name, None).await?;
        sqlx::query("DELETE FROM users WHERE name = $1").bind(name).execute(&mut *db).await?;
        db.commit().await?;
        Ok(Ok(()))
    }
}

async fn insert(db: &mut AnyConnection, new: &NewUser, now: WallTime) -> UserResult<()> {
    let count: i64 = sqlx::query("SELECT COUNT(*) FROM users").fetch_one(&mut *db).await?.try_get(0)?;
    if count >= USERS_MAX {
        return Ok(Err(UserRefusal::Full));
    }
    if of_name(db, &new.name).await?.is_some() {
        return Ok(Err(UserRefusal::NameTaken));
    }
    if agent_taken(db, new.agent.as_deref(), &new.name).await? {
        return Ok(Err(UserRefusal::AgentTaken));
    }
    let sql =
        "INSERT INTO users (name, display, role, agent, language, password, created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(&new.name)
        .bind(plain(&new.display))
        .bind(new.role.as_str())
        .bind(new.agent.as_deref().map(plain))
        .bind(new.language.map(PageLanguage::as_str))
        .bind(new.password.reveal())
        .bind(now.0)
        .execute(db)
        .await?;
    Ok(Ok(()))
}

async fn of_name(db: &mut AnyConnection, name: &str) -> Result<Option<UserRow>, StoreError> {
    let row = sqlx::query("SELECT * FROM users WHERE name = $1").bind(plain(name)).fetch_optional(db).await?;
    row.as_ref().map(user).transpose()
}

/// Administrators who can log in, this one not counted.
async fn admins_beside(db: &mut AnyConnection, name: &str) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) FROM users WHERE role = 'admin' AND disabled = 0 AND name <> $1";
    Ok(sqlx::query(sql).bind(name).fetch_one(db).await?.try_get(0)?)
}

/// Whether somebody else has this desk.
async fn agent_taken(db: &mut AnyConnection, agent: Option<&str>, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM users WHERE agent = $1 AND name <> $2";
    let count: i64 = sqlx::query(sql).bind(agent).bind(name).fetch_one(db).await?.try_get(0)?;
    Ok(count > 0)
}

/// A user from a row with all columns of `users`.
pub(super) fn user(row: &AnyRow) -> Result<UserRow, StoreError> {
    let damaged = |why: String| StoreError::Damaged { what: "a user", why };
    let role: String = row.try_get("role")?;
    let language: Option<String> = row.try_get("language")?;
    let language = language.map(|l| PageLanguage::parse(&l).ok_or_else(|| damaged(format!("language {l:?}"))));
    Ok(UserRow {
        name: row.try_get("name")?,
        display: row.try_get("display")?,
        role: Role::parse(&role).ok_or_else(|| damaged(format!("role {role:?}")))?,
        agent: row.try_get("agent")?,
        language: language.transpose()?,
        disabled: row.try_get::<i64, _>("disabled")? != 0,
        created: WallTime(row.try_get("created_ms")?),
        last_login: row.try_get::<Option<i64>, _>("last_login_ms")?.map(WallTime),
    })
}
