//! The training scripts, which are built in, at work in a folder.

use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Most words of a phrase: what the model can write, less what stands around it (`models/train/train.py`, LONGEST).
pub(super) const WORDS_MOST: usize = 11;

/// The scripts of `models/train`.
const FILES: [(&str, &str); 7] = [
    ("channel.py", include_str!("../../../models/train/channel.py")),
    ("evaluate.py", include_str!("../../../models/train/evaluate.py")),
    ("net.py", include_str!("../../../models/train/net.py")),
    ("pack.py", include_str!("../../../models/train/pack.py")),
    ("speak.py", include_str!("../../../models/train/speak.py")),
    ("text.py", include_str!("../../../models/train/text.py")),
    ("train.py", include_str!("../../../models/train/train.py")),
];
const PHRASES: &str = include_str!("../../../models/train/phrases.txt");

/// Programs that speak.
const VOICES: [(&str, &str); 3] = [("flite", "--version"), ("espeak-ng", "--version"), ("festival", "--version")];

/// Rate of the first steps: gentler than from nothing, so that what is known stays.
const RATE: &str = "6e-4";

/// What is missing on this machine.
pub(super) fn missing(python: &Path) -> Vec<String> {
    let runs = |program: &Path, args: &[&str]| {
        let quiet = Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // flite answers its version with a bad exit code: that it starts is enough.
        quiet.map(|status| status.success() || args == ["--version"]).unwrap_or(false)
    };
    let mut out: Vec<String> = VOICES
        .iter()
        .filter(|(voice, ask)| !runs(Path::new(voice), &[ask]))
        .map(|(voice, _)| format!("the program {voice}"))
        .collect();
    if !runs(python, &["-c", "import numpy, scipy, jax, optax"]) {
        out.push(format!("{} with numpy, scipy, jax and optax", python.display()));
    }
    out
}

/// The scripts in their folder.
pub(super) struct Scripts {
    folder: PathBuf,
    python: PathBuf,
}

impl Scripts {
    /// Writes them.
    pub(super) fn write(folder: &Path, python: &Path) -> anyhow::Result<Scripts> {
        let folder = std::path::absolute(folder)?;
        let scripts = folder.join("scripts");
        std::fs::create_dir_all(&scripts)?;
        for (name, text) in FILES.iter().chain(&[("phrases.txt", PHRASES)]) {
            std::fs::write(scripts.join(name), text)
                .with_context(|| format!("cannot write {}", scripts.join(name).display()))?;
        }
        #[cfg(feature = "whisper")]
        std::fs::write(scripts.join("begin.bin"), crate::speech::Small::weights())?;
        anyhow::ensure!(cfg!(feature = "whisper"), "this hotline was built without whisper; build it with that cargo feature");
        Ok(Scripts { folder, python: python.to_path_buf() })
    }

    /// Where the clips of held-out voices are.
    pub(super) fn held_out(&self) -> PathBuf {
        self.folder.join("held-out").join("index.tsv")
    }

    /// Speaks the phrases; nothing to do where that was done. Other phrases than last time begin everything anew.
    pub(super) fn speak(&self, lines: &str, share: f32) -> anyhow::Result<()> {
        let (own, corpus) = (self.folder.join("own.txt"), self.folder.join("corpus.npz"));
        let asked = format!("# share {share}\n{lines}");
        if std::fs::read_to_string(&own).is_ok_and(|before| before == asked) && corpus.is_file() {
            return Ok(());
        }
        for old in ["corpus.npz", "state.npz"] {
            if self.folder.join(old).is_file() {
                eprintln!("train-ears: the phrases are not those of last time: {old} is made anew");
                std::fs::remove_file(self.folder.join(old))?;
            }
        }
        std::fs::write(&own, &asked)?;
        eprintln!("train-ears: 1/3 voices speak");
        self.run("speak.py", &["--phrases", &own.display().to_string(), "--share", &share.to_string()])
    }

    /// Trains; goes on where it stopped.
    pub(super) fn train(&self, steps: u32, seed: u32) -> anyhow::Result<()> {
        eprintln!("train-ears: 2/3 training, {steps} steps; it may be stopped and goes on when you run this again");
        let begin = self.folder.join("scripts").join("begin.bin").display().to_string();
        self.run("train.py", &["--steps", &steps.to_string(), "--begin", &begin, "--rate", RATE, "--seed", &seed.to_string()])
    }

    /// Writes the model.
    pub(super) fn pack(&self, file: &Path) -> anyhow::Result<()> {
        eprintln!("train-ears: 3/3 writing {}", file.display());
        self.run("pack.py", &[&std::path::absolute(file)?.display().to_string()])
    }

    fn run(&self, script: &str, args: &[&str]) -> anyhow::Result<()> {
        let path = self.folder.join("scripts").join(script);
        // Their figures are progress, not our answer.
        let status = Command::new(&self.python)
            .arg(&path)
            .arg(&self.folder)
            .args(args)
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status()
            .with_context(|| format!("cannot start {}", self.python.display()))?;
        anyhow::ensure!(
            status.success(),
            "{script} failed ({status}); what it said stands above. Run the same command again to go on"
        );
        Ok(())
    }
}
