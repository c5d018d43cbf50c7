//! `hotline replay --audio`: the recorded utterances of a call, heard once more by the engines of this program.

use super::asr::{Ask, Engine};
use crate::audio::{Pcm, decode_file};
use crate::base::{Grammar, Hypothesis, UtteranceId};
use crate::trial::Ears;
use std::path::{Path, PathBuf};

/// The engines that callers meet.
const ENGINE: &str = if cfg!(feature = "whisper") { "cascade" } else { "pocketsphinx" };

/// Ears for one call after the other.
#[derive(Default)]
pub(super) struct AudioEars {
    engine: Option<Engine>,
    /// Where the clips of this call are.
    clips: PathBuf,
    /// Utterances of this call that were heard, and those of which no sound was kept.
    pub(super) heard: usize,
    pub(super) missing: usize,
    /// Why nothing can be heard.
    pub(super) trouble: Option<String>,
}

impl AudioEars {
    /// Another call, by its event log.
    pub(super) fn begin(&mut self, log: &Path) {
        self.clips = clips_of(log).unwrap_or_default();
        (self.heard, self.missing) = (0, 0);
        if let Some(engine) = &mut self.engine {
            engine.new_call();
            // What could not be heard of one call says nothing about the next.
            self.trouble = None;
        }
    }

    fn clip(&self, utterance: UtteranceId) -> Option<Pcm> {
        let bytes = std::fs::read(self.clips.join(format!("u{:04}.wav", utterance.0))).ok()?;
        decode_file(&bytes, Some("wav")).ok()
    }
}

/// Where the clips of a call are: `audio/…/CALL` beside `events/…/CALL.jsonl`.
fn clips_of(log: &Path) -> Option<PathBuf> {
    let day = log.parent()?;
    let month = day.parent()?;
    let store = month.parent()?.parent()?;
    Some(store.join("audio").join(month.file_name()?).join(day.file_name()?).join(log.file_stem()?))
}

impl Ears for AudioEars {
    fn hear(&mut self, utterance: UtteranceId, grammar: &Grammar) -> Option<(Hypothesis, bool)> {
        let Some(sound) = self.clip(utterance) else {
            self.missing += 1;
            return None;
        };
        let ask = Ask::of(grammar.clone());
        if self.engine.is_none() && self.trouble.is_none() {
            match Engine::open(ENGINE, None, &ask, true) {
                Ok(engine) => self.engine = Some(engine),
                Err(why) => self.trouble = Some(why),
            }
        }
        match self.engine.as_mut()?.hear(&ask, &sound) {
            Ok(again) => {
                self.heard += 1;
                Some((again.hypothesis, again.person.is_some()))
            }
            Err(why) => {
                self.trouble = Some(why);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_lie_beside_the_event_log() {
        let log = Path::new("/var/hotline/events/2026-11/23/00ab.jsonl");
        assert_eq!(clips_of(log), Some(PathBuf::from("/var/hotline/audio/2026-11/23/00ab")));
        assert_eq!(clips_of(Path::new("00ab.jsonl")), None);
    }
}
