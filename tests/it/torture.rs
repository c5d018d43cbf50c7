//! The torture messages of RFC 4475 (`tests/torture/rfc4475.txt`), each sent to a real endpoint over UDP and over TCP, and
//! after each a plain OPTIONS that must be answered.
//!
//! Words for what comes back: a status (100 aside); `call` = the call reached the application, which was busy (486);
//! `silence` = nothing, ever. Over TCP also what becomes of the connection: nothing said = it goes on; `closed`; `waits` =
//! by its Content-Length the message is not complete, so nothing is due before the time for half a message is over.

use hotline::sip::guard::{Framer, Piece};
use hotline::sip::{Accounts, SipCommand, SipConfig, SipEndpoint, SipEvent};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;

/// One row: message, outcome over UDP, outcome over TCP, and why where RFC 4475 leaves a choice or TCP differs.
type Row = (&'static str, &'static str, &'static str, &'static str);

const TABLE: &[Row] = &[
    ("wsinv", "481", "481", "a well-formed INVITE with a To tag that names no dialog of ours (RFC 3261 §12.2.2)"),
    ("intmeth", "501", "501", ""),
    ("esc01", "call", "call", ""),
    ("escnull", "405", "405", "we are no registrar; the method is looked at first (RFC 3261 §8.2.1)"),
    ("esc02", "501", "501", ""),
    ("lwsdisp", "200", "200", ""),
    ("longreq", "call", "call", ""),
    (
        "dblreq",
        "405",
        "400 405 closed",
        "a datagram's surplus is ignored; on a stream it is an INVITE (without Contact: 400) and a rest that is no SIP",
    ),
    ("semiuri", "200", "200", ""),
    ("transports", "200", "200", ""),
    ("mpart01", "405", "405", "MESSAGE is understood and not served"),
    ("unreason", "silence", "silence", "a response to no request of ours"),
    ("noreason", "silence", "silence", "likewise"),
    ("badinv01", "400", "400", ""),
    ("clerr", "400", "waits", "a datagram's end is seen; on a stream the rest may still come"),
    ("ncl", "400", "400 closed", "a negative length: where the next message would begin nobody knows"),
    ("scalar02", "400", "400", ""),
    ("scalarlg", "silence", "silence", "responses are never answered"),
    ("quotbal", "400", "400", ""),
    ("ltgtruri", "400", "400", "it could be guessed at; a guess dials somebody"),
    ("lwsruri", "400", "400", "likewise"),
    ("lwsstart", "400", "400", "likewise"),
    ("trws", "200", "200", "blanks after the version change nothing, so they are forgiven"),
    ("escruri", "call", "call", "headers in a Request-URI are ignored, as the RFC allows"),
    ("baddate", "call", "call", "nobody here reads Date"),
    ("regbadct", "405", "405", "no registrar"),
    ("badaspec", "200", "200", "the blanks in the brackets are forgiven, To is not routed by"),
    ("baddn", "400", "400", "a comma in a From that may hold one value only"),
    ("badvers", "505", "505", ""),
    ("mismatch01", "400", "400", ""),
    ("mismatch02", "501", "501", "the unknown method is told rather than the mismatch"),
    ("bigcode", "silence", "silence", ""),
    ("badbranch", "200", "200", "an empty branch is compared as RFC 2543 did"),
    ("insuf", "400", "400", ""),
    ("unkscm", "416", "416", ""),
    ("novelsc", "416", "416", ""),
    ("unksm2", "405", "405", "no registrar"),
    ("bext01", "420", "420", "Proxy-Require is for proxies; Require is not understood"),
    ("invut", "415", "415", ""),
    ("regaut01", "405", "405", "no registrar"),
    ("multi01", "400", "400", ""),
    ("mcl01", "400", "400 closed", "two lengths: on a stream nobody knows where the next message begins"),
    ("bcast", "silence", "silence", "a response whose second Via is not ours"),
    ("zeromf", "200", "200", "Max-Forwards is for proxies; an endpoint answers as if it were more (§3.3.11)"),
    ("cparam01", "405", "405", "no registrar"),
    ("cparam02", "405", "405", "no registrar"),
    ("regescrt", "405", "405", "no registrar"),
    ("sdp01", "406", "406", "no answer of ours has a form that they take"),
    (
        "inv2543",
        "call",
        "400 closed",
        "accepted as of old; on a stream a body without a length cannot be told from what follows",
    ),
];

/// The messages by name, expanded from RFC 4475's notation.
pub(crate) fn messages() -> BTreeMap<String, Vec<u8>> {
    let text = include_str!("../torture/rfc4475.txt");
    let (_, messages) = text.split_once("\n@ ").expect("messages");
    let expanded = messages.split("\n@ ").map(|m| {
        let (heading, lines) = m.split_once('\n').expect("a heading");
        let name = heading.split(' ').next().expect("a name");
        (name.to_string(), expand(&format!("{}\n", lines.trim_end_matches('\n').to_string() + trailing(lines))))
    });
    expanded.collect()
}

/// The empty lines at the end, less the one that ends the last line.
fn trailing(lines: &str) -> &str {
    let kept = lines.len() - lines.trim_end_matches('\n').len();
    &"\n\n\n\n"[..kept]
}

fn expand(text: &str) -> Vec<u8> {
    let mut lines = String::new();
    let mut joined = false;
    for line in text.split_terminator('\n') {
        match line {
            "<allOneLine>" => joined = true,
            "</allOneLine>" => {
                joined = false;
                lines.push_str("\r\n");
            }
            _ => {
                match line.strip_prefix("<sdp ") {
                    Some(of) => lines.push_str(&session(of.trim_end_matches('>'))),
                    None => lines.push_str(line),
                }
                if !joined {
                    lines.push_str("\r\n");
                }
            }
        }
    }
    octets(&repeated(&lines))
}

fn session(of: &str) -> String {
    let (address, start) = of.split_once(' ').unwrap_or((of, "0"));
    format!(
        "v=0\r\no=mhandley 29739 7272939 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt={start} 0\r\n\
         m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC"
    )
}

fn repeated(text: &str) -> String {
    let mut parts = text.split("<repeat count=");
    let mut out = parts.next().unwrap_or("").to_string();
    for part in parts {
        let (count, rest) = part.split_once('>').expect("a count");
        let (what, rest) = rest.split_once("</repeat>").expect("an end");
        out.push_str(&what.repeat(count.parse().expect("a number")));
        out.push_str(rest);
    }
    out
}

fn octets(text: &str) -> Vec<u8> {
    let mut parts = text.split("<hex>");
    let mut out = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_once("</hex>").expect("an end");
        let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let digit = |d: u8| char::from(d).to_digit(16).expect("a hexadecimal digit") as u8;
        out.extend(digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
        out.extend_from_slice(rest.as_bytes());
    }
    out
}

/// An endpoint whose application is busy for every call.
pub(crate) struct Busy {
    pub(crate) endpoint: Arc<SipEndpoint>,
    pub(crate) udp: SocketAddr,
    pub(crate) tcp: SocketAddr,
    calls: mpsc::UnboundedReceiver<String>,
}

impl Busy {
    pub(crate) async fn start(change: impl FnOnce(&mut SipConfig)) -> Busy {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let t1 = Duration::from_millis(50);
        let mut cfg = SipConfig { udp: Some(any), tcp: Some(any), t1, ..SipConfig::default() };
        change(&mut cfg);
        let (tx, mut rx) = mpsc::channel(64);
        let endpoint = Arc::new(SipEndpoint::bind(cfg, tx).await.expect("loopback is free"));
        let (told, calls) = mpsc::unbounded_channel();
        let of_task = Arc::downgrade(&endpoint);
        tokio::spawn(async move {
            while let Some(event) = rx.recv().await {
                if let (SipEvent::Incoming { dialog, call_id, .. }, Some(endpoint)) = (event, of_task.upgrade()) {
                    let _ = told.send(call_id);
                    endpoint.send(SipCommand::Reject { dialog, status: 486, retry_after: None }).expect("not busy");
                }
            }
        });
        let (udp, tcp) = (endpoint.local_udp().expect("UDP"), endpoint.local_tcp().expect("TCP"));
        Busy { endpoint, udp, tcp, calls }
    }

    /// A status in the table's words: 486 is ours to give, and only for a call that came.
    fn word(&mut self, status: u16) -> String {
        match status {
            486 => {
                self.calls.try_recv().expect("the application was asked before 486 was said");
                "call".into()
            }
            other => other.to_string(),
        }
    }
}

/// A plain OPTIONS with a Call-ID of its own.
pub(crate) fn ping(transport: &str, from: SocketAddr, id: &str) -> String {
    format!(
        "OPTIONS sip:ping@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {from};rport;branch=z9hG4bK-{id}\r\n\
         From: <sip:tester@127.0.0.1>;tag=1\r\nTo: <sip:ping@127.0.0.1>\r\nCall-ID: {id}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Status of a response and whether it answers the ping `id`.
pub(crate) fn status_of(response: &[u8], id: &str) -> (u16, bool) {
    let text = String::from_utf8_lossy(response);
    let status = text.strip_prefix("SIP/2.0 ").and_then(|t| t.get(..3)).and_then(|s| s.parse().ok());
    (status.unwrap_or_else(|| panic!("no response: {text}")), text.contains(&format!("Call-ID: {id}\r\n")))
}

const PATIENCE: Duration = Duration::from_secs(5);

/// Sends one message and then pings: what came back for the message, in words. Where something is expected it is waited for
/// before the ping; where silence is, two pings in a row give it time to come.
async fn over_udp(busy: &mut Busy, name: &str, message: &[u8], expected: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let from = socket.local_addr().expect("bound");
    socket.send_to(message, busy.udp).await.expect("sent");
    let mut words: Vec<String> = Vec::new();
    let mut buffer = vec![0; 65_536];
    let pings = [format!("{name}-udp-1"), format!("{name}-udp-2")];
    let mut pinged = 0;
    loop {
        if pinged < pings.len() && (expected == "silence" || !words.is_empty()) && pinged == 0 {
            socket.send_to(ping("UDP", from, &pings[0]).as_bytes(), busy.udp).await.expect("sent");
            pinged = 1;
        }
        let got = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
        let Ok(Ok((length, _))) = got else { return format!("{} and no life", words.join(" ")) };
        let (status, _) = status_of(&buffer[..length], "");
        if let Some(at) = pings.iter().position(|id| status_of(&buffer[..length], id).1) {
            assert_eq!(status, 200, "{name}: OPTIONS");
            if at + 1 == pings.len() {
                break;
            }
            socket.send_to(ping("UDP", from, &pings[1]).as_bytes(), busy.udp).await.expect("sent");
            pinged = 2;
        } else if status >= 200 && (words.is_empty() || status != 486) {
            // A 486 is repeated until its ACK.
            words.push(busy.word(status));
        }
    }
    if words.is_empty() { "silence".into() } else { words.join(" ") }
}

/// One connection's responses.
pub(crate) struct Line {
    pub(crate) stream: TcpStream,
    framer: Framer,
}

impl Line {
    pub(crate) async fn open(to: SocketAddr) -> Line {
        Line { stream: TcpStream::connect(to).await.expect("connected"), framer: Framer::default() }
    }

    /// The next response; `None` = closed.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        loop {
            match self.framer.next() {
                Some(Piece::Message(bytes)) => return Some(bytes),
                Some(other) => panic!("no response: {other:?}"),
                None => {}
            }
            // Nothing for so long is as bad as a closed connection, and the row says which one it was.
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await;
            let Ok(Ok(length @ 1..)) = read else {
                return None;
            };
            self.framer.push(&buffer[..length]);
        }
    }
}

async fn over_tcp(busy: &mut Busy, name: &str, message: &[u8], expected: &str) -> String {
    let mut line = Line::open(busy.tcp).await;
    let from = line.stream.local_addr().expect("bound");
    line.stream.write_all(message).await.expect("sent");
    let mut words: Vec<String> = Vec::new();
    let awaited = expected.split(' ').filter(|w| !matches!(*w, "silence" | "waits" | "closed")).count();
    let id = format!("{name}-tcp");
    let mut pinged = false;
    let lives = loop {
        if words.len() >= awaited && !pinged && !expected.ends_with("closed") && expected != "waits" {
            line.stream.write_all(ping("TCP", from, &id).as_bytes()).await.expect("sent");
            pinged = true;
        }
        if expected == "waits" {
            break false;
        }
        let Some(response) = line.next().await else {
            words.push("closed".into());
            break false;
        };
        match status_of(&response, &id) {
            (status, true) => {
                assert_eq!(status, 200, "{name}: OPTIONS");
                break true;
            }
            (status, false) if status >= 200 => words.push(busy.word(status)),
            _ => {}
        }
    };
    // Two requests are answered in either order; "closed" stands last.
    words.sort();
    if !lives {
        // The endpoint lives on another connection, and on this one nothing more has come.
        let mut other = Line::open(busy.tcp).await;
        let from = other.stream.local_addr().expect("bound");
        other.stream.write_all(ping("TCP", from, &id).as_bytes()).await.expect("sent");
        let answer = other.next().await.expect("an answer");
        assert_eq!(status_of(&answer, &id), (200, true), "{name}: OPTIONS");
    }
    if expected == "waits" {
        let mut byte = [0];
        let quiet = line.stream.try_read(&mut byte).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        words.push(if quiet { "waits" } else { "something came" }.into());
    }
    if words.is_empty() { "silence".into() } else { words.join(" ") }
}

#[test]
fn the_table_has_every_message_of_the_rfc() {
    let messages = messages();
    let mut rows: Vec<&str> = TABLE.iter().map(|row| row.0).collect();
    rows.sort_unstable();
    assert_eq!(rows, messages.keys().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(rows.len(), 49);
    // Some that are easy to get wrong: lengths from the archive that comes with the RFC.
    for (name, length) in
        [("wsinv", 1001), ("intmeth", 641), ("longreq", 3515), ("dblreq", 750), ("mpart01", 1290), ("mcl01", 382)]
    {
        assert_eq!(messages[name].len(), length, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_torture_message_meets_its_answer() {
    meet_their_answers(None).await;
}

/// A registrar asks for a password where the others say that they are none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_torture_message_meets_its_answer_at_a_registrar() {
    let phones = ["user", "watson", "bob"].map(|login| (login.to_string(), "one-long-and-secret-word".to_string()));
    meet_their_answers(Some(Accounts(phones.into()))).await;
}

async fn meet_their_answers(phones: Option<Accounts>) {
    let registrar = phones.is_some();
    let change = |cfg: &mut SipConfig| cfg.phones = phones.clone().unwrap_or_default();
    // One endpoint for each transport: the same branch over both would be the same transaction.
    let (mut for_udp, mut for_tcp) = (Busy::start(change).await, Busy::start(change).await);
    let messages = messages();
    let mut wrong = Vec::new();
    for (name, udp, tcp, why) in TABLE {
        let message = &messages[*name];
        let asks = registrar && message.starts_with(b"REGISTER ");
        let [udp, tcp] = &[udp, tcp].map(|words| if asks { words.replace("405", "401") } else { words.to_string() });
        let found = over_udp(&mut for_udp, name, message, udp).await;
        if found != *udp {
            wrong.push(format!("{name} over UDP: {found}, expected {udp} ({why})"));
        }
        let found = over_tcp(&mut for_tcp, name, message, tcp).await;
        if found != *tcp {
            wrong.push(format!("{name} over TCP: {found}, expected {tcp} ({why})"));
        }
        while for_udp.calls.try_recv().is_ok() || for_tcp.calls.try_recv().is_ok() {}
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for busy in [for_udp, for_tcp] {
        if let Some(endpoint) = Arc::into_inner(busy.endpoint) {
            endpoint.stop().await;
        }
    }
}
