//! What is known of each running call, for the agents whom it may reach: its card, what was said and answered, how the caller felt.
//! Kept in memory while the call goes on and for as long after it as its card may be read; words of sensitive turns never come here.

use super::jobs::FORGOTTEN_EVERY;
use crate::base::{CallId, Moment, Pii, UtteranceId};
use crate::call::{HandOverCard, Record};
use crate::flow::Flow;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

/// Most calls on boards. When there are so many, each new one takes the place of the one that ended longest ago: who is in a wrap-up (of 20
/// minutes at most, with all extensions) loses its sight only where as many calls as this go on or have ended since. Where all of them go
/// on, the new call gets no board: its agents see who calls by the queue alone.
const BOARDS_MAX: usize = 5_000;
/// Most turns and points of a call.
const TURNS_MAX: usize = 200;
/// What is said to an agent is numbered from here on: those of the script are never so many.
pub const TO_AGENT: u32 = 10_000;
/// Of who is called back, the turns of the call in which it was asked for are numbered from here on, in the order of the card.
pub const BEFORE: u32 = 10_000_000;
/// An answer is proposed from so sure a match on; the agent judges.
const DRAFT_MIN: f32 = 0.3;
/// Beside it others are shown from here on.
const HIT_MIN: f32 = 0.05;
/// So many in all.
const NEAREST: usize = 3;
/// The mood of a caller who abuses people: the highest, of 100.
pub const ABUSIVE: u8 = 95;
/// Of whom nothing is known they are taken for calm; and somebody who is understood calms down by so much.
const CALM: u8 = 10;
const CALMS_BY: u8 = 15;
/// How long an ended call stays: as long as its card may be read.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// For so long after a look at the records an ended call is taken to be no deleted one: one or two looks may fail, or take a while.
const SEEN_FOR: Duration = FORGOTTEN_EVERY.saturating_mul(3);

/// One question and answer.
#[derive(Debug, Clone)]
pub struct BoardTurn {
    /// As in the records.
    pub turn: u32,
    /// When.
    pub at: Moment,
    /// What the caller said or keyed; empty where it is sensitive.
    pub text: Pii<String>,
    /// What it was taken for.
    pub intent: Option<String>,
    /// What comes nearest, where it was taken for nothing; the nearest first, at most [`NEAREST`].
    pub nearest: Vec<String>,
    /// What was answered.
    pub answer: Pii<String>,
    /// Words are withheld.
    pub sensitive: bool,
    /// The recording of it, where one is kept.
    pub utterance: Option<UtteranceId>,
    /// An agent said it.
    pub agent: bool,
    /// The caller pressed keys, and said nothing.
    pub keyed: bool,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Board {
    /// The flow that serves it.
    pub flow: Arc<Flow>,
    /// The card, once somebody is to be reached.
    pub card: Option<Arc<HandOverCard>>,
    /// Oldest first.
    pub turns: Vec<BoardTurn>,
    /// How upset the caller seemed, 0–100.
    pub mood: Vec<(Moment, u8)>,
    /// Caller and agent hear each other.
    pub joined: bool,
    /// The flow's target by which the caller came to an agent last.
    pub target: Option<String>,
    /// The agent holds the call.
    pub held: bool,
    /// The caller, who asked a colleague and the colleague hear each other.
    pub three_way: bool,
    /// When agents sent the caller on, to somebody else or into the script.
    pub passed_on: Vec<Moment>,
    /// Why no colleague was reached last, one word.
    pub consult_failed: Option<String>,
    /// When the call came.
    pub began: Moment,
    /// The last utterance, for the turn that it belongs to.
    last: Option<UtteranceId>,
    ended: Option<Instant>,
    /// Nothing of it may be kept beyond the call, which was deleted while it went on.
    forgotten: bool,
}

/// A card that is known here, whatever has become of the records.
#[derive(Debug, Clone)]
pub struct CardAtHand {
    /// As it was published last.
    pub card: Arc<HandOverCard>,
    /// Its call is not over.
    pub goes_on: bool,
}

/// All of them.
pub(super) struct Boards {
    /// A lock around a map, held for a look-up; the audio plane never comes here.
    /// Who looks shares what is there; only a change while somebody looks copies it.
    all: Mutex<HashMap<CallId, Arc<Board>>>,
    /// When the last look at the records began that told which calls were deleted; `None` = there was none yet.
    looked: Mutex<Option<Instant>>,
    changed: watch::Sender<u64>,
}

impl Default for Boards {
    fn default() -> Boards {
        Boards { all: Mutex::default(), looked: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

/// The intents that come nearest to these words: none where the first is not near enough to be proposed.
fn nearest(flow: &Flow, said: &str) -> Vec<String> {
    let ranked = flow.matcher().decide(said).ranked;
    let is_near = ranked.first().is_some_and(|(_, sure)| sure.get() >= DRAFT_MIN);
    let near = ranked.into_iter().take_while(|(_, sure)| is_near && sure.get() >= HIT_MIN);
    near.take(NEAREST).map(|(name, _)| name).collect()
}

impl Board {
    /// Moments of other agents' talks may be forgotten: they are asked for right after they came.
    fn is_passed_on(&mut self, at: Moment) {
        if self.passed_on.len() >= TURNS_MAX {
            self.passed_on.remove(0);
        }
        self.passed_on.push(at);
    }

    /// Who is understood is a little less upset.
    fn calms_down(&mut self, at: Moment) {
        let level = self.mood.last().map_or(CALM, |(_, level)| *level);
        if level > CALM && self.mood.len() < TURNS_MAX {
            self.mood.push((at, level.saturating_sub(CALMS_BY).max(CALM)));
        }
    }

    /// A long talk goes on to be shown: the oldest words said in it make room, then the oldest turns of the script.
    fn make_room(&mut self) {
        if self.turns.len() >= TURNS_MAX {
            let oldest = self.turns.iter().position(|turn| turn.turn >= TO_AGENT).unwrap_or(0);
            self.turns.remove(oldest);
        }
    }
}

impl Boards {
    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Arc<Board>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn card(&self, call: CallId, card: &HandOverCard) {
        if let Some(board) = self.lock().get_mut(&call).map(Arc::make_mut) {
            board.card = Some(Arc::new(card.clone()));
        }
        self.tell();
    }

    /// The card under this reference, while it may be read at `now`. Takes the same time for every wrong one. A call-back has the
    /// reference of the call in which it was asked for: the later call counts.
    ///
    /// Once its call is over, the records decide whether it may still be read, since anybody may have deleted the call by another process. So it
    /// is given for as long only as they were looked at in the last [`SEEN_FOR`] and did not say so, whenever the call ended: a deletion
    /// shows here that much later at most, and where the database is away for longer, such a card waits for it.
    pub(super) fn card_by(&self, reference: &str, now: Instant) -> Option<CardAtHand> {
        let looked = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = looked.is_some_and(|looked| now.saturating_duration_since(looked) < SEEN_FOR);
        let known = |board: &Arc<Board>| {
            let card = board.card.clone()?;
            let fresh = board.ended.is_none_or(|ended| seen && now.saturating_duration_since(ended) < KEPT);
            let same = bool::from(card.reference.as_bytes().ct_eq(reference.as_bytes()));
            (same && fresh).then(|| (board.began, CardAtHand { card, goes_on: board.ended.is_none() }))
        };
        self.lock().values().filter_map(known).max_by_key(|(began, _)| *began).map(|(_, card)| card)
    }

    /// `now` = when it was noted; the first note is the call's own beginning.
    pub(super) fn note(&self, call: CallId, now: Moment, flow: &Arc<Flow>, record: &Record) {
        match record {
            Record::Began { .. } => self.begin(call, now, flow),
            Record::Utterance(utterance) => {
                let said = utterance.text.reveal().trim();
                let to_agent = |board: &Board| board.joined && !utterance.sensitive && !said.is_empty();
                // Before the lock: it takes a while.
                let agent = utterance.utterance.is_agent();
                let shown = !agent && self.lock().get(&call).is_some_and(|board| to_agent(board));
                let nearest = if shown { nearest(flow, said) } else { Vec::new() };
                let mut all = self.lock();
                let Some(board) = all.get_mut(&call).map(Arc::make_mut) else { return };
                if !agent {
                    board.last = Some(utterance.utterance).filter(|_| !utterance.sensitive);
                }
                // Said to the agent: no turn of the script, but the desk shows it among them.
                if to_agent(board) {
                    board.make_room();
                    board.turns.push(BoardTurn {
                        nearest,
                        turn: TO_AGENT + utterance.utterance.0,
                        at: utterance.at,
                        text: Pii::new(said.to_string()),
                        intent: None,
                        answer: Pii::default(),
                        sensitive: false,
                        // Of what agents say there is no sound of its own.
                        utterance: Some(utterance.utterance).filter(|_| !agent),
                        agent,
                        keyed: false,
                    });
                    drop(all);
                    self.tell();
                }
            }
            Record::Turn(turn) => {
                let unclear = turn.meaning.is_none() && !turn.sensitive && turn.by == "voice";
                let nearest = if unclear { nearest(flow, turn.heard.reveal()) } else { Vec::new() };
                let mut all = self.lock();
                let Some(board) = all.get_mut(&call).map(Arc::make_mut) else { return };
                let secret = turn.sensitive;
                let utterance = board.last.filter(|_| turn.by == "voice" && !secret);
                let new = BoardTurn {
                    turn: turn.turn,
                    at: turn.at,
                    text: turn.heard.clone(),
                    intent: turn.meaning.clone(),
                    nearest,
                    answer: turn.answer.clone(),
                    sensitive: secret,
                    utterance,
                    agent: false,
                    keyed: turn.by == "keys",
                };
                if turn.complete && turn.meaning.is_some() {
                    board.calms_down(turn.at);
                }
                match board.turns.iter().position(|t| t.turn == turn.turn) {
                    Some(at) => board.turns[at] = BoardTurn { utterance: board.turns[at].utterance.or(utterance), ..new },
                    None => {
                        board.make_room();
                        board.turns.push(new);
                    }
                }
                drop(all);
                self.tell();
            }
            Record::Attempt { target, method, outcome, .. } if method == "queue" => {
                let joined = outcome == "answered";
                self.change(call, |board| (board.joined, board.target) = (joined, joined.then(|| target.clone())));
            }
            Record::Decision { at, what, why } => {
                match what.as_str() {
                    "consult" => return self.change(call, |board| (board.three_way, board.consult_failed) = (false, None)),
                    "three_way" => return self.change(call, |board| (board.held, board.three_way) = (false, true)),
                    "consult_back" => return self.change(call, |board| board.three_way = false),
                    "consult_failed" => {
                        let word = why.split(':').next().unwrap_or_default().to_string();
                        return self.change(call, |board| (board.three_way, board.consult_failed) = (false, Some(word)));
                    }
                    "consult_completed" => {
                        return self.change(call, |board| {
                            (board.held, board.three_way, board.consult_failed) = (false, false, None);
                            board.is_passed_on(*at);
                        });
                    }
                    "held" => return self.change(call, |board| board.held = true),
                    "resumed" => return self.change(call, |board| board.held = false),
                    // The next agent is not in the conversation before they are; and what the caller answers after the talk is told nobody.
                    "agent_transfer" | "agent_lost" | "after_talk" | "sent_back" | "parked" => {
                        let passed_on = matches!(what.as_str(), "agent_transfer" | "sent_back" | "parked");
                        return self.change(call, |board| {
                            (board.held, board.joined, board.three_way) = (false, false, false);
                            if passed_on {
                                board.is_passed_on(*at);
                            }
                        });
                    }
                    _ => {}
                }
                let level = match what.as_str() {
                    "abuse" | "abuse_warned" | "abuse_ended" => ABUSIVE,
                    "upset" | "loud" => 70,
                    "same_answer" | "misunderstood" | "corrected" => 45,
                    _ => return,
                };
                if let Some(board) = self.lock().get_mut(&call).filter(|board| board.mood.len() < TURNS_MAX) {
                    let board = Arc::make_mut(board);
                    board.mood.push((*at, level));
                }
            }
            _ => {}
        }
    }

    fn change(&self, call: CallId, change: impl FnOnce(&mut Board)) {
        if let Some(board) = self.lock().get_mut(&call) {
            change(Arc::make_mut(board));
        }
        self.tell();
    }

    fn begin(&self, call: CallId, began: Moment, flow: &Arc<Flow>) {
        let mut all = self.lock();
        if all.len() >= BOARDS_MAX {
            let ended = all.iter().filter_map(|(call, board)| Some((board.ended?, *call)));
            if let Some((_, oldest)) = ended.min() {
                all.remove(&oldest);
            }
        }
        if all.len() < BOARDS_MAX {
            let board = Board {
                flow: flow.clone(),
                card: None,
                turns: Vec::new(),
                mood: vec![(began, CALM)],
                joined: false,
                target: None,
                held: false,
                three_way: false,
                passed_on: Vec::new(),
                consult_failed: None,
                began,
                last: None,
                ended: None,
                forgotten: false,
            };
            all.insert(call, Arc::new(board));
        }
    }

    /// The call is over. Whom nobody was to be reached for is forgotten at once.
    pub(super) fn gone(&self, call: CallId) {
        let mut all = self.lock();
        match all.get_mut(&call) {
            Some(board) if board.card.is_some() && !board.forgotten => {
                if board.ended.is_none() {
                    Arc::make_mut(board).ended = Some(Instant::now());
                }
            }
            _ => {
                all.remove(&call);
            }
        }
        all.retain(|_, board| board.ended.is_none_or(|ended| ended.elapsed() < KEPT));
        drop(all);
        self.tell();
    }

    /// The records were looked at, from `looked` on, and nothing may be kept any more of these calls. One that goes on is shown to whoever talks
    /// with the caller, and goes with its end.
    pub(super) fn forget(&self, calls: &BTreeSet<CallId>, looked: Instant) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(looked);
        let mut all = self.lock();
        let before = all.len();
        all.retain(|call, board| {
            let deleted = calls.contains(call);
            if deleted && board.ended.is_none() {
                Arc::make_mut(board).forgotten = true;
            }
            !deleted || board.ended.is_none()
        });
        let fewer = all.len() < before;
        drop(all);
        if fewer {
            self.tell();
        }
    }

    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        !self.lock().is_empty()
    }

    pub(super) fn get(&self, call: CallId) -> Option<Arc<Board>> {
        self.lock().get(&call).cloned()
    }

    fn tell(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Confidence, PhoneNumber, WallTime};
    use crate::call::{TurnRecord, UtteranceRecord};
    use std::collections::BTreeMap;

    const FLOW: &str = "hotline: 1\nname: line\nlanguages: [en]\nrecord: off\nperson: { to: support }\n\
        targets: { support: { queue: support } }\n\
        intents:\n  hours: { examples: [when are you open, are you open on sunday, opening hours], label: opening hours }\n\
        nodes:\n  welcome: { ask: \"What is it about?\", keys: { \"1\": hours } }\n  hours: { say: \"From nine to five.\", then: welcome }\n";
    const CALL: CallId = CallId(1);

    fn at(s: u64) -> Moment {
        Moment::from_millis(s * 1_000)
    }

    fn turn(turn: u32, by: &str, heard: &str) -> Record {
        Record::Turn(TurnRecord {
            turn,
            at: at(1),
            node: "welcome".into(),
            heard: Pii::new(heard.into()),
            by: by.into(),
            heard_confidence: Confidence::default(),
            meaning: Some("hours".into()),
            meaning_confidence: Confidence::default(),
            slots: Pii::default(),
            answer: Pii::new("From nine to five.".into()),
            sensitive: false,
            complete: true,
        })
    }

    fn says(n: u32) -> Record {
        let text = Pii::new(format!("words {n}"));
        Record::Utterance(UtteranceRecord { text, ..UtteranceRecord::new(UtteranceId(n), at(u64::from(n))) })
    }

    /// A call on whose board the robot's part stands, and which an agent has then.
    fn talk() -> (Boards, Arc<Flow>) {
        let flow = Flow::load(FLOW, "line.yaml", &BTreeMap::new()).unwrap_or_else(|wrong| panic!("{wrong:?}")).flow;
        let boards = Boards::default();
        let (caller, dialled) = (PhoneNumber::new("+493012345678"), PhoneNumber::new("100"));
        let began = Record::Began { caller, dialled, flow: "line".into(), flow_hash: String::new(), at: WallTime(0) };
        let joined =
            Record::Attempt { at: at(2), target: "support".into(), method: "queue".into(), outcome: "answered".into() };
        for record in [began, turn(0, "voice", "when are you open"), turn(1, "keys", "1"), joined] {
            boards.note(CALL, at(0), &flow, &record);
        }
        (boards, flow)
    }

    #[test]
    fn a_long_talk_is_shown_to_its_end_with_what_the_robot_was_told() {
        let (boards, flow) = talk();
        for n in 0..400 {
            boards.note(CALL, at(3), &flow, &says(n));
        }
        let board = boards.get(CALL).expect("a board");
        assert_eq!(board.turns.len(), TURNS_MAX);
        let words = |turn: &BoardTurn| turn.text.reveal().clone();
        assert_eq!(board.turns.iter().take(2).map(words).collect::<Vec<_>>(), ["when are you open", "1"]);
        assert_eq!(board.turns.last().map(words).as_deref(), Some("words 399"));
        // And whatever the script asks afterwards finds its place, too.
        boards.note(CALL, at(4), &flow, &turn(2, "keys", "4"));
        let board = boards.get(CALL).expect("a board");
        assert_eq!((board.turns.len(), board.turns.last().map(words).as_deref()), (TURNS_MAX, Some("4")));
    }

    #[test]
    fn the_mood_begins_calm_rises_with_what_goes_wrong_and_falls_with_what_is_understood() {
        let (boards, flow) = talk();
        let went_wrong = |what: &str| Record::Decision { at: at(3), what: what.into(), why: String::new() };
        boards.note(CALL, at(3), &flow, &went_wrong("upset"));
        boards.note(CALL, at(4), &flow, &turn(2, "voice", "opening hours"));
        boards.note(CALL, at(5), &flow, &went_wrong("abuse_warned"));
        let board = boards.get(CALL).expect("a board");
        assert_eq!(board.mood.iter().map(|(_, level)| *level).collect::<Vec<_>>(), [CALM, 70, 55, ABUSIVE]);
    }

    #[test]
    fn keys_are_told_from_words() {
        let (boards, flow) = talk();
        boards.note(CALL, at(3), &flow, &says(1));
        let board = boards.get(CALL).expect("a board");
        assert_eq!(board.turns.iter().map(|turn| turn.keyed).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn the_caller_stays_where_they_came_to_though_a_colleague_has_them() {
        let (boards, flow) = talk();
        let told = |what: &str| Record::Decision { at: at(5), what: what.into(), why: String::new() };
        for what in ["consult", "three_way", "consult_completed"] {
            boards.note(CALL, at(5), &flow, &told(what));
        }
        let board = boards.get(CALL).expect("a board");
        assert_eq!(board.passed_on, [at(5)], "who asked has passed them on");
        assert_eq!((board.target.as_deref(), board.joined, board.three_way), (Some("support"), true, false));
        // Sent back into the script nobody talks with them, and nothing is shown as said to an agent.
        boards.note(CALL, at(6), &flow, &told("sent_back"));
        boards.note(CALL, at(7), &flow, &says(9));
        assert_eq!(boards.get(CALL).map(|board| (board.joined, board.turns.len())), Some((false, 2)));
    }

    #[test]
    fn a_card_is_found_by_its_reference_until_an_hour_after_the_call() {
        let (boards, _) = talk();
        let card = HandOverCard { call: CALL, ..crate::store::tests::card() };
        let (reference, now) = (card.reference.clone(), Instant::now());
        assert!(boards.card_by(&reference, now).is_none(), "nobody is to be reached yet");
        boards.card(CALL, &card);
        let found = boards.card_by(&reference, now).expect("at hand");
        assert_eq!((&*found.card, found.goes_on), (&card, true));
        for wrong in ["", "0123456789abcdef0123456789abcde0", &reference[1..]] {
            assert!(boards.card_by(wrong, now).is_none(), "{wrong}");
        }
        boards.gone(CALL);
        let (minutes, ended) = (|n: u64| Duration::from_secs(n * 60), Instant::now());
        boards.forget(&BTreeSet::new(), ended + minutes(59));
        assert!(boards.card_by(&reference, ended + minutes(59)).is_some_and(|found| !found.goes_on));
        boards.forget(&BTreeSet::new(), ended + minutes(60));
        assert!(boards.card_by(&reference, ended + minutes(60)).is_none());
    }

    #[test]
    fn of_an_ended_call_the_card_is_given_while_the_records_were_seen_lately_not_to_have_it_deleted() {
        let (boards, flow) = talk();
        let (call, other) = (reached(&boards, &flow, 10), reached(&boards, &flow, 11));
        let start = Instant::now();
        let card = |call: CallId, at: Instant| boards.card_by(&call.to_string(), at).is_some();
        assert!(card(call, start), "the agent has the caller on the line: the records are not asked");
        boards.gone(call);
        assert!(!card(call, start), "nobody knows whether it was deleted");
        boards.forget(&BTreeSet::from([CallId(99)]), start);
        assert!(card(call, start) && card(call, start + SEEN_FOR - Duration::from_secs(1)));
        assert!(!card(call, start + SEEN_FOR), "the database has been away since");
        assert!(card(other, start + SEEN_FOR));
        // It was there again, and the call is deleted by now.
        boards.forget(&BTreeSet::from([call]), start + SEEN_FOR);
        assert!(!card(call, start + SEEN_FOR) && boards.get(call).is_none());
    }

    #[test]
    fn a_call_that_is_deleted_while_it_goes_on_is_forgotten_with_its_end() {
        let (boards, flow) = talk();
        let call = reached(&boards, &flow, 10);
        boards.forget(&BTreeSet::from([call]), Instant::now());
        assert!(boards.get(call).is_some(), "somebody may talk with the caller");
        boards.gone(call);
        boards.forget(&BTreeSet::new(), Instant::now());
        assert!(boards.get(call).is_none() && boards.any(), "the other call goes on");
    }

    /// A running call whose card is published.
    fn reached(boards: &Boards, flow: &Arc<Flow>, call: u128) -> CallId {
        let call = CallId(call);
        boards.begin(call, at(0), flow);
        boards.card(call, &HandOverCard { call, reference: call.to_string(), ..crate::store::tests::card() });
        call
    }

    #[test]
    fn a_full_house_loses_the_call_that_ended_longest_ago_and_no_other() {
        let (boards, flow) = talk();
        let [first, second, third] = [10, 11, 12].map(|call| reached(&boards, &flow, call));
        for ended in [second, first, third] {
            boards.gone(ended);
        }
        let there = || [first, second, third].map(|call| boards.get(call).is_some());
        let count = || boards.lock().len();
        let mut next = (100..).map(CallId);
        let mut more = |count: usize| next.by_ref().take(count).map(|call| boards.begin(call, at(1), &flow)).count();
        more(BOARDS_MAX - 4);
        assert_eq!((count(), there()), (BOARDS_MAX, [true; 3]));
        for left in [[true, false, true], [false, false, true], [false, false, false]] {
            more(1);
            assert_eq!((count(), there()), (BOARDS_MAX, left));
        }
        // All go on: whoever comes now is not seen, and nobody loses theirs.
        boards.begin(CallId(20), at(2), &flow);
        assert_eq!((count(), boards.get(CallId(20)).is_some(), boards.get(CALL).is_some()), (BOARDS_MAX, false, true));
    }
}
