//! Is this what was said? From scores to a confidence and a rejection. Pure.

use super::decoder::Segment;
use crate::base::Confidence;

/// What kind of search gave the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A chain of digits.
    Digits,
    /// Any other closed grammar.
    Closed,
    /// A language model.
    Open,
    /// Only the spotter for a person runs.
    Spotted,
}

/// What the scores say about an utterance. Ratios are per frame, in units of the engine's senone scores: 0 = the words fit
/// as well as any phones at all would, the more below zero the worse.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Evidence {
    /// Over all words.
    pub(crate) mean_ratio: f32,
    /// Of the worst word.
    pub(crate) worst_ratio: f32,
    /// Own acoustic score per frame over all words.
    pub(crate) acoustic: f32,
    /// Mean posterior of the words, log domain (0 in grammars).
    pub(crate) posterior: f32,
    /// Frames of words.
    pub(crate) frames: f32,
    /// How many words.
    pub(crate) words: usize,
}

impl Evidence {
    /// Compares the words' scores with the phone loop's over the same frames. `scale` = how much larger the search that gave
    /// the words writes its scores than a grammar does.
    pub(crate) fn weigh(segments: &[Segment], phone_loop: &[f32], scale: f32) -> Evidence {
        let mut out = Evidence { worst_ratio: 0.0, ..Evidence::default() };
        let (mut own_sum, mut loop_sum, mut posterior) = (0.0f32, 0.0f32, 0.0f32);
        for s in segments.iter().filter(|s| s.is_word()) {
            let (from, to) = (usize::try_from(s.start).unwrap_or(0), usize::try_from(s.end).unwrap_or(0));
            let frames = (to.saturating_sub(from) + 1) as f32;
            let other: f32 = phone_loop.iter().take(to + 1).skip(from).sum();
            let own = s.acoustic as f32 / scale;
            out.worst_ratio = out.worst_ratio.min((own - other) / frames);
            own_sum += own;
            loop_sum += other;
            posterior += s.posterior as f32;
            out.frames += frames;
            out.words += 1;
        }
        if out.words > 0 {
            out.mean_ratio = (own_sum - loop_sum) / out.frames;
            out.acoustic = own_sum / out.frames;
            out.posterior = posterior / out.words as f32;
        }
        out
    }
}

/// Whether a spotted phrase may be believed: its last word, the one that names the person, must be in what the main search
/// hears, too. The spotter alone hears people in digit strings and in mumbling (`agent` sounds like `eight …`).
pub(crate) fn person_is_sure(phrase: &str, heard: &str, kind: Kind) -> bool {
    let named = phrase.rsplit(' ').next().unwrap_or(phrase);
    kind == Kind::Spotted || heard.split(' ').any(|w| w == named)
}

/// A line through the evidence: above zero it was more likely said than not. Fitted on real people's digits, on phrases and
/// questions in four synthetic voices, and against real foreign speech (orders in a café, read sentences), both sides weighed
/// alike; the figures are printed by the tests of `pocketsphinx`.
struct Line {
    mean_ratio: f32,
    worst_ratio: f32,
    acoustic: f32,
    /// Of the words' mean posterior, 0–1 (models only).
    posterior: f32,
    /// Of the length of a word beyond 0.35 s, in tenths of a second: few words stretched over much speech (models only).
    drawl: f32,
    offset: f32,
    /// Below it the utterance is rejected.
    least: f32,
}

/// Closed grammars. On development data it refuses 17 % of rightly heard real single digits (cut tight, which is harder than
/// speech on a line), half of the misheard ones and 80–90 % of foreign speech.
const CLOSED: Line =
    Line { mean_ratio: 0.152, worst_ratio: 0.027, acoustic: 0.206, posterior: 0.0, drawl: 0.0, offset: 10.6, least: -1.0 };
/// The same, more lenient: digits are read back to the caller.
const DIGITS: Line = Line { least: -1.5, ..CLOSED };
/// Language models. Fitted on 42 real orders and 28 questions in synthetic voices that came through, against 75 pieces of foreign
/// speech (area under the curve 0.94): it refuses 6 % of the former and two thirds of the latter; the matcher judges the rest.
const OPEN: Line =
    Line { mean_ratio: 0.0, worst_ratio: 0.0, acoustic: 0.15, posterior: 2.1, drawl: -0.19, offset: 5.34, least: 0.0 };

/// The same before a loud noise, where the acoustic score tells how loud it is rather than what was said. Between two fits on utterances in white
/// noise and in a kitchen at 10 dB: 127 heard with few errors against 980 others (weight of the posterior 5.2, offset -3.0), and 151 requests
/// for a person against 256 other sentences in which one was read (8.5 and -2.4).
const OPEN_IN_NOISE: Line =
    Line { mean_ratio: 0.0, worst_ratio: 0.0, acoustic: 0.0, posterior: 7.0, drawl: -0.2, offset: -2.4, least: 0.0 };

impl Line {
    fn score(&self, e: &Evidence) -> f32 {
        // Posteriors are logarithms of base 1.0001.
        let posterior = (e.posterior * 1.0e-4).exp();
        let drawl = (e.frames / e.words.max(1) as f32 - 35.0).max(0.0) / 10.0;
        self.mean_ratio * e.mean_ratio
            + self.worst_ratio * e.worst_ratio
            + self.acoustic * e.acoustic
            + self.posterior * posterior
            + self.drawl * drawl
            + self.offset
    }
}

/// Confidence, and why the words are refused, if they are. `person` = the spotter heard a request for a person, which two
/// searches then agree on. `noisy` = a loud noise was taken away.
pub(crate) fn judge(kind: Kind, text: &str, evidence: &Evidence, person: bool, noisy: bool) -> (Confidence, Option<String>) {
    if text.is_empty() {
        return (Confidence::default(), Some("no words".to_string()));
    }
    let line = match kind {
        Kind::Digits => &DIGITS,
        Kind::Closed => &CLOSED,
        Kind::Open | Kind::Spotted if noisy => &OPEN_IN_NOISE,
        Kind::Open | Kind::Spotted => &OPEN,
    };
    let score = line.score(evidence);
    let confidence = Confidence::from_log_odds(score);
    if person {
        return (Confidence::new(confidence.get().max(0.9)), None);
    }
    let why = match kind {
        Kind::Open | Kind::Spotted => "the words fit the language model too badly",
        Kind::Closed | Kind::Digits => "other sounds fit better than these words",
    };
    (confidence, (score < line.least).then(|| why.to_string()))
}

/// How many units of the engine's path score make another reading as unlikely as e to one.
const PATH_SCALE: f32 = 300.0;

/// Other readings than the text, each as likely as its path is beside the best one.
pub(crate) fn others(text: &str, readings: Vec<(String, i32)>) -> Vec<(String, Confidence)> {
    let best = readings.iter().map(|(_, score)| *score).max().unwrap_or(0);
    let likely = |score: i32| Confidence::new((-((best - score) as f32) / PATH_SCALE).exp());
    readings.into_iter().filter(|(other, _)| other != text).map(|(other, score)| (other, likely(score))).collect()
}

/// How sure one word is: its posterior, which only the search of a model gives.
pub(crate) fn of_word(kind: Kind, word: &Segment) -> Option<Confidence> {
    (kind == Kind::Open).then(|| Confidence::new((word.posterior as f32 * 1.0e-4).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(word: &str, start: i32, end: i32, acoustic: i32) -> Segment {
        Segment { word: word.into(), start, end, acoustic, posterior: 0 }
    }

    #[test]
    fn ratios_are_per_frame_and_leave_silence_out() {
        let path = [segment("<sil>", 0, 9, -900), segment("yes", 10, 19, -200), segment("please", 20, 29, -400)];
        let e = Evidence::weigh(&path, &[-30.0; 40], 1.0);
        assert_eq!((e.mean_ratio, e.worst_ratio, e.acoustic, e.words), (0.0, -10.0, -30.0, 2));
        let scaled = [segment("yes", 10, 19, -200 * 1_024)];
        assert_eq!(Evidence::weigh(&scaled, &[-30.0; 40], 1_024.0).mean_ratio, 10.0);
    }

    #[test]
    fn better_evidence_is_more_confidence_and_bad_evidence_is_refused() {
        let at = |mean_ratio: f32| Evidence {
            mean_ratio,
            acoustic: mean_ratio - 22.0,
            frames: 40.0,
            words: 1,
            ..Evidence::default()
        };
        for kind in [Kind::Digits, Kind::Closed] {
            let (good, fine) = judge(kind, "yes", &at(5.0), false, false);
            let (bad, refused) = judge(kind, "yes", &at(-60.0), false, false);
            assert!(good > bad && fine.is_none() && refused.is_some(), "{kind:?}");
            assert_eq!(judge(kind, "agent", &at(-60.0), true, false).1, None);
        }
        assert!(judge(Kind::Open, "", &at(0.0), false, false).1.is_some());
        // Before a noise the words' own posterior counts, however badly they fit the sound.
        let words = |posterior: f32| Evidence { posterior: posterior.ln() * 1e4, ..at(-25.0) };
        assert_eq!(judge(Kind::Open, "where is it", &words(0.6), false, true).1, None);
        assert!(judge(Kind::Open, "where is it", &words(0.1), false, true).1.is_some());
    }

    #[test]
    fn a_word_is_as_sure_as_its_posterior() {
        let of = |kind: Kind, posterior: i32| of_word(kind, &Segment { posterior, ..segment("parcel", 0, 9, -200) });
        let open = |posterior: i32| of(Kind::Open, posterior).expect("a model was searched").get();
        assert!((open(-6_931) - 0.5).abs() < 0.01 && open(0) > 0.99 && open(-40_000) < 0.02);
        assert_eq!(of(Kind::Closed, 0), None);
    }

    #[test]
    fn other_readings_are_less_likely_and_never_the_text_itself() {
        let readings =
            vec![("one two".to_string(), -1_000), ("one three".to_string(), -1_300), ("nine two".to_string(), -4_000)];
        let others = others("one two", readings);
        assert_eq!(others.iter().map(|(t, _)| t.as_str()).collect::<Vec<_>>(), ["one three", "nine two"]);
        assert!(others[0].1.get() < 0.4 && others[1].1 < others[0].1);
    }

    #[test]
    fn one_word_needs_a_second_witness() {
        assert!(!person_is_sure("agent", "eight zero", Kind::Digits) && person_is_sure("agent", "agent please", Kind::Closed));
        assert!(!person_is_sure("speak to someone", "eight zero", Kind::Digits));
        assert!(person_is_sure("speak to someone", "can i speak to someone", Kind::Open));
    }
}
