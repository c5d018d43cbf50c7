//! The interpreter: where a call stands in its flow. It says what the script wants next ([`Action`]) and is told what came
//! of it ([`Input`]). Misunderstandings, silence, requests for a person and the fate of transfers are the call's business.

use super::action::{Action, CallFacts, Input, LookedUp, Say, TakeMessage};
use super::ask;
use super::model::{Flow, Goto, Last, Node, Question, SlotKind, Speech, Ways};
use super::phrases::Phrase;
use super::template::Scope;
use crate::base::{Language, PromptPart, WallTime};
use crate::nlu::Slots;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most steps without anything for the caller to hear; then a person.
const SILENT_STEPS_MAX: u32 = 200;
/// Most prompts and look-ups in a row without a question; then a person.
const UNASKED_MAX: u32 = 50;
/// How often a caller may say no to `confirm` in one visit of a node without saying what is right; then a person.
const DENIALS_MAX: u32 = 2;
/// How many numbers that were read back may be wrong in one visit of a node; then a person.
pub(super) const DENIED_MAX: usize = 4;

/// Where a call stands in its flow.
#[derive(Debug, Clone)]
pub struct Cursor {
    flow: Arc<Flow>,
    pub(super) facts: CallFacts,
    pub(super) language: Language,
    /// Language of the action that is under way, where it differs: a language question speaks each in its own.
    speaking: Option<Language>,
    pub(super) node: usize,
    /// What of the node comes next.
    pub(super) step: Step,
    /// What was asked of the call last; answers to anything else are ignored.
    pub(super) current: Action,
    /// All slots that are known, sensitive ones included.
    pub(super) slots: Slots,
    /// Names of slots that were collected in sensitive nodes.
    pub(super) secret: Vec<String>,
    /// Values of `set:`.
    vars: BTreeMap<String, serde_json::Value>,
    /// Answers of look-ups, by name.
    pub(super) found: BTreeMap<String, serde_json::Value>,
    pub(super) intent: Option<String>,
    /// True from the caller's answer to the next question: what is said now answers it.
    pub(super) answering: bool,
    /// What was said since the caller last spoke, for "repeat".
    pub(super) said: Vec<PromptPart>,
    /// How often each variant list was used, by the line of its text.
    turns: BTreeMap<u32, usize>,
    /// How often the caller said no and nothing else to this node's `confirm`.
    pub(super) denials: u32,
    /// The digits that were read back and denied in this visit of the node: they are not read back again. At most four.
    pub(super) denied: Vec<String>,
    /// Prompts and look-ups since the last question.
    unasked: u32,
    /// Where the parts lead back to that are being walked through, the innermost last. At most eight.
    pub(super) returns: Vec<Goto>,
    /// How often the caller was not verified, by look-up.
    pub(super) tries: BTreeMap<String, u32>,
    /// The caller has proved who they are.
    pub(super) proved: bool,
    /// The step of each guided procedure that has begun, by node.
    pub(super) guides: BTreeMap<usize, usize>,
    /// The procedure that was spoken of last.
    pub(super) last_guided: Option<usize>,
    /// The caller is at a step just now.
    pub(super) guiding: bool,
    /// The incident was told.
    pub(super) incident_told: bool,
    /// The question that waits until the incident is told.
    pub(super) after_incident: Option<Action>,
    pub(super) now: WallTime,
}

/// What of a node comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Enter,
    Need(usize),
    Confirm,
    Set,
    LookUp,
    /// Tasks for people.
    Task(usize),
    Say,
    /// Whether the answer helped.
    Helped,
    /// The secret was wrong: said, then asked again.
    Wrong,
    /// The node's last: question, branch, transfer, message, good-bye, onward.
    Last,
    /// Other languages' lines of a language question, then the question.
    Greeting(usize),
}

/// Either something to do, or a place to go on from at once.
pub(super) enum Next {
    Do(Action),
    Go(Goto),
    Step(Step),
}

impl Cursor {
    /// Begins at the flow's first node.
    pub fn start(flow: Arc<Flow>, facts: CallFacts) -> (Cursor, Action) {
        let language = flow.language();
        Cursor::start_in(flow, facts, language)
    }

    /// The same with a caller whose language is known.
    pub fn start_in(flow: Arc<Flow>, facts: CallFacts, language: Language) -> (Cursor, Action) {
        let mut cursor = Cursor {
            language: if flow.languages.contains(&language) { language } else { flow.language() },
            speaking: None,
            node: flow.start,
            step: Step::Enter,
            current: Action::End { say: None },
            slots: Slots::new(),
            secret: Vec::new(),
            vars: BTreeMap::new(),
            found: BTreeMap::new(),
            intent: None,
            answering: false,
            said: Vec::new(),
            turns: BTreeMap::new(),
            denials: 0,
            denied: Vec::new(),
            unasked: 0,
            returns: Vec::new(),
            tries: BTreeMap::new(),
            proved: false,
            guides: BTreeMap::new(),
            last_guided: None,
            guiding: false,
            incident_told: false,
            after_incident: None,
            now: facts.at,
            flow,
            facts,
        };
        let action = cursor.run(Next::Step(Step::Enter));
        (cursor, action)
    }

    /// Goes on after `input`. An input that does not fit what was asked repeats the action. Never panics; bounded: after
    /// 200 steps without a word, or 50 prompts without a question, the call is handed to a person because of `loop`.
    pub fn next(&mut self, wall: WallTime, input: Input) -> Action {
        self.now = wall;
        let flow = self.flow.clone();
        let Some(node) = flow.nodes.get(self.node) else { return self.hand_over("loop") };
        if let (Action::Say(_), Input::Done, true) = (&self.current, &input, self.after_incident.is_some())
            && let Some(question) = self.after_incident.take()
        {
            return self.perform(question);
        }
        let next = match (&self.current, input) {
            (Action::Say(_), Input::Done) => Some(Next::Step(if self.step == Step::Say { Step::Helped } else { self.step })),
            (Action::Note(_), Input::Done) => Some(Next::Step(self.step)),
            (Action::Ask(_), Input::Understood(answer)) => self.answered(&flow, node, answer),
            (Action::LookUp(_), Input::LookedUp(result)) => Some(self.looked_up(node, result)),
            (Action::TakeMessage(_), Input::Done) => Some(match &node.last {
                Last::Message { then: Some(goto), .. } => Next::Go(*goto),
                _ => Next::Do(Action::End { say: None }),
            }),
            _ => None,
        };
        match next {
            Some(next) => self.run(next),
            None => self.current.clone(),
        }
    }

    /// Goes to a node whatever was asked last, and says what the script wants there: what follows a talk with an agent. `None` when the flow
    /// has no such node.
    pub fn go_to(&mut self, wall: WallTime, node: &str) -> Option<Action> {
        let index = self.flow.node_named(node)?;
        self.now = wall;
        self.returns.clear();
        self.said.clear();
        self.after_incident = None;
        self.incident_told = true;
        self.unasked = 0;
        self.answering = false;
        Some(self.run(Next::Go(Goto::Node(index))))
    }

    /// The node's name.
    pub fn node(&self) -> &str {
        &self.here().name
    }

    /// The language of what is said and heard now.
    pub fn language(&self) -> Language {
        self.speaking.unwrap_or(self.language)
    }

    /// Speaks another of the flow's languages from the next action on; others are ignored.
    pub fn set_language(&mut self, language: Language) {
        if self.flow.languages.contains(&language) {
            self.language = language;
        }
    }

    /// Slots known so far, without those that were collected in sensitive nodes.
    pub fn slots(&self) -> Slots {
        self.slots.iter().filter(|(k, _)| !self.secret.contains(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// Values that an earlier call of the same person brought; what is known already stays.
    pub fn recall(&mut self, slots: &Slots) {
        for (name, value) in slots {
            self.slots.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    /// What the caller wants, as far as it was understood last.
    pub fn intent(&self) -> Option<&str> {
        self.intent.as_deref()
    }

    /// The flow it walks through.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// What to do when the caller says "repeat": the question again, headed by what was said before it since the caller
    /// last answered; or the prompt that is playing. `None` when nothing can be repeated. The cursor stays where it is:
    /// the answer to the repeated action is given to [`Cursor::next`] as for the first one.
    pub fn repeat(&self) -> Option<Action> {
        match &self.current {
            Action::Ask(ask) => {
                let mut again = ask.clone();
                again.prompt = self.said.iter().chain(&ask.prompt).cloned().collect();
                Some(Action::Ask(again))
            }
            Action::Say(_) => Some(self.current.clone()),
            _ => None,
        }
    }

    fn here(&self) -> &Node {
        // `node` only ever holds indices that `compile` resolved, and a flow has at least one node.
        &self.flow.nodes[self.node]
    }

    /// Steps on until there is something for the call to do.
    pub(super) fn run(&mut self, first: Next) -> Action {
        let flow = self.flow.clone();
        let mut next = first;
        for _ in 0..SILENT_STEPS_MAX {
            match next {
                Next::Do(action) => {
                    let action = self.incident_first(action);
                    return self.perform(action);
                }
                Next::Go(Goto::Person) => {
                    let because = self.here().name.clone();
                    return self.hand_over(&because);
                }
                Next::Go(Goto::Return) => {
                    next = Next::Go(self.returns.pop().unwrap_or(Goto::Person));
                    continue;
                }
                Next::Go(Goto::Node(index)) => {
                    self.guiding = false;
                    self.node = index;
                    self.step = Step::Enter;
                    self.denials = 0;
                    self.denied.clear();
                }
                Next::Step(step) => self.step = step,
            }
            let Some(node) = flow.nodes.get(self.node) else { break };
            self.speaking = None;
            next = self.step(&flow, node);
        }
        self.hand_over("loop")
    }

    /// The calendar day where the hotline is.
    fn today(&self) -> chrono::NaiveDate {
        self.now.utc().with_timezone(&self.flow.zone).date_naive()
    }

    fn hand_over(&mut self, because: &str) -> Action {
        let transfer = Action::Transfer { to: self.flow.person.target.clone(), say: None, because: because.to_string() };
        self.perform(transfer)
    }

    /// Remembers what was asked of the call, and stops flows that talk without ever asking.
    fn perform(&mut self, action: Action) -> Action {
        match &action {
            Action::Ask(_) => self.unasked = 0,
            Action::Say(_) | Action::LookUp(_) => self.unasked += 1,
            _ => {}
        }
        if self.unasked > UNASKED_MAX {
            self.unasked = 0;
            return self.hand_over("loop");
        }
        if let Action::Say(say) = &action {
            self.said.extend(say.parts.iter().cloned());
        }
        self.current = action.clone();
        action
    }

    fn step(&mut self, flow: &Arc<Flow>, node: &Node) -> Next {
        match self.step {
            Step::Enter => {
                for slot in &node.forget {
                    self.slots.remove(slot);
                }
                if let Some(goto) = self.tried_enough(node) {
                    return Next::Go(goto);
                }
                Next::Step(Step::Need(0))
            }
            Step::Need(i) => match node.needs.get(i) {
                None => Next::Step(Step::Confirm),
                Some(need) if self.slots.contains_key(&need.slot) => Next::Step(Step::Need(i + 1)),
                Some(need) => {
                    let denied = self.denied.clone();
                    let secret = node.keeps_secret(&need.slot);
                    self.ask(flow, node, &need.question, secret, |p| ask::value(flow, p, &need.slot, &need.kind, &denied))
                }
            },
            Step::Confirm => match &node.confirm {
                None => Next::Step(Step::Set),
                Some(speech) => self.confirm(flow, node, speech),
            },
            Step::Set if self.person_goes_first(node) => {
                let say = Some(flow.phrase(Phrase::Transferring, self.language));
                Next::Do(Action::Transfer { to: flow.person.target.clone(), say, because: "human_first".into() })
            }
            Step::Set => {
                for (name, template) in &node.set {
                    match flow.templates.words(template, &self.scope()) {
                        Ok(value) => self.vars.insert(name.clone(), value.into()),
                        Err(_) => return self.cannot_say(node),
                    };
                }
                Next::Step(Step::LookUp)
            }
            Step::LookUp => match &node.lookup {
                None => Next::Step(Step::Task(0)),
                Some(_) => self.look_up(flow, node),
            },
            Step::Task(i) => self.task(flow, node, i),
            Step::Wrong => self.wrong_secret(node),
            Step::Helped => self.did_it_help(flow, node),
            // What is no longer true, or not yet, is not said: a person knows better.
            Step::Say if node.valid.as_ref().is_some_and(|valid| !valid.holds(self.today())) => {
                Next::Do(Action::Transfer { to: flow.person.target.clone(), say: None, because: "expired".into() })
            }
            Step::Say => match &node.say {
                // A transfer speaks the node's words itself, so that the call can dial while they play.
                Some(speech) if !matches!(node.last, Last::Transfer { .. }) => self.say(node, speech),
                _ => Next::Step(Step::Last),
            },
            Step::Last => self.last(flow, node),
            Step::Greeting(i) => self.greet(flow, node, i),
        }
    }

    fn last(&mut self, flow: &Arc<Flow>, node: &Node) -> Next {
        match &node.last {
            Last::Then(goto) => Next::Go(*goto),
            Last::Branch(arms, otherwise) => {
                let scope = self.condition_scope();
                let taken = arms.iter().find(|(when, _)| self.taken(node, when, &scope));
                Next::Go(taken.map_or(*otherwise, |(_, goto)| *goto))
            }
            Last::Ask(_, Ways::Language { .. }) => Next::Step(Step::Greeting(0)),
            Last::Guide(guide) => self.guide(flow, node, guide, Vec::new(), false),
            Last::Run(part, then) => self.run_part(*part, *then),
            Last::Ask(question, ways) => self.ask(flow, node, question, node.sensitive, |p| ask::ways(flow, p, ways)),
            Last::Transfer { to, because } => {
                let say = node.say.as_ref().and_then(|speech| self.words(speech).ok());
                Next::Do(Action::Transfer { to: to.clone(), say, because: because.clone() })
            }
            Last::HangUp(speech) => {
                let own = speech.as_ref().and_then(|s| self.words(s).ok());
                let say = own.unwrap_or_else(|| flow.phrase(Phrase::GoodBye, self.language));
                Next::Do(Action::End { say: Some(say) })
            }
            Last::Message { say, thanks, longest, .. } => {
                let say = self.words(say).unwrap_or_else(|_| flow.phrase(Phrase::LeaveMessage, self.language));
                let thanks = thanks.as_ref().and_then(|t| self.words(t).ok());
                let thanks = thanks.unwrap_or_else(|| flow.phrase(Phrase::MessageThanks, self.language));
                Next::Do(Action::TakeMessage(TakeMessage { node: node.name.clone(), say, thanks, max: *longest }))
            }
        }
    }

    /// A language question says each language's line in that language, the flow's first one last: with the question.
    fn greet(&mut self, flow: &Arc<Flow>, node: &Node, i: usize) -> Next {
        let Last::Ask(question, ways @ Ways::Language { options, .. }) = &node.last else { return Next::Step(Step::Last) };
        let Some(option) = options.get(i) else {
            return self.ask(flow, node, question, node.sensitive, |p| ask::ways(flow, p, ways));
        };
        let language = Language::parse(&option.name).filter(|l| *l != self.language);
        self.step = Step::Greeting(i + 1);
        match (language, &option.label) {
            (Some(language), Some(label)) => {
                self.speaking = Some(language);
                let parts = flow.render(label.variant(language, 0), &self.scope(), &self.facts.base_dir).unwrap_or_default();
                Next::Do(Action::Say(self.saying(node, parts, false)))
            }
            _ => Next::Step(Step::Greeting(i + 1)),
        }
    }

    fn say(&mut self, node: &Node, speech: &Speech) -> Next {
        let Ok(parts) = self.words(speech) else { return self.cannot_say(node) };
        if parts.is_empty() {
            return Next::Step(Step::Last);
        }
        let answer = node.answer.unwrap_or(self.answering);
        Next::Do(Action::Say(self.saying(node, parts, answer)))
    }

    pub(super) fn saying(&self, node: &Node, parts: Vec<PromptPart>, answer: bool) -> Say {
        Say { node: node.name.clone(), parts, barge_in: node.barge_in, answer, sensitive: node.sensitive }
    }

    /// The words need a value that is not known: the look-up's answer lacks it, which is an outage; else a person.
    pub(super) fn cannot_say(&mut self, node: &Node) -> Next {
        match node.lookup.as_ref().and_then(|l| l.outage) {
            Some(goto) => Next::Go(goto),
            None => Next::Do(Action::Transfer {
                to: self.flow.person.target.clone(),
                say: Some(self.flow.phrase(Phrase::Apology, self.language)),
                because: "missing_value".to_string(),
            }),
        }
    }

    fn ask(
        &mut self,
        flow: &Flow,
        node: &Node,
        question: &Question,
        sensitive: bool,
        kind: impl FnOnce(&ask::Place) -> ask::Expected,
    ) -> Next {
        let Ok(prompt) = self.words(&question.prompt) else { return self.cannot_say(node) };
        let scope = self.scope();
        let place = ask::Place { language: self.language, scope: &scope, folder: &self.facts.base_dir };
        let expected = kind(&place);
        Next::Do(Action::Ask(Box::new(ask::build(flow, &place, node, question, prompt, expected, sensitive))))
    }

    fn confirm(&mut self, flow: &Arc<Flow>, node: &Node, speech: &Speech) -> Next {
        if self.denials >= DENIALS_MAX || self.denied.len() >= DENIED_MAX {
            return self.give_up("unconfirmed");
        }
        let question = Question { prompt: speech.clone(), reprompts: Vec::new(), key_prompt: None, no_input: ask::NO_INPUT };
        // One number alone can be corrected by what follows the no.
        let digits = node.needs.iter().filter_map(|need| {
            let value = self.slots.get(&need.slot)?;
            Some((need.slot.clone(), need.kind.digits_of(value)?.to_string(), &need.kind))
        });
        let digits: Vec<_> = digits.collect();
        let value = <[_; 1]>::try_from(digits).ok().map(|[one]| one);
        let denied = self.denied.clone();
        self.ask(flow, node, &question, node.sensitive, |p| match &value {
            Some((slot, value, kind)) => ask::confirm(flow, p, (slot, value), kind, &denied),
            None => ask::assent(flow, p),
        })
    }

    fn give_up(&self, because: &str) -> Next {
        let say = Some(self.flow.phrase(Phrase::TransferringAfterMisunderstanding, self.language));
        Next::Do(Action::Transfer { to: self.flow.person.target.clone(), say, because: because.to_string() })
    }

    fn look_up(&mut self, flow: &Arc<Flow>, node: &Node) -> Next {
        let Some(lookup) = node.lookup.as_ref().and_then(|l| flow.lookups.get(&l.name)) else { return self.cannot_say(node) };
        if let Some(goto) = self.out_of_order(node) {
            return Next::Go(goto);
        }
        let name = node.lookup.as_ref().map(|l| l.name.clone()).unwrap_or_default();
        let scope = self.scope();
        let waiting = lookup.waiting.as_ref().and_then(|w| self.words(w).ok());
        let waiting = waiting.unwrap_or_else(|| flow.phrase(Phrase::Waiting, self.language));
        match ask::look_up(flow, &name, lookup, &scope, waiting) {
            Ok(request) => Next::Do(Action::LookUp(request)),
            Err(_) => self.cannot_say(node),
        }
    }

    fn looked_up(&mut self, node: &Node, result: LookedUp) -> Next {
        let Some(lookup) = &node.lookup else { return Next::Step(Step::Task(0)) };
        if node.verify.is_some() {
            return self.verified(node, lookup, result);
        }
        let goto = match result {
            LookedUp::Found(value) => {
                self.found.insert(lookup.name.clone(), value);
                return Next::Step(Step::Task(0));
            }
            LookedUp::NotFound => lookup.not_found.or(lookup.outage),
            LookedUp::Outage(_) => lookup.outage,
        };
        self.found.remove(&lookup.name);
        Next::Go(goto.unwrap_or(Goto::Person))
    }

    /// Renders words, and turns to the next variant.
    pub(super) fn words(&mut self, speech: &Speech) -> Result<Vec<PromptPart>, String> {
        let flow = self.flow.clone();
        let turn = self.turns.entry(speech.line).or_insert(0);
        let now = *turn;
        *turn = turn.wrapping_add(1);
        flow.render(speech.variant(self.language, now), &self.scope(), &self.facts.base_dir)
    }

    /// What templates see now.
    pub(super) fn scope(&self) -> Scope {
        let mut scope = self.flow.fixed_scope(self.language());
        scope.extend(self.found.iter().map(|(k, v)| (k.clone(), v.clone())));
        scope.extend(self.vars.iter().map(|(k, v)| (k.clone(), v.clone())));
        for (slot, value) in &self.slots {
            let number = self.flow.slots.get(slot) == Some(&SlotKind::Number);
            let typed = value.parse::<serde_json::Number>().ok().filter(|_| number).map(serde_json::Value::Number);
            scope.insert(slot.clone(), typed.unwrap_or_else(|| value.as_str().into()));
        }
        let hours = self.flow.hours.iter().map(|(name, h)| (name.clone(), h.open_at(self.now).into()));
        let local = self.now.in_zone(self.flow.zone);
        let call = serde_json::json!({ "caller": self.facts.caller.as_str(), "dialled": self.facts.dialled.as_str() });
        scope.insert("hours".to_string(), serde_json::Value::Object(hours.collect()));
        scope.insert("today".to_string(), local.format("%Y-%m-%d").to_string().into());
        scope.insert("now".to_string(), local.format("%H:%M").to_string().into());
        scope.insert("call".to_string(), call);
        scope.insert("verified".to_string(), self.proved.into());
        scope.insert("incident".to_string(), self.incident_words().unwrap_or_default().into());
        scope.insert("intent".to_string(), self.intent.clone().into());
        scope
    }

    /// What conditions see: slots that are not known are `null`, and so are look-ups that found nothing.
    fn condition_scope(&self) -> Scope {
        let mut scope = self.scope();
        let names = self.flow.slots.keys().chain(self.flow.lookups.keys());
        for name in names.chain(self.flow.nodes.iter().flat_map(|n| n.set.iter().map(|(name, _)| name))) {
            scope.entry(name.clone()).or_insert(serde_json::Value::Null);
        }
        scope
    }
}
