//! `GET /cards/{reference}`: the hand-over card as JSON. Whoever knows the reference (128 random bits, sent to the agent in
//! User-to-User) may read it while the call goes on and for one hour after; whoever does not learns nothing. With a key in the
//! configuration the answer says by whom it was made: `Hotline-Signature: v1=` and the HMAC-SHA-256 (RFC 2104) of the body's bytes
//! in hex, once for each key. While the records cannot be read the cards of this process are given from memory;
//! those of ended calls only where it was known moments ago that their calls were not deleted ([`crate::server::CardAtHand`]).

use super::WebState;
use super::guard::problem;
use crate::base::{Pii, WallTime};
use crate::call::{CardStep, HandOverCard};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// A card that is at hand is given from memory when the records take longer.
const RECORDS_MAX: Duration = Duration::from_secs(1);

/// The card as other programs see it. They rely on these names: add, never rename.
#[derive(Serialize)]
struct CardBody {
    /// The reference that was asked for.
    reference: String,
    /// The call's id, as `hotline calls show` takes it.
    call: String,
    /// The flow's name.
    flow: String,
    /// The caller's number.
    caller: String,
    /// The number dialled.
    dialled: String,
    /// The number that the caller had dialled first, where the call was sent on to us, and why (RFC 5806).
    diverted_from: Option<String>,
    diverted_because: Option<String>,
    /// The caller's language tag.
    language: String,
    /// When the call came, RFC 3339.
    since: String,
    /// Seconds already spent with us when the card was made.
    seconds: u64,
    /// The last understood intent.
    intent: Option<String>,
    /// What is known.
    slots: BTreeMap<String, String>,
    /// What was said and answered, oldest first.
    turns: Vec<TurnBody>,
    /// Why a person.
    because: String,
    /// One sentence.
    summary: String,
    /// The caller has proved who they are.
    verified: bool,
    /// The caller's tier, where the flow has tiers.
    tier: Option<String>,
    /// Who waits is served in this order, highest first, 0–9.
    priority: u8,
    /// The step of a guided procedure that the caller is at.
    step: Option<CardStep>,
    /// Agents whom the caller has talked with before in this call, oldest first.
    spoke_with: Vec<String>,
    /// The caller is not on the line, but called back; `null` = is on the line.
    call_back: Option<CallBackBody>,
}

#[derive(Serialize)]
struct CallBackBody {
    /// The number that was confirmed for it.
    number: String,
    /// When it was asked for, RFC 3339.
    asked: String,
}

#[derive(Serialize)]
struct TurnBody {
    caller: String,
    intent: Option<String>,
    answer: String,
    sensitive: bool,
}

/// The handler. Wrong, expired and malformed references get the same answer.
pub(super) async fn card(State(state): State<WebState>, Path(reference): Path<String>) -> Response {
    let unknown = || problem(StatusCode::NOT_FOUND, "there is no such card, or it is no longer valid");
    if reference.len() != 32 || !reference.bytes().all(|b| b.is_ascii_hexdigit()) {
        return unknown();
    }
    let reference = reference.to_ascii_lowercase();
    let at_hand = state.card_at_hand(&reference);
    let asked = state.store.card(&reference, now());
    let found = match &at_hand {
        None => asked.await.map_err(|error| error.to_string()),
        // The agent has the caller on the line and does not wait for a database that is away.
        Some(_) => match tokio::time::timeout(RECORDS_MAX, asked).await {
            Ok(found) => found.map_err(|error| error.to_string()),
            Err(_) => Err("the records do not answer".to_string()),
        },
    };
    match (found, at_hand) {
        (Ok(Some(card)), _) => signed(&body(card), state.card_keys()),
        // It is being written. Once the call is over only the records say what may still be read: it may have been deleted.
        (Ok(None), Some(known)) if known.goes_on => signed(&body((*known.card).clone()), state.card_keys()),
        (Ok(None), _) => unknown(),
        (Err(error), Some(known)) => {
            tracing::warn!(%error, "a hand-over card is given from memory");
            signed(&body((*known.card).clone()), state.card_keys())
        }
        (Err(error), None) => {
            tracing::error!(%error, "a hand-over card could not be read");
            problem(StatusCode::SERVICE_UNAVAILABLE, "the card cannot be read now")
        }
    }
}

/// The card as it is signed: what is sent is what was signed, byte by byte.
fn signed(card: &CardBody, keys: &[Pii<String>]) -> Response {
    let bytes = serde_json::to_vec(card).expect("our own type serialises: string keys, no failing types");
    let mut response = ([(header::CONTENT_TYPE, "application/json")], bytes.clone()).into_response();
    let marks: Vec<String> = keys.iter().map(|key| format!("v1={}", signature(key.reveal().as_bytes(), &bytes))).collect();
    if let (false, Ok(value)) = (marks.is_empty(), HeaderValue::from_str(&marks.join(", "))) {
        response.headers_mut().insert("hotline-signature", value);
    }
    response
}

/// HMAC-SHA-256 in lower-case hex.
fn signature(key: &[u8], bytes: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn now() -> WallTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::default().plus(since)
}

/// Personal data leaves here on purpose: to the agent, who needs it.
fn body(card: HandOverCard) -> CardBody {
    let turns = card.turns.into_iter().map(|turn| TurnBody {
        caller: turn.caller.into_inner(),
        intent: turn.intent,
        answer: turn.answer.into_inner(),
        sensitive: turn.sensitive,
    });
    CardBody {
        reference: card.reference,
        call: card.call.to_string(),
        flow: card.flow,
        caller: card.caller.as_str().to_string(),
        dialled: card.dialled.as_str().to_string(),
        diverted_from: card.diverted.as_ref().map(|d| d.from.as_str().to_string()),
        diverted_because: card.diverted.map(|d| d.reason).filter(|reason| !reason.is_empty()),
        language: card.language.to_string(),
        since: card.since.utc().to_rfc3339(),
        seconds: card.seconds,
        intent: card.intent,
        slots: card.slots.into_inner(),
        turns: turns.collect(),
        because: card.because,
        summary: card.summary.into_inner(),
        verified: card.verified,
        tier: card.tier,
        priority: card.priority,
        step: card.step,
        spoke_with: card.spoke_with,
        call_back: card
            .call_back
            .map(|back| CallBackBody { number: back.number.as_str().to_string(), asked: back.asked.utc().to_rfc3339() }),
    }
}

#[cfg(test)]
mod tests {
    /// RFC 4231 §4.3, test case 2.
    #[test]
    fn signatures_are_those_of_the_standard() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(super::signature(b"Jefe", b"what do ya want for nothing?"), expected);
    }
}
