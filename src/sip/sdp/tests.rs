use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Offer, SdpError> {
    parse::parse(text, Srtp::Offered)
}

const OFFER: &str = "v=0\r\no=alice 2890844526 7 IN IP4 192.0.2.5\r\ns=call\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n\
    m=audio 49170 RTP/AVP 9 8 0 96 97\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:96 telephone-event/16000\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-16\r\na=ptime:30\r\n";

fn ip() -> IpAddr {
    "127.0.0.1".parse().expect("an address")
}

/// Answers `offer` in a new session and gives the lines from `m=` on, or the error's status.
fn check(offer: &str, expected: &str) {
    let got = match SdpSession::new(1).answer(offer, ip(), 4000) {
        Ok((_, text)) => text[text.find("m=").expect("an m= line")..].replace("\r\n", "|"),
        Err(e) => format!("{} {e}", e.status()),
    };
    assert_eq!(got, expected);
}

#[test]
fn an_ordinary_offer_is_understood() {
    let offer = parse(OFFER).expect("it is good");
    assert_eq!(offer.remote, "192.0.2.5:49170".parse::<std::net::SocketAddr>().expect("an address"));
    let codecs: Vec<(Codec, u8)> = offer.codecs.iter().map(|f| (f.codec, f.payload_type)).collect();
    assert_eq!(codecs, [(Codec::G722, 9), (Codec::Pcma, 8), (Codec::Pcmu, 0)]);
    assert_eq!((&offer.events[..], offer.ptime, offer.version), (&[(96, 16_000), (97, 8_000)][..], Some(30), 7));
    assert_eq!(offer.direction, Direction::SendRecv);
}

#[test]
fn the_answer_takes_their_first_codec_and_their_numbers() {
    check(
        OFFER,
        "m=audio 4000 RTP/AVP 8 97|a=rtpmap:8 PCMA/8000|a=rtpmap:97 telephone-event/8000|a=fmtp:97 0-15|a=ptime:20|a=maxptime:60|a=sendrecv|",
    );
    // Static numbers need no rtpmap; no telephone-event offered, none answered.
    check(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\nc=IN IP4 192.0.2.5\r\n",
        "m=audio 4000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=maxptime:60|a=sendrecv|",
    );
}

#[test]
fn other_streams_are_refused_in_their_place() {
    let offer = OFFER.replace("m=audio", "m=video 5000 RTP/AVP 31\r\na=rtpmap:31 H261/90000\r\nm=audio")
        + "m=audio 6000 RTP/SAVP 0\r\nm=application 7000 TCP/BFCP *\r\n";
    check(
        &offer,
        "m=video 0 RTP/AVP 31|m=audio 4000 RTP/AVP 8 97|a=rtpmap:8 PCMA/8000|a=rtpmap:97 telephone-event/8000|\
         a=fmtp:97 0-15|a=ptime:20|a=maxptime:60|a=sendrecv|m=audio 0 RTP/SAVP 0|m=application 0 TCP/BFCP *|",
    );
}

#[test]
fn hold_is_mirrored() {
    for (theirs, ours, send, receive) in [
        ("sendonly", "recvonly", false, true),
        ("recvonly", "sendonly", true, false),
        ("inactive", "inactive", false, false),
        ("sendrecv", "sendrecv", true, true),
    ] {
        let (agreement, text) = SdpSession::new(1).answer(&format!("{OFFER}a={theirs}\r\n"), ip(), 4000).expect("it is good");
        assert_eq!((agreement.send, agreement.receive), (send, receive), "{theirs}");
        assert!(text.ends_with(&format!("a={ours}\r\n")), "{theirs}: {text}");
    }
    // On the session instead of the stream.
    let session_wide = OFFER.replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n");
    assert_eq!(parse(&session_wide).expect("it is good").direction, Direction::Inactive);
    // The old way.
    let old = OFFER.replace("c=IN IP4 192.0.2.5", "c=IN IP4 0.0.0.0");
    let (agreement, text) = SdpSession::new(1).answer(&old, ip(), 4000).expect("it is good");
    assert_eq!((agreement.send, agreement.receive), (false, true));
    assert!(text.ends_with("a=recvonly\r\n"));
}

#[test]
fn what_does_not_fit_is_488_and_what_is_broken_400() {
    check(
        &OFFER.replace("9 8 0 96 97", "9 18"),
        "488 nothing in the session description fits: no common codec, PCMU, PCMA is spoken here",
    );
    check(
        &OFFER.replace("RTP/AVP", "RTP/SAVP"),
        "488 nothing in the session description fits: RTP/SAVP is not offered here, only RTP/AVP",
    );
    check(
        &OFFER.replace("m=audio 49170", "m=audio 0"),
        "488 nothing in the session description fits: the audio stream is switched off (port 0)",
    );
    check(&OFFER.replace("m=audio", "m=video"), "488 nothing in the session description fits: no audio stream");
    check(
        &OFFER.replace("c=IN IP4 192.0.2.5", "c=IN IP6 2001:db8::5"),
        "488 nothing in the session description fits: audio was to go to an IP6 address, ours is IP4",
    );
    check(
        &OFFER.replace("c=IN IP4 192.0.2.5\r\n", ""),
        "400 the session description is broken: neither the session nor the audio stream has a c= line",
    );
    for broken in ["", "hello", "v=0\r\n", "v=1\r\n", "\u{0}\u{1}", "v=0\r\nm=audio x RTP/AVP 0\r\n"] {
        let error = SdpSession::new(1).answer(broken, ip(), 4000).expect_err("it is broken");
        assert_eq!(error.status(), 400, "{broken:?}: {error}");
    }
    check(&OFFER.replace("9 8 0 96 97", "18 3"), "488 nothing in the session description fits: no common codec in \"18 3\"");
    // A static number used for something else is not ours.
    let odd = OFFER.replace("PCMA/8000", "OPUS/48000/2").replace("PCMU/8000", "L16/8000");
    assert!(matches!(SdpSession::new(1).answer(&odd, ip(), 4000), Err(SdpError::NothingFits(_))));
}

#[test]
fn ipv6_works() {
    let v6: IpAddr = "::1".parse().expect("an address");
    let offer = OFFER.replace("IP4 192.0.2.5", "IP6 2001:db8::5");
    let (agreement, text) = SdpSession::new(1).answer(&offer, v6, 4000).expect("it is good");
    assert_eq!(agreement.remote, "[2001:db8::5]:49170".parse::<std::net::SocketAddr>().expect("an address"));
    assert!(text.contains("c=IN IP6 ::1\r\n"));
}

#[test]
fn the_version_rises_when_something_changes_and_only_then() {
    let version = |text: &str| parse(text).expect("our own").version;
    let mut session = SdpSession::new(100);
    let (_, first) = session.answer(OFFER, ip(), 4000).expect("it is good");
    let (_, same) = session.answer(OFFER, ip(), 4000).expect("it is good");
    let (_, held) = session.answer(&format!("{OFFER}a=sendonly\r\n"), ip(), 4000).expect("it is good");
    assert_eq!((version(&first), version(&same), version(&held)), (100, 100, 101));
    // A refused offer changes nothing.
    session.answer("v=0\r\n", ip(), 4000).expect_err("broken");
    let (_, again) = session.answer(&format!("{OFFER}a=sendonly\r\n"), ip(), 4000).expect("it is good");
    assert_eq!(version(&again), 101);
}

#[test]
fn our_offer_meets_their_answer() {
    let mut ours = SdpSession::new(5);
    let offer = ours.offer(ip(), 4000);
    assert!(offer.contains("m=audio 4000 RTP/AVP 0 8 101\r\n"), "{offer}");
    let mut theirs = SdpSession::new(6);
    let (at_theirs, answer) = theirs.answer(&offer, ip(), 5000).expect("our own offer");
    let at_ours = ours.accept_answer(&answer, ip()).expect("our own answer");
    assert_eq!((at_theirs.codec, at_theirs.dtmf), (at_ours.codec, at_ours.dtmf));
    assert_eq!(at_ours.remote.port(), 5000);
    assert!(at_ours.send && at_ours.receive);
    ours.accept_answer("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n", ip())
        .expect_err("refused audio");
}

#[test]
fn a_later_offer_of_ours_keeps_lines_and_numbers() {
    let mut session = SdpSession::new(1);
    let offer = OFFER.replace("m=audio", "m=video 5000 RTP/AVP 31\r\nm=audio");
    session.answer(&offer, ip(), 4000).expect("it is good");
    let ours = session.offer(ip(), 4000);
    assert!(ours.contains("m=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 0 8 97\r\n"), "{ours}");
}

fn random() -> SdpKeys {
    SdpKeys::from_random(std::array::from_fn(|n| (n * 73 + 5) as u8))
}

fn with_srtp(srtp: Srtp) -> SdpSession {
    SdpSession::with_policy(1, SdpPolicy { srtp, comfort_noise: true, ..SdpPolicy::default() }, random())
}

const CRYPTO: &str = "a=crypto:4 AES_CM_256_HMAC_SHA1_80 inline:xx\r\n\
    a=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n\
    a=crypto:6 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20\r\n";

#[test]
fn encryption_is_taken_refused_or_required() {
    use Srtp::{Off, Offered, Required};
    let plain = phone(&[(0, "PCMU/8000")], "");
    let best_effort = phone(&[(0, "PCMU/8000")], CRYPTO);
    let secure = best_effort.replace("RTP/AVP", "RTP/SAVP");
    let keyless = plain.replace("RTP/AVP", "RTP/SAVP");
    // Some(true) = encrypted, Some(false) = not, None = refused.
    for (srtp, offer, expected) in [
        (Off, &plain, Some(false)),
        (Off, &best_effort, Some(false)),
        (Off, &secure, None),
        (Offered, &plain, Some(false)),
        (Offered, &best_effort, Some(true)),
        (Offered, &secure, Some(true)),
        (Offered, &keyless, None),
        (Required, &plain, None),
        (Required, &best_effort, Some(true)),
        (Required, &secure, Some(true)),
        (Required, &keyless, None),
    ] {
        let answer = with_srtp(srtp).answer(offer, ip(), 4000);
        assert_eq!(answer.as_ref().ok().map(|a| a.0.srtp.is_some()), expected, "{srtp:?} {offer}");
        if let Ok((agreed, text)) = answer {
            let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("a=crypto")).collect();
            assert_eq!(lines.len(), usize::from(expected == Some(true)));
            assert_eq!(text.contains("RTP/SAVP"), offer.contains("RTP/SAVP"), "the transport is theirs");
            if let Some(keys) = agreed.srtp {
                assert!(lines[0].starts_with("a=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:"), "{}", lines[0]);
                assert_ne!(keys.send, keys.receive);
            }
        } else if let Err(error) = answer {
            assert_eq!(error.status(), 488, "{error}");
        }
    }
}

#[test]
fn keys_that_we_offer_come_back_with_theirs() {
    for (ours, theirs, proto) in [
        (Srtp::Offered, Srtp::Offered, "RTP/AVP"),
        (Srtp::Offered, Srtp::Off, "RTP/AVP"),
        (Srtp::Required, Srtp::Offered, "RTP/SAVP"),
        (Srtp::Required, Srtp::Required, "RTP/SAVP"),
    ] {
        let (mut a, mut b) = (with_srtp(ours), with_srtp(theirs));
        b.keys = SdpKeys::from_random([9; SdpKeys::BYTES]);
        let offer = a.offer(ip(), 4000);
        assert!(offer.contains(&format!("m=audio 4000 {proto} 0 8 13 101\r\n")), "{offer}");
        assert_eq!(offer.matches("a=crypto:").count(), 4);
        let (at_b, answer) = b.answer(&offer, ip(), 5000).expect("it fits");
        let at_a = a.accept_answer(&answer, ip()).expect("it fits");
        assert_eq!(at_a.srtp.map(|k| (k.send, k.receive)), at_b.srtp.map(|k| (k.receive, k.send)), "{ours:?} {theirs:?}");
        assert_eq!(at_a.srtp.is_some(), theirs != Srtp::Off);
        assert!(at_a.noise && at_b.noise);
    }
    let mut required = with_srtp(Srtp::Required);
    required.offer(ip(), 4000);
    required.accept_answer(&phone(&[(0, "PCMU/8000")], ""), ip()).expect_err("not encrypted");
    let foreign = phone(&[(0, "PCMU/8000")], CRYPTO).replace("RTP/AVP", "RTP/SAVP");
    required.accept_answer(&foreign, ip()).expect_err("a tag of nobody");
    assert!(!format!("{required:?}").contains("inline"));
}

#[test]
fn a_refresh_keeps_our_key_and_another_key_of_theirs_gets_another_of_ours() {
    let offer = phone(&[(0, "PCMU/8000")], CRYPTO);
    let mut session = with_srtp(Srtp::Offered);
    let mut keys = |offer: &str| session.answer(offer, ip(), 4000).expect("it fits").0.srtp.expect("encrypted");
    let (first, refreshed) = (keys(&offer), keys(&offer));
    assert_eq!(first, refreshed);
    let moved = keys(&offer.replace("inline:PS1u", "inline:QQ1u"));
    assert!(moved.receive != first.receive && moved.send != first.send);
    // Other dialogs and other suites have other keys.
    let mut other = SdpSession::with_policy(
        1,
        SdpPolicy { srtp: Srtp::Offered, ..SdpPolicy::default() },
        SdpKeys::from_random([7; SdpKeys::BYTES]),
    );
    let theirs = other.answer(&offer, ip(), 4000).expect("it fits").0.srtp.expect("encrypted");
    assert_ne!(theirs.send, first.send);
    let offered = random().offered(0);
    let starts: Vec<&[u8]> = offered.iter().map(|c| &c.key.key_and_salt()[..16]).collect();
    assert!((1..4).all(|n| !starts[..n].contains(&starts[n])), "each suite has its own");
}

/// The same key with its counters begun anew would protect two packets alike.
#[test]
fn no_key_of_ours_is_used_again_once_it_was_left() {
    let (plain, encrypted) = (phone(&[(0, "PCMU/8000")], ""), phone(&[(0, "PCMU/8000")], CRYPTO));
    // They encrypt, then not, then again with the key that they had.
    let mut session = with_srtp(Srtp::Offered);
    let mut answered = |offer: &str| session.answer(offer, ip(), 4000).expect("it fits").0.srtp;
    let (first, none, again) = (answered(&encrypted), answered(&plain), answered(&encrypted));
    let (first, again) = (first.expect("encrypted"), again.expect("encrypted"));
    assert!(none.is_none() && first.receive == again.receive && first.send != again.send);
    assert_eq!(answered(&encrypted), Some(again), "a refresh keeps it");
    // The same in answers to offers of ours.
    let mut session = with_srtp(Srtp::Offered);
    let mut offered = |theirs: Srtp| {
        let offer = session.offer(ip(), 4000);
        let (_, answer) = with_srtp(theirs).answer(&offer, ip(), 5000).expect("it fits");
        session.accept_answer(&answer, ip()).expect("it fits").srtp
    };
    let (first, same) = (offered(Srtp::Offered).expect("encrypted"), offered(Srtp::Offered).expect("encrypted"));
    assert_eq!(first.send, same.send, "a refresh keeps it");
    assert!(offered(Srtp::Off).is_none());
    assert_ne!(offered(Srtp::Offered).expect("encrypted").send, first.send);
    // A session that was laid aside.
    let before = session.offer(ip(), 4000);
    session.renew_keys();
    let after = session.offer(ip(), 4000);
    let keys = |text: &str| text.lines().filter(|l| l.starts_with("a=crypto:")).map(str::to_string).collect::<Vec<_>>();
    assert!(keys(&before).iter().zip(keys(&after)).all(|(a, b)| *a != b), "{before}{after}");
}

#[test]
fn rtcp_shares_a_port_and_noise_stands_for_silence_where_both_want_it() {
    let offer = phone(&[(0, "PCMU/8000"), (13, "CN/8000")], "a=rtcp-mux\r\n");
    let (agreed, text) = with_srtp(Srtp::Off).answer(&offer, ip(), 4000).expect("it fits");
    assert!(agreed.rtcp_mux && agreed.noise);
    assert!(text.contains("a=rtcp-mux\r\n") && text.contains("RTP/AVP 0 13\r\n") && text.contains("CN/8000"), "{text}");
    let (agreed, text) = SdpSession::new(1).answer(&offer.replace("a=rtcp-mux\r\n", ""), ip(), 4000).expect("it fits");
    assert!(!agreed.rtcp_mux && !agreed.noise && !text.contains("rtcp-mux") && !text.contains("CN/"), "{text}");
}

/// All codecs, ours preferred or theirs.
fn all(prefer_ours: bool) -> SdpSession {
    let codecs = vec![Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];
    SdpSession::with_policy(1, SdpPolicy { codecs, prefer_ours, ..SdpPolicy::default() }, random())
}

/// The description of a phone with these formats, `number encoding` each, and more lines behind.
fn phone(formats: &[(u8, &str)], more: &str) -> String {
    let numbers: Vec<String> = formats.iter().map(|f| f.0.to_string()).collect();
    let maps: String = formats.iter().map(|(n, e)| format!("a=rtpmap:{n} {e}\r\n")).collect();
    let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n";
    format!("{head}m=audio 4000 RTP/AVP {}\r\n{maps}{more}", numbers.join(" "))
}

#[test]
fn their_order_decides_unless_ours_is_preferred() {
    let offer = phone(&[(0, "PCMU/8000"), (9, "G722/8000"), (111, "opus/48000/2"), (8, "PCMA/8000")], "");
    let chosen = |mut session: SdpSession, offer: &str| session.answer(offer, ip(), 4000).expect("it fits").0;
    assert_eq!(chosen(all(false), &offer).codec, Codec::Pcmu);
    assert_eq!(chosen(all(true), &offer).codec, Codec::Opus);
    assert_eq!(chosen(all(true), &offer).payload, Numbers::both(111));
    let plain = SdpPolicy { codecs: vec![Codec::Pcma, Codec::Pcmu], prefer_ours: true, ..SdpPolicy::default() };
    assert_eq!(chosen(SdpSession::with_policy(1, plain, random()), &offer).codec, Codec::Pcma);
    // G.722 counts 8000 (RFC 3551 §4.5.2); who says 16000 means something else, and 9 without rtpmap is G.722.
    let wide = phone(&[(9, "G722/16000"), (8, "PCMA/8000")], "");
    assert_eq!(chosen(all(true), &wide).codec, Codec::Pcma);
    let bare = wide.replace("a=rtpmap:9 G722/16000\r\n", "");
    assert_eq!(chosen(all(true), &bare).codec, Codec::G722);
}

#[test]
fn an_answer_of_opus_keeps_their_numbers_and_says_what_we_are() {
    let offer = phone(
        &[(107, "OPUS/48000/2"), (0, "PCMU/8000"), (100, "telephone-event/8000"), (110, "telephone-event/48000")],
        "a=fmtp:107 minptime=10;useinbandfec=1\r\n",
    );
    let (agreed, text) = all(false).answer(&offer, ip(), 4000).expect("it fits");
    assert_eq!((agreed.codec, agreed.payload), (Codec::Opus, Numbers::both(107)));
    assert_eq!(agreed.dtmf, Some(KeyEvents { numbers: Numbers::both(110), clock: 48_000 }));
    assert_eq!(
        text[text.find("m=").expect("a line")..].replace("\r\n", "|"),
        "m=audio 4000 RTP/AVP 107 110|a=rtpmap:107 opus/48000/2|a=fmtp:107 maxplaybackrate=8000;\
         sprop-maxcapturerate=8000;maxaveragebitrate=20000;stereo=0;sprop-stereo=0|a=rtpmap:110 telephone-event/48000|\
         a=fmtp:110 0-15|a=ptime:20|a=maxptime:60|a=sendrecv|"
    );
    // Only at 8 kHz is taken too; an odd clock is not.
    let (agreed, _) =
        all(false).answer(&offer.replace("telephone-event/48000", "telephone-event/44100"), ip(), 4000).expect("fits");
    assert_eq!(agreed.dtmf, Some(KeyEvents::at_8000(100)));
}

#[test]
fn what_we_offered_is_received_under_our_numbers_and_sent_under_theirs() {
    let mut ours = all(false);
    let offer = ours.offer(ip(), 4000);
    assert!(offer.contains("m=audio 4000 RTP/AVP 96 9 8 0 101 102\r\n"), "{offer}");
    let answer = phone(&[(120, "opus/48000/2"), (121, "telephone-event/48000")], "");
    let agreed = ours.accept_answer(&answer, ip()).expect("it fits");
    assert_eq!(agreed.payload, Numbers { send: 120, receive: 96 });
    let events = agreed.dtmf.expect("agreed");
    assert_eq!((events.numbers, events.clock), (Numbers { send: 121, receive: 102 }, 48_000));
    ours.accept_answer(&phone(&[(18, "G729/8000")], ""), ip()).expect_err("it was not offered");
}

#[test]
fn numbers_once_learned_stay_and_never_mean_two_things() {
    let mut session = all(false);
    let offer = phone(&[(101, "opus/48000/2"), (0, "PCMU/8000"), (96, "telephone-event/8000")], "");
    session.answer(&offer, ip(), 4000).expect("it fits");
    let ours = session.offer(ip(), 4000);
    assert!(ours.contains("m=audio 4000 RTP/AVP 101 9 8 0 96 102\r\n"), "{ours}");
    let mut session = all(false);
    session.answer(&phone(&[(0, "PCMU/8000"), (102, "telephone-event/8000")], ""), ip(), 4000).expect("it fits");
    let ours = session.offer(ip(), 4000);
    assert!(ours.contains("RTP/AVP 96 9 8 0 102 97\r\n"), "{ours}");
}

#[test]
fn packets_have_the_length_that_they_ask_for() {
    let ms = |lines: &str| {
        let offer = phone(&[(0, "PCMU/8000")], lines);
        all(false).answer(&offer, ip(), 4000).expect("it fits").0.packet_ms
    };
    for (lines, expected) in [
        ("", 20),
        ("a=ptime:10\r\n", 10),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:60\r\n", 60),
        ("a=ptime:200\r\n", 60),
        ("a=ptime:2.5\r\n", 10),
        ("a=ptime:40\r\na=maxptime:30\r\n", 30),
        ("a=maxptime:10\r\n", 10),
        ("a=ptime:nothing\r\n", 20),
        ("a=ptime:70000\r\n", 20),
    ] {
        assert_eq!(ms(lines), expected, "{lines:?}");
    }
}

proptest! {
    #[test]
    fn mutated_descriptions_never_panic(
        cuts in proptest::collection::vec((0usize..600, 0u8..=255, 0u8..4), 0..12),
    ) {
        let mut bytes = OFFER.as_bytes().to_vec();
        for (at, byte, how) in cuts {
            let at = at % bytes.len().max(1);
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => { bytes.remove(at); }
                _ => bytes.truncate(at.max(1)),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let mut session = all(true);
        if let Ok((agreement, answer)) = session.answer(&text, ip(), 4000) {
            prop_assert!(parse(&answer).is_ok());
            prop_assert!(agreement.remote.is_ipv4());
        }
        let _ = session.accept_answer(&text, ip());
    }
}
