//! What the driver asks of the world, done.

use super::{CARD_VALID, LiveLeg, LivePorts, leg_record};
use crate::audio::{Pcm, Tap, write_wav};
use crate::base::{AttemptId, Disposition, Grammar, LegId, LookUpId, Moment, PhoneNumber, Prompt, PromptId, UtteranceId};
use crate::call::{
    AgentEvent, BROWSER, CallBackAnswer, Command, Event, HandOverCard, QueueAsk, QueueEvent, Record, ReferOutcome,
};
use crate::drive::{Happening, LastResort, MessageLeft, Ports};
use crate::flow::LookUp;
use crate::media::{LegCommand, LegEvent, LegKey, LegStats};
use crate::server::gateway::{self, Inbox};
use crate::server::mask;
use crate::server::softphones::Ring;
use crate::server::ways::Offered;
use crate::sip::destinations::Target;
use crate::sip::{REGISTERED, SipCommand};
use crate::speech::{RenderKey, Urgency};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

/// Most places that a caller is sent to whose call has failed.
const LAST_RESORTS: usize = 3;

impl LivePorts {
    /// Ears for an agent's leg, where the agents' words are wanted; what they hear comes to the call's inbox.
    fn agent_tap(&mut self, attempt: AttemptId) -> Option<SyncSender<Tap>> {
        if !self.shared.hears_agents {
            return None;
        }
        let inbox = self.inbox.clone();
        let ear = self.shared.ears.attach(Box::new(move |event| {
            if inbox.try_send(Inbox::Happening(Happening::AgentEar { attempt, event })).is_err() {
                tracing::error!("a call's inbox is full or closed; what an agent said was lost");
            }
        }));
        let tap = ear.tap();
        self.agent_ears.insert(attempt, ear);
        Some(tap)
    }

    /// Who is on hold with a colleague's phone ringing hears it ring, and not nothing; until it is over.
    fn rings_for_colleague(&mut self, called: AttemptId) {
        if let Some(waiting) = self.parted.filter(|waiting| *waiting != called) {
            let tone = Some(self.shared.ring_back.clone());
            self.leg(LegId::Agent(waiting), LegCommand::Comfort(tone));
        }
    }

    fn rings_no_more(&mut self) {
        if let Some(waiting) = self.parted.take() {
            self.leg(LegId::Agent(waiting), LegCommand::Comfort(None));
        }
    }

    /// An agent's leg is over: its ears with it, and its ringing where somebody heard that.
    pub(super) fn agent_leg_is_over(&mut self, attempt: AttemptId) {
        self.agent_ears.remove(&attempt);
        if let Some(waiting) = self.parted.filter(|waiting| *waiting != attempt) {
            self.leg(LegId::Agent(waiting), LegCommand::Comfort(None));
        }
    }

    /// The page of an agent's desk rings; what they hear and say goes by a leg of the plane's own. False when there is no such leg.
    fn ring_page(&mut self, attempt: AttemptId, agent: &str) -> bool {
        // Nobody is there yet where somebody is called back.
        let caller = self.legs.get(&LegId::Caller).map(|leg| leg.key);
        let tap = self.agent_tap(attempt);
        let leg = match self.shared.plane.open_inside(self.leg_events.clone(), tap) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(call = %self.id, %error, "no audio for the agent's page");
                return false;
            }
        };
        let ring = Ring { call: self.id, attempt, leg, caller, other: self.codec, inbox: self.inbox.clone() };
        let bell = Some(self.shared.phones.ring(agent, ring));
        let (dialog, sdp) = (self.shared.sip.new_key(), self.shared.sdp_session());
        let (key, port) = leg;
        let live = LiveLeg { bell, ..LiveLeg::new(dialog, (key, port), sdp, self.ip, false) };
        self.legs.insert(LegId::Agent(attempt), live);
        tokio::spawn(self.later(Happening::Call(Event::Agent { attempt, event: AgentEvent::Ringing })));
        true
    }
}

impl Ports for LivePorts {
    fn hears(&self) -> bool {
        self.shared.ears.listens()
    }

    fn answer(&mut self) {
        if let Some(leg) = self.legs.get(&LegId::Caller) {
            self.send(SipCommand::Answer { dialog: leg.dialog, sdp: self.answer_sdp.clone() });
        }
    }

    fn hang_up(&mut self, leg: LegId) {
        if let LegId::Agent(attempt) = leg {
            self.agent_leg_is_over(attempt);
        }
        let Some(live) = self.legs.get_mut(&leg) else { return };
        let (dialog, key) = (live.dialog, live.key);
        // Its place on a trunk is free at once.
        live.way = None;
        // In a page the ringing ends, or the connection.
        live.bell = None;
        let replaced = live.replaced.take();
        if std::mem::replace(&mut live.up, false) {
            self.send(SipCommand::HangUp { dialog });
        }
        if let Some(replaced) = replaced {
            self.send(SipCommand::HangUp { dialog: replaced.dialog });
            self.shared.forget(replaced.dialog);
        }
        self.shared.plane.command(key, LegCommand::Close);
    }

    fn refer(&mut self, attempt: AttemptId, to: &str, uui: &str, patience: Duration) {
        let Some(dialog) = self.legs.get(&LegId::Caller).map(|leg| leg.dialog) else { return };
        let Some(to) = self.allowed(to).and_then(|target| self.address_of(target)) else {
            let failed = Event::Referred { attempt, outcome: ReferOutcome::Failed(403) };
            tokio::spawn(self.later(Happening::Call(failed)));
            return;
        };
        self.shared.set_referring(self.id, attempt);
        self.send(SipCommand::Refer { dialog, to, uui: (!uui.is_empty()).then(|| uui.into()) });
        self.give_up_referring(attempt, patience);
    }

    fn call_person(&mut self, to: &str, ring: Duration) {
        let failed = |status| Happening::Call(Event::PersonFailed { status });
        let Some(Target::Trunk { user, wanted }) = self.may_call_person(to) else {
            tokio::spawn(self.later(failed(403)));
            return;
        };
        let tap = self.ear.as_ref().map(|ear| ear.tap());
        let (key, port) = match self.shared.plane.open(self.leg_events.clone(), tap) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(call = %self.id, %error, "no audio for the person who is called back");
                tokio::spawn(self.later(failed(503)));
                return;
            }
        };
        let (dialog, sdp, ip) = (self.shared.sip.new_key(), self.shared.sdp_session(), self.ip);
        let live = LiveLeg::new(dialog, (key, port), sdp, ip, true);
        self.legs.insert(LegId::Caller, live);
        self.closed.remove(&LegId::Caller);
        let ring_seconds = u32::try_from(ring.as_secs()).unwrap_or(60).max(1);
        if !self.by_trunks(LegId::Caller, user, &wanted, Offered { uui: None, ring_seconds }) {
            self.hang_up(LegId::Caller);
            tokio::spawn(self.later(failed(503)));
        }
    }

    fn queue(&mut self, ask: QueueAsk) {
        let ask = match ask {
            QueueAsk::MayCallBack { queue, number } => match self.number_to_call(&queue, number.as_str()) {
                // As it would be dialled.
                Some(number) => QueueAsk::MayCallBack { queue, number: PhoneNumber::new(&number) },
                None => {
                    let news = QueueEvent::MayCallBack(CallBackAnswer::NotAllowed);
                    tokio::spawn(self.later(Happening::Call(Event::Queue(news))));
                    return;
                }
            },
            other => other,
        };
        self.shared.queues.ask(self.id, ask, &self.inbox);
    }

    fn answer_refer(&mut self, attempt: AttemptId, status: u16) {
        if let Some(dialog) = self.dialog_of(attempt) {
            self.send(SipCommand::AnswerRefer { dialog, status });
        }
    }

    fn notify_refer(&mut self, attempt: AttemptId, status: u16, last: bool) {
        if let Some(dialog) = self.dialog_of(attempt) {
            self.send(SipCommand::NotifyRefer { dialog, status, last });
        }
    }

    fn complete(&mut self, attempt: AttemptId, agent: AttemptId, patience: Duration) {
        let (Some(caller), Some(with)) = (self.legs.get(&LegId::Caller), self.dialog_of(agent)) else { return };
        self.shared.set_referring(self.id, attempt);
        self.send(SipCommand::ReferReplacing { dialog: caller.dialog, with });
        self.give_up_referring(attempt, patience);
    }

    fn dial(&mut self, attempt: AttemptId, to: &str, uui: &str, ring: Duration) {
        self.rings_for_colleague(attempt);
        let failed = |status| Happening::Call(Event::Agent { attempt, event: AgentEvent::Failed { status, contact: None } });
        if let Some(agent) = to.strip_prefix(BROWSER) {
            if !self.ring_page(attempt, agent) {
                tokio::spawn(self.later(failed(503)));
            }
            return;
        }
        // A phone of one of our agents needs no leave: it has proved whose it is, and who may register is configured.
        let registered = to.starts_with(REGISTERED).then(|| Target::Address(to.to_string()));
        let Some(target) = registered.or_else(|| self.allowed(to)) else {
            tokio::spawn(self.later(failed(403)));
            return;
        };
        let tap = self.agent_tap(attempt);
        let (key, port) = match self.shared.plane.open(self.leg_events.clone(), tap) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(call = %self.id, %error, "no audio for the agent's leg");
                tokio::spawn(self.later(failed(503)));
                return;
            }
        };
        let dialog = self.shared.sip.new_key();
        let sdp = self.shared.sdp_session();
        let (leg, ip) = (LegId::Agent(attempt), self.ip);
        let live = LiveLeg::new(dialog, (key, port), sdp, ip, true);
        self.legs.insert(leg, live);
        let ring_seconds = u32::try_from(ring.as_secs()).unwrap_or(60).max(1);
        let offered = Offered { uui: (!uui.is_empty()).then(|| uui.to_string()), ring_seconds };
        let sent = match target {
            Target::Address(to) => self.invite(leg, &to, None, None, offered),
            Target::Trunk { user, wanted } => self.by_trunks(leg, user, &wanted, offered),
        };
        if !sent {
            self.hang_up(leg);
            tokio::spawn(self.later(failed(503)));
        }
    }

    fn join(&mut self, attempt: AttemptId) {
        let (Some(caller), Some(agent)) = (self.legs.get(&LegId::Caller), self.legs.get(&LegId::Agent(attempt))) else {
            return;
        };
        self.shared.plane.command(caller.key, LegCommand::Bridge(Some(agent.key)));
        self.shared.plane.command(agent.key, LegCommand::Bridge(Some(caller.key)));
        self.shared.phones.caller_is(self.id, attempt, caller.key);
        self.rings_no_more();
    }

    fn hold(&mut self, attempt: AttemptId, on: bool) {
        let (Some(caller), Some(agent)) = (self.legs.get(&LegId::Caller), self.legs.get(&LegId::Agent(attempt))) else {
            return;
        };
        let with = |other: LegKey| if on { None } else { Some(other) };
        self.shared.plane.command(caller.key, LegCommand::Bridge(with(agent.key)));
        self.shared.plane.command(agent.key, LegCommand::Bridge(with(caller.key)));
        self.shared.phones.caller_is(self.id, attempt, caller.key);
        self.rings_no_more();
        self.parted = on.then_some(attempt);
        self.comfort(on);
    }

    fn pair(&mut self, one: AttemptId, other: AttemptId) {
        let (Some(a), Some(b)) = (self.legs.get(&LegId::Agent(one)), self.legs.get(&LegId::Agent(other))) else { return };
        self.shared.plane.command(a.key, LegCommand::Bridge(Some(b.key)));
        self.shared.plane.command(b.key, LegCommand::Bridge(Some(a.key)));
        self.shared.phones.caller_is(self.id, one, b.key);
        self.shared.phones.caller_is(self.id, other, a.key);
        // It rings no more; but the caller is on hold still, and another colleague may be rung.
        self.leg(LegId::Agent(one), LegCommand::Comfort(None));
    }

    fn three_way(&mut self, one: AttemptId, other: AttemptId) {
        let key = |leg: LegId| self.legs.get(&leg).map(|live| live.key);
        let (Some(caller), Some(a), Some(b)) = (key(LegId::Caller), key(LegId::Agent(one)), key(LegId::Agent(other))) else {
            return;
        };
        self.shared.plane.command(caller, LegCommand::ThreeWay([a, b]));
        self.parted = None;
        // Keys are for the caller's line, whoever presses them.
        self.shared.phones.caller_is(self.id, one, caller);
        self.shared.phones.caller_is(self.id, other, caller);
    }

    fn comfort(&mut self, on: bool) {
        let tune = on.then(|| self.shared.comfort.clone());
        self.leg(LegId::Caller, LegCommand::Comfort(tune));
    }

    fn record(&mut self) {
        if std::mem::replace(&mut self.recording, true) {
            return;
        }
        match self.shared.recording_path(self.id, self.began) {
            Ok(path) => self.leg(LegId::Caller, LegCommand::RecordTo(path)),
            Err(why) => {
                let why = format!("the recording cannot begin: {why}");
                tokio::spawn(self.later(Happening::Leg { leg: LegId::Caller, event: LegEvent::RecordingFailed(why) }));
            }
        }
    }

    fn leg(&mut self, leg: LegId, command: LegCommand) {
        if let Some(live) = self.legs.get(&leg)
            && !self.shared.plane.command(live.key, command)
        {
            tracing::error!(call = %self.id, "the audio plane is overrun; a command was lost");
        }
    }

    fn expect(&mut self, grammar: Grammar, aside: bool) {
        self.language = grammar.language;
        if let Some(ear) = &self.ear {
            ear.expect_as(grammar, if aside { Urgency::Aside } else { Urgency::Asked });
        }
    }

    fn expect_of_agent(&mut self, attempt: AttemptId, grammar: Option<Grammar>) -> bool {
        let Some(ear) = self.agent_ears.get(&attempt) else { return false };
        if let Some(grammar) = grammar {
            ear.expect_as(grammar, Urgency::Agent);
        }
        self.shared.ears.listens()
    }

    fn listen_only(&mut self) {
        let expect = crate::base::Expect::Anything;
        self.expect(Grammar { language: self.language, expect, person: Arc::new([]) }, false);
    }

    fn render(&mut self, leg: LegId, prompt: &Prompt) {
        let (voices, id) = (self.shared.voices.clone(), prompt.id);
        let key = RenderKey { parts: prompt.parts.clone(), language: prompt.language };
        let inbox = self.inbox.clone();
        tokio::spawn(async move {
            let result = voices.render(key).await;
            let _ = inbox.send(Inbox::Happening(Happening::Rendered { leg, prompt: id, result })).await;
        });
    }

    fn look_up(&mut self, id: LookUpId, request: LookUp) {
        let (lookups, inbox) = (self.shared.lookups.clone(), self.inbox.clone());
        tokio::spawn(async move {
            let result = lookups.ask(&request).await;
            let _ = inbox.send(Inbox::Happening(Happening::Call(Event::LookedUp { id, result }))).await;
        });
    }

    fn keep_clip(&mut self, utterance: UtteranceId, clip: Arc<Pcm>) {
        self.kept(self.store.clip(self.id, self.began, utterance, write_wav(&clip)));
    }

    fn keep_message(&mut self, message: MessageLeft) {
        // The sound first: it waits for no engine.
        self.kept(self.store.message(self.id, self.began, write_wav(&message.sound)));
        self.write_down(message);
    }

    fn note(&mut self, record: Record) {
        self.shared.boards.note(self.id, self.shared.now(), &self.flow, &record);
        self.shared.tell(self.id, &record);
        self.kept(self.store.note(self.id, self.shared.now(), record));
    }

    fn publish(&mut self, card: HandOverCard) {
        self.shared.boards.card(self.id, &card);
        self.kept(self.store.card(card, gateway::wall_now().plus(CARD_VALID)));
    }

    fn log(&mut self, now: Moment, event: &Event, sensitive: bool) {
        if let Some(log) = &mut self.events {
            let masked = mask::masked(event, sensitive);
            log.push(now, &masked, masked != *event);
        }
    }

    fn executed(&mut self, now: Moment, commands: Option<&[Command]>) {
        if let Some(log) = &mut self.events {
            log.executed(now, commands);
        }
    }

    fn prompt_started(&mut self, _leg: LegId, _prompt: PromptId, _at: Moment) {}

    fn leg_closed(&mut self, leg: LegId, stats: LegStats) {
        self.closed.insert(leg);
        tracing::info!(call = %self.id, ?leg, packets_in = stats.packets_in, lost = stats.lost, discarded = stats.discarded,
            packets_out = stats.packets_out, jitter_us = stats.jitter_us, buffer_ms = stats.buffer_ms,
            round_trip_ms = stats.round_trip_ms, mos_x100 = stats.mos_x100, "a leg's audio is closed");
        if let Some(one_way) = stats.one_way {
            tracing::warn!(call = %self.id, ?leg, ?one_way, "audio went one way only");
            metrics::counter!("hotline_one_way_audio_total").increment(1);
        }
        self.note(Record::Leg(leg_record(leg, &stats)));
    }

    fn trouble(&mut self, why: &str) {
        tracing::error!(call = %self.id, why, "trouble");
        metrics::counter!("hotline_troubles_total").increment(1);
    }

    fn last_resort(&self) -> LastResort {
        let (mut targets, mut seen) = (Vec::new(), Vec::new());
        let mut next = Some(self.flow.person.target.clone());
        while let Some(target) = next.take().and_then(|name| self.flow.targets.get(&name)) {
            match target.queue() {
                Some(queue) => targets.extend(self.shared.queues.phones_of(queue)),
                None => targets.push(target.sip.clone()),
            }
            if targets.len() >= LAST_RESORTS || seen.contains(&target.name) {
                break;
            }
            seen.push(target.name.clone());
            next = target.next.clone();
        }
        targets.truncate(LAST_RESORTS);
        if !self.legs.contains_key(&LegId::Caller) {
            // Nobody is on the line who could be brought anywhere.
            targets.clear();
        }
        LastResort { targets, language: self.language }
    }

    fn ended(&mut self, disposition: &Disposition) {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        for leg in legs {
            self.hang_up(leg);
        }
        for leg in self.legs.values() {
            self.shared.forget(leg.dialog);
        }
        self.shared.queues.gone(self.id);
        self.ear = None;
        self.agent_ears.clear();
        drop(self.events.take());
        metrics::counter!("hotline_calls_total", "disposition" => disposition.name()).increment(1);
        tracing::info!(call = %self.id, disposition = disposition.name(), "the call is over");
    }
}
