//! What a loud noise, taken away as far as it goes, does to the sound that the acoustic model expects: a linear map of its means, stream by
//! stream, with wider variances (constrained to one class, as in C. J. Leggetter and P. C. Woodland, "Maximum likelihood linear regression",
//! 1995). It is found by least squares over pairs of the same speech with and without noise, so nothing of a voice is in it. Pure.

use super::decoder::CEPSTRA;
use std::fmt::Write as _;

/// One frame's cepstrum.
pub(crate) type Cepstrum = [f32; CEPSTRA];

/// Streams of the model: the cepstrum, its first and its second difference.
pub(crate) const STREAMS: usize = 3;

/// A cepstrum and a one.
const ROWS: usize = CEPSTRA + 1;

/// The loudness (first coefficient) by which a frame may lie under the loudest and still be speech.
const LOUD: f32 = 12.0;

/// Frames around speech that count, too: 100 ms.
const AROUND: usize = 10;

/// Keeps the sums invertible where a coefficient never moves.
const RIDGE: f64 = 1e-3;

/// The sums of the least squares.
pub(crate) struct Fit {
    streams: [Stream; STREAMS],
    frames: u64,
}

#[derive(Clone)]
struct Stream {
    /// Of clean vectors with themselves and with the noisy ones, and squares of the latter.
    own: [[f64; ROWS]; ROWS],
    both: [[f64; CEPSTRA]; ROWS],
    squares: [f64; CEPSTRA],
}

impl Default for Fit {
    fn default() -> Fit {
        let stream = Stream { own: [[0.0; ROWS]; ROWS], both: [[0.0; CEPSTRA]; ROWS], squares: [0.0; CEPSTRA] };
        Fit { streams: std::array::from_fn(|_| stream.clone()), frames: 0 }
    }
}

impl Fit {
    /// The same speech twice, frame by frame.
    pub(crate) fn add(&mut self, clean: &[Cepstrum], noisy: &[Cepstrum]) {
        let frames = clean.len().min(noisy.len());
        let (clean, noisy) = (&clean[..frames], &noisy[..frames]);
        let loudest = clean.iter().map(|c| c[0]).fold(f32::NEG_INFINITY, f32::max);
        let loud: Vec<bool> = clean.iter().map(|c| c[0] > loudest - LOUD).collect();
        let (a, b) = (features(clean, &loud), features(noisy, &loud));
        for t in (0..frames).filter(|t| loud[t.saturating_sub(AROUND)..frames.min(t + AROUND + 1)].contains(&true)) {
            self.frames += 1;
            for ((stream, x), y) in self.streams.iter_mut().zip(&a[t]).zip(&b[t]) {
                stream.add(x, y);
            }
        }
    }

    /// Frames that counted.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// The file for PocketSphinx: for each stream the matrix, the shift and the factors of the variances. `variances`: the model's, each
    /// stream's mean over all of its densities. `None` with too little speech.
    pub(crate) fn file(&self, variances: &[[f64; CEPSTRA]; STREAMS]) -> Option<String> {
        if self.frames < 1_000 {
            return None;
        }
        let mut out = format!("1\n{STREAMS}\n");
        for (stream, variance) in self.streams.iter().zip(variances) {
            let map = stream.solve()?;
            let left = stream.left(&map, self.frames as f64);
            let _ = writeln!(out, "{CEPSTRA}");
            let line = |values: &mut dyn Iterator<Item = f64>| values.map(|v| format!("{v:.5}")).collect::<Vec<_>>().join(" ");
            for to in 0..CEPSTRA {
                let _ = writeln!(out, "{}", line(&mut map[..CEPSTRA].iter().map(|row| row[to])));
            }
            let _ = writeln!(out, "{}", line(&mut map[CEPSTRA].into_iter()));
            let wider = |to: usize| {
                let carried: f64 = (0..CEPSTRA).map(|from| map[from][to].powi(2) * variance[from]).sum();
                (carried + left[to]) / variance[to].max(1e-9)
            };
            let _ = writeln!(out, "{}", line(&mut (0..CEPSTRA).map(wider)));
        }
        Some(out)
    }
}

impl Stream {
    fn add(&mut self, clean: &Cepstrum, noisy: &Cepstrum) {
        let x: [f64; ROWS] = std::array::from_fn(|i| clean.get(i).map_or(1.0, |v| f64::from(*v)));
        for (i, xi) in x.iter().enumerate() {
            self.own[i].iter_mut().zip(&x).for_each(|(sum, xj)| *sum += xi * xj);
            self.both[i].iter_mut().zip(noisy).for_each(|(sum, y)| *sum += xi * f64::from(*y));
        }
        self.squares.iter_mut().zip(noisy).for_each(|(sum, y)| *sum += f64::from(*y).powi(2));
    }

    /// Gauss and Jordan, with the largest pivot.
    fn solve(&self) -> Option<[[f64; CEPSTRA]; ROWS]> {
        let (mut a, mut b) = (self.own, self.both);
        for (i, row) in a.iter_mut().enumerate() {
            row[i] += RIDGE;
        }
        for column in 0..ROWS {
            let pivot = (column..ROWS).max_by(|p, q| a[*p][column].abs().total_cmp(&a[*q][column].abs()))?;
            a.swap(column, pivot);
            b.swap(column, pivot);
            let by = a[column][column];
            if by.abs() < 1e-12 {
                return None;
            }
            a[column].iter_mut().for_each(|v| *v /= by);
            b[column].iter_mut().for_each(|v| *v /= by);
            for row in (0..ROWS).filter(|r| *r != column) {
                let (times, from, of) = (a[row][column], a[column], b[column]);
                a[row].iter_mut().zip(from).for_each(|(v, f)| *v -= times * f);
                b[row].iter_mut().zip(of).for_each(|(v, f)| *v -= times * f);
            }
        }
        Some(b)
    }

    /// What of the noisy vectors' variance the map does not explain.
    fn left(&self, map: &[[f64; CEPSTRA]; ROWS], frames: f64) -> [f64; CEPSTRA] {
        std::array::from_fn(|to| {
            let explained: f64 = (0..ROWS).map(|from| map[from][to] * self.both[from][to]).sum();
            ((self.squares[to] - explained) / frames).max(0.0)
        })
    }
}

/// What the model sees of an utterance: cepstra without the mean of the speech, and their differences (`1s_c_d_dd` of sphinxbase).
fn features(cepstra: &[Cepstrum], speech: &[bool]) -> Vec<[Cepstrum; STREAMS]> {
    let mut mean = [0.0f32; CEPSTRA];
    let spoken = speech.iter().filter(|s| **s).count().max(1) as f32;
    for (cepstrum, _) in cepstra.iter().zip(speech).filter(|(_, s)| **s) {
        mean.iter_mut().zip(cepstrum).for_each(|(m, c)| *m += c / spoken);
    }
    let last = cepstra.len().saturating_sub(1);
    let at = |t: usize, by: isize| cepstra[t.saturating_add_signed(by).min(last)];
    let less = |a: Cepstrum, b: Cepstrum| -> Cepstrum { std::array::from_fn(|i| a[i] - b[i]) };
    (0..cepstra.len())
        .map(|t| {
            let second = less(less(at(t, 3), at(t, -1)), less(at(t, 1), at(t, -3)));
            [less(cepstra[t], mean), less(at(t, 2), at(t, -2)), second]
        })
        .collect()
}

/// The mean variance of each coefficient in an acoustic model's file `variances` (the format of SphinxTrain: a text header, the number
/// 0x11223344, sizes, 32-bit floats). `None` when it is none of three streams of 13.
pub(crate) fn variances(file: &[u8]) -> Option<[[f64; CEPSTRA]; STREAMS]> {
    const HEADER: &[u8] = b"endhdr\n";
    let start = file.windows(HEADER.len()).position(|w| w == HEADER)? + HEADER.len();
    let words = file.get(start..)?.chunks_exact(4).map(|c| [c[0], c[1], c[2], c[3]]);
    let mut words = words.peekable();
    let little = *words.peek()? == 0x1122_3344_u32.to_le_bytes();
    let mut number = || words.next().map(|w| if little { u32::from_le_bytes(w) } else { u32::from_be_bytes(w) });
    let [_, codebooks, streams, densities] = [number()?, number()?, number()?, number()?];
    let lengths = [number()?, number()?, number()?];
    let _all = number()?;
    if streams as usize != STREAMS || lengths != [CEPSTRA as u32; STREAMS] || codebooks == 0 || densities == 0 {
        return None;
    }
    let mut out = [[0.0; CEPSTRA]; STREAMS];
    for _ in 0..codebooks {
        for stream in &mut out {
            for _ in 0..densities {
                for sum in stream.iter_mut() {
                    *sum += f64::from(f32::from_bits(number()?));
                }
            }
        }
    }
    let all = f64::from(codebooks) * f64::from(densities);
    out.iter_mut().flatten().for_each(|sum| *sum /= all);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Dice;

    #[test]
    fn a_map_that_was_applied_is_found_again() {
        let mut dice = Dice::new(3);
        // Half of the first coefficient, a third of the second one moved into the third, and noise of variance 4 in the last.
        let clean: Vec<Cepstrum> = (0..4_000).map(|_| std::array::from_fn(|_| dice.normal() * 3.0)).collect();
        let noisy: Vec<Cepstrum> = clean
            .iter()
            .map(|c| {
                let mut y = *c;
                y[0] *= 0.5;
                y[2] += c[1] / 3.0;
                y[12] += dice.normal() * 2.0;
                y
            })
            .collect();
        let mut fit = Fit::default();
        fit.add(&clean, &noisy);
        assert!(fit.frames() > 3_900);
        let map = fit.streams[0].solve().expect("solvable");
        for (from, to, expected) in [(0, 0, 0.5), (1, 2, 1.0 / 3.0), (1, 1, 1.0), (12, 12, 1.0), (5, 6, 0.0)] {
            assert!((map[from][to] - expected).abs() < 0.05, "{from} to {to}: {}", map[from][to]);
        }
        let left = fit.streams[0].left(&map, fit.frames() as f64);
        assert!(left[0] < 0.01 && (left[12] - 4.0).abs() < 0.4, "{left:?}");
        let file = fit.file(&[[9.0; CEPSTRA]; STREAMS]).expect("enough");
        let factors: Vec<f64> =
            file.lines().nth(2 + 1 + CEPSTRA + 1).expect("a line").split(' ').map(|v| v.parse().expect("a number")).collect();
        assert!((factors[0] - 0.25).abs() < 0.02 && (factors[12] - 13.0 / 9.0).abs() < 0.1, "{factors:?}");
        assert_eq!(Fit::default().file(&[[9.0; CEPSTRA]; STREAMS]), None);
    }
}
