//! The benches of calls work, give what programs rely on, and find nothing that grows. Their figures are no verdict here: the
//! machine is shared. `HOTLINE_HEAVY=1` makes the soak as long as it must be to see growth: five minutes at 200 calls.

use serde_json::Value;
use std::process::Command;

fn bench(words: &[&str]) -> Value {
    let (figures, good) = figures_of(words);
    assert!(good, "{words:?}: {figures}");
    figures
}

/// The figures, and whether the bench found them good.
fn figures_of(words: &[&str]) -> (Value, bool) {
    let out = Command::new(env!("CARGO_BIN_EXE_hotline")).arg("--json").arg("bench").args(words).output().expect("it starts");
    let (text, errors) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    let figures = serde_json::from_str(text.lines().last().unwrap_or(""));
    (figures.unwrap_or_else(|e| panic!("{words:?}: {e}: {text}{errors}")), out.status.success())
}

#[test]
fn what_a_call_costs() {
    let _seat = crate::gateway::alone();
    let f = bench(&["media", "--calls", "12", "--seconds", "4", "--vad", "--record", "--per-second", "20"]);
    assert_eq!((f["calls"].as_u64(), f["failed"].as_u64()), (Some(12), Some(0)), "{f}");
    let number = |path: &str| f.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {f}"));
    assert!(number("/cpu_percent_per_call") > 0.0 && number("/private_mb_per_call") >= 0.0);
    for path in ["/tick_lateness_ms/p50", "/tick_lateness_ms/p99", "/tick_lateness_ms/max", "/bare_timer_ms/p99"] {
        assert!(number(path) >= 0.0);
    }
    // 12 calls, 50 packets a second: all but what a busy machine held up.
    assert!(number("/packets/received") > 12.0 * 50.0 * 4.0 * 0.8, "{f}");
    assert_eq!(number("/packets/lost"), 0.0, "{f}");
}

#[test]
fn calls_begin_and_the_limit_is_exact() {
    let _seat = crate::gateway::alone();
    let f = bench(&["setup", "--per-second", "40", "--calls", "120"]);
    assert_eq!((f["gateway"]["answered"].as_u64(), f["gateway"]["failed"].as_u64()), (Some(120), Some(0)), "{f}");
    assert_eq!(f["bare_server"]["answered"].as_u64(), Some(120), "{f}");
    assert_eq!(f["limit"]["refused"], serde_json::json!({ "503": 7 }), "{f}");
}

#[test]
fn who_asks_for_a_person_rings_a_free_agent() {
    if !cfg!(feature = "pocketsphinx") {
        return println!("skipped: built without pocketsphinx");
    }
    let _turn = crate::gateway::turn();
    let (f, good) = figures_of(&["reach", "--concurrent", "4", "--rounds", "2"]);
    assert_eq!(good, f["shortfalls"].as_array().is_some_and(Vec::is_empty), "{f}");
    assert_eq!((f["calls"].as_u64(), f["failed"].as_u64(), f["keyed"]["n"].as_u64()), (Some(8), Some(0), Some(4)), "{f}");
    // What is said may not be understood at once where the machine has much else to do.
    let (spoken, unheard) = (f["spoken"]["n"].as_u64(), f["unreached"].as_u64());
    assert!(spoken == Some(4) && unheard.is_some_and(|unheard| unheard < 4), "{f}");
    // A key is no matter of opinion, however busy the machine is: nobody waits for the end of a sentence or a turn of a timer.
    assert!(f["keyed"]["max"].as_f64().is_some_and(|ms| (0.0..2_000.0).contains(&ms)), "{f}");
}

#[test]
fn nothing_is_held_after_many_calls() {
    let _seat = crate::gateway::alone();
    let heavy = std::env::var_os("HOTLINE_HEAVY").is_some();
    let f = if heavy {
        bench(&["soak", "--calls", "16000", "--minutes", "5"])
    } else {
        println!("HOTLINE_HEAVY is not set: 200 short calls instead of 16000 and five minutes at 200 calls");
        bench(&["soak", "--calls", "200", "--per-second", "40", "--minutes", "0"])
    };
    assert_eq!(f["back_to_start"], true, "{f}");
    assert_eq!(f["short"]["failed"].as_u64(), Some(0), "{f}");
    if heavy {
        assert_eq!((&f["short"]["grows"], &f["lasting"]["grows"]), (&false.into(), &false.into()), "{f}");
    }
}
