//! What can be written on the command line. Parsing only: what commands do is in the file named after each. Other programs
//! rely on these names; add, never rename.

use super::args_bench::{BenchArgs, BenchLoadArgs};
use super::args_records::{
    IncidentArgs, LabelArgs, MissesArgs, ReachArgs, ReplayArgs, RetrainArgs, StoreArgs, TasksArgs, UsersArgs,
};
use clap::{ArgAction, ArgMatches, Args, Command as ClapCommand, FromArgMatches, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `hotline`.
#[derive(Debug, Parser)]
#[command(name = "hotline", version, about, long_about = None, max_term_width = 110, subcommand_required = true)]
#[command(after_help = "Exit codes: 0 good, 1 what was asked about is bad, 2 wrong usage or environment.")]
pub(crate) struct Cli {
    /// Print JSON (one document, or one line for each event) instead of text (not for serve, say, chat, and models other than list).
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take calls. SIGTERM finishes the present calls first, SIGHUP reads numbers, flows, queues, agents, [emergency] and certificates again.
    Serve(ServeArgs),
    /// A scripted or live softphone: place a call, or answer one with --answer. Without --hangup-after it hangs up a minute and a half after its
    /// last step (with --mic never); Ctrl-C hangs up at once.
    Call(CallArgs),
    /// Recognise recordings: text, confidence, word times, cost.
    Transcribe(TranscribeArgs),
    /// Speak a text into a WAV file.
    Say(SayArgs),
    /// Talk to a flow by typing.
    Chat(ChatArgs),
    /// Find everything that is wrong with flows, run their own tests, prove that a person can be reached from everywhere.
    Check(CheckArgs),
    /// Let made-up callers phone a flow: rephrasers, mumblers, angry and silent ones, key pressers; fails if one who wants a person gets none.
    TestCalls(TestCallsArgs),
    /// Which intent of a flow is meant by a text.
    Match(MatchArgs),
    /// Train on one table of texts, test on another, and print how good the matcher is.
    Eval(EvalArgs),
    /// The records: list calls, show or delete one.
    Calls(CallsArgs),
    /// What callers said that nobody understood, alike things together.
    Misses(MissesArgs),
    /// Say what something meant that was not understood.
    Label(LabelArgs),
    /// Put what was labelled into a flow, and see what that brings.
    Retrain(RetrainArgs),
    /// Who asked for a person and who came to one, day by day, and every rule that delays a person.
    Reach(ReachArgs),
    /// What calls have left for people to look after: records that are not true, cases that nobody has ruled.
    Tasks(TasksArgs),
    /// The people who work with the console: list them, add one, set a password, disable one.
    Users(UsersArgs),
    /// Tell callers about a disturbance before anything else, and spare them the look-ups that are out of order.
    Incident(IncidentArgs),
    /// Execute recorded calls again: with their own flow (the same commands must come), or with a draft: same, better, worse.
    Replay(ReplayArgs),
    /// Model files for Whisper: list them, fetch one, compare them with their hashes.
    Models(ModelsArgs),
    /// Teach the small model the phrases of a flow's menus, over night on a CPU; shows what callers gain.
    TrainEars(TrainEarsArgs),
    /// Measure.
    Bench(BenchArgs),
    /// A process of the recogniser or the synthesiser; started by hotline itself.
    #[command(hide = true)]
    EngineWorker(EngineWorkerArgs),
    /// The far ends of a load run; started by `hotline bench`.
    #[command(hide = true)]
    BenchLoad(BenchLoadArgs),
    /// Three real calls on this machine, shown turn by turn (`make demo`).
    #[command(hide = true)]
    Demo(DemoArgs),
}

/// `hotline models`.
#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) what: ModelsCommand,
    /// Where the files are.
    #[arg(long, global = true, value_name = "DIR", default_value = "models")]
    pub(crate) folder: PathBuf,
}

/// What to do with model files.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ModelsCommand {
    /// What can be had, and what is here.
    List,
    /// Fetch one; a broken transfer goes on where it stopped.
    Pull {
        /// As in the list.
        name: String,
        /// Fetch from here instead: the address of a folder that holds the file.
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
    },
    /// Compare the files that are here with their hashes.
    Verify,
    /// Find how noise changes the sound that the embedded recogniser expects (models/noise.mllr, which is built in).
    Adapt {
        /// The folder with real people's recordings, as for `bench asr`; every 15th digit and every fourth order are left out, for figures.
        #[arg(long, value_name = "DIR", default_value = "../shared/eval")]
        recordings: PathBuf,
        /// The file to write.
        #[arg(long, value_name = "FILE", default_value = "models/noise.mllr")]
        out: PathBuf,
    },
}

/// `hotline train-ears`.
#[derive(Debug, Args)]
pub(crate) struct TrainEarsArgs {
    /// The flow.
    pub(crate) flow: PathBuf,
    /// The file to write [default: models/NAME-ears.bin].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where the work is kept, so that it can go on after a stop [default: run/ears-NAME].
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Steps of the training; about half a second each on one core.
    #[arg(long, value_name = "N", default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) steps: u32,
    /// How often everything that the model knows already is spoken again, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    pub(crate) share: f32,
    /// Seed of the training.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u32,
    /// The Python that has numpy, scipy, jax and optax.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub(crate) python: PathBuf,
    #[command(flatten)]
    pub(crate) world: FlowWorld,
}

/// A number from 0 to 1.
fn share(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "a number from 0 to 1".to_string())
}

fn folds(text: &str) -> Result<u8, String> {
    text.parse().ok().filter(|n| matches!(n, 0 | 2..=20)).ok_or_else(|| "a number from 2 to 20, or 0".to_string())
}

/// `hotline serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = "sip-config/hotline.toml")]
    pub(crate) config: PathBuf,
}

/// `hotline call`.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    /// Whom to call, such as sip:100@127.0.0.1.
    #[arg(required_unless_present = "answer", conflicts_with = "answer")]
    pub(crate) uri: Option<String>,
    /// Wait for a call and answer it, instead of placing one.
    #[arg(long)]
    pub(crate) answer: bool,
    /// Where our SIP is heard; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// The number that we call from.
    #[arg(long, value_name = "NUMBER", default_value = "hotline")]
    pub(crate) from: String,
    /// The language of --say.
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = language)]
    pub(crate) lang: crate::base::Language,
    #[command(flatten)]
    pub(crate) steps: CallSteps,
    /// Write what was said (left) and heard (right) into this WAV file.
    #[arg(long, value_name = "WAV")]
    pub(crate) record: Option<PathBuf>,
    /// Speak and listen through the sound card (built with feature `device`).
    #[arg(long)]
    pub(crate) mic: bool,
}

/// One step of a scripted call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallStep {
    /// `--play FILE`.
    Play(PathBuf),
    /// `--say TEXT`.
    Say(String),
    /// `--over MS`: the next play or say begins so long after the far end starts to talk.
    Over(u64),
    /// `--dtmf KEYS`.
    Dtmf(String),
    /// `--wait MS`.
    Wait(u64),
    /// `--hangup-after MS`.
    HangUpAfter(u64),
}

/// The steps in the order given. clap collects values by name; their places on the command line bring the order back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallSteps(pub(crate) Vec<CallStep>);

impl Args for CallSteps {
    fn augment_args(command: ClapCommand) -> ClapCommand {
        let step = |name: &'static str, value: &'static str, help: &'static str| {
            clap::Arg::new(name)
                .long(name)
                .value_name(value)
                .help(help)
                .action(ArgAction::Append)
                .help_heading("Steps, done in the order given")
        };
        let millis = clap::value_parser!(u64).range(0..=3_600_000);
        command
            .arg(
                step("play", "FILE", "Play a recording once the far end has stopped talking")
                    .value_parser(clap::value_parser!(PathBuf)),
            )
            .arg(step("say", "TEXT", "Speak a text once the far end has stopped talking"))
            .arg(
                step("over", "MS", "Let the next --play or --say begin so long after the far end starts to talk")
                    .value_parser(millis),
            )
            .arg(step("dtmf", "KEYS", "Press keys (0-9 * # A-D)").value_parser(keys))
            .arg(step("wait", "MS", "Wait").value_parser(millis))
            .arg(step("hangup-after", "MS", "Hang up so long after the step before").value_parser(millis))
    }

    fn augment_args_for_update(command: ClapCommand) -> ClapCommand {
        CallSteps::augment_args(command)
    }
}

impl FromArgMatches for CallSteps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<CallSteps, clap::Error> {
        fn of<T: Clone + Send + Sync + 'static>(
            matches: &ArgMatches,
            name: &str,
            make: impl Fn(T) -> CallStep,
        ) -> Vec<(usize, CallStep)> {
            let places = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<T>(name).into_iter().flatten().cloned();
            places.zip(values.map(make)).collect()
        }
        let mut steps = of(matches, "play", CallStep::Play);
        steps.extend(of(matches, "say", CallStep::Say));
        steps.extend(of(matches, "over", CallStep::Over));
        steps.extend(of(matches, "dtmf", CallStep::Dtmf));
        steps.extend(of(matches, "wait", CallStep::Wait));
        steps.extend(of(matches, "hangup-after", CallStep::HangUpAfter));
        steps.sort_by_key(|(place, _)| *place);
        Ok(CallSteps(steps.into_iter().map(|(_, step)| step).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = CallSteps::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Which recogniser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EngineName {
    /// The embedded one.
    Pocketsphinx,
    /// Needs a model file.
    Whisper,
    /// The small Whisper model of the hotline domain that hotline brings along.
    Small,
    /// The embedded one, and the small one where it is not sure: what callers meet.
    Cascade,
}

impl EngineName {
    /// As on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            EngineName::Pocketsphinx => "pocketsphinx",
            EngineName::Whisper => "whisper",
            EngineName::Small => "small",
            EngineName::Cascade => "cascade",
        }
    }
}

/// `hotline transcribe`.
#[derive(Debug, Args)]
pub(crate) struct TranscribeArgs {
    /// Recordings: WAV (PCM, mu-law, A-law), MP3, OGG, FLAC.
    #[arg(required_unless_present = "refs", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Which recogniser.
    #[arg(long, value_enum, default_value = "pocketsphinx")]
    pub(crate) engine: EngineName,
    /// The ggml model file for Whisper.
    #[arg(long, value_name = "FILE", required_if_eq("engine", "whisper"))]
    pub(crate) model: Option<PathBuf>,
    /// What may be said: phrases ("yes | no | agent"), or @FILE with JSGF, or YAML `slot: [values]` with carrier words.
    #[arg(long, value_name = "PHRASES|@FILE", conflicts_with = "flow")]
    pub(crate) grammar: Option<String>,
    /// Expect the open question of this flow.
    #[arg(long, value_name = "FLOW")]
    pub(crate) flow: Option<PathBuf>,
    /// The language that is spoken.
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = language)]
    pub(crate) lang: crate::base::Language,
    /// A table with the columns file (relative to the table), transcript and/or slots (JSON): hear all and count what is right.
    #[arg(long, value_name = "TSV")]
    pub(crate) refs: Option<PathBuf>,
}

/// `hotline say`.
#[derive(Debug, Args)]
pub(crate) struct SayArgs {
    /// What to say.
    pub(crate) text: String,
    /// Where to.
    #[arg(short, long, value_name = "WAV")]
    pub(crate) output: PathBuf,
    /// Which voice (English: slt unless said otherwise, rms; espeak for any language).
    #[arg(long, value_name = "NAME")]
    pub(crate) voice: Option<String>,
    /// In which language.
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = language)]
    pub(crate) lang: crate::base::Language,
}

/// What templates of a flow see as `env.NAME`, and where look-ups may ask, for commands that run flows without a gateway.
#[derive(Debug, Args)]
pub(crate) struct FlowWorld {
    /// A value that the flow sees as env.NAME (what [flow_env] is for the gateway).
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) env: Vec<(String, String)>,
    /// Take [flow_env] and [lookup] from this configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// `hotline chat`.
#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// The flow.
    pub(crate) flow: PathBuf,
    /// Tell the reasons: scores of the matcher, decisions of the escalation.
    #[arg(long)]
    pub(crate) why: bool,
    /// A host with port that look-ups may ask, such as 127.0.0.1:8090.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) host: Vec<String>,
    #[command(flatten)]
    pub(crate) world: FlowWorld,
}

/// `hotline check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The flows.
    #[arg(required_unless_present = "schema", value_name = "FLOW")]
    pub(crate) flows: Vec<PathBuf>,
    /// Draw the flow for Graphviz instead.
    #[arg(long, conflicts_with_all = ["mermaid", "json"])]
    pub(crate) dot: bool,
    /// Draw the flow for Mermaid instead.
    #[arg(long, conflicts_with = "json")]
    pub(crate) mermaid: bool,
    /// Print the JSON Schema of flows, for editors.
    #[arg(long, conflicts_with_all = ["flows", "dot", "mermaid"])]
    pub(crate) schema: bool,
    #[command(flatten)]
    pub(crate) world: FlowWorld,
}

/// `hotline test-calls`.
#[derive(Debug, Args)]
pub(crate) struct TestCallsArgs {
    /// The flow.
    pub(crate) flow: PathBuf,
    /// How many callers: all kinds and all intents in turn.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) calls: u32,
    /// The same seed brings the same callers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) world: FlowWorld,
}

/// `hotline match`.
#[derive(Debug, Args)]
pub(crate) struct MatchArgs {
    /// The flow.
    pub(crate) flow: PathBuf,
    /// Texts, each in quotes.
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
    /// The language of the texts; the flow's first when not given.
    #[arg(long, value_name = "TAG", value_parser = language)]
    pub(crate) lang: Option<crate::base::Language>,
    #[command(flatten)]
    pub(crate) world: FlowWorld,
}

/// `hotline eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// What to learn from: lines `intent<TAB>text`; the intent oos means out of scope.
    #[arg(long, value_name = "TSV")]
    pub(crate) train: PathBuf,
    /// What to test with, in the same form.
    #[arg(long, value_name = "TSV")]
    pub(crate) test: PathBuf,
    /// The language of the texts.
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = language)]
    pub(crate) lang: crate::base::Language,
    /// Test with word errors as a recogniser makes them: this share of the words is misheard (60 %), lost or too many (20 % each).
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub(crate) errors: f32,
    /// What misheard words may turn into, beside the words of both tables: a list with a word at the beginning of each line (a pronouncing
    /// dictionary will do), for recognisers know more words than a flow.
    #[arg(long, value_name = "FILE")]
    pub(crate) heard_as: Option<PathBuf>,
    /// Judge the table to learn from as well, in so many parts, each by what was learned from the others; 0 = do not. It takes as many trainings.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = folds)]
    pub(crate) folds: u8,
    /// How often each text is misheard.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) seeds: u8,
}

/// `hotline calls`.
#[derive(Debug, Args)]
pub(crate) struct CallsArgs {
    /// How many calls to list, newest first.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) last: u32,
    #[command(flatten)]
    pub(crate) place: StoreArgs,
    #[command(subcommand)]
    pub(crate) what: Option<CallsCommand>,
}

/// What to do with one call.
#[derive(Debug, Subcommand)]
pub(crate) enum CallsCommand {
    /// Tell all that is known of a call.
    Show {
        /// The call's id, or how it begins.
        id: String,
    },
    /// What callers left, newest call first.
    Messages,
    /// Who waits to be called back, and how the last call-backs went.
    Back,
    /// Delete a call for good: rows, card, clips, recording, event log.
    Delete {
        /// The call's id, in full.
        id: String,
    },
}

/// `hotline engine-worker`: the worker reads its words itself.
#[derive(Debug, Args)]
pub(crate) struct EngineWorkerArgs {
    /// What the pool says.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

/// `hotline demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The flow.
    #[arg(long, default_value = "flows/parcel.yaml")]
    pub(crate) flow: PathBuf,
    /// The folder with the spoken audio.
    #[arg(long, default_value = "audio-fixtures")]
    pub(crate) fixtures: PathBuf,
    /// An agent's desk in the browser instead, with callers who want a person, until Ctrl-C (`make demo-desk`).
    #[arg(long)]
    pub(crate) desk: bool,
}

fn language(text: &str) -> Result<crate::base::Language, String> {
    crate::base::Language::parse(text).ok_or_else(|| "write a language tag such as en or zh".to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        _ => Err("write NAME=VALUE".to_string()),
    }
}

fn keys(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.chars().all(|c| crate::base::Digit::from_char(c).is_some());
    if good { Ok(text.to_string()) } else { Err("telephone keys are 0-9 * # A-D".to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split('|').map(str::trim))
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn steps_come_in_the_order_given() {
        let line = "hotline|call|sip:100@127.0.0.1|--say|hello|--play|a.wav|--over|300|--say|agent|--dtmf|1#|--wait|500|--play|b.wav|--hangup-after|9";
        let Ok(Cli { command: Command::Call(args), .. }) = parse(line) else { panic!("it parses") };
        let expected = [
            CallStep::Say("hello".into()),
            CallStep::Play("a.wav".into()),
            CallStep::Over(300),
            CallStep::Say("agent".into()),
            CallStep::Dtmf("1#".into()),
            CallStep::Wait(500),
            CallStep::Play("b.wav".into()),
            CallStep::HangUpAfter(9),
        ];
        assert_eq!(args.steps.0, expected);
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in [
            "hotline",
            "hotline|call",
            "hotline|call|sip:a@b|--answer",
            "hotline|call|sip:a@b|--dtmf|x",
            "hotline|call|sip:a@b|--wait|-1",
            "hotline|transcribe",
            "hotline|transcribe|a.wav|--engine|whisper",
            "hotline|check",
            "hotline|match|flow.yaml",
            "hotline|calls|show",
            "hotline|say|hello",
            "hotline|chat|flow.yaml|--env|NAME",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in [
            "hotline|serve",
            "hotline|--json|calls",
            "hotline|calls|show|abcd|--store|run|--json",
            "hotline|call|--answer|--listen|127.0.0.1:5070",
            "hotline|check|--schema",
            "hotline|engine-worker|--engine|pocketsphinx",
            "hotline|transcribe|--refs|index.tsv|--grammar|yes",
            "hotline|bench|turns|--concurrent|10",
            "hotline|bench|media|--calls|20|--seconds|5|--speech|1|--vad|--record",
            "hotline|bench|setup|--per-second|200|--calls|600",
            "hotline|bench|soak|--calls|500|--minutes|0",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
    }
}
