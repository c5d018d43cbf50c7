//! `hotline calls`: the records. Shows words and numbers on purpose: whoever may read the folder may see them.

use super::args::{CallsArgs, CallsCommand};
use super::args_records::StoreArgs;
use super::running;
use crate::base::{CallId, Disposition, WallTime};
use crate::call::{LegRecord, MESSAGE};
use crate::server::Config;
use crate::store::{CallRow, CallStory, MessageRow, Records, Store, TurnRow};
use anyhow::{Context, bail};
use std::io::Write;
use std::path::PathBuf;

/// Lists calls, shows one, deletes one. `false` when there is no such call.
///
/// # Errors
/// When the records cannot be found, read or written.
pub(crate) async fn run(args: &CallsArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let store = open(&args.place).await?;
    let found = match &args.what {
        None => list(&store, args.last, json, out).await.map(|()| true),
        Some(CallsCommand::Show { id }) => show(&store, id, json, out).await,
        Some(CallsCommand::Messages) => messages(&store, args.last, json, out).await.map(|()| true),
        Some(CallsCommand::Back) => backs(&store, args.last, json, out).await.map(|()| true),
        Some(CallsCommand::Delete { id }) => delete(&store, id, json, out).await,
    };
    store.close().await;
    found
}

/// The folder with the records: the one that is named, or the configuration's.
///
/// # Errors
/// When the configuration that should name it is wrong.
pub(crate) fn folder(place: &StoreArgs) -> anyhow::Result<PathBuf> {
    Ok(records(place)?.dir)
}

/// Where the records are: with SQLite in the folder that is named, or where the configuration says.
///
/// # Errors
/// When the configuration that should name them is wrong.
pub(crate) fn records(place: &StoreArgs) -> anyhow::Result<Records> {
    match &place.store {
        Some(dir) => Ok(Records::in_folder(dir)),
        None => match Config::load(&place.config) {
            Ok(config) => Ok(config.store.records()),
            Err(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                bail!("name the folder with the records with --store, or correct the configuration:\n{}", lines.join("\n"))
            }
        },
    }
}

/// Opens the records.
///
/// # Errors
/// When there are none, or the configuration that should name them is wrong.
pub(crate) async fn open(place: &StoreArgs) -> anyhow::Result<Store> {
    Ok(Store::open_existing_at(&records(place)?).await?)
}

async fn list(store: &Store, last: u32, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let calls = store.calls(last).await?;
    if json {
        serde_json::to_writer(&mut *out, &calls)?;
        writeln!(out)?;
        return Ok(());
    }
    if calls.is_empty() {
        writeln!(out, "no calls yet")?;
        return Ok(());
    }
    writeln!(out, "{:<32}  {:<19}  {:>6}  {:>5}  {:<12}  ended", "call", "began (UTC)", "length", "turns", "flow")?;
    for call in &calls {
        let length = call.length_ms.map_or("-".to_string(), |ms| format!("{}:{:02}", ms / 60_000, ms / 1_000 % 60));
        let ended = ending(call);
        writeln!(out, "{}  {}  {length:>6}  {:>5}  {:<12}  {ended}", call.id, clock(call.began), call.turns, call.flow)?;
    }
    Ok(())
}

/// What callers left, with their words as far as these are known.
async fn messages(store: &Store, last: u32, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let all = store.messages(last).await?;
    if json {
        serde_json::to_writer(&mut *out, &all)?;
        writeln!(out)?;
        return Ok(());
    }
    if all.is_empty() {
        writeln!(out, "no messages yet")?;
    }
    for left in &all {
        let caller = left.caller.as_ref().map_or("(removed)", |number| number.as_str());
        writeln!(out, "{} UTC, {caller}, flow {}, call {}", clock(left.began), left.flow, left.call)?;
        writeln!(out, "    {}", message_line(&left.message))?;
    }
    Ok(())
}

/// Who waits to be called back, and how the last call-backs went.
async fn backs(store: &Store, last: u32, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let rows = store.call_backs(last).await?;
    if json {
        serde_json::to_writer(&mut *out, &rows)?;
        writeln!(out)?;
        return Ok(());
    }
    if rows.is_empty() {
        writeln!(out, "nobody waits to be called back")?;
        return Ok(());
    }
    writeln!(out, "{:<19}  {:<12}  {:<16}  {:>5}  {:<11}  last try", "asked (UTC)", "queue", "number", "tries", "state")?;
    for row in &rows {
        let number = row.number.as_ref().map_or("(removed)", |number| number.as_str());
        let outcome = row.outcome.as_deref().unwrap_or("-").replace('_', " ");
        let (asked, state) = (clock(row.asked), row.state.replace('_', " "));
        writeln!(out, "{asked}  {:<12}  {number:<16}  {:>5}  {state:<11}  {outcome}", row.queue, row.tries)?;
    }
    Ok(())
}

async fn show(store: &Store, id: &str, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let matching = store.calls_beginning_with(id).await.with_context(|| format!("looking for {id:?}"))?;
    let story = match matching.as_slice() {
        [] => None,
        [one] => store.call(*one).await?,
        _ => bail!("more than one call begins with {id:?}; write more of the id"),
    };
    let Some(story) = story else {
        eprintln!("hotline: there is no call {id}; `hotline calls` lists them");
        return Ok(false);
    };
    if json {
        serde_json::to_writer(&mut *out, &story)?;
        writeln!(out)?;
    } else {
        tell(&story, out)?;
    }
    Ok(true)
}

async fn delete(store: &Store, id: &str, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    // In full: what is deleted must have been named.
    let Some(call) = Some(id).filter(|id| id.len() == 32).and_then(|id| id.parse::<CallId>().ok()) else {
        bail!("{id:?} is no call id; write all 32 digits as `hotline calls` shows them");
    };
    let deleted = store.delete(call, running::wall_now()).await?;
    if json {
        writeln!(out, "{}", serde_json::json!({ "call": call.to_string(), "deleted": deleted }))?;
    } else if deleted {
        writeln!(out, "call {call} is deleted: rows, card, sounds and event log")?;
    } else {
        eprintln!("hotline: there is no call {call}; `hotline calls` lists them");
    }
    Ok(deleted)
}

/// The whole story, in the order in which it happened.
fn tell(story: &CallStory, out: &mut dyn Write) -> std::io::Result<()> {
    let call = &story.call;
    let caller = call.caller.as_ref().map_or("(removed)", |c| c.as_str());
    writeln!(out, "call {}", call.id)?;
    writeln!(
        out,
        "{} UTC, {caller} called {}, flow {} ({})",
        clock(call.began),
        call.dialled.as_str(),
        call.flow,
        call.flow_hash
    )?;
    let mut lines: Vec<(u64, String)> = Vec::new();
    lines.extend(story.turns.iter().map(|t| (t.at_ms, turn_line(t))));
    for u in story.utterances.iter().filter(|u| u.meaning.as_deref() != Some(MESSAGE)) {
        let words = u.text.as_ref().map_or("(removed)", |t| t.reveal().as_str());
        let rejected = u.rejected.as_ref().map_or(String::new(), |r| format!(", rejected: {r}"));
        let clip = u.clip.as_ref().map_or(String::new(), |c| format!(", {}", c.display()));
        let who = if u.by == "agent" { "agent    " } else { "heard    " };
        lines.push((u.at_ms, format!("{who} \"{words}\" ({:.2}{rejected}{clip})", u.confidence.get())));
    }
    for d in &story.decisions {
        let why = d.why.as_ref().map_or("(removed)", |w| w.reveal().as_str());
        lines.push((d.at_ms, format!("decided   {}: {why}", d.what)));
    }
    lines.extend(story.attempts.iter().map(|a| (a.at_ms, format!("transfer  {} by {}: {}", a.target, a.method, a.outcome))));
    for m in &story.messages {
        lines.push((m.at_ms, message_line(m)));
    }
    lines.sort_by_key(|(at, _)| *at);
    for (at, line) in lines {
        writeln!(out, "{:>8.2} s  {line}", at as f64 / 1e3)?;
    }
    writeln!(out, "ended: {}", ending(call))?;
    for task in &story.tasks {
        writeln!(out, "task      {}", super::tasks::line(task).trim_start())?;
    }
    for leg in &story.legs {
        writeln!(out, "audio     {}", leg_line(leg))?;
    }
    if let Some(ms) = call.request_to_person_ms {
        writeln!(out, "from asking for a person to a person: {:.1} s", ms as f64 / 1e3)?;
    }
    for (name, path) in [("recording", &story.recording), ("event log", &story.events)] {
        if let Some(path) = path {
            writeln!(out, "{name}: {}", path.display())?;
        }
    }
    Ok(())
}

/// `message   4.2 s because voice.mail, …/message.wav: "call me back"`.
fn message_line(message: &MessageRow) -> String {
    let sound = message.sound.as_ref().map_or(String::new(), |s| format!(", {}", s.display()));
    let words = message.words.as_ref().map(|words| words.reveal()).filter(|words| !words.is_empty());
    let words = words.map_or(String::new(), |words| format!(": \"{words}\""));
    let lacking = message.lacking.as_ref().map_or(String::new(), |why| format!(" ({why})"));
    format!("message   {:.1} s because {}{sound}{words}{lacking}", f64::from(message.speech_ms) / 1e3, message.because)
}

/// `caller: PCMU, heard 1500 packets, 3 lost, jitter 2.1 ms, buffer 40 ms, MOS 4.35; …`.
fn leg_line(leg: &LegRecord) -> String {
    let Some(codec) = &leg.codec else { return format!("{}: nothing was agreed", leg.leg) };
    let ms = |us: u32| f64::from(us) / 1e3;
    let opinion = |mos: Option<f64>| mos.map_or(String::new(), |m| format!(", MOS {m:.2}"));
    let encrypted = if leg.encrypted { ", encrypted" } else { "" };
    let heard = format!(
        "heard {} packets, {} lost, {} late, {} discarded, jitter {:.1} ms, buffer {} ms{}",
        leg.packets_in,
        leg.lost,
        leg.late,
        leg.discarded,
        ms(leg.jitter_us),
        leg.buffer_ms,
        opinion(leg.mos)
    );
    let lost = leg.far_lost.map_or(String::new(), |n| format!(", {n} lost there"));
    let jitter = leg.far_jitter_us.map_or(String::new(), |us| format!(", jitter {:.1} ms there", ms(us)));
    let trip = leg.round_trip_ms.map_or(String::new(), |ms| format!(", round trip {ms} ms"));
    let alarm = match leg.one_way.as_deref() {
        Some("nothing_in") => "; ALARM: for 5 s or more nothing came while we sent",
        Some(_) => "; ALARM: we could not send while they did",
        None => "",
    };
    let (name, sent, far) = (&leg.leg, leg.packets_out, opinion(leg.far_mos));
    format!("{name}: {codec}{encrypted}; {heard}; sent {sent}{lost}{jitter}{far}{trip}{alarm}")
}

fn turn_line(turn: &TurnRow) -> String {
    let words = |text: &Option<crate::base::Pii<String>>| match text {
        _ if turn.sensitive => "(sensitive)".to_string(),
        Some(text) => format!("\"{}\"", text.reveal()),
        None => "(removed)".to_string(),
    };
    let meaning = turn.meaning.as_deref().unwrap_or("not understood");
    let (heard, answer) = (words(&turn.heard), words(&turn.answer));
    format!(
        "turn {:<4} {} by {}: {heard} -> {meaning} ({:.2}); answered {answer}",
        turn.turn,
        turn.node,
        turn.by,
        turn.meaning_confidence.get()
    )
}

/// How it ended, in a few words.
fn ending(call: &CallRow) -> String {
    let what = match &call.disposition {
        None => return "going on".to_string(),
        Some(Disposition::Transferred { to, because }) => format!("transferred to {to} ({because})"),
        Some(Disposition::MessageTaken { because }) => format!("message taken ({because})"),
        Some(Disposition::CallBack { because }) => format!("is called back ({because})"),
        Some(Disposition::NotReached { because }) => format!("call-back: not reached ({})", because.replace('_', " ")),
        Some(Disposition::Abandoned { wanted_person: true }) => "abandoned while waiting for a person".to_string(),
        Some(Disposition::Rejected { status }) => format!("rejected with {status}"),
        Some(Disposition::Failed { why }) => format!("failed: {why}"),
        Some(other) => other.name().replace('_', " "),
    };
    match &call.fault {
        None | Some(crate::base::Fault::None) => what,
        Some(fault) => format!("{what}; fault: {fault:?}").to_lowercase(),
    }
}

pub(super) fn clock(at: WallTime) -> String {
    at.utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::args::{Cli, Command};
    use super::*;
    use crate::base::Moment;
    use crate::call::Record;
    use crate::store::tests::{CALL, began, ended, turn};
    use clap::Parser;
    use std::path::Path;

    /// Runs `hotline calls …` on a store; its answer and what it printed.
    async fn hotline(dir: &Path, words: &[&str]) -> (anyhow::Result<bool>, String) {
        let store = dir.display().to_string();
        let line = [&["hotline", "calls", "--store", &store], words].concat();
        let Ok(Cli { json, command: Command::Calls(args) }) = Cli::try_parse_from(line) else { panic!("{words:?}") };
        let mut out = Vec::new();
        let result = run(&args, json, &mut out).await;
        (result, String::from_utf8(out).expect("text"))
    }

    #[tokio::test]
    async fn calls_are_listed_shown_and_deleted() {
        let dir = tempfile::tempdir().expect("a folder");
        let (nothing, _) = hotline(dir.path(), &[]).await;
        assert!(nothing.expect_err("no records").to_string().contains("--store"));
        let store = Store::open(dir.path()).await.expect("a store");
        assert_eq!(hotline(dir.path(), &[]).await.1, "no calls yet\n");
        let leg = Record::Leg(LegRecord {
            leg: "caller".into(),
            codec: Some("opus".into()),
            packets_in: 1_500,
            mos: Some(4.351),
            round_trip_ms: Some(42),
            one_way: Some("nothing_in".into()),
            ..LegRecord::default()
        });
        for record in [began(), turn(0, "where is it", false), turn(1, "1234", true), ended(), leg] {
            store.write(CALL, Moment::from_millis(1_000), &record).await.expect("written");
        }
        let (_, listed) = hotline(dir.path(), &[]).await;
        assert!(listed.contains("00000000000000000000000000000abc  2026-11-23 10:00:00    1:00      2  parcel"), "{listed}");
        let (shown, text) = hotline(dir.path(), &["show", "0000"]).await;
        assert!(shown.expect("shown"));
        assert!(text.contains("\"where is it\" -> parcel.where (0.75); answered \"It is on its way.\""), "{text}");
        assert!(text.contains("(sensitive)") && !text.contains("1234\""), "{text}");
        assert!(text.contains("ended: transferred to support (asked)"), "{text}");
        let audio =
            "audio     caller: opus; heard 1500 packets, 0 lost, 0 late, 0 discarded, jitter 0.0 ms, buffer 0 ms, MOS 4.35";
        assert!(text.contains(audio) && text.contains("round trip 42 ms; ALARM"), "{text}");
        let (_, json) = hotline(dir.path(), &["show", "0000", "--json"]).await;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(json["call"]["disposition"], "transferred");
        assert_eq!(json["turns"][0]["heard"], "where is it");
        assert_eq!((&json["legs"][0]["codec"], &json["legs"][0]["mos"]), (&"opus".into(), &4.351.into()));
        assert!(!hotline(dir.path(), &["show", "ffff"]).await.0.expect("looked"));
        assert!(hotline(dir.path(), &["delete", "0000"]).await.0.is_err(), "only in full");
        let id = CALL.to_string();
        assert!(hotline(dir.path(), &["delete", &id]).await.0.expect("deleted"));
        assert!(!hotline(dir.path(), &["delete", &id]).await.0.expect("gone"));
    }
}
