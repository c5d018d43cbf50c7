//! Passwords inside calls of ours: who challenged our INVITE may challenge what follows it, and the crate would give such a dialog
//! up. So every request of the dialog carries credentials for the same nonce, counted on (RFC 7616 §3.3, RFC 3261 §22.3).

use super::inspector::within_a_dialog;
use crate::sip::Credentials;
use crate::sip::digest::{Challenge, Signed};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Calls remembered; beyond, the oldest is forgotten and only loses this convenience.
const CALLS_MAX: usize = 8_192;

/// By Call-ID. A lock because the crate's transports ask; it is held for a look-up and a hash, never across an await.
#[derive(Default)]
pub(super) struct Logins(Mutex<Calls>);

#[derive(Default)]
struct Calls {
    by_call: HashMap<String, Login>,
    /// Oldest first.
    order: VecDeque<String>,
}

/// What one call proved itself with.
pub(super) struct Login {
    pub(super) proxy: bool,
    pub(super) challenge: Challenge,
    pub(super) who: Credentials,
    pub(super) cnonce: String,
}

impl Login {
    /// The header for a request; `count` is how often the nonce was used, counting this time.
    pub(super) fn header(&self, method: &str, uri: &str, count: u32) -> Header {
        let value = self.challenge.answer(&self.who, &Signed { method, uri, cnonce: &self.cnonce, count });
        if self.proxy { Header::ProxyAuthorization(value.into()) } else { Header::Authorization(value.into()) }
    }
}

impl Logins {
    /// This call has answered a challenge.
    pub(super) fn remember(&self, call_id: &str, login: Login) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.by_call.insert(call_id.to_string(), login).is_none() {
            calls.order.push_back(call_id.to_string());
        }
        if calls.order.len() > CALLS_MAX
            && let Some(oldest) = calls.order.pop_front()
        {
            calls.by_call.remove(&oldest);
        }
    }

    /// Adds credentials to a request inside such a call. The count follows CSeq, so that a retransmission is the same message.
    pub(super) fn sign(&self, request: &mut Request) {
        let signed = request.headers.iter().any(|h| matches!(h, Header::Authorization(_) | Header::ProxyAuthorization(_)));
        if !within_a_dialog(request) || signed || matches!(request.method, Method::Ack | Method::Cancel) {
            return;
        }
        let (Ok(call_id), Ok(seq)) = (request.call_id_header(), request.cseq_header().and_then(|c| c.seq())) else { return };
        let header = {
            let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(login) = calls.by_call.get(call_id.value()) else { return };
            // The first CSeq of a dialog is 1 or more, and the INVITE that answered the challenge was its second at least.
            login.header(&request.method.to_string(), &request.uri.to_string(), seq.max(2))
        };
        request.headers.push(header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        let challenge =
            Challenge::parse("Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256").expect("a challenge");
        let who = Credentials { host: "pbx".into(), user: "gateway".into(), password: "s3cret".into() };
        Login { proxy: true, challenge, who, cnonce: "c".into() }
    }

    fn request(method: &str, tag: &str) -> Request {
        let text = format!(
            "{method} sip:agent@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>{tag}\r\nCall-ID: k1\r\nCSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n"
        );
        match rsipstack::sip::SipMessage::try_from(text.as_bytes()) {
            Ok(rsipstack::sip::SipMessage::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    #[test]
    fn requests_of_a_challenged_call_carry_credentials_once() {
        let logins = Logins::default();
        let shown = |method: &str, tag: &str| {
            let mut request = request(method, tag);
            logins.sign(&mut request);
            logins.sign(&mut request);
            request
                .headers
                .iter()
                .filter(|h| matches!(h, Header::ProxyAuthorization(_)))
                .map(|h| h.value().to_string())
                .collect::<Vec<_>>()
        };
        assert!(shown("BYE", ";tag=2").is_empty(), "nobody challenged it");
        logins.remember("k1", login());
        let bye = shown("BYE", ";tag=2");
        assert!(bye.len() == 1 && bye[0].contains("nc=00000007") && bye[0].contains("uri=\"sip:agent@192.0.2.1\""), "{bye:?}");
        assert!(shown("ACK", ";tag=2").is_empty() && shown("INVITE", "").is_empty());
        for n in 0..CALLS_MAX + 10 {
            logins.remember(&format!("x{n}"), login());
        }
        assert!(shown("BYE", ";tag=2").is_empty(), "the oldest is forgotten");
    }
}
