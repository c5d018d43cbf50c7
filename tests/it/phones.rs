//! Agents' phones that register at the gateway: baresip and linphone come with a password, are rung for a call in line, and are not
//! when they have gone; wrong passwords; what such a phone may call.

use crate::baresip::Baresip;
use crate::desk::{FLOW, Phone, heard, port, tone};
use crate::end_to_end::{Piece, has_tone, sound};
use crate::gateway::{Gateway, Wanted, installed};
use crate::linphone::{Linphone, at_8_khz};
use crate::telephone::{LOOPBACK, Sipp, free_port};
use hotline::sip::{Accounts, EndedWhy, REGISTERED, SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent};
use md5::{Digest as _, Md5};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Of Anna's phone.
const SECRET: &str = "one-long-and-secret-word";

const QUEUE: &str = "[[queue]]\nname = \"support\"\nring_seconds = 10\nwrap_up_seconds = 0\n";
const ANNA: &str = "[[agent]]\nname = \"anna\"\nphone = \"registered\"\nphone_password = \"one-long-and-secret-word\"\n\
    queues = [\"support\"]\ndesk = false\npause_seconds = 5\n";

/// A gateway with one agent, whose phone registers there.
struct Office {
    gateway: Gateway,
    folder: tempfile::TempDir,
}

impl Office {
    /// `more` is for the end of the configuration, `sip` for its `[sip]`.
    fn new(more: &str, sip: &str) -> Office {
        let folder = tempfile::tempdir().expect("a folder");
        let flow = folder.path().join("line.yaml");
        std::fs::write(&flow, FLOW).expect("written");
        let more = format!("{QUEUE}alone_seconds = 0\n{ANNA}{more}");
        let flow = flow.to_string_lossy().into_owned();
        let gateway = Gateway::start(Wanted { flow: &flow, more: &more, sip, port: free_port(), ..Wanted::default() });
        Office { gateway, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A minute of a tone, after a second of quiet.
    fn sound(&self, hertz: f32) -> PathBuf {
        let path = self.path(&format!("{hertz}.wav"));
        sound(&path, &[Piece::Quiet(1_000), Piece::Tone(hertz, 60_000)]);
        path
    }

    /// Anna's phone with this password, saying a tone.
    fn phone(&self, transport: &str, password: &str) -> Baresip {
        let registrar = format!("sip:anna@{}{transport}", self.gateway.sip);
        Baresip::registering(&self.sound(1_000.0), &registrar, password, 100)
    }

    /// Who calls, asks for a person by key, and then does this.
    fn caller(&self, name: &str, then: &[&str]) -> Phone {
        let (uri, record) = (format!("sip:5551000@{}", self.gateway.sip), self.path(&format!("{name}.wav")));
        let record = record.to_string_lossy().into_owned();
        let words = ["--from", "4930123456", "--record", &record, "--wait", "2500", "--dtmf", "0"];
        Phone::start(&[&[uri.as_str()], words.as_slice(), then].concat())
    }
}

/// Registers, is rung, both hear each other; unregisters, and is rung no more.
fn comes_talks_and_goes(transport: &str) {
    if !installed("baresip") {
        return;
    }
    let mut office = Office::new("", "");
    let phone = office.phone(transport, SECRET);
    let came = office.gateway.said("an agent's phone is there");
    assert!(came.contains("anna") && !came.contains(SECRET), "{came}");
    let low = tone(office.folder.path(), 500.0).to_string_lossy().into_owned();
    let caller = office.caller("caller", &["--over", "9000", "--play", &low, "--hangup-after", "17000"]);
    let told = caller.ended();
    let to_caller = heard(&office.path("caller.wav"), 1_000.0);
    phone.logs(" BYE", 1, Duration::from_secs(10));
    assert!(to_caller > 2.0, "the caller heard the phone for {to_caller} s: {told:#?}\n{}", phone.log());
    let log = phone.log();
    assert!(log.contains("User-to-User: "), "the card comes with the call:\n{log}");
    phone.command("quit", "");
    office.gateway.line_with("an agent's phone is gone");
    let rows = office.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    let to_phone = phone.heard().expect("the phone's recording");
    assert!(has_tone(&to_phone, 500.0), "the phone heard the caller");
    // Nobody is there now, and nothing rings into the void.
    office.caller("alone", &["--hangup-after", "6000"]).ended();
    let rows = office.gateway.ended_calls(2);
    let alone =
        rows.iter().find(|row| row["disposition"] != "transferred").unwrap_or_else(|| panic!("nobody took it: {rows:#?}"));
    let story = office.gateway.story(alone["id"].as_str().expect("an id"));
    assert!(story.contains("asked") && !story.contains("\"offered\""), "{story}");
    assert_eq!(phone.log().matches("INVITE sip:").count(), log.matches("INVITE sip:").count());
}

#[test]
fn a_phone_registers_and_takes_a_call_over_udp() {
    comes_talks_and_goes("");
}

#[test]
fn a_phone_registers_and_takes_a_call_over_tcp() {
    comes_talks_and_goes(";transport=tcp");
}

/// Another phone, and the stronger hash.
#[test]
fn linphone_registers_with_sha_256_and_takes_a_call() {
    if !installed("linphonec") {
        return;
    }
    let mut office = Office::new("", "digest = [\"SHA-256\"]\n");
    let mut phone = Linphone::start();
    let (says, hears) = (office.sound(1_000.0), phone.path("heard.wav"));
    phone.command("ipv6 disable");
    phone.command("soundcard use files");
    phone.command(&format!("record {}", hears.display()));
    phone.command(&format!("play {}", says.display()));
    phone.command("autoanswer enable");
    phone.command(&format!("register sip:anna@127.0.0.1 sip:{} {SECRET}", office.gateway.sip));
    office.gateway.said("an agent's phone is there");
    let low = tone(office.folder.path(), 500.0).to_string_lossy().into_owned();
    let told = office.caller("caller", &["--over", "9000", "--play", &low, "--hangup-after", "17000"]).ended();
    let to_caller = heard(&office.path("caller.wav"), 1_000.0);
    assert!(to_caller > 2.0, "the caller heard the phone for {to_caller} s: {told:#?}\n{}", phone.log());
    office.gateway.ended_calls(1);
    phone.command("unregister");
    office.gateway.line_with("an agent's phone is gone");
    let whole = office.path("whole.wav");
    at_8_khz(&hears, &whole);
    assert!(has_tone(&whole, 500.0), "the phone heard the caller:\n{}", phone.log());
}

/// A gateway that starts again finds phones over UDP where they were, before they register anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("dir = {:?}\n", folder.path().join("store"));
    let start = || {
        let flow = folder.path().join("line.yaml");
        std::fs::write(&flow, FLOW).expect("written");
        let more = format!("{QUEUE}alone_seconds = 0\n{ANNA}");
        let flow = flow.to_string_lossy().into_owned();
        Gateway::start(Wanted { flow: &flow, more: &more, store: &store, ..Wanted::default() })
    };
    let mut gateway = start();
    let mut phone = Hidden::start(gateway.sip).await;
    let challenge = phone.register("Expires: 3600\r\n").await;
    let credentials = phone.answer(&challenge);
    let good = phone.register(&format!("{credentials}Expires: 3600\r\n")).await;
    assert!(good.starts_with("SIP/2.0 200"), "{good}");
    gateway.said("an agent's phone is there");
    let file = folder.path().join("store/registrations.json");
    crate::telephone::until("the registration is written", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("10.9.9.9"))
    })
    .await;
    drop(gateway);
    let mut gateway = start();
    let there = gateway.said("an agent's phone is there");
    assert!(there.contains("before the restart"), "{there}");
}

/// Seconds of a recording in which there is anything to hear.
fn loud(path: &Path) -> f64 {
    let mut wav = hound::WavReader::open(path).expect("a recording");
    let (rate, channels) = (wav.spec().sample_rate as usize, usize::from(wav.spec().channels));
    let all: Vec<f64> = wav.samples::<i16>().step_by(channels).map(|s| f64::from(s.expect("a sample"))).collect();
    let loud = |part: &&[f64]| part.iter().map(|s| s * s).sum::<f64>() / part.len() as f64 > 200.0 * 200.0;
    all.chunks_exact(rate / 10).filter(loud).count() as f64 / 10.0
}

/// What the phone heard in its last call, once that is over and `calls` have been.
fn last_heard(phone: &Baresip, calls: usize) -> PathBuf {
    phone.logs("terminated", calls, Duration::from_secs(60));
    let mut all = phone.all_heard();
    all.sort();
    assert_eq!(all.len(), calls, "one recording a call: {all:?}\n{}", phone.log());
    all.pop().expect("a call")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emergencies_go_out_whatever_happens_and_nothing_else_does() {
    if !installed("baresip") || !installed("sipp") {
        return;
    }
    let far = port();
    let more = format!(
        "[emergency]\nnumbers = [\"112\"]\ntrunk = \"rescue\"\nlanguages = [\"en\"]\n\
         [[trunk]]\nname = \"rescue\"\nproxy = \"127.0.0.1:{far}\"\noptions_seconds = 0\nfrom = [\"203.0.113.1\"]\ncalls_per_second = 1\n"
    );
    let mut office = Office::new(&more, "");
    let target = office.gateway.sip;
    let phone = office.phone("", SECRET);
    office.gateway.said("an agent's phone is there");
    // Somebody at the same address tries passwords, until nobody there is asked for one any more.
    let guesses = ["-s", "anna", "-au", "anna", "-ap", "guess", "-m", "10", "-r", "50", &target.to_string()];
    Sipp::start("guesses", free_port(), &guesses).passes().await;
    Sipp::start("guessed_enough", free_port(), &["-s", "bob", &target.to_string()]).passes().await;
    // The phone that is there may call for help all the same.
    let high = tone(office.folder.path(), 700.0).to_string_lossy().into_owned();
    let record = office.path("rescue.wav").to_string_lossy().into_owned();
    let at = format!("127.0.0.1:{far}");
    let rescue = Phone::start(&[
        "--answer",
        "--listen",
        &at,
        "--record",
        &record,
        "--over",
        "1000",
        "--play",
        &high,
        "--hangup-after",
        "8000",
    ]);
    rescue.until("listening");
    let dial = |number: &str| phone.command("dial", &format!("sip:{number}@{target}"));
    dial("112");
    let dialled = office.gateway.line_with("an emergency number was dialled");
    assert!(dialled.contains("anna") && dialled.contains("112"), "{dialled}");
    office.gateway.line_with("the emergency call was answered");
    let told = rescue.ended();
    let back = last_heard(&phone, 1);
    assert!(has_tone(&back, 700.0), "the phone hears whom it called: {told:#?}\n{}", phone.log());
    assert!(heard(Path::new(&record), 1_000.0) > 2.0, "and is heard there: {told:#?}");
    // Nobody answers by that trunk any more: the phone is told.
    dial("112");
    let failed = office.gateway.line_with("an emergency call could not be made");
    assert!(failed.contains("rescue"), "{failed}");
    let back = last_heard(&phone, 2);
    assert!(loud(&back) > 6.0, "words for {} s", loud(&back));
    // Other numbers go nowhere, and that is said, too.
    dial("0900123456");
    let refused = office.gateway.line_with("an agent's phone may not call this number");
    assert!(!refused.contains("0900123456"), "{refused}");
    let back = last_heard(&phone, 3);
    assert!(loud(&back) > 4.0, "words for {} s", loud(&back));
    // The hotline is there for agents as for everybody.
    dial("5551000");
    office.gateway.line_with("a call came in");
    phone.command("hangup", "");
    let rows = office.gateway.ended_calls(3);
    assert_eq!(rows.len(), 3, "{rows:#?}");
    // Emergency calls stand among the others, with what became of them.
    let of = |disposition: &str| {
        let emergency = rows.iter().filter(|row| row["flow"] == "emergency" && row["dialled"] == "112");
        emergency.filter(|row| row["disposition"] == disposition).count()
    };
    assert_eq!((of("transferred"), of("failed")), (1, 1), "{rows:#?}");
}

#[test]
fn without_a_trunk_an_emergency_call_is_answered_with_words() {
    if !installed("baresip") {
        return;
    }
    let mut office = Office::new("[emergency]\nnumbers = [\"110\"]\n", "");
    let phone = office.phone(";transport=tcp", SECRET);
    office.gateway.said("an agent's phone is there");
    phone.command("dial", &format!("sip:110@{};transport=tcp", office.gateway.sip));
    let failed = office.gateway.line_with("an emergency call could not be made");
    assert!(failed.contains("no trunk is named"), "{failed}");
    let back = last_heard(&phone, 1);
    assert!(loud(&back) > 6.0, "words for {} s", loud(&back));
    assert!(phone.log().contains("CSeq: ") && phone.log().contains("SIP/2.0 180 Ringing"), "{}", phone.log());
    // Another number in the configuration counts from the next SIGHUP on, for signalling and for the call itself.
    let config = std::fs::read_to_string(&office.gateway.config).expect("a configuration");
    std::fs::write(&office.gateway.config, config.replace("\"110\"", "\"119\"")).expect("written");
    office.gateway.reload();
    phone.command("dial", &format!("sip:119@{};transport=tcp", office.gateway.sip));
    let dialled = office.gateway.line_with("an emergency number was dialled");
    assert!(dialled.contains("119"), "{dialled}");
}

#[test]
fn a_wrong_password_registers_nobody() {
    if !installed("baresip") {
        return;
    }
    let office = Office::new("", "");
    let phone = office.phone("", "not-the-password-of-anna");
    phone.logs("SIP/2.0 401 Unauthorized", 2, Duration::from_secs(20));
    office.caller("alone", &["--hangup-after", "6000"]).ended();
    office.gateway.ended_calls(1);
    assert!(!phone.log().contains("INVITE sip:") && !phone.log().contains("SIP/2.0 200"), "{}", phone.log());
}

/// A phone of which the test writes every message; its Contact leads nowhere, as behind a NAT.
struct Hidden {
    socket: UdpSocket,
    gateway: SocketAddr,
    cseq: u32,
}

impl Hidden {
    async fn start(gateway: SocketAddr) -> Hidden {
        Hidden { socket: UdpSocket::bind((LOOPBACK, 0)).await.expect("a loopback port"), gateway, cseq: 0 }
    }

    async fn next(&self) -> String {
        let mut buffer = vec![0; 65_535];
        let got = tokio::time::timeout(Duration::from_secs(10), self.socket.recv_from(&mut buffer));
        let (length, _) = got.await.expect("a message in time").expect("received");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    async fn register(&mut self, more: &str) -> String {
        self.cseq += 1;
        let (port, cseq) = (self.socket.local_addr().expect("bound").port(), self.cseq);
        let text = format!(
            "REGISTER sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKreg{cseq};rport\r\nFrom: <sip:anna@h>;tag=1\r\n\
             To: <sip:anna@h>\r\nCall-ID: reg{port}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:anna@10.9.9.9:5060>\r\nMax-Forwards: 70\r\n\
             {more}Content-Length: 0\r\n\r\n",
            self.gateway
        );
        self.socket.send_to(text.as_bytes(), self.gateway).await.expect("sent");
        self.next().await
    }

    /// The credentials for a challenge (RFC 7616 §3.4.1).
    fn answer(&self, challenge: &str) -> String {
        let nonce = challenge.split("nonce=\"").nth(1).and_then(|n| n.split('"').next()).expect("a nonce");
        let hash = |text: String| Md5::digest(text).iter().map(|b| format!("{b:02x}")).collect::<String>();
        let uri = format!("sip:{}", self.gateway);
        let (ha1, ha2) = (hash(format!("anna:hotline:{SECRET}")), hash(format!("REGISTER:{uri}")));
        let response = hash(format!("{ha1}:{nonce}:00000001:c:auth:{ha2}"));
        format!(
            "Authorization: Digest username=\"anna\", realm=\"hotline\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm=MD5, cnonce=\"c\", qop=auth, nc=00000001\r\n"
        )
    }
}

fn line<'a>(message: &'a str, name: &str) -> &'a str {
    message.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).unwrap_or("").trim()
}

async fn next(events: &mut mpsc::Receiver<SipEvent>) -> SipEvent {
    tokio::time::timeout(Duration::from_secs(10), events.recv()).await.expect("an event in time").expect("it runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_behind_a_nat_is_reached_by_the_way_that_it_came() {
    let (any, (tell, mut events)) = (SocketAddr::new(LOOPBACK, 0), mpsc::channel(64));
    let phones = Accounts([("anna".to_string(), SECRET.to_string())].into());
    let cfg = SipConfig { udp: Some(any), tcp: Some(any), phones, ..SipConfig::default() };
    let endpoint = SipEndpoint::bind(cfg, tell).await.expect("loopback is free");
    let mut phone = Hidden::start(endpoint.local_udp().expect("UDP is on")).await;
    let challenge = phone.register("Expires: 3600\r\n").await;
    assert!(challenge.starts_with("SIP/2.0 401") && challenge.matches("WWW-Authenticate").count() == 1, "{challenge}");
    let credentials = phone.answer(&challenge);
    let brief = phone.register(&format!("{credentials}Expires: 10\r\n")).await;
    assert!(brief.starts_with("SIP/2.0 423") && line(&brief, "Min-Expires") == "60", "{brief}");
    let again = phone.register(&format!("{credentials}Expires: 3600\r\n")).await;
    assert!(again.starts_with("SIP/2.0 401") && again.contains("stale=true"), "credentials count once: {again}");
    let credentials = phone.answer(&again);
    let path = phone.register(&format!("{credentials}Require: path\r\n")).await;
    assert!(path.starts_with("SIP/2.0 420") && line(&path, "Unsupported") == "path", "{path}");
    let good = phone.register(&format!("{credentials}Expires: 3600\r\n")).await;
    assert!(good.starts_with("SIP/2.0 200") && line(&good, "Contact") == "<sip:anna@10.9.9.9:5060>;expires=60", "{good}");
    assert_eq!(next(&mut events).await, SipEvent::Phone { login: "anna".into(), there: true });
    let (dialog, sdp) = (endpoint.new_key(), SdpSession::new(7).offer(LOOPBACK, 40_000));
    let to = format!("{REGISTERED}anna");
    let invite = |dialog, sdp: &str| SipCommand::Invite {
        dialog,
        to: to.clone(),
        from: "+4930".into(),
        sdp: sdp.into(),
        uui: Some("card".into()),
        ring_seconds: 20,
        trunk: None,
    };
    endpoint.send(invite(dialog, &sdp)).expect("not busy");
    let request = phone.next().await;
    assert!(
        request.starts_with("INVITE sip:anna@10.9.9.9:5060 SIP/2.0") && line(&request, "User-to-User") == "card",
        "{request}"
    );
    let reply = |request: &str, body: &str| {
        let copied: String =
            ["Via", "From", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", line(request, name))).concat();
        format!(
            "SIP/2.0 200 OK\r\n{copied}To: {};tag=far\r\nContact: <sip:anna@10.9.9.9:5060>\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            line(request, "To").split(";tag").next().unwrap_or_default(),
            body.len()
        )
    };
    phone.socket.send_to(reply(&request, &sdp).as_bytes(), phone.gateway).await.expect("sent");
    let ack = phone.next().await;
    assert!(ack.starts_with("ACK "), "the ACK comes by the same way: {ack}");
    while !matches!(next(&mut events).await, SipEvent::Answered { .. }) {}
    endpoint.send(SipCommand::HangUp { dialog }).expect("not busy");
    let bye = phone.next().await;
    assert!(bye.starts_with("BYE "), "{bye}");
    phone.socket.send_to(reply(&bye, "").as_bytes(), phone.gateway).await.expect("sent");
    assert!(matches!(next(&mut events).await, SipEvent::Ended { why: EndedWhy::Ours, .. }));
    // A phone that says nothing at all is not there any more.
    let silent = endpoint.new_key();
    endpoint.send(invite(silent, &sdp)).expect("not busy");
    let ended = next(&mut events).await;
    assert!(matches!(&ended, SipEvent::Ended { why: EndedWhy::Broken(why), .. } if why.contains("phone")), "{ended:?}");
    assert_eq!(next(&mut events).await, SipEvent::Phone { login: "anna".into(), there: false });
    endpoint.send(invite(endpoint.new_key(), &sdp)).expect("not busy");
    assert!(matches!(next(&mut events).await, SipEvent::Ended { .. }), "nobody is rung");
    endpoint.stop().await;
}
