//! A number that was read back, and the caller's word on it: "no, four not five", "the third is nine", the number again or a part of
//! it. Also what else the ears may have taken for it.

use super::digits::{digits, group};
use super::token::tokens;

/// Most values that a correction may lead to.
const CORRECTED_MAX: usize = 100;

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
        // "the last one is nine" holds two digits.
        let from = tokens.iter().position(|t| t == "is").map_or(0, |at| at + 1);
        run(&tokens, from, true).filter(|d| d.len() == 1).map(|d| with(value, place, &d)).into_iter().collect()
    } else {
        digits(text).or_else(|| digits(after_denial(text))).map(|said| again(value, &said)).unwrap_or_default()
    };
    out.retain(|v| v != value);
    out.truncate(CORRECTED_MAX);
    out
}

/// What follows "that's wrong" and its like; everything where nothing is denied.
fn after_denial(text: &str) -> &str {
    const DENIALS: [&str; 7] = ["wrong", "incorrect", "mistake", "不对", "错了", "不是", "有误"];
    let after = |denial: &&str| text.rfind(denial).map(|at| at + denial.len());
    let end = DENIALS.iter().filter_map(after).max().unwrap_or(0);
    text[end..].trim_start_matches([',', '.', ';', '，', '。', ' '])
}

/// "four not five", "not five but four". Either may be misheard itself: where the exact words fit nowhere, what sounds like them.
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
    if right.len() > 1 {
        let places = (0..value.len()).filter(|at| value[*at..].starts_with(&wrong));
        return places.map(|at| with(value, at, &right)).collect();
    }
    let (right, wrong) = (figures(&right)[0], figures(&wrong)[0]);
    let mut ways: Vec<(f32, String)> = Vec::new();
    for (at, digit) in figures(value).into_iter().enumerate() {
        for said in (0..10).filter(|said| *said != digit) {
            let figure = char::from(b'0' + said as u8).to_string();
            ways.push((odds(digit, wrong) * odds(said, right), with(value, at, &figure)));
        }
    }
    ways.sort_by(|a, b| b.0.total_cmp(&a.0));
    ways.into_iter().map(|(_, value)| value).collect()
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

/// How often one digit is heard for another: row = said, column = heard. Counted on 52 strings of real people's digits
/// (`bench asr --sets strings --conditions clean`, every third and every sixth; its JSON has them as `confusions`).
const CONFUSED: [[f32; 10]; 10] = [
    [22., 0., 5., 0., 0., 0., 0., 0., 0., 0.],
    [1., 36., 0., 0., 0., 0., 0., 0., 0., 0.],
    [1., 0., 35., 0., 0., 0., 1., 1., 0., 0.],
    [1., 0., 0., 26., 0., 0., 0., 0., 1., 1.],
    [7., 0., 1., 0., 24., 0., 0., 1., 0., 0.],
    [7., 0., 0., 0., 1., 17., 0., 0., 0., 6.],
    [1., 0., 2., 0., 0., 0., 18., 0., 2., 0.],
    [1., 1., 2., 0., 0., 0., 2., 23., 0., 0.],
    [0., 0., 0., 0., 0., 0., 0., 0., 38., 1.],
    [1., 1., 1., 0., 0., 0., 0., 1., 0., 17.],
];

/// What was never seen counts as so often.
const UNSEEN: f32 = 0.2;

/// How likely a digit was said where another was heard, beside that it was heard rightly.
fn odds(said: usize, heard: usize) -> f32 {
    let share = |said: usize| (CONFUSED[said][heard] + UNSEEN) / (CONFUSED[said].iter().sum::<f32>() + 10.0 * UNSEEN);
    share(said) / share(heard)
}

fn figures(digits: &str) -> Vec<usize> {
    digits.bytes().filter(u8::is_ascii_digit).map(|b| usize::from(b - b'0')).collect()
}

/// What else may have been said where these digits were heard, the likeliest first: one digit another, then two.
pub fn confusable(heard: &str) -> Vec<String> {
    let heard = figures(heard);
    let mut one: Vec<(f32, usize, usize)> = Vec::new();
    for (at, digit) in heard.iter().enumerate() {
        one.extend((0..10).filter(|said| said != digit).map(|said| (odds(said, *digit), at, said)));
    }
    one.sort_by(|a, b| b.0.total_cmp(&a.0));
    let likely = &one[..one.len().min(TWICE_AMONG)];
    let mut all: Vec<(f32, Vec<usize>)> = Vec::new();
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
    let text = |digits: Vec<usize>| digits.into_iter().map(|d| char::from(b'0' + d as u8)).collect();
    all.into_iter().take(CONFUSABLE_MAX).map(|(_, digits)| text(digits)).collect()
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
        for said in ["no four not five", "it's four not five", "not five but four", "no not five four"] {
            assert_eq!(corrected("12345678", said)[0], "12344678", "{said}");
        }
        for (said, expected) in [
            ("no forty two not fifty two", vec![]),
            ("no six two not five six", vec!["12346278"]),
            ("the third is nine", vec!["12945678"]),
            ("no the last one is nine", vec!["12345679"]),
            ("no two nine four", vec!["12945678"]),
            ("no it's one two three four five six seven nine", vec!["12345679"]),
            ("no that's wrong it is one two three four five six seven nine", vec!["12345679"]),
            ("不对 是一二三四五六七九", vec!["12345679"]),
            ("no that's wrong", vec![]),
            ("no", vec![]),
            ("no that is not right", vec![]),
            ("yes", vec![]),
            ("nine", vec![]),
            ("one two three four five six seven eight", vec![]),
        ] {
            assert_eq!(corrected("12345678", said), expected, "{said}");
        }
        assert_eq!(corrected("5155", "four not five")[..3], ["4155", "5145", "5154"]);
        // Nothing is a nine there; what sounds most like it is the five.
        assert_eq!(corrected("12345678", "four not nine")[0], "12344678");
        assert!(corrected("", "four not five").is_empty());
    }

    #[test]
    fn readings_are_bounded_and_never_what_was_heard() {
        let all = confusable("12345678");
        assert_eq!(all.len(), CONFUSABLE_MAX);
        assert!(all.iter().all(|r| r != "12345678" && r.len() == 8));
        assert!(confusable("").is_empty());
        assert_eq!(confusable("9")[0], "5");
    }
}
