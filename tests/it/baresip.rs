//! baresip as the caller's and the agent's phone: a peer that we did not write. It plays a WAV and records what it hears.

use crate::telephone::free_port;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A baresip process with its own folder; killed when dropped.
pub(crate) struct Baresip {
    child: Child,
    dir: tempfile::TempDir,
    pub(crate) port: u16,
    /// Where it takes commands, if it does.
    control: Option<u16>,
}

/// What every telephone speaks.
const G711: &str = "PCMU/8000,PCMA/8000";

impl Baresip {
    /// Starts one that plays `sound` (8 kHz mono WAV) into every call; `dial` = call this address at once, otherwise it
    /// answers by itself. It quits after `seconds`. G.711 without encryption.
    pub(crate) fn start(sound: &Path, dial: Option<&str>, seconds: u32) -> Baresip {
        Baresip::start_with(sound, dial, seconds, None, (G711, ""))
    }

    /// The same with these codecs (`opus/48000/2`) and further parameters of its account (`;mediaenc=srtp`).
    pub(crate) fn speaking(sound: &Path, dial: Option<&str>, seconds: u32, codecs: &str, more: &str) -> Baresip {
        Baresip::start_with(sound, dial, seconds, None, (codecs, more))
    }

    /// One that answers by itself, takes [`Baresip::command`]s and writes every SIP message into its log.
    pub(crate) fn start_controlled(sound: &Path, seconds: u32) -> Baresip {
        Baresip::start_with(sound, None, seconds, Some(free_port()), (G711, ""))
    }

    /// One that registers with this password at `registrar` (`sip:anna@127.0.0.1:5060;transport=tcp`), answers by itself, takes
    /// commands and writes every SIP message into its log.
    pub(crate) fn registering(sound: &Path, registrar: &str, password: &str, seconds: u32) -> Baresip {
        let account = format!("account <{registrar}>;auth_pass={password};regint=60");
        Baresip::start_with(sound, None, seconds, Some(free_port()), (G711, &account))
    }

    /// Sources and players of 8 kHz are resampled by baresip to whatever the codec wants.
    fn start_with(
        sound: &Path,
        dial: Option<&str>,
        seconds: u32,
        control: Option<u16>,
        (codecs, more): (&str, &str),
    ) -> Baresip {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let rec = dir.path().join("rec");
        std::fs::create_dir_all(&rec).expect("a folder");
        let (wav, rec) = (sound.display(), rec.display());
        let config = format!(
            "poll_method epoll\nsip_listen 127.0.0.1:{port}\ncall_local_timeout 120\ncall_max_calls 4\naudio_player aubridge,nil\n\
             audio_source aufile,{wav}\naudio_alert aufile,{wav}\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\n\
             auplay_channels 1\nausrc_format s16\nauplay_format s16\njitter_buffer_delay 5-10\nmodule_path /usr/lib/baresip/modules\n\
             module cons.so\nmodule g711.so\nmodule g722.so\nmodule opus.so\nmodule srtp.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\nmodule_tmp uuid.so\n\
             module_tmp account.so\nmodule_app menu.so\ncons_listen 127.0.0.1:0\nsnd_path {rec}\n"
        );
        let config = match control {
            Some(port) => format!("{config}module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{port}\n"),
            None => config,
        };
        let mode = if dial.is_some() { "manual" } else { "auto" };
        let account = match more.strip_prefix("account ") {
            Some(account) => format!("{account};audio_codecs={codecs};answermode={mode}\n"),
            None => format!("<sip:phone@127.0.0.1:{port}>;regint=0;audio_codecs={codecs};answermode={mode}{more}\n"),
        };
        std::fs::write(dir.path().join("config"), config).expect("written");
        std::fs::write(dir.path().join("accounts"), account).expect("written");
        let mut command = Command::new("baresip");
        command.arg("-f").arg(dir.path()).arg("-t").arg(seconds.to_string());
        if let Some(address) = dial {
            command.arg("-e").arg(format!("/dial {address}"));
        }
        if control.is_some() {
            command.arg("-s");
        }
        let log = std::fs::File::create(dir.path().join("log")).expect("written");
        let errors = log.try_clone().expect("a second handle");
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("baresip starts");
        Baresip { child, dir, port, control }
    }

    /// Gives it a command (`dial`, `line`, `transfer`, `hangup`, …) and waits for its reply, a line of JSON.
    pub(crate) fn command(&self, command: &str, params: &str) -> String {
        use std::io::{Read, Write};
        let port = self.control.expect("a controlled one");
        let json = format!("{{\"command\":\"{command}\",\"params\":\"{params}\",\"token\":\"t\"}}");
        let until = Instant::now() + Duration::from_secs(10);
        let mut stream = loop {
            match std::net::TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < until, "baresip takes no commands: {error}\n{}", self.log()),
            }
            // It is still starting, and a refused connection is all that it tells of that.
            std::thread::sleep(Duration::from_millis(50));
        };
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        write!(stream, "{}:{json},", json.len()).expect("written");
        let mut reply = Vec::new();
        let mut buffer = [0u8; 4_096];
        while !String::from_utf8_lossy(&reply).contains("\"token\"") {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(length) => reply.extend_from_slice(&buffer[..length]),
            }
        }
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// Waits until its log holds `count` times `text`.
    pub(crate) fn logs(&self, text: &str, count: usize, patience: Duration) {
        let until = Instant::now() + patience;
        while self.log().matches(text).count() < count {
            assert!(Instant::now() < until, "baresip never wrote {count} times {text:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
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

    /// What it heard in each of its calls.
    pub(crate) fn all_heard(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.dir.path().join("rec")).into_iter().flatten().flatten();
        files.map(|f| f.path()).filter(|p| p.to_string_lossy().ends_with("-dec.wav")).collect()
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
