//! What is heard: real people beside the repository, or a table of the operator's own.

use super::numbers::{self, CHECK, LENGTHS};
use crate::audio::{Dice, Pcm};
use crate::base::{Expect, Language};
use crate::cli::asr::{Ask, Row, Sound, read_table};
use crate::flow::Flow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The ten digits.
const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// Utterances in one call.
const CALL: usize = 10;

/// Pause between the digits of a string, milliseconds, least and most.
const GAP_MS: (usize, usize) = (60, 260);

/// How many strings a speaker says.
const STRINGS: usize = 60;

/// One utterance with what is expected of it.
pub(crate) struct Item {
    pub(crate) row: Row,
    /// Place in [`Set::asks`].
    pub(crate) ask: usize,
    /// Whether it is among what can be understood; else it should be refused.
    pub(crate) inside: bool,
    /// The intent that was meant, where intents are judged and there is one.
    pub(crate) means: Option<String>,
    /// Which call it belongs to: a new one, a new line.
    pub(crate) call: usize,
}

/// Utterances of one kind.
pub(crate) struct Set {
    pub(crate) name: String,
    pub(crate) asks: Vec<Ask>,
    pub(crate) items: Vec<Item>,
    pub(crate) judge: Judge,
}

/// What is counted as right.
pub(crate) enum Judge {
    /// The words, or the slots in them.
    Words,
    /// The digits, and what the product reads back; flows that ask for numbers of as many digits as each of [`Set::asks`] does.
    Numbers(Vec<Arc<Flow>>),
    /// That a person is asked for, or not.
    Person,
    /// What a call of this flow makes of it.
    Intents(Arc<Flow>),
}

/// The sets of the recordings of real people, in the order of the tables.
pub(crate) const SETS: [&str; 9] =
    ["digits", "strings", "orders", "reject", "foreign", "intents", "person", "phantoms", "capacity"];

/// Those of them that are no utterances with something to be heard right.
pub(crate) const OTHERS: [&str; 2] = ["phantoms", "capacity"];

/// Makes one of [`SETS`] from the folder of recordings, every so many utterances of it.
///
/// # Errors
/// One sentence when the recordings are not there or there is no such set.
pub(crate) fn make(name: &str, eval: &Path, every: usize) -> Result<Set, String> {
    match name {
        "digits" => {
            let ask = phrases(&DIGITS)?;
            Ok(set(name, vec![ask], calls(read_table(&eval.join("digits/index.tsv"), &[])?, every), |_| (0, true)))
        }
        "strings" => strings(&eval.join("digits/index.tsv"), every),
        "orders" => {
            let folder = eval.join("commands");
            let ask = Ask::read(Some(&format!("@{}", folder.join("slots.yaml").display())), None, Language::EN)?;
            Ok(set(name, vec![ask], calls(read_table(&folder.join("index.tsv"), &[])?, every), |_| (0, true)))
        }
        "reject" => {
            let ask = phrases(&DIGITS[..5])?;
            let inside = |row: &Row| row.transcript.as_deref().is_some_and(|t| DIGITS[..5].contains(&t));
            Ok(set(name, vec![ask], calls(read_table(&eval.join("digits/index.tsv"), &[])?, every), |row| (0, inside(row))))
        }
        "foreign" => {
            let mut rows = read_table(&eval.join("commands/index.tsv"), &[])?;
            rows.extend(read_table(&eval.join("words/index.tsv"), &[])?);
            // The one word among them that every ask listens for.
            rows.retain(|row| row.transcript.as_deref() != Some("agent"));
            let ask = Ask::expecting(Expect::YesNo { phrases: Arc::from([]) }, Language::EN);
            Ok(set(name, vec![ask], calls(rows, every), |_| (0, false)))
        }
        "intents" => super::intents::make(every),
        "person" => super::person::make(eval, every),
        other => Err(format!("there is no set {other:?}; choose among {}", SETS.join(", "))),
    }
}

/// An operator's own table.
///
/// # Errors
/// One sentence about the table or the grammar.
pub(crate) fn own(refs: &Path, grammar: Option<&str>, examples: Option<&[String]>, every: usize) -> Result<Set, String> {
    let ask = Ask::read(grammar, examples, Language::EN)?;
    let name = refs.parent().and_then(Path::file_name).map_or("refs".to_string(), |n| n.to_string_lossy().into_owned());
    Ok(set(&name, vec![ask], calls(read_table(refs, &[])?, every), |_| (0, true)))
}

/// A table under a list of phrases: what says one of them is inside, what says one of `without` (`None` = anything else) is left out.
///
/// # Errors
/// One sentence about the table.
pub(crate) fn listed(name: &str, refs: &Path, list: &[String], without: Option<&[String]>) -> Result<Set, String> {
    let says = |row: &Row, list: &[String]| row.transcript.as_ref().is_some_and(|t| list.contains(&crate::speech::spoken(t)));
    let mut rows = read_table(refs, &[])?;
    rows.retain(|row| says(row, list) || without.is_some_and(|w| !says(row, w)));
    let ask = phrases(&list.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(set(name, vec![ask], calls(rows, 1), |row| (0, says(row, list))))
}

fn phrases(list: &[&str]) -> Result<Ask, String> {
    Ask::read(Some(&list.join(" | ")), None, Language::EN)
}

fn set(name: &str, asks: Vec<Ask>, calls: Vec<Vec<Row>>, about: impl Fn(&Row) -> (usize, bool)) -> Set {
    let mut items = Vec::new();
    for (call, rows) in calls.into_iter().enumerate() {
        for row in rows {
            let (ask, inside) = about(&row);
            items.push(Item { row, ask, inside, means: None, call });
        }
    }
    Set { name: name.to_string(), asks, items, judge: Judge::Words }
}

/// Every so many rows as calls: ten utterances of one speaker in a mixed order; where nobody knows who speaks, one.
fn calls(rows: Vec<Row>, every: usize) -> Vec<Vec<Row>> {
    let mut out = Vec::new();
    let mut speakers: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows.into_iter().step_by(every.max(1)) {
        match &row.speaker {
            Some(speaker) => speakers.entry(speaker.clone()).or_default().push(row),
            None => out.push(vec![row]),
        }
    }
    for (_, mut rows) in speakers {
        shuffle(&mut rows);
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(CALL));
            out.push(std::mem::replace(&mut rows, rest));
        }
    }
    out
}

pub(crate) fn shuffle<T>(list: &mut [T]) {
    let mut dice = Dice::new(7);
    for i in (1..list.len()).rev() {
        list.swap(i, dice.below(i + 1));
    }
}

/// Strings of four to eight digits put together from single ones of one speaker, with the pauses of somebody who reads a number
/// aloud. The last is a check digit. The ask knows how many are coming.
fn strings(refs: &Path, every: usize) -> Result<Set, String> {
    let mut speakers: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in read_table(refs, &[])? {
        speakers.entry(row.speaker.clone().unwrap_or_default()).or_default().push(row);
    }
    let lengths: Vec<usize> = LENGTHS.collect();
    let expect = |n: usize| {
        let n = u8::try_from(n).unwrap_or(u8::MAX);
        Ask::expecting(Expect::Digits { min: n, max: n, check: Some(CHECK) }, Language::EN)
    };
    let asks = lengths.iter().map(|n| expect(*n)).collect();
    let mut dice = Dice::new(11);
    let mut made = Vec::new();
    for (speaker, rows) in &speakers {
        for n in 0..STRINGS {
            let length = lengths[n % lengths.len()];
            let (mut samples, mut words) = (Vec::new(), Vec::new());
            let digits: Vec<usize> = (1..length).map(|_| dice.below(DIGITS.len())).collect();
            let figures = digits.iter().filter_map(|d| char::from_digit(*d as u32, 10)).collect();
            for digit in numbers::checked(figures).bytes().map(|b| DIGITS[usize::from(b - b'0')]) {
                let of_digit: Vec<&Row> = rows.iter().filter(|r| r.transcript.as_deref() == Some(digit)).collect();
                let Some(row) = (!of_digit.is_empty()).then(|| of_digit[dice.below(of_digit.len())]) else { continue };
                if !samples.is_empty() {
                    let gap = (GAP_MS.0 + dice.below(GAP_MS.1 - GAP_MS.0)) * 8;
                    let from = samples.len();
                    samples.resize(from + gap, 0);
                    dice.add_noise(&mut samples[from..], 15.0);
                }
                samples.extend_from_slice(&row.read()?.samples);
                words.push(row.transcript.clone().unwrap_or_default());
            }
            let sound = Sound::Here(format!("{speaker}-{n}"), Arc::new(Pcm { samples }));
            made.push(Row { sound, transcript: Some(words.join(" ")), slots: None, speaker: Some(speaker.clone()) });
        }
    }
    let length = |row: &Row| row.transcript.as_deref().map_or(0, |t| t.split(' ').count());
    let flows = lengths.iter().map(|n| numbers::flow(*n, true)).collect::<Result<_, _>>()?;
    let set = set("strings", asks, calls(made, every), |row| (length(row).saturating_sub(lengths[0]), true));
    Ok(Set { judge: Judge::Numbers(flows), ..set })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_one_speaker_and_ten_utterances_at_most() {
        let row = |i: usize| Row {
            sound: Sound::File(format!("{i}.wav").into()),
            transcript: None,
            slots: None,
            speaker: Some(if i.is_multiple_of(3) { "a" } else { "b" }.to_string()),
        };
        let calls = calls((0..60).map(row).collect(), 2);
        assert_eq!(calls.iter().map(Vec::len).sum::<usize>(), 30);
        assert!(calls.iter().all(|c| c.len() <= CALL && c.iter().all(|r| r.speaker == c[0].speaker)));
        let plain = |n: usize| Row { speaker: None, ..row(n) };
        assert_eq!(super::calls((0..5).map(plain).collect(), 1).len(), 5);
    }

    #[test]
    fn wrong_names_and_missing_folders_are_sentences() {
        let nowhere = Path::new("/nowhere");
        assert!(make("birds", nowhere, 1).is_err_and(|why| why.contains("digits, strings")));
        assert!(make("digits", nowhere, 1).is_err_and(|why| why.contains("/nowhere/digits/index.tsv")));
    }
}
