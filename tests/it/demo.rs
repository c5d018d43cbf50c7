//! `make demo` as a test: the same command, in a folder of its own.

use crate::console::Browser;
use crate::gateway::{HOTLINE, checkout, terminate};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ended when dropped, and then the next test's turn comes.
struct Ours(Child, #[expect(dead_code, reason = "held until the end")] crate::gateway::Seat);

impl Drop for Ours {
    fn drop(&mut self) {
        terminate(&mut self.0);
    }
}

/// The desk of `make demo-desk`: its address, name and password work, and a caller comes once the agent is there; Ctrl-C ends it.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_desk_can_be_logged_in_to_and_a_caller_comes() {
    let seat = crate::gateway::turn();
    let dir = tempfile::tempdir().expect("a folder");
    let child = Command::new(HOTLINE)
        .args(["demo", "--desk", "--fixtures"])
        .arg(checkout().join("audio-fixtures"))
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut child = Ours(child, seat);
    let mut lines = BufReader::new(child.0.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let base = lines
        .find_map(|line| line.strip_prefix("The desk:  ").map(|rest| rest[..rest.find("/ ").expect("an end")].to_string()));
    let password = lines.find_map(|line| line.split_once("password: ").map(|(_, password)| password.trim().to_string()));
    let mut anna = Browser::new(base.expect("an address"));
    assert_eq!(anna.log_in("anna", &password.expect("a password")).await.0, 200);
    let mut tab = anna.socket("").await;
    assert_eq!(anna.ask("POST", "/desk/presence", Some(json!({ "state": "available" }))).await.0, 200);
    let rings = async {
        loop {
            let frame = tab.next().await.expect("a message");
            if frame["data"]["agent"]["state"] == "offered" {
                return frame["data"]["call"]["card"].clone();
            }
        }
    };
    let card = tokio::time::timeout(Duration::from_secs(60), rings).await.expect("a caller");
    assert!(card["caller"].as_str().is_some_and(|caller| caller.contains("301234")), "{card:#}");
    assert_eq!(card["because"], "asked", "{card:#}");
    // SAFETY: a plain kill(2) of a process that this test started and has not waited for yet.
    unsafe { libc::kill(child.0.id() as i32, libc::SIGINT) };
    let last: Vec<String> = lines.collect();
    assert!(last.last().is_some_and(|line| line.starts_with("The records of this desk")), "{last:?}");
    assert!(child.0.wait().expect("a child of ours").success());
}

#[test]
fn the_demo_places_three_calls_and_all_go_as_they_should() {
    let _seat = crate::gateway::turn();
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
