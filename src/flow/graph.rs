//! The flow as a picture: Graphviz dot and Mermaid.

use super::action::Choice;
use super::model::{Flow, Goto, Last, Node, Ways};
use std::fmt::Write;

/// The flow as a Graphviz graph.
pub fn dot(flow: &Flow) -> String {
    let mut out = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(&flow.name));
    let _ = writeln!(out, "  person [label=\"a person\", shape=oval];");
    for (index, node) in flow.nodes.iter().enumerate() {
        let shape = if node.asks() { ", style=rounded" } else { "" };
        let _ = writeln!(out, "  n{index} [label={}{shape}];", quoted(&node.name));
    }
    for (from, to, label) in arrows(flow) {
        let _ = writeln!(out, "  n{from} -> {} [label={}];", place(to), quoted(&label));
    }
    out + "}\n"
}

/// The flow as a Mermaid flowchart.
pub fn mermaid(flow: &Flow) -> String {
    let mut out = String::from("flowchart LR\n  person([a person])\n");
    for (index, node) in flow.nodes.iter().enumerate() {
        let (open, close) = if node.asks() { ("(", ")") } else { ("[", "]") };
        let _ = writeln!(out, "  n{index}{open}{}{close}", quoted(&node.name));
    }
    for (from, to, label) in arrows(flow) {
        let label = if label.is_empty() { String::new() } else { format!("|{}|", quoted(&label)) };
        let _ = writeln!(out, "  n{from} -->{label} {}", place(to));
    }
    out
}

fn place(goto: Goto) -> String {
    match goto {
        Goto::Node(index) => format!("n{index}"),
        Goto::Person => "person".to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\\', '\n', '|'], "'"))
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
            all.extend(arms.iter().map(|(condition, goto)| (*goto, condition.text.clone())));
            all.push((*otherwise, "else".to_string()));
        }
        Last::Transfer { to, .. } => all.push((Goto::Person, to.clone())),
        Last::Message { then, .. } => all.extend(then.map(|g| (g, String::new()))),
        Last::Then(goto) => all.push((*goto, String::new())),
        Last::HangUp(_) => {}
    }
    all
}
