//! Packet loss concealment after the idea of ITU-T G.711 Appendix I: say the last pitch period again, let it fade over
//! 60 ms, and cross-fade into the sound when it is back. Unlike the appendix it adds no delay: the first repeated samples
//! are bent onto the last heard one instead.

use super::{FRAME_SAMPLES, Frame};

/// Longest pitch period that is looked for: 15 ms, 66 Hz.
const PERIOD_MAX: usize = 120;
/// Shortest: 5 ms, 200 Hz. Higher voices are repeated by a multiple of their period.
const PERIOD_MIN: usize = 40;
/// Samples over which two periods are compared.
const COMPARED: usize = 160;
/// What is remembered: three longest periods and room for the joint.
const MEMORY: usize = 3 * PERIOD_MAX + PERIOD_MAX / 4;
/// Samples after which repetition has become silence: 60 ms.
const FADED: usize = 480;
/// Samples before it begins to fade: 10 ms.
const FULL: usize = 80;

/// Fills in for packets that never came. One per direction of a leg.
#[derive(Debug, Clone)]
pub struct Concealer {
    /// The last samples that were played, newest last; concealed ones are not among them.
    heard: [i16; MEMORY],
    /// What is repeated; its first `cycle` samples are valid.
    loop_buf: [f32; MEMORY],
    /// Length of the repeated part, whole periods; 0 until the first loss.
    cycle: usize,
    /// Pitch period in samples.
    period: usize,
    /// Samples concealed since the last good frame; 0 = none missing.
    missing: usize,
    /// Place in `loop_buf` of the next sample.
    place: usize,
    /// How far the first repeated sample would jump; bent away over a quarter period.
    jump: f32,
}

impl Default for Concealer {
    fn default() -> Concealer {
        Concealer::new()
    }
}

impl Concealer {
    /// Remembers silence.
    pub fn new() -> Concealer {
        Concealer { heard: [0; MEMORY], loop_buf: [0.0; MEMORY], cycle: 0, period: 0, missing: 0, place: 0, jump: 0.0 }
    }

    /// Takes a frame that arrived. After a loss its beginning is cross-faded with the repetition (4 ms and 4 ms more for
    /// each 10 ms lost, 10 ms at most); otherwise it is left as it is.
    pub fn good(&mut self, frame: &mut Frame) {
        if self.missing > 0 {
            let overlap = (32 + self.missing * 32 / 80).min(80);
            for (i, s) in frame.samples.iter_mut().take(overlap).enumerate() {
                let share = (i + 1) as f32 / (overlap + 1) as f32;
                *s = (f32::from(*s) * share + self.next() * (1.0 - share)) as i16;
            }
            self.missing = 0;
        }
        self.heard.copy_within(FRAME_SAMPLES.., 0);
        self.heard[MEMORY - FRAME_SAMPLES..].copy_from_slice(&frame.samples);
    }

    /// Makes a frame in place of one that is missing. Silence from 60 ms on.
    pub fn lost(&mut self) -> Frame {
        let mut out = Frame::SILENCE;
        if self.missing >= FADED {
            return out;
        }
        match self.missing {
            0 => {
                self.place = 0;
                self.period = self.find_period();
                let last = self.heard[MEMORY - 1];
                self.jump = f32::from(last) - f32::from(self.heard[MEMORY - 1 - self.period]);
                self.repeat(1);
            }
            // More periods in the loop with every frame: one alone soon sounds like a buzzer.
            FRAME_SAMPLES => self.repeat(2),
            _ => self.repeat(3),
        }
        for s in &mut out.samples {
            *s = self.next() as i16;
        }
        out
    }

    /// The next repeated sample with its fade.
    fn next(&mut self) -> f32 {
        let quarter = self.period / 4;
        let fade = 1.0 - self.missing.saturating_sub(FULL) as f32 / (FADED - FULL) as f32;
        let mut sample = self.loop_buf[self.place];
        if self.missing < quarter {
            sample += self.jump * (1.0 - self.missing as f32 / quarter as f32);
        }
        self.missing += 1;
        self.place = (self.place + 1) % self.cycle;
        sample * fade.max(0.0)
    }

    /// Builds the loop from the last `periods` periods; its end is cross-faded with what came before its beginning, so that it
    /// can follow itself. The place is kept in phase.
    fn repeat(&mut self, periods: usize) {
        let phase = self.place % self.period;
        self.cycle = self.period * periods;
        let from = MEMORY - self.cycle;
        for (to, &s) in self.loop_buf.iter_mut().zip(&self.heard[from..]) {
            *to = f32::from(s);
        }
        let quarter = self.period / 4;
        for i in 0..quarter {
            let share = (i + 1) as f32 / (quarter + 1) as f32;
            let before = f32::from(self.heard[from - quarter + i]);
            let to = &mut self.loop_buf[self.cycle - quarter + i];
            *to = *to * (1.0 - share) + before * share;
        }
        self.place = phase;
    }

    /// The lag at which the last 20 ms look most like what was before them (normalised correlation).
    fn find_period(&self) -> usize {
        let now = &self.heard[MEMORY - COMPARED..];
        let mut best = (PERIOD_MAX, 0.0f32);
        for lag in PERIOD_MIN..=PERIOD_MAX {
            let then = &self.heard[MEMORY - COMPARED - lag..MEMORY - lag];
            let (mut cross, mut energy) = (0.0f32, 1.0f32);
            for (&a, &b) in now.iter().zip(then) {
                cross += f32::from(a) * f32::from(b);
                energy += f32::from(b) * f32::from(b);
            }
            let score = cross.max(0.0) / energy.sqrt();
            if score > best.1 {
                best = (lag, score);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::rms_dbfs;
    use super::*;

    /// Buzz through two resonances with a gliding pitch and a syllable envelope: near enough to speech for a repeater.
    fn speech_like(frames: usize) -> Vec<Frame> {
        let (mut phase, mut y) = (0.0f32, [[0.0f32; 2]; 2]);
        let mut out = vec![Frame::SILENCE; frames];
        for n in 0..frames * FRAME_SAMPLES {
            let t = n as f32 / 8_000.0;
            phase += (120.0 + 20.0 * (t * 2.0).sin()) / 8_000.0;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase = phase.fract();
            let mut s = pulse;
            for (k, hertz) in [600.0f32, 1_400.0].into_iter().enumerate() {
                let (r, w) = (0.97, std::f32::consts::TAU * hertz / 8_000.0);
                let v = s + 2.0 * r * w.cos() * y[k][0] - r * r * y[k][1];
                y[k] = [v, y[k][0]];
                s = v;
            }
            let envelope = 0.3 + 0.7 * (t * 4.0 * std::f32::consts::PI).sin().abs();
            out[n / FRAME_SAMPLES].samples[n % FRAME_SAMPLES] = (s * envelope * 900.0) as i16;
        }
        out
    }

    fn snr_db(clean: &[Frame], heard: &[Frame]) -> f32 {
        let (mut signal, mut noise) = (0f64, 1f64);
        for (c, h) in clean.iter().zip(heard) {
            for (&c, &h) in c.samples.iter().zip(&h.samples) {
                signal += f64::from(c).powi(2);
                noise += (f64::from(c) - f64::from(h)).powi(2);
            }
        }
        (10.0 * (signal / noise).log10()) as f32
    }

    #[test]
    fn it_beats_silence_at_every_loss_rate() {
        let clean = speech_like(500);
        for (seed, percent) in [(1u32, 2), (2, 5), (3, 10), (4, 20)] {
            let (mut state, mut concealer) = (seed, Concealer::new());
            let (mut concealed, mut silenced) = (Vec::new(), Vec::new());
            for frame in &clean {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if (state >> 16) % 100 < percent {
                    concealed.push(concealer.lost());
                    silenced.push(Frame::SILENCE);
                } else {
                    let mut f = *frame;
                    concealer.good(&mut f);
                    concealed.push(f);
                    silenced.push(*frame);
                }
            }
            let (with, without) = (snr_db(&clean, &concealed), snr_db(&clean, &silenced));
            println!("loss {percent} % (seed {seed}): concealed {with:.1} dB, silence {without:.1} dB");
            assert!(with > without + 1.0, "seed {seed}: {with} against {without}");
        }
    }

    #[test]
    fn it_fades_within_60_ms_and_stays_silent() {
        let mut concealer = Concealer::new();
        for f in speech_like(20) {
            concealer.good(&mut f.clone());
        }
        let levels: Vec<f32> = (0..5).map(|_| rms_dbfs(&concealer.lost().samples)).collect();
        assert!(levels[0] > levels[1] && levels[1] > levels[2], "{levels:?}");
        assert_eq!(concealer.lost(), Frame::SILENCE);
        assert_eq!(levels[3], super::super::QUIETEST_DBFS);
    }

    #[test]
    fn without_loss_nothing_is_touched_and_without_sound_nothing_is_invented() {
        let mut concealer = Concealer::new();
        assert_eq!(concealer.lost(), Frame::SILENCE);
        let mut after = speech_like(3)[2];
        concealer.good(&mut after);
        for f in speech_like(10) {
            let mut g = f;
            concealer.good(&mut g);
            assert_eq!(f, g);
        }
    }

    #[test]
    fn joints_do_not_click() {
        let clean = speech_like(40);
        let largest = |frames: &[Frame]| {
            let all: Vec<i16> = frames.iter().flat_map(|f| f.samples).collect();
            all.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap_or(0)
        };
        let mut concealer = Concealer::new();
        let heard: Vec<Frame> = clean
            .iter()
            .enumerate()
            .map(|(i, f)| {
                let mut g = *f;
                if i % 7 >= 5 {
                    concealer.lost()
                } else {
                    concealer.good(&mut g);
                    g
                }
            })
            .collect();
        assert!(largest(&heard) <= largest(&clean) * 5 / 4, "{} > {}", largest(&heard), largest(&clean));
    }
}
