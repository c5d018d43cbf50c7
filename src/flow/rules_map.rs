//! The flow as a map: where each node leads, what runs which part, and what a call can walk through without the caller being heard.

use super::finding::Report;
use super::model::{Flow, Goto, Last, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Where each node leads, by place.
pub(super) struct Map {
    /// Where each node leads by itself, as the flow says it.
    own: Vec<Vec<Goto>>,
    /// Also from the end of a part to what follows those who run it.
    pub(super) ways: Vec<Vec<usize>>,
    /// Nodes that run a part.
    pub(super) runs: Vec<Run>,
}

/// A node that runs a part of the flow.
pub(super) struct Run {
    pub(super) node: usize,
    /// What follows it.
    pub(super) then: usize,
    /// The nodes of the part that lead back.
    pub(super) ends: Vec<usize>,
}

impl Map {
    pub(super) fn of(flow: &Flow) -> Map {
        let names: BTreeMap<&str, usize> = flow.nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
        let own = flow.nodes.iter().map(|node| node.ways(&flow.intents, |name| names.get(name).copied()));
        let own: Vec<Vec<Goto>> = own.collect();
        let places = |gotos: &Vec<Goto>| gotos.iter().filter_map(place).collect::<BTreeSet<usize>>().into_iter().collect();
        let mut map = Map { ways: own.iter().map(places).collect(), own, runs: Vec::new() };
        // Whatever a part runs itself comes back, so what follows that belongs to the part.
        let mut follows = map.ways.clone();
        for (node, _, then) in runs(flow) {
            follows[node].extend(place(&then));
        }
        for (node, part, then) in runs(flow) {
            let ends: Vec<usize> = reach(&follows, part, |_| false).into_iter().filter(|i| map.leads_back(*i)).collect();
            let Some(then) = place(&then) else { continue };
            for &end in &ends {
                if !map.ways[end].contains(&then) {
                    map.ways[end].push(then);
                }
            }
            map.runs.push(Run { node, then, ends });
        }
        map
    }

    /// Whether a node may be the end of a part.
    fn leads_back(&self, node: usize) -> bool {
        self.own[node].contains(&Goto::Return)
    }

    /// Every place that can be reached from `from`, without going beyond those that `stop` names.
    pub(super) fn reach(&self, from: usize, stop: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        reach(&self.ways, from, stop)
    }

    /// Where each node may lead without the caller being heard: a part that is run is walked into, and passed by if it can be silent.
    pub(super) fn silent_ways(&self, flow: &Flow) -> Vec<Vec<usize>> {
        let mut ways: Vec<Vec<usize>> = self.own.iter().map(|own| own.iter().filter_map(place).collect()).collect();
        // What can be passed by makes more parts passable; it comes to rest after at most as many rounds as there are runs.
        loop {
            let mut more = Vec::new();
            for (node, part, then) in runs(flow) {
                let Some(then) = place(&then) else { continue };
                let passes = |i: usize| !surely_asks(&flow.nodes[i]) && self.leads_back(i);
                let passable = reach(&ways, part, |i| surely_asks(&flow.nodes[i])).into_iter().any(passes);
                if passable && !ways[node].contains(&then) {
                    more.push((node, then));
                }
            }
            if more.is_empty() {
                return ways;
            }
            more.into_iter().for_each(|(node, then)| ways[node].push(then));
        }
    }
}

fn reach(ways: &[Vec<usize>], from: usize, stop: impl Fn(usize) -> bool) -> BTreeSet<usize> {
    let mut seen = BTreeSet::from([from]);
    let mut todo = vec![from];
    while let Some(at) = todo.pop() {
        if stop(at) {
            continue;
        }
        for &next in &ways[at] {
            if seen.insert(next) {
                todo.push(next);
            }
        }
    }
    seen
}

/// Nodes that run a part, with that part and what follows.
fn runs(flow: &Flow) -> Vec<(usize, usize, Goto)> {
    let run = |(index, node): (usize, &Node)| match &node.last {
        Last::Run(part, then) => Some((index, *part, *then)),
        _ => None,
    };
    flow.nodes.iter().enumerate().filter_map(run).collect()
}

/// Ways back where nothing was run, and parts that never lead back.
pub(super) fn check(flow: &Flow, map: &Map, report: &mut Report) {
    let mut outside = Vec::new();
    for (node, own) in flow.nodes.iter().zip(&map.own) {
        outside.push(match &node.last {
            Last::Run(part, then) => own.iter().chain([then]).filter_map(place).filter(|way| way != part).collect(),
            _ => own.iter().filter_map(place).collect::<Vec<usize>>(),
        });
    }
    let begins = flow.intents.values().filter_map(|i| place(&i.go)).chain([flow.start]).chain(flow.after_talks());
    let reached: BTreeSet<usize> = begins.flat_map(|from| reach(&outside, from, |_| false)).collect();
    for node in reached.into_iter().filter(|i| map.leads_back(*i)).map(|i| &flow.nodes[i]) {
        let message = format!("`{}` leads back, but may be reached without any `run`: callers get a person there", node.name);
        report.error(node.line, "return", message, "let only `run` lead to this part, or write where it goes on");
    }
    for run in map.runs.iter().filter(|run| run.ends.is_empty()) {
        let node = &flow.nodes[run.node];
        let message = format!("what `{}` runs never leads back, so its `then` is never reached", node.name);
        report.error(node.line, "return", message, "end the part with `then: return`, or write `then: …` instead of `run: …`");
    }
}

/// Whether the caller is surely heard in a node before it is left.
pub(super) fn surely_asks(node: &Node) -> bool {
    node.asks() || node.needs.iter().any(|need| node.forget.contains(&need.slot))
}

pub(super) fn place(goto: &Goto) -> Option<usize> {
    if let Goto::Node(index) = goto { Some(*index) } else { None }
}
