//! linphone (Debian `linphone-cli`) as a second telephone that we did not write: it calls the gateway, plays a WAV, records what
//! it hears, and hangs up.

use crate::baresip::Baresip;
use crate::end_to_end::{Piece, has_tone, sound};
use crate::gateway::{Gateway, Wanted, installed};
use crate::telephone::free_port;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// A linphone process with its own home; killed when dropped, because it does not heed SIGTERM.
pub(crate) struct Linphone {
    child: Child,
    commands: ChildStdin,
    home: tempfile::TempDir,
}

impl Linphone {
    pub(crate) fn start() -> Linphone {
        let home = tempfile::tempdir().expect("a temporary folder");
        // Without it its database cannot be opened.
        std::fs::create_dir_all(home.path().join(".local/share/linphone")).expect("a folder");
        let rc = format!(
            "[sip]\nsip_port={}\nsip_tcp_port=0\nsip_tls_port=0\nguess_hostname=1\n[rtp]\naudio_rtp_port={}\n\
             [video]\nenabled=0\ncapture=0\ndisplay=0\n[net]\nfirewall_policy=0\n",
            free_port(),
            free_port(),
        );
        let file = home.path().join("rc");
        std::fs::write(&file, rc).expect("written");
        let log = std::fs::File::create(home.path().join("log")).expect("written");
        let errors = log.try_clone().expect("a second handle");
        let mut command = Command::new("/usr/bin/linphonec");
        command.arg("-c").arg(&file).args(["-d", "0"]).env("HOME", home.path()).env_remove("XDG_DATA_HOME");
        let mut child = command.stdin(Stdio::piped()).stdout(log).stderr(errors).spawn().expect("linphone starts");
        let commands = child.stdin.take().expect("piped");
        Linphone { child, commands, home }
    }

    pub(crate) fn command(&mut self, line: &str) {
        writeln!(self.commands, "{line}").expect("linphone listens");
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// Waits until it has said this.
    pub(crate) fn says(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(30);
        while !self.log().contains(text) {
            assert!(Instant::now() < until, "linphone never said {text:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its recordings claim another length in their heads than they have, and have the rate of the codec that was agreed on:
/// writes one at 8 kHz that is as long as it is.
pub(crate) fn at_8_khz(recorded: &Path, to: &Path) {
    let bytes = std::fs::read(recorded).expect("a recording");
    assert!(bytes.len() > 44, "something was recorded");
    let rate = u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
    let step = usize::from(bytes[22]) * (rate / 8_000) as usize;
    assert!(rate.is_multiple_of(8_000) && step > 0, "{rate} Hz");
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(to, spec).expect("a writable folder");
    for sample in bytes[44..].chunks_exact(2).step_by(step) {
        wav.write_sample(i16::from_le_bytes([sample[0], sample[1]])).expect("written");
    }
    wav.finalize().expect("written");
}

#[test]
fn linphone_calls_and_is_joined_with_an_agent() {
    if !installed("linphonec") || !installed("baresip") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let agent_says = folder.path().join("agent.wav");
    sound(&agent_says, &[Piece::Quiet(500), Piece::Tone(1_000.0, 30_000)]);
    let agent = Baresip::start(&agent_says, None, 90);
    let env = vec![("AGENT_SIP", format!("sip:phone@127.0.0.1:{}", agent.port))];
    let gateway = Gateway::start(Wanted { flow: "tests/flows/trunk.yaml", env, alone: true, ..Wanted::default() });
    let mut phone = Linphone::start();
    let (caller_says, heard) = (phone.path("caller.wav"), phone.path("heard.wav"));
    sound(&caller_says, &[Piece::Tone(440.0, 30_000)]);
    // Otherwise it offers audio at an IPv6 address to a gateway on IPv4.
    phone.command("ipv6 disable");
    phone.command("soundcard use files");
    phone.command(&format!("record {}", heard.display()));
    phone.command(&format!("play {}", caller_says.display()));
    phone.command(&format!("call sip:5551000@{}", gateway.sip));
    phone.says("connected");
    // The agent is told who calls, then both hear each other: twelve seconds of the agent's recording hold both.
    let until = Instant::now() + Duration::from_secs(40);
    let length = || agent.heard().and_then(|p| std::fs::metadata(p).ok()).map_or(0, |m| m.len());
    while Instant::now() < until && length() < 12 * 16_000 {
        std::thread::sleep(Duration::from_millis(200));
    }
    phone.command("terminate");
    let rows = gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"], "transferred", "{rows:?}\n{}\n{}", phone.log(), agent.log());
    let whole = folder.path().join("heard.wav");
    at_8_khz(&heard, &whole);
    assert!(has_tone(&whole, 1_000.0), "the caller heard the agent:\n{}", phone.log());
    let by_agent = agent.heard().unwrap_or_else(|| panic!("the agent heard nothing:\n{}", agent.log()));
    assert!(has_tone(&by_agent, 440.0), "the agent heard the caller");
}
