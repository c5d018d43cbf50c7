//! Calls that nobody makes: an agent is offered one, and then somebody is called back.

use super::call_task::CallTask;
use super::router::Router;
use super::{INBOX, lock};
use crate::call::{Call, CallSettings, Event};
use crate::drive::Driver;
use crate::server::live::{CallerSide, LivePorts};
use crate::server::queues::Start;
use crate::server::settings::Served;
use tokio::sync::mpsc;

impl Router {
    /// A call that nobody makes: an agent is offered it, and then somebody is called back.
    pub(super) fn call_back(&mut self, start: Start) {
        let Start { call: id, flow, card_reference, back, inbox, messages } = start;
        let dialled = back.wish.card.dialled.as_str();
        let served = self.flow_for(dialled).filter(|served| served.flow.name == flow).or_else(|| self.flow_named(&flow));
        let Some(Served { flow, base_dir, .. }) = served else {
            return self.shared.queues.no_flow(id);
        };
        if self.calls.len() >= self.max_calls {
            tracing::warn!(call = %id, flow = flow.name, "a call-back cannot begin now: too many calls go on");
            return self.shared.queues.gone(id);
        }
        let (leg_events, from_legs) = mpsc::channel(INBOX);
        let ear = self.attach_ear(&inbox);
        tracing::info!(call = %id, flow = %flow.name, number = %back.wish.number.tail(), "somebody is called back");
        let settings = CallSettings { card_reference, ..self.settings_of(base_dir) };
        let (began, number) = (back.wall, back.wish.number.as_str().to_string());
        let side = CallerSide::Called { number, ours: dialled.to_string() };
        let events = self.shared.event_log(id, began, &flow, settings.clone());
        let call = Call::new(id, flow.clone(), settings);
        let ports = LivePorts::new((id, began), self.shared.clone(), flow, side, (ear, events), inbox, leg_events);
        let task = CallTask { shared: self.shared.clone(), driver: Driver::new(call, ports), messages, from_legs };
        self.calls.spawn(task.run(id, vec![Event::CallsBack(Box::new(back))], None));
    }

    fn flow_named(&self, name: &str) -> Option<Served> {
        lock(&self.numbers).iter().find(|served| served.flow.name == name).cloned()
    }
}
