//! What nodes do beside asking and answering: shared parts, guided steps, identity checks, tasks for people, who answers.

use super::action::TaskKind;
use super::compile::Compiler;
use super::document::{self as doc, At};
use super::finding::did_you_mean;
use super::guide::{STEP_WAITS, STEP_WAITS_MAX};
use super::model::*;
use std::time::Duration;

/// How often a caller may try to say who they are, where the flow does not say, and at most.
const ATTEMPTS: u32 = 3;
const ATTEMPTS_MAX: u32 = 5;
/// Most steps of a guided procedure.
const STEPS_MAX: usize = 50;

impl Compiler<'_, '_> {
    pub(super) fn verify(&mut self, name: &At<String>, node: &doc::Node) -> Option<Verify> {
        let wrong = node.on.as_ref().and_then(|on| on.wrong.as_ref());
        let Some(verify) = &node.verify else {
            if let Some(wrong) = wrong {
                self.error(wrong.line, "verify", "`wrong` belongs to `verify`", "add `verify: …`, or write `not_found`");
            }
            return None;
        };
        if let Some(lookup) = &node.lookup {
            self.error(
                lookup.line,
                "verify",
                "a node makes one look-up: `verify` or `lookup`",
                "make two nodes of it, joined by `then`",
            );
        }
        let needed: Vec<&str> = node.need.iter().flat_map(|n| n.0.iter().map(|(slot, _)| slot.value.as_str())).collect();
        for secret in verify.secret.iter().filter(|s| !needed.contains(&s.value.as_str())) {
            let remedy = did_you_mean(&secret.value, &needed, "slots under `need`");
            self.error(secret.line, "verify", format!("the secret `{}` is not asked for in this node", secret.value), remedy);
        }
        let others = needed.iter().any(|n| !verify.secret.iter().any(|s| s.value == *n));
        if verify.secret.is_empty() || !others {
            let message = format!("`{}` proves nobody: it takes a number and a secret", name.value);
            let remedy =
                "list both under `need`, and under `secret` what only the caller knows; a telephone number is never enough";
            self.error(verify.lookup.line, "verify", message, remedy);
        }
        let attempts = verify.attempts.as_ref().map_or(ATTEMPTS, |a| a.value);
        if let Some(at) = verify.attempts.as_ref().filter(|_| !(1..=ATTEMPTS_MAX).contains(&attempts)) {
            self.error(at.line, "verify", format!("{attempts} attempts are too few or too many"), "write a number from 1 to 5");
        }
        Some(Verify {
            secrets: verify.secret.iter().map(|s| s.value.clone()).collect(),
            attempts: attempts.clamp(1, ATTEMPTS_MAX),
            wrong: wrong.map_or(Goto::Person, |w| self.goto(w)),
        })
    }

    pub(super) fn tasks(&mut self, node: &doc::Node) -> Vec<TaskUse> {
        let mut tasks = Vec::new();
        let mut text = |at: Option<&At<String>>| {
            let Some(at) = at else { return String::new() };
            self.template(&at.value, at.line, &[]);
            at.value.clone()
        };
        if let Some(wrong) = &node.wrong_data {
            let (what, old, new) = (text(Some(&wrong.what)), text(wrong.old.as_ref()), text(wrong.new.as_ref()));
            tasks.push(TaskUse { kind: TaskKind::WrongData, what, old, new });
        }
        if let Some(unclear) = &node.unclear_process {
            let what = text(Some(unclear));
            tasks.push(TaskUse { kind: TaskKind::UnclearProcess, what, old: String::new(), new: String::new() });
        }
        tasks
    }

    pub(super) fn policy(&mut self, node: &doc::Node) -> Policy {
        let words = [("ai_then_human", Policy::AiThenHuman), ("human_first", Policy::HumanFirst)];
        let policy = self.one_of(node.policy.as_ref(), Policy::Usual, &words);
        if let Some(at) = node.policy.as_ref().filter(|_| policy == Policy::AiThenHuman && node.say.is_none()) {
            self.error(
                at.line,
                "policy",
                "`ai_then_human` needs an answer to give first",
                "add `say: …`, or write `human_first`",
            );
        }
        policy
    }

    pub(super) fn guide(&mut self, name: &At<String>, node: &doc::Node, steps: &[doc::TextOr<doc::GuideStep>]) -> Last {
        if steps.is_empty() || steps.len() > STEPS_MAX {
            let message = format!("the procedure `{}` has {} steps", name.value, steps.len());
            self.error(name.line, "steps", message, format!("write 1 to {STEPS_MAX} steps, longer ones as two procedures"));
        }
        let of = |c: &mut Self, step: &doc::GuideStep| GuideStep {
            say: c.speech(&step.say),
            help: c.some_speech(step.help.as_ref()),
        };
        Last::Guide(Guide {
            steps: steps.iter().map(|step| of(self, &step.0)).collect(),
            no_input: self.wait(node.no_input.as_ref(), STEP_WAITS, Duration::from_secs(5), STEP_WAITS_MAX),
            then: self.then(name, node),
        })
    }

    pub(super) fn run(&mut self, name: &At<String>, node: &doc::Node, part: &At<String>) -> Last {
        let part = match self.goto(part) {
            Goto::Node(index) => index,
            Goto::Person | Goto::Return => {
                let remedy = "name a node; for a person write `transfer: person`";
                self.error(part.line, "run", format!("`{}` is no part that can be run", part.value), remedy);
                0
            }
        };
        Last::Run(part, self.then(name, node))
    }

    /// When a way of a branch is taken that says `percent`. `shared` is what the ways before it took.
    pub(super) fn share(&mut self, percent: &At<u32>, shared: &mut u32) -> When {
        let from = *shared;
        *shared += percent.value;
        if percent.value == 0 || *shared > 99 {
            let remedy = "write 1 to 99; together they leave something for `else`";
            self.error(percent.line, "percent", format!("{} percent are too few or too many here", percent.value), remedy);
        }
        When::Share(from, *shared)
    }
}
