//! What a page may ask for: one stream of audio, in a codec that the plane speaks. Pure.

use crate::base::Codec;

/// Longest offer that is read. Browsers send three to six thousand bytes for one stream of audio.
pub const OFFER_BYTES_MAX: usize = 12 * 1024;

/// Most lines of an offer.
const LINES_MAX: usize = 400;

/// Codecs that are spoken with pages. G.722 brings a page nothing over Opus.
const SPOKEN: [Codec; 3] = [Codec::Pcmu, Codec::Pcma, Codec::Opus];

/// Why a page was not answered: one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is no offer, too long, or has more in it than one stream of audio.
    #[error("the page's offer cannot be used: {0}")]
    Offer(&'static str),
    /// None of its codecs is ours.
    #[error("the page offers none of PCMU, PCMA and Opus")]
    NoCodec,
    /// No port, or no such address.
    #[error("no UDP port for the page's audio: {0}; widen [desk] media_ports, or correct media_ip")]
    NoPort(String),
    /// The library refuses.
    #[error("the page's offer was refused: {0}")]
    Refused(String),
}

/// A codec with the number that the page gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) codec: Codec,
    pub(super) number: u8,
}

/// What a page offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// The whole of it, without the page's addresses.
    pub(super) text: String,
    /// Ours among its codecs, in the page's order.
    codecs: Vec<Chosen>,
}

/// Reads an offer (RFC 8866, RFC 9429). Its candidates are left out: the page comes to us, and nobody makes the gateway knock at addresses of
/// their choice.
pub(super) fn read(text: &str) -> Result<Offer, PageError> {
    if text.len() > OFFER_BYTES_MAX || text.lines().count() > LINES_MAX {
        return Err(PageError::Offer("it is too long"));
    }
    // A line may end with CR LF or LF; a CR elsewhere is read as the end of a line by some and not by others.
    if !text.starts_with("v=0") || text.replace("\r\n", "\n").contains('\r') {
        return Err(PageError::Offer("it is no session description"));
    }
    let media: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("m=")).collect();
    let [audio] = media[..] else { return Err(PageError::Offer("it must hold one stream of audio and nothing else")) };
    if !audio.starts_with("audio ") {
        return Err(PageError::Offer("it must hold one stream of audio and nothing else"));
    }
    let codecs = numbers(audio).filter_map(|number| Some(Chosen { codec: codec_of(text, number)?, number })).collect();
    let of_an_address = |line: &str| {
        let attribute = line.trim().strip_prefix('a').and_then(|rest| rest.trim_start().strip_prefix('=')).map(str::trim_start);
        let names = ["candidate", "remote-candidates", "end-of-candidates"];
        attribute.is_some_and(|attribute| names.iter().any(|name| attribute.starts_with(name)))
    };
    let kept = text.lines().filter(|line| !of_an_address(line));
    let text = kept.flat_map(|line| [line.trim_end(), "\r\n"]).collect();
    Ok(Offer { text, codecs })
}

impl Offer {
    /// The page's first that is ours. Where that is G.711, the law of the other party is taken if the page speaks it: then nothing is transcoded.
    pub(super) fn choose(&self, other: Option<Codec>) -> Option<Chosen> {
        let first = *self.codecs.first()?;
        let g711 = |codec| matches!(codec, Codec::Pcmu | Codec::Pcma);
        let same = self.codecs.iter().find(|chosen| g711(chosen.codec) && Some(chosen.codec) == other);
        Some(same.copied().filter(|_| g711(first.codec)).unwrap_or(first))
    }
}

/// The number of a codec in our answer: browsers listen for that one and no other (Firefox and Chromium number Opus differently).
pub(super) fn number_in(answer: &str, codec: Codec) -> Option<u8> {
    let audio = answer.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    numbers(audio).find(|number| codec_of(answer, *number) == Some(codec))
}

/// The payload types of a media line (`audio 9 UDP/TLS/RTP/SAVPF 0 8 111`, with or without `audio`).
fn numbers(media: &str) -> impl Iterator<Item = u8> {
    let formats = media.split_once("SAVPF").map_or("", |(_, formats)| formats);
    formats.split_ascii_whitespace().filter_map(|number| number.parse().ok()).filter(|number| *number < 128)
}

fn codec_of(text: &str, number: u8) -> Option<Codec> {
    let named = text.lines().find_map(|line| {
        let (of, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        (of.parse() == Ok(number)).then_some(name.trim())
    });
    let spoken = |codec: &Codec| SPOKEN.contains(codec);
    let Some(named) = named else { return SPOKEN.into_iter().find(|c| c.static_payload_type() == Some(number)) };
    let mut parts = named.split('/');
    let codec = parts.next().and_then(Codec::from_name).filter(spoken)?;
    (parts.next()?.parse() == Ok(codec.clock())).then_some(codec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(formats: &str, maps: &str) -> String {
        format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF {formats}\r\nc=IN IP4 0.0.0.0\r\n\
             a=candidate:1 1 udp 2113937151 192.0.2.9 4444 typ host\r\na=end-of-candidates\r\n{maps}a=sendrecv\r\n"
        )
    }

    fn chosen(formats: &str, maps: &str, other: Option<Codec>) -> String {
        let read = read(&offer(formats, maps)).expect("an offer");
        read.choose(other).map_or("none".into(), |c| format!("{} {}", c.codec.name(), c.number))
    }

    #[test]
    fn the_pages_order_counts_and_the_other_partys_law_among_g711() {
        let opus = "a=rtpmap:109 opus/48000/2\r\n";
        let named = "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n";
        assert_eq!(chosen("0 8 109", opus, None), "PCMU 0");
        assert_eq!(chosen("0 8 109", opus, Some(Codec::Pcma)), "PCMA 8");
        assert_eq!(chosen("0 8 109", opus, Some(Codec::G722)), "PCMU 0");
        assert_eq!(chosen("109 0 8", &format!("{opus}{named}"), Some(Codec::Pcma)), "opus 109");
        // A clock that is not the codec's, and codecs that are not ours.
        assert_eq!(chosen("109 9 13 126", "a=rtpmap:109 opus/16000\r\na=rtpmap:9 G722/8000\r\n", None), "none");
        // A number that the page gave to something else.
        assert_eq!(chosen("0 8", "a=rtpmap:0 telephone-event/8000\r\n", None), "PCMA 8");
    }

    #[test]
    fn nobody_makes_us_knock_elsewhere_and_only_audio_is_taken() {
        let read_text = read(&offer("0", "")).expect("an offer").text;
        assert!(!read_text.contains("candidate") && read_text.ends_with("a=sendrecv\r\n"), "{read_text}");
        // Written so that only the library would take it for one.
        for hidden in ["a= candidate:1 1 udp 1 10.0.0.5 161 typ host\r\n", " a=candidate:1 1 udp 1 10.0.0.5 161 typ host\r\n"] {
            let kept = read(&offer("0", hidden)).expect("an offer").text;
            assert!(!kept.contains("10.0.0.5"), "{kept}");
        }
        assert!(read(&offer("0", "\ra=candidate:1 1 udp 1 10.0.0.5 161 typ host\r\n")).is_err());
        for wrong in [
            String::new(),
            "hello".into(),
            offer("0", "").replace("m=audio", "m=video"),
            format!("{}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", offer("0", "")),
            format!("{}{}", offer("0", ""), "a=x\r\n".repeat(LINES_MAX)),
            format!("{}a={}\r\n", offer("0", ""), "x".repeat(OFFER_BYTES_MAX)),
        ] {
            assert!(matches!(read(&wrong), Err(PageError::Offer(_))), "{:.60}", wrong);
        }
    }

    #[test]
    fn the_number_is_the_answers() {
        let answer = offer("109 101", "a=rtpmap:109 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n");
        assert_eq!((number_in(&answer, Codec::Opus), number_in(&answer, Codec::Pcmu)), (Some(109), None));
    }
}
