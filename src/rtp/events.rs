//! Keys as named telephone events (RFC 4733): receive each press once, send a press so that it survives loss.

use super::TICK_SAMPLES;
use crate::base::{Digit, Moment};
use std::collections::VecDeque;
use std::time::Duration;

/// An event that fell silent for this long is over, even if none of its end packets came.
const SILENT_AFTER: Duration = Duration::from_millis(200);
/// A packet whose event began at most this many samples (2 s at 8 kHz) before the newest is a straggler of an old press.
const STRAGGLER_SAMPLES: u32 = 16_000;
/// Updates before the end packets: with the end 100 ms of tone, which every receiver takes as a press.
const UPDATES: u8 = 4;
/// End packets (RFC 4733 §2.5.1.4).
const ENDS: u8 = 3;
/// Ticks of audio between two presses.
const PAUSE: u8 = 3;
/// Presses that may wait.
const WAITING_MAX: usize = 32;

/// The payload of one event packet (RFC 4733 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPacket {
    /// Event code; 0–15 are keys.
    pub event: u8,
    /// The press is over.
    pub end: bool,
    /// Length so far, in ticks of the event's clock.
    pub duration: u16,
}

impl EventPacket {
    /// Reads the payload; `None` when it is shorter than an event. More blocks behind the first are ignored.
    pub fn parse(payload: &[u8]) -> Option<EventPacket> {
        let [event, flags, d0, d1] = *payload.first_chunk::<4>()?;
        Some(EventPacket { event, end: flags & 0x80 != 0, duration: u16::from_be_bytes([d0, d1]) })
    }

    /// The payload, at the usual -10 dBm0.
    pub fn bytes(self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | 10, d0, d1]
    }
}

/// Turns event packets into presses: one per press, at its first packet, whichever of its packets that is.
#[derive(Debug, Clone)]
pub struct KeyReceiver {
    last: Option<Press>,
    /// Ticks of the event's clock in an 8-kHz sample: telephone-event may run at any clock (RFC 4733 §2.1).
    scale: u32,
}

impl Default for KeyReceiver {
    fn default() -> KeyReceiver {
        KeyReceiver { last: None, scale: 1 }
    }
}

/// The press that was heard last.
#[derive(Debug, Clone, Copy)]
struct Press {
    event: u8,
    /// Timestamp of its newest segment.
    timestamp: u32,
    duration: u16,
    ended: bool,
    /// Arrival of its newest packet.
    seen: Moment,
}

impl KeyReceiver {
    /// Takes one packet; a key when it is the first of a press.
    pub fn receive(&mut self, now: Moment, marker: bool, timestamp: u32, payload: &[u8]) -> Option<Digit> {
        let packet = EventPacket::parse(payload)?;
        let digit = Digit::from_event(packet.event)?;
        if let Some(last) = self.last.as_mut() {
            if last.event == packet.event && last.continued_by(now, marker, timestamp, &packet, self.scale) {
                last.timestamp = timestamp;
                last.duration = packet.duration;
                last.ended |= packet.end;
                last.seen = now;
                return None;
            }
            let behind = last.timestamp.wrapping_sub(timestamp);
            if behind <= STRAGGLER_SAMPLES * self.scale {
                return None;
            }
        }
        let press = Press { event: packet.event, timestamp, duration: packet.duration, ended: packet.end, seen: now };
        self.last = Some(press);
        Some(digit)
    }

    /// Whether a key is held down: its end has not come and its packets still do.
    pub fn pressed(&self, now: Moment) -> bool {
        self.last.is_some_and(|p| !p.ended && now - p.seen < SILENT_AFTER)
    }

    /// The sender's timestamps began anew (other SSRC).
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// From now on events count a clock of `scale` times 8 kHz.
    pub fn set_scale(&mut self, scale: u32) {
        self.scale = scale.clamp(1, 64);
    }
}

impl Press {
    fn continued_by(&self, now: Moment, marker: bool, timestamp: u32, packet: &EventPacket, scale: u32) -> bool {
        if timestamp == self.timestamp {
            return true;
        }
        if self.ended || now - self.seen >= SILENT_AFTER || marker {
            return false;
        }
        // A press longer than a duration can say goes on in a segment that starts where this one ended
        // (RFC 4733 §2.5.1.3). Loss may have hidden the last updates, so "about there" has to do.
        let after = timestamp.wrapping_sub(self.timestamp);
        // Two seconds at 8 kHz, a third of one at 48.
        let segment = self.duration > u16::MAX - 16_000 && after <= u32::from(u16::MAX) + 1 && packet.duration < self.duration;
        // Some senders move the timestamp with every update of one press; its duration grows as much.
        let growth = u32::from(packet.duration.saturating_sub(self.duration));
        let moving = growth > 0 && after.abs_diff(growth) <= 2 * TICK_SAMPLES * scale;
        segment || moving
    }
}

/// Sends presses, one packet a tick: updates, three end packets, a pause.
#[derive(Debug, Clone, Default)]
pub struct KeySender {
    waiting: VecDeque<Digit>,
    state: Sending,
}

#[derive(Debug, Clone, Copy, Default)]
enum Sending {
    #[default]
    Idle,
    /// Packets sent of this press, which began at this timestamp.
    Press { digit: Digit, timestamp: u32, sent: u8 },
    /// Ticks of audio still due before the next press.
    Pause(u8),
}

/// One event packet to send now instead of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyStep {
    /// Set on the first packet of a press.
    pub marker: bool,
    /// The press's start.
    pub timestamp: u32,
    /// The payload.
    pub packet: EventPacket,
}

impl KeySender {
    /// Room for all waiting presses, so that nothing is allocated later.
    pub fn new() -> KeySender {
        KeySender { waiting: VecDeque::with_capacity(WAITING_MAX), state: Sending::Idle }
    }

    /// Queues a press; false when 32 wait already.
    pub fn press(&mut self, digit: Digit) -> bool {
        let room = self.waiting.len() < WAITING_MAX;
        if room {
            self.waiting.push_back(digit);
        }
        room
    }

    /// Called once per tick with that tick's timestamp: the event packet that leaves instead of audio, if any. `scale` =
    /// ticks of the event's clock in an 8-kHz sample.
    pub fn step(&mut self, timestamp: u32, scale: u32) -> Option<KeyStep> {
        if let Sending::Pause(left) = self.state {
            self.state = if left > 1 { Sending::Pause(left - 1) } else { Sending::Idle };
            return None;
        }
        let (digit, started, sent) = match self.state {
            Sending::Press { digit, timestamp, sent } => (digit, timestamp, sent),
            _ => (self.waiting.pop_front()?, timestamp, 0),
        };
        let duration = u32::from(sent.min(UPDATES) + 1) * TICK_SAMPLES * scale;
        let packet =
            EventPacket { event: digit.event(), end: sent >= UPDATES, duration: u16::try_from(duration).unwrap_or(u16::MAX) };
        self.state = if sent + 1 == UPDATES + ENDS {
            Sending::Pause(PAUSE)
        } else {
            Sending::Press { digit, timestamp: started, sent: sent + 1 }
        };
        Some(KeyStep { marker: sent == 0, timestamp: started, packet })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn keys(text: &str) -> Vec<Digit> {
        text.chars().map(|c| Digit::from_char(c).expect("a key")).collect()
    }

    /// Sends `text` and gives the packets that `keep` lets through to a receiver.
    fn over_the_line(text: &str, keep: impl FnMut(&KeyStep) -> bool) -> Vec<Digit> {
        over_a_line_of(1, text, keep)
    }

    fn over_a_line_of(scale: u32, text: &str, mut keep: impl FnMut(&KeyStep) -> bool) -> Vec<Digit> {
        let (mut sender, mut receiver) = (KeySender::new(), KeyReceiver::default());
        receiver.set_scale(scale);
        keys(text).into_iter().for_each(|d| assert!(sender.press(d)));
        let (mut ts, mut heard) = (u32::MAX - 3_000, Vec::new());
        for tick in 0..600u64 {
            if let Some(step) = sender.step(ts, scale).filter(|s| keep(s)) {
                heard.extend(receiver.receive(
                    Moment::from_millis(tick * 20),
                    step.marker,
                    step.timestamp,
                    &step.packet.bytes(),
                ));
            }
            ts = ts.wrapping_add(TICK_SAMPLES * scale);
        }
        heard
    }

    #[test]
    fn every_press_once_on_a_clean_line() {
        for scale in [1, 2, 6] {
            assert_eq!(over_a_line_of(scale, "1122#*0A", |_| true), keys("1122#*0A"), "{scale} times 8 kHz");
            assert_eq!(over_a_line_of(scale, "3344", |s| s.packet.end), keys("3344"), "{scale} times 8 kHz, only ends");
        }
    }

    #[test]
    fn a_press_is_one_marker_four_updates_and_three_ends() {
        let mut sender = KeySender::new();
        sender.press(Digit::from_char('5').expect("a key"));
        let steps: Vec<_> = (0..12).filter_map(|t| sender.step(1_000 + t * 160, 1)).collect();
        let seen: Vec<_> = steps.iter().map(|s| (s.marker, s.timestamp, s.packet.end, s.packet.duration)).collect();
        let expected = [
            (true, 1_000, false, 160),
            (false, 1_000, false, 320),
            (false, 1_000, false, 480),
            (false, 1_000, false, 640),
            (false, 1_000, true, 800),
            (false, 1_000, true, 800),
            (false, 1_000, true, 800),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn lost_starts_and_lost_ends_cost_nothing() {
        assert_eq!(over_the_line("3344", |s| !s.marker), keys("3344"), "first packets lost");
        assert_eq!(over_the_line("3344", |s| s.packet.end), keys("3344"), "only ends came");
        assert_eq!(over_the_line("3344", |s| !s.packet.end), keys("3344"), "no end came");
        assert_eq!(over_the_line("3344", |s| s.marker), keys("3344"), "only starts came");
    }

    #[test]
    fn random_loss_never_doubles_a_press() {
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let heard = over_the_line("1234567890", |_| rng.random_bool(0.6));
            let all = keys("1234567890");
            let mut rest = all.iter();
            assert!(heard.iter().all(|d| rest.any(|a| a == d)), "seed {seed}: {heard:?}");
            assert!(heard.len() >= 8, "seed {seed}: {heard:?}");
        }
    }

    #[test]
    fn a_press_of_twenty_seconds_is_one_press() {
        let mut receiver = KeyReceiver::default();
        let (mut heard, mut start, mut duration) = (0, 5_000u32, 0u32);
        for tick in 0..1_000u64 {
            duration += 160;
            if duration > 0xffff {
                start = start.wrapping_add(0xffff);
                duration -= 0xffff;
            }
            let packet = EventPacket { event: 5, end: tick >= 997, duration: u16::try_from(duration).unwrap_or(0) };
            heard += i32::from(receiver.receive(Moment::from_millis(tick * 20), tick == 0, start, &packet.bytes()).is_some());
            assert!(receiver.pressed(Moment::from_millis(tick * 20)) != packet.end);
        }
        assert_eq!(heard, 1);
    }

    #[test]
    fn odd_senders_and_stragglers() {
        let mut r = KeyReceiver::default();
        let mut take = |ms: u64, marker: bool, ts: u32, event: u8, end: bool, duration: u16| {
            r.receive(Moment::from_millis(ms), marker, ts, &EventPacket { event, end, duration }.bytes()).is_some()
        };
        // The timestamp moves with every update.
        assert!(take(0, true, 1_000, 1, false, 160));
        assert!(!take(20, false, 1_160, 1, false, 320));
        assert!(!take(40, false, 1_320, 1, true, 480));
        // The next key, and then a straggler of the first.
        assert!(take(200, true, 9_000, 2, false, 160));
        assert!(!take(210, false, 1_320, 1, true, 480));
        // The same key again without an end between, its marker lost.
        assert!(take(380, false, 10_600, 2, false, 320));
        // Flash is no key; a short payload is nothing.
        assert!(!take(900, true, 20_000, 16, false, 160));
        assert!(r.receive(Moment::from_millis(950), true, 30_000, &[1, 2, 3]).is_none());
    }
}
