//! Whisper (whisper.cpp through `whisper-rs`) as a [`Recognizer`]. It collects the utterance and decodes it at the end: the
//! library has no streaming. It invents text for silence, so energy, the no-speech probability and a list of its known
//! inventions stand around it.
//!
//! Never used here, because whisper-rs 0.16 has them broken: `set_grammar` (segmentation fault) and
//! `set_abort_callback_safe` (undefined behaviour). A decoding that takes too long is ended with its process by the pool.

use super::phrases;
use super::{Partial, Recognizer};
use crate::audio::{Rate, peak, resample, rms_dbfs};
use crate::base::{Confidence, Engine, Expect, Grammar, Hypothesis, Language};
use std::path::Path;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

/// Longest utterance: the model's own window, in samples at 8 kHz.
const LONGEST: usize = 8_000 * 30;

/// Encoder steps a second of sound.
const STEPS_PER_SECOND: usize = 50;

/// Steps beyond the utterance, because quality falls when the window is tight, and the fewest at all.
const STEPS_MARGIN: usize = 64;
const STEPS_MIN: usize = 192;

/// Quieter than this in its loudest 100 ms is silence.
const SILENCE_DBFS: f32 = -50.0;

/// Above it the model itself thinks that nobody spoke.
const NO_SPEECH: f32 = 0.6;

/// Mean log probability of a token below which the text is a guess.
const GUESS: f32 = -1.0;

/// What Whisper models write when nothing was said (from subtitles that they learnt from).
const PHANTOMS: &[&str] = &[
    "thank you for watching",
    "thanks for watching",
    "please subscribe",
    "like and subscribe",
    "subtitles by the amara org community",
    "transcription by castingwords",
    "you",
    "bye bye",
    "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    "謝謝觀看",
    "谢谢观看",
    "谢谢大家",
    "字幕由amara org社区提供",
    "字幕志愿者 李宗盛",
];

/// The engine: one model, one state, one utterance at a time.
pub struct Whisper {
    state: WhisperState,
    multilingual: bool,
    longest_steps: usize,
    threads: i32,
    samples: Vec<i16>,
    language: Language,
    expect: Option<Expect>,
    person: std::sync::Arc<[String]>,
}

impl Whisper {
    /// Loads a ggml model file.
    ///
    /// # Errors
    /// One sentence when the file is not there or is no ggml model.
    pub fn load(model: &Path) -> Result<Whisper, String> {
        whisper_rs::install_logging_hooks();
        check(model)?;
        let bad = |e: &dyn std::fmt::Display| {
            format!(
                "cannot load the Whisper model {}: {e}; get the file again (README, \"Put in a Whisper model\")",
                model.display()
            )
        };
        let path = model.to_str().ok_or_else(|| bad(&"its path is not UTF-8"))?;
        let context = WhisperContext::new_with_params(path, WhisperContextParameters::default()).map_err(|e| bad(&e))?;
        let state = context.create_state().map_err(|e| bad(&e))?;
        Ok(Whisper {
            multilingual: context.is_multilingual(),
            longest_steps: usize::try_from(context.n_audio_ctx()).unwrap_or(0).max(1),
            state,
            // Workers are the unit of parallelism; a second thread shortens the wait when a core is free.
            threads: std::thread::available_parallelism().map_or(1, |n| i32::from(n.get() > 1) + 1),
            samples: Vec::new(),
            language: Language::EN,
            expect: None,
            person: std::sync::Arc::from([]),
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

    fn decode(&mut self) -> Result<(String, f32, f32), String> {
        let rate = |hertz| Rate::new(hertz).map_err(|e| e.to_string());
        let wide = resample(&self.samples, rate(8_000)?, rate(16_000)?).map_err(|e| e.to_string())?;
        let mut sound: Vec<f32> = wide.iter().map(|s| f32::from(*s) / 32_768.0).collect();
        // whisper.cpp refuses less than a tenth of a second and hears little in less than a whole one.
        sound.resize(sound.len().max(17_600), 0.0);
        let steps = (sound.len() * STEPS_PER_SECOND / 16_000 + STEPS_MARGIN).max(STEPS_MIN).min(self.longest_steps);
        let tag = self.language.as_str().to_string();
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        params.set_n_threads(self.threads);
        params.set_language(self.multilingual.then_some(tag.as_str()));
        params.set_audio_ctx(i32::try_from(steps).unwrap_or(1_500));
        params.set_translate(false);
        params.set_no_context(true);
        params.set_no_timestamps(true);
        params.set_single_segment(true);
        params.set_suppress_blank(true);
        params.set_suppress_nst(true);
        params.set_temperature(0.0);
        params.set_temperature_inc(0.0);
        params.set_max_tokens(i32::try_from(self.samples.len() / 8_000 * 8 + 16).unwrap_or(64));
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_special(false);
        params.set_print_timestamps(false);
        self.state.full(params, &sound).map_err(|e| e.to_string())?;
        let (mut text, mut silence, mut log, mut tokens) = (String::new(), 0f32, 0f32, 0f32);
        for segment in self.state.as_iter() {
            text.push_str(&segment.to_str_lossy().map_err(|e| e.to_string())?);
            silence = silence.max(segment.no_speech_probability());
            for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
                log += token.token_probability().max(1e-6).ln();
                tokens += 1.0;
            }
        }
        Ok((text, silence, if tokens > 0.0 { log / tokens } else { f32::NEG_INFINITY }))
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
        self.samples.clear();
        self.language = grammar.language;
        self.expect = Some(grammar.expect.clone());
        self.person = grammar.person.clone();
        Ok(())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        let room = LONGEST.saturating_sub(self.samples.len());
        self.samples.extend_from_slice(&samples[..samples.len().min(room)]);
        None
    }

    fn abandon(&mut self) {
        self.samples.clear();
    }

    fn finish(&mut self) -> Hypothesis {
        let nothing = |why: Option<&str>| Hypothesis {
            engine: Engine::Whisper,
            confidence: Confidence::default(),
            rejected: why.map(str::to_string),
            ..Hypothesis::typed("")
        };
        if matches!(self.expect, Some(Expect::Anything)) {
            return nothing(None);
        }
        let loudest = self.samples.chunks(800).map(rms_dbfs).fold(f32::NEG_INFINITY, f32::max);
        if loudest < SILENCE_DBFS || peak(&self.samples) == 0 {
            return nothing(Some("silence"));
        }
        let decoded = self.decode();
        self.samples.clear();
        match decoded {
            Ok((raw, silence, log)) => weigh(&raw, self.language, silence, log),
            Err(why) => {
                tracing::warn!("whisper could not decode an utterance: {why}");
                nothing(Some("the engine failed"))
            }
        }
    }
}

/// From what the model wrote to a hypothesis.
fn weigh(raw: &str, language: Language, silence: f32, log: f32) -> Hypothesis {
    let text = tidy(raw, language);
    let rejected = if text.is_empty() {
        Some("no words")
    } else if silence > NO_SPEECH {
        Some("no speech")
    } else if PHANTOMS.contains(&text.as_str()) || repeats(&text) {
        Some("an invention of the model")
    } else if log < GUESS {
        Some("a guess")
    } else {
        None
    };
    let confidence = log.exp() * (1.0 - silence);
    Hypothesis {
        text,
        confidence: Confidence::new(confidence),
        rejected: rejected.map(str::to_string),
        engine: Engine::Whisper,
        ..Hypothesis::typed("")
    }
}

/// Words without the marks and notes (`[music]`, `(laughs)`, `*sigh*`) that Whisper writes.
fn tidy(raw: &str, language: Language) -> String {
    let mut out = String::new();
    let mut depth = 0usize;
    for c in raw.chars() {
        match c {
            '[' | '(' | '（' | '【' => depth += 1,
            ']' | ')' | '）' | '】' => depth = depth.saturating_sub(1),
            '*' | '♪' => {}
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    if language == Language::EN {
        return phrases::spoken(&out);
    }
    let kept: String = out.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sign of a model that has lost the thread: the same few words again and again.
fn repeats(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let digits = words.iter().all(|w| phrases::digit_of(w).is_some());
    let by_word = (1..=4).any(|n| {
        let rounds = words.chunks_exact(n).zip(words.chunks_exact(n).skip(1)).take_while(|(a, b)| a == b).count();
        rounds >= 4 && words.len() > n * 4
    });
    let chars: Vec<char> = text.chars().collect();
    by_word && !digits
        || words.len() == 1 && chars.len() > 16 && (1..=4).any(|n| chars.chunks_exact(n).all(|c| c == &chars[..n]))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn inventions_and_guesses_are_rejected() {
        let weighed = |raw: &str, silence, log| weigh(raw, Language::EN, silence, log).rejected;
        assert_eq!(weighed(" Thanks for watching!", 0.1, -0.1).as_deref(), Some("an invention of the model"));
        assert_eq!(weighed(" no no no no no no no", 0.1, -0.1).as_deref(), Some("an invention of the model"));
        assert_eq!(weighed("[BLANK_AUDIO]", 0.1, -0.1).as_deref(), Some("no words"));
        assert_eq!(weighed("Where is it?", 0.9, -0.1).as_deref(), Some("no speech"));
        assert_eq!(weighed("Where is it?", 0.1, -2.0).as_deref(), Some("a guess"));
        let good = weigh(" I'd like my parcel, please. (laughs)", Language::EN, 0.0, -0.2);
        assert_eq!((good.text.as_str(), &good.rejected), ("i'd like my parcel please", &None));
        assert!(good.confidence.get() > 0.7);
        assert_eq!(weigh("我的包裹在哪里？", Language::ZH, 0.0, -0.2).text, "我的包裹在哪里");
    }
}
