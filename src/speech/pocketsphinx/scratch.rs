//! A folder for the files that a C library insists on reading, gone with its owner.

use std::io::Write as _;
use std::path::{Path, PathBuf};

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
mod tests {
    use super::*;

    #[test]
    fn folders_of_killed_processes_are_removed() {
        // No process has this number: it is above the kernel's limit.
        let orphan = std::env::temp_dir().join("hotline-ears-4194305-0");
        std::fs::create_dir_all(&orphan).expect("made");
        let mine = Scratch::new().expect("a folder");
        assert!(!orphan.exists() && mine.0.exists());
    }
}
