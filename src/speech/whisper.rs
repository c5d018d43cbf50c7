//! Whisper (whisper.cpp through `whisper-rs`) as a [`Recognizer`]. It collects the utterance and decodes it at the end: the
//! library has no streaming. It invents text for silence, so energy, the no-speech probability and a list of its known
//! inventions stand around it.
//!
//! Never used here, because whisper-rs 0.16 has them broken: `set_grammar` (segmentation fault) and
//! `set_abort_callback_safe` (undefined behaviour). A decoding that takes too long ends itself by the raw callback, so that the
//! model need not be loaded again; if even that fails, the pool ends it with its process.

use super::whisper_list::{Listed, tokens};
use super::whisper_pass::{Collected, params, wide};
use super::whisper_text::{A_GUESS, GUESS, told, weigh};
use super::{Partial, Recognizer};
use crate::base::{Confidence, Engine, Expect, Grammar, Hypothesis, Language};
use std::ffi::c_void;
use std::path::Path;
use std::time::Instant;
use whisper_rs::{FullParams, WhisperContext, WhisperContextParameters, WhisperState, WhisperTokenId};

/// Encoder steps a second of sound.
const STEPS_PER_SECOND: usize = 50;

/// Steps beyond the utterance, because quality falls when the window is tight, and the fewest at all.
const STEPS_MARGIN: usize = 64;
const STEPS_MIN: usize = 192;

/// Most letters of what the model is told to expect: it is read before every utterance.
const PROMPT_LONGEST: usize = 400;

/// The engine: one model, one state, one utterance at a time.
pub struct Whisper {
    context: WhisperContext,
    state: WhisperState,
    multilingual: bool,
    longest_steps: usize,
    threads: i32,
    sound: Collected,
    language: Language,
    expect: Option<Expect>,
    /// The flow's own words, in tokens: the model is likelier to write what it has read (Radford et al. 2022, section 4.5).
    prompt: Vec<WhisperTokenId>,
    /// The same as they are spoken, one after the other.
    told: String,
    /// The phrases of a closed question, for what could not be found among them at first.
    list: Option<(Vec<String>, Listed)>,
}

/// What a pass wrote.
struct Wrote {
    text: String,
    tokens: Vec<WhisperTokenId>,
    /// Probability that nobody spoke, and the mean log probability of a token.
    silence: f32,
    log: f32,
}

impl Whisper {
    /// Loads a ggml model file.
    ///
    /// # Errors
    /// One sentence when the file is not there or is none.
    pub fn load(model: &Path) -> Result<Whisper, String> {
        check(model)?;
        let bad = |e: &dyn std::fmt::Display| {
            format!(
                "cannot load the Whisper model {}: {e}; get the file again (README, \"Put in a Whisper model\")",
                model.display()
            )
        };
        let path = model.to_str().ok_or_else(|| bad(&"its path is not UTF-8"))?;
        whisper_rs::install_logging_hooks();
        let context = WhisperContext::new_with_params(path, WhisperContextParameters::default()).map_err(|e| bad(&e))?;
        Whisper::with(context).map_err(|e| bad(&e))
    }

    fn with(context: WhisperContext) -> Result<Whisper, String> {
        let state = context.create_state().map_err(|e| e.to_string())?;
        Ok(Whisper {
            multilingual: context.is_multilingual(),
            longest_steps: usize::try_from(context.n_audio_ctx()).unwrap_or(0).max(1),
            context,
            state,
            // Workers are the unit of parallelism; a second thread shortens the wait when a core is free.
            threads: std::thread::available_parallelism().map_or(1, |n| i32::from(n.get() > 1) + 1),
            sound: Collected::default(),
            language: Language::EN,
            expect: None,
            prompt: Vec::new(),
            told: String::new(),
            list: None,
        })
    }

    /// What the model understands: English, or all languages that we know how to speak about.
    pub fn languages(&self) -> Vec<Language> {
        let tags: &[&str] = if self.multilingual {
            &[
                "en", "zh", "de", "es", "fr", "it", "pt", "nl", "pl", "ru", "ja", "ko", "ar", "tr", "uk", "vi", "hi", "id",
                "sv", "cs",
            ]
        } else {
            &["en"]
        };
        tags.iter().filter_map(|t| Language::parse(t)).collect()
    }

    /// What was said; `None` = not known by then. `listed` = nothing but the phrases of the question.
    fn decode(&mut self, listed: bool, by: Option<Instant>) -> Result<Option<Wrote>, String> {
        let sound = wide(self.sound.samples())?;
        let steps = (sound.len() * STEPS_PER_SECOND / 16_000 + STEPS_MARGIN).max(STEPS_MIN).min(self.longest_steps);
        let tag = self.language.as_str().to_string();
        let mut params = params(self.threads, steps, self.sound.samples().len() / 8_000 * 8 + 16);
        params.set_language(self.multilingual.then_some(tag.as_str()));
        params.set_translate(false);
        params.set_suppress_blank(true);
        params.set_suppress_nst(true);
        params.set_temperature(0.0);
        if !self.prompt.is_empty() {
            params.set_tokens(&self.prompt);
        }
        if let Some((_, list)) = self.list.as_ref().filter(|_| listed) {
            list.filters(&mut params);
        }
        let until = Until::new(by);
        until.ends(&mut params);
        match self.state.full(params, &sound) {
            Err(_) if until.is_over() => return Ok(None),
            outcome => outcome.map_err(|e| e.to_string())?,
        };
        let mut wrote = Wrote { text: String::new(), tokens: Vec::new(), silence: 0.0, log: 0.0 };
        for segment in self.state.as_iter() {
            wrote.text.push_str(&segment.to_str_lossy().map_err(|e| e.to_string())?);
            wrote.silence = wrote.silence.max(segment.no_speech_probability());
            for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
                wrote.log += token.token_probability().max(1e-6).ln();
                wrote.tokens.push(token.token_id());
            }
        }
        wrote.log = if wrote.tokens.is_empty() { f32::NEG_INFINITY } else { wrote.log / wrote.tokens.len() as f32 };
        Ok(Some(wrote))
    }

    /// Looks for what was said among the phrases of a closed question, when the words as they came are none of them. It comes second,
    /// because a caller who asks for a person in other words must not be forced into a menu.
    fn among_listed(&mut self, heard: Hypothesis, by: Option<Instant>) -> Hypothesis {
        let Some((phrases, _)) = &self.list else { return heard };
        // Where nobody spoke, or the model made it up, no phrase was said either.
        let spoken = matches!(heard.rejected.as_deref(), None | Some(A_GUESS));
        if !spoken || phrases.contains(&heard.text) {
            return heard;
        }
        let Ok(Some(wrote)) = self.decode(true, by) else { return heard };
        let found = self.list.as_ref().and_then(|(phrases, list)| {
            let (nth, log) = list.found(&wrote.tokens)?;
            Some((phrases.get(nth)?.clone(), log))
        });
        match found.filter(|(_, log)| *log >= GUESS) {
            Some((phrase, log)) => Hypothesis {
                confidence: Confidence::new(log.exp() * (1.0 - wrote.silence)),
                rejected: None,
                alternatives: vec![(heard.text.clone(), heard.confidence)],
                why: Some("the likeliest phrase of the question; freely it was the other reading".to_string()),
                text: phrase,
                ..heard
            },
            None => heard,
        }
    }

    /// What was heard, `None` when it is not known by then.
    fn hear(&mut self, by: Option<Instant>) -> Option<Hypothesis> {
        let nothing = |why: Option<&str>| Hypothesis {
            engine: Engine::Whisper,
            confidence: Confidence::default(),
            rejected: why.map(str::to_string),
            ..Hypothesis::typed("")
        };
        if matches!(self.expect, Some(Expect::Anything)) {
            self.sound.clear();
            return Some(nothing(None));
        }
        if self.sound.is_silent() {
            self.sound.clear();
            return Some(nothing(Some("silence")));
        }
        let heard = match self.decode(false, by) {
            Ok(Some(wrote)) => {
                let heard = weigh(&wrote.text, self.language, wrote.silence, wrote.log, &self.told);
                Some(self.among_listed(heard, by))
            }
            Ok(None) => None,
            Err(why) => {
                tracing::warn!("whisper could not decode an utterance: {why}");
                Some(nothing(Some("the engine failed")))
            }
        };
        self.sound.clear();
        heard
    }
}

/// When a pass has to be over. The library asks again and again while it computes, and stops where it is.
struct Until {
    by: Option<Instant>,
}

impl Until {
    /// `None` = it may take as long as it likes.
    fn new(by: Option<Instant>) -> Until {
        Until { by }
    }

    /// Whether that time has come.
    fn is_over(&self) -> bool {
        self.by.is_some_and(|by| Instant::now() >= by)
    }

    /// Ends a pass with these parameters; must outlive it.
    fn ends(&self, params: &mut FullParams) {
        unsafe extern "C" fn over(until: *mut c_void) -> bool {
            // SAFETY: the pointer is of the `Until` below, which outlives the pass, and is only read.
            unsafe { until.cast::<Until>().as_ref() }.is_some_and(Until::is_over)
        }
        // SAFETY: the callback has the signature of ggml_abort_callback and does not unwind.
        unsafe {
            params.set_abort_callback(Some(over));
            params.set_abort_callback_user_data(std::ptr::from_ref(self).cast_mut().cast());
        }
    }
}

/// Least and most of the eleven numbers at the head of a model: vocabulary, then contexts, widths, heads and layers of the
/// two halves, mel bands, kind of numbers.
const HEAD: [(u32, u32); 11] =
    [(1, 100_000), (1, 3_000), (1, 4_096), (1, 64), (1, 64), (1, 2_048), (1, 4_096), (1, 64), (1, 64), (80, 128), (0, 4_096)];

/// Whether the file begins like a Whisper model: on rubbish the library throws a C++ exception, which ends the process.
fn check(model: &Path) -> Result<(), String> {
    use std::io::Read as _;
    let wrong =
        |what: String| format!("the Whisper model {} {what}; get one (README, \"Put in a Whisper model\")", model.display());
    let mut head = [0; 48];
    let mut file = std::fs::File::open(model).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    file.read_exact(&mut head).map_err(|_| wrong("is cut off".to_string()))?;
    // "ggml" as a little-endian number, as whisper.cpp writes it.
    let magic = head.starts_with(b"lmgg");
    let mut numbers = head[4..].chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).zip(HEAD);
    let plausible = magic && numbers.all(|(n, (least, most))| (least..=most).contains(&n));
    if plausible { Ok(()) } else { Err(wrong("is no ggml Whisper model".to_string())) }
}

impl Recognizer for Whisper {
    fn engine(&self) -> Engine {
        Engine::Whisper
    }

    fn speaks(&self, language: Language) -> bool {
        self.languages().contains(&language)
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        if !self.speaks(grammar.language) {
            return Err(format!("this Whisper model does not understand the language {}", grammar.language));
        }
        self.sound.clear();
        if self.language == grammar.language && self.expect.as_ref() == Some(&grammar.expect) {
            return Ok(());
        }
        self.language = grammar.language;
        self.expect = Some(grammar.expect.clone());
        let phrases: Vec<String> = match &grammar.expect {
            Expect::Choice { phrases } => phrases.iter().chain(grammar.person.iter()).map(|p| told(p, self.language)).collect(),
            _ => Vec::new(),
        };
        let words: &[String] = match &grammar.expect {
            Expect::Open { examples, .. } => examples,
            _ => &phrases,
        };
        let mut prompt = String::new();
        for word in words {
            if prompt.len() + word.len() < PROMPT_LONGEST {
                prompt += &format!(" {word}.");
            }
        }
        self.prompt = tokens(&self.context, &prompt).unwrap_or_default();
        self.told = told(&prompt, self.language);
        let list = Listed::new(&self.context, &phrases, self.language);
        self.list = list.map(|list| (phrases, list));
        Ok(())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        self.sound.push(samples);
        None
    }

    fn abandon(&mut self) {
        self.sound.clear();
    }

    fn finish(&mut self) -> Hypothesis {
        self.hear(None).unwrap_or_else(|| Hypothesis { engine: Engine::Whisper, ..Hypothesis::typed("") })
    }

    fn finish_by(&mut self, by: Instant) -> Option<Hypothesis> {
        self.hear(Some(by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The small model that hotline brings along, as a model like any other: it writes "one token a word" all by itself.
    fn small() -> Whisper {
        whisper_rs::install_logging_hooks();
        let (ggml, _) = crate::speech::small_file::expand(crate::speech::Small::weights()).expect("good");
        let context = WhisperContext::new_from_buffer_with_params(&ggml, WhisperContextParameters::default()).expect("loads");
        Whisper::with(context).expect("a state")
    }

    fn fixture(name: &str) -> Vec<i16> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures").join(name);
        let bytes = std::fs::read(path).expect("a fixture");
        [vec![0; 1_600], crate::audio::decode_file(&bytes, Some("wav")).expect("sound").samples, vec![0; 2_400]].concat()
    }

    fn choice(phrases: &[&str]) -> Grammar {
        let phrases = phrases.iter().map(|p| (*p).to_string()).collect();
        Grammar { language: Language::EN, expect: Expect::Choice { phrases }, person: std::sync::Arc::from([]) }
    }

    #[test]
    fn what_takes_too_long_is_given_up_and_the_next_is_heard() {
        let mut engine = small();
        let sound = fixture("yes-2.wav");
        for late in [false, true, false] {
            engine.start(&choice(&["yes please", "no thanks"])).expect("English");
            engine.feed(&sound);
            let by = if late { Instant::now() } else { Instant::now() + std::time::Duration::from_secs(60) };
            let heard = engine.finish_by(by).map(|h| h.text);
            assert_eq!(heard.is_none(), late, "{heard:?}");
        }
    }

    #[test]
    fn only_a_phrase_of_the_list_is_written_and_what_fits_none_is_unlikely() {
        let mut engine = small();
        let sound = fixture("yes-2.wav");
        let mut log = |list: &[&str]| {
            engine.start(&choice(list)).expect("English");
            // This model never learnt to read anything before it writes.
            engine.prompt.clear();
            engine.feed(&sound);
            let wrote = engine.decode(true, None).expect("it works").expect("in time");
            let (_, list) = engine.list.as_ref().expect("a list");
            list.found(&wrote.tokens).expect("one of them")
        };
        let (right, sure) = log(&["operator", "yes please"]);
        let (_, unsure) = log(&["operator", "customer service"]);
        assert_eq!(right, 1);
        assert!(unsure < sure - 1.0, "{sure} {unsure}");
    }

    #[test]
    fn a_missing_or_wrong_model_is_a_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ggml-x.bin");
        let why = Whisper::load(&file).err().expect("no file");
        assert!(why.contains("ggml-x.bin") && why.contains("README"), "{why}");
        std::fs::write(&file, b"too short").expect("written");
        assert!(Whisper::load(&file).err().expect("no model").contains("cut off"));
        std::fs::write(&file, [b"lmgg".as_slice(), &[255; 200]].concat()).expect("written");
        assert!(Whisper::load(&file).err().expect("no model").contains("no ggml Whisper model"));
    }
}
