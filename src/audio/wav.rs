//! RIFF/WAVE. Writing is the `hound` crate's. Reading is ours, because telephone equipment writes what the libraries refuse:
//! mu-law and A-law with a 16- or 20-byte format chunk, and streamed files whose sizes were never filled in.

use super::decode::DecodeError;
use super::{FRAME_SAMPLES, Frame, LINE_RATE, Pcm, Rate};
use hound::{SampleFormat, WavSpec, WavWriter};
use std::io::{Cursor, Seek, Write};

/// A sound as a WAV file: 8 kHz, mono, 16 bit.
pub fn write_wav(pcm: &Pcm) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::with_capacity(44 + 2 * pcm.samples.len()));
    let written = WavWriter::new(&mut bytes, spec(1)).and_then(|mut wav| {
        pcm.samples.iter().try_for_each(|&s| wav.write_sample(s))?;
        wav.finalize()
    });
    // Memory does not fail; the one other reason is a sound of more than 4 GiB, which is cut there.
    debug_assert!(written.is_ok());
    bytes.into_inner()
}

/// A recording could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the recording cannot be written: {0}")]
pub struct WavError(#[from] hound::Error);

/// A two-channel recording (left: what we say, right: what we hear) that grows frame by frame.
pub struct StereoWav<W: Write + Seek> {
    wav: WavWriter<W>,
    /// Frames written.
    frames: u32,
}

impl<W: Write + Seek> StereoWav<W> {
    /// Frames in the longest recording: 24 hours, far below the 4 GiB of the format.
    pub const LONGEST_FRAMES: u32 = 24 * 3_600 * 50;

    /// Writes the header.
    pub fn new(to: W) -> Result<StereoWav<W>, WavError> {
        Ok(StereoWav { wav: WavWriter::new(to, spec(2))?, frames: 0 })
    }

    /// Writes 20 ms of both sides. Beyond [`Self::LONGEST_FRAMES`] nothing is added any more.
    pub fn push(&mut self, left: &Frame, right: &Frame) -> Result<(), WavError> {
        if self.frames >= Self::LONGEST_FRAMES {
            return Ok(());
        }
        self.frames += 1;
        let mut samples = self.wav.get_i16_writer(2 * FRAME_SAMPLES as u32);
        for (&l, &r) in left.samples.iter().zip(&right.samples) {
            samples.write_sample(l);
            samples.write_sample(r);
        }
        Ok(samples.flush()?)
    }

    /// Fills in the sizes in the header, so that a reader (or the next process, after a crash) finds a whole file up to here.
    pub fn checkpoint(&mut self) -> Result<(), WavError> {
        Ok(self.wav.flush()?)
    }

    /// Length so far in milliseconds.
    pub fn millis(&self) -> u64 {
        u64::from(self.frames) * 20
    }

    /// Fills in the sizes and ends the file.
    pub fn finish(self) -> Result<(), WavError> {
        Ok(self.wav.finalize()?)
    }
}

fn spec(channels: u16) -> WavSpec {
    WavSpec { channels, sample_rate: LINE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int }
}

/// What the format chunk says, checked.
pub(super) struct WavSound<'a> {
    pub(super) rate: Rate,
    channels: usize,
    coding: Coding,
    data: &'a [u8],
}

#[derive(Clone, Copy)]
enum Coding {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
    Ulaw,
    Alaw,
}

impl Coding {
    fn bytes(self) -> usize {
        match self {
            Coding::U8 | Coding::Ulaw | Coding::Alaw => 1,
            Coding::I16 => 2,
            Coding::I24 => 3,
            Coding::I32 | Coding::F32 => 4,
            Coding::F64 => 8,
        }
    }

    /// One sample as −1..1; `b` has exactly [`Coding::bytes`] bytes.
    fn sample(self, b: &[u8]) -> f32 {
        match (self, b) {
            (Coding::U8, &[x]) => (f32::from(x) - 128.0) / 128.0,
            (Coding::Ulaw, &[x]) => f32::from(audio_codec_algorithms::decode_ulaw(x)) / 32_768.0,
            (Coding::Alaw, &[x]) => f32::from(audio_codec_algorithms::decode_alaw(x)) / 32_768.0,
            (Coding::I16, &[x, y]) => f32::from(i16::from_le_bytes([x, y])) / 32_768.0,
            (Coding::I24, &[x, y, z]) => i32::from_le_bytes([0, x, y, z]) as f32 / 2_147_483_648.0,
            (Coding::I32, &[w, x, y, z]) => i32::from_le_bytes([w, x, y, z]) as f32 / 2_147_483_648.0,
            (Coding::F32, &[w, x, y, z]) => f32::from_le_bytes([w, x, y, z]),
            (Coding::F64, b) => b.try_into().map_or(0.0, |b| f64::from_le_bytes(b) as f32),
            _ => 0.0,
        }
    }
}

impl<'a> WavSound<'a> {
    /// Whether this is a WAV file at all.
    pub(super) fn recognises(bytes: &[u8]) -> bool {
        bytes.len() >= 12 && &bytes[..4] == b"RIFF" && &bytes[8..12] == b"WAVE"
    }

    /// Finds the format and the data chunk. A data chunk that claims more than there is ends with the file.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<WavSound<'a>, DecodeError> {
        let mut rest = bytes.get(12..).unwrap_or_default();
        let mut format = None;
        while let Some((id, size, body)) = chunk(rest) {
            let body = &body[..size.min(body.len())];
            match id {
                b"fmt " => format = Some(read_format(body)?),
                b"data" => {
                    let (coding, channels, rate) =
                        format.ok_or(DecodeError::Damaged("the WAV data come before their format"))?;
                    return Ok(WavSound { rate, channels, coding, data: body });
                }
                _ => {}
            }
            // Chunks begin at even places.
            rest = rest.get(8 + size + size % 2..).unwrap_or_default();
        }
        Err(DecodeError::Damaged("the WAV file has no data"))
    }

    /// The samples, channels averaged, in pieces: `take` says whether it wants more.
    pub(super) fn mono(&self, mut take: impl FnMut(&[f32]) -> bool) {
        let width = self.coding.bytes();
        let mut block = Vec::with_capacity(1_024);
        for piece in self.data.chunks(1_024 * width * self.channels) {
            block.clear();
            block.extend(piece.chunks_exact(width * self.channels).map(|together| {
                together.chunks_exact(width).map(|b| self.coding.sample(b)).sum::<f32>() / self.channels as f32
            }));
            if !take(&block) {
                return;
            }
        }
    }
}

/// Name, claimed size and all that follows.
fn chunk(rest: &[u8]) -> Option<(&[u8; 4], usize, &[u8])> {
    let (id, rest) = rest.split_first_chunk::<4>()?;
    let (size, body) = rest.split_first_chunk::<4>()?;
    Some((id, u32::from_le_bytes(*size) as usize, body))
}

/// The `fmt ` chunk (WAVEFORMATEX; tag 0xFFFE hides the real tag at byte 24).
fn read_format(body: &[u8]) -> Result<(Coding, usize, Rate), DecodeError> {
    let word = |at: usize| body.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
    let rate = u32::from(word(4)) | u32::from(word(6)) << 16;
    let tag = if word(0) == 0xFFFE { word(24) } else { word(0) };
    let coding = match (tag, word(14)) {
        (1, 8) => Coding::U8,
        (1, 16) => Coding::I16,
        (1, 24) => Coding::I24,
        (1, 32) => Coding::I32,
        (3, 32) => Coding::F32,
        (3, 64) => Coding::F64,
        (6, _) => Coding::Alaw,
        (7, _) => Coding::Ulaw,
        (tag, bits) => return Err(DecodeError::WavCoding { tag, bits }),
    };
    let channels = usize::from(word(2));
    if !(1..=16).contains(&channels) {
        return Err(DecodeError::Channels(channels));
    }
    Ok((coding, channels, Rate::new(rate)?))
}

#[cfg(test)]
mod tests {
    use super::super::decode_file;
    use super::*;

    /// A WAV header with every liberty that people take.
    fn wav(tag: u16, channels: u16, rate: u32, bits: u16, fmt_len: u32, claimed: Option<u32>, data: &[u8]) -> Vec<u8> {
        let mut out = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt ".to_vec();
        out.extend(fmt_len.to_le_bytes());
        let align = channels * bits / 8;
        let mut fmt = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
        fmt.extend(rate.to_le_bytes());
        fmt.extend((rate * u32::from(align)).to_le_bytes());
        fmt.extend([align.to_le_bytes(), bits.to_le_bytes()].concat());
        fmt.resize(fmt_len as usize, 0);
        out.extend(fmt);
        out.extend(b"LIST\x03\0\0\0abc\0data");
        out.extend(claimed.unwrap_or(data.len() as u32).to_le_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn every_coding_gives_the_same_sound() {
        let level = 8_031i16; // a value that mu-law holds exactly
        let f = f32::from(level) / 32_768.0;
        let wide = i32::from(level) << 16;
        let cases: [(u16, u16, u32, Vec<u8>); 8] = [
            (1, 16, 16, level.to_le_bytes().to_vec()),
            (1, 24, 18, wide.to_le_bytes()[1..].to_vec()),
            (1, 32, 16, wide.to_le_bytes().to_vec()),
            (3, 32, 16, f.to_le_bytes().to_vec()),
            (3, 64, 18, f64::from(f).to_le_bytes().to_vec()),
            (7, 8, 16, vec![audio_codec_algorithms::encode_ulaw(level)]),
            (6, 8, 20, vec![audio_codec_algorithms::encode_alaw(level)]),
            (1, 8, 16, vec![128 + (level >> 8) as u8]),
        ];
        for (tag, bits, fmt_len, sample) in cases {
            let file = wav(tag, 1, 8_000, bits, fmt_len, None, &sample.repeat(800));
            let pcm = decode_file(&file, None).unwrap_or_else(|e| panic!("tag {tag} bits {bits}: {e}"));
            assert_eq!(pcm.samples.len(), 800, "tag {tag} bits {bits}");
            let off = (i32::from(pcm.samples[400]) - i32::from(level)).abs();
            assert!(off <= 260, "tag {tag} bits {bits}: {}", pcm.samples[400]);
        }
    }

    #[test]
    fn streamed_files_end_where_they_end() {
        let file = wav(1, 1, 8_000, 16, 16, Some(u32::MAX), &[1; 3_200]);
        assert_eq!(decode_file(&file, None).expect("readable").millis(), 200);
    }

    #[test]
    fn channels_are_averaged() {
        let data: Vec<u8> = [1_000i16, 3_000].iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>().repeat(100);
        let pcm = decode_file(&wav(1, 2, 8_000, 16, 16, None, &data), None).expect("readable");
        assert_eq!(pcm.samples, vec![2_000; 100]);
    }

    #[test]
    fn what_cannot_be_read_says_what_to_do() {
        let said = |file: &[u8]| decode_file(file, None).expect_err("bad file").to_string();
        assert!(said(&wav(2, 1, 8_000, 4, 16, None, &[0; 50])).contains("coding 2"));
        assert!(said(&wav(1, 0, 8_000, 16, 16, None, &[0; 50])).contains("0 channels"));
        assert!(said(&wav(1, 1, 1, 16, 16, None, &[0; 50])).contains("1 Hz"));
        assert!(said(b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd").contains("before"));
        assert!(said(b"RIFF\0\0\0\0WAVE").contains("no data"));
    }

    #[test]
    fn what_we_write_reads_back() {
        let pcm = Pcm { samples: (0..1_000).map(|i| i * 7).collect() };
        assert_eq!(decode_file(&write_wav(&pcm), Some("wav")).expect("our own file"), pcm);
    }

    #[test]
    fn a_stereo_recording_is_whole_at_every_checkpoint() {
        let mut bytes = Cursor::new(Vec::new());
        let mut wav = StereoWav::new(&mut bytes).expect("memory");
        for _ in 0..50 {
            wav.push(&Frame { samples: [100; FRAME_SAMPLES] }, &Frame { samples: [300; FRAME_SAMPLES] }).expect("memory");
        }
        wav.checkpoint().expect("memory");
        assert_eq!(wav.millis(), 1_000);
        wav.finish().expect("memory");
        let pcm = decode_file(bytes.get_ref(), None).expect("our own file");
        assert_eq!((pcm.millis(), pcm.samples[4_000]), (1_000, 200));
    }
}
