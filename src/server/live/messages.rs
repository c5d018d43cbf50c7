//! The words of a message: written down beside the call, and often after it, so the call knows nothing of them.

use super::LivePorts;
use crate::base::{Expect, Grammar, Moment, UtteranceId};
use crate::call::{MESSAGE, Record, Secrets, UtteranceRecord};
use crate::drive::MessageLeft;
use crate::speech::Written;
use std::sync::Arc;

/// Why a message has no words that might hold what nobody can strike out.
const WITHHELD: &str = "what was told at a sensitive question might be in them";

impl LivePorts {
    /// Has a message written down, in the language that the caller was spoken to last; the words become an utterance of the call.
    pub(super) fn write_down(&self, message: MessageLeft) {
        let Some(scribe) = &self.shared.scribe else { return };
        let MessageLeft { utterance, began, sound, secrets } = message;
        // How callers of this hotline speak: an engine that can be told is told.
        let expect = self.flow.open_question(self.language);
        let expect = expect.unwrap_or_else(|| Expect::Open { name: Arc::from("message"), examples: Arc::from([]) });
        let grammar = Grammar { language: self.language, expect, person: Arc::from([]) };
        let (call, store, notes) = (self.id, self.store.clone(), self.shared.teller());
        // What must not be kept need not be known.
        let words_wanted = secrets.are_known();
        let done = Box::new(move |written: Written| {
            let record = record((utterance, began), &secrets, written);
            // A live view that is not there hears nothing.
            let _ = notes.send((call, record.clone()));
            // What is lost there the store counts.
            store.note(call, began, record);
        });
        if words_wanted {
            scribe.write_down(sound, grammar, done);
        } else {
            done(Written::default());
        }
    }
}

/// The utterance that a message is, with its words as far as they may be kept.
fn record((utterance, began): (UtteranceId, Moment), secrets: &Secrets, written: Written) -> Record {
    let known = secrets.are_known();
    Record::Utterance(UtteranceRecord {
        // Revealed into the record, which retention governs.
        text: if known { secrets.struck_out_of(written.text.reveal()).into() } else { Default::default() },
        confidence: written.confidence,
        engine: written.engine,
        rejected: if known { written.lacking } else { Some(WITHHELD.to_string()) },
        meaning: Some(MESSAGE.to_string()),
        cpu_ms: written.cpu_ms,
        ..UtteranceRecord::new(utterance, began)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_words_without_secrets_or_none_and_the_reason() {
        let of = |secrets: &Secrets| {
            let written = Written { text: "it is 4711".to_string().into(), ..Written::default() };
            let Record::Utterance(said) = record((UtteranceId(1), Moment::ZERO), secrets, written) else {
                panic!("no utterance")
            };
            (said.text.into_inner(), said.rejected)
        };
        let mut secrets = Secrets::default();
        secrets.keep("4711", &[]);
        assert_eq!(of(&secrets), ("it is …".to_string(), None));
        secrets.were_told_earlier();
        assert_eq!(of(&secrets), (String::new(), Some(WITHHELD.to_string())));
    }
}
