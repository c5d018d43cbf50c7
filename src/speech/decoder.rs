//! One PocketSphinx decoder, made safe: named searches, one utterance at a time, segments with scores. It knows nothing of
//! grammars or languages; `pocketsphinx` does.

use super::ffi::sphinx as c;
use std::ffi::{CStr, CString, c_int};
use std::path::Path;

/// Frames per second of the acoustic model.
pub(crate) const FRAMES_PER_SECOND: usize = 100;

/// The weight in frames that the library gives the mean that it is handed (sphinxbase `CMN_WIN`).
const CMN_WINDOW: i32 = 500;

/// Numbers in a cepstral vector.
pub(crate) const CEPSTRA: usize = 13;

/// Sound of 2 seconds (16 kHz): the library shifts its window after about 3.
const MEAN_PIECE: usize = 32_000;

/// How wide a decoder searches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Beams {
    /// Ratio to the best path below which a state is dropped.
    pub(crate) beam: f64,
    /// The same at phone ends.
    pub(crate) phone: f64,
    /// The same at word ends.
    pub(crate) word: f64,
    /// Most active states per frame; −1 = unbounded.
    pub(crate) states_max: i32,
}

/// Owns a `ps_decoder_t`. One thread at a time (`Send`, not `Sync`); about 25 MB.
pub(crate) struct Decoder {
    ps: *mut c::Decoder,
    in_utterance: bool,
}

// SAFETY: the C decoder has no thread affinity; `&mut self` on every call keeps it to one thread at a time.
unsafe impl Send for Decoder {}

/// A stretch of the best path.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    /// The word without its variant number; fillers as the engine names them (`<sil>`, `[NOISE]`, `(NULL)`).
    pub(crate) word: String,
    /// First frame (10 ms).
    pub(crate) start: i32,
    /// Last frame.
    pub(crate) end: i32,
    /// Acoustic score (log domain, base 1.0001, shifted), as the engine gives it.
    pub(crate) acoustic: i32,
    /// Posterior (log domain, base 1.0001); 0 in grammars, which have none.
    pub(crate) posterior: i32,
}

impl Segment {
    /// Whether a person said this, as opposed to silence and noise.
    pub(crate) fn is_word(&self) -> bool {
        !self.word.starts_with(['<', '[', '(', '+'])
    }
}

fn text(value: &str) -> Result<CString, String> {
    CString::new(value).map_err(|_| format!("{value:?} holds a zero byte, which no engine can take"))
}

fn path_text(path: &Path) -> Result<CString, String> {
    text(path.to_str().ok_or_else(|| format!("the path {} is not UTF-8; move the file", path.display()))?)
}

impl Decoder {
    /// Loads the acoustic model from a folder, with an empty dictionary.
    ///
    /// # Errors
    /// One sentence when the folder holds no readable model.
    pub(crate) fn load(acoustic_model: &Path, beams: Beams, options: &[(&str, &str)]) -> Result<Decoder, String> {
        if !acoustic_model.join("mdef").exists() {
            return Err(format!(
                "no PocketSphinx model in {} (no file mdef); install pocketsphinx-en-us or set HOTLINE_POCKETSPHINX_MODEL",
                acoustic_model.display()
            ));
        }
        let mut arguments = vec![c"-hmm".to_owned(), path_text(acoustic_model)?];
        let beams = [
            ("-beam", format!("{:e}", beams.beam)),
            ("-pbeam", format!("{:e}", beams.phone)),
            ("-wbeam", format!("{:e}", beams.word)),
            ("-maxhmmpf", beams.states_max.to_string()),
        ];
        for (key, value) in beams.iter().map(|(k, v)| (*k, v.as_str())).chain(options.iter().copied()) {
            arguments.extend([text(key)?, text(value)?]);
        }
        let mut pointers: Vec<*mut std::ffi::c_char> = arguments.iter().map(|a| a.as_ptr().cast_mut()).collect();
        let count = i32::try_from(pointers.len()).unwrap_or(0);
        // SAFETY: an array of C strings that outlives the call; the library copies and never writes them. The log callback is
        // cleared once per decoder, which is idempotent.
        unsafe {
            c::err_set_logfp(std::ptr::null_mut());
            c::err_set_callback(None, std::ptr::null_mut());
            let config = c::cmd_ln_parse_r(std::ptr::null_mut(), c::ps_args(), count, pointers.as_mut_ptr(), 1);
            if config.is_null() {
                return Err("PocketSphinx refused its own settings".to_string());
            }
            let ps = c::ps_init(config);
            c::cmd_ln_free_r(config);
            if ps.is_null() {
                return Err(format!("PocketSphinx cannot load the model in {}", acoustic_model.display()));
            }
            c::ps_set_rawdata_size(ps, 0);
            Ok(Decoder { ps, in_utterance: false })
        }
    }

    /// Adds a word (`two(2)` = a further pronunciation of `two`). Searches that are set later know it.
    ///
    /// # Errors
    /// When a phone is unknown.
    pub(crate) fn add_word(&mut self, word: &str, phones: &str) -> Result<(), String> {
        let (w, p) = (text(word)?, text(phones)?);
        // SAFETY: valid decoder and C strings.
        let id = unsafe { c::ps_add_word(self.ps, w.as_ptr(), p.as_ptr(), 0) };
        if id < 0 { Err(format!("PocketSphinx does not take the pronunciation {phones:?} of a word")) } else { Ok(()) }
    }

    /// Compiles a JSGF grammar under a name.
    ///
    /// # Errors
    /// When it does not compile.
    pub(crate) fn set_jsgf(&mut self, name: &str, jsgf: &str) -> Result<(), String> {
        let (n, g) = (text(name)?, text(jsgf)?);
        // SAFETY: valid decoder and C strings, copied by the library.
        let rc = unsafe { c::ps_set_jsgf_string(self.ps, n.as_ptr(), g.as_ptr()) };
        if rc < 0 {
            Err("PocketSphinx cannot compile the grammar; check the JSGF syntax and the words".to_string())
        } else {
            Ok(())
        }
    }

    /// Loads an ARPA language model under a name.
    ///
    /// # Errors
    /// When it does not load.
    pub(crate) fn set_language_model(&mut self, name: &str, file: &Path) -> Result<(), String> {
        let (n, f) = (text(name)?, path_text(file)?);
        // SAFETY: as above.
        let rc = unsafe { c::ps_set_lm_file(self.ps, n.as_ptr(), f.as_ptr()) };
        if rc < 0 { Err("PocketSphinx cannot load the language model".to_string()) } else { Ok(()) }
    }

    /// Loads a keyphrase list (`phrase /threshold/` a line) under a name.
    ///
    /// # Errors
    /// When it does not load.
    pub(crate) fn set_keyphrases(&mut self, name: &str, file: &Path) -> Result<(), String> {
        let (n, f) = (text(name)?, path_text(file)?);
        // SAFETY: as above.
        let rc = unsafe { c::ps_set_kws(self.ps, n.as_ptr(), f.as_ptr()) };
        if rc < 0 { Err("PocketSphinx cannot load the keyphrase list".to_string()) } else { Ok(()) }
    }

    /// Makes a named search the active one.
    ///
    /// # Errors
    /// When there is none of that name, or an utterance is under way.
    pub(crate) fn choose(&mut self, name: &str) -> Result<(), String> {
        if self.in_utterance {
            return Err("an utterance is still under way".to_string());
        }
        let n = text(name)?;
        // SAFETY: as above.
        let rc = unsafe { c::ps_set_search(self.ps, n.as_ptr()) };
        if rc < 0 { Err(format!("PocketSphinx has no search named {name}")) } else { Ok(()) }
    }

    /// Forgets a named search, which must not be the active one.
    pub(crate) fn forget(&mut self, name: &str) {
        if let Ok(n) = text(name) {
            // SAFETY: as above; an unknown name is answered by an error code.
            unsafe { c::ps_unset_search(self.ps, n.as_ptr()) };
        }
    }

    /// Begins an utterance. `mean` is the running cepstral mean to begin with.
    ///
    /// # Errors
    /// When no search is active.
    pub(crate) fn start(&mut self, mean: Option<&[f32]>) -> Result<(), String> {
        self.abandon();
        // SAFETY: valid decoder; the feature object lives as long as the decoder, and the mean has its length.
        unsafe {
            c::ps_start_stream(self.ps);
            let feat = c::ps_get_feat(self.ps);
            if let Some(mean) = mean
                && usize::try_from((*feat).cepsize) == Ok(mean.len())
            {
                c::cmn_live_set((*feat).cmn_struct, mean.as_ptr());
            }
            if c::ps_start_utt(self.ps) < 0 {
                return Err("PocketSphinx cannot begin an utterance".to_string());
            }
        }
        self.in_utterance = true;
        Ok(())
    }

    /// Searches on through 16 kHz samples.
    pub(crate) fn feed(&mut self, samples: &[i16]) {
        if self.in_utterance && !samples.is_empty() {
            // SAFETY: pointer and length of a live slice.
            unsafe { c::ps_process_raw(self.ps, samples.as_ptr(), samples.len(), 0, 0) };
        }
    }

    /// Ends the utterance; the result stays readable.
    pub(crate) fn end(&mut self) {
        if self.in_utterance {
            // SAFETY: valid decoder, in an utterance.
            unsafe { c::ps_end_utt(self.ps) };
            self.in_utterance = false;
        }
    }

    /// Ends an utterance whose result nobody wants.
    pub(crate) fn abandon(&mut self) {
        self.end();
    }

    /// The cepstral mean of some sound (16 kHz) and its frames, under whatever search is active: choose a cheap one. `None` for
    /// less than a frame.
    pub(crate) fn mean_of(&mut self, sound: &[i16]) -> Option<(Vec<f32>, f32)> {
        let (mut sum, mut frames) = (vec![0.0; CEPSTRA], 0.0);
        for piece in sound.chunks(MEAN_PIECE) {
            self.start(Some(&[0.0; CEPSTRA])).ok()?;
            self.feed(piece);
            // SAFETY: the sum has as many elements as the mean, `cepsize`, which is checked against ours.
            unsafe {
                let feat = c::ps_get_feat(self.ps);
                let cmn = (*feat).cmn_struct;
                let own = (*cmn).nframe - CMN_WINDOW;
                if own > 0 && usize::try_from((*feat).cepsize) == Ok(CEPSTRA) {
                    // What it began with was counted with nothing but zeros.
                    let of_piece = std::slice::from_raw_parts((*cmn).sum, CEPSTRA);
                    sum.iter_mut().zip(of_piece).for_each(|(all, s)| *all += s);
                    frames += own as f32;
                }
            }
            self.end();
        }
        (frames > 0.0).then(|| (sum.iter().map(|s| s / frames).collect(), frames))
    }

    /// Moves the acoustic model's means and variances by a linear map (a file of `adaptation`), instead of the one before; between utterances.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn adapt(&mut self, file: &Path) -> Result<(), String> {
        let name = path_text(file)?;
        // SAFETY: valid decoder and C string; the decoder takes the map over. It reads its means anew from the model's files, which does
        // not fail where they were read before.
        let done = unsafe {
            let map = c::ps_mllr_read(name.as_ptr());
            !map.is_null() && !c::ps_update_mllr(self.ps, map).is_null()
        };
        if done { Ok(()) } else { Err(format!("PocketSphinx cannot read the map {}", file.display())) }
    }

    /// The cepstra of a sound (16 kHz), one for 10 ms; between utterances.
    pub(crate) fn cepstra(&mut self, sound: &[i16]) -> Vec<[f32; CEPSTRA]> {
        let most = sound.len() / (16_000 / FRAMES_PER_SECOND) + 2;
        let mut out = vec![[0.0f32; CEPSTRA]; most];
        let mut rows: Vec<*mut f32> = out.iter_mut().map(|row| row.as_mut_ptr()).collect();
        let (mut samples, mut left, mut frames, mut last) = (sound.as_ptr(), sound.len(), most as i32 - 1, 0);
        // SAFETY: the front end belongs to the decoder; there is a row of its length for each frame, and one more for the last.
        unsafe {
            let fe = c::ps_get_fe(self.ps);
            c::fe_start_stream(fe);
            c::fe_start_utt(fe);
            c::fe_process_frames(fe, &raw mut samples, &raw mut left, rows.as_mut_ptr(), &raw mut frames, std::ptr::null_mut());
            let end = usize::try_from(frames).unwrap_or(0).min(most - 1);
            c::fe_end_utt(fe, rows[end], &raw mut last);
        }
        out.truncate(usize::try_from(frames + last).unwrap_or(0));
        out
    }

    /// Frames searched so far in this utterance.
    pub(crate) fn frames(&self) -> i32 {
        // SAFETY: valid decoder.
        unsafe { c::ps_get_n_frames(self.ps) }
    }

    /// The best path, stretch by stretch.
    pub(crate) fn segments(&mut self) -> Vec<Segment> {
        let mut out = Vec::new();
        // SAFETY: the iterator is walked to its end, where the library frees it.
        unsafe {
            let mut seg = c::ps_seg_iter(self.ps);
            while !seg.is_null() {
                let (mut start, mut end): (c_int, c_int) = (0, 0);
                let (mut acoustic, mut lm, mut back) = (0, 0, 0);
                c::ps_seg_frames(seg, &raw mut start, &raw mut end);
                let posterior = c::ps_seg_prob(seg, &raw mut acoustic, &raw mut lm, &raw mut back);
                let word = c::ps_seg_word(seg);
                let word = if word.is_null() { String::new() } else { CStr::from_ptr(word).to_string_lossy().into_owned() };
                let word =
                    word.split_once('(').map_or(word.as_str(), |(w, _)| if w.is_empty() { &word } else { w }).to_string();
                out.push(Segment { word, start, end, acoustic, posterior });
                seg = c::ps_seg_next(seg);
            }
        }
        out
    }
}

/// Paths through the lattice that are looked at for other readings: many differ in times and pauses only.
const PATHS_MAX: usize = 300;

impl Decoder {
    /// The texts of the best paths through the lattice of an ended utterance, best first, each once, at most so many. Scores are
    /// logarithms of base 1.0001 on the engine's own scale.
    pub(crate) fn readings(&mut self, most: usize) -> Vec<(String, i32)> {
        let mut out: Vec<(String, i32)> = Vec::new();
        // SAFETY: valid decoder, its utterance ended; the iterator is freed by the library at its end, else by us.
        unsafe {
            let mut path = c::ps_nbest(self.ps);
            for _ in 0..PATHS_MAX {
                if path.is_null() || out.len() >= most {
                    break;
                }
                let mut score = 0;
                let words = c::ps_nbest_hyp(path, &raw mut score);
                if !words.is_null() {
                    let words = CStr::from_ptr(words).to_string_lossy();
                    if !words.is_empty() && !out.iter().any(|(known, _)| *known == words) {
                        out.push((words.into_owned(), score));
                    }
                }
                path = c::ps_nbest_next(path);
            }
            if !path.is_null() {
                c::ps_nbest_free(path);
            }
        }
        out
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.abandon();
        // SAFETY: ours alone, freed once.
        unsafe { c::ps_free(self.ps) };
    }
}
