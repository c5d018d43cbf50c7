//! What happens inside dialogs and around them, against SIPp: session timers, reliable provisional answers, UPDATE, collisions,
//! transfers and replaced calls. Intervals that last minutes on a real network last seconds here.
//!
//! Which test shows which answer of ours (RFC 3261 unless said otherwise):
//!
//! | status | when | test |
//! |---|---|---|
//! | 202 | REFER of an agent's phone (RFC 3515) | `transfers_that_they_ask_for`, `moves::an_agent_sends_the_caller_on` |
//! | 302 to us | followed once, to a named target only | `a_redirect_is_followed_once` |
//! | 400 | Replaces that is broken or doubled, REFER without an address | `a_phone_takes_the_place_of_another`, `transfers_that_they_ask_for` |
//! | 403 | REFER to where nobody is named; unknown sources | `moves::a_caller_whom_nobody_else_takes_stays_with_the_agent`, `sipp::unknown_callers` |
//! | 405 | methods that we do not do | `answers_that_refuse` |
//! | 415 | bodies that we do not read | `answers_that_refuse` |
//! | 416 | schemes that we cannot call | `sipp::untidy_and_broken_requests_are_answered` |
//! | 420 | extensions that we do not know | `answers_that_refuse` |
//! | 422 | a session interval that is too small (RFC 4028) | `a_session_interval_that_is_too_small` |
//! | 481 | no such call: BYE, PRACK, Replaces | `answers_that_refuse`, `provisional_answers_that_are_acknowledged`, `a_phone_takes_the_place_of_another` |
//! | 482 | the same INVITE over two paths | `sipp::the_same_call_over_two_paths_is_one_call` |
//! | 483 | never: we are no proxy, Max-Forwards 0 that reaches us has arrived (§16.3 step 3 is for proxies) | `answers_that_refuse` |
//! | 486 | Replaces with early-only for an answered call (RFC 3891) | `a_phone_takes_the_place_of_another` |
//! | 488 | offers that do not fit | `sipp::refusals`, `sipp::a_refused_change_leaves_the_call_as_it_was` |
//! | 491 | their offer while ours has no answer | `offers_that_collide`, `an_agent_whose_early_media_is_acknowledged` |
//! | 491 to us | tried again after the wait of §14.1 | `offers_that_collide` |
//! | 500 | an old CSeq; an offer while theirs has no answer (RFC 3311) | `answers_that_refuse`, `offers_that_collide`, `provisional_answers_that_are_acknowledged` |
//! | 501, 505 | methods and versions that nobody knows | `sipp::untidy_and_broken_requests_are_answered` |
//! | 504 | a provisional answer that nobody acknowledges (RFC 3262) | `a_provisional_answer_that_nobody_acknowledges` |
//! | 603 | REFER of a caller's phone; Replaces for a call that is over (RFC 3891) | `a_phone_takes_the_place_of_another`, `sipp::nobody_transfers_us`, `provisional_answers_that_are_acknowledged` |

use super::gateway::installed;
use super::telephone::{Hand, LOOPBACK, Sipp, Ua, call_out, call_out_with, check, check_with, free_port, listening, word};
use hotline::sip::{Reliable, SdpSession, SessionPolicy, SipCommand, SipConfig};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_that_they_ask_for() {
    let story = "incoming:+4930123456>transfer acked refer-asked:sip:anna@127.0.0.1:9 ours";
    check("asked_transfer", "transfer", &[], story).await;
    let asked = "refer-asked:sip:busy@127.0.0.1:9";
    let story = format!("incoming:+4930123456>transfer acked {asked} {asked} bye");
    check("asked_transfer_fails", "transfer", &[], &story).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_takes_the_place_of_another() {
    if !installed("sipp") {
        return;
    }
    let mut ua = Ua::start(|_| ()).await;
    let target = ua.local.to_string();
    let sipp = Sipp::start("replaces", free_port(), &["-s", "100", &target]);
    let both = async { format!("{} | {}", ua.story().await, ua.story().await) };
    let (told, ()) = tokio::join!(both, sipp.passes());
    assert_eq!(told, "incoming:+4930123456>100 acked incoming:other>100:replaces acked ours | bye");
    ua.drained().await;
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_asked_to_take_the_place_of_a_call() {
    if !installed("sipp") {
        return;
    }
    let mut ua = Ua::start(|_| ()).await;
    let port = free_port();
    let sipp = Sipp::start("agent_replaces", port, &[]);
    listening(port, "udp").await;
    let (dialog, sdp) = (ua.new_key(), SdpSession::new(7).offer(LOOPBACK, 40_000));
    let to = format!("sip:agent@127.0.0.1:{port}?Replaces=12%40x%3Bto-tag%3Da%3Bfrom-tag%3Db&Subject=no");
    ua.command(SipCommand::Invite { dialog, to, from: "100".into(), sdp, uui: None, ring_seconds: 20, trunk: None });
    assert_eq!(word(&ua.next().await), "answered");
    ua.command(SipCommand::HangUp { dialog });
    assert_eq!(ua.story().await, "ours");
    sipp.passes().await;
    ua.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_refuse() {
    check("requests_out_of_order", "100", &[], "incoming:+4930123456>100 acked digit:5 bye").await;
    check("prack_call", "100", &[], "incoming:+4930123456>100 acked bye").await;
    let ua = Ua::start(|_| ()).await;
    let hand = Hand::new(ua.local).await;
    let cases = [
        ("OPTIONS", "Max-Forwards: 70", "Max-Forwards: 0", "200"),
        ("OPTIONS", "Max-Forwards", "Require: nothing.such\r\nMax-Forwards", "420"),
        ("SUBSCRIBE", "", "", "405"),
        ("BYE", "To: <sip:100@127.0.0.1>", "To: <sip:100@127.0.0.1>;tag=nobody", "481"),
        ("INVITE", "Max-Forwards", "Content-Type: text/plain\r\nMax-Forwards", "415"),
    ];
    for (i, (method, from, to, status)) in cases.into_iter().enumerate() {
        let id = format!("refused{i}");
        let request = hand.request(method, &id).replacen(from, to, 1);
        // A body where its type is the question.
        let request = match status {
            "415" => request.replace("Content-Length: 0\r\n\r\n", "Content-Length: 5\r\n\r\nhello"),
            _ => request,
        };
        hand.send(request.as_bytes()).await;
        let mut answer = hand.answer(&id).await;
        while answer.starts_with("SIP/2.0 100 ") {
            answer = hand.answer(&id).await;
        }
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{method} {to}: {answer}");
        if status == "420" {
            assert!(answer.contains("Unsupported: nothing.such"), "{answer}");
        }
    }
    ua.stop().await;
}
