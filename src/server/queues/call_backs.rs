//! Who is called back: kept here and in the store until they were reached or given up. The queue machine knows a ticket by the call that
//! will ring the person; that call is begun only when an agent is offered it.

use super::{InVain, Keeper, now_since};
use crate::acd::{self, AgentState, CallBackSetup, Left, Ticket};
use crate::base::{CallId, Moment, WallTime};
use crate::call::{self, CallBack, CallBackAnswer, CallBackWish, NotReached, QueueEvent, same_caller};
use crate::server::gateway::{INBOX, Inbox, wall_now};
use crate::store::{CallBackRow, StoreWriter};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::sync::mpsc;

/// A call that could not be begun, or ended before anybody was called, is tried again after so long.
const AGAIN: Duration = Duration::from_secs(60);

/// How long an agent is told that the person was not reached.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// A call that nobody makes is to be begun; what is in its inbox already waits for it.
pub(in crate::server) struct Start {
    pub(in crate::server) call: CallId,
    /// Which hotline.
    pub(in crate::server) flow: String,
    /// The key to the hand-over card: the same as in the caller's call.
    pub(in crate::server) card_reference: String,
    pub(in crate::server) back: CallBack,
    pub(in crate::server) inbox: mpsc::Sender<Inbox>,
    pub(in crate::server) messages: mpsc::Receiver<Inbox>,
}

/// What the queues need of the rest of the gateway to call people back.
pub(in crate::server) struct Beside {
    /// Begins calls.
    pub(in crate::server) starts: mpsc::UnboundedSender<Start>,
    pub(in crate::server) store: StoreWriter,
    /// Who waited when the gateway stopped.
    pub(in crate::server) waiting: Vec<CallBackRow>,
    /// What else the store knew of the queues.
    pub(in crate::server) remembered: super::Remembered,
}

/// Somebody who waits to be called back.
struct Open {
    row: CallBackRow,
    wish: CallBackWish,
    /// The same for the same number: the one that was confirmed.
    key: u64,
    /// The call for it has begun.
    running: bool,
    /// This call has rung the person.
    rang: bool,
    outcome: Option<NotReached>,
}

/// All of them.
pub(super) struct CallBacks {
    starts: mpsc::UnboundedSender<Start>,
    store: StoreWriter,
    /// By the call that will ring, or rings, the person.
    open: HashMap<CallId, Open>,
    /// Whose person has called again meanwhile, by that call: it has the place, and nobody is called.
    instead: HashMap<CallId, Open>,
    /// Callers in line and in talks: who they are, and in which queue.
    lines: HashMap<CallId, (u64, String)>,
    /// The gateway stops: nobody is called any more, and who waits is in the store.
    stopping: bool,
    /// Who came for nothing lately; at most one for each agent.
    in_vain: Vec<InVain>,
}

impl Open {
    /// Whether a caller is who is to be called: by the number that was confirmed, or by the one that they called from then.
    fn is_for(&self, caller: u64) -> bool {
        caller != 0 && (self.key == caller || self.wish.ticket.caller == caller)
    }
}

impl InVain {
    /// Whether it is still told: for a minute, however quiet the floor is.
    pub fn is_fresh(&self, now: Moment) -> bool {
        now.since(self.at) < TOLD_FOR
    }
}

impl CallBacks {
    pub(super) fn new(starts: mpsc::UnboundedSender<Start>, store: StoreWriter) -> CallBacks {
        let (open, instead, lines) = Default::default();
        CallBacks { starts, store, open, instead, lines, stopping: false, in_vain: Vec::new() }
    }

    /// Hands it to the store. False when that is overrun.
    fn keep(&self, row: &CallBackRow) -> bool {
        let kept = self.store.call_back(row.clone());
        if !kept {
            tracing::error!(queue = row.queue, "a call-back cannot be written down; a restart would forget it");
        }
        kept
    }

    /// What agents are told of call-backs that came to nothing.
    pub(super) fn in_vain(&mut self, at: Moment) -> Vec<InVain> {
        self.in_vain.retain(|vain| vain.is_fresh(at));
        self.in_vain.clone()
    }

    fn waits_for(&self, key: u64) -> bool {
        self.open.values().any(|open| open.key == key)
    }
}

impl Keeper {
    /// Who waited when the gateway stopped is in line again, at the same place.
    pub(super) fn restore(&mut self, rows: Vec<CallBackRow>) {
        for mut row in rows {
            let Some(wish) = row.wish.take() else { continue };
            let key = same_caller(wish.number.as_str());
            self.put_back(Open { row, wish, key, running: false, rang: false, outcome: None });
        }
    }

    /// Into the line, under a call that does not exist yet.
    fn put_back(&mut self, open: Open) {
        let (call, now) = (CallId(rand::random()), wall_now());
        let ticket = Ticket {
            waited: since(open.row.since, now),
            call_back: Some(since(now, open.row.not_before)),
            ..open.wish.ticket.clone()
        };
        self.call_backs.open.insert(call, open);
        self.step(acd::Event::Enqueue { call, ticket });
    }

    fn rules(&self, queue: &str) -> Option<CallBackSetup> {
        let people = self.people.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        people.setup.queues.iter().find(|q| q.name == queue).and_then(|queue| queue.call_back.clone())
    }

    /// Whether a number, which a trunk allows, may be called back.
    pub(super) fn may_call_back(&self, call: CallId, queue: &str, number: crate::base::PhoneNumber) {
        let key = same_caller(number.as_str());
        let others = self.call_backs.instead.iter().any(|(other, open)| *other != call && open.key == key);
        let waiting = self.call_backs.open.values().filter(|open| open.row.queue == queue).count();
        let answer = match self.rules(queue) {
            None => CallBackAnswer::NotAllowed,
            Some(_) if others || self.call_backs.waits_for(key) => CallBackAnswer::Twice,
            Some(rules) if waiting >= rules.full => CallBackAnswer::Full,
            Some(_) => CallBackAnswer::Yes(number),
        };
        self.tell_call(call, call::Event::Queue(QueueEvent::MayCallBack(answer)));
    }

    /// The number is confirmed: the ticket stays, and the caller may hang up.
    pub(super) fn call_back(&mut self, call: CallId, wish: CallBackWish) {
        let key = same_caller(wish.number.as_str());
        let queue = wish.ticket.queue.clone();
        let full = self
            .rules(&queue)
            .is_none_or(|rules| self.call_backs.open.values().filter(|open| open.row.queue == queue).count() >= rules.full);
        let later = CallId(rand::random());
        let at = now_since(self.epoch).at;
        // Who is being offered to somebody at this moment is about to talk with them.
        let waits = self.acd.waiting_views(at).iter().any(|w| w.call == call && !w.call_back && w.offered.is_none());
        let refused = full || !waits || self.call_backs.waits_for(key) || self.call_backs.stopping;
        let now = wall_now();
        let waited = WallTime(now.0.saturating_sub(i64::try_from(wish.ticket.waited.as_millis()).unwrap_or(0)));
        let since = self.place_since(call, &queue).map_or(waited, |since| since.min(waited));
        let row = CallBackRow {
            id: CallId(rand::random()),
            call,
            queue,
            flow: wish.card.flow.clone(),
            asked: now,
            since,
            not_before: now,
            tries: 0,
            state: "waiting".into(),
            outcome: None,
            closed: None,
            number: Some(wish.number.clone()),
            wish: Some(wish.clone()),
        };
        // Nothing is promised that a restart would forget.
        if refused || !self.call_backs.keep(&row) {
            self.tell_call(call, call::Event::Queue(QueueEvent::CallBackKept(false)));
            return;
        }
        tracing::info!(%call, queue = row.queue, number = %wish.number.tail(), "a caller will be called back");
        metrics::counter!("hotline_call_backs_asked_total", "queue" => row.queue.clone()).increment(1);
        // What was asked for in an earlier call is this one now.
        if let Some(earlier) = self.call_backs.instead.remove(&call) {
            self.close(earlier, "replaced");
        }
        self.call_backs.lines.remove(&call);
        self.call_backs.open.insert(later, Open { row, wish, key, running: false, rang: false, outcome: None });
        self.tell_call(call, call::Event::Queue(QueueEvent::CallBackKept(true)));
        self.calls.remove(&call);
        self.out_of_line(call);
        self.step(acd::Event::CallBack { call, later });
    }

    /// An agent is offered a call that has not begun: it is begun.
    pub(super) fn begin_call_back(&mut self, call: CallId) {
        let stopping = self.call_backs.stopping;
        let Some(open) = self.call_backs.open.get_mut(&call).filter(|open| !open.running && !stopping) else { return };
        let people = self.people.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let setup = people.setup.queues.iter().find(|q| q.name == open.row.queue).and_then(|queue| queue.call_back.as_ref());
        let Some(setup) = setup else { return };
        open.running = true;
        let now = wall_now();
        let mut wish = open.wish.clone();
        let card_reference = std::mem::take(&mut wish.card.reference);
        wish.ticket.waited = since(open.row.since, now);
        let (flow, asked) = (wish.card.flow.clone(), open.row.asked);
        let back = CallBack { wish, asked, wall: now, ring: setup.ring, trunks: setup.trunks.clone() };
        let (inbox, messages) = mpsc::channel(INBOX);
        self.calls.insert(call, inbox.clone());
        if self.call_backs.starts.send(Start { call, flow, card_reference, back, inbox, messages }).is_err() {
            tracing::error!(%call, "a call-back cannot be begun: the gateway stops");
        }
    }

    /// The person is being rung: that counts, whatever comes of it.
    pub(super) fn calls_person(&mut self, call: CallId) {
        let Some(open) = self.call_backs.open.get_mut(&call) else { return };
        let Some(gap) = self.people.lock().ok().and_then(|people| {
            let queue = people.setup.queues.iter().find(|q| q.name == open.row.queue)?;
            queue.call_back.as_ref().map(|setup| setup.gap)
        }) else {
            return;
        };
        open.rang = true;
        open.row.tries = open.row.tries.saturating_add(1);
        // Should the gateway stop now, nobody is called again at once.
        open.row.not_before = wall_now().plus(gap);
        let row = CallBackRow { wish: Some(open.wish.clone()), ..open.row.clone() };
        self.call_backs.keep(&row);
    }

    pub(super) fn not_reached(&mut self, call: CallId, why: NotReached) {
        let at = now_since(self.epoch).at;
        let agent = self.acd.agent_views(at).into_iter().find(|view| view.state == AgentState::Talking(call));
        if let Some(agent) = agent.map(|view| view.name) {
            self.call_backs.in_vain.retain(|vain| vain.agent != agent);
            self.call_backs.in_vain.push(InVain { agent, why: why.name(), at });
        }
        if let Some(open) = self.call_backs.open.get_mut(&call) {
            open.outcome = Some(why);
        }
    }

    /// Whether this call has the place of a call-back, which is theirs again should it come to nothing.
    pub(super) fn is_called_back_instead(&self, call: CallId) -> bool {
        self.call_backs.instead.contains_key(&call)
    }

    /// Somebody gets in line by themselves. Whoever waits to be called back in it has that place, and is not called meanwhile.
    pub(super) fn enters(&mut self, call: CallId, ticket: &mut Ticket) {
        if ticket.caller == 0 || self.call_backs.open.contains_key(&call) {
            return;
        }
        self.call_backs.lines.insert(call, (ticket.caller, ticket.queue.clone()));
        if self.call_backs.open.is_empty() {
            return;
        }
        let line = self.acd.waiting_views(now_since(self.epoch).at);
        // Also one whose call has begun, as long as no agent has taken it: the person is not rung yet.
        let waits = |id: &CallId, open: &Open| !open.running || line.iter().any(|waiting| waiting.call == *id);
        let same = |open: &Open| open.is_for(ticket.caller) && open.row.queue == ticket.queue;
        let earlier = self.call_backs.open.iter().find(|(id, open)| same(open) && waits(id, open)).map(|(id, _)| *id);
        let Some(open) = earlier.and_then(|id| Some((id, self.call_backs.open.remove(&id)?))) else { return };
        let (id, mut open) = open;
        if std::mem::take(&mut open.running) {
            open.rang = false;
            self.tell_call(id, call::Event::Queue(QueueEvent::Unserved(acd::Unserved::Closed)));
        }
        tracing::info!(%call, queue = ticket.queue, "somebody who was to be called back calls again and has that place");
        ticket.waited = ticket.waited.max(since(open.row.since, wall_now()));
        ticket.priority = ticket.priority.max(open.wish.ticket.priority);
        self.call_backs.instead.insert(call, open);
        self.step(acd::Event::Leave { call: id, why: Left::Elsewhere });
    }

    /// The two hear each other: whoever it is need not be called any more.
    pub(super) fn is_served(&mut self, call: CallId) {
        if let Some(open) = self.call_backs.open.remove(&call).or_else(|| self.call_backs.instead.remove(&call)) {
            self.close(open, "served");
        }
        let Some((caller, queue)) = self.call_backs.lines.get(&call).cloned() else { return };
        let same = |open: &Open| open.is_for(caller) && open.row.queue == queue;
        let others: Vec<CallId> = self.call_backs.open.iter().filter(|(_, open)| same(open)).map(|(id, _)| *id).collect();
        for other in others {
            if let Some(open) = self.call_backs.open.remove(&other) {
                self.close(open, "served");
            }
            self.tell_call(other, call::Event::Queue(QueueEvent::Unserved(acd::Unserved::NoSuchQueue)));
            self.step(acd::Event::Leave { call: other, why: Left::Elsewhere });
        }
    }

    /// A caller has left the line without having been served: who was to be called back still is.
    pub(super) fn leaves(&mut self, call: CallId) {
        self.call_backs.lines.remove(&call);
        if let Some(open) = self.call_backs.instead.remove(&call) {
            self.put_back(open);
        }
    }

    /// An offer of a call that does not begin: nobody is called any more, or not in this queue.
    pub(super) fn never_began(&mut self, call: CallId) {
        let waits = self.call_backs.open.get(&call).is_some_and(|open| !open.running);
        if waits && !self.call_backs.stopping {
            self.is_given_up(call);
        }
    }

    /// The machine has given a ticket up: it is too old, or its queue is gone.
    pub(super) fn is_given_up(&mut self, call: CallId) {
        match self.call_backs.open.remove(&call) {
            Some(open) => self.close(open, "expired"),
            None => self.leaves(call),
        }
    }

    /// The flow in which it was asked for is served no more, and without one there is no call: nobody is kept waiting for what cannot come.
    pub(super) fn has_no_flow(&mut self, call: CallId) {
        self.step(acd::Event::Leave { call, why: Left::Elsewhere });
        self.calls.remove(&call);
        let Some(open) = self.call_backs.open.remove(&call) else { return };
        tracing::error!(queue = open.row.queue, flow = open.row.flow, number = %open.wish.number.tail(),
            "a call-back ends, because its flow is served no more; `hotline calls back` shows the number, so that somebody can call");
        self.close(open, "no_flow");
    }

    /// Of these calls nothing may be kept any more: nobody is called because of one, and what was known of them goes.
    pub(super) fn forget_call_backs(&mut self, calls: &BTreeSet<CallId>) {
        let of = |open: &Open| calls.contains(&open.row.call);
        let gone: Vec<CallId> = self.call_backs.open.iter().filter(|(_, open)| of(open)).map(|(id, _)| *id).collect();
        for call in gone {
            // Where the person is being rung already, the call ends.
            self.tell_call(call, call::Event::Queue(QueueEvent::Unserved(acd::Unserved::NoSuchQueue)));
            self.step(acd::Event::Leave { call, why: Left::Elsewhere });
            if let Some(open) = self.call_backs.open.remove(&call) {
                self.close(open, "deleted");
            }
        }
        self.call_backs.instead.retain(|_, open| !of(open));
    }

    /// The call for it is over: reached, or tried again after the gap, or given up.
    pub(super) fn is_over(&mut self, call: CallId) {
        self.leaves(call);
        let Some(mut open) = self.call_backs.open.remove(&call) else { return };
        let now = wall_now();
        open.row.outcome = open.outcome.map(|why| why.name().to_string()).or(open.row.outcome);
        let tries = self.rules(&open.row.queue).map_or(0, |rules| rules.tries);
        match open.outcome {
            Some(NotReached::NotWanted) => self.close(open, "not_wanted"),
            _ if open.row.tries >= tries => self.close(open, "not_reached"),
            // In the store it waits for the next start.
            _ if self.call_backs.stopping => {}
            _ => {
                if !open.rang {
                    open.row.not_before = now.plus(AGAIN);
                }
                (open.running, open.rang, open.outcome) = (false, false, None);
                let row = CallBackRow { wish: Some(open.wish.clone()), ..open.row.clone() };
                self.call_backs.keep(&row);
                self.put_back(open);
            }
        }
    }

    fn close(&self, open: Open, state: &str) {
        let row = CallBackRow { state: state.into(), closed: Some(wall_now()), wish: None, ..open.row };
        tracing::info!(queue = row.queue, state, tries = row.tries, outcome = row.outcome, "a call-back is closed");
        metrics::counter!("hotline_call_backs_closed_total", "queue" => row.queue.clone(), "state" => state.to_string())
            .increment(1);
        self.call_backs.keep(&row);
    }

    /// The machine begins anew: those who are not being called now are put into it again.
    pub(super) fn put_all_back(&mut self) {
        let waiting: Vec<CallId> = self.call_backs.open.iter().filter(|(_, open)| !open.running).map(|(id, _)| *id).collect();
        for call in waiting {
            if let Some(open) = self.call_backs.open.remove(&call) {
                self.put_back(open);
            }
        }
    }

    /// The gateway stops: calls in which nobody is on the line yet end, and nobody is called any more.
    pub(super) fn stop_calling_back(&mut self) {
        self.call_backs.stopping = true;
        let running: Vec<CallId> = self.call_backs.open.iter().filter(|(_, open)| open.running).map(|(id, _)| *id).collect();
        for call in running {
            self.tell_call(call, call::Event::Queue(QueueEvent::Unserved(acd::Unserved::Closed)));
        }
    }
}

/// Time from one to the other; nothing where the calendar says otherwise.
fn since(earlier: WallTime, later: WallTime) -> Duration {
    Duration::from_millis(u64::try_from(later.0.saturating_sub(earlier.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::{Message, People};
    use super::*;
    use crate::acd::{Acd, AgentSetup, Presence, QueueSetup, Talk};
    use crate::base::{Language, OpeningHours, PhoneNumber, Span};
    use crate::call::{HandOverCard, QueueAsk};
    use crate::store::Store;
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use std::time::Instant;
    use tokio::sync::watch;

    const THEIRS: &str = "+493012345678";

    /// One agent, who talks already (call 1), and a caller who hung up to be called back.
    struct Desk {
        keeper: Keeper,
        starts: mpsc::UnboundedReceiver<Start>,
        store: Store,
        writer: StoreWriter,
        inboxes: Vec<mpsc::Receiver<Inbox>>,
        _folder: tempfile::TempDir,
    }

    fn ticket() -> Ticket {
        Ticket { queue: "support".into(), caller: same_caller(THEIRS), ..Ticket::default() }
    }

    fn wish(call: u128) -> CallBackWish {
        let number = PhoneNumber::new(THEIRS);
        let card = HandOverCard {
            reference: "ab".repeat(16),
            call: CallId(call),
            flow: "line".into(),
            caller: number.clone(),
            dialled: PhoneNumber::new("100"),
            diverted: None,
            language: Language::EN,
            since: wall_now(),
            seconds: 40,
            intent: None,
            slots: Default::default(),
            turns: Vec::new(),
            secrets: false,
            step: None,
            verified: false,
            tier: None,
            priority: 0,
            because: "asked".into(),
            spoke_with: Vec::new(),
            call_back: None,
            summary: String::new().into(),
        };
        CallBackWish { number, ticket: Ticket { waited: Duration::from_secs(60), ..ticket() }, card }
    }

    impl Desk {
        async fn new() -> Desk {
            let folder = tempfile::tempdir().expect("a folder");
            let store = Store::open(folder.path()).await.expect("a store");
            let (writer, _task) = StoreWriter::start(store.clone());
            let midnight = chrono::NaiveTime::MIN;
            let days = (0..7).filter_map(|day| chrono::Weekday::try_from(day).ok());
            let week = days.map(|day| Span { day, from: midnight, to: midnight }).collect();
            let hours = OpeningHours { zone: chrono_tz::UTC, week, closed: Vec::new() };
            let call_back = Some(CallBackSetup { tries: 2, ..CallBackSetup::usual(hours) });
            let queue = QueueSetup { call_back, wrap_up: Duration::ZERO, ..QueueSetup::named("support") };
            let skills = BTreeMap::from([("support".to_string(), 1)]);
            let anna = AgentSetup { name: "anna".into(), skills, languages: BTreeSet::new(), returns: None };
            let people = People::new(vec![queue], vec![(anna, "sip:anna@x".into())]);
            let epoch = Instant::now();
            let (send, starts) = mpsc::unbounded_channel();
            let keeper = Keeper {
                phones: Default::default(),
                parked_gone: Vec::new(),
                acd: Acd::new(people.setup.clone(), now_since(epoch)).expect("a set-up"),
                epoch,
                people: Arc::new(Mutex::new(Arc::new(people))),
                calls: HashMap::new(),
                kept: super::super::Kept::new(super::super::Places::default(), writer.clone()),
                call_backs: CallBacks::new(send, writer.clone()),
                tell: watch::channel(Arc::default()).0,
                day: None,
                dirty: false,
                shown: epoch,
            };
            let mut desk = Desk { keeper, starts, store, writer, inboxes: Vec::new(), _folder: folder };
            desk.keeper.step(acd::Event::Presence { agent: "anna".into(), presence: Presence::Available });
            desk.asks(1, QueueAsk::Enter(Box::new(Ticket { caller: 0, ..ticket() })));
            desk.serves(1);
            desk.asks(2, QueueAsk::Enter(Box::new(ticket())));
            desk.asks(2, QueueAsk::CallBack(Box::new(wish(2))));
            desk.keeper.handle(Some(Message::Gone(CallId(2))));
            desk
        }

        fn asks(&mut self, call: u128, ask: QueueAsk) {
            let (inbox, messages) = mpsc::channel(64);
            let inbox = self.keeper.calls.get(&CallId(call)).cloned().unwrap_or(inbox);
            self.inboxes.push(messages);
            self.keeper.handle(Some(Message::Call(CallId(call), ask, inbox)));
        }

        fn serves(&mut self, call: u128) {
            self.asks(call, QueueAsk::Accepted("anna".into()));
            self.asks(call, QueueAsk::Joined);
        }

        fn over(&mut self, call: u128) {
            self.asks(call, QueueAsk::Finished(Talk::default()));
            self.keeper.handle(Some(Message::Gone(CallId(call))));
        }

        async fn states(&self) -> Vec<String> {
            self.writer.flush().await;
            let rows = self.store.call_backs(10).await.expect("read");
            rows.iter().map(|row| format!("{} {}", row.state, row.tries)).collect()
        }
    }

    #[tokio::test]
    async fn who_calls_again_has_the_place_and_is_never_called_after_being_served() {
        let mut desk = Desk::new().await;
        assert_eq!(desk.states().await, ["waiting 0"]);
        desk.asks(3, QueueAsk::Enter(Box::new(ticket())));
        let at = now_since(desk.keeper.epoch).at;
        let line = desk.keeper.acd.waiting_views(at);
        assert!(line.len() == 1 && line[0].call == CallId(3) && line[0].waited >= Duration::from_secs(60), "{line:?}");
        desk.over(1);
        desk.serves(3);
        desk.over(3);
        assert!(desk.starts.try_recv().is_err(), "nobody is called");
        assert_eq!(desk.states().await, ["served 0"]);
    }

    #[tokio::test]
    async fn who_calls_again_and_gives_up_is_called_back_with_the_same_card_and_not_for_ever() {
        let mut desk = Desk::new().await;
        desk.asks(3, QueueAsk::Enter(Box::new(ticket())));
        desk.asks(3, QueueAsk::Leave(Left::HungUp));
        desk.over(1);
        for tries in 1..=2 {
            let start = desk.starts.try_recv().expect("an agent is free: the call begins");
            assert_eq!((start.card_reference.as_str(), start.back.wish.number.as_str()), ("ab".repeat(16).as_str(), THEIRS));
            assert!(start.back.wish.card.reference.is_empty(), "the secret is not in the event");
            let call = start.call.0;
            desk.asks(call, QueueAsk::Accepted("anna".into()));
            desk.asks(call, QueueAsk::CallsPerson);
            desk.asks(call, QueueAsk::NotReached(NotReached::Busy));
            desk.over(call);
            let at = now_since(desk.keeper.epoch).at;
            assert_eq!(desk.keeper.call_backs.in_vain(at)[0].why, "busy");
            assert!(desk.starts.try_recv().is_err(), "not before the gap");
            if tries == 1 {
                assert_eq!(desk.states().await, ["waiting 1"]);
                // As after a restart, with the gap behind it.
                let mut rows = desk.store.waiting_call_backs().await.expect("read");
                rows[0].not_before = wall_now();
                let ids: Vec<CallId> = desk.keeper.call_backs.open.drain().map(|(id, _)| id).collect();
                ids.into_iter().for_each(|call| desk.keeper.step(acd::Event::Leave { call, why: Left::Elsewhere }));
                desk.keeper.restore(rows);
            }
        }
        assert_eq!(desk.states().await, ["not_reached 2"]);
    }

    #[tokio::test]
    async fn a_call_back_without_its_flow_ends_and_says_so() {
        let mut desk = Desk::new().await;
        desk.over(1);
        let start = desk.starts.try_recv().expect("an agent is free: the call begins");
        desk.keeper.handle(Some(Message::NoFlow(start.call)));
        assert_eq!(desk.states().await, ["no_flow 0"]);
        let at = now_since(desk.keeper.epoch).at;
        assert!(desk.keeper.acd.waiting_views(at).is_empty(), "it is not offered again");
        assert_eq!(desk.keeper.acd.agent_view(at, "anna").map(|view| view.state), Some(AgentState::Available));
    }

    #[tokio::test]
    async fn who_is_forgotten_is_not_called_back() {
        let mut desk = Desk::new().await;
        assert_eq!(desk.states().await, ["waiting 0"]);
        desk.keeper.handle(Some(Message::Forgotten([CallId(99)].into())));
        assert_eq!(desk.keeper.call_backs.open.len(), 1, "it was another call");
        desk.keeper.handle(Some(Message::Forgotten([CallId(2)].into())));
        desk.over(1);
        assert!(desk.starts.try_recv().is_err(), "nobody is called");
        assert!(desk.keeper.call_backs.open.is_empty());
        assert_eq!(desk.states().await, ["deleted 0"]);
    }

    #[tokio::test]
    async fn nobody_is_called_by_a_gateway_that_stops_and_who_waits_stays_in_the_store() {
        let mut desk = Desk::new().await;
        desk.keeper.handle(Some(Message::Stop));
        desk.over(1);
        assert!(desk.starts.try_recv().is_err());
        assert_eq!(desk.states().await, ["waiting 0"]);
    }
}
