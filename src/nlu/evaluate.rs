//! How good a matcher is on labelled texts.

use super::matcher::{Example, Matcher, NluError};
use super::meaning::{IntentName, Match};
use crate::base::Language;
use serde::Serialize;
use std::collections::BTreeMap;

/// The label of texts that belong to no intent.
pub const OUT_OF_SCOPE: &str = "oos";

/// Figures over a labelled test set. Rates are fractions 0–1, and 0 where there is nothing to count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvalReport {
    /// Texts with an intent.
    pub in_scope: usize,
    /// Texts without one.
    pub out_of_scope: usize,
    /// Share of in-scope texts given their own intent; a rejected one counts as wrong.
    pub accuracy_in_scope: f64,
    /// Share of in-scope texts whose own intent ranked first, accepted or not.
    pub accuracy_ranking: f64,
    /// Share of in-scope texts rejected.
    pub rejected_in_scope: f64,
    /// Share of out-of-scope texts rejected.
    pub recall_out_of_scope: f64,
    /// That a random in-scope text has a higher confidence than a random out-of-scope one (area under the ROC curve).
    pub auroc: f64,
    /// Mean distance between confidence and how often it was right, in ten bands (expected calibration error).
    pub calibration_error: f64,
    /// Wrong decisions, most frequent first.
    pub confusions: Vec<Confusion>,
    /// What other thresholds would do, from lenient to strict.
    pub sweep: Vec<Threshold>,
}

/// What a threshold does: intents count from this confidence on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// The least confidence that counts.
    pub accept: f32,
    /// Share of in-scope texts given their own intent.
    pub accuracy_in_scope: f64,
    /// Share of in-scope texts given another.
    pub wrong_in_scope: f64,
    /// Share of out-of-scope texts rejected.
    pub recall_out_of_scope: f64,
}

/// The thresholds that are tried.
const SWEEP: [f32; 10] = [0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];

/// A kind of wrong decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// The label.
    pub meant: IntentName,
    /// What was decided (`oos` = rejected).
    pub decided: IntentName,
    /// How often.
    pub count: usize,
}

/// A labelled text with what the matcher decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The label.
    pub meant: IntentName,
    /// The decision.
    pub decided: Match,
}

/// Trains on `(intent, text)` pairs and tests on others; the intent `oos` means out of scope in both.
///
/// # Errors
/// What [`Matcher::train`] says of the training texts.
pub fn evaluate(train: &[(String, String)], test: &[(String, String)]) -> Result<EvalReport, NluError> {
    let matcher = Matcher::train_labelled(train)?;
    let judged: Vec<Judged> =
        test.iter().map(|(meant, text)| Judged { meant: meant.clone(), decided: matcher.decide(text) }).collect();
    Ok(EvalReport::of(&judged))
}

/// Judges every text by a matcher that has not seen it: the texts are dealt into `folds` parts, intent by intent, and each is decided by what was
/// trained on the other parts; lines that are out of scope are held out like the rest. A test set of a few out-of-scope lines says little about
/// refusing; this uses all there are. `begins` is told which fold begins, counted from 1.
///
/// # Errors
/// What [`Matcher::train`] says of the parts.
pub fn cross_validate(pairs: &[(String, String)], folds: usize, begins: &mut dyn FnMut(usize)) -> Result<EvalReport, NluError> {
    let folds = folds.max(2);
    let mut dealt: BTreeMap<&str, usize> = BTreeMap::new();
    let mut parts = Vec::with_capacity(pairs.len());
    for (intent, _) in pairs {
        let next = dealt.entry(intent).or_default();
        parts.push(*next % folds);
        *next += 1;
    }
    let mut judged = Vec::with_capacity(pairs.len());
    for fold in 0..folds {
        begins(fold + 1);
        let of =
            |held_out: bool| pairs.iter().zip(&parts).filter(move |(_, p)| (**p == fold) == held_out).map(|(pair, _)| pair);
        let matcher = Matcher::train_labelled(&of(false).cloned().collect::<Vec<_>>())?;
        judged.extend(of(true).map(|(meant, text)| Judged { meant: meant.clone(), decided: matcher.decide(text) }));
    }
    Ok(EvalReport::of(&judged))
}

impl Matcher {
    /// Trains on `(intent, text)` pairs; the intent `oos` means out of scope. The language is told by the script.
    ///
    /// # Errors
    /// As [`Matcher::train`].
    pub fn train_labelled(pairs: &[(String, String)]) -> Result<Matcher, NluError> {
        let language = |t: &str| if t.chars().any(super::normalise::is_han) { Language::ZH } else { Language::EN };
        let (outside, inside): (Vec<_>, Vec<_>) = pairs.iter().partition(|(intent, _)| intent == OUT_OF_SCOPE);
        let examples: Vec<Example> = inside
            .into_iter()
            .map(|(intent, text)| Example { intent: intent.clone(), text: text.clone(), language: language(text) })
            .collect();
        let background: Vec<String> = outside.into_iter().map(|(_, text)| text.clone()).collect();
        Matcher::train(&examples, &background)
    }
}

impl EvalReport {
    /// Counts decisions.
    pub fn of(judged: &[Judged]) -> EvalReport {
        let (outside, inside): (Vec<&Judged>, Vec<&Judged>) = judged.iter().partition(|j| j.meant == OUT_OF_SCOPE);
        EvalReport {
            in_scope: inside.len(),
            out_of_scope: outside.len(),
            accuracy_in_scope: share(&inside, &|j| j.decided.intent.as_ref() == Some(&j.meant)),
            accuracy_ranking: share(&inside, &ranked_first),
            rejected_in_scope: share(&inside, &|j| j.decided.intent.is_none()),
            recall_out_of_scope: share(&outside, &|j| j.decided.intent.is_none()),
            auroc: auroc(&inside, &outside),
            calibration_error: calibration_error(judged),
            confusions: confusions(judged),
            sweep: SWEEP.map(|accept| threshold(accept, &inside, &outside)).to_vec(),
        }
    }
}

fn threshold(accept: f32, inside: &[&Judged], outside: &[&Judged]) -> Threshold {
    let counts = |j: &Judged| j.decided.confidence.get() >= accept;
    Threshold {
        accept,
        accuracy_in_scope: share(inside, &|j| counts(j) && ranked_first(j)),
        wrong_in_scope: share(inside, &|j| counts(j) && !ranked_first(j)),
        recall_out_of_scope: share(outside, &|j| !counts(j)),
    }
}

fn share(of: &[&Judged], is: &dyn Fn(&Judged) -> bool) -> f64 {
    of.iter().filter(|j| is(j)).count() as f64 / of.len().max(1) as f64
}

fn ranked_first(j: &Judged) -> bool {
    j.decided.ranked.first().is_some_and(|r| r.0 == j.meant)
}

/// By ranks (Mann–Whitney), ties counting half.
fn auroc(inside: &[&Judged], outside: &[&Judged]) -> f64 {
    if inside.is_empty() || outside.is_empty() {
        return 0.0;
    }
    let mut sorted: Vec<f32> = outside.iter().map(|j| j.decided.confidence.get()).collect();
    sorted.sort_by(f32::total_cmp);
    let mut wins = 0.0;
    for j in inside {
        let c = j.decided.confidence.get();
        let below = sorted.partition_point(|o| *o < c);
        let not_above = sorted.partition_point(|o| *o <= c);
        wins += below as f64 + (not_above - below) as f64 / 2.0;
    }
    wins / (inside.len() as f64 * outside.len() as f64)
}

fn calibration_error(judged: &[Judged]) -> f64 {
    let mut bands = [(0usize, 0.0f64, 0.0f64); 10];
    for j in judged {
        let c = f64::from(j.decided.confidence.get());
        let band = &mut bands[((c * 10.0) as usize).min(9)];
        band.0 += 1;
        band.1 += c;
        band.2 += f64::from(u8::from(ranked_first(j)));
    }
    bands.iter().map(|(_, said, was)| (said - was).abs()).sum::<f64>() / judged.len().max(1) as f64
}

fn confusions(judged: &[Judged]) -> Vec<Confusion> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for j in judged {
        let decided = j.decided.intent.as_deref().unwrap_or(OUT_OF_SCOPE);
        if decided != j.meant {
            *counts.entry((&j.meant, decided)).or_default() += 1;
        }
    }
    let mut out: Vec<Confusion> = counts
        .into_iter()
        .map(|((meant, decided), count)| Confusion { meant: meant.to_string(), decided: decided.to_string(), count })
        .collect();
    out.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.meant, &a.decided).cmp(&(&b.meant, &b.decided))));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Confidence;

    fn judged(meant: &str, decided: Option<&str>, first: &str, confidence: f32) -> Judged {
        let confidence = Confidence::new(confidence);
        let ranked = vec![(first.to_string(), confidence)];
        let decided = Match { intent: decided.map(String::from), confidence, ranked, why: String::new() };
        Judged { meant: meant.to_string(), decided }
    }

    #[test]
    fn a_rejected_question_counts_as_wrong() {
        let report = EvalReport::of(&[
            judged("a", Some("a"), "a", 0.9),
            judged("a", None, "a", 0.3),
            judged("b", Some("a"), "a", 0.6),
            judged("b", Some("b"), "b", 0.8),
            judged("oos", None, "a", 0.1),
            judged("oos", Some("b"), "b", 0.7),
        ]);
        assert_eq!(report.accuracy_in_scope, 0.5);
        assert_eq!(report.accuracy_ranking, 0.75);
        assert_eq!(report.recall_out_of_scope, 0.5);
        // Pairs won: .9 over both, .3 over one, .6 over one, .8 over both = 6 of 8.
        assert_eq!(report.auroc, 0.75);
        assert_eq!(report.confusions.len(), 3);
        let at = |accept: f32| report.sweep.iter().find(|t| t.accept == accept).expect("tried");
        assert_eq!((at(0.7).accuracy_in_scope, at(0.7).recall_out_of_scope), (0.5, 0.5));
        assert_eq!((at(0.2).accuracy_in_scope, at(0.2).wrong_in_scope, at(0.2).recall_out_of_scope), (0.75, 0.25, 0.5));
        assert_eq!(at(0.8).recall_out_of_scope, 1.0);
    }

    #[test]
    fn every_text_is_held_out_once() {
        let pair = |i: &str, t: &str| (i.to_string(), t.to_string());
        let mut pairs = Vec::new();
        for day in ["monday", "tuesday", "friday", "sunday"] {
            pairs.push(pair("hours", &format!("when are you open on {day}")));
            pairs.push(pair("price", &format!("how much does it cost on {day}")));
            pairs.push(pair(OUT_OF_SCOPE, &format!("sing me a song about {day}")));
        }
        // Nobody can learn this intent where its only example is held out.
        pairs.push(pair("lost", "i cannot find my umbrella"));
        let mut begun = Vec::new();
        let report = cross_validate(&pairs, 4, &mut |fold| begun.push(fold)).expect("figures");
        assert_eq!(begun, [1, 2, 3, 4]);
        assert_eq!((report.in_scope, report.out_of_scope), (9, 4));
        assert_eq!((report.accuracy_ranking, report.recall_out_of_scope), (8.0 / 9.0, 1.0), "{report:?}");
    }

    #[test]
    fn nothing_to_count_is_zero_and_no_panic() {
        assert_eq!(EvalReport::of(&[]).auroc, 0.0);
    }
}
