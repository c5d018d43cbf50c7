//! How a caller feels, as far as words tell: anger at us or at the matter, which a person should hear, and abuse, which a person should
//! be warned of. Rules, so that everybody can be told why.

use super::normalise::{is_han, words};

/// What words tell of a caller's mood. Phrases as they stand in the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mood {
    /// Anger, impatience, despair.
    pub upset: Vec<&'static str>,
    /// Insults.
    pub abusive: Vec<&'static str>,
    /// Says that we got something wrong.
    pub correcting: Option<&'static str>,
}

/// What a text tells of its speaker's mood, in English or Chinese.
pub fn mood(text: &str) -> Mood {
    let said = words(text);
    let joined = format!(" {} ", said.join(" "));
    let plain: String = text.chars().filter(|c| is_han(*c)).collect();
    let stands = |phrase: &&'static str| match phrase.chars().any(is_han) {
        true => plain.contains(*phrase),
        false => joined.contains(&format!(" {phrase} ")),
    };
    let calm = CALM.iter().any(&stands);
    Mood {
        upset: UPSET.iter().copied().filter(|p| !calm && stands(p)).collect(),
        abusive: ABUSE.iter().copied().filter(stands).collect(),
        correcting: CORRECTING.iter().copied().find(stands),
    }
}

/// Words of anger in what is none.
const CALM: &[&str] = &["not angry", "no longer angry", "not upset", "没有生气", "不生气"];

const UPSET: &[&str] = &[
    "ridiculous",
    "unacceptable",
    "outrageous",
    "disgraceful",
    "disgusting",
    "appalling",
    "shameful",
    "pathetic",
    "is a joke",
    "angry",
    "furious",
    "livid",
    "fed up",
    "sick of",
    "sick and tired",
    "had enough",
    "had it with",
    "enough of this",
    "hate this",
    "hate you",
    "hate your",
    "can't believe",
    "cannot believe",
    "can not believe",
    "for god sake",
    "for god's sake",
    "for heaven's sake",
    "for crying out loud",
    "what the hell",
    "bloody",
    "damn",
    "goddamn",
    "stupid",
    "useless",
    "worst",
    "terrible service",
    "awful service",
    "wasting my time",
    "waste of time",
    "waste of my time",
    "how many times",
    "how often do i",
    "third time",
    "fourth time",
    "fifth time",
    "over and over",
    "again and again",
    "nobody helps",
    "no one helps",
    "nobody cares",
    "no one cares",
    "drives me mad",
    "driving me mad",
    "drives me crazy",
    "driving me crazy",
    "i give up",
    "listen to me",
    "are you even listening",
    "do you even understand",
    "don't you understand",
    "upset",
    "frustrated",
    "frustrating",
    "sue you",
    "my lawyer",
    "气死",
    "太过分",
    "太差",
    "受够",
    "受不了",
    "忍无可忍",
    "烦死",
    "浪费时间",
    "浪费我的时间",
    "什么破",
    "破服务",
    "垃圾",
    "荒唐",
    "岂有此理",
    "怎么搞的",
    "搞什么",
    "说了多少遍",
    "说了几遍",
    "多少次",
    "第三次",
    "第四次",
    "生气",
    "愤怒",
    "火大",
    "没人管",
    "失望",
    "要投诉你们",
    "起诉",
];

const ABUSE: &[&str] = &[
    "fuck",
    "fucking",
    "fucker",
    "fuck you",
    "asshole",
    "arsehole",
    "bastard",
    "bitch",
    "idiot",
    "idiots",
    "moron",
    "morons",
    "imbecile",
    "dickhead",
    "cunt",
    "shithead",
    "piece of shit",
    "go to hell",
    "shut up",
    "drop dead",
    "kill you",
    "傻逼",
    "傻子",
    "混蛋",
    "王八蛋",
    "去死",
    "妈的",
    "他妈",
    "滚蛋",
    "白痴",
    "蠢货",
    "脑残",
];

const CORRECTING: &[&str] = &[
    "that's not what",
    "that is not what",
    "not what i said",
    "not what i asked",
    "not what i meant",
    "not what i mean",
    "not what i want",
    "i didn't say",
    "i did not say",
    "i didn't ask",
    "i did not ask",
    "you misunderstood",
    "you don't understand",
    "you do not understand",
    "you got that wrong",
    "that's wrong",
    "that is wrong",
    "wrong answer",
    "that doesn't help",
    "that does not help",
    "doesn't answer my question",
    "does not answer my question",
    "no i mean",
    "no i meant",
    "不是这个意思",
    "不是这个",
    "我不是问这个",
    "你听错",
    "听错了",
    "理解错",
    "答非所问",
    "不对不对",
    "我说的是",
    "我问的是",
    "没有用",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anger_abuse_and_corrections_are_told_apart() {
        for text in [
            "this is ridiculous",
            "I have called for the third time!",
            "你们太过分了",
            "what the hell is going on",
            "your service is a joke",
        ] {
            assert!(!mood(text).upset.is_empty() && mood(text).abusive.is_empty(), "{text}: {:?}", mood(text));
        }
        for text in ["you idiot", "shut up", "你这个白痴"] {
            assert!(!mood(text).abusive.is_empty(), "{text}");
        }
        for text in ["no, that's not what I meant", "我说的是另一个包裹", "you misunderstood me"] {
            assert!(mood(text).correcting.is_some(), "{text}");
        }
        for text in [
            "where is my parcel",
            "I have a complaint",
            "my heating is damaged",
            "我的包裹在哪里",
            "I am not angry",
            "a stupidity insurance",
            "when do you open",
        ] {
            assert_eq!(mood(text), Mood::default(), "{text}");
        }
    }
}
