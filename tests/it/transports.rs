//! What carries SIP: TCP behind our own framer, TLS with certificates that are changed under way, IPv6. The far ends are plain
//! sockets, `openssl` (which also makes the certificates) and SIPp.

use crate::baresip::Baresip;
use crate::gateway::{Gateway, Wanted, installed};
use crate::torture::{Busy, Line, ping, status_of};
use hotline::sip::{EndedWhy, SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent, TlsError, TlsFiles};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An OPTIONS with a further header and a body.
fn padded(id: &str, from: SocketAddr, header: usize, body: usize) -> String {
    let subject = format!("Subject: {}\r\nContent-Type: text/plain\r\nContent-Length: {body}\r\n", "x".repeat(header));
    ping("TCP", from, id).replace("Content-Length: 0\r\n", &subject) + &"y".repeat(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_carries_long_and_broken_messages_and_pings() {
    let busy = Busy::start(|_| ()).await;
    let mut line = Line::open(busy.tcp).await;
    let from = line.stream.local_addr().expect("bound");
    let mut answered = Vec::new();
    let broken = ping("TCP", from, "no-version").replace("SIP/2.0\r\nVia", "SIP/9.0\r\nVia");
    let rows = [
        ("9 kB", padded("9k", from, 9_000, 0), 200),
        ("60 kB in the head", padded("60k", from, 60_000, 0), 200),
        ("60 kB in the body", padded("60kb", from, 10, 60_000), 200),
        ("70 kB in the body", padded("70kb", from, 10, 70_000), 413),
        ("70 kB in both", padded("70k", from, 10_000, 60_000), 513),
        ("no version of ours", broken, 505),
        ("a plain one after all that", ping("TCP", from, "plain"), 200),
    ];
    for (what, message, expected) in rows {
        line.stream.write_all(message.as_bytes()).await.expect("the connection is open");
        let response = line.next().await.unwrap_or_else(|| panic!("{what}: closed"));
        let status = status_of(&response, "").0;
        if status != expected {
            answered.push(format!("{what}: {status}, expected {expected}"));
        }
    }
    assert!(answered.is_empty(), "{}", answered.join("\n"));
    // Keep-alive (RFC 5626 §4.4.1): two line ends draw one.
    line.stream.write_all(b"\r\n\r\n").await.expect("open");
    let mut pong = [0; 2];
    tokio::time::timeout(PATIENCE, line.stream.read_exact(&mut pong)).await.expect("a pong").expect("open");
    assert_eq!(&pong, b"\r\n");
    // A head without an end is answered and closed.
    let endless = format!("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP {from}\r\nFrom: <sip:a@b>;tag=1\r\nSubject: ");
    line.stream.write_all((endless + &"x".repeat(70_000)).as_bytes()).await.expect("open");
    let response = line.next().await.expect("an answer");
    assert_eq!(status_of(&response, "").0, 513);
    assert_eq!(line.next().await, None, "closed after it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_message_times_out_and_noise_is_cut_off() {
    let busy = Busy::start(|cfg| cfg.half_message = Duration::from_millis(200)).await;
    let mut line = Line::open(busy.tcp).await;
    let from = line.stream.local_addr().expect("bound");
    let whole = ping("TCP", from, "slow");
    line.stream.write_all(&whole.as_bytes()[..60]).await.expect("open");
    assert_eq!(line.next().await, None, "nobody waits for the rest for ever");
    for noise in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"hello\r\n"] {
        let mut line = Line::open(busy.tcp).await;
        line.stream.write_all(noise).await.expect("open");
        assert_eq!(line.next().await, None, "noise: {noise:?}");
    }
    // Neither hurts the others.
    let mut line = Line::open(busy.tcp).await;
    line.stream.write_all(whole.as_bytes()).await.expect("open");
    assert_eq!(status_of(&line.next().await.expect("an answer"), "slow"), (200, true));
}

/// A connection that we opened says that it lives (RFC 5626 §4.4.1), and the pong is no message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_ours_are_kept_alive() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("bound");
    let phone = Phone::start(|cfg| (cfg.udp, cfg.keep_alive) = (any("127.0.0.1"), Duration::from_millis(50))).await;
    let sdp = SdpSession::new(9).offer([127, 0, 0, 1].into(), 40_002);
    let to = format!("sip:b@{at};transport=tcp");
    let (dialog, from) = (phone.endpoint.new_key(), "100".to_string());
    phone
        .endpoint
        .send(SipCommand::Invite { dialog, to, from, sdp, uui: None, ring_seconds: 10, trunk: None })
        .expect("not busy");
    let (mut stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.expect("in time").expect("accepted");
    let (mut seen, mut buffer) = (Vec::new(), [0; 8192]);
    while seen.windows(8).filter(|w| *w == b"\r\n\r\n\r\n\r\n").count() < 2 {
        let length = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.expect("in time").expect("open");
        assert!(length > 0, "closed: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..length]);
        stream.write_all(b"\r\n").await.expect("open");
    }
    assert!(seen.starts_with(b"INVITE sip:b@"), "{}", String::from_utf8_lossy(&seen));
}

/// A self-signed certificate for a name and an address, made by openssl.
pub(crate) fn certificate(dir: &Path, name: &str, ip: &str) -> TlsFiles {
    let (key, certificate) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.crt")));
    let done = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"])
        .args(["-subj", &format!("/CN={name}"), "-addext", &format!("subjectAltName=DNS:{name},IP:{ip}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    assert!(done.is_ok_and(|s| s.success()), "openssl makes a certificate");
    TlsFiles { certificate, key }
}

/// A telephone that answers every call.
pub(crate) struct Phone {
    pub(crate) endpoint: std::sync::Arc<SipEndpoint>,
    events: mpsc::UnboundedReceiver<SipEvent>,
}

impl Phone {
    pub(crate) async fn start(change: impl FnOnce(&mut SipConfig)) -> Phone {
        let mut cfg = SipConfig { udp: None, tcp: None, ..SipConfig::default() };
        change(&mut cfg);
        let (tx, mut rx) = mpsc::channel(64);
        let endpoint = std::sync::Arc::new(SipEndpoint::bind(cfg, tx).await.expect("loopback is free"));
        let (told, events) = mpsc::unbounded_channel();
        let of_task = std::sync::Arc::downgrade(&endpoint);
        tokio::spawn(async move {
            while let Some(event) = rx.recv().await {
                if let (SipEvent::Incoming { dialog, offer: Some(offer), source, .. }, Some(endpoint)) =
                    (&event, of_task.upgrade())
                {
                    let ours = endpoint.local_ip_toward(source.ip());
                    let (_, sdp) = SdpSession::new(dialog.0).answer(offer, ours, 40_000).expect("a good offer");
                    endpoint.send(SipCommand::Answer { dialog: *dialog, sdp }).expect("not busy");
                }
                let _ = told.send(event);
            }
        });
        Phone { endpoint, events }
    }

    /// Calls and hangs up when answered; the whole story in words, and the address that the answer's audio goes to.
    pub(crate) async fn calls(&mut self, to: &str, ours: IpAddr) -> (String, String) {
        let dialog = self.endpoint.new_key();
        let sdp = SdpSession::new(9).offer(ours, 40_002);
        let (to, from) = (to.to_string(), "100".to_string());
        self.endpoint
            .send(SipCommand::Invite { dialog, to, from, sdp, uui: None, ring_seconds: 10, trunk: None })
            .expect("not busy");
        let (mut words, mut audio) = (Vec::new(), String::new());
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("alive");
            match event {
                SipEvent::Answered { sdp, .. } => {
                    words.push("answered".to_string());
                    audio = sdp.lines().find(|l| l.starts_with("c=")).unwrap_or_default().to_string();
                    self.endpoint.send(SipCommand::HangUp { dialog }).expect("not busy");
                }
                SipEvent::Ended { why: EndedWhy::Ours, .. } => return (words.join(" ") + " ours", audio),
                SipEvent::Ended { why, .. } => return (format!("{} {why:?}", words.join(" ")), audio),
                _ => {}
            }
        }
    }

    pub(crate) async fn is_told(&mut self) -> SipEvent {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("alive")
    }

    /// The next call that came in, until its end. (The ACK that a BYE follows at once may be told after it or not at all.)
    pub(crate) async fn was_called(&mut self) -> String {
        let mut words = Vec::new();
        loop {
            match tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("alive") {
                SipEvent::Incoming { .. } => words.push("incoming"),
                SipEvent::Ended { why: EndedWhy::Bye, .. } => {
                    words.push("bye");
                    return words.join(" ");
                }
                SipEvent::Ended { why, .. } => return format!("{} {why:?}", words.join(" ")),
                _ => {}
            }
        }
    }
}

pub(crate) fn any(ip: &str) -> Option<SocketAddr> {
    Some(SocketAddr::new(ip.parse().expect("an address"), 0))
}

/// What openssl sees of the far end's certificate.
fn seen_by_openssl(at: SocketAddr) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &at.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("openssl runs");
    String::from_utf8_lossy(&std::mem::take(&mut client.stdout))
        .lines()
        .find(|l| l.contains("subject="))
        .unwrap_or("")
        .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_over_tls_both_ways_and_a_certificate_that_is_renewed() {
    if !installed("openssl") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (certificate(dir.path(), "localhost", "127.0.0.1"), certificate(dir.path(), "second", "127.0.0.1"));
    let all = dir.path().join("both.pem");
    let pem = |files: &TlsFiles| std::fs::read_to_string(&files.certificate).expect("made");
    std::fs::write(&all, pem(&one) + &pem(&two)).expect("written");
    let used = TlsFiles { certificate: dir.path().join("used.crt"), key: dir.path().join("used.key") };
    let use_now = |files: &TlsFiles| {
        std::fs::copy(&files.certificate, &used.certificate).expect("copied");
        std::fs::copy(&files.key, &used.key).expect("copied");
    };
    use_now(&one);
    let tls = |cfg: &mut SipConfig| {
        cfg.tls = any("127.0.0.1");
        cfg.tls_files = Some(used.clone());
        cfg.tls_ca = Some(all.clone());
    };
    let (mut a, mut b) = (Phone::start(tls).await, Phone::start(tls).await);
    let loopback: IpAddr = [127, 0, 0, 1].into();
    let at = |phone: &Phone| phone.endpoint.local_tls().expect("TLS");
    let (a_at, b_at) = (at(&a), at(&b));
    // By name, by address, and the other way round, where the connection is there already.
    for to in [format!("sips:b@localhost:{}", b_at.port()), format!("sip:b@{b_at};transport=tls")] {
        assert_eq!(a.calls(&to, loopback).await.0, "answered ours", "{to}");
        assert_eq!(b.was_called().await, "incoming bye", "{to}");
    }
    assert_eq!(b.calls(&format!("sip:a@{a_at};transport=tls"), loopback).await.0, "answered ours");
    assert_eq!(a.was_called().await, "incoming bye");
    // Not the name on the certificate: no call.
    let (story, _) = a.calls(&format!("sip:b@127.0.0.2:{};transport=tls", b_at.port()), loopback).await;
    assert!(story.contains("Broken"), "{story}");
    // A connection lives through the renewal, the next handshake sees the new certificate.
    let mut plain = tls_client(&all, b_at).await;
    assert!(seen_by_openssl(b_at).contains("localhost"));
    use_now(&two);
    b.endpoint.reload_tls().expect("good files");
    assert!(seen_by_openssl(b_at).contains("second"), "{}", seen_by_openssl(b_at));
    plain.write_all(ping("TLS", b_at, "after").as_bytes()).await.expect("still open");
    let mut answer = vec![0; 4096];
    let length = tokio::time::timeout(PATIENCE, plain.read(&mut answer)).await.expect("in time").expect("open");
    assert_eq!(status_of(&answer[..length], "after"), (200, true));
    plain.write_all(padded("tls-60k", b_at, 60_000, 0).as_bytes()).await.expect("still open");
    let length = tokio::time::timeout(PATIENCE, plain.read(&mut answer)).await.expect("in time").expect("open");
    assert_eq!(status_of(&answer[..length], "tls-60k"), (200, true));
    // With a mistake in the files everything stays.
    std::fs::copy(&one.key, &used.key).expect("copied");
    let error = b.endpoint.reload_tls().expect_err("the key of another certificate");
    assert!(matches!(error, TlsError::Mismatch { .. }) && error.to_string().contains("tls_key"), "{error}");
    assert!(seen_by_openssl(b_at).contains("second"));
}

/// As an operator renews it: new files in the old places, SIGHUP.
#[test]
fn sighup_renews_the_certificate_of_the_gateway() {
    if !installed("openssl") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (certificate(dir.path(), "first", "127.0.0.1"), certificate(dir.path(), "second", "127.0.0.1"));
    let lines = format!("tls = \"127.0.0.1:0\"\ntls_cert = {:?}\ntls_key = {:?}", one.certificate, one.key);
    let env = vec![("AGENT_SIP", "sip:nobody@127.0.0.1:9".to_string())];
    let mut gateway = Gateway::start(Wanted { flow: "tests/flows/long.yaml", env, sip: &lines, ..Wanted::default() });
    let seen = |gateway: &Gateway| gateway.streams().into_iter().map(seen_by_openssl).collect::<String>();
    assert!(seen(&gateway).contains("first"), "{}", seen(&gateway));
    std::fs::copy(&two.certificate, &one.certificate).expect("copied");
    std::fs::copy(&two.key, &one.key).expect("copied");
    gateway.reload();
    assert!(seen(&gateway).contains("second"), "{}", seen(&gateway));
}

/// A TLS client of rustls's, for a connection that stays open.
async fn tls_client(ca: &Path, at: SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_file_iter(ca).expect("a file").filter_map(Result::ok));
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(at).await.expect("connected");
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    connector.connect(at.ip().into(), stream).await.expect("a handshake")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_for_tls_that_cannot_be_used_are_told_with_a_remedy() {
    if !installed("openssl") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let (one, two) = (certificate(dir.path(), "one", "127.0.0.1"), certificate(dir.path(), "two", "127.0.0.1"));
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "nothing here").expect("written");
    let files = |certificate: &PathBuf, key: &PathBuf| Some(TlsFiles { certificate: certificate.clone(), key: key.clone() });
    let missing = dir.path().join("missing.pem");
    let rows = [
        (None, &["tls_cert", "tls_key"][..]),
        (files(&missing, &one.key), &["missing.pem", "tls_cert"]),
        (files(&one.certificate, &missing), &["missing.pem", "tls_key"]),
        (files(&empty, &one.key), &["empty.pem", "BEGIN CERTIFICATE"]),
        (files(&one.certificate, &empty), &["empty.pem", "tls_key"]),
        (files(&one.certificate, &two.key), &["two.key", "one.crt"]),
    ];
    for (files, parts) in rows {
        let cfg = SipConfig { udp: None, tcp: None, tls: any("127.0.0.1"), tls_files: files, ..SipConfig::default() };
        let error = SipEndpoint::bind(cfg, mpsc::channel(1).0).await.expect_err("a mistake").to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
    let past = dir.path().join("past.crt");
    if expired(dir.path(), &one, &past) {
        let cfg = SipConfig {
            udp: None,
            tcp: None,
            tls: any("127.0.0.1"),
            tls_files: files(&past, &one.key),
            ..SipConfig::default()
        };
        let error = SipEndpoint::bind(cfg, mpsc::channel(1).0).await.expect_err("expired").to_string();
        assert!(error.contains("until 2021-01-01 00:00") && error.contains("renew"), "{error}");
    }
}

/// A certificate for the same key that was good in the year 2020; openssl's `ca` is the command that can date one back.
fn expired(dir: &Path, of: &TlsFiles, to: &Path) -> bool {
    std::fs::write(dir.join("index.txt"), "").expect("written");
    let config = "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nnew_certs_dir = .\nserial = serial\ndefault_md = sha256\n\
        policy = p\nrand_serial = yes\n[p]\ncommonName = supplied\n[req]\ndistinguished_name = n\n[n]\n";
    std::fs::write(dir.join("ca.cnf"), config).expect("written");
    let request = dir.join("request.pem");
    let made = Command::new("openssl")
        .args(["req", "-new", "-config", "ca.cnf", "-subj", "/CN=one", "-key"])
        .arg(&of.key)
        .arg("-out")
        .arg(&request)
        .current_dir(dir)
        .status();
    let signed = Command::new("openssl")
        .args([
            "ca",
            "-batch",
            "-selfsign",
            "-config",
            "ca.cnf",
            "-startdate",
            "20200101000000Z",
            "-enddate",
            "20210101000000Z",
        ])
        .arg("-keyfile")
        .arg(&of.key)
        .arg("-in")
        .arg(&request)
        .arg("-out")
        .arg(to)
        .current_dir(dir)
        .stderr(Stdio::null())
        .status();
    let done = made.is_ok_and(|s| s.success()) && signed.is_ok_and(|s| s.success());
    assert!(done, "openssl dates a certificate back");
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_over_ipv6_by_every_transport() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let files = installed("openssl").then(|| certificate(dir.path(), "localhost", "::1"));
    let start = |cfg: &mut SipConfig| {
        (cfg.udp, cfg.tcp) = (any("::1"), any("::1"));
        cfg.tls = files.as_ref().and_then(|_| any("::1"));
        cfg.tls_ca = files.as_ref().map(|f| f.certificate.clone());
        cfg.tls_files = files.clone();
    };
    let (mut a, mut b) = (Phone::start(start).await, Phone::start(start).await);
    let mut targets = vec![
        format!("sip:b@{}", b.endpoint.local_udp().expect("UDP")),
        format!("sip:b@{};transport=tcp", b.endpoint.local_tcp().expect("TCP")),
    ];
    targets.extend(b.endpoint.local_tls().map(|at| format!("sips:b@{at}")));
    let ours: IpAddr = "::1".parse().expect("an address");
    for to in targets {
        let (story, audio) = a.calls(&to, ours).await;
        assert_eq!((story.as_str(), audio.as_str()), ("answered ours", "c=IN IP6 ::1"), "{to}");
        assert_eq!(b.was_called().await, "incoming bye", "{to}");
    }
    // One socket for both: who calls by IPv4 is told an IPv4 address.
    let mut both = Phone::start(|cfg| (cfg.udp, cfg.tcp) = (any("::"), any("::"))).await;
    let mut four = Phone::start(|cfg| (cfg.udp, cfg.tcp) = (any("127.0.0.1"), any("127.0.0.1"))).await;
    let (udp, tcp) = (both.endpoint.local_udp().expect("UDP").port(), both.endpoint.local_tcp().expect("TCP").port());
    for to in [format!("sip:b@127.0.0.1:{udp}"), format!("sip:b@127.0.0.1:{tcp};transport=tcp")] {
        let (story, audio) = four.calls(&to, [127, 0, 0, 1].into()).await;
        assert_eq!((story.as_str(), audio.as_str()), ("answered ours", "c=IN IP4 127.0.0.1"), "{to}");
        assert_eq!(both.was_called().await, "incoming bye", "{to}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sipp_calls_over_ipv6() {
    if !installed("sipp") {
        return;
    }
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    }
    let mut phone = Phone::start(|cfg| (cfg.udp, cfg.tcp) = (any("::1"), any("::1"))).await;
    let dir = tempfile::tempdir().expect("a folder");
    let scenario = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sip-config/sipp/call.xml");
    let (udp, tcp) = (phone.endpoint.local_udp().expect("UDP"), phone.endpoint.local_tcp().expect("TCP"));
    for (mode, at) in [("u1", udp), ("t1", tcp)] {
        let port = std::net::UdpSocket::bind("[::1]:0").and_then(|s| s.local_addr()).expect("a port").port();
        let mut sipp = tokio::process::Command::new("sipp")
            .arg("-sf")
            .arg(&scenario)
            .args(["-i", "[::1]", "-mi", "::1", "-p", &port.to_string(), "-t", mode, "-s", "100", "-m", "1", "-d", "50"])
            .args(["-nostdin", "-timeout", "20s", "-timeout_error", "-trace_err", "-error_file", "errors", &at.to_string()])
            .current_dir(dir.path())
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("SIPp starts");
        let status = tokio::time::timeout(PATIENCE, sipp.wait()).await.expect("in time").expect("it ran");
        let errors = std::fs::read_to_string(dir.path().join("errors")).unwrap_or_default();
        assert!(status.success(), "over {mode}: {errors}");
        assert_eq!(phone.was_called().await, "incoming bye");
    }
}

/// The whole gateway at an IPv6 address: signalling and audio both ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_over_ipv6_has_audio() {
    let Ok(socket) = UdpSocket::bind("[::1]:0").await else {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    };
    let env = vec![("AGENT_SIP", "sip:nobody@[::1]:9".to_string())];
    let wanted = Wanted { flow: "tests/flows/long.yaml", env, host: "[::1]", ..Wanted::default() };
    let gateway = tokio::task::block_in_place(|| Gateway::start(wanted));
    let mut phone = Phone::start(|cfg| cfg.udp = any("::1")).await;
    let (dialog, ours) = (phone.endpoint.new_key(), socket.local_addr().expect("bound"));
    let mut session = SdpSession::new(3);
    let (to, sdp) = (format!("sip:5551000@{}", gateway.sip), session.offer(ours.ip(), ours.port()));
    phone
        .endpoint
        .send(SipCommand::Invite { dialog, to, from: "1".into(), sdp, uui: None, ring_seconds: 20, trunk: None })
        .expect("sent");
    let answer = loop {
        match tokio::time::timeout(PATIENCE, phone.events.recv()).await.expect("in time").expect("alive") {
            SipEvent::Answered { sdp, .. } => break sdp,
            SipEvent::Ended { why, .. } => panic!("no call: {why:?}"),
            _ => {}
        }
    };
    assert!(answer.contains("c=IN IP6 ::1"), "{answer}");
    let theirs = session.accept_answer(&answer, ours.ip()).expect("a good answer").remote;
    let (mut packet, mut buffer) = ([0xff; 172], [0; 2048]);
    packet[..12].copy_from_slice(&[0x80, 0, 0, 1, 0, 0, 0, 0, 9, 9, 9, 9]);
    socket.send_to(&packet, theirs).await.expect("sent");
    for _ in 0..50 {
        let (length, from) =
            tokio::time::timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("audio").expect("received");
        assert!(length > 12 && from == theirs, "{length} bytes from {from}");
    }
    phone.endpoint.send(SipCommand::HangUp { dialog }).expect("sent");
    tokio::task::block_in_place(|| gateway.ended_calls(1));
}

/// baresip calls over TLS: a client that we did not write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_calls_over_tls() {
    if !installed("openssl") || !installed("baresip") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let files = certificate(dir.path(), "localhost", "127.0.0.1");
    let mut phone = Phone::start(|cfg| (cfg.tls, cfg.tls_files) = (any("127.0.0.1"), Some(files))).await;
    let wav = dir.path().join("quiet.wav");
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&wav, spec).expect("written");
    for _ in 0..16_000 {
        writer.write_sample(0i16).expect("written");
    }
    writer.finalize().expect("written");
    let at = phone.endpoint.local_tls().expect("TLS");
    let caller = Baresip::start(&wav, Some(&format!("sip:100@{at};transport=tls")), 12);
    assert_eq!(phone.was_called().await, "incoming bye", "{}", caller.log());
}

/// Behind NAT: Via and Contact of the far end name addresses that cannot be reached; answers and our BYE still arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_go_back_to_where_the_request_came_from() {
    for (bind, shown) in [("127.0.0.1", "192.0.2.77:5999"), ("::1", "[2001:db8::77]:5999")] {
        let Ok(socket) = UdpSocket::bind(SocketAddr::new(bind.parse().expect("ok"), 0)).await else { continue };
        let from = socket.local_addr().expect("bound");
        let busy = Busy::start(|cfg| (cfg.udp, cfg.tcp) = (any(bind), any(bind))).await;
        for (rport, id) in [(";rport", "asked"), ("", "not-asked")] {
            let message = ping("UDP", from, id).replace(&format!("{from};rport"), &format!("{shown}{rport}"));
            for (message, expected) in [(message.clone(), 200), (message.replace("SIP/2.0\r\nVia", "SIP/8.0\r\nVia"), 505)] {
                socket.send_to(message.as_bytes(), busy.udp).await.expect("sent");
                let mut buffer = vec![0; 4096];
                let got = tokio::time::timeout(Duration::from_secs(5), socket.recv_from(&mut buffer)).await;
                let (length, _) = got.unwrap_or_else(|_| panic!("no {expected} from {bind}, rport {id}")).expect("received");
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                assert_eq!(status_of(&buffer[..length], id).0, expected, "{text}");
                // RFC 3581 §4; an IPv6 address stands bare there (RFC 3261 §25.1).
                let received = format!(";received={}", from.ip());
                assert!(text.contains(&received), "{text}");
                assert!(rport.is_empty() || text.contains(&format!(";rport={}", from.port())), "{text}");
            }
        }
    }
}
