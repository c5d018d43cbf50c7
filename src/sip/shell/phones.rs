//! Agents' phones that register here: REGISTER with digest, calls to them by the way that they came, and calls of theirs. What
//! is remembered of them is the pure `sip::registrar`.

use super::SipConfig;
use super::core::Core;
use super::incoming::{Refusal, authorizations, source_of, transport_of};
use super::message::{lines, unescaped, user_of};
use crate::base::SipUri;
use crate::sip::registrar::{Asking, Flow, News, Refused, Registrar};
use crate::sip::trunk::TrunkTransport;
use crate::sip::verify::{Accounts, Asked, Denied};
use crate::sip::{REGISTERED, SipEvent};
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Header, Method, Request, SipMessage, StatusCode, Transport};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipAddr;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A lock because the gate, every stream and the crate's transports ask whose an address is; it is held for a look into a table,
/// never across an await.
pub type SharedRegistrar = Arc<Mutex<Registrar>>;

pub(super) fn registrar(shared: &SharedRegistrar) -> MutexGuard<'_, Registrar> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The registrar for whom the configuration names.
pub(super) fn registrar_of(cfg: &SipConfig) -> SharedRegistrar {
    let mut registrar = Registrar::new(cfg.terms);
    registrar.set_logins(cfg.phones.0.keys().cloned().collect());
    SharedRegistrar::new(registrar.into())
}

/// The way by which something came.
pub(super) fn flow(transport: Transport, peer: SocketAddr) -> Flow {
    let transport = match transport {
        Transport::Udp => TrunkTransport::Udp,
        Transport::Tls => TrunkTransport::Tls,
        _ => TrunkTransport::Tcp,
    };
    Flow { transport, peer }
}

fn address(flow: Flow) -> SipAddr {
    let transport = match flow.transport {
        TrunkTransport::Udp => Transport::Udp,
        TrunkTransport::Tcp => Transport::Tcp,
        TrunkTransport::Tls => Transport::Tls,
    };
    SipAddr::new(transport, flow.peer.into())
}

fn flow_of(at: &SipAddr) -> Option<Flow> {
    Some(flow(at.r#type.unwrap_or_default(), at.get_socketaddr().ok()?))
}

impl Core {
    /// Whether any phone may register here.
    pub(super) fn serves_phones(&self) -> bool {
        registrar(&self.shared.phones).serves()
    }

    pub(super) fn set_phones(&mut self, phones: Accounts) {
        registrar(&self.shared.phones).set_logins(phones.0.keys().cloned().collect());
        self.phone_verifier.set_accounts(phones);
    }

    /// Tells who came and went.
    pub(super) async fn tell_phones(&mut self) {
        let now = self.now();
        let news = {
            let mut registrar = registrar(&self.shared.phones);
            registrar.sweep(now);
            registrar.take_news()
        };
        for News { login, there, why } in news {
            match there {
                true => tracing::info!(phone = login, why, "an agent's phone is there"),
                false => tracing::info!(phone = login, why, "an agent's phone is gone"),
            }
            metrics::gauge!("hotline_phones_registered").set(registrar(&self.shared.phones).count() as f64);
            self.tell(SipEvent::Phone { login, there }).await;
        }
    }

    /// REGISTER (RFC 3261 §10.3). Who is not the owner of the password learns nothing, not even which names there are.
    pub(super) fn on_register(&mut self, tx: Transaction) {
        let Some(end) = source_of(&tx) else { return };
        let answer = match self.prove_phone(&tx, end, None) {
            Ok(login) => self.registered(&tx, end, &login),
            Err(refusal) => refusal,
        };
        self.refuse_outside(tx, answer);
    }

    fn registered(&mut self, tx: &Transaction, end: SocketAddr, login: &str) -> Refusal {
        let (request, now) = (&tx.original, self.now());
        let bad = (StatusCode::BadRequest, vec![]);
        let own = request.to_header().ok().and_then(|to| to.typed().ok()).is_some_and(|to| user_of(&to.uri) == login);
        if !own {
            // One's own phones and nobody else's.
            return (StatusCode::Forbidden, vec![]);
        }
        let (Ok(call_id), Ok(cseq)) = (request.call_id_header(), request.cseq_header().and_then(|c| c.seq())) else {
            return bad;
        };
        let contacts: Vec<&str> = lines(request, "Contact").chain(lines(request, "m")).collect();
        let expires = lines(request, "Expires").next();
        let flow = flow(transport_of(tx), end);
        let asking = Asking { login, call_id: call_id.value(), cseq, contacts: &contacts, expires, flow };
        match registrar(&self.shared.phones).register(now, asking) {
            Ok(kept) => {
                let contacts = kept.iter().map(|k| Header::Contact(format!("<{}>;expires={}", k.contact, k.expires).into()));
                (StatusCode::OK, contacts.collect())
            }
            Err(Refused::TooBrief(least)) => (StatusCode::IntervalTooBrief, vec![Header::MinExpires(least.to_string().into())]),
            Err(Refused::Malformed) => bad,
            Err(Refused::OutOfOrder) => (StatusCode::ServerInternalError, vec![]),
        }
    }

    /// Whether an INVITE is to prove that it comes from an agent's phone, and which phone is known to be there. What comes by the way
    /// of a registration does; what names a phone that has registered from this address, by another port; and whoever dials an
    /// emergency number and is no trunk: a phone may have lost its registration without knowing.
    pub(super) fn claims_to_be_a_phone(&self, tx: &Transaction, end: SocketAddr) -> Option<Option<String>> {
        if tx.original.method != Method::Invite {
            return None;
        }
        let phones = registrar(&self.shared.phones);
        if let Some(login) = phones.owner(flow(transport_of(tx), end)) {
            return Some(Some(login.to_string()));
        }
        let from = tx.original.from_header().ok().and_then(|from| from.typed().ok()).map(|from| user_of(&from.uri));
        let named = from.is_some_and(|login| phones.is_at(&login, end.ip()));
        let serves = phones.serves();
        drop(phones);
        let emergency = || self.is_emergency(&tx.original) && !super::board(&self.shared.board).owns(end.ip());
        (named || serves && emergency()).then_some(None)
    }

    /// Whether an emergency number is dialled.
    pub(super) fn is_emergency(&self, request: &Request) -> bool {
        self.emergency.contains(&user_of(&request.uri))
    }

    /// The login of the phone that sends this; otherwise the refusal, which is a challenge unless too many passwords were wrong.
    pub(super) fn prove_phone(&mut self, tx: &Transaction, end: SocketAddr, known: Option<&str>) -> Result<String, Refusal> {
        let request = &tx.original;
        let owner = registrar(&self.shared.phones).owner(flow(transport_of(tx), end)).map(str::to_string);
        let (method, uri) = (request.method.to_string(), unescaped(request.uri.clone()).to_string());
        let (now, source) = (self.shared.began.elapsed(), end.ip());
        let asked = Asked { method: &method, uri: &uri, source, proved: known.or(owner.as_deref()) };
        match self.phone_verifier.check(now, asked, &authorizations(request)) {
            Ok(login) => Ok(login),
            Err(Denied::Blocked) => Err((StatusCode::Forbidden, vec![])),
            Err(Denied::Challenge { stale }) => {
                // One challenge, the preferred: phones on libre 1.x (baresip 1.0) give up at a second one that they do not know.
                let challenges = self.phone_verifier.challenges(now, source, stale);
                let headers = challenges.into_iter().take(1).map(|value| Header::WwwAuthenticate(value.into())).collect();
                Err((StatusCode::Unauthorized, headers))
            }
        }
    }

    /// For a target that is an agent's phone: the address that it gave and the way to it; `Some(None)` = it is not there.
    pub(super) fn phone_to_ring(&self, to: &str) -> Option<Option<(String, SipAddr)>> {
        let login = to.strip_prefix(REGISTERED)?;
        let phones = registrar(&self.shared.phones);
        Some(phones.phone_of(login).map(|(contact, flow)| (contact.to_string(), address(flow))))
    }

    /// The way to a registered phone, if that is where this leads.
    pub(super) fn phone_at(&self, to: &SipAddr) -> Option<Flow> {
        flow_of(to).filter(|flow| registrar(&self.shared.phones).owner(*flow).is_some())
    }
}

/// What a registered phone says of where it is reached counts no more than in its REGISTER: requests inside its calls, too, go by the
/// way that it came, because behind a NAT its Contact leads nowhere. Its own REGISTER is left as it is.
pub(super) fn with_contact_at_its_phone(
    mut message: SipMessage,
    from: Option<&SipAddr>,
    phones: &SharedRegistrar,
) -> SipMessage {
    let Some(flow) = from.and_then(flow_of).filter(|flow| registrar(phones).owner(*flow).is_some()) else { return message };
    let headers = match &mut message {
        SipMessage::Request(request) if request.method == Method::Register => return message,
        SipMessage::Request(request) => &mut request.headers,
        SipMessage::Response(response) => &mut response.headers,
    };
    for header in headers.iter_mut() {
        if let Header::Contact(contact) = header
            && let Some(moved) = moved(contact.value(), flow)
        {
            *header = Header::Contact(moved.into());
        }
    }
    message
}

/// A Contact at this end of a flow; `None` = it is there already, or cannot be read.
fn moved(contact: &str, flow: Flow) -> Option<String> {
    let all = crate::sip::party::name_addrs(std::iter::once(contact));
    let [one] = all.as_slice() else { return None };
    let uri = SipUri::parse(&one.uri)?;
    let transport = uri.param("transport").unwrap_or("udp");
    let stands = uri.ip() == Some(flow.peer.ip()) && uri.port_or_usual() == flow.peer.port();
    if stands && transport.eq_ignore_ascii_case(flow.transport.name()) && !uri.secure {
        return None;
    }
    let at = if uri.user.is_empty() { String::new() } else { format!("{}@", uri.user) };
    let transport = if flow.transport == TrunkTransport::Udp { "" } else { flow.transport.name() };
    let transport = if transport.is_empty() { String::new() } else { format!(";transport={transport}") };
    Some(format!("<sip:{at}{}{transport}>", flow.peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_moved_to_the_end_of_its_flow() {
        let end = |transport, peer: &str| Flow { transport, peer: peer.parse().expect("an address") };
        let udp = end(TrunkTransport::Udp, "198.51.100.9:40000");
        let tcp = end(TrunkTransport::Tcp, "[2001:db8::9]:40000");
        let cases = [
            (udp, "\"x\" <sip:anna@10.0.0.4:5060;ob>;q=1", Some("<sip:anna@198.51.100.9:40000>")),
            (udp, "<sip:anna@198.51.100.9:40000;x=y>", None),
            (udp, "<sip:198.51.100.9:40000;transport=tcp>", Some("<sip:198.51.100.9:40000>")),
            (tcp, "<sip:anna@10.0.0.4;transport=TCP>", Some("<sip:anna@[2001:db8::9]:40000;transport=tcp>")),
            (udp, "*", None),
            (udp, "<sip:a@b>,<sip:c@d>", None),
        ];
        for (flow, contact, expected) in cases {
            assert_eq!(moved(contact, flow).as_deref(), expected, "{contact}");
        }
    }
}
