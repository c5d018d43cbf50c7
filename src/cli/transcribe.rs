//! `hotline transcribe`: files to text, with the engine in this very process, and figures against a reference table.
//! Each file is one utterance.

use super::asr::{Ask, Engine, Figures, Heard, Row, read_table};
use crate::audio::Pcm;
use crate::base::Language;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::PathBuf;

/// What to transcribe and how.
#[derive(Debug, Clone, Default)]
pub struct TranscribeArgs {
    /// Sound files. May be empty when `refs` names them.
    pub files: Vec<PathBuf>,
    /// `pocketsphinx` (default), `whisper`, `small` or `cascade`.
    pub engine: Option<String>,
    /// Whisper model file.
    pub model: Option<PathBuf>,
    /// `a | b | c`, or `@FILE`: a JSGF grammar, or YAML `slot: [values]` with an optional list `carrier` of words around them.
    pub grammar: Option<String>,
    /// Example sentences of a flow (`--flow`), for the model of its open questions.
    pub examples: Option<Vec<String>>,
    /// A table with the columns `file`, `transcript` and/or `slots`, and optionally `speaker`.
    pub refs: Option<PathBuf>,
    /// The language spoken; English if not given.
    pub language: Option<Language>,
    /// JSON lines, or one document with `refs`, instead of text.
    pub json: bool,
}

/// Does it. `Ok(false)` when a file could not be read or nothing at all was understood.
///
/// # Errors
/// One sentence about the arguments, the grammar, the table or the engine.
pub fn transcribe(args: &TranscribeArgs, out: &mut dyn Write) -> Result<bool, String> {
    let rows = match &args.refs {
        None => args.files.iter().map(|path| Row::plain(path)).collect(),
        Some(refs) => read_table(refs, &args.files)?,
    };
    if rows.is_empty() {
        return Err("nothing to transcribe; name a sound file or give --refs index.tsv".to_string());
    }
    let ask = Ask::read(args.grammar.as_deref(), args.examples.as_deref(), args.language.unwrap_or_default())?;
    let name = args.engine.as_deref().unwrap_or(if args.model.is_some() { "whisper" } else { "pocketsphinx" });
    let mut engine = Engine::open(name, args.model.as_deref(), &ask, false)?;
    let mut figures = Figures::default();
    let mut good = true;
    let mut speaker: Option<String> = None;
    for row in &rows {
        let sound = match row.read() {
            Ok(sound) => sound,
            Err(why) => {
                good = false;
                let _ = writeln!(out, "{}", line(args.json, &json!({"file": row.name(), "error": why})));
                continue;
            }
        };
        // A call is one speaker on one line; without that column each file is a call of its own.
        if row.speaker.is_none() || row.speaker != speaker {
            engine.new_call();
            speaker.clone_from(&row.speaker);
        }
        let heard = engine.hear(&ask, &sound)?;
        let slots = ask.slots.as_ref().map(|s| s.find(&heard.hypothesis.text));
        let document = document(row, &heard, slots.as_ref(), &sound);
        figures.count(row, &heard, slots.as_ref(), &sound, true);
        if args.refs.is_none() || !args.json {
            let _ = writeln!(out, "{}", line(args.json, &document));
        }
    }
    if args.refs.is_some() {
        let _ = writeln!(out, "{}", if args.json { figures.summary().to_string() } else { figures.text() });
    }
    Ok(good && figures.utterances > 0)
}

fn document(row: &Row, heard: &Heard, slots: Option<&Map<String, Value>>, sound: &Pcm) -> Value {
    let (cpu, heard) = (heard.cpu, &heard.hypothesis);
    let mut out = json!({
        "file": row.name(),
        "text": heard.text,
        "confidence": heard.confidence,
        "rejected": heard.rejected,
        "words": heard.words,
        "audio_ms": sound.millis(),
        "cpu_ms": (cpu.as_secs_f64() * 1e3).round(),
        "engine": heard.engine,
        "why": heard.why,
    });
    if let Some(slots) = slots {
        out["slots"] = Value::Object(slots.clone());
    }
    if let Some(truth) = &row.transcript {
        out["transcript"] = json!(truth);
    }
    out
}

fn line(json: bool, document: &Value) -> String {
    if json {
        return document.to_string();
    }
    let file = document["file"].as_str().unwrap_or("");
    if let Some(why) = document["error"].as_str() {
        return format!("{file}: {why}");
    }
    let doubt = document["rejected"].as_str().map(|why| format!("  (rejected: {why})")).unwrap_or_default();
    format!(
        "{file}: {}  [{:.2}, {} ms CPU for {} ms]{doubt}",
        document["text"].as_str().unwrap_or(""),
        document["confidence"].as_f64().unwrap_or(0.0),
        document["cpu_ms"],
        document["audio_ms"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn real_orders_in_a_cafe() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval/commands");
        if !folder.exists() || !cfg!(feature = "pocketsphinx") || std::env::var_os("HOTLINE_FIGURES").is_none() {
            eprintln!("skipped: set HOTLINE_FIGURES=1 where {} is there", folder.display());
            return;
        }
        let args = TranscribeArgs {
            files: (0..300).step_by(20).map(|i| format!("c{i:03}.wav").into()).collect(),
            grammar: Some(format!("@{}/slots.yaml", folder.display())),
            refs: Some(folder.join("index.tsv")),
            ..TranscribeArgs::default()
        };
        let mut out = Vec::new();
        assert_eq!(transcribe(&args, &mut out), Ok(true));
        println!("{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn wrong_arguments_are_sentences() {
        let with = |args: TranscribeArgs| transcribe(&args, &mut Vec::new()).expect_err("wrong");
        assert!(with(TranscribeArgs::default()).contains("name a sound file"));
        let files = vec![PathBuf::from("x.wav")];
        let engine = Some("magic".to_string());
        assert!(with(TranscribeArgs { files: files.clone(), engine, ..TranscribeArgs::default() }).contains("magic"));
        let grammar = Some("@/nowhere.yaml".to_string());
        assert!(with(TranscribeArgs { files, grammar, ..TranscribeArgs::default() }).contains("/nowhere.yaml"));
    }
}
