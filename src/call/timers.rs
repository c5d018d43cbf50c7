//! Every wait of a call, by name. The table holds at most one deadline per name.

use crate::base::Moment;
use serde::{Deserialize, Serialize};

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerName {
    /// The caller's ACK did not come after our 200 (RFC 3261 §13.3.1.4: 64·T1).
    Ack,
    /// A prompt never reported its end; the call goes on as if it had.
    Prompt,
    /// The caller said and pressed nothing after a question.
    NoInput,
    /// No further key came: what was keyed is whole.
    Keys,
    /// A lone 0 stayed alone while digits were being collected: a person is wanted.
    LoneZero,
    /// The look-up takes long enough that the caller should hear that we are looking.
    LookUpSlow,
    /// The look-up never came back.
    LookUp,
    /// The agent's leg neither answered nor failed within its ring time and a grace.
    Ring,
    /// The agent did not press 1: a mailbox.
    AgentKey,
    /// The REFER was neither refused nor completed.
    Refer,
    /// The caller is with the agent after REFER but did not send BYE.
    ReferGrace,
    /// A short rest before the same target is tried again.
    Retry,
    /// The message recording never reported its end.
    Message,
    /// The caller who may be called back neither confirmed nor keyed a number.
    CallBack,
    /// The person who is called back neither answered nor said that it is them.
    Person,
    /// Nothing was heard of the line that the caller waits in.
    Line,
    /// A parked caller is told again that they are not forgotten.
    Parked,
    /// The longest that a call may last.
    Longest,
}

impl TimerName {
    const ALL: [TimerName; 18] = [
        TimerName::Ack,
        TimerName::Prompt,
        TimerName::NoInput,
        TimerName::Keys,
        TimerName::LoneZero,
        TimerName::LookUpSlow,
        TimerName::LookUp,
        TimerName::Ring,
        TimerName::AgentKey,
        TimerName::Refer,
        TimerName::ReferGrace,
        TimerName::Retry,
        TimerName::Message,
        TimerName::CallBack,
        TimerName::Person,
        TimerName::Line,
        TimerName::Parked,
        TimerName::Longest,
    ];
}

/// The deadlines that are set.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimerTable {
    /// By position in `TimerName::ALL`; empty = not waiting.
    deadlines: [Option<Moment>; TimerName::ALL.len()],
}

impl TimerTable {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, name: TimerName, at: Moment) {
        self.deadlines[name as usize] = Some(at);
    }

    /// No longer waits for this.
    pub(crate) fn clear(&mut self, name: TimerName) {
        self.deadlines[name as usize] = None;
    }

    /// Waits for nothing but these.
    pub(crate) fn clear_except(&mut self, keep: &[TimerName]) {
        for name in TimerName::ALL {
            if !keep.contains(&name) {
                self.clear(name);
            }
        }
    }

    /// When this is due, if it is set.
    pub(crate) fn get(&self, name: TimerName) -> Option<Moment> {
        self.deadlines[name as usize]
    }

    /// The next deadline with its reason.
    pub(crate) fn next(&self) -> Option<(Moment, TimerName)> {
        TimerName::ALL.iter().filter_map(|&name| self.get(name).map(|at| (at, name))).min()
    }

    /// Takes one deadline that has come, earliest first.
    pub(crate) fn take_due(&mut self, now: Moment) -> Option<TimerName> {
        let (at, name) = self.next()?;
        if at > now {
            return None;
        }
        self.clear(name);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_their_own_places() {
        for (i, name) in TimerName::ALL.iter().enumerate() {
            assert_eq!(*name as usize, i);
        }
    }

    #[test]
    fn the_earliest_is_taken_first_and_once() {
        let mut table = TimerTable::default();
        table.set(TimerName::NoInput, Moment::from_millis(20));
        table.set(TimerName::Keys, Moment::from_millis(10));
        assert_eq!(table.next(), Some((Moment::from_millis(10), TimerName::Keys)));
        assert_eq!(table.take_due(Moment::from_millis(5)), None);
        assert_eq!(table.take_due(Moment::from_millis(30)), Some(TimerName::Keys));
        assert_eq!(table.take_due(Moment::from_millis(30)), Some(TimerName::NoInput));
        assert_eq!(table.take_due(Moment::from_millis(30)), None);
    }
}
