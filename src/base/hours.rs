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
