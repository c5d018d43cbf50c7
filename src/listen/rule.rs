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
    /// The rule for a kind of answer, tuned on real callers (`listen::people`). Short closed answers end quickly. Digits may
    /// come in groups: a pause of 1.2 s looks like up to 1.5 s when the next digit begins with a weak `s` or `f` or the last one
    /// dies away in noise; a number of fixed length is ended early by the recogniser's word that it is whole. Open speech may
    /// hesitate: of real eight-second commands 1 in 50 is cut at 480 ms, 2 at 400, 3 at 300, none at 600.
    pub fn for_expect(expect: &Expect) -> EndpointRule {
        let base = EndpointRule { start_ms: 40, quiet_ms: 500, complete_quiet_ms: 220, preroll_ms: 320, longest_ms: 15_000 };
        match expect {
            Expect::YesNo { .. } | Expect::Choice { .. } => EndpointRule { quiet_ms: 400, longest_ms: 6_000, ..base },
            // After "no" comes perhaps what is right.
            Expect::Confirm { .. } => EndpointRule { quiet_ms: 900, longest_ms: 20_000, ..base },
            Expect::Digits { .. } | Expect::Spelled => EndpointRule { quiet_ms: 1_600, longest_ms: 20_000, ..base },
            Expect::Number | Expect::Date | Expect::Money | Expect::Time => {
                EndpointRule { quiet_ms: 700, longest_ms: 8_000, ..base }
            }
            Expect::Open { .. } => EndpointRule { quiet_ms: 480, ..base },
            Expect::Anything => EndpointRule { quiet_ms: 3_000, longest_ms: 120_000, ..base },
        }
    }
}
