//! What of a recording reaches the engine on a call: the caller is quiet, speaks, is quiet again, and the gateway's own listener cuts
//! the utterance out.

use crate::audio::{Dice, FRAME_SAMPLES, Frame, LINE_RATE, Pcm, add_echo};
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
        let mut samples = vec![0; (ms * LINE_RATE / 1_000) as usize];
        dice.add_noise(&mut samples, LINE_NOISE);
        samples
    };
    Pcm { samples: [quiet(BEFORE_MS), sound.samples.clone(), quiet(AFTER_MS)].concat() }
}

/// A recording and then so many samples of quiet.
pub(crate) fn quiet_after(sound: &Pcm, samples: usize, seed: u32) -> Pcm {
    let mut quiet = vec![0; samples];
    Dice::new(seed).add_noise(&mut quiet, LINE_NOISE);
    Pcm { samples: [sound.samples.as_slice(), &quiet].concat() }
}

/// A prompt that plays until the caller speaks.
pub(crate) struct Playing {
    pub(crate) samples: Vec<i16>,
    /// How much weaker it comes back, decibels.
    pub(crate) echo_db: f32,
}

/// Frames that a prompt still plays after the onset was noticed: what is on its way.
const STOPS_AFTER: usize = 3;

/// From the first onset, with what comes before it, to the quiet after the last voice; `None` when nobody was noticed. A prompt
/// that plays comes back as an echo, until the caller cuts it.
pub(crate) fn cut(mut sound: Pcm, playing: Option<&Playing>) -> Option<Pcm> {
    let mut listener = Listener::new();
    let rule =
        EndpointRule { start_ms: 40, quiet_ms: QUIET_MS, complete_quiet_ms: QUIET_MS, preroll_ms: 320, longest_ms: 60_000 };
    listener.set_rule(Some(rule), Moment::ZERO);
    let (mut from, mut to) = (None, 0);
    let all = sound.samples.len();
    let mut stops = usize::MAX;
    for (i, chunk) in sound.samples.chunks_exact_mut(FRAME_SAMPLES).enumerate() {
        let mut sent = None;
        if let Some(playing) = playing.filter(|_| i < stops)
            && let Some(played) = playing.samples.get(i * FRAME_SAMPLES..(i + 1) * FRAME_SAMPLES)
        {
            add_echo(chunk, played, playing.echo_db);
            let mut frame = Frame::SILENCE;
            frame.samples.copy_from_slice(played);
            sent = Some(frame);
        }
        let mut frame = Frame::SILENCE;
        frame.samples.copy_from_slice(chunk);
        let at = Moment::ZERO + Duration::from_millis(20 * i as u64);
        match listener.push(&frame, at, sent.as_ref()) {
            Some(ListenEvent::Started { .. }) => {
                let before = listener.preroll().count();
                from = from.or(Some((i + 1).saturating_sub(before) * FRAME_SAMPLES));
                to = all;
                stops = stops.min(i + 1 + STOPS_AFTER);
            }
            Some(ListenEvent::Ended { ended, .. }) => {
                let ended = ended.since(Moment::ZERO).as_millis() as usize;
                to = ((ended + HEARD_MS) * LINE_RATE as usize / 1_000).min(all);
            }
            // What is left belongs to somebody else.
            Some(ListenEvent::Dismissed { .. }) => from = None,
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
        let heard = cut(whole.clone(), None).expect("noticed");
        let less = i64::try_from(whole.millis()).expect("short") - i64::try_from(heard.millis()).expect("short");
        // Of three seconds of quiet 320 ms before and 480 ms after remain, and the fixture has quiet ends of its own.
        assert!((1_800..=4_500).contains(&less), "{less} ms were cut away");
        let silence = surrounded(&Pcm { samples: vec![0; 8_000] }, 1);
        assert_eq!(cut(silence.clone(), None), None);
        // Our own prompt is no caller.
        let playing = Playing { samples: speech.samples.repeat(20), echo_db: -20.0 };
        assert_eq!(cut(silence, Some(&playing)), None);
        let over = cut(whole, Some(&playing)).expect("noticed over the prompt");
        assert!(over.millis().abs_diff(heard.millis()) < 400, "{} against {} ms", over.millis(), heard.millis());
    }
}
