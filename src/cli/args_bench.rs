//! What can be written after `hotline bench`.

use super::args::EngineName;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `hotline bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) what: BenchCommand,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// How long callers wait for answers, measured at the caller's socket.
    Turns {
        /// Calls at one time.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=200))]
        concurrent: u16,
        /// Rounds; in each every caller calls twice.
        #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        rounds: u16,
    },
    /// How long it takes from a request for a person until the phone of an agent rings who is free, measured at the phones.
    Reach {
        /// Calls at one time.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
        concurrent: u16,
        /// Rounds; in each every caller calls once, half of them by key, half by voice.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=900))]
        rounds: u16,
    },
    /// What a call costs: processor, memory and punctuality of the gateway alone, with the far ends in another process.
    Media(BenchMediaArgs),
    /// How many calls a second can begin, beside a server that only answers; and the exact border of the configured limit.
    Setup {
        /// New calls a second.
        #[arg(long, value_name = "N", default_value_t = 150.0, value_parser = rate)]
        per_second: f64,
        /// Calls in all.
        #[arg(long, value_name = "N", default_value_t = 1_500)]
        calls: usize,
    },
    /// What the recogniser hears: real people's recordings in several conditions, as tables; kept in models/RESULTS.md.
    Asr(BenchAsrArgs),
    /// When the listener hears a caller, when it thinks that they are done, and what it takes for a caller that is none.
    Listen {
        /// The folder with real people's recordings, as for `bench asr`.
        #[arg(long, value_name = "DIR", default_value = "../shared/eval")]
        recordings: PathBuf,
        /// Only every so many recordings.
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        every: u16,
        /// Minutes of each background on which nobody speaks.
        #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=600))]
        minutes: u16,
    },
    /// A made-up week through the queue: waits, whether announced waits are kept, what agents bear.
    Queue {
        /// People on the pay-roll.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(10..=2_000))]
        agents: u16,
        /// Calls in all.
        #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=500_000))]
        calls: u32,
        /// Days, from a Monday on.
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=60))]
        days: u16,
        /// Another seed is another week.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
    },
    /// Whether anything grows: many short calls, then many calls for a long time.
    Soak {
        /// Short calls in all.
        #[arg(long, value_name = "N", default_value_t = 20_000)]
        calls: usize,
        /// Short calls a second.
        #[arg(long, value_name = "N", default_value_t = 80.0, value_parser = rate)]
        per_second: f64,
        /// Calls at one time in the second part.
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=2_000))]
        concurrent: u16,
        /// Minutes of the second part; 0 leaves it out.
        #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=80))]
        minutes: u64,
    },
}

/// Something a second.
fn rate(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|r| (0.1..=2_000.0).contains(r)).ok_or_else(|| "write a number from 0.1 to 2000".to_string())
}

/// `hotline bench media`.
#[derive(Debug, Args)]
pub(crate) struct BenchMediaArgs {
    /// Calls at one time.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    calls: u16,
    /// Seconds that are measured.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Share of the time in which the far ends speak, 0 to 1.
    #[arg(long, value_name = "F", default_value_t = 0.4, value_parser = share)]
    speech: f32,
    /// Look for voices on every line.
    #[arg(long)]
    vad: bool,
    /// Record every call.
    #[arg(long)]
    record: bool,
    /// New calls a second.
    #[arg(long, value_name = "N", default_value_t = 40.0, value_parser = rate)]
    per_second: f64,
}

impl From<BenchMediaArgs> for super::bench_media::Asked {
    fn from(a: BenchMediaArgs) -> super::bench_media::Asked {
        let calls = usize::from(a.calls);
        let (speech, per_second) = (a.speech, a.per_second);
        super::bench_media::Asked { calls, seconds: a.seconds, speech, vad: a.vad, record: a.record, per_second }
    }
}

/// `hotline bench asr`.
#[derive(Debug, Args)]
pub(crate) struct BenchAsrArgs {
    /// Which recogniser.
    #[arg(long, value_enum, default_value = "pocketsphinx")]
    engine: EngineName,
    /// The ggml model file for Whisper.
    #[arg(long, value_name = "FILE", required_if_eq("engine", "whisper"))]
    model: Option<PathBuf>,
    /// digits, strings, orders, reject, foreign, intents, person, phantoms, capacity; all if not given.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    sets: Vec<String>,
    /// clean, line, white15, white10, kitchen10, loss3, loss8, band4k, echo20; all if not given.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    conditions: Vec<String>,
    /// The folder with real people's recordings: digits/, commands/, words/ with an index.tsv each, kitchen-noise.wav.
    #[arg(long, value_name = "DIR", default_value = "../shared/eval")]
    recordings: PathBuf,
    /// A table of your own instead, as for `transcribe`.
    #[arg(long, value_name = "TSV")]
    refs: Option<PathBuf>,
    /// What may be said in it, as for `transcribe`.
    #[arg(long, value_name = "PHRASES|@FILE", requires = "refs", conflicts_with = "flow")]
    grammar: Option<String>,
    /// Expect the open question of this flow.
    #[arg(long, value_name = "FLOW", requires = "refs")]
    pub(crate) flow: Option<PathBuf>,
    /// Only every so many utterances.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    every: u16,
    /// Tell each utterance that was not heard as it should be.
    #[arg(long)]
    misses: bool,
    /// Write what was heard of each utterance into this file, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    details: Option<PathBuf>,
    /// Engines at one time; one for Whisper, all cores otherwise if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// The file of results.
    #[arg(long, value_name = "FILE", default_value = "models/RESULTS.md")]
    results: PathBuf,
}

impl BenchAsrArgs {
    /// The same with the flow's example sentences.
    pub(crate) fn asked(self, examples: Option<Vec<String>>) -> super::bench_asr::Asked {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = match (self.jobs, self.engine) {
            (Some(jobs), _) => usize::from(jobs),
            (None, EngineName::Whisper) => 1,
            (None, _) => cores,
        };
        super::bench_asr::Asked {
            engine: self.engine.as_str().to_string(),
            model: self.model,
            sets: self.sets,
            conditions: self.conditions,
            recordings: self.recordings,
            refs: self.refs,
            grammar: self.grammar,
            examples,
            every: usize::from(self.every),
            jobs,
            misses: self.misses,
            details: self.details,
            results: self.results,
        }
    }
}

/// A fraction from 0 to 1.
fn share(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|s| (0.0..=1.0).contains(s)).ok_or_else(|| "write a fraction from 0 to 1, such as 0.4".to_string())
}

/// `hotline bench-load`.
#[derive(Debug, Args)]
pub(crate) struct BenchLoadArgs {
    /// Where the gateway hears SIP over UDP.
    #[arg(long)]
    gateway: SocketAddr,
    /// Calls at one time.
    #[arg(long)]
    calls: usize,
    /// New calls a second.
    #[arg(long, default_value_t = 40.0)]
    per_second: f64,
    /// What the far ends say: raw mu-law, 8 kHz.
    #[arg(long)]
    pub(crate) speech: PathBuf,
    /// Each call is ended after so many milliseconds, and a new one begins in its place.
    #[arg(long)]
    each_ms: Option<u64>,
    /// Calls in all.
    #[arg(long)]
    total: Option<usize>,
}

impl From<BenchLoadArgs> for super::bench_load::Load {
    fn from(a: BenchLoadArgs) -> super::bench_load::Load {
        let total = a.total.unwrap_or(if a.each_ms.is_some() { usize::MAX } else { a.calls });
        let each = a.each_ms.map(std::time::Duration::from_millis);
        super::bench_load::Load { gateway: a.gateway, calls: a.calls, per_second: a.per_second, each, total }
    }
}
