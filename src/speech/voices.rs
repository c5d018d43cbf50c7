//! The voices: from a prompt's parts to sound, through a bounded number of engines at once and a bounded cache. flite speaks
//! English in worker processes; espeak-ng as a child process speaks the rest and stands in for flite; a command of the
//! operator's (piper, say) goes before both.

use super::RenderKey;
use super::bench::Bench;
use super::pool::SpeechError;
use super::process::Trouble;
use super::sound;
use super::wire::{FromWorker, ToWorker, to_samples};
use super::worker::{WorkerArgs, WorkerKind};
use crate::audio::{LINE_RATE, Pcm, decode_file, write_wav};
use crate::base::{Language, PromptPart, hex};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

/// Longest text in characters of one part; the rest is not spoken.
const TEXT_MAX: usize = 2_000;

/// Longest pause of one part.
const PAUSE_MAX_MS: u32 = 60_000;

/// Largest recording read, and largest answer of a synthesiser.
const FILE_MAX: u64 = 32 << 20;

/// Settings of the voices.
#[derive(Debug, Clone)]
pub struct VoicesConfig {
    /// The binary to start as `engine-worker` (normally `std::env::current_exe`).
    pub program: PathBuf,
    /// flite workers (0 = no flite).
    pub flite: usize,
    /// flite's voice: `rms` or `slt`.
    pub flite_voice: String,
    /// The espeak-ng program, found on the path by default.
    pub espeak: PathBuf,
    /// An own synthesiser by language, put before the others: program and arguments, `{lang}` replaced; the text comes on its
    /// standard input, a WAV file is read from its standard output. Never run through a shell.
    pub own: HashMap<Language, Vec<String>>,
    /// Bytes of sound kept in memory.
    pub cache_bytes: usize,
    /// Folder where sound made ahead ([`Voices::prerender`]) outlives a restart; `None` = nowhere.
    pub cache_folder: Option<PathBuf>,
    /// Longest time for one text.
    pub deadline: Duration,
}

impl VoicesConfig {
    /// One flite worker with the voice `slt`, espeak-ng from the path, 64 MB in memory, none on disk, 10 s a text.
    pub fn new(program: PathBuf) -> VoicesConfig {
        VoicesConfig {
            program,
            flite: usize::from(cfg!(feature = "flite")),
            flite_voice: "slt".to_string(),
            espeak: "espeak-ng".into(),
            own: HashMap::new(),
            cache_bytes: 64 << 20,
            cache_folder: None,
            deadline: Duration::from_secs(10),
        }
    }
}

/// All voices. Cheap to clone.
#[derive(Clone)]
pub struct Voices {
    inner: Arc<Inner>,
}

struct Inner {
    config: VoicesConfig,
    flite: Option<Arc<Bench>>,
    /// How many renderings run at once.
    turns: Semaphore,
    // Held for a look-up or an insertion, never across a wait.
    cache: Mutex<Cache>,
    /// Sounds that are being made, each with the turn that the others wait for.
    making: Mutex<HashMap<RenderKey, Arc<tokio::sync::Mutex<()>>>>,
}

impl Voices {
    /// Starts the flite workers.
    ///
    /// # Errors
    /// When one does not come up.
    pub fn start(config: VoicesConfig) -> Result<Voices, SpeechError> {
        let args = WorkerArgs::of(WorkerKind::Voice { name: config.flite_voice.clone() });
        let flite = (config.flite > 0)
            .then(|| Bench::start(config.program.clone(), args, config.flite).map_err(SpeechError::NoVoice))
            .transpose()?;
        let turns = Semaphore::new(config.flite.max(1) + 1);
        let cache = Mutex::new(Cache { room: config.cache_bytes, ..Cache::default() });
        Ok(Voices { inner: Arc::new(Inner { config, flite, turns, cache, making: Mutex::default() }) })
    }

    /// The sound of a prompt: its parts in their order, spoken, read from files or silent.
    ///
    /// # Errors
    /// One sentence when a file cannot be read or no voice speaks the language.
    pub async fn render(&self, key: RenderKey) -> Result<Arc<Pcm>, String> {
        if let Some(sound) = self.inner.cache().get(&key) {
            return Ok(sound);
        }
        // Whoever wants the same meanwhile waits for it, instead of making it again: many callers begin at once.
        let making = self.inner.making(&key);
        let made = {
            let _turn = making.lock().await;
            self.make(&key).await
        };
        drop(making);
        self.inner.made(&key);
        made
    }

    async fn make(&self, key: &RenderKey) -> Result<Arc<Pcm>, String> {
        if let Some(sound) = self.inner.cache().get(key) {
            return Ok(sound);
        }
        let mut whole = Pcm::default();
        for part in &key.parts {
            let mut piece = self.inner.part(part, key.language).await?;
            whole.samples.append(&mut piece.samples);
        }
        let sound = Arc::new(whole);
        self.inner.cache().put(key.clone(), sound.clone());
        Ok(sound)
    }

    /// Renders prompts ahead, so that the first caller does not wait; kept on disk if there is a folder. Only for prompts that
    /// hold nothing personal. How many there are.
    ///
    /// # Errors
    /// The number and the first reason.
    pub async fn prerender(&self, keys: Vec<RenderKey>) -> Result<usize, String> {
        let (mut done, mut failed, mut first) = (0, 0, String::new());
        for key in keys {
            match self.prerender_one(key).await {
                Ok(()) => done += 1,
                Err(why) => {
                    failed += 1;
                    if first.is_empty() {
                        first = why;
                    }
                }
            }
        }
        if failed == 0 { Ok(done) } else { Err(format!("{failed} prompts cannot be made; the first: {first}")) }
    }

    async fn prerender_one(&self, key: RenderKey) -> Result<(), String> {
        // Files are read anew, because they may have changed since.
        let spoken_only = !key.parts.iter().any(|p| matches!(p, PromptPart::File(_)));
        let path = self.inner.config.cache_folder.as_ref().filter(|_| spoken_only).map(|f| f.join(self.inner.file_name(&key)));
        if let Some(path) = &path
            && let Ok(bytes) = tokio::fs::read(path).await
            && let Ok(sound) = decode_file(&bytes, Some("wav"))
        {
            self.inner.cache().put(key, Arc::new(sound));
            return Ok(());
        }
        let sound = self.render(key).await?;
        if let Some(path) = path {
            keep(&path, &sound).await.map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        }
        Ok(())
    }
}

/// Writes beside and renames, so that a half-written file is never read.
async fn keep(path: &Path, sound: &Pcm) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    tokio::fs::write(&beside, write_wav(sound)).await?;
    tokio::fs::rename(&beside, path).await
}

impl Inner {
    /// The turn of whoever makes this sound.
    fn making(&self, key: &RenderKey) -> Arc<tokio::sync::Mutex<()>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default().clone()
    }

    /// Forgets the turn once nobody waits for it.
    fn made(&self, key: &RenderKey) {
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if making.get(key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            making.remove(key);
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file_name(&self, key: &RenderKey) -> String {
        use sha2::{Digest as _, Sha256};
        let own = self.config.own.get(&key.language);
        let what = format!("{:?} {} {own:?} {:?}", key.language, self.config.flite_voice, key.parts);
        let digest = Sha256::digest(what.as_bytes());
        format!("{}.wav", hex(&digest[..16]))
    }

    async fn part(&self, part: &PromptPart, language: Language) -> Result<Pcm, String> {
        match part {
            PromptPart::Pause(ms) => {
                let samples = (*ms).min(PAUSE_MAX_MS) as usize * (LINE_RATE as usize / 1_000);
                Ok(Pcm { samples: vec![0; samples] })
            }
            PromptPart::File(path) => recording(path).await,
            PromptPart::Text(text) => {
                let text: String = text.chars().filter(|c| !c.is_control() || *c == '\n').take(TEXT_MAX).collect();
                if text.trim().is_empty() {
                    return Ok(Pcm::default());
                }
                let _turn = self.turns.acquire().await.map_err(|_| "the voices are closed".to_string())?;
                let mut sound = self.speak(sound::with_pauses(&text), language).await?;
                sound::polish(&mut sound);
                Ok(sound)
            }
        }
    }

    /// The first voice that can.
    async fn speak(&self, text: String, language: Language) -> Result<Pcm, String> {
        if let Some(command) = self.config.own.get(&language).and_then(|c| c.split_first()) {
            let arguments: Vec<String> = command.1.iter().map(|a| a.replace("{lang}", language.as_str())).collect();
            match child(Path::new(command.0), &arguments, &text, self.config.deadline).await {
                Ok(sound) => return Ok(sound),
                Err(why) => tracing::warn!("the operator's voice failed, another speaks instead: {why}"),
            }
        }
        if let Some(flite) = self.flite.as_ref().filter(|f| f.languages.contains(&language)) {
            let (flite, words, deadline) = (flite.clone(), text.clone(), self.config.deadline);
            let spoken = tokio::task::spawn_blocking(move || by_worker(&flite, words, language, deadline)).await;
            match spoken.unwrap_or_else(|e| Err(e.to_string())) {
                Ok(sound) => return Ok(sound),
                Err(why) => tracing::warn!("flite failed, espeak-ng speaks instead: {why}"),
            }
        }
        let voice = match language.as_str() {
            "en" => "en-us",
            "zh" => "cmn",
            other => other,
        };
        let arguments = ["-v", voice, "-s", "155", "--stdin", "--stdout"].map(str::to_string);
        child(&self.config.espeak, &arguments, &text, self.config.deadline).await
    }
}

async fn recording(path: &Path) -> Result<Pcm, String> {
    let cannot = |e: String| format!("cannot play {}: {e}", path.display());
    let size = tokio::fs::metadata(path).await.map_err(|e| cannot(e.to_string()))?.len();
    if size > FILE_MAX {
        return Err(cannot(format!("it is larger than {} MB; cut it", FILE_MAX >> 20)));
    }
    let bytes = tokio::fs::read(path).await.map_err(|e| cannot(e.to_string()))?;
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_string);
    let decoded = tokio::task::spawn_blocking(move || {
        let mut sound = decode_file(&bytes, extension.as_deref()).map_err(|e| e.to_string())?;
        sound::polish(&mut sound);
        Ok(sound)
    });
    decoded.await.unwrap_or_else(|e| Err(e.to_string())).map_err(cannot)
}

/// Speaks in a flite worker. Blocks, within the deadline.
fn by_worker(bench: &Bench, text: String, language: Language, deadline: Duration) -> Result<Pcm, String> {
    let until = Instant::now() + deadline;
    let mut worker = bench.take(until, super::Urgency::Asked).ok_or("no voice worker is free")?;
    let answer = worker
        .send(&ToWorker::Say { text, language }, &[])
        .and_then(|()| worker.receive(until.saturating_duration_since(Instant::now())));
    match answer {
        Ok((FromWorker::Sound, bytes)) => {
            bench.put_back(Some(worker));
            Ok(Pcm { samples: to_samples(&bytes) })
        }
        Ok((FromWorker::Failed(why), _)) => {
            bench.put_back(Some(worker));
            Err(why)
        }
        other => {
            drop(worker);
            bench.put_back(None);
            let slow = matches!(other, Err(Trouble::Slow));
            Err(if slow { "the voice worker did not answer in time" } else { "the voice worker ended" }.to_string())
        }
    }
}

/// Runs a synthesiser as a child process: text in, WAV out. Ends it when it takes too long.
async fn child(program: &Path, arguments: &[String], text: &str, deadline: Duration) -> Result<Pcm, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("cannot run {}: {e}", program.display());
    let mut process = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("{}; install it (Debian: espeak-ng) or correct the path", cannot(&e)))?;
    let (mut input, output) = (process.stdin.take(), process.stdout.take());
    let work = async {
        if let Some(mut input) = input.take() {
            // A program that does not read all of it may still answer.
            let _ = input.write_all(text.as_bytes()).await;
        }
        let mut wav = Vec::new();
        if let Some(output) = output {
            output.take(FILE_MAX).read_to_end(&mut wav).await.map_err(|e| cannot(&e))?;
        }
        let status = process.wait().await.map_err(|e| cannot(&e))?;
        if status.success() { Ok(wav) } else { Err(cannot(&status)) }
    };
    let wav = tokio::time::timeout(deadline, work).await.map_err(|_| cannot(&"it did not answer in time"))??;
    decode_file(&wav, Some("wav")).map_err(|e| format!("{} gave no sound: {e}", program.display()))
}

/// Sound by prompt, the longest unused dropped first.
#[derive(Default)]
struct Cache {
    sounds: HashMap<RenderKey, (Arc<Pcm>, u64)>,
    /// Bytes in use and allowed.
    used: usize,
    room: usize,
    /// Counts uses.
    now: u64,
}

impl Cache {
    fn get(&mut self, key: &RenderKey) -> Option<Arc<Pcm>> {
        self.now += 1;
        let (sound, used) = self.sounds.get_mut(key)?;
        *used = self.now;
        Some(sound.clone())
    }

    fn put(&mut self, key: RenderKey, sound: Arc<Pcm>) {
        let size = sound.samples.len() * 2;
        if size > self.room {
            return;
        }
        self.now += 1;
        self.used += size;
        if let Some((old, _)) = self.sounds.insert(key, (sound, self.now)) {
            self.used -= old.samples.len() * 2;
        }
        while self.used > self.room {
            let Some(oldest) = self.sounds.iter().min_by_key(|(_, (_, used))| *used).map(|(k, _)| k.clone()) else { break };
            if let Some((old, _)) = self.sounds.remove(&oldest) {
                self.used -= old.samples.len() * 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, language: Language) -> RenderKey {
        RenderKey { parts: vec![PromptPart::Text(text.into())], language }
    }

    fn without_workers() -> Voices {
        Voices::start(VoicesConfig { flite: 0, ..VoicesConfig::new("none".into()) }).expect("no worker to start")
    }

    #[test]
    fn the_cache_forgets_the_longest_unused() {
        let mut cache = Cache { room: 100, ..Cache::default() };
        let sound = |n| Arc::new(Pcm { samples: vec![1; n] });
        cache.put(key("a", Language::EN), sound(20));
        cache.put(key("b", Language::EN), sound(20));
        assert!(cache.get(&key("a", Language::EN)).is_some());
        cache.put(key("c", Language::EN), sound(20));
        assert!(cache.get(&key("b", Language::EN)).is_none() && cache.get(&key("a", Language::EN)).is_some());
        cache.put(key("too long", Language::EN), sound(51));
        assert!(cache.used <= 100 && cache.sounds.len() == 2);
    }

    #[tokio::test]
    async fn espeak_speaks_chinese_and_stands_in_for_english() {
        if std::process::Command::new("espeak-ng").arg("--version").output().is_err() {
            eprintln!("skipped: espeak-ng is not installed");
            return;
        }
        let voices = without_workers();
        for key in [key("您好，欢迎致电。", Language::ZH), key("-v is no option here", Language::EN)] {
            let sound = voices.render(key.clone()).await.expect("spoken");
            assert!(sound.millis() > 500, "{} ms", sound.millis());
            assert!(Arc::ptr_eq(&sound, &voices.render(key).await.expect("cached")));
        }
    }

    #[tokio::test]
    async fn pauses_join_and_errors_are_sentences() {
        let voices = without_workers();
        let parts = vec![PromptPart::Pause(100), PromptPart::Text(" ".into()), PromptPart::Pause(50)];
        assert_eq!(voices.render(RenderKey { parts, language: Language::EN }).await.expect("silence").millis(), 150);
        let parts = vec![PromptPart::File("/nowhere/welcome.wav".into())];
        let why = voices.render(RenderKey { parts, language: Language::EN }).await.expect_err("no file");
        assert!(why.contains("/nowhere/welcome.wav"));
        let config = VoicesConfig { flite: 0, espeak: "/nowhere/espeak-ng".into(), ..VoicesConfig::new("none".into()) };
        let why = Voices::start(config).expect("no worker").render(key("hello", Language::EN)).await.expect_err("no voice");
        assert!(why.contains("install"), "{why}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_callers_at_once_have_a_sound_made_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("long.wav");
        std::fs::write(&file, write_wav(&Pcm { samples: vec![7; 800_000] })).expect("written");
        let voices = without_workers();
        let wanted = RenderKey { parts: vec![PromptPart::File(file)], language: Language::EN };
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (voices, wanted) = (voices.clone(), wanted.clone());
                tokio::spawn(async move { voices.render(wanted).await.expect("a sound") })
            })
            .collect();
        let mut sounds = Vec::new();
        for task in tasks {
            sounds.push(task.await.expect("no panic"));
        }
        assert!(sounds.iter().all(|sound| Arc::ptr_eq(sound, &sounds[0])), "it was made more than once");
        assert!(voices.inner.making.lock().expect("whole").is_empty());
    }

    #[tokio::test]
    async fn prompts_made_ahead_outlive_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let with = |espeak: &str| {
            let cache_folder = Some(folder.path().join("prompts"));
            let config = VoicesConfig { flite: 0, espeak: espeak.into(), cache_folder, ..VoicesConfig::new("none".into()) };
            Voices::start(config).expect("no worker")
        };
        let welcome = RenderKey { parts: vec![PromptPart::Pause(100)], language: Language::EN };
        assert_eq!(with("none").prerender(vec![welcome.clone()]).await, Ok(1));
        assert_eq!(std::fs::read_dir(folder.path().join("prompts")).expect("made").count(), 1);
        assert_eq!(with("none").prerender(vec![welcome]).await, Ok(1));
    }
}
