//! Faults planted in the example flows, each as a change of the text: the checker must find them, and nothing in the flows as they are.

use super::check::{FlowCheck, check_flow};
use crate::base::WallTime;
use crate::flow::placeholder_env;

const PARCEL: &str = include_str!("../../flows/parcel.yaml");
const CHINESE: &str = include_str!("../../flows/parcel-zh.yaml");
/// With what it includes.
const HELPDESK: &str = concat!(
    include_str!("../../flows/helpdesk.yaml"),
    "\n--- # include: shared/identity.yaml\n",
    include_str!("../../flows/shared/identity.yaml")
);
const SHOP: &str = include_str!("../../tests/calls/shop.yaml");

/// Monday, 23 November 2026.
const TODAY: WallTime = WallTime(1_795_428_000_000);

fn check(text: &str) -> FlowCheck {
    check_flow(text, "flow.yaml", &placeholder_env(text), TODAY, &|_| Err("no such file".to_string()))
}

/// What is wrong, the rule that should tell it (`test` = one of the flow's own tests), the flow, what is replaced by what.
type Fault = (&'static str, &'static str, &'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    // What cannot be reached, or not be left.
    (
        "a node that nothing leads to",
        "unreachable",
        PARCEL,
        "nodes:\n",
        "nodes:\n  island:\n    say: Nobody is here.\n    hang_up: true\n",
    ),
    (
        "two nodes that lead only to each other",
        "unreachable",
        PARCEL,
        "nodes:\n",
        "nodes:\n  left:\n    ask: Left?\n    yes: right\n    no: right\n  right:\n    ask: Right?\n    yes: left\n    no: left\n",
    ),
    (
        "a node without an end",
        "dead-end",
        PARCEL,
        "    say: A parcel up to two kilos costs four pounds fifty, up to ten kilos it costs nine pounds.\n    then: anything.else\n",
        "    say: A parcel up to two kilos costs four pounds fifty, up to ten kilos it costs nine pounds.\n",
    ),
    (
        "a circle in which nobody is heard",
        "silent-loop",
        PARCEL,
        "    say: We are open now. Our office is open Monday to Friday from eight to six, and Saturday from nine to one.\n    then: anything.else",
        "    say: We are open now.\n    then: opening.hours",
    ),
    (
        "a circle of one node",
        "silent-loop",
        SHOP,
        "    say: I cannot find that parcel.\n    then: more",
        "    say: I cannot find that parcel.\n    then: unknown",
    ),
    (
        "a way to a node that is not there",
        "unknown-node",
        PARCEL,
        "    then: anything.else\n\n  complaint:",
        "    then: anything.els\n\n  complaint:",
    ),
    ("the start is not there", "unknown-node", PARCEL, "start: welcome", "start: welcom"),
    ("a no that leads nowhere", "unknown-node", PARCEL, "    no: anything.else", "    no: something.else"),
    (
        "two ends in one node",
        "two-ends",
        PARCEL,
        "    transfer: support\n    because: invoice or refund",
        "    transfer: support\n    because: invoice or refund\n    hang_up: true",
    ),
    (
        "no nodes at all",
        "nodes",
        "hotline: 1\nname: a\nlanguages: [en]\nperson: { to: a }\ntargets: { a: { sip: \"sip:a@b.example\" } }\nnodes: {}\n",
        "nodes: {}",
        "nodes: {}",
    ),
    // People.
    ("nobody to go to", "no-person", PARCEL, "person:\n  key: \"0\"\n  to: support\n", "person:\n  key: \"0\"\n"),
    ("the person is a target that is not there", "unknown-target", PARCEL, "  to: support\n", "  to: suport\n"),
    (
        "a transfer to a target that is not there",
        "unknown-target",
        PARCEL,
        "    transfer: support\n    because: invoice or refund",
        "    transfer: accounts\n    because: invoice or refund",
    ),
    ("a next target that is not there", "unknown-target", SHOP, "    next: backup\n", "    next: backupp\n"),
    (
        "targets that lead in a circle",
        "target-cycle",
        SHOP,
        "    sip: sip:backup@desk.example\n",
        "    sip: sip:backup@desk.example\n    next: support\n",
    ),
    ("an address that is none", "sip", SHOP, "sip: sip:backup@desk.example", "sip: backup at the desk"),
    ("a target without an address", "missing-key", SHOP, "    sip: sip:backup@desk.example\n", ""),
    ("hours that are not there", "unknown-hours", SHOP, "    hours: office\n    on:", "    hours: ofice\n    on:"),
    ("hours that never open", "hours", SHOP, "{ mon-fri: 8:00-18:00 }", "{ mon-fri: [] }"),
    ("a holiday that is no day", "hours", PARCEL, "2026-12-25, 2026-12-26", "2026-12-25, 2026-13-26"),
    ("hours that end before they begin", "wrong-value", SHOP, "8:00-18:00", "18:00-8:00"),
    ("another key for the person", "person-key", PARCEL, "  key: \"0\"\n", "  key: \"9\"\n"),
    ("key 0 for something else", "zero-key", PARCEL, "\"4\": complaint, \"9\": more }", "\"0\": complaint, \"9\": more }"),
    (
        "an example that asks for a person",
        "person-phrase",
        PARCEL,
        "      - track my parcel\n",
        "      - track my parcel\n      - let me talk to an agent\n",
    ),
    (
        "an option that asks for a person",
        "person-phrase",
        SHOP,
        "phrases: [good news, the good one]",
        "phrases: [good news, operator]",
    ),
    (
        "a look-up's failure that nobody catches",
        "no-outage",
        PARCEL,
        "    on: { not_found: parcel.unknown, outage: sorry.outage }\n",
        "    on: { not_found: parcel.unknown }\n",
    ),
    (
        "nothing found, and nobody thought of it",
        "no-not-found",
        PARCEL,
        "    on: { not_found: parcel.unknown, outage: sorry.outage }\n",
        "    on: { outage: sorry.outage }\n",
    ),
    (
        "nobody is patient for so long",
        "escalate",
        PARCEL,
        "misunderstood: { offer: 1, transfer: 2, total: 4 }",
        "misunderstood: { offer: 1, transfer: 20, total: 40 }",
    ),
    ("patience that is no number", "wrong-value", PARCEL, "  silence: 3", "  silence: never"),
    // What can be said and keyed.
    ("an intent that no keys lead to", "no-key", PARCEL, "\"3\": price, \"4\": complaint", "\"3\": complaint"),
    (
        "an option without a key",
        "no-key",
        SHOP,
        "good: { phrases: [good news, the good one], key: \"1\", go: opening }",
        "good: { phrases: [good news, the good one], go: opening }",
    ),
    (
        "an option without words",
        "no-voice",
        SHOP,
        "good: { phrases: [good news, the good one], key: \"1\", go: opening }",
        "good: { key: \"1\", go: opening }",
    ),
    (
        "a key that leads where no words do",
        "no-voice",
        SHOP,
        "\"6\": mood, \"8\": others",
        "\"6\": sorry, \"7\": mood, \"8\": others",
    ),
    ("one phrase for two options", "same-phrase", SHOP, "[bad news, the bad one]", "[bad news, good news]"),
    (
        "one key for two options",
        "key-twice",
        SHOP,
        "phrases: [bad news, the bad one], key: \"2\"",
        "phrases: [bad news, the bad one], key: \"1\"",
    ),
    (
        "a question without answers",
        "no-answers",
        SHOP,
        "    menu:\n      good: { phrases: [good news, the good one], key: \"1\", go: opening }\n      bad: { phrases: [bad news, the bad one], key: \"2\", go: unknown }\n",
        "    menu: {}\n",
    ),
    ("answers without a question", "no-question", SHOP, "    ask: Do you want good news or bad news?\n", ""),
    (
        "two kinds of question in one",
        "two-kinds",
        PARCEL,
        "    ask: Would you like to try another number?\n",
        "    ask: Would you like to try another number?\n    digits: number\n",
    ),
    (
        "seven options",
        "many-options",
        PARCEL,
        "keys: { \"1\": parcel.where, \"2\": opening.hours, \"3\": price, \"4\": complaint, \"9\": more }",
        "keys: { \"1\": parcel.where, \"2\": opening.hours, \"3\": price, \"4\": complaint, \"5\": redeliver, \"6\": customs, \"7\": invoice, \"9\": more }",
    ),
    (
        "an intent in a question that is not there",
        "unknown-intent",
        SHOP,
        "    ask: Is there anything else?\n",
        "    ask: Is there anything else?\n    intents: [opening, parcels]\n",
    ),
    (
        "a target that nobody is handed to",
        "unused",
        PARCEL,
        "targets:\n",
        "targets:\n  spare:\n    sip: sip:spare@desk.example\n",
    ),
    (
        "one example under two intents",
        "same-example",
        SHOP,
        "      - my card is blocked\n",
        "      - my card is blocked\n      - are you open today\n",
    ),
    (
        "an intent with one example",
        "few-examples",
        SHOP,
        "      - book a table\n      - I want to reserve a table\n      - a table for dinner\n      - reserve a table please\n      - can I book a table for tonight\n      - I need a reservation\n",
        "      - book a table\n",
    ),
    (
        "an intent without examples",
        "few-examples",
        SHOP,
        "    examples:\n      - book a table\n      - I want to reserve a table\n      - a table for dinner\n      - reserve a table please\n      - can I book a table for tonight\n      - I need a reservation\n",
        "    examples: []\n",
    ),
    (
        "two intents for the same thing",
        "collide",
        SHOP,
        "  card:\n    label: your card\n    examples:\n",
        "  card:\n    label: your card\n    examples:\n      - where is my package please\n      - has my package been sent\n      - track the package\n      - my package has not arrived\n      - find my package\n      - what is the status of my package\n",
    ),
    ("a test that no longer comes true", "test", PARCEL, "    say: We are open now. ", "    say: The office is staffed. "),
    // What is said.
    (
        "a prompt of a minute",
        "long-prompt",
        PARCEL,
        "    say: I cannot find a parcel",
        "    say: We are very sorry to have to tell you that in spite of all our efforts and after having looked into every corner of every depot that we have in this country and in all others as well, and after having asked each of our drivers whether perhaps one of them has seen it somewhere, I cannot find a parcel",
    ),
    (
        "a recording that is not there",
        "file",
        PARCEL,
        "    say: We are closed right now. Our office is open Monday to Friday from eight to six, and Saturday from nine to one.",
        "    say: { file: closed.wav }",
    ),
    (
        "a welcome that does not say what it is",
        "welcome",
        PARCEL,
        "Welcome to Northwind parcels. I am an automatic assistant.",
        "Welcome to Northwind parcels. My name is Ann.",
    ),
    ("a language that is said nowhere", "language", PARCEL, "languages: [en]", "languages: [en, zh]"),
    (
        "a language that is not one of the flow's",
        "language",
        SHOP,
        "    say: We are open from eight to six.",
        "    say: { en: We are open from eight to six., fr: Nous sommes ouverts. }",
    ),
    ("a value that nobody has given", "unknown-value", PARCEL, "{{ parcel.status }}", "{{ parcels.status }}"),
    (
        "a value before it is known",
        "not-known",
        SHOP,
        "    say: We are open from eight to six.",
        "    say: We are open from eight to six, {{ number | spell }}.",
    ),
    (
        "a template that is not closed",
        "template",
        PARCEL,
        "{{ number | spell }}.\n    then: parcel.retry",
        "{{ number | spell }.\n    then: parcel.retry",
    ),
    ("a filter that is not there", "template", PARCEL, "{{ number | spell }} is {{", "{{ number | spel }} is {{"),
    (
        "a secret that is spoken",
        "sensitive",
        PARCEL,
        "  parcel.where:\n    need:",
        "  parcel.where:\n    sensitive: true\n    need:",
    ),
    (
        "an answer that is no longer true",
        "expired",
        PARCEL,
        "    say: A parcel up to two kilos",
        "    valid: { until: 2026-11-01, owner: Ann }\n    say: A parcel up to two kilos",
    ),
    (
        "an answer that is true for another week",
        "expires",
        PARCEL,
        "    say: A parcel up to two kilos",
        "    valid: { until: 2026-11-30 }\n    say: A parcel up to two kilos",
    ),
    (
        "an answer that ends before it begins",
        "valid",
        PARCEL,
        "    say: A parcel up to two kilos",
        "    valid: { from: 2027-01-01, until: 2026-12-01 }\n    say: A parcel up to two kilos",
    ),
    (
        "a day that is none",
        "valid",
        PARCEL,
        "    say: A parcel up to two kilos",
        "    valid: { until: next week }\n    say: A parcel up to two kilos",
    ),
    // Values and look-ups.
    ("a slot that is not there", "unknown-slot", SHOP, "    need: { member: What", "    need: { membre: What"),
    ("a slot of two kinds", "slot-kinds", SHOP, "  member: { digits: 3-6 }", "  member: { digits: 3-6, date: true }"),
    ("a pattern that is none", "slot-pattern", SHOP, "{ digits: 8 }", "{ digits: 8, pattern: \"(1\" }"),
    ("bounds of what is no number", "slot-bounds", SHOP, "{ digits: 8 }", "{ digits: 8, min: 3 }"),
    ("a check digit that is none", "check-digit", SHOP, "{ digits: 8 }", "{ digits: 8, check: lun }"),
    ("more digits than there are", "wrong-value", SHOP, "member: { digits: 3-6 }", "member: { digits: 3-600 }"),
    ("a look-up that is not there", "unknown-lookup", PARCEL, "    lookup: parcel\n    on:", "    lookup: parcels\n    on:"),
    ("a look-up without an address", "lookup", PARCEL, "    get: \"{{ env.PARCEL_API }}/parcels/{{ number }}\"\n", ""),
    (
        "a look-up whose host the caller chooses",
        "lookup-host",
        PARCEL,
        "{{ env.PARCEL_API }}/parcels/{{ number }}",
        "http://{{ number }}.example/parcels",
    ),
    ("a look-up that waits for a minute", "duration", PARCEL, "    timeout: 2s\n", "    timeout: 60s\n"),
    ("a time without a unit", "wrong-value", PARCEL, "    cache: 30s\n", "    cache: soon\n"),
    ("a condition that does not compile", "condition", PARCEL, "if: open(\"office\")", "if: open(\"office\""),
    ("a condition about hours that are not there", "unknown-hours", PARCEL, "if: open(\"office\")", "if: open(\"ofice\")"),
    ("a branch without else", "branch", PARCEL, "      - else: opening.later\n", ""),
    ("a failure without a look-up", "on-without-lookup", PARCEL, "    lookup: parcel\n    on:", "    on:"),
    (
        "a look-up that nobody makes",
        "unused",
        PARCEL,
        "lookups:\n",
        "lookups:\n  weather:\n    get: \"http://weather.example/now\"\n",
    ),
    ("a zone that is nowhere", "zone", PARCEL, "zone: Europe/London", "zone: Europe/Londn"),
    // How it is written.
    ("a key that is misspelt", "unknown-key", PARCEL, "    because: invoice or refund", "    becuase: invoice or refund"),
    (
        "a key that stands twice",
        "duplicate-key",
        PARCEL,
        "    because: invoice or refund",
        "    because: invoice or refund\n    because: invoice",
    ),
    ("a version that is to come", "version", PARCEL, "hotline: 1\n", "hotline: 7\n"),
    ("no YAML", "yaml", PARCEL, "nodes:\n", "nodes: [\n"),
    ("a list where a text should be", "wrong-kind", PARCEL, "name: parcel\n", "name: [parcel]\n"),
    ("a language that is a number", "wrong-value", CHINESE, "languages: [zh", "languages: [1, zh"),
    ("a language that stands twice", "language-twice", PARCEL, "languages: [en]", "languages: [en, en]"),
    // Parts, steps, identity, tasks, who answers, several files.
    (
        "a way back where nothing was run",
        "return",
        HELPDESK,
        "    run: identify\n    then: line",
        "    run: identify\n    then: return",
    ),
    ("a part that is not there", "unknown-node", HELPDESK, "    run: identify\n", "    run: identfy\n"),
    (
        "a part that runs in circles",
        "silent-loop",
        HELPDESK,
        "    run: identify\n    then: line",
        "    run: identify\n    then: no.internet",
    ),
    ("a secret that is not asked for", "verify", HELPDESK, "secret: [secret]", "secret: [pin]"),
    ("an identity without any secret", "verify", HELPDESK, "secret: [secret]", "secret: []"),
    ("an identity by a secret alone", "verify", HELPDESK, "secret: [secret]", "secret: [secret, customer]"),
    ("attempts without end", "verify", HELPDESK, "attempts: 3", "attempts: 1000"),
    ("an identity check that nobody catches", "no-outage", HELPDESK, "    on: { outage: identity.unknown }\n", ""),
    (
        "a secret that is read back",
        "sensitive",
        HELPDESK,
        "I cannot check who you are right now.",
        "I cannot check {{ secret }} right now.",
    ),
    ("more than all callers", "percent", HELPDESK, "percent: 20", "percent: 120"),
    ("a policy that is none", "wrong-value", HELPDESK, "policy: human_first", "policy: human_frist"),
    (
        "a policy without an answer",
        "policy",
        HELPDESK,
        "    policy: ai_then_human\n    say:",
        "    policy: ai_then_human\n    label:",
    ),
    ("a priority above all", "value", HELPDESK, "priority: 9", "priority: 99"),
    ("a tier by a value that is not there", "unknown-value", HELPDESK, "{{ account.tier }}", "{{ acount.tier }}"),
    ("tries without end", "retries", HELPDESK, "retries: 2", "retries: 200"),
    (
        "a step in one language",
        "language",
        HELPDESK,
        "- { en: \"Press the button on top until it blinks.\", zh: \"按住顶部的按钮直到闪烁。\" }",
        "- { en: Press the button on top until it blinks. }",
    ),
    ("a task about nothing", "missing-key", HELPDESK, "{ what: socket of the line, old:", "{ old:"),
    ("a procedure that leads nowhere", "dead-end", HELPDESK, "    then: anything.else\n\n  # A part", "\n  # A part"),
    (
        "a file that is not there",
        "include",
        HELPDESK,
        "include: shared/identity.yaml",
        "include: [shared/identity.yaml, shared/gone.yaml]",
    ),
    (
        "a node in two files",
        "duplicate-key",
        HELPDESK,
        "  bye:\n    hang_up: true\n",
        "  bye:\n    hang_up: true\n  identified:\n    then: person\n",
    ),
    ("languages in an included file", "include", HELPDESK, "slots:\n  customer:", "languages: [en]\nslots:\n  customer:"),
];

#[test]
fn the_flows_as_they_are_have_no_faults() {
    for (name, text) in [("parcel", PARCEL), ("parcel-zh", CHINESE), ("helpdesk", HELPDESK)] {
        let checked = check(text);
        assert!(checked.findings.is_empty() && checked.good(), "{name}: {:?}", checked.findings);
    }
}

#[test]
fn faults_that_are_planted_are_found() {
    // What is found in a text: rule and message, and `test` for a test of its own that fails.
    let told = |text: &str| {
        let checked = check(text);
        let mut all: Vec<(String, String)> = checked.findings.iter().map(|f| (f.rule.clone(), f.message.clone())).collect();
        if checked.flow.is_some() && !checked.good() {
            all.push(("test".into(), String::new()));
        }
        all
    };
    let before: Vec<_> = [PARCEL, CHINESE, SHOP, HELPDESK].iter().flat_map(|flow| told(flow)).collect();
    let mut missed = Vec::new();
    for (what, rule, flow, from, to) in FAULTS {
        assert!(flow.contains(from), "{what}: the flow has changed");
        let found = told(&flow.replacen(from, to, 1));
        if !found.iter().any(|f| f.0 == *rule && !before.contains(f)) {
            missed.push(format!("{what} [{rule}]: {found:?}"));
        }
    }
    println!("{} of {} planted faults are found", FAULTS.len() - missed.len(), FAULTS.len());
    assert!(missed.is_empty(), "{missed:#?}");
}
