use super::*;
use proptest::prelude::*;

const GOOD: &str = "INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1\r\n\
    From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\
    Contact: <sip:a@192.0.2.1>\r\nMax-Forwards: 70\r\nContent-Length: 4\r\n\r\nv=0\n";

fn source() -> SocketAddr {
    "192.0.2.9:9999".parse().expect("an address")
}

/// The verdict in words: `pass`, `tidied`, the status, or `drop`.
fn word(message: &[u8]) -> String {
    match screen(message, source()) {
        Verdict::Pass(Cow::Borrowed(_)) => "pass".into(),
        Verdict::Pass(Cow::Owned(bytes)) => {
            assert!(readable(&bytes), "{}", String::from_utf8_lossy(&bytes));
            "tidied".into()
        }
        Verdict::Answer(answer) => answer.status.to_string(),
        Verdict::Drop(_) => "drop".into(),
    }
}

fn check(from: &str, to: &str, expected: &str) {
    assert!(GOOD.contains(from), "{from:?} is not in the message");
    let message = GOOD.replace(from, to);
    assert_eq!(word(message.as_bytes()), expected, "{from:?} → {to:?}");
}

#[test]
fn good_messages_pass_untouched() {
    assert_eq!(word(GOOD.as_bytes()), "pass");
    assert_eq!(word(b"\r\n\r\n"), "pass");
    let response = GOOD.replace("INVITE sip:100@127.0.0.1 SIP/2.0", "SIP/2.0 200 OK");
    assert_eq!(word(response.as_bytes()), "pass");
}

#[test]
fn untidy_messages_are_tidied() {
    check("From: <sip:a@192.0.2.1>;tag=1", "From: \"J\" <sip:a@192.0.2.1> ; tag = 1", "tidied");
    check("Via: SIP/2.0/UDP 192.0.2.1:5070;branch", "v:  SIP / 2.0\r\n /UDP\r\n   192.0.2.1:5070 ; branch", "tidied");
    check("CSeq: 1 INVITE", "CSeq: 0001\r\n  INVITE", "tidied");
    check("Call-ID: c1", "i: c1", "tidied");
    check("v=0\n", "v=0\nand more than was said", "tidied");
    check("Content-Length: 4\r\n", "", "tidied");
    check("Max-Forwards", "Subject: hello\r\n there\r\nMax-Forwards", "tidied");
    let line_feeds = GOOD.replace("\r\n", "\n");
    assert_eq!(word(line_feeds.as_bytes()), "tidied");
    assert_eq!(word(format!("\r\n\r\n{GOOD}").as_bytes()), "tidied");
}

/// RFC 2543 (no tag, no branch cookie): the stack gets a tag and a Contact, the caller never sees the tag.
#[test]
fn a_caller_without_a_tag_is_taken_as_of_old() {
    let old = GOOD.replace(";branch=z9hG4bK1", "").replace(";tag=1", "").replace("Contact: <sip:a@192.0.2.1>\r\n", "");
    let Verdict::Pass(out) = screen(old.as_bytes(), source()) else { panic!("it was not passed") };
    let text = String::from_utf8_lossy(&out);
    assert!(text.contains("From: <sip:a@192.0.2.1>;tag=hotline-rfc2543\r\n"), "{text}");
    assert!(text.contains("Contact: <sip:a@192.0.2.1>\r\n"), "{text}");
    assert_eq!(&*without_our_tag(b"x;tag=hotline-rfc2543\r\ny;tag=hotline-rfc2543;z"), b"x\r\ny;z");
    assert!(matches!(without_our_tag(GOOD.as_bytes()), Cow::Borrowed(_)));
    // Nor in an answer of the guard's own.
    let Verdict::Answer(answer) = screen(old.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia").as_bytes(), source()) else {
        panic!("it was not answered")
    };
    let text = String::from_utf8_lossy(&answer.text).into_owned();
    assert!(text.contains("From: <sip:a@192.0.2.1>\r\n"), "{text}");
}

#[test]
fn long_messages_pass_on_streams() {
    let long = GOOD.replace("Max-Forwards: 70", &format!("Max-Forwards: 70\r\nSubject: {}", "x".repeat(50_000)));
    assert!(matches!(screen_stream(long.as_bytes(), source()), Verdict::Pass(_)));
    assert!(matches!(screen(long.as_bytes(), source()), Verdict::Answer(Answer { status: 513, .. })));
    assert_eq!(refuse_head(&long.as_bytes()[..400], (413, "x"), source()).map(|a| a.status), Some(413));
    assert_eq!(refuse_head(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a\r\n\r\n", (413, "x"), source()), None);
}

#[test]
fn latin_1_becomes_utf_8() {
    let at = GOOD.find("<sip:a@192.0.2.1>;tag").expect("From");
    let mut bytes = GOOD.as_bytes().to_vec();
    bytes.splice(at..at, b"\"Andr\xe9\" ".iter().copied());
    match screen(&bytes, source()) {
        Verdict::Pass(out) => assert!(String::from_utf8_lossy(&out).contains("\"André\" <sip:a@192.0.2.1>;tag=1")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn broken_requests_are_answered() {
    check("SIP/2.0\r\nVia", "SIP/3.0\r\nVia", "505");
    check("INVITE sip", "FETCH sip", "501");
    check("INVITE sip", "invite sip", "501");
    check("sip:100@127.0.0.1 SIP", "http://x SIP", "416");
    check("sip:100@127.0.0.1 SIP", "<sip:100@127.0.0.1> SIP", "400");
    check("sip:100@127.0.0.1 SIP", "sip:100@127.0.0.1; lr SIP", "400");
    check("sip:100@127.0.0.1 SIP", "sip:100@127.0.0.1  SIP", "400");
    check("From: <sip:a@192.0.2.1>;tag=1", "From: <sip:a@192.0.2.1>", "400");
    check("From: <sip:a@192.0.2.1>;tag=1", "From: \"J <sip:a@192.0.2.1>;tag=1", "400");
    check("From: ", "From: <sip:b@b>;tag=2\r\nFrom: ", "400");
    check("Call-ID: c1\r\n", "", "400");
    check("To: <sip:100@127.0.0.1>\r\n", "", "400");
    check("CSeq: 1 INVITE", "CSeq: 1 BYE", "400");
    check("CSeq: 1 INVITE", "CSeq: 4294967296 INVITE", "400");
    check("CSeq: 1 INVITE", "CSeq: INVITE", "400");
    check("Max-Forwards: 70", "Max-Forwards: 300", "400");
    check("Content-Length: 4", "Content-Length: 5", "400");
    check("Content-Length: 4", "Content-Length: -4", "400");
    check("Content-Length: 4", "Content-Length: 18446744073709551615", "400");
    check("Content-Length: 4", "Content-Length: 4\r\nContent-Length: 3", "400");
    check("Max-Forwards: 70", "no header at all", "400");
    check("Contact: ", "Subject: \u{1}\r\nContact: ", "400");
    check("Max-Forwards: 70", &format!("Subject: {}", "x".repeat(9000)), "513");
    check("Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1", "Via: SIP/2.0/UDP 192.0.2.1:5070;;,;,,", "400");
    check("From: <sip:a@192.0.2.1>", "From: Bell, A <sip:a@192.0.2.1>", "400");
    check("From: <sip:a@192.0.2.1>", "From: \"Bell, A\" <sip:a,b@192.0.2.1>", "pass");
    check("From: <sip:a@192.0.2.1>", "From: \"BEL:\\\u{7}\" <sip:a@192.0.2.1>", "tidied");
    check("Contact: <sip:a@192.0.2.1>", "Contact: \"Joe\" <sip:joe@example.org>;;;;", "400");
    // An ACK is never answered, and without Via there is nobody to answer.
    let ack = GOOD.replace("INVITE", "ACK").replace("Call-ID: c1\r\n", "");
    assert_eq!(word(ack.as_bytes()), "drop");
    check("Via", "Vio", "drop");
}

#[test]
fn noise_is_dropped() {
    for noise in
        [&b"hello"[..], b"\xff\xfe\x00\x01", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"SIP/2.0 20 OK\r\n\r\n", b"\x00", b"SIP/"]
    {
        assert_eq!(word(noise), "drop", "{noise:?}");
    }
}

#[test]
fn an_answer_finds_its_way() {
    let answer = |message: &str| match screen(message.as_bytes(), source()) {
        Verdict::Answer(answer) => (answer.to.to_string(), String::from_utf8(answer.text).expect("text")),
        other => panic!("{other:?}"),
    };
    let (to, text) = answer(&GOOD.replace("INVITE sip", "FETCH sip").replace("1 INVITE", "1 FETCH"));
    assert_eq!(to, "192.0.2.9:9999");
    assert!(
        text.starts_with(
            "SIP/2.0 501 Not Implemented\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1;received=192.0.2.9\r\n"
        ),
        "{text}"
    );
    assert!(text.contains("\r\nTo: <sip:100@127.0.0.1>;tag=g") && text.contains("\r\nAllow: INVITE"), "{text}");
    let rport = GOOD.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia").replace(";branch", ";rport;branch");
    let (to, text) = answer(&rport);
    assert_eq!(to, "192.0.2.9:9999");
    assert!(text.contains(";received=192.0.2.9;rport=9999"), "{text}");
    assert_eq!(answer(&rport).1, text, "retransmissions get the same answer");
}

proptest! {
    #[test]
    fn mutated_messages_never_panic(
        cuts in proptest::collection::vec((0usize..700, 0u8..=255, 0u8..5), 0..16),
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (at, byte, how) in cuts {
            let at = at % bytes.len().max(1);
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => { bytes.remove(at); }
                3 if at < bytes.len() => { let tail = bytes.split_off(at); bytes.extend_from_within(..at / 2); bytes.extend(tail); }
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Verdict::Pass(out) = screen(&bytes, source()) {
            // Tidying is stable: what was passed would pass again as it is.
            if !out.iter().all(|b| b.is_ascii_whitespace()) && out.len() <= DATAGRAM_MAX {
                prop_assert!(matches!(screen(&out, source()), Verdict::Pass(Cow::Borrowed(_))), "{}", String::from_utf8_lossy(&out));
            }
        }
    }
}

/// Only a tag among the parameters of To makes a request one within a dialog.
#[test]
fn a_tag_is_a_tag_only_where_tags_stand() {
    let kind = |to: &str| glance(GOOD.replace("To: <sip:100@127.0.0.1>", to).as_bytes()).kind;
    for to in [
        "To: <sip:100@127.0.0.1>",
        "To: \"x;tag=y\" <sip:100@h>",
        "To: \"a\\\";tag=y>\" <sip:100@h>",
        "To: <sip:100;tag=y@h;tag=y>",
        "To: <sip:100@h>;x=\">;tag=y\"",
        "To: <sip:100@h>;tag=",
        "To: sip:100@h;mytag=y",
        "To: <sip:100@h>\r\nSubject: a\r\n To: <sip:100@h>;tag=y",
    ] {
        assert_eq!(kind(to), Kind::Beginning, "{to}");
    }
    for to in ["To: <sip:100@h>;tag=y", "t: sip:100@h;tag=y", "To: \"x>\" <sip:100@h>;a=b ; TAG = y"] {
        assert_eq!(kind(to), Kind::Within, "{to}");
    }
    // An answer of the guard's own gets its tag although a name looks like one.
    let named = GOOD.replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia").replace("To: ", "To: \"x;tag=y\" ");
    let Verdict::Answer(answer) = screen(named.as_bytes(), source()) else { panic!("it was not answered") };
    let text = String::from_utf8_lossy(&answer.text).into_owned();
    assert!(text.contains("To: \"x;tag=y\" <sip:100@127.0.0.1>;tag=g"), "{text}");
}
