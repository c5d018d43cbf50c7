//! Trained matchers beside the records (`matchers/NAME.matcher`): large flows are trained once, not at each start.

use super::open::make_private_dir;
use crate::nlu::Shelf;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most matchers that are kept; the oldest go.
const KEPT_MAX: usize = 10;
/// Longest file that is read: beyond what 50 000 examples make.
const BYTES_MAX: u64 = 1 << 30;

/// The folder with matchers.
#[derive(Debug)]
pub struct MatcherShelf {
    folder: PathBuf,
}

impl MatcherShelf {
    /// Beside the records in this folder.
    pub fn beside(store: &Path) -> MatcherShelf {
        MatcherShelf { folder: store.join("matchers") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.matcher"))
    }

    /// Writes beside and renames, so that a half-written file is never read.
    fn write(&self, name: &str, file: &[u8]) -> std::io::Result<()> {
        make_private_dir(&self.folder)?;
        let beside = self.folder.join(format!("{name}.{}.part", std::process::id()));
        let written = std::fs::write(&beside, file).and_then(|()| std::fs::rename(&beside, self.path(name)));
        written.inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
        self.drop_oldest()
    }

    fn drop_oldest(&self) -> std::io::Result<()> {
        let mut all: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|e| e == "matcher") {
                all.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        all.sort_unstable();
        let excess = all.len().saturating_sub(KEPT_MAX);
        all.into_iter().take(excess).try_for_each(|(_, path)| std::fs::remove_file(path))
    }
}

impl Shelf for MatcherShelf {
    fn find(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.path(name);
        let small = std::fs::metadata(&path).is_ok_and(|m| m.len() <= BYTES_MAX);
        small.then(|| std::fs::read(&path).ok()).flatten()
    }

    fn keep(&self, name: &str, file: &[u8]) {
        if let Err(error) = self.write(name, file) {
            tracing::warn!(folder = %self.folder.display(), %error, "a trained matcher cannot be kept; it is trained again at the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_newest_are_kept_and_private() {
        let store = tempfile::tempdir().expect("a folder");
        let shelf = MatcherShelf::beside(store.path());
        assert_eq!(shelf.find("aa"), None);
        for n in 0..12u8 {
            shelf.keep(&format!("{n:02}"), &[n]);
            let modified = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000 + u64::from(n));
            let file = std::fs::File::options().write(true).open(shelf.path(&format!("{n:02}"))).expect("there");
            file.set_modified(modified).expect("a time");
        }
        shelf.keep("last", b"z");
        assert_eq!((shelf.find("00"), shelf.find("11"), shelf.find("last")), (None, Some(vec![11]), Some(b"z".to_vec())));
        assert_eq!(std::fs::read_dir(&shelf.folder).expect("there").count(), KEPT_MAX);
        let mode = std::fs::metadata(&shelf.folder).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
