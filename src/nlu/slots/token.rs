//! Words for value readers: unlike the matcher's, figures stay figures and Chinese stays single characters.

use crate::base::{TENS, unit};
use crate::nlu::normalise::{is_han, narrow};

/// Tokens read of one answer.
const TOKENS_MAX: usize = 200;

/// Lower-case words, runs of figures, and single Chinese characters, at most 200. "3rd" is the figure "3" and "rd".
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut grows = None;
    for c in text.chars().take(4 * TOKENS_MAX).map(narrow).flat_map(char::to_lowercase) {
        if c == '\'' {
            continue;
        }
        let class = if is_han(c) {
            None
        } else if c.is_ascii_digit() {
            Some(true)
        } else if c.is_alphabetic() {
            Some(false)
        } else {
            grows = None;
            continue;
        };
        match out.last_mut() {
            Some(last) if class.is_some() && class == grows => last.push(c),
            _ => out.push(c.to_string()),
        }
        grows = class;
    }
    out.truncate(TOKENS_MAX);
    out
}

/// Whether a token is figures.
pub(super) fn is_figures(token: &str) -> bool {
    token.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a token is one of a list's words.
pub(super) fn among(list: &str, token: &str) -> bool {
    list.split_ascii_whitespace().any(|word| word == token)
}

/// Figures, or a number below a hundred by name, that begins here; with how many tokens it takes.
pub(super) fn plain_number(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let token = tokens.get(at)?;
    if is_figures(token) { token.parse().ok().map(|n| (n, 1)) } else { below_hundred(tokens, at) }
}

/// What follows the last "no", "wait" or "I mean" of an answer, where something follows: it replaces what was said before.
pub(super) fn last_try(tokens: &[String]) -> Option<&[String]> {
    const RESTARTS: &[&str] = &["sorry", "no", "wait", "correction", "mean", "actually", "rather"];
    let english = |i: usize| RESTARTS.contains(&tokens[i].as_str());
    let chinese = |i: usize| {
        let next = tokens.get(i + 1).map_or("", String::as_str);
        matches!((tokens[i].as_str(), next), ("不", "是" | "对" | "對") | ("错" | "錯", "了"))
    };
    let at = (0..tokens.len()).rev().find(|i| english(*i) || chinese(*i))?;
    tokens.get(at + if english(at) { 1 } else { 2 }..).filter(|rest| !rest.is_empty())
}

/// Zero to nineteen by name.
pub(super) fn small(token: &str) -> Option<u32> {
    unit(token).map(u32::from).or(match token {
        "oh" | "o" | "nil" | "nought" | "naught" | "null" => Some(0),
        "niner" => Some(9),
        _ => None,
    })
}

/// Twenty to ninety by name.
pub(super) fn tens(token: &str) -> Option<u32> {
    if token == "fourty" {
        return Some(40);
    }
    TENS.iter().position(|n| *n == token).and_then(|i| u32::try_from(i).ok()).map(|i| 10 * (i + 2))
}

/// A Chinese digit character, with those that telephone operators say.
pub(super) fn han_digit(token: &str) -> Option<u32> {
    Some(match token {
        "零" | "〇" | "洞" => 0,
        "一" | "幺" | "壹" => 1,
        "二" | "两" | "兩" | "贰" => 2,
        "三" | "叁" => 3,
        "四" | "肆" => 4,
        "五" | "伍" => 5,
        "六" | "陆" => 6,
        "七" | "柒" | "拐" => 7,
        "八" | "捌" => 8,
        "九" | "玖" => 9,
        _ => return None,
    })
}

/// A number below a hundred that begins here, with how many tokens it takes: "twenty three", "seven", "二十三".
pub(super) fn below_hundred(tokens: &[String], at: usize) -> Option<(u32, usize)> {
    let token = tokens.get(at)?;
    let following =
        |from: usize, f: fn(&str) -> Option<u32>| tokens.get(from).and_then(|t| f(t)).filter(|d| (1..10).contains(d));
    if let Some(ten) = tens(token) {
        return Some(following(at + 1, small).map_or((ten, 1), |d| (ten + d, 2)));
    }
    if let Some(n) = small(token) {
        return Some((n, 1));
    }
    if token == "十" {
        return Some(following(at + 1, han_digit).map_or((10, 1), |d| (10 + d, 2)));
    }
    let digit = han_digit(token)?;
    if digit > 0 && tokens.get(at + 1).is_some_and(|t| t == "十") {
        return Some(following(at + 2, han_digit).map_or((digit * 10, 2), |d| (digit * 10 + d, 3)));
    }
    Some((digit, 1))
}
