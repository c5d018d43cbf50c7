//! PocketSphinx with its general model of English: for recordings of which nobody knows what is said in them. It hears a whole recording
//! and is far too slow and too unsure for a caller who waits.

use super::{Partial, PocketSphinx, Recognizer};
use crate::base::{Engine, Grammar, Hypothesis, Language};

/// English as it comes, whatever the grammar says.
pub struct Dictation(PocketSphinx);

impl Dictation {
    /// Loads the models of the Debian package, 65 MB more than for the words of a flow.
    ///
    /// # Errors
    /// One sentence when a file is missing.
    pub fn load() -> Result<Dictation, String> {
        Ok(Dictation(PocketSphinx::load_dictation()?.patient()))
    }
}

impl Recognizer for Dictation {
    fn engine(&self) -> Engine {
        Engine::Pocketsphinx
    }

    fn speaks(&self, language: Language) -> bool {
        self.0.speaks(language)
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        if !self.speaks(grammar.language) {
            return Err(format!("PocketSphinx has no model for the language {}", grammar.language));
        }
        self.0.start_dictation()
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        self.0.feed(samples);
        None
    }

    fn finish(&mut self) -> Hypothesis {
        self.0.finish()
    }

    fn abandon(&mut self) {
        self.0.abandon();
    }

    fn set_line(&mut self, line: Option<&[f32]>) {
        self.0.set_line(line);
    }

    fn line(&self) -> Option<Vec<f32>> {
        self.0.line()
    }
}
