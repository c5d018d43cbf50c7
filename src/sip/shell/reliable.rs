//! Reliable provisional answers (RFC 3262) on the wire, both ways; `sip::reliable` decides.

use super::core::{Core, Done};
use super::dialog::{Entry, Phase};
use super::early;
use super::message::target_of;
use super::refresh::has_token;
use crate::sip::reliable::{self, Due, Outstanding, Reliable};
use crate::sip::{DialogKey, EndedWhy};
use rsipstack::dialog::dialog::Dialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Response, StatusCode};
use rsipstack::transaction::transaction::Transaction;

/// What a dialog remembers about reliable answers of ours.
#[derive(Default)]
pub(super) struct Ours {
    /// RSeq of the last one; `None` = there was none.
    rseq: Option<u32>,
    /// Waits for its PRACK, with what it said.
    outstanding: Option<(Outstanding, Option<String>)>,
    /// The next provisional answer, which has to wait for that (RFC 3262 §3): ringing, or a description.
    next: Option<Option<String>>,
    /// The SDP of the 200, which waits for the PRACK of a description (RFC 3262 §5).
    answer: Option<String>,
    /// A description of ours was acknowledged: the 200 needs none.
    pub(super) described: bool,
}

impl Core {
    /// 180, or 183 with a description: reliably where that is wanted.
    pub(super) fn provisional(&mut self, key: DialogKey, sdp: Option<String>) {
        let mode = self.shared.cfg.reliable;
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Phase::Ringing { late, .. } = entry.phase else { return };
        let headers = &entry.dialog.initial_request().headers;
        let required = mode != Reliable::Off && has_token(headers, "Require", reliable::TAG);
        let wanted = required || (mode == Reliable::WhenSupported && has_token(headers, "Supported", reliable::TAG));
        match (wanted, late) {
            (false, _) => say(entry, None, sdp.as_deref()),
            // The first reliable answer to an INVITE without an offer must carry one (RFC 3261 §13.2.1); ours comes with the 200.
            (true, true) if required => {}
            (true, true) => say(entry, None, None),
            (true, false) if entry.reliable.outstanding.is_some() => entry.reliable.next = Some(sdp),
            (true, false) => self.say_reliably(key, sdp),
        }
    }

    fn say_reliably(&mut self, key: DialogKey, sdp: Option<String>) {
        let (now, t1) = (self.now(), self.shared.cfg.t1);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some((_, cseq)) = entry.caller.as_ref() else { return };
        let rseq = entry.reliable.rseq.map_or_else(|| reliable::first_rseq(rand::random()), |last| last.saturating_add(1));
        let outstanding = Outstanding::sent(now, t1, rseq, *cseq);
        say(entry, Some(rseq), sdp.as_deref());
        entry.reliable.rseq = Some(rseq);
        entry.said = sdp.clone().or(entry.said.take());
        entry.reliable.outstanding = Some((outstanding, sdp));
    }

    /// Whether the 200 has to wait until a description of ours is acknowledged; then it is kept.
    pub(super) fn answer_must_wait(&mut self, key: DialogKey, sdp: &str) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        let waits = matches!(entry.reliable.outstanding, Some((_, Some(_))));
        if waits {
            entry.reliable.answer = Some(sdp.to_string());
        }
        waits
    }

    /// PRACK of theirs: it must name what waits for it, otherwise 481 (RFC 3262 §3).
    pub(super) async fn on_prack(&mut self, key: DialogKey, tx: Transaction) {
        let rack = tx.original.header_value("RAck").unwrap_or_default();
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let fits = entry.reliable.outstanding.as_ref().is_some_and(|(o, _)| o.acknowledged_by(&rack));
        if !fits {
            return self.refuse(tx, (StatusCode::CallTransactionDoesNotExist, vec![]));
        }
        let said = entry.reliable.outstanding.take().and_then(|(_, said)| said);
        entry.reliable.described |= said.is_some();
        if !tx.original.body.is_empty() {
            // A further offer (RFC 3262 §5), or a body that we do not read.
            let request = tx.original.clone();
            let handle = early::answer_by_handle(self, key, tx);
            self.on_reoffer(key, &request, handle).await;
            return self.on_acknowledged(key).await;
        }
        let (done, mut tx) = (self.done.clone(), tx);
        self.background(async move {
            let _ = tx.reply_with(StatusCode::OK, vec![], None).await;
            let _ = done.send(Done::Acknowledged { dialog: key }).await;
        });
    }

    /// The 200 to their PRACK is on its way: what waited for it may follow.
    pub(super) async fn on_acknowledged(&mut self, key: DialogKey) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        match (entry.reliable.answer.take(), entry.reliable.next.take()) {
            (Some(sdp), _) => self.answer(key, sdp).await,
            (None, Some(sdp)) => self.provisional(key, sdp),
            (None, None) => {}
        }
    }

    /// Repeats what was not acknowledged; in the end the call is refused (RFC 3262 §3).
    pub(super) async fn repeat_provisionals(&mut self) {
        let now = self.now();
        let mut lost = Vec::new();
        for (key, entry) in &mut self.entries {
            if !matches!(entry.phase, Phase::Ringing { .. }) {
                continue;
            }
            let Some((outstanding, sdp)) = entry.reliable.outstanding.as_mut() else { continue };
            match outstanding.due(now) {
                Due::Nothing => {}
                Due::Resend => {
                    let sdp = sdp.clone();
                    say(entry, entry.reliable.rseq, sdp.as_deref());
                }
                Due::GiveUp => lost.push(*key),
            }
        }
        for key in lost {
            self.reject(key, 504, None);
            self.end(key, EndedWhy::TimedOut).await;
        }
    }

    /// Acknowledges a reliable provisional answer of theirs; `false` = it does not count (repeated, or out of order).
    pub(super) fn acknowledge(&mut self, key: DialogKey, response: &Response) -> bool {
        let Some(rseq) = response.rseq_value() else { return true };
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        let tag = response.to_header().ok().and_then(|to| to.tag().ok().flatten()).map(|t| t.value().to_string());
        if !entry.acknowledged.accept(&tag.unwrap_or_default(), rseq) {
            return false;
        }
        let dialog = Dialog::Invite(entry.dialog.clone());
        if let Some((uri, contact)) = target_of(response) {
            dialog.set_remote_target(uri, Some(contact));
        }
        let Ok(cseq) = response.cseq_header().and_then(|c| c.seq()) else { return false };
        // The only way through the crate for a request in an early dialog.
        let Some(Dialog::ClientSubscription(early)) = dialog.as_subscription() else { return false };
        let headers = vec![Header::RAck(format!("{rseq} {cseq} INVITE").into())];
        self.background(async move {
            let _ = early.request(Method::PRack, Some(headers), None).await;
        });
        true
    }
}

/// 180, or 183 with a description; `rseq` makes it a reliable one.
fn say(entry: &Entry, rseq: Option<u32>, sdp: Option<&str>) {
    let mut headers = Vec::new();
    if let Some(rseq) = rseq {
        headers.extend([Header::Require(reliable::TAG.into()), Header::RSeq(rseq.to_string().into())]);
        headers.push(Header::Allow(crate::sip::ALLOW.into()));
    }
    if sdp.is_some() {
        headers.push(Header::ContentType("application/sdp".into()));
    }
    let _ = entry.dialog.ringing(Some(headers), sdp.map(|s| s.as_bytes().to_vec()));
}
