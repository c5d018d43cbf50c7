//! Rules about the whole conversation: what callers can reach, by voice and by key; what never ends; what is known where.
//! Start at [`check`]. Rules that need only one line of the file are in `read` and `compile`.

use super::action::Choice;
use super::document::Piece;
use super::finding::Report;
use super::model::{Flow, Goto, Last, Node, OptionWay, Speech, Ways};
use super::rules_known;
use super::rules_map::{self, Map, place, surely_asks};
use crate::base::Language;
use crate::nlu::person::asks_for_person;
use crate::nlu::spoken_words;
use std::collections::{BTreeMap, BTreeSet};

/// Most options that anybody keeps in mind.
const OPTIONS_MAX: usize = 4;
/// Words of about twelve seconds of speech.
const PROMPT_WORDS_MAX: usize = 45;

/// Checks everything that needs the whole flow.
pub(crate) fn check(flow: &Flow, report: &mut Report) {
    let map = Map::of(flow);
    unreachable(flow, &map, report);
    silent_loops(flow, &map, report);
    target_cycles(flow, report);
    rules_map::check(flow, &map, report);
    for (index, node) in flow.nodes.iter().enumerate() {
        keys_and_voice(flow, index, node, report);
    }
    person_words(flow, report);
    same_examples(flow, report);
    welcome(flow, &map, report);
    long_prompts(flow, report);
    // What follows from an error is no news.
    if !report.has_errors() {
        unused(flow, report);
        rules_known::check(flow, &map, report);
    }
}

fn unreachable(flow: &Flow, map: &Map, report: &mut Report) {
    let mut reached = map.reach(flow.start, |_| false);
    // Any question may be answered by any intent: callers change their minds.
    let open = |i: &usize| matches!(flow.nodes[*i].last, Last::Ask(..)) || !flow.nodes[*i].needs.is_empty();
    if reached.iter().any(open) && reached.iter().any(|i| matches!(flow.nodes[*i].last, Last::Ask(_, Ways::Intents { .. }))) {
        for go in flow.intents.values().filter_map(|i| place(&i.go)) {
            reached.extend(map.reach(go, |_| false));
        }
    }
    for after in flow.after_talks() {
        reached.extend(map.reach(after, |_| false));
    }
    let lost: Vec<usize> = (0..flow.nodes.len()).filter(|i| !reached.contains(i)).collect();
    let entered: BTreeSet<usize> =
        lost.iter().flat_map(|i| map.ways[*i].iter().copied().filter(move |next| next != i)).collect();
    // What only follows a lost node is found with it: only the first of each row is told.
    let mut told = BTreeSet::new();
    for index in lost.iter().filter(|i| !entered.contains(i)).chain(&lost) {
        if told.contains(index) {
            continue;
        }
        told.extend(map.reach(*index, |_| false));
        let node = &flow.nodes[*index];
        let message = format!("nothing leads to the node `{}`", node.name);
        report.error(
            node.line,
            "unreachable",
            message,
            "let a `then`, a key, an intent or a branch lead to it, or take it out",
        );
    }
}

/// Circles of nodes in which the caller is never heard: nobody could ask for a person there, and the call would not end.
fn silent_loops(flow: &Flow, map: &Map, report: &mut Report) {
    let ways = map.silent_ways(flow);
    // Peel off every node that leads out: what asks, what ends, and then whatever leads only to those.
    let mut left: BTreeSet<usize> = (0..flow.nodes.len()).filter(|i| !surely_asks(&flow.nodes[*i])).collect();
    loop {
        let ends: Vec<usize> = left.iter().copied().filter(|i| !ways[*i].iter().any(|next| left.contains(next))).collect();
        if ends.is_empty() {
            break;
        }
        for i in ends {
            left.remove(&i);
        }
    }
    // Also from the other side, so that only the circles and what joins two of them remain.
    loop {
        let entered: BTreeSet<usize> = left.iter().flat_map(|i| ways[*i].iter().copied()).collect();
        let heads: Vec<usize> = left.iter().copied().filter(|i| !entered.contains(i)).collect();
        if heads.is_empty() {
            break;
        }
        for i in heads {
            left.remove(&i);
        }
    }
    let Some(&first) = left.iter().next() else { return };
    let names: Vec<String> = left.iter().take(6).map(|i| format!("`{}`", flow.nodes[*i].name)).collect();
    let message = format!("{} may go round without ever listening: a person cannot be reached there", names.join(", "));
    report.error(flow.nodes[first].line, "silent-loop", message, "put a question into the circle, or let it end");
}

fn target_cycles(flow: &Flow, report: &mut Report) {
    for target in flow.targets.values() {
        let mut seen = BTreeSet::new();
        let mut at = Some(target);
        while let Some(t) = at {
            if !seen.insert(t.name.as_str()) {
                let message = format!(
                    "after the target `{}` it goes round: {}",
                    target.name,
                    seen.iter().copied().collect::<Vec<_>>().join(", ")
                );
                let remedy = "leave `next` out of the last one: then a message is taken";
                report.error(flow.target_lines.get(&target.name).copied().unwrap_or(1), "target-cycle", message, remedy);
                break;
            }
            at = t.next.as_ref().and_then(|n| flow.targets.get(n));
        }
    }
}

/// Everything that can be said can be keyed, and the other way round.
fn keys_and_voice(flow: &Flow, index: usize, node: &Node, report: &mut Report) {
    match &node.last {
        Last::Ask(_, Ways::Intents { names, keys, .. }) => {
            open_question(flow, index, node, names, report);
            for (key, choice) in keys {
                key_only(flow, node, key.as_char(), choice, report);
            }
            let spoken = keys.values().filter(|c| matches!(c, Choice::Intent(_))).count();
            too_many(node.line, spoken, report);
        }
        Last::Ask(_, Ways::Menu(options)) => closed_question(flow, node, options, |_| flow.languages.clone(), report),
        Last::Ask(_, Ways::Language { options, .. }) => {
            let own = |o: &OptionWay| Language::parse(&o.name).into_iter().collect();
            closed_question(flow, node, options, own, report);
        }
        _ => {}
    }
}

fn too_many(line: u32, count: usize, report: &mut Report) {
    if count > OPTIONS_MAX {
        let message = format!("{count} options are more than anybody keeps in mind");
        report.warning(line, "many-options", message, format!("offer at most {OPTIONS_MAX}, the others behind a key for more"));
    }
}

/// Intents that no row of keys leads to.
fn open_question(flow: &Flow, index: usize, node: &Node, names: &BTreeSet<String>, report: &mut Report) {
    let mut keyed: BTreeSet<usize> = BTreeSet::new();
    let mut todo = vec![index];
    let mut asked = BTreeSet::from([index]);
    while let Some(at) = todo.pop() {
        for goto in key_ways(flow, at) {
            // A person is on key 0 everywhere.
            let Goto::Node(next) = goto else { continue };
            keyed.insert(next);
            if asked.insert(next) {
                todo.push(next);
            }
        }
    }
    let served = |name: &&String| match flow.intents.get(*name).map(|i| i.go) {
        Some(Goto::Node(go)) => keyed.contains(&go),
        _ => true,
    };
    let missing: Vec<String> = names.iter().filter(|n| !served(n)).map(|n| format!("`{n}`")).collect();
    if !missing.is_empty() {
        let message = format!("no keys lead from the question of `{}` to {}", node.name, missing.join(", "));
        let remedy = "add them under `keys`, or a key for more that leads to a question with further keys";
        report.error(node.line, "no-key", message, remedy);
    }
}

/// Where the keys of a node lead that asks.
fn key_ways(flow: &Flow, index: usize) -> Vec<Goto> {
    match &flow.nodes[index].last {
        Last::Ask(_, Ways::Intents { keys, .. }) => {
            let way = |choice: &Choice| match choice {
                Choice::Intent(name) => flow.intents.get(name).map(|i| i.go),
                Choice::Option(node) => flow.node_named(node).map(Goto::Node),
                _ => None,
            };
            keys.values().filter_map(way).collect()
        }
        Last::Ask(_, Ways::Menu(options)) => options.iter().filter(|o| o.key.is_some()).map(|o| o.go).collect(),
        _ => Vec::new(),
    }
}

/// A key that leads where no words lead.
fn key_only(flow: &Flow, node: &Node, key: char, choice: &Choice, report: &mut Report) {
    let Choice::Option(name) = choice else { return };
    let Some(place) = flow.node_named(name) else { return };
    let asks = matches!(flow.nodes[place].last, Last::Ask(_, Ways::Intents { .. } | Ways::Menu(_)));
    let spoken = flow.intents.values().any(|i| i.go == Goto::Node(place));
    if !asks && !spoken {
        let message = format!("key {key} of `{}` leads to `{name}`, but no words do", node.name);
        report.error(node.line, "no-voice", message, format!("add an intent with examples and `go: {name}`"));
    }
}

fn closed_question(
    flow: &Flow,
    node: &Node,
    options: &[OptionWay],
    languages: impl Fn(&OptionWay) -> Vec<Language>,
    report: &mut Report,
) {
    too_many(node.line, options.len(), report);
    if options.is_empty() {
        let message = format!("the question of `{}` has no options", node.name);
        report.error(node.line, "no-answers", message, "add options with `phrases` and `key`");
    }
    let mut said: BTreeMap<(Language, &str), &str> = BTreeMap::new();
    for option in options {
        if option.key.is_none() {
            let message = format!("the option `{}` has no key", option.name);
            report.error(option.line, "no-key", message, "add `key: \"1\"` (or another one that is free)");
        }
        for language in languages(option) {
            let phrases = option.phrases.get(&language).map_or(&[] as &[String], Vec::as_slice);
            if phrases.is_empty() {
                let message = format!("nothing can be said in `{language}` for the option `{}`", option.name);
                report.error(option.line, "no-voice", message, "add `phrases: […]`");
            }
            for phrase in phrases {
                if let Some(other) = said.insert((language, phrase), &option.name).filter(|o| *o != option.name) {
                    let message = format!("`{phrase}` stands for `{other}` and for `{}`", option.name);
                    report.error(option.line, "same-phrase", message, "every phrase means one option");
                }
                let transfers = leads_to_person(flow, option.go);
                if !transfers && asks_for_person(phrase, &person_words_of(flow, language)).is_some() {
                    let message = format!("`{phrase}` asks for a person, so the option `{}` is never heard", option.name);
                    report.error(option.line, "person-phrase", message, "choose other words for it");
                }
            }
        }
    }
}

fn person_words_of(flow: &Flow, language: Language) -> Vec<String> {
    flow.person.phrases.get(&language).map(|p| p.to_vec()).unwrap_or_default()
}

fn leads_to_person(flow: &Flow, goto: Goto) -> bool {
    match goto {
        Goto::Person => true,
        Goto::Return => false,
        Goto::Node(i) => flow.nodes.get(i).is_some_and(|n| matches!(n.last, Last::Transfer { .. } | Last::Then(Goto::Person))),
    }
}

/// Examples that ask for a person never reach their intent.
fn person_words(flow: &Flow, report: &mut Report) {
    for (name, intent) in &flow.intents {
        for (language, examples) in &intent.examples {
            let own = person_words_of(flow, *language);
            let asks = examples.iter().find(|e| asks_for_person(e, &own).is_some());
            if let Some(example) = asks.filter(|_| !leads_to_person(flow, intent.go)) {
                let message = format!("the example `{example}` of `{name}` asks for a person, so callers get one");
                report.warning(intent.line, "person-phrase", message, "take it out, or let the intent transfer the call");
            }
        }
    }
}

fn same_examples(flow: &Flow, report: &mut Report) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, intent) in &flow.intents {
        for example in intent.examples.values().flatten() {
            let plain = example.to_lowercase();
            if let Some(other) = seen.insert(plain, name).filter(|o| o != name) {
                let message = format!("`{example}` is an example of `{other}` and of `{name}`");
                report.warning(intent.line, "same-example", message, "keep it where it belongs");
            }
        }
    }
}

/// The welcome says that it is an automatic system.
fn welcome(flow: &Flow, map: &Map, report: &mut Report) {
    let first = map.reach(flow.start, |i| surely_asks(&flow.nodes[i]) || !flow.nodes[i].needs.is_empty());
    for &language in &flow.languages {
        let words = |i: &usize| {
            let node = &flow.nodes[*i];
            let prompt = if let Last::Ask(q, _) = &node.last { Some(&q.prompt) } else { None };
            node.say.iter().chain(prompt).flat_map(|s| s.variant(language, 0).to_vec()).collect::<Vec<Piece>>()
        };
        let pieces: Vec<Piece> = first.iter().flat_map(words).collect();
        let says = pieces.iter().any(|p| match p {
            Piece::Words(w) => says_automatic(w),
            // A recording may say it; nobody can tell from here.
            Piece::File(_) => true,
            Piece::Pause(_) => false,
        });
        if !says {
            let message = format!("the welcome does not say in `{language}` that this is an automatic system");
            let line = flow.nodes[flow.start].line;
            report.warning(line, "welcome", message, "say for example \"I am an automatic assistant\" (\"我是自动语音助手\")");
        }
    }
}

fn says_automatic(words: &str) -> bool {
    let words = words.to_lowercase();
    let known = ["automat", "virtual assistant", "digital assistant", "voice assistant", "robot", "computer", "machine"];
    known.iter().chain(&["自动", "智能", "机器人", "语音助手", "电脑"]).any(|k| words.contains(k))
}

fn long_prompts(flow: &Flow, report: &mut Report) {
    let length = |speech: &Speech| {
        let of =
            |row: &Vec<Piece>| row.iter().map(|p| if let Piece::Words(w) = p { spoken_words(w) } else { 0 }).max().unwrap_or(0);
        speech.by_language.values().flatten().map(of).max().unwrap_or(0)
    };
    for speech in flow.speeches() {
        let words = length(speech);
        if words > PROMPT_WORDS_MAX {
            let message = format!("this prompt has about {words} words without a pause: more than twelve seconds");
            report.warning(speech.line, "long-prompt", message, "say less, or break it with `parts` and `{ pause: 500ms }`");
        }
    }
}

fn unused(flow: &Flow, report: &mut Report) {
    let asked: BTreeSet<&String> = flow
        .nodes
        .iter()
        .filter_map(|n| if let Last::Ask(_, Ways::Intents { names, .. }) = &n.last { Some(names) } else { None })
        .flatten()
        .collect();
    for (name, intent) in flow.intents.iter().filter(|(name, _)| !asked.contains(name)) {
        report.warning(
            intent.line,
            "unused",
            format!("no question takes the intent `{name}`"),
            "let an `ask` take it, or take it out",
        );
    }
    let made: BTreeSet<&String> = flow.nodes.iter().filter_map(|n| n.lookup.as_ref()).map(|l| &l.name).collect();
    for (name, lookup) in flow.lookups.iter().filter(|(name, _)| !made.contains(name)) {
        report.warning(lookup.line, "unused", format!("no node makes the look-up `{name}`"), "use it, or take it out");
    }
    let mut called: BTreeSet<&str> = flow
        .nodes
        .iter()
        .filter_map(|n| if let Last::Transfer { to, .. } = &n.last { Some(to.as_str()) } else { None })
        .collect();
    called.insert(&flow.person.target);
    called.extend(flow.targets.values().filter_map(|t| t.next.as_deref()));
    for name in flow.targets.keys().filter(|name| !called.contains(name.as_str())) {
        let line = flow.target_lines.get(name).copied().unwrap_or(1);
        report.warning(line, "unused", format!("no call is ever handed to the target `{name}`"), "use it, or take it out");
    }
}
