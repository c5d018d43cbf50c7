//! A small multinomial logistic regression on sparse features, by stochastic gradient descent with a seeded order. It is
//! our own because the kept Rust library for it (`linfa-logistic`) takes dense matrices only: 15 000 texts of 60 000
//! possible features would need 3.6 GB. Same data, same weights, on every run and machine.

use super::features::{Feature, scaled};
use super::file::{Reader, Writer};
use hotline_kernels::add_scaled;

/// How training runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// Passes over the data.
    pub(crate) epochs: u32,
    /// Step at the start; falls in a straight line to zero.
    pub(crate) rate: f32,
    /// Share of words hidden at random in each pass, as a recogniser drops and mishears them.
    pub(crate) dropout: f32,
}

/// Weights of a linear model with one score per class.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    classes: usize,
    /// One row of `classes` numbers per feature.
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// A text as the solver takes it.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) features: Vec<Feature>,
    pub(crate) class: usize,
    /// How much it counts.
    pub(crate) weight: f32,
}

/// Classes whose probability is off by less than this are left alone in an update: most of 150 classes are, and
/// skipping them makes training several times faster without changing the outcome.
const GRADIENT_MIN: f32 = 0.002;

impl Linear {
    /// Learns from the texts that `chosen` names.
    pub(crate) fn train(texts: &[Text], chosen: &[usize], classes: usize, features: usize, recipe: Recipe) -> Linear {
        let mut model = Linear { classes, weights: vec![0.0; features * classes], bias: vec![0.0; classes] };
        let mut order = chosen.to_vec();
        let mut chance = Chance(0x5eed);
        let steps = (recipe.epochs as usize * order.len()).max(1) as f32;
        let mut step = 0.0f32;
        let mut active = Vec::new();
        let mut scores = vec![0.0; classes];
        let mut off: Vec<(usize, f32)> = Vec::new();
        for _ in 0..recipe.epochs {
            chance.shuffle(&mut order);
            for &number in &order {
                let text = &texts[number];
                let hidden = chance.hidden(recipe.dropout);
                scaled(&text.features, |w| !hidden[usize::from(w) % 128], &mut active);
                model.scores(&active, &mut scores);
                softmax(&mut scores);
                scores[text.class] -= 1.0;
                let rate = recipe.rate * (1.0 - step / steps) * text.weight;
                off.clear();
                off.extend(scores.iter().enumerate().filter(|(_, g)| g.abs() > GRADIENT_MIN).map(|(c, g)| (c, g * rate)));
                model.update(&active, &off);
                step += 1.0;
            }
        }
        model
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.floats(&self.weights);
        out.floats(&self.bias);
    }

    /// Reads a model of so many classes and features.
    pub(super) fn read(from: &mut Reader<'_>, classes: usize, features: usize) -> Option<Linear> {
        let (weights, bias) = (from.floats()?, from.floats()?);
        let fits = weights.len() == classes.checked_mul(features)? && bias.len() == classes;
        fits.then_some(Linear { classes, weights, bias })
    }

    fn update(&mut self, active: &[(u32, f32)], off: &[(usize, f32)]) {
        for &(id, value) in active {
            let at = id as usize * self.classes;
            let row = &mut self.weights[at..at + self.classes];
            for &(class, g) in off {
                row[class] -= g * value;
            }
        }
        for &(class, g) in off {
            self.bias[class] -= g * 0.1;
        }
    }

    /// One score per class.
    pub(crate) fn scores(&self, active: &[(u32, f32)], out: &mut [f32]) {
        out.copy_from_slice(&self.bias);
        for &(id, value) in active {
            let at = id as usize * self.classes;
            let row = &self.weights[at..at + self.classes];
            add_scaled(out, value, row);
        }
    }
}

/// Scores to probabilities.
pub(crate) fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for s in scores.iter_mut() {
        *s = (*s - most).exp();
        sum += *s;
    }
    for s in scores.iter_mut() {
        *s /= sum;
    }
}

/// Seeded chance (SplitMix64), so that training is the same every time.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in 0..1.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = (self.next() % (i as u64 + 1)) as usize;
            items.swap(i, j);
        }
    }

    /// Which words a pass does not see.
    pub(crate) fn hidden(&mut self, share: f32) -> [bool; 128] {
        let mut out = [false; 128];
        if share > 0.0 {
            for word in &mut out[..40] {
                *word = self.unit() < share;
            }
        }
        out
    }
}
