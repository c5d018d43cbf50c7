//! What a run found, as a table for people and as the file of results, which keeps the sections of other runs.

use serde_json::Value;
use std::fmt::Write as _;

/// First lines of the file of results.
const HEAD: &str = "# What the ears hear\n\nWritten by `hotline bench asr`; do not edit, run it again. Each section is one engine and one \
    set; a run replaces the sections that it measured. Right = whole utterance as it was said; AUC = how well the confidence tells what \
    should be accepted (where everything could be understood: right results) from the rest, 0.5 = blindly; refused = how much of the \
    rest is refused where 10 % of the good is, thresholds set on other speakers; delay = from the last sound to the result on a \
    processor of its own.\n";

/// One engine before one set: a row for each condition.
pub(crate) struct Section {
    pub(crate) engine: String,
    pub(crate) set: String,
    /// The command line, the day, the machine.
    pub(crate) how: String,
    /// Name of the condition and the figures' document.
    pub(crate) rows: Vec<(String, Value)>,
    pub(crate) columns: Columns,
}

/// Which table a set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    Words,
    Numbers,
    Dialogue,
    Intents,
    Person,
    Phantoms,
    Capacity,
}

const COLUMNS: &str = "| condition | utterances | sound s | right % | word errors % | slots: all %, each % | wrong accepted % | right refused % | AUC | \
     refused % (and of good) | CPU s/s | delay ms p50 / p95 |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";

/// What is refused, with what of the good is refused along with it.
fn refused(f: &Value) -> String {
    let rejected = &f["rejected_at_10_percent_false_reject"];
    if rejected.is_null() { "–".to_string() } else { format!("{} ({})", percent(rejected), percent(&f["false_reject"])) }
}

fn percent(value: &Value) -> String {
    value.as_f64().map_or("–".to_string(), |v| format!("{:.1}", v * 100.0))
}

fn number(value: &Value, digits: usize) -> String {
    value.as_f64().map_or("–".to_string(), |v| format!("{v:.digits$}"))
}

impl Section {
    fn title(&self) -> String {
        format!("## {} · {}", self.engine, self.set)
    }

    /// The section with its title.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}\n\n{}\n\n", self.title(), self.how);
        match self.columns {
            Columns::Words => self.words(&mut out),
            Columns::Numbers => self.numbers(&mut out),
            Columns::Dialogue => self.dialogue(&mut out),
            Columns::Intents => self.intents(&mut out),
            Columns::Person => self.person(&mut out),
            Columns::Phantoms => self.phantoms(&mut out),
            Columns::Capacity => self.capacity(&mut out),
        }
        if let Some((condition, first)) = self.rows.first()
            && let Some(speakers) = first["speakers"].as_object().filter(|s| s.len() > 1)
        {
            let list: Vec<String> = speakers.iter().map(|(name, share)| format!("{name} {}", percent(share))).collect();
            let _ = writeln!(out, "\nRight by speaker ({condition}): {} %.", list.join(", "));
        }
        out
    }

    fn numbers(&self, out: &mut String) {
        self.words(out);
        out.push_str(
            "\n| condition | with their check digit read back right % | wrong % | asked again % |\n|---|---|---|---|\n",
        );
        for (condition, f) in &self.rows {
            let [right, wrong, again] = ["read_back_right", "read_back_wrong", "asked_again"].map(|k| percent(&f[k]));
            let _ = writeln!(out, "| {condition} | {right} | {wrong} | {again} |");
        }
    }

    fn dialogue(&self, out: &mut String) {
        out.push_str("| number | callers | right at once % | ≤ 1 extra turn % | ≤ 2 % | ≤ 3 % | wrongly confirmed % |\n");
        out.push_str("|---|---|---|---|---|---|---|\n");
        for (number, f) in &self.rows {
            let shares = ["at_once", "within_1", "within_2", "within_3", "wrongly_confirmed"].map(|k| percent(&f[k]));
            let _ = writeln!(out, "| {number} | {} | {} |", f["callers"], shares.join(" | "));
        }
    }

    fn intents(&self, out: &mut String) {
        out.push_str("| condition | questions | sound s | correct % | asked again % | wrongly answered % | of no intent | of these answered % ");
        out.push_str("| wrongly answered of all % | word errors % | CPU s/s | delay ms p50 / p95 |\n");
        out.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        for (condition, f) in &self.rows {
            let _ = writeln!(
                out,
                "| {condition} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} / {} |",
                f["questions"],
                number(&f["audio_seconds"], 0),
                percent(&f["correct"]),
                percent(&f["asked_again"]),
                percent(&f["wrongly_answered"]),
                f["outside"],
                percent(&f["outside_answered"]),
                percent(&f["wrongly_answered_of_all"]),
                percent(&f["wer"]),
                number(&f["cpu_seconds_per_second"], 3),
                number(&f["delay_ms"]["p50"], 0),
                number(&f["delay_ms"]["p95"], 0),
            );
        }
    }

    fn person(&self, out: &mut String) {
        out.push_str(
            "| condition | requests | heard % | without espeak % | before the end % | orders min | false alarms in them ",
        );
        out.push_str(
            "| all other speech h | false alarms | an hour | CPU s/s |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for (condition, f) in &self.rows {
            let _ = writeln!(
                out,
                "| {condition} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                f["requests"],
                percent(&f["heard"]),
                percent(&f["heard_without_espeak"]),
                percent(&f["early"]),
                number(&f["orders_minutes"], 1),
                f["orders_false_alarms"],
                number(&f["other_speech_hours"], 2),
                f["false_alarms"],
                number(&f["false_alarms_an_hour"], 1),
                number(&f["cpu_seconds_per_second"], 3),
            );
        }
        if let Some((_, first)) = self.rows.first()
            && let Some(kinds) = first["other_speech"].as_object()
        {
            let list: Vec<String> = kinds.iter().map(|(kind, f)| format!("{kind} {} min", number(&f["minutes"], 1))).collect();
            let _ = writeln!(out, "\nOther speech: {}.", list.join(", "));
        }
    }

    fn phantoms(&self, out: &mut String) {
        out.push_str("| nobody speaks before | min | taken for speech | turns | words at an open question | words at yes or no | a person asked for |\n");
        out.push_str("|---|---|---|---|---|---|---|\n");
        for (background, f) in &self.rows {
            let _ = writeln!(
                out,
                "| {background} | {} | {} | {} | {} | {} | {} |",
                number(&f["minutes"], 1),
                f["noticed"],
                f["turns"],
                f["accepted_open"],
                f["accepted_yes_no"],
                f["persons"],
            );
        }
    }

    fn capacity(&self, out: &mut String) {
        out.push_str(
            "Grammar, key phrases and rejection on; processor time, so that other work on the machine does not count.\n\n",
        );
        out.push_str("| question (who speaks) | speech s | utterances | listener CPU s/s | engine CPU s a second of speech ");
        out.push_str("| calls a core, speaking 20 % | calls a core, speaking always | MB a caller who speaks |\n|---|---|---|---|---|---|---|---|\n");
        for (kind, f) in &self.rows {
            let _ = writeln!(
                out,
                "| {kind} | {} | {} | {} | {} | {} | {} | {} |",
                number(&f["speech_seconds"], 0),
                f["utterances"],
                number(&f["listener_cpu_seconds_per_second"], 4),
                number(&f["engine_cpu_seconds_per_second_of_speech"], 3),
                number(&f["calls_per_core"], 1),
                number(&f["calls_per_core_continuous"], 1),
                number(&f["private_mb"], 0),
            );
        }
    }

    fn words(&self, out: &mut String) {
        out.push_str(COLUMNS);
        for (condition, f) in &self.rows {
            let share = |n: &str| match (f[n].as_f64(), f["utterances"].as_f64()) {
                (Some(n), Some(all)) if all > 0.0 => format!("{:.1}", 100.0 * n / all),
                _ => "–".to_string(),
            };
            let slots = match f["slots_recall"].is_null() {
                true => "–".to_string(),
                false => format!("{}, {}", percent(&f["slots_exact"]), percent(&f["slots_recall"])),
            };
            let _ = writeln!(
                out,
                "| {condition} | {} | {} | {} | {} | {slots} | {} | {} | {} | {} | {} | {} / {} |",
                f["utterances"],
                number(&f["audio_seconds"], 0),
                percent(&f["exact"]),
                percent(&f["wer"]),
                share("wrong"),
                share("right_refused"),
                number(&f["auc"], 3),
                refused(f),
                number(&f["cpu_seconds_per_second"], 3),
                number(&f["delay_ms"]["p50"], 0),
                number(&f["delay_ms"]["p95"], 0),
            );
        }
    }
}

/// Puts sections into the text of a file of results, each in the place of the one of the same engine and set.
pub(crate) fn merge(before: &str, sections: &[Section]) -> String {
    let mut kept: Vec<(String, String)> = Vec::new();
    for part in before.split("\n## ").skip(1) {
        let title = format!("## {}", part.lines().next().unwrap_or(""));
        kept.push((title, format!("## {}\n", part.trim_end())));
    }
    for section in sections {
        let (title, text) = (section.title(), section.text());
        match kept.iter_mut().find(|(t, _)| *t == title) {
            Some((_, old)) => *old = text,
            None => kept.push((title, text)),
        }
    }
    kept.into_iter().fold(HEAD.to_string(), |all, (_, text)| format!("{all}\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn section(set: &str, exact: f64) -> Section {
        let figures =
            json!({"utterances": 4, "exact": exact, "wrong": 1, "slots_recall": null, "speakers": {"a": 1.0, "b": 0.5}});
        Section {
            engine: "e".into(),
            set: set.into(),
            how: "so".into(),
            rows: vec![("clean".into(), figures)],
            columns: Columns::Words,
        }
    }

    #[test]
    fn a_run_replaces_its_own_sections_and_keeps_the_others() {
        let first = merge("", &[section("digits", 0.5), section("orders", 0.25)]);
        let second = merge(&first, &[section("digits", 0.875)]);
        assert!(second.contains("| clean | 4 | – | 87.5 |") && !second.contains("| 50.0 | –"), "{second}");
        assert!(second.contains("## e · orders\n") && second.matches("## e · ").count() == 2);
        assert!(second.contains("25.0") && second.contains("a 100.0, b 50.0 %"));
        assert_eq!(merge(&second, &[section("digits", 0.875)]), second);
    }
}
