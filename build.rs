//! Link flags of the native engines, each only with its feature; the files of the console's page, built into the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_POCKETSPHINX").is_some() {
        println!("cargo:rustc-link-lib=pocketsphinx");
        println!("cargo:rustc-link-lib=sphinxbase");
    }
    if std::env::var_os("CARGO_FEATURE_FLITE").is_some() {
        for library in ["flite_cmu_us_rms", "flite_cmu_us_slt", "flite_usenglish", "flite_cmulex", "flite"] {
            println!("cargo:rustc-link-lib={library}");
        }
    }
    console_files();
}

/// Writes `console_files.rs`: an array of (path below `console/dist`, content).
fn console_files() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where")).join("console/dist");
    // The whole path: a target folder that a checkout elsewhere has used, which is gone, is no reason to look there.
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut array = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).expect("below it").to_str().expect("names of ours are UTF-8");
        let place = format!("/console/dist/{name}");
        let _ = writeln!(array, "    ({name:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {place:?}))),");
    }
    array.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where"));
    std::fs::write(out.join("console_files.rs"), array).expect("cargo's own folder is writable");
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => collect(&path, into),
            path => into.push(path),
        }
    }
}
