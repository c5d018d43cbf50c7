//! Where the sounds and the event logs lie: one folder a call, one level of months and days above it, all derived from the
//! call's id and the calendar time (UTC) at which it began. Whether a sound is kept is answered by whether its file is there.

use super::open::make_private_dir;
use super::{Store, StoreError};
use crate::base::{CallId, UtteranceId, WallTime};
use std::path::{Path, PathBuf};

impl Store {
    /// The folder of a call's sounds: `audio/YYYY-MM/DD/<call>`. Not necessarily there yet.
    pub fn audio_dir(&self, call: CallId, began: WallTime) -> PathBuf {
        self.dir().join("audio").join(day(began)).join(call.to_string())
    }

    /// A sound of a call by name.
    pub fn audio_path(&self, call: CallId, began: WallTime, name: &str) -> PathBuf {
        self.audio_dir(call, began).join(name)
    }

    /// The clip of one utterance: `u0003.wav`.
    pub fn clip_path(&self, call: CallId, began: WallTime, utterance: UtteranceId) -> PathBuf {
        self.audio_path(call, began, &format!("u{:04}.wav", utterance.0))
    }

    /// The two-channel recording: `call.wav`.
    pub fn recording_path(&self, call: CallId, began: WallTime) -> PathBuf {
        self.audio_path(call, began, "call.wav")
    }

    /// The message that the caller left: `message.wav`.
    pub fn message_path(&self, call: CallId, began: WallTime) -> PathBuf {
        self.audio_path(call, began, "message.wav")
    }

    /// The event log: `events/YYYY-MM/DD/<call>.jsonl`.
    pub fn event_path(&self, call: CallId, began: WallTime) -> PathBuf {
        self.dir().join("events").join(day(began)).join(format!("{call}.jsonl"))
    }

    /// Makes the folder of a call's sounds, for whoever records into it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn make_audio_dir(&self, call: CallId, began: WallTime) -> Result<PathBuf, StoreError> {
        let dir = self.audio_dir(call, began);
        make_private_dir(&dir).map_err(|source| StoreError::File { path: dir.clone(), source })?;
        Ok(dir)
    }

    /// Removes sounds and event log of a call.
    pub(super) async fn remove_files(&self, call: CallId, began: WallTime) -> Result<(), StoreError> {
        self.remove_audio(call, began).await?;
        self.remove_events(call, began).await?;
        Ok(())
    }

    /// Removes the sounds of a call; whether there were any.
    pub(super) async fn remove_audio(&self, call: CallId, began: WallTime) -> Result<bool, StoreError> {
        let dir = self.audio_dir(call, began);
        let removed = gone(tokio::fs::remove_dir_all(&dir).await, &dir)?;
        remove_empty_days(&dir, &self.dir().join("audio")).await;
        Ok(removed)
    }

    /// Removes the event log of a call; whether there was one.
    pub(super) async fn remove_events(&self, call: CallId, began: WallTime) -> Result<bool, StoreError> {
        let path = self.event_path(call, began);
        let removed = gone(tokio::fs::remove_file(&path).await, &path)?;
        remove_empty_days(&path, &self.dir().join("events")).await;
        Ok(removed)
    }
}

/// `YYYY-MM/DD` in UTC.
fn day(at: WallTime) -> String {
    at.utc().format("%Y-%m/%d").to_string()
}

/// What was not there is as good as removed.
fn gone(result: std::io::Result<()>, path: &Path) -> Result<bool, StoreError> {
    match result {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(StoreError::File { path: path.to_path_buf(), source }),
    }
}

/// Removes the day's and the month's folder when they have become empty (a folder with something in it refuses).
async fn remove_empty_days(below: &Path, top: &Path) {
    for folder in below.ancestors().skip(1).take_while(|f| *f != top) {
        if tokio::fs::remove_dir(folder).await.is_err() {
            return;
        }
    }
}
