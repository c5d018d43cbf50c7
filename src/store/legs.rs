//! Legs: how the audio of each party was.

use super::StoreError;
use super::database::{flag, from_sql, sql_int};
use crate::base::CallId;
use crate::call::LegRecord;
use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;

pub(super) async fn insert(db: &mut AnyConnection, call: CallId, leg: &LegRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO legs (call, leg, codec, encrypted, packets_in, packets_out, lost, late, discarded, jitter_us, buffer_ms, \
         round_trip_ms, mos, far_lost, far_jitter_us, far_mos, one_way) \
         SELECT id, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 FROM calls WHERE id = $17",
    )
    .bind(&leg.leg)
    .bind(&leg.codec)
    .bind(i64::from(leg.encrypted))
    .bind(sql_int(leg.packets_in))
    .bind(sql_int(leg.packets_out))
    .bind(sql_int(leg.lost))
    .bind(sql_int(leg.late))
    .bind(sql_int(leg.discarded))
    .bind(i64::from(leg.jitter_us))
    .bind(i64::from(leg.buffer_ms))
    .bind(leg.round_trip_ms.map(i64::from))
    .bind(leg.mos)
    .bind(leg.far_lost.map(i64::from))
    .bind(leg.far_jitter_us.map(i64::from))
    .bind(leg.far_mos)
    .bind(&leg.one_way)
    .bind(call.to_string())
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn of_call(db: &mut AnyConnection, call: CallId) -> Result<Vec<LegRecord>, StoreError> {
    let rows = sqlx::query("SELECT * FROM legs WHERE call = $1 ORDER BY id").bind(call.to_string()).fetch_all(db).await?;
    rows.iter().map(leg_row).collect()
}

fn leg_row(row: &AnyRow) -> Result<LegRecord, StoreError> {
    let count = |column: &str| row.try_get::<i64, _>(column).map(from_sql);
    let small = |column: &str| row.try_get::<Option<i64>, _>(column).map(|n| n.map(small));
    Ok(LegRecord {
        leg: row.try_get("leg")?,
        codec: row.try_get("codec")?,
        encrypted: flag(row, "encrypted")?,
        packets_in: count("packets_in")?,
        packets_out: count("packets_out")?,
        lost: count("lost")?,
        late: count("late")?,
        discarded: count("discarded")?,
        jitter_us: small("jitter_us")?.unwrap_or_default(),
        buffer_ms: small("buffer_ms")?.unwrap_or_default(),
        round_trip_ms: small("round_trip_ms")?,
        mos: row.try_get("mos")?,
        far_lost: small("far_lost")?,
        far_jitter_us: small("far_jitter_us")?,
        far_mos: row.try_get("far_mos")?,
        one_way: row.try_get("one_way")?,
    })
}

/// What was written from a `u32`.
fn small(number: i64) -> u32 {
    u32::try_from(from_sql(number)).unwrap_or(u32::MAX)
}
