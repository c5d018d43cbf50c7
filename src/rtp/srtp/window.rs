//! Replay protection (RFC 3711 §3.3.2): which of the last 64 packets came.

/// Packets behind the newest that are remembered.
const LENGTH: u64 = 64;

/// The newest index and the 64 before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    newest: u64,
    /// Bit n: index `newest - n` came.
    came: u64,
}

impl Window {
    /// The window after an authentic packet of this index.
    pub(super) fn with(before: Option<Window>, index: u64) -> Window {
        let Some(Window { newest, came }) = before else { return Window { newest: index, came: 1 } };
        match index.checked_sub(newest) {
            Some(ahead) => {
                Window { newest: index, came: came.checked_shl(u32::try_from(ahead).unwrap_or(64)).unwrap_or(0) | 1 }
            }
            None => Window { newest, came: came | 1u64.checked_shl(u32::try_from(newest - index).unwrap_or(64)).unwrap_or(0) },
        }
    }

    /// Came already, or is too old to tell.
    pub(super) fn seen(&self, index: u64) -> bool {
        match self.newest.checked_sub(index) {
            Some(behind) => behind >= LENGTH || self.came >> behind & 1 == 1,
            None => false,
        }
    }

    /// The index that a sequence number most probably has: the rollover counter that brings it nearest to the newest
    /// (RFC 3711 §3.3.1 and appendix A).
    pub(super) fn nearest(&self, sequence: u16) -> u64 {
        let (roc, newest) = (self.newest >> 16, (self.newest & 0xffff) as u16);
        let roc = if newest < 0x8000 && sequence.saturating_sub(newest) > 0x8000 {
            // Before the wrap; nothing is before the first.
            roc.saturating_sub(1)
        } else if newest >= 0x8000 && newest - 0x8000 > sequence {
            roc + 1
        } else {
            roc
        };
        roc << 16 | u64::from(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_passes_once_and_old_ones_never() {
        let mut window = None;
        for index in [100, 101, 105, 103, 104, 70] {
            assert!(window.is_none_or(|w: Window| !w.seen(index)), "{index}");
            window = Some(Window::with(window, index));
            assert!(window.is_some_and(|w| w.seen(index)), "{index}");
        }
        let w = window.expect("there");
        assert!(w.seen(41) && w.seen(0) && !w.seen(42) && !w.seen(102));
        let far = Window::with(window, 1_000_000);
        assert!(far.seen(105) && !far.seen(999_999));
    }

    #[test]
    fn the_rollover_counter_is_guessed_over_the_wrap() {
        let at = |newest: u64| Window { newest, came: 1 };
        assert_eq!(at(65_534).nearest(2), 0x1_0002);
        assert_eq!(at(0x1_0002).nearest(65_533), 65_533);
        assert_eq!(at(0x5_1234).nearest(0x1235), 0x5_1235);
        assert_eq!(at(0x5_1234).nearest(0x0fff), 0x5_0fff);
        // At the beginning there is no counter before 0.
        assert_eq!(at(5).nearest(65_000), 65_000);
    }
}
