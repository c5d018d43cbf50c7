//! Machines that call: a fax by its calling tone (ITU-T T.30 §4.1: 1100 ± 38 Hz, half a second every 3.5 s) or by its answer tone
//! (2100 ± 15 Hz for some seconds), an answering machine by the beep after its greeting and the silence in which it records.
//!
//! What is told of an answering machine is a suspicion: a person who says something, then beeps and then thinks for eight seconds looks
//! the same. The call must not hang up on that alone.

use crate::base::CallingMachine;

/// Frames of 20 ms in a second.
const SECOND: u32 = 50;
/// The calling tone, hertz. A line is measured to within a few.
const CALLING: std::ops::RangeInclusive<f32> = 1_055.0..=1_145.0;
/// Frames of one of its bursts: 0.43 to 0.58 s, and the 64 ms of a measurement more or less.
const BURST: std::ops::RangeInclusive<u32> = 18..=33;
/// Frames from burst to burst: 3.5 s, give or take 15 %.
const RHYTHM: std::ops::RangeInclusive<u32> = 145..=205;
/// The answer tone, hertz: also that of modems, whose phase is turned round every 450 ms (ITU-T V.8).
const ANSWERING: std::ops::RangeInclusive<f32> = 2_080.0..=2_120.0;
/// So much of it is certain: two seconds.
const ANSWERING_FRAMES: u32 = 2 * SECOND;
/// A beep, hertz and frames (0.2 to 1.5 s).
const BEEP: std::ops::RangeInclusive<f32> = 350.0..=2_200.0;
const BEEP_FRAMES: std::ops::RangeInclusive<u32> = 10..=75;
/// A greeting came before it: frames in which a voice glides, the last of them counting most.
const GREETING_FRAMES: f32 = 30.0;
/// They count for this much less with each frame: half after fourteen seconds.
const FORGETS: f32 = 0.999;
/// And nobody spoke in the eight seconds behind it, beside a few such frames.
const RECORDING: u32 = 8 * SECOND;
const STRAY: u32 = 8;
/// A tone is the same tone within this many hertz …
const SAME: f32 = 4.0;
/// … also behind so many frames without it.
const GAP: u32 = 3;

/// Listens to one line. Frames in, at most one machine of each kind out.
#[derive(Debug, Default)]
pub(super) struct MachineEar {
    /// Frames so far.
    at: u32,
    tone: Option<Tone>,
    /// Where the last burst of a calling tone began.
    burst: Option<u32>,
    /// How much voice there was lately.
    greeting: f32,
    /// Where a beep after a greeting ended, and frames of voice since.
    beeped: Option<(u32, u32)>,
    told: [bool; 2],
}

#[derive(Debug, Clone, Copy)]
struct Tone {
    hertz: f32,
    began: u32,
    last: u32,
}

impl MachineEar {
    /// Takes the next frame: the frequency of the tone that it holds and nothing else, and whether it holds a voice.
    pub(super) fn push(&mut self, tone: Option<f32>, voice: bool) -> Option<CallingMachine> {
        self.at = self.at.wrapping_add(1);
        self.greeting = self.greeting * FORGETS + f32::from(u8::from(voice));
        if voice {
            self.burst = None;
            self.beeped = self.beeped.map(|(at, voices)| (at, voices + 1)).filter(|(_, voices)| *voices <= STRAY);
        }
        let fax = self.follow(tone);
        let recording = self.beeped.is_some_and(|(at, _)| self.at.wrapping_sub(at) >= RECORDING);
        match (fax, recording) {
            (true, _) => self.tell(CallingMachine::Fax),
            (_, true) => self.tell(CallingMachine::AnsweringMachine),
            _ => None,
        }
    }

    fn tell(&mut self, machine: CallingMachine) -> Option<CallingMachine> {
        let told = &mut self.told[usize::from(machine == CallingMachine::Fax)];
        self.beeped = None;
        (!std::mem::replace(told, true)).then_some(machine)
    }

    /// Whether the tone that goes on or has just ended makes a fax of the caller.
    fn follow(&mut self, hertz: Option<f32>) -> bool {
        let now = self.at;
        match (&mut self.tone, hertz) {
            (Some(tone), Some(hertz)) if (tone.hertz - hertz).abs() <= SAME => tone.last = now,
            (Some(tone), _) if now.wrapping_sub(tone.last) <= GAP => {}
            (tone, hertz) => {
                let ended = std::mem::replace(tone, hertz.map(|hertz| Tone { hertz, began: now, last: now }));
                return ended.is_some_and(|tone| self.ended(tone));
            }
        }
        self.tone.is_some_and(|t| ANSWERING.contains(&t.hertz) && t.last.wrapping_sub(t.began) >= ANSWERING_FRAMES)
    }

    fn ended(&mut self, tone: Tone) -> bool {
        let frames = tone.last.wrapping_sub(tone.began) + 1;
        if CALLING.contains(&tone.hertz) && BURST.contains(&frames) {
            let before = self.burst.replace(tone.began);
            if before.is_some_and(|b| RHYTHM.contains(&tone.began.wrapping_sub(b))) {
                return true;
            }
        }
        if BEEP.contains(&tone.hertz) && BEEP_FRAMES.contains(&frames) && self.greeting >= GREETING_FRAMES {
            self.beeped = Some((tone.last, 0));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of (frames, tone, voice) one after the other, with the second in which it was.
    fn told(line: &[(u32, Option<f32>, bool)]) -> Vec<(u32, CallingMachine)> {
        let mut ear = MachineEar::default();
        let (mut at, mut out) = (0, Vec::new());
        for (frames, tone, voice) in line {
            for _ in 0..*frames {
                out.extend(ear.push(*tone, *voice).map(|m| (at / SECOND, m)));
                at += 1;
            }
        }
        out
    }

    #[test]
    fn a_fax_calls_every_three_and_a_half_seconds() {
        let cng = [(25, Some(1_097.0), false), (150, None, false)].repeat(4);
        assert_eq!(told(&cng), [(4, CallingMachine::Fax)]);
        // A beep now and then is no rhythm, a voice in between is a person, and another tone is none of a fax.
        assert_eq!(told(&[(25, Some(1_100.0), false), (300, None, false)].repeat(4)), []);
        let talks = [(25, Some(1_100.0), false), (75, None, false), (10, None, true), (65, None, false)].repeat(4);
        assert_eq!(told(&talks), []);
        assert_eq!(told(&[(25, Some(1_209.0), false), (150, None, false)].repeat(4)), []);
        // The answer tone, phase turned round now and then.
        assert_eq!(told(&[(22, Some(2_101.0), false), (2, None, false)].repeat(6)), [(2, CallingMachine::Fax)]);
    }

    #[test]
    fn an_answering_machine_greets_beeps_and_is_silent() {
        let greeting = [(20, None, true), (10, None, false)].repeat(8);
        let beep = |hertz| (20, Some(hertz), false);
        let line = |after: &[(u32, Option<f32>, bool)]| [&greeting, &[beep(1_000.0)][..], after].concat();
        assert_eq!(told(&line(&[(900, None, false)])), [(13, CallingMachine::AnsweringMachine)]);
        // Who goes on speaking is no machine, and a beep without a greeting none either.
        assert_eq!(told(&line(&[(100, None, false), (20, None, true), (900, None, false)])), []);
        assert_eq!(told(&[beep(1_000.0), (900, None, false)]), []);
        // A hum is no beep.
        assert_eq!(told(&[&greeting[..], &[(200, Some(400.0), false), (900, None, false)]].concat()), []);
    }
}
