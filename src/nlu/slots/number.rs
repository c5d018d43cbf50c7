//! Cardinal numbers.

use super::digits::digits;
use super::token::{among, below_hundred, han_digit, is_figures, tens, tokens};

/// The one number that an answer holds: "twenty five", "about one hundred and five kilos", "1,250", "三百二十"; where it holds
/// none, the ordinal ("the third one", "twenty first"). `None` when there is no number, or several different ones.
pub fn number(text: &str) -> Option<i64> {
    let without_commas: String = strip_thousands(text);
    let tokens = tokens(&without_commas);
    let scaled = tokens
        .iter()
        .any(|t| matches!(t.as_str(), "hundred" | "thousand" | "million" | "dozen" | "couple" | "百" | "千" | "万" | "萬"));
    if !scaled && let Some(said) = digits(&without_commas) {
        return said.parse().ok();
    }
    let mut found: Option<i64> = None;
    let mut at = 0;
    while at < tokens.len() {
        if let Some((_, used)) = any_ordinal(&tokens, at) {
            at += used;
            continue;
        }
        let Some((value, used)) = cardinal(&tokens, at) else {
            at += 1;
            continue;
        };
        let negative = at > 0 && matches!(tokens[at - 1].as_str(), "minus" | "负");
        let value = if negative { -value } else { value };
        // "one of them", "the other one": mostly not a count.
        let idle = value == 1 && tokens.get(at).is_some_and(|t| t == "one") && tokens.len() > 2;
        if !idle {
            if found.is_some_and(|f| f != value) {
                return None;
            }
            found = Some(value);
        }
        at += used;
    }
    // One more than there are ordinals: "the last" is none here.
    found.or_else(|| place(text, 101).filter(|at| *at < 100).and_then(|at| i64::try_from(at + 1).ok()))
}

/// Ordinals to the hundredth: "third", "forty second", "3rd".
fn any_ordinal(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    const TENTHS: [&str; 6] = ["fortieth", "fiftieth", "sixtieth", "seventieth", "eightieth", "ninetieth"];
    let token = tokens.get(at)?.as_str();
    if let Some(i) = TENTHS.iter().position(|t| *t == token) {
        return u32::try_from(10 * i + 40).ok().map(|n| (n, 1));
    }
    if token == "hundredth" {
        return Some((100, 1));
    }
    let ten = tens(token).filter(|t| *t >= 20);
    match ten.and_then(|ten| ordinal(tokens, at + 1).filter(|(n, used)| *n < 10 && *used == 1).map(|(n, _)| (ten + n, 2))) {
        Some(found) => Some(found),
        None => ordinal(tokens, at),
    }
}

/// Which of `count` things an answer names by its place, from 0: "the second one", "the last option", 第二个. `None` when anything else
/// is said, or there are fewer.
pub fn place(text: &str, count: usize) -> Option<usize> {
    const BESIDE: &str = "the one option choice please um uh er i would like want take ill id go with for thanks thank you yes okay it is its \
        possibility number item 第 个 個 的 项 種 种 我 要 选 選 想 请 是 那 吧 就 嗯 呃 谢 号";
    let tokens = tokens(text);
    let line = tokens.concat();
    if let Some(rest) = line.strip_suffix("一个").or(line.strip_suffix("个")).or(Some(&line))
        && rest.ends_with("最后")
        && rest.chars().count() <= 6
    {
        return count.checked_sub(1);
    }
    let chinese = tokens.iter().any(|t| t == "第");
    let (mut found, mut at) = (None, 0);
    while at < tokens.len() {
        let number = if chinese { below_hundred(&tokens, at) } else { any_ordinal(&tokens, at) };
        let (index, used) = match number {
            Some((n, used)) => ((n as usize).checked_sub(1)?, used),
            None if tokens[at] == "last" => (count.checked_sub(1)?, 1),
            // "One second, please."
            None if tokens[at] == "one" && found.is_none() => return None,
            None if among(BESIDE, &tokens[at]) => {
                at += 1;
                continue;
            }
            None => return None,
        };
        // "the second last" is neither.
        if found.is_some_and(|f| f != index) {
            return None;
        }
        found = Some(index);
        at += used;
    }
    found.filter(|index| *index < count)
}

/// "1,250" → "1250".
fn strip_thousands(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let digit = |i: Option<usize>| i.and_then(|i| chars.get(i)).is_some_and(char::is_ascii_digit);
    let comma = |i: usize| chars[i] == ',' && digit(i.checked_sub(1)) && (1..=3).all(|n| digit(Some(i + n)));
    (0..chars.len()).filter(|i| !comma(*i)).map(|i| chars[i]).collect()
}

/// A cardinal that begins here, with how many tokens it takes.
pub(super) fn cardinal(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let token = tokens.get(at)?.as_str();
    match (token, tokens.get(at + 1).map(String::as_str)) {
        ("half", Some("a")) if tokens.get(at + 2).is_some_and(|t| t == "dozen") => return Some((6, 3)),
        ("a", Some("dozen")) => return Some((12, 2)),
        ("dozen", _) => return Some((12, 1)),
        ("couple", _) => return Some((2, 1)),
        _ => {}
    }
    if han_digit(token).is_some() || token == "十" {
        return chinese(tokens, at);
    }
    let (mut total, mut part, mut end) = (0i64, None::<i64>, at);
    while let Some(token) = tokens.get(end).map(String::as_str) {
        let next = tokens.get(end + 1).map_or("", String::as_str);
        match token {
            "a" | "an" if part.is_none() && end == at && matches!(next, "hundred" | "thousand" | "million") => part = Some(1),
            "and"
                if end > at && (below_hundred(tokens, end + 1).is_some()) && total.saturating_add(part.unwrap_or(0)) >= 100 => {
            }
            "hundred" if part.is_some() => part = part.and_then(|p| p.checked_mul(100)),
            "thousand" | "million" if part.is_some() => {
                let scale = if token == "thousand" { 1_000 } else { 1_000_000 };
                total = total.checked_add(part.take()?.checked_mul(scale)?)?;
            }
            "dozen" if part.is_some() => part = part.and_then(|p| p.checked_mul(12)),
            _ if is_figures(token) && part.is_none() => part = Some(token.parse().ok()?),
            _ => {
                let Some((value, used)) = below_hundred(tokens, end) else { break };
                match part {
                    None => part = Some(i64::from(value)),
                    Some(p) if p >= 100 && p % 100 == 0 => part = Some(p.checked_add(i64::from(value))?),
                    // "nineteen eighty" and the like: two numbers.
                    Some(_) => break,
                }
                end += used - 1;
            }
        }
        end += 1;
    }
    if tokens.get(end).is_some_and(|t| matches!(t.as_str(), "hundred" | "thousand" | "million")) {
        return None;
    }
    let value = total.checked_add(part.unwrap_or(0))?;
    (end > at && (part.is_some() || total > 0)).then_some((value, end - at))
}

/// 三百二十五, 两千零五, 一万二, 十五.
pub(super) fn chinese(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let (mut total, mut section, mut digit, mut last) = (0i64, 0i64, None::<i64>, 1i64);
    let mut end = at;
    while let Some(token) = tokens.get(end).map(String::as_str) {
        let unit = match token {
            "十" => 10,
            "百" => 100,
            "千" => 1_000,
            "万" | "萬" => 10_000,
            _ => 0,
        };
        if unit == 10_000 {
            let part = section.checked_add(digit.take().unwrap_or(0))?;
            total = total.checked_add(part.checked_mul(unit)?)?;
            (section, last) = (0, unit);
        } else if unit > 0 {
            let times = if unit == 10 { digit.take().unwrap_or(1) } else { digit.take()? };
            section = section.checked_add(times.checked_mul(unit)?)?;
            last = unit;
        } else if let Some(d) = han_digit(token) {
            if digit.is_some_and(|d| d > 0) {
                break;
            }
            digit = Some(i64::from(d));
            if d == 0 {
                last = 10;
            }
        } else {
            break;
        }
        end += 1;
    }
    // 一万二 is 12 000, 三百二 is 320.
    let rest = digit.unwrap_or(0) * if last >= 100 { last / 10 } else { 1 };
    let value = total.checked_add(section)?.checked_add(rest)?;
    (end > at).then_some((value, end - at))
}

/// Ordinals below 32, as days of a month: "third", "twenty first", "3rd" (figures and ending apart).
pub(super) fn ordinal(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    const NAMES: [&str; 20] = [
        "",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    let name = |t: &str| NAMES.iter().position(|n| !n.is_empty() && *n == t).and_then(|i| u32::try_from(i).ok());
    let token = tokens.get(at)?.as_str();
    let next = tokens.get(at + 1).map_or("", String::as_str);
    if is_figures(token) && matches!(next, "st" | "nd" | "rd" | "th") {
        return token.parse().ok().map(|n| (n, 2));
    }
    if let Some(n) = name(token) {
        return Some((n, 1));
    }
    match token {
        "twenty" => name(next).filter(|n| *n < 10).map(|n| (20 + n, 2)),
        "thirty" => name(next).filter(|n| *n == 1).map(|_| (31, 2)),
        "twentieth" => Some((20, 1)),
        "thirtieth" => Some((30, 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (said, expected) in [
            ("twenty five", Some(25)),
            ("about one hundred and five kilos", Some(105)),
            ("1,250", Some(1_250)),
            ("two thousand three hundred", Some(2_300)),
            ("three hundred twenty five thousand", Some(325_000)),
            ("a hundred", Some(100)),
            ("a dozen", Some(12)),
            ("half a dozen", Some(6)),
            ("there are three of us", Some(3)),
            ("minus five degrees", Some(-5)),
            ("seven", Some(7)),
            ("one", Some(1)),
            ("one two three", Some(123)),
            ("zero", Some(0)),
            ("three or four", None),
            ("i do not know", None),
            ("that one over there", None),
            ("the third one", Some(3)),
            ("the third", Some(3)),
            ("it is the twenty first", Some(21)),
            ("the forty second", Some(42)),
            ("the ninetieth", Some(90)),
            ("wait a second", None),
            ("first I have a question", None),
            ("the last one", None),
            ("3rd", Some(3)),
            ("the first or the second", None),
            ("three on the first of may", Some(3)),
            ("第三", Some(3)),
            ("三百二十五", Some(325)),
            ("两千零五", Some(2_005)),
            ("一万二", Some(12_000)),
            ("十五个", Some(15)),
            ("大概三百二公斤", Some(320)),
            ("99999999999999999999999", None),
            ("nine hundred million million million million", None),
        ] {
            assert_eq!(number(said), expected, "{said}");
        }
    }

    #[test]
    fn places_in_a_list() {
        for (said, expected) in [
            ("the second one", Some(1)),
            ("second", Some(1)),
            ("the first option please", Some(0)),
            ("I'd like the third one", Some(2)),
            ("the last one", Some(2)),
            ("um the 2nd", Some(1)),
            ("第二个", Some(1)),
            ("我要第一个", Some(0)),
            ("第三项", Some(2)),
            ("最后一个", Some(2)),
            ("最后", Some(2)),
            ("one second please", None),
            ("just a second", None),
            ("the fourth one", None),
            ("the first or the second", None),
            ("second last", None),
            ("first class delivery", None),
            ("on the second of may", None),
            ("one", None),
            ("", None),
            ("第五个", None),
            ("第二天", None),
            ("三个", None),
        ] {
            assert_eq!(place(said, 3), expected, "{said}");
        }
        assert_eq!((place("the last one", 0), place("最后", 0)), (None, None));
    }
}
