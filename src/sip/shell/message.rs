//! What several parts of the shell read from messages and write into them, each in one way.

use crate::sip::bodies::{self, Described};
use crate::sip::party;
use rsipstack::sip::headers::untyped::Contact;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, Response, Scheme, SipMessage, Uri};

/// A message with a body.
pub(super) trait Bodied: HeadersExt {
    fn bytes(&self) -> &[u8];
}

impl Bodied for Request {
    fn bytes(&self) -> &[u8] {
        &self.body
    }
}

impl Bodied for Response {
    fn bytes(&self) -> &[u8] {
        &self.body
    }
}

/// What the body is.
pub(super) fn described(message: &impl Bodied) -> Described {
    bodies::description(message.header_value("Content-Type").as_deref(), message.bytes())
}

/// The session description, if there is one.
pub(super) fn sdp_of(message: &impl Bodied) -> Option<String> {
    match described(message) {
        Described::Sdp(sdp) => Some(sdp),
        Described::Nothing | Described::Other => None,
    }
}

/// The values of all header lines of a name.
pub(super) fn lines<'a>(message: &'a impl HeadersExt, name: &'a str) -> impl Iterator<Item = &'a str> {
    message.headers().iter().filter(move |h| h.name().eq_ignore_ascii_case(name)).map(|h| h.value())
}

/// Where requests inside the dialog go from now on: the first Contact.
pub(super) fn target_of(message: &impl HeadersExt) -> Option<(Uri, Contact)> {
    let uri = message.typed_contact_headers().ok()?.first()?.uri.clone();
    Some((uri, message.contact_header().ok()?.clone()))
}

/// Who is meant by a URI that came in: the user part, or the number of a `tel:` URI.
pub(super) fn user_of(uri: &Uri) -> String {
    match (uri.user(), &uri.scheme) {
        // Also where the crate has overlooked the user part, because it has parameters.
        (None, _) | (_, Some(Scheme::Other(_))) => party::user_of(&uri.to_string()).unwrap_or_default(),
        (Some(user), _) => party::kept(&bodies::unescape(user)),
    }
}

/// A URI of ours as the crate wants it: it escapes the user part when it writes it.
///
/// # Errors
/// Why it is none.
pub(super) fn uri(text: &str) -> Result<Uri, String> {
    let escaped = party::with_escaped_user(text);
    let uri = Uri::try_from(escaped.as_deref().unwrap_or(text)).map_err(|e| e.to_string())?;
    Ok(unescaped(uri))
}

/// A URI that the crate has read, without the escapes that it would escape once more when it writes it.
pub(super) fn unescaped(mut uri: Uri) -> Uri {
    if let Some(auth) = &mut uri.auth {
        auth.user = bodies::unescape(&auth.user);
    }
    uri
}

/// The crate would take what follows a `;` in the user part of a Contact for the end of the address, and send what follows inside
/// the dialog to the number instead of the host.
pub(super) fn with_readable_contacts(mut message: SipMessage) -> SipMessage {
    let headers = match &mut message {
        SipMessage::Request(request) => &mut request.headers,
        SipMessage::Response(response) => &mut response.headers,
    };
    for header in headers.iter_mut() {
        if let Header::Contact(contact) = header
            && let Some(readable) = party::with_escaped_users(contact.value())
        {
            *header = Header::Contact(readable.into());
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Uri {
        Uri::try_from(text).expect("a URI")
    }

    #[test]
    fn who_is_meant_also_where_the_user_part_has_parameters() {
        let long = format!("sip:{}@h", "9".repeat(200));
        let cases = [
            ("sip:+4930123@h;user=phone", "+4930123"),
            ("sip:+4930123;npdi;rn=+49301@h", "+4930123"),
            ("sip:+4930123;phone-context=+49@h:5060;user=phone", "+4930123"),
            ("sips:200;cpc=ordinary@[2001:db8::1]", "200"),
            ("sip:a%40b%0d%0a@h", "a@b"),
            ("tel:+49-30-123;phone-context=+49", "+4930123"),
            ("sip:192.0.2.4:5060;lr", ""),
            (&long, &"9".repeat(64)),
        ];
        for (uri, user) in cases {
            assert_eq!(user_of(&read(uri)), user, "{uri}");
        }
    }

    #[test]
    fn what_we_write_is_escaped_once() {
        let same = [
            "sip:u%40realm@carrier.example",
            "sip:123%23@192.0.2.4:5070;transport=TCP",
            "sip:+4930123@h",
            "sip:h;transport=TLS",
            "sips:+49;tgrp=x@192.0.2.4",
        ];
        for text in same {
            assert_eq!(uri(text).map(|uri| uri.to_string()).as_deref(), Ok(text));
        }
        let trunk = uri("sip:+49;tgrp=x@192.0.2.4:5070").expect("a URI");
        assert_eq!(trunk.host_with_port.to_string(), "192.0.2.4:5070");
        let at = format!("sip:{}@h", crate::sip::trunk::user_part("a;b?c@d"));
        assert_eq!(uri(&at).map(|uri| uri.to_string()).as_deref(), Ok("sip:a;b?c%40d@h"));
    }

    #[test]
    fn a_contact_with_parameters_in_its_user_part_is_reached_at_its_host() {
        let text = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
            To: <sip:c@d>;tag=2\r\nCall-ID: k1\r\nCSeq: 7 INVITE\r\n\
            Contact: \"x\" <sip:+49;tgrp=x@192.0.2.4:5070;transport=tcp>;q=1\r\nContent-Length: 0\r\n\r\n";
        let message = SipMessage::try_from(text.as_bytes()).expect("a response");
        let SipMessage::Response(response) = with_readable_contacts(message) else { panic!("no response") };
        let (target, _) = target_of(&response).expect("a Contact");
        assert_eq!(target.host_with_port.to_string(), "192.0.2.4:5070");
        assert_eq!(unescaped(target).to_string().to_lowercase(), "sip:+49;tgrp=x@192.0.2.4:5070;transport=tcp");
    }
}
