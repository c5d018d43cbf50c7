//! What the people and machines around a simulated call do.

use crate::acd::{Interval, Unserved};
use crate::base::{CallingMachine, Digit, EarFailure, Hypothesis, Language, PhoneNumber, WallTime};
use crate::flow::{Ask, LookUp, LookedUp};
use std::collections::BTreeMap;
use std::time::Duration;

/// The world around one call.
#[derive(Debug, Clone)]
pub struct World {
    /// When the call comes.
    pub wall: WallTime,
    /// Who calls.
    pub caller: PhoneNumber,
    /// Languages that the ears hear; speech in others fails with `NoEngine`.
    pub ears: Vec<Language>,
    /// What look-ups answer, by name, or more exactly by [`World::exactly`]: how long they take and what they say. Others are out
    /// of order.
    pub lookups: BTreeMap<String, (Duration, LookedUp)>,
    /// What happens at a target, one entry per try; the last one is used again. Without an entry an agent answers after 2 s
    /// and presses 1, and a REFER succeeds.
    pub agents: BTreeMap<String, Vec<AgentPlan>>,
    /// What the caller does, in order.
    pub caller_steps: Vec<CallerStep>,
    /// What comes of a line that the caller waits in, from the moment of getting in; empty = an agent is free at once.
    pub line: Vec<(Duration, LineNews)>,
    /// What the queues say to numbers that may be called back, one after the other; the last one is used again. Empty = yes.
    pub call_back: Vec<CallBackPlan>,
    /// Nobody calls: somebody is called back, whose phone goes so.
    pub person: Option<AgentPlan>,
    /// The caller's last call was cut off: so long after they got in line, and whether they had an agent.
    pub place: Option<(Duration, bool)>,
    /// Prompts that cannot be made (no voice): all of them.
    pub mute: bool,
    /// What the caller says and presses is for the script: with an agent, and on the way to one, none of it is said.
    pub patient: bool,
}

impl Default for World {
    fn default() -> World {
        World {
            // Monday, 23 November 2026, 10:00 UTC.
            wall: WallTime(1_795_428_000_000),
            caller: PhoneNumber::new("+493012345678"),
            ears: vec![Language::EN, Language::ZH],
            lookups: BTreeMap::new(),
            agents: BTreeMap::new(),
            caller_steps: Vec::new(),
            line: Vec::new(),
            call_back: Vec::new(),
            person: None,
            place: None,
            mute: false,
            patient: false,
        }
    }
}

impl World {
    /// The key of a look-up's answer to one question alone.
    pub fn exactly(request: &LookUp) -> String {
        let body = request.body.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} {} {} {body}", request.name, request.method, request.url)
    }
}

/// A caller who decides by what is asked. Asked once the caller's steps are used up and the hotline waits.
pub trait Mind {
    /// The hotline waits for an answer to this question, or (`None`) to whether the call may be recorded. Nothing back = the caller
    /// leaves.
    fn answers(&mut self, ask: Option<&Ask>) -> Option<Vec<CallerStep>>;
    /// How long the caller speaks after the tone.
    fn message(&mut self) -> Duration {
        Duration::from_secs(4)
    }
}

/// What comes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineNews {
    /// The caller stands there, it will take so long, and a call-back may be had instead.
    Place(usize, Option<Interval>, bool),
    /// An agent is free.
    Free,
    /// The agent whose phone rings logs out.
    Withdrawn,
    /// Nobody can serve the caller.
    Unserved(Unserved),
}

/// What the queues say to a number that is to be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallBackPlan {
    /// It may be called, and the place is kept.
    Yes,
    /// No trunk allows it.
    NotAllowed,
    /// Too many wait already.
    Full,
    /// It is to be called already.
    Twice,
    /// It may be called, but then the place cannot be kept.
    NotKept,
}

/// What happens at a target in one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentPlan {
    /// The phone is picked up.
    Answers {
        /// After the INVITE.
        after: Duration,
        /// When 1 is pressed, counted from the answer; `None` = never (a mailbox).
        presses_after: Option<Duration>,
        /// When the agent hangs up, counted from the answer; `None` = 8 s after the join.
        hangs_up_after: Option<Duration>,
        /// It is no hang-up: the leg's audio dies.
        breaks: bool,
    },
    /// The INVITE is refused.
    Refuses {
        /// After the INVITE.
        after: Duration,
        /// With this.
        status: u16,
        /// Contact of a 302.
        contact: Option<String>,
    },
    /// It rings for ever.
    Rings,
    /// A REFER is accepted and ends so; `None` = nothing is ever heard of it.
    Refer(Option<Result<(), u16>>),
}

/// One thing the caller does. Each waits until the hotline has stopped talking, unless it says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum CallerStep {
    /// Speaks.
    Speaks(Speech),
    /// Presses keys, 200 ms apart.
    Presses(Vec<Digit>, When),
    /// Does nothing until the hotline speaks again.
    Silence,
    /// Does nothing for so long.
    Waits(Duration),
    /// Leaves a message of so much speech after the tone; zero = says nothing.
    LeavesMessage(Duration),
    /// Puts the hotline on hold, or takes it off.
    Holds(bool),
    /// Hangs up.
    HangsUp,
    /// The line breaks: no RTP.
    IsLost,
    /// The line sounds like a machine's.
    IsMachine(CallingMachine),
    /// Something of ours breaks for this call.
    Trouble(String),
}

/// When a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Half a second after the hotline fell silent.
    Quiet,
    /// So long after the hotline began to speak.
    Over(Duration),
}

/// Something said.
#[derive(Debug, Clone, PartialEq)]
pub struct Speech {
    /// What the ears make of it.
    pub heard: Result<Hypothesis, EarFailure>,
    /// How long it is.
    pub length: Duration,
    /// When it is said.
    pub when: When,
    /// The spotter reports it before it is over.
    pub spotted: bool,
    /// Things happen in the background.
    pub restless: bool,
    /// How loud it is, dBFS; `None` = not measured.
    pub level: Option<i8>,
}

impl Speech {
    /// Clear words, at the speed at which people speak.
    pub fn clear(text: &str) -> Speech {
        let mut heard = Hypothesis::typed(text);
        heard.confidence = crate::base::Confidence::new(0.9);
        let letters = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        let length = Duration::from_millis(letters.saturating_mul(60).clamp(400, 12_000));
        Speech { heard: Ok(heard), length, when: When::Quiet, spotted: false, restless: false, level: None }
    }
}
