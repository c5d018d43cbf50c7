//! What PocketSphinx tells before an utterance is over: that an answer is whole, and that a person is asked for.

use super::PocketSphinx;
use super::decoder::Segment;
use super::pocketsphinx::{KEPT_MAX, words_of};
use super::verdict::{self, Evidence, Kind};
use super::{Partial, grammar, line};

/// How sure a grammar must be of a request for a person before the utterance is over.
const PERSON_CONFIDENCE: f32 = 0.95;

/// How many words it must have: "get me an americano" begins like "get me a person".
const PERSON_WORDS: usize = 5;

/// And how well its worst word must fit.
const PERSON_WORST_RATIO: f32 = -10.0;

/// The same over all words of a request inside an open question, whose model is a witness already (true ones: -12 to -28).
const PERSON_MEAN_RATIO: f32 = -32.0;

/// Frames that a phone loop hears before the words that it judges.
const LOOP_BEFORE: usize = 20;

impl PocketSphinx {
    /// Another engine does not hear the request for a person that was told: it is looked for further, and makes nothing surer at the end.
    #[cfg_attr(not(feature = "whisper"), allow(dead_code))]
    pub(super) fn doubt_person(&mut self) {
        if let Some(utterance) = &mut self.utterance {
            utterance.reported.person = None;
            utterance.doubted = true;
        }
    }

    /// What is new since the last look.
    pub(super) fn look(&mut self) -> Option<Partial> {
        let utterance = self.utterance.as_ref()?;
        let kind = utterance.kind;
        // Before the search has begun the engine still shows the words of the utterance before.
        if utterance.waiting.is_some() {
            return None;
        }
        let segments = if kind == Kind::Spotted { Vec::new() } else { self.main.decoder.segments() };
        let text = words_of(&segments);
        let found = self.spotter.decoder.segments();
        let utterance = self.utterance.as_mut()?;
        let stands = !text.is_empty() && text == utterance.looked;
        let mut now = utterance.reported.clone();
        // Whole only when it stood at two looks in a row: the best path flickers inside words.
        now.complete |= stands && grammar::complete(&utterance.expect, &utterance.person, &text);
        if now.person.is_none() {
            now.person = found.iter().find(|s| verdict::person_is_sure(&s.word, &text, kind)).map(|s| s.word.clone());
        }
        if now.person.is_none() && stands && kind == Kind::Open {
            now.person = self.person_in_question(&segments);
        }
        let utterance = self.utterance.as_mut()?;
        let asked = now.person.is_none()
            && stands
            && matches!(kind, Kind::Closed | Kind::Digits)
            && text.split(' ').count() >= PERSON_WORDS
            && grammar::asks_for_person(&utterance.person, &text);
        utterance.looked.clone_from(&text);
        if asked {
            // The phone loop is the second witness where the spotter missed it.
            let evidence = Evidence::weigh(&segments, &self.loop_scores(), 1.0);
            let sure = verdict::judge(kind, &text, &evidence, false, self.moved).0.get() >= PERSON_CONFIDENCE;
            now.person = (sure && evidence.worst_ratio >= PERSON_WORST_RATIO).then(|| text.clone());
        }
        now.text = text;
        let utterance = self.utterance.as_mut()?;
        let news = now != utterance.reported;
        utterance.reported = now.clone();
        news.then_some(now)
    }

    /// Begins the phone loop at a frame of an open question that is under way, unless it has heard that frame already.
    fn loop_from(&mut self, frame: usize) {
        let Some(utterance) = &mut self.utterance else { return };
        if utterance.looped.is_some_and(|from| from <= frame) || utterance.kept.len() >= KEPT_MAX {
            return;
        }
        let from = frame.saturating_sub(LOOP_BEFORE);
        // Fails only without an active search, which `search` has chosen.
        if self.phones.start(Some(&self.line.mean)).is_ok() {
            self.phones.feed(utterance.kept.get(from * line::STRETCH..).unwrap_or_default());
            utterance.looped = Some(from);
        }
    }

    /// A request for a person in the middle of an open question, where its own words fit as well as any sounds would.
    fn person_in_question(&mut self, segments: &[Segment]) -> Option<String> {
        let words: Vec<Segment> = segments.iter().filter(|s| s.is_word()).cloned().collect();
        let texts: Vec<&str> = words.iter().map(|s| s.word.as_str()).collect();
        let at = grammar::person_among(&self.utterance.as_ref()?.person, &texts)?;
        self.loop_from(usize::try_from(words.get(at.start)?.start).unwrap_or(0));
        let scores = self.loop_scores();
        // Until the end the engine writes a model's scores on the scale of a grammar's.
        let evidence = Evidence::weigh(&words[at.clone()], &scores, 1.0);
        // All words, so that the call can see what stands around the phrase.
        (evidence.mean_ratio >= PERSON_MEAN_RATIO).then(|| texts.join(" "))
    }

    /// The phone loop's acoustic score, frame by frame; nothing where it did not run.
    pub(super) fn loop_scores(&mut self) -> Vec<f32> {
        let Some(from) = self.utterance.as_ref().and_then(|u| u.looped) else { return Vec::new() };
        let mut out = vec![0.0; from + usize::try_from(self.phones.frames()).unwrap_or(0) + 1];
        for s in self.phones.segments() {
            let (start, end) = (from + usize::try_from(s.start).unwrap_or(0), from + usize::try_from(s.end).unwrap_or(0));
            let each = s.acoustic as f32 / (end.saturating_sub(start) + 1) as f32;
            out.iter_mut().take(end + 1).skip(start).for_each(|v| *v = each);
        }
        out
    }
}
