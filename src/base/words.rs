//! Small words of the trade: numbers, digits, languages, personal data.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something personal (a spoken word, a number, a name). `Debug` and `Display` hide it, so that logs cannot show it by
/// accident; [`Pii::reveal`] is the one deliberate way to it. Serialised in clear: only records with retention hold it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps personal data.
    pub const fn new(inner: T) -> Pii<T> {
        Pii(inner)
    }

    /// The data itself. Say at the call site why it may be seen there.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// Unwraps the data.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<personal>")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<personal>")
    }
}

impl<T> From<T> for Pii<T> {
    fn from(inner: T) -> Pii<T> {
        Pii(inner)
    }
}

/// A telephone number or SIP user part, as received; at most 64 characters, the rest is cut.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(Pii<String>);

impl PhoneNumber {
    /// Takes the number as the line gave it.
    pub fn new(text: &str) -> PhoneNumber {
        PhoneNumber(Pii::new(text.trim().chars().take(64).collect()))
    }

    /// The characters. For routing and for records, not for logs.
    pub fn as_str(&self) -> &str {
        self.0.reveal()
    }

    /// How a log may show it: the last two characters.
    pub fn tail(&self) -> String {
        let chars: Vec<char> = self.as_str().chars().collect();
        let keep = chars.len().saturating_sub(2);
        format!("…{}", chars[keep..].iter().collect::<String>())
    }
}

/// One telephone key (RFC 4733 §3.2: events 0–15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Digit(u8);

impl Digit {
    /// From the telephone-event code 0–15; others (flash, tones) are no keys.
    pub fn from_event(code: u8) -> Option<Digit> {
        (code < 16).then_some(Digit(code))
    }

    /// The telephone-event code.
    pub fn event(self) -> u8 {
        self.0
    }

    /// From `0`–`9`, `*`, `#`, `A`–`D`.
    pub fn from_char(c: char) -> Option<Digit> {
        "0123456789*#ABCD".find(c.to_ascii_uppercase()).and_then(|i| u8::try_from(i).ok()).map(Digit)
    }

    /// The key's character.
    pub fn as_char(self) -> char {
        char::from(b"0123456789*#ABCD"[usize::from(self.0)])
    }

    /// Whether it is one of 0–9.
    pub fn is_number(self) -> bool {
        self.0 < 10
    }
}

impl TryFrom<char> for Digit {
    type Error = String;
    fn try_from(c: char) -> Result<Digit, String> {
        Digit::from_char(c).ok_or_else(|| format!("{c:?} is no telephone key (0-9 * # A-D)"))
    }
}

impl From<Digit> for char {
    fn from(d: Digit) -> char {
        d.as_char()
    }
}

/// A language by its BCP 47 primary tag (`en`, `zh`); at most 8 ASCII letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language {
    tag: [u8; 8],
    len: u8,
}

impl Language {
    /// English.
    pub const EN: Language = Language { tag: *b"en\0\0\0\0\0\0", len: 2 };
    /// Mandarin Chinese.
    pub const ZH: Language = Language { tag: *b"zh\0\0\0\0\0\0", len: 2 };

    /// Reads `en`, `en-US`, `zh_CN`: the primary tag only. `None` unless 2–8 ASCII letters.
    pub fn parse(text: &str) -> Option<Language> {
        let primary = text.trim().split(['-', '_']).next().unwrap_or("");
        if !(2..=8).contains(&primary.len()) || !primary.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let mut tag = [0; 8];
        for (to, from) in tag.iter_mut().zip(primary.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        Some(Language { tag, len: u8::try_from(primary.len()).unwrap_or(8) })
    }

    /// The tag, lower case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.tag[..usize::from(self.len)]).unwrap_or("en")
    }
}

impl Default for Language {
    fn default() -> Language {
        Language::EN
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Language {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Language, D::Error> {
        let text = String::deserialize(d)?;
        Language::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no language tag such as en or zh")))
    }
}

/// How sure, from 0 (not at all) to 1; never NaN. In steps of 1/10000, so that machines whose arithmetic differs in the last bits
/// decide alike.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confidence(f32);

impl Confidence {
    /// Certain.
    pub const FULL: Confidence = Confidence(1.0);

    /// Clamps to 0–1 and rounds to the next step; NaN becomes 0.
    pub fn new(value: f32) -> Confidence {
        Confidence(if value.is_nan() { 0.0 } else { (value.clamp(0.0, 1.0) * 1e4).round() / 1e4 })
    }

    /// The number.
    pub fn get(self) -> f32 {
        self.0
    }

    /// From the natural logarithm of the odds.
    pub fn from_log_odds(odds: f32) -> Confidence {
        Confidence::new(1.0 / (1.0 + (-odds).exp()))
    }

    /// The natural logarithm of the odds, -6.2 to 6.2: nothing is surer than 500 to one.
    pub fn log_odds(self) -> f32 {
        let p = self.0.clamp(0.002, 0.998);
        (p / (1.0 - p)).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_does_not_show() {
        let word = Pii::new("my name is Ann".to_string());
        assert_eq!(format!("{word} {word:?}"), "<personal> <personal>");
        assert!(!format!("{:?}", PhoneNumber::new("+4912345678")).contains("1234"));
    }

    #[test]
    fn keys_round_trip() {
        for c in "0123456789*#ABCD".chars() {
            let d = Digit::from_char(c).expect("a key");
            assert_eq!(d.as_char(), c);
            assert_eq!(Digit::from_event(d.event()), Some(d));
        }
        assert_eq!(Digit::from_event(16), None);
    }

    #[test]
    fn languages_by_primary_tag() {
        assert_eq!(Language::parse("zh_CN"), Some(Language::ZH));
        assert_eq!(Language::parse("english!"), None);
        assert_eq!(Language::EN.as_str(), "en");
    }
}
