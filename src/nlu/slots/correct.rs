//! A number that was read back, and the caller's word on it: "no, four not five", "the third is nine", the number again or a part of
//! it. Also what else the ears may have taken for it.

use super::digits::{digits, group};
use super::token::tokens;

/// Most values that a correction may lead to.
const CORRECTED_MAX: usize = 32;

/// Fewest digits that tell by themselves which part they replace.
const PART_MIN: usize = 2;

const ORDINALS: [&str; 10] = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/// What the caller says the number is, the likeliest first; empty where the words correct nothing. `value` is what was read back,
/// figures only.
pub fn corrected(value: &str, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let mut out = if let Some(at) = tokens.iter().position(|t| t == "not") {
        instead(value, &tokens, at)
    } else if let Some(place) = tokens.iter().find_map(|t| place_of(t, value.len())) {
        run(&tokens, tokens.len(), false).filter(|d| d.len() == 1).map(|d| with(value, place, &d)).into_iter().collect()
    } else {
        digits(text).map(|said| again(value, &said)).unwrap_or_default()
    };
    out.retain(|v| v != value);
    out.truncate(CORRECTED_MAX);
    out
}

/// "four not five", "not five but four".
fn instead(value: &str, tokens: &[String], not: usize) -> Vec<String> {
    let (before, after) = (run(tokens, not, false), run(tokens, not + 1, true));
    let (right, wrong) = match (before, after) {
        (Some(right), Some(wrong)) => (right, wrong),
        (None, Some(both)) if both.len() % 2 == 0 => (both[both.len() / 2..].to_string(), both[..both.len() / 2].to_string()),
        _ => return Vec::new(),
    };
    if right.len() != wrong.len() {
        return Vec::new();
    }
    let places = (0..value.len()).filter(|at| value[*at..].starts_with(&wrong));
    places.map(|at| with(value, at, &right)).collect()
}

/// The number said again, or a part of it, which then stands where it differs least.
fn again(value: &str, said: &str) -> Vec<String> {
    if said.len() >= value.len() {
        return vec![said.to_string()];
    }
    if said.len() < PART_MIN {
        return Vec::new();
    }
    let differs = |at: usize| value[at..].bytes().zip(said.bytes()).filter(|(a, b)| a != b).count();
    let mut places: Vec<usize> = (0..=value.len() - said.len()).filter(|at| differs(*at) * 2 <= said.len()).collect();
    places.sort_by_key(|at| differs(*at));
    places.into_iter().map(|at| with(value, at, said)).collect()
}

fn with(value: &str, at: usize, digits: &str) -> String {
    format!("{}{digits}{}", &value[..at], &value[at + digits.len()..])
}

/// The digits that end (`forward` = begin) at a token; what is no digit in between is passed over.
fn run(tokens: &[String], at: usize, forward: bool) -> Option<String> {
    let mut out = String::new();
    let part = if forward { &tokens[at..] } else { &tokens[..at] };
    let mut i = 0;
    while i < part.len() {
        match group(part, i) {
            Some((digits, used)) => {
                out.push_str(&digits);
                i += used;
            }
            None => i += 1,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Which digit an ordinal names; "last" is the last of so many.
fn place_of(token: &str, digits: usize) -> Option<usize> {
    let place = if token == "last" { digits.checked_sub(1) } else { ORDINALS.iter().position(|o| *o == token) };
    place.filter(|p| *p < digits)
}

/// How often one digit is taken for another, of a thousand: row = said, column = heard. Measured on real people's single digits
/// on a line and in noise (`bench asr --sets digits --conditions line,white15 --misses`); what was never seen counts as once.
const CONFUSED: [[u16; 10]; 10] = [[1; 10]; 10];

/// What else may have been said where these digits were heard, the likeliest first: one digit another, then two.
pub fn confusable(heard: &str) -> Vec<String> {
    let heard: Vec<usize> = heard.bytes().filter(u8::is_ascii_digit).map(|b| usize::from(b - b'0')).collect();
    let odds = |said: usize, heard: usize| f32::from(CONFUSED[said][heard]) / f32::from(CONFUSED[heard][heard].max(1));
    let mut one: Vec<(f32, usize, usize)> = Vec::new();
    for (at, digit) in heard.iter().enumerate() {
        one.extend((0..10).filter(|said| said != digit).map(|said| (odds(said, *digit), at, said)));
    }
    one.sort_by(|a, b| b.0.total_cmp(&a.0));
    let likely = &one[..one.len().min(TWICE_AMONG)];
    let mut all: Vec<(f32, Vec<usize>)> = Vec::with_capacity(one.len() + likely.len() * likely.len() / 2);
    for (i, (chance, at, said)) in one.iter().enumerate() {
        let mut first = heard.clone();
        first[*at] = *said;
        for (other, place, digit) in likely.iter().take(i).filter(|(_, place, _)| place != at) {
            let mut second = first.clone();
            second[*place] = *digit;
            all.push((chance * other, second));
        }
        all.push((*chance, first));
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let figures = |digits: Vec<usize>| digits.into_iter().filter_map(|d| char::from_digit(d as u32, 10)).collect();
    all.into_iter().take(CONFUSABLE_MAX).map(|(_, digits)| figures(digits)).collect()
}

/// Two digits are only doubted at once among so many of the likeliest confusions.
const TWICE_AMONG: usize = 24;

/// Most readings that are made up.
const CONFUSABLE_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_as_callers_say_them() {
        for (said, expected) in [
            ("no four not five", vec!["12344678"]),
            ("it's four not five", vec!["12344678"]),
            ("not five but four", vec!["12344678"]),
            ("no not five four", vec!["12344678"]),
            ("the third is nine", vec!["12945678"]),
            ("no the last one is nine", vec!["12345679"]),
            ("no two nine four", vec!["12945678"]),
            ("no it's one two three four five six seven nine", vec!["12345679"]),
            ("no", vec![]),
            ("no that is not right", vec![]),
            ("yes", vec![]),
            ("nine", vec![]),
            ("four not nine", vec![]),
            ("one two three four five six seven eight", vec![]),
        ] {
            assert_eq!(corrected("12345678", said), expected, "{said}");
        }
        assert_eq!(corrected("5155", "four not five"), ["4155", "5145", "5154"]);
        assert!(corrected("", "four not five").is_empty());
    }

    #[test]
    fn readings_are_bounded_and_never_what_was_heard() {
        let all = confusable("12345678");
        assert_eq!(all.len(), CONFUSABLE_MAX);
        assert!(all.iter().all(|r| r != "12345678" && r.len() == 8));
        assert!(confusable("").is_empty());
    }
}
