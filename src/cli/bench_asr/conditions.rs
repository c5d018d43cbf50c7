//! In what condition the sound reaches the engine.

use super::line::Playing;
use crate::audio::{Dice, Pcm, add_background, add_white, companded, decode_file, lose, telephone};
use std::path::Path;

/// A condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// As the recording is, at 8 kHz.
    Clean,
    /// A handset and a trunk: 300–3400 Hz, mu-law.
    Line,
    /// White noise 15 dB below the speech, mu-law.
    White15,
    /// White noise 10 dB below the speech, mu-law.
    White10,
    /// A kitchen 10 dB below the speech, mu-law.
    Kitchen10,
    /// Three packets in a hundred lost and concealed.
    Loss3,
    /// Eight packets in a hundred lost and concealed.
    Loss8,
    /// An IP phone: the whole band up to 4 kHz, mu-law.
    Band4k,
    /// Our own prompt comes back 20 dB weaker than it is sent.
    Echo20,
}

/// All of them with their names, in the order of the tables.
pub(crate) const CONDITIONS: [(&str, Condition); 9] = [
    ("clean", Condition::Clean),
    ("line", Condition::Line),
    ("white15", Condition::White15),
    ("white10", Condition::White10),
    ("kitchen10", Condition::Kitchen10),
    ("loss3", Condition::Loss3),
    ("loss8", Condition::Loss8),
    ("band4k", Condition::Band4k),
    ("echo20", Condition::Echo20),
];

impl Condition {
    /// By name.
    ///
    /// # Errors
    /// One sentence with all names.
    pub(crate) fn parse(name: &str) -> Result<Condition, String> {
        let names = CONDITIONS.map(|(n, _)| n).join(", ");
        let found = CONDITIONS.iter().find(|(n, _)| *n == name).map(|(_, c)| *c);
        found.ok_or_else(|| format!("there is no condition {name:?}; choose among {names}"))
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        CONDITIONS.iter().find(|(_, c)| *c == self).map_or("", |(n, _)| n)
    }
}

/// The sounds that some conditions need.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    kitchen: Option<Pcm>,
    prompt: Option<Pcm>,
}

/// No utterance is longer: a minute.
const LONGEST: usize = 60 * 8_000;

/// What is played while the caller speaks.
#[cfg(feature = "flite")]
const PROMPT: &str = "Welcome to the parcel hotline. You can ask where your parcel is, change its address, send it back, or talk to \
    a person at any time. What can I do for you?";

impl Surroundings {
    /// Reads the kitchen beside the recordings and speaks the prompt.
    pub(crate) fn new(eval: &Path) -> Surroundings {
        let kitchen = std::fs::read(eval.join("kitchen-noise.wav")).ok().and_then(|b| decode_file(&b, Some("wav")).ok());
        Surroundings { kitchen, prompt: prompt() }
    }

    /// The kitchen, if it is there.
    pub(crate) fn kitchen(&self) -> Option<&Pcm> {
        self.kitchen.as_ref()
    }

    /// The prompt, if it could be spoken.
    pub(crate) fn prompt(&self) -> Option<&Pcm> {
        self.prompt.as_ref()
    }

    /// Why a condition cannot be made here, if it cannot.
    pub(crate) fn lacks(&self, condition: Condition) -> Option<&'static str> {
        match condition {
            Condition::Kitchen10 if self.kitchen.is_none() => Some("there is no kitchen-noise.wav in the folder of recordings"),
            Condition::Echo20 if self.prompt.is_none() => Some("this hotline was built without flite, which speaks the prompt"),
            _ => None,
        }
    }

    /// What plays to the caller meanwhile and comes back, if anything does; from a random place on, long enough for any utterance.
    pub(crate) fn playing(&self, condition: Condition, seed: u32) -> Option<Playing> {
        let prompt = self.prompt.as_ref().filter(|_| condition == Condition::Echo20)?;
        let start = Dice::new(seed).below(prompt.samples.len());
        Some(Playing { samples: prompt.samples.iter().copied().cycle().skip(start).take(LONGEST).collect(), echo_db: -20.0 })
    }

    /// The sound in a condition; the same seed gives the same every time.
    pub(crate) fn apply(&self, condition: Condition, sound: &Pcm, seed: u32) -> Pcm {
        let mut out = sound.clone();
        let samples = &mut out.samples;
        match condition {
            Condition::Clean => return out,
            Condition::Line => return out_of(out, telephone),
            Condition::White15 => add_white(samples, 15.0, seed),
            Condition::White10 => add_white(samples, 10.0, seed),
            Condition::Kitchen10 => {
                let background = self.kitchen.as_ref().map_or(&[][..], |k| &k.samples);
                add_background(samples, background, 10.0, seed);
            }
            Condition::Loss3 => lose(samples, 0.03, seed),
            Condition::Loss8 => lose(samples, 0.08, seed),
            // The echo comes with what is played, while it is played.
            Condition::Band4k | Condition::Echo20 => {}
        }
        out_of(out, companded)
    }
}

fn out_of(mut pcm: Pcm, line: impl Fn(&mut [i16])) -> Pcm {
    line(&mut pcm.samples);
    pcm
}

#[cfg(feature = "flite")]
fn prompt() -> Option<Pcm> {
    use crate::speech::Voice as _;
    crate::speech::Flite::open("slt").ok()?.render(PROMPT, crate::base::Language::EN).ok()
}

#[cfg(not(feature = "flite"))]
fn prompt() -> Option<Pcm> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_changes_the_sound_and_only_that() {
        let surroundings = Surroundings {
            kitchen: Some(crate::audio::beep(300.0, 700, -30.0)),
            prompt: Some(crate::audio::beep(700.0, 900, -20.0)),
        };
        let sound = crate::audio::beep(1_000.0, 2_000, -20.0);
        for (name, condition) in CONDITIONS {
            let one = surroundings.apply(condition, &sound, 1);
            assert_eq!(one.samples.len(), sound.samples.len());
            assert_eq!(one, surroundings.apply(condition, &sound, 1), "{name}");
            assert_eq!(one == sound, condition == Condition::Clean, "{name}");
            assert_eq!(Condition::parse(name), Ok(condition));
            assert_eq!(condition.name(), name);
            assert_eq!(surroundings.playing(condition, 1).is_some(), condition == Condition::Echo20);
        }
        assert!(Condition::parse("moon").is_err_and(|why| why.contains("kitchen10")));
        assert!(Surroundings::default().lacks(Condition::Kitchen10).is_some());
    }
}
