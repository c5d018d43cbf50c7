//! Two engines, one answer: PocketSphinx streams and tells early what it is sure of; at the end the small Whisper model is asked about the
//! same utterance, and whether they agree is evidence of its own: they err differently.

use super::grammar;
use super::phrases::{NO, YES, digit_of};
use super::small::is_open;
use super::{Partial, PocketSphinx, Recognizer, Small};
use crate::base::{Confidence, Engine, Expect, Grammar, Hypothesis, Language};
use std::sync::Arc;

/// From two logits to one: the streaming engine's counts for less, because its confidence tells less. Fitted on 300 real digits, zero
/// to four asked for and five to nine said as often, and looked at on 88 real sentences; see ARCHITECTURE.md.
const FIRST: f32 = 0.3;
const AGREED: f32 = 1.15;
const OFFSET: f32 = -0.5;

/// A single digit that is surer than this is taken: it is read back to the caller. By the details of `--sets digits --every 15` (100 real ones,
/// clean, under a list of ten words, where 0 stands): nine right ones refused and seven wrong ones taken with 0, four and seven with this.
const DIGITS_LEAST: f32 = -1.0;

/// Where they disagree the streaming engine's words stand unless the other is surer by so much.
const HALF: f32 = 0.5;
const LEAD: f32 = 3.0;

/// A request for a person that the streaming engine noticed before the end is told at once unless the small model finds anything else
/// likelier by more than this (log-odds); then the end decides. So often it is asked in one utterance.
const WITNESS_MIN: f32 = -2.0;
const WITNESS_MOST: u32 = 3;

/// How sure the small model must be of a request that the streaming engine did not hear.
const REQUEST_ALONE: f32 = 0.95;

/// The engine that callers meet: both, in one worker.
pub struct Cascade {
    first: PocketSphinx,
    second: Small,
    /// `None` where only the streaming engine hears.
    ask: Option<Ask>,
}

/// What both listen for.
struct Ask {
    expect: Expect,
    person: Arc<[String]>,
    /// Whether the streaming engine speaks the language; the small model alone hears it otherwise.
    streams: bool,
    /// How often the small model was asked about a request for a person before the end, and the most that it thought of it.
    times: u32,
    thought: Option<Confidence>,
}

impl Cascade {
    /// Puts a small model behind a streaming engine.
    pub fn of(first: PocketSphinx, second: Small) -> Cascade {
        Cascade { first, second, ask: None }
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
        self.ask = Some(Ask::new(Expect::Choice { phrases: Arc::from(list) }, Arc::from([]), true));
        Ok(())
    }

    /// Whether the small model hears what the streaming engine took for a request for a person.
    fn confirmed(&mut self) -> bool {
        let Some(ask) = &mut self.ask else { return true };
        if ask.times >= WITNESS_MOST {
            return false;
        }
        ask.times += 1;
        // Who cannot hear does not contradict.
        let Some(sure) = self.second.witness() else { return true };
        ask.thought = surer(ask.thought, Some(sure));
        sure >= Confidence::from_log_odds(WITNESS_MIN)
    }
}

impl Ask {
    fn new(expect: Expect, person: Arc<[String]>, streams: bool) -> Ask {
        Ask { expect, person, streams, times: 0, thought: None }
    }
}

impl Recognizer for Cascade {
    fn engine(&self) -> Engine {
        Engine::Pocketsphinx
    }

    fn speaks(&self, language: Language) -> bool {
        self.first.speaks(language) || self.second.speaks(language)
    }

    fn start(&mut self, grammar: &Grammar) -> Result<(), String> {
        self.second.start(grammar)?;
        let streams = self.first.speaks(grammar.language);
        if streams {
            self.first.start(grammar)?;
        }
        self.ask = Some(Ask::new(grammar.expect.clone(), grammar.person.clone(), streams));
        Ok(())
    }

    fn feed(&mut self, samples: &[i16]) -> Option<Partial> {
        self.second.feed(samples);
        if self.ask.as_ref().is_some_and(|ask| !ask.streams) {
            return None;
        }
        let mut partial = self.first.feed(samples)?;
        if partial.person.is_some() && !self.confirmed() {
            partial.person = None;
            self.first.doubt_person();
        }
        Some(partial)
    }

    fn finish(&mut self) -> Hypothesis {
        let Some(Ask { expect, person, streams, thought, .. }) = self.ask.take() else { return self.first.finish() };
        let closed = !is_open(&expect);
        if !streams {
            let heard = self.second.finish();
            return if closed { heard } else { decide(&expect, &person, unheard(), heard) };
        }
        let first = self.first.finish();
        let second = if closed && grammar::asks_for_person(&person, &first.text) {
            let request = self.second.witness();
            self.second.abandon();
            Hypothesis { request, ..unheard() }
        } else if closed && several_digits(&first.text) {
            self.second.abandon();
            return Hypothesis { why: Some("several digits: the streaming engine".to_string()), ..first };
        } else if closed && !first.text.is_empty() && !self.second.could_say(&first.text) {
            self.second.abandon();
            return Hypothesis { why: Some("words that only the streaming engine knows".to_string()), ..first };
        } else {
            self.second.finish()
        };
        let second = Hypothesis { request: surer(second.request, thought), ..second };
        decide(&expect, &person, first, second)
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

fn unheard() -> Hypothesis {
    let rejected = Some("no words of a language that is understood".to_string());
    Hypothesis { rejected, confidence: Confidence::default(), ..Hypothesis::typed("") }
}

fn several_digits(text: &str) -> bool {
    text.split(' ').filter(|w| digit_of(w).is_some()).nth(1).is_some()
}

fn surer(a: Option<Confidence>, b: Option<Confidence>) -> Option<Confidence> {
    if b > a { b } else { a }
}

/// One hypothesis from two.
pub(crate) fn decide(expect: &Expect, person: &[String], first: Hypothesis, second: Hypothesis) -> Hypothesis {
    let asks = grammar::person_within(person, &first.text);
    if is_open(expect) || asks && second.request.is_some() {
        // The streaming engine has a model of the flow's own sentences; the other knows requests for a person in any noise.
        let request = second.request;
        let alone = request.filter(|r| r.get() >= REQUEST_ALONE && !asks);
        if let (Some(confidence), Some((text, _))) = (alone, second.alternatives.first()) {
            let why = Some("only the small model heard a request for a person".to_string());
            return Hypothesis { text: text.clone(), confidence, rejected: None, alternatives: Vec::new(), why, ..second };
        }
        let why = if asks { "a request for a person: both engines weigh" } else { "an open question: the streaming engine" };
        return Hypothesis { why: Some(why.to_string()), request, ..first };
    }
    let (one, two) = (first.confidence.log_odds(), second.confidence.log_odds());
    let heard = !second.text.is_empty();
    let agree = heard && same(&first.text, &second.text);
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
    let least = if matches!(expect, Expect::Digits { .. }) { DIGITS_LEAST } else { 0.0 };
    let rejected = (whole < least).then(|| match heard {
        true => "two engines are not sure enough".to_string(),
        false => "the small model heard other words".to_string(),
    });
    Hypothesis { confidence: Confidence::from_log_odds(whole), rejected, alternatives, why: Some(why.to_string()), ..winner }
}

/// Whether two texts are the same answer: the same words, the same digits, both a yes, both a no. (A request for a person was weighed
/// before.)
fn same(a: &str, b: &str) -> bool {
    let digits = |text: &str| text.split(' ').map(digit_of).collect::<Option<Vec<_>>>();
    a == b
        || digits(a).is_some_and(|d| !d.is_empty() && Some(d) == digits(b))
        || YES.contains(&a) && YES.contains(&b)
        || NO.contains(&a) && NO.contains(&b)
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
        let person = ["the help desk".to_string()];
        let decided = |first: (&str, f32), request: Option<(&str, f32)>| {
            let request = request.map(|(text, sure)| (text.to_string(), Confidence::new(sure)));
            let second = Hypothesis {
                request: request.as_ref().map(|r| r.1),
                alternatives: request.into_iter().collect(),
                ..said("", 0.0, Engine::Small)
            };
            decide(&open, &person, said(first.0, first.1, Engine::Pocketsphinx), second)
        };
        let parcel = decided(("where is my parcel", 0.7), Some(("operator", 0.1)));
        assert_eq!((parcel.text.as_str(), parcel.request), ("where is my parcel", Some(Confidence::new(0.1))));
        let asked = decided(("were is a person", 0.3), Some(("speak to a person", 0.97)));
        assert_eq!((asked.text.as_str(), asked.engine), ("speak to a person", Engine::Small));
        assert_eq!((asked.rejected, asked.request), (None, Some(Confidence::new(0.97))));
        // Words of its own stand, with what the other thinks of them.
        let both = decided(("speak to an agent please", 0.6), Some(("speak to an agent", 0.97)));
        assert_eq!((both.text.as_str(), both.engine), ("speak to an agent please", Engine::Pocketsphinx));
        assert_eq!(decided(("", 0.0), Some(("i need the help desk", 0.95))).text, "i need the help desk");
        assert_eq!(decided(("where is my parcel", 0.7), None).request, None);
        // At a closed question a request counts by the same rule: the words stand, and the call weighs.
        let second = Hypothesis { request: Some(Confidence::new(0.2)), ..said("", 0.0, Engine::Small) };
        let closed = decide(&yes_no(), &person, said("talk to a person", 0.9, Engine::Pocketsphinx), second);
        assert_eq!((closed.text.as_str(), closed.rejected), ("talk to a person", None));
        assert_eq!((closed.confidence, closed.request), (Confidence::new(0.9), Some(Confidence::new(0.2))));
    }
}
