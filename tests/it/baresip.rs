//! baresip as the caller's and the agent's phone: a peer that we did not write. It plays a WAV and records what it hears.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A baresip process with its own folder; killed when dropped.
pub(crate) struct Baresip {
    child: Child,
    dir: tempfile::TempDir,
    pub(crate) port: u16,
}

/// Whether the peer is installed; says so aloud where it is not.
pub(crate) fn installed() -> bool {
    let there = Path::new("/usr/bin/baresip").exists() || Command::new("baresip").arg("-h").output().is_ok();
    if !there {
        eprintln!("SKIPPED: baresip is not installed (make test installs it)");
    }
    there
}

/// A port that is free for UDP and TCP and whose neighbour is, too: baresip takes the next one for TLS.
fn free_port() -> u16 {
    for _ in 0..50 {
        let one = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        let port = one.local_addr().expect("bound").port();
        let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if port < 60_000 && UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() && free(port) && free(port + 1) {
            return port;
        }
    }
    panic!("no two free ports side by side");
}

impl Baresip {
    /// Starts one that plays `sound` (8 kHz mono WAV) into every call; `dial` = call this address at once, otherwise it
    /// answers by itself. It quits after `seconds`.
    pub(crate) fn start(sound: &Path, dial: Option<&str>, seconds: u32) -> Baresip {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let rec = dir.path().join("rec");
        std::fs::create_dir_all(&rec).expect("a folder");
        let (wav, rec) = (sound.display(), rec.display());
        let config = format!(
            "poll_method epoll\nsip_listen 127.0.0.1:{port}\ncall_local_timeout 120\ncall_max_calls 4\naudio_player aubridge,nil\n\
             audio_source aufile,{wav}\naudio_alert aufile,{wav}\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\n\
             auplay_channels 1\nausrc_format s16\nauplay_format s16\njitter_buffer_delay 5-10\nmodule_path /usr/lib/baresip/modules\n\
             module cons.so\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule_tmp uuid.so\n\
             module_tmp account.so\nmodule_app menu.so\ncons_listen 127.0.0.1:0\nsnd_path {rec}\n"
        );
        let mode = if dial.is_some() { "manual" } else { "auto" };
        let account = format!("<sip:phone@127.0.0.1:{port}>;regint=0;audio_codecs=PCMU/8000,PCMA/8000;answermode={mode}\n");
        std::fs::write(dir.path().join("config"), config).expect("written");
        std::fs::write(dir.path().join("accounts"), account).expect("written");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(dir.path()).arg("-t").arg(seconds.to_string());
        if let Some(address) = dial {
            command.arg("-e").arg(format!("/dial {address}"));
        }
        let log = std::fs::File::create(dir.path().join("log")).expect("written");
        let errors = log.try_clone().expect("a second handle");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("baresip starts");
        Baresip { child, dir, port }
    }

    /// Waits until it has quit by itself.
    pub(crate) fn wait(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What it heard: the recording of its decoder, if there was a call.
    pub(crate) fn heard(&self) -> Option<PathBuf> {
        let files = std::fs::read_dir(self.dir.path().join("rec")).ok()?;
        files.flatten().map(|f| f.path()).find(|p| p.to_string_lossy().ends_with("-dec.wav"))
    }

    /// Its own log, for a failed test's message.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
