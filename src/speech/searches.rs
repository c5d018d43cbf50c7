//! One decoder's searches: grammars, models and key phrases, compiled once and kept by name. Words are learnt as they come.

use super::decoder::Decoder;
use super::dictionary::{Dictionary, narrowband_variants, without_last_stop};
use super::grammar::Compiled;
use super::lm;
use super::phrases::{self, SPOTTED};
use super::pocketsphinx::scratch::Scratch;
use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

/// Compiled searches kept per decoder.
const SEARCHES_MAX: usize = 64;

/// How a word may sound beside what the dictionary says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variants {
    /// Only as the dictionary says: in long lists of phrases more ways to say each word bring more confusion.
    None,
    /// As on a narrow line, alone.
    Alone,
    /// As on a narrow line, in a sentence: a model knows which word to expect (real orders: 14 points more of them right).
    Sentence,
}

/// A decoder with what it has learnt so far.
pub(crate) struct Search {
    pub(crate) decoder: Decoder,
    words: HashSet<String>,
    /// Names of compiled searches, the latest used last.
    names: VecDeque<String>,
}

impl Search {
    /// A decoder that has learnt nothing yet.
    pub(crate) fn new(decoder: Decoder) -> Search {
        Search { decoder, words: HashSet::new(), names: VecDeque::new() }
    }

    pub(crate) fn learn(&mut self, word: &str, variants: Variants, dictionary: &Dictionary) -> Result<(), String> {
        if self.words.contains(word) {
            return Ok(());
        }
        let mut spoken = dictionary.pronounce(word);
        if spoken.is_empty() {
            return Err(format!("{word:?} cannot be pronounced; write it in English letters"));
        }
        if variants == Variants::Sentence {
            spoken.extend(spoken.iter().filter_map(|p| without_last_stop(p)).collect::<Vec<_>>());
        }
        if variants != Variants::None {
            spoken.extend(spoken.iter().flat_map(|p| narrowband_variants(p)).collect::<Vec<_>>());
        }
        spoken.truncate(12);
        for (i, phones) in spoken.iter().enumerate() {
            let name = if i == 0 { word.to_string() } else { format!("{word}({})", i + 1) };
            self.decoder.add_word(&name, phones)?;
        }
        self.words.insert(word.to_string());
        Ok(())
    }

    /// Whether a search of this name is there; it then counts as just used.
    pub(crate) fn recall(&mut self, name: &str) -> bool {
        let Some(at) = self.names.iter().position(|n| n == name) else { return false };
        let name = self.names.remove(at);
        self.names.extend(name);
        true
    }

    pub(crate) fn remember(&mut self, name: String) {
        self.names.push_back(name);
        if self.names.len() > SEARCHES_MAX
            && let Some(old) = self.names.pop_front()
        {
            self.decoder.forget(&old);
        }
    }

    pub(crate) fn grammar(&mut self, compiled: &Compiled, dictionary: &Dictionary) -> Result<(), String> {
        let name = format!("g{:016x}", hash(&(&compiled.jsgf, &compiled.short)));
        if !self.recall(&name) {
            // Short words first: a word gets its variants when it is first learnt.
            for word in &compiled.short {
                self.learn(word, Variants::Alone, dictionary)?;
            }
            for word in &compiled.words {
                self.learn(word, Variants::None, dictionary)?;
            }
            self.decoder.set_jsgf(&name, &compiled.jsgf)?;
            self.remember(name.clone());
        }
        self.decoder.choose(&name)
    }

    pub(crate) fn model(
        &mut self,
        name: String,
        make: impl FnOnce() -> lm::LanguageModel,
        dictionary: &Dictionary,
        scratch: &Scratch,
    ) -> Result<(), String> {
        if !self.recall(&name) {
            let model = make();
            for word in &model.words {
                if let Err(why) = self.learn(word, Variants::Sentence, dictionary) {
                    tracing::warn!("a word of the flow's examples is left out of recognition: {why}");
                }
            }
            let file = scratch.write("model.arpa", &model.arpa)?;
            self.decoder.set_language_model(&name, &file)?;
            self.remember(name.clone());
        }
        self.decoder.choose(&name)
    }

    pub(crate) fn spot(&mut self, person: &[String], dictionary: &Dictionary, scratch: &Scratch) -> Result<(), String> {
        let name = format!("k{:016x}", hash(&person));
        if !self.recall(&name) {
            let own = person.iter().map(|p| phrases::spoken(p)).filter(|p| p.contains(' ')).map(|p| {
                let phones: usize =
                    p.split(' ').map(|w| dictionary.pronounce(w).first().map_or(3, |x| x.split(' ').count())).sum();
                (p, i32::try_from(phones).unwrap_or(12) * 2)
            });
            let mut list = String::new();
            for (phrase, exponent) in SPOTTED.iter().map(|(p, e)| ((*p).to_string(), *e)).chain(own) {
                if phrase.split(' ').all(|w| self.learn(w, Variants::None, dictionary).is_ok()) {
                    list.push_str(&format!("{phrase} /1e-{exponent}/\n"));
                }
            }
            let file = scratch.write("person.kws", &list)?;
            self.decoder.set_keyphrases(&name, &file)?;
            self.remember(name.clone());
        }
        self.decoder.choose(&name)
    }
}

pub(crate) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
