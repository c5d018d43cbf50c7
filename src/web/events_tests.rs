//! The hub without sockets.

use super::*;
use serde_json::json;

const START: u64 = 1_700_000_000;

fn seat(user: &str, role: Role, agent: Option<&str>) -> Seat {
    Seat { user: user.into(), role, agent: agent.map(String::from) }
}

fn open(hub: &Hub, user: &str, role: Role, agent: Option<&str>) -> Place {
    hub.open(seat(user, role, agent), SessionHash::of(user)).expect("there is room")
}

/// What a place reads, as `type:data` in one line.
fn heard(place: &mut Place) -> String {
    let mut all = Vec::new();
    loop {
        let messages = place.read().expect("in time");
        if messages.is_empty() {
            return all.join(" ");
        }
        for text in messages {
            let message: Value = serde_json::from_str(&text).expect("JSON");
            all.push(format!("{}:{}", message["type"].as_str().unwrap_or("?"), message["data"]));
        }
    }
}

fn seq(text: &str) -> u64 {
    let message: Value = serde_json::from_str(text).expect("JSON");
    message["seq"].as_u64().expect("a number")
}

#[test]
fn everybody_hears_what_concerns_them() {
    let hub = Hub::new(START);
    let mut anna = open(&hub, "anna", Role::Agent, Some("anna"));
    let mut bea = open(&hub, "bea", Role::Agent, Some("bea"));
    let mut chief = open(&hub, "chief", Role::Supervisor, None);
    hub.send(To::Everybody, "news", &json!(1));
    hub.send(To::Role(Role::Operator), "work", &json!(2));
    hub.send(To::Agent("anna".into()), "desk", &json!(3));
    hub.send(To::Watching("wall"), "wall", &json!(4));
    assert_eq!(heard(&mut anna), "news:1 desk:3");
    assert_eq!(heard(&mut bea), "news:1");
    assert_eq!(heard(&mut chief), "news:1 work:2");
    chief.watch("wall");
    hub.send(To::Watching("wall"), "wall", &json!(5));
    assert_eq!(heard(&mut chief), "wall:5");
    chief.unwatch("wall");
    hub.send(To::Watching("wall"), "wall", &json!(6));
    assert_eq!((heard(&mut chief), heard(&mut anna)), (String::new(), String::new()));
}

#[test]
fn a_tab_that_comes_back_hears_what_it_missed_and_of_states_the_newest() {
    let hub = Hub::new(START);
    let mut anna = open(&hub, "anna", Role::Agent, Some("anna"));
    let desk = || To::Agent("anna".to_string());
    hub.send_state(desk(), "desk", &json!(1));
    let before = seq(&anna.read().expect("in time")[0]);
    drop(anna);
    hub.send(To::Everybody, "news", &json!("a"));
    hub.send_state(desk(), "desk", &json!(2));
    hub.send_state(To::Agent("bea".into()), "desk", &json!("bea's"));
    hub.send(desk(), "note", &json!("kept"));
    hub.send(desk(), "note", &json!("kept, too"));
    hub.send_state(desk(), "desk", &json!(3));
    let mut again = open(&hub, "anna", Role::Agent, Some("anna"));
    assert!(again.resume(before));
    assert_eq!(heard(&mut again), r#"news:"a" note:"kept" note:"kept, too" desk:3"#);
}

#[test]
fn what_cannot_be_resumed_begins_anew() {
    let hub = Hub::new(START);
    hub.send(To::Everybody, "news", &json!(0));
    let mut early = open(&hub, "early", Role::Agent, None);
    let mut place = open(&hub, "anna", Role::Agent, None);
    let first = place.at;
    for n in 0..MESSAGES_MAX + 1 {
        hub.send(To::Everybody, "news", &json!(n));
    }
    assert!(!place.resume(first), "one message too many has come");
    assert!(place.resume(first + 1));
    assert_eq!(early.read(), Err(TooLate), "too slow");
    for never in [0, 1, first - 10, u64::MAX, Hub::new(START + 60).lock().ring.newest()] {
        assert!(!place.resume(never), "{never}: of another run");
    }
    let later_run = Hub::new(START + 60);
    let mut place = open(&later_run, "anna", Role::Agent, None);
    assert!(!place.resume(first + 2_000), "a number of the run before");
    assert!(later_run.lock().ring.newest() < 1 << 53);
}

#[test]
fn the_ring_is_bound_in_bytes_too_and_read_in_batches() {
    let hub = Hub::new(START);
    let mut place = open(&hub, "anna", Role::Agent, None);
    for n in 0..200 {
        hub.send(To::Everybody, "news", &json!(n));
    }
    let sizes: Vec<usize> = std::iter::repeat_with(|| place.read().expect("in time").len()).take_while(|n| *n > 0).collect();
    assert_eq!(sizes, [64, 64, 64, 8]);
    let large = "x".repeat(1024 * 1024);
    for _ in 0..20 {
        hub.send(To::Everybody, "news", &json!(large));
    }
    let inner = hub.lock();
    assert!(inner.ring.bytes <= BYTES_MAX, "{}", inner.ring.bytes);
    assert_eq!(inner.ring.bytes, inner.ring.messages.iter().map(|m| m.text.len()).sum::<usize>());
}

#[test]
fn states_of_many_desks_do_not_fill_the_ring() {
    let hub = Hub::new(START);
    for round in 0..1_000 {
        for agent in 0..10 {
            hub.send_state(To::Agent(format!("a{agent}")), "desk", &json!(round));
        }
    }
    let mut place = open(&hub, "a7", Role::Agent, Some("a7"));
    assert_eq!(hub.lock().ring.messages.len(), 10);
    assert!(place.resume(START << 20), "nothing but replaced states is missing");
    assert_eq!(heard(&mut place), "desk:999");
}

#[tokio::test]
async fn sockets_and_tabs_are_bounded() {
    let hub = Hub::new(START);
    let tabs: Vec<Place> = (0..TABS_MAX).map(|_| open(&hub, "anna", Role::Agent, None)).collect();
    assert!(hub.open(seat("anna", Role::Agent, None), SessionHash::of("anna")).is_none());
    let bea = open(&hub, "bea", Role::Agent, None);
    drop(tabs);
    let anna = open(&hub, "anna", Role::Agent, None);
    drop((anna, bea));
    hub.close().await;
    assert!(hub.open(seat("cleo", Role::Agent, None), SessionHash::of("cleo")).is_none());
}

#[tokio::test]
async fn sessions_and_users_end_and_others_go_on() {
    use std::pin::pin;
    use std::task::Poll;
    let hub = Hub::new(START);
    let place = |user: &str, session: &str| hub.open(seat(user, Role::Agent, None), SessionHash::of(session)).expect("room");
    let (mut one, mut two, mut other) = (place("anna", "1"), place("anna", "2"), place("bea", "3"));
    let waits = |place: &mut Place| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        matches!(pin!(place.changed()).poll(&mut context), Poll::Pending)
    };
    hub.end_session(&SessionHash::of("1"));
    assert!(!waits(&mut one) && waits(&mut two) && waits(&mut other));
    assert_eq!(one.changed().await, Some(Ended::Session));
    hub.end_user("anna", Some(&SessionHash::of("2")));
    assert!(waits(&mut two), "this one is kept");
    hub.end_user("anna", None);
    assert!(!waits(&mut two) && waits(&mut other));
    hub.close().await;
    assert_eq!(other.changed().await, Some(Ended::Restart));
}

#[test]
fn an_agent_is_there_until_ten_seconds_after_the_last_tab() {
    let hub = Hub::new(START);
    let here = hub.agents_here();
    let names = || here.borrow().iter().cloned().collect::<Vec<_>>().join(" ");
    let (one, two) = (open(&hub, "anna", Role::Agent, Some("anna")), open(&hub, "anna", Role::Agent, Some("anna")));
    let _chief = open(&hub, "chief", Role::Admin, None);
    assert_eq!(names(), "anna");
    drop(one);
    hub.forget_agents(Instant::now() + GRACE * 2);
    assert_eq!(names(), "anna", "another tab is open");
    drop(two);
    hub.forget_agents(Instant::now() + GRACE / 2);
    assert_eq!(names(), "anna", "the page may be loading anew");
    let three = open(&hub, "anna", Role::Agent, Some("anna"));
    hub.forget_agents(Instant::now() + GRACE * 2);
    assert_eq!(names(), "anna", "it was");
    drop(three);
    hub.forget_agents(Instant::now() + GRACE);
    assert_eq!(names(), "");
}

#[tokio::test]
async fn an_agent_who_left_is_forgotten_by_itself() {
    let hub = Hub { shared: Arc::new(Shared { grace: Duration::from_millis(20), ..bare() }) };
    drop(open(&hub, "anna", Role::Agent, Some("anna")));
    let mut here = hub.agents_here();
    assert!(here.borrow().contains("anna"));
    let gone = tokio::time::timeout(Duration::from_secs(20), here.wait_for(BTreeSet::is_empty)).await;
    assert!(gone.is_ok_and(|gone| gone.is_ok()));
}

fn bare() -> Shared {
    Arc::into_inner(Hub::new(START).shared).expect("nobody else has it")
}
