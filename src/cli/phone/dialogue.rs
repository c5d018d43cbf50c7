//! The phone's signalling and the steps of its script.

use super::line::{Line, LineCommand, LineEvent};
use crate::base::Digit;
use crate::sip::{DialogKey, EndedWhy, SdpSession, SipCommand, SipConfig, SipEndpoint, SipEvent};
use anyhow::{Context, bail};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Longest wait for the far end to begin or to stop talking before a step goes on regardless.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a phone waits for the far end's good-bye after its last step; and one at which a person sits, who hangs up themselves.
const LINGER: Duration = Duration::from_secs(90);
const LINGER_BY_HAND: Duration = Duration::from_secs(4 * 3_600);

/// One step of a script.
#[derive(Clone)]
pub(crate) enum Step {
    /// Speak these samples once the far end has stopped talking.
    Play(Arc<Vec<i16>>),
    /// Send these samples now, whoever is talking.
    PlayNow(Arc<Vec<i16>>),
    /// The next `Play` begins so long after the far end starts, whether or not it is still talking.
    Over(Duration),
    /// Press keys, 160 ms apart.
    Keys(Vec<Digit>),
    /// Wait.
    Wait(Duration),
    /// Hang up so long after the previous step.
    HangUpAfter(Duration),
}

/// What the phone saw, for people and for programs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PhoneEvent {
    /// Microseconds since the phone's epoch.
    pub(crate) at: u64,
    /// One word.
    pub(crate) what: &'static str,
    /// Which step (counted from 0) or a status.
    pub(crate) detail: Option<String>,
}

/// How the call ended for this phone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    /// `far_hung_up`, `hung_up`, `refused`, `failed`.
    pub(crate) disposition: &'static str,
    /// SIP status of a refusal.
    pub(crate) status: Option<u16>,
    /// Whether it was answered at all.
    pub(crate) answered: bool,
    /// Stretches of far-end talk: start and end, microseconds.
    pub(crate) heard: Vec<(u64, u64)>,
}

/// One softphone with its own SIP port; one call at a time.
pub(crate) struct Phone {
    endpoint: SipEndpoint,
    events: mpsc::Receiver<SipEvent>,
    ip: IpAddr,
    epoch: Instant,
    stop: CancellationToken,
}

impl Phone {
    /// Binds UDP and TCP on `listen` (port 0 = any). All its times count from `epoch`.
    pub(crate) async fn open(listen: SocketAddr, epoch: Instant) -> anyhow::Result<Phone> {
        let (tell, events) = mpsc::channel(256);
        let config = SipConfig {
            udp: Some(listen),
            tcp: Some(listen),
            user_agent: concat!("hotline-phone/", env!("CARGO_PKG_VERSION")).into(),
            max_dialogs: 4,
            ..SipConfig::default()
        };
        let endpoint = SipEndpoint::bind(config, tell).await.with_context(|| format!("the phone cannot listen on {listen}"))?;
        Ok(Phone { endpoint, events, ip: listen.ip(), epoch, stop: CancellationToken::new() })
    }

    /// Where the phone can be called over UDP.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.endpoint.local_udp()
    }

    /// Once it is cancelled the phone hangs up, whatever its script says.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Places a call and runs the script.
    pub(crate) async fn call(
        &mut self,
        uri: &str,
        from: &str,
        sound: Sound,
        steps: Vec<Step>,
        emit: &mut (dyn FnMut(PhoneEvent) + Send),
    ) -> anyhow::Result<Ending> {
        let dialog = self.endpoint.new_key();
        let mut talk = Conversation::new(dialog, self.ip, self.epoch, sound, steps)?;
        let offer = talk.sdp.offer(self.ip, talk.line.local().port());
        let invite = SipCommand::Invite {
            dialog,
            to: uri.into(),
            from: from.into(),
            sdp: offer,
            uui: None,
            ring_seconds: 60,
            trunk: None,
        };
        if self.endpoint.send(invite).is_err() {
            bail!("the phone's SIP side is overrun");
        }
        talk.run(&self.endpoint, &mut self.events, &self.stop, emit).await
    }

    /// Waits for one call, answers it after `after` and runs the script.
    pub(crate) async fn answer(
        &mut self,
        after: Duration,
        sound: Sound,
        steps: Vec<Step>,
        emit: &mut (dyn FnMut(PhoneEvent) + Send),
    ) -> anyhow::Result<Ending> {
        let (dialog, offer) = loop {
            let event = tokio::select! {
                event = self.events.recv() => event,
                () = self.stop.cancelled() => {
                    return Ok(Ending { disposition: "hung_up", status: None, answered: false, heard: Vec::new() });
                }
            };
            match event {
                Some(SipEvent::Incoming { dialog, offer, .. }) => break (dialog, offer),
                Some(_) => {}
                None => bail!("the phone's SIP side has stopped"),
            }
        };
        let mut talk = Conversation::new(dialog, self.ip, self.epoch, sound, steps)?;
        emit(PhoneEvent { at: talk.now(), what: "ringing", detail: None });
        let _ = self.endpoint.send(SipCommand::Ring { dialog });
        tokio::time::sleep(after).await;
        let port = talk.line.local().port();
        let sdp = match &offer {
            Some(offer) => match talk.sdp.answer(offer, self.ip, port) {
                Ok((agreed, sdp)) => {
                    talk.line.tell(LineCommand::Remote(agreed));
                    sdp
                }
                Err(error) => {
                    let _ = self.endpoint.send(SipCommand::Reject { dialog, status: error.status(), retry_after: None });
                    bail!("{error}");
                }
            },
            None => talk.sdp.offer(self.ip, port),
        };
        let _ = self.endpoint.send(SipCommand::Answer { dialog, sdp });
        talk.run(&self.endpoint, &mut self.events, &self.stop, emit).await
    }

    /// Frees the ports.
    pub(crate) async fn close(self) {
        self.endpoint.stop().await;
    }
}

/// What a phone does with sound beside its script.
#[derive(Default)]
pub(crate) struct Sound {
    /// Write both directions here.
    pub(crate) record: Option<PathBuf>,
    /// Microphone and loudspeaker, if there are any.
    pub(crate) device:
        Option<(std::sync::mpsc::Receiver<crate::audio::Frame>, std::sync::mpsc::SyncSender<crate::audio::Frame>)>,
}

/// Where the script stands.
enum Doing {
    /// Not connected yet.
    Connecting,
    /// Take the next step.
    Next,
    /// Waiting for the far end to have talked and stopped.
    ForQuiet { until: Instant },
    /// Waiting for the far end to start.
    ForStart { after: Duration, until: Instant },
    /// A fixed moment, then the pending play or the next step.
    Until { at: Instant, then: Then },
    /// Our own speech is going out.
    Speaking,
    /// The script is over.
    Lingering { until: Instant },
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    Speak,
    Next,
    HangUp,
}

struct Conversation {
    dialog: DialogKey,
    sdp: SdpSession,
    ip: IpAddr,
    line: Line,
    from_line: mpsc::UnboundedReceiver<LineEvent>,
    epoch: Instant,
    steps: std::collections::VecDeque<Step>,
    linger: Duration,
    step: usize,
    over: Option<Duration>,
    pending: Option<Arc<Vec<i16>>>,
    doing: Doing,
    /// The far end talked since our last step.
    far_talked: bool,
    far_talking: bool,
    answered: bool,
    heard: Vec<(u64, u64)>,
}

impl Conversation {
    fn new(dialog: DialogKey, ip: IpAddr, epoch: Instant, sound: Sound, steps: Vec<Step>) -> anyhow::Result<Conversation> {
        // Bounded by the line itself: a handful of events a second.
        let (tell, from_line) = mpsc::unbounded_channel();
        let record = sound.record;
        let linger = if sound.device.is_some() { LINGER_BY_HAND } else { LINGER };
        let line =
            Line::open(ip, epoch, record, Box::new(move |event| _ = tell.send(event))).context("no free port for RTP")?;
        if let Some((microphone, speaker)) = sound.device {
            line.tell(LineCommand::Microphone(microphone));
            line.tell(LineCommand::Speaker(speaker));
        }
        Ok(Conversation {
            dialog,
            sdp: SdpSession::new(rand::random()),
            ip,
            line,
            from_line,
            epoch,
            steps: steps.into(),
            linger,
            step: 0,
            over: None,
            pending: None,
            doing: Doing::Connecting,
            far_talked: false,
            far_talking: false,
            answered: false,
            heard: Vec::new(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    async fn run(
        mut self,
        endpoint: &SipEndpoint,
        events: &mut mpsc::Receiver<SipEvent>,
        stop: &CancellationToken,
        emit: &mut (dyn FnMut(PhoneEvent) + Send),
    ) -> anyhow::Result<Ending> {
        let mut hanging_up = false;
        let ended = loop {
            if !hanging_up && (stop.is_cancelled() || self.proceed(emit)) {
                hanging_up = true;
                emit(PhoneEvent { at: self.now(), what: "hanging_up", detail: None });
                let _ = endpoint.send(SipCommand::HangUp { dialog: self.dialog });
            }
            let wake = self.wake().unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => if let Some(why) = self.signalling(endpoint, event, emit) { break why },
                    None => break EndedWhy::Broken("the SIP side has stopped".into()),
                },
                Some(event) = self.from_line.recv() => self.sound(event, emit),
                () = stop.cancelled(), if !hanging_up => {}
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        };
        let (disposition, status) = match (&ended, hanging_up) {
            (_, true) | (EndedWhy::Ours, _) => ("hung_up", None),
            (EndedWhy::Bye | EndedWhy::Cancelled, _) => ("far_hung_up", None),
            (EndedWhy::Refused { status, .. }, _) => ("refused", Some(*status)),
            (EndedWhy::TimedOut, _) => ("refused", Some(408)),
            (EndedWhy::Expired, _) => {
                let why = "nobody refreshed the session".to_string();
                emit(PhoneEvent { at: self.now(), what: "broken", detail: Some(why) });
                ("failed", None)
            }
            (EndedWhy::Broken(why), _) => {
                emit(PhoneEvent { at: self.now(), what: "broken", detail: Some(why.clone()) });
                ("failed", None)
            }
        };
        Ok(Ending { disposition, status, answered: self.answered, heard: self.heard })
    }

    /// Takes steps until one has to wait. True = hang up now.
    fn proceed(&mut self, emit: &mut (dyn FnMut(PhoneEvent) + Send)) -> bool {
        let now = Instant::now();
        loop {
            match self.doing {
                Doing::Connecting | Doing::Speaking => return false,
                Doing::Lingering { until } => return now >= until,
                Doing::ForQuiet { until } if (self.far_talked && !self.far_talking) || now >= until => self.speak(),
                Doing::ForStart { after, until } if self.far_talking || now >= until => {
                    self.doing = Doing::Until { at: now + after, then: Then::Speak };
                }
                Doing::Until { at, then } if now >= at => match then {
                    Then::Speak => self.speak(),
                    Then::Next => self.doing = Doing::Next,
                    Then::HangUp => return true,
                },
                Doing::ForQuiet { .. } | Doing::ForStart { .. } | Doing::Until { .. } => return false,
                Doing::Next => self.take_step(now, emit),
            }
        }
    }

    fn take_step(&mut self, now: Instant, emit: &mut (dyn FnMut(PhoneEvent) + Send)) {
        let Some(step) = self.steps.pop_front() else {
            self.doing = Doing::Lingering { until: now + self.linger };
            return;
        };
        self.step += 1;
        match step {
            Step::Over(after) => self.over = Some(after),
            Step::Play(samples) => {
                self.pending = Some(samples);
                self.doing = match self.over.take() {
                    Some(after) => Doing::ForStart { after, until: now + PATIENCE },
                    None => Doing::ForQuiet { until: now + PATIENCE },
                };
            }
            Step::PlayNow(samples) => {
                self.pending = Some(samples);
                self.speak();
            }
            Step::Keys(keys) => {
                let length = Duration::from_millis(260 * keys.len() as u64);
                let text: String = keys.iter().map(|d| d.as_char()).collect();
                for key in keys {
                    self.line.tell(LineCommand::Digit(key));
                }
                emit(PhoneEvent { at: self.now(), what: "keys", detail: Some(text) });
                self.far_talked = false;
                self.doing = Doing::Until { at: now + length, then: Then::Next };
            }
            Step::Wait(length) => self.doing = Doing::Until { at: now + length, then: Then::Next },
            Step::HangUpAfter(length) => self.doing = Doing::Until { at: now + length, then: Then::HangUp },
        }
    }

    fn speak(&mut self) {
        self.doing = Doing::Speaking;
        if let Some(samples) = self.pending.take() {
            self.line.tell(LineCommand::Play(samples));
        }
    }

    /// When `proceed` has something to do at the latest.
    fn wake(&self) -> Option<Instant> {
        match self.doing {
            Doing::ForQuiet { until } | Doing::ForStart { until, .. } | Doing::Lingering { until } => Some(until),
            Doing::Until { at, .. } => Some(at),
            Doing::Connecting | Doing::Next | Doing::Speaking => None,
        }
    }

    fn sound(&mut self, event: LineEvent, emit: &mut (dyn FnMut(PhoneEvent) + Send)) {
        match event {
            LineEvent::FarStarted { at } => {
                (self.far_talked, self.far_talking) = (true, true);
                self.heard.push((at, at));
                emit(PhoneEvent { at, what: "far_started", detail: None });
            }
            LineEvent::FarStopped { at } => {
                self.far_talking = false;
                if let Some(last) = self.heard.last_mut() {
                    last.1 = at;
                }
                emit(PhoneEvent { at, what: "far_stopped", detail: None });
            }
            LineEvent::Key { at, digit } => {
                emit(PhoneEvent { at, what: "key_heard", detail: Some(digit.as_char().to_string()) });
            }
            LineEvent::PlayStarted { at } => emit(PhoneEvent { at, what: "speaking", detail: Some(self.step.to_string()) }),
            LineEvent::PlayEnded { last_sound, .. } => {
                // What the far end says after our last sound answers it (a recording may end in silence, and the answer
                // come within it); what it was saying before does not.
                self.far_talked = self.heard.last().is_some_and(|(from, _)| *from >= last_sound);
                self.doing = Doing::Next;
                emit(PhoneEvent { at: last_sound, what: "spoken", detail: Some(self.step.to_string()) });
            }
            LineEvent::Closed { .. } => {}
        }
    }

    fn connected(&mut self, emit: &mut (dyn FnMut(PhoneEvent) + Send)) {
        if !self.answered {
            self.answered = true;
            self.doing = Doing::Next;
            emit(PhoneEvent { at: self.now(), what: "answered", detail: None });
        }
    }

    /// Some(why) when the dialog is over.
    fn signalling(
        &mut self,
        endpoint: &SipEndpoint,
        event: SipEvent,
        emit: &mut (dyn FnMut(PhoneEvent) + Send),
    ) -> Option<EndedWhy> {
        match event {
            SipEvent::Incoming { dialog, .. } => {
                let _ = endpoint.send(SipCommand::Reject { dialog, status: 486, retry_after: None });
            }
            SipEvent::Ringing { dialog, .. } if dialog == self.dialog => {
                emit(PhoneEvent { at: self.now(), what: "ringing", detail: None });
            }
            SipEvent::Answered { dialog, sdp } if dialog == self.dialog => self.agree(Some(&sdp), endpoint, emit),
            SipEvent::Acked { dialog, answer } if dialog == self.dialog => self.agree(answer.as_deref(), endpoint, emit),
            SipEvent::Reoffer { dialog, offer } if dialog == self.dialog => {
                let port = self.line.local().port();
                let reply = match offer.map(|o| self.sdp.answer(&o, self.ip, port)) {
                    Some(Ok((agreed, sdp))) => {
                        self.line.tell(LineCommand::Remote(agreed));
                        SipCommand::AnswerReoffer { dialog, sdp }
                    }
                    Some(Err(error)) => SipCommand::RejectReoffer { dialog, status: error.status() },
                    None => SipCommand::AnswerReoffer { dialog, sdp: self.sdp.offer(self.ip, port) },
                };
                let _ = endpoint.send(reply);
            }
            SipEvent::ReferAsked { dialog, .. } if dialog == self.dialog => {
                let _ = endpoint.send(SipCommand::AnswerRefer { dialog, status: 603 });
                emit(PhoneEvent { at: self.now(), what: "referred", detail: None });
            }
            SipEvent::Ended { dialog, why } if dialog == self.dialog => return Some(why),
            _ => {}
        }
        None
    }

    fn agree(&mut self, answer: Option<&str>, endpoint: &SipEndpoint, emit: &mut (dyn FnMut(PhoneEvent) + Send)) {
        match answer.map(|sdp| self.sdp.accept_answer(sdp, self.ip)) {
            Some(Ok(agreed)) => {
                self.line.tell(LineCommand::Remote(agreed));
                self.connected(emit);
            }
            Some(Err(error)) => {
                emit(PhoneEvent { at: self.now(), what: "broken", detail: Some(error.to_string()) });
                let _ = endpoint.send(SipCommand::HangUp { dialog: self.dialog });
            }
            None => self.connected(emit),
        }
    }
}
