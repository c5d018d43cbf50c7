//! Times as callers say them, on a Sunday at 10:07.

use super::*;
use chrono::NaiveDate;

fn now() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|d| d.and_hms_opt(10, 7, 30)).expect("a moment")
}

fn span(from: &str, until: &str) -> Span {
    Span { from: parse_time(from).expect("a time"), until: parse_time(until).expect("a time") }
}

fn said(text: &str) -> String {
    time(text, now(), None).map_or("-".into(), |t| t.format("%H:%M").to_string())
}

fn all(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(text, want)| said(text) != *want)
        .map(|(text, want)| format!("{text}: {} not {want}", said(text)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn times_in_english() {
    all(&[
        ("half past three in the afternoon", "15:30"),
        ("half past three", "15:30"),
        ("half past nine", "09:30"),
        ("half seven in the evening", "19:30"),
        ("quarter to nine", "08:45"),
        ("a quarter past eight in the evening", "20:15"),
        ("quarter to one", "12:45"),
        ("ten to four", "15:50"),
        ("twenty five past six", "18:25"),
        ("ten minutes to five", "16:50"),
        ("three minutes past nine", "09:03"),
        ("half past noon", "12:30"),
        ("quarter past midnight", "00:15"),
        ("three thirty pm", "15:30"),
        ("three thirty", "15:30"),
        ("3:30 pm", "15:30"),
        ("3.30pm", "15:30"),
        ("15:30", "15:30"),
        ("nine oh five", "09:05"),
        ("ten fifteen am", "10:15"),
        ("at 3 p.m.", "15:00"),
        ("3pm", "15:00"),
        ("noon", "12:00"),
        ("at noon please", "12:00"),
        ("midnight", "00:00"),
        ("twelve", "12:00"),
        ("twelve am", "00:00"),
        ("twelve thirty a m", "00:30"),
        ("12:30 am", "00:30"),
        ("ten to one am", "00:50"),
        ("0330", "03:30"),
        ("03:30", "03:30"),
        ("03:30 pm", "15:30"),
        ("twelve pm", "12:00"),
        ("at fifteen hundred", "15:00"),
        ("at 15 hundred", "15:00"),
        ("fifteen hundred hours", "15:00"),
        ("oh nine hundred", "09:00"),
        ("oh six thirty", "06:30"),
        ("seventeen thirty", "17:30"),
        ("1530", "15:30"),
        ("seven", "07:00"),
        ("at six", "18:00"),
        ("six in the morning", "06:00"),
        ("tomorrow morning at six", "06:00"),
        ("at eight tonight", "20:00"),
        ("eleven at night", "23:00"),
        ("two at night", "02:00"),
        ("nine o'clock", "09:00"),
        ("nine o'clock sharp", "09:00"),
        ("um about three please", "15:00"),
        ("tomorrow at three", "15:00"),
        ("for four people at seven o'clock", "07:00"),
        ("on the third of december at half past ten", "10:30"),
        ("in two hours", "12:07"),
        ("in half an hour", "10:37"),
        ("in an hour", "11:07"),
        ("in an hour and a half", "11:37"),
        ("in two and a half hours", "12:37"),
        ("in twenty minutes", "10:27"),
        ("in about twenty minutes", "10:27"),
        ("in three quarters of an hour", "10:52"),
        ("in a quarter of an hour please", "10:22"),
        ("in an hour and ten minutes", "11:17"),
        ("two hours later", "12:07"),
        ("a table at seven in the evening for two hours", "19:00"),
        ("an hour from now", "11:07"),
        ("now", "10:07"),
        ("at three no at four", "16:00"),
        ("three sorry half past four", "16:30"),
    ]);
}

#[test]
fn times_in_chinese() {
    all(&[
        ("下午三点半", "15:30"),
        ("三点半", "15:30"),
        ("差一刻九点", "08:45"),
        ("差五分九点", "08:55"),
        ("差五分钟九点", "08:55"),
        ("九点差一刻", "08:45"),
        ("差十分一点", "12:50"),
        ("晚上八点二十", "20:20"),
        ("中午", "12:00"),
        ("中午十二点", "12:00"),
        ("中午一点", "13:00"),
        ("早上六点", "06:00"),
        ("上午十点一刻", "10:15"),
        ("十点三刻", "10:45"),
        ("下午两点钟", "14:00"),
        ("两点零五分", "14:05"),
        ("两点过五分", "14:05"),
        ("九点五分", "09:05"),
        ("十五点三十分", "15:30"),
        ("15点30", "15:30"),
        ("15:30", "15:30"),
        ("下午3:30", "15:30"),
        ("凌晨两点", "02:00"),
        ("晚上十二点", "00:00"),
        ("半夜", "00:00"),
        ("明天下午四点", "16:00"),
        ("今晚七点整", "19:00"),
        ("大概三点吧", "15:00"),
        ("我想要五点", "17:00"),
        ("三", "15:00"),
        ("两小时后", "12:07"),
        ("两个小时以后", "12:07"),
        ("半小时后", "10:37"),
        ("半个小时后", "10:37"),
        ("一个半小时后", "11:37"),
        ("二十分钟后", "10:27"),
        ("过一刻钟", "10:22"),
        ("再过两个小时", "12:07"),
        ("上午十二点", "12:00"),
        ("现在", "10:07"),
        ("三点不对四点", "16:00"),
        ("十二月三号下午三点", "15:00"),
    ]);
}

#[test]
fn no_time_or_two() {
    all(&[
        ("", "-"),
        ("um", "-"),
        ("three or four", "-"),
        ("between three and four o'clock", "-"),
        ("three to four", "-"),
        ("twenty five", "-"),
        ("one two three four five", "-"),
        ("fifteen in the morning", "-"),
        ("three parcels", "-"),
        ("twelve euros fifty", "-"),
        ("I do not know", "-"),
        ("good morning", "-"),
        ("where is my parcel", "-"),
        ("tomorrow", "-"),
        ("the third of december", "-"),
        ("25:30", "-"),
        ("quarter to", "-"),
        ("half", "-"),
        ("in two weeks", "-"),
        ("an hour", "-"),
        ("three parcels this morning", "-"),
        ("a table for four this evening", "-"),
        ("三点五下午", "-"),
        ("下午三点五", "-"),
        ("三个人", "-"),
        ("三点或者四点", "-"),
        ("二十五点", "-"),
        ("三点五", "-"),
        ("我的包裹在哪里", "-"),
        ("明天", "-"),
        ("上午十五点", "-"),
        ("两小时前", "-"),
        ("不知道", "-"),
    ]);
}

#[test]
fn the_span_tells_the_half_of_the_day() {
    let dinner = Some(span("11:00", "23:00"));
    let at = |text: &str, span| time(text, now(), span).map_or("-".into(), |t| t.format("%H:%M").to_string());
    assert_eq!((at("eight", dinner), at("八点", dinner)), ("20:00".into(), "20:00".into()));
    assert_eq!(at("eight in the morning", dinner), "-", "outside");
    assert_eq!(at("one", Some(span("22:00", "02:00"))), "01:00", "past midnight");
    assert_eq!(at("four", Some(span("00:00", "23:59"))), "16:00", "both: business hours");
    assert_eq!(at("in two hours", Some(span("11:00", "12:00"))), "-");
}

#[test]
fn inside_a_sentence_it_is_unmistakable() {
    let found = |text: &str| find_time_in(text, now(), None).map_or("-".into(), |t| t.format("%H:%M").to_string());
    for (text, expected) in [
        ("can I come at half past three", "15:30"),
        ("book a table for four at 7 pm", "19:00"),
        ("a table for four at seven thirty", "07:30"),
        ("I have three parcels", "-"),
        ("a table for four", "-"),
        ("a table for four this evening", "-"),
        ("a table for four at six this evening", "18:00"),
        ("can I come at six in the evening", "18:00"),
        ("can I come six in the evening", "18:00"),
        ("I got three parcels this morning", "-"),
        ("I have been waiting for twenty minutes in the queue", "-"),
        ("I ordered three hours ago in London", "-"),
        ("call me in two hours", "12:07"),
        ("已经过了两个小时", "-"),
        ("我等了二十分钟了", "-"),
        ("两个小时后给我打电话", "12:07"),
        ("我今天下午有三件包裹", "-"),
        ("我想下午三点来", "15:00"),
        ("我有三个包裹", "-"),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn keyed_times() {
    let keyed = |keys: &str| keyed_time(keys, None).map_or("-".into(), |t| t.format("%H:%M").to_string());
    for (keys, expected) in [
        ("1530", "15:30"),
        ("0330", "03:30"),
        ("930", "09:30"),
        ("330", "15:30"),
        ("15", "15:00"),
        ("9", "09:00"),
        ("2460", "-"),
        ("99999", "-"),
        ("", "-"),
    ] {
        assert_eq!(keyed(keys), expected, "{keys}");
    }
    assert_eq!(parse_time("15:30").map(|t| t.hour()), Some(15));
    assert!(parse_time("5:30").is_none() && parse_time("25:00").is_none() && parse_time("15:30:00").is_none());
}
