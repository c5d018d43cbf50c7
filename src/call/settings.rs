//! What the shell tells a call before it begins.

use crate::base::{Confidence, Language};
use crate::flow::Incident;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What the shell tells a call before it begins. Random and environment stay outside the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallSettings {
    /// 32 hex digits, random: the key to the hand-over card. Never in a log.
    #[serde(skip)]
    pub card_reference: String,
    /// Languages in which speech can be recognised now. In others every question is spoken with its keys.
    pub ears: Vec<Language>,
    /// Least confidence of a hypothesis; below it is a misunderstanding.
    pub confidence_min: Confidence,
    /// The flow file's folder, for relative audio files.
    pub base_dir: PathBuf,
    /// After a REFER succeeded: how long to wait for the far end's BYE before we send ours.
    pub refer_grace: Duration,
    /// What operators tell callers about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// Longest call, talking with an agent included. Then we hang up.
    pub longest: Duration,
    /// What the caller says to an agent of a queue is recognised, too, and shown at the desk.
    #[serde(default)]
    pub transcript: bool,
    /// And what the agent says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transcript_agents: bool,
}

impl Default for CallSettings {
    fn default() -> CallSettings {
        CallSettings {
            card_reference: "0".repeat(32),
            ears: vec![Language::EN],
            confidence_min: Confidence::new(0.3),
            base_dir: PathBuf::new(),
            refer_grace: Duration::from_secs(2),
            incident: None,
            longest: Duration::from_secs(4 * 3600),
            transcript: false,
            transcript_agents: false,
        }
    }
}
