//! The wish to go on in another language: "English, please", "do you speak Chinese", 说中文. Whole utterances only: who asks for
//! an English manual wants a manual.

use super::token::tokens;
use crate::base::Language;

/// What languages are called, in English and Chinese.
const NAMES: &[(&str, &[&str])] = &[
    ("en", &["english", "英语", "英文"]),
    ("zh", &["chinese", "mandarin", "putonghua", "中文", "汉语", "普通话", "国语", "漢語", "普通話", "國語"]),
];

/// Words that may stand around an English name of a language in such a wish.
const AROUND: &[&str] = &[
    "in", "please", "can", "could", "we", "you", "do", "does", "anyone", "anybody", "somebody", "there", "speak", "talk", "to",
    "me", "i", "want", "would", "like", "switch", "change", "use", "continue", "go", "on", "is", "it", "possible", "have",
    "this", "call", "let", "s", "lets", "prefer", "sorry", "hello", "hi", "uh", "um", "no", "only", "my", "language", "the",
    "with", "may", "and", "id",
];

/// Characters that may stand around a Chinese one.
const AROUND_ZH: &[char] = &[
    '请', '說', '说', '讲', '講', '用', '换', '換', '成', '到', '我', '要', '想', '能', '可', '以', '吗', '嗎', '你', '们',
    '会', '不', '好', '改', '转', '切', '服', '务', '吧', '的', '麻', '烦', '有', '没', '您', '一', '下', '听', '懂', '这',
    '里', '是', '谢',
];

/// The language that the whole text asks for.
pub fn language_wish(text: &str) -> Option<Language> {
    let lower = text.to_lowercase();
    let mut found = None;
    for (tag, names) in NAMES {
        for name in names.iter().filter(|name| lower.contains(**name)) {
            let rest = lower.replacen(name, " ", 1);
            let allowed = |t: &String| {
                AROUND.contains(&t.as_str()) || t.chars().all(|c| AROUND_ZH.contains(&c)) || t.bytes().all(|b| b == b's')
            };
            // A language of which it is said that they cannot speak it is not the one they want.
            let denied = ["don't", "do not", "dont", "can't", "cannot", "不会", "不懂", "听不懂", "不要"]
                .iter()
                .any(|d| lower.contains(d));
            if tokens(&rest).iter().all(allowed) && !denied {
                found = Some(Language::parse(tag)?);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_for_a_language() {
        for said in [
            "english",
            "english please",
            "in english please",
            "can we speak english",
            "do you speak english",
            "can you speak english please",
            "could i have this in english",
            "switch to english",
            "i want to speak english",
            "let's speak english",
            "speak english",
            "请说英语",
            "可以说英文吗",
            "换成英文",
            "英语服务",
            "我要英文",
        ] {
            assert_eq!(language_wish(said), Some(Language::EN), "{said}");
        }
        for said in [
            "chinese please",
            "do you speak mandarin",
            "in chinese",
            "说中文",
            "请讲普通话",
            "可以说中文吗",
            "中文",
            "我想用普通话",
            "换成国语",
        ] {
            assert_eq!(language_wish(said), Some(Language::ZH), "{said}");
        }
        for said in [
            "i need an english manual",
            "where is my parcel",
            "my english is bad",
            "i don't speak english",
            "chinese food please",
            "i do not speak chinese",
            "我的英语老师的包裹",
            "我不会英语",
            "我听不懂英文",
            "the english letter has not come",
            "yes",
            "",
            "书是中文版的包裹没到",
            "english breakfast tea",
        ] {
            assert_eq!(language_wish(said), None, "{said}");
        }
    }
}
