//! What of a recording reaches the engine on a call: the caller is quiet, speaks, is quiet again, and the gateway's own listener cuts
//! the utterance out.

use crate::audio::{Dice, FRAME_SAMPLES, Frame, LINE_RATE, Pcm};
use crate::base::Moment;
use crate::listen::{EndpointRule, ListenEvent, Listener};
use std::time::Duration;

/// Quiet before and after, milliseconds.
const BEFORE_MS: u32 = 1_000;
const AFTER_MS: u32 = 2_000;

/// Deviation of a quiet line's noise.
const LINE_NOISE: f32 = 8.0;

/// An utterance's end is noticed after so much quiet. Longer than any flow waits: whether callers are cut off is measured elsewhere
/// (`listen::people`).
const QUIET_MS: u32 = 1_200;

/// How much of that quiet the engine hears: as much as to an open question.
const HEARD_MS: usize = 480;

/// A recording with quiet around it.
pub(crate) fn surrounded(sound: &Pcm, seed: u32) -> Pcm {
    let mut dice = Dice::new(seed);
    let mut quiet = |ms: u32| {
        let n = ms * LINE_RATE / 1_000;
        (0..n).map(|_| (dice.normal() * LINE_NOISE) as i16).collect::<Vec<i16>>()
    };
    Pcm { samples: [quiet(BEFORE_MS), sound.samples.clone(), quiet(AFTER_MS)].concat() }
}

/// From the first onset, with what comes before it, to the quiet after the last voice; `None` when nobody was noticed.
pub(crate) fn cut(sound: &Pcm) -> Option<Pcm> {
    let mut listener = Listener::new();
    let rule =
        EndpointRule { start_ms: 40, quiet_ms: QUIET_MS, complete_quiet_ms: QUIET_MS, preroll_ms: 320, longest_ms: 60_000 };
    listener.set_rule(Some(rule), Moment::ZERO);
    let (mut from, mut to) = (None, 0);
    for (i, chunk) in sound.samples.chunks_exact(FRAME_SAMPLES).enumerate() {
        let mut frame = Frame::SILENCE;
        frame.samples.copy_from_slice(chunk);
        let at = Moment::ZERO + Duration::from_millis(20 * i as u64);
        match listener.push(&frame, at, None) {
            Some(ListenEvent::Started { .. }) => {
                let before = listener.preroll().count();
                from = from.or(Some((i + 1).saturating_sub(before) * FRAME_SAMPLES));
                to = sound.samples.len();
            }
            Some(ListenEvent::Ended { ended, .. }) => {
                let ended = ended.since(Moment::ZERO).as_millis() as usize;
                to = ((ended + HEARD_MS) * LINE_RATE as usize / 1_000).min(sound.samples.len());
            }
            _ => {}
        }
    }
    from.map(|from| Pcm { samples: sound.samples[from..to].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_found_in_its_surroundings() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures/where-1.wav");
        let speech = crate::audio::decode_file(&std::fs::read(path).expect("a fixture"), Some("wav")).expect("sound");
        let whole = surrounded(&speech, 1);
        let cut = cut(&whole).expect("noticed");
        let less = i64::try_from(whole.millis()).expect("short") - i64::try_from(cut.millis()).expect("short");
        // Of three seconds of quiet 320 ms before and 480 ms after remain, and the fixture has quiet ends of its own.
        assert!((1_800..=4_500).contains(&less), "{less} ms were cut away");
        assert_eq!(super::cut(&surrounded(&Pcm { samples: vec![0; 8_000] }, 1)), None);
    }
}
