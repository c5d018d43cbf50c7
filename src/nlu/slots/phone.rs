//! Telephone numbers.

use super::digits::{digits, find_digits_in};
use super::token::{among, han_digit, is_figures, small, tens, tokens};
use crate::nlu::normalise::{is_han, narrow};

/// Fewest digits of a number as it is dialled at home: short local numbers.
const LOCAL_MIN: usize = 5;
/// Fewest digits with a country code, and fewest inside an open sentence, where five may be anything.
const WHOLE_MIN: usize = 7;
/// Fewest digits of a number that can hardly be another one.
const MOBILE_MIN: usize = 10;
/// Most digits, country code included (ITU-T E.164 §6).
const DIGITS_MAX: usize = 15;

/// Said around a telephone number, beside what is said around any number.
const FILLERS: &str = "mobile cell cellphone telephone landline area country call reach at on home work can under 国 家 区 座 手 机 打 拨 \
    联 系 方 式 我 的";

/// The telephone number that an answer is: "oh one seven six double three …", "plus four nine …", 幺三八…. With a `country` (its code,
/// digits) the number comes out as E.164, `+4917612345678`; without one only where the caller says "plus" or "double oh" first,
/// else as it was said. `None` when other words are there, or too few or too many digits.
pub fn phone(text: &str, country: Option<&str>) -> Option<String> {
    let (international, rest) = without_plus(text);
    let kept: Vec<String> = tokens(&rest).into_iter().filter(|t| !among(FILLERS, t)).collect();
    whole(&digits(&kept.join(" "))?, international, country)
}

/// The telephone number inside an open sentence: with a plus or a zero before it, or ten digits and more; what is shorter may be any
/// number.
pub fn find_phone_in(text: &str, country: Option<&str>) -> Option<String> {
    let (international, rest) = without_plus(text);
    let digits = find_digits_in(&rest, WHOLE_MIN, DIGITS_MAX + 2)?;
    let told = international || digits.starts_with('0') || digits.len() >= MOBILE_MIN;
    whole(&digits, international, country).filter(|_| told)
}

/// The telephone number that was keyed; `00` stands for the plus.
pub fn keyed_phone(digits: &str, country: Option<&str>) -> Option<String> {
    whole(digits, false, country)
}

/// Whether a text is a telephone number as the functions here write it.
pub fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let least = if digits.len() < text.len() { WHOLE_MIN } else { LOCAL_MIN };
    (least..=DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits.len() == text.len() || !digits.starts_with('0'))
}

/// Whether a plus was said right before the first digit, and the text without it. A plus elsewhere ("a plus member", 加急) is a word like others.
fn without_plus(text: &str) -> (bool, String) {
    let text: String = text.chars().take(400).map(narrow).flat_map(char::to_lowercase).collect();
    let text = text.replace("(0)", " ").replace('+', " plus ");
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && !is_han(c));
    let alone =
        |at: usize, sign: &str| !letter(text[..at].chars().next_back()) && !letter(text[at + sign.len()..].chars().next());
    let plus = text.match_indices("plus").filter(|(at, sign)| alone(*at, sign));
    for (at, sign) in plus.chain(text.match_indices('加')) {
        let (before, after) = (&text[..at], &text[at + sign.len()..]);
        let digit =
            |token: &String| is_figures(token) || small(token).or_else(|| han_digit(token)).is_some() || tens(token).is_some();
        let begins = tokens(after).first().is_some_and(|t| digit(t) || among("double triple treble", t));
        // "oh, plus four nine …"
        if begins && !tokens(before).iter().any(|t| digit(t) && !among("oh o", t)) {
            let before: Vec<&str> =
                before.split_whitespace().filter(|word| !among("oh o", word.trim_end_matches(','))).collect();
            return (true, format!("{} {after}", before.join(" ")));
        }
    }
    (false, text.replace(" plus ", " "))
}

/// Digits as a whole number.
fn whole(digits: &str, international: bool, country: Option<&str>) -> Option<String> {
    let abroad = digits.strip_prefix("00").filter(|_| !international);
    let number = match (abroad, country) {
        (Some(rest), _) => format!("+{rest}"),
        (None, _) if international => format!("+{digits}"),
        (None, Some(code)) => at_home(digits, code),
        (None, None) => digits.to_string(),
    };
    is_phone(&number).then_some(number)
}

/// A number as it is dialled within its country.
fn at_home(digits: &str, code: &str) -> String {
    let with_code = digits.strip_prefix(code).is_some_and(|rest| rest.len() >= 9);
    match digits.strip_prefix('0') {
        // Italy keeps the 0 when called from abroad.
        Some(_) if code == "39" => format!("+{code}{digits}"),
        Some(rest) => format!("+{code}{rest}"),
        None if with_code => format!("+{digits}"),
        None => format!("+{code}{digits}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, country: Option<&str>) -> String {
        phone(text, country).unwrap_or_else(|| "-".into())
    }

    #[test]
    fn as_they_are_said() {
        for (text, expected) in [
            ("oh one seven six double three four five six seven eight", "01763345678"),
            ("zero one seven six, one two three four five six seven", "01761234567"),
            ("my number is 0176 1234567", "01761234567"),
            ("my phone number is oh one seven six twelve thirty four fifty six seven", "01761234567"),
            ("you can reach me at five five five one two three four", "5551234"),
            ("plus four nine one seven six one two three four five six seven", "+491761234567"),
            ("+49 176 1234567", "+491761234567"),
            ("+49 (0)176 1234567", "+491761234567"),
            ("double oh four nine one seven six one two three four five six seven", "+491761234567"),
            ("0049 176 1234567", "+491761234567"),
            ("(555) 123-4567", "5551234567"),
            ("five five five, um, eight hundred, one two", "55580012"),
            ("triple five one two three four", "5551234"),
            ("call me on my mobile oh seven seven double oh nine hundred one two three", "07700900123"),
            ("one two three sorry five five five one two three four", "5551234"),
            ("two three four five six", "23456"),
            ("幺三八零零幺三八零零零", "13800138000"),
            ("我的手机号是幺三八 零零幺三 八零零零", "13800138000"),
            ("我的电话号码是一三八零零一三八零零零", "13800138000"),
            ("加八六幺三八零零幺三八零零零", "+8613800138000"),
            ("零二一 六五四三二一零", "0216543210"),
            ("１３８００１３８０００", "13800138000"),
        ] {
            assert_eq!(said(text, None), expected, "{text}");
        }
    }

    #[test]
    fn with_a_country_they_are_e164() {
        for (text, country, expected) in [
            ("oh one seven six one two three four five six seven", "49", "+491761234567"),
            ("plus four four seven seven double oh nine double oh one two three", "49", "+447700900123"),
            ("00447700900123", "49", "+447700900123"),
            ("4915112345678", "49", "+4915112345678"),
            ("five five five one two three four five six seven", "1", "+15551234567"),
            ("one five five five one two three four five six seven", "1", "+15551234567"),
            ("幺三八零零幺三八零零零", "86", "+8613800138000"),
            ("零二一六五四三二一零九", "86", "+862165432109"),
            ("06 12345678", "39", "+390612345678"),
        ] {
            assert_eq!(said(text, Some(country)), expected, "{text}");
        }
        assert_eq!(keyed_phone("01761234567", Some("49")).as_deref(), Some("+491761234567"));
        assert_eq!(keyed_phone("00447700900123", None).as_deref(), Some("+447700900123"));
        assert_eq!(keyed_phone("123", None), None);
    }

    #[test]
    fn no_number() {
        for text in [
            "",
            "um",
            "one two three four",
            "I do not know",
            "no",
            "one two three four five six seven eight nine oh one two three four five six",
            "my parcel is late",
            "plus one two three",
            "plus oh one seven six one two three four",
            "half past three",
            "ask my wife",
            "oh one seven six extension five",
            "我不知道",
            "没有",
            "一二三",
            "我的包裹在哪里",
            "+",
            "加",
        ] {
            assert_eq!(said(text, None), "-", "{text}");
        }
    }

    #[test]
    fn inside_a_sentence() {
        for (text, expected) in [
            ("please call me back on oh one seven six one two three four five six seven tomorrow", Some("01761234567")),
            ("i want a call back at +49 176 1234567 please", Some("+491761234567")),
            ("my parcel one two three four is late", None),
            ("where is my parcel one two three four five six seven eight", None),
            ("给我回电话幺三八零零幺三八零零零谢谢", Some("13800138000")),
            ("where is my parcel", None),
            ("i am a plus member, call me on 555 555 1234", Some("5555551234")),
            ("my number, oh, plus four nine one seven six one two three four five six seven", Some("+491761234567")),
        ] {
            assert_eq!(find_phone_in(text, None).as_deref(), expected, "{text}");
        }
        assert_eq!(find_phone_in("我要加急，回电话幺三八零零幺三八零零零", Some("86")).as_deref(), Some("+8613800138000"));
        for good in ["+491761234567", "23456"] {
            assert!(is_phone(good));
        }
        for bad in ["", "+", "1234", "+0123456789", "123-456", "+12345", "１２３４５６７", "12345678901234567"] {
            assert!(!is_phone(bad), "{bad}");
        }
    }
}
