//! Audio with phones that we did not write: each codec, and what else is negotiated, in calls through the real gateway. A
//! caller is connected to an agent at once; each sends its own tone and records what it hears.

use crate::baresip::Baresip;
use crate::end_to_end::{Piece, has_tone, sound};
use crate::gateway::{Gateway, HOTLINE, Wanted, installed};
use std::process::Command;
use std::time::Duration;

const CALLER_HERTZ: f32 = 440.0;
const AGENT_HERTZ: f32 = 1_000.0;

/// One phone's side of a call.
struct Side {
    codecs: &'static str,
    /// Further parameters of its account.
    more: &'static str,
}

/// What came of a call.
struct Outcome {
    /// `hotline calls show --json`.
    story: String,
    caller_log: String,
    agent_log: String,
}

/// A caller's phone is connected to an agent's phone; both must hear the other.
fn each_hears_the_other(caller: &Side, agent: &Side, sip: &str) -> Outcome {
    let dir = tempfile::tempdir().expect("a folder");
    let (caller_wav, agent_wav) = (dir.path().join("caller.wav"), dir.path().join("agent.wav"));
    sound(&caller_wav, &[Piece::Tone(CALLER_HERTZ, 30_000)]);
    sound(&agent_wav, &[Piece::Tone(AGENT_HERTZ, 30_000)]);
    // Until it is dropped: the gateway waits for its turn.
    let mut phone = Baresip::speaking(&agent_wav, None, 900, agent.codecs, agent.more);
    let env = vec![("AGENT_SIP", format!("sip:phone@127.0.0.1:{}", phone.port))];
    let gateway = Gateway::start(Wanted { flow: "tests/flows/straight.yaml", env, sip, alone: true, ..Wanted::default() });
    let dial = format!("sip:5551000@{}", gateway.sip);
    let mut calling = Baresip::speaking(&caller_wav, Some(&dial), 11, caller.codecs, caller.more);
    calling.wait(Duration::from_secs(20));
    let rows = gateway.ended_calls(1);
    phone.wait(Duration::from_millis(500));
    let id = rows[0]["id"].as_str().unwrap_or_default();
    let show = Command::new(HOTLINE).args(["calls", "show", id, "--json", "--config"]).arg(&gateway.config).output();
    let story = String::from_utf8_lossy(&show.expect("runs").stdout).into_owned();
    let caller_heard = calling.heard().unwrap_or_else(|| panic!("the caller recorded nothing\n{}\n{story}", calling.log()));
    let agent_heard = phone.heard().unwrap_or_else(|| panic!("the agent recorded nothing\n{}\n{story}", phone.log()));
    assert!(has_tone(&caller_heard, AGENT_HERTZ), "the caller did not hear the agent:\n{}\n{story}", calling.log());
    assert!(has_tone(&agent_heard, CALLER_HERTZ), "the agent did not hear the caller:\n{}\n{story}", phone.log());
    assert_eq!(rows[0]["disposition"], "transferred", "{story}");
    Outcome { story, caller_log: calling.log(), agent_log: phone.log() }
}

#[test]
fn baresip_speaks_g722_and_opus_both_ways() {
    if !installed("baresip") {
        return;
    }
    // One codec to the caller and the other one to the agent, so that the bridge goes through both.
    for (codec, other, names) in
        [("G722/16000", "opus/48000/2", ["G722", "opus"]), ("opus/48000/2", "G722/16000", ["opus", "G722"])]
    {
        let (caller, agent) = (Side { codecs: codec, more: "" }, Side { codecs: other, more: "" });
        let outcome = each_hears_the_other(&caller, &agent, "");
        outcome.legs(&names, [false, false]);
    }
}

#[test]
fn baresip_is_encrypted_both_ways_and_reports_how_it_hears() {
    if !installed("baresip") {
        return;
    }
    let pcmu = |more| Side { codecs: "PCMU/8000", more };
    // Who must and who may, both ways round; then one side that cannot, where encryption is only offered.
    let both = each_hears_the_other(&pcmu(";mediaenc=srtp-mand"), &pcmu(";mediaenc=srtp"), "srtp = \"required\"\n");
    both.legs(&["PCMU", "PCMU"], [true, true]);
    let one = each_hears_the_other(&pcmu(";rtcp_mux=yes"), &pcmu(";mediaenc=srtp"), "srtp = \"offered\"\n");
    one.legs(&["PCMU", "PCMU"], [false, true]);
}

impl Outcome {
    /// The record tells what each leg spoke, whether encrypted, and how it was; the caller's leg comes first.
    fn legs(&self, codecs: &[&str; 2], encrypted: [bool; 2]) {
        let story: serde_json::Value = serde_json::from_str(&self.story).expect("JSON");
        let legs = story["legs"].as_array().expect("legs");
        for (name, codec, encrypted) in [("caller", codecs[0], encrypted[0]), ("agent", codecs[1], encrypted[1])] {
            let leg = legs.iter().find(|l| l["leg"].as_str().is_some_and(|n| n.starts_with(name)));
            let leg = leg.unwrap_or_else(|| panic!("no {name} in {}", self.story));
            assert_eq!((&leg["codec"], &leg["encrypted"]), (&codec.into(), &encrypted.into()), "{leg}");
            assert!(leg["packets_in"].as_u64() > Some(100) && leg["one_way"].is_null(), "{leg}");
            assert!(leg["mos"].as_f64() > Some(3.5), "{leg}");
            // baresip reports every five seconds, encrypted where the call is.
            assert!(leg["round_trip_ms"].as_u64().is_some_and(|ms| ms < 250), "{leg}\n{}\n{}", self.caller_log, self.agent_log);
            assert!(leg["far_mos"].as_f64() > Some(3.5), "{leg}");
        }
    }
}
