//! One name of a list, matched by spelling and by sound: a recogniser writes names as it likes.

use super::token::{among, tokens};
use crate::nlu::normalise::is_han;
use crate::nlu::pinyin::{blurred, syllable};
use crate::nlu::sound::{apart, sounds};
use serde::{Deserialize, Serialize};

/// One of the names that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// What the flow calls it: the value.
    pub name: String,
    /// Ways to say it, at least one.
    pub said: Vec<String>,
}

/// How much better the best name must fit than the next.
const LEAD: f32 = 0.08;
/// What a part of a name (the first or the last alone) counts for.
const PART: f32 = 0.9;
/// Words beside a name and its carriers from which on it must fit nearly letter by letter.
const OTHERS_MAX: usize = 1;
/// How well it must fit there, and inside an open sentence.
const PLAIN: f32 = 0.95;

/// The name of the list that an answer means, whole or a part of it that only one has. English by letters and by sound ("Smyth" for
/// "Smith"), Chinese by the sound of the characters, without tones and with what speakers mix up (n/l, zh/z, an/ang). `None` when
/// none is near, or two are equally so.
pub fn name<'a>(text: &str, names: &'a [Named]) -> Option<&'a str> {
    best(text, names, true)
}

/// A whole name inside an open sentence.
pub fn find_name_in<'a>(text: &str, names: &'a [Named]) -> Option<&'a str> {
    best(text, names, false)
}

fn best<'a>(text: &str, names: &'a [Named], parts: bool) -> Option<&'a str> {
    let said = Said::new(text);
    let mut scored: Vec<(f32, &'a str)> = names
        .iter()
        .map(|n| (n.said.iter().map(|phrase| said.fit(phrase, parts)).fold(0.0, f32::max), n.name.as_str()))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (first, name) = *scored.first()?;
    let next = scored.get(1).map_or(0.0, |s| s.0);
    (first > 0.0 && first - next >= LEAD).then_some(name)
}

/// What was said, ready to be compared.
struct Said {
    /// Latin words in lower case, spelled letters as one word, without what is said around a name.
    words: Vec<String>,
    /// Chinese characters.
    han: Vec<char>,
}

/// Said around a name.
const CARRIERS: &str = "um uh er i would like to speak talk with want the a please is it its my name for me can could you put through connect \
    mr mrs ms miss mister doctor dr professor prof sir madam and thanks thank yes hello this that id calling of department call in at need see meet sorry no mean someone called named here there";

impl Said {
    fn new(text: &str) -> Said {
        let mut words: Vec<String> = Vec::new();
        let mut spelling = false;
        for token in tokens(text).into_iter().filter(|t| !t.chars().any(is_han)) {
            let letter = token.len() == 1 && token != "a" && token != "i" || token.len() == 1 && spelling;
            match words.last_mut() {
                Some(word) if letter && spelling => word.push_str(&token),
                _ => words.push(token),
            }
            spelling = letter;
        }
        words.retain(|w| !among(CARRIERS, w));
        Said { words, han: text.chars().filter(|c| is_han(*c)).take(60).collect() }
    }

    /// How well a way to say a name stands in it, 0 to 1; 0 where it does not.
    fn fit(&self, phrase: &str, parts: bool) -> f32 {
        if phrase.chars().any(is_han) { self.fit_chinese(phrase, parts) } else { self.fit_english(phrase, parts) }
    }

    fn fit_english(&self, phrase: &str, parts: bool) -> f32 {
        let all = tokens(phrase);
        let plain: Vec<String> = all.iter().filter(|t| !among(CARRIERS, t)).cloned().collect();
        let wanted = if plain.is_empty() { all } else { plain };
        // In a sentence "will", "mark" and "bill" are words.
        if !parts && wanted.len() < 2 {
            return 0.0;
        }
        let target = wanted.concat();
        let mut best: f32 = 0.0;
        for length in wanted.len().saturating_sub(1).max(1)..=wanted.len() + 1 {
            for window in self.words.windows(length) {
                best = best.max(self.alike(&window.concat(), &target, length, parts));
            }
        }
        // Beside another word, "Anna" may be another Anna.
        if parts && wanted.len() > 1 && self.words.len() == 1 {
            for part in wanted.iter().filter(|p| p.len() > 2) {
                let fit = self.words.iter().map(|w| self.alike(w, part, 1, parts)).fold(0.0, f32::max);
                best = best.max(PART * fit);
            }
        }
        best
    }

    /// How alike two words are, 0 where that is not enough: the shorter the name, the less may differ.
    fn alike(&self, said: &str, wanted: &str, length: usize, parts: bool) -> f32 {
        if said == wanted {
            return 1.0;
        }
        let (a, b) = (sounds(said), sounds(wanted));
        let fit = 1.0 - apart(&a, &b);
        let others = self.words.len().saturating_sub(length);
        let least = match b.chars().count() {
            _ if !parts || others > OTHERS_MAX => PLAIN,
            0..=4 => 0.9,
            5..=6 => 0.8,
            _ => 0.72,
        };
        if fit >= least { fit } else { 0.0 }
    }

    fn fit_chinese(&self, phrase: &str, parts: bool) -> f32 {
        let wanted: Vec<char> = phrase.chars().filter(|c| is_han(*c)).collect();
        if self.han.is_empty() {
            // The recogniser wrote the syllables.
            let plain = |syllables: Vec<String>| syllables.concat();
            let written = plain(wanted.iter().map(|c| syllable(*c).unwrap_or_default().to_string()).collect());
            return if !written.is_empty() && self.words.concat() == written { PLAIN } else { 0.0 };
        }
        let whole = self.sound(&wanted);
        if !parts || wanted.len() < 2 {
            return if whole >= PLAIN { whole } else { 0.0 };
        }
        // 小芳's given name alone, 王先生.
        let given = if wanted.len() > 2 { PART * self.given(&wanted[1..]) } else { 0.0 };
        whole.max(given).max(PART * self.titled(wanted[0]))
    }

    /// How well characters stand in it by sound: 1, or a little less where speakers mix sounds up; 0 where one differs.
    fn sound(&self, wanted: &[char]) -> f32 {
        let fit = |window: &[char]| {
            let each = window.iter().zip(wanted).map(|(a, b)| same_sound(*a, *b));
            let sum = each.clone().sum::<f32>() / wanted.len() as f32;
            if each.clone().any(|s| s == 0.0) { 0.0 } else { sum }
        };
        self.han.windows(wanted.len()).map(fit).fold(0.0, f32::max)
    }

    /// A given name that no other surname stands before.
    fn given(&self, wanted: &[char]) -> f32 {
        let at = self.han.windows(wanted.len()).position(|w| w.iter().zip(wanted).all(|(a, b)| same_sound(*a, *b) > 0.0));
        let alone = at.is_some_and(|at| at == 0 || "找叫转是给请跟和小阿接位".contains(self.han[at - 1]));
        if alone { self.sound(wanted) } else { 0.0 }
    }

    /// The surname with a title.
    fn titled(&self, surname: char) -> f32 {
        const TITLES: [&str; 9] = ["先生", "女士", "小姐", "经理", "老师", "医生", "主任", "师傅", "总"];
        let line: String = self.han.iter().collect();
        let at = TITLES.iter().find_map(|title| line.find(title)).and_then(|at| line[..at].chars().last());
        at.map_or(0.0, |said| same_sound(said, surname))
    }
}

/// 1 for the same sound, 0.9 for sounds that speakers mix up, 0 else.
fn same_sound(a: char, b: char) -> f32 {
    match (syllable(a), syllable(b)) {
        _ if a == b => 1.0,
        (Some(x), Some(y)) if x == y => 1.0,
        (Some(x), Some(y)) if blurred(x) == blurred(y) => 0.9,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<Named> {
        names
            .iter()
            .map(|n| {
                let said: Vec<String> = n.split('|').map(String::from).collect();
                Named { name: said[0].clone(), said }
            })
            .collect()
    }

    fn all(names: &[&str], cases: &[(&str, &str)]) {
        let names = list(names);
        let said = |text: &str| name(text, &names).unwrap_or("-").to_string();
        let wrong: Vec<String> =
            cases.iter().filter(|(t, want)| said(t) != *want).map(|(t, want)| format!("{t}: {} not {want}", said(t))).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn english_names_by_spelling_and_sound() {
        all(
            &[
                "Anna Smith",
                "Robert Jones|Bob Jones",
                "Catherine Meyer",
                "Doctor Patel",
                "Billing|accounts department",
                "Tom Green",
            ],
            &[
                ("Anna Smith", "Anna Smith"),
                ("anna smith please", "Anna Smith"),
                ("I would like to speak to Anna Smith", "Anna Smith"),
                ("anna smyth", "Anna Smith"),
                ("ana smith", "Anna Smith"),
                ("smith", "Anna Smith"),
                ("mrs smith", "Anna Smith"),
                ("anna", "Anna Smith"),
                ("s m i t h", "Anna Smith"),
                ("robert jones", "Robert Jones"),
                ("bob jones", "Robert Jones"),
                ("mister jones", "Robert Jones"),
                ("bob", "Robert Jones"),
                ("katherine meyer", "Catherine Meyer"),
                ("catherine maier", "Catherine Meyer"),
                ("kathryn meyer", "Catherine Meyer"),
                ("katherine", "Catherine Meyer"),
                ("doctor patel", "Doctor Patel"),
                ("dr patel", "Doctor Patel"),
                ("pattel", "Doctor Patel"),
                ("billing", "Billing"),
                ("the accounts department please", "Billing"),
                ("tom green", "Tom Green"),
                ("can you put me through to tom", "Tom Green"),
                ("", "-"),
                ("um", "-"),
                ("peter miller", "-"),
                ("tim", "-"),
                ("rob", "-"),
                ("anna smith or bob jones", "-"),
                ("anna jones", "-"),
                ("anna brown", "-"),
                ("peter smith", "-"),
                ("I do not know", "-"),
                ("where is my parcel", "-"),
                ("no", "-"),
                ("一二三", "-"),
            ],
        );
        all(&["Anna Smith", "Anna Brown"], &[("anna", "-"), ("anna brown", "Anna Brown"), ("brown", "Anna Brown")]);
        all(&["John Smith", "Jon Smyth"], &[("john smith", "-")]);
    }

    #[test]
    fn chinese_names_by_sound() {
        all(
            &["王芳", "李娜", "张志明", "陈静", "刘洋", "财务部|财务"],
            &[
                ("王芳", "王芳"),
                ("我找王芳", "王芳"),
                ("汪方", "王芳"),
                ("王凡", "王芳"),
                ("李娜", "李娜"),
                ("李拉", "李娜"),
                ("你娜", "李娜"),
                ("请转张志明", "张志明"),
                ("张智敏", "张志明"),
                ("章子明", "张志明"),
                ("志明", "张志明"),
                ("张先生", "张志明"),
                ("王女士", "王芳"),
                ("陈经理", "陈静"),
                ("陈进", "陈静"),
                ("财务", "财务部"),
                ("财务部谢谢", "财务部"),
                ("wang fang", "王芳"),
                ("王", "-"),
                ("王力", "-"),
                ("李志明", "-"),
                ("找志明", "张志明"),
                ("赵先生", "-"),
                ("王芳还是李娜", "-"),
                ("我不知道", "-"),
                ("先生", "-"),
                ("总", "-"),
                ("", "-"),
            ],
        );
        all(&["王芳", "汪方"], &[("王芳", "-")]);
        all(&["王芳", "王静"], &[("王女士", "-"), ("王静", "王静")]);
    }

    #[test]
    fn inside_a_sentence_only_a_whole_name() {
        let names = list(&["Anna Smith", "Marcel", "王芳"]);
        assert_eq!(find_name_in("can I leave a message for anna smith about my parcel", &names), Some("Anna Smith"));
        assert_eq!(find_name_in("where is my parcel anna", &names), None);
        assert_eq!(find_name_in("a message for marcel please", &names), None, "one word may be any word");
        assert_eq!(name("where is my parcel it is late", &names), None);
        assert_eq!(find_name_in("我想给王芳留言", &names), Some("王芳"));
    }
}
