//! The agents' phones, by plan.

use super::plan::AgentPlan;
use crate::base::{AttemptId, Digit};
use crate::call::{AgentEvent, Event, ReferOutcome};
use crate::flow::Flow;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long agent and caller talk when nobody hangs up before.
const TALK: Duration = Duration::from_secs(8);

#[derive(Debug)]
pub(super) struct Agents {
    /// Target's name by address.
    names: BTreeMap<String, String>,
    plans: BTreeMap<String, Vec<AgentPlan>>,
    /// How often each target was tried.
    tries: BTreeMap<String, usize>,
    /// Legs whose hanging up is planned already.
    hang_up_planned: Vec<AttemptId>,
}

impl Agents {
    pub(super) fn new(flow: &Flow, plans: BTreeMap<String, Vec<AgentPlan>>) -> Agents {
        let names = flow.targets.values().map(|t| (t.sip.clone(), t.name.clone())).collect();
        Agents { names, plans, tries: BTreeMap::new(), hang_up_planned: Vec::new() }
    }

    fn plan(&mut self, to: &str) -> Option<AgentPlan> {
        let name = self.names.get(to)?;
        let plans = self.plans.get(name)?;
        let tries = self.tries.entry(name.clone()).or_insert(0);
        let plan = plans.get(*tries).or(plans.last()).cloned();
        *tries += 1;
        plan
    }

    /// What follows a REFER.
    pub(super) fn refer(&mut self, attempt: AttemptId, to: &str, patience: Duration) -> Vec<(Duration, Event)> {
        let outcome = match self.plan(to) {
            Some(AgentPlan::Refer(outcome)) => outcome,
            None => Some(Ok(())),
            // A plan for a phone call: the far end does not know REFER.
            Some(_) => Some(Err(501)),
        };
        let told = |ms: u64, outcome| (Duration::from_millis(ms), Event::Referred { attempt, outcome });
        match outcome {
            Some(Ok(())) => {
                vec![
                    told(60, ReferOutcome::Accepted),
                    told(400, ReferOutcome::Progress(180)),
                    told(2_000, ReferOutcome::Succeeded),
                ]
            }
            Some(Err(status)) => vec![told(60, ReferOutcome::Accepted), told(500, ReferOutcome::Failed(status))],
            None => {
                let late = (patience, Event::Referred { attempt, outcome: ReferOutcome::Failed(408) });
                vec![told(60, ReferOutcome::Accepted), late]
            }
        }
    }

    /// What follows an INVITE.
    pub(super) fn dial(&mut self, attempt: AttemptId, to: &str, ring: Duration) -> Vec<(Duration, Event)> {
        let ms = Duration::from_millis;
        let usual =
            AgentPlan::Answers { after: ms(2_000), presses_after: Some(ms(2_000)), hangs_up_after: None, breaks: false };
        let plan = self.plan(to).unwrap_or(usual);
        let moves = |after, event| (after, Event::Agent { attempt, event });
        let no_answer = || moves(ring, AgentEvent::Failed { status: 408, contact: None });
        match plan {
            AgentPlan::Answers { after, .. } if after >= ring => vec![moves(ms(200), AgentEvent::Ringing), no_answer()],
            AgentPlan::Answers { after, presses_after, hangs_up_after, breaks } => {
                let mut all = vec![moves(ms(200), AgentEvent::Ringing), moves(after, AgentEvent::Answered)];
                if let (Some(presses), Some(one)) = (presses_after, Digit::from_char('1')) {
                    all.push(moves(after + presses, AgentEvent::Key(one)));
                }
                if let Some(hangs_up) = hangs_up_after {
                    self.hang_up_planned.push(attempt);
                    all.push(moves(after + hangs_up, if breaks { AgentEvent::Lost } else { AgentEvent::HungUp }));
                }
                all
            }
            AgentPlan::Refuses { after, status, contact } => vec![moves(after, AgentEvent::Failed { status, contact })],
            AgentPlan::Rings | AgentPlan::Refer(_) => vec![moves(ms(200), AgentEvent::Ringing), no_answer()],
        }
    }

    /// What follows the INVITE to a person who is called back.
    pub(super) fn person(plan: Option<&AgentPlan>, ring: Duration) -> Vec<(Duration, Event)> {
        match plan {
            Some(AgentPlan::Answers { after, hangs_up_after, .. }) if *after < ring => {
                let gone = hangs_up_after.map(|gone| (*after + gone, Event::CallerHungUp));
                std::iter::once((*after, Event::Answered)).chain(gone).collect()
            }
            Some(AgentPlan::Refuses { after, status, .. }) => vec![(*after, Event::PersonFailed { status: *status })],
            _ => vec![(ring, Event::PersonFailed { status: 408 })],
        }
    }

    /// How a conversation ends that nobody planned the end of.
    pub(super) fn joined(&mut self, attempt: AttemptId) -> Option<(Duration, Event)> {
        let planned = self.hang_up_planned.contains(&attempt);
        (!planned).then_some((TALK, Event::Agent { attempt, event: AgentEvent::HungUp }))
    }
}
