//! Requests in dialogs whose INVITE has no final answer yet. The crate leaves them unanswered; here they are served like those of
//! a confirmed dialog, as far as that makes sense (RFC 3311 §5.2, RFC 6086 §4.2).

use super::core::Core;
use super::dialog::{Entry, Phase};
use super::incoming::{not_allowed, retry_soon};
use crate::sip::DialogKey;
use rsipstack::dialog::dialog::{TransactionCommand, TransactionHandle};
use rsipstack::sip::{Header, Method, StatusCode};
use rsipstack::transaction::transaction::Transaction;

impl Core {
    /// A request in an early dialog, other than PRACK, BYE and OPTIONS.
    pub(super) async fn on_early_request(&mut self, key: DialogKey, tx: Transaction) {
        let request = tx.original.clone();
        match request.method {
            Method::Info => {
                let handle = answer_by_handle(self, key, tx);
                self.on_info(key, &request, handle).await;
            }
            Method::Notify => {
                let handle = answer_by_handle(self, key, tx);
                self.on_notify(key, &request, handle).await;
            }
            Method::Update => match self.entries.get(&key).and_then(|e| not_now(e, !request.body.is_empty())) {
                Some(refusal) => self.refuse(tx, refusal),
                None => {
                    let handle = answer_by_handle(self, key, tx);
                    self.on_reoffer(key, &request, handle).await;
                }
            },
            // There is nobody to transfer yet.
            Method::Refer => self.refuse(tx, (StatusCode::Decline, vec![])),
            Method::Invite => self.refuse(tx, retry_soon()),
            _ => self.refuse(tx, not_allowed()),
        }
    }
}

/// Why an UPDATE with an offer cannot be taken in an early dialog: the INVITE's own offer has no answer yet (RFC 3311 §5.2).
fn not_now(entry: &Entry, offer: bool) -> Option<super::incoming::Refusal> {
    match entry.phase {
        _ if !offer => None,
        Phase::Ringing { .. } if !entry.reliable.described => Some(retry_soon()),
        Phase::Calling { .. } if !entry.described => Some((StatusCode::RequestPending, vec![])),
        _ => None,
    }
}

/// A handle like the crate's for requests that do not go through its dialog. Without an answer in 64 T1 it is 500.
pub(super) fn answer_by_handle(core: &Core, key: DialogKey, mut tx: Transaction) -> TransactionHandle {
    let (handle, mut commands) = TransactionHandle::new();
    let contact = core.entries.get(&key).and_then(|e| e.dialog.snapshot().local_contact);
    let contact: Option<Header> = contact.map(|uri| Header::Contact(format!("<{uri}>").into()));
    let patience = core.shared.cfg.t1 * 64;
    core.background(async move {
        let (status, mut headers, body) = match tokio::time::timeout(patience, commands.recv()).await {
            Ok(Some(TransactionCommand::Respond { status, headers, body })) => (status, headers.unwrap_or_default(), body),
            Ok(None) | Err(_) => (StatusCode::ServerInternalError, vec![], None),
        };
        headers.extend(contact);
        let _ = tx.reply_with(status, headers, body).await;
    });
    handle
}
