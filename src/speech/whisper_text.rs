//! What a large Whisper model wrote, and whether anybody said it. Such models invent text for silence (subtitles that they learnt
//! from), so the no-speech probability, the mean probability of the words and a list of known inventions stand around it. Pure.

use super::phrases;
use crate::base::{Confidence, Engine, Hypothesis, Language};

/// Above it the model itself thinks that nobody spoke.
const NO_SPEECH: f32 = 0.6;

/// Mean log probability of a token below which the text is a guess.
pub(crate) const GUESS: f32 = -1.0;

/// Words in a row of what the model was told that nobody says: more than an example sentence.
const RECITED_LEAST: usize = 14;

/// Why such a text is refused.
pub(crate) const A_GUESS: &str = "a guess";

/// What Whisper models write when nothing was said (from subtitles that they learnt from).
const PHANTOMS: &[&str] = &[
    "thank you for watching",
    "thanks for watching",
    "please subscribe",
    "like and subscribe",
    "subtitles by the amara org community",
    "transcription by castingwords",
    "you",
    "bye bye",
    "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    "謝謝觀看",
    "谢谢观看",
    "谢谢大家",
    "字幕由amara org社区提供",
    "字幕志愿者 李宗盛",
];

/// From what the model wrote to a hypothesis. `prompt` = what it was told to expect, as [`told`] has it.
pub(crate) fn weigh(raw: &str, language: Language, silence: f32, log: f32, prompt: &str) -> Hypothesis {
    let text = told(raw, language);
    let rejected = if text.is_empty() {
        Some("no words")
    } else if silence > NO_SPEECH {
        Some("no speech")
    } else if PHANTOMS.contains(&text.as_str()) || repeats(&text) || recites(&text, prompt) {
        Some("an invention of the model")
    } else if log < GUESS {
        Some(A_GUESS)
    } else {
        None
    };
    let confidence = log.exp() * (1.0 - silence);
    Hypothesis {
        text,
        confidence: Confidence::new(confidence),
        rejected: rejected.map(str::to_string),
        engine: Engine::Whisper,
        ..Hypothesis::typed("")
    }
}

/// Words without the marks and notes (`[music]`, `(laughs)`, `*sigh*`) that Whisper writes.
pub(crate) fn told(raw: &str, language: Language) -> String {
    let mut out = String::new();
    let mut depth = 0usize;
    for c in raw.chars() {
        match c {
            '[' | '(' | '（' | '【' => depth += 1,
            ']' | ')' | '）' | '】' => depth = depth.saturating_sub(1),
            '*' | '♪' => {}
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    if language == Language::EN {
        return phrases::spoken(&out);
    }
    let kept: String = out.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A model that hears nothing may go on with what it was told to expect: many of its words in their order.
fn recites(text: &str, prompt: &str) -> bool {
    text.split_whitespace().count() >= RECITED_LEAST && prompt.contains(text)
}

/// The sign of a model that has lost the thread: the same few words again and again.
fn repeats(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let digits = words.iter().all(|w| phrases::digit_of(w).is_some());
    let by_word = (1..=4).any(|n| {
        let rounds = words.chunks_exact(n).zip(words.chunks_exact(n).skip(1)).take_while(|(a, b)| a == b).count();
        rounds >= 4 && words.len() > n * 4
    });
    let chars: Vec<char> = text.chars().collect();
    by_word && !digits
        || words.len() == 1 && chars.len() > 16 && (1..=4).any(|n| chars.chunks_exact(n).all(|c| c == &chars[..n]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventions_and_guesses_are_rejected() {
        let weighed = |raw: &str, silence, log| weigh(raw, Language::EN, silence, log, "").rejected;
        assert_eq!(weighed(" Thanks for watching!", 0.1, -0.1).as_deref(), Some("an invention of the model"));
        assert_eq!(weighed(" no no no no no no no", 0.1, -0.1).as_deref(), Some("an invention of the model"));
        assert_eq!(weighed("[BLANK_AUDIO]", 0.1, -0.1).as_deref(), Some("no words"));
        assert_eq!(weighed("Where is it?", 0.9, -0.1).as_deref(), Some("no speech"));
        assert_eq!(weighed("Where is it?", 0.1, -2.0).as_deref(), Some("a guess"));
        let good = weigh(" I'd like my parcel, please. (laughs)", Language::EN, 0.0, -0.2, "");
        assert_eq!((good.text.as_str(), &good.rejected), ("i'd like my parcel please", &None));
        assert!(good.confidence.get() > 0.7);
        assert_eq!(weigh("我的包裹在哪里？", Language::ZH, 0.0, -0.2, "").text, "我的包裹在哪里");
    }
}
