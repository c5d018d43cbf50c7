//! The example flow walked through, and mistakes with their findings.

use super::*;
use crate::base::{PhoneNumber, PromptPart, WallTime};
use crate::nlu::Slots;
use std::collections::BTreeMap;

const PARCEL: &str = include_str!("../../flows/parcel.yaml");

fn env() -> BTreeMap<String, String> {
    [("PARCEL_API", "http://127.0.0.1:8081"), ("AGENT_SIP", "sip:agent@127.0.0.1:5090")]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into()
}

fn loaded(text: &str) -> Checked {
    Flow::load(text, "test.yaml", &env())
        .unwrap_or_else(|f| panic!("{}", f.iter().map(|f| format!("{f}\n")).collect::<String>()))
}

/// A Monday morning in London.
const MONDAY: WallTime = WallTime(1_796_032_800_000);

fn start(text: &str) -> (Cursor, Action) {
    let facts = CallFacts {
        caller: PhoneNumber::new("+441234"),
        dialled: PhoneNumber::new("100"),
        at: MONDAY,
        base_dir: "/flows".into(),
    };
    Cursor::start(loaded(text).flow, facts)
}

/// One line per action.
fn line(action: &Action) -> String {
    let words = |parts: &[PromptPart]| {
        let text = |p: &PromptPart| match p {
            PromptPart::Text(t) => t.clone(),
            PromptPart::File(f) => format!("[{}]", f.display()),
            PromptPart::Pause(ms) => format!("({ms} ms)"),
        };
        parts.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    match action {
        Action::Say(s) => format!("{}{}", if s.answer { "answer: " } else { "say: " }, words(&s.parts)),
        Action::Ask(a) => format!("ask {}: {}", a.grammar.expect.name(), words(&a.prompt)),
        Action::LookUp(l) => format!("{} {}", l.method, l.url),
        Action::Transfer { to, say, because } => format!("to {to} because {because}: {}", words(say.as_deref().unwrap_or(&[]))),
        Action::TakeMessage(m) => format!("message: {} / {}", words(&m.say), words(&m.thanks)),
        Action::End { say } => format!("end: {}", words(say.as_deref().unwrap_or(&[]))),
    }
}

fn intent(name: &str, slots: &[(&str, &str)]) -> Input {
    let slots: Slots = slots.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Input::Understood(Answer::Intent { name: name.to_string(), slots, confidence: crate::base::Confidence::FULL })
}

fn value(v: &str) -> Input {
    Input::Understood(Answer::Value(v.to_string()))
}

fn found(json: serde_json::Value) -> Input {
    Input::LookedUp(LookedUp::Found(json))
}

#[test]
fn the_parcel_flow_answers_from_the_look_up() {
    let (mut c, first) = start(PARCEL);
    assert!(line(&first).starts_with("say: Welcome to Northwind parcels."), "{}", line(&first));
    let ask = c.next(MONDAY, Input::Done);
    assert_eq!(line(&ask), "ask open: How can I help you?");
    let Action::Ask(ask) = ask else { panic!("a question") };
    assert_eq!(ask.reprompts.len(), 2);
    assert_eq!(ask.keys.len(), 6, "five and repeat");
    assert!(line(&Action::End { say: Some(ask.key_prompt) }).contains("For news of a parcel, press 1."));
    assert_eq!(line(&c.next(MONDAY, intent("parcel.where", &[]))), "ask digits: What is your eight digit parcel number?");
    assert_eq!(line(&c.next(MONDAY, value("123"))), "ask digits: What is your eight digit parcel number?", "no such value");
    assert_eq!(line(&c.next(MONDAY, value("12345678"))), "GET http://127.0.0.1:8081/parcels/12345678");
    let said = c.next(MONDAY, found(serde_json::json!({ "status": "on its way", "eta": "2026-12-08" })));
    assert_eq!(
        line(&said),
        "answer: Parcel one two three four five six seven eight is on its way. You can expect it Tuesday, the eighth of December."
    );
    let ask = c.next(MONDAY, Input::Done);
    assert_eq!(line(&ask), "ask open: Is there anything else I can do for you?");
    let again = c.repeat().expect("something to repeat");
    assert!(line(&again).starts_with("ask open: Parcel one two three"), "{}", line(&again));
    assert_eq!((c.node(), c.intent()), ("anything.else", Some("parcel.where")));
    assert_eq!(c.slots().get("number").map(String::as_str), Some("12345678"));
    assert_eq!(line(&c.next(MONDAY, intent("no.more", &[]))), "end: Thank you for calling Northwind parcels. Good-bye.");
}

#[test]
fn what_was_said_is_not_asked_and_outages_go_to_a_person() {
    let (mut c, _) = start(PARCEL);
    c.next(MONDAY, Input::Done);
    assert!(line(&c.next(MONDAY, intent("parcel.where", &[("number", "12345678")]))).starts_with("GET "));
    // An answer that lacks a value is an outage, not half a sentence.
    let said = c.next(MONDAY, found(serde_json::json!({ "status": "on its way" })));
    assert!(line(&said).contains("I cannot look up parcels right now"), "{}", line(&said));
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "to support because sorry.outage: ");
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "to support because sorry.outage: ", "it stays put");
}

#[test]
fn not_found_forgets_and_asks_again() {
    let (mut c, _) = start(PARCEL);
    c.next(MONDAY, Input::Done);
    c.next(MONDAY, intent("parcel.where", &[("number", "11111111")]));
    assert!(line(&c.next(MONDAY, Input::LookedUp(LookedUp::NotFound))).starts_with("answer: I cannot find a parcel"));
    assert!(line(&c.next(MONDAY, Input::Done)).starts_with("ask yes_no"));
    assert!(line(&c.next(MONDAY, Input::Understood(Answer::YesNo(true)))).starts_with("ask digits"));
}

#[test]
fn keys_alone_and_opening_hours() {
    let (mut c, _) = start(PARCEL);
    c.next(MONDAY, Input::Done);
    let option = |name: &str| Input::Understood(Answer::Option(name.to_string()));
    assert_eq!(line(&c.next(MONDAY, option("more"))), "ask open: What else can I do for you?");
    assert_eq!(line(&c.next(MONDAY, option("still.more"))), "ask open: Which topic is it?");
    assert!(line(&c.next(MONDAY, intent("opening.hours", &[]))).contains("We are open now"));
    c.next(MONDAY, Input::Done);
    let sunday = MONDAY.plus(std::time::Duration::from_secs(6 * 86_400));
    assert!(line(&c.next(sunday, intent("opening.hours", &[]))).contains("We are closed"));
    c.next(MONDAY, Input::Done);
    let to = line(&c.next(MONDAY, intent("complaint", &[])));
    assert!(to.starts_with("to support because complaint: I am sorry that something went wrong."), "{to}");
}

#[test]
fn the_ear_is_trained() {
    let flow = loaded(PARCEL).flow;
    let meant = |text: &str| flow.matcher().decide(text).intent;
    assert_eq!(meant("has my delivery been dispatched yet").as_deref(), Some("parcel.where"));
    assert_eq!(meant("what do you charge for a heavy parcel").as_deref(), Some("price"));
    assert_eq!(meant("how tall is the eiffel tower"), None);
}

#[test]
fn the_examples_pass_without_a_warning() {
    for (text, intents) in [(PARCEL, 14), (include_str!("../../flows/parcel-zh.yaml"), 14)] {
        let checked = loaded(text);
        assert_eq!(checked.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        assert_eq!(checked.flow.intents.len(), intents);
        for (name, intent) in &checked.flow.intents {
            assert!(intent.examples.values().all(|e| e.len() >= 10), "{name} has few examples");
        }
        assert!(checked.flow.tests.len() >= 6);
        assert_eq!(checked.flow.hosts().into_iter().collect::<Vec<_>>(), ["127.0.0.1:8081"]);
        assert!(dot(&checked.flow).contains("[label=\"open('office')\"]"));
        assert!(mermaid(&checked.flow).starts_with("flowchart LR"));
        assert!(checked.flow.prompts().len() > 40);
    }
}
