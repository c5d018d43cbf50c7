//! How English words sound, as far as spelling tells: a rough transcription by rules, without a dictionary, and how far two
//! words are apart in it. Recognisers mistake what sounds alike ("weight" and "wait"), whatever it means.

/// A word's sounds, one letter each: consonants as they are heard (K for c, k, q and ck; S for s, soft c and z; X for sh and ch; 0
/// for th; J for j and soft g; F for f, ph and gh at the end; T with D, P with B apart), vowels as one of A, E, I, O, U by what is
/// likely. Other scripts and digits stay as they are.
pub(crate) fn sounds(word: &str) -> String {
    let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect();
    if letters.iter().any(|c| !c.is_ascii_alphabetic()) {
        return letters.into_iter().collect();
    }
    let mut out = String::with_capacity(letters.len());
    let mut at = 0;
    while at < letters.len() {
        let (sound, taken) = next_sound(&letters, at);
        for c in sound.chars() {
            if !out.ends_with(c) {
                out.push(c);
            }
        }
        at += taken;
    }
    out
}

/// The sound of the letters at a place, and how many it takes.
fn next_sound(word: &[char], at: usize) -> (&'static str, usize) {
    let is = |text: &str| word[at..].iter().copied().zip(text.chars()).filter(|(a, b)| a == b).count() == text.len();
    let ends = |text: &str| is(text) && at + text.len() == word.len();
    let next = word.get(at + 1).copied();
    let soft = matches!(next, Some('e' | 'i' | 'y'));
    for (spelling, sound) in LONGER {
        let (spelling, at_start, at_end) = match (spelling.strip_prefix('^'), spelling.strip_suffix('$')) {
            (Some(s), _) => (s, true, false),
            (_, Some(s)) => (s, false, true),
            _ => (*spelling, false, false),
        };
        if (!at_start || at == 0) && if at_end { ends(spelling) } else { is(spelling) } {
            return (sound, spelling.len());
        }
    }
    match word[at] {
        'a' => ("A", 1),
        'b' => ("B", 1),
        'c' if soft => ("S", 1),
        'c' | 'k' | 'q' => ("K", 1),
        'd' => ("D", 1),
        // A silent e makes the vowel before it long; it is no sound itself.
        'e' if at + 1 == word.len() && at > 1 => ("", 1),
        'e' => ("E", 1),
        'f' => ("F", 1),
        'g' if soft => ("J", 1),
        'g' => ("G", 1),
        'h' => (if matches!(next, Some('a' | 'e' | 'i' | 'o' | 'u' | 'y')) { "H" } else { "" }, 1),
        'i' | 'y' if word[at] == 'i' || at > 0 => ("I", 1),
        'y' => ("Y", 1),
        'j' => ("J", 1),
        'l' => ("L", 1),
        'm' => ("M", 1),
        'n' => ("N", 1),
        'o' => ("O", 1),
        'p' => ("P", 1),
        'r' => ("R", 1),
        's' | 'z' => ("S", 1),
        't' => ("T", 1),
        'u' => ("U", 1),
        'v' => ("V", 1),
        'w' => ("W", 1),
        'x' => ("KS", 1),
        _ => ("", 1),
    }
}

/// Spellings of several letters; `^` = at the start, `$` = at the end; longer ones first.
const LONGER: &[(&str, &str)] = &[
    ("ough$", "O"),
    ("augh", "AF"),
    ("eigh", "A"),
    ("ight", "IT"),
    ("tion", "XUN"),
    ("sion", "XUN"),
    ("cian", "XUN"),
    ("tious", "XUS"),
    ("cious", "XUS"),
    ("ture$", "XR"),
    ("ould", "UD"),
    ("alk$", "OK"),
    ("^kn", "N"),
    ("^gn", "N"),
    ("^wr", "R"),
    ("^ps", "S"),
    ("^wh", "W"),
    ("^who", "HU"),
    ("mb$", "M"),
    ("gh$", ""),
    ("dge", "J"),
    ("tch", "X"),
    ("sch", "SK"),
    ("ck", "K"),
    ("ch", "X"),
    ("sh", "X"),
    ("th", "0"),
    ("ph", "F"),
    ("qu", "KW"),
    ("gh", "G"),
    ("wh", "W"),
    ("ng$", "N"),
    ("ee", "I"),
    ("ea", "I"),
    ("ie$", "I"),
    ("ey$", "I"),
    ("ay", "A"),
    ("ai", "A"),
    ("ei", "A"),
    ("oa", "O"),
    ("oo", "U"),
    ("ou", "U"),
    ("ow", "O"),
    ("ew", "U"),
    ("ue$", "U"),
    ("au", "O"),
    ("aw", "O"),
    ("oi", "OI"),
    ("oy", "OI"),
    ("er$", "R"),
    ("or$", "R"),
    ("ar$", "AR"),
    ("le$", "L"),
    ("ed$", "D"),
    ("es$", "S"),
];

/// How far two transcriptions are apart, 0 (alike) to 1 (nothing in common): edits in which kindred sounds count less.
pub(crate) fn apart(a: &str, b: &str) -> f32 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(24).collect(), b.chars().take(24).collect());
    if a.is_empty() || b.is_empty() {
        return if a.len() == b.len() { 0.0 } else { 1.0 };
    }
    let mut row: Vec<f32> = (0..=b.len()).map(|j| j as f32).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = (i + 1) as f32;
        for (j, y) in b.iter().enumerate() {
            let best = (corner + changed(*x, *y)).min(row[j] + dropped(*y)).min(row[j + 1] + dropped(*x));
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    (row[b.len()] / a.len().max(b.len()) as f32).min(1.0)
}

const VOWELS: &str = "AEIOU";

fn dropped(sound: char) -> f32 {
    if VOWELS.contains(sound) || matches!(sound, 'H' | 'Y' | 'W') { 0.7 } else { 1.0 }
}

fn changed(x: char, y: char) -> f32 {
    if x == y {
        return 0.0;
    }
    const KIN: &[&str] = &["TD", "PB", "KG", "SXJ", "FV0", "MN", "LR", "VB", "WR", "TS"];
    match (VOWELS.contains(x), VOWELS.contains(y)) {
        (true, true) => 0.5,
        (false, false) if KIN.iter().any(|kin| kin.contains(x) && kin.contains(y)) => 0.5,
        (false, false) => 1.0,
        _ => 1.4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sounds_alike_is_written_alike() {
        for (a, b) in
            [("wait", "weight"), ("know", "no"), ("right", "write"), ("their", "there"), ("cell", "sell"), ("two", "to")]
        {
            let far = apart(&sounds(a), &sounds(b));
            assert!(far <= 0.4, "{a} {} {b} {}: {far}", sounds(a), sounds(b));
        }
        assert_eq!(sounds("phone"), sounds("fone"));
        assert_eq!(sounds("包裹"), "包裹");
    }

    #[test]
    fn a_wrong_word_is_nearer_to_what_was_said_than_to_others() {
        for (said, heard, other) in [
            ("balance", "ballots", "transfer"),
            ("account", "a count", "weather"),
            ("parcel", "partial", "invoice"),
            ("fees", "peas", "rates"),
        ] {
            let to = |word: &str| apart(&sounds(heard), &sounds(word));
            assert!(to(said) < to(other), "{heard}: {said} {} {other} {}", to(said), to(other));
        }
        assert_eq!(apart("", ""), 0.0);
        assert_eq!(apart("KAT", ""), 1.0);
    }
}
