//! From what is expected to a flat phrase grammar (JSGF), and whether a text is already a whole answer to it. Pure.
//!
//! Flat on purpose: grammars with loops over many optional slots explode in the search (measured: over 0.3 CPU seconds per
//! second for 150 slot values), lists of phrases cost 0.02.

use super::phrases::{self, ASIDES, NO, PERSON, YES};
use crate::base::Expect;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Most phrases taken from one ask; the rest is cut, because set-up time grows with them.
const PHRASES_MAX: usize = 2_000;

/// A grammar ready for the decoder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compiled {
    /// The JSGF text.
    pub(crate) jsgf: String,
    /// Every word in it.
    pub(crate) words: BTreeSet<String>,
    /// Words that callers say alone, so that they get narrowband variants.
    pub(crate) short: BTreeSet<String>,
}

const DIGITS: &str = "zero | oh | one | two | three | four | five | six | seven | eight | nine";
const MONTHS: &str =
    "january | february | march | april | may | june | july | august | september | october | november | december";
const WEEKDAYS: &str = "monday | tuesday | wednesday | thursday | friday | saturday | sunday";
const ORDINALS: &str = "first | second | third | fourth | fifth | sixth | seventh | eighth | ninth | tenth | eleventh | twelfth | \
    thirteenth | fourteenth | fifteenth | sixteenth | seventeenth | eighteenth | nineteenth | twentieth | twenty first | \
    twenty second | twenty third | twenty fourth | twenty fifth | twenty sixth | twenty seventh | twenty eighth | twenty ninth | \
    thirtieth | thirty first";
const TEENS: &str = "ten | eleven | twelve | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen";
const TENS: &str = "twenty | thirty | forty | fifty | sixty | seventy | eighty | ninety";

/// Short phrases that are heard among digits, too.
const BESIDE_DIGITS: &[&str] =
    &["agent", "operator", "representative", "customer service", "real person", "repeat", "repeat that", "please repeat"];

/// Compiles a closed ask. `None` for asks that have no grammar (open, anything). `person` are the flow's own phrases that
/// ask for a person.
pub(crate) fn compile(expect: &Expect, person: &[String]) -> Option<Compiled> {
    let mut rules = String::new();
    let main = match expect {
        Expect::Open { .. } | Expect::Spelled | Expect::Anything => return None,
        Expect::Choice { .. } | Expect::YesNo { .. } => None,
        Expect::Confirm { max, .. } => Some(("/0.3/", correction(&mut rules, *max), "/0.7/")),
        Expect::Digits { max, .. } => Some(("/0.9/", digits(&mut rules, *max), "/0.1/")),
        Expect::Number => Some(("/0.9/", number(&mut rules), "/0.1/")),
        Expect::Date => Some(("/0.9/", date(&mut rules), "/0.1/")),
        Expect::Money => Some(("/0.9/", money(&mut rules), "/0.1/")),
        Expect::Time => Some(("/0.9/", time(&mut rules), "/0.1/")),
    };
    let phrases = phrases_of(expect, person);
    let alone: BTreeSet<String> = phrases.iter().filter(|p| !p.contains(' ')).cloned().collect();
    let _ = writeln!(rules, "<phrase> = {};", phrases.join(" | "));
    let top = main.map_or("<phrase>".to_string(), |(often, m, rarely)| format!("{often} {m} | {rarely} <phrase>"));
    let mut out = from_jsgf(&format!("#JSGF V1.0;\ngrammar ask;\npublic <ask> = {top};\n{rules}"));
    out.short = alone;
    if matches!(expect, Expect::Digits { .. } | Expect::Confirm { .. } | Expect::Number) {
        out.short.extend(DIGITS.split(" | ").chain(["double", "triple"]).map(str::to_string));
    }
    Some(out)
}

/// The phrases that a closed ask hears, each once: its own, yes and no, "repeat", requests for a person.
pub(crate) fn phrases_of(expect: &Expect, person: &[String]) -> Vec<String> {
    let mut phrases: Vec<String> = Vec::new();
    match expect {
        Expect::Choice { phrases: given } => phrases.extend(given.iter().map(|p| phrases::spoken(p))),
        Expect::YesNo { phrases: given } | Expect::Confirm { phrases: given, .. } => {
            phrases.extend(YES.iter().chain(NO).map(|p| (*p).to_string()));
            phrases.extend(given.iter().map(|p| phrases::spoken(p)));
        }
        _ => {}
    }
    phrases.extend(person.iter().map(|p| phrases::spoken(p)));
    let digits_only = matches!(expect, Expect::Digits { .. });
    // Beside digits, short phrases sound like digits ("a person" like "six"); the long ones and the plainest words stay.
    let fits = |p: &&&str| !digits_only || p.split(' ').count() > 2 || BESIDE_DIGITS.contains(*p);
    phrases.extend(PERSON.iter().chain(ASIDES).filter(fits).map(|p| (*p).to_string()));
    let mut seen = BTreeSet::new();
    phrases.retain(|p| !p.is_empty() && seen.insert(p.clone()));
    phrases.truncate(PHRASES_MAX);
    phrases
}

/// A flat grammar of exactly these phrases, nothing beside them (files to transcribe, tests).
pub(crate) fn only(phrases: &[String]) -> Compiled {
    let list: Vec<String> = phrases.iter().map(|p| phrases::spoken(p)).filter(|p| !p.is_empty()).take(PHRASES_MAX).collect();
    let mut out = from_jsgf(&format!("#JSGF V1.0;\ngrammar ask;\npublic <ask> = {};\n", list.join(" | ")));
    out.short = list.into_iter().filter(|p| !p.contains(' ')).collect();
    out
}

/// Takes a JSGF text as it is and finds its words.
pub(crate) fn from_jsgf(jsgf: &str) -> Compiled {
    let mut words = BTreeSet::new();
    let body: String = jsgf.lines().filter(|l| !l.starts_with("#JSGF") && !l.trim_start().starts_with("grammar ")).fold(
        String::new(),
        |mut all, line| {
            all.push_str(line.split("//").next().unwrap_or(""));
            all.push('\n');
            all
        },
    );
    let mut rest = body.as_str();
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '<' => rest.find('>').map_or(rest.len(), |i| i + 1),
            '{' => rest.find('}').map_or(rest.len(), |i| i + 1),
            '/' => rest[1..].find('/').map_or(rest.len(), |i| i + 2),
            c if c.is_alphabetic() || c == '\'' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || "'-_.".contains(c))).unwrap_or(rest.len());
                let word = &rest[..end];
                if word != "public" {
                    words.insert(word.to_string());
                }
                end
            }
            c => c.len_utf8(),
        };
        rest = &rest[end..];
    }
    Compiled { jsgf: jsgf.to_string(), words, short: BTreeSet::new() }
}

/// A chain of digits, at most `max`; fewer are heard as fewer, so that no digit is invented. Long chains become a loop.
fn digits(rules: &mut String, max: u8) -> &'static str {
    let _ = writeln!(rules, "<d> = {DIGITS} | (double | triple) ({DIGITS});");
    if (1..=10).contains(&max) {
        let chain = (1..max).fold("<d>".to_string(), |inner, _| format!("<d> [{inner}]"));
        let _ = writeln!(rules, "<digits> = {chain};");
    } else {
        rules.push_str("<digits> = <d>+;\n");
    }
    "<digits>"
}

/// What a number is instead of what was read back.
fn correction(rules: &mut String, max: u8) -> &'static str {
    let whole = digits(rules, max);
    let ordinals = ORDINALS.split(" | ").take(10).map(str::trim).collect::<Vec<_>>().join(" | ");
    let _ = write!(
        rules,
        "<place> = {ordinals} | last;\n<no> = no | no it's | no it is | it's;\n<one> = {DIGITS};\n\
         <correction> = [<no>] <one> not <one> | [<no>] not <one> but <one> | [no] the <place> [one] is <one> | [<no>] {whole};\n"
    );
    "<correction>"
}

/// Cardinals below a million.
fn number(rules: &mut String) -> &'static str {
    let units = DIGITS.split(" | ").skip(2).collect::<Vec<_>>().join(" | ");
    let _ = write!(
        rules,
        "<u> = {units};\n<t> = {TEENS} | ({TENS}) [<u>];\n<h> = <u> | <t>;\n<c> = <h> | (<u> | a) hundred [[and] <h>];\n\
         <number> = zero | <c> | (<c> | a) thousand [[and] <c>];\n"
    );
    "<number>"
}

/// A day: by name, by month and ordinal, with or without a year.
fn date(rules: &mut String) -> &'static str {
    let _ = write!(
        rules,
        "<weekday> = {WEEKDAYS};\n<month> = {MONTHS};\n<day> = {ORDINALS};\n\
         <low> = ten | eleven | twelve | thirteen | fourteen | fifteen | sixteen | seventeen | eighteen | nineteen | ({TENS}) \
         [one | two | three | four | five | six | seven | eight | nine];\n\
         <year> = (nineteen | twenty) (<low> | oh (one | two | three | four | five | six | seven | eight | nine)) | two thousand \
         [[and] (one | two | three | four | five | six | seven | eight | nine | <low>)];\n\
         <calendar> = <month> [the] <day> [[of] <year>] | [the] <day> [of] <month> [<year>];\n\
         <date> = today | tomorrow | yesterday | [on | next | this | last] <weekday> [[the] <day> | <calendar>] | [on] <calendar> | \
         [on] the <day> | next week | the day after tomorrow | the day before yesterday;\n"
    );
    "<date>"
}

/// An amount: a cardinal with or without a currency and hundredths, or a pair of numbers.
fn money(rules: &mut String) -> &'static str {
    number(rules);
    rules.push_str(
        "<unit> = euro | euros | dollar | dollars | pound | pounds | francs | yen;\n<hundredths> = cent | cents | pence | penny;\n\
         <money> = [about] <number> [<unit> [[and] <h> [<hundredths>]]] | <h> <hundredths> | <h> (oh <u> | <t>) [<unit>] | \
         <number> point (<u> | zero | oh) [<u> | zero | oh] [<unit>] | a (euro | dollar | pound) [<t>];\n",
    );
    "<money>"
}

/// A time of day: by the clock, beside the hour, by its name, or so long from now.
fn time(rules: &mut String) -> &'static str {
    number(rules);
    rules.push_str(
        "<hour> = <u> | ten | eleven | twelve;\n<minutes> = oh <u> | <t>;\n<beside> = half | [a] quarter | five | ten | twenty | twenty five;\n\
         <half> = a m | p m | o'clock [a m | p m] | [o'clock] (in the (morning | afternoon | evening) | at night);\n\
         <clock> = <hour> [<minutes>] [<half>] | <beside> (past | to) <hour> [<half>] | noon | midday | midnight | \
         <t> hundred [hours] | <t> <minutes> | half <hour>;\n<while> = half an hour | an hour [and a half] | <h> (hours | minutes);\n\
         <time> = [tomorrow | today] [at | about | around] <clock> [tomorrow | today | tonight] | in <while> | now;\n",
    );
    "<time>"
}

/// Whether the words so far are a whole answer, so that the endpoint may come early.
pub(crate) fn complete(expect: &Expect, person: &[String], text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let same = |p: &str| phrases::spoken(p) == text;
    if !matches!(expect, Expect::Anything) && asks_for_person(person, text) {
        return true;
    }
    match expect {
        Expect::Choice { phrases: given } => {
            let longer = |p: &String| phrases::spoken(p).strip_prefix(text).is_some_and(|rest| rest.starts_with(' '));
            given.iter().any(|p| same(p)) && !given.iter().any(longer)
        }
        Expect::YesNo { phrases: given } => YES.contains(&text) || NO.contains(&text) || given.iter().any(|p| same(p)),
        // What is right may follow the no.
        Expect::Confirm { max, phrases: given } => {
            YES.contains(&text)
                || given.iter().any(|p| same(p))
                || count_digits(text.trim_start_matches("no ")) == Some(usize::from(*max))
        }
        Expect::Digits { min, max, .. } => min == max && count_digits(text) == Some(usize::from(*max)),
        Expect::Date => ["today", "tomorrow", "yesterday", "the day after tomorrow"].contains(&text),
        Expect::Time => ["noon", "midday", "midnight"].contains(&text),
        Expect::Open { .. } | Expect::Number | Expect::Money | Expect::Spelled | Expect::Anything => false,
    }
}

/// Whether digits were heard that cannot be what was said, where a check digit can tell another reading from them.
pub(crate) fn misfit(expect: &Expect, text: &str) -> bool {
    let Expect::Digits { min, max, check: Some(check) } = expect else { return false };
    let Some(digits) = figures(text) else { return false };
    !(usize::from(*min)..=usize::from(*max)).contains(&digits.len()) || !check.holds(&digits)
}

/// Whether a text is one of the phrases that ask for a person, whole. No words ask for nobody, also where a phrase has none that are
/// spoken in Latin letters.
pub(crate) fn asks_for_person(person: &[String], text: &str) -> bool {
    !text.is_empty() && (PERSON.contains(&text) || person.iter().any(|p| p == text || phrases::spoken(p) == text))
}

/// Where among the words of a text a phrase of three words and more stands that asks for a person: the longest.
pub(crate) fn person_among(person: &[String], words: &[&str]) -> Option<std::ops::Range<usize>> {
    let phrases = PERSON.iter().map(|p| (*p).to_string()).chain(person.iter().map(|p| phrases::spoken(p)));
    let found = phrases.filter_map(|phrase| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        let at = words.windows(phrase.len()).position(|w| w == phrase).filter(|_| phrase.len() >= 3)?;
        Some(at..at + phrase.len())
    });
    found.max_by_key(ExactSizeIterator::len)
}

/// Whether a text asks for a person: a whole phrase, or one of three words and more within it.
pub(crate) fn person_within(person: &[String], text: &str) -> bool {
    asks_for_person(person, text) || person_among(person, &text.split(' ').collect::<Vec<_>>()).is_some()
}

/// How many digits a text holds ("double five" = 2); `None` if it holds anything else.
fn count_digits(text: &str) -> Option<usize> {
    figures(text).map(|digits| digits.len())
}

/// The digits of a text ("double five" = 55); `None` if it holds anything else.
fn figures(text: &str) -> Option<String> {
    let (mut times, mut out) = (1, String::new());
    for word in text.split_whitespace() {
        match word {
            "double" => times = 2,
            "triple" => times = 3,
            _ => {
                let digit = char::from(b'0' + phrases::digit_of(word)?);
                out.extend(std::iter::repeat_n(digit, std::mem::replace(&mut times, 1)));
            }
        }
    }
    (times == 1).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yes_no() -> Expect {
        Expect::YesNo { phrases: vec!["repeat it".to_string()].into() }
    }

    #[test]
    fn phrases_of_another_script_are_asked_for_by_themselves_and_by_nothing_else() {
        let person = ["找人".to_string(), "the boss".to_string()];
        assert!(asks_for_person(&person, "找人") && person_within(&person, "the boss"));
        assert!(!asks_for_person(&person, "") && !person_within(&person, "") && !person_within(&person, "找"));
    }

    #[test]
    fn a_person_is_heard_in_every_closed_ask() {
        let asks = [
            yes_no(),
            Expect::Digits { min: 4, max: 8, check: None },
            Expect::Number,
            Expect::Date,
            Expect::Money,
            Expect::Time,
            Expect::Choice { phrases: vec![].into() },
        ];
        for expect in asks {
            let g = compile(&expect, &["the boss".to_string()]).expect("closed");
            assert!(
                g.jsgf.contains("| speak to a real person |") && g.jsgf.contains("| the boss") || g.jsgf.contains("the boss |")
            );
            assert!(g.words.contains("representative") && !g.words.contains("public") && !g.words.contains("grammar"));
        }
        assert_eq!(compile(&Expect::Anything, &[]), None);
    }

    #[test]
    fn words_of_a_foreign_grammar() {
        let g = from_jsgf("#JSGF V1.0;\ngrammar x;\npublic <a> = /0.5/ red | blue {tag b} [<c>]; // note\n<c> = don't+ ;");
        assert_eq!(g.words.into_iter().collect::<Vec<_>>(), ["blue", "don't", "red"]);
    }

    #[test]
    fn whole_answers() {
        let eight = Expect::Digits { min: 8, max: 8, check: None };
        assert!(complete(&eight, &[], "one two three double five six seven eight"));
        assert!(!complete(&eight, &[], "one two three double"));
        assert!(!complete(&Expect::Digits { min: 4, max: 8, check: None }, &[], "one two three four five six seven eight"));
        assert!(
            complete(&yes_no(), &[], "repeat it") && complete(&yes_no(), &[], "no thanks") && !complete(&yes_no(), &[], "")
        );
        assert!(complete(&eight, &[], "agent"));
        let menu = Expect::Choice { phrases: vec!["returns".into(), "returns and refunds".into()].into() };
        assert!(!complete(&menu, &[], "returns") && complete(&menu, &[], "returns and refunds"));
    }
}
