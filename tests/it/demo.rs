//! `make demo` as a test: the same command, in a folder of its own.

use crate::gateway::{HOTLINE, checkout};
use std::process::Command;

#[test]
fn the_demo_places_three_calls_and_all_go_as_they_should() {
    let _turn = crate::gateway::turn();
    let dir = tempfile::tempdir().expect("a folder");
    let output = Command::new(HOTLINE)
        .arg("demo")
        .arg("--flow")
        .arg(checkout().join("flows/parcel.yaml"))
        .arg("--fixtures")
        .arg(checkout().join("audio-fixtures"))
        .current_dir(dir.path())
        .output()
        .expect("the binary starts");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    assert!(text.contains("All three calls went as they should"), "{text}");
    let recording = dir.path().join("run/demo/store");
    assert!(recording.join("hotline.sqlite").exists(), "{text}");
}
