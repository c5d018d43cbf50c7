//! `[emergency]`: what agents' phones may call over every limit.

use super::reader::Section;
use super::values;
use crate::base::Language;
use crate::sip::trunk::Trunk;

/// `[emergency]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencyConfig {
    /// As they are dialled; empty = none.
    pub numbers: Vec<String>,
    /// By which trunk they go; `None` = by none, and the phone hears so.
    pub trunk: Option<String>,
    /// In which agents' phones are told that a call cannot be made, one after the other; at least one.
    pub languages: Vec<Language>,
}

pub(super) fn read_emergency(mut s: Section<'_>, trunks: &[Trunk]) -> EmergencyConfig {
    let config = EmergencyConfig {
        numbers: s.get("numbers", Vec::new(), values::list(values::one_number)),
        trunk: s.get("trunk", None, values::some(values::trunk_name)),
        languages: s.get("languages", vec![Language::EN], values::list(values::language)),
    };
    if let Some(name) = config.trunk.as_ref().filter(|name| trunks.iter().all(|trunk| trunk.name != **name)) {
        s.error("trunk", &format!("there is no trunk {name:?}"), "Add [[trunk]] with this name, or correct it");
    }
    if config.languages.is_empty() {
        s.error("languages", "no language is named", "Write languages = [\"en\"]");
    }
    match (config.numbers.is_empty(), &config.trunk) {
        (false, None) => {
            let what =
                "emergency numbers are named, but no trunk: an agent's phone that dials one is told to use another phone";
            s.warning("numbers", what, "Write trunk = \"…\", the [[trunk]] by which they go");
        }
        (true, Some(_)) => s.warning("trunk", "a trunk is named, but no emergency number", "Write numbers = [\"112\"]"),
        _ => {}
    }
    s.finish();
    config
}
