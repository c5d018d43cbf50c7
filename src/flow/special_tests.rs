//! Parts, guided steps, identity checks, tasks, incidents, who answers: walked through, and mistakes with their findings.

use super::tests::{MONDAY, env, found, intent, line, value};
use super::*;
use crate::base::{Language, PhoneNumber, WallTime};
use std::collections::BTreeMap;

const HEAD: &str = "hotline: 1\nname: t\nlanguages: [en]\nzone: UTC\nperson: { to: desk }\n\
    hours:\n  office: { mon-fri: '8:00-18:00' }\n\
    targets:\n  desk: { sip: 'sip:desk@pbx.example', hours: office }\n\
    slots:\n  customer: { digits: 6 }\n  pin: { digits: 4 }\n  street: { digits: 5 }\n\
    lookups:\n  account: { post: 'http://127.0.0.1:8081/a', body: { n: '{{ customer }}', p: '{{ pin }}' } }\n";

/// Sunday the day before.
const SUNDAY: WallTime = WallTime(MONDAY.0 - 86_400_000);

fn flow(nodes: &str) -> std::sync::Arc<Flow> {
    let text = format!("{HEAD}nodes:\n{nodes}");
    let told = |f: Vec<Finding>| f.iter().map(|f| format!("{f}\n")).collect::<String>();
    Flow::load(&text, "t.yaml", &env()).unwrap_or_else(|f| panic!("{}", told(f))).flow
}

fn findings(nodes: &str) -> String {
    let text = format!("{HEAD}nodes:\n{nodes}");
    let all = Flow::load(&text, "t.yaml", &env()).map_or_else(|f| f, |checked| checked.warnings);
    all.iter().map(|f| format!("{f}\n")).collect()
}

fn facts(at: WallTime) -> CallFacts {
    super::tests::facts("+441234", at)
}

fn begin(nodes: &str) -> (Cursor, String) {
    let (cursor, action) = Cursor::start(flow(nodes), facts(MONDAY));
    (cursor, line(&action))
}

fn option(name: &str) -> Input {
    Input::Understood(Answer::Option(name.to_string()))
}

fn yes(yes: bool) -> Input {
    Input::Understood(Answer::YesNo(yes))
}

const GUIDE: &str = "  start:\n    steps:\n      - Pull the plug, then wait for ten seconds.\n      - { say: Press the button., help: The button is on the back. }\n      \
    - Plug it in again.\n    then: bye\n  bye: { hang_up: Automatic good-bye. }\n";

#[test]
fn a_procedure_goes_at_the_callers_pace() {
    let (mut c, first) = begin(GUIDE);
    assert!(
        first.starts_with("ask choice: Step 1 of 3. Pull the plug, then wait for ten seconds. (400 ms) Take your time."),
        "{first}"
    );
    assert_eq!(c.guided(), Some(("start".to_string(), 1, 3)));
    let slower = line(&c.next(MONDAY, option("slower")));
    assert!(slower.contains("Pull the plug, (700 ms) then wait") && !slower.contains("Take your time"), "{slower}");
    assert_eq!(line(&c.next(MONDAY, option("next"))), "ask choice: Step 2 of 3. Press the button.");
    assert_eq!(line(&c.next(MONDAY, option("help"))), "ask choice: The button is on the back. Step 2 of 3. Press the button.");
    assert!(line(&c.next(MONDAY, option("back"))).contains("Step 1 of 3."));
    assert!(line(&c.next(MONDAY, option("back"))).contains("Step 1 of 3."), "there is nothing before the first");
    assert!(line(&c.next(MONDAY, option("help"))).contains("I have no more help for this step."));
    c.next(MONDAY, option("next"));
    assert_eq!(line(&c.next(MONDAY, option("next"))), "ask choice: Step 3 of 3. Plug it in again.");
    assert_eq!(line(&c.next(MONDAY, option("repeat"))), "ask choice: Step 3 of 3. Plug it in again.");
    assert_eq!(line(&c.next(MONDAY, option("next"))), "end: Automatic good-bye.");
    assert_eq!(c.guided(), None);
    let Action::Ask(ask) = Cursor::start(flow(GUIDE), facts(MONDAY)).1 else { panic!("a question") };
    assert_eq!(ask.no_input.as_secs(), 60, "their hands are full");
    assert!(line(&Action::End { say: Some(ask.key_prompt) }).contains("For the next step, press 1."));
}

#[test]
fn a_procedure_is_taken_up_where_it_was_left() {
    let text = format!(
        "{HEAD}intents:\n  set.up: {{ examples: [help me to set it up, how do I install it, set up my box], go: start }}\n  \
        hours: {{ examples: [when are you open, opening hours please, are you open today], go: hours }}\nnodes:\n  \
        welcome: {{ ask: Automatic welcome?, keys: {{ '1': set.up, '2': hours }} }}\n  hours: {{ say: From eight., then: welcome }}\n{GUIDE}"
    );
    let checked = Flow::load(&text, "t.yaml", &env()).unwrap_or_else(|f| panic!("{f:?}"));
    let (mut c, _) = Cursor::start(checked.flow, facts(MONDAY));
    c.next(MONDAY, intent("set.up", &[]));
    c.next(MONDAY, option("next"));
    assert_eq!(line(&c.next(MONDAY, intent("hours", &[]))), "answer: From eight.");
    c.next(MONDAY, Input::Done);
    let again = line(&c.next(MONDAY, intent("set.up", &[])));
    assert_eq!(again, "ask choice: Let us go on where we were. Step 2 of 3. Press the button.");
}

const PART: &str = "  first: { run: identify, then: second }\n  second: { say: \"Hello {{ customer }}.\", then: third }\n  \
    third: { forget: customer, run: identify, then: bye }\n  identify: { need: { customer: Your number? }, then: return }\n  \
    bye: { hang_up: \"Automatic good-bye {{ customer }}.\" }\n";

#[test]
fn a_part_leads_back_to_whatever_ran_it() {
    assert!(!findings(PART).contains("not-known"), "{}", findings(PART));
    let (mut c, first) = begin(PART);
    assert_eq!(first, "ask digits: Your number?");
    assert_eq!(line(&c.next(MONDAY, value("123456"))), "answer: Hello 123456.");
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "ask digits: Your number?");
    assert_eq!(line(&c.next(MONDAY, value("654321"))), "end: Automatic good-bye 654321.");
}

#[test]
fn parts_that_cannot_work_are_found() {
    let outside = findings("  first: { need: { customer: Your number? }, then: return }\n");
    assert!(outside.contains("`first` leads back, but may be reached without any `run`"), "{outside}");
    let never =
        findings("  first: { run: part, then: bye }\n  part: { hang_up: Automatic good-bye. }\n  bye: { hang_up: true }\n");
    assert!(never.contains("what `first` runs never leads back"), "{never}");
    let round = findings("  first: { run: part, then: first }\n  part: { say: Automatic., then: return }\n");
    assert!(round.contains("may go round without ever listening"), "{round}");
    // A part that runs itself for ever ends with a person.
    let deep = "  first: { run: first, then: bye }\n  bye: { hang_up: Automatic. }\n";
    assert!(findings(deep).contains("error"), "{}", findings(deep));
}

#[test]
fn shares_of_callers_are_kept_and_add_up() {
    let nodes = "  first:\n    branch:\n      - { percent: 20, go: new }\n      - { percent: 30, go: newer }\n      - else: old\n  \
        new: { hang_up: Automatic new. }\n  newer: { hang_up: Automatic newer. }\n  old: { hang_up: Automatic old. }\n";
    let flow = flow(nodes);
    let mut counts = BTreeMap::new();
    for n in 0..2_000 {
        let facts = CallFacts { caller: PhoneNumber::new(&format!("+4930{n:06}")), ..facts(MONDAY) };
        let told = line(&Cursor::start(flow.clone(), facts.clone()).1);
        assert_eq!(
            line(&Cursor::start(flow.clone(), CallFacts { at: SUNDAY, ..facts }).1),
            told,
            "the same caller another day"
        );
        *counts.entry(told).or_insert(0) += 1;
    }
    assert!(
        (340..460).contains(&counts["end: Automatic new."]) && (530..670).contains(&counts["end: Automatic newer."]),
        "{counts:?}"
    );
    let hidden = |at: i64| {
        let facts = CallFacts { caller: PhoneNumber::new("anonymous"), ..facts(WallTime(MONDAY.0 + at)) };
        line(&Cursor::start(flow.clone(), facts).1)
    };
    assert!((0..100).any(|at| hidden(at) != hidden(100 + at)), "who hides the number is somebody else every time");
    let bad = findings(&nodes.replace("30", "90"));
    assert!(bad.contains("90 percent are too few or too many here"), "{bad}");
}

const VERIFY: &str = "  first:\n    need: { customer: Your number?, pin: Your PIN? }\n    verify: { lookup: account, secret: [pin], attempts: 2 }\n    \
    on: { outage: sorry, wrong: refuse }\n    then: in\n  in: { branch: [ { if: verified, go: yes }, { else: sorry } ] }\n  \
    yes: { say: \"Hello {{ account.name }}.\", then: bye }\n  sorry: { say: Out of order., then: person }\n  \
    refuse: { say: Automatic refusal., then: person }\n  bye: { hang_up: true }\n";

#[test]
fn a_caller_proves_who_they_are_by_number_and_secret() {
    let (mut c, first) = begin(VERIFY);
    assert_eq!(first, "ask digits: Your number?");
    let Action::Ask(pin) = c.next(MONDAY, value("123456")) else { panic!("a question") };
    assert!(pin.sensitive, "the secret is not kept");
    let Action::LookUp(request) = c.next(MONDAY, value("4711")) else { panic!("a look-up") };
    assert_eq!(request.body, Some(serde_json::json!({ "n": "123456", "p": "4711" })));
    assert!(!c.slots().contains_key("pin"));
    assert_eq!(
        line(&c.next(MONDAY, Input::LookedUp(LookedUp::NotFound))),
        "say: I am sorry, that does not match. Let us try again."
    );
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "ask digits: Your number?", "which of them was wrong is not told");
    c.next(MONDAY, value("123456"));
    c.next(MONDAY, value("4712"));
    assert_eq!(line(&c.next(MONDAY, found(serde_json::json!({ "name": "Ms Ren" })))), "answer: Hello Ms Ren.");
    assert_eq!(c.slots().get("customer").map(String::as_str), Some("123456"), "the agent need not ask");
    assert!(!c.slots().contains_key("pin"), "the secret is forgotten");
}

#[test]
fn attempts_are_counted_over_the_whole_call() {
    for wrong in [Input::LookedUp(LookedUp::NotFound), found(serde_json::json!({ "verified": false }))] {
        let (mut c, _) = begin(VERIFY);
        for attempt in 0..2 {
            c.next(MONDAY, value("123456"));
            c.next(MONDAY, value("1111"));
            let told = line(&c.next(MONDAY, wrong.clone()));
            match attempt {
                0 => assert_eq!(line(&c.next(MONDAY, Input::Done)), "ask digits: Your number?"),
                _ => assert_eq!(told, "answer: Automatic refusal."),
            }
        }
        assert!(line(&c.next(MONDAY, Input::Done)).starts_with("to desk because"));
    }
    // An outage proves nothing and costs nothing.
    let (mut c, _) = begin(VERIFY);
    c.next(MONDAY, value("123456"));
    c.next(MONDAY, value("1111"));
    assert_eq!(line(&c.next(MONDAY, Input::LookedUp(LookedUp::Outage("down".into())))), "answer: Out of order.");
}

#[test]
fn identity_checks_that_prove_nothing_are_found() {
    let alone = VERIFY.replace("{ customer: Your number?, pin: Your PIN? }", "{ pin: Your PIN? }");
    assert!(findings(&alone).contains("`first` proves nobody"), "{}", findings(&alone));
    let open = VERIFY.replace("secret: [pin]", "secret: []");
    assert!(findings(&open).contains("`first` proves nobody"), "{}", findings(&open));
    let other = VERIFY.replace("secret: [pin]", "secret: [street]");
    assert!(findings(&other).contains("the secret `street` is not asked for in this node"), "{}", findings(&other));
    assert!(findings(&VERIFY.replace("attempts: 2", "attempts: 50")).contains("50 attempts are too few or too many"));
    let spoken = findings(&VERIFY.replace("Hello {{ account.name }}", "Your PIN is {{ pin }}"));
    assert!(spoken.contains("`pin` is sensitive, but is spoken here"), "{spoken}");
    let missing = findings(&VERIFY.replace("outage: sorry, ", ""));
    assert!(missing.contains("nothing is said when the look-up `account` fails"), "{missing}");
}

#[test]
fn tasks_are_left_for_people() {
    let nodes = "  first:\n    need: { street: Which house number is right? }\n    wrong_data: { what: house number, old: '7', new: '{{ street }}' }\n    \
        unclear_process: moved within the country\n    say: Thank you, a colleague will correct it.\n    then: bye\n  bye: { hang_up: Automatic. }\n";
    let (mut c, _) = begin(nodes);
    assert_eq!(line(&c.next(MONDAY, value("12345"))), "task WrongData: house number 7 -> 12345");
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "task UnclearProcess: moved within the country  -> ");
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "answer: Thank you, a colleague will correct it.");
}

#[test]
fn who_answers_is_the_flows_choice() {
    let first = "  first: { need: { customer: Your number? }, policy: human_first, say: Automatic answer., then: bye }\n  bye: { hang_up: true }\n";
    let (mut c, _) = begin(first);
    assert_eq!(
        line(&c.next(MONDAY, value("123456"))),
        "to desk because human_first: Of course. I am connecting you now, and you will not need to repeat yourself.",
        "with the number"
    );
    let (mut c, _) = Cursor::start(flow(first), facts(SUNDAY));
    assert_eq!(line(&c.next(SUNDAY, value("123456"))), "answer: Automatic answer.", "nobody is there on a Sunday");
    let then = "  first: { policy: ai_then_human, say: Automatic answer., then: bye }\n  bye: { hang_up: Bye. }\n";
    for (helped, after) in [(true, "end: Bye."), (false, "to desk because not_helped: Then I am connecting you")] {
        let (mut c, told) = begin(then);
        assert_eq!(told, "say: Automatic answer.");
        assert_eq!(line(&c.next(MONDAY, Input::Done)), "ask yes_no: Did that answer your question?");
        let told = line(&c.next(MONDAY, yes(helped)));
        assert!(told.starts_with(after), "{told}");
    }
    let nothing = findings("  first: { policy: ai_then_human, then: person }\n");
    assert!(nothing.contains("needs an answer to give first"), "{nothing}");
}

#[test]
fn an_incident_is_told_once_and_spares_what_is_out_of_order() {
    let incident = Incident {
        words: BTreeMap::from([(Language::EN, "Parcels in Berlin are late.".to_string())]),
        lookups: vec!["account".to_string()],
        until: None,
    };
    let nodes = format!("  welcome: {{ say: Automatic welcome., then: first }}\n{VERIFY}")
        .replace("say: Out of order.", "say: \"{{ incident }} Out of order.\"");
    let (mut c, _) = Cursor::start(flow(&nodes), CallFacts { incident: Some(incident), ..facts(MONDAY) });
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "say: Parcels in Berlin are late.");
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "ask digits: Your number?");
    assert_eq!(line(&c.next(MONDAY, value("123456"))), "ask digits: Your PIN?", "once");
    assert_eq!(line(&c.next(MONDAY, value("1234"))), "answer: Parcels in Berlin are late. Out of order.", "not asked");
    let over = Incident { until: Some(MONDAY), ..Incident::default() };
    assert!(!over.holds(MONDAY) && over.holds(SUNDAY));
}

#[test]
fn an_incident_is_told_again_in_the_language_that_is_wished_for() {
    let text = format!(
        "{HEAD}nodes:\n  welcome: {{ ask: {{ en: Automatic?, zh: 自动？ }}, yes: bye, no: bye }}\n  bye: {{ hang_up: true }}\n"
    )
    .replace("languages: [en]", "languages: [en, zh]");
    let flow = Flow::load(&text, "t.yaml", &env()).expect("a flow").flow;
    let words = BTreeMap::from([(Language::EN, "Parcels are late.".to_string()), (Language::ZH, "包裹晚到。".to_string())]);
    let incident = Some(Incident { words, ..Incident::default() });
    let (mut c, first) = Cursor::start(flow, CallFacts { incident, ..facts(MONDAY) });
    assert_eq!(line(&first), "say: Parcels are late.");
    assert_eq!(c.switch_language(Language::ZH).as_ref().map(line).as_deref(), Some("say: 包裹晚到。"));
    assert_eq!(line(&c.next(MONDAY, Input::Done)), "ask yes_no: 自动？");
    assert_eq!(c.switch_language(Language::EN).as_ref().map(line).as_deref(), Some("ask yes_no: Automatic?"), "told once");
}
