//! Calls of made-up callers, kept as the gateway keeps them, and executed again.

use super::recorded::Recorded;
use super::replay::{Verdict, judge};
use crate::base::{CallId, Dice, Moment, UtteranceId};
use crate::call::{CallSettings, Command, Event, Fingerprint};
use crate::flow::{Ask, Flow, LookedUp};
use crate::sim::{CallerStep, Line, Mind, Speech, Transcript, When, World, simulate_with};
use crate::store::{EventLogEnd, EventLogHead, LoggedCall};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const SHOP: &str = include_str!("../../tests/calls/shop.yaml");

fn flow(text: &str) -> Arc<Flow> {
    let told = |f: Vec<crate::flow::Finding>| f.iter().map(|f| format!("{f}\n")).collect::<String>();
    Flow::load(text, "shop.yaml", &BTreeMap::new()).map_err(told).expect("a good flow").flow
}

/// The log that a gateway would have kept of a call.
fn log_of(flow: &Flow, transcript: &Transcript, settings: CallSettings) -> LoggedCall {
    let mut events: Vec<(Moment, Event)> = Vec::new();
    let mut print = Fingerprint::default();
    let mut commands: Vec<Command> = Vec::new();
    for (at, line) in &transcript.lines {
        match line {
            Line::Happened(event) => {
                if let Some((before, _)) = events.last() {
                    print.add(*before, &commands);
                }
                commands.clear();
                events.push((*at, event.clone()));
            }
            Line::Wanted(command) => commands.push(command.clone()),
            Line::Said { .. } | Line::Timer(_) => {}
        }
    }
    print.add(events.last().expect("events").0, &commands);
    let head = EventLogHead {
        hotline: 1,
        call: CallId(7),
        flow: flow.name.clone(),
        flow_hash: flow.hash.clone(),
        models: BTreeMap::new(),
        settings: Some(settings),
    };
    let log = LoggedCall { head, events, end: Some(EventLogEnd { commands: print.digits(), events: print.events() }) };
    // As it is after having been written and read.
    let lines: Vec<String> = log.events.iter().map(|e| serde_json::to_string(e).expect("events are JSON")).collect();
    LoggedCall { events: lines.iter().map(|l| serde_json::from_str(l).expect("as written")).collect(), ..log }
}

/// A caller of whom a number tells everything.
struct Somebody {
    dice: Dice,
    turns: u32,
}

impl Mind for Somebody {
    fn answers(&mut self, ask: Option<&Ask>) -> Option<Vec<CallerStep>> {
        self.turns += 1;
        if self.turns > 12 || self.dice.roll(15) == 0 {
            return None;
        }
        let key = |c: char| vec![CallerStep::Presses(crate::base::Digit::from_char(c).into_iter().collect(), When::Quiet)];
        let words = match self.dice.roll(12) {
            0 => return Some(vec![CallerStep::Silence]),
            1 => return Some(key('1')),
            2 => "let me talk to a person please",
            3 => "the moon is made of cheese and so is my aunt",
            4 => "no thank you",
            5 => "say that again",
            6 => "when are you open",
            7 | 8 => "where is my parcel",
            9 => "yes",
            10 => "one two three four five six seven eight",
            _ => match ask {
                None => "yes",
                Some(_) => "where is my parcel one two three four five six seven eight",
            },
        };
        let mut speech = Speech::clear(words);
        if self.dice.roll(8) == 0 {
            speech.when = When::Over(Duration::from_millis(400 + 100 * self.dice.roll(5) as u64));
        }
        if self.dice.roll(10) == 0 {
            speech.heard = speech.heard.map(|h| crate::base::Hypothesis { rejected: Some("a guess".into()), ..h });
        }
        Some(vec![CallerStep::Speaks(speech)])
    }
}

fn world(number: u64) -> World {
    let mut world = World::default();
    let parcel = match number % 4 {
        0 => LookedUp::NotFound,
        1 => LookedUp::Outage("refused".into()),
        _ => LookedUp::Found(serde_json::json!({ "status": "on its way" })),
    };
    world.lookups.insert("parcel".into(), (Duration::from_millis(100 + 300 * (number % 9)), parcel));
    world
}

/// As [`crate::sim`] tells a call.
fn settings(world: &World) -> CallSettings {
    CallSettings { card_reference: String::new(), ears: world.ears.clone(), ..CallSettings::default() }
}

fn calls(flow: &Arc<Flow>, count: u64) -> Vec<LoggedCall> {
    let one = |number: u64| {
        let world = world(number);
        let told = settings(&world);
        let mut caller = Somebody { dice: Dice::new(number), turns: 0 };
        log_of(flow, &simulate_with(flow.clone(), world, &mut caller), told)
    };
    (0..count).map(one).collect()
}

#[test]
fn a_thousand_calls_give_the_same_commands_on_any_number_of_threads() {
    let flow = flow(SHOP);
    let logs = calls(&flow, 1_000);
    let mut told: Vec<Vec<String>> = Vec::new();
    for threads in [1, 2, 5] {
        let each = logs.len().div_ceil(threads);
        let prints = std::thread::scope(|scope| {
            let parts: Vec<_> = logs
                .chunks(each)
                .map(|part| {
                    let flow = flow.clone();
                    scope.spawn(move || part.iter().map(|log| Recorded::execute(&flow, log)).collect::<Vec<_>>())
                })
                .collect();
            parts.into_iter().flat_map(|part| part.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert!(prints.iter().all(|r| r.same == Some(true) && r.whole_events == r.events));
        told.push(prints.into_iter().map(|r| r.commands).collect());
    }
    assert!(told[0] == told[1] && told[1] == told[2]);
    let different: std::collections::BTreeSet<&String> = told[0].iter().collect();
    assert!(different.len() > 400, "the calls differ: {}", different.len());
}

/// How often each verdict is given.
fn verdicts(was: &Arc<Flow>, draft: &Arc<Flow>, logs: &[LoggedCall]) -> BTreeMap<Verdict, usize> {
    let mut count = BTreeMap::new();
    for log in logs {
        let recorded = Recorded::execute(was, log);
        *count.entry(judge(&recorded, was, draft).verdict).or_default() += 1;
    }
    count
}

#[test]
fn the_same_flow_is_never_worse_nor_better() {
    let flow = flow(SHOP);
    let count = verdicts(&flow, &flow, &calls(&flow, 1_000));
    println!("identity: {count:?}");
    assert!(!count.contains_key(&Verdict::Worse) && !count.contains_key(&Verdict::Better), "{count:?}");
    assert!(count[&Verdict::Same] >= 900, "{count:?}");
}

#[test]
fn a_changed_command_is_noticed() {
    let flow = flow(SHOP);
    let mut logs = calls(&flow, 20);
    for log in &mut logs {
        // A key that the caller never pressed.
        let zero = crate::base::Digit::from_char('0').expect("a key");
        let place = log.events.len() / 2;
        log.events[place] = (log.events[place].0, Event::Key(zero));
    }
    assert!(logs.iter().all(|log| Recorded::execute(&flow, log).same == Some(false)));
    let mut log = calls(&flow, 1).remove(0);
    let heard = Event::SpeechStarted { utterance: UtteranceId(90), over: None };
    log.events.push((log.events.last().expect("events").0, heard));
    assert_eq!(Recorded::execute(&flow, &log).same, Some(true), "what came after is not covered");
}
/// What makes a flow worse, as a change of its text.
const REGRESSIONS: &[(&str, &str, &str)] = &[
    (
        "an intent that takes what is another's",
        "      - I have a complaint\n",
        "      - I have a complaint\n      - where is my parcel\n      - where is my parcel please\n      - where my parcel is\n",
    ),
    ("a number of another length", "number: { digits: 8 }", "number: { digits: 9 }"),
    (
        "people are misunderstood for longer",
        "person:\n",
        "escalate:\n  misunderstood: { offer: 3, transfer: 6, total: 10 }\nperson:\n",
    ),
    (
        "a question that nobody needs",
        "  opening:\n    say: We are open from eight to six.\n    then: more",
        "  opening:\n    say: We are open from eight to six.\n    hang_up: Good-bye.",
    ),
    (
        "an outage is the end",
        "    say: I am sorry, our system is down.\n    then: person",
        "    hang_up: I am sorry, our system is down.",
    ),
    ("key 1 leads elsewhere", "\"1\": opening, \"2\": parcel, \"3\": card", "\"1\": card, \"2\": parcel, \"3\": opening"),
    (
        "key 1 leads nowhere",
        "keys: { \"1\": opening, \"2\": parcel, \"7\": question",
        "keys: { \"6\": opening, \"2\": parcel, \"7\": question",
    ),
];

#[test]
fn every_planted_regression_is_found() {
    let was = flow(SHOP);
    let logs = calls(&was, 300);
    let mut missed = Vec::new();
    for (what, from, to) in REGRESSIONS {
        assert!(SHOP.contains(from), "{what}: the flow has changed");
        let draft = flow(&SHOP.replace(from, to));
        let count = verdicts(&was, &draft, &logs);
        println!("{what}: {count:?}");
        if !count.contains_key(&Verdict::Worse) {
            missed.push(what);
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn what_callers_gain_is_seen_and_other_words_are_no_change() {
    let was = flow(SHOP);
    let logs = calls(&was, 300);
    let examples = "      - where is my parcel\n";
    let better = flow(&SHOP.replace(examples, &format!("{examples}      - the moon is made of cheese and so is my aunt\n")));
    let count = verdicts(&was, &better, &logs);
    assert!(count.get(&Verdict::Better).is_some_and(|n| *n > 30) && !count.contains_key(&Verdict::Worse), "{count:?}");
    let reworded = flow(&SHOP.replace("We are open from eight to six.", "From eight to six on every day."));
    let count = verdicts(&was, &reworded, &logs);
    assert!(!count.contains_key(&Verdict::Worse) && !count.contains_key(&Verdict::Better), "{count:?}");
    let asks = flow(&SHOP.replace("    lookup: parcel\n", "    confirm: Is {{ number | spell }} right?\n    lookup: parcel\n"));
    let count = verdicts(&was, &asks, &logs);
    assert!(count.get(&Verdict::CannotTell).is_some_and(|n| *n > 50), "nobody knows what they would say: {count:?}");
}
