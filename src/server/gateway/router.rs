//! Routes signalling to calls, and takes new ones in.

use super::call_task::CallTask;
use super::{Emergency, INBOX, Inbox, Numbers, Shared, lock, wall_now};
use crate::base::{CallId, PhoneNumber};
use crate::call::{Call, CallSettings, Event};
use crate::drive::Driver;
use crate::media::LegCommand;
use crate::server::live::{CallerSide, CameIn, LivePorts};
use crate::server::phone_calls::Asked;
use crate::server::queues::Start;
use crate::server::rate::{Asking, Rate};
use crate::server::settings::Served;
use crate::sip::trunk::{Direction, Permit};
use crate::sip::{DialogKey, Origin, RETRY_AFTER, SipCommand, SipEvent};
use crate::speech::Ear;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Routes signalling to calls and takes new ones in.
pub(super) struct Router {
    pub(super) shared: Arc<Shared>,
    pub(super) rate: Rate,
    pub(super) emergency: Emergency,
    pub(super) numbers: Numbers,
    pub(super) calls: tokio_util::task::TaskTracker,
    pub(super) max_calls: usize,
    pub(super) longest: Duration,
    pub(super) transcript: bool,
    pub(super) transcript_agents: bool,
}

impl Router {
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<SipEvent>, mut starts: mpsc::UnboundedReceiver<Start>) {
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event @ SipEvent::Incoming { replaces: None, .. }) => self.incoming(event),
                    Some(SipEvent::Phone { login, there }) => self.shared.queues.phone(&login, there),
                    Some(other) => self.pass_on(other),
                    None => return,
                },
                Some(start) = starts.recv() => self.call_back(start),
            }
        }
    }

    /// Ears for one call's inbox.
    pub(super) fn attach_ear(&self, inbox: &mpsc::Sender<Inbox>) -> Ear {
        let to_ear = inbox.clone();
        self.shared.ears.attach(Box::new(move |event| {
            if to_ear.try_send(Inbox::Ear(event)).is_err() {
                tracing::error!("a call's inbox is full or closed; what its ears heard was lost");
            }
        }))
    }

    /// What a call is told before it begins.
    pub(super) fn settings_of(&self, base_dir: PathBuf) -> CallSettings {
        CallSettings {
            card_reference: format!("{:032x}", rand::random::<u128>()),
            ears: self.shared.ears.languages(),
            base_dir,
            incident: self.shared.incident(wall_now()),
            longest: self.longest,
            transcript: self.transcript,
            transcript_agents: self.transcript_agents,
            ..CallSettings::default()
        }
    }

    fn pass_on(&self, event: SipEvent) {
        let dialog = dialog_of(&event);
        let inbox = lock(&self.shared.dialogs).get(&dialog).cloned();
        if let (None, SipEvent::Incoming { dialog, .. }) = (&inbox, &event) {
            return self.reject(*dialog, 481, None);
        }
        let Some(inbox) = inbox else { return };
        let (status, lost) = match inbox.try_send(Inbox::Sip(event)) {
            Ok(()) => return,
            Err(TrySendError::Full(lost)) => {
                tracing::error!(?dialog, "a call's inbox is full; a signalling event was lost");
                ((503, Some(RETRY_AFTER)), lost)
            }
            Err(TrySendError::Closed(lost)) => {
                // The call is over, and its dialogs with it.
                self.shared.forget(dialog);
                ((481, None), lost)
            }
        };
        if let Inbox::Sip(SipEvent::Incoming { dialog, .. }) = lost {
            self.reject(dialog, status.0, status.1);
        }
    }

    pub(super) fn flow_for(&self, dialled: &str) -> Option<Served> {
        let numbers = lock(&self.numbers).clone();
        let exact = numbers.iter().find(|served| served.number == dialled);
        exact.or_else(|| numbers.iter().find(|served| served.number == "*")).cloned()
    }

    pub(super) fn reject(&self, dialog: DialogKey, status: u16, retry_after: Option<u32>) {
        metrics::counter!("hotline_rejected_total", "status" => status.to_string()).increment(1);
        let _ = self.shared.sip.send(SipCommand::Reject { dialog, status, retry_after });
    }

    /// Whether this caller may call now, and the call's place on its trunk; otherwise the status that says so.
    pub(super) fn admit(&mut self, from: &str, source: SocketAddr, origin: &Origin) -> Result<Option<Permit>, (u16, String)> {
        let now = self.shared.now();
        let caller = origin.hidden.as_ref().map_or(from, |number| number.reveal());
        let asking = Asking { source: source.ip(), trusted: origin.trusted, caller, hidden: origin.hidden.is_some() };
        self.rate.admit(now, asking).map_err(|shed| (shed.status(), shed.why().to_string()))?;
        let place = |name: &String| self.shared.board().begin(now, name, Direction::In).map_err(|e| (503, e.to_string()));
        origin.trunk.as_ref().map(place).transpose()
    }

    fn incoming(&mut self, event: SipEvent) {
        let SipEvent::Incoming { dialog, from, to, source, call_id, offer, origin, .. } = event else { return };
        if let Some(login) = &origin.phone {
            let emergency = lock(&self.emergency).numbers.contains(&to);
            if emergency || self.flow_for(&to).is_none() {
                let asked = Asked { dialog, login: login.clone(), number: to, ip: source.ip(), offer, emergency };
                return self.phone_call(asked, &from, source, &origin);
            }
        }
        let Some(Served { flow, base_dir, .. }) = self.flow_for(&to) else {
            tracing::info!(call_id, dialled = %PhoneNumber::new(&to).tail(), "no flow serves this number");
            return self.reject(dialog, 404, None);
        };
        if self.calls.len() >= self.max_calls {
            return self.reject(dialog, 503, Some(RETRY_AFTER));
        }
        let permit = match self.admit(&from, source, &origin) {
            Ok(permit) => permit,
            Err((status, why)) => {
                tracing::info!(call_id, caller = %PhoneNumber::new(&from).tail(), why, "a call was not taken");
                return self.reject(dialog, status, (status == 503).then_some(RETRY_AFTER));
            }
        };
        let (leg_events, from_legs) = mpsc::channel(INBOX);
        let (inbox, messages) = mpsc::channel(INBOX);
        let ear = self.attach_ear(&inbox);
        let (key, port) = match self.shared.plane.open(leg_events.clone(), Some(ear.tap())) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(call_id, %error, "no audio for a new call");
                return self.reject(dialog, 503, Some(RETRY_AFTER));
            }
        };
        let mut sdp = self.shared.sdp_session_of(origin.trunk.as_deref());
        let ip = self.shared.sip.local_ip_toward(source.ip());
        let (agreed, answer_sdp) = match offer.as_deref().map(|o| sdp.answer(o, ip, port)) {
            Some(Ok((agreed, text))) => (Some(agreed), text),
            Some(Err(error)) => {
                tracing::info!(call_id, %error, "an offer does not fit");
                self.shared.plane.command(key, LegCommand::Close);
                return self.reject(dialog, error.status(), None);
            }
            None => (None, sdp.offer(ip, port)),
        };
        self.shared.register(dialog, inbox.clone());
        let _ = self.shared.sip.send(SipCommand::Ring { dialog });
        let id = CallId(rand::random());
        tracing::info!(call = %id, call_id, flow = %flow.name, caller = %PhoneNumber::new(&from).tail(),
            trunk = origin.trunk.as_deref().unwrap_or("-"), "a call came in");
        let settings = self.settings_of(base_dir);
        let (began, flow_name) = (wall_now(), flow.name.clone());
        let events = self.shared.event_log(id, began, &flow, settings.clone());
        let call = Call::new(id, flow.clone(), settings);
        let caller = CameIn { dialog, key, port, sdp, answer_sdp, agreed, number: from.clone(), ip, permit };
        let ports = LivePorts::new(
            (id, began),
            self.shared.clone(),
            flow,
            CallerSide::CameIn(Box::new(caller)),
            (ear, events),
            inbox,
            leg_events,
        );
        let arrived = Event::Arrived { caller: PhoneNumber::new(&from), dialled: PhoneNumber::new(&to), wall: began };
        let diverted = origin.diverted.map(|d| Event::Diverted { from: PhoneNumber::new(&d.number), reason: d.reason });
        let place = self.shared.queues.place_of(id, &from, &flow_name).map(|place| Event::HasPlace(Box::new(place)));
        let first = [Some(arrived), diverted, place].into_iter().flatten().collect();
        let task = CallTask { shared: self.shared.clone(), driver: Driver::new(call, ports), messages, from_legs };
        self.calls.spawn(task.run(id, first, Some(dialog)));
    }
}

fn dialog_of(event: &SipEvent) -> DialogKey {
    match event {
        // A call that takes another's place belongs to that one's call.
        SipEvent::Incoming { replaces: Some(dialog), .. }
        | SipEvent::Incoming { dialog, .. }
        | SipEvent::Acked { dialog, .. }
        | SipEvent::Reoffer { dialog, .. }
        | SipEvent::Reanswered { dialog, .. }
        | SipEvent::ReofferRefused { dialog, .. }
        | SipEvent::InfoDigit { dialog, .. }
        | SipEvent::ReferProgress { dialog, .. }
        | SipEvent::ReferAsked { dialog, .. }
        | SipEvent::Ringing { dialog, .. }
        | SipEvent::Answered { dialog, .. }
        | SipEvent::Ended { dialog, .. } => *dialog,
        // The router takes it.
        SipEvent::Phone { .. } => DialogKey(0),
    }
}
