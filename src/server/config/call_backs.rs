//! `call_back…` of `[[queue]]`: who may be called back instead of waiting, when, and by which lines. Nobody is unless a trunk says which
//! numbers may be called.

use super::reader::Section;
use super::values;
use crate::acd::CallBackSetup;
use crate::base::{OpeningHours, Span};
use crate::sip::trunk::Trunk;
use chrono::{NaiveTime, Weekday};

/// All keys are read, so that mistakes in them are told also where call-backs are off.
pub(super) fn read_call_back(s: &mut Section<'_>, trunks: &[Trunk]) -> Option<CallBackSetup> {
    let on = s.get("call_back", false, values::yes_or_no);
    let eight_to_eight = (NaiveTime::from_hms_opt(8, 0, 0)?, NaiveTime::from_hms_opt(20, 0, 0)?);
    let (from, to) = s.get("call_back_hours", eight_to_eight, values::times_of_day);
    let zone = s.get("call_back_zone", None, values::some(values::zone));
    let usual = CallBackSetup::usual(OpeningHours { zone: chrono_tz::UTC, week: Vec::new(), closed: Vec::new() });
    let wait = s.get("call_back_from_seconds", usual.from, values::seconds(0..=7_200));
    let keep = s.get("call_back_keep_seconds", usual.keep, values::seconds(60..=604_800));
    let full = s.get("call_back_full", 50, values::whole::<u16>(1..=1_000));
    let tries = s.get("call_back_tries", usual.tries, values::whole::<u8>(1..=10));
    let gap = s.get("call_back_gap_seconds", usual.gap, values::seconds(5..=86_400));
    let ring = s.get("call_back_ring_seconds", usual.ring, values::seconds(5..=120));
    let by: Vec<String> = s.get("call_back_trunks", Vec::new(), values::list(values::trunk_name));
    if !on {
        return None;
    }
    let Some(zone) = zone else {
        s.error(
            "call_back",
            "nobody says in which time zone people are called back",
            "Write call_back_zone = \"Europe/Berlin\"",
        );
        return None;
    };
    check_trunks(s, trunks, &by, tries);
    let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    let week = days.map(|day| Span { day, from, to }).to_vec();
    Some(CallBackSetup {
        from: wait,
        hours: OpeningHours { zone, week, closed: Vec::new() },
        keep,
        full: usize::from(full),
        tries,
        gap,
        ring,
        trunks: by,
    })
}

fn check_trunks(s: &Section<'_>, trunks: &[Trunk], by: &[String], tries: u8) {
    for name in by.iter().filter(|name| trunks.iter().all(|trunk| trunk.name != **name)) {
        s.error("call_back_trunks", &format!("there is no trunk {name:?}"), "Add a [[trunk]] with this name, or correct it");
    }
    let wanted = |trunk: &&Trunk| by.is_empty() || by.contains(&trunk.name);
    let callers: Vec<&Trunk> =
        trunks.iter().filter(wanted).filter(|trunk| !trunk.allow.is_empty() || trunk.country.is_some()).collect();
    if callers.is_empty() {
        let what = "people are to be called back, but no trunk says which numbers may be called";
        s.error("call_back", what, "Write allow = [\"+4930*\"] or country = \"49\" in a [[trunk]]");
    }
    let few = |trunk: &&&Trunk| trunk.caps.per_caller.is_some_and(|most| most < u32::from(tries));
    if let Some(trunk) = callers.iter().find(few) {
        let what = format!("somebody may be called {tries} times, but fewer a day by trunk {:?}", trunk.name);
        s.error("call_back_tries", &what, &format!("Write out_per_caller_and_day = {tries} in that [[trunk]], or fewer tries"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MINIMAL, errors, good};

    const QUEUE: &str = "[[queue]]\nname = \"support\"\n";
    const AGENT: &str = "[[agent]]\nname = \"anna\"\nphone = \"sip:anna@192.0.2.1\"\nqueues = [\"support\"]\n";
    const TRUNK: &str = "[[trunk]]\nname = \"carrier\"\nproxy = \"192.0.2.7\"\nallow = [\"+4930*\"]\n";

    #[test]
    fn nobody_is_called_back_unless_it_is_switched_on_and_a_trunk_says_whom() {
        let queue = |more: &str, trunk: &str| format!("{MINIMAL}{QUEUE}{more}{AGENT}{trunk}");
        assert_eq!(good(&queue("", TRUNK)).people.setup.queues[0].call_back, None);
        let on = "call_back = true\ncall_back_zone = \"Europe/Berlin\"\n";
        let config = good(&queue(on, TRUNK));
        let setup = config.people.setup.queues[0].call_back.clone().expect("on");
        assert_eq!((setup.tries, setup.gap.as_secs(), setup.keep.as_secs()), (3, 900, 86_400));
        assert_eq!(setup.hours.week.len(), 7);
        let told = errors(&queue(on, ""));
        assert!(told.len() == 1 && told[0].contains("no trunk says which numbers"), "{told:?}");
        let closed = "[[trunk]]\nname = \"carrier\"\nproxy = \"192.0.2.7\"\n";
        assert!(errors(&queue(on, closed))[0].contains("no trunk says which numbers"));
        let told = errors(&queue("call_back = true\n", TRUNK));
        assert!(told[0].contains("time zone"), "{told:?}");
        let told = errors(&queue(&format!("{on}call_back_trunks = [\"other\"]\n"), TRUNK));
        assert!(told.iter().any(|line| line.contains("there is no trunk \"other\"")), "{told:?}");
        let told = errors(&queue(&format!("{on}call_back_tries = 4\n"), TRUNK));
        assert!(told[0].contains("fewer a day by trunk"), "{told:?}");
        // As the README shows it.
        let readme = include_str!("../../../README.md");
        let shown = readme.split("```toml\n").find(|part| part.contains("call_back = true\n")).expect("the README shows it");
        let config = good(&format!("{MINIMAL}{AGENT}{}", shown.split("```").next().unwrap_or_default()));
        assert!(config.people.setup.queues[0].call_back.is_some());
        let told = errors(&queue(&format!("{on}call_back_hours = \"20:00-08:00\"\n"), TRUNK));
        assert!(told[0].contains("is no time of a day"), "{told:?}");
    }
}
