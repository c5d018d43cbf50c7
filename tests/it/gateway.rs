//! A real gateway process for end-to-end tests: `hotline serve` on loopback with free ports and its own folder.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The binary under test.
pub(crate) const HOTLINE: &str = env!("CARGO_BIN_EXE_hotline");

/// The checkout.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a program is there that a test needs; says so aloud where it is not.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where servers are, which not everybody's path names.
    let mut folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let there = folders.any(|folder| folder.join(program).is_file());
    if !there {
        eprintln!("SKIPPED: {program} is not installed (make test installs it), nothing was tested with it");
    }
    there
}

/// Ends a process of a test in order: SIGTERM, and what is not gone after five seconds is killed.
pub(crate) fn terminate(child: &mut Child) {
    // SAFETY: a plain kill(2) of a process that this test started and has not waited for yet.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until && !matches!(child.try_wait(), Ok(Some(_))) {
        // wait(2) knows no time limit.
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// How many tests talk in real time at once: one for each core, since more would measure each other.
struct Seats {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Of those that are left.
    free: usize,
    all: usize,
    /// Somebody wants to be alone: nobody sits down until they were.
    wants_all: bool,
}

static SEATS: LazyLock<Seats> = LazyLock::new(|| {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    Seats { state: Mutex::new(State { free: all, all, wants_all: false }), changed: Condvar::new() }
});

impl Seats {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, condition: impl FnMut(&mut State) -> bool) -> MutexGuard<'_, State> {
        self.changed.wait_while(self.state(), condition).unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the tests that talk in real time; given back when dropped.
pub(crate) struct Seat(usize);

impl Drop for Seat {
    fn drop(&mut self) {
        SEATS.state().free += self.0;
        SEATS.changed.notify_all();
    }
}

/// Waits for the turn of a test that talks in real time.
pub(crate) fn turn() -> Seat {
    let mut state = SEATS.wait_while(|state| state.free == 0 || state.wants_all);
    state.free -= 1;
    Seat(1)
}

/// Waits until no other test talks in real time, and keeps it so: for those that measure, or that fill the machine.
pub(crate) fn alone() -> Seat {
    SEATS.wait_while(|state| state.wants_all).wants_all = true;
    let mut state = SEATS.wait_while(|state| state.free < state.all);
    (state.free, state.wants_all) = (0, false);
    Seat(state.all)
}

/// A running gateway; ended by SIGTERM when dropped.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) sip: SocketAddr,
    pub(crate) web: Option<SocketAddr>,
    pub(crate) config: PathBuf,
    dir: tempfile::TempDir,
    lines: Receiver<String>,
    /// What it said so far.
    seen: Vec<String>,
    /// Last, so that the next test begins when this gateway is gone.
    _seat: Seat,
}

/// What differs from test to test.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) flow: &'a str,
    pub(crate) env: Vec<(&'a str, String)>,
    pub(crate) hosts: Vec<String>,
    /// The address to listen on, in place of 127.0.0.1; an IPv6 one in brackets.
    pub(crate) host: &'a str,
    /// The port of SIP over UDP and TCP; 0 = the system chooses two.
    pub(crate) port: u16,
    /// Further TOML, appended.
    pub(crate) more: &'a str,
    /// Lines for the `[limits]` table.
    pub(crate) limits: &'a str,
    /// Lines for the `[web]` table.
    pub(crate) web: &'a str,
    /// Lines for the `[sip]` table.
    pub(crate) sip: &'a str,
    /// Lines for the `[store]` table, in place of the test's own folder.
    pub(crate) store: &'a str,
    /// A file that says how wrong the calendar is (`+3h`), read by libfaketime at every look at it; time itself runs as ever.
    pub(crate) calendar: Option<&'a Path>,
    /// No other test talks in real time meanwhile ([`alone`]).
    pub(crate) alone: bool,
}

/// Debian's libfaketime.
pub(crate) fn faketime() -> Option<PathBuf> {
    let place = |machine: &str| PathBuf::from(format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"));
    let found = ["x86_64", "aarch64"].map(place).into_iter().find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: faketime is not installed (make test installs it), no clock jumped");
    }
    found
}

/// Fixed prompts that this run of the tests has made: each gateway would make the same ones again, for seconds of both cores.
static PROMPTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prompts");
    // Those of earlier runs may have been made by another program.
    let running = |name: &std::ffi::OsStr| Path::new("/proc").join(name).is_dir();
    for old in std::fs::read_dir(&all).into_iter().flatten().flatten().filter(|old| !running(&old.file_name())) {
        drop(std::fs::remove_dir_all(old.path()));
    }
    let ours = all.join(std::process::id().to_string());
    std::fs::create_dir_all(&ours).expect("cargo's folder for tests is writable");
    ours
});

/// A folder for a store, with the prompts that are made already.
pub(crate) fn share_prompts(store: &Path) {
    std::fs::create_dir_all(store).expect("a folder of our own");
    let link = store.join("prompts");
    if !link.exists() {
        std::os::unix::fs::symlink(&*PROMPTS, link).expect("a folder of our own");
    }
}

impl Gateway {
    /// Starts and waits until it takes calls and its recogniser is warm.
    pub(crate) fn start(wanted: Wanted<'_>) -> Gateway {
        let seat = if wanted.alone { alone() } else { turn() };
        let dir = tempfile::tempdir().expect("a temporary folder");
        let flow = checkout().join(wanted.flow);
        let env: String = wanted.env.iter().map(|(k, v)| format!("{k} = {v:?}\n")).collect();
        let host = if wanted.host.is_empty() { "127.0.0.1" } else { wanted.host };
        let port = wanted.port;
        let store = if wanted.store.is_empty() { "dir = \"store\"\n" } else { wanted.store };
        let text = format!(
            "[sip]\nudp = \"{host}:{port}\"\ntcp = \"{host}:{port}\"\n{}\n[[number]]\ndialled = \"5551000\"\nflow = {flow:?}\n\
             [store]\n{store}\n[web]\nlisten = \"127.0.0.1:0\"\n{}\n[limits]\ncalls_per_minute = 1000\n{}\n[flow_env]\n{env}\n\
             [lookup]\nhosts = {:?}\n{}",
            wanted.sip, wanted.web, wanted.limits, wanted.hosts, wanted.more
        );
        if wanted.store.is_empty() {
            share_prompts(&dir.path().join("store"));
        }
        let config = dir.path().join("hotline.toml");
        std::fs::write(&config, text).expect("a writable folder");
        let mut command = Command::new(HOTLINE);
        if let Some(calendar) = wanted.calendar {
            command.env("LD_PRELOAD", faketime().expect("installed")).env("FAKETIME_TIMESTAMP_FILE", calendar);
            command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let mut child = command
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (tell, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let mut gateway =
            Gateway { child, sip: ([0, 0, 0, 0], 0).into(), web: None, config, dir, lines, seen: Vec::new(), _seat: seat };
        let sip = gateway.line_with("takes calls on sip:");
        gateway.sip = sip.rsplit("sip:").next().and_then(|a| a.trim().parse().ok()).expect("an address");
        let web = gateway.line_with("hand-over cards: http");
        gateway.web = web.split("://").nth(1).and_then(|a| a.split('/').next()).and_then(|a| a.parse().ok());
        gateway.line_with("ready");
        gateway
    }

    /// The next line on stderr that holds `text`, within 60 s.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
        panic!("the gateway never said {text:?}; it said:\n{}", self.seen.join("\n"));
    }

    /// A line that holds `text`, said already or within 60 s.
    pub(crate) fn said(&mut self, text: &str) -> String {
        match self.seen.iter().find(|line| line.contains(text)) {
            Some(line) => line.clone(),
            None => self.line_with(text),
        }
    }

    /// A path in the test's own folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `hotline calls --json`, the newest last, those that are going on included.
    pub(crate) fn calls(&self) -> Vec<serde_json::Value> {
        let output = Command::new(HOTLINE)
            .args(["calls", "--json", "--last", "1000", "--config"])
            .arg(&self.config)
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match serde_json::from_str(&text) {
            Ok(serde_json::Value::Array(rows)) => rows,
            Ok(serde_json::Value::Object(mut o)) => match o.remove("calls") {
                Some(serde_json::Value::Array(rows)) => rows,
                _ => Vec::new(),
            },
            _ => text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect(),
        }
    }

    /// The same once `count` calls have ended.
    pub(crate) fn ended_calls(&self, count: usize) -> Vec<serde_json::Value> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let rows = self.calls();
            let ended = rows.iter().filter(|r| !r["disposition"].is_null()).count();
            if ended >= count {
                return rows;
            }
            assert!(Instant::now() < until, "{count} calls should have ended: {rows:#?}");
            // Rows are written behind the call's end; each look is a process of its own.
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// `hotline calls show --json` of one call.
    pub(crate) fn story(&self, id: &str) -> String {
        let output =
            Command::new(HOTLINE).args(["calls", "show", id, "--json", "--config"]).arg(&self.config).output().expect("runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// All that it has written so far: the store's files, database included, and the log.
    pub(crate) fn everything(&self) -> String {
        let mut all = self.seen.join("\n");
        let mut folders = vec![self.dir.path().join("store")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => all.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default())),
                }
            }
        }
        all
    }

    /// A page of its web side.
    pub(crate) fn page(&self, path: &str) -> String {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.web.expect("the web side is on")).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("a page");
        text
    }

    /// Memory of the gateway's own process, workers aside.
    pub(crate) fn resident_kb(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Where its process accepts connections, the web's place aside: SIP over TCP and TLS.
    pub(crate) fn streams(&self) -> Vec<SocketAddr> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs");
        let links = folder.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
        let inode = |link: PathBuf| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(String::from);
        let sockets: Vec<String> = links.filter_map(inode).collect();
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        let listening = table.lines().skip(1).filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let port = u16::from_str_radix(columns[1].split_once(':')?.1, 16).ok()?;
            (columns[3] == "0A" && sockets.iter().any(|s| s == columns[9])).then_some(port)
        });
        let web = self.web.map(|web| web.port());
        listening.filter(|port| Some(*port) != web).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect()
    }

    /// SIGHUP: configuration, flows and certificates are read again. Waits until it says so.
    pub(crate) fn reload(&mut self) {
        // SAFETY: a plain kill(2) of a process that this test started and has not waited for yet.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGHUP) };
        self.line_with("reloaded");
    }

    /// Process ids of the recognition workers: children of the gateway that run `engine-worker`.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let mut all: Vec<u32> = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(text.split_whitespace().filter_map(|p| p.parse::<u32>().ok()));
        }
        let _ = children;
        all.retain(|pid| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c.contains("pocketsphinx")));
        all
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        terminate(&mut self.child);
        if std::thread::panicking() {
            return;
        }
        // Whatever a test did to its calls: executed again from what is kept of them they go as they went.
        let replayed = Command::new(HOTLINE).args(["replay", "--config"]).arg(&self.config).output().expect("runs");
        let text = String::from_utf8_lossy(&replayed.stdout);
        assert!(!text.contains("  worse  "), "{text}");
    }
}

/// Runs the program: its exit status and all that it printed.
pub(crate) fn hotline(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(HOTLINE).args(arguments).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}
