//! What happens inside dialogs and around them, against SIPp: session timers, reliable provisional answers, UPDATE, collisions,
//! transfers and replaced calls. Intervals that last minutes on a real network last seconds here.

use super::telephone::{call_out_with, check_with};
use hotline::sip::{SessionPolicy, SipConfig};

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
