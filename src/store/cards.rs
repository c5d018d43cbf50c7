//! Hand-over cards under their unguessable reference.

use super::calls::{from_json, to_json};
use super::{Store, StoreError};
use crate::base::{WallTime, hex};
use crate::call::HandOverCard;
use sha2::{Digest, Sha256};
use sqlx::Row;

impl Store {
    /// Publishes a card, or replaces the one under the same reference. `valid_until` is for while the call goes on (say
    /// its longest length plus one hour); when the call ends the card is given one hour from then.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn put_card(&self, card: &HandOverCard, valid_until: WallTime) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO cards (reference_hash, call, valid_until_ms, card) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (reference_hash) DO UPDATE SET call = excluded.call, valid_until_ms = excluded.valid_until_ms, \
             card = excluded.card",
        )
        .bind(hash(&card.reference))
        .bind(card.call.to_string())
        .bind(valid_until.0)
        .bind(to_json(card))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The card under this reference, if there is one and it is still valid at `now`.
    ///
    /// # Errors
    /// When the database fails or the card is damaged.
    pub async fn card(&self, reference: &str, now: WallTime) -> Result<Option<HandOverCard>, StoreError> {
        let row = sqlx::query("SELECT card FROM cards WHERE reference_hash = $1 AND valid_until_ms > $2")
            .bind(hash(reference))
            .bind(now.0)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| from_json("a hand-over card", row.try_get("card")?)).transpose()
    }
}

/// Searching by hash takes the same time for every wrong guess, near miss or not.
fn hash(reference: &str) -> String {
    hex(&Sha256::digest(reference.as_bytes()))
}
