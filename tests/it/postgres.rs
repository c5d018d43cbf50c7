//! A PostgreSQL server for tests, from Debian's package `postgresql`: made in a folder of its own, on a port of its own, run by the
//! user `postgres` where the tests are run by root (it refuses root), and gone with the process that started it, however that ends.
//! The tests of the store in the library use it too.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Who owns the databases, and with which password.
pub(crate) const USER: &str = "hotline";
pub(crate) const PASSWORD: &str = "secret/of@tests";

/// Ends the server by its pid when its standard input ends or says so; the folder goes unless it is told to keep it.
const KEEPER: &str = r#"bin=$1 dir=$2 port=$3
"$bin/postgres" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$dir" -c fsync=off \
  -c max_connections=300 -c shared_buffers=32MB >>"$dir/log" 2>&1 &
server=$!
told=
read -r told
kill -INT "$server"
wait "$server"
[ "$told" = keep ] || rm -rf "$dir"
"#;

/// A running server.
pub(crate) struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Waits for its standard input to end, then ends the server.
    keeper: Option<Child>,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts one; `None` where the package is not installed, which is said aloud.
    pub(crate) fn start() -> Option<Postgres> {
        let Some(bin) = newest() else {
            eprintln!("SKIPPED: postgresql is not installed (make test installs it), nothing was tested with it");
            return None;
        };
        if is_root() && owner().is_none() {
            eprintln!("SKIPPED: PostgreSQL refuses root and there is no user postgres, nothing was tested with it");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD).expect("written");
        if let Some((user, group)) = owner().filter(|_| is_root()) {
            for path in [&folder, &password] {
                std::os::unix::fs::chown(path, Some(user), Some(group)).expect("given away");
            }
        }
        let made = unprivileged(&bin.join("initdb"))
            .args(["-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D"])
            .arg(folder.join("data"))
            .arg("--pwfile")
            .arg(&password)
            .current_dir(&folder)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut server = Postgres { bin, folder, port: free_port(), keeper: None, databases: AtomicU32::new(0) };
        server.start_again();
        Some(server)
    }

    /// Starts it after [`Postgres::stop`], with what it held; waits until it lets people in.
    pub(crate) fn start_again(&mut self) {
        let mut keeper = unprivileged(Path::new("/bin/sh"));
        keeper.args(["-c", KEEPER, "keeper"]).args([&self.bin, &self.folder]).arg(self.port.to_string());
        let keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir(&self.folder);
        self.keeper = Some(keeper.spawn().expect("a shell"));
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let ready = self.client("pg_isready").args(["-d", "postgres", "-q"]).status().expect("it runs");
            if ready.success() {
                return;
            }
            assert!(Instant::now() < until, "PostgreSQL does not start:\n{}", self.log());
            // The server tells nobody when it is ready; each look is a process of its own.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops it at once, whoever is connected; it keeps what it holds. Waits until it is gone.
    pub(crate) fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            keeper.stdin.take().expect("piped").write_all(b"keep\n").expect("told");
            keeper.wait().expect("it ends");
        }
    }

    /// Makes an empty database of its own; where it is.
    pub(crate) fn database(&self) -> String {
        let name = format!("hotline_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = self.client("createdb").arg(&name).output().expect("it runs");
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        self.url(&name)
    }

    /// Where a database of it is, by the loopback.
    pub(crate) fn url(&self, name: &str) -> String {
        let password = PASSWORD.replace('/', "%2F").replace('@', "%40");
        format!("postgres://{USER}:{password}@127.0.0.1:{}/{name}", self.port)
    }

    /// What it wrote.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// One of its tools, told whom to ask.
    fn client(&self, tool: &str) -> Command {
        let mut command = Command::new(self.bin.join(tool));
        command.args(["-h", "127.0.0.1", "-U", USER, "-p", &self.port.to_string()]).env("PGPASSWORD", PASSWORD);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        match self.keeper.take() {
            // Its standard input ends.
            Some(mut keeper) => drop(keeper.wait()),
            None => drop(std::fs::remove_dir_all(&self.folder)),
        }
    }
}

/// `[store]` of a configuration with this database; its address lies in a file of the folder, where secrets belong.
pub(crate) fn store_in(database: &str, folder: &Path) -> String {
    let secret = folder.join("database");
    std::fs::write(&secret, database).expect("written");
    format!("dir = {:?}\ndatabase = \"file:{}\"\n", folder.join("store"), secret.display())
}

/// The newest version that is installed.
fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let mut all: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .collect();
    all.sort_unstable();
    all.pop().map(|(_, bin)| bin)
}

fn is_root() -> bool {
    // SAFETY: geteuid(2) always succeeds and touches nothing.
    unsafe { libc::geteuid() == 0 }
}

/// User and group of the account that the package makes.
fn owner() -> Option<(u32, u32)> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.starts_with("postgres:"))?;
    let mut numbers = line.split(':').skip(2).map_while(|field| field.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// A program that runs as that account where we are root.
fn unprivileged(program: &Path) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(program);
    if let Some((user, group)) = owner().filter(|_| is_root()) {
        command.uid(user).gid(group);
    }
    command
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("bound").port()
}
