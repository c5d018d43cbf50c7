//! Rejection curves: how well a number tells one kind of utterance from another.

/// A number with the side on which it should be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scored {
    /// The higher, the more it should be accepted.
    pub(crate) score: f32,
    /// Whether it should be.
    pub(crate) accept: bool,
    /// Who spoke; folds are made of speakers.
    pub(crate) speaker: String,
}

/// Area under the receiver operating curve: how often a good one scores higher than a bad one, 0.5 = blindly. `None` where
/// one side is empty.
pub(crate) fn auc(all: &[Scored]) -> Option<f64> {
    let mut sorted: Vec<&Scored> = all.iter().collect();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let good = all.iter().filter(|s| s.accept).count();
    let bad = all.len() - good;
    if good == 0 || bad == 0 {
        return None;
    }
    // Ranks, equal scores sharing theirs (Mann and Whitney).
    let (mut at, mut ranks) = (0, 0.0);
    while at < sorted.len() {
        let same = sorted[at..].iter().take_while(|s| s.score == sorted[at].score).count();
        let rank = at as f64 + (same as f64 + 1.0) / 2.0;
        ranks += rank * sorted[at..at + same].iter().filter(|s| s.accept).count() as f64;
        at += same;
    }
    let (good, bad) = (good as f64, bad as f64);
    Some((ranks - good * (good + 1.0) / 2.0) / (good * bad))
}

/// The threshold at which at most this share of good ones is refused.
fn threshold(all: &[&Scored], refused: f64) -> f32 {
    let mut good: Vec<f32> = all.iter().filter(|s| s.accept).map(|s| s.score).collect();
    good.sort_by(f32::total_cmp);
    good.get((good.len() as f64 * refused) as usize).copied().unwrap_or(f32::NEG_INFINITY)
}

/// What a threshold does that was set on other speakers than those it is tried on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rejection {
    /// Share of good ones that are refused.
    pub(crate) false_reject: f64,
    /// Share of bad ones that are refused, too.
    pub(crate) rejected: f64,
}

/// For each speaker the threshold that refuses this share of the other speakers' good ones, tried on that speaker. With one
/// speaker alone the threshold is set on the same utterances. `None` where one side is empty.
pub(crate) fn rejection(all: &[Scored], refused: f64) -> Option<Rejection> {
    let mut speakers: Vec<&str> = all.iter().map(|s| s.speaker.as_str()).collect();
    speakers.sort_unstable();
    speakers.dedup();
    let (mut good, mut good_refused, mut bad, mut bad_refused) = (0, 0, 0, 0);
    for speaker in &speakers {
        let fold = |own: bool| all.iter().filter(|s| (s.speaker == *speaker) == own).collect::<Vec<_>>();
        let others = if speakers.len() > 1 { fold(false) } else { fold(true) };
        let least = threshold(&others, refused);
        for s in fold(true) {
            let refused = usize::from(s.score < least);
            if s.accept {
                (good, good_refused) = (good + 1, good_refused + refused);
            } else {
                (bad, bad_refused) = (bad + 1, bad_refused + refused);
            }
        }
    }
    let share = |n: usize, of: usize| n as f64 / of as f64;
    (good > 0 && bad > 0).then(|| Rejection { false_reject: share(good_refused, good), rejected: share(bad_refused, bad) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(score: f32, accept: bool, speaker: &str) -> Scored {
        Scored { score, accept, speaker: speaker.into() }
    }

    #[test]
    fn the_area_counts_pairs_in_the_right_order() {
        let all = [(1.0, true), (0.5, false), (0.5, true), (0.1, false)].map(|(s, a)| scored(s, a, ""));
        // Of four pairs three are in order and one is a tie.
        assert_eq!(auc(&all), Some(3.5 / 4.0));
        assert_eq!(auc(&all[..1]), None);
    }

    #[test]
    fn a_threshold_is_never_tried_on_its_own_speaker() {
        let mut all = Vec::new();
        for i in 0..100 {
            all.push(scored(i as f32, true, "a"));
            all.push(scored(i as f32 - 50.0, false, "a"));
            // Another line: everything scores lower, so the first speaker's threshold refuses too much.
            all.push(scored(i as f32 - 20.0, true, "b"));
            all.push(scored(i as f32 - 70.0, false, "b"));
        }
        let found = rejection(&all, 0.1).expect("both sides");
        assert_eq!((found.false_reject, found.rejected), (0.15, 0.6));
        assert_eq!(rejection(&all[..1], 0.1), None);
    }
}
