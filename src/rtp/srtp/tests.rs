//! The RFCs' test vectors, round trips, and what an attacker may try.

use super::session::{Session, counter_mode, derived_for_test};
use super::*;
use aes::cipher::{KeyInit, generic_array::GenericArray};
use rand::{Rng, SeedableRng, rngs::StdRng};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).expect("ascii"), 16).expect("hex")).collect()
}

/// RFC 3711 appendix B.2.
#[test]
fn the_key_stream_of_aes_counter_mode() {
    let cipher = aes::Aes128::new(GenericArray::from_slice(&hex("2B7E151628AED2A6ABF7158809CF4F3C")));
    let iv: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().expect("16");
    let mut stream = vec![0; 0xff02 * 16];
    counter_mode(&cipher, &iv, &mut stream);
    assert_eq!(
        stream[..48],
        hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0")
    );
    let end = "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44";
    assert_eq!(stream[0xfeff * 16..], hex(end));
}

/// RFC 3711 appendix B.3.
#[test]
fn session_keys_are_derived() {
    let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
    let salt: [u8; 14] = hex("0EC675AD498AFEEBB6960B3AABE6").try_into().expect("14");
    for (label, expected) in [
        (0, "C61E7A93744F39EE10734AFE3FF7A087"),
        (2, "30CBBC08863D8C85D49DB34A9AE1"),
        (
            1,
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E4740357 66B68642C59BBFC2F34DB60DBDFB2DC68",
        ),
    ] {
        let expected = hex(expected);
        let mut out = vec![0; expected.len()];
        derived_for_test(&key, &salt, label, &mut out);
        assert_eq!(out, expected, "label {label}");
    }
}

const RTP: &str =
    "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573";
const RTCP: &str =
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef";
const SALT: &str = "517569642070726f2071756f0000";

/// RFC 7714 §16.1.1 and §16.2.1 (RTP), §17.1 (RTCP).
#[test]
fn aes_gcm_is_that_of_rfc_7714() {
    let salt: [u8; 14] = hex(SALT).try_into().expect("14");
    let key: Vec<u8> = (0..32).collect();
    for (suite, expected) in [
        (
            Suite::AesGcm128,
            "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            Suite::AesGcm256,
            "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let session = Session::with_keys(suite, &key[..suite.key()], &salt);
        let clear = hex(RTP);
        let mut buffer = [clear.clone(), vec![0; 16]].concat();
        let len = session.protect_rtp(&mut buffer, 12, clear.len(), 0x5501_a0b2, 0xf17b).expect("protected");
        assert_eq!(buffer[12..len], hex(expected), "{suite:?}");
        let back = session.open_rtp(&mut buffer[..len], 12, 0x5501_a0b2, 0xf17b).expect("opened");
        assert_eq!(buffer[..back], clear[..]);
    }
    let session = Session::with_keys(Suite::AesGcm128, &key[..16], &salt);
    let clear = hex(RTCP);
    let mut buffer = [clear.clone(), vec![0; 20]].concat();
    let len = session.protect_rtcp(&mut buffer, clear.len(), 0x4d61_7273, 0x5d4).expect("protected");
    let expected = "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 \
                    96cf4d2f c5abf872 45d9eade 800005d4";
    assert_eq!(buffer[8..len], hex(expected));
    assert_eq!(session.rtcp_index(&buffer[..len]), Some(0x8000_05d4));
    assert_eq!(session.open_rtcp(&mut buffer[..len], 0x4d61_7273, 0x8000_05d4), Some(clear.len()));
    assert_eq!(buffer[..clear.len()], clear[..]);
}

fn pair(suite: Suite) -> (SrtpSender, SrtpReceiver) {
    let bytes: Vec<u8> = (0..suite.key_and_salt()).map(|n| (n * 37 + 11) as u8).collect();
    let key = MasterKey::new(suite, &bytes).expect("long enough");
    (SrtpSender::new(key), SrtpReceiver::new(key))
}

/// An RTP packet with an extension, so that the header is longer than twelve bytes.
fn packet(sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut p = vec![0x90, 0];
    p.extend(sequence.to_be_bytes());
    p.extend((u32::from(sequence) * 160).to_be_bytes());
    p.extend(ssrc.to_be_bytes());
    p.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    p.extend([sequence as u8; 160]);
    p
}

fn protected(sender: &mut SrtpSender, sequence: u16, ssrc: u32) -> Vec<u8> {
    let clear = packet(sequence, ssrc);
    let mut buffer = [clear.clone(), vec![0; SRTP_EXTRA_MAX]].concat();
    let len = sender.protect(&mut buffer, clear.len()).expect("room");
    buffer.truncate(len);
    assert_ne!(buffer[20..30], clear[20..30], "it is encrypted");
    buffer
}

#[test]
fn what_is_sent_is_opened_over_the_wrap_and_out_of_order() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let sent: Vec<(u16, Vec<u8>)> =
            (0..300u16).map(|n| n.wrapping_add(65_400)).map(|s| (s, protected(&mut sender, s, 7))).collect();
        let mut order: Vec<usize> = (0..sent.len()).collect();
        let mut rng = StdRng::seed_from_u64(5);
        for at in (0..order.len() - 8).step_by(8) {
            order.swap(at + 1, at + rng.random_range(1..8));
        }
        for at in order {
            let (sequence, mut bytes) = sent[at].clone();
            let len = receiver.open(&mut bytes).unwrap_or_else(|| panic!("{suite:?} {sequence}"));
            assert_eq!(bytes[..len], packet(sequence, 7), "{suite:?} {sequence}");
        }
        // All of it again: nothing passes.
        assert!(sent.iter().all(|(_, bytes)| receiver.open(&mut bytes.clone()).is_none()), "{suite:?}");
    }
}

#[test]
fn nothing_that_was_changed_passes() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let good = protected(&mut sender, 100, 7);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(receiver.open(&mut bad), None, "{suite:?} byte {at}");
        }
        for len in 0..good.len() {
            assert_eq!(receiver.open(&mut good[..len].to_vec()), None, "{suite:?} length {len}");
        }
        assert_eq!(receiver.open(&mut packet(101, 7)), None, "not protected at all");
        assert!(receiver.open(&mut good.clone()).is_some(), "the attempts left no trace");
    }
}

#[test]
fn rtcp_is_protected_and_never_taken_twice() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = pair(suite);
        let clear = hex(RTCP);
        for n in 0..100 {
            let mut buffer = [clear.clone(), vec![0; SRTCP_EXTRA_MAX]].concat();
            let len = sender.protect_rtcp(&mut buffer, clear.len()).expect("room");
            let protected = buffer[..len].to_vec();
            let mut bad = protected.clone();
            bad[n % len] ^= 0x40;
            assert_eq!(receiver.open_rtcp(&mut bad), None, "{suite:?}");
            assert_eq!(receiver.open_rtcp(&mut buffer[..len]), Some(clear.len()), "{suite:?} {n}");
            assert_eq!(buffer[..clear.len()], clear[..]);
            assert_eq!(receiver.open_rtcp(&mut protected.clone()), None, "{suite:?} again");
        }
    }
}

#[test]
fn streams_have_counters_of_their_own_and_old_ones_are_not_replayed() {
    let (mut sender, mut receiver) = pair(Suite::AesCm128Sha1Tag80);
    let first = protected(&mut sender, 10, 1);
    assert!(receiver.open(&mut first.clone()).is_some());
    for ssrc in 2..=4 {
        assert!(receiver.open(&mut protected(&mut sender, 10 + ssrc as u16, ssrc)).is_some());
    }
    assert_eq!(receiver.open(&mut first.clone()), None);
}

#[test]
fn any_bytes_are_survived_and_keys_are_not_printed() {
    let mut rng = StdRng::seed_from_u64(9);
    for suite in Suite::ALL {
        let (_, mut receiver) = pair(suite);
        let mut bytes = [0u8; 200];
        for _ in 0..20_000 {
            let len = rng.random_range(0..200);
            rng.fill(&mut bytes[..len]);
            assert_eq!(receiver.open(&mut bytes[..len]), None);
            assert_eq!(receiver.open_rtcp(&mut bytes[..len]), None);
        }
        assert_eq!(format!("{:?}", receiver.master()), format!("MasterKey({})", suite.name()));
        assert_eq!(Suite::from_name(suite.name()), Some(suite));
        assert!(MasterKey::new(suite, &[0; 5]).is_none());
    }
    let (mut sender, _) = pair(Suite::AesGcm128);
    assert_eq!(sender.protect(&mut [0x80; 20], 20), None, "no room");
    assert_eq!(sender.protect_rtcp(&mut [0x80; 30], 20), None, "no room");
}
