//! What we start ourselves: INVITE, REFER, INFO.

use super::core::{Core, Done, Preparing};
use super::dialog::{Entry, Phase};
use super::logins::Login;
use super::message::{lines, sdp_of, target_of, unescaped, uri};
use super::phones::registrar;
use super::refresh;
use super::stream::Streams;
use super::trunks::credentials;
use crate::base::Digit;
use crate::sip::bodies;
use crate::sip::digest;
use crate::sip::replaces;
use crate::sip::session_timer;
use crate::sip::trunk::{Trunk, numbers};
use crate::sip::{ALLOW, Credentials, DialogKey, EndedWhy, SipEvent};
use rsipstack::dialog::dialog::TransactionHandle;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Host, Request, Response, Scheme, StatusCode, StatusCodeKind, Transport, Uri};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transport::SipAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Where calls to agents name the card, beside User-to-User.
const CARD_HEADER: &str = "X-Hotline-Card";

/// Challenges that one call answers: one, and again when a nonce was stale.
const CHALLENGES_MAX: u8 = 3;
/// How long a trunk may say nothing at all to an INVITE.
const TRUNK_SILENCE: Duration = Duration::from_secs(4);
/// How long looking up a name and opening a TCP connection may take.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a second INVITE of the same call is made of: options, when to give up, challenges answered, the trunk it goes by.
type Second = (InviteOption, Instant, u8, Option<Arc<Trunk>>);

impl Core {
    /// Looks the target up first, so that Contact and Via can carry the address that it reaches.
    pub(super) async fn invite(&mut self, key: DialogKey, invite: Preparing) {
        if self.entries.contains_key(&key) || self.preparing.contains_key(&key) {
            return;
        }
        let (invite, phone) = match self.phone_to_ring(&invite.to) {
            None => (invite, None),
            Some(None) => return self.never_began(key, "the phone is not registered").await,
            Some(Some((contact, at))) => (Preparing { to: contact, ..invite }, Some(at)),
        };
        let ours = self.entries.values().filter(|e| !e.incoming()).count() + self.preparing.len();
        let uri = match uri(&invite.to) {
            Ok(uri) if matches!(uri.scheme, Some(Scheme::Sip | Scheme::Sips) | None) => uri,
            _ => return self.never_began(key, "the target is no sip: or sips: URI").await,
        };
        if ours >= self.shared.cfg.max_dialogs && !invite.emergency {
            return self.never_began(key, "too many calls of our own").await;
        }
        self.preparing.insert(key, invite);
        if let Some(at) = phone {
            // By the way that it came, wherever its Contact points.
            return self.on_prepared(key, Ok(at)).await;
        }
        let (endpoint, streams, done) = (self.endpoint.clone(), self.streams.clone(), self.done.clone());
        self.background(async move {
            let target = match tokio::time::timeout(PREPARE_TIMEOUT, find(&endpoint, &streams, &uri)).await {
                Ok(found) => found,
                Err(_) => Err("the target was not found in time".to_string()),
            };
            let _ = done.send(Done::Prepared { dialog: key, target }).await;
        });
    }

    async fn never_began(&self, key: DialogKey, why: &str) {
        self.tell(SipEvent::Ended { dialog: key, why: EndedWhy::Broken(why.to_string()) }).await;
    }

    pub(super) async fn on_prepared(&mut self, key: DialogKey, target: Result<SipAddr, String>) {
        let Some(invite) = self.preparing.remove(&key) else { return };
        let option = match target.and_then(|target| self.invite_option(&invite, target)) {
            Ok(option) => option,
            Err(why) => return self.never_began(key, &why).await,
        };
        if let Err(why) = self.start_invite(key, option, invite.give_up, 0, invite.by) {
            self.never_began(key, &why).await;
        }
    }

    fn start_invite(
        &mut self,
        key: DialogKey,
        option: InviteOption,
        give_up: Instant,
        challenges: u8,
        by: Option<Arc<Trunk>>,
    ) -> Result<(), String> {
        let started = self.layer.do_invite_async(option.clone(), self.states.clone());
        let (dialog, task) = started.map_err(|e| e.to_string())?;
        let peer = option.destination.as_ref().and_then(|d| d.get_socketaddr().ok()).map(|addr| addr.ip());
        let phone = option.destination.as_ref().and_then(|to| self.phone_at(to));
        let silent_until = (by.is_some() || phone.is_some()).then(|| Instant::now() + TRUNK_SILENCE);
        let said = option.offer.as_ref().map(|sdp| String::from_utf8_lossy(sdp).into_owned());
        let phase = Phase::Calling { give_up, option: Box::new(option), challenges, by, silent_until };
        self.insert(key, Entry { said, peer, phone, ..Entry::new(dialog, phase, None) });
        let done = self.done.clone();
        self.background(async move {
            let result = match task.await {
                Ok(Ok((_, response))) => Ok(response),
                Ok(Err(e)) => Err(e.to_string()),
                Err(e) => Err(e.to_string()),
            };
            let _ = done.send(Done::Invited { dialog: key, result }).await;
        });
        Ok(())
    }

    /// A trunk or a phone that answers nothing at all, not even 100, is left for the next one long before Timer B
    /// (RFC 3261 §17.1.1.2) would say so: a caller waits.
    pub(super) async fn end_silent(&mut self, now: Instant) {
        let silent = |e: &Entry| matches!(e.phase, Phase::Calling { silent_until: Some(until), .. } if now >= until);
        let silent: Vec<DialogKey> = self.entries.iter().filter(|(_, e)| silent(e)).map(|(k, _)| *k).collect();
        for key in silent {
            let mut why = "the trunk does not answer";
            if let Some(entry) = self.entries.get(&key) {
                if let Some(phone) = entry.phone {
                    why = "the phone does not answer";
                    registrar(&self.shared.phones).is_silent(phone);
                }
                self.cancel(entry.dialog.clone());
            }
            self.end(key, EndedWhy::Broken(why.into())).await;
        }
    }

    /// The trunk has answered something.
    pub(super) fn not_silent(&mut self, key: DialogKey) {
        if let Some(Phase::Calling { silent_until, .. }) = self.entries.get_mut(&key).map(|e| &mut e.phase) {
            *silent_until = None;
        }
    }

    /// The INVITE that answers a challenge to ours, if we know this server.
    fn second_invite(&self, key: DialogKey, response: &Response) -> Option<Second> {
        let entry = self.entries.get(&key)?;
        let Phase::Calling { give_up, option, challenges, by, .. } = &entry.phase else { return None };
        let invite = entry.dialog.initial_request();
        let login = self.login(response, &invite, *challenges, by.as_deref())?;
        let header = login.header("INVITE", &invite.uri.to_string(), 1);
        let mut option = option.as_ref().clone();
        let headers = option.headers.get_or_insert_default();
        headers.retain(|h| !matches!(h, Header::Authorization(_) | Header::ProxyAuthorization(_)));
        headers.push(header);
        // The same call, with a higher CSeq (RFC 3261 §22.2).
        option.call_id = invite.call_id_header().ok().map(|c| c.value().to_string());
        if let Some(call_id) = &option.call_id {
            self.logins.remember(call_id, login);
        }
        Some((option, *give_up, challenges + 1, by.clone()))
    }

    /// The INVITE that asks for the longer session interval that a 422 wants (RFC 4028 §7.3).
    fn longer_session(&self, key: DialogKey, response: &Response) -> Option<Second> {
        let entry = self.entries.get(&key)?;
        let Phase::Calling { give_up, option, challenges, by, .. } = &entry.phase else { return None };
        if response.status_code.code() != 422 {
            return None;
        }
        let invite = entry.dialog.initial_request();
        let tried = refresh::said(&invite.headers).expires?.0;
        let seconds = session_timer::after_422(tried, refresh::said(&response.headers).min_se)?;
        let mut option = option.as_ref().clone();
        let headers = option.headers.get_or_insert_default();
        headers.retain(|h| !matches!(h, Header::SessionExpires(_) | Header::MinSE(_)));
        headers.push(Header::SessionExpires(seconds.to_string().into()));
        headers.push(Header::MinSE(seconds.to_string().into()));
        option.call_id = invite.call_id_header().ok().map(|c| c.value().to_string());
        Some((option, *give_up, *challenges, by.clone()))
    }

    /// What proves us to who challenged this INVITE.
    fn login(&self, response: &Response, invite: &Request, challenges: u8, by: Option<&Trunk>) -> Option<Login> {
        let host = invite.uri.host().to_string();
        let offered = lines(response, "WWW-Authenticate").map(|v| (false, v));
        let (proxy, challenge) = digest::strongest(offered.chain(lines(response, "Proxy-Authenticate").map(|v| (true, v))))?;
        // A second challenge says that the password is wrong, unless the nonce was stale.
        if challenges >= CHALLENGES_MAX || (challenges > 0 && !challenge.stale) {
            return None;
        }
        let fits = |c: &&Credentials| c.host.eq_ignore_ascii_case(&host) || c.host.eq_ignore_ascii_case(&challenge.realm);
        // A trunk's password is for that trunk alone.
        let who = match by {
            Some(trunk) => credentials(&host, trunk.login.as_ref()?),
            None => self.shared.cfg.credentials.iter().find(fits)?.clone(),
        };
        Some(Login { proxy, challenge, who, cnonce: format!("{:032x}", rand::random::<u128>()) })
    }

    fn invite_option(&self, invite: &Preparing, target: SipAddr) -> Result<InviteOption, String> {
        let peer = target.get_socketaddr().map_err(|e| e.to_string())?;
        let transport = target.r#type.unwrap_or_default();
        let mut callee = uri(&invite.to)?;
        // Headers in a URI are for building requests, not for the Request-URI (RFC 3261 §19.1.1); only Replaces is taken.
        callee.headers.clear();
        let replaces = replaces::in_uri(&invite.to);
        let mut caller = Uri {
            scheme: Some(Scheme::Sip),
            auth: Some(invite.from.replace(':', "").as_str().into()).filter(|_| !invite.from.is_empty()),
            host_with_port: self.shared.addresses.toward(peer.ip(), transport).into(),
            ..Uri::default()
        };
        let mut headers = vec![Header::Allow(ALLOW.into()), Header::Supported(self.supported().into())];
        headers.extend(self.session_headers(None, None));
        if let Some(trunk) = &invite.by {
            let says = numbers::identity(trunk, &invite.from, invite.vouched);
            caller = uri(&says.from)?;
            headers.extend(says.asserted.map(|uri| Header::PAssertedIdentity(format!("<{uri}>").into())));
            headers.extend(says.private.then(|| Header::Privacy("id".into())));
        }
        // Without `Require: replaces`: a phone that does not know it rings as for a new call, which serves the caller better than 420.
        if let Some(replaces) = replaces {
            headers.push(Header::Replaces(one_line(&replaces).into()));
        }
        if let Some(uui) = &invite.uui {
            headers.push(Header::UserToUser(one_line(uui).into()));
            // The same in plain letters, for dial plans that cannot take User-to-User apart.
            let reference = uui.split(';').next().unwrap_or_default();
            headers.push(Header::Other(CARD_HEADER.into(), one_line(reference)));
        }
        let mut contact = self.shared.addresses.contact(peer.ip(), transport);
        if callee.scheme == Some(Scheme::Sips) {
            // RFC 3261 §8.1.1.8.
            contact.scheme = Some(Scheme::Sips);
        }
        Ok(InviteOption {
            caller,
            callee,
            destination: Some(target),
            content_type: Some("application/sdp".into()),
            offer: Some(invite.sdp.clone().into_bytes()),
            contact,
            headers: Some(headers),
            ..InviteOption::default()
        })
    }

    /// A provisional answer: to our INVITE it tells of ringing.
    pub(super) async fn on_provisional(&mut self, key: DialogKey, response: &Response) {
        self.not_silent(key);
        let calling = self.entries.get(&key).is_some_and(|e| matches!(e.phase, Phase::Calling { .. }));
        if calling && response.status_code.code() > 100 {
            if !self.acknowledge(key, response) {
                return;
            }
            if let (Some(entry), Some(_), Some(sdp)) = (self.entries.get_mut(&key), response.rseq_value(), sdp_of(response)) {
                (entry.described, entry.heard) = (true, Some(sdp));
            }
            self.tell(SipEvent::Ringing { dialog: key, sdp: sdp_of(response) }).await;
        }
    }

    /// 200 to our INVITE; the crate has acknowledged it.
    pub(super) async fn on_answered(&mut self, key: DialogKey, response: &Response) {
        self.agreed(key, response);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        entry.phase = Phase::Up;
        entry.allows_update = refresh::has_token(&response.headers, "Allow", "UPDATE");
        // What a reliable provisional answer said needs no repeating (RFC 3262 §5).
        entry.heard = sdp_of(response).or(entry.heard.take().filter(|_| entry.described));
        match entry.heard.clone() {
            Some(sdp) => self.tell(SipEvent::Answered { dialog: key, sdp }).await,
            None => {
                let dialog = entry.dialog.clone();
                self.bye(dialog);
                self.end(key, EndedWhy::Broken("the 200 had no session description".into())).await;
            }
        }
    }

    /// The end of our INVITE's transaction. A 2xx has come (or comes) as a state of the dialog.
    pub(super) async fn on_invited(&mut self, key: DialogKey, result: Result<Option<Response>, String>) {
        let calling = self.entries.get(&key).is_some_and(|e| matches!(e.phase, Phase::Calling { .. }));
        if !calling {
            return;
        }
        let second = match &result {
            Ok(Some(response)) if is_challenge(response) => self.second_invite(key, response),
            Ok(Some(response)) => self.longer_session(key, response),
            _ => None,
        };
        if let Some((option, give_up, challenges, by)) = second {
            self.forget(key);
            if let Err(why) = self.start_invite(key, option, give_up, challenges, by) {
                self.never_began(key, &why).await;
            }
            return;
        }
        let why = match result {
            Ok(Some(response)) if response.status_code.kind() == StatusCodeKind::Successful => return,
            Ok(Some(response)) => EndedWhy::Refused { status: response.status_code.code(), contact: contact_of(&response) },
            Ok(None) => EndedWhy::Broken("the INVITE got no answer".into()),
            Err(why) => EndedWhy::Broken(why),
        };
        self.end(key, why).await;
    }

    pub(super) async fn refer(&mut self, key: DialogKey, to: &str, uui: Option<&str>) {
        self.refer_by(key, one_line(&bodies::refer_to(to, uui))).await;
    }

    /// REFER with this Refer-To.
    pub(super) async fn refer_by(&mut self, key: DialogKey, value: String) {
        let fresh = self.new_refer();
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let refused = match (&entry.phase, &entry.refer) {
            (Phase::Up, None) => None,
            (Phase::Up, Some(_)) => Some(491),
            _ => Some(481),
        };
        if let Some(status) = refused {
            return self.tell(SipEvent::ReferProgress { dialog: key, status, last: true }).await;
        }
        let serial = fresh.serial;
        entry.refer = Some(fresh);
        let dialog = entry.dialog.clone();
        let by = dialog.snapshot().local_contact.map(|uri| format!("<{uri}>"));
        let headers: Vec<Header> = by.map(|by| Header::ReferredBy(by.as_str().into())).into_iter().collect();
        let done = self.done.clone();
        self.background(async move {
            let (status, cseq) = match dialog.refer(value.as_str(), Some(headers), None).await {
                Ok(Some(response)) => (response.status_code.code(), response.cseq_header().and_then(|c| c.seq()).ok()),
                Ok(None) => (481, None),
                Err(_) => (503, None),
            };
            let _ = done.send(Done::Referred { dialog: key, serial, status, cseq }).await;
        });
    }

    /// The answer to REFER itself: 2xx = they will try, and tell by NOTIFY.
    pub(super) async fn on_referred(&mut self, key: DialogKey, serial: u64, status: u16, cseq: Option<u32>) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(refer) = entry.refer.as_mut().filter(|r| r.serial == serial) else { return };
        let last = !(200..300).contains(&status);
        refer.cseq = cseq;
        if last {
            entry.refer = None;
        } else {
            refer.status = refer.status.max(status);
        }
        // 202 in the face's words, also from those who say 200.
        let status = if last { status } else { 202 };
        self.tell(SipEvent::ReferProgress { dialog: key, status, last }).await;
    }

    /// NOTIFY inside the dialog: how our REFER goes (RFC 3515 §2.4.5).
    pub(super) async fn on_notify(&mut self, key: DialogKey, request: &Request, handle: TransactionHandle) {
        let event = request.header_value("Event").or_else(|| request.header_value("o")).unwrap_or_default();
        if !bodies::media_type(&event).eq("refer") {
            let _ = handle.reply(StatusCode::BadEvent).await;
            return;
        }
        let _ = handle.reply(StatusCode::OK).await;
        let id: Option<u32> = bodies::parameter(&event, "id").and_then(|id| id.parse().ok());
        let state = request.header_value("Subscription-State").unwrap_or_default();
        let over = bodies::media_type(&state) == "terminated";
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(refer) = entry.refer.as_mut() else { return };
        if id.is_some() && refer.cseq.is_some() && id != refer.cseq {
            return;
        }
        let status = bodies::sipfrag_status(&request.body);
        refer.status = status.unwrap_or(refer.status);
        let (status, last) = (refer.status, over || status.is_some_and(|s| s >= 200));
        if last {
            entry.refer = None;
        }
        self.tell(SipEvent::ReferProgress { dialog: key, status, last }).await;
    }

    pub(super) fn send_info(&mut self, key: DialogKey, digit: Digit) {
        let Some(entry) = self.entries.get(&key) else { return };
        let dialog = entry.dialog.clone();
        let body = format!("Signal={}\r\nDuration=160\r\n", digit.as_char());
        self.background(async move {
            let headers = vec![Header::ContentType("application/dtmf-relay".into())];
            let _ = dialog.info(Some(headers), Some(body.into_bytes())).await;
        });
    }
}

/// Name to address; for TCP also the connection, so that a dead target is known at once instead of after 32 s.
pub(super) async fn find(endpoint: &EndpointInnerRef, streams: &Arc<Streams>, uri: &Uri) -> Result<SipAddr, String> {
    let mut target = SipAddr::try_from(uri).map_err(|e| e.to_string())?;
    if uri.scheme == Some(Scheme::Sips) {
        // RFC 3261 §26.2.2: sips means TLS all the way.
        target.r#type = Some(Transport::Tls);
    }
    if matches!(target.addr.host, Host::Domain(_)) {
        let resolver = &endpoint.transport_layer.inner.domain_resolver;
        target = resolver.resolve(&target).await.map_err(|e| format!("the target's name is unknown: {e}"))?;
    }
    target.r#type = target.r#type.or(Some(Transport::Udp));
    if target.addr.port.is_none() {
        target.addr.port = Some(if target.r#type == Some(Transport::Tls) { 5061 } else { 5060 }.into());
    }
    if target.r#type != Some(Transport::Udp) {
        let address = target.get_socketaddr().map_err(|e| e.to_string())?;
        let tls = target.r#type == Some(Transport::Tls);
        streams.connect(tls, address, &uri.host().to_string()).await?;
    }
    Ok(target)
}

/// The first Contact of a redirect, as a URI.
fn contact_of(response: &Response) -> Option<String> {
    if response.status_code.kind() != StatusCodeKind::Redirection {
        return None;
    }
    target_of(response).map(|(uri, _)| unescaped(uri).to_string())
}

fn is_challenge(response: &Response) -> bool {
    matches!(response.status_code, StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired)
}

/// A header value cannot hold line ends.
fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
