//! The committed page (`console/dist`) is what was built from the committed sources: `console/dist.sha256`, written by `npm run build`, names
//! every file of both. Needs no Node; `make test` builds it anew besides, where there is npm (`npm run check`).

use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What else the page is made of, below `console`.
const FILES: [&str; 5] = ["index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts"];
const FOLDERS: [&str; 3] = ["dist", "public", "src"];

#[test]
fn the_committed_page_was_built_from_the_committed_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
    let list = std::fs::read_to_string(root.join("dist.sha256")).expect("console/dist.sha256 is committed");
    let remedy = "run make console and commit console/dist with console/dist.sha256";
    let mut named = BTreeSet::new();
    for line in list.lines() {
        let (sum, name) = line.split_once("  ").unwrap_or_else(|| panic!("console/dist.sha256: {line:?}: {remedy}"));
        let bytes = std::fs::read(root.join(name)).unwrap_or_else(|e| panic!("console/{name}: {e}: {remedy}"));
        assert_eq!(hotline::base::hex(&Sha256::digest(&bytes)), sum, "console/{name} is newer than the page: {remedy}");
        named.insert(PathBuf::from(name));
    }
    let mut there: BTreeSet<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    for folder in FOLDERS {
        below(&root, &root.join(folder), &mut there);
    }
    assert_eq!(named, there, "console/dist.sha256 names other files than there are: {remedy}");
    assert!(named.iter().any(|name| name.starts_with("dist")) && named.iter().any(|name| name.starts_with("src")));
}

/// Files below a folder that go into the page: all but the page's own tests.
fn below(root: &Path, folder: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of ours").flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).expect("below it").to_path_buf();
        let text = name.to_string_lossy();
        match path.is_dir() {
            true if text == "src/test" => {}
            true => below(root, &path, into),
            false if text.ends_with(".test.ts") || text.ends_with(".test.tsx") => {}
            false => drop(into.insert(name)),
        }
    }
}

/// What the gateway says in one word the page says in words, in both languages: why a person is wanted, and what went wrong.
#[test]
fn the_page_knows_every_word_that_the_gateway_sends() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut codes = BTreeSet::new();
    for entry in std::fs::read_dir(root.join("src/web")).expect("a folder of ours").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("a source of ours");
        // A status and a code: as arguments, or as the beginning of a tuple.
        for made in text.split("StatusCode::").skip(1) {
            let code = made.split_once(',').and_then(|(_, rest)| rest.trim_start().strip_prefix('"')?.split('"').next());
            codes.extend(code.filter(|code| !code.contains(' ')).map(String::from));
        }
    }
    assert!(
        codes.contains("not_parked")
            && codes.contains("last_admin")
            && codes.contains("weak_password")
            && codes.contains("wrong_password"),
        "{codes:?}"
    );
    // No page asks for it.
    codes.remove("websocket");
    let reasons: BTreeSet<String> = hotline::call::REASONS.iter().map(|(word, ..)| word.to_string()).collect();
    for language in ["en", "zh"] {
        let file = root.join(format!("console/src/locales/{language}.json"));
        let words: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).expect("committed")).expect("JSON");
        for (part, wanted) in [("problem", &codes), ("because", &reasons)] {
            let lacks: Vec<&String> = wanted.iter().filter(|word| words[part][word.as_str()].as_str().is_none()).collect();
            assert!(lacks.is_empty(), "{}: {part} lacks {lacks:?}", file.display());
        }
    }
}
