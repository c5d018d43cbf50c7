//! PocketSphinx as a [`Recognizer`]: English at 8 kHz. Up to three decoders hear an utterance at once, because the library
//! allows one search per decoder: the grammar or model of the ask, the spotter for a person, and a loop of all phones whose
//! likelihood tells how well *anything* would have fitted (a grammar result has no confidence of its own; a model's has one, so
//! there the loop begins only where a person seems to be asked for).
//!
//! Lives in a worker process: it reads its model from disk, and the C code may crash.

mod noise;
pub(super) mod scratch;

use super::decoder::{Beams, Decoder, FRAMES_PER_SECOND, Segment};
use super::dictionary::Dictionary;
use super::grammar::{self, Compiled};
use super::line::{self, LineMean, Noise};
use super::phrases;
use super::searches::{Search, hash};
use super::verdict::{self, Evidence, Kind};
use super::{Partial, Recognizer, lm};
use crate::audio::{Denoiser, Dice};
use crate::base::{Engine, Expect, Grammar, HeardWord, Hypothesis, Language};
use scratch::Scratch;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the Debian package puts the model.
const MODEL: &str = "/usr/share/pocketsphinx/model";

/// Line noise before and after each utterance: the models begin and end in silence. Worth ten points on single digits.
const PADDING_SAMPLES: usize = 2_400;

/// Loudness (standard deviation) of that noise, and of what is added to digital silence.
const PADDING_LEVEL: f32 = 20.0;

/// Partial results are looked at every so many calls of `feed` (100 ms in frames of 20 ms).
const LOOK_EVERY: u32 = 5;

const BEAMS: Beams = Beams { beam: 1e-48, phone: 1e-48, word: 7e-29, states_max: 30_000 };
/// Frames of silence stay in, so that all decoders count the same frames.
const OPTIONS: &[(&str, &str)] = &[("-remove_silence", "no")];
const LOOP_BEAMS: Beams = Beams { beam: 1e-20, phone: 1e-10, word: 1e-10, states_max: -1 };

/// How much a language model counts against the sound (the library's own: 6.5; with 9 four points of whole orders are lost, with 11
/// eight). Its second pass over the whole utterance after the end, which the library makes by default, is worth ten points.
const MODEL_WEIGHT: &str = "7";

/// Most sound of an open question that is kept for the phone loop: a minute at 16 kHz.
pub(super) const KEPT_MAX: usize = 60 * 16_000;

/// Segment scores of a language-model search are this much larger than those of a grammar (the library's `SENSCR_SHIFT`).
const MODEL_SCALE: f32 = 1_024.0;

/// Other readings of a number that does not fit.
const READINGS: usize = 20;

/// In no longer utterances (10 ms): making the lattice takes time that grows with the square of their length, three seconds for eight
/// digits, and workers are not waited for that long.
const READINGS_FRAMES: i32 = 400;

const PHONES: &str = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH";

/// The engine with its three decoders.
pub struct PocketSphinx {
    pub(super) main: Search,
    pub(super) spotter: Search,
    pub(super) phones: Decoder,
    dictionary: Arc<Dictionary>,
    /// Running cepstral mean of the line, with the number of frames it rests on.
    pub(super) line: LineMean,
    dice: Dice,
    pub(super) utterance: Option<Utterance>,
    /// Nobody waits for the answer: everything is held back for the cepstral mean.
    patient: bool,
    /// The acoustic model is that of a noisy line.
    pub(super) moved: bool,
    /// Files that a decoder reads (ARPA, keyphrases) go here; removed with us.
    scratch: Scratch,
}

/// How wide the search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Flat lists of phrases and small models: the library's own beams.
    Phrases,
    /// Large grammars with loops, which would explode: narrower beams (measured 82 % of whole commands right at 0.15 CPU
    /// seconds a second; the library's own cost twice that).
    Loops,
}

impl Width {
    fn beams(self) -> Beams {
        match self {
            Width::Phrases => BEAMS,
            Width::Loops => Beams { beam: 1e-40, phone: 1e-40, word: 1e-25, states_max: 6_000 },
        }
    }
}

fn model_folder() -> PathBuf {
    std::env::var_os("HOTLINE_POCKETSPHINX_MODEL").map_or_else(|| PathBuf::from(MODEL), PathBuf::from)
}

pub(super) struct Utterance {
    pub(super) kind: Kind,
    pub(super) expect: Expect,
    pub(super) person: Arc<[String]>,
    /// The last line sample, for interpolation across calls.
    last: i16,
    fed: u32,
    /// What nobody has heard yet; `None` once the search is under way.
    pub(super) waiting: Option<Vec<i16>>,
    /// Under a model: what was searched so far (16 kHz), for a phone loop that begins late. At most [`KEPT_MAX`].
    pub(super) kept: Vec<i16>,
    /// Takes a loud noise away once the search is under way.
    denoiser: Option<Denoiser>,
    /// The frame from which the phone loop has heard this utterance; `None` while it does not run.
    pub(super) looped: Option<usize>,
    /// Another engine did not hear the person whom this one heard.
    pub(super) doubted: bool,
    /// The text at the look before this one.
    pub(super) looked: String,
    pub(super) reported: Partial,
}

impl Utterance {
    /// Keeps sound for a phone loop that begins late.
    fn keep(&mut self, wide: &[i16]) {
        if self.kind == Kind::Open {
            let room = KEPT_MAX.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&wide[..wide.len().min(room)]);
        }
    }
}

impl PocketSphinx {
    /// Loads the model from `HOTLINE_POCKETSPHINX_MODEL` or from where Debian installs it.
    ///
    /// # Errors
    /// One sentence when a file is missing.
    pub fn load() -> Result<PocketSphinx, String> {
        PocketSphinx::load_wide(Width::Phrases)
    }

    /// The same, with beams fit for large grammars that loop.
    ///
    /// # Errors
    /// One sentence when a file is missing.
    pub fn load_wide(width: Width) -> Result<PocketSphinx, String> {
        PocketSphinx::open(&model_folder(), width.beams(), &[])
    }

    /// The same, with the general English language model beside (65 MB, a second to load), for [`PocketSphinx::start_dictation`].
    ///
    /// # Errors
    /// One sentence when a file is missing.
    pub fn load_dictation() -> Result<PocketSphinx, String> {
        let root = model_folder();
        let (dictionary, model) = (root.join("en-us/cmudict-en-us.dict"), root.join("en-us/en-us.lm.bin"));
        let name = |path: &Path| path.to_str().map(str::to_string).ok_or("the model's path is not UTF-8".to_string());
        let (dictionary, model) = (name(&dictionary)?, name(&model)?);
        PocketSphinx::open(&root, BEAMS, &[("-dict", &dictionary), ("-lm", &model)])
    }

    fn open(root: &Path, beams: Beams, extra: &[(&str, &str)]) -> Result<PocketSphinx, String> {
        let acoustic = root.join("en-us/en-us");
        let file = root.join("en-us/cmudict-en-us.dict");
        let main = Decoder::load(&acoustic, beams, &[OPTIONS, &[("-lw", MODEL_WEIGHT)], extra].concat())?;
        let text = std::fs::read(&file).map_err(|e| {
            format!("cannot read {}: {e}; install pocketsphinx-en-us or set HOTLINE_POCKETSPHINX_MODEL", file.display())
        })?;
        let dictionary = Arc::new(Dictionary::new(String::from_utf8_lossy(&text).into_owned()));
        let spotter = Decoder::load(&acoustic, BEAMS, OPTIONS)?;
        let mut phones = Decoder::load(&acoustic, LOOP_BEAMS, &[OPTIONS, &[("-lw", "1")]].concat())?;
        let mut names = Vec::new();
        for phone in PHONES.split(' ') {
            let name = format!("ph{}", phone.to_lowercase());
            phones.add_word(&name, phone)?;
            names.push(name);
        }
        phones.set_jsgf("loop", &format!("#JSGF V1.0;\ngrammar phones;\npublic <p> = ({})+;\n", names.join(" | ")))?;
        // The cheapest search, for measuring the mean.
        phones.set_jsgf("mean", "#JSGF V1.0;\ngrammar mean;\npublic <p> = phaa;\n")?;
        phones.choose("loop")?;
        Ok(PocketSphinx {
            main: Search::new(main),
            spotter: Search::new(spotter),
            phones,
            dictionary,
            line: LineMean::default(),
            dice: Dice::new(1),
            utterance: None,
            patient: false,
            moved: false,
            scratch: Scratch::new()?,
        })
    }

    /// Hears a little silence once, so that the first caller does not wait for pages and tables to come in.
    ///
    /// # Errors
    /// When the engine cannot begin.
    pub fn warm(&mut self) -> Result<(), String> {
        for expect in [Expect::YesNo { phrases: Arc::from([]) }, Expect::Digits { min: 1, max: 1, check: None }] {
            self.start(&Grammar { language: Language::EN, expect, person: Arc::from([]) })?;
            self.finish();
        }
        self.line = LineMean::default();
        Ok(())
    }

    /// Begins an utterance under a ready grammar (transcription of files with a grammar of their own).
    ///
    /// # Errors
    /// When it does not compile.
    pub fn start_jsgf(&mut self, jsgf: &str) -> Result<(), String> {
        let compiled = grammar::from_jsgf(jsgf);
        self.start_compiled(&compiled)
    }

    /// For files: nobody waits, so the cepstral mean rests on the whole utterance.
    #[must_use]
    pub fn patient(mut self) -> PocketSphinx {
        self.patient = true;
        self
    }

    /// Begins an utterance under the general language model; only after [`PocketSphinx::load_dictation`].
    ///
    /// # Errors
    /// When that model is not loaded.
    pub fn start_dictation(&mut self) -> Result<(), String> {
        self.drop_utterance();
        self.main.decoder.choose("_default")?;
        let expect = Expect::Open { name: Arc::from(""), examples: Arc::from([]) };
        self.begin(Kind::Open, expect, Arc::from([]))
    }

    /// Begins an utterance under a list of phrases and nothing else.
    ///
    /// # Errors
    /// When the list is empty.
    pub fn start_phrases(&mut self, list: &[String]) -> Result<(), String> {
        if list.iter().all(|p| phrases::spoken(p).is_empty()) {
            return Err("the grammar has no phrase; write for example \"yes | no | agent\"".to_string());
        }
        self.start_compiled(&grammar::only(list))
    }

    /// Begins an utterance under a model of these sentences and nothing else (slot values in made-up orders, for instance).
    ///
    /// # Errors
    /// When there is none.
    pub fn start_sentences(&mut self, sentences: &[String]) -> Result<(), String> {
        self.drop_utterance();
        let key = format!("s{:016x}", hash(&sentences));
        self.main.model(key, || lm::compile_only(sentences), &self.dictionary, &self.scratch)?;
        let expect = Expect::Open { name: Arc::from("sentences"), examples: Arc::from([]) };
        self.begin(Kind::Open, expect, Arc::from([]))
    }

    fn start_compiled(&mut self, compiled: &Compiled) -> Result<(), String> {
        self.drop_utterance();
        self.main.grammar(compiled, &self.dictionary)?;
        let expect = Expect::Choice { phrases: Arc::from([]) };
        self.begin(Kind::Closed, expect, Arc::from([]))
    }

    fn begin(&mut self, kind: Kind, expect: Expect, person: Arc<[String]>) -> Result<(), String> {
        self.spotter.spot(&person, &self.dictionary, &self.scratch)?;
        let reported = Partial { text: String::new(), complete: false, person: None };
        self.utterance = Some(Utterance {
            kind,
            expect,
            person,
            last: 0,
            fed: 0,
            waiting: Some(Vec::new()),
            kept: Vec::new(),
            denoiser: None,
            looped: None,
            doubted: false,
            looked: String::new(),
            reported,
        });
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        let mut silence = [0i16; PADDING_SAMPLES];
        self.dice.add_noise(&mut silence, PADDING_LEVEL);
        self.hear(&silence);
    }

    /// Doubles the rate by linear interpolation (the image above 4 kHz helps this model) and feeds every decoder.
    fn hear(&mut self, samples: &[i16]) {
        let Some(utterance) = &mut self.utterance else { return };
        let mut wide = Vec::with_capacity(samples.len() * 2);
        for &sample in samples {
            wide.push(i16::midpoint(utterance.last, sample));
            wide.push(sample);
            utterance.last = sample;
        }
        if let Some(waiting) = &mut utterance.waiting {
            waiting.extend_from_slice(&wide);
        } else {
            let clean = utterance.denoiser.as_mut().map(|d| d.push(&wide));
            self.search_on(clean.as_deref().unwrap_or(&wide));
            return;
        }
        if !self.patient && utterance.waiting.as_ref().is_some_and(|w| line::settled(past_padding(w))) {
            self.search();
        }
    }

    /// Every search that is under way goes on through the sound (16 kHz).
    fn search_on(&mut self, wide: &[i16]) {
        let Some(utterance) = &mut self.utterance else { return };
        self.spotter.decoder.feed(wide);
        if utterance.kind != Kind::Spotted {
            self.main.decoder.feed(wide);
        }
        if utterance.looped.is_some() {
            self.phones.feed(wide);
        }
        utterance.keep(wide);
    }

    /// Begins the search itself with a cepstral mean that rests on this utterance, and catches up with the speaker. The first
    /// stretch is held back for it: with the mean of another line or voice most words are lost.
    fn search(&mut self) {
        let Some(utterance) = self.utterance.as_mut() else { return };
        let Some(mut waiting) = utterance.waiting.take() else { return };
        let noise = line::noise_under(past_padding(&waiting));
        if noise != Noise::Quiet
            && let Some(mut denoiser) = Denoiser::learn(past_padding(&waiting))
        {
            // The padding stays as it is: it is no part of the noise.
            let clean = denoiser.push(past_padding(&waiting));
            waiting.truncate(PADDING_SAMPLES * 2);
            waiting.extend(clean);
            utterance.denoiser = Some(denoiser);
        }
        let loud = noise == Noise::Loud && utterance.denoiser.is_some();
        self.expect_noise(loud);
        let Some(utterance) = self.utterance.as_mut() else { return };
        let searched = utterance.kind != Kind::Spotted;
        let looped = searched && utterance.kind != Kind::Open;
        let speech = line::speech_in(past_padding(&waiting));
        if self.phones.choose("mean").is_ok()
            && let Some((own, frames)) = self.phones.mean_of(&speech)
        {
            self.line.learn(&own, frames);
        }
        let _ = self.phones.choose("loop");
        let beside = [(&mut self.main.decoder, searched), (&mut self.phones, looped), (&mut self.spotter.decoder, true)];
        for (decoder, _) in beside.into_iter().filter(|(_, hears)| *hears) {
            // Fails only without an active search, which `start` has chosen.
            if decoder.start(Some(&self.line.mean)).is_ok() {
                decoder.feed(&waiting);
            }
        }
        utterance.looped = looped.then_some(0);
        utterance.keep(&waiting);
    }

    fn drop_utterance(&mut self) {
        self.utterance = None;
        self.main.decoder.abandon();
        self.spotter.decoder.abandon();
        self.phones.abandon();
    }
}

impl Recognizer for PocketSphinx {
    fn engine(&self) -> Engine {
        Engine::Pocketsphinx
    }

    fn speaks(&self, language: Language) -> bool {
        language == Language::EN
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        if !self.speaks(grammar.language) {
            return Err(format!("PocketSphinx has no model for the language {}", grammar.language));
        }
        self.drop_utterance();
        let kind = match &grammar.expect {
            Expect::Anything => Kind::Spotted,
            Expect::Open { name, examples } => {
                let key = format!("m{:016x}", hash(&(name, &grammar.person)));
                self.main.model(key, || lm::compile(examples, &grammar.person), &self.dictionary, &self.scratch)?;
                Kind::Open
            }
            Expect::Spelled => {
                let key = format!("m{:016x}", hash(&("spelled", &grammar.person)));
                let examples: Vec<String> = phrases::SPELLED.lines().map(str::to_string).collect();
                self.main.model(key, || lm::compile(&examples, &grammar.person), &self.dictionary, &self.scratch)?;
                Kind::Open
            }
            closed => {
                let compiled = grammar::compile(closed, &grammar.person).ok_or("this ask has no grammar")?;
                self.main.grammar(&compiled, &self.dictionary)?;
                if matches!(closed, Expect::Digits { .. }) { Kind::Digits } else { Kind::Closed }
            }
        };
        self.begin(kind, grammar.expect.clone(), grammar.person.clone())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        self.hear(samples);
        let utterance = self.utterance.as_mut()?;
        utterance.fed += 1;
        if utterance.fed.is_multiple_of(LOOK_EVERY) { self.look() } else { None }
    }

    fn finish(&mut self) -> Hypothesis {
        self.search();
        let Some(utterance) = &mut self.utterance else { return empty() };
        let kind = utterance.kind;
        if let Some(mut denoiser) = utterance.denoiser.take() {
            let rest = denoiser.flush();
            self.search_on(&rest);
        }
        self.pad();
        self.spotter.decoder.end();
        if kind == Kind::Spotted {
            self.utterance = None;
            return empty();
        }
        self.main.decoder.end();
        self.phones.end();
        let segments = self.main.decoder.segments();
        let scores = self.loop_scores();
        let Some(utterance) = self.utterance.take() else { return empty() };
        let text = words_of(&segments);
        let evidence = Evidence::weigh(&segments, &scores, if kind == Kind::Open { MODEL_SCALE } else { 1.0 });
        let spotted = self.spotter.decoder.segments().iter().any(|s| verdict::person_is_sure(&s.word, &text, kind));
        let person = (spotted || utterance.reported.person.is_some()) && !utterance.doubted;
        let (confidence, rejected) = verdict::judge(kind, &text, &evidence, person, self.moved);
        let alternatives = match kind {
            // The lattice is dear: only for a number that cannot be meant.
            Kind::Digits | Kind::Closed
                if self.main.decoder.frames() <= READINGS_FRAMES && grammar::misfit(&utterance.expect, &text) =>
            {
                verdict::others(&text, self.main.decoder.readings(READINGS))
            }
            _ => Vec::new(),
        };
        Hypothesis {
            text,
            confidence,
            rejected,
            alternatives,
            words: words_heard(kind, &segments),
            engine: Engine::Pocketsphinx,
            ..Hypothesis::typed("")
        }
    }

    fn abandon(&mut self) {
        self.drop_utterance();
    }

    fn set_line(&mut self, line: Option<&[f32]>) {
        self.line = line.and_then(LineMean::read).unwrap_or_default();
    }

    fn line(&self) -> Option<Vec<f32>> {
        Some(self.line.write())
    }
}

/// What was added before an utterance is no part of it.
fn past_padding(wide: &[i16]) -> &[i16] {
    wide.get(PADDING_SAMPLES * 2..).unwrap_or_default()
}

fn empty() -> Hypothesis {
    Hypothesis { engine: Engine::Pocketsphinx, confidence: crate::base::Confidence::default(), ..Hypothesis::typed("") }
}

pub(super) fn words_of(segments: &[Segment]) -> String {
    let words: Vec<&str> = segments.iter().filter(|s| s.is_word()).map(|s| s.word.as_str()).collect();
    words.join(" ")
}

fn words_heard(kind: Kind, segments: &[Segment]) -> Vec<HeardWord> {
    let millis = |frames: i32| {
        let frames = usize::try_from(frames).unwrap_or(0) * 1_000 / FRAMES_PER_SECOND;
        u32::try_from(frames.saturating_sub(PADDING_SAMPLES / 8)).unwrap_or(u32::MAX)
    };
    let said = segments.iter().filter(|s| s.is_word());
    said.map(|s| HeardWord {
        text: s.word.clone(),
        start_ms: millis(s.start),
        end_ms: millis(s.end + 1),
        confidence: verdict::of_word(kind, s),
    })
    .collect()
}

#[cfg(test)]
#[path = "pocketsphinx_tests.rs"]
mod tests;
