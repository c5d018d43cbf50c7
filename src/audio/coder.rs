//! The codecs of a line with the memory that they need: samples to payload and back. Made when signalling agrees on a codec;
//! nothing here allocates afterwards.

use super::codec::{decode_alaw, decode_ulaw};
use super::g722::LowBand;
use crate::base::Codec;
use audio_codec_algorithms as laws;

/// Most samples in one packet: 120 ms, Opus' longest (RFC 6716 §2.1.4).
const PACKET_SAMPLES_MAX: usize = 960;
/// Bits a second of our Opus: enough for telephone speech in one channel (RFC 7587 §3.1.1, narrowband 8–12 kbit/s and room).
const OPUS_BITS: i32 = 16_000;
/// Effort of the Opus encoder, 0–10. 5 costs three times as much and gained 0.15 dB on our fixtures.
const OPUS_EFFORT: i32 = 0;

/// From samples to payloads, one direction of one leg.
pub struct Encoder(Encoding);

enum Encoding {
    Ulaw,
    Alaw,
    G722(LowBand),
    Opus(Box<opus::Encoder>),
    /// There was no memory for it.
    Mute,
}

/// From payloads to samples, one direction of one leg.
pub struct Decoder(Decoding);

enum Decoding {
    Ulaw,
    Alaw,
    G722(LowBand),
    Opus(Box<OpusPacket>),
    /// There was no memory for it.
    Mute,
}

/// Opus packets only make sense whole: the one that is being played is kept decoded.
struct OpusPacket {
    decoder: opus::Decoder,
    /// Which packet is in `samples`.
    timestamp: Option<u32>,
    samples: [i16; PACKET_SAMPLES_MAX],
    len: usize,
}

impl Encoder {
    /// A fresh one. Opus without memory for its state makes no packets.
    pub fn new(codec: Codec) -> Encoder {
        Encoder(match codec {
            Codec::Pcmu => Encoding::Ulaw,
            Codec::Pcma => Encoding::Alaw,
            Codec::G722 => Encoding::G722(LowBand::new()),
            Codec::Opus => opus_encoder().map_or(Encoding::Mute, |e| Encoding::Opus(Box::new(e))),
        })
    }

    /// Encodes one packet's samples (10, 20, 40 or 60 ms; 30 ms too, except Opus) and returns its length; 0 when `out` is too
    /// small or Opus refuses.
    pub fn encode(&mut self, samples: &[i16], out: &mut [u8]) -> usize {
        match &mut self.0 {
            Encoding::Ulaw => each(samples, out, laws::encode_ulaw),
            Encoding::Alaw => each(samples, out, laws::encode_alaw),
            Encoding::G722(band) => each(samples, out, |s| band.encode(s)),
            Encoding::Opus(encoder) => encoder.encode(samples, out).unwrap_or(0),
            Encoding::Mute => 0,
        }
    }
}

impl Decoder {
    /// A fresh one. Opus without memory for its state is silent.
    pub fn new(codec: Codec) -> Decoder {
        Decoder(match codec {
            Codec::Pcmu => Decoding::Ulaw,
            Codec::Pcma => Decoding::Alaw,
            Codec::G722 => Decoding::G722(LowBand::new()),
            Codec::Opus => opus::Decoder::new(8_000, opus::Channels::Mono).map_or(Decoding::Mute, |decoder| {
                let samples = [0; PACKET_SAMPLES_MAX];
                Decoding::Opus(Box::new(OpusPacket { decoder, timestamp: None, samples, len: 0 }))
            }),
        })
    }

    /// Decodes a part of a packet: its samples from `skip` on, as many as `out` holds. `timestamp` tells packets apart. What
    /// the payload does not have, or what is damaged, is left in `out` as it was. Any bytes are survived.
    pub fn decode(&mut self, timestamp: u32, payload: &[u8], skip: usize, out: &mut [i16]) {
        let rest = payload.get(skip..).unwrap_or_default();
        match &mut self.0 {
            Decoding::Ulaw => drop(decode_ulaw(rest, out)),
            Decoding::Alaw => drop(decode_alaw(rest, out)),
            Decoding::G722(band) => {
                for (to, &byte) in out.iter_mut().zip(rest) {
                    *to = band.decode(byte);
                }
            }
            Decoding::Opus(packet) => packet.part(timestamp, payload, skip, out),
            Decoding::Mute => {}
        }
    }
}

impl OpusPacket {
    fn part(&mut self, timestamp: u32, payload: &[u8], skip: usize, out: &mut [i16]) {
        if self.timestamp.replace(timestamp) != Some(timestamp) {
            // An empty payload would ask the decoder to invent something.
            self.len = match payload {
                [] => 0,
                some => self.decoder.decode(some, &mut self.samples, false).unwrap_or(0).min(PACKET_SAMPLES_MAX),
            };
        }
        let rest = self.samples[..self.len].get(skip..).unwrap_or_default();
        for (to, &sample) in out.iter_mut().zip(rest) {
            *to = sample;
        }
    }
}

fn opus_encoder() -> opus::Result<opus::Encoder> {
    let mut encoder = opus::Encoder::new(8_000, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(OPUS_BITS))?;
    encoder.set_complexity(OPUS_EFFORT)?;
    Ok(encoder)
}

fn each(samples: &[i16], out: &mut [u8], mut byte: impl FnMut(i16) -> u8) -> usize {
    if out.len() < samples.len() {
        return 0;
    }
    for (to, &from) in out.iter_mut().zip(samples) {
        *to = byte(from);
    }
    samples.len()
}

#[cfg(test)]
#[path = "coder_tests.rs"]
mod tests;
