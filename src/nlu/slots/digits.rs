//! Digit strings as people say them: one by one, in groups, with "double" and "oh", with hesitation around.

use super::token::{below_hundred, han_digit, is_figures, small, tens, tokens};

/// Said around a number without being part of it.
const FILLERS: &[&str] = &[
    "um",
    "uh",
    "er",
    "erm",
    "hmm",
    "mm",
    "ah",
    "well",
    "so",
    "okay",
    "ok",
    "yes",
    "yeah",
    "hello",
    "hi",
    "please",
    "thanks",
    "thank",
    "you",
    "it",
    "its",
    "is",
    "was",
    "the",
    "my",
    "number",
    "numbers",
    "parcel",
    "package",
    "tracking",
    "order",
    "reference",
    "code",
    "account",
    "customer",
    "card",
    "pin",
    "that",
    "thats",
    "this",
    "here",
    "then",
    "and",
    "dash",
    "hyphen",
    "space",
    "slash",
    "dot",
    "be",
    "would",
    "should",
    "i",
    "think",
    "have",
    "got",
    "digit",
    "digits",
    "starting",
    "with",
    "ending",
    "again",
    "am",
    "im",
    "sure",
    "right",
    "phone",
    "postcode",
    "zip",
    "new",
    "are",
    "of",
    "a",
    "follows",
    "as",
    "by",
    "next",
    "finally",
    "me",
    "see",
    "let",
    "嗯",
    "呃",
    "额",
    "那",
    "个",
    "是",
    "我",
    "的",
    "单",
    "号",
    "码",
    "包",
    "裹",
    "快",
    "递",
    "订",
    "运",
    "编",
    "电",
    "话",
    "手",
    "机",
    "就",
    "啊",
    "呢",
    "吧",
    "你",
    "好",
    "谢",
    "为",
    "它",
    "这",
    "客",
    "户",
    "卡",
    "密",
    "邮",
    "杠",
    "然",
    "后",
    "喂",
];

/// What comes after these replaces what was said before.
const RESTARTS: &[&str] = &["sorry", "no", "wait", "correction", "mean", "actually", "不", "错"];

/// What a recogniser writes for a digit; taken for one only between digits.
const SOUNDS_LIKE: &[(&str, char)] = &[
    ("to", '2'),
    ("too", '2'),
    ("for", '4'),
    ("fore", '4'),
    ("ate", '8'),
    ("won", '1'),
    ("tree", '3'),
    ("sex", '6'),
    ("nein", '9'),
    ("hero", '0'),
];

/// The digit string that the whole answer is; `None` when it holds other words or no digit.
/// "one two double three oh" → "12330", "twenty three" → "23", "一二三幺" → "1231".
pub fn digits(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let mut out = String::new();
    let mut at = 0;
    let mut restarted = false;
    while at < tokens.len() {
        let token = tokens[at].as_str();
        if let Some((found, used)) = group(&tokens, at) {
            if restarted {
                out.clear();
                restarted = false;
            }
            out.push_str(&found);
            at += used;
        } else if let Some(digit) = misheard(&tokens, at) {
            out.push(digit);
            at += 1;
        } else if RESTARTS.contains(&token) {
            restarted = true;
            at += 1;
        } else if FILLERS.contains(&token) {
            at += 1;
        } else {
            return None;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The longest digit string of `min` to `max` digits inside a sentence ("where is parcel one two three four please").
/// Single digits are only taken when nothing else is said: "one" is too often not a digit.
pub fn find_digits_in(text: &str, min: usize, max: usize) -> Option<String> {
    let whole = digits(text).filter(|d| (min..=max).contains(&d.len()));
    if whole.is_some() {
        return whole;
    }
    let tokens = tokens(text);
    let mut best: Option<String> = None;
    let mut run = String::new();
    let mut at = 0;
    while at <= tokens.len() {
        let found = if at < tokens.len() { group(&tokens, at) } else { None };
        match found {
            Some((found, used)) => {
                run.push_str(&found);
                at += used;
            }
            None => {
                let pause = at < tokens.len()
                    && matches!(tokens[at].as_str(), "um" | "uh" | "er" | "dash" | "hyphen" | "and" | "then" | "嗯" | "呃");
                if !pause {
                    let fits = run.len() >= 2 && (min..=max).contains(&run.len());
                    if fits && best.as_ref().is_none_or(|b| run.len() > b.len()) {
                        best = Some(run.clone());
                    }
                    run.clear();
                }
                at += 1;
            }
        }
    }
    best
}

/// The digits that begin here, with how many tokens they take.
pub(super) fn group(tokens: &[String], at: usize) -> Option<(String, usize)> {
    let token = tokens.get(at)?.as_str();
    if is_figures(token) {
        return Some((token.to_string(), 1));
    }
    let times = match token {
        "double" => 2,
        "triple" | "treble" => 3,
        "quadruple" => 4,
        _ => 0,
    };
    if times > 0 {
        let digit = single(tokens.get(at + 1)?)?;
        return Some((digit.to_string().repeat(times), 2));
    }
    // "三个八" is 888.
    if let Some(n @ 2..=9) = han_digit(token)
        && tokens.get(at + 1).is_some_and(|t| t == "个" || t == "個")
        && let Some(digit) = tokens.get(at + 2).and_then(|t| han_digit(t))
    {
        return Some((digit.to_string().repeat(n as usize), 3));
    }
    let (value, used) = below_hundred(tokens, at)?;
    let scale = tokens.get(at + used).map_or("", String::as_str);
    let Some(zeros) = (match scale {
        "hundred" | "百" => Some(2u32),
        "thousand" | "千" => Some(3),
        _ => None,
    }) else {
        return Some((value.to_string(), used));
    };
    if value == 0 {
        return Some((value.to_string(), used));
    }
    // "one hundred and twenty three", "two thousand twenty six", "一百二十三".
    let mut end = at + used + 1;
    let joins = usize::from(tokens.get(end).is_some_and(|t| t == "and" || t == "零"));
    let unit = 10u32.pow(zeros);
    let rest = below_hundred(tokens, end + joins).filter(|(r, n)| {
        *r > 0 && (zeros == 2 || !matches!(tokens.get(end + joins + n).map(String::as_str), Some("hundred" | "百")))
    });
    let followed = |n: usize| tokens.get(end + joins + n).is_some_and(|t| small(t).is_some() || tens(t).is_some());
    let mut total = value * unit;
    // "five hundred one two": digits one by one after the hundred.
    if let Some((r, n)) = rest.filter(|(_, n)| joins == 1 || !followed(*n)) {
        total += r;
        end += joins + n;
    }
    Some((total.to_string(), end - at))
}

fn single(token: &str) -> Option<u32> {
    let digit = if is_figures(token) { token.parse().ok() } else { small(token).or_else(|| han_digit(token)) };
    digit.filter(|d| *d < 10)
}

/// "one to three for" between digits.
fn misheard(tokens: &[String], at: usize) -> Option<char> {
    let sounds = |t: &String| SOUNDS_LIKE.iter().find(|(word, _)| word == t).map(|(_, d)| *d);
    let digit = sounds(&tokens[at])?;
    let is_digit = |i: Option<usize>| i.and_then(|i| tokens.get(i)).is_some_and(|t| single(t).is_some() || tens(t).is_some());
    let before = is_digit(at.checked_sub(1));
    let after = is_digit(Some(at + 1));
    let at_end = at + 1 == tokens.len() || sounds(&tokens[at + 1]).is_some();
    (before && (after || at_end) || after && at > 0 && sounds(&tokens[at - 1]).is_some()).then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_answers() {
        for (said, expected) in [
            ("one two double three oh", "12330"),
            ("twenty three", "23"),
            ("it's um one two three four", "1234"),
            ("my parcel number is five five, seven - eight", "5578"),
            ("nineteen eighty four", "1984"),
            ("triple seven oh one", "77701"),
            ("double oh seven", "007"),
            ("12345678", "12345678"),
            ("1234 5678", "12345678"),
            ("20 3", "203"),
            ("twelve thirty four", "1234"),
            ("one hundred twenty three", "123"),
            ("one hundred and five", "105"),
            ("five hundred", "500"),
            ("two thousand twenty six", "2026"),
            ("five hundred one two", "50012"),
            ("one to three for", "1234"),
            ("one two three sorry one two four", "124"),
            ("no it's one two three", "123"),
            ("seventy seven", "77"),
            ("forty two forty two", "4242"),
            ("zero", "0"),
            ("一二三幺", "1231"),
            ("我的单号是一二三四五六七八", "12345678"),
            ("二十三", "23"),
            ("三个八", "888"),
            ("一百二十三", "123"),
            ("单号１２３４", "1234"),
            ("嗯，五六七。", "567"),
        ] {
            assert_eq!(digits(said).as_deref(), Some(expected), "{said}");
        }
    }

    #[test]
    fn other_answers_are_no_digits() {
        for said in [
            "",
            "um",
            "yes",
            "i do not have it",
            "where is my parcel",
            "one of my parcels is missing",
            "double",
            "double trouble",
            "for",
            "to",
            "你好",
            "我不知道单号",
            "one two three banana",
        ] {
            assert_eq!(digits(said), None, "{said}");
        }
    }

    #[test]
    fn inside_a_sentence() {
        for (said, min, max, expected) in [
            ("where is parcel one two three four five six seven eight please", 8, 8, Some("12345678")),
            ("i ordered 2 things and one is 55512345", 8, 8, Some("55512345")),
            ("track one two three four", 8, 8, None),
            ("one of them is broken", 1, 4, None),
            ("查一下包裹一二三四五六七八到哪里了", 8, 8, Some("12345678")),
            ("seven", 1, 1, Some("7")),
            ("parcel one two um three four where is it", 4, 4, Some("1234")),
        ] {
            assert_eq!(find_digits_in(said, min, max).as_deref(), expected, "{said}");
        }
    }
}
