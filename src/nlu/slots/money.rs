//! Amounts of money.

use super::currency::{Currency, currency};
use super::money_chinese::chinese_amount;
use super::number::cardinal;
use super::token::{among, han_digit, is_figures, last_try, plain_number, small, tokens};
use crate::nlu::normalise::{is_han, narrow};
use std::fmt;

/// The largest amount that is taken for one, in hundredths: below ten million.
pub(super) const HUNDREDTHS_MAX: i64 = 999_999_999;

/// An amount of money, never negative, below ten million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// Hundredths of the currency.
    pub hundredths: u32,
    /// `None` where neither the caller nor the flow names one.
    pub currency: Option<Currency>,
}

impl Money {
    /// An amount from its canonical text.
    pub fn parse(text: &str) -> Option<Money> {
        let (amount, code) = text.split_once(' ').map_or((text, None), |(amount, code)| (amount, Some(code)));
        let currency = code.map(|c| Currency::parse(c).ok_or(())).transpose().ok()?;
        let (whole, part) = amount.split_once('.')?;
        let figures = |s: &str| !s.is_empty() && is_figures(s);
        if part.len() != 2 || whole.len() > 7 || !figures(whole) || !figures(part) {
            return None;
        }
        let hundredths = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(part.parse().ok()?)?;
        Some(Money { hundredths, currency })
    }
}

impl fmt::Display for Money {
    /// The canonical text: `12.50 EUR`, or `12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.hundredths / 100, self.hundredths % 100)?;
        self.currency.map_or(Ok(()), |c| write!(f, " {}", c.code()))
    }
}

/// The amount that an answer names: "twelve euros fifty", "twelve fifty", "£12.50", 十二块五. Without a currency nothing else may
/// be said; `usual` is meant then. A pair of numbers without one means whole and hundredths from ten on ("twelve fifty"); below
/// that "two fifty" may be two hundred and fifty. `None` when there is no amount, or several, or a negative one.
pub fn money(text: &str, usual: Option<Currency>) -> Option<Money> {
    read(text, usual, false)
}

/// The amount inside an open sentence: its currency must be named. "Pounds" are a weight there unless they are `usual`.
pub fn find_money_in(text: &str, usual: Option<Currency>) -> Option<Money> {
    let found = read(text, usual, true)?;
    let sterling = text.contains('£') || text.to_lowercase().contains("sterling") || text.chars().any(is_han);
    let weight = found.currency == Some(Currency::Gbp) && usual != found.currency && !sterling;
    (!weight).then_some(found)
}

/// An amount keyed in hundredths; at least three keys, so that nobody who keys whole euros pays cents.
pub fn keyed_money(digits: &str, usual: Option<Currency>) -> Option<Money> {
    let hundredths = digits.parse().ok().filter(|h: &u32| i64::from(*h) <= HUNDREDTHS_MAX)?;
    (digits.len() >= 3).then_some(Money { hundredths, currency: usual })
}

fn read(text: &str, usual: Option<Currency>, named_only: bool) -> Option<Money> {
    let tokens = tokens(&in_words(&text.replace("差不多", "大概")));
    let of = |part: &[String]| the_one(part, usual, named_only, text.chars().any(is_han));
    last_try(&tokens).and_then(of).or_else(|| of(&tokens))
}

/// One amount as it was said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) hundredths: i64,
    pub(super) currency: Option<Currency>,
    /// A currency or its hundredths were named.
    pub(super) named: bool,
    /// How many tokens it takes.
    pub(super) used: usize,
}

/// The only amount among the tokens.
fn the_one(tokens: &[String], usual: Option<Currency>, named_only: bool, han: bool) -> Option<Money> {
    let mut named: Option<Said> = None;
    let mut bare: Option<Said> = None;
    let (mut at, mut others) = (0, false);
    while at < tokens.len() {
        let begins = begins_number(tokens, at);
        if !begins && !prefix(tokens, at) {
            others |= !among(FILLERS, &tokens[at]);
            at += 1;
            continue;
        }
        let said = if han { chinese_amount(tokens, at, usual) } else { english_amount(tokens, at, usual) };
        let Some(said) = said else {
            if begins {
                return None;
            }
            at += 1;
            continue;
        };
        let minus = at > 0 && matches!(tokens[at - 1].as_str(), "minus" | "negative" | "负" | "負");
        let end = at + said.used;
        // Two numbers side by side or with "or" between them: which is meant?
        let or = tokens.get(end).is_some_and(|t| matches!(t.as_str(), "or" | "to" | "till" | "或" | "到" | "至"));
        if minus || begins_number(tokens, end) || or && begins_number(tokens, end + 1) {
            return None;
        }
        let slot = if said.named { &mut named } else { &mut bare };
        if slot.is_some_and(|s| s.hundredths != said.hundredths || s.currency != said.currency) {
            return None;
        }
        *slot = Some(said);
        at = end;
    }
    let found = named.or(bare.filter(|_| !named_only && !others))?;
    let hundredths = u32::try_from(found.hundredths).ok().filter(|h| i64::from(*h) <= HUNDREDTHS_MAX)?;
    Some(Money { hundredths, currency: found.currency.or(usual) })
}

/// Said around an amount that stands alone.
const FILLERS: &str = "um uh er erm hmm well so okay yes yeah please thanks thank you it its is was the that thats about around \
    roughly approximately exactly amount amounts sum total for i think would like want pay paid to be just \
    only of my make in now say then costs cost should will 大 概 约 左 右 是 要 我 给 付 总 共 的 吧 呢 啊 嗯 呃 那 就 想 差 不 钱 金 \
    额 整 您 好 请 谢";

/// Words that may follow an amount, beside those of [`FILLERS`].
const AFTER: &str = "yesterday today already too much more less each altogether per but and because when on last this that or no sorry 了 因 所 但 还 \
    多 也 或 对 错 ， 不";

/// Whether an amount may end here: what follows is no thing that its last number counts.
pub(super) fn amount_ends(tokens: &[String], at: usize) -> bool {
    tokens.get(at).is_none_or(|token| among(FILLERS, token) || among(AFTER, token))
}

/// Whether a number begins here that may be an amount.
pub(super) fn begins_number(tokens: &[String], at: usize) -> bool {
    let Some(token) = tokens.get(at).map(String::as_str) else { return false };
    let counts =
        plain_number(tokens, at).is_some() || is_figures(token) || matches!(token, "hundred" | "thousand" | "couple" | "dozen");
    // 一共 and 一下 are no numbers.
    counts
        && !(token == "一" && tokens.get(at + 1).is_some_and(|t| matches!(t.as_str(), "共" | "下" | "定" | "般")))
        && token != "o"
}

/// "a hundred", "a euro", "EUR 12", 人民币十二元.
fn prefix(tokens: &[String], at: usize) -> bool {
    matches!(tokens[at].as_str(), "a" | "an" | "half") || currency(tokens, at, None).is_some()
}

/// Whole currency units that begin here, few enough to count in hundredths.
fn whole(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    units(tokens, at).filter(|(n, _)| *n <= HUNDREDTHS_MAX)
}

fn units(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let token = tokens.get(at)?.as_str();
    if token == "couple" {
        return None;
    }
    if matches!(token, "hundred" | "thousand") {
        let a_hundred: Vec<String> = std::iter::once("a".to_string()).chain(tokens[at..].iter().take(12).cloned()).collect();
        return cardinal(&a_hundred, 0).map(|(n, used)| (n, used - 1));
    }
    if matches!(token, "a" | "an") && currency(tokens, at + 1, None).is_some() {
        return Some((1, 1));
    }
    cardinal(tokens, at)
}

fn english_amount(tokens: &[String], start: usize, usual: Option<Currency>) -> Option<Said> {
    let code = currency(tokens, start, usual).filter(|_| begins_number(tokens, start + 1));
    let begin = start + code.map_or(0, |c| c.1);
    let (units, used) = whole(tokens, begin)?;
    let mut at = begin + used;
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|t| t == word);
    let mut hundredths = units.checked_mul(100)?;
    if is(at, "grand") || is(at, "k") {
        hundredths = hundredths.checked_mul(1_000)?;
        at += 1;
    }
    let mut exact = false;
    if is(at, "and") && is(at + 1, "a") && is(at + 2, "half") {
        if tokens.get(at + 3).is_some_and(|t| matches!(t.as_str(), "hundred" | "thousand" | "million" | "grand" | "k")) {
            return None;
        }
        (hundredths, at, exact) = (hundredths + 50, at + 3, true);
    } else if is(at, "point") {
        let (part, used) = decimals(tokens, at + 1)?;
        (hundredths, at, exact) = (hundredths + part, at + 1 + used, true);
    } else if let Some(sort) = hundredth_name(tokens, at) {
        let (hundredths, used) = (units, at + 1 - start);
        return Some(Said { hundredths, currency: sort, named: true, used });
    } else if let Some((part, used)) = part_alone(tokens, at) {
        // "twelve fifty"; of "two fifty" nobody knows whether it is two hundred and fifty.
        if units < 10 || hundredth_name(tokens, at + used).is_some() {
            return None;
        }
        (hundredths, at, exact) = (hundredths + part, at + used, true);
    }
    let named = currency(tokens, at, usual).or(code.map(|(c, _)| (c, 0)));
    let Some((sort, used)) = named else {
        return Some(Said { hundredths, currency: None, named: false, used: at - start });
    };
    at += used;
    if !exact {
        let (part, used) = part_after(tokens, at)?;
        (hundredths, at) = (hundredths + part, at + used);
    }
    Some(Said { hundredths, currency: Some(sort), named: true, used: at - start })
}

/// "fifty" of "twelve euros fifty", "and twenty cents", "and a half"; nothing is zero. `None` where it may be hundredths or not.
fn part_after(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let and = usize::from(tokens.get(at).is_some_and(|t| t == "and"));
    let is = |n: usize, word: &str| tokens.get(at + n).is_some_and(|t| t == word);
    if and == 1 && is(1, "a") && is(2, "half") {
        return Some((50, 3));
    }
    let Some((part, used)) = part_alone(tokens, at + and).or_else(|| {
        let (n, used) = plain_number(tokens, at + and)?;
        (n < 100).then_some((i64::from(n), used))
    }) else {
        return Some((0, 0));
    };
    let end = at + and + used;
    if hundredth_name(tokens, end).is_some() {
        return Some((part, and + used + 1));
    }
    let sure = part_alone(tokens, at + and).is_some();
    match (and, sure) {
        (0, true) if amount_ends(tokens, end) => Some((part, used)),
        // "twenty euros twelve days ago".
        (0, true) => None,
        // "twelve euros five", "twelve euros and fifty": hundredths, or something else.
        (0, false) => None,
        _ if end >= tokens.len() => None,
        _ => Some((0, 0)),
    }
}

/// Hundredths that need no name: ten and more, or with a zero before them.
fn part_alone(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let token = tokens.get(at)?.as_str();
    if matches!(token, "oh" | "o" | "zero") {
        let digit = tokens.get(at + 1).and_then(|t| if is_figures(t) { t.parse().ok() } else { small(t) })?;
        return (1..10).contains(&digit).then_some((i64::from(digit), 2));
    }
    let (n, used) = plain_number(tokens, at)?;
    let two = !is_figures(token) || token.len() == 2;
    (two && (is_figures(token) || (10..100).contains(&n))).then_some((i64::from(n), used))
}

/// What follows "point": one or two digits, as hundredths.
pub(super) fn decimals(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let digit = |i: usize| {
        let token = tokens.get(i)?.as_str();
        if is_figures(token) {
            token.parse().ok().filter(|_| token.len() == 1)
        } else {
            small(token).or_else(|| han_digit(token))
        }
    };
    let token = tokens.get(at)?.as_str();
    if is_figures(token) && token.len() == 2 {
        return token.parse().ok().map(|n| (n, 1));
    }
    match (digit(at).filter(|d| *d < 10), digit(at + 1).filter(|d| *d < 10)) {
        (Some(_), Some(_)) if digit(at + 2).is_some() => None,
        (Some(tens), Some(ones)) => Some((i64::from(10 * tens + ones), 2)),
        (Some(tens), None) => Some((i64::from(10 * tens), 1)),
        _ => plain_number(tokens, at).filter(|(n, _)| (10..100).contains(n)).map(|(n, used)| (i64::from(n), used)),
    }
}

/// What hundredths are called, and the currency where the name tells it.
#[expect(clippy::option_option, reason = "a name that tells no currency is a name all the same")]
fn hundredth_name(tokens: &[String], at: usize) -> Option<Option<Currency>> {
    match tokens.get(at)?.as_str() {
        "cent" | "cents" => Some(None),
        "p" | "pence" | "penny" | "pennies" => Some(Some(Currency::Gbp)),
        _ => None,
    }
}

/// Signs and figures as words: "£12.50" is "12 point 50 pounds", "1,250" is "1250".
fn in_words(text: &str) -> String {
    let chars: Vec<char> = text.chars().take(800).map(narrow).collect();
    let figure = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
    let run = |from: usize| (from..).take_while(|i| figure(*i)).count();
    let mut out = String::new();
    let mut sign = None;
    for (i, c) in chars.iter().enumerate() {
        let name = match c {
            '€' => " euros ",
            '$' => " dollars ",
            '£' => " pounds ",
            '¥' | '￥' => " yuan ",
            _ => "",
        };
        let inside = i > 0 && figure(i - 1);
        match c {
            _ if !name.is_empty() => {
                // A sign before its number is said after it.
                let next = (i + 1..chars.len()).find(|j| chars[*j] != ' ');
                if next.is_some_and(figure) && !inside { sign = Some(name) } else { out.push_str(name) }
            }
            ',' if inside && run(i + 1) == 3 => {}
            '.' | ',' if inside && (1..=2).contains(&run(i + 1)) => out.push_str(" point "),
            // "15-20 euros" is two numbers.
            '-' if inside && figure(i + 1) => out.push_str(" to "),
            '-' if !inside && (figure(i + 1) || chars.get(i + 1).is_some_and(|c| "€$£¥".contains(*c))) => {
                out.push_str(" minus ")
            }
            _ => out.push(*c),
        }
        let goes_on = figure(i + 1) || matches!(chars.get(i + 1), Some('.' | ',')) && figure(i + 2);
        if c.is_ascii_digit() && !goes_on {
            out.push_str(sign.take().unwrap_or(""));
        }
    }
    out
}

#[cfg(test)]
#[path = "money_tests.rs"]
mod tests;
