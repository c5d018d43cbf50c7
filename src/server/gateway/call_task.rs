//! The task of one call: what happens on its lines, in its ears and elsewhere goes into its driver, in order.

use super::{Inbox, LAST_NUMBERS, Shared, lock};
use crate::base::CallId;
use crate::call::{Call, Event};
use crate::drive::{Driver, Happening, Ports as _};
use crate::media::{LegEvent, LegKey};
use crate::server::live::LivePorts;
use crate::sip::DialogKey;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// One task owns one call.
pub(super) struct CallTask {
    pub(super) shared: Arc<Shared>,
    pub(super) driver: Driver<Call, LivePorts>,
    pub(super) messages: mpsc::Receiver<Inbox>,
    pub(super) from_legs: mpsc::Receiver<(LegKey, LegEvent)>,
}

impl CallTask {
    /// `first` = what is known of the call from its INVITE.
    pub(super) async fn run(mut self, id: CallId, first: Vec<Event>, dialog: Option<DialogKey>) {
        for event in first {
            self.driver.handle(self.shared.now(), Happening::Call(event));
        }
        while !self.driver.is_over() {
            let due = self.driver.next_timer().map(|at| self.shared.epoch + Duration::from_micros(at.micros()));
            let timer = tokio::time::sleep_until(due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600)).into());
            tokio::select! {
                Some(message) = self.messages.recv() => self.message(message),
                Some((key, event)) = self.from_legs.recv() => self.leg_event(key, event),
                () = timer, if due.is_some() => self.driver.handle(self.shared.now(), Happening::Tick),
            }
        }
        if let Some(dialog) = dialog {
            self.shared.forget(dialog);
        }
        lock(&self.shared.referring).remove(&id);
        self.last_numbers().await;
    }

    /// The plane closes legs within a tick or two; their numbers belong to the record.
    async fn last_numbers(&mut self) {
        let until = tokio::time::Instant::now() + LAST_NUMBERS;
        while self.driver.ports().is_waiting_for_numbers() {
            let Ok(Some((key, event))) = tokio::time::timeout_at(until, self.from_legs.recv()).await else { return };
            if let LegEvent::Closed(stats) = event
                && let Some(leg) = self.driver.ports().leg_of(key)
            {
                self.driver.ports().leg_closed(leg, stats);
            }
        }
    }

    fn message(&mut self, message: Inbox) {
        let now = self.shared.now();
        match message {
            Inbox::Sip(event) => {
                for happening in self.driver.ports().signalling(event) {
                    self.driver.handle(now, happening);
                }
            }
            Inbox::Ear(event) => self.driver.handle(now, Happening::Ear(event)),
            Inbox::Happening(happening) => self.driver.handle(now, happening),
        }
    }

    fn leg_event(&mut self, key: LegKey, event: LegEvent) {
        if let Some(leg) = self.driver.ports().leg_of(key) {
            self.driver.handle(self.shared.now(), Happening::Leg { leg, event });
        }
    }
}
