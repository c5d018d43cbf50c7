//! The three ladders towards a person: misunderstandings, the same answer again, silence. They belong to the call, not
//! to a node, so that nobody is led in circles. Only counting and verdicts; the words are spoken elsewhere.

use crate::base::Moment;
use crate::flow::Escalation;
use crate::nlu::{Mood, Slots};
use std::collections::BTreeSet;

/// Answers remembered for "the same again"; the oldest is forgotten beyond that.
const ANSWERS_KEPT: usize = 64;

/// Where the call stands on its ladders.
#[derive(Debug, Clone)]
pub(crate) struct Ladders {
    numbers: Escalation,
    /// Misunderstandings since the last understood turn.
    in_row: u32,
    /// Misunderstandings in the whole call.
    total: u32,
    /// Utterances in a language without an engine.
    no_engine: u32,
    /// Silences since the caller last did something.
    silences: u32,
    /// Turns in which the caller was angry.
    upset: u32,
    /// How often the caller said that we got it wrong.
    corrections: u32,
    /// What was not understood just now was a story.
    story: bool,
    /// How often the caller was much louder than before.
    loud: u32,
    /// How often something was said over a prompt and not understood.
    over: u32,
    /// Nodes that have asked; as many as the flow has.
    asked: BTreeSet<String>,
    /// Turns without progress, when the last progress was made, and what was known then.
    stalled: u32,
    progress: Option<(Moment, Progress)>,
    /// Rendered answers with the slots that they were given for, and how often.
    answers: Vec<(String, Slots, u32)>,
}

/// What is known and was done: when it does not change, the call gets nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Progress {
    /// Values of slots.
    slots: Slots,
    /// What the caller wants.
    intent: Option<String>,
    /// How many different answers were given, as far as they are remembered.
    answers: usize,
    /// How many different nodes have asked.
    nodes: usize,
}

/// What to do about a misunderstanding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misunderstood {
    /// Ask again in other words.
    Again {
        /// How many in a row, from 1: chooses the wording.
        in_row: u32,
        /// Say that a person can be had.
        offer: bool,
    },
    /// A person, without a question.
    Person {
        /// One word: what counted most.
        because: &'static str,
        /// One sentence with the numbers.
        why: String,
    },
}

/// What to do about an answer that is about to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SameAnswer {
    /// Give it.
    Give,
    /// Give it and offer a person.
    Offer(u32),
    /// Do not give it again; a person.
    Person(u32),
}

/// What to do about silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Ask again.
    Reprompt,
    /// Say what to press.
    KeyMenu,
    /// The ladder's end.
    Last,
}

impl Ladders {
    pub(crate) fn new(numbers: Escalation) -> Ladders {
        Ladders {
            numbers,
            in_row: 0,
            total: 0,
            no_engine: 0,
            silences: 0,
            upset: 0,
            corrections: 0,
            story: false,
            loud: 0,
            over: 0,
            asked: BTreeSet::new(),
            stalled: 0,
            progress: None,
            answers: Vec::new(),
        }
    }

    /// What was said tells how the caller feels, and how loud it was said.
    pub(crate) fn heard(&mut self, mood: &Mood, loud: bool) {
        self.loud = self.loud.saturating_add(u32::from(loud));
        self.upset = self.upset.saturating_add(u32::from(!mood.upset.is_empty()));
        self.corrections = self.corrections.saturating_add(u32::from(mood.correcting.is_some()));
    }

    /// What was said over a prompt was not understood.
    pub(crate) fn talked_over(&mut self) {
        self.over = self.over.saturating_add(1);
    }

    /// So many words were not understood.
    pub(crate) fn told(&mut self, words: usize) {
        let least = self.numbers.story_words as usize;
        self.story = least > 0 && words >= least;
    }

    /// What the signs that a person is needed sum up to, if that is 1 or more: what counts most, and one sentence with the numbers.
    pub(crate) fn pressing(&self) -> Option<(&'static str, String)> {
        let weights = self.numbers.weights;
        let misunderstood = weights.misunderstood.unwrap_or(1.0 / self.numbers.misunderstood_transfer.max(1) as f32);
        let signs = [
            ("misunderstood", self.in_row as f32 * misunderstood),
            ("upset", self.upset as f32 * weights.upset),
            ("corrected", self.corrections as f32 * weights.correction),
            ("story", if self.story { weights.story } else { 0.0 }),
            ("loud", self.loud as f32 * weights.loud),
            ("talked_over", self.over as f32 * weights.over),
        ];
        let sum: f32 = signs.iter().map(|(_, weight)| weight).sum();
        // Where signs count alike, the caller's mood is the better reason.
        let most = signs.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let told: Vec<String> = signs.iter().filter(|s| s.1 > 0.0).map(|(name, w)| format!("{name} {w:.2}")).collect();
        (sum >= 0.999).then(|| (most.0, format!("{} = {sum:.2} (limit 1)", told.join(" + "))))
    }

    /// A turn at a step of a guided procedure: every word there is the caller's own pace, so each is progress.
    pub(crate) fn step_over(&mut self) {
        self.progress = None;
    }

    /// A turn has ended that `node` asked for, with this known. Why a person takes over, if nothing has come of the last turns.
    pub(crate) fn turn_over(&mut self, now: Moment, node: &str, slots: Slots, intent: Option<String>) -> Option<String> {
        if !self.asked.contains(node) {
            self.asked.insert(node.to_string());
        }
        let known = Progress { slots, intent, answers: self.answers.len(), nodes: self.asked.len() };
        let Some((since, _)) = self.progress.as_ref().filter(|(_, before)| *before == known) else {
            self.stalled = 0;
            self.progress = Some((now, known));
            return None;
        };
        self.stalled = self.stalled.saturating_add(1);
        let seconds = now.since(*since).as_secs();
        let Escalation { budget_turns, budget_seconds, .. } = self.numbers;
        let over = |limit: u32, value: u64| limit > 0 && value >= u64::from(limit);
        (over(budget_turns, u64::from(self.stalled)) || over(budget_seconds, seconds)).then(|| {
            format!("{} turns (limit {budget_turns}) and {seconds} s (limit {budget_seconds}) without progress", self.stalled)
        })
    }

    /// A turn was understood.
    pub(crate) fn understood(&mut self) {
        self.in_row = 0;
        self.story = false;
        self.silences = 0;
    }

    /// The caller did something that was not silence.
    pub(crate) fn stirred(&mut self) {
        self.silences = 0;
    }

    /// A turn was not understood.
    pub(crate) fn misunderstood(&mut self) -> Misunderstood {
        self.in_row = self.in_row.saturating_add(1);
        self.total = self.total.saturating_add(1);
        let Escalation { misunderstood_offer, misunderstood_transfer, misunderstood_total, .. } = self.numbers;
        if self.in_row >= misunderstood_transfer || self.total >= misunderstood_total {
            let why = format!(
                "{} misunderstandings in a row (limit {misunderstood_transfer}), {} in the call (limit {misunderstood_total})",
                self.in_row, self.total
            );
            return Misunderstood::Person { because: "misunderstood", why };
        }
        if let Some((because, why)) = self.pressing() {
            return Misunderstood::Person { because, why };
        }
        Misunderstood::Again { in_row: self.in_row, offer: self.in_row >= misunderstood_offer }
    }

    /// Speech came in a language that no engine speaks: a misunderstanding, and the second time a person.
    pub(crate) fn no_engine(&mut self) -> Misunderstood {
        self.no_engine = self.no_engine.saturating_add(1);
        match self.misunderstood() {
            Misunderstood::Again { .. } if self.no_engine >= 2 => Misunderstood::Person {
                because: "no_engine",
                why: format!("{} utterances in a language without an engine (limit 2)", self.no_engine),
            },
            other => other,
        }
    }

    /// How often this text was given for these slots, this time included. `Again` counts from the flow's numbers.
    pub(crate) fn answer(&mut self, text: &str, slots: &Slots) -> SameAnswer {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return SameAnswer::Give;
        }
        let given = match self.answers.iter_mut().find(|(t, s, _)| *t == text && s == slots) {
            Some((_, _, n)) => {
                *n = n.saturating_add(1);
                *n
            }
            None => {
                if self.answers.len() >= ANSWERS_KEPT {
                    self.answers.remove(0);
                }
                self.answers.push((text, slots.clone(), 1));
                1
            }
        };
        if given >= self.numbers.same_answer_transfer {
            SameAnswer::Person(given)
        } else if given >= self.numbers.same_answer_offer {
            SameAnswer::Offer(given)
        } else {
            SameAnswer::Give
        }
    }

    /// The caller said and pressed nothing.
    pub(crate) fn silent(&mut self) -> (Silence, u32) {
        self.silences = self.silences.saturating_add(1);
        let step = if self.silences >= self.numbers.silence_last.max(1) {
            Silence::Last
        } else if self.silences == 1 {
            Silence::Reprompt
        } else {
            Silence::KeyMenu
        };
        (step, self.silences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladders() -> Ladders {
        Ladders::new(Escalation::default())
    }

    #[test]
    fn first_offers_second_transfers() {
        let mut l = ladders();
        assert_eq!(l.misunderstood(), Misunderstood::Again { in_row: 1, offer: true });
        assert!(matches!(l.misunderstood(), Misunderstood::Person { .. }));
    }

    #[test]
    fn fourth_in_the_call_transfers_although_never_two_in_a_row() {
        let mut l = ladders();
        for _ in 0..3 {
            assert!(matches!(l.misunderstood(), Misunderstood::Again { .. }));
            l.understood();
        }
        assert!(matches!(l.misunderstood(), Misunderstood::Person { .. }));
    }

    #[test]
    fn a_language_without_an_engine_goes_to_a_person_the_second_time() {
        let mut l = ladders();
        assert!(matches!(l.no_engine(), Misunderstood::Again { .. }));
        l.understood();
        assert!(matches!(l.no_engine(), Misunderstood::Person { .. }));
    }

    #[test]
    fn the_same_answer_is_offered_and_then_replaced() {
        let mut l = ladders();
        let slots = Slots::new();
        assert_eq!(l.answer("It is on its way.", &slots), SameAnswer::Give);
        assert_eq!(l.answer("it is on its way. ", &slots), SameAnswer::Offer(2));
        assert_eq!(l.answer("It is on its way.", &slots), SameAnswer::Person(3));
        let other = Slots::from([("number".to_string(), "2".to_string())]);
        assert_eq!(l.answer("It is on its way.", &other), SameAnswer::Give, "other slot values are another question");
    }

    #[test]
    fn anger_corrections_and_stories_count_by_their_weights() {
        let angry = crate::nlu::mood("this is ridiculous");
        let mut l = ladders();
        l.heard(&angry, false);
        assert_eq!(l.pressing(), None, "once may be half a joke");
        assert!(matches!(l.misunderstood(), Misunderstood::Person { because: "upset", .. }), "angry and misunderstood");
        let mut l = ladders();
        l.heard(&angry, false);
        l.understood();
        l.heard(&crate::nlu::mood("that is not what i meant"), false);
        assert!(
            l.pressing().is_some_and(|(because, why)| because == "corrected" && why.contains("= 1.00")),
            "{:?}",
            l.pressing()
        );
        let mut l = ladders();
        l.told(39);
        assert!(matches!(l.misunderstood(), Misunderstood::Again { .. }));
        l.understood();
        l.told(40);
        assert!(matches!(l.misunderstood(), Misunderstood::Person { because: "story", .. }));
    }

    #[test]
    fn silence_has_three_rungs_and_forgets() {
        let mut l = ladders();
        assert_eq!(l.silent().0, Silence::Reprompt);
        assert_eq!(l.silent().0, Silence::KeyMenu);
        assert_eq!(l.silent().0, Silence::Last);
        l.stirred();
        assert_eq!(l.silent().0, Silence::Reprompt);
    }
}
