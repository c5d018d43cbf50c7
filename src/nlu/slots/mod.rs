//! Values inside an answer: digit strings, yes or no, numbers, days, menu choices, and the wish to hear it again. English
//! and Chinese, told by the script of the text. Each function says `None` rather than guess.

mod choose;
mod correct;
mod date;
mod digits;
mod number;
mod token;
mod yes_no;

pub use choose::{choose, repeat_request};
pub use correct::{confusable, corrected};
pub use date::date;
pub use digits::{digits, find_digits_in};
pub use number::number;
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
            let _ = (number(&text), date(&text, today), yes_no(&text), repeat_request(&text), find_digits_in(&text, 2, 9));
            let _ = choose(&text, &[("a", vec!["agent", "one two"]), ("b", vec!["明天", ""])]);
            let _ = crate::nlu::person::asks_for_person(&text, &["week".to_string()]);
        }
    }
}
