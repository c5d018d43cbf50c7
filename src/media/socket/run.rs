//! The thread of a plane: sleep, drain the sockets, obey, tick, send. Deadlines are absolute, so lateness never adds up.

use super::lateness::Punctuality;
use super::partners::Partners;
use super::ports::Pair;
use crate::audio::{Frame, mix};
use crate::base::Moment;
use crate::media::face::{LegCommand, LegEvent, LegKey, LegStats};
use crate::media::leg::{Leg, PACKET_BYTES, RTCP_BYTES};
use crate::media::recorder::Recorder;
use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::error::TrySendError;

const TICK: Duration = Duration::from_millis(20);
/// Ticks that are caught up in a burst; what is more is left out.
const CATCH_UP_MAX: u32 = 5;
/// Datagrams taken from one socket per visit; a flood waits (and overflows) in the kernel.
const DATAGRAMS_MAX: u32 = 64;
/// Largest datagram that is looked at whole.
const DATAGRAM_BYTES: usize = 2_048;
/// Events of one leg that wait for their receiver; those that must arrive have more room.
const PENDING_MAX: usize = 64;
const PENDING_MUST_MAX: usize = 1_024;
/// A closed leg's last events are offered for so long.
const FAREWELL: Duration = Duration::from_secs(10);
/// The niceness that the audio thread asks for.
const AUDIO_NICENESS: libc::c_int = -11;
/// Ticks between our reports.
const RTCP_REPORT_TICKS: u64 = 250;

/// What the handle says.
pub(super) enum Message {
    Open(Box<Slot>),
    Command(LegKey, LegCommand),
    Stop,
    #[cfg(test)]
    Break(LegKey),
}

/// A leg with what only the shell knows of it.
pub(super) struct Slot {
    key: LegKey,
    leg: Leg,
    sockets: Pair,
    mailbox: Mailbox,
    /// Being recorded; `Some(true)` = silence is written.
    recording: Option<bool>,
    /// It panicked: to be closed.
    broken: bool,
    #[cfg(test)]
    break_next: bool,
}

impl Slot {
    pub(super) fn new(key: LegKey, leg: Leg, sockets: Pair, events: tokio::sync::mpsc::Sender<(LegKey, LegEvent)>) -> Slot {
        Slot {
            key,
            leg,
            sockets,
            mailbox: Mailbox { key, to: events, pending: VecDeque::new() },
            recording: None,
            broken: false,
            #[cfg(test)]
            break_next: false,
        }
    }

    /// The socket that RTCP leaves through (RFC 5761).
    fn rtcp_socket(&self) -> &UdpSocket {
        if self.leg.rtcp_mux() { &self.sockets.rtp } else { &self.sockets.rtcp }
    }

    /// Runs a piece of the leg. A panic is our fault and costs this leg only.
    fn guarded<T>(&mut self, f: impl FnOnce(&mut Leg) -> T) -> Option<T> {
        if self.broken {
            return None;
        }
        let leg = &mut self.leg;
        let done = catch_unwind(AssertUnwindSafe(|| f(leg)));
        self.broken = done.is_err();
        done.ok()
    }
}

/// Where a leg's events go, in their order.
struct Mailbox {
    key: LegKey,
    to: tokio::sync::mpsc::Sender<(LegKey, LegEvent)>,
    /// What found it full.
    pending: VecDeque<LegEvent>,
}

impl Mailbox {
    fn tell(&mut self, event: LegEvent, punctuality: &Punctuality) {
        self.flush();
        let event = if self.pending.is_empty() {
            match self.to.try_send((self.key, event)) {
                Ok(()) | Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full((_, event))) => event,
            }
        } else {
            event
        };
        let must = matches!(event, LegEvent::PromptEnded { .. } | LegEvent::Closed(_));
        if self.pending.len() < if must { PENDING_MUST_MAX } else { PENDING_MAX } {
            self.pending.push_back(event);
        } else {
            punctuality.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what waits; true when nothing waits any more (or nobody is there).
    fn flush(&mut self) -> bool {
        while let Some(event) = self.pending.pop_front() {
            match self.to.try_send((self.key, event)) {
                Ok(()) => {}
                Err(TrySendError::Closed(_)) => self.pending.clear(),
                Err(TrySendError::Full((_, event))) => {
                    self.pending.push_front(event);
                    return false;
                }
            }
        }
        true
    }
}

/// The thread's state.
pub(super) struct Run {
    epoch: Instant,
    messages: Receiver<Message>,
    recorder: Recorder,
    punctuality: Arc<Punctuality>,
    slots: Vec<Slot>,
    places: HashMap<LegKey, usize>,
    /// Whom each leg hears.
    partners: Partners,
    /// Mailboxes of closed legs that still hold events, and until when they are offered.
    farewells: Vec<(Mailbox, Instant)>,
    tick: u64,
    stopping: bool,
    /// Used anew in every tick, so that nothing is allocated.
    events: Vec<LegEvent>,
    heard: Vec<Frame>,
    polled: Vec<libc::pollfd>,
    buffer: Box<[u8; DATAGRAM_BYTES]>,
}

impl Run {
    pub(super) fn new(epoch: Instant, messages: Receiver<Message>, recorder: Recorder, punctuality: Arc<Punctuality>) -> Run {
        Run {
            epoch,
            messages,
            recorder,
            punctuality,
            slots: Vec::new(),
            places: HashMap::new(),
            partners: Partners::default(),
            farewells: Vec::new(),
            tick: 0,
            stopping: false,
            events: Vec::with_capacity(64),
            heard: Vec::new(),
            polled: Vec::new(),
            buffer: Box::new([0; DATAGRAM_BYTES]),
        }
    }

    /// Until told to stop or until every handle is gone.
    pub(super) fn run(mut self) {
        prefer_this_thread();
        let mut deadline = Instant::now() + TICK;
        while !self.stopping {
            if self.slots.is_empty() && self.farewells.is_empty() && self.recorder.idle() {
                // Nobody is there: wait for the first leg instead of ticking.
                let Ok(message) = self.messages.recv() else { break };
                self.take(message);
                deadline = Instant::now() + TICK;
            }
            // Half-way: packets get their arrival time, commands their start.
            sleep_until(deadline.checked_sub(TICK / 2).unwrap_or(deadline));
            self.take_all();
            self.drain();
            sleep_until(deadline);
            let late = Instant::now().saturating_duration_since(deadline);
            self.punctuality.tick(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
            self.take_all();
            self.drain();
            self.serve();
            deadline = self.next_deadline(deadline + TICK);
        }
        self.close_all();
        self.recorder.stop();
    }

    /// Leaves out what is more than five ticks behind.
    fn next_deadline(&mut self, deadline: Instant) -> Instant {
        let behind = Instant::now().saturating_duration_since(deadline);
        let ticks = u32::try_from(behind.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
        let skip = ticks.saturating_sub(CATCH_UP_MAX);
        if skip > 0 {
            self.slots.iter_mut().for_each(|s| s.leg.skip_ticks(skip));
            self.tick += u64::from(skip);
            self.punctuality.skipped.fetch_add(skip.into(), Ordering::Relaxed);
        }
        deadline + TICK * skip
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.epoch.elapsed()
    }

    fn take_all(&mut self) {
        loop {
            match self.messages.try_recv() {
                Ok(message) => self.take(message),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.stopping = true;
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Open(slot) => {
                self.places.insert(slot.key, self.slots.len());
                self.slots.push(*slot);
                self.heard.push(Frame::SILENCE);
                self.count_legs();
            }
            Message::Command(key, command) => self.obey(key, command),
            Message::Stop => self.stopping = true,
            #[cfg(test)]
            Message::Break(key) => {
                if let Some(&i) = self.places.get(&key) {
                    self.slots[i].break_next = true;
                }
            }
        }
    }

    fn obey(&mut self, key: LegKey, command: LegCommand) {
        let Some(&i) = self.places.get(&key) else { return };
        let now = self.now();
        let (slot, events) = (&mut self.slots[i], &mut self.events);
        let rest = slot.guarded(|leg| leg.obey(now, command, events)).flatten();
        self.tell(i);
        match rest {
            Some(LegCommand::Bridge(other)) => self.bridge(key, other),
            Some(LegCommand::ThreeWay(others)) => self.three_way(key, others),
            Some(LegCommand::RecordTo(path)) => self.record(i, path),
            Some(LegCommand::RecordPaused(paused)) => {
                let slot = &mut self.slots[i];
                slot.recording = slot.recording.map(|_| paused);
            }
            Some(LegCommand::Close) => self.close(i),
            _ => {}
        }
    }

    /// A bridge is of two: whoever was joined with either of them before is without them.
    fn bridge(&mut self, key: LegKey, other: Option<LegKey>) {
        match other.filter(|o| *o != key && self.places.contains_key(o)) {
            Some(other) => self.partners.two(key, other),
            None => self.partners.part(key),
        }
    }

    /// Where one of them is gone already, the other two are joined.
    fn three_way(&mut self, key: LegKey, others: [LegKey; 2]) {
        match others.map(|o| self.places.contains_key(&o)) {
            [true, true] => self.partners.three([key, others[0], others[1]]),
            [true, false] => self.bridge(key, Some(others[0])),
            [false, _] => self.bridge(key, Some(others[1])),
        }
    }

    fn record(&mut self, i: usize, path: std::path::PathBuf) {
        let slot = &mut self.slots[i];
        if self.recorder.begin(slot.key, path) {
            slot.recording = Some(slot.recording.unwrap_or(false));
        } else {
            let sentence = "the recording was not begun: the recorder cannot keep up with the disk".to_string();
            slot.mailbox.tell(LegEvent::RecordingFailed(sentence), &self.punctuality);
        }
    }

    /// Takes every datagram that has come.
    fn drain(&mut self) {
        let now = self.now();
        for i in 0..self.slots.len() {
            let (slot, events, buffer) = (&mut self.slots[i], &mut self.events, &mut self.buffer);
            for _ in 0..DATAGRAMS_MAX {
                // Any other error than "nothing there" belongs to one datagram; the next visit goes on.
                let Ok((len, from)) = slot.sockets.rtp.recv_from(&mut buffer[..]) else { break };
                slot.guarded(|leg| leg.receive(now, &buffer[..len], from, events));
            }
            self.tell(i);
        }
    }

    /// One tick of every leg: all hear before any speaks, so that a bridge adds no delay.
    fn serve(&mut self) {
        let now = self.now();
        self.tick += 1;
        for i in 0..self.slots.len() {
            let (slot, events) = (&mut self.slots[i], &mut self.events);
            #[cfg(test)]
            let break_next = std::mem::take(&mut slot.break_next);
            let heard = slot.guarded(|leg| {
                #[cfg(test)]
                assert!(!break_next, "a test breaks this leg");
                leg.hear(now, events)
            });
            self.heard[i] = heard.unwrap_or(Frame::SILENCE);
            self.tell(i);
        }
        self.look_for_reports();
        for i in 0..self.slots.len() {
            self.speak(i, now);
            self.rtcp(i, now, self.polled[i].revents & libc::POLLIN != 0);
        }
        self.after(now);
    }

    /// Asks the kernel once for all legs whose RTCP sockets have something: a report is dated when it is read, so a late look
    /// would lengthen the round trip that is measured.
    fn look_for_reports(&mut self) {
        let ask = |slot: &Slot| libc::pollfd { fd: slot.sockets.rtcp.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        self.polled.clear();
        self.polled.extend(self.slots.iter().map(ask));
        let count = libc::nfds_t::try_from(self.polled.len()).unwrap_or(0);
        // SAFETY: the vector holds `count` entries that live over the call, which does not wait.
        let ready = unsafe { libc::poll(self.polled.as_mut_ptr(), count, 0) };
        if ready < 0 {
            // Interrupted: the next tick asks again.
            self.polled.iter_mut().for_each(|p| p.revents = 0);
        }
    }

    fn speak(&mut self, i: usize, now: Moment) {
        let mut out = [0; PACKET_BYTES];
        let heard = |key: LegKey| self.places.get(&key).map(|&j| &self.heard[j]);
        let bridged = match self.partners.of(self.slots[i].key).map(|other| other.and_then(heard)) {
            [Some(one), Some(other)] => Some(mix(one, other)),
            [one, other] => one.or(other).copied(),
        };
        let (slot, events) = (&mut self.slots[i], &mut self.events);
        let packet = slot.guarded(|leg| leg.speak(now, bridged.as_ref(), &mut out, events)).flatten();
        let mut next = packet;
        while let Some((len, to)) = next {
            send(&slot.sockets.rtp, &out[..len], to);
            // Packets shorter than a tick.
            next = slot.guarded(|leg| leg.speak_on(&mut out)).flatten();
        }
        if let Some(paused) = slot.recording {
            let (said, heard) = if paused { (Frame::SILENCE, Frame::SILENCE) } else { (*slot.leg.said(), self.heard[i]) };
            self.recorder.pair(slot.key, self.tick, said, heard);
        }
        self.tell(i);
    }

    /// What the far end reports is read in the tick after it came (`waits`); ours goes out every five seconds. Legs take turns.
    fn rtcp(&mut self, i: usize, now: Moment, waits: bool) {
        let slot = &mut self.slots[i];
        let turn = self.tick + slot.key.0;
        if waits {
            for _ in 0..DATAGRAMS_MAX {
                let Ok((len, from)) = slot.sockets.rtcp.recv_from(&mut self.buffer[..]) else { break };
                let datagram = &self.buffer[..len];
                slot.guarded(|leg| leg.receive_rtcp(now, datagram, from));
            }
        }
        if turn.is_multiple_of(RTCP_REPORT_TICKS) {
            let mut report = [0; RTCP_BYTES];
            let len = slot.guarded(|leg| leg.report(now, &mut report)).flatten();
            if let (Some(len), Some(to)) = (len, slot.leg.rtcp_target()) {
                send(slot.rtcp_socket(), &report[..len], to);
            }
        }
    }

    /// What may wait until the packets are out.
    fn after(&mut self, now: Moment) {
        for i in (0..self.slots.len()).rev() {
            self.slots[i].mailbox.flush();
            if self.slots[i].broken {
                tracing::error!(leg = self.slots[i].key.0, at_ms = now.millis(), "a leg failed by our fault and was closed");
                self.punctuality.legs_failed.fetch_add(1, Ordering::Relaxed);
                self.close(i);
            }
        }
        self.recorder.flush();
        for (key, sentence) in self.recorder.failures() {
            if let Some(&i) = self.places.get(&key) {
                self.slots[i].recording = None;
                self.slots[i].mailbox.tell(LegEvent::RecordingFailed(sentence), &self.punctuality);
            }
        }
        let instant = Instant::now();
        self.farewells.retain_mut(|(mailbox, until)| !mailbox.flush() && instant < *until);
    }

    /// Hands the events of one leg on.
    fn tell(&mut self, i: usize) {
        let mailbox = &mut self.slots[i].mailbox;
        self.events.drain(..).for_each(|event| mailbox.tell(event, &self.punctuality));
    }

    fn close(&mut self, i: usize) {
        let now = self.now();
        self.partners.part(self.slots[i].key);
        let mut slot = self.slots.swap_remove(i);
        self.heard.swap_remove(i);
        self.places.remove(&slot.key);
        if let Some(moved) = self.slots.get(i) {
            self.places.insert(moved.key, i);
        }
        self.count_legs();
        let events = &mut self.events;
        if slot.guarded(|leg| leg.close(now, events)).is_none() {
            events.push(LegEvent::Closed(LegStats::default()));
        }
        let mut bye = [0; RTCP_BYTES];
        if let (Some(Some(len)), Some(to)) = (slot.guarded(|leg| leg.bye(&mut bye)), slot.leg.rtcp_target()) {
            send(slot.rtcp_socket(), &bye[..len], to);
        }
        if slot.recording.is_some() {
            self.recorder.end(slot.key);
        }
        self.events.drain(..).for_each(|event| slot.mailbox.tell(event, &self.punctuality));
        if !slot.mailbox.flush() {
            self.farewells.push((slot.mailbox, Instant::now() + FAREWELL));
        }
    }

    fn close_all(&mut self) {
        while !self.slots.is_empty() {
            self.close(self.slots.len() - 1);
        }
    }

    fn count_legs(&self) {
        self.punctuality.legs.store(self.slots.len() as u64, Ordering::Relaxed);
    }
}

/// The calling thread goes before everything else that this machine does except what it must, as the audio thread does: a late
/// tick is heard by every caller. Needs root or CAP_SYS_NICE; without them the thread is scheduled like others.
pub fn prefer_this_thread() {
    // SAFETY: two system calls on plain numbers; 0 means the calling thread.
    let done = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, AUDIO_NICENESS) };
    if done != 0 {
        tracing::debug!("the audio thread has ordinary priority: CAP_SYS_NICE would let it go first");
    }
}

/// A packet that cannot be sent is a packet lost, which the far end conceals.
fn send(socket: &UdpSocket, packet: &[u8], to: SocketAddr) {
    let _ = socket.send_to(packet, to);
}

fn sleep_until(deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}
