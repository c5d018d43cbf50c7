//! Sources that nobody named: what they may hold, how often they are heard, and that nobody is flooded through us.

use crate::telephone::until;
use crate::torture::{Busy, Line, ping, status_of};
use hotline::base::Network;
use hotline::sip::Unknown;
use hotline::sip::trunk::{Proxy, Trunk, TrunkTransport};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;

const PATIENCE: Duration = Duration::from_secs(20);

/// A stranger may hold 32 connections and make 20 faults; the place of one that is gone is free again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_hold_a_bounded_number_of_connections() {
    // Challenged, not refused: a 403 would count as a fault.
    let busy = Busy::start(|cfg| cfg.unknown = Unknown::Challenge).await;
    let mut held = Vec::new();
    for n in 0..32 {
        let mut line = Line::open(busy.tcp).await;
        let from = line.stream.local_addr().expect("bound");
        line.stream.write_all(ping("TCP", from, &format!("held-{n}")).as_bytes()).await.expect("open");
        assert_eq!(status_of(&line.next().await.expect("an answer"), "").0, 401);
        held.push(line);
        assert_eq!(busy.endpoint.counts().connections, n + 1);
    }
    let mut one_more = Line::open(busy.tcp).await;
    assert_eq!(one_more.next().await, None, "the 33rd is closed at once");
    held.clear();
    until("the places are free again", || busy.endpoint.counts().connections == 0).await;
    for _ in 0..20 {
        let mut line = Line::open(busy.tcp).await;
        line.stream.write_all(b"hello\r\n").await.expect("open");
        assert_eq!(line.next().await, None);
    }
    let mut line = Line::open(busy.tcp).await;
    let from = line.stream.local_addr().expect("bound");
    let _ = line.stream.write_all(ping("TCP", from, "shut-out").as_bytes()).await;
    assert_eq!(line.next().await, None, "shut out after 20 faults");
}

/// More requests than a stranger may make are shed before the stack sees them; those who are known are not limited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_from_a_stranger_is_shed_and_a_known_source_is_not() {
    for (known, least, most) in [(false, 20, 80), (true, 300, 300)] {
        let busy = Busy::start(|cfg| {
            cfg.unknown = Unknown::Refuse;
            cfg.known = if known { Network::LOOPBACK.to_vec() } else { Vec::new() };
        })
        .await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let from = socket.local_addr().expect("bound");
        let (mut answered, mut buffer) = (0, vec![0; 4096]);
        for n in 0..300 {
            socket.send_to(ping("UDP", from, &format!("flood-{n}")).as_bytes(), busy.udp).await.expect("sent");
            // In step, so that no buffer overflows.
            let wait = Duration::from_millis(if known { 5_000 } else { 2 });
            if tokio::time::timeout(wait, socket.recv_from(&mut buffer)).await.is_ok() {
                answered += 1;
            }
        }
        while tokio::time::timeout(Duration::from_millis(200), socket.recv_from(&mut buffer)).await.is_ok() {
            answered += 1;
        }
        assert!((least..=most).contains(&answered), "known: {known}, answered: {answered} of 300");
    }
}

/// The source of a datagram may be forged: a stranger's INVITE draws one answer, which is not repeated, and a BYE for no dialog of
/// ours leaves nothing behind; those who are known get theirs until they acknowledge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_not_repeated_to_a_stranger() {
    for known in [false, true] {
        let busy = Busy::start(|cfg| {
            (cfg.unknown, cfg.t1) = (Unknown::Challenge, Duration::from_millis(10));
            cfg.known = if known { Network::LOOPBACK.to_vec() } else { Vec::new() };
        })
        .await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let from = socket.local_addr().expect("bound");
        // A known caller meets 420 here, a stranger as well.
        let invite =
            ping("UDP", from, "once").replace("OPTIONS", "INVITE").replace("Max-Forwards", "Require: x\r\nMax-Forwards");
        socket.send_to(invite.as_bytes(), busy.udp).await.expect("sent");
        let (mut answers, mut buffer) = (0, vec![0; 4096]);
        let wait = |due| if due { PATIENCE } else { Duration::from_millis(500) };
        while answers < 3
            && let Ok(Ok((length, _))) = tokio::time::timeout(wait(known || answers == 0), socket.recv_from(&mut buffer)).await
        {
            assert_eq!(status_of(&buffer[..length], "once"), (420, true));
            answers += 1;
        }
        assert_eq!(answers, if known { 3 } else { 1 }, "known: {known}");
        if !known {
            let bye = ping("UDP", from, "bye")
                .replace("OPTIONS", "BYE")
                .replace("To: <sip:ping@127.0.0.1>", "To: <sip:ping@127.0.0.1>;tag=1");
            for _ in 0..2 {
                socket.send_to(bye.as_bytes(), busy.udp).await.expect("sent");
                let got = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
                let (length, _) = got.expect("in time").expect("received");
                assert_eq!(status_of(&buffer[..length], "bye"), (481, true));
            }
            until("nothing is left of it", || busy.endpoint.counts().transactions == 0).await;
        }
    }
}

/// With strangers ignored, a carrier's BYE for a call that is over is still told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_hears_that_its_call_is_over_where_strangers_are_ignored() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let from = socket.local_addr().expect("bound");
    let busy = Busy::start(|cfg| {
        let proxy = Proxy { host: "127.0.0.1".into(), port: Some(from.port()), transport: TrunkTransport::Udp };
        cfg.trunks.push(Trunk { from: Network::LOOPBACK.to_vec(), ..Trunk::new("carrier", proxy) });
        cfg.unknown = Unknown::Ignore;
    })
    .await;
    let bye = ping("UDP", from, "bye").replace("OPTIONS", "BYE").replace("To: <sip:ping@127.0.0.1>", "To: <sip:a@b>;tag=1");
    socket.send_to(bye.as_bytes(), busy.udp).await.expect("sent");
    let mut buffer = vec![0; 4096];
    loop {
        // A trunk is asked whether it lives, too.
        let got = tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await;
        let (length, _) = got.expect("in time").expect("received");
        if buffer.starts_with(b"SIP/2.0 ") {
            assert_eq!(status_of(&buffer[..length], "bye"), (481, true));
            break;
        }
    }
}

/// A source that is shut out loses the connections that it has, and one that only pings loses its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_shut_out_loses_its_connections() {
    let busy = Busy::start(|cfg| cfg.unknown = Unknown::Challenge).await;
    let mut held = Line::open(busy.tcp).await;
    let from = held.stream.local_addr().expect("bound");
    held.stream.write_all(ping("TCP", from, "held").as_bytes()).await.expect("open");
    assert_eq!(status_of(&held.next().await.expect("an answer"), "").0, 401);
    for _ in 0..20 {
        let mut line = Line::open(busy.tcp).await;
        let _ = line.stream.write_all(&b"\r\n".repeat(1_000)).await;
        let mut pongs = Vec::new();
        // The far end may reset what it did not read.
        let _ = tokio::time::timeout(PATIENCE, line.stream.read_to_end(&mut pongs)).await.expect("closed in time");
        assert!(pongs.len() <= 64, "{} bytes of pongs", pongs.len());
    }
    assert_eq!(held.next().await, None, "closed although it was good");
}

/// Whoever is ignored hears nothing, whatever is sent, and our own people hear everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_ignored_hears_nothing_at_all() {
    let busy = Busy::start(|cfg| cfg.unknown = Unknown::Ignore).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let from = socket.local_addr().expect("bound");
    let plain = ping("UDP", from, "a");
    let messages = [
        plain.clone(),
        plain.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"),
        plain.replace("OPTIONS", "FETCH"),
        plain.replace("OPTIONS", "INVITE"),
        plain.replace("Max-Forwards: 70", "Require: nothing"),
        plain.replace("To: <sip:ping@127.0.0.1>", "To: <sip:ping@127.0.0.1>;tag=1"),
        plain.replace("OPTIONS", "BYE").replace("To: <sip:ping@127.0.0.1>", "To: <sip:ping@127.0.0.1>;tag=1"),
        plain.replace("OPTIONS", "CANCEL"),
        plain.replace("Content-Length: 0", "Content-Length: 77"),
        format!("{plain}{}", "x".repeat(9_000)),
    ];
    for (n, message) in messages.iter().enumerate() {
        let message = message.replace("z9hG4bK-a", &format!("z9hG4bK-{n}")).replace("Call-ID: a", &format!("Call-ID: {n}"));
        socket.send_to(message.as_bytes(), busy.udp).await.expect("sent");
    }
    // A second endpoint that answers everybody shows how long an answer takes at most, here and now.
    let other = Busy::start(|_| ()).await;
    let mut buffer = vec![0; 65_536];
    for n in 0..20 {
        socket.send_to(ping("UDP", from, &format!("other-{n}")).as_bytes(), other.udp).await.expect("sent");
        let (length, source) =
            tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("in time").expect("received");
        assert_eq!(source, other.udp, "{}", String::from_utf8_lossy(&buffer[..length]));
    }
}
