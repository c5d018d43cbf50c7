//! Does this caller ask for a person? A detector of its own, beside every grammar and before the matcher: it must hear
//! every honest request and must not be set off by talk about persons ("my agent told me", "for another person").
//! First come rules, so that an operator can be told why, and so that no flow's examples can unlearn it; what a recogniser has
//! garbled ("I want do sake to a person") is found by likeness to such requests (`learned`).

mod chinese;
mod english;
mod english_around;
mod english_words;
mod examples;
mod learned;
mod talk;
#[cfg(test)]
mod tests;

use super::normalise::{is_han, words};
use crate::base::Language;

/// A request for a person, with what it was told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRequest {
    /// The words that ask, as normalised.
    pub phrase: String,
    /// Which rule heard it.
    pub rule: PersonRule,
}

/// How a request was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PersonRule {
    /// Hardly more than the word itself: "agent please", "人工".
    Alone,
    /// Asked for in a sentence: "can I talk to someone", "我要转人工".
    Asked,
    /// By refusing the machine: "I don't want to talk to a robot".
    NotAMachine,
    /// One of the flow's own phrases.
    FlowPhrase,
    /// By likeness to other requests: words in it were misheard.
    Likeness,
}

/// Whether the caller asks for a person, in English or Chinese. `extra` are the flow's own phrases; they count wherever
/// they stand in the text.
pub fn asks_for_person(text: &str, extra: &[String]) -> Option<PersonRequest> {
    if text.chars().any(is_han)
        && let Some((phrase, rule)) = chinese::request(text)
    {
        return Some(PersonRequest { phrase, rule });
    }
    let said = words(text);
    if let Some((phrase, rule)) = english::request(&said) {
        return Some(PersonRequest { phrase, rule });
    }
    extra
        .iter()
        .find(|phrase| contains(&said, text, phrase))
        .map(|phrase| PersonRequest { phrase: phrase.clone(), rule: PersonRule::FlowPhrase })
}

/// The first of these phrases that the text says of somebody: as whole words, and not after a "not" ("this is not an emergency").
pub fn says_one_of(text: &str, phrases: &[String]) -> Option<String> {
    let said = words(text);
    phrases.iter().find(|phrase| contains(&said, text, phrase) && !denied(&said, text, phrase)).cloned()
}

/// Whether every place of a phrase stands right after a denial of it.
fn denied(said: &[String], text: &str, phrase: &str) -> bool {
    if phrase.chars().any(is_han) {
        let (plain, phrase) = (chinese::plain(text), chinese::plain(phrase));
        let before = |at: usize| plain[..at].trim_end();
        return plain.match_indices(&phrase).all(|(at, _)| ["不是", "没有", "不算"].iter().any(|no| before(at).ends_with(no)));
    }
    let wanted = words(phrase);
    let filler = |word: &String| matches!(word.as_str(), "a" | "an" | "any" | "the" | "really" | "real");
    let denies = |word: &String| matches!(word.as_str(), "not" | "no" | "isnt" | "isn't" | "never" | "without");
    let places = (0..said.len()).filter(|at| said[*at..].starts_with(&wanted));
    // Only what belongs to the phrase: "he can not breathe, heart attack" and "no, it is on fire" deny nothing.
    let mut denials = places.map(|at| {
        let before = &said[at.saturating_sub(3)..at];
        let last = before.iter().rposition(|word| !filler(word));
        last.is_some_and(|i| denies(&before[i]) && (i + 1 == before.len() || !matches!(before[i].as_str(), "no" | "without")))
    });
    denials.all(|denied| denied)
}

/// Whether a text that nobody understands is like a request for a person with misheard words in it ("I want do sake to a person").
/// Other things are like one, too ("please get me an uber"): ask only where there is no other understanding.
pub fn seems_to_ask(text: &str) -> Option<PersonRequest> {
    learned::request(&words(text)).map(|phrase| PersonRequest { phrase, rule: PersonRule::Likeness })
}

/// Makes [`seems_to_ask`] ready, which takes a fraction of a second once.
pub fn warm() {
    learned::warm();
}

/// Wordings worth putting into recognition grammars and spotters of a language; every one of them is a request by itself.
pub fn phrases(language: Language) -> &'static [&'static str] {
    match language {
        Language::EN => english_words::PHRASES,
        Language::ZH => chinese::PHRASES,
        _ => &[],
    }
}

fn contains(said: &[String], text: &str, phrase: &str) -> bool {
    if phrase.chars().any(is_han) {
        return chinese::plain(text).contains(&chinese::plain(phrase));
    }
    let wanted = words(phrase);
    !wanted.is_empty() && said.windows(wanted.len()).any(|w| w == wanted.as_slice())
}
