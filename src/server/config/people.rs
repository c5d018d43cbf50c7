//! `[[queue]]` and `[[agent]]`: who takes calls, and how callers wait for them.

use super::reader::Section;
use super::{DeskConfig, values};
use crate::acd::{AgentSetup, Choose, Overflow, PARK_MAX_SECONDS, QueueSetup};
use crate::base::{OpeningHours, Pii};
use crate::server::queues::{People, PhoneLogin, REGISTERS};
use crate::server::softphones::PHONE;
use crate::sip::trunk::Trunk;
use crate::store::user_name;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) fn read_people(top: &mut Section<'_>, trunks: &[Trunk]) -> People {
    let mut queues = Vec::new();
    for mut s in top.tables("queue") {
        if let Some(queue) = read_queue(&mut s, trunks) {
            queues.push((queue, s.line()));
        }
        s.finish();
    }
    let mut agents = Vec::new();
    for mut s in top.tables("agent") {
        let before: Vec<&str> = agents.iter().filter_map(|(_, _, login): &Read| Some(login.as_ref()?.login.as_str())).collect();
        let agent = read_agent(&mut s, &queues, &before);
        agents.extend(agent);
        s.finish();
    }
    let logins = agents.iter_mut().filter_map(|(agent, _, login)| Some((agent.name.clone(), login.take()?))).collect();
    let agents = agents.into_iter().map(|(agent, phone, _)| (agent, phone)).collect();
    let people = People { logins, ..People::new(queues.into_iter().map(|(queue, _)| queue).collect(), agents) };
    // What is wrong between them has no one line.
    for wrong in people.setup.check().err().into_iter().flatten() {
        top.error("queue", &format!("the queues do not fit together: {wrong}"), "Correct [[queue]] and [[agent]]");
    }
    people
}

pub(super) fn read_desk(mut s: Section<'_>) -> DeskConfig {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let reasons = words(&["break", "lunch", "training", "meeting"]);
    let dispositions = words(&["solved", "passed_on", "call_back", "complaint", "no_case"]);
    let transcript = s.get("transcript", false, values::yes_or_no);
    let transcript_agents = s.get("transcript_agents", false, values::yes_or_no);
    if transcript_agents && !transcript {
        let why = "the agents' words are only recognised where the callers' are";
        s.error("transcript_agents", why, "Write transcript = true, too");
    }
    let config = DeskConfig {
        reasons: s.get("reasons", reasons, values::list(values::name)),
        dispositions: s.get("dispositions", dispositions, values::list(values::name)),
        transcript,
        transcript_agents,
        media_ip: s.get("media_ip", None, values::some(values::ip)),
        media_ports: s.get("media_ports", None, values::ports),
    };
    s.finish();
    config
}

fn read_queue(s: &mut Section<'_>, trunks: &[Trunk]) -> Option<QueueSetup> {
    let usual = QueueSetup::named("");
    let name = s.required("name", "name = \"support\"", values::name);
    let skills = s.table("skills").every(values::whole::<u8>(1..=10));
    let choose = s.get("choose", String::from("longest_idle"), values::one_of(&["longest_idle", "best_skill", "ring_one"]));
    let ring = s.get("ring_seconds", usual.ring, values::seconds(5..=120));
    let wrap_up = s.get("wrap_up_seconds", usual.wrap_up, values::seconds(0..=900));
    let park = s.get("park_seconds", usual.park, values::seconds(10..=i64::from(PARK_MAX_SECONDS)));
    let ageing = s.get("ageing_seconds", usual.ageing, values::seconds(5..=3_600));
    let floor = s.get("floor_seconds", usual.floor, values::seconds(10..=7_200));
    let to: Vec<String> = s.get("overflow", Vec::new(), values::list(values::name));
    let after = s.get("overflow_seconds", Duration::from_secs(60), values::seconds(0..=7_200));
    let waiting = s.get("overflow_waiting", None, values::some(values::whole::<u16>(1..=10_000)));
    let full = s.get("full", 50, values::whole::<u16>(1..=10_000));
    let longest = s.get("longest_seconds", usual.longest, values::seconds(30..=14_400));
    let alone = s.get("alone_seconds", usual.alone, values::seconds(0..=600));
    let talk = s.get("usual_seconds", usual.usual, values::seconds(10..=7_200));
    let call_back = super::call_backs::read_call_back(s, trunks);
    let hours = read_hours(s);
    let name = name?;
    let skills = if skills.is_empty() { BTreeMap::from([(name.clone(), 1)]) } else { skills };
    let overflow = to.into_iter().map(|to| Overflow { to, after, waiting: waiting.map(usize::from) }).collect();
    Some(QueueSetup {
        name,
        skills,
        choose: match choose.as_str() {
            "best_skill" => Choose::BestSkill,
            "ring_one" => Choose::RingOne,
            _ => Choose::LongestIdle,
        },
        ring,
        wrap_up,
        park,
        ageing,
        floor,
        overflow,
        full: usize::from(full),
        longest,
        alone,
        hours,
        usual: talk,
        call_back,
    })
}

/// When its agents are there; without, always.
fn read_hours(s: &mut Section<'_>) -> Option<OpeningHours> {
    let week = s.get("hours", Vec::new(), values::list(values::week));
    let zone = s.get("zone", None, values::some(values::zone));
    let closed = s.get("closed", Vec::new(), values::list(values::date));
    match (week.is_empty(), zone) {
        (true, None) if closed.is_empty() => None,
        (false, Some(zone)) => Some(OpeningHours { zone, week: week.concat(), closed }),
        (false, None) => {
            s.error("zone", "the hours of a queue need their time zone", "Write zone = \"Europe/Berlin\"");
            None
        }
        (true, _) => {
            s.error("hours", "zone and closed days mean nothing without hours", "Write hours = [\"mon-fri 9:00-17:00\"]");
            None
        }
    }
}

/// An agent, the phone, and what that logs in with if it registers here.
type Read = (AgentSetup, String, Option<PhoneLogin>);

/// What a phone that registers here proves itself with. `before` = logins of others.
fn read_login(s: &mut Section<'_>, agent: Option<&str>, registers: bool, before: &[&str]) -> Option<PhoneLogin> {
    let login = s.get("phone_login", None, values::some(values::name));
    let password = s.get("phone_password", None, values::some(values::secret));
    if !registers {
        if login.is_some() || password.is_some() {
            let what = "phone_login and phone_password are for a phone that registers here, and this one is called elsewhere";
            s.error("phone_password", what, "Write phone = \"registered\", or leave them out");
        }
        return None;
    }
    let login = login.or(agent.map(str::to_string))?;
    if before.contains(&login.as_str()) {
        s.error("phone_login", &format!("another agent's phone has the login {login:?}"), "Write another phone_login");
    }
    let Some(password) = password else {
        let what = "a phone that registers here needs a password";
        s.error("phone", what, "Write phone_password = \"env:ANNA_PHONE\"; make one with: openssl rand -base64 24");
        return None;
    };
    super::check_password(s, "phone_password", &password);
    Some(PhoneLogin { login, password: Pii::new(password.reveal().clone()) })
}

fn read_agent(s: &mut Section<'_>, queues: &[(QueueSetup, usize)], before: &[&str]) -> Option<Read> {
    let name = s.required("name", "name = \"anna\"", values::name);
    let phone = s.required("phone", "phone = \"browser\", \"registered\" or \"sip:anna@192.0.2.10\"", values::phone);
    let serves: Vec<String> = s.get("queues", Vec::new(), values::list(values::name));
    let mut skills = s.table("skills").every(values::whole::<u8>(1..=10));
    let languages = s.get("languages", Vec::new(), values::list(values::language));
    let desk = s.get("desk", true, values::yes_or_no);
    let registers = phone.as_deref() == Some(REGISTERS);
    let login = read_login(s, name.as_deref(), registers, before);
    if let Some(name) = name.as_deref().filter(|name| desk && user_name(name).as_deref() != Some(name)) {
        let what = format!("nobody can log in to the desk of {name:?}: users' agents are written in small letters");
        s.error("name", &what, "Write it in small letters, beginning with a letter or digit, or desk = false");
    }
    let pause = s.get("pause_seconds", Duration::from_secs(60), values::seconds(5..=3_600));
    if !desk && phone.as_deref() == Some(PHONE) {
        s.error("desk", "a phone in the page needs a desk", "Leave desk out, or write the address of a phone on the table");
    }
    for wanted in &serves {
        match queues.iter().find(|(queue, _)| queue.name == *wanted) {
            // A queue's name in the list stands for just what it asks for.
            Some((queue, _)) => {
                for (skill, least) in &queue.skills {
                    let level = *skills.entry(skill.clone()).or_insert(*least);
                    if level < *least {
                        let what = format!("queue {wanted:?} asks for {skill} {least}, and the agent has {level}");
                        s.error("queues", &what, "Raise the level in skills, or leave the queue out");
                    }
                }
            }
            None => {
                s.error("queues", &format!("there is no queue {wanted:?}"), "Add a [[queue]] with this name, or correct it")
            }
        }
    }
    if serves.is_empty() && skills.is_empty() {
        s.error("queues", "the agent serves no queue", "Write queues = [\"support\"], or skills = { support = 5 }");
    }
    let languages = languages.into_iter().collect::<BTreeSet<_>>();
    Some((AgentSetup { name: name?, skills, languages, returns: (!desk).then_some(pause) }, phone?, login))
}
