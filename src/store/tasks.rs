//! Tasks: what calls have left for people to look after.

use super::database::{plain, sql_int};
use super::{Store, StoreError};
use crate::base::{CallId, Moment, Pii, WallTime};
use crate::flow::{Task, TaskKind};
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;

/// Most tasks that are read at once.
const TASKS_MAX: i64 = 10_000;

/// One task as remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskRow {
    /// Its number.
    pub id: i64,
    /// The call that left it.
    pub call: CallId,
    /// When that call began.
    pub began: WallTime,
    /// The call's flow.
    pub flow: String,
    /// `wrong_data`, `unclear_process`, or `robot_wrong` (an agent's: what was said, what was answered, what is right).
    pub kind: String,
    /// Which record or case; `None` once text retention has passed, as for the next two.
    pub what: Option<Pii<String>>,
    /// What the records say; empty = not known.
    pub old: Option<Pii<String>>,
    /// What the caller says; empty = not known.
    pub new: Option<Pii<String>>,
    /// When somebody was done with it.
    pub done: Option<WallTime>,
}

const COLUMNS: &str = "SELECT t.*, c.began_ms, c.flow FROM tasks t JOIN calls c ON c.id = t.call";

impl Store {
    /// Tasks, oldest first; at most 10 000. Those that are done only if `all`.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn tasks(&self, all: bool) -> Result<Vec<TaskRow>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE $1 OR t.done_ms IS NULL ORDER BY t.id LIMIT $2"));
        let rows = sqlx::query(sql).bind(all).bind(TASKS_MAX).fetch_all(&self.pool).await?;
        rows.iter().map(task).collect()
    }

    /// Says that somebody is done with a task (at `now`); `false` when there is no such open task.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task_done(&self, id: i64, now: WallTime) -> Result<bool, StoreError> {
        let sql = "UPDATE tasks SET done_ms = $1 WHERE id = $2 AND done_ms IS NULL";
        let changed = sqlx::query(sql).bind(now.0).bind(id).execute(&self.pool).await?.rows_affected();
        Ok(changed > 0)
    }
}

fn task(row: &AnyRow) -> Result<TaskRow, StoreError> {
    let text = |name: &str| Ok::<_, StoreError>(row.try_get::<Option<String>, _>(name)?.map(Pii::new));
    Ok(TaskRow {
        id: row.try_get("id")?,
        call: super::calls::call_id(row.try_get("call")?)?,
        began: WallTime(row.try_get("began_ms")?),
        flow: row.try_get("flow")?,
        kind: row.try_get("kind")?,
        what: text("what")?,
        old: text("old")?,
        new: text("new")?,
        done: row.try_get::<Option<i64>, _>("done_ms")?.map(WallTime),
    })
}

impl Store {
    /// An agent says what would have been right to answer in a turn: a task for the operators.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent_task(&self, call: CallId, turn: u32, answer: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO tasks (call, at_us, kind, what, old, new) \
            SELECT t.call, t.at_us, 'robot_wrong', t.heard, t.answer, $1 FROM turns t WHERE t.call = $2 AND t.turn = $3";
        sqlx::query(sql).bind(plain(answer)).bind(call.to_string()).bind(i64::from(turn)).execute(&self.pool).await?;
        Ok(())
    }
}

pub(super) async fn insert(db: &mut AnyConnection, call: CallId, at: Moment, task: &Task) -> Result<(), StoreError> {
    let kind = match task.kind {
        TaskKind::WrongData => "wrong_data",
        TaskKind::UnclearProcess => "unclear_process",
    };
    sqlx::query("INSERT INTO tasks (call, at_us, kind, what, old, new) SELECT id, $1, $2, $3, $4, $5 FROM calls WHERE id = $6")
        .bind(sql_int(at.micros()))
        .bind(kind)
        .bind(plain(&task.what))
        .bind(plain(&task.old))
        .bind(plain(&task.new))
        .bind(call.to_string())
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut AnyConnection, call: CallId) -> Result<Vec<TaskRow>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE t.call = $1 ORDER BY t.id"));
    let rows = sqlx::query(sql).bind(call.to_string()).fetch_all(db).await?;
    rows.iter().map(task).collect()
}
