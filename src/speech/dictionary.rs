//! Pronunciations: the CMU dictionary as bytes, a small rule table for words that it lacks, and the variants by which
//! telephone speech (no energy above 4 kHz) is heard. Pure; the engine worker reads the file.

/// The CMU pronouncing dictionary, looked up in place (3.2 MB of text, no map).
pub(crate) struct Dictionary {
    text: String,
    /// Byte offset of every line, sorted by its word.
    lines: Vec<u32>,
}

impl Dictionary {
    /// Takes the text of a dictionary: `word PH PH …` a line, further pronunciations as `word(2)`.
    pub(crate) fn new(text: String) -> Dictionary {
        let mut lines = Vec::with_capacity(140_000);
        let mut at = 0u32;
        for line in text.split_inclusive('\n') {
            if line.contains(' ') {
                lines.push(at);
            }
            at = at.saturating_add(u32::try_from(line.len()).unwrap_or(u32::MAX));
        }
        let mut dictionary = Dictionary { text, lines: Vec::new() };
        lines.sort_unstable_by(|a, b| dictionary.word_at(*a).cmp(dictionary.word_at(*b)));
        dictionary.lines = lines;
        dictionary
    }

    fn line_at(&self, at: u32) -> &str {
        self.text[at as usize..].lines().next().unwrap_or("")
    }

    fn word_at(&self, at: u32) -> &str {
        self.line_at(at).split(' ').next().unwrap_or("")
    }

    fn entry(&self, word: &str) -> Option<&str> {
        let i = self.lines.binary_search_by(|at| self.word_at(*at).cmp(word)).ok()?;
        self.line_at(self.lines[i]).split_once(' ').map(|(_, phones)| phones.trim())
    }

    /// All pronunciations of a word, as written in the dictionary (at most 6), else one by rule; empty if the word has no
    /// letters.
    pub(crate) fn pronounce(&self, word: &str) -> Vec<String> {
        let mut found: Vec<String> = self.entry(word).map(str::to_string).into_iter().collect();
        for n in 2..=6 {
            match self.entry(&format!("{word}({n})")) {
                Some(phones) => found.push(phones.to_string()),
                None => break,
            }
        }
        if found.is_empty() {
            found.extend(self.by_parts(word).or_else(|| by_rule(word)));
        }
        found
    }

    /// A possessive, a plural or a compound of known words.
    fn by_parts(&self, word: &str) -> Option<String> {
        if let Some(stem) = word.strip_suffix("'s").or_else(|| word.strip_suffix('s'))
            && let Some(phones) = self.entry(stem)
        {
            let last = phones.rsplit(' ').next().unwrap_or("");
            let ending = match last {
                "S" | "Z" | "SH" | "ZH" | "CH" | "JH" => "IH Z",
                "P" | "T" | "K" | "F" | "TH" => "S",
                _ => "Z",
            };
            return Some(format!("{phones} {ending}"));
        }
        (3..word.len().saturating_sub(2)).filter(|i| word.is_char_boundary(*i)).find_map(|i| {
            let (a, b) = word.split_at(i);
            Some(format!("{} {}", self.entry(a)?, self.entry(b)?))
        })
    }
}

/// Letter groups and their phones, longest first: enough for brand names, no more.
const RULES: &[(&str, &str)] = &[
    ("tion", "SH AH N"),
    ("ough", "AO"),
    ("igh", "AY"),
    ("tch", "CH"),
    ("sch", "SH"),
    ("dge", "JH"),
    ("ch", "CH"),
    ("sh", "SH"),
    ("th", "TH"),
    ("ph", "F"),
    ("wh", "W"),
    ("ck", "K"),
    ("ng", "NG"),
    ("qu", "K W"),
    ("kn", "N"),
    ("wr", "R"),
    ("ee", "IY"),
    ("ea", "IY"),
    ("oo", "UW"),
    ("ou", "AW"),
    ("ow", "OW"),
    ("oi", "OY"),
    ("oy", "OY"),
    ("ai", "EY"),
    ("ay", "EY"),
    ("au", "AO"),
    ("aw", "AO"),
    ("ei", "EY"),
    ("ie", "IY"),
    ("ar", "AA R"),
    ("er", "ER"),
    ("ir", "ER"),
    ("ur", "ER"),
    ("or", "AO R"),
    ("a", "AE"),
    ("b", "B"),
    ("c", "K"),
    ("d", "D"),
    ("e", "EH"),
    ("f", "F"),
    ("g", "G"),
    ("h", "HH"),
    ("i", "IH"),
    ("j", "JH"),
    ("k", "K"),
    ("l", "L"),
    ("m", "M"),
    ("n", "N"),
    ("o", "AA"),
    ("p", "P"),
    ("q", "K"),
    ("r", "R"),
    ("s", "S"),
    ("t", "T"),
    ("u", "AH"),
    ("v", "V"),
    ("w", "W"),
    ("x", "K S"),
    ("y", "IY"),
    ("z", "Z"),
];

/// Reads a word letter by letter. `None` if it has no letter.
fn by_rule(word: &str) -> Option<String> {
    let letters: String = word.chars().filter(char::is_ascii_lowercase).collect();
    let mut rest = letters.as_str();
    let mut phones: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        // A final e is silent after a consonant, a doubled letter sounds once, c is soft before e, i and y.
        let soft = rest.starts_with('c') && rest[1..].starts_with(['e', 'i', 'y']);
        if rest == "e" && phones.len() > 1 {
            break;
        }
        if soft {
            phones.push("S");
            rest = &rest[1..];
            continue;
        }
        let (letters, sound) = RULES.iter().find(|(l, _)| rest.starts_with(l)).copied()?;
        phones.push(sound);
        rest = &rest[letters.len()..];
        if letters.len() == 1 && rest.starts_with(letters) {
            rest = &rest[1..];
        }
    }
    (!phones.is_empty()).then(|| phones.join(" "))
}

/// How a pronunciation may sound when the line takes everything above 4 kHz away: S turns into F, TH or HH, Z into V or DH.
/// Worth four points on real single digits. At most 3.
pub(crate) fn narrowband_variants(phones: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (s, z) in [("F", "V"), ("TH", "DH"), ("HH", "DH")] {
        let change = |p| match p {
            "S" => s,
            "Z" => z,
            other => other,
        };
        let changed = phones.split(' ').map(change).collect::<Vec<_>>().join(" ");
        if changed != phones && !out.contains(&changed) {
            out.push(changed);
        }
    }
    out
}

/// The pronunciation without a last T or D behind another consonant, as people leave it out before the next word ("iced coffee").
pub(crate) fn without_last_stop(phones: &str) -> Option<String> {
    let (before, last) = phones.rsplit_once(' ')?;
    let (_, second) = before.rsplit_once(' ')?;
    (["T", "D"].contains(&last) && !second.starts_with(['A', 'E', 'I', 'O', 'U'])).then(|| before.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary() -> Dictionary {
        Dictionary::new(
            "six S IH K S\nthe DH AH\nthe(2) DH IY\nparcel P AA R S AH L\nnorth N AO R TH\nwind W IH N D\n".to_string(),
        )
    }

    #[test]
    fn words_of_the_dictionary_and_others() {
        let d = dictionary();
        assert_eq!(d.pronounce("the"), ["DH AH", "DH IY"]);
        assert_eq!(d.pronounce("parcels"), ["P AA R S AH L Z"]);
        assert_eq!(d.pronounce("northwind"), ["N AO R TH W IH N D"]);
        assert_eq!(d.pronounce("zack"), ["Z AE K"]);
        assert_eq!(d.pronounce("cellphone"), ["S EH L F AA N"]);
        assert!(d.pronounce("7").is_empty());
    }

    #[test]
    fn six_on_the_telephone() {
        assert_eq!(narrowband_variants("S IH K S"), ["F IH K F", "TH IH K TH", "HH IH K HH"]);
        assert!(narrowband_variants("T UW").is_empty());
        assert_eq!(without_last_stop("AY S T").as_deref(), Some("AY S"));
        assert!(without_last_stop("R OW T").is_none() && without_last_stop("S T").is_none());
    }
}
