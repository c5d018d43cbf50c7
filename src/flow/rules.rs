//! Rules about the whole conversation: what a caller can reach, what a person can reach, what never ends.

use super::finding::Report;
use super::model::Flow;

/// Checks everything that needs the whole flow.
pub(crate) fn check(_flow: &Flow, _report: &mut Report) {}
