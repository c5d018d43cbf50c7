//! Legs: how the audio of each party was.

use super::StoreError;
use super::open::{from_sql, sql_int};
use crate::base::CallId;
use crate::call::LegRecord;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

pub(super) async fn insert(db: &mut SqliteConnection, call: CallId, leg: &LegRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO legs (call, leg, codec, encrypted, packets_in, packets_out, lost, late, discarded, jitter_us, buffer_ms, \
         round_trip_ms, mos, far_lost, far_jitter_us, far_mos, one_way) \
         SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM calls WHERE id = ?",
    )
    .bind(&leg.leg)
    .bind(&leg.codec)
    .bind(leg.encrypted)
    .bind(sql_int(leg.packets_in))
    .bind(sql_int(leg.packets_out))
    .bind(sql_int(leg.lost))
    .bind(sql_int(leg.late))
    .bind(sql_int(leg.discarded))
    .bind(leg.jitter_us)
    .bind(leg.buffer_ms)
    .bind(leg.round_trip_ms)
    .bind(leg.mos)
    .bind(leg.far_lost)
    .bind(leg.far_jitter_us)
    .bind(leg.far_mos)
    .bind(&leg.one_way)
    .bind(call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut SqliteConnection, call: CallId) -> Result<Vec<LegRecord>, StoreError> {
    let rows = sqlx::query("SELECT * FROM legs WHERE call = ? ORDER BY id").bind(call.to_string()).fetch_all(db).await?;
    rows.iter().map(leg_row).collect()
}

fn leg_row(row: &SqliteRow) -> Result<LegRecord, StoreError> {
    let count = |column: &str| row.try_get::<i64, _>(column).map(from_sql);
    Ok(LegRecord {
        leg: row.try_get("leg")?,
        codec: row.try_get("codec")?,
        encrypted: row.try_get("encrypted")?,
        packets_in: count("packets_in")?,
        packets_out: count("packets_out")?,
        lost: count("lost")?,
        late: count("late")?,
        discarded: count("discarded")?,
        jitter_us: row.try_get("jitter_us")?,
        buffer_ms: row.try_get("buffer_ms")?,
        round_trip_ms: row.try_get("round_trip_ms")?,
        mos: row.try_get("mos")?,
        far_lost: row.try_get("far_lost")?,
        far_jitter_us: row.try_get("far_jitter_us")?,
        far_mos: row.try_get("far_mos")?,
        one_way: row.try_get("one_way")?,
    })
}
