//! The call's story as it is told afterwards: turn records, and the hand-over card with its spoken summary. What was
//! sensitive is in neither.

use super::Command;
use super::briefing::Given;
use super::card::{CardTurn, Diversion, HandOverCard, TurnOf};
use super::machine::{Call, Now};
use super::record::{Record, TurnRecord};
use super::secrets::Secrets;
use crate::base::{CallId, Confidence, Language, PhoneNumber, Pii};
use crate::call::dialogue::words_of;
use crate::flow::{Answer, AskKind, Cursor, Flow, Phrase};
use crate::nlu::Slots;
use std::collections::{BTreeSet, VecDeque};

/// Turns on the card.
const CARD_TURNS: usize = 20;

/// What happened so far.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// Decided turns, oldest first, for the card.
    turns: VecDeque<CardTurn>,
    /// The turn whose answer is being given.
    open: Option<TurnRecord>,
    /// The open turn was recorded already, for those who follow the call as it happens.
    shown: bool,
    /// Number of the next turn.
    next: u32,
    /// The last understood intent.
    pub(crate) intent: Option<String>,
    /// The last answer that was given.
    pub(crate) told: String,
    /// Why a person is wanted; empty while none is.
    pub(crate) because: String,
    /// Slots that were filled at sensitive questions.
    secret_slots: BTreeSet<String>,
    /// Their values, to be struck out of later sentences.
    pub(crate) secrets: Secrets,
    /// Some turn was sensitive, also one that is forgotten.
    sensitive: bool,
}

/// What a caller did in a turn.
pub(crate) struct Said {
    pub(crate) text: String,
    by: &'static str,
    confidence: Confidence,
    sensitive: bool,
}

impl Said {
    pub(crate) fn voice(text: &str, confidence: Confidence, sensitive: bool) -> Said {
        Said { text: text.to_string(), by: "voice", confidence, sensitive }
    }

    pub(crate) fn keys(text: String, sensitive: bool) -> Said {
        Said { text, by: "keys", confidence: Confidence::FULL, sensitive }
    }

    pub(crate) fn silence() -> Said {
        Said { text: String::new(), by: "silence", confidence: Confidence::default(), sensitive: false }
    }
}

impl Story {
    /// What an earlier call of the same person left on its card. What they told there at sensitive questions is not on it.
    pub(crate) fn from_card(card: &HandOverCard) -> Story {
        let (intent, because) = (card.intent.clone(), card.because.clone());
        let told = card.turns.last().map(|turn| turn.answer.reveal().clone()).unwrap_or_default();
        let mut story = Story { turns: card.turns.iter().cloned().collect(), intent, told, because, ..Story::default() };
        story.goes_on_from(card);
        story
    }

    /// What was secret in the earlier call is so in this one.
    pub(crate) fn goes_on_from(&mut self, card: &HandOverCard) {
        if card.withholds() {
            self.secrets.were_told_earlier();
            self.sensitive = true;
        }
    }

    /// The caller wants something else than what was told so far; what was secret stays so.
    pub(crate) fn begins_anew(&mut self) {
        self.turns.clear();
        self.told.clear();
        self.because.clear();
        self.intent = None;
    }

    /// Something was said to the caller: it belongs to the open turn.
    pub(crate) fn answer(&mut self, words: &str) {
        let words = self.without_secrets(words);
        if let Some(open) = &mut self.open {
            let so_far = std::mem::take(&mut open.answer).into_inner();
            // A turn holds at most about a page, whatever the script says.
            let room = 2_000_usize.saturating_sub(so_far.chars().count());
            let more: String = words.chars().take(room).collect();
            open.answer = if so_far.is_empty() { more.into() } else { format!("{so_far} {more}").into() };
        }
    }

    /// How many turns there were.
    pub(crate) fn turns_so_far(&self) -> u32 {
        self.next
    }

    /// This was an answer to the caller's question.
    pub(crate) fn told(&mut self, words: &str) {
        self.told = self.without_secrets(words);
    }

    /// The node that speaks now is sensitive: its words are in no record.
    pub(crate) fn withhold(&mut self) {
        if let Some(open) = &mut self.open {
            open.sensitive = true;
            self.sensitive = true;
        }
    }

    /// What a sensitive question brought is kept from every record.
    pub(crate) fn keep_secret(&mut self, flow: &Flow, kind: &AskKind, answer: &Answer) {
        let mut hide = |name: &str, value: &str| {
            self.secret_slots.insert(name.to_string());
            self.secrets.keep(value, &flow.read_aloud(name, value));
        };
        match (kind, answer) {
            (
                AskKind::Digits { slot, .. }
                | AskKind::Confirm { slot, .. }
                | AskKind::Number { slot }
                | AskKind::Date { slot }
                | AskKind::Value { slot, .. },
                Answer::Value(value),
            ) => {
                hide(slot, value);
            }
            (_, Answer::Intent { slots, .. }) => slots.iter().for_each(|(name, value)| hide(name, value)),
            _ => {}
        }
    }

    pub(crate) fn public(&self, slots: &Slots) -> Slots {
        let open = |name: &str, value: &str| !self.secret_slots.contains(name) && !self.secrets.holds(value);
        slots.iter().filter(|(name, value)| open(name, value)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    pub(crate) fn without_secrets(&self, words: &str) -> String {
        self.secrets.struck_out_of(words)
    }

    /// What may be kept of words from a talk.
    pub(crate) fn of_talk(&self, words: &str) -> String {
        self.secrets.struck_out_of_talk(words)
    }
}

impl Call {
    /// A turn was decided: what was heard (or keyed, or nothing) and what it was taken for. What is played from now on is its
    /// answer.
    pub(crate) fn begin_turn(&mut self, now: &mut Now, said: Said, meaning: Option<String>, sure: Confidence) {
        self.flush_turn(now);
        self.turn_decided();
        let slots = self.cursor.as_ref().map(|c| self.story.public(&c.slots())).unwrap_or_default();
        let secret = said.sensitive;
        self.story.sensitive |= secret;
        let node = match &self.state {
            super::state::State::Asking(asking) => asking.ask.node.clone(),
            _ => self.node(),
        };
        self.story.open = Some(TurnRecord {
            turn: self.story.next,
            at: now.at,
            node,
            heard: if secret { Pii::default() } else { said.text.into() },
            by: said.by.into(),
            heard_confidence: said.confidence,
            meaning,
            meaning_confidence: sure,
            slots: if secret { Pii::default() } else { slots.into() },
            answer: Pii::default(),
            sensitive: secret,
            complete: false,
        });
        self.story.shown = false;
        self.story.next += 1;
    }

    /// Records the open turn as soon as its answer begins.
    pub(crate) fn show_turn(&mut self, now: &mut Now) {
        let looking_up = matches!(self.state, super::state::State::LookingUp(_));
        match &self.story.open {
            Some(turn) if !self.story.shown && !looking_up && (turn.sensitive || !turn.answer.reveal().is_empty()) => {
                let turn = self.public_turn(turn.clone());
                self.story.shown = true;
                self.note(now, Record::Turn(turn));
            }
            _ => {}
        }
    }

    /// Writes the open turn, whose answer is complete now.
    pub(crate) fn flush_turn(&mut self, now: &mut Now) {
        let Some(turn) = self.story.open.take() else { return };
        let mut turn = self.public_turn(turn);
        turn.complete = true;
        if self.story.turns.len() >= CARD_TURNS {
            self.story.turns.pop_front();
        }
        self.story.turns.push_back(card_turn(self.id, &turn));
        self.note(now, Record::Turn(turn));
    }

    /// The turn without what is sensitive, with the slots as they are now.
    fn public_turn(&self, mut turn: TurnRecord) -> TurnRecord {
        if turn.sensitive {
            turn.answer = Pii::default();
            turn.heard = Pii::default();
            turn.slots = Pii::default();
        } else if let Some(cursor) = &self.cursor {
            turn.slots = self.story.public(&cursor.slots()).into();
        }
        turn
    }

    /// The caller had dialled another number: the agent should know whom.
    pub(crate) fn was_diverted(&mut self, now: &mut Now, from: &PhoneNumber, reason: &str) {
        let Some(arrival) = self.arrival.as_mut().filter(|a| a.diverted.is_none()) else { return };
        let reason: String = reason.chars().take(32).collect();
        let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let why = format!("the caller had dialled {} first{because}", from.tail());
        arrival.diverted = Some(Diversion { from: from.clone(), reason });
        self.decide(now, "diverted", why);
    }

    /// Publishes the hand-over card as it is now.
    pub(crate) fn publish(&mut self, now: &mut Now) {
        if let Some(card) = self.card_of_call_back().or_else(|| self.card(now)) {
            now.out.push(Command::Publish(Box::new(card)));
        }
    }

    /// The hand-over card as it is now.
    pub(crate) fn card(&self, now: &Now) -> Option<HandOverCard> {
        let arrival = self.arrival.as_ref()?;
        let mut turns: Vec<CardTurn> = self.story.turns.iter().cloned().collect();
        turns.extend(self.story.open.as_ref().map(|turn| card_turn(self.id, turn)));
        let excess = turns.len().saturating_sub(CARD_TURNS);
        turns.drain(..excess);
        let tier = self.cursor.as_ref().and_then(Cursor::tier);
        let Given { verified, step, slots } = self.given();
        Some(HandOverCard {
            reference: self.settings.card_reference.clone(),
            call: self.id,
            flow: self.flow.name.clone(),
            caller: arrival.caller.clone(),
            dialled: arrival.dialled.clone(),
            diverted: arrival.diverted.clone(),
            language: self.language(),
            since: arrival.wall,
            seconds: now.at.since(arrival.at).as_secs(),
            intent: self.story.intent.clone(),
            slots: slots.into(),
            turns,
            secrets: self.story.sensitive,
            step,
            verified,
            tier: tier.as_ref().map(|(name, _)| name.clone()),
            priority: self.priority(),
            because: self.story.because.clone(),
            spoke_with: self.spoke_with.clone(),
            call_back: None,
            summary: self.summary().into(),
        })
    }

    /// Who goes first in a line, 0–9.
    pub(crate) fn priority(&self) -> u8 {
        if let Some(called) = &self.called_back {
            return called.back.wish.ticket.priority;
        }
        let of_tier = self.cursor.as_ref().and_then(Cursor::tier).map_or(0, |(_, tier)| tier.priority);
        of_tier.max(self.priority_kept)
    }

    /// The language in which the agent is spoken to: the caller's, if we have words in it.
    pub(crate) fn agent_language(&self) -> Language {
        match self.language() {
            Language::ZH => Language::ZH,
            _ => Language::EN,
        }
    }

    /// What an agent hears who reads the rest: what the caller wants, or else why a person.
    pub(crate) fn opening(&self) -> String {
        let language = self.agent_language();
        let parts = match &self.story.intent {
            Some(intent) => {
                let words = intent_words(&self.flow, intent, language);
                self.flow.phrase_with(Phrase::AgentIntent, language, &[("intent", &words)])
            }
            None => {
                let reason = reason(&self.story.because, language);
                self.flow.phrase_with(Phrase::AgentBecause, language, &[("reason", &reason)])
            }
        };
        words_of(&parts)
    }

    /// The story in a few sentences, for the card: what the caller wants, the values, what was answered, why handed over. The phone says
    /// less of it ([`Call::briefing`]).
    pub(crate) fn summary(&self) -> String {
        if let Some(called) = &self.called_back {
            return called.back.wish.card.summary.reveal().clone();
        }
        let language = self.agent_language();
        let phrase = |what: Phrase, name, value: &str| words_of(&self.flow.phrase_with(what, language, &[(name, value)]));
        let wants = |intent: &String| phrase(Phrase::AgentIntent, "intent", &intent_words(&self.flow, intent, language));
        let mut besides = self.besides();
        // Who reads it begins with the values, as the caller did.
        besides.sort_by_key(|(what, _)| *what != Phrase::AgentSlot);
        let because = phrase(Phrase::AgentBecause, "reason", &reason(&self.story.because, language));
        let parts = self.story.intent.as_ref().map(wants).into_iter().chain(besides.into_iter().map(|(_, words)| words));
        parts.chain([because]).collect::<Vec<_>>().join(" ")
    }
}

/// An intent as one says it: its first example, else its name.
pub(super) fn intent_words(flow: &Flow, intent: &str, language: Language) -> String {
    let example = flow.intents.get(intent).and_then(|i| i.examples.get(&language)).and_then(|e| e.first());
    example.cloned().unwrap_or_else(|| spaced(intent))
}

fn card_turn(call: CallId, turn: &TurnRecord) -> CardTurn {
    let shown = |words: &Pii<String>| if turn.sensitive { Pii::default() } else { words.clone() };
    CardTurn {
        caller: shown(&turn.heard),
        intent: turn.meaning.clone(),
        answer: shown(&turn.answer),
        sensitive: turn.sensitive,
        of: Some(TurnOf { call, turn: turn.turn }),
    }
}

/// Why a person is wanted, one word each: `because` of a flow's transfer may say another. With how an agent hears it in English and Chinese.
pub const REASONS: &[(&str, &str, &str)] = &[
    ("asked", "the caller asked for a person", "来电者要求人工服务"),
    ("misunderstood", "the system did not understand the caller", "系统没有听懂来电者"),
    ("same_answer", "the same answer did not help", "同样的回答没有帮助"),
    ("not_helped", "the answer did not help", "回答没有解决问题"),
    ("human_first", "a person answers this", "该问题由人工处理"),
    ("no_progress", "the system was getting nowhere", "系统未能解决问题"),
    ("tier", "this caller speaks to a person first", "该客户优先人工服务"),
    ("upset", "the caller is upset", "来电者情绪激动"),
    ("story", "the caller has a longer story", "来电者情况较复杂"),
    ("corrected", "the system got it wrong", "系统理解有误"),
    ("expired", "the answer has expired", "答案已过期"),
    ("text_telephone", "the caller types on a text telephone (TTY)", "来电者使用文字电话（TTY）"),
    ("emergency", "the caller speaks of an emergency", "来电者称有紧急情况"),
    ("silent", "the caller fell silent", "来电者没有说话"),
    ("loud", "the caller raised their voice", "来电者提高了音量"),
    ("talked_over", "the caller kept talking over the system", "来电者多次打断系统"),
    ("agent_lost", "the connection to a colleague broke", "与同事的连接中断了"),
    ("returned", "a colleague did not take the call", "同事没有接起电话"),
    ("sent_on", "a colleague sent the caller on", "由同事转接"),
    ("parked", "a colleague parked the call", "同事驻留了该通话"),
    ("no_engine", "the system cannot hear this language", "系统不能识别该语言"),
    ("script_loop", "the script did not come to an end", "流程未能结束"),
    ("loop", "the script did not come to an end", "流程未能结束"),
    ("missing_value", "the script lacked a value", "流程缺少所需信息"),
];

/// Why a person was wanted, as an agent should hear or read it: a clause without a full stop. A word that is not known comes as it is.
pub fn reason(because: &str, language: Language) -> String {
    let known = REASONS.iter().find(|(word, ..)| *word == because);
    known.map_or_else(|| spaced(because), |(_, en, zh)| if language == Language::ZH { (*zh).into() } else { (*en).into() })
}

/// A name from the flow, readable aloud.
pub fn spaced(name: &str) -> String {
    name.replace(['.', '_', '-'], " ")
}

/// Digit strings one by one, so that a voice does not read a million.
pub(super) fn spelled(value: &str) -> String {
    if value.len() >= 3 && value.bytes().all(|b| b.is_ascii_digit()) {
        value.chars().map(String::from).collect::<Vec<_>>().join(" ")
    } else {
        value.to_string()
    }
}
