//! Cutting a long recording where its speaker is quiet: engines hear half a minute at best, and a piece is what is lost with one. Pure.

use crate::audio::LINE_RATE;
use std::ops::Range;

/// Shortest piece that is cut off, and longest piece, in samples: below the half minute that Whisper keeps.
const SHORTEST: usize = LINE_RATE as usize * 8;
const LONGEST: usize = LINE_RATE as usize * 20;

/// What is looked at as a pause, and how finely: 300 ms, every 20.
const PAUSE: usize = LINE_RATE as usize * 3 / 10;
const STEP: usize = LINE_RATE as usize / 50;

/// The recording in pieces, in order and without a gap, each cut in the quietest moment within reach.
pub(super) fn pieces(samples: &[i16]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = 0;
    while samples.len() - from > LONGEST {
        let to = from + quietest(&samples[from..from + LONGEST]);
        out.push(from..to);
        from = to;
    }
    if from < samples.len() {
        out.push(from..samples.len());
    }
    out
}

/// The middle of the quietest pause; the last one of several.
fn quietest(samples: &[i16]) -> usize {
    let power = |at: usize| -> u64 { samples[at..at + PAUSE].iter().map(|s| u64::from(s.unsigned_abs()).pow(2)).sum() };
    let places = (SHORTEST..samples.len().saturating_sub(PAUSE)).step_by(STEP);
    let at = places.min_by_key(|at| (power(*at), std::cmp::Reverse(*at)));
    at.map_or(samples.len(), |at| at + PAUSE / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: usize = LINE_RATE as usize;

    /// Loud, but for half a second after each of these seconds.
    fn speech(seconds: usize, pauses: &[usize]) -> Vec<i16> {
        let quiet = |i: usize| pauses.iter().any(|p| (p * SECOND..p * SECOND + SECOND / 2).contains(&i));
        (0..seconds * SECOND).map(|i| if quiet(i) { 3 } else { 4_000 }).collect()
    }

    #[test]
    fn a_long_message_is_cut_in_its_pauses() {
        let all = pieces(&speech(45, &[5, 12, 31]));
        let cuts: Vec<f32> = all.iter().skip(1).map(|piece| piece.start as f32 / SECOND as f32).collect();
        assert_eq!(cuts.len(), 2, "{cuts:?}");
        for (cut, pause) in cuts.iter().zip([12.0, 31.0]) {
            assert!((pause..pause + 0.5).contains(cut), "{cuts:?}");
        }
    }

    #[test]
    fn nothing_is_lost_doubled_or_too_long() {
        for (seconds, pauses) in
            [(0, vec![]), (1, vec![]), (20, vec![]), (21, vec![]), (120, vec![]), (120, vec![9, 18, 27, 70])]
        {
            let samples = speech(seconds, &pauses);
            let all = pieces(&samples);
            let joined: Vec<usize> = all.iter().cloned().flatten().collect();
            assert!(joined == (0..samples.len()).collect::<Vec<_>>(), "{seconds} s: {all:?}");
            assert!(all.iter().all(|piece| piece.len() <= LONGEST && !piece.is_empty()), "{all:?}");
        }
    }
}
