//! The plane: one thread that owns the sockets of all its legs and serves them every 20 ms. This is the handle; `run` is the
//! thread, `leg` (one folder up) is what a leg does.

mod lateness;
mod partners;
mod ports;
mod run;

pub use lateness::Lateness;
pub use run::prefer_this_thread;

use super::face::{LegCommand, LegEvent, LegKey};
use super::leg::{Leg, LegSeed};
use super::recorder::Recorder;
use crate::audio::Tap;
use lateness::Punctuality;
use ports::{Pair, Ports};
use run::{Message, Run, Slot};
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Commands that may wait for the next tick.
const MESSAGES_MAX: usize = 8_192;

/// How a plane is set up.
#[derive(Debug, Clone)]
pub struct PlaneConfig {
    /// Local address of the RTP sockets.
    pub bind: IpAddr,
    /// Ports for RTP (the even ones; RTCP takes the odd one above). `0..=0` lets the system choose.
    pub ports: RangeInclusive<u16>,
    /// Silence on the wire after which a leg tells [`LegEvent::NoRtp`].
    pub no_rtp: Duration,
    /// Moment zero of the process.
    pub epoch: Instant,
}

/// Why a plane or a leg cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Every pair of ports is taken.
    #[error("no RTP port is free: widen the port range, or take fewer calls at once")]
    NoPort,
    /// The range holds no even port with the odd one above it.
    #[error("the RTP port range {first}-{last} holds no pair of an even port and the odd one above it: write a wider range")]
    Range {
        /// As given.
        first: u16,
        /// As given.
        last: u16,
    },
    /// The address is not ours, or the system refuses.
    #[error("no RTP socket can be opened on {address}: {source}; write an address of this machine")]
    Bind {
        /// As given.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No thread can be started.
    #[error("the audio thread cannot be started: {0}")]
    Thread(io::Error),
    /// The plane was stopped, or is too busy to take another leg.
    #[error("the audio plane takes no more legs now")]
    Gone,
}

/// The audio plane. A handle that can be cloned; the thread ends with [`Plane::stop`] or when the last handle is dropped.
#[derive(Clone)]
pub struct Plane {
    shared: Arc<Shared>,
}

struct Shared {
    messages: SyncSender<Message>,
    ports: Ports,
    no_rtp: Duration,
    next_key: AtomicU64,
    punctuality: Arc<Punctuality>,
    /// Taken by whoever stops the plane. The lock is outside the audio path.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Plane {
    /// Starts the thread `media-0` and the recorder's.
    pub fn start(config: PlaneConfig) -> Result<Plane, MediaError> {
        let ports = Ports::new(config.bind, &config.ports)?;
        let (messages, from) = sync_channel(MESSAGES_MAX);
        let punctuality = Arc::new(Punctuality::new());
        let recorder = Recorder::start().map_err(MediaError::Thread)?;
        let run = Run::new(config.epoch, from, recorder, Arc::clone(&punctuality));
        let thread = thread::Builder::new().name("media-0".into()).spawn(move || run.run()).map_err(MediaError::Thread)?;
        Ok(Plane {
            shared: Arc::new(Shared {
                messages,
                ports,
                no_rtp: config.no_rtp,
                next_key: AtomicU64::new(1),
                punctuality,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Opens a leg: its key and its local RTP port, which is bound when this returns. What happens on it goes to `events`
    /// (give it room for 64 or more), what is said on it to `tap`.
    pub fn open(
        &self,
        events: tokio::sync::mpsc::Sender<(LegKey, LegEvent)>,
        tap: Option<SyncSender<Tap>>,
    ) -> Result<(LegKey, u16), MediaError> {
        self.open_with(self.shared.ports.bind()?, events, tap)
    }

    /// The same on a port of the loopback that the system chooses: for a far end in this process, such as a browser's connection.
    pub fn open_inside(
        &self,
        events: tokio::sync::mpsc::Sender<(LegKey, LegEvent)>,
        tap: Option<SyncSender<Tap>>,
    ) -> Result<(LegKey, u16), MediaError> {
        let inside = Ports::new(std::net::Ipv4Addr::LOCALHOST.into(), &(0..=0))?;
        self.open_with(inside.bind()?, events, tap)
    }

    fn open_with(
        &self,
        pair: Pair,
        events: tokio::sync::mpsc::Sender<(LegKey, LegEvent)>,
        tap: Option<SyncSender<Tap>>,
    ) -> Result<(LegKey, u16), MediaError> {
        let port = pair.port;
        let key = LegKey(self.shared.next_key.fetch_add(1, Ordering::Relaxed));
        // Below 2^15, so that nobody misses the wrap that SRTP counts (RFC 3711 §3.3.1).
        let sequence = rand::random::<u16>() & 0x7fff;
        let seed = LegSeed { ssrc: rand::random(), sequence, timestamp: rand::random() };
        let leg = Leg::new(seed, self.shared.no_rtp, tap);
        let slot = Slot::new(key, leg, pair, events);
        self.shared.messages.try_send(Message::Open(Box::new(slot))).map_err(|_| MediaError::Gone)?;
        Ok((key, port))
    }

    /// Tells a leg something; it is done in the next tick at the latest. False when the plane is gone or its queue is full.
    /// A leg that is closed already does nothing.
    pub fn command(&self, leg: LegKey, command: LegCommand) -> bool {
        self.shared.messages.try_send(Message::Command(leg, command)).is_ok()
    }

    /// How punctual the plane has been so far.
    pub fn lateness(&self) -> Lateness {
        self.shared.punctuality.snapshot()
    }

    /// Counts [`Plane::lateness`] anew from here (for figures of a steady state).
    pub fn restart_lateness(&self) {
        self.shared.punctuality.restart();
    }

    /// Closes every leg, finishes the recordings and waits for the threads: at most a few ticks and what the disk needs.
    pub fn stop(&self) {
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        let mut message = Message::Stop;
        while let Err(TrySendError::Full(back)) = self.shared.messages.try_send(message) {
            // The plane empties its queue every tick.
            thread::sleep(Duration::from_millis(5));
            message = back;
        }
        let _ = thread.join();
    }

    #[cfg(test)]
    pub(super) fn break_leg(&self, leg: LegKey) {
        let _ = self.shared.messages.try_send(Message::Break(leg));
    }
}

#[cfg(test)]
mod tests;
