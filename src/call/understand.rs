//! From what was heard or keyed to an answer of the question that was asked. No state, no words spoken.

use crate::base::{CheckDigit, Confidence, Digit, Hypothesis, WallTime};
use crate::flow::{Answer, Ask, AskKind, Choice, Flow, MenuOption, SlotKind};
use crate::nlu::slots::Degree;
use crate::nlu::{Slots, slots};
use chrono::{Datelike, NaiveDate, NaiveDateTime};

/// An intent is taken from spoken words when recogniser and matcher together are so sure of it: the product of their
/// confidences, for engines that tell nothing of single words.
const JOINT_MIN: f32 = 0.40;

/// The same where the engine tells how sure each word is: log-odds of the whole and of the intent, in which each word counts by its own.
/// Fitted by `bench asr --sets intents --every 3 --details`, but with flite's kal, kal16, rms and slt: 1 320 questions, clean, on a line and
/// in white noise at 15 and 10 dB; see ARCHITECTURE.md.
const WHOLE: f32 = 0.24;
const INTENT: f32 = 0.90;
const OFFSET: f32 = -0.26;
/// Below it the question is asked again.
const WEIGHED_MIN: f32 = 0.65;

/// What would end the call needs more certainty than what would only be a wrong answer.
pub(crate) const ENDING_MIN: f32 = 0.8;
/// The same where something is said before the end: an answer, perhaps.
pub(crate) const ENDING_SPOKEN_MIN: f32 = 0.6;
/// The same where a closed question was asked ("Anything else?" – "no").
pub(crate) const ENDING_CLOSED_MIN: f32 = 0.5;

/// Most digits of a number or date by keys.
const KEYED_NUMBER_MAX: u8 = 12;

/// What a caller's answer amounts to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Understanding {
    /// An answer to the question.
    Answer {
        /// For the cursor.
        answer: Answer,
        /// Intent, option or value's kind, for records.
        meaning: String,
        /// How sure.
        confidence: Confidence,
    },
    /// Say that again.
    Repeat,
    /// Not an answer; one sentence why.
    Nothing(String),
}

/// What was asked, in which surroundings.
pub(crate) struct Question<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) flow: &'a Flow,
    pub(crate) wall: WallTime,
    pub(crate) confidence_min: Confidence,
}

impl Question<'_> {
    /// What the words mean here.
    pub(crate) fn words(&self, heard: &Hypothesis) -> Understanding {
        if heard.text.trim().is_empty() {
            let why = heard.rejected.as_deref().unwrap_or("no words were recognised");
            return Understanding::Nothing(format!("nothing was heard: {why}"));
        }
        // Where each word is weighed, doubts about the whole are weighed with them.
        let weighed = matches!(self.ask.kind, AskKind::Intents) && of_each_word(heard).is_some();
        if let Some(reason) = heard.rejected.as_ref().filter(|_| !weighed) {
            return Understanding::Nothing(format!("the recogniser rejected it: {reason}"));
        }
        let (sure, least) = (heard.confidence.get(), self.confidence_min.get());
        if sure < least && !weighed {
            return Understanding::Nothing(format!("heard with confidence {sure:.2}, least is {least:.2}"));
        }
        if slots::repeat_request(&heard.text) && heard.rejected.is_none() {
            return Understanding::Repeat;
        }
        self.meaning(heard)
    }

    fn meaning(&self, heard: &Hypothesis) -> Understanding {
        let text = heard.text.as_str();
        match &self.ask.kind {
            AskKind::Intents => self.intent(heard),
            AskKind::Menu(options) | AskKind::Language(options) => match self.option(options, text) {
                Some(name) => option(name, heard.confidence),
                None => Understanding::Nothing("none of the options".into()),
            },
            AskKind::YesNo => match slots::assent(text) {
                Some((yes, _)) => yes_no(yes, heard.confidence),
                None => Understanding::Nothing("neither yes nor no".into()),
            },
            AskKind::Assent => assent(slots::assent(text), heard.confidence, "neither yes nor no"),
            AskKind::Digits { min, max, check, denied, .. } => {
                let wanted = Wanted { min: *min, max: *max, check: *check, denied };
                digits(heard, &wanted)
            }
            AskKind::Confirm { value, min, max, check, denied, .. } => {
                let wanted = Wanted { min: *min, max: *max, check: *check, denied };
                let said = readings(heard).flat_map(|r| slots::corrected(value, r)).find(|v| v != value && wanted.fits(v));
                match said {
                    Some(said) => self::value("digits", said, heard.confidence),
                    None => assent(slots::assent(text), heard.confidence, "neither yes nor no nor another number"),
                }
            }
            AskKind::Number { .. } => match slots::number(text) {
                Some(n) => value("number", n.to_string(), heard.confidence),
                None => Understanding::Nothing("no number".into()),
            },
            AskKind::Date { .. } => match slots::date(text, self.today()) {
                Some(day) => value("date", day.to_string(), heard.confidence),
                None => Understanding::Nothing("no date".into()),
            },
            AskKind::Value { kind, .. } => match kind.read(text, self.now()) {
                Some(found) => value(kind.name(), found, heard.confidence),
                None => Understanding::Nothing(format!("no {}", kind.name())),
            },
        }
    }

    fn intent(&self, heard: &Hypothesis) -> Understanding {
        if let Some(words) = of_each_word(heard) {
            return self.intent_of(heard, &words);
        }
        let readings: Vec<(String, Confidence)> =
            std::iter::once((heard.text.clone(), heard.confidence)).chain(heard.alternatives.iter().take(4).cloned()).collect();
        let found = self.flow.matcher().decide_nbest(&readings);
        // Another reading may make it less sure, but does not turn it into something else.
        let first = self.flow.matcher().decide(&heard.text).ranked.into_iter().next().map(|(name, _)| name);
        match found.intent {
            Some(name) if first.as_ref() != Some(&name) => {
                Understanding::Nothing(format!("other readings of it mean {name}, the first does not"))
            }
            Some(name) if heard.confidence.get() * found.confidence.get() < JOINT_MIN => Understanding::Nothing(format!(
                "too unsure of {name}: heard with confidence {:.2}, matched with {:.2}, together less than {JOINT_MIN:.2}",
                heard.confidence.get(),
                found.confidence.get()
            )),
            Some(name) => {
                let slots = self.slots_in(&name, &heard.text);
                let answer = Answer::Intent { name: name.clone(), slots, confidence: found.confidence };
                Understanding::Answer { answer, meaning: name, confidence: found.confidence }
            }
            None => Understanding::Nothing(format!("no intent: {} (best {:.2})", found.why, found.confidence.get())),
        }
    }

    /// The intent of words of which each has a confidence.
    fn intent_of(&self, heard: &Hypothesis, words: &[(String, Confidence)]) -> Understanding {
        let found = self.flow.matcher().decide_heard(words);
        let chance = found.confidence;
        let Some(name) = found.intent else {
            return Understanding::Nothing(format!("no intent: {}", found.why));
        };
        let sure = WHOLE * heard.confidence.log_odds() + INTENT * chance.log_odds() + OFFSET;
        if sure < WEIGHED_MIN {
            return Understanding::Nothing(format!(
                "too unsure of {name}: heard with confidence {:.2}, {}; together {sure:.2}, least is {WEIGHED_MIN:.2}",
                heard.confidence.get(),
                found.why
            ));
        }
        // What several words together mean is one thing, a number among doubtful words another.
        let slots = if heard.rejected.is_none() { self.slots_in(&name, &heard.text) } else { Slots::new() };
        let answer = Answer::Intent { name: name.clone(), slots, confidence: chance };
        Understanding::Answer { answer, meaning: name, confidence: chance }
    }

    /// Values that were said along with an intent.
    fn slots_in(&self, intent: &str, text: &str) -> Slots {
        let Some(intent) = self.flow.intents.get(intent) else { return Slots::new() };
        let value = |kind: &SlotKind| match kind {
            SlotKind::Digits { min, max, check } => {
                slots::find_digits_in(text, usize::from(*min), usize::from(*max)).filter(|d| check.is_none_or(|c| c.holds(d)))
            }
            SlotKind::Date => slots::date(text, self.today()).map(|d| d.to_string()),
            SlotKind::Value(kind) => kind.find_in(text, self.now()),
            // A bare number or a yes inside a sentence is too often something else.
            SlotKind::Number | SlotKind::YesNo => None,
        };
        intent.slots.iter().filter_map(|(name, kind)| Some((name.clone(), value(kind)?))).collect()
    }

    fn option(&self, options: &[MenuOption], text: &str) -> Option<String> {
        let all: Vec<(&str, &[String])> = options.iter().map(|o| (o.name.as_str(), o.phrases.as_slice())).collect();
        let by_place = || slots::place(text, options.len()).and_then(|at| options.get(at)).map(|o| o.name.clone());
        slots::choose(text, &all).map(|(name, _)| name.to_string()).or_else(by_place)
    }

    fn today(&self) -> NaiveDate {
        self.now().date()
    }

    /// What the clock shows where the hotline is.
    fn now(&self) -> NaiveDateTime {
        self.wall.in_zone(self.flow.zone).naive_local()
    }

    /// What a single key means; `None` where digits are collected.
    pub(crate) fn single_key(&self, key: Digit) -> Option<Understanding> {
        let by_option =
            |options: &[MenuOption]| options.iter().find(|o| o.key == Some(key)).map(|o| Choice::Option(o.name.clone()));
        let choice = self.ask.keys.get(&key).cloned().or_else(|| match &self.ask.kind {
            AskKind::Menu(options) | AskKind::Language(options) => by_option(options),
            AskKind::YesNo | AskKind::Assent | AskKind::Confirm { .. } if key.as_char() == '1' => Some(Choice::Yes),
            AskKind::YesNo | AskKind::Assent | AskKind::Confirm { .. } if key.as_char() == '2' => Some(Choice::No),
            _ => None,
        });
        let sure = Confidence::FULL;
        Some(match choice {
            Some(Choice::Intent(name)) => Understanding::Answer {
                answer: Answer::Intent { name: name.clone(), slots: Slots::new(), confidence: sure },
                meaning: name,
                confidence: sure,
            },
            Some(Choice::Option(name)) => match &self.ask.kind {
                AskKind::Value { kind, .. } => value(kind.name(), name, sure),
                _ => option(name, sure),
            },
            Some(Choice::Yes) => yes_no(true, sure),
            Some(Choice::No) => yes_no(false, sure),
            Some(Choice::Repeat) => Understanding::Repeat,
            None if self.collects().is_some() => return None,
            None => Understanding::Nothing("this key means nothing here".into()),
        })
    }

    /// How many digits may be keyed, where digits are collected.
    pub(crate) fn collects(&self) -> Option<u8> {
        match &self.ask.kind {
            AskKind::Digits { max, .. } => Some(*max),
            AskKind::Number { .. } => Some(KEYED_NUMBER_MAX),
            AskKind::Date { .. } => Some(8),
            AskKind::Value { kind, .. } => kind.keys_max(),
            AskKind::Intents
            | AskKind::Menu(_)
            | AskKind::YesNo
            | AskKind::Assent
            | AskKind::Confirm { .. }
            | AskKind::Language(_) => None,
        }
    }

    /// What collected keys mean.
    pub(crate) fn keyed(&self, digits: String) -> Understanding {
        let sure = Confidence::FULL;
        match &self.ask.kind {
            AskKind::Digits { min, max, .. } => whole(digits, *min, *max, sure),
            AskKind::Number { .. } => {
                let plain = digits.trim_start_matches('0');
                value("number", if plain.is_empty() { "0".into() } else { plain.to_string() }, sure)
            }
            AskKind::Date { .. } => match keyed_date(&digits, self.today()) {
                Some(day) => value("date", day.to_string(), sure),
                None => Understanding::Nothing("no such day".into()),
            },
            AskKind::Value { kind, .. } => match kind.keyed(&digits) {
                Some(found) => value(kind.name(), found, sure),
                None => Understanding::Nothing(format!("no such {}", kind.name())),
            },
            _ => Understanding::Nothing("no digits are asked for".into()),
        }
    }
}

/// The words with their confidences, where the engine gives them for all that it heard.
fn of_each_word(heard: &Hypothesis) -> Option<Vec<(String, Confidence)>> {
    let words: Option<Vec<_>> = heard.words.iter().map(|w| Some((w.text.clone(), w.confidence?))).collect();
    words.filter(|words| words.len() == heard.text.split_whitespace().count() && !words.is_empty())
}

fn option(name: String, confidence: Confidence) -> Understanding {
    Understanding::Answer { answer: Answer::Option(name.clone()), meaning: name, confidence }
}

fn yes_no(yes: bool, confidence: Confidence) -> Understanding {
    let meaning = if yes { "yes" } else { "no" };
    Understanding::Answer { answer: Answer::YesNo(yes), meaning: meaning.into(), confidence }
}

/// A yes that is doubtful settles nothing that matters; a no does, however it is said.
fn assent(said: Option<(bool, Degree)>, confidence: Confidence, nothing: &str) -> Understanding {
    match said {
        Some((true, Degree::Doubtful)) => Understanding::Nothing("a yes, but a doubtful one".into()),
        Some((yes, _)) => yes_no(yes, confidence),
        None => Understanding::Nothing(nothing.into()),
    }
}

fn value(kind: &str, value: String, confidence: Confidence) -> Understanding {
    Understanding::Answer { answer: Answer::Value(value), meaning: kind.into(), confidence }
}

fn whole(digits: String, min: u8, max: u8, confidence: Confidence) -> Understanding {
    let n = digits.chars().count();
    if (usize::from(min)..=usize::from(max)).contains(&n) {
        value("digits", digits, confidence)
    } else {
        Understanding::Nothing(format!("{n} digits, {min} to {max} are wanted"))
    }
}

/// Which digits a question can take.
struct Wanted<'a> {
    min: u8,
    max: u8,
    check: Option<CheckDigit>,
    denied: &'a [String],
}

impl Wanted<'_> {
    fn fits(&self, digits: &str) -> bool {
        (usize::from(self.min)..=usize::from(self.max)).contains(&digits.len())
            && self.check.is_none_or(|c| c.holds(digits))
            && !self.denied.iter().any(|d| d == digits)
    }
}

/// Readings of one utterance that are looked at.
const READINGS_MAX: usize = 20;

fn readings(heard: &Hypothesis) -> impl Iterator<Item = &str> {
    std::iter::once(heard.text.as_str()).chain(heard.alternatives.iter().take(READINGS_MAX).map(|(text, _)| text.as_str()))
}

/// The first reading that can be meant; where a check digit or the caller says that none is, what sounds like the words.
fn digits(heard: &Hypothesis, wanted: &Wanted<'_>) -> Understanding {
    let Some(said) = slots::digits(&heard.text) else { return Understanding::Nothing("not only digits".into()) };
    let found = readings(heard).filter_map(slots::digits).find(|d| wanted.fits(d));
    let doubted = wanted.check.is_some() || wanted.denied.contains(&said);
    let found = found.or_else(|| slots::confusable(&said).into_iter().filter(|_| doubted).find(|d| wanted.fits(d)));
    match found {
        Some(digits) => value("digits", digits, heard.confidence),
        None if wanted.check.is_some_and(|c| !c.holds(&said)) => Understanding::Nothing("the check digit is wrong".into()),
        None => whole(said, wanted.min, wanted.max, heard.confidence),
    }
}

/// DDMM or DDMMYYYY. Without a year the one that is nearest in the future or at most half a year ago.
fn keyed_date(digits: &str, today: NaiveDate) -> Option<NaiveDate> {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|s| s.parse::<u32>().ok());
    let (day, month) = (part(0, 2)?, part(2, 4)?);
    match digits.len() {
        8 => NaiveDate::from_ymd_opt(i32::try_from(part(4, 8)?).ok()?, month, day),
        4 => {
            let this = NaiveDate::from_ymd_opt(today.year(), month, day);
            match this {
                Some(d) if (today - d).num_days() <= 183 => Some(d),
                _ => NaiveDate::from_ymd_opt(today.year() + 1, month, day),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_days_find_their_year() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day");
        let day = |s: &str| keyed_date(s, today).map(|d| d.to_string());
        assert_eq!(day("0112"), Some("2026-12-01".into()));
        assert_eq!(day("0102"), Some("2027-02-01".into()));
        assert_eq!(day("01122025"), Some("2025-12-01".into()));
        assert_eq!(day("3102"), None);
        assert_eq!(day("9"), None);
    }
}
