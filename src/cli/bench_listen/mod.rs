//! `hotline bench listen`: the yardstick of turn-taking. When does the listener hear a caller, when does it think they are done, and what
//! does it take for a caller that is none? No recogniser runs.

mod measure;
mod music;
pub(crate) mod nobody;

use super::asr::read_table;
use super::bench_asr::conditions::{Condition, Surroundings};
use crate::audio::Pcm;
use nobody::{BACKGROUNDS, Nobody};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The conditions in which people are listened to.
const CONDITIONS: [&str; 6] = ["clean", "line", "white15", "white10", "kitchen10", "loss8"];
/// How much weaker our prompt comes back, dB.
const ECHOES: [f32; 3] = [-10.0, -20.0, -30.0];

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Folder with the recordings of real people.
    pub(crate) recordings: PathBuf,
    /// Every so many recordings.
    pub(crate) every: usize,
    /// Minutes of each background.
    pub(crate) minutes: f64,
}

/// Measures and prints.
///
/// # Errors
/// One sentence about the recordings.
pub(crate) fn run(asked: &Asked, as_json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let document = figures(asked).map_err(anyhow::Error::msg)?;
    match as_json {
        true => writeln!(out, "{document}")?,
        false => write!(out, "{}", text(&document))?,
    }
    Ok(true)
}

fn figures(asked: &Asked) -> Result<Value, String> {
    let surroundings = Surroundings::new(&asked.recordings);
    let (mut speech, mut echo, mut nobody) = (Vec::new(), Vec::new(), Vec::new());
    let orders = clips(&asked.recordings, "commands", asked.every)?;
    for name in CONDITIONS {
        let condition = Condition::parse(name)?;
        if let Some(why) = surroundings.lacks(condition) {
            eprintln!("bench listen: {name} is left out: {why}");
            continue;
        }
        speech.push(named(name, measure::speech(&orders, condition, &surroundings)));
        eprintln!("bench listen: speech, {name}");
    }
    let digits = clips(&asked.recordings, "digits", asked.every)?;
    let groups = measure::groups(&digits);
    match surroundings.prompt() {
        Some(prompt) => {
            for db in ECHOES {
                echo.push(named(&format!("{db:.0} dB"), measure::echo(prompt, db, 1)));
            }
        }
        None => eprintln!("bench listen: echo is left out: this hotline was built without flite, which speaks the prompt"),
    }
    for name in BACKGROUNDS {
        match Nobody::new(name, surroundings.kitchen()) {
            Some(sound) => nobody.push(named(name, measure::nobody(sound, asked.minutes))),
            None => eprintln!("bench listen: {name} is left out: there is no kitchen-noise.wav in the folder of recordings"),
        }
        eprintln!("bench listen: nobody, {name}");
    }
    Ok(json!({"every": asked.every, "speech": speech, "grouped_digits": groups, "echo": echo, "nobody": nobody}))
}

fn named(name: &str, mut figures: Value) -> Value {
    figures["name"] = name.into();
    figures
}

fn clips(recordings: &Path, folder: &str, every: usize) -> Result<Vec<Arc<Pcm>>, String> {
    let table = recordings.join(folder).join("index.tsv");
    let rows = read_table(&table, &[])
        .map_err(|why| format!("{why}\nGive the folder of recordings with --recordings (digits/, commands/)"))?;
    rows.iter().step_by(every.max(1)).map(|row| row.read().map_err(|why| format!("{}: {why}", row.name()))).collect()
}

fn text(document: &Value) -> String {
    let percent = |v: &Value| v.as_f64().map_or("–".to_string(), |v| format!("{:.1}", v * 100.0));
    let rows = |part: &str| document[part].as_array().cloned().unwrap_or_default();
    let name = |f: &Value| f["name"].as_str().unwrap_or("").to_string();
    let mut lines = vec![
        "| free speech | clips | min | balanced accuracy % | frames missed %, false % | not heard % | cut % | end noticed ms p50 / p95 |".to_string(),
        "|---|---|---|---|---|---|---|---|".to_string(),
    ];
    for f in rows("speech") {
        lines.push(format!(
            "| {} | {} | {} | {} | {}, {} | {} | {} | {} / {} |",
            name(&f),
            f["clips"],
            f["minutes"],
            percent(&f["balanced_accuracy"]),
            percent(&f["missed_frames"]),
            percent(&f["false_frames"]),
            percent(&f["missed"]),
            percent(&f["cut"]),
            f["endpoint_ms"]["p50"],
            f["endpoint_ms"]["p95"]
        ));
    }
    let groups = &document["grouped_digits"];
    lines.push(format!("\nGrouped digits with 1.2 s between: {} of {} cut.\n", groups["cut"], groups["groups"]));
    lines.extend(["| our own echo | s | turns |".to_string(), "|---|---|---|".to_string()]);
    lines.extend(rows("echo").iter().map(|f| format!("| {} | {} | {} |", name(f), f["seconds"], f["turns"])));
    lines.extend([
        "\n| nobody speaks before | min | starts | taken back | turns | an hour |".to_string(),
        "|---|---|---|---|---|---|".to_string(),
    ]);
    for f in rows("nobody") {
        let cells = ["minutes", "starts", "dismissed", "turns", "turns_per_hour"].map(|k| f[k].to_string());
        lines.push(format!("| {} | {} |", name(&f), cells.join(" | ")));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The goals with a margin, on a sample.
    #[test]
    fn turns_are_taken_by_people_alone() {
        let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval");
        if !recordings.join("commands").is_dir() {
            println!("SKIPPED: no recordings of real people at ../shared/eval");
            return;
        }
        let document = figures(&Asked { recordings, every: 30, minutes: 3.0 }).expect("figures");
        println!("{}", text(&document));
        let number = |f: &Value, key: &str| f[key].as_f64().unwrap_or(f64::NAN);
        for f in document["speech"].as_array().expect("rows") {
            assert!(number(f, "balanced_accuracy") >= 0.80 && number(f, "missed") <= 0.1 && number(f, "cut") <= 0.3, "{f}");
        }
        assert_eq!(document["grouped_digits"]["cut"], 0);
        assert!(document["echo"].as_array().expect("rows").iter().all(|f| f["turns"] == 0), "{}", document["echo"]);
        for f in document["nobody"].as_array().expect("rows") {
            let most = if f["name"] == "kitchen" { 12.0 } else { 1.0 };
            assert!(number(f, "turns") <= most, "{f}");
        }
    }

    #[test]
    fn music_and_tones_take_no_turn() {
        for name in ["silence", "line", "music", "pieces", "tones"] {
            let f = measure::nobody(Nobody::new(name, None).expect("made by rule"), 4.5);
            println!("{name}: {f}");
            let most = if name == "pieces" { 1 } else { 0 };
            assert!(f["turns"].as_u64() <= Some(most) && f["starts"].as_u64() <= Some(6), "{name}: {f}");
        }
    }

    #[test]
    fn without_recordings_there_is_a_sentence() {
        let asked = Asked { recordings: "/nowhere".into(), every: 1, minutes: 0.1 };
        assert!(figures(&asked).is_err_and(|why| why.contains("/nowhere") && why.contains("--recordings")));
    }
}
