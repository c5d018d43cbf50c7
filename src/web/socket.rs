//! `GET /events`: the WebSocket of a tab. Text frames `{seq, type, data}`; the first is `hello`, which tells whether what was
//! missed can follow. The tab may send `{"watch": TOPIC}` and `{"unwatch": TOPIC}`, nothing else.

use super::WebState;
use super::access::SignedIn;
use super::events::{Ended, First, Hub, Place, Seat, TooLate};
use super::problem::{Answer, Asked, Problem};
use crate::base::{Bucket, Moment};
use crate::store::{SessionHash, Store};
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::StatusCode;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};

/// Most bytes of a frame that a tab sends.
const FRAME_MAX: usize = 1_024;

/// A frame that cannot be written for so long ends the socket.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// Longest wait for a tab's own close.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// Wishes that a tab may have at once, and a second for long.
const WISHES: f64 = 20.0;
const WISHES_PER_SECOND: f64 = 1.0;

/// Close codes. 1000 to 1015 are RFC 6455's and IANA's, 4000 to 4999 our own.
const RESTART: u16 = 1012;
const NOT_UNDERSTOOD: u16 = 1008;
const SESSION_ENDED: u16 = 4401;
const TOO_SLOW: u16 = 4408;

/// How long things take; tests are quicker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// A ping so often; the session is looked at then, too.
    pub(super) ping: Duration,
    /// A tab that says nothing for so long, not even pong, is gone.
    pub(super) silence: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { ping: Duration::from_secs(15), silence: Duration::from_secs(40) }
    }
}

/// Where a tab goes on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resume {
    /// The number of the last message that it has.
    after: Option<u64>,
}

/// What a tab may wish.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Wish {
    Watch(String),
    Unwatch(String),
}

/// `GET /events`.
pub(super) async fn upgrade(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Asked(asked): Asked<Resume>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let upgrade =
        upgrade.map_err(|_| Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket", "This address speaks WebSocket only."))?;
    let SignedIn { user, session } = signed_in;
    let seat = Seat { user: user.name, role: user.role, agent: user.agent };
    let place = state.console.hub.open(seat, session.clone()).ok_or_else(|| {
        let detail = "Too many tabs of the console are open. Close some of them.";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail).retry_after(Duration::from_secs(30))
    })?;
    let tab = Tab { place, session, store: state.store, hub: state.console.hub.clone(), pace: state.console.pace };
    let upgrade = upgrade.max_message_size(FRAME_MAX).max_frame_size(FRAME_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move { tab.serve(socket, asked.after).await }))
}

/// One socket and what it stands on.
struct Tab {
    place: Place,
    session: SessionHash,
    store: Store,
    hub: Hub,
    pace: Pace,
}

/// Why a socket is over.
enum Over {
    /// We close it, and say so.
    Close(u16, &'static str),
    /// The other end has closed it, or is not there.
    Gone,
}

type Going<T = ()> = Result<T, Over>;

impl Tab {
    async fn serve(mut self, mut socket: WebSocket, after: Option<u64>) {
        let over = match self.talk(&mut socket, after).await {
            Ok(never) => match never {},
            Err(over) => over,
        };
        if let Over::Close(code, reason) = over {
            if code == SESSION_ENDED {
                let _ = send(&mut socket, self.place.own("session_ended", &json!({}))).await;
            }
            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            let _ = tokio::time::timeout(WRITE_MAX, socket.send(close)).await;
            // Until the tab has closed its side, too: what it has sent and nobody reads would make the system throw away what
            // it has not read.
            let drained = async { while socket.recv().await.is_some_and(|frame| frame.is_ok()) {} };
            let _ = tokio::time::timeout(GOODBYE_MAX, drained).await;
        }
    }

    async fn talk(&mut self, socket: &mut WebSocket, after: Option<u64>) -> Going<std::convert::Infallible> {
        let resumed = after.is_some_and(|after| self.place.resume(after));
        send(socket, self.place.own("hello", &json!({ "resumed": resumed }))).await?;
        if let Some(opening) = self.hub.opening() {
            let first = opening.first(&self.place.seat).await;
            self.tell(socket, first).await?;
        }
        let mut ping = tokio::time::interval(self.pace.ping);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ping.reset();
        let began = Instant::now();
        let now = || Moment::from_millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let (mut heard, mut wishes) = (began, Bucket::full(WISHES, now()));
        loop {
            self.catch_up(socket).await?;
            tokio::select! {
                ended = self.place.changed() => match ended {
                    None => {}
                    Some(Ended::Session) => return Err(Over::Close(SESSION_ENDED, "the session has ended")),
                    Some(Ended::Restart) => return Err(Over::Close(RESTART, "the gateway restarts")),
                },
                frame = socket.recv() => {
                    heard = Instant::now();
                    let frame = frame.and_then(Result::ok).ok_or(Over::Gone)?;
                    if !matches!(frame, Message::Ping(_) | Message::Pong(_)) && !wishes.take(WISHES_PER_SECOND, WISHES, now()) {
                        return Err(Over::Close(NOT_UNDERSTOOD, "too many messages"));
                    }
                    self.take(socket, frame).await?;
                }
                _ = ping.tick() => {
                    if heard.elapsed() > self.pace.silence {
                        return Err(Over::Close(TOO_SLOW, "no answer to pings"));
                    }
                    self.still_logged_in().await?;
                    write(socket, Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }

    /// Sends all that is new.
    async fn catch_up(&mut self, socket: &mut WebSocket) -> Going {
        loop {
            let messages = self.place.read().map_err(|TooLate| Over::Close(TOO_SLOW, "read too slowly; connect again"))?;
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages {
                send(socket, message.to_string()).await?;
            }
        }
    }

    async fn take(&mut self, socket: &mut WebSocket, frame: Message) -> Going {
        let text = match frame {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(Over::Gone),
            Message::Binary(_) => return Err(Over::Close(NOT_UNDERSTOOD, "text is understood here")),
        };
        let wish =
            serde_json::from_str(&text).map_err(|_| Over::Close(NOT_UNDERSTOOD, "watch and unwatch are understood here"))?;
        let Some(opening) = self.hub.opening() else { return Ok(()) };
        match wish {
            Wish::Watch(name) => match opening.topic(&name) {
                Some((topic, least)) if self.place.seat.role >= least => {
                    self.place.watch(topic);
                    let first = opening.watched(&self.place.seat, topic).await;
                    self.tell(socket, first).await
                }
                // As if there were none: a tab of somebody who was a supervisor a minute ago.
                _ => Ok(()),
            },
            Wish::Unwatch(name) => {
                self.place.unwatch(&name);
                Ok(())
            }
        }
    }

    async fn tell(&mut self, socket: &mut WebSocket, first: Vec<First>) -> Going {
        for (kind, data) in first {
            send(socket, self.place.own(kind, &data)).await?;
        }
        Ok(())
    }

    /// An open socket keeps its session from going idle; and `hotline users disable` is another process.
    async fn still_logged_in(&self) -> Going {
        match self.store.session(&self.session, super::steady_now()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Over::Close(SESSION_ENDED, "the session has ended")),
            Err(error) => {
                // A call may be going on at this desk: the records' trouble is not the agent's.
                tracing::warn!(%error, "whether a session goes on could not be looked up");
                Ok(())
            }
        }
    }
}

async fn send(socket: &mut WebSocket, text: String) -> Going {
    write(socket, Message::Text(text.into())).await
}

async fn write(socket: &mut WebSocket, message: Message) -> Going {
    match tokio::time::timeout(WRITE_MAX, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        // Nothing more can be written to it, not even why.
        Ok(Err(_)) | Err(_) => Err(Over::Gone),
    }
}
