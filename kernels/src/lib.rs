//! Inner loops on rows of numbers. They are a crate of their own so that they are compiled with all optimisations (`opt-level = 3`, four or
//! more numbers at a time) also where the program itself is built quickly. Sums run in a fixed order, so results are the same bit for bit in
//! every profile and on every machine.

/// Sums that run side by side in [`dot`].
const LANES: usize = 8;

/// `to += times · what`, element by element; of rows of different length the rest of the longer one is left alone.
pub fn add_scaled(to: &mut [f32], times: f32, what: &[f32]) {
    for (t, w) in to.iter_mut().zip(what) {
        *t += times * w;
    }
}

/// The sum of products of two rows, in eight sums side by side that are added in order at the end, then what is left over; of rows of
/// different length the rest of the longer one is left out.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let whole = length - length % LANES;
    let rest: f32 = a[whole..].iter().zip(&b[whole..]).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Where a row says more than was said so far, it is taken, and `number` noted as who said it.
pub fn keep_louder(loudest: &mut [f32], by: &mut [u32], said: &[f32], number: u32) {
    for ((loudest, by), said) in loudest.iter_mut().zip(by).zip(said) {
        let louder = *said > *loudest;
        *by = if louder { number } else { *by };
        *loudest = if louder { *said } else { *loudest };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_length() {
        for length in [0usize, 1, 7, 8, 9, 96, 151] {
            let a: Vec<f32> = (0..length).map(|i| i as f32).collect();
            let b = vec![2.0f32; length];
            assert_eq!(dot(&a, &b), (length * length.saturating_sub(1)) as f32);
            let mut to = a.clone();
            add_scaled(&mut to, 0.5, &b);
            assert!(to.iter().zip(&a).all(|(t, a)| *t == a + 1.0));
        }
        assert_eq!(dot(&[1.0, 2.0], &[3.0]), 3.0);
    }

    #[test]
    fn the_loudest_is_kept() {
        let (mut loudest, mut by) = ([0.0, 1.0, 2.0], [9, 9, 9]);
        keep_louder(&mut loudest, &mut by, &[1.0, 1.0, 5.0], 3);
        assert_eq!((loudest, by), ([1.0, 1.0, 5.0], [3, 9, 3]));
    }
}
