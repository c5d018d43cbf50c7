//! `make demo-desk`: the gateway as `serve` runs it, an agent's desk to log in to, and callers who phone whenever the agent is free. It
//! goes on until Ctrl-C; the callers' voices are those of the audio fixtures.

use super::demo::{Speech, place};
use super::phone::Step;
use super::running::{Running, Scratch, wall_now};
use crate::acd::AgentState;
use crate::store::{NewUser, Role};
use crate::web::password_hash;
use anyhow::Context;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// What callers hear.
const FLOW: &str = include_str!("demo_desk.yaml");

/// The queue and its one agent, whose phone is the page. Added to a configuration for this machine alone.
const PEOPLE: &str = "\n[desk]\ntranscript = true\n\n[[queue]]\nname = \"support\"\nwrap_up_seconds = 60\n\n\
    [[agent]]\nname = \"anna\"\nphone = \"browser\"\nqueues = [\"support\"]\n";

/// From being free to the next caller.
const BREATH: Duration = Duration::from_secs(3);

/// Runs until Ctrl-C; `fixtures` is the folder `audio-fixtures`.
///
/// # Errors
/// One sentence when the gateway cannot start.
pub(crate) async fn run(fixtures: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let scratch = Scratch::at(Path::new("run/demo-desk"))?;
    let flow = scratch.path("demo.yaml");
    std::fs::write(&flow, FLOW).with_context(|| format!("{} cannot be written", flow.display()))?;
    let config = scratch.config(&flow.to_string_lossy(), &[], &[], 2)?;
    // Nobody waits for a made-up caller after Ctrl-C.
    let text = std::fs::read_to_string(&config)?.replace("[limits]\n", "[limits]\ndrain_seconds = 1\n") + PEOPLE;
    std::fs::write(&config, text).with_context(|| format!("{} cannot be written", config.display()))?;
    writeln!(out, "Starting the gateway (recogniser, voices, one flow, one desk)…")?;
    let running = Running::start(&config).await?;
    running.ready(Duration::from_secs(60)).await?;
    // Made for this run, and gone with its folder at the next one.
    let password = format!("{:016x}", rand::random::<u64>());
    let new = NewUser {
        name: "anna".into(),
        display: "Anna".into(),
        // Sees the wall, too.
        role: Role::Supervisor,
        agent: Some("anna".into()),
        language: None,
        password: password_hash(&password),
    };
    running.gateway.store().add_user(&new, wall_now()).await?.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let desk = running.web_url().context("the web side is off")?;
    writeln!(out, "\nThe desk:  {desk}/   (Chromium, Chrome or Edge; Firefox brings audio to no loopback address)")?;
    writeln!(out, "Log in as: anna   with the password: {password}")?;
    writeln!(out, "Then press \"Go available\": a caller phones, asks something, and wants a person. Press Y to answer.")?;
    writeln!(out, "The next one comes when you are free again. Ctrl-C ends it.\n")?;
    out.flush()?;
    let callers = callers(&running, Speech { fixtures: fixtures.to_path_buf() }, out);
    tokio::select! {
        done = callers => done?,
        stopped = tokio::signal::ctrl_c() => stopped.context("Ctrl-C cannot be waited for")?,
    }
    running.stop().await;
    writeln!(out, "\nThe records of this desk: hotline calls --config {}", config.display())?;
    Ok(())
}

/// One caller after the other, whenever the agent is free.
async fn callers(running: &Running, speech: Speech, out: &mut dyn Write) -> anyhow::Result<()> {
    let uri = format!("sip:100@{}", running.sip()?);
    let mut floor = running.gateway.desks().floor();
    let script = |question: &str| -> anyhow::Result<Vec<Step>> {
        Ok(vec![
            Step::Play(speech.samples(question)?),
            Step::Play(speech.samples("person-1.wav")?),
            // The agent says who they are, and then hears what it is about.
            Step::Wait(Duration::from_secs(10)),
            Step::Play(speech.samples("where-other-5.wav")?),
            Step::Wait(Duration::from_secs(4)),
            Step::Play(speech.samples("number-1.wav")?),
            Step::Wait(Duration::from_secs(45)),
        ])
    };
    for nth in 1_u32.. {
        floor.wait_for(|floor| floor.agents.iter().any(|agent| agent.state == AgentState::Available)).await?;
        tokio::time::sleep(BREATH).await;
        writeln!(out, "caller {nth} phones")?;
        out.flush()?;
        let question = if nth % 2 == 1 { "hours-1.wav" } else { "where-other-5.wav" };
        let record = running.gateway.store().dir().join(format!("caller-{nth}.wav"));
        // A call that goes wrong is no reason to end: the next one comes.
        if let Err(error) = place(uri.clone(), format!("+49301234{nth:02}"), record, script(question)?).await {
            writeln!(out, "caller {nth}: {error:#}")?;
        }
        writeln!(out, "caller {nth} is gone")?;
    }
    Ok(())
}
