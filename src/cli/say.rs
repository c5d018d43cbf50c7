//! `hotline say`: text to a WAV file as a caller would hear it (8 kHz).

use crate::audio::write_wav;
use crate::base::{Language, PromptPart};
use crate::speech::{RenderKey, Voices, VoicesConfig};
use std::path::{Path, PathBuf};

/// What to say and where to write it.
#[derive(Debug, Clone)]
pub(crate) struct SayArgs {
    /// The words.
    pub(crate) text: String,
    /// The WAV file.
    pub(crate) out: PathBuf,
    /// `slt` (default), `rms`, or `espeak`.
    pub(crate) voice: Option<String>,
    /// Their language; English if not given.
    pub(crate) language: Option<Language>,
}

/// Renders and writes; the length in milliseconds. `program` is this binary (`std::env::current_exe`).
///
/// # Errors
/// One sentence when there is no such voice or the file cannot be written.
pub(crate) async fn say(args: &SayArgs, program: &Path) -> Result<u64, String> {
    let mut config = VoicesConfig::new(program.to_path_buf());
    match args.voice.as_deref() {
        None => {}
        Some("espeak" | "espeak-ng") => config.flite = 0,
        Some(name) => config.flite_voice = name.to_string(),
    }
    let language = args.language.unwrap_or_default();
    if language != Language::EN {
        config.flite = 0;
    }
    let voices = Voices::start(config).map_err(|e| e.to_string())?;
    let key = RenderKey { parts: vec![PromptPart::Text(args.text.clone())], language };
    let sound = voices.render(key).await?;
    if sound.samples.is_empty() {
        return Err("there is nothing to say".to_string());
    }
    std::fs::write(&args.out, write_wav(&sound)).map_err(|e| format!("cannot write {}: {e}", args.out.display()))?;
    Ok(sound.millis())
}
