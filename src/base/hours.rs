//! Opening hours as data.

use super::WallTime;
use chrono::{Datelike, NaiveDate, NaiveTime, Timelike, Weekday};
use serde::{Deserialize, Serialize};

/// When somebody is there. Days and times in one time zone; closed days win over the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningHours {
    /// The IANA zone the times are in.
    pub zone: chrono_tz::Tz,
    /// Spans of the week.
    pub week: Vec<Span>,
    /// Days on which nobody is there.
    pub closed: Vec<NaiveDate>,
}

/// One stretch of a day, `from` inclusive, `to` exclusive. `to` of midnight (00:00) means the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The weekday.
    pub day: Weekday,
    /// Opens.
    pub from: NaiveTime,
    /// Closes.
    pub to: NaiveTime,
}

/// Days as they are written, in the order of the week.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Two times of a day, `9:00-17:00`; `24:00` is its end. `None` when it is written otherwise, or ends before it begins (what goes on after
/// midnight is two).
pub fn times_of_day(written: &str) -> Option<(NaiveTime, NaiveTime)> {
    let time = |text: &str| match text.trim() {
        "24:00" => Some(NaiveTime::MIN),
        text => NaiveTime::parse_from_str(text, "%H:%M").ok(),
    };
    let (from, to) = written.split_once('-')?;
    let both = (time(from)?, time(to)?);
    Some(both).filter(|(from, to)| from < to || *to == NaiveTime::MIN)
}

impl Span {
    /// Spans of days with the same times: `mon-fri 9:00-17:00`, `sat 10:00-14:00`, `daily 8:00-24:00`. `None` when it is written
    /// otherwise, or a span ends before it begins (one that goes on after midnight is two).
    pub fn week(written: &str) -> Option<Vec<Span>> {
        let (days, times) = written.trim().split_once(' ')?;
        let day = |name: &str| DAYS.iter().position(|day| *day == name);
        let (first, last) = match days.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None if days == "daily" => (0, 6),
            None => (day(days)?, day(days)?),
        };
        let (from, to) = times_of_day(times)?;
        if first > last {
            return None;
        }
        (first..=last).map(|day| Some(Span { day: Weekday::try_from(u8::try_from(day).ok()?).ok()?, from, to })).collect()
    }
}

impl OpeningHours {
    /// Whether it is open at this instant.
    pub fn open_at(&self, at: WallTime) -> bool {
        let local = at.in_zone(self.zone);
        if self.closed.contains(&local.date_naive()) {
            return false;
        }
        let time = local.time();
        self.week.iter().any(|s| {
            let to_midnight = s.to.num_seconds_from_midnight() == 0;
            s.day == local.weekday() && time >= s.from && (to_midnight || time < s.to)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn weeks_are_read_as_people_write_them() {
        let days = |written: &str| Span::week(written).map(|spans| spans.iter().map(|span| span.day).collect::<Vec<_>>());
        assert_eq!(days("mon-wed 9:00-17:30"), Some(vec![Weekday::Mon, Weekday::Tue, Weekday::Wed]));
        assert_eq!(days("sun 10:00-14:00"), Some(vec![Weekday::Sun]));
        assert_eq!(days("daily 0:00-24:00").map(|days| days.len()), Some(7));
        for wrong in ["", "mon", "9:00-17:00", "mon-fri", "fri-mon 9:00-17:00", "mon 17:00-9:00", "mon 9-17", "lun 9:00-17:00"]
        {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn open_within_the_span_and_closed_on_the_holiday() {
        let zone = chrono_tz::Europe::Berlin;
        let hours = OpeningHours {
            zone,
            week: vec![Span {
                day: Weekday::Mon,
                from: NaiveTime::from_hms_opt(9, 0, 0).expect("a time"),
                to: NaiveTime::from_hms_opt(17, 0, 0).expect("a time"),
            }],
            closed: vec![NaiveDate::from_ymd_opt(2026, 11, 30).expect("a day")],
        };
        let at = |d: u32, h: u32| WallTime(zone.with_ymd_and_hms(2026, 11, d, h, 0, 0).unwrap().timestamp_millis());
        assert!(hours.open_at(at(23, 9)));
        assert!(!hours.open_at(at(23, 17)));
        assert!(!hours.open_at(at(24, 10)), "a Tuesday");
        assert!(!hours.open_at(at(30, 10)), "a closed Monday");
    }
}
