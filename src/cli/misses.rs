//! What was not understood, from the callers' mouths into the flow: `hotline misses` shows it, `label` says what it meant, `retrain`
//! puts it into the flow's text and tells what that brings.

use super::args_records::{LabelArgs, MissesArgs, RetrainArgs};
use super::{calls, flow_files, running};
use crate::base::Language;
use crate::flow::{Flow, NewExample, parts, with_examples};
use crate::nlu::{OUT_OF_SCOPE, clusters, holds_chinese};
use crate::store::{Miss, Store};
use crate::trial::learned;
use anyhow::bail;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write;

async fn all(store: &Store, days: u32) -> anyhow::Result<Vec<Miss>> {
    Ok(store.misses(running::days_ago(days)).await?)
}

/// Shows what was not understood, alike things together.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn misses(args: &MissesArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let store = calls::open(&args.place).await?;
    let found = all(&store, args.since).await;
    let drafts = store.draft_figures(running::days_ago(args.since)).await;
    store.close().await;
    let (mut found, mut drafts) = (found?, drafts?);
    drafts.retain(|draft| args.flow.as_ref().is_none_or(|flow| *flow == draft.flow));
    found.retain(|miss| (args.all || miss.label.is_none()) && args.flow.as_ref().is_none_or(|flow| *flow == miss.flow));
    let texts: Vec<&str> = found.iter().map(|miss| miss.text.reveal().as_str()).collect();
    let groups = clusters(&texts);
    if json {
        for group in &groups {
            let misses: Vec<&Miss> = group.iter().map(|n| &found[*n]).collect();
            let first = misses.first().map(|m| m.name());
            writeln!(out, "{}", json!({ "id": first, "count": group.len(), "misses": misses }))?;
        }
        for draft in &drafts {
            writeln!(out, "{}", json!({ "draft": draft }))?;
        }
        return Ok(true);
    }
    if !drafts.is_empty() {
        writeln!(out, "answers that desks proposed    taken  changed  rejected")?;
        for draft in &drafts {
            let name = format!("{} ({})", draft.intent, draft.flow);
            writeln!(out, "  {name:<28} {:>5}    {:>5}     {:>5}", draft.taken, draft.changed, draft.rejected)?;
        }
        writeln!(out)?;
    }
    if groups.is_empty() {
        writeln!(out, "nothing was said in the last {} days that was not understood", args.since)?;
        return Ok(true);
    }
    for group in groups.iter().take(args.show as usize) {
        let first = &found[group[0]];
        let nodes: BTreeSet<&str> = group.iter().map(|n| found[*n].node.as_str()).collect();
        let nodes: Vec<&str> = nodes.into_iter().take(3).collect();
        let label = first.label.as_ref().map_or(String::new(), |l| format!(" = {l}"));
        writeln!(
            out,
            "{:>5} ×  {:<12} \"{}\"  ({}, at {}){label}",
            group.len(),
            first.name(),
            first.text.reveal(),
            first.flow,
            nodes.join(", ")
        )?;
        let mut told = BTreeSet::from([first.text.reveal().clone()]);
        for other in group.iter().skip(1).map(|n| &found[*n]) {
            if told.len() < 4 && told.insert(other.text.reveal().clone()) {
                writeln!(out, "         {:<12} \"{}\"", other.name(), other.text.reveal())?;
            }
        }
        if let Some(clip) = group.iter().find_map(|n| found[*n].clip.as_ref()) {
            writeln!(out, "         listen: {}", clip.display())?;
        }
    }
    let labelled = found.iter().filter(|m| m.label.is_some()).count();
    writeln!(
        out,
        "{} utterances in {} groups, {labelled} labelled; next: hotline label ID INTENT (with all that are alike), or oos for what is none of it",
        found.len(),
        groups.len()
    )?;
    Ok(true)
}

/// Says what a miss meant, with all that are alike and not labelled otherwise.
///
/// # Errors
/// When the records cannot be read or written, or there is no such miss or intent.
pub(crate) async fn label(args: &LabelArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let store = calls::open(&args.place).await?;
    let labelled = labelling(&store, args).await;
    store.close().await;
    let labelled = labelled?;
    if json {
        writeln!(out, "{}", json!({ "intent": args.intent, "labelled": labelled }))?;
    } else {
        let texts: Vec<String> = labelled.iter().take(5).map(|(_, text)| format!("\"{text}\"")).collect();
        writeln!(out, "{} utterances mean {} now: {}", labelled.len(), args.intent, texts.join(", "))?;
        writeln!(out, "next: hotline retrain FLOW")?;
    }
    Ok(true)
}

async fn labelling(store: &Store, args: &LabelArgs) -> anyhow::Result<Vec<(String, String)>> {
    let found = all(store, args.since).await?;
    let Some(place) = found.iter().position(|miss| miss.name() == args.id) else {
        bail!("there is no utterance {}; `hotline misses --all` lists them", args.id);
    };
    let chosen = &found[place];
    known_intent(store, chosen, &args.intent)?;
    let same_flow: Vec<usize> = (0..found.len()).filter(|n| found[*n].flow == chosen.flow).collect();
    let texts: Vec<&str> = same_flow.iter().map(|n| found[*n].text.reveal().as_str()).collect();
    let groups = clusters(&texts);
    let group = groups.iter().find(|group| group.iter().any(|n| same_flow[*n] == place)).cloned().unwrap_or_default();
    let meant: Vec<usize> = match args.only {
        true => vec![place],
        false => group.into_iter().map(|n| same_flow[n]).filter(|n| *n == place || found[*n].label.is_none()).collect(),
    };
    let mut labelled = Vec::new();
    for miss in meant.iter().map(|n| &found[*n]) {
        store.label(miss.call, miss.turn, Some(&args.intent), running::wall_now()).await?;
        labelled.push((miss.name(), miss.text.reveal().clone()));
    }
    Ok(labelled)
}

/// Whether the flow of the call has this intent, as far as its text is kept.
fn known_intent(store: &Store, miss: &Miss, intent: &str) -> anyhow::Result<()> {
    if intent == OUT_OF_SCOPE {
        return Ok(());
    }
    let Ok(text) = std::fs::read_to_string(store.flow_path(&miss.flow_hash)) else { return Ok(()) };
    let Ok(checked) = Flow::load(&text, &miss.flow, &crate::flow::placeholder_env(&text)) else { return Ok(()) };
    let names: Vec<&str> = checked.flow.intents.keys().map(String::as_str).collect();
    anyhow::ensure!(
        names.contains(&intent),
        "the flow {} has no intent {intent}; it has {}, and oos for what is none of them",
        miss.flow,
        names.join(", ")
    );
    Ok(())
}

/// Puts what was labelled into a flow's text and tells what it brings. `false` when there is nothing to learn.
///
/// # Errors
/// When the records or the flow cannot be read, or the flow not be written.
pub(crate) async fn retrain(args: &RetrainArgs, json: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (env, _) = running::world(&args.place.world)?;
    let flow = running::read_flow(&args.flow, &env)?;
    let store = calls::open(&args.place.records()).await?;
    let found = all(&store, args.since).await;
    store.close().await;
    let add = new_examples(&flow, &found?);
    if add.is_empty() {
        writeln!(out, "nothing is labelled for {} that it does not know; hotline misses shows what could be", flow.name)?;
        return Ok(false);
    }
    let name = args.flow.display();
    let text = flow_files::text(&args.flow).map_err(running::mistaken)?;
    let changed = with_examples(&text, &add).map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
    let mut known = crate::flow::placeholder_env(&changed);
    known.extend(env);
    if let Err(findings) = Flow::load(&changed, &name.to_string(), &known) {
        let first = findings.first().map_or(String::new(), ToString::to_string);
        bail!("with the new sentences the flow would not be good: {first}");
    }
    eprintln!("retrain: {} new sentences; comparing on what is held out ...", add.len());
    let figures = learned(&flow, &add).map_err(anyhow::Error::msg)?;
    if args.write {
        flow_files::write_changed(&args.flow, &text, &changed)?;
    }
    if json {
        let sentences: Vec<_> =
            add.iter().map(|n| json!({ "intent": n.intent, "language": n.language, "text": n.text })).collect();
        writeln!(out, "{}", json!({ "flow": flow.name, "add": sentences, "figures": figures, "written": args.write }))?;
        return Ok(true);
    }
    for ((file, before), (_, after)) in parts(&text, &name.to_string()).iter().zip(parts(&changed, "")) {
        if *before != after {
            difference(file, before, &after, out)?;
        }
    }
    writeln!(out, "understood rightly       before   after")?;
    for (what, n) in [("new sentences, held out", figures.new), ("the flow's own, held out", figures.own)] {
        writeln!(out, "{what:<24} {:>5}    {:>5}   of {}", n.before, n.after, n.of)?;
    }
    match args.write {
        true => writeln!(out, "written; next: hotline check {name}, hotline replay --flow {name} --gate 0, then SIGHUP")?,
        false => writeln!(out, "nothing is written yet; next: hotline retrain {name} --write")?,
    }
    Ok(true)
}

/// Sentences that were labelled for this flow and that it does not know yet, each once.
fn new_examples(flow: &Flow, found: &[Miss]) -> Vec<NewExample> {
    let mut seen: BTreeSet<String> =
        flow.languages.iter().flat_map(|l| flow.examples(*l)).map(|(_, text)| text.to_lowercase()).collect();
    seen.extend(flow.out_of_scope.iter().map(|text| text.to_lowercase()));
    let mut add = Vec::new();
    for miss in found.iter().filter(|miss| miss.flow == flow.name) {
        let Some(intent) = &miss.label else { continue };
        let text = miss.text.reveal().trim().to_lowercase();
        let chinese = holds_chinese(&text) && flow.languages.contains(&Language::ZH);
        let other = flow.languages.iter().copied().find(|l| *l != Language::ZH).unwrap_or_default();
        if seen.insert(text.clone()) {
            let intent = (intent != OUT_OF_SCOPE).then(|| intent.clone());
            add.push(NewExample { intent, language: if chinese { Language::ZH } else { other }, text });
        }
    }
    add
}

/// The lines that are new, with the line before each group.
fn difference(name: &str, before: &str, after: &str, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "--- {name}")?;
    let mut old = before.lines().peekable();
    for (number, line) in (1..).zip(after.lines()) {
        if old.peek() == Some(&line) {
            old.next();
            continue;
        }
        // A list in brackets has grown.
        if line.contains('[') && old.peek().is_some_and(|o| o.contains('[')) {
            writeln!(out, "{number:>5} - {}", old.next().unwrap_or_default())?;
        }
        writeln!(out, "{number:>5} + {line}")?;
    }
    Ok(())
}
