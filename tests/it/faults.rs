//! What breaks around a running gateway, and who is served all the same.

use crate::desk::{Desk, FLOW, House, Phone, phase, port, state};
use crate::gateway::{Gateway, Wanted, faketime, hotline, share_prompts};
use crate::postgres::{Postgres, store_in};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::time::Instant;

/// A queue with one agent who has a telephone and no desk.
struct Line {
    gateway: Gateway,
    phone: u16,
    _folder: tempfile::TempDir,
}

impl Line {
    fn with_store(store: &str) -> Line {
        let folder = tempfile::tempdir().expect("a folder");
        let flow = folder.path().join("line.yaml");
        std::fs::write(&flow, FLOW).expect("written");
        let phone = port();
        let more = format!(
            "[[queue]]\nname = \"support\"\nring_seconds = 10\n[[agent]]\nname = \"anna\"\n\
             phone = \"sip:anna@127.0.0.1:{phone}\"\nqueues = [\"support\"]\ndesk = false\n"
        );
        let flow = flow.to_string_lossy().into_owned();
        let gateway = Gateway::start(Wanted { flow: &flow, more: &more, store, ..Wanted::default() });
        Line { gateway, phone, _folder: folder }
    }

    /// A caller waits in line, is served and hangs up, in more than half a minute in which the database is not to be had.
    async fn a_call_without_the_database(&mut self) {
        let since = Instant::now();
        let agent = Phone::start(&["--answer", "--listen", &format!("127.0.0.1:{}", self.phone), "--wait", "60000"]);
        let uri = format!("sip:5551000@{}", self.gateway.sip);
        let caller = Phone::start(&[&uri, "--wait", "2500", "--dtmf", "0", "--hangup-after", "33000"]);
        let told = tokio::task::spawn_blocking(move || caller.ended()).await.expect("the call");
        agent.until("ended");
        assert!(since.elapsed().as_secs() >= 30, "the call was to last longer than half a minute: {told:#?}");
        assert!(self.gateway.said("the records wait in memory").contains("nothing is lost yet"));
    }

    fn all_of_it_is_there(&mut self) {
        self.gateway.said("the store is writing again");
        let rows = self.gateway.ended_calls(1);
        assert_eq!(rows[0]["disposition"].as_str(), Some("transferred"), "{rows:#?}");
        let id = rows[0]["id"].as_str().expect("an id").to_string();
        let config = self.gateway.config.to_string_lossy().into_owned();
        let (_, story) = hotline(&["calls", "show", &id, "--config", &config]);
        for part in ["asked", "offered", "answered"] {
            assert!(story.contains(part), "{part}: {story}");
        }
    }
}

/// Another program holds the database from before the call until after it, for more than half a minute: the caller waits in line, hears
/// their place, is served and hangs up as ever, and nothing of it is missing in the records afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_held_for_half_a_minute_costs_nobody_anything() {
    let mut line = Line::with_store("");
    let database = line.gateway.path("store").join("hotline.sqlite");
    let mut holder = SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.expect("the database");
    let held = holder.begin_with("BEGIN IMMEDIATE").await.expect("held");
    line.a_call_without_the_database().await;
    held.rollback().await.expect("let go");
    line.all_of_it_is_there();
}

/// The same with PostgreSQL, which is stopped before the call and started after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_gone_for_half_a_minute_costs_nobody_anything() {
    let Some(mut server) = Postgres::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    share_prompts(&folder.path().join("store"));
    let mut line = Line::with_store(&store_in(&server.database(), folder.path()));
    server.stop();
    line.a_call_without_the_database().await;
    server.start_again();
    line.all_of_it_is_there();
}

/// The calendar jumps three hours ahead and two days back while somebody waits in line: nobody is logged out, nobody is lost, and the talk is
/// as long as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_costs_nobody_their_place() {
    if faketime().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let calendar = folder.path().join("calendar");
    let set = |by: &str| std::fs::write(&calendar, by).expect("written");
    set("+0d");
    let mut house = House::of(FLOW, None, Some(&calendar));
    let (mut anna, _) = house.desks().await;
    let presence = |state: &str| Some(json!({ "state": state, "reason": "break" }));
    assert_eq!(anna.ask("POST", "/desk/presence", presence("away")).await.0, 200);
    let mut desk = Desk::open(&anna).await;
    let caller = house.caller("caller", &["--hangup-after", "60000"]);
    desk.until("somebody in line", |desk| desk["queues"][0]["waiting"] == 1).await;
    let here = |desk: &serde_json::Value| {
        let since = desk["agent"]["since"].as_str().expect("a time").to_string();
        chrono::DateTime::parse_from_rfc3339(&since).expect("RFC 3339").signed_duration_since(chrono::Utc::now()).num_minutes()
    };
    for (by, minutes) in [("+3h", 170..=190), ("-2d", -2_890..=-2_870)] {
        set(by);
        // Also: the session goes on.
        let (code, _, _) = anna.ask("POST", "/desk/presence", presence("away")).await;
        assert_eq!(code, 200, "{by}: still logged in");
        let seen = desk.until("the new time, and who waits", |desk| minutes.contains(&here(desk))).await;
        assert_eq!(seen["queues"][0]["waiting"], 1, "{by}: {seen:#}");
    }
    let phone = house.phone("anna", house.anna, &["--wait", "60000"]);
    assert_eq!(anna.ask("POST", "/desk/presence", presence("available")).await.0, 200);
    desk.until("the talk", |desk| phase(desk) == "talking").await;
    anna.ask("POST", "/desk/hangup", None).await;
    desk.until("the wrap-up", |desk| state(desk) == "wrapup").await;
    let told = tokio::task::spawn_blocking(move || (caller.ended(), phone.ended())).await.expect("both");
    let rows = house.gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str(), Some("transferred"), "{rows:#?} {told:#?}");
    let seconds = rows[0]["length_ms"].as_u64().map(|ms| ms / 1_000);
    assert!(seconds.is_some_and(|seconds| (1..120).contains(&seconds)), "{rows:#?}");
}
