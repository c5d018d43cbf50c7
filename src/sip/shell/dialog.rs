//! One dialog as the signalling task remembers it.

use super::referred::Referred;
use super::reliable::Ours;
use crate::sip::registrar::Flow;
use crate::sip::reliable::Heard;
use crate::sip::session_timer::{Granted, SessionTimer};
use crate::sip::trunk::Trunk;
use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Contact, Uri};
use rsipstack::transaction::key::TransactionRole;
use rsipstack::transaction::transaction::TransactionEventSender;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::time::Instant;

/// Where a message belongs: Call-ID and our tag.
pub(super) type Index = (String, String);

/// One dialog, ours or theirs.
pub(super) struct Entry {
    /// The crate's handle.
    pub(super) dialog: InviteDialog,
    pub(super) phase: Phase,
    /// Key in the table by dialog.
    pub(super) index: Index,
    /// For their INVITE: Call-ID, From tag and CSeq, to recognise the same request over another path (RFC 3261 §8.2.2.2).
    pub(super) caller: Option<(Index, u32)>,
    /// The caller's number, where their INVITE came from a trusted source.
    pub(super) vouched: Option<String>,
    /// Their re-INVITE or UPDATE that we have not answered; at most one.
    pub(super) reoffer: Option<Reoffer>,
    /// CSeq of their re-INVITE whose 200 carried our offer: the answer comes in its ACK.
    pub(super) answer_in_ack: Option<u32>,
    /// Our REFER whose outcome is not known; at most one.
    pub(super) refer: Option<Refer>,
    /// REFER of theirs; at most one at a time.
    pub(super) referred: Option<Referred>,
    /// Where the dialog came from or went to.
    pub(super) peer: Option<IpAddr>,
    /// The way to an agent's registered phone that we call.
    pub(super) phone: Option<Flow>,
    /// What we granted to the INVITE that is not answered yet.
    pub(super) granted: Option<Granted>,
    /// The session timer of a call that is up, if one was agreed.
    pub(super) timer: Option<SessionTimer>,
    /// They do UPDATE.
    pub(super) allows_update: bool,
    /// Reliable provisional answers of ours (their INVITE).
    pub(super) reliable: Ours,
    /// Reliable provisional answers of theirs (our INVITE).
    pub(super) acknowledged: Heard,
    /// A reliable provisional answer of theirs described the session: our offer has its answer.
    pub(super) described: bool,
    /// The highest CSeq of theirs that the crate has not seen.
    pub(super) remote_seq: u32,
    /// Our re-INVITE or UPDATE that has no final answer yet; at most one.
    pub(super) change: Option<Change>,
    /// An offer of ours that waits for `change`; a later one takes its place.
    pub(super) next_offer: Option<String>,
    /// The last description that we sent.
    pub(super) said: Option<String>,
    /// The last description that they sent.
    pub(super) heard: Option<String>,
}

/// A re-INVITE or UPDATE of ours.
pub(super) struct Change {
    /// Tells late answers apart.
    pub(super) serial: u64,
    /// The description in it; `None` = an UPDATE that only refreshes.
    pub(super) offer: Option<String>,
    /// It was our wish to refresh, not the application's to change.
    pub(super) refresh: bool,
    /// How often it was sent.
    pub(super) tries: u8,
    /// It rests until then, after a collision.
    pub(super) retry_at: Option<Instant>,
}

/// How far the dialog is.
pub(super) enum Phase {
    /// Their INVITE without a final answer. `late` = it had no offer.
    Ringing { invite: TransactionEventSender, late: bool },
    /// We said 200 and wait for the ACK. `hang_up` = BYE as soon as it comes (RFC 3261 §15: not before). The crate ends it
    /// after 64*T1, except when the 200 could not be sent at all (a closed TCP connection); `give_up` is for that.
    AwaitingAck { late: bool, hang_up: bool, give_up: Instant },
    /// Our INVITE without a final answer; cancelled at `give_up`. `option` is what it was made of, for a second one with
    /// credentials; `challenges` counts those answered.
    /// `by` = the trunk that it goes by, which must answer something before `silent_until`.
    Calling {
        give_up: Instant,
        option: Box<InviteOption>,
        challenges: u8,
        by: Option<Arc<Trunk>>,
        silent_until: Option<Instant>,
    },
    /// Both sides agree that there is a call.
    Up,
}

/// A re-INVITE or UPDATE waiting for `AnswerReoffer` or `RejectReoffer`.
pub(super) struct Reoffer {
    pub(super) handle: TransactionHandle,
    /// CSeq, if it is an INVITE without an offer.
    pub(super) late: Option<u32>,
    /// Their new target, taken over with our 2xx (RFC 3261 §12.2.2).
    pub(super) target: Option<(Uri, Contact)>,
    /// What the 2xx grants as to session timers.
    pub(super) granted: Option<Granted>,
    /// The crate answers 501 by itself when we do not answer in time; then this is stale.
    pub(super) since: Instant,
}

/// A REFER of ours.
pub(super) struct Refer {
    /// Tells late answers to an earlier REFER apart.
    pub(super) serial: u64,
    /// CSeq of the REFER once known: what `Event: refer;id=` names (RFC 3515 §2.4.6).
    pub(super) cseq: Option<u32>,
    /// The last status heard.
    pub(super) status: u16,
    pub(super) give_up: Instant,
}

impl Entry {
    pub(super) fn new(dialog: InviteDialog, phase: Phase, caller: Option<(Index, u32)>) -> Entry {
        let id = dialog.id();
        let index = (id.call_id, id.local_tag);
        Entry {
            dialog,
            phase,
            index,
            caller,
            vouched: None,
            reoffer: None,
            answer_in_ack: None,
            refer: None,
            referred: None,
            peer: None,
            phone: None,
            granted: None,
            reliable: Ours::default(),
            acknowledged: Heard::default(),
            described: false,
            remote_seq: 0,
            timer: None,
            allows_update: false,
            change: None,
            next_offer: None,
            said: None,
            heard: None,
        }
    }

    /// They called us.
    pub(super) fn incoming(&self) -> bool {
        self.dialog.role() == TransactionRole::Server
    }
}
