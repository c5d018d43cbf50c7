//! Queues and agents as the configuration has them, and where each agent is called.

use crate::acd::{AgentSetup, QueueSetup, Setup};
use crate::base::Pii;
use crate::call::BROWSER;
use crate::server::softphones::PHONE;
use crate::sip::{Accounts, REGISTERED};
use std::collections::BTreeMap;

/// Queues and agents of a configuration, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct People {
    /// For the queue machine.
    pub setup: Setup,
    /// Where each agent is called: a SIP URI, `trunk:…`, `tel:…`, `browser` for the page of their desk, or `registered` for a phone
    /// that registers here.
    pub phones: BTreeMap<String, String>,
    /// What phones that register here log in with, by agent.
    pub logins: BTreeMap<String, PhoneLogin>,
}

/// What an agent's phone proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneLogin {
    /// The user of its address.
    pub login: String,
    /// Its password.
    pub password: Pii<String>,
}

/// In `[[agent]]`: the phone registers here.
pub(in crate::server) const REGISTERS: &str = "registered";
/// Why an agent is away whose phone has not registered.
pub const NO_PHONE: &str = "no_phone";

impl People {
    /// With one phone for each agent.
    pub fn new(queues: Vec<QueueSetup>, agents: Vec<(AgentSetup, String)>) -> People {
        let phones = agents.iter().map(|(agent, phone)| (agent.name.clone(), phone.clone())).collect();
        People {
            setup: Setup::new(queues, agents.into_iter().map(|(agent, _)| agent).collect()),
            phones,
            logins: BTreeMap::new(),
        }
    }

    /// For signalling: who may register.
    pub fn accounts(&self) -> Accounts {
        Accounts(self.logins.values().map(|l| (l.login.clone(), l.password.reveal().clone())).collect())
    }

    /// Whose phone logs in so.
    pub(super) fn agent_of(&self, login: &str) -> Option<&str> {
        self.logins.iter().find(|(_, l)| l.login == login).map(|(agent, _)| agent.as_str())
    }

    /// What is dialled for an agent.
    pub(super) fn dials(&self, agent: &str) -> Option<String> {
        let phone = self.phones.get(agent)?;
        Some(match phone.as_str() {
            PHONE => format!("{BROWSER}{agent}"),
            REGISTERS => format!("{REGISTERED}{}", self.logins.get(agent)?.login),
            other => other.to_string(),
        })
    }

    /// Whether there is a queue of this name.
    pub fn has_queue(&self, name: &str) -> bool {
        self.setup.queues.iter().any(|queue| queue.name == name)
    }
}
