//! The signalling endpoint against SIPp (Debian `sip-tester`), a peer that we did not write. The scenarios in
//! `sip-config/sipp` are general: the dialled number is given with `-s`, so they serve against the whole gateway too.
//! Where SIPp is not installed these tests pass and say so aloud.

use super::dice::Dice;
use super::gateway::installed;
use super::telephone::{Hand, LOOPBACK, PATIENCE, Sipp, Ua, call_out, check, free_port, until, word};
use hotline::base::Network;
use hotline::sip::{Accounts, EndedWhy, Reliable, SdpSession, SipCommand, SipConfig, SipEvent, Unknown};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipps_own_caller_is_answered() {
    check("-uac", "100", &["-d", "200"], "incoming:sipp>100 acked bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_call() {
    check("call", "100", &["-d", "100"], "incoming:+4930123456>100 acked bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_resume_and_moved_media() {
    check("hold", "100", &["-d", "50"], "incoming:+4930123456>100 acked reoffer reoffer reoffer bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_change_leaves_the_call_as_it_was() {
    check("reinvite_refused", "100", &["-d", "50"], "incoming:+4930123456>100 acked reoffer reoffer bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_asked_for_in_a_reinvite() {
    let story = "incoming:+4930123456>100 acked reoffer:late acked:answer bye";
    check("reinvite_late", "100", &["-d", "50"], story).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_gives_up() {
    check("cancel", "ring", &[], "incoming:+4930123456>ring cancelled").await;
    check("early_bye", "ring", &[], "incoming:+4930123456>ring bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_offer() {
    check("late_offer", "100", &["-d", "50"], "incoming:+4930123456>100:late acked:answer bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals() {
    check("no_codec", "100", &[], "incoming:+4930123456>100 ours").await;
    check("broken_sdp", "100", &[], "incoming:+4930123456>100 ours").await;
    check("unknown_number", "unknown", &[], "incoming:+4930123456>unknown ours").await;
    check("busy", "busy", &[], "incoming:+4930123456>busy ours").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_works() {
    let story = "incoming:+4930123456>refer acked refer:202 refer:100 refer:200:last bye";
    check("refer_ok", "refer", &["-d", "50"], story).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_that_fail_keep_the_caller() {
    let story = "incoming:+4930123456>refer acked refer:202 refer:100 refer:486:last bye";
    check("refer_busy", "refer", &["-d", "50"], story).await;
    check("refer_refused", "refer", &["-d", "50"], "incoming:+4930123456>refer acked refer:403:last bye").await;
    check("refer_challenged", "refer", &[], "incoming:+4930123456>refer acked refer:407:last digit:1 bye").await;
    check("refer_hang_up", "refer", &["-d", "50"], "incoming:+4930123456>refer acked refer:202 refer:202:last bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_hang_up() {
    check("hung_up", "bye", &[], "incoming:+4930123456>bye acked ours").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_by_info() {
    check("info_digits", "100", &["-d", "50"], "incoming:+4930123456>100 acked digit:5 digit:# bye").await;
    check("info_to_us", "key", &["-d", "50"], "incoming:+4930123456>key acked bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_transfers_us() {
    check("refer_us", "100", &["-d", "50"], "incoming:+4930123456>100 acked refer-asked:sip:else@127.0.0.1:9 bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_the_wrong_time_are_answered() {
    check("odd_requests", "ring", &[], "incoming:+4930123456>ring cancelled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_tcp() {
    if !installed("sipp") {
        return;
    }
    let mut ua = Ua::start(|cfg| cfg.udp = None).await;
    let target = ua.local_tcp.to_string();
    let sipp = Sipp::start("call", free_port(), &["-s", "100", "-t", "t1", "-d", "50", &target]);
    assert_eq!(ua.story().await, "incoming:+4930123456>100 acked bye");
    sipp.passes().await;
    let sipp = Sipp::start("hung_up", free_port(), &["-s", "bye", "-t", "t1", &target]);
    assert_eq!(ua.story().await, "incoming:+4930123456>bye acked ours");
    sipp.passes().await;
    ua.stop().await;
}

/// Requests that the endpoint answers by itself: the telephone hears nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_dialog() {
    if !installed("sipp") {
        return;
    }
    let mut ua = Ua::start(|cfg| (cfg.max_dialogs, cfg.reliable) = (0, Reliable::Off)).await;
    let target = ua.local.to_string();
    for scenario in ["full", "options", "method_unknown", "require_100rel"] {
        Sipp::start(scenario, free_port(), &["-s", "100", &target]).passes().await;
    }
    ua.accepting(false);
    Sipp::start("draining", free_port(), &["-s", "100", &target]).passes().await;
    assert!(ua.events.try_recv().is_err());
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_never_acknowledged() {
    if !installed("sipp") {
        return;
    }
    let mut ua = Ua::start(|cfg| cfg.t1 = Duration::from_millis(20)).await;
    let target = ua.local.to_string();
    let sipp = Sipp::start("no_ack", free_port(), &["-s", "100", &target]);
    assert_eq!(ua.story().await, "incoming:+4930123456>100 timed-out");
    sipp.passes().await;
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_answers() {
    call_out("agent_answers", 20, "udp", true, "ringing answered ours").await;
    call_out("agent_answers", 20, "tcp", true, "ringing answered ours").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_gets_the_card_and_hangs_up() {
    call_out("agent_answers_uui", 20, "udp", false, "ringing answered bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_holds_and_resumes() {
    call_out("agent_holds", 20, "udp", false, "ringing answered reoffer reoffer bye").await;
    call_out("agent_holds", 20, "tcp", false, "ringing answered reoffer reoffer bye").await;
    call_out("agent_no_audio", 20, "udp", false, "broken").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_wants_a_password() {
    call_out("agent_challenges", 20, "udp", true, "answered ours").await;
}

/// Many at once leave nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls() {
    if !installed("sipp") {
        return;
    }
    let mut ua = Ua::start(|_| ()).await;
    let target = ua.local.to_string();
    let sipp = Sipp::start("call", free_port(), &["-s", "100", "-r", "100", "-d", "100", "-m", "200", &target]);
    sipp.passes().await;
    ua.drained().await;
    let mut ended = 0;
    while ended < 200 {
        match ua.next().await {
            SipEvent::Ended { why, .. } => {
                assert_eq!(why, EndedWhy::Bye);
                ended += 1;
            }
            SipEvent::Incoming { .. } | SipEvent::Acked { .. } => {}
            other => panic!("{}", word(&other)),
        }
    }
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_do_not_take_the_call() {
    call_out("agent_busy", 20, "udp", false, "refused:486").await;
    call_out("agent_moved", 20, "udp", false, "refused:302sip:desk2@192.0.2.7:5070").await;
    call_out("agent_silent", 1, "udp", false, "ringing timed-out").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_that_are_not_there() {
    let mut ua = Ua::start(|_| ()).await;
    let closed = std::net::TcpListener::bind((LOOPBACK, 0)).and_then(|l| l.local_addr()).expect("a port").port();
    for to in ["tel:+4930".to_string(), "no uri at all".into(), format!("sip:a@127.0.0.1:{closed};transport=tcp")] {
        let dialog = ua.new_key();
        let sdp = SdpSession::new(7).offer(LOOPBACK, 40_000);
        ua.command(SipCommand::Invite {
            dialog,
            to: to.clone(),
            from: "100".into(),
            sdp,
            uui: None,
            ring_seconds: 20,
            trunk: None,
        });
        assert_eq!(ua.story().await, "broken", "{to}");
    }
    // Nobody there over UDP, and we give up before the ring time is over.
    let dialog = ua.new_key();
    let (to, sdp) = (format!("sip:a@127.0.0.1:{closed}"), SdpSession::new(7).offer(LOOPBACK, 40_000));
    ua.command(SipCommand::Invite { dialog, to, from: "100".into(), sdp, uui: None, ring_seconds: 20, trunk: None });
    ua.command(SipCommand::HangUp { dialog });
    assert_eq!(ua.story().await, "ours");
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_disturbs_nobody() {
    let seed = 0x1dea_5eed_u64;
    eprintln!("garbage from seed {seed:#x}");
    let mut dice = Dice::new(seed);
    let ua = Ua::start(|cfg| cfg.t1 = Duration::from_millis(20)).await;
    let (noisy, quiet) = (Hand::new(ua.local).await, Hand::new(ua.local).await);
    let patterns = ["INVITE", "OPTIONS", "BYE", "ACK", "CANCEL", "REGISTER", "NOTIFY", "REFER", "UPDATE"];
    for i in 0..5000 {
        let mut bytes = match dice.roll(4) {
            0 => dice.bytes(300),
            _ => noisy.request(patterns[dice.roll(patterns.len())], &format!("garbage{i}")).into_bytes(),
        };
        for _ in 0..dice.roll(8) {
            let at = dice.roll(bytes.len());
            match dice.roll(4) {
                0 => bytes.insert(at, dice.byte()),
                1 if !bytes.is_empty() => drop(bytes.remove(at)),
                2 if !bytes.is_empty() => bytes[at] = dice.byte(),
                _ => bytes.truncate(at + 200),
            }
        }
        noisy.send(&bytes).await;
        // The socket's queue is finite: now and then wait until all before is read, which also shows that it still answers.
        if i % 200 == 0 {
            let id = format!("between{i}");
            quiet.send(quiet.request("OPTIONS", &id).as_bytes()).await;
            assert!(quiet.answer(&id).await.starts_with("SIP/2.0 200 "));
        }
    }
    // Calls that came out of it may stand in the events; a quiet neighbour is served all the same.
    quiet.send(quiet.request("OPTIONS", "quiet1").as_bytes()).await;
    let answer = quiet.answer("quiet1").await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    // And what the garbage began is over after 64*T1.
    ua.drained().await;
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_over_tcp_costs_only_its_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ua = Ua::start(|_| ()).await;
    for garbage in
        [&b"\x00\x01\x02\r\n\r\n"[..], b"GET / HTTP/1.1\r\n\r\n", b"INVITE x SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n"]
    {
        let mut stream = tokio::net::TcpStream::connect(ua.local_tcp).await.expect("it listens");
        stream.write_all(garbage).await.expect("taken");
    }
    let hand = Hand::new(ua.local).await;
    let mut stream = tokio::net::TcpStream::connect(ua.local_tcp).await.expect("it listens");
    let request = hand.request("OPTIONS", "tcp1").replace("/UDP", "/TCP");
    stream.write_all(request.as_bytes()).await.expect("taken");
    let mut buffer = vec![0; 4096];
    let len = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.expect("in time").expect("open");
    assert!(buffer[..len].starts_with(b"SIP/2.0 200 "));
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn untidy_and_broken_requests_are_answered() {
    let ua = Ua::start(|_| ()).await;
    let hand = Hand::new(ua.local).await;
    let cases: [(&str, &str, &str); 8] = [
        ("OPTIONS", "SIP/2.0\r\nVia", "SIP/2.0\r\nv"),
        ("OPTIONS", ";tag=f", " ; tag = f"),
        ("OPTIONS", "\"J. Caller\"", "\"Andr\u{e9}\""),
        ("OPTIONS", "SIP/2.0\r\nVia", "SIP/4.0\r\nVia"),
        ("FETCH", "", ""),
        ("OPTIONS", "Content-Length: 0", "Content-Length: 7"),
        ("OPTIONS", "sip:100@127.0.0.1 SIP", "mailto:x@y SIP"),
        ("PUBLISH", "", ""),
    ];
    let mut got = Vec::new();
    for (i, (method, from, to)) in cases.into_iter().enumerate() {
        let id = format!("case{i}");
        let text = hand.request(method, &id).replacen(from, to, 1);
        // Latin-1, as an old exchange would send it.
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        hand.send(&bytes).await;
        got.push(hand.answer(&id).await[8..11].to_string());
    }
    assert_eq!(got, ["200", "200", "200", "505", "501", "400", "416", "405"]);
    let long =
        hand.request("OPTIONS", "long").replace("Max-Forwards", &format!("Subject: {}\r\nMax-Forwards", "x".repeat(9000)));
    hand.send(long.as_bytes()).await;
    assert!(hand.answer("long").await.starts_with("SIP/2.0 513 "));
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_over_two_paths_is_one_call() {
    let mut ua = Ua::start(|_| ()).await;
    let hand = Hand::new(ua.local).await;
    let first = hand.request("INVITE", "merged").replace("sip:100@", "sip:ring@");
    hand.send(first.as_bytes()).await;
    assert!(hand.answer("merged").await.starts_with("SIP/2.0 100 "));
    let answer = hand.answer("merged").await;
    assert!(answer.starts_with("SIP/2.0 180 ") && answer.contains("Contact: <sip:hotline@127.0.0.1:"), "{answer}");
    hand.send(first.replace("branch=z9hG4bK", "branch=z9hG4bKother").as_bytes()).await;
    assert!(hand.answer("merged").await.starts_with("SIP/2.0 482 "));
    assert_eq!(word(&ua.next().await), "incoming:caller>ring:late");
    assert!(ua.events.try_recv().is_err());
    ua.stop().await;
}

/// Bound to every address, we still name the one that the peer reaches; stopping says goodbye.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_every_interface_contact_and_via_name_the_right_one() {
    let mut ua = Ua::start(|cfg| cfg.udp = Some(SocketAddr::from(([0, 0, 0, 0], 0)))).await;
    let mut hand = Hand::new(ua.local).await;
    hand.target.set_ip(LOOPBACK);
    let (port, ours) = (hand.port(), ua.local.port());
    let dialog = ua.new_key();
    let (to, sdp) = (format!("sip:a@127.0.0.1:{port}"), SdpSession::new(7).offer(LOOPBACK, 40_000));
    ua.command(SipCommand::Invite { dialog, to, from: "100".into(), sdp, uui: None, ring_seconds: 20, trunk: None });
    let invite = hand.answer("INVITE sip:a@").await;
    assert!(invite.contains(&format!("Via: SIP/2.0/UDP 127.0.0.1:{ours};")), "{invite}");
    assert!(invite.contains(&format!("Contact: <sip:hotline@127.0.0.1:{ours}>")), "{invite}");
    let header = |name: &str| invite.lines().find(|l| l.starts_with(name)).expect("a header").to_string();
    let ringing = format!(
        "SIP/2.0 180 Ringing\r\n{}\r\n{}\r\n{};tag=x\r\n{}\r\n{}\r\nContent-Length: 0\r\n\r\n",
        header("Via:"),
        header("From:"),
        header("To:"),
        header("Call-ID:"),
        header("CSeq:"),
    );
    hand.send(ringing.as_bytes()).await;
    assert_eq!(word(&ua.next().await), "ringing");
    ua.stop().await;
    assert!(hand.answer("CANCEL sip:a@").await.contains(&format!("Via: SIP/2.0/UDP 127.0.0.1:{ours};")));
}

/// A caller over TCP whose connection is gone when we answer: no ACK can come, nothing may stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whose_connection_is_gone() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut ua = Ua::start(|cfg| cfg.t1 = Duration::from_millis(20)).await;
    let hand = Hand::new(ua.local).await;
    for answered in [true, false] {
        let mut stream = tokio::net::TcpStream::connect(ua.local_tcp).await.expect("it listens");
        let id = format!("gone{answered}");
        let request = hand.request("INVITE", &id).replace("/UDP", "/TCP").replace("sip:100@", "sip:ring@");
        stream.write_all(request.as_bytes()).await.expect("taken");
        let mut buffer = vec![0; 4096];
        assert!(stream.read(&mut buffer).await.expect("open") > 0);
        let SipEvent::Incoming { dialog, .. } = ua.next().await else { panic!("a call") };
        drop(stream);
        until("the connection is gone", || ua.endpoint.counts().connections == 0).await;
        let sdp = SdpSession::new(7).offer(LOOPBACK, 40_000);
        if answered {
            ua.command(SipCommand::Answer { dialog, sdp });
            assert_eq!(ua.story().await, "timed-out");
        } else {
            ua.command(SipCommand::Reject { dialog, status: 486, retry_after: None });
            assert_eq!(ua.story().await, "ours");
        }
    }
    ua.drained().await;
    until("no transaction runs", || ua.endpoint.counts().transactions == 0).await;
    assert_eq!(ua.endpoint.counts(), hotline::sip::SipCounts::default());
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_ipv6() {
    let v6 = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
    if UdpSocket::bind(v6).is_err() {
        eprintln!("SKIPPED: this machine has no IPv6 loopback");
        return;
    }
    let mut ua = Ua::start(|cfg| (cfg.udp, cfg.tcp) = (Some(v6), Some(v6))).await;
    let socket = tokio::net::UdpSocket::bind(v6).await.expect("it has one");
    let hand = Hand { socket, target: ua.local };
    hand.send(hand.request("OPTIONS", "six").replace("127.0.0.1", "[::1]").as_bytes()).await;
    assert!(hand.answer("six").await.starts_with("SIP/2.0 200 "));
    let ring = hand.request("INVITE", "ring6").replace("127.0.0.1", "[::1]").replace("sip:100@", "sip:ring@");
    hand.send(ring.as_bytes()).await;
    assert_eq!(word(&ua.next().await), "incoming:caller>ring:late");
    // 100 comes from the stack and 180 from us: under load they may cross, and after 180 there is no 100 any more.
    let mut ringing = hand.answer("ring6").await;
    while !ringing.starts_with("SIP/2.0 180 ") {
        ringing = hand.answer("ring6").await;
    }
    assert!(ringing.contains("Contact: <sip:hotline@[::1]:"), "{ringing}");
    ua.stop().await;
}

/// What callers whom nobody knows meet, as configured; and that known ones are not asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_callers() {
    if !installed("sipp") {
        return;
    }
    let accounts = Accounts([("pbx".to_string(), "long and secret".to_string())].into());
    let challenge = |cfg: &mut SipConfig| (cfg.unknown, cfg.accounts) = (Unknown::Challenge, accounts.clone());
    let mut ua = Ua::start(challenge).await;
    let target = ua.local.to_string();
    let uri = format!("bye@{target}");
    let args = ["-s", "bye", "-au", "pbx", "-ap", "long and secret", "-auth_uri", &uri, &target];
    let sipp = Sipp::start("challenged", free_port(), &args);
    assert_eq!(ua.story().await, "incoming:+4930123456>bye acked ours");
    sipp.passes().await;
    // Without the password: the same question again, in both ways.
    let hand = Hand::new(ua.local).await;
    let guess = "Authorization: Digest username=\"pbx\", realm=\"hotline\", nonce=\"1.2\", response=\"\"\r\nMax-Forwards";
    hand.send(hand.request("OPTIONS", "guess").replace("Max-Forwards", guess).as_bytes()).await;
    let answer = hand.answer("guess").await;
    assert!(answer.starts_with("SIP/2.0 401") && answer.matches("WWW-Authenticate: Digest").count() == 2, "{answer}");
    ua.drained().await;
    ua.stop().await;

    let ua = Ua::start(|cfg| cfg.unknown = Unknown::Refuse).await;
    Sipp::start("forbidden", free_port(), &["-s", "100", &ua.local.to_string()]).passes().await;
    ua.drained().await;
    ua.stop().await;

    let mut ua = Ua::start(|cfg| (cfg.unknown, cfg.known) = (Unknown::Refuse, Network::LOOPBACK.to_vec())).await;
    let sipp = Sipp::start("hung_up", free_port(), &["-s", "bye", &ua.local.to_string()]);
    assert_eq!(ua.story().await, "incoming:+4930123456>bye acked ours");
    sipp.passes().await;
    ua.stop().await;

    let ua = Ua::start(|cfg| cfg.unknown = Unknown::Ignore).await;
    let hand = Hand::new(ua.local).await;
    hand.send(hand.request("OPTIONS", "quiet").as_bytes()).await;
    assert!(tokio::time::timeout(Duration::from_millis(700), hand.answer("quiet")).await.is_err(), "nobody should answer");
    ua.drained().await;
    ua.stop().await;
}

/// Who calls and what was dialled: tel: URIs, escapes, and an asserted identity that counts only from a trusted source.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_and_numbers() {
    let networks = [(vec![], "incoming:caller>+4930 11:late"), (Network::LOOPBACK.to_vec(), "incoming:+49171>+4930 11:late")];
    for (trusted, expected) in networks {
        let mut ua = Ua::start(|cfg| cfg.trusted = trusted).await;
        let hand = Hand::new(ua.local).await;
        let invite = hand.request("INVITE", "who").replace("INVITE sip:100@127.0.0.1", "INVITE sip:%2b4930%2011@127.0.0.1");
        let asserted = "P-Asserted-Identity: \"Ann\" <sip:+49171@trunk.example>\r\nMax-Forwards";
        hand.send(invite.replace("Max-Forwards", asserted).as_bytes()).await;
        assert_eq!(word(&ua.next().await), expected);
        ua.stop().await;
    }
    let mut ua = Ua::start(|_| ()).await;
    let hand = Hand::new(ua.local).await;
    hand.send(hand.request("INVITE", "tel").replace("INVITE sip:100@127.0.0.1", "INVITE tel:+4930112").as_bytes()).await;
    assert_eq!(word(&ua.next().await), "incoming:caller>+4930112:late");
    ua.stop().await;
}
