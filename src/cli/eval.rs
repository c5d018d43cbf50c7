//! `hotline eval`: how good the intent matcher is on labelled questions.

use super::args::EvalArgs;
use crate::nlu::{EvalReport, Judged, Matcher, Mishearing, OUT_OF_SCOPE, cross_validate};
use anyhow::Context;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    figures: &'a EvalReport,
    intents: usize,
    accept_from: f32,
    train_seconds: f64,
    micros_per_match: f64,
    cross_validated: Option<CrossValidated>,
}

/// How good the matcher is on the table it learns from, each text judged by a matcher that has not seen it, at `accept_from`.
#[derive(Serialize)]
struct CrossValidated {
    folds: u8,
    in_scope: usize,
    out_of_scope: usize,
    accuracy_in_scope: f64,
    recall_out_of_scope: f64,
    auroc: f64,
}

/// Trains on one table, tests on another (`intent<TAB>text`, intent `oos` = out of scope) and prints the figures.
/// `Ok(true)`: the tables could be used; there is no pass mark.
///
/// # Errors
/// A table that cannot be read or has a line without a tab (with file, line and remedy), or examples without words.
pub(crate) fn eval(args: &EvalArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (train, test) = (labelled(&args.train)?, labelled(&args.test)?);
    let test = match args.errors {
        rate if rate > 0.0 => {
            let more = args.heard_as.as_deref().map(word_list).transpose()?.unwrap_or_default();
            misheard(&train, &test, &more, f64::from(rate), args.seeds)
        }
        _ => test,
    };
    let started = Instant::now();
    let matcher = Matcher::train_labelled(&train)?;
    let train_seconds = started.elapsed().as_secs_f64();
    // The first text in Chinese reads the segmenter's dictionary; that is no part of a match.
    for (_, text) in test.iter().take(1) {
        matcher.decide(text);
    }
    let started = Instant::now();
    let judged: Vec<Judged> =
        test.iter().map(|(meant, text)| Judged { meant: meant.clone(), decided: matcher.decide(text) }).collect();
    let micros_per_match = started.elapsed().as_secs_f64() * 1e6 / judged.len() as f64;
    let figures = EvalReport::of(&judged);
    let cross_validated = cross_validated(&train, args.folds);
    let report = Report {
        figures: &figures,
        intents: matcher.intents().len(),
        accept_from: matcher.accept_from().get(),
        train_seconds,
        micros_per_match,
        cross_validated,
    };
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(&report, out)?;
    }
    Ok(true)
}

/// Says on a terminal how far it is, in one line that goes away again.
fn cross_validated(train: &[(String, String)], folds: u8) -> Option<CrossValidated> {
    // With fewer lines than folds some matcher would be asked nothing that is out of scope, with none there is nothing to hold out.
    let outside = train.iter().filter(|(intent, _)| intent == OUT_OF_SCOPE).count();
    if folds < 2 || outside < usize::from(folds) {
        return None;
    }
    let terminal = std::io::stderr().is_terminal();
    let judged = cross_validate(train, usize::from(folds), &mut |fold| {
        if terminal {
            eprint!("\rhotline: cross-validation, part {fold} of {folds} ...");
        }
    });
    if terminal {
        eprint!("\r\x1b[K");
    }
    // The whole table could be learned from; only its parts are too small.
    let f = judged.ok()?;
    Some(CrossValidated {
        folds,
        in_scope: f.in_scope,
        out_of_scope: f.out_of_scope,
        accuracy_in_scope: f.accuracy_in_scope,
        recall_out_of_scope: f.recall_out_of_scope,
        auroc: f.auroc,
    })
}

/// Every text once for each seed, with word errors; `more` are words that others may turn into, too.
fn misheard(
    train: &[(String, String)],
    test: &[(String, String)],
    more: &[String],
    rate: f64,
    seeds: u8,
) -> Vec<(String, String)> {
    let vocabulary = train.iter().chain(test).map(|(_, text)| text.as_str()).chain(more.iter().map(String::as_str));
    let mut errors = Mishearing::new(vocabulary, rate, 1);
    let mut all = Vec::new();
    for seed in 1..=seeds {
        errors.begin(u64::from(seed));
        all.extend(test.iter().map(|(intent, text)| (intent.clone(), errors.hear(text))));
    }
    all
}

/// The words at the beginnings of the lines, without the numbers of variants (`read(2)`).
fn word_list(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let word = |line: &str| line.split([' ', '\t', '(']).next().unwrap_or_default().to_string();
    Ok(text.lines().map(word).filter(|w| w.chars().all(char::is_alphabetic) && !w.is_empty()).collect())
}

fn print(report: &Report<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let f = report.figures;
    let percent = |x: f64| format!("{:5.1} %", x * 100.0);
    writeln!(
        out,
        "{} intents, trained in {:.1} s, {:.0} µs per match",
        report.intents, report.train_seconds, report.micros_per_match
    )?;
    writeln!(out, "in scope      {:6}   answered rightly {}", f.in_scope, percent(f.accuracy_in_scope))?;
    writeln!(out, "                       rejected         {}", percent(f.rejected_in_scope))?;
    writeln!(out, "                       ranked first     {}", percent(f.accuracy_ranking))?;
    if f.out_of_scope > 0 {
        writeln!(out, "out of scope  {:6}   rejected         {}", f.out_of_scope, percent(f.recall_out_of_scope))?;
        writeln!(out, "telling the two apart (AUROC)          {:.3}", f.auroc)?;
    }
    if let Some(c) = &report.cross_validated {
        writeln!(out, "cross-validated over {} parts of the table learned from", c.folds)?;
        writeln!(out, "in scope      {:6}   answered rightly {}", c.in_scope, percent(c.accuracy_in_scope))?;
        writeln!(out, "out of scope  {:6}   rejected         {}", c.out_of_scope, percent(c.recall_out_of_scope))?;
        writeln!(out, "telling the two apart (AUROC)          {:.3}", c.auroc)?;
    }
    writeln!(out, "calibration error                      {:.3}", f.calibration_error)?;
    writeln!(out, "accepted from   answered rightly   answered wrongly   out of scope rejected")?;
    for t in &f.sweep {
        let here = if t.accept == report.accept_from { " <" } else { "" };
        let [right, wrong, refused] = [t.accuracy_in_scope, t.wrong_in_scope, t.recall_out_of_scope].map(percent);
        writeln!(
            out,
            "{:10.2}{:>18}{:>19}{:>22}{here}",
            t.accept,
            right,
            wrong,
            if f.out_of_scope > 0 { refused } else { "–".to_string() }
        )?;
    }
    if !f.confusions.is_empty() {
        writeln!(out, "most frequent mistakes (meant → decided)")?;
    }
    for c in f.confusions.iter().take(15) {
        writeln!(out, "{:6}  {} → {}", c.count, c.meant, c.decided)?;
    }
    Ok(())
}

/// Reads `intent<TAB>text` lines; blank lines and those that begin with `#` are skipped, and a heading `intent<TAB>text`.
fn labelled(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name}: cannot be read as text"))?;
    let mut out = Vec::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') || number == 0 && line.trim() == "intent\ttext" {
            continue;
        }
        let Some((intent, said)) = line.split_once('\t').filter(|(i, t)| !i.trim().is_empty() && !t.trim().is_empty()) else {
            anyhow::bail!(
                "{name}:{}: no intent, tab and text: write `intent<TAB>text`, for example `price<TAB>how much is it`",
                number + 1
            );
        };
        out.push((intent.trim().to_string(), said.trim().to_string()));
    }
    anyhow::ensure!(!out.is_empty(), "{name}: holds no line `intent<TAB>text`");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        file
    }

    fn args(train: &Path, test: &Path) -> EvalArgs {
        EvalArgs {
            train: train.into(),
            test: test.into(),
            lang: crate::base::Language::EN,
            errors: 0.0,
            heard_as: None,
            seeds: 5,
            folds: 2,
        }
    }

    const TRAIN: &str = "intent\ttext\nhours\twhen are you open\nhours\twhat are your opening hours\nprice\thow much is it\nprice\twhat does it cost\noos\tsing a song\n";

    #[test]
    fn prints_the_keys_that_programs_rely_on() {
        let (train, test) = (file(TRAIN), file("hours\twhen are you open\n\n# note\noos\tmy cat is asleep\n"));
        let mut out = Vec::new();
        assert!(eval(&args(train.path(), test.path()), true, &mut out).expect("a report"));
        let report: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        for key in ["accuracy_in_scope", "recall_out_of_scope", "auroc", "micros_per_match", "train_seconds"] {
            assert!(report[key].is_f64(), "{key}: {report}");
        }
        assert_eq!(report["accuracy_in_scope"], 1.0);
        assert!(report["cross_validated"].is_null(), "one line out of scope cannot be divided: {report}");
        out.clear();
        eval(&args(train.path(), test.path()), false, &mut out).expect("a report");
        assert!(String::from_utf8_lossy(&out).starts_with("2 intents"));
    }

    #[test]
    fn what_is_learned_from_is_judged_in_parts_too() {
        let train = file(&format!("{TRAIN}oos\twhat is the weather like\noos\tmy cat is asleep\n"));
        let test = file("hours\twhen are you open\n");
        let mut out = Vec::new();
        eval(&args(train.path(), test.path()), true, &mut out).expect("a report");
        let report: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let parts = &report["cross_validated"];
        assert_eq!(
            (&parts["folds"], &parts["in_scope"], &parts["out_of_scope"]),
            (&2.into(), &4.into(), &3.into()),
            "{report}"
        );
        for key in ["accuracy_in_scope", "recall_out_of_scope", "auroc"] {
            assert!(parts[key].is_f64(), "{key}: {report}");
        }
        out.clear();
        eval(&args(train.path(), test.path()), false, &mut out).expect("a report");
        assert!(String::from_utf8_lossy(&out).contains("cross-validated over 2 parts"));
        out.clear();
        eval(&EvalArgs { folds: 0, ..args(train.path(), test.path()) }, false, &mut out).expect("a report");
        assert!(!String::from_utf8_lossy(&out).contains("cross-validated"));
    }

    #[test]
    fn a_bad_line_is_named_with_its_remedy() {
        let (train, test) = (file(TRAIN), file("hours\twhen\nprice how much\n"));
        let error = eval(&args(train.path(), test.path()), false, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains(":2: ") && error.contains("<TAB>"), "{error}");
        assert!(eval(&args(Path::new("/nowhere"), test.path()), false, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_pronouncing_dictionary_is_a_list_of_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("words.dict");
        std::fs::write(&path, "parcel P AA R S AH L\nread R EH D\nread(2) R IY D\n'em AH M\n\n3 TH R IY\n").expect("written");
        assert_eq!(word_list(&path).expect("words"), ["parcel", "read", "read"]);
        assert!(word_list(&folder.path().join("gone")).is_err());
    }
}
