//! flite's English voices, in a worker process: the C code is not proven thread-safe.

use super::Voice;
use super::ffi::flite as c;
use crate::audio::Pcm;
use crate::base::Language;
use std::ffi::CString;

/// One voice, loaded.
pub struct Flite {
    voice: *mut c::Voice,
}

// SAFETY: the voice has no thread affinity; `&mut self` keeps it to one thread at a time.
unsafe impl Send for Flite {}

impl Flite {
    /// Opens `rms` (a man) or `slt` (a woman).
    ///
    /// # Errors
    /// When the name is neither.
    pub fn open(name: &str) -> Result<Flite, String> {
        // SAFETY: flite_init may be called again; the register functions take a folder that they do not read.
        let voice = unsafe {
            c::flite_init();
            match name {
                "rms" => c::register_cmu_us_rms(std::ptr::null()),
                "slt" => c::register_cmu_us_slt(std::ptr::null()),
                _ => return Err(format!("there is no flite voice {name:?}; choose rms or slt")),
            }
        };
        if voice.is_null() { Err(format!("flite cannot load its voice {name}")) } else { Ok(Flite { voice }) }
    }
}

impl Voice for Flite {
    fn speaks(&self, language: Language) -> bool {
        language == Language::EN
    }

    fn render(&mut self, text: &str, language: Language) -> Result<Pcm, String> {
        if !self.speaks(language) {
            return Err(format!("flite has no voice for the language {language}"));
        }
        let text = CString::new(text.replace('\0', " ")).map_err(|e| e.to_string())?;
        // SAFETY: the wave is ours, read within its own length and freed once.
        let (samples, rate) = unsafe {
            let wave = c::flite_text_to_wave(text.as_ptr(), self.voice);
            if wave.is_null() {
                return Err("flite gave no sound".to_string());
            }
            let count = usize::try_from((*wave).num_samples).unwrap_or(0);
            let samples = if (*wave).samples.is_null() {
                Vec::new()
            } else {
                std::slice::from_raw_parts((*wave).samples, count).to_vec()
            };
            let rate = u32::try_from((*wave).sample_rate).unwrap_or(16_000);
            c::delete_wave(wave);
            (samples, rate)
        };
        super::sound::to_line(&samples, rate)
    }
}
