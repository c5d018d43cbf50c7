//! What the gateway does by itself: forgetting what must not be kept, and giving back memory that nothing needs any more.

use super::gateway::{Shared, wall_now};
use crate::store::{self, RetentionRules, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often retention is enforced, beside once at the start.
const EVERY: Duration = Duration::from_secs(3_600);

/// How often the incident is looked for.
const INCIDENT_EVERY: Duration = Duration::from_secs(2);

/// How often deleted calls are looked for while somebody waits to be called back, a place is kept, or desks may see a call.
pub(super) const FORGOTTEN_EVERY: Duration = Duration::from_secs(5);

/// How often memory is given back.
const TRIM_EVERY: Duration = Duration::from_secs(20);

/// Hands freed memory back to the system. glibc keeps the pages of a peak (a flood of SIP transactions, each held for 32 s)
/// for ever otherwise, in an arena for each thread. The audio thread allocates and frees where a leg opens, closes or is agreed
/// anew, and where a channel of events needs a block; it may wait for the trim there, and in no other tick.
pub(super) async fn give_back_memory() {
    let mut every = tokio::time::interval(TRIM_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let _ = tokio::task::spawn_blocking(trim).await;
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: malloc_trim(3) may be called at any time by any thread; it takes the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

/// Takes up what operators tell callers about, and drops it when they do. A file that cannot be read changes nothing.
pub(super) async fn incidents(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(INCIDENT_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = false;
    loop {
        every.tick().await;
        match store::incident(shared.files.dir()).await {
            Ok(incident) => {
                told = false;
                shared.set_incident(incident);
            }
            Err(error) if !told => {
                told = true;
                tracing::error!(%error, "the incident cannot be read; hotline incident clear removes it");
            }
            Err(_) => {}
        }
    }
}

/// Ends call-backs, places and what desks see of calls of which nothing may be kept any more: their calls were deleted, by another process as a rule, or their words have gone.
pub(super) async fn forgotten(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(FORGOTTEN_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let waits = shared.queues.floor().borrow().queues.iter().any(|queue| queue.call_backs > 0);
        if !waits && !shared.queues.keeps_places() && !shared.boards.any() {
            continue;
        }
        let looked = Instant::now();
        match shared.files.forgotten_calls(wall_now()).await {
            Ok(calls) => {
                shared.boards.forget(&calls, looked);
                if !calls.is_empty() {
                    shared.queues.forget(calls);
                }
            }
            // What keeps the database is said where records wait for it.
            Err(error) => tracing::debug!(%error, "whose calls were deleted cannot be read now"),
        }
    }
}

/// Removes audio and words older than each flow allows, now and every hour.
pub(super) async fn retention(store: Store, rules: RetentionRules) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        match store.enforce_retention(wall_now(), &rules).await {
            Ok(removed) => tracing::info!(?removed, "retention enforced"),
            Err(error) => {
                let error = store.told(&error);
                tracing::error!(error, "retention could not be enforced; it is tried again within the hour");
            }
        }
    }
}
