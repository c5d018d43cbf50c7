//! What a plain socket writes that no telephone here writes: user parts with parameters and escapes, a Replaces from elsewhere.

use crate::transports::{PATIENCE, Phone, any};
use hotline::sip::trunk::{Proxy, Trunk, TrunkTransport};
use hotline::sip::{SdpSession, SipCommand, SipConfig, SipEvent, Unknown};
use std::net::SocketAddr;
use tokio::net::UdpSocket;

/// A telephone as a plain socket, with one call.
struct Raw {
    socket: UdpSocket,
    from: SocketAddr,
    to: SocketAddr,
}

impl Raw {
    async fn at(ip: &str, to: SocketAddr) -> Raw {
        let socket = UdpSocket::bind(SocketAddr::new(ip.parse().expect("an address"), 0)).await.expect("loopback is free");
        Raw { from: socket.local_addr().expect("bound"), socket, to }
    }

    async fn says(&self, method: &str, call_id: &str, tag: &str, header: &str, body: &str) {
        let Raw { from, to, .. } = self;
        let text = format!(
            "{method} sip:+4930123;npdi;rn=+49301@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{method}{call_id}\r\n\
             From: <sip:+49170;cpc=ordinary@caller.example>;tag=u1\r\nTo: <sip:+4930123@{to}>{tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 {method}\r\nContact: <sip:+49;tgrp=x%40y@{from}>\r\nMax-Forwards: 70\r\n{header}\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.send_to(text.as_bytes(), *to).await.expect("sent");
    }

    async fn hears(&self) -> String {
        let mut buffer = vec![0; 8192];
        let got = tokio::time::timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.expect("in time").expect("received");
        String::from_utf8_lossy(&buffer[..got.0]).into_owned()
    }

    /// INVITE, 200, ACK; the far end's tag.
    async fn calls(&self, call_id: &str, header: &str) -> String {
        let sdp = SdpSession::new(9).offer(self.from.ip(), 40_002);
        self.says("INVITE", call_id, "", header, &sdp).await;
        let mut answer = self.hears().await;
        while !answer.starts_with("SIP/2.0 200") {
            assert!(answer.starts_with("SIP/2.0 1"), "{answer}");
            answer = self.hears().await;
        }
        let tag =
            answer.lines().find(|l| l.starts_with("To:")).and_then(|l| l.split_once(";tag=")).expect("a tag").1.to_string();
        self.says("ACK", call_id, &format!(";tag={tag}"), "", "").await;
        tag
    }
}

/// Numbers with parameters (RFC 3966, RFC 4694) and Contacts with a trunk group (RFC 4904): who is meant is read from all of
/// them, and what follows in the call goes to the Contact's host, in the letters that it wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_parts_with_parameters_and_escapes() {
    let mut phone = Phone::start(|cfg| cfg.udp = any("127.0.0.1")).await;
    let raw = Raw::at("127.0.0.1", phone.endpoint.local_udp().expect("UDP")).await;
    raw.calls("parameters", "").await;
    let SipEvent::Incoming { dialog, from, to, .. } = phone.is_told().await else { panic!("no call") };
    assert_eq!((from.as_str(), to.as_str()), ("+49170", "+4930123"));
    assert!(matches!(phone.is_told().await, SipEvent::Acked { .. }));
    phone.endpoint.send(SipCommand::HangUp { dialog }).expect("not busy");
    let bye = raw.hears().await;
    assert!(bye.starts_with(&format!("BYE sip:+49;tgrp=x%40y@{} SIP/2.0\r\n", raw.from)), "{bye}");
}

/// A trunk has many addresses, and its calls move between them; nobody else may take a place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_taken_from_another_address_of_the_trunk() {
    let change = |cfg: &mut SipConfig| {
        let proxy = Proxy { host: "127.0.0.1".into(), port: Some(9), transport: TrunkTransport::Udp };
        let from = vec!["127.0.0.0/30".parse().expect("a network")];
        cfg.trunks.push(Trunk { from, ..Trunk::new("line", proxy) });
        (cfg.udp, cfg.unknown) = (any("127.0.0.1"), Unknown::Refuse);
    };
    let mut phone = Phone::start(change).await;
    let to = phone.endpoint.local_udp().expect("UDP");
    let tag = Raw::at("127.0.0.1", to).await.calls("first", "").await;
    let SipEvent::Incoming { dialog: first, .. } = phone.is_told().await else { panic!("no call") };
    assert!(matches!(phone.is_told().await, SipEvent::Acked { .. }));
    let replaces = format!("Replaces: first;to-tag={tag};from-tag=u1\r\n");
    let stranger = Raw::at("127.0.0.9", to).await;
    stranger.says("INVITE", "stranger", "", &replaces, "").await;
    let refused = stranger.hears().await;
    assert!(refused.starts_with("SIP/2.0 403"), "{refused}");
    Raw::at("127.0.0.2", to).await.calls("second", &replaces).await;
    let SipEvent::Incoming { replaces, origin, .. } = phone.is_told().await else { panic!("no call") };
    assert_eq!((replaces, origin.trunk.as_deref()), (Some(first), Some("line")));
}
