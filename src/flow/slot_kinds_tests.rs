//! Slots with values of their own: what is asked, what is accepted, and what the checker says to wrong ones.

use super::*;
use crate::base::WallTime;
use crate::flow::{Action, Answer, AskKind, Cursor, Finding, Input, Severity};

/// Monday, 23 November 2026, 9:00 UTC.
const MONDAY: WallTime = WallTime(1_795_424_400_000);

const COUNTER: &str = include_str!("../../tests/calls/counter.yaml");

fn load(text: &str) -> Result<Arc<Flow>, Vec<Finding>> {
    Flow::load(text, "t.yaml", &BTreeMap::new()).map(|checked| checked.flow)
}

/// A flow with one slot and one question for it.
fn asking(slot: &str, question: &str) -> String {
    format!(
        "hotline: 1\nname: t\nlanguages: [en]\nstart: a\nperson: {{ to: desk }}\ntargets: {{ desk: {{ sip: \"sip:d@d.example\" }} }}\n\
         slots:\n  x: {slot}\nnodes:\n  a:\n    {question}\n  b:\n    hang_up: Good-bye.\n"
    )
}

/// The question that a flow begins with.
fn asked(text: &str) -> (Cursor, Box<crate::flow::Ask>) {
    let flow = load(text).unwrap_or_else(|f| panic!("{f:?}"));
    let (cursor, action) = Cursor::start(flow, crate::flow::tests::facts("+49301", MONDAY));
    let Action::Ask(ask) = action else { panic!("{action:?}") };
    (cursor, ask)
}

#[test]
fn each_kind_is_asked_under_need_and_by_its_own_key() {
    for (slot, key, expect, good, bad) in [
        ("{ money: EUR }", "money", "money", "12.50 EUR", "12,50"),
        ("{ money: true }", "money", "money", "12.50", "a lot"),
        ("{ time: true }", "time", "time", "15:30", "3 pm"),
        ("{ time: 11:00-23:00 }", "time", "time", "20:00", "08:00"),
        ("{ phone: true }", "phone", "digits", "01761234567", "1234"),
        ("{ phone: true, country: \"49\" }", "phone", "digits", "+491761234567", "+0"),
        ("{ email: true }", "email", "spelled", "a@b.cd", "a@b"),
        ("{ names: [Anna Smith, 王芳] }", "name", "choice", "王芳", "Bob"),
        ("{ names: { sales: [Anna Smith, Bob Jones], desk: the front desk } }", "name", "choice", "desk", "Anna Smith"),
    ] {
        for question in
            ["need: { x: What is it? }\n    then: b".to_string(), format!("ask: What is it?\n    {key}: x\n    then: b")]
        {
            let (mut cursor, ask) = self::asked(&asking(slot, &question));
            assert!(
                matches!(&ask.kind, AskKind::Value { slot, kind } if slot == "x" && kind.name() == key),
                "{slot}: {:?}",
                ask.kind
            );
            assert_eq!(ask.grammar.expect.name(), expect, "{slot}");
            let answer = |v: &str| Input::Understood(Answer::Value(v.to_string()));
            assert!(matches!(cursor.next(MONDAY, answer(bad)), Action::Ask(_)), "{slot}: {bad} is no value");
            assert!(matches!(cursor.next(MONDAY, answer(good)), Action::End { .. }), "{slot}: {good}");
            assert_eq!(cursor.slots().get("x").map(String::as_str), Some(good));
        }
    }
}

#[test]
fn few_names_have_keys_and_are_heard_by_their_parts() {
    let (_, ask) = self::asked(&asking("{ names: [Anna Smith, Bob Jones] }", "need: { x: Who? }\n    then: b"));
    let keys: Vec<(char, Choice)> = ask.keys.iter().map(|(k, c)| (k.as_char(), c.clone())).collect();
    let one = |c: char, name: &str| (c, Choice::Option(name.to_string()));
    assert!(keys.contains(&one('1', "Anna Smith")) && keys.contains(&one('2', "Bob Jones")), "{keys:?}");
    let Expect::Choice { phrases } = &ask.grammar.expect else { panic!("{:?}", ask.grammar.expect) };
    assert!(["anna smith", "smith", "bob jones", "repeat"].iter().all(|p| phrases.iter().any(|q| q == p)), "{phrases:?}");
    let ten = "Anna, Bertram, Catherine, Dietrich, Eleonore, Frederick, Giovanni, Hildegard, Ignatius, Josephine";
    let (_, ask) = self::asked(&asking(&format!("{{ names: [{ten}] }}"), "need: { x: Who? }\n    then: b"));
    assert!(ask.keys.values().all(|choice| *choice == Choice::Repeat), "ten names have no keys");
}

#[test]
fn what_was_collected_wants_a_sure_yes() {
    let question = "need: { x: How much? }\n    confirm: \"{{ x | money }}?\"\n    then: b";
    let (mut cursor, _) = self::asked(&asking("{ money: EUR }", question));
    let Action::Ask(ask) = cursor.next(MONDAY, Input::Understood(Answer::Value("12.50 EUR".into()))) else {
        panic!("a question")
    };
    assert_eq!(ask.kind, AskKind::Assent);
}

#[test]
fn wrong_uses_are_found_with_their_remedy() {
    let need = "need: { x: What is it? }\n    then: b";
    for (slot, question, rule, message, remedy) in [
        ("{ money: DM }", need, "wrong-value", "currency", "`EUR`"),
        ("{ time: noon }", need, "wrong-value", "stretch of the day", "9:00-17:00"),
        ("{ time: 9:00-9:00 }", need, "wrong-value", "stretch of the day", "9:00-17:00"),
        ("{ email: true, country: \"49\" }", need, "country", "belongs to `phone`", "phone: true"),
        ("{ phone: true, country: \"049\" }", need, "country", "no country code", "\"49\""),
        ("{ names: [] }", need, "names", "has 0 names", "1 to 500"),
        ("{ names: [John Smith, Jon Smyth] }", need, "names", "nobody can tell", "longer way"),
        ("{ names: [王芳, 汪方] }", need, "names", "nobody can tell", "longer way"),
        ("{ money: EUR, time: true }", need, "slot-kinds", "exactly one kind", "money: EUR"),
        ("{ phone: false }", need, "slot-kinds", "exactly one kind", "phone: true"),
        ("{ money: EUR }", "ask: How much?\n    number: x\n    then: b", "slot-kinds", "another kind", "`money`"),
        ("{ yes_no: true }", "ask: Well?\n    time: x\n    then: b", "slot-kinds", "another kind", "under `need`"),
        ("{ email: true }", "email: x\n    then: b", "no-question", "asks nothing", "ask"),
        (
            "{ email: true }",
            "ask: What?\n    email: x\n    phone: x\n    then: b",
            "two-kinds",
            "email and phone|phone and email",
            "keep one",
        ),
        ("{ email: true }", "ask: What?\n    email: y\n    then: b", "unknown-slot", "no slot `y`", "`x`|slots"),
    ] {
        let findings = load(&asking(slot, question)).err().unwrap_or_default();
        let has = |text: &str, any: &str| any.split('|').any(|part| text.contains(part));
        let found = findings.iter().find(|f| f.rule == rule && f.severity == Severity::Error);
        let found = found.unwrap_or_else(|| panic!("{slot} {question}: no {rule} in {findings:#?}"));
        assert!(has(&found.message, message) && has(&found.remedy, remedy) && found.line > 0, "{found:?}");
    }
}

#[test]
fn the_flow_of_the_conversation_scripts_passes() {
    let flow = load(COUNTER).unwrap_or_else(|f| panic!("{f:#?}"));
    let kinds: Vec<&str> = flow.slots.values().filter_map(key_of).collect();
    for kind in ["money", "time", "phone", "email", "name"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
}

#[test]
fn values_fit_pattern_and_bounds() {
    let flow = |slot: &str| load(&asking(slot, "need: { x: What is it? }\n    then: b"));
    let takes = |slot: &str, value: &str| flow(slot).unwrap_or_else(|f| panic!("{f:?}")).takes("x", value);
    for (slot, good, bad) in [
        ("{ digits: 8, pattern: \"(10|20)[0-9]{6}\" }", "20123456", "30123456"),
        ("{ digits: 2-8, pattern: \"7\" }", "", "77"),
        ("{ number: true, min: 1, max: 12 }", "12", "13"),
        ("{ number: true, min: -2.5 }", "-2", "-3"),
        ("{ money: EUR, max: 500 }", "500.00 EUR", "500.01 EUR"),
        ("{ email: true, pattern: \".*@example[.]org\" }", "a@example.org", "a@example.org.evil.com"),
    ] {
        assert!(good.is_empty() || takes(slot, good), "{slot} {good}");
        assert!(!takes(slot, bad), "{slot} {bad}");
    }
    for (slot, rule) in [
        ("{ digits: 8, pattern: \"(\" }", "slot-pattern"),
        ("{ digits: 8, pattern: \"(a{1000}){1000}\" }", "slot-pattern"),
        ("{ number: true, min: lots }", "slot-bounds"),
        ("{ number: true, min: 3, max: 2 }", "slot-bounds"),
        ("{ digits: 8, max: 2 }", "slot-bounds"),
    ] {
        let told = flow(slot).expect_err("wrong");
        assert!(told.iter().any(|f| f.rule == rule), "{slot}: {told:?}");
    }
}
