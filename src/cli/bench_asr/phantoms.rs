//! Lines on which nobody speaks: what the listener takes for speech there, and what of it the engine takes for words.

use super::intents;
use super::played::Taken;
use crate::audio::Pcm;
use crate::base::{Expect, Language, Moment};
use crate::call::Ended;
use crate::cli::asr::{Ask, Engine};
use crate::cli::bench_listen::nobody::Nobody;
use crate::listen::{EndpointRule, ListenEvent, Listener};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Listens for so many minutes to a background; `None` where its recording is missing.
///
/// # Errors
/// One sentence from the engine.
pub(crate) fn measure(
    name: &'static str,
    kitchen: Option<&Pcm>,
    engine: &mut Engine,
    minutes: f64,
    tell: bool,
) -> Result<Option<Value>, String> {
    let Some(mut sound) = Nobody::new(name, kitchen) else { return Ok(None) };
    let open = super::person::ask();
    let flow = intents::flow()?;
    let expect = Expect::YesNo { phrases: Arc::from([]) };
    let rule = EndpointRule::for_expect(&Expect::Open { name: Arc::from(""), examples: Arc::from([]) });
    let asks = [open, Ask::expecting(expect, Language::EN)];
    let mut listener = Listener::new();
    listener.set_rule(Some(rule), Moment::ZERO);
    let (mut noticed, mut turns, mut accepted, mut persons) = (0u64, 0u64, [0u64; 2], 0u64);
    let mut utterance: Option<Vec<i16>> = None;
    let frames = (minutes * 60.0 * 50.0) as u64;
    for i in 0..frames {
        let frame = sound.next();
        let event = listener.push(&frame, Moment::ZERO + Duration::from_millis(20 * i), None);
        match (event, &mut utterance) {
            (Some(ListenEvent::Started { .. }), _) => {
                noticed += 1;
                utterance = Some(listener.preroll().flat_map(|f| f.samples).collect());
            }
            (Some(ListenEvent::Dismissed { .. }), _) => {
                noticed -= 1;
                utterance = None;
            }
            (Some(ListenEvent::Ended { utterance: number, started, ended, restless, .. }), Some(heard)) => {
                let length_ms = u32::try_from((ended - started).as_millis()).unwrap_or(u32::MAX);
                let ended = Ended { utterance: number, length_ms, restless };
                heard.extend_from_slice(&frame.samples);
                let sound = Pcm { samples: std::mem::take(heard) };
                utterance = None;
                let mut turn = false;
                for (nth, (ask, accepted)) in asks.iter().zip(&mut accepted).enumerate() {
                    engine.new_call();
                    let heard = engine.hear(ask, &sound)?;
                    let h = &heard.hypothesis;
                    // At the open question the call weighs words that the engine doubts.
                    let answered = nth == 0 && matches!(intents::taken(&flow, &heard), Taken::Answer(_));
                    let took = answered || h.rejected.is_none() && !h.text.is_empty();
                    if tell && took {
                        eprintln!("{name}: {} ms, heard {:?} ({:.2})", sound.millis(), h.text, h.confidence.get());
                    }
                    *accepted += u64::from(took);
                    persons += u64::from(heard.asks_for_person());
                    // What the call takes for noise is no turn (`call::asking`).
                    turn |= took || !ended.is_noise(h) && !ended.is_murmur(h);
                }
                turns += u64::from(turn);
            }
            (None, Some(heard)) => heard.extend_from_slice(&frame.samples),
            _ => {}
        }
    }
    Ok(Some(json!({
        "minutes": minutes, "noticed": noticed, "turns": turns, "accepted_open": accepted[0], "accepted_yes_no": accepted[1], "persons": persons,
    })))
}
