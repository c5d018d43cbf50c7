//! Guided procedures: one step at a time, at the caller's pace. The caller has their hands full, so a step waits long, is said again
//! as often as wanted, slower if wanted, and is remembered when something else comes in between.

use super::action::{AskKind, Choice, MenuOption};
use super::ask::{Expected, Place, closed_list, key_line};
use super::model::{Flow, Guide};
use super::phrases::Phrase;
use crate::base::{Digit, Language, PromptPart};
use std::time::Duration;

/// How long a step waits, where the flow does not say.
pub(super) const STEP_WAITS: Duration = Duration::from_secs(60);
/// Longest that a flow may let a step wait.
pub(super) const STEP_WAITS_MAX: Duration = Duration::from_secs(300);
/// Between two parts of a sentence that is said slowly.
const SLOW_PAUSE_MS: u32 = 700;
/// Most words between two such pauses.
const SLOW_WORDS: usize = 6;

/// What the caller may say at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Next,
    Repeat,
    Back,
    Slower,
    Help,
}

impl Pace {
    const ALL: [Pace; 5] = [Pace::Next, Pace::Repeat, Pace::Back, Pace::Slower, Pace::Help];

    pub(super) fn named(name: &str) -> Option<Pace> {
        Pace::ALL.into_iter().find(|p| p.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Pace::Next => "next",
            Pace::Repeat => "repeat",
            Pace::Back => "back",
            Pace::Slower => "slower",
            Pace::Help => "help",
        }
    }

    fn key(self) -> Option<Digit> {
        Digit::from_char(match self {
            Pace::Next => '1',
            Pace::Repeat => '2',
            Pace::Back => '3',
            Pace::Slower => '4',
            Pace::Help => '5',
        })
    }

    /// What it is called before its key.
    fn label(self, language: Language) -> &'static str {
        match (self, language == Language::ZH) {
            (Pace::Next, false) => "the next step",
            (Pace::Next, true) => "下一步",
            (Pace::Repeat, false) => "the same step again",
            (Pace::Repeat, true) => "重听这一步",
            (Pace::Back, false) => "the step before",
            (Pace::Back, true) => "上一步",
            (Pace::Slower, false) => "the same step slowly",
            (Pace::Slower, true) => "慢一点",
            (Pace::Help, false) => "help with this step",
            (Pace::Help, true) => "帮助",
        }
    }

    /// What callers say for it.
    fn phrases(self, language: Language) -> &'static [&'static str] {
        match (self, language == Language::ZH) {
            (Pace::Next, false) => &[
                "next",
                "next step",
                "the next one",
                "next please",
                "go on",
                "continue",
                "carry on",
                "done",
                "i am done",
                "i'm done",
                "ready",
                "i am ready",
                "i'm ready",
                "okay",
                "ok",
                "got it",
                "i have done that",
                "finished",
                "that's done",
                "yes",
            ],
            (Pace::Next, true) => &[
                "下一步",
                "继续",
                "好了",
                "好的",
                "完成了",
                "做好了",
                "弄好了",
                "可以了",
                "准备好了",
                "下一个",
                "行了",
                "是的",
                "接着说",
            ],
            (Pace::Repeat, false) => &["again", "once more", "what was that", "say it again"],
            (Pace::Repeat, true) => &["再来一遍", "再说一次", "重听", "重复一遍"],
            (Pace::Back, false) => &["back", "go back", "previous", "previous step", "the step before", "one step back"],
            (Pace::Back, true) => &["上一步", "返回", "回去", "前一步", "退回去"],
            (Pace::Slower, false) => {
                &["slower", "slowly", "more slowly", "slow down", "too fast", "slower please", "not so fast"]
            }
            (Pace::Slower, true) => &["慢一点", "慢点", "慢一些", "太快了", "说慢点"],
            (Pace::Help, false) => &[
                "help",
                "help me",
                "i need help",
                "how do i do that",
                "i don't understand",
                "i do not know how",
                "what does that mean",
            ],
            (Pace::Help, true) => &["帮助", "帮帮我", "怎么弄", "怎么做", "我不明白", "我不会", "什么意思"],
        }
    }
}

/// What is said at a step: its number, what is to be done and, where the caller is new to it, how to go on.
pub(super) fn prompt(
    flow: &Flow,
    language: Language,
    guide: &Guide,
    step: usize,
    say: Vec<PromptPart>,
    new: bool,
) -> Vec<PromptPart> {
    let values = [("number", (step + 1).to_string()), ("count", guide.steps.len().to_string())];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let mut parts = flow.phrase_with(Phrase::Step, language, &values);
    parts.extend(say);
    if new {
        parts.push(PromptPart::Pause(400));
        parts.extend(flow.phrase(Phrase::StepHow, language));
    }
    parts
}

/// Expects what may be said at a step.
pub(super) fn expected(flow: &Flow, place: &Place<'_>) -> Expected {
    let option = |pace: Pace| MenuOption {
        name: pace.name().to_string(),
        phrases: pace.phrases(place.language).iter().map(ToString::to_string).collect(),
        key: pace.key(),
    };
    let options: Vec<MenuOption> = Pace::ALL.into_iter().map(option).collect();
    let key_prompt = Pace::ALL.into_iter().filter_map(|p| Some(key_line(flow, place, p.label(place.language), p.key()?)));
    let key_prompt = key_prompt.flatten().collect();
    let keys = options.iter().filter_map(|o| Some((o.key?, Choice::Option(o.name.clone())))).collect();
    closed_list(place, options, keys, key_prompt, AskKind::Menu)
}

/// The same words with pauses between their parts.
pub(super) fn slowly(parts: Vec<PromptPart>) -> Vec<PromptPart> {
    let mut slow = Vec::new();
    for part in parts {
        let PromptPart::Text(text) = part else {
            slow.push(part);
            continue;
        };
        let mut piece = String::new();
        let mut words = 0;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            piece.push(c);
            let ends =
                matches!(c, '，' | '。' | '；' | '：') || (matches!(c, ',' | '.' | ';' | ':') && chars.peek() == Some(&' '));
            words += usize::from(c == ' ');
            if (ends || (c == ' ' && words >= SLOW_WORDS)) && chars.peek().is_some() {
                slow.extend([PromptPart::Text(piece.trim().to_string()), PromptPart::Pause(SLOW_PAUSE_MS)]);
                piece.clear();
                words = 0;
            }
        }
        if !piece.trim().is_empty() {
            slow.push(PromptPart::Text(piece.trim().to_string()));
        }
    }
    slow
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn slow_sentences_have_pauses_and_lose_no_word() {
        let text = "Press and hold the small black button on the back, until the light blinks. Version 2.5 is fine.";
        let slow = slowly(vec![PromptPart::Text(text.into()), PromptPart::Pause(100)]);
        let words = |parts: &[PromptPart]| {
            let of = |p: &PromptPart| if let PromptPart::Text(t) = p { Some(t.clone()) } else { None };
            parts.iter().filter_map(of).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(&slow), text);
        assert!(slow.iter().filter(|p| **p == PromptPart::Pause(SLOW_PAUSE_MS)).count() == 3, "{slow:?}");
        let zh = slowly(vec![PromptPart::Text("请按住按钮，直到灯亮。".into())]);
        assert_eq!(zh.len(), 3, "{zh:?}");
    }

    #[test]
    fn every_word_means_one_thing() {
        for language in [Language::EN, Language::ZH] {
            let mut seen = BTreeMap::new();
            for pace in Pace::ALL {
                for phrase in pace.phrases(language) {
                    assert_eq!(seen.insert(*phrase, pace), None, "{phrase}");
                }
            }
        }
    }
}
