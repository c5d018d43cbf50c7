//! Every way from the robot to a person and from one person to the next, in one gateway at the same time: bridged, sent by REFER, bridged
//! and sent with Replaces, sent on blindly by the agent's phone, and by a trunk to a phone at another exchange. What callers hear
//! meanwhile is measured on their own phones.

use crate::baresip::Baresip;
use crate::consult::{ANNA, BOB, CALLER, Heard, count, endlessly, tenths};
use crate::desk::{Phone, port};
use crate::end_to_end::{Piece, sound};
use crate::gateway::{Gateway, Wanted, installed};
use crate::silence::never_left_in_silence;
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const FLOW: &str = r#"hotline: 1
name: ways
languages: [en]
record: off
person: { to: bridged }
targets:
  bridged: { sip: "{{ env.BRIDGED }}", method: bridge, accept: answer }
  referred: { sip: "{{ env.REFERRED }}", method: refer, accept: answer }
  attended: { sip: "{{ env.ATTENDED }}", method: attended, accept: answer }
  line: { queue: support, accept: answer }
intents:
  hours: { examples: [when are you open, are you open on sunday, opening hours] }
nodes:
  welcome:
    ask: This is automatic. What is it about?
    menu:
      hours: { key: 9, phrases: [when are you open], go: hours }
      refer: { key: 1, phrases: [one], go: refer }
      attend: { key: 2, phrases: [two], go: attend }
      line: { key: 3, phrases: [three], go: line }
  hours: { say: "From nine to five.", then: welcome }
  refer: { transfer: referred, because: test }
  attend: { transfer: attended, because: test }
  line: { transfer: line, because: test }
"#;

struct Ways {
    gateway: Gateway,
    folder: tempfile::TempDir,
}

impl Ways {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.wav"))
    }

    /// Picks up there and says a tone for as long as somebody is on the line.
    fn agent(&self, name: &str, port: u16, tone: &[String; 4]) -> Phone {
        let (at, record) = (format!("127.0.0.1:{port}"), self.path(name).to_string_lossy().into_owned());
        let words = ["--answer", "--listen", &at, "--record", &record];
        Phone::start(&[words.as_slice(), &tone.each_ref().map(String::as_str)].concat())
    }

    /// Presses this key, says a tone for so many seconds once somebody or something is heard, and hangs up.
    fn caller(&self, name: &str, key: &str, seconds: usize) -> Phone {
        let (uri, record) = (format!("sip:5551000@{}", self.gateway.sip), self.path(name).to_string_lossy().into_owned());
        let tone = self.path(&format!("tone-of-{name}"));
        sound(&tone, &[Piece::Tone(CALLER as f32, seconds * 1_000)]);
        let tone = tone.to_string_lossy().into_owned();
        let from = format!("4930{name}");
        Phone::start(&[
            uri.as_str(),
            "--from",
            &from,
            "--record",
            &record,
            "--wait",
            "2500",
            "--dtmf",
            key,
            "--over",
            "0",
            "--play",
            &tone,
            "--hangup-after",
            "0",
        ])
    }

    /// Waits until who called from there has been joined with somebody: nothing tells of it but the call's record.
    fn joined(&self, name: &str) {
        let (from, until) = (format!("4930{name}"), Instant::now() + Duration::from_secs(30));
        loop {
            let ours = self.gateway.calls().into_iter().find(|row| row["caller"] == from.as_str());
            let ours = ours.and_then(|row| row["id"].as_str().map(String::from));
            let story = ours.map(|id| self.gateway.story(&id)).unwrap_or_default();
            if story.contains("answered") {
                return;
            }
            assert!(Instant::now() < until, "{name} was never joined with anybody: {story}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// What a caller heard: the tone of whoever was reached, and before it never two seconds of silence.
fn reached(ways: &Ways, name: &str, hertz: f64) -> Vec<Heard> {
    let heard = tenths(&ways.path(name));
    assert!(count(&heard, Heard::Tone(hertz)) > 20, "{name} heard {hertz} Hz for {} tenths", count(&heard, Heard::Tone(hertz)));
    never_left_in_silence(name, &heard);
    heard
}

fn hears_the_caller(ways: &Ways, agent: &str) {
    let of_caller = count(&tenths(&ways.path(agent)), Heard::Tone(CALLER));
    assert!(of_caller > 20, "{agent} heard the caller for {of_caller} tenths");
}

#[test]
fn every_way_to_a_person_and_on_leaves_nobody_in_silence() {
    if !installed("baresip") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let flow = folder.path().join("ways.yaml");
    std::fs::write(&flow, FLOW).expect("written");
    let (flow, far) = (flow.to_string_lossy().into_owned(), port());
    let ports: [u16; 3] = std::array::from_fn(|_| port());
    let first_says = folder.path().join("first.wav");
    sound(&first_says, &[Piece::Tone(ANNA as f32, 60_000)]);
    let first = Baresip::start_controlled(&first_says, 120);
    // At the other exchange this number is a telephone; nothing else here knows it.
    let more = format!(
        "[[trunk]]\nname = \"exchange\"\nproxy = \"127.0.0.1:{far}\"\nallow = [\"+4930*\"]\noptions_seconds = 0\n\
         [[queue]]\nname = \"support\"\n[[agent]]\nname = \"carl\"\nphone = \"trunk:+4930200@exchange\"\n\
         queues = [\"support\"]\ndesk = false\n"
    );
    let env = vec![
        ("BRIDGED", format!("sip:phone@127.0.0.1:{}", first.port)),
        ("REFERRED", format!("sip:phone@127.0.0.1:{}", ports[0])),
        ("ATTENDED", format!("sip:phone@127.0.0.1:{}", ports[1])),
    ];
    let gateway = Gateway::start(Wanted { flow: &flow, env, more: &more, ..Wanted::default() });
    let ways = Ways { gateway, folder };
    let (anna, bob) = (endlessly(ways.folder.path(), ANNA), endlessly(ways.folder.path(), BOB));
    let agents = [
        ways.agent("of-referred", ports[0], &anna),
        ways.agent("of-attended", ports[1], &anna),
        ways.agent("carl", far, &anna),
        ways.agent("next", ports[2], &bob),
    ];
    agents.iter().for_each(|agent| agent.until("listening"));
    let blind = ways.caller("100", "0", 30);
    let others = [ways.caller("101", "1", 18), ways.caller("102", "2", 18), ways.caller("103", "3", 18)];
    ways.joined("100");
    // What the caller hears of the first agent is found in the recording; no event ends it.
    std::thread::sleep(Duration::from_secs(2));
    first.command("transfer", &format!("sip:phone@127.0.0.1:{}", ports[2]));
    // Who refuses to be sent elsewhere stays, and talks through us.
    let told: Vec<Vec<Value>> = others.into_iter().map(Phone::ended).collect();
    for (told, sent) in told.iter().zip([true, true, false]) {
        assert_eq!(told.iter().any(|line| line["event"] == "referred"), sent, "{told:#?}");
    }
    blind.ended();
    agents.into_iter().for_each(|agent| drop(agent.ended()));

    let heard = reached(&ways, "100", BOB);
    assert!(count(&heard, Heard::Tone(ANNA)) > 10, "the first agent was heard before: {}", first.log());
    for (caller, agent) in [("101", "of-referred"), ("102", "of-attended"), ("103", "carl")] {
        reached(&ways, caller, ANNA);
        hears_the_caller(&ways, agent);
    }
    hears_the_caller(&ways, "next");
    let rows = ways.gateway.ended_calls(4);
    assert_eq!(rows.iter().filter(|row| row["disposition"] == "transferred").count(), 4, "{rows:#?}");
    let of = |caller: &str| {
        let row = rows.iter().find(|row| row["caller"] == format!("4930{caller}")).expect("a row");
        ways.gateway.story(row["id"].as_str().expect("an id"))
    };
    let by_trunk = of("103");
    for (story, parts) in [(of("100"), "agent_transfer"), (of("102"), "attended_refused"), (by_trunk, "carl of line rings")] {
        assert!(story.contains(parts), "{parts}: {story}");
    }
}
