//! Requests in which a recogniser got words wrong. The same model that finds intents learns requests and talk of persons, each also
//! as it sounds with word errors; it speaks up only where it is sure, and never for a text that is long or without any word that
//! names a person or a way to one.

use super::english_words::{ANYBODY, STAFF};
use super::examples::{MORE_REQUESTS, REQUESTS};
use super::talk::NOT_REQUESTS;
use crate::base::Language;
use crate::nlu::background;
use crate::nlu::core::{Core, MANY_TEXTS, Sample};
use crate::nlu::mishear::Mishearing;
use crate::nlu::normalise::{is_han, words};
use crate::nlu::sound::{apart, sounds};
use std::sync::LazyLock;

/// From this probability on it is a request.
const SURE: f32 = 0.6;
/// Longer texts tell a story; what is asked for in them is left to the rules.
const WORDS_MAX: usize = 16;
/// How often each example is learned with errors, and how many words are wrong then.
const MISHEARD: usize = 4;
const WRONG: f64 = 0.3;
/// How far the sounds of a misheard word are from the word at most.
const KINDRED: f32 = 0.34;

static MODEL: LazyLock<Core> = LazyLock::new(|| {
    let everyday = [Language::EN, Language::ZH].into_iter().flat_map(|l| background::sentences(l).iter().copied());
    train(&[REQUESTS, MORE_REQUESTS].concat(), &NOT_REQUESTS.iter().copied().chain(everyday).collect::<Vec<_>>())
});

/// Learns, if that has not been done yet: a fraction of a second.
pub(super) fn warm() {
    LazyLock::force(&MODEL);
}

/// The words, if they are likely a request.
pub(super) fn request(said: &[String]) -> Option<String> {
    (chance(&MODEL, said) >= SURE).then(|| said.join(" "))
}

/// How likely these words are a request, 0 to 1.
fn chance(model: &Core, said: &[String]) -> f32 {
    if said.is_empty() || said.len() > WORDS_MAX || !said.iter().any(|word| names(word)) {
        return 0.0;
    }
    model.rank(said).intents[0]
}

/// Words of which a request has at least one, or one that sounds like it.
static NAMING: LazyLock<Vec<String>> = LazyLock::new(|| {
    let ways = ["talk", "speak", "through", "transferred", "robot", "bot"];
    STAFF.iter().chain(ANYBODY).chain(&ways).map(|word| sounds(word)).collect()
});

/// Whether this word names a person of ours, or a way to one, as far as it was heard.
fn names(word: &str) -> bool {
    if word.chars().any(is_han) {
        return ["人", "客服", "转", "轉", "经理", "领导", "接线"].iter().any(|part| word.contains(part));
    }
    let heard = sounds(word);
    NAMING.iter().any(|name| apart(&heard, name) <= KINDRED)
}

fn train(requests: &[&str], others: &[&str]) -> Core {
    let mut samples = Vec::new();
    let all = || requests.iter().chain(others).copied();
    let mut add = |text: &str, class: usize| {
        let words = words(text);
        if !words.is_empty() {
            samples.push(Sample { words, class: Some(class) });
        }
    };
    for (texts, class) in [(requests, 0), (others, 1)] {
        texts.iter().for_each(|text| add(text, class));
    }
    let mut errors = Mishearing::new(all(), WRONG, 1);
    for _ in 0..MISHEARD {
        for (texts, class) in [(requests, 0), (others, 1)] {
            texts.iter().for_each(|text| add(&errors.hear(text), class));
        }
    }
    Core::train(&samples.iter().collect::<Vec<_>>(), 2, samples.len() >= MANY_TEXTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbled_requests_are_found_and_the_rest_is_not() {
        let likely = |text: &str| chance(&MODEL, &words(text));
        for text in ["i want do sake to a person", "transfer may to any agent", "can i speak do someone please"] {
            assert!(likely(text) >= SURE, "{text}: {}", likely(text));
        }
        for text in ["where is my parcel", "i want to pay my bill", "my agent told me so", "four two seven", "", "yes"] {
            assert!(likely(text) < SURE, "{text}: {}", likely(text));
        }
    }
}
