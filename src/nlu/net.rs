//! What the linear model cannot see: which features stand together, and that one intent is asked for in several quite different ways.
//! Two small nets learn from the same features. One sums them over the whole text, like fastText (Joulin et al. 2016, "Bag of Tricks for
//! Efficient Text Classification"), the other word by word and keeps of each unit what the loudest word said, like max pooling over time
//! (Collobert et al. 2011, "Natural Language Processing (Almost) from Scratch"); both are trained with dropout (Srivastava et al. 2014)
//! and steps after Adagrad (Duchi et al. 2011). Their softmax is thrown away: an intent is judged by how near its nearest examples lie in
//! what the hidden units say. One thread, one seed, sums in a fixed order: the same weights on every run.

use super::features::{Feature, scaled_by};
use super::file::{Reader, Writer};
use super::solver::{Chance, Text, softmax};
use hotline_kernels::{add_scaled, dot, keep_louder};

/// Hidden units of either net. 128 are not measurably better, 64 cost 0.2 points on BANKING77's training part by five folds.
const UNITS: usize = 96;
/// What a text says in the hidden units of both nets, at unit length.
type Point = [f32; 2 * UNITS];
type Row = [f32; UNITS];

/// The two nets and where the examples lie.
#[derive(Debug, Clone)]
pub(crate) struct Net {
    whole: Layer,
    words: Layer,
    /// The examples' points by class.
    examples: Vec<Vec<Point>>,
}

/// So many of an intent's examples speak for it, a nearer one louder by e for each `NEARER` of cosine.
const NEAREST: usize = 5;
const NEARER: f32 = 0.1;

impl Net {
    /// Learns to tell the classes apart; "none of them" is one of these.
    pub(crate) fn train(texts: &[Text], classes: usize, features: usize) -> Net {
        let whole = Layer::train(texts, classes, features, View::Whole);
        let words = Layer::train(texts, classes, features, View::Words);
        let mut net = Net { whole, words, examples: vec![Vec::new(); classes] };
        for text in texts {
            let point = net.point(&text.features, |_| 1.0);
            net.examples[text.class].push(point);
        }
        net
    }

    pub(super) fn write(&self, out: &mut Writer) {
        for layer in [&self.whole, &self.words] {
            out.floats(layer.weights.as_flattened());
            out.floats(&layer.bias);
        }
        out.count(self.examples.len());
        self.examples.iter().for_each(|points| out.floats(points.as_flattened()));
    }

    /// Reads nets for so many classes and features.
    pub(super) fn read(from: &mut Reader<'_>, classes: usize, features: usize) -> Option<Net> {
        let mut layer = |view| {
            let weights = rows(from.floats()?)?;
            let bias = from.floats()?.try_into().ok()?;
            Some(Layer { view, weights, bias }).filter(|layer| layer.weights.len() == features)
        };
        let (whole, words) = (layer(View::Whole)?, layer(View::Words)?);
        if from.count()? != classes {
            return None;
        }
        let examples = (0..classes).map(|_| rows(from.floats()?)).collect::<Option<_>>()?;
        Some(Net { whole, words, examples })
    }

    /// Where a text lies; `sure` says how likely each word is there.
    pub(crate) fn point(&self, features: &[Feature], sure: impl Fn(u8) -> f32) -> Point {
        let mut point = [0.0; 2 * UNITS];
        let (whole, words) = point.split_at_mut(UNITS);
        for (half, layer) in [(whole, &self.whole), (words, &self.words)] {
            let heard = layer.hear(&layer.view.bags(features, |_| true, &sure)).loudest;
            let length = heard.iter().map(|h| h * h).sum::<f32>().sqrt().max(1e-6);
            // Each half has half of the length.
            half.iter_mut().zip(heard).for_each(|(p, h)| *p = h / length * std::f32::consts::FRAC_1_SQRT_2);
        }
        point
    }

    /// How near a class's nearest examples lie to a point, as the logarithm of a chance that is not scaled to one.
    pub(crate) fn nearness(&self, class: usize, point: &Point) -> f32 {
        let mut cosines: Vec<f32> = self.examples[class].iter().map(|e| dot(e, point)).collect();
        cosines.sort_unstable_by(|a, b| b.total_cmp(a));
        cosines.truncate(NEAREST);
        let loud: f32 = cosines.iter().map(|c| (c / NEARER).exp()).sum();
        (loud / cosines.len().max(1) as f32).max(f32::MIN_POSITIVE).ln()
    }
}

/// Numbers as rows; `None` where the last is not whole.
fn rows<const N: usize>(numbers: Vec<f32>) -> Option<Vec<[f32; N]>> {
    let (rows, rest) = numbers.as_chunks::<N>();
    rest.is_empty().then(|| rows.to_vec())
}

/// How a net looks at a text.
#[derive(Debug, Clone, Copy, PartialEq)]
enum View {
    /// All features in one bag.
    Whole,
    /// A bag for each word with all that begins on it.
    Words,
}

/// Features with their weights.
type Bag = Vec<(u32, f32)>;

impl View {
    fn bags(self, features: &[Feature], keep: impl Fn(u8) -> bool, sure: impl Fn(u8) -> f32) -> Vec<Bag> {
        let bag = |features: &[Feature]| {
            let mut bag = Bag::with_capacity(features.len());
            scaled_by(features, &keep, &sure, &mut bag);
            bag
        };
        match self {
            View::Whole => vec![bag(features)],
            View::Words => features.chunk_by(|a, b| a.first == b.first).map(bag).filter(|b| !b.is_empty()).collect(),
        }
    }

    /// Passes over the texts; what speaks by its loudest word is learned sooner.
    fn epochs(self) -> usize {
        if self == View::Whole { 12 } else { 8 }
    }
}

/// Share of words and of units hidden at random while learning.
const WORDS_HIDDEN: f32 = 0.2;
const UNITS_HIDDEN: f32 = 0.3;
/// Step at the start; falls in a straight line to zero. All of these were chosen by five folds of BANKING77's training part.
const RATE: f32 = 0.06;
/// How far from zero a feature's weights begin.
const SPREAD: f32 = 0.1;
/// Classes whose probability is off by less than this are left alone, as in the linear model.
const GRADIENT_MIN: f32 = 0.001;

/// A hidden layer: one row of weights per feature, and what each unit says of nothing.
#[derive(Debug, Clone)]
struct Layer {
    view: View,
    weights: Vec<Row>,
    bias: Row,
}

/// What the units say of a text: never less than nothing.
struct Heard {
    loudest: Row,
    /// The bag that said it; [`NOBODY`] for a silent unit.
    by: [u32; UNITS],
}

const NOBODY: u32 = u32::MAX;

impl Layer {
    fn hear(&self, bags: &[Bag]) -> Heard {
        let mut heard = Heard { loudest: [0.0; UNITS], by: [NOBODY; UNITS] };
        for (number, bag) in (0u32..).zip(bags) {
            let mut sum = self.bias;
            for &(id, weight) in bag {
                add_scaled(&mut sum, weight, &self.weights[id as usize]);
            }
            keep_louder(&mut heard.loudest, &mut heard.by, &sum, number);
        }
        heard
    }

    fn train(texts: &[Text], classes: usize, features: usize, view: View) -> Layer {
        let mut chance = Chance(0x5eed);
        let mut begin = |spread: f32| {
            let mut row = [0.0; UNITS];
            // The sum of four is near enough to a normal distribution, of variance one third.
            row.fill_with(|| ((0..4).map(|_| chance.unit()).sum::<f32>() - 2.0) * 3.0f32.sqrt() * spread);
            row
        };
        let weights = (0..features).map(|_| begin(SPREAD)).collect();
        let mut layer = Layer { view, weights, bias: [0.0; UNITS] };
        let mut top = Top {
            weights: (0..classes).map(|_| begin((UNITS as f32).sqrt().recip())).collect(),
            bias: vec![0.0; classes],
            moved: vec![1.0; classes],
        };
        let mut moved = vec![0.0f32; features];
        let mut order: Vec<usize> = (0..texts.len()).collect();
        let steps = (view.epochs() * order.len()).max(1) as f32;
        let mut step = 0.0f32;
        for _ in 0..view.epochs() {
            chance.shuffle(&mut order);
            for &number in &order {
                let rate = RATE * (1.0 - step / steps);
                step += 1.0;
                let hidden = chance.hidden(WORDS_HIDDEN);
                let bags = view.bags(&texts[number].features, |w| !hidden[usize::from(w) % 128], |_| 1.0);
                let mut heard = layer.hear(&bags);
                let mut kept = [0.0; UNITS];
                kept.fill_with(|| if chance.unit() < UNITS_HIDDEN { 0.0 } else { 1.0 / (1.0 - UNITS_HIDDEN) });
                heard.loudest.iter_mut().zip(kept).for_each(|(h, k)| *h *= k);
                let mut blame = top.learn(&heard.loudest, texts[number].class, rate);
                blame.iter_mut().zip(kept).for_each(|(b, k)| *b *= k);
                layer.learn(&bags, &heard, &blame, rate, &mut moved);
            }
        }
        layer
    }

    /// Moves the weights against the blame. Each feature steps the shorter the further it has moved, so that rare ones learn too.
    fn learn(&mut self, bags: &[Bag], heard: &Heard, blame: &Row, rate: f32, moved: &mut [f32]) {
        for (number, bag) in (0u32..).zip(bags) {
            let mut own = [0.0; UNITS];
            for (unit, by) in heard.by.iter().enumerate() {
                if *by == number {
                    own[unit] = blame[unit];
                }
            }
            let strength = dot(&own, &own) / UNITS as f32;
            if strength == 0.0 {
                continue;
            }
            for &(id, weight) in bag {
                let moved = &mut moved[id as usize];
                *moved += strength * weight * weight;
                add_scaled(&mut self.weights[id as usize], -rate * weight / (moved.sqrt() + 1e-4), &own);
            }
            add_scaled(&mut self.bias, -0.1 * rate, &own);
        }
    }
}

/// The softmax above the units, needed only while they learn.
struct Top {
    weights: Vec<Row>,
    bias: Vec<f32>,
    moved: Vec<f32>,
}

impl Top {
    /// Learns that what the units say means a class, and tells which units are to blame how much for what was thought instead.
    fn learn(&mut self, said: &Row, class: usize, rate: f32) -> Row {
        let mut off: Vec<f32> = self.weights.iter().zip(&self.bias).map(|(w, b)| dot(w, said) + b).collect();
        softmax(&mut off);
        off[class] -= 1.0;
        let mut blame = [0.0; UNITS];
        for (class, off) in off.into_iter().enumerate().filter(|(_, off)| off.abs() >= GRADIENT_MIN) {
            self.moved[class] += off * off;
            let step = rate * off / self.moved[class].sqrt();
            add_scaled(&mut blame, off, &self.weights[class]);
            add_scaled(&mut self.weights[class], -step, said);
            self.bias[class] -= 0.1 * step;
        }
        blame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nlu::features::{Vocabulary, occurrences};
    use crate::nlu::normalise::words;

    /// Two intents of which every word is in both: only what stands together tells them apart.
    const TEXTS: &[(usize, &str)] = &[
        (0, "red apple today please"),
        (0, "green pear today please"),
        (0, "please a red and round apple"),
        (0, "please a green and long pear"),
        (1, "red pear today please"),
        (1, "green apple today please"),
        (1, "please a red and long pear"),
        (1, "please a green and round apple"),
    ];

    fn trained() -> (Vocabulary, Net) {
        let found: Vec<_> = TEXTS.iter().map(|(_, text)| occurrences(&words(text))).collect();
        let vocabulary = Vocabulary::learn(&found, 1);
        let texts: Vec<Text> = TEXTS
            .iter()
            .zip(&found)
            .cycle()
            .take(40 * TEXTS.len())
            .map(|((class, _), o)| Text { features: vocabulary.look_up(o), class: *class, weight: 1.0 })
            .collect();
        let net = Net::train(&texts, 2, vocabulary.len());
        (vocabulary, net)
    }

    #[test]
    fn learns_what_stands_together() {
        let (vocabulary, net) = trained();
        for (class, text) in
            [(0, "a red apple today"), (0, "please a green pear"), (1, "a green apple today"), (1, "please a red pear")]
        {
            let point = net.point(&vocabulary.look_up(&occurrences(&words(text))), |_| 1.0);
            let length = dot(&point, &point);
            assert!((length - 1.0).abs() < 1e-4, "{length}");
            let (own, other) = (net.nearness(class, &point), net.nearness(1 - class, &point));
            assert!(own > other, "{text}: {own} {other}");
        }
    }

    #[test]
    fn learns_the_same_every_time() {
        let ((vocabulary, one), (_, two)) = (trained(), trained());
        let features = vocabulary.look_up(&occurrences(&words("a red apple")));
        assert_eq!(one.point(&features, |_| 1.0), two.point(&features, |_| 1.0));
        // Nothing known at all is a point like any other, and no class without examples is near it.
        let nothing = one.point(&[], |_| 1.0);
        assert!(one.nearness(0, &nothing).is_finite());
    }
}
