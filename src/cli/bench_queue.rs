//! `hotline bench queue`: a made-up week through the queue machine. What callers would wait, whether what they are told is kept, what
//! agents bear, and what protecting them costs.

use super::bench_figures::round;
use crate::sim::queue_week::{Kept, Week, WeekReport, play};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Instant;

/// The share of callers who are served inside what they were told.
const HONEST: std::ops::RangeInclusive<f64> = 0.80..=0.95;

/// Callers of a band of positions, from which on their share says something.
const ENOUGH: u64 = 500;

/// Runs it and prints the figures; false when a caller was lost or what was announced was kept too seldom (or told too broadly to be
/// broken).
///
/// # Errors
/// The output cannot be written.
pub(crate) fn run(week: &Week, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let began = Instant::now();
    let report = play(week);
    let seconds = began.elapsed().as_secs_f64();
    let without = play(&Week { rests: false, ..week.clone() });
    let nobody_lost = report.served + report.abandoned + report.unserved == report.calls;
    let good = nobody_lost && HONEST.contains(&share(&report.kept_all)) && bands(&report).all(|(_, kept)| is_honest(kept));
    if json {
        let figures = json!({
            "calls": report.calls, "served": report.served, "abandoned": report.abandoned, "unserved": report.unserved,
            "service_level_20s": round(report.service_level, 4), "without_rests": round(without.service_level, 4),
            "wait_s": { "p50": round(report.wait_median, 1), "p95": round(report.wait_p95, 1), "max": round(report.wait_longest, 1) },
            "intervals": bands(&report).map(|(name, kept)| (name.to_string(), figures_of(kept))).collect::<serde_json::Map<_, _>>(),
            "rests": report.rests, "abusive": report.abusive, "abusive_in_a_row": report.abusive_in_a_row,
            "occupancy": round(report.occupancy, 3), "steps": report.steps, "seconds": round(seconds, 2), "seed": week.seed,
        });
        serde_json::to_writer_pretty(&mut *out, &figures)?;
        writeln!(out)?;
        return Ok(good);
    }
    writeln!(
        out,
        "{} agents, {} calls, {} days, seed {}: played in {seconds:.1} s",
        week.agents, report.calls, week.days, week.seed
    )?;
    writeln!(out, "served {} · gave up {} · told that nobody is there {}", report.served, report.abandoned, report.unserved)?;
    writeln!(
        out,
        "within 20 s: {:.1} % (without rests after hard calls {:.1} %) · waits: half {:.0} s, 95 % {:.0} s, longest {:.0} s",
        report.service_level * 100.0,
        without.service_level * 100.0,
        report.wait_median,
        report.wait_p95,
        report.wait_longest
    )?;
    writeln!(
        out,
        "rests {} · abusive calls {}, of them {} after another one, when nobody else was idle · agents busy {:.0} % of their time",
        report.rests,
        report.abusive,
        report.abusive_in_a_row,
        report.occupancy * 100.0
    )?;
    writeln!(out, "\nannounced waits   callers  kept    sooner  width (median)          at most 1 min or 60 % wide")?;
    for (name, kept) in bands(&report) {
        writeln!(
            out,
            "{name:<16} {:>8}  {:>5.1} %  {:>4.1} %  {:>4.1} min, {:>3.0} % of middle  {:>5.1} %",
            kept.told,
            share(kept) * 100.0,
            kept.sooner as f64 / kept.told.max(1) as f64 * 100.0,
            kept.width_minutes,
            kept.width_share * 100.0,
            kept.narrow * 100.0
        )?;
    }
    Ok(good)
}

/// Kept as often as was promised, and of use; of fewer callers it cannot be said.
fn is_honest(kept: &Kept) -> bool {
    kept.told < ENOUGH || (HONEST.contains(&share(kept)) && kept.narrow >= 0.5)
}

fn share(kept: &Kept) -> f64 {
    kept.inside as f64 / kept.told.max(1) as f64
}

fn bands(report: &WeekReport) -> impl Iterator<Item = (&'static str, &Kept)> {
    let names = ["position 1", "2 to 4", "5 to 9", "10 and more", "all"];
    names.into_iter().zip(report.kept.iter().chain([&report.kept_all]))
}

fn figures_of(kept: &Kept) -> Value {
    json!({
        "told": kept.told, "kept": round(share(kept), 4), "width_minutes": kept.width_minutes,
        "width_by_middle": round(kept.width_share, 3), "narrow": round(kept.narrow, 3),
    })
}
