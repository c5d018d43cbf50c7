//! REFER of theirs (RFC 3515): the application decides; we answer it and tell how it goes, one NOTIFY after the other. And INVITE
//! with Replaces (RFC 3891): which dialog of ours it means.

use super::core::Core;
use super::dialog::Phase;
use super::incoming::Refusal;
use super::message::unescaped;
use crate::sip::replaces::{self, Replaces};
use crate::sip::{DialogKey, SipEvent};
use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, StatusCode};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

/// NOTIFYs of one REFER that may wait for the one before them.
const NOTIFIES_MAX: usize = 8;
/// How long the first NOTIFY waits for the 202 to be sent.
const ACCEPTED_BEHIND: Duration = Duration::from_millis(500);
/// Longest Refer-To that we look at, characters.
const REFER_TO_MAX: usize = 1_024;
/// Seconds after which a subscription ends by itself, as told in its NOTIFYs.
const SUBSCRIPTION: u32 = 120;

/// A REFER of theirs.
pub(super) enum Referred {
    /// The application has not decided; `cseq` names it (RFC 3515 §2.4.6).
    Asked { handle: TransactionHandle, cseq: u32 },
    /// It was accepted; statuses go here, and whether they are the last.
    Going(Notifier),
}

/// Sends the NOTIFYs of one REFER in order.
pub(super) struct Notifier {
    tell: mpsc::Sender<(u16, bool)>,
    /// The 202 is sent.
    begin: Arc<Notify>,
    job: JoinHandle<()>,
}

impl Notifier {
    /// The crate has sent the 202: NOTIFYs may follow. (They may come first, but some phones do not expect that.)
    pub(super) fn begin(&self) {
        self.begin.notify_one();
    }

    /// Waits until what was told is sent.
    pub(super) async fn finish(self) {
        drop(self.tell);
        let _ = self.job.await;
    }
}

impl Core {
    /// REFER in a confirmed dialog.
    pub(super) async fn on_refer(&mut self, key: DialogKey, request: &Request, handle: TransactionHandle) {
        let mut values = request.headers.iter().filter(|h| matches!(h, Header::ReferTo(_))).map(|h| h.value().to_string());
        let to = match (values.next(), values.next()) {
            (Some(value), None) if value.len() <= REFER_TO_MAX => replaces::uri_of(&value).map(str::to_string),
            _ => None,
        };
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let going = match &entry.referred {
            Some(Referred::Asked { .. }) => true,
            Some(Referred::Going(notifier)) => !notifier.job.is_finished(),
            None => false,
        };
        let refusal = match (&entry.phase, &to) {
            (_, None) => Some(StatusCode::BadRequest),
            (Phase::Up, _) if going => Some(StatusCode::RequestPending),
            (Phase::Up, _) => None,
            _ => Some(StatusCode::Decline),
        };
        match (refusal, to) {
            (None, Some(to)) => {
                let cseq = request.cseq_header().and_then(|c| c.seq()).unwrap_or(0);
                entry.referred = Some(Referred::Asked { handle, cseq });
                self.tell(SipEvent::ReferAsked { dialog: key, to }).await;
            }
            (status, _) => drop(handle.reply(status.unwrap_or(StatusCode::BadRequest)).await),
        }
    }

    /// 202, or the refusal.
    pub(super) async fn answer_refer(&mut self, key: DialogKey, status: u16) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(Referred::Asked { handle, cseq }) = entry.referred.take() else { return };
        if !(200..300).contains(&status) {
            let status = if (300..700).contains(&status) { status } else { 603 };
            return drop(handle.reply(StatusCode::from(status)).await);
        }
        let (tell, told) = mpsc::channel(NOTIFIES_MAX);
        let dialog = entry.dialog.clone();
        let begin = Arc::new(Notify::new());
        let sent = begin.clone();
        let _ = tell.try_send((100, false));
        let job = tokio::spawn(async move {
            let _ = handle.reply(StatusCode::Accepted).await;
            let _ = tokio::time::timeout(ACCEPTED_BEHIND, sent.notified()).await;
            notify_all(dialog, cseq, told).await;
        });
        entry.referred = Some(Referred::Going(Notifier { tell, begin, job }));
    }

    /// How the call that they asked for goes.
    pub(super) fn notify_refer(&mut self, key: DialogKey, status: u16, last: bool) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if let Some(Referred::Going(notifier)) = &entry.referred {
            let _ = notifier.tell.try_send((status, last));
        }
    }

    /// REFER of ours to `key`: call the far end of `with` in our place (RFC 3891, attended transfer).
    pub(super) async fn refer_replacing(&mut self, key: DialogKey, with: DialogKey) {
        let other = self.entries.get(&with).filter(|e| matches!(e.phase, Phase::Up));
        let Some(other) = other else {
            return self.tell(SipEvent::ReferProgress { dialog: key, status: 481, last: true }).await;
        };
        let (id, far) = (other.dialog.id(), other.dialog.snapshot().remote_uri);
        // As the other phone sees it: its own tag is the one that it is asked to replace.
        let replaces = Replaces { call_id: id.call_id, to_tag: id.remote_tag, from_tag: id.local_tag, early_only: false };
        self.refer_by(key, replaces.refer_to(&unescaped(far).to_string())).await;
    }

    /// The dialog whose place a new INVITE takes; `None` = it takes no place.
    pub(super) fn replaced(&self, request: &Request, source: IpAddr) -> Result<Option<DialogKey>, Refusal> {
        let mut values = request.headers.iter().filter(|h| matches!(h, Header::Replaces(_)));
        let (Some(value), more) = (values.next(), values.next()) else { return Ok(None) };
        let parsed = Replaces::parse(value.value()).filter(|_| more.is_none());
        let replaces = parsed.ok_or((StatusCode::BadRequest, vec![]))?;
        let none = || (StatusCode::CallTransactionDoesNotExist, vec![]);
        let index = (replaces.call_id, replaces.to_tag);
        if self.gone.iter().any(|(gone, remote)| *gone == index && *remote == replaces.from_tag) {
            // It is over: nobody is to be called again (RFC 3891 §3).
            return Err((StatusCode::Decline, vec![]));
        }
        let key = *self.by_dialog.get(&index).ok_or_else(none)?;
        let entry = self.entries.get(&key).filter(|e| e.dialog.id().remote_tag == replaces.from_tag).ok_or_else(none)?;
        match entry.phase {
            // Who knows the tags could have read them: only those who could have called take a place (RFC 3891 §5).
            _ if !self.gate.knows(source) && entry.peer != Some(source) => Err((StatusCode::Forbidden, vec![])),
            Phase::Up if replaces.early_only => Err((StatusCode::BusyHere, vec![])),
            Phase::Up => Ok(Some(key)),
            // A ringing call that they did not begin, or ours that nobody has answered (RFC 3891 §3).
            _ => Err(none()),
        }
    }
}

/// `message/sipfrag` with a status line (RFC 3515 §2.4.5).
async fn notify_all(dialog: InviteDialog, cseq: u32, mut told: mpsc::Receiver<(u16, bool)>) {
    while let Some((status, last)) = told.recv().await {
        let state = if last { "terminated;reason=noresource".to_string() } else { format!("active;expires={SUBSCRIPTION}") };
        let headers = vec![
            Header::Event(format!("refer;id={cseq}").as_str().into()),
            Header::SubscriptionState(state.as_str().into()),
            Header::ContentType("message/sipfrag;version=2.0".into()),
        ];
        let body = format!("SIP/2.0 {}\r\n", StatusCode::from(status));
        let _ = dialog.notify(Some(headers), Some(body.into_bytes())).await;
        if last {
            return;
        }
    }
}
