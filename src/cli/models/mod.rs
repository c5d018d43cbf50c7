//! `hotline models`: which model files can be had, fetching one, and whether those that are here are what they should be.

mod adapt;
mod manifest;
mod pull;
#[cfg(test)]
mod tests;

pub(crate) use adapt::adapt;
use manifest::{Entry, Manifest};
use std::io::Write;
use std::path::Path;

/// Where the files are, and where else they may come from.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    /// The folder of the files, with `manifest.toml` (the built-in one counts where it is absent) and `recorded.toml`.
    pub(crate) folder: &'a Path,
    /// Stands for all but the file's name in every address.
    pub(crate) mirror: Option<&'a str>,
}

/// Prints what can be had and what is here.
///
/// # Errors
/// When the manifest cannot be read.
pub(crate) fn list(place: &Place, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let manifest = Manifest::read(place.folder)?;
    for (name, entry) in &manifest.entries {
        let here = place.folder.join(&entry.file).is_file();
        if json {
            let line = serde_json::json!({
                "name": name, "file": entry.file, "url": entry.url, "megabytes": entry.megabytes, "here": here, "about": entry.about,
            });
            writeln!(out, "{line}")?;
        } else {
            let mark = if here { "here" } else { "    " };
            writeln!(out, "{name:<10} {mark}  {:>5} MB  {}", entry.megabytes, entry.about)?;
        }
    }
    if !json {
        writeln!(out, "\nhotline models pull NAME puts one into {}.", place.folder.display())?;
    }
    Ok(true)
}

/// Fetches one model, or goes on where an earlier try stopped.
///
/// # Errors
/// One sentence with the remedy: an unknown name, no connection, a file that is not what was announced, a full disk.
pub(crate) async fn pull(name: &str, place: &Place<'_>, out: &mut dyn Write) -> anyhow::Result<bool> {
    let manifest = Manifest::read(place.folder)?;
    let entry = manifest.find(name)?;
    let path = place.folder.join(&entry.file);
    if path.is_file() {
        let good = tell(name, entry, &manifest, &path, out)?;
        anyhow::ensure!(good, "{} is here but is not what it should be; delete it and pull it again", path.display());
        return Ok(true);
    }
    let url = entry.address(place.mirror)?;
    std::fs::create_dir_all(place.folder)?;
    writeln!(out, "{url}")?;
    let part = pull::fetch(&url, &path, entry, out).await?;
    let sums = manifest::sums(&part)?;
    match manifest.known(name, entry) {
        Some(known) if !known.matches(&sums) => {
            std::fs::remove_file(&part)?;
            anyhow::bail!(
                "what came from {url} is not {name}: its {} is {}, expected {}; it was deleted. Try again, or another --mirror",
                known.kind(),
                known.of(&sums),
                known.text(),
            );
        }
        Some(known) => writeln!(out, "the {} is as {}", known.kind(), known.source())?,
        None => {
            manifest.record(name, &sums.sha256)?;
            writeln!(
                out,
                "nobody publishes a hash of {name}: its SHA-256 {} is recorded and compared from now on",
                sums.sha256
            )?;
        }
    }
    std::fs::rename(&part, &path)?;
    writeln!(out, "{} is here. Next: whisper_model = \"{0}\" under [speech] in hotline.toml", path.display())?;
    Ok(true)
}

/// Compares all files that are here with their hashes. `Ok(false)` when one is wrong.
///
/// # Errors
/// When the manifest or a file cannot be read.
pub(crate) fn verify(place: &Place, out: &mut dyn Write) -> anyhow::Result<bool> {
    let manifest = Manifest::read(place.folder)?;
    let (mut good, mut any) = (true, false);
    for (name, entry) in &manifest.entries {
        let path = place.folder.join(&entry.file);
        if path.is_file() {
            any = true;
            good &= tell(name, entry, &manifest, &path, out)?;
        }
    }
    if !any {
        writeln!(out, "there is no model of the manifest in {}; hotline models list shows them", place.folder.display())?;
    }
    Ok(good)
}

/// Says whether a file is what it should be.
fn tell(name: &str, entry: &Entry, manifest: &Manifest, path: &Path, out: &mut dyn Write) -> anyhow::Result<bool> {
    let Some(known) = manifest.known(name, entry) else {
        writeln!(out, "{name}: here; no hash is known")?;
        return Ok(true);
    };
    let sums = manifest::sums(path)?;
    let good = known.matches(&sums);
    if good {
        writeln!(out, "{name}: good ({} as {})", known.kind(), known.source())?;
    } else {
        let (kind, is) = (known.kind(), known.of(&sums));
        writeln!(out, "{name}: WRONG: the {kind} of {} is {is}, expected {}", path.display(), known.text())?;
    }
    Ok(good)
}
