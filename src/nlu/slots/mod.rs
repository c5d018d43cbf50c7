//! Values inside an answer: digit strings, yes or no, numbers, days, menu choices, and the wish to hear it again. English
//! and Chinese, told by the script of the text. Each function says `None` rather than guess.

mod choose;
mod correct;
mod currency;
mod date;
mod degree;
mod digits;
mod email;
mod language;
mod money;
mod money_chinese;
mod name;
mod number;
mod phone;
mod time;
mod time_chinese;
mod token;
mod value;
mod yes_no;

pub use choose::{choose, go_on_request, listens_on, repeat_request};
pub use correct::{confusable, corrected};
pub use currency::Currency;
pub use date::date;
pub use degree::{Degree, assent};
pub use digits::{digits, find_digits_in};
pub use email::{email, find_email_in, is_email};
pub use language::language_wish;
pub use money::{Money, find_money_in, keyed_money, money};
pub use name::{Named, find_name_in, name};
pub use number::{number, place};
pub use phone::{find_phone_in, is_phone, keyed_phone, phone};
pub use time::{Span, find_time_in, keyed_time, parse_time, time};
pub use value::ValueKind;
pub use yes_no::yes_no;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Words that the readers know, mixed with anything.
    fn talk() -> impl Strategy<Value = String> {
        const KNOWN: &[&str] = &[
            "one",
            "double",
            "twenty",
            "hundred",
            "thousand",
            "million",
            "and",
            "no",
            "yes",
            "not",
            "the",
            "third",
            "of",
            "december",
            "next",
            "friday",
            "in",
            "days",
            "99999999999999999999",
            "9223372036854775807",
            "9223372036854775800",
            "-",
            "万",
            "十",
            "百",
            "二",
            "零",
            "月",
            "号",
            "年",
            "天后",
            "明天",
            "下周",
            "不",
            "是",
            "a",
            "agent",
            "talk",
            "to",
            "two",
            "ago",
            "week",
            "minus",
            "euros",
            "cents",
            "point",
            "fifty",
            "half",
            "past",
            "quarter",
            "pm",
            "o'clock",
            "hours",
            "at",
            "dot",
            "com",
            "plus",
            "grand",
            "$12.50",
            "12:30",
            "1530",
            "j",
            "块",
            "毛",
            "分",
            "点",
            "半",
            "下午",
            "差",
            "刻",
            "小时后",
            "加",
            "艾特",
            "王芳",
            "先生",
            "smith",
            "第",
            "最后",
            "last",
            "forty",
            "probably",
            "i think",
            "应该",
            "大概",
            "anna",
            "alpha",
            "圈a",
        ];
        prop::collection::vec(prop_oneof![4 => prop::sample::select(KNOWN).prop_map(String::from), 1 => ".{0,6}"], 0..12)
            .prop_map(|words| words.join(" "))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn nothing_said_makes_them_panic(text in talk(), day in 0..200_000i32) {
            let today = chrono::NaiveDate::from_num_days_from_ce_opt(700_000 + day).expect("a day");
            let found = digits(&text);
            prop_assert!(found.is_none_or(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit())));
            prop_assert!(place(&text, 3).is_none_or(|p| p < 3));
            let _ = (number(&text), date(&text, today), yes_no(&text), assent(&text), repeat_request(&text), find_digits_in(&text, 2, 9));
            let _ = (go_on_request(&text), listens_on(&text));
            let amounts = [money(&text, None), find_money_in(&text, Some(Currency::Cny)), keyed_money(&text, None)];
            for amount in amounts.into_iter().flatten() {
                prop_assert_eq!(Money::parse(&amount.to_string()), Some(amount));
            }
            let now = today.and_hms_opt(13, 14, 15).expect("a moment");
            let night = Span { from: now.time(), until: today.and_hms_opt(2, 0, 0).expect("a moment").time() };
            let _ = (time(&text, now, None), find_time_in(&text, now, None), keyed_time(&text, None), parse_time(&text));
            prop_assert!(time(&text, now, Some(night)).is_none_or(|t| night.holds(t)));
            let phones = [phone(&text, None), find_phone_in(&text, Some("49")), keyed_phone(&text, None), phone(&text, Some("39"))];
            prop_assert!(phones.into_iter().flatten().all(|p| is_phone(&p)));
            prop_assert!([email(&text), find_email_in(&text)].into_iter().flatten().all(|e| is_email(&e)));
            let names = [&*text, "anna smith", "王芳", ""].map(|n| Named { name: n.to_string(), said: vec![n.to_string()] });
            let _ = (name(&text, &names), find_name_in(&text, &names));
            let _ = choose(&text, &[("a", vec!["agent", "one two"]), ("b", vec!["明天", ""])]);
            let _ = crate::nlu::person::asks_for_person(&text, &["week".to_string()]);
        }
    }
}
