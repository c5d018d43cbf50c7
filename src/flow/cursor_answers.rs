//! The interpreter's ears: where an answer leads, and what it fills.

use super::action::Answer;
use super::cursor::{Cursor, DENIED_MAX, Next, Step};
use super::model::{Flow, Goto, Last, Node, Ways};
use crate::base::Language;
use std::sync::Arc;

impl Cursor {
    /// Where an answer leads; `None` when it does not fit the question.
    pub(super) fn answered(&mut self, flow: &Arc<Flow>, node: &Node, answer: Answer) -> Option<Next> {
        let next = match (self.step, answer) {
            // An intent is welcome at any question: the caller changed their mind.
            (_, Answer::Intent { name, slots, .. }) => {
                let goto = flow.intents.get(&name)?.go;
                for (slot, value) in slots {
                    self.fill(flow, node, &slot, value);
                }
                self.intent = Some(name);
                // They will not come back to where they were.
                self.returns.clear();
                Next::Go(goto)
            }
            (Step::Need(i), answer) => {
                let slot = &node.needs.get(i)?.slot;
                let value = match answer {
                    Answer::Value(value) => value,
                    Answer::YesNo(yes) => if yes { "yes" } else { "no" }.to_string(),
                    _ => return None,
                };
                self.fill(flow, node, slot, value).then_some(Next::Step(Step::Need(i + 1)))?
            }
            (Step::Helped, Answer::YesNo(yes)) => self.helped(yes),
            (Step::Confirm, Answer::YesNo(true)) => Next::Step(Step::Set),
            (Step::Confirm, Answer::Value(value)) => {
                let need = node.needs.iter().find(|n| n.kind.digits_of("").is_some())?;
                let before = self.slots.get(&need.slot).cloned().unwrap_or_default();
                self.deny(&need.slot);
                let value = need.kind.corrected(&before, &value)?;
                self.fill(flow, node, &need.slot, value).then_some(Next::Step(Step::Confirm))?
            }
            (Step::Confirm, Answer::YesNo(false)) => {
                for need in &node.needs {
                    self.deny(&need.slot);
                }
                for need in &node.needs {
                    self.slots.remove(&need.slot);
                }
                self.denials += 1;
                node.unconfirmed.map_or(Next::Step(Step::Need(0)), Next::Go)
            }
            (_, answer) => self.chosen(flow, node, answer)?,
        };
        self.answering = !matches!(node.last, Last::Ask(_, Ways::Language { .. }));
        self.said.clear();
        Some(next)
    }

    /// Where an answer to the node's own question leads.
    fn chosen(&mut self, flow: &Arc<Flow>, node: &Node, answer: Answer) -> Option<Next> {
        if let Last::Guide(guide) = &node.last {
            return self.paced(flow, node, guide, &answer);
        }
        let Last::Ask(_, ways) = &node.last else { return None };
        match (ways, answer) {
            (Ways::YesNo { yes, no }, Answer::YesNo(answer)) => Some(Next::Go(if answer { *yes } else { *no })),
            (Ways::Value { slot, then, .. }, Answer::Value(value)) => {
                self.fill(flow, node, slot, value).then_some(Next::Go(*then))
            }
            (Ways::Menu(options), Answer::Option(name)) => {
                let option = options.iter().find(|o| o.name == name)?;
                if flow.intents.contains_key(&name) {
                    self.intent = Some(name);
                }
                Some(Next::Go(option.go))
            }
            (Ways::Language { options, then }, Answer::Option(name)) => {
                let option = options.iter().find(|o| o.name == name)?;
                self.set_language(Language::parse(&option.name)?);
                Some(Next::Go(*then))
            }
            // A key of an open question that leads straight to a node.
            (Ways::Intents { .. }, Answer::Option(name)) => flow.node_named(&name).map(|index| Next::Go(Goto::Node(index))),
            _ => None,
        }
    }

    /// Remembers that a slot does not hold what was read back.
    fn deny(&mut self, slot: &str) {
        let kind = self.flow().slots.get(slot);
        let digits = kind.zip(self.slots.get(slot)).and_then(|(kind, value)| kind.digits_of(value)).map(String::from);
        if let Some(digits) = digits.filter(|_| self.denied.len() < DENIED_MAX) {
            self.denied.push(digits);
        }
    }

    /// Takes a slot's value, if it is one.
    fn fill(&mut self, flow: &Arc<Flow>, node: &Node, slot: &str, value: String) -> bool {
        let fits = flow.takes(slot, &value);
        if fits {
            self.slots.insert(slot.to_string(), value);
            self.secret.retain(|s| s != slot);
            if node.keeps_secret(slot) {
                self.secret.push(slot.to_string());
            }
        }
        fits
    }
}
