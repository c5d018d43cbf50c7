//! Kamailio (Debian `kamailio`) as a carrier's registrar and trunk, a peer that we did not write: the gateway registers there,
//! is called through it, and calls out through it, with MD5 and with SHA-256. Configuration: `sip-config/kamailio`.

use crate::baresip::Baresip;
use crate::end_to_end::{Piece, has_tone, sound};
use crate::gateway::{Gateway, Wanted, checkout, installed, terminate};
use crate::telephone::free_port;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PASSWORD: &str = "trunk-secret-of-tests";

/// A running Kamailio; it and its children end when dropped.
struct Kamailio {
    child: Child,
    dir: tempfile::TempDir,
    port: u16,
}

impl Kamailio {
    /// `defines` as its `-A` takes them; calls out go to `agent`.
    fn start(defines: &[&str], agent: &str) -> Kamailio {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let log = std::fs::File::create(dir.path().join("log")).expect("written");
        let mut command = Command::new("/usr/sbin/kamailio");
        command.arg("-f").arg(checkout().join("sip-config/kamailio/kamailio.cfg"));
        command.args(["-l", &format!("udp:127.0.0.1:{port}"), "-A", &format!("AGENT=\"{agent}\"")]);
        for define in defines {
            command.args(["-A", define]);
        }
        command.args(["-m", "32", "-M", "4", "-DD", "-E", "-w"]).arg(dir.path()).arg("-Y").arg(dir.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("Kamailio starts");
        Kamailio { child, dir, port }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The log's lines that hold `text`, once there are `count` of them.
    fn lines(&self, text: &str, count: usize) -> Vec<String> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let log = self.log();
            let found: Vec<String> = log.lines().filter(|l| l.contains(text)).map(str::to_string).collect();
            if found.len() >= count {
                return found;
            }
            assert!(Instant::now() < until, "Kamailio did not say {text:?} {count} times:\n{log}");
            // Its log is a file: nobody tells when it grows.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children follow it.
        terminate(&mut self.child);
    }
}

fn gateway(port: u16, password: &str) -> Gateway {
    let trunk = format!(
        "[[trunk]]\nname = \"carrier\"\nproxy = \"127.0.0.1:{port}\"\nuser = \"5551000\"\npassword = {password:?}\nregister = true\n\
         options_seconds = 1\n"
    );
    let env = vec![("AGENT_SIP", "trunk:+4930555100".to_string())];
    Gateway::start(Wanted { flow: "tests/flows/trunk.yaml", env, more: &trunk, ..Wanted::default() })
}

/// Caller and agent are baresip phones behind Kamailio: the one is heard by the other, all the way through it, twice.
fn a_call_in_and_a_call_out(define: &str, algorithm: &str) {
    if !installed("kamailio") || !installed("baresip") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (caller_says, agent_says) = (folder.path().join("caller.wav"), folder.path().join("agent.wav"));
    sound(&caller_says, &[Piece::Quiet(500), Piece::Tone(440.0, 16_000)]);
    sound(&agent_says, &[Piece::Quiet(500), Piece::Tone(1_000.0, 16_000)]);
    let agent = Baresip::start(&agent_says, None, 60);
    let kamailio = Kamailio::start(&[define], &format!("sip:phone@127.0.0.1:{}", agent.port));
    let gateway = gateway(kamailio.port, PASSWORD);
    let registered = kamailio.lines("REGISTERED user=5551000", 1);
    assert!(registered[0].contains(&format!("algorithm={algorithm}")), "{registered:?}");
    let mut caller = Baresip::start(&caller_says, Some(&format!("sip:5551000@127.0.0.1:{}", kamailio.port)), 20);
    caller.wait(Duration::from_secs(30));
    let out = kamailio.lines("CALL OUT user=5551000", 1);
    assert!(out[0].contains(&format!("algorithm={algorithm}")) && out[0].contains("nc=00000001"), "{out:?}");
    let rows = gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"], "transferred", "{rows:?}\n{}\n{}", caller.log(), agent.log());
    let by_caller = caller.heard().unwrap_or_else(|| panic!("the caller heard nothing:\n{}", caller.log()));
    let by_agent = agent.heard().unwrap_or_else(|| panic!("the agent heard nothing:\n{}", agent.log()));
    assert!(has_tone(&by_caller, 1_000.0), "the caller heard the agent");
    assert!(has_tone(&by_agent, 440.0), "the agent heard the caller");
}

#[test]
fn calls_by_kamailio_with_md5() {
    a_call_in_and_a_call_out("MD5", "MD5");
}

#[test]
fn calls_by_kamailio_with_sha_256() {
    a_call_in_and_a_call_out("SHA256", "SHA-256");
}

#[test]
fn a_registration_is_refreshed_and_taken_back() {
    if !installed("kamailio") {
        return;
    }
    let kamailio = Kamailio::start(&["SHA256", "BRIEF"], "sip:nobody@127.0.0.1:9");
    let gateway = gateway(kamailio.port, PASSWORD);
    // Granted for 12 seconds only: the refresh comes before they are over, with the same nonce counted up.
    let twice = kamailio.lines("REGISTERED user=5551000", 2);
    assert!(twice[0].contains("nc=00000001") && twice[1].contains("nc=00000002"), "{twice:#?}");
    drop(gateway);
    let last = kamailio.lines("expires=0", 1);
    assert!(last[0].contains("REGISTERED user=5551000"), "{last:?}");
}

/// A log line without its colours.
fn plain(line: &str) -> String {
    line.split('\u{1b}')
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |p| p.1) })
        .collect()
}

#[test]
fn a_wrong_password_is_told_and_not_tried_again_at_once() {
    if !installed("kamailio") {
        return;
    }
    let kamailio = Kamailio::start(&[], "sip:nobody@127.0.0.1:9");
    let mut gateway = gateway(kamailio.port, "a wrong password");
    gateway.said("the registrar refuses our user or password");
    let later = gateway.said("not registered: refused (401)");
    let wait =
        plain(&later).split("next_try_seconds=").nth(1).map(|s| s.chars().take_while(char::is_ascii_digit).collect::<String>());
    let seconds: u64 = wait.and_then(|s| s.parse().ok()).expect("a wait");
    assert!((15..=30).contains(&seconds), "{later}");
    assert!(!kamailio.log().contains("REGISTERED"));
    let metrics = gateway.page("/metrics");
    assert!(metrics.contains("hotline_trunk_up{trunk=\"carrier\"} 0"), "{metrics}");
}
