//! Filters that read values aloud as people say them, in English and Chinese: amounts of money, times of day.

use super::model::{Flow, SlotKind};
use super::template::language_of;
use crate::base::{Language, below_hundred_in_words};
use crate::nlu::slots::{Currency, ValueKind, parse_time};
use chrono::{NaiveTime, Timelike};
use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind, State};

/// `4.5` or `4.50 EUR` as an amount; where the value names no currency it is `currency="EUR"`, euros unless said otherwise.
pub(super) fn money(state: &mut State<'_, '_>, value: Value, options: Kwargs) -> Result<String, Error> {
    let code: Option<String> = options.get("currency")?;
    options.assert_all_used()?;
    let text = value.to_string();
    let (amount, own) = text.split_once(' ').map_or((text.as_str(), None), |(amount, code)| (amount, Some(code)));
    let amount: f64 = amount.parse().map_err(|_| wrong("`money` wants a number"))?;
    if !amount.is_finite() || amount.abs() > 1e12 {
        return Err(wrong("`money` wants an amount"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the amount was bounded above")]
    let cents = (amount.abs() * 100.0).round() as i64;
    let (whole, part) = (cents / 100, cents % 100);
    let minus = if amount < 0.0 && cents > 0 { "minus " } else { "" };
    let currency = own.or(code.as_deref()).and_then(Currency::parse).unwrap_or(Currency::Eur);
    let (one, many, small) = currency.english();
    if language_of(state) == Language::ZH {
        let (minus, name) = (if minus.is_empty() { "" } else { "负" }, currency.chinese());
        return Ok(if part == 0 {
            format!("{minus}{whole}{name}")
        } else {
            format!("{minus}{whole}点{}{}{name}", part / 10, part % 10)
        });
    }
    let name = if whole == 1 { one } else { many };
    Ok(if part == 0 { format!("{minus}{whole} {name}") } else { format!("{minus}{whole} {name} and {part} {small}") })
}

/// `15:30` as "half past three in the afternoon", 下午三点半.
pub(super) fn time(state: &mut State<'_, '_>, value: Value) -> Result<String, Error> {
    let time = parse_time(&value.to_string()).ok_or_else(|| wrong("`time` wants a time like 15:30"))?;
    Ok(if language_of(state) == Language::ZH { time_in_chinese(time) } else { time_in_english(time) })
}

fn time_in_english(time: NaiveTime) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    match (hour, minute) {
        (0, 0) => return "midnight".into(),
        (12, 0) => return "noon".into(),
        _ => {}
    }
    let name = |hour: u32| number((hour + 11) % 12 + 1);
    let part = match hour {
        0..5 => "at night",
        5..12 => "in the morning",
        12..18 => "in the afternoon",
        18..22 => "in the evening",
        _ => "at night",
    };
    let clock = match minute {
        0 => format!("{} o'clock", name(hour)),
        15 => format!("quarter past {}", name(hour)),
        30 => format!("half past {}", name(hour)),
        minute if minute < 10 => format!("{} oh {}", name(hour), number(minute)),
        minute => format!("{} {}", name(hour), number(minute)),
    };
    format!("{clock} {part}")
}

fn number(n: u32) -> String {
    below_hundred_in_words(n as usize).unwrap_or_default().join(" ")
}

fn time_in_chinese(time: NaiveTime) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    let part = match hour {
        0..5 => "凌晨",
        5..9 => "早上",
        9..12 => "上午",
        12 => "中午",
        13..18 => "下午",
        _ => "晚上",
    };
    let hour = match (hour + 11) % 12 + 1 {
        2 => "两".to_string(),
        12 if hour == 0 => "零".to_string(),
        n => chinese_number(n),
    };
    let rest = match minute {
        0 => String::new(),
        30 => "半".into(),
        n if n < 10 => format!("零{}分", chinese_number(n)),
        n => format!("{}分", chinese_number(n)),
    };
    format!("{part}{hour}点{rest}")
}

/// One to ninety-nine.
fn chinese_number(n: u32) -> String {
    const DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let (tens, ones) = ((n / 10 % 10) as usize, (n % 10) as usize);
    let ten = match tens {
        0 => return DIGITS[ones].to_string(),
        1 => "十".to_string(),
        tens => format!("{}十", DIGITS[tens]),
    };
    if ones == 0 { ten } else { ten + DIGITS[ones] }
}

/// `+491761234567` as single digits with a breath between groups; in Chinese 一 is 幺, as telephone numbers are said.
pub(super) fn phone(state: &mut State<'_, '_>, value: Value) -> String {
    let (text, chinese) = (value.to_string(), language_of(state) == Language::ZH);
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let digit = |d: &u32| match (chinese, d) {
        (true, 1) => "幺".to_string(),
        (true, d) => chinese_number(*d),
        (false, d) => number(*d),
    };
    let joined = |group: &[u32]| group.iter().map(digit).collect::<Vec<_>>().join(if chinese { "" } else { " " });
    let groups: Vec<String> = breaths(&digits).into_iter().map(joined).collect();
    let (plus, between) = if chinese { ("加", "，") } else { ("plus ", ", ") };
    format!("{}{}", if text.starts_with('+') { plus } else { "" }, groups.join(between))
}

/// Groups of three, the last of two to four; mobile numbers of China three, four and four.
fn breaths(digits: &[u32]) -> Vec<&[u32]> {
    if digits.len() == 11 && digits[0] == 1 {
        return vec![&digits[..3], &digits[3..7], &digits[7..]];
    }
    let mut groups = Vec::new();
    let mut rest = digits;
    while rest.len() > 4 {
        let (group, after) = rest.split_at(3);
        groups.push(group);
        rest = after;
    }
    groups.push(rest);
    groups
}

/// `john.smith@gmail.com` as "john dot smith at gmail dot com"; figures one by one.
pub(super) fn email(state: &mut State<'_, '_>, value: Value) -> String {
    let chinese = language_of(state) == Language::ZH;
    let mut out = String::new();
    for c in value.to_string().chars() {
        let word = match (c, chinese) {
            ('@', false) => "at".to_string(),
            ('@', true) => "艾特".into(),
            ('.', false) => "dot".into(),
            ('.', true) => "点".into(),
            ('_', false) => "underscore".into(),
            ('_', true) => "下划线".into(),
            ('-', false) => "dash".into(),
            ('-', true) => "横杠".into(),
            ('+', false) => "plus".into(),
            ('+', true) => "加号".into(),
            (c, _) => match c.to_digit(10) {
                Some(d) if chinese => chinese_number(d),
                Some(d) => number(d),
                None => {
                    out.push(c);
                    continue;
                }
            },
        };
        out.push_str(&format!(" {word} "));
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Flow {
    /// How a slot's value sounds in each language where it is read aloud by the filter that is made for it; nothing where it is said as it is
    /// written.
    pub fn read_aloud(&self, slot: &str, value: &str) -> Vec<String> {
        let filter = match self.slots.get(slot) {
            Some(SlotKind::Date) => "day",
            Some(SlotKind::Value(ValueKind::Money { .. })) => "money",
            Some(SlotKind::Value(ValueKind::Time { .. })) => "time",
            Some(SlotKind::Value(ValueKind::Phone { .. })) => "phone",
            Some(SlotKind::Value(ValueKind::Email)) => "email",
            _ => return Vec::new(),
        };
        let said = |language: &Language| {
            let mut scope = self.fixed_scope(*language);
            scope.insert("value".to_string(), value.into());
            self.templates.words(&format!("{{{{ value | {filter} }}}}"), &scope).ok()
        };
        self.languages.iter().filter_map(said).collect()
    }
}

fn wrong(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

#[cfg(test)]
mod tests {
    use crate::flow::template::{Scope, Templates};
    use crate::nlu::slots::{email, money, parse_time, phone, time};

    fn say(language: &str, template: &str) -> String {
        let scope: Scope = [("language".to_string(), language.into())].into();
        Templates::new().words(template, &scope).unwrap_or_else(|e| format!("error: {e}"))
    }

    #[test]
    fn amounts_are_read_in_their_own_currency() {
        for (value, english, chinese) in [
            ("12.50 EUR", "12 euros and 50 cents", "12点50欧元"),
            ("1.00 USD", "1 dollar", "1美元"),
            ("12.05 CNY", "12 yuan and 5 fen", "12点05元"),
            ("12.50", "12 euros and 50 cents", "12点50欧元"),
        ] {
            assert_eq!(say("en", &format!("{{{{ '{value}' | money }}}}")), english);
            assert_eq!(say("zh", &format!("{{{{ '{value}' | money }}}}")), chinese);
        }
        assert_eq!(say("en", "{{ '12.50 GBP' | amount }}"), "12.50");
        assert!(say("en", "{{ 'much' | money }}").starts_with("error"));
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        for (value, english, chinese) in [
            ("15:30", "half past three in the afternoon", "下午三点半"),
            ("09:00", "nine o'clock in the morning", "上午九点"),
            ("12:00", "noon", "中午十二点"),
            ("00:00", "midnight", "凌晨零点"),
            ("20:20", "eight twenty in the evening", "晚上八点二十分"),
            ("14:05", "two oh five in the afternoon", "下午两点零五分"),
            ("23:15", "quarter past eleven at night", "晚上十一点十五分"),
            ("02:45", "two forty five at night", "凌晨两点四十五分"),
        ] {
            assert_eq!(say("en", &format!("{{{{ '{value}' | time }}}}")), english);
            assert_eq!(say("zh", &format!("{{{{ '{value}' | time }}}}")), chinese);
        }
        assert!(say("en", "{{ 'late' | time }}").starts_with("error"));
    }

    #[test]
    fn telephone_numbers_and_addresses() {
        for (value, english, chinese) in [
            (
                "+491761234567",
                "plus four nine one, seven six one, two three four, five six seven",
                "加四九幺，七六幺，二三四，五六七",
            ),
            ("13800138000", "one three eight, zero zero one three, eight zero zero zero", "幺三八，零零幺三，八零零零"),
            ("23456", "two three four, five six", "二三四，五六"),
        ] {
            assert_eq!(say("en", &format!("{{{{ '{value}' | phone }}}}")), english);
            assert_eq!(say("zh", &format!("{{{{ '{value}' | phone }}}}")), chinese);
        }
        assert_eq!(
            say("en", "{{ 'john.smith_5@g-mail.com' | email }}"),
            "john dot smith underscore five at g dash mail dot com"
        );
        assert_eq!(say("zh", "{{ 'li.ming5@qq.com' | email }}"), "li 点 ming 五 艾特 qq 点 com");
        assert_eq!((say("en", "{{ '' | phone }}"), say("en", "{{ '' | email }}")), (String::new(), String::new()));
    }

    #[test]
    fn what_is_read_aloud_is_understood_again() {
        let now = chrono::NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|d| d.and_hms_opt(10, 0, 0)).expect("a moment");
        for minute in 0..24 * 60 {
            let value = format!("{:02}:{:02}", minute / 60, minute % 60);
            for language in ["en", "zh"] {
                let spoken = say(language, &format!("{{{{ '{value}' | time }}}}"));
                assert_eq!(time(&spoken, now, None), parse_time(&value), "{spoken}");
            }
        }
        for value in ["12.50 EUR", "1.05 USD", "100.00 GBP", "9999.99 EUR", "0.99 EUR"] {
            let spoken = say("en", &format!("{{{{ '{value}' | money }}}}"));
            assert_eq!(money(&spoken, None).map(|m| m.to_string()).as_deref(), Some(value), "{spoken}");
        }
        for value in ["+491761234567", "13800138000", "23456", "0301234567"] {
            for language in ["en", "zh"] {
                let spoken = say(language, &format!("{{{{ '{value}' | phone }}}}"));
                assert_eq!(phone(&spoken, None).as_deref(), Some(value), "{spoken}");
            }
        }
        for value in ["john.smith_5@g-mail.com", "li+ming@qq.com", "a1b2@x.co.uk"] {
            for language in ["en", "zh"] {
                let spoken = say(language, &format!("{{{{ '{value}' | email }}}}"));
                assert_eq!(email(&spoken).as_deref(), Some(value), "{spoken}");
            }
        }
        assert_eq!(money(&say("zh", "{{ '12.05 CNY' | money }}"), None).map(|m| m.to_string()).as_deref(), Some("12.05 CNY"));
    }
}
