//! Nobody takes the call: agents who decline it for ever, and a queue whose agents have all gone home while somebody waits. Callers hear
//! why, and have a way out.

use crate::console::{Browser, set_up};
use crate::consult::{BOB, Heard, count, endlessly, tenths};
use crate::desk::{Desk, PASSWORD, Phone, port, presence, state};
use crate::end_to_end::{Piece, sound};
use crate::gateway::{Gateway, Wanted, installed};
use crate::silence::never_left_in_silence;
use crate::telephone::{Sipp, free_port, listening};
use serde_json::json;

const FLOW: &str = r#"hotline: 1
name: nobody
languages: [en]
record: off
person: { to: support }
targets:
  support: { queue: support, accept: answer }
  sales: { queue: sales, accept: answer, next: night }
  night: { sip: "{{ env.NIGHT }}", accept: answer }
intents:
  hours: { examples: [when are you open, are you open on sunday, opening hours] }
nodes:
  welcome:
    ask: This is automatic. What is it about?
    menu:
      hours: { key: 9, phrases: [when are you open], go: hours }
      sales: { key: 2, phrases: [two], go: sales }
  hours: { say: "From nine to five.", then: welcome }
  sales: { transfer: sales, because: test }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_declined_for_ever_leaves_a_message_and_whose_agents_go_home_is_helped_elsewhere() {
    if !installed("sipp") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (flow, words, tone) = (path("nobody.yaml"), path("words.wav"), path("tone.wav"));
    std::fs::write(&flow, FLOW).expect("written");
    // Said into the message, which begins ten to twelve seconds after the line was given up, and waits eight for a first word.
    let says = [Piece::Quiet(7_000), Piece::Fixture("person-1.wav"), Piece::Quiet(300), Piece::Fixture("person-1.wav")];
    sound(&folder.path().join("words.wav"), &says);
    sound(&folder.path().join("tone.wav"), &[Piece::Tone(500.0, 14_000)]);
    // Bob's telephone is busy whenever it is called, Anna has a desk and declines there, Carl goes home while his page rings.
    let (bob, nights) = (free_port(), port());
    let more = format!(
        "[[queue]]\nname = \"support\"\nlongest_seconds = 30\n[[queue]]\nname = \"sales\"\nalone_seconds = 1\n\
         [[agent]]\nname = \"anna\"\nphone = \"browser\"\nqueues = [\"support\"]\n\
         [[agent]]\nname = \"bob\"\nphone = \"sip:bob@127.0.0.1:{bob}\"\nqueues = [\"support\"]\ndesk = false\npause_seconds = 5\n\
         [[agent]]\nname = \"carl\"\nphone = \"browser\"\nqueues = [\"sales\"]\n"
    );
    let env = vec![("NIGHT", format!("sip:night@127.0.0.1:{nights}"))];
    let mut gateway = Gateway::start(Wanted { flow: &flow, env, more: &more, ..Wanted::default() });
    let mut admin = set_up(&mut gateway).await;
    let (mut anna, mut carl) = (Browser::new(admin.base.clone()), Browser::new(admin.base.clone()));
    for (name, browser) in [("anna", &mut anna), ("carl", &mut carl)] {
        let user = json!({ "name": name, "role": "agent", "agent": name, "password": PASSWORD });
        assert_eq!(admin.ask("POST", "/users", Some(user)).await.0, 201);
        assert_eq!(browser.log_in(name, PASSWORD).await.0, 200);
    }
    let (mut annas, mut carls) = (Desk::open(&anna).await, Desk::open(&carl).await);
    presence(&mut anna, "available").await;
    presence(&mut carl, "available").await;
    let _busy = Sipp::start("agent_busy", bob, &["-m", "20", "-timeout", "100s"]);
    listening(bob, "udp").await;
    let night = {
        let at = format!("127.0.0.1:{nights}");
        let words = ["--answer", "--listen", &at];
        Phone::start(&[words.as_slice(), &endlessly(folder.path(), BOB).each_ref().map(String::as_str)].concat())
    };
    let caller = |name: &str, key: &str, then: &[&str]| {
        let (uri, record) = (format!("sip:5551000@{}", gateway.sip), path(&format!("{name}.wav")));
        let words = [uri.as_str(), "--from", name, "--record", &record, "--wait", "2500", "--dtmf", key];
        Phone::start(&[words.as_slice(), then].concat())
    };
    // After half a minute in line it is said why, and what to do: this runs beside it.
    let declined = caller("4930111", "0", &["--wait", "36000", "--over", "0", "--play", &words, "--wait", "30000"]);
    let alone = caller("4930222", "2", &["--over", "0", "--play", &tone, "--hangup-after", "0"]);
    carls.until("the caller at Carl's", |desk| state(desk) == "offered").await;
    presence(&mut carl, "offline").await;
    // A declined call comes again after fifteen seconds: twice in the half minute for which callers wait here.
    for _ in 0..2 {
        annas.until("an offer", |desk| state(desk) == "offered").await;
        assert_eq!(anna.ask("POST", "/desk/decline", None).await.0, 200);
        annas.until("that nothing rings", |desk| state(desk) == "available").await;
    }
    let over = tokio::task::spawn_blocking(move || (declined.ended(), alone.ended()));
    let told = over.await.expect("both calls end");
    night.ended();

    let rows = gateway.ended_calls(2);
    let story = |from: &str, disposition: &str| {
        let row = rows.iter().find(|row| row["caller"] == from).unwrap_or_else(|| panic!("{from}: {rows:#?}"));
        assert_eq!(row["disposition"], disposition, "{row:#} {told:#?}");
        gateway.story(row["id"].as_str().expect("an id"))
    };
    let of_declined = story("4930111", "message_taken");
    let tries = |agent: &str| of_declined.matches(&format!("{agent} of support rings")).count();
    println!("in half a minute anna was rung {} times, bob {}", tries("anna"), tries("bob"));
    assert!(tries("anna") >= 2 && tries("bob") >= 2, "{of_declined}");
    for part in ["the longest wait is over", "TooLong"] {
        assert!(of_declined.contains(part), "{part}: {of_declined}");
    }
    let kept: serde_json::Value = serde_json::from_str(&of_declined).expect("JSON");
    assert!(kept["messages"][0]["speech_ms"].as_u64().is_some_and(|ms| ms > 500), "the message is kept: {of_declined}");
    let of_alone = story("4930222", "transferred");
    for part in ["carl of sales rings", "is logged in", "\"night\""] {
        assert!(of_alone.contains(part), "{part}: {of_alone}");
    }
    let heard = |name: &str| tenths(&folder.path().join(name));
    // What is left as a message is said into silence.
    never_left_in_silence("declined for ever, until the tone", &heard("4930111.wav")[..350]);
    let helped = heard("4930222.wav");
    assert!(count(&helped, Heard::Tone(BOB)) > 20, "the night's telephone was heard: {:?}", told.1);
    never_left_in_silence("whose agents go home", &helped);
}
