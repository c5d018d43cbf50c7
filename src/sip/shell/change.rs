//! Re-INVITEs and UPDATEs of ours: one at a time, and again after a collision with theirs (RFC 3261 §14.1).

use super::core::{Core, Done};
use super::dialog::{Change, Phase};
use super::message::{sdp_of, target_of};
use super::refresh;
use crate::sip::session_timer::{self, Due};
use crate::sip::{ALLOW, DialogKey, SipEvent};
use rsipstack::dialog::dialog::Dialog;
use rsipstack::sip::{Header, Response};
use std::time::Duration;
use tokio::time::Instant;

/// How often one change is sent: collisions, 422 and a far end without UPDATE together.
const TRIES_MAX: u8 = 6;
/// Rest while a change of theirs waits for its answer.
const AFTER_THEIRS: Duration = Duration::from_millis(100);

impl Core {
    /// The application wants another session.
    pub(super) async fn reinvite(&mut self, key: DialogKey, sdp: String) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        match (&entry.phase, &entry.change) {
            (Phase::Up, None) => self.change(key, Some(sdp), false),
            (Phase::Up, Some(_)) => entry.next_offer = Some(sdp),
            _ => self.tell(SipEvent::ReofferRefused { dialog: key, status: 481 }).await,
        }
    }

    /// The session timer wants a refresh: UPDATE where they do it (RFC 4028 §7.4), otherwise a re-INVITE that changes nothing.
    pub(super) async fn refresh(&mut self, key: DialogKey) {
        let Some(entry) = self.entries.get(&key) else { return };
        // Whatever is under way refreshes, too.
        if entry.change.is_none() {
            let offer = if entry.allows_update { None } else { entry.said.clone() };
            self.change(key, offer, true);
        }
    }

    fn change(&mut self, key: DialogKey, offer: Option<String>, refresh: bool) {
        let serial = self.next_serial();
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.change = Some(Change { serial, offer, refresh, tries: 0, retry_at: None });
            self.send_change(key, None);
        }
    }

    /// Sends the change that stands in the entry; `seconds` = another session interval than the present one.
    fn send_change(&mut self, key: DialogKey, seconds: Option<u32>) {
        let mut headers = vec![Header::Allow(ALLOW.into()), Header::Supported(self.supported().into())];
        headers.extend(self.session_headers(self.entries.get(&key), seconds));
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(change) = entry.change.as_mut() else { return };
        let theirs = entry.reoffer.as_ref().is_some_and(|r| r.since.elapsed() < self.shared.cfg.t1 * 64);
        if theirs && change.offer.is_some() {
            change.retry_at = Some(Instant::now() + AFTER_THEIRS);
            return;
        }
        change.retry_at = None;
        change.tries += 1;
        let (serial, offer, dialog) = (change.serial, change.offer.clone(), entry.dialog.clone());
        if offer.is_some() {
            headers.push(Header::ContentType("application/sdp".into()));
        }
        let done = self.done.clone();
        self.background(async move {
            let result = match offer {
                Some(sdp) => dialog.reinvite(Some(headers), Some(sdp.into_bytes())).await,
                None => dialog.update(Some(headers), None).await,
            };
            let _ = done.send(Done::Changed { dialog: key, serial, response: result.ok().flatten() }).await;
        });
    }

    /// What has rested long enough goes out again.
    pub(super) async fn retry_changes(&mut self) {
        let now = Instant::now();
        let rested = |c: &Change| c.retry_at.is_some_and(|at| now >= at);
        let due = self.entries.iter().filter(|(_, e)| e.change.as_ref().is_some_and(rested)).map(|(k, _)| *k);
        for key in due.collect::<Vec<_>>() {
            self.send_change(key, None);
        }
    }

    /// The final answer to our re-INVITE or UPDATE. The crate has acknowledged it.
    pub(super) async fn on_changed(&mut self, key: DialogKey, serial: u64, response: Option<Response>) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(change) = entry.change.as_mut().filter(|c| c.serial == serial) else { return };
        let (status, again) = (response.as_ref().map_or(408, |r| r.status_code.code()), change.tries < TRIES_MAX);
        match status {
            200..300 => {
                if let Some(response) = response {
                    self.changed(key, &response).await;
                }
            }
            // The dialog is gone (RFC 3261 §12.2.1.2, RFC 4028 §10).
            408 | 481 => self.expired(key).await,
            491 if again => {
                let rest = collision_rest(entry.incoming(), rand::random());
                if let Some(change) = entry.change.as_mut() {
                    change.retry_at = Some(Instant::now() + rest);
                }
            }
            405 | 501 if again && change.offer.is_none() => {
                entry.allows_update = false;
                change.offer = entry.said.clone();
                self.send_change(key, None);
            }
            422 if again => {
                let min = response.as_ref().and_then(|r| refresh::said(&r.headers).min_se);
                let now = entry.timer.map_or(0, |t| t.agreed().seconds);
                match session_timer::after_422(now, min) {
                    Some(seconds) => self.send_change(key, Some(seconds)),
                    None => self.change_refused(key, status).await,
                }
            }
            _ => self.change_refused(key, status).await,
        }
    }

    async fn changed(&mut self, key: DialogKey, response: &Response) {
        self.agreed(key, response);
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(change) = entry.change.take() else { return };
        if let Some((uri, contact)) = target_of(response) {
            Dialog::Invite(entry.dialog.clone()).set_remote_target(uri, Some(contact));
        }
        let answer = sdp_of(response).filter(|_| change.offer.is_some());
        entry.said = change.offer.or(entry.said.take());
        let news = !change.refresh || answer != entry.heard;
        entry.heard = answer.clone().or(entry.heard.take());
        match answer {
            Some(sdp) if news => self.tell(SipEvent::Reanswered { dialog: key, sdp }).await,
            None if !change.refresh => self.tell(SipEvent::ReofferRefused { dialog: key, status: 488 }).await,
            _ => {}
        }
        self.next_change(key);
    }

    async fn change_refused(&mut self, key: DialogKey, status: u16) {
        let now = self.now();
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Some(change) = entry.change.take() else { return };
        if !change.refresh {
            self.tell(SipEvent::ReofferRefused { dialog: key, status }).await;
        } else if entry.timer.as_mut().is_some_and(|t| t.refused(now, status, None) == Due::Over) {
            return self.expired(key).await;
        }
        self.next_change(key);
    }

    fn next_change(&mut self, key: DialogKey) {
        let next = self.entries.get_mut(&key).and_then(|e| e.next_offer.take());
        if let Some(sdp) = next {
            self.change(key, Some(sdp), false);
        }
    }
}

/// The rest after 491 (RFC 3261 §14.1): 2.1 to 4 s for the owner of the Call-ID (who called), 0 to 2 s for the other, in steps of
/// 10 ms. `dice` is any number.
fn collision_rest(theirs: bool, dice: u32) -> Duration {
    let millis = if theirs { dice % 201 * 10 } else { 2_100 + dice % 191 * 10 };
    Duration::from_millis(u64::from(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_collision_the_owner_of_the_call_waits_longer() {
        let rests = |theirs| (0..2_000).map(move |dice| collision_rest(theirs, dice).as_millis());
        assert_eq!((rests(true).min(), rests(true).max()), (Some(0), Some(2_000)));
        assert_eq!((rests(false).min(), rests(false).max()), (Some(2_100), Some(4_000)));
    }
}
