//! Requests from the far end: what is refused before a dialog exists, new calls, and what happens inside dialogs.

use super::core::{Core, Done};
use super::dialog::{Entry, Phase};
use super::gate::Heard;
use super::message::{described, lines, sdp_of, unescaped, user_of};
use super::referred::Referred;
use super::refresh;
use crate::base::Pii;
use crate::sip::bodies::{self, Described};
use crate::sip::party::{self, Diverted};
use crate::sip::reliable::{self, Reliable};
use crate::sip::replaces;
use crate::sip::session_timer::Granted;
use crate::sip::trunk::board::Source;
use crate::sip::trunk::{DialledIn, Trunk, numbers};
use crate::sip::verify::{Asked, Denied};
use crate::sip::{ALLOW, DialogKey, EndedWhy, Origin, RETRY_AFTER, SipEvent, Unknown};
use rsipstack::dialog::dialog::{Dialog, DialogState, TransactionHandle};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Header, Method, Param, Request, Response, Scheme, StatusCode, Transport};
use rsipstack::transaction::key::TransactionRole;
use rsipstack::transaction::transaction::{Transaction, TransactionEvent, TransactionEventSender};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Bodies that we read.
const ACCEPT: &str = "application/sdp, application/dtmf-relay, application/dtmf, message/sipfrag";

/// How far the ACK may be behind the request that follows it.
const ACK_BEHIND: Duration = Duration::from_millis(500);
/// How much longer than the crate we wait for an ACK.
const ACK_GRACE: Duration = Duration::from_secs(2);

/// Credentials in one request that are looked at.
const AUTHORIZATIONS_MAX: usize = 4;

/// Whether a request may begin something.
enum Admission {
    /// By this trunk, if it is one of ours.
    Welcome(Option<Arc<Trunk>>),
    /// An agent's phone, by this login.
    Phone(String),
    Refused(Refusal),
    /// It gets no answer.
    Ignored,
}

/// A refusal before anything is kept: status and headers that explain it.
pub(super) type Refusal = (StatusCode, Vec<Header>);

impl Core {
    /// A request that belongs to no running transaction.
    pub(super) async fn on_request(&mut self, tx: Transaction) {
        if tx.original.method == Method::Ack {
            return;
        }
        if let Some(refusal) = self.unsupported_extension(&tx.original) {
            if !self.ignores(&tx) {
                self.refuse_outside(tx, refusal);
            }
            return;
        }
        if to_tag(&tx.original).is_some() {
            return self.on_request_in_dialog(tx).await;
        }
        if tx.original.method == Method::Register && self.serves_phones() {
            if !self.ignores(&tx) {
                self.on_register(tx);
            }
            return;
        }
        let (trunk, phone) = match self.admit(&tx) {
            Admission::Welcome(trunk) => (trunk, None),
            Admission::Phone(login) => (None, Some(login)),
            Admission::Refused(refusal) => return self.refuse_outside(tx, refusal),
            Admission::Ignored => return,
        };
        match tx.original.method {
            Method::Invite => self.on_invite(tx, trunk, phone).await,
            Method::Options if !self.accepting() => self.refuse_outside(tx, retry_later(StatusCode::ServiceUnavailable)),
            Method::Options => self.refuse_outside(tx, (StatusCode::OK, self.capabilities())),
            Method::Bye | Method::Info | Method::Update | Method::Notify | Method::PRack | Method::Cancel => {
                self.refuse_outside(tx, (StatusCode::CallTransactionDoesNotExist, vec![]));
            }
            _ => self.refuse_outside(tx, not_allowed()),
        }
    }

    /// A stranger who gets no answers to anything outside of a dialog.
    fn ignores(&self, tx: &Transaction) -> bool {
        !source_of(tx).is_some_and(|source| self.gate.speaks_to(source, heard(tx)))
    }

    /// Whether this source may begin something here.
    fn admit(&mut self, tx: &Transaction) -> Admission {
        let Some(end) = source_of(tx) else { return Admission::Ignored };
        let (source, asked) = (end.ip(), user_of(&tx.original.uri));
        if let Some(phone) = self.claims_to_be_a_phone(tx, end) {
            return match self.prove_phone(tx, end, phone.as_deref()) {
                Ok(login) => Admission::Phone(login),
                Err(refusal) => Admission::Refused(refusal),
            };
        }
        let cfg = &self.shared.cfg;
        let owner = super::board(&self.shared.board).source(source, &asked, |place| dialled(&tx.original, place));
        match owner {
            Source::Trunk(trunk) => return Admission::Welcome(Some(trunk)),
            Source::Claims(trunk) => {
                return match self.verify(tx, source) {
                    // The password of another account is none of this trunk.
                    Admission::Welcome(by) if by.as_ref().is_none_or(|by| by.name != trunk.name) => {
                        Admission::Refused((StatusCode::Forbidden, vec![]))
                    }
                    other => other,
                };
            }
            Source::Stranger => {}
        }
        if cfg.unknown == Unknown::Answer || cfg.known.iter().any(|network| network.contains(source)) {
            return Admission::Welcome(None);
        }
        // A phone of a call that is going on moves it to another place.
        if tx.original.method == Method::Invite && matches!(self.replaced(&tx.original, source), Ok(Some(_))) {
            return Admission::Welcome(None);
        }
        match cfg.unknown {
            Unknown::Ignore => Admission::Ignored,
            Unknown::Challenge => self.verify(tx, source),
            _ => Admission::Refused((StatusCode::Forbidden, vec![])),
        }
    }

    fn verify(&mut self, tx: &Transaction, source: IpAddr) -> Admission {
        let request = &tx.original;
        if request.method == Method::Cancel {
            // It cannot be sent again, so it cannot be challenged (RFC 3261 §22.1); it belongs to nothing here.
            return Admission::Refused((StatusCode::CallTransactionDoesNotExist, vec![]));
        }
        let values = authorizations(request);
        let (method, uri) = (request.method.to_string(), unescaped(request.uri.clone()).to_string());
        let now = self.shared.began.elapsed();
        match self.verifier.check(now, Asked { method: &method, uri: &uri, source, proved: None }, &values) {
            Ok(account) => Admission::Welcome(super::board(&self.shared.board).by_account(&account)),
            Err(Denied::Blocked) => Admission::Refused((StatusCode::Forbidden, vec![])),
            Err(Denied::Challenge { stale }) => {
                let challenges = self.verifier.challenges(now, source, stale);
                let headers = challenges.into_iter().map(|value| Header::WwwAuthenticate(value.into())).collect();
                Admission::Refused((StatusCode::Unauthorized, headers))
            }
        }
    }

    /// Option tags that we know (RFC 7433, RFC 3891, RFC 4028, RFC 3262).
    fn option_tags(&self) -> Vec<&'static str> {
        let timer = self.shared.cfg.session.expires > 0;
        let reliable = self.shared.cfg.reliable != Reliable::Off;
        let known = [Some("uui"), Some(replaces::TAG), timer.then_some(refresh::TIMER), reliable.then_some(reliable::TAG)];
        known.into_iter().flatten().collect()
    }

    /// For Supported headers.
    pub(super) fn supported(&self) -> String {
        self.option_tags().join(", ")
    }

    fn capabilities(&self) -> Vec<Header> {
        vec![Header::Allow(ALLOW.into()), accept(), Header::Supported(self.supported().into())]
    }

    /// 420 with the option tags in Require that we do not know (RFC 3261 §8.2.2.3).
    fn unsupported_extension(&self, request: &Request) -> Option<Refusal> {
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return None;
        }
        let known = self.option_tags();
        let unknown: Vec<&str> = request
            .headers
            .iter()
            .filter(|h| matches!(h, Header::Require(_)))
            .flat_map(|h| bodies::tokens(h.value()))
            .filter(|tag| !known.iter().any(|known| known.eq_ignore_ascii_case(tag)))
            .collect();
        (!unknown.is_empty()).then(|| (StatusCode::BadExtension, vec![Header::Unsupported(unknown.join(", ").into())]))
    }

    fn accepting(&self) -> bool {
        self.shared.accepting.load(Ordering::Relaxed)
    }

    /// Answers finally without a dialog. An INVITE's transaction lives on for retransmissions and the ACK, up to a bound.
    pub(super) fn refuse(&self, mut tx: Transaction, (status, headers): Refusal) {
        let permit = self.refusals.clone().try_acquire_owned();
        self.background(async move {
            let sent = tx.reply_with(status, headers, None).await;
            if sent.is_ok() && permit.is_ok() && tx.original.method == Method::Invite {
                while tx.receive().await.is_some() {}
            }
        });
    }

    /// The same for what belongs to no dialog of ours. A stranger's datagram, whose source may be forged, draws one answer and no
    /// more: who is really there sends the request again until one arrives.
    pub(super) fn refuse_outside(&self, tx: Transaction, refusal: Refusal) {
        let ours = source_of(&tx).is_some_and(|source| self.gate.knows_end(source, heard(&tx)));
        if ours || transport_of(&tx) != Transport::Udp {
            return self.refuse(tx, refusal);
        }
        let (mut tx, (status, headers)) = (tx, refusal);
        self.background(async move {
            let sent = tx.reply_with(status, headers, None).await;
            if sent.is_err() || tx.original.method != Method::Invite {
                // Nothing is kept of it: sent again it is answered anew. Of an INVITE the answer is kept for its ACK.
                drop(tx.last_response.take());
            }
        });
    }

    async fn on_invite(&mut self, tx: Transaction, trunk: Option<Arc<Trunk>>, phone: Option<String>) {
        let call = match self.new_call(&tx, trunk.as_deref(), phone) {
            Ok(call) => call,
            Err(refusal) => return self.refuse_outside(tx, refusal),
        };
        let mut contact = self.shared.addresses.contact(call.source.ip(), transport_of(&tx));
        if tx.original.uri.scheme == Some(Scheme::Sips) {
            // RFC 3261 §12.1.1.
            contact.scheme = Some(Scheme::Sips);
        }
        let dialog = match self.layer.get_or_create_server_invite(&tx, self.states.clone(), None, Some(contact)) {
            Ok(dialog) => dialog,
            Err(_) => return self.refuse_outside(tx, (StatusCode::BadRequest, vec![])),
        };
        remember_transport(&dialog, transport_of(&tx));
        let key = self.new_key();
        let phase = Phase::Ringing { invite: tx.tu_sender.clone(), late: call.offer.is_none() };
        let allows_update = refresh::has_token(&tx.original.headers, "Allow", "UPDATE");
        let (heard, granted, peer) = (call.offer.clone(), call.granted, Some(call.source.ip()));
        let vouched = call.origin.trusted.then(|| call.from.clone());
        let entry = Entry::new(dialog.clone(), phase, Some(call.caller));
        self.insert(key, Entry { allows_update, heard, granted, peer, vouched, ..entry });
        let (done, linger) = (self.done.clone(), self.shared.cfg.t1 * 64 + ACK_GRACE);
        let (over, mut tx, mut handler) = (dialog.cancel_token().clone(), tx, dialog);
        self.background(async move {
            // Sends 100 and lives until the INVITE is answered and acknowledged; at most a little longer than the dialog,
            // because a transaction whose answer could not be sent has no timer.
            let outlived = async {
                over.cancelled().await;
                tokio::time::sleep(linger).await;
            };
            tokio::select! {
                handled = handler.handle(&mut tx) => if let Err(e) = handled {
                    let _ = done.send(Done::Lost { dialog: key, why: e.to_string() }).await;
                },
                () = outlived => {}
            }
        });
        self.tell(SipEvent::Incoming {
            dialog: key,
            from: call.from,
            to: call.to,
            source: call.source,
            call_id: call.call_id,
            offer: call.offer,
            origin: Box::new(call.origin),
            replaces: call.replaces,
        })
        .await;
    }

    /// Everything that may be wrong with a new INVITE, checked before a dialog exists.
    fn new_call(&self, tx: &Transaction, trunk: Option<&Trunk>, phone: Option<String>) -> Result<NewCall, Refusal> {
        let request = &tx.original;
        let full = || self.entries.values().filter(|e| e.incoming()).count() >= self.shared.cfg.max_dialogs;
        let emergency = phone.is_some() && self.is_emergency(request);
        if !emergency && (!self.accepting() || full()) {
            return Err(retry_later(StatusCode::ServiceUnavailable));
        }
        if matches!(&request.uri.scheme, Some(Scheme::Other(s)) if !s.eq_ignore_ascii_case("tel")) {
            return Err((StatusCode::UnsupportedUriScheme, vec![]));
        }
        let bad = |_| (StatusCode::BadRequest, vec![]);
        let call_id = request.call_id_header().map_err(bad)?.value().to_string();
        let from = request.from_header().and_then(|f| f.typed()).map_err(bad)?;
        let tag = from.params.iter().find_map(|p| match p {
            Param::Tag(tag) => Some(tag.value().to_string()),
            _ => None,
        });
        let caller = (call_id.clone(), tag.unwrap_or_default());
        let cseq = request.cseq_header().and_then(|c| c.seq()).map_err(bad)?;
        let twin = self.by_caller.get(&caller).and_then(|key| self.entries.get(key));
        if twin.is_some_and(|e| e.caller.as_ref().is_some_and(|(_, seq)| *seq == cseq)) {
            // The same request over another path (RFC 3261 §8.2.2.2).
            return Err((StatusCode::LoopDetected, vec![]));
        }
        request.typed_contact_headers().ok().filter(|c| !c.is_empty()).ok_or((StatusCode::BadRequest, vec![]))?;
        let offer = match described(request) {
            Described::Nothing => None,
            Described::Sdp(sdp) => Some(sdp),
            Described::Other => return Err((StatusCode::UnsupportedMediaType, vec![accept()])),
        };
        let accepted = request.headers.iter().filter(|h| matches!(h, Header::Accept(_))).map(|h| h.value());
        if !bodies::accepts_sdp(accepted) {
            return Err((StatusCode::NotAcceptable, vec![accept()]));
        }
        let source = source_of(tx).ok_or((StatusCode::BadRequest, vec![]))?;
        let listed = || self.shared.cfg.trusted.iter().any(|network| network.contains(source.ip()));
        let trusted = trunk.is_some_and(|trunk| trunk.trusted) || listed();
        let (from, to, origin) = parties(request, user_of(&from.uri), trunk, trusted);
        let origin = Origin { phone, ..origin };
        if trunk.is_some_and(|t| !t.numbers.is_empty() && !t.numbers.contains(&to)) {
            return Err((StatusCode::NotFound, vec![]));
        }
        let granted = self.grant(request, None)?;
        let replaces = self.replaced(request, source.ip())?;
        Ok(NewCall { from, to, source, call_id, offer, caller: (caller, cseq), origin, granted, replaces })
    }

    /// A request inside a dialog. The crate leaves some of them unanswered; those are answered here.
    async fn on_request_in_dialog(&mut self, tx: Transaction) {
        let Some(tag) = to_tag(&tx.original) else { return };
        let call_id = tx.original.call_id_header().map(|c| c.value().to_string()).unwrap_or_default();
        let key = self.by_dialog.get(&(call_id, tag)).copied();
        let known = key.and_then(|key| Some((key, self.entries.get_mut(&key)?)));
        let theirs = |d: &InviteDialog| d.id().remote_tag.is_empty() || Some(d.id().remote_tag) == from_tag(&tx.original);
        let Some((key, entry)) = known.filter(|(_, e)| theirs(&e.dialog)) else {
            // Perhaps a BYE that crosses ours: the crate still knows the dialog.
            return match self.layer.match_dialog(&tx) {
                Some(Dialog::Invite(dialog)) if tx.original.method == Method::Bye => self.hand_over(dialog, tx),
                _ if self.ignores(&tx) => {}
                _ => self.refuse_outside(tx, (StatusCode::CallTransactionDoesNotExist, vec![])),
            };
        };
        let seq = tx.original.cseq_header().and_then(|c| c.seq()).unwrap_or(0);
        let dialog = entry.dialog.clone();
        // RFC 3261 §12.2.2: out of order.
        if seq < entry.remote_seq.max(dialog.snapshot().remote_cseq) {
            return self.refuse(tx, retry_soon());
        }
        entry.remote_seq = seq;
        let early = match entry.phase {
            Phase::Ringing { .. } => true,
            // Their 200 may be on its way through the crate; then a re-INVITE waits for it.
            Phase::Calling { .. } => !dialog.state().is_confirmed() && tx.original.method != Method::Invite,
            _ => false,
        };
        match tx.original.method {
            Method::Options => self.refuse(tx, (StatusCode::OK, self.capabilities())),
            Method::PRack => self.on_prack(key, tx).await,
            Method::Message | Method::Publish | Method::Register | Method::Subscribe => self.refuse(tx, not_allowed()),
            Method::Bye => self.hand_over(dialog, tx),
            _ if early => self.on_early_request(key, tx).await,
            _ => self.hand_over(dialog, tx),
        }
    }

    /// Gives a request to its dialog as soon as that can take it. The ACK before it goes another way through the crate and may
    /// be a moment behind; without one there is no "now" for most requests (RFC 3261 §14.2, RFC 3311 §5.2).
    fn hand_over(&self, dialog: InviteDialog, tx: Transaction) {
        let bye = tx.original.method == Method::Bye;
        let theirs = dialog.role() == TransactionRole::Server;
        let unless = match bye {
            true => (StatusCode::CallTransactionDoesNotExist, vec![]),
            false => retry_soon(),
        };
        match dialog.state() {
            DialogState::Confirmed(..) => self.hand_to_dialog(dialog, tx),
            _ if bye && theirs => self.hand_to_dialog(dialog, tx),
            DialogState::Calling(_) | DialogState::Early(..) if theirs => self.refuse(tx, unless),
            DialogState::Terminated(..) => self.refuse(tx, (StatusCode::CallTransactionDoesNotExist, vec![])),
            _ => self.hand_when_confirmed(dialog, tx, unless),
        }
    }

    fn hand_when_confirmed(&self, mut dialog: InviteDialog, mut tx: Transaction, unless: Refusal) {
        self.background(async move {
            let give_up = Instant::now() + ACK_BEHIND;
            while !dialog.state().is_confirmed() && Instant::now() < give_up {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if dialog.state().is_confirmed() {
                let _ = dialog.handle(&mut tx).await;
            } else {
                let _ = tx.reply_with(unless.0, unless.1, None).await;
            }
        });
    }

    pub(super) async fn answer(&mut self, key: DialogKey, sdp: String) {
        if self.answer_must_wait(key, &sdp) {
            return;
        }
        let ack_wait = self.shared.cfg.t1 * 64 + ACK_GRACE;
        let mut headers = vec![Header::Allow(ALLOW.into()), Header::Supported(self.supported().into())];
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Phase::Ringing { late, .. } = &entry.phase else { return };
        let late = *late;
        let (granted, said) = (entry.granted.take(), Some(sdp.clone()));
        entry.said = said;
        headers.extend(refresh::headers_of(granted));
        let body = (!entry.reliable.described).then(|| sdp.into_bytes());
        if body.is_some() {
            headers.push(Header::ContentType("application/sdp".into()));
        }
        if let Err(e) = entry.dialog.accept(Some(headers), body) {
            let why = format!("the 200 could not be sent: {e}");
            return self.end(key, EndedWhy::Broken(why)).await;
        }
        entry.phase = Phase::AwaitingAck { late, hang_up: false, give_up: Instant::now() + ack_wait };
        self.granted(key, granted);
    }

    pub(super) fn reject(&mut self, key: DialogKey, status: u16, retry_after: Option<u32>) {
        let Some(entry) = self.entries.get(&key) else { return };
        let Phase::Ringing { invite, .. } = &entry.phase else { return };
        let status = StatusCode::from(if (300..700).contains(&status) { status } else { 480 });
        let headers = retry_after.map(|s| Header::RetryAfter(s.to_string().into()));
        self.respond_to_invite(entry, invite, status.clone(), headers.into_iter().collect());
        // Ours went first; the crate's own answer is dropped by the transaction, only its state is wanted.
        let _ = entry.dialog.reject(Some(status), None);
    }

    /// A final answer to their INVITE with headers of ours; `reject` of the crate cannot carry any.
    pub(super) fn respond_to_invite(
        &self,
        entry: &Entry,
        invite: &TransactionEventSender,
        status: StatusCode,
        headers: Vec<Header>,
    ) {
        let request = entry.dialog.initial_request();
        let mut response: Response = self.endpoint.make_response(&request, status, None);
        for header in response.headers.iter_mut() {
            if let Header::To(to) = header {
                let tagged = to.clone().with_tag(entry.dialog.id().local_tag.into());
                *to = tagged;
            }
        }
        response.headers.extend(headers);
        let _ = invite.send(TransactionEvent::Respond(response));
    }

    /// The ACK of our 200, or the 200 to our INVITE. The crate repeats this state after every request inside the dialog.
    pub(super) async fn on_confirmed(&mut self, key: DialogKey, response: &Response) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        match entry.phase {
            Phase::AwaitingAck { late, hang_up, .. } => {
                entry.phase = Phase::Up;
                let dialog = entry.dialog.clone();
                let answer = late.then(|| dialog.last_remote_ack().and_then(|ack| sdp_of(&ack))).flatten();
                entry.heard = answer.clone().or(entry.heard.take());
                self.tell(SipEvent::Acked { dialog: key, answer }).await;
                if hang_up {
                    self.bye(dialog);
                    self.end(key, EndedWhy::Ours).await;
                }
            }
            Phase::Calling { .. } => self.on_answered(key, response).await,
            Phase::Up => {
                if let Some(Referred::Going(notifier)) = &entry.referred {
                    notifier.begin();
                }
                let Some(seq) = entry.answer_in_ack else { return };
                let Some(ack) = entry.dialog.last_remote_ack() else { return };
                if ack.cseq_header().and_then(|c| c.seq()).ok() == Some(seq) {
                    entry.answer_in_ack = None;
                    self.tell(SipEvent::Acked { dialog: key, answer: sdp_of(&ack) }).await;
                }
            }
            Phase::Ringing { .. } => {}
        }
    }

    /// INFO: a key, or something that we do not know (RFC 6086 §4.2.2: 415 for a body of unknown type).
    pub(super) async fn on_info(&mut self, key: DialogKey, request: &Request, handle: TransactionHandle) {
        let content_type = request.header_value("Content-Type").unwrap_or_default();
        let keys = bodies::media_type(&content_type).starts_with("application/dtmf");
        if !request.body.is_empty() && !keys {
            let _ = handle.respond(StatusCode::UnsupportedMediaType, Some(vec![accept()]), None).await;
            return;
        }
        let _ = handle.reply(StatusCode::OK).await;
        if let Some(digit) = bodies::info_digit(&content_type, &request.body)
            && self.entries.contains_key(&key)
        {
            self.tell(SipEvent::InfoDigit { dialog: key, digit }).await;
        }
    }
}

/// Requests of ours go over the transport that theirs came by, also when the connection is gone meanwhile (RFC 3261 §18.1.1
/// leaves it to the URI, and many phones write none).
fn remember_transport(dialog: &InviteDialog, transport: Transport) {
    let snapshot = dialog.snapshot();
    let contact = dialog.initial_request().contact_header().ok().cloned();
    let mut target = snapshot.remote_uri;
    if transport != Transport::Udp && !target.params.iter().any(|p| matches!(p, Param::Transport(_))) {
        target.params.push(Param::Transport(transport));
        Dialog::Invite(dialog.clone()).set_remote_target(target, contact);
    }
}

/// A new INVITE that passed its checks.
struct NewCall {
    from: String,
    to: String,
    source: SocketAddr,
    call_id: String,
    offer: Option<String>,
    caller: (super::dialog::Index, u32),
    origin: Origin,
    granted: Option<Granted>,
    replaces: Option<DialogKey>,
}

/// Who calls whom, and by which way. An asserted identity counts only from trusted sources (RFC 3325 §6); who asks for privacy
/// gets it from anywhere (§7).
fn parties(request: &Request, from: String, trunk: Option<&Trunk>, trusted: bool) -> (String, String, Origin) {
    let values = |name: &'static str| lines(request, name);
    let asserted = trusted.then(|| party::asserted(values("P-Asserted-Identity"), values("Remote-Party-ID"))).flatten();
    let rules = trunk.map(|t| t.numbers_in.as_slice()).unwrap_or_default();
    let from = numbers::rewrite(rules, &asserted.unwrap_or(from));
    let to = numbers::rewrite(rules, &dialled(request, trunk.map(|t| t.dialled_in).unwrap_or_default()));
    let private = party::wants_privacy(values("Privacy"), values("Remote-Party-ID"));
    let diverted = party::diverted(values("History-Info"), values("Diversion"));
    let diverted = diverted.map(|d| Diverted { number: numbers::rewrite(rules, &d.number), ..d });
    let origin = Origin {
        trunk: trunk.map(|t| t.name.clone()),
        trusted,
        hidden: private.then(|| Pii::new(from.clone())),
        diverted,
        phone: None,
    };
    (if private { "anonymous".into() } else { from }, to, origin)
}

/// The number that was dialled, where a trunk writes it; that of the Request-URI where it is not there.
fn dialled(request: &Request, place: DialledIn) -> String {
    let first = |values: Vec<party::NameAddr>| values.first().and_then(party::NameAddr::user);
    let elsewhere = match place {
        DialledIn::Request => None,
        DialledIn::To => first(party::name_addrs(lines(request, "To").chain(lines(request, "t")))),
        DialledIn::PCalledPartyId => first(party::name_addrs(lines(request, "P-Called-Party-ID"))),
    };
    elsewhere.unwrap_or_else(|| user_of(&request.uri))
}

/// Values of Authorization, as many as are looked at.
pub(super) fn authorizations(request: &Request) -> Vec<String> {
    let values = request.headers.iter().filter_map(|header| match header {
        Header::Authorization(value) => Some(value.value().to_string()),
        _ => None,
    });
    values.take(AUTHORIZATIONS_MAX).collect()
}

pub(super) fn accept() -> Header {
    Header::Accept(ACCEPT.into())
}

pub(super) fn not_allowed() -> Refusal {
    (StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())])
}

fn retry_later(status: StatusCode) -> Refusal {
    (status, vec![Header::RetryAfter(RETRY_AFTER.to_string().into())])
}

/// 500 for what comes at a bad moment, with a rest of 0 to 10 seconds (RFC 3261 §14.2, RFC 3311 §5.2).
pub(super) fn retry_soon() -> Refusal {
    (StatusCode::ServerInternalError, vec![Header::RetryAfter((rand::random::<u32>() % 11).to_string().into())])
}

fn to_tag(request: &Request) -> Option<String> {
    let tag = request.to_header().ok()?.tag().ok()??;
    Some(tag.value().to_string()).filter(|t| !t.is_empty())
}

fn from_tag(request: &Request) -> Option<String> {
    Some(request.from_header().ok()?.tag().ok()??.value().to_string())
}

fn heard(tx: &Transaction) -> Heard {
    if transport_of(tx) == Transport::Udp { Heard::Datagram } else { Heard::Stream }
}

pub(super) fn source_of(tx: &Transaction) -> Option<SocketAddr> {
    tx.connection.as_ref()?.get_remote_addr()?.get_socketaddr().ok()
}

pub(super) fn transport_of(tx: &Transaction) -> Transport {
    // Our streams are channels to the crate; their address knows the transport.
    tx.connection.as_ref().map(|c| c.get_addr().r#type.unwrap_or(c.transport())).unwrap_or_default()
}
