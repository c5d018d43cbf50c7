//! Yes or no in every usual wording, negations the right way round.

use crate::nlu::normalise::{is_han, narrow, words};

/// `Some(true)` for yes, `Some(false)` for no, `None` when it is neither or both.
pub fn yes_no(text: &str) -> Option<bool> {
    if text.chars().any(is_han) {
        return chinese(text);
    }
    let said = words(text);
    let words: Vec<&str> = said.iter().map(String::as_str).filter(|w| !FILLERS.contains(w)).collect();
    let line = format!(" {} ", words.join(" "));
    let has = |list: &[&str]| list.iter().any(|p| line.contains(&format!(" {p} ")));
    if words.is_empty() {
        // "please" alone accepts what was offered; "it is" is all fillers too.
        return (said.iter().any(|w| w == "please") || said.ends_with(&["it".to_string(), "is".to_string()])).then_some(true);
    }
    if has(UNDECIDED) {
        return None;
    }
    if has(YES_DESPITE_NO) {
        return Some(true);
    }
    let starts = |list: &[&str]| list.iter().any(|p| line.starts_with(&format!(" {p} ")));
    let short = words.len() <= 7;
    let negative = starts(NO) || short && has(NO_ANYWHERE);
    let positive = starts(YES) || short && has(YES_ANYWHERE);
    match (positive, negative) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        // "yeah no", "yes that's wrong", "no that's not right" deny; "no that's right" may be either.
        (true, true) => (starts(YES) || has(NEGATED)).then_some(false),
        (false, false) => None,
    }
}

const FILLERS: &[&str] = &[
    "um", "uh", "er", "erm", "hmm", "mm", "ah", "oh", "well", "please", "like", "just", "hello", "thanks", "thank", "you", "i",
    "sir", "madam", "mate", "love", "very", "much", "really", "actually", "that", "it", "is", "a",
];

/// Neither: the caller does not know or asks back.
const UNDECIDED: &[&str] = &[
    "do not know",
    "not sure",
    "maybe",
    "perhaps",
    "no idea",
    "depends",
    "either",
    "yes or no",
    "yes and no",
    "what",
    "why do",
    "how",
    "where",
    "when",
    "who",
    "not certain",
    "unsure",
    "possibly",
    "no clue",
    "say again",
    "repeat",
];

/// They hold a "no" or "not" and agree all the same.
const YES_DESPITE_NO: &[&str] = &[
    "no problem",
    "not problem",
    "why not",
    "no doubt",
    "no objection",
    "do not mind",
    "would not mind",
    "no worries",
    "yes no problem",
    "can not complain",
];

const NO: &[&str] = &[
    "no",
    "nope",
    "nah",
    "nay",
    "na",
    "negative",
    "not",
    "never",
    "wrong",
    "incorrect",
    "false",
    "do not",
    "would not",
    "am not",
    "am afraid not",
    "absolutely not",
    "certainly not",
    "definitely not",
    "of course not",
    "hell no",
    "rather not",
    "would rather not",
    "does not",
    "did not",
    "have not",
    "can not",
    "god no",
    "none",
    "neither",
    "sorry no",
    "cancel",
    "stop",
    "was not",
    "are not",
    "should not",
    "will not",
    "afraid not",
    "guess not",
    "hope not",
    "suppose not",
    "thats wrong",
];

const NO_ANYWHERE: &[&str] = &["no", "nope", "not", "wrong", "incorrect", "never", "nah"];

const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "think",
    "ya",
    "yah",
    "yea",
    "aye",
    "sure",
    "okay",
    "correct",
    "right",
    "exactly",
    "absolutely",
    "definitely",
    "certainly",
    "affirmative",
    "of course",
    "go ahead",
    "do",
    "sounds good",
    "you bet",
    "indeed",
    "by all means",
    "fine",
    "true",
    "perfect",
    "great",
    "good",
    "alright",
    "all right",
    "go on",
    "confirm",
    "confirmed",
    "agree",
    "agreed",
    "am",
    "we are",
    "we do",
    "would",
    "guess",
    "suppose",
    "huh",
    "hm",
    "got",
    "works",
    "totally",
    "obviously",
    "naturally",
    "si",
    "oui",
    "da",
    "ja",
    "positive",
    "precisely",
    "have",
    "will",
    "can",
    "accept",
    "want",
    "need",
    "lovely",
    "course",
    "spot on",
    "bingo",
    "roger",
    "does",
    "yessir",
    "ok",
    "mhm",
    "did",
];

const YES_ANYWHERE: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "correct",
    "right",
    "exactly",
    "absolutely",
    "definitely",
    "sounds good",
    "fine",
    "sure",
    "true",
    "perfect",
    "go ahead",
];

/// Inside an answer that has both a yes word and a no word: the no wins.
const NEGATED: &[&str] = &[
    "not right",
    "not correct",
    "not quite",
    "not exactly",
    "not true",
    "not fine",
    "not sure",
    "not at all",
    "wrong",
    "incorrect",
    "not good",
    "not quite right",
    "not all right",
    "nothing right",
    "not absolutely",
    "not the right",
    "not perfect",
    "not yes",
    "absolutely not",
    "definitely not",
    "no way",
    "not want",
    "not need",
    "do not",
    "no no",
    "can not be right",
];

fn chinese(text: &str) -> Option<bool> {
    const UNDECIDED: &[&str] = &[
        "不知道",
        "不清楚",
        "不确定",
        "是不是",
        "对不对",
        "好不好",
        "要不要",
        "有没有",
        "可不可以",
        "行不行",
        "随便",
        "也许",
        "可能",
        "什么",
        "为什么",
        "吗",
        "怎么",
        "哪",
    ];
    const YES_DESPITE_NO: &[&str] = &["没错", "没问题", "不错", "没事可以", "不介意", "沒錯", "沒問題", "有什么不可以"];
    const NO: &[&str] = &["不", "没", "沒", "错", "錯", "否", "别", "別", "算了", "取消", "无"];
    const YES: &[&str] = &[
        "是",
        "对",
        "對",
        "好",
        "可以",
        "行",
        "嗯",
        "要",
        "需要",
        "同意",
        "确定",
        "确认",
        "當然",
        "当然",
        "有",
        "正确",
        "想",
        "成",
        "中",
        "愿意",
        "恩",
        "接受",
        "麻烦",
        "谢谢",
        "就这样",
        "那就",
    ];
    let plain: String = text.chars().take(60).map(narrow).filter(|c| is_han(*c)).collect();
    let plain = plain.trim_end_matches(['吧', '啊', '呀', '呢', '哦']);
    let plain = ["那个", "呃", "额", "我", "你好", "喂"].iter().fold(plain, |p, f| p.trim_start_matches(f));
    let has = |list: &[&str]| list.iter().any(|p| plain.contains(p));
    if plain.is_empty() || has(UNDECIDED) {
        return None;
    }
    if has(YES_DESPITE_NO) {
        return Some(true);
    }
    let short = plain.chars().count() <= 6;
    let starts = |list: &[&str]| list.iter().any(|p| plain.starts_with(p));
    if starts(NO) || short && has(NO) {
        return Some(false);
    }
    starts(YES).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes() {
        for said in [
            "yes",
            "yeah",
            "yep",
            "yup",
            "yes please",
            "sure",
            "okay",
            "ok",
            "correct",
            "that's correct",
            "that's right",
            "right",
            "exactly",
            "absolutely",
            "of course",
            "go ahead",
            "um yes",
            "yes that is right",
            "yeah that's fine",
            "uh huh",
            "i do",
            "i would",
            "why not",
            "no problem",
            "sounds good",
            "please",
            "please do",
            "definitely",
            "i think so",
            "i guess so",
            "it is",
            "yes it is",
            "certainly",
            "affirmative",
            "fine by me",
            "all right",
            "that's it exactly",
            "oh yes thank you",
            "yes i want that",
            "是",
            "是的",
            "对",
            "对的",
            "好",
            "好的",
            "可以",
            "行",
            "嗯",
            "没错",
            "没问题",
            "确定",
            "当然",
            "要",
            "我要",
            "OK，可以",
        ] {
            assert_eq!(yes_no(said), Some(true), "{said}");
        }
    }

    #[test]
    fn no() {
        for said in [
            "no",
            "nope",
            "nah",
            "no thanks",
            "no thank you",
            "not really",
            "no that's not right",
            "that's not right",
            "that's wrong",
            "wrong",
            "incorrect",
            "yeah no",
            "yes that's wrong",
            "i don't think so",
            "i do not",
            "absolutely not",
            "of course not",
            "no way",
            "not at all",
            "not quite",
            "no no no",
            "that is not correct",
            "i would rather not",
            "never",
            "negative",
            "it isn't",
            "not today",
            "no it's the other one",
            "yeah that's not quite right",
            "i'm afraid not",
            "no that's all",
            "不",
            "不是",
            "不对",
            "不要",
            "不用了",
            "没有",
            "错了",
            "不可以",
            "不行",
            "不用谢谢",
            "算了",
        ] {
            assert_eq!(yes_no(said), Some(false), "{said}");
        }
    }

    #[test]
    fn neither() {
        for said in [
            "",
            "um",
            "maybe",
            "i don't know",
            "not sure",
            "what",
            "where is my parcel",
            "the parcel with no label on it was left outside",
            "yes or no",
            "it depends",
            "tomorrow",
            "one two three",
            "no idea",
            "不知道",
            "是不是",
            "我的包裹在哪里",
            "no that's right",
        ] {
            assert_eq!(yes_no(said), None, "{said}");
        }
    }
}
