//! `a=crypto` lines (RFC 4568): reading theirs, writing ours.

use crate::rtp::{MasterKey, Suite};
use base64::{Engine, engine::general_purpose::STANDARD};
use sdp_types::Media;

/// Lines that are looked at.
const LINES_MAX: usize = 16;

/// One offered or answered key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crypto {
    /// Its number in the description.
    pub tag: u32,
    /// Suite, key and salt.
    pub key: MasterKey,
}

/// The lines of a stream that we can use, in their order.
pub(super) fn lines(media: &Media) -> Vec<Crypto> {
    media.get_attribute_values("crypto").flatten().take(LINES_MAX).filter_map(read).collect()
}

/// The line of one of our keys.
pub(super) fn line(crypto: &Crypto) -> String {
    let key = STANDARD.encode(crypto.key.key_and_salt());
    format!("a=crypto:{} {} inline:{key}\r\n", crypto.tag, crypto.key.suite().name())
}

/// `1 AES_CM_128_HMAC_SHA1_80 inline:…|2^20|1:4 WSH=64` (RFC 4568 §9.1); `None` when it asks for what we do not do: other
/// suites, key identifiers in the packets, several keys, streams that are not encrypted.
fn read(value: &str) -> Option<Crypto> {
    let mut words = value.split_ascii_whitespace();
    let tag = words.next()?.parse().ok().filter(|tag| *tag < 1_000_000_000)?;
    let suite = Suite::from_name(words.next()?)?;
    let mut keys = words.next()?.split(';');
    let (method, key) = keys.next()?.split_once(':')?;
    if keys.next().is_some() || !method.eq_ignore_ascii_case("inline") {
        return None;
    }
    // The size of their replay window is their own business; all other parameters change the packets (§6.3).
    if words.any(|parameter| !parameter.to_ascii_uppercase().starts_with("WSH=")) {
        return None;
    }
    let mut parts = key.split('|');
    let bytes = STANDARD.decode(parts.next()?).ok()?;
    // What follows is a lifetime, which no telephone call reaches, or an identifier, which has a colon.
    if parts.any(|part| part.contains(':')) {
        return None;
    }
    Some(Crypto { tag, key: MasterKey::new(suite, &bytes)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of RFC 4568 §6.1.
    const KEY: &str = "inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";

    #[test]
    fn lines_are_understood_or_left_alone() {
        let suite = "AES_CM_128_HMAC_SHA1_80";
        let good = |text: String| read(&text).map(|c| (c.tag, c.key.suite()));
        let expected = Some((1, Suite::AesCm128Sha1Tag80));
        assert_eq!(good(format!("1 {suite} {KEY}")), expected);
        assert_eq!(good(format!("1 {suite} {KEY}|2^20")), expected);
        assert_eq!(good(format!("1 {suite} {KEY}|1048576 WSH=128")), expected);
        for bad in [
            format!("1 {suite} {KEY}|2^20|1:4"),
            format!("1 {suite} {KEY}|1:4"),
            format!("1 {suite} {KEY};{KEY}"),
            format!("1 {suite} {KEY} UNENCRYPTED_SRTP"),
            format!("1 {suite} {KEY} KDR=1"),
            format!("1 {suite} uri:http"),
            format!("1 AES_CM_256_HMAC_SHA1_80 {KEY}"),
            format!("1 AEAD_AES_128_GCM {KEY}"),
            format!("x {suite} {KEY}"),
            format!("1 {suite} inline:"),
            format!("1 {suite}"),
            String::new(),
        ] {
            assert_eq!(good(bad.clone()), None, "{bad}");
        }
        let crypto = read(&format!("7 {suite} {KEY}")).expect("good");
        assert_eq!(line(&crypto), format!("a=crypto:7 {suite} {KEY}\r\n"));
        assert!(!format!("{crypto:?}").contains("PS1"), "keys are not printed");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,80}", key in "[A-Za-z0-9+/=|:;]{0,60}") {
            let _ = read(&text);
            let _ = read(&format!("1 AEAD_AES_256_GCM inline:{key}"));
        }
    }
}
