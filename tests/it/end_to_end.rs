//! The main job against peers that we did not write: baresip phones in, plays recorded speech, records what it hears; SIPp
//! plays signalling. The gateway is the real binary.

use crate::baresip::Baresip;
use crate::dice::Dice;
use crate::gateway::{Gateway, HOTLINE, Wanted, checkout, installed};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const RATE: usize = 8_000;

/// A parcel service on loopback; ends with the process. Answers 12345678 and nothing else.
fn parcels() -> SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let at = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut request = [0u8; 2048];
            let length = stream.read(&mut request).unwrap_or(0);
            let known = String::from_utf8_lossy(&request[..length]).contains("/parcels/12345678 ");
            let (status, body) = match known {
                true => ("200 OK", "{\"status\":\"on its way\",\"eta\":\"2030-01-01\"}"),
                false => ("404 Not Found", "{}"),
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
            let _ = write!(stream, "{head}connection: close\r\n\r\n{body}");
        }
    });
    at
}

/// Milliseconds of silence, or a fixture.
pub(crate) enum Piece<'a> {
    Quiet(usize),
    Fixture(&'a str),
    Tone(f32, usize),
}

/// Joins pieces into one 8 kHz mono WAV.
pub(crate) fn sound(path: &Path, pieces: &[Piece<'_>]) {
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(path, spec).expect("a writable folder");
    for piece in pieces {
        let samples = match piece {
            Piece::Quiet(ms) => vec![0; ms * RATE / 1_000],
            Piece::Fixture(name) => fixture(name),
            Piece::Tone(hertz, ms) => (0..ms * RATE / 1_000)
                .map(|i| ((i as f32 * hertz * std::f32::consts::TAU / RATE as f32).sin() * 8_000.0) as i16)
                .collect(),
        };
        for sample in samples {
            wav.write_sample(sample).expect("written");
        }
    }
    wav.finalize().expect("written");
}

fn fixture(name: &str) -> Vec<i16> {
    let path = checkout().join("audio-fixtures").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    hotline::audio::decode_file(&bytes, Some("wav")).expect("a WAV").samples
}

fn gateway(agent: &str, parcels: Option<SocketAddr>) -> Gateway {
    let service = parcels.map_or("127.0.0.1:9".to_string(), |at| at.to_string());
    let env = vec![("AGENT_SIP", agent.to_string()), ("PARCEL_API", format!("http://{service}"))];
    // A telephone that falters because another test's recogniser works is not understood, nor are we at it.
    Gateway::start(Wanted { flow: "flows/parcel.yaml", env, hosts: vec![service], alone: true, ..Wanted::default() })
}

/// Cuts `from`–`to` (seconds; 0 = the end) out of a recording.
fn cut(path: &Path, to_path: &Path, from: f32, to: f32) {
    let mut wav = hound::WavReader::open(path).expect("a WAV");
    let spec = wav.spec();
    let step = usize::from(spec.channels);
    let all: Vec<i16> = wav.samples::<i16>().map(|s| s.expect("a sample")).step_by(step).collect();
    let at = |s: f32| ((s * spec.sample_rate as f32) as usize).min(all.len());
    let end = if to == 0.0 { all.len() } else { at(to) };
    let mut out = hound::WavWriter::create(to_path, hound::WavSpec { channels: 1, ..spec }).expect("writable");
    for sample in &all[at(from).min(end)..end] {
        out.write_sample(*sample).expect("written");
    }
    out.finalize().expect("written");
}

/// Stretches of sound (start and end, seconds) with at most `gap` seconds of quiet inside.
fn stretches(path: &Path, gap: f32) -> Vec<(f32, f32)> {
    let mut wav = hound::WavReader::open(path).expect("a WAV");
    let rate = wav.spec().sample_rate as f32;
    let all: Vec<i16> = wav.samples::<i16>().map(|s| s.expect("a sample")).collect();
    let mut found: Vec<(f32, f32)> = Vec::new();
    for (i, piece) in all.chunks((rate / 50.0) as usize).enumerate() {
        let power: f32 = piece.iter().map(|&s| f32::from(s) * f32::from(s)).sum::<f32>() / piece.len().max(1) as f32;
        if power < 150.0 * 150.0 {
            continue;
        }
        let at = i as f32 / 50.0;
        match found.last_mut() {
            Some(last) if at - last.1 < gap => last.1 = at,
            _ => found.push((at, at)),
        }
    }
    found
}

/// Whether most of some half second is this tone, at whatever rate and number of channels it was recorded.
pub(crate) fn has_tone(path: &Path, hertz: f32) -> bool {
    let mut wav = hound::WavReader::open(path).expect("a WAV");
    let (rate, channels) = (wav.spec().sample_rate, usize::from(wav.spec().channels));
    let all: Vec<f32> = wav.samples::<i16>().map(|s| f32::from(s.expect("a sample"))).step_by(channels).collect();
    all.chunks_exact(rate as usize / 2).any(|piece| {
        let (mut re, mut im, mut energy) = (0.0f32, 0.0f32, 1.0f32);
        for (i, x) in piece.iter().enumerate() {
            let phase = i as f32 * hertz * std::f32::consts::TAU / rate as f32;
            re += x * phase.cos();
            im += x * phase.sin();
            energy += x * x;
        }
        energy > 1e8 && (re * re + im * im) * 2.0 / (piece.len() as f32 * energy) > 0.5
    })
}

fn calls_show(gateway: &Gateway, id: &str) -> String {
    let output =
        Command::new(HOTLINE).args(["calls", "show", id, "--json", "--config"]).arg(&gateway.config).output().expect("runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn baresip_asks_for_its_parcel_and_hears_the_right_answer() {
    if !installed("baresip") {
        return;
    }
    let gateway = gateway("sip:nobody@127.0.0.1:9", Some(parcels()));
    let wav = gateway.path("caller.wav");
    let question = [
        Piece::Quiet(12_000),
        Piece::Fixture("where-other-5.wav"),
        Piece::Quiet(7_000),
        Piece::Fixture("number-1.wav"),
        Piece::Quiet(20_000),
    ];
    sound(&wav, &question);
    let length = hound::WavReader::open(&wav).expect("a WAV").duration() / RATE as u32;
    let mut phone = Baresip::start(&wav, Some(&format!("sip:5551000@{}", gateway.sip)), length + 4);
    phone.wait(Duration::from_secs(u64::from(length) + 15));
    let heard = phone.heard().unwrap_or_else(|| panic!("baresip recorded nothing:\n{}", phone.log()));
    let rows = gateway.ended_calls(1);
    let story = calls_show(&gateway, rows[0]["id"].as_str().unwrap_or_default());

    // The answer is the stretch that begins after the digits were spoken.
    let digits = fixture("number-1.wav").len() as f32 / RATE as f32;
    let question = fixture("where-other-5.wav").len() as f32 / RATE as f32;
    let spoken = 12.0 + question + 7.0 + digits;
    let after: Vec<_> = stretches(&heard, 0.9).into_iter().filter(|(from, _)| *from > spoken - 1.0).collect();
    let (from, to) = *after.first().unwrap_or_else(|| panic!("nothing was heard after the digits:\n{story}\n{}", phone.log()));
    let answer = gateway.path("answer.wav");
    cut(&heard, &answer, from - 0.1, to + 0.3);
    let number = "parcel one two three four five six seven eight";
    let statuses = [
        "is on its way",
        "is in our depot",
        "is lost",
        "has been delivered",
        "is at the customs office",
        "was returned to the sender",
    ];
    let when = "you can expect it on tuesday the first of january";
    let grammar: Vec<String> = statuses.iter().map(|s| format!("{number} {s} {when}")).collect();
    let output = Command::new(HOTLINE)
        .args(["transcribe", "--json", "--grammar", &grammar.join(" | ")])
        .arg(&answer)
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("is on its way"),
        "recognised back: {text}\n{}\nthe call:\n{story}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(story.contains("parcel.where") && story.contains("on its way"), "{story}");
}

#[test]
fn baresip_asks_for_a_person_and_both_phones_hear_each_other() {
    if !installed("baresip") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let agent_wav = dir.path().join("agent.wav");
    sound(&agent_wav, &[Piece::Tone(1_000.0, 40_000)]);
    // It may have to wait for the turn of this test's gateway; the test ends it.
    let mut agent = Baresip::start(&agent_wav, None, 900);
    let gateway = gateway(&format!("sip:phone@127.0.0.1:{}", agent.port), None);
    let caller_wav = gateway.path("caller.wav");
    let request = [Piece::Quiet(2_500), Piece::Fixture("person-1.wav"), Piece::Quiet(9_000), Piece::Tone(440.0, 6_000)];
    sound(&caller_wav, &request);
    let mut caller = Baresip::start(&caller_wav, Some(&format!("sip:5551000@{}", gateway.sip)), 30);
    caller.wait(Duration::from_secs(40));
    let rows = gateway.ended_calls(1);
    agent.wait(Duration::from_secs(1));
    let story = calls_show(&gateway, rows[0]["id"].as_str().unwrap_or_default());
    let (caller_heard, agent_heard) = (caller.heard(), agent.heard());
    let caller_heard = caller_heard.unwrap_or_else(|| panic!("the caller recorded nothing\n{}", caller.log()));
    let agent_heard = agent_heard.unwrap_or_else(|| panic!("the agent recorded nothing\n{}\n{story}", agent.log()));
    assert!(has_tone(&caller_heard, 1_000.0), "the caller did not hear the agent:\n{story}");
    assert!(has_tone(&agent_heard, 440.0), "the agent did not hear the caller:\n{story}");
    assert!(story.contains("asked"), "{story}");
}

/// Runs one of the SIPp scenarios against the gateway.
fn sipp(gateway: &Gateway, scenario: &str, number: &str) -> Result<(), String> {
    sipp_for(gateway, scenario, number, 300)
}

/// As [`sipp`]; its pauses last so many milliseconds.
fn sipp_for(gateway: &Gateway, scenario: &str, number: &str, pause_ms: u32) -> Result<(), String> {
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port").port();
    let file: PathBuf = checkout().join("sip-config/sipp").join(scenario);
    let output = Command::new("sipp")
        .arg("-sf")
        .arg(&file)
        .args([
            "-s",
            number,
            "-m",
            "1",
            "-i",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-nostdin",
            "-timeout",
            "40",
            "-timeout_error",
        ])
        .args(["-d", &pause_ms.to_string()])
        .arg(gateway.sip.to_string())
        .current_dir(gateway.path(""))
        .output()
        .expect("sipp runs");
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{scenario}: {}", String::from_utf8_lossy(&output.stdout))),
    }
}

#[test]
fn sipp_plays_signalling_against_the_whole_gateway() {
    if !installed("sipp") {
        return;
    }
    let gateway = gateway("sip:nobody@127.0.0.1:9", None);
    let mut failed = Vec::new();
    for (scenario, number) in [
        ("options.xml", "5551000"),
        ("call.xml", "5551000"),
        ("late_offer.xml", "5551000"),
        ("hold.xml", "5551000"),
        ("no_codec.xml", "5551000"),
        ("broken_sdp.xml", "5551000"),
        ("unknown_number.xml", "unknown"),
        ("info_digits.xml", "5551000"),
        ("call.xml", "5551000"),
    ] {
        failed.extend(sipp(&gateway, scenario, number).err());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn garbage_on_sip_and_rtp_ports_leaves_a_call_untouched() {
    if !installed("sipp") {
        return;
    }
    let gateway = gateway("sip:nobody@127.0.0.1:9", None);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let mut dice = Dice::new(0x1234_5678_9abc_def1);
    let target = gateway.sip;
    let bad = std::thread::spawn(move || {
        for i in 0..3_000u32 {
            let bytes = dice.bytes(600);
            let _ = socket.send_to(&bytes, target);
            let text =
                format!("INVITE sip:{i}@x SIP/2.0\r\nVia: {}\r\nContent-Length: 99999999999\r\n\r\n", dice.roll(usize::MAX));
            let _ = socket.send_to(text.as_bytes(), target);
            for port in (16_384u16..16_404).step_by(2) {
                let _ = socket.send_to(&bytes[..bytes.len().min(200)], ("127.0.0.1", port));
            }
            if i % 100 == 0 {
                // A flood, but not one that takes the processor from the gateway that is tested.
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });
    sipp(&gateway, "call.xml", "5551000").expect("a call goes through under garbage");
    bad.join().expect("the sender ends");
    sipp(&gateway, "call.xml", "5551000").expect("and afterwards");
}

#[test]
fn a_killed_worker_costs_one_utterance_and_comes_back() {
    let gateway = gateway("sip:nobody@127.0.0.1:9", None);
    let before = gateway.workers();
    assert!(!before.is_empty(), "recognition runs in worker processes");
    for pid in &before {
        // SAFETY: a plain kill(2) of a child of the gateway that this test started.
        unsafe { libc::kill(*pid as i32, libc::SIGKILL) };
    }
    let until = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let now = gateway.workers();
        if now.len() == before.len() && now.iter().all(|pid| !before.contains(pid)) {
            break;
        }
        assert!(std::time::Instant::now() < until, "the workers did not come back: {before:?} {now:?}");
        // A worker loads its models before it is one again; its process is looked for in /proc, which tells nobody.
        std::thread::sleep(Duration::from_millis(200));
    }
    if installed("sipp") {
        sipp(&gateway, "call.xml", "5551000").expect("calls go on");
    }
}

#[test]
fn a_broken_configuration_is_told_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("bad.toml");
    std::fs::write(&config, "[sip]\nudp = \"nowhere\"\nmax_cals = 7\n\n[[number]]\ndialled = \"1\"\nflow = \"missing.yaml\"\n")
        .expect("written");
    let output = Command::new(HOTLINE).args(["serve", "--config"]).arg(&config).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in ["bad.toml:2", "bad.toml:3", "max_calls"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

fn refer_gateway(agent: &str) -> Gateway {
    Gateway::start(Wanted { flow: "tests/flows/refer.yaml", env: vec![("AGENT_SIP", agent.into())], ..Wanted::default() })
}

#[test]
fn a_caller_is_moved_by_refer_and_the_outcome_is_followed() {
    if !installed("sipp") {
        return;
    }
    let gateway = refer_gateway("sip:agent@127.0.0.1:9");
    sipp(&gateway, "refer_ok.xml", "5551000").expect("REFER with User-to-User, NOTIFY 100 and 200");
    let rows = gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"], "transferred", "{rows:?}");
}

#[test]
fn a_failed_refer_falls_back_to_a_bridge_with_the_same_agent() {
    if !installed("sipp") || !installed("baresip") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let wav = dir.path().join("agent.wav");
    sound(&wav, &[Piece::Tone(1_000.0, 30_000)]);
    let agent = Baresip::start(&wav, None, 900);
    let gateway = refer_gateway(&format!("sip:phone@127.0.0.1:{}", agent.port));
    // The referred call is busy; the caller stays ours and is bridged. The scenario hangs up by itself afterwards.
    let outcome = sipp_for(&gateway, "refer_busy.xml", "5551000", 6_000);
    let rows = gateway.ended_calls(1);
    let story = calls_show(&gateway, rows[0]["id"].as_str().unwrap_or_default());
    assert!(outcome.is_ok(), "{outcome:?}\n{story}");
    assert_eq!(rows[0]["disposition"], "transferred", "{story}");
    assert!(story.contains("bridge"), "{story}");
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_call() {
    if !installed("sipp") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let disk = dir.path().join("disk");
    std::fs::create_dir_all(&disk).expect("a folder");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=600k", "tmpfs"]).arg(&disk).status();
    if !mounted.is_ok_and(|s| s.success()) {
        eprintln!("SKIPPED: no small disk can be mounted here (needs root)");
        return;
    }
    let store = format!("dir = {:?}\n", disk.join("store"));
    let env = vec![("AGENT_SIP", "sip:nobody@127.0.0.1:9".into()), ("PARCEL_API", "http://127.0.0.1:9".into())];
    let hosts = vec!["127.0.0.1:9".into()];
    let wanted = Wanted { flow: "flows/parcel.yaml", env, hosts, store: &store, ..Wanted::default() };
    let outcome = std::panic::catch_unwind(|| {
        let gateway = Gateway::start(wanted);
        // What is left of the disk is filled; then calls come in.
        let _ = std::fs::write(disk.join("filler"), vec![0u8; 1 << 20]);
        sipp_for(&gateway, "call.xml", "5551000", 4_000).and_then(|()| sipp_for(&gateway, "call.xml", "5551000", 1_000))
    });
    let _ = Command::new("umount").arg("-l").arg(&disk).status();
    outcome.expect("the gateway starts and lives").expect("calls go on with a full disk");
}

/// Baudot's tones over a real line: nobody is asked anything, and who reads text telephones is called.
#[test]
fn who_types_on_a_text_telephone_reaches_who_reads_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let flow = dir.path().join("typed.yaml");
    let relay = crate::desk::port();
    let text = "hotline: 1\nname: typed\nlanguages: [en]\nrecord: off\nperson: { to: support, text_telephone: relay }\n\
        targets:\n  support: { sip: \"sip:support@127.0.0.1:9\" }\n  relay: { sip: \"sip:relay@127.0.0.1:PORT\", accept: answer }\n\
        intents: { hours: { examples: [when are you open, opening hours] } }\n\
        nodes:\n  welcome: { ask: \"What is it about?\", keys: { \"1\": hours } }\n  hours: { say: \"From nine to five.\", then: welcome }\n";
    std::fs::write(&flow, text.replace("PORT", &relay.to_string())).expect("written");
    let gateway = Gateway::start(Wanted { flow: flow.to_str().expect("UTF-8"), ..Wanted::default() });
    // "GA" again and again: a start bit, five bits, a stop bit and a half, 22 ms each.
    let character = |bits: [bool; 5]| {
        let bit = |mark: bool, ms| Piece::Tone(if mark { 1_400.0 } else { 1_800.0 }, ms);
        let data = bits.into_iter().map(move |mark| bit(mark, 22));
        [bit(false, 22)].into_iter().chain(data).chain([bit(true, 33)]).collect::<Vec<_>>()
    };
    let ga =
        || [character([false, true, false, true, true]), character([true, true, false, false, false])].into_iter().flatten();
    let typed = dir.path().join("typed.wav");
    let words: Vec<_> = [Piece::Quiet(1_000)].into_iter().chain((0..12).flat_map(|_| ga())).collect();
    sound(&typed, &words);
    let agent = crate::desk::Phone::start(&["--answer", "--listen", &format!("127.0.0.1:{relay}"), "--wait", "4000"]);
    let uri = format!("sip:5551000@{}", gateway.sip);
    let (_, told) = crate::gateway::hotline(&[
        "--json",
        "call",
        &uri,
        "--over",
        "0",
        "--play",
        typed.to_str().expect("UTF-8"),
        "--wait",
        "8000",
    ]);
    let calls = gateway.ended_calls(1);
    let story = gateway.story(calls[0]["id"].as_str().expect("an id"));
    assert!(calls[0]["disposition"] == "transferred" && story.contains("relay") && story.contains("TTY"), "{story}\n{told}");
    agent.until("ended");
}

#[test]
fn ctrl_c_hangs_up_the_softphone() {
    use std::io::{BufRead, BufReader, Lines};
    use std::process::{Child, ChildStdout, Stdio};
    struct Ours(Child, Lines<BufReader<ChildStdout>>);
    impl Drop for Ours {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    impl Ours {
        fn line(&mut self, event: &str) -> serde_json::Value {
            let parsed = self.1.by_ref().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            let mut found = parsed.filter(|line: &serde_json::Value| line["event"] == event);
            found.next().unwrap_or_else(|| panic!("it ended without {event:?}"))
        }
    }
    let phone = |arguments: &[&str]| {
        let mut command = Command::new(HOTLINE);
        let command = command.args(["--json", "call"]).args(arguments).args(["--wait", "30000", "--hangup-after", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Ours(child, lines)
    };
    let mut agent = phone(&["--answer", "--listen", "127.0.0.1:0"]);
    let at = agent.line("listening")["detail"].as_str().expect("an address").to_string();
    let mut caller = phone(&[&format!("sip:agent@{at}")]);
    caller.line("answered");
    agent.line("answered");
    // SAFETY: a plain kill(2) of a process that this test started and has not waited for yet.
    unsafe { libc::kill(caller.0.id() as i32, libc::SIGINT) };
    assert_eq!(caller.line("ended")["disposition"], "hung_up");
    assert_eq!(agent.line("ended")["disposition"], "far_hung_up", "it was told");
    assert!(caller.0.wait().expect("a child of ours").success());
}
