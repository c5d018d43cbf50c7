//! Agents' phones that register at the gateway: baresip and linphone come with a password, are rung for a call in line, and are not
//! when they have gone; wrong passwords; what such a phone may call.

use crate::baresip::Baresip;
use crate::desk::{FLOW, Phone, heard, tone};
use crate::end_to_end::{Piece, has_tone, sound};
use crate::gateway::{Gateway, Wanted, installed};
use std::path::PathBuf;
use std::time::Duration;

/// Of Anna's phone.
const SECRET: &str = "one-long-and-secret-word";

/// A gateway with one agent, whose phone registers there.
struct Office {
    gateway: Gateway,
    folder: tempfile::TempDir,
}

impl Office {
    /// `more` is for the end of the configuration, `sip` for its `[sip]`.
    fn new(more: &str, sip: &str) -> Office {
        let folder = tempfile::tempdir().expect("a folder");
        let flow = folder.path().join("line.yaml");
        std::fs::write(&flow, FLOW).expect("written");
        let more = format!(
            "[[queue]]\nname = \"support\"\nring_seconds = 10\nwrap_up_seconds = 0\nalone_seconds = 0\n\
             [[agent]]\nname = \"anna\"\nphone = \"registered\"\nphone_password = \"{SECRET}\"\nqueues = [\"support\"]\n\
             desk = false\npause_seconds = 5\n{more}"
        );
        let flow = flow.to_string_lossy().into_owned();
        let gateway = Gateway::start(Wanted { flow: &flow, more: &more, sip, ..Wanted::default() });
        Office { gateway, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A minute of a tone, after a second of quiet.
    fn sound(&self, hertz: f32) -> PathBuf {
        let path = self.path(&format!("{hertz}.wav"));
        sound(&path, &[Piece::Quiet(1_000), Piece::Tone(hertz, 60_000)]);
        path
    }

    /// Anna's phone with this password, saying a tone.
    fn phone(&self, transport: &str, password: &str) -> Baresip {
        let registrar = format!("sip:anna@{}{transport}", self.gateway.sip);
        Baresip::registering(&self.sound(1_000.0), &registrar, password, 100)
    }

    /// Who calls, asks for a person by key, and then does this.
    fn caller(&self, name: &str, then: &[&str]) -> Phone {
        let (uri, record) = (format!("sip:5551000@{}", self.gateway.sip), self.path(&format!("{name}.wav")));
        let record = record.to_string_lossy().into_owned();
        let words = ["--from", "4930123456", "--record", &record, "--wait", "2500", "--dtmf", "0"];
        Phone::start(&[&[uri.as_str()], words.as_slice(), then].concat())
    }
}

/// Registers, is rung, both hear each other; unregisters, and is rung no more.
fn comes_talks_and_goes(transport: &str) {
    if !installed("baresip") {
        return;
    }
    let mut office = Office::new("", "");
    let phone = office.phone(transport, SECRET);
    let came = office.gateway.said("an agent's phone is there");
    assert!(came.contains("anna") && !came.contains(SECRET), "{came}");
    let low = tone(office.folder.path(), 500.0).to_string_lossy().into_owned();
    let caller = office.caller("caller", &["--over", "9000", "--play", &low, "--wait", "4000"]);
    let told = caller.ended();
    let to_caller = heard(&office.path("caller.wav"), 1_000.0);
    phone.logs("Call terminated", 1, Duration::from_secs(10));
    assert!(to_caller > 2.0, "the caller heard the phone for {to_caller} s: {told:#?}\n{}", phone.log());
    let log = phone.log();
    assert!(log.contains("User-to-User: "), "the card comes with the call:\n{log}");
    phone.command("quit", "");
    office.gateway.line_with("an agent's phone is gone");
    let rows = office.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    let to_phone = phone.heard().expect("the phone's recording");
    assert!(has_tone(&to_phone, 500.0), "the phone heard the caller");
    // Nobody is there now, and nothing rings into the void.
    office.caller("alone", &["--wait", "3000"]).ended();
    let rows = office.gateway.ended_calls(2);
    let story = office.gateway.story(rows[1]["id"].as_str().or(rows[1]["call"].as_str()).unwrap_or_default());
    assert!(!story.contains("\"offered\""), "{story}");
    assert_eq!(phone.log().matches("INVITE sip:").count(), log.matches("INVITE sip:").count());
}

#[test]
fn a_phone_registers_and_takes_a_call_over_udp() {
    comes_talks_and_goes("");
}

#[test]
fn a_phone_registers_and_takes_a_call_over_tcp() {
    comes_talks_and_goes(";transport=tcp");
}
