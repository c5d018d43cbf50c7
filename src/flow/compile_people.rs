//! From the document to the flow: opening hours, the people that a call may be handed to, and when it is.

use super::action::{Accept, Escalation, OnFailure, Target, Tier, TransferMethod};
use super::compile::{Compiler, PLACEHOLDER};
use super::document::{self as doc, At, Named};
use super::finding::did_you_mean;
use super::model::*;
use super::template::Scope;
use crate::base::{Digit, Language, OpeningHours, Span};
use chrono::{NaiveDate, Weekday};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a target may be: a SIP address, or a number (`trunk:NUMBER`, `trunk:NUMBER@carrier,backup`, `tel:NUMBER`) that the
/// gateway calls by its trunks.
const SCHEMES: &[&str] = &["sip", "sips", "trunk", "tel"];

/// Nodes that agents of one target may send callers back to.
const BACK_TO_MAX: usize = 12;

impl Compiler<'_, '_> {
    pub(super) fn hours(&mut self) -> BTreeMap<String, OpeningHours> {
        let document = self.document;
        let mut all = BTreeMap::new();
        for (name, hours) in document.hours.iter().flat_map(|h| &h.0) {
            let zone = self.zone_of(hours.zone.as_ref()).unwrap_or(self.zone);
            let mut week = Vec::new();
            let single = [&hours.mon, &hours.tue, &hours.wed, &hours.thu, &hours.fri, &hours.sat, &hours.sun];
            for (i, own) in single.into_iter().enumerate() {
                let usual = if i < 5 { hours.mon_fri.as_ref().or(hours.daily.as_ref()) } else { hours.daily.as_ref() };
                let day = Weekday::try_from(u8::try_from(i).unwrap_or(0)).unwrap_or(Weekday::Mon);
                let spans = own.as_ref().or(usual).map(|s| s.0.as_slice()).unwrap_or_default();
                week.extend(spans.iter().map(|&(from, to)| Span { day, from, to }));
            }
            if week.is_empty() && !self.report.has_errors() {
                let message = format!("`{}` is never open", name.value);
                self.report.warning(name.line, "hours", message, "write for example `mon-fri: 9:00-17:00`");
            }
            let mut closed = Vec::new();
            for date in hours.closed.iter().flatten() {
                match NaiveDate::parse_from_str(&date.value, "%Y-%m-%d") {
                    Ok(date) => closed.push(date),
                    Err(_) => {
                        let message = format!("`{}` is not a date", date.value);
                        self.error(date.line, "hours", message, "write it like `2026-12-25`");
                    }
                }
            }
            all.insert(name.value.clone(), OpeningHours { zone, week, closed });
        }
        all
    }

    pub(super) fn targets(&mut self, hours: &BTreeMap<String, OpeningHours>) -> BTreeMap<String, Target> {
        let document = self.document;
        let mut all = BTreeMap::new();
        let names: Vec<&str> = document.targets.iter().flat_map(|t| t.0.iter().map(|(n, _)| n.value.as_str())).collect();
        for (name, target) in document.targets.iter().flat_map(|t| &t.0) {
            let next = target.next.as_ref().filter(|next| {
                let known = names.contains(&next.value.as_str());
                if !known {
                    let remedy = did_you_mean(&next.value, &names, "targets");
                    self.report.error(next.line, "unknown-target", format!("there is no target `{}`", next.value), remedy);
                }
                known
            });
            let after = target.after.as_ref().and_then(|after| self.after_talk(after, target));
            let back_to = self.back_to(target);
            let open = target.hours.as_ref().and_then(|h| self.hours_named(h, hours));
            let methods =
                [("bridge", TransferMethod::Bridge), ("refer", TransferMethod::Refer), ("attended", TransferMethod::Attended)];
            let (sip, method) = match (&target.sip, &target.queue) {
                (Some(sip), None) => (self.sip(sip), self.one_of(target.method.as_ref(), TransferMethod::Bridge, &methods)),
                (None, Some(queue)) => (self.queue(queue, target), TransferMethod::Queue),
                (sip, _) => {
                    let (rule, what) = if sip.is_some() { ("target", "two places") } else { ("missing-key", "no place") };
                    let message = format!("target `{}` names {what} where people are", name.value);
                    self.error(name.line, rule, message, "write either `sip:` with an address or `queue:` with a name");
                    (String::new(), TransferMethod::Bridge)
                }
            };
            let made = Target {
                name: name.value.clone(),
                sip,
                method,
                ring: self.wait(
                    target.ring.as_ref(),
                    Duration::from_secs(20),
                    Duration::from_secs(1),
                    Duration::from_secs(120),
                ),
                accept: self.one_of(target.accept.as_ref(), Accept::Key, &[("key", Accept::Key), ("answer", Accept::Answer)]),
                after,
                back_to,
                next: next.map(|n| n.value.clone()),
                on: self.on_failure(target.on.as_ref()),
                hours: open,
                languages: target.languages.iter().flatten().map(|l| l.value.0).collect(),
            };
            all.insert(name.value.clone(), made);
        }
        all
    }

    /// The node that follows a talk with an agent of a queue.
    fn after_talk(&mut self, after: &At<String>, target: &doc::Target) -> Option<String> {
        if target.queue.is_none() {
            let message = "only a talk with an agent of a queue is followed by a node".to_string();
            self.error(after.line, "after", message, "name a `queue:` in this target, or take `after` out");
            return None;
        }
        self.node_index(after).map(|_| after.value.clone())
    }

    /// The nodes that an agent of a queue may send the caller back to.
    fn back_to(&mut self, target: &doc::Target) -> Vec<String> {
        let nodes: &[At<String>] = target.back_to.as_deref().unwrap_or_default();
        if let (Some(first), None) = (nodes.first(), &target.queue) {
            let message = "only an agent of a queue has a desk from which the caller can be sent back".to_string();
            self.error(first.line, "back-to", message, "name a `queue:` in this target, or take `back_to` out");
            return Vec::new();
        }
        let mut all: Vec<String> = Vec::new();
        for node in nodes {
            if self.node_index(node).is_none() {
                continue;
            }
            if all.contains(&node.value) {
                let message = format!("`{}` stands twice in `back_to`", node.value);
                self.error(node.line, "back-to", message, "write each node once");
            } else if all.len() >= BACK_TO_MAX {
                let message = format!(
                    "more than {BACK_TO_MAX} nodes stand in `back_to`: nobody finds one among them while a caller waits"
                );
                self.error(node.line, "back-to", message, "leave those that agents need");
            } else {
                all.push(node.value.clone());
            }
        }
        all
    }

    pub(super) fn hours_named(&mut self, name: &At<String>, hours: &BTreeMap<String, OpeningHours>) -> Option<OpeningHours> {
        let found = hours.get(&name.value).cloned();
        if found.is_none() {
            let names: Vec<&str> = hours.keys().map(String::as_str).collect();
            let remedy = did_you_mean(&name.value, &names, "opening hours");
            self.error(name.line, "unknown-hours", format!("there are no opening hours `{}`", name.value), remedy);
        }
        found
    }

    /// Whether there are opening hours of this name.
    pub(super) fn hours_known(&mut self, name: &At<String>) {
        let names: Vec<&str> = self.document.hours.iter().flat_map(|h| h.0.iter().map(|(n, _)| n.value.as_str())).collect();
        if !names.contains(&name.value.as_str()) {
            let remedy = did_you_mean(&name.value, &names, "opening hours");
            self.error(name.line, "unknown-hours", format!("there are no opening hours `{}`", name.value), remedy);
        }
    }

    pub(super) fn on_failure(&mut self, on: Option<&Named<At<doc::Word>>>) -> BTreeMap<u16, OnFailure> {
        let mut all = BTreeMap::new();
        for (name, word) in on.iter().flat_map(|n| &n.0) {
            let status = match name.value.as_str() {
                "busy" | "486" => 486,
                "unavailable" | "480" => 480,
                "declined" | "603" => 603,
                "moved" | "302" => 302,
                _ => {
                    let message = format!("`{}` is nothing that a target does", name.value);
                    self.error(name.line, "wrong-value", message, "write busy, unavailable, declined or moved");
                    continue;
                }
            };
            let words = [
                ("retry", OnFailure::Retry),
                ("next", OnFailure::Next),
                ("message", OnFailure::Message),
                ("follow", OnFailure::Follow),
            ];
            all.insert(status, self.one_of(Some(word), OnFailure::Next, &words));
        }
        all
    }

    /// Renders a SIP address with the environment.
    /// The address that stands for a queue.
    fn queue(&mut self, queue: &At<String>, target: &doc::Target) -> String {
        let fine = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
        if queue.value.is_empty() || queue.value.len() > 64 || !queue.value.chars().all(fine) {
            let message = format!("`{}` is no name of a queue", queue.value);
            self.error(queue.line, "queue", message, "write letters, digits, `.`, `_` and `-`, as in the gateway's [[queue]]");
        }
        if let Some(line) = target.method.as_ref().map(|m| m.line).or(target.ring.as_ref().map(|r| r.line)) {
            let message = "a queue has no `method` or `ring` of its own".to_string();
            self.error(line, "queue", message, "leave it out; how long agents' phones ring stands in the gateway's [[queue]]");
        }
        format!("queue:{}", queue.value)
    }

    pub(super) fn sip(&mut self, at: &At<String>) -> String {
        self.template(&at.value, at.line, &[]);
        // A name that is not given was reported already.
        let Ok(address) = self.templates.words(&at.value, &self.env_scope()) else { return String::new() };
        let complete = |a: &str| a.split_once(':').is_some_and(|(s, rest)| SCHEMES.contains(&s) && !rest.is_empty());
        let fine = complete(&address) && !address.contains(char::is_whitespace) && !address.contains(['<', '>', '"']);
        if !fine && !address.contains(PLACEHOLDER) && !at.value.is_empty() {
            let message = format!("`{}` is not a SIP address", at.value);
            let remedy =
                "write it like `sip:agents@pbx.example:5060`, or `trunk:+4930123456` for a number by a trunk of the gateway";
            self.error(at.line, "sip", message, remedy);
        }
        address
    }

    pub(super) fn env_scope(&self) -> Scope {
        let env = self.env.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
        Scope::from([("env".to_string(), serde_json::Value::Object(env))])
    }

    pub(super) fn person(&mut self, targets: &BTreeMap<String, Target>) -> PersonWay {
        let document = self.document;
        let person = document.person.as_ref();
        let zero = Digit::from_event(0).expect("event 0 is the key 0 (RFC 4733)");
        if let Some(key) = person.and_then(|p| p.key.as_ref())
            && key.value.0 != zero
        {
            let message = format!("key {} is not the key for a person", key.value.0.as_char());
            self.error(key.line, "person-key", message, "a person is always on key 0: callers know that");
        }
        let phrases = self.phrases_of(person.and_then(|p| p.phrases.as_ref()));
        let target = match person.and_then(|p| p.to.as_ref()) {
            Some(to) => self.target(to, targets, None),
            None => {
                let line = document.name.line;
                let remedy = "add `person: { to: support }` and a target `support` with a `sip:` address";
                self.error(line, "no-person", "nobody is named whom callers can speak to", remedy);
                String::new()
            }
        };
        let text_telephone = person.and_then(|p| p.text_telephone.as_ref()).map(|to| self.target(to, targets, None));
        PersonWay { target, key: zero, phrases: phrases.into_iter().map(|(l, p)| (l, p.into())).collect(), text_telephone }
    }

    pub(super) fn emergency(&mut self, targets: &BTreeMap<String, Target>, person: &PersonWay) -> Option<EmergencyWay> {
        let emergency = self.document.emergency.as_ref()?;
        let target = match &emergency.to {
            Some(to) => self.target(to, targets, Some(person)),
            None => person.target.clone(),
        };
        let phrases = self.phrases_of(Some(&emergency.phrases));
        for language in self.languages.clone() {
            if phrases.get(&language).is_none_or(Vec::is_empty) {
                let message = format!("an emergency cannot be told in `{language}`");
                let remedy = format!("add `{language}: […]` with the words for it under `emergency: phrases:`");
                self.report.warning(self.document.name.line, "emergency", message, remedy);
            }
        }
        Some(EmergencyWay { target, phrases: phrases.into_iter().map(|(l, p)| (l, p.into())).collect() })
    }

    /// A target's name; `person` is the flow's own.
    pub(super) fn target(
        &mut self,
        name: &At<String>,
        targets: &BTreeMap<String, Target>,
        person: Option<&PersonWay>,
    ) -> String {
        if let Some(person) = person.filter(|_| name.value == "person" && !targets.contains_key("person")) {
            return person.target.clone();
        }
        if !targets.contains_key(&name.value) {
            let names: Vec<&str> = targets.keys().map(String::as_str).collect();
            let remedy = did_you_mean(&name.value, &names, "targets");
            self.error(name.line, "unknown-target", format!("there is no target `{}`", name.value), remedy);
        }
        name.value.clone()
    }

    pub(super) fn escalation(&mut self) -> Escalation {
        let mut numbers = Escalation::default();
        let Some(escalate) = self.document.escalate.as_ref() else { return numbers };
        let mut take = |to: &mut u32, at: Option<&At<u32>>| {
            if let Some(at) = at {
                if !(1..=10).contains(&at.value) {
                    let message = format!("{} turns are too few or too many", at.value);
                    self.report.error(at.line, "escalate", message, "write a number from 1 to 10");
                }
                *to = at.value.clamp(1, 10);
            }
        };
        if let Some(m) = &escalate.misunderstood {
            take(&mut numbers.misunderstood_offer, m.offer.as_ref());
            take(&mut numbers.misunderstood_transfer, m.transfer.as_ref());
            take(&mut numbers.misunderstood_total, m.total.as_ref());
        }
        if let Some(s) = &escalate.same_answer {
            take(&mut numbers.same_answer_offer, s.offer.as_ref());
            take(&mut numbers.same_answer_transfer, s.transfer.as_ref());
        }
        take(&mut numbers.silence_last, escalate.silence.as_ref());
        if let Some(budget) = &escalate.budget {
            numbers.budget_turns = budget.turns.as_ref().map_or(numbers.budget_turns, |t| t.value);
            numbers.budget_seconds = budget.seconds.as_ref().map_or(numbers.budget_seconds, |s| s.value);
        }
        if let Some(words) = &escalate.story_words {
            numbers.story_words = words.value;
        }
        if let Some(weights) = &escalate.weights {
            let own = &mut numbers.weights;
            own.misunderstood = self.weight(weights.misunderstood.as_ref()).or(own.misunderstood);
            own.upset = self.weight(weights.upset.as_ref()).unwrap_or(own.upset);
            own.correction = self.weight(weights.correction.as_ref()).unwrap_or(own.correction);
            own.story = self.weight(weights.story.as_ref()).unwrap_or(own.story);
            own.loud = self.weight(weights.loud.as_ref()).unwrap_or(own.loud);
            own.over = self.weight(weights.over.as_ref()).unwrap_or(own.over);
        }
        numbers
    }

    pub(super) fn value(&mut self) -> Option<ValueRule> {
        let value = self.document.escalate.as_ref()?.value.as_ref()?;
        self.template(&value.of.value, value.of.line, &[]);
        let mut tiers = BTreeMap::new();
        for (name, tier) in &value.tiers.0 {
            let priority = tier.priority.as_ref().map_or(0, |p| p.value);
            if let Some(at) = tier.priority.as_ref().filter(|_| priority > 9) {
                self.error(at.line, "value", format!("{priority} is no priority"), "write a number from 0 (last) to 9 (first)");
            }
            let turns = tier.turns.as_ref().map(|t| t.value);
            if let Some(at) = tier.turns.as_ref().filter(|t| t.value == 0) {
                self.error(
                    at.line,
                    "value",
                    "after no turn at all nobody knows what the caller wants",
                    "write `human_first: true`",
                );
            }
            let human_first = tier.human_first.as_ref().is_some_and(|h| h.value);
            tiers.insert(name.value.clone(), Tier { priority: priority.min(9) as u8, human_first, turns });
        }
        if tiers.is_empty() {
            self.error(value.of.line, "value", "there are no tiers", "name some under `tiers`, or take `value` out");
        }
        Some(ValueRule { of: value.of.value.clone(), tiers })
    }

    fn weight(&mut self, written: Option<&At<String>>) -> Option<f32> {
        let written = written?;
        let weight = written.value.trim().parse().ok().filter(|w| (0.0..=1.0).contains(w));
        if weight.is_none() {
            let message = format!("`{}` is not a weight", written.value);
            self.error(written.line, "escalate", message, "write a number from 0 (never counts) to 1 (a person at once)");
        }
        weight
    }
}

/// What is listened for at all times.
pub(super) fn spotted(
    languages: &[Language],
    person: &PersonWay,
    emergency: Option<&EmergencyWay>,
) -> BTreeMap<Language, Arc<[String]>> {
    let of = |phrases: Option<&Arc<[String]>>| phrases.map(|p| p.to_vec()).unwrap_or_default();
    let all = |language: &Language| {
        let own = of(person.phrases.get(language));
        own.into_iter().chain(of(emergency.and_then(|e| e.phrases.get(language)))).collect()
    };
    languages.iter().map(|language| (*language, all(language))).collect()
}
