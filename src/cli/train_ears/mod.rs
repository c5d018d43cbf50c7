//! `hotline train-ears FLOW`: teaches the small model the phrases that may answer this flow's closed questions, from synthetic voices,
//! over night on a CPU. The scripts of `models/train` are built in; what is shown before and after is measured with the engines that
//! callers meet, on voices that the training did not use.

mod compare;
mod scripts;

use super::args::TrainEarsArgs;
use crate::base::Language;
use crate::flow::Flow;
use crate::speech::spoken;
use anyhow::Context as _;
use scripts::{Scripts, missing};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

/// Most phrases of one flow: each is spoken about forty times.
const PHRASES_MOST: usize = 1_000;

/// Trains, writes the model and shows what it is worth; false when it is not better than before.
///
/// # Errors
/// One sentence with the remedy: nothing to learn, a program that is missing, a script that failed.
pub(crate) fn run(args: &TrainEarsArgs, flow: &Flow, as_json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let name: String = flow.name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let (lines, phrases) = to_learn(flow)?;
    let lacking = missing(&args.python);
    anyhow::ensure!(
        lacking.is_empty(),
        "training needs what is not here: {}\n  apt-get install flite espeak-ng festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts pocketsphinx-en-us\n  \
         pip install numpy scipy jax optax (or give a Python that has them with --python)",
        lacking.join(", ")
    );
    let folder = args.folder.clone().unwrap_or_else(|| Path::new("run").join(format!("ears-{name}")));
    let file = args.out.clone().unwrap_or_else(|| Path::new("models").join(format!("{name}-ears.bin")));
    let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    anyhow::ensure!(parent.is_dir(), "there is no folder {} for the model; say where with --out", parent.display());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    eprintln!(
        "train-ears: {} phrases of {:?}; the work is kept in {} and goes on there",
        phrases.len(),
        flow.name,
        folder.display()
    );
    let scripts = Scripts::write(&folder, &args.python)?;
    scripts.speak(&lines, args.share)?;
    scripts.train(args.steps, args.seed)?;
    scripts.pack(&file)?;
    eprintln!("train-ears: comparing, on voices that the training did not use");
    let table = compare::compare(&scripts.held_out(), &phrases, &file).map_err(anyhow::Error::msg)?;
    if as_json {
        writeln!(out, "{}", table.document(&file))?;
    } else {
        writeln!(out, "{}", table.text(&file))?;
    }
    Ok(table.is_better())
}

/// The lines for the scripts and the phrases by themselves, as they are spoken.
fn to_learn(flow: &Flow) -> anyhow::Result<(String, Vec<String>)> {
    let (mut lines, mut phrases, mut unspeakable) = (String::new(), BTreeSet::new(), Vec::new());
    for phrase in flow.closed_phrases(Language::EN) {
        let words = spoken(&phrase);
        let speakable = !words.is_empty() && words.chars().all(|c| c.is_ascii_lowercase() || c == '\'' || c == ' ');
        if !speakable || words.split(' ').count() > scripts::WORDS_MOST {
            unspeakable.push(phrase);
        } else if phrases.insert(words.clone()) {
            lines += &format!("own\t{words}\n");
        }
    }
    for phrase in &unspeakable {
        eprintln!(
            "train-ears: {phrase:?} is left out: it is longer than {} words or not written in letters",
            scripts::WORDS_MOST
        );
    }
    anyhow::ensure!(
        !phrases.is_empty(),
        "the flow {:?} has no menu in English and no words of its own for a person, so there is nothing to learn: digits, yes and no \
         and usual requests are known already, and open questions are heard by another engine",
        flow.name
    );
    anyhow::ensure!(
        phrases.len() <= PHRASES_MOST,
        "{} phrases are more than {PHRASES_MOST}, the most that one model learns",
        phrases.len()
    );
    Ok((lines, phrases.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::placeholder_env;

    #[test]
    fn what_is_learnt_is_what_may_answer_closed_questions() {
        let text = include_str!("../../../flows/parcel.yaml");
        let flow = Flow::load(text, "parcel.yaml", &placeholder_env(text)).expect("a good flow").flow;
        let (lines, phrases) = to_learn(&flow).expect("the example flow has words of its own");
        assert!(phrases.contains(&"someone from your team".to_string()), "{phrases:?}");
        assert!(lines.lines().all(|l| l.starts_with("own\t")), "{lines}");
        assert!(!phrases.contains(&"where is my parcel".to_string()), "that answers an open question");
    }
}
