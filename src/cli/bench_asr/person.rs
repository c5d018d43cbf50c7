//! Requests for a person in voices that nothing was tuned on, and hours of other speech in which nobody asks for one.

use super::sets::{Item, Judge, Set, shuffle};
use crate::audio::{LINE_RATE, Pcm, Rate, decode_file, resample};
use crate::base::{Expect, Language};
use crate::cli::asr::{Ask, Row, Sound, read_table};
use crate::cli::running::Scratch;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// How callers ask. Not taken from the lists that the ears and the detector hold, though some stand there, too.
const WORDINGS: [&str; 36] = [
    "agent",
    "operator please",
    "representative",
    "customer service please",
    "a real person please",
    "human being please",
    "can i speak to a human",
    "i want to talk to a person",
    "let me speak to an agent",
    "could i talk to somebody please",
    "put me through to an operator",
    "i need to speak with a representative",
    "is there anybody i can talk to",
    "connect me with customer service",
    "transfer me to a person",
    "i would like to speak to someone",
    "get me a human please",
    "may i talk to a live agent",
    "i just want to talk to a real person",
    "can you connect me to an agent please",
    "talk to a representative",
    "please let me talk to a person",
    "i want a human not a machine",
    "speak to a real human being",
    "could you transfer me to customer support",
    "i'd rather talk to a person",
    "is there a real person there",
    "give me an operator",
    "i don't want to talk to a machine",
    "i want to speak to your manager",
    "i need a person to help me",
    "let me talk to somebody who can help",
    "can somebody call an agent for me",
    "live person please",
    "i need help from a real person",
    "someone please i need to talk to someone",
];

/// Questions of the flow that listens, one a line.
const QUESTIONS: &str = include_str!("../../../audio-fixtures/questions.txt");

/// Voices of flite and festival, in which the figures have a bound, and one of espeak, in which they have none.
const VOICES: [&str; 8] = ["kal", "kal16", "awb", "rms", "slt", "festival-kal", "festival-slt", "espeak"];

/// Each wording in each voice: three speeds, two lengths of the vocal tract, two tilts of the spectrum.
const SPEEDS: [f32; 3] = [0.85, 1.0, 1.2];
const TRACTS: [u32; 2] = [7_520, 8_480];
const TILTS: [f32; 2] = [0.0, 0.35];

/// The ask that listens: an open question.
pub(crate) fn ask() -> Ask {
    let examples = QUESTIONS.lines().map(str::to_string).collect();
    Ask::expecting(Expect::Open { name: Arc::from("person"), examples }, Language::EN)
}

/// Makes the set: every so many of all requests, and every so many orders as other speech.
///
/// # Errors
/// One sentence when no voice is here at all or the recordings are not.
pub(crate) fn make(recordings: &Path, every: usize) -> Result<Set, String> {
    let mut items = Vec::new();
    let mut missing = Vec::new();
    let mut variants = Vec::new();
    for voice in VOICES {
        if speak(voice, "yes", 1.0).is_err() {
            missing.push(voice);
            continue;
        }
        for wording in WORDINGS {
            for (speed, tract, tilt) in SPEEDS.iter().flat_map(|s| TRACTS.iter().flat_map(|p| TILTS.map(|t| (*s, *p, t)))) {
                variants.push((voice, wording, speed, tract, tilt));
            }
        }
    }
    if !missing.is_empty() {
        eprintln!("bench asr: these voices are not installed and left out: {}", missing.join(", "));
    }
    // Mixed, so that a part of them holds every voice and wording.
    shuffle(&mut variants);
    for (voice, wording, speed, tract, tilt) in variants.into_iter().step_by(every.max(1)) {
        let mut pcm = speak(voice, wording, speed)?;
        let (from, to) = (Rate::new(tract).map_err(|e| e.to_string())?, Rate::new(LINE_RATE).map_err(|e| e.to_string())?);
        pcm.samples = resample(&pcm.samples, from, to).map_err(|e| e.to_string())?;
        tilted(&mut pcm.samples, tilt);
        let sound = Sound::Here(format!("{voice} {wording}"), Arc::new(pcm));
        let row = Row { sound, transcript: Some(wording.to_string()), slots: None, speaker: Some(voice.to_string()) };
        items.push(Item { row, ask: 0, inside: true, call: items.len() });
    }
    if items.is_empty() {
        return Err("there is no voice to ask for a person; install flite".to_string());
    }
    for row in read_table(&recordings.join("commands/index.tsv"), &[])?.into_iter().step_by(every.div_ceil(4)) {
        items.push(Item { row: Row { slots: None, ..row }, ask: 0, inside: false, call: items.len() });
    }
    Ok(Set { name: "person".to_string(), asks: vec![ask()], items, judge: Judge::Person })
}

/// Speech from a program of the system at the line's rate.
fn speak(voice: &str, text: &str, stretch: f32) -> Result<Pcm, String> {
    let folder = Scratch::new("bench-asr").map_err(|e| format!("no temporary folder: {e}"))?;
    let wav = folder.path("said.wav");
    let mut command = match voice.strip_prefix("festival-") {
        Some(voice) => {
            let words = folder.path("words.txt");
            std::fs::write(&words, text).map_err(|e| e.to_string())?;
            let name = if voice == "kal" { "voice_kal_diphone" } else { "voice_cmu_us_slt_arctic_hts" };
            let mut command = Command::new("text2wave");
            command.arg(words).arg("-o").arg(&wav).args(["-eval", &format!("({name})")]);
            command.args(["-eval", &format!("(Parameter.set 'Duration_Stretch {stretch})")]);
            command
        }
        None if voice == "espeak" => {
            let mut command = Command::new("espeak-ng");
            let words_a_minute = (160.0 / stretch).round().to_string();
            command.args(["-v", "en-us", "-s", &words_a_minute, "-w"]).arg(&wav).arg(text);
            command
        }
        None => {
            let mut command = Command::new("flite");
            command.args(["-voice", voice, "--setf", &format!("duration_stretch={stretch}"), "-t", text, "-o"]).arg(&wav);
            command
        }
    };
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.map_err(|e| format!("the voice {voice} cannot be started: {e}"))?;
    let bytes = std::fs::read(&wav).map_err(|e| format!("the voice {voice} said nothing ({status}): {e}"))?;
    decode_file(&bytes, Some("wav")).map_err(|e| format!("the voice {voice}: {e}"))
}

/// Takes low sounds back, as a handset held away from the mouth does; 0 = as it is.
fn tilted(samples: &mut [i16], tilt: f32) {
    let mut last = 0.0;
    for sample in samples {
        let now = f32::from(*sample);
        *sample = ((now - tilt * last) * (1.0 + tilt * 0.5)) as i16;
        last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nlu::person::asks_for_person;

    #[test]
    fn every_wording_asks_for_a_person_and_no_question_does() {
        for wording in WORDINGS {
            assert!(asks_for_person(wording, &[]).is_some(), "{wording}");
        }
        assert!(QUESTIONS.lines().all(|q| asks_for_person(q, &[]).is_none()));
    }
}
