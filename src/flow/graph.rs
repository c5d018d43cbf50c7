//! The flow as a picture: Graphviz dot and Mermaid.

use super::action::Choice;
use super::model::{Flow, Goto, Last, Node, Ways, When};
use std::fmt::Write;

/// The flow as a Graphviz graph.
pub fn dot(flow: &Flow) -> String {
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(&flow.name));
    let _ = writeln!(out, "  person [label=\"a person\", shape=oval];");
    if returns(flow) {
        let _ = writeln!(out, "  back [label=\"back\", shape=oval];");
    }
    for (index, node) in flow.nodes.iter().enumerate() {
        let shape = if node.asks() { ", style=rounded" } else { "" };
        let _ = writeln!(out, "  n{index} [label={}{shape}];", quoted(&node.name));
    }
    for (from, to, label) in arrows(flow) {
        let _ = writeln!(out, "  n{from} -> {} [label={}];", place(to), quoted(&label));
    }
    for (to, label) in after_talks(flow) {
        let _ = writeln!(out, "  person -> n{to} [label={}];", quoted(&label));
    }
    out + "}\n"
}

/// The flow as a Mermaid flowchart.
pub fn mermaid(flow: &Flow) -> String {
    let mut out = String::from("flowchart LR\n  person([a person])\n");
    if returns(flow) {
        out.push_str("  back([back])\n");
    }
    for (index, node) in flow.nodes.iter().enumerate() {
        let (open, close) = if node.asks() { ("(", ")") } else { ("[", "]") };
        let _ = writeln!(out, "  n{index}{open}{}{close}", quoted(&node.name));
    }
    for (from, to, label) in arrows(flow) {
        let label = if label.is_empty() { String::new() } else { format!("|{}|", quoted(&label)) };
        let _ = writeln!(out, "  n{from} -->{label} {}", place(to));
    }
    for (to, label) in after_talks(flow) {
        let _ = writeln!(out, "  person -->|{}| n{to}", quoted(&label));
    }
    out
}

/// Whether any part leads back to what ran it.
fn returns(flow: &Flow) -> bool {
    arrows(flow).iter().any(|(_, to, _)| *to == Goto::Return)
}

fn place(goto: Goto) -> String {
    match goto {
        Goto::Node(index) => format!("n{index}"),
        Goto::Person => "person".to_string(),
        Goto::Return => "back".to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\\', '\n', '|'], "'"))
}

/// Where callers go on after a talk with an agent, each node once, and after a talk with whom.
fn after_talks(flow: &Flow) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, Vec<&str>)> = Vec::new();
    for target in flow.targets.values() {
        let Some(to) = target.after.as_deref().and_then(|node| flow.node_named(node)) else { continue };
        match all.iter_mut().find(|(node, _)| *node == to) {
            Some((_, names)) => names.push(&target.name),
            None => all.push((to, vec![&target.name])),
        }
    }
    all.into_iter().map(|(to, names)| (to, format!("after {}", names.join(", ")))).collect()
}

fn arrows(flow: &Flow) -> Vec<(usize, Goto, String)> {
    let mut all = Vec::new();
    for (index, node) in flow.nodes.iter().enumerate() {
        let ways = arrows_of(flow, node).into_iter().map(|(goto, label)| (index, goto, label));
        for way in ways {
            // One arrow per way; an open question has a key and words for the same.
            if !all.iter().any(|(from, to, _)| (*from, *to) == (way.0, way.1)) {
                all.push(way);
            }
        }
    }
    all
}

fn arrows_of(flow: &Flow, node: &Node) -> Vec<(Goto, String)> {
    let mut all: Vec<(Goto, String)> = Vec::new();
    if let Some(lookup) = &node.lookup {
        all.extend(lookup.not_found.map(|g| (g, "not found".to_string())));
        all.extend(lookup.outage.map(|g| (g, "outage".to_string())));
    }
    all.extend(node.verify.iter().map(|v| (v.wrong, "not verified".to_string())));
    all.extend(node.unconfirmed.map(|g| (g, "no".to_string())));
    match &node.last {
        Last::Ask(_, Ways::Intents { names, keys, .. }) => {
            let keyed = |(key, choice): (&crate::base::Digit, &Choice)| match choice {
                Choice::Intent(name) => Some((flow.intents.get(name)?.go, format!("{} {name}", key.as_char()))),
                Choice::Option(to) => Some((Goto::Node(flow.node_named(to)?), key.as_char().to_string())),
                _ => None,
            };
            all.extend(keys.iter().filter_map(keyed));
            all.extend(names.iter().filter_map(|name| Some((flow.intents.get(name)?.go, name.clone()))));
        }
        Last::Ask(_, Ways::Menu(options)) => {
            let key = |k: Option<crate::base::Digit>| k.map_or(String::new(), |k| k.as_char().to_string());
            all.extend(options.iter().map(|o| (o.go, format!("{} {}", key(o.key), o.name))));
        }
        Last::Ask(_, Ways::YesNo { yes, no }) => all.extend([(*yes, "yes".to_string()), (*no, "no".to_string())]),
        Last::Ask(_, Ways::Value { then, .. } | Ways::Language { then, .. }) => all.push((*then, String::new())),
        Last::Branch(arms, otherwise) => {
            let told = |when: &When| match when {
                When::Holds(condition) => condition.text.clone(),
                When::Share(from, below) => format!("{} %", below - from),
            };
            all.extend(arms.iter().map(|(when, goto)| (*goto, told(when))));
            all.push((*otherwise, "else".to_string()));
        }
        Last::Transfer { to, .. } => all.push((Goto::Person, to.clone())),
        Last::Message { then, .. } => all.extend(then.map(|g| (g, String::new()))),
        Last::Then(goto) => all.push((*goto, String::new())),
        Last::Guide(guide) => all.push((guide.then, "after the steps".to_string())),
        Last::Run(part, then) => all.extend([(Goto::Node(*part), "run".to_string()), (*then, "and then".to_string())]),
        Last::HangUp(_) => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_follows_a_talk_is_in_the_picture() {
        let text = "hotline: 1\nname: line\nlanguages: [en]\nperson: { to: support }\n\
            targets: { support: { queue: support, after: content }, sales: { queue: sales, after: content } }\n\
            intents:\n  hours: { examples: [when are you open, opening hours], label: opening hours }\n\
            nodes:\n  welcome: { ask: \"What is it about?\", keys: { \"1\": hours } }\n\
            \x20 hours: { say: \"From nine to five.\", then: welcome }\n\
            \x20 content: { ask: \"Are you content?\", yes: bye, no: bye }\n\
            \x20 bye: { hang_up: \"Good-bye.\" }\n";
        let flow = Flow::load(text, "line.yaml", &BTreeMap::new()).unwrap_or_else(|f| panic!("{f:?}")).flow;
        let node = flow.node_named("content").expect("there");
        assert!(dot(&flow).contains(&format!("person -> n{node} [label=\"after sales, support\"];")), "{}", dot(&flow));
        assert!(mermaid(&flow).contains(&format!("person -->|\"after sales, support\"| n{node}")), "{}", mermaid(&flow));
    }
}
