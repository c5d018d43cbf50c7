//! The phone in the desk's page: signalling in the shape of WHIP (RFC 9725). `POST` with an offer picks up the call that rings at this
//! agent's desk, `DELETE` of what it gives hangs up. It is bound to the session and to the offered call: nobody else's call, and no call that
//! does not ring, can be had. That the other end hung up is seen on the desk's events; the page closes its side then.

use super::access::{Asker, SignedIn};
use super::desk;
use super::problem::{Answer, Asked, Body, Named, Problem};
use super::{WebState, routes};
use crate::base::{CallId, Digit};
use crate::server::{NoPhone, PageEnd, PageError};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Deserialize;

/// The kind of a session description.
const SDP: &str = "application/sdp";

fn call_of(text: &str) -> Answer<CallId> {
    text.parse().map_err(|_| Problem::not_found())
}

/// `POST /desk/phone/{call}`: an offer in, 201 with an answer out. `Location` is the connection.
pub(super) async fn pick_up(
    State(state): State<WebState>,
    signed_in: SignedIn,
    asker: Asker,
    Named(call): Named<String>,
    headers: HeaderMap,
    offer: Bytes,
) -> Answer<Response> {
    let (side, agent) = desk::at(&state, signed_in)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SDP)) {
        let detail = "Send the offer as application/sdp.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unreadable", detail));
    }
    let offer = std::str::from_utf8(&offer).map_err(|_| Problem::invalid("The offer is no text."))?;
    let id = call_of(&call)?;
    let (desks, page, offer) = (side.desks.clone(), asker.source, offer.to_string());
    // To its end also when the page goes away meanwhile: half a connection would keep the phone from ringing in the next page.
    let picked_up = tokio::spawn(async move { desks.pick_up(&agent, id, page, &offer).await }).await;
    let (number, answer) = picked_up.unwrap_or(Err(NoPhone::Gone)).map_err(problem)?;
    let at = format!("{}/desk/phone/{call}/{number}", routes::BASE);
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, SDP.to_string()), (header::LOCATION, at)], answer).into_response())
}

fn problem(error: NoPhone) -> Problem {
    match error {
        NoPhone::Gone => Problem::new(StatusCode::NOT_FOUND, "gone", "This call does not ring here any more."),
        NoPhone::Taken => Problem::new(StatusCode::CONFLICT, "taken", "This call was answered in another tab."),
        NoPhone::Page(PageError::NoPort(why)) => {
            tracing::error!(why, "no audio for an agent's page");
            let detail = "The gateway has no port for the audio. An operator can widen [desk] media_ports.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
        }
        NoPhone::Page(error @ (PageError::Offer(_) | PageError::NoCodec)) => Problem::invalid(error.to_string()),
        NoPhone::Page(PageError::Refused(why)) => {
            tracing::warn!(why, "a page's offer was refused");
            Problem::invalid("The page's offer could not be used.")
        }
    }
}

/// How it ends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// The page goes (closed, or loaded anew) and the agent did not hang up: the caller comes to the head of the line.
    #[serde(default)]
    gone: bool,
}

/// `DELETE /desk/phone/{call}/{number}`.
pub(super) async fn put_down(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Named((call, number)): Named<(String, String)>,
    Asked(end): Asked<End>,
) -> Answer<StatusCode> {
    let (side, agent) = desk::at(&state, signed_in)?;
    let end = if end.gone { PageEnd::Gone } else { PageEnd::HungUp };
    match side.desks.put_down(&agent, call_of(&call)?, &number, end) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found()),
    }
}

/// A key of the telephone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    /// 0 to 9, * or #.
    key: char,
}

/// `POST /desk/phone/{call}/{number}/key`.
pub(super) async fn press(
    State(state): State<WebState>,
    signed_in: SignedIn,
    Named((call, number)): Named<(String, String)>,
    Body(pressed): Body<Key>,
) -> Answer<StatusCode> {
    let (side, agent) = desk::at(&state, signed_in)?;
    let digit = Digit::from_char(pressed.key).ok_or_else(|| Problem::invalid("Write a key: 0 to 9, * or #."))?;
    match side.desks.press(&agent, call_of(&call)?, &number, digit) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found()),
    }
}
