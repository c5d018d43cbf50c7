//! Callers who are called back: real SIP phones on both sides. One hangs up after having confirmed the number, the gateway is restarted, an
//! agent comes, and the gateway rings the caller's phone; another does not pick up and is tried again, but not for ever.

use crate::console::{Browser, set_up};
use crate::consult::tenths;
use crate::desk::{Desk, FLOW, PASSWORD, Phone, heard, phase, port, presence, state, tone};
use crate::gateway::{Gateway, Wanted, hotline, share_prompts};
use crate::postgres::{Postgres, store_in};
use crate::silence::never_left_in_silence;
use crate::softphone::{MU, Page, pick_up};
use crate::trunks::Far;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// A gateway with one agent, whose trunk leads to the phone of who is called back.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) anna: u16,
    more: String,
    /// A PostgreSQL one; SQLite unless there is.
    database: Option<String>,
}

impl House {
    pub(crate) fn new(far: u16, tries: u8) -> House {
        House::with(far, tries, None)
    }

    /// The agent's phone, in place of one on the table.
    fn with(far: u16, tries: u8, phone: Option<&str>) -> House {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("northwind.yaml"), FLOW.replace("name: line", "name: northwind")).expect("written");
        let anna = port();
        let phone = phone.map_or_else(|| format!("sip:anna@127.0.0.1:{anna}"), String::from);
        let more = format!(
            "[[trunk]]\nname = \"carrier\"\nproxy = \"127.0.0.1:{far}\"\nallow = [\"+4930*\"]\nnumbers_in = [\"49 -> +49\"]\n\
             options_seconds = 0\nout_per_caller_and_day = {tries}\n\
             [[queue]]\nname = \"support\"\nring_seconds = 10\nwrap_up_seconds = 60\ncall_back = true\n\
             call_back_zone = \"UTC\"\ncall_back_hours = \"00:00-24:00\"\ncall_back_tries = {tries}\ncall_back_gap_seconds = 5\n\
             call_back_trunks = [\"carrier\"]\n\
             [[agent]]\nname = \"anna\"\nphone = \"{phone}\"\nqueues = [\"support\"]\n"
        );
        share_prompts(&folder.path().join("store"));
        House { folder, anna, more, database: None }
    }

    /// The store outlasts the gateway.
    pub(crate) fn gateway(&self) -> Gateway {
        self.gateway_with("")
    }

    /// The same with these lines for its `[sip]` table.
    pub(crate) fn gateway_with(&self, sip: &str) -> Gateway {
        let flow = self.path("northwind.yaml");
        let store = match &self.database {
            Some(database) => store_in(database, self.folder.path()),
            None => format!("dir = {:?}\n", self.path("store")),
        };
        Gateway::start(Wanted { flow: &flow, more: &self.more, store: &store, sip, ..Wanted::default() })
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Asks for a person, then to be called back (key 2, once it was offered), and confirms the number.
    fn asks(&self, gateway: &Gateway) -> Vec<Value> {
        self.asks_after(gateway, &[])
    }

    /// The same after something else.
    fn asks_after(&self, gateway: &Gateway, first: &[&str]) -> Vec<Value> {
        let uri = format!("sip:5551000@{}", gateway.sip);
        let record = self.path("asks.wav");
        let who = [uri.as_str(), "--from", "4930123456", "--record", &record];
        let wait = ["--wait", "2500", "--dtmf", "0", "--wait", "8000", "--dtmf", "2"];
        let confirm = ["--wait", "2000", "--dtmf", "1", "--wait", "30000"];
        Phone::start(&[who.as_slice(), first, wait.as_slice(), confirm.as_slice()].concat()).ended()
    }
}

pub(crate) async fn anna_of(gateway: &mut Gateway) -> Browser {
    let mut admin = set_up(gateway).await;
    let user = json!({ "name": "anna", "role": "agent", "agent": "anna", "password": PASSWORD });
    assert_eq!(admin.ask("POST", "/users", Some(user)).await.0, 201);
    let mut anna = Browser::new(admin.base.clone());
    assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
    anna
}

/// `hotline calls back`, once the newest is in this state.
async fn backs(gateway: &Gateway, wanted: &str) -> Vec<Value> {
    let config = gateway.config.to_string_lossy().into_owned();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let (code, text) = hotline(&["--json", "calls", "back", "--config", &config]);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{code} {e}: {text}"));
        if rows.first().is_some_and(|row| row["state"] == wanted) {
            return rows;
        }
        assert!(Instant::now() < end, "the call-back should be {wanted}: {text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hung_up_is_called_back_after_a_restart_and_both_hear_each_other() {
    called_back_after_a_restart(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hung_up_is_called_back_after_a_restart_with_postgresql() {
    if let Some(server) = Postgres::start() {
        called_back_after_a_restart(Some(server.database())).await;
    }
}

async fn called_back_after_a_restart(database: Option<String>) {
    let callers = port();
    let house = House { database, ..House::new(callers, 3) };
    let mut gateway = house.gateway();
    let mut anna = anna_of(&mut gateway).await;
    let (status, ..) = anna.ask("POST", "/desk/presence", Some(json!({ "state": "away", "reason": "break" }))).await;
    assert_eq!(status, 200);
    let told = house.asks(&gateway);
    assert!(told.iter().any(|line| line["event"] == "ended"), "the hotline ends the call: {told:?}");
    let rows = gateway.ended_calls(1);
    assert!(rows.iter().any(|row| row["disposition"].to_string().contains("call_back")), "{rows:#?}");
    let waiting = backs(&gateway, "waiting").await;
    assert_eq!((waiting.len(), waiting[0]["number"].as_str()), (1, Some("+4930123456")), "{waiting:#?}");
    // The gateway dies and comes back, and knows who waits.
    drop(gateway);
    let gateway = house.gateway();
    let web = gateway.web.expect("the web side is on");
    let mut anna = Browser::new(format!("http://{web}"));
    assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
    let mut tab = Desk::open(&anna).await;
    let desk = tab.until("where she was before", |desk| state(desk) == "away").await;
    assert_eq!(desk["agent"]["reason"], "break", "{desk:#}");
    let (high, low) = (tone(house.folder.path(), 1_000.0), tone(house.folder.path(), 500.0));
    let (high, low) = (high.to_string_lossy().into_owned(), low.to_string_lossy().into_owned());
    let (agent_wav, caller_wav) = (house.path("agent.wav"), house.path("caller.wav"));
    let (at, theirs) = (format!("127.0.0.1:{}", house.anna), format!("127.0.0.1:{callers}"));
    let agent = Phone::start(&[
        "--answer",
        "--listen",
        &at,
        "--record",
        &agent_wav,
        "--over",
        "18000",
        "--play",
        &high,
        "--hangup-after",
        "8000",
    ]);
    let caller = Phone::start(&[
        "--answer",
        "--listen",
        &theirs,
        "--record",
        &caller_wav,
        "--wait",
        "4000",
        "--dtmf",
        "1",
        "--wait",
        "3000",
        "--over",
        "500",
        "--play",
        &low,
        "--wait",
        "60000",
    ]);
    presence(&mut anna, "available").await;
    let desk = tab.until("the call-back", |desk| !desk["call"].is_null()).await;
    let card = &desk["call"]["card"];
    assert_eq!(
        (card["caller"].as_str(), card["because"].as_str(), card["call_back"]["number"].as_str()),
        (Some("+4930123456"), Some("asked"), Some("+4930123456")),
        "{desk:#}"
    );
    assert!(!caller.tells("answered"), "the agent first");
    tab.until("the conversation", |desk| phase(desk) == "talking").await;
    assert_eq!(backs(&gateway, "served").await[0]["tries"], 1);
    // The caller's tone begins with the agent's, and the agent's phone hangs up when both are over.
    tab.until("the wrap-up", |desk| state(desk) == "wrapup").await;
    let lines = caller.ended();
    agent.ended();
    let (to_agent, to_caller) = (heard(Path::new(&agent_wav), 500.0), heard(Path::new(&caller_wav), 1_000.0));
    println!("the agent heard the caller's tone for {to_agent} s of 3, the caller the agent's for {to_caller} s of 3");
    assert!(to_agent > 2.0 && to_caller > 2.0, "caller: {lines:#?}");
    // Nobody is called again.
    let rows = gateway.ended_calls(2);
    assert_eq!(rows.len(), 2, "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_called_again_after_the_gap_and_not_for_ever() {
    let far = Far::start().await;
    let house = House::new(far.port, 2);
    let mut gateway = house.gateway();
    let mut anna = anna_of(&mut gateway).await;
    anna.ask("POST", "/desk/presence", Some(json!({ "state": "away", "reason": "break" }))).await;
    house.asks(&gateway);
    backs(&gateway, "waiting").await;
    let at = format!("127.0.0.1:{}", house.anna);
    let mut tab = Desk::open(&anna).await;
    presence(&mut anna, "available").await;
    for n in 1..=2 {
        let agent = Phone::start(&["--answer", "--listen", &at, "--wait", "60000"]);
        let mut invites = 0;
        while invites == 0 {
            let request = far.next().await;
            if request.method() == "INVITE" {
                assert!(request.text.starts_with("INVITE sip:+4930123456@127.0.0.1"), "{}", request.text);
                assert!(agent.tells("answered"), "the agent first: {n}");
                invites += 1;
                far.answer(&request, "486 Busy Here", "", "").await;
            }
        }
        // The agent is free at once, without a wrap-up.
        let told = |desk: &Value| state(desk) == "available" && desk["not_reached"]["why"] == "busy";
        tab.until("a free agent who is told why", told).await;
        agent.ended();
    }
    let rows = backs(&gateway, "not_reached").await;
    assert_eq!((&rows[0]["tries"], rows[0]["outcome"].as_str()), (&json!(2), Some("busy")), "{rows:#?}");
    let ended = gateway.ended_calls(3);
    assert_eq!(ended.iter().filter(|row| row["disposition"].to_string().contains("not_reached")).count(), 2, "{ended:#?}");
}

/// The agent's phone is the desk's page: it rings and is picked up before anybody is called.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_the_page_is_joined_with_who_is_called_back() {
    let callers = port();
    let house = House::with(callers, 3, Some("browser"));
    let mut gateway = house.gateway();
    let mut anna = anna_of(&mut gateway).await;
    anna.ask("POST", "/desk/presence", Some(json!({ "state": "away", "reason": "break" }))).await;
    house.asks_after(&gateway, &["--wait", "2500", "--dtmf", "1", "--wait", "4000"]);
    let asked = backs(&gateway, "waiting").await[0]["call"].clone();
    let low = tone(house.folder.path(), 500.0).to_string_lossy().into_owned();
    let (at, wav) = (format!("127.0.0.1:{callers}"), house.path("caller.wav"));
    let answers = ["--answer", "--listen", &at, "--record", &wav, "--wait", "4000", "--dtmf", "1"];
    let caller =
        Phone::start(&[answers.as_slice(), &["--wait", "2000", "--over", "500", "--play", &low, "--wait", "60000"]].concat());
    let mut tab = Desk::open(&anna).await;
    presence(&mut anna, "available").await;
    let desk = tab.until("the call-back in the page", |desk| state(desk) == "offered").await;
    assert_eq!(desk["call"]["card"]["call_back"]["number"], "+4930123456", "{desk:#}");
    assert!(!caller.tells("answered"), "the agent first");
    let mut page = Page::new(MU).await;
    pick_up(&anna, &mut page, MU, &desk, 1_000.0).await;
    tab.until("the conversation", |desk| phase(desk) == "talking").await;
    page.hears(500.0, 2.0).await;
    // The robot was wrong in the call in which it was asked for: that one is marked, not this one.
    let turn = desk["call"]["turns"][0]["number"].clone();
    let wrong = json!({ "turn": turn, "intent": null, "answer": "We close at six." });
    assert_eq!(anna.ask("POST", "/desk/wrong", Some(wrong)).await.0, 204, "{desk:#}");
    let config = gateway.config.to_string_lossy().into_owned();
    let tasks: Value = serde_json::from_str(&hotline(&["--json", "tasks", "--config", &config]).1).expect("JSON");
    let marked = tasks["tasks"].as_array().and_then(|tasks| tasks.iter().find(|task| task["kind"] == "robot_wrong"));
    assert_eq!(marked.map(|task| &task["call"]), Some(&asked), "{tasks:#}");
    assert_eq!(anna.ask("POST", "/desk/hangup", None).await.0, 200);
    caller.ended();
    let to_caller = heard(Path::new(&wav), 1_000.0);
    println!("the caller heard the page's tone for {to_caller} s");
    assert!(to_caller > 2.0);
    // From the key on with which a person was asked for.
    let asks = tenths(Path::new(&house.path("asks.wav")));
    never_left_in_silence("in line, and asking to be called back", &asks[95..]);
    never_left_in_silence("called back", &tenths(Path::new(&wav)));
    assert_eq!(backs(&gateway, "served").await[0]["tries"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_are_where_they_were_after_a_restart_whoever_said_so() {
    let house = House::new(port(), 1);
    let mut gateway = house.gateway();
    let mut admin = set_up(&mut gateway).await;
    let user = json!({ "name": "anna", "role": "agent", "agent": "anna", "password": PASSWORD });
    assert_eq!(admin.ask("POST", "/users", Some(user)).await.0, 201);
    let (path, available) = ("/wall/agents/anna/presence", json!({ "state": "available" }));
    // A supervisor makes nobody available who would not see the call.
    let (status, problem, _) = admin.ask("POST", path, Some(available.clone())).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("desk_closed")), "{problem}");
    let mut anna = Browser::new(admin.base.clone());
    assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
    let mut tab = Desk::open(&anna).await;
    tab.until("the first desk", |_| true).await;
    assert_eq!(admin.ask("POST", path, Some(available)).await.0, 200);
    tab.until("that she is there", |desk| state(desk) == "available").await;
    // It is written down beside what is shown; no event tells when.
    tokio::time::sleep(Duration::from_millis(500)).await;
    drop(gateway);
    let gateway = house.gateway();
    let mut anna = Browser::new(format!("http://{}", gateway.web.expect("the web side is on")));
    assert_eq!(anna.log_in("anna", PASSWORD).await.0, 200);
    let mut tab = Desk::open(&anna).await;
    tab.until("that she is there as before", |desk| state(desk) == "available").await;
}
