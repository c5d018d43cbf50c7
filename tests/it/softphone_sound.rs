//! What goes through the page's phone: G.711 as it came, keys, and the end of the talk.

use crate::desk::{Desk, House, phase, presence, state};
use crate::softphone::{MU, Page, pick_up};
use hotline::audio::{Decoder, Encoder};
use hotline::base::Codec;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// A second in one piece, byte for byte: no codec, level or clock between the two changes one sample.
const ONE_SECOND: usize = 8_000;

/// Payload bytes as a law of G.711 has them, in an order of their own. 0x7F is left out: it is a second name for silence.
fn noise(seed: u32) -> Vec<u8> {
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let bytes = std::iter::successors(Some(seed), next).map(|n| (n >> 24) as u8);
    bytes.filter(|byte| *byte != 0x7F).take(4_001).collect()
}

/// The longest piece of what came that is a piece of what was said again and again.
fn unchanged(came: &[u8], said: &[u8]) -> usize {
    let at = |n: usize| said[n % said.len()];
    let four = |n: usize| [at(n), at(n + 1), at(n + 2), at(n + 3)];
    let places: HashMap<[u8; 4], usize> = (0..said.len()).map(|n| (four(n), n)).collect();
    let (mut longest, mut run, mut next) = (0, 0, 0);
    for (n, byte) in came.iter().enumerate() {
        if run > 0 && *byte == at(next) {
            (run, next) = (run + 1, next + 1);
        } else {
            let place = came[n..].first_chunk::<4>().and_then(|four| places.get(four));
            (run, next) = place.map_or((0, 0), |place| (1, place + 1));
        }
        longest = longest.max(run);
    }
    longest
}

/// What these bytes mean, as a WAV file of `seconds`.
fn sound_of(said: &[u8], seconds: usize, path: &Path) {
    let mut samples = vec![0_i16; said.len()];
    Decoder::new(Codec::Pcmu).decode(0, said, 0, &mut samples);
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(path, spec).expect("a writable folder");
    samples.iter().cycle().take(seconds * 8_000).for_each(|s| file.write_sample(*s).expect("written"));
    file.finalize().expect("written");
}

/// The bytes that a phone heard: its recording holds their meaning, which is another one for each byte.
fn bytes_heard(recording: &Path) -> Vec<u8> {
    let mut file = hound::WavReader::open(recording).expect("a recording");
    let samples: Vec<i16> = file.samples::<i16>().skip(1).step_by(2).map(|s| s.expect("a sample")).collect();
    let mut encoder = Encoder::new(Codec::Pcmu);
    let mut all = Vec::new();
    for part in samples.chunks_exact(160) {
        let mut payload = [0; 160];
        encoder.encode(part, &mut payload);
        all.extend_from_slice(&payload);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn g711_goes_through_byte_for_byte_keys_reach_the_caller_and_the_end_is_told_within_a_second() {
    let mut house = House::with(Some("browser"));
    let (mut anna, _) = house.desks().await;
    let mut tab = Desk::open(&anna).await;
    presence(&mut anna, "available").await;
    let (callers, pages) = (noise(1), noise(2));
    assert!(unchanged(&callers, &pages) < 10, "the two are not taken for each other");
    let file = house.folder.path().join("noise.wav");
    sound_of(&callers, 5, &file);
    let file = file.to_string_lossy().into_owned();
    let caller = house.caller("caller", &["--wait", "3000", "--over", "0", "--play", &file, "--hangup-after", "1000"]);
    let desk = tab.until("the offer", |desk| phase(desk) == "offered").await;
    let mut page = Page::new(MU).await;
    page.says = Some(pages.clone());
    let at = pick_up(&anna, &mut page, MU, &desk, 0.0).await;
    tab.until("the conversation", |desk| phase(desk) == "talking").await;
    page.gets("a second of the caller in one piece", |came| unchanged(came, &callers) >= ONE_SECOND).await;
    assert_eq!(anna.ask("POST", &format!("{at}/key"), Some(json!({ "key": "7" }))).await.0, 204);
    let caller = tokio::task::spawn_blocking(move || {
        caller.until("key_heard");
        caller.until("hanging_up");
        caller
    });
    let caller = caller.await.expect("the caller hangs up");
    let hung_up = Instant::now();
    let over = |desk: &serde_json::Value| state(desk) == "wrapup" && desk["call"]["summary"].is_string();
    tab.until("the wrap-up with its summary", over).await;
    println!("from the caller's hang-up to the page's wrap-up with its summary: {} ms", hung_up.elapsed().as_millis());
    assert!(hung_up.elapsed() < Duration::from_secs(1), "told within a second: {:?}", hung_up.elapsed());
    let lines = caller.ended();
    let keys: Vec<_> = lines.iter().filter(|line| line["event"] == "key_heard").map(|line| &line["detail"]).collect();
    assert_eq!(keys, ["7"], "once, and no other");
    let longest = unchanged(&bytes_heard(&house.folder.path().join("caller.wav")), &pages);
    println!("{longest} bytes of the page reached the caller unchanged in one piece");
    assert!(longest >= ONE_SECOND, "{longest}");
}
