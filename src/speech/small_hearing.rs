//! How the small model hears an utterance: once through the encoder, then only the answers that count are weighed against each
//! other and against "words that are none of ours".

use super::answers::{Answers, Found, Token};
use super::small_file::Words;
use super::whisper_pass::{params, wide};
use crate::audio::{Dice, rms_dbfs};
use whisper_rs::WhisperState;

/// Lengths that the model was trained on, in steps of the encoder (20 ms each).
const STEPS: [usize; 5] = [64, 96, 128, 192, 256];

/// Samples of a step at 8 kHz.
const STEP: usize = 160;

/// What is kept of the quiet before and after the speech, in steps: as in training.
const BEFORE: usize = 12;
const AFTER: usize = 18;

/// Loudness (standard deviation) of a quiet line.
const LINE_LEVEL: f32 = 20.0;

/// How far under the loudest step speech is still speech, and how far over the quietest tenth of all steps it must be.
const UNDER_PEAK_DB: f32 = 32.0;
const OVER_FLOOR_DB: f32 = 7.0;

/// How many answers are kept, and how often the decoder may be asked (2 ms each).
const KEPT: usize = 4;
const ASKED_MOST: usize = 160;

/// What the model thinks of an utterance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weighed {
    /// Log probability that nobody speaks, or nothing of ours.
    pub(crate) nobody: f32,
    /// Log probability of "words that are none of ours".
    pub(crate) unknown: f32,
    /// The words as they come, whatever was asked.
    pub(crate) free: Found,
    /// The likeliest answers.
    pub(crate) found: Vec<Found>,
}

/// Hears an utterance (8 kHz): whole, or where `last` its last five seconds if it is longer. `None` = longer than the model can hear.
///
/// # Errors
/// When the library fails.
pub(crate) fn hear(
    state: &mut WhisperState,
    words: &Words,
    answers: &Answers,
    samples: &[i16],
    last: bool,
) -> Result<Option<Weighed>, String> {
    let speech = framed(samples);
    let most = STEPS[STEPS.len() - 1] * STEP;
    let speech = if last { &speech[speech.len().saturating_sub(most)..] } else { &speech[..] };
    let need = speech.len().div_ceil(STEP);
    let Some(steps) = STEPS.iter().copied().find(|s| *s >= need) else { return Ok(None) };
    encode(state, speech, steps)?;
    let mut decoder = Decoder { state, words };
    let nobody = decoder.begin()?;
    let root = decoder.after(&[])?;
    let at = |scores: &[f32], token: Token| usize::try_from(token).ok().and_then(|t| scores.get(t).copied());
    let unknown = at(&root, Words::UNKNOWN).unwrap_or(f32::NEG_INFINITY);
    let free = decoder.freely()?;
    let found = answers.search(Words::END, KEPT, ASKED_MOST, &mut |path| decoder.after(path))?;
    Ok(Some(Weighed { nobody, unknown, free, found }))
}

/// One pass through the encoder. The step interface of the library cannot set the length that is encoded, its whole pass can: the
/// one token that it writes then is not used.
fn encode(state: &mut WhisperState, speech: &[i16], steps: usize) -> Result<(), String> {
    let sound = wide(speech)?;
    let params = params(1, steps, 1);
    state.full(params, &sound).map_err(|e| e.to_string())
}

struct Decoder<'a> {
    state: &'a mut WhisperState,
    words: &'a Words,
}

impl Decoder<'_> {
    /// The two tokens before the words; the log probability that nobody speaks.
    fn begin(&mut self) -> Result<f32, String> {
        self.state.decode(&[Words::place(Words::START)], 0, 1).map_err(|e| e.to_string())?;
        let logits = self.state.get_logits().map_err(|e| e.to_string())?;
        let of =
            |token| usize::try_from(Words::place(token)).ok().and_then(|i| logits.get(i)).copied().unwrap_or(f32::NEG_INFINITY);
        let (nobody, speech) = (of(Words::NOBODY), of(Words::SPEECH));
        // Against each other only: nothing else can stand here.
        Ok(-(1.0 + (speech - nobody).exp()).ln())
    }

    /// Log probabilities of what follows these words.
    fn after(&mut self, path: &[Token]) -> Result<Vec<f32>, String> {
        let last = path.last().copied().unwrap_or(Words::SPEECH);
        self.state.decode(&[Words::place(last)], path.len() + 1, 1).map_err(|e| e.to_string())?;
        let logits = self.state.get_logits().map_err(|e| e.to_string())?;
        let special = [Words::START, Words::SPEECH, Words::NOBODY];
        let each = (0..self.words.count()).map(|i| {
            let token = Token::try_from(i).unwrap_or(0);
            let place = usize::try_from(Words::place(token)).unwrap_or(0);
            if special.contains(&token) { f32::NEG_INFINITY } else { logits.get(place).copied().unwrap_or(f32::NEG_INFINITY) }
        });
        let mut scores: Vec<f32> = each.collect();
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = scores.iter().map(|s| (s - most).exp()).sum();
        let whole = most + sum.ln();
        scores.iter_mut().for_each(|s| *s -= whole);
        Ok(scores)
    }

    /// The likeliest token after the likeliest token.
    fn freely(&mut self) -> Result<Found, String> {
        let (mut tokens, mut log) = (Vec::new(), 0.0);
        loop {
            let scores = self.after(&tokens)?;
            let (best, score) =
                scores.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f32::NEG_INFINITY));
            log += score;
            let token = Token::try_from(best).unwrap_or(Words::END);
            if token == Words::END || tokens.len() >= self.words.longest {
                return Ok(Found { tokens, log });
            }
            tokens.push(token);
        }
    }
}

/// The stretch from shortly before the speech to shortly after it; where a recording is cut tighter than that, a quiet line stands
/// around it.
fn framed(samples: &[i16]) -> Vec<i16> {
    let levels: Vec<f32> = samples.chunks(STEP).map(rms_dbfs).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f32::total_cmp);
    let (Some(floor), Some(peak)) = (sorted.get(sorted.len() / 10), sorted.last()) else { return Vec::new() };
    let bound = (floor + OVER_FLOOR_DB).max(peak - UNDER_PEAK_DB).min(peak - 3.0);
    let loud = |level: &f32| *level >= bound;
    let first = levels.iter().position(loud).unwrap_or(0);
    let end = levels.iter().rposition(loud).map_or(levels.len(), |last| last + 1);
    let mut dice = Dice::new(1);
    let mut quiet = |steps: usize| {
        let mut line = vec![0; steps * STEP];
        dice.add_noise(&mut line, LINE_LEVEL);
        line
    };
    let mut out = quiet(BEFORE.saturating_sub(first));
    out.extend_from_slice(&samples[first.saturating_sub(BEFORE) * STEP..((end + AFTER) * STEP).min(samples.len())]);
    let tail = quiet((end + AFTER).saturating_sub(levels.len()));
    out.extend(tail);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_the_same_quiet_around_speech() {
        let mut samples = vec![3i16; 8_000];
        samples.extend([4_000, -4_000].repeat(1_600));
        samples.extend(vec![3i16; 8_000]);
        let whole = 3_200 + (BEFORE + AFTER) * STEP;
        assert_eq!(framed(&samples).len(), whole);
        assert_eq!(framed(&samples[8_000..11_200]).len(), whole);
        assert!(framed(&[]).is_empty());
    }
}
