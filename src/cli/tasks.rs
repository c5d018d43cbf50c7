//! `hotline tasks`: what calls have left for people to look after. `hotline incident`: what callers are told about a disturbance.

use super::args_records::{IncidentArgs, IncidentCommand, TasksArgs, TasksCommand};
use super::{calls, running};
use crate::base::Language;
use crate::flow::Incident;
use crate::store::{self, TaskRow};
use anyhow::{Context, bail};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;

/// Most characters of what callers are told: about twelve seconds.
const WORDS_MAX: usize = 300;

/// Lists tasks, or says that one is done. `false` when there is no such task.
///
/// # Errors
/// When the records cannot be read or written.
pub(crate) async fn tasks(args: &TasksArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let store = calls::open(&args.place).await?;
    let done = match &args.what {
        Some(TasksCommand::Done { id }) => store.task_done(*id, running::wall_now()).await.map(Some),
        None => Ok(None),
    };
    let rows = store.tasks(args.all).await;
    store.close().await;
    if let (Some(found), Some(TasksCommand::Done { id })) = (done?, &args.what) {
        match found {
            true => writeln!(out, "task {id} is done")?,
            false => eprintln!("hotline: there is no open task {id}; `hotline tasks` lists them"),
        }
        return Ok(found);
    }
    let rows = rows?;
    if json {
        writeln!(out, "{}", json!({ "tasks": rows }))?;
        return Ok(true);
    }
    if rows.is_empty() {
        writeln!(out, "nothing is open")?;
    }
    for row in &rows {
        writeln!(out, "{}", line(row))?;
    }
    if rows.iter().any(|r| r.done.is_none()) {
        writeln!(out, "next: hotline tasks done ID; hotline calls show CALL tells what was said")?;
    }
    Ok(true)
}

/// One task in one line.
pub(super) fn line(row: &TaskRow) -> String {
    let text = |t: &Option<crate::base::Pii<String>>| t.as_ref().map_or("(removed)".to_string(), |t| t.reveal().clone());
    let values = match (text(&row.old), text(&row.new)) {
        (old, new) if old.is_empty() && new.is_empty() => String::new(),
        (old, new) if old.is_empty() => format!(": the caller says \"{new}\""),
        (old, new) if new.is_empty() => format!(": \"{old}\" is wrong"),
        (old, new) => format!(": \"{old}\" should be \"{new}\""),
    };
    let kind = match row.kind.as_str() {
        "wrong_data" => "wrong data",
        _ => "unclear process",
    };
    let done = if row.done.is_some() { ", done" } else { "" };
    let when = calls::clock(row.began);
    format!(
        "{:>5}  {when}  {}  {kind}: {}{values}{done} (call {})",
        row.id,
        row.flow,
        text(&row.what),
        &row.call.to_string()[..8]
    )
}

/// Shows, sets or clears the incident.
///
/// # Errors
/// When the records' folder cannot be read or written, or the words cannot be used.
pub(crate) async fn incident(args: &IncidentArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    // The file alone: an incident may well be that the database is down.
    let folder = calls::folder(&args.place)?;
    match &args.what {
        None => {}
        Some(IncidentCommand::Clear) => store::set_incident(&folder, None).await?,
        Some(IncidentCommand::Set { words, lookups, hours }) => {
            let until = hours.map(|h| running::wall_now().plus(std::time::Duration::from_secs(u64::from(h) * 3_600)));
            let incident = Incident { words: by_language(words)?, lookups: lookups.clone(), until };
            store::set_incident(&folder, Some(&incident)).await?;
        }
    }
    let now = store::incident(&folder).await?;
    if json {
        writeln!(out, "{}", json!({ "incident": now }))?;
        return Ok(true);
    }
    let Some(incident) = now else {
        writeln!(out, "callers are told of no incident")?;
        return Ok(true);
    };
    for (language, words) in &incident.words {
        writeln!(out, "callers hear ({language}): {words}")?;
    }
    if !incident.lookups.is_empty() {
        writeln!(out, "not asked meanwhile: {}", incident.lookups.join(", "))?;
    }
    match incident.until {
        Some(until) if !incident.holds(running::wall_now()) => writeln!(out, "over since {} (UTC)", calls::clock(until))?,
        Some(until) => writeln!(out, "until {} (UTC), or: hotline incident clear", calls::clock(until))?,
        None => writeln!(out, "until: hotline incident clear")?,
    }
    Ok(true)
}

/// `zh=…` is what callers hear in Chinese; words without a language are English.
fn by_language(words: &[String]) -> anyhow::Result<BTreeMap<Language, String>> {
    let mut all = BTreeMap::new();
    for text in words {
        let tagged = text.split_once('=').and_then(|(tag, rest)| Some((Language::parse(tag)?, rest)));
        let (language, text) = tagged.unwrap_or((Language::EN, text));
        let text = text.trim();
        if text.is_empty() || text.chars().count() > WORDS_MAX || text.chars().any(char::is_control) {
            bail!("what callers hear has 1 to {WORDS_MAX} characters in one line; {language} has {}", text.chars().count());
        }
        if let Some(before) = all.insert(language, text.to_string()) {
            bail!("callers would hear \"{text}\" instead of \"{before}\" ({language}): put the whole sentence in quotes");
        }
    }
    Some(all).filter(|all| !all.is_empty()).context("say what callers are to hear: hotline incident set \"…\" zh=\"…\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_without_quotes_is_told() {
        let words = |all: &[&str]| by_language(&all.iter().map(ToString::to_string).collect::<Vec<_>>());
        let both = words(&["Parcels are late.", "zh=包裹晚到。"]).expect("two languages");
        assert_eq!((both[&Language::EN].as_str(), both[&Language::ZH].as_str()), ("Parcels are late.", "包裹晚到。"));
        let told = words(&["Parcels", "in", "Berlin", "are", "late"]).expect_err("no sentence").to_string();
        assert!(told.contains("put the whole sentence in quotes"), "{told}");
        assert!(words(&[" "]).is_err() && words(&[]).is_err());
    }
}
