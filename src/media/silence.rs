//! Silence of ours, said by comfort noise (RFC 3389 §4): after a moment of quiet one packet tells how loud the background is,
//! and others follow when that changes or every half second.

use crate::audio::{Frame, peak, power};

/// Under this peak a frame is background: left out of what we say, and skipped unheard in what they say.
pub(super) const QUIET_PEAK: u16 = 300;
/// Quiet ticks before noise replaces sound: the end of a word is not cut off.
const HOLD_TICKS: u32 = 10;
/// Ticks between two noise packets of the same level; it also keeps NATs open.
const EVERY_TICKS: u32 = 25;
/// A change of level that is told at once, dB.
const CHANGE_DB: u8 = 4;

/// Watches what is said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Silence {
    quiet_ticks: u32,
    /// Mean power of the background, full scale = 1.
    background: f32,
    /// Level that was told last and ticks since.
    told: Option<(u8, u32)>,
}

/// What leaves in a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Say {
    /// The sound itself.
    Sound,
    /// One noise packet of this level in -dBov.
    Noise(u8),
    /// Nothing.
    Nothing,
}

impl Silence {
    /// Takes what would be said in this tick. `words`: it is a prompt or a key, in which even quiet counts.
    pub(super) fn tick(&mut self, frame: &Frame, words: bool) -> Say {
        if words || peak(&frame.samples) >= QUIET_PEAK {
            *self = Silence { background: self.background, ..Silence::default() };
            return Say::Sound;
        }
        self.background += (power(&frame.samples) - self.background) / 8.0;
        self.quiet_ticks = self.quiet_ticks.saturating_add(1);
        if self.quiet_ticks <= HOLD_TICKS {
            return Say::Sound;
        }
        // -127 dBov is as quiet as the packet can say (RFC 3389 §3.1).
        let level = (-10.0 * self.background.max(1e-13).log10()).clamp(0.0, 127.0) as u8;
        match self.told.as_mut() {
            Some((before, ago)) if before.abs_diff(level) < CHANGE_DB && *ago < EVERY_TICKS => {
                *ago += 1;
                Say::Nothing
            }
            _ => {
                self.told = Some((level, 1));
                Say::Noise(level)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hum(amplitude: i16) -> Frame {
        Frame { samples: std::array::from_fn(|n| if n / 8 % 2 == 0 { amplitude } else { -amplitude }) }
    }

    /// Ticks of a frame in a row: S sound, n noise, - nothing.
    fn line(silence: &mut Silence, frame: &Frame, ticks: usize) -> String {
        let word = |say| match say {
            Say::Sound => 'S',
            Say::Noise(_) => 'n',
            Say::Nothing => '-',
        };
        (0..ticks).map(|_| word(silence.tick(frame, false))).collect()
    }

    #[test]
    fn quiet_becomes_noise_after_a_moment_and_sound_returns_at_once() {
        let mut s = Silence::default();
        assert_eq!(line(&mut s, &hum(5_000), 3), "SSS");
        assert_eq!(line(&mut s, &Frame::SILENCE, 12), "SSSSSSSSSSn-");
        let expected = format!("{}n{}n-", "-".repeat(23), "-".repeat(24));
        assert_eq!(line(&mut s, &Frame::SILENCE, 50), expected);
        assert_eq!(line(&mut s, &hum(5_000), 1), "S");
        assert_eq!(s.tick(&Frame::SILENCE, true), Say::Sound, "quiet within a prompt stays sound");
    }

    #[test]
    fn the_level_is_that_of_the_background() {
        let mut s = Silence::default();
        let says: Vec<Say> = (0..60).map(|_| s.tick(&hum(104), false)).collect();
        let told: Vec<u8> = says.iter().filter_map(|s| if let Say::Noise(n) = s { Some(*n) } else { None }).collect();
        // 104 of 32768 is -50 dBov.
        assert!((49..=53).contains(&told[0]) && (49..=51).contains(told.last().expect("told")), "{told:?}");
        let mut s = Silence::default();
        let first = (0..20).map(|_| s.tick(&Frame::SILENCE, false)).find(|s| matches!(s, Say::Noise(_)));
        assert_eq!(first, Some(Say::Noise(127)));
    }
}
