//! Adding sentences to a flow's text without touching anything else in it: comments, order and layout stay.

use super::document::{At, Document, Words};
use super::finding::Report;
use super::{bundle, read, yaml};
use crate::base::Language;
use std::collections::BTreeMap;

/// A sentence to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExample {
    /// The intent; `None` = out of scope.
    pub intent: Option<String>,
    /// In which language.
    pub language: Language,
    /// What callers say.
    pub text: String,
}

/// The flow's text (or the whole of its files) with the sentences added, each behind the last one of its intent and language.
///
/// # Errors
/// One sentence: the text is no flow, the intent or its language is not there, or it is written in a way that only people can change.
pub fn with_examples(text: &str, add: &[NewExample]) -> Result<String, String> {
    let mut report = Report::new("flow");
    let document = yaml::parse(text, &mut report)
        .and_then(|trees| bundle::merged(trees, &mut report))
        .and_then(|tree| read::read(&tree, &mut report));
    let document = document.ok_or("this is no flow: `hotline check` tells why")?;
    let first = document.languages.first().map_or(Language::EN, |tag| tag.value.0);
    let mut by_line: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for new in add {
        by_line.entry(last_line(&document, new, first)?).or_default().push(&new.text);
    }
    let mut out = String::with_capacity(text.len() + 64 * add.len());
    for (number, line) in (1u32..).zip(text.split_inclusive('\n')) {
        match by_line.get(&number) {
            None => out.push_str(line),
            Some(sentences) => out.push_str(&extended(line, sentences).ok_or_else(|| {
                let (_, number) = bundle::place(text, "", number);
                format!("line {number}: the examples stand there in a way that only people can add to: write them one below the other")
            })?),
        }
    }
    Ok(out)
}

/// The line of the last sentence that stands there already.
fn last_line(document: &Document, new: &NewExample, first: Language) -> Result<u32, String> {
    let (words, place) = match &new.intent {
        Some(name) => {
            let intent = document.intents.iter().flat_map(|i| &i.0).find(|(n, _)| n.value == *name);
            (intent.map(|(_, intent)| &intent.examples), format!("the intent `{name}`"))
        }
        None => (document.out_of_scope.as_ref(), "the list `out_of_scope`".to_string()),
    };
    let words = words.ok_or_else(|| format!("the flow does not have {place}"))?;
    let in_language = |w: &Words| {
        let of = |language: &Option<Language>| language.unwrap_or(first) == new.language;
        let sentences: Vec<At<String>> = w.by_language.iter().filter(|(l, _)| of(l)).flat_map(|(_, s)| s.clone()).collect();
        sentences.last().map(|s| s.line)
    };
    in_language(words).ok_or_else(|| format!("{place} has no sentence in `{}` yet: write the first one by hand", new.language))
}

/// The line with the sentences behind it (or, in a list in brackets, in it).
fn extended(line: &str, sentences: &[&str]) -> Option<String> {
    let quoted: Vec<String> = sentences.iter().map(|s| serde_json::Value::from(*s).to_string()).collect();
    let indent = line.len() - line.trim_start().len();
    if line.trim_start().starts_with("- ") {
        let dash = &line[..indent];
        let end = if line.ends_with('\n') { "" } else { "\n" };
        let more: String = quoted.iter().map(|s| format!("{dash}- {s}\n")).collect();
        return Some(format!("{line}{end}{more}"));
    }
    let close = line.rfind(']')?;
    line[..close].rfind('[')?;
    Some(format!("{}, {}{}", &line[..close].trim_end(), quoted.join(", "), &line[close..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;

    const FLOW: &str = include_str!("../../tests/calls/shop.yaml");

    fn new(intent: Option<&str>, text: &str) -> NewExample {
        NewExample { intent: intent.map(str::to_string), language: Language::EN, text: text.into() }
    }

    #[test]
    fn sentences_come_behind_the_last_one_and_nothing_else_changes() {
        let add = [new(Some("opening"), "is it: open?"), new(Some("opening"), "no"), new(None, "buy me a horse")];
        let text = with_examples(FLOW, &add).expect("added");
        let flow = Flow::load(&text, "shop.yaml", &BTreeMap::new()).expect("a good flow").flow;
        let examples = flow.examples(Language::EN);
        assert!(examples.contains(&("opening", "is it: open?")) && examples.contains(&("opening", "no")));
        let kept: String = text
            .lines()
            .filter(|l| !l.contains("is it: open?") && !l.contains("\"no\"") && !l.contains("horse"))
            .map(|l| format!("{l}\n"))
            .collect();
        assert_eq!(kept, FLOW);
    }

    #[test]
    fn lists_in_brackets_grow_and_what_is_not_there_is_said() {
        let flow = "hotline: 1\nname: a\nlanguages: [en]\nintents:\n  cake:\n    examples: [bake a cake, a cake please] # cakes\nnodes: {}\n";
        let text = with_examples(flow, &[new(Some("cake"), "a pie")]).expect("added");
        assert!(text.contains("examples: [bake a cake, a cake please, \"a pie\"] # cakes\n"), "{text}");
        assert!(with_examples(flow, &[new(Some("pie"), "a pie")]).unwrap_err().contains("`pie`"));
        assert!(with_examples(flow, &[new(None, "a pie")]).unwrap_err().contains("out_of_scope"));
        let chinese = NewExample { language: Language::ZH, ..new(Some("cake"), "蛋糕") };
        assert!(with_examples(flow, &[chinese]).unwrap_err().contains("by hand"));
        assert!(with_examples("- no", &[]).is_err());
    }
}
