//! What is known where: values that are spoken before anybody gave them, and values that should not be spoken at all.

use super::document::Piece;
use super::finding::Report;
use super::model::{Flow, Last, Node, Speech, Ways};
use super::rules_map::Map;
use std::collections::{BTreeMap, BTreeSet};

/// Names of values.
type Names = BTreeSet<String>;

pub(super) fn check(flow: &Flow, map: &Map, report: &mut Report) {
    secrets_spoken(flow, report);
    zero_as_a_value(flow, report);
    let known = known_on_entry(flow, map);
    for (node, on_entry) in flow.nodes.iter().zip(known) {
        if let Some(on_entry) = on_entry {
            not_yet_known(flow, node, on_entry, report);
        }
    }
}

/// Slots that a node surely knows when it is left by its front door (not by `on`).
fn gives(node: &Node, known: &mut Names) {
    known.retain(|name| !node.forget.contains(name));
    known.extend(node.needs.iter().map(|n| n.slot.clone()));
    known.extend(node.set.iter().map(|(name, _)| name.clone()));
}

/// For every node the values that are known whichever way it is reached; `None` if it is not reached at all.
fn known_on_entry(flow: &Flow, map: &Map) -> Vec<Option<Names>> {
    let mut known: Vec<Option<Names>> = vec![None; flow.nodes.len()];
    if let Some(start) = known.get_mut(flow.start) {
        *start = Some(Names::new());
    }
    // Whoever talks with an agent may have been told and asked nothing before.
    for after in flow.after_talks() {
        known[after] = Some(Names::new());
    }
    let failures = |node: &Node| {
        let lookup = node.lookup.as_ref();
        let wrong = node.verify.as_ref().map(|v| v.wrong);
        lookup.map_or(Vec::new(), |l| [l.not_found, l.outage, wrong].into_iter().flatten().collect())
    };
    // Sets only shrink and nodes only become reached: it comes to rest; stopping early only misses a warning.
    for _ in 0..flow.nodes.len().min(62) + 2 {
        let mut changed = false;
        for (index, node) in flow.nodes.iter().enumerate() {
            let Some(mut out) = known[index].clone() else { continue };
            gives(node, &mut out);
            let without_answer = out.clone();
            if let Some(lookup) = &node.lookup {
                out.insert(lookup.name.clone());
            }
            if let Last::Ask(_, Ways::Value { slot, .. }) = &node.last {
                out.insert(slot.clone());
            }
            let failing = failures(node);
            let back: Vec<usize> = map.runs.iter().filter(|run| run.ends.contains(&index)).map(|run| run.then).collect();
            for &next in map.ways[index].iter().filter(|next| !back.contains(next)) {
                let arriving = if failing.contains(&super::model::Goto::Node(next)) { &without_answer } else { &out };
                changed |= arrive(&mut known[next], arriving);
            }
        }
        // After a part that was run is known what was known before it, and what the part makes known whichever way it ends.
        for run in &map.runs {
            let Some(mut before) = known[run.node].clone() else { continue };
            gives(&flow.nodes[run.node], &mut before);
            let ends = run.ends.iter().filter_map(|end| {
                let mut names = known[*end].clone()?;
                gives(&flow.nodes[*end], &mut names);
                Some(names)
            });
            let Some(given) = ends.reduce(|a, b| a.intersection(&b).cloned().collect()) else { continue };
            before.extend(given);
            changed |= arrive(&mut known[run.then], &before);
        }
        if !changed {
            break;
        }
    }
    known
}

/// Takes in one more way to arrive; whether that changes what is known.
fn arrive(known: &mut Option<Names>, arriving: &Names) -> bool {
    let merged = match known.as_ref() {
        None => arriving.clone(),
        Some(before) => before.intersection(arriving).cloned().collect(),
    };
    let changed = known.as_ref() != Some(&merged);
    *known = Some(merged);
    changed
}

/// Names that a text looks at without making sure that they are known.
fn wanted(flow: &Flow, speech: &Speech) -> Names {
    let mut names = Names::new();
    for piece in speech.by_language.values().flatten().flatten() {
        if let Piece::Words(template) = piece {
            names.extend(wanted_by(flow, template));
        }
    }
    names
}

fn wanted_by(flow: &Flow, template: &str) -> Names {
    if template.contains("{%") || template.contains("default") {
        return Names::new();
    }
    let names = flow.templates.names(template).unwrap_or_default();
    names.into_iter().filter_map(|n| n.split('.').next().map(str::to_string)).filter(|n| !flow.always_known(n)).collect()
}

fn not_yet_known(flow: &Flow, node: &Node, mut known: Names, report: &mut Report) {
    let mut miss = |line: u32, names: Names, known: &Names| {
        for name in names.difference(known) {
            let message = format!("`{name}` may not be known yet in the node `{}`", node.name);
            let remedy = format!("collect it first (`need`, `lookup`, `set`), or write `{{% if {name} %}}…{{% endif %}}`");
            report.warning(line, "not-known", message, remedy);
        }
    };
    gives(node, &mut known);
    if let Some(speech) = &node.confirm {
        miss(speech.line, wanted(flow, speech), &known);
    }
    if let Some(lookup) = node.lookup.as_ref() {
        if let Some(l) = flow.lookups.get(&lookup.name) {
            miss(lookup.line, wanted_by(flow, &l.url), &known);
        }
        known.insert(lookup.name.clone());
    }
    // Secrets are gone once they were looked at.
    known.retain(|name| !node.verify.as_ref().is_some_and(|v| v.secrets.contains(name)));
    if let Some(speech) = &node.say {
        miss(speech.line, wanted(flow, speech), &known);
    }
    match &node.last {
        Last::Ask(question, _) => question.speeches().for_each(|s| miss(s.line, wanted(flow, s), &known)),
        Last::HangUp(Some(s)) | Last::Message { say: s, .. } => miss(s.line, wanted(flow, s), &known),
        Last::Guide(guide) => {
            guide
                .steps
                .iter()
                .flat_map(|s| std::iter::once(&s.say).chain(&s.help))
                .for_each(|s| miss(s.line, wanted(flow, s), &known));
        }
        _ => {}
    }
}

/// Values of sensitive nodes that are read back or put into an address.
fn secrets_spoken(flow: &Flow, report: &mut Report) {
    let mut secrets = Names::new();
    for node in flow.nodes.iter().filter(|n| n.sensitive) {
        secrets.extend(node.needs.iter().map(|n| n.slot.clone()));
        if let Last::Ask(_, Ways::Value { slot, .. }) = &node.last {
            secrets.insert(slot.clone());
        }
    }
    secrets.extend(flow.nodes.iter().filter_map(|n| n.verify.as_ref()).flat_map(|v| v.secrets.iter().cloned()));
    if secrets.is_empty() {
        return;
    }
    // The hotline's own sentences have values of their own.
    let own: BTreeSet<u32> = flow.phrases.values().map(|speech| speech.line).collect();
    for speech in flow.speeches().into_iter().filter(|speech| !own.contains(&speech.line)) {
        for name in wanted(flow, speech).intersection(&secrets) {
            let message = format!("`{name}` is sensitive, but is spoken here");
            report.warning(speech.line, "sensitive", message, "say that it was understood without saying what it is");
        }
    }
    for node in &flow.nodes {
        let templates = node.tasks.iter().flat_map(|task| [&task.what, &task.old, &task.new]);
        for name in templates.flat_map(|t| wanted_by(flow, t)).collect::<Names>().intersection(&secrets) {
            let message = format!("`{name}` is sensitive, but stands in a task: people would read `…` there");
            report.warning(node.line, "sensitive", message, "leave it out: the agent asks the caller for it");
        }
    }
    let urls: BTreeMap<u32, Names> = flow.lookups.values().map(|l| (l.line, wanted_by(flow, &l.url))).collect();
    for (line, names) in urls {
        for name in names.intersection(&secrets) {
            let message = format!("`{name}` is sensitive, but stands in an address, which servers write into their logs");
            report.warning(line, "sensitive", message, "send it with `post:` in the `body:`");
        }
    }
}

/// A lone 0 asks for a person, so it cannot be a value of one digit.
fn zero_as_a_value(flow: &Flow, report: &mut Report) {
    use super::model::SlotKind;
    for node in &flow.nodes {
        let own = if let Last::Ask(_, Ways::Value { kind, .. }) = &node.last { Some(kind) } else { None };
        let kinds = node.needs.iter().map(|n| &n.kind).chain(own);
        if kinds.into_iter().any(|k| matches!(k, SlotKind::Digits { min: 1, .. })) {
            let message = format!("in `{}` a single digit is enough, but a lone 0 is a person", node.name);
            report.warning(node.line, "lone-zero", message, "ask for two digits or more, or make it a menu");
        }
    }
}
