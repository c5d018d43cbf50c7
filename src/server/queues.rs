//! The queues of a gateway: one task owns the queue machine, calls and desks send it what happens, and it tells calls what comes of
//! it. Nothing here waits for a call: who does not listen any more is forgotten.

mod call_backs;
mod figures;
mod floor;
mod kept;
mod people;
mod phones;

use super::gateway::{Inbox, wall_now};
use super::softphones::PHONE;
use crate::acd::{
    Acd, AgentSetup, AgentState, AgentView, Command, Event, Left, Now, Presence, Refusal, Setup, Talk, Ticket, Unserved,
};
use crate::base::{CallId, Moment};
use crate::call::{self, BROWSER, ColleagueNews, DeskAsk, QueueAsk, QueueEvent};
use crate::drive::Happening;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

use call_backs::CallBacks;
pub(super) use call_backs::{Beside, Start};
pub use floor::{Floor, InVain, ParkedGone};
pub(super) use kept::Remembered;
use kept::{Kept, Places};
pub(super) use people::REGISTERS;
pub use people::{NO_PHONE, People, PhoneLogin};

/// Desks are shown changes at most so often.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// So many parked callers who have hung up are shown at most.
const GONE_MAX: usize = 50;

enum Message {
    Call(CallId, QueueAsk, mpsc::Sender<Inbox>),
    Gone(CallId),
    Desk(Event),
    /// The agent does not want the call that rings.
    Decline(String),
    /// The phone that logs in so has registered here, or is gone.
    Phone(String, bool),
    /// What an agent wants of the call they talk in.
    Wish(String, DeskAsk),
    People(Box<People>),
    /// The flow of a call-back that was to begin is served no more.
    NoFlow(CallId),
    /// Of these calls nothing may be kept any more.
    Forgotten(BTreeSet<CallId>),
    /// The gateway stops: nobody is called back any more.
    Stop,
    /// The gateway has stopped: what was learned is to be written down.
    WriteDown(oneshot::Sender<()>),
}

/// The way to the queues. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queues {
    /// Without a bound: a call sends a few messages for each agent who is tried, and none of them may be lost; calls themselves are
    /// bounded, and so is what the web side takes from desks.
    send: mpsc::UnboundedSender<Message>,
    people: Arc<Mutex<Arc<People>>>,
    floor: watch::Receiver<Arc<Floor>>,
    /// Of callers who were cut off.
    places: Places,
}

impl Queues {
    /// Starts the task. `epoch` = the gateway's moment zero.
    pub(super) fn start(people: People, epoch: Instant, beside: Beside) -> (Queues, tokio::task::JoinHandle<()>) {
        let (send, messages) = mpsc::unbounded_channel();
        let (tell, floor) = watch::channel(Arc::default());
        let now = now_since(epoch);
        let setup = people.setup.clone();
        // The configuration was checked; a machine without queues sends callers elsewhere at once.
        let acd = Acd::new(setup, now).or_else(|wrong| {
            tracing::error!(?wrong, "the queues cannot be set up; nobody waits in line");
            Acd::new(Setup::default(), now)
        });
        let places = Places::default();
        let queues = Queues { send, people: Arc::new(Mutex::new(Arc::new(people))), floor, places: places.clone() };
        let people = queues.people.clone();
        let task = tokio::spawn(async move {
            if let Ok(acd) = acd {
                let kept = Kept::new(places, beside.store.clone());
                let call_backs = CallBacks::new(beside.starts, beside.store);
                let mut keeper = Keeper {
                    acd,
                    epoch,
                    people,
                    calls: HashMap::new(),
                    call_backs,
                    kept,
                    parked_gone: Vec::new(),
                    phones: BTreeSet::new(),
                    tell,
                    day: None,
                    dirty: false,
                    shown: epoch,
                };
                keeper.remember(beside.remembered, &beside.waiting);
                keeper.phones_settle();
                keeper.restore(beside.waiting);
                keeper.run(messages).await;
            }
        });
        (queues, task)
    }

    /// What a call wants.
    pub(super) fn ask(&self, call: CallId, ask: QueueAsk, inbox: &mpsc::Sender<Inbox>) {
        if let Err(mpsc::error::SendError(Message::Call(_, QueueAsk::Enter(_) | QueueAsk::Park { .. }, _))) =
            self.send.send(Message::Call(call, ask, inbox.clone()))
        {
            tracing::error!(%call, "the queues are gone; the caller goes elsewhere");
            let news = call::Event::Queue(QueueEvent::Unserved(Unserved::NoSuchQueue));
            let _ = inbox.try_send(Inbox::Happening(Happening::Call(news)));
        }
    }

    /// The call is over, whatever it said before.
    pub(super) fn gone(&self, call: CallId) {
        let _ = self.send.send(Message::Gone(call));
    }

    /// Where this caller was in line when an earlier call of theirs was cut off: theirs in this call.
    pub(super) fn place_of(&self, call: CallId, from: &str, flow: &str) -> Option<call::KeptPlace> {
        self.places.claim(call, from, flow, wall_now())
    }

    /// What an agent or a supervisor did.
    pub(super) fn desk(&self, event: Event) -> bool {
        self.send.send(Message::Desk(event)).is_ok()
    }

    /// The agent does not want the call that rings.
    pub(super) fn decline(&self, agent: &str) -> bool {
        self.send.send(Message::Decline(agent.into())).is_ok()
    }

    /// A phone that registers here came or went.
    pub(super) fn phone(&self, login: &str, there: bool) {
        let _ = self.send.send(Message::Phone(login.into(), there));
    }

    /// What an agent wants of the call they talk in.
    pub(super) fn wish(&self, agent: &str, ask: DeskAsk) -> bool {
        self.send.send(Message::Wish(agent.into(), ask)).is_ok()
    }

    /// Other queues and agents from now on.
    pub(super) fn set_people(&self, people: People) {
        if *self.people() == people {
            return;
        }
        *self.people.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(people.clone());
        let _ = self.send.send(Message::People(Box::new(people)));
    }

    /// A call-back that was to begin cannot: its flow is served no more.
    pub(super) fn no_flow(&self, call: CallId) {
        let _ = self.send.send(Message::NoFlow(call));
    }

    /// Of these calls nothing may be kept any more: whoever was to be called back because of one is not.
    pub(super) fn forget(&self, calls: BTreeSet<CallId>) {
        let _ = self.send.send(Message::Forgotten(calls));
    }

    /// The gateway stops: calls in which nobody is on the line yet end, and nobody is called any more.
    pub(super) fn stop_calling_back(&self) {
        let _ = self.send.send(Message::Stop);
    }

    /// No more calls: what was learned is handed to the store.
    pub(super) async fn write_down(&self) {
        let (done, written) = oneshot::channel();
        if self.send.send(Message::WriteDown(done)).is_ok() {
            // It answers, or has ended: both mean that nothing is left to wait for.
            let _ = written.await;
        }
    }

    /// Whether somebody's place is kept.
    pub(super) fn keeps_places(&self) -> bool {
        self.places.any()
    }

    pub(super) fn people(&self) -> Arc<People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Agents' phones on the table: they may be called.
    pub(super) fn phones(&self) -> Vec<String> {
        let ours = |phone: &str| phone == PHONE || phone == REGISTERS;
        self.people().phones.values().filter(|phone| !ours(phone)).cloned().collect()
    }

    /// Phones of a queue's agents, those first who wait for a call. Pages are rung for offers alone.
    pub(super) fn phones_of(&self, queue: &str) -> Vec<String> {
        let (people, floor) = (self.people(), self.floor.borrow().clone());
        let Some(queue) = people.setup.queues.iter().find(|q| q.name == queue) else { return Vec::new() };
        let mut agents: Vec<&AgentSetup> = people.setup.agents.iter().filter(|a| a.serves(queue)).collect();
        let free = |a: &AgentSetup| floor.agents.iter().any(|v| v.name == a.name && v.state == AgentState::Available);
        agents.sort_by_key(|agent| !free(agent));
        let dialled = agents.into_iter().filter_map(|agent| people.dials(&agent.name));
        dialled.filter(|to| !to.starts_with(BROWSER)).collect()
    }

    /// What desks see; changes are told.
    pub(super) fn floor(&self) -> watch::Receiver<Arc<Floor>> {
        self.floor.clone()
    }
}

fn now_since(epoch: Instant) -> Now {
    Now { at: Moment::ZERO + epoch.elapsed(), wall: wall_now() }
}

/// The task's own.
struct Keeper {
    acd: Acd,
    epoch: Instant,
    people: Arc<Mutex<Arc<People>>>,
    /// How to tell each call that waits or talks.
    calls: HashMap<CallId, mpsc::Sender<Inbox>>,
    /// Who is called back.
    call_backs: CallBacks,
    /// What outlives a restart beside that.
    kept: Kept,
    /// Parked callers who have hung up.
    parked_gone: Vec<ParkedGone>,
    /// Agents whose phone has registered here.
    phones: BTreeSet<String>,
    tell: watch::Sender<Arc<Floor>>,
    /// The day of the figures.
    day: Option<chrono::NaiveDate>,
    /// Something has changed since desks were shown the floor, and when that was.
    dirty: bool,
    shown: Instant,
}

impl Keeper {
    async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        self.show();
        loop {
            let timer = self.acd.next_timer();
            let show = self.dirty.then(|| SHOW_EVERY.saturating_sub(self.shown.elapsed()));
            let wait = timer.map(|at| at.since(Moment::ZERO + self.epoch.elapsed()));
            let wait = wait.into_iter().chain(show).chain(self.kept.wakes()).min();
            let message = tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => Some(message),
                    None => return,
                },
                // The machine's own timer, or the next showing of the floor.
                () = tokio::time::sleep(wait.unwrap_or(Duration::from_secs(3_600))) => None,
            };
            // The machine is ours: a panic in it is written down, and callers are not left to a task that is gone.
            let handled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.handle(message)));
            if handled.is_err() {
                tracing::error!("the queue machine failed; it begins anew, and those who wait go elsewhere");
                self.begin_anew();
            }
            self.keeps_places();
            self.write_learned(false);
            if self.dirty && self.shown.elapsed() >= SHOW_EVERY {
                self.show();
            }
        }
    }

    /// Whoever waits is told to go elsewhere. Agents are where desks saw them last: who talks goes on talking.
    fn begin_anew(&mut self) {
        let now = now_since(self.epoch);
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = self.tell.borrow().agents.clone();
        let Ok(acd) = Acd::new(people.setup.clone(), now) else { return };
        let failed = std::mem::replace(&mut self.acd, acd);
        // What it had learned is figures, whatever became of its callers.
        let learned = std::panic::AssertUnwindSafe(|| self.acd.takes_after(&failed));
        if std::panic::catch_unwind(learned).is_err() {
            tracing::error!("what the queues had learned of waits is lost");
        }
        // What the machine wants of this is not done: the calls are told below, or know already.
        let mut unheard = Vec::new();
        for agent in &before {
            let event = Event::Presence { agent: agent.name.clone(), presence: agent.presence.clone() };
            self.acd.step(now, event, &mut unheard);
        }
        let mut talk = BTreeSet::new();
        let (asked, own): (Vec<AgentView>, Vec<AgentView>) = before.into_iter().partition(|agent| agent.consulted_by.is_some());
        for agent in own {
            let (AgentState::Talking(call), Some((queue, waited))) = (agent.state, agent.call) else { continue };
            let ticket = Ticket { queue, waited, ..Ticket::default() };
            self.acd.step(now, Event::Enqueue { call, ticket }, &mut unheard);
            self.acd.step(now, Event::Accepted { call, agent: agent.name }, &mut unheard);
            self.acd.step(now, Event::Joined { call }, &mut unheard);
            talk.insert(call);
        }
        for agent in asked {
            let (AgentState::Offered(call) | AgentState::Talking(call), Some((queue, _))) = (agent.state, agent.call) else {
                continue;
            };
            self.acd.step(now, Event::Consult { call, queue, agent: Some(agent.name) }, &mut unheard);
            if agent.state == AgentState::Talking(call) {
                self.acd.step(now, Event::Consulted { call }, &mut unheard);
            }
        }
        let (stay, go) = std::mem::take(&mut self.calls).into_iter().partition(|(call, _)| talk.contains(call));
        self.calls = stay;
        for (call, inbox) in HashMap::<CallId, mpsc::Sender<Inbox>>::into_iter(go) {
            tracing::warn!(%call, "a caller leaves the line because the queues begin anew");
            let news = call::Event::Queue(QueueEvent::Unserved(Unserved::NoSuchQueue));
            let _ = inbox.try_send(Inbox::Happening(Happening::Call(news)));
            self.is_not_served(call);
        }
        self.put_all_back();
        self.phones_settle();
        self.dirty = true;
    }

    fn handle(&mut self, message: Option<Message>) {
        match message {
            None => self.step(Event::Tick),
            // Their phone could not ring, and they would count as lost.
            Some(Message::Desk(Event::Fetch { agent, .. })) if self.has_no_phone(&agent) => {
                tracing::info!(agent, "a parked caller is not fetched: the agent's phone is not registered");
            }
            Some(Message::Desk(Event::Presence { agent, presence: Presence::Available })) if self.has_no_phone(&agent) => {
                self.step(Event::Presence { agent, presence: Presence::Away(NO_PHONE.into()) });
            }
            Some(Message::Desk(event)) => self.step(event),
            Some(Message::Phone(login, there)) => self.phone(&login, there),
            Some(Message::Decline(agent)) => {
                if let Some(call) = self.acd.consult_of(&agent) {
                    self.tell_call(call, call::Event::Queue(QueueEvent::Colleague(ColleagueNews::Declined)));
                    self.step(Event::ConsultOver { call, why: Some(Refusal::Declined) });
                } else if let Some((call, offer)) = self.acd.offer_of(&agent) {
                    // Before anybody else is offered the call.
                    self.tell_call(call, call::Event::Queue(QueueEvent::Withdrawn(offer)));
                    self.step(Event::Refused { call, offer, why: Refusal::Declined });
                }
            }
            Some(Message::Wish(agent, ask)) => {
                let view = self.acd.agent_view(now_since(self.epoch).at, &agent);
                let Some((AgentState::Talking(call), asked)) = view.map(|view| (view.state, view.consulted_by.is_some()))
                else {
                    return;
                };
                // The caller is not theirs who was only asked: they may go, and nothing else.
                let ask = match (asked, ask) {
                    (true, DeskAsk::HangUp | DeskAsk::GoBack) => DeskAsk::Leave,
                    (true, _) => return,
                    (false, ask) => ask,
                };
                self.tell_call(call, call::Event::Desk(ask));
            }
            Some(Message::People(people)) => {
                self.step(Event::Reconfigure(Box::new(people.setup)));
                self.phones_settle();
            }
            Some(Message::Gone(call)) => {
                self.parked_caller_goes(call);
                self.step(Event::Leave { call, why: Left::HungUp });
                self.step(Event::Finished { call, talk: Talk::default() });
                self.calls.remove(&call);
                self.call_is_over(call);
                self.is_over(call);
            }
            Some(Message::NoFlow(call)) => self.has_no_flow(call),
            Some(Message::Forgotten(calls)) => {
                self.forget_places(&calls);
                self.forget_call_backs(&calls);
            }
            Some(Message::Stop) => self.stop_calling_back(),
            Some(Message::WriteDown(done)) => {
                self.write_learned(true);
                let _ = done.send(());
            }
            Some(Message::Call(call, ask, inbox)) => {
                let event = match ask {
                    QueueAsk::Enter(mut ticket) => {
                        self.enters(call, &mut ticket);
                        self.comes_in(call, &mut ticket);
                        self.calls.insert(call, inbox);
                        self.step(Event::Enqueue { call, ticket: (*ticket).clone() });
                        // Who was sent away at once is told so already.
                        if self.calls.contains_key(&call) {
                            self.is_in_line(call, &ticket);
                        }
                        return;
                    }
                    QueueAsk::CallerLost(card) => return self.caller_lost(call, *card),
                    QueueAsk::Abusive => return self.was_abusive(call),
                    QueueAsk::MayCallBack { queue, number } => return self.may_call_back(call, &queue, number),
                    QueueAsk::CallBack(wish) => return self.call_back(call, *wish),
                    QueueAsk::CallsPerson => return self.calls_person(call),
                    QueueAsk::NotReached(why) => return self.not_reached(call, why),
                    QueueAsk::Emergency => Event::Emergency { call },
                    QueueAsk::Leave(why) => Event::Leave { call, why },
                    QueueAsk::Accepted(agent) => Event::Accepted { call, agent },
                    QueueAsk::Joined => Event::Joined { call },
                    QueueAsk::Refused { offer, why } => Event::Refused { call, offer, why },
                    QueueAsk::Consult { queue, agent } => Event::Consult { call, queue, agent },
                    QueueAsk::Consulted => Event::Consulted { call },
                    QueueAsk::ConsultOver(why) => Event::ConsultOver { call, why },
                    QueueAsk::HandedOver(talk) => Event::HandedOver { call, talk },
                    QueueAsk::Park { ticket, talk } => Event::Park { call, ticket: *ticket, talk },
                    QueueAsk::Unpark => Event::Unpark { call },
                    QueueAsk::Finished(talk) => Event::Finished { call, talk },
                };
                if matches!(event, Event::Leave { why: Left::HungUp | Left::Over, .. }) {
                    self.parked_caller_goes(call);
                }
                let over = matches!(event, Event::Leave { .. } | Event::Finished { .. });
                let elsewhere = matches!(event, Event::Leave { why: Left::Elsewhere, .. });
                let handed_over = matches!(event, Event::HandedOver { .. });
                let (left, joined) = (matches!(event, Event::Leave { .. }), matches!(event, Event::Joined { .. }));
                let talk = match &event {
                    Event::Finished { talk, .. } | Event::HandedOver { talk, .. } | Event::Park { talk, .. } => Some(*talk),
                    _ => None,
                };
                if talk.is_some_and(|talk| talk.strain.abusive) {
                    self.was_abusive(call);
                }
                self.step(event);
                if over {
                    self.calls.remove(&call);
                    self.out_of_line(call);
                }
                if elsewhere {
                    self.goes_elsewhere(call);
                }
                if handed_over {
                    self.serves(call);
                }
                if left {
                    self.leaves(call);
                }
                if joined {
                    self.in_talk(call);
                    self.is_served(call);
                }
            }
        }
    }

    #[cfg(test)]
    fn state_of(&self, agent: &str) -> Option<AgentState> {
        self.acd.agent_view(now_since(self.epoch).at, agent).map(|view| view.state)
    }

    fn tell_call(&self, call: CallId, event: call::Event) -> bool {
        let happening = Inbox::Happening(Happening::Call(event));
        self.calls.get(&call).is_some_and(|inbox| inbox.try_send(happening).is_ok())
    }

    /// Figures of the day begin with it.
    fn new_day(&mut self) {
        let today = wall_now().utc().date_naive();
        if self.day.replace(today).is_some_and(|day| day != today) {
            self.acd.begin_day();
        }
    }

    fn step(&mut self, event: Event) {
        self.new_day();
        let mut out = Vec::new();
        self.acd.step(now_since(self.epoch), event, &mut out);
        self.dirty |= !out.is_empty();
        for command in out {
            self.carry_out(command);
        }
    }

    fn carry_out(&mut self, command: Command) {
        let (call, news) = match command {
            Command::Offer { call, offer, agent, desk, ring, waited, queue } => {
                tracing::debug!(%call, agent, queue, waited_s = waited.as_secs(), "a call is offered");
                let Some(to) = self.phone_of(&agent) else {
                    return self.step(Event::Refused { call, offer, why: Refusal::Lost });
                };
                self.begin_call_back(call);
                (call, QueueEvent::Offer { offer, agent, desk, to, ring })
            }
            Command::Consult { call, agent, desk: _, ring } => {
                let news = self.phone_of(&agent).map_or(ColleagueNews::Nobody, |to| ColleagueNews::Rings { agent, to, ring });
                if news == ColleagueNews::Nobody {
                    self.step(Event::ConsultOver { call, why: Some(Refusal::Lost) });
                }
                self.tell_call(call, call::Event::Queue(QueueEvent::Colleague(news)));
                return;
            }
            Command::NoConsult { call } => {
                self.tell_call(call, call::Event::Queue(QueueEvent::Colleague(ColleagueNews::Nobody)));
                return;
            }
            Command::Withdraw { call, offer, .. } => (call, QueueEvent::Withdrawn(offer)),
            Command::Place { call, position, wait, call_back } => (call, QueueEvent::Place { position, wait, call_back }),
            Command::Unserved { call, why } => {
                tracing::info!(%call, ?why, "a caller cannot be served in line");
                metrics::counter!("hotline_queue_unserved_total").increment(1);
                (call, QueueEvent::Unserved(why))
            }
            Command::Changed => return,
        };
        let last = matches!(news, QueueEvent::Unserved(_));
        let told = self.tell_call(call, call::Event::Queue(news));
        if last {
            self.calls.remove(&call);
            self.is_not_served(call);
            self.is_given_up(call);
        } else if !told {
            // Its task is gone or hangs: nobody else waits for it.
            self.calls.remove(&call);
            self.step(Event::Leave { call, why: Left::HungUp });
            self.never_began(call);
        }
    }

    /// The agents who might have fetched this caller are told that nobody is there any more.
    fn parked_caller_goes(&mut self, call: CallId) {
        let Some(parked) = self.acd.parked_views().into_iter().find(|parked| parked.call == call) else { return };
        if self.parked_gone.len() >= GONE_MAX {
            self.parked_gone.remove(0);
        }
        let at = now_since(self.epoch).at;
        self.parked_gone.push(ParkedGone { call, queue: parked.queue, by: parked.by, at });
    }

    /// Desks are shown the floor as it is now.
    fn show(&mut self) {
        (self.dirty, self.shown) = (false, Instant::now());
        let at = now_since(self.epoch).at;
        let (queues, agents, waiting) = (self.acd.queue_views(at), self.acd.agent_views(at), self.acd.waiting_views(at));
        figures::tell(&queues);
        let in_vain = self.call_backs.in_vain(at);
        self.parked_gone.retain(|gone| gone.is_fresh(at));
        let (parked, parked_gone) = (self.acd.parked_views(), self.parked_gone.clone());
        self.tell.send_replace(Arc::new(Floor { at, queues, agents, waiting, parked, parked_gone, in_vain }));
    }
}

#[cfg(test)]
mod tests;
