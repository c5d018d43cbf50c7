//! Callers who are moved on, against the real gateway: agents' phones that transfer, attended transfers of ours, phones that take
//! another's place. SIPp plays caller and agents.

use crate::gateway::{Gateway, HOTLINE, Wanted};
use crate::telephone::{LOOPBACK, Sipp, free_port, installed, listening};
use std::net::SocketAddr;
use std::process::Command;

/// A caller presses 0 and speaks with `AGENT_SIP`, who presses 1.
pub(crate) fn flow(method: &str) -> String {
    format!(
        "hotline: 1\nname: moves\nlanguages: [en]\nstart: welcome\nrecord: off\nperson: {{ to: desk, say: Yes. }}\ntargets:\n  \
         desk: {{ sip: \"{{{{ env.AGENT_SIP }}}}\", method: {method}, accept: key, ring: 10s }}\nintents:\n  hours:\n    \
         examples: [when are you open, what are your hours, are you open today, opening hours please]\n    go: welcome\n\
         nodes:\n  welcome:\n    ask: I am an automatic assistant. How can I help you?\n    keys: {{ \"1\": hours }}\n"
    )
}

/// A gateway whose callers reach the phone at this port.
pub(crate) fn gateway(method: &str, agent: u16, folder: &std::path::Path) -> Gateway {
    let file = folder.join("moves.yaml");
    std::fs::write(&file, flow(method)).expect("a writable folder");
    let env = vec![("AGENT_SIP", format!("sip:agent@127.0.0.1:{agent}"))];
    let file = file.display().to_string();
    Gateway::start(Wanted { flow: &file, env, hosts: vec!["127.0.0.1:9".into()], ..Wanted::default() })
}

/// What is kept of the only call.
pub(crate) fn story(gateway: &Gateway) -> String {
    let rows = gateway.ended_calls(1);
    let id = rows[0]["id"].as_str().expect("an id").to_string();
    let shown = Command::new(HOTLINE).args(["calls", "show", &id, "--json", "--config"]).arg(&gateway.config).output();
    String::from_utf8_lossy(&shown.expect("runs").stdout).into_owned()
}

/// One call by a caller's scenario; `agent` answers, `next` (if any) is whom that agent sends the caller to. Gives the record.
async fn moved(method: &str, caller: &str, agent: &str, next: Option<&str>, pause_ms: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (agent_port, next_port) = (free_port(), free_port());
    let gateway = gateway(method, agent_port, folder.path());
    let key = next_port.to_string();
    let agent = Sipp::start(agent, agent_port, &["-s", "next", "-key", "next", &key]);
    let next = next.map(|scenario| Sipp::start(scenario, next_port, &[]));
    listening(agent_port, "udp").await;
    if next.is_some() {
        listening(next_port, "udp").await;
    }
    let target: SocketAddr = gateway.sip;
    assert_eq!(target.ip(), LOOPBACK);
    let caller = Sipp::start(caller, free_port(), &["-s", "5551000", "-d", pause_ms, &target.to_string()]);
    let third = async {
        if let Some(next) = next {
            next.passes().await;
        }
    };
    tokio::join!(caller.passes(), agent.passes(), third);
    tokio::task::block_in_place(|| story(&gateway))
}

fn says(story: &str, what: &[&str]) {
    for words in what {
        assert!(story.contains(words), "{words:?} is not in the record:\n{story}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_sends_the_caller_on() {
    if !installed() {
        return;
    }
    let story = moved("bridge", "wants_person_ends", "agent_sends_on", Some("agent_next"), "6000").await;
    says(&story, &["agent_transfer", "desk sends the caller on to next@127.0.0.1", "transferred"]);
    let story = moved("bridge", "wants_person_ends", "agent_sends_on_attended", Some("agent_replaces_next"), "6000").await;
    says(&story, &["agent_transfer", "transferred"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whom_nobody_else_takes_stays_with_the_agent() {
    if !installed() {
        return;
    }
    let story = moved("bridge", "wants_person_ends", "agent_sends_on_busy", Some("agent_busy"), "6000").await;
    says(&story, &["agent_transfer_failed", "the caller stays with desk", "486"]);
    let story = moved("bridge", "wants_person_ends", "agent_sends_abroad", None, "6000").await;
    says(&story, &["agent_transfer_refused", "may not be sent there"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attended_transfers_of_ours() {
    if !installed() {
        return;
    }
    let story = moved("attended", "completes", "agent_stays", None, "100").await;
    says(&story, &["\"attended\"", "answered", "transferred"]);
    let story = moved("attended", "does_not_complete", "agent_stays", None, "1000").await;
    says(&story, &["attended_refused", "they talk through us", "501"]);
    let story = moved("attended", "wants_person_message", "agent_busy", None, "100").await;
    says(&story, &["transfer_failed", "486"]);
}
