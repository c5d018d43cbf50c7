//! Scripts: YAML to a checked `Flow` to a step-by-step interpreter.

mod action;
mod answers;
mod ask;
mod bundle;
mod compile;
mod compile_node;
mod compile_people;
mod compile_special;
mod compile_trade;
mod condition;
mod contents;
mod cursor;
mod cursor_answers;
mod cursor_special;
mod document;
mod document_forms;
mod edit;
mod finding;
mod graph;
mod guide;
mod load;
mod model;
mod phrases;
mod read;
mod read_values;
mod rules;
mod rules_known;
mod rules_map;
mod schema;
mod slot_kinds;
mod spoken;
mod template;
mod yaml;

pub use action::{
    Accept, Action, Answer, Ask, AskKind, CallFacts, Choice, Escalation, Incident, Input, LookUp, LookedUp, MenuOption,
    OnFailure, RecordMode, Say, SignWeights, TakeMessage, Target, Task, TaskKind, Tier, TransferMethod,
};
pub use bundle::{bundle, parts, place};
pub use compile::PLACEHOLDER;
pub use cursor::Cursor;
pub use edit::{NewExample, with_examples};
pub use finding::{Finding, Severity, placed};
pub use graph::{dot, mermaid};
pub use load::{Checked, has_errors, placeholder_env};
pub use model::{
    CallerTurn, EmergencyWay, Flow, FlowTest, Intent, PersonWay, Retention, SlotKind, TestEnd, Validity, ValueRule,
};
pub use phrases::Phrase;
pub use schema::schema;

#[cfg(test)]
mod special_tests;
#[cfg(test)]
mod tests;
