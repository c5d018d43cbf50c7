//! What happens inside dialogs and around them, against SIPp: session timers, reliable provisional answers, UPDATE, collisions,
//! transfers and replaced calls. Intervals that last minutes on a real network last seconds here.

use super::telephone::{call_out, call_out_with, check, check_with};
use hotline::sip::{Reliable, SessionPolicy, SipConfig};
use std::time::Duration;

fn seconds(cfg: &mut SipConfig) {
    cfg.session = SessionPolicy { expires: 4, min: 2 };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_nobody_refreshes_is_ended() {
    check_with(seconds, "session_theirs", "100", &[], "incoming:+4930123456>100 acked expired").await;
    call_out_with(seconds, "agent_session", (20, "udp"), false, "answered expired").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_we_refresh() {
    check_with(seconds, "session_ours", "100", &[], "incoming:+4930123456>100 acked expired").await;
    check_with(seconds, "session_reinvite", "100", &[], "incoming:+4930123456>100 acked bye").await;
    call_out_with(seconds, "agent_session_ours", (20, "udp"), false, "answered expired").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_interval_that_is_too_small() {
    check_with(seconds, "session_too_small", "100", &[], "incoming:+4930123456>100 acked bye").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn provisional_answers_that_are_acknowledged() {
    check("prack_early", "early", &["-d", "50"], "incoming:+4930123456>early acked bye").await;
    let story = "incoming:+4930123456>progress reoffer digit:5 cancelled";
    check("prack_update", "progress", &[], story).await;
    let known = |cfg: &mut SipConfig| cfg.reliable = Reliable::WhenSupported;
    check_with(known, "prack_ring", "ring", &[], "incoming:+4930123456>ring digit:5 cancelled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provisional_answer_that_nobody_acknowledges() {
    let fast = |cfg: &mut SipConfig| cfg.t1 = Duration::from_millis(20);
    check_with(fast, "prack_never", "progress", &[], "incoming:+4930123456>progress timed-out").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_early_media_is_acknowledged() {
    call_out("agent_reliable", 20, "udp", true, "ringing ringing reoffer ringing answered ours").await;
    call_out("agent_reliable", 20, "tcp", true, "ringing ringing reoffer ringing answered ours").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_that_collide() {
    check("glare", "reinvite", &["-d", "50"], "incoming:+4930123456>reinvite acked reanswered reoffer bye").await;
    check("reoffer_twice", "slow", &["-d", "50"], "incoming:+4930123456>slow acked reoffer digit:1 bye").await;
}
