//! `hotline bench soak`: nothing may grow. Many short calls one after another, then many calls for a long time; memory is
//! sampled all the while, and afterwards everything must be back where it was. The far ends are another process.

use super::bench_figures::round;
use super::bench_media::{Asked, LoadProcess, Rig};
use super::bench_process::{descriptors, load_average, private_bytes, raise_descriptor_limit};
use super::running::Scratch;
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// Time between two looks at the memory.
const LOOK: Duration = Duration::from_secs(1);
/// Left out at the beginning: the SIP crate keeps finished transactions for 32 s, and tables fill up to their bounds: that of
/// callers holds ten thousand, and every call of a soak comes from another number.
const WARM_UP: Duration = Duration::from_secs(130);
/// Means of so many stretches are what the line is laid through: single looks are not independent of each other.
const STRETCHES: usize = 16;
/// Student's t for 14 degrees of freedom, 95 %.
const T_95: f64 = 2.145;

/// What is to be done.
pub(crate) struct Plan {
    /// Short calls in all.
    pub(crate) calls: usize,
    /// Short calls a second.
    pub(crate) per_second: f64,
    /// Calls that stay at one time.
    pub(crate) concurrent: usize,
    /// Minutes that they stay; 0 = this part is left out.
    pub(crate) minutes: u64,
}

/// Runs it and prints the figures; false when something grew or a call failed.
pub(crate) async fn run(asked: &Plan, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    raise_descriptor_limit();
    let scratch = Scratch::new("bench-soak")?;
    let shape = Asked {
        calls: asked.concurrent.max(400),
        seconds: 10,
        speech: 0.4,
        vad: false,
        record: false,
        per_second: asked.per_second,
    };
    // As long as a recording may be: it outlasts half an hour of calls that begin within five seconds.
    let long = Duration::from_secs((asked.minutes * 60 + 120).min(crate::audio::LONGEST_SECONDS - 1));
    let rig = Rig::start(&scratch, &shape, long).await?;
    // The first calls open what stays open: connections to the database, for one.
    let warm_up = ["--per-second", "40", "--each-ms", "500", "--total", "40"];
    let mut first = LoadProcess::start(&rig, 40, &warm_up).await?;
    first.wait_for("done").await?;
    first.finish().await?;
    let before = drained(&rig, None).await;
    let short = part(&rig, Part::Short(asked), json, out).await?;
    let lasting = match asked.minutes {
        0 => Value::Null,
        _ => part(&rig, Part::Lasting(asked), json, out).await?,
    };
    let after = drained(&rig, Some(&before)).await;
    rig.running.stop().await;
    let back = after.descriptors <= before.descriptors && after.legs == 0 && after.dialogs == 0;
    let figures = json!({
        "short": short, "lasting": lasting,
        "descriptors": { "before": before.descriptors, "after": after.descriptors },
        "legs_after": after.legs, "dialogs_after": after.dialogs, "back_to_start": back,
        "load_average": load_average(),
    });
    // Memory that shrinks is no leak; too short a run tells nothing, which is said and is no failure.
    let good = |f: &Value| f.is_null() || (f["failed"] == 0 && f["grows"] != true);
    if json {
        writeln!(out, "{figures}")?;
    } else {
        writeln!(
            out,
            "afterwards: {} descriptors ({} before), {} audio legs, {} dialogs; load average {}",
            after.descriptors, before.descriptors, after.legs, after.dialogs, figures["load_average"]
        )?;
    }
    Ok(back && good(&short) && good(&lasting))
}

/// What must be back at the end.
struct Held {
    descriptors: usize,
    legs: u64,
    dialogs: usize,
}

impl Held {
    fn now(rig: &Rig) -> Held {
        let gateway = &rig.running.gateway;
        Held { descriptors: descriptors(), legs: gateway.lateness().legs, dialogs: gateway.calls_now() }
    }
}

/// Waits until everything is back (`None` = until nothing of a call is held), 40 seconds at most.
async fn drained(rig: &Rig, before: Option<&Held>) -> Held {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        let held = Held::now(rig);
        let back = before.is_none_or(|before| held.descriptors <= before.descriptors);
        if (back && held.legs == 0 && held.dialogs == 0) || Instant::now() > until {
            return held;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

enum Part<'a> {
    Short(&'a Plan),
    Lasting(&'a Plan),
}

async fn part(rig: &Rig, part: Part<'_>, json: bool, out: &mut dyn Write) -> anyhow::Result<Value> {
    let (name, mut load, until) = match part {
        Part::Short(a) => {
            let (rate, all) = (a.per_second.to_string(), a.calls.to_string());
            let places = (a.per_second * 3.0).ceil() as usize;
            let more = ["--per-second", &rate, "--each-ms", "1000", "--total", &all];
            ("short calls", LoadProcess::start(rig, places, &more).await?, None)
        }
        Part::Lasting(a) => {
            let load = LoadProcess::start(rig, a.concurrent, &["--per-second", "40"]).await?;
            ("calls that stay", load, Some(Instant::now() + Duration::from_secs(a.minutes * 60)))
        }
    };
    let began = Instant::now();
    let mut samples: Vec<(f64, f64)> = Vec::new();
    let mut told = Instant::now();
    let mut ended_early = 0;
    let done = loop {
        if let Some(done) = load.poll("done", LOOK).await? {
            break done;
        }
        if began.elapsed() >= WARM_UP {
            samples.push((began.elapsed().as_secs_f64() / 60.0, private_bytes() as f64 / 1e6));
        }
        if !json && told.elapsed() >= Duration::from_secs(30) {
            told = Instant::now();
            let now = private_bytes() as f64 / 1e6;
            writeln!(out, "{name}: {} min, {} MB private", round(began.elapsed().as_secs_f64() / 60.0, 1), round(now, 1))?;
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            load.order("end").await?;
            ended_early = load.wait_for("heard").await?["ended"].as_u64().unwrap_or(0);
            break load.wait_for("done").await?;
        }
        anyhow::ensure!(began.elapsed() < Duration::from_secs(4 * 3_600), "the load process does not come to an end");
    };
    load.finish().await?;
    let slope = Slope::through(&samples);
    let failed = done["failed"].as_u64().unwrap_or(0) + ended_early;
    if !json {
        let (answered, lost) = (&done["answered"], &done["lost"]);
        writeln!(out, "{name}: {answered} answered, {failed} failed or ended by us, {lost} packets lost")?;
        match &slope {
            Some(s) => writeln!(
                out,
                "  memory changes by {} MB a minute (95 % between {} and {})",
                round(s.per_minute, 4),
                round(s.per_minute - s.margin, 4),
                round(s.per_minute + s.margin, 4)
            )?,
            None => writeln!(out, "  too short to tell whether memory grows: it takes more than {} s", WARM_UP.as_secs() + 32)?,
        }
    }
    Ok(json!({
        "answered": done["answered"], "failed": failed, "lost": done["lost"],
        "minutes": round(began.elapsed().as_secs_f64() / 60.0, 2),
        "mb_per_minute": slope.as_ref().map(|s| round(s.per_minute, 5)),
        "margin_95": slope.as_ref().map(|s| round(s.margin, 5)),
        "slope_contains_0": slope.as_ref().map(|s| s.per_minute.abs() <= s.margin),
        "grows": slope.as_ref().map(|s| s.per_minute - s.margin > 0.0),
    }))
}

/// A line through the memory samples.
struct Slope {
    /// Megabytes a minute.
    per_minute: f64,
    /// Half of the 95 % interval.
    margin: f64,
}

impl Slope {
    /// `None` when there are too few samples for [`STRETCHES`] stretches.
    fn through(samples: &[(f64, f64)]) -> Option<Slope> {
        let size = samples.len() / STRETCHES;
        if size < 2 {
            return None;
        }
        let mean = |values: &[(f64, f64)]| {
            let n = values.len() as f64;
            (values.iter().map(|v| v.0).sum::<f64>() / n, values.iter().map(|v| v.1).sum::<f64>() / n)
        };
        let means: Vec<(f64, f64)> = samples.chunks_exact(size).take(STRETCHES).map(mean).collect();
        let (x, y) = mean(&means);
        let spread: f64 = means.iter().map(|m| (m.0 - x).powi(2)).sum();
        let per_minute = means.iter().map(|m| (m.0 - x) * (m.1 - y)).sum::<f64>() / spread;
        let rest: f64 = means.iter().map(|m| (m.1 - y - per_minute * (m.0 - x)).powi(2)).sum();
        let margin = T_95 * (rest / (STRETCHES as f64 - 2.0) / spread).sqrt();
        Some(Slope { per_minute, margin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(growth: f64) -> Vec<(f64, f64)> {
        let noise = |i: u32| f64::from(i.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5;
        (0..320).map(|i| (f64::from(i) / 60.0, 50.0 + growth * f64::from(i) / 60.0 + noise(i))).collect()
    }

    #[test]
    fn growth_is_told_from_noise() {
        let steady = Slope::through(&samples(0.0)).expect("enough");
        assert!(steady.per_minute.abs() <= steady.margin, "{} ± {}", steady.per_minute, steady.margin);
        let leak = Slope::through(&samples(0.5)).expect("enough");
        assert!(leak.per_minute - leak.margin > 0.0 && (leak.per_minute - 0.5).abs() < 0.1, "{}", leak.per_minute);
        assert!(Slope::through(&samples(0.0)[..20]).is_none());
    }
}
