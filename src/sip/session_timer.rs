//! Session timers (RFC 4028), pure: what is agreed about refreshing a call, when we refresh it, and when a call that nobody
//! refreshes is over. The caller of these functions sends the messages.

use crate::base::Moment;
use std::time::Duration;

/// Longest interval that we take over from a far end's Min-SE, seconds.
const INTERVAL_MAX: u32 = 24 * 3_600;
/// How long before the end of the interval a call is given up: a third of it, at most this (RFC 4028 §10).
const GIVE_UP_BEFORE_MAX: Duration = Duration::from_secs(32);
/// Rest after a refresh that was refused for another reason than "there is no such call".
const RETRY_REST: Duration = Duration::from_secs(10);

/// What we ask for and accept, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The interval that we ask for; 0 = no session timers at all.
    pub expires: u32,
    /// The smallest that we accept (RFC 4028 §5: at least 90 on a real network).
    pub min: u32,
}

impl Default for SessionPolicy {
    fn default() -> SessionPolicy {
        SessionPolicy { expires: 1_800, min: 90 }
    }
}

/// Who sends the refreshing request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresher {
    /// Who sent the request that this header is about.
    Uac,
    /// Who answered it.
    Uas,
}

/// What a request or a 2xx says about session timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// Session-Expires: seconds, and who refreshes if it says so.
    pub(crate) expires: Option<(u32, Option<Refresher>)>,
    /// Min-SE, seconds.
    pub(crate) min_se: Option<u32>,
    /// `timer` stands in Supported or Require.
    pub(crate) supported: bool,
}

impl Said {
    /// Reads the header values. What is no number counts as not said.
    pub(crate) fn read(expires: Option<&str>, min_se: Option<&str>, supported: bool) -> Said {
        Said { expires: expires.and_then(read_expires), min_se: min_se.and_then(leading_number), supported }
    }
}

/// `1800;refresher=uas` → 1800 and who.
fn read_expires(value: &str) -> Option<(u32, Option<Refresher>)> {
    let seconds = leading_number(value)?;
    let who = super::bodies::parameter(value, "refresher").and_then(|who| match who.to_ascii_lowercase().as_str() {
        "uac" => Some(Refresher::Uac),
        "uas" => Some(Refresher::Uas),
        _ => None,
    });
    Some((seconds, who))
}

fn leading_number(value: &str) -> Option<u32> {
    value.split(';').next()?.trim().parse().ok()
}

/// The value of Session-Expires.
pub(crate) fn header(seconds: u32, refresher: Refresher) -> String {
    let who = match refresher {
        Refresher::Uac => "uac",
        Refresher::Uas => "uas",
    };
    format!("{seconds};refresher={who}")
}

/// What both sides agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The interval, seconds.
    pub(crate) seconds: u32,
    /// We send the refreshing requests.
    pub(crate) ours: bool,
}

/// The answer to a request's wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) agreed: Agreed,
    /// For the 2xx; `Require: timer` stands beside `Refresher::Uac` (RFC 4028 §9).
    pub(crate) refresher: Refresher,
}

/// A request as its receiver (RFC 4028 §9, table 2): what to grant, `None` = no timer. `before` is what holds so far: who
/// refreshes does not change without a word. `Err` = 422 with this Min-SE.
pub(crate) fn grant(policy: SessionPolicy, said: Said, before: Option<Agreed>) -> Result<Option<Granted>, u32> {
    if policy.expires == 0 {
        return Ok(None);
    }
    let floor = policy.min.max(said.min_se.unwrap_or(0)).min(INTERVAL_MAX);
    let (seconds, wished) = match said.expires {
        Some((seconds, who)) => {
            if seconds < policy.min && said.supported {
                return Err(policy.min);
            }
            if seconds < policy.min.min(NONSENSE) {
                // Who does not know session timers wrote this, or no proxy that means well (RFC 4028 §5 has 90 s as the least).
                return Ok(None);
            }
            // Never longer than was asked for, never shorter than their smallest.
            (seconds.min(policy.expires.max(floor)), who)
        }
        None if said.supported => (policy.expires.max(floor), None),
        None => return Ok(None),
    };
    let refresher = match wished {
        // Who does not know session timers cannot refresh.
        _ if !said.supported => Refresher::Uas,
        Some(who) => who,
        None if before.is_some_and(|b| b.ours) => Refresher::Uas,
        // The side that called keeps the call alive: then its silence tells us that it is gone.
        None => Refresher::Uac,
    };
    Ok(Some(Granted { agreed: Agreed { seconds, ours: refresher == Refresher::Uas }, refresher }))
}

/// Shorter intervals than this, from who does not know session timers, are passed over; seconds.
const NONSENSE: u32 = 30;
/// No interval is taken for shorter than this, seconds.
const SMALLEST: u32 = 2;

/// A 2xx as the sender of its request (RFC 4028 §7.2); `None` = no timer from now on.
pub(crate) fn agreed(said: Said) -> Option<Agreed> {
    let (seconds, who) = said.expires?;
    // Without a word about who, the sender of the request does it.
    // Less than this would be refreshed faster than answers travel; the smallest that the RFC allows is 90 (§5).
    (seconds > 0).then_some(Agreed { seconds: seconds.max(SMALLEST), ours: who != Some(Refresher::Uas) })
}

/// The interval and Min-SE for a second request after a 422 to one that asked for `tried` seconds; `None` = give up.
pub(crate) fn after_422(tried: u32, min_se: Option<u32>) -> Option<u32> {
    min_se.filter(|min| *min > tried && *min <= INTERVAL_MAX)
}

/// What has come due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Send a refresh; [`SessionTimer::refused`] or a new timer follows.
    Refresh,
    /// BYE: nobody has refreshed this call.
    Over,
}

/// The running timer of one dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionTimer {
    agreed: Agreed,
    /// When we refresh; `None` while a refresh is on its way, and when it is not ours to do.
    refresh_at: Option<Moment>,
    over_at: Moment,
}

impl SessionTimer {
    /// A 2xx was sent or received.
    pub(crate) fn start(now: Moment, agreed: Agreed) -> SessionTimer {
        let interval = Duration::from_secs(u64::from(agreed.seconds));
        let refresh_at = agreed.ours.then(|| now + interval / 2);
        SessionTimer { agreed, refresh_at, over_at: now + (interval - (interval / 3).min(GIVE_UP_BEFORE_MAX)) }
    }

    pub(crate) fn agreed(&self) -> Agreed {
        self.agreed
    }

    /// Time passes.
    pub(crate) fn due(&mut self, now: Moment) -> Due {
        if now >= self.over_at {
            return Due::Over;
        }
        match self.refresh_at {
            Some(at) if now >= at => {
                self.refresh_at = None;
                Due::Refresh
            }
            _ => Due::Nothing,
        }
    }

    /// Our refresh was refused. 481 and 408 (no answer) say that there is no call any more (RFC 4028 §10); otherwise it is
    /// tried again after `rest`, or a rest of our choice.
    pub(crate) fn refused(&mut self, now: Moment, status: u16, rest: Option<Duration>) -> Due {
        if matches!(status, 408 | 481) {
            return Due::Over;
        }
        self.refresh_at = Some(now + rest.unwrap_or(RETRY_REST));
        Due::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: SessionPolicy = SessionPolicy { expires: 1_800, min: 90 };

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn granted(expires: Option<&str>, min_se: Option<&str>, supported: bool) -> String {
        match grant(OURS, Said::read(expires, min_se, supported), None) {
            Ok(Some(g)) => format!("{}{}", header(g.agreed.seconds, g.refresher), if g.agreed.ours { " ours" } else { "" }),
            Ok(None) => "none".into(),
            Err(min) => format!("422 {min}"),
        }
    }

    #[test]
    fn requests_are_granted_as_table_2_says() {
        assert_eq!(granted(None, None, false), "none");
        assert_eq!(granted(None, None, true), "1800;refresher=uac");
        assert_eq!(granted(None, Some("3600"), true), "3600;refresher=uac");
        assert_eq!(granted(Some("600"), None, true), "600;refresher=uac");
        assert_eq!(granted(Some("600 ; refresher=UAS"), None, true), "600;refresher=uas ours");
        assert_eq!(granted(Some("600;refresher=uac"), None, false), "600;refresher=uas ours", "a proxy asked, not the phone");
        assert_eq!(granted(Some("7200"), None, true), "1800;refresher=uac", "shortened to ours");
        assert_eq!(granted(Some("7200"), Some("3600"), true), "3600;refresher=uac", "but not below theirs");
        assert_eq!(granted(Some("60"), None, true), "422 90");
        assert_eq!(granted(Some("60"), None, false), "60;refresher=uas ours", "a 422 would mean nothing to it");
        assert_eq!(granted(Some("soon"), Some("x"), false), "none");
    }

    #[test]
    fn who_refreshes_stays_and_off_is_off() {
        let asked = Said::read(Some("600"), None, true);
        let before = Some(Agreed { seconds: 600, ours: true });
        assert!(grant(OURS, asked, before).expect("long enough").expect("a timer").agreed.ours);
        let off = SessionPolicy { expires: 0, ..OURS };
        assert_eq!(grant(off, asked, None), Ok(None));
    }

    #[test]
    fn answers_are_read() {
        let read = |value| agreed(Said::read(value, None, true));
        assert_eq!(read(None), None);
        assert_eq!(read(Some("90;refresher=uas")), Some(Agreed { seconds: 90, ours: false }));
        assert_eq!(read(Some("90")), Some(Agreed { seconds: 90, ours: true }));
        assert_eq!(read(Some("0")), None);
        assert_eq!(after_422(1_800, Some(3_600)), Some(3_600));
        assert_eq!(after_422(1_800, Some(90)), None, "what we asked for was longer");
        assert_eq!(after_422(1_800, Some(4_000_000_000)), None);
        assert_eq!(after_422(1_800, None), None);
    }

    #[test]
    fn we_refresh_at_half_time_and_give_up_before_the_end() {
        let mut timer = SessionTimer::start(at(10), Agreed { seconds: 90, ours: true });
        assert_eq!(timer.due(at(54)), Due::Nothing);
        assert_eq!(timer.due(at(55)), Due::Refresh);
        assert_eq!(timer.due(at(56)), Due::Nothing, "one refresh at a time");
        assert_eq!(timer.refused(at(56), 500, None), Due::Nothing);
        assert_eq!(timer.due(at(65)), Due::Nothing);
        assert_eq!(timer.due(at(66)), Due::Refresh);
        assert_eq!(timer.due(at(69)), Due::Nothing);
        assert_eq!(timer.due(at(70)), Due::Over, "90 s less a third");
        for status in [408, 481] {
            assert_eq!(timer.refused(at(60), status, None), Due::Over);
        }
    }

    #[test]
    fn a_call_that_they_do_not_refresh_is_over() {
        let mut timer = SessionTimer::start(at(0), Agreed { seconds: 1_800, ours: false });
        assert_eq!(timer.due(at(1_767)), Due::Nothing);
        assert_eq!(timer.due(at(1_768)), Due::Over, "1800 s less 32");
        timer = SessionTimer::start(at(1_000), timer.agreed());
        assert_eq!(timer.due(at(2_767)), Due::Nothing, "a refresh begins a new interval");
    }
}
