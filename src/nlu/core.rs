//! The scoring half of the matcher: vocabulary, linear model and the examples themselves, trained on some of the texts.
//! It ranks; whether the best rank is believed is the gate's decision (`gate`).

use super::concepts::concepts_of;
use super::features::{Feature, Occurrence, Vocabulary, occurrences, scaled_by};
use super::file::{Reader, Writer};
use super::net::Net;
use super::solver::{Linear, Recipe, Text, softmax};

/// A text in words, with the class it belongs to; `None` = out of scope.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) words: Vec<String>,
    pub(crate) class: Option<usize>,
}

/// A trained ranking model. Class `classes` (one past the intents) stands for "none of them".
#[derive(Debug, Clone)]
pub(crate) struct Core {
    classes: usize,
    vocabulary: Vocabulary,
    linear: Linear,
    /// A second opinion on the best few; only where there are many texts, for on few it is no better.
    net: Option<Net>,
    /// Word vectors of the training texts, by class, unit length, sorted by id.
    examples: Vec<Vec<Vec<(u32, f32)>>>,
    /// Whether a word or concept stands in an example of any intent, by id.
    inside: Vec<bool>,
}

/// What the ranking model makes of one text.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    /// Probability per intent, among the intents only.
    pub(crate) intents: Vec<f32>,
    /// Intents in falling order of probability.
    pub(crate) order: Vec<usize>,
    /// Probability per intent when "none of them" competes too.
    pub(crate) against_outside: Vec<f32>,
    /// Likeness (cosine over words) to the nearest example of the best intent, 0..1.
    pub(crate) likeness: f32,
    /// Likeness to the nearest example of the second intent.
    pub(crate) likeness_next: f32,
    /// By how much the best intent's examples lie nearer than the sentences from outside, in the net's sight; 0 without a net.
    pub(crate) nearness: f32,
    /// What the linear model alone gives the best intent, among the intents only; none where it is alone anyway.
    pub(crate) linear_alone: Option<f32>,
    /// Share of what the words tell (weighted by rarity) that stands in some example, 0..1.
    pub(crate) coverage: f32,
    /// Number of words.
    pub(crate) words: usize,
}

/// From so many texts on there is a second opinion, and features that occur only once are left out: they are half of all and help little.
pub(crate) const MANY_TEXTS: usize = 3_000;

impl Core {
    /// Trains on these texts; `many` = the whole of which they may be a part has at least [`MANY_TEXTS`].
    pub(crate) fn train(samples: &[&Sample], classes: usize, many: bool) -> Core {
        let found: Vec<Vec<Occurrence>> = samples.iter().map(|s| occurrences(&s.words)).collect();
        let vocabulary = Vocabulary::learn(&found, if many { 2 } else { 1 });
        let inside = samples.iter().filter(|s| s.class.is_some()).count();
        let outside = samples.len() - inside;
        // All sentences from outside together count like a few intents, however many there are.
        let outside_weight = (OUTSIDE_SHARE * inside as f32 / outside.max(1) as f32).min(3.0);
        let texts: Vec<Text> = samples
            .iter()
            .zip(&found)
            .map(|(s, o)| Text {
                features: vocabulary.look_up(o),
                class: s.class.unwrap_or(classes),
                weight: if s.class.is_some() { 1.0 } else { outside_weight },
            })
            .collect();
        let recipe = if many { RECIPE_MANY } else { RECIPE_FEW };
        let all: Vec<usize> = (0..texts.len()).collect();
        let linear = Linear::train(&texts, &all, classes + 1, vocabulary.len(), recipe);
        let net = many.then(|| Net::train(&texts, classes + 1, vocabulary.len()));
        let mut examples = vec![Vec::new(); classes];
        let mut inside = vec![false; vocabulary.len()];
        for sample in samples {
            if let Some(class) = sample.class {
                let (vector, _) = Core::word_vector(&vocabulary, &[], &sample.words, |_| 1.0);
                for (id, _) in &vector {
                    inside[*id as usize] = true;
                }
                examples[class].push(vector);
            }
        }
        Core { classes, vocabulary, linear, net, examples, inside }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        self.vocabulary.write(out);
        self.linear.write(out);
        out.flags(&[self.net.is_some()]);
        self.net.iter().for_each(|net| net.write(out));
        out.flags(&self.inside);
        for class in &self.examples {
            out.count(class.len());
            for vector in class {
                out.words(
                    &vector.iter().map(|(id, value)| u64::from(*id) << 32 | u64::from(value.to_bits())).collect::<Vec<u64>>(),
                );
            }
        }
    }

    pub(super) fn read(from: &mut Reader<'_>, classes: usize) -> Option<Core> {
        let vocabulary = Vocabulary::read(from)?;
        let linear = Linear::read(from, classes + 1, vocabulary.len())?;
        let net = match *from.flags()?.first()? {
            true => Some(Net::read(from, classes + 1, vocabulary.len())?),
            false => None,
        };
        let inside = from.flags()?;
        let vector = |from: &mut Reader<'_>| {
            let words = from.words()?;
            let vector: Vec<(u32, f32)> = words.iter().map(|w| ((w >> 32) as u32, f32::from_bits(*w as u32))).collect();
            vector.iter().all(|(id, _)| (*id as usize) < vocabulary.len()).then_some(vector)
        };
        let class = |from: &mut Reader<'_>| (0..from.count()?).map(|_| vector(from)).collect::<Option<Vec<_>>>();
        let examples = (0..classes).map(|_| class(from)).collect::<Option<_>>()?;
        (inside.len() == vocabulary.len()).then_some(Core { classes, vocabulary, linear, net, examples, inside })
    }

    pub(crate) fn rank(&self, words: &[String]) -> Ranking {
        self.rank_heard(words, &[])
    }

    /// The same for words of which each is there with this probability (1 where none is given).
    pub(crate) fn rank_heard(&self, words: &[String], sure: &[f32]) -> Ranking {
        let features = self.vocabulary.look_up(&occurrences(words));
        let mut active = Vec::with_capacity(features.len());
        let sure_of = |word: usize| sure.get(word).copied().unwrap_or(1.0);
        scaled_by(&features, |_| true, |word| sure_of(usize::from(word)), &mut active);
        let mut scores = vec![0.0; self.classes + 1];
        self.linear.scores(&active, &mut scores);
        let mut all = scores.clone();
        softmax(&mut all);
        all.truncate(self.classes);
        let mut intents = scores;
        intents.truncate(self.classes);
        let mut linear = intents.clone();
        softmax(&mut linear);
        let near = self.net.as_ref().map_or_else(Vec::new, |net| second_opinion(net, &features, sure_of, &mut intents));
        softmax(&mut intents);
        let mut order: Vec<usize> = (0..self.classes).collect();
        order.sort_by(|a, b| intents[*b].total_cmp(&intents[*a]).then(a.cmp(b)));
        let (vector, coverage) = Core::word_vector(&self.vocabulary, &self.inside, words, sure_of);
        let nearest = |class: &usize| self.examples[*class].iter().map(|e| dot(e, &vector)).fold(0.0, f32::max);
        Ranking {
            against_outside: all,
            likeness: order.first().map_or(0.0, nearest),
            likeness_next: order.get(1).map_or(0.0, nearest),
            nearness: near.iter().find(|n| order.first() == Some(&n.0)).map_or(0.0, |n| n.1),
            linear_alone: order.first().filter(|_| self.net.is_some()).map(|b| linear[*b]),
            coverage,
            words: words.len(),
            intents,
            order,
        }
    }
}

/// Of the intents that the linear model ranks first this many are looked at again, but only those whose score is at most `BEHIND` lower
/// than the best: of BANKING77's questions 2.4 on average.
const AGAIN: usize = 6;
const BEHIND: f32 = 3.0;
/// What the two opinions count. Fitted by the folds of CLINC150's and of BANKING77's training part, which agree.
const LINEAR_COUNTS: f32 = 0.5;
const NET_COUNTS: f32 = 2.4;

/// Mixes into the linear model's scores how near the examples of the best intents lie; the rest is taken to lie as far away as the farthest of
/// those. Returns by how much each is nearer than the sentences from outside.
fn second_opinion(net: &Net, features: &[Feature], sure: impl Fn(usize) -> f32, scores: &mut [f32]) -> Vec<(usize, f32)> {
    let mut best: Vec<usize> = (0..scores.len()).collect();
    best.sort_unstable_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    best.truncate(AGAIN);
    let Some(&first) = best.first() else { return Vec::new() };
    let least = scores[first] - BEHIND;
    // Two at least, for the margin between them.
    let again = best.iter().enumerate().filter(|(rank, class)| *rank < 2 || scores[**class] >= least).map(|(_, class)| *class);
    let point = net.point(features, |word| sure(usize::from(word)));
    let near: Vec<(usize, f32)> = again.map(|class| (class, net.nearness(class, &point))).collect();
    let farthest = near.iter().map(|n| n.1).fold(f32::MAX, f32::min);
    scores.iter_mut().for_each(|s| *s *= LINEAR_COUNTS);
    for (class, nearness) in &near {
        scores[*class] += NET_COUNTS * (nearness - farthest);
    }
    let outside = net.nearness(scores.len(), &point);
    near.into_iter().map(|(class, nearness)| (class, nearness - outside)).collect()
}

/// How many texts from outside weigh as much as one intent's worth, as a share of all inside.
const OUTSIDE_SHARE: f32 = 1.0;
const RECIPE_MANY: Recipe = Recipe { epochs: 12, rate: 3.0, dropout: 0.1 };
const RECIPE_FEW: Recipe = Recipe { epochs: 40, rate: 2.0, dropout: 0.2 };

impl Core {
    /// The words (and their concepts) as a unit vector, with the share of what they tell that the examples know.
    fn word_vector(
        vocabulary: &Vocabulary,
        inside: &[bool],
        words: &[String],
        sure: impl Fn(usize) -> f32,
    ) -> (Vec<(u32, f32)>, f32) {
        let mut out: Vec<(u32, f32)> = Vec::with_capacity(words.len() * 2);
        let (mut all, mut known, mut square) = (0.0f32, 0.0f32, 0.0f32);
        let in_examples = |id: u32| inside.get(id as usize).copied().unwrap_or(false);
        for (i, word) in words.iter().enumerate() {
            let (id, tells) = vocabulary.word(word);
            all += tells;
            square += tells * tells;
            let mut share = 0.0f32;
            if let Some(id) = id {
                out.push((id, tells * sure(i)));
                share = if in_examples(id) { 1.0 } else { 0.0 };
            }
            for concept in concepts_of(word, words.get(i + 1).map(String::as_str)) {
                if let (Some(id), tells) = vocabulary.concept(concept) {
                    out.push((id, tells * sure(i)));
                    square += tells * tells;
                    share = share.max(if in_examples(id) { 0.7 } else { 0.0 });
                }
            }
            known += tells * share * sure(i);
        }
        out.sort_by_key(|e| e.0);
        out.dedup_by_key(|e| e.0);
        let length = square.sqrt().max(1e-6);
        for e in &mut out {
            e.1 /= length;
        }
        (out, known / all.max(1e-6))
    }
}

/// Dot product of two sparse vectors sorted by id.
pub(crate) fn dot(a: &[(u32, f32)], b: &[(u32, f32)]) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a[i].1 * b[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}
