//! Which digit is heard for which.

use crate::audio::Dice;
use crate::base::unit;
use serde_json::{Value, json};

/// What stands for no digit at all: one that was not heard, or one that nobody said.
const NONE: usize = 10;

/// How often each digit (or none) was heard for each that was said (or none). Empty = everything is heard as it is said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Confusions {
    /// Row = said, column = heard.
    counts: [[u32; 11]; 11],
}

fn digit(word: &str) -> Option<usize> {
    if word == "oh" { Some(0) } else { unit(word).filter(|n| *n < 10).map(usize::from) }
}

impl Confusions {
    /// Counts one digit.
    pub(crate) fn count(&mut self, said: Option<usize>, heard: Option<usize>) {
        self.counts[said.unwrap_or(NONE).min(NONE)][heard.unwrap_or(NONE).min(NONE)] += 1;
    }

    /// Counts the words of one utterance, said and heard, where they fit each other best. Words that are no digits count as none.
    pub(crate) fn align(&mut self, said: &[&str], heard: &[&str]) {
        let (n, m) = (said.len(), heard.len());
        let same = |i: usize, j: usize| usize::from(digit(said[i]) != digit(heard[j]));
        let mut cost = vec![vec![0; m + 1]; n + 1];
        for i in (0..=n).rev() {
            for j in (0..=m).rev() {
                let ways = [
                    (i < n && j < m).then(|| cost[i + 1][j + 1] + same(i, j)),
                    (i < n).then(|| cost[i + 1][j] + 1),
                    (j < m).then(|| cost[i][j + 1] + 1),
                ];
                cost[i][j] = ways.into_iter().flatten().min().unwrap_or(0);
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < n || j < m {
            if i < n && j < m && cost[i][j] == cost[i + 1][j + 1] + same(i, j) {
                self.count(digit(said[i]), digit(heard[j]));
                (i, j) = (i + 1, j + 1);
            } else if i < n && cost[i][j] == cost[i + 1][j] + 1 {
                self.count(digit(said[i]), None);
                i += 1;
            } else {
                self.count(None, digit(heard[j]));
                j += 1;
            }
        }
    }

    /// Adds up what was counted elsewhere.
    pub(crate) fn add(&mut self, other: &Confusions) {
        let pairs = self.counts.iter_mut().flatten().zip(other.counts.iter().flatten());
        pairs.for_each(|(a, b)| *a += b);
    }

    /// What is heard for a digit, by chance: it or another, nothing, or one more.
    pub(crate) fn draw(&self, said: usize, dice: &mut Dice) -> Vec<usize> {
        let mut out = Vec::new();
        let row = &self.counts[said.min(NONE)];
        let all: u32 = row.iter().sum();
        if all == 0 {
            return vec![said];
        }
        let mut left = u32::try_from(dice.below(all as usize)).unwrap_or(0);
        let heard = row.iter().position(|n| left.checked_sub(*n).inspect(|rest| left = *rest).is_none());
        out.extend(heard.filter(|h| *h < NONE));
        let added = &self.counts[NONE];
        let digits: u32 = self.counts[..NONE].iter().flatten().sum();
        let mut left = dice.below(digits.max(1) as usize) as u32;
        out.extend(added[..NONE].iter().position(|n| left.checked_sub(*n).inspect(|rest| left = *rest).is_none()));
        out
    }

    /// The counts, `said` by `heard`; the last of each is none.
    pub(crate) fn document(&self) -> Value {
        json!(self.counts)
    }

    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.iter().flatten().all(|n| *n == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_aligned_and_drawn_as_often_as_they_were_counted() {
        let mut ears = Confusions::default();
        ears.align(&["one", "two", "three"], &["one", "three"]);
        ears.align(&["nine", "zero"], &["five", "oh", "eight"]);
        let count = |said: usize, heard: usize| ears.counts[said][heard];
        assert_eq!((count(1, 1), count(2, NONE), count(3, 3), count(9, 5), count(0, 0), count(NONE, 8)), (1, 1, 1, 1, 1, 1));
        let mut dice = Dice::new(3);
        let drawn: Vec<Vec<usize>> = (0..1_000).map(|_| ears.draw(9, &mut dice)).collect();
        assert!(drawn.iter().all(|d| d[0] == 5));
        // One of five digits brings one more.
        let more = drawn.iter().filter(|d| **d == [5, 8]).count();
        assert!((120..=280).contains(&more), "{more}");
        assert!((0..50).all(|_| ears.draw(2, &mut dice).iter().all(|d| *d == 8)));
        assert_eq!(Confusions::default().draw(7, &mut dice), [7]);
    }
}
