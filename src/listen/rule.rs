//! When an utterance is over: the rule follows from what we expect to hear.

use crate::base::Expect;

/// How speech is cut into utterances. All in milliseconds of line time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointRule {
    /// Voice needed before an utterance starts (the onset is dated back by it).
    pub start_ms: u32,
    /// Quiet that ends an utterance.
    pub quiet_ms: u32,
    /// Quiet that ends it once the recogniser says the answer is whole.
    pub complete_quiet_ms: u32,
    /// Sound from before the onset that belongs to the utterance.
    pub preroll_ms: u32,
    /// Longest utterance; it is ended there.
    pub longest_ms: u32,
}

impl EndpointRule {
    /// The rule for a kind of answer. Short closed answers end quickly; digits may be grouped with pauses of 1.2 s unless
    /// their number is fixed and the recogniser says that they are all there; open speech may hesitate.
    pub fn for_expect(expect: &Expect) -> EndpointRule {
        let base = EndpointRule { start_ms: 40, quiet_ms: 500, complete_quiet_ms: 220, preroll_ms: 320, longest_ms: 15_000 };
        match expect {
            Expect::YesNo { .. } | Expect::Choice { .. } => EndpointRule { quiet_ms: 400, longest_ms: 6_000, ..base },
            Expect::Digits { .. } => EndpointRule { quiet_ms: 1_300, longest_ms: 20_000, ..base },
            Expect::Number | Expect::Date => EndpointRule { quiet_ms: 700, longest_ms: 8_000, ..base },
            Expect::Open { .. } => EndpointRule { quiet_ms: 480, ..base },
            Expect::Anything => EndpointRule { quiet_ms: 3_000, longest_ms: 120_000, ..base },
        }
    }
}
