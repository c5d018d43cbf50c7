//! `hotline serve`: the gateway. SIGTERM and SIGINT drain, SIGHUP reads configuration, flows and certificates again.

use super::running::{self, Running};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

/// Runs until told to end.
///
/// # Errors
/// What is wrong with the configuration, or why the gateway cannot start.
pub(crate) async fn run(config: &Path) -> anyhow::Result<bool> {
    super::bench_process::raise_descriptor_limit();
    let loaded = running::load(config)?;
    log_by(&loaded.log);
    for warning in &loaded.warnings {
        eprintln!("{warning}");
    }
    let running = Running::start_with(loaded).await?;
    let (mut term, mut int, mut hup) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
    eprintln!("hotline takes calls on sip:{}", running.sip().map_or_else(|_| "(TCP only)".into(), |at| at.to_string()));
    if let Some(web) = running.web_url() {
        eprintln!("health, figures and hand-over cards: {web}/health");
        match running.setup_url().await? {
            // Not by the log, which others read: whoever holds this link becomes the administrator.
            Some(url) => eprintln!("the console has no administrator yet; make the first one here: {url}"),
            None => eprintln!("the console: {web}/"),
        }
    }
    eprintln!("end it with Ctrl-C (calls are finished first), reload flows, queues and agents with SIGHUP");
    match running.ready(std::time::Duration::from_secs(120)).await {
        Ok(()) => eprintln!("ready: the recogniser is warm and the fixed prompts are made"),
        Err(error) => eprintln!("{error}; callers use their keys meanwhile, and reach people"),
    }
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = hup.recv() => reload(config, &running),
        }
    }
    eprintln!(
        "draining: {} calls are going on, no new ones are taken (Ctrl-C again ends at once)",
        running.gateway.calls_now()
    );
    tokio::select! {
        () = running.stop() => {}
        _ = int.recv() => eprintln!("ended at once"),
    }
    Ok(true)
}

/// Logs to standard error as `[log]` says. Whole SIP messages hold numbers and keys: the stack's own chatter stays out
/// whatever the level.
fn log_by(log: &crate::server::config::LogConfig) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(format!("{},{},{}", log.level, crate::sip::LOG_FILTER, crate::browser::LOG_FILTER))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second gateway in one process (tests, benches) keeps the first one's log.
    let _ = if log.json { lines.json().try_init() } else { lines.try_init() };
}

/// New calls get the new flows; calls that are going on keep theirs. With a mistake in it everything stays as it was.
fn reload(config: &Path, running: &Running) {
    let loaded = running::load(config).and_then(|config| Ok((running::load_flows(&config)?, config)));
    match loaded {
        Ok((numbers, config)) => {
            running.gateway.set_people(config.people);
            if let Err(why) = running.gateway.set_emergency(config.emergency) {
                eprintln!("{why}");
            }
            let served = numbers.len();
            running.gateway.set_numbers(numbers);
            if let Err(error) = running.gateway.reload_tls() {
                eprintln!("the certificates stay as they were: {error}");
            }
            if let Err(error) = running.reload_web() {
                eprintln!("the web side's certificate stays as it was: {error}");
            }
            eprintln!("reloaded: {served} numbers are served");
        }
        Err(mistakes) => eprintln!("not reloaded, everything stays as it was:\n{mistakes}"),
    }
}
