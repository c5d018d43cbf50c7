//! Whether the far end is talking, by energy alone: what a phone's owner would call "it stopped". Pure.

use std::time::Duration;

/// Louder than this is talk (RMS of one packet, of 32768). Line silence and comfort noise lie below, the gateway's
/// hold music deliberately above.
const LOUD: f32 = 160.0;

/// Quiet that makes an end: longer than the pauses inside a prompt.
pub(crate) const QUIET: Duration = Duration::from_millis(700);

/// Follows one stream of packets. Times are micros on the owner's clock.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    /// First and last loud packet of the stretch that is going on.
    now: Option<(u64, u64)>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TalkChange {
    /// Began with the packet at this time.
    Started(u64),
    /// The last loud packet came at this time.
    Stopped(u64),
}

impl Talk {
    /// A packet came in at `at`.
    pub(crate) fn packet(&mut self, at: u64, samples: &[i16]) -> Option<TalkChange> {
        if loudness(samples) < LOUD {
            return self.quiet(at);
        }
        match &mut self.now {
            Some((_, last)) => {
                *last = at;
                None
            }
            None => {
                self.now = Some((at, at));
                Some(TalkChange::Started(at))
            }
        }
    }

    /// Nothing loud until `at`.
    pub(crate) fn quiet(&mut self, at: u64) -> Option<TalkChange> {
        let (_, last) = self.now?;
        if at.saturating_sub(last) < QUIET.as_micros() as u64 {
            return None;
        }
        self.now = None;
        Some(TalkChange::Stopped(last))
    }
}

fn loudness(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f32 = samples.iter().map(|&s| f32::from(s) * f32::from(s)).sum();
    (sum / samples.len() as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_inside_a_sentence_are_no_end() {
        let (loud, soft) = ([3_000i16; 160], [3i16; 160]);
        let mut talk = Talk::default();
        assert_eq!(talk.packet(0, &soft), None);
        assert_eq!(talk.packet(20_000, &loud), Some(TalkChange::Started(20_000)));
        assert_eq!(talk.packet(400_000, &soft), None);
        assert_eq!(talk.packet(420_000, &loud), None);
        assert_eq!(talk.packet(1_119_000, &soft), None);
        assert_eq!(talk.packet(1_120_000, &soft), Some(TalkChange::Stopped(420_000)));
        assert!(talk.now.is_none());
    }
}
