//! Whisper (whisper.cpp through `whisper-rs`) as a [`Recognizer`]. It collects the utterance and decodes it at the end: the
//! library has no streaming. It invents text for silence, so energy, the no-speech probability and a list of its known
//! inventions stand around it.
//!
//! Never used here, because whisper-rs 0.16 has them broken: `set_grammar` (segmentation fault) and
//! `set_abort_callback_safe` (undefined behaviour). A decoding that takes too long is ended with its process by the pool.

use super::answers::Answers;
use super::small::{self, Words};
use super::small_hearing::{self, Weighed};
use super::whisper_text::weigh;
use super::{Partial, Recognizer, grammar};
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

/// The weights of the small model.
const SMALL: &[u8] = include_bytes!("../../models/small-ears.bin");

/// The engine: one model, one state, one utterance at a time.
pub struct Whisper {
    state: WhisperState,
    /// The words of the small model, when it is that.
    small: Option<Words>,
    multilingual: bool,
    longest_steps: usize,
    threads: i32,
    samples: Vec<i16>,
    language: Language,
    expect: Option<Expect>,
    person: std::sync::Arc<[String]>,
    /// A list that stands for the ask (files to transcribe).
    only: Option<Vec<String>>,
}

impl Whisper {
    /// Loads a ggml model file, or a file of a small model (`models/train`).
    ///
    /// # Errors
    /// One sentence when the file is not there or is neither.
    pub fn load(model: &Path) -> Result<Whisper, String> {
        let mut head = [0; small::MAGIC.len()];
        let told = std::fs::File::open(model).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut head));
        if told.is_ok() && head == small::MAGIC {
            let bytes = std::fs::read(model).map_err(|e| format!("cannot read {}: {e}", model.display()))?;
            return Whisper::from_small(&bytes).map_err(|why| format!("{}: {why}", model.display()));
        }
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
        Whisper::with(&context, None).map_err(|e| bad(&e))
    }

    /// The small model that hotline brings along: the words of a hotline (digits, yes and no, menus, requests for a person; in
    /// Mandarin the digits, yes and no and requests for a person).
    ///
    /// # Errors
    /// When the library refuses it.
    pub fn small() -> Result<Whisper, String> {
        Whisper::from_small(SMALL)
    }

    fn from_small(file: &[u8]) -> Result<Whisper, String> {
        whisper_rs::install_logging_hooks();
        let (ggml, words) = small::expand(file)?;
        let context = WhisperContext::new_from_buffer_with_params(&ggml, WhisperContextParameters::default())
            .map_err(|e| format!("the small model does not load: {e}"))?;
        Whisper::with(&context, Some(words))
    }

    /// Begins an utterance under a list of phrases and nothing else.
    pub fn start_phrases(&mut self, list: &[String]) {
        self.samples.clear();
        self.language = Language::EN;
        self.expect = Some(Expect::Choice { phrases: std::sync::Arc::from([]) });
        self.only = Some(list.iter().map(|p| super::spoken(p)).collect());
    }

    fn with(context: &WhisperContext, small: Option<Words>) -> Result<Whisper, String> {
        let state = context.create_state().map_err(|e| e.to_string())?;
        Ok(Whisper {
            multilingual: context.is_multilingual(),
            longest_steps: usize::try_from(context.n_audio_ctx()).unwrap_or(0).max(1),
            state,
            // Workers are the unit of parallelism; a second thread shortens the wait when a core is free.
            threads: std::thread::available_parallelism().map_or(1, |n| i32::from(n.get() > 1) + 1),
            small,
            samples: Vec::new(),
            language: Language::EN,
            expect: None,
            person: std::sync::Arc::from([]),
            only: None,
        })
    }

    /// What the model understands: English, or all languages that we know how to speak about.
    pub fn languages(&self) -> Vec<Language> {
        let tags: &[&str] = if self.small.is_some() {
            &["en", "zh"]
        } else if self.multilingual {
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

impl Whisper {
    /// What the small model heard: one of the answers that count, or nothing of ours.
    fn hear_small(&mut self) -> Result<Hypothesis, String> {
        let (Some(words), Some(expect)) = (&self.small, &self.expect) else { return Err("it has no ask".to_string()) };
        let answers = self.answers(words, expect);
        let weighed = small_hearing::hear(&mut self.state, words, &answers, &self.samples, 1)?;
        Ok(match weighed {
            Some(weighed) => judge_small(words, &weighed, answers.is_empty()),
            None => Hypothesis {
                engine: Engine::Small,
                confidence: Confidence::default(),
                rejected: Some("too long for the small model".to_string()),
                ..Hypothesis::typed("")
            },
        })
    }

    fn answers(&self, words: &Words, expect: &Expect) -> Answers {
        match &self.only {
            Some(list) => answers_in(words, list),
            None => answers_of(words, expect, &self.person),
        }
    }

    /// Whether the small model could give this text as an answer to the present ask: it knows no other words.
    pub(crate) fn could_say(&self, text: &str) -> bool {
        let (Some(words), Some(expect)) = (&self.small, &self.expect) else { return false };
        words.tokens(text).is_some_and(|tokens| self.answers(words, expect).holds(&tokens))
    }
}

fn answers_in(words: &Words, phrases: &[String]) -> Answers {
    let mut answers = Answers::default();
    phrases.iter().filter_map(|p| words.tokens(p)).for_each(|tokens| answers.add(&tokens));
    answers
}

/// The answers to an ask that the small model knows the words of; none for an open question.
fn answers_of(words: &Words, expect: &Expect, person: &[String]) -> Answers {
    if matches!(expect, Expect::Open { .. } | Expect::Number | Expect::Date) {
        return Answers::default();
    }
    let mut answers = answers_in(words, &grammar::phrases_of(expect, person));
    if let Expect::Digits { max, .. } = expect {
        let names = "zero oh one two three four five six seven eight nine 零 一 幺 二 三 四 五 六 七 八 九".split(' ');
        let digits: Vec<_> = names.filter_map(|d| words.tokens(d)).flatten().collect();
        let double = words.tokens("double").and_then(|t| t.first().copied());
        answers.add_digits(&digits, double, usize::from(*max).min(words.longest));
    }
    answers
}

/// From what the small model weighed to a hypothesis.
fn judge_small(words: &Words, weighed: &Weighed, open: bool) -> Hypothesis {
    let best = if open { Some(&weighed.free) } else { weighed.found.first() };
    let known = best.filter(|b| !b.tokens.is_empty() && !b.tokens.contains(&Words::UNKNOWN));
    let Some(best) = known else {
        return Hypothesis {
            engine: Engine::Small,
            confidence: Confidence::default(),
            rejected: Some("none of the words that the small model knows".to_string()),
            ..Hypothesis::typed("")
        };
    };
    // What else it may have been: no words of ours, or words that were not asked for.
    let rival = if weighed.free.tokens == best.tokens { weighed.unknown } else { weighed.free.log.max(weighed.unknown) };
    let confidence = |log: f32| {
        let score =
            SURE.margin * (log - rival).clamp(-12.0, 12.0) + SURE.log * log + SURE.nobody * weighed.nobody.exp() + SURE.offset;
        Confidence::new(1.0 / (1.0 + (-score).exp()))
    };
    let sure = confidence(best.log);
    let others = if open { &[] } else { &weighed.found[1..] };
    let numbers = [best.log, weighed.unknown, weighed.free.log, weighed.nobody].map(|n| format!("{n:.2}")).join(" ");
    Hypothesis {
        text: words.text(&best.tokens),
        confidence: sure,
        rejected: (sure.get() < 0.5).then(|| "other words fit better".to_string()),
        alternatives: others.iter().map(|f| (words.text(&f.tokens), confidence(f.log))).collect(),
        engine: Engine::Small,
        why: Some(format!("log likelihood of this, of unknown words, of any words, of nobody: {numbers}")),
        ..Hypothesis::typed("")
    }
}

/// How the likelihoods become a confidence.
struct Sure {
    /// Of the distance to the likeliest rival.
    margin: f32,
    /// Of the answer's own log likelihood.
    log: f32,
    /// Of the probability that nobody speaks.
    nobody: f32,
    offset: f32,
}

/// Fitted on 300 real digits, zero to four asked for and five to nine said as often (speaker-wise folds: area under the curve 0.92).
const SURE: Sure = Sure { margin: 0.35, log: 0.38, nobody: -9.0, offset: 2.44 };

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
        if self.small.is_some() { Engine::Small } else { Engine::Whisper }
    }

    fn speaks(&self, language: Language) -> bool {
        self.languages().contains(&language)
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        if !self.speaks(grammar.language) {
            return Err(format!("this Whisper model does not understand the language {}", grammar.language));
        }
        self.samples.clear();
        self.only = None;
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
        let engine = self.engine();
        let nothing = |why: Option<&str>| Hypothesis {
            engine,
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
        if self.small.is_some() {
            let heard = self.hear_small();
            self.samples.clear();
            return heard.unwrap_or_else(|why| {
                tracing::warn!("the small model could not hear an utterance: {why}");
                nothing(Some("the engine failed"))
            });
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
}
