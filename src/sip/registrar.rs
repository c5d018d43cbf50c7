//! The registrar for agents' own phones (RFC 3261 §10), pure: time comes as an argument, who asks has proved the password before
//! ([`super::verify`]). It remembers where each phone is: its Contact, and the way by which its REGISTER came, which is the way that
//! calls to it take. Nothing is ever sent to an address that only stands in a Contact: behind a NAT it leads nowhere, and
//! otherwise perhaps to somebody else.
//!
//! Not here: Path (RFC 3327; `Require: path` is answered 420 by the shell), GRUU and outbound (RFC 5626, RFC 5627). One agent may
//! have several phones; the one rung is that of the highest q, of several the one that came last.

use super::party;
use super::trunk::TrunkTransport;
use crate::base::{Moment, SipUri};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Phones of one agent; a further one takes the place of the one whose registration ends first.
const PHONES_MAX: usize = 4;
/// Contacts in one request.
const CONTACTS_MAX: usize = 8;
/// Longest Contact that is kept.
const CONTACT_MAX: usize = 512;
/// What a registration lasts that names no time, or one that cannot be read (RFC 3261 §10.3, step 7): as long as may be.
const UNNAMED: u64 = 3_600;
/// Behind a NAT the way to a phone over UDP is forgotten soon: it registers anew so often at least.
const BEHIND_NAT: Duration = Duration::from_secs(60);
/// News that wait to be told; the shell takes them twenty times a second.
const NEWS_MAX: usize = 10_000;

/// The way by which a phone is reached: over UDP from and to this address, on a stream the connection with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Flow {
    /// How.
    pub transport: TrunkTransport,
    /// The phone's end.
    pub peer: SocketAddr,
}

/// How long registrations last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Shorter ones are refused (423).
    pub least: Duration,
    /// Longer ones are made shorter.
    pub most: Duration,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms { least: Duration::from_secs(60), most: Duration::from_secs(240) }
    }
}

/// One REGISTER whose sender has proved who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// The name that was proved.
    pub(crate) login: &'a str,
    /// Call-ID.
    pub(crate) call_id: &'a str,
    /// CSeq.
    pub(crate) cseq: u32,
    /// Contact header lines as they came.
    pub(crate) contacts: &'a [&'a str],
    /// Expires, if there is one.
    pub(crate) expires: Option<&'a str>,
    /// By which way it came.
    pub(crate) flow: Flow,
}

/// Why a REGISTER changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// 423, with Min-Expires in seconds.
    TooBrief(u64),
    /// 400.
    Malformed,
    /// 500: a later request of the same phone came before this one (RFC 3261 §10.3, steps 6 and 7).
    OutOfOrder,
}

/// What a phone is told: where it is believed to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The URI as it was given.
    pub(crate) contact: String,
    /// For so many seconds.
    pub(crate) expires: u64,
}

/// An agent's first phone has come, or the last one has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) login: String,
    pub(crate) there: bool,
    /// Why, for the log.
    pub(crate) why: &'static str,
}

/// Where a phone is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binding {
    /// The URI as it was given.
    contact: String,
    /// The same made comparable.
    place: String,
    flow: Flow,
    call_id: String,
    cseq: u32,
    /// Thousandths.
    q: u16,
    /// When this phone came; a refresh does not count.
    since: Moment,
    until: Moment,
}

/// Where agents' phones are.
#[derive(Debug, Default)]
pub struct Registrar {
    terms: Terms,
    logins: BTreeSet<String>,
    /// By login, never empty.
    bindings: BTreeMap<String, Vec<Binding>>,
    /// Whose each way is; made anew with each change.
    flows: HashMap<Flow, String>,
    news: VecDeque<News>,
    /// Counts changes that a restart should know of.
    changes: u64,
}

/// A binding as it outlives a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Whose.
    pub login: String,
    /// The URI as it was given.
    pub contact: String,
    /// The phone's address.
    pub peer: SocketAddr,
    /// Thousandths.
    pub q: u16,
    /// Seconds that are left.
    pub left: u64,
}

impl Registrar {
    pub(crate) fn new(terms: Terms) -> Registrar {
        Registrar { terms, ..Registrar::default() }
    }

    /// Who may register from now on; phones of others are forgotten.
    pub(crate) fn set_logins(&mut self, logins: BTreeSet<String>) {
        let gone: Vec<String> = self.bindings.keys().filter(|login| !logins.contains(*login)).cloned().collect();
        self.logins = logins;
        for login in gone {
            self.change(&login, "is not configured any more", |_| Vec::new());
        }
    }

    /// Whether anybody may register at all.
    pub(crate) fn serves(&self) -> bool {
        !self.logins.is_empty()
    }

    /// One REGISTER; what it wants happens as a whole or not at all.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn register(&mut self, now: Moment, asking: Asking<'_>) -> Result<Vec<Kept>, Refused> {
        self.sweep(now);
        let everything = asking.contacts.iter().any(|value| value.trim() == "*");
        let wanted = match everything {
            true if asking.contacts.len() == 1 && asking.expires.is_some_and(|e| e.trim() == "0") => Vec::new(),
            true => return Err(Refused::Malformed),
            false => self.wanted(&asking)?,
        };
        let had = self.bindings.get(asking.login).map(Vec::as_slice).unwrap_or_default();
        let touched = |b: &&Binding| everything || wanted.iter().any(|w| w.place == b.place);
        if had.iter().filter(touched).any(|b| b.call_id == asking.call_id && b.cseq >= asking.cseq) {
            return Err(Refused::OutOfOrder);
        }
        if everything || !wanted.is_empty() {
            let why = if wanted.iter().any(|w| !w.life.is_zero()) { "registered" } else { "unregistered" };
            self.change(asking.login, why, |had| match everything {
                true => Vec::new(),
                false => merged(had, &wanted, now, &asking),
            });
        }
        Ok(self.kept(now, asking.login))
    }

    /// What stands in Contact, with the times that are granted; zero = gone.
    fn wanted(&self, asking: &Asking<'_>) -> Result<Vec<Wanted>, Refused> {
        let contacts = party::name_addrs(asking.contacts.iter().copied());
        let written: usize =
            asking.contacts.iter().map(|line| party::split(line, ',').filter(|c| !c.trim().is_empty()).count()).sum();
        if contacts.len() != written || contacts.len() > CONTACTS_MAX {
            return Err(Refused::Malformed);
        }
        let wanted = contacts.into_iter().map(|contact| {
            let uri = SipUri::parse(&contact.uri).filter(|_| contact.uri.len() <= CONTACT_MAX).ok_or(Refused::Malformed)?;
            let clean = |c: char| c.is_ascii_graphic() && !"<>\"".contains(c);
            if !contact.uri.chars().all(clean) || !uri.headers.is_empty() {
                return Err(Refused::Malformed);
            }
            let seconds = contact.param("expires").or(asking.expires).map_or(UNNAMED, |e| e.trim().parse().unwrap_or(UNNAMED));
            let asked = Duration::from_secs(seconds);
            if seconds > 0 && asked < self.terms.least {
                return Err(Refused::TooBrief(self.terms.least.as_secs()));
            }
            let hidden = uri.ip().map(|ip| ip.to_canonical()) != Some(asking.flow.peer.ip().to_canonical());
            let nat = (hidden && asking.flow.transport == TrunkTransport::Udp).then_some(BEHIND_NAT.max(self.terms.least));
            let life = asked.min(self.terms.most).min(nat.unwrap_or(Duration::MAX));
            let q = contact.param("q").and_then(|q| q.parse::<f32>().ok()).filter(|q| (0.0..=1.0).contains(q));
            let q = (q.unwrap_or(1.0) * 1_000.0) as u16;
            Ok(Wanted { place: place(&uri), contact: contact.uri.clone(), life, q })
        });
        wanted.collect()
    }

    fn kept(&self, now: Moment, login: &str) -> Vec<Kept> {
        let of = self.bindings.get(login).map(Vec::as_slice).unwrap_or_default();
        let kept = |b: &Binding| Kept { contact: b.contact.clone(), expires: b.until.since(now).as_secs().max(1) };
        of.iter().map(kept).collect()
    }

    /// Forgets registrations whose time is over.
    pub(crate) fn sweep(&mut self, now: Moment) {
        let over = |b: &Binding| b.until <= now;
        let late: Vec<String> = self.bindings.iter().filter(|(_, all)| all.iter().any(over)).map(|(l, _)| l.clone()).collect();
        for login in late {
            self.change(&login, "its registration ran out", |had| had.into_iter().filter(|b| !over(b)).collect());
        }
    }

    /// A connection is closed: whoever was reached over it is not any more.
    pub(crate) fn flow_gone(&mut self, flow: Flow) {
        self.drop_flow(flow, "its connection was closed");
    }

    /// Nothing at all comes back from there.
    pub(crate) fn is_silent(&mut self, flow: Flow) {
        self.drop_flow(flow, "it does not answer");
    }

    fn drop_flow(&mut self, flow: Flow, why: &'static str) {
        if let Some(login) = self.flows.get(&flow).cloned() {
            self.change(&login, why, |had| had.into_iter().filter(|b| b.flow != flow).collect());
        }
    }

    /// The Contact of the phone that is rung for this agent, and the way to it.
    pub(crate) fn phone_of(&self, login: &str) -> Option<(&str, Flow)> {
        let best = self.bindings.get(login)?.iter().max_by_key(|b| (b.q, b.since))?;
        Some((&best.contact, best.flow))
    }

    /// Who is reached by this way.
    pub(crate) fn owner(&self, flow: Flow) -> Option<&str> {
        self.flows.get(&flow).map(String::as_str)
    }

    /// Whether this agent's phone is at this address, by whatever port.
    pub(crate) fn is_at(&self, login: &str, ip: IpAddr) -> bool {
        let here = |b: &Binding| b.flow.peer.ip().to_canonical() == ip.to_canonical();
        self.bindings.get(login).is_some_and(|all| all.iter().any(here))
    }

    /// How many agents have a phone here.
    pub(crate) fn count(&self) -> usize {
        self.bindings.len()
    }

    /// Who came and went since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        self.news.drain(..).collect()
    }

    /// Grows with every change that [`Registrar::remembered`] shows.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Phones that are there after a restart, too: over UDP the way to them stays what it is.
    pub(crate) fn remembered(&self, now: Moment) -> Vec<Remembered> {
        let all = self.bindings.iter().flat_map(|(login, all)| all.iter().map(move |b| (login, b)));
        let udp = all.filter(|(_, b)| b.flow.transport == TrunkTransport::Udp);
        udp.map(|(login, b)| Remembered {
            login: login.clone(),
            contact: b.contact.clone(),
            peer: b.flow.peer,
            q: b.q,
            left: b.until.since(now).as_secs(),
        })
        .collect()
    }

    /// Takes over what was remembered, as far as it is still configured and its time is not over.
    pub(crate) fn restore(&mut self, now: Moment, all: Vec<Remembered>) {
        for one in all {
            let place = SipUri::parse(&one.contact).map(|uri| place(&uri));
            let (true, Some(place)) = (self.logins.contains(&one.login) && one.left > 0, place) else { continue };
            let life = Duration::from_secs(one.left).min(self.terms.most);
            let flow = Flow { transport: TrunkTransport::Udp, peer: one.peer };
            let binding = Binding {
                contact: one.contact,
                place,
                flow,
                call_id: String::new(),
                cseq: 0,
                q: one.q,
                since: now,
                until: now + life,
            };
            self.change(&one.login, "was here before the restart", |mut had| {
                if had.len() < PHONES_MAX {
                    had.push(binding);
                }
                had
            });
        }
    }

    /// Every change of an agent's phones goes through here.
    fn change(&mut self, login: &str, why: &'static str, make: impl FnOnce(Vec<Binding>) -> Vec<Binding>) {
        let had = self.bindings.remove(login).unwrap_or_default();
        let before = !had.is_empty();
        let now = make(had);
        let there = !now.is_empty();
        if there {
            self.bindings.insert(login.to_string(), now);
        }
        if before != there && self.news.len() < NEWS_MAX {
            self.news.push_back(News { login: login.to_string(), there, why });
        }
        self.changes += 1;
        let all = self.bindings.iter().flat_map(|(login, all)| all.iter().map(move |b| (b.flow, login.clone())));
        self.flows = all.collect();
    }
}

/// One Contact as it is wanted.
struct Wanted {
    place: String,
    contact: String,
    /// Zero = gone.
    life: Duration,
    q: u16,
}

/// What an agent's phones are after a request.
fn merged(mut had: Vec<Binding>, wanted: &[Wanted], now: Moment, asking: &Asking<'_>) -> Vec<Binding> {
    for want in wanted {
        let before = had.iter().position(|b| b.place == want.place).map(|at| had.remove(at));
        if want.life.is_zero() {
            continue;
        }
        // The same phone under a new Contact: it was started anew.
        had.retain(|b| b.flow != asking.flow || b.call_id == asking.call_id);
        if had.len() >= PHONES_MAX
            && let Some(first) = (0..had.len()).min_by_key(|at| had[*at].until)
        {
            had.remove(first);
        }
        had.push(Binding {
            contact: want.contact.clone(),
            place: want.place.clone(),
            flow: asking.flow,
            call_id: asking.call_id.to_string(),
            cseq: asking.cseq,
            q: want.q,
            since: before.map_or(now, |b| b.since),
            until: now + want.life,
        });
    }
    had
}

/// What makes two Contacts the same (RFC 3261 §19.1.4, in short).
fn place(uri: &SipUri<'_>) -> String {
    let transport = uri.param("transport").unwrap_or("").to_ascii_lowercase();
    format!("{}|{}|{}|{}|{transport}", uri.secure, uri.user, uri.host.to_ascii_lowercase(), uri.port_or_usual())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn udp(peer: &str) -> Flow {
        Flow { transport: TrunkTransport::Udp, peer: peer.parse().expect("an address") }
    }

    fn registrar() -> Registrar {
        let mut registrar = Registrar::new(Terms::default());
        registrar.set_logins(["anna", "bob"].map(String::from).into());
        registrar
    }

    /// `Call-ID CSeq Contact Expires`, from the phone's own address; what is told in reply.
    fn ask(registrar: &mut Registrar, now: u64, flow: Flow, words: &str) -> String {
        let mut words = words.split(' ');
        let mut next = || words.next().filter(|w| *w != "-");
        let (call_id, cseq) = (next().unwrap_or(""), next().and_then(|c| c.parse().ok()).unwrap_or(0));
        let (contacts, expires) = (next(), next());
        let contacts: Vec<&str> = contacts.into_iter().collect();
        let asking = Asking { login: "anna", call_id, cseq, contacts: &contacts, expires, flow };
        match registrar.register(at(now), asking) {
            Ok(kept) => kept.iter().map(|k| format!("{}={}", k.contact, k.expires)).collect::<Vec<_>>().join(" "),
            Err(refused) => format!("{refused:?}"),
        }
    }

    fn news(registrar: &mut Registrar) -> Vec<String> {
        registrar.take_news().iter().map(|n| format!("{}{} {}", if n.there { "+" } else { "-" }, n.login, n.why)).collect()
    }

    #[test]
    fn a_phone_comes_stays_and_goes() {
        let (mut registrar, flow) = (registrar(), udp("192.0.2.7:5062"));
        assert_eq!(ask(&mut registrar, 0, flow, "a 1 - -"), "", "asked what is known: nothing");
        let contact = "<sip:anna@192.0.2.7:5062>";
        assert_eq!(ask(&mut registrar, 0, flow, &format!("a 2 {contact} 3600")), "sip:anna@192.0.2.7:5062=240");
        assert_eq!(news(&mut registrar), ["+anna registered"]);
        assert_eq!(registrar.phone_of("anna"), Some(("sip:anna@192.0.2.7:5062", flow)));
        assert_eq!((registrar.owner(flow), registrar.is_at("anna", flow.peer.ip())), (Some("anna"), true));
        assert_eq!(ask(&mut registrar, 100, flow, &format!("a 3 {contact};expires=120 9")), "sip:anna@192.0.2.7:5062=120");
        assert_eq!(ask(&mut registrar, 160, flow, "a 4 - -"), "sip:anna@192.0.2.7:5062=60");
        registrar.sweep(at(219));
        assert_eq!((news(&mut registrar).len(), registrar.count()), (0, 1), "a refresh is no news");
        registrar.sweep(at(220));
        assert_eq!((news(&mut registrar), registrar.owner(flow)), (vec!["-anna its registration ran out".to_string()], None));
        ask(&mut registrar, 221, flow, &format!("a 5 {contact} -"));
        assert_eq!(ask(&mut registrar, 222, flow, &format!("a 6 {contact} 0")), "");
        assert_eq!(news(&mut registrar), ["+anna registered", "-anna unregistered"]);
    }

    #[test]
    fn times_that_are_too_short_are_refused_and_odd_ones_taken_for_long() {
        let (mut registrar, flow) = (registrar(), udp("192.0.2.7:5060"));
        for (expires, told) in [("59", "TooBrief(60)"), ("60", "sip:a@192.0.2.7=60"), ("x", "sip:a@192.0.2.7=240")] {
            let cseq = registrar.changes() + 1;
            assert_eq!(ask(&mut registrar, 0, flow, &format!("{expires} {cseq} <sip:a@192.0.2.7> {expires}")), told);
        }
        assert_eq!(
            ask(&mut registrar, 0, flow, "n 1 <sip:a@192.0.2.7>;expires=1,<sip:b@192.0.2.7>;expires=99 -"),
            "TooBrief(60)"
        );
        assert_eq!(ask(&mut registrar, 0, flow, "n 2 - -"), "sip:a@192.0.2.7=240", "nothing of it was done");
    }

    #[test]
    fn behind_a_nat_it_registers_anew_before_the_way_is_forgotten() {
        let mut registrar = registrar();
        let outside = udp("198.51.100.9:40000");
        assert_eq!(ask(&mut registrar, 0, outside, "a 1 <sip:a@10.0.0.4:5060> 3600"), "sip:a@10.0.0.4:5060=60");
        let tls = Flow { transport: TrunkTransport::Tls, ..outside };
        assert_eq!(ask(&mut registrar, 0, tls, "b 1 <sip:a@10.0.0.4:5061;transport=tls> 3600").split(' ').count(), 2);
        registrar.flow_gone(tls);
        assert_eq!(registrar.phone_of("anna"), Some(("sip:a@10.0.0.4:5060", outside)), "the way, not the Contact");
        registrar.flow_gone(outside);
        assert_eq!(news(&mut registrar), ["+anna registered", "-anna its connection was closed"]);
    }

    #[test]
    fn requests_that_come_late_change_nothing() {
        let (mut registrar, flow) = (registrar(), udp("192.0.2.7:5060"));
        ask(&mut registrar, 0, flow, "a 5 <sip:a@192.0.2.7> 200");
        for late in ["a 5 <sip:a@192.0.2.7> 0", "a 4 <sip:a@192.0.2.7> 200", "a 5 * 0"] {
            assert_eq!(ask(&mut registrar, 1, flow, late), "OutOfOrder", "{late}");
        }
        assert_eq!(ask(&mut registrar, 1, flow, "b 1 <sip:a@192.0.2.7> 100"), "sip:a@192.0.2.7=100", "it was started anew");
        assert_eq!(ask(&mut registrar, 1, flow, "c 1 * 0"), "");
    }

    #[test]
    fn what_is_no_contact_is_refused() {
        let (mut registrar, flow) = (registrar(), udp("192.0.2.7:5060"));
        let long = format!("<sip:{}@h>", "a".repeat(600));
        let many = ["<sip:a@192.0.2.7>"; 9].join(",");
        for bad in [
            "*",
            "* 60",
            "*,<sip:a@b> 0",
            "<sip:a@b>,* 0",
            "<tel:+49> 60",
            "<sip:a@b?Route=x> 60",
            "sip: 60",
            "<sip:a@b 60",
            &long,
            &many,
            "x 60",
        ] {
            assert_eq!(ask(&mut registrar, 0, flow, &format!("a 1 {bad}")), "Malformed", "{bad}");
        }
        assert_eq!((registrar.count(), news(&mut registrar).len()), (0, 0));
    }

    #[test]
    fn of_several_phones_the_best_is_rung_and_of_equals_the_last_that_came() {
        let mut registrar = registrar();
        let (desk, cell) = (udp("192.0.2.7:5060"), udp("192.0.2.8:5060"));
        ask(&mut registrar, 0, desk, "a 1 <sip:a@192.0.2.7> 200");
        ask(&mut registrar, 1, cell, "b 1 <sip:a@192.0.2.8> 200");
        ask(&mut registrar, 2, desk, "a 2 <sip:a@192.0.2.7> 200");
        assert_eq!(registrar.phone_of("anna").map(|(_, flow)| flow), Some(cell), "a refresh does not count");
        ask(&mut registrar, 3, cell, "b 2 <sip:a@192.0.2.8>;q=0.5 200");
        assert_eq!(registrar.phone_of("anna").map(|(_, flow)| flow), Some(desk));
        registrar.is_silent(desk);
        assert_eq!(registrar.phone_of("anna").map(|(_, flow)| flow), Some(cell), "the other one is still there");
        // The same telephone started anew with another name in its Contact.
        ask(&mut registrar, 4, cell, "c 1 <sip:x@192.0.2.8> 200");
        assert_eq!(ask(&mut registrar, 4, cell, "c 2 - -"), "sip:x@192.0.2.8=200");
        for n in 0..20 {
            let flow = udp(&format!("192.0.2.{}:5060", 20 + n));
            ask(&mut registrar, 5 + n, flow, &format!("d{n} 1 <sip:a@192.0.2.{}> 200", 20 + n));
        }
        assert_eq!((registrar.flows.len(), registrar.bindings["anna"].len()), (PHONES_MAX, PHONES_MAX), "bounded");
        assert_eq!(registrar.phone_of("anna").map(|(_, flow)| flow), Some(udp("192.0.2.39:5060")));
    }

    #[test]
    fn after_a_restart_phones_over_udp_are_there_and_others_are_not() {
        let mut before = registrar();
        ask(&mut before, 0, udp("192.0.2.7:5060"), "a 7 <sip:a@192.0.2.7> 200");
        let tcp = Flow { transport: TrunkTransport::Tcp, ..udp("192.0.2.8:40000") };
        ask(&mut before, 0, tcp, "b 1 <sip:a@192.0.2.8;transport=tcp> 200");
        let kept = before.remembered(at(50));
        assert_eq!((kept.len(), kept[0].left), (1, 150));
        let mut after = registrar();
        let stranger = Remembered { login: "carl".into(), ..kept[0].clone() };
        let over = Remembered { left: 0, login: "bob".into(), ..kept[0].clone() };
        after.restore(at(0), vec![kept[0].clone(), stranger, over]);
        assert_eq!(news(&mut after), ["+anna was here before the restart"]);
        assert_eq!(ask(&mut after, 10, udp("192.0.2.7:5060"), "a 8 <sip:a@192.0.2.7> 200"), "sip:a@192.0.2.7=200");
        after.set_logins(["bob".to_string()].into());
        assert_eq!((news(&mut after), after.count()), (vec!["-anna is not configured any more".to_string()], 0));
    }

    proptest::proptest! {
        /// Whatever stands in Contact and Expires: no panic, bounded, and only what can be read is kept.
        #[test]
        fn any_request_is_survived(contact in "[<>a-z0-9@:;=,*.\" ?]{0,60}", expires in "[0-9x]{0,12}", cseq in 0u32..9) {
            let mut registrar = registrar();
            let contacts = [contact.as_str(), "<sip:ok@192.0.2.7>"];
            let asking = Asking { login: "anna", call_id: "c", cseq, contacts: &contacts, expires: Some(&expires), flow: udp("192.0.2.7:5060") };
            if let Ok(kept) = registrar.register(at(1), asking) {
                proptest::prop_assert!(kept.len() <= PHONES_MAX);
                proptest::prop_assert!(kept.iter().all(|k| SipUri::parse(&k.contact).is_some() && k.expires <= 240));
            }
        }
    }
}
