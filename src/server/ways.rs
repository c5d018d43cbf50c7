//! How a call goes out: whether its destination is allowed at all, and by which trunk; when that one fails, by the next.

use super::live::LivePorts;
use crate::base::{LegId, Moment, SipUri};
use crate::call::Record;
use crate::drive::Ports as _;
use crate::sip::destinations::{Destinations, Target, number_by_trunk};
use crate::sip::trunk::{Direction, NoTrunk, Permit, numbers_out};
use crate::sip::{ByTrunk, EndedWhy, REGISTERED, SipCommand, Srtp};
use std::net::IpAddr;
use std::time::Duration;

/// The parts of an INVITE that stay the same whichever way it goes.
#[derive(Debug, Clone)]
pub(super) struct Offered {
    pub(super) uui: Option<String>,
    pub(super) ring_seconds: u32,
}

/// An address that is nobody's (RFC 5737): the way to it is the way out of this machine.
pub(super) const SOMEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// A leg that goes out by trunks.
#[derive(Debug)]
pub(super) struct Way {
    user: String,
    /// Trunks that were not tried yet, best first.
    rest: Vec<String>,
    offered: Offered,
    /// The leg's place on the trunk that is tried now.
    permit: Option<Permit>,
    /// No further trunk is tried after this moment: the ring time is over.
    until: Moment,
}

impl LivePorts {
    /// The destination, if it may be dialled; otherwise the record and the log say why not.
    pub(super) fn allowed(&mut self, to: &str) -> Option<Target> {
        let now = self.shared.now();
        if self.sent_on.as_deref() == Some(to) {
            return Target::parse(to);
        }
        let agents = self.shared.queues.phones();
        let targets = self.flow.targets.values().map(|target| target.sip.as_str());
        let named = Destinations::new(targets.chain(agents.iter().map(String::as_str)));
        let result = named.check(to, &mut self.shared.board(), &self.caller_number, now);
        match result {
            Ok(target) => Some(target),
            Err(why) => {
                self.refused(now, &why.to_string());
                None
            }
        }
    }

    /// How the person who is called back may be dialled, if at all: only a number that a trunk of the queue allows, within its caps.
    pub(super) fn may_call_person(&mut self, to: &str) -> Option<Target> {
        let now = self.shared.now();
        let result = Destinations::default().check(to, &mut self.shared.board(), &self.caller_number, now);
        result.map_err(|why| self.refused(now, &why.to_string())).ok()
    }

    fn refused(&mut self, now: Moment, why: &str) {
        metrics::counter!("hotline_destinations_refused_total").increment(1);
        tracing::warn!(call = %self.id, why, "a destination was not dialled");
        let why = format!("a destination was not dialled: {why}");
        self.note(Record::Decision { at: now, what: "destination_refused".into(), why });
    }

    /// A number as a trunk of the queue's call-backs would dial it; `None` when none allows it.
    pub(super) fn number_to_call(&self, queue: &str, number: &str) -> Option<String> {
        let people = self.shared.queues.people();
        let setup = people.setup.queues.iter().find(|q| q.name == queue)?.call_back.as_ref()?;
        number_by_trunk(&self.shared.board(), &setup.trunks, number)
    }

    /// The address that a caller is sent to by REFER: for a trunk's number that of the first trunk that is up.
    pub(super) fn address_of(&self, target: Target) -> Option<String> {
        match target {
            Target::Address(uri) => Some(uri),
            Target::Trunk { user, wanted } => {
                let board = self.shared.board();
                let trunk = board.named(board.ways_out(&wanted).first()?)?;
                Some(trunk.proxy.uri(&numbers_out(&trunk, &user)))
            }
        }
    }

    /// INVITE for a leg, by a trunk or directly, with an offer of its own: our address as that network reaches it, encryption as
    /// that trunk wants it.
    pub(super) fn invite(&mut self, leg: LegId, to: &str, trunk: Option<String>, srtp: Option<Srtp>, offered: Offered) -> bool {
        let ip = self.ip_toward(to);
        let Some(live) = self.legs.get_mut(&leg) else { return false };
        (live.sdp, live.ip, live.address) = (self.shared.sdp_session_by(srtp), ip, Some(to.to_string()));
        let (dialog, sdp) = (live.dialog, live.sdp.offer(ip, live.port));
        self.shared.register(dialog, self.inbox.clone());
        let Offered { uui, ring_seconds } = offered;
        // Who is called back sees the number that they had called.
        let from = self.ours.clone().filter(|_| leg == LegId::Caller).unwrap_or_else(|| self.caller_number.clone());
        let caller = self.legs.get(&LegId::Caller).filter(|_| leg != LegId::Caller).map(|leg| leg.dialog);
        let trunk = trunk.map(|name| ByTrunk { name, caller, emergency: false });
        let sent =
            self.shared.sip.send(SipCommand::Invite { dialog, to: to.into(), from, sdp, uui, ring_seconds, trunk }).is_ok();
        if !sent {
            self.shared.forget(dialog);
        }
        sent
    }

    /// The address of ours that whoever is dialled reaches. What is behind a name is not known here: then it is the caller's view
    /// of us, unless that is this machine alone.
    fn ip_toward(&self, uri: &str) -> IpAddr {
        if let Some(at) = uri.strip_prefix(REGISTERED).and_then(|login| self.shared.sip.phone_at(login)) {
            return self.shared.sip.local_ip_toward(at.ip());
        }
        match SipUri::parse(uri).and_then(|uri| uri.ip()) {
            Some(ip) => self.shared.sip.local_ip_toward(ip),
            None if self.ip.is_loopback() && !uri.contains("localhost") => self.shared.sip.local_ip_toward(SOMEWHERE),
            None => self.ip,
        }
    }

    /// Sends a leg out by the first trunk that takes it.
    pub(super) fn by_trunks(&mut self, leg: LegId, user: String, wanted: &[String], offered: Offered) -> bool {
        let until = self.shared.now() + Duration::from_secs(u64::from(offered.ring_seconds));
        let rest = self.shared.board().ways_out(wanted);
        if rest.is_empty() {
            tracing::warn!(call = %self.id, "no trunk is up for a call out");
        }
        let Some(live) = self.legs.get_mut(&leg) else { return false };
        live.way = Some(Box::new(Way { user, rest, offered, permit: None, until }));
        self.next_way(leg)
    }

    /// An INVITE came to its end: whether the next trunk is being tried because of that. Only what says that the trunk failed
    /// (or does not take our password) counts; busy, declined or not answered is the callee's own word.
    pub(super) fn next_way_after(&mut self, leg: LegId, why: &EndedWhy) -> bool {
        let failed = match why {
            EndedWhy::Refused { status, .. } => matches!(status, 401 | 407 | 408 | 500..=599),
            EndedWhy::Broken(_) => true,
            EndedWhy::Bye | EndedWhy::Cancelled | EndedWhy::Ours | EndedWhy::TimedOut | EndedWhy::Expired => false,
        };
        let Some(live) = self.legs.get_mut(&leg) else { return false };
        let Some(way) = live.way.as_mut().filter(|_| failed && live.up && !live.connected) else { return false };
        let trunk = way.permit.take().map_or_else(String::new, |permit| permit.trunk().name.clone());
        tracing::warn!(call = %self.id, trunk, ?why, "a call out failed by this trunk");
        metrics::counter!("hotline_trunk_failed_calls_total", "trunk" => trunk).increment(1);
        live.dialog = self.shared.sip.new_key();
        self.next_way(leg)
    }

    fn next_way(&mut self, leg: LegId) -> bool {
        let now = self.shared.now();
        loop {
            let Some(way) = self.legs.get_mut(&leg).and_then(|live| live.way.as_mut()) else { return false };
            let left = way.until.since(now).as_secs();
            if way.rest.is_empty() || left == 0 {
                return false;
            }
            let name = way.rest.remove(0);
            let begun = self.shared.board().begin(now, &name, Direction::Out);
            match begun {
                Ok(permit) => {
                    let to = permit.trunk().proxy.uri(&numbers_out(permit.trunk(), &way.user));
                    let ring_seconds = u32::try_from(left).unwrap_or(u32::MAX);
                    let offered = Offered { ring_seconds, ..way.offered.clone() };
                    let srtp = permit.trunk().srtp;
                    way.permit = Some(permit);
                    return self.invite(leg, &to, Some(name), srtp, offered);
                }
                Err(why @ (NoTrunk::Full | NoTrunk::TooFast)) => {
                    tracing::info!(call = %self.id, trunk = name, %why, "a call out takes the next trunk");
                }
                Err(_) => {}
            }
        }
    }
}
