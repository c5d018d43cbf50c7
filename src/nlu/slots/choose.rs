//! One option of a menu by its phrases, and the wish to hear the question again.

use crate::base::Confidence;
use crate::nlu::normalise::{is_han, words};

/// The option whose phrase was said: word for word, inside a sentence, or in a close variant ("deliveries" for
/// "delivery"). `None` when nothing is close, or two options are equally so. Options are `(name, phrases)`.
pub fn choose<'a, N, P, S>(text: &str, options: &'a [(N, P)]) -> Option<(&'a str, Confidence)>
where
    N: AsRef<str>,
    P: AsRef<[S]>,
    S: AsRef<str>,
{
    let said = key_words(text);
    if said.is_empty() {
        return None;
    }
    let mut scored: Vec<(&str, f32)> = options
        .iter()
        .map(|(name, phrases)| {
            let best = phrases.as_ref().iter().map(|p| likeness(&said, &key_words(p.as_ref()))).fold(0.0, f32::max);
            (name.as_ref(), best)
        })
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    let best = scored.first()?;
    let next = scored.get(1).map_or(0.0, |s| s.1);
    // Two phrases in one answer: the longer one may hold the shorter ("new order", "order"); equals are no choice.
    (best.1 >= 0.6 && best.1 - next >= 0.05)
        .then(|| (best.0, Confidence::new(best.1.min(1.0 - 0.5 * next * f32::from(u8::from(next > 0.9))))))
}

/// Words that carry a choice; carriers such as "I'd like the … please" are dropped unless nothing else is there.
fn key_words(text: &str) -> Vec<String> {
    const CARRIERS: &[&str] = &[
        "um", "uh", "er", "please", "i", "would", "like", "want", "need", "the", "a", "an", "to", "it", "is", "that", "for",
        "about", "my", "one", "option", "number", "thanks", "thank", "you", "give", "me", "yes", "okay", "hello", "hi",
        "number", "think", "go", "with", "can", "have", "of", "in", "on",
    ];
    let all = words(text);
    let kept: Vec<String> = all.iter().filter(|w| !CARRIERS.contains(&w.as_str())).cloned().collect();
    let mut out = if kept.is_empty() { all } else { kept };
    // Chinese by characters: the segmenter may cut phrase and sentence differently.
    if out.iter().any(|w| w.chars().any(is_han)) {
        out = out
            .iter()
            .flat_map(|w| if w.chars().any(is_han) { w.chars().map(String::from).collect() } else { vec![w.clone()] })
            .collect();
    }
    out
}

/// How well a phrase stands in what was said: 1 for alone and word for word, less for more words around or variants.
fn likeness(said: &[String], phrase: &[String]) -> f32 {
    if phrase.is_empty() {
        return 0.0;
    }
    if said == phrase {
        return 1.0;
    }
    let matched: f32 =
        phrase.iter().map(|p| said.iter().map(|s| word_likeness(s, p)).fold(0.0, f32::max)).sum::<f32>() / phrase.len() as f32;
    let whole = said.windows(phrase.len()).any(|w| w == phrase);
    let around = said.len().saturating_sub(phrase.len()) as f32;
    let sparse = 0.02 * around.min(8.0);
    // A longer phrase found whole says more than a word found whole.
    let length = 0.02 * (phrase.len() as f32).min(4.0);
    let fit = if whole {
        0.9 + length - sparse
    } else if matched > 0.7 {
        matched * 0.85 + length - sparse
    } else {
        0.0
    };
    fit.min(0.99)
}

/// Same word, same stem, or one slip in a long word.
fn word_likeness(a: &str, b: &str) -> f32 {
    if a == b {
        return 1.0;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let longest = a.len().max(b.len());
    let common = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    if common >= 4 && longest - common <= 3 {
        return 0.95;
    }
    if longest < 5 {
        return 0.0;
    }
    let slips = edits(&a, &b);
    if slips <= longest / 5 { 0.85 } else { 0.0 }
}

/// Letters to change, add or drop (Levenshtein).
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let step = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = step.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Whether the caller wants us to go on with what was being said, and says nothing else.
pub fn go_on_request(text: &str) -> bool {
    const WORDS: &str = "go on|please go on|go ahead|please go ahead|continue|please continue|carry on|please carry on|keep going|and then|and the rest|\
        the rest|tell me the rest|what else|go on with that|what were you saying|继续|请继续|继续说|请继续说|接着说|请接着说|往下说|说下去|然后呢|还有呢|你说|您说|你继续|您继续";
    spoken_alone(text, WORDS)
}

/// Whether the caller only lets us know that they are listening ("mhm", "I see").
pub fn listens_on(text: &str) -> bool {
    const WORDS: &str = "mhm|mm|mmhm|hm|hmm|uh huh|uhhuh|aha|ah|oh|okay|ok|okay okay|right|all right|alright|i see|got it|sure|yes|yeah|yep|yes yes|yes okay|\
        okay thanks|good|great|oh okay|oh i see|嗯|嗯嗯|恩|哦|噢|好|好的|好好|是|是的|对|对对|行|知道了|明白|明白了|了解";
    spoken_alone(text, WORDS)
}

/// Whether a text is one of these, without marks.
fn spoken_alone(text: &str, list: &str) -> bool {
    let plain: String =
        text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).flat_map(char::to_lowercase).take(60).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let closed = plain.replace(' ', "");
    let han = plain.chars().any(is_han);
    list.split('|').any(|words| if han { words == closed } else { words == plain })
}

/// Whether the caller wants to hear the last prompt again.
pub fn repeat_request(text: &str) -> bool {
    const CHINESE: &[&str] = &[
        "再说一遍",
        "再说一次",
        "重复",
        "没听清",
        "没听见",
        "没听到",
        "听不清",
        "再讲一遍",
        "再讲一次",
        "再来一遍",
        "再念一遍",
        "重说",
        "你说什么",
        "說什麼",
        "没听懂",
        "再播一遍",
        "再说一下",
        "再報一遍",
        "再报一遍",
        "重新说",
        "刚才说什么",
    ];
    const ANYWHERE: &[&str] = &[
        "repeat that",
        "repeat it",
        "repeat please",
        "please repeat",
        "repeat the",
        "can you repeat",
        "could you repeat",
        "repeat your",
        "say that again",
        "say it again",
        "say again",
        "one more time",
        "come again",
        "what did you say",
        "did not catch",
        "did not hear",
        "did not get that",
        "can not hear",
        "could not hear",
        "what was that",
        "beg your pardon",
        "beg pardon",
        "say that one more",
        "tell me again",
        "read that again",
        "read it again",
        "hear that again",
        "hear it again",
        "repeat what you",
        "repeat this",
        "what were the options",
        "what are the options",
        "what are my options",
        "say that once more",
        "missed that",
        "go over that again",
    ];
    const ALONE: &[&str] = &[
        "repeat",
        "again",
        "again please",
        "pardon",
        "pardon me",
        "pardon please",
        "what",
        "sorry",
        "sorry what",
        "huh",
        "excuse me",
        "once more",
        "once again",
        "once more please",
        "eh",
        "come again",
        "what is that",
        "what sorry",
        "say what",
    ];
    if text.chars().any(is_han) {
        let plain: String = text.chars().take(200).filter(|c| is_han(*c)).collect();
        return CHINESE.iter().any(|p| plain.contains(p))
            || matches!(plain.as_str(), "什么" | "啥" | "再一遍" | "再一次" | "什麼" | "啊");
    }
    let said: Vec<String> =
        words(text).into_iter().filter(|w| !matches!(w.as_str(), "um" | "uh" | "er" | "oh" | "hello")).collect();
    let line = format!(" {} ", said.join(" "));
    ALONE.contains(&line.trim()) || said.len() <= 12 && ANYWHERE.iter().any(|p| line.contains(&format!(" {p} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn menu_choices() {
        let options = [
            ("track", vec!["track a parcel", "delivery", "where is my parcel"]),
            ("hours", vec!["opening hours", "opening times"]),
            ("price", vec!["prices", "how much"]),
            ("new", vec!["new order"]),
            ("order", vec!["order"]),
            ("zh", vec!["营业时间", "几点开门"]),
        ];
        for (said, expected) in [
            ("opening hours", Some("hours")),
            ("the opening hours please", Some("hours")),
            ("i would like to hear about opening times", Some("hours")),
            ("deliveries", Some("track")),
            ("price", Some("price")),
            ("how much is it", Some("price")),
            ("new order", Some("new")),
            ("order please", Some("order")),
            ("delivry", Some("track")),
            ("请问营业时间", Some("zh")),
            ("bananas", None),
            ("", None),
            ("opening hours or prices", None),
        ] {
            assert_eq!(choose(said, &options).map(|c| c.0), expected, "{said}");
        }
        let exact = choose("order", &options).expect("a choice").1;
        assert!(exact.get() > 0.95, "{exact:?}");
        let languages = [
            ("en".to_string(), vec!["english".to_string()]),
            ("zh".to_string(), vec!["中文".to_string(), "chinese".to_string(), "普通话".to_string()]),
        ];
        assert_eq!(choose("english please", &languages).map(|c| c.0), Some("en"));
        assert_eq!(choose("说中文", &languages).map(|c| c.0), Some("zh"));
    }

    #[test]
    fn asking_to_hear_it_again() {
        for said in [
            "repeat",
            "say that again",
            "can you repeat that please",
            "repeat please",
            "sorry what",
            "pardon",
            "what did you say",
            "i didn't catch that",
            "i didn't hear you",
            "come again",
            "one more time please",
            "once more",
            "could you say it again",
            "what",
            "i beg your pardon",
            "再说一遍",
            "请再说一次",
            "没听清楚",
            "重复一下",
            "你说什么",
        ] {
            assert!(repeat_request(said), "{said}");
        }
        for said in [
            "my parcel is late again",
            "what time do you open",
            "sorry i want to cancel",
            "where is my parcel",
            "yes",
            "再见",
            "我的包裹丢了",
            "",
        ] {
            assert!(!repeat_request(said), "{said}");
        }
    }

    #[test]
    fn go_on_and_i_am_listening() {
        for said in ["go on", "Please continue.", "继续说", "然后呢？", "接着 说"] {
            assert!(go_on_request(said) && !listens_on(said), "{said}");
        }
        for said in ["mhm", "Uh-huh.", "Okay", "I see", "嗯", "好的。", "知道了"] {
            assert!(listens_on(said) && !go_on_request(said), "{said}");
        }
        for said in ["", "no", "go on holiday", "okay where is my parcel", "好的我想取消", "continue my order"] {
            assert!(!listens_on(said) && !go_on_request(said), "{said}");
        }
    }
}
