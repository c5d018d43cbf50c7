//! Tables of recordings (`index.tsv`): one utterance a line, with what was said.

use crate::audio::{Pcm, decode_file};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the sound of an utterance is.
#[derive(Debug, Clone)]
pub(crate) enum Sound {
    /// In this file.
    File(PathBuf),
    /// Here already, under this name.
    Here(String, Arc<Pcm>),
}

/// One utterance with what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) sound: Sound,
    pub(crate) transcript: Option<String>,
    pub(crate) slots: Option<Map<String, Value>>,
    pub(crate) speaker: Option<String>,
}

impl Row {
    /// A file of which nothing is known.
    pub(crate) fn plain(path: &Path) -> Row {
        Row { sound: Sound::File(path.to_path_buf()), transcript: None, slots: None, speaker: None }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match &self.sound {
            Sound::File(path) => path.display().to_string(),
            Sound::Here(name, _) => name.clone(),
        }
    }

    /// Its samples.
    ///
    /// # Errors
    /// One sentence when the file cannot be read or holds no sound.
    pub(crate) fn read(&self) -> Result<Arc<Pcm>, String> {
        match &self.sound {
            Sound::Here(_, pcm) => Ok(pcm.clone()),
            Sound::File(path) => {
                let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
                let extension = path.extension().and_then(|e| e.to_str());
                decode_file(&bytes, extension).map(Arc::new).map_err(|e| e.to_string())
            }
        }
    }
}

/// Reads a table with the columns `file` (relative to the table), `transcript` and/or `slots` (JSON), and perhaps `speaker`.
/// `only` = take no other files than those; empty = all.
///
/// # Errors
/// One sentence with the place.
pub(crate) fn read_table(refs: &Path, only: &[PathBuf]) -> Result<Vec<Row>, String> {
    let text = std::fs::read_to_string(refs).map_err(|e| format!("cannot read {}: {e}", refs.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or("").split('\t').collect();
    let column = |name: &str| header.iter().position(|h| *h == name);
    let file = column("file").ok_or_else(|| format!("{}:1: no column `file` in the table's first line", refs.display()))?;
    let (transcript, slots, speaker) = (column("transcript"), column("slots"), column("speaker"));
    if transcript.is_none() && slots.is_none() {
        return Err(format!("{}:1: the table needs a column `transcript` or `slots`", refs.display()));
    }
    let folder = refs.parent().unwrap_or(Path::new(""));
    let wanted: Vec<&std::ffi::OsStr> = only.iter().filter_map(|f| f.file_name()).collect();
    let mut out = Vec::new();
    for (i, row) in lines.enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let cells: Vec<&str> = row.split('\t').collect();
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map(|c| (*c).to_string());
        let name = cell(Some(file)).unwrap_or_default();
        let slots = cell(slots).filter(|s| !s.trim().is_empty()).map(|s| serde_json::from_str(&s)).transpose();
        let slots = slots.map_err(|e| format!("{}:{}: the slots are no JSON object: {e}", refs.display(), i + 2))?;
        let path = folder.join(&name);
        if wanted.is_empty() || path.file_name().is_some_and(|n| wanted.contains(&n)) {
            out.push(Row { sound: Sound::File(path), transcript: cell(transcript), slots, speaker: cell(speaker) });
        }
    }
    Ok(out)
}
