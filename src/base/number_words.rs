//! English numbers as words, for everybody who reads or writes them: matcher, slots, recogniser.

/// Zero to nineteen.
pub const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

/// Twenty to ninety.
pub const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Zero to ninety-nine as words; `None` beyond.
pub fn below_hundred_in_words(number: usize) -> Option<Vec<&'static str>> {
    if number < UNITS.len() {
        return Some(vec![UNITS[number]]);
    }
    let ten = *TENS.get((number / 10).checked_sub(2)?)?;
    Some(if number.is_multiple_of(10) { vec![ten] } else { vec![ten, UNITS[number % 10]] })
}

/// Zero to nineteen from its word.
pub fn unit(word: &str) -> Option<u8> {
    UNITS.iter().position(|n| *n == word).and_then(|i| u8::try_from(i).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words() {
        assert_eq!(below_hundred_in_words(0), Some(vec!["zero"]));
        assert_eq!(below_hundred_in_words(19), Some(vec!["nineteen"]));
        assert_eq!(below_hundred_in_words(40), Some(vec!["forty"]));
        assert_eq!(below_hundred_in_words(99), Some(vec!["ninety", "nine"]));
        assert_eq!(below_hundred_in_words(100), None);
        assert_eq!((unit("twelve"), unit("twenty"), unit("oh")), (Some(12), None, None));
    }
}
