//! The face between the flow's interpreter (`Cursor`) and the call: the cursor says what the script wants next, the call
//! says what came of it. The cursor knows nothing of misunderstandings, silence, transfers' fate or time.

use crate::base::{BargeIn, CheckDigit, Confidence, Digit, Grammar, Language, PromptPart};
use crate::nlu::slots::ValueKind;
use crate::nlu::{IntentName, Slots};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What the script wants next. Exactly one at a time; the call answers with an [`Input`].
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Play this, then `Input::Done`.
    Say(Say),
    /// Play the prompt and listen; answer with `Input::Understood`.
    Ask(Box<Ask>),
    /// Ask the outside; answer with `Input::LookedUp`.
    LookUp(LookUp),
    /// The script hands over to a person (a node with `transfer:`). The call takes it from here; the cursor stays put.
    Transfer {
        /// Target's name in the flow (`targets:`).
        to: String,
        /// Spoken first, if the node says something of its own.
        say: Option<Vec<PromptPart>>,
        /// Why, for the hand-over card (node name or the flow's words).
        because: String,
    },
    /// Open a task for people, then `Input::Done`.
    Note(Task),
    /// Take a spoken message, then `Input::Done`.
    TakeMessage(TakeMessage),
    /// Say good-bye and hang up.
    End {
        /// Spoken first.
        say: Option<Vec<PromptPart>>,
    },
}

/// Something to play.
#[derive(Debug, Clone, PartialEq)]
pub struct Say {
    /// The node it belongs to.
    pub node: String,
    /// What to play.
    pub parts: Vec<PromptPart>,
    /// What the caller's voice does to it.
    pub barge_in: BargeIn,
    /// True when this answers the caller's question (it counts for "same answer again").
    pub answer: bool,
    /// Neither audio nor words of this node are stored.
    pub sensitive: bool,
}

/// A question to the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The node it belongs to.
    pub node: String,
    /// The first wording.
    pub prompt: Vec<PromptPart>,
    /// Wordings after a misunderstanding, in order; the last is used again. Never empty (the checker fills in defaults).
    pub reprompts: Vec<Vec<PromptPart>>,
    /// Spoken after silence or when the ears fail: what to press. Never empty.
    pub key_prompt: Vec<PromptPart>,
    /// What the caller's voice does to the prompt.
    pub barge_in: BargeIn,
    /// What is expected.
    pub kind: AskKind,
    /// What to listen for.
    pub grammar: Grammar,
    /// Which single key means what (`#`/`*` included), for kinds other than digits. Never holds `0`.
    pub keys: BTreeMap<Digit, Choice>,
    /// Quiet after the prompt before the silence ladder begins.
    pub no_input: Duration,
    /// Neither audio, digits nor words of this node are stored.
    pub sensitive: bool,
}

/// What sort of answer a question wants.
#[derive(Debug, Clone, PartialEq)]
pub enum AskKind {
    /// One of the flow's intents (`ask:` with intents): understood by the matcher.
    Intents,
    /// One option of a menu, by phrase or key.
    Menu(Vec<MenuOption>),
    /// Yes or no (keys 1 and 2).
    YesNo,
    /// Yes or no to what was collected (keys 1 and 2): a doubtful yes ("I think so") is none.
    Assent,
    /// A digit string, by voice or keys.
    Digits {
        /// The slot it fills.
        slot: String,
        /// Fewest digits.
        min: u8,
        /// Most digits.
        max: u8,
        /// What they must agree with.
        check: Option<CheckDigit>,
        /// What the caller has said it is not.
        denied: Vec<String>,
    },
    /// Yes or no to digits that were read back (keys 1 and 2), or what they are instead.
    Confirm {
        /// The slot that holds them.
        slot: String,
        /// What was read back.
        value: String,
        /// Fewest digits.
        min: u8,
        /// Most digits.
        max: u8,
        /// What they must agree with.
        check: Option<CheckDigit>,
        /// What the caller has said it is not.
        denied: Vec<String>,
    },
    /// A number, by voice or keys with `#`.
    Number {
        /// The slot it fills.
        slot: String,
    },
    /// A day; keys as DDMM or DDMMYYYY with `#`.
    Date {
        /// The slot it fills.
        slot: String,
    },
    /// A value with a text of its own, by voice or keys.
    Value {
        /// The slot it fills.
        slot: String,
        /// What sort of value.
        kind: ValueKind,
    },
    /// The caller's language: phrases and keys from the flow.
    Language(Vec<MenuOption>),
}

/// One option of a menu.
#[derive(Debug, Clone, PartialEq)]
pub struct MenuOption {
    /// Its name in the flow (an option id, an intent or a language tag).
    pub name: String,
    /// What callers say for it, lower case.
    pub phrases: Vec<String>,
    /// Its key.
    pub key: Option<Digit>,
}

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// An intent.
    Intent(IntentName),
    /// A menu option or language by name.
    Option(String),
    /// Yes.
    Yes,
    /// No.
    No,
    /// Say that again.
    Repeat,
}

/// A question to the outside. The shell enforces listed hosts, no redirects, the size limit (64 KiB) and the time-out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookUp {
    /// The look-up's name in the flow.
    pub name: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Rendered address.
    pub url: String,
    /// Rendered JSON body, for `POST`.
    pub body: Option<serde_json::Value>,
    /// Longest wait, all tries together.
    pub timeout: Duration,
    /// How often it is tried again when the other side fails.
    #[serde(default)]
    pub retries: u8,
    /// How long an equal question may be answered from memory; zero = never.
    pub cache: Duration,
    /// Spoken when the answer takes longer than 1.5 s.
    pub waiting: Option<Vec<PromptPart>>,
    /// The answer is personal (the default): not logged.
    pub sensitive: bool,
}

/// What the outside said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookedUp {
    /// 2xx with JSON.
    Found(serde_json::Value),
    /// 404.
    NotFound,
    /// Anything else: time-out, refused, bad JSON, host not allowed. One sentence for the record.
    Outage(String),
}

/// A message to be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct TakeMessage {
    /// The node it belongs to.
    pub node: String,
    /// Spoken before the tone: the reason and what to leave.
    pub say: Vec<PromptPart>,
    /// Spoken afterwards.
    pub thanks: Vec<PromptPart>,
    /// Longest message.
    pub max: Duration,
}

/// What people are to look after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What sort of thing.
    pub kind: TaskKind,
    /// Which record, or which case, in the flow's words.
    pub what: String,
    /// What the records say; empty = not known.
    pub old: String,
    /// What the caller says; empty = not known.
    pub new: String,
}

/// What sort of thing people are to look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// The records hold something that is not true.
    WrongData,
    /// Nobody has said what is to be done in this case.
    UnclearProcess,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The prompt was played (wholly or in part), the message was taken.
    Done,
    /// The caller answered a question.
    Understood(Answer),
    /// The look-up came back.
    LookedUp(LookedUp),
}

/// An answer, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// An intent with slots.
    Intent {
        /// Which.
        name: IntentName,
        /// Slots heard along with it.
        slots: Slots,
        /// How sure.
        confidence: Confidence,
    },
    /// An option of a menu, or a language tag for a language question.
    Option(String),
    /// Yes or no.
    YesNo(bool),
    /// A value for the asked slot: digits, number, `YYYY-MM-DD`, the text of a [`ValueKind`].
    Value(String),
}

/// A person's place: how to reach them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Name in the flow.
    pub name: String,
    /// Where; `queue:NAME` for a queue of the gateway.
    pub sip: String,
    /// How first.
    pub method: TransferMethod,
    /// How long it may ring.
    pub ring: Duration,
    /// What proves that a person took it.
    pub accept: Accept,
    /// The node that the caller goes to when the agent ends the talk; `None` = the call ends with it. Of queues only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Nodes that an agent may send the caller back to; empty = none. Of queues only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub back_to: Vec<String>,
    /// The next target when this one fails; `None` = message taking.
    pub next: Option<String>,
    /// What busy (486), unavailable (480), declined (603) and moved (302) do. Others and time-outs go `Next`.
    pub on: BTreeMap<u16, OnFailure>,
    /// Hours in which somebody is there; `None` = always.
    pub hours: Option<crate::base::OpeningHours>,
    /// Languages spoken there; empty = all.
    pub languages: Vec<Language>,
}

impl Target {
    /// A queue of the gateway that the flow does not name; `next` when nobody is there.
    pub fn of_queue(queue: &str, next: &str) -> Target {
        Target {
            name: queue.to_string(),
            sip: format!("queue:{queue}"),
            method: TransferMethod::Queue,
            ring: Duration::from_secs(20),
            accept: Accept::Key,
            after: None,
            back_to: Vec::new(),
            next: Some(next.to_string()),
            on: BTreeMap::new(),
            hours: None,
            languages: Vec::new(),
        }
    }
}

/// How a call is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferMethod {
    /// REFER, tracked by NOTIFY; falls back to `Bridge` on the same target.
    Refer,
    /// We call the agent and join the audio.
    Bridge,
    /// The same, and then the caller's phone calls the agent's in our place (REFER with Replaces); it stays a bridge where the
    /// caller's side does not do that.
    Attended,
    /// The caller waits in line for an agent of a queue, who is then called as by `Bridge`.
    Queue,
}

impl Target {
    /// The queue's name, where callers wait in line.
    pub fn queue(&self) -> Option<&str> {
        self.sip.strip_prefix("queue:").filter(|_| self.method == TransferMethod::Queue)
    }
}

/// What proves that a person took the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    /// The agent hears the summary and presses 1.
    Key,
    /// The 200 OK.
    Answer,
}

/// What a refusal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Try the same target once more.
    Retry,
    /// Try the next target.
    Next,
    /// Take a message.
    Message,
    /// Follow the contact of a 302, if it is one of the flow's targets; else next.
    Follow,
}

/// Where recordings are announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordMode {
    /// No recording.
    Off,
    /// Announced before the first recorded frame.
    Announce,
    /// Asked; only a yes (or key 1) records.
    Ask,
}

/// Numbers of the escalation policy (`escalate:`), with the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Escalation {
    /// After so many misunderstandings in a row the re-prompt offers a person (1).
    pub misunderstood_offer: u32,
    /// After so many in a row the call is transferred without a question (2).
    pub misunderstood_transfer: u32,
    /// Or after so many in the whole call (4).
    pub misunderstood_total: u32,
    /// The same rendered answer is given together with an offer the n-th time (2).
    pub same_answer_offer: u32,
    /// And replaced by the transfer at what would be the n-th time (3).
    pub same_answer_transfer: u32,
    /// Silences in a row before the ladder's last step (2: re-prompt, key menu, then person or good-bye).
    pub silence_last: u32,
    /// How much each sign counts that a person is needed; at 1 the call is transferred.
    pub weights: SignWeights,
    /// From so many words on what was not understood is a story (40); 0 = never.
    pub story_words: u32,
    /// After so many turns without progress a person takes over (6); 0 = never.
    #[serde(default)]
    pub budget_turns: u32,
    /// Or, at the end of a turn, after so many seconds without progress (180); 0 = never.
    #[serde(default)]
    pub budget_seconds: u32,
}

/// What a caller's value brings. Nothing in it can keep anybody from a person: everybody has what the flow's own numbers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tier {
    /// Who waits is served in this order, highest first, 0–9.
    pub priority: u8,
    /// A person takes over as soon as it is known what the caller wants.
    pub human_first: bool,
    /// A person takes over after so many turns; `None` = as for everybody.
    pub turns: Option<u32>,
}

/// How much each sign counts that a person is needed, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SignWeights {
    /// Each misunderstanding in a row; `None` = one by [`Escalation::misunderstood_transfer`].
    pub misunderstood: Option<f32>,
    /// Each turn in which the caller is angry (0.5).
    pub upset: f32,
    /// Each time that the caller says we got it wrong (0.5).
    pub correction: f32,
    /// A story that was not understood (1).
    pub story: f32,
    /// Each time that something was said much louder than before (0.25).
    #[serde(default)]
    pub loud: f32,
    /// Each time that something was said over a prompt and not understood (0.2).
    #[serde(default)]
    pub over: f32,
}

impl Default for SignWeights {
    fn default() -> SignWeights {
        SignWeights { misunderstood: None, upset: 0.5, correction: 0.5, story: 1.0, loud: 0.25, over: 0.2 }
    }
}

impl Default for Escalation {
    fn default() -> Escalation {
        Escalation {
            misunderstood_offer: 1,
            misunderstood_transfer: 2,
            misunderstood_total: 4,
            same_answer_offer: 2,
            same_answer_transfer: 3,
            silence_last: 3,
            weights: SignWeights::default(),
            story_words: 40,
            budget_turns: 6,
            budget_seconds: 180,
        }
    }
}

/// A disturbance that operators tell callers about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Incident {
    /// What callers hear before the first question, by language; plain words.
    pub words: BTreeMap<Language, String>,
    /// Look-ups that are out of order: they are not asked.
    #[serde(default)]
    pub lookups: Vec<String>,
    /// When it is over; `None` = when somebody says so.
    #[serde(default)]
    pub until: Option<crate::base::WallTime>,
}

impl Incident {
    /// Whether callers are told at this time.
    pub fn holds(&self, now: crate::base::WallTime) -> bool {
        self.until.is_none_or(|until| now.0 < until.0)
    }
}

/// Facts of the call that templates and conditions see (`call.caller`, `call.dialled`).
#[derive(Debug, Clone, PartialEq)]
pub struct CallFacts {
    /// Caller's number.
    pub caller: crate::base::PhoneNumber,
    /// Number that was dialled.
    pub dialled: crate::base::PhoneNumber,
    /// When the call came.
    pub at: crate::base::WallTime,
    /// Folder of the flow file, for relative audio files.
    pub base_dir: PathBuf,
    /// What operators tell callers about, for the whole call.
    pub incident: Option<Incident>,
}
