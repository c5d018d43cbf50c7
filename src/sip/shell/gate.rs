//! The guard with its memory: what all sockets of an endpoint ask before a message goes to the SIP crate.

use super::phones::{flow, registrar};
use super::{SharedBoard, SharedRegistrar, SipConfig, Unknown};
use crate::base::{Moment, Network};
use crate::sip::guard::{self, Answer, AnswerBudget, Fault, Kind, Sources, Verdict};
use crate::sip::registrar::Flow;
use crate::sip::trunk::TrunkTransport;
use rsipstack::sip::Transport;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// As one datagram: its source may be forged.
    Datagram,
    /// Cut from a stream.
    Stream,
}

/// One per endpoint, shared by its sockets.
pub(super) struct Gate {
    known: Vec<Network>,
    /// Trunks are ours, too, wherever their names lead at the moment.
    board: SharedBoard,
    /// And agents' phones that have registered, each just where it is.
    phones: SharedRegistrar,
    unknown: Unknown,
    /// In lower case.
    scanners: Vec<String>,
    /// Time since the beginning.
    clock: Box<dyn Fn() -> Moment + Send + Sync>,
    /// A lock because UDP and every stream ask; it is held for a look into a table, never across an await.
    memory: Mutex<Memory>,
    /// Told when a source is shut out.
    news: watch::Sender<()>,
}

struct Memory {
    budget: AnswerBudget,
    /// The same for our own people: whoever forges many sources leaves them theirs.
    our_budget: AnswerBudget,
    sources: Sources,
}

impl Gate {
    pub(super) fn new(cfg: &SipConfig, board: SharedBoard, phones: SharedRegistrar) -> Gate {
        let began = Instant::now();
        Gate {
            board,
            phones,
            known: cfg.known.iter().chain(&cfg.trusted).copied().collect(),
            unknown: cfg.unknown,
            scanners: cfg.scanners.iter().map(|s| s.to_ascii_lowercase()).collect(),
            clock: Box::new(move || Moment::ZERO + began.elapsed()),
            memory: Mutex::new(Memory {
                budget: AnswerBudget::default(),
                our_budget: AnswerBudget::default(),
                sources: Sources::new(cfg.strangers),
            }),
            news: watch::Sender::new(()),
        }
    }

    /// Whether a source is one of ours: never limited, never shut out.
    pub(super) fn knows(&self, source: IpAddr) -> bool {
        let here = self.unknown == Unknown::Answer && source.to_canonical().is_loopback();
        here || self.known.iter().any(|network| network.contains(source)) || super::board(&self.board).owns(source)
    }

    /// The same, or the phone of an agent, registered from just there.
    pub(super) fn knows_end(&self, end: SocketAddr, how: Heard) -> bool {
        self.is_phone(end, how) || self.knows(end.ip())
    }

    /// Whether an agent's phone has registered from just there.
    pub(super) fn is_phone(&self, peer: SocketAddr, how: Heard) -> bool {
        let ways: &[TrunkTransport] = match how {
            Heard::Datagram => &[TrunkTransport::Udp],
            Heard::Stream => &[TrunkTransport::Tcp, TrunkTransport::Tls],
        };
        let phones = registrar(&self.phones);
        ways.iter().any(|transport| phones.owner(Flow { transport: *transport, peer }).is_some())
    }

    /// Whether a source gets answers at all.
    pub(super) fn speaks_to(&self, source: SocketAddr, how: Heard) -> bool {
        self.unknown != Unknown::Ignore || self.knows_end(source, how)
    }

    /// Whether a stranger may open a connection.
    pub(super) fn lets_connect(&self, source: IpAddr) -> bool {
        let shut_out = self.memory().sources.is_shut_out(source, self.now());
        if shut_out {
            shed("shut out");
        }
        !shut_out
    }

    /// Something on a connection that deserves no answer.
    pub(super) fn fault(&self, source: IpAddr, why: &'static str) {
        shed(why);
        self.fault_if_proved(source, Heard::Stream);
    }

    /// A connection is closed: a phone that was reached over it is not any more.
    pub(super) fn closed(&self, transport: Transport, peer: SocketAddr) {
        registrar(&self.phones).flow_gone(flow(transport, peer));
    }

    /// Returns when a source is shut out; never for one of ours.
    pub(super) async fn shut_out(&self, end: SocketAddr) {
        let (mut news, source) = (self.news.subscribe(), end.ip());
        while self.knows_end(end, Heard::Stream) || !self.memory().sources.is_shut_out(source, self.now()) {
            if news.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Judges one message. An answer has been taken out of its source's budget already.
    pub(super) fn hears<'a>(&self, message: &'a [u8], source: SocketAddr, how: Heard) -> Verdict<'a> {
        if !self.knows_end(source, how)
            && let Err(why) = self.admit(message, source, how)
        {
            shed(why);
            return Verdict::Drop(why);
        }
        let verdict = match how {
            Heard::Datagram => guard::screen(message, source),
            Heard::Stream => guard::screen_stream(message, source),
        };
        match verdict {
            Verdict::Pass(message) => Verdict::Pass(message),
            Verdict::Answer(answer) => {
                shed("broken");
                self.fault_if_proved(source.ip(), how);
                match self.may_answer(&answer, message.len(), how) {
                    true => Verdict::Answer(answer),
                    false => Verdict::Drop("no answer is due"),
                }
            }
            Verdict::Drop(why) => {
                shed("noise");
                self.fault_if_proved(source.ip(), how);
                Verdict::Drop(why)
            }
        }
    }

    /// The answer to a request on a stream that is not taken, if one is due.
    pub(super) fn refuses(&self, head: &[u8], fault: Fault, source: SocketAddr) -> Option<Answer> {
        self.fault(source.ip(), "broken");
        guard::refuse_head(head, fault, source).filter(|answer| self.may_answer(answer, head.len(), Heard::Stream))
    }

    /// Whether a stranger's message is looked at.
    fn admit(&self, message: &[u8], end: SocketAddr, how: Heard) -> Result<(), &'static str> {
        let (glance, source) = (guard::glance(message), end.ip());
        if glance.kind == Kind::Beginning && !self.speaks_to(end, how) {
            return Err("ignored");
        }
        self.memory().sources.admit(source, glance.kind, self.now())?;
        let named = glance.agent.to_ascii_lowercase();
        if self.scanners.iter().any(|scanner| named.contains(scanner.as_str())) {
            self.fault_if_proved(source, how);
            return Err("scanner");
        }
        Ok(())
    }

    fn fault_if_proved(&self, source: IpAddr, how: Heard) {
        if how == Heard::Stream && !self.knows(source) && self.memory().sources.fault(source, self.now()) {
            let _ = self.news.send(());
        }
    }

    /// Silent towards strangers when so configured; within the source's budget; and a datagram, whose source may be forged,
    /// never draws more than it brought unless it comes from our own people.
    fn may_answer(&self, answer: &Answer, request: usize, how: Heard) -> bool {
        let source = answer.to.ip();
        let ours = self.knows_end(answer.to, how);
        let amplifies = how == Heard::Datagram && answer.text.len() > request && !ours;
        if amplifies || !self.speaks_to(answer.to, how) {
            return false;
        }
        let mut memory = self.memory();
        let budget = if ours { &mut memory.our_budget } else { &mut memory.budget };
        budget.take(source, self.now())
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        (self.clock)()
    }
}

/// Counts what did not get to the SIP crate, by reason.
pub(super) fn shed(why: &'static str) {
    metrics::counter!("hotline_sip_shed_total", "why" => why).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::trunk::{Proxy, Trunk, TrunkTransport};

    const BROKEN: &str = "INVITE sip:100@192.0.2.1 SIP/7.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\n\
        From: <sip:a@198.51.100.7>;tag=1\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\
        Contact: <sip:a@198.51.100.7>\r\nMax-Forwards: 70\r\nUser-Agent: phone\r\nContent-Length: 0\r\n\r\n";

    fn gate(change: impl FnOnce(&mut SipConfig)) -> Gate {
        let known = vec!["192.0.2.0/24".parse().expect("a network")];
        let mut cfg = SipConfig { known, unknown: Unknown::Refuse, ..SipConfig::default() };
        change(&mut cfg);
        let board = SharedBoard::new(crate::sip::trunk::Board::new(cfg.trunks.clone()).into());
        // Time stands still, or a slow machine would let old answers be forgotten.
        Gate { clock: Box::new(|| Moment::ZERO), ..Gate::new(&cfg, board, SharedRegistrar::default()) }
    }

    fn stranger() -> SocketAddr {
        "198.51.100.7:5060".parse().expect("an address")
    }

    fn word(gate: &Gate, message: &str, source: SocketAddr, how: Heard) -> String {
        match gate.hears(message.as_bytes(), source, how) {
            Verdict::Pass(_) => "pass".into(),
            Verdict::Answer(answer) => answer.status.to_string(),
            Verdict::Drop(why) => why.into(),
        }
    }

    #[test]
    fn scanners_are_not_heard_unless_they_are_ours() {
        let gate = gate(|_| ());
        let good = BROKEN.replace("SIP/7.0", "SIP/2.0");
        let scan = good.replace("phone", "Friendly-Scanner 1.0");
        assert_eq!(word(&gate, &good, stranger(), Heard::Datagram), "pass");
        assert_eq!(word(&gate, &scan, stranger(), Heard::Datagram), "scanner");
        assert_eq!(word(&gate, &scan, "192.0.2.5:5060".parse().expect("ok"), Heard::Datagram), "pass");
    }

    #[test]
    fn strangers_meet_silence_where_they_are_ignored() {
        let gate = gate(|cfg| cfg.unknown = Unknown::Ignore);
        assert_eq!(word(&gate, BROKEN, stranger(), Heard::Datagram), "ignored");
        assert_eq!(word(&gate, BROKEN, stranger(), Heard::Stream), "ignored");
        let within = BROKEN.replace("To: <sip:100@192.0.2.1>", "To: <sip:100@192.0.2.1>;tag=9");
        assert_eq!(word(&gate, &within, stranger(), Heard::Stream), "no answer is due");
        assert_eq!(word(&gate, BROKEN, "192.0.2.5:5060".parse().expect("ok"), Heard::Datagram), "505");
        assert!(gate.refuses(BROKEN.as_bytes(), (413, "x"), stranger()).is_none());
    }

    #[test]
    fn a_trunk_is_no_stranger() {
        let gate = gate(|cfg| {
            let proxy = Proxy { host: "carrier.example".into(), port: None, transport: TrunkTransport::Udp };
            let from = vec!["198.51.100.0/24".parse().expect("a network")];
            cfg.trunks.push(Trunk { from, ..Trunk::new("carrier", proxy) });
            cfg.unknown = Unknown::Ignore;
        });
        assert_eq!(word(&gate, BROKEN, stranger(), Heard::Datagram), "505");
        assert_eq!(word(&gate, BROKEN, "203.0.113.5:5060".parse().expect("ok"), Heard::Datagram), "ignored");
    }

    #[test]
    fn an_answer_to_a_stranger_is_no_longer_than_the_question() {
        let gate = gate(|_| ());
        assert_eq!(word(&gate, BROKEN, stranger(), Heard::Datagram), "505");
        let short = "X sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:<a:a>;tag=1\r\nt:<a:a>\r\ni:1\r\nCSeq:1 X\r\n\r\n";
        assert_eq!(word(&gate, short, stranger(), Heard::Datagram), "no answer is due");
        assert_eq!(word(&gate, short, stranger(), Heard::Stream), "501");
        assert_eq!(word(&gate, short, "192.0.2.5:5060".parse().expect("ok"), Heard::Datagram), "501");
    }

    #[test]
    fn forged_sources_leave_our_own_people_their_answers() {
        let gate = gate(|_| ());
        let within = BROKEN.replace("To: <sip:100@192.0.2.1>", "To: <sip:100@192.0.2.1>;tag=9");
        let forged = |n: u16| SocketAddr::from(([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]], 5060));
        let answered = (0..3000).filter(|n| word(&gate, &within, forged(*n), Heard::Datagram) == "505").count();
        assert_eq!(answered, 1024, "the table of strangers is full");
        assert_eq!(word(&gate, &within, "192.0.2.5:5060".parse().expect("ok"), Heard::Datagram), "505");
    }

    /// Forged datagrams shut nobody out; garbage over connections does, but never one of ours.
    #[test]
    fn only_who_is_proved_to_be_there_is_shut_out() {
        let gate = gate(|_| ());
        for _ in 0..100 {
            word(&gate, "garbage", stranger(), Heard::Datagram);
        }
        assert!(gate.lets_connect(stranger().ip()));
        for _ in 0..30 {
            gate.fault(stranger().ip(), "noise");
            gate.fault([192, 0, 2, 5].into(), "noise");
        }
        assert!(!gate.lets_connect(stranger().ip()));
        let good = BROKEN.replace("SIP/7.0", "SIP/2.0");
        assert_eq!(word(&gate, &good, stranger(), Heard::Datagram), "shut out");
        assert_eq!(word(&gate, &good, "192.0.2.5:5060".parse().expect("ok"), Heard::Datagram), "pass");
    }
}
