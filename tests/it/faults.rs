//! What breaks around a running gateway, and who is served all the same.

use crate::desk::{FLOW, Phone, port};
use crate::gateway::{Gateway, Wanted, hotline};
use sqlx::{Connection, SqliteConnection};
use std::time::Instant;

/// Another program holds the database from before the call until after it, for more than half a minute: the caller waits in line, hears
/// their place, is served and hangs up as ever, and nothing of it is missing in the records afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_held_for_half_a_minute_costs_nobody_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = folder.path().join("line.yaml");
    std::fs::write(&flow, FLOW).expect("written");
    let phone = port();
    let more = format!(
        "[[queue]]\nname = \"support\"\nring_seconds = 10\n[[agent]]\nname = \"anna\"\n\
         phone = \"sip:anna@127.0.0.1:{phone}\"\nqueues = [\"support\"]\ndesk = false\n"
    );
    let flow = flow.to_string_lossy().into_owned();
    let mut gateway = Gateway::start(Wanted { flow: &flow, more: &more, ..Wanted::default() });
    let database = gateway.path("store").join("hotline.sqlite");
    let mut holder = SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.expect("the database");
    let held = holder.begin_with("BEGIN IMMEDIATE").await.expect("held");
    let since = Instant::now();
    let agent = Phone::start(&["--answer", "--listen", &format!("127.0.0.1:{phone}"), "--wait", "60000"]);
    let uri = format!("sip:5551000@{}", gateway.sip);
    let caller = Phone::start(&[&uri, "--wait", "2500", "--dtmf", "0", "--hangup-after", "33000"]);
    let told = tokio::task::spawn_blocking(move || caller.ended()).await.expect("the call");
    agent.until("ended");
    assert!(since.elapsed().as_secs() >= 30, "the call was to last longer than half a minute: {told:#?}");
    assert!(gateway.said("the records wait in memory").contains("nothing is lost yet"));
    held.rollback().await.expect("let go");
    gateway.said("the store is writing again");
    let rows = gateway.ended_calls(1);
    assert_eq!(rows[0]["disposition"].as_str().or(rows[0]["ended"].as_str()), Some("transferred"), "{rows:#?}");
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let config = gateway.config.to_string_lossy().into_owned();
    let (_, story) = hotline(&["calls", "show", &id, "--config", &config]);
    for part in ["asked", "offered", "answered"] {
        assert!(story.contains(part), "{part}: {story}");
    }
}
