//! Wordings that every ask must hear, whatever the flow says: yes and no, "repeat", and the ways to ask for a person.
//! English; other languages bring theirs through `Grammar::person`.

use crate::base::{UNITS, below_hundred_in_words, unit};

/// How things are spelled out, a line each: an n-gram model for e-mail addresses is made of them.
pub(crate) const SPELLED: &str = "\
john dot smith at gmail dot com
my email is anna underscore five at yahoo dot com
it is j o h n at hot mail dot com
a b c d e f g h i j k l m n o p q r s t u v w x y z
a as in alpha b as in bravo c for charlie d for delta
zero one two three four five six seven eight nine
m e y e r dash shop at outlook dot com
s a l e s at example dot co dot uk
info at web dot d e
double l double s double o
at g mail dot com
at example dot org
at example dot net
c h e n one two three at q q dot com";

/// Ways to say yes.
pub(crate) const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "yes please",
    "yes it is",
    "yes that is right",
    "yes that's right",
    "yes that is correct",
    "yes that's correct",
    "yes i do",
    "yes i am",
    "that is right",
    "that's right",
    "that is correct",
    "that's correct",
    "correct",
    "right",
    "sure",
    "of course",
    "absolutely",
    "okay",
    "exactly",
    "please do",
    "go ahead",
    "i do",
    "uh-huh",
];

/// Ways to say no.
pub(crate) const NO: &[&str] = &[
    "no",
    "nope",
    "nah",
    "no thanks",
    "no thank you",
    "no it is not",
    "no it isn't",
    "no that is wrong",
    "no that's wrong",
    "no that is not right",
    "no that's not right",
    "no i don't",
    "that is wrong",
    "that's wrong",
    "that is not right",
    "that's not right",
    "not right",
    "incorrect",
    "not at all",
    "i don't",
    "i do not",
    "no that's all",
    "that's all",
    "that is all",
];

/// Asking again, and having no answer: heard in every closed ask, so that they are not bent into one of its answers.
pub(crate) const ASIDES: &[&str] = &[
    "repeat",
    "repeat that",
    "repeat that please",
    "please repeat",
    "can you repeat that",
    "could you repeat that please",
    "say that again",
    "say that again please",
    "can you say that again",
    "pardon",
    "what did you say",
    "i don't know",
    "i do not know",
    "i don't have it",
    "i'm not sure",
];

/// Asking for a person in whole sentences: alternatives of every closed grammar and examples of every open model.
pub(crate) const PERSON: &[&str] = &[
    "agent",
    "an agent",
    "agent please",
    "operator",
    "operator please",
    "representative",
    "representative please",
    "customer service",
    "customer support",
    "customer service representative",
    "a person",
    "a person please",
    "a human",
    "a human being",
    "real person",
    "a real person",
    "a real person please",
    "live person",
    "human",
    "someone",
    "speak to an agent",
    "talk to an agent",
    "talk to a person",
    "talk to a human",
    "speak to a person",
    "speak to a human",
    "speak to someone",
    "talk to someone",
    "speak to somebody",
    "talk to somebody",
    "speak to a representative",
    "talk to a representative",
    "speak to a real person",
    "talk to a real person",
    "let me talk to a person",
    "let me speak to a person",
    "let me talk to someone",
    "let me speak to someone",
    "let me speak to an agent",
    "let me talk to an agent",
    "i want to talk to a person",
    "i want to speak to a person",
    "i want to talk to someone",
    "i want to speak to someone",
    "i want to speak to an agent",
    "i want to talk to an agent",
    "i want an agent",
    "i want a human",
    "i want a person",
    "i need an agent",
    "i need a person",
    "i need a representative",
    "i need to speak to someone",
    "i would like to speak to someone",
    "i would like to speak to a person",
    "i would like to talk to somebody",
    "i'd like to speak to someone",
    "i'd like to speak to a real person",
    "i'd like to speak to customer support",
    "can i speak to someone",
    "can i talk to a person",
    "can i speak to a human",
    "can i talk to a human",
    "can i speak to an agent",
    "could i speak to someone please",
    "put me through to an agent",
    "put me through to customer service",
    "connect me to an agent",
    "connect me to a person",
    "transfer me to an agent",
    "transfer me to a person",
    "transfer me",
    "get me a person",
    "get me a human",
    "give me a person",
    "give me an agent",
    "give me a human",
];

/// How a request for a person begins, goes on and ends when it is a whole sentence: examples of every open model, put together by
/// [`person_sentences`].
const OPENERS: &[&str] = &[
    "can i",
    "could i",
    "may i",
    "i want to",
    "i just want to",
    "i need to",
    "i would like to",
    "i'd like to",
    "i'd rather",
    "let me",
    "please let me",
    "is there anybody i can",
    "is there someone i can",
    "i have to",
];
const SPEAK: &[&str] = &["speak to", "talk to", "speak with", "talk with"];
const PEOPLE: &[&str] = &[
    "a person",
    "a human",
    "a human being",
    "a real person",
    "a real human being",
    "a live person",
    "an agent",
    "a live agent",
    "an operator",
    "a representative",
    "someone",
    "somebody",
    "somebody please",
    "customer service",
    "customer support",
    "a manager",
    "your manager",
    "a supervisor",
    "a colleague",
    "an agent please",
    "a person please",
];
const FETCH: &[&str] = &[
    "connect me to",
    "can you connect me to",
    "connect me with",
    "transfer me to",
    "could you transfer me to",
    "put me through to",
    "can you put me through to",
    "get me",
    "can you get me",
    "give me",
    "call",
    "can somebody call",
    "i want",
    "i need",
    "i need help from",
    "is there",
];
const REFUSALS: &[&str] = &[
    "i don't want to talk to a machine",
    "i don't want to speak to a robot",
    "i want a human not a machine",
    "i need a person to help me",
    "somebody who can help me",
    "is there a real person there",
    "is anybody there",
];

/// Requests for a person as whole sentences: every beginning with three ways on. The same at every run.
pub(crate) fn person_sentences() -> Vec<String> {
    let spoken = OPENERS.iter().flat_map(|opener| SPEAK.iter().map(move |verb| format!("{opener} {verb}")));
    let beginnings: Vec<String> = spoken.chain(FETCH.iter().map(|f| (*f).to_string())).collect();
    let three = |(i, beginning): (usize, &String)| {
        let people = (0..3).map(move |k| PEOPLE[(i * 5 + k * 7) % PEOPLE.len()]);
        people.map(|who| format!("{beginning} {who}")).collect::<Vec<_>>()
    };
    let made = beginnings.iter().enumerate().flat_map(three);
    made.chain(REFUSALS.iter().map(|r| (*r).to_string())).collect()
}

/// What the spotter listens for beside every grammar, with the exponent of its detection threshold (10^−n: a larger n fires
/// more easily). Set on real speech so that false alarms are rare; see the figures in the tests of `pocketsphinx`.
pub(crate) const SPOTTED: &[(&str, i32)] = &[
    ("agent", 12),
    ("operator", 17),
    ("representative", 26),
    ("real person", 26),
    ("live person", 26),
    ("human being", 30),
    ("talk to a person", 28),
    ("speak to a person", 28),
    ("talk to a human", 28),
    ("speak to a human", 28),
    ("speak to someone", 28),
    ("talk to someone", 28),
    ("speak to somebody", 28),
    ("talk to somebody", 28),
    ("speak to an agent", 28),
    ("talk to an agent", 28),
    ("customer service", 28),
    ("customer support", 28),
];

/// Words of a phrase as the recogniser can hear them: lower case, without punctuation, figures spelt out.
pub fn spoken(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let lower = text.to_lowercase().replace('’', "'");
    for raw in lower.split(|c: char| !(c.is_ascii_alphanumeric() || c == '\'')) {
        let word = raw.trim_matches('\'');
        if word.is_empty() {
            continue;
        }
        if word.bytes().any(|b| b.is_ascii_digit()) {
            figures(word, &mut out);
        } else {
            out.push(word.to_string());
        }
    }
    out.join(" ")
}

/// `24` → twenty four; longer or mixed ones character by character.
fn figures(word: &str, out: &mut Vec<String>) {
    let number = word.parse().ok().filter(|_| word.len() <= 2).and_then(below_hundred_in_words);
    match number {
        Some(words) => out.extend(words.into_iter().map(String::from)),
        None => out.extend(word.chars().filter(char::is_ascii_alphanumeric).map(|c| match c.to_digit(10) {
            Some(d) => UNITS[d as usize].to_string(),
            None => c.to_string(),
        })),
    }
}

/// The number of a spoken digit.
pub(crate) fn digit_of(word: &str) -> Option<u8> {
    if word == "oh" || word == "o" {
        return Some(0);
    }
    unit(word).filter(|n| *n < 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_as_they_are_spoken() {
        assert_eq!(spoken("Where's my parcel?"), "where's my parcel");
        assert_eq!(spoken("24 hours, room 101"), "twenty four hours room one zero one");
        assert_eq!(digit_of("oh"), Some(0));
        assert_eq!(digit_of("ten"), None);
    }
}
