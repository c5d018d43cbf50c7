//! Scripts: YAML to a checked `Flow` to a step-by-step interpreter.

mod action;

pub use action::{
    Accept, Action, Answer, Ask, AskKind, CallFacts, Choice, Escalation, Input, LookUp, LookedUp, MenuOption, OnFailure,
    RecordMode, Say, TakeMessage, Target, TransferMethod,
};
