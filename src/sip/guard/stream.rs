//! Where one message ends and the next begins on TCP and TLS (RFC 3261 §18.3), pure. What cannot be told apart is said so;
//! whether a message is any good is not looked at here.

use super::{BODY_MAX, Fault, MESSAGE_MAX, head};

/// A first line longer than this is no SIP, bytes.
const LINE_MAX: usize = 16 * 1024;
/// A body that is too long is read past up to this, bytes; the stream of a longer one is closed.
const SKIP_MAX: usize = 1 << 20;

/// One thing found in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A whole message, as it came.
    Message(Vec<u8>),
    /// Two line ends where a message could begin: they want one back (RFC 5626 §4.4.1).
    Ping,
    /// A request that is not taken. `close` = nobody knows where the next one begins.
    Refused {
        /// Its head, to make the answer from.
        head: Vec<u8>,
        /// Why.
        fault: Fault,
        /// The stream must be closed after the answer.
        close: bool,
    },
    /// No SIP, or a response without a length: the stream must be closed.
    Noise(&'static str),
}

/// Cuts the bytes of one stream into pieces. It holds at most one message's worth and a read more.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that hold no end of a head.
    scanned: usize,
    /// Length of the message at the front, once its head is there.
    expected: Option<usize>,
    /// Bytes of a body still to be thrown away.
    skip: usize,
    /// Line ends in a row before a message that were not told yet; two make a ping.
    line_ends: usize,
    /// Nothing more can be told apart.
    lost: bool,
}

impl Framer {
    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.lost {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Part of a message is there and the rest is missing.
    pub fn waits(&self) -> bool {
        !self.lost && (self.skip > 0 || !self.buffer.is_empty())
    }

    /// The next piece; `None` = more must be read first.
    #[expect(clippy::should_implement_trait, reason = "it is no iterator: after None more may come")]
    pub fn next(&mut self) -> Option<Piece> {
        if self.lost {
            return None;
        }
        let thrown = self.skip.min(self.buffer.len());
        self.skip -= thrown;
        self.buffer.drain(..thrown);
        if self.expected.is_none() && self.ping() {
            return Some(Piece::Ping);
        }
        if self.buffer.is_empty() || self.buffer == b"\r" {
            return None;
        }
        self.line_ends = 0;
        let total = match self.expected {
            Some(total) => total,
            None => match self.measure()? {
                Ok(total) => total,
                Err(piece) => return Some(piece),
            },
        };
        self.expected = Some(total);
        if self.buffer.len() < total {
            return None;
        }
        Some(Piece::Message(self.take(total)))
    }

    /// Takes all line ends off the front at once; true for every two of them.
    fn ping(&mut self) -> bool {
        let mut at = 0;
        loop {
            match &self.buffer[at..] {
                [b'\r', b'\n', ..] => {
                    at += 2;
                    self.line_ends += 1;
                }
                [b'\n', ..] => at += 1,
                _ => break,
            }
        }
        self.buffer.drain(..at);
        let ping = self.line_ends >= 2;
        self.line_ends -= if ping { 2 } else { 0 };
        ping
    }

    /// The length of the message at the front; `None` = its head is not complete.
    fn measure(&mut self) -> Option<Result<usize, Piece>> {
        let start = head::body_start(&self.buffer, self.scanned).filter(|start| *start <= MESSAGE_MAX);
        let Some(start) = start else {
            self.scanned = self.buffer.len();
            if let Some(why) = noise(&self.buffer) {
                return Some(Err(self.lose(why)));
            }
            if self.buffer.len() > MESSAGE_MAX {
                let head = self.take(self.buffer.len());
                self.lost = true;
                return Some(Err(Piece::Refused { head, fault: (513, "Message Too Large"), close: true }));
            }
            return None;
        };
        if let Some(why) = noise(&self.buffer[..start]) {
            return Some(Err(self.lose(why)));
        }
        let Some(head) = head::read(&self.buffer[..start]) else { return Some(Err(self.lose("no SIP message"))) };
        let response = head.start.starts_with("SIP/");
        match super::declared_length(&head) {
            Ok(body) if body > BODY_MAX => Some(Err(self.too_long(start, body, (413, "Request Entity Too Large"), response))),
            Ok(body) if start + body > MESSAGE_MAX => {
                Some(Err(self.too_long(start, body, (513, "Message Too Large"), response)))
            }
            Ok(body) => Some(Ok(start + body)),
            Err(_) if response => Some(Err(self.lose("a response without a proper Content-Length"))),
            Err(fault) => {
                let head = self.take(start);
                self.lost = true;
                Some(Err(Piece::Refused { head, fault, close: true }))
            }
        }
    }

    fn too_long(&mut self, start: usize, body: usize, fault: Fault, response: bool) -> Piece {
        if response && body > SKIP_MAX {
            return self.lose("a response that is too long");
        }
        let head = self.take(start);
        self.lost = body > SKIP_MAX;
        self.skip = body;
        // An answer to a response is dropped where it is made.
        Piece::Refused { head, fault, close: self.lost }
    }

    fn lose(&mut self, why: &'static str) -> Piece {
        self.lost = true;
        self.buffer = Vec::new();
        Piece::Noise(why)
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        self.scanned = 0;
        self.expected = None;
        std::mem::replace(&mut self.buffer, rest)
    }
}

/// What cannot become a SIP message any more: its first line is binary, too long or has no version.
fn noise(bytes: &[u8]) -> Option<&'static str> {
    if !bytes.first().is_some_and(u8::is_ascii_graphic) {
        return Some("no SIP message");
    }
    match bytes.iter().take(LINE_MAX).position(|b| *b == b'\n') {
        Some(end) if bytes[..end].windows(4).any(|w| w.eq_ignore_ascii_case(b"SIP/")) => None,
        Some(_) => Some("a first line without a SIP version"),
        None if bytes.len() >= LINE_MAX => Some("a first line without an end"),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nContent-Length: 4\r\n\r\nbody";

    /// Everything found when the bytes come in pieces of `step`, in words.
    fn found(bytes: &[u8], step: usize) -> String {
        let mut framer = Framer::default();
        let mut words = Vec::new();
        for piece in bytes.chunks(step) {
            framer.push(piece);
            while let Some(piece) = framer.next() {
                words.push(match piece {
                    Piece::Message(bytes) => bytes.len().to_string(),
                    Piece::Ping => "ping".into(),
                    Piece::Refused { fault, close, .. } => format!("{}{}", fault.0, if close { " close" } else { "" }),
                    Piece::Noise(_) => "noise".into(),
                });
            }
        }
        if framer.waits() {
            words.push("waits".into());
        }
        words.join(", ")
    }

    fn check(bytes: &str, expected: &str) {
        for step in [1, 2, 3, 7, 64, usize::MAX] {
            assert_eq!(found(bytes.as_bytes(), step.min(bytes.len().max(1))), expected, "in steps of {step}: {bytes:?}");
        }
    }

    #[test]
    fn messages_are_cut_by_their_length() {
        let n = OPTIONS.len();
        check(OPTIONS, &n.to_string());
        check(&OPTIONS.repeat(3), &format!("{n}, {n}, {n}"));
        check(&format!("\r\n{OPTIONS}\r\n{OPTIONS}"), &format!("{n}, {n}"));
        check(&OPTIONS[..n - 1], "waits");
        for whole in [
            "OPTIONS sip:a@b SIP/2.0\r\nl : 0\r\n\r\n",
            "OPTIONS sip:a@b SIP/2.0\nl: 2\n\nxx",
            "OPTIONS sip:a@b SIP/2.0\r\nContent-Length:\r\n  3\r\n\r\nabc",
            "ACK sip:a@b SIP/2.0\r\nCSeq: 1 ACK\r\n\r\n",
        ] {
            check(whole, &whole.len().to_string());
        }
    }

    #[test]
    fn pings_are_told_from_stray_line_ends() {
        check("\r\n\r\n", "ping");
        check("\r\n", "");
        check("\r\n\r\n\r\n\r\n", "ping, ping");
        check(&format!("{OPTIONS}\r\n\r\n{OPTIONS}"), &format!("{0}, ping, {0}", OPTIONS.len()));
        check(&format!("\n\n\r\n\n\r\n{OPTIONS}"), &format!("ping, {}", OPTIONS.len()));
        // The work is that of the bytes: were each line end moved out alone, this would take minutes.
        let mut framer = Framer::default();
        framer.push(&b"\r\n".repeat(2_000_000));
        assert_eq!(std::iter::from_fn(|| framer.next()).filter(|piece| *piece == Piece::Ping).count(), 1_000_000);
    }

    #[test]
    fn a_length_that_lies_or_is_missing_ends_the_stream() {
        for length in ["-1", "4\r\nContent-Length: 5", "x", "", "99999999999999999999999", "4 4"] {
            check(&OPTIONS.replace(": 4", &format!(": {length}")), "400 close");
        }
        check(&OPTIONS.replace("Content-Length: 4", "Content-Type: text/plain"), "400 close");
        check("SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\n", "noise");
    }

    #[test]
    fn too_long_is_told_and_read_past() {
        let body = "x".repeat(70_000);
        let long = OPTIONS.replace(": 4", ": 70000").replace("body", &body);
        assert_eq!(found(format!("{long}{OPTIONS}").as_bytes(), 4096), format!("413, {}", OPTIONS.len()));
        let head = OPTIONS.replace("Content", &format!("Subject: {}\r\nContent", "x".repeat(60_000)));
        assert_eq!(found(head.as_bytes(), 4096), head.len().to_string());
        let both = head.replace(": 4", ": 20000").replace("body", &"x".repeat(20_000));
        assert_eq!(found(format!("{both}{OPTIONS}").as_bytes(), 4096), format!("513, {}", OPTIONS.len()));
        let endless = OPTIONS.replace("Content", &format!("Subject: {}\r\nContent", "x".repeat(70_000)));
        assert_eq!(found(endless.as_bytes(), 4096), "513 close");
        assert_eq!(found(OPTIONS.replace(": 4", ": 2000000").as_bytes(), 4096), "413 close");
    }

    #[test]
    fn noise_is_told_early() {
        for noise in ["GET / HTTP/1.1\r\n", "\u{16}\u{3}\u{1}", "hello\r\n", " INVITE sip:a SIP/2.0\r\n"] {
            check(noise, "noise");
        }
        assert_eq!(found("x".repeat(20_000).as_bytes(), 1000), "noise");
    }
}
