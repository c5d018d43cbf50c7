//! The table before and after, measured with the engines that callers meet.

use crate::cli::bench_asr::heard_under;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// What every model must go on knowing.
const KNOWN: [&str; 12] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "yes", "no"];

/// Points by which known words may get worse and other words be accepted more often before the new model counts as no gain.
const LOSS_MOST: f64 = 3.0;

/// Conditions of the table (`bench asr`).
const CONDITIONS: [&str; 2] = ["line", "white10"];

/// One line of the table: shares in percent.
#[derive(Debug, Clone)]
struct Line {
    engine: &'static str,
    new: bool,
    condition: &'static str,
    /// The operator's phrases that were heard right and accepted, and that were taken for others.
    right: f64,
    wrong: f64,
    /// Other speech that was refused.
    refused: f64,
    /// Digits, yes and no heard right and accepted.
    known: f64,
}

/// The table.
pub(super) struct Table {
    lines: Vec<Line>,
    phrases: usize,
    clips: [usize; 3],
}

/// Hears the clips with the model that was and the one that is.
///
/// # Errors
/// One sentence about a file or an engine.
pub(super) fn compare(refs: &Path, phrases: &[String], file: &Path) -> Result<Table, String> {
    let known: Vec<String> = KNOWN.map(str::to_string).to_vec();
    let (mut lines, mut clips) = (Vec::new(), [0; 3]);
    for engine in ["small", "cascade"] {
        for new in [false, true] {
            let model = new.then_some(file);
            let own = heard_under(engine, model, refs, phrases, Some(&known), &CONDITIONS)?;
            let usual = heard_under(engine, model, refs, &known, None, &CONDITIONS)?;
            for (nth, condition) in CONDITIONS.into_iter().enumerate() {
                let (own, usual) = (&own[nth], &usual[nth]);
                clips = [own.inside, own.outside, usual.inside];
                let percent = |n: usize, of: usize| 100.0 * n as f64 / of.max(1) as f64;
                lines.push(Line {
                    engine,
                    new,
                    condition,
                    right: percent(own.right, own.inside),
                    wrong: percent(own.wrong, own.inside),
                    refused: percent(own.refused, own.outside),
                    known: percent(usual.right, usual.inside),
                });
            }
        }
    }
    Ok(Table { lines, phrases: phrases.len(), clips })
}

impl Table {
    fn of(&self, new: bool) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |l| l.engine == "cascade" && l.new == new)
    }

    /// Whether callers gain: more of the operator's phrases are heard right, and nothing else is lost.
    pub(super) fn is_better(&self) -> bool {
        let mean = |new: bool, what: fn(&Line) -> f64| self.of(new).map(what).sum::<f64>() / CONDITIONS.len() as f64;
        let gain = |what: fn(&Line) -> f64| mean(true, what) - mean(false, what);
        gain(|l| l.right) > 0.0 && gain(|l| l.known) >= -LOSS_MOST && gain(|l| l.refused) >= -LOSS_MOST
    }

    /// For programs.
    pub(super) fn document(&self, file: &Path) -> Value {
        let lines = self.lines.iter().map(|l| {
            json!({"engine": l.engine, "model": if l.new { "new" } else { "before" }, "condition": l.condition, "right": l.right / 100.0,
                "wrong": l.wrong / 100.0, "other_speech_refused": l.refused / 100.0, "known_right": l.known / 100.0})
        });
        json!({"file": file, "phrases": self.phrases, "better": self.is_better(), "clips": {"phrases": self.clips[0],
            "other_speech": self.clips[1], "known": self.clips[2]}, "lines": lines.collect::<Vec<_>>()})
    }

    /// For people.
    pub(super) fn text(&self, file: &Path) -> String {
        let [own, others, known] = self.clips;
        let mut out = format!(
            "Voices that the training did not use, {own} clips of your {} phrases, {others} of other speech, {known} of digits, yes and no:\n\n\
             engine    model   condition   yours: right  taken for another   other speech refused   digits, yes, no: right\n",
            self.phrases
        );
        for l in &self.lines {
            let _ = writeln!(
                out,
                "{:<9} {:<7} {:<11} {:>10.1} %  {:>15.1} %  {:>19.1} %  {:>20.1} %",
                l.engine,
                if l.new { "new" } else { "before" },
                l.condition,
                l.right,
                l.wrong,
                l.refused,
                l.known
            );
        }
        out += "\ncascade = what callers meet: the streaming engine with the small model behind it.\n";
        out += &if self.is_better() {
            format!("Next: ears_model = \"{}\" under [speech] in hotline.toml, then restart the gateway.", file.display())
        } else {
            "Callers gain nothing by it: leave it out, or train longer (--steps) or with more of what it knew (--share)."
                .to_string()
        };
        out
    }
}
