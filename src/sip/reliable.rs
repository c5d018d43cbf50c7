//! Reliable provisional answers (RFC 3262), pure: ours until they are acknowledged, and which of theirs to acknowledge.

use crate::base::Moment;
use std::time::Duration;

/// The option tag.
pub(crate) const TAG: &str = "100rel";
/// Early dialogs of one INVITE (forks) that are told apart; answers of further ones are not acknowledged.
const FORKS_MAX: usize = 8;

/// When our 180 and 183 go reliably.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliable {
    /// Never; who requires it is refused (420).
    Off,
    /// When the caller requires it.
    #[default]
    WhenRequired,
    /// When the caller knows it.
    WhenSupported,
}

/// A reliable provisional answer of ours that waits for its PRACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outstanding {
    rseq: u32,
    cseq: u32,
    wait: Duration,
    next_at: Moment,
    give_up_at: Moment,
}

/// What has come due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    /// Send the same answer again.
    Resend,
    /// Nobody acknowledges it: refuse the INVITE with 5xx.
    GiveUp,
}

impl Outstanding {
    /// Sent for the first time; `cseq` is the INVITE's. Repeated after T1, doubling, for 64 T1 (RFC 3262 §3).
    pub(crate) fn sent(now: Moment, t1: Duration, rseq: u32, cseq: u32) -> Outstanding {
        Outstanding { rseq, cseq, wait: t1, next_at: now + t1, give_up_at: now + t1 * 64 }
    }

    pub(crate) fn due(&mut self, now: Moment) -> Due {
        if now >= self.give_up_at {
            return Due::GiveUp;
        }
        if now < self.next_at {
            return Due::Nothing;
        }
        self.wait *= 2;
        self.next_at = now + self.wait;
        Due::Resend
    }

    /// Whether a PRACK with this RAck is for it.
    pub(crate) fn acknowledged_by(&self, rack: &str) -> bool {
        let mut words = rack.split_ascii_whitespace();
        let mut number = || words.next().and_then(|w| w.parse::<u32>().ok());
        let fits = number() == Some(self.rseq) && number() == Some(self.cseq);
        fits && words.next() == Some("INVITE")
    }
}

/// The first RSeq of a dialog: 1 to 2³¹−1 (RFC 3262 §3), from any random number.
pub(crate) fn first_rseq(dice: u32) -> u32 {
    (dice >> 1).max(1)
}

/// Which reliable answers to an INVITE of ours have come, by the tag of their early dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heard(Vec<(String, u32)>);

impl Heard {
    /// Whether this one is new and in order: only then it is acknowledged and counts (RFC 3262 §4).
    pub(crate) fn accept(&mut self, tag: &str, rseq: u32) -> bool {
        let room = self.0.len() < FORKS_MAX;
        match self.0.iter_mut().find(|(t, _)| t == tag) {
            Some((_, last)) => {
                let next = last.checked_add(1) == Some(rseq);
                if next {
                    *last = rseq;
                }
                next
            }
            None if room => {
                self.0.push((tag.to_string(), rseq));
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn ours_is_repeated_with_doubling_rests_until_it_is_given_up() {
        let mut ours = Outstanding::sent(at(0), Duration::from_millis(500), 7, 1);
        let mut sent = Vec::new();
        for millis in (0..40_000).step_by(100) {
            match ours.due(at(millis)) {
                Due::Resend => sent.push(millis),
                Due::GiveUp => {
                    sent.push(millis);
                    break;
                }
                Due::Nothing => {}
            }
        }
        assert_eq!(sent, [500, 1_500, 3_500, 7_500, 15_500, 31_500, 32_000]);
    }

    #[test]
    fn only_its_own_prack_fits() {
        let ours = Outstanding::sent(at(0), Duration::from_millis(500), 7, 2);
        assert!(ours.acknowledged_by("7 2 INVITE") && ours.acknowledged_by(" 7  2 INVITE "));
        for other in ["", "8 2 INVITE", "7 1 INVITE", "7 2 UPDATE", "7 2", "x 2 INVITE", "99999999999 2 INVITE"] {
            assert!(!ours.acknowledged_by(other), "{other}");
        }
        assert_eq!([0, 1, 2, u32::MAX].map(first_rseq), [1, 1, 1, (1 << 31) - 1]);
    }

    #[test]
    fn theirs_count_once_and_in_order() {
        let mut heard = Heard::default();
        assert!(heard.accept("a", 10) && !heard.accept("a", 10), "a repeated one");
        assert!(!heard.accept("a", 12), "one before it is missing");
        assert!(heard.accept("a", 11) && heard.accept("b", 500) && !heard.accept("a", 10));
        for i in 0..10 {
            heard.accept(&format!("fork{i}"), 1);
        }
        assert_eq!(heard.0.len(), FORKS_MAX);
        let mut last = Heard(vec![("a".into(), u32::MAX)]);
        assert!(!last.accept("a", 0));
    }
}
