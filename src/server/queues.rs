//! The queues of a gateway: one task owns the queue machine, calls and desks send it what happens, and it tells calls what comes of
//! it. Nothing here waits for a call: who does not listen any more is forgotten.

mod call_backs;
mod phones;

use super::gateway::{Inbox, wall_now};
use super::softphones::PHONE;
use crate::acd::{
    Acd, AgentSetup, AgentState, AgentView, Command, Event, Left, Now, ParkedView, Presence, QueueSetup, QueueView, Refusal,
    Setup, Talk, Ticket, Unserved, WaitingView,
};
use crate::base::{CallId, Moment, Pii};
use crate::call::{self, BROWSER, ColleagueNews, DeskAsk, QueueAsk, QueueEvent};
use crate::drive::Happening;
use crate::sip::{Accounts, REGISTERED};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

use call_backs::CallBacks;
pub(super) use call_backs::{Beside, Start};

/// Desks are shown changes at most so often.
const SHOW_EVERY: Duration = Duration::from_millis(100);

/// That a parked caller has hung up is shown for so long.
const GONE_SHOWN: Duration = Duration::from_secs(60);
/// And so many of them at most.
const GONE_MAX: usize = 50;

/// Queues and agents of a configuration, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct People {
    /// For the queue machine.
    pub setup: Setup,
    /// Where each agent is called: a SIP URI, `trunk:…`, `tel:…`, `browser` for the page of their desk, or `registered` for a phone
    /// that registers here.
    pub phones: BTreeMap<String, String>,
    /// What phones that register here log in with, by agent.
    pub logins: BTreeMap<String, PhoneLogin>,
}

/// What an agent's phone proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneLogin {
    /// The user of its address.
    pub login: String,
    /// Its password.
    pub password: Pii<String>,
}

/// In `[[agent]]`: the phone registers here.
pub(super) const REGISTERS: &str = "registered";
/// Why an agent is away whose phone has not registered.
pub const NO_PHONE: &str = "no_phone";

impl People {
    /// With one phone for each agent.
    pub fn new(queues: Vec<QueueSetup>, agents: Vec<(AgentSetup, String)>) -> People {
        let phones = agents.iter().map(|(agent, phone)| (agent.name.clone(), phone.clone())).collect();
        People {
            setup: Setup::new(queues, agents.into_iter().map(|(agent, _)| agent).collect()),
            phones,
            logins: BTreeMap::new(),
        }
    }

    /// For signalling: who may register.
    pub fn accounts(&self) -> Accounts {
        Accounts(self.logins.values().map(|l| (l.login.clone(), l.password.reveal().clone())).collect())
    }

    /// Whose phone logs in so.
    fn agent_of(&self, login: &str) -> Option<&str> {
        self.logins.iter().find(|(_, l)| l.login == login).map(|(agent, _)| agent.as_str())
    }

    /// What is dialled for an agent.
    fn dials(&self, agent: &str) -> Option<String> {
        let phone = self.phones.get(agent)?;
        Some(match phone.as_str() {
            PHONE => format!("{BROWSER}{agent}"),
            REGISTERS => format!("{REGISTERED}{}", self.logins.get(agent)?.login),
            other => other.to_string(),
        })
    }

    /// Whether there is a queue of this name.
    pub fn has_queue(&self, name: &str) -> bool {
        self.setup.queues.iter().any(|queue| queue.name == name)
    }
}

/// What desks and wallboards see at a moment.
#[derive(Debug, Clone, Default)]
pub struct Floor {
    /// When it was so.
    pub at: Moment,
    /// All queues.
    pub queues: Vec<QueueView>,
    /// All agents.
    pub agents: Vec<AgentView>,
    /// Everybody who waits.
    pub waiting: Vec<WaitingView>,
    /// Everybody who is parked.
    pub parked: Vec<ParkedView>,
    /// Parked callers who have hung up, a minute ago at most.
    pub parked_gone: Vec<ParkedGone>,
    /// Agents who came for somebody who was called back in vain, a minute ago at most.
    pub in_vain: Vec<InVain>,
}

/// An agent came, and the person who was called back did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InVain {
    /// Who came.
    pub agent: String,
    /// Why the person did not: `no_answer`, `busy`, `mailbox`, `not_wanted` or `failed`.
    pub why: &'static str,
    /// When.
    pub at: Moment,
}

/// A parked caller has hung up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedGone {
    /// Which call.
    pub call: CallId,
    /// Its queue.
    pub queue: String,
    /// Who had parked it.
    pub by: String,
    /// When.
    pub at: Moment,
}

impl ParkedGone {
    /// Whether desks show it still.
    pub fn is_fresh(&self, now: Moment) -> bool {
        now.since(self.at) < GONE_SHOWN
    }
}

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
}

/// The way to the queues. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queues {
    /// Without a bound: a call sends a few messages for each agent who is tried, and none of them may be lost; calls themselves are
    /// bounded, and so is what the web side takes from desks.
    send: mpsc::UnboundedSender<Message>,
    people: Arc<Mutex<Arc<People>>>,
    floor: watch::Receiver<Arc<Floor>>,
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
        let queues = Queues { send, people: Arc::new(Mutex::new(Arc::new(people))), floor };
        let people = queues.people.clone();
        let task = tokio::spawn(async move {
            if let Ok(acd) = acd {
                let call_backs = CallBacks::new(beside.starts, beside.store);
                let mut keeper = Keeper {
                    acd,
                    epoch,
                    people,
                    calls: HashMap::new(),
                    call_backs,
                    parked_gone: Vec::new(),
                    phones: BTreeSet::new(),
                    tell,
                    day: None,
                    dirty: false,
                    shown: epoch,
                };
                keeper.phones_settle();
                keeper.restore(beside.waiting);
                keeper.run(messages).await;
            }
        });
        (queues, task)
    }

    /// What a call wants.
    pub(super) fn ask(&self, call: CallId, ask: QueueAsk, inbox: &mpsc::Sender<Inbox>) {
        if let Err(mpsc::error::SendError(Message::Call(_, QueueAsk::Enter(_), _))) =
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
            let wait = wait.into_iter().chain(show).min();
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
        self.acd = acd;
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
        }
        self.put_all_back();
        self.phones_settle();
        self.dirty = true;
    }

    fn handle(&mut self, message: Option<Message>) {
        match message {
            None => self.step(Event::Tick),
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
                    (true, DeskAsk::HangUp) => DeskAsk::Leave,
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
                self.is_over(call);
            }
            Some(Message::NoFlow(call)) => self.has_no_flow(call),
            Some(Message::Forgotten(calls)) => self.forget_call_backs(&calls),
            Some(Message::Stop) => self.stop_calling_back(),
            Some(Message::Call(call, ask, inbox)) => {
                let event = match ask {
                    QueueAsk::Enter(mut ticket) => {
                        self.enters(call, &mut ticket);
                        self.calls.insert(call, inbox);
                        Event::Enqueue { call, ticket: *ticket }
                    }
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
                if matches!(event, Event::Leave { .. }) {
                    self.parked_caller_goes(call);
                }
                let over = matches!(event, Event::Leave { .. } | Event::Finished { .. });
                let (left, joined) = (matches!(event, Event::Leave { .. }), matches!(event, Event::Joined { .. }));
                self.step(event);
                if over {
                    self.calls.remove(&call);
                }
                if left {
                    self.leaves(call);
                }
                if joined {
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

    fn step(&mut self, event: Event) {
        let today = wall_now().utc().date_naive();
        if self.day.replace(today).is_some_and(|day| day != today) {
            self.acd.begin_day();
        }
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
        for queue in &queues {
            metrics::gauge!("hotline_queue_waiting", "queue" => queue.name.clone()).set(queue.waiting as f64);
            metrics::gauge!("hotline_queue_free_agents", "queue" => queue.name.clone()).set(queue.free as f64);
        }
        let in_vain = self.call_backs.in_vain(at);
        self.parked_gone.retain(|gone| gone.is_fresh(at));
        let (parked, parked_gone) = (self.acd.parked_views(), self.parked_gone.clone());
        self.tell.send_replace(Arc::new(Floor { at, queues, agents, waiting, parked, parked_gone, in_vain }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(inbox: &mut mpsc::Receiver<Inbox>) -> Vec<String> {
        let mut all = Vec::new();
        while let Ok(Inbox::Happening(Happening::Call(call::Event::Queue(news)))) = inbox.try_recv() {
            all.push(format!("{news:?}").split([' ', '(']).next().unwrap_or_default().to_string());
        }
        all
    }

    async fn keeper(people: People, folder: &std::path::Path) -> Keeper {
        let store = crate::store::Store::open(folder).await.expect("a store");
        let (writer, _task) = crate::store::StoreWriter::start(store);
        let epoch = Instant::now();
        Keeper {
            acd: Acd::new(people.setup.clone(), now_since(epoch)).expect("a set-up"),
            epoch,
            people: Arc::new(Mutex::new(Arc::new(people))),
            calls: HashMap::new(),
            call_backs: CallBacks::new(mpsc::unbounded_channel().0, writer),
            parked_gone: Vec::new(),
            phones: BTreeSet::new(),
            tell: watch::channel(Arc::default()).0,
            day: None,
            dirty: false,
            shown: epoch,
        }
    }

    fn agent(name: &str, phone: &str, returns: Option<Duration>) -> (AgentSetup, String) {
        let skills = BTreeMap::from([("support".to_string(), 1)]);
        (AgentSetup { name: name.into(), skills, languages: BTreeSet::new(), returns }, phone.into())
    }

    #[tokio::test]
    async fn whose_phone_is_not_registered_is_away_until_it_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let agents = vec![
            agent("anna", REGISTERS, None),
            agent("bob", REGISTERS, Some(Duration::from_secs(60))),
            agent("carl", PHONE, None),
        ];
        let login = |login: &str| PhoneLogin { login: login.into(), password: Pii::new("secret".into()) };
        let logins = BTreeMap::from([("anna".to_string(), login("a1")), ("bob".to_string(), login("bob"))]);
        let people = People { logins, ..People::new(vec![QueueSetup::named("support")], agents) };
        let mut keeper = keeper(people, folder.path()).await;
        keeper.phones_settle();
        let is =
            |keeper: &Keeper, agent: &str| match keeper.acd.agent_view(now_since(keeper.epoch).at, agent).map(|a| a.presence) {
                Some(Presence::Away(why)) => why,
                other => format!("{other:?}"),
            };
        let goes = |keeper: &mut Keeper, agent: &str, presence| {
            keeper.handle(Some(Message::Desk(Event::Presence { agent: agent.into(), presence })));
        };
        let phone = |keeper: &mut Keeper, login: &str, there| keeper.handle(Some(Message::Phone(login.into(), there)));
        assert_eq!(is(&keeper, "bob"), NO_PHONE, "there from the start, but without a phone");
        for agent in ["anna", "carl"] {
            goes(&mut keeper, agent, Presence::Available);
        }
        assert_eq!((is(&keeper, "anna").as_str(), is(&keeper, "carl").as_str()), (NO_PHONE, "Some(Available)"));
        goes(&mut keeper, "carl", Presence::Offline);
        phone(&mut keeper, "a1", true);
        assert_eq!((is(&keeper, "anna").as_str(), is(&keeper, "bob").as_str()), ("Some(Available)", NO_PHONE));
        let (waits, mut inbox) = mpsc::channel(10);
        let ticket = Box::new(Ticket { queue: "support".into(), ..Ticket::default() });
        keeper.handle(Some(Message::Call(CallId(1), QueueAsk::Enter(ticket), waits)));
        let offered = match inbox.try_recv() {
            Ok(Inbox::Happening(Happening::Call(call::Event::Queue(QueueEvent::Offer { to, .. })))) => to,
            _ => "no offer".into(),
        };
        assert_eq!(offered, format!("{REGISTERED}a1"));
        // It goes while it rings: the caller keeps the place, and is offered again when it is back.
        phone(&mut keeper, "a1", false);
        assert_eq!((is(&keeper, "anna").as_str(), heard(&mut inbox)[0].as_str()), (NO_PHONE, "Withdrawn"));
        phone(&mut keeper, "a1", true);
        assert_eq!(heard(&mut inbox).last().map(String::as_str), Some("Offer"));
        // Other reasons are the agent's own.
        goes(&mut keeper, "anna", Presence::Away("lunch".into()));
        phone(&mut keeper, "a1", false);
        phone(&mut keeper, "a1", true);
        assert_eq!(is(&keeper, "anna"), "lunch");
    }

    #[tokio::test]
    async fn who_talks_goes_on_talking_when_the_queues_begin_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let agents = vec![agent("anna", "sip:anna@x", None), agent("bob", "sip:bob@x", None)];
        let mut keeper = keeper(People::new(vec![QueueSetup::named("support")], agents), folder.path()).await;
        let ((talks, mut first), (waits, mut second)) = (mpsc::channel(10), mpsc::channel(10));
        let (here, there) = (CallId(1), CallId(2));
        let ticket = || Box::new(Ticket { queue: "support".into(), ..Ticket::default() });
        keeper.step(Event::Presence { agent: "anna".into(), presence: Presence::Available });
        keeper.handle(Some(Message::Call(here, QueueAsk::Enter(ticket()), talks.clone())));
        keeper.handle(Some(Message::Call(here, QueueAsk::Accepted("anna".into()), talks.clone())));
        keeper.handle(Some(Message::Call(here, QueueAsk::Joined, talks.clone())));
        keeper.step(Event::Presence { agent: "bob".into(), presence: Presence::Available });
        let asks = QueueAsk::Consult { queue: "support".into(), agent: Some("bob".into()) };
        keeper.handle(Some(Message::Call(here, asks, talks.clone())));
        keeper.handle(Some(Message::Call(here, QueueAsk::Consulted, talks.clone())));
        keeper.handle(Some(Message::Call(there, QueueAsk::Enter(ticket()), waits.clone())));
        keeper.show();
        assert_eq!(
            (heard(&mut first).first().map(String::as_str), heard(&mut second)),
            (Some("Offer"), vec!["Place".to_string()])
        );
        keeper.begin_anew();
        assert_eq!((heard(&mut first), heard(&mut second)), (vec![], vec!["Unserved".to_string()]));
        assert_eq!(keeper.state_of("anna"), Some(AgentState::Talking(here)));
        assert_eq!(keeper.state_of("bob"), Some(AgentState::Talking(here)), "a colleague who is asked stays asked");
        // A third caller is not offered to who talks; and the talk comes to its end as usual.
        keeper.handle(Some(Message::Call(CallId(3), QueueAsk::Enter(ticket()), waits)));
        assert_eq!(heard(&mut second), ["Place"]);
        keeper.handle(Some(Message::Call(here, QueueAsk::Finished(Talk::default()), talks)));
        assert_eq!(keeper.state_of("anna"), Some(AgentState::WrapUp));
    }
}
