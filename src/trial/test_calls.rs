//! A flow before many made-up callers: how many it serves by itself, who comes to a person and how fast, and whether anybody who
//! asked for one did not come to one, which must never be.

use super::callers::{Persona, TestCaller};
use super::run_tests::working_time;
use crate::base::{Disposition, LegId};
use crate::call::{Command, Record};
use crate::flow::{Flow, LookedUp};
use crate::sim::{Transcript, World, simulate_with};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What came of all callers of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Served {
    /// How many phoned.
    pub calls: u32,
    /// Ended by the flow, without a person.
    pub contained: u32,
    /// Put through to a person.
    pub to_person: u32,
    /// Left a message.
    pub messages: u32,
    /// Left by themselves.
    pub left: u32,
    /// Asked for a person and came to none; must be 0.
    pub unserved: u32,
    /// The same answer was heard a third time; must be 0.
    pub same_answer_thrice: u32,
    /// Something that must never happen, one sentence each; at most ten.
    pub violations: Vec<String>,
    /// Turns of a call, half have fewer.
    pub turns: u32,
    /// Seconds from the first request for a person to a person's voice: half are below the first, 95 % below the second.
    pub to_person_s: Option<(f64, f64)>,
    /// Questions of which a third of these callers or more were not understood, with the share; most first.
    pub misunderstood_at: Vec<(String, f64)>,
}

/// What came of all callers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestCalls {
    /// By kind of caller.
    pub by_persona: BTreeMap<Persona, Served>,
    /// How many in all.
    pub calls: u32,
    /// Stories of the worst calls: unserved ones and violations; at most five.
    pub stories: Vec<String>,
}

impl TestCalls {
    /// Nobody who asked for a person was left without, no answer came a third time, nothing forbidden happened.
    pub fn good(&self) -> bool {
        self.by_persona.values().all(|s| s.unserved == 0 && s.same_answer_thrice == 0 && s.violations.is_empty())
    }
}

/// Lets `count` callers phone, all kinds and all intents in turn. The same seed brings the same callers.
pub fn test_calls(flow: &Arc<Flow>, count: u32, seed: u64) -> TestCalls {
    let goals: Vec<&String> = flow.intents.keys().collect();
    let lookups = sample_answers(flow);
    let mut all: BTreeMap<Persona, Tally> = BTreeMap::new();
    let mut stories = Vec::new();
    for n in 0..count {
        let persona = Persona::ALL[n as usize % Persona::ALL.len()];
        let goal = goals.get(n as usize / Persona::ALL.len() % goals.len().max(1)).map_or("", |g| g.as_str());
        let mut caller = TestCaller::new(flow, persona, goal, seed.wrapping_mul(1_000_003).wrapping_add(u64::from(n)));
        let world =
            World { wall: working_time(flow), ears: flow.languages.clone(), lookups: lookups.clone(), ..World::default() };
        let transcript = simulate_with(flow.clone(), world, &mut caller);
        let bad = all.entry(persona).or_default().add(&transcript, caller.wants_person);
        if bad && stories.len() < 5 {
            stories.push(format!("{} who wants {goal}:\n{}", persona.name(), transcript.story()));
        }
    }
    TestCalls { by_persona: all.into_iter().map(|(p, t)| (p, t.served())).collect(), calls: count, stories }
}

/// What look-ups answer: as the flow's own tests say.
fn sample_answers(flow: &Flow) -> BTreeMap<String, (Duration, LookedUp)> {
    let mut answers = BTreeMap::new();
    for test in &flow.tests {
        for (name, answer) in &test.lookups {
            if matches!(answer, LookedUp::Found(_)) {
                answers.entry(name.clone()).or_insert((Duration::from_millis(300), answer.clone()));
            }
        }
    }
    answers
}

#[derive(Default)]
struct Tally {
    served: Served,
    turns: Vec<u32>,
    waits: Vec<u64>,
    /// By node: turns, and those that were not understood.
    nodes: BTreeMap<String, (u32, u32)>,
}

impl Tally {
    /// Counts one call; whether something went wrong that must not.
    fn add(&mut self, transcript: &Transcript, wanted_person: bool) -> bool {
        let s = &mut self.served;
        s.calls += 1;
        let wanted =
            wanted_person || transcript.records().any(|r| matches!(r, Record::Decision { what, .. } if what == "asked"));
        let mut served = true;
        match transcript.disposition() {
            Some(Disposition::Answered) => s.contained += 1,
            Some(Disposition::Transferred { .. }) => s.to_person += 1,
            Some(Disposition::MessageTaken { .. }) => s.messages += 1,
            other => {
                s.left += 1;
                served = false;
                if wanted && !matches!(other, Some(Disposition::Lost)) {
                    s.unserved += 1;
                }
            }
        }
        if wanted && matches!(transcript.disposition(), Some(Disposition::Answered)) {
            s.unserved += 1;
            served = false;
        }
        let thrice = answers_heard(transcript).values().any(|n| *n >= 3);
        s.same_answer_thrice += u32::from(thrice);
        for violation in &transcript.violations {
            if s.violations.len() < 10 {
                s.violations.push(violation.clone());
            }
        }
        let mut turns = 0;
        for record in transcript.records() {
            match record {
                Record::Turn(turn) if turn.complete => {
                    turns += 1;
                    let node = self.nodes.entry(turn.node.clone()).or_default();
                    node.0 += 1;
                    node.1 += u32::from(turn.meaning.is_none() && turn.by == "voice");
                }
                Record::Ended { request_to_person_ms: Some(ms), .. } => self.waits.push(*ms),
                _ => {}
            }
        }
        self.turns.push(turns);
        (wanted && !served) || thrice || !transcript.violations.is_empty()
    }

    fn served(mut self) -> Served {
        self.turns.sort_unstable();
        self.waits.sort_unstable();
        let at =
            |share: f64| self.waits.get(((self.waits.len() as f64 * share) as usize).min(self.waits.len().saturating_sub(1)));
        self.served.turns = self.turns.get(self.turns.len() / 2).copied().unwrap_or(0);
        self.served.to_person_s = at(0.5).zip(at(0.95)).map(|(a, b)| (*a as f64 / 1e3, *b as f64 / 1e3));
        let share = |(of, not): &(u32, u32)| f64::from(*not) / f64::from((*of).max(1));
        let mut hard: Vec<(String, f64)> = self
            .nodes
            .iter()
            .filter(|(_, n)| n.0 >= 3 && share(n) >= 1.0 / 3.0)
            .map(|(name, n)| (name.clone(), share(n)))
            .collect();
        hard.sort_by(|a, b| b.1.total_cmp(&a.1));
        self.served.misunderstood_at = hard;
        self.served
    }
}

/// How often each answer was given to the caller; what is said before a message is taken is none.
fn answers_heard(transcript: &Transcript) -> BTreeMap<String, u32> {
    let mut heard: BTreeMap<String, u32> = BTreeMap::new();
    let (mut played, mut before_messages) = (String::new(), BTreeSet::new());
    for command in transcript.commands() {
        match command {
            Command::Play { leg: LegId::Caller, prompt } => played = prompt.words(),
            Command::TakeMessage { .. } => {
                before_messages.insert(played.clone());
            }
            Command::Note(record) => {
                if let Record::Turn(turn) = &**record
                    && turn.complete
                    && turn.meaning.is_some()
                    && !before_messages.iter().any(|said| turn.answer.reveal().contains(said))
                {
                    let answer = told(turn);
                    if !answer.is_empty() {
                        *heard.entry(answer).or_default() += 1;
                    }
                }
            }
            _ => {}
        }
    }
    heard
}

/// The answer's first sentence with the slots that it was for.
fn told(turn: &crate::call::TurnRecord) -> String {
    let answer = turn.answer.reveal();
    let first = answer.split_inclusive(['.', '。', '?', '？']).next().unwrap_or_default().trim();
    // A question asked again is no answer.
    if first.is_empty() || first.ends_with(['?', '？']) {
        return String::new();
    }
    format!("{first} {:?}", turn.slots.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::placeholder_env;

    const FLOWS: [(&str, &str); 3] = [
        ("parcel.yaml", include_str!("../../flows/parcel.yaml")),
        ("parcel-zh.yaml", include_str!("../../flows/parcel-zh.yaml")),
        ("shop.yaml", include_str!("../../tests/calls/shop.yaml")),
    ];

    fn flow((name, text): (&str, &str)) -> Arc<Flow> {
        Flow::load(text, name, &placeholder_env(text)).expect("a good flow").flow
    }

    #[test]
    fn nobody_who_wants_a_person_is_left_without_one() {
        for named in FLOWS {
            let found = test_calls(&flow(named), 420, 3);
            assert!(found.good(), "{}: {found:?}\n{}", named.0, found.stories.join("\n"));
            assert_eq!(found, test_calls(&flow(named), 420, 3), "the same seed brings the same callers");
            let rephrasers = &found.by_persona[&Persona::Rephraser];
            assert!(rephrasers.to_person > rephrasers.calls / 3, "{rephrasers:?}");
        }
    }

    #[test]
    fn who_rephrases_hears_the_same_answer_twice_at_most_with_an_offer_and_then_a_person() {
        let (mut scripts, mut offered) = (0, 0);
        for named in FLOWS {
            let flow = flow(named);
            for goal in flow.intents.keys() {
                for seed in 0..6 {
                    let mut caller = TestCaller::new(&flow, Persona::Rephraser, goal, seed);
                    let world = World {
                        wall: working_time(&flow),
                        ears: flow.languages.clone(),
                        lookups: sample_answers(&flow),
                        ..World::default()
                    };
                    let transcript = simulate_with(flow.clone(), world, &mut caller);
                    let twice: Vec<(String, u32)> = answers_heard(&transcript).into_iter().filter(|(_, n)| *n > 1).collect();
                    if twice.is_empty() {
                        continue;
                    }
                    scripts += 1;
                    assert!(twice.iter().all(|(_, n)| *n == 2), "{goal}: {twice:?}\n{}", transcript.story());
                    let offer = flow.phrase_with(crate::flow::Phrase::OfferPerson, flow.language(), &[]);
                    let words = crate::base::Prompt {
                        id: crate::base::PromptId(0),
                        parts: offer,
                        language: flow.language(),
                        barge_in: crate::base::BargeIn::Speech,
                    }
                    .words();
                    let heard: Vec<&str> = transcript.heard_by_caller().map(|(_, w)| w).collect();
                    offered += u32::from(heard.iter().any(|w| w.contains(&words)));
                    let person = matches!(
                        transcript.disposition(),
                        Some(Disposition::Transferred { .. } | Disposition::MessageTaken { .. })
                    );
                    assert!(person, "{goal}: {}", transcript.story());
                }
            }
        }
        println!("{scripts} callers who rephrase; {offered} were offered a person with the second answer");
        assert!(scripts >= 100 && offered == scripts, "{scripts} {offered}");
    }
}
