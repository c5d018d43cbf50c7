//! The functions that cargo-fuzz runs (`fuzz/targets.rs`), on ten thousand seeded mutations of real messages each. A failure
//! prints the seed's number and the bytes.

// The same functions are a crate of their own for cargo-fuzz, where they are public.
#[allow(unreachable_pub)]
#[path = "../../fuzz/targets.rs"]
mod targets;

use crate::dice::Dice;
use crate::torture;
use hotline::rtp::{Header, ReportBlock, SenderInfo, write_bye, write_packet, write_report};

const INPUTS: u64 = 10_000;

/// What mutations like to write.
const WORDS: [&[u8]; 14] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b";",
    b",",
    b"\"",
    b"<",
    b":",
    b"=",
    b"Content-Length: -1\r\n",
    b"Via: ",
    b"SIP/2.0",
    b"\xff\xfe",
    b"99999999999",
];

fn mutated(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(bytes.len() + 1);
        let end = (at + dice.roll(40)).min(bytes.len());
        match dice.roll(8) {
            0 if at < bytes.len() => bytes[at] = dice.byte(),
            1 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            2 => bytes.insert(at, dice.byte()),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => drop(bytes.splice(at..at, WORDS[dice.roll(WORDS.len())].iter().copied())),
            6 => {
                let other = &seeds[dice.roll(seeds.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[dice.roll(other.len() + 1)..]);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn check(seeds: &[Vec<u8>], target: fn(&[u8])) {
    for (n, seed) in seeds.iter().enumerate() {
        run(&format!("seed {n}"), seed, target);
    }
    for n in 0..INPUTS {
        let mut dice = Dice::new(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        run(&format!("mutation {n}"), &mutated(&mut dice, seeds), target);
    }
}

fn run(name: &str, bytes: &[u8], target: fn(&[u8])) {
    if let Err(panic) = std::panic::catch_unwind(|| target(bytes)) {
        eprintln!("{name}: {}", bytes.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn the_guard_holds_against_mutated_messages() {
    check(&torture::messages().into_values().collect::<Vec<_>>(), targets::guard);
}

#[test]
fn session_descriptions_hold_against_mutation() {
    let torture = torture::messages();
    let bodies = torture.values().filter_map(|m| {
        let at = m.windows(7).position(|w| w == b"\r\n\r\nv=0")?;
        Some(m[at + 4..].to_vec())
    });
    let phones = [
        "v=0\r\no=- 3 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nb=AS:80\r\nt=0 0\r\nm=audio 49170 RTP/AVP 9 8 0 96 101 13\r\n\
         a=rtpmap:9 G722/8000\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\na=rtcp:49171\r\n",
        "v=0\r\no=phone 1 2 IN IP6 2001:db8::1\r\ns=call\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 5004 RTP/SAVP 0 8\r\n\
         a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32\r\na=sendonly\r\n\
         m=video 5006 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n",
    ];
    check(&bodies.chain(phones.map(|p| p.as_bytes().to_vec())).collect::<Vec<_>>(), targets::sdp);
}

#[test]
fn packets_hold_against_mutation() {
    let mut seeds = Vec::new();
    let mut out = [0; 256];
    for (payload_type, payload) in [(0, &[0xff; 160][..]), (101, &[5, 0x8a, 3, 0xc0]), (13, &[40])] {
        let header = Header { marker: true, payload_type, sequence: 65_535, timestamp: u32::MAX - 80, ssrc: 7 };
        let length = write_packet(&header, payload, &mut out).expect("room");
        seeds.push(out[..length].to_vec());
        // With a contributing source, an extension and padding.
        let mut full = out[..length].to_vec();
        full[0] |= 0x31;
        full.splice(12..12, [0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]);
        full.extend([0, 0, 3]);
        seeds.push(full);
    }
    check(&seeds, targets::rtp);
}

#[test]
fn reports_hold_against_mutation() {
    let mut out = [0; 256];
    let sender = SenderInfo { ntp: 1 << 40, timestamp: 4711, packets: 50, octets: 8_000 };
    let about = ReportBlock { ssrc: 9, fraction_lost: 3, lost: 12, highest: 70_000, jitter: 30, last_sr: 0, delay: 0 };
    let mut seeds = Vec::new();
    for (sender, about) in [(Some(&sender), Some(&about)), (None, Some(&about)), (None, None)] {
        let length = write_report(7, sender, about, "phone@192.0.2.5", &mut out).expect("room");
        seeds.push(out[..length].to_vec());
    }
    let length = write_bye(7, &mut out).expect("room");
    seeds.push(out[..length].to_vec());
    check(&seeds, targets::rtcp);
}

#[test]
fn keys_hold_against_mutation() {
    // Three packets of a press, three of its end, the next key.
    let packet = |step: u8, marker: u8, event: u8, end: u8, duration: u16| {
        [20, step, marker, event, end | 10, (duration >> 8) as u8, duration as u8]
    };
    let press = |event| {
        let mut all = Vec::new();
        all.extend(packet(2, 1, event, 0, 160));
        all.extend([packet(0, 0, event, 0, 320), packet(0, 0, event, 0, 480)].concat());
        all.extend([packet(0, 0, event, 0x80, 640); 3].concat());
        all
    };
    check(&[press(5), [press(1), press(1), press(11)].concat(), press(16)], targets::digits);
}
