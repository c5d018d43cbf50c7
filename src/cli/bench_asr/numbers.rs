//! Numbers of several digits: what the product makes of them with a check digit, and how callers who confirm and correct fare
//! when each digit is misheard as often as real people's were. The flow, the call and the reading of corrections are the product's;
//! only the ears are a table of chances.

use super::played::Played;
use crate::audio::Dice;
use crate::base::{CheckDigit, Confidence, Hypothesis};
use crate::cli::asr::Confusions;
use crate::flow::{Flow, placeholder_env};
use crate::nlu::slots::find_digits_in;
use serde_json::{Value, json};
use std::sync::Arc;

/// Which check digit the numbers have.
pub(crate) const CHECK: CheckDigit = CheckDigit::Luhn;

/// Lengths of the numbers.
pub(crate) const LENGTHS: std::ops::RangeInclusive<usize> = 4..=8;

/// What callers say more than their number and a yes.
const EXTRA_MAX: usize = 3;

const WORDS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// A flow that asks for a number of so many digits and reads it back.
pub(crate) fn flow(length: usize, check: bool) -> Result<Arc<Flow>, String> {
    let check = if check { format!(", check: {}", CHECK.name()) } else { String::new() };
    let text = format!(
        "hotline: 1\nname: number\nlanguages: [en]\nstart: number\nperson: {{ key: \"0\", to: desk, say: One moment. }}\n\
         targets: {{ desk: {{ sip: \"sip:desk@pbx.example\" }} }}\nslots: {{ number: {{ digits: {length}{check} }} }}\n\
         nodes:\n  number:\n    need: {{ number: What is your number? }}\n    confirm: \"Is {{{{ number | spell }}}} right?\"\n    then: done\n  \
         done:\n    hang_up: Thank you.\n"
    );
    let told = |findings: Vec<crate::flow::Finding>| format!("the bench's own flow has mistakes: {findings:?}");
    Flow::load(&text, "number.yaml", &placeholder_env(&text)).map(|c| c.flow).map_err(told)
}

/// The number that the product reads back after this was heard; `None` = it asks again.
pub(crate) fn read_back(flow: &Arc<Flow>, heard: &Hypothesis, length: usize) -> Option<String> {
    let mut call = Played::begin(flow);
    call.hears(heard.clone(), None);
    if call.reads_back() { find_digits_in(&call.words, length, length) } else { None }
}

/// Whether digits have a right check digit, with one more of which they are given.
pub(crate) fn checked(mut digits: String) -> String {
    let last = ('0'..='9').find(|d| CHECK.holds(&format!("{digits}{d}"))).unwrap_or('0');
    digits.push(last);
    digits
}

/// How a caller fares.
struct Fate {
    /// Utterances beside the first number and the last yes; `None` = the number was never confirmed.
    extra: Option<usize>,
    /// What was confirmed is not what the caller meant.
    wrong: bool,
}

/// One caller with a number. He says it, says yes to it, corrects one wrong digit ("no, four not five"), says it again after
/// more than one; and again when asked.
fn caller(flow: &Arc<Flow>, truth: &str, ears: &Confusions, dice: &mut Dice) -> Fate {
    let mut call = Played::begin(flow);
    let spoken = |digits: &str, dice: &mut Dice| heard_as(digits, ears, dice);
    let mut extra = 0;
    let number = spoken(truth, dice);
    call.hears(hypothesis(&number), None);
    while call.asks() && extra <= EXTRA_MAX {
        let back = find_digits_in(&call.words, truth.len(), truth.len()).filter(|_| call.reads_back());
        let said = match &back {
            Some(back) if back == truth => {
                call.hears(hypothesis("yes"), None);
                return Fate { extra: Some(extra), wrong: call.asks() };
            }
            Some(back) => {
                let wrong: Vec<usize> = (0..truth.len()).filter(|i| back.as_bytes()[*i] != truth.as_bytes()[*i]).collect();
                match wrong.as_slice() {
                    [at] => {
                        let (right, not) = (&truth[*at..=*at], &back[*at..=*at]);
                        format!("no {} not {}", spoken(right, dice), spoken(not, dice))
                    }
                    _ => format!("no it's {}", spoken(truth, dice)),
                }
            }
            None => spoken(truth, dice),
        };
        extra += 1;
        call.hears(hypothesis(&said), None);
    }
    Fate { extra: None, wrong: false }
}

fn hypothesis(text: &str) -> Hypothesis {
    Hypothesis { confidence: Confidence::new(0.9), ..Hypothesis::typed(text) }
}

/// Digits as they are heard, in words.
fn heard_as(digits: &str, ears: &Confusions, dice: &mut Dice) -> String {
    let said = digits.bytes().map(|b| usize::from(b - b'0'));
    let heard: Vec<&str> = said.flat_map(|d| ears.draw(d, dice)).map(|d| WORDS[d]).collect();
    heard.join(" ")
}

/// What became of so many callers with numbers of each length, with a check digit and without.
///
/// # Errors
/// One sentence when the flow does not load.
pub(crate) fn simulate(ears: &Confusions, callers: usize) -> Result<Vec<(String, Value)>, String> {
    let mut dice = Dice::new(23);
    let mut rows = Vec::new();
    for check in [false, true] {
        for length in LENGTHS {
            let flow = flow(length, check)?;
            let (mut within, mut wrong) = ([0usize; EXTRA_MAX + 1], 0);
            for _ in 0..callers {
                let start: String = (1..length).map(|_| char::from(b'0' + dice.below(10) as u8)).collect();
                let fate = caller(&flow, &checked(start), ears, &mut dice);
                if let Some(extra) = fate.extra.filter(|e| *e <= EXTRA_MAX) {
                    within[extra..].iter_mut().for_each(|n| *n += 1);
                }
                wrong += usize::from(fate.wrong);
            }
            let share = |n: usize| json!(n as f64 / callers.max(1) as f64);
            let kind = if check { "with a check digit" } else { "any digits" };
            let document = json!({
                "callers": callers, "at_once": share(within[0]), "within_1": share(within[1]), "within_2": share(within[2]),
                "within_3": share(within[3]), "wrongly_confirmed": share(wrong),
            });
            rows.push((format!("{length} digits, {kind}"), document));
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nlu::slots::confusable;

    #[test]
    fn perfect_ears_need_nothing_more_and_bad_ones_get_there() {
        let perfect = simulate(&Confusions::default(), 10).expect("a good flow");
        assert!(perfect.iter().all(|(_, f)| f["at_once"] == 1.0 && f["wrongly_confirmed"] == 0.0), "{perfect:?}");
        // Each digit is also heard where another one was said: the one that sounds most like it.
        let mut ears = Confusions::default();
        for digit in 0..10 {
            (0..9).for_each(|_| ears.count(Some(digit), Some(digit)));
            let likest = confusable(&digit.to_string()).remove(0);
            ears.count(likest.parse().ok(), Some(digit));
        }
        let rows = simulate(&ears, 300).expect("a good flow");
        for (name, f) in &rows {
            println!("{name}: {f}");
            assert!(f["at_once"].as_f64() < f["within_3"].as_f64() && f["within_3"].as_f64() > Some(0.9), "{name}: {f}");
        }
        let eight =
            |kind: &str| rows.iter().find(|(n, _)| *n == format!("8 digits, {kind}")).map(|(_, f)| f["at_once"].as_f64());
        assert!(eight("with a check digit") > eight("any digits"));
    }

    #[test]
    fn a_misheard_number_is_put_right_by_its_check_digit() {
        let flow = flow(4, true).expect("a good flow");
        let truth = checked("123".into());
        let said = |digits: &str| digits.bytes().map(|b| WORDS[usize::from(b - b'0')]).collect::<Vec<_>>().join(" ");
        assert_eq!(read_back(&flow, &hypothesis(&said(&truth)), 4), Some(truth.clone()));
        let other =
            Hypothesis { alternatives: vec![(said(&truth), Confidence::new(0.5))], ..hypothesis("nine two three zero") };
        assert_eq!(read_back(&flow, &other, 4), Some(truth));
    }
}
