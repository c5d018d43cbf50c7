//! What a caller told at sensitive questions, to be struck out of every text that is kept: it may be said again anywhere.

/// Shorter values are in too many words.
const SHORTEST: usize = 3;
/// Most values that are remembered.
const SECRETS_MAX: usize = 32;

/// What was told at sensitive questions of one call.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// As the call knows them.
    values: Vec<String>,
    /// How they may be written or read aloud, without what separates the words.
    words: Vec<String>,
}

impl Secrets {
    /// Remembers a value; `aloud` = how the flow reads it to the caller.
    pub(crate) fn keep(&mut self, value: &str, aloud: &[String]) {
        if value.chars().count() >= SHORTEST && self.values.len() < SECRETS_MAX {
            self.values.push(value.to_string());
            self.words.extend(ways_to_say(value));
            self.words.extend(aloud.iter().map(|words| closed_up(words)));
        }
    }

    /// Whether this is one of them.
    pub(crate) fn holds(&self, value: &str) -> bool {
        self.values.iter().any(|secret| secret == value)
    }

    /// All of them, for comparing; `None` = there is none.
    pub(crate) fn all(&self) -> Option<String> {
        (!self.values.is_empty()).then(|| self.values.join(" "))
    }

    /// The text with an ellipsis where one of them stands, however it is written.
    pub fn struck_out_of(&self, text: &str) -> String {
        self.words.iter().fold(text.to_string(), |text, way| strike_out(&text, way))
    }
}

/// Of secrets, logs may hold how many there are.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.values.len())
    }
}

/// A secret as it is, and digits as words: `4711`, `foursevenoneone`, `四七一一`. Gaps are allowed for by [`strike_out`].
fn ways_to_say(secret: &str) -> Vec<String> {
    const EN: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const ZH: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digits: Option<Vec<usize>> = secret.chars().map(|c| c.to_digit(10).map(|d| d as usize)).collect();
    let mut ways = vec![closed_up(secret)];
    if let Some(digits) = digits {
        ways.extend([EN, ZH].map(|words| digits.iter().map(|d| words[*d]).collect::<String>()));
    }
    ways
}

/// What may stand between the parts of something that is written or read aloud.
fn separates(c: char) -> bool {
    matches!(c, ' ' | ',' | '-' | '.' | '，')
}

/// A text without what separates its parts.
fn closed_up(text: &str) -> String {
    text.chars().filter(|c| !separates(*c)).collect()
}

/// Replaces a secret by an ellipsis, also where it stands spelled out (`1 2 3 4`, `1, 2, 3, 4`).
fn strike_out(text: &str, secret: &str) -> String {
    let wanted: Vec<char> = secret.chars().collect();
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        match end_of(&chars[i..], &wanted) {
            Some(length) => {
                out.push('…');
                i += length;
            }
            None => {
                out.push(chars[i]);
                i += 1;
            }
        }
    }
    out
}

/// How many characters the wanted ones take here, separators between them included.
fn end_of(chars: &[char], wanted: &[char]) -> Option<usize> {
    let mut at = 0;
    for (n, want) in wanted.iter().enumerate() {
        while n > 0 && chars.get(at).copied().is_some_and(separates) {
            at += 1;
        }
        if !chars.get(at)?.eq_ignore_ascii_case(want) {
            return None;
        }
        at += 1;
    }
    (at > 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out_however_they_are_written() {
        assert_eq!(strike_out("Your card 4711 is fine.", "4711"), "Your card … is fine.");
        assert_eq!(strike_out("You said 4, 7, 1 1.", "4711"), "You said ….");
        assert_eq!(strike_out("471", "4711"), "471");
        assert_eq!(strike_out("Pin four seven one one.", &ways_to_say("4711")[1]), "Pin ….");
        let spoken = closed_up("john dot smith at gmail dot com");
        assert_eq!(strike_out("I write to john dot smith at gmail dot com.", &spoken), "I write to ….");
    }

    #[test]
    fn what_was_kept_is_struck_out_and_never_shown() {
        let mut secrets = Secrets::default();
        secrets.keep("4711", &["four seven, double one".to_string()]);
        secrets.keep("12", &[]);
        let said = "my number is four seven one one i mean four seven double one and i have 12 parcels";
        assert_eq!(secrets.struck_out_of(said), "my number is … i mean … and i have 12 parcels");
        assert_eq!(format!("{secrets:?}"), "Secrets(1)");
    }
}
