//! What was heard of each utterance, a line of JSON each, for whoever fits thresholds.

use super::sets::Item;
use crate::cli::asr::Heard;
use anyhow::Context as _;
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A file that takes them, or none.
pub(super) struct Details(Option<(PathBuf, Mutex<BufWriter<File>>)>);

impl Details {
    /// Begins the file anew.
    pub(super) fn create(path: Option<&Path>) -> anyhow::Result<Details> {
        let Some(path) = path else { return Ok(Details(None)) };
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Details(Some((path.to_path_buf(), Mutex::new(BufWriter::new(file))))))
    }

    /// One utterance of a set in a condition.
    pub(super) fn tell(&self, set: &str, condition: &str, number: usize, item: &Item, heard: &Heard) -> Result<(), String> {
        let Some((path, file)) = &self.0 else { return Ok(()) };
        let h = &heard.hypothesis;
        let others: Vec<_> = h.alternatives.iter().map(|(text, sure)| json!([text, sure.get()])).collect();
        let line = json!({
            "set": set, "condition": condition, "number": number, "name": item.row.name(), "speaker": item.row.speaker,
            "said": item.row.transcript, "asked_for": item.inside, "means": item.means,
            "heard": h.text, "confidence": h.confidence.get(), "rejected": h.rejected, "why": h.why,
            "engine": format!("{:?}", h.engine).to_lowercase(), "words": h.words, "alternatives": others, "person": heard.person,
            "request": h.request.map(crate::base::Confidence::get),
        });
        let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writeln!(file, "{line}").and_then(|()| file.flush()).map_err(|e| format!("cannot write {}: {e}", path.display()))
    }
}
