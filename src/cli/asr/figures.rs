//! Sums over many utterances.

use super::curves::{self, Rejection, Scored};
use super::{Confusions, Heard, Row};
use crate::audio::{LINE_RATE, Pcm};
use crate::cli::bench_figures::quantile;
use crate::speech::spoken;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What was right and what it cost.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) utterances: usize,
    transcripts: usize,
    exact: usize,
    errors: usize,
    words: usize,
    labelled: usize,
    slots_exact: usize,
    slots_right: usize,
    slots: usize,
    cpu_seconds: f64,
    /// Length of all the sound.
    pub(crate) seconds: f64,
    /// Milliseconds from the end of the sound to the result.
    delays: Vec<f64>,
    /// Utterances and whole ones that were right, by speaker.
    speakers: BTreeMap<String, (usize, usize)>,
    /// Right and accepted, right and refused, wrong and accepted, wrong and refused.
    verdicts: [usize; 4],
    /// Of the wrong and accepted, those that could not be understood at all.
    accepted_outside: usize,
    persons: Persons,
    answers: Answers,
    /// Numbers that were read back right, read back wrong, and asked for again.
    numbers: [usize; 3],
    confusions: Confusions,
    /// The confidence of each that is known to be right or wrong, and which.
    curve: Vec<(Scored, bool)>,
}

/// The kind of other speech in which a request for a person may never be heard: orders as they were recorded.
pub(crate) const ORDERS: &str = "orders";

/// Requests for a person and other speech.
#[derive(Debug, Default)]
struct Persons {
    early: usize,
    /// Seconds and false alarms, by kind of other speech.
    others: BTreeMap<String, (f64, usize)>,
}

/// What becomes of a caller who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Gets the answer.
    Right,
    /// Is asked again.
    Again,
    /// Gets another answer.
    Wrong,
}

/// What became of questions: those that the flow knows, then those that it does not.
#[derive(Debug, Default)]
struct Answers {
    /// By [`Outcome`].
    inside: [usize; 3],
    outside: [usize; 3],
}

fn rate(n: usize, of: usize) -> Value {
    if of == 0 { Value::Null } else { json!(n as f64 / of as f64) }
}

impl Figures {
    /// Counts one. `inside` = whether the words were among those that could be understood at all; others should be refused.
    pub(crate) fn count(&mut self, row: &Row, heard: &Heard, slots: Option<&Map<String, Value>>, sound: &Pcm, inside: bool) {
        self.cost(heard, sound);
        let mut right = None;
        if let Some(truth) = row.transcript.as_ref().filter(|_| inside) {
            let (truth, text) = (spoken(truth), spoken(&heard.hypothesis.text));
            let (truth, text): (Vec<&str>, Vec<&str>) = (truth.split_whitespace().collect(), text.split_whitespace().collect());
            right = Some(truth == text);
            self.words(&truth, &text);
        }
        if let (Some(truth), Some(found)) = (&row.slots, slots) {
            let same = |(slot, value): (&String, &Value)| {
                let value = value.as_str().map(spoken);
                value.is_some() && found.get(slot).and_then(Value::as_str).map(str::to_string) == value
            };
            let n = truth.iter().filter(|pair| same(*pair)).count();
            let whole = n == truth.len() && found.len() == truth.len();
            right = Some(right.unwrap_or(true) && whole);
            self.labelled += 1;
            self.slots_exact += usize::from(whole);
            self.slots_right += n;
            self.slots += truth.len();
        }
        let right = if inside { right } else { Some(false) };
        if let Some(right) = right {
            let refused = heard.hypothesis.rejected.is_some();
            self.verdicts[usize::from(!right) * 2 + usize::from(refused)] += 1;
            self.accepted_outside += usize::from(!inside && !refused);
            let speaker = row.speaker.clone().unwrap_or_default();
            if inside {
                let (all, good) = self.speakers.entry(speaker.clone()).or_default();
                (*all, *good) = (*all + 1, *good + usize::from(right));
            }
            let score = heard.hypothesis.confidence.get();
            self.curve.push((Scored { score, accept: inside, speaker }, right));
        }
    }

    /// Accepted utterances: right ones, wrong ones among what can be understood, and those that cannot be.
    pub(crate) fn accepted(&self) -> [usize; 3] {
        let [right, _, wrong, _] = self.verdicts;
        [right, wrong - self.accepted_outside, self.accepted_outside]
    }

    fn words(&mut self, truth: &[&str], text: &[&str]) {
        self.transcripts += 1;
        self.exact += usize::from(truth == text);
        self.errors += word_errors(truth, text);
        self.words += truth.len();
    }

    /// Counts one where matters what the caller gets. `inside` = the flow knows an answer.
    pub(crate) fn count_answer(&mut self, row: &Row, heard: &Heard, sound: &Pcm, inside: bool, outcome: Outcome) {
        self.cost(heard, sound);
        let sums = if inside { &mut self.answers.inside } else { &mut self.answers.outside };
        sums[outcome as usize] += 1;
        if inside {
            let (truth, text) = (spoken(row.transcript.as_deref().unwrap_or("")), spoken(&heard.hypothesis.text));
            self.words(&truth.split_whitespace().collect::<Vec<_>>(), &text.split_whitespace().collect::<Vec<_>>());
            let (all, good) = self.speakers.entry(row.speaker.clone().unwrap_or_default()).or_default();
            (*all, *good) = (*all + 1, *good + usize::from(outcome == Outcome::Right));
        }
    }

    /// Counts what the product reads back of a number (figures), `None` = it asks again.
    pub(crate) fn count_number(&mut self, row: &Row, heard: &Heard, read_back: Option<String>) {
        let (truth, text) = (spoken(row.transcript.as_deref().unwrap_or("")), spoken(&heard.hypothesis.text));
        self.confusions.align(&truth.split_whitespace().collect::<Vec<_>>(), &text.split_whitespace().collect::<Vec<_>>());
        let outcome = match read_back {
            Some(digits) if crate::nlu::slots::digits(&truth) == Some(digits.clone()) => Outcome::Right,
            Some(_) => Outcome::Wrong,
            None => Outcome::Again,
        };
        self.numbers[outcome as usize] += 1;
    }

    /// Which digit was heard for which.
    pub(crate) fn confusions(&self) -> &Confusions {
        &self.confusions
    }

    /// What came of numbers.
    pub(crate) fn number_document(&self) -> Value {
        let all = self.numbers.iter().sum();
        let mut out = self.document();
        out["read_back_right"] = rate(self.numbers[Outcome::Right as usize], all);
        out["read_back_wrong"] = rate(self.numbers[Outcome::Wrong as usize], all);
        out["asked_again"] = rate(self.numbers[Outcome::Again as usize], all);
        out["confusions"] = self.confusions.document();
        out
    }

    /// What callers got.
    pub(crate) fn answer_document(&self) -> Value {
        let Answers { inside, outside } = &self.answers;
        let (all, others) = (inside.iter().sum::<usize>(), outside.iter().sum::<usize>());
        json!({
            "questions": all,
            "correct": rate(inside[Outcome::Right as usize], all),
            "asked_again": rate(inside[Outcome::Again as usize], all),
            "wrongly_answered": rate(inside[Outcome::Wrong as usize], all),
            "outside": others,
            "outside_answered": rate(outside[Outcome::Wrong as usize], others),
            "wrongly_answered_of_all": rate(inside[Outcome::Wrong as usize] + outside[Outcome::Wrong as usize], all + others),
            "wer": rate(self.errors, self.words),
            "audio_seconds": self.seconds,
            "cpu_seconds_per_second": self.cpu_per_second(),
            "delay_ms": {"p50": quantile(&self.delays, 0.5), "p95": quantile(&self.delays, 0.95)},
            "speakers": self.by_speaker(),
        })
    }

    /// Counts what it took; the length of the sound in seconds.
    fn cost(&mut self, heard: &Heard, sound: &Pcm) -> f64 {
        let seconds = sound.samples.len() as f64 / f64::from(LINE_RATE);
        self.utterances += 1;
        self.cpu_seconds += heard.cpu.as_secs_f64();
        self.seconds += seconds;
        self.delays.push(heard.delay.as_secs_f64() * 1e3);
        seconds
    }

    /// Counts one where only matters whether a person is asked for. `inside` = somebody does.
    pub(crate) fn count_person(&mut self, row: &Row, heard: &Heard, sound: &Pcm, inside: bool) {
        let seconds = self.cost(heard, sound);
        let noticed = heard.asks_for_person();
        if inside {
            let (all, good) = self.speakers.entry(row.speaker.clone().unwrap_or_default()).or_default();
            (*all, *good) = (*all + 1, *good + usize::from(noticed));
            self.persons.early += usize::from(heard.person.is_some());
        } else {
            let kind = self.persons.others.entry(row.speaker.clone().unwrap_or_default()).or_default();
            *kind = (kind.0 + seconds, kind.1 + usize::from(noticed));
        }
    }

    /// What came of requests for a person, and of other speech.
    pub(crate) fn person_document(&self) -> Value {
        let (all, heard) = self.speakers.values().fold((0, 0), |(a, h), (all, good)| (a + all, h + good));
        let bounded = self.speakers.iter().filter(|(voice, _)| *voice != "espeak").map(|(_, n)| n);
        let (bounded_all, bounded_heard) = bounded.fold((0, 0), |(a, h), (all, good)| (a + all, h + good));
        let hours = |seconds: f64| seconds / 3_600.0;
        let (orders_seconds, orders_alarms) = self.persons.others.get(ORDERS).copied().unwrap_or_default();
        let (seconds, alarms) = self.persons.others.values().fold((0.0, 0), |(s, a), (t, n)| (s + t, a + n));
        let kinds = self
            .persons
            .others
            .iter()
            .map(|(kind, (seconds, alarms))| (kind.clone(), json!({"minutes": seconds / 60.0, "false_alarms": alarms})));
        json!({
            "requests": all,
            "heard": rate(heard, all),
            "heard_without_espeak": rate(bounded_heard, bounded_all),
            "early": rate(self.persons.early, all),
            "orders_minutes": orders_seconds / 60.0,
            "orders_false_alarms": orders_alarms,
            "other_speech_hours": hours(seconds),
            "false_alarms": alarms,
            "false_alarms_an_hour": if seconds > 0.0 { json!(alarms as f64 / hours(seconds)) } else { Value::Null },
            "other_speech": kinds.collect::<Map<_, _>>(),
            "cpu_seconds_per_second": self.cpu_per_second(),
            "speakers": self.by_speaker(),
        })
    }

    fn by_speaker(&self) -> Value {
        let speakers = self.speakers.iter().filter(|(name, _)| !name.is_empty());
        speakers.map(|(name, (all, good))| (name.clone(), rate(*good, *all))).collect::<Map<_, _>>().into()
    }

    /// Adds up what was counted elsewhere.
    pub(crate) fn add(&mut self, other: Figures) {
        self.utterances += other.utterances;
        self.transcripts += other.transcripts;
        self.exact += other.exact;
        self.errors += other.errors;
        self.words += other.words;
        self.labelled += other.labelled;
        self.slots_exact += other.slots_exact;
        self.slots_right += other.slots_right;
        self.slots += other.slots;
        self.cpu_seconds += other.cpu_seconds;
        self.seconds += other.seconds;
        self.delays.extend(other.delays);
        for (speaker, (all, good)) in other.speakers {
            let mine = self.speakers.entry(speaker).or_default();
            *mine = (mine.0 + all, mine.1 + good);
        }
        self.verdicts.iter_mut().zip(other.verdicts).for_each(|(a, b)| *a += b);
        self.accepted_outside += other.accepted_outside;
        self.curve.extend(other.curve);
        self.persons.early += other.persons.early;
        for (kind, (seconds, alarms)) in other.persons.others {
            let mine = self.persons.others.entry(kind).or_default();
            *mine = (mine.0 + seconds, mine.1 + alarms);
        }
        self.numbers.iter_mut().zip(other.numbers).for_each(|(a, b)| *a += b);
        self.confusions.add(&other.confusions);
        self.answers.inside.iter_mut().zip(other.answers.inside).for_each(|(a, b)| *a += b);
        self.answers.outside.iter_mut().zip(other.answers.outside).for_each(|(a, b)| *a += b);
    }

    /// The document of `transcribe --refs`.
    pub(crate) fn summary(&self) -> Value {
        json!({
            "utterances": self.utterances,
            "exact": rate(self.exact, self.transcripts),
            "wer": rate(self.errors, self.words),
            "slots_exact": rate(self.slots_exact, self.labelled),
            "slots_recall": rate(self.slots_right, self.slots),
            "cpu_seconds_per_second": self.cpu_per_second(),
            "audio_seconds": self.seconds,
        })
    }

    fn cpu_per_second(&self) -> f64 {
        self.cpu_seconds / self.seconds.max(1e-3)
    }

    /// How good the confidence is: at refusing what cannot be understood, where such was among it, else at telling right
    /// results from wrong ones.
    pub(crate) fn curve(&self) -> (Option<f64>, Option<Rejection>) {
        let foreign = self.curve.iter().any(|(s, _)| !s.accept);
        let side = |(s, right): &(Scored, bool)| Scored { accept: if foreign { s.accept } else { *right }, ..s.clone() };
        let curve: Vec<Scored> = self.curve.iter().map(side).collect();
        (curves::auc(&curve), curves::rejection(&curve, 0.1))
    }

    /// The same with what a bench tells besides.
    pub(crate) fn document(&self) -> Value {
        let mut out = self.summary();
        let [right, right_refused, wrong, wrong_refused] = self.verdicts;
        let (auc, rejection) = self.curve();
        out["right"] = json!(right);
        out["right_refused"] = json!(right_refused);
        out["wrong"] = json!(wrong);
        out["wrong_refused"] = json!(wrong_refused);
        out["auc"] = json!(auc);
        out["rejected_at_10_percent_false_reject"] = json!(rejection.map(|r| r.rejected));
        out["false_reject"] = json!(rejection.map(|r| r.false_reject));
        out["delay_ms"] = json!({"p50": quantile(&self.delays, 0.5), "p95": quantile(&self.delays, 0.95)});
        out["speakers"] = self.by_speaker();
        out
    }

    /// The line under a transcription.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{} utterances, {:.0} s of sound", self.utterances, self.seconds);
        let percent = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
        if self.transcripts > 0 {
            out += &format!(", {:.1} % exact", percent(self.exact, self.transcripts));
            out += &format!(", word error rate {:.1} %", percent(self.errors, self.words));
        }
        if self.labelled > 0 {
            out += &format!(", all slots right {:.1} %", percent(self.slots_exact, self.labelled));
            out += &format!(", slots found {:.1} %", percent(self.slots_right, self.slots));
        }
        out + &format!(", {:.3} CPU seconds a second", self.cpu_per_second())
    }
}

/// Fewest words to change, add or drop (Levenshtein).
fn word_errors(truth: &[&str], heard: &[&str]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (i, t) in truth.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, h) in heard.iter().enumerate() {
            let changed = before + usize::from(t != h);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[heard.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_between_words() {
        assert_eq!(word_errors(&["a", "b", "c"], &["a", "c"]), 1);
        assert_eq!(word_errors(&["a"], &["x", "y"]), 2);
        assert_eq!(word_errors(&[], &[]), 0);
    }
}
