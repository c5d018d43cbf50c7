//! How surely a caller says yes or no: "I think so" is a yes, but not one to book a flight on.

use super::yes_no::yes_no;
use crate::nlu::normalise::{is_han, words};

/// How surely something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degree {
    /// Without a doubt in the words.
    Sure,
    /// With one: "I think so", "I guess", "probably", 应该是吧.
    Doubtful,
}

/// Yes or no and how surely. What is undecided ("maybe", "not sure", 可能吧) is neither: `None`.
pub fn assent(text: &str) -> Option<(bool, Degree)> {
    let doubted = if text.chars().any(is_han) { chinese(text) } else { english(text) };
    match doubted {
        Some(rest) => yes_no(&rest).map(|yes| (yes, Degree::Doubtful)),
        None => yes_no(text).map(|yes| (yes, Degree::Sure)),
    }
}

/// Words of doubt that leave a yes or a no standing.
const DOUBTS: &[&str] = &[
    "i think",
    "think",
    "guess",
    "i guess",
    "i suppose",
    "i believe",
    "i reckon",
    "i assume",
    "guess so",
    "think so",
    "suppose so",
    "believe so",
    "reckon so",
    "probably",
    "presumably",
    "most likely",
    "likely",
    "should be",
    "kind of",
    "sort of",
    "more or less",
    "as far as i know",
    "as far as i can tell",
    "if you say so",
    "i would say so",
    "hopefully",
];

/// Words that say neither yes nor no.
const BESIDE: &[&str] = &["i", "so", "that", "it", "is", "this", "um", "uh", "well", "but", "at", "least", "oh", "very"];

/// What is said beside a doubt, and "yes" where that is nothing; `None` where no doubt is said.
fn english(text: &str) -> Option<String> {
    let mut rest = format!(" {} ", words(text).join(" "));
    let undecided = ["maybe", "perhaps", "not sure"].iter().any(|w| rest.contains(&format!(" {w} ")));
    if undecided || !DOUBTS.iter().any(|doubt| rest.contains(&format!(" {doubt} "))) {
        return None;
    }
    for word in DOUBTS.iter().chain(BESIDE) {
        // Twice, because two in a row share a blank.
        for _ in 0..2 {
            rest = rest.replace(&format!(" {word} "), " ");
        }
    }
    Some(if rest.trim().is_empty() { "yes".into() } else { rest.trim().to_string() })
}

/// The same in Chinese. 应该吧 alone says yes; 大概吧 and 好像吧 say nothing.
fn chinese(text: &str) -> Option<String> {
    const DOUBTS: &[&str] = &["应该", "大概", "估计", "好像", "恐怕", "我想是", "我觉得", "我猜", "差不多是", "似乎"];
    let plain: String = text.chars().take(60).filter(|c| is_han(*c)).collect();
    let doubt = DOUBTS.iter().find(|d| plain.contains(*d))?;
    let keep = if doubt.ends_with('是') { "是" } else { "" };
    let rest = plain.replacen(doubt, keep, 1);
    let bare = rest.trim_matches(['吧', '嗯', '呃', '啊', '呢']).is_empty();
    Some(if bare && *doubt == "应该" { "是".to_string() } else { rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sure_and_doubtful() {
        use Degree::{Doubtful, Sure};
        for (text, expected) in [
            ("yes", Some((true, Sure))),
            ("definitely", Some((true, Sure))),
            ("absolutely", Some((true, Sure))),
            ("of course", Some((true, Sure))),
            ("yes that's right", Some((true, Sure))),
            ("no", Some((false, Sure))),
            ("definitely not", Some((false, Sure))),
            ("no that's wrong", Some((false, Sure))),
            ("why not", Some((true, Sure))),
            ("i think so", Some((true, Doubtful))),
            ("I think so, yes", Some((true, Doubtful))),
            ("yes I think so", Some((true, Doubtful))),
            ("I think that's right", Some((true, Doubtful))),
            ("i guess so", Some((true, Doubtful))),
            ("I guess", Some((true, Doubtful))),
            ("I suppose so", Some((true, Doubtful))),
            ("i believe so", Some((true, Doubtful))),
            ("probably", Some((true, Doubtful))),
            ("yeah probably", Some((true, Doubtful))),
            ("most likely", Some((true, Doubtful))),
            ("more or less", Some((true, Doubtful))),
            ("sort of", Some((true, Doubtful))),
            ("should be", Some((true, Doubtful))),
            ("probably not", Some((false, Doubtful))),
            ("I don't think so", Some((false, Doubtful))),
            ("I guess not", Some((false, Doubtful))),
            ("I suppose not", Some((false, Doubtful))),
            ("I think not", Some((false, Doubtful))),
            ("是的", Some((true, Sure))),
            ("当然", Some((true, Sure))),
            ("对", Some((true, Sure))),
            ("我想要", Some((true, Sure))),
            ("不是", Some((false, Sure))),
            ("不对", Some((false, Sure))),
            ("应该是吧", Some((true, Doubtful))),
            ("应该是", Some((true, Doubtful))),
            ("应该对", Some((true, Doubtful))),
            ("应该吧", Some((true, Doubtful))),
            ("好像是", Some((true, Doubtful))),
            ("大概是吧", Some((true, Doubtful))),
            ("估计是", Some((true, Doubtful))),
            ("我想是的", Some((true, Doubtful))),
            ("我觉得是", Some((true, Doubtful))),
            ("应该不是", Some((false, Doubtful))),
            ("好像不对", Some((false, Doubtful))),
            ("恐怕不行", Some((false, Doubtful))),
            ("我觉得不对", Some((false, Doubtful))),
            ("maybe", None),
            ("perhaps", None),
            ("not sure", None),
            ("I'm not sure", None),
            ("I don't know", None),
            ("maybe yes maybe no", None),
            ("where is my parcel", None),
            ("I think my parcel is lost", None),
            ("probably tomorrow", None),
            ("kind of blue", None),
            ("", None),
            ("可能吧", None),
            ("也许", None),
            ("不确定", None),
            ("不知道", None),
            ("大概吧", None),
            ("应该在路上", None),
            ("我觉得包裹丢了", None),
        ] {
            assert_eq!(assent(text), expected, "{text}");
        }
    }
}
