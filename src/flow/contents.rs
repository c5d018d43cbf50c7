//! What a checked flow holds, for those who ask: its prompts, files, phrases, and where its nodes lead.

use super::action::Choice;
use super::document::Piece;
use super::model::{ALWAYS_KNOWN, Flow, Goto, Intent, Last, Node, Policy, Question, Speech, Validity, Ways};
use super::phrases::Phrase;
use super::template::Scope;
use crate::base::{BargeIn, Expect, Language, PromptPart, sections};
use crate::nlu::{IntentName, Matcher};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

impl Speech {
    /// The pieces of one variant; the flow's first language when this one has no words.
    pub(crate) fn variant(&self, language: Language, turn: usize) -> &[Piece] {
        let variants = self.by_language.get(&language).or_else(|| self.by_language.values().next());
        variants.and_then(|v| v.get(turn % v.len().max(1))).map_or(&[], Vec::as_slice)
    }
}

impl Flow {
    /// What finds the intent of an open answer. Trained on the examples of all languages when the flow was loaded.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    /// The languages' first.
    pub fn language(&self) -> Language {
        self.languages.first().copied().unwrap_or_default()
    }

    /// Hosts (`host:port`) that the flow's look-ups call. The gateway asks only those that its configuration lists,
    /// and warns of the others when it loads the flow.
    pub fn hosts(&self) -> BTreeSet<String> {
        self.lookups.values().filter_map(|l| l.host.clone()).collect()
    }

    /// Files that prompts name, with the line of the prompt. Relative to the flow's folder. Whether they exist is checked by
    /// `trial`.
    pub fn files(&self) -> Vec<(u32, String)> {
        let mut files = Vec::new();
        for speech in self.speeches() {
            for piece in speech.by_language.values().flatten().flatten() {
                if let Piece::File(f) = piece {
                    files.push((speech.line, f.clone()));
                }
            }
        }
        files
    }

    /// One of the hotline's own sentences.
    pub fn phrase(&self, what: Phrase, language: Language) -> Vec<PromptPart> {
        self.phrase_with(what, language, &[])
    }

    /// One of the hotline's own sentences, with values for what it mentions.
    pub fn phrase_with(&self, what: Phrase, language: Language, values: &[(&str, &str)]) -> Vec<PromptPart> {
        let mut scope = self.fixed_scope(language);
        scope.extend(values.iter().map(|(k, v)| ((*k).to_string(), (*v).into())));
        match self.phrases.get(&what) {
            Some(own) => self.render(own.variant(language, 0), &scope, std::path::Path::new("")).unwrap_or_default(),
            None => {
                let template =
                    what.built_in(language).or_else(|| what.built_in(self.language())).or_else(|| what.built_in(Language::EN));
                let words = self.templates.words(template.unwrap_or_default(), &scope).unwrap_or_default();
                vec![PromptPart::Text(words)]
            }
        }
    }

    /// What an intent is called: its label, else its first example in this language, else its name.
    pub fn intent_label(&self, name: &str, language: Language) -> String {
        let intent = self.intents.get(name);
        let parts = intent.and_then(|intent| intent.label.as_ref()).and_then(|label| {
            self.render(label.variant(language, 0), &self.fixed_scope(language), std::path::Path::new("")).ok()
        });
        let words = |part: &PromptPart| match part {
            PromptPart::Text(words) => Some(words.clone()),
            _ => None,
        };
        let label = parts.map(|parts| parts.iter().filter_map(words).collect::<Vec<_>>().join(" ")).filter(|l| !l.is_empty());
        let example = || intent.and_then(|i| i.examples.get(&language)).and_then(|e| e.first()).cloned();
        label.or_else(example).unwrap_or_else(|| name.replace(['.', '_'], " "))
    }

    /// Prompts whose words do not depend on the call, for rendering them before the first call.
    pub fn prompts(&self) -> Vec<(Language, Vec<PromptPart>)> {
        let mut prompts: Vec<(Language, Vec<PromptPart>)> = Vec::new();
        // What a voice may cut is played part by part.
        let cut = self.nodes.iter().filter(|node| node.barge_in == BargeIn::Speech);
        let told: BTreeSet<u32> = cut.filter_map(|node| node.say.as_ref()).map(|say| say.line).collect();
        for &language in &self.languages {
            let scope = self.fixed_scope(language);
            for speech in self.speeches() {
                for variant in speech.by_language.get(&language).into_iter().flatten() {
                    let Ok(parts) = self.render(variant, &scope, std::path::Path::new("")) else { continue };
                    match told.contains(&speech.line) {
                        true => prompts.extend(sections(parts).into_iter().map(|part| (language, part))),
                        false => prompts.push((language, parts)),
                    }
                }
            }
            for phrase in Phrase::ALL.iter().filter(|p| p.variables().is_empty()) {
                prompts.push((language, self.phrase(*phrase, language)));
            }
        }
        let sounds = |part: &PromptPart| match part {
            PromptPart::Text(text) => !text.is_empty(),
            PromptPart::File(_) => true,
            PromptPart::Pause(_) => false,
        };
        prompts.retain(|(_, parts)| parts.iter().any(sounds));
        prompts.dedup();
        prompts
    }

    /// Nodes whose answers are true for some time only, with their lines.
    pub fn validities(&self) -> impl Iterator<Item = (&str, u32, &Validity)> {
        self.nodes.iter().filter_map(|node| node.valid.as_ref().map(|valid| (node.name.as_str(), node.line, valid)))
    }

    /// Where an intent stands; 1 when there is none.
    pub fn intent_line(&self, name: &str) -> u32 {
        self.intents.get(name).map_or(1, |intent| intent.line)
    }

    /// All example sentences of a language with their intents.
    pub fn examples(&self, language: Language) -> Vec<(&str, &str)> {
        let mut all = Vec::new();
        for (name, intent) in &self.intents {
            for sentence in intent.examples.get(&language).into_iter().flatten() {
                all.push((name.as_str(), sentence.as_str()));
            }
        }
        all
    }

    /// What is listened for at all times: the flow's own words for a person, and those of an emergency.
    pub fn spotted(&self, language: Language) -> std::sync::Arc<[String]> {
        self.spotted.get(&language).cloned().unwrap_or_default()
    }

    /// What an open question of this flow expects, the start's first: how callers of this hotline speak. `None` where nothing is asked openly.
    pub fn open_question(&self, language: Language) -> Option<Expect> {
        let nodes = self.nodes.get(self.start).into_iter().chain(&self.nodes);
        let mut open = nodes.filter_map(|node| match &node.last {
            Last::Ask(_, Ways::Intents { open, .. }) => open.get(&language),
            _ => None,
        });
        open.next().map(|(name, examples)| Expect::Open { name: name.clone(), examples: examples.clone() })
    }

    /// Every phrase of a language that may answer a closed question, and the flow's own words for a person, each once: what a recogniser
    /// can learn beforehand. Digits, yes and no and the built-in phrases are not among them.
    pub fn closed_phrases(&self, language: Language) -> Vec<String> {
        let person = self.spotted.get(&language).into_iter().flat_map(|p| p.iter());
        let options = self.nodes.iter().filter_map(|node| match &node.last {
            Last::Ask(_, Ways::Menu(options) | Ways::Language { options, .. }) => Some(options),
            _ => None,
        });
        let options = options.flatten().filter_map(|o| o.phrases.get(&language)).flatten();
        person.chain(options).cloned().collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// What templates see in every call.
    pub(super) fn fixed_scope(&self, language: Language) -> Scope {
        let env = self.env.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
        Scope::from([("env".to_string(), serde_json::Value::Object(env)), ("language".to_string(), language.as_str().into())])
    }

    /// Pieces to what is played. The error is one sentence (a value is not known).
    pub(super) fn render(&self, pieces: &[Piece], scope: &Scope, folder: &std::path::Path) -> Result<Vec<PromptPart>, String> {
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Words(template) => {
                    let words = self.templates.words(template, scope)?;
                    if !words.is_empty() {
                        parts.push(PromptPart::Text(words));
                    }
                }
                Piece::File(name) => parts.push(PromptPart::File(PathBuf::from(folder).join(name))),
                Piece::Pause(ms) => parts.push(PromptPart::Pause(*ms)),
            }
        }
        Ok(parts)
    }

    /// Everything that is spoken.
    pub(super) fn speeches(&self) -> Vec<&Speech> {
        let mut all: Vec<&Speech> = self.phrases.values().collect();
        all.extend(self.intents.values().filter_map(|i| i.label.as_ref()));
        all.extend(self.lookups.values().filter_map(|l| l.waiting.as_ref()));
        for node in &self.nodes {
            all.extend(node.speeches());
        }
        all
    }

    /// What a node is called where people choose it: its own label, that of the intent of its name, else its name.
    pub fn node_label(&self, name: &str, language: Language) -> String {
        let label = self.node_named(name).and_then(|node| self.nodes[node].label.as_ref());
        let parts = label.and_then(|label| {
            self.render(label.variant(language, 0), &self.fixed_scope(language), std::path::Path::new("")).ok()
        });
        let words = parts.into_iter().flatten().filter_map(|part| match part {
            PromptPart::Text(words) => Some(words),
            _ => None,
        });
        let label = words.collect::<Vec<_>>().join(" ");
        if label.is_empty() { self.intent_label(name, language) } else { label }
    }

    /// Whether a name is known in every node of every call.
    pub(super) fn always_known(&self, name: &str) -> bool {
        ALWAYS_KNOWN.contains(&name)
    }

    /// The nodes that a caller comes to from an agent: those that follow a talk, and those that an agent may send back to.
    pub(super) fn after_talks(&self) -> impl Iterator<Item = usize> {
        let names = self.targets.values().flat_map(|target| target.after.iter().chain(&target.back_to));
        names.filter_map(|name| self.node_named(name))
    }

    pub(super) fn node_named(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|n| n.name == name)
    }
}

impl Question {
    pub(crate) fn speeches(&self) -> impl Iterator<Item = &Speech> {
        std::iter::once(&self.prompt).chain(&self.reprompts).chain(&self.key_prompt)
    }
}

impl Node {
    /// Everything this node says.
    pub(crate) fn speeches(&self) -> Vec<&Speech> {
        let mut all: Vec<&Speech> = self.needs.iter().flat_map(|n| n.question.speeches()).collect();
        all.extend(self.label.iter().chain(&self.confirm).chain(&self.say));
        match &self.last {
            Last::Ask(question, ways) => {
                all.extend(question.speeches());
                if let Ways::Menu(options) | Ways::Language { options, .. } = ways {
                    all.extend(options.iter().filter_map(|o| o.label.as_ref()));
                }
            }
            Last::Guide(guide) => all.extend(guide.steps.iter().flat_map(|s| std::iter::once(&s.say).chain(&s.help))),
            Last::Message { say, thanks, .. } => all.extend(std::iter::once(say).chain(thanks)),
            Last::HangUp(say) => all.extend(say),
            Last::Branch(..) | Last::Transfer { .. } | Last::Then(_) | Last::Run(..) => {}
        }
        all
    }

    /// Whether a slot's value is known to nobody but the caller and this node.
    pub(crate) fn keeps_secret(&self, slot: &str) -> bool {
        self.sensitive || self.verify.as_ref().is_some_and(|v| v.secrets.iter().any(|s| s == slot))
    }

    /// Whether the caller is heard somewhere in it whatever happens.
    pub(crate) fn asks(&self) -> bool {
        let helped = self.policy == Policy::AiThenHuman && self.say.is_some();
        self.confirm.is_some() || helped || matches!(self.last, Last::Ask(..) | Last::Guide(_) | Last::Message { .. })
    }

    /// Everywhere this node may lead; a part that is run leads back by itself. Intents' and key options' ways of an open question are told apart by `intents`.
    pub(crate) fn ways(&self, intents: &BTreeMap<IntentName, Intent>, node_named: impl Fn(&str) -> Option<usize>) -> Vec<Goto> {
        let mut ways: Vec<Goto> = self.unconfirmed.into_iter().collect();
        ways.extend(self.lookup.iter().flat_map(|l| l.not_found.into_iter().chain(l.outage)));
        ways.extend(self.verify.iter().map(|v| v.wrong));
        match &self.last {
            Last::Ask(_, Ways::Intents { names, keys, .. }) => {
                ways.extend(names.iter().filter_map(|n| intents.get(n)).map(|i| i.go));
                for choice in keys.values() {
                    match choice {
                        Choice::Intent(name) => ways.extend(intents.get(name).map(|i| i.go)),
                        Choice::Option(node) => ways.extend(node_named(node).map(Goto::Node)),
                        _ => {}
                    }
                }
            }
            Last::Ask(_, Ways::Menu(options)) => ways.extend(options.iter().map(|o| o.go)),
            Last::Ask(_, Ways::YesNo { yes, no }) => ways.extend([*yes, *no]),
            Last::Ask(_, Ways::Value { then, .. } | Ways::Language { then, .. }) => ways.push(*then),
            Last::Branch(arms, otherwise) => {
                ways.extend(arms.iter().map(|(_, go)| *go));
                ways.push(*otherwise);
            }
            Last::Message { then, .. } => ways.extend(*then),
            Last::Guide(guide) => ways.push(guide.then),
            Last::Run(part, then) => {
                ways.push(Goto::Node(*part));
                ways.extend(Some(*then).filter(|then| *then == Goto::Return));
            }
            Last::Then(go) => ways.push(*go),
            Last::Transfer { .. } | Last::HangUp(_) => {}
        }
        ways
    }
}
