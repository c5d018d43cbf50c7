//! From when until when a certificate is good, pure: the one thing of X.509 that rustls does not tell about our own. A
//! walk over the outer DER (RFC 5280 §4.1), no more.

/// Seconds since 1970, UTC: first and last moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The validity of a DER certificate; `None` if it is none.
pub(crate) fn validity(der: &[u8]) -> Option<Validity> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut rest, _) = expect(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = expect(rest, VERSION)?.1;
    }
    // Serial number, signature algorithm, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = expect(rest, tag)?.1;
    }
    let (times, _) = expect(rest, SEQUENCE)?;
    let (from, times) = time(times)?;
    let (until, _) = time(times)?;
    Some(Validity { from, until })
}

/// Takes an element of this tag off the front: what is in it, and the rest.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    (*first == tag).then_some(())?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short if short < 0x80 => (usize::from(short), rest),
        long => {
            let octets = usize::from(long & 0x7f);
            if octets == 0 || octets > 4 || rest.len() < octets {
                return None;
            }
            let (length, rest) = rest.split_at(octets);
            (length.iter().fold(0usize, |sum, b| sum << 8 | usize::from(*b)), rest)
        }
    };
    (length <= rest.len()).then(|| rest.split_at(length))
}

/// A UTCTime or GeneralizedTime off the front (RFC 5280 §4.1.2.5).
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let long = bytes.first() == Some(&GENERALIZED_TIME);
    let (text, rest) = expect(bytes, if long { GENERALIZED_TIME } else { UTC_TIME })?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    // Two digits below 50 are of this century.
    let text = match (long, text.get(..2)?) {
        (true, _) => text.to_string(),
        (false, year) if year < "50" => format!("20{text}"),
        (false, _) => format!("19{text}"),
    };
    let at = chrono::NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%S").ok()?;
    Some((at.and_utc().timestamp(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match content.len() {
            n @ 0..128 => out.push(n as u8),
            n => out.extend([0x82, (n >> 8) as u8, n as u8]),
        }
        out.extend_from_slice(content);
        out
    }

    fn certificate(from: (u8, &str), until: (u8, &str), version: bool) -> Vec<u8> {
        let mut body = Vec::new();
        if version {
            body.extend(element(VERSION, &element(INTEGER, &[2])));
        }
        body.extend(element(INTEGER, &[1, 2, 3]));
        body.extend(element(SEQUENCE, b"sha256WithRSA"));
        body.extend(element(SEQUENCE, &[7; 200]));
        let times = [element(from.0, from.1.as_bytes()), element(until.0, until.1.as_bytes())].concat();
        body.extend(element(SEQUENCE, &times));
        body.extend(element(SEQUENCE, b"subject and so on"));
        element(SEQUENCE, &element(SEQUENCE, &body))
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        for version in [true, false] {
            let der = certificate((UTC_TIME, "260101000000Z"), (GENERALIZED_TIME, "20500101000000Z"), version);
            assert_eq!(validity(&der), Some(Validity { from: 1_767_225_600, until: 2_524_608_000 }));
        }
        let der = certificate((UTC_TIME, "700101000000Z"), (UTC_TIME, "491231235959Z"), true);
        assert_eq!(validity(&der), Some(Validity { from: 0, until: 2_524_607_999 }));
    }

    #[test]
    fn cut_or_changed_bytes_never_panic() {
        let der = certificate((UTC_TIME, "260101000000Z"), (UTC_TIME, "360101000000Z"), true);
        for n in 0..der.len() {
            assert_eq!(validity(&der[..n]), None, "{n} octets");
            for byte in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = der.clone();
                changed[n] = byte;
                let _ = validity(&changed);
            }
        }
    }
}
