//! The guard before the SIP stack, pure: looks at a raw message and passes it on (tidied where real phones are untidy),
//! answers it (a request that is broken but answerable must not meet silence, RFC 3261 §8.2), or drops it. What the stack
//! itself would drop in silence or misread is decided here: text that is not UTF-8, blanks around `=`, lying
//! Content-Length, doubled headers, unknown methods, versions and schemes, oversized messages, calls of RFC 2543 without a
//! tag. `stream` finds the messages in TCP and TLS first.
//! Not here: anything that needs to know the dialog.

mod budget;
mod head;
mod sources;
mod stream;

pub use budget::AnswerBudget;
pub use sources::{Kind, Limits, Sources, one_source};
pub use stream::{Framer, Piece};

use head::Head;
use rsipstack::sip::SipMessage;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use std::borrow::Cow;
use std::net::SocketAddr;

/// The longest message that the stack can read from a datagram, bytes.
pub const DATAGRAM_MAX: usize = 8192;
/// The longest message that is taken from a stream, bytes.
pub const MESSAGE_MAX: usize = 65_535;
/// The longest body in it, bytes.
pub const BODY_MAX: usize = 61_440;

/// Stands for the tag that an RFC 2543 caller did not give: the stack needs one, the caller must never see it
/// ([`without_our_tag`]).
const NO_TAG: &str = ";tag=hotline-rfc2543";

/// Methods that the stack can read; everything else is 501 (RFC 3261 §21.5.2).
const METHODS: [&str; 14] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
];

/// What to do with a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Hand it to the stack, as it came or tidied.
    Pass(Cow<'a, [u8]>),
    /// Send this answer, if the budget allows, and forget the datagram.
    Answer(Answer),
    /// Forget it, for this reason.
    Drop(&'static str),
}

/// A refusal made without the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// SIP status.
    pub status: u16,
    /// The whole response.
    pub text: Vec<u8>,
    /// Where it goes: back to where the request came from, whether rport was asked for or not (RFC 3581 §4). The stack does the
    /// same with its answers, so that phones behind NAT that forget rport are heard, and nobody can aim answers at a port.
    pub to: SocketAddr,
}

/// What is wrong with a request: the status, and the phrase that says it.
pub type Fault = (u16, &'static str);

/// Judges one datagram.
pub fn screen(datagram: &[u8], source: SocketAddr) -> Verdict<'_> {
    judge(datagram, source, DATAGRAM_MAX)
}

/// Judges one message that [`Framer`] cut from a stream.
pub fn screen_stream(message: &[u8], source: SocketAddr) -> Verdict<'_> {
    judge(message, source, MESSAGE_MAX)
}

/// What little must be known of a message before it is worth reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// Whether it begins something.
    pub kind: Kind,
    /// What it says to be: User-Agent, and From, where scanners write their names too.
    pub agent: String,
}

/// Looks at the lines of a message without understanding them; cheap, for floods.
pub fn glance(message: &[u8]) -> Glance {
    let mut glance = Glance { kind: Kind::Beginning, agent: String::new() };
    let mut lines = message.split(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    if [&b"SIP/"[..], b"ACK "].iter().any(|word| first.starts_with(word)) {
        glance.kind = Kind::Within;
    }
    for line in lines.take(head::LINES_MAX).take_while(|line| !line.is_empty() && *line != b"\r") {
        // A folded line belongs to the one before, whatever it looks like.
        let colon = line.iter().position(|b| *b == b':').filter(|_| !line.starts_with(b" ") && !line.starts_with(b"\t"));
        let Some(colon) = colon else { continue };
        let (name, value) = (line[..colon].trim_ascii(), &line[colon + 1..]);
        let is = |names: [&str; 2]| names.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()));
        if is(["To", "t"]) && head::tag(&String::from_utf8_lossy(value)).is_some_and(|tag| !tag.is_empty()) {
            glance.kind = Kind::Within;
        }
        if is(["User-Agent", "Server"]) || is(["From", "f"]) {
            glance.agent.push_str(&String::from_utf8_lossy(value));
        }
    }
    glance
}

/// The answer to a request of which only the head is known; never to an ACK or a response.
pub fn refuse_head(head: &[u8], fault: Fault, source: SocketAddr) -> Option<Answer> {
    let head = head::read(head).filter(|head| !head.start.starts_with("SIP/"))?;
    match refuse(&head, fault, source) {
        Verdict::Answer(answer) => Some(answer),
        Verdict::Pass(_) | Verdict::Drop(_) => None,
    }
}

/// A message of ours as it goes out: without the tag that we gave to a caller who has none.
pub fn without_our_tag(message: &[u8]) -> Cow<'_, [u8]> {
    let tag = NO_TAG.as_bytes();
    let Some(first) = message.windows(tag.len()).position(|w| w == tag) else { return Cow::Borrowed(message) };
    let mut out = message[..first].to_vec();
    let mut rest = &message[first + tag.len()..];
    while let Some(at) = rest.windows(tag.len()).position(|w| w == tag) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + tag.len()..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

fn judge(datagram: &[u8], source: SocketAddr, longest: usize) -> Verdict<'_> {
    if datagram.iter().all(|b| b.is_ascii_whitespace()) {
        // Keep-alive (RFC 5626 §4.4.1): the stack knows it.
        return Verdict::Pass(Cow::Borrowed(datagram));
    }
    let Some(mut head) = head::read(datagram) else { return Verdict::Drop("no SIP message") };
    head.name_the_nameless();
    if head.start.starts_with("SIP/") {
        return screen_response(head, datagram);
    }
    match check_request(&head) {
        Ok(body_len) => match pass(&head, body_len, datagram) {
            Verdict::Pass(bytes) if bytes.len() > longest => refuse(&head, (513, "Message Too Large"), source),
            Verdict::Pass(bytes) if !readable(&bytes) => refuse(&head, (400, "Malformed Header"), source),
            verdict => verdict,
        },
        Err((0, why)) => Verdict::Drop(why),
        Err(fault) => refuse(&head, fault, source),
    }
}

fn screen_response<'a>(head: Head<'a>, datagram: &'a [u8]) -> Verdict<'a> {
    let mut words = head.start.split(' ');
    let version = words.next() == Some("SIP/2.0");
    let status = words.next().filter(|s| s.len() == 3).and_then(|s| s.parse::<u16>().ok());
    if !version || !status.is_some_and(|s| (100..700).contains(&s)) {
        return Verdict::Drop("a broken status line");
    }
    match content_length(&head) {
        Ok(body_len) => pass(&head, body_len, datagram),
        Err(_) => Verdict::Drop("a response with a wrong Content-Length"),
    }
}

/// Everything that makes a request unfit; gives the length of its body. Status 0 = not worth an answer.
fn check_request(head: &Head) -> Result<usize, Fault> {
    let mut words = head.start.split(' ');
    let (method, uri, version) = match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(uri), Some(version), None) => (method, uri, version),
        // Something of SIP must be in it, or it is noise.
        _ if head.start.contains("SIP/2.0") => return Err((400, "Malformed Request-Line")),
        _ => return Err((0, "no request line")),
    };
    if !version.starts_with("SIP/") {
        return Err((0, "no SIP version"));
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err((505, "Version Not Supported"));
    }
    if head.broken {
        return Err((400, "Malformed Header"));
    }
    if method.is_empty() || !method.bytes().all(head::is_token) {
        return Err((400, "Malformed Method"));
    }
    if !METHODS.contains(&method) {
        return Err((501, "Not Implemented"));
    }
    check_uri(uri)?;
    check_headers(head, method)?;
    content_length(head)
}

fn check_uri(uri: &str) -> Result<(), Fault> {
    let Some((scheme, rest)) = uri.split_once(':') else { return Err((400, "Malformed Request-URI")) };
    if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) || rest.is_empty() {
        return Err((400, "Malformed Request-URI"));
    }
    match scheme.to_ascii_lowercase().as_str() {
        "sip" | "sips" | "tel" => Ok(()),
        _ => Err((416, "Unsupported URI Scheme")),
    }
}

/// The headers that every request has exactly once (RFC 3261 §8.1.1), and what they must look like.
fn check_headers(head: &Head, method: &str) -> Result<(), Fault> {
    if head.all("Via").next().is_none() {
        return Err((0, "no Via"));
    }
    for (name, fault) in [("From", "Bad From"), ("To", "Bad To"), ("Call-ID", "Bad Call-ID"), ("CSeq", "Bad CSeq")] {
        let mut values = head.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => {}
            _ => return Err((400, fault)),
        }
    }
    for name in ["From", "To", "Contact"] {
        if head.all(name).any(|value| !head::balanced(value)) {
            return Err((400, "Unbalanced Quotes"));
        }
    }
    // A comma outside quotes and brackets makes two values of one that must be single (RFC 3261 §20).
    if ["From", "To"].iter().any(|name| head.first(name).is_some_and(head::lists)) {
        return Err((400, "Comma in an Unquoted Name"));
    }
    if head.all("Via").any(|via| via.is_empty() || head::has_gaps(via)) || head.all("Contact").any(|c| c.contains(";;")) {
        return Err((400, "Empty Parameter"));
    }
    if head.all("Max-Forwards").count() > 1 || head.first("Max-Forwards").is_some_and(|v| v.parse::<u8>().is_err()) {
        return Err((400, "Bad Max-Forwards"));
    }
    let mut cseq = head.first("CSeq").unwrap_or("").split(' ');
    let number = cseq.next().and_then(|n| n.parse::<u32>().ok()).filter(|n| *n < 1 << 31);
    if number.is_none() || cseq.next() != Some(method) || cseq.next().is_some() {
        return Err((400, "Bad CSeq"));
    }
    Ok(())
}

/// The body's length: what Content-Length says, or all there is (RFC 3261 §18.3). More than there is, none at all or two
/// different ones are lies.
fn content_length(head: &Head) -> Result<usize, Fault> {
    match stated_length(head)? {
        None => Ok(head.body.len()),
        Some(length) if length <= head.body.len() => Ok(length),
        Some(_) => Err(BAD_LENGTH),
    }
}

/// The same on a stream, where nothing else tells the body's end: without Content-Length there must be no body.
fn declared_length(head: &Head) -> Result<usize, Fault> {
    match stated_length(head)? {
        None if head.first("Content-Type").is_some() => Err(BAD_LENGTH),
        stated => Ok(stated.unwrap_or(0)),
    }
}

const BAD_LENGTH: Fault = (400, "Bad Content-Length");

/// What Content-Length says, if it is there and makes sense.
fn stated_length(head: &Head) -> Result<Option<usize>, Fault> {
    let mut values = head.all("Content-Length");
    let Some(first) = values.next() else { return Ok(None) };
    if values.any(|other| other != first) || first.is_empty() || !first.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BAD_LENGTH);
    }
    first.parse().map(Some).map_err(|_| BAD_LENGTH)
}

/// As it came if nothing had to be tidied, else written anew.
fn pass<'a>(head: &Head<'a>, body_len: usize, datagram: &'a [u8]) -> Verdict<'a> {
    let stated = head.all("Content-Length").count() == 1;
    if !head.tidied && stated && body_len == head.body.len() {
        return Verdict::Pass(Cow::Borrowed(datagram));
    }
    let mut out = head.start.clone().into_bytes();
    out.extend_from_slice(b"\r\n");
    for (name, value) in head.lines.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")) {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(format!("Content-Length: {body_len}\r\n\r\n").as_bytes());
    out.extend_from_slice(&head.body[..body_len]);
    Verdict::Pass(Cow::Owned(out))
}

/// Whether the stack will take the request: what it cannot read it drops without a word.
fn readable(bytes: &[u8]) -> bool {
    match SipMessage::try_from(bytes) {
        Ok(SipMessage::Request(request)) => TransactionKey::from_request(&request, TransactionRole::Server).is_ok(),
        Ok(SipMessage::Response(_)) => true,
        Err(_) => false,
    }
}

fn refuse<'a>(head: &Head, (status, phrase): Fault, source: SocketAddr) -> Verdict<'a> {
    if head.start.starts_with("ACK ") {
        return Verdict::Drop("a broken ACK");
    }
    let Some(via) = head.first("Via") else { return Verdict::Drop("no Via") };
    let mut text = format!("SIP/2.0 {status} {phrase}\r\nVia: {}\r\n", head::received(via, source));
    for via in head.all("Via").skip(1) {
        text.push_str(&format!("Via: {via}\r\n"));
    }
    for name in ["From", "To", "Call-ID", "CSeq"] {
        if let Some(value) = head.first(name) {
            // The same request gets the same tag: retransmissions are answered alike without memory.
            let tag =
                if name == "To" && !head::has_tag(value) { format!(";tag={}", head.fingerprint()) } else { String::new() };
            text.push_str(&format!("{name}: {value}{tag}\r\n"));
        }
    }
    if status == 501 {
        text.push_str(&format!("Allow: {}\r\n", super::ALLOW));
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    Verdict::Answer(Answer { status, text: without_our_tag(text.as_bytes()).into_owned(), to: source })
}

#[cfg(test)]
mod tests;
