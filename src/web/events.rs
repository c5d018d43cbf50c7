//! Who is told what: one bounded ring of messages for all sockets of the console. A socket has no queue of its own, only a
//! place in the ring; whoever reads too slowly to keep that place is cut off and begins anew. Pure but for a lock that is
//! never held across an await; the sockets themselves are in `socket.rs`.

use crate::store::{Role, SessionHash};
use async_trait::async_trait;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Messages that can be read again.
const MESSAGES_MAX: usize = 2_048;

/// And their bytes.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Sockets at one time.
const SOCKETS_MAX: usize = 2_000;

/// Sockets of one user: so many tabs.
const TABS_MAX: usize = 32;

/// An agent whose last socket closed is still there for so long: a page is loaded anew faster than that.
const GRACE: Duration = Duration::from_secs(10);

/// Longest wait for sockets that are told of the gateway's end.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// Messages that a socket takes out of the ring at once.
const BATCH: usize = 64;

/// To whom a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Every socket.
    Everybody,
    /// Users of this role or a higher one.
    Role(Role),
    /// The tabs of the user who has this agent's desk.
    Agent(String),
    /// Sockets that asked to watch this topic (see [`Opening::topic`]).
    Watching(&'static str),
}

/// Who sits behind a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The user.
    pub user: String,
    /// What they may do.
    pub role: Role,
    /// Whose desk they have.
    pub agent: Option<String>,
}

/// A message for one socket alone: its type and data.
pub type First = (&'static str, Value);

/// What the rest of the console has to say when a socket opens or asks to watch something.
#[async_trait]
pub trait Opening: Send + Sync {
    /// What a new socket is told first, resumed or not: whole states. What happens meanwhile follows them.
    async fn first(&self, seat: &Seat) -> Vec<First>;

    /// The topic of this name and the least role that may watch it; `None` = there is none.
    fn topic(&self, name: &str) -> Option<(&'static str, Role)>;

    /// What a socket is told first about a topic that it begins to watch.
    async fn watched(&self, seat: &Seat, topic: &'static str) -> Vec<First>;
}

/// Why a socket is closed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Logged out, disabled, or the session's time is over.
    Session,
    /// The gateway ends.
    Restart,
}

/// All sockets and what they are told. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    /// A lock is right here: held for a look at a bounded ring, never across an await, and no call waits for it.
    inner: Mutex<Inner>,
    /// The number of the newest message.
    newest: watch::Sender<u64>,
    agents: watch::Sender<BTreeSet<String>>,
    /// How many sockets are open.
    open: watch::Sender<usize>,
    /// How long an agent whose last socket closed is still there.
    grace: Duration,
    opening: OnceLock<Arc<dyn Opening>>,
}

struct Inner {
    ring: Ring,
    sockets: HashMap<u64, Socket>,
    next_socket: u64,
    /// Agents whose last socket has closed, and when.
    left: HashMap<String, Instant>,
    /// No new sockets: the gateway ends.
    closed: bool,
}

struct Socket {
    seat: Seat,
    session: SessionHash,
    end: watch::Sender<Option<Ended>>,
}

impl Hub {
    /// Numbers begin at the time of the start, in steps that no gateway reaches: a number of an earlier run is never taken
    /// for one of this run. They stay below 2^53, which JavaScript counts exactly.
    pub(super) fn new(started_unix_seconds: u64) -> Hub {
        let first = started_unix_seconds << 20;
        let inner =
            Inner { ring: Ring::new(first), sockets: HashMap::new(), next_socket: 0, left: HashMap::new(), closed: false };
        let (newest, agents) = (watch::Sender::new(first), watch::Sender::new(BTreeSet::new()));
        Hub {
            shared: Arc::new(Shared {
                inner: Mutex::new(inner),
                newest,
                agents,
                open: watch::Sender::new(0),
                grace: GRACE,
                opening: OnceLock::new(),
            }),
        }
    }

    /// Sends a message. All of them are kept while there is room.
    pub fn send(&self, to: To, kind: &'static str, data: &Value) {
        self.push(to, kind, data, false);
    }

    /// Sends a whole state: it takes the place of an older one of the same type for the same address, which nobody needs
    /// any more.
    pub fn send_state(&self, to: To, kind: &'static str, data: &Value) {
        self.push(to, kind, data, true);
    }

    /// Who answers new sockets; said once, before the first socket opens.
    ///
    /// # Errors
    /// When it was said already: gives it back.
    pub fn set_opening(&self, opening: Arc<dyn Opening>) -> Result<(), Arc<dyn Opening>> {
        self.shared.opening.set(opening)
    }

    /// The agents who have a socket open, or had one within the last ten seconds. A level, not an event: whoever reads
    /// late misses nobody.
    pub fn agents_here(&self) -> watch::Receiver<BTreeSet<String>> {
        self.shared.agents.subscribe()
    }

    /// Ends the sockets of a session.
    pub(super) fn end_session(&self, session: &SessionHash) {
        self.end(Ended::Session, |socket| socket.session == *session);
    }

    /// Ends all sockets of a user, but those of the session `except`.
    pub(super) fn end_user(&self, user: &str, except: Option<&SessionHash>) {
        self.end(Ended::Session, |socket| socket.seat.user == user && Some(&socket.session) != except);
    }

    /// Ends all sockets, and lets no more in. Each is told so before the future ends, if it reads.
    pub async fn close(&self) {
        self.lock().closed = true;
        self.end(Ended::Restart, |_| true);
        let mut open = self.shared.open.subscribe();
        let _ = tokio::time::timeout(GOODBYE_MAX, open.wait_for(|open| *open == 0)).await;
    }

    fn end(&self, why: Ended, which: impl Fn(&Socket) -> bool) {
        for socket in self.lock().sockets.values().filter(|socket| which(socket)) {
            socket.end.send_replace(Some(why));
        }
    }

    fn push(&self, to: To, kind: &'static str, data: &Value, state: bool) {
        let newest = self.lock().ring.push(to, kind, data, state);
        self.shared.newest.send_replace(newest);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn opening(&self) -> Option<Arc<dyn Opening>> {
        self.shared.opening.get().cloned()
    }

    /// Lets a socket in; `None` when there are too many, or the gateway ends.
    pub(super) fn open(&self, seat: Seat, session: SessionHash) -> Option<Place> {
        let mut inner = self.lock();
        let tabs = inner.sockets.values().filter(|socket| socket.seat.user == seat.user).count();
        if inner.closed || tabs >= TABS_MAX || inner.sockets.len() >= SOCKETS_MAX {
            return None;
        }
        let id = inner.next_socket;
        inner.next_socket += 1;
        let (end, ended) = watch::channel(None);
        if let Some(agent) = &seat.agent {
            inner.left.remove(agent);
        }
        inner.sockets.insert(id, Socket { seat: seat.clone(), session, end });
        let at = inner.ring.newest();
        self.tell_agents(&inner);
        self.shared.open.send_replace(inner.sockets.len());
        drop(inner);
        let newest = self.shared.newest.subscribe();
        Some(Place { hub: self.clone(), id, seat, at, watching: BTreeSet::new(), newest, ended })
    }

    fn leave(&self, id: u64, now: Instant) {
        let mut inner = self.lock();
        let gone = inner.sockets.remove(&id);
        self.shared.open.send_replace(inner.sockets.len());
        let Some(agent) = gone.and_then(|socket| socket.seat.agent) else { return };
        let others = inner.sockets.values().any(|socket| socket.seat.agent.as_ref() == Some(&agent));
        if !others && !inner.closed {
            inner.left.insert(agent, now);
            // The runtime may be ending: then nobody waits for the answer either.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                let (hub, grace) = (self.clone(), self.shared.grace);
                runtime.spawn(async move {
                    // A page that is loaded anew is back within this time.
                    tokio::time::sleep(grace).await;
                    hub.forget_agents(now + grace);
                });
            }
        }
    }

    /// Takes those off the list who left long enough ago.
    fn forget_agents(&self, now: Instant) {
        let mut inner = self.lock();
        inner.left.retain(|_, left| now.saturating_duration_since(*left) < self.shared.grace);
        self.tell_agents(&inner);
    }

    fn tell_agents(&self, inner: &Inner) {
        let open = inner.sockets.values().filter_map(|socket| socket.seat.agent.clone());
        let here: BTreeSet<String> = open.chain(inner.left.keys().cloned()).collect();
        self.shared.agents.send_if_modified(|told| {
            let other = *told != here;
            *told = here;
            other
        });
    }
}

/// A socket's place among the others; leaving is dropping it.
pub(super) struct Place {
    hub: Hub,
    id: u64,
    pub(super) seat: Seat,
    /// What was read so far.
    at: u64,
    watching: BTreeSet<&'static str>,
    newest: watch::Receiver<u64>,
    ended: watch::Receiver<Option<Ended>>,
}

/// The ring has gone on without this socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLate;

impl Place {
    /// Goes back to what came after message `after`; `false` when that is not possible, and the present is as good.
    pub(super) fn resume(&mut self, after: u64) -> bool {
        let possible = self.hub.lock().ring.holds_after(after);
        if possible {
            self.at = after;
        }
        possible
    }

    /// The next messages for this socket, some at a time; empty = nothing new.
    pub(super) fn read(&mut self) -> Result<Vec<Arc<str>>, TooLate> {
        let hub = self.hub.clone();
        let (messages, at) = hub.lock().ring.read(self.at, BATCH, |to| self.concerns(to))?;
        self.at = at;
        Ok(messages)
    }

    /// Waits until there may be something new to read, or until this socket must be closed. Can be dropped at any time.
    pub(super) async fn changed(&mut self) -> Option<Ended> {
        let at = self.at;
        tokio::select! {
            biased;
            // The hub outlives its places, so the senders are there.
            ended = self.ended.wait_for(Option::is_some) => ended.map_or(Some(Ended::Restart), |why| *why),
            _ = self.newest.wait_for(|newest| *newest > at) => None,
        }
    }

    pub(super) fn watch(&mut self, topic: &'static str) {
        self.watching.insert(topic);
    }

    pub(super) fn unwatch(&mut self, topic: &str) {
        self.watching.remove(topic);
    }

    /// A message for this socket alone, under the number of what it read last.
    pub(super) fn own(&self, kind: &str, data: &Value) -> String {
        frame(self.at, kind, data)
    }

    fn concerns(&self, to: &To) -> bool {
        match to {
            To::Everybody => true,
            To::Role(least) => self.seat.role >= *least,
            To::Agent(agent) => self.seat.agent.as_ref() == Some(agent),
            To::Watching(topic) => self.watching.contains(topic),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.leave(self.id, Instant::now());
    }
}

/// A message as it goes over the wire.
fn frame(seq: u64, kind: &str, data: &Value) -> String {
    serde_json::json!({ "seq": seq, "type": kind, "data": data }).to_string()
}

/// The messages that can be read again.
struct Ring {
    messages: VecDeque<Message>,
    bytes: usize,
    /// The number of the newest message; of the start, when there was none yet.
    newest: u64,
    /// Something up to here is forgotten (what was replaced by a newer state does not count).
    forgotten: u64,
}

struct Message {
    seq: u64,
    to: To,
    kind: &'static str,
    /// A whole state.
    state: bool,
    /// As on the wire; made once for all sockets.
    text: Arc<str>,
}

impl Ring {
    fn new(first: u64) -> Ring {
        Ring { messages: VecDeque::new(), bytes: 0, newest: first, forgotten: first }
    }

    fn newest(&self) -> u64 {
        self.newest
    }

    fn push(&mut self, to: To, kind: &'static str, data: &Value, state: bool) -> u64 {
        if state
            && let Some(old) = self.messages.iter().position(|m| m.state && m.kind == kind && m.to == to)
            && let Some(old) = self.messages.remove(old)
        {
            self.bytes -= old.text.len();
        }
        self.newest += 1;
        let text: Arc<str> = frame(self.newest, kind, data).into();
        self.bytes += text.len();
        self.messages.push_back(Message { seq: self.newest, to, kind, state, text });
        while self.messages.len() > MESSAGES_MAX || self.bytes > BYTES_MAX {
            let Some(old) = self.messages.pop_front() else { break };
            self.bytes -= old.text.len();
            self.forgotten = old.seq;
        }
        self.newest
    }

    /// Whether everything after this message can be read.
    fn holds_after(&self, after: u64) -> bool {
        (self.forgotten..=self.newest).contains(&after)
    }

    /// What came after `at` and `concerns` somebody, at most `most` messages, and up to where that is everything.
    fn read(&self, at: u64, most: usize, concerns: impl Fn(&To) -> bool) -> Result<(Vec<Arc<str>>, u64), TooLate> {
        if at < self.forgotten {
            return Err(TooLate);
        }
        let begin = self.messages.partition_point(|message| message.seq <= at);
        let mut found = Vec::new();
        for message in self.messages.range(begin..) {
            if !concerns(&message.to) {
                continue;
            }
            if found.len() == most {
                return Ok((found, message.seq - 1));
            }
            found.push(message.text.clone());
        }
        Ok((found, self.newest))
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
