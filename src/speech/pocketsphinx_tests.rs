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
        if row[2] != speaker { engine.set_line(None); speaker.clone_from(&row[2]); }
        let audio = samples(&dir.join(&row[0]));
        let h = hear(&mut engine, &digits, &audio);
        seconds += audio.len() as f32 / 8000.0;
        n += 1;
        right += usize::from(h.text == row[1]);
    }
    eprintln!("digits {right}/{n} {:.3} s/s line {:?}", (cpu()-clock) / seconds, engine.line());
}

fn cpu() -> f32 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the struct it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut t) };
    t.tv_sec as f32 + t.tv_nsec as f32 / 1e9
}
