//! Keys in the sound (ITU-T Q.23), for lines without telephone-event: a Goertzel bank over overlapping blocks and the limits
//! of Q.24. Speech must not press keys, so nearly all of the sound has to be the two tones, and to stay so.

use super::{FRAME_SAMPLES, Frame, LINE_RATE};
use crate::base::Digit;
use std::f32::consts::TAU;

/// Samples in a block, 12.75 ms: the rows can just be told apart (79 Hz a bin).
const BLOCK: usize = 102;
/// A new block begins every so many samples.
const STEP: usize = 51;
const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
const KEYS: [u8; 16] = *b"123A456B789C*0#D";
/// Blocks in a row that must say the same: 32 ms, so that every tone of 40 ms is heard (Q.24).
const BLOCKS_ON: u32 = 4;
/// Blocks in a row without it after which the key is up: interruptions of 10 ms do not double it (Q.24).
const BLOCKS_OFF: u32 = 4;
/// The two tones are at least this share of all power: 1.5 % off their frequencies (Q.24) they lose a fifth.
const SHARE_LEAST: f32 = 0.72;
/// The best of a group is this much stronger than the group's others (6 dB).
const AHEAD: f32 = 4.0;
/// The column's tone may be 4 dB stronger than the row's, and 8 dB weaker (Q.24); in a short block each tone leaks into the
/// other's measure, so 2 and 3 dB more are allowed.
const TWIST_HIGH: f32 = 4.0;
const TWIST_LOW: f32 = 0.08;
/// Mean power of a block under which nothing is looked for: -40 dBFS, well under the -25 dBm0 that Q.24 wants heard.
const POWER_LEAST: f32 = 32_768.0 * 32_768.0 * 1e-4;

/// Hears keys. One per leg that has no telephone-event; nothing is allocated.
#[derive(Debug, Clone)]
pub struct DtmfDetector {
    /// The last samples, oldest first; the first `filled` are valid.
    samples: [i16; BLOCK + FRAME_SAMPLES],
    filled: usize,
    /// What the last blocks said, and how many of them.
    last: Option<u8>,
    same: u32,
    /// The key that is down, and blocks without it.
    down: Option<u8>,
    missed: u32,
}

impl Default for DtmfDetector {
    fn default() -> DtmfDetector {
        DtmfDetector::new()
    }
}

impl DtmfDetector {
    /// Has heard nothing.
    pub fn new() -> DtmfDetector {
        DtmfDetector { samples: [0; BLOCK + FRAME_SAMPLES], filled: 0, last: None, same: 0, down: None, missed: 0 }
    }

    /// Takes 20 ms of what the far end said; a key when one was pressed, once per press.
    pub fn push(&mut self, frame: &Frame) -> Option<Digit> {
        // Less than a block waits, so a frame always has room.
        self.samples[self.filled..self.filled + FRAME_SAMPLES].copy_from_slice(&frame.samples);
        self.filled += FRAME_SAMPLES;
        let (mut at, mut pressed) = (0, None);
        while self.filled - at >= BLOCK {
            let key = key_in(&self.samples[at..at + BLOCK]);
            pressed = self.block(key).or(pressed);
            at += STEP;
        }
        self.samples.copy_within(at..self.filled, 0);
        self.filled -= at;
        pressed.and_then(|key| Digit::from_char(char::from(key)))
    }

    /// What one block says; the key when that makes it a press.
    fn block(&mut self, key: Option<u8>) -> Option<u8> {
        self.same = if key == self.last { self.same.saturating_add(1) } else { 1 };
        self.last = key;
        if self.down.is_some() && key != self.down {
            self.missed += 1;
            if self.missed >= BLOCKS_OFF {
                self.down = None;
            }
        } else {
            self.missed = 0;
        }
        let pressed = key.filter(|_| self.same == BLOCKS_ON && self.down != key);
        if pressed.is_some() {
            (self.down, self.missed) = (pressed, 0);
        }
        pressed
    }
}

/// The key that a block sounds like.
fn key_in(block: &[i16]) -> Option<u8> {
    let energy: f32 = block.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
    if energy < POWER_LEAST * BLOCK as f32 {
        return None;
    }
    let (row, row_power) = strongest(block, &ROWS)?;
    let (column, column_power) = strongest(block, &COLUMNS)?;
    // A tone of amplitude A has energy A²N/2 in the block, and the bank shows (AN/2)².
    let share = 2.0 * (row_power + column_power) / (BLOCK as f32 * energy);
    let twist = column_power / row_power;
    (share >= SHARE_LEAST && (TWIST_LOW..=TWIST_HIGH).contains(&twist)).then(|| KEYS[row * 4 + column])
}

/// Which of a group is clearly the strongest, and its power.
fn strongest(block: &[i16], group: &[f32; 4]) -> Option<(usize, f32)> {
    let powers = group.map(|hertz| power_at(block, hertz));
    let best = (0..4).max_by(|a, b| powers[*a].total_cmp(&powers[*b]))?;
    let clear = (0..4).all(|n| n == best || powers[best] >= AHEAD * powers[n]);
    clear.then_some((best, powers[best]))
}

/// Goertzel's algorithm.
fn power_at(block: &[i16], hertz: f32) -> f32 {
    let coefficient = 2.0 * (TAU * hertz / LINE_RATE as f32).cos();
    let (mut s1, mut s2) = (0.0f32, 0.0f32);
    for sample in block {
        let s0 = f32::from(*sample) + coefficient * s1 - s2;
        (s2, s1) = (s1, s0);
    }
    (s1 * s1 + s2 * s2 - coefficient * s1 * s2).max(0.0)
}

#[cfg(test)]
#[path = "dtmf_tests.rs"]
mod tests;
