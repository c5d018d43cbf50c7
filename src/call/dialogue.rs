//! Carrying out what the script wants: say, ask, look up, hand over, take a message, leave. The cursor knows the script;
//! this knows the caller's ear.

use super::ladders::SameAnswer;
use super::machine::{Call, Now};
use super::record::Record;
use super::state::{Asking, Farewell, Holding, LookingUp, State};
use super::timers::TimerName;
use super::transfer::Wish;
use super::understand::Understanding;
use super::{Command, keys};
use crate::base::{BargeIn, Disposition, LookUpId, PromptPart, WallTime};
use crate::flow::Phrase;
use crate::flow::{Action, Ask, Cursor, Input, LookUp, LookedUp, Say, Task};
use crate::nlu::Slots;
use std::time::Duration;

/// Longest stretch of speech (with its recognition) that the call waits for.
pub(crate) const SPEECH_LONGEST: Duration = Duration::from_secs(15);
/// Look-ups that take longer are explained to the caller.
const LOOK_UP_SLOW: Duration = Duration::from_millis(1_500);
/// What the driver gets beyond a look-up's own time-out.
const LOOK_UP_GRACE: Duration = Duration::from_secs(1);
/// How many sentences before a question are looked past.
const AHEAD_MAX: usize = 8;
/// Script steps without anything from the caller; more is a script that talks to itself.
const IDLE_STEPS_MAX: u32 = 60;

/// Where the script comes to by itself after what it only says.
pub(crate) struct Onward {
    /// The first action that is no sentence.
    pub(crate) action: Action,
    /// All that is said before it may be cut by speech.
    pub(crate) skippable: bool,
    /// Something is said before it.
    pub(crate) speaks: bool,
    /// Tasks that are opened before it.
    tasks: Vec<Task>,
}

/// Moves the cursor from `action`, its current one, past sentences and tasks; `None` when they do not come to an end.
pub(crate) fn past_sentences(cursor: &mut Cursor, wall: WallTime, mut action: Action) -> Option<Onward> {
    let (mut skippable, mut speaks, mut tasks) = (true, false, Vec::new());
    for _ in 0..AHEAD_MAX {
        match action {
            Action::Say(say) => {
                speaks = true;
                skippable &= say.barge_in == BargeIn::Speech;
            }
            Action::Note(task) => tasks.push(task),
            action => return Some(Onward { action, skippable, speaks, tasks }),
        }
        action = cursor.next(wall, Input::Done);
    }
    None
}

impl Call {
    /// Tells the cursor what came of its action and carries out the next one.
    pub(crate) fn go_on(&mut self, now: &mut Now, input: Input) {
        let wall = self.wall(now);
        let Some(cursor) = &mut self.cursor else { return };
        let action = cursor.next(wall, input);
        self.perform(now, action);
    }

    /// Carries out one action of the script; actions with nothing to play are done at once.
    pub(crate) fn perform(&mut self, now: &mut Now, mut action: Action) {
        loop {
            self.idle_steps = self.idle_steps.saturating_add(1);
            if self.idle_steps > IDLE_STEPS_MAX {
                let why = format!("{IDLE_STEPS_MAX} steps of the script without anything from the caller");
                return self.hand_over(now, "script_loop", why);
            }
            match action {
                Action::Say(say) if say.parts.is_empty() => {
                    let wall = self.wall(now);
                    let Some(cursor) = &mut self.cursor else { return };
                    action = cursor.next(wall, Input::Done);
                }
                Action::Note(task) => {
                    self.open_task(now, task);
                    let wall = self.wall(now);
                    let Some(cursor) = &mut self.cursor else { return };
                    action = cursor.next(wall, Input::Done);
                }
                Action::Say(say) => return self.say(now, say),
                Action::Ask(ask) => return self.ask(now, *ask),
                Action::LookUp(request) => return self.look_up(now, request),
                Action::Transfer { to, say, because } => {
                    let why = format!("the script hands over at node {}", self.node());
                    return self.begin_transfer(now, Wish { target: to, sentence: say, because }, why);
                }
                Action::TakeMessage(message) => return self.script_message(now, message),
                Action::End { say } => return self.leave(now, say.unwrap_or_default(), Farewell::Script),
            }
        }
    }

    fn say(&mut self, now: &mut Now, say: Say) {
        self.listen_ahead(now, &say);
        if say.sensitive {
            self.story.withhold();
        }
        let mut parts = say.parts;
        if say.answer {
            let words = words_of(&parts);
            let slots = self.asked_for();
            match self.ladders.answer(&words, &slots) {
                SameAnswer::Give => {}
                SameAnswer::Offer(n) => {
                    self.decide(
                        now,
                        "same_answer",
                        format!("the same answer for the {n}. time, together with the offer of a person"),
                    );
                    parts.extend(self.phrase(Phrase::OfferPerson));
                }
                SameAnswer::Person(n) => {
                    let why = format!("the same answer would be given for the {n}. time");
                    return self.hand_over(now, "same_answer", why);
                }
            }
            self.answered = true;
            self.story.told(&words);
        }
        remember(&mut self.said, &parts);
        self.tell(now, parts, say.barge_in, say.sensitive);
    }

    /// Callers speak over what they know and answer the question that is to come: it is listened for already.
    fn listen_ahead(&mut self, now: &mut Now, say: &Say) {
        match self.onward(now, Action::Say(say.clone())).map(|onward| onward.action) {
            Some(Action::Ask(ask)) => {
                // A secret may be told before it is asked for.
                self.guard_recording(now, say.sensitive || ask.sensitive);
                self.listen(now, ask.grammar, say.sensitive || ask.sensitive);
            }
            _ => {
                self.guard_recording(now, say.sensitive);
                self.listen_on(now, say.sensitive);
            }
        }
    }

    fn onward(&self, now: &Now, then: Action) -> Option<Onward> {
        past_sentences(&mut self.cursor.clone()?, self.wall(now), then)
    }

    /// The question that the script comes to by itself from this action, and whether all that is said before it may be cut.
    pub(crate) fn question_ahead(&self, now: &Now, then: &Action) -> Option<(Ask, bool)> {
        match self.onward(now, then.clone())? {
            Onward { action: Action::Ask(ask), skippable, .. } => Some((*ask, skippable)),
            _ => None,
        }
    }

    /// Goes to the question that comes after this action, past everything that would be said before it.
    pub(crate) fn skip_to_question(&mut self, now: &mut Now, then: Action) -> Option<Ask> {
        let wall = self.wall(now);
        let onward = past_sentences(self.cursor.as_mut()?, wall, then)?;
        for task in onward.tasks {
            self.open_task(now, task);
        }
        match onward.action {
            Action::Ask(ask) => Some(*ask),
            _ => None,
        }
    }

    /// Carries out the action, but hears first who is speaking; for at most `limit` from the beginning of the speech.
    pub(crate) fn perform_after_speech(&mut self, now: &mut Now, action: Action, limit: Duration) {
        match (self.ears.speaking, &action) {
            (Some((utterance, since)), Action::Say(_) | Action::Note(_) | Action::Ask(_) | Action::End { .. }) => {
                if let Some(Action::Ask(ask)) = self.onward(now, action.clone()).map(|onward| onward.action)
                    && ask.sensitive
                {
                    self.guard_recording(now, true);
                    self.listen(now, ask.grammar, true);
                }
                self.timers.set(TimerName::NoInput, since + limit);
                self.state = State::Holding(Holding { then: action, utterance, before: None });
            }
            _ => self.perform(now, action),
        }
    }

    /// Writes down what people are to look after; what only the caller knows is left out.
    fn open_task(&mut self, now: &mut Now, task: Task) {
        let [what, old, new] = [&task.what, &task.old, &task.new].map(|text| self.story.without_secrets(text));
        self.note(now, Record::Task { at: now.at, task: Task { kind: task.kind, what, old, new }.into() });
    }

    /// The slot values that an answer is given for. Sensitive ones count by what they are, not by name.
    fn asked_for(&self) -> Slots {
        let mut slots = self.cursor.as_ref().map(|c| c.slots()).unwrap_or_default();
        if let Some(secrets) = self.story.secrets.all() {
            slots.insert("(sensitive)".into(), secrets);
        }
        slots
    }

    /// What was said over the last prompt never came to a result.
    pub(crate) fn held_too_long(&mut self, now: &mut Now) {
        if let State::Holding(holding) = &self.state {
            let then = holding.then.clone();
            self.perform(now, then);
        }
    }

    fn ask(&mut self, now: &mut Now, ask: Ask) {
        self.ears.floor = self.ears.newest;
        self.open_question(now, ask);
        if !self.ahead.is_empty() {
            self.keys_ahead(now);
        }
        let mute = !self.settings.ears.contains(&self.language());
        let fresh = matches!(&self.state, State::Asking(a) if a.prompt.is_none() && a.keys.is_empty() && a.spoken.is_empty());
        // Not what he said, if he has said something else since.
        let newest = self.ears.newest;
        if let Some((utterance, result)) = self.kept.take().filter(|(kept, _)| fresh && newest <= Some(*kept))
            && let Some(Understanding::Answer { answer, meaning, confidence }) = self.understand(now, &result)
        {
            let said = self.said_by_voice(utterance, &result);
            return self.accept(now, said, answer, meaning, confidence);
        }
        if fresh && let State::Asking(asking) = &self.state {
            let mut parts = asking.ask.prompt.clone();
            if mute {
                parts.extend(asking.ask.key_prompt.iter().cloned());
            }
            self.speak_question(now, parts);
        }
    }

    /// Sets the question up without a word.
    pub(crate) fn open_question(&mut self, now: &mut Now, ask: Ask) {
        self.guard_recording(now, ask.sensitive);
        self.listen(now, ask.grammar.clone(), ask.sensitive);
        let asking = Asking {
            ask,
            spoken: Vec::new(),
            prompt: None,
            cut: false,
            false_starts: 0,
            murmurs: 0,
            quiet_until: None,
            replays: 0,
            keys: keys::KeyBuffer::default(),
        };
        self.state = State::Asking(Box::new(asking));
    }

    fn look_up(&mut self, now: &mut Now, request: LookUp) {
        self.guard_recording(now, false);
        self.listen_on(now, false);
        let id = self.new_lookup();
        self.timers.set(TimerName::LookUp, now.at + request.timeout + LOOK_UP_GRACE);
        self.timers.set(TimerName::LookUpSlow, now.at + LOOK_UP_SLOW);
        self.state = State::LookingUp(LookingUp { id, waiting: request.waiting.clone(), prompt: None, result: None });
        now.out.push(Command::LookUp { id, request });
    }

    pub(crate) fn look_up_slow(&mut self, now: &mut Now) {
        let State::LookingUp(looking) = &mut self.state else { return };
        let waiting = looking.waiting.take();
        now.out.push(Command::Comfort(true));
        if let Some(parts) = waiting {
            let prompt = self.play(now, parts, BargeIn::PersonOnly);
            if let State::LookingUp(looking) = &mut self.state {
                looking.prompt = Some(prompt);
            }
        }
    }

    pub(crate) fn look_up_overdue(&mut self, now: &mut Now) {
        if let State::LookingUp(looking) = &self.state {
            let id = looking.id;
            self.looked_up(now, id, LookedUp::Outage("no answer within the time-out".into()));
        }
    }

    pub(crate) fn looked_up(&mut self, now: &mut Now, id: LookUpId, result: LookedUp) {
        let State::LookingUp(looking) = &mut self.state else { return };
        if looking.id != id || looking.result.is_some() {
            return;
        }
        self.timers.clear(TimerName::LookUp);
        self.timers.clear(TimerName::LookUpSlow);
        if looking.prompt.is_some() {
            looking.result = Some(result);
        } else {
            self.look_up_done(now, result);
        }
    }

    /// The waiting sentence is over; the answer may have come meanwhile.
    pub(crate) fn waiting_said(&mut self, now: &mut Now) {
        let State::LookingUp(looking) = &mut self.state else { return };
        looking.prompt = None;
        if let Some(result) = looking.result.take() {
            self.look_up_done(now, result);
        }
    }

    fn look_up_done(&mut self, now: &mut Now, result: LookedUp) {
        now.out.push(Command::Comfort(false));
        if let LookedUp::Outage(why) = &result {
            self.decide(now, "look_up_failed", why.clone());
        }
        let wall = self.wall(now);
        let Some(cursor) = &mut self.cursor else { return };
        let action = cursor.next(wall, Input::LookedUp(result));
        // What was found may tell who this is.
        match self.of_value().filter(|_| self.after.is_none() && !matches!(action, Action::Transfer { .. })) {
            Some((because, why)) => self.hand_over(now, because, why),
            None => self.perform(now, action),
        }
    }

    /// Says good-bye and hangs up after it.
    pub(crate) fn leave(&mut self, now: &mut Now, parts: Vec<PromptPart>, farewell: Farewell) {
        self.guard_recording(now, false);
        if parts.is_empty() {
            return self.left(now, farewell);
        }
        if farewell == Farewell::Script {
            self.listen_on(now, false);
        } else {
            self.stop_listening(now);
        }
        let prompt = self.play(now, parts, BargeIn::PersonOnly);
        self.state = State::Leaving { prompt, farewell, said: false };
    }

    /// The good-bye was said. Nobody is hung up on in the middle of a sentence: it may ask for a person.
    pub(crate) fn farewell_said(&mut self, now: &mut Now) {
        let State::Leaving { farewell, said, .. } = &mut self.state else { return };
        let farewell = *farewell;
        match self.ears.speaking {
            Some((_, since)) if farewell == Farewell::Script => {
                *said = true;
                self.timers.set(TimerName::NoInput, since + SPEECH_LONGEST);
            }
            _ => self.left(now, farewell),
        }
    }

    pub(crate) fn left(&mut self, now: &mut Now, farewell: Farewell) {
        let disposition = match farewell {
            Farewell::Silent => Disposition::Silent,
            Farewell::Message => Disposition::MessageTaken { because: self.because() },
            Farewell::CallBack => Disposition::CallBack { because: self.because() },
            Farewell::Broken => self.plain_ending(),
            Farewell::Abuse => Disposition::Transferred { to: "agent".into(), because: self.because() },
            Farewell::Script => match &self.message {
                Some(because) => Disposition::MessageTaken { because: because.clone() },
                None => Disposition::Answered,
            },
        };
        self.end(now, disposition, false);
    }

    /// The node that the script is at.
    pub(crate) fn node(&self) -> String {
        self.cursor.as_ref().map(|c| c.node().to_string()).unwrap_or_default()
    }
}

/// The words of prompt parts, as [`crate::base::Prompt::words`] gives them.
pub(crate) fn words_of(parts: &[PromptPart]) -> String {
    let prompt = crate::base::Prompt {
        id: crate::base::PromptId(0),
        parts: parts.to_vec(),
        language: crate::base::Language::EN,
        barge_in: BargeIn::Speech,
    };
    prompt.words()
}

/// Keeps what was said for "repeat"; beyond 40 parts the oldest go.
fn remember(said: &mut Vec<PromptPart>, parts: &[PromptPart]) {
    said.extend(parts.iter().cloned());
    let excess = said.len().saturating_sub(40);
    said.drain(..excess);
}
