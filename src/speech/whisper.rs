//! Whisper (whisper.cpp through `whisper-rs`) as a [`Recognizer`]. It collects the utterance and decodes it at the end: the
//! library has no streaming. It invents text for silence, so energy, the no-speech probability and a list of its known
//! inventions stand around it.
//!
//! Never used here, because whisper-rs 0.16 has them broken: `set_grammar` (segmentation fault) and
//! `set_abort_callback_safe` (undefined behaviour). A decoding that takes too long is ended with its process by the pool.

use super::whisper_pass::{Collected, params, wide};
use super::whisper_text::weigh;
use super::{Partial, Recognizer};
use crate::base::{Confidence, Engine, Expect, Grammar, Hypothesis, Language};
use std::path::Path;
use whisper_rs::{WhisperContext, WhisperContextParameters, WhisperState};

/// Encoder steps a second of sound.
const STEPS_PER_SECOND: usize = 50;

/// Steps beyond the utterance, because quality falls when the window is tight, and the fewest at all.
const STEPS_MARGIN: usize = 64;
const STEPS_MIN: usize = 192;

/// The engine: one model, one state, one utterance at a time.
pub struct Whisper {
    state: WhisperState,
    multilingual: bool,
    longest_steps: usize,
    threads: i32,
    sound: Collected,
    language: Language,
    expect: Option<Expect>,
}

impl Whisper {
    /// Loads a ggml model file.
    ///
    /// # Errors
    /// One sentence when the file is not there or is none.
    pub fn load(model: &Path) -> Result<Whisper, String> {
        check(model)?;
        let bad = |e: &dyn std::fmt::Display| {
            format!(
                "cannot load the Whisper model {}: {e}; get the file again (README, \"Put in a Whisper model\")",
                model.display()
            )
        };
        let path = model.to_str().ok_or_else(|| bad(&"its path is not UTF-8"))?;
        whisper_rs::install_logging_hooks();
        let context = WhisperContext::new_with_params(path, WhisperContextParameters::default()).map_err(|e| bad(&e))?;
        Whisper::with(&context).map_err(|e| bad(&e))
    }

    fn with(context: &WhisperContext) -> Result<Whisper, String> {
        let state = context.create_state().map_err(|e| e.to_string())?;
        Ok(Whisper {
            multilingual: context.is_multilingual(),
            longest_steps: usize::try_from(context.n_audio_ctx()).unwrap_or(0).max(1),
            state,
            // Workers are the unit of parallelism; a second thread shortens the wait when a core is free.
            threads: std::thread::available_parallelism().map_or(1, |n| i32::from(n.get() > 1) + 1),
            sound: Collected::default(),
            language: Language::EN,
            expect: None,
        })
    }

    /// What the model understands: English, or all languages that we know how to speak about.
    pub fn languages(&self) -> Vec<Language> {
        let tags: &[&str] = if self.multilingual {
            &[
                "en", "zh", "de", "es", "fr", "it", "pt", "nl", "pl", "ru", "ja", "ko", "ar", "tr", "uk", "vi", "hi", "id",
                "sv", "cs",
            ]
        } else {
            &["en"]
        };
        tags.iter().filter_map(|t| Language::parse(t)).collect()
    }

    fn decode(&mut self) -> Result<(String, f32, f32), String> {
        let sound = wide(self.sound.samples())?;
        let steps = (sound.len() * STEPS_PER_SECOND / 16_000 + STEPS_MARGIN).max(STEPS_MIN).min(self.longest_steps);
        let tag = self.language.as_str().to_string();
        let mut params = params(self.threads, steps, self.sound.samples().len() / 8_000 * 8 + 16);
        params.set_language(self.multilingual.then_some(tag.as_str()));
        params.set_translate(false);
        params.set_suppress_blank(true);
        params.set_suppress_nst(true);
        params.set_temperature(0.0);
        self.state.full(params, &sound).map_err(|e| e.to_string())?;
        let (mut text, mut silence, mut log, mut tokens) = (String::new(), 0f32, 0f32, 0f32);
        for segment in self.state.as_iter() {
            text.push_str(&segment.to_str_lossy().map_err(|e| e.to_string())?);
            silence = silence.max(segment.no_speech_probability());
            for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
                log += token.token_probability().max(1e-6).ln();
                tokens += 1.0;
            }
        }
        Ok((text, silence, if tokens > 0.0 { log / tokens } else { f32::NEG_INFINITY }))
    }
}

/// Least and most of the eleven numbers at the head of a model: vocabulary, then contexts, widths, heads and layers of the
/// two halves, mel bands, kind of numbers.
const HEAD: [(u32, u32); 11] =
    [(1, 100_000), (1, 3_000), (1, 4_096), (1, 64), (1, 64), (1, 2_048), (1, 4_096), (1, 64), (1, 64), (80, 128), (0, 4_096)];

/// Whether the file begins like a Whisper model: on rubbish the library throws a C++ exception, which ends the process.
fn check(model: &Path) -> Result<(), String> {
    use std::io::Read as _;
    let wrong =
        |what: String| format!("the Whisper model {} {what}; get one (README, \"Put in a Whisper model\")", model.display());
    let mut head = [0; 48];
    let mut file = std::fs::File::open(model).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    file.read_exact(&mut head).map_err(|_| wrong("is cut off".to_string()))?;
    // "ggml" as a little-endian number, as whisper.cpp writes it.
    let magic = head.starts_with(b"lmgg");
    let mut numbers = head[4..].chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).zip(HEAD);
    let plausible = magic && numbers.all(|(n, (least, most))| (least..=most).contains(&n));
    if plausible { Ok(()) } else { Err(wrong("is no ggml Whisper model".to_string())) }
}

impl Recognizer for Whisper {
    fn engine(&self) -> Engine {
        Engine::Whisper
    }

    fn speaks(&self, language: Language) -> bool {
        self.languages().contains(&language)
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        if !self.speaks(grammar.language) {
            return Err(format!("this Whisper model does not understand the language {}", grammar.language));
        }
        self.sound.clear();
        self.language = grammar.language;
        self.expect = Some(grammar.expect.clone());
        Ok(())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        self.sound.push(samples);
        None
    }

    fn abandon(&mut self) {
        self.sound.clear();
    }

    fn finish(&mut self) -> Hypothesis {
        let nothing = |why: Option<&str>| Hypothesis {
            engine: Engine::Whisper,
            confidence: Confidence::default(),
            rejected: why.map(str::to_string),
            ..Hypothesis::typed("")
        };
        if matches!(self.expect, Some(Expect::Anything)) {
            return nothing(None);
        }
        if self.sound.is_silent() {
            return nothing(Some("silence"));
        }
        let decoded = self.decode();
        self.sound.clear();
        match decoded {
            Ok((raw, silence, log)) => weigh(&raw, self.language, silence, log),
            Err(why) => {
                tracing::warn!("whisper could not decode an utterance: {why}");
                nothing(Some("the engine failed"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_wrong_model_is_a_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ggml-x.bin");
        let why = Whisper::load(&file).err().expect("no file");
        assert!(why.contains("ggml-x.bin") && why.contains("README"), "{why}");
        std::fs::write(&file, b"too short").expect("written");
        assert!(Whisper::load(&file).err().expect("no model").contains("cut off"));
        std::fs::write(&file, [b"lmgg".as_slice(), &[255; 200]].concat()).expect("written");
        assert!(Whisper::load(&file).err().expect("no model").contains("no ggml Whisper model"));
    }
}
