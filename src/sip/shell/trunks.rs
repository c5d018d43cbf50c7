//! One task a trunk: REGISTER, OPTIONS and keep-alives, as `sip::trunk` wants them. What they find out is written on the
//! board, which calls in and out look at; logs hear of changes, not of every message.

use super::address::Addresses;
use super::message::{lines, uri};
use super::outgoing::find;
use super::stream::Streams;
use crate::base::Moment;
use crate::sip::digest::{Session, Unmet};
use crate::sip::trunk::health::{ANSWER_WITHIN, Health, Ping};
use crate::sip::trunk::registration::{self, Change, Outcome, Registration};
use crate::sip::trunk::{Board, Login, Trunk, TrunkTransport, host_in_uri, user_part};
use crate::sip::{ALLOW, Credentials};
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use rsipstack::sip::{Header, Method, Param, Request, Response, SipMessage, StatusCodeKind, Transport, typed};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transaction::{make_call_id, make_tag};
use rsipstack::transport::{SipAddr, SipConnection};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The board as calls, trunk tasks and metrics share it. A lock around a few numbers, held for a look.
pub type SharedBoard = Arc<Mutex<Board>>;

/// How long a registrar may take for one answer.
const REGISTER_WITHIN: Duration = Duration::from_secs(10);
/// The same when we leave: the endpoint waits two seconds for all goodbyes.
const UNREGISTER_WITHIN: Duration = Duration::from_millis(1_500);
/// How long looking up the proxy's name and opening a connection may take.
const FIND_WITHIN: Duration = Duration::from_secs(5);
/// Requests for one answer: without credentials, with, and again when a nonce was stale.
const ROUNDS_MAX: u32 = 3;
/// How often the proxy's name is looked up: calls come from all its addresses, and those change.
const LOOK_UP_EVERY: Duration = Duration::from_secs(60);
/// How old the figures of a trunk may be; and what is due at the latest.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// Looks at the board.
pub fn board(board: &SharedBoard) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a trunk's task works with.
pub(super) struct Work {
    pub(super) trunk: Arc<Trunk>,
    pub(super) board: SharedBoard,
    pub(super) endpoint: EndpointInnerRef,
    pub(super) streams: Arc<Streams>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) stop: CancellationToken,
    pub(super) kill: CancellationToken,
}

/// Serves one trunk until the endpoint stops.
pub(super) async fn serve(work: Work) {
    let kill = work.kill.clone();
    tokio::select! {
        () = kill.cancelled() => {}
        () = Line::new(work).run() => {}
    }
}

struct Line {
    work: Work,
    began: Instant,
    registration: Option<Registration>,
    health: Option<Health>,
    /// When the next keep-alive goes.
    keepalive: Option<Moment>,
    /// When the proxy's name is looked up next; `None` = it has none, or calls come from listed addresses.
    look_up: Option<Moment>,
    /// Where the last REGISTER said that we are.
    place: Option<SocketAddr>,
    /// For the registrar.
    session: Session,
    /// All REGISTERs are one "call" (RFC 3261 §10.2): the same Call-ID, CSeq counting up.
    call_id: rsipstack::sip::headers::CallId,
    cseq: u32,
    /// The end of the stream that was used last: after it the registration is renewed over another one (RFC 5626 §4.2).
    flow: Option<CancellationToken>,
    /// Said once that it is without answer, not at every try.
    silent: bool,
}

impl Line {
    fn new(work: Work) -> Line {
        let (began, now) = (Instant::now(), Moment::ZERO);
        let trunk = &work.trunk;
        let who = trunk.login.as_ref().map(|login| credentials(&trunk.proxy.host, login));
        let line = Line {
            registration: trunk.register.map(|expires| Registration::new(expires, now)),
            health: trunk.options.map(|every| Health::new(every, trunk.options_misses, now)),
            keepalive: trunk.keepalive.filter(|_| trunk.proxy.transport == TrunkTransport::Udp).map(|every| now + every),
            look_up: (trunk.from.is_empty() && trunk.proxy.host.parse::<IpAddr>().is_err()).then_some(now),
            place: None,
            session: Session::new(who),
            call_id: make_call_id(None, rsipstack::transaction::CallIdFormat::Uuid),
            cseq: rand::random::<u32>() & 0xffff,
            flow: None,
            silent: false,
            began,
            work,
        };
        line.show();
        line
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.began.elapsed()
    }

    async fn run(mut self) {
        let stop = self.work.stop.clone();
        loop {
            let due = [
                self.registration.as_ref().and_then(Registration::next),
                self.health.as_ref().map(Health::next),
                self.keepalive,
                self.look_up,
            ];
            let due = due.into_iter().flatten().min().unwrap_or(Moment::from_micros(u64::MAX)).min(self.now() + SHOW_EVERY);
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.leave().await,
                () = tokio::time::sleep_until(self.began + Duration::from_micros(due.micros())) => {}
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.work_due() => {}
            }
        }
    }

    async fn work_due(&mut self) {
        let now = self.now();
        if self.look_up.is_some_and(|at| at <= now) {
            self.look_up().await;
        }
        if let Some(expires) = self.registration.as_mut().and_then(|r| r.due(now)) {
            self.register(expires).await;
        }
        if self.health.as_ref().is_some_and(|h| h.next() <= now) {
            self.ping().await;
        }
        if self.keepalive.is_some_and(|at| at <= now) {
            self.keep_alive().await;
        }
        // A registration can run out while its refresh fails.
        self.show();
    }

    /// Writes on the board and into the figures what is so now.
    fn show(&self) {
        let now = self.now();
        let answers = self.health.as_ref().is_none_or(Health::is_up);
        let registered = self.registration.as_ref().is_none_or(|r| r.is_registered(now));
        let name = self.work.trunk.name.clone();
        let calls = {
            let mut board = board(&self.work.board);
            board.set_answers(&name, answers);
            board.set_registered(&name, registered);
            board.calls(&name)
        };
        let figure = |is| if is { 1.0 } else { 0.0 };
        metrics::gauge!("hotline_trunk_calls", "trunk" => name.clone()).set(f64::from(calls));
        metrics::gauge!("hotline_trunk_up", "trunk" => name.clone()).set(figure(answers && registered));
        if self.registration.is_some() {
            metrics::gauge!("hotline_trunk_registered", "trunk" => name).set(figure(registered));
        }
    }

    async fn register(&mut self, expires: Duration) {
        let result = self.exchange(Method::Register, Some(expires), REGISTER_WITHIN).await;
        let outcome = match result {
            Ok(Reply::Final(response)) => self.outcome(&response, expires),
            Ok(Reply::Unmet(status, why)) => {
                self.say_unmet(status, why);
                Outcome::Refused(status)
            }
            Err(why) => {
                tracing::debug!(trunk = %self.work.trunk.name, why, "a REGISTER came to nothing");
                Outcome::Silent
            }
        };
        let now = self.now();
        let change = self.registration.as_mut().and_then(|r| r.heard(now, outcome, rand::random()));
        let trunk = &self.work.trunk.name;
        match change {
            Some(Change::Registered(granted)) => {
                tracing::info!(trunk = %trunk, seconds = granted.as_secs(), "registered");
            }
            Some(Change::Failed { outcome, wait, failures }) => {
                metrics::counter!("hotline_trunk_register_failures_total", "trunk" => trunk.clone()).increment(1);
                let why = match outcome {
                    Outcome::Refused(status) => format!("refused ({status})"),
                    Outcome::Failed(status, _) => format!("answered {status}"),
                    Outcome::TooBrief(min) => format!("wants an expiry of {} s", min.as_secs()),
                    Outcome::Granted(_) | Outcome::Silent => "no answer".into(),
                };
                tracing::warn!(trunk = %trunk, failures, next_try_seconds = wait.as_secs(), "not registered: {why}");
            }
            None => {}
        }
    }

    fn say_unmet(&self, status: u16, why: Unmet) {
        let trunk = &self.work.trunk.name;
        match why {
            Unmet::Refused => {
                tracing::error!(trunk = %trunk, status, "the registrar refuses our user or password; correct user, auth_user and password of this [[trunk]]");
            }
            Unmet::NoPassword => {
                tracing::error!(trunk = %trunk, status, "the trunk asks for a password, and there is none; write user and password in its [[trunk]]");
            }
            Unmet::Unknown => {
                tracing::error!(trunk = %trunk, status, "the trunk asks for an authentication that we do not know (known: digest with MD5, SHA-256, SHA-512-256)");
            }
        }
    }

    /// What a final answer to REGISTER means.
    fn outcome(&mut self, response: &Response, asked: Duration) -> Outcome {
        let seconds = |name: &str| {
            let value = response.header_value(name)?;
            let digits: String = value.trim().chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok().map(Duration::from_secs)
        };
        match response.status_code.code() {
            200..=299 => Outcome::Granted(self.granted(response).or_else(|| seconds("Expires")).unwrap_or(asked)),
            423 => seconds("Min-Expires").map_or(Outcome::Failed(423, None), Outcome::TooBrief),
            status @ (401 | 403 | 407) => Outcome::Refused(status),
            status => Outcome::Failed(status, seconds("Retry-After")),
        }
    }

    /// The expiry of our own binding among all that the registrar lists.
    fn granted(&self, response: &Response) -> Option<Duration> {
        let user = self.work.trunk.login.as_ref().map_or("hotline", |login| login.user.as_str());
        let values: Vec<String> = lines(response, "Contact").chain(lines(response, "m")).map(str::to_string).collect();
        registration::expiry_of(&values, user, self.place?)
    }

    async fn ping(&mut self) {
        let now = self.now();
        if let Some(health) = &mut self.health {
            health.sent(now);
        }
        let ping = match self.exchange(Method::Options, None, ANSWER_WITHIN).await {
            Ok(Reply::Final(response)) => Ping::Answered(response.status_code.code()),
            Ok(Reply::Unmet(status, _)) => Ping::Answered(status),
            Err(_) => Ping::Silent,
        };
        let now = self.now();
        let trunk = &self.work.trunk.name;
        match self.health.as_mut().and_then(|h| h.heard(now, ping)) {
            Some(true) => {
                tracing::info!(trunk = %trunk, "the trunk answers again; calls go out by it");
                if let Some(registration) = &mut self.registration {
                    registration.reachable(now);
                }
            }
            Some(false) => {
                tracing::warn!(trunk = %trunk, last = ?ping, "the trunk does not answer OPTIONS; calls go out by the next one")
            }
            None => {}
        }
    }

    /// CRLF CRLF keeps a NAT's door open (RFC 5626 §3.5.1).
    async fn keep_alive(&mut self) {
        let every = self.work.trunk.keepalive.unwrap_or(SHOW_EVERY);
        self.keepalive = Some(self.now() + every);
        if let Ok((_, SipConnection::Udp(udp), target)) = self.way().await {
            let _ = udp.send_raw(b"\r\n\r\n", &target).await;
        }
    }

    /// Takes our registration back.
    async fn leave(&mut self) {
        let now = self.now();
        if self.registration.as_mut().is_some_and(|r| r.end(now)) {
            let gone = self.exchange(Method::Register, Some(Duration::ZERO), UNREGISTER_WITHIN).await;
            let done = matches!(&gone, Ok(Reply::Final(r)) if r.status_code.kind() == StatusCodeKind::Successful);
            tracing::info!(trunk = %self.work.trunk.name, done, "registration taken back");
        }
    }

    /// All addresses of the proxy: its calls may come from each of them. A look-up that fails changes nothing.
    async fn look_up(&mut self) {
        self.look_up = Some(self.now() + LOOK_UP_EVERY);
        let trunk = self.work.trunk.clone();
        let place = (trunk.proxy.host.as_str(), trunk.proxy.port.unwrap_or(5060));
        match tokio::time::timeout(FIND_WITHIN, tokio::net::lookup_host(place)).await {
            Ok(Ok(found)) => {
                let now = self.now();
                board(&self.work.board).found_at(&trunk.name, found.map(|address| address.ip()), now);
            }
            _ => tracing::debug!(trunk = %trunk.name, "the name of the trunk's proxy was not found"),
        }
    }

    /// The proxy's address, and the way to it.
    async fn way(&mut self) -> Result<(SocketAddr, SipConnection, SipAddr), String> {
        let uri = uri(&self.work.trunk.proxy.uri(""))?;
        let found = tokio::time::timeout(FIND_WITHIN, find(&self.work.endpoint, &self.work.streams, &uri)).await;
        let target = found.map_err(|_| "it was not found in time".to_string())??;
        let peer = target.get_socketaddr().map_err(|e| e.to_string())?;
        board(&self.work.board).found_at(&self.work.trunk.name, [peer.ip()], self.now());
        let (connection, target) = self.work.endpoint.transport_layer.lookup(&target, None).await.map_err(|e| e.to_string())?;
        Ok((peer, connection, target))
    }

    /// One request outside of a dialog, answered challenges included. `within` = patience for each answer.
    async fn exchange(&mut self, method: Method, expires: Option<Duration>, within: Duration) -> Result<Reply, String> {
        let (peer, connection, target) = self.way().await.inspect_err(|why| self.note_silence(why))?;
        self.note_flow(&connection);
        self.session.begin();
        for _ in 0..ROUNDS_MAX {
            let request = self.request(&method, expires, peer, &target)?;
            let asked = (request.uri.to_string(), target.clone());
            let response = self.ask(request, connection.clone(), asked.1, within).await?;
            self.learn(&response, peer.ip());
            let status = response.status_code.code();
            // Whoever asks OPTIONS for a password lives, and that was the question.
            if !matches!(status, 401 | 407) || method == Method::Options {
                for info in lines(&response, "Authentication-Info") {
                    self.session.informed(info);
                }
                return Ok(Reply::Final(response));
            }
            let offered = lines(&response, "WWW-Authenticate").map(|v| (false, v));
            let offered = offered.chain(lines(&response, "Proxy-Authenticate").map(|v| (true, v)));
            if let Err(why) = self.session.challenged(offered) {
                return Ok(Reply::Unmet(status, why));
            }
        }
        Err("it asked for a password again and again".into())
    }

    /// The registrar sends calls over the stream by which we registered; when that has broken it must hear of the new one.
    fn note_flow(&mut self, connection: &SipConnection) {
        if !connection.is_reliable() {
            return;
        }
        let now = self.now();
        let before = std::mem::replace(&mut self.flow, connection.cancel_token());
        if before.is_some_and(|over| over.is_cancelled())
            && let Some(registration) = &mut self.registration
        {
            registration.moved(now);
        }
    }

    fn note_silence(&mut self, why: &str) {
        if !std::mem::replace(&mut self.silent, true) {
            tracing::warn!(trunk = %self.work.trunk.name, why, "there is no way to the trunk");
        }
    }

    /// Sends a request and waits for its final answer.
    async fn ask(
        &mut self,
        request: Request,
        connection: SipConnection,
        target: SipAddr,
        within: Duration,
    ) -> Result<Response, String> {
        let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(|e| e.to_string())?;
        let mut tx = Transaction::new_client(key, request, self.work.endpoint.clone(), Some(connection));
        tx.destination = Some(target);
        tx.send().await.map_err(|e| e.to_string())?;
        let answer = async {
            while let Some(message) = tx.receive().await {
                if let SipMessage::Response(response) = message
                    && response.status_code.kind() != StatusCodeKind::Provisional
                {
                    return Some(response);
                }
            }
            None
        };
        // Dropping the transaction ends its retransmissions.
        let response = tokio::time::timeout(within, answer).await.ok().flatten().ok_or("no answer")?;
        self.silent = false;
        Ok(response)
    }

    fn request(
        &mut self,
        method: &Method,
        expires: Option<Duration>,
        peer: SocketAddr,
        target: &SipAddr,
    ) -> Result<Request, String> {
        let trunk = self.work.trunk.clone();
        let transport = target.r#type.unwrap_or_default();
        let registers = *method == Method::Register;
        let host = host_in_uri(&trunk.registrar);
        let target_uri = uri(&if registers { format!("sip:{host}") } else { trunk.proxy.uri("") })?;
        let user = trunk.login.as_ref().map_or("hotline", |login| login.user.as_str());
        let own = uri(&format!("sip:{}@{host}", user_part(user)))?;
        let from = typed::From { display_name: None, uri: own.clone(), params: vec![] }.with_tag(make_tag());
        let to = typed::To { display_name: None, uri: if registers { own } else { target_uri.clone() }, params: vec![] };
        let local = self.work.addresses.toward(peer.ip(), transport);
        let via = self.work.endpoint.get_via(Some(SipAddr::new(transport, local.into())), None).map_err(|e| e.to_string())?;
        self.cseq += 1;
        let call_id = registers.then(|| self.call_id.clone());
        let mut request = self.work.endpoint.make_request(*method, target_uri, via, from, to, self.cseq, call_id);
        if registers {
            self.place = Some(local);
        }
        let contact = self.contact(user, local, transport, expires);
        request.headers.push(Header::Contact(contact.as_str().into()));
        if let Some(expires) = expires {
            request.headers.push(Header::Expires(expires.as_secs().to_string().into()));
            request.headers.push(Header::Allow(ALLOW.into()));
        }
        let cnonce = format!("{:032x}", rand::random::<u128>());
        let signed = registers.then(|| self.session.authorization("REGISTER", &request.uri.to_string(), &cnonce)).flatten();
        match signed {
            Some((true, value)) => request.headers.push(Header::ProxyAuthorization(value.into())),
            Some((false, value)) => request.headers.push(Header::Authorization(value.into())),
            None => {}
        }
        Ok(request)
    }

    /// Where calls by this trunk find us: our user there, at the address that the trunk sees.
    fn contact(&self, user: &str, local: SocketAddr, transport: Transport, expires: Option<Duration>) -> String {
        let transport = match transport {
            Transport::Udp => String::new(),
            other => format!(";transport={}", other.to_string().to_ascii_lowercase()),
        };
        let expires = expires.map(|e| format!(";expires={}", e.as_secs())).unwrap_or_default();
        format!("<sip:{}@{local}{transport}>{expires}", user_part(user))
    }

    /// The answer's Via tells how the trunk sees us (RFC 3581): if that is another address than we wrote, it is the one to
    /// write from now on, and the registration is renewed with it.
    fn learn(&mut self, response: &Response, peer: IpAddr) {
        let Some(via) = response.via_header().ok().and_then(|via| via.typed().ok()) else { return };
        if via.transport != Transport::Udp {
            // A stream's far end sees a port that nobody listens on.
            return;
        }
        let received = via.params.iter().find_map(|p| match p {
            Param::Received(ip) => ip.parse().ok(),
            _ => None,
        });
        let port = via.params.iter().find_map(|p| match p {
            Param::Rport(Some(port)) => Some(*port),
            _ => None,
        });
        let wrote = self.work.addresses.toward(peer, via.transport);
        let seen = SocketAddr::new(received.unwrap_or(wrote.ip()), port.unwrap_or(wrote.port()));
        if seen != wrote && self.work.addresses.learn(peer, seen) {
            tracing::info!(trunk = %self.work.trunk.name, "there is a NAT on the way; the trunk sees us at another address, which is used from now on");
            let now = self.now();
            if let Some(registration) = &mut self.registration {
                registration.moved(now);
            }
        }
    }
}

/// What became of a request.
enum Reply {
    Final(Response),
    /// A challenge that we cannot meet.
    Unmet(u16, Unmet),
}

pub(super) fn credentials(host: &str, login: &Login) -> Credentials {
    Credentials { host: host.into(), user: login.auth_user.clone(), password: login.password.reveal().clone() }
}
