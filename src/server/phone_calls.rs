//! Calls that agents' registered phones make. To a number that a flow serves they go like any caller's (`gateway`); here are the
//! others: an emergency number goes out by the trunk named for it, before anything else and over every limit; any other number goes
//! nowhere. Whatever does not go anywhere is told so in words, because silence is taken for a call that is on its way.

use super::gateway::{INBOX, Inbox, Shared, wall_now};
use super::live::negotiated;
use super::ways::SOMEWHERE;
use crate::audio::Pcm;
use crate::base::{BargeIn, CallId, Disposition, Language, PhoneNumber, PromptEnd, PromptId, PromptPart, SipUri};
use crate::call::Record;
use crate::media::{LegCommand, LegEvent, LegKey};
use crate::server::config::EmergencyConfig;
use crate::sip::trunk::{Permit, numbers_out};
use crate::sip::{ByTrunk, DialogKey, MediaAgreement, SdpSession, SipCommand, SipEvent};
use crate::speech::RenderKey;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// How long an emergency centre may ring.
const RING_SECONDS: u32 = 180;
/// How long the words may take that say why there is no call; then the phone is refused, and says so itself.
const WORDS: Duration = Duration::from_secs(10);
/// What stands in the records in place of a flow, and as the way by which it went.
const EMERGENCY: &str = "emergency";
/// How often they are said.
const TIMES: usize = 3;

/// What is said in place of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    NoEmergencyCall,
    NoSuchCall,
}

impl Told {
    fn words(self, language: Language) -> &'static str {
        match (self, language) {
            (Told::NoEmergencyCall, Language::ZH) => "这部电话无法拨打紧急电话。请立即使用其他电话，例如手机，拨打紧急号码。",
            (Told::NoEmergencyCall, _) => {
                "No emergency call can be made from this phone. Please use another phone at once, a mobile phone for example, and \
                 dial the emergency number there."
            }
            (Told::NoSuchCall, Language::ZH) => "这部电话不能拨打这个号码。如遇紧急情况，请使用其他电话。",
            (Told::NoSuchCall, _) => "This number cannot be called from this phone. In an emergency, please use another phone.",
        }
    }

    fn sound(self, language: Language) -> RenderKey {
        RenderKey { parts: vec![PromptPart::Text(self.words(language).into()), PromptPart::Pause(700)], language }
    }
}

/// What may have to be said, so that it is made ahead.
pub(super) fn sounds(languages: &[Language]) -> Vec<RenderKey> {
    let both = |language: &Language| [Told::NoEmergencyCall.sound(*language), Told::NoSuchCall.sound(*language)];
    languages.iter().flat_map(both).collect()
}

/// A call of a phone as the gateway found it.
pub(super) struct Asked {
    pub(super) dialog: DialogKey,
    /// Whose phone it is: what it logs in with.
    pub(super) login: String,
    pub(super) number: String,
    pub(super) ip: IpAddr,
    pub(super) offer: Option<String>,
    /// An emergency number was dialled.
    pub(super) emergency: bool,
}

/// One end of the call.
struct Party {
    dialog: DialogKey,
    key: LegKey,
    port: u16,
    ip: IpAddr,
    sdp: SdpSession,
    /// The dialog is still there.
    up: bool,
}

/// What came of it that moves the call on.
enum News {
    /// The other end picked up.
    Answered,
    /// We picked up, and the phone knows.
    Acked,
    Ended {
        ours: bool,
        why: String,
    },
    Said(PromptId),
}

/// The task of one such call.
pub(super) struct PhoneCall {
    shared: Arc<Shared>,
    id: CallId,
    login: String,
    number: String,
    phone: Party,
    /// What the phone's INVITE is answered with.
    answer: String,
    other: Option<Party>,
    /// The emergency call's place on its trunk.
    _permit: Option<Permit>,
    inbox: mpsc::Sender<Inbox>,
    messages: mpsc::Receiver<Inbox>,
    leg_events: mpsc::Sender<(LegKey, LegEvent)>,
    from_legs: mpsc::Receiver<(LegKey, LegEvent)>,
}

impl Drop for PhoneCall {
    /// However its task ends, nobody is left on a dead line.
    fn drop(&mut self) {
        for party in std::iter::once(&self.phone).chain(&self.other) {
            if party.up {
                self.send(SipCommand::HangUp { dialog: party.dialog });
            }
            self.shared.plane.command(party.key, LegCommand::Close);
            self.shared.forget(party.dialog);
        }
    }
}

impl PhoneCall {
    /// Rings back at once.
    ///
    /// # Errors
    /// The status to refuse it with.
    pub(super) fn begin(shared: &Arc<Shared>, asked: &Asked) -> Result<PhoneCall, u16> {
        let (leg_events, from_legs) = mpsc::channel(INBOX);
        let (inbox, messages) = mpsc::channel(INBOX);
        let (key, port) = shared.plane.open(leg_events.clone(), None).map_err(|error| {
            tracing::error!(phone = asked.login, %error, "no audio for an agent's phone");
            503_u16
        })?;
        let (mut sdp, ip) = (shared.sdp_session(), shared.sip.local_ip_toward(asked.ip));
        let (agreed, answer) = match asked.offer.as_deref().map(|offer| sdp.answer(offer, ip, port)) {
            Some(Ok((agreed, text))) => (Some(agreed), text),
            Some(Err(error)) => {
                shared.plane.command(key, LegCommand::Close);
                return Err(error.status());
            }
            None => (None, sdp.offer(ip, port)),
        };
        let phone = Party { dialog: asked.dialog, key, port, ip, sdp, up: true };
        shared.register(asked.dialog, inbox.clone());
        let call = PhoneCall {
            shared: shared.clone(),
            id: CallId(rand::random()),
            login: asked.login.clone(),
            number: asked.number.clone(),
            phone,
            answer,
            other: None,
            _permit: None,
            inbox,
            messages,
            leg_events,
            from_legs,
        };
        if let Some(agreed) = agreed {
            call.remote(key, agreed);
        }
        call.send(SipCommand::Ring { dialog: asked.dialog });
        Ok(call)
    }

    /// An emergency number.
    pub(super) async fn emergency(mut self, config: Arc<EmergencyConfig>) {
        tracing::warn!(call = %self.id, phone = self.login, number = self.number, trunk = config.trunk.as_deref().unwrap_or("-"),
            "an emergency number was dialled on an agent's phone");
        self.note(Record::Began {
            caller: PhoneNumber::new(&self.login),
            dialled: PhoneNumber::new(&self.number),
            flow: EMERGENCY.into(),
            flow_hash: String::new(),
            at: wall_now(),
        });
        let (asked, to) = (self.shared.now(), config.trunk.clone().unwrap_or_default());
        let reached = match &config.trunk {
            Some(trunk) => self.reach(trunk).await,
            None => Err(Some("no trunk is named for it in [emergency]".to_string())),
        };
        let answered = self.shared.now();
        let outcome = match &reached {
            Ok(()) => "answered".to_string(),
            Err(Some(why)) => why.clone(),
            Err(None) => "given up by the phone".to_string(),
        };
        self.note(Record::Attempt { at: asked, target: to.clone(), method: EMERGENCY.into(), outcome });
        let (outcome, disposition) = match reached {
            Ok(()) => {
                tracing::warn!(call = %self.id, phone = self.login, "the emergency call was answered");
                count("connected");
                self.talk().await;
                ("over", Disposition::Transferred { to, because: EMERGENCY.into() })
            }
            Err(Some(why)) => {
                tracing::error!(call = %self.id, phone = self.login, why, "an emergency call could not be made; the phone is told so");
                count("not_made");
                self.say(Told::NoEmergencyCall, &config.languages).await;
                ("not made", Disposition::Failed { why })
            }
            Err(None) => {
                count("given_up");
                ("given up by the phone", Disposition::Abandoned { wanted_person: true })
            }
        };
        let spoken = matches!(disposition, Disposition::Transferred { .. });
        let request_to_person_ms = spoken.then(|| u64::try_from(answered.since(asked).as_millis()).unwrap_or(u64::MAX));
        let (fault, at) = (disposition.fault(), self.shared.now());
        self.note(Record::Ended { disposition, fault, at, request_to_person_ms });
        tracing::warn!(call = %self.id, phone = self.login, outcome, "the emergency call has ended");
    }

    /// Into the records, as any call: who looks for it later finds it there.
    fn note(&self, record: Record) {
        if !self.shared.store.note(self.id, self.shared.now(), record) {
            metrics::counter!("hotline_store_lost_total").increment(1);
        }
    }

    /// A number that goes nowhere.
    pub(super) async fn nowhere(mut self, config: Arc<EmergencyConfig>) {
        let number = PhoneNumber::new(&self.number);
        tracing::info!(call = %self.id, phone = self.login, number = %number.tail(), "an agent's phone may not call this number");
        metrics::counter!("hotline_phone_calls_refused_total").increment(1);
        self.say(Told::NoSuchCall, &config.languages).await;
    }

    /// Calls by the trunk until it is answered. `None` = the phone has hung up; otherwise why nobody was reached.
    async fn reach(&mut self, trunk: &str) -> Result<(), Option<String>> {
        let permit = self.shared.board().begin_emergency(trunk).ok_or_else(|| Some(format!("there is no trunk {trunk:?}")))?;
        let trunk = permit.trunk().clone();
        let to = trunk.proxy.uri(&numbers_out(&trunk, &self.number));
        self._permit = Some(permit);
        let opened = self.shared.plane.open(self.leg_events.clone(), None);
        let (key, port) = opened.map_err(|error| Some(format!("there is no audio for it: {error}")))?;
        let peer = SipUri::parse(&to).and_then(|uri| uri.ip()).unwrap_or(SOMEWHERE);
        let (dialog, ip) = (self.shared.sip.new_key(), self.shared.sip.local_ip_toward(peer));
        let mut sdp = self.shared.sdp_session_by(trunk.srtp);
        let offer = sdp.offer(ip, port);
        self.shared.register(dialog, self.inbox.clone());
        self.other = Some(Party { dialog, key, port, ip, sdp, up: true });
        self.send(SipCommand::Invite {
            dialog,
            to,
            from: String::new(),
            sdp: offer,
            uui: None,
            ring_seconds: RING_SECONDS,
            trunk: Some(ByTrunk { name: trunk.name.clone(), caller: None, emergency: true }),
        });
        loop {
            match self.next().await {
                Some(News::Answered) => return Ok(()),
                Some(News::Ended { ours: true, .. }) => return Err(None),
                Some(News::Ended { ours: false, why }) => return Err(Some(format!("trunk {:?} failed: {why}", trunk.name))),
                Some(News::Acked | News::Said(_)) => {}
                None => return Err(Some("signalling has stopped".into())),
            }
        }
    }

    /// Both hear each other until one hangs up.
    async fn talk(&mut self) {
        let Some(other) = self.other.as_ref().map(|other| other.key) else { return };
        self.pick_up();
        self.shared.plane.command(self.phone.key, LegCommand::Bridge(Some(other)));
        self.shared.plane.command(other, LegCommand::Bridge(Some(self.phone.key)));
        while !matches!(self.next().await, None | Some(News::Ended { .. })) {}
    }

    /// Picks up and says it in each language, several times.
    async fn say(&mut self, told: Told, languages: &[Language]) {
        let mut sounds: Vec<Arc<Pcm>> = Vec::new();
        let until = Instant::now() + WORDS;
        for language in languages {
            match timeout_at(until, self.shared.voices.render(told.sound(*language))).await {
                Ok(Ok(sound)) => sounds.push(sound),
                Ok(Err(why)) => tracing::error!(call = %self.id, %language, why, "an announcement could not be made"),
                Err(_) => tracing::error!(call = %self.id, %language, "an announcement was not made in time"),
            }
        }
        if sounds.is_empty() {
            // Nothing can be said: its own tone and display tell more than a line that is picked up and silent.
            let dialog = self.phone.dialog;
            self.phone.up = false;
            return self.send(SipCommand::Reject { dialog, status: 503, retry_after: None });
        }
        self.pick_up();
        loop {
            match self.next().await {
                Some(News::Acked) => break,
                None | Some(News::Ended { ours: true, .. }) => return,
                Some(_) => {}
            }
        }
        let all: Vec<Arc<Pcm>> = (0..TIMES).flat_map(|_| sounds.iter().cloned()).collect();
        let patience = all.iter().map(|sound| Duration::from_millis(sound.millis())).sum::<Duration>() + WORDS;
        let (count, mut last) = (all.len(), PromptId(0));
        for (number, audio) in (1..=count as u32).zip(all) {
            last = PromptId(number);
            self.shared.plane.command(self.phone.key, LegCommand::Play { prompt: last, audio, barge_in: BargeIn::PersonOnly });
        }
        let said = async {
            loop {
                match self.next().await {
                    Some(News::Said(prompt)) if prompt == last => return,
                    None | Some(News::Ended { ours: true, .. }) => return,
                    Some(_) => {}
                }
            }
        };
        let _ = timeout(patience, said).await;
    }

    fn pick_up(&self) {
        self.send(SipCommand::Answer { dialog: self.phone.dialog, sdp: self.answer.clone() });
    }

    /// The next thing that moves the call on; offers and the like are dealt with on the way.
    async fn next(&mut self) -> Option<News> {
        loop {
            let news = tokio::select! {
                message = self.messages.recv() => match message? {
                    Inbox::Sip(event) => self.signalling(event),
                    Inbox::Ear(_) | Inbox::Happening(_) => None,
                },
                event = self.from_legs.recv() => self.leg_event(event?),
            };
            if news.is_some() {
                return news;
            }
        }
    }

    fn leg_event(&mut self, (key, event): (LegKey, LegEvent)) -> Option<News> {
        match event {
            LegEvent::PromptEnded { prompt, end, .. } => (end != PromptEnd::Stopped).then_some(News::Said(prompt)),
            LegEvent::NoRtp => Some(News::Ended { ours: key == self.phone.key, why: "no audio comes any more".into() }),
            LegEvent::Digit { digit, .. } => {
                let other = self.other.as_ref().filter(|_| key == self.phone.key)?;
                self.shared.plane.command(other.key, LegCommand::SendDigit(digit));
                None
            }
            _ => None,
        }
    }

    fn signalling(&mut self, event: SipEvent) -> Option<News> {
        match event {
            SipEvent::Answered { dialog, sdp } => {
                let agreed = self.party(dialog)?.accept(&sdp);
                match agreed {
                    Some((key, agreed)) => {
                        self.remote(key, agreed);
                        Some(News::Answered)
                    }
                    None => Some(News::Ended { ours: false, why: "its answer to our offer does not fit".into() }),
                }
            }
            SipEvent::Acked { dialog, answer } => {
                if let Some((key, agreed)) = answer.and_then(|answer| self.party(dialog)?.accept(&answer)) {
                    self.remote(key, agreed);
                }
                (dialog == self.phone.dialog).then_some(News::Acked)
            }
            SipEvent::Reanswered { dialog, sdp } => {
                if let Some((key, agreed)) = self.party(dialog)?.accept(&sdp) {
                    self.remote(key, agreed);
                }
                None
            }
            SipEvent::Reoffer { dialog, offer } => {
                self.reoffer(dialog, offer);
                None
            }
            SipEvent::InfoDigit { dialog, digit } if dialog == self.phone.dialog => {
                let other = self.other.as_ref()?;
                self.shared.plane.command(other.key, LegCommand::SendDigit(digit));
                None
            }
            SipEvent::ReferAsked { dialog, .. } => {
                self.send(SipCommand::AnswerRefer { dialog, status: 603 });
                None
            }
            SipEvent::Incoming { dialog, .. } => {
                self.send(SipCommand::Reject { dialog, status: 481, retry_after: None });
                None
            }
            SipEvent::Ended { dialog, why } => {
                let ours = dialog == self.phone.dialog;
                self.party(dialog)?.up = false;
                Some(News::Ended { ours, why: format!("{why:?}") })
            }
            _ => None,
        }
    }

    fn reoffer(&mut self, dialog: DialogKey, offer: Option<String>) {
        let Some(party) = self.party(dialog) else { return };
        let (key, port, ip) = (party.key, party.port, party.ip);
        match offer.map(|offer| party.sdp.answer(&offer, ip, port)) {
            Some(Ok((agreed, sdp))) => {
                self.remote(key, agreed);
                self.send(SipCommand::AnswerReoffer { dialog, sdp });
            }
            Some(Err(error)) => self.send(SipCommand::RejectReoffer { dialog, status: error.status() }),
            None => {
                let sdp = party.sdp.offer(ip, port);
                self.send(SipCommand::AnswerReoffer { dialog, sdp });
            }
        }
    }

    fn party(&mut self, dialog: DialogKey) -> Option<&mut Party> {
        let other = self.other.as_mut();
        std::iter::once(&mut self.phone).chain(other).find(|party| party.dialog == dialog)
    }

    fn remote(&self, key: LegKey, agreed: MediaAgreement) {
        self.shared.plane.command(key, LegCommand::Remote(negotiated(agreed)));
    }

    fn send(&self, command: SipCommand) {
        if self.shared.sip.send(command).is_err() {
            tracing::error!(call = %self.id, "signalling is overrun; a message was not sent");
        }
    }
}

impl Party {
    /// Their answer to an offer of ours, if it fits.
    fn accept(&mut self, answer: &str) -> Option<(LegKey, MediaAgreement)> {
        self.sdp.accept_answer(answer, self.ip).ok().map(|agreed| (self.key, agreed))
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("hotline_emergency_calls_total", "outcome" => outcome).increment(1);
}
