//! `hotline bench reach`: how long it takes from a caller's request for a person until the phone of an agent rings who is free. A gateway runs
//! in this process as `serve` runs it, with a queue; softphones call it over SIP and RTP on loopback, half of them press 0, half of
//! them say it, and the agents' phones read the clock when their INVITE arrives.

use super::bench_figures::quantile;
use super::bench_turns::{Desk, trimmed};
use super::phone::{Phone, PhoneEvent, Sound, Step};
use super::running::{Running, Scratch};
use crate::base::Digit;
use anyhow::Context;
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FLOW: &str = include_str!("bench_reach.yaml");

/// What is said by those who do not press a key.
const WORDS: &str = "let me talk to a person please";

/// The bound: 95 of 100 requests ring by then.
const BOUND_MS: f64 = 2_000.0;

/// Callers of a round do not dial in the same millisecond.
const APART: Duration = Duration::from_millis(60);

/// After which they press 0, in the middle of the question; and how long they stay with the agent.
const KEYED_AFTER: Duration = Duration::from_millis(1_500);
const STAYS_MS: f64 = 8_000.0;

/// How the person was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Keyed,
    Spoken,
}

#[derive(Default)]
struct Figures {
    keyed: Vec<f64>,
    spoken: Vec<f64>,
    failed: usize,
    /// Calls in which no agent's phone rang: the words were not understood, or too late. They stand among the others with as long as the
    /// caller stayed.
    unreached: usize,
}

/// Runs `rounds` rounds of `concurrent` calls at once and prints the figures; false when a call failed, one by key reached nobody, or
/// the goal was missed.
pub(crate) async fn run(concurrent: usize, rounds: usize, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let scratch = Scratch::new("bench-reach")?;
    let epoch = Instant::now();
    let desk = Desk::open(epoch).await?;
    std::fs::write(scratch.path("bench.yaml"), FLOW)?;
    let config = scratch.config("bench.yaml", &[], &[], concurrent.clamp(2, 8))?;
    // So many that one is always free, also while calls of the round before are being ended.
    let agents = concurrent * 2;
    let mut text = std::fs::read_to_string(&config)?;
    text.push_str("\n[[queue]]\nname = \"desk\"\nwrap_up_seconds = 0\n");
    for n in 0..agents {
        write!(
            text,
            "\n[[agent]]\nname = \"a{n:03}\"\nphone = \"sip:a{n:03}@{}\"\nqueues = [\"desk\"]\ndesk = false\n",
            desk.at
        )?;
    }
    std::fs::write(&config, text)?;
    let running = Running::start(&config).await?;
    let gateway = running.sip()?;
    running.ready(Duration::from_secs(60)).await?;
    let words = Arc::new(trimmed(&running.say(WORDS).await?.samples));
    let mut figures = Figures::default();
    for round in 0..rounds {
        let calls = (0..concurrent).map(|i| {
            let way = if (round + i) % 2 == 0 { Way::Keyed } else { Way::Spoken };
            let number = format!("9{round:03}{i:03}");
            let call = one_call(gateway, number.clone(), way, words.clone(), epoch, i);
            async move { (number, way, call.await) }
        });
        let tasks: Vec<_> = calls.map(tokio::spawn).collect();
        for task in tasks {
            let (number, way, events) = task.await.context("a phone's task broke")?;
            match events {
                Ok(events) => figures.add(way, &events, desk.invited(&number)),
                Err(error) => {
                    figures.failed += 1;
                    eprintln!("a call failed: {error:#}");
                }
            }
        }
        if !json {
            writeln!(out, "round {} of {rounds}: {} requests made", round + 1, figures.keyed.len() + figures.spoken.len())?;
        }
    }
    running.stop().await;
    desk.close().await;
    figures.print((concurrent, agents), json, out)?;
    Ok(figures.shortfalls().is_empty())
}

async fn one_call(
    gateway: SocketAddr,
    number: String,
    way: Way,
    words: Arc<Vec<i16>>,
    epoch: Instant,
    index: usize,
) -> anyhow::Result<Vec<PhoneEvent>> {
    // On real sockets callers can be spread only by waiting.
    tokio::time::sleep(APART * u32::try_from(index).unwrap_or(u32::MAX)).await;
    let mut phone = Phone::open("127.0.0.1:0".parse()?, epoch).await?;
    let mut steps = match way {
        Way::Keyed => vec![Step::Wait(KEYED_AFTER), Step::Keys(vec![Digit::from_char('0').context("a key")?])],
        Way::Spoken => vec![Step::Play(words)],
    };
    steps.push(Step::HangUpAfter(Duration::from_secs_f64(STAYS_MS / 1_000.0)));
    let mut events = Vec::new();
    let uri = format!("sip:bench@{gateway}");
    let ending = phone.call(&uri, &number, Sound::default(), steps, &mut |event| events.push(event)).await?;
    phone.close().await;
    anyhow::ensure!(ending.answered, "the gateway refused the call ({:?})", ending.status);
    Ok(events)
}

impl Figures {
    /// From the key, or the last sound of the words, to the INVITE at the agent's phone.
    fn add(&mut self, way: Way, events: &[PhoneEvent], invited: Option<u64>) {
        let (asked, values) = match way {
            Way::Keyed => ("keys", &mut self.keyed),
            Way::Spoken => ("spoken", &mut self.spoken),
        };
        let asked = events.iter().find(|event| event.what == asked).map(|event| event.at);
        match (asked, invited) {
            (Some(asked), Some(invited)) => values.push((invited as f64 - asked as f64) / 1_000.0),
            _ => {
                self.unreached += 1;
                values.push(STAYS_MS);
            }
        }
    }

    fn all(&self) -> Vec<f64> {
        [self.keyed.clone(), self.spoken.clone()].concat()
    }

    /// What is not as it should be, one sentence each.
    fn shortfalls(&self) -> Vec<String> {
        let mut shortfalls = Vec::new();
        if self.failed > 0 {
            shortfalls.push(format!("{} calls failed", self.failed));
        }
        let unheard = self.keyed.iter().filter(|ms| **ms >= STAYS_MS).count();
        if unheard > 0 {
            shortfalls.push(format!("{unheard} requests by key reached nobody"));
        }
        let p95 = quantile(&self.all(), 0.95);
        if p95 > BOUND_MS {
            let goal = BOUND_MS / 1_000.0;
            shortfalls
                .push(format!("95 of 100 requests are to ring a free agent's phone within {goal} s; it took {p95:.0} ms"));
        }
        shortfalls
    }

    fn print(&self, (concurrent, agents): (usize, usize), json: bool, out: &mut dyn Write) -> std::io::Result<()> {
        let (all, shortfalls) = (self.all(), self.shortfalls());
        let within = all.iter().filter(|ms| **ms <= BOUND_MS).count() as f64 / all.len().max(1) as f64;
        if json {
            let document = json!({
                "concurrent": concurrent, "agents": agents, "calls": all.len() + self.failed,
                "failed": self.failed, "unreached": self.unreached, "within_2s": within, "shortfalls": shortfalls,
                "request_to_ringing_ms": summary(&all), "keyed": summary(&self.keyed), "spoken": summary(&self.spoken),
            });
            return writeln!(out, "{document}");
        }
        writeln!(
            out,
            "\n{} calls, {concurrent} at once, {agents} agents; {} failed, {} reached nobody",
            all.len() + self.failed,
            self.failed,
            self.unreached
        )?;
        row(out, "request for a person to the INVITE at a free agent's phone", &all)?;
        row(out, "    by key, from the key", &self.keyed)?;
        row(out, "    by voice, from the end of the words", &self.spoken)?;
        writeln!(out, "within 2 s: {:.1} %", within * 100.0)?;
        shortfalls.iter().try_for_each(|shortfall| writeln!(out, "NOT GOOD: {shortfall}"))
    }
}

fn row(out: &mut dyn Write, what: &str, values: &[f64]) -> std::io::Result<()> {
    if values.is_empty() {
        return writeln!(out, "{what}: none");
    }
    let [p50, p95, max] = [0.5, 0.95, 1.0].map(|q| quantile(values, q));
    writeln!(out, "{what}: p50 {p50:.0} ms, p95 {p95:.0} ms, max {max:.0} ms (n = {})", values.len())
}

fn summary(values: &[f64]) -> serde_json::Value {
    if values.is_empty() {
        return json!({ "p50": null, "p95": null, "max": null, "n": 0 });
    }
    let [p50, p95, max] = [0.5, 0.95, 1.0].map(|q| quantile(values, q).round());
    json!({ "p50": p50, "p95": p95, "max": max, "n": values.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many by each way, of whom these were as slow as this.
    fn figures(each: usize, slow: usize, ms: f64) -> Figures {
        let spoken = (0..each).map(|n| if n < slow { ms } else { 60.0 }).collect();
        Figures { keyed: vec![50.0; each], spoken, ..Figures::default() }
    }

    #[test]
    fn the_goal_is_missed_where_more_than_one_of_twenty_requests_rings_late() {
        assert!(figures(50, 0, 0.0).shortfalls().is_empty());
        assert!(figures(50, 5, STAYS_MS).shortfalls().is_empty(), "5 of 100");
        let late = figures(50, 6, 2_100.0);
        assert_eq!(late.shortfalls(), ["95 of 100 requests are to ring a free agent's phone within 2 s; it took 2100 ms"]);
        let mut text = Vec::new();
        late.print((4, 8), false, &mut text).expect("written");
        let text = String::from_utf8(text).expect("a text");
        assert!(text.contains("NOT GOOD: 95 of 100 requests"), "{text}");
        assert_eq!(Figures { keyed: vec![STAYS_MS], failed: 2, ..figures(50, 0, 0.0) }.shortfalls().len(), 2);
    }
}
