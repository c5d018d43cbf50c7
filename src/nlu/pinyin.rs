//! How Mandarin sounds, and a flow's phrases found again by it: recognisers write characters that sound like those that were said (茶快地 for
//! 查快递). What stands in no example but sounds like a piece of one is read as that piece, unless it is a word of its own. Single characters are left alone: nearly each has
//! dozens that sound the same.

use super::normalise::{is_chinese_word, is_han};
use pinyin::ToPinyin;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A character's syllable without its tone (of several readings the most frequent).
pub(crate) fn syllable(c: char) -> Option<&'static str> {
    c.to_pinyin().map(pinyin::Pinyin::plain)
}

/// A syllable without what many speakers, and so recognisers, do not tell apart: n and l, zh ch sh and z c s, f and h, in an en and ing ang eng.
pub(crate) fn blurred(syllable: &str) -> String {
    const BEGINNINGS: &[(&str, &str)] = &[("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("hu", "fu"), ("h", "f")];
    let start = BEGINNINGS.iter().find_map(|(a, b)| syllable.strip_prefix(a).map(|rest| format!("{b}{rest}")));
    let mut out = start.unwrap_or_else(|| syllable.to_string());
    if ["ing", "ang", "eng"].iter().any(|end| out.ends_with(end)) {
        out.pop();
    }
    out
}

/// Pieces of examples, of this many characters.
const SHORTEST: usize = 2;
const LONGEST: usize = 4;

/// The pieces of a flow's examples by how they sound.
#[derive(Debug, Clone, Default)]
pub(crate) struct Homophones {
    known: HashSet<String>,
    /// The most frequent piece of each sound, exact and blurred.
    alike: HashMap<String, String>,
}

impl Homophones {
    /// Learns the pieces of the texts.
    pub(crate) fn learn<'t>(texts: impl Iterator<Item = &'t str>) -> Homophones {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for text in texts {
            let characters: Vec<char> = text.chars().collect();
            for length in SHORTEST..=LONGEST {
                for piece in characters.windows(length).filter(|piece| piece.iter().all(|c| is_han(*c))) {
                    *counts.entry(piece.iter().collect()).or_default() += 1;
                }
            }
        }
        // The rarer first, so that the more frequent takes its place; among equals the order of the characters decides.
        let mut pieces: Vec<(String, usize)> = counts.into_iter().collect();
        pieces.sort_by_key(|(_, count)| *count);
        let mut out = Homophones::default();
        for (piece, _) in pieces {
            let characters: Vec<char> = piece.chars().collect();
            for key in sounds(&characters).unwrap_or_default() {
                out.alike.insert(key, piece.clone());
            }
            out.known.insert(piece);
        }
        out
    }

    /// The text with pieces that only sound like an example's written as there; as many characters as before.
    pub(crate) fn hear(&self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        if !characters.iter().any(|c| is_han(*c)) {
            return text.to_string();
        }
        for at in 0..characters.len() {
            // Pieces may overlap: what was corrected already helps to tell what follows.
            let _ =
                (SHORTEST..=LONGEST).rev().any(|length| characters.get_mut(at..at + length).is_some_and(|p| self.corrected(p)));
        }
        characters.into_iter().collect()
    }

    /// Whether a piece is known, after it has been written as an example's where it only sounds so.
    fn corrected(&self, piece: &mut [char]) -> bool {
        if !piece.iter().all(|c| is_han(*c)) {
            return false;
        }
        let written: String = piece.iter().collect();
        if self.known.contains(&written) {
            return true;
        }
        let meant = sounds(piece).and_then(|keys| keys.iter().find_map(|key| self.alike.get(key)));
        // A word of its own may well have been said: 太阳升起 is not about being angry (生气).
        let meant = meant.filter(|_| !is_chinese_word(&written));
        if let Some(meant) = meant {
            piece.iter_mut().zip(meant.chars()).for_each(|(c, m)| *c = m);
        }
        meant.is_some()
    }
}

/// How characters sound together, exactly and, three and more, blurred (of two too many do); nothing where the sound of one is not known.
fn sounds(characters: &[char]) -> Option<Vec<String>> {
    let syllables: Vec<&str> = characters.iter().map(|c| syllable(*c)).collect::<Option<_>>()?;
    let mut out = vec![syllables.join(" ")];
    if characters.len() > SHORTEST {
        out.push(format!("~{}", syllables.iter().map(|s| blurred(s)).collect::<Vec<_>>().join(" ")));
    }
    Some(out)
}
