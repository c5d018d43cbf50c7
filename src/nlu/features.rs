//! From words to weighted features: words, word pairs, concepts, and character 3-5-grams, which forgive inflection and
//! misheard words. Feature names are hashed once (FNV-1a, 64 bits); the vocabulary keeps those that training has seen.

use super::concepts::concepts_of;
use super::file::{Reader, Writer};
use super::normalise::is_han_word;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

/// One occurrence of a feature in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occurrence {
    /// Hashed name.
    key: u64,
    block: Block,
    /// First and last word it stands on; word dropout removes it with either.
    first: u8,
    last: u8,
}

/// Features are scaled to unit length block by block, so that the many character grams do not drown the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    Word,
    Character,
}

/// A feature that the vocabulary knows (or `UNSEEN`), with its weight before scaling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Feature {
    pub(crate) id: u32,
    pub(crate) weight: f32,
    pub(crate) block: Block,
    pub(crate) first: u8,
    pub(crate) last: u8,
}

/// The id of features outside the vocabulary: they carry no meaning but make the text longer, hence every score smaller.
pub(crate) const UNSEEN: u32 = u32::MAX;

/// Share of the vector's length given to words; the rest goes to characters.
const WORD_SHARE: f32 = 0.6;

/// All features of a text, in order.
pub(crate) fn occurrences(words: &[String]) -> Vec<Occurrence> {
    let mut out = Vec::with_capacity(words.len() * 16);
    for (i, word) in words.iter().enumerate().take(usize::from(u8::MAX)) {
        let at = u8::try_from(i).unwrap_or(u8::MAX);
        let mut push = |key, block, last| out.push(Occurrence { key, block, first: at, last });
        push(hash(b'w', &[word]), Block::Word, at);
        let next = words.get(i + 1).filter(|_| at < u8::MAX);
        if let Some(next) = next {
            push(hash(b'p', &[word, next]), Block::Word, at + 1);
        }
        for concept in concepts_of(word, next.map(String::as_str)) {
            push(hash(b'c', &[concept]), Block::Word, at);
        }
        characters(word, next, |key| push(key, Block::Character, at));
    }
    out
}

/// Latin words: 3-5-grams with the borders of the word. Chinese: single characters and pairs, across segment borders
/// too, since the segmenter may cut a misheard text anywhere.
fn characters(word: &str, next: Option<&String>, mut push: impl FnMut(u64)) {
    let mut buffer = [0u8; 4];
    if is_han_word(word) {
        let mut before: Option<char> = None;
        for c in word.chars().chain(next.filter(|n| is_han_word(n)).and_then(|n| n.chars().next())) {
            if let Some(b) = before {
                push(hash(b'1', &[b.encode_utf8(&mut buffer)]));
                let pair: String = [b, c].iter().collect();
                push(hash(b'2', &[&pair]));
            }
            before = Some(c);
        }
        if next.is_none_or(|n| !is_han_word(n))
            && let Some(b) = before
        {
            push(hash(b'1', &[b.encode_utf8(&mut buffer)]));
        }
        return;
    }
    let bordered: Vec<char> = std::iter::once('<').chain(word.chars().take(24)).chain(std::iter::once('>')).collect();
    for n in 3..=5 {
        for gram in bordered.windows(n) {
            let mut h = FNV_START ^ u64::from(b'g');
            for c in gram {
                for b in c.encode_utf8(&mut buffer).bytes() {
                    h = fnv(h, b);
                }
            }
            push(h);
        }
    }
}

/// What training has seen: an id and an inverse document frequency per feature.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    ids: HashMap<u64, u32, Hashed>,
    idf: Vec<f32>,
    idf_unseen: f32,
}

impl Vocabulary {
    /// Features that stand in at least `least` of the texts. Ids follow first appearance, so they are the same every run.
    pub(crate) fn learn(texts: &[Vec<Occurrence>], least: u32) -> Vocabulary {
        let mut seen: HashMap<u64, (u32, usize), Hashed> = HashMap::default();
        let mut order: Vec<u64> = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            for o in text {
                let entry = seen.entry(o.key).or_insert_with(|| {
                    order.push(o.key);
                    (0, usize::MAX)
                });
                if entry.1 != number {
                    *entry = (entry.0 + 1, number);
                }
            }
        }
        let idf_of = |df: u32| ((1.0 + texts.len() as f32) / (1.0 + df as f32)).ln() + 1.0;
        let mut out = Vocabulary { idf_unseen: idf_of(least.saturating_sub(1)), ..Vocabulary::default() };
        for key in order {
            let df = seen[&key].0;
            if df >= least {
                out.ids.insert(key, u32::try_from(out.idf.len()).unwrap_or(UNSEEN));
                out.idf.push(idf_of(df));
            }
        }
        out
    }

    pub(super) fn write(&self, out: &mut Writer) {
        let mut keys = vec![0; self.idf.len()];
        self.ids.iter().for_each(|(key, id)| keys[*id as usize] = *key);
        out.words(&keys);
        out.floats(&self.idf);
        out.floats(&[self.idf_unseen]);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Vocabulary> {
        let (keys, idf, unseen) = (from.words()?, from.floats()?, from.floats()?);
        let ids: HashMap<u64, u32, Hashed> = keys.iter().zip(0..).map(|(key, id)| (*key, id)).collect();
        let fits = ids.len() == idf.len() && keys.len() == idf.len();
        Some(Vocabulary { ids, idf, idf_unseen: *unseen.first()? }).filter(|_| fits)
    }

    pub(crate) fn len(&self) -> usize {
        self.idf.len()
    }

    /// Looks features up; unknown ones stay as [`UNSEEN`].
    pub(crate) fn look_up(&self, text: &[Occurrence]) -> Vec<Feature> {
        text.iter()
            .map(|o| {
                let id = self.ids.get(&o.key).copied().unwrap_or(UNSEEN);
                let weight = self.idf.get(id as usize).copied().unwrap_or(self.idf_unseen);
                Feature { id, weight, block: o.block, first: o.first, last: o.last }
            })
            .collect()
    }

    /// A single word's id, if training has seen it, and how much it tells: near nothing for a word of every sentence.
    pub(crate) fn word(&self, word: &str) -> (Option<u32>, f32) {
        self.single(hash(b'w', &[word]))
    }

    /// A concept's id and what it tells, likewise.
    pub(crate) fn concept(&self, concept: &str) -> (Option<u32>, f32) {
        self.single(hash(b'c', &[concept]))
    }

    fn single(&self, key: u64) -> (Option<u32>, f32) {
        match self.ids.get(&key) {
            Some(id) => (Some(*id), (self.idf[*id as usize] - 0.95).max(0.05)),
            None => (None, self.idf_unseen - 0.95),
        }
    }
}

/// The known features with weights scaled to unit length; `keep` says which words are there (word dropout).
pub(crate) fn scaled(features: &[Feature], keep: impl Fn(u8) -> bool, out: &mut Vec<(u32, f32)>) {
    scaled_by(features, keep, |_| 1.0, out);
}

/// The same for words that are only probably there: what rests on several counts by the least sure of them. Their length is that of words that
/// are certain, so doubt makes a text say less.
pub(crate) fn scaled_by(features: &[Feature], keep: impl Fn(u8) -> bool, sure: impl Fn(u8) -> f32, out: &mut Vec<(u32, f32)>) {
    out.clear();
    let (mut words, mut characters) = (0.0f32, 0.0f32);
    let there = |f: &&Feature| keep(f.first) && (f.first == f.last || keep(f.last));
    for f in features.iter().filter(there) {
        match f.block {
            Block::Word => words += f.weight * f.weight,
            Block::Character => characters += f.weight * f.weight,
        }
    }
    let by_words = WORD_SHARE.sqrt() / words.sqrt().max(1e-6);
    let by_characters = (1.0 - WORD_SHARE).sqrt() / characters.sqrt().max(1e-6);
    for f in features.iter().filter(there) {
        if f.id != UNSEEN {
            let scale = if f.block == Block::Word { by_words } else { by_characters };
            out.push((f.id, f.weight * scale * sure(f.first).min(sure(f.last))));
        }
    }
}

/// Keys are hashes already; hashing them again would be a third of a match's cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hashed;

/// See [`Hashed`].
#[derive(Debug, Default)]
pub(crate) struct AsIs(u64);

impl BuildHasher for Hashed {
    type Hasher = AsIs;
    fn build_hasher(&self) -> AsIs {
        AsIs(0)
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = fnv(self.0, *b);
        }
    }
    fn write_u64(&mut self, key: u64) {
        // The table takes its buckets from the low bits and its tags from the high ones; FNV mixes both badly.
        self.0 = (key ^ (key >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(h: u64, byte: u8) -> u64 {
    (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

fn hash(tag: u8, parts: &[&str]) -> u64 {
    let mut h = fnv(FNV_START, tag);
    for part in parts {
        for b in part.bytes() {
            h = fnv(h, b);
        }
        h = fnv(h, 0xff);
    }
    h
}
