//! Lines on which nobody speaks: what the listener takes for speech there, and what of it the engine takes for words.

use crate::audio::{Dice, FRAME_SAMPLES, Frame, Pcm, gain, hold_tune};
use crate::base::{Expect, Language, Moment};
use crate::cli::asr::{Ask, Engine};
use crate::listen::{EndpointRule, ListenEvent, Listener};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// So often the background changes its loudness and its place, seconds.
const CHANGE: u64 = 10;

/// What nobody says.
pub(crate) const BACKGROUNDS: [&str; 4] = ["silence", "line", "kitchen", "music"];

/// Listens for so many minutes to a background; `None` where its recording is missing.
///
/// # Errors
/// One sentence from the engine.
pub(crate) fn measure(
    name: &str,
    kitchen: Option<&Pcm>,
    engine: &mut Engine,
    minutes: f64,
    tell: bool,
) -> Result<Option<Value>, String> {
    let looped = match name {
        "kitchen" => match kitchen {
            Some(kitchen) => kitchen.samples.clone(),
            None => return Ok(None),
        },
        "music" => hold_tune().samples,
        _ => Vec::new(),
    };
    let open = super::person::ask();
    let expect = Expect::YesNo { phrases: Arc::from([]) };
    let rule = EndpointRule::for_expect(&Expect::Open { name: Arc::from(""), examples: Arc::from([]) });
    let asks = [open, Ask::expecting(expect, Language::EN)];
    let mut listener = Listener::new();
    listener.set_rule(Some(rule), Moment::ZERO);
    let mut dice = Dice::new(9);
    let (mut place, mut loudness) = (0, 0.0);
    let (mut noticed, mut accepted, mut persons) = (0u64, [0u64; 2], 0u64);
    let mut utterance: Option<Vec<i16>> = None;
    let frames = (minutes * 60.0 * 50.0) as u64;
    for i in 0..frames {
        if i.is_multiple_of(CHANGE * 50) {
            place = dice.below(looped.len());
            loudness = dice.uniform() * 12.0 - 6.0;
        }
        let mut frame = Frame::SILENCE;
        if looped.is_empty() {
            let level = if name == "line" { 8.0 } else { 0.6 };
            dice.add_noise(&mut frame.samples, level);
        } else {
            let from = looped.iter().cycle().skip(place);
            frame.samples.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            place = (place + FRAME_SAMPLES) % looped.len();
        }
        gain(&mut frame.samples, loudness);
        let event = listener.push(&frame, Moment::ZERO + Duration::from_millis(20 * i), None);
        match (event, &mut utterance) {
            (Some(ListenEvent::Started { .. }), _) => {
                noticed += 1;
                utterance = Some(listener.preroll().flat_map(|f| f.samples).collect());
            }
            (Some(_), Some(heard)) => {
                heard.extend_from_slice(&frame.samples);
                let sound = Pcm { samples: std::mem::take(heard) };
                utterance = None;
                for (ask, accepted) in asks.iter().zip(&mut accepted) {
                    engine.new_call();
                    let heard = engine.hear(ask, &sound)?;
                    let h = &heard.hypothesis;
                    let took = h.rejected.is_none() && !h.text.is_empty();
                    if tell && took {
                        eprintln!("{name}: {} ms, heard {:?} ({:.2})", sound.millis(), h.text, h.confidence.get());
                    }
                    *accepted += u64::from(took);
                    persons += u64::from(heard.asks_for_person());
                }
            }
            (None, Some(heard)) => heard.extend_from_slice(&frame.samples),
            _ => {}
        }
    }
    Ok(Some(json!({
        "minutes": minutes, "noticed": noticed, "accepted_open": accepted[0], "accepted_yes_no": accepted[1], "persons": persons,
    })))
}
