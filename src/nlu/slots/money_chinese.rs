//! Amounts of money as they are said in Chinese: 块, 毛 and 分, and what is left out of them.

use super::currency::{Currency, currency};
use super::money::{HUNDREDTHS_MAX, Said, amount_ends, begins_number, decimals};
use super::number::chinese;
use super::token::{han_digit, is_figures, plain_number};

/// 十二块五, 三百二十元, 一万二, 十二点五欧元, 五毛.
pub(super) fn chinese_amount(tokens: &[String], start: usize, usual: Option<Currency>) -> Option<Said> {
    let before = currency(tokens, start, usual).filter(|_| !begins_number(tokens, start));
    let begin = start + before.map_or(0, |c| c.1);
    let (units, used) = chinese_number(tokens, begin).filter(|(n, _)| *n <= HUNDREDTHS_MAX)?;
    let mut at = begin + used;
    let is = |at: usize, words: &[&str]| tokens.get(at).is_some_and(|t| words.contains(&t.as_str()));
    if let Some((part, used)) = tenths(tokens, at).map(|scale| (units * scale, 1)) {
        let (more, also) = if is(at, &["分"]) { (0, 0) } else { fen(tokens, at + 1) };
        at += used + also;
        let money = is(at, &["钱", "錢"]);
        let named = money || !is(at - 1, &["分"]);
        return Some(Said { hundredths: part + more, currency: None, named, used: at + usize::from(money) - start });
    }
    let mut hundredths = units.checked_mul(100)?;
    let mut exact = false;
    if is(at, &["点", "點", "point"]) {
        let (part, used) = decimals(tokens, at + 1)?;
        (hundredths, at, exact) = (hundredths + part, at + 1 + used, true);
    }
    let Some((sort, used)) = currency(tokens, at, usual).or(before.map(|(c, _)| (c, 0))) else {
        return Some(Said { hundredths, currency: None, named: false, used: at - start });
    };
    at += used;
    if !exact {
        let (part, used) = chinese_part(tokens, at)?;
        (hundredths, at) = (hundredths + part, at + used);
    }
    let money = is(at, &["钱", "錢", "整"]);
    Some(Said { hundredths, currency: Some(sort), named: true, used: at + usize::from(money) - start })
}

fn chinese_number(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let token = tokens.get(at)?;
    if !is_figures(token) {
        return chinese(tokens, at);
    }
    let n: i64 = token.parse().ok()?;
    let scale = match tokens.get(at + 1).map(String::as_str) {
        Some("百") => 100,
        Some("千") => 1_000,
        Some("万" | "萬") => 10_000,
        _ => return Some((n, 1)),
    };
    n.checked_mul(scale).map(|n| (n, 2))
}

/// How many hundredths a 毛 or 分 is.
fn tenths(tokens: &[String], at: usize) -> Option<i64> {
    match tokens.get(at)?.as_str() {
        "毛" | "角" => Some(10),
        "分" => Some(1),
        _ => None,
    }
}

/// What follows 块: 五, 五毛, 零五分, 二五, 半; nothing is zero. `None` where it is no hundredths.
fn chinese_part(tokens: &[String], at: usize) -> Option<(i64, usize)> {
    let token = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let digit = |n: usize| {
        let t = token(n);
        if is_figures(t) && t.len() == 1 { t.parse().ok() } else { han_digit(t).map(i64::from) }
    };
    if token(0) == "半" {
        return Some((50, 1));
    }
    // 十二块50, 十二欧元五十欧分.
    let (n, used) = match plain_number(tokens, at) {
        Some((n, _)) if n >= 100 => return None,
        Some((n, used)) => (i64::from(n), used),
        None => return Some((0, 0)),
    };
    if n >= 10 || is_figures(token(0)) && token(0).len() == 2 {
        let name = [("欧", "分"), ("美", "分"), ("便", "士")].iter().any(|(a, b)| token(used) == *a && token(used + 1) == *b);
        let fen = usize::from(token(used) == "分");
        let more = if name { 2 } else { fen };
        // 三百块十二个月.
        return (more > 0 || amount_ends(tokens, at + used)).then_some((n, used + more));
    }
    match (n, token(1), digit(1)) {
        (0, _, Some(d)) if matches!(token(2), "毛" | "角") => Some((10 * d, 3)),
        (0, _, Some(d)) => Some((d, if token(2) == "分" { 3 } else { 2 })),
        (d, "毛" | "角", _) => {
            let (more, used) = fen(tokens, at + 2);
            Some((10 * d + more, 2 + used))
        }
        (d, "分", _) => Some((d, 2)),
        (d, _, Some(e)) if token(2) == "分" => Some((10 * d + e, 3)),
        (d, _, Some(e)) if amount_ends(tokens, at + 2) => Some((10 * d + e, 2)),
        // 二十块两次: what is counted is no money.
        (d, _, None) if amount_ends(tokens, at + 1) => Some((10 * d, 1)),
        _ => None,
    }
}

/// 五 or 五分 after 毛.
fn fen(tokens: &[String], at: usize) -> (i64, usize) {
    let digit =
        tokens.get(at).and_then(|t| if is_figures(t) && t.len() == 1 { t.parse().ok() } else { han_digit(t).map(i64::from) });
    let named = tokens.get(at + 1).is_some_and(|t| t == "分");
    digit.map_or((0, 0), |d| (d, 1 + usize::from(named)))
}
