//! Agents' phones that register here: who is away because theirs is not there.

use super::{Keeper, NO_PHONE, REGISTERS, now_since};
use crate::acd::{Event, Presence};
use std::sync::PoisonError;

impl Keeper {
    /// Whose phone registers here, and is not registered.
    pub(super) fn has_no_phone(&self, agent: &str) -> bool {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.phones.get(agent).is_some_and(|phone| phone == REGISTERS) && !self.phones.contains(agent)
    }

    /// Nobody is offered calls whose phone is not there.
    pub(super) fn phones_settle(&mut self) {
        let available: Vec<String> = self
            .acd
            .agent_views(now_since(self.epoch).at)
            .into_iter()
            .filter(|agent| agent.presence == Presence::Available && self.has_no_phone(&agent.name))
            .map(|agent| agent.name)
            .collect();
        for agent in available {
            self.step(Event::Presence { agent, presence: Presence::Away(NO_PHONE.into()) });
        }
    }

    /// A phone came or went. Who was away for that alone is back with it.
    pub(super) fn phone(&mut self, login: &str, there: bool) {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(agent) = people.agent_of(login) else { return };
        if there {
            self.phones.insert(agent.to_string());
        } else {
            self.phones.remove(agent);
        }
        let Some(view) = self.acd.agent_view(now_since(self.epoch).at, agent) else { return };
        let waits = view.presence == Presence::Away(NO_PHONE.into());
        // Without a desk nobody is away for a reason of their own.
        let desk = people.setup.agents.iter().any(|a| a.name == agent && a.returns.is_none());
        let presence = match (there, view.presence) {
            (true, _) if waits => Presence::Available,
            (false, Presence::Available) => Presence::Away(NO_PHONE.into()),
            (false, Presence::Away(_)) if !desk => Presence::Away(NO_PHONE.into()),
            _ => return,
        };
        self.step(Event::Presence { agent: agent.to_string(), presence });
    }

    /// Where an agent is called; nowhere while their phone is not registered.
    pub(super) fn phone_of(&self, agent: &str) -> Option<String> {
        let to = self.people.lock().unwrap_or_else(PoisonError::into_inner).dials(agent);
        to.filter(|_| !self.has_no_phone(agent))
    }
}
