//! The live world of one call: what the driver asks for becomes SIP messages, RTP, HTTP, rows and files.

mod messages;
mod moves;
mod ports;

use super::gateway::{Inbox, Shared};
use super::softphones::Bell;
use super::ways::{SOMEWHERE, Way};
use crate::base::{AttemptId, CallId, Codec, Digit, Language, LegId, WallTime};
use crate::call::{AgentEvent, Event, LegRecord, ReferOutcome};
use crate::drive::{Happening, Ports};
use crate::flow::Flow;
use crate::media::{LegCommand, LegEvent, LegKey, LegStats, Negotiated, OneWay};
use crate::sip::trunk::Permit;
use crate::sip::{DialogKey, EndedWhy, MediaAgreement, SdpSession, SipCommand, SipEvent};
use crate::speech::Ear;
use crate::store::{EventLog, StoreWriter};
use moves::Taker;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Longest a SIP URI or text that comes from outside is kept.
const CONTACT_MAX: usize = 256;

/// Hand-over cards stay readable so long after they were last renewed: the longest call and one hour.
const CARD_VALID: Duration = Duration::from_secs(2 * 3_600);

/// One leg's signalling and audio.
pub(super) struct LiveLeg {
    pub(super) dialog: DialogKey,
    pub(super) key: LegKey,
    pub(super) port: u16,
    pub(super) sdp: SdpSession,
    /// The dialog is still there (nothing to hang up otherwise).
    pub(super) up: bool,
    /// Their 200 (or our 200's ACK) was seen.
    pub(super) connected: bool,
    /// How it goes out by trunks, for an agent that is reached so.
    pub(super) way: Option<Box<Way>>,
    /// The dialog whose place this one took; it ends once this one is acknowledged.
    pub(super) replaced: Option<Box<Replaced>>,
    /// The address of ours that stands in its session descriptions: the one that its network reaches.
    pub(super) ip: std::net::IpAddr,
    /// The page of an agent's desk, where that is the phone: then there is no dialog.
    pub(super) bell: Option<Bell>,
    /// The URI that was dialled, for a trunk that of the trunk's far end; `None` = they called us.
    pub(super) address: Option<String>,
}

impl LiveLeg {
    /// Nothing of it is agreed yet; `up` = there is a dialog to be hung up.
    pub(super) fn new(
        dialog: DialogKey,
        (key, port): (LegKey, u16),
        sdp: SdpSession,
        ip: std::net::IpAddr,
        up: bool,
    ) -> LiveLeg {
        LiveLeg { dialog, key, port, sdp, up, connected: false, way: None, replaced: None, ip, bell: None, address: None }
    }
}

/// A dialog whose place is being taken. It comes back if the new one ends before it is acknowledged.
pub(super) struct Replaced {
    dialog: DialogKey,
    sdp: SdpSession,
    ip: std::net::IpAddr,
}

/// Everything outside the call machine that belongs to one call.
pub(super) struct LivePorts {
    pub(super) id: CallId,
    pub(super) shared: Arc<Shared>,
    pub(super) flow: Arc<Flow>,
    pub(super) inbox: mpsc::Sender<Inbox>,
    pub(super) legs: BTreeMap<LegId, LiveLeg>,
    /// Legs whose audio has told its last numbers.
    closed: BTreeSet<LegId>,
    ear: Option<Ear>,
    /// Those of agents' legs, where their words are wanted, with the grammar that they have last; at most a few of a call at a time.
    agent_ears: BTreeMap<AttemptId, Ear>,
    /// SDP for the 200; an offer of ours when theirs is late.
    answer_sdp: String,
    store: StoreWriter,
    events: Option<EventLog>,
    began: WallTime,
    language: Language,
    pub(super) caller_number: String,
    /// Where nobody called, but is called back: the number of ours that this comes from.
    pub(super) ours: Option<String>,
    /// The address we give in SDP, as the caller's network reaches us.
    pub(super) ip: std::net::IpAddr,
    recording: bool,
    /// What the caller's leg speaks; `None` = nothing is agreed yet.
    codec: Option<Codec>,
    /// The call's place on the trunk that brought it, given back with this.
    _permit: Option<Permit>,
    leg_events: mpsc::Sender<(LegKey, LegEvent)>,
    /// The agent who is parted from the caller and asks for a colleague; while that one's phone rings, they hear so.
    parted: Option<AttemptId>,
    /// Where an agent's phone sends the caller on, once that was allowed: beside the flow's targets, the one place that may be
    /// dialled.
    pub(super) sent_on: Option<String>,
}

/// The caller's side.
pub(super) enum CallerSide {
    /// They called us.
    CameIn(Box<CameIn>),
    /// Nobody is there yet: they are called back.
    Called {
        /// Their number.
        number: String,
        /// The number that they had called.
        ours: String,
    },
}

/// A call as the gateway found it.
pub(super) struct CameIn {
    pub(super) dialog: DialogKey,
    pub(super) key: LegKey,
    pub(super) port: u16,
    pub(super) sdp: SdpSession,
    pub(super) answer_sdp: String,
    pub(super) agreed: Option<MediaAgreement>,
    pub(super) number: String,
    pub(super) ip: std::net::IpAddr,
    pub(super) permit: Option<Permit>,
}

impl Drop for LivePorts {
    /// However the call's task ends, no agent is left waiting for it.
    fn drop(&mut self) {
        self.shared.queues.gone(self.id);
        self.shared.boards.gone(self.id);
    }
}

impl LivePorts {
    pub(super) fn new(
        (id, began): (CallId, WallTime),
        shared: Arc<Shared>,
        flow: Arc<Flow>,
        caller: CallerSide,
        (ear, events): (Ear, EventLog),
        inbox: mpsc::Sender<Inbox>,
        leg_events: mpsc::Sender<(LegKey, LegEvent)>,
    ) -> LivePorts {
        let (caller, number, ours) = match caller {
            CallerSide::CameIn(caller) => (Some(caller), None, None),
            CallerSide::Called { number, ours } => (None, Some(number), Some(ours)),
        };
        let caller_number = caller.as_ref().map(|caller| caller.number.clone()).or(number).unwrap_or_default();
        let ip = caller.as_ref().map_or_else(|| shared.sip.local_ip_toward(SOMEWHERE), |caller| caller.ip);
        let language = flow.languages.first().copied().unwrap_or_default();
        let store = shared.store.clone();
        let mut ports = LivePorts {
            id,
            shared,
            flow,
            inbox,
            legs: BTreeMap::new(),
            closed: BTreeSet::new(),
            ear: Some(ear),
            agent_ears: BTreeMap::new(),
            answer_sdp: String::new(),
            store,
            events: Some(events),
            began,
            language,
            caller_number,
            ours,
            ip,
            recording: false,
            codec: None,
            _permit: None,
            leg_events,
            parted: None,
            sent_on: None,
        };
        if let Some(caller) = caller {
            ports.came_in(*caller);
        }
        ports
    }

    fn came_in(&mut self, caller: CameIn) {
        let CameIn { dialog, key, port, sdp, answer_sdp, agreed, number: _, ip, permit } = caller;
        let leg = LiveLeg::new(dialog, (key, port), sdp, ip, true);
        self.legs.insert(LegId::Caller, leg);
        (self.answer_sdp, self._permit) = (answer_sdp, permit);
        if let Some(agreed) = agreed {
            self.remote(key, agreed);
        }
    }

    /// Which leg a key of the audio plane belongs to.
    pub(super) fn leg_of(&self, key: LegKey) -> Option<LegId> {
        self.legs.iter().find(|(_, leg)| leg.key == key).map(|(id, _)| *id)
    }

    /// Legs of an ended call whose numbers are still to come.
    pub(super) fn is_waiting_for_numbers(&self) -> bool {
        self.closed.len() < self.legs.len()
    }

    fn leg_of_dialog(&self, dialog: DialogKey) -> Option<LegId> {
        self.legs.iter().find(|(_, leg)| leg.dialog == dialog).map(|(id, _)| *id)
    }

    fn remote(&mut self, key: LegKey, agreed: MediaAgreement) {
        if self.legs.get(&LegId::Caller).is_some_and(|leg| leg.key == key) {
            self.codec = Some(agreed.codec);
        }
        self.shared.plane.command(key, LegCommand::Remote(negotiated(agreed)));
    }

    fn send(&self, command: SipCommand) {
        if self.shared.sip.send(command).is_err() {
            tracing::error!(call = %self.id, "signalling is overrun; a message was not sent");
        }
    }

    /// What a SIP event means for the call. Offers are answered here.
    pub(super) fn signalling(&mut self, event: SipEvent) -> Vec<Happening> {
        match event {
            SipEvent::Acked { dialog, answer } => self.acked(dialog, answer),
            SipEvent::Reoffer { dialog, offer } => self.reoffer(dialog, offer),
            SipEvent::InfoDigit { dialog, digit } => self.info_digit(dialog, digit),
            SipEvent::ReferProgress { dialog, status, last } => self.refer_progress(dialog, status, last),
            SipEvent::Ringing { dialog, .. } => self.agent(dialog, |_| AgentEvent::Ringing),
            SipEvent::Answered { dialog, sdp } => self.agent_answered(dialog, &sdp),
            SipEvent::Ended { dialog, why } => self.dialog_ended(dialog, why),
            SipEvent::Reanswered { dialog, sdp } => self.reanswered(dialog, &sdp),
            SipEvent::Incoming { dialog, offer, replaces: Some(old), source, origin, .. } => {
                self.taken_over(old, Taker { dialog, source, trunk: origin.trunk }, offer.as_deref())
            }
            SipEvent::ReferAsked { dialog, to } => self.refer_asked(dialog, to),
            SipEvent::Incoming { .. } | SipEvent::ReofferRefused { .. } | SipEvent::Phone { .. } => Vec::new(),
        }
    }

    fn acked(&mut self, dialog: DialogKey, answer: Option<String>) -> Vec<Happening> {
        let Some(id) = self.leg_of_dialog(dialog) else { return Vec::new() };
        let Some(leg) = self.legs.get_mut(&id) else { return Vec::new() };
        let (replaced, connected, ip) = (leg.replaced.take(), leg.connected, leg.ip);
        if let Some(replaced) = replaced {
            self.send(SipCommand::HangUp { dialog: replaced.dialog });
        }
        if connected || id != LegId::Caller {
            // The answer to an offer of ours in a 200 inside a call (or to who took a place) comes with the ACK.
            return answer.map_or_else(Vec::new, |answer| self.reanswered(dialog, &answer));
        }
        let Some(leg) = self.legs.get_mut(&id) else { return Vec::new() };
        leg.connected = true;
        if let Some(answer) = answer {
            match leg.sdp.accept_answer(&answer, ip) {
                Ok(agreed) => {
                    let key = leg.key;
                    self.remote(key, agreed);
                }
                Err(error) => {
                    let why = format!("the caller's answer to our offer does not fit: {error}");
                    return vec![Happening::Call(Event::Trouble(why)), Happening::Call(Event::CallerLost)];
                }
            }
        }
        vec![Happening::Call(Event::Answered)]
    }

    fn reoffer(&mut self, dialog: DialogKey, offer: Option<String>) -> Vec<Happening> {
        let Some(id) = self.leg_of_dialog(dialog) else { return Vec::new() };
        let Some(leg) = self.legs.get_mut(&id) else { return Vec::new() };
        let (key, port, ip) = (leg.key, leg.port, leg.ip);
        match offer.map(|o| leg.sdp.answer(&o, ip, port)) {
            Some(Ok((agreed, sdp))) => {
                self.remote(key, agreed);
                self.send(SipCommand::AnswerReoffer { dialog, sdp });
                match id {
                    LegId::Caller => vec![Happening::Call(Event::Held(!agreed.send))],
                    LegId::Agent(_) => Vec::new(),
                }
            }
            Some(Err(error)) => {
                self.send(SipCommand::RejectReoffer { dialog, status: error.status() });
                Vec::new()
            }
            None => {
                let sdp = leg.sdp.offer(ip, port);
                self.send(SipCommand::AnswerReoffer { dialog, sdp });
                Vec::new()
            }
        }
    }

    /// The answer to an offer of ours inside a call.
    fn reanswered(&mut self, dialog: DialogKey, sdp: &str) -> Vec<Happening> {
        let Some(id) = self.leg_of_dialog(dialog) else { return Vec::new() };
        let Some(leg) = self.legs.get_mut(&id) else { return Vec::new() };
        match leg.sdp.accept_answer(sdp, leg.ip) {
            Ok(agreed) => {
                let key = leg.key;
                self.remote(key, agreed);
                if id == LegId::Caller {
                    return vec![Happening::Call(Event::Held(!agreed.send))];
                }
            }
            Err(error) => tracing::warn!(call = %self.id, %error, "the answer to a change does not fit; nothing is changed"),
        }
        Vec::new()
    }

    fn info_digit(&mut self, dialog: DialogKey, digit: Digit) -> Vec<Happening> {
        let Some(leg) = self.leg_of_dialog(dialog) else { return Vec::new() };
        let at = self.shared.now();
        self.leg(leg, LegCommand::StopPlaying);
        vec![Happening::Leg { leg, event: LegEvent::Digit { digit, at } }]
    }

    fn refer_progress(&mut self, dialog: DialogKey, status: u16, last: bool) -> Vec<Happening> {
        let caller = self.legs.get(&LegId::Caller).is_some_and(|l| l.dialog == dialog);
        let Some(attempt) = self.shared.referring(self.id).filter(|_| caller) else { return Vec::new() };
        let outcome = match (status, last) {
            (202, false) => ReferOutcome::Accepted,
            (_, false) => ReferOutcome::Progress(status),
            // Last word 100 or 202: the subscription ended without an outcome.
            (200..=201 | 203..=299, true) => ReferOutcome::Succeeded,
            (100..=202, true) => ReferOutcome::Failed(408),
            _ => ReferOutcome::Failed(status),
        };
        vec![Happening::Call(Event::Referred { attempt, outcome })]
    }

    fn agent(&self, dialog: DialogKey, event: impl Fn(AttemptId) -> AgentEvent) -> Vec<Happening> {
        match self.leg_of_dialog(dialog) {
            Some(LegId::Agent(attempt)) => vec![Happening::Call(Event::Agent { attempt, event: event(attempt) })],
            _ => Vec::new(),
        }
    }

    fn agent_answered(&mut self, dialog: DialogKey, sdp: &str) -> Vec<Happening> {
        let Some(id) = self.leg_of_dialog(dialog) else { return Vec::new() };
        let Some(leg) = self.legs.get_mut(&id) else { return Vec::new() };
        // What the call hears of it, answered or not: the person who is called back has no attempt.
        let (answered, failed) = match id {
            LegId::Caller => (Event::Answered, Event::PersonFailed { status: 488 }),
            LegId::Agent(attempt) => (
                Event::Agent { attempt, event: AgentEvent::Answered },
                Event::Agent { attempt, event: AgentEvent::Failed { status: 488, contact: None } },
            ),
        };
        leg.connected = true;
        let key = leg.key;
        match leg.sdp.accept_answer(sdp, leg.ip) {
            Ok(agreed) => {
                self.remote(key, agreed);
                vec![Happening::Call(answered)]
            }
            Err(error) => {
                tracing::warn!(call = %self.id, ?id, %error, "the answer of who was called does not fit");
                self.hang_up(id);
                vec![Happening::Call(failed)]
            }
        }
    }

    fn dialog_ended(&mut self, dialog: DialogKey, why: EndedWhy) -> Vec<Happening> {
        self.shared.forget(dialog);
        if let Some(leg) = self.legs.values_mut().find(|leg| leg.replaced.as_ref().is_some_and(|old| old.dialog == dialog)) {
            // Whose place was to be taken went by itself.
            leg.replaced = None;
            return Vec::new();
        }
        let Some(id) = self.leg_of_dialog(dialog) else { return Vec::new() };
        if self.come_back(id) {
            return Vec::new();
        }
        if self.next_way_after(id, &why) {
            return Vec::new();
        }
        let Some(leg) = self.legs.get_mut(&id) else { return Vec::new() };
        leg.way = None;
        let (was_up, connected, key) = (leg.up, leg.connected, leg.key);
        leg.up = false;
        // The caller's audio is closed with the call: the end of a message may still be in it.
        if id != LegId::Caller {
            self.shared.plane.command(key, LegCommand::Close);
        }
        match id {
            _ if !was_up => Vec::new(),
            LegId::Caller if !connected && self.ours.is_some() => {
                let status = match why {
                    EndedWhy::Refused { status, .. } => status,
                    EndedWhy::TimedOut => 408,
                    EndedWhy::Broken(_) => 503,
                    _ => 487,
                };
                vec![Happening::Call(Event::PersonFailed { status })]
            }
            LegId::Caller => vec![Happening::Call(match why {
                EndedWhy::Broken(_) | EndedWhy::TimedOut | EndedWhy::Expired => Event::CallerLost,
                _ => Event::CallerHungUp,
            })],
            LegId::Agent(attempt) => {
                self.agent_leg_is_over(attempt);
                let event = match why {
                    EndedWhy::Broken(_) | EndedWhy::TimedOut | EndedWhy::Expired if connected => AgentEvent::Lost,
                    _ if connected => AgentEvent::HungUp,
                    EndedWhy::Refused { status, contact } => {
                        let contact = contact.map(|c| c.chars().take(CONTACT_MAX).collect());
                        AgentEvent::Failed { status, contact }
                    }
                    EndedWhy::TimedOut => AgentEvent::Failed { status: 408, contact: None },
                    EndedWhy::Broken(why) => {
                        tracing::warn!(call = %self.id, why, "the agent's dialog broke");
                        AgentEvent::Failed { status: 503, contact: None }
                    }
                    _ => AgentEvent::Failed { status: 487, contact: None },
                };
                vec![Happening::Call(Event::Agent { attempt, event })]
            }
        }
    }

    fn kept(&self, kept: bool) {
        if !kept {
            metrics::counter!("hotline_store_lost_total").increment(1);
        }
    }

    fn later(&self, happening: Happening) -> impl Future<Output = ()> + Send + 'static {
        let inbox = self.inbox.clone();
        async move {
            let _ = inbox.send(Inbox::Happening(happening)).await;
        }
    }
}

/// SDP's words into the plane's.
pub(super) fn negotiated(agreed: MediaAgreement) -> Negotiated {
    let MediaAgreement { remote, codec, payload, dtmf, packet_ms, noise, rtcp_mux, srtp, send, receive } = agreed;
    Negotiated { remote, codec, payload, dtmf, packet_ms, noise, rtcp_mux, srtp, send, receive }
}

/// The plane's numbers into the record's words.
fn leg_record(leg: LegId, stats: &LegStats) -> LegRecord {
    let opinion = |x100: Option<u16>| x100.map(|m| f64::from(m) / 100.0);
    LegRecord {
        leg: match leg {
            LegId::Caller => "caller".to_string(),
            LegId::Agent(attempt) => format!("agent {attempt}"),
        },
        codec: stats.codec.map(|c| c.name().to_string()),
        encrypted: stats.encrypted,
        packets_in: stats.packets_in,
        packets_out: stats.packets_out,
        lost: stats.lost,
        late: stats.late,
        discarded: stats.discarded,
        jitter_us: stats.jitter_us,
        buffer_ms: stats.buffer_ms,
        round_trip_ms: stats.round_trip_ms,
        mos: opinion(stats.mos_x100),
        far_lost: stats.far_lost,
        far_jitter_us: stats.far_jitter_us,
        far_mos: opinion(stats.far_mos_x100),
        one_way: stats.one_way.map(|way| {
            let word = match way {
                OneWay::NothingIn => "nothing_in",
                OneWay::NothingOut => "nothing_out",
            };
            word.to_string()
        }),
    }
}
