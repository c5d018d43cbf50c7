//! Who hears whom on a plane: a leg alone, two that are joined, three that are together. Pure; the plane's thread asks it once a tick and leg.

use crate::media::face::LegKey;
use std::collections::HashMap;

/// Most others that one leg hears.
pub(super) const OTHERS_MAX: usize = 2;

/// Whom each leg hears; who is not in it is alone. Always mutual: whoever is heard hears.
#[derive(Debug, Default)]
pub(super) struct Partners(HashMap<LegKey, [Option<LegKey>; OTHERS_MAX]>);

impl Partners {
    /// Whom this leg hears.
    pub(super) fn of(&self, leg: LegKey) -> [Option<LegKey>; OTHERS_MAX] {
        self.0.get(&leg).copied().unwrap_or_default()
    }

    /// These two hear each other and nobody else. Whoever was with either of them before is without them.
    pub(super) fn two(&mut self, one: LegKey, other: LegKey) {
        self.part(one);
        self.part(other);
        if one != other {
            self.0.insert(one, [Some(other), None]);
            self.0.insert(other, [Some(one), None]);
        }
    }

    /// Each of these three hears the other two, and nobody else.
    pub(super) fn three(&mut self, legs: [LegKey; 3]) {
        let [a, b, c] = legs;
        if a == b || b == c || a == c {
            return;
        }
        for leg in legs {
            self.part(leg);
        }
        self.0.insert(a, [Some(b), Some(c)]);
        self.0.insert(b, [Some(a), Some(c)]);
        self.0.insert(c, [Some(a), Some(b)]);
    }

    /// This leg is alone. Two who were with it stay together.
    pub(super) fn part(&mut self, leg: LegKey) {
        for other in self.0.remove(&leg).unwrap_or_default().into_iter().flatten() {
            let Some(theirs) = self.0.get_mut(&other) else { continue };
            let left = theirs.iter().flatten().copied().find(|key| *key != leg);
            match left {
                Some(left) => *theirs = [Some(left), None],
                None => drop(self.0.remove(&other)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dice;

    const CALLER: LegKey = LegKey(1);
    const ANNA: LegKey = LegKey(2);
    const BOB: LegKey = LegKey(3);

    fn hears(partners: &Partners, leg: LegKey) -> Vec<u64> {
        let mut all: Vec<u64> = partners.of(leg).into_iter().flatten().map(|key| key.0).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn whoever_goes_of_three_the_other_two_go_on() {
        for (gone, left) in [(CALLER, [ANNA, BOB]), (ANNA, [CALLER, BOB]), (BOB, [CALLER, ANNA])] {
            let mut partners = Partners::default();
            partners.two(ANNA, BOB);
            partners.three([CALLER, ANNA, BOB]);
            assert_eq!(hears(&partners, CALLER), [2, 3]);
            assert_eq!((hears(&partners, ANNA), hears(&partners, BOB)), (vec![1, 3], vec![1, 2]));
            partners.part(gone);
            assert!(hears(&partners, gone).is_empty());
            assert_eq!((hears(&partners, left[0]), hears(&partners, left[1])), (vec![left[1].0], vec![left[0].0]));
        }
    }

    #[test]
    fn two_of_three_who_are_joined_leave_the_third_alone() {
        let mut partners = Partners::default();
        partners.three([CALLER, ANNA, BOB]);
        partners.two(CALLER, BOB);
        assert_eq!((hears(&partners, CALLER), hears(&partners, BOB), hears(&partners, ANNA)), (vec![3], vec![1], vec![]));
        partners.three([CALLER, CALLER, BOB]);
        partners.two(BOB, BOB);
        assert!([CALLER, ANNA, BOB].iter().all(|leg| hears(&partners, *leg).is_empty()), "nobody hears themselves");
    }

    #[test]
    fn whatever_comes_hearing_is_mutual_and_groups_are_closed() {
        for seed in 0..200 {
            let mut dice = Dice::new(seed);
            let mut partners = Partners::default();
            for _ in 0..60 {
                let mut leg = || LegKey(dice.roll(6) as u64);
                let legs = [leg(), leg(), leg()];
                match dice.roll(3) {
                    0 => partners.part(legs[0]),
                    1 => partners.two(legs[0], legs[1]),
                    _ => partners.three(legs),
                }
                for leg in (0..6).map(LegKey) {
                    let mut group = hears(&partners, leg);
                    assert!(!group.contains(&leg.0), "seed {seed}: {leg:?} hears itself");
                    group.push(leg.0);
                    group.sort_unstable();
                    for other in partners.of(leg).into_iter().flatten() {
                        let mut theirs = hears(&partners, other);
                        theirs.push(other.0);
                        theirs.sort_unstable();
                        assert_eq!(theirs, group, "seed {seed}: {leg:?} and {other:?} are in two groups");
                    }
                }
            }
        }
    }
}
