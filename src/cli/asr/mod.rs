//! What `hotline transcribe` and `hotline bench asr` share: tables of recordings, what is expected, an engine in this very
//! process, and figures.

mod ask;
mod confusions;
mod curves;
mod engine;
mod figures;
mod table;

pub(crate) use ask::Ask;
pub(crate) use confusions::Confusions;
pub(crate) use engine::{Engine, Heard, thread_time};
pub(crate) use figures::{Figures, ORDERS, Outcome};
pub(crate) use table::{Row, Sound, read_table};
