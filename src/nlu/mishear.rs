//! Texts as a recogniser with a given share of word errors would hand them over, for measuring what understanding loses by it.

use super::normalise::words;
use super::sound::{apart, sounds};
use crate::base::Dice;
use std::collections::{BTreeMap, BTreeSet};

/// Makes word errors: each word with a probability; of the errors 60 % are the nearest-sounding other word of the vocabulary, 20 % a
/// lost word, 20 % a word too many. The same seed makes the same errors.
#[derive(Debug)]
pub struct Mishearing {
    /// Every word with its sounds.
    vocabulary: Vec<(String, String)>,
    nearest: BTreeMap<String, Option<usize>>,
    rate: f64,
    dice: Dice,
}

impl Mishearing {
    /// Errors in so many words of one (0 to 1); the vocabulary is that of `texts`.
    pub fn new<'t>(texts: impl Iterator<Item = &'t str>, rate: f64, seed: u64) -> Mishearing {
        let all: BTreeSet<String> = texts.flat_map(words).collect();
        let vocabulary = all.into_iter().map(|word| (sounds(&word), word)).map(|(s, w)| (w, s)).collect();
        Mishearing { vocabulary, nearest: BTreeMap::new(), rate, dice: Dice::new(seed) }
    }

    /// Begins anew with another seed.
    pub fn begin(&mut self, seed: u64) {
        self.dice = Dice::new(seed);
    }

    /// The text as it is heard.
    pub fn hear(&mut self, text: &str) -> String {
        let mut heard = Vec::new();
        for word in words(text) {
            if self.dice.chance() >= self.rate || self.vocabulary.len() < 2 {
                heard.push(word);
                continue;
            }
            match self.dice.chance() {
                kind if kind < 0.6 => heard.push(self.like(&word).unwrap_or(word)),
                kind if kind < 0.8 => {}
                _ => {
                    let other = self.dice.roll(self.vocabulary.len());
                    heard.push(word);
                    heard.push(self.vocabulary[other].0.clone());
                }
            }
        }
        heard.join(" ")
    }

    fn like(&mut self, word: &str) -> Option<String> {
        if !self.nearest.contains_key(word) {
            let own = sounds(word);
            let far = |(other, theirs): &(String, String)| match other == word {
                true => f32::MAX,
                // Among words that sound quite alike the spelling decides, so that it is always the same.
                false => apart(&own, theirs),
            };
            let best =
                (0..self.vocabulary.len()).min_by(|a, b| far(&self.vocabulary[*a]).total_cmp(&far(&self.vocabulary[*b])));
            self.nearest.insert(word.to_string(), best);
        }
        self.nearest.get(word).copied().flatten().map(|n| self.vocabulary[n].0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_words_are_wrong_as_asked_for_and_the_same_ones_again() {
        let texts = ["where is my parcel", "what is the weight of it", "please wait for my partial order"];
        let said = texts.join(" ");
        let hear = |rate: f64| {
            let mut wrong = Mishearing::new(texts.iter().copied(), rate, 1);
            (0..200).map(|_| wrong.hear(&said)).collect::<Vec<_>>()
        };
        let heard = hear(0.15);
        let words = |text: &String| text.split_whitespace().count();
        let (before, after) = (200 * words(&said), heard.iter().map(words).sum::<usize>());
        assert!(heard.iter().any(|h| *h != said));
        assert!(before.abs_diff(after) < before / 30, "as many lost as added: {before} {after}");
        assert_eq!(heard, hear(0.15));
        assert!(hear(0.0).iter().all(|h| *h == said));
        let mut all = Mishearing::new(texts.iter().copied(), 1.0, 3);
        let likely: Vec<String> = (0..20).map(|_| all.hear("parcel")).collect();
        assert!(likely.iter().any(|w| w == "partial"), "{likely:?}");
    }
}
