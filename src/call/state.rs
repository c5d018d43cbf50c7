//! Where a call is. Each variant holds only what that state needs.

use crate::acd::Interval;
use crate::base::{AttemptId, EarFailure, Hypothesis, LookUpId, Moment, PromptId, PromptPart, UtteranceId};
use crate::call::keys::KeyBuffer;
use crate::call::telling::Telling;
use crate::flow::{Action, Ask, Target};

/// Where a call is.
#[derive(Debug)]
pub(crate) enum State {
    /// Nothing has happened yet.
    Fresh,
    /// 200 was sent; the ACK is awaited.
    Answering,
    /// The recording is announced or asked for.
    Consenting(Consenting),
    /// The script says something.
    Saying(Telling),
    /// The caller spoke over the last prompt; what he said decides before the script goes on.
    Holding(Holding),
    /// A question is out.
    Asking(Box<Asking>),
    /// The outside is asked.
    LookingUp(LookingUp),
    /// On the way to a person. Speech never cancels it.
    Transferring(Box<Transfer>),
    /// REFER succeeded; the far end's BYE is awaited.
    MovedAway {
        /// Target's name.
        target: String,
    },
    /// The caller talks with an agent.
    Joined {
        /// The agent's leg.
        attempt: AttemptId,
        /// Target's name, or where an agent sent the caller.
        target: String,
        /// A further move that is under way.
        moving: Option<Moving>,
    },
    /// A message is taken.
    Message(Message),
    /// Good-bye is being said.
    Leaving {
        /// The last prompt.
        prompt: PromptId,
        /// Why we leave.
        farewell: Farewell,
        /// It was said, but the caller is speaking: what he says is heard first.
        said: bool,
    },
    /// Nothing follows.
    Over,
}

/// A joined call moves on.
#[derive(Debug)]
pub(crate) enum Moving {
    /// The agent sends the caller to somebody else, who is being called.
    Onward {
        /// The next one's leg.
        attempt: AttemptId,
        /// Who: user and host.
        to: String,
        /// When it began.
        began: Moment,
        /// The agent has hung up meanwhile: nobody to go back to.
        left: bool,
    },
    /// The agent asks a colleague, and the caller is on hold.
    Consulting(Box<super::consult::Consult>),
    /// The caller's phone is asked to call the agent's itself.
    Completing {
        /// The REFER's outcome carries it.
        attempt: AttemptId,
        /// When it began.
        began: Moment,
    },
}

/// Why we say good-bye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// The script came to its end.
    Script,
    /// The caller never said or pressed anything.
    Silent,
    /// After a message, or the promise to call back, in place of a person.
    Message,
    /// The script or we are broken and nobody could be reached.
    Broken,
    /// The place is kept for a call-back.
    CallBack,
    /// The agent ended it because of abuse.
    Abuse,
}

/// The recording is announced or asked for.
#[derive(Debug)]
pub(crate) struct Consenting {
    /// The announcement or the question while it plays; `None` = played.
    pub(crate) prompt: Option<PromptId>,
    /// Whether a yes is needed.
    pub(crate) ask: bool,
    /// What was said over the announcement: it may answer the first question.
    pub(crate) early: Option<(UtteranceId, Result<Hypothesis, EarFailure>)>,
}

/// The script waits for what the caller is saying over a prompt.
#[derive(Debug)]
pub(crate) struct Holding {
    /// What the script wants next.
    pub(crate) then: Action,
    /// What is being said.
    pub(crate) utterance: UtteranceId,
    /// What was said before; it counts when what is being said means nothing.
    pub(crate) before: Option<(UtteranceId, Result<Hypothesis, EarFailure>)>,
}

/// A question is out.
#[derive(Debug)]
pub(crate) struct Asking {
    /// The question.
    pub(crate) ask: Ask,
    /// What was spoken last for it, to be spoken again after noise cut it.
    pub(crate) spoken: Vec<PromptPart>,
    /// The prompt while it plays; `None` = the caller's turn.
    pub(crate) prompt: Option<PromptId>,
    /// The voice cut the prompt.
    pub(crate) cut: bool,
    /// False starts ("um, …") that were passed over because the caller was speaking on; bounded.
    pub(crate) false_starts: u8,
    /// Until when the caller may think; `None` before the prompt's end.
    pub(crate) quiet_until: Option<Moment>,
    /// Words that nobody understood before a restless background, since the question was last asked: they wait for something clearer.
    pub(crate) murmurs: u8,
    /// How often noise cut the prompt and it was played again; bounded.
    pub(crate) replays: u8,
    /// Keys so far, where digits are collected.
    pub(crate) keys: KeyBuffer,
}

/// The outside is asked.
#[derive(Debug)]
pub(crate) struct LookingUp {
    /// Which question.
    pub(crate) id: LookUpId,
    /// Spoken when it takes long; taken once it is spoken.
    pub(crate) waiting: Option<Vec<PromptPart>>,
    /// The waiting sentence while it plays.
    pub(crate) prompt: Option<PromptId>,
    /// The answer, kept until the waiting sentence is over.
    pub(crate) result: Option<crate::flow::LookedUp>,
}

/// On the way to a person.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// One word: `asked`, `misunderstood`, …
    pub(crate) because: String,
    /// Spoken at the first try; taken once it is spoken.
    pub(crate) sentence: Option<Vec<PromptPart>>,
    /// Tries begun; at most [`crate::call::transfer::TRIES_MAX`].
    pub(crate) tries: u8,
    /// Targets that were tried or skipped, with the number of bridge tries.
    pub(crate) tried: Vec<(String, u8)>,
    /// Why nobody could be reached so far.
    pub(crate) nobody: Nobody,
    /// The caller was told that the agent is being briefed.
    pub(crate) told_brief: bool,
    /// The line that was left because of an emergency: back to it when nobody is reached.
    pub(crate) home: Option<Target>,
    /// The step of the present try.
    pub(crate) step: Step,
}

impl Transfer {
    /// At its beginning.
    pub(crate) fn new(because: String, sentence: Option<Vec<PromptPart>>) -> Transfer {
        Transfer {
            because,
            sentence,
            tries: 0,
            tried: Vec::new(),
            nobody: Nobody::Tried,
            told_brief: false,
            home: None,
            step: Step::Choosing,
        }
    }
}

/// Why nobody could be reached; decides the spoken reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nobody {
    /// Outside the hours of all targets.
    Closed,
    /// Nobody there speaks the caller's language.
    Language,
    /// Tried; busy, no answer, refused.
    Tried,
    /// Too many wait in line.
    Full,
    /// Waited for as long as the queue allows.
    TooLong,
}

/// The step of the present try.
#[derive(Debug)]
pub(crate) enum Step {
    /// Between two tries, within one event.
    Choosing,
    /// The sentence plays; the REFER goes out right after it.
    BeforeRefer {
        /// Where to.
        target: Target,
        /// The sentence.
        prompt: PromptId,
    },
    /// The REFER is on its way.
    Referring {
        /// Where to.
        target: Target,
        /// Which try.
        attempt: AttemptId,
        /// When it began.
        began: Moment,
    },
    /// The agent is called or being briefed.
    Bridging(Bridging),
    /// In line for an agent.
    Waiting(Waiting),
    /// A short rest before the same target is tried again.
    Resting {
        /// Where to.
        target: Target,
    },
}

/// The agent is called or being briefed.
#[derive(Debug)]
pub(crate) struct Bridging {
    /// Where to.
    pub(crate) target: Target,
    /// Which try.
    pub(crate) attempt: AttemptId,
    /// When it began.
    pub(crate) began: Moment,
    /// What still plays to the caller (sentence, then that the agent is being told); at most two. Joined when empty.
    pub(crate) to_caller: Vec<PromptId>,
    /// How far the agent is.
    pub(crate) agent: AgentStage,
    /// The line that the caller goes back to when this agent does not take the call.
    pub(crate) line: Option<Box<Offered>>,
}

/// An agent whom the line offered.
#[derive(Debug)]
pub(crate) struct Offered {
    /// The offer's number.
    pub(crate) offer: u64,
    /// Who.
    pub(crate) agent: String,
    /// They see the card on a desk.
    pub(crate) desk: bool,
    /// The phone is the desk's page: a click picks up, and whoever clicks has read the card.
    pub(crate) page: bool,
    /// The caller's place.
    pub(crate) waiting: Waiting,
}

/// In line for an agent.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// The target that is a queue.
    pub(crate) target: Target,
    /// What plays to the caller.
    pub(crate) playing: Option<PromptId>,
    /// What the caller was told last.
    pub(crate) told: Option<(usize, Option<Interval>)>,
    /// What is to be told as soon as nothing plays.
    pub(crate) news: Option<(usize, Option<Interval>)>,
    /// Whether a call-back may be had instead of waiting.
    pub(crate) call_back: CallBackOffer,
    /// A call-back is being talked about; the place is not told meanwhile.
    pub(crate) talk: Option<super::call_back_wish::Talk>,
    /// Not in line, but put aside by an agent.
    pub(crate) parked: bool,
}

impl Waiting {
    /// At its beginning, while this plays.
    pub(crate) fn new(target: Target, playing: Option<PromptId>) -> Waiting {
        Waiting { target, playing, told: None, news: None, call_back: CallBackOffer::No, talk: None, parked: false }
    }
}

/// A call-back instead of waiting: key 2, once that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallBackOffer {
    /// Not to be had.
    No,
    /// To be had, and not said yet.
    May,
    /// Said.
    Said,
}

/// How far the agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgentStage {
    /// Called.
    Called,
    /// Hears the summary and is to press 1.
    AskedForKey {
        /// The summary.
        prompt: PromptId,
        /// When the leg was answered.
        answered: Moment,
    },
    /// Hears the summary; the answer was enough.
    Briefed {
        /// The summary.
        prompt: PromptId,
    },
    /// May be joined.
    Ready,
}

/// A message is taken.
#[derive(Debug)]
pub(crate) struct Message {
    /// Why there is one.
    pub(crate) origin: MessageOrigin,
    /// How far it is.
    pub(crate) step: MessageStep,
}

/// Why a message is taken.
#[derive(Debug)]
pub(crate) enum MessageOrigin {
    /// The script wanted it and goes on afterwards.
    Script {
        /// Node.
        node: String,
        /// Spoken afterwards.
        thanks: Vec<PromptPart>,
        /// Longest message.
        max: std::time::Duration,
    },
    /// Nobody could be reached; the call ends afterwards.
    Nobody {
        /// Why a person was wanted.
        because: String,
        /// It is the second try because nothing was said and the number is not known.
        again: bool,
    },
}

/// How far a message is.
#[derive(Debug)]
pub(crate) enum MessageStep {
    /// The reason and what to do.
    Explaining(PromptId),
    /// After the tone.
    Recording {
        /// Since.
        since: Moment,
    },
    /// Thanks (script's messages).
    Thanking(PromptId),
}
