//! Check digits: how a number tells that it was misheard or mistyped.

use serde::{Deserialize, Serialize};

/// How the last digits of a number follow from those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckDigit {
    /// ISO/IEC 7812-1 (payment cards, many customer numbers): every second digit from the right is doubled.
    Luhn,
    /// GS1 (EAN, SSCC, parcels of most carriers): weights 3 and 1 from the right.
    Gs1,
    /// ISO/IEC 7064 MOD 97-10 (two digits, as in bank accounts).
    Mod97,
}

impl CheckDigit {
    /// All of them.
    pub const ALL: [CheckDigit; 3] = [CheckDigit::Luhn, CheckDigit::Gs1, CheckDigit::Mod97];

    /// What flows call it.
    pub fn name(self) -> &'static str {
        match self {
            CheckDigit::Luhn => "luhn",
            CheckDigit::Gs1 => "gs1",
            CheckDigit::Mod97 => "mod97",
        }
    }

    /// Whether the digits agree with each other; false for anything that is not two figures or more.
    pub fn holds(self, digits: &str) -> bool {
        if digits.len() < 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
        let from_right = digits.bytes().rev().map(|b| u32::from(b - b'0')).enumerate();
        match self {
            CheckDigit::Luhn => {
                let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
                from_right.map(|(i, d)| if i % 2 == 1 { doubled(d) } else { d }).sum::<u32>().is_multiple_of(10)
            }
            CheckDigit::Gs1 => from_right.map(|(i, d)| if i % 2 == 1 { 3 * d } else { d }).sum::<u32>().is_multiple_of(10),
            CheckDigit::Mod97 => digits.bytes().fold(0, |rest, b| (rest * 10 + u32::from(b - b'0')) % 97) == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_hold_and_one_wrong_digit_is_found() {
        // The examples of Wikipedia's articles on Luhn, EAN-13 and ISO 7064.
        for (check, good) in
            [(CheckDigit::Luhn, "17893729974"), (CheckDigit::Gs1, "4006381333931"), (CheckDigit::Mod97, "79444")]
        {
            assert!(check.holds(good), "{check:?}");
            for at in 0..good.len() {
                for digit in '0'..='9' {
                    let mut other: Vec<char> = good.chars().collect();
                    other[at] = digit;
                    let other: String = other.into_iter().collect();
                    assert_eq!(check.holds(&other), other == good, "{check:?} {other}");
                }
            }
            assert!(!check.holds("") && !check.holds("4") && !check.holds("12x4"));
        }
    }
}
