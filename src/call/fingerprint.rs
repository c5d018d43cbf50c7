//! What a call did, as one number: SHA-256 over its commands. Whoever executes the same events again, on whatever machine, gets
//! the same number, or the call would not go the same way.

use super::Command;
use crate::base::{Expect, Grammar, Moment, hex};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What is no command but tells how sure something was, or is drawn by chance: it may differ between machines, or must not be
/// kept.
const LEFT_OUT: &[&str] = &[
    "confidence",
    "heard_confidence",
    "meaning_confidence",
    "alternatives",
    "cpu_ms",
    "why",
    // The reference of the hand-over card.
    "uui",
    "reference",
];

/// Counts up the commands of one call, event by event.
#[derive(Debug, Clone, Default)]
pub struct Fingerprint {
    hash: Sha256,
    events: u64,
}

impl Fingerprint {
    /// Adds what one event brought about.
    pub fn add(&mut self, at: Moment, commands: &[Command]) {
        self.events += 1;
        self.hash.update(at.millis().to_le_bytes());
        for command in commands {
            let mut value = match command {
                // The sentences of an open question may be thousands, and its name tells them.
                Command::Listen {
                    grammar: Grammar { language, expect: Expect::Open { name, .. }, person }, sensitive, ..
                } => {
                    serde_json::json!({ "listen": [language, name, person, sensitive] })
                }
                command => serde_json::to_value(command).unwrap_or_default(),
            };
            leave_out(&mut value);
            self.hash.update(value.to_string().as_bytes());
            self.hash.update([0]);
        }
        self.hash.update([1]);
    }

    /// How many events were added.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The number as 64 hex digits.
    pub fn digits(&self) -> String {
        hex(&self.hash.clone().finalize())
    }
}

fn leave_out(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
            map.values_mut().for_each(leave_out);
        }
        Value::Array(values) => values.iter_mut().for_each(leave_out),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{AttemptId, LegId, UtteranceId};
    use crate::call::{Record, UtteranceRecord};
    use std::time::Duration;

    fn of(commands: &[Command]) -> String {
        let mut print = Fingerprint::default();
        print.add(Moment::from_millis(20), commands);
        print.digits()
    }

    fn dial(to: &str, uui: &str) -> Command {
        Command::Dial { attempt: AttemptId(0), to: to.into(), uui: uui.into(), ring: Duration::from_secs(20) }
    }

    #[test]
    fn what_is_done_counts_and_how_sure_it_was_does_not() {
        assert_eq!(of(&[dial("sip:a@b", "11")]), of(&[dial("sip:a@b", "22")]), "a reference is drawn by chance");
        assert_ne!(of(&[dial("sip:a@b", "")]), of(&[dial("sip:c@b", "")]));
        assert_ne!(of(&[Command::Answer, Command::Answer]), of(&[Command::Answer]));
        let heard = |confidence: f32, text: &str| {
            let confidence = crate::base::Confidence::new(confidence);
            Command::Note(Box::new(Record::Utterance(UtteranceRecord {
                utterance: UtteranceId(1),
                at: Moment::ZERO,
                text: text.to_string().into(),
                confidence,
                engine: None,
                rejected: None,
                meaning: None,
                cpu_ms: 3,
                sensitive: false,
            })))
        };
        assert_eq!(of(&[heard(0.5, "a")]), of(&[heard(0.500_01, "a")]));
        assert_ne!(of(&[heard(0.5, "a")]), of(&[heard(0.5, "b")]));
        assert_ne!(of(&[Command::HangUp { leg: LegId::Caller }]), of(&[]));
    }

    #[test]
    fn events_without_commands_count_too() {
        let mut print = Fingerprint::default();
        let before = print.digits();
        print.add(Moment::ZERO, &[]);
        assert_ne!(print.digits(), before);
        assert_eq!(print.events(), 1);
    }
}
