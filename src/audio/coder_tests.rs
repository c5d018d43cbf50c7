//! Speech through each codec, and bytes that no encoder made.

use super::super::distance::{lag, snr_db, spectral_db, speech};
use super::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// What comes out of a codec in packets of so many samples, decoded in steps of 20 ms as the jitter buffer asks for them.
fn through(codec: Codec, speech: &[i16], packet: usize) -> Vec<i16> {
    let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
    let (mut out, mut payload) = (Vec::new(), [0; 480]);
    for (n, samples) in speech.chunks_exact(packet).enumerate() {
        let len = encoder.encode(samples, &mut payload);
        assert!(len > 0, "{codec:?}");
        let mut heard = vec![0; packet];
        for (i, part) in heard.chunks_mut(160).enumerate() {
            decoder.decode(u32::try_from(n).expect("small"), &payload[..len], i * 160, part);
        }
        out.extend(heard);
    }
    out
}

#[test]
fn speech_survives_each_codec() {
    let clean = speech();
    // Waveform codecs are judged by noise, Opus by its spectrum: it promises no waveform.
    for (codec, snr_least, spectral_most) in
        [(Codec::Pcmu, 30.0, 1.0), (Codec::Pcma, 30.0, 1.0), (Codec::G722, 25.0, 1.0), (Codec::Opus, 7.0, 3.0)]
    {
        for packet in [80, 160, 320, 480] {
            let heard = through(codec, &clean, packet);
            let delay = lag(&clean[..40_000], &heard[..40_000], 120);
            let heard = &heard[delay..];
            let (snr, spectral) = (snr_db(&clean, heard), spectral_db(&clean, heard));
            println!("{} {} ms: SNR {snr:.1} dB, spectral {spectral:.2} dB, delay {delay}", codec.name(), packet / 8);
            assert!(snr > snr_least && spectral < spectral_most, "{codec:?} {packet}: {snr} {spectral}");
        }
    }
    let silenced = vec![0; clean.len()];
    println!("silence instead of it all: spectral {:.1} dB", spectral_db(&clean, &silenced));
}

#[test]
fn any_bytes_are_survived() {
    for codec in Codec::ALL {
        let mut rng = StdRng::seed_from_u64(20_261_121);
        let (mut decoder, mut bytes, mut out) = (Decoder::new(codec), [0u8; 600], [0; 160]);
        for n in 0..20_000u32 {
            let len = rng.random_range(0..600) >> rng.random_range(0..8);
            rng.fill(&mut bytes[..len]);
            decoder.decode(n / 3, &bytes[..len], rng.random_range(0..1_000), &mut out);
        }
        // It still decodes what is good.
        let mut encoder = Encoder::new(codec);
        let clean = &speech()[..16_000];
        let (mut heard, mut payload) = (Vec::new(), [0; 480]);
        for (n, samples) in (900_000u32..).zip(clean.chunks_exact(160)) {
            let len = encoder.encode(samples, &mut payload);
            out.fill(0);
            decoder.decode(n, &payload[..len], 0, &mut out);
            heard.extend(out);
        }
        let heard = &heard[lag(clean, &heard, 120)..];
        assert!(spectral_db(&clean[8_000..], &heard[8_000..]) < 3.0, "{codec:?}");
    }
}

#[test]
fn stereo_at_48_khz_is_heard_in_mono() {
    let clean = speech();
    let mut far = opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).expect("an encoder");
    let (mut decoder, mut heard) = (Decoder::new(Codec::Opus), Vec::new());
    for (n, samples) in (0u32..).zip(clean.chunks_exact(160)) {
        let both: Vec<i16> = samples.iter().flat_map(|s| [*s; 12]).collect();
        let mut payload = [0; 1_275];
        let len = far.encode(&both, &mut payload).expect("encoded");
        let mut out = [0; 160];
        decoder.decode(n, &payload[..len], 0, &mut out);
        heard.extend(out);
    }
    let heard = &heard[lag(&clean[..40_000], &heard[..40_000], 120)..];
    let spectral = spectral_db(&clean, heard);
    println!("stereo: spectral {spectral:.2} dB");
    assert!(spectral < 3.0, "{spectral}");
}

#[test]
fn a_buffer_that_is_too_small_makes_no_packet() {
    for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722] {
        assert_eq!(Encoder::new(codec).encode(&[0; 160], &mut [0; 159]), 0);
    }
}
