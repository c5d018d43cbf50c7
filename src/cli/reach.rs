//! `hotline reach`: who asked for a person and who came to one, day by day, and every rule of a flow that delays a person.

use super::args_records::ReachArgs;
use super::{calls, running};
use crate::flow::Flow;
use crate::store::ReachDay;
use serde_json::json;
use std::io::Write;

/// Prints the report. `false` when somebody who asked for a person ended without one, without a message and without having left.
///
/// # Errors
/// When the records or the flow cannot be read.
pub(crate) async fn run(args: &ReachArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let store = calls::open(&args.place.records()).await?;
    let days = store.reach(running::days_ago(args.since)).await;
    store.close().await;
    let days = days?;
    let rules = match &args.flow {
        Some(path) => delays(&*running::read_flow(path, &running::world(&args.place.world)?.0)?),
        None => Vec::new(),
    };
    let good = days.iter().all(|day| day.asked_unserved == 0);
    if json {
        writeln!(out, "{}", json!({ "days": days, "delays": rules }))?;
        return Ok(good);
    }
    table(&days, out)?;
    for rule in &rules {
        writeln!(out, "may delay a person: {rule}")?;
    }
    Ok(good)
}

fn table(days: &[ReachDay], out: &mut dyn Write) -> std::io::Result<()> {
    if days.is_empty() {
        return writeln!(out, "no calls have ended in these days");
    }
    writeln!(
        out,
        "{:<10}  {:<12} {:>6} {:>9} {:>9}  {:>6} {:>8} {:>8} {:>8} {:>9}  request to person (half, 95 %)",
        "day (UTC)", "flow", "calls", "by flow", "to person", "asked", "reached", "message", "gave up", "unserved"
    )?;
    for day in days {
        let seconds = |ms: Option<u64>| ms.map_or("–".to_string(), |ms| format!("{:.1} s", ms as f64 / 1e3));
        writeln!(
            out,
            "{:<10}  {:<12} {:>6} {:>9} {:>9}  {:>6} {:>8} {:>8} {:>8} {:>9}  {}, {}",
            day.day,
            day.flow,
            day.calls,
            day.answered,
            day.to_person,
            day.asked,
            day.asked_reached,
            day.asked_message,
            day.asked_gave_up,
            day.asked_unserved,
            seconds(day.wait_half_ms),
            seconds(day.wait_most_ms)
        )?;
        if !day.because.is_empty() {
            let reasons: Vec<String> = day.because.iter().map(|(why, n)| format!("{why} {n}")).collect();
            writeln!(out, "            to a person because: {}", reasons.join(", "))?;
        }
    }
    let (asked, unserved) = days.iter().fold((0, 0), |(a, u), d| (a + d.asked, u + d.asked_unserved));
    writeln!(out, "{asked} asked for a person, {unserved} of them unserved")
}

/// Every rule of a flow by which a person comes later than at the first word, in sentences.
fn delays(flow: &Flow) -> Vec<String> {
    let e = &flow.escalation;
    let mut rules = vec![
        format!(
            "who is not understood is asked again: a person after {} in a row or {} in the call",
            e.misunderstood_transfer, e.misunderstood_total
        ),
        format!("the same answer is given {} times before a person comes", e.same_answer_transfer.saturating_sub(1)),
        format!("silence is answered {} times before a person or the good-bye comes", e.silence_last.saturating_sub(1)),
    ];
    for target in flow.targets.values() {
        let hours =
            if target.hours.is_some() { ", and has opening hours: outside of them the next one or a message" } else { "" };
        rules.push(format!("target {} may ring for {} s{hours}", target.name, target.ring.as_secs()));
    }
    rules
}
