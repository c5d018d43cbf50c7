//! A gateway with its web side, as `serve` runs it; also what demo and benches stand on, so that there is no second path.

use super::flow_files;
use crate::audio::Pcm;
use crate::base::{Language, PromptPart};
use crate::flow::{Checked, Finding, Flow};
use crate::server::config::NumberConfig;
use crate::server::{Config, Gateway, Served, Settings};
use crate::sip::destinations::Target;
use crate::speech::RenderKey;
use crate::store::MatcherShelf;
use crate::web::{Tls, Ways, WebState};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running gateway.
pub(crate) struct Running {
    pub(crate) gateway: Gateway,
    web: Option<WebSide>,
    drain: Duration,
}

/// The web side of a gateway.
struct WebSide {
    at: SocketAddr,
    state: WebState,
    tls: Option<Tls>,
    /// As browsers reach it, where the configuration says so.
    public_url: Option<String>,
    task: tokio::task::JoinHandle<()>,
}

/// Everything that is wrong with a configuration and its flows, one line each.
#[derive(Debug)]
pub(crate) struct Mistakes(pub(crate) Vec<String>);

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Mistakes {}

impl Running {
    /// Reads the configuration and its flows and starts everything.
    ///
    /// # Errors
    /// [`Mistakes`] for what people wrote; one sentence for what the machine refused.
    pub(crate) async fn start(config: &Path) -> anyhow::Result<Running> {
        let config = load(config)?;
        Running::start_with(config).await
    }

    /// As [`Running::start`]; `listen` = voices are looked for on the lines even without an engine (to measure that).
    pub(crate) async fn start_listening(config: &Path, listen: bool) -> anyhow::Result<Running> {
        Running::start_so(load(config)?, listen).await
    }

    /// As [`Running::start`], from a configuration that was read already.
    pub(crate) async fn start_with(config: Config) -> anyhow::Result<Running> {
        Running::start_so(config, false).await
    }

    async fn start_so(config: Config, always_listen: bool) -> anyhow::Result<Running> {
        let flows = load_flows(&config)?;
        let drain = config.limits.drain;
        let (web, desk) = (config.web.clone(), config.desk.clone());
        let metrics = crate::web::install_metrics()?;
        // The web side's address must be known before the first card is made.
        let listener = match web.listen {
            Some(listen) => {
                let listener = tokio::net::TcpListener::bind(listen).await;
                Some(listener.with_context(|| format!("the web side cannot listen on {listen}; change [web] listen"))?)
            }
            None => None,
        };
        let tls = web.certificate.clone().zip(web.key.clone());
        let tls = tls.map(|(certificate, key)| Tls::load(certificate, key)).transpose()?;
        let at = listener.as_ref().map(tokio::net::TcpListener::local_addr).transpose()?;
        let program = std::env::current_exe().context("this program's own file cannot be found")?;
        let mut settings = Settings::from_config(&config, flows, program);
        settings.ears.always_listen = always_listen;
        let gateway = Gateway::start(settings).await?;
        let web = match (listener, at) {
            (Some(listener), Some(at)) => {
                let ways = Ways {
                    exposed: !at.ip().is_loopback(),
                    public_host: web.public_url.as_deref().and_then(host_of),
                    proxies: web.proxies.clone(),
                };
                let state = WebState::new(gateway.store().clone(), metrics, web.metrics_token.clone(), ways);
                state.sign_cards(web.card_keys);
                state.open_desks(gateway.desks(), desk.reasons, desk.dispositions);
                let served = crate::web::serve(listener, crate::web::router(state.clone()), tls.clone());
                Some(WebSide { at, state, tls, public_url: web.public_url, task: tokio::spawn(served) })
            }
            _ => None,
        };
        Ok(Running { gateway, web, drain })
    }

    /// Where SIP over UDP listens.
    pub(crate) fn sip(&self) -> anyhow::Result<SocketAddr> {
        self.gateway.sip_address().context("[sip] udp is off in this configuration")
    }

    /// The address of the web side, without a slash at the end.
    pub(crate) fn web_url(&self) -> Option<String> {
        let web = self.web.as_ref()?;
        Some(format!("{}://{}", if web.tls.is_some() { "https" } else { "http" }, web.at))
    }

    /// Where the first administrator of the console is made; `None` when there is one. For the terminal alone.
    pub(crate) async fn setup_url(&self) -> anyhow::Result<Option<String>> {
        let Some(web) = &self.web else { return Ok(None) };
        let path = web.state.setup_path().await?;
        let base = match &web.public_url {
            Some(url) => url.clone(),
            None if web.at.ip().is_unspecified() => {
                format!("{}://localhost:{}", if web.tls.is_some() { "https" } else { "http" }, web.at.port())
            }
            None => self.web_url().unwrap_or_default(),
        };
        Ok(path.map(|path| format!("{base}{}", path.reveal())))
    }

    /// Reads the web side's certificate again; with a mistake in it the old one stays.
    pub(crate) fn reload_web(&self) -> Result<(), crate::web::TlsError> {
        self.web.as_ref().and_then(|web| web.tls.as_ref()).map_or(Ok(()), Tls::reload)
    }

    /// Waits until the recogniser's workers are warm and the fixed prompts are made.
    pub(crate) async fn ready(&self, patience: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + patience;
        while !self.gateway.is_ready() {
            if Instant::now() > until {
                bail!("the recogniser's workers did not get ready within {} s", patience.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// English words as sound, by the gateway's own voices.
    pub(crate) async fn say(&self, words: &str) -> anyhow::Result<Arc<Pcm>> {
        let key = RenderKey { parts: vec![PromptPart::Text(words.into())], language: Language::EN };
        self.gateway.render(key).await.map_err(|why| anyhow::anyhow!("no voice for {words:?}: {why}"))
    }

    /// Drains and ends.
    pub(crate) async fn stop(self) {
        self.gateway.stop(self.drain).await;
        if let Some(web) = self.web {
            web.state.hub().close().await;
            web.task.abort();
        }
    }
}

/// Host and port of an address, lower case.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next().map(str::to_ascii_lowercase)
}

/// Reads a configuration.
///
/// # Errors
/// [`Mistakes`], all of them.
pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    Config::load(path).map_err(|errors| Mistakes(errors.iter().map(ToString::to_string).collect()).into())
}

/// Reads the flows that a configuration names, each file once.
///
/// # Errors
/// [`Mistakes`] of all flows together.
pub(crate) fn load_flows(config: &Config) -> anyhow::Result<Vec<Served>> {
    let env: BTreeMap<String, String> = config.flow_env.iter().map(|(k, v)| (k.clone(), v.reveal().to_string())).collect();
    let mut mistakes = Vec::new();
    let mut read: BTreeMap<PathBuf, Option<Arc<Flow>>> = BTreeMap::new();
    let mut numbers = Vec::new();
    let shelf = MatcherShelf::beside(&config.store.dir);
    for number in &config.numbers {
        let flow = read.entry(number.flow.clone()).or_insert_with(|| load_flow(&number.flow, &env, &shelf, &mut mistakes));
        if let Some(flow) = flow {
            let base_dir = number.flow.parent().map(Path::to_path_buf).unwrap_or_default();
            mistakes.extend(unknown_trunks(config, number, flow));
            mistakes.extend(unknown_queues(config, number, flow));
            for host in unlisted_hosts(config, flow) {
                tracing::warn!(
                    flow = %number.flow.display(),
                    "the flow asks {host}, which is not listed under [lookup] hosts of {}: callers hear of an outage; list it there",
                    config.file.display()
                );
            }
            numbers.push(Served { number: number.dialled.to_string(), flow: flow.clone(), base_dir });
        }
    }
    match mistakes.is_empty() {
        true => Ok(numbers),
        false => Err(Mistakes(mistakes).into()),
    }
}

/// Hosts that a flow's look-ups ask and that the gateway will not.
fn unlisted_hosts(config: &Config, flow: &Flow) -> Vec<String> {
    let listed: Vec<String> = config.lookup.hosts.iter().map(|host| host.to_string().to_ascii_lowercase()).collect();
    flow.hosts().into_iter().filter(|host| !listed.contains(&host.to_ascii_lowercase())).collect()
}

/// Targets that are queues which the configuration does not have.
fn unknown_queues(config: &Config, number: &NumberConfig, flow: &Flow) -> Vec<String> {
    let missing = flow.targets.values().filter_map(|target| Some((target, target.queue()?)));
    let missing = missing.filter(|(_, queue)| !config.people.has_queue(queue));
    let (file, line) = (config.file.display(), number.line);
    missing
        .map(|(target, queue)| {
            let what = format!("target {} is the queue {queue}, and there is no such queue", target.name);
            format!("{file}:{line}: {what}. Add a [[queue]] with this name, or correct the target in the flow.")
        })
        .collect()
}

/// Targets that go by trunks which the configuration does not have.
fn unknown_trunks(config: &Config, number: &NumberConfig, flow: &Flow) -> Vec<String> {
    let known = |name: &String| config.trunks.iter().any(|trunk| trunk.name == *name);
    let called = flow.targets.values().filter(|target| target.queue().is_none());
    let missing = called.filter_map(|target| match Target::parse(&target.sip) {
        Some(Target::Trunk { wanted, .. }) if wanted.is_empty() && config.trunks.is_empty() => {
            Some(format!("target {} goes by a trunk, and there is none", target.name))
        }
        Some(Target::Trunk { wanted, .. }) => {
            let name = wanted.into_iter().find(|name| !known(name))?;
            Some(format!("target {} goes by trunk {name}, and there is no such trunk", target.name))
        }
        Some(Target::Address(_)) => None,
        None => Some(format!("target {} is no address that can be called", target.name)),
    });
    let (file, line) = (config.file.display(), number.line);
    missing
        .map(|what| format!("{file}:{line}: {what}. Add a [[trunk]] with this name, or correct the target in the flow."))
        .collect()
}

fn load_flow(
    path: &Path,
    env: &BTreeMap<String, String>,
    shelf: &MatcherShelf,
    mistakes: &mut Vec<String>,
) -> Option<Arc<Flow>> {
    checked(flow_files::text(path).and_then(|text| Flow::load_kept(&text, &path.display().to_string(), env, shelf)), mistakes)
}

/// A flow that passed its check, with its warnings told; or what is wrong with it.
fn checked(loaded: Result<Checked, Vec<Finding>>, mistakes: &mut Vec<String>) -> Option<Arc<Flow>> {
    match loaded {
        Ok(checked) => {
            for warning in &checked.warnings {
                tracing::warn!("{warning}");
            }
            Some(checked.flow)
        }
        Err(findings) => {
            mistakes.extend(findings.iter().map(Finding::to_string));
            None
        }
    }
}

/// What flows see when they run without a gateway: environment values and hosts, from the command line or a configuration.
///
/// # Errors
/// [`Mistakes`] of the configuration.
pub(crate) fn world(world: &super::args::FlowWorld) -> anyhow::Result<(BTreeMap<String, String>, Vec<String>)> {
    let mut env = BTreeMap::new();
    let mut hosts = Vec::new();
    if let Some(config) = &world.config {
        let config = load(config)?;
        env.extend(config.flow_env.iter().map(|(k, v)| (k.clone(), v.reveal().clone())));
        hosts.extend(config.lookup.hosts.iter().map(ToString::to_string));
    }
    env.extend(world.env.iter().cloned());
    Ok((env, hosts))
}

/// Calendar time now.
pub(crate) fn wall_now() -> crate::base::WallTime {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    crate::base::WallTime(0).plus(since.unwrap_or_default())
}

/// So many days ago.
pub(crate) fn days_ago(days: u32) -> crate::base::WallTime {
    crate::base::WallTime(wall_now().0.saturating_sub(i64::from(days) * 86_400_000))
}

/// Findings of a flow as the error of a command.
pub(crate) fn mistaken(findings: Vec<Finding>) -> Mistakes {
    Mistakes(findings.iter().map(Finding::to_string).collect())
}

/// Reads one flow.
///
/// # Errors
/// [`Mistakes`], all of them.
pub(crate) fn read_flow(path: &Path, env: &BTreeMap<String, String>) -> anyhow::Result<Arc<Flow>> {
    let loaded = flow_files::text(path).and_then(|text| {
        // What is not known here stands for itself, so that any flow can be tried away from its gateway.
        let mut known = crate::flow::placeholder_env(&text);
        known.extend(env.clone());
        Flow::load(&text, &path.display().to_string(), &known)
    });
    let mut mistakes = Vec::new();
    checked(loaded, &mut mistakes).ok_or_else(|| Mistakes(mistakes).into())
}

/// A folder for one run: configuration, database, recordings.
pub(crate) struct Scratch {
    dir: PathBuf,
    /// Removed with its content when dropped.
    temporary: bool,
}

impl Scratch {
    /// A folder that vanishes afterwards.
    pub(crate) fn new(name: &str) -> anyhow::Result<Scratch> {
        let dir = std::env::temp_dir().join(format!("hotline-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("the folder {} cannot be made", dir.display()))?;
        Ok(Scratch { dir, temporary: true })
    }

    /// A folder that stays; what an earlier run left is removed.
    pub(crate) fn at(dir: &Path) -> anyhow::Result<Scratch> {
        if dir.exists() {
            std::fs::remove_dir_all(dir).with_context(|| format!("the folder {} cannot be emptied", dir.display()))?;
        }
        std::fs::create_dir_all(dir).with_context(|| format!("the folder {} cannot be made", dir.display()))?;
        Ok(Scratch { dir: std::fs::canonicalize(dir)?, temporary: false })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a configuration on loopback with any free ports: every number is served by `flow`, and `ears`
    /// recognition processes listen.
    pub(crate) fn config(&self, flow: &str, env: &[(&str, &str)], hosts: &[&str], ears: usize) -> anyhow::Result<PathBuf> {
        let mut text = String::from(
            "# Made by hotline for one run on this machine.\n[sip]\nudp = \"127.0.0.1:0\"\ntcp = \"127.0.0.1:0\"\n\n",
        );
        text.push_str(&format!("[[number]]\ndialled = \"*\"\nflow = {flow:?}\n\n[store]\ndir = \"store\"\n\n"));
        text.push_str("[web]\nlisten = \"127.0.0.1:0\"\n\n[limits]\ncalls_per_minute = 1000\n\n");
        text.push_str(&format!("[speech]\npocketsphinx = {ears}\n\n[flow_env]\n"));
        for (name, value) in env {
            text.push_str(&format!("{name} = {value:?}\n"));
        }
        text.push_str(&format!("\n[lookup]\nhosts = {hosts:?}\n"));
        let path = self.path("hotline.toml");
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
