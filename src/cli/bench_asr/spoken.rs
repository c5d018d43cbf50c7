//! Sentences in voices of other programs: flite, festival and espeak, as their command lines speak.

use crate::audio::{LINE_RATE, Pcm, Rate, decode_file, resample};
use crate::cli::running::Scratch;
use std::process::{Command, Stdio};

/// How a voice speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How much longer it takes.
    pub(crate) stretch: f32,
    /// Length of the vocal tract: what was said at this rate is heard at the line's.
    pub(crate) tract: u32,
    /// How much the low sounds are taken back, as in a handset held away from the mouth: 0 = not at all, below 1.
    pub(crate) tilt: f32,
}

impl Manner {
    /// As the voice is.
    pub(crate) const PLAIN: Manner = Manner { stretch: 1.0, tract: LINE_RATE, tilt: 0.0 };
}

/// Those of the voices that this machine has; the others are named aloud.
pub(crate) fn present(voices: &[&'static str]) -> Vec<&'static str> {
    let (here, missing): (Vec<_>, Vec<_>) = voices.iter().partition(|v| speak(v, "yes", Manner::PLAIN).is_ok());
    if !missing.is_empty() {
        eprintln!("bench asr: these voices are not installed and left out: {}", missing.join(", "));
    }
    here
}

/// Speech of a voice (`awb`, `festival-ked`, `espeak`) at the line's rate.
///
/// # Errors
/// One sentence when the program or its voice is not there.
pub(crate) fn speak(voice: &str, text: &str, manner: Manner) -> Result<Pcm, String> {
    in_manner(say(voice, text, manner.stretch)?, manner)
}

/// What was recorded, by somebody with another vocal tract or another handset; the stretch is the speaker's own affair.
///
/// # Errors
/// One sentence when the tract has no sensible length.
pub(crate) fn in_manner(mut pcm: Pcm, manner: Manner) -> Result<Pcm, String> {
    if manner.tract != LINE_RATE {
        let (from, to) =
            (Rate::new(manner.tract).map_err(|e| e.to_string())?, Rate::new(LINE_RATE).map_err(|e| e.to_string())?);
        pcm.samples = resample(&pcm.samples, from, to).map_err(|e| e.to_string())?;
    }
    tilted(&mut pcm.samples, manner.tilt);
    Ok(pcm)
}

fn say(voice: &str, text: &str, stretch: f32) -> Result<Pcm, String> {
    let folder = Scratch::new("bench-asr").map_err(|e| format!("no temporary folder: {e}"))?;
    let wav = folder.path("said.wav");
    let mut command = match voice.strip_prefix("festival-") {
        Some(voice) => {
            let words = folder.path("words.txt");
            std::fs::write(&words, text).map_err(|e| e.to_string())?;
            let name = if voice == "slt" { "cmu_us_slt_arctic_hts".to_string() } else { format!("{voice}_diphone") };
            let mut command = Command::new("text2wave");
            command.arg(words).arg("-o").arg(&wav).args(["-eval", &format!("(voice_{name})")]);
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

fn tilted(samples: &mut [i16], tilt: f32) {
    let mut last = 0.0;
    for sample in samples {
        let now = f32::from(*sample);
        *sample = ((now - tilt * last) * (1.0 + tilt * 0.5)) as i16;
        last = now;
    }
}
