//! The shelf of the jitter buffer: packets in fixed places by sequence number. Mechanism only; `jitter` decides.

use super::{Header, PAYLOAD_BYTES_MAX, TICK_SAMPLES};
use crate::base::Moment;
use std::ops::Range;

/// Packets that can wait.
pub(super) const SLOTS: usize = 32;

/// One place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) state: SlotState,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) arrived: Moment,
    len: u16,
    bytes: [u8; PAYLOAD_BYTES_MAX],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotState {
    /// Never used.
    Free,
    /// So many samples to play.
    Audio(u16),
    /// No audio: comfort noise of this level, or another payload (a key) that took this sequence number.
    Quiet(Option<u8>),
    /// Was played or given up; stays to recognise duplicates.
    Done,
}

/// A part of a packet that plays in one tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The whole packet's payload.
    pub payload: &'a [u8],
    /// The packet's timestamp, by which its pieces know each other.
    pub timestamp: u32,
    /// Samples of the packet that were played before.
    pub skip: usize,
    /// Where in the tick's 160 samples it plays.
    pub at: Range<usize>,
}

/// What a tick found on the shelf.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Copied {
    /// Samples of the tick that were there.
    pub(super) covered: u32,
    /// Arrival of the packet that began the tick.
    pub(super) arrived: Option<Moment>,
    /// Newest sequence number that was used.
    pub(super) sequence: Option<u16>,
}

/// All places.
#[derive(Debug)]
pub(super) struct Slots(Box<[Slot; SLOTS]>);

/// `a - b` of wrapping timestamps.
pub(super) fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

impl Slot {
    const FREE: Slot = Slot {
        state: SlotState::Free,
        sequence: 0,
        timestamp: 0,
        arrived: Moment::ZERO,
        len: 0,
        bytes: [0; PAYLOAD_BYTES_MAX],
    };

    pub(super) fn waiting(&self) -> bool {
        matches!(self.state, SlotState::Audio(_) | SlotState::Quiet(_))
    }

    /// Its samples within `[next, next + 160)`, counted from `next`; `None` when it has none there.
    fn part_of(&self, next: u32) -> Option<Range<usize>> {
        let from = ahead(self.timestamp, next).clamp(0, 160).unsigned_abs() as usize;
        let to = ahead(self.end(), next).clamp(0, 160).unsigned_abs() as usize;
        (from < to).then_some(from..to)
    }

    /// Its part of the tick that begins at `next`.
    fn piece(&self, next: u32, at: Range<usize>) -> Piece<'_> {
        let skip = usize::try_from(ahead(next, self.timestamp)).unwrap_or(0);
        let payload = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        Piece { payload, timestamp: self.timestamp, skip, at }
    }

    /// First timestamp after it.
    fn end(&self) -> u32 {
        self.timestamp.wrapping_add(if let SlotState::Audio(n) = self.state { u32::from(n) } else { 0 })
    }
}

impl Slots {
    pub(super) fn new() -> Slots {
        Slots(Box::new([Slot::FREE; SLOTS]))
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(|s| s.state = SlotState::Free);
    }

    /// The place of a sequence number, whatever lies there.
    pub(super) fn place(&self, sequence: u16) -> &Slot {
        &self.0[usize::from(sequence) % SLOTS]
    }

    /// Puts a packet on its place; what lay there is gone.
    pub(super) fn put(&mut self, now: Moment, header: &Header, state: SlotState, payload: &[u8]) {
        let slot = &mut self.0[usize::from(header.sequence) % SLOTS];
        (slot.state, slot.sequence, slot.timestamp, slot.arrived) = (state, header.sequence, header.timestamp, now);
        let len = payload.len().min(PAYLOAD_BYTES_MAX);
        slot.bytes[..len].copy_from_slice(&payload[..len]);
        slot.len = u16::try_from(len).unwrap_or(0);
    }

    /// Audio that waits.
    pub(super) fn audio(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter(|s| matches!(s.state, SlotState::Audio(_)))
    }

    /// The audio packet with the oldest timestamp.
    pub(super) fn oldest(&self) -> Option<&Slot> {
        self.audio().reduce(|a, b| if ahead(b.timestamp, a.timestamp) < 0 { b } else { a })
    }

    /// First timestamp after all audio that waits.
    pub(super) fn newest_end(&self) -> Option<u32> {
        self.audio().map(Slot::end).reduce(|a, b| if ahead(b, a) > 0 { b } else { a })
    }

    /// What waits with the oldest timestamp, counted from `floor`; quiet before audio where both begin together.
    pub(super) fn following(&self, floor: u32) -> Option<&Slot> {
        let key = |s: &Slot| (ahead(s.timestamp, floor), matches!(s.state, SlotState::Audio(_)));
        self.0.iter().filter(|s| s.waiting()).min_by_key(|s| key(s))
    }

    /// What waits with the oldest sequence number, `newest` being the newest that was received.
    pub(super) fn first_by_sequence(&mut self, newest: u16) -> Option<&mut Slot> {
        self.0.iter_mut().filter(|s| s.waiting()).max_by_key(|s| newest.wrapping_sub(s.sequence).cast_signed())
    }

    /// What waits for `[next, next + 160)`.
    pub(super) fn covered(&self, next: u32) -> Copied {
        let mut copied = Copied::default();
        let (mut first, mut last) = (i32::MAX, i32::MIN);
        for slot in self.audio() {
            let Some(at) = slot.part_of(next) else { continue };
            copied.covered = (copied.covered + u32::try_from(at.len()).unwrap_or(0)).min(TICK_SAMPLES);
            let begins = ahead(slot.timestamp, next);
            if begins < first {
                (first, copied.arrived) = (begins, Some(slot.arrived));
            }
            if begins > last {
                (last, copied.sequence) = (begins, Some(slot.sequence));
            }
        }
        copied
    }

    /// Hands out what waits for `[next, next + 160)`, in the order of the samples. `found` is what [`Slots::covered`] said.
    pub(super) fn pieces(&self, next: u32, found: &Copied, take: &mut dyn FnMut(Piece<'_>)) {
        // Nearly always one packet is the whole tick.
        if let Some(slot) = found.sequence.map(|s| self.place(s))
            && slot.part_of(next) == Some(0..160)
        {
            return take(slot.piece(next, 0..160));
        }
        let mut after = i64::MIN;
        // At most all of them have a part.
        for _ in 0..SLOTS {
            let begins = |s: &Slot| i64::from(ahead(s.timestamp, next));
            let later = self.audio().filter(|s| begins(s) > after && s.part_of(next).is_some());
            let Some(slot) = later.min_by_key(|s| begins(s)) else { return };
            after = begins(slot);
            let Some(at) = slot.part_of(next) else { return };
            take(slot.piece(next, at));
        }
    }

    /// Everything that ends before or at `floor` is done with; the newest sequence number among it.
    pub(super) fn give_up_before(&mut self, floor: u32) -> Option<u16> {
        let mut newest: Option<(i32, u16)> = None;
        for slot in self.0.iter_mut().filter(|s| s.waiting()) {
            let end = ahead(slot.end(), floor);
            // Quiet that begins exactly here is still to come.
            if end > 0 || (end == 0 && matches!(slot.state, SlotState::Quiet(_))) {
                continue;
            }
            slot.state = SlotState::Done;
            if newest.is_none_or(|(t, _)| end > t) {
                newest = Some((end, slot.sequence));
            }
        }
        newest.map(|n| n.1)
    }
}
