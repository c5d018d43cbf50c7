//! What labelled misses would bring: before and after, on sentences that were held out.

use crate::flow::{Flow, NewExample};
use crate::nlu::{Example, Matcher};
use serde::Serialize;

/// Each text is held out once.
const FOLDS: usize = 5;

/// How many are understood rightly, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BeforeAfter {
    /// Of so many.
    pub of: u32,
    /// With the flow as it is.
    pub before: u32,
    /// With the new sentences.
    pub after: u32,
}

/// What labelled misses would bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Learned {
    /// The new sentences; after = learned from the others of them.
    pub new: BeforeAfter,
    /// The flow's own examples, each held out; they should not become fewer.
    pub own: BeforeAfter,
}

/// Compares a flow's matcher with one that learns from `add`, too. Takes as long as sixteen trainings.
///
/// # Errors
/// What the matcher says to these sentences.
pub fn learned(flow: &Flow, add: &[NewExample]) -> Result<Learned, String> {
    let example = |intent: &str, text: &str, language| Example { intent: intent.into(), text: text.into(), language };
    let own: Vec<Example> =
        flow.languages.iter().flat_map(|&l| flow.examples(l).into_iter().map(move |(i, t)| example(i, t, l))).collect();
    let train = |examples: &[Example], outside: &[String]| Matcher::train(examples, outside).map_err(|e| e.to_string());
    let right = |matcher: &Matcher, text: &str, meant: Option<&str>| matcher.decide(text).intent.as_deref() == meant;
    let mut found = Learned::default();
    let as_it_is = train(&own, &flow.out_of_scope)?;
    for new in add {
        found.new.of += 1;
        found.new.before += u32::from(right(&as_it_is, &new.text, new.intent.as_deref()));
    }
    let parts = |examples: &[NewExample], keep: &dyn Fn(usize) -> bool| {
        let (mut inside, mut outside) = (Vec::new(), flow.out_of_scope.clone());
        for (_, new) in examples.iter().enumerate().filter(|(n, _)| keep(*n)) {
            match &new.intent {
                Some(intent) => inside.push(example(intent, &new.text, new.language)),
                None => outside.push(new.text.clone()),
            }
        }
        (inside, outside)
    };
    for fold in 0..FOLDS {
        let (inside, outside) = parts(add, &|n| n % FOLDS != fold);
        let all: Vec<Example> = own.iter().cloned().chain(inside).collect();
        let matcher = train(&all, &outside)?;
        for (_, new) in add.iter().enumerate().filter(|(n, _)| n % FOLDS == fold) {
            found.new.after += u32::from(right(&matcher, &new.text, new.intent.as_deref()));
        }
        // The flow's own examples, held out of both.
        let rest: Vec<Example> = own.iter().enumerate().filter(|(n, _)| n % FOLDS != fold).map(|(_, e)| e.clone()).collect();
        let before = train(&rest, &flow.out_of_scope)?;
        let (inside, outside) = parts(add, &|_| true);
        let after = train(&rest.iter().cloned().chain(inside).collect::<Vec<_>>(), &outside)?;
        for (_, e) in own.iter().enumerate().filter(|(n, _)| n % FOLDS == fold) {
            found.own.of += 1;
            found.own.before += u32::from(right(&before, &e.text, Some(&e.intent)));
            found.own.after += u32::from(right(&after, &e.text, Some(&e.intent)));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Language;
    use std::collections::BTreeMap;

    #[test]
    fn sentences_that_callers_use_are_understood_after() {
        let text = include_str!("../../tests/calls/shop.yaml");
        let flow = Flow::load(text, "shop.yaml", &BTreeMap::new()).expect("a good flow").flow;
        let new = |intent: Option<&str>, text: &str| NewExample {
            intent: intent.map(str::to_string),
            language: Language::EN,
            text: text.into(),
        };
        let add = [
            new(Some("table"), "four of us tonight"),
            new(Some("table"), "two of us tomorrow"),
            new(Some("table"), "six of us on friday"),
            new(Some("table"), "three of us this evening"),
            new(Some("table"), "the two of us tonight please"),
            new(None, "my horse is lame"),
        ];
        let found = learned(&flow, &add).expect("learned");
        assert_eq!(found.new.of, 6);
        assert!(found.new.after > found.new.before, "{found:?}");
        assert!(found.own.after + 6 >= found.own.before && found.own.of > 50, "{found:?}");
    }
}
