//! The jitter buffer: packets in as the network brings them, 20 ms out at every tick.
//!
//! The delay follows the measured jitter: it grows when packets come late (a tick is concealed and the late packet still
//! plays) and shrinks by leaving out a tick, preferably a quiet one. So clocks that run apart never fill or drain it for
//! long, and no burst keeps the delay up.

use super::reception::{Order, Reception, samples_at};
use super::slots::{Piece, SLOTS, SlotState, Slots, ahead};
use super::{BUFFER_MS_MAX, Header, PACKET_SAMPLES_MAX, PAYLOAD_BYTES_MAX, ReceptionStats, TICK_SAMPLES};
use crate::base::Moment;

/// Least (20 ms) and most delay that is aimed at, in samples.
const TARGET_MIN: u32 = 160;
const TARGET_MAX: u32 = BUFFER_MS_MAX as u32 * 8;
/// More delay than the target by this much (160 ms) is cut at once, wherever it is.
const EXCESS_MAX: u32 = 1_280;
/// Ticks concealed in a row before the stream counts as paused.
const CONCEAL_MAX: u32 = 5;
/// Ticks concealed before the odd end of a packet plays without its successor.
const TAIL_AFTER: u32 = 2;
/// Ticks over which the least fill is watched before a tick is left out.
const WATCH_TICKS: u32 = 50;
/// A newer packet that is this much (100 ms) older in time tells that the sender's clock was set back.
const CLOCK_BACK: i32 = -800;
/// The least transit is renewed every so many packets (about 5 s), so that drifting clocks do not look like jitter.
const LEAST_PACKETS: u32 = 250;

/// What a tick plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Popped {
    /// Its pieces were handed out.
    Audio {
        /// When the packet that began the tick arrived.
        arrived: Moment,
    },
    /// Something should have been here: conceal.
    Lost,
    /// Nothing is due: not begun, the sender is silent, or a key is being sent.
    Empty,
    /// The sender is silent and asked for noise of this level (RFC 3389: -dBov, 0–127).
    ComfortNoise(u8),
}

/// One stream's buffer. About 16 KiB, allocated once.
#[derive(Debug)]
pub struct Jitter {
    slots: Slots,
    reception: Reception,
    play: Play,
    lateness: Lateness,
    /// Length of the sender's packets in samples.
    packet_samples: u32,
    /// Least fill seen in this watch, and ticks left of it.
    watch: (u32, u32),
    late: u64,
    duplicates: u64,
    trimmed: u64,
}

#[derive(Debug, Clone, Copy)]
enum Play {
    /// Waits for enough packets. `noise` = the sender's last comfort noise level. Nothing before `floor` plays again.
    Waiting { noise: Option<u8>, floor: Option<u32> },
    /// `next` is the timestamp that plays next; everything before `floor` was really played. Between the two lies what was
    /// concealed (`concealed` ticks in a row): packets for it may still come.
    Running { next: u32, floor: u32, concealed: u32, last_sequence: u16 },
}

impl Play {
    fn floor(&self) -> Option<u32> {
        match *self {
            Play::Waiting { floor, .. } => floor,
            Play::Running { floor, .. } => Some(floor),
        }
    }
}

impl Default for Jitter {
    fn default() -> Jitter {
        Jitter::new()
    }
}

impl Jitter {
    /// An empty buffer that expects 20 ms of jitter until it knows better.
    pub fn new() -> Jitter {
        Jitter {
            slots: Slots::new(),
            reception: Reception::default(),
            play: Play::Waiting { noise: None, floor: None },
            lateness: Lateness::new(),
            packet_samples: TICK_SAMPLES,
            watch: (u32::MAX, WATCH_TICKS),
            late: 0,
            duplicates: 0,
            trimmed: 0,
        }
    }

    /// Takes an audio packet of so many samples; timestamps count samples. False when it is of no use: empty, too long,
    /// doubled, too late, or a far jump that the next packet has to confirm.
    pub fn push(&mut self, now: Moment, header: &Header, samples: u16, payload: &[u8]) -> bool {
        let fits = (1..=PAYLOAD_BYTES_MAX).contains(&payload.len()) && (1..=PACKET_SAMPLES_MAX).contains(&samples);
        if !fits || !self.place(header, true) {
            return false;
        }
        self.packet_samples = u32::from(samples);
        self.reception.arrived(now, header.timestamp);
        self.lateness.arrived(samples_at(now).wrapping_sub(header.timestamp));
        if self.doubled(header) {
            return false;
        }
        let old = self.slots.place(header.sequence);
        let newer_waits = old.waiting() && old.sequence.wrapping_sub(header.sequence).cast_signed() > 0;
        if newer_waits || self.play.floor().is_some_and(|f| ahead(header.timestamp, f) < 0) {
            self.late += 1;
            return false;
        }
        self.slots.put(now, header, SlotState::Audio(samples), payload);
        self.rewind();
        true
    }

    /// Takes a comfort noise packet (RFC 3389) with its noise level.
    pub fn push_comfort_noise(&mut self, now: Moment, header: &Header, level: u8) -> bool {
        self.push_quiet(now, header, Some(level & 0x7f))
    }

    /// Takes note of a packet that carries no audio (a key): it has a sequence number of the stream.
    pub fn push_other(&mut self, now: Moment, header: &Header) -> bool {
        self.push_quiet(now, header, None)
    }

    /// 20 ms to play, called once per tick. `quiet`: what played last was quiet, so leaving out a tick would not be heard.
    /// The pieces of a tick with audio go to `take` in their order; they may cover it only in part.
    pub fn pop(&mut self, now: Moment, quiet: bool, take: &mut dyn FnMut(Piece<'_>)) -> Popped {
        if let Play::Waiting { noise, .. } = self.play
            && !self.begin(now)
        {
            return noise.map_or(Popped::Empty, Popped::ComfortNoise);
        }
        self.shrink(quiet);
        let Play::Running { next, concealed, .. } = self.play else { return Popped::Empty };
        let copied = self.slots.covered(next);
        let more_behind = self.slots.newest_end().is_some_and(|e| ahead(e, next) > 160);
        if copied.covered == TICK_SAMPLES || (copied.covered > 0 && (more_behind || concealed >= TAIL_AFTER)) {
            self.slots.pieces(next, &copied, take);
            return self.played(now, next, copied.arrived, copied.sequence);
        }
        self.missing(now, take)
    }

    /// Counters.
    pub fn stats(&self) -> ReceptionStats {
        ReceptionStats { late: self.late, duplicates: self.duplicates, trimmed: self.trimmed, ..self.reception.stats() }
    }

    /// For RTCP reports.
    pub fn reception(&mut self) -> &mut Reception {
        &mut self.reception
    }

    /// The delay that is aimed at, in samples: a packet's length plus how late packets come.
    pub fn target(&self) -> u32 {
        let whole_ticks = self.packet_samples.next_multiple_of(TICK_SAMPLES);
        (whole_ticks + self.lateness.samples()).clamp(TARGET_MIN, TARGET_MAX)
    }

    /// Samples that wait now.
    pub fn fill(&self) -> u32 {
        let Some(end) = self.slots.newest_end() else { return 0 };
        let start = match self.play {
            Play::Running { next, .. } => next,
            Play::Waiting { .. } => self.slots.oldest().map_or(end, |s| s.timestamp),
        };
        u32::try_from(ahead(end, start)).unwrap_or(0)
    }

    /// The timestamp right after everything that came so far.
    pub fn follows(&self) -> u32 {
        self.slots.newest_end().or(self.play.floor()).unwrap_or(0)
    }

    /// Whether the sender is silent on purpose and said so (comfort noise).
    pub fn in_comfort_noise(&self) -> bool {
        matches!(self.play, Play::Waiting { noise: Some(_), .. })
    }

    fn push_quiet(&mut self, now: Moment, header: &Header, noise: Option<u8>) -> bool {
        if !self.place(header, false) || self.doubled(header) {
            return false;
        }
        // The timestamp of a key is its start; beside running audio it may lie in the past and then means nothing.
        if self.play.floor().is_none_or(|f| ahead(header.timestamp, f) >= 0) {
            self.slots.put(now, header, SlotState::Quiet(noise), &[]);
        }
        true
    }

    /// Places a packet in the stream; false = not to be used. Begins anew when the sender did.
    fn place(&mut self, header: &Header, audio: bool) -> bool {
        match self.reception.place(header) {
            Order::Doubtful => return false,
            Order::Restart => self.restart(),
            Order::Newer if audio => {
                let last = self.slots.newest_end().or(self.play.floor());
                if last.is_some_and(|l| ahead(header.timestamp, l) < CLOCK_BACK) {
                    self.restart();
                }
            }
            Order::Newer | Order::Older => {}
        }
        true
    }

    /// Forgets what waits and begins anew with the next packet: the sender began anew, or signalling agreed on another
    /// codec.
    pub fn restart(&mut self) {
        self.slots.clear();
        self.play = Play::Waiting { noise: None, floor: None };
        self.lateness.forget_least();
        self.watch = (u32::MAX, WATCH_TICKS);
        self.reception.forget_transit();
    }

    fn doubled(&mut self, header: &Header) -> bool {
        let slot = self.slots.place(header.sequence);
        let doubled = slot.state != SlotState::Free && slot.sequence == header.sequence && slot.timestamp == header.timestamp;
        self.duplicates += u64::from(doubled);
        doubled
    }

    /// A packet came that belongs before what plays next, in a place that was concealed: let it play, the delay grows.
    fn rewind(&mut self) {
        let Play::Running { next, floor, concealed, .. } = &mut self.play else { return };
        let Some(oldest) = self.slots.oldest().filter(|_| *concealed > 0) else { return };
        let first = if ahead(oldest.timestamp, *floor) < 0 { *floor } else { oldest.timestamp };
        if ahead(first, *next) < 0 {
            *next = first;
        }
    }

    /// Leaves `Waiting` when enough packets wait.
    fn begin(&mut self, now: Moment) -> bool {
        self.drop_leading_quiet();
        let target = self.target();
        let Some(oldest) = self.slots.oldest() else { return false };
        let waited = samples_at(now).wrapping_sub(samples_at(oldest.arrived));
        let enough = waited + self.packet_samples.min(target) >= target;
        // A packet shorter than a tick with nothing behind it still plays in the end.
        if !enough || (self.fill() < TICK_SAMPLES && waited < TARGET_MAX) {
            return false;
        }
        let next = match self.play.floor() {
            Some(f) if ahead(oldest.timestamp, f) < 0 => f,
            _ => oldest.timestamp,
        };
        let last_sequence = oldest.sequence.wrapping_sub(1);
        self.play = Play::Running { next, floor: next, concealed: 0, last_sequence };
        self.watch = (u32::MAX, WATCH_TICKS);
        true
    }

    /// While waiting: keys and noise in front of the first audio are done with, noise sets the level.
    fn drop_leading_quiet(&mut self) {
        let newest = self.reception.newest();
        for _ in 0..SLOTS {
            let Some(slot) = self.slots.first_by_sequence(newest) else { return };
            let SlotState::Quiet(level) = slot.state else { return };
            slot.state = SlotState::Done;
            if let (Some(level), Play::Waiting { noise, .. }) = (level, &mut self.play) {
                *noise = Some(level);
            }
        }
    }

    fn played(&mut self, now: Moment, next: u32, arrived: Option<Moment>, sequence: Option<u16>) -> Popped {
        let next = next.wrapping_add(TICK_SAMPLES);
        self.slots.give_up_before(next);
        let last_sequence = sequence.unwrap_or(self.reception.newest());
        self.play = Play::Running { next, floor: next, concealed: 0, last_sequence };
        Popped::Audio { arrived: arrived.unwrap_or(now) }
    }

    /// Brings the delay down: at once when far too long, else by one tick after a watch in which it was never needed.
    fn shrink(&mut self, quiet: bool) {
        let Play::Running { next, floor, .. } = self.play else { return };
        let (fill, target) = (self.fill(), self.target());
        if fill > target + EXCESS_MAX {
            // Whole ticks, so that ticks and packets keep beginning together.
            return self.skip(next, (fill - target) / TICK_SAMPLES * TICK_SAMPLES);
        }
        let least = self.watch.0.min(fill);
        self.watch = (least, self.watch.1.saturating_sub(1));
        if self.watch.1 > 0 {
            return;
        }
        // When nothing is spare watch anew; when a tick is, wait for a quiet one, unless two are.
        let spare = least.saturating_sub(target);
        if spare < TICK_SAMPLES {
            self.watch = (u32::MAX, WATCH_TICKS);
        } else if (quiet || spare >= 2 * TICK_SAMPLES) && next == floor {
            self.watch = (u32::MAX, WATCH_TICKS);
            self.skip(next, TICK_SAMPLES);
        }
    }

    fn skip(&mut self, next: u32, samples: u32) {
        let next = next.wrapping_add(samples);
        self.trimmed += u64::from(samples.div_ceil(self.packet_samples.max(1)));
        let given_up = self.slots.give_up_before(next);
        if let Play::Running { last_sequence, .. } = self.play {
            let last_sequence = given_up.unwrap_or(last_sequence);
            self.play = Play::Running { next, floor: next, concealed: 0, last_sequence };
        }
    }

    /// Nothing (whole) is there to play: silence on purpose, loss, or lateness.
    fn missing(&mut self, now: Moment, take: &mut dyn FnMut(Piece<'_>)) -> Popped {
        let Play::Running { next, floor, concealed, last_sequence } = self.play else { return Popped::Empty };
        let waiting = Play::Waiting { noise: None, floor: Some(floor) };
        let following = self.slots.following(floor).map(|s| (s.state, s.timestamp, s.sequence));
        match following {
            Some((SlotState::Quiet(_), timestamp, _)) if ahead(timestamp, next) <= 0 => {
                self.play = waiting;
                self.drop_leading_quiet();
                return if let Play::Waiting { noise: Some(n), .. } = self.play {
                    Popped::ComfortNoise(n)
                } else {
                    Popped::Empty
                };
            }
            // The packet after the last one that played begins later: the sender paused (RFC 3551 §4.1).
            Some((SlotState::Audio(_), timestamp, sequence))
                if sequence == last_sequence.wrapping_add(1) && ahead(timestamp, next) > 0 =>
            {
                self.play = waiting;
                let (true, Play::Running { next, .. }) = (self.begin(now), self.play) else { return Popped::Empty };
                let copied = self.slots.covered(next);
                self.slots.pieces(next, &copied, take);
                return self.played(now, next, copied.arrived, copied.sequence);
            }
            _ => {}
        }
        if concealed >= CONCEAL_MAX {
            self.slots.give_up_before(floor);
            self.play = waiting;
            return Popped::Empty;
        }
        // While less waits than the target, hold: the delay grows until late packets arrive in time.
        let waits = self.slots.newest_end().map_or(0, |e| ahead(e, next));
        let hold = waits > 0 && waits.cast_unsigned() < self.target();
        let next = next.wrapping_add(if hold { 0 } else { TICK_SAMPLES });
        self.play = Play::Running { next, floor, concealed: concealed + 1, last_sequence };
        Popped::Lost
    }
}

/// How late packets come compared with the quickest ones.
#[derive(Debug, Clone, Copy)]
struct Lateness {
    /// Least arrival-less-timestamp of this watch and of the last, in samples, wrapping.
    least: Option<[u32; 2]>,
    packets_left: u32,
    /// In 1/16 samples: rises quickly, falls over ten seconds.
    peak_x16: u32,
}

impl Lateness {
    fn new() -> Lateness {
        Lateness { least: None, packets_left: LEAST_PACKETS, peak_x16: TARGET_MIN * 16 }
    }

    fn samples(&self) -> u32 {
        self.peak_x16 / 16
    }

    fn forget_least(&mut self) {
        self.least = None;
    }

    fn arrived(&mut self, transit: u32) {
        let [this, last] = self.least.unwrap_or([transit; 2]);
        let this = if ahead(transit, this) < 0 { transit } else { this };
        let least = if ahead(this, last) < 0 { this } else { last };
        let late_x16 = u32::try_from(ahead(transit, least)).unwrap_or(0).min(TARGET_MAX) * 16;
        self.peak_x16 = match late_x16.checked_sub(self.peak_x16) {
            // Half of the way, so that one stray packet does not decide.
            Some(more) => self.peak_x16 + more / 2,
            None => self.peak_x16 - self.peak_x16 / 512,
        };
        self.packets_left -= 1;
        self.least = Some([this, last]);
        if self.packets_left == 0 {
            self.packets_left = LEAST_PACKETS;
            self.least = Some([transit, this]);
        }
    }
}

#[cfg(test)]
#[path = "jitter_tests.rs"]
mod tests;
