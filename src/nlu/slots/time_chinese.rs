//! Times of day as they are said in Chinese.

use super::time::{Half, Said, Sure};
use super::token::{is_figures, plain_number};

/// A time that begins here: 三点半, 下午三点二十, 差一刻九点, 九点差五分, 中午.
pub(super) fn time_at(tokens: &[String], at: usize) -> Option<Said> {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let said = |hour, minute, half, used| Some(Said { hour, minute, half, sure: Sure::Named, used });
    if token(0) == "差" {
        let (minutes, used) = short_of(tokens, at)?;
        let (hour, more) = hour(tokens, at + used)?;
        let clock = clock_word(tokens, at + used + more);
        return said(before(hour), 60 - minutes, half_of(hour), used + more + clock);
    }
    if let Some((name, used)) = noon_or_midnight(tokens, at) {
        // 中午十二点 names its hour itself.
        if hour(tokens, at + used).is_some() {
            return None;
        }
        return said(name, 0, Half::Told, used);
    }
    if is_figures(token(0)) && is_figures(token(1)) && token(1).len() == 2 && token(0).len() <= 2 {
        let (hour, minute) = (token(0).parse().ok()?, token(1).parse().ok()?);
        return (hour < 24 && minute < 60).then_some(()).and_then(|()| said(hour, minute, half_of(hour), 2));
    }
    let Some((hour, used)) = hour(tokens, at) else {
        // A bare number may be an hour.
        let (hour, used) = plain_number(tokens, at).filter(|(n, _)| *n < 25)?;
        let counts = tokens
            .get(at + used)
            .is_some_and(|t| matches!(t.as_str(), "个" | "個" | "小" | "分" | "天" | "月" | "号" | "位" | "刻"));
        return (!counts).then_some(Said { hour: hour % 24, minute: 0, half: half_of(hour), sure: Sure::Number, used });
    };
    let mut end = used;
    if token(end) == "差" {
        let (minutes, more) = short_of(tokens, at + end)?;
        return said(before(hour), 60 - minutes, half_of(hour), end + more);
    }
    let whole = clock_word(tokens, at + end);
    end += whole;
    let (minute, more) = if whole > 0 { (0, 0) } else { minutes(tokens, at + end)? };
    said(hour % 24, minute, half_of(hour), end + more)
}

fn half_of(hour: u32) -> Half {
    if hour > 12 || hour == 0 { Half::Told } else { Half::Open }
}

/// The hour before, on the same clock: before one it is twelve.
fn before(hour: u32) -> u32 {
    if hour == 1 { 12 } else { (hour + 23) % 24 }
}

/// 三点, 15点, 两点: hour and tokens.
fn hour(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let (hour, used) = plain_number(tokens, at).filter(|(n, _)| *n <= 24)?;
    let dot = tokens.get(at + used).is_some_and(|t| matches!(t.as_str(), "点" | "點" | "时" | "時"));
    dot.then_some((hour, used + 1))
}

/// 钟 or 整.
fn clock_word(tokens: &[String], at: usize) -> usize {
    usize::from(tokens.get(at).is_some_and(|t| matches!(t.as_str(), "钟" | "鐘" | "整")))
}

/// 半, 一刻, 三刻, 二十, 零五分; nothing is the full hour. `None` for 三点五, which is no time.
fn minutes(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let zero = usize::from(matches!(token(0), "零" | "过" | "過") && plain_number(tokens, at + 1).is_some());
    match token(0) {
        "半" => return Some((30, 1)),
        _ if token(1) == "刻" => {
            let quarters = plain_number(tokens, at).map(|(n, _)| n).filter(|n| *n == 1 || *n == 3)?;
            return Some((15 * quarters, 2));
        }
        _ => {}
    }
    let Some((n, used)) = plain_number(tokens, at + zero).filter(|(n, _)| *n < 60) else { return Some((0, 0)) };
    let fen = usize::from(token(zero + used) == "分");
    (n >= 10 || fen == 1 || zero == 1).then_some((n, zero + used + fen))
}

/// 差一刻, 差五分: minutes and tokens.
fn short_of(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let (n, used) = plain_number(tokens, at + 1)?;
    let unit = tokens.get(at + 1 + used).map(String::as_str);
    match unit {
        Some("刻") if n == 1 => Some((15, used + 2)),
        Some("分") if (1..60).contains(&n) => {
            let clock = usize::from(tokens.get(at + 2 + used).is_some_and(|t| matches!(t.as_str(), "钟" | "鐘")));
            Some((n, used + 2 + clock))
        }
        _ if (1..60).contains(&n) && n.is_multiple_of(5) => Some((n, used + 1)),
        _ => None,
    }
}

fn noon_or_midnight(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let pair = (tokens.get(at)?.as_str(), tokens.get(at + 1)?.as_str());
    match pair {
        ("中" | "正", "午") => Some((12, 2)),
        ("午" | "半", "夜") => Some((0, 2)),
        _ => None,
    }
}

/// 上午, 下午, 晚上 … anywhere in the sentence; two that differ tell nothing.
pub(super) fn part_of_day(tokens: &[String]) -> Half {
    const WORDS: &[(&str, Half)] = &[
        ("凌晨", Half::Night),
        ("早上", Half::Morning),
        ("早晨", Half::Morning),
        ("清晨", Half::Morning),
        ("今早", Half::Morning),
        ("明早", Half::Morning),
        ("上午", Half::Morning),
        ("下午", Half::Afternoon),
        ("中午", Half::Afternoon),
        ("傍晚", Half::Evening),
        ("晚上", Half::Night),
        ("今晚", Half::Night),
        ("明晚", Half::Night),
        ("夜里", Half::Night),
        ("半夜", Half::Night),
        ("深夜", Half::Night),
        ("午夜", Half::Night),
    ];
    let line = tokens.concat();
    let mut found = WORDS.iter().filter(|(word, _)| line.contains(word)).map(|(_, half)| *half);
    let Some(first) = found.next() else { return Half::Open };
    if found.all(|half| half == first) { first } else { Half::Open }
}

/// 两小时后, 半个小时以后, 一个半小时后, 二十分钟后, 现在; in minutes.
pub(super) fn distance(tokens: &[String]) -> Option<i64> {
    let line = tokens.concat();
    if matches!(line.as_str(), "现在" | "马上" | "立刻" | "現在") {
        return Some(0);
    }
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let ahead = |(from, minutes, end): (usize, i64, usize)| {
        let later =
            matches!(token(end), "后" | "後") || matches!(token(end), "以" | "之") && matches!(token(end + 1), "后" | "後");
        let past = from > 0 && matches!(token(from - 1), "过" | "過");
        (later || past).then_some(minutes)
    };
    (0..tokens.len()).filter_map(|unit| length(tokens, unit)).find_map(ahead).filter(|m| (0..=24 * 60).contains(m))
}

/// A length of time whose unit stands here (半个小时, 一个半小时, 二十分钟, 一刻钟): its first token, its minutes, the token behind it.
fn length(tokens: &[String], unit: usize) -> Option<(usize, i64, usize)> {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let number_before = |end: usize| {
        let number = |n: usize| Some((i64::from(plain_number(tokens, end - n).filter(|(_, used)| *used == n)?.0), end - n));
        (1..=3.min(end)).rev().find_map(number)
    };
    let scale = match (token(unit), token(unit + 1)) {
        ("小", "时" | "時") | ("钟" | "鐘", "头" | "頭") => 60,
        ("分", "钟" | "鐘") => 1,
        ("刻", "钟" | "鐘") => 15,
        _ => return None,
    };
    let end = unit + 2;
    let ge = |at: usize| matches!(token(at), "个" | "個");
    let measured = unit - usize::from(scale == 60 && unit > 0 && ge(unit - 1));
    if scale == 60 && measured > 0 && token(measured - 1) == "半" {
        // 半个小时; 一个半小时.
        let half = measured - 1;
        let whole = half.checked_sub(1).filter(|at| ge(*at)).and_then(number_before);
        return Some(whole.map_or((half, 30, end), |(n, from)| (from, n * 60 + 30, end)));
    }
    number_before(measured).map(|(n, from)| (from, n * scale, end))
}
