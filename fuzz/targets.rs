//! What must hold for any bytes at all, one function per reader of bytes from the network. cargo-fuzz calls them from
//! `fuzz_targets`; `tests/it/fuzz.rs` calls them with ten thousand seeded mutations of real messages in every test run.

use hotline::base::Moment;
use hotline::rtp::{EventPacket, KeyReceiver, PacketView, RtcpPackets, write_packet};
use hotline::sip::SdpSession;
use hotline::sip::guard::{self, Framer, MESSAGE_MAX, Piece, Verdict};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The guard: what it passes would pass again untouched; its answers are responses that go back where the request came from;
/// and a stream is cut at the same places however its bytes arrive.
pub(crate) fn guard(bytes: &[u8]) {
    let source = SocketAddr::from(([192, 0, 2, 1], 5060));
    guard::glance(bytes);
    for judge in [guard::screen, guard::screen_stream] {
        match judge(bytes, source) {
            Verdict::Pass(out) if !out.trim_ascii().is_empty() => match judge(&out, source) {
                Verdict::Pass(again) => assert_eq!(again, out, "tidied twice is tidied once"),
                other => panic!("what was passed is not passed again: {other:?}"),
            },
            Verdict::Answer(answer) => {
                let start = format!("SIP/2.0 {} ", answer.status);
                assert!(answer.text.starts_with(start.as_bytes()) && answer.text.ends_with(b"\r\n\r\n"));
                assert_eq!(answer.to, source);
                assert!(matches!(guard::screen_stream(&answer.text, source), Verdict::Pass(_) | Verdict::Drop(_)));
            }
            Verdict::Pass(_) | Verdict::Drop(_) => {}
        }
    }
    let step = usize::from(bytes.first().copied().unwrap_or(0)) % 61 + 1;
    assert_eq!(cut(bytes, step), cut(bytes, bytes.len().max(1)), "in steps of {step}");
}

/// The pieces of a stream that arrives in steps of so many bytes. Noise is told as soon as it is seen, so its place in a longer
/// read may be earlier: what follows it does not count, and neither does which of two reasons was seen first.
fn cut(bytes: &[u8], step: usize) -> Vec<Piece> {
    let (mut framer, mut pieces) = (Framer::default(), Vec::new());
    for part in bytes.chunks(step) {
        framer.push(part);
        while let Some(piece) = framer.next() {
            if let Piece::Message(message) = &piece {
                assert!(message.len() <= MESSAGE_MAX);
            }
            pieces.push(match piece {
                Piece::Noise(_) => Piece::Noise(""),
                Piece::Refused { close: true, fault, .. } => Piece::Refused { head: Vec::new(), fault, close: true },
                piece => piece,
            });
        }
    }
    pieces
}

/// Offers and answers: any text is taken or refused with a SIP status.
pub(crate) fn sdp(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let ours = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut session = SdpSession::new(1);
    match session.answer(&text, ours, 40_000) {
        Ok((_, answer)) => assert!(answer.starts_with("v=0\r\n") && answer.ends_with("\r\n"), "{answer}"),
        Err(error) => assert!((400..700).contains(&error.status()), "{error}"),
    }
    let mut session = SdpSession::new(2);
    session.offer(ours, 40_000);
    let _ = session.accept_answer(&text, ours);
}

/// RTP packets: what is read is within what came, and written again it reads the same.
pub(crate) fn rtp(bytes: &[u8]) {
    let Some(view) = PacketView::parse(bytes) else { return };
    assert!(view.payload.len() <= bytes.len());
    let mut out = vec![0; bytes.len() + 12];
    let length = write_packet(&view.header, view.payload, &mut out).expect("there is room");
    assert_eq!(PacketView::parse(&out[..length]), Some(view));
}

/// RTCP compounds: they end, and hold no more packets than there is room for.
pub(crate) fn rtcp(bytes: &[u8]) {
    assert!(RtcpPackets::new(bytes).count() <= bytes.len() / 4);
}

/// Telephone-events: each group of seven bytes is a time, a timestamp step and a payload; no packet presses two keys.
pub(crate) fn digits(bytes: &[u8]) {
    let mut keys = KeyReceiver::default();
    let (mut now, mut timestamp) = (Moment::ZERO, 0u32);
    for group in bytes.chunks(7) {
        now = now + std::time::Duration::from_millis(u64::from(group[0]));
        timestamp = timestamp.wrapping_add(u32::from(group.get(1).copied().unwrap_or(0)) * 80);
        let payload = group.get(3..).unwrap_or_default();
        let marker = group.get(2).is_some_and(|b| b & 1 == 1);
        let pressed = keys.receive(now, marker, timestamp, payload);
        assert!(pressed.is_none() || EventPacket::parse(payload).is_some());
        keys.pressed(now);
    }
}
