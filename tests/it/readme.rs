//! The README, executed: every command in its `sh` blocks is run here, in order, in a folder that looks like a checkout; a
//! command that this test does not run itself is named below together with the test that does.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Commands that another test runs, or that run this one.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    // The command, the file, the test in it.
    ("make demo", "tests/it/demo.rs", "fn the_demo_places_three_calls_and_all_go_as_they_should"),
    ("make test", "tests/it/readme.rs", "fn every_command_of_the_readme_works"),
    ("hotline models pull base-en", "src/cli/models/tests.rs", "fn a_model_comes_in_pieces_and_is_compared_with_its_hash"),
    ("hotline train-ears flows/parcel.yaml", "tests/it/train_ears.rs", "fn ears_learn_the_words_of_a_flow"),
    ("hotline bench media --calls 200 --seconds 30 --vad --record", "tests/it/bench.rs", "fn what_a_call_costs"),
    ("hotline bench setup", "tests/it/bench.rs", "fn calls_begin_and_the_limit_is_exact"),
    ("hotline bench soak --calls 16000 --minutes 5", "tests/it/bench.rs", "fn nothing_is_held_after_many_calls"),
];

/// The one command that goes on until it is ended; later commands talk to it.
const SERVE: &str = "hotline serve --config sip-config/hotline.toml";

/// Longest time for one command.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn every_command_of_the_readme_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    let place = checkout_lookalike(root, &readme);
    let mut gateway: Option<Gateway> = None;
    let mut commands = 0;
    for command in blocks(&readme, "sh").iter().flat_map(|block| block.lines()).filter(|l| !l.trim().is_empty()) {
        commands += 1;
        if let Some((_, file, test)) = ELSEWHERE.iter().find(|(c, _, _)| *c == command) {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{command}: there is no {file}"));
            assert!(text.contains(test), "{command}: {file} has no {test}");
        } else if command == SERVE {
            gateway = Some(Gateway::start(place.path()));
        } else {
            let address = gateway.as_ref().map_or("127.0.0.1", |g| g.address.as_str());
            run(place.path(), &command.replace("sip:100@127.0.0.1", &format!("sip:100@{address}")));
        }
    }
    assert!(commands >= 10, "the blocks were found");
    // The README's own flow, with the emergency that it shows further down.
    let flows = blocks(&readme, "yaml");
    let emergency = flows.iter().find(|block| block.starts_with("emergency:")).expect("the README shows an emergency");
    std::fs::write(place.path().join("emergency.yaml"), format!("{}\n{emergency}", flows[0])).expect("written");
    run(place.path(), "hotline check emergency.yaml");
}

/// The text of all blocks marked as `kind`.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match &mut open {
            None if line == format!("```{kind}") => open = Some(String::new()),
            None => {}
            Some(_) if line == "```" => found.extend(open.take()),
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    found
}

/// A folder with what the commands expect: flows, models, the configuration (on free ports), and the README's own flow.
fn checkout_lookalike(root: &Path, readme: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a folder");
    for folder in ["flows", "models", "audio-fixtures"] {
        if root.join(folder).exists() {
            std::os::unix::fs::symlink(root.join(folder), place.path().join(folder)).expect("a link");
        }
    }
    let config = std::fs::read_to_string(root.join("sip-config/hotline.toml")).expect("the sample");
    let config = config.replace("127.0.0.1:5060", "127.0.0.1:0").replace("127.0.0.1:8080", "127.0.0.1:0");
    let config = config.replace("rtp_ports = \"20000-29999\"", "rtp_ports = \"any\"");
    std::fs::create_dir(place.path().join("sip-config")).expect("a folder");
    std::fs::write(place.path().join("sip-config/hotline.toml"), config).expect("written");
    let flows = blocks(readme, "yaml");
    std::fs::write(place.path().join("bakery.yaml"), flows.first().expect("the README shows a flow")).expect("written");
    place
}

/// `bash -c` with our binary first in the path, whatever the README's `export PATH` says about where it is built.
fn bash(place: &Path, command: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_hotline")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(command).current_dir(place).env("PATH", path).stdin(Stdio::null());
    bash
}

fn run(place: &Path, command: &str) {
    let mut child = bash(place, command).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("bash");
    let until = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().expect("a child of ours") {
            Some(status) => break status,
            None if Instant::now() > until => {
                let _ = child.kill();
                panic!("{command}: not done after {PATIENCE:?}");
            }
            // Waiting for another process, which has no clock of ours.
            None => std::thread::park_timeout(Duration::from_millis(20)),
        }
    };
    assert!(status.success(), "{command}: {status}");
}

/// The gateway of the README; ended when dropped.
struct Gateway {
    child: Child,
    /// Where its SIP listens, host and port.
    address: String,
}

impl Gateway {
    fn start(place: &Path) -> Gateway {
        // exec: the signal at the end must reach hotline, not bash.
        let mut child =
            bash(place, &format!("exec {SERVE}")).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("bash");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("takes calls on sip:")?;
            Some(rest.trim().to_string())
        });
        // Read on, or the gateway blocks on a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("serve: {line}")));
        Gateway { child, address: address.expect("the gateway says where it listens") }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
