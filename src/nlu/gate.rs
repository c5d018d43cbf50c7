//! Whether to believe the best rank: a small logistic regression over what the ranking shows (its margin, the
//! competition of "none of them", likeness to an example, unknown words), fitted on texts that the ranking model had not
//! seen. Its output is the calibrated probability that the best intent is the right one.

use super::core::Ranking;
use super::file::{Reader, Writer};

/// Evidence for the gate, the constant first.
pub(crate) const EVIDENCE: usize = 9;

/// One held-out text: what was seen, whether believing it would have been right, how much it counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) evidence: [f32; EVIDENCE],
    pub(crate) right: bool,
    pub(crate) weight: f32,
}

/// The fitted weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    weights: [f64; EVIDENCE],
}

/// Weights fitted over 16 flows of 12 intents and 10 examples each (drawn from CLINC150 and BANKING77); where a flow's
/// own held-out texts say little, they stand.
const TYPICAL: [f64; EVIDENCE] = [0.4, 1.2, 0.25, -0.42, 1.2, -0.05, 0.19, 0.0, 0.0];

/// How many held-out texts the typical weights are worth.
const TYPICAL_COUNTS: f64 = 40.0;

impl Gate {
    /// Fits by Newton's method with a pull towards the typical weights. Weights of the trials should sum to their number.
    #[expect(clippy::needless_range_loop, reason = "matrix indices read like the formula")]
    pub(crate) fn fit(trials: &[Trial]) -> Gate {
        let mut weights = TYPICAL;
        for _ in 0..12 {
            let mut slope = [0.0f64; EVIDENCE];
            let mut curve = [[0.0f64; EVIDENCE]; EVIDENCE];
            for (j, (w, t)) in weights.iter().zip(&TYPICAL).enumerate() {
                slope[j] = PULL * TYPICAL_COUNTS * (w - t);
                curve[j][j] = PULL * TYPICAL_COUNTS;
            }
            for trial in trials {
                let p = chance(&weights, &trial.evidence);
                let off = f64::from(trial.weight) * (p - f64::from(u8::from(trial.right)));
                let bend = f64::from(trial.weight) * p * (1.0 - p);
                for j in 0..EVIDENCE {
                    let e = f64::from(trial.evidence[j]);
                    slope[j] += off * e;
                    for k in 0..=j {
                        curve[j][k] += bend * e * f64::from(trial.evidence[k]);
                    }
                }
            }
            for j in 0..EVIDENCE {
                for k in j + 1..EVIDENCE {
                    curve[j][k] = curve[k][j];
                }
            }
            weights = downhill(&weights, solve(curve, slope), trials);
        }
        Gate { weights }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.words(&self.weights.map(f64::to_bits));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Gate> {
        let bits: [u64; EVIDENCE] = from.words()?.try_into().ok()?;
        Some(Gate { weights: bits.map(f64::from_bits) })
    }

    /// Probability that the best intent is meant.
    pub(crate) fn believe(&self, ranking: &Ranking) -> f32 {
        chance(&self.weights, &evidence(ranking)) as f32
    }
}

/// Newton's step, halved until the loss really falls: on texts that separate cleanly the whole step overshoots.
fn downhill(weights: &[f64; EVIDENCE], step: [f64; EVIDENCE], trials: &[Trial]) -> [f64; EVIDENCE] {
    let now = loss(weights, trials);
    let mut share = 1.0;
    for _ in 0..12 {
        let mut tried = *weights;
        for (w, s) in tried.iter_mut().zip(step) {
            *w -= share * s;
        }
        if loss(&tried, trials) < now {
            return tried;
        }
        share /= 2.0;
    }
    *weights
}

fn loss(weights: &[f64; EVIDENCE], trials: &[Trial]) -> f64 {
    let pull: f64 = weights.iter().zip(&TYPICAL).map(|(w, t)| (w - t) * (w - t)).sum();
    let misses: f64 = trials
        .iter()
        .map(|t| {
            let p = chance(weights, &t.evidence).clamp(1e-9, 1.0 - 1e-9);
            -f64::from(t.weight) * if t.right { p.ln() } else { (1.0 - p).ln() }
        })
        .sum();
    misses + pull * PULL * TYPICAL_COUNTS / 2.0
}

/// Stiffness of the pull per counted text.
const PULL: f64 = 0.02;

/// What a ranking shows.
pub(crate) fn evidence(r: &Ranking) -> [f32; EVIDENCE] {
    let Some(&best) = r.order.first() else { return [0.0; EVIDENCE] };
    let against = logit(r.against_outside[best]);
    [
        1.0,
        // A lone intent has no rival but everyday speech.
        if r.intents.len() > 1 { logit(r.intents[best]) } else { against },
        against,
        r.likeness,
        r.likeness - r.likeness_next,
        r.coverage,
        (1.0 + r.words as f32).ln(),
        r.nearness,
        // The linear model alone knows better than the mixture when it has met nothing of the kind.
        r.linear_alone.map_or(0.0, logit),
    ]
}

fn logit(p: f32) -> f32 {
    let p = p.clamp(0.001, 0.999);
    (p / (1.0 - p)).ln()
}

fn chance(weights: &[f64; EVIDENCE], evidence: &[f32; EVIDENCE]) -> f64 {
    let z: f64 = weights.iter().zip(evidence).map(|(w, e)| w * f64::from(*e)).sum();
    1.0 / (1.0 + (-z).exp())
}

/// Solves `matrix · x = right` by elimination with pivots; the matrix is positive definite by its ridge.
#[expect(clippy::needless_range_loop, reason = "matrix indices read like the formula")]
fn solve(mut matrix: [[f64; EVIDENCE]; EVIDENCE], mut right: [f64; EVIDENCE]) -> [f64; EVIDENCE] {
    for i in 0..EVIDENCE {
        let pivot = (i..EVIDENCE).max_by(|a, b| matrix[*a][i].abs().total_cmp(&matrix[*b][i].abs())).unwrap_or(i);
        matrix.swap(i, pivot);
        right.swap(i, pivot);
        if matrix[i][i].abs() < 1e-12 {
            continue;
        }
        for j in i + 1..EVIDENCE {
            let factor = matrix[j][i] / matrix[i][i];
            for k in i..EVIDENCE {
                matrix[j][k] -= factor * matrix[i][k];
            }
            right[j] -= factor * right[i];
        }
    }
    let mut x = [0.0; EVIDENCE];
    for i in (0..EVIDENCE).rev() {
        let rest: f64 = (i + 1..EVIDENCE).map(|k| matrix[i][k] * x[k]).sum();
        x[i] = if matrix[i][i].abs() < 1e-12 { 0.0 } else { (right[i] - rest) / matrix[i][i] };
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(margin: f32, right: bool) -> Trial {
        Trial { evidence: [1.0, margin, 0.0, 0.5, 0.2, 0.9, 1.5, 0.0, 0.0], right, weight: 1.0 }
    }

    #[test]
    fn without_trials_the_typical_weights_stand() {
        assert_eq!(Gate::fit(&[]).weights, TYPICAL);
    }

    #[test]
    fn many_trials_move_the_border() {
        // In this flow a margin below 3 is nearly always wrong.
        let trials: Vec<Trial> =
            (0..2_000).map(|i| trial(i as f32 / 400.0, if i % 10 == 0 { i <= 1_200 } else { i > 1_200 })).collect();
        let gate = Gate::fit(&trials);
        assert!(chance(&gate.weights, &trial(2.0, false).evidence) < 0.3);
        assert!(chance(&gate.weights, &trial(4.0, false).evidence) > 0.7);
    }
}
