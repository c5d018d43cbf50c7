//! From text to words: one spelling per word, so that "What's", "what is" and a recogniser's "what's" meet.
//! No stemming and no stop words here; the matcher decides what counts.

use crate::base::{Language, UNITS, below_hundred_in_words};
use jieba_rs::Jieba;
use std::sync::OnceLock;

/// Texts are cut here: a caller's turn is a sentence, and every loop below is bounded by this.
const WORDS_MAX: usize = 120;
/// Characters read of one text.
const CHARS_MAX: usize = 2_000;

/// The words of a text: lower case, contractions opened ("don't" → "do not"), numbers in words, no punctuation. Chinese
/// text becomes the segmenter's words; for [`Language::ZH`] the single characters follow them. At most 120 words.
pub fn normalise(text: &str, language: Language) -> Vec<String> {
    let mut out = words(text);
    if language == Language::ZH {
        let mut characters: Vec<String> = Vec::new();
        for word in &out {
            let mut inside = word.chars();
            if is_han_word(word) && inside.by_ref().nth(1).is_some() {
                characters.extend(word.chars().map(String::from));
            }
        }
        out.extend(characters);
        out.truncate(4 * WORDS_MAX);
    }
    out
}

/// The words in order, Latin and Chinese mixed as they come.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for piece in pieces(text) {
        if out.len() >= WORDS_MAX {
            break;
        }
        match piece {
            Piece::Latin(word) => open_contraction(&word, &mut out),
            Piece::Number(digits) => spell_number(&digits, &mut out),
            Piece::Han(run) => out.extend(segmenter().cut(&run, true).into_iter().map(|t| t.word.to_string())),
        }
    }
    out.truncate(WORDS_MAX);
    out
}

/// Whether a word is written in Chinese characters.
pub(crate) fn is_han_word(word: &str) -> bool {
    word.chars().next().is_some_and(is_han)
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '〇')
}

/// How many words a text is when it is spoken; two Chinese characters count as one.
pub fn spoken_words(text: &str) -> usize {
    let han = text.chars().filter(|c| is_han(*c)).count();
    han / 2 + text.split_whitespace().filter(|w| w.chars().any(|c| c.is_ascii_alphanumeric())).count()
}

/// Whether a text holds Chinese characters.
pub fn holds_chinese(text: &str) -> bool {
    text.chars().any(is_han)
}

/// Full-width forms (as Chinese keyboards write them) as the ASCII they stand for; curly apostrophes straight.
pub(crate) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        '’' | '‘' | '`' | '´' => '\'',
        _ => c,
    }
}

enum Piece {
    Latin(String),
    Number(String),
    Han(String),
}

#[derive(PartialEq, Clone, Copy)]
enum Kind {
    Letter,
    Number,
    Han,
    Gap,
}

fn kind(c: char) -> Kind {
    if is_han(c) {
        Kind::Han
    } else if c.is_ascii_digit() {
        Kind::Number
    } else if c.is_alphabetic() || c == '\'' {
        Kind::Letter
    } else {
        Kind::Gap
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut run = String::new();
    let mut of = Kind::Gap;
    let lower = text.chars().take(CHARS_MAX).map(narrow).flat_map(char::to_lowercase);
    for c in lower.chain(std::iter::once(' ')) {
        let k = kind(c);
        // "1,250" is one number.
        if of == Kind::Number && c == ',' {
            continue;
        }
        if k != of {
            let done = std::mem::take(&mut run);
            match of {
                Kind::Letter => out.push(Piece::Latin(done.trim_matches('\'').to_string())),
                Kind::Number => out.push(Piece::Number(done)),
                Kind::Han => out.push(Piece::Han(done)),
                Kind::Gap => {}
            }
            of = k;
        }
        if k != Kind::Gap {
            run.push(c);
        }
    }
    out
}

fn open_contraction(word: &str, out: &mut Vec<String>) {
    const WHOLE: &[(&str, &str)] = &[
        ("can't", "can not"),
        ("cannot", "can not"),
        ("won't", "will not"),
        ("shan't", "shall not"),
        ("ain't", "is not"),
        ("let's", "let us"),
        ("y'all", "you all"),
        ("gonna", "going to"),
        ("wanna", "want to"),
        ("gotta", "got to"),
        ("gimme", "give me"),
        ("lemme", "let me"),
        ("dont", "do not"),
        ("doesnt", "does not"),
        ("didnt", "did not"),
        ("cant", "can not"),
        ("isnt", "is not"),
        ("wasnt", "was not"),
        ("havent", "have not"),
        ("im", "i am"),
        ("ive", "i have"),
        ("whats", "what is"),
        ("wheres", "where is"),
        ("thats", "that is"),
        ("o'clock", "oclock"),
        ("ok", "okay"),
    ];
    const ENDS: &[(&str, &str)] = &[("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "would"), ("'m", "am")];
    // After these "'s" is "is"; elsewhere it is mostly a possessive, which says nothing.
    const IS: &[&str] = &["it", "that", "what", "where", "who", "how", "when", "why", "there", "here", "he", "she", "this"];

    if word.is_empty() {
        return;
    }
    if let Some((_, open)) = WHOLE.iter().find(|(w, _)| *w == word) {
        out.extend(open.split(' ').map(String::from));
        return;
    }
    if let Some(stem) = word.strip_suffix("n't").filter(|s| !s.is_empty()) {
        out.push(stem.to_string());
        out.push("not".to_string());
        return;
    }
    for (end, open) in ENDS {
        if let Some(stem) = word.strip_suffix(end).filter(|s| !s.is_empty()) {
            out.push(stem.to_string());
            out.push((*open).to_string());
            return;
        }
    }
    if let Some(stem) = word.strip_suffix("'s").filter(|s| !s.is_empty()) {
        out.push(stem.to_string());
        if IS.contains(&stem) {
            out.push("is".to_string());
        }
        return;
    }
    let plain: String = word.chars().filter(|c| *c != '\'').collect();
    if !plain.is_empty() {
        out.push(plain);
    }
}

/// "24" as callers say it; longer numbers and those with a leading zero digit by digit.
fn spell_number(digits: &str, out: &mut Vec<String>) {
    let short = digits.len() == 1 || !digits.starts_with('0');
    let number = digits.parse().ok().filter(|_| short).and_then(below_hundred_in_words);
    match number {
        Some(words) => out.extend(words.into_iter().map(String::from)),
        None => out.extend(digits.bytes().take(WORDS_MAX).map(|d| UNITS[usize::from(d - b'0')].to_string())),
    }
}

/// Whether Chinese characters are a word of the segmenter's dictionary.
pub(crate) fn is_chinese_word(text: &str) -> bool {
    segmenter().has_word(text)
}

/// The segmenter's dictionary is read once, and only when Chinese text first appears.
fn segmenter() -> &'static Jieba {
    static JIEBA: OnceLock<Jieba> = OnceLock::new();
    JIEBA.get_or_init(Jieba::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_word() {
        for (text, expected) in [
            ("What's up?", "what is up"),
            ("I can’t find my parcel, it's GONE!", "i can not find my parcel it is gone"),
            ("don't won't I'd I'll we've they're", "do not will not i would i will we have they are"),
            ("order 24 or 007 or 1,250", "order twenty four or zero zero seven or one two five zero"),
            ("my brother's parcel", "my brother parcel"),
            ("  ", ""),
            ("'''", ""),
            ("e-mail", "e mail"),
        ] {
            assert_eq!(normalise(text, Language::EN).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn chinese_words_and_characters() {
        let words = normalise("我的包裹在哪里？", Language::ZH);
        assert!(words.contains(&"包裹".to_string()), "{words:?}");
        assert!(words.contains(&"包".to_string()), "{words:?}");
        assert_eq!(normalise("ＯＫ，１２", Language::ZH), ["okay", "twelve"]);
    }

    #[test]
    fn endless_text_is_cut() {
        assert!(normalise(&"word ".repeat(100_000), Language::EN).len() <= WORDS_MAX);
        assert!(normalise(&"包裹".repeat(100_000), Language::ZH).len() <= 4 * WORDS_MAX);
    }
}
