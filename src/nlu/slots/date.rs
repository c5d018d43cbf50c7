//! Days as callers name them, seen from a given today.

use super::number::ordinal;
use super::token::{below_hundred, is_figures, tens, tokens};
use crate::nlu::normalise::is_han;
use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

/// The day that is meant. A day without a year is the next such day, today included; a weekday alone is the next one
/// after today, "this" weekday lies in the present week (from Monday), "next" in the following one. Figures are read day
/// first (3/12 = the third of December) unless only month first is possible. `None` when no day or two days are named.
pub fn date(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    if let Some(day) = in_figures(text) {
        return Some(day);
    }
    let tokens = tokens(text);
    if text.chars().any(is_han) { chinese(&tokens, today) } else { english(&tokens, today) }
}

/// 2026-12-03, 3.12.2026, 03/12/26.
fn in_figures(text: &str) -> Option<NaiveDate> {
    for word in text.split_whitespace() {
        let word = word.trim_matches(|c: char| !c.is_ascii_digit());
        let parts: Vec<&str> = word.split(['-', '.', '/']).collect();
        let [a, b, c] = parts[..] else { continue };
        if ![a, b, c].iter().all(|p| (1..=4).contains(&p.len()) && is_figures(p)) {
            continue;
        }
        let (x, y, z): (i32, u32, i32) = (a.parse().ok()?, b.parse().ok()?, c.parse().ok()?);
        if a.len() == 4 {
            return NaiveDate::from_ymd_opt(x, y, u32::try_from(z).ok()?);
        }
        let year = if c.len() == 2 { 2_000 + z } else { z };
        let first = u32::try_from(x).ok()?;
        return NaiveDate::from_ymd_opt(year, y, first).or_else(|| NaiveDate::from_ymd_opt(year, first, y));
    }
    None
}

fn english(tokens: &[String], today: NaiveDate) -> Option<NaiveDate> {
    let line = format!(" {} ", tokens.join(" "));
    let has = |p: &str| line.contains(&format!(" {p} "));
    if let Some(day) = month_and_day(tokens, today) {
        return Some(day);
    }
    if let Some(days) = distance(tokens) {
        return shifted(today, days);
    }
    let relative: &[(&str, i64)] = &[
        ("day after tomorrow", 2),
        ("day before yesterday", -2),
        ("tomorrow", 1),
        ("yesterday", -1),
        ("today", 0),
        ("tonight", 0),
    ];
    if let Some((_, days)) = relative.iter().find(|(p, _)| has(p)) {
        return shifted(today, *days);
    }
    let feasts: &[(&str, u32, u32)] = &[
        ("christmas eve", 12, 24),
        ("boxing day", 12, 26),
        ("christmas", 12, 25),
        ("new years eve", 12, 31),
        ("new year", 1, 1),
        ("new years", 1, 1),
        ("halloween", 10, 31),
    ];
    if let Some((_, month, day)) = feasts.iter().find(|(p, ..)| has(p)) {
        return upcoming(*month, *day, today);
    }
    if let Some(day) = weekday_of(tokens, today) {
        return day;
    }
    // "the third", "on the twenty first".
    let (day, _) = (0..tokens.len()).filter(|i| *i > 0 && tokens[i - 1] == "the").find_map(|i| ordinal(tokens, i))?;
    next_day_of_month(day, today)
}

/// "next friday", "on monday", "friday"; `Some(None)` when two weekdays are named.
fn weekday_of(tokens: &[String], today: NaiveDate) -> Option<Option<NaiveDate>> {
    let mut found: Option<(usize, Weekday)> = None;
    for (i, token) in tokens.iter().enumerate() {
        if let Some(day) = weekday(token) {
            if found.is_some_and(|f| f.1 != day) {
                return Some(None);
            }
            found = found.or(Some((i, day)));
        }
    }
    let (at, day) = found?;
    let before = at.checked_sub(1).map_or("", |i| tokens[i].as_str());
    let which = match before {
        "next" => Which::NextWeek,
        "this" => Which::ThisWeek,
        "last" | "past" => Which::Last,
        _ => Which::Coming,
    };
    // "friday week", "a week on friday".
    let week_later = tokens.get(at + 1).is_some_and(|t| t == "week") || at >= 2 && tokens[at - 2] == "week" && before == "on";
    let day = nth_weekday(day, which, today)?;
    Some(if week_later { day.checked_add_days(Days::new(7)) } else { Some(day) })
}

#[derive(Clone, Copy)]
enum Which {
    Coming,
    ThisWeek,
    NextWeek,
    Last,
}

fn nth_weekday(day: Weekday, which: Which, today: NaiveDate) -> Option<NaiveDate> {
    let from_monday = i64::from(day.num_days_from_monday());
    let now = i64::from(today.weekday().num_days_from_monday());
    let ahead = (from_monday - now + 6).rem_euclid(7) + 1;
    let days = match which {
        Which::Coming => ahead,
        Which::ThisWeek if from_monday >= now => from_monday - now,
        Which::ThisWeek => ahead,
        Which::NextWeek => 7 - now + from_monday,
        Which::Last => ahead - if ahead == 7 { 14 } else { 7 },
    };
    shifted(today, days)
}

fn weekday(token: &str) -> Option<Weekday> {
    Some(match token {
        "monday" | "mondays" => Weekday::Mon,
        "tuesday" | "tuesdays" => Weekday::Tue,
        "wednesday" | "wednesdays" => Weekday::Wed,
        "thursday" | "thursdays" => Weekday::Thu,
        "friday" | "fridays" => Weekday::Fri,
        "saturday" | "saturdays" => Weekday::Sat,
        "sunday" | "sundays" => Weekday::Sun,
        _ => return None,
    })
}

/// "in three days", "two weeks from now", "a week ago".
fn distance(tokens: &[String]) -> Option<i64> {
    for (i, token) in tokens.iter().enumerate() {
        let unit = match token.as_str() {
            "day" | "days" => 1,
            "week" | "weeks" => 7,
            "fortnight" => 14,
            _ => continue,
        };
        let count = match i.checked_sub(1).map(|j| tokens[j].as_str()) {
            Some("a" | "an" | "one") => 1,
            Some("couple") => 2,
            Some(figures) if is_figures(figures) => figures.parse().ok()?,
            Some("of") if i >= 2 && tokens[i - 2] == "couple" => 2,
            Some(_) => (1..=2.min(i))
                .rev()
                .find_map(|n| below_hundred(tokens, i - n).filter(|(_, used)| *used == n))
                .map(|(v, _)| i64::from(v))?,
            None => continue,
        };
        let days: i64 = count.checked_mul(unit)?;
        let after = tokens.get(i + 1).map_or("", String::as_str);
        let begins_in = tokens[..i].iter().rev().take(4).any(|t| t == "in");
        if after == "ago" {
            return Some(-days);
        }
        if begins_in || matches!(after, "from" | "later" | "time") {
            return Some(days);
        }
    }
    None
}

/// "the third of december", "december third", "3 december 2026", "december the 3rd twenty twenty six".
fn month_and_day(tokens: &[String], today: NaiveDate) -> Option<NaiveDate> {
    let (at, month) = tokens.iter().enumerate().find_map(|(i, t)| month(t).map(|m| (i, m)))?;
    let day_at = |i: usize| {
        ordinal(tokens, i).or_else(|| {
            let token = tokens.get(i)?;
            if is_figures(token) { token.parse().ok().map(|d| (d, 1)) } else { below_hundred(tokens, i) }
        })
    };
    // After the month: "december third", "december the third".
    let skip = usize::from(tokens.get(at + 1).is_some_and(|t| t == "the"));
    let after = day_at(at + 1 + skip).filter(|(d, _)| (1..=31).contains(d)).map(|(d, used)| (d, at + 1 + skip + used));
    // Before it: "third of december", "twenty first december".
    let end = if at > 0 && tokens[at - 1] == "of" { at - 1 } else { at };
    let before = (1..=3.min(end)).rev().find_map(|n| day_at(end - n).filter(|(d, used)| *used == n && (1..=31).contains(d)));
    // "thirty second of december" is no day, least of all the second.
    let cut = |n: u32| n < 10 && end >= 2 && tens(&tokens[end - 2]).is_some();
    if before.is_some_and(|(d, used)| used == 1 && cut(d)) {
        return None;
    }
    let (day, rest) = match (before, after) {
        (Some((d, _)), _) => (d, at + 1),
        (None, Some(found)) => found,
        (None, None) => return None,
    };
    match year(tokens, rest) {
        Some(year) => NaiveDate::from_ymd_opt(year, month, day),
        None => upcoming(month, day, today),
    }
}

/// "2026", "twenty twenty six", "two thousand twenty six", "nineteen eighty four".
fn year(tokens: &[String], at: usize) -> Option<i32> {
    let at = at + usize::from(tokens.get(at).is_some_and(|t| t == "in" || t == "of"));
    let token = tokens.get(at)?;
    if is_figures(token) {
        return token.parse().ok().filter(|y| (1_900..=2_200).contains(y));
    }
    if token == "two" && tokens.get(at + 1).is_some_and(|t| t == "thousand") {
        let and = usize::from(tokens.get(at + 2).is_some_and(|t| t == "and"));
        return Some(2_000 + below_hundred(tokens, at + 2 + and).map_or(0, |(r, _)| r as i32));
    }
    let century = match token.as_str() {
        "twenty" => 20,
        "nineteen" => 19,
        _ => return None,
    };
    let (rest, _) = below_hundred(tokens, at + 1).filter(|(r, _)| *r >= 10)?;
    Some(century * 100 + rest as i32)
}

fn month(token: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    const SHORT: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sept", "oct", "nov", "dec"];
    let at = NAMES.iter().position(|n| *n == token).or_else(|| SHORT.iter().position(|n| *n == token))?;
    u32::try_from(at + 1).ok()
}

fn chinese(tokens: &[String], today: NaiveDate) -> Option<NaiveDate> {
    let line = tokens.concat();
    if let Some(day) = chinese_calendar(tokens, today) {
        return Some(day);
    }
    let relative: &[(&str, i64)] = &[
        ("大后天", 3),
        ("大前天", -3),
        ("后天", 2),
        ("後天", 2),
        ("前天", -2),
        ("明天", 1),
        ("明日", 1),
        ("昨天", -1),
        ("今天", 0),
        ("今日", 0),
        ("今晚", 0),
        ("明早", 1),
        ("明晚", 1),
    ];
    if let Some((_, days)) = relative.iter().find(|(p, _)| line.contains(p)) {
        return shifted(today, *days);
    }
    let at = tokens.windows(2).position(|w| {
        matches!((w[0].as_str(), w[1].as_str()), ("周" | "週" | "期" | "拜", _)) && chinese_weekday(&w[1]).is_some()
    });
    if let Some(at) = at {
        let before: String = tokens[..at].concat();
        let before = before.trim_end_matches(['星', '礼', '禮', '个', '個']);
        let which = match before.chars().last() {
            Some('下') => Which::NextWeek,
            Some('这' | '這' | '本') => Which::ThisWeek,
            Some('上') => Which::Last,
            _ => Which::Coming,
        };
        return nth_weekday(chinese_weekday(&tokens[at + 1])?, which, today);
    }
    // 三天后, 两周以后, 五天前.
    let at = tokens.iter().position(|t| t == "天" || t == "周")?;
    let unit = if tokens[at] == "天" { 1 } else { 7 };
    let count = count_before(tokens, at)?;
    let after: String = tokens[at + 1..].concat();
    match after.chars().next() {
        Some('后' | '後' | '以') if !after.starts_with("以前") => shifted(today, unit * i64::from(count)),
        Some('前' | '以') => shifted(today, -unit * i64::from(count)),
        _ => None,
    }
}

fn chinese_weekday(token: &str) -> Option<Weekday> {
    Some(match token {
        "一" | "1" => Weekday::Mon,
        "二" | "2" => Weekday::Tue,
        "三" | "3" => Weekday::Wed,
        "四" | "4" => Weekday::Thu,
        "五" | "5" => Weekday::Fri,
        "六" | "6" => Weekday::Sat,
        "日" | "天" | "7" => Weekday::Sun,
        _ => return None,
    })
}

/// 十二月三号, 2026年12月3日, 下个月三号, 三号.
fn chinese_calendar(tokens: &[String], today: NaiveDate) -> Option<NaiveDate> {
    let day_mark = tokens.iter().rposition(|t| matches!(t.as_str(), "号" | "號" | "日"))?;
    let day = count_before(tokens, day_mark).filter(|d| (1..=31).contains(d))?;
    let Some(month_mark) = tokens[..day_mark].iter().rposition(|t| t == "月") else {
        return next_day_of_month(day, today);
    };
    if tokens[..month_mark].concat().trim_end_matches(['个', '個']).ends_with('下') {
        let next = today.with_day(1)?.checked_add_months(Months::new(1))?;
        return next.with_day(day);
    }
    let month = count_before(tokens, month_mark).filter(|m| (1..=12).contains(m))?;
    let year_mark = tokens[..month_mark].iter().rposition(|t| t == "年");
    match year_mark.map(|y| tokens[..y].concat()) {
        None => upcoming(month, day, today),
        Some(before) if before.ends_with("明") => NaiveDate::from_ymd_opt(today.year() + 1, month, day),
        Some(before) if before.ends_with("今") => NaiveDate::from_ymd_opt(today.year(), month, day),
        Some(before) => {
            let year: i32 = super::digits::digits(&before)?.parse().ok()?;
            NaiveDate::from_ymd_opt(if year < 100 { 2_000 + year } else { year }, month, day)
        }
    }
}

/// The number that ends right before a mark: figures or 二十三.
fn count_before(tokens: &[String], mark: usize) -> Option<u32> {
    (1..=3.min(mark)).rev().find_map(|n| {
        let token = &tokens[mark - n];
        if n == 1 && is_figures(token) {
            return token.parse().ok();
        }
        below_hundred(tokens, mark - n).filter(|(_, used)| *used == n).map(|(v, _)| v)
    })
}

fn shifted(today: NaiveDate, days: i64) -> Option<NaiveDate> {
    today.checked_add_signed(chrono::TimeDelta::try_days(days)?)
}

/// The next such day, today included; 29 February waits for its year.
fn upcoming(month: u32, day: u32, today: NaiveDate) -> Option<NaiveDate> {
    (0..9).filter_map(|n| NaiveDate::from_ymd_opt(today.year() + n, month, day)).find(|d| *d >= today)
}

fn next_day_of_month(day: u32, today: NaiveDate) -> Option<NaiveDate> {
    let first = today.with_day(1)?;
    (0..12).filter_map(|n| first.checked_add_months(Months::new(n))?.with_day(day)).find(|d| *d >= today)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_seen_from_a_wednesday() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a day");
        for (said, expected) in [
            ("today", "2026-11-25"),
            ("tomorrow please", "2026-11-26"),
            ("the day after tomorrow", "2026-11-27"),
            ("yesterday", "2026-11-24"),
            ("friday", "2026-11-27"),
            ("on monday", "2026-11-30"),
            ("wednesday", "2026-12-02"),
            ("this friday", "2026-11-27"),
            ("next friday", "2026-12-04"),
            ("last friday", "2026-11-20"),
            ("last wednesday", "2026-11-18"),
            ("friday week", "2026-12-04"),
            ("the third of december", "2026-12-03"),
            ("december third", "2026-12-03"),
            ("december the twenty first", "2026-12-21"),
            ("twenty first december", "2026-12-21"),
            ("3rd of december", "2026-12-03"),
            ("december 3", "2026-12-03"),
            ("december three", "2026-12-03"),
            ("the first of may twenty twenty seven", "2027-05-01"),
            ("march 5 2027", "2027-03-05"),
            ("july fourth nineteen eighty four", "1984-07-04"),
            ("the fifth of june two thousand and twenty seven", "2027-06-05"),
            ("january first", "2027-01-01"),
            ("the third", "2026-12-03"),
            ("on the thirtieth", "2026-11-30"),
            ("in three days", "2026-11-28"),
            ("in two weeks", "2026-12-09"),
            ("a week from now", "2026-12-02"),
            ("two days ago", "2026-11-23"),
            ("christmas eve", "2026-12-24"),
            ("2026-12-03", "2026-12-03"),
            ("3.12.2026", "2026-12-03"),
            ("on 12/25/2026.", "2026-12-25"),
            ("february twenty ninth", "2028-02-29"),
            ("明天", "2026-11-26"),
            ("大后天", "2026-11-28"),
            ("十二月三号", "2026-12-03"),
            ("12月3日", "2026-12-03"),
            ("二零二七年五月一号", "2027-05-01"),
            ("明年一月二十五日", "2027-01-25"),
            ("下个月三号", "2026-12-03"),
            ("下周五", "2026-12-04"),
            ("星期五", "2026-11-27"),
            ("这周五", "2026-11-27"),
            ("下星期天", "2026-12-06"),
            ("三天后", "2026-11-28"),
            ("三十号", "2026-11-30"),
        ] {
            assert_eq!(date(said, today).map(|d| d.to_string()).as_deref(), Some(expected), "{said}");
        }
    }

    #[test]
    fn no_day_or_two() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a day");
        for said in [
            "",
            "next week",
            "i do not know",
            "monday or tuesday",
            "the thirty second of december",
            "february thirtieth",
            "one two",
            "99/99/9999",
            "不知道",
            "星期",
            "月号",
        ] {
            assert_eq!(date(said, today), None, "{said}");
        }
    }
}
