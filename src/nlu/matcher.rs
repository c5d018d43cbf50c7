//! Which intent of the flow is meant, if any. Start at [`Matcher::train`]: it trains the ranking model (`core`) on
//! everything, and the gate on what the same model makes of texts that were held out, some with their whole intent, so
//! that the gate has met questions nobody wrote an example for.

use super::background;
use super::core::{Core, MANY_TEXTS, Ranking, Sample};
use super::file::{self, KEPT_FROM, NoShelf, Shelf};
use super::gate::{Gate, Trial, evidence};
use super::meaning::{IntentName, Match};
use super::normalise::words;
use super::pinyin::Homophones;
use crate::base::{Confidence, Language};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A sentence that means an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it means.
    pub intent: IntentName,
    /// What a caller says.
    pub text: String,
    /// In which language.
    pub language: Language,
}

/// Why a matcher cannot be trained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NluError {
    /// Nothing to learn from.
    #[error("there are no examples: give each intent at least one sentence that callers say")]
    NoExamples,
    /// An example without a single word.
    #[error("intent {intent}: the example {text:?} holds no word: write what a caller says, or take the line out")]
    EmptyExample {
        /// Whose example.
        intent: IntentName,
        /// As written.
        text: String,
    },
    /// More than the model can hold in memory.
    #[error("{what}: {count} are too many, the most is {most}")]
    TooMany {
        /// Intents or examples.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
}

/// Finds the intent of a text. Trained once per flow; the same examples give the same matcher on every run.
#[derive(Debug, Clone)]
pub struct Matcher {
    intents: Vec<IntentName>,
    core: Core,
    gate: Gate,
    accept: f32,
    /// What sounds like a piece of an example, in Mandarin.
    homophones: Homophones,
    /// Examples word for word; those that stand under two intents are not here.
    exact: HashMap<String, usize>,
}

/// An intent is accepted when its probability reaches this: a wrong answer is taken to be two thirds as bad
/// as a right one is good, so a doubtful guess is asked again instead.
const ACCEPT: f32 = 0.4;
/// The same where there are very many texts: they cover what callers ask, so that a question which is refused was more likely one of them.
/// Chosen by five folds of CLINC150's training part: 95.7 % in scope and 82 % out of scope, where 0.4 gives 95.0 and 89.
const ACCEPT_MANY: f32 = 0.25;

/// Probability given to an example said word for word.
const EXACT: f32 = 0.99;

/// An example counts word for word when each of its words counts for this much.
const CERTAIN: f32 = 0.5;

/// Most that is given to a text without a single word that tells one sentence from another. Recognisers hear "your" and
/// "it is that" in coughs and in words of other languages.
const WORDLESS: f32 = 0.3;

/// Words that stand in sentences of any meaning.
const FUNCTION_WORDS: &[&str] = &[
    "a", "about", "am", "an", "and", "are", "at", "be", "been", "but", "by", "did", "do", "does", "for", "from", "had", "has",
    "have", "he", "her", "hers", "him", "his", "i", "if", "in", "is", "it", "its", "just", "me", "mine", "my", "not", "now",
    "of", "oh", "okay", "on", "or", "our", "ours", "she", "so", "some", "than", "that", "the", "their", "them", "then",
    "these", "they", "this", "those", "to", "too", "uh", "uh-huh", "um", "us", "was", "we", "well", "were", "with", "yeah",
    "yes", "you", "your", "yours",
];

/// Most words that are weighed one by one.
const WEIGHED_MAX: usize = 40;

/// Most intents, examples, and readings of one utterance.
const INTENTS_MAX: usize = 500;
const EXAMPLES_MAX: usize = 50_000;
const READINGS_MAX: usize = 10;

impl Matcher {
    /// Trains on a flow's examples. `background` are the flow's own out-of-scope sentences (`oos`); everyday sentences in
    /// the examples' languages are added, so that a small flow still knows what it does not know.
    ///
    /// # Errors
    /// No examples, an example without words, or more than 500 intents or 50 000 examples.
    pub fn train(examples: &[Example], background: &[String]) -> Result<Matcher, NluError> {
        Matcher::train_kept(examples, background, &NoShelf)
    }

    /// The same, or what the shelf holds of an earlier training; from 1 000 examples on what is trained is put there.
    ///
    /// # Errors
    /// As [`Matcher::train`].
    pub fn train_kept(examples: &[Example], background: &[String], shelf: &dyn Shelf) -> Result<Matcher, NluError> {
        let intents = intent_names(examples)?;
        let mut samples = Vec::with_capacity(examples.len() + background.len() + 300);
        for e in examples {
            let words = words(&e.text);
            if words.is_empty() {
                return Err(NluError::EmptyExample { intent: e.intent.clone(), text: e.text.clone() });
            }
            samples.push(Sample { words, class: intents.binary_search(&e.intent).ok() });
        }
        let exact = exact_examples(&samples);
        let homophones = Homophones::learn(examples.iter().map(|e| e.text.as_str()));
        let name = (examples.len() >= KEPT_FROM).then(|| file::name_of(examples, background));
        let kept = name.as_ref().and_then(|name| file::read(&shelf.find(name)?, name, intents.len()));
        if let Some((core, gate, accept)) = kept {
            return Ok(Matcher { core, intents, gate, accept, homophones, exact });
        }
        let own = background.iter().map(|t| words(t)).filter(|w| !w.is_empty());
        samples.extend(own.map(|words| Sample { words, class: None }));
        let languages: BTreeSet<Language> = examples.iter().map(|e| e.language).collect();
        for language in languages {
            samples.extend(foreign_sentences(&samples, language));
        }
        let all: Vec<&Sample> = samples.iter().collect();
        let many = samples.len() >= MANY_TEXTS;
        let gate = Gate::fit(&trials(&samples, intents.len()));
        let accept = if many { ACCEPT_MANY } else { ACCEPT };
        let core = Core::train(&all, intents.len(), many);
        if let Some(name) = &name {
            shelf.keep(name, &file::write(name, &core, &gate, accept));
        }
        Ok(Matcher { core, intents, gate, accept, homophones, exact })
    }

    /// The intents it knows, sorted.
    pub fn intents(&self) -> &[IntentName] {
        &self.intents
    }

    /// The probability from which an intent is accepted.
    pub fn accept_from(&self) -> Confidence {
        Confidence::new(self.accept)
    }

    /// What a text means.
    pub fn decide(&self, text: &str) -> Match {
        self.settle(self.read(text))
    }

    /// What an utterance means when the recogniser offers several readings of it, with its confidence in each. Each
    /// reading speaks for its intents as loudly as it is believed; at most ten are looked at.
    pub fn decide_nbest(&self, readings: &[(String, Confidence)]) -> Match {
        let mut sum = Reading { chances: vec![0.0; self.intents.len()], basis: String::new() };
        let weight = |c: &Confidence| c.get() + 0.05;
        let total: f32 = readings.iter().take(READINGS_MAX).map(|(_, c)| weight(c)).sum();
        for (text, confidence) in readings.iter().take(READINGS_MAX) {
            let one = self.read(text);
            for (s, c) in sum.chances.iter_mut().zip(&one.chances) {
                *s += c * weight(confidence) / total;
            }
            if sum.basis.is_empty() {
                sum.basis = one.basis;
            }
        }
        if readings.len() > 1 {
            sum.basis = format!("{} readings, the first: {}", readings.len().min(READINGS_MAX), sum.basis);
        }
        self.settle(sum)
    }

    /// What words mean of which each was said with this probability. Half of the answer rests on the words as they stand, half on what is left of
    /// them when each counts by the root of its probability: an intent that hangs on a doubtful word is believed less, one that
    /// several words name stays.
    pub fn decide_heard(&self, heard: &[(String, Confidence)]) -> Match {
        let (mut all, mut sure) = (Vec::new(), Vec::new());
        // What sounds like an example's piece may reach over several words; it has as many characters as what it stands for.
        let together = self.homophones.hear(&heard.iter().map(|(text, _)| text.as_str()).collect::<String>());
        let mut characters = together.chars();
        for (text, confidence) in heard {
            let more = words(&characters.by_ref().take(text.chars().count()).collect::<String>());
            sure.resize(sure.len() + more.len(), confidence.get().sqrt());
            all.extend(more);
        }
        let doubted = self.read_words(&all, &sure);
        let mut reading = self.read_words(&all, &[]);
        reading.chances.iter_mut().zip(&doubted.chances).for_each(|(c, d)| *c = (*c + d) / 2.0);
        let name = |chances: &[f32]| (0..chances.len()).max_by(|a, b| chances[*a].total_cmp(&chances[*b]));
        if let Some(best) = name(&doubted.chances) {
            reading.basis += &format!("; with each word by its confidence {} {:.2}", self.intents[best], doubted.chances[best]);
        }
        self.settle(reading)
    }

    /// What each word of a text does for its likeliest intent: by how much the chance falls when the word is left out (below zero: it
    /// rises), the most important first. Of texts longer than 40 words only the first 40 are looked at.
    pub fn weigh(&self, text: &str) -> Vec<(String, f32)> {
        let mut said = words(&self.homophones.hear(text));
        said.truncate(WEIGHED_MAX);
        let whole = self.read_words(&said, &[]);
        let Some(best) = (0..whole.chances.len()).max_by(|a, b| whole.chances[*a].total_cmp(&whole.chances[*b])) else {
            return Vec::new();
        };
        let without = |at: usize| {
            let rest: Vec<String> = said.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, w)| w.clone()).collect();
            whole.chances[best] - self.read_words(&rest, &[]).chances[best]
        };
        let mut weights: Vec<(String, f32)> = said.iter().enumerate().map(|(at, word)| (word.clone(), without(at))).collect();
        weights.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        weights
    }

    /// As if Mandarin had no sounds: for measuring what they bring.
    #[cfg(test)]
    pub(super) fn without_homophones(self) -> Matcher {
        Matcher { homophones: Homophones::default(), ..self }
    }

    fn read(&self, text: &str) -> Reading {
        self.read_words(&words(&self.homophones.hear(text)), &[])
    }

    fn read_words(&self, words: &[String], sure: &[f32]) -> Reading {
        if words.is_empty() {
            return Reading { chances: vec![0.0; self.intents.len()], basis: "there are no words".to_string() };
        }
        let ranking = self.core.rank_heard(words, sure);
        let best = ranking.order[0];
        let believed = self.gate.believe(&ranking);
        let mut chances: Vec<f32> = ranking.against_outside.iter().map(|p| p.min(believed * 0.99)).collect();
        chances[best] = believed;
        let mut basis = basis(&ranking);
        if words.iter().all(|w| FUNCTION_WORDS.contains(&w.as_str())) {
            for c in &mut chances {
                *c = c.min(WORDLESS);
            }
            basis = "no word in it tells one sentence from another".to_string();
        }
        let certain = sure.iter().all(|c| *c >= CERTAIN);
        if let Some(&class) = self.exact.get(&words.join(" ")).filter(|_| certain) {
            for c in &mut chances {
                *c = c.min(1.0 - EXACT);
            }
            chances[class] = EXACT;
            basis = "said word for word as in an example".to_string();
        }
        Reading { chances, basis }
    }

    fn settle(&self, reading: Reading) -> Match {
        let mut order: Vec<usize> = (0..self.intents.len()).collect();
        order.sort_by(|a, b| reading.chances[*b].total_cmp(&reading.chances[*a]).then(a.cmp(b)));
        order.truncate(5);
        let ranked: Vec<(IntentName, Confidence)> =
            order.iter().map(|i| (self.intents[*i].clone(), Confidence::new(reading.chances[*i]))).collect();
        let confidence = ranked.first().map(|r| r.1).unwrap_or_default();
        let accepted = confidence.get() >= self.accept;
        let name = ranked.first().map_or("no intent", |r| r.0.as_str());
        let verdict = if accepted { "accepted, reaches" } else { "not accepted, below" };
        let why = format!("{name} {:.2} ({verdict} {:.2}): {}", confidence.get(), self.accept, reading.basis);
        Match { intent: ranked.first().filter(|_| accepted).map(|r| r.0.clone()), confidence, ranked, why }
    }
}

/// Calibrated probability per intent, and on what it rests.
struct Reading {
    chances: Vec<f32>,
    basis: String,
}

fn basis(r: &Ranking) -> String {
    let best = r.order.first().copied().unwrap_or(0);
    let next = r.order.get(1).map_or(0.0, |n| r.intents[*n]);
    let against = r.against_outside.get(best).copied().unwrap_or(0.0);
    format!(
        "{:.2} among the intents, next {next:.2}; {against:.2} against everyday speech; likeness to an example {:.2}, to \
         the next intents' {:.2}; {:.0} % of {} words known",
        r.intents.get(best).copied().unwrap_or(0.0),
        r.likeness,
        r.likeness_next,
        r.coverage * 100.0,
        r.words,
    )
}

fn intent_names(examples: &[Example]) -> Result<Vec<IntentName>, NluError> {
    if examples.is_empty() {
        return Err(NluError::NoExamples);
    }
    let names: BTreeSet<&IntentName> = examples.iter().map(|e| &e.intent).collect();
    for (what, count, most) in [("intents", names.len(), INTENTS_MAX), ("examples", examples.len(), EXAMPLES_MAX)] {
        if count > most {
            return Err(NluError::TooMany { what, count, most });
        }
    }
    Ok(names.into_iter().cloned().collect())
}

fn exact_examples(samples: &[Sample]) -> HashMap<String, usize> {
    let mut exact: HashMap<String, Option<usize>> = HashMap::new();
    for s in samples {
        exact.entry(s.words.join(" ")).and_modify(|c| *c = c.filter(|c| s.class == Some(*c))).or_insert(s.class);
    }
    exact.into_iter().filter_map(|(text, class)| Some((text, class?))).collect()
}

/// The everyday sentences that are foreign to this flow: those whose telling words its examples mostly use themselves
/// may well be about its business and are left out.
fn foreign_sentences(samples: &[Sample], language: Language) -> Vec<Sample> {
    let known: HashSet<&String> = samples.iter().filter(|s| s.class.is_some()).flat_map(|s| &s.words).collect();
    let everyday: Vec<Vec<String>> = background::sentences(language).iter().map(|s| words(s)).collect();
    let mut frequency: HashMap<&String, f32> = HashMap::new();
    for word in everyday.iter().flatten() {
        *frequency.entry(word).or_default() += 1.0;
    }
    let telling = |word: &String| 1.0 / frequency[word];
    let foreign = |sentence: &&Vec<String>| {
        let all: f32 = sentence.iter().map(telling).sum();
        let shared: f32 = sentence.iter().filter(|w| known.contains(w)).map(telling).sum();
        shared < 0.75 * all
    };
    everyday.iter().filter(foreign).map(|words| Sample { words: words.clone(), class: None }).collect()
}

/// Texts are split into this many parts, each held out once.
const FOLDS: usize = 5;
/// How many of the parts are held out in turn: with many texts a part is plenty, and training stays quick.
fn folds_of(texts: usize) -> usize {
    match texts {
        0..3_000 => FOLDS,
        3_000..8_000 => 2,
        _ => 1,
    }
}
/// The share of callers taken to ask something that the flow knows. The fewer examples, the more is asked that nobody
/// has thought of.
fn inside_share(texts: usize) -> f32 {
    if texts < MANY_TEXTS { 0.7 } else { 0.9 }
}
/// Of those outside, this share stands in for everyday speech (the rest for intents nobody thought of).
const EVERYDAY_SHARE: f32 = 0.8;

/// What models trained on parts of the texts make of the other parts.
fn trials(samples: &[Sample], classes: usize) -> Vec<Trial> {
    let parts = part_numbers(samples, classes);
    let mut out: Vec<(Trial, Origin)> = Vec::new();
    for fold in 0..folds_of(samples.len()) {
        // Every fold also hides some whole intents; below eight intents that would change the flow too much.
        let hides = |class: usize| classes >= 8 && class % FOLDS == fold && (class / FOLDS).is_multiple_of(2);
        let hidden = |s: &Sample| s.class.is_some_and(hides);
        let seen: Vec<&Sample> =
            samples.iter().zip(&parts).filter(|(s, p)| **p != fold && !hidden(s)).map(|(s, _)| s).collect();
        if !seen.iter().any(|s| s.class.is_some()) {
            continue;
        }
        let core = Core::train(&seen, classes, samples.len() >= MANY_TEXTS);
        for (s, part) in samples.iter().zip(&parts) {
            if *part != fold {
                continue;
            }
            let ranking = core.rank(&s.words);
            let right = !hidden(s) && s.class.is_some() && ranking.order.first().copied() == s.class;
            let origin = match s.class {
                None => Origin::Everyday,
                Some(_) if hidden(s) => Origin::Hidden,
                Some(_) => Origin::Inside,
            };
            out.push((Trial { evidence: evidence(&ranking), right, weight: 1.0 }, origin));
        }
    }
    weighed(out, samples.len())
}

/// Intents that get into each other's way: examples of one, left out of the training, are taken for the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Collision {
    /// The two intents, by name.
    pub intents: (IntentName, IntentName),
    /// Examples of either that are taken for the other, as a share of the examples of the one that has fewer.
    pub share: f32,
    /// Which examples, each with the intent that it is taken for.
    pub texts: Vec<(String, IntentName)>,
}

/// Finds colliding intents by five folds: each example is ranked by a model that has not seen it. Those pairs of which at least
/// `share` and at least three are taken for each other, the worst first.
///
/// # Errors
/// As [`Matcher::train`].
pub fn collisions(examples: &[Example], share: f32) -> Result<Vec<Collision>, NluError> {
    let intents = intent_names(examples)?;
    let class = |e: &Example| intents.binary_search(&e.intent).ok();
    let samples: Vec<Sample> = examples.iter().map(|e| Sample { words: words(&e.text), class: class(e) }).collect();
    let parts = part_numbers(&samples, intents.len());
    let mut taken: HashMap<(usize, usize), Vec<(String, IntentName)>> = HashMap::new();
    for fold in 0..FOLDS {
        let seen: Vec<&Sample> = samples.iter().zip(&parts).filter(|(_, p)| **p != fold).map(|(s, _)| s).collect();
        if seen.is_empty() {
            continue;
        }
        let core = Core::train(&seen, intents.len(), samples.len() >= MANY_TEXTS);
        for ((sample, example), _) in samples.iter().zip(examples).zip(&parts).filter(|(_, p)| **p == fold) {
            let (Some(class), Some(&best)) = (sample.class, core.rank(&sample.words).order.first()) else { continue };
            if best != class {
                let pair = (class.min(best), class.max(best));
                taken.entry(pair).or_default().push((example.text.clone(), intents[best].clone()));
            }
        }
    }
    let count = |class: usize| samples.iter().filter(|s| s.class == Some(class)).count().max(1) as f32;
    let mut all: Vec<Collision> = taken
        .into_iter()
        .map(|((a, b), texts)| Collision {
            intents: (intents[a].clone(), intents[b].clone()),
            share: texts.len() as f32 / count(a).min(count(b)),
            texts,
        })
        .filter(|c| c.share >= share && c.texts.len() >= 3)
        .collect();
    all.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.intents.cmp(&b.intents)));
    Ok(all)
}

#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Inside,
    Hidden,
    Everyday,
}

/// Gives each origin its share of the whole, however many texts it has.
fn weighed(trials: Vec<(Trial, Origin)>, texts: usize) -> Vec<Trial> {
    let count = |o: Origin| trials.iter().filter(|t| t.1 == o).count() as f32;
    let (inside, hidden, everyday) = (count(Origin::Inside), count(Origin::Hidden), count(Origin::Everyday));
    let odds = (1.0 - inside_share(texts)) / inside_share(texts);
    let everyday_share = if hidden == 0.0 { 1.0 } else { EVERYDAY_SHARE };
    trials
        .into_iter()
        .map(|(mut trial, origin)| {
            trial.weight = match origin {
                Origin::Inside => 1.0,
                Origin::Hidden => odds * inside * (1.0 - everyday_share) / hidden,
                Origin::Everyday => odds * inside * everyday_share / everyday,
            };
            trial
        })
        .collect()
}

/// Each class's texts dealt out over the parts in turn.
fn part_numbers(samples: &[Sample], classes: usize) -> Vec<usize> {
    let mut dealt = vec![0usize; classes + 1];
    samples
        .iter()
        .map(|s| {
            let class = s.class.unwrap_or(classes);
            dealt[class] += 1;
            // Shifted by class, so that intents with few examples do not all miss the same parts.
            (dealt[class] + class) % FOLDS
        })
        .collect()
}
