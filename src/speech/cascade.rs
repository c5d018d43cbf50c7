//! Two engines, one answer: PocketSphinx streams and tells early what it is sure of; at the end the small Whisper model is asked about the
//! same utterance, and whether they agree is evidence of its own: they err differently.

use super::grammar;
use super::phrases::{NO, YES, digit_of};
use super::{Partial, PocketSphinx, Recognizer, Small};
use crate::base::{Confidence, Engine, Expect, Grammar, Hypothesis, Language};
use std::sync::Arc;

/// From two logits to one: the streaming engine's counts for less, because its confidence tells less. Fitted on 300 real digits, zero
/// to four asked for and five to nine said as often, and looked at on 88 real sentences; see ARCHITECTURE.md.
const FIRST: f32 = 0.3;
const AGREED: f32 = 1.15;
const OFFSET: f32 = -0.5;

/// Where they disagree the streaming engine's words stand unless the other is surer by so much.
const HALF: f32 = 0.5;
const LEAD: f32 = 3.0;

/// The engine that callers meet: both, in one worker.
pub struct Cascade {
    first: PocketSphinx,
    second: Small,
    ask: Option<(Expect, Arc<[String]>)>,
}

impl Cascade {
    /// Puts the small model behind a streaming engine.
    ///
    /// # Errors
    /// When the small model does not load.
    pub fn behind(first: PocketSphinx) -> Result<Cascade, String> {
        Ok(Cascade { first, second: Small::built_in()?, ask: None })
    }

    /// The streaming engine, for asks that only it hears (ready grammars, dictation).
    pub fn streaming(&mut self) -> &mut PocketSphinx {
        self.second.abandon();
        self.ask = None;
        &mut self.first
    }

    /// Begins an utterance under a list of phrases and nothing else.
    ///
    /// # Errors
    /// When the list is empty.
    pub fn start_phrases(&mut self, list: &[String]) -> Result<(), String> {
        self.first.start_phrases(list)?;
        self.second.start_phrases(list);
        self.ask = Some((Expect::Choice { phrases: Arc::from(list) }, Arc::from([])));
        Ok(())
    }
}

impl Recognizer for Cascade {
    fn engine(&self) -> Engine {
        Engine::Pocketsphinx
    }

    fn speaks(&self, language: Language) -> bool {
        self.first.speaks(language)
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        self.first.start(grammar)?;
        self.second.start(grammar)?;
        self.ask = Some((grammar.expect.clone(), grammar.person.clone()));
        Ok(())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        self.second.feed(samples);
        self.first.feed(samples)
    }

    fn finish(&mut self) -> Hypothesis {
        let first = self.first.finish();
        let Some((expect, person)) = self.ask.take() else { return first };
        let known = !matches!(expect, Expect::Anything | Expect::Number | Expect::Date);
        if !known {
            self.second.abandon();
            return first;
        }
        if !first.text.is_empty() && !matches!(expect, Expect::Open { .. }) && !self.second.could_say(&first.text) {
            self.second.abandon();
            return Hypothesis { why: Some("words that only the streaming engine knows".to_string()), ..first };
        }
        decide(&expect, &person, first, self.second.finish())
    }

    fn abandon(&mut self) {
        self.ask = None;
        self.first.abandon();
        self.second.abandon();
    }

    fn set_line(&mut self, line: Option<&[f32]>) {
        self.first.set_line(line);
    }

    fn line(&self) -> Option<Vec<f32>> {
        self.first.line()
    }
}

/// One hypothesis from two.
pub(crate) fn decide(expect: &Expect, person: &[String], first: Hypothesis, second: Hypothesis) -> Hypothesis {
    let (one, two) = (logit(first.confidence), logit(second.confidence));
    let heard = !second.text.is_empty();
    if matches!(expect, Expect::Open { .. }) {
        // The streaming engine has a model of the flow's own sentences; the other knows requests for a person in any noise.
        let asks = heard && second.rejected.is_none() && grammar::person_within(person, &second.text);
        if asks && two > one.max(0.0) {
            return Hypothesis { why: Some("only the small model heard a request for a person".into()), ..second };
        }
        return Hypothesis { why: Some("an open question: the streaming engine".into()), ..first };
    }
    let agree = heard && same(person, &first.text, &second.text);
    let whole = FIRST * one + two + OFFSET + if agree { AGREED } else { 0.0 };
    let (winner, loser) =
        if agree || !heard || !first.text.is_empty() && HALF * one + LEAD >= two { (first, second) } else { (second, first) };
    let why = match (agree, winner.engine) {
        (true, _) => "both engines heard the same",
        (_, Engine::Small) => "the engines disagree: the small model was surer",
        _ => "the engines disagree: the streaming engine was surer",
    };
    let mut alternatives = winner.alternatives;
    if !agree && !loser.text.is_empty() && !alternatives.iter().any(|(text, _)| *text == loser.text) {
        alternatives.insert(0, (loser.text, loser.confidence));
    }
    let rejected = (whole < 0.0).then(|| match heard {
        true => "two engines are not sure enough".to_string(),
        false => "the small model heard other words".to_string(),
    });
    Hypothesis { confidence: confidence(whole), rejected, alternatives, why: Some(why.to_string()), ..winner }
}

/// Whether two texts are the same answer: the same words, the same digits, both a yes, both a no, both a request for a person.
fn same(person: &[String], a: &str, b: &str) -> bool {
    let digits = |text: &str| text.split(' ').map(digit_of).collect::<Option<Vec<_>>>();
    let asks = |text: &str| grammar::asks_for_person(person, text);
    a == b
        || digits(a).is_some_and(|d| !d.is_empty() && Some(d) == digits(b))
        || YES.contains(&a) && YES.contains(&b)
        || NO.contains(&a) && NO.contains(&b)
        || asks(a) && asks(b)
}

fn logit(c: Confidence) -> f32 {
    let p = c.get().clamp(0.002, 0.998);
    (p / (1.0 - p)).ln()
}

fn confidence(logit: f32) -> Confidence {
    Confidence::new(1.0 / (1.0 + (-logit).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, confidence: f32, engine: Engine) -> Hypothesis {
        let rejected = (confidence < 0.5).then(|| "a doubt".to_string());
        Hypothesis { confidence: Confidence::new(confidence), rejected, engine, ..Hypothesis::typed(text) }
    }

    fn decided(expect: &Expect, first: (&str, f32), second: (&str, f32)) -> Hypothesis {
        let one = said(first.0, first.1, Engine::Pocketsphinx);
        decide(expect, &["the help desk".to_string()], one, said(second.0, second.1, Engine::Small))
    }

    fn yes_no() -> Expect {
        Expect::YesNo { phrases: Arc::from([]) }
    }

    #[test]
    fn agreement_is_worth_more_than_either() {
        let digits = Expect::Digits { min: 3, max: 3, check: None };
        for (expect, one, two) in [(yes_no(), "yeah", "yes"), (digits, "oh one two", "zero one two")] {
            let both = decided(&expect, (one, 0.6), (two, 0.7));
            assert!(both.confidence.get() > 0.7 && both.rejected.is_none() && both.text == one, "{both:?}");
            // A doubt of one engine is outweighed, doubts of both are not.
            assert_eq!(decided(&expect, (one, 0.3), (two, 0.9)).rejected, None);
            assert!(decided(&expect, (one, 0.1), (two, 0.1)).rejected.is_some());
        }
    }

    #[test]
    fn a_quarrel_is_won_by_the_surer_one_and_costs_confidence() {
        let won = decided(&yes_no(), ("no", 0.1), ("yes", 0.95));
        assert_eq!((won.text.as_str(), won.engine, &won.rejected), ("yes", Engine::Small, &None));
        assert_eq!(won.alternatives[0].0, "no");
        let agreed = decided(&yes_no(), ("no", 0.9), ("no", 0.6)).confidence;
        let quarrel = decided(&yes_no(), ("no", 0.9), ("yes", 0.6));
        assert!(quarrel.text == "no" && quarrel.confidence < agreed, "{quarrel:?}");
        // Words that the small model does not hear at all are refused.
        let alone = decided(&yes_no(), ("no", 0.9), ("", 0.0));
        assert!(alone.text == "no" && alone.rejected.is_some(), "{alone:?}");
        assert!(won.why.is_some_and(|why| why.contains("small model was surer")));
    }

    #[test]
    fn an_open_question_belongs_to_the_model_of_the_flow_but_a_person_is_heard_by_either() {
        let open = Expect::Open { name: Arc::from("x"), examples: Arc::from([]) };
        assert_eq!(decided(&open, ("where is my parcel", 0.7), ("one", 0.9)).text, "where is my parcel");
        let asked = decided(&open, ("were is a person", 0.3), ("speak to a person", 0.9));
        assert_eq!((asked.text.as_str(), asked.engine), ("speak to a person", Engine::Small));
        assert_eq!(decided(&open, ("where is my parcel", 0.95), ("speak to a person", 0.6)).text, "where is my parcel");
        assert_eq!(decided(&open, ("", 0.0), ("i need the help desk", 0.8)).text, "i need the help desk");
    }
}
