//! Session timers (RFC 4028) on the wire: headers in and out, and what is due. `sip::session_timer` decides.

use super::core::Core;
use super::dialog::{Entry, Phase};
use super::incoming::Refusal;
use crate::sip::session_timer::{self, Due, Granted, Refresher, Said, SessionTimer};
use crate::sip::{DialogKey, EndedWhy};
use rsipstack::sip::{Header, Headers, Request, Response, StatusCode};

/// The option tag.
pub(super) const TIMER: &str = "timer";

impl Core {
    /// What a request of theirs is granted; 422 if its interval is too small (RFC 4028 §8.1).
    pub(super) fn grant(&self, request: &Request, entry: Option<&Entry>) -> Result<Option<Granted>, Refusal> {
        let before = entry.and_then(|e| e.timer).map(|t| t.agreed());
        session_timer::grant(self.shared.cfg.session, said(&request.headers), before)
            .map_err(|min| (StatusCode::from(422), vec![Header::MinSE(min.to_string().into())]))
    }

    /// A 2xx of ours goes out: from now on this holds.
    pub(super) fn granted(&mut self, key: DialogKey, granted: Option<Granted>) {
        let now = self.now();
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.timer = granted.map(|g| SessionTimer::start(now, g.agreed));
        }
    }

    /// A 2xx of theirs came: from now on this holds.
    pub(super) fn agreed(&mut self, key: DialogKey, response: &Response) {
        let now = self.now();
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.timer = session_timer::agreed(said(&response.headers)).map(|a| SessionTimer::start(now, a));
        }
    }

    /// What a request of ours asks for, as `seconds` or what is configured; nothing if session timers are off.
    pub(super) fn session_headers(&self, entry: Option<&Entry>, seconds: Option<u32>) -> Vec<Header> {
        let policy = self.shared.cfg.session;
        if policy.expires == 0 {
            return vec![];
        }
        let running = entry.and_then(|e| e.timer).map(|t| t.agreed());
        let seconds = seconds.or(running.map(|a| a.seconds)).unwrap_or(policy.expires);
        let value = match running {
            Some(agreed) if agreed.ours => session_timer::header(seconds, Refresher::Uac),
            Some(_) => session_timer::header(seconds, Refresher::Uas),
            None => seconds.to_string(),
        };
        let mut headers = vec![Header::SessionExpires(value.into())];
        if policy.min != 90 {
            headers.push(Header::MinSE(policy.min.to_string().into()));
        }
        headers
    }

    /// Refreshes what is ours to refresh and ends what nobody refreshed.
    pub(super) async fn refresh_sessions(&mut self) {
        let now = self.now();
        let up = |e: &Entry| matches!(e.phase, Phase::Up);
        let timers = self.entries.iter_mut().filter(|(_, e)| up(e)).filter_map(|(k, e)| Some((*k, e.timer.as_mut()?)));
        let due: Vec<(DialogKey, Due)> = timers.map(|(key, timer)| (key, timer.due(now))).collect();
        for (key, due) in due {
            match due {
                Due::Nothing => {}
                Due::Refresh => self.refresh(key).await,
                Due::Over => self.expired(key).await,
            }
        }
        self.retry_changes().await;
    }

    /// BYE, because nobody keeps this call alive.
    pub(super) async fn expired(&mut self, key: DialogKey) {
        let Some(entry) = self.entries.get(&key) else { return };
        self.bye(entry.dialog.clone());
        self.end(key, EndedWhy::Expired).await;
    }
}

/// Headers of a 2xx that grants.
pub(super) fn headers_of(granted: Option<Granted>) -> Vec<Header> {
    let Some(Granted { agreed, refresher }) = granted else { return vec![] };
    let mut headers = vec![Header::SessionExpires(session_timer::header(agreed.seconds, refresher).into())];
    if refresher == Refresher::Uac {
        headers.push(Header::Require(TIMER.into()));
    }
    headers
}

/// What a message says about session timers.
pub(super) fn said(headers: &Headers) -> Said {
    let one = |name: &str| headers.iter().find(|h| h.name().eq_ignore_ascii_case(name)).map(|h| h.value().to_string());
    let supported = has_token(headers, "Supported", TIMER) || has_token(headers, "Require", TIMER);
    Said::read(one("Session-Expires").as_deref(), one("Min-SE").as_deref(), supported)
}

/// Whether a header of comma-separated tokens names this one.
pub(super) fn has_token(headers: &Headers, name: &str, token: &str) -> bool {
    let named = headers.iter().filter(|h| h.name().eq_ignore_ascii_case(name));
    let mut tokens = named.flat_map(|h| crate::sip::bodies::tokens(h.value()));
    tokens.any(|t| t.eq_ignore_ascii_case(token))
}
