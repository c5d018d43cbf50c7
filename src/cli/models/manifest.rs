//! What is known of model files: the manifest, and hashes recorded on first use.

use crate::base::hex;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The manifest that comes with the program.
const BUILT_IN: &str = include_str!("../../../models/manifest.toml");

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// One line for people.
    pub(super) about: String,
    /// The file's name in the folder.
    pub(super) file: String,
    /// Where it comes from.
    pub(super) url: String,
    /// Published by its makers, hexadecimal.
    sha1: Option<String>,
    /// Published by its makers, hexadecimal.
    sha256: Option<String>,
    /// About how large it is; more than twice as much is refused.
    pub(super) megabytes: u64,
}

/// All models, and what was recorded.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) entries: BTreeMap<String, Entry>,
    recorded: Recorded,
    path: PathBuf,
}

/// SHA-256 by name.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Recorded(BTreeMap<String, String>);

/// Hashes of a file, hexadecimal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) sha1: String,
    pub(super) sha256: String,
}

/// What a file's hash should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    Sha1(String),
    Sha256(String),
    Recorded(String),
}

impl Manifest {
    pub(super) fn read(folder: &Path) -> anyhow::Result<Manifest> {
        let own = folder.join("manifest.toml");
        let text = if own.is_file() { std::fs::read_to_string(&own)? } else { BUILT_IN.to_string() };
        let entries: BTreeMap<String, Entry> =
            toml::from_str(&text).map_err(|e| anyhow::anyhow!("{} cannot be read: {e}", own.display()))?;
        for (name, entry) in &entries {
            // Files of a manifest stay in their folder.
            let plain = !entry.file.is_empty() && !entry.file.contains(['/', '\\']) && !entry.file.starts_with('.');
            anyhow::ensure!(plain, "{}: the file of {name} must be a plain name, not {:?}", own.display(), entry.file);
        }
        let path = folder.join("recorded.toml");
        let recorded = match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|e| anyhow::anyhow!("{} cannot be read: {e}", path.display()))?,
            Err(_) => Recorded::default(),
        };
        Ok(Manifest { entries, recorded, path })
    }

    pub(super) fn find(&self, name: &str) -> anyhow::Result<&Entry> {
        self.entries.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.entries.keys().map(String::as_str).collect();
            anyhow::anyhow!("there is no model {name:?}; there are {}", names.join(", "))
        })
    }

    /// The hash that counts: a published one before a recorded one.
    pub(super) fn known(&self, name: &str, entry: &Entry) -> Option<Known> {
        let lower = |text: &String| text.to_lowercase();
        let published = entry.sha256.as_ref().map(|h| Known::Sha256(lower(h)));
        let published = published.or_else(|| entry.sha1.as_ref().map(|h| Known::Sha1(lower(h))));
        published.or_else(|| self.recorded.0.get(name).map(|h| Known::Recorded(lower(h))))
    }

    /// Remembers a hash for the next time.
    pub(super) fn record(&self, name: &str, sha256: &str) -> anyhow::Result<()> {
        let mut all = self.recorded.0.clone();
        all.insert(name.to_string(), sha256.to_string());
        let text = format!("# SHA-256 of models as they were first pulled.\n{}", toml::to_string(&all)?);
        std::fs::write(&self.path, text).map_err(|e| anyhow::anyhow!("cannot write {}: {e}", self.path.display()))
    }
}

impl Entry {
    /// Where the file is fetched from.
    pub(super) fn address(&self, mirror: Option<&str>) -> anyhow::Result<String> {
        let url = match mirror {
            Some(mirror) => format!("{}/{}", mirror.trim_end_matches('/'), self.file),
            None => self.url.clone(),
        };
        // A mirror of one's own may be plain; the world may not.
        let fine = url.starts_with("https://") || mirror.is_some() && url.starts_with("http://");
        anyhow::ensure!(fine, "{url} is no https address (a --mirror may be http)");
        Ok(url)
    }
}

impl Known {
    pub(super) fn matches(&self, sums: &Sums) -> bool {
        self.text() == self.of(sums)
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Known::Sha1(text) | Known::Sha256(text) | Known::Recorded(text) => text,
        }
    }

    pub(super) fn of<'a>(&self, sums: &'a Sums) -> &'a str {
        if matches!(self, Known::Sha1(_)) { &sums.sha1 } else { &sums.sha256 }
    }

    pub(super) fn kind(&self) -> &'static str {
        if matches!(self, Known::Sha1(_)) { "SHA-1" } else { "SHA-256" }
    }

    pub(super) fn source(&self) -> &'static str {
        if matches!(self, Known::Recorded(_)) { "recorded when it was first pulled" } else { "published" }
    }
}

/// Both hashes of a file.
pub(super) fn sums(path: &Path) -> anyhow::Result<Sums> {
    let mut file = std::fs::File::open(path).map_err(|e| anyhow::anyhow!("cannot read {}: {e}", path.display()))?;
    let (mut one, mut two) = (Sha1::new(), Sha256::new());
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(Sums { sha1: hex(&one.finalize()), sha256: hex(&two.finalize()) });
        }
        one.update(&buffer[..n]);
        two.update(&buffer[..n]);
    }
}
