//! Sound files from bytes: WAV by our own reader, MP3, OGG/Vorbis and FLAC by `symphonia`. Whatever comes in leaves as mono at
//! 8 kHz. Files come from operators and may be damaged: an error is a sentence, never a panic.

use super::wav::WavSound;
use super::{LINE_RATE, Pcm, Rate, RateError, Resampler};
use std::io::Cursor;
use symphonia::core::audio::{AudioBufferRef, SampleBuffer};
use symphonia::core::codecs::{CODEC_TYPE_NULL, DecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::probe::{Hint, Probe};
use symphonia::default::formats::{FlacReader, MpaReader, OggReader};

/// The longest sound that is taken: half an hour.
pub const LONGEST_SECONDS: u64 = 30 * 60;

/// Packets in a row that may fail before the file counts as damaged.
const BAD_PACKETS_MAX: u32 = 50;

/// Why a sound file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Nothing that we know.
    #[error("this is not a sound file that can be read; save it as WAV, MP3, OGG/Vorbis or FLAC")]
    Unknown,
    /// A WAV file with an exotic coding.
    #[error("the WAV file uses coding {tag} with {bits} bits; save it as PCM (8, 16 or 24 bit), float, mu-law or A-law")]
    WavCoding {
        /// WAVEFORMATEX tag.
        tag: u16,
        /// Bits a sample.
        bits: u16,
    },
    /// No or too many channels.
    #[error("the file says that it has {0} channels; save it as mono or stereo")]
    Channels(usize),
    /// A rate that no sound has.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// Broken inside.
    #[error("the file is damaged: {0}; export it again")]
    Damaged(&'static str),
    /// Over the limit.
    #[error("the sound is longer than {} minutes; cut it into shorter ones", LONGEST_SECONDS / 60)]
    TooLong,
    /// Nothing in it.
    #[error("the file contains no sound")]
    Empty,
}

/// Decodes a whole file. `hint_ext` is its extension without dot, if known; what the bytes say goes first. A file that breaks
/// off gives what there is.
pub fn decode_file(bytes: &[u8], hint_ext: Option<&str>) -> Result<Pcm, DecodeError> {
    let samples = if WavSound::recognises(bytes) { decode_wav(bytes)? } else { decode_packed(bytes, hint_ext)? };
    if samples.is_empty() { Err(DecodeError::Empty) } else { Ok(Pcm { samples }) }
}

fn line_rate() -> Rate {
    Rate::new(LINE_RATE).expect("8 kHz is in range")
}

fn too_long(resampler: &Resampler) -> bool {
    resampler.len() as u64 > LONGEST_SECONDS * u64::from(LINE_RATE)
}

fn decode_wav(bytes: &[u8]) -> Result<Vec<i16>, DecodeError> {
    let sound = WavSound::parse(bytes)?;
    let mut resampler = Resampler::new(sound.rate, line_rate())?;
    sound.mono(|piece| {
        resampler.push(piece);
        !too_long(&resampler)
    });
    if too_long(&resampler) { Err(DecodeError::TooLong) } else { Ok(resampler.finish()) }
}

fn decode_packed(bytes: &[u8], hint_ext: Option<&str>) -> Result<Vec<i16>, DecodeError> {
    let mut reader = open(bytes, hint_ext)?;
    let track = reader.tracks().iter().find(|t| t.codec_params.codec != CODEC_TYPE_NULL).ok_or(DecodeError::Empty)?;
    let id = track.id;
    let mut decoder = symphonia::default::get_codecs()
        .make(&track.codec_params, &DecoderOptions::default())
        .map_err(|_| DecodeError::Unknown)?;
    let mut out: Option<(Rate, Resampler)> = None;
    let (mut scratch, mut mono, mut bad) = (None, Vec::new(), 0);
    // The end of the file, wherever it comes, ends the sound.
    while let Ok(packet) = reader.next_packet() {
        if packet.track_id() != id {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(Error::DecodeError(_)) if bad < BAD_PACKETS_MAX => {
                bad += 1;
                continue;
            }
            Err(_) => break,
        };
        bad = 0;
        let rate = Rate::new(decoded.spec().rate)?;
        down_mix(decoded, &mut scratch, &mut mono)?;
        let (first_rate, resampler) = match &mut out {
            Some(out) => out,
            None => out.insert((rate, Resampler::new(rate, line_rate())?)),
        };
        if *first_rate != rate {
            return Err(DecodeError::Damaged("its sample rate changes on the way"));
        }
        resampler.push(&mono);
        if too_long(resampler) {
            return Err(DecodeError::TooLong);
        }
    }
    out.map(|(_, resampler)| resampler.finish()).ok_or(DecodeError::Empty)
}

/// Finds out what the bytes are. Only the formats we mean are asked: the library's default set would also try its WAV reader.
fn open(bytes: &[u8], hint_ext: Option<&str>) -> Result<Box<dyn FormatReader>, DecodeError> {
    let mut probe = Probe::default();
    probe.register_all::<MpaReader>();
    probe.register_all::<OggReader>();
    probe.register_all::<FlacReader>();
    let mut hint = Hint::new();
    if let Some(ext) = hint_ext {
        hint.with_extension(ext);
    }
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes.to_vec())), MediaSourceStreamOptions::default());
    probe.format(&hint, stream, &FormatOptions::default(), &MetadataOptions::default()).map(|found| found.format).map_err(
        |_| match bytes {
            [b'O', b'g', b'g', b'S', ..] | [b'f', b'L', b'a', b'C', ..] => DecodeError::Damaged("its beginning cannot be read"),
            _ => DecodeError::Unknown,
        },
    )
}

/// Averages the channels of one packet into `mono`. `scratch` is kept between packets.
fn down_mix(
    decoded: AudioBufferRef<'_>,
    scratch: &mut Option<SampleBuffer<f32>>,
    mono: &mut Vec<f32>,
) -> Result<(), DecodeError> {
    let (spec, capacity) = (*decoded.spec(), decoded.capacity());
    let channels = spec.channels.count();
    if !(1..=16).contains(&channels) {
        return Err(DecodeError::Channels(channels));
    }
    if scratch.as_ref().is_none_or(|s| s.capacity() < capacity * channels) {
        *scratch = Some(SampleBuffer::new(capacity as u64, spec));
    }
    mono.clear();
    if let Some(buffer) = scratch {
        buffer.copy_interleaved_ref(decoded);
        mono.extend(buffer.samples().chunks_exact(channels).map(|all| all.iter().sum::<f32>() / channels as f32));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{rms_dbfs, write_wav};
    use super::*;
    use proptest::prelude::*;

    /// One second of 440 Hz at −15 dBFS, 22 050 Hz stereo, in each packed format.
    const PACKED: [(&str, &[u8]); 3] = [
        ("mp3", include_bytes!("../../audio-fixtures/formats/tone.mp3")),
        ("ogg", include_bytes!("../../audio-fixtures/formats/tone.ogg")),
        ("flac", include_bytes!("../../audio-fixtures/formats/tone.flac")),
    ];

    #[test]
    fn packed_formats_are_read_with_and_without_a_hint() {
        for (ext, bytes) in PACKED {
            for hint in [Some(ext), Some("wav"), None] {
                let pcm = decode_file(bytes, hint).unwrap_or_else(|e| panic!("{ext} as {hint:?}: {e}"));
                assert!((980..=1_100).contains(&pcm.millis()), "{ext}: {} ms", pcm.millis());
                let level = rms_dbfs(&pcm.samples[2_000..6_000]);
                assert!((level + 15.0).abs() < 0.6, "{ext}: {level} dBFS");
            }
        }
    }

    #[test]
    fn a_file_that_breaks_off_gives_what_there_is() {
        for (ext, bytes) in PACKED {
            match decode_file(&bytes[..bytes.len() * 2 / 3], None) {
                Ok(half) => assert!((200..1_000).contains(&half.millis()), "{ext}: {} ms", half.millis()),
                // This one has all its sound in one page, which is then not whole.
                Err(e) => assert!(ext == "ogg" && matches!(e, DecodeError::Damaged(_)), "{ext}: {e}"),
            }
        }
    }

    #[test]
    fn too_long_and_empty_are_said() {
        let second_too_much = Pcm { samples: vec![1; (LONGEST_SECONDS as usize + 1) * 8_000] };
        assert!(matches!(decode_file(&write_wav(&second_too_much), None), Err(DecodeError::TooLong)));
        assert!(matches!(decode_file(&write_wav(&Pcm::default()), None), Err(DecodeError::Empty)));
        assert!(matches!(decode_file(b"", None), Err(DecodeError::Unknown)));
        assert!(matches!(decode_file(b"hello, I am text", Some("txt")), Err(DecodeError::Unknown)));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..3_000), head in 0usize..6) {
            let heads: [&[u8]; 6] = [b"", b"RIFF\xFF\xFF\xFF\xFFWAVE", b"RIFF____WAVEfmt \x10\0\0\0", b"OggS\0\x02", b"fLaC\0\0\0\x22", b"\xFF\xFB\x90\x64"];
            let _ = decode_file(&[heads[head], &bytes].concat(), None);
        }

        #[test]
        fn damaged_files_never_panic(which in 0usize..4, cut in 0.0f64..1.0, hits in proptest::collection::vec((0.0f64..1.0, any::<u8>()), 0..20)) {
            let wav = write_wav(&super::super::beep(440.0, 100, -10.0));
            let mut bytes = PACKED.get(which).map_or(wav, |(_, b)| b.to_vec());
            for (place, value) in hits {
                // Half of the hits go into the first 64 bytes, where the headers are.
                let reach = if value % 2 == 0 { 64 } else { bytes.len() };
                bytes[(place * reach as f64) as usize] = value;
            }
            bytes.truncate((cut * 1.2 * bytes.len() as f64) as usize);
            let _ = decode_file(&bytes, None);
        }
    }
}
