//! Trunks on the wire: registrars, carriers and PBXs whose messages are written here by hand or played by SIPp. (Kamailio, a
//! real one, is in `kamailio`.)

use crate::gateway::{Gateway, Wanted, installed};
use crate::telephone::{self, LOOPBACK, Sipp, free_port, listening};
use crate::transports::certificate;
use hotline::base::Pii;
use hotline::sip::trunk::{DialledIn, Login, PrefixRule, Proxy, Trunk, TrunkAuth, TrunkTransport};
use hotline::sip::{Accounts, ByTrunk, Credentials, EndedWhy, SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// A server of which the test writes every answer.
pub(crate) struct Far {
    socket: UdpSocket,
    pub(crate) port: u16,
}

/// One request that came, and from where.
pub(crate) struct Request {
    pub(crate) text: String,
    from: SocketAddr,
}

impl Far {
    pub(crate) async fn start() -> Far {
        let socket = UdpSocket::bind((LOOPBACK, 0)).await.expect("a loopback port");
        let port = socket.local_addr().expect("bound").port();
        Far { socket, port }
    }

    /// The next request; retransmissions of the one before are not told apart, so answer quickly.
    pub(crate) async fn next(&self) -> Request {
        let mut buffer = vec![0; 65_535];
        loop {
            let got = tokio::time::timeout(Duration::from_secs(20), self.socket.recv_from(&mut buffer));
            let (length, from) = got.await.expect("a request in time").expect("received");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if !text.trim().is_empty() {
                return Request { text, from };
            }
        }
    }

    pub(crate) async fn answer(&self, request: &Request, status: &str, via: &str, more: &str) {
        let text = answer(request, status, via, more);
        self.socket.send_to(text.as_bytes(), request.from).await.expect("sent");
    }

    fn trunk(&self, name: &str) -> Trunk {
        Trunk::new(name, Proxy { host: "127.0.0.1".into(), port: Some(self.port), transport: TrunkTransport::Udp })
    }

    /// The same, with registration for an hour.
    fn registrar(&self) -> Trunk {
        let login = Login { user: "u1".into(), auth_user: "u1".into(), password: Pii::new("p1".into()) };
        Trunk { login: Some(login), register: Some(Duration::from_secs(3_600)), ..self.trunk("far") }
    }
}

/// An answer with the request's own headers, `via` added to its Via, and `more` lines.
fn answer(request: &Request, status: &str, via: &str, more: &str) -> String {
    let line = |name: &str| request.line(name);
    format!(
        "SIP/2.0 {status}\r\nVia: {}{via}\r\nFrom: {}\r\nTo: {};tag=far\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}Content-Length: 0\r\n\r\n",
        line("Via"),
        line("From"),
        line("To"),
        line("Call-ID"),
        line("CSeq"),
    )
}

impl Request {
    /// A header's value; empty when it is not there.
    fn line(&self, name: &str) -> &str {
        let found = self.text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or("").trim()
    }

    pub(crate) fn method(&self) -> &str {
        self.text.split(' ').next().unwrap_or("")
    }
}

async fn endpoint(trunks: Vec<Trunk>) -> (SipEndpoint, mpsc::Receiver<SipEvent>) {
    let any = SocketAddr::new(LOOPBACK, 0);
    let (tell, events) = mpsc::channel(64);
    let cfg = SipConfig { udp: Some(any), tcp: Some(any), trunks, ..SipConfig::default() };
    (SipEndpoint::bind(cfg, tell).await.expect("loopback is free"), events)
}

/// Waits until the board says so.
async fn until(endpoint: &SipEndpoint, what: &str, is: impl Fn(&hotline::sip::trunk::TrunkState) -> bool) {
    telephone::until(what, || is(&endpoint.board().lock().expect("not poisoned").states()[0])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registrar_may_ask_for_a_password_a_longer_time_and_another_nonce() {
    let far = Far::start().await;
    let (endpoint, _events) = endpoint(vec![far.registrar()]).await;
    let first = far.next().await;
    assert_eq!((first.method(), first.line("Expires"), first.line("Authorization")), ("REGISTER", "3600", ""));
    assert!(
        first.text.starts_with("REGISTER sip:127.0.0.1 SIP/2.0") && first.line("Contact").starts_with("<sip:u1@127.0.0.1:")
    );
    let both = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n\
                WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"\r\n";
    far.answer(&first, "401 Unauthorized", "", both).await;
    let second = far.next().await;
    let says = second.line("Authorization");
    assert!(says.contains("algorithm=SHA-256") && says.contains("nonce=\"n1\"") && says.contains("nc=00000001"), "{says}");
    assert_eq!(second.line("Call-ID"), first.line("Call-ID"), "one registration");
    let stale = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth\", stale=TRUE\r\n";
    far.answer(&second, "401 Unauthorized", "", stale).await;
    let third = far.next().await;
    assert!(third.line("Authorization").contains("nonce=\"n2\""), "{}", third.text);
    far.answer(&third, "423 Interval Too Brief", "", "Min-Expires: 7200\r\n").await;
    let fourth = far.next().await;
    assert_eq!(fourth.line("Expires"), "7200", "at once, with what it wants");
    assert!(fourth.line("Authorization").contains("nc=00000002"), "the nonce is used again, counted");
    let contact = format!(
        "Contact: <sip:other@192.0.2.1>;expires=5, {};expires=7200\r\n",
        fourth.line("Contact").split(";expires").next().unwrap_or("")
    );
    far.answer(&fourth, "200 OK", "", &contact).await;
    until(&endpoint, "registered", |state| state.registered).await;
    let stopped = tokio::spawn(endpoint.stop());
    let last = far.next().await;
    assert_eq!((last.method(), last.line("Expires")), ("REGISTER", "0"), "taken back at the end");
    far.answer(&last, "200 OK", "", "").await;
    stopped.await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_tried_once() {
    let far = Far::start().await;
    let (endpoint, _events) = endpoint(vec![far.registrar()]).await;
    for nonce in ["n1", "n2"] {
        let request = far.next().await;
        let challenge = format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\"\r\n");
        far.answer(&request, "401 Unauthorized", "", &challenge).await;
    }
    let quiet = tokio::time::timeout(Duration::from_secs(3), far.next()).await;
    assert!(quiet.is_err(), "no third try within seconds");
    until(&endpoint, "not registered", |state| !state.registered).await;
    endpoint.stop().await;
}

/// A NAT in between: the registrar sees us elsewhere, and that is where it must send calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_that_the_registrar_sees_is_registered() {
    let far = Far::start().await;
    let (endpoint, _events) = endpoint(vec![far.registrar()]).await;
    let first = far.next().await;
    assert!(first.line("Via").contains(";rport"), "{}", first.text);
    far.answer(&first, "200 OK", ";received=203.0.113.9;rport=40001", "").await;
    let second = far.next().await;
    assert!(second.line("Contact").starts_with("<sip:u1@203.0.113.9:40001>"), "{}", second.text);
    assert!(second.line("Via").contains("203.0.113.9:40001"), "{}", second.text);
    far.answer(&second, "200 OK", ";received=203.0.113.9;rport=40001", "").await;
    assert_eq!(endpoint.local_ip_toward(LOOPBACK).to_string(), "203.0.113.9", "audio goes there, too");
    endpoint.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_does_not_answer_options_is_down_until_it_does() {
    let far = Far::start().await;
    let every = Duration::from_millis(200);
    let trunk = Trunk { options: Some(every), options_misses: 2, keepalive: Some(every), ..far.trunk("far") };
    let (endpoint, _events) = endpoint(vec![trunk]).await;
    for _ in 0..2 {
        let ping = far.next().await;
        assert_eq!(ping.method(), "OPTIONS");
        far.answer(&ping, "503 Service Unavailable", "", "").await;
    }
    until(&endpoint, "down", |state| !state.answers).await;
    assert!(endpoint.board().lock().expect("not poisoned").ways_out(&[]).is_empty());
    let ping = far.next().await;
    far.answer(&ping, "405 Method Not Allowed", "", "").await;
    until(&endpoint, "up", |state| state.answers).await;
    // Between them, keep-alives.
    let mut buffer = [0; 2_048];
    let keepalive = async {
        while far.socket.recv_from(&mut buffer).await.expect("received").0 != 4 {}
        buffer.starts_with(b"\r\n\r\n")
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), keepalive).await.expect("a keep-alive"));
    endpoint.stop().await;
}

/// After an outage the waits are long; nobody waits for their end once the registrar is there again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registrar_that_answers_again_is_registered_with_at_once() {
    let far = Far::start().await;
    let trunk = Trunk { options: Some(Duration::from_millis(200)), options_misses: 2, ..far.registrar() };
    let (endpoint, _events) = endpoint(vec![trunk]).await;
    let story = [
        ("REGISTER", "500 Server Internal Error"),
        ("OPTIONS", "503 Service Unavailable"),
        ("OPTIONS", "503 Service Unavailable"),
        ("OPTIONS", "200 OK"),
        ("REGISTER", "200 OK"),
    ];
    for (n, (method, status)) in story.into_iter().enumerate() {
        let request = far.next().await;
        assert_eq!(request.method(), method, "{n}");
        far.answer(&request, status, "", "").await;
    }
    until(&endpoint, "registered", |state| state.registered).await;
    endpoint.stop().await;
}

/// Calls from a trunk's addresses are its own before anything was sent to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_is_never_asked_anything_is_known_by_its_name() {
    let any = SocketAddr::new(LOOPBACK, 0);
    for (host, expected) in [("localhost", "200 OK"), ("nobody.invalid", "403 Forbidden")] {
        let (tell, _events) = mpsc::channel(64);
        let proxy = Proxy { host: host.into(), port: None, transport: TrunkTransport::Udp };
        let unknown = hotline::sip::Unknown::Refuse;
        let trunks = vec![Trunk::new("quiet", proxy)];
        let cfg = SipConfig { udp: Some(any), tcp: Some(any), unknown, known: vec![], trunks, ..SipConfig::default() };
        let endpoint = SipEndpoint::bind(cfg, tell).await.expect("loopback is free");
        let far = Far::start().await;
        let to = endpoint.local_udp().expect("UDP is on");
        let mut said = String::new();
        // Its name is looked up in the background: ask until it has been.
        for n in 0..50 {
            let options = format!(
                "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{};rport;branch=z9hG4bKq{n}\r\nMax-Forwards: 70\r\n\
                 From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:{to}>\r\nCall-ID: q{n}\r\nCSeq: 1 OPTIONS\r\n\
                 User-Agent: {}\r\nContent-Length: 0\r\n\r\n",
                far.port,
                "x".repeat(300),
            );
            far.socket.send_to(options.as_bytes(), to).await.expect("sent");
            said = far.next().await.text;
            if said.starts_with("SIP/2.0 200") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(said.starts_with(&format!("SIP/2.0 {expected}")), "{host}: {said}");
        endpoint.stop().await;
    }
}

/// What anybody writes into From is passed on, but only what a trusted source says is asserted to the carrier.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_trusted_number_is_asserted() {
    let any = SocketAddr::new(LOOPBACK, 0);
    for (trusted, asserted) in [(true, "<sip:+4930999@127.0.0.1>"), (false, "<sip:u1@127.0.0.1>")] {
        let far = Far::start().await;
        let carrier = Trunk { register: None, ..far.registrar() };
        let (gateway, mut events) = endpoint(vec![from_loopback("pbx", trusted), carrier]).await;
        let (tell, _caller_events) = mpsc::channel(64);
        let cfg = SipConfig { udp: Some(any), tcp: Some(any), ..SipConfig::default() };
        let phone = SipEndpoint::bind(cfg, tell).await.expect("loopback is free");
        let (dialog, sdp) = (phone.new_key(), SdpSession::new(7).offer(LOOPBACK, 40_000));
        let to = format!("sip:100@{}", gateway.local_udp().expect("UDP is on"));
        let invite = SipCommand::Invite { dialog, to, from: "+4930999".into(), sdp, uui: None, ring_seconds: 20, trunk: None };
        phone.send(invite).expect("not busy");
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.expect("a call in time");
        let Some(SipEvent::Incoming { dialog: caller, from, .. }) = event else { panic!("a call, not {event:?}") };
        // Of the caller's own number, and of another one that is none of his.
        for (from, asserted) in [(from, asserted), ("+4930777".into(), "<sip:u1@127.0.0.1>")] {
            let (dialog, sdp) = (gateway.new_key(), SdpSession::new(7).offer(LOOPBACK, 40_002));
            let to = far.trunk("far").proxy.uri("+4930555");
            let trunk = Some(ByTrunk { name: "far".into(), caller: Some(caller), emergency: false });
            let shown = format!("<sip:{from}@127.0.0.1>");
            gateway.send(SipCommand::Invite { dialog, to, from, sdp, uui: None, ring_seconds: 20, trunk }).expect("not busy");
            let request = far.next().await;
            assert_eq!((request.method(), request.line("P-Asserted-Identity")), ("INVITE", asserted), "{}", request.text);
            assert!(request.line("From").starts_with(&shown), "{}", request.text);
            far.answer(&request, "486 Busy Here", "", "").await;
            let ack = far.next().await;
            assert_eq!(ack.method(), "ACK", "{}", ack.text);
        }
        phone.stop().await;
        gateway.stop().await;
    }
}

/// Which story the endpoint tells of the origin of one SIPp call.
async fn origin(scenario: &str, trunk: Trunk, number: &str) -> Option<String> {
    if !installed("sipp") {
        return None;
    }
    let (endpoint, mut events) = endpoint(vec![trunk]).await;
    let target = endpoint.local_udp().expect("UDP is on").to_string();
    let sipp = Sipp::start(scenario, free_port(), &["-s", number, "-key", "fold", "  ", &target]);
    let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.expect("a call in time");
    let Some(SipEvent::Incoming { dialog, from, to, origin, .. }) = event else { panic!("a call, not {event:?}") };
    endpoint.send(SipCommand::Reject { dialog, status: 486, retry_after: None }).expect("not busy");
    sipp.passes().await;
    endpoint.stop().await;
    let hidden = origin.hidden.map_or_else(String::new, |n| format!(" hidden:{}", n.reveal()));
    let diverted = origin.diverted.map_or_else(String::new, |d| format!(" from:{}/{}", d.number, d.reason));
    Some(format!("{} {from}>{to}{hidden}{diverted} trusted:{}", origin.trunk.unwrap_or_default(), origin.trusted))
}

fn from_loopback(name: &str, trusted: bool) -> Trunk {
    let proxy = Proxy { host: "carrier.invalid".into(), port: None, transport: TrunkTransport::Udp };
    let from = vec!["127.0.0.0/8".parse().expect("a network")];
    let rules = ["00 -> +", "0 -> +49"].iter().filter_map(|rule| PrefixRule::parse(rule)).collect();
    Trunk { from, trusted, numbers_in: rules, ..Trunk::new(name, proxy) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_and_who_sent_the_call_on() {
    let told = |scenario: &'static str, trunk| async move { origin(scenario, trunk, "0305551000").await };
    let Some(trusted) = told("origin_diversion", from_loopback("c", true)).await else { return };
    assert_eq!(trusted, "c +4930111>+49305551000 from:+4930333/no-answer trusted:true", "two values, folded, lower case");
    let plain = told("origin_diversion", from_loopback("c", false)).await;
    assert_eq!(
        plain.as_deref(),
        Some("c +4930999>+49305551000 from:+4930333/no-answer trusted:false"),
        "its identity is not believed"
    );
    let history = told("origin_history", Trunk { dialled_in: DialledIn::PCalledPartyId, ..from_loopback("c", true) }).await;
    assert_eq!(history.as_deref(), Some("c anonymous>+49305551077 hidden:+4930222 from:+4930444/user-busy trusted:true"));
    let other = Trunk { numbers: vec!["+49305551000".into()], dialled_in: DialledIn::To, ..from_loopback("c", true) };
    assert_eq!(
        told("origin_history", other).await.as_deref(),
        Some("c anonymous>+49305551000 hidden:+4930222 from:+4930444/user-busy trusted:true")
    );
}

/// A gateway whose trunks are SIPps or nobody.
fn gateway(trunks: &[(&str, u16, &str)], limits: &str) -> Gateway {
    let trunks: String = trunks
        .iter()
        .map(|(name, port, keys)| {
            format!("[[trunk]]\nname = {name:?}\nproxy = \"127.0.0.1:{port}\"\noptions_seconds = 0\n{keys}")
        })
        .collect();
    let env = vec![("AGENT_SIP", "trunk:+4930555100".to_string())];
    Gateway::start(Wanted { flow: "tests/flows/trunk.yaml", env, more: &trunks, limits, ..Wanted::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_out_goes_by_the_next_trunk_when_one_fails() {
    if !installed("sipp") {
        return;
    }
    let (busy, dead, good) = (free_port(), free_port(), free_port());
    let rules = "numbers_out = [\"+49 -> 0\"]\ncaller_id = \"+49305551000\"\n";
    let mut gateway = gateway(&[("failing", busy, ""), ("dead", dead, ""), ("good", good, rules)], "");
    let failing = Sipp::start("trunk_failing", busy, &[]);
    let agent = Sipp::start("trunk_agent", good, &["-d", "5000"]);
    listening(busy, "udp").await;
    listening(good, "udp").await;
    // It hears us for as long as the silent trunk is given, and is then joined with the agent, who hangs up.
    let target = gateway.sip.to_string();
    let caller = Sipp::start("hung_up", free_port(), &["-s", "5551000", &target]);
    failing.passes().await;
    agent.passes().await;
    caller.passes().await;
    gateway.said("a call out failed by this trunk");
    let rows = gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"], "transferred", "{rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_trunks_and_callers() {
    if !installed("sipp") {
        return;
    }
    let from = "from = [\"127.0.0.1\"]\nnumbers = [\"5551000\"]\ncalls_max = 1\n";
    let mut gateway = gateway(&[("pbx", free_port(), from)], "");
    let target = gateway.sip.to_string();
    let call = |scenario: &str, number: &str| Sipp::start(scenario, free_port(), &["-s", number, "-d", "3000", &target]);
    call("unknown_number", "5551001").passes().await;
    // While one is there, the next one hears 503.
    let first = call("call", "5551000");
    gateway.said("a call came in");
    call("full", "5551000").passes().await;
    first.passes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_may_not_call_and_callers_who_call_too_often() {
    if !installed("sipp") {
        return;
    }
    let trusted = "from = [\"127.0.0.1\"]\ntrusted = true\n";
    for (limits, first, second) in
        [("blocked = [\"+4930*\"]", "blocked", "blocked"), ("calls_per_minute_per_caller = 1", "call", "busy")]
    {
        let mut gateway = gateway(&[("pbx", free_port(), trusted)], limits);
        let target = gateway.sip.to_string();
        let call = |scenario: &str| Sipp::start(scenario, free_port(), &["-s", "5551000", "-d", "100", &target]);
        call(first).passes().await;
        call(second).passes().await;
        gateway.said("a call was not taken");
    }
}

/// Messages shaped like those of products that are not here: the gateway answers them like any other call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_shaped_as_other_products_write_them() {
    if !installed("sipp") {
        return;
    }
    let trusted = "from = [\"127.0.0.1\"]\ntrusted = true\nnumbers_out = [\"+49 -> 0\"]\ncaller_id = \"+49305551000\"\n";
    let out = free_port();
    let gateway = gateway(&[("carrier", out, trusted)], "");
    let target = gateway.sip.to_string();
    for (n, scenario) in ["shape_asterisk", "shape_freeswitch", "shape_carrier"].into_iter().enumerate() {
        Sipp::start(scenario, free_port(), &["-s", "5551000", "-d", "200", &target]).passes().await;
        gateway.ended_calls(n + 1);
    }
    let called = Sipp::start("shape_carrier_called", out, &["-d", "5000"]);
    listening(out, "udp").await;
    let caller = Sipp::start("hung_up", free_port(), &["-s", "5551000", &target]);
    called.passes().await;
    caller.passes().await;
    let rows = gateway.ended_calls(4);
    assert_eq!(rows.iter().filter(|row| row["disposition"] == "transferred").count(), 1, "{rows:?}");
    // Who sent the carrier's call on is told in its record.
    let told = |row: &serde_json::Value| {
        gateway.story(row["id"].as_str().unwrap_or_default()).contains("the caller had dialled …33 first (no-answer)")
    };
    assert_eq!(rows.iter().filter(|row| told(row)).count(), 1);
}

/// A caller who hides the number: neither the records nor the card nor the log hold it, and no agent is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_number_is_nowhere() {
    if !installed("sipp") {
        return;
    }
    let out = free_port();
    let mut gateway = gateway(&[("carrier", out, "from = [\"127.0.0.1\"]\ntrusted = true\n")], "");
    let agent = Sipp::start("trunk_agent_anonymous", out, &["-d", "3000"]);
    listening(out, "udp").await;
    let target = gateway.sip.to_string();
    let caller = Sipp::start("hidden_caller", free_port(), &["-s", "5551000", "-d", "20000", &target]);
    agent.passes().await;
    drop(caller);
    let rows = gateway.ended_calls(1);
    assert_eq!(rows[0]["caller"], "anonymous", "{rows:?}");
    let story = gateway.story(rows[0]["id"].as_str().unwrap_or_default());
    assert!(story.contains("the caller had dialled …33 first (no-answer)") && !story.contains("777888"), "{story}");
    gateway.said("the call is over");
    let kept = gateway.everything();
    assert!(kept.contains("anonymous") && kept.contains("+4930333"), "the card tells who sent the call on");
    assert!(!kept.contains("777888"), "the number stands in the store or in the log");
}

/// A registrar over TCP: the connection that we open is used for all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_over_tcp() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind((LOOPBACK, 0)).await.expect("a loopback port");
    let port = listener.local_addr().expect("bound").port();
    let login = Login { user: "u1".into(), auth_user: "u1".into(), password: Pii::new("p1".into()) };
    let proxy = Proxy { host: "127.0.0.1".into(), port: Some(port), transport: TrunkTransport::Tcp };
    let (hour, often) = (Some(Duration::from_secs(3_600)), Some(Duration::from_millis(300)));
    let trunk = Trunk { login: Some(login), register: hour, options: often, ..Trunk::new("far", proxy) };
    let (endpoint, _events) = endpoint(vec![trunk]).await;
    let local = endpoint.local_tcp().expect("TCP is on");
    // The second time, over a new connection, it is asked whether it lives, and because of that new way registered anew.
    for expected in [["REGISTER", "OPTIONS"], ["OPTIONS", "REGISTER"]] {
        let (mut stream, from) = listener.accept().await.expect("a connection");
        let mut methods = Vec::new();
        for _ in 0..2 {
            let mut text = String::new();
            while !text.contains("\r\n\r\n") {
                let mut buffer = [0; 4_096];
                let got = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut buffer));
                let length = got.await.expect("a request in time").expect("received");
                assert!(length > 0, "the connection stays");
                text.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            let request = Request { text, from };
            assert!(request.line("Via").starts_with("SIP/2.0/TCP"), "{}", request.text);
            let contact = request.line("Contact").to_string();
            assert!(contact.starts_with(&format!("<sip:u1@{local};transport=tcp>")), "where others reach us: {contact}");
            methods.push(request.method().to_string());
            stream.write_all(answer(&request, "200 OK", "", "").as_bytes()).await.expect("sent");
        }
        assert_eq!(methods, expected);
        until(&endpoint, "registered", |state| state.registered && state.answers).await;
    }
}

/// A trunk over TLS: its certificate is checked, it is asked whether it lives, and called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_over_tls() {
    if !installed("openssl") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let files = certificate(folder.path(), "carrier.example", "127.0.0.1");
    let other = certificate(folder.path(), "other.example", "192.0.2.1");
    let any = SocketAddr::new(LOOPBACK, 0);
    let (tell, mut far_events) = mpsc::channel(64);
    let (ca, wrong) = (files.certificate.clone(), other.certificate);
    let far = SipConfig { udp: None, tcp: None, tls: Some(any), tls_files: Some(files), ..SipConfig::default() };
    let far = SipEndpoint::bind(far, tell).await.expect("loopback is free");
    let port = far.local_tls().map(|at| at.port());
    let proxy = Proxy { host: "127.0.0.1".into(), port, transport: TrunkTransport::Tls };
    let trunk = Trunk { options: Some(Duration::from_millis(200)), options_misses: 1, ..Trunk::new("far", proxy) };
    for (ca, answers) in [(wrong, false), (ca, true)] {
        let (tell, _events) = mpsc::channel(64);
        let cfg =
            SipConfig { udp: Some(any), tcp: None, tls_ca: Some(ca), trunks: vec![trunk.clone()], ..SipConfig::default() };
        let endpoint = SipEndpoint::bind(cfg, tell).await.expect("loopback is free");
        if answers {
            // A trunk counts as up until shown otherwise. Only an OPTIONS of ours makes a connection, and only a certificate that we
            // believe lets that come about.
            telephone::until("a connection", || far.counts().connections > 0).await;
        }
        until(&endpoint, "as its certificate is", |state| state.answers == answers).await;
        assert_eq!(far.counts().connections > 0, answers);
        if answers {
            let (dialog, sdp) = (endpoint.new_key(), SdpSession::new(7).offer(LOOPBACK, 40_000));
            let (to, from) = (trunk.proxy.uri("+4930555100"), "200".to_string());
            let trunk = Some(ByTrunk { name: "far".into(), caller: None, emergency: false });
            let invite = SipCommand::Invite { dialog, to, from, sdp, uui: None, ring_seconds: 5, trunk };
            endpoint.send(invite).expect("not busy");
            let event = tokio::time::timeout(Duration::from_secs(10), far_events.recv()).await.expect("a call in time");
            assert!(matches!(&event, Some(SipEvent::Incoming { to, .. }) if to == "+4930555100"), "{event:?}");
        }
        endpoint.stop().await;
    }
    far.stop().await;
}

/// A PBX that shows a password when it calls: from its address without one it is challenged, whatever else is allowed there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_that_must_show_its_password() {
    let any = SocketAddr::new(LOOPBACK, 0);
    let (tell, mut events) = mpsc::channel(64);
    let account = |name: &str| (name.to_string(), "long and secret".to_string());
    let trunk = Trunk { auth: TrunkAuth::Digest, account: Some("pbx".into()), ..from_loopback("pbx-line", true) };
    let accounts = Accounts([account("pbx"), account("other")].into());
    let cfg = SipConfig { udp: Some(any), tcp: Some(any), trunks: vec![trunk], accounts, ..SipConfig::default() };
    let gateway = SipEndpoint::bind(cfg, tell).await.expect("loopback is free");
    let to = format!("sip:100@{}", gateway.local_udp().expect("UDP is on"));
    for (user, password, expected) in
        [("pbx", "long and secret", "pbx-line"), ("other", "long and secret", "403"), ("pbx", "guess", "401")]
    {
        let known = Credentials { host: "hotline".into(), user: user.into(), password: password.into() };
        let (tell, mut caller_events) = mpsc::channel(64);
        let cfg = SipConfig { udp: Some(any), tcp: Some(any), credentials: vec![known], ..SipConfig::default() };
        let caller = SipEndpoint::bind(cfg, tell).await.expect("loopback is free");
        let (dialog, sdp) = (caller.new_key(), SdpSession::new(7).offer(LOOPBACK, 40_000));
        let invite =
            SipCommand::Invite { dialog, to: to.clone(), from: "200".into(), sdp, uui: None, ring_seconds: 5, trunk: None };
        caller.send(invite).expect("not busy");
        let told = tokio::time::timeout(Duration::from_secs(10), async {
            tokio::select! {
                Some(SipEvent::Incoming { origin, .. }) = events.recv() => origin.trunk.unwrap_or_default(),
                Some(SipEvent::Ended { why: EndedWhy::Refused { status, .. }, .. }) = caller_events.recv() => status.to_string(),
            }
        });
        assert_eq!(told.await.expect("an end in time"), expected, "{user} {password}");
        caller.stop().await;
    }
    gateway.stop().await;
}

/// The far end sends us on to a number of its own (302): it is not dialled, and the record says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sends_us_to_a_number_that_the_flow_does_not_name() {
    if !installed("sipp") {
        return;
    }
    let port = free_port();
    let env = vec![("AGENT_SIP", format!("sip:agent@127.0.0.1:{port}"))];
    let mut gateway = Gateway::start(Wanted { flow: "tests/flows/moved.yaml", env, ..Wanted::default() });
    let agent = Sipp::start("agent_moved", port, &[]);
    listening(port, "udp").await;
    let target = gateway.sip.to_string();
    let caller = Sipp::start("call", free_port(), &["-s", "5551000", "-d", "8000", &target]);
    agent.passes().await;
    caller.passes().await;
    gateway.said("the call is over");
    let rows = gateway.ended_calls(1);
    let story = gateway.story(rows[0]["id"].as_str().unwrap_or_default());
    assert!(
        story.contains("destination_refused") && story.contains("desk sent us on to an address that the flow does not name"),
        "{story}"
    );
}
