//! `hotline train-ears`: what it says where it cannot work, and, behind a variable because it takes minutes, that it works.

use crate::gateway::{HOTLINE, checkout};
use std::path::Path;
use std::process::{Command, Output};

fn train(python: &str, folder: &Path, more: &[&str]) -> Output {
    let flow = checkout().join("flows/parcel.yaml");
    let mut command = Command::new(HOTLINE);
    command.arg("train-ears").arg(flow).args(["--python", python, "--json"]);
    command.arg("--folder").arg(folder.join("work")).arg("--out").arg(folder.join("ears.bin")).args(more);
    command.output().expect("the binary starts")
}

#[test]
fn what_training_lacks_is_told_with_how_to_get_it() {
    if !cfg!(feature = "whisper") {
        return eprintln!("skipped: built without whisper");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let run = train("/nowhere/python", folder.path(), &[]);
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("/nowhere/python with numpy") && said.contains("pip install") && said.contains("--python"), "{said}");
    assert!(!folder.path().join("work").exists(), "nothing is begun");
}

#[test]
fn ears_learn_the_words_of_a_flow() {
    let python = Command::new("python3").args(["-c", "import numpy, scipy, jax, optax"]).output();
    if std::env::var_os("HOTLINE_TEST_TRAINING").is_none() || !python.is_ok_and(|p| p.status.success()) {
        return eprintln!("skipped: HOTLINE_TEST_TRAINING=1 trains for about ten minutes, with a Python that has jax");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let run = train("python3", folder.path(), &["--steps", "20", "--share", "0.01"]);
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let table: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(table["lines"].as_array().map(Vec::len), Some(8), "{table}");
    // Twenty steps teach little; the words are known, and what was known is not forgotten.
    let new =
        |engine: &str| table["lines"].as_array().and_then(|l| l.iter().find(|l| l["engine"] == engine && l["model"] == "new"));
    assert!(new("cascade").is_some_and(|l| l["known_right"].as_f64() > Some(0.6)), "{table}");
    // The gateway takes the file.
    let sound = checkout().join("audio-fixtures/yes-2.wav");
    let model = folder.path().join("ears.bin");
    let heard = Command::new(HOTLINE)
        .args([
            "transcribe",
            "--json",
            "--engine",
            "small",
            "--grammar",
            "yes please | no thanks | someone from your team",
            "--model",
        ])
        .args([&model, &sound])
        .output()
        .expect("the binary starts");
    assert!(String::from_utf8_lossy(&heard.stdout).contains("\"yes please\""), "{heard:?}");
}
