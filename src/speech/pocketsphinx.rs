//! PocketSphinx as a [`Recognizer`]: English at 8 kHz. Up to three decoders hear an utterance at once, because the library
//! allows one search per decoder: the grammar or model of the ask, the spotter for a person, and a loop of all phones whose
//! likelihood tells how well *anything* would have fitted (a grammar result has no confidence of its own; a model's has one, so
//! there the loop begins only where a person seems to be asked for).
//!
//! Lives in a worker process: it reads its model from disk, and the C code may crash.

use super::decoder::{Beams, Decoder, FRAMES_PER_SECOND, Segment};
use super::dictionary::Dictionary;
use super::grammar::{self, Compiled};
use super::line::{self, LineMean};
use super::phrases;
use super::searches::{Search, hash};
use super::verdict::{self, Evidence, Kind};
use super::{Partial, Recognizer, lm};
use crate::audio::{Denoiser, Dice};
use crate::base::{Engine, Expect, Grammar, HeardWord, Hypothesis, Language};
use std::io::Write as _;
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

/// How sure a grammar must be of a request for a person before the utterance is over.
const PERSON_CONFIDENCE: f32 = 0.95;

/// How many words it must have: "get me an americano" begins like "get me a person".
const PERSON_WORDS: usize = 5;

/// And how well its worst word must fit.
const PERSON_WORST_RATIO: f32 = -10.0;

/// The same over all words of a request inside an open question, whose model is a witness already (true ones: -12 to -28).
const PERSON_MEAN_RATIO: f32 = -32.0;

const BEAMS: Beams = Beams { beam: 1e-48, phone: 1e-48, word: 7e-29, states_max: 30_000 };
/// Frames of silence stay in, so that all decoders count the same frames.
const OPTIONS: &[(&str, &str)] = &[("-remove_silence", "no")];
const LOOP_BEAMS: Beams = Beams { beam: 1e-20, phone: 1e-10, word: 1e-10, states_max: -1 };

/// How much a language model counts against the sound (the library's own: 6.5; with 9 four points of whole orders are lost, with 11
/// eight). Its second pass over the whole utterance after the end, which the library makes by default, is worth ten points.
const MODEL_WEIGHT: &str = "7";

/// Most sound of an open question that is kept for the phone loop: a minute at 16 kHz.
const KEPT_MAX: usize = 60 * 16_000;

/// Frames that a phone loop hears before the words that it judges.
const LOOP_BEFORE: usize = 20;

/// Segment scores of a language-model search are this much larger than those of a grammar (the library's `SENSCR_SHIFT`).
const MODEL_SCALE: f32 = 1_024.0;

const PHONES: &str = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH";

/// The engine with its three decoders.
pub struct PocketSphinx {
    main: Search,
    spotter: Search,
    phones: Decoder,
    dictionary: Arc<Dictionary>,
    /// Running cepstral mean of the line, with the number of frames it rests on.
    line: LineMean,
    dice: Dice,
    utterance: Option<Utterance>,
    /// Nobody waits for the answer: everything is held back for the cepstral mean.
    patient: bool,
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

struct Utterance {
    kind: Kind,
    expect: Expect,
    person: Arc<[String]>,
    /// The last line sample, for interpolation across calls.
    last: i16,
    fed: u32,
    /// What nobody has heard yet; `None` once the search is under way.
    waiting: Option<Vec<i16>>,
    /// Under a model: what was searched so far (16 kHz), for a phone loop that begins late. At most [`KEPT_MAX`].
    kept: Vec<i16>,
    /// Takes a loud noise away once the search is under way.
    denoiser: Option<Denoiser>,
    /// The frame from which the phone loop has heard this utterance; `None` while it does not run.
    looped: Option<usize>,
    /// The text at the look before this one.
    looked: String,
    reported: Partial,
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
            scratch: Scratch::new()?,
        })
    }

    /// Hears a little silence once, so that the first caller does not wait for pages and tables to come in.
    ///
    /// # Errors
    /// When the engine cannot begin.
    pub fn warm(&mut self) -> Result<(), String> {
        for expect in [Expect::YesNo { phrases: Arc::from([]) }, Expect::Digits { min: 1, max: 1 }] {
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
        if line::noisy(past_padding(&waiting))
            && let Some(mut denoiser) = Denoiser::learn(past_padding(&waiting))
        {
            // The padding stays as it is: it is no part of the noise.
            let clean = denoiser.push(past_padding(&waiting));
            waiting.truncate(PADDING_SAMPLES * 2);
            waiting.extend(clean);
            utterance.denoiser = Some(denoiser);
        }
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

    /// What is new since the last look.
    fn look(&mut self) -> Option<Partial> {
        let utterance = self.utterance.as_ref()?;
        let kind = utterance.kind;
        // Before the search has begun the engine still shows the words of the utterance before.
        if utterance.waiting.is_some() {
            return None;
        }
        let segments = if kind == Kind::Spotted { Vec::new() } else { self.main.decoder.segments() };
        let text = words_of(&segments);
        let found = self.spotter.decoder.segments();
        let utterance = self.utterance.as_mut()?;
        let stands = !text.is_empty() && text == utterance.looked;
        let mut now = utterance.reported.clone();
        // Whole only when it stood at two looks in a row: the best path flickers inside words.
        now.complete |= stands && grammar::complete(&utterance.expect, &utterance.person, &text);
        if now.person.is_none() {
            now.person = found.iter().find(|s| verdict::person_is_sure(&s.word, &text, kind)).map(|s| s.word.clone());
        }
        if now.person.is_none() && stands && kind == Kind::Open {
            now.person = self.person_in_question(&segments);
        }
        let utterance = self.utterance.as_mut()?;
        let asked = now.person.is_none()
            && stands
            && matches!(kind, Kind::Closed | Kind::Digits)
            && text.split(' ').count() >= PERSON_WORDS
            && grammar::asks_for_person(&utterance.person, &text);
        utterance.looked.clone_from(&text);
        if asked {
            // The phone loop is the second witness where the spotter missed it.
            let evidence = Evidence::weigh(&segments, &self.loop_scores(), 1.0);
            let sure = verdict::judge(kind, &text, &evidence, false).0.get() >= PERSON_CONFIDENCE;
            now.person = (sure && evidence.worst_ratio >= PERSON_WORST_RATIO).then(|| text.clone());
        }
        now.text = text;
        let utterance = self.utterance.as_mut()?;
        let news = now != utterance.reported;
        utterance.reported = now.clone();
        news.then_some(now)
    }

    /// Begins the phone loop at a frame of an open question that is under way, unless it has heard that frame already.
    fn loop_from(&mut self, frame: usize) {
        let Some(utterance) = &mut self.utterance else { return };
        if utterance.looped.is_some_and(|from| from <= frame) || utterance.kept.len() >= KEPT_MAX {
            return;
        }
        let from = frame.saturating_sub(LOOP_BEFORE);
        // Fails only without an active search, which `search` has chosen.
        if self.phones.start(Some(&self.line.mean)).is_ok() {
            self.phones.feed(utterance.kept.get(from * line::STRETCH..).unwrap_or_default());
            utterance.looped = Some(from);
        }
    }

    /// A request for a person in the middle of an open question, where its own words fit as well as any sounds would.
    fn person_in_question(&mut self, segments: &[Segment]) -> Option<String> {
        let words: Vec<Segment> = segments.iter().filter(|s| s.is_word()).cloned().collect();
        let texts: Vec<&str> = words.iter().map(|s| s.word.as_str()).collect();
        let at = grammar::person_among(&self.utterance.as_ref()?.person, &texts)?;
        self.loop_from(usize::try_from(words.get(at.start)?.start).unwrap_or(0));
        let scores = self.loop_scores();
        // Until the end the engine writes a model's scores on the scale of a grammar's.
        let evidence = Evidence::weigh(&words[at.clone()], &scores, 1.0);
        // All words, so that the call can see what stands around the phrase.
        (evidence.mean_ratio >= PERSON_MEAN_RATIO).then(|| texts.join(" "))
    }

    /// The phone loop's acoustic score, frame by frame; nothing where it did not run.
    fn loop_scores(&mut self) -> Vec<f32> {
        let Some(from) = self.utterance.as_ref().and_then(|u| u.looped) else { return Vec::new() };
        let mut out = vec![0.0; from + usize::try_from(self.phones.frames()).unwrap_or(0) + 1];
        for s in self.phones.segments() {
            let (start, end) = (from + usize::try_from(s.start).unwrap_or(0), from + usize::try_from(s.end).unwrap_or(0));
            let each = s.acoustic as f32 / (end.saturating_sub(start) + 1) as f32;
            out.iter_mut().take(end + 1).skip(start).for_each(|v| *v = each);
        }
        out
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
        let (confidence, rejected) = verdict::judge(kind, &text, &evidence, spotted || utterance.reported.person.is_some());
        Hypothesis {
            text,
            confidence,
            rejected,
            alternatives: Vec::new(),
            words: word_times(&segments),
            engine: Engine::Pocketsphinx,
            cpu_ms: 0,
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

fn words_of(segments: &[Segment]) -> String {
    let words: Vec<&str> = segments.iter().filter(|s| s.is_word()).map(|s| s.word.as_str()).collect();
    words.join(" ")
}

fn word_times(segments: &[Segment]) -> Vec<HeardWord> {
    let millis = |frames: i32| {
        let frames = usize::try_from(frames).unwrap_or(0) * 1_000 / FRAMES_PER_SECOND;
        u32::try_from(frames.saturating_sub(PADDING_SAMPLES / 8)).unwrap_or(u32::MAX)
    };
    let said = segments.iter().filter(|s| s.is_word());
    said.map(|s| HeardWord { text: s.word.clone(), start_ms: millis(s.start), end_ms: millis(s.end + 1) }).collect()
}

/// How the names of such folders begin; process and number follow.
const SCRATCH: &str = "hotline-ears-";

/// A folder of our own for the files that the C library insists on reading.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Scratch, String> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        remove_orphans();
        // A process of the same number that was killed may have left some behind.
        let mut tries = 0..1_000;
        let path = loop {
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("{SCRATCH}{}-{n}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => break path,
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && tries.next().is_some() => {}
                Err(e) => return Err(format!("cannot make {}: {e}", path.display())),
            }
        };
        Ok(Scratch(path))
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        // Cleaned up by somebody, or by a process that does not see ours.
        std::fs::create_dir_all(&self.0).map_err(|e| format!("cannot make {}: {e}", self.0.display()))?;
        let path = self.0.join(name);
        let mut file = std::fs::File::create(&path).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        file.write_all(text.as_bytes()).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        Ok(path)
    }
}

/// Removes the folders of processes that were killed: they could not do it themselves.
fn remove_orphans() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|n| n.strip_prefix(SCRATCH)) else { continue };
        let process = rest.split_once('-').and_then(|(process, _)| process.parse::<u32>().ok());
        if process.is_some_and(|p| !Path::new(&format!("/proc/{p}")).exists()) {
            // Somebody else's, or gone in the meantime: left alone.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A left-over folder of two small files is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
#[path = "pocketsphinx_tests.rs"]
mod tests;
