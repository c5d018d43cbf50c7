//! The words of a message: written down beside the call, and often after it, so the call knows nothing of them.

use super::LivePorts;
use crate::base::{Expect, Grammar};
use crate::call::{MESSAGE, Record, UtteranceRecord};
use crate::drive::MessageLeft;
use std::sync::Arc;

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
        let done = Box::new(move |written: crate::speech::Written| {
            let record = Record::Utterance(UtteranceRecord {
                // Revealed into the record, which retention governs.
                text: secrets.struck_out_of(written.text.reveal()).into(),
                confidence: written.confidence,
                engine: written.engine,
                rejected: written.lacking,
                meaning: Some(MESSAGE.to_string()),
                cpu_ms: written.cpu_ms,
                ..UtteranceRecord::new(utterance, began)
            });
            // A live view that is not there hears nothing.
            let _ = notes.send((call, record.clone()));
            // What is lost there the store counts.
            store.note(call, began, record);
        });
        scribe.write_down(sound, grammar, done);
    }
}
