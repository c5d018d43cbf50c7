//! The example flow walked through, and mistakes with their findings.

use super::*;
use crate::base::{PhoneNumber, PromptPart, WallTime};
use crate::nlu::Slots;
use std::collections::BTreeMap;

const PARCEL: &str = include_str!("../../flows/parcel.yaml");

pub(super) fn env() -> BTreeMap<String, String> {
    [("PARCEL_API", "http://127.0.0.1:8081"), ("AGENT_SIP", "sip:agent@127.0.0.1:5090")]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into()
}

fn loaded(text: &str) -> Checked {
    Flow::load(text, "test.yaml", &env())
        .unwrap_or_else(|f| panic!("{}", f.iter().map(|f| format!("{f}\n")).collect::<String>()))
}

/// A Monday morning in London.
pub(super) const MONDAY: WallTime = WallTime(1_796_032_800_000);

/// What a call knows: who calls, and when.
pub(super) fn facts(caller: &str, at: WallTime) -> CallFacts {
    CallFacts {
        caller: PhoneNumber::new(caller),
        dialled: PhoneNumber::new("100"),
        at,
        base_dir: "/flows".into(),
        incident: None,
    }
}

fn start(text: &str) -> (Cursor, Action) {
    Cursor::start(loaded(text).flow, facts("+441234", MONDAY))
}

/// One line per action.
pub(super) fn line(action: &Action) -> String {
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
        Action::Note(task) => format!("task {:?}: {} {} -> {}", task.kind, task.what, task.old, task.new),
        Action::LookUp(l) => format!("{} {}", l.method, l.url),
        Action::Transfer { to, say, because } => format!("to {to} because {because}: {}", words(say.as_deref().unwrap_or(&[]))),
        Action::TakeMessage(m) => format!("message: {} / {}", words(&m.say), words(&m.thanks)),
        Action::End { say } => format!("end: {}", words(say.as_deref().unwrap_or(&[]))),
    }
}

pub(super) fn intent(name: &str, slots: &[(&str, &str)]) -> Input {
    let slots: Slots = slots.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Input::Understood(Answer::Intent { name: name.to_string(), slots, confidence: crate::base::Confidence::FULL })
}

pub(super) fn value(v: &str) -> Input {
    Input::Understood(Answer::Value(v.to_string()))
}

pub(super) fn found(json: serde_json::Value) -> Input {
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

/// Small, and without a finding.
const SMALL: &str = r#"hotline: 1
name: small
languages: [en]
person: { to: desk }
hours:
  office: { mon-fri: 9:00-17:00, sat: closed }
targets:
  desk: { sip: "sip:desk@pbx.example", hours: office, next: night }
  night: { sip: "sip:night@pbx.example" }
slots:
  pin: { digits: 4 }
  guests: { number: true }
  visit: { date: true }
lookups:
  stock: { get: "http://stock.example/items/{{ guests }}", timeout: 1s }
intents:
  buy:
    examples: [I want to buy something, can I order, sell me one]
  hello.again:
    examples: [hello again, good morning to you, hi there]
    go: start.here
nodes:
  start.here:
    say: I am an automatic assistant.
    then: main
  main:
    ask: What shall it be?
    keys: { "1": buy, "2": hello.again, "3": pick }
  pick:
    ask: Red or green?
    menu:
      red: { key: "1", phrases: [red, the red one], go: buy }
      green: { key: "2", phrases: green, go: book }
  buy:
    need: { guests: How many? }
    confirm: Is {{ guests }} right?
    lookup: stock
    on: { not_found: none.left, outage: person }
    say: There are {{ stock.count }}.
    then: main
  none.left:
    branch:
      - { if: 'guests > 3 && open("office")', go: book }
      - { else: note }
  book:
    ask: When do you come?
    date: visit
    then: secret
  secret:
    sensitive: true
    ask: Your number, please.
    digits: pin
    then: done
  done:
    ask: Is that all?
    yes: note
    no: main
  note:
    message: Please speak.
    longest: 30s
tests:
  - { caller: [press 1], hears: [How many] }
"#;

/// Changes one place of `SMALL` and lists what the checker says, a `line:rule` each.
fn findings(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from:?} does not stand in the flow");
    let text = SMALL.replacen(from, to, 1);
    let found = match Flow::load(&text, "small.yaml", &BTreeMap::new()) {
        Ok(checked) => checked.warnings,
        Err(findings) => findings,
    };
    for f in &found {
        assert!(!f.message.is_empty() && !f.remedy.is_empty() && f.file == "small.yaml", "{f}");
    }
    let line = |f: &Finding| format!("{}{}:{}", if f.severity == Severity::Error { "E" } else { "W" }, f.line, f.rule);
    found.iter().map(line).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_mistake_is_found_in_its_line() {
    let cases: &[(&str, &str, &str)] = &[
        ("hotline: 1", "hotline: 1", ""),
        ("hotline: 1", "hotline: 2", "E1:version"),
        ("hotline: 1\n", "", "E1:missing-key"),
        ("languages: [en]", "languages: [en, en]", "E3:language-twice"),
        ("languages: [en]", "languages: [english]", "E3:wrong-value E2:no-language"),
        ("person: { to: desk }", "person: { to: dsek }", "E4:unknown-target"),
        ("person: { to: desk }", "person: { key: 9, to: desk }", "E4:person-key"),
        ("person: { to: desk }\n", "", "E2:no-person"),
        ("person: { to: desk }", "person: { to: desk }\nzone: Mars/North", "E5:zone"),
        ("person: { to: desk }", "person: { to: desk }\nrecord: always", "E5:wrong-value"),
        ("person: { to: desk }", "person: { to: desk }\nescalate: { misunderstood: { transfer: 99 } }", "E5:escalate"),
        ("person: { to: desk }", "person: { to: desk }\nphrases: { good_bay: Bye. }", "E5:unknown-phrase"),
        ("person: { to: desk }", "person: { to: desk }\nphrases: { agent_caller: \"{{ number }}\" }", "E5:unknown-value"),
        ("9:00-17:00", "9:00-25:00", "E6:wrong-value"),
        ("hours: office", "hours: offise", "E8:unknown-hours"),
        ("next: night", "next: nigth", "E8:unknown-target"),
        ("sip: \"sip:night@pbx.example\"", "queue: night, after: note", ""),
        ("sip: \"sip:night@pbx.example\"", "queue: night, after: noet", "E9:unknown-node"),
        ("next: night", "next: night, after: note", "E8:after"),
        ("sip: \"sip:night@pbx.example\"", "queue: night, back_to: [note, pick]", ""),
        ("sip: \"sip:night@pbx.example\"", "queue: night, back_to: [note, noet]", "E9:unknown-node"),
        ("sip: \"sip:night@pbx.example\"", "queue: night, back_to: [note, note]", "E9:back-to"),
        ("next: night", "next: night, back_to: [note]", "E8:back-to"),
        ("\"sip:night@pbx.example\" }", "\"sip:night@pbx.example\", next: desk }", "E8:target-cycle E9:target-cycle"),
        ("\"sip:night@pbx.example\"", "night@pbx.example", "E9:sip"),
        ("\"sip:night@pbx.example\"", "\"{{ env.NIGHT }}\"", "E9:env"),
        ("\"sip:night@pbx.example\"", "\"trunk:+4930123456@carrier\"", ""),
        ("\"sip:night@pbx.example\"", "\"tel:+4930123456\"", ""),
        ("\"sip:night@pbx.example\"", "\"http:night@pbx.example\"", "E9:sip"),
        // Nothing that a caller says reaches an address.
        ("\"sip:night@pbx.example\"", "\"trunk:{{ number }}\"", "E9:unknown-value"),
        ("\"sip:night@pbx.example\"", "\"sip:{{ caller }}@pbx.example\"", "E9:unknown-value"),
        ("{ digits: 4 }", "{ digits: 40 }", "E11:wrong-value E11:slot-kinds E52:unknown-slot"),
        ("{ digits: 4 }", "{ digits: 4, date: true }", "E11:slot-kinds"),
        ("{ digits: 4 }", "{ digits: 4, check: luhn }", ""),
        ("{ digits: 4 }", "{ digits: 4, check: moon }", "E11:check-digit"),
        ("{ digits: 4 }", "{ date: true, check: luhn }", "E11:check-digit E52:slot-kinds"),
        ("http://stock.example", "http://{{ guests }}.example", "E15:lookup-host"),
        ("http://stock.example/items", "stock/items", "E15:lookup-host"),
        ("timeout: 1s", "timeout: 1m", "E15:duration"),
        ("timeout: 1s", "timout: 1s", "E15:unknown-key"),
        ("{{ guests }}\",", "{{ guest }}\",", "E15:unknown-value"),
        ("sell me one]", "\"...\"]", "E17:examples"),
        (", sell me one]", "]", "W17:few-examples"),
        ("sell me one]", "let me talk to a person]", "W17:person-phrase"),
        ("sell me one]", "hello again]", "W19:same-example"),
        ("go: start.here", "go: start.hare", "E21:unknown-node"),
        ("    go: start.here\n", "", "E19:unknown-node"),
        ("I am an automatic assistant", "Welcome to the shop", "W23:welcome"),
        ("    then: main\n  main:", "  main:", "E23:dead-end E25:unreachable"),
        ("    then: main\n  main:", "    then: start.here\n  main:", "E23:silent-loop E26:unreachable"),
        ("\"2\": hello.again, ", "", "E26:no-key"),
        ("\"2\": hello.again", "\"0\": hello.again", "E28:zero-key"),
        ("\"2\": hello.again", "\"2\": hello.again, \"4\": note", "E26:no-voice"),
        ("\"3\": pick", "\"3\": pikc", "E28:unknown-node E29:unreachable"),
        ("    ask: Red or green?\n", "", "E26:no-voice E29:no-question E29:dead-end"),
        ("red: { key: \"1\", ", "red: { ", "E32:no-key"),
        ("red: { key: \"1\"", "red: { key: 0", "E32:zero-key"),
        ("green: { key: \"2\"", "green: { key: \"1\"", "E33:key-twice"),
        ("phrases: green, ", "", "E33:no-voice"),
        ("phrases: green", "phrases: [green, red]", "E33:same-phrase"),
        ("phrases: green", "phrases: operator", "E33:person-phrase"),
        ("There are", "You said {{ visit | day }}, there are", "W39:not-known"),
        ("need: { guests", "need: { gests", "E35:unknown-slot"),
        ("    need: { guests: How many? }\n", "", "E34:confirm"),
        ("lookup: stock", "lookup: stok", "E37:unknown-lookup"),
        (", outage: person }", " }", "E37:no-outage"),
        ("not_found: none.left, ", "", "W37:no-not-found E41:unreachable"),
        ("stock.count }}", "stock.count | sepll }}", "E39:template"),
        ("{{ stock.count }}", "{{ stock.count", "E39:template"),
        ("There are", "Well {% for i in guests %}x{% endfor %}", "E39:template"),
        ("guests > 3", "guests >", "E43:condition"),
        ("guests > 3", "gusts > 3", "E43:unknown-value"),
        ("open(\"office\")", "open(\"offise\")", "E43:unknown-hours"),
        ("open(\"office\")", "opne(\"office\")", "E43:condition"),
        ("      - { else: note }\n", "", "E41:branch"),
        ("date: visit", "digits: visit", "E47:slot-kinds"),
        ("    then: done\n", "", "E49:dead-end E53:unreachable"),
        ("digits: pin", "digits: pin\n    menu: { a: { key: 1, phrases: a, go: done } }", "E49:two-kinds"),
        ("ask: Is that all?", "ask: Is {{ pin | spell }} all?", "W55:sensitive"),
        ("    no: main\n", "", "E54:dead-end"),
        ("longest: 30s", "longest: 30", "E60:wrong-value"),
        ("longest: 30s", "hang_up: Bye.", "E58:two-ends"),
        ("longest: 30s", "say: { file: ../x.wav }", "E60:file"),
        ("longest: 30s", "say: { file: x.aac }", "E60:file"),
        ("longest: 30s", "say: { fr: Bonjour }", "E60:language E60:language"),
        ("longest: 30s", "lonegst: 30s", "E60:unknown-key"),
        ("press 1]", "press 1x]", "E62:wrong-value"),
        ("hears: [How many]", "lookup: { stok: outage }", "E62:unknown-lookup"),
        ("hears: [How many]", "ends: finished", "E62:wrong-value"),
        ("hears: [How many]", "at: tomorrow", "E62:wrong-value"),
    ];
    let mut wrong = Vec::new();
    for (from, to, expected) in cases {
        let found = findings(from, to);
        let (mut a, mut b): (Vec<_>, Vec<_>) = (found.split(' ').collect(), expected.split(' ').collect());
        a.sort_unstable();
        b.sort_unstable();
        if a != b {
            wrong.push(format!("{from:?} -> {to:?}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn many_mistakes_are_told_at_once_and_the_remedy_names_the_key() {
    let text = SMALL.replace("then: main", "thne: main").replace("outage: person", "outage: nobody");
    let found = Flow::load(&text, "small.yaml", &BTreeMap::new()).expect_err("mistakes");
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.iter().filter(|l| l.contains("a node has no key `thne`") && l.contains("did you mean `then`?")).count() == 2);
    assert!(lines.iter().any(|l| l.starts_with("small.yaml:38: error: there is no node `nobody`")), "{lines:?}");
}

fn small(script: &[Input]) -> Vec<String> {
    let (mut c, first) = {
        let checked = Flow::load(SMALL, "small.yaml", &BTreeMap::new()).expect("a flow");
        Cursor::start(checked.flow, facts("1", MONDAY))
    };
    let mut lines = vec![line(&first)];
    lines.extend(script.iter().map(|input| line(&c.next(MONDAY, input.clone()))));
    lines
}

#[test]
fn every_kind_of_question_goes_on() {
    let yes_no = |yes| Input::Understood(Answer::YesNo(yes));
    let option = |name: &str| Input::Understood(Answer::Option(name.to_string()));
    let lines = small(&[
        Input::Done,
        option("pick"),
        option("blue"),
        option("red"),
        value("many"),
        value("4"),
        yes_no(false),
        value("5"),
        yes_no(true),
        Input::LookedUp(LookedUp::NotFound),
        value("2026-12-24"),
        value("1234"),
        yes_no(true),
        Input::Done,
    ]);
    let expected = [
        "say: I am an automatic assistant.",
        "ask open: What shall it be?",
        "ask choice: Red or green?",
        "ask choice: Red or green?",
        "ask number: How many?",
        "ask number: How many?",
        "ask yes_no: Is 4 right?",
        "ask number: How many?",
        "ask yes_no: Is 5 right?",
        "GET http://stock.example/items/5",
        "ask date: When do you come?",
        "ask digits: Your number, please.",
        "ask yes_no: Is that all?",
        "message: Please speak. / Thank you. We will call you back. Good-bye.",
        "end: ",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_caller_who_denies_twice_goes_to_a_person() {
    let no = || Input::Understood(Answer::YesNo(false));
    let lines = small(&[Input::Done, intent("buy", &[("guests", "2")]), no(), value("3"), no(), value("4")]);
    assert_eq!(lines[2], "ask yes_no: Is 2 right?", "what was said along is not asked");
    assert!(lines.last().is_some_and(|l| l.starts_with("to desk because unconfirmed")), "{lines:?}");
}

#[test]
fn languages_are_asked_each_in_its_own() {
    let text = "hotline: 1
name: both
languages: [en, zh]
person: { to: desk }
targets: { desk: { sip: \"sip:desk@pbx.example\" } }
nodes:
  welcome:
    ask: { en: \"This is an automatic system. For English, press 1.\", zh: 自动语音系统。 }
    language:
      en: { key: 1, phrases: { en: [english] } }
      zh: { key: 2, phrases: { zh: [中文, 普通话] }, label: 中文请按二。 }
    then: bye
  bye:
    hang_up: true
";
    let (mut c, first) = start(text);
    assert_eq!((line(&first), c.language().as_str()), ("say: 中文请按二。".to_string(), "zh"));
    let ask = c.next(MONDAY, Input::Done);
    assert_eq!(c.language().as_str(), "en");
    let Action::Ask(ask) = ask else { panic!("a question") };
    assert!(matches!(&ask.kind, AskKind::Language(options) if options[1].phrases == ["中文", "普通话"]));
    assert_eq!(line(&c.next(MONDAY, Input::Understood(Answer::Option("zh".into())))), "end: 感谢您的来电，再见。");
    assert_eq!(c.language().as_str(), "zh");
}

#[test]
fn a_flow_that_talks_for_ever_ends_with_a_person() {
    // The checker refuses such flows; the interpreter stops them all the same.
    let mut flow = Flow::load(SMALL, "small.yaml", &BTreeMap::new()).expect("a flow").flow;
    let inner = std::sync::Arc::get_mut(&mut flow).expect("nobody else has it");
    inner.nodes[0].last = super::model::Last::Then(super::model::Goto::Node(0));
    let (mut c, mut action) = Cursor::start(flow, facts("1", MONDAY));
    for _ in 0..60 {
        action = c.next(MONDAY, Input::Done);
    }
    assert_eq!(line(&action), "to desk because loop: ");
}

#[test]
fn no_file_and_no_answer_makes_it_panic() {
    let lines: Vec<&str> = SMALL.lines().collect();
    for (i, _) in lines.iter().enumerate() {
        let without = lines.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, l)| format!("{l}\n")).collect::<String>();
        let _ = Flow::load(&without, "t", &BTreeMap::new());
        let half: String = SMALL.chars().take(i * 37).collect();
        let _ = Flow::load(&half, "t", &BTreeMap::new());
        let twisted = SMALL.replace(lines[i], &lines[i].replace(": ", " - [").replace('}', "{"));
        let _ = Flow::load(&twisted, "t", &BTreeMap::new());
    }
    let flow = Flow::load(SMALL, "t", &BTreeMap::new()).expect("a flow").flow;
    let seed = 7u64;
    eprintln!("seed {seed}");
    let mut state = seed;
    let mut roll = |sides: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    let (mut c, _) = Cursor::start(flow, facts("1", MONDAY));
    for _ in 0..5_000 {
        let input = match roll(9) {
            0..=2 => Input::Done,
            3 => value(["4", "1234", "2026-12-24", "x", ""][roll(5) as usize]),
            4 => Input::Understood(Answer::YesNo(roll(2) == 0)),
            5 => Input::Understood(Answer::Option(["red", "green", "pick", "zh"][roll(4) as usize].to_string())),
            6 => intent(["buy", "hello.again", "none"][roll(3) as usize], &[("guests", "3"), ("pin", "12")]),
            7 => found(serde_json::json!({ "count": roll(9) })),
            _ => Input::LookedUp(if roll(2) == 0 { LookedUp::NotFound } else { LookedUp::Outage("down".to_string()) }),
        };
        if let Action::Transfer { .. } | Action::End { .. } = c.next(MONDAY, input) {
            c = Cursor::start(c.flow().clone(), facts("1", MONDAY)).0;
        }
    }
}
