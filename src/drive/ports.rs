//! What the driver needs of the world, and what the world tells the driver.

use crate::audio::Pcm;
use crate::base::{AttemptId, Disposition, Grammar, LegId, LookUpId, Moment, Prompt, PromptId, UtteranceId};
use crate::call::{Call, Command, Event, HandOverCard, QueueAsk, Record, Secrets};
use crate::flow::LookUp;
use crate::media::{LegCommand, LegEvent, LegStats};
use crate::speech::EarEvent;
use std::sync::Arc;
use std::time::Duration;

/// What happens to a call, from any side.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Signalling, look-ups, faults: already an event of the call.
    Call(Event),
    /// The time of [`super::Driver::next_timer`] has come.
    Tick,
    /// A prompt's sound is there, or cannot be made (one sentence).
    Rendered {
        /// For whose ear.
        leg: LegId,
        /// Which prompt.
        prompt: PromptId,
        /// The sound.
        result: Result<Arc<Pcm>, String>,
    },
    /// From the audio plane.
    Leg {
        /// Which leg.
        leg: LegId,
        /// What.
        event: LegEvent,
    },
    /// From the ears of the caller's leg.
    Ear(EarEvent),
    /// From those of an agent's leg.
    AgentEar {
        /// Whose.
        attempt: AttemptId,
        /// What.
        event: EarEvent,
    },
}

/// A message as its caller left it.
#[derive(Debug, Clone)]
pub struct MessageLeft {
    /// The utterance that it is.
    pub utterance: UtteranceId,
    /// When the caller began to speak.
    pub began: Moment,
    /// The sound.
    pub sound: Arc<Pcm>,
    /// What must not stand in its words.
    pub secrets: Secrets,
}

/// The thinking part: `call::Call`, or a stand-in under test.
pub trait Machine {
    /// Something happened; append what is to be done.
    fn handle(&mut self, now: Moment, event: &Event, out: &mut Vec<Command>);
    /// When `Event::Tick` is due.
    fn next_timer(&self) -> Option<Moment>;
}

impl Machine for Call {
    fn handle(&mut self, now: Moment, event: &Event, out: &mut Vec<Command>) {
        Call::handle(self, now, event, out);
    }

    fn next_timer(&self) -> Option<Moment> {
        Call::next_timer(self).map(|(at, _)| at)
    }
}

/// The world of one call. None of these wait; answers come back as [`Happening`]s.
pub trait Ports {
    /// Whether anybody is there who could understand speech. Where nobody is, the line is not searched for voices, except
    /// while a message is taken.
    fn hears(&self) -> bool {
        true
    }
    /// 200 OK to the caller.
    fn answer(&mut self);
    /// BYE, CANCEL or refusal, whatever the leg's state asks for.
    fn hang_up(&mut self, leg: LegId);
    /// REFER the caller; `Event::Referred` follows, at the latest after `patience`.
    fn refer(&mut self, attempt: AttemptId, to: &str, uui: &str, patience: Duration);
    /// Call an agent; `Event::Agent` follows.
    fn dial(&mut self, attempt: AttemptId, to: &str, uui: &str, ring: Duration);
    /// Call the person who is called back, as the caller's leg; `Event::Answered` or `Event::PersonFailed` follows. A world in which
    /// nobody is called back needs none of it.
    fn call_person(&mut self, _to: &str, _ring: Duration) {}
    /// Answer an agent's REFER.
    fn answer_refer(&mut self, attempt: AttemptId, status: u16);
    /// Tell that agent how the call goes that was asked for.
    fn notify_refer(&mut self, attempt: AttemptId, status: u16, last: bool);
    /// REFER the caller to a joined agent's phone in our place; `Event::Referred` follows, at the latest after `patience`.
    fn complete(&mut self, attempt: AttemptId, agent: AttemptId, patience: Duration);
    /// Ask something of the queues; `Event::Queue` follows.
    fn queue(&mut self, ask: QueueAsk);
    /// Connect the two audio streams.
    fn join(&mut self, attempt: AttemptId);
    /// Part the two audio streams, the caller hearing comfort audio; or connect them again.
    fn hold(&mut self, attempt: AttemptId, on: bool);
    /// Connect two agents' audio streams. A world without desks needs none of it.
    fn pair(&mut self, _one: AttemptId, _other: AttemptId) {}
    /// Connect the caller's and two agents' audio streams, each with both others. A world without desks needs none of it.
    fn three_way(&mut self, _one: AttemptId, _other: AttemptId) {}
    /// Comfort audio for the caller, on or off.
    fn comfort(&mut self, on: bool);
    /// Begin the recording of the call.
    fn record(&mut self);
    /// Tell a leg's audio; dropped if the leg is gone.
    fn leg(&mut self, leg: LegId, command: LegCommand);
    /// What the ears should expect from the next utterance on; `aside` = others go first who have been asked something.
    fn expect(&mut self, grammar: Grammar, aside: bool);
    /// What the ears of an agent's leg should expect, or that they are not wanted any more; `Happening::AgentEar` follows. False where that
    /// leg has none.
    fn expect_of_agent(&mut self, _attempt: AttemptId, _grammar: Option<Grammar>) -> bool {
        false
    }
    /// The next utterance is a message: nobody answers to its words, only a person may be asked for.
    fn listen_only(&mut self);
    /// Make a prompt's sound; [`Happening::Rendered`] follows.
    fn render(&mut self, leg: LegId, prompt: &Prompt);
    /// Ask the outside; `Event::LookedUp` follows.
    fn look_up(&mut self, id: LookUpId, request: LookUp);
    /// Keep the sound of an utterance.
    fn keep_clip(&mut self, utterance: UtteranceId, clip: Arc<Pcm>);
    /// Keep the sound of a message, and have its words written down: neither is waited for.
    fn keep_message(&mut self, message: MessageLeft);
    /// Keep a record.
    fn note(&mut self, record: Record);
    /// Publish the hand-over card.
    fn publish(&mut self, card: HandOverCard);
    /// Write the event log; `sensitive` = words and keys must be masked.
    fn log(&mut self, now: Moment, event: &Event, sensitive: bool);
    /// What the call wants done for the event logged last, before it is done; `None` = it has failed, and the rescue answers.
    fn executed(&mut self, _now: Moment, _commands: Option<&[Command]>) {}
    /// A prompt's first packet left (for latency figures).
    fn prompt_started(&mut self, leg: LegId, prompt: PromptId, at: Moment);
    /// A leg's audio is closed.
    fn leg_closed(&mut self, leg: LegId, stats: LegStats);
    /// Something broke; a sentence for the operator.
    fn trouble(&mut self, why: &str);
    /// SIP addresses to try when all else has failed, best first, and the language to apologise in.
    fn last_resort(&self) -> LastResort;
    /// The call is over: release everything of it.
    fn ended(&mut self, disposition: &Disposition);
}

/// Where a caller goes when our own machine has failed.
#[derive(Debug, Clone, Default)]
pub struct LastResort {
    /// SIP URIs, best first.
    pub targets: Vec<String>,
    /// The caller's language as far as known.
    pub language: crate::base::Language,
}
