//! What the event log may hold of a sensitive question: that something happened, not what.

use crate::base::{Digit, EarFailure, Hypothesis};
use crate::call::Event;

/// The event as it may be written. Under a sensitive question keys become `*` and words disappear; the log then still
/// tells the story, but that one answer cannot be replayed.
pub(super) fn masked(event: &Event, sensitive: bool) -> Event {
    if !sensitive {
        return event.clone();
    }
    match event {
        Event::Key(digit) => Event::Key(Digit::from_char('*').unwrap_or(*digit)),
        Event::Heard { utterance, result } => {
            let result: Result<Hypothesis, EarFailure> = match result {
                Ok(h) => Ok(Hypothesis { text: String::new(), alternatives: Vec::new(), words: Vec::new(), ..h.clone() }),
                Err(failure) => Err(*failure),
            };
            Event::Heard { utterance: *utterance, result }
        }
        Event::AgentHeard { attempt, utterance, result } => {
            let heard = Event::Heard { utterance: *utterance, result: result.clone() };
            match masked(&heard, true) {
                Event::Heard { utterance, result } => Event::AgentHeard { attempt: *attempt, utterance, result },
                other => other,
            }
        }
        Event::PersonHeard { utterance, .. } => Event::PersonHeard { utterance: *utterance, phrase: String::new() },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UtteranceId;

    #[test]
    fn a_card_number_leaves_no_trace() {
        let heard = Event::Heard { utterance: UtteranceId(1), result: Ok(Hypothesis::typed("four two four two")) };
        let key = Event::Key(Digit::from_char('7').expect("a key"));
        let person = Event::PersonHeard { utterance: UtteranceId(1), phrase: "four two, let me talk to an agent".into() };
        for event in [heard, key, person] {
            let text = serde_json::to_string(&masked(&event, true)).expect("an event is JSON");
            assert!(!text.contains("four") && !text.contains('7'), "{text}");
            assert_eq!(masked(&event, false), event);
        }
    }
}
