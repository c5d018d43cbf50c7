//! The last look at every message that passes the SIP crate.

use super::address::Addresses;
use super::logins::Logins;
use super::message::{unescaped, with_readable_contacts};
use super::phones::with_contact_at_its_phone;
use crate::sip::bodies::tokens;
use crate::sip::reliable::TAG;
use rsipstack::sip::param::Received;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Header, Method, Param, Request, Response, SipMessage, StatusCode};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;
use std::sync::Arc;

/// Writes the right address into our Via and defuses challenges inside dialogs.
pub(super) struct Inspector {
    pub(super) addresses: Arc<Addresses>,
    pub(super) logins: Arc<Logins>,
    pub(super) phones: super::SharedRegistrar,
}

impl MessageInspector for Inspector {
    fn before_send(&self, msg: SipMessage, dest: Option<&SipAddr>) -> SipMessage {
        match (msg, dest) {
            (SipMessage::Request(mut request), Some(dest)) => {
                if within_a_dialog(&request) {
                    // The far end's Contact as the crate has read it.
                    request.uri = unescaped(request.uri);
                }
                self.logins.sign(&mut request);
                SipMessage::Request(self.with_our_via(request, dest))
            }
            (msg, _) => msg,
        }
    }

    fn after_received(&self, msg: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        match with_contact_at_its_phone(with_readable_contacts(msg), from, &self.phones) {
            SipMessage::Response(response) => SipMessage::Response(unacknowledged(without_challenge(response))),
            SipMessage::Request(request) => SipMessage::Request(with_bare_received(request)),
        }
    }
}

impl Inspector {
    /// The crate takes the first interface's address when the socket is bound to 0.0.0.0, and the UDP port for TCP; here the
    /// sent-by becomes the address that this peer reaches (RFC 3261 §18.1.1). The branch, which matches answers, stays.
    fn with_our_via(&self, mut request: Request, dest: &SipAddr) -> Request {
        let Ok(peer) = dest.get_socketaddr() else { return request };
        if let Ok(via) = request.via_header_mut() {
            let _ = via.update_first_value(|via| {
                let mut typed = via.typed()?;
                // Our streams are channels to the crate, which takes those for UDP.
                typed.transport = dest.r#type.unwrap_or(typed.transport);
                typed.uri.host_with_port = self.addresses.toward(peer.ip(), typed.transport).into();
                Ok(typed.into())
            });
        }
        request
    }
}

/// Whether a request belongs to a dialog that exists.
pub(super) fn within_a_dialog(request: &Request) -> bool {
    request.to_header().ok().and_then(|to| to.tag().ok()).flatten().is_some()
}

/// The crate would acknowledge a reliable provisional answer by a PRACK to the address that was dialled, instead of to the
/// Contact of the answer (RFC 3262 §4, RFC 3261 §12.1.2), and wait for the answer to that. Here the dialog's task does it: it sees
/// RSeq, the crate no longer sees `Require: 100rel`. RSeq without Require counts as nothing.
fn unacknowledged(mut response: Response) -> Response {
    if response.rseq_value().is_none() {
        return response;
    }
    let is = |h: &Header| matches!(h, Header::Require(value) if tokens(value.value()).any(|t| t.eq_ignore_ascii_case(TAG)));
    let reliable = response.headers.iter().any(is);
    response.headers.retain(|h| if reliable { !is(h) } else { !matches!(h, Header::RSeq(_)) });
    response
}

/// The crate writes `received=[[2001:db8::1]]`, which it then cannot read itself, and answers where the Via says instead of where
/// the request came from. RFC 3261 §25.1 has the address bare.
fn with_bare_received(mut request: Request) -> Request {
    if let Ok(via) = request.via_header_mut() {
        let _ = via.update_first_value(|via| {
            let mut typed = via.typed()?;
            for param in &mut typed.params {
                if let Param::Received(received) = param
                    && received.value().starts_with('[')
                {
                    *param = Param::Received(Received::new(received.value().trim_matches(['[', ']'])));
                }
            }
            Ok(typed.into())
        });
    }
    request
}

/// A 401 or 407 to a request inside a dialog makes the crate (which has no credentials here) drop the whole dialog: a
/// refused REFER would lose the caller. The same status as an unnamed code is an ordinary refusal to it.
fn without_challenge(mut response: Response) -> Response {
    let challenged = matches!(response.status_code, StatusCode::Unauthorized | StatusCode::ProxyAuthenticationRequired);
    let invite = response.cseq_header().and_then(|c| c.method()).is_ok_and(|m| m == Method::Invite);
    if challenged && !invite {
        let code = response.status_code.code();
        response.status_code = StatusCode::Other(code, "Unauthorized".into());
    }
    response
}
