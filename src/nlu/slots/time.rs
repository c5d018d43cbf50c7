//! Times of day as callers name them, seen from a given now.

use super::time_chinese;
use super::token::{among, is_figures, last_try, plain_number, small, tokens};
use crate::nlu::normalise::is_han;
use chrono::{NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use serde::{Deserialize, Serialize};

/// From when until when a time makes sense, both included; where the second is before the first it goes past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The earliest.
    pub from: NaiveTime,
    /// The latest.
    pub until: NaiveTime,
}

impl Span {
    /// Whether a time lies in it.
    pub fn holds(&self, time: NaiveTime) -> bool {
        if self.from <= self.until { (self.from..=self.until).contains(&time) } else { time >= self.from || time <= self.until }
    }
}

/// The time of day that an answer names: "half past three in the afternoon", "quarter to nine", "three thirty pm", "noon",
/// "fifteen hundred", "in two hours", 下午三点半, 差一刻九点. Where neither the words nor the hour tell which half of the day is
/// meant, it is the one within `span`, and within both (or without a span) the one from 7:00 to 18:59. `None` when there is no
/// time, or two, or one outside `span`. `now` is where the hotline is.
pub fn time(text: &str, now: NaiveDateTime, span: Option<Span>) -> Option<NaiveTime> {
    read(text, now, span, Sure::Number)
}

/// The time inside an open sentence, where it is unmistakable: by its words ("half past", "pm", "at three thirty"), never a bare number.
pub fn find_time_in(text: &str, now: NaiveDateTime, span: Option<Span>) -> Option<NaiveTime> {
    read(text, now, span, Sure::Named)
}

/// A keyed time: four keys are a time on the 24 hour clock (`1530`), fewer an hour or hour and minutes ("9", "15", "930") of which
/// the half of the day is found as for words.
pub fn keyed_time(digits: &str, span: Option<Span>) -> Option<NaiveTime> {
    let (hour, minute) = match digits.len() {
        1 | 2 => (digits, "0"),
        3 => digits.split_at_checked(1)?,
        4 => digits.split_at_checked(2)?,
        _ => return None,
    };
    let half = if digits.len() == 4 { Half::Told } else { Half::Open };
    resolve(hour.parse().ok()?, minute.parse().ok()?, half, span)
}

/// A time from its canonical text, `15:30`.
pub fn parse_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5)
}

/// How sure it is that a time was meant at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sure {
    /// A number that may be an hour.
    Number,
    /// Hour and minutes side by side.
    Pair,
    /// Told by a word of time.
    Named,
}

/// Which half of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// The words tell nothing.
    Open,
    /// The hour is on the 24 hour clock already.
    Told,
    /// Before noon.
    Morning,
    /// From noon on.
    Afternoon,
    /// From five in the afternoon to midnight.
    Evening,
    /// From eight in the evening to five in the morning.
    Night,
}

/// A time as it was said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) half: Half,
    pub(super) sure: Sure,
    /// How many tokens it takes.
    pub(super) used: usize,
}

fn read(text: &str, now: NaiveDateTime, span: Option<Span>, least: Sure) -> Option<NaiveTime> {
    let tokens = tokens(text);
    let han = text.chars().any(is_han);
    let of = |part: &[String]| {
        let distance = if han { time_chinese::distance(part) } else { distance(part) };
        if let Some(minutes) = distance {
            let then = now.checked_add_signed(TimeDelta::minutes(minutes))?.time();
            return NaiveTime::from_hms_opt(then.hour(), then.minute(), 0).filter(|t| span.is_none_or(|s| s.holds(*t)));
        }
        the_one(part, han, least).and_then(|said| resolve(said.hour, said.minute, said.half, span))
    };
    last_try(&tokens).and_then(of).or_else(|| of(&tokens))
}

/// The only time among the tokens; what is surer wins.
fn the_one(tokens: &[String], han: bool, least: Sure) -> Option<Said> {
    let mut all: Vec<Said> = Vec::new();
    let (mut at, mut others) = (0, false);
    while at < tokens.len() {
        let said = if han { time_chinese::time_at(tokens, at) } else { time_at(tokens, at) };
        match said {
            Some(said) => {
                let end = at + said.used;
                // More figures than a time has, or a choice of two.
                let number = |at: usize| plain_number(tokens, at).is_some();
                let linked = tokens.get(end).is_some_and(|t| among("and or to till until 或 到 至", t)) && number(end + 1);
                if said.sure < Sure::Named && (number(end) || at > 0 && number(at - 1) || linked) {
                    return None;
                }
                all.push(said);
                at = end;
            }
            None => {
                others |= !among(FILLERS, &tokens[at]);
                at += plain_number(tokens, at).map_or(1, |(_, used)| used);
            }
        }
    }
    let part = if han { time_chinese::part_of_day(tokens) } else { part_of_day(tokens) };
    let surest = all.iter().map(|s| s.sure).max()?;
    // "at six" is a time in a sentence that names a part of the day; three parcels stay three parcels.
    let enough = surest >= least || surest == Sure::Pair && part != Half::Open;
    if !enough || surest == Sure::Number && others {
        return None;
    }
    let mut best = all.iter().filter(|s| s.sure == surest);
    let mut first = *best.next()?;
    if best.any(|s| (s.hour, s.minute) != (first.hour, first.minute)) {
        return None;
    }
    if first.half == Half::Open {
        // 上午十二点 is noon.
        first.half = if han && part == Half::Morning && first.hour == 12 { Half::Told } else { part };
    }
    // "fifteen hundred in the morning" is nothing.
    (first.hour <= 12 || first.half != Half::Told || part != Half::Morning).then_some(first)
}

/// Said around a time that is a bare number.
const FILLERS: &str = "um uh er erm well so okay yes yeah please at by around about roughly the it is its be will i think would like say \
    for lets make thanks thank you then sometime approximately on time good fine we can do perhaps that best \
    in this today tomorrow tonight morning afternoon evening night noon 大 概 约 左 右 是 要 我 的 吧 呢 啊 嗯 \
    那 就 在 想 差 不 多 请 可 以 今 天 明 后 早 上 中 下 午 晚 凌 晨 清 傍 半 深 夜 里";

/// The time of day in numbers; `None` where half of the day and hour quarrel, or outside the span.
fn resolve(hour: u32, minute: u32, half: Half, span: Option<Span>) -> Option<NaiveTime> {
    let ambiguous = (1..=12).contains(&hour);
    let hour = match half {
        Half::Open if ambiguous => return either(hour, minute, span),
        Half::Open | Half::Told => hour,
        Half::Morning if hour <= 11 => hour,
        // Twelve a.m. is midnight.
        Half::Morning if hour == 12 => 0,
        Half::Afternoon if hour == 12 || hour >= 13 => hour,
        Half::Afternoon => hour + 12,
        Half::Evening if (4..12).contains(&hour) => hour + 12,
        Half::Evening | Half::Night if hour == 12 => 0,
        Half::Evening if hour >= 16 || hour == 0 => hour,
        Half::Night if (6..12).contains(&hour) => hour + 12,
        Half::Night if hour <= 5 || hour >= 18 => hour,
        _ => return None,
    };
    NaiveTime::from_hms_opt(hour, minute, 0).filter(|t| span.is_none_or(|s| s.holds(*t)))
}

/// Which of the two halves of the day: the one in the span; of both the one in business hours.
fn either(hour: u32, minute: u32, span: Option<Span>) -> Option<NaiveTime> {
    let both = [hour % 12, hour % 12 + 12].map(|h| NaiveTime::from_hms_opt(h, minute, 0));
    let inside = |t: &NaiveTime| span.is_none_or(|s| s.holds(*t));
    let found: Vec<NaiveTime> = both.into_iter().flatten().filter(inside).collect();
    match found.as_slice() {
        [one] => Some(*one),
        _ => found.into_iter().find(|t| (7..19).contains(&t.hour())),
    }
}

/// A time that begins here.
fn time_at(tokens: &[String], at: usize) -> Option<Said> {
    let said = |hour, minute, half, sure, used| Some(Said { hour, minute, half, sure, used });
    if let Some((hour, half)) = by_name(tokens.get(at)?) {
        return said(hour, 0, half, Sure::Named, 1);
    }
    if let Some((minute, past, used)) = beside_hour(tokens, at) {
        let (hour, half, more) = hour_at(tokens, at + used)?;
        let end = at + used + more;
        let (tail, tail_used) = tail(tokens, end).unwrap_or((half, 0));
        let (hour, minute) = if past { (hour, minute) } else { ((hour + 23) % 24, 60 - minute) };
        // Before one o'clock it is twelve, on either clock.
        let hour = if !past && half == Half::Open && hour == 0 { 12 } else { hour };
        let half = if half == Half::Told { half } else { tail };
        return said(hour, minute, half, Sure::Named, used + more + tail_used);
    }
    let (hour, minute, used, pair) = on_the_clock(tokens, at)?;
    let end = at + used;
    // "two hours" is no time; "fifteen thirty hours" is.
    if pair == Written::Alone && tokens.get(end).is_some_and(|t| matches!(t.as_str(), "hour" | "hours")) {
        return None;
    }
    let before = at.checked_sub(1).map_or("", |i| tokens[i].as_str());
    // A table for four is no hour.
    let marked = matches!(before, "at" | "by" | "until" | "before" | "after" | "around")
        || !matches!(before, "for" | "of") && part_follows(tokens, end);
    // "fifteen hundred" and "oh nine hundred" are the 24 hour clock.
    let clock = pair == Written::Military;
    let zero = tokens[at].len() > 1 && tokens[at].starts_with('0');
    let half = if clock || zero || hour > 12 || hour == 0 { Half::Told } else { Half::Open };
    match tail(tokens, end) {
        Some((Half::Open, more)) => said(hour, minute, half, Sure::Named, used + more),
        Some((tail, more)) => said(
            hour,
            minute,
            if half == Half::Told && hour > 12 { check(hour, tail)? } else { tail },
            Sure::Named,
            used + more,
        ),
        None if clock || pair == Written::Colon || marked && pair == Written::Pair => {
            said(hour, minute, half, Sure::Named, used)
        }
        None if pair == Written::Pair => said(hour, minute, half, Sure::Pair, used),
        None if marked => said(hour, minute, half, Sure::Pair, used),
        None => said(hour, minute, half, Sure::Number, used),
    }
}

/// "fifteen in the morning" is nothing.
fn check(hour: u32, tail: Half) -> Option<Half> {
    (hour > 12 && tail != Half::Morning).then_some(Half::Told)
}

fn by_name(token: &str) -> Option<(u32, Half)> {
    match token {
        "noon" | "midday" | "noontime" => Some((12, Half::Told)),
        "midnight" => Some((0, Half::Told)),
        _ => None,
    }
}

/// "half past", "quarter to", "ten minutes past", "half" ("half seven"): minutes, whether past the hour, tokens.
fn beside_hour(tokens: &[String], at: usize) -> Option<(u32, bool, usize)> {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let article = usize::from(token(0) == "a" && token(1) == "quarter");
    let (minutes, mut used, exact) = match token(article) {
        "half" => (30, 1, true),
        "quarter" => (15, 1 + article, true),
        _ => {
            let (n, used) = plain_number(tokens, at).filter(|(n, _)| (1..30).contains(n))?;
            // "three to four" is a stretch of time.
            (n, used, n.is_multiple_of(5))
        }
    };
    let word = matches!(token(used), "minute" | "minutes");
    used += usize::from(word);
    match token(used) {
        "past" | "after" if exact || word => Some((minutes, true, used + 1)),
        "to" | "of" | "before" | "till" | "til" if (exact || word) && minutes != 30 => Some((minutes, false, used + 1)),
        _ if minutes == 30 && token(0) == "half" && hour_at(tokens, at + 1).is_some() => Some((30, true, 1)),
        _ => None,
    }
}

fn hour_at(tokens: &[String], at: usize) -> Option<(u32, Half, usize)> {
    if let Some((hour, half)) = by_name(tokens.get(at)?) {
        return Some((hour, half, 1));
    }
    let (hour, used) = plain_number(tokens, at).filter(|(n, _)| (1..=23).contains(n))?;
    Some((hour, if hour > 12 { Half::Told } else { Half::Open }, used))
}

/// How hour and minutes stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Alone,
    Pair,
    /// In figures of two and two: `15:30`, `3.30`.
    Colon,
    /// "fifteen hundred".
    Military,
}

/// "three", "three thirty", "nine oh five", "15 30", "1530", "fifteen hundred": hour, minutes, tokens.
fn on_the_clock(tokens: &[String], at: usize) -> Option<(u32, u32, usize, Written)> {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let first = token(0);
    if is_figures(first) && first.len() >= 3 {
        let whole: u32 = first.parse().ok().filter(|_| first.len() <= 4)?;
        let fits = whole / 100 < 24 && whole % 100 < 60;
        // "in 1999", "number 1530": a bare figure is sure by what follows only.
        return fits.then_some((whole / 100, whole % 100, 1, Written::Pair));
    }
    // "oh nine hundred", "zero nine thirty".
    let zero = usize::from(
        matches!(first, "oh" | "zero" | "o") && plain_number(tokens, at + 1).is_some_and(|(n, _)| (1..10).contains(&n)),
    );
    let (hour, used) = plain_number(tokens, at + zero).filter(|(n, _)| *n < 24)?;
    let mut end = zero + used;
    if token(end) == "hundred" {
        end += 1 + usize::from(token(end + 1) == "hours");
        return Some((hour, 0, end, Written::Military));
    }
    let minutes = match token(end) {
        "oh" | "o" | "zero" => small(token(end + 1)).filter(|m| (1..10).contains(m)).map(|m| (m, 2)),
        figures if is_figures(figures) && figures.len() == 2 => figures.parse().ok().map(|m| (m, 1)),
        _ => plain_number(tokens, at + end).filter(|(m, _)| *m >= 10),
    };
    match minutes.filter(|(m, _)| *m < 60) {
        Some((minute, more)) => {
            let figures = is_figures(first) && is_figures(token(end));
            let written = match (figures, zero) {
                (true, _) => Written::Colon,
                (false, 1) => Written::Military,
                (false, _) => Written::Pair,
            };
            Some((hour, minute, end + more, written))
        }
        None if zero == 1 => None,
        None => Some((hour, 0, end, Written::Alone)),
    }
}

/// What follows a time and tells that it is one: "o'clock", "pm", "in the afternoon". With how many tokens it takes.
fn tail(tokens: &[String], at: usize) -> Option<(Half, usize)> {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let clock = match (token(0), token(1)) {
        ("oclock" | "hours", _) => 1,
        ("o", "clock") => 2,
        ("sharp", _) => 1,
        _ => 0,
    };
    let half = match (token(clock), token(clock + 1)) {
        ("am", _) => Some((Half::Morning, 1)),
        ("pm", _) => Some((Half::Afternoon, 1)),
        ("a", "m") => Some((Half::Morning, 2)),
        ("p", "m") => Some((Half::Afternoon, 2)),
        _ => None,
    };
    match half {
        Some((half, used)) => Some((half, clock + used)),
        None if clock > 0 => Some((Half::Open, clock)),
        None => None,
    }
}

/// "in the afternoon", "tomorrow morning", "tonight", anywhere in the sentence; contradictions tell nothing.
fn part_of_day(tokens: &[String]) -> Half {
    let mut found = Half::Open;
    for (i, token) in tokens.iter().enumerate() {
        let greeting = i > 0 && tokens[i - 1] == "good";
        let half = match token.as_str() {
            "morning" if !greeting => Half::Morning,
            "afternoon" if !greeting => Half::Afternoon,
            "evening" if !greeting => Half::Evening,
            "tonight" => Half::Evening,
            "night" if i > 0 && tokens[i - 1] == "at" => Half::Night,
            _ => continue,
        };
        if found != Half::Open && found != half {
            return Half::Open;
        }
        found = half;
    }
    found
}

/// "in the afternoon", "at night" right behind a number.
fn part_follows(tokens: &[String], at: usize) -> bool {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    matches!((token(0), token(1), token(2)), ("in", "the", "morning" | "afternoon" | "evening") | ("at", "night", _))
}

/// "in two hours", "in half an hour", "twenty minutes from now", "now", in minutes. How long something takes or took is none.
fn distance(tokens: &[String]) -> Option<i64> {
    let line = tokens.join(" ");
    if matches!(line.as_str(), "now" | "right now" | "immediately" | "right away" | "straight away" | "now please") {
        return Some(0);
    }
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let ahead = |(from, minutes, end): (usize, i64, usize)| {
        let about = |at: &usize| matches!(token(*at), "about" | "around" | "roughly" | "approximately" | "maybe" | "just");
        let before = (0..from).rev().find(|at| !about(at));
        let from_now = token(end) == "later" || token(end) == "from" && token(end + 1) == "now";
        (from_now || before.is_some_and(|at| token(at) == "in")).then_some(minutes)
    };
    (0..tokens.len()).filter_map(|unit| length(tokens, unit)).find_map(ahead).filter(|m| (0..=24 * 60).contains(m))
}

/// A length of time whose first unit stands here ("half an hour", "two and a half hours", "an hour and ten minutes"): its first token, its
/// minutes, the token behind it.
fn length(tokens: &[String], unit: usize) -> Option<(usize, i64, usize)> {
    let hours = match tokens[unit].as_str() {
        "hour" | "hours" => true,
        "minute" | "minutes" => false,
        _ => return None,
    };
    let back = |n: usize| unit.checked_sub(n).map_or("", |i| tokens[i].as_str());
    let (from, mut minutes) = match (back(1), back(2), back(3)) {
        ("an", "of", "quarter") if hours => (unit - 3 - usize::from(back(4) == "a"), 15),
        ("an", "of", "quarters") if hours && back(4) == "three" => (unit - 4, 45),
        ("an", "half", _) if hours => (unit - 2, 30),
        ("half", "a", "and") if hours => {
            let (n, from) = number_before(tokens, unit - 3)?;
            return Some((from, n * 60 + 30, unit + 1));
        }
        ("an" | "a", ..) => (unit - 1, if hours { 60 } else { 1 }),
        _ => number_before(tokens, unit).map(|(n, from)| (from, n * if hours { 60 } else { 1 }))?,
    };
    let token = |n: usize| tokens.get(unit + n).map_or("", String::as_str);
    let mut end = unit + 1;
    if hours && (token(1), token(2), token(3)) == ("and", "a", "half") {
        (minutes, end) = (minutes + 30, unit + 4);
    } else if hours {
        let more = unit + 1 + usize::from(token(1) == "and");
        if let Some((n, used)) = plain_number(tokens, more)
            && tokens.get(more + used).is_some_and(|t| t.starts_with("minute"))
        {
            (minutes, end) = (minutes + i64::from(n.min(59)), more + used + 1);
        }
    }
    Some((from, minutes, end))
}

/// The number that ends right before a place, below a thousand, and where it begins.
fn number_before(tokens: &[String], end: usize) -> Option<(i64, usize)> {
    (1..=2.min(end))
        .rev()
        .find_map(|n| Some((plain_number(tokens, end - n).filter(|(_, used)| *used == n)?.0, end - n)))
        .map(|(n, from)| (i64::from(n), from))
        .filter(|(n, _)| *n < 1_000)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
