//! What we play to a caller or an agent.

use super::{Language, PromptId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// One thing to play, whole: parts follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// Counted within the call.
    pub id: PromptId,
    /// What to play.
    pub parts: Vec<PromptPart>,
    /// The language for speech synthesis.
    pub language: Language,
    /// What the caller's voice does to it; travels with the prompt so that the audio plane cuts in its own tick.
    pub barge_in: BargeIn,
}

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptPart {
    /// Words for the synthesiser.
    Text(String),
    /// A recording (WAV, MP3, OGG, FLAC), path as resolved when the flow was loaded.
    File(PathBuf),
    /// Silence in milliseconds.
    Pause(u32),
}

/// The longest recording that is taken, longer than [`crate::audio`] reads any; the slowest voice's character; and what making the
/// sound may take.
const RECORDING_LONGEST: Duration = Duration::from_secs(31 * 60);
const CHARACTER_LONGEST: Duration = Duration::from_millis(400);
const MAKING_LONGEST: Duration = Duration::from_secs(120);

impl Prompt {
    /// Its end must have come after so long, from the moment at which it was asked for; otherwise the news of it was lost.
    pub fn longest(&self) -> Duration {
        let part = |part: &PromptPart| match part {
            PromptPart::Text(text) => CHARACTER_LONGEST * u32::try_from(text.chars().count()).unwrap_or(u32::MAX >> 8),
            PromptPart::File(_) => RECORDING_LONGEST,
            PromptPart::Pause(millis) => Duration::from_millis(u64::from(*millis)),
        };
        self.parts.iter().map(part).fold(MAKING_LONGEST, Duration::saturating_add)
    }

    /// The words of all text parts, for records and for comparing answers. Files appear by name.
    pub fn words(&self) -> String {
        let mut out = String::new();
        for part in &self.parts {
            let piece = match part {
                PromptPart::Text(t) => t.trim().to_string(),
                PromptPart::File(p) => format!("[{}]", p.file_name().unwrap_or_default().to_string_lossy()),
                PromptPart::Pause(_) => continue,
            };
            if !out.is_empty() && !piece.is_empty() {
                out.push(' ');
            }
            out.push_str(&piece);
        }
        out
    }
}

/// The parts of something long, each beginning with what sounds: a pause belongs to what stands before it.
pub fn sections(parts: Vec<PromptPart>) -> Vec<Vec<PromptPart>> {
    let sounds = |part: &PromptPart| !matches!(part, PromptPart::Pause(_));
    let mut all: Vec<Vec<PromptPart>> = Vec::new();
    for part in parts {
        match all.last_mut() {
            Some(last) if !sounds(&part) || !last.iter().any(sounds) => last.push(part),
            _ => all.push(vec![part]),
        }
    }
    all
}

/// What the caller's voice does to a prompt that is playing. Keys always stop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BargeIn {
    /// The onset of speech stops it.
    Speech,
    /// It plays on; speech is still heard, and a request for a person still stops it.
    PersonOnly,
}

/// How a prompt came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptEnd {
    /// Played to the end.
    Finished,
    /// The caller spoke.
    BargedIn,
    /// The caller pressed a key.
    Keyed,
    /// We stopped it.
    Stopped,
    /// It could not be made (no voice, no file); nothing was heard.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_announcement_is_not_taken_for_lost() {
        let prompt = |parts| Prompt { id: PromptId(1), parts, language: Language::EN, barge_in: BargeIn::PersonOnly };
        let half_an_hour = Duration::from_secs(30 * 60);
        assert!(prompt(vec![PromptPart::File("rules.wav".into())]).longest() > half_an_hour);
        let sentence = prompt(vec![PromptPart::Text("We are open.".into()), PromptPart::Pause(5_000)]).longest();
        assert!(sentence > Duration::from_secs(9) && sentence < Duration::from_secs(180), "{sentence:?}");
    }
}
