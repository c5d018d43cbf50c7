use super::*;

/// A file of real people's audio; `None` (said aloud) where the checkout has none.
fn eval(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/eval").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

fn samples(path: &Path) -> Vec<i16> {
    let bytes = std::fs::read(path).expect("readable");
    crate::audio::decode_file(&bytes, Some("wav")).expect("a sound file").samples
}

fn table(name: &str) -> Vec<Vec<String>> {
    let Some(path) = eval(name) else { return Vec::new() };
    let text = std::fs::read_to_string(path).expect("a table");
    text.lines().skip(1).map(|l| l.split('\t').map(str::to_string).collect()).collect()
}

fn hear(engine: &mut PocketSphinx, grammar: &Grammar, audio: &[i16]) -> Hypothesis {
    engine.start(grammar).expect("a grammar");
    for frame in audio.chunks(160) {
        engine.feed(frame);
    }
    engine.finish()
}

fn expecting(expect: Expect) -> Grammar {
    Grammar { language: Language::EN, expect, person: Arc::from([]) }
}

/// Every so many files of a set: all of them take minutes.
fn step(few: usize) -> usize {
    if std::env::var_os("HOTLINE_FIGURES").is_some() { (few / 10).max(1) } else { few }
}

fn questions() -> Grammar {
    let examples = include_str!("../../audio-fixtures/questions.txt").lines().map(str::to_string).collect();
    expecting(Expect::Open { name: Arc::from("figures"), examples })
}

#[test]
fn real_people_say_digits() {
    let Some(dir) = eval("digits").filter(|d| d.join("index.tsv").exists()) else { return };
    let mut engine = PocketSphinx::load().expect("the model");
    let ask = expecting(Expect::Digits { min: 1, max: 1, check: None });
    let (mut n, mut right, mut refused, mut wrong) = (0, 0, 0, 0);
    let mut speaker = String::new();
    for row in table("digits/index.tsv").into_iter().step_by(step(50)) {
        if row[2] != speaker {
            engine.set_line(None);
            speaker.clone_from(&row[2]);
        }
        let heard = hear(&mut engine, &ask, &samples(&dir.join(&row[0])));
        n += 1;
        right += usize::from(heard.text == row[1]);
        refused += usize::from(heard.text == row[1] && heard.rejected.is_some());
        wrong += usize::from(heard.text != row[1] && heard.rejected.is_none());
    }
    println!("single digits: {n}, heard right {right}, of these refused {refused}; wrong and not refused {wrong}");
    assert!(right * 10 >= n * 7, "{right} of {n}");
}

#[test]
fn foreign_speech_is_mostly_refused() {
    let Some(dir) = eval("words").filter(|d| d.join("index.tsv").exists()) else { return };
    let mut engine = PocketSphinx::load().expect("the model");
    let mut files: Vec<PathBuf> =
        table("words/index.tsv").into_iter().filter(|r| r[1] != "agent").map(|r| dir.join(&r[0])).collect();
    if let Some(commands) = eval("commands") {
        files.extend(table("commands/index.tsv").into_iter().step_by(step(60)).map(|r| commands.join(&r[0])));
    }
    let asks = [
        ("yes or no", expecting(Expect::YesNo { phrases: Arc::from([]) })),
        ("four digits", expecting(Expect::Digits { min: 4, max: 4, check: None })),
        ("an open question", questions()),
    ];
    for (name, ask) in &asks {
        let (mut accepted, mut alarms) = (0, 0);
        for file in &files {
            let sound = samples(file);
            engine.set_line(None);
            engine.start(ask).expect("a grammar");
            let mut person = None;
            for frame in sound[..sound.len().min(32_000)].chunks(160) {
                person = engine.feed(frame).and_then(|p| p.person).or(person);
            }
            accepted += usize::from(engine.finish().rejected.is_none());
            if let Some(phrase) = person {
                println!("false call for a person in {}: {phrase}", file.display());
                alarms += 1;
            }
        }
        println!(
            "foreign speech where {name} was asked: {} utterances, accepted {accepted}, false calls for a person {alarms}",
            files.len()
        );
        assert!(accepted * 10 <= files.len() * 6 && alarms * 10 <= files.len(), "{name}: {accepted} accepted, {alarms} alarms");
    }
}

#[test]
fn a_request_for_a_person_is_known_before_an_open_question_is_over() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures");
    let mut engine = PocketSphinx::load().expect("the model");
    let mut early = 0;
    let files = ["person-1", "person-2", "person-4", "person-6", "person-7"];
    for name in files {
        engine.set_line(None);
        engine.start(&questions()).expect("a grammar");
        let sound = samples(&fixtures.join(format!("{name}.wav")));
        let person = sound.chunks(160).find_map(|frame| engine.feed(frame).and_then(|p| p.person));
        println!("{name}: {person:?}; at the end {:?}", engine.finish().text);
        early += usize::from(person.is_some());
    }
    println!("a person is asked for in an open question: known early in {early} of {}", files.len());
    assert!(early >= 2, "{early}");
}

#[test]
fn a_real_caller_says_agent() {
    let Some(file) = eval("words/agent.wav") else { return };
    let mut engine = PocketSphinx::load().expect("the model");
    let heard = hear(&mut engine, &expecting(Expect::YesNo { phrases: Arc::from([]) }), &samples(&file));
    assert_eq!((heard.text.as_str(), heard.rejected), ("agent", None));
}

/// The model follows a noise and comes back: a quiet line after a noisy one is heard as by a new engine, several times over.
#[test]
fn noise_comes_and_goes() {
    let fixture = |name: &str| samples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("audio-fixtures").join(name));
    let grammar = questions();
    let quiet = fixture("where-2.wav");
    let mut noisy = fixture("hours-1.wav");
    crate::audio::add_white(&mut noisy, 10.0, 1);
    let mut engine = PocketSphinx::load().expect("the model");
    let alone = hear(&mut engine, &grammar, &quiet);
    for _ in 0..3 {
        engine.set_line(None);
        let in_noise = hear(&mut engine, &grammar, &noisy);
        assert!(engine.moved && !in_noise.text.is_empty(), "{in_noise:?}");
        engine.set_line(None);
        let again = hear(&mut engine, &grammar, &quiet);
        assert_eq!((&again.text, engine.moved), (&alone.text, false));
        assert!((again.confidence.get() - alone.confidence.get()).abs() < 0.05, "{again:?} {alone:?}");
    }
}

/// Their grammars can be searched, and silence is no value.
#[test]
fn money_times_and_spelling_can_be_listened_for() {
    let mut engine = PocketSphinx::load().expect("the model");
    let silence = vec![0i16; 16_000];
    for expect in [Expect::Money, Expect::Time, Expect::Spelled, Expect::Digits { min: 5, max: 15, check: None }] {
        let heard = hear(&mut engine, &expecting(expect.clone()), &silence);
        assert!(heard.text.is_empty() || heard.rejected.is_some(), "{}: {heard:?}", expect.name());
    }
}
