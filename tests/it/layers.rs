//! The layer table, enforced: which module may import which, and where IO is allowed. The table stands in ARCHITECTURE.md
//! for people and here for the machine; the test also holds the two against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Layer, module, what it may import (all may import `base`).
const TABLE: &[(u8, &str, &str)] = &[
    (0, "base", "–"),
    (1, "audio", "–"),
    (1, "rtp", "–"),
    (1, "nlu", "–"),
    (1, "acd", "–"),
    (2, "sip", "rtp"),
    (2, "listen", "audio"),
    (2, "speech", "audio"),
    (2, "flow", "nlu"),
    (3, "call", "nlu, flow, acd"),
    (3, "media", "audio, rtp, listen"),
    (4, "browser", "audio, rtp, media"),
    (4, "store", "nlu, acd, flow, call"),
    (4, "drive", "layers 0–3"),
    (5, "sim", "layers 0–3, drive"),
    (6, "trial", "layers 0–3, store, drive, sim"),
    (6, "server", "layers 0–4"),
    (7, "web", "nlu, acd, flow, call, store, trial, server"),
    (8, "cli", "any"),
];

/// Where sockets, files, clocks, processes, randomness and tasks may be touched; with everything below them.
const IO_ALLOWED: &[&str] = &[
    "sip::shell",
    "media::socket",
    "media::recorder",
    "speech::pool",
    "speech::bench",
    "speech::voices",
    "speech::process",
    "speech::scribe",
    "speech::worker",
    "speech::pocketsphinx",
    "speech::whisper",
    "browser",
    "store",
    "server",
    "web",
    "cli",
];

/// Paths that mean IO, as they are written. A last segment in capitals is matched wherever it stands (`Instant::now`).
const IO_PATHS: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::thread::spawn",
    "std::thread::sleep",
    "std::thread::Builder",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::ToSocketAddrs",
    "std::os::unix::net",
    "std::io::stdin",
    "std::io::stdout",
    "tokio",
    "tokio_util",
    "rand",
    "reqwest",
    "sqlx",
    "axum",
    "socket2",
];

/// Calls that read a clock, whatever the path before them.
const CLOCKS: &[(&str, &str)] = &[("Instant", "now"), ("SystemTime", "now"), ("Utc", "now"), ("Local", "now")];

#[test]
fn modules_import_only_what_the_table_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    collect(&root, &mut sources);
    assert!(sources.len() > 20, "the sources are there");
    let found = violations(&sources);
    assert!(found.is_empty(), "the layer table (ARCHITECTURE.md) is broken:\n{}", found.join("\n"));
}

#[test]
fn architecture_md_shows_the_same_table() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).expect("the page");
    let rows: Vec<(u8, String, String)> = page.lines().filter_map(table_row).collect();
    let expected: Vec<(u8, String, String)> = TABLE.iter().map(|(l, m, i)| (*l, m.to_string(), i.to_string())).collect();
    assert_eq!(rows, expected, "ARCHITECTURE.md and tests/it/layers.rs must change together");
    for module in IO_ALLOWED {
        assert!(page.contains(&format!("`{module}`")), "ARCHITECTURE.md does not name {module} among the modules with IO");
    }
}

#[test]
fn the_checker_sees_seeded_violations() {
    let check = |file: &str, text: &str| violations(&[(PathBuf::from(file), text.to_string())]);
    let expect = |file: &str, text: &str, part: &str| {
        let found = check(file, text);
        assert!(found.len() == 1 && found[0].contains(part), "{file} {text:?}: {found:?}");
    };
    expect("flow/mod.rs", "use crate::sip::DialogKey;", "flow may not import sip");
    expect("flow/mod.rs", "use crate::{base::Digit, nlu, sip::{self, X}};", "flow may not import sip");
    expect("flow/check/rules.rs", "fn f() { super::super::super::store::open() }", "flow may not import store");
    expect("flow/check.rs", "use super::super::store::Store;", "flow may not import store");
    expect("flow/check/mod.rs", "use super::super::store::Store;", "flow may not import store");
    expect("call/mod.rs", "\nlet x = std::fs::read(p);", "call/mod.rs:2: call touches std::fs");
    expect("call/mod.rs", "use std::{fmt, fs};", "std::fs");
    expect("call/mod.rs", "use std::net::{SocketAddr, UdpSocket};", "std::net::UdpSocket");
    expect("nlu/x.rs", "let t = Instant::now();", "Instant::now");
    expect("nlu/x.rs", "let t = std::time::Instant::now();", "Instant::now");
    expect("media/bridge.rs", "tokio::spawn(async {});", "tokio");
    expect("sip/sdp.rs", "let n: u8 = rand::random();", "rand");
    expect("stray/mod.rs", "", "stray is not in the layer table");
    expect("web/mod.rs", "macro_rules! m { () => { $crate::media::Leg } }", "web may not import media");
}

#[test]
fn the_checker_lets_good_text_pass() {
    let check = |file: &str, text: &str| violations(&[(PathBuf::from(file), text.to_string())]);
    for (file, text) in [
        ("flow/mod.rs", "use crate::base::Digit; use crate::nlu::Slots; use crate::flow::Flow;"),
        ("flow/mod.rs", "// use crate::sip::X;\n/* std::fs /* nested */ tokio:: */ let s = \"crate::sip::X\";"),
        ("flow/mod.rs", "let s = r#\"std::fs::read \" crate::sip\"#; let c = '\"'; let l: &'static str = b\"tokio::x\";"),
        ("flow/mod.rs", "#[cfg(test)]\nmod tests { use crate::sip::X; fn f() { std::fs::read(\"{\"); } }"),
        ("flow/mod.rs", "#[cfg(test)] #[allow(dead_code)] fn f() -> Vec<u8> { std::fs::read(1) }"),
        ("flow/mod.rs", "use std::net::SocketAddr; use std::time::Instant; fn f(now: Instant) {}"),
        ("flow/mod.rs", "#[cfg(all(test, feature = \"whisper\"))] mod t { use std::fs; }"),
        ("store/mod.rs", "use std::fs; use sqlx::Row; use crate::call::Record;"),
        ("sip/shell/tcp.rs", "use tokio::net::TcpStream;"),
        ("cli/serve.rs", "use crate::media::Leg; use crate::sim::World;"),
        ("drive/mod.rs", "use crate::call::Call; use crate::speech::Voice; use super::base::Digit;"),
        ("flow/a/b.rs", "use super::super::c; use super::d; use self::e::f;"),
    ] {
        assert_eq!(check(file, text), Vec::<String>::new(), "{file}");
    }
    let test_file = [
        (PathBuf::from("flow/mod.rs"), "#[cfg(test)]\nmod tests;".to_string()),
        (PathBuf::from("flow/tests.rs"), "use crate::store::Store;".to_string()),
    ];
    assert_eq!(violations(&test_file), Vec::<String>::new());
}

/// `| 2 | `flow` | duty | nlu |` → (2, flow, nlu).
fn table_row(line: &str) -> Option<(u8, String, String)> {
    let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let [layer, module, _duty, imports] = cells.as_slice() else { return None };
    Some((layer.parse().ok()?, module.trim_matches('`').to_string(), imports.to_string()))
}

/// All Rust files below `dir` with their path relative to `src` and their text.
fn collect(dir: &Path, into: &mut Vec<(PathBuf, String)>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(dir).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            into.push((path.strip_prefix(&root).expect("below src").to_path_buf(), text));
        }
    }
}

/// Every breach of the table in these files (paths relative to `src`), one sentence each.
fn violations(sources: &[(PathBuf, String)]) -> Vec<String> {
    let files: Vec<(&PathBuf, Vec<String>, Scan)> =
        sources.iter().map(|(path, text)| (path, module_path(path), scan(text))).collect();
    let tests: BTreeSet<Vec<String>> = files
        .iter()
        .flat_map(|(_, module, scan)| {
            scan.test_modules.iter().map(|name| [module.as_slice(), std::slice::from_ref(name)].concat())
        })
        .collect();
    let mut found = Vec::new();
    for (path, module, scan) in &files {
        // Tests beside a file are named after it: `leg_tests.rs` belongs to `leg.rs` by `#[path]` under `#[cfg(test)]`.
        let beside = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_tests"));
        let is_test = beside || (1..=module.len()).any(|n| tests.contains(&module[..n]));
        let Some(top) = module.first() else { continue };
        if is_test {
            continue;
        }
        if !TABLE.iter().any(|(_, m, _)| m == top) {
            found.push(format!("src/{}: {top} is not in the layer table", path.display()));
            continue;
        }
        found.extend(breaches(path, module, top, scan));
    }
    found
}

fn breaches(path: &Path, module: &[String], top: &str, scan: &Scan) -> Vec<String> {
    let allowed = may_import(top);
    let io = IO_ALLOWED.iter().any(|a| a.split("::").zip(module).filter(|(a, m)| a == m).count() == a.split("::").count());
    let mut found = Vec::new();
    for (line, segments) in &scan.paths {
        let place = format!("src/{}:{line}", path.display());
        if let Some(to) = target(module, segments)
            && !allowed.contains(to)
        {
            found.push(format!("{place}: {top} may not import {to}"));
        }
        if let Some(word) = io_word(segments).filter(|_| !io) {
            found.push(format!("{place}: {top} touches {word}, which only the modules with IO may"));
        }
    }
    found.dedup();
    found
}

/// What a module may import, itself and `base` included.
fn may_import(module: &str) -> BTreeSet<&'static str> {
    let by_name: BTreeMap<&str, &str> = TABLE.iter().map(|(_, m, i)| (*m, *i)).collect();
    let mut allowed = BTreeSet::from(["base"]);
    allowed.extend(TABLE.iter().map(|(_, m, _)| *m).find(|m| *m == module));
    for part in by_name.get(module).copied().unwrap_or("").split(", ") {
        match part.strip_prefix("layers 0–").and_then(|n| n.parse::<u8>().ok()) {
            Some(top) => allowed.extend(TABLE.iter().filter(|(l, _, _)| *l <= top).map(|(_, m, _)| *m)),
            None if part == "any" => allowed.extend(TABLE.iter().map(|(_, m, _)| *m)),
            None if part == "–" => {}
            None => {
                allowed.insert(part);
            }
        }
    }
    allowed
}

/// The module of ours that a path leads to, from inside `module`; `None` when it leads outside of the crate or stays inside.
fn target<'a>(module: &[String], segments: &'a [String]) -> Option<&'a str> {
    let top_level = match segments.first()?.as_str() {
        "crate" => segments.get(1)?,
        "super" => {
            let ups = segments.iter().take_while(|s| *s == "super").count();
            (ups >= module.len()).then(|| segments.get(ups)).flatten()?
        }
        _ => return None,
    };
    // Names at the root that are no modules (macros) lead nowhere.
    TABLE.iter().any(|(_, m, _)| m == top_level).then_some(top_level.as_str())
}

/// The IO that a path means, if any.
fn io_word(segments: &[String]) -> Option<String> {
    let clock = segments.windows(2).find(|w| CLOCKS.iter().any(|(a, b)| w[0] == *a && w[1] == *b));
    if let Some(clock) = clock {
        return Some(clock.join("::"));
    }
    IO_PATHS
        .iter()
        .find(|io| {
            let words: Vec<&str> = io.split("::").collect();
            words.len() <= segments.len() && words.iter().zip(segments).all(|(a, b)| a == b)
        })
        .map(|io| io.to_string())
}

/// `flow/check/rules.rs` → [flow, check, rules]; `lib.rs` and `main.rs` → [].
fn module_path(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> = path.with_extension("").iter().map(|p| p.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|p| p == "mod" || (parts.len() == 1 && (p == "lib" || p == "main"))) {
        parts.pop();
    }
    parts
}

/// What one file says.
#[derive(Default)]
struct Scan {
    /// Every path outside of test code with its line, groups (`{a, b}`) taken apart.
    paths: Vec<(usize, Vec<String>)>,
    /// Modules in files of their own that are test code.
    test_modules: Vec<String>,
}

fn scan(text: &str) -> Scan {
    let tokens = tokens(text);
    let mut out = Scan::default();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(after) = test_attribute(&tokens[at..]) {
            at = skip_item(&tokens, at + after, &mut out.test_modules);
        } else if is_name(&tokens[at].1) {
            at = read_path(&tokens, at, &[], &mut out.paths);
        } else {
            at += 1;
        }
    }
    out
}

/// How many tokens the attribute `#[cfg(… test …)]` takes that starts here, if one does.
fn test_attribute(tokens: &[(usize, String)]) -> Option<usize> {
    let word = |n: usize| tokens.get(n).map(|t| t.1.as_str());
    if word(0) != Some("#") || word(1) != Some("[") || word(2) != Some("cfg") {
        return None;
    }
    let end = closing(tokens, 1);
    let inside = &tokens[3..end];
    let says = |word: &str| inside.iter().any(|t| t.1 == word);
    (says("test") && !says("not") && !says("any")).then_some(end + 1)
}

/// Skips the item at `at` (its further attributes too); names a `mod x;` in `modules`. Returns the place after it.
fn skip_item(tokens: &[(usize, String)], mut at: usize, modules: &mut Vec<String>) -> usize {
    while at < tokens.len() {
        match tokens[at].1.as_str() {
            "(" | "[" => at = closing(tokens, at),
            "{" => return closing(tokens, at) + 1,
            ";" if tokens[at - 2].1 == "mod" => {
                modules.push(tokens[at - 1].1.clone());
                return at + 1;
            }
            ";" => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The place of the bracket that closes the one at `open`; the end of the text when none does.
fn closing(tokens: &[(usize, String)], open: usize) -> usize {
    let mut depth = 0usize;
    for (n, (_, token)) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth -= 1;
                if depth == 0 {
                    return n;
                }
            }
            _ => {}
        }
    }
    tokens.len() - 1
}

/// Reads the path at `at` into `paths`, `before` being what a group stands behind. Returns the place after it.
fn read_path(tokens: &[(usize, String)], mut at: usize, before: &[String], paths: &mut Vec<(usize, Vec<String>)>) -> usize {
    let line = tokens[at].0;
    let mut segments = before.to_vec();
    segments.push(tokens[at].1.clone());
    at += 1;
    while at + 1 < tokens.len() && tokens[at].1 == "::" {
        let next = &tokens[at + 1].1;
        if next == "{" {
            return read_group(tokens, at + 1, &segments, paths);
        }
        if !is_name(next) {
            break;
        }
        segments.push(next.clone());
        at += 2;
    }
    paths.push((line, segments));
    at
}

fn read_group(tokens: &[(usize, String)], open: usize, before: &[String], paths: &mut Vec<(usize, Vec<String>)>) -> usize {
    let end = closing(tokens, open);
    let mut at = open + 1;
    while at < end {
        at = if is_name(&tokens[at].1) { read_path(tokens, at, before, paths) } else { at + 1 };
    }
    end + 1
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and single characters with their lines; comments, strings, characters and lifetimes left out.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let from = at;
        let two = (chars[at], chars.get(at + 1).copied().unwrap_or(' '));
        match two {
            ('/', '/') => at = (at..chars.len()).find(|n| chars[*n] == '\n').unwrap_or(chars.len()),
            ('/', '*') => at = after_block_comment(&chars, at),
            ('"', _) => at = after_string(&chars, at),
            ('\'', _) => at = after_quote(&chars, at),
            (':', ':') => {
                out.push((line, "::".to_string()));
                at += 2;
            }
            (c, _) if c.is_alphanumeric() || c == '_' => {
                at = (at..chars.len()).find(|n| !chars[*n].is_alphanumeric() && chars[*n] != '_').unwrap_or(chars.len());
                let word: String = chars[from..at].iter().collect();
                match (word.as_str(), chars.get(at)) {
                    ("r" | "br" | "cr", Some('"' | '#')) if raw_string_end(&chars, at).is_some() => {
                        at = raw_string_end(&chars, at).unwrap_or(at);
                    }
                    ("b" | "c", Some('"')) => at = after_string(&chars, at),
                    ("b", Some('\'')) => at = after_quote(&chars, at),
                    _ => out.push((line, word)),
                }
            }
            (c, _) => {
                if !c.is_whitespace() {
                    out.push((line, c.to_string()));
                }
                at += 1;
            }
        }
        line += chars[from..at].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn after_block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0usize;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

/// After the string whose opening quote is at `at`.
fn after_string(chars: &[char], at: usize) -> usize {
    let mut n = at + 1;
    while n < chars.len() && chars[n] != '"' {
        n += if chars[n] == '\\' { 2 } else { 1 };
    }
    (n + 1).min(chars.len())
}

/// After the raw string whose hashes (or quote) begin at `at`; `None` when it is none (`r#name`).
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let mut n = at + hashes + 1;
    while n < chars.len() {
        if chars[n] == '"' && chars[n + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes {
            return Some(n + 1 + hashes);
        }
        n += 1;
    }
    Some(chars.len())
}

/// After the character (`'x'`, `'\n'`, `'\u{1f}'`) or lifetime (`'a`) at `at`.
fn after_quote(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => (at + 3..chars.len()).find(|n| chars[*n] == '\'').map_or(chars.len(), |n| n + 1),
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}
