//! What follows a talk with an agent of a queue, where the flow wants it: the agent is done and goes on with their work, the caller is asked
//! something, and the call ends as that node says. Nobody comes to a person by answering badly here, but whoever asks for one gets one.

use super::Command;
use super::ladders::Ladders;
use super::machine::{Call, Now};
use super::state::{Farewell, State};
use crate::base::{Disposition, LegId};
use crate::flow::{Action, Cursor, Phrase};

impl Call {
    /// The agent has ended the talk: what the flow wants asked of the caller, or the end.
    pub(crate) fn agent_ended_the_talk(&mut self, now: &mut Now) {
        let State::Joined { attempt, target, .. } = &self.state else { return };
        let (attempt, to) = (*attempt, target.clone());
        let Some((node, action)) = self.what_follows(now, &to) else {
            let because = self.because();
            return self.end(now, Disposition::Transferred { to, because }, false);
        };
        self.decide(now, "after_talk", format!("the agent at {to} ended the talk; the caller goes on to {node}"));
        now.out.push(Command::HangUp { leg: LegId::Agent(attempt) });
        self.talk_is_over(now, false);
        self.stop_listening(now);
        now.out.push(Command::Comfort(false));
        // Whatever was said and keyed before was meant for the agent, or for an earlier question.
        self.ears.floor = self.ears.newest;
        self.ahead.clear();
        (self.kept, self.left_off, self.on_hold, self.machine) = (None, None, false, false);
        self.said.clear();
        self.ladders = Ladders::new(self.flow.escalation);
        self.idle_steps = 0;
        self.after = Some(to);
        self.perform(now, action);
    }

    fn what_follows(&mut self, now: &Now, target: &str) -> Option<(String, Action)> {
        let node = self.flow.targets.get(target)?.after.clone()?;
        if self.cursor.is_none() {
            // Who is called back has not walked through the script.
            let language = self.language();
            let (mut cursor, _) = Cursor::start(self.flow.clone(), self.facts()?);
            cursor.set_language(language);
            self.cursor = Some(cursor);
        }
        let wall = self.wall(now);
        let action = self.cursor.as_mut()?.go_to(wall, &node)?;
        Some((node, action))
    }

    /// The caller does not answer, or not so that it is understood: they have had what they called for, so that is all.
    pub(crate) fn no_answer_after_talk(&mut self, now: &mut Now, because: &str, why: String) {
        self.decide(now, "after_talk_over", format!("{because}: {why}; good-bye instead of a person"));
        self.hush(now);
        let parts = self.phrase(Phrase::GoodBye);
        self.leave(now, parts, Farewell::Script);
    }

    /// However the caller leaves what follows the talk: they were with the agent.
    pub(crate) fn ending_after_talk(&self, disposition: Disposition) -> Disposition {
        match (&self.after, &disposition) {
            (None, _) | (_, Disposition::MessageTaken { .. } | Disposition::CallBack { .. }) => disposition,
            (Some(to), _) => Disposition::Transferred { to: to.clone(), because: self.because() },
        }
    }
}
