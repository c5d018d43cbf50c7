//! Changes of theirs inside a call: re-INVITE and UPDATE, which the application answers.

use super::core::Core;
use super::dialog::{Entry, Reoffer};
use super::incoming::{Refusal, accept, retry_soon};
use super::message::{described, target_of};
use super::refresh;
use crate::sip::bodies::Described;
use crate::sip::session_timer::Granted;
use crate::sip::{ALLOW, DialogKey, SipEvent};
use rsipstack::dialog::dialog::{Dialog, TransactionHandle};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, StatusCode};
use tokio::time::Instant;

impl Core {
    /// A re-INVITE or an UPDATE.
    pub(super) async fn on_reoffer(&mut self, key: DialogKey, request: &Request, handle: TransactionHandle) {
        let Some(entry) = self.entries.get(&key) else { return };
        let (offer, granted) = match self.reoffered(entry, request) {
            Ok(reoffered) => reoffered,
            Err((status, headers)) => {
                let _ = handle.respond(status, Some(headers), None).await;
                return;
            }
        };
        let late = match &offer {
            Some(_) => None,
            None => request.cseq_header().and_then(|c| c.seq()).ok(),
        };
        let reoffer = Reoffer { handle, late, target: target_of(request), granted, since: Instant::now() };
        if request.method == Method::Update && offer.is_none() {
            // It only refreshes the session and the target (RFC 3311 §5.1).
            return self.agree_to(key, reoffer, None).await;
        }
        if request.method == Method::Invite {
            // Theirs is not repeated while the application thinks (RFC 3261 §17.2.1).
            let _ = reoffer.handle.reply(StatusCode::Trying).await;
        }
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.heard = offer.clone().or(entry.heard.take());
            entry.reoffer = Some(reoffer);
        }
        self.tell(SipEvent::Reoffer { dialog: key, offer }).await;
    }

    /// What they offer and what it is granted, or why not now (RFC 3261 §14.2, RFC 3311 §5.2).
    fn reoffered(&self, entry: &Entry, request: &Request) -> Result<(Option<String>, Option<Granted>), Refusal> {
        let invite = request.method == Method::Invite;
        let offer = match described(request) {
            Described::Sdp(sdp) => Some(sdp),
            Described::Nothing => None,
            Described::Other => return Err((StatusCode::UnsupportedMediaType, vec![accept()])),
        };
        if invite || offer.is_some() {
            if entry.reoffer.as_ref().is_some_and(|r| r.since.elapsed() < self.shared.cfg.t1 * 64) {
                // Theirs before this one has no answer yet.
                return Err(retry_soon());
            }
            if entry.change.as_ref().is_some_and(|c| c.offer.is_some() && c.retry_at.is_none()) {
                return Err((StatusCode::RequestPending, vec![]));
            }
        }
        Ok((offer, self.grant(request, Some(entry))?))
    }

    pub(super) async fn answer_reoffer(&mut self, key: DialogKey, sdp: String) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(reoffer) = entry.reoffer.take() else { return };
        entry.answer_in_ack = reoffer.late;
        entry.said = Some(sdp.clone());
        self.agree_to(key, reoffer, Some(sdp)).await;
    }

    /// 200 to a re-INVITE or UPDATE.
    async fn agree_to(&mut self, key: DialogKey, reoffer: Reoffer, sdp: Option<String>) {
        let Some(entry) = self.entries.get(&key) else { return };
        if let Some((uri, contact)) = reoffer.target {
            Dialog::Invite(entry.dialog.clone()).set_remote_target(uri, Some(contact));
        }
        self.granted(key, reoffer.granted);
        let mut headers = vec![Header::Allow(ALLOW.into()), Header::Supported(self.supported().into())];
        headers.extend(refresh::headers_of(reoffer.granted));
        if sdp.is_some() {
            headers.push(Header::ContentType("application/sdp".into()));
        }
        let _ = reoffer.handle.respond(StatusCode::OK, Some(headers), sdp.map(String::into_bytes)).await;
    }

    pub(super) async fn reject_reoffer(&mut self, key: DialogKey, status: u16) {
        let Some(reoffer) = self.entries.get_mut(&key).and_then(|e| e.reoffer.take()) else { return };
        let status = if (400..700).contains(&status) { status } else { 488 };
        let _ = reoffer.handle.reply(StatusCode::from(status)).await;
    }
}
