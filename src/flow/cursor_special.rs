//! The interpreter's less usual steps: guided procedures, shared parts, identity checks, tasks for people, who answers.

use super::action::{Action, Answer, LookedUp, Say, Task, Tier};
use super::ask;
use super::cursor::{Cursor, Next, Step};
use super::guide::{self, Pace};
use super::model::{Flow, Goto, Guide, Last, LookupUse, Node, Policy, Question, Speech, When};
use super::phrases::Phrase;
use crate::base::{BargeIn, Language, PromptPart};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most parts that run one another.
const RETURNS_MAX: usize = 8;

impl Cursor {
    // ---- parts ----

    /// Walks through a part; too deep is a loop.
    pub(super) fn run_part(&mut self, part: usize, then: Goto) -> Next {
        if self.returns.len() >= RETURNS_MAX {
            return Next::Do(Action::Transfer { to: self.flow().person.target.clone(), say: None, because: "loop".into() });
        }
        self.returns.push(then);
        Next::Go(Goto::Node(part))
    }

    /// The share of callers that this one belongs to at a branch, 0 to 99: the same in every call from the same number.
    pub(super) fn share(&self, node: &Node) -> u32 {
        let mut sha = Sha256::new();
        let caller = self.facts.caller.as_str();
        sha.update(node.name.as_bytes());
        sha.update([0]);
        match caller.bytes().any(|b| b.is_ascii_digit()) {
            true => sha.update(caller.as_bytes()),
            // Who hides the number is somebody else every time.
            false => sha.update(self.facts.at.0.to_be_bytes()),
        }
        let hash = sha.finalize();
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % 100
    }

    pub(super) fn taken(&self, node: &Node, when: &When, scope: &super::template::Scope) -> bool {
        match when {
            When::Holds(condition) => condition.holds(scope).unwrap_or(false),
            When::Share(from, below) => (*from..*below).contains(&self.share(node)),
        }
    }

    // ---- languages ----

    /// Goes on in another of the flow's languages: what was said last is said again in it. `None` for languages that the flow does
    /// not speak, for the one that is spoken, and where nothing is said.
    pub fn switch_language(&mut self, language: Language) -> Option<Action> {
        if language == self.language || !self.flow().languages.contains(&language) {
            return None;
        }
        if !matches!(self.current, Action::Say(_) | Action::Ask(_)) {
            return None;
        }
        self.language = language;
        // Who was just being told of an incident is told again: it was in the other language.
        if self.after_incident.take().is_some() {
            self.incident_told = false;
        }
        Some(self.run(Next::Step(self.step)))
    }

    // ---- value ----

    /// What the caller's value brings, with its tier's name, as far as it is known.
    pub fn tier(&self) -> Option<(String, Tier)> {
        let rule = self.flow().value.as_ref()?;
        let name = self.flow().templates.words(&rule.of, &self.scope()).ok()?;
        let tier = *rule.tiers.get(name.trim())?;
        Some((name.trim().to_string(), tier))
    }

    /// Whether the caller has proved who they are.
    pub fn proved(&self) -> bool {
        self.proved
    }

    // ---- incidents ----

    pub(super) fn incident_words(&self) -> Option<String> {
        let words = &self.facts.incident.as_ref()?.words;
        words.get(&self.language).or_else(|| words.get(&self.flow().language())).or_else(|| words.values().next()).cloned()
    }

    /// Callers hear of an incident once, right before the first question.
    pub(super) fn incident_first(&mut self, action: Action) -> Action {
        let (false, Action::Ask(ask), Some(words)) = (self.incident_told, &action, self.incident_words()) else {
            return action;
        };
        self.incident_told = true;
        let node = ask.node.clone();
        self.after_incident = Some(action);
        let parts = vec![PromptPart::Text(words)];
        Action::Say(Say { node, parts, barge_in: BargeIn::Speech, answer: false, sensitive: false })
    }

    /// Where a look-up leads that operators have said is out of order.
    pub(super) fn out_of_order(&mut self, node: &Node) -> Option<Goto> {
        let lookup = node.lookup.as_ref()?;
        if !self.facts.incident.as_ref()?.lookups.contains(&lookup.name) {
            return None;
        }
        self.found.remove(&lookup.name);
        let secrets = node.verify.iter().flat_map(|v| &v.secrets);
        secrets.for_each(|secret| drop(self.slots.remove(secret)));
        Some(lookup.outage.unwrap_or(Goto::Person))
    }

    // ---- who answers ----

    /// Whether a person is to take over here instead of an answer: only while one is there.
    pub(super) fn person_goes_first(&self, node: &Node) -> bool {
        let target = self.flow().targets.get(&self.flow().person.target);
        let there = target.is_none_or(|t| t.hours.as_ref().is_none_or(|hours| hours.open_at(self.now)));
        node.policy == Policy::HumanFirst && there
    }

    /// After an answer that a person may have to complete.
    pub(super) fn did_it_help(&mut self, flow: &Arc<Flow>, node: &Node) -> Next {
        if node.policy != Policy::AiThenHuman || node.say.is_none() {
            return Next::Step(Step::Last);
        }
        let scope = self.scope();
        let place = ask::Place { language: self.language, scope: &scope, folder: &self.facts.base_dir };
        let prompt = flow.phrase(Phrase::DidItHelp, self.language);
        let question = own_question(ask::NO_INPUT);
        let expected = ask::yes_no(flow, &place);
        Next::Do(Action::Ask(Box::new(ask::build(flow, &place, node, &question, prompt, expected, node.sensitive))))
    }

    pub(super) fn helped(&self, yes: bool) -> Next {
        if yes {
            return Next::Step(Step::Last);
        }
        let say = Some(self.flow().phrase(Phrase::TransferringAfterNoHelp, self.language));
        Next::Do(Action::Transfer { to: self.flow().person.target.clone(), say, because: "not_helped".into() })
    }

    // ---- tasks ----

    pub(super) fn task(&mut self, flow: &Arc<Flow>, node: &Node, i: usize) -> Next {
        let Some(task) = node.tasks.get(i) else { return Next::Step(Step::Say) };
        self.step = Step::Task(i + 1);
        let scope = self.scope();
        let text = |template: &str| flow.templates.words(template, &scope).unwrap_or_default();
        let (what, old, new) = (text(&task.what), text(&task.old), text(&task.new));
        Next::Do(Action::Note(Task { kind: task.kind, what, old, new }))
    }

    // ---- identity ----

    /// What a look-up says of a caller's secret. Whatever it says, the secret is forgotten.
    pub(super) fn verified(&mut self, node: &Node, lookup: &LookupUse, result: LookedUp) -> Next {
        let Some(verify) = &node.verify else { return Next::Step(Step::Task(0)) };
        for secret in &verify.secrets {
            self.slots.remove(secret);
        }
        let denied = |value: &serde_json::Value| value.get("verified").and_then(serde_json::Value::as_bool) == Some(false);
        match result {
            LookedUp::Outage(_) => Next::Go(lookup.outage.unwrap_or(Goto::Person)),
            LookedUp::Found(value) if !denied(&value) => {
                self.found.insert(lookup.name.clone(), value);
                self.proved = true;
                Next::Step(Step::Task(0))
            }
            LookedUp::Found(_) | LookedUp::NotFound => {
                self.found.remove(&lookup.name);
                for need in &node.needs {
                    self.slots.remove(&need.slot);
                }
                let tries = self.tries.entry(lookup.name.clone()).or_insert(0);
                *tries += 1;
                if *tries >= verify.attempts { Next::Go(verify.wrong) } else { Next::Step(Step::Wrong) }
            }
        }
    }

    /// Whether this caller may try no more, in this node or another one with the same look-up.
    pub(super) fn tried_enough(&self, node: &Node) -> Option<Goto> {
        let verify = node.verify.as_ref()?;
        let tries = self.tries.get(&node.lookup.as_ref()?.name)?;
        (*tries >= verify.attempts).then_some(verify.wrong)
    }

    pub(super) fn wrong_secret(&mut self, node: &Node) -> Next {
        self.step = Step::Need(0);
        let parts = self.flow().phrase(Phrase::NotVerified, self.language);
        Next::Do(Action::Say(self.saying(node, parts, false)))
    }

    // ---- guided procedures ----

    /// The step of a guided procedure that the caller is at: its node, the step from 1, and how many there are.
    pub fn guided(&self) -> Option<(String, usize, usize)> {
        let (index, step) = self.last_guided.and_then(|index| Some((index, *self.guides.get(&index)?)))?;
        let node = self.flow().nodes.get(index)?;
        let Last::Guide(guide) = &node.last else { return None };
        Some((node.name.clone(), step + 1, guide.steps.len()))
    }

    /// Whether the caller is at a step just now.
    pub fn at_step(&self) -> bool {
        self.guiding
    }

    /// The question of a step. `before` is said first.
    pub(super) fn guide(&mut self, flow: &Arc<Flow>, node: &Node, guide: &Guide, before: Vec<PromptPart>, slow: bool) -> Next {
        let left = self.guides.get(&self.node).copied();
        let at = left.unwrap_or(0).min(guide.steps.len().saturating_sub(1));
        let resumed = left.is_some_and(|step| step > 0) && !self.guiding;
        let new = left.is_none();
        self.guides.insert(self.node, at);
        self.last_guided = Some(self.node);
        self.guiding = true;
        let Some(step) = guide.steps.get(at) else { return Next::Go(guide.then) };
        let Ok(say) = self.words(&step.say) else { return self.cannot_say(node) };
        let mut parts = before;
        if resumed {
            parts.extend(flow.phrase(Phrase::StepResumed, self.language));
        }
        let told = guide::prompt(flow, self.language, guide, at, say, new);
        parts.extend(if slow { guide::slowly(told) } else { told });
        let scope = self.scope();
        let place = ask::Place { language: self.language, scope: &scope, folder: &self.facts.base_dir };
        let question = own_question(guide.no_input);
        let expected = guide::expected(flow, &place);
        Next::Do(Action::Ask(Box::new(ask::build(flow, &place, node, &question, parts, expected, node.sensitive))))
    }

    /// What the caller says at a step.
    pub(super) fn paced(&mut self, flow: &Arc<Flow>, node: &Node, guide: &Guide, answer: &Answer) -> Option<Next> {
        let Answer::Option(name) = answer else { return None };
        let at = self.guides.get(&self.node).copied().unwrap_or(0);
        let mut before = Vec::new();
        let mut slow = false;
        match Pace::named(name)? {
            Pace::Next if at + 1 >= guide.steps.len() => {
                self.guides.remove(&self.node);
                self.last_guided = None;
                return Some(Next::Go(guide.then));
            }
            Pace::Next => {
                self.guides.insert(self.node, at + 1);
            }
            Pace::Back => {
                self.guides.insert(self.node, at.saturating_sub(1));
            }
            Pace::Repeat => {}
            Pace::Slower => slow = true,
            Pace::Help => {
                let help = guide.steps.get(at).and_then(|step| step.help.as_ref());
                let own = help.and_then(|help| self.words(help).ok());
                before = own.unwrap_or_else(|| flow.phrase(Phrase::StepNoHelp, self.language));
            }
        }
        Some(self.guide(flow, node, guide, before, slow))
    }
}

/// A question whose words the hotline makes itself.
fn own_question(no_input: std::time::Duration) -> Question {
    Question { prompt: Speech { line: 0, by_language: BTreeMap::new() }, reprompts: Vec::new(), key_prompt: None, no_input }
}
