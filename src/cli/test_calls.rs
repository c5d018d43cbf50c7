//! `hotline test-calls`: made-up callers phone a flow.

use super::args::TestCallsArgs;
use super::running;
use crate::trial::{Served, TestCalls, test_calls};
use std::io::Write;

/// Lets them phone and tells what came of it. `false` when something happened that must never be.
///
/// # Errors
/// When the flow cannot be read.
pub(crate) fn run(args: &TestCallsArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (env, _) = running::world(&args.world)?;
    let flow = running::read_flow(&args.flow, &env)?;
    let found = test_calls(&flow, args.calls, args.seed);
    if json {
        writeln!(out, "{}", serde_json::to_string(&found)?)?;
    } else {
        write!(out, "{}", told_of(&found))?;
        found.stories.iter().try_for_each(|story| write!(out, "\n{story}"))?;
    }
    Ok(found.good())
}

/// What people read.
fn told_of(found: &TestCalls) -> String {
    let mut text = format!(
        "{:<14} {:>5} {:>9} {:>7} {:>8} {:>5} {:>8} {:>6}  to a person (half, 95 %)\n",
        "caller", "calls", "contained", "person", "message", "left", "unserved", "turns"
    );
    for (persona, s) in &found.by_persona {
        let waits = s.to_person_s.map_or("–".to_string(), |(a, b)| format!("{a:.1} s, {b:.1} s"));
        text += &format!(
            "{:<14} {:>5} {:>9} {:>7} {:>8} {:>5} {:>8} {:>6}  {waits}\n",
            persona.name(),
            s.calls,
            s.contained,
            s.to_person,
            s.messages,
            s.left,
            s.unserved,
            s.turns
        );
    }
    for (persona, s) in &found.by_persona {
        for (node, share) in s.misunderstood_at.iter().take(3) {
            text += &format!("{}: {:.0} % of what is said at {node} is not understood\n", persona.name(), share * 100.0);
        }
        if s.same_answer_thrice > 0 {
            text += &format!("{}: {} heard the same answer a third time\n", persona.name(), s.same_answer_thrice);
        }
        for violation in &s.violations {
            text += &format!("{}: never allowed: {violation}\n", persona.name());
        }
    }
    let sum = |of: fn(&Served) -> u32| found.by_persona.values().map(of).sum::<u32>();
    text += &format!(
        "{} calls: {} contained ({:.0} %), {} to a person, {} requests for a person unserved\n",
        found.calls,
        sum(|s| s.contained),
        100.0 * f64::from(sum(|s| s.contained)) / f64::from(found.calls.max(1)),
        sum(|s| s.to_person),
        sum(|s| s.unserved)
    );
    text
}
