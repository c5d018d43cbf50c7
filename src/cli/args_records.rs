//! What can be written on the command line of the commands that work on records: misses, labels, retraining, replay, reach.

use super::args::FlowWorld;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Where the records are.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The folder with the records; otherwise [store] dir of the configuration.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) store: Option<PathBuf>,
    /// The configuration that names the folder.
    #[arg(long, value_name = "FILE", default_value = "sip-config/hotline.toml", global = true)]
    pub(crate) config: PathBuf,
}

/// Where the records are, and what flows see.
#[derive(Debug, Args)]
pub(crate) struct RecordsAndFlow {
    /// The folder with the records; otherwise [store] dir of --config, or of sip-config/hotline.toml.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) world: FlowWorld,
}

impl RecordsAndFlow {
    /// The same place without the flow.
    pub(crate) fn records(&self) -> StoreArgs {
        let config = self.world.config.clone().unwrap_or_else(|| "sip-config/hotline.toml".into());
        StoreArgs { store: self.store.clone(), config }
    }
}

/// `hotline misses`.
#[derive(Debug, Args)]
pub(crate) struct MissesArgs {
    /// Of the last so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 15)]
    pub(crate) since: u32,
    /// Only those of this flow, by its name.
    #[arg(long, value_name = "NAME")]
    pub(crate) flow: Option<String>,
    /// Also what is labelled already.
    #[arg(long)]
    pub(crate) all: bool,
    /// How many groups.
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) show: u32,
    #[command(flatten)]
    pub(crate) place: StoreArgs,
}

/// `hotline label`.
#[derive(Debug, Args)]
pub(crate) struct LabelArgs {
    /// The utterance, as `hotline misses` names it.
    pub(crate) id: String,
    /// The intent that it meant; oos = nothing that this hotline is for.
    pub(crate) intent: String,
    /// This utterance alone, not those that are alike.
    #[arg(long)]
    pub(crate) only: bool,
    /// Look back so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    pub(crate) since: u32,
    #[command(flatten)]
    pub(crate) place: StoreArgs,
}

/// `hotline retrain`.
#[derive(Debug, Args)]
pub(crate) struct RetrainArgs {
    /// The flow.
    pub(crate) flow: PathBuf,
    /// Write the new sentences into the flow's file; otherwise they are only shown.
    #[arg(long)]
    pub(crate) write: bool,
    /// Look back so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    pub(crate) since: u32,
    #[command(flatten)]
    pub(crate) place: RecordsAndFlow,
}

/// `hotline reach`.
#[derive(Debug, Args)]
pub(crate) struct ReachArgs {
    /// Tell the rules of this flow that delay a person, too.
    pub(crate) flow: Option<PathBuf>,
    /// Of the last so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub(crate) since: u32,
    #[command(flatten)]
    pub(crate) place: RecordsAndFlow,
}

/// `hotline tasks`.
#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    /// Also those that are done.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(subcommand)]
    pub(crate) what: Option<TasksCommand>,
    #[command(flatten)]
    pub(crate) place: StoreArgs,
}

/// What is done with tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// Somebody has looked after it.
    Done {
        /// Its number.
        id: i64,
    },
}

/// `hotline users`.
#[derive(Debug, Args)]
pub(crate) struct UsersArgs {
    #[command(subcommand)]
    pub(crate) what: UsersCommand,
    #[command(flatten)]
    pub(crate) place: StoreArgs,
}

/// What is done with users. A gateway may be running beside it.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// All users.
    List,
    /// Make one; the password is the first line of standard input.
    Add {
        /// By which they log in: a-z, 0-9, '.', '_', '-', '@'.
        name: String,
        /// What they may do: agent, operator, supervisor or admin.
        #[arg(long, value_name = "ROLE", default_value = "agent", value_parser = role)]
        role: crate::store::Role,
        /// What others see; the name unless given.
        #[arg(long, value_name = "NAME")]
        display: Option<String>,
        /// Whose desk they have.
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
    },
    /// Set a password, the first line of standard input; the user is logged out everywhere.
    Password {
        /// The user.
        name: String,
    },
    /// Lock somebody out at once; their account and what they did stays.
    Disable {
        /// The user.
        name: String,
    },
    /// Let somebody in again.
    Enable {
        /// The user.
        name: String,
    },
}

fn role(text: &str) -> Result<crate::store::Role, String> {
    crate::store::Role::parse(text).ok_or_else(|| "agent, operator, supervisor or admin".to_string())
}

/// `hotline incident`.
#[derive(Debug, Args)]
pub(crate) struct IncidentArgs {
    #[command(subcommand)]
    pub(crate) what: Option<IncidentCommand>,
    #[command(flatten)]
    pub(crate) place: StoreArgs,
}

/// What is done with the incident.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Tell it from now on; a gateway that runs takes it up within seconds.
    Set {
        /// What callers hear, in other languages as zh="…".
        #[arg(required = true)]
        words: Vec<String>,
        /// A look-up of the flows that is out of order: callers go its way for outages at once.
        #[arg(long = "lookup", value_name = "NAME")]
        lookups: Vec<String>,
        /// For so long; until it is cleared unless given.
        #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: Option<u32>,
    },
    /// Tell it no longer.
    Clear,
}

/// `hotline replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Calls by id (or how it begins), or event logs by file; the last ones if none is named.
    #[arg(value_name = "CALL")]
    pub(crate) calls: Vec<String>,
    /// Put the calls before this flow instead of their own.
    #[arg(long, value_name = "FLOW")]
    pub(crate) flow: Option<PathBuf>,
    /// Hear the recorded utterances again, by the engines of this program, where what was heard then is not to be taken for granted.
    #[arg(long)]
    pub(crate) audio: bool,
    /// Fail when more calls than this would be worse.
    #[arg(long, value_name = "N")]
    pub(crate) gate: Option<u32>,
    /// The flow that the calls had, where its text is not kept beside the log.
    #[arg(long, value_name = "FLOW")]
    pub(crate) was: Option<PathBuf>,
    /// How many calls, newest first, when none is named.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) last: u32,
    /// How many at one time; all cores unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) jobs: Option<u8>,
    #[command(flatten)]
    pub(crate) place: RecordsAndFlow,
}
