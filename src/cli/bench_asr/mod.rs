//! `hotline bench asr`: the yardstick of the ears. One engine before sets of real people's recordings, each in several
//! conditions; a table for people, JSON for programs, and the file of results.

mod capacity;
pub(crate) mod conditions;
mod details;
mod intents;
pub(crate) mod line;
mod numbers;
mod person;
mod phantoms;
mod played;
mod report;
mod sets;
mod spoken;

use super::asr::{Engine, Figures, Heard, Outcome};
use super::bench_figures::round;
use super::bench_listen::nobody::BACKGROUNDS;
use super::bench_process::load_average;
use crate::speech::spoken;
use anyhow::Context as _;
use conditions::{CONDITIONS, Condition, Surroundings};
use details::Details;
use played::Taken;
use report::{Columns, Section};
use serde_json::json;
use sets::{Item, Judge, OTHERS, SETS, Set};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What to measure.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// `pocketsphinx` or `whisper`.
    pub(crate) engine: String,
    /// Whisper model file.
    pub(crate) model: Option<PathBuf>,
    /// Names of [`SETS`]; empty = all, or only the operator's own table if there is one.
    pub(crate) sets: Vec<String>,
    /// Names of conditions; empty = all.
    pub(crate) conditions: Vec<String>,
    /// Folder with the recordings of real people.
    pub(crate) recordings: PathBuf,
    /// A table of the operator's own.
    pub(crate) refs: Option<PathBuf>,
    /// What may be said in it.
    pub(crate) grammar: Option<String>,
    /// Or the example sentences of a flow.
    pub(crate) examples: Option<Vec<String>>,
    /// Take every so many utterances.
    pub(crate) every: usize,
    /// Engines at one time.
    pub(crate) jobs: usize,
    /// Tell each utterance that was not heard as it should be.
    pub(crate) misses: bool,
    /// A file for what was heard of each utterance.
    pub(crate) details: Option<PathBuf>,
    /// The file of results.
    pub(crate) results: PathBuf,
}

/// Measures and writes; false when nothing at all was understood.
///
/// # Errors
/// One sentence about names, files or the engine.
pub(crate) fn run(asked: &Asked, as_json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let conditions =
        chosen(&asked.conditions, &CONDITIONS.map(|(name, _)| name), Condition::parse).map_err(anyhow::Error::msg)?;
    let sets = all_sets(asked).map_err(anyhow::Error::msg)?;
    let surroundings = Surroundings::new(&asked.recordings);
    let details = Details::create(asked.details.as_deref())?;
    let mut sections = Vec::new();
    for set in &sets {
        let mut possible = Vec::new();
        for condition in &conditions {
            match surroundings.lacks(*condition) {
                None => possible.push(*condition),
                Some(why) => eprintln!("bench asr: {} is left out: {why}", condition.name()),
            }
        }
        let load = load_average();
        let figures = measure(asked, set, &possible, &surroundings, &details).map_err(anyhow::Error::msg)?;
        let (columns, document): (_, fn(&Figures) -> serde_json::Value) = match &set.judge {
            Judge::Words => (Columns::Words, Figures::document),
            Judge::Numbers(_) => (Columns::Numbers, Figures::number_document),
            Judge::Intents(_) => (Columns::Intents, Figures::answer_document),
            Judge::Person => (Columns::Person, Figures::person_document),
        };
        let ears = figures.iter().map(Figures::confusions).find(|c| !c.is_empty());
        let rows = possible.iter().zip(&figures).map(|(c, f)| (c.name().to_string(), document(f))).collect();
        let how = how(asked, load);
        sections.push(told(
            asked,
            Section { engine: asked.engine.clone(), set: set.name.clone(), how, rows, columns },
            as_json,
            out,
        )?);
        if let (Judge::Numbers(_), Some(ears), Some(condition)) = (&set.judge, ears, possible.first()) {
            let rows = numbers::simulate(ears, (2_000 / asked.every.max(1)).clamp(50, 1_000)).map_err(anyhow::Error::msg)?;
            let how = format!("Ears as in the first condition above ({}). {}", condition.name(), self::how(asked, load));
            let (engine, set) = (asked.engine.clone(), "strings, confirmed and corrected".to_string());
            sections.push(told(asked, Section { engine, set, how, rows, columns: Columns::Dialogue }, as_json, out)?);
        }
    }
    if asked.wants("phantoms") {
        sections.push(told(asked, phantom_section(asked, &surroundings).map_err(anyhow::Error::msg)?, as_json, out)?);
    }
    if asked.wants("capacity") {
        let load = load_average();
        let rows = capacity::measure(&asked.engine, asked.model.as_deref(), &asked.recordings, asked.every);
        let (engine, set, how) = (asked.engine.clone(), "capacity".to_string(), how(asked, load));
        let section = Section { engine, set, how, rows: rows.map_err(anyhow::Error::msg)?, columns: Columns::Capacity };
        sections.push(told(asked, section, as_json, out)?);
    }
    if as_json {
        let documents = sections.iter().flat_map(|s| {
            let about = |(condition, figures): &(String, serde_json::Value)| {
                let mut document = json!({"engine": s.engine, "set": s.set, "condition": condition});
                if let (Some(all), Some(more)) = (document.as_object_mut(), figures.as_object()) {
                    all.extend(more.clone());
                }
                document
            };
            s.rows.iter().map(about).collect::<Vec<_>>()
        });
        writeln!(out, "{}", json!({"every": asked.every, "results": documents.collect::<Vec<_>>()}))?;
    }
    Ok(sections
        .iter()
        .any(|s| s.rows.iter().any(|(_, f)| f["right"].as_u64() != Some(0) || f["right_refused"].as_u64() != Some(0))))
}

impl Asked {
    /// Whether a set is asked for.
    fn wants(&self, set: &str) -> bool {
        self.sets.iter().any(|s| s == set) || self.sets.is_empty() && self.refs.is_none()
    }
}

/// Prints and keeps a section as soon as it is there: a run may take hours.
fn told(asked: &Asked, section: Section, as_json: bool, out: &mut dyn Write) -> anyhow::Result<Section> {
    if !as_json {
        writeln!(out, "{}", section.text())?;
    }
    keep(&asked.results, std::slice::from_ref(&section))?;
    Ok(section)
}

/// An hour of each background, or a part of it.
fn phantom_section(asked: &Asked, surroundings: &Surroundings) -> Result<Section, String> {
    let load = load_average();
    let mut engine = Engine::open(&asked.engine, asked.model.as_deref(), &person::ask(), true)?;
    let mut rows = Vec::new();
    for name in BACKGROUNDS {
        match phantoms::measure(name, surroundings.kitchen(), &mut engine, 60.0 / asked.every.max(1) as f64, asked.misses)? {
            Some(figures) => rows.push((name.to_string(), figures)),
            None => eprintln!("bench asr: {name} is left out: there is no kitchen-noise.wav in the folder of recordings"),
        }
        eprintln!("bench asr: phantoms, {name}");
    }
    let (engine, how) = (asked.engine.clone(), how(asked, load));
    Ok(Section { engine, set: "phantoms".to_string(), how, rows, columns: Columns::Phantoms })
}

fn chosen<T>(names: &[String], all: &[&str], read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    if names.is_empty() { all.iter().map(|n| read(n)).collect() } else { names.iter().map(|n| read(n)).collect() }
}

fn all_sets(asked: &Asked) -> Result<Vec<Set>, String> {
    let mut out = Vec::new();
    if let Some(refs) = &asked.refs {
        out.push(sets::own(refs, asked.grammar.as_deref(), asked.examples.as_deref(), asked.every)?);
        if asked.sets.is_empty() {
            return Ok(out);
        }
    }
    let remedy = |why: String| {
        format!(
            "{why}\nGive the folder of recordings with --recordings (digits/, commands/, words/), or a table of your own with --refs"
        )
    };
    let names: Vec<String> = asked.sets.iter().filter(|s| !OTHERS.contains(&s.as_str())).cloned().collect();
    if names.is_empty() && !asked.sets.is_empty() {
        return Ok(out);
    }
    let all: Vec<&str> = SETS.into_iter().filter(|s| !OTHERS.contains(s)).collect();
    out.extend(chosen(&names, &all, |name| sets::make(name, &asked.recordings, asked.every)).map_err(remedy)?);
    Ok(out)
}

/// Hears a set in all conditions; one sum of figures for each.
fn measure(
    asked: &Asked,
    set: &Set,
    conditions: &[Condition],
    surroundings: &Surroundings,
    details: &Details,
) -> Result<Vec<Figures>, String> {
    // A call is heard by one engine from its first utterance to its last.
    let mut calls: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
    for c in 0..conditions.len() {
        let mut from = 0;
        for to in 1..=set.items.len() {
            if set.items.get(to).map(|i| i.call) != Some(set.items[from].call) {
                calls.push((c, from..to));
                from = to;
            }
        }
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let sums: Mutex<Vec<Figures>> = Mutex::new(conditions.iter().map(|_| Figures::default()).collect());
    let work = || -> Result<(), String> {
        let mut engine = Engine::open(&asked.engine, asked.model.as_deref(), &set.asks[0], true)?;
        while let Some((c, range)) = calls.get(next.fetch_add(1, Ordering::Relaxed)) {
            if failed.load(Ordering::Relaxed) {
                break;
            }
            engine.new_call();
            let mut figures = Figures::default();
            for i in range.clone() {
                let item = &set.items[i];
                let name = item.row.name();
                let sound = item.row.read().map_err(|why| format!("{name}: {why}"))?;
                let seed = u32::try_from(i).unwrap_or(0);
                let whole = surroundings.apply(conditions[*c], &line::surrounded(&sound, seed), seed);
                let ask = &set.asks[item.ask];
                let playing = surroundings.playing(conditions[*c], seed);
                let (heard, sound) = match line::cut(whole, playing.as_ref()) {
                    Some(cut) => (engine.hear(ask, &cut)?, cut),
                    None => (Heard::nobody(), sound.as_ref().clone()),
                };
                details.tell(&set.name, conditions[*c].name(), i, item, &heard)?;
                let slots = ask.slots.as_ref().map(|s| s.find(&heard.hypothesis.text));
                let taken = match &set.judge {
                    Judge::Intents(flow) => Some(intents::taken(flow, &heard)),
                    _ => None,
                };
                let outcome = taken.as_ref().map(|t| intents::outcome(t, item.means.as_deref()));
                if asked.misses
                    && let Some(miss) = miss(&set.judge, item, &heard, taken.as_ref())
                {
                    eprintln!("{}: {miss}", conditions[*c].name());
                }
                match &set.judge {
                    Judge::Words => figures.count(&item.row, &heard, slots.as_ref(), &sound, item.inside),
                    Judge::Person => figures.count_person(&item.row, &heard, &sound, item.inside),
                    Judge::Numbers(flows) => {
                        let length = item.row.transcript.as_deref().map_or(0, |t| t.split(' ').count());
                        let flow = flows.get(item.ask).ok_or("a number without a flow")?;
                        figures.count(&item.row, &heard, None, &sound, true);
                        figures.count_number(&item.row, &heard, numbers::read_back(flow, &heard.hypothesis, length));
                    }
                    Judge::Intents(_) => {
                        figures.count_answer(&item.row, &heard, &sound, item.inside, outcome.unwrap_or(Outcome::Again));
                    }
                }
            }
            let mut sums = sums.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sums[*c].add(figures);
            if sums[*c].utterances == set.items.len() && !set.items.is_empty() {
                eprintln!("heard {}, {}: {} utterances", set.name, conditions[*c].name(), set.items.len());
            }
        }
        Ok(())
    };
    let guarded = || work().inspect_err(|_| failed.store(true, Ordering::Relaxed));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..asked.jobs.max(1)).map(|_| scope.spawn(guarded)).collect();
        let ended = threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("an engine's thread died".to_string())));
        // All are joined before the first error is told.
        ended.collect::<Vec<_>>().into_iter().collect::<Result<(), String>>()
    })?;
    Ok(sums.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// What became of the utterances of a table under a list of phrases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// Utterances whose words are on the list, those of them heard right and accepted, and those taken for another phrase.
    pub(crate) inside: usize,
    pub(crate) right: usize,
    pub(crate) wrong: usize,
    /// All others, and those of them that were refused.
    pub(crate) outside: usize,
    pub(crate) refused: usize,
}

/// Hears a table of recordings under a list of phrases; what says one of `without` is left out, or with `None` everything that
/// is not on the list. One count for each condition.
///
/// # Errors
/// One sentence about the table or the engine.
pub(crate) fn heard_under(
    engine: &str,
    model: Option<&Path>,
    refs: &Path,
    phrases: &[String],
    without: Option<&[String]>,
    conditions: &[&str],
) -> Result<Vec<Counted>, String> {
    let asked = Asked {
        engine: engine.to_string(),
        model: model.map(Path::to_path_buf),
        jobs: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        every: 1,
        ..Asked::default()
    };
    let conditions = conditions.iter().map(|c| Condition::parse(c)).collect::<Result<Vec<_>, _>>()?;
    let set = sets::listed(engine, refs, phrases, without)?;
    let inside = set.items.iter().filter(|i| i.inside).count();
    let details = Details::create(None).map_err(|e| e.to_string())?;
    let figures = measure(&asked, &set, &conditions, &Surroundings::new(Path::new("")), &details)?;
    let counted = figures.iter().map(|f| {
        let [right, wrong, accepted] = f.accepted();
        let outside = set.items.len() - inside;
        Counted { inside, right, wrong, outside, refused: outside - accepted }
    });
    Ok(counted.collect())
}

/// One line about an utterance that was not heard as it should be.
fn miss(judge: &Judge, item: &Item, heard: &Heard, taken: Option<&Taken>) -> Option<String> {
    let h = &heard.hypothesis;
    let wrong = match judge {
        Judge::Intents(_) => taken.is_some_and(|t| {
            intents::outcome(t, item.means.as_deref()) != Outcome::Right && (item.inside || *t != Taken::Again)
        }),
        Judge::Person => heard.asks_for_person() != item.inside,
        Judge::Words | Judge::Numbers(_) if item.inside => {
            item.row.transcript.as_ref().is_some_and(|t| spoken(t) != spoken(&h.text))
        }
        Judge::Words | Judge::Numbers(_) => h.rejected.is_none(),
    };
    let said = item.row.transcript.as_deref().unwrap_or("");
    let why = h.rejected.as_deref().map(|why| format!(", rejected: {why}")).unwrap_or_default();
    let meant = item.means.as_deref().map(|m| format!(" ({m})")).unwrap_or_default();
    let taken = taken.map(|t| format!(", taken for {t:?}")).unwrap_or_default();
    let name = item.row.name();
    wrong.then(|| format!("{name}: said {said:?}{meant}, heard {:?} ({:.2}{why}){taken}", h.text, h.confidence.get()))
}

/// How the figures came about.
fn how(asked: &Asked, load: f64) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or("", |l| l.trim_start_matches([' ', '\t', ':']))
        .to_string();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let model_file =
        asked.model.as_deref().and_then(Path::file_name).map(|n| format!(", {}", n.to_string_lossy())).unwrap_or_default();
    let part = if asked.every > 1 { format!("every {}th utterance", asked.every) } else { "all utterances".to_string() };
    let day = chrono::Utc::now().format("%Y-%m-%d");
    format!("{part}{model_file}; {day}, hotline {}, {cores} × {model}, load {}.", env!("CARGO_PKG_VERSION"), round(load, 1))
}

fn keep(results: &Path, sections: &[Section]) -> anyhow::Result<()> {
    let folder = results.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        eprintln!("bench asr: nothing is kept, because there is no folder {}; say where with --results", folder.display());
        return Ok(());
    }
    let before = std::fs::read_to_string(results).unwrap_or_default();
    std::fs::write(results, report::merge(&before, sections)).with_context(|| format!("cannot write {}", results.display()))?;
    eprintln!(
        "bench asr: {} kept in {}",
        sections.iter().map(|s| s.set.as_str()).collect::<Vec<_>>().join(", "),
        results.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(recordings: &Path) -> Asked {
        Asked { engine: "pocketsphinx".into(), recordings: recordings.into(), every: 1, jobs: 2, ..Asked::default() }
    }

    #[test]
    fn wrong_names_are_sentences() {
        let mut asked = asked(Path::new("/nowhere"));
        let why = run(&asked, false, &mut Vec::new()).expect_err("nothing there").to_string();
        assert!(why.contains("/nowhere") && why.contains("--recordings"), "{why}");
        asked.conditions = vec!["moon".into()];
        assert!(run(&asked, false, &mut Vec::new()).expect_err("no such condition").to_string().contains("moon"));
    }

    /// The figures of one set in one condition, every so many utterances; `None`, said aloud, where voices or recordings are missing.
    #[cfg(feature = "pocketsphinx")]
    fn sampled(set: &str, condition: &str, every: usize) -> Option<serde_json::Value> {
        let folder = tempfile::tempdir().expect("a folder");
        let asked = Asked {
            sets: vec![set.into()],
            conditions: vec![condition.into()],
            every,
            results: folder.path().join("RESULTS.md"),
            ..asked(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval"))
        };
        let mut out = Vec::new();
        if let Err(why) = run(&asked, true, &mut out) {
            eprintln!("skipped: {why}");
            return None;
        }
        let document: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        println!("{}", document["results"]);
        Some(document["results"].clone())
    }

    #[test]
    #[cfg(feature = "pocketsphinx")]
    fn callers_with_words_of_their_own_are_answered_rightly_or_asked_again() {
        let Some(results) = sampled("intents", "line", 40) else { return };
        let f = &results[0];
        assert!(f["wrongly_answered_of_all"].as_f64() < Some(0.25) && f["correct"].as_f64() > Some(0.35), "{f}");
    }

    #[test]
    #[cfg(feature = "pocketsphinx")]
    fn numbers_are_read_back_rightly_with_their_check_digit_and_confirmed() {
        let Some(results) = sampled("strings", "clean", 20) else { return };
        let right = results[0]["read_back_right"].as_f64();
        assert!(right > Some(0.4) && right >= results[0]["exact"].as_f64(), "{results}");
        assert!(results.as_array().is_some_and(|r| r.len() == 11), "{results}");
    }

    #[test]
    #[cfg(feature = "pocketsphinx")]
    fn requests_for_a_person_are_heard_and_other_speech_is_none() {
        let Some(results) = sampled("person", "line", 400) else { return };
        let f = &results[0];
        assert!(f["heard_without_espeak"].as_f64() > Some(0.7) && f["orders_false_alarms"].as_u64() <= Some(1), "{f}");
    }

    /// A table of the fixtures, heard in two conditions by two engines at once: every utterance is counted in each.
    #[test]
    #[cfg(feature = "pocketsphinx")]
    fn a_table_of_ones_own_is_heard_in_each_condition() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures");
        let folder = tempfile::tempdir().expect("a folder");
        let asked = Asked {
            refs: Some(fixtures.join("index.tsv")),
            grammar: Some("where is my parcel | where's my package | i would like to make a complaint".into()),
            conditions: vec!["clean".into(), "loss8".into()],
            every: 8,
            results: folder.path().join("RESULTS.md"),
            ..asked(Path::new("/nowhere"))
        };
        let mut out = Vec::new();
        assert!(run(&asked, true, &mut out).expect("heard"));
        let document: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let rows = document["results"].as_array().expect("rows");
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|r| r["utterances"] == rows[0]["utterances"] && r["audio_seconds"].as_f64() > Some(1.0)));
        assert!(rows[0]["exact"].as_f64() > Some(0.0) && rows[1]["condition"] == "loss8", "{document}");
        let kept = std::fs::read_to_string(folder.path().join("RESULTS.md")).expect("kept");
        assert!(kept.contains("## pocketsphinx · audio-fixtures") && kept.contains("every 8th utterance"), "{kept}");
    }
}
