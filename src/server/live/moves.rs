//! Callers who are moved on: what phones ask for by REFER and by INVITE with Replaces.

use super::{LiveLeg, LivePorts, Replaced};
use crate::base::{AttemptId, LegId};
use crate::call::{AgentEvent, Event, ReferOutcome};
use crate::drive::Happening;
use crate::server::destinations::{self, Agent};
use crate::sip::{DialogKey, SipCommand};
use std::net::SocketAddr;
use std::time::Duration;

/// A call that is to take another's place.
pub(super) struct Taker {
    pub(super) dialog: DialogKey,
    pub(super) source: SocketAddr,
    /// By which it came, if by one of ours.
    pub(super) trunk: Option<String>,
}

impl LivePorts {
    /// Only an agent's phone may send the caller on, and only to where the flow and its own host are.
    pub(super) fn refer_asked(&mut self, dialog: DialogKey, to: String) -> Vec<Happening> {
        match self.leg_of_dialog(dialog) {
            Some(id @ LegId::Agent(attempt)) => {
                let allowed = self.legs.get(&id).is_some_and(|leg| {
                    let agent = Agent { address: leg.address.as_deref().unwrap_or_default(), by_trunk: leg.way.is_some() };
                    destinations::may_dial(&to, &self.flow, agent)
                });
                self.sent_on = allowed.then(|| to.clone());
                vec![Happening::Call(Event::Agent { attempt, event: AgentEvent::Refers { to, allowed } })]
            }
            _ => {
                self.send(SipCommand::AnswerRefer { dialog, status: 603 });
                Vec::new()
            }
        }
    }

    /// Another phone takes the place of a party: its audio goes on through the same leg.
    pub(super) fn taken_over(&mut self, old: DialogKey, taker: Taker, offer: Option<&str>) -> Vec<Happening> {
        let (dialog, ip) = (taker.dialog, self.shared.sip.local_ip_toward(taker.source.ip()));
        let free = |leg: &LiveLeg| leg.dialog == old && leg.up && leg.connected && leg.replaced.is_none();
        let Some((id, leg)) = self.legs.iter_mut().find(|(_, leg)| free(leg)) else {
            self.send(SipCommand::Reject { dialog, status: 481, retry_after: None });
            return Vec::new();
        };
        let (id, key, port) = (*id, leg.key, leg.port);
        let mut sdp = self.shared.sdp_session_of(taker.trunk.as_deref());
        let (agreed, text) = match offer.map(|offer| sdp.answer(offer, ip, port)) {
            Some(Ok((agreed, text))) => (Some(agreed), text),
            Some(Err(error)) => {
                self.send(SipCommand::Reject { dialog, status: error.status(), retry_after: None });
                return Vec::new();
            }
            None => (None, sdp.offer(ip, port)),
        };
        let sdp = std::mem::replace(&mut leg.sdp, sdp);
        let replaced = Replaced { dialog: old, sdp, ip: std::mem::replace(&mut leg.ip, ip) };
        (leg.dialog, leg.replaced) = (dialog, Some(Box::new(replaced)));
        self.shared.register(dialog, self.inbox.clone());
        self.send(SipCommand::Answer { dialog, sdp: text });
        if let Some(agreed) = agreed {
            self.remote(key, agreed);
        }
        vec![Happening::Call(Event::TakenOver { leg: id })]
    }

    /// The phone that was to take a place is gone before it acknowledged: the old one is the party again, its audio is agreed
    /// anew. False when there is no old one.
    pub(super) fn come_back(&mut self, id: LegId) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else { return false };
        let Some(old) = leg.replaced.take().filter(|_| leg.up) else { return false };
        (leg.dialog, leg.sdp, leg.ip) = (old.dialog, old.sdp, old.ip);
        // The counters of the keys that it had went when the other phone's keys came.
        leg.sdp.renew_keys();
        let (dialog, sdp) = (leg.dialog, leg.sdp.offer(leg.ip, leg.port));
        tracing::warn!(call = %self.id, "a phone that took a party's place was gone at once; the old one is back");
        self.send(SipCommand::Reinvite { dialog, sdp });
        true
    }

    pub(super) fn dialog_of(&self, attempt: AttemptId) -> Option<DialogKey> {
        self.legs.get(&LegId::Agent(attempt)).filter(|leg| leg.up).map(|leg| leg.dialog)
    }

    /// Whatever the far end does, the outcome is known after `patience`.
    pub(super) fn give_up_referring(&self, attempt: AttemptId, patience: Duration) {
        let failed = Event::Referred { attempt, outcome: ReferOutcome::Failed(408) };
        let later = self.later(Happening::Call(failed));
        tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            later.await;
        });
    }
}
