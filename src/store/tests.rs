//! The store as its users see it.

use super::database::Kind;
use super::places::Place;
use super::*;
use crate::base::*;
use crate::call::{CallSettings, CardTurn, Command, Event, Fingerprint, HandOverCard, Record, TurnRecord, UtteranceRecord};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

pub(crate) const CALL: CallId = CallId(0xabc);
/// 2026-11-23T10:00Z.
pub(crate) const BEGAN: WallTime = WallTime(1_795_428_000_000);
const DAY_MS: i64 = 86_400_000;

pub(crate) fn began() -> Record {
    Record::Began {
        caller: PhoneNumber::new("+4930123456"),
        dialled: PhoneNumber::new("100"),
        flow: "parcel".into(),
        flow_hash: "f00".into(),
        at: BEGAN,
    }
}

pub(crate) fn turn(number: u32, heard: &str, sensitive: bool) -> Record {
    Record::Turn(TurnRecord {
        turn: number,
        at: Moment::from_millis(1_000 + u64::from(number) * 500),
        node: "welcome".into(),
        heard: Pii::new(heard.into()),
        by: "voice".into(),
        heard_confidence: Confidence::new(0.5),
        meaning: Some("parcel.where".into()),
        meaning_confidence: Confidence::new(0.75),
        slots: Pii::new(BTreeMap::from([("number".to_string(), "12345678".to_string())])),
        answer: Pii::new("It is on its way.".into()),
        sensitive,
        complete: true,
    })
}

fn utterance(number: u32) -> Record {
    Record::Utterance(UtteranceRecord {
        utterance: UtteranceId(number),
        at: Moment::from_millis(1_200),
        text: Pii::new("where is my parcel".into()),
        confidence: Confidence::new(0.5),
        engine: Some(Engine::Pocketsphinx),
        rejected: None,
        meaning: Some("parcel.where".into()),
        cpu_ms: 40,
        sensitive: false,
    })
}

pub(crate) fn ended() -> Record {
    Record::Ended {
        disposition: Disposition::Transferred { to: "support".into(), because: "asked".into() },
        fault: Fault::None,
        at: Moment::from_millis(61_000),
        request_to_person_ms: Some(900),
    }
}

pub(crate) fn card() -> HandOverCard {
    HandOverCard {
        reference: "0123456789abcdef0123456789abcdef".into(),
        call: CALL,
        flow: "parcel".into(),
        caller: PhoneNumber::new("+4930123456"),
        dialled: PhoneNumber::new("100"),
        diverted: None,
        language: Language::EN,
        since: BEGAN,
        seconds: 30,
        intent: Some("parcel.where".into()),
        slots: Pii::new(BTreeMap::new()),
        turns: vec![CardTurn {
            caller: Pii::new("where is it".into()),
            intent: None,
            answer: Pii::new("on its way".into()),
            sensitive: false,
            of: None,
        }],
        secrets: false,
        step: None,
        verified: false,
        tier: None,
        priority: 0,
        because: "asked".into(),
        spoke_with: Vec::new(),
        call_back: None,
        summary: Pii::new("A caller about a parcel.".into()),
    }
}

const START: Moment = Moment::from_millis(1_000);

async fn store_with_a_call(place: &Place) -> Store {
    let store = place.open().await;
    let decision = Record::Decision { at: START, what: "asked".into(), why: "said \"an agent\"".into() };
    let attempt = Record::Attempt { at: START, target: "support".into(), method: "bridge".into(), outcome: "answered".into() };
    let message = Record::Message { speech_ms: 4_000, because: "closed".into() };
    let consent = Record::Consent { given: true };
    for record in [began(), turn(0, "where is it", false), utterance(3), decision, attempt, message, consent, ended()] {
        store.write(CALL, START, &record).await.expect("written");
    }
    store
}

/// What was understood is no miss, until an agent says that it was understood wrongly: then it is there to be learned from.
async fn what_was_understood_wrongly_is_learned_from_once_somebody_says_so(place: Place) {
    let store = store_with_a_call(&place).await;
    let missed = async || {
        let all = store.misses(BEGAN).await.expect("read");
        all.into_iter().map(|miss| (miss.text.into_inner(), miss.label)).collect::<Vec<_>>()
    };
    assert_eq!(missed().await, [], "it was taken for where a parcel is");
    store.label(CALL, 0, Some("opening.hours"), BEGAN).await.expect("written");
    assert_eq!(missed().await, [("where is it".to_string(), Some("opening.hours".to_string()))]);
    store.label(CALL, 0, None, BEGAN).await.expect("written");
    assert_eq!(missed().await, []);
}

async fn what_agents_make_of_drafts_is_counted_once_for_each_call(place: Place) {
    let store = store_with_a_call(&place).await;
    for verdict in [DraftVerdict::Taken, DraftVerdict::Taken, DraftVerdict::Rejected] {
        assert!(store.judge_draft(CALL, START, "parcel.where", verdict).await.expect("written"));
    }
    assert!(!store.judge_draft(CallId(1), START, "parcel.where", DraftVerdict::Taken).await.expect("no such call"));
    assert!(store.judge_draft(CALL, START, "opening.hours", DraftVerdict::Changed).await.expect("written"));
    let figures = |intent: &str, taken, changed, rejected| DraftFigures {
        flow: "parcel".into(),
        intent: intent.into(),
        taken,
        changed,
        rejected,
    };
    let seen = store.draft_figures(BEGAN).await.expect("read");
    assert_eq!(seen, [figures("opening.hours", 0, 1, 0), figures("parcel.where", 1, 0, 1)]);
    assert_eq!(store.draft_figures(WallTime(BEGAN.0 + 1)).await.expect("read"), []);
}

#[tokio::test]
async fn a_database_belongs_to_one_gateway_at_a_time() {
    let Some(place) = Place::postgres() else { return };
    let (one, other) = (place.open().await, place.open().await);
    let held = one.claim().await.expect("free");
    let refused = other.claim().await.expect_err("taken").to_string();
    assert!(refused.contains("belongs to another gateway") && !refused.contains("secret"), "{refused}");
    // As when the gateway ends: the connection does.
    drop(held);
    other.claim().await.expect("free again");
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns_from_every_version_on() {
    let lite = Place::sqlite();
    let Some(post) = Place::postgres() else { return };
    let mut columns = Vec::new();
    for (place, sql) in [
        (
            &lite,
            "SELECT m.name || '.' || c.name AS place FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
                 AND m.name NOT LIKE 'sqlite_%'",
        ),
        (
            &post,
            "SELECT table_name || '.' || column_name AS place FROM information_schema.columns WHERE table_schema = 'public'",
        ),
    ] {
        let store = place.open().await;
        let rows = sqlx::query(sql).fetch_all(&store.pool).await.expect("read");
        let mut names: Vec<String> = rows.iter().map(|row| sqlx::Row::try_get(row, "place").expect("text")).collect();
        names.sort();
        store.close().await;
        columns.push(names);
    }
    assert!(columns[0].len() > 60 && columns[0] == columns[1], "{columns:#?}");
}

fn write(path: &std::path::Path) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, b"RIFF").expect("a file");
}

async fn a_call_is_told_as_it_went(place: Place) {
    let store = store_with_a_call(&place).await;
    write(&store.clip_path(CALL, BEGAN, UtteranceId(3)));
    let story = store.call(CALL).await.expect("read").expect("there");
    assert_eq!(story.call.length_ms, Some(60_000));
    assert_eq!(story.call.turns, 1);
    assert_eq!(story.call.consent, Some(true));
    assert_eq!(story.call.disposition.as_ref().map(Disposition::name), Some("transferred"));
    assert_eq!(story.call.request_to_person_ms, Some(900));
    assert_eq!(story.turns[0].heard, Some(Pii::new("where is it".to_string())));
    assert_eq!(story.turns[0].slots.as_ref().map(|s| s.reveal()["number"].as_str()), Some("12345678"));
    assert_eq!(story.utterances[0].at_ms, 200);
    let clip = story.utterances[0].clip.as_ref().expect("a clip");
    assert!(clip.ends_with("audio/2026-11/23/00000000000000000000000000000abc/u0003.wav"), "{}", clip.display());
    assert_eq!((story.decisions.len(), story.attempts.len(), story.messages.len()), (1, 1, 1));
    assert_eq!(story.recording, None);
    assert_eq!(store.calls(10).await.expect("read"), vec![story.call]);
    assert_eq!(store.call(CallId(1)).await.expect("read"), None);
    let mode = std::fs::metadata(place.path().join("audio")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn databases_of_every_older_version_are_moved_forward_with_what_is_in_them() {
    let places: [fn() -> Option<Place>; 2] = [|| Some(Place::sqlite()), Place::postgres];
    for make in places {
        for version in 1..super::migrate::KNOWN {
            let Some(place) = make() else { continue };
            let mut db = super::database::of_version(place.kind, &place.records, version).await;
            let old =
                "INSERT INTO calls (id, began_ms, began_us, dialled, flow, flow_hash) VALUES ($1, $2, 0, '100', 'old', 'f00')";
            sqlx::query(old).bind(CallId(7).to_string()).bind(BEGAN.0 - 1).execute(&mut db).await.expect("a call of then");
            sqlx::Connection::close(db).await.expect("closed");
            // What is there stays, and everything can be written down beside it.
            let store = store_with_a_call(&place).await;
            store.label(CALL, 0, Some("opening.hours"), BEGAN).await.expect("written");
            let anna = PresenceRow { agent: "anna".into(), state: "available".into(), reason: None };
            store.set_presence(&anna, BEGAN).await.expect("written");
            let flows: Vec<String> = store.calls(10).await.expect("read").into_iter().map(|call| call.flow).collect();
            assert_eq!(flows.len(), 2, "from version {version}: {flows:?}");
            assert!(flows.contains(&"old".to_string()) && flows.contains(&"parcel".to_string()), "{flows:?}");
            store.close().await;
        }
    }
}

async fn opened_again_it_is_all_there_and_a_newer_one_is_refused(place: Place) {
    store_with_a_call(&place).await.close().await;
    let store = Store::open_existing_at(&place.records).await.expect("opened");
    assert_eq!(store.calls(10).await.expect("read").len(), 1);
    sqlx::query("UPDATE schema_version SET version = 99").execute(&store.pool).await.expect("updated");
    store.close().await;
    let refused = Store::open_at(&place.records).await.expect_err("newer");
    assert!(matches!(refused, StoreError::Newer { found: 99, .. }), "{refused}");
    let nothing = Store::open_existing(&place.path().join("elsewhere")).await.expect_err("nothing there");
    assert!(nothing.to_string().contains("--store"), "{nothing}");
}

async fn a_sensitive_turn_holds_no_words(place: Place) {
    let store = place.open().await;
    store.write(CALL, START, &began()).await.expect("written");
    store.write(CALL, START, &turn(0, "1234", true)).await.expect("written");
    let story = store.call(CALL).await.expect("read").expect("there");
    assert_eq!(story.turns[0].heard, Some(Pii::new(String::new())));
    assert!(story.turns[0].slots.as_ref().is_some_and(|s| s.reveal().is_empty()));
    assert_eq!(story.turns[0].answer, Some(Pii::new(String::new())));
}

async fn deleting_leaves_nothing_behind_even_of_a_call_that_goes_on(place: Place) {
    let store = store_with_a_call(&place).await;
    let (writer, task) = StoreWriter::start(store.clone());
    let head = EventLogHead {
        hotline: 1,
        call: CALL,
        flow: "parcel".into(),
        flow_hash: "f00".into(),
        models: BTreeMap::new(),
        settings: None,
    };
    let log = writer.event_log(BEGAN, &head);
    writer.clip(CALL, BEGAN, UtteranceId(3), b"RIFF".to_vec());
    writer.card(card(), WallTime(BEGAN.0 + DAY_MS));
    writer.flush().await;
    assert!(store.clip_path(CALL, BEGAN, UtteranceId(3)).is_file());
    assert!(store.delete(CALL, BEGAN).await.expect("deleted"));
    assert!(!store.delete(CALL, BEGAN).await.expect("gone"), "twice");
    // The call goes on and writes its log, another turn, and the recorder its file.
    log.finish();
    writer.note(CALL, START, turn(1, "more", false));
    write(&store.recording_path(CALL, BEGAN));
    drop(writer);
    task.await.expect("the writer ends");
    assert!(store.call(CALL).await.expect("read").is_none());
    assert!(store.card(&card().reference, BEGAN).await.expect("read").is_none());
    let rules = RetentionRules {
        by_flow: BTreeMap::new(),
        otherwise: Retention { audio_days: None, text_days: None },
        audit_days: None,
    };
    store.enforce_retention(BEGAN, &rules).await.expect("enforced");
    for folder in ["audio", "events"] {
        let left = std::fs::read_dir(place.path().join(folder)).expect("there").count();
        assert_eq!(left, 0, "{folder}");
    }
}

async fn retention_takes_sounds_and_words_and_leaves_the_rows(place: Place) {
    let store = store_with_a_call(&place).await;
    let paths = [store.recording_path(CALL, BEGAN), store.event_path(CALL, BEGAN)];
    paths.iter().for_each(|p| write(p));
    let rules = RetentionRules {
        by_flow: BTreeMap::from([("parcel".to_string(), Retention { audio_days: Some(7), text_days: Some(30) })]),
        otherwise: Retention { audio_days: Some(0), text_days: Some(0) },
        audit_days: None,
    };
    let at = |days: i64| WallTime(BEGAN.0 + days * DAY_MS + 1);
    assert_eq!(store.enforce_retention(at(6), &rules).await.expect("enforced"), Removed::default());
    assert_eq!(store.enforce_retention(at(8), &rules).await.expect("enforced").audio, 1);
    assert!(!paths[0].exists() && paths[1].exists());
    assert_eq!(store.enforce_retention(at(31), &rules).await.expect("enforced").text, 1);
    assert_eq!(store.enforce_retention(at(32), &rules).await.expect("enforced"), Removed::default(), "once");
    assert!(!paths[1].exists());
    let story = store.call(CALL).await.expect("read").expect("the row stays");
    assert!(story.call.text_removed && story.call.audio_removed && story.call.caller.is_none());
    assert_eq!((&story.turns[0].heard, &story.turns[0].slots, &story.turns[0].answer), (&None, &None, &None));
    assert_eq!(story.turns[0].meaning.as_deref(), Some("parcel.where"), "statistics stay");
    assert_eq!((&story.utterances[0].text, &story.decisions[0].why), (&None, &None));
    if place.kind == Kind::Postgres {
        return;
    }
    // Overwritten, not only unlinked: the words are nowhere in the files.
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&store.pool).await.expect("checkpoint");
    let bytes = std::fs::read(place.path().join("hotline.sqlite")).expect("the database");
    assert!(!bytes.windows(11).any(|w| w == b"where is it"));
}

async fn cards_are_found_by_their_whole_reference_while_valid(place: Place) {
    let store = place.open().await;
    store.write(CALL, START, &began()).await.expect("written");
    store.put_card(&card(), WallTime(BEGAN.0 + DAY_MS)).await.expect("put");
    let find = async |reference: &str, ms: i64| store.card(reference, WallTime(BEGAN.0 + ms)).await.expect("read");
    let reference = card().reference;
    assert_eq!(find(&reference, 3 * 3_600_000).await, Some(card()), "the call goes on");
    assert_eq!(find(&reference[..31], 0).await, None);
    assert_eq!(find("%", 0).await, None);
    store.write(CALL, START, &ended()).await.expect("written");
    assert!(find(&reference, 60_000 + 3_599_999).await.is_some(), "one hour from the end");
    assert!(find(&reference, 60_000 + 3_600_000).await.is_none());
}

async fn event_logs_read_back_as_they_were_written(place: Place) {
    let store = place.open().await;
    let (writer, task) = StoreWriter::start(store.clone());
    let head = EventLogHead {
        hotline: 1,
        call: CALL,
        flow: "parcel".into(),
        flow_hash: "f00".into(),
        models: BTreeMap::from([("pocketsphinx".to_string(), "5pre".to_string())]),
        settings: Some(CallSettings { card_reference: String::new(), ..CallSettings::default() }),
    };
    let events = vec![
        (Moment::from_millis(1), Event::Arrived { caller: PhoneNumber::new("1"), dialled: PhoneNumber::new("2"), wall: BEGAN }),
        (Moment::from_millis(2), Event::Answered),
        (Moment::from_millis(3), Event::Key(Digit::from_char('5').expect("a key"))),
        (
            Moment::from_millis(4),
            Event::Heard { utterance: UtteranceId(0), result: Ok(Hypothesis::typed("where is my parcel")) },
        ),
        (Moment::from_millis(5), Event::Heard { utterance: UtteranceId(1), result: Err(EarFailure::Busy) }),
    ];
    let mut log = writer.event_log(BEGAN, &head);
    let mut print = Fingerprint::default();
    for (n, (at, event)) in events.iter().enumerate() {
        log.push(*at, event, n == 3);
        log.executed(*at, Some(&[Command::Answer]));
        if n < 3 {
            print.add(*at, &[Command::Answer]);
        }
    }
    log.finish();
    writer.flush().await;
    let end = Some(EventLogEnd { commands: print.digits(), events: 3 });
    assert_eq!(Store::read_event_log(&store.event_path(CALL, BEGAN)).expect("read"), LoggedCall { head, events, end });
    drop(writer);
    task.await.expect("the writer ends");
}

async fn a_full_disk_is_said_once_costs_records_and_passes(place: Place) {
    let store = place.open().await;
    // One connection only, so that the limit below holds for every statement.
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(store.pool.acquire().await.expect("a connection"));
    }
    // A PostgreSQL server cannot be given a small disk; it is made to say what it says of a full one.
    let (full, space_again) = match place.kind {
        Kind::Sqlite => ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"),
        Kind::Postgres => (
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
             $$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END$$; \
             CREATE TRIGGER full_disk BEFORE INSERT ON turns FOR EACH ROW EXECUTE FUNCTION full_disk()",
            "DROP TRIGGER full_disk ON turns",
        ),
    };
    sqlx::raw_sql(full).execute(&store.pool).await.expect("limited");
    let (writer, task) = StoreWriter::start(store.clone());
    writer.note(CALL, START, began());
    for number in 0..40 {
        writer.note(CALL, START, turn(number, &"word ".repeat(400), false));
    }
    writer.flush().await;
    let lost = writer.lost();
    let sentence = writer.trouble().borrow().clone().expect("a sentence");
    assert!(lost > 0 && sentence.contains("is full"), "{lost} {sentence}");
    sqlx::raw_sql(space_again).execute(&store.pool).await.expect("space again");
    writer.note(CallId(2), START, began());
    writer.flush().await;
    assert_eq!(*writer.trouble().borrow(), None);
    assert_eq!(writer.lost(), lost);
    assert!(store.call(CallId(2)).await.expect("read").is_some());
    drop(writer);
    task.await.expect("the writer ends");
}

async fn a_database_that_somebody_holds_is_waited_for_and_nothing_is_lost(place: Place) {
    let store = place.open().await;
    let holder = place.open().await;
    let mut held = holder.begin().await.expect("held");
    if place.kind == Kind::Postgres {
        sqlx::query("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.expect("held");
    }
    let (writer, task) = StoreWriter::start(store.clone());
    let mut trouble = writer.trouble();
    writer.note(CALL, START, began());
    writer.card(card(), WallTime(i64::MAX));
    writer.clip(CALL, BEGAN, UtteranceId(3), vec![1, 2, 3]);
    trouble.changed().await.expect("the writer lives");
    assert!(trouble.borrow_and_update().as_deref().is_some_and(|s| s.contains("nothing is lost yet")), "{trouble:?}");
    writer.note(CALL, START, turn(0, "where is it", false));
    held.rollback().await.expect("let go");
    writer.flush().await;
    assert_eq!((writer.lost(), trouble.borrow_and_update().clone()), (0, None));
    let story = store.call(CALL).await.expect("read").expect("there");
    assert_eq!(story.turns.len(), 1);
    assert!(store.card(&card().reference, BEGAN).await.expect("read").is_some());
    assert!(store.clip_path(CALL, BEGAN, UtteranceId(3)).is_file());
    drop(writer);
    task.await.expect("the writer ends");
}

async fn when_the_queue_is_full_nobody_waits(place: Place) {
    let store = place.open().await;
    let (writer, task) = StoreWriter::start(store);
    // Nothing is awaited here, so the task (same thread) cannot take anything out.
    let taken = (0..5_000).filter(|n| writer.note(CallId(*n), START, began())).count();
    assert_eq!(taken, 4_096);
    assert_eq!(writer.lost(), 904);
    assert!(writer.trouble().borrow().as_deref().is_some_and(|s| s.contains("keep up")));
    assert!(!writer.clip(CALL, BEGAN, UtteranceId(0), vec![0; 65 * 1024 * 1024]), "more bytes than may wait");
    drop(writer);
    task.await.expect("the writer ends");
}

async fn calls_of_a_gateway_that_died_are_ended(place: Place) {
    let store = place.open().await;
    store.write(CALL, START, &began()).await.expect("written");
    assert_eq!(store.end_interrupted().await.expect("ended"), 1);
    let story = store.call(CALL).await.expect("read").expect("there");
    assert_eq!(story.call.fault, Some(Fault::Us));
    assert_eq!(story.call.length_ms, None);
}

async fn who_asked_for_a_person_and_who_came_to_one(place: Place) {
    let store = place.open().await;
    let asked = || Record::Decision { at: START, what: "asked".into(), why: "in words".into() };
    let end = |disposition: Disposition, wait: Option<u64>| Record::Ended {
        fault: disposition.fault(),
        disposition,
        at: Moment::from_millis(61_000),
        request_to_person_ms: wait,
    };
    let to_support = |because: &str| Disposition::Transferred { to: "support".into(), because: because.into() };
    let calls = [
        vec![end(Disposition::Answered, None)],
        vec![asked(), end(to_support("asked"), Some(900))],
        vec![asked(), asked(), end(to_support("asked"), Some(4_000))],
        vec![end(to_support("misunderstood"), Some(700))],
        vec![asked(), end(Disposition::MessageTaken { because: "asked".into() }, None)],
        vec![end(Disposition::Abandoned { wanted_person: true }, None)],
        vec![end(Disposition::Silent, None)],
        vec![asked(), end(Disposition::Silent, None)],
        vec![],
    ];
    for (n, records) in (1u128..).zip(&calls) {
        store.write(CallId(n), START, &began()).await.expect("written");
        for record in records {
            store.write(CallId(n), START, record).await.expect("written");
        }
    }
    let days = store.reach(WallTime(BEGAN.0 - 1)).await.expect("read");
    let day = &days[0];
    assert_eq!((days.len(), day.day.as_str(), day.flow.as_str()), (1, "2026-11-23", "parcel"));
    assert_eq!((day.calls, day.answered, day.to_person), (8, 1, 3), "a call that goes on does not count");
    let asked = (day.asked, day.asked_reached, day.asked_message, day.asked_gave_up, day.asked_unserved);
    assert_eq!(asked, (5, 2, 1, 1, 1));
    assert_eq!((day.wait_half_ms, day.wait_most_ms), (Some(900), Some(4_000)));
    assert_eq!(day.because, BTreeMap::from([("asked".to_string(), 3), ("misunderstood".to_string(), 1)]));
    assert!(store.reach(WallTime(BEGAN.0 + 1)).await.expect("read").is_empty());
}

async fn tasks_are_open_until_somebody_is_done_and_their_words_go_with_the_others(place: Place) {
    use crate::flow::{Task, TaskKind};
    let store = store_with_a_call(&place).await;
    let task = Task { kind: TaskKind::WrongData, what: "house number".into(), old: "7".into(), new: "9".into() };
    for _ in 0..2 {
        let record = Record::Task { at: START, task: task.clone().into() };
        store.write(CALL, START, &record).await.expect("written");
    }
    let open = store.tasks(false).await.expect("read");
    assert_eq!(open.len(), 2);
    assert_eq!((open[0].kind.as_str(), open[0].new.clone().map(Pii::into_inner)), ("wrong_data", Some("9".to_string())));
    assert!(store.task_done(open[0].id, BEGAN).await.expect("written"));
    assert!(!store.task_done(open[0].id, BEGAN).await.expect("written"), "it was done already");
    assert!(!store.task_done(99, BEGAN).await.expect("written"));
    assert_eq!((store.tasks(false).await.expect("read").len(), store.tasks(true).await.expect("read").len()), (1, 2));
    assert_eq!(store.call(CALL).await.expect("read").expect("there").tasks.len(), 2);
    let otherwise = Retention { audio_days: None, text_days: Some(1) };
    let rules = RetentionRules { by_flow: BTreeMap::new(), otherwise, audit_days: None };
    store.enforce_retention(WallTime(BEGAN.0 + 3 * 86_400_000), &rules).await.expect("enforced");
    let after = store.tasks(true).await.expect("read");
    assert!(after.iter().all(|t| t.what.is_none() && t.old.is_none() && t.new.is_none()), "{after:?}");
}

#[tokio::test]
async fn an_incident_is_told_changed_and_cleared_without_a_database() {
    use crate::flow::Incident;
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("records");
    assert_eq!(incident(&folder).await.expect("read"), None);
    let words = BTreeMap::from([(Language::EN, "Parcels are late.".to_string())]);
    let told = Incident { words, lookups: vec!["parcel".into()], until: Some(BEGAN) };
    set_incident(&folder, Some(&told)).await.expect("written");
    assert_eq!(incident(&folder).await.expect("read"), Some(told));
    std::fs::write(super::incident::incident_path(&folder), "half a file").expect("written");
    assert!(incident(&folder).await.is_err(), "what is damaged is told");
    set_incident(&folder, None).await.expect("removed");
    set_incident(&folder, None).await.expect("removed already");
    assert_eq!(incident(&folder).await.expect("read"), None);
}

async fn agents_leave_summaries_behind_and_see_the_callers_earlier_calls(place: Place) {
    let store = place.open().await;
    let other = CallId(0xdef);
    for (call, number) in
        [(CALL, "+4930123456"), (other, "+4930123456"), (CallId(0x123), "anonymous"), (CallId(0x124), "anonymous")]
    {
        let Record::Began { dialled, flow, flow_hash, at, .. } = began() else { unreachable!("it begins") };
        let began = Record::Began { caller: PhoneNumber::new(number), dialled, flow, flow_hash, at };
        for record in [began, turn(0, "where is my parcel", false), ended()] {
            store.write(call, START, &record).await.expect("written");
        }
    }
    let left = WrapUp { disposition: Some("solved".into()), summary: Some(Pii::new("It came.".into())) };
    assert!(!store.wrap_up(CallId(1), "anna", BEGAN, &left).await.expect("asked"), "there is no such call");
    assert!(store.wrap_up(CALL, "anna", BEGAN, &WrapUp::default()).await.expect("written"));
    assert!(store.wrap_up(CALL, "anna", BEGAN, &left).await.expect("changed"));
    assert_eq!(store.wrapped_up(CALL, "anna").await.expect("read"), Some(left));
    let earlier = store.earlier_calls(other).await.expect("read");
    assert_eq!(earlier.len(), 1);
    assert_eq!((earlier[0].call, earlier[0].meanings.as_slice()), (CALL, ["parcel.where".to_string()].as_slice()));
    assert_eq!(earlier[0].summary.as_ref().map(|s| s.reveal().as_str()), Some("It came."));
    assert_eq!(earlier[0].after_talk, None, "nothing was asked after that talk");
    let at = Moment::from_millis(1_200);
    let talked = Record::Decision { at, what: "after_talk".into(), why: "the agent ended the talk".into() };
    for record in [talked, turn(1, "four", false), turn(2, "1234", true)] {
        store.write(CALL, START, &record).await.expect("written");
    }
    let earlier = store.earlier_calls(other).await.expect("read");
    assert_eq!(earlier[0].after_talk.clone().map(Pii::into_inner).as_deref(), Some("four"));
    assert!(store.earlier_calls(CallId(0x123)).await.expect("read").is_empty(), "who hides the number is nobody in particular");
    // Words go with the text retention, also those of agents.
    let rules = RetentionRules {
        by_flow: BTreeMap::new(),
        otherwise: Retention { audio_days: None, text_days: Some(1) },
        audit_days: None,
    };
    store.enforce_retention(WallTime(BEGAN.0 + 2 * DAY_MS), &rules).await.expect("enforced");
    assert_eq!(store.wrapped_up(CALL, "anna").await.expect("read").and_then(|w| w.summary), None);
    let anna = PresenceRow { agent: "anna".into(), state: "away".into(), reason: Some("lunch".into()) };
    store.set_presence(&PresenceRow { state: "available".into(), reason: None, ..anna.clone() }, BEGAN).await.expect("written");
    store.set_presence(&anna, BEGAN).await.expect("written");
    assert_eq!(store.presences(BEGAN).await.expect("read"), [anna]);
    assert!(store.presences(WallTime(BEGAN.0 + 1)).await.expect("read").is_empty());
}

super::places::on_each_database![
    what_was_understood_wrongly_is_learned_from_once_somebody_says_so,
    what_agents_make_of_drafts_is_counted_once_for_each_call,
    a_call_is_told_as_it_went,
    opened_again_it_is_all_there_and_a_newer_one_is_refused,
    a_sensitive_turn_holds_no_words,
    deleting_leaves_nothing_behind_even_of_a_call_that_goes_on,
    retention_takes_sounds_and_words_and_leaves_the_rows,
    cards_are_found_by_their_whole_reference_while_valid,
    event_logs_read_back_as_they_were_written,
    a_full_disk_is_said_once_costs_records_and_passes,
    a_database_that_somebody_holds_is_waited_for_and_nothing_is_lost,
    when_the_queue_is_full_nobody_waits,
    calls_of_a_gateway_that_died_are_ended,
    who_asked_for_a_person_and_who_came_to_one,
    tasks_are_open_until_somebody_is_done_and_their_words_go_with_the_others,
    agents_leave_summaries_behind_and_see_the_callers_earlier_calls,
];
