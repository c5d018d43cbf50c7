//! The face of the call machine: what happens to a call (`Event`) and what it wants done (`Command`). Both are data, both
//! are serialisable: the event log is a list of `(Moment, Event)`.

use super::call_back::{CallBack, CallBackAnswer, CallBackWish, NotReached};
use super::card::HandOverCard;
use super::kept_place::KeptPlace;
use super::record::Record;
use super::secrets::Secrets;
use crate::acd::{Interval, Left, Refusal, Talk, Ticket, Unserved};
use crate::base::{
    AttemptId, CallingMachine, Digit, Disposition, EarFailure, Grammar, Hypothesis, LegId, LookUpId, PhoneNumber, Prompt,
    PromptEnd, PromptId, UtteranceId, WallTime,
};
use crate::flow::{LookUp, LookedUp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An INVITE was accepted for a flow. First event of every call, exactly once.
    Arrived {
        /// Who calls.
        caller: PhoneNumber,
        /// Which number was dialled.
        dialled: PhoneNumber,
        /// Calendar time of this very `Moment`.
        wall: WallTime,
    },
    /// Nobody calls: somebody is called back as soon as an agent is there. First event of such a call, in place of `Arrived`; the person's
    /// `Answered`, keys and words follow.
    CallsBack(Box<CallBack>),
    /// The person who is called back does not answer: the INVITE failed.
    PersonFailed {
        /// SIP status.
        status: u16,
    },
    /// The call was sent on to us: the caller had dialled another number first. Right after `Arrived`, at most once.
    Diverted {
        /// That number.
        from: PhoneNumber,
        /// Why, in the words of RFC 5806 (`no-answer`, `user-busy`, …); empty = not told.
        reason: String,
    },
    /// The caller's last call was cut off in line or in a talk, and the place is theirs still. Right after `Arrived`, at most once.
    HasPlace(Box<KeptPlace>),
    /// The caller's ACK arrived: audio flows.
    Answered,
    /// A prompt's last packet was sent, or it was cut. `played_ms` is how much was heard.
    PromptEnded {
        /// Whose ear.
        leg: LegId,
        /// Which prompt.
        prompt: PromptId,
        /// How much was heard, milliseconds.
        played_ms: u32,
        /// How it ended.
        end: PromptEnd,
    },
    /// Voice activity began on the caller's leg (not yet understood; does not stop silence timers for good).
    SpeechStarted {
        /// Counted by the listener.
        utterance: UtteranceId,
        /// The prompt it was spoken over.
        over: Option<PromptId>,
    },
    /// The endpoint was found; `Heard` follows.
    SpeechEnded {
        /// Which.
        utterance: UtteranceId,
        /// Length of the speech, milliseconds.
        length_ms: u32,
        /// Things happened in the background before it: perhaps this was one of them.
        #[serde(default)]
        restless: bool,
        /// How loud it was, dBFS; `None` = not measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<i8>,
    },
    /// Recognition is done (or failed).
    Heard {
        /// Which.
        utterance: UtteranceId,
        /// What was heard.
        result: Result<Hypothesis, EarFailure>,
    },
    /// The spotter heard a request for a person, possibly before the utterance ended. `Heard` still follows.
    PersonHeard {
        /// Which.
        utterance: UtteranceId,
        /// The phrase.
        phrase: String,
    },
    /// Recognition of something that a joined agent said is done (or failed).
    AgentHeard {
        /// The agent's leg.
        attempt: AttemptId,
        /// Counted over the call, from [`UtteranceId::AGENTS`] on.
        utterance: UtteranceId,
        /// What was heard.
        result: Result<Hypothesis, EarFailure>,
    },
    /// The caller pressed a key.
    Key(Digit),
    /// An answer from outside.
    LookedUp {
        /// Which question.
        id: LookUpId,
        /// The answer.
        result: LookedUp,
    },
    /// How a REFER goes.
    Referred {
        /// Which try.
        attempt: AttemptId,
        /// How it goes.
        outcome: ReferOutcome,
    },
    /// How an agent's leg goes.
    Agent {
        /// Which try.
        attempt: AttemptId,
        /// How it goes.
        event: AgentEvent,
    },
    /// News from the line that the caller waits in.
    Queue(QueueEvent),
    /// The agent whom the caller talks with wants something.
    Desk(DeskAsk),
    /// A message recording reached its end (quiet, key `#`, or the longest time).
    MessageEnded {
        /// Seconds of speech in it; 0 = nothing was said.
        speech_ms: u32,
    },
    /// BYE or CANCEL from the caller.
    CallerHungUp,
    /// No RTP for the configured time.
    CallerLost,
    /// The caller's line sounds like a machine's. A fax is certain, an answering machine a suspicion.
    Machine(CallingMachine),
    /// The caller put us on hold, or took us off.
    Held(bool),
    /// Another phone has taken a party's place (INVITE with Replaces, RFC 3891); the audio goes on.
    TakenOver {
        /// Whose.
        leg: LegId,
    },
    /// Something of ours broke for this call (disk full, no port); one sentence.
    Trouble(String),
    /// The time that `Call::next_timer` asked for has come.
    Tick,
}

/// How a REFER goes (RFC 3515, RFC 3420 sipfrag).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferOutcome {
    /// 202; NOTIFYs follow.
    Accepted,
    /// NOTIFY with a provisional status.
    Progress(u16),
    /// NOTIFY with 2xx: the caller is with the agent.
    Succeeded,
    /// The REFER or the referred INVITE failed with this status; the caller is still ours. 408 stands for no NOTIFY.
    Failed(u16),
}

/// How an agent's leg goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentEvent {
    /// 180/183.
    Ringing,
    /// 200 OK, audio flows.
    Answered,
    /// The agent pressed a key.
    Key(Digit),
    /// The INVITE failed. 408 = ring time-out on our side, 302 with the contact.
    Failed {
        /// SIP status.
        status: u16,
        /// Contact URI of a 302.
        contact: Option<String>,
    },
    /// The agent's phone asks us to call somebody else for the caller (REFER). Answer with `Command::AnswerRefer`.
    Refers {
        /// The address, with Replaces in it for an attended transfer.
        to: String,
        /// Whether callers may be sent there.
        allowed: bool,
    },
    /// BYE from the agent.
    HungUp,
    /// The leg died: no audio for the configured time, or its dialog broke.
    Lost,
}

/// How the address of an agent begins whose phone is the page of their desk; their name follows. It is rung there, not over SIP.
pub const BROWSER: &str = "browser:";

/// News from the line that the caller waits in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueEvent {
    /// Where the caller stands; at entry and from time to time.
    Place {
        /// From 1.
        position: usize,
        /// How long it will be; `None` = not known.
        wait: Option<Interval>,
        /// A call-back may be had instead.
        #[serde(default)]
        call_back: bool,
    },
    /// Whether a number may be called back.
    MayCallBack(CallBackAnswer),
    /// Whether the place is kept for a call-back; the caller is out of the line then.
    CallBackKept(bool),
    /// This agent is free: call them. Answered by `QueueAsk::Accepted` or `Refused`.
    Offer {
        /// Its number.
        offer: u64,
        /// Their name.
        agent: String,
        /// They see the card on a desk.
        desk: bool,
        /// Their phone: a SIP URI, or [`BROWSER`] and their name.
        to: String,
        /// How long it may ring.
        ring: Duration,
    },
    /// The offer of this number does not stand any more (the agent logged out).
    Withdrawn(u64),
    /// Nobody can serve the caller, who is out of the line.
    Unserved(Unserved),
    /// News of the colleague whom the agent asks for.
    Colleague(ColleagueNews),
}

/// News of the colleague whom an agent asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColleagueNews {
    /// This one is free: call them.
    Rings {
        /// Their name.
        agent: String,
        /// Their phone, as in an offer.
        to: String,
        /// How long it may ring.
        ring: Duration,
    },
    /// Nobody is free, or who was rung went away.
    Nobody,
    /// Does not want to be asked now.
    Declined,
}

/// What the agent whom the caller talks with wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeskAsk {
    /// End the call.
    HangUp,
    /// The caller waits with comfort audio, or is back.
    Hold(bool),
    /// To the head of a line.
    SendOn {
        /// The queue.
        queue: String,
        /// First to this agent of it.
        agent: Option<String>,
    },
    /// Back into the script, to a node that the flow names for it; this agent is done.
    ToNode {
        /// Its name.
        node: String,
    },
    /// A colleague on the line, without the caller, who is on hold.
    Consult {
        /// A free one of this queue, the call's own where a colleague is named.
        queue: String,
        /// This colleague.
        agent: Option<String>,
    },
    /// The colleague gets the caller, or goes on with them alone; this agent is done.
    Complete,
    /// The colleague goes, this agent goes on with the caller.
    GoBack,
    /// The colleague and the caller, all three of them, hear each other.
    ThreeWay,
    /// The colleague who was asked goes.
    Leave,
    /// The caller waits aside until an agent fetches them; this agent is done.
    Park,
    /// A sentence that asks the caller to stay polite.
    Warn,
    /// End the call with a sentence that says why.
    EndForAbuse,
}

/// What a call wants of the queues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueAsk {
    /// Get in line.
    Enter(Box<Ticket>),
    /// The caller in line speaks of an emergency: first in line.
    Emergency,
    /// Get out of it.
    Leave(Left),
    /// Whether this number may be called back; `QueueEvent::MayCallBack` follows.
    MayCallBack {
        /// In this queue.
        queue: String,
        /// As the caller's line gave it, or as it was keyed.
        number: PhoneNumber,
    },
    /// Keep the place for a call-back; `QueueEvent::CallBackKept` follows.
    CallBack(Box<CallBackWish>),
    /// The person who is called back is being called now: it counts as a try.
    CallsPerson,
    /// The person who is called back was not reached. `Finished` follows.
    NotReached(NotReached),
    /// This offered agent has picked up.
    Accepted(String),
    /// The two hear each other.
    Joined,
    /// The offered agent has not picked up.
    Refused {
        /// The offer's number.
        offer: u64,
        /// Why.
        why: Refusal,
    },
    /// A colleague on the line; `QueueEvent::Colleague` follows.
    Consult {
        /// Of this queue.
        queue: String,
        /// This one.
        agent: Option<String>,
    },
    /// The colleague picked up.
    Consulted,
    /// The colleague did not take it (why), or is not needed any more.
    ConsultOver(Option<Refusal>),
    /// The caller is the colleague's now; what the talk until then was like.
    HandedOver(Talk),
    /// The caller is parked: out of the line for a while, and the agent is done.
    Park {
        /// What the caller will need in line then.
        ticket: Box<Ticket>,
        /// What the talk was like.
        talk: Talk,
    },
    /// The parked caller wants somebody now.
    Unpark,
    /// The conversation is over.
    Finished(Talk),
    /// The agent says that the caller is abusive.
    Abusive,
    /// The caller's line broke: what follows is no wish of theirs. With what was known of them, should they call again.
    CallerLost(Box<HandOverCard>),
}

/// What the call wants done. Carried out by `drive`, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Send 200 OK; `Event::Answered` follows.
    Answer,
    /// Play to one leg; queued behind what is playing there. Always ends in `Event::PromptEnded`.
    Play {
        /// Whose ear.
        leg: LegId,
        /// What.
        prompt: Prompt,
    },
    /// Stop all prompts on a leg; each reports `PromptEnd::Stopped`.
    StopPlaying {
        /// Whose.
        leg: LegId,
    },
    /// From now on expect this of the caller. Stays until the next `Listen` or `StopListening`. The endpoint rule and the
    /// recogniser's grammar follow it at the next utterance.
    Listen {
        /// What to expect.
        grammar: Grammar,
        /// The utterances heard now are not kept (no clip, no words in records).
        sensitive: bool,
        /// Nothing that the caller waits for hangs on what is heard: where too few recognisers are free, those go first who have
        /// been asked something.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        aside: bool,
    },
    /// Do not recognise what the caller says (the spotter is off too): while joined with an agent.
    StopListening,
    /// Recognise what this joined agent says, `Event::AgentHeard` follows; or do not any more. Callers go first where too few
    /// recognisers are free.
    ListenToAgent {
        /// The agent's leg.
        attempt: AttemptId,
        /// What to expect; `None` = nothing.
        grammar: Option<Grammar>,
    },
    /// Ask the outside.
    LookUp {
        /// Answer carries it.
        id: LookUpId,
        /// The question.
        request: LookUp,
    },
    /// Move the caller by REFER.
    Refer {
        /// Outcome carries it.
        attempt: AttemptId,
        /// SIP URI.
        to: String,
        /// User-to-User content (hex of the card reference), escaped into Refer-To.
        uui: String,
        /// Longest wait for the final NOTIFY.
        patience: Duration,
    },
    /// Call the agent.
    Dial {
        /// Events carry it.
        attempt: AttemptId,
        /// SIP URI.
        to: String,
        /// User-to-User content.
        uui: String,
        /// How long it may ring.
        ring: Duration,
    },
    /// Call the person who is called back: their leg is the caller's. `Event::Answered` or `PersonFailed` follows.
    CallPerson {
        /// `trunk:NUMBER`, with the trunks that may take it.
        to: String,
        /// How long it may ring.
        ring: Duration,
    },
    /// Ask something of the queues.
    Queue(QueueAsk),
    /// Answer an agent's REFER: 202 = we try, otherwise the refusal.
    AnswerRefer {
        /// Whose.
        attempt: AttemptId,
        /// SIP status.
        status: u16,
    },
    /// Tell that agent how it goes.
    NotifyRefer {
        /// Whose.
        attempt: AttemptId,
        /// SIP status of the call that was asked for.
        status: u16,
        /// The outcome.
        last: bool,
    },
    /// Ask the caller's phone to call a joined agent's phone in our place (attended transfer); `Event::Referred` follows.
    Complete {
        /// The outcome carries it.
        attempt: AttemptId,
        /// The agent's leg.
        agent: AttemptId,
        /// Longest wait for the outcome.
        patience: Duration,
    },
    /// Join the two audio streams (stops listening and comfort audio).
    Join {
        /// The agent's leg.
        attempt: AttemptId,
    },
    /// The joined two are parted, the caller hears comfort audio; or they are together again.
    Hold {
        /// The agent's leg.
        attempt: AttemptId,
        /// Parted.
        on: bool,
    },
    /// Two agents hear each other, and not the caller.
    Pair {
        /// One leg.
        one: AttemptId,
        /// The other.
        other: AttemptId,
    },
    /// Two agents and the caller hear each other (stops comfort audio).
    ThreeWay {
        /// One agent's leg.
        one: AttemptId,
        /// The other's.
        other: AttemptId,
    },
    /// Comfort audio to the caller while nothing else plays there (never more than 2 s of silence).
    Comfort(bool),
    /// Start, pause or go on with the two-channel recording.
    Record(RecordAction),
    /// Take a message from the caller: tone, record until 3 s quiet after speech, key `#`, or `max`; `MessageEnded` follows.
    TakeMessage {
        /// Longest message.
        max: Duration,
        /// What must not stand in its words; known from what happened before, and never written down.
        #[serde(skip)]
        secrets: Secrets,
    },
    /// Publish (or update) the hand-over card under its reference.
    Publish(Box<HandOverCard>),
    /// Hang up a leg (BYE, or CANCEL while ringing).
    HangUp {
        /// Which.
        leg: LegId,
    },
    /// Write a record.
    Note(Box<Record>),
    /// The call is over; nothing follows. The driver frees everything of it.
    Ended(Disposition),
}

/// What the recorder should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordAction {
    /// Begin (after the announcement or the consent).
    Start,
    /// Write silence instead of sound (a sensitive node).
    Pause,
    /// Go on.
    Resume,
}
