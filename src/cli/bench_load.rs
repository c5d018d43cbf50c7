//! `hotline bench-load` (hidden): the far ends of a load run, in a process of their own so that the gateway's cost can be
//! told from theirs. Speaks SIP and RTP with the gateway, and one JSON object a line with whoever started it; reads orders
//! (`measure`, `end`) from its standard input.

use super::bench_figures::quantile;
use super::bench_load_rtp::FarEnds;
use crate::sip::{DialogKey, SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent};
use anyhow::Context;
use serde_json::json;
use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;

/// What the load is to be.
pub(crate) struct Load {
    /// The gateway's SIP over UDP.
    pub(crate) gateway: SocketAddr,
    /// Calls at one time.
    pub(crate) calls: usize,
    /// New calls a second.
    pub(crate) per_second: f64,
    /// Each call is ended by the far end after so long and replaced by a new one; `None` = they last.
    pub(crate) each: Option<Duration>,
    /// Calls to be made in all, when they are short.
    pub(crate) total: usize,
}

/// One place of a caller.
struct Place {
    dialog: DialogKey,
    sdp: SdpSession,
    began: Instant,
    up: Option<Instant>,
}

#[derive(Default)]
struct Tally {
    begun: usize,
    answered: usize,
    failed: usize,
    ended: usize,
    /// INVITE to 200, milliseconds.
    set_up: Vec<f64>,
    /// The first INVITE and the last 200.
    first: Option<Instant>,
    last: Option<Instant>,
    /// Statuses of refusals.
    refused: std::collections::BTreeMap<u16, usize>,
}

/// Runs until told to end. `speech` is a file of raw mu-law.
pub(crate) async fn run(load: Load, speech: &Path) -> anyhow::Result<bool> {
    super::bench_process::raise_descriptor_limit();
    let speech: Arc<[u8]> = std::fs::read(speech).with_context(|| format!("{} cannot be read", speech.display()))?.into();
    anyhow::ensure!(speech.len() >= 160, "the speech is shorter than a packet");
    let ip = load.gateway.ip();
    let far_ends = FarEnds::open(ip, load.calls, speech).context("no sockets for the far ends")?;
    let (tell, events) = mpsc::channel(4_096);
    let config = SipConfig {
        udp: Some(SocketAddr::new(ip, 0)),
        tcp: None,
        max_dialogs: load.calls * 4 + 64,
        user_agent: "hotline-load".into(),
        ..SipConfig::default()
    };
    let endpoint = SipEndpoint::bind(config, tell).await?;
    let callers = Callers { load, ip, far_ends, endpoint, places: HashMap::new(), free: Vec::new(), tally: Tally::default() };
    callers.run(events).await
}

struct Callers {
    load: Load,
    ip: IpAddr,
    far_ends: FarEnds,
    endpoint: SipEndpoint,
    /// By dialog: the caller's number.
    places: HashMap<DialogKey, (usize, Place)>,
    free: Vec<usize>,
    tally: Tally,
}

impl Callers {
    async fn run(mut self, mut events: mpsc::Receiver<SipEvent>) -> anyhow::Result<bool> {
        self.free = (0..self.load.calls).rev().collect();
        let mut orders = BufReader::new(tokio::io::stdin()).lines();
        let mut next = tokio::time::interval(Duration::from_secs_f64(1.0 / self.load.per_second.max(0.1)));
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let mut look = tokio::time::interval(Duration::from_millis(20));
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told_up = false;
        let mut ending = false;
        loop {
            tokio::select! {
                Some(event) = events.recv() => self.event(event),
                _ = next.tick(), if !ending && self.may_begin() => self.begin(),
                _ = look.tick() => self.end_those_that_are_due(),
                // A closed input has a next line at once, time and again.
                order = orders.next_line(), if !ending => match order?.as_deref() {
                    Some("measure") => self.far_ends.restart(),
                    Some("report") => self.report("report"),
                    // Told to end, or whoever told us is gone.
                    _ => {
                        ending = true;
                        self.report("heard");
                        self.hang_up_all();
                    }
                },
            }
            let all = self.places.values().filter(|(_, p)| p.up.is_some()).count();
            if !told_up && all + self.tally.failed >= self.load.calls && self.load.each.is_none() {
                told_up = true;
                self.report("up");
            }
            let done = self.load.each.is_some() && self.tally.ended + self.tally.failed >= self.load.total;
            if (ending || done) && self.places.is_empty() {
                break;
            }
        }
        self.report("done");
        self.endpoint.stop().await;
        Ok(true)
    }

    fn may_begin(&self) -> bool {
        !self.free.is_empty() && self.tally.begun < self.load.total
    }

    fn begin(&mut self) {
        let Some(index) = self.free.pop() else { return };
        let dialog = self.endpoint.new_key();
        let mut sdp = SdpSession::new(dialog.0 << 8);
        let offer = sdp.offer(self.ip, self.far_ends.port(index));
        let to = format!("sip:bench@{}", self.load.gateway);
        let from = format!("7{:06}", self.tally.begun % 1_000_000);
        let invite = SipCommand::Invite { dialog, to, from, sdp: offer, uui: None, ring_seconds: 60, trunk: None };
        self.tally.begun += 1;
        self.tally.first.get_or_insert_with(Instant::now);
        match self.endpoint.send(invite) {
            Ok(()) => {
                self.places.insert(dialog, (index, Place { dialog, sdp, began: Instant::now(), up: None }));
            }
            Err(_) => {
                self.tally.failed += 1;
                self.free.push(index);
            }
        }
    }

    fn event(&mut self, event: SipEvent) {
        match event {
            SipEvent::Answered { dialog, sdp } => {
                let Some((index, place)) = self.places.get_mut(&dialog) else { return };
                match place.sdp.accept_answer(&sdp, self.ip) {
                    Ok(agreed) => {
                        place.up = Some(Instant::now());
                        self.tally.answered += 1;
                        self.tally.last = place.up;
                        self.tally.set_up.push(place.began.elapsed().as_secs_f64() * 1_000.0);
                        self.far_ends.begin(*index, agreed.remote);
                    }
                    Err(_) => drop(self.endpoint.send(SipCommand::HangUp { dialog })),
                }
            }
            SipEvent::Ended { dialog, why } => {
                let Some((index, place)) = self.places.remove(&dialog) else { return };
                self.far_ends.end(index);
                self.free.push(index);
                match (place.up, why) {
                    (Some(_), _) => self.tally.ended += 1,
                    (None, crate::sip::EndedWhy::Refused { status, .. }) => {
                        self.tally.failed += 1;
                        *self.tally.refused.entry(status).or_default() += 1;
                    }
                    (None, _) => self.tally.failed += 1,
                }
            }
            _ => {}
        }
    }

    fn end_those_that_are_due(&mut self) {
        let Some(each) = self.load.each else { return };
        for (_, place) in self.places.values_mut() {
            if place.up.is_some_and(|since| since.elapsed() >= each) {
                // Once: whatever comes now ends it.
                place.up = Some(Instant::now() + Duration::from_secs(3_600));
                let _ = self.endpoint.send(SipCommand::HangUp { dialog: place.dialog });
            }
        }
    }

    fn hang_up_all(&mut self) {
        for dialog in self.places.keys() {
            let _ = self.endpoint.send(SipCommand::HangUp { dialog: *dialog });
        }
    }

    fn report(&self, what: &str) {
        let heard = self.far_ends.report();
        let at = |q: f64| quantile(&self.tally.set_up, q);
        let line = json!({
            "event": what,
            "begun": self.tally.begun, "answered": self.tally.answered, "failed": self.tally.failed, "ended": self.tally.ended,
            "refused": self.tally.refused,
            "begun_for_ms": self.tally.first.zip(self.tally.last).map(|(first, last)| (last - first).as_millis() as u64),
            "set_up_ms": { "p50": at(0.5), "p95": at(0.95), "max": at(1.0) },
            "received": heard.received, "lost": heard.lost, "sent": heard.sent,
            "gaps_over_60_ms": heard.gaps, "gap_max_ms": heard.gap_max_ms, "own_late": heard.own_late,
        });
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}");
        let _ = out.flush();
    }
}
