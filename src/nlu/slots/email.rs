//! E-mail addresses, spelled out.

use super::digits::group;
use super::token::{among, tokens};
use crate::nlu::normalise::{is_han, narrow};

/// Longest address and longest part before the at sign (RFC 5321 §4.5.3.1).
const ADDRESS_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

/// Plain words in a row that one name may have ("john smith at"); more are a sentence.
const WORDS_MAX: usize = 3;

/// The e-mail address that an answer spells: "john dot smith at gmail dot com", "j o h n underscore five at …", "a as in alpha",
/// 圈a, 点 com; or that stands in it as it is typed. In lower case. `None` when it is none (RFC 5321: one at sign, a dot behind it), or
/// when something between is not understood.
pub fn email(text: &str) -> Option<String> {
    typed(text).or_else(|| spelled(text, false))
}

/// The address inside an open sentence: as it is typed, or after "is", "to" or 是.
pub fn find_email_in(text: &str) -> Option<String> {
    typed(text).or_else(|| spelled(text, true))
}

/// Whether a text is an address: one at sign, a domain with a dot, nothing that a mail server may refuse.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let parts_of = |part: &str, more: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || more.contains(char::from(b)))
    };
    let label = |l: &str| parts_of(l, "-") && !l.starts_with('-') && !l.ends_with('-') && l.len() <= 63;
    let top = domain.rsplit('.').next().unwrap_or_default();
    text.len() <= ADDRESS_MAX
        && local.len() <= LOCAL_MAX
        && local.split('.').all(|part| parts_of(part, "_-+"))
        && domain.contains('.')
        && domain.split('.').all(label)
        && top.len() >= 2
        && top.bytes().all(|b| b.is_ascii_lowercase())
}

/// An address that stands in the text as people type it; `None` when there are two.
fn typed(text: &str) -> Option<String> {
    let text: String = text.chars().take(1_000).map(narrow).flat_map(char::to_lowercase).collect();
    let mut found = text
        .split(|c: char| c.is_whitespace() || is_han(c) || ",;:<>()\"，。；".contains(c))
        .map(|word| word.trim_matches(|c: char| ".!?'".contains(c)))
        .filter(|word| is_email(word));
    let first = found.next()?.to_string();
    found.all(|other| other == first).then_some(first)
}

/// What the parts of an address are called; the parts with more words first.
const SIGNS: &[(&str, &str)] = &[
    ("full stop", "."),
    ("under score", "_"),
    ("plus sign", "+"),
    ("minus sign", "-"),
    ("at", "@"),
    ("dot", "."),
    ("period", "."),
    ("point", "."),
    ("underscore", "_"),
    ("dash", "-"),
    ("hyphen", "-"),
    ("minus", "-"),
    ("plus", "+"),
];

/// The same in Chinese, as English words.
const CHINESE: &[(&str, &str)] = &[
    ("小老鼠", "at"),
    ("艾特", "at"),
    ("爱特", "at"),
    ("圈a", "at"),
    ("圈 a", "at"),
    ("圈诶", "at"),
    ("花a", "at"),
    ("下划线", "underscore"),
    ("下横线", "underscore"),
    ("中划线", "dash"),
    ("横杠", "dash"),
    ("横线", "dash"),
    ("减号", "dash"),
    ("杠", "dash"),
    ("加号", "plus"),
    ("点", "dot"),
    ("點", "dot"),
    ("新浪", "sina"),
    ("谷歌邮箱", "gmail"),
];

/// Said before an address; what comes after the last of them is the address.
const BEFORE: &str = "is its to email mail address me on under 是 箱 件 址 到 发";

/// Said between, without being part of it.
const BETWEEN: &str = "um uh er erm then followed by lowercase lower case small letter letters the number spelled that 嗯 呃 小 写 字 母 的 然 后";

/// Said after it.
const AFTER: &str = "please thanks thank you okay ok thats it all 谢 了 吧 啊 呢 就 这 样";

/// Never part of a name: where one of these stands a sentence was said.
const SENTENCE: &str =
    "want would like need parcel where please have know not can my what when how dont know your this was with for send";

/// An address by its words. `inside` = a sentence may stand around it, and says where it begins.
fn spelled(text: &str, inside: bool) -> Option<String> {
    let mut text: String = text.chars().take(400).map(narrow).flat_map(char::to_lowercase).collect();
    for (chinese, english) in CHINESE {
        text = text.replace(chinese, &format!(" {english} "));
    }
    for (typed, word) in [("@", " at "), (".", " dot "), ("_", " underscore ")] {
        text = text.trim_end_matches(['.', ' ', '!', '?']).replace(typed, word);
    }
    let text = text.replace("e-mail", "email").replace("-", " dash ");
    let mut tokens = tokens(&text);
    while tokens.last().is_some_and(|t| among(AFTER, t)) {
        tokens.pop();
    }
    let at = tokens.iter().rposition(|t| t == "at")?;
    if tokens.get(at + 1).is_some_and(|t| t == "sign" || t == "symbol") {
        tokens.remove(at + 1);
    }
    let begin = tokens[..at].iter().rposition(|t| among(BEFORE, t)).map(|i| i + 1);
    if inside && begin.is_none() {
        return None;
    }
    let local = pieces(&tokens[begin.unwrap_or(0)..at])?;
    let domain = domain(&pieces(&tokens[at + 1..])?)?;
    let address = format!("{}@{domain}", local.concat());
    is_email(&address).then_some(address)
}

/// Letters, words and signs in order; `None` when a sentence stands there.
fn pieces(tokens: &[String]) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let (mut at, mut row) = (0, 0);
    let alphabet = alphabet_alone(tokens)?;
    while at < tokens.len() {
        let (piece, used) = if alphabet { (tokens[at][..1].to_string(), 1) } else { piece(tokens, at)? };
        let word = piece.len() > 1 && piece.bytes().all(|b| b.is_ascii_alphabetic());
        row = if word { row + 1 } else { 0 };
        if row > WORDS_MAX || word && among(SENTENCE, &piece) {
            return None;
        }
        out.push(piece);
        at += used;
    }
    Some(out)
}

/// One letter, word, number or sign that begins here, with how many tokens it takes.
fn piece(tokens: &[String], at: usize) -> Option<(String, usize)> {
    let token = tokens.get(at)?.as_str();
    let next = |n: usize| tokens.get(at + n).map_or("", String::as_str);
    let letter = |t: &str| (t.len() == 1 && t.bytes().all(|b| b.is_ascii_lowercase())).then(|| t.to_string());
    if let Some((name, sign)) = SIGNS.iter().find(|(name, _)| name.split(' ').enumerate().all(|(i, w)| next(i) == w)) {
        return Some(((*sign).to_string(), name.split(' ').count()));
    }
    match (token, next(1)) {
        ("double", "u" | "you") => return Some(("w".into(), 2)),
        ("double", again) if letter(again).is_some() => return Some((again.repeat(2), 2)),
        ("triple", again) if letter(again).is_some() => return Some((again.repeat(3), 2)),
        ("capital" | "uppercase" | "big", name) if letter(name).is_some() => return Some((name.to_string(), 2)),
        ("one" | "all", "word") => return Some((String::new(), 2)),
        ("all", "one") if next(2) == "word" => return Some((String::new(), 3)),
        ("no", "space" | "spaces") => return Some((String::new(), 2)),
        ("zed" | "zee", _) => return Some(("z".into(), 1)),
        ("aitch", _) => return Some(("h".into(), 1)),
        _ => {}
    }
    if let Some(named) = letter(token) {
        // "a as in alpha", "b for bravo": the word must begin with the letter.
        let skip = match (next(1), next(2)) {
            ("as", "in") => 3,
            ("for" | "like", _) => 2,
            _ => return Some((named, 1)),
        };
        return next(skip).starts_with(&named).then_some((named, skip + 1));
    }
    if among(BETWEEN, token) {
        return Some((String::new(), 1));
    }
    if let Some(number) = group(tokens, at) {
        return Some(number);
    }
    (token.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| (token.to_string(), 1))
}

const ALPHABET: &str = "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa quebec \
    romeo sierra tango uniform victor whiskey xray yankee zulu";

/// Whether all words are those of the spelling alphabet. "Mike Oscar" is a name as well as two letters: `None`.
fn alphabet_alone(tokens: &[String]) -> Option<bool> {
    let all = tokens.iter().all(|t| among(ALPHABET, t));
    match tokens.len() {
        0 | 1 => Some(false),
        2 if all => None,
        _ => Some(all),
    }
}

/// A domain from its pieces; providers however they are heard.
fn domain(pieces: &[String]) -> Option<String> {
    let mut labels: Vec<String> = pieces.concat().split('.').map(String::from).collect();
    if let [alone] = labels.as_slice() {
        // These have one domain only; an "outlook" may be in many.
        return matches!(alone.as_str(), "gmail" | "icloud" | "qq" | "163" | "126").then(|| format!("{alone}.com"));
    }
    for label in &mut labels {
        let known = match label.as_str() {
            "geemail" | "gmale" | "geemale" | "jmail" | "jeemail" => "gmail",
            "hotmale" => "hotmail",
            "yahu" | "yahoos" => "yahoo",
            "eyecloud" => "icloud",
            "queq" | "cueq" | "qcue" => "qq",
            _ => continue,
        };
        *label = known.to_string();
    }
    if let Some(top) = labels.last_mut()
        && matches!(top.as_str(), "come" | "comm" | "calm" | "kom" | "con")
    {
        *top = "com".into();
    }
    Some(labels.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        email(text).unwrap_or_else(|| "-".into())
    }

    fn all(cases: &[(&str, &str)]) {
        let wrong: Vec<String> =
            cases.iter().filter(|(t, want)| said(t) != *want).map(|(t, want)| format!("{t}: {} not {want}", said(t))).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn spelled_out_in_english() {
        all(&[
            ("john dot smith at gmail dot com", "john.smith@gmail.com"),
            ("my email is john dot smith at g mail dot com", "john.smith@gmail.com"),
            ("it's john smith at hot mail dot com please", "johnsmith@hotmail.com"),
            ("j o h n underscore five at yahoo dot co dot uk", "john_5@yahoo.co.uk"),
            ("j o h n underscore 5 at yahoo dot com", "john_5@yahoo.com"),
            ("a as in alpha b for bravo c at example dot org", "abc@example.org"),
            ("j as in juliet s as in sierra at web dot d e", "js@web.de"),
            ("alpha bravo charlie at example dot com", "abc@example.com"),
            ("charlie at example dot com", "charlie@example.com"),
            ("anna dash maria at my hyphen company dot com", "-"),
            ("anna dash maria at north hyphen wind dot com", "anna-maria@north-wind.com"),
            ("anna plus shop at example dot com", "anna+shop@example.com"),
            ("info at north wind dot de", "info@northwind.de"),
            ("anna twenty three at example dot com", "anna23@example.com"),
            ("anna double five at example dot com", "anna55@example.com"),
            ("w i double l at example dot com", "will@example.com"),
            ("double u i l l at example dot com", "will@example.com"),
            ("anna full stop smith at sign example period net", "anna.smith@example.net"),
            ("capital a n n a at example dot com", "anna@example.com"),
            ("anna smith all one word at example dot com", "annasmith@example.com"),
            ("um anna at example dot com thank you", "anna@example.com"),
            ("anna at gmail", "anna@gmail.com"),
            ("anna at geemail dot calm", "anna@gmail.com"),
            ("one two three at q q dot com", "123@qq.com"),
            ("anna at one six three dot com", "anna@163.com"),
            ("zed zed at example dot com", "zz@example.com"),
            ("tom and jerry at example dot com", "tomandjerry@example.com"),
        ]);
    }

    #[test]
    fn typed_and_in_chinese() {
        all(&[
            ("john.smith@gmail.com", "john.smith@gmail.com"),
            ("my address is John.Smith@Gmail.com.", "john.smith@gmail.com"),
            ("write to <a_b-c+d@mail.example.co.uk>!", "a_b-c+d@mail.example.co.uk"),
            ("我的邮箱是 zhangsan@qq.com", "zhangsan@qq.com"),
            ("我的邮箱是zhang san 圈a qq 点 com", "zhangsan@qq.com"),
            ("z h a n g 三八 艾特 一六三 点 com", "zhang38@163.com"),
            ("zhang 下划线 san 艾特 gmail 点 com", "zhang_san@gmail.com"),
            ("zhang 横杠 san 艾特 hotmail 点 com", "zhang-san@hotmail.com"),
            ("邮箱地址是 l i 点 ming 圈 a 新浪 点 com", "li.ming@sina.com"),
            ("幺二三四五 at qq 点 com 谢谢", "12345@qq.com"),
            ("发到 wang 小老鼠 example 点 c n", "wang@example.cn"),
            ("wang 加号 li 爱特 example 点 com 点 cn", "wang+li@example.com.cn"),
            ("七七八八 艾特 qq", "7788@qq.com"),
        ]);
    }

    #[test]
    fn no_address() {
        all(&[
            ("", "-"),
            ("um", "-"),
            ("john dot smith", "-"),
            ("gmail dot com", "-"),
            ("at gmail dot com", "-"),
            ("john at smith", "-"),
            ("john at outlook", "-"),
            ("john at gmail dot", "-"),
            ("mike oscar at example dot com", "-"),
            ("a as in bravo at example dot com", "-"),
            ("a.b@example.com or c.d@example.com", "-"),
            ("john dot dot smith at example dot com", "-"),
            ("dot john at example dot com", "-"),
            ("I want to know where my parcel is", "-"),
            ("i do not have an email address", "-"),
            ("look at that", "-"),
            ("john @ example", "-"),
            ("john at example dot 5", "-"),
            ("at", "-"),
            ("三点在邮局", "-"),
            ("我没有邮箱", "-"),
            ("张三 艾特 qq 点 com", "-"),
            ("艾特", "-"),
        ]);
        let long = format!("{} at example dot com", "a ".repeat(80));
        assert_eq!(email(&long), None);
    }

    #[test]
    fn inside_a_sentence_it_has_a_beginning() {
        let found = |text: &str| find_email_in(text).unwrap_or_else(|| "-".into());
        assert_eq!(found("please send the invoice to john dot smith at gmail dot com"), "john.smith@gmail.com");
        assert_eq!(found("send it to a@example.com today"), "a@example.com");
        assert_eq!(found("i am at home dot com"), "-");
        assert_eq!(found("请发到 zhang 艾特 qq 点 com"), "zhang@qq.com");
    }

    #[test]
    fn what_is_an_address() {
        for good in ["a@b.cd", "a.b-c_d+e@x-y.co.uk"] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "@",
            "a@b",
            "a@b.c",
            "a@@b.cd",
            "a@b@c.de",
            ".a@b.cd",
            "a.@b.cd",
            "a..b@c.de",
            "A@b.cd",
            "a@-b.cd",
            "a@b.c1",
            "a b@c.de",
            &long,
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
