//! Collecting keys. While digits are collected 0 is data; a lone 0 that stays alone, or `*0` at any moment, asks for a
//! person. `#` ends the digits, `*` clears what was keyed so far.

use crate::base::Digit;
use std::time::Duration;

/// How long to wait for the next digit before what was keyed counts as whole.
pub(crate) const BETWEEN_DIGITS: Duration = Duration::from_secs(3);
/// How long a lone 0 may stay alone before it asks for a person.
pub(crate) const LONE_ZERO: Duration = Duration::from_secs(2);

/// What was keyed so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyBuffer {
    /// 0–9 only, at most `max`.
    digits: String,
    /// The last key was `*`.
    star: bool,
}

/// What a key amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keyed {
    /// Go on; wait this long for the next key, then ask [`KeyBuffer::settle`].
    More(Wait),
    /// The digits are whole.
    Whole(String),
    /// `*0`.
    Person,
    /// Nothing was changed (`#` on nothing, A–D).
    Nothing,
}

/// What is waited for after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The next digit.
    NextDigit,
    /// Whether a 0 stays alone.
    LoneZero,
}

impl KeyBuffer {
    /// Takes one key while up to `max` digits are collected.
    pub(crate) fn press(&mut self, key: Digit, max: u8) -> Keyed {
        let c = key.as_char();
        let after_star = std::mem::replace(&mut self.star, c == '*');
        match c {
            '*' => {
                self.digits.clear();
                Keyed::More(Wait::NextDigit)
            }
            '#' if self.digits.is_empty() => Keyed::Nothing,
            '#' => Keyed::Whole(std::mem::take(&mut self.digits)),
            '0' if after_star => {
                self.digits.clear();
                Keyed::Person
            }
            '0'..='9' => {
                self.digits.push(c);
                if self.digits == "0" {
                    Keyed::More(Wait::LoneZero)
                } else if self.digits.len() >= usize::from(max) {
                    Keyed::Whole(std::mem::take(&mut self.digits))
                } else {
                    Keyed::More(Wait::NextDigit)
                }
            }
            _ => Keyed::Nothing,
        }
    }

    /// The wait is over: the digits as they are, empty if none (a cleared buffer).
    pub(crate) fn settle(&mut self) -> String {
        self.star = false;
        std::mem::take(&mut self.digits)
    }

    /// Nothing keyed yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.digits.is_empty() && !self.star
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keys: &str, max: u8) -> Keyed {
        let mut buffer = KeyBuffer::default();
        let mut last = Keyed::Nothing;
        for c in keys.chars() {
            last = buffer.press(Digit::from_char(c).expect("a key"), max);
        }
        last
    }

    #[test]
    fn zero_is_data_between_digits_and_a_person_alone() {
        assert_eq!(press("0", 8), Keyed::More(Wait::LoneZero));
        assert_eq!(press("01", 8), Keyed::More(Wait::NextDigit));
        assert_eq!(press("10", 2), Keyed::Whole("10".into()));
        assert_eq!(press("0", 1), Keyed::More(Wait::LoneZero), "even where one digit would be whole");
        assert_eq!(press("0#", 1), Keyed::Whole("0".into()));
    }

    #[test]
    fn star_zero_at_any_moment_is_a_person_and_star_clears() {
        assert_eq!(press("12*0", 8), Keyed::Person);
        assert_eq!(press("*0", 8), Keyed::Person);
        assert_eq!(press("12*34#", 8), Keyed::Whole("34".into()));
        assert_eq!(press("#", 8), Keyed::Nothing);
    }
}
