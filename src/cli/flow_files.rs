//! Flow files from the disk: the flow with everything that it includes, and back again.

use crate::flow::{Finding, Severity, bundle, parts};
use anyhow::Context;
use std::io::Read;
use std::path::Path;

/// Longest file that is read at all; what is longer than a flow may be is then told by the loader.
const BYTES_MAX: u64 = 2 << 20;

/// The text of a flow with all files that it includes.
///
/// # Errors
/// The findings: a file that is not there, is no text, or must not be included.
pub(crate) fn text(path: &Path) -> Result<String, Vec<Finding>> {
    let name = path.display().to_string();
    let text = read(path).map_err(|why| {
        vec![Finding {
            severity: Severity::Error,
            file: name.clone(),
            line: 1,
            rule: "unreadable".to_string(),
            message: format!("the file cannot be read: {why}"),
            remedy: "name an existing flow in UTF-8".to_string(),
        }]
    })?;
    let folder = folder_of(path);
    bundle(&text, &name, &mut |file| {
        // A link could lead out of the folder.
        let inside = |found: &Path| folder.canonicalize().is_ok_and(|f| found.starts_with(f));
        let found = folder.join(file).canonicalize().map_err(|e| e.to_string())?;
        if inside(&found) { read(&found) } else { Err("it is a link to outside the flow's folder".to_string()) }
    })
}

/// Where a flow stands; one that is named without its folder stands in this one.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn read(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    if size > BYTES_MAX {
        return Err(format!("it has {size} bytes, and a flow at most 1 MiB"));
    }
    file.take(BYTES_MAX).read_to_string(&mut text).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_string(),
        _ => e.to_string(),
    })?;
    Ok(text)
}

/// Writes those files of a bundle that have changed.
///
/// # Errors
/// A file that cannot be written.
pub(crate) fn write_changed(path: &Path, before: &str, after: &str) -> anyhow::Result<()> {
    let folder = folder_of(path);
    for (number, ((file, old), (_, new))) in parts(before, "").into_iter().zip(parts(after, "")).enumerate() {
        if old != new {
            let place = if number == 0 { path.to_path_buf() } else { folder.join(&file) };
            std::fs::write(&place, new).with_context(|| format!("{} cannot be written", place.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_read_with_its_files_and_only_what_changed_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("flow.yaml", "include: [more.yaml]\nhotline: 1\n");
        write("more.yaml", "out_of_scope:\n  - how tall are you\n");
        let path = folder.path().join("flow.yaml");
        let whole = text(&path).expect("both");
        write_changed(&path, &whole, &whole.replace("how tall are you", "how old are you")).expect("written");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("there");
        assert_eq!(read("more.yaml"), "out_of_scope:\n  - how old are you\n");
        assert_eq!(read("flow.yaml"), "include: [more.yaml]\nhotline: 1\n");
    }

    #[test]
    fn links_out_of_the_folder_are_refused_and_bad_files_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("flows");
        std::fs::create_dir(&inner).expect("a folder");
        std::fs::write(folder.path().join("secret.yaml"), "nodes: {}\n").expect("written");
        std::os::unix::fs::symlink(folder.path().join("secret.yaml"), inner.join("link.yaml")).expect("a link");
        std::fs::write(inner.join("flow.yaml"), "include: link.yaml\n").expect("written");
        let told = text(&inner.join("flow.yaml")).expect_err("refused")[0].to_string();
        assert!(told.contains("flow.yaml:1: error: `link.yaml` cannot be read: it is a link to outside"), "{told}");
        std::fs::write(inner.join("latin.yaml"), b"name: caf\xe9\n").expect("written");
        assert!(text(&inner.join("latin.yaml")).expect_err("refused")[0].message.contains("not UTF-8"));
        assert_eq!((folder_of(Path::new("flow.yaml")), folder_of(Path::new("a/flow.yaml"))), (Path::new("."), Path::new("a")));
        assert!(text(&inner.join("gone.yaml")).expect_err("refused")[0].message.contains("cannot be read"));
    }
}
