//! What the gateway does by itself: forgetting what must not be kept.

use super::gateway::wall_now;
use crate::store::{RetentionRules, Store};
use std::time::Duration;

/// How often retention is enforced, beside once at the start.
const EVERY: Duration = Duration::from_secs(3_600);

/// Removes audio and words older than each flow allows, now and every hour.
pub(super) async fn retention(store: Store, rules: RetentionRules) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        match store.enforce_retention(wall_now(), &rules).await {
            Ok(removed) => tracing::info!(?removed, "retention enforced"),
            Err(error) => tracing::error!(%error, "retention could not be enforced; it is tried again within the hour"),
        }
    }
}
