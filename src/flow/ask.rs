//! From a question of the flow to an [`Ask`] of the call: what is expected by voice, by key, and what is said meanwhile.

use super::action::{Ask, AskKind, Choice, LookUp, MenuOption};
use super::model::{Flow, Lookup, Node, OptionWay, Question, SlotKind, Ways};
use super::phrases::{Phrase, key_word, repeat_words};
use super::slot_kinds::{self, PHONE_DIGITS};
use super::template::Scope;
use crate::base::{Digit, Expect, Grammar, Language, PromptPart};
use crate::nlu::slots::ValueKind;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Quiet after a prompt before the silence ladder begins, where the flow does not say.
pub(super) const NO_INPUT: Duration = Duration::from_secs(6);

/// What is the same for all parts of one question.
pub(super) struct Place<'a> {
    pub(super) language: Language,
    pub(super) scope: &'a Scope,
    pub(super) folder: &'a Path,
}

/// What is expected of the caller.
pub(super) struct Expected {
    kind: AskKind,
    expect: Expect,
    keys: BTreeMap<Digit, Choice>,
    /// The keys' own sentences.
    key_prompt: Vec<PromptPart>,
}

/// Puts a question together. Re-prompts and the key prompt are filled in where the flow has none.
pub(super) fn build(
    flow: &Flow,
    place: &Place<'_>,
    node: &Node,
    question: &Question,
    prompt: Vec<PromptPart>,
    expected: Expected,
    sensitive: bool,
) -> Ask {
    let mut key_prompt = question.key_prompt.as_ref().and_then(|s| spoken(flow, place, s)).unwrap_or_default();
    if key_prompt.is_empty() {
        key_prompt = expected.key_prompt;
        key_prompt.extend(flow.phrase(Phrase::PersonByKey, place.language));
    }
    let mut reprompts: Vec<_> = question.reprompts.iter().filter_map(|s| spoken(flow, place, s)).collect();
    if reprompts.is_empty() {
        let after = |phrase, rest: &[PromptPart]| {
            let mut parts = flow.phrase(phrase, place.language);
            parts.extend_from_slice(rest);
            parts
        };
        reprompts = vec![after(Phrase::NotUnderstood, &prompt), after(Phrase::StillNotUnderstood, &key_prompt)];
    }
    let person = flow.spotted(place.language);
    Ask {
        node: node.name.clone(),
        prompt,
        reprompts,
        key_prompt,
        barge_in: node.barge_in,
        kind: expected.kind,
        grammar: Grammar { language: place.language, expect: expected.expect, person },
        keys: expected.keys,
        no_input: question.no_input,
        sensitive,
    }
}

fn spoken(flow: &Flow, place: &Place<'_>, speech: &super::model::Speech) -> Option<Vec<PromptPart>> {
    flow.render(speech.variant(place.language, 0), place.scope, place.folder).ok()
}

/// Expects what a node's own question wants.
pub(super) fn ways(flow: &Flow, place: &Place<'_>, ways: &Ways) -> Expected {
    match ways {
        Ways::Intents { keys, open, .. } => intents(flow, place, keys, open),
        Ways::Menu(options) => closed(flow, place, options, AskKind::Menu),
        Ways::Language { options, .. } => closed(flow, place, options, AskKind::Language),
        Ways::YesNo { .. } => yes_no(flow, place),
        Ways::Value { slot, kind, .. } => value(flow, place, slot, kind, &[]),
    }
}

/// Expects yes or no: keys 1 and 2.
pub(super) fn yes_no(flow: &Flow, place: &Place<'_>) -> Expected {
    let keys = [('1', Choice::Yes), ('2', Choice::No)];
    let keys = keys.into_iter().filter_map(|(c, choice)| Some((Digit::from_char(c)?, choice))).collect();
    Expected {
        kind: AskKind::YesNo,
        expect: Expect::YesNo { phrases: repeats(place.language).into() },
        keys: with_repeat(keys),
        key_prompt: flow.phrase(Phrase::YesNoByKey, place.language),
    }
}

/// Expects a yes or no that is sure, to what was collected.
pub(super) fn assent(flow: &Flow, place: &Place<'_>) -> Expected {
    Expected { kind: AskKind::Assent, ..yes_no(flow, place) }
}

/// Expects yes or no to digits that were read back, or what they are instead. `denied` = what they are not.
pub(super) fn confirm(flow: &Flow, place: &Place<'_>, read_back: (&str, &str), kind: &SlotKind, denied: &[String]) -> Expected {
    let (min, max, check) = match *kind {
        SlotKind::Digits { min, max, check } => (min, max, check),
        SlotKind::Value(ValueKind::Phone { .. }) => (PHONE_DIGITS.0, PHONE_DIGITS.1, None),
        _ => return assent(flow, place),
    };
    let (slot, value) = (read_back.0.to_string(), read_back.1.to_string());
    Expected {
        kind: AskKind::Confirm { slot, value, min, max, check, denied: denied.to_vec() },
        expect: Expect::Confirm { max, phrases: repeats(place.language).into() },
        ..yes_no(flow, place)
    }
}

/// Expects a slot's value. `denied` = what it is not.
pub(super) fn value(flow: &Flow, place: &Place<'_>, slot: &str, kind: &SlotKind, denied: &[String]) -> Expected {
    let slot = slot.to_string();
    let (kind, expect, key_prompt) = match kind {
        SlotKind::YesNo => return yes_no(flow, place),
        &SlotKind::Digits { min, max, check } => {
            let key_prompt = if min == max {
                flow.phrase_with(Phrase::DigitsByKey, place.language, &[("count", &min.to_string())])
            } else {
                flow.phrase(Phrase::NumberByKey, place.language)
            };
            let denied = denied.to_vec();
            (AskKind::Digits { slot, min, max, check, denied }, Expect::Digits { min, max, check }, key_prompt)
        }
        SlotKind::Number => (AskKind::Number { slot }, Expect::Number, flow.phrase(Phrase::NumberByKey, place.language)),
        SlotKind::Date => (AskKind::Date { slot }, Expect::Date, flow.phrase(Phrase::DateByKey, place.language)),
        SlotKind::Value(kind) => {
            let (expect, keys, key_prompt) = slot_kinds::expected(flow, place, kind);
            return Expected { kind: AskKind::Value { slot, kind: kind.clone() }, expect, keys, key_prompt };
        }
    };
    Expected { kind, expect, keys: BTreeMap::new(), key_prompt }
}

fn intents(
    flow: &Flow,
    place: &Place<'_>,
    keys: &BTreeMap<Digit, Choice>,
    open: &BTreeMap<Language, (Arc<str>, Arc<[String]>)>,
) -> Expected {
    let (name, examples) =
        open.get(&place.language).cloned().unwrap_or_else(|| (place.language.as_str().into(), Arc::default()));
    let mut key_prompt = Vec::new();
    for (key, choice) in keys {
        let label = match choice {
            Choice::Intent(name) => intent_label(flow, place, name),
            Choice::Option(node) => label_of_node(flow, place, node),
            _ => continue,
        };
        key_prompt.extend(key_line(flow, place, &label, *key));
    }
    Expected { kind: AskKind::Intents, expect: Expect::Open { name, examples }, keys: with_repeat(keys.clone()), key_prompt }
}

fn closed(flow: &Flow, place: &Place<'_>, options: &[OptionWay], kind: fn(Vec<MenuOption>) -> AskKind) -> Expected {
    let of = |o: &OptionWay| MenuOption { name: o.name.clone(), phrases: option_phrases(o, place.language), key: o.key };
    let offered: Vec<MenuOption> = options.iter().map(of).collect();
    let keys = offered.iter().filter_map(|o| Some((o.key?, Choice::Option(o.name.clone())))).collect();
    let mut key_prompt = Vec::new();
    for option in options {
        if let Some(key) = option.key {
            let own = option.label.as_ref().and_then(|s| spoken(flow, place, s));
            let language_name = Language::parse(&option.name).filter(|_| matches!(kind(Vec::new()), AskKind::Language(_)));
            match (own, language_name) {
                // A language's own line already names its key.
                (Some(line), Some(_)) => key_prompt.extend(line),
                (own, _) => {
                    let first = option_phrases(option, place.language).into_iter().next();
                    let label = own.map_or_else(|| first.unwrap_or_else(|| option.name.clone()), |parts| words(&parts));
                    key_prompt.extend(key_line(flow, place, &label, key));
                }
            }
        }
    }
    closed_list(place, offered, keys, key_prompt, kind)
}

/// Expects one of these options.
pub(super) fn closed_list(
    place: &Place<'_>,
    options: Vec<MenuOption>,
    keys: BTreeMap<Digit, Choice>,
    key_prompt: Vec<PromptPart>,
    kind: fn(Vec<MenuOption>) -> AskKind,
) -> Expected {
    let mut phrases: Vec<String> = options.iter().flat_map(|o| o.phrases.clone()).collect();
    phrases.extend(repeats(place.language));
    Expected { kind: kind(options), expect: Expect::Choice { phrases: phrases.into() }, keys: with_repeat(keys), key_prompt }
}

/// An option's phrases in a language; a language's own phrases count whatever is spoken now.
fn option_phrases(option: &OptionWay, language: Language) -> Vec<String> {
    let own = option.phrases.get(&language).or_else(|| option.phrases.values().next());
    own.cloned().unwrap_or_default()
}

pub(super) fn repeats(language: Language) -> Vec<String> {
    repeat_words(language).iter().map(|w| (*w).to_string()).collect()
}

/// The hash key repeats, unless the flow uses it.
pub(super) fn with_repeat(mut keys: BTreeMap<Digit, Choice>) -> BTreeMap<Digit, Choice> {
    if let Some(hash) = Digit::from_char('#') {
        keys.entry(hash).or_insert(Choice::Repeat);
    }
    keys
}

pub(super) fn key_line(flow: &Flow, place: &Place<'_>, label: &str, key: Digit) -> Vec<PromptPart> {
    let key = key_word(key, place.language);
    flow.phrase_with(Phrase::OptionByKey, place.language, &[("label", label), ("key", &key)])
}

fn intent_label(flow: &Flow, place: &Place<'_>, name: &str) -> String {
    let intent = flow.intents.get(name);
    let label = intent.and_then(|i| i.label.as_ref()).and_then(|s| spoken(flow, place, s)).map(|parts| words(&parts));
    let example = || intent.and_then(|i| i.examples.get(&place.language)).and_then(|e| e.first()).cloned();
    label.or_else(example).unwrap_or_else(|| name.replace(['.', '_'], " "))
}

fn label_of_node(flow: &Flow, place: &Place<'_>, name: &str) -> String {
    let node = flow.node_named(name).and_then(|i| flow.nodes.get(i));
    let own = node.and_then(|n| n.label.as_ref()).and_then(|s| spoken(flow, place, s));
    words(&own.unwrap_or_else(|| flow.phrase(Phrase::MoreOptions, place.language)))
}

fn words(parts: &[PromptPart]) -> String {
    let texts = parts.iter().filter_map(|p| if let PromptPart::Text(t) = p { Some(t.as_str()) } else { None });
    texts.collect::<Vec<_>>().join(" ")
}

/// Renders a question to the outside. The error is one sentence.
pub(super) fn look_up(
    flow: &Flow,
    name: &str,
    lookup: &Lookup,
    scope: &Scope,
    waiting: Vec<PromptPart>,
) -> Result<LookUp, String> {
    let body = lookup.body.as_ref().map(|b| fill_in(flow, b, scope)).transpose()?;
    Ok(LookUp {
        name: name.to_string(),
        method: lookup.method.to_string(),
        url: flow.templates.address(&lookup.url, scope)?,
        body,
        timeout: lookup.timeout,
        retries: lookup.retries,
        cache: lookup.cache,
        waiting: Some(waiting),
        sensitive: lookup.sensitive,
    })
}

/// Renders the texts of a JSON body. Depth is bounded by the YAML reader.
fn fill_in(flow: &Flow, value: &serde_json::Value, scope: &Scope) -> Result<serde_json::Value, String> {
    use serde_json::Value;
    Ok(match value {
        Value::String(template) => flow.templates.words(template, scope)?.into(),
        Value::Array(items) => Value::Array(items.iter().map(|v| fill_in(flow, v, scope)).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let filled: Result<_, String> = map.iter().map(|(k, v)| Ok((k.clone(), fill_in(flow, v, scope)?))).collect();
            Value::Object(filled?)
        }
        other => other.clone(),
    })
}
