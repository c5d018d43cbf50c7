//! Runs the tests that a flow brings along (`tests:`) on a simulated clock: a clear-spoken caller, agents who answer, look-ups
//! as the test says.

use crate::base::{Disposition, WallTime};
use crate::flow::{CallerTurn, Flow, FlowTest, RecordMode, TestEnd};
use crate::sim::{CallerStep, Speech, Transcript, When, World, ending, simulate};
use chrono::{NaiveDate, TimeZone};
use std::sync::Arc;
use std::time::Duration;

/// How one of a flow's own tests came out.
#[derive(Debug, Clone)]
pub struct TestOutcome {
    /// The test's name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its line there.
    pub line: u32,
    /// What was expected and did not happen, one sentence each; empty = passed.
    pub wrong: Vec<String>,
    /// The call line by line, for looking at a failure.
    pub story: String,
}

impl TestOutcome {
    /// Whether everything came as expected.
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Runs all tests of a flow, in their order. Takes milliseconds per test; opens no socket, waits for nothing.
pub fn run_tests(flow: &Arc<Flow>) -> Vec<TestOutcome> {
    flow.tests.iter().map(|test| run_test(flow, test)).collect()
}

/// Runs one test. Where the flow asks for consent to record, the caller first agrees by key 1: tests need not say so.
pub fn run_test(flow: &Arc<Flow>, test: &FlowTest) -> TestOutcome {
    let lookups = test.lookups.iter().map(|(name, answer)| (name.clone(), (Duration::from_millis(100), answer.clone())));
    let mut caller_steps = Vec::new();
    if flow.record == RecordMode::Ask {
        caller_steps.extend(crate::base::Digit::from_char('1').map(|one| CallerStep::Presses(vec![one], When::Quiet)));
    }
    caller_steps.extend(test.caller.iter().map(step));
    let world = World {
        wall: test.at.unwrap_or_else(|| working_time(flow)),
        ears: flow.languages.clone(),
        lookups: lookups.collect(),
        caller_steps,
        patient: true,
        ..World::default()
    };
    let transcript = simulate(flow.clone(), world);
    let wrong = differences(test, &transcript);
    TestOutcome { name: test.name.clone(), file: test.file.clone(), line: test.line, wrong, story: transcript.story() }
}

fn step(turn: &CallerTurn) -> CallerStep {
    match turn {
        // As an engine writes it: lower case, no punctuation.
        CallerTurn::Says(words) => CallerStep::Speaks(Speech::clear(&as_heard(words))),
        CallerTurn::Presses(keys) => CallerStep::Presses(keys.clone(), When::Quiet),
        CallerTurn::Silence => CallerStep::Silence,
    }
}

fn as_heard(words: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || c == '\'';
    let plain: String = words.to_lowercase().chars().map(|c| if kept(c) { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A time at which somebody is there for whoever wants a person: Monday, 30 November 2026, 10:00 in the flow's zone, or the
/// next full hour within a week at which the first target is open.
pub(super) fn working_time(flow: &Flow) -> WallTime {
    let day = NaiveDate::from_ymd_opt(2026, 11, 30).and_then(|d| d.and_hms_opt(10, 0, 0)).unwrap_or_default();
    let monday = flow.zone.from_local_datetime(&day).earliest().map_or(0, |t| t.timestamp_millis());
    let hours = flow.targets.get(&flow.person.target).and_then(|t| t.hours.as_ref());
    let Some(hours) = hours else { return WallTime(monday) };
    let all = (0..7 * 24).map(|n| WallTime(monday).plus(Duration::from_secs(n * 3_600)));
    all.into_iter().find(|at| hours.open_at(*at)).unwrap_or(WallTime(monday))
}

fn differences(test: &FlowTest, transcript: &Transcript) -> Vec<String> {
    let heard = transcript.heard_by_caller().map(|(_, words)| words).collect::<Vec<_>>().join(" ").to_lowercase();
    let mut wrong: Vec<String> = transcript.violations.clone();
    let mut from = 0;
    for part in &test.hears {
        let wanted = part.to_lowercase();
        match heard.get(from..).and_then(|rest| rest.find(&wanted)) {
            Some(at) => from += at + wanted.len(),
            None if heard.contains(&wanted) => wrong.push(format!("{part:?} was heard, but not after the parts before it")),
            None => wrong.push(format!("{part:?} was not heard")),
        }
    }
    for part in test.never_hears.iter().filter(|p| heard.contains(&p.to_lowercase())) {
        wrong.push(format!("{part:?} was heard, which it must never be"));
    }
    if let Some(end) = &test.ends {
        let ended = transcript.disposition();
        if !ended.is_some_and(|d| fits(d, end)) {
            let how = ended.map_or("not at all".into(), ending);
            wrong.push(format!("the call should end {}, but ended {how}", wanted_end(end)));
        }
    }
    wrong
}

fn fits(disposition: &Disposition, end: &TestEnd) -> bool {
    let (to, because) = match disposition {
        Disposition::Transferred { to, because } => (Some(to), Some(because)),
        Disposition::MessageTaken { because } | Disposition::CallBack { because } => (None, Some(because)),
        _ => (None, None),
    };
    end.disposition.as_deref().is_none_or(|name| name == disposition.name())
        && end.to.as_ref().is_none_or(|t| Some(t) == to)
        && end.because.as_ref().is_none_or(|b| Some(b) == because)
}

fn wanted_end(end: &TestEnd) -> String {
    let mut words = vec![end.disposition.clone().unwrap_or("somehow".into())];
    words.extend(end.to.as_ref().map(|to| format!("to {to}")));
    words.extend(end.because.as_ref().map(|because| format!("because {because}")));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const FLOW: &str = include_str!("../../tests/calls/shop.yaml");

    fn outcome(tests: &str) -> TestOutcome {
        let checked = Flow::load(&format!("{FLOW}\ntests:\n{tests}"), "shop.yaml", &BTreeMap::new());
        let flow = checked.unwrap_or_else(|f| panic!("{}", f.iter().map(|f| format!("{f}\n")).collect::<String>())).flow;
        run_tests(&flow).remove(0)
    }

    #[test]
    fn a_good_test_passes_and_a_wrong_one_says_what_was_wrong() {
        let good = outcome(
            "  - caller: [\"where's my parcel, one two three four five six seven eight\", no thank you]\n    \
             lookup: { parcel: { status: on its way } }\n    hears: [automatic, on its way, Good-bye]\n    ends: answered\n",
        );
        assert!(good.passed(), "{:?}\n{}", good.wrong, good.story);
        let bad = outcome(
            "  - caller: [when are you open]\n    hears: [on its way]\n    never_hears: [eight to six]\n    ends: silent\n",
        );
        assert_eq!(bad.wrong.len(), 3, "{:?}", bad.wrong);
    }

    #[test]
    fn what_is_said_after_a_talk_is_said_after_it() {
        let flow = "hotline: 1\nname: rated\nlanguages: [en]\nzone: UTC\nperson: { to: support }\n\
            targets: { support: { queue: support, after: content } }\nslots: { content: { digits: 1, pattern: '[1-5]' } }\n\
            intents:\n  hours: { examples: [when are you open, are you open on sunday, opening hours], label: opening hours }\n\
            nodes:\n  welcome: { ask: This is automatic. What is it about?, keys: { '1': hours } }\n\
            \x20 hours: { say: From nine to five., then: welcome }\n\
            \x20 content: { ask: 'How content are you, from one to five?', digits: content, then: thanks }\n\
            \x20 thanks: { hang_up: 'You said {{ content }}. Good-bye.' }\n\
            tests:\n  - caller: [agent please, press 4]\n    hears: [connecting you, How content, You said 4]\n\
            \x20   ends: { transferred: support }\n";
        let checked = Flow::load(flow, "rated.yaml", &BTreeMap::new());
        let flow = checked.unwrap_or_else(|f| panic!("{}", f.iter().map(|f| format!("{f}\n")).collect::<String>())).flow;
        let outcome = run_tests(&flow).remove(0);
        assert!(outcome.passed(), "{:?}\n{}", outcome.wrong, outcome.story);
    }

    #[test]
    fn speech_is_written_as_engines_write_it() {
        assert_eq!(as_heard("Where's my parcel, please?"), "where's my parcel please");
        assert_eq!(as_heard("我的包裹在哪里？"), "我的包裹在哪里");
    }
}
