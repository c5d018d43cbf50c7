//! The WebSocket over a real connection on loopback.

use super::console_tests::served;
use super::{First, Opening, Seat, To, Ways};
use crate::store::Role;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A desk that counts, and a topic for supervisors.
struct Desks;

#[async_trait::async_trait]
impl Opening for Desks {
    async fn first(&self, seat: &Seat) -> Vec<First> {
        seat.agent.iter().map(|agent| ("desk", json!(agent))).collect()
    }

    fn topic(&self, name: &str) -> Option<(&'static str, Role)> {
        (name == "wall").then_some(("wall", Role::Supervisor))
    }

    async fn watched(&self, _seat: &Seat, topic: &'static str) -> Vec<First> {
        vec![(topic, json!("now"))]
    }
}

#[tokio::test]
async fn a_tab_hears_what_concerns_it_and_goes_on_where_it_was() {
    let web = served(Ways::default()).await;
    let hub = web.state.hub();
    assert!(hub.set_opening(Arc::new(Desks)).is_ok());
    let cookie = web.user("anna", Role::Agent, Some("anna")).await;
    let mut here = hub.agents_here();
    let mut tab = web.socket(&cookie, "", None).await.expect("a socket");
    assert_eq!(tab.heard().await, r#"hello:{"resumed":false}"#);
    assert_eq!(tab.heard().await, r#"desk:"anna""#);
    assert!(here.wait_for(|here| here.contains("anna")).await.is_ok());
    hub.send(To::Agent("bea".into()), "desk", &json!("not for her"));
    hub.send(To::Everybody, "news", &json!(1));
    let news = tab.next().await.expect("a message");
    assert_eq!(news["data"], 1);
    tab.say(r#"{"watch": "wall"}"#).await;
    hub.send(To::Everybody, "news", &json!(2));
    assert_eq!(tab.heard().await, "news:2", "an agent is shown no wall");
    drop(tab);
    hub.send_state(To::Agent("anna".into()), "desk", &json!("old"));
    hub.send(To::Everybody, "news", &json!(3));
    hub.send_state(To::Agent("anna".into()), "desk", &json!("new"));
    let mut again = web.socket(&cookie, &format!("?after={}", news["seq"]), None).await.expect("a socket");
    for expected in [r#"hello:{"resumed":true}"#, r#"desk:"anna""#, "news:2", "news:3", r#"desk:"new""#] {
        assert_eq!(again.heard().await, expected);
    }
    let mut other = web.socket(&cookie, "?after=17", None).await.expect("a socket");
    assert_eq!(other.heard().await, r#"hello:{"resumed":false}"#);
    // The tabs are not read meanwhile; this does not wait for them for long.
    hub.close().await;
    assert_eq!(other.heard().await, r#"desk:"anna""#);
    assert_eq!((again.next().await, other.next().await), (Err(1012), Err(1012)));
    assert_eq!(web.socket(&cookie, "", None).await.err(), Some(429), "the gateway ends");
}

#[tokio::test]
async fn supervisors_watch_topics_and_nonsense_ends_the_socket() {
    let web = served(Ways::default()).await;
    let hub = web.state.hub();
    assert!(hub.set_opening(Arc::new(Desks)).is_ok());
    let cookie = web.user("chief", Role::Supervisor, None).await;
    let mut tab = web.socket(&cookie, "", None).await.expect("a socket");
    assert_eq!(tab.heard().await, r#"hello:{"resumed":false}"#);
    hub.send_state(To::Watching("wall"), "wall", &json!("not yet"));
    tab.say(r#"{"watch": "nothing"}"#).await;
    tab.say(r#"{"watch": "wall"}"#).await;
    assert_eq!(tab.heard().await, r#"wall:"now""#);
    hub.send_state(To::Watching("wall"), "wall", &json!("later"));
    assert_eq!(tab.heard().await, r#"wall:"later""#);
    tab.say("{}").await;
    assert_eq!(tab.next().await, Err(1008));
    let mut flood = web.socket(&cookie, "", None).await.expect("a socket");
    for _ in 0..30 {
        flood.say(r#"{"unwatch": "wall"}"#).await;
    }
    assert_eq!(flood.heard().await, r#"hello:{"resumed":false}"#);
    assert_eq!(flood.next().await, Err(1008));
}

#[tokio::test]
async fn a_socket_ends_with_its_session_and_when_nobody_answers() {
    let web = served(Ways::default()).await;
    let cookie = web.user("anna", Role::Agent, None).await;
    // As `hotline users disable` does it: past this process.
    let mut tab = web.socket(&cookie, "", None).await.expect("a socket");
    assert_eq!(tab.heard().await, r#"hello:{"resumed":false}"#);
    web.state.store.end_sessions("anna").await.expect("written");
    assert_eq!(tab.heard().await, "session_ended:{}");
    assert_eq!(tab.next().await, Err(4401));
    assert_eq!(web.socket(&cookie, "", None).await.err(), Some(401));
    // Who answers no pings: HTTP by hand, and everything is read until the end.
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let cookie = web.session("anna").await;
    let mut stream = tokio::net::TcpStream::connect(web.at).await.expect("connected");
    let request = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        web.at
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut all = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut all)).await;
    assert!(end.is_ok_and(|end| end.is_ok()), "the socket is closed");
    let text = String::from_utf8_lossy(&all);
    assert!(text.starts_with("HTTP/1.1 101 ") && text.contains("no answer to pings"), "{text}");
    assert!(all.windows(2).any(|code| code == 4408_u16.to_be_bytes()), "{text}");
}
