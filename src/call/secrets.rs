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
    missing: Missing,
}

/// Which secrets are not among those that can be struck out; the worst last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Missing {
    #[default]
    Nothing,
    /// What was told in an earlier call, which this one goes on with: only the caller can say it here.
    Earlier,
    /// More was told than is remembered: the script may say it, too.
    TooMany,
}

impl Secrets {
    /// Remembers a value; `aloud` = how the flow reads it to the caller.
    pub(crate) fn keep(&mut self, value: &str, aloud: &[String]) {
        if value.chars().count() < SHORTEST {
            return;
        }
        let ways = ways_to_say(value).into_iter().chain(aloud.iter().map(|words| closed_up(words)));
        let new: Vec<String> = ways.filter(|way| !self.words.contains(way)).collect();
        if self.values.len() < SECRETS_MAX {
            self.values.push(value.to_string());
            self.words.extend(new);
        } else if !new.is_empty() {
            self.missing = Missing::TooMany;
        }
    }

    /// Something was told at a sensitive question of an earlier call, and is not known here.
    pub(crate) fn were_told_earlier(&mut self) {
        self.missing = self.missing.max(Missing::Earlier);
    }

    /// Whether this is one of them.
    pub(crate) fn holds(&self, value: &str) -> bool {
        self.values.iter().any(|secret| secret == value)
    }

    /// All of them, for comparing; `None` = there is none.
    pub(crate) fn all(&self) -> Option<String> {
        (!self.values.is_empty()).then(|| self.values.join(" "))
    }

    /// The text with an ellipsis where one of them stands, however it is written; nothing but an ellipsis where more was told than is
    /// remembered. It may be of what the script says, or the caller and an agent in their talk.
    pub fn struck_out_of(&self, text: &str) -> String {
        match self.missing {
            Missing::TooMany if !text.trim().is_empty() => "…".to_string(),
            _ => strike_out(text, &self.words),
        }
    }

    /// The same of what is said between the caller and an agent, or in line: nothing of it where the caller may repeat what is not known here.
    pub(crate) fn struck_out_of_talk(&self, text: &str) -> String {
        match self.missing {
            Missing::Earlier if !text.trim().is_empty() => "…".to_string(),
            _ => self.struck_out_of(text),
        }
    }

    /// Whether all that a caller might repeat can be struck out. Otherwise none of their message's words may be kept.
    pub fn are_known(&self) -> bool {
        self.missing == Missing::Nothing
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

/// Replaces secrets by an ellipsis, also where they stand spelled out (`1 2 3 4`, `1, 2, 3, 4`). All are looked for before anything is
/// replaced: one may begin with another one, hold it, or share its end, and nothing of either may stay.
fn strike_out(text: &str, secrets: &[String]) -> String {
    let secrets: Vec<Vec<char>> = secrets.iter().map(|secret| secret.chars().collect()).collect();
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    // Up to there a secret goes.
    let mut until = 0;
    for at in 0..chars.len() {
        let goes_to = secrets.iter().filter_map(|secret| end_of(&chars[at..], secret)).max().map_or(0, |length| at + length);
        if goes_to > 0 && at >= until {
            out.push('…');
        }
        until = until.max(goes_to);
        if at >= until {
            out.push(chars[at]);
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

    fn strike_out(text: &str, secret: &str) -> String {
        super::strike_out(text, &[secret.to_string()])
    }

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

    #[test]
    fn nothing_is_left_of_a_secret_that_begins_with_another_one_holds_it_or_shares_its_end() {
        for secrets in [["4711", "471123"], ["471123", "4711"], ["1123", "471123"], ["4711", "1123"]] {
            let mut known = Secrets::default();
            secrets.iter().for_each(|secret| known.keep(secret, &[]));
            for said in ["471123", "4 7 1 1 2 3", "four seven one one two three", "四七一一二三"] {
                assert_eq!(known.struck_out_of(&format!("it is {said}, please")), "it is …, please", "{secrets:?} of {said}");
            }
        }
    }

    #[test]
    fn of_a_talk_nothing_is_kept_where_a_secret_of_an_earlier_call_may_be_said_again() {
        let mut secrets = Secrets::default();
        secrets.keep("4711", &[]);
        assert_eq!(secrets.struck_out_of_talk("it was 4711, yes"), "it was …, yes");
        secrets.were_told_earlier();
        assert_eq!(secrets.struck_out_of_talk("it was 4711 and before that 9922"), "…");
        assert_eq!(secrets.struck_out_of_talk(" "), " ");
        // The script says nothing that it does not know.
        assert_eq!(secrets.struck_out_of("Your card 4711 is fine."), "Your card … is fine.");
    }

    #[test]
    fn more_than_are_remembered_leave_no_words_at_all() {
        let mut secrets = Secrets::default();
        let value = |n: usize| (4_000 + n).to_string();
        (0..SECRETS_MAX).for_each(|n| secrets.keep(&value(n), &[]));
        // Told again, it is known.
        secrets.keep(&value(3), &[]);
        assert_eq!(secrets.struck_out_of("my number is 4003, thanks"), "my number is …, thanks");
        assert!(secrets.are_known());
        secrets.keep(&value(SECRETS_MAX), &[]);
        assert_eq!(secrets.struck_out_of("my number is 4032, thanks"), "…");
        assert_eq!(secrets.struck_out_of(""), "");
        assert!(!secrets.are_known());
    }

    #[test]
    fn of_what_was_told_in_an_earlier_call_only_the_caller_knows() {
        let mut secrets = Secrets::default();
        secrets.were_told_earlier();
        assert!(!secrets.are_known());
        assert_eq!(secrets.struck_out_of("You are third in line."), "You are third in line.");
        secrets.keep("4711", &[]);
        assert_eq!(secrets.struck_out_of("You said 4711."), "You said ….");
    }
}
