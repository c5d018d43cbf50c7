//! Signalling behind our own face: what the SIP side tells (`SipEvent`) and is told (`SipCommand`). SDP travels as text and
//! is negotiated by the pure `sip::sdp`. `sip::shell` holds the crate, its sockets and its pitfalls.

use super::party::Diverted;
use super::verify::Accounts;
use crate::base::{Digit, Pii};
use std::net::SocketAddr;

/// Before the login of a phone that has registered here, in place of an address that can be called.
pub const REGISTERED: &str = "registered:";

/// One dialog (SIP only), ours by number whatever the Call-ID says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogKey(pub u64);

/// What signalling tells. After `Ended` nothing more comes for that dialog and everything of it is freed.
#[derive(Debug, Clone, PartialEq)]
pub enum SipEvent {
    /// The far end asks us to call somebody else (REFER). Answer with `AnswerRefer`, then tell by `NotifyRefer` how it goes.
    ReferAsked {
        /// Which.
        dialog: DialogKey,
        /// The URI in Refer-To, as it stands there: with headers (Replaces) if it has any.
        to: String,
    },
    /// A new INVITE. 100 was sent. Must be answered by `Ring`/`Answer`/`Reject`.
    Incoming {
        /// Its key from now on.
        dialog: DialogKey,
        /// Who calls: user part of From (or of P-Asserted-Identity if the source is trusted), as the trunk's `numbers_in` make it;
        /// `anonymous` for who wants privacy.
        from: String,
        /// The number dialled, as the trunk's `numbers_in` make it: user part of the Request-URI, or of To or P-Called-Party-ID where
        /// the trunk writes it there.
        to: String,
        /// Where it came from.
        source: SocketAddr,
        /// Call-ID, for logs.
        call_id: String,
        /// The offer; `None` = late offer: we offer in the 200, the answer comes with the ACK.
        offer: Option<String>,
        /// By which way it came.
        origin: Box<Origin>,
        /// It is to take the place of this dialog (RFC 3891), which is up: answer it and hang up that one.
        replaces: Option<DialogKey>,
    },
    /// The ACK of our 200, with the answer if ours was the offer.
    Acked {
        /// Which.
        dialog: DialogKey,
        /// SDP.
        answer: Option<String>,
    },
    /// re-INVITE or UPDATE with (or without) an offer: answer with `AnswerReoffer` or `RejectReoffer`.
    Reoffer {
        /// Which.
        dialog: DialogKey,
        /// SDP; `None` = they want our offer.
        offer: Option<String>,
    },
    /// The answer to our `Reinvite` (or to a refresh of ours, when it differs from what they said before).
    Reanswered {
        /// Which.
        dialog: DialogKey,
        /// Their answer.
        sdp: String,
    },
    /// Our `Reinvite` was refused; the session stays as it was.
    ReofferRefused {
        /// Which.
        dialog: DialogKey,
        /// Status.
        status: u16,
    },
    /// SIP INFO with a key (application/dtmf-relay or application/dtmf).
    InfoDigit {
        /// Which.
        dialog: DialogKey,
        /// The key.
        digit: Digit,
    },
    /// REFER progress: 202 = accepted, 1xx/2xx/3xx–6xx from sipfrag or from the REFER itself. `last` = subscription over
    /// or final status seen; it comes exactly once per `Refer`.
    ReferProgress {
        /// Which.
        dialog: DialogKey,
        /// Status.
        status: u16,
        /// Final.
        last: bool,
    },
    /// 18x to our INVITE.
    Ringing {
        /// Which.
        dialog: DialogKey,
        /// Early media, if any.
        sdp: Option<String>,
    },
    /// 200 to our INVITE (already ACKed).
    Answered {
        /// Which.
        dialog: DialogKey,
        /// Their answer.
        sdp: String,
    },
    /// An agent's phone has registered here, or no phone of theirs is registered any more.
    Phone {
        /// The name that it logs in with.
        login: String,
        /// It can be called from now on, as [`REGISTERED`] and its login.
        there: bool,
    },
    /// The dialog is over, for whichever reason.
    Ended {
        /// Which.
        dialog: DialogKey,
        /// Why.
        why: EndedWhy,
    },
}

/// By which way a call came to us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The trunk, if it is one of ours.
    pub trunk: Option<String>,
    /// Its source is trusted: free of the rate per source.
    pub trusted: bool,
    /// The caller's number where it is not to be shown (Privacy: id); then `from` is `anonymous`. For limits and the block list
    /// only.
    pub hidden: Option<Pii<String>>,
    /// The number that was dialled first, when somebody sent the call on to us.
    pub diverted: Option<Diverted>,
    /// The login of the agent whose phone calls, and has proved it.
    pub phone: Option<String>,
}

/// By which trunk a call of ours goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByTrunk {
    /// The trunk's name.
    pub name: String,
    /// The call that came in and for whose caller this one is made. Only if it came from a trusted source, and by the number
    /// in `from`, is that number asserted to the trunk.
    pub caller: Option<DialogKey>,
    /// An emergency call: no limit of ours stops it.
    pub emergency: bool,
}

/// Why a dialog is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndedWhy {
    /// BYE from them.
    Bye,
    /// CANCEL from them.
    Cancelled,
    /// We ended it (BYE, CANCEL or a final answer).
    Ours,
    /// Our INVITE was refused.
    Refused {
        /// Status.
        status: u16,
        /// Contact of a 3xx.
        contact: Option<String>,
    },
    /// No answer to our INVITE within its ring time (we cancelled), or no ACK to our 200.
    TimedOut,
    /// Nobody refreshed the session in time, or a refresh of ours found no call any more (RFC 4028 §10).
    Expired,
    /// Transport or protocol failure.
    Broken(String),
}

/// What signalling is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SipCommand {
    /// Whose phones may register from now on, by login. Others are forgotten.
    SetPhones {
        /// Logins and passwords.
        phones: Accounts,
    },
    /// The emergency numbers from now on.
    SetEmergency {
        /// As they are dialled.
        numbers: Vec<String>,
    },
    /// 180.
    Ring {
        /// Which.
        dialog: DialogKey,
    },
    /// 183 with SDP: early media. Only for an INVITE that came with an offer; the 200 must say the same.
    Progress {
        /// Which.
        dialog: DialogKey,
        /// SDP.
        sdp: String,
    },
    /// 200 with SDP (answer or offer).
    Answer {
        /// Which.
        dialog: DialogKey,
        /// SDP.
        sdp: String,
    },
    /// Final refusal.
    Reject {
        /// Which.
        dialog: DialogKey,
        /// Status, e.g. 404, 486, 488, 503.
        status: u16,
        /// Retry-After, seconds.
        retry_after: Option<u32>,
    },
    /// 200 to a re-INVITE/UPDATE.
    AnswerReoffer {
        /// Which.
        dialog: DialogKey,
        /// SDP.
        sdp: String,
    },
    /// Refuse a re-INVITE/UPDATE; the session stays as it was.
    RejectReoffer {
        /// Which.
        dialog: DialogKey,
        /// Status.
        status: u16,
    },
    /// A re-INVITE of ours in a confirmed dialog, with an offer: `Reanswered` or `ReofferRefused` follows, unless the dialog
    /// ends. It waits for changes that are under way, and is tried again after a collision (491, RFC 3261 §14.1).
    Reinvite {
        /// Which.
        dialog: DialogKey,
        /// Offer.
        sdp: String,
    },
    /// INVITE of our own under a key chosen by the caller of this command (`SipEndpoint::new_key`).
    Invite {
        /// Key for its events.
        dialog: DialogKey,
        /// SIP URI, or [`REGISTERED`] and the login of a phone. A Replaces header in it (RFC 3891 §2) goes into the INVITE; other headers are left out.
        to: String,
        /// User part of From.
        from: String,
        /// Offer.
        sdp: String,
        /// User-to-User header value (RFC 7433), if any.
        uui: Option<String>,
        /// Seconds until we cancel.
        ring_seconds: u32,
        /// The trunk that it goes by: its caller id, its password, and no patience with its silence.
        trunk: Option<ByTrunk>,
    },
    /// REFER inside a confirmed dialog; `uui` is escaped into Refer-To.
    Refer {
        /// Which.
        dialog: DialogKey,
        /// SIP URI.
        to: String,
        /// User-to-User header value, if any.
        uui: Option<String>,
    },
    /// REFER inside a confirmed dialog to the far end of another one of ours, in our place (attended transfer, RFC 3891).
    /// `ReferProgress` follows.
    ReferReplacing {
        /// Which.
        dialog: DialogKey,
        /// Whose far end is to be called, with Replaces.
        with: DialogKey,
    },
    /// The answer to `ReferAsked`: 202 = we try, and a NOTIFY with 100 follows by itself; otherwise the refusal.
    AnswerRefer {
        /// Which.
        dialog: DialogKey,
        /// Status.
        status: u16,
    },
    /// NOTIFY: how the call goes that `AnswerRefer` promised.
    NotifyRefer {
        /// Which.
        dialog: DialogKey,
        /// Status of that call.
        status: u16,
        /// The outcome; nothing follows.
        last: bool,
    },
    /// End it: CANCEL, BYE or 487/480 as its state asks.
    HangUp {
        /// Which.
        dialog: DialogKey,
    },
    /// INFO with a key, for far ends without telephone-event (used by `hotline call`).
    SendInfoDigit {
        /// Which.
        dialog: DialogKey,
        /// The key.
        digit: Digit,
    },
}
