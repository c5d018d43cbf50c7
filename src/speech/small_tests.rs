//! The small model that hotline brings along, on the fixtures in synthetic voices and on real digits.

use super::{Recognizer, Small};
use crate::base::{Engine, Expect, Grammar, Hypothesis, Language};
use std::path::Path;
use std::sync::Arc;

fn hear(engine: &mut Small, file: &Path, expect: &Expect) -> Hypothesis {
    hear_in(Language::EN, engine, file, expect)
}

fn hear_in(language: Language, engine: &mut Small, file: &Path, expect: &Expect) -> Hypothesis {
    let bytes = std::fs::read(file).expect("readable");
    let sound = crate::audio::decode_file(&bytes, Some("wav")).expect("a sound file");
    engine.start(&Grammar { language, expect: expect.clone(), person: Arc::from([]) }).expect("a language of its own");
    sound.samples.chunks(160).for_each(|frame| assert_eq!(engine.feed(frame), None));
    engine.finish()
}

/// A guard with a margin: the model may be trained further, and must not get worse than this.
#[test]
fn short_answers_and_requests_for_a_person_are_heard_and_mumbling_is_not() {
    let mut engine = Small::built_in().expect("it is built in");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures");
    let yes_no = Expect::YesNo { phrases: Arc::from([]) };
    let said = [
        ("yes-1", "yes"),
        ("yes-2", "yes please"),
        ("yes-3", "that's right"),
        ("yes-4", "yeah"),
        ("no-1", "no"),
        ("no-2", "no thank you"),
        ("no-3", "nope"),
        ("person-4", "can i talk to a human"),
        ("person-5", "operator"),
        ("repeat-1", "repeat that please"),
    ];
    let heard: Vec<Hypothesis> =
        said.iter().map(|(file, _)| hear(&mut engine, &folder.join(format!("{file}.wav")), &yes_no)).collect();
    let right = said.iter().zip(&heard).filter(|((_, text), h)| h.text == *text).count();
    assert!(right >= 7, "{right} of 10: {:?}", heard.iter().map(|h| &h.text).collect::<Vec<_>>());
    assert!(heard.iter().all(|h| h.engine == Engine::Small && (h.why.is_some() || h.rejected.is_some())));
    for file in ["mumble-1", "mumble-2", "mumble-3", "unrelated-1", "unrelated-2"] {
        let h = hear(&mut engine, &folder.join(format!("{file}.wav")), &yes_no);
        assert!(h.rejected.is_some(), "{file} was taken for {:?}", h.text);
    }
}

#[test]
fn real_digits_are_told_from_each_other_and_from_digits_that_were_not_asked_for() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval/digits");
    if !folder.exists() {
        return eprintln!("skipped: {} is not there", folder.display());
    }
    let mut engine = Small::built_in().expect("it is built in");
    let (mut right, mut refused, mut n) = (0, 0, 0);
    for speaker in ["jackson", "nicolas", "theo"] {
        for (digit, name) in ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"].iter().enumerate()
        {
            let file = folder.join(format!("{digit}_{speaker}_7.wav"));
            let h = hear(&mut engine, &file, &Expect::Digits { min: 1, max: 1, check: None });
            right += usize::from(h.text == *name || *name == "zero" && h.text == "oh");
            let h = hear(&mut engine, &file, &Expect::YesNo { phrases: Arc::from([]) });
            refused += usize::from(h.rejected.is_some());
            n += 1;
        }
    }
    println!("{right} of {n} right, {refused} refused as an answer to yes or no");
    assert!(right * 10 >= n * 6 && refused * 10 >= n * 7, "{right} right, {refused} refused of {n}");
}

#[test]
fn chinese_callers_reach_a_person_and_their_questions_do_not_sound_like_it() {
    let mut engine = Small::built_in().expect("it is built in");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures");
    let open = Expect::Open { name: Arc::from("x"), examples: Arc::from([]) };
    let mut right = Vec::new();
    for name in ["zh-person-1", "zh-person-2", "zh-person-3", "zh-where-1", "zh-hours-1"] {
        let h = hear_in(Language::ZH, &mut engine, &folder.join(format!("{name}.wav")), &open);
        println!("{name}: {:?} {:?} {:?} {:?}", h.text, h.request, h.alternatives, h.why);
        let asks = h.request.is_some_and(|r| r.get() > 0.5);
        right.push(asks == name.contains("person"));
    }
    assert!(right[3..].iter().all(|r| *r) && right.iter().filter(|r| **r).count() >= 4, "{right:?}");
}
