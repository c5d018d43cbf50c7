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
    let (mut at, mut format) = (12, 1);
    while at + 8 <= bytes.len() {
        let len = u32::from_le_bytes([bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]]) as usize;
        let body = &bytes[at + 8..(at + 8 + len).min(bytes.len())];
        match &bytes[at..at + 4] {
            b"fmt " => format = body[0],
            b"data" if format == 7 => return body.iter().map(|b| mulaw(*b)).collect(),
            b"data" => return body.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(),
            _ => {}
        }
        at += 8 + len + len % 2;
    }
    Vec::new()
}

fn mulaw(byte: u8) -> i16 {
    let b = !byte;
    let magnitude = ((i16::from(b & 15) << 3) + 132) << ((b >> 4) & 7);
    if b & 128 > 0 { 132 - magnitude } else { magnitude - 132 }
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

#[test]
fn figures() {
    let Some(dir) = eval("digits/index.tsv").and_then(|p| Some(p.parent()?.to_path_buf())) else { return };
    let mut engine = PocketSphinx::load().expect("the model");
    let digits = expecting(Expect::Digits { min: 1, max: 1 });
    let (mut right, mut n) = (0, 0);
    let clock = cpu();
    let mut seconds = 0.0;
    let mut speaker = String::new();
    let rows: Vec<_> = table("digits/index.tsv").into_iter().enumerate().filter(|(i, _)| i % 15 == 0).map(|(_, r)| r).collect();
    for row in &rows {
        if row[2] != speaker {
            engine.set_line(None);
            speaker.clone_from(&row[2]);
        }
        let audio = samples(&dir.join(&row[0]));
        let h = hear(&mut engine, &digits, &audio);
        seconds += audio.len() as f32 / 8000.0;
        n += 1;
        right += usize::from(h.text == row[1]);
    }
    eprintln!("digits {right}/{n} {:.3} s/s line {:?}", (cpu() - clock) / seconds, engine.line());
}

fn cpu() -> f32 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the struct it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut t) };
    t.tv_sec as f32 + t.tv_nsec as f32 / 1e9
}

#[test]
fn dump() {
    let Ok(what) = std::env::var("DUMP") else { return };
    let mut engine = PocketSphinx::load().expect("the model");
    let intents = [
        "where is my parcel",
        "where is my package",
        "has my package shipped yet",
        "i want to track my order",
        "track my parcel",
        "when will my delivery arrive",
        "i am still waiting for my package",
        "my parcel has not arrived",
        "what is the status of my order",
        "did you send my order",
        "what are your opening hours",
        "when are you open",
        "are you open on sunday",
        "what time do you close",
        "until when are you open today",
        "when does the shop open",
        "i want a refund",
        "i want my money back",
        "can i return this",
        "how do i return an item",
        "i would like to send it back",
        "please refund my order",
        "how much does it cost to send a parcel",
        "what does shipping cost",
        "how much is delivery",
        "what is the price of express delivery",
        "i want to make a complaint",
        "i am very unhappy with your service",
        "the driver was rude",
        "my package arrived damaged",
        "this is unacceptable",
        "i forgot my password",
        "reset my password",
        "i cannot log in",
        "my account is locked",
        "what is my balance",
        "how much money do i owe",
        "check my account balance",
        "change my address",
        "i have moved to a new address",
        "deliver to my neighbour",
        "leave it at the door",
        "can i pay by card",
        "i want to pay my bill",
        "send me an invoice",
        "cancel my order",
        "i want to cancel",
        "do you ship abroad",
        "can you deliver to france",
        "are you hiring",
        "i am looking for a job",
    ];
    let open = expecting(Expect::Open {
        name: Arc::from("x"),
        examples: intents.iter().map(|s| s.to_string()).collect::<Vec<_>>().into(),
    });
    let yes = expecting(Expect::YesNo { phrases: Arc::from([]) });
    let menu = expecting(Expect::Choice {
        phrases: ["track a parcel", "opening hours", "prices", "complaint", "something else"]
            .map(str::to_string)
            .to_vec()
            .into(),
    });
    let four = expecting(Expect::Digits { min: 4, max: 4 });
    let one = expecting(Expect::Digits { min: 1, max: 1 });
    let mut files: Vec<(PathBuf, String, String)> = Vec::new();
    let dir = eval("digits").unwrap().parent().unwrap().to_path_buf();
    let step: usize = std::env::var("STEP").ok().and_then(|s| s.parse().ok()).unwrap_or(4);
    if what == "digits" {
        for (i, r) in table("digits/index.tsv").into_iter().enumerate() {
            if i % step == 0 {
                files.push((dir.join("digits").join(&r[0]), r[1].clone(), r[2].clone()));
            }
        }
    }
    if what == "foreign" {
        for (i, r) in table("commands/index.tsv").into_iter().enumerate() {
            if i % step == 0 {
                files.push((dir.join("commands").join(&r[0]), String::new(), "foreign".into()));
            }
        }
        for r in table("words/index.tsv") {
            files.push((
                dir.join("words").join(&r[0]),
                r[1].clone(),
                if r[0] == "agent.wav" { "person" } else { "foreign" }.into(),
            ));
        }
    }
    if what == "syn" {
        for l in std::fs::read_to_string("/tmp/syn/index.tsv").unwrap().lines().skip(1) {
            let c: Vec<_> = l.split('\t').collect();
            if !c[0].contains(&std::env::var("ONLY").unwrap_or_default()) {
                continue;
            }
            files.push((format!("/tmp/syn/{}", c[0]).into(), c[1].into(), c[2].into()));
        }
    }
    let mut last = String::new();
    for (path, truth, kind) in files {
        if what != "digits" || kind != last {
            engine.set_line(None);
            last = kind.clone();
        }
        let audio = samples(&path);
        let asks: Vec<(&str, &Grammar)> = match kind.as_str() {
            "foreign" | "person" => vec![("four", &four), ("yes", &yes), ("menu", &menu), ("open", &open)],
            "open" => vec![("open", &open)],
            "closed" => vec![("four", &four), ("yes", &yes)],
            _ => vec![("one", &one)],
        };
        for (name, g) in asks {
            // closed asks hear the first three seconds
            let cut = if name == "open" { audio.len() } else { audio.len().min(28_000) };
            let t0 = cpu();
            if what != "digits" && kind != "speaker" {
                engine.set_line(None);
            }
            engine.start(g).unwrap();
            for f in audio[..cut].chunks(160) {
                engine.feed(f);
            }
            let te = cpu();
            let h = engine.finish();
            let t1 = cpu();
            let kws: Vec<String> =
                engine.spotter.decoder.segments().iter().map(|s| format!("{}:{}", s.word, s.posterior)).collect();
            println!(
                "R\t{}\t{kind}\t{name}\t{truth}\t{}\t{:?}\t{}\t{:.3}\t{:.3}\t{:.2}",
                path.file_name().unwrap().to_string_lossy(),
                h.text,
                engine.last,
                kws.join(","),
                t1 - t0,
                t1 - te,
                cut as f32 / 8000.0
            );
        }
    }
}
