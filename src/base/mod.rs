//! The words everybody uses. No behaviour beyond what the word itself means; no clock, no IO.

mod bucket;
mod check_digit;
mod codec;
mod dice;
mod ending;
mod hearing;
mod hex;
mod hours;
mod ids;
mod moment;
mod network;
mod number_words;
mod prompt;
mod uri;
mod words;

pub use bucket::{Bucket, Buckets};
pub use check_digit::CheckDigit;
pub use codec::Codec;
pub use dice::Dice;
pub use ending::{CallingMachine, Disposition, Fault};
pub use hearing::{EarFailure, Engine, Expect, Grammar, HeardWord, Hypothesis};
pub use hex::hex;
pub use hours::{OpeningHours, Span, times_of_day};
pub use ids::{AttemptId, CallId, LegId, LookUpId, PromptId, UtteranceId};
pub use moment::{Moment, WallTime};
pub use network::Network;
pub use number_words::{TENS, UNITS, below_hundred_in_words, unit};
pub use prompt::{BargeIn, Prompt, PromptEnd, PromptPart, sections};
pub use uri::SipUri;
pub use words::{Confidence, Digit, Language, PhoneNumber, Pii};
