//! Registrations of agents' phones outlive a restart: a small file in the store's folder, read once and rewritten when something has
//! changed. Only phones over UDP are in it; connections end with the gateway, and their phones connect anew by themselves.

use super::gateway::{Shared, wall_now};
use crate::sip::Remembered;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = "registrations.json";

/// How often it is looked whether something has changed.
const EVERY: Duration = Duration::from_secs(1);

/// One registration in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    login: String,
    contact: String,
    address: SocketAddr,
    /// Thousandths.
    q: u16,
    /// When it ends: milliseconds since 1970.
    until_ms: i64,
}

/// What was registered when an earlier run ended; nothing when the file is not there or cannot be read, which is said.
pub(super) async fn read(folder: &Path) -> Vec<Remembered> {
    let rows: Vec<Row> = match tokio::fs::read(folder.join(FILE)).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(rows) => rows,
            Err(error) => return unread(&error),
        },
        Err(error) => return unread(&error),
    };
    let now = wall_now().0;
    let left = |row: &Row| u64::try_from(row.until_ms.saturating_sub(now) / 1_000).unwrap_or(0);
    let remembered = |row: Row| {
        let left = left(&row);
        Remembered { login: row.login, contact: row.contact, peer: row.address, q: row.q, left }
    };
    rows.into_iter().map(remembered).collect()
}

fn unread(error: &dyn std::fmt::Display) -> Vec<Remembered> {
    tracing::warn!(%error, "{FILE} cannot be read; agents' phones are there again once they register anew");
    Vec::new()
}

/// Keeps the file true, until it is dropped.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut kept, mut told) = (0, false);
    loop {
        every.tick().await;
        let (changes, all) = shared.sip.remembered_phones();
        if changes == kept {
            continue;
        }
        match write(shared.files.dir(), &all).await {
            Ok(()) => (kept, told) = (changes, false),
            Err(error) if !told => {
                told = true;
                tracing::error!(%error, "{FILE} cannot be written; after a restart agents' phones are away until they register anew");
            }
            Err(_) => {}
        }
    }
}

async fn write(folder: &Path, all: &[Remembered]) -> std::io::Result<()> {
    let now = wall_now().0;
    let row = |one: &Remembered| Row {
        login: one.login.clone(),
        contact: one.contact.clone(),
        address: one.peer,
        q: one.q,
        until_ms: now.saturating_add(i64::try_from(one.left).unwrap_or(0).saturating_mul(1_000)),
    };
    let text = serde_json::to_vec(&all.iter().map(row).collect::<Vec<_>>())?;
    let new = folder.join(format!("{FILE}.new"));
    tokio::fs::write(&new, text).await?;
    // Whole or not at all.
    tokio::fs::rename(&new, folder.join(FILE)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_and_what_is_broken_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()).await, []);
        let peer = "192.0.2.7:5060".parse().expect("an address");
        let one = Remembered { login: "anna".into(), contact: "sip:a@192.0.2.7".into(), peer, q: 500, left: 100 };
        write(folder.path(), std::slice::from_ref(&one)).await.expect("a writable folder");
        let back = read(folder.path()).await;
        assert!(back.len() == 1 && (98..=100).contains(&back[0].left), "{back:?}");
        assert_eq!(Remembered { left: 100, ..back[0].clone() }, one);
        std::fs::write(folder.path().join(FILE), "[{").expect("writable");
        assert_eq!(read(folder.path()).await, []);
    }
}
