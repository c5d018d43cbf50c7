//! Takes calls in: finds the flow for the number, opens audio, starts one task per call, and routes signalling to it.

mod call_task;
mod calling_back;
mod from_phones;
mod router;

use super::LookUps;
use super::boards::Boards;
use super::config::EmergencyConfig;
use super::queues::{Beside, Queues, Remembered};
use super::settings::{Served, Settings};
use super::softphones::Softphones;
use crate::audio::Pcm;
use crate::base::{AttemptId, CallId, Moment, PromptPart, WallTime};
use crate::call::{CallSettings, Record};
use crate::drive::Happening;
use crate::flow::{Flow, Incident};
use crate::media::Plane;
use crate::sip::trunk::Board;
use crate::sip::{DialogKey, SdpKeys, SdpPolicy, SdpSession, SipCommand, SipEndpoint, SipEvent, Srtp};
use crate::speech::{EarEvent, Ears, Scribe, Voices};
use crate::store::{Claim, EventLog, EventLogHead, Store, StoreWriter};
use router::Router;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};

/// At the end the records are waited for so long; the writer itself gives up a little sooner.
const FLUSH_MAX: Duration = Duration::from_secs(150);

/// What waits for one call at most; a full inbox means that its task hangs, and then the sender does not wait either.
pub(super) const INBOX: usize = 512;

/// How long an ended call waits for the numbers of its legs.
const LAST_NUMBERS: Duration = Duration::from_secs(2);

/// Records kept for live views that lag.
const LIVE_NOTES: usize = 1_024;

/// What reaches a call's task.
pub(super) enum Inbox {
    /// From signalling.
    Sip(SipEvent),
    /// From the ears.
    Ear(EarEvent),
    /// Anything that is already in the driver's words.
    Happening(Happening),
}

/// What all calls share. Cheap to clone by `Arc`.
pub(super) struct Shared {
    pub(super) sip: SipEndpoint,
    pub(super) plane: Plane,
    pub(super) ears: Ears,
    /// Writes down messages, where that is wanted.
    pub(super) scribe: Option<Scribe>,
    pub(super) voices: Voices,
    pub(super) lookups: LookUps,
    pub(super) queues: Queues,
    pub(super) boards: Arc<Boards>,
    pub(super) phones: Arc<Softphones>,
    pub(super) store: StoreWriter,
    pub(super) files: Store,
    pub(super) comfort: Arc<Pcm>,
    /// What an agent hears while a colleague's phone rings.
    pub(super) ring_back: Arc<Pcm>,
    sdp: SdpPolicy,
    epoch: Instant,
    /// Which call a dialog belongs to. A lock around a map, held for a look-up; calls themselves are never locked.
    dialogs: Mutex<HashMap<DialogKey, mpsc::Sender<Inbox>>>,
    /// The attempt whose REFER is under way, per call.
    referring: Mutex<HashMap<CallId, AttemptId>>,
    notes: broadcast::Sender<(CallId, Record)>,
    /// Runs of prerendering under way.
    prerendering: AtomicUsize,
    models: BTreeMap<String, String>,
    /// What operators tell callers about.
    incident: Mutex<Option<Incident>>,
    /// What agents say is recognised: their legs have ears, too.
    pub(super) hears_agents: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn now(&self) -> Moment {
        Moment::ZERO + self.epoch.elapsed()
    }

    /// What callers are told about at this time.
    fn incident(&self, now: WallTime) -> Option<Incident> {
        lock(&self.incident).clone().filter(|incident| incident.holds(now))
    }

    /// What callers are told about from now on.
    pub(super) fn set_incident(&self, new: Option<Incident>) {
        let mut incident = lock(&self.incident);
        if *incident != new {
            match &new {
                Some(told) => tracing::warn!(lookups = ?told.lookups, until = ?told.until, "callers are told of an incident"),
                None => tracing::info!("callers are told of no incident any more"),
            }
            *incident = new;
        }
    }

    /// The trunks as they are now.
    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        lock(self.sip.board())
    }

    /// Offer and answer of a new dialog.
    pub(super) fn sdp_session(&self) -> SdpSession {
        self.sdp_session_by(None)
    }

    /// The same; `srtp` is what a trunk wants otherwise than the rest.
    pub(super) fn sdp_session_by(&self, srtp: Option<Srtp>) -> SdpSession {
        let policy = SdpPolicy { srtp: srtp.unwrap_or(self.sdp.srtp), ..self.sdp.clone() };
        SdpSession::with_policy(rand::random(), policy, SdpKeys::from_random(rand::random()))
    }

    /// The same for a call that comes by this trunk.
    pub(super) fn sdp_session_of(&self, trunk: Option<&str>) -> SdpSession {
        let trunk = trunk.and_then(|name| self.board().named(name));
        self.sdp_session_by(trunk.and_then(|trunk| trunk.srtp))
    }

    pub(super) fn register(&self, dialog: DialogKey, inbox: mpsc::Sender<Inbox>) {
        lock(&self.dialogs).insert(dialog, inbox);
    }

    pub(super) fn forget(&self, dialog: DialogKey) {
        lock(&self.dialogs).remove(&dialog);
    }

    pub(super) fn referring(&self, call: CallId) -> Option<AttemptId> {
        lock(&self.referring).get(&call).copied()
    }

    pub(super) fn set_referring(&self, call: CallId, attempt: AttemptId) {
        lock(&self.referring).insert(call, attempt);
    }

    pub(super) fn recording_path(&self, call: CallId, began: WallTime) -> Result<PathBuf, String> {
        self.files.make_audio_dir(call, began).map_err(|e| e.to_string())?;
        Ok(self.files.recording_path(call, began))
    }

    pub(super) fn event_log(&self, call: CallId, began: WallTime, flow: &Flow, settings: CallSettings) -> EventLog {
        let models = self.models.clone();
        let (name, flow_hash) = (flow.name.clone(), flow.hash.clone());
        let head = EventLogHead { hotline: 1, call, flow: name, flow_hash, models, settings: Some(settings) };
        self.store.event_log(began, &head)
    }

    pub(super) fn tell(&self, call: CallId, record: &Record) {
        let _ = self.notes.send((call, record.clone()));
    }

    /// The same for later, when the call may be over.
    pub(super) fn teller(&self) -> broadcast::Sender<(CallId, Record)> {
        self.notes.clone()
    }
}

/// Calendar time now.
pub(super) fn wall_now() -> WallTime {
    WallTime(chrono::Utc::now().timestamp_millis())
}

/// Which number is served by which flow; replaced as a whole on reload.
type Numbers = Arc<Mutex<Arc<[Served]>>>;

/// What agents' phones may call over every limit; replaced as a whole on reload.
type Emergency = Arc<Mutex<Arc<EmergencyConfig>>>;

/// A running gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    calls: tokio_util::task::TaskTracker,
    router: tokio::task::JoinHandle<()>,
    numbers: Numbers,
    emergency: Emergency,
    jobs: Vec<tokio::task::JoinHandle<()>>,
    /// The records are ours as long as this is kept.
    _claim: Claim,
}

/// Why a gateway did not start: one sentence with what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

fn failed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> StartError {
    let what = what.to_string();
    move |error| StartError(format!("{what}: {error}"))
}

impl Gateway {
    /// Opens sockets, workers, files and database and begins to take calls.
    ///
    /// # Errors
    /// What could not be opened, with the remedy.
    pub async fn start(settings: Settings) -> Result<Gateway, StartError> {
        let epoch = Instant::now();
        let files = Store::open_at(&settings.store).await.map_err(failed("the store cannot be opened"))?;
        let claim = files.claim().await.map_err(failed("the records cannot be used"))?;
        // Calls that a crash cut off are told as such; otherwise they would go on for ever.
        match files.end_interrupted().await {
            Ok(0) => {}
            Ok(calls) => tracing::warn!(calls, "calls of an earlier run were cut off; their records say so now"),
            Err(error) => return Err(StartError(format!("the store cannot be written: {error}"))),
        }
        let (store, store_task) = StoreWriter::start(files.clone());
        let plane = Plane::start(settings.media.with_epoch(epoch)).map_err(failed("the audio plane cannot start"))?;
        let (ears, voices) = (settings.ears, settings.voices);
        // Both wait for their worker processes to load.
        let engines = tokio::task::spawn_blocking(move || {
            let ears = Ears::start(ears).map_err(failed("the recogniser cannot start"))?;
            Ok::<_, StartError>((ears, Voices::start(voices).map_err(failed("the voices cannot start"))?))
        });
        let (ears, voices) = engines.await.map_err(failed("the engines cannot start"))??;
        let lookups = LookUps::new(&settings.lookup_hosts).map_err(failed("the look-up client cannot start"))?;
        let (tell, events) = mpsc::channel(1_024);
        let registrar = !settings.sip.phones.0.is_empty();
        let sip = SipEndpoint::bind(settings.sip, tell).await.map_err(failed("signalling cannot start"))?;
        sip.restore_phones(super::registrations::read(files.dir()).await);
        let comfort = Arc::new(crate::audio::hold_tune());
        let (starts, started) = mpsc::unbounded_channel();
        let waiting = files.waiting_call_backs().await.map_err(failed("who waits to be called back cannot be read"))?;
        if !waiting.is_empty() {
            tracing::info!(people = waiting.len(), "people who asked for it before the restart are called back");
        }
        let remembered =
            Remembered::read(&files, wall_now()).await.map_err(failed("who was cut off in line cannot be read"))?;
        let beside = Beside { starts, store: store.clone(), waiting, remembered };
        let (queues, queue_task) = Queues::start(settings.people, epoch, beside);
        let boards: Arc<Boards> = Arc::default();
        let phones = Arc::new(Softphones::new(plane.clone(), settings.pages, boards.clone()));
        let shared = Arc::new(Shared {
            sip,
            plane,
            ears,
            scribe: settings.scribe.as_ref().map(Scribe::start),
            voices,
            lookups,
            queues,
            boards,
            phones,
            store,
            files,
            comfort,
            ring_back: Arc::new(crate::audio::ring_back()),
            sdp: settings.sdp,
            epoch,
            dialogs: Mutex::default(),
            referring: Mutex::default(),
            notes: broadcast::channel(LIVE_NOTES).0,
            prerendering: AtomicUsize::new(0),
            models: settings.models,
            incident: Mutex::default(),
            hears_agents: settings.transcript_agents,
        });
        tokio::task::spawn_blocking(crate::nlu::person::warm);
        prerender(&shared, &settings.numbers);
        if registrar {
            prerender_words(&shared, super::phone_calls::sounds(&settings.emergency.languages));
        }
        keep_flows(&shared, &settings.numbers);
        let calls = tokio_util::task::TaskTracker::new();
        let numbers: Numbers = Arc::new(Mutex::new(settings.numbers.into()));
        let emergency: Emergency = Arc::new(Mutex::new(Arc::new(settings.emergency)));
        let router = Router {
            shared: shared.clone(),
            numbers: numbers.clone(),
            calls: calls.clone(),
            max_calls: settings.max_calls,
            longest: settings.longest_call,
            transcript: settings.transcript,
            transcript_agents: settings.transcript_agents,
            rate: super::rate::Rate::new(settings.callers),
            emergency: emergency.clone(),
        };
        drop(store_task);
        let jobs = vec![
            tokio::spawn(super::jobs::retention(shared.files.clone(), settings.retention)),
            tokio::spawn(super::jobs::give_back_memory()),
            tokio::spawn(super::jobs::incidents(shared.clone())),
            tokio::spawn(super::jobs::forgotten(shared.clone())),
            tokio::spawn(super::registrations::keep(shared.clone())),
            queue_task,
        ];
        let router = tokio::spawn(router.run(events, started));
        Ok(Gateway { shared, calls, router, numbers, emergency, jobs, _claim: claim })
    }

    /// Where SIP listens (UDP), with the port that the system chose.
    pub fn sip_address(&self) -> Option<SocketAddr> {
        self.shared.sip.local_udp()
    }

    /// Records as they are made, for a live view; a reader that lags loses the oldest.
    pub fn notes(&self) -> broadcast::Receiver<(CallId, Record)> {
        self.shared.notes.subscribe()
    }

    /// The store, for reading.
    pub fn store(&self) -> &Store {
        &self.shared.files
    }

    /// Calls that are going on.
    pub fn calls_now(&self) -> usize {
        self.calls.len()
    }

    /// Process ids of the recognition workers that wait for work (for figures and for breaking them on purpose).
    pub fn workers(&self) -> Vec<u32> {
        self.shared.ears.idle_pids()
    }

    /// Reads the files for TLS again; connections and calls go on.
    ///
    /// # Errors
    /// What is wrong with them; then the old ones stay.
    pub fn reload_tls(&self) -> Result<(), crate::sip::TlsError> {
        self.shared.sip.reload_tls()
    }

    /// Serves these numbers from now on; calls that are going on keep their flow.
    pub fn set_numbers(&self, numbers: Vec<Served>) {
        prerender(&self.shared, &numbers);
        keep_flows(&self.shared, &numbers);
        *lock(&self.numbers) = numbers.into();
    }

    /// Other queues and agents from now on; callers and agents keep what they are at.
    pub fn set_people(&self, people: super::People) {
        // Where the phones are comes first: whoever is new would be offered calls otherwise.
        if self.shared.sip.send(SipCommand::SetPhones { phones: people.accounts() }).is_err() {
            tracing::error!("signalling is overrun; the phones that may register stay as they were");
        }
        self.shared.queues.set_people(people);
    }

    /// The desks' side of the gateway.
    pub fn desks(&self) -> super::Desks {
        let shared = &self.shared;
        super::Desks::new(shared.queues.clone(), shared.boards.clone(), shared.phones.clone(), shared.epoch)
    }

    /// Whether the fixed prompts of the flows are made. (Recognition workers are warm once `start` returns.)
    pub fn is_ready(&self) -> bool {
        self.shared.prerendering.load(Ordering::Relaxed) == 0
    }

    /// Sound for words and files, by the gateway's voices.
    ///
    /// # Errors
    /// One sentence when no voice can make it.
    pub async fn render(&self, key: crate::speech::RenderKey) -> Result<Arc<Pcm>, String> {
        self.shared.voices.render(key).await
    }

    /// Lateness of the audio plane's ticks.
    pub fn lateness(&self) -> crate::media::Lateness {
        self.shared.plane.lateness()
    }

    /// Counts the lateness anew from here.
    pub fn restart_lateness(&self) {
        self.shared.plane.restart_lateness();
    }

    /// Takes no new calls and waits for the running ones, at most `patience`; then ends everything in order.
    pub async fn stop(self, patience: Duration) {
        self.shared.sip.set_accepting(false);
        self.shared.queues.stop_calling_back();
        self.calls.close();
        if tokio::time::timeout(patience, self.calls.wait()).await.is_err() {
            tracing::warn!(calls = self.calls.len(), "calls were still going on at the end of the drain");
        }
        self.router.abort();
        let _ = self.router.await;
        self.shared.queues.write_down().await;
        for job in self.jobs {
            job.abort();
            let _ = job.await;
        }
        let shared = self.shared.clone();
        // Messages that have no words yet get the reason into their records.
        let _ = tokio::task::spawn_blocking(move || shared.scribe.as_ref().map(Scribe::stop)).await;
        if tokio::time::timeout(FLUSH_MAX, self.shared.store.flush()).await.is_err() {
            tracing::error!("the record database did not answer to the end: what waited for it in memory is lost");
        }
        let plane = self.shared.plane.clone();
        let _ = tokio::task::spawn_blocking(move || plane.stop()).await;
        // The last one out says good-bye to every dialog that is left; otherwise the sockets close with the last call.
        if let Ok(shared) = Arc::try_unwrap(self.shared) {
            shared.sip.stop().await;
        }
    }
}

/// Keeps the texts of these flows, so that their calls can be executed again.
fn keep_flows(shared: &Shared, numbers: &[Served]) {
    for served in numbers {
        if let Err(error) = shared.files.keep_flow(&served.flow.hash, &served.flow.text) {
            tracing::error!(%error, flow = %served.flow.name, "the text of a flow cannot be kept: its calls cannot be replayed");
        }
    }
}

impl Gateway {
    /// Other emergency numbers, trunk and languages from now on; calls that are going on stay as they are.
    ///
    /// # Errors
    /// Where the trunk is not one of those that the gateway began with: they are read at the start alone. Then everything stays as it was.
    pub fn set_emergency(&self, emergency: EmergencyConfig) -> Result<(), String> {
        let known = |name: &String| self.shared.board().named(name).is_some();
        if let Some(trunk) = emergency.trunk.as_ref().filter(|name| !known(name)) {
            return Err(format!(
                "[emergency] stays as it was: trunk {trunk:?} was not there when the gateway started; start it again"
            ));
        }
        if **lock(&self.emergency) == emergency {
            return Ok(());
        }
        let numbers = emergency.numbers.clone();
        prerender_words(&self.shared, super::phone_calls::sounds(&emergency.languages));
        *lock(&self.emergency) = Arc::new(emergency);
        let told = self.shared.sip.send(SipCommand::SetEmergency { numbers });
        told.map_err(|_| "signalling is overrun: emergency numbers may be as they were; reload again".to_string())
    }
}

/// Renders what the flows always say, so that the first caller does not wait for the synthesiser.
fn prerender(shared: &Arc<Shared>, numbers: &[Served]) {
    let mut wanted = Vec::new();
    for served in numbers {
        for (language, mut parts) in served.flow.prompts() {
            for part in &mut parts {
                if let PromptPart::File(path) = part {
                    *path = served.base_dir.join(&*path);
                }
            }
            wanted.push(crate::speech::RenderKey { parts, language });
        }
    }
    prerender_words(shared, wanted);
}

fn prerender_words(shared: &Arc<Shared>, wanted: Vec<crate::speech::RenderKey>) {
    shared.prerendering.fetch_add(1, Ordering::Relaxed);
    let shared = shared.clone();
    tokio::spawn(async move {
        if let Err(why) = shared.voices.prerender(wanted).await {
            tracing::warn!(why, "not all fixed prompts could be made ahead");
        }
        shared.prerendering.fetch_sub(1, Ordering::Relaxed);
    });
}
