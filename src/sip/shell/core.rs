//! The one task that owns all dialogs: it takes commands from us, requests and state changes from the SIP crate, and time.

use super::address::Addresses;
use super::dialog::{Entry, Index, Phase, Refer};
use super::gate::Gate;
use super::inspector::Inspector;
use super::logins::Logins;
use super::referred::Referred;
use super::socket::Sockets;
use super::stream::Streams;
use super::tls::Tls;
use super::{SipConfig, SipError};
use crate::base::Moment;
use crate::sip::trunk::Trunk;
use crate::sip::verify::Verifier;
use crate::sip::{DialogKey, EndedWhy, RETRY_AFTER, SipCommand, SipEvent};
use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver, DialogStateSender, TerminatedReason};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::{DialogId, invite_dialog::InviteDialog};
use rsipstack::sip::{Response, StatusCode};
use rsipstack::transaction::endpoint::{EndpointBuilder, EndpointInnerRef, EndpointOption};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transaction::{CallIdFormat, TransactionReceiver};
use rsipstack::transport::{SipAddr, TransportLayer};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The realm of our challenges: what a phone's account is for.
const REALM: &str = "hotline";
/// How often deadlines (ring time, REFER) are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How often dialogs are searched in the crate that ended while it was entering them.
const SWEEP: Duration = Duration::from_secs(30);
/// Ended dialogs that are remembered.
const GONE_MAX: usize = 128;
/// How long a BYE waits for the last NOTIFY to be answered.
const LAST_NOTIFY: Duration = Duration::from_secs(1);
/// How long `stop` waits for answers to its goodbyes.
const GOODBYE: Duration = Duration::from_secs(2);
/// A REFER whose outcome is unknown for this long has failed (408).
const REFER_TIMEOUT: Duration = Duration::from_secs(180);
/// Refused INVITEs whose ACK we still wait for; beyond, a refusal is sent once and forgotten.
const REFUSALS_MAX: usize = 2048;

/// What the endpoint's handle and its task share.
pub(super) struct Shared {
    pub(super) cfg: SipConfig,
    pub(super) addresses: Arc<Addresses>,
    pub(super) board: super::SharedBoard,
    pub(super) phones: super::SharedRegistrar,
    /// When this endpoint began: the verifiers and the registrar count from here.
    pub(super) began: Instant,
    pub(super) tls: Arc<Tls>,
    pub(super) keys: Arc<AtomicU64>,
    pub(super) accepting: Arc<AtomicBool>,
    /// How many dialogs there are, for [`super::SipEndpoint::counts`].
    pub(super) dialogs: Arc<AtomicUsize>,
    pub(super) stop: CancellationToken,
    pub(super) kill: CancellationToken,
}

/// What a background job of ours came to.
pub(super) enum Done {
    /// The target of our INVITE is known (or not reachable).
    Prepared { dialog: DialogKey, target: Result<SipAddr, String> },
    /// Our INVITE has its final answer, or died.
    Invited { dialog: DialogKey, result: Result<Option<Response>, String> },
    /// Our REFER was answered.
    Referred { dialog: DialogKey, serial: u64, status: u16, cseq: Option<u32> },
    /// Their PRACK was answered.
    Acknowledged { dialog: DialogKey },
    /// Our re-INVITE or UPDATE has its final answer; `None` = none came.
    Changed { dialog: DialogKey, serial: u64, response: Option<Response> },
    /// The server transaction of their INVITE broke.
    Lost { dialog: DialogKey, why: String },
}

/// An INVITE of ours whose target is being looked up.
pub(super) struct Preparing {
    pub(super) to: String,
    pub(super) from: String,
    pub(super) sdp: String,
    pub(super) uui: Option<String>,
    pub(super) give_up: Instant,
    pub(super) by: Option<Arc<Trunk>>,
    /// `from` is the number of a caller who came from a trusted source.
    pub(super) vouched: bool,
    /// No limit stops it.
    pub(super) emergency: bool,
}

/// The task's state.
pub(super) struct Core {
    pub(super) shared: Shared,
    pub(super) endpoint: EndpointInnerRef,
    pub(super) streams: Arc<Streams>,
    pub(super) logins: Arc<Logins>,
    pub(super) gate: Arc<Gate>,
    pub(super) layer: Arc<DialogLayer>,
    pub(super) states: DialogStateSender,
    pub(super) done: mpsc::Sender<Done>,
    events: mpsc::Sender<SipEvent>,
    states_rx: DialogStateReceiver,
    done_rx: mpsc::Receiver<Done>,
    requests: TransactionReceiver,
    pub(super) entries: HashMap<DialogKey, Entry>,
    pub(super) preparing: HashMap<DialogKey, Preparing>,
    pub(super) by_dialog: HashMap<Index, DialogKey>,
    pub(super) by_caller: HashMap<Index, DialogKey>,
    /// Dialogs that ended last, with their tags, the newest at the end: who asks for their place is told that they are over.
    pub(super) gone: VecDeque<(Index, String)>,
    /// BYEs and CANCELs on their way.
    pub(super) goodbyes: TaskTracker,
    pub(super) refusals: Arc<Semaphore>,
    pub(super) verifier: Verifier,
    /// For agents' phones: their passwords open nothing else.
    pub(super) phone_verifier: Verifier,
    /// Emergency numbers, as agents' phones dial them.
    pub(super) emergency: Vec<String>,
    serial: u64,
}

impl Core {
    /// Puts the crate together and starts its tasks.
    pub(super) async fn start(shared: Shared, mut sockets: Sockets, events: mpsc::Sender<SipEvent>) -> Result<Core, SipError> {
        let kill = shared.kill.clone();
        let transport = TransportLayer::new(kill.child_token());
        let gate = Arc::new(Gate::new(&shared.cfg, shared.board.clone(), shared.phones.clone()));
        let udp = sockets.udp_transport(&shared.addresses, &gate, &kill).await?;
        transport.add_transport(udp);
        transport.set_tls_config(shared.tls.for_the_crate());
        let logins = Arc::new(Logins::default());
        let endpoint = EndpointBuilder::new()
            .with_user_agent(&shared.cfg.user_agent)
            .with_transport_layer(transport)
            .with_cancel_token(kill.child_token())
            .with_inspector(Box::new(Inspector {
                addresses: shared.addresses.clone(),
                logins: logins.clone(),
                phones: shared.phones.clone(),
            }))
            .with_option(options(shared.cfg.t1))
            .build();
        let requests = endpoint.incoming_transactions().map_err(|e| SipError::Stack(e.to_string()))?;
        let inner = endpoint.inner.clone();
        let streams = Streams::new(&shared.cfg, inner.clone(), gate.clone(), shared.tls.clone(), kill.clone());
        streams.clone().listen(sockets);
        tokio::spawn(async move { endpoint.serve().await });
        let layer = Arc::new(DialogLayer::new(inner.clone()));
        let (states, states_rx) = layer.new_dialog_state_channel();
        let (done, done_rx) = mpsc::channel(1024);
        let goodbyes = TaskTracker::new();
        let trunks: Vec<_> = super::board(&shared.board).trunks().cloned().collect();
        for trunk in trunks {
            let work = super::trunks::Work {
                trunk,
                board: shared.board.clone(),
                endpoint: inner.clone(),
                streams: streams.clone(),
                addresses: shared.addresses.clone(),
                stop: shared.stop.clone(),
                kill: kill.clone(),
            };
            // Their last word is a REGISTER that takes ours back.
            goodbyes.spawn(super::trunks::serve(work));
        }
        let verifier = |accounts| Verifier::new(REALM, accounts, &shared.cfg.digest, rand::random());
        let (verifier, phone_verifier) = (verifier(shared.cfg.accounts.clone()), verifier(shared.cfg.phones.clone()));
        let emergency = shared.cfg.emergency.clone();
        Ok(Core {
            emergency,
            shared,
            endpoint: inner,
            streams,
            logins,
            gate,
            layer,
            states,
            done,
            events,
            states_rx,
            done_rx,
            requests,
            entries: HashMap::new(),
            preparing: HashMap::new(),
            by_dialog: HashMap::new(),
            by_caller: HashMap::new(),
            gone: VecDeque::new(),
            goodbyes,
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            verifier,
            phone_verifier,
            serial: 0,
        })
    }

    /// For counting from outside.
    pub(super) fn stack(&self) -> StackView {
        StackView { layer: self.layer.clone(), endpoint: self.endpoint.clone() }
    }

    /// Serves until stopped.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<SipCommand>) {
        let (stop, kill) = (self.shared.stop.clone(), self.shared.kill.clone());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut next_sweep = Instant::now() + SWEEP;
        loop {
            tokio::select! {
                () = kill.cancelled() => break,
                () = stop.cancelled() => {
                    self.say_goodbye().await;
                    break;
                }
                Some(state) = self.states_rx.recv() => self.on_state(state).await,
                Some(done) = self.done_rx.recv() => self.on_done(done).await,
                Some(tx) = self.requests.recv() => self.on_request(tx).await,
                command = commands.recv() => match command {
                    Some(command) => self.on_command(command).await,
                    None => break,
                },
                _ = tick.tick() => {
                    self.on_tick().await;
                    if Instant::now() >= next_sweep {
                        next_sweep = Instant::now() + SWEEP;
                        self.sweep();
                    }
                }
            }
        }
        kill.cancel();
    }

    pub(super) async fn tell(&self, event: SipEvent) {
        tokio::select! {
            sent = self.events.send(event) => if sent.is_err() {
                // Nobody listens any more: there is no sense in serving on.
                self.shared.stop.cancel();
            },
            () = self.shared.kill.cancelled() => {}
        }
    }

    pub(super) fn new_key(&self) -> DialogKey {
        DialogKey(self.shared.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn insert(&mut self, key: DialogKey, entry: Entry) {
        self.by_dialog.insert(entry.index.clone(), key);
        self.shared.dialogs.fetch_add(1, Ordering::Relaxed);
        if let Some((caller, _)) = &entry.caller {
            self.by_caller.insert(caller.clone(), key);
        }
        self.entries.insert(key, entry);
    }

    /// Takes a dialog out of the tables.
    pub(super) fn forget(&mut self, key: DialogKey) -> Option<Entry> {
        let entry = self.entries.remove(&key)?;
        self.shared.dialogs.fetch_sub(1, Ordering::Relaxed);
        self.by_dialog.remove(&entry.index);
        if self.gone.len() >= GONE_MAX {
            self.gone.pop_front();
        }
        self.gone.push_back((entry.index.clone(), entry.dialog.id().remote_tag));
        if let Some((caller, _)) = &entry.caller
            && self.by_caller.get(caller) == Some(&key)
        {
            self.by_caller.remove(caller);
        }
        Some(entry)
    }

    /// The end of a dialog: frees everything of it and tells why, once.
    pub(super) async fn end(&mut self, key: DialogKey, why: EndedWhy) {
        let Some(entry) = self.forget(key) else { return };
        // After a BYE or CANCEL of ours the crate still needs it for a moment; their tasks and the sweep remove it then.
        if entry.dialog.state().is_terminated() || matches!(entry.phase, Phase::Ringing { .. } | Phase::AwaitingAck { .. }) {
            self.layer.remove_dialog(&entry.dialog.id());
        }
        if let Some(refer) = entry.refer {
            // Some PBXs hang up instead of the last NOTIFY: the last status heard has to do.
            self.tell(SipEvent::ReferProgress { dialog: key, status: refer.status, last: true }).await;
        }
        self.tell(SipEvent::Ended { dialog: key, why }).await;
    }

    async fn on_command(&mut self, command: SipCommand) {
        match command {
            SipCommand::SetPhones { phones } => self.set_phones(phones),
            SipCommand::SetEmergency { numbers } => self.emergency = numbers,
            SipCommand::Ring { dialog } => self.provisional(dialog, None),
            SipCommand::Progress { dialog, sdp } => self.provisional(dialog, Some(sdp)),
            SipCommand::Answer { dialog, sdp } => self.answer(dialog, sdp).await,
            SipCommand::Reject { dialog, status, retry_after } => self.reject(dialog, status, retry_after),
            SipCommand::AnswerReoffer { dialog, sdp } => self.answer_reoffer(dialog, sdp).await,
            SipCommand::RejectReoffer { dialog, status } => self.reject_reoffer(dialog, status).await,
            SipCommand::Reinvite { dialog, sdp } => self.reinvite(dialog, sdp).await,
            SipCommand::Invite { dialog, to, from, sdp, uui, ring_seconds, trunk } => {
                let give_up = Instant::now() + Duration::from_secs(u64::from(ring_seconds.clamp(1, 3600)));
                let caller = trunk.as_ref().and_then(|by| self.entries.get(&by.caller?));
                let vouched = caller.is_some_and(|caller| caller.vouched.as_ref() == Some(&from));
                let emergency = trunk.as_ref().is_some_and(|by| by.emergency);
                let by = trunk.and_then(|by| super::board(&self.shared.board).named(&by.name));
                self.invite(dialog, Preparing { to, from, sdp, uui, give_up, by, vouched, emergency }).await;
            }
            SipCommand::Refer { dialog, to, uui } => self.refer(dialog, &to, uui.as_deref()).await,
            SipCommand::ReferReplacing { dialog, with } => self.refer_replacing(dialog, with).await,
            SipCommand::AnswerRefer { dialog, status } => self.answer_refer(dialog, status).await,
            SipCommand::NotifyRefer { dialog, status, last } => self.notify_refer(dialog, status, last),
            SipCommand::HangUp { dialog } => self.hang_up(dialog).await,
            SipCommand::SendInfoDigit { dialog, digit } => self.send_info(dialog, digit),
        }
    }

    async fn on_done(&mut self, done: Done) {
        match done {
            Done::Prepared { dialog, target } => self.on_prepared(dialog, target).await,
            Done::Invited { dialog, result } => self.on_invited(dialog, result).await,
            Done::Referred { dialog, serial, status, cseq } => self.on_referred(dialog, serial, status, cseq).await,
            Done::Changed { dialog, serial, response } => self.on_changed(dialog, serial, response).await,
            Done::Acknowledged { dialog } => self.on_acknowledged(dialog).await,
            Done::Lost { dialog, why } => self.end(dialog, EndedWhy::Broken(why)).await,
        }
    }

    async fn on_state(&mut self, state: DialogState) {
        let id = state.id().clone();
        let Some(key) = self.key_of(&id) else {
            if state.is_terminated() {
                self.layer.remove_dialog(&id);
            }
            return;
        };
        match state {
            DialogState::Early(_, response) => self.on_provisional(key, &response).await,
            DialogState::Confirmed(_, response) => self.on_confirmed(key, &response).await,
            DialogState::Updated(_, request, handle) => self.on_reoffer(key, &request, handle).await,
            DialogState::Info(_, request, handle) => self.on_info(key, &request, handle).await,
            DialogState::Notify(_, request, handle) => self.on_notify(key, &request, handle).await,
            DialogState::Refer(_, request, handle) => self.on_refer(key, &request, handle).await,
            DialogState::Message(_, _, handle) | DialogState::Publish(_, _, handle) | DialogState::Options(_, _, handle) => {
                let _ = handle.reply(StatusCode::MethodNotAllowed).await;
            }
            DialogState::Terminated(_, reason) => self.on_terminated(key, reason).await,
            DialogState::Trying(_) => self.not_silent(key),
            DialogState::Calling(_) | DialogState::WaitAck(..) => {}
        }
    }

    async fn on_terminated(&mut self, key: DialogKey, reason: TerminatedReason) {
        let Some(entry) = self.entries.get(&key) else { return };
        let why = match (&entry.phase, reason) {
            // The answer itself, with its Contact, comes with `Done::Invited`.
            (Phase::Calling { .. }, _) => return,
            (Phase::Ringing { invite, .. }, TerminatedReason::UacBye) => {
                // BYE on an early dialog (RFC 3261 §15.1.2): the INVITE still needs its 487.
                self.respond_to_invite(entry, invite, StatusCode::RequestTerminated, vec![]);
                EndedWhy::Bye
            }
            (Phase::AwaitingAck { hang_up: true, .. }, TerminatedReason::Timeout) => EndedWhy::Ours,
            (_, TerminatedReason::Timeout) => EndedWhy::TimedOut,
            (_, TerminatedReason::UacCancel) if entry.incoming() => EndedWhy::Cancelled,
            (_, TerminatedReason::UacBye) if entry.incoming() => EndedWhy::Bye,
            (_, TerminatedReason::UasBye) if !entry.incoming() => EndedWhy::Bye,
            (_, TerminatedReason::UasDecline | TerminatedReason::UacBye | TerminatedReason::UasBye) => EndedWhy::Ours,
            (_, other) => EndedWhy::Broken(format!("the dialog broke: {other:?}")),
        };
        self.end(key, why).await;
    }

    /// HangUp: what ends a dialog depends on how far it is.
    pub(super) async fn hang_up(&mut self, key: DialogKey) {
        if self.preparing.remove(&key).is_some() {
            return self.tell(SipEvent::Ended { dialog: key, why: EndedWhy::Ours }).await;
        }
        let Some(entry) = self.entries.get_mut(&key) else { return };
        match &mut entry.phase {
            Phase::Ringing { .. } => self.reject(key, 480, None),
            Phase::AwaitingAck { hang_up, .. } => *hang_up = true,
            Phase::Calling { .. } => {
                let dialog = entry.dialog.clone();
                self.cancel(dialog);
                self.end(key, EndedWhy::Ours).await;
            }
            Phase::Up => {
                let (dialog, referred) = (entry.dialog.clone(), entry.referred.take());
                self.bye_after(dialog, referred);
                self.end(key, EndedWhy::Ours).await;
            }
        }
    }

    /// BYE in the background: whatever the answer, the dialog is over (RFC 3261 §15.1.1).
    pub(super) fn bye(&self, dialog: InviteDialog) {
        self.bye_after(dialog, None);
    }

    /// The same, once they have heard how what they asked for went.
    fn bye_after(&self, dialog: InviteDialog, referred: Option<Referred>) {
        let layer = self.layer.clone();
        self.goodbyes.spawn(async move {
            if let Some(Referred::Going(notifier)) = referred {
                let _ = tokio::time::timeout(LAST_NOTIFY, notifier.finish()).await;
            }
            let _ = dialog.bye().await;
            layer.remove_dialog(&dialog.id());
        });
    }

    /// CANCEL in the background. Before any provisional answer the crate keeps it until one comes (RFC 3261 §9.1), and a 200
    /// that crosses it is acknowledged and ended with BYE.
    pub(super) fn cancel(&self, dialog: InviteDialog) {
        self.goodbyes.spawn(async move {
            let _ = dialog.cancel().await;
        });
    }

    async fn on_tick(&mut self) {
        self.tell_phones().await;
        self.refresh_sessions().await;
        self.repeat_provisionals().await;
        let now = Instant::now();
        let late: Vec<DialogKey> = self.preparing.iter().filter(|(_, p)| now >= p.give_up).map(|(k, _)| *k).collect();
        for key in late {
            self.preparing.remove(&key);
            self.tell(SipEvent::Ended { dialog: key, why: EndedWhy::TimedOut }).await;
        }
        let due = |e: &Entry| matches!(e.phase, Phase::Calling { give_up, .. } | Phase::AwaitingAck { give_up, .. } if now >= give_up);
        let unanswered: Vec<DialogKey> = self.entries.iter().filter(|(_, e)| due(e)).map(|(k, _)| *k).collect();
        for key in unanswered {
            match self.entries.get(&key) {
                Some(entry) if entry.incoming() => self.bye(entry.dialog.clone()),
                Some(entry) => self.cancel(entry.dialog.clone()),
                None => {}
            }
            self.end(key, EndedWhy::TimedOut).await;
        }
        self.end_silent(now).await;
        let due = |e: &Entry| e.refer.as_ref().is_some_and(|r| now >= r.give_up);
        let unknown: Vec<DialogKey> = self.entries.iter().filter(|(_, e)| due(e)).map(|(k, _)| *k).collect();
        for key in unknown {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.refer = None;
            }
            self.tell(SipEvent::ReferProgress { dialog: key, status: 408, last: true }).await;
        }
    }

    /// The crate enters a dialog of ours after its 200; one that ended in that very moment would stay there for ever.
    fn sweep(&self) {
        for id in self.layer.all_dialog_ids() {
            if let Some(dialog) = self.layer.get_dialog_with(&id)
                && dialog.state().is_terminated()
            {
                self.layer.remove_dialog(&dialog.id());
            }
        }
    }

    async fn say_goodbye(&mut self) {
        let keys: Vec<DialogKey> = self.entries.keys().chain(self.preparing.keys()).copied().collect();
        for key in keys {
            match self.entries.get(&key).map(|e| &e.phase) {
                Some(Phase::Ringing { .. }) => {
                    self.reject(key, 503, Some(RETRY_AFTER));
                    self.end(key, EndedWhy::Ours).await;
                }
                Some(Phase::AwaitingAck { .. }) => {
                    // No time to wait for its ACK.
                    if let Some(entry) = self.entries.get(&key) {
                        self.bye(entry.dialog.clone());
                    }
                    self.end(key, EndedWhy::Ours).await;
                }
                _ => self.hang_up(key).await,
            }
        }
        self.goodbyes.close();
        let _ = tokio::time::timeout(GOODBYE, self.goodbyes.wait()).await;
    }

    pub(super) fn key_of(&self, id: &DialogId) -> Option<DialogKey> {
        self.by_dialog.get(&(id.call_id.clone(), id.local_tag.clone())).copied()
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The endpoint's own time.
    pub(super) fn now(&self) -> Moment {
        Moment::ZERO + self.shared.began.elapsed()
    }

    pub(super) fn new_refer(&mut self) -> Refer {
        Refer { serial: self.next_serial(), cseq: None, status: 100, give_up: Instant::now() + REFER_TIMEOUT }
    }

    /// Runs a request inside a dialog through the crate.
    pub(super) fn hand_to_dialog(&self, mut dialog: InviteDialog, mut tx: Transaction) {
        self.background(async move {
            let _ = dialog.handle(&mut tx).await;
        });
    }

    /// Runs a job until it is done or the endpoint is gone.
    pub(super) fn background(&self, job: impl Future<Output = ()> + Send + 'static) {
        let kill = self.shared.kill.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = kill.cancelled() => {}
                () = job => {}
            }
        });
    }
}

/// A look into the crate's tables from outside the task.
pub(super) struct StackView {
    layer: Arc<DialogLayer>,
    endpoint: EndpointInnerRef,
}

impl StackView {
    /// The authorities that the crate believes when it opens a connection again by itself.
    pub(super) fn believe(&self, tls: &Tls) {
        self.endpoint.transport_layer.set_tls_config(tls.for_the_crate());
    }

    /// Dialogs, running transactions, stream connections.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let running = self.endpoint.get_stats().running_transactions;
        (self.layer.len(), running, self.endpoint.transport_layer.connections_count())
    }
}

impl std::fmt::Debug for StackView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StackView").field(&self.counts()).finish()
    }
}

fn options(t1: Duration) -> EndpointOption {
    EndpointOption { t1, t1x64: t1 * 64, callid_format: CallIdFormat::Uuid, ..EndpointOption::default() }
}
