//! What operators write down about queues and agents.

use crate::base::{Language, OpeningHours};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most queues and agents that one machine serves.
const QUEUES_MAX: usize = 200;
const AGENTS_MAX: usize = 2_000;
/// Highest level of a skill.
const LEVEL_MAX: u8 = 10;
/// Longest that a queue may let callers be parked, seconds.
pub const PARK_MAX_SECONDS: u32 = 900;

/// Which idle agent gets a call, where several may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choose {
    /// Who has been idle longest.
    #[default]
    LongestIdle,
    /// Who is best at what the queue asks for; among equals who has been idle longest.
    BestSkill,
    /// Always the first who is free, in the order of the configuration.
    RingOne,
}

/// Where callers go as well when their own queue does not get along. They keep their place: another queue's agents may take them, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// The other queue.
    pub to: String,
    /// After so long a wait.
    pub after: Duration,
    /// At once when so many wait already.
    pub waiting: Option<usize>,
}

/// Call-backs in place of waiting on the line. The place is kept: when its turn comes, an agent is found first, and then the person is
/// called.
#[derive(Debug, Clone, PartialEq)]
pub struct CallBackSetup {
    /// Offered to callers whose announced wait may be at least so long, and to those whose wait is not known.
    pub from: Duration,
    /// When people are called back.
    pub hours: OpeningHours,
    /// Given up so long after the caller came.
    pub keep: Duration,
    /// Most who wait to be called back.
    pub full: usize,
    /// How often a person is called who cannot be reached, the first time included.
    pub tries: u8,
    /// Between two of these.
    pub gap: Duration,
    /// How long the person's phone rings.
    pub ring: Duration,
    /// By which trunks, best first; empty = by any that allows the number.
    pub trunks: Vec<String>,
}

impl CallBackSetup {
    /// With the values that a configuration does not give.
    pub fn usual(hours: OpeningHours) -> CallBackSetup {
        CallBackSetup {
            from: Duration::from_secs(180),
            hours,
            keep: Duration::from_secs(24 * 3_600),
            full: 50,
            tries: 3,
            gap: Duration::from_secs(900),
            ring: Duration::from_secs(30),
            trunks: Vec::new(),
        }
    }
}

/// One queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueSetup {
    /// Its name, as flows say it.
    pub name: String,
    /// What its agents must know, with the least level, 1–10. An agent serves the queue who has all of it.
    pub skills: BTreeMap<String, u8>,
    /// Which idle agent.
    pub choose: Choose,
    /// How long an agent's phone rings.
    pub ring: Duration,
    /// Time after each call that belongs to the agent.
    pub wrap_up: Duration,
    /// A parked caller waits so long for somebody to fetch them, and goes to who parked them or to the head of the line then.
    pub park: Duration,
    /// A wait that is worth as much as one step of priority (of ten).
    pub ageing: Duration,
    /// Who has waited so long goes before all who have not, whatever their priority: nobody starves.
    pub floor: Duration,
    /// Other queues that help.
    pub overflow: Vec<Overflow>,
    /// When so many wait nobody else is taken in.
    pub full: usize,
    /// Longest wait; then the caller is told so and led elsewhere.
    pub longest: Duration,
    /// How long callers stay when everybody has logged out.
    pub alone: Duration,
    /// When it serves; `None` = always.
    pub hours: Option<OpeningHours>,
    /// How long a talk usually takes, until there are figures.
    pub usual: Duration,
    /// Callers may be called back instead of waiting; `None` = not here.
    pub call_back: Option<CallBackSetup>,
}

impl QueueSetup {
    /// With the values that a configuration does not give.
    pub fn named(name: &str) -> QueueSetup {
        QueueSetup {
            name: name.into(),
            skills: BTreeMap::from([(name.to_string(), 1)]),
            choose: Choose::default(),
            ring: Duration::from_secs(20),
            wrap_up: Duration::from_secs(30),
            park: Duration::from_secs(180),
            ageing: Duration::from_secs(60),
            floor: Duration::from_secs(300),
            overflow: Vec::new(),
            full: 50,
            longest: Duration::from_secs(1_800),
            alone: Duration::from_secs(20),
            hours: None,
            usual: Duration::from_secs(240),
            call_back: None,
        }
    }
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSetup {
    /// The name, as logins and records say it.
    pub name: String,
    /// What they know, and how well, 1–10.
    pub skills: BTreeMap<String, u8>,
    /// What they speak; empty = every language.
    pub languages: BTreeSet<Language>,
    /// A phone without a desk: there from the start, and again so long after it was not picked up.
    pub returns: Option<Duration>,
}

/// Queues and agents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Setup {
    /// All queues.
    pub queues: Vec<QueueSetup>,
    /// All agents.
    pub agents: Vec<AgentSetup>,
    /// When an agent's load index (0–100) is above this after a call, a short rest follows the wrap-up.
    pub rest_above: u8,
    /// How long that rest is; zero = never.
    pub rest: Duration,
}

impl AgentSetup {
    /// Whether the agent has what a queue asks for.
    pub fn serves(&self, queue: &QueueSetup) -> bool {
        serves(self, queue).is_some()
    }
}

/// What is wrong with a set-up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Two queues or two agents have one name.
    #[error("the name `{0}` is given twice; give each queue and each agent a name of its own")]
    Twice(String),
    /// A queue helps out that is not there.
    #[error("queue `{0}` overflows to `{1}`, which is not there; name one of the queues")]
    NoSuchQueue(String, String),
    /// Nobody can ever serve a queue.
    #[error("no agent has the skills that queue `{0}` asks for ({1}); give them to an agent, or ask for less")]
    NobodyServes(String, String),
    /// A level out of range.
    #[error("`{0}`: skill levels go from 1 to 10")]
    Level(String),
    /// Too many.
    #[error("at most {QUEUES_MAX} queues and {AGENTS_MAX} agents are served")]
    TooMany,
    /// A time that must not be zero.
    #[error("queue `{0}`: `ring`, `park`, `ageing` and `usual` must be longer than nothing, `full` at least 1")]
    Zero(String),
}

impl Setup {
    /// With the rest after hard calls that is usual.
    pub fn new(queues: Vec<QueueSetup>, agents: Vec<AgentSetup>) -> Setup {
        Setup { queues, agents, rest_above: 70, rest: Duration::from_secs(180) }
    }

    /// Every mistake in it.
    ///
    /// # Errors
    /// All mistakes, in the order of the set-up.
    pub fn check(&self) -> Result<(), Vec<SetupError>> {
        let mut wrong = Vec::new();
        if self.queues.len() > QUEUES_MAX || self.agents.len() > AGENTS_MAX {
            wrong.push(SetupError::TooMany);
        }
        wrong.extend(twice(self.queues.iter().map(|q| &q.name)));
        wrong.extend(twice(self.agents.iter().map(|a| &a.name)));
        let level_wrong = |levels: &BTreeMap<String, u8>| levels.values().any(|l| *l == 0 || *l > LEVEL_MAX);
        for queue in &self.queues {
            if level_wrong(&queue.skills) {
                wrong.push(SetupError::Level(queue.name.clone()));
            }
            if queue.ring.is_zero()
                || queue.ageing.is_zero()
                || queue.park.is_zero()
                || queue.usual.is_zero()
                || queue.full == 0
            {
                wrong.push(SetupError::Zero(queue.name.clone()));
            }
            for overflow in &queue.overflow {
                if !self.queues.iter().any(|q| q.name == overflow.to) {
                    wrong.push(SetupError::NoSuchQueue(queue.name.clone(), overflow.to.clone()));
                }
            }
            if !self.agents.iter().any(|agent| serves(agent, queue).is_some()) {
                let asked: Vec<String> = queue.skills.iter().map(|(skill, level)| format!("{skill} {level}")).collect();
                wrong.push(SetupError::NobodyServes(queue.name.clone(), asked.join(", ")));
            }
        }
        for agent in &self.agents {
            if level_wrong(&agent.skills) {
                wrong.push(SetupError::Level(agent.name.clone()));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Vec<SetupError> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).map(|name| SetupError::Twice(name.clone())).collect()
}

/// How good an agent is at what a queue asks for (the levels' sum); `None` = does not serve it.
pub(super) fn serves(agent: &AgentSetup, queue: &QueueSetup) -> Option<u32> {
    let mut sum = 0;
    for (skill, least) in &queue.skills {
        let level = agent.skills.get(skill).filter(|level| *level >= least)?;
        sum += u32::from(*level);
    }
    Some(sum)
}
