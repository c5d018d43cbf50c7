//! Calls that agents' registered phones make.

use super::router::Router;
use crate::server::phone_calls::{Asked, PhoneCall};
use crate::sip::{Origin, RETRY_AFTER};
use std::net::SocketAddr;

impl Router {
    /// A call of an agent's phone that no flow takes: an emergency at once, whatever else there is to do; or one that is not made.
    pub(super) fn phone_call(&mut self, asked: Asked, from: &str, source: SocketAddr, origin: &Origin) {
        let dialog = asked.dialog;
        if !asked.emergency {
            if self.calls.len() >= self.max_calls {
                return self.reject(dialog, 503, Some(RETRY_AFTER));
            }
            if let Err((status, why)) = self.admit(from, source, origin) {
                tracing::info!(phone = asked.login, why, "a call of an agent's phone was not taken");
                return self.reject(dialog, status, (status == 503).then_some(RETRY_AFTER));
            }
        }
        let config = super::lock(&self.emergency).clone();
        match PhoneCall::begin(&self.shared, &asked) {
            Err(status) => self.reject(dialog, status, None),
            Ok(call) if asked.emergency => drop(self.calls.spawn(call.emergency(config))),
            Ok(call) => drop(self.calls.spawn(call.nowhere(config))),
        }
    }
}
